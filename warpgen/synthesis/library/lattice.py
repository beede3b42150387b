"""Lattice Boltzmann: the velocities, weights and equilibria of D2Q9 and D3Q19.

Source: Qian, d'Humieres & Lallemand 1992. Velocities come in pairs of opposites: k and k + 1 for odd k.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from warpgen.synthesis.writing.pieces import Piece, piece

C9 = np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1], [1, 1], [-1, -1], [1, -1], [-1, 1]])
W9 = np.array([4 / 9] + [1 / 9] * 4 + [1 / 36] * 4)
_AXES = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
_EDGES = [[1, 1, 0], [1, -1, 0], [1, 0, 1], [1, 0, -1], [0, 1, 1], [0, 1, -1]]
C19 = np.array([[0, 0, 0]] + [[s * c for c in v] for v in _AXES + _EDGES for s in (1, -1)])
W19 = np.array([1 / 3] + [1 / 18] * 6 + [1 / 36] * 12)


def equilibrium(c: Any, w: Any, rho: Any, u: Any) -> Any:
    """f_eq of densities and velocities, on a last axis of directions."""
    cu = u @ c.T
    return w * rho[..., None] * (1 + 3 * cu + 4.5 * cu**2 - 1.5 * (u**2).sum(-1, keepdims=True))


OPPOSITE = piece(
    """
@wp.func
def opposite(k: int) -> int:
    # opposite directions are stored in pairs: (1, 2), (3, 4), ...
    if k == 0:
        return 0
    if k % 2 == 1:
        return k + 1
    return k - 1
"""
)

OPPOSITE_OF_MOVING = piece(
    """
@wp.func
def opposite(k: int) -> int:
    # opposite directions are paired: (1, 2), (3, 4), ...; 0 is the rest population
    if k % 2 == 1:
        return k + 1
    return k - 1
"""
)

WEIGHT9 = piece(
    '''
@wp.func
def d2q9_weight(k: int) -> float:
    """D2Q9 lattice weight for direction k."""
    if k == 0:
        return 4.0 / 9.0
    if k < 5:
        return 1.0 / 9.0
    return 1.0 / 36.0
'''
)

WEIGHT19 = piece(
    """
@wp.func
def d3q19_weight(k: int) -> float:
    if k == 0:
        return 1.0 / 3.0
    if k < 7:
        return 1.0 / 18.0
    return 1.0 / 36.0
"""
)

EQUILIBRIUM9 = piece(
    '''
@wp.func
def equilibrium_d2q9(k: int, c: wp.vec2, rho: float, u: wp.vec2) -> float:
    """D2Q9 second-order equilibrium distribution.

    Args:
        k: Discrete velocity index.
        c: Discrete velocity in lattice units.
        rho: Density.
        u: Macroscopic velocity in lattice units.
    """
    cu = wp.dot(c, u)
    return d2q9_weight(k) * rho * (1.0 + 3.0 * cu + 4.5 * cu * cu - 1.5 * wp.dot(u, u))
''',
    WEIGHT9,
)

EQUILIBRIUM19 = piece(
    '''
@wp.func
def equilibrium_d3q19(k: int, c: wp.vec3, rho: float, u: wp.vec3) -> float:
    """D3Q19 second-order equilibrium distribution."""
    cu = wp.dot(c, u)
    return d3q19_weight(k) * rho * (1.0 + 3.0 * cu + 4.5 * cu * cu - 1.5 * wp.dot(u, u))
''',
    WEIGHT19,
)


class Lattice(NamedTuple):
    """One set of velocities."""

    ndim: int
    c: Any
    w: Any
    weight: Piece
    equilibrium: Piece


D2Q9 = Lattice(2, C9, W9, WEIGHT9, EQUILIBRIUM9)
D3Q19 = Lattice(3, C19, W19, WEIGHT19, EQUILIBRIUM19)
