"""A root in an object store: a folder of this machine for what grows, and one holder at a time."""

from __future__ import annotations

import contextlib
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import xxhash

from warpgen import durable, places, store
from warpgen.errors import RootError
from warpgen.paths import manifest_path
from warpgen.production.state.layout import Layout
from warpgen.record import TARGETS
from warpgen.reporting.state import NAME
from warpgen.store import Remote


def layout_of(root: Path | str) -> Layout:
    """The layout of a folder or of an address such as s3://bucket/prefix. Raises UsageError."""
    if isinstance(root, Path):
        return Layout(root)
    address = root.rstrip("/")
    store.check(address)
    return Layout(places.cache() / xxhash.xxh3_64_hexdigest(address.encode()), address)


@contextlib.contextmanager
def mirrored(layout: Layout) -> Iterator[None]:
    """Hold a root in a store, with what is small of it at hand here.

    The folder of this machine goes when no unfinished run is left. Raises RootError when another process
    holds the root, and OSError.
    """
    lock = Remote(f"{layout.address}/data/lock")
    _take(lock)
    try:
        for path in (layout.root / NAME, *(manifest_path(layout.root, target) for target in TARGETS)):
            there = Remote(f"{layout.address}/{path.relative_to(layout.root).as_posix()}")
            path.unlink(missing_ok=True)
            if there.exists():
                durable.write(path, there.read_bytes())
        yield
    finally:
        with contextlib.suppress(OSError):  # not to be told of in place of what ended us
            if not layout.journal_at.exists():
                shutil.rmtree(layout.root, ignore_errors=True)
        with contextlib.suppress(OSError):  # it names us: we may take it again
            lock.unlink(missing_ok=True)


def _take(lock: Remote) -> None:
    """A kernel drops the locks of the dead, a store does not.

    The lock of a process that was on this machine and is gone is taken over, others are for a person to
    judge.
    """
    own = psutil.Process()
    mine = f"{socket.gethostname()} {own.pid} {own.create_time()}"
    while not lock.create(mine.encode()):
        theirs = lock.read_bytes().decode(errors="replace")
        host, pid, created = [*theirs.split(), "", "", ""][:3]
        if host != socket.gethostname() or _lives(pid, created):
            raise RootError(
                f"another warpgen run is at work in this root ({theirs[:100]!r}): wait for it, or, if that "
                f"machine is gone, remove {lock}"
            )
        lock.unlink(missing_ok=True)


def _lives(pid: str, created: str) -> bool:
    try:
        return str(psutil.Process(int(pid)).create_time()) == created
    except (psutil.NoSuchProcess, ValueError):
        return False
