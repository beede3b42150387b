"""Folders for the time of a command: gone at its end, also when a signal brings that about."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from warpgen import durable
from warpgen.process import signals_held

_TRIES, _PAUSE = 50, 0.1  # seconds: killed processes of many gigabytes take a moment to be gone


@contextlib.contextmanager
def folder(prefix: str, within: Path | None = None) -> Iterator[Path]:
    """A new folder, `within` another or among the temporary ones. Raises OSError."""
    made = None
    try:
        with signals_held():
            made = Path(tempfile.mkdtemp(prefix=prefix, dir=within)).absolute()
        yield made
    finally:
        if made is not None:
            remove(made)


def remove(path: Path) -> None:
    """Take the folder away, and again while processes that were just killed still write into it."""
    for _ in range(_TRIES):
        shutil.rmtree(path, ignore_errors=True)
        if not path.exists():
            return
        time.sleep(_PAUSE)


@contextlib.contextmanager
def kept_if_used(*paths: Path) -> Iterator[None]:
    """Make the folders and what lacks above them.

    Those that are empty in the end, as those of a command that was refused, go again. Raises OSError.
    """
    made: list[Path] = []
    try:
        for path in paths:
            with signals_held():
                made += reversed([step for step in (path, *path.parents) if not step.exists()])
                durable.make_folder(path)
        yield
    finally:
        for path in reversed(made):
            with contextlib.suppress(OSError):
                path.rmdir()
