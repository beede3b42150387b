"""Writing so that a power cut leaves the old file or the new one, never a part of one.

All syncs and renames of the program go through here, so that their failures can be tried in one place.
"""

from __future__ import annotations

import os
from pathlib import Path


def write(path: Path, data: bytes) -> None:
    """Put `data` at `path`: temporary name, sync, rename, sync of the folder. Raises OSError."""
    temporary = path.with_name(path.name + ".tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            sync(file.fileno())
        rename(temporary, path)
    except BaseException:  # also a signal's
        temporary.unlink(missing_ok=True)
        raise


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
