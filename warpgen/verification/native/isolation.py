"""Run untrusted native code in forked children, so that whatever it does costs itself alone.

A child writes the index it is at into shared memory and its results into a pipe. When it dies, the
index names the culprit and a new child goes on behind it.
"""

from __future__ import annotations

import ctypes
import errno
import faulthandler
import gc
import mmap
import os
import resource
import select
import signal
import struct
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from warpgen.errors import UnitError
from warpgen.process import STOPS, signals_held
from warpgen.reasons import Reason
from warpgen.scratch import folder

# CPU seconds, not wall-clock: a verdict must not depend on how busy the machine is, nor on how fast. The
# slowest program of a dataset takes 2 to 5, so only one that hangs comes near.
ITEM_SECONDS = 30.0
# A sleeping child uses no CPU time; this many wall-clock seconds asleep, without a new item, end it.
SILENT_SECONDS = 120.0
# Bytes of address space a child may take above what its parent has mapped.
MEMORY = 3 << 30

# Seconds between looks at a child that says nothing.
_LOOK = 1.0

# Errors that no program can bring about: they end the unit, and must not become a verdict.
_MACHINES_FAULT = frozenset(
    (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE)
)
_MACHINE = "machine"

_PR_SET_PDEATHSIG = 1
_SIGNALS = {
    signal.SIGSEGV: Reason.SEGFAULT,
    signal.SIGBUS: Reason.SEGFAULT,
    signal.SIGILL: Reason.TRAP,
    signal.SIGTRAP: Reason.TRAP,
    signal.SIGABRT: Reason.ABORT,
    signal.SIGFPE: Reason.DIVISION,
    signal.SIGPROF: Reason.TIMEOUT,
    signal.SIGXCPU: Reason.TIMEOUT,
}

_libc = ctypes.CDLL(None, use_errno=True)


Note = Callable[[str], None]
Task = Callable[[int, Note], Any]

_WIDTH = 32  # bytes of the stage that a task notes


class Died(msgspec.Struct, frozen=True):
    """Why an item has no result: `reason` is a word for the counts, `error` the first line said about it."""

    reason: Reason
    error: str = ""


_LOST = Died(Reason.LOST)


def isolated(
    count: int,
    task: Task,
    *,
    seconds: float | None = None,
    memory: int = MEMORY,
    silent: float = SILENT_SECONDS,
    before: Callable[[], None] | None = None,
) -> list[Any | Died]:
    """`task(i, note)` for i in 0 .. count-1 in child processes; results are plain data (msgpack).

    A task may `note` the stage it is at, which then stands before the error if it dies. An item whose
    child dies, or whose task raises, yields `Died`; the items behind it run all the same.
    An item may take `seconds` of processor time (ITEM_SECONDS). `before` runs once in every new child.
    Raises OSError when the machine is at fault (disk full).
    """
    _check_limit(memory)
    limits = (ITEM_SECONDS if seconds is None else seconds, memory, silent)
    results: list[Any | Died] = [_LOST] * count
    at = 0
    with mmap.mmap(-1, 8 + _WIDTH) as progress:
        while at < count:
            at = _one_child(range(at, count), task, results, progress, limits, before)
    return results


def _one_child(
    items: range,
    task: Task,
    results: list[Any | Died],
    progress: mmap.mmap,
    limits: tuple[float, int, float],
    before: Callable[[], None] | None,
) -> int:
    """Run items in one child until it ends; returns the first item that the next child must take."""
    _mark(progress, items.start)
    sys.stdout.flush()
    sys.stderr.flush()
    # A child ends without tidying up: what it leaves, as Warp's headers, goes with its own folder.
    with tempfile.TemporaryFile() as said, folder("child-") as place:
        read_end, write_end = os.pipe()
        parent, child = os.getpid(), 0
        try:
            with signals_held():
                child = os.fork()
                if child == 0:
                    os.close(read_end)
                    _child(items, task, write_end, progress, limits, before, said.fileno(), place, parent)
            os.close(write_end)
            silent = _collect(read_end, child, results, limits[2])
        finally:
            os.close(read_end)
            if child:
                if _alive(child):
                    os.kill(child, signal.SIGKILL)
                status = os.waitpid(child, 0)[1]
        if not silent and status == 0 and results[items[-1]] != _LOST:  # a kernel may end its child at ease
            return items.stop
        culprit: int = struct.unpack("<q", progress[:8])[0]
        stage = progress[8:].rstrip(b"\0").decode(errors="replace")
        said.seek(0)
        text = said.read(1 << 16).decode(errors="replace")
        died = Died(Reason.TIMEOUT, "no progress") if silent else _cause(status, text)
        results[culprit] = Died(died.reason, f"{stage}: {died.error}" if stage else died.error)
        return culprit + 1


def more_time(seconds: float) -> None:
    """Give the item at hand this many CPU seconds from now on: to be called by its task."""
    signal.setitimer(signal.ITIMER_PROF, seconds)


def _mark(progress: mmap.mmap, index: int, stage: str = "") -> None:
    progress[:] = struct.pack("<q", index) + stage.encode()[:_WIDTH].ljust(_WIDTH, b"\0")


def _alive(child: int) -> bool:
    """Whether the child still runs or is yet to be waited for with a live body."""
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None


def _collect(pipe: int, child: int, results: list[Any | Died], silent: float) -> bool:
    """Store results as they come; True if the child slept and said nothing for `silent` seconds.

    They are counted in looks that this process lived to take: if all of a run was stopped for an hour, or
    the child alone, that is no silence of the program's; nor is it if others have the processor.
    """
    buffer = bytearray()
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    look = min(_LOOK, silent)
    quiet = 0.0
    while quiet < silent:
        if not poll.poll(look * 1000):
            quiet += look if _sleeps(child) else 0.0
            continue
        quiet = 0.0
        chunk = os.read(pipe, 1 << 16)
        if not chunk:
            return False
        buffer += chunk
        for message in _messages(buffer):
            index, reason, value = msgspec.msgpack.decode(message)
            if reason == _MACHINE:
                raise OSError(value, os.strerror(value))
            results[index] = Died(Reason(reason), value) if reason else value
    return True


def _sleeps(child: int) -> bool:
    """Whether all its threads wait for something: what runs, or would in its turn, has other limits."""
    try:
        lines = [place.read_text() for place in Path(f"/proc/{child}/task").glob("*/stat")]
    except OSError:
        return False  # a thread that has just ended
    return not {line.rpartition(")")[2].split()[0] for line in lines} & set("RDTt")


def _messages(buffer: bytearray) -> Iterator[bytes]:
    """Take whole messages, each behind its length in 8 bytes, out of the front of the buffer."""
    while len(buffer) >= 8:
        end = 8 + int.from_bytes(buffer[:8], "little")
        if len(buffer) < end:
            return
        yield bytes(buffer[8:end])
        del buffer[:end]


def _child(
    items: Sequence[int],
    task: Task,
    pipe: int,
    progress: mmap.mmap,
    limits: tuple[float, int, float],
    before: Callable[[], None] | None,
    said: int,
    place: Path,
    parent: int,
) -> NoReturn:
    code = 1
    try:
        _confine(limits[1], said, parent)
        os.environ["TMPDIR"] = tempfile.tempdir = str(place)
        if before is not None:
            before()
        for index in items:
            _mark(progress, index)
            signal.setitimer(signal.ITIMER_PROF, limits[0])
            _send(pipe, _attempt(index, task, progress))
        signal.setitimer(signal.ITIMER_PROF, 0)
        code = 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _attempt(index: int, task: Task, progress: mmap.mmap) -> tuple[int, str, Any]:
    try:
        return (index, "", task(index, lambda stage: _mark(progress, index, stage)))
    except MemoryError:
        gc.collect()
        return (index, Reason.MEMORY, "MemoryError")
    except OSError as error:
        if error.errno in _MACHINES_FAULT:
            return (index, _MACHINE, error.errno)
        return (index, Reason.ERROR, _line(error))
    except Exception as error:
        return (index, Reason.ERROR, _line(error))


def _line(error: Exception) -> str:
    line = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {line}"[:200]


def _send(pipe: int, message: Any) -> None:
    data = msgspec.msgpack.encode(message)
    view = memoryview(len(data).to_bytes(8, "little") + data)
    while view:
        view = view[os.write(pipe, view) :]


def _confine(memory: int, said: int, parent: int) -> None:
    """Die with the parent, speak into `said`, leave no core, take no more memory than allowed."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # the parent died before the line above
        os._exit(1)
    faulthandler.disable()  # where it is on, as under pytest, it would tell of every death meant to happen
    gc.freeze()
    # What asks a whole process group to end is the parent's to decide: it would look like a bad kernel here.
    for number in STOPS:
        signal.signal(number, signal.SIG_IGN)
    for number in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (_mapped() + memory, resource.getrlimit(resource.RLIMIT_AS)[1]))
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.dup2(said, 2)


def _check_limit(memory: int) -> None:
    """A verdict must not depend on how much memory the caller's shell allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if 0 <= hard < _mapped() + memory:
        raise OSError(
            errno.ENOMEM, "the limit on address space (ulimit -v) is too low for the checks: raise it"
        )


def _mapped() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[0]) * mmap.PAGESIZE


def _cause(status: int, text: str) -> Died:
    """A word and a line for how a child ended."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        asserted = next((line for line in text.splitlines() if line.startswith("Assertion failed")), "")
        if asserted:
            return Died(Reason.BOUNDS, asserted[:200])
        if number == signal.SIGKILL:  # nothing a kernel does: the machine ran short, or somebody ended it
            raise UnitError("a verification child was killed from outside; try the unit again")
        word = _SIGNALS.get(signal.Signals(number), Reason.SIGNAL)
        return Died(word, signal.Signals(number).name)
    lines = [line for line in text.splitlines() if line.strip()]
    return Died(
        Reason.MEMORY if "bad_alloc" in text or "MemoryError" in text else Reason.EXIT,
        lines[-1][:200] if lines else "",
    )
