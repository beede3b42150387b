"""What goes into the jail and what comes out: plain data, and an area of memory of fixed size."""

from __future__ import annotations

import math

import msgspec

from warpgen.launch import Argument, Launch
from warpgen.record import Target
from warpgen.verification.running.memory_layout import MemoryLayout

# Bytes of the area that a process in the jail may write, most of which it never touches.
AREA = 1 << 29
# At its start: the draw and the phase at work, where the last table begins and how long it is; why threads
# of CUDA came to no end.
HEADER, TABLE_AT, SAID_AT = 256, 16, 32
# Bytes of each of two places at its end for a table of what is there.
TABLE = 4 << 20

# What an adjoint leaves of an output: all as it was; its gradient cleared, as Warp's does behind a store; its
# gradient or its value another.
SAME, CLEARED, OTHER = 0, 1, 2

PHASES = ("arguments", "forward", "turned", "backward", "backward turned")


class Draw(msgspec.Struct, frozen=True):
    """One launch: `variant` numbers the draw of its inputs, which follow from the launch's seed.

    `flush` puts arrays directly before a page that nobody may touch, else `shift` bytes behind one; `near`
    puts small ones side by side. `turned` adds launches whose threads run in another order, under the watch.
    `shaken` moves float inputs by as many roundings of their type, up or down at random by `turn`. `pool`
    holds numbers that half of the elements of inputs are taken from, beside parameters: what is equal
    stays so when it moves. `place` is where in the area the results begin, -1 for behind those before. `made`
    holds what a launch left in outputs, as bytes: only its adjoint is launched then.
    """

    args: tuple[Argument, ...]
    launch: Launch
    variant: int
    flush: bool = True
    shift: int = 0
    near: bool = False
    backward: bool = True
    turned: bool = False
    shaken: float = 0.0
    turn: int = 0
    pool: tuple[float, ...] = ()
    place: int = -1
    label: str = ""
    made: tuple[bytes, ...] | None = None


class Part(msgspec.Struct, frozen=True):
    """A piece of the results of one draw, at `place` of the area.

    `what` is `inputs` or `outputs` after a launch, `turned` for outputs after one whose threads ran in the
    other order, `gradients`, `slopes turned`, `race`, `race backward` (a byte for each element of an
    array's memory), `behind` (a byte for each element of an output: what an adjoint did to it, `SAME` or
    worse), or `intact`, one byte: nothing was written beside any array.
    """

    what: str
    path: str
    code: str
    shape: tuple[int, ...]
    place: int


class Table(msgspec.Struct, frozen=True):
    """What a row's own run left: for each draw its parts; and how often all of them touched memory."""

    draws: list[list[Part]]
    accesses: int


class Run(msgspec.Struct, frozen=True):
    """Launch a kernel on draws. `name` is its mangled name, `dim` the dimensions it was generated for.

    `cpu` is seconds of processor time where they are fewer than those of wall time, `seconds`; `most`, how
    often a draw may access memory, 0 for any number.
    """

    layouts: tuple[MemoryLayout, ...]
    draws: list[Draw]
    name: str
    dim: int
    adjoint: bool
    object: bytes
    seconds: float
    target: Target = "cpu"
    cpu: float = math.inf
    most: int = 0


class Shape(msgspec.Struct, frozen=True):
    """Read a stranger's answer: `name` and `types` are those of the row's kernel and of its arguments."""

    text: str
    name: str
    types: tuple[str, ...]
    extract: bool
    seconds: float


class Shaped(msgspec.Struct, frozen=True):
    """The kernel's module or text alone, or the stage that the answer did not pass and why.

    `halves` are those of C++ or CUDA, to be compiled one after the other, if it falls in two. `once`: of a
    kernel that is a template, its general instance alone is to be run.
    """

    source: str = ""
    kernel: str = ""
    stage: str = ""
    why: str = ""
    halves: tuple[str, str] | None = None
    once: bool = False


class Clean(msgspec.Struct, frozen=True):
    """Read C++ or CUDA, beside the row's `own`."""

    text: str
    language: str
    extract: bool
    seconds: float
    own: str = ""


class Lower(msgspec.Struct, frozen=True):
    """Turn the Python of a kernel into C++."""

    source: str
    kernel: str
    seconds: float


class Lowered(msgspec.Struct, frozen=True):
    """C++, or why there is none; names and layouts of the kernel's arguments, as far as they are known."""

    text: str = ""
    names: tuple[str, ...] = ()
    layouts: tuple[MemoryLayout, ...] = ()
    why: str = ""


class Build(msgspec.Struct, frozen=True):
    """Compile C++, or CUDA whose kernels take so many `arguments`."""

    text: str
    seconds: float
    target: Target = "cpu"
    arguments: int = 0


class Built(msgspec.Struct, frozen=True):
    """An object, or why there is none."""

    object: bytes = b""
    why: str = ""
