"""Run a program as the oracle reads it, on the very numbers that the compiled kernel got."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warpgen.program import Program
from warpgen.verification.oracle.handles import Work
from warpgen.verification.oracle.reading import BUDGET, read
from warpgen.verification.oracle.rounding import perturbed
from warpgen.verification.oracle.types import StructType
from warpgen.verification.oracle.values import (
    Array,
    Indexed,
    Int,
    Mat,
    OutOfRange,
    Record,
    Unsupported,
    Vec,
)
from warpgen.verification.running.arguments import Arguments, Leaf
from warpgen.verification.running.memory_layout import MemoryLayout

# Threads that are read where threads do not work together: the first, the last and some between.
_SAMPLE = 12
_TOGETHER = ("atomic", "tile")
# How often a program is read with other roundings.
_TURNS = 5
# What a variation of a launch may take.
_FEW_STEPS = 3_000


class Reading:
    """One program, read once. Raises Unsupported where the oracle does not reach."""

    def __init__(self, program: Program, layouts: Sequence[MemoryLayout], kernel_dim: int) -> None:
        if program.launch.tiled or "tile_" in program.source:
            raise Unsupported("tiles")
        self._program, self._layouts, self._dim = program, layouts, kernel_dim
        self.unordered = False  # whether the outputs may depend on an order that is Warp's own
        self._kernel, self._machine = read(program.source, program.name)

    def under(self, program: Program) -> Reading:
        """The same kernel at another launch."""
        made = copy.copy(self)
        made._program = program
        return made

    def reaches(self, arguments: Arguments) -> list[NDArray[Any]] | None:
        """Outputs of all threads of a small launch; None where it is none that a kernel can run.

        Where an access is out of range, something is divided by zero, or it does not soon end.
        """
        try:
            return self.outputs(arguments, every=True, steps=_FEW_STEPS)[0]
        except (Unsupported, OutOfRange):
            return None

    def spread(self, arguments: Arguments, code: str) -> list[list[NDArray[Any]]]:
        """Outputs of all threads, a few times, each with every result rounded at random as `code` does."""
        made = []
        for turn in range(_TURNS):
            with perturbed(code, turn):
                made.append(self.outputs(arguments, every=True)[0])
        return made

    def outputs(
        self, arguments: Arguments, every: bool = False, steps: int = BUDGET
    ) -> tuple[list[NDArray[Any]], list[NDArray[np.bool_]]]:
        """Values of the output leaves, and which of them are known.

        Without `every`, only some threads may have been read. Raises Unsupported, also for a program that
        fails in a way that C does not define.
        """
        shape = _Shaper(arguments.leaves, self._machine.structs)
        pairs = list(zip(self._program.args, self._layouts, strict=True))
        geometry = arguments.geometry
        values = [geometry.get(arg.name) or shape.argument(layout, arg.name) for arg, layout in pairs]
        self._machine.steps = BUDGET - steps
        Work.spend, Work.unordered = self._machine.tick, False
        together = every or any(word in self._program.source for word in _TOGETHER)
        try:
            for thread in self._threads(sample=not together):
                self._machine.thread = thread
                self._machine.tick()
                self._kernel(*values)
        except Unsupported:
            raise
        except (ArithmeticError, TypeError, ValueError, AttributeError, NameError, LookupError) as error:
            raise Unsupported(f"running: {type(error).__name__}: {error}") from error
        except RecursionError as error:
            raise Unsupported("running: recursion") from error
        self.unordered = Work.unordered
        made, known = [], []
        for leaf in arguments.outputs():
            value, mask = shape.readers[leaf.path](leaf)
            made.append(value)
            known.append(mask | together)
        return made, known

    def alone(self, arguments: Arguments, number: int) -> Iterator[dict[int, Any]]:
        """What each thread stores to an array argument, by place, if it runs before all others."""
        pairs = list(zip(self._program.args, self._layouts, strict=True))
        for thread in self._threads(sample=False):
            shape = _Shaper(arguments.leaves, self._machine.structs)
            geometry = arguments.geometry
            values = [geometry.get(arg.name) or shape.argument(layout, arg.name) for arg, layout in pairs]
            self._machine.steps = 0
            Work.spend = self._machine.tick
            self._machine.thread = thread
            self._kernel(*values)
            array: Any = values[number]
            yield {place: array.data[place] for place in sorted(array.written)}

    def _threads(self, sample: bool) -> Iterator[Any]:
        """Coordinates in launch order; dimensions are padded or folded as `wp.launch` does."""
        dim = self._program.launch.dim
        padded = dim + (1,) * (self._dim - len(dim))
        repeats = math.prod(padded[self._dim :])
        every = itertools.product(*map(range, padded[: self._dim]))
        count = math.prod(padded[: self._dim])
        if sample and repeats == 1 and count > _SAMPLE:
            chosen = {round(i * (count - 1) / (_SAMPLE - 1)) for i in range(_SAMPLE)}
            every = (c for i, c in enumerate(every) if i in chosen)  # type: ignore[assignment]
        for coordinates in every:
            for _ in range(repeats):
                yield coordinates[0] if self._dim == 1 else coordinates


class _Shaper:
    """Builds the oracle's values from leaves; `readers` go back from values to numbers, by path."""

    def __init__(self, leaves: Sequence[Leaf], structs: Sequence[StructType]) -> None:
        self._leaves = {leaf.path: leaf for leaf in leaves}
        self._structs = structs
        self.readers: dict[str, Callable[[Leaf], tuple[NDArray[Any], NDArray[np.bool_]]]] = {}

    def argument(self, layout: MemoryLayout, path: str) -> Any:
        if layout.family in ("array", "indexed"):
            return self._array(layout, path)
        return self._elements(layout, path, None, ())[0][0]

    def _array(self, layout: MemoryLayout, path: str) -> Any:
        assert layout.of is not None
        array = Array([], (0,))
        indexed = layout.family == "indexed"
        data, extents = self._elements(layout.of, f"{path}.data" if indexed else path, array, ())
        whole = Array(data, extents)
        array.data, array.shape, array.strides = data, extents, whole.strides
        if not indexed:
            return array
        chosen = [self._leaves.get(f"{path}.indices{axis}") for axis in range(layout.ndim)]
        return Indexed(array, [leaf.values.tolist() if leaf else None for leaf in chosen])

    def _elements(
        self, layout: MemoryLayout, path: str, array: Array | None, inside: tuple[str, ...]
    ) -> tuple[list[Any], tuple[int, ...]]:
        """One value per element, and the extents of the array that they are in."""
        if layout.family == "struct":
            return self._records(layout, path, array, inside)
        if layout.family in ("array", "indexed"):
            return [self._array(layout, path)], ()
        if layout.family != "value":
            raise Unsupported(layout.family)
        leaf = self._leaves[path]
        extents = leaf.values.shape[: leaf.values.ndim - len(layout.shape)]
        self.readers[path] = lambda leaf: _read_back(leaf, layout, array, inside)
        flat = leaf.values.reshape(-1, *layout.shape)
        return [_value(item, layout) for item in flat.tolist()], extents

    def _records(
        self, layout: MemoryLayout, path: str, array: Array | None, inside: tuple[str, ...]
    ) -> tuple[list[Any], tuple[int, ...]]:
        columns: list[list[Any]] = []
        extents: tuple[int, ...] = ()
        for name, field, _ in layout.fields:
            column, found = self._elements(field, f"{path}.{name}", array, (*inside, name))
            columns.append(column)
            extents = found or extents
        names = [name for name, _, _ in layout.fields]
        kind = next((s for s in self._structs if list(s.fields) == names), None)
        count = math.prod(extents) if extents else max(map(len, columns), default=0)
        columns = [c * count if len(c) == 1 else c for c in columns]
        return [
            Record(kind, dict(zip(names, row, strict=True))) for row in zip(*columns, strict=True)
        ], extents


def _value(item: Any, layout: MemoryLayout) -> Any:
    number = _number(layout.code)
    if not layout.shape:
        return number(item)
    if len(layout.shape) == 1:
        return Vec(tuple(map(number, item)), layout.name or "vec")
    return Mat(layout.shape[0], layout.shape[1], tuple(number(x) for row in item for x in row))


def _number(code: str) -> Any:
    kind, width = code[1], int(code[2:]) * 8
    if kind == "f":
        return float
    if kind == "b":
        return bool
    if code == "<i4":
        return int
    return lambda value: Int(value, f"{kind}{width}")


def _read_back(
    leaf: Leaf, layout: MemoryLayout, array: Array | None, path: tuple[str, ...]
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """The numbers that a leaf holds now, and which elements were stored to."""
    if array is None:
        raise Unsupported("an output that is no array")
    kind = np.float64 if layout.floating else np.dtype(layout.code)
    rows = []
    for element in array.data:
        for name in path:
            element = element.fields_[name]
        rows.append(element.c if isinstance(element, (Vec, Mat)) else element)
    plain = [[int(x) if isinstance(x, Int) else x for x in r] if isinstance(r, tuple) else r for r in rows]
    flat = [int(x) if isinstance(x, Int) else x for x in plain]
    values = np.array(flat, dtype=kind).reshape(leaf.values.shape)
    mask = np.zeros(len(rows), bool)
    mask[list(array.written)] = True
    inner = leaf.values.shape[leaf.values.ndim - len(layout.shape) :]
    shape = leaf.values.shape[: leaf.values.ndim - len(layout.shape)]
    known = np.broadcast_to(mask.reshape(*shape, *(1,) * len(inner)), leaf.values.shape)
    return values, known
