"""Densities of elastic energy: their laws' names, as text, and on arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

LAWS = {
    "stvk": "St. Venant-Kirchhoff",
    "linear": "linear elastic",
    "stable": "stable neo-Hookean",
}
DENSITIES = {
    "stvk": """
        strain = 0.5 * (wp.transpose(def_grad) * def_grad - wp.identity(n=3, dtype=float))
        tr = wp.trace(strain)
        psi = $mu * wp.ddot(strain, strain) + 0.5 * $lam * tr * tr
    """,
    "linear": """
        # Small-strain tensor, not rotation invariant
        small_strain = 0.5 * (def_grad + wp.transpose(def_grad)) - wp.identity(n=3, dtype=float)
        tr = wp.trace(small_strain)
        psi = $mu * wp.ddot(small_strain, small_strain) + 0.5 * $lam * tr * tr
    """,
    "stable": """
        i1 = wp.ddot(def_grad, def_grad)
        j_det = wp.determinant(def_grad)
        # lambda + mu matches Hooke's law for small strains; stress-free at F = I, but psi is not zero there
        lam_mu = $lam + $mu
        shifted = j_det - 1.0 - $mu / lam_mu
        psi = 0.5 * $mu * (i1 - 3.0) + 0.5 * lam_mu * shifted * shifted
    """,
}


def density(model: str, f: Any, mu: Any, lam: Any) -> Any:
    """Energies per volume at rest of deformation gradients."""
    det = np.linalg.det(f)
    square = (f**2).sum((-1, -2))
    if model in ("stvk", "linear"):
        e = 0.5 * (np.swapaxes(f, -1, -2) @ f - np.eye(3))
        if model == "linear":
            e = 0.5 * (f + np.swapaxes(f, -1, -2)) - np.eye(3)
        tr = np.trace(e, axis1=-2, axis2=-1)
        return mu * (e**2).sum((-1, -2)) + 0.5 * lam * tr**2
    return 0.5 * mu * (square - 3.0) + 0.5 * (lam + mu) * (det - 1.0 - mu / (lam + mu)) ** 2
