"""Other launches of a program: fewer elements, other parameters, values from elsewhere.

What a kernel does at one size with one set of parameters says little of another; whether a variation is
a launch at all, with every access in range, the oracle must tell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from warpgen.launch import Argument, Fill, FillKind
from warpgen.program import Program

# Whether a program may be launched as it stands.
Allowed = Callable[[Program], bool]

_NUMBERS: tuple[FillKind, ...] = ("uniform", "ascending", "offsets")
_SHAPELESS: tuple[FillKind, ...] = ("mesh", "bvh", "hash_grid", "volume", "texture", "struct", "unknown")
# Extents below this are those of vectors, stencils and the like rather than of data.
_SMALL = 4


def variations(program: Program, allowed: Allowed) -> Iterator[Program]:
    """Launches of the same kernel that are allowed, each unlike the others; the first shows the most."""
    few = resized(program, lambda extent: 3 if extent <= 16 else 7)
    seen = [program]
    for made in (
        wider(reset(few)),
        reset(few),
        wider(few),
        few,
        wider(program),
        reset(program),
        resized(program, lambda extent: 1),
        emptied(few),
        ranged(few, lambda low, high: (low, low + _thin(low, high))),
        ranged(few, lambda low, high: (high - _thin(low, high), high)),
    ):
        if made not in seen and allowed(made):
            yield made
        seen.append(made)


def _thin(low: float, high: float) -> float:
    return 1.0 if _whole(low) and _whole(high) and high - low >= 2.0 else 1e-3 * (high - low)


def resized(program: Program, size: Callable[[int], int]) -> Program:
    """Every extent of the launch becomes another, wherever its number stands: shapes, bounds, parameters."""
    return _replaced(program, {e: size(e) for e in program.launch.dim if e >= _SMALL})


def wider(program: Program) -> Program:
    """Floats from twice their range: integers are numbers of something."""
    return ranged(
        program, lambda low, high: (low - 0.5 * (high - low), high + 0.5 * (high - low)), integers=False
    )


def emptied(program: Program) -> Program:
    """Axes along which no threads are launched become empty."""
    shapes = [fill.shape for argument in program.args for fill in argument.fills if fill.kind in _NUMBERS]
    inner = {e for shape in shapes for e in shape if e not in program.launch.dim and e >= _SMALL}
    return _replaced(program, dict.fromkeys(inner, 0))


def _replaced(program: Program, sizes: dict[int, int]) -> Program:
    def changed(fill: Fill) -> Fill:
        if fill.kind in _SHAPELESS:
            return fill
        shape = tuple(_size(extent, sizes) for extent in fill.shape)
        high = float(_size(int(fill.high), sizes)) if _whole(fill.high) else fill.high
        value = fill.value
        if fill.kind == "constant" and not fill.shape and _whole(value):
            value = float(_size(int(value), sizes))
        high = high if high > fill.low else fill.high
        return msgspec.structs.replace(fill, shape=shape, high=high, value=value)

    dim = tuple(sizes.get(extent, extent) for extent in program.launch.dim)
    launch = msgspec.structs.replace(program.launch, dim=dim)
    return msgspec.structs.replace(_filled(program, changed), launch=launch)


def _size(number: int, sizes: dict[int, int]) -> int:
    """A number that is an extent, or one more or less, becomes what the extent does."""
    if number in sizes:
        return sizes[number]
    if number - 1 in sizes:
        return sizes[number - 1] + 1
    return sizes[number + 1] - 1 if number + 1 in sizes and sizes[number + 1] > 0 else number


def reset(program: Program) -> Program:
    """Parameters that are the same in every draw become others, a count one less."""

    def changed(fill: Fill) -> Fill:
        if fill.kind != "constant" or fill.shape:
            return fill
        whole = _whole(fill.value)
        value = (fill.value - 1.0 if fill.value > 1.0 else fill.value + 1.0) if whole else 0.75 * fill.value
        return msgspec.structs.replace(fill, value=value)

    return _filled(program, changed, ("param", "input"))


def ranged(
    program: Program, bounds: Callable[[float, float], tuple[float, float]], integers: bool = True
) -> Program:
    """Values that are drawn at random come from elsewhere."""
    whole = {a.name for a in program.args if "int" in a.type}

    def changed(fill: Fill) -> Fill:
        if fill.kind != "uniform" or (not integers and fill.name in whole):
            return fill
        low, high = bounds(fill.low, fill.high)
        return msgspec.structs.replace(fill, low=low, high=high)

    return _filled(program, changed, ("param", "input", "inout"))


def _filled(program: Program, changed: Callable[[Fill], Fill], roles: tuple[str, ...] = ()) -> Program:
    def argument(given: Argument) -> Argument:
        if roles and given.role not in roles:
            return given
        return msgspec.structs.replace(given, fills=tuple(map(changed, given.fills)))

    return msgspec.structs.replace(program, args=tuple(map(argument, program.args)))


def _whole(number: float) -> bool:
    return float(number).is_integer()
