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
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import msgspec

from warpgen.process import die_with_parent
from warpgen.verification.jail import confine
from warpgen.verification.jail.job import AREA, Build, Built, Clean, Lower, Run, Shape

# Orders of no task: to answer, which it does once it is warm; to compile what Warp needs to make volumes.
READY, VOLUMES = "ready", "volumes"


class Order(msgspec.Struct, frozen=True):
    """A task: its kind, the file that holds it, the file for what comes of it, seconds of wall time."""

    kind: str
    given: str
    area: str
    folder: str
    seconds: float


class Ended(msgspec.Struct, frozen=True):
    """How the child ended: its wait status, whether its time was up, wall seconds."""

    status: int
    late: bool
    seconds: float


def begin(folder: Path) -> Callable[[bytes], bytes]:
    """Make ready, with files in `folder`; gives what carries out an order, both in msgpack."""
    from warpgen.extraction import warp_api
    from warpgen.verification.jail import form, launching  # noqa: F401  (children find them imported)
    from warpgen.verification.jail.building import Builder
    from warpgen.verification.jail.lowering import rehearse

    warp_api.start(folder / "kernels")
    builder = Builder(folder / "builder")
    rehearse()
    gc.freeze()

    def answer(question: bytes) -> bytes:
        order = msgspec.msgpack.decode(question, type=Order)
        if order.kind in (READY, VOLUMES):
            if order.kind == VOLUMES:
                _rehearse_volumes()
            return msgspec.msgpack.encode(Ended(0, False, 0.0))
        return msgspec.msgpack.encode(_carried_out(order, builder))

    return answer


def _rehearse_volumes() -> None:
    """Make a volume of each type of values: Warp compiles kernels of its own for the first of each."""
    from warpgen.launch import Fill
    from warpgen.verification.running import scene
    from warpgen.verification.running.streams import Stream

    for kind in ("float32", "vec3f", "int32", "index"):
        scene.make(Fill("volume", "volume", (2, 2, 2), -1.0, 1.0, 0.5, kind), Stream("volume"), None)
    gc.freeze()


def _carried_out(order: Order, builder: object) -> Ended:
    start = time.monotonic()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        _child(order, builder, parent)
    watched = os.pidfd_open(child)
    try:
        poll = select.poll()
        poll.register(watched, select.POLLIN)
        late = not poll.poll(max(0.0, order.seconds) * 1000)
    finally:
        os.close(watched)
        if late:  # stopped or not
            os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
    return Ended(status, late, time.monotonic() - start)


def _child(order: Order, builder: object, parent: int) -> NoReturn:
    code = 1
    try:
        die_with_parent(parent)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        given = Path(order.given).read_bytes()
        with open(order.area, "r+b") as file:
            area = mmap.mmap(file.fileno(), AREA)
        _TASKS[order.kind](given, area, Path(order.folder), builder)
        code = 0
    finally:
        os._exit(code)


def _shape(given: bytes, area: mmap.mmap, folder: Path, builder: object) -> None:
    from warpgen.verification.jail.form import shaped

    job = msgspec.msgpack.decode(given, type=Shape)
    confine.lock(job.seconds)
    _leave(area, msgspec.msgpack.encode(shaped(job)))


def _clean(given: bytes, area: mmap.mmap, folder: Path, builder: object) -> None:
    from warpgen.verification.jail.form import clean

    job = msgspec.msgpack.decode(given, type=Clean)
    confine.lock(job.seconds)
    _leave(area, msgspec.msgpack.encode(clean(job)))


def _lower(given: bytes, area: mmap.mmap, folder: Path, builder: object) -> None:
    from warpgen.verification.jail.lowering import lowered

    job = msgspec.msgpack.decode(given, type=Lower)
    confine.lock(job.seconds)
    _leave(area, msgspec.msgpack.encode(lowered(job)))


def _build(given: bytes, area: mmap.mmap, folder: Path, builder: object) -> None:
    from warpgen.verification.jail.building import Builder
    from warpgen.verification.native.warp_native import WARP_FOLDER

    assert isinstance(builder, Builder)
    job = msgspec.msgpack.decode(given, type=Build)
    os.dup2(os.open(folder / "said", os.O_CREAT | os.O_WRONLY, 0o600), 2)
    os.dup2(os.open(os.devnull, os.O_RDWR), 1)
    os.chdir(folder)
    links = folder / "headers"
    builder.link(links)
    readable = [Path(WARP_FOLDER) / "native", builder.headers]
    confine.lock(job.seconds, readable=readable, writable=[folder], keep=(1, 2))
    try:
        made = Built(builder.build(job.text, folder))
    except ValueError as error:
        made = Built(why=str(error))
    _leave(area, msgspec.msgpack.encode(made))


def _run(given: bytes, area: mmap.mmap, folder: Path, builder: object) -> None:
    from warpgen.verification.jail.building import Builder, Kernel
    from warpgen.verification.jail.launching import Launcher

    assert isinstance(builder, Builder)
    job = msgspec.msgpack.decode(given, type=Run)
    kernel = Kernel(job.object, builder)
    launcher = Launcher(job, kernel.object, builder.watch, area)
    confine.lock(job.seconds)
    launcher.run()


_TASKS: dict[str, Callable[[bytes, mmap.mmap, Path, object], None]] = {
    "shape": _shape,
    "clean": _clean,
    "lower": _lower,
    "build": _build,
    "run": _run,
}


def _leave(area: mmap.mmap, data: bytes) -> None:
    area[:8] = len(data).to_bytes(8, "little")
    area[8 : 8 + len(data)] = data
