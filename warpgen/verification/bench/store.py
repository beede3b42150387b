"""What rows cost, kept for the next process: compiled references, and what they make of inputs.

A folder of bounded size, whose files are named for what they follow from; what was asked for longest ago goes
first. Nobody else may write there, for what is in it is believed.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import xxhash

from warpgen.errors import UsageError

T = TypeVar("T")

# To be raised when an entry of the same key means something else.
_VERSION = 9

MOST_BYTES = 1 << 30
# An entry that is longer costs more to read than it saves.
_LONGEST = 16 << 20
# So many are written between looks at the size of all.
_BETWEEN = 64


class Store:
    """Entries by what they follow from. Processes may share one; whatever is damaged is not there."""

    def __init__(self, folder: Path, most: int = MOST_BYTES) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        state = folder.lstat()
        if state.st_uid != os.getuid() or state.st_mode & 0o022:
            raise UsageError(f"others may write to {folder}: name a folder that is yours alone")
        self._folder, self._most, self._written = folder, most, 0

    def get(self, key: Any, kind: type[T]) -> T | None:
        """The entry of a key, None where there is none that is whole."""
        path = self._path(key)
        with contextlib.suppress(OSError, msgspec.MsgspecError, UnicodeDecodeError, ValueError):
            data = path.read_bytes()
            if xxhash.xxh3_128_digest(data[16:]) == data[:16]:
                os.utime(path)
                return msgspec.msgpack.decode(data[16:], type=kind)
        return None

    def put(self, key: Any, entry: Any) -> None:
        """Keep an entry, unless it is long. A disk that is full keeps none."""
        data = msgspec.msgpack.encode(entry)
        if len(data) > _LONGEST:
            return
        path = self._path(key)
        temporary = path.with_name(f"{secrets.token_hex(8)}.tmp")
        with contextlib.suppress(OSError):
            try:
                temporary.write_bytes(xxhash.xxh3_128_digest(data) + data)
                temporary.rename(path)
            finally:
                temporary.unlink(missing_ok=True)
        self._written += 1
        if self._written % _BETWEEN == 1:
            self._prune()

    def _path(self, key: Any) -> Path:
        return self._folder / xxhash.xxh3_128_hexdigest(msgspec.msgpack.encode((_VERSION, key)))

    def _prune(self) -> None:
        """Take away what was asked for longest ago, down to three quarters, where there is too much."""
        entries = []
        for path in self._folder.iterdir():
            with contextlib.suppress(OSError):
                state = path.stat()
                entries.append((state.st_mtime_ns, state.st_size, path))
        size = sum(entry[1] for entry in entries)
        if size <= self._most:
            return
        for _, taken, path in sorted(entries):
            if size <= self._most * 3 // 4:
                return
            path.unlink(missing_ok=True)
            size -= taken
