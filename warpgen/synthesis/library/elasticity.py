"""Hyperelastic solids: the first Piola-Kirchhoff stress P(F) for Lame parameters mu and lambda.

Sources: Bonet & Wood 2008 (St. Venant-Kirchhoff, Neo-Hookean); Smith, de Goes & Kim 2018 (stable
Neo-Hookean); Stomakhin et al. 2012 (fixed corotated). Neo-Hookean has a logarithm of det F, and the corotated
model no clear rotation where det F < 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.writing.pieces import piece


def _transposed(m: Any) -> Any:
    return np.swapaxes(m, -1, -2)


def _column(x: Any) -> Any:
    return np.asarray(x)[..., None, None]


def polar(f: Any) -> Any:
    """The rotation (det +1) nearest to each matrix."""
    u, _, vt = np.linalg.svd(f)
    turned = np.where(np.linalg.det(u @ vt) < 0.0, -1.0, 1.0)
    u[..., :, 2] *= turned[..., None]
    return u @ vt


def _cofactor(f: Any) -> Any:
    return _column(np.linalg.det(f)) * _transposed(np.linalg.inv(f))


def _stvk(f: Any, mu: Any, lam: Any) -> Any:
    e = 0.5 * (_transposed(f) @ f - np.eye(3))
    trace = np.trace(e, axis1=-2, axis2=-1)
    return f @ (2.0 * _column(mu) * e + _column(lam * trace) * np.eye(3))


def _linear(f: Any, mu: Any, lam: Any) -> Any:
    e = 0.5 * (f + _transposed(f)) - np.eye(3)
    return 2.0 * _column(mu) * e + _column(lam * np.trace(e, axis1=-2, axis2=-1)) * np.eye(3)


def _neo_hookean(f: Any, mu: Any, lam: Any) -> Any:
    inverse = _transposed(np.linalg.inv(f))
    return _column(mu) * (f - inverse) + _column(lam * np.log(np.linalg.det(f))) * inverse


def _stable(f: Any, mu: Any, lam: Any) -> Any:
    j = np.linalg.det(f)
    return _column(mu) * f + _column((lam + mu) * (j - 1.0) - mu) * _cofactor(f)


def _corotated(f: Any, mu: Any, lam: Any) -> Any:
    return 2.0 * _column(mu) * (f - polar(f)) + _column(lam * (np.linalg.det(f) - 1.0)) * _cofactor(f)


COFACTOR = piece(
    '''
@wp.func
def cofactor(f: wp.mat33) -> wp.mat33:
    """Compute the cofactor matrix of F, i.e. dJ/dF."""
    # Column cross products avoid inverting F
    a = wp.vec3(f[0, 0], f[1, 0], f[2, 0])
    b = wp.vec3(f[0, 1], f[1, 1], f[2, 1])
    c = wp.vec3(f[0, 2], f[1, 2], f[2, 2])
    return wp.matrix_from_cols(wp.cross(b, c), wp.cross(c, a), wp.cross(a, b))
''',
    numpy=_cofactor,
)

STVK = piece(
    '''
@wp.func
def stvk_stress(f: wp.mat33, mu: float, lam: float) -> wp.mat33:
    """St. Venant-Kirchhoff first Piola-Kirchhoff stress.

    Args:
        f: Deformation gradient.
        mu: Second Lame parameter (shear modulus).
        lam: First Lame parameter.
    """
    # Green strain E = (F^T F - I) / 2; P = F (2 mu E + lambda tr(E) I)
    identity = wp.identity(n=3, dtype=float)
    strain = 0.5 * (wp.transpose(f) * f - identity)
    return f * (2.0 * mu * strain + lam * wp.trace(strain) * identity)
''',
    numpy=_stvk,
)

STABLE_NEO_HOOKEAN = piece(
    '''
@wp.func
def stable_neo_hookean_stress(f: wp.mat33, mu: float, lam: float) -> wp.mat33:
    """Stable neo-Hookean first Piola-Kirchhoff stress (Smith et al. 2018)."""
    # stress-free at F = I; lambda + mu in the volume term matches Hooke's law for small strains
    return mu * f + ((lam + mu) * (wp.determinant(f) - 1.0) - mu) * cofactor(f)
''',
    COFACTOR,
    numpy=_stable,
)

NEO_HOOKEAN = piece(
    '''
@wp.func
def neo_hookean_stress(f: wp.mat33, mu: float, lam: float) -> wp.mat33:
    """Compressible neo-Hookean first Piola-Kirchhoff stress, requires det F > 0."""
    # P = mu (F - F^-T) + lambda log(J) F^-T
    inv_t = wp.transpose(wp.inverse(f))
    return mu * (f - inv_t) + lam * wp.log(wp.determinant(f)) * inv_t
''',
    numpy=_neo_hookean,
)

POLAR = piece(
    '''
@wp.func
def polar_rotation(f: wp.mat33) -> wp.mat33:
    """Return the rotation R from the polar decomposition F = R * S."""
    # svd3() returns proper rotations U and V (the last singular value is negative if det F < 0);
    # use double precision, since float32 is only accurate to about 1e-3
    u, _, v = wp.svd3(wp.mat33d(f))
    return wp.mat33(u * wp.transpose(v))
''',
    numpy=polar,
)

COROTATED = piece(
    '''
@wp.func
def corotated_stress(f: wp.mat33, mu: float, lam: float) -> wp.mat33:
    """Fixed corotated first Piola-Kirchhoff stress (Stomakhin et al. 2012)."""
    rot = polar_rotation(f)
    return 2.0 * mu * (f - rot) + lam * (wp.determinant(f) - 1.0) * cofactor(f)
''',
    POLAR,
    COFACTOR,
    numpy=_corotated,
)

LINEAR = piece(
    """
@wp.func
def linear_stress(f: wp.mat33, mu: float, lam: float) -> wp.mat33:
    # valid for small strains only, not rotation invariant
    identity = wp.identity(n=3, dtype=float)
    strain = 0.5 * (f + wp.transpose(f)) - identity
    return 2.0 * mu * strain + lam * wp.trace(strain) * identity
""",
    numpy=_linear,
)

ROBUST = (STVK, STABLE_NEO_HOOKEAN, LINEAR)  # for elements that may be inverted
UPRIGHT = (STVK, STABLE_NEO_HOOKEAN, NEO_HOOKEAN, COROTATED)  # for det F > 0
