"""Launch a kernel on draws of inputs, inside the jail, and leave all that it made in the shared area."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from warpgen.launch import Argument
from warpgen.verification.device.machine import Stuck
from warpgen.verification.jail import pooled
from warpgen.verification.jail.job import (
    AREA,
    CLEARED,
    HEADER,
    OTHER,
    PHASES,
    SAID_AT,
    SAME,
    TABLE,
    TABLE_AT,
    Draw,
    Part,
    Run,
    Table,
)
from warpgen.verification.jail.kernels import CpuKernel, CudaKernel
from warpgen.verification.running.arguments import MOST_BYTES, Arguments, Leaf
from warpgen.verification.running.memory_layout import MemoryLayout
from warpgen.verification.running.pages import between_pages
from warpgen.verification.running.streams import Stream

# What stands around an array, as far as it may reach there.
_MARKS = b"\xa5" * (1 << 16)
# Bytes of memory that small arrays share in some draws, as they do in a program, and between two of them.
_SHARED, _BETWEEN = 1 << 20, 80


class Guarded(Arguments):
    """Arguments whose arrays lie between pages that nobody may touch, mostly flush with one of them."""

    def __init__(
        self, args: Sequence[Argument], layouts: Sequence[MemoryLayout], draw: Draw, alignment: int = 1
    ) -> None:
        self._flush, self._shift, self._alignment = draw.flush, draw.shift, alignment
        self._near: NDArray[np.uint8] | None = None  # what is left of memory that arrays share
        self._wants_near = draw.near
        self._slack: list[NDArray[np.uint8]] = []
        self.arrays: list[NDArray[Any]] = []  # the memory of each array and of each gradient, by scalars
        self.names: list[str] = []
        self._path = ""
        super().__init__(args, layouts, draw.launch.seed, draw.variant)
        if draw.pool:
            pooled.fill(self.leaves, draw)
        if draw.shaken:
            self._shake(draw)
        self._initial = [leaf.values.copy() for leaf in self.leaves]

    def _shake(self, draw: Draw) -> None:
        for leaf in self.leaves:
            if leaf.floating and leaf.role != "output":
                signs = Stream("shake", draw.turn, leaf.path).signs(leaf.values.shape)
                if draw.pool:
                    signs = pooled.signs(leaf.values, draw)
                leaf.values[...] *= 1.0 + draw.shaken * float(np.finfo(leaf.values.dtype).eps) * signs

    def intact(self) -> bool:
        """Whether nothing was written between an array and its pages either."""
        return super().intact() and all(_MARKS.startswith(slack.tobytes()) for slack in self._slack)

    def _array(
        self, arg: Argument, layout: MemoryLayout, path: str, traced: bool = True
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        self._path = path
        return super()._array(arg, layout, path, traced)

    def _allocate(self, shape: tuple[int, ...], element: MemoryLayout) -> NDArray[Any]:
        size = element.size
        for extent in shape:
            size *= max(extent, 0)
        self._bytes += size
        if self._bytes > MOST_BYTES or min(shape, default=1) < 0:
            raise ValueError(f"the arguments take more than {MOST_BYTES >> 20} MiB")
        memory = self._placed(size)
        memory[:] = 0
        made = memory.view(element.dtype.base).reshape(shape + element.dtype.shape)
        self.arrays.append(memory if made.dtype.names else made.reshape(-1))
        self.names.append(f"the gradient of {self._path}" if self._path in self.names else self._path)
        return made

    def _placed(self, size: int) -> NDArray[np.uint8]:
        """Memory of so many bytes, marked on both sides."""
        room = size + -size % 16 + _BETWEEN
        if self._wants_near and self._near is None:
            self._near = self._between_pages(_SHARED)
        if self._near is not None and room <= self._near.size:
            raw, self._near = self._near[:room], self._near[room:]
            start = _BETWEEN // 2 + self._shift % 16
        else:
            raw = self._between_pages(size + self._shift)
            start = raw.size - size if self._flush else self._shift
        start -= start % self._alignment
        for slack in (raw[:start], raw[start + size :]):
            slack[:] = _MARKS[0]
            self._slack.append(slack)
        return raw[start : start + size]

    def _between_pages(self, size: int) -> NDArray[np.uint8]:
        pages, raw = between_pages(size)
        self._kept.append(pages)
        return raw


class Launcher:
    """One kernel in this process, and the area that it writes results to."""

    def __init__(self, job: Run, kernel: CpuKernel | CudaKernel, area: mmap.mmap) -> None:
        self._job, self._kernel, self._watch, self._area = job, kernel, kernel.watch, area
        self._end = HEADER
        self._parts: list[Part] = []
        self._behind: list[tuple[str, NDArray[np.uint8]]] = []

    def run(self) -> None:
        """All draws; leaves a table of what is where, but for draws whose place is known.

        Raises Stuck where threads of CUDA come to no end, after it is noted why.
        """
        draws = []
        for number, draw in enumerate(self._job.draws):
            self._parts = []
            self._end = self._end if draw.place < 0 else draw.place
            self._mark(number, "arguments")
            try:
                self._launch(number, draw)
            except Stuck as stuck:
                self._area[SAID_AT:HEADER] = str(stuck).encode()[: HEADER - SAID_AT].ljust(HEADER - SAID_AT)
                raise
            draws.append(self._parts)
            if draw.place < 0:
                self._leave_table(number, msgspec.msgpack.encode(Table(draws, self._watch.accesses)))
        self._mark(len(self._job.draws), "arguments")

    def _leave_table(self, number: int, data: bytes) -> None:
        """In one of two places in turn: what the next draw leaves goes over neither."""
        place = AREA - (1 + number % 2) * TABLE
        if len(data) > TABLE:
            raise MemoryError
        self._area[place : place + len(data)] = data
        self._area[TABLE_AT : TABLE_AT + 16] = struct.pack("<qq", place, len(data))

    def _mark(self, number: int, phase: str) -> None:
        self._area[:16] = struct.pack("<qq", number, PHASES.index(phase))

    def _launch(self, number: int, draw: Draw) -> None:
        arguments = Guarded(draw.args, self._job.layouts, draw, self._kernel.alignment)
        if self._job.most:
            self._watch.allow(self._job.most)
        if draw.made is None:
            made = self._forward(number, draw, arguments)
        else:
            made = [
                np.frombuffer(data, leaf.values.dtype).reshape(leaf.values.shape)
                for data, leaf in zip(draw.made, arguments.outputs(), strict=True)
            ]
        if draw.backward and self._job.adjoint:
            self._backward(number, draw, arguments, made)

    def _forward(self, number: int, draw: Draw, arguments: Guarded) -> list[NDArray[Any]]:
        """What the kernel makes."""
        self._mark(number, "forward")
        blocks = arguments.blocks()[:1]
        gradients = [leaf.gradient for leaf in arguments.leaves if leaf.traced]
        for number_of, gradient in enumerate(gradients):  # no business of a forward launch
            source = Stream(draw.launch.seed, draw.variant, "gradient", number_of)
            gradient[...] = source.sizes(gradient.shape)
        begun = [gradient.tobytes() for gradient in gradients]
        self._kernel.launch(draw, blocks, turned=False)
        whole = arguments.intact() and begun == [gradient.tobytes() for gradient in gradients]
        self._keep_leaves(arguments, "outputs")
        made = [leaf.values.copy() for leaf in arguments.outputs()]
        self._write("intact", "", np.array([whole]))
        if draw.turned:
            self._mark(number, "turned")
            arguments.reset()
            watched = self._watch.begin(arguments.arrays)
            self._kernel.launch(draw, blocks, turned=True)
            self._keep_races("race", arguments, watched)
            self._keep_leaves(arguments, "turned")
            self._write("intact", "", np.array([arguments.intact()]))
        return made

    def _backward(self, number: int, draw: Draw, arguments: Guarded, made: Sequence[NDArray[Any]]) -> None:
        """Adjoints, given what the forward launch made."""
        self._mark(number, "backward")
        whole, _ = self._adjoint_of(arguments, draw, made, turned=False)
        self._keep_slopes(arguments, "gradients", whole)
        if draw.turned:
            self._mark(number, "backward turned")
            whole, watched = self._adjoint_of(arguments, draw, made, turned=True)
            self._keep_races("race backward", arguments, watched)
            self._keep_slopes(arguments, "slopes turned", whole)
            self._keep_inputs(arguments)

    def _adjoint_of(
        self, arguments: Guarded, draw: Draw, made: Sequence[NDArray[Any]], turned: bool
    ) -> tuple[bool, bool]:
        """The adjoint behind the forward launch; whether no array was left, and it was watched."""
        arguments.reset()
        blocks = arguments.blocks()
        if draw.variant % 3 == 1:
            self._begin_slopes(arguments, draw)
        for leaf, values in zip(arguments.outputs(), made, strict=True):
            leaf.values[...] = values
            if leaf.floating and leaf.traced:
                source = Stream(draw.launch.seed, draw.variant, "cotangent", leaf.path)
                size = 1024.0 if draw.variant % 4 == 2 and leaf.gradient.itemsize > 2 else 1.0
                leaf.gradient[...] = size * source.sizes(leaf.values.shape)
        given = [leaf.gradient.copy() for leaf in arguments.outputs()]
        watched = turned and self._watch.begin(arguments.arrays)
        self._kernel.launch(draw, blocks, turned)
        self._behind = [
            (leaf.path, _behind(leaf, values, gradient))
            for leaf, values, gradient in zip(arguments.outputs(), made, given, strict=True)
        ]
        return arguments.intact(), watched

    def _begin_slopes(self, arguments: Guarded, draw: Draw) -> None:
        """Other gradients than zero, which an adjoint adds to; smaller ones of halves, which round more."""
        for leaf in traced_inputs(arguments.leaves):
            source = Stream(draw.launch.seed, draw.variant, "begun", leaf.path)
            size = 0.25 if leaf.gradient.itemsize == 2 else 1.0
            leaf.gradient[...] = size * source.sizes(leaf.gradient.shape)

    def _keep_leaves(self, arguments: Arguments, what: str) -> None:
        for leaf in arguments.outputs():
            self._write(what, leaf.path, leaf.values)
        if what == "outputs":
            self._keep_inputs(arguments)

    def _keep_inputs(self, arguments: Arguments) -> None:
        for leaf in arguments.leaves:
            if leaf.role not in ("output", "inout") and leaf.fill is not None:
                self._write("inputs", leaf.path, leaf.values)

    def _keep_slopes(self, arguments: Arguments, what: str, whole: bool) -> None:
        for leaf in traced_inputs(arguments.leaves):
            self._write(what, leaf.path, leaf.gradient)
        for path, behind in self._behind:
            self._write("behind", path, behind)
        self._write("intact", what, np.array([whole]))

    def _keep_races(self, what: str, arguments: Guarded, watched: bool) -> None:
        found = self._watch.end()
        for name, raced in zip(arguments.names, found, strict=True) if watched else ():
            self._write(what, name, raced)

    def _write(self, what: str, path: str, values: NDArray[Any]) -> None:
        data = np.ascontiguousarray(values).tobytes()
        if self._end + len(data) > AREA - 2 * TABLE:
            raise MemoryError
        self._area[self._end : self._end + len(data)] = data
        self._parts.append(Part(what, path, values.dtype.str, values.shape, self._end))
        self._end += len(data)


def _behind(leaf: Leaf, values: NDArray[Any], gradient: NDArray[Any]) -> NDArray[np.uint8]:
    """What an adjoint did to each element of an output, and to its gradient."""
    made = np.full(leaf.values.shape, SAME, np.uint8)
    if leaf.traced and leaf.role == "output":
        made[leaf.gradient != gradient] = OTHER
        made[(leaf.gradient == 0) & (gradient != 0)] = CLEARED
    made[(leaf.values != values) & ((leaf.values == leaf.values) | (values == values))] = OTHER
    return made


def traced_inputs(leaves: Sequence[Leaf]) -> list[Leaf]:
    """Float arrays that a derivative can be taken by."""
    return [leaf for leaf in leaves if leaf.traced and leaf.role in ("input", "inout")]
