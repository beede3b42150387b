"""Smoothing kernels of SPH in three dimensions: W(r, h) with support h, and its slope dW/dr.

Sources: Müller, Charypar & Gross 2003 (poly6, spiky); Monaghan 1992 (cubic spline, here with support h);
Wendland 1995, Dehnen & Aly 2012 (C2). Each integrates to one over the ball of radius h.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from warpgen.synthesis.writing.pieces import Piece, piece


class Smoothing(NamedTuple):
    """A kernel and its slope, both of (r, h) in 1/m^3 and 1/m^4."""

    value: Piece
    slope: Piece


def _inside(r: Any, h: Any, value: Any) -> Any:
    return np.where(r < h, value, 0.0)


def _cubic(r: Any, h: Any) -> Any:
    q = r / h
    inner = 6.0 * (q**3 - q**2) + 1.0
    return _inside(r, h, 8.0 / (np.pi * h**3) * np.where(q < 0.5, inner, 2.0 * (1.0 - q) ** 3))


def _cubic_slope(r: Any, h: Any) -> Any:
    q = r / h
    return _inside(r, h, 48.0 / (np.pi * h**4) * np.where(q < 0.5, 3.0 * q**2 - 2.0 * q, -((1.0 - q) ** 2)))


POLY6 = Smoothing(
    piece(
        '''
@wp.func
def poly6(r: float, h: float) -> float:
    """Poly6 smoothing kernel (Mueller et al. 2003)."""
    if r >= h:
        return 0.0
    d = h * h - r * r
    return 315.0 / (64.0 * wp.pi * wp.pow(h, 9.0)) * d * d * d
''',
        numpy=lambda r, h: _inside(r, h, 315.0 / (64.0 * np.pi * h**9) * (h * h - r * r) ** 3),
    ),
    piece(
        """
@wp.func
def poly6_slope(r: float, h: float) -> float:
    if r >= h:
        return 0.0
    d = h * h - r * r
    return -945.0 / (32.0 * wp.pi * wp.pow(h, 9.0)) * r * d * d
""",
        numpy=lambda r, h: _inside(r, h, -945.0 / (32.0 * np.pi * h**9) * r * (h * h - r * r) ** 2),
    ),
)

SPIKY = Smoothing(
    piece(
        '''
@wp.func
def spiky(r: float, h: float) -> float:
    """Spiky smoothing kernel (Desbrun & Gascuel 1996)."""
    if r >= h:
        return 0.0
    d = h - r
    return 15.0 / (wp.pi * wp.pow(h, 6.0)) * d * d * d
''',
        numpy=lambda r, h: _inside(r, h, 15.0 / (np.pi * h**6) * (h - r) ** 3),
    ),
    piece(
        '''
@wp.func
def spiky_slope(r: float, h: float) -> float:
    """Spiky kernel radial derivative dW/dr."""
    # non-zero at r = 0, unlike poly6
    if r >= h:
        return 0.0
    d = h - r
    return -45.0 / (wp.pi * wp.pow(h, 6.0)) * d * d
''',
        numpy=lambda r, h: _inside(r, h, -45.0 / (np.pi * h**6) * (h - r) ** 2),
    ),
)

CUBIC = Smoothing(
    piece(
        '''
@wp.func
def cubic_spline(r: float, h: float) -> float:
    """Cubic spline SPH kernel in 3D (Monaghan 1992).

    Args:
        r: Particle distance.
        h: Smoothing length (support radius), W = 0 for r >= h.
    """
    q = r / h
    sigma = 8.0 / (wp.pi * h * h * h)
    if q < 0.5:
        return sigma * (6.0 * (q * q * q - q * q) + 1.0)
    if q < 1.0:
        return sigma * 2.0 * (1.0 - q) * (1.0 - q) * (1.0 - q)
    return 0.0
''',
        numpy=_cubic,
    ),
    piece(
        '''
@wp.func
def cubic_spline_slope(r: float, h: float) -> float:
    """Cubic spline kernel radial derivative dW/dr."""
    q = r / h
    sigma = 48.0 / (wp.pi * h * h * h * h)
    if q < 0.5:
        return sigma * q * (3.0 * q - 2.0)
    if q < 1.0:
        return -sigma * (1.0 - q) * (1.0 - q)
    return 0.0
''',
        numpy=_cubic_slope,
    ),
)

WENDLAND_C2 = Smoothing(
    piece(
        '''
@wp.func
def wendland_c2(r: float, h: float) -> float:
    """Wendland C2 kernel in 3D (Wendland 1995)."""
    q = wp.min(r / h, 1.0)
    a = (1.0 - q) * (1.0 - q)
    return 21.0 / (2.0 * wp.pi * h * h * h) * a * a * (1.0 + 4.0 * q)
''',
        numpy=lambda r, h: _inside(r, h, 21.0 / (2.0 * np.pi * h**3) * (1 - r / h) ** 4 * (1 + 4 * r / h)),
    ),
    piece(
        '''
@wp.func
def wendland_c2_slope(r: float, h: float) -> float:
    """Compute dW/dr for the Wendland C2 kernel."""
    q = wp.min(r / h, 1.0)
    a = 1.0 - q
    return -210.0 / (wp.pi * h * h * h * h) * q * a * a * a
''',
        numpy=lambda r, h: _inside(r, h, -210.0 / (np.pi * h**4) * (r / h) * (1 - r / h) ** 3),
    ),
)

KERNELS = (POLY6, SPIKY, CUBIC, WENDLAND_C2)
