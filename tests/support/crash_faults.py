"""Faults, and the places in a run where they can come: planted in a session's process before it begins.

A place is a function of the product that a session looks up by name, wrapped here; the product has no branch
for tests. A fault comes once in the whole session, in the process that gets there first.
"""

from __future__ import annotations

import ctypes
import errno
import importlib
import mmap
import os
import resource
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import msgspec

Process = Literal["coordinator", "worker"]

# place -> the functions that are there. A worker gets to the first group, the coordinator to the second.
WORKER_PLACES = {
    "unit": ("tests.support.imaginary.shard_of",),
    "shard write": ("warpgen.production.work.worker.store",),
    "shard sync": ("warpgen.durable.sync",),
    "shard rename": ("warpgen.durable.rename",),
}
WARP_PLACES = {
    "synthesis": ("warpgen.production.work.rows.synthesize",),
    "code generation": ("warpgen.production.work.rows.lower",),
    "compiler clang": ("warpgen.verification.compiling.compiler.Compiler.to_object",),
    "compiler nvrtc": ("warpgen.verification.compiling.compiler.Compiler.to_cuda",),
    "execution": ("warpgen.verification.running.execute.Executable.run",),
}
COORDINATOR_PLACES = {
    "lock": ("warpgen.production.state.lock.acquire",),
    "start": ("warpgen.production.state.recovery.begin", "warpgen.production.state.recovery.recover"),
    "sync": ("warpgen.durable.sync",),
    "rename": ("warpgen.durable.rename",),
    "folder sync": ("warpgen.durable.sync_folder",),
    "journal append": ("warpgen.production.state.journal.Journal.append",),
    "merge": ("warpgen.production.state.merge.Merge.add",),
    "checkpoint": ("warpgen.production.state.merge.Merge.checkpoint",),
    "manifest": ("warpgen.production.session.write_manifest",),
    "state": ("warpgen.reporting.state.StateFile.write",),
    "report": ("warpgen.production.session.write_report",),
    "end": ("warpgen.production.session.clear",),
}
PLACES = {**WORKER_PLACES, **WARP_PLACES, **COORDINATOR_PLACES}


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """What comes the `nth` time that the process of this kind gets to `where`, before or `after` it."""

    where: str
    how: str
    process: Process = "coordinator"
    nth: int = 1
    after: bool = False


def plant(fault: Fault, marker: Path) -> None:
    """Wrap the place; `marker` is a file that does not exist yet and will once the fault has come."""
    coordinator = os.getpid()
    calls = [0]
    synced: dict[str, int] = {}  # how much of each file was brought to the disk

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **more: Any) -> Any:
            if (os.getpid() == coordinator) != (fault.process == "coordinator"):
                return original(*args, **more)
            calls[0] += 1
            due = calls[0] >= fault.nth and _first(marker)
            if due and not fault.after:
                _act(fault.how, args, synced)
            result = original(*args, **more)
            if fault.where.endswith("sync") and isinstance(args[0], int):
                synced[_name(args[0])] = os.fstat(args[0]).st_size
            if due and fault.after:
                _act(fault.how, args, synced)
            return result

        return wrapped

    for target in PLACES[fault.where]:
        holder, name = _holder(target)
        setattr(holder, name, wrap(getattr(holder, name)))


def _holder(target: str) -> tuple[Any, str]:
    path, _, name = target.rpartition(".")
    try:
        return importlib.import_module(path), name
    except ModuleNotFoundError:  # a method
        module, _, kind = path.rpartition(".")
        return getattr(importlib.import_module(module), kind), name


def _first(marker: Path) -> bool:
    try:
        os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


class Odd(Exception):
    """An error that cannot be pickled."""

    def __reduce__(self) -> str:
        raise TypeError("not to be pickled")


def _act(how: str, args: tuple[Any, ...], synced: dict[str, int]) -> None:
    if how == "tear":
        _tear(args, synced)
    elif how in SIGNALS:
        _signal(SIGNALS[how])
    elif how in ERRORS:
        raise OSError(ERRORS[how], os.strerror(ERRORS[how]))
    else:
        _OTHERS[how]()


SIGNALS = {
    "SIGKILL": signal.SIGKILL,
    "SIGTERM": signal.SIGTERM,
    "SIGINT": signal.SIGINT,
    "SIGHUP": signal.SIGHUP,
    "SIGQUIT": signal.SIGQUIT,
    "SIGSTOP": signal.SIGSTOP,
    "SIGABRT": signal.SIGABRT,
}

ERRORS = {
    "disk full": errno.ENOSPC,
    "quota": errno.EDQUOT,
    "input/output error": errno.EIO,
    "read-only": errno.EROFS,
    "too many files": errno.EMFILE,
    "permission": errno.EACCES,
}


def _signal(number: int) -> None:
    os.kill(os.getpid(), number)


def _segfault() -> None:
    ctypes.string_at(0)


def _overflow() -> None:
    """Take memory until there is none within the limit, which stays: as in a container that is too small."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * mmap.PAGESIZE + (8 << 20), hard))
    held = []
    while True:
        held.append(bytearray(1 << 20))


def _limit_files(size: int) -> None:
    """From here on no file of this process may grow beyond so many bytes, as with a quota."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))


def _odd() -> None:
    raise Odd("an error that cannot be pickled")


def _leave() -> None:
    raise SystemExit(5)


def _clock_back() -> None:
    """The wall clock of this process goes back by ten years, for all that asks it by Python."""
    import datetime
    import time

    real, shift = time.time, 10 * 365 * 86400

    class Earlier(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Earlier:
            return super().now(tz) - datetime.timedelta(seconds=shift)

    class Day(datetime.date):
        @classmethod
        def today(cls) -> Day:
            return cls.fromtimestamp(real() - shift)

    time.time = lambda: real() - shift
    setattr(datetime, "datetime", Earlier)  # noqa: B010  (mypy does not let a type be assigned)
    setattr(datetime, "date", Day)  # noqa: B010


def _spin() -> None:
    while True:
        pass


def _wait() -> None:
    threading.Event().wait()


def _tear(args: tuple[Any, ...], synced: dict[str, int]) -> None:
    """Lose half of what was written to the file since it was last synced, then all power."""
    descriptor = args[0]
    if not os.path.isdir(_name(descriptor)):
        size, safe = os.fstat(descriptor).st_size, synced.get(_name(descriptor), 0)
        if size > safe:
            os.truncate(_name(descriptor), safe + (size - safe) // 2)
    _signal(signal.SIGKILL)


def _name(descriptor: int) -> str:
    return os.readlink(f"/proc/self/fd/{descriptor}")


_OTHERS: dict[str, Callable[[], None]] = {
    "segfault": _segfault,
    "exit": lambda: os._exit(3),
    "exit by Python": _leave,
    "odd exception": _odd,
    "out of memory": _overflow,
    "limit of 64 kB a file": lambda: _limit_files(64 << 10),
    "limit of 64 bytes a file": lambda: _limit_files(64),
    "clock set back": _clock_back,
    "endless loop": _spin,
    "deadlock": _wait,
    "parent killed": lambda: os.kill(os.getppid(), signal.SIGKILL),
}
