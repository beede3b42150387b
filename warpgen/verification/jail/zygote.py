"""A process that knows Warp and its compiler and nothing else: it forks a child for each task.

It reads nothing of a task itself: the child opens the file that holds it, and is locked up before it looks at
what a stranger wrote. So no child finds in its memory what another was given.
"""

from __future__ import annotations

import gc
import mmap
import os
import select
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import msgspec

from warpgen.process import die_with_parent
from warpgen.record import Target
from warpgen.verification.jail import confine
from warpgen.verification.jail.job import AREA, Build, Built, Clean, Lower, Run, Shape

if TYPE_CHECKING:
    from warpgen.verification.jail.building import Builder, DeviceBuilder

# Orders of no task: to answer, which it does once it is warm; to compile what Warp needs to make volumes; to
# make a machine for CUDA.
READY, VOLUMES, CUDA = "ready", "volumes", "cuda"

# The status of a child whose threads of CUDA came to no end.
STUCK = 65


class Order(msgspec.Struct, frozen=True):
    """A task: its kind, the file that holds it, the file for what comes of it, seconds of wall time."""

    kind: str
    given: str
    area: str
    folder: str
    seconds: float


class Ended(msgspec.Struct, frozen=True):
    """How the child ended: its wait status, whether its time was up, seconds of processor time."""

    status: int
    late: bool
    cpu: float


class Known:
    """What children inherit: a compiler of C++, and one of CUDA once it is asked for."""

    def __init__(self, cpu: Builder) -> None:
        self.cpu = cpu
        self.device: DeviceBuilder | None = None

    @property
    def cuda(self) -> DeviceBuilder:
        """The compiler of CUDA, with its machine."""
        assert self.device is not None
        return self.device

    def builder(self, target: Target) -> Builder | DeviceBuilder:
        """The compiler of a target."""
        return self.cpu if target == "cpu" else self.cuda


def begin(folder: Path) -> Callable[[bytes], bytes]:
    """Make ready, with files in `folder`; gives what carries out an order, both in msgpack."""
    from warpgen.extraction import fast_path, warp_api
    from warpgen.verification.jail import form, launching  # noqa: F401  (children find them imported)
    from warpgen.verification.jail.building import Builder, DeviceBuilder
    from warpgen.verification.jail.lowering import rehearse

    warp_api.start(folder / "kernels")
    fast_path.install()
    known = Known(Builder(folder / "builder"))
    rehearse()
    gc.disable()  # a child ends before it were of use, and collecting goes over all that it has
    gc.freeze()

    def answer(question: bytes) -> bytes:
        order = msgspec.msgpack.decode(question, type=Order)
        if order.kind == VOLUMES:
            _rehearse_volumes()
        elif order.kind == CUDA:
            known.device = DeviceBuilder(folder / "device", known.cpu.watch)
            gc.freeze()
        if order.kind in _TASKS:
            return msgspec.msgpack.encode(_carried_out(order, known))
        return msgspec.msgpack.encode(Ended(0, False, 0.0))

    return answer


def _rehearse_volumes() -> None:
    """Make a volume of each type of values: Warp compiles kernels of its own for the first of each."""
    from warpgen.launch import Fill
    from warpgen.verification.running import scene
    from warpgen.verification.running.streams import Stream

    for kind in ("float32", "vec3f", "int32", "index"):
        scene.make(Fill("volume", "volume", (2, 2, 2), -1.0, 1.0, 0.5, kind), Stream("volume"), None)
    gc.freeze()


def _carried_out(order: Order, known: Known) -> Ended:
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        _child(order, known, parent)
    watched = os.pidfd_open(child)
    try:
        poll = select.poll()
        poll.register(watched, select.POLLIN)
        late = not poll.poll(max(0.0, order.seconds) * 1000)
    finally:
        os.close(watched)
        if late:  # stopped or not
            os.kill(child, signal.SIGKILL)
        _, status, used = os.wait4(child, 0)
    return Ended(status, late, used.ru_utime + used.ru_stime)


def _child(order: Order, known: Known, parent: int) -> NoReturn:
    code = 1
    try:
        die_with_parent(parent)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        given = Path(order.given).read_bytes()
        with open(order.area, "r+b") as file:
            area = mmap.mmap(file.fileno(), AREA)
        code = _TASKS[order.kind](given, area, Path(order.folder), known)
    finally:
        os._exit(code)


def _shape(given: bytes, area: mmap.mmap, folder: Path, known: Known) -> int:
    from warpgen.verification.jail.form import shaped

    job = msgspec.msgpack.decode(given, type=Shape)
    confine.lock(job.seconds)
    return _leave(area, msgspec.msgpack.encode(shaped(job)))


def _clean(given: bytes, area: mmap.mmap, folder: Path, known: Known) -> int:
    from warpgen.verification.jail.form import clean

    job = msgspec.msgpack.decode(given, type=Clean)
    confine.lock(job.seconds)
    return _leave(area, msgspec.msgpack.encode(clean(job)))


def _lower(given: bytes, area: mmap.mmap, folder: Path, known: Known) -> int:
    from warpgen.verification.jail.lowering import lowered

    job = msgspec.msgpack.decode(given, type=Lower)
    confine.lock(job.seconds)
    return _leave(area, msgspec.msgpack.encode(lowered(job)))


def _build(given: bytes, area: mmap.mmap, folder: Path, known: Known) -> int:
    from warpgen.verification.jail.building import link

    job = msgspec.msgpack.decode(given, type=Build)
    builder = known.builder(job.target)
    os.dup2(os.open(folder / "said", os.O_CREAT | os.O_WRONLY, 0o600), 2)
    os.dup2(os.open(os.devnull, os.O_RDWR), 1)
    os.chdir(folder)
    link(builder.headers, folder / "headers")
    confine.lock(job.seconds, readable=builder.readable, writable=[folder], keep=(1, 2))
    try:
        made = Built(builder.build(job, folder))
    except ValueError as error:
        made = Built(why=str(error))
    return _leave(area, msgspec.msgpack.encode(made))


def _run(given: bytes, area: mmap.mmap, folder: Path, known: Known) -> int:
    from warpgen.verification.device.machine import Stuck
    from warpgen.verification.jail.kernels import CpuKernel, CudaKernel
    from warpgen.verification.jail.launching import Launcher

    job = msgspec.msgpack.decode(given, type=Run)
    kernel = CpuKernel(job, known.cpu) if job.target == "cpu" else CudaKernel(job, known.cuda)
    launcher = Launcher(job, kernel, area)
    confine.lock(min(job.seconds, job.cpu))
    try:
        launcher.run()
    except Stuck:
        return STUCK
    return 0


_TASKS: dict[str, Callable[[bytes, mmap.mmap, Path, Known], int]] = {
    "shape": _shape,
    "clean": _clean,
    "lower": _lower,
    "build": _build,
    "run": _run,
}


def _leave(area: mmap.mmap, data: bytes) -> int:
    area[:8] = len(data).to_bytes(8, "little")
    area[8 : 8 + len(data)] = data
    return 0
