"""On which inputs a kernel is judged: a plan that follows from a secret seed, so that nobody can learn it.

Inputs are drawn as the row says, and beyond: other values and signs of its parameters, other extents of its
arrays and of its launch, values outside of the range of its fills, all alike, and outputs that begin with
anything. A draw that the row's own kernel does not stand is left out by the judge.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from warpgen.launch import Argument, Fill, Launch
from warpgen.program import Program
from warpgen.verification.bench import constants, extents
from warpgen.verification.bench.extents import Change
from warpgen.verification.bench.results import WIDE
from warpgen.verification.jail.job import Draw
from warpgen.verification.running.memory_layout import MemoryLayout
from warpgen.verification.running.streams import Stream

# Whole numbers in outputs begin in this range: none is zero, and as a number of places none leads far.
# Floats there have both signs: what was less, and what was more, must not be kept.
_JUNK = (1.0, 9.0)
# Floats that are farther off than results mostly are, by bytes of the type.
_WIDE_FLOATS = {2: 1e3, 4: 1e6, 8: 1e6}
# Whole numbers that no rounding of bits of floats excuses, by bytes of the type; a kernel that counts on
# places does not stand them.
_WIDE_JUNK = {1: (20.0, 120.0), 2: (1e3, 3e4), 4: (1e6, 2e9), 8: (1e6, 2e9)}
# Whole inputs whose products leave 32 bits; no greater ones, for some are counts of turns.
_WIDE = 1e5

# Floats of inputs this many times beyond their range, at most: a bound that somebody made up is met there.
_FARTHEST = 1e3

# How many draws of each kind are tried: `_Plan` says what each is. Of some all are tried in any case.
_KINDS = {
    "plain": 3, "parameters": 4, "extents": 4, "beyond": 3, "edges": 5, "whole numbers": 2,
    "counts": 1, "extents alone": 2, "launch alone": 1, "one axis": 4, "one parameter": 6,
    "junk of floats": 2, "parameters, clean": 2, "extents, clean": 2, "clean": 2, "far": 2, "other sign": 4,
    "zero": 5, "equals": 3, "far equals": 2, "cases": 6, "single": 2, "uneven": 1, "inner axis": 3,
    "repeated": 1, "wide numbers": 2, WIDE: 1,
}  # fmt: skip


# Kinds of which all draws are tried in any case.
_ALL = ("edges", "cases", "single")


def plan(program: Program, layouts: Sequence[MemoryLayout], seed: int) -> tuple[list[Draw], list[Draw]]:
    """The draws that are tried in any case, one of each kind and all edges, and more of each in turn."""
    made = _Plan(program, layouts, seed)
    drawn = [pair for kind, count in _KINDS.items() for pair in made.draws(kind, count)]
    first = [draw for turn, draw in drawn if not turn or draw.label in _ALL]
    more = [(turn, draw) for turn, draw in drawn if turn and draw.label not in _ALL]
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
        # Of parameters that are drawn anew each time, the sign and what they are compared with stay the same.
        drawn = [
            f
            for a in program.args
            if a.role == "param"
            for f in a.fills
            if f.kind == "uniform" and f.name in self._codes
        ]
        signed = [
            f.name for f in drawn if np.dtype(self._codes[f.name]).kind == "f" and f.low * f.high >= 0.0
        ]
        whole = [f.name for f in drawn if np.dtype(self._codes[f.name]).kind in "iu"]
        self._turning = {
            kind: [names[k] for k in np.argsort(Stream(seed, kind).uniform((len(names),)))]
            for kind, names in (("other sign", self._floats + signed), ("zero", self._whole + whole))
        }
        self._numbers = [int(f.value) for f in fills if np.dtype(self._codes[f.name]).kind in "iu"]
        taken = [f for a in program.args if a.role != "output" for f in a.fills]
        self._counts = {f.name for f in taken if self._is_count(f)}
        wide = [f for f in taken if f.kind == "uniform" and f.name in self._codes]
        self._inputs = {f.name for f in wide if np.dtype(self._codes[f.name]).kind in "iu"}
        self._number = 0
        numbers = {"whole numbers": self._inputs, "wide numbers": self._inputs, "counts": self._counts}
        self._useless = {name for name, some in numbers.items() if not some}
        if all(f.kind != "permutation" for f in taken):
            self._useless.add("repeated")
        self._pool = constants.numbers(program.source)
        self._cases = self._some_cases()

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
        if kind in self._useless:
            return None
        if kind == "cases":
            if turn >= len(self._cases):
                return None
            args = self._changed(args, _set(*self._cases[turn]))
        if kind == "equals" and turn == 1:
            args = self._changed(args, self._parameters(chance, floats=True))
        if kind == "equals" and turn == 2:
            for name in self._turning["other sign"]:
                args = self._changed(args, self._turned(name, "other sign"))
        if kind in ("one parameter", "other sign", "zero"):
            names = self._turning.get(kind, self._names)
            if turn >= len(names):
                return None
            name = names[turn]
            change = self._parameters(chance, name) if kind == "one parameter" else self._turned(name, kind)
            args = self._changed(args, change)
        lengths = self._lengths(kind, turn, args, launch, chance)
        if lengths is None:
            return None
        args, launch = lengths
        args = self._changed(args, self._ranges(kind, turn, chance))
        if "clean" not in kind:
            far = turn if kind == "plain" else 0
            args = self._changed(args, self._junk(floats=kind == "junk of floats", far=far))
        return self._placed(kind, turn, args, msgspec.structs.replace(launch, seed=self._seed), chance)

    def _placed(
        self, kind: str, turn: int, args: tuple[Argument, ...], launch: Launch, chance: Stream
    ) -> Draw:
        """The draw, and where its arrays lie: not always where a page begins or ends, nor pages apart."""
        pool: tuple[float, ...] = ()
        if "equals" in kind:
            pool = constants.beyond(self._program.source) if "far" in kind else self._pool
        # At an edge min and max may have equal arguments, and an adjoint any of several slopes.
        backward = kind not in ("edges", "zero", WIDE) and not pool
        flush, near = self._number % 3 == 0, self._number % 4 == 3
        shift = 16 * int(1.0 + 254.0 * float(chance.uniform((1,))[0])) if self._number % 3 == 1 else 0
        turned = turn % 2 == 0
        return Draw(args, launch, self._number, flush, shift, near, backward, turned, pool=pool, label=kind)

    def _lengths(
        self, kind: str, turn: int, args: tuple[Argument, ...], launch: Launch, chance: Stream
    ) -> tuple[tuple[Argument, ...], Launch] | None:
        """Arguments and launch with other lengths, where the kind has any; None where the row has none."""
        if kind in ("one axis", "inner axis"):
            axes = extents.axes(args, launch, inner=kind == "inner axis")
            if turn >= len(axes):
                return None
            first = int(Stream(self._seed, "axes").uniform((1,))[0] * len(axes))
            args = self._changed(args, extents.shorter(*axes[(first + turn) % len(axes)], chance))
        if kind == "uneven":
            return extents.uneven(args, launch, chance)
        if kind in ("extents", "extents alone", "extents, clean", "far", "single"):
            known = extents.others(args, launch, self._numbers, chance, turn, kind == "far")
            lengths = extents.single(args, launch, turn) if kind == "single" else known
            if not lengths:
                return None
            args, launch = self._resized(args, lengths), extents.relaunched(launch, lengths)
        if kind == "launch alone":
            # Objects keep their size: a launch over the faces of a mesh stands no other change of its length.
            launch = msgspec.structs.replace(launch, dim=extents.fewer(launch.dim, chance))
        return args, launch

    def _some_cases(self) -> list[tuple[str, float]]:
        """Whole parameters and numbers that the source compares whole numbers with: some pairs of them."""
        values = {
            f.name: f.value if f.kind == "constant" else math.nan
            for a in self._program.args
            for f in a.fills
            if f.name in self._turning["zero"]
        }
        by_name, others = constants.cases(self._program.source, list(values))
        pairs = [pair for pair in by_name if pair[1] != values[pair[0]]]
        more = [(name, n) for name in values for n in others if n != values[name] and (name, n) not in pairs]
        chance = Stream(self._seed, "cases")
        pairs, more = ([some[k] for k in np.argsort(chance.uniform((len(some),)))] for some in (pairs, more))
        return [*pairs, *more]

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
                return msgspec.structs.replace(fill, kind="constant", value=0.0)
            low, high = _about(-fill.value, 0.5) if fill.kind == "constant" else (-fill.high, -fill.low)
            return msgspec.structs.replace(fill, kind="uniform", low=low, high=high)

        return change

    def _ranges(self, kind: str, turn: int, chance: Stream) -> Change:
        """Values beyond the range of the row's fills, or at its edges and all alike."""
        far = _FARTHEST ** (0.5 + 0.5 * float(Stream(self._seed, WIDE).uniform((1,))[0]))

        def change(argument: Argument, fill: Fill) -> Fill:
            if kind == "repeated" and fill.kind == "permutation":
                return msgspec.structs.replace(fill, kind="uniform", low=0.0, high=float(fill.shape[0]))
            if argument.role == "output" or fill.kind != "uniform":
                return fill
            whole = np.dtype(self._codes[fill.name]).kind != "f"
            span = fill.high - fill.low
            u = float(chance.uniform((1,))[0])
            if kind in ("beyond", WIDE) and not whole:
                reach = span * (0.5 + u) * (far if kind == WIDE else 1.0)
                return msgspec.structs.replace(fill, low=fill.low - reach, high=fill.high + reach)
            if kind == "whole numbers" and whole:
                return msgspec.structs.replace(fill, low=fill.low - span, high=fill.high + span)
            if kind == "counts" and fill.name in self._counts:
                # By chance the last of all elements are seldom among those that count.
                return msgspec.structs.replace(fill, kind="constant", value=fill.high - 1.0)
            if kind == "wide numbers" and whole and self._wide_now(fill, turn):
                low, high = _wide(np.dtype(self._codes[fill.name]))
                return msgspec.structs.replace(fill, low=low, high=high)
            if kind == "edges":
                value = self._edge(fill, whole, turn)
                return fill if value is None else msgspec.structs.replace(fill, kind="constant", value=value)
            return fill

        return change

    def _wide_now(self, fill: Fill, turn: int) -> bool:
        """Whether a whole input is wide: first all that are no truths, then one of them."""
        names = [f.name for a in self._program.args for f in a.fills if f.name in self._inputs]
        chosen = int(Stream(self._seed, "wide").uniform((1,))[0] * len(names))
        return fill.name in names and (not turn or fill.name == names[chosen])

    def _edge(self, fill: Fill, whole: bool, turn: int) -> float | None:
        """What all elements are in this turn; in two of them, they are as ever.

        Zero and both ends come in any case, and where these are fewer than three, others: who tests for one
        value must not be right by luck.
        """
        chance = Stream(self._seed, "edges", fill.name)
        truth = np.dtype(self._codes[fill.name]).kind == "b"
        first, last = (0.0, 1.0) if truth else fill.ends if whole else (fill.low, fill.high)
        others = [1.0, -1.0, float(np.floor(0.5 * (first + last))) if whole else 0.5 * (first + last)]
        others = [others[k] for k in np.argsort(chance.uniform((3,)))]
        edges = dict.fromkeys(e for e in (0.0, first, last, *others) if first <= e <= last)
        turns = [*list(edges)[:3], *[None] * _KINDS["edges"]][: _KINDS["edges"]]
        return turns[int(np.argsort(chance.uniform((len(turns),)))[turn])]

    def _junk(self, floats: bool, far: int) -> Change:
        """Anything in outputs; whole numbers there may be places, which a kernel counts on.

        `far` is 1 for whole numbers below zero, 2 for those that are no places, and for floats as far off.
        """

        def change(argument: Argument, fill: Fill) -> Fill:
            if argument.role != "output" or fill.kind != "constant":
                return fill
            code = np.dtype(self._codes[fill.name])
            if floats and code.kind != "f":
                return fill
            low, high = _JUNK
            if code.kind == "f":
                high = _WIDE_FLOATS[code.itemsize] if far == 2 else high
                low = -high
            elif far == 1 and code.kind == "i":
                low, high = -high, 0.0
            elif far == 2 and code.kind in "iu":
                low, high = _WIDE_JUNK[code.itemsize]
                low = -high if code.kind == "i" else low
            return msgspec.structs.replace(fill, kind="uniform", low=low, high=high)

        return change

    def _resized(self, args: Sequence[Argument], lengths: Mapping[int, int]) -> tuple[Argument, ...]:
        """Shapes, and whole numbers that stand for an extent: a parameter, the end of a range of indices."""

        def size(number: float) -> float:
            """An extent becomes another; so does what is one more, as the end of numbers from 1 on."""
            if number in lengths:
                return float(lengths[int(number)])
            return lengths[int(number) - 1] + 1.0 if number - 1.0 in lengths else number

        def resize(fill: Fill) -> Fill:
            shape = tuple(lengths.get(extent, extent) for extent in fill.shape)
            fill = msgspec.structs.replace(fill, shape=shape)
            code = self._codes.get(fill.name)
            if code is None or np.dtype(code).kind == "f":
                return fill
            if fill.kind == "constant":
                return msgspec.structs.replace(fill, value=size(fill.value))
            if fill.kind == "uniform" and (beyond := extents.beyond(fill, lengths)):
                return msgspec.structs.replace(fill, low=beyond[0], high=beyond[1])
            if fill.kind in ("uniform", "offsets", "ascending") and size(fill.high) > fill.low:
                return msgspec.structs.replace(fill, high=size(fill.high))
            return fill

        return tuple(msgspec.structs.replace(a, fills=tuple(resize(f) for f in a.fills)) for a in args)


def _set(name: str, value: float) -> Change:
    """One value for one fill."""
    return lambda _, fill: (
        msgspec.structs.replace(fill, kind="constant", value=value) if fill.name == name else fill
    )


def _wide(code: np.dtype[Any]) -> tuple[float, float]:
    """A range of whole numbers: all that fit a short type or one without a sign, of others a part."""
    limits = np.iinfo(code)
    most = float(min(limits.max, 0xFFFFFFFF))
    return (0.0, most) if code.kind == "u" else (max(-_WIDE, float(limits.min)), min(_WIDE, most))


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
