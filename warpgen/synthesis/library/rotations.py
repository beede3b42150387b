"""Plane rotations that annul one number, and the eigenvalues and polar factors that are made of them.

Sources: Golub & Van Loan 2013, 5.1.8 and 8.5.2; Higham 1986 (polar decomposition); Smith 1961 (eigenvalues of
symmetric matrices of three rows).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.writing.pieces import piece


def polar_factor(a: Any) -> Any:
    """The rotation (or reflection) nearest to a matrix."""
    u, _, vt = np.linalg.svd(a)
    return u @ vt


JACOBI_ROTATION = piece('''
@wp.func
def jacobi_rotation(app: float, apq: float, aqq: float):
    """Compute the Jacobi rotation (cosine, sine) that zeroes the off-diagonal entry."""
    if wp.abs(apq) < 1.0e-12:
        return 1.0, 0.0
    # Pick the smaller rotation angle for convergence
    tau = (aqq - app) / (2.0 * apq)
    t = 1.0 / (wp.abs(tau) + wp.sqrt(1.0 + tau * tau))
    if tau < 0.0:
        t = -t
    c = 1.0 / wp.sqrt(1.0 + t * t)
    return c, t * c
''')

SYMMETRIC_EIGENVALUES = piece(
    '''
@wp.func
def symmetric_eigenvalues(a: wp.mat33) -> wp.vec3:
    """Return the eigenvalues of a symmetric 3x3 matrix in closed form."""
    # trigonometric solution of the characteristic cubic, in descending order
    mean = wp.trace(a) / 3.0
    d = a - mean * wp.identity(n=3, dtype=float)
    p = wp.sqrt(wp.ddot(d, d) / 6.0)
    if p < 1.0e-12:
        return wp.vec3(mean, mean, mean)
    half = wp.clamp(wp.determinant(d) / (2.0 * p * p * p), -1.0, 1.0)
    phi = wp.acos(half) / 3.0
    first = mean + 2.0 * p * wp.cos(phi)
    last = mean + 2.0 * p * wp.cos(phi + 2.0 * wp.pi / 3.0)
    return wp.vec3(first, 3.0 * mean - first - last, last)
''',
    numpy=lambda a: np.linalg.eigvalsh(a)[..., ::-1],
)

POLAR_HIGHAM = piece(
    """
@wp.func
def polar_rotation(a: wp.mat33, steps: int) -> wp.mat33:
    # scaled Newton iteration: average R with its inverse transpose
    r = wp.mat33(a)
    for i in range(steps):
        inverse = wp.transpose(wp.inverse(r))
        gamma = wp.sqrt(wp.sqrt(wp.ddot(inverse, inverse) / wp.ddot(r, r)))
        r = 0.5 * (gamma * r + inverse / gamma)
    return r
""",
    numpy=lambda a, steps: polar_factor(a),
)

POLAR_NEWTON_SCHULZ = piece(
    """
@wp.func
def polar_rotation(a: wp.mat33, steps: int) -> wp.mat33:
    # inverse-free (Newton-Schulz); scale by the Frobenius norm since singular values must be below sqrt(3)
    r = a / wp.sqrt(wp.ddot(a, a))
    for i in range(steps):
        r = 0.5 * r * (3.0 * wp.identity(n=3, dtype=float) - wp.transpose(r) * r)
    return r
""",
    numpy=lambda a, steps: polar_factor(a),
)

POLARS = {"higham": POLAR_HIGHAM, "newton-schulz": POLAR_NEWTON_SCHULZ}
