"""Take from this process all that a stranger could use: files, network, processes, signals, rights."""

from __future__ import annotations

import ctypes
import os
import resource
from collections.abc import Sequence
from pathlib import Path

from warpgen.process import LIBC
from warpgen.verification.jail import landlock, seccomp

# Bytes of address space above what the process has mapped.
MEMORY = 3 << 30

_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS, _PR_CAPBSET_DROP = 4, 38, 24
_CAPABILITIES, _CAPSET, _VERSION_3 = 64, 126, 0x20080522


def missing() -> list[str]:
    """What this machine lacks of the jail, in words; nothing where it is whole."""
    lacks = []
    if not seccomp.available():
        lacks.append("seccomp (system calls are not filtered)")
    if not landlock.version():
        lacks.append("Landlock (files are kept by permissions alone)")
    return lacks


def lock(
    seconds: float,
    memory: int = MEMORY,
    readable: Sequence[Path] = (),
    writable: Sequence[Path] = (),
    keep: Sequence[int] = (),
) -> None:
    """Lock this process up for good: `seconds` of CPU time, no descriptor but those kept.

    Without folders it can open nothing at all; with them, it may read or write there: for a compiler. What
    the machine lacks (`missing`) is left out.
    """
    files = bool(readable or writable)
    LIBC.clearenv()
    os.environ.clear()
    _close_all(keep)
    _limit(seconds, memory, files)
    _drop_privileges()
    if landlock.version():
        landlock.restrict(readable, writable)
    if seccomp.available():
        seccomp.forbid(files)


def _close_all(keep: Sequence[int]) -> None:
    start = 0
    for kept in sorted(keep):
        os.closerange(start, kept)
        start = kept + 1
    os.closerange(start, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def _limit(seconds: float, memory: int, files: bool) -> None:
    with open("/proc/self/statm", encoding="ascii") as file:
        mapped = int(file.read().split()[0]) * resource.getpagesize()
    whole = max(1, int(seconds) + 1)
    for what, most in (
        (resource.RLIMIT_CPU, whole + 1),
        (resource.RLIMIT_AS, mapped + memory),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
        (resource.RLIMIT_FSIZE, 256 << 20 if files else 0),
    ):
        hard = resource.getrlimit(what)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most, most))
    # A second before the end a signal says which limit it was: the end itself is that of any killed process.
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (min(whole, hard), hard))


def _drop_privileges() -> None:
    """No capabilities, none to be had again, and nobody may look into this process."""
    LIBC.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for capability in range(_CAPABILITIES):
        LIBC.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    header, none = (ctypes.c_uint32 * 2)(_VERSION_3, 0), (ctypes.c_uint32 * 6)()
    if LIBC.syscall(ctypes.c_long(_CAPSET), header, none) != 0:
        raise OSError(ctypes.get_errno(), "capabilities are not dropped")
