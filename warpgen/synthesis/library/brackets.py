"""Searches in ascending arrays: the k with xs[k] <= x < xs[k + 1], the first or last one where x is outside.

In a function of its own a search may have a loop of unknown length in kernels that are differentiated.
"""

from __future__ import annotations

from warpgen.synthesis.writing.pieces import piece

BISECT = piece(
    '''
@wp.func
def find_interval(xs: wp.array(dtype=float), x: float) -> int:
    """Return k such that xs[k] <= x < xs[k + 1], using bisection.

    Args:
        xs: Knots in ascending order.
        x: Query position, clamped to the first or last interval.

    Returns:
        Left knot index of the containing interval.
    """
    low = int(0)
    high = xs.shape[0] - 1
    while high - low > 1:
        mid = (low + high) // 2
        if x < xs[mid]:
            high = mid
        else:
            low = mid
    return low
'''
)

SCAN = piece(
    """
@wp.func
def scan_interval(xs: wp.array(dtype=float), x: float) -> int:
    # linear scan is fast enough for short tables
    k = int(0)
    while k < xs.shape[0] - 2 and x >= xs[k + 1]:
        k += 1
    return k
"""
)

LOWER_BOUND = piece(
    '''
@wp.func
def bracket(xs: wp.array(dtype=float), x: float) -> int:
    """Return the interval index for x, clamped to the valid range."""
    return wp.clamp(wp.lower_bound(xs, x) - 1, 0, xs.shape[0] - 2)
'''
)

SEARCHES = (BISECT, SCAN, LOWER_BOUND)
