"""Pair potentials: the energy of two particles at a distance r, and the force -dE/dr along the line between.

Each takes two constants; `constants` says what they are called and what they range over. Sources: Allen &
Tildesley 2017, ch. 1; Weeks, Chandler & Andersen 1971.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from warpgen.synthesis.writing.pieces import Piece, piece

Constant = tuple[str, float, float]


class Potential(NamedTuple):
    """Energy and force, both of (r, first, second)."""

    energy: Piece
    force: Piece
    constants: tuple[Constant, Constant]


LENNARD_JONES = Potential(
    piece(
        '''
@wp.func
def lj_energy(r: float, epsilon: float, sigma: float) -> float:
    """Lennard-Jones pair energy."""
    s2 = (sigma / r) * (sigma / r)
    s6 = s2 * s2 * s2
    return 4.0 * epsilon * (s6 * s6 - s6)
''',
        numpy=lambda r, e, s: 4.0 * e * ((s / r) ** 12 - (s / r) ** 6),
    ),
    piece(
        '''
@wp.func
def lj_force(r: float, epsilon: float, sigma: float) -> float:
    """Lennard-Jones force -dU/dr along the pair axis."""
    s2 = (sigma / r) * (sigma / r)
    s6 = s2 * s2 * s2
    return 24.0 * epsilon * (2.0 * s6 * s6 - s6) / r
''',
        numpy=lambda r, e, s: 24.0 * e * (2.0 * (s / r) ** 12 - (s / r) ** 6) / r,
    ),
    (("epsilon", 0.5, 1.5), ("sigma", 0.3, 0.4)),
)

SOFT_SPHERE = Potential(
    piece(
        """
@wp.func
def soft_sphere_energy(r: float, stiffness: float, diameter: float) -> float:
    overlap = wp.max(diameter - r, 0.0)
    return 0.5 * stiffness * overlap * overlap
""",
        numpy=lambda r, k, d: 0.5 * k * np.maximum(d - r, 0.0) ** 2,
    ),
    piece(
        '''
@wp.func
def soft_sphere_force(r: float, stiffness: float, diameter: float) -> float:
    """Soft-sphere repulsion, zero when the spheres do not overlap."""
    return stiffness * wp.max(diameter - r, 0.0)
''',
        numpy=lambda r, k, d: k * np.maximum(d - r, 0.0),
    ),
    (("stiffness", 5.0, 50.0), ("diameter", 0.6, 0.9)),
)

MORSE = Potential(
    piece(
        '''
@wp.func
def morse_energy(r: float, depth: float, r_min: float) -> float:
    """Morse potential, -depth at r = r_min decaying to zero at large r."""
    # well width is set to r_min / 3
    a = 1.0 - wp.exp(-3.0 * (r / r_min - 1.0))
    return depth * (a * a - 1.0)
''',
        numpy=lambda r, d, m: d * ((1.0 - np.exp(-3.0 * (r / m - 1.0))) ** 2 - 1.0),
    ),
    piece(
        '''
@wp.func
def morse_force(r: float, depth: float, r_min: float) -> float:
    """Compute -dU/dr for the Morse potential."""
    # well width is set to r_min / 3
    decay = wp.exp(-3.0 * (r / r_min - 1.0))
    return -6.0 * depth / r_min * (1.0 - decay) * decay
''',
        numpy=lambda r, d, m: (
            -6.0 * d / m * (1.0 - np.exp(-3.0 * (r / m - 1.0))) * np.exp(-3.0 * (r / m - 1.0))
        ),
    ),
    (("depth", 0.5, 2.0), ("r_min", 0.4, 0.6)),
)

YUKAWA = Potential(
    piece(
        '''
@wp.func
def yukawa_energy(r: float, strength: float, screening_length: float) -> float:
    """Screened Coulomb (Yukawa) energy."""
    return strength * wp.exp(-r / screening_length) / r
''',
        numpy=lambda r, a, s: a * np.exp(-r / s) / r,
    ),
    piece(
        '''
@wp.func
def yukawa_force(r: float, strength: float, screening_length: float) -> float:
    """Compute -dU/dr for the Yukawa potential."""
    return strength * wp.exp(-r / screening_length) * (1.0 / r + 1.0 / screening_length) / r
''',
        numpy=lambda r, a, s: a * np.exp(-r / s) * (1.0 / r + 1.0 / s) / r,
    ),
    (("strength", 0.5, 2.0), ("screening_length", 0.3, 0.8)),
)

GAUSSIAN = Potential(
    piece(
        """
@wp.func
def gaussian_core_energy(r: float, height: float, width: float) -> float:
    return height * wp.exp(-0.5 * (r / width) * (r / width))
""",
        numpy=lambda r, h, w: h * np.exp(-0.5 * (r / w) ** 2),
    ),
    piece(
        """
@wp.func
def gaussian_core_force(r: float, height: float, width: float) -> float:
    return height * r / (width * width) * wp.exp(-0.5 * (r / width) * (r / width))
""",
        numpy=lambda r, h, w: h * r / w**2 * np.exp(-0.5 * (r / w) ** 2),
    ),
    (("height", 0.5, 3.0), ("width", 0.2, 0.5)),
)

POTENTIALS = (LENNARD_JONES, SOFT_SPHERE, MORSE, YUKAWA, GAUSSIAN)
