"""Where commands are pointed at: a folder of this machine, or an address in an object store.

What is only read in a store is fetched into a folder of this machine, which goes when it was read.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from warpgen import command, scratch, store
from warpgen.errors import RootError
from warpgen.store import Remote

_FETCHED = "read-"  # what the names of such folders begin with
_YOUNG = 60.0  # seconds in which its maker has locked such a folder


def root(text: str) -> Path | str:
    """A folder, or the address of a place in an object store, for argparse's `type`."""
    scheme, found, rest = text.partition("://")
    if not found:
        return command.folder(text)
    return command.folder(rest) if scheme == "file" else text


def local(text: str) -> Path:
    """A file or folder of this machine, for argparse's `type`."""
    place = root(text)
    if isinstance(place, str):
        raise argparse.ArgumentTypeError(f"{text} is in an object store: name a place on this machine")
    return place


def at(place: Path | str) -> Path | Remote:
    """What is there, for looks that fetch nothing. Raises UsageError when its store cannot be used at all."""
    if isinstance(place, Path):
        return place
    store.check(place)
    return Remote(place)


def cache() -> Path:
    """The folder for what this machine keeps of roots in stores."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "warpgen"


@contextlib.contextmanager
def looking_at(place: Path | Remote) -> Iterator[None]:
    """Raises RootError when a store does not answer."""
    try:
        yield
    except OSError as error:
        if isinstance(place, Path):
            raise
        raise RootError(
            f"{place} cannot be read ({error.strerror or error}): put that right, then call again"
        ) from error


@contextlib.contextmanager
def at_hand(place: Path | Remote, names: Sequence[str]) -> Iterator[Path]:
    """The place itself or, of one in a store, a folder with those of its files that have these names.

    Raises RootError when they cannot be fetched.
    """
    if isinstance(place, Path):
        yield place
        return
    with contextlib.ExitStack() as stack:
        with looking_at(place):
            folder = stack.enter_context(own_folder())
            _fetch(place, names, folder)
        yield folder


@contextlib.contextmanager
def file_at_hand(place: Path | Remote) -> Iterator[Path]:
    """The same of one file."""
    if isinstance(place, Path):
        yield place
        return
    with at_hand(place.parent, [place.name]) as folder:
        yield folder / place.name


def _fetch(place: Remote, names: Sequence[str], folder: Path) -> None:
    sizes: dict[str, int] = {}
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            sizes[name] = (place / name).stat().st_size
    needed, free = sum(sizes.values()), shutil.disk_usage(folder).free
    if needed > free:
        raise RootError(
            f"{needed / 2**20:.0f} MiB of {place} are to be fetched and {cache()} has {free / 2**20:.0f} MiB "
            "free: free some, or name another folder by XDG_CACHE_HOME"
        )
    print(f"warpgen: fetching {needed / 2**20:.1f} MiB of {place}", file=sys.stderr)
    for name, size in sizes.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        (place / name).download(path, size)


@contextlib.contextmanager
def own_folder() -> Iterator[Path]:
    """A folder in the cache that goes at the end, or with the next one when its process was killed before."""
    cache().mkdir(parents=True, exist_ok=True)
    with scratch.folder(_FETCHED, cache()) as made:
        descriptor = os.open(made, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)  # a kernel drops the locks of the dead
            _sweep()
            yield made
        finally:
            os.close(descriptor)


def _sweep() -> None:
    for path in cache().glob(f"{_FETCHED}*"):
        with contextlib.suppress(OSError):  # somebody's who is at work, or just gone
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if time.time() - os.fstat(descriptor).st_mtime > _YOUNG:
                    shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(descriptor)
