"""One coordinator per root: a lock that the kernel drops when its holder dies, however it dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from warpgen.errors import RootError


@contextlib.contextmanager
def locked(path: Path) -> Iterator[int]:
    """Hold the lock file at `path` and remove it at the end.

    Gives its descriptor, which a forked child must close, or it would hold on after its parent. Raises
    RootError when another process holds it.
    """
    descriptor = acquire(path)
    try:
        yield descriptor
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def acquire(path: Path) -> int:
    """The descriptor of the lock file, which this process then holds. Raises RootError."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise RootError(
                "another warpgen run is at work in this root: wait for it, stop it, or choose another --root"
            ) from None
        except OSError as error:
            os.close(descriptor)
            raise RootError(f"the root cannot be locked ({error.strerror}): choose another --root") from error
        if _is_same(descriptor, path):
            return descriptor
        os.close(descriptor)  # the holder before us removed the file between our open and our lock


def _is_same(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False
