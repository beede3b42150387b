"""Counting, reversing and spreading the bits of 32-bit words.

Sources: Warren 2012, Hacker's Delight, 5-1 and 7-1; Anderson 2005, Bit Twiddling Hacks; Morton 1966.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.writing.pieces import piece


def bits(x: Any, width: int = 32) -> Any:
    """The bits of unsigned integers along a new last axis, the lowest first."""
    return (np.asarray(x).astype(np.uint64)[..., None] >> np.arange(width, dtype=np.uint64)) & np.uint64(1)


def joined(b: Any) -> Any:
    """The unsigned integers (64 bits) whose bits stand along the last axis, the lowest first."""
    b = np.asarray(b).astype(np.uint64)
    return (b << np.arange(b.shape[-1], dtype=np.uint64)).sum(axis=-1, dtype=np.uint64)


def _count(x: Any) -> Any:
    return bits(x).sum(axis=-1).astype(np.int64)


SWAR = piece(
    '''
@wp.func
def popcount_swar(x: wp.uint32) -> int:
    """Count set bits with SWAR additions (Hacker's Delight, 5-1)."""
    # sum bit pairs, nibbles, then bytes; the multiply adds all four bytes into the top byte
    x = x - ((x >> wp.uint32(1)) & wp.uint32(0x55555555))
    x = (x & wp.uint32(0x33333333)) + ((x >> wp.uint32(2)) & wp.uint32(0x33333333))
    x = (x + (x >> wp.uint32(4))) & wp.uint32(0x0F0F0F0F)
    return int((x * wp.uint32(0x01010101)) >> wp.uint32(24))
''',
    numpy=_count,
)

KERNIGHAN = piece(
    '''
@wp.func
def popcount_kernighan(x: wp.uint32) -> int:
    """Count set bits, one iteration per set bit."""
    count = int(0)
    # x & (x - 1) clears the lowest set bit
    while x != wp.uint32(0):
        x = x & (x - wp.uint32(1))
        count += 1
    return count
''',
    numpy=_count,
)

HAKMEM = piece(
    """
@wp.func
def popcount_hakmem(x: wp.uint32) -> int:
    # HAKMEM item 169: count bits per octal digit, then sum the digits modulo 63
    t = x - ((x >> wp.uint32(1)) & wp.uint32(0xDB6DB6DB)) - ((x >> wp.uint32(2)) & wp.uint32(0x49249249))
    return int(((t + (t >> wp.uint32(3))) & wp.uint32(0xC71C71C7)) % wp.uint32(63))
""",
    numpy=_count,
)

NIBBLES = piece(
    """
@wp.func
def popcount_nibbles(x: wp.uint32) -> int:
    # 4-bit lookup table packed into a 64-bit constant
    count = int(0)
    while x != wp.uint32(0):
        digit = wp.uint64(x & wp.uint32(15))
        count += int((wp.uint64(0x4332322132212110) >> (digit * wp.uint64(4))) & wp.uint64(7))
        x = x >> wp.uint32(4)
    return count
""",
    numpy=_count,
)

POPCOUNTS = (SWAR, KERNIGHAN, HAKMEM, NIBBLES)


def _reversed(x: Any) -> Any:
    return joined(bits(x)[..., ::-1]).astype(np.uint32)


REVERSE_SWAPS = piece(
    '''
@wp.func
def reverse_bits(x: wp.uint32) -> wp.uint32:
    """Reverse the bit order."""
    x = ((x >> wp.uint32(1)) & wp.uint32(0x55555555)) | ((x & wp.uint32(0x55555555)) << wp.uint32(1))
    x = ((x >> wp.uint32(2)) & wp.uint32(0x33333333)) | ((x & wp.uint32(0x33333333)) << wp.uint32(2))
    x = ((x >> wp.uint32(4)) & wp.uint32(0x0F0F0F0F)) | ((x & wp.uint32(0x0F0F0F0F)) << wp.uint32(4))
    x = ((x >> wp.uint32(8)) & wp.uint32(0x00FF00FF)) | ((x & wp.uint32(0x00FF00FF)) << wp.uint32(8))
    return (x >> wp.uint32(16)) | (x << wp.uint32(16))
''',
    numpy=_reversed,
)

REVERSE_LOOP = piece(
    """
@wp.func
def reverse_bits_loop(x: wp.uint32) -> wp.uint32:
    r = wp.uint32(0)
    for _ in range(32):
        r = (r << wp.uint32(1)) | (x & wp.uint32(1))
        x = x >> wp.uint32(1)
    return r
""",
    numpy=_reversed,
)

REVERSALS = (REVERSE_SWAPS, REVERSE_LOOP)

PART1BY1 = piece('''
@wp.func
def part1by1(x: wp.uint32) -> wp.uint32:
    """Insert one zero bit between each of the low 16 bits (2D Morton code)."""
    x = x & wp.uint32(0x0000FFFF)
    x = (x ^ (x << wp.uint32(8))) & wp.uint32(0x00FF00FF)
    x = (x ^ (x << wp.uint32(4))) & wp.uint32(0x0F0F0F0F)
    x = (x ^ (x << wp.uint32(2))) & wp.uint32(0x33333333)
    x = (x ^ (x << wp.uint32(1))) & wp.uint32(0x55555555)
    return x
''')

PART1BY2 = piece('''
@wp.func
def part1by2(x: wp.uint32) -> wp.uint32:
    """Insert two zero bits between each of the low 10 bits (3D Morton code)."""
    x = x & wp.uint32(0x000003FF)
    x = (x ^ (x << wp.uint32(16))) & wp.uint32(0xFF0000FF)
    x = (x ^ (x << wp.uint32(8))) & wp.uint32(0x0300F00F)
    x = (x ^ (x << wp.uint32(4))) & wp.uint32(0x030C30C3)
    x = (x ^ (x << wp.uint32(2))) & wp.uint32(0x09249249)
    return x
''')

COMPACT1BY1 = piece('''
@wp.func
def compact1by1(x: wp.uint32) -> wp.uint32:
    """Compact every second bit (2D Morton decode)."""
    x = x & wp.uint32(0x55555555)
    x = (x ^ (x >> wp.uint32(1))) & wp.uint32(0x33333333)
    x = (x ^ (x >> wp.uint32(2))) & wp.uint32(0x0F0F0F0F)
    x = (x ^ (x >> wp.uint32(4))) & wp.uint32(0x00FF00FF)
    x = (x ^ (x >> wp.uint32(8))) & wp.uint32(0x0000FFFF)
    return x
''')

COMPACT1BY2 = piece('''
@wp.func
def compact1by2(x: wp.uint32) -> wp.uint32:
    """Compact every third bit (3D Morton decode)."""
    x = x & wp.uint32(0x09249249)
    x = (x ^ (x >> wp.uint32(2))) & wp.uint32(0x030C30C3)
    x = (x ^ (x >> wp.uint32(4))) & wp.uint32(0x0300F00F)
    x = (x ^ (x >> wp.uint32(8))) & wp.uint32(0xFF0000FF)
    x = (x ^ (x >> wp.uint32(16))) & wp.uint32(0x000003FF)
    return x
''')
