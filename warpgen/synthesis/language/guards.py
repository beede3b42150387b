"""Values kept inside bounds, only where their range does not prove that they are there already."""

from __future__ import annotations

from warpgen.synthesis.language.values import Value, call, literal


def like(x: Value, value: float) -> Value:
    """A literal of the scalar type of `x`."""
    return literal(value, x.type.scalar, x.author)


def at_least(x: Value, floor: float) -> Value:
    """`x` kept at or above `floor`, in one of the ways people write it."""
    if x.lo >= floor:
        return x
    bound = like(x, floor)
    if x.lo >= 0 and floor > 0 and x.author.rng.chance(0.5):
        return x + bound
    if floor > 0 and x.lo < 0 and x.author.rng.chance(0.4):
        return call("wp.abs", [x], x.type, 0.0, x.magnitude, x.author) + bound
    return call("wp.max", [x, bound], x.type, floor, max(x.hi, floor), x.author)


def at_most(x: Value, ceiling: float) -> Value:
    """`wp.min(x, ceiling)`, where `x` can be above it."""
    if x.hi <= ceiling:
        return x
    return call("wp.min", [x, like(x, ceiling)], x.type, min(x.lo, ceiling), ceiling, x.author)


def clamped(x: Value, low: float, high: float) -> Value:
    """`x` inside [low, high], with a clamp only where its range asks for one."""
    if x.lo >= low and x.hi <= high:
        return x
    if x.lo >= low:
        return at_most(x, high)
    if x.hi <= high and low <= 0:
        return call("wp.max", [x, like(x, low)], x.type, low, max(x.hi, low), x.author)
    return call("wp.clamp", [x, like(x, low), like(x, high)], x.type, low, high, x.author)
