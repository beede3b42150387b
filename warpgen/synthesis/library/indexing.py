"""Indices beyond the end of an axis brought back onto it, and cells as offsets into flat arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.writing.pieces import piece


def _mirrored(i: Any, n: Any) -> Any:
    return np.where(i < 0, -i, np.where(i >= n, 2 * n - 2 - i, i))


WRAP = piece(
    '''
@wp.func
def wrap_index(i: int, n: int) -> int:
    """Wrap an index into [0, n) for periodic boundaries."""
    # % keeps the sign of the dividend as in C, so add n first
    return (i + n) % n
''',
    numpy=lambda i, n: (i + n) % n,
)

WRAP_AHEAD = piece(
    '''
@wp.func
def wrap_ahead(i: int, n: int) -> int:
    """Wrap a non-negative index into [0, n) for periodic boundaries."""
    return i % n
''',
    numpy=lambda i, n: i % n,
)

CLAMP = piece(
    """
@wp.func
def clamp_index(i: int, n: int) -> int:
    return wp.clamp(i, 0, n - 1)
""",
    numpy=lambda i, n: np.clip(i, 0, n - 1),
)

MIRROR = piece(
    '''
@wp.func
def mirror_index(i: int, n: int) -> int:
    """Reflect an out-of-range index at the boundary without repeating the edge element."""
    if i < 0:
        return -i
    if i >= n:
        return 2 * n - 2 - i
    return i
''',
    numpy=_mirrored,
)
