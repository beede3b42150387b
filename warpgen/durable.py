"""Writing so that a power cut leaves the old file or the new one, never a part of one.

All syncs and renames of the program go through here, so that their failures can be tried in one place.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO


def write(path: Path, data: bytes) -> None:
    """Put `data` at `path`: temporary name, sync, rename, sync of the folder. Raises OSError."""
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


def _opener(path: str, flags: int) -> int:
    # No link is followed, or a root made by somebody else could have us write anywhere; nobody but the
    # owner may write, whatever the umask says.
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)


def make_folder(path: Path) -> None:
    """Make the folder and what lacks above it, so that a power cut does not take the names away again."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(mode=0o755, parents=True, exist_ok=True)
    for folder in missing or [path]:
        sync_folder(folder.parent)


def rename(source: Path, target: Path) -> None:
    """Rename within a folder and sync the folder, without which the new name may be lost."""
    os.replace(source, target)
    sync_folder(target.parent)


def sync(descriptor: int) -> None:
    """Return only when the file's bytes are on the disk."""
    os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Return only when the folder's names are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)
