"""Shape functions of finite elements in reference coordinates: values, and gradients in the rows of a matrix.

Sources: Zienkiewicz & Taylor 2000, The Finite Element Method 1, chapter 8; Hughes 2000, chapter 3.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from warpgen.synthesis.writing.pieces import Piece, piece


class Shape(NamedTuple):
    """An element: its number of nodes and axes, its values and its gradients at a point."""

    nodes: int
    axes: int
    values: str
    gradients: str
    value: Piece
    gradient: Piece


def _quad(x: Any) -> Any:
    a, b = x[..., 0], x[..., 1]
    return 0.25 * np.stack([(1 - a) * (1 - b), (1 + a) * (1 - b), (1 + a) * (1 + b), (1 - a) * (1 + b)], -1)


def _quad_slope(x: Any) -> Any:
    a, b = x[..., 0], x[..., 1]
    da = 0.25 * np.stack([b - 1, 1 - b, 1 + b, -1 - b], -1)
    db = 0.25 * np.stack([a - 1, -1 - a, 1 + a, 1 - a], -1)
    return np.stack([da, db], -1)


def _tri(x: Any) -> Any:
    a, b = x[..., 0], x[..., 1]
    return np.stack([1 - a - b, a, b], -1)


def _tri_slope(x: Any) -> Any:
    return np.broadcast_to(np.array([[-1.0, -1.0], [1.0, 0.0], [0.0, 1.0]]), (*x.shape[:-1], 3, 2))


def _tri6(x: Any) -> Any:
    low = _tri(x)
    corners = low * (2 * low - 1)
    middles = 4 * low[..., [0, 1, 2]] * low[..., [1, 2, 0]]
    return np.concatenate([corners, middles], -1)


def _tri6_slope(x: Any) -> Any:
    low, d = _tri(x)[..., None], _tri_slope(x)
    corners = (4 * low - 1) * d
    after = [1, 2, 0]
    middles = 4 * (low * d[..., after, :] + low[..., after, :] * d)
    return np.concatenate([corners, middles], -2)


def _tet(x: Any) -> Any:
    return np.concatenate([1 - x.sum(-1, keepdims=True), x], -1)


def _tet_slope(x: Any) -> Any:
    return np.broadcast_to(np.concatenate([-np.ones((1, 3)), np.eye(3)]), (*x.shape[:-1], 4, 3))


MAT32 = piece("mat32 = wp.types.matrix(shape=(3, 2), dtype=float)")
MAT42 = piece("mat42 = wp.types.matrix(shape=(4, 2), dtype=float)")
MAT62 = piece("mat62 = wp.types.matrix(shape=(6, 2), dtype=float)")
MAT43 = piece("mat43 = wp.types.matrix(shape=(4, 3), dtype=float)")
VEC6 = piece("vec6 = wp.types.vector(length=6, dtype=float)")

TRIANGLE = Shape(
    3,
    2,
    "wp.vec3",
    "mat32",
    piece(
        '''
@wp.func
def tri3_shape(xi: wp.vec2) -> wp.vec3:
    """Linear shape functions for a 3-node triangle."""
    return wp.vec3(1.0 - xi[0] - xi[1], xi[0], xi[1])
''',
        numpy=_tri,
    ),
    piece(
        """
@wp.func
def tri3_gradient(xi: wp.vec2) -> mat32:
    # constant over the element
    return mat32(-1.0, -1.0, 1.0, 0.0, 0.0, 1.0)
""",
        MAT32,
        numpy=_tri_slope,
    ),
)

QUAD = Shape(
    4,
    2,
    "wp.vec4",
    "mat42",
    piece(
        '''
@wp.func
def quad4_shape(xi: wp.vec2) -> wp.vec4:
    """Bilinear shape functions for a 4-node quad, xi in [-1, 1]^2."""
    # counter-clockwise node order, starting at (-1, -1)
    a = xi[0]
    b = xi[1]
    return 0.25 * wp.vec4(
        (1.0 - a) * (1.0 - b),
        (1.0 + a) * (1.0 - b),
        (1.0 + a) * (1.0 + b),
        (1.0 - a) * (1.0 + b),
    )
''',
        numpy=_quad,
    ),
    piece(
        '''
@wp.func
def quad4_gradient(xi: wp.vec2) -> mat42:
    """Derivatives of the bilinear shape functions w.r.t. xi, shape (4, 2)."""
    a = xi[0]
    b = xi[1]
    return 0.25 * mat42(b - 1.0, a - 1.0, 1.0 - b, -1.0 - a, 1.0 + b, 1.0 + a, -1.0 - b, 1.0 - a)
''',
        MAT42,
        numpy=_quad_slope,
    ),
)

TRIANGLE6 = Shape(
    6,
    2,
    "vec6",
    "mat62",
    piece(
        '''
@wp.func
def tri6_shape(xi: wp.vec2) -> vec6:
    """Quadratic shape functions for a 6-node triangle."""
    # node order: three corners, then midpoints of edges 0-1, 1-2, 2-0
    l1 = xi[0]
    l2 = xi[1]
    l0 = 1.0 - l1 - l2
    return vec6(
        l0 * (2.0 * l0 - 1.0),
        l1 * (2.0 * l1 - 1.0),
        l2 * (2.0 * l2 - 1.0),
        4.0 * l0 * l1,
        4.0 * l1 * l2,
        4.0 * l2 * l0,
    )
''',
        VEC6,
        numpy=_tri6,
    ),
    piece(
        '''
@wp.func
def tri6_gradient(xi: wp.vec2) -> mat62:
    """Derivatives of the quadratic shape functions w.r.t. xi."""
    l1 = xi[0]
    l2 = xi[1]
    l0 = 1.0 - l1 - l2
    c0 = 4.0 * l0 - 1.0
    return mat62(
        -c0, -c0,
        4.0 * l1 - 1.0, 0.0,
        0.0, 4.0 * l2 - 1.0,
        4.0 * (l0 - l1), -4.0 * l1,
        4.0 * l2, 4.0 * l1,
        -4.0 * l2, 4.0 * (l0 - l2),
    )
''',
        MAT62,
        numpy=_tri6_slope,
    ),
)

TET = Shape(
    4,
    3,
    "wp.vec4",
    "mat43",
    piece(
        '''
@wp.func
def tet4_shape(xi: wp.vec3) -> wp.vec4:
    """Linear tetrahedron shape functions (barycentric coordinates)."""
    return wp.vec4(1.0 - xi[0] - xi[1] - xi[2], xi[0], xi[1], xi[2])
''',
        numpy=_tet,
    ),
    piece(
        """
@wp.func
def tet4_gradient(xi: wp.vec3) -> mat43:
    # constant over the element
    return mat43(-1.0, -1.0, -1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
""",
        MAT43,
        numpy=_tet_slope,
    ),
)

PLANE = (TRIANGLE, QUAD, TRIANGLE6)
ALL = (*PLANE, TET)
