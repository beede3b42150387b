"""What a child process owes its parent: to die with it, to keep off its terminal, to say how it ended."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
LIBC = ctypes.CDLL(None, use_errno=True)  # once, as a class is made at each call
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # what asks a command to end


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when `parent` (its process id) dies, however it dies.

    Linux only; elsewhere a child notices at its next read from the parent's pipe.
    """
    if sys.platform != "linux":
        return
    LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the kernel knew
        os._exit(1)


@contextlib.contextmanager
def signals_held() -> Iterator[None]:
    """What belongs together: no signal to stop comes in between.

    A fork, or the child, which still has our handler, might run it too; and a child or a folder that is made
    and not yet noted would be left over.
    """
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def begin_child(parent: int, descriptors: Sequence[int] = ()) -> None:
    """What a child that was forked under `signals_held` does first.

    It dies with its parent, leaves Ctrl-C and the end of the terminal to it, and closes the descriptors that
    are the parent's alone.
    """
    die_with_parent(parent)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
    for descriptor in descriptors:
        os.close(descriptor)


def kill_group(pid: int) -> None:
    """Kill a child that is not reaped yet, and what it started, if it leads a group."""
    for end in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError):
            end(pid, signal.SIGKILL)


def cause(code: int) -> str:
    """How a process ended, by its exit code as subprocess has it."""
    return f"left with exit code {code}" if code >= 0 else f"was killed by {signal.Signals(-code).name}"


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
