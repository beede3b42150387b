"""Writing so that a power cut leaves the old file or the new one, never a part of one.

All syncs and renames of the program go through here, so that their failures can be tried in one place.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from warpgen.store import Appender, Remote, RemoteLog


def write(path: Path | Remote, data: bytes) -> None:
    """Put `data` at `path`: temporary name, sync, rename, sync of the folder; one put in an object store.

    Raises OSError.
    """
    if isinstance(path, Remote):
        path.write(data)
        return
    temporary = path.with_name(path.name + ".tmp")
    try:
        with open(temporary, "wb", opener=_opener) as file:
            file.write(data)
            file.flush()
            sync(file.fileno())
        rename(temporary, path)
    except BaseException:  # also a signal's
        temporary.unlink(missing_ok=True)
        raise


def append_to(path: Path, buffering: int) -> BinaryIO:
    """The file at `path`, made where there is none, to be appended to. Raises OSError."""
    return open(path, "ab", buffering=buffering, opener=_opener)


def begin(path: Path) -> BinaryIO:
    """A new file at `path`, in place of what is there, to be written, synced and renamed. Raises OSError."""
    return open(path, "wb", opener=_opener)


def _opener(path: str, flags: int) -> int:
    # No link is followed, or a root made by somebody else could have us write anywhere; nobody but the
    # owner may write, whatever the umask says.
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)


def make_folder(path: Path, mode: int = 0o755) -> None:
    """Make the folder, of that mode, and what lacks above it.

    A power cut does not take the names away again. Nobody but the owner may write in any of them, whatever
    the umask says.
    """
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=mode if folder == path else 0o755, exist_ok=True)
    for folder in missing or [path]:
        sync_folder(folder.parent)


def rename(source: Path, target: Path) -> None:
    """Rename within a folder and sync the folder, without which the new name may be lost."""
    os.replace(source, target)
    sync_folder(target.parent)


class Log:
    """A file that is appended to. Raises OSError."""

    def __init__(self, path: Path) -> None:
        self._file = append_to(path, buffering=0)

    def append(self, record: bytes) -> None:
        """Return when the record is on disk."""
        rest = memoryview(record)
        while rest:  # on a disk that is nearly full a part may be written, and no error told
            rest = rest[self._file.write(rest) :]
        sync(self._file.fileno())

    def close(self) -> None:
        """Close the file; all in it was synced."""
        self._file.close()


def log(path: Path | RemoteLog) -> Log | Appender:
    """Open a log, of this machine or of an object store, to append to."""
    return Log(path) if isinstance(path, Path) else path.appender()


def remove(path: Path | Remote) -> None:
    """Take a file away for good."""
    path.unlink()
    if isinstance(path, Path):
        sync_folder(path.parent)


def sync(descriptor: int) -> None:
    """Return only when the file's bytes are on the disk."""
    os.fsync(descriptor)


def sync_tree(folder: Path) -> None:
    """Return only when all that lies under the folder is on the disk."""
    for path in folder.rglob("*"):
        sync_folder(path)  # a file is synced by the same two calls
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Return only when the folder's names are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)
