"""Files in an object store, by the few methods of pathlib.Path that production uses on shards and journal.

A put is whole or not at all, as a rename is. Any fsspec address will do: s3://bucket/prefix, gs://..., abfs://...
Credentials and endpoints come from where the store's own tools take them.
"""

from __future__ import annotations

import errno
import functools
import io
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

from warpgen.errors import UsageError

_T = TypeVar("_T")

# On top of what fsspec does itself: with one request in twenty failing, one in 10^8 operations does.
_TRIES = 6
_PAUSE = 0.2  # seconds before the second try, doubled each time

# Bytes of an object that is read whole: a journal of 2^20 shards has 120 MB, a shard 0.3. More would be
# somebody's who wants to fill the memory.
LARGEST = 256 << 20

_BLOCK = 16 << 20  # bytes fetched at once: the round trip does not show

_SEGMENT = 1000  # records of a log in one object; each append writes it anew, up to 100 kB


class Remote:
    """One object of a store, or all that begin with its address and a slash. All methods raise OSError."""

    def __init__(self, address: str, size: int = 0) -> None:
        self.address = address.rstrip("/")
        self._size = size

    def __truediv__(self, name: str) -> Remote:
        return Remote(f"{self.address}/{name}")

    def __str__(self) -> str:
        return self.address

    @property
    def name(self) -> str:
        """The last part of the address."""
        return self.address.rpartition("/")[2]

    @property
    def parent(self) -> Remote:
        """The folder that it is in."""
        return Remote(self.address.rpartition("/")[0])

    def exists(self) -> bool:
        """Whether there is anything at the address."""
        return bool(_patiently(lambda fs, path: fs.exists(path), self.address))

    def is_file(self) -> bool:
        """Whether there is an object at the address."""
        try:  # fsspec's own `isfile` takes a store that does not answer for one that says no
            return bool(_patiently(lambda fs, path: fs.info(path)["type"] == "file", self.address))
        except FileNotFoundError:
            return False

    def stat(self) -> SimpleNamespace:
        """`st_size`, of one that `iterdir` gave as it was then."""
        size = self._size or _patiently(lambda fs, path: fs.info(path)["size"], self.address)
        return SimpleNamespace(st_size=int(size))

    def iterdir(self) -> Iterator[Remote]:
        """What is in this folder; nothing where there is none."""
        try:
            entries = _patiently(lambda fs, path: list(fs.ls(path, detail=True)), self.address)
        except FileNotFoundError:
            return
        for entry in entries:
            yield Remote(f"{self.address}/{entry['name'].rpartition('/')[2]}", entry.get("size") or 0)

    def open(self, mode: str) -> io.BytesIO:
        """All of it, for reading."""
        return io.BytesIO(self.read_bytes())

    def read_bytes(self) -> bytes:
        """All of it; OSError when that is more than the program ever writes."""
        self._check(self.stat().st_size)
        return bytes(_patiently(lambda fs, path: fs.cat_file(path), self.address))

    def _check(self, size: int) -> None:
        if size > LARGEST:
            raise OSError(errno.EFBIG, f"{self.address} has {size} bytes, more than warpgen ever writes")

    def write(self, data: bytes) -> None:
        """Put it, whole or not at all."""
        _patiently(lambda fs, path: fs.pipe_file(path, data), self.address)

    def create(self, data: bytes) -> bool:
        """Put it if there is none yet, where the store can tell; False when there is another's."""
        try:
            _patiently(lambda fs, path: fs.pipe_file(path, data, mode="create"), self.address)
        except FileExistsError:
            return self.read_bytes() == data  # a try whose answer was lost may have been ours
        return True

    def upload(self, path: Path) -> None:
        """Put a file of this machine, in parts where it is large; it appears when all of it is there."""
        _patiently(lambda fs, there: fs.put_file(str(path), there), self.address)

    def download(self, path: Path, size: int) -> None:
        """Write it, of this size, to a file of this machine: block by block, each tried again by itself."""
        with path.open("wb") as file:
            for start in range(0, size, _BLOCK):
                end = min(start + _BLOCK, size)
                file.write(_patiently(_part(start, end), self.address))

    def unlink(self, missing_ok: bool = False) -> None:
        """Remove the object."""
        try:
            _patiently(lambda fs, path: fs.rm_file(path), self.address)
        except FileNotFoundError:
            if not missing_ok:
                raise

    def mkdir(self, parents: bool = False, exist_ok: bool = False) -> None:
        """Stores have no folders."""


def _part(start: int, end: int) -> Callable[[Any, str], bytes]:
    def fetch(fs: Any, path: str) -> bytes:
        data = bytes(fs.cat_file(path, start=start, end=end))
        if len(data) != end - start:
            raise OSError(f"{len(data)} bytes came of {end - start}")
        return data

    return fetch


class RemoteLog(Remote):
    """A log: one object, and beside it segments, each of one writer, that hold what was appended since."""

    def read_bytes(self) -> bytes:
        """All segments, one after the other."""
        segments = self._segments()
        self._check(sum(segment.stat().st_size for segment in segments))
        return b"".join([super().read_bytes(), *(segment.read_bytes() for segment in segments)])

    def write(self, data: bytes) -> None:
        """In place of all that it held. What was appended goes last: a crash before repeats some of it."""
        old = list(self._segments())
        super().write(data)
        for segment in old:
            segment.unlink(missing_ok=True)

    def unlink(self, missing_ok: bool = False) -> None:
        """Remove it with its segments."""
        super().unlink(missing_ok)
        for segment in self._segments():
            segment.unlink(missing_ok=True)

    def appender(self) -> Appender:
        """What writes on at its end."""
        return Appender(self.address)

    def _segments(self) -> list[Remote]:
        found = [entry for entry in self.parent.iterdir() if entry.name.startswith(f"{self.name}.")]
        return sorted(found, key=lambda entry: entry.name)


class Appender:
    """Appends to a log of a store: the segment in hand is put anew with each record."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._writer = f"{time.time_ns():020d}-{os.getpid()}"  # orders sessions; no two write one segment
        self._number = 0
        self._records: list[bytes] = []

    def append(self, record: bytes) -> None:
        """Return when it is in the store."""
        self._records.append(record)
        Remote(f"{self._address}.{self._writer}.{self._number:06d}").write(b"".join(self._records))
        if len(self._records) == _SEGMENT:
            self._number += 1
            self._records.clear()

    def close(self) -> None:
        """Nothing is held."""


def check(address: str) -> None:
    """Raise UsageError when the store of this address cannot be used from here at all."""
    try:
        _filesystem(address, os.getpid())
    except ImportError as error:
        raise UsageError(
            f"a root at {address} needs a package that is not installed ({error}): for s3:// run "
            "`python -m pip install 'fsspec>=2025.9' 's3fs>=2025.9'`"
        ) from None
    except Exception as error:  # what fsspec's many stores raise for an odd address has no common base
        raise UsageError(f"the root {address} cannot be used: {error}") from error


@functools.lru_cache(maxsize=16)
def _filesystem(address: str, process: int) -> tuple[Any, str]:
    """Of one process: connections and threads do not live through a fork."""
    try:
        import fsspec
    except ImportError:
        raise ImportError("fsspec") from None
    # Others write to the store too, so no listing may be remembered.
    filesystem, path = fsspec.core.url_to_fs(address, use_listings_cache=False)
    return filesystem, str(path)


def _patiently(act: Callable[[Any, str], _T], address: str) -> _T:
    """What `act` gives for the file system and the path; tried again when the store fails."""
    scheme, _, path = address.partition("://")
    filesystem, _ = _filesystem(f"{scheme}://{path.partition('/')[0]}", os.getpid())
    for left in reversed(range(_TRIES)):
        try:
            return act(filesystem, path)
        except (FileNotFoundError, FileExistsError, PermissionError):
            raise
        except Exception as error:  # stores' packages raise much that is no OSError
            if not left:
                raise error if isinstance(error, OSError) else OSError(f"{address}: {error}") from error
            time.sleep(_PAUSE * 2 ** (_TRIES - 1 - left))
    raise AssertionError
