"""Where rays meet solids: the distance along the ray, or -1 if they miss.

Sources: Moeller & Trumbore 1997; Kay & Kajiya 1986 (slabs); Haines et al. 2019 (spheres); Ericson 2004.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.writing.pieces import piece


def _dot(a: Any, b: Any) -> Any:
    return (a * b).sum(axis=-1)


def _roots(a: Any, b: Any, c: Any) -> tuple[Any, Any, Any]:
    """Whether a t^2 + 2 b t + c has roots, and the two of them."""
    inner = b * b - a * c
    root = np.sqrt(np.maximum(inner, 0.0))
    return inner >= 0.0, (-b - root) / a, (-b + root) / a


def _first(some: Any, near: Any, far: Any) -> Any:
    return np.where(some & (near > 0.0), near, np.where(some & (far > 0.0), far, -1.0))


def sphere(o: Any, r: Any, center: Any, radius: Any) -> Any:
    """Rays (o, r) and spheres."""
    m = o - center
    return _first(*_roots(_dot(r, r), _dot(m, r), _dot(m, m) - radius**2))


def triangle(o: Any, r: Any, a: Any, b: Any, c: Any) -> Any:
    """Rays and triangles, by Cramer's rule for (t, u, v)."""
    m, e1, e2 = o - a, b - a, c - a
    n = np.cross(e1, e2)
    with np.errstate(all="ignore"):
        scale = -1.0 / _dot(r, n)
        side = np.cross(m, r)
        t, u, v = _dot(m, n) * scale, _dot(e2, side) * scale, -_dot(e1, side) * scale
    return np.where((t > 0.0) & (u >= 0.0) & (v >= 0.0) & (u + v <= 1.0), t, -1.0)


def slabs(o: Any, r: Any, lower: Any, upper: Any) -> tuple[Any, Any]:
    """Where rays enter and leave boxes; they miss if the first is larger."""
    with np.errstate(all="ignore"):
        t0, t1 = (lower - o) / r, (upper - o) / r
    return np.minimum(t0, t1).max(axis=-1), np.maximum(t0, t1).min(axis=-1)


def box(o: Any, r: Any, lower: Any, upper: Any) -> Any:
    """Rays and boxes."""
    near, far = slabs(o, r, lower, upper)
    return _first(near <= far, near, far)


def plane(o: Any, r: Any, normal: Any, offset: Any) -> Any:
    """Rays and planes n . x = offset."""
    with np.errstate(all="ignore"):
        t = (offset - _dot(o, normal)) / _dot(r, normal)
    return np.where(t > 0.0, t, -1.0)


def cylinder(o: Any, r: Any, a: Any, b: Any, radius: Any) -> Any:
    """Rays and the side of cylinders about segments."""
    axis = b - a
    size = np.linalg.norm(axis, axis=-1)[..., None]
    axis = axis / size
    m = o - a
    flat_m, flat_r = m - _dot(m, axis)[..., None] * axis, r - _dot(r, axis)[..., None] * axis
    some, near, far = _roots(
        _dot(flat_r, flat_r), _dot(flat_m, flat_r), _dot(flat_m, flat_m) - np.square(radius)
    )

    def within(t: Any) -> Any:
        along = _dot(m + t[..., None] * r, axis)
        return (along >= 0.0) & (along <= size[..., 0]) & (t > 0.0)

    return np.where(some & within(near), near, np.where(some & within(far), far, -1.0))


SPHERE = piece(
    '''
@wp.func
def intersect_sphere(ro: wp.vec3, rd: wp.vec3, center: wp.vec3, radius: float) -> float:
    """Ray-sphere intersection; returns the hit distance, or -1.0 on a miss."""
    m = ro - center
    b = wp.dot(m, rd)
    c = wp.dot(m, m) - radius * radius
    disc = b * b - c
    if disc < 0.0:
        return -1.0
    root = wp.sqrt(disc)
    t = -b - root
    # ray origin is inside: use the far hit
    if t < 0.0:
        t = -b + root
    if t < 0.0:
        return -1.0
    return t
''',
    numpy=sphere,
)

TRIANGLE = piece(
    '''
@wp.func
def intersect_triangle(ro: wp.vec3, rd: wp.vec3, a: wp.vec3, b: wp.vec3, c: wp.vec3) -> float:
    """Moller-Trumbore ray-triangle test.

    Returns:
        Distance along the ray, or a negative value on a miss.
    """
    e1 = b - a
    e2 = c - a
    pvec = wp.cross(rd, e2)
    det = wp.dot(e1, pvec)
    # the ray is parallel to the plane
    if wp.abs(det) < 1.0e-9:
        return -1.0
    inv_det = 1.0 / det
    tvec = ro - a
    u = wp.dot(tvec, pvec) * inv_det
    if u < 0.0 or u > 1.0:
        return -1.0
    qvec = wp.cross(tvec, e1)
    v = wp.dot(rd, qvec) * inv_det
    if v < 0.0 or u + v > 1.0:
        return -1.0
    t = wp.dot(e2, qvec) * inv_det
    if t <= 0.0:
        return -1.0
    return t
''',
    numpy=triangle,
)

BOX = piece(
    '''
@wp.func
def intersect_box(ro: wp.vec3, rd: wp.vec3, lower: wp.vec3, upper: wp.vec3) -> float:
    """Slab test against an axis-aligned box.

    Args:
        ro: Ray origin.
        rd: Ray direction.
        lower: Box minimum corner.
        upper: Box maximum corner.

    Returns:
        Entry distance (exit distance if the origin is inside), or a negative value on a miss.
    """
    t0 = wp.cw_div(lower - ro, rd)
    t1 = wp.cw_div(upper - ro, rd)
    near = wp.max(wp.min(t0, t1))
    far = wp.min(wp.max(t0, t1))
    if near > far or far < 0.0:
        return -1.0
    return wp.where(near > 0.0, near, far)
''',
    numpy=box,
)

PLANE = piece(
    '''
@wp.func
def intersect_plane(ro: wp.vec3, rd: wp.vec3, normal: wp.vec3, offset: float) -> float:
    """Ray-plane intersection; returns a negative value on a miss."""
    denom = wp.dot(rd, normal)
    if wp.abs(denom) < 1.0e-6:
        return -1.0
    t = (offset - wp.dot(ro, normal)) / denom
    if t <= 0.0:
        return -1.0
    return t
''',
    numpy=plane,
)

CYLINDER = piece(
    '''
@wp.func
def intersect_cylinder(ro: wp.vec3, rd: wp.vec3, base: wp.vec3, tip: wp.vec3, radius: float) -> float:
    """Intersect the side of a finite cylinder; returns a negative value on a miss."""
    height = wp.length(tip - base)
    axis = (tip - base) / height
    m = ro - base
    # project out the axis to get a 2D ray-circle test
    m_flat = m - wp.dot(m, axis) * axis
    d_flat = rd - wp.dot(rd, axis) * axis
    a = wp.dot(d_flat, d_flat)
    if a < 1.0e-9:
        return -1.0
    b = wp.dot(m_flat, d_flat)
    c = wp.dot(m_flat, m_flat) - radius * radius
    disc = b * b - a * c
    if disc < 0.0:
        return -1.0
    root = wp.sqrt(disc)
    t = (-b - root) / a
    y = wp.dot(m + t * rd, axis)
    if t > 0.0 and y >= 0.0 and y <= height:
        return t
    t = (-b + root) / a
    y = wp.dot(m + t * rd, axis)
    if t > 0.0 and y >= 0.0 and y <= height:
        return t
    return -1.0
''',
    numpy=cylinder,
)
