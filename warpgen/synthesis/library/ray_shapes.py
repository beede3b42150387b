"""Rays against primitives in their local frames, and the same in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

RAY_SHAPES = '''
@wp.func
def ray_sphere(origin: wp.vec3, ray_dir: wp.vec3, sphere_radius: float) -> float:
    """Ray-sphere test at the origin; returns hit distance, or -1 on a miss."""
    b = wp.dot(origin, ray_dir)
    disc = b * b - wp.dot(origin, origin) + sphere_radius * sphere_radius
    if disc < 0.0:
        return -1.0
    # No hit for rays starting inside
    t = -b - wp.sqrt(disc)
    return wp.where(t > 0.0, t, -1.0)


@wp.func
def ray_box(origin: wp.vec3, ray_dir: wp.vec3, half_extents: wp.vec3) -> float:
    """Slab test against an axis-aligned box at the origin; returns -1 on a miss."""
    t_enter = float(-1.0e6)
    t_exit = float(1.0e6)
    for axis in range(3):
        # Avoid 0 / 0 for rays parallel to a slab
        slope = wp.where(wp.abs(ray_dir[axis]) < 1.0e-6, 1.0e-6, ray_dir[axis])
        t0 = (-half_extents[axis] - origin[axis]) / slope
        t1 = (half_extents[axis] - origin[axis]) / slope
        t_enter = wp.max(t_enter, wp.min(t0, t1))
        t_exit = wp.min(t_exit, wp.max(t0, t1))
    if t_enter > t_exit or t_enter <= 0.0:
        return -1.0
    return t_enter


@wp.func
def ray_capsule(origin: wp.vec3, ray_dir: wp.vec3, cap_radius: float, half_height: float) -> float:
    """Ray-capsule test (axis along z); returns hit distance, or -1 on a miss."""
    a = ray_dir[0] * ray_dir[0] + ray_dir[1] * ray_dir[1]
    b = origin[0] * ray_dir[0] + origin[1] * ray_dir[1]
    c = origin[0] * origin[0] + origin[1] * origin[1] - cap_radius * cap_radius
    disc = b * b - a * c
    # Early exit: ray misses the infinite cylinder, so it misses the caps too
    if disc < 0.0:
        return -1.0
    t = (-b - wp.sqrt(disc)) / wp.max(a, 1.0e-8)
    z = origin[2] + t * ray_dir[2]
    if wp.abs(z) <= half_height:
        return wp.where(t > 0.0, t, -1.0)
    # Outside the cylindrical section, test the cap on that side
    cap = wp.where(z > 0.0, half_height, -half_height)
    return ray_sphere(origin - wp.vec3(0.0, 0.0, cap), ray_dir, cap_radius)


@wp.func
def ray_plane(origin: wp.vec3, ray_dir: wp.vec3) -> float:
    """One-sided ray test against the plane z = 0; returns -1 on a miss."""
    if ray_dir[2] > -1.0e-6 or origin[2] <= 0.0:
        return -1.0
    return -origin[2] / ray_dir[2]


@wp.func
def ray_shape(kind: int, size: wp.vec3, pose: wp.transform, origin: wp.vec3, ray_dir: wp.vec3) -> float:
    """Intersect a world-space ray with a posed shape; returns hit distance, or -1 on a miss."""
    to_local = wp.transform_inverse(pose)
    local_origin = wp.transform_point(to_local, origin)
    local_dir = wp.transform_vector(to_local, ray_dir)
    if kind == SHAPE_SPHERE:
        return ray_sphere(local_origin, local_dir, size[0])
    if kind == SHAPE_BOX:
        return ray_box(local_origin, local_dir, size)
    if kind == SHAPE_CAPSULE:
        return ray_capsule(local_origin, local_dir, size[0], size[1])
    return ray_plane(local_origin, local_dir)
'''

KINDS = """
SHAPE_SPHERE = wp.constant(0)
SHAPE_BOX = wp.constant(1)
SHAPE_CAPSULE = wp.constant(2)
"""

NORMALS = '''
@wp.func
def shape_normal(kind: int, size: wp.vec3, local: wp.vec3) -> wp.vec3:
    """Outward unit normal at a local-space surface point."""
    if kind == SHAPE_SPHERE:
        return wp.normalize(local)
    if kind == SHAPE_BOX:
        # Pick the face closest to the point
        ratio = wp.vec3(wp.abs(local[0]) / size[0], wp.abs(local[1]) / size[1], wp.abs(local[2]) / size[2])
        if ratio[0] >= ratio[1] and ratio[0] >= ratio[2]:
            return wp.vec3(wp.sign(local[0]), 0.0, 0.0)
        if ratio[1] >= ratio[2]:
            return wp.vec3(0.0, wp.sign(local[1]), 0.0)
        return wp.vec3(0.0, 0.0, wp.sign(local[2]))
    if kind == SHAPE_CAPSULE:
        return wp.normalize(local - wp.vec3(0.0, 0.0, wp.clamp(local[2], -size[1], size[1])))
    return wp.vec3(0.0, 0.0, 1.0)
'''


def turn(q: Any, v: Any, back: bool = False) -> Any:
    """Vectors rotated by quaternions (x, y, z, w), or back."""
    q = np.asarray(q, float)
    u = -q[..., :3] if back else q[..., :3]
    return v + 2.0 * np.cross(u, np.cross(u, v) + q[..., 3:] * v)


def compose(a: Any, b: Any) -> Any:
    """The transforms a b, as (x, y, z, quaternion)."""
    p, q = a[..., 3:6], a[..., 6:]
    r, s = b[..., 3:6], b[..., 6:]
    vector = q * r + s * p + np.cross(p, r)
    scalar = q * s - (p * r).sum(-1, keepdims=True)
    return np.concatenate([a[..., :3] + turn(a[..., 3:], b[..., :3]), vector, scalar], axis=-1)


def hit(kind: int, size: Any, pose: Any, o: Any, w: Any) -> tuple[Any, Any]:
    """Distances of rays to one shape (infinite for a miss) and normals where they hit."""
    o, w = turn(pose[3:], o - pose[:3], back=True), turn(pose[3:], w, back=True)

    def ball(c: Any, r: float) -> Any:
        e = o - c
        b = (e * w).sum(-1)
        disc = b * b - (e * e).sum(-1) + r * r
        t = -b - np.sqrt(np.maximum(disc, 0.0))
        return np.where((disc >= 0.0) & (t > 0.0), t, np.inf)

    if kind == 0:
        t = ball(np.zeros(3), size[0])
    elif kind == 1:
        slope = np.where(np.abs(w) < 1e-6, 1e-6, w)
        ends = np.stack([(-size - o) / slope, (size - o) / slope])
        enter, leave = ends.min(0).max(-1), ends.max(0).min(-1)
        t = np.where((enter <= leave) & (enter > 0.0), enter, np.inf)
    elif kind == 2:
        a, b = (w[..., :2] ** 2).sum(-1), (o[..., :2] * w[..., :2]).sum(-1)
        disc = b * b - a * ((o[..., :2] ** 2).sum(-1) - size[0] ** 2)
        side = (-b - np.sqrt(np.maximum(disc, 0.0))) / np.maximum(a, 1e-8)
        z = o[..., 2] + side * w[..., 2]
        caps = [ball(np.array([0.0, 0.0, e]), size[0]) for e in (size[1], -size[1])]
        t = np.where(np.abs(z) <= size[1], np.where(side > 0.0, side, np.inf), np.where(z > 0.0, *caps))
        t = np.where(disc >= 0.0, t, np.inf)
    else:
        below = (w[..., 2] > -1e-6) | (o[..., 2] <= 0.0)
        t = np.where(below, np.inf, -o[..., 2] / np.where(below, 1.0, w[..., 2]))
    p = o + np.where(np.isfinite(t), t, 1.0)[..., None] * w
    if kind == 1:
        face = np.abs(p / size).argmax(-1)
        n = np.eye(3)[face] * np.sign(np.take_along_axis(p, face[..., None], -1))
    elif kind == 3:
        n = np.broadcast_to([0.0, 0.0, 1.0], p.shape)
    else:
        core = np.zeros_like(p)
        if kind == 2:
            core[..., 2] = np.clip(p[..., 2], -size[1], size[1])
        n = (p - core) / np.maximum(np.linalg.norm(p - core, axis=-1, keepdims=True), 1e-12)
    return t, turn(pose[3:], n)
