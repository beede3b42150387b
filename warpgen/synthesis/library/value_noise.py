"""Lattice noise of integers hashed to floats, and what people make of it: octaves, ridges, turbulence.

Sources: Lewis 1989 (value noise); Perlin 2002 (quintic fade); Musgrave 1994
(ridges, here not weighted by the octave before); the hash is Wellons' lowbias32.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.writing.pieces import piece


def _hash(x: Any) -> Any:
    x = np.asarray(x).astype(np.uint32)
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B)
    return x ^ (x >> np.uint32(16))


def _lattice(*cell: Any) -> Any:
    """A number in [0, 1) for each cell of a lattice of two or three axes."""
    made = np.uint32(0)
    for part in reversed(cell):
        made = _hash(np.asarray(part, np.int64).astype(np.uint32) + made)
    return (made >> np.uint32(8)) / 16777216.0


def _value_noise(p: Any) -> Any:
    base = np.floor(p)
    f = p - base
    u = f * f * f * (f * (f * 6.0 - 15.0) + 10.0)
    axes = p.shape[-1]
    made = np.zeros(p.shape[:-1])
    for corner in np.ndindex(*[2] * axes):
        weight = np.prod(np.where(corner, u, 1.0 - u), axis=-1)
        cell = (base + np.array(corner)).astype(np.int64)
        made = made + weight * _lattice(*np.moveaxis(cell, -1, 0))
    return made


def octaves(p: Any, count: int, shape: Any = lambda n: n, lacunarity: float = 2.0, gain: float = 0.5) -> Any:
    """The sum of octaves of value noise that fall off by `gain`, each put into `shape`."""
    made = np.zeros(np.shape(p)[:-1])
    for k in range(count):
        made = made + gain ** (k + 1) * shape(_value_noise(p * lacunarity**k))
    return made


HASH = piece(
    """
@wp.func
def hash_uint(x: wp.uint32) -> wp.uint32:
    x = (x ^ (x >> wp.uint32(16))) * wp.uint32(0x7feb352d)
    x = (x ^ (x >> wp.uint32(15))) * wp.uint32(0x846ca68b)
    return x ^ (x >> wp.uint32(16))
""",
    numpy=_hash,
)

LATTICE_2 = piece(
    '''
@wp.func
def lattice2(x: int, y: int) -> float:
    """Return a pseudo-random value in [0, 1) for integer lattice coordinates."""
    h = hash_uint(wp.uint32(x) + hash_uint(wp.uint32(y)))
    # use the upper 24 bits, which are exactly representable as float
    return float(h >> wp.uint32(8)) / 16777216.0
''',
    HASH,
    numpy=_lattice,
)

LATTICE_3 = piece(
    """
@wp.func
def lattice3(x: int, y: int, z: int) -> float:
    h = hash_uint(wp.uint32(x) + hash_uint(wp.uint32(y) + hash_uint(wp.uint32(z))))
    return float(h >> wp.uint32(8)) / 16777216.0
""",
    HASH,
    numpy=_lattice,
)

FADE = piece(
    '''
@wp.func
def fade(t: float) -> float:
    """Quintic interpolant with zero first and second derivatives at 0 and 1."""
    return t * t * t * (t * (t * 6.0 - 15.0) + 10.0)
''',
    numpy=lambda t: t**3 * (t * (t * 6.0 - 15.0) + 10.0),
)

VALUE_2 = piece(
    '''
@wp.func
def value_noise2(p: wp.vec2) -> float:
    """2D value noise with quintic interpolation."""
    x = wp.floor(p[0])
    y = wp.floor(p[1])
    i = int(x)
    j = int(y)
    u = fade(p[0] - x)
    v = fade(p[1] - y)
    bottom = wp.lerp(lattice2(i, j), lattice2(i + 1, j), u)
    top = wp.lerp(lattice2(i, j + 1), lattice2(i + 1, j + 1), u)
    return wp.lerp(bottom, top, v)
''',
    FADE,
    LATTICE_2,
    numpy=_value_noise,
)

VALUE_3 = piece(
    '''
@wp.func
def value_noise3(p: wp.vec3) -> float:
    """3D value noise with quintic interpolation."""
    x = wp.floor(p[0])
    y = wp.floor(p[1])
    z = wp.floor(p[2])
    i = int(x)
    j = int(y)
    k = int(z)
    u = fade(p[0] - x)
    v = fade(p[1] - y)
    w = fade(p[2] - z)
    # trilinear interpolation: x, then y, then z
    c00 = wp.lerp(lattice3(i, j, k), lattice3(i + 1, j, k), u)
    c10 = wp.lerp(lattice3(i, j + 1, k), lattice3(i + 1, j + 1, k), u)
    c01 = wp.lerp(lattice3(i, j, k + 1), lattice3(i + 1, j, k + 1), u)
    c11 = wp.lerp(lattice3(i, j + 1, k + 1), lattice3(i + 1, j + 1, k + 1), u)
    return wp.lerp(wp.lerp(c00, c10, v), wp.lerp(c01, c11, v), w)
''',
    FADE,
    LATTICE_3,
    numpy=_value_noise,
)

FBM_2 = piece(
    '''
@wp.func
def fbm2(p: wp.vec2, octaves: int) -> float:
    """Fractional Brownian motion: octaves of 2D value noise.

    Args:
        p: Sample position.
        octaves: Number of octaves; frequency doubles and amplitude halves per octave.
    """
    height = float(0.0)
    amplitude = float(0.5)
    q = p
    for _ in range(octaves):
        height += amplitude * value_noise2(q)
        q = 2.0 * q
        amplitude *= 0.5
    return height
''',
    VALUE_2,
    numpy=octaves,
)

FBM_3 = piece(
    """
@wp.func
def fbm3(p: wp.vec3, octaves: int) -> float:
    value = float(0.0)
    amplitude = float(0.5)
    q = p
    for _ in range(octaves):
        value += amplitude * value_noise3(q)
        q = 2.0 * q
        amplitude *= 0.5
    return value
""",
    VALUE_3,
    numpy=octaves,
)

RIDGED_2 = piece(
    '''
@wp.func
def ridged2(p: wp.vec2, octaves: int) -> float:
    """Ridged noise in 2D: octaves of folded and squared value noise."""
    height = float(0.0)
    amplitude = float(0.5)
    q = p
    for _ in range(octaves):
        # fold the noise at its mean to form ridges
        ridge = 1.0 - wp.abs(2.0 * value_noise2(q) - 1.0)
        height += amplitude * ridge * ridge
        q = 2.0 * q
        amplitude *= 0.5
    return height
''',
    VALUE_2,
    numpy=lambda p, count: octaves(p, count, lambda n: (1.0 - np.abs(2.0 * n - 1.0)) ** 2),
)

BILLOW_2 = piece(
    """
@wp.func
def billow2(p: wp.vec2, octaves: int) -> float:
    height = float(0.0)
    amplitude = float(0.5)
    q = p
    for _ in range(octaves):
        height += amplitude * wp.abs(2.0 * value_noise2(q) - 1.0)
        q = 2.0 * q
        amplitude *= 0.5
    return height
""",
    VALUE_2,
    numpy=lambda p, count: octaves(p, count, lambda n: np.abs(2.0 * n - 1.0)),
)
