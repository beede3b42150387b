"""Child processes: work done in some side by side, and what each owes its parent: to die with it, and to
keep off its terminal."""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import pickle
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>

_LEAST_PATIENCE = 10.0  # seconds that a child may take longer than twice the time of its parent's own part


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when `parent` (its process id) dies, however it dies.

    Linux only; elsewhere a child notices at its next read from the parent's pipe.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the kernel knew
        os._exit(1)


@contextlib.contextmanager
def output_to(log: Path) -> Iterator[None]:
    """Send whatever this process and its C libraries print to `log`, in place of what it held.

    Warp and its compilers write to the descriptors themselves, past `sys.stdout`.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        os.dup2(file, 1)
        os.dup2(file, 2)
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for descriptor, copy in zip((1, 2), saved, strict=True):
            os.dup2(copy, descriptor)
            os.close(copy)
        os.close(file)


def side_by_side(work: Callable[[T], R], things: Sequence[T], descriptors: Sequence[int] = ()) -> list[R]:
    """What `work` makes of each thing: the first here, each other in a forked process meanwhile.

    `descriptors` are those a child must not keep open. What a child does not tell, because it was halted or
    ended from outside or `work` raised there, is worked out here; `work` never makes None.
    """
    context = multiprocessing.get_context("fork")
    children = []
    try:
        for thing in things[1:]:
            ours, theirs = context.Pipe(duplex=False)
            child = context.Process(
                target=_tell, args=(work, thing, theirs, descriptors, os.getpid()), daemon=True
            )
            # A signal to stop must reach our handler, not a child that still has it too.
            blocked = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
            try:
                child.start()
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
            theirs.close()
            children.append((child, ours))
        begun = time.monotonic()
        results = [work(thing) for thing in things[:1]]
        patience = _LEAST_PATIENCE + 2 * (time.monotonic() - begun)
        for thing, (_, ours) in zip(things[1:], children, strict=True):
            try:
                told = ours.recv() if ours.poll(patience) else None
            except (EOFError, OSError, pickle.UnpicklingError):
                told = None
            results.append(work(thing) if told is None else told)
        return results
    finally:
        for child, ours in children:
            child.kill()
            child.join()
            ours.close()


def _tell(
    work: Callable[[T], R], thing: T, connection: Connection, descriptors: Sequence[int], parent: int
) -> None:
    """The life of a child of `side_by_side`."""
    try:
        die_with_parent(parent)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent alone
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGTERM))
        for descriptor in descriptors:
            os.close(descriptor)
        connection.send(work(thing))
    finally:
        os._exit(0)  # past the exit handlers of libraries; an error comes again in the parent, and is told
