"""Hyperelastic solids in three dimensions: energy density and first Piola stress of a deformation gradient.

Sources: Bonet & Wood 2008, Nonlinear Continuum Mechanics, chapter 6; Sifakis & Barbic 2012, chapter 3;
Smith, De Goes & Kim 2018 (stable Neo-Hookean).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from warpgen.synthesis.library.rotations import polar_factor
from warpgen.synthesis.writing.pieces import Piece, piece

_EYE = np.eye(3)


class Solid(NamedTuple):
    """Energy density in J/m^3 and first Piola stress in Pa, both of (F, mu, lam)."""

    energy: Piece
    stress: Piece


def _t(a: Any) -> Any:
    return np.swapaxes(a, -1, -2)


def _square(a: Any) -> Any:
    return (a * a).sum(axis=(-1, -2))


def _trace(a: Any) -> Any:
    return np.trace(a, axis1=-2, axis2=-1)


def _up(a: Any) -> Any:
    return np.asarray(a)[..., None, None]


def _cofactor(f: Any) -> Any:
    return _up(np.linalg.det(f)) * _t(np.linalg.inv(f))


def _green(f: Any) -> Any:
    return 0.5 * (_t(f) @ f - _EYE)


def _linear(f: Any) -> Any:
    return 0.5 * (f + _t(f)) - _EYE


NEO_HOOKEAN = Solid(
    piece(
        '''
@wp.func
def neo_hookean_energy(F: wp.mat33, mu: float, lam: float) -> float:
    """Compressible neo-Hookean energy density."""
    J = wp.determinant(F)
    log_j = wp.log(J)
    return 0.5 * mu * (wp.ddot(F, F) - 3.0) - mu * log_j + 0.5 * lam * log_j * log_j
''',
        numpy=lambda f, mu, lam: (
            0.5 * mu * (_square(f) - 3)
            - mu * np.log(np.linalg.det(f))
            + 0.5 * lam * np.log(np.linalg.det(f)) ** 2
        ),
    ),
    piece(
        '''
@wp.func
def neo_hookean_stress(F: wp.mat33, mu: float, lam: float) -> wp.mat33:
    """Neo-Hookean first Piola-Kirchhoff stress, P = dPsi/dF."""
    # P = mu (F - F^-T) + lambda ln(J) F^-T
    inverse = wp.transpose(wp.inverse(F))
    return mu * (F - inverse) + lam * wp.log(wp.determinant(F)) * inverse
''',
        numpy=lambda f, mu, lam: (
            mu * (f - _t(np.linalg.inv(f))) + lam * _up(np.log(np.linalg.det(f))) * _t(np.linalg.inv(f))
        ),
    ),
)

STABLE_NEO_HOOKEAN = Solid(
    piece(
        '''
@wp.func
def stable_neo_hookean_energy(F: wp.mat33, mu: float, lam: float) -> float:
    """Stable neo-Hookean energy density (Smith et al. 2018)."""
    # no log term, so inverted elements can recover
    # lambda + mu in the volume term matches Hooke's law for small strains
    lam_mu = lam + mu
    alpha = 1.0 + mu / lam_mu
    J = wp.determinant(F)
    return 0.5 * mu * (wp.ddot(F, F) - 3.0) + 0.5 * lam_mu * (J - alpha) * (J - alpha)
''',
        numpy=lambda f, mu, lam: (
            0.5 * mu * (_square(f) - 3) + 0.5 * (lam + mu) * (np.linalg.det(f) - 1 - mu / (lam + mu)) ** 2
        ),
    ),
    piece(
        """
@wp.func
def stable_neo_hookean_stress(F: wp.mat33, mu: float, lam: float) -> wp.mat33:
    f0 = wp.vec3(F[0, 0], F[1, 0], F[2, 0])
    f1 = wp.vec3(F[0, 1], F[1, 1], F[2, 1])
    f2 = wp.vec3(F[0, 2], F[1, 2], F[2, 2])
    # dJ/dF from column cross products, also valid for singular F
    dj = wp.matrix_from_cols(wp.cross(f1, f2), wp.cross(f2, f0), wp.cross(f0, f1))
    # lambda + mu in the volume term matches Hooke's law for small strains
    return mu * F + ((lam + mu) * (wp.determinant(F) - 1.0) - mu) * dj
""",
        numpy=lambda f, mu, lam: mu * f + _up((lam + mu) * (np.linalg.det(f) - 1) - mu) * _cofactor(f),
    ),
)

ST_VENANT_KIRCHHOFF = Solid(
    piece(
        '''
@wp.func
def stvk_energy(F: wp.mat33, mu: float, lam: float) -> float:
    """St. Venant-Kirchhoff energy density using the Green strain."""
    E = 0.5 * (wp.transpose(F) * F - wp.identity(n=3, dtype=float))
    tr = wp.trace(E)
    return mu * wp.ddot(E, E) + 0.5 * lam * tr * tr
''',
        numpy=lambda f, mu, lam: mu * _square(_green(f)) + 0.5 * lam * _trace(_green(f)) ** 2,
    ),
    piece(
        '''
@wp.func
def stvk_stress(F: wp.mat33, mu: float, lam: float) -> wp.mat33:
    """St. Venant-Kirchhoff first Piola-Kirchhoff stress."""
    # P = F S with S = 2 mu E + lambda tr(E) I, where E is the Green strain
    E = 0.5 * (wp.transpose(F) * F - wp.identity(n=3, dtype=float))
    return F * (2.0 * mu * E + lam * wp.trace(E) * wp.identity(n=3, dtype=float))
''',
        numpy=lambda f, mu, lam: f @ (2 * mu * _green(f) + lam * _up(_trace(_green(f))) * _EYE),
    ),
)

LINEAR = Solid(
    piece(
        """
@wp.func
def linear_energy(F: wp.mat33, mu: float, lam: float) -> float:
    eps = 0.5 * (F + wp.transpose(F)) - wp.identity(n=3, dtype=float)
    tr = wp.trace(eps)
    return mu * wp.ddot(eps, eps) + 0.5 * lam * tr * tr
""",
        numpy=lambda f, mu, lam: mu * _square(_linear(f)) + 0.5 * lam * _trace(_linear(f)) ** 2,
    ),
    piece(
        """
@wp.func
def linear_stress(F: wp.mat33, mu: float, lam: float) -> wp.mat33:
    # small-strain Hooke's law
    eps = 0.5 * (F + wp.transpose(F)) - wp.identity(n=3, dtype=float)
    return 2.0 * mu * eps + lam * wp.trace(eps) * wp.identity(n=3, dtype=float)
""",
        numpy=lambda f, mu, lam: 2 * mu * _linear(f) + lam * _up(_trace(_linear(f))) * _EYE,
    ),
)

_ROTATION = piece('''
@wp.func
def closest_rotation(F: wp.mat33) -> wp.mat33:
    """Polar decomposition rotation using four Higham (1986) iterations."""
    # averaging R with its inverse transpose converges to the polar factor
    R = F
    for _ in range(4):
        R = 0.5 * (R + wp.transpose(wp.inverse(R)))
    return R
''')

COROTATED = Solid(
    piece(
        '''
@wp.func
def corotated_energy(F: wp.mat33, mu: float, lam: float) -> float:
    """Corotated linear elastic energy density."""
    R = closest_rotation(F)
    tr = wp.trace(wp.transpose(R) * F) - 3.0
    return mu * wp.ddot(F - R, F - R) + 0.5 * lam * tr * tr
''',
        _ROTATION,
        numpy=lambda f, mu, lam: (
            mu * _square(f - polar_factor(f)) + 0.5 * lam * (_trace(_t(polar_factor(f)) @ f) - 3) ** 2
        ),
    ),
    piece(
        """
@wp.func
def corotated_stress(F: wp.mat33, mu: float, lam: float) -> wp.mat33:
    # P = 2 mu (F - R) + lambda tr(R^T F - I) R
    R = closest_rotation(F)
    return 2.0 * mu * (F - R) + lam * (wp.trace(wp.transpose(R) * F) - 3.0) * R
""",
        _ROTATION,
        numpy=lambda f, mu, lam: (
            2 * mu * (f - polar_factor(f)) + lam * _up(_trace(_t(polar_factor(f)) @ f) - 3) * polar_factor(f)
        ),
    ),
)

SOLIDS = (NEO_HOOKEAN, STABLE_NEO_HOOKEAN, ST_VENANT_KIRCHHOFF, LINEAR, COROTATED)
