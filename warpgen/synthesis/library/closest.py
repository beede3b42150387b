"""The closest point of a shape to a point.

Source: Ericson 2004, Real-Time Collision Detection, ch. 5.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.writing.pieces import piece


def _dot(a: Any, b: Any) -> Any:
    return (a * b).sum(axis=-1)


def on_segment(p: Any, a: Any, b: Any) -> Any:
    """Closest points of segments."""
    d = b - a
    t = np.clip(_dot(p - a, d) / np.maximum(_dot(d, d), 1e-12), 0.0, 1.0)
    return a + t[..., None] * d


def on_triangle(p: Any, a: Any, b: Any, c: Any) -> Any:
    """Closest points of triangles: the foot on the plane if it is inside, else the best of three edges."""
    p, a, b, c = np.broadcast_arrays(p, a, b, c)
    n = np.cross(b - a, c - a)
    n = n / np.maximum(np.linalg.norm(n, axis=-1, keepdims=True), 1e-12)
    foot = p - _dot(p - a, n)[..., None] * n
    sides = [_dot(np.cross(y - x, foot - x), n) for x, y in ((a, b), (b, c), (c, a))]
    inside = np.min(sides, axis=0) >= 0.0
    edges = np.stack([on_segment(p, x, y) for x, y in ((a, b), (b, c), (c, a))])
    best = np.argmin(np.linalg.norm(edges - p, axis=-1), axis=0)
    nearest = np.take_along_axis(edges, best[None, ..., None], axis=0)[0]
    return np.where(inside[..., None], foot, nearest)


SEGMENT = piece(
    '''
@wp.func
def closest_point_segment(p: wp.vec3, a: wp.vec3, b: wp.vec3) -> wp.vec3:
    """Return the point on segment [a, b] closest to p."""
    ab = b - a
    t = wp.clamp(wp.dot(p - a, ab) / wp.max(wp.dot(ab, ab), 1.0e-12), 0.0, 1.0)
    return a + t * ab
''',
    numpy=on_segment,
)

TRIANGLE = piece(
    '''
@wp.func
def closest_point_triangle(p: wp.vec3, a: wp.vec3, b: wp.vec3, c: wp.vec3) -> wp.vec3:
    """Return the point on triangle (a, b, c) closest to p.

    Classifies p by Voronoi region (vertex, edge or face), see Ericson,
    "Real-Time Collision Detection", section 5.1.5.
    """
    ab = b - a
    ac = c - a
    ap = p - a
    d1 = wp.dot(ab, ap)
    d2 = wp.dot(ac, ap)
    if d1 <= 0.0 and d2 <= 0.0:
        return a

    bp = p - b
    d3 = wp.dot(ab, bp)
    d4 = wp.dot(ac, bp)
    if d3 >= 0.0 and d4 <= d3:
        return b

    vc = d1 * d4 - d3 * d2
    if vc <= 0.0 and d1 >= 0.0 and d3 <= 0.0:
        return a + d1 / (d1 - d3) * ab

    cp = p - c
    d5 = wp.dot(ab, cp)
    d6 = wp.dot(ac, cp)
    if d6 >= 0.0 and d5 <= d6:
        return c

    vb = d5 * d2 - d1 * d6
    if vb <= 0.0 and d2 >= 0.0 and d6 <= 0.0:
        return a + d2 / (d2 - d6) * ac

    va = d3 * d6 - d5 * d4
    if va <= 0.0 and d4 - d3 >= 0.0 and d5 - d6 >= 0.0:
        return b + (d4 - d3) / (d4 - d3 + d5 - d6) * (c - b)

    # inside the face: use barycentric coordinates
    denom = 1.0 / (va + vb + vc)
    return a + vb * denom * ab + vc * denom * ac
''',
    numpy=on_triangle,
)

BOX = piece(
    '''
@wp.func
def closest_point_box(p: wp.vec3, lower: wp.vec3, upper: wp.vec3) -> wp.vec3:
    """Clamp p to an axis-aligned box."""
    return wp.max(wp.min(p, upper), lower)
''',
    numpy=lambda p, lower, upper: np.clip(p, lower, upper),
)
