"""Hashes of integers, for tables and for numbers that only look random.

Sources: Appleby 2011 (finaliser of MurmurHash3); Wang 2007; Jarzynski & Olano 2020 (PCG); Fowler, Noll & Vo.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.library import mixers
from warpgen.synthesis.writing.pieces import piece

_MASK = 0xFFFFFFFF


def _wide(x: Any) -> Any:
    return np.asarray(x).astype(np.int64) & _MASK


def _fibonacci(x: Any) -> Any:
    h = _wide(x) * 2654435769 & _MASK
    return h ^ (h >> 15)


MURMUR = piece(
    """
@wp.func
def hash_key(key: int) -> wp.uint32:
    # MurmurHash3 finalizer, for good avalanche behavior
    h = wp.uint32(key)
    h = h ^ (h >> wp.uint32(16))
    h = h * wp.uint32(0x85EBCA6B)
    h = h ^ (h >> wp.uint32(13))
    h = h * wp.uint32(0xC2B2AE35)
    return h ^ (h >> wp.uint32(16))
""",
    numpy=lambda key: _wide(mixers.MURMUR(key)),
)

WANG = piece(
    """
@wp.func
def wang_hash(key: int) -> wp.uint32:
    h = wp.uint32(key)
    h = (h ^ wp.uint32(61)) ^ (h >> wp.uint32(16))
    h = h * wp.uint32(9)
    h = h ^ (h >> wp.uint32(4))
    h = h * wp.uint32(0x27D4EB2D)
    return h ^ (h >> wp.uint32(15))
""",
    numpy=lambda key: _wide(mixers.WANG(key)),
)

PCG = piece(
    """
@wp.func
def pcg_hash(key: int) -> wp.uint32:
    state = wp.uint32(key) * wp.uint32(747796405) + wp.uint32(2891336453)
    # PCG output permutation: data-dependent xorshift, then mix the low bits
    word = ((state >> ((state >> wp.uint32(28)) + wp.uint32(4))) ^ state) * wp.uint32(277803737)
    return (word >> wp.uint32(22)) ^ word
""",
    numpy=lambda key: _wide(mixers.PCG(key)),
)

FIBONACCI = piece(
    """
@wp.func
def fibonacci_hash(key: int) -> wp.uint32:
    # Fibonacci hashing: 2^32 / golden ratio spreads consecutive keys
    h = wp.uint32(key) * wp.uint32(2654435769)
    return h ^ (h >> wp.uint32(15))
""",
    numpy=_fibonacci,
)

HASHES = (MURMUR, WANG, PCG, FIBONACCI)
