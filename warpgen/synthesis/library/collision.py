"""Primitive shapes against one another: distance, contact point and normal from the first to the second.

Sources: Ericson 2005, ch. 5 (closest points); Warp's sim and newton (conventions).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.writing.pieces import piece


def _segment_point(a: Any, b: Any, p: Any) -> Any:
    t = np.clip(np.dot(p - a, b - a) / max(np.dot(b - a, b - a), 1e-12), 0.0, 1.0)
    return a + t * (b - a)


CLOSEST_ON_SEGMENT = piece(
    '''
@wp.func
def closest_point_on_segment(a: wp.vec3, b: wp.vec3, point: wp.vec3) -> wp.vec3:
    """Return the closest point to `point` on segment `ab`."""
    ab = b - a
    length_sq = wp.dot(ab, ab)
    # Degenerate segment (zero length)
    if length_sq < 1.0e-12:
        return a
    t = wp.clamp(wp.dot(point - a, ab) / length_sq, 0.0, 1.0)
    return a + t * ab
''',
    numpy=_segment_point,
)


def _segments(p1: Any, q1: Any, p2: Any, q2: Any) -> Any:
    """Closest points of two segments: the best of the four ends and of the point inside."""
    found = [
        (p1, _segment_point(p2, q2, p1)),
        (q1, _segment_point(p2, q2, q1)),
        (_segment_point(p1, q1, p2), p2),
        (_segment_point(p1, q1, q2), q2),
    ]
    d1, d2 = q1 - p1, q2 - p2
    gram = np.array([[d1 @ d1, -d1 @ d2], [-d1 @ d2, d2 @ d2]])
    if abs(np.linalg.det(gram)) > 1e-12:
        s, t = np.linalg.solve(gram, [d1 @ (p2 - p1), -d2 @ (p2 - p1)])
        if 0.0 <= s <= 1.0 and 0.0 <= t <= 1.0:
            found.append((p1 + s * d1, p2 + t * d2))
    return min(found, key=lambda pair: float(np.linalg.norm(pair[0] - pair[1])))


CLOSEST_OF_SEGMENTS = piece(
    '''
@wp.func
def closest_points_segments(p1: wp.vec3, q1: wp.vec3, p2: wp.vec3, q2: wp.vec3):
    """Compute the closest points between segments `p1 q1` and `p2 q2`.

    Follows Ericson, Real-Time Collision Detection, section 5.1.9.

    Returns:
        Tuple of closest points on the first and second segment.
    """
    d1 = q1 - p1
    d2 = q2 - p2
    r = p1 - p2
    a = wp.dot(d1, d1)
    e = wp.dot(d2, d2)
    f = wp.dot(d2, r)
    c = wp.dot(d1, r)
    b = wp.dot(d1, d2)
    denom = a * e - b * b
    # If the segments are not parallel, compute the closest point on the first line
    # and clamp to the segment, otherwise pick an arbitrary s (here 0)
    s = float(0.0)
    if denom > 1.0e-8:
        s = wp.clamp((b * f - c * e) / denom, 0.0, 1.0)
    t = (b * s + f) / e
    # If t is outside [0, 1], clamp it and recompute s
    if t < 0.0:
        t = 0.0
        s = wp.clamp(-c / a, 0.0, 1.0)
    elif t > 1.0:
        t = 1.0
        s = wp.clamp((b - c) / a, 0.0, 1.0)
    return p1 + d1 * s, p2 + d2 * t
''',
    numpy=_segments,
)


def _spheres(pos_a: Any, radius_a: Any, pos_b: Any, radius_b: Any) -> Any:
    gap = np.linalg.norm(pos_b - pos_a)
    normal = (pos_b - pos_a) / gap if gap > 1e-6 else np.array([0.0, 0.0, 1.0])
    distance = gap - radius_a - radius_b
    return distance, pos_a + normal * (radius_a + 0.5 * distance), normal


COLLIDE_SPHERES = piece(
    '''
@wp.func
def collide_spheres(pos_a: wp.vec3, radius_a: float, pos_b: wp.vec3, radius_b: float):
    """Compute the contact between two spheres.

    Returns:
        Tuple of signed distance (negative when overlapping), contact point halfway between
        the surfaces, and unit normal pointing from `a` to `b`.
    """
    delta = pos_b - pos_a
    center_dist = wp.length(delta)
    # Degenerate case for coincident centers: use an arbitrary normal
    normal = wp.where(center_dist > 1.0e-6, delta / wp.max(center_dist, 1.0e-6), wp.vec3(0.0, 0.0, 1.0))
    dist = center_dist - radius_a - radius_b
    return dist, pos_a + normal * (radius_a + 0.5 * dist), normal
''',
    numpy=_spheres,
)


def _plane_sphere(normal: Any, plane: Any, pos: Any, radius: Any) -> Any:
    distance = normal @ (pos - plane) - radius
    return distance, pos - normal * (radius + 0.5 * distance), normal


COLLIDE_PLANE_SPHERE = piece(
    '''
@wp.func
def collide_plane_sphere(plane_normal: wp.vec3, plane_pos: wp.vec3, sphere_pos: wp.vec3, radius: float):
    """Return distance, contact point and normal between a half-space and a sphere."""
    dist = wp.dot(sphere_pos - plane_pos, plane_normal) - radius
    return dist, sphere_pos - plane_normal * (radius + 0.5 * dist), plane_normal
''',
    numpy=_plane_sphere,
)


def _plane_capsule(normal: Any, plane: Any, pos: Any, axis: Any, radius: Any, half: Any) -> Any:
    ends = [_plane_sphere(normal, plane, pos + s * axis * half, radius) for s in (1.0, -1.0)]
    return min(ends, key=lambda end: float(end[0]))


COLLIDE_PLANE_CAPSULE = piece(
    '''
@wp.func
def collide_plane_capsule(
    plane_normal: wp.vec3,
    plane_pos: wp.vec3,
    capsule_pos: wp.vec3,
    capsule_axis: wp.vec3,
    radius: float,
    half_height: float,
):
    """Return the deepest contact between a half-space and a capsule."""
    # Pick the end cap facing the plane, since it is the deepest
    segment = capsule_axis * half_height
    if wp.dot(segment, plane_normal) > 0.0:
        segment = -segment
    return collide_plane_sphere(plane_normal, plane_pos, capsule_pos + segment, radius)
''',
    COLLIDE_PLANE_SPHERE,
    numpy=_plane_capsule,
)


def _plane_box(normal: Any, plane: Any, pos: Any, turn: Any, half: Any) -> Any:
    corners = [turn @ ((2.0 * np.array(s) - 1.0) * half) + pos for s in np.ndindex(2, 2, 2)]
    corner = min(corners, key=lambda c: float(normal @ (c - plane)))
    distance = normal @ (corner - plane)
    return distance, corner - 0.5 * distance * normal, normal


COLLIDE_PLANE_BOX = piece(
    '''
@wp.func
def collide_plane_box(
    plane_normal: wp.vec3, plane_pos: wp.vec3, box_pos: wp.vec3, box_rot: wp.quat, half_extents: wp.vec3
):
    """Return distance, contact point and normal for the deepest box corner against a half-space."""
    # Box support point along the negative plane normal
    local_dir = wp.quat_rotate_inv(box_rot, -plane_normal)
    corner = wp.vec3(
        wp.where(local_dir[0] >= 0.0, half_extents[0], -half_extents[0]),
        wp.where(local_dir[1] >= 0.0, half_extents[1], -half_extents[1]),
        wp.where(local_dir[2] >= 0.0, half_extents[2], -half_extents[2]),
    )
    corner_world = box_pos + wp.quat_rotate(box_rot, corner)
    dist = wp.dot(corner_world - plane_pos, plane_normal)
    return dist, corner_world - 0.5 * dist * plane_normal, plane_normal
''',
    numpy=_plane_box,
)


def _sphere_box(pos: Any, radius: Any, box: Any, turn: Any, half: Any) -> Any:
    local = turn.T @ (pos - box)
    nearest = np.clip(local, -half, half)
    gap = np.linalg.norm(local - nearest)
    if gap > 1e-6:
        normal, inside = (nearest - local) / gap, gap
    else:
        axis = int(np.argmin(half - np.abs(local)))
        side = 1.0 if local[axis] >= 0.0 else -1.0
        normal, nearest = np.zeros(3), local.copy()
        normal[axis], nearest[axis] = -side, side * half[axis]
        inside = abs(local[axis]) - half[axis]
    distance = inside - radius
    return distance, box + turn @ (nearest - 0.5 * distance * normal), turn @ normal


COLLIDE_SPHERE_BOX = piece(
    '''
@wp.func
def collide_sphere_box(
    sphere_pos: wp.vec3, radius: float, box_pos: wp.vec3, box_rot: wp.quat, half_extents: wp.vec3
):
    """Compute the contact between a sphere and an oriented box.

    If the sphere center is inside the box, it is pushed out through the closest face.

    Returns:
        Tuple of signed distance, world-space contact point, and unit normal from sphere to box.
    """
    local_pos = wp.quat_rotate_inv(box_rot, sphere_pos - box_pos)
    closest = wp.vec3(
        wp.clamp(local_pos[0], -half_extents[0], half_extents[0]),
        wp.clamp(local_pos[1], -half_extents[1], half_extents[1]),
        wp.clamp(local_pos[2], -half_extents[2], half_extents[2]),
    )
    offset = closest - local_pos
    surface_dist = wp.length(offset)
    if surface_dist > 1.0e-6:
        normal = offset / surface_dist
        dist = surface_dist - radius
        point = box_pos + wp.quat_rotate(box_rot, closest - 0.5 * dist * normal)
        return dist, point, wp.quat_rotate(box_rot, normal)
    # Center is inside: find the face with minimum penetration
    depth = half_extents - wp.vec3(wp.abs(local_pos[0]), wp.abs(local_pos[1]), wp.abs(local_pos[2]))
    face = 0
    if depth[1] < depth[face]:
        face = 1
    if depth[2] < depth[face]:
        face = 2
    side = wp.where(local_pos[face] >= 0.0, 1.0, -1.0)
    face_normal = wp.vec3(0.0, 0.0, 0.0)
    face_normal[face] = -side
    inner_dist = -depth[face] - radius
    inner_point = local_pos - face_normal * depth[face] - 0.5 * inner_dist * face_normal
    return inner_dist, box_pos + wp.quat_rotate(box_rot, inner_point), wp.quat_rotate(box_rot, face_normal)
''',
    numpy=_sphere_box,
)
