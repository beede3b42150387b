"""The judge's side of the jail: hands tasks to the process that forks for them, and reads what they leave."""

from __future__ import annotations

import mmap
import os
import signal
import struct
from pathlib import Path
from typing import IO, Any, TypeVar

import msgspec

from warpgen import scratch
from warpgen.errors import WarpgenError
from warpgen.helper import Helper
from warpgen.verification.jail.job import (
    AREA,
    HEADER,
    PHASES,
    SAID_AT,
    Build,
    Built,
    Clean,
    Lower,
    Lowered,
    Run,
    Shape,
    Shaped,
)
from warpgen.verification.jail.zygote import CUDA, READY, STUCK, VOLUMES, Ended, Order

# Seconds that a locked-up process's parent may take beyond the task's own.
_GRACE = 10.0
# Seconds in which a jailer must be warm, however busy the machine is.
_WARM_SECONDS = 600.0
# An environment that says nothing: what stood in ours is in nobody's memory there.
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"}

_Made = TypeVar("_Made", Shaped, Lowered, Built)


class Broken(msgspec.Struct, frozen=True):
    """Why a task left nothing: `stage` is `crash` or `timeout`."""

    stage: str
    why: str


class Left(msgspec.Struct, frozen=True):
    """What a kernel's launches left: the area, the draw and the phase that it was at, how it ended.

    `cpu` is what they took, in seconds of processor time.
    """

    area: mmap.mmap
    draw: int
    phase: str
    broken: Broken | None
    cpu: float


class Cell:
    """One jailer process, started when first needed and anew where it was lost."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._helper: Helper | None = None
        self._volumes = self._cuda = False

    def ready(self) -> None:
        """Start the jailer, and wait until it is warm: that is nobody's time."""
        if self._helper is None:
            self._helper = Helper(
                "warpgen.verification.jail.zygote",
                "the process that locks kernels up",
                environment=_ENVIRONMENT,
            )
            self._tell(READY)

    def end(self) -> None:
        """Kill the jailer, and with it what it locked up."""
        if self._helper is not None:
            self._helper.end()
        self._helper, self._volumes, self._cuda = None, False, False

    def shape(self, job: Shape) -> Shaped | Broken:
        """Read Python."""
        return self._made("shape", job, Shaped)

    def clean(self, job: Clean) -> Shaped | Broken:
        """Read C++ or CUDA."""
        return self._made("clean", job, Shaped)

    def lower(self, job: Lower) -> Lowered | Broken:
        """Generate C++."""
        return self._made("lower", job, Lowered)

    def build(self, job: Build) -> Built | Broken:
        """Compile."""
        if job.target == "cuda":
            self.know_cuda()
        return self._made("build", job, Built)

    def run(self, job: Run) -> Left:
        """Launch a kernel on all draws, as far as it lives."""
        if job.target == "cuda":
            self.know_cuda()
        area, ended = self._carry_out("run", job)
        number, phase = struct.unpack("<qq", area[:16])
        done = 0 <= number <= len(job.draws) and 0 <= phase < len(PHASES)
        broken = _broken(ended)
        if broken is not None and ended.status >> 8 == STUCK:
            broken = Broken("crash", _said(bytes(area[SAID_AT:HEADER])))
        if broken is None and (not done or number < len(job.draws)):
            broken = Broken("crash", "it ended before its launch did")
        return Left(area, number if done else 0, PHASES[phase] if done else PHASES[0], broken, ended.cpu)

    def know_volumes(self) -> None:
        """Have what makes volumes compiled, once."""
        self.ready()
        if not self._volumes:
            self._tell(VOLUMES)
            self._volumes = True

    def know_cuda(self) -> None:
        """Have the headers of CUDA precompiled and the machine for its threads made, once."""
        self.ready()
        if not self._cuda:
            self._tell(CUDA)
            self._cuda = True

    def _tell(self, kind: str) -> None:
        """Give an order of no task. A jailer that does not carry it out is of no use."""
        assert self._helper is not None
        try:
            self._helper.ask(msgspec.msgpack.encode(Order(kind, "", "", "", 0.0)), _WARM_SECONDS)
        except WarpgenError:
            self.end()
            raise

    def _made(self, kind: str, job: Any, type_: type[_Made]) -> _Made | Broken:
        area, ended = self._carry_out(kind, job)
        broken = _broken(ended)
        size = int.from_bytes(area[:8], "little")
        if broken is not None or not 0 < size <= AREA - 8:
            return broken or Broken("crash", "it left nothing")
        try:
            return msgspec.msgpack.decode(area[8 : 8 + size], type=type_)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return Broken("crash", "it left what nobody can read")

    def _carry_out(self, kind: str, job: Any) -> tuple[mmap.mmap, Ended]:
        """The area that the task wrote to, and how it ended."""
        self.ready()
        assert self._helper is not None
        with (
            _memory("given") as given,
            _memory("area") as area,
            scratch.folder("task-", self._folder) as work,
        ):
            given.write(msgspec.msgpack.encode(job))
            given.flush()
            area.truncate(AREA)
            order = Order(kind, _place(given), _place(area), str(work), job.seconds)
            left = mmap.mmap(area.fileno(), AREA)
            try:
                answer = self._helper.ask(msgspec.msgpack.encode(order), job.seconds + _GRACE)
            except WarpgenError:
                self.end()
                raise
            return left, msgspec.msgpack.decode(answer, type=Ended)


def _memory(name: str) -> IO[bytes]:
    """A file that is nowhere but in memory; the jailer finds it among what this process has open."""
    return open(os.memfd_create(name), "w+b")


def _place(file: IO[bytes]) -> str:
    return f"/proc/{os.getpid()}/fd/{file.fileno()}"


def _said(data: bytes) -> str:
    """Printable ASCII of a few bytes, whoever wrote them."""
    return "".join(chr(byte) for byte in data if 32 <= byte < 127).strip()


def _broken(ended: Ended) -> Broken | None:
    """What a wait status says."""
    number = ended.status & 0x7F
    if ended.late or number in (signal.SIGXCPU, signal.SIGPROF):
        return Broken("timeout", "it does not end")
    if number:
        try:
            return Broken("crash", f"killed by {signal.Signals(number).name}")
        except ValueError:
            return Broken("crash", f"killed by signal {number}")
    return Broken("crash", f"it left with {ended.status >> 8}") if ended.status else None
