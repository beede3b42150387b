"""Cubic Bezier curves: points and slopes by three schemes as functions, and their weights in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

# What the points of a scheme take, and what its slopes take beside it.
FUNCTIONS = {
    "de casteljau": (
        """
        @wp.func
        def casteljau(a: wp.vec3, b: wp.vec3, c: wp.vec3, e: wp.vec3, t: float) -> wp.vec3:
            # de Casteljau: three rounds of linear interpolation
            ab = wp.lerp(a, b, t)
            bc = wp.lerp(b, c, t)
            ce = wp.lerp(c, e, t)
            return wp.lerp(wp.lerp(ab, bc, t), wp.lerp(bc, ce, t), t)
        """,
        """
        @wp.func
        def casteljau_slope(a: wp.vec3, b: wp.vec3, c: wp.vec3, e: wp.vec3, t: float) -> wp.vec3:
            # derivative = 3 * (last edge of the de Casteljau scheme)
            abc = wp.lerp(wp.lerp(a, b, t), wp.lerp(b, c, t), t)
            bce = wp.lerp(wp.lerp(b, c, t), wp.lerp(c, e, t), t)
            return 3.0 * (bce - abc)
        """,
    ),
    "bernstein": (
        """
        @wp.func
        def bernstein(t: float) -> wp.vec4:
            s = 1.0 - t
            return wp.vec4(s * s * s, 3.0 * s * s * t, 3.0 * s * t * t, t * t * t)
        """,
        """
        @wp.func
        def bernstein_slope(t: float) -> wp.vec4:
            s = 1.0 - t
            inner = 3.0 * s * (s - 2.0 * t)
            return wp.vec4(-3.0 * s * s, inner, 3.0 * t * (2.0 * s - t), 3.0 * t * t)
        """,
    ),
    "matrix": (
        """
        @wp.func
        def cubic_weights(powers: wp.vec4) -> wp.vec4:
            # (1, t, t^2, t^3) or its derivative times the Bezier basis matrix
            return wp.vec4(
                powers[0] - 3.0 * powers[1] + 3.0 * powers[2] - powers[3],
                3.0 * powers[1] - 6.0 * powers[2] + 3.0 * powers[3],
                3.0 * powers[2] - 3.0 * powers[3],
                powers[3],
            )
        """,
    ),
}

_BASIS = np.array([[-1, 3, -3, 1], [3, -6, 3, 0], [-3, 3, 0, 0], [1, 0, 0, 0]])[::-1]


def weights(t: Any) -> Any:
    """How much of each control point is in the point at `t`, on a new last axis."""
    return np.stack([np.ones_like(t), t, t**2, t**3], axis=-1) @ _BASIS


def slopes(t: Any) -> Any:
    """The derivatives of the weights."""
    return np.stack([np.zeros_like(t), np.ones_like(t), 2 * t, 3 * t**2], axis=-1) @ _BASIS
