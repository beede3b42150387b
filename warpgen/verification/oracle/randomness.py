"""Warp's random numbers: the published PCG hash, so that every draw is the kernel's own.

Each function takes the state and returns the drawn value and the new state.
"""

from __future__ import annotations

import math
from typing import Any

from warpgen.verification.oracle.values import Int, Vec, wrap

_EPSILON = 5.96e-8  # keeps the logarithm of randn finite


def _pcg(state: int) -> int:
    b = (state * 747796405 + 2891336453) & 0xFFFFFFFF
    c = (((b >> ((b >> 28) + 4)) ^ b) * 277803737) & 0xFFFFFFFF
    return (c >> 22) ^ c


def rand_init(seed: Any, offset: Any = None) -> Int:
    first = int(seed) & 0xFFFFFFFF
    if offset is not None:
        first = (first + _pcg(int(offset) & 0xFFFFFFFF)) & 0xFFFFFFFF
    return Int(_pcg(first), "u32")


class _Stream:
    def __init__(self, state: Any) -> None:
        self.state = int(state) & 0xFFFFFFFF

    def word(self) -> int:
        self.state = _pcg(self.state)
        return self.state

    def unit(self) -> float:
        return (self.word() >> 8) / 16777216.0

    def angle(self) -> float:
        return 2.0 * math.pi * self.unit()


def _randf(s: _Stream, low: float = 0.0, high: float = 1.0) -> float:
    return (high - low) * s.unit() + low


def _randn(s: _Stream) -> float:
    radius = math.sqrt(-2.0 * math.log(s.unit() + _EPSILON))
    return radius * math.cos(s.angle())


def _randi(s: _Stream, low: Any = None, high: Any = None) -> int:
    if low is None:
        return wrap(s.word())
    return wrap(s.word() % ((int(high) - int(low)) & 0xFFFFFFFF) + int(low))


def _randu(s: _Stream, low: Any = None, high: Any = None) -> Int:
    if low is None:
        return Int(s.word(), "u32")
    return Int(s.word() % ((int(high) - int(low)) & 0xFFFFFFFF) + int(low), "u32")


def _disk(s: _Stream) -> Vec:
    r = math.sqrt(s.unit())
    theta = s.angle()
    return Vec((r * math.cos(theta), r * math.sin(theta)))


def _ring(s: _Stream) -> Vec:
    theta = s.angle()
    return Vec((math.cos(theta), math.sin(theta)))


def _triangle(s: _Stream) -> Vec:
    r = math.sqrt(s.unit())
    return Vec((1.0 - r, s.unit() * r))


def _direction(span: float, solid: bool) -> Any:
    """Points on, or in, a sphere (`span` 2) or its upper half (`span` 1)."""

    def drawn(s: _Stream) -> Vec:
        phi = math.acos(1.0 - span * s.unit())
        theta = s.angle()
        r = s.unit() ** (1.0 / 3.0) if solid else 1.0
        return Vec(
            (r * math.cos(theta) * math.sin(phi), r * math.sin(theta) * math.sin(phi), r * math.cos(phi))
        )

    return drawn


def _cdf(s: _Stream, cdf: Any) -> int:
    """How many entries of a rising array, but for its last, are below a uniform number."""
    drawn, count = s.unit(), 0
    while count < cdf.shape[0] - 1 and cdf[count] < drawn:
        count += 1
    return count


def _box(sides: int) -> Any:
    return lambda s: Vec(tuple(s.unit() - 0.5 for _ in range(sides)))


# Noise: gradients drawn from a hash of the lattice point, blended smoothly.

_PRIMES = (73856093, 19349663, 53471161, 10000019)


def _slope(state: int, at: tuple[int, ...]) -> list[float]:
    """The gradient at a lattice point: of length one, or a number in [-1, 1) along a line."""
    mixed = 0
    for i, prime in zip(at[:-1], _PRIMES, strict=False):
        mixed ^= i * prime & 0xFFFFFFFF
    # Addition binds tighter than exclusive or.
    last = at[-1] * _PRIMES[len(at) - 1] + state
    stream = _Stream((mixed ^ (last & 0xFFFFFFFF)) & 0xFFFFFFFF)
    if len(at) == 1:
        return [_randf(stream, -1.0, 1.0)]
    parts = [stream.unit() - 0.5 for _ in at]
    size = math.sqrt(math.fsum(x * x for x in parts))
    return [x / size for x in parts] if size > 0.0 else [0.0] * len(at)


def noise(state: Any, place: Any) -> float:
    """`wp.noise` along a line or in 2 to 4 dimensions."""
    spots = place.c if isinstance(place, Vec) else (place,)
    base = [math.floor(x) for x in spots]
    parts = [x - low for x, low in zip(spots, base, strict=True)]

    def blended(fixed: tuple[int, ...]) -> float:
        axis = len(spots) - 1 - len(fixed)
        if axis < 0:
            sides = fixed[::-1]
            at = [low + side for low, side in zip(base, sides, strict=True)]
            slope = _slope(int(state) & 0xFFFFFFFF, tuple(at))
            return math.fsum(g * (x - side) for g, x, side in zip(slope, parts, sides, strict=True))
        low, high = blended((*fixed, 0)), blended((*fixed, 1))
        t = float(parts[axis])
        return (high - low) * (t * t * t * (t * (t * 6.0 - 15.0) + 10.0)) + low

    return blended(())


_DRAWS: dict[str, Any] = {
    "randf": _randf,
    "randn": _randn,
    "randi": _randi,
    "randu": _randu,
    "sample_unit_disk": _disk,
    "sample_unit_ring": _ring,
    "sample_triangle": _triangle,
    "sample_unit_sphere": _direction(2.0, True),
    "sample_unit_sphere_surface": _direction(2.0, False),
    "sample_unit_hemisphere": _direction(1.0, True),
    "sample_unit_hemisphere_surface": _direction(1.0, False),
    "sample_cdf": _cdf,
    "sample_unit_square": _box(2),
    "sample_unit_cube": _box(3),
    "sample_unit_hypercube": _box(4),
}
NAMES = frozenset(_DRAWS)


def draw(name: str, state: Any, *items: Any) -> tuple[Any, Int]:
    """The value that a builtin draws from a state, and the state behind it."""
    stream = _Stream(state)
    value = _DRAWS[name](stream, *items)
    return value, Int(stream.state, "u32")
