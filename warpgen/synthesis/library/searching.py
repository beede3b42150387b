"""Searches in ascending arrays of integers or floats, whole or between two places of it.

Sources: Knuth, The Art of Computer Programming 3, 6.2.1; Bentley & Yao 1976 (doubling); Khuong & Morin 2017
(without branches).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.writing.pieces import Piece, piece


def _between(side: Any) -> Any:
    def search(values: Any, lo: int, hi: int, key: Any) -> int:
        return lo + int(np.searchsorted(values[lo:hi], key, side))

    return search


ROW_OF = piece(
    """
@wp.func
def row_of(offsets: wp.array(dtype=int), k: int) -> int:
    # last row with offset <= k, so that empty rows are skipped
    lo = int(0)
    hi = offsets.shape[0] - 1
    while hi - lo > 1:
        mid = (lo + hi) // 2
        if offsets[mid] <= k:
            lo = mid
        else:
            hi = mid
    return lo
""",
    numpy=lambda offsets, k: np.searchsorted(offsets, k, "right") - 1,
)


def _searches(dtype: str, suffix: str) -> dict[str, Piece]:
    """Members for arrays of `dtype`: the first place between lo and hi whose value is not below a key."""
    halving = piece(
        f"""
@wp.func
def lower_bound{suffix}(values: wp.array(dtype={dtype}), lo: int, hi: int, key: {dtype}) -> int:
    first = lo
    last = hi
    while first < last:
        mid = (first + last) // 2
        if values[mid] < key:
            first = mid + 1
        else:
            last = mid
    return first
""",
        numpy=_between("left"),
    )
    branchless = piece(
        f"""
@wp.func
def lower_bound_steps{suffix}(values: wp.array(dtype={dtype}), lo: int, hi: int, key: {dtype}) -> int:
    # branchless halving to avoid warp divergence
    base = lo
    count = hi - lo
    while count > 1:
        half = count // 2
        base = wp.where(values[base + half - 1] < key, base + half, base)
        count -= half
    if count == 1 and values[base] < key:
        base += 1
    return base
""",
        numpy=_between("left"),
    )
    doubling = piece(
        f"""
@wp.func
def lower_bound_doubling{suffix}(values: wp.array(dtype={dtype}), lo: int, hi: int, key: {dtype}) -> int:
    # galloping search: fast when the key is near the front
    stride = int(1)
    while lo + stride < hi and values[lo + stride] < key:
        stride *= 2
    return lower_bound{suffix}(values, lo + stride // 2, wp.min(lo + stride + 1, hi), key)
""",
        halving,
        numpy=_between("left"),
    )
    linear = piece(
        f"""
@wp.func
def lower_bound_scan{suffix}(values: wp.array(dtype={dtype}), lo: int, hi: int, key: {dtype}) -> int:
    # linear scan, cache-friendly for short ranges
    for k in range(lo, hi):
        if values[k] >= key:
            return k
    return hi
""",
        numpy=_between("left"),
    )
    return {"halving": halving, "branchless": branchless, "doubling": doubling, "scan": linear}


INTEGERS = _searches("int", "")
FLOATS = _searches("float", "_float")
WAYS = ("halving", "branchless", "doubling", "scan")
