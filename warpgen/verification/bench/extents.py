"""Other lengths: of a launch, of arrays, and of the numbers that stand for them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence

import msgspec
import numpy as np

from warpgen.launch import Argument, Fill, Launch
from warpgen.verification.running.scene import KINDS
from warpgen.verification.running.streams import Stream

Change = Callable[[Argument, Fill], Fill]


def beyond(fill: Fill, extents: Mapping[int, int]) -> tuple[float, float] | None:
    """A range of counts that an extent cuts off, above the extent that was, as that may stand in a text."""
    for old, new in extents.items():
        if old < new and fill.low <= old < fill.high - 1.0 <= 2.0 * old:
            return old + 1.0, max(fill.high, new + 1.0)
    return None


def others(
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
    turn. `far` makes the greatest of a launch some times as great, in its second turn that of all others: who
    has room for so many is seen.
    """
    extents = sorted(
        {e for e in (*launch.dim, *(e for a in args for f in a.fills for e in f.shape)) if e >= 3}
    )
    products = _products(extents, [*launch.dim, *numbers]) if turn % 2 == 0 else {}
    known = sorted(set(extents).union(*products.values()).difference(products))
    if not known:
        return {}
    u = chance.uniform((len(known) + 1, 2))
    one = turn % 4 == 1 and not far
    if one:
        known = [known[int(u[-1, 0] * len(known))]]
    made = {}
    for extent, (first, second) in zip(known, u, strict=False):
        less = max(2, extent - 1 - int(float(first) * 0.5 * extent))
        more = extent + 1 + int(float(first) * max(4, extent // 4))
        made[extent] = less if (float(second) < 0.6 if one else turn % 4 != 2) else more
    if far:
        made = {extent: extent for extent in known}
        threads = {e for e in launch.dim if e in made} or {f for e in launch.dim for f in products.get(e, ())}
        others = set(known) - {*launch.dim, *threads}
        greatest = max((others if turn else threads) or known)
        made[greatest] = int(greatest * (3.0 + 3.0 * float(u[-1, 1])))
    for extent, factors in products.items():
        made[extent] = math.prod(made[factor] for factor in factors)
    return made


def single(args: Sequence[Argument], launch: Launch, turn: int) -> dict[int, int]:
    """One for each length of a launch, or of all others: where there is but one, nothing is between two."""
    fills = [fill for argument in args for fill in argument.fills]
    extents = {extent for fill in fills for extent in fill.shape} - set(launch.dim)
    # A mesh of one is none.
    whole = {extent for fill in fills if fill.kind in (*KINDS, "texture") for extent in fill.shape}
    known = (set(launch.dim), extents)[turn] - whole
    return {extent: 1 for extent in sorted(known) if extent >= 3}


def uneven(
    args: Sequence[Argument], launch: Launch, chance: Stream
) -> tuple[tuple[Argument, ...], Launch] | None:
    """Where a launch has equal lengths, shorter ones, each another; so have arrays of its own shape."""
    dim = launch.dim
    if len(dim) < 2 or len(set(dim)) == len(dim) or min(dim) < len(dim) + 1:
        return None
    step = 1 + int(float(chance.uniform((1,))[0]) * (min(dim) // (2 * len(dim))))
    made = tuple(e - step * int(k) for e, k in zip(dim, np.argsort(chance.uniform((len(dim),))), strict=True))

    def changed(fill: Fill) -> Fill:
        shape = fill.shape
        same = shape[: len(dim)] == dim
        return msgspec.structs.replace(fill, shape=(*made, *shape[len(dim) :])) if same else fill

    args = tuple(msgspec.structs.replace(a, fills=tuple(map(changed, a.fills))) for a in args)
    return args, msgspec.structs.replace(launch, dim=made)


def _products(extents: Sequence[int], numbers: Sequence[int]) -> dict[int, tuple[int, ...]]:
    """The extents that are products of two or three numbers, with these, the least first."""
    some = sorted({n for n in numbers if n >= 2})
    found: dict[int, tuple[int, ...]] = {}
    for count in (3, 2):
        for factors in itertools.combinations_with_replacement(some, count):
            found[math.prod(factors)] = factors
    return {extent: found[extent] for extent in extents if extent in found}


def axes(args: Sequence[Argument], launch: Launch, inner: bool = False) -> list[tuple[str, int]]:
    """Axes of inputs, by name and number, along which no threads are launched; `inner`: that are as long."""
    return [
        (fill.name, axis)
        for argument in args
        if argument.role != "output"
        for fill in argument.fills
        for axis, extent in enumerate(fill.shape)
        if extent >= 3 and (axis > 0 and extent in launch.dim if inner else extent not in launch.dim)
    ]


def shorter(name: str, axis: int, chance: Stream) -> Change:
    """One array shorter along one axis: who reads its length there must not take another's for it."""

    def change(argument: Argument, fill: Fill) -> Fill:
        if fill.name != name:
            return fill
        shape = list(fill.shape)
        shape[axis] -= 1 + int(float(chance.uniform((1,))[0]) * (shape[axis] - 2))
        return msgspec.structs.replace(fill, shape=tuple(shape))

    return change


def fewer(dim: Sequence[int], chance: Stream) -> tuple[int, ...]:
    """A launch of fewer threads."""
    return tuple(
        max(1, int(e * (0.4 + 0.5 * float(u)))) for e, u in zip(dim, chance.uniform((len(dim),)), strict=True)
    )


def relaunched(launch: Launch, extents: Mapping[int, int]) -> Launch:
    """The launch with other lengths."""
    return msgspec.structs.replace(launch, dim=tuple(extents.get(e, e) for e in launch.dim))
