"""Slope limiters of total-variation-diminishing schemes, of two neighbouring differences or of their ratio.

Sources: Roe 1986 (minmod, superbee); van Leer 1974, 1977 (harmonic, monotonized central); van Albada 1982.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.writing.pieces import piece


def _minmod(a: Any, b: Any) -> Any:
    return np.where(a * b > 0, np.sign(a) * np.minimum(abs(a), abs(b)), 0.0)


def _maxmod(a: Any, b: Any) -> Any:
    return np.where(a * b > 0, np.sign(a) * np.maximum(abs(a), abs(b)), 0.0)


def _van_leer(a: Any, b: Any) -> Any:
    with np.errstate(all="ignore"):
        return np.where(a * b > 0, 2 * a * b / (a + b), 0.0)


MINMOD = piece(
    '''
@wp.func
def minmod(a: float, b: float) -> float:
    """Return the smaller-magnitude argument, or zero if the signs differ."""
    if a * b <= 0.0:
        return 0.0
    if wp.abs(a) < wp.abs(b):
        return a
    return b
''',
    numpy=_minmod,
)

MAXMOD = piece(
    """
@wp.func
def maxmod(a: float, b: float) -> float:
    if a * b <= 0.0:
        return 0.0
    if wp.abs(a) > wp.abs(b):
        return a
    return b
""",
    numpy=_maxmod,
)

SUPERBEE = piece(
    '''
@wp.func
def superbee(a: float, b: float) -> float:
    """Superbee limiter (Roe)."""
    return maxmod(minmod(2.0 * a, b), minmod(a, 2.0 * b))
''',
    MINMOD,
    MAXMOD,
    numpy=lambda a, b: _maxmod(_minmod(2 * a, b), _minmod(a, 2 * b)),
)

MC = piece(
    '''
@wp.func
def monotonized_central(a: float, b: float) -> float:
    """Monotonized central (MC) limiter (van Leer 1977)."""
    return minmod(0.5 * (a + b), 2.0 * minmod(a, b))
''',
    MINMOD,
    numpy=lambda a, b: _minmod(0.5 * (a + b), 2 * _minmod(a, b)),
)

VAN_LEER = piece(
    '''
@wp.func
def van_leer(a: float, b: float) -> float:
    """Van Leer limiter in slope form."""
    # harmonic mean, zero at local extrema
    ab = a * b
    if ab <= 0.0:
        return 0.0
    return 2.0 * ab / (a + b)
''',
    numpy=_van_leer,
)

VAN_ALBADA = piece(
    '''
@wp.func
def van_albada(a: float, b: float) -> float:
    """Van Albada limiter, smooth near extrema."""
    if a * b <= 0.0:
        return 0.0
    return a * b * (a + b) / (a * a + b * b)
''',
    numpy=lambda a, b: np.where(a * b > 0, a * b * (a + b) / np.maximum(a * a + b * b, 1e-300), 0.0),
)

LIMITERS = (MINMOD, SUPERBEE, MC, VAN_LEER, VAN_ALBADA)
