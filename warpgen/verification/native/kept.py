"""What compilers make of Warp's headers alone: made once for a user and kept, as Warp keeps its kernels.

A precompiled header holds for the very files that it was made of, by their names and times. So these stand
in a folder that is named for all that they depend on, and stay as they are: of processes that begin at once,
each fills a folder of its own, and the first becomes that of all.
"""

from __future__ import annotations

import contextlib
import filecmp
import functools
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import xxhash

from warpgen import durable, places
from warpgen.verification.native import warp_native

_MADE = "made"  # the folder of what processes made, beside the files that it was made of
_LASTS = 30 * 86400.0  # seconds; what nobody asked for in so long goes


class Kept:
    """A folder that processes share, in the user's cache; in `own`, a process's, where there can be none."""

    def __init__(self, kind: str, depends: Iterable[str], own: Path, fill: Callable[[Path], None]) -> None:
        """`fill` puts files into the folder that it is given, which follow from `depends` alone."""
        parts = (warp_native.FLAGS, _headers(warp_native.WARP_FOLDER), *depends)
        name = f"{kind}-{xxhash.xxh3_64_hexdigest(chr(0).join(parts).encode(errors='surrogateescape'))}"
        try:
            self._settle(_private(places.cache().absolute() / "headers") / name, fill)
        except (OSError, RuntimeError, ValueError):  # no home, one that others may write to, a full disk
            self._settle(own.absolute() / "kept" / name, fill)

    def _settle(self, folder: Path, fill: Callable[[Path], None]) -> None:
        str(folder).encode()  # compilers take no name that is not UTF-8
        self.folder = folder
        if not folder.exists():
            folder.parent.mkdir(parents=True, exist_ok=True)
            self._fill(fill)
            _forget(folder)
        with contextlib.suppress(OSError):
            os.utime(folder)

    def _fill(self, fill: Callable[[Path], None]) -> None:
        with tempfile.TemporaryDirectory(prefix="new-", dir=self.folder.parent) as new:
            fill(Path(new))
            (Path(new) / _MADE).mkdir()
            try:
                os.rename(new, self.folder)
            except OSError:
                if not self.folder.exists():  # then another process was not faster
                    raise

    def secret(self, what: str) -> Path:
        """The header that `fill` gave a secret name."""
        (path,) = self.folder.glob(f"{what}-*.h")
        return path

    def lend(self, own: Path) -> None:
        """Copy what is kept into a process's own folder: clang removes a header that failed it."""
        for path in (self.folder / _MADE).iterdir():
            with contextlib.suppress(FileNotFoundError):  # another process has just found it damaged
                shutil.copyfile(path, own / path.name)

    def keep(self, *files: Path) -> None:
        """Keep files that a process has made, if the disk has room; never a part of one."""
        for file in files:
            kept = self.folder / _MADE / file.name
            if not kept.exists() or not filecmp.cmp(file, kept, shallow=False):  # that one was damaged
                with contextlib.suppress(OSError), tempfile.TemporaryDirectory(dir=self.folder) as new:
                    copy = Path(shutil.copyfile(file, Path(new) / file.name))
                    durable.sync_folder(copy)
                    os.replace(copy, kept)

    def forget(self) -> None:
        """Keep nothing of what processes made: it cannot be used."""
        for path in (self.folder / _MADE).iterdir():
            path.unlink(missing_ok=True)


def secret(what: str) -> str:
    """A name for a header that goes before all others: clang looks for it in the current folder first."""
    return f"{what}-{secrets.token_hex(8)}.h"


def _private(folder: Path) -> Path:
    """The folder, made where it is not. Raises OSError where others may write to it: what is in it is run."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    state = folder.lstat()
    if state.st_uid != os.getuid() or state.st_mode & 0o022 or not os.access(folder, os.W_OK):
        raise PermissionError(f"{folder} is not this user's alone")
    return folder


def _forget(folder: Path) -> None:
    """Remove what was made for other headers and settings and is long out of use, or was never finished."""
    kind = folder.name.rpartition("-")[0]
    for old in (*folder.parent.glob(f"{kind}-*"), *folder.parent.glob("new-*")):
        with contextlib.suppress(OSError):
            if time.time() - old.stat().st_mtime > _LASTS:
                shutil.rmtree(old)


@functools.cache
def _headers(warp: str) -> str:
    """Warp's headers as they are on this machine: clang takes none that changed since."""
    states = ((path, path.stat()) for path in sorted((Path(warp) / "native").rglob("*.h")))
    return "\n".join(f"{path} {state.st_size} {state.st_mtime_ns}" for path, state in states)
