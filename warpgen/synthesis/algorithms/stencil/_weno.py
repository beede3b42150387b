"""Fifth-order WENO reconstruction at a face: as text with either kind of weights, and on arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

WENO5 = """
@wp.func
def weno5(v1: float, v2: float, v3: float, v4: float, v5: float) -> float:
    # Third-order reconstruction at the right face for each substencil
    p0 = (2.0 * v1 - 7.0 * v2 + 11.0 * v3) / 6.0
    p1 = (-v2 + 5.0 * v3 + 2.0 * v4) / 6.0
    p2 = (2.0 * v3 + 5.0 * v4 - v5) / 6.0

    # Smoothness indicators (Jiang and Shu 1996)
    s0 = 13.0 / 12.0 * wp.pow(v1 - 2.0 * v2 + v3, 2.0) + 0.25 * wp.pow(v1 - 4.0 * v2 + 3.0 * v3, 2.0)
    s1 = 13.0 / 12.0 * wp.pow(v2 - 2.0 * v3 + v4, 2.0) + 0.25 * wp.pow(v2 - v4, 2.0)
    s2 = 13.0 / 12.0 * wp.pow(v3 - 2.0 * v4 + v5, 2.0) + 0.25 * wp.pow(3.0 * v3 - 4.0 * v4 + v5, 2.0)
    $weights
    return (w0 * p0 + w1 * p1 + w2 * p2) / (w0 + w1 + w2)
"""
WEIGHTS = {
    "js": """
        # EPS avoids division by zero where the solution is smooth
        w0 = 0.1 / ((EPS + s0) * (EPS + s0))
        w1 = 0.6 / ((EPS + s1) * (EPS + s1))
        w2 = 0.3 / ((EPS + s2) * (EPS + s2))
    """,
    "z": """
        # WENO-Z (Borges et al. 2008): `tau` recovers the optimal weights at smooth extrema
        tau = wp.abs(s0 - s2)
        w0 = 0.1 * (1.0 + tau / (EPS + s0))
        w1 = 0.6 * (1.0 + tau / (EPS + s1))
        w2 = 0.3 * (1.0 + tau / (EPS + s2))
    """,
}


def weno5(kind: str, cells: list[Any], eps: float) -> Any:
    """What `WENO5` returns, of five cells' averages."""
    u = np.stack(cells, -1)
    p = u @ np.array([[2, -7, 11, 0, 0], [0, -1, 5, 2, 0], [0, 0, 2, 5, -1]]).T / 6.0
    curvature = u @ np.array([[1, -2, 1, 0, 0], [0, 1, -2, 1, 0], [0, 0, 1, -2, 1]]).T
    lean = u @ np.array([[1, -4, 3, 0, 0], [0, 1, 0, -1, 0], [0, 0, 3, -4, 1]]).T
    s = 13 / 12 * curvature**2 + lean**2 / 4
    ideal = np.array([0.1, 0.6, 0.3])
    tau = abs(s[..., :1] - s[..., 2:])
    w = ideal / (eps + s) ** 2 if kind == "js" else ideal * (1 + tau / (eps + s))
    return (w * p).sum(-1) / w.sum(-1)
