"""Finalisers that spread the bits of a 32-bit integer over the whole word, for hashes and random streams.

Sources: Appleby 2011 (MurmurHash3 fmix32); Collet 2012 (xxHash32 avalanche); Wellons 2018 (lowbias32);
Wang 2007; Jenkins 1997 (the six-shift hash); O'Neill 2014 as in Jarzynski & Olano 2020 (PCG).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.writing.pieces import piece


def _words(x: Any) -> Any:
    return np.asarray(x).astype(np.uint32)


def _murmur(h: Any) -> Any:
    h = _words(h)
    h = (h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    h = (h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return h ^ (h >> np.uint32(16))


def _xxhash(h: Any) -> Any:
    h = _words(h)
    h = (h ^ (h >> np.uint32(15))) * np.uint32(2246822519)
    h = (h ^ (h >> np.uint32(13))) * np.uint32(3266489917)
    return h ^ (h >> np.uint32(16))


def _lowbias(h: Any) -> Any:
    h = _words(h)
    h = (h ^ (h >> np.uint32(16))) * np.uint32(0x7FEB352D)
    h = (h ^ (h >> np.uint32(15))) * np.uint32(0x846CA68B)
    return h ^ (h >> np.uint32(16))


def _wang(h: Any) -> Any:
    h = _words(h)
    h = (h ^ np.uint32(61)) ^ (h >> np.uint32(16))
    h = h * np.uint32(9)
    h = (h ^ (h >> np.uint32(4))) * np.uint32(0x27D4EB2D)
    return h ^ (h >> np.uint32(15))


def _jenkins(h: Any) -> Any:
    h = _words(h)
    h = (h + np.uint32(0x7ED55D16)) + (h << np.uint32(12))
    h = (h ^ np.uint32(0xC761C23C)) ^ (h >> np.uint32(19))
    h = (h + np.uint32(0x165667B1)) + (h << np.uint32(5))
    h = (h + np.uint32(0xD3A2646C)) ^ (h << np.uint32(9))
    h = (h + np.uint32(0xFD7046C5)) + (h << np.uint32(3))
    return (h ^ np.uint32(0xB55A4F09)) ^ (h >> np.uint32(16))


def _pcg(h: Any) -> Any:
    state = _words(h) * np.uint32(747796405) + np.uint32(2891336453)
    word = ((state >> ((state >> np.uint32(28)) + np.uint32(4))) ^ state) * np.uint32(277803737)
    return (word >> np.uint32(22)) ^ word


MURMUR = piece(
    '''
@wp.func
def fmix32(h: wp.uint32) -> wp.uint32:
    """MurmurHash3 32-bit finalizer."""
    h = h ^ (h >> wp.uint32(16))
    h = h * wp.uint32(0x85EBCA6B)
    h = h ^ (h >> wp.uint32(13))
    h = h * wp.uint32(0xC2B2AE35)
    return h ^ (h >> wp.uint32(16))
''',
    numpy=_murmur,
)

XXHASH = piece(
    '''
@wp.func
def xxh32_avalanche(h: wp.uint32) -> wp.uint32:
    """xxHash32 final avalanche."""
    h = h ^ (h >> wp.uint32(15))
    h = h * wp.uint32(2246822519)
    h = h ^ (h >> wp.uint32(13))
    h = h * wp.uint32(3266489917)
    return h ^ (h >> wp.uint32(16))
''',
    numpy=_xxhash,
)

LOWBIAS = piece(
    """
@wp.func
def lowbias32(x: wp.uint32) -> wp.uint32:
    x = (x ^ (x >> wp.uint32(16))) * wp.uint32(0x7FEB352D)
    x = (x ^ (x >> wp.uint32(15))) * wp.uint32(0x846CA68B)
    return x ^ (x >> wp.uint32(16))
""",
    numpy=_lowbias,
)

WANG = piece(
    '''
@wp.func
def wang_hash(seed: wp.uint32) -> wp.uint32:
    """Integer hash by Thomas Wang."""
    seed = (seed ^ wp.uint32(61)) ^ (seed >> wp.uint32(16))
    seed = seed * wp.uint32(9)
    seed = seed ^ (seed >> wp.uint32(4))
    seed = seed * wp.uint32(0x27D4EB2D)
    return seed ^ (seed >> wp.uint32(15))
''',
    numpy=_wang,
)

JENKINS = piece(
    """
@wp.func
def jenkins_mix(a: wp.uint32) -> wp.uint32:
    a = (a + wp.uint32(0x7ED55D16)) + (a << wp.uint32(12))
    a = (a ^ wp.uint32(0xC761C23C)) ^ (a >> wp.uint32(19))
    a = (a + wp.uint32(0x165667B1)) + (a << wp.uint32(5))
    a = (a + wp.uint32(0xD3A2646C)) ^ (a << wp.uint32(9))
    a = (a + wp.uint32(0xFD7046C5)) + (a << wp.uint32(3))
    return (a ^ wp.uint32(0xB55A4F09)) ^ (a >> wp.uint32(16))
""",
    numpy=_jenkins,
)

PCG = piece(
    '''
@wp.func
def pcg_hash(x: wp.uint32) -> wp.uint32:
    """32-bit PCG hash (Jarzynski & Olano 2020)."""
    state = x * wp.uint32(747796405) + wp.uint32(2891336453)
    word = ((state >> ((state >> wp.uint32(28)) + wp.uint32(4))) ^ state) * wp.uint32(277803737)
    return (word >> wp.uint32(22)) ^ word
''',
    numpy=_pcg,
)

MIXERS = (MURMUR, XXHASH, LOWBIAS, WANG, JENKINS, PCG)

ROTL32 = piece('''
@wp.func
def rotl32(x: wp.uint32, r: wp.uint32) -> wp.uint32:
    """Rotate left by r bits, 0 < r < 32."""
    return (x << r) | (x >> (wp.uint32(32) - r))
''')
