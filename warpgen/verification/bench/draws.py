"""On which inputs a kernel is judged: a plan that follows from a secret seed, so that nobody can learn it.

Inputs are drawn as the row says, and beyond: other values and signs of its parameters, other extents of its
arrays and of its launch, values outside of the range of its fills, all alike, and outputs that begin with
anything. A draw that the row's own kernel does not stand is left out by the judge.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec
import numpy as np

from warpgen.launch import Argument, Fill, Launch
from warpgen.program import Program
from warpgen.verification.jail.job import Draw
from warpgen.verification.running.memory_layout import MemoryLayout
from warpgen.verification.running.streams import Stream

# Outputs begin with values in this range: none is zero, and as a number of places none leads far.
_JUNK = (1.0, 9.0)
# Whole numbers that no rounding of bits of floats excuses, by bytes of the type; a kernel that counts on
# places does not stand them.
_WIDE_JUNK = {1: (20.0, 120.0), 2: (1e3, 3e4), 4: (1e6, 2e9), 8: (1e6, 2e9)}

# How many draws of each kind are tried, the likeliest to be stood last: `_Plan` says what each is.
_KINDS = {
    "plain": 3, "parameters": 4, "extents": 4, "beyond": 3, "edges": 5, "whole numbers": 2,
    "counts": 1, "extents alone": 2, "launch alone": 1, "one axis": 4, "one parameter": 6,
    "junk of floats": 2, "parameters, clean": 2, "extents, clean": 2, "clean": 2, "far": 2, "other sign": 4,
    "zero": 5,
}  # fmt: skip

Change = Callable[[Argument, Fill], Fill]


def plan(program: Program, layouts: Sequence[MemoryLayout], seed: int) -> tuple[list[Draw], list[Draw]]:
    """The draws that are tried in any case, one of each kind and all edges, and more of each in turn."""
    made = _Plan(program, layouts, seed)
    drawn = [pair for kind, count in _KINDS.items() for pair in made.draws(kind, count)]
    first = [draw for turn, draw in drawn if not turn or draw.label == "edges"]
    more = [(turn, draw) for turn, draw in drawn if turn and draw.label != "edges"]
    return first, [draw for _, draw in sorted(more, key=lambda pair: pair[0])]


def codes_of(program: Program, layouts: Sequence[MemoryLayout]) -> dict[str, str]:
    """NumPy's code of the scalars that each fill of numbers is for."""
    found: dict[str, str] = {}
    for argument, layout in zip(program.args, layouts, strict=True):
        found |= dict(_codes(argument.name, layout))
    return found


def _codes(path: str, layout: MemoryLayout) -> Iterator[tuple[str, str]]:
    if layout.family == "struct":
        for name, field, _ in layout.fields:
            yield from _codes(f"{path}.{name}", field)
    elif layout.of is not None:
        yield from _codes(f"{path}.data" if layout.family == "indexed" else path, layout.of)
    elif layout.code:
        yield path, layout.code


class _Plan:
    """Draws of one program for one seed."""

    def __init__(self, program: Program, layouts: Sequence[MemoryLayout], seed: int) -> None:
        self._program, self._seed = program, seed
        self._codes = codes_of(program, layouts)
        fills = [f for a in program.args for f in a.fills if _varies(a, f) and f.name in self._codes]
        self._names = [f.name for f in fills]
        kinds = {name: np.dtype(self._codes[name]).kind for name in self._names}
        self._floats = [name for name in self._names if kinds[name] == "f"]
        self._whole = [name for name in self._names if kinds[name] != "f"]
        self._numbers = [int(f.value) for f in fills if np.dtype(self._codes[f.name]).kind in "iu"]
        taken = [f for a in program.args if a.role != "output" for f in a.fills]
        self._counts = {f.name for f in taken if self._is_count(f)}
        self._number = 0

    def _is_count(self, fill: Fill) -> bool:
        """Whether it is for a whole number by itself, as how many elements of an array are valid."""
        kind = np.dtype(self._codes.get(fill.name, "f4")).kind
        return fill.kind == "uniform" and kind in "iu" and math.prod(fill.shape) == 1

    def draws(self, kind: str, count: int) -> Iterator[tuple[int, Draw]]:
        """Those of a kind, each with the number of its turn."""
        for turn in range(count):
            self._number += 1
            chance = Stream(self._seed, "plan", kind, turn)
            made = self._draw(kind, turn, chance)
            if made is not None:
                yield turn, made

    def _draw(self, kind: str, turn: int, chance: Stream) -> Draw | None:
        args, launch = self._program.args, self._program.launch
        if kind in ("parameters", "extents", "beyond", "edges", "whole numbers", "parameters, clean"):
            # Whole numbers may stand for an extent: they change with it.
            args = self._changed(args, self._parameters(chance, floats=kind == "extents"))
        if kind == "counts" and not self._counts:
            return None
        if kind in ("one parameter", "other sign", "zero"):
            names = {"other sign": self._floats, "zero": self._whole}.get(kind, self._names)
            if turn >= len(names):
                return None
            name = names[turn]
            change = self._parameters(chance, name) if kind == "one parameter" else self._turned(name, kind)
            args = self._changed(args, change)
        if kind == "one axis":
            axes = _axes(args, launch)
            if turn >= len(axes):
                return None
            first = int(Stream(self._seed, "axes").uniform((1,))[0] * len(axes))
            args = self._changed(args, _shorter(*axes[(first + turn) % len(axes)], chance))
        if kind in ("extents", "extents alone", "extents, clean", "far"):
            far = kind == "far"
            extents = _other_extents(args, launch, self._numbers, chance, turn, far)
            if not extents:
                return None
            args, launch = self._resized(args, extents), _relaunched(launch, extents)
        if kind == "launch alone":
            # Objects keep their size: a launch over the faces of a mesh stands no other change of its length.
            launch = msgspec.structs.replace(launch, dim=_fewer(launch.dim, chance))
        args = self._changed(args, self._ranges(kind, turn, chance))
        if "clean" not in kind:
            wide = kind == "plain" and turn == 2
            args = self._changed(args, self._junk(floats=kind == "junk of floats", wide=wide))
        launch = msgspec.structs.replace(launch, seed=self._seed)
        turned = turn % 2 == 0
        # At an edge min and max may have equal arguments, and an adjoint any of several slopes.
        backward, flush = kind not in ("edges", "zero"), self._number % 3 == 0
        # Nor may arrays always begin or end where a page does.
        shift = 64 * int(1.0 + 62.0 * float(chance.uniform((1,))[0])) if self._number % 3 == 1 else 0
        return Draw(args, launch, self._number, flush, shift, backward, turned, label=kind)

    def _changed(self, args: Sequence[Argument], change: Change) -> tuple[Argument, ...]:
        return tuple(
            msgspec.structs.replace(
                a, fills=tuple(change(a, f) if f.name in self._codes else f for f in a.fills)
            )
            for a in args
        )

    def _parameters(self, chance: Stream, only: str = "", floats: bool = False) -> Change:
        """Other values for what is the same in every draw of the row."""

        def change(argument: Argument, fill: Fill) -> Fill:
            if not _varies(argument, fill) or (only and fill.name != only):
                return fill
            u, v = chance.uniform((2,))
            kind = np.dtype(self._codes[fill.name]).kind
            if floats and kind in "iu":
                return fill
            if kind == "f":  # each component another: one must not stand for all
                low, high = _about(fill.value, float(u))
                return msgspec.structs.replace(fill, kind="uniform", low=low, high=high)
            if only and kind == "b":
                return msgspec.structs.replace(fill, value=1.0 - fill.value)
            # By itself a number becomes less: arrays seldom have room for more, and none would be tried.
            more = not only and float(v) > 0.6
            return msgspec.structs.replace(fill, value=_other_number(fill.value, kind, float(u), more))

        return change

    def _turned(self, name: str, kind: str) -> Change:
        """A float of the other sign; or a whole number that is 0, as a switch that is off or a count."""

        def change(argument: Argument, fill: Fill) -> Fill:
            if fill.name != name:
                return fill
            if kind == "zero":
                return msgspec.structs.replace(fill, value=0.0)
            low, high = _about(-fill.value, 0.5)
            return msgspec.structs.replace(fill, kind="uniform", low=low, high=high)

        return change

    def _ranges(self, kind: str, turn: int, chance: Stream) -> Change:
        """Values beyond the range of the row's fills, or at its edges and all alike."""

        def change(argument: Argument, fill: Fill) -> Fill:
            if argument.role == "output" or fill.kind != "uniform":
                return fill
            whole = np.dtype(self._codes[fill.name]).kind != "f"
            span = fill.high - fill.low
            u = float(chance.uniform((1,))[0])
            if kind == "beyond" and not whole:
                reach = span * (0.5 + u)
                return msgspec.structs.replace(fill, low=fill.low - reach, high=fill.high + reach)
            if kind == "whole numbers" and whole:
                return msgspec.structs.replace(fill, low=fill.low - span, high=fill.high + span)
            if kind == "counts" and fill.name in self._counts:
                # By chance the last of all elements are seldom among those that count.
                return msgspec.structs.replace(fill, kind="constant", value=fill.high - 1.0)
            if kind == "edges":
                value = self._edge(fill, whole, turn)
                return fill if value is None else msgspec.structs.replace(fill, kind="constant", value=value)
            return fill

        return change

    def _edge(self, fill: Fill, whole: bool, turn: int) -> float | None:
        """What all elements are in this turn; in two of them, they are as ever.

        Zero and both ends come in any case, and where these are fewer than three, others: who tests for one
        value must not be right by luck.
        """
        chance = Stream(self._seed, "edges", fill.name)
        last = fill.high - 1.0 if whole else fill.high
        others = [1.0, -1.0, float(np.floor(0.5 * (fill.low + last))) if whole else 0.5 * (fill.low + last)]
        others = [others[k] for k in np.argsort(chance.uniform((3,)))]
        edges = dict.fromkeys(e for e in (0.0, fill.low, last, *others) if fill.low <= e <= last)
        turns = [*list(edges)[:3], *[None] * _KINDS["edges"]][: _KINDS["edges"]]
        return turns[int(np.argsort(chance.uniform((len(turns),)))[turn])]

    def _junk(self, floats: bool, wide: bool) -> Change:
        """Anything in outputs; whole numbers there may be places, which a kernel counts on."""

        def change(argument: Argument, fill: Fill) -> Fill:
            if argument.role != "output" or fill.kind != "constant":
                return fill
            code = np.dtype(self._codes[fill.name])
            if floats and code.kind != "f":
                return fill
            low, high = _WIDE_JUNK[code.itemsize] if wide and code.kind in "iu" else _JUNK
            return msgspec.structs.replace(fill, kind="uniform", low=low, high=high)

        return change

    def _resized(self, args: Sequence[Argument], extents: Mapping[int, int]) -> tuple[Argument, ...]:
        """Shapes, and whole numbers that stand for an extent: a parameter, the end of a range of indices."""

        def size(number: float) -> float:
            """An extent becomes another; so does what is one more, as the end of numbers from 1 on."""
            if number in extents:
                return float(extents[int(number)])
            return extents[int(number) - 1] + 1.0 if number - 1.0 in extents else number

        def resize(fill: Fill) -> Fill:
            shape = tuple(extents.get(extent, extent) for extent in fill.shape)
            fill = msgspec.structs.replace(fill, shape=shape)
            code = self._codes.get(fill.name)
            if code is None or np.dtype(code).kind == "f":
                return fill
            if fill.kind == "constant":
                return msgspec.structs.replace(fill, value=size(fill.value))
            if fill.kind == "uniform" and (beyond := _beyond(fill, extents)):
                return msgspec.structs.replace(fill, low=beyond[0], high=beyond[1])
            if fill.kind in ("uniform", "offsets", "ascending") and size(fill.high) > fill.low:
                return msgspec.structs.replace(fill, high=size(fill.high))
            return fill

        return tuple(msgspec.structs.replace(a, fills=tuple(resize(f) for f in a.fills)) for a in args)


def _beyond(fill: Fill, extents: Mapping[int, int]) -> tuple[float, float] | None:
    """A range of counts that an extent cuts off, above the extent that was, as that may stand in a text."""
    for old, new in extents.items():
        if old < new and fill.low <= old < fill.high - 1.0 <= 2.0 * old:
            return old + 1.0, max(fill.high, new + 1.0)
    return None


def _varies(argument: Argument, fill: Fill) -> bool:
    return argument.role in ("param", "input") and fill.kind == "constant"


def _about(value: float, u: float) -> tuple[float, float]:
    """A range near a value, of the same sign where it has one, and not always around it."""
    if value == 0.0:
        return -0.5 - u, 0.5 + u
    ends = value * (0.6 + 0.3 * u), value * (1.1 + 0.3 * u)
    return min(ends), max(ends)


def _other_number(value: float, kind: str, u: float, more: bool) -> float:
    """A whole number near by, but 0 only for 0; a fair coin for a truth."""
    if kind == "b":
        return float(u < 0.5)
    size = abs(value)
    if more or size <= 1.0:
        size += 1.0 + int(2.0 * u)
    else:
        size = max(1.0, float(np.floor(size * (0.4 + 0.6 * u))))
    return -size if value < 0.0 else size


def _other_extents(
    args: Sequence[Argument],
    launch: Launch,
    numbers: Sequence[int],
    chance: Stream,
    turn: int,
    far: bool = False,
) -> dict[int, int]:
    """New lengths for the extents of launch and arrays: less of all, other for one, more of all, by turns.

    Not by chance: whoever takes a length for granted is seen where there is less, if not where there is more.
    What is a product of the row's `numbers`, as the length of a grid in one axis, stays one in every second
    turn. `far` makes the greatest of a launch some times as great, as that of any other may be.
    """
    extents = sorted(
        {e for e in (*launch.dim, *(e for a in args for f in a.fills for e in f.shape)) if e >= 3}
    )
    products = _products(extents, [*launch.dim, *numbers]) if turn % 2 == 0 else {}
    known = sorted(set(extents).union(*products.values()).difference(products))
    if not known:
        return {}
    u = chance.uniform((len(known) + 1, 2))
    one = turn % 4 == 1
    if one:
        known = [known[int(u[-1, 0] * len(known))]]
    made = {}
    for extent, (first, second) in zip(known, u, strict=False):
        less = max(2, extent - 1 - int(float(first) * 0.5 * extent))
        more = extent + 1 + int(float(first) * max(4, extent // 4))
        made[extent] = less if (float(second) < 0.6 if one else turn % 4 != 2) else more
    if far:
        made = {extent: extent for extent in known}
        some = {e for e in launch.dim if e in made} or {f for e in launch.dim for f in products.get(e, ())}
        greatest = max(some or known)
        made[greatest] = int(greatest * (3.0 + 3.0 * float(u[-1, 1])))
    for extent, factors in products.items():
        made[extent] = math.prod(made[factor] for factor in factors)
    return made


def _products(extents: Sequence[int], numbers: Sequence[int]) -> dict[int, tuple[int, ...]]:
    """The extents that are products of two or three numbers, with these, the least first."""
    some = sorted({n for n in numbers if n >= 2})
    found: dict[int, tuple[int, ...]] = {}
    for count in (3, 2):
        for factors in itertools.combinations_with_replacement(some, count):
            found[math.prod(factors)] = factors
    return {extent: found[extent] for extent in extents if extent in found}


def _axes(args: Sequence[Argument], launch: Launch) -> list[tuple[str, int]]:
    """Axes of inputs, by name and number, that threads are not launched along."""
    return [
        (fill.name, axis)
        for argument in args
        if argument.role != "output"
        for fill in argument.fills
        for axis, extent in enumerate(fill.shape)
        if extent >= 3 and extent not in launch.dim
    ]


def _shorter(name: str, axis: int, chance: Stream) -> Change:
    """One array shorter along one axis: who reads its length there must not take another's for it."""

    def change(argument: Argument, fill: Fill) -> Fill:
        if fill.name != name:
            return fill
        shape = list(fill.shape)
        shape[axis] -= 1 + int(float(chance.uniform((1,))[0]) * (shape[axis] - 2))
        return msgspec.structs.replace(fill, shape=tuple(shape))

    return change


def _fewer(dim: Sequence[int], chance: Stream) -> tuple[int, ...]:
    return tuple(
        max(1, int(e * (0.4 + 0.5 * float(u)))) for e, u in zip(dim, chance.uniform((len(dim),)), strict=True)
    )


def _relaunched(launch: Launch, extents: Mapping[int, int]) -> Launch:
    return msgspec.structs.replace(launch, dim=tuple(extents.get(e, e) for e in launch.dim))
