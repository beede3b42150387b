"""Convex shapes as support functions, and the same in NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from warpgen.synthesis.library.ray_shapes import turn
from warpgen.synthesis.writing.pieces import Piece, piece

_SIZES = {
    "ellipsoid": "half extents, semi-axes, or radius and half height (along z)",
    "cylinder": "half extents, or radius and half height (along z)",
}


def convex_shape(last: str) -> Piece:
    """The struct of a shape, where the `last` kind is an ellipsoid or a cylinder."""
    return piece(f'''
@wp.struct
class ConvexShape:
    """Convex primitive: sphere, box, capsule or {last}; size stores {_SIZES[last]}."""

    kind: int
    size: wp.vec3
    pose: wp.transform
''')


SUPPORT = '''
@wp.func
def support_local(kind: int, size: wp.vec3, search_dir: wp.vec3) -> wp.vec3:
    """Local-space support mapping: return the farthest point along a direction."""
    if kind == SHAPE_SPHERE:
        return size[0] * wp.normalize(search_dir)
    if kind == SHAPE_BOX:
        return wp.vec3(
            wp.where(search_dir[0] >= 0.0, size[0], -size[0]),
            wp.where(search_dir[1] >= 0.0, size[1], -size[1]),
            wp.where(search_dir[2] >= 0.0, size[2], -size[2]),
        )
    if kind == SHAPE_CAPSULE:
        cap = wp.where(search_dir[2] >= 0.0, size[1], -size[1])
        return size[0] * wp.normalize(search_dir) + wp.vec3(0.0, 0.0, cap)
    $last


@wp.func
def support_world(shape: ConvexShape, search_dir: wp.vec3) -> wp.vec3:
    """World-space support mapping for a posed shape."""
    local_dir = wp.quat_rotate_inv(wp.transform_get_rotation(shape.pose), search_dir)
    return wp.transform_point(shape.pose, support_local(shape.kind, shape.size, local_dir))
'''

LAST = {
    "ellipsoid": """
        # Ellipsoid: x = S^2 d / |S d|
        scaled = wp.cw_mul(size, search_dir)
        return wp.cw_mul(size, wp.normalize(scaled))
        """,
    "cylinder": """
        # Cylinder: any cap point is valid if the direction is parallel to the axis
        planar = wp.sqrt(search_dir[0] * search_dir[0] + search_dir[1] * search_dir[1])
        rim = size[0] / wp.max(planar, 1.0e-6)
        half_height = wp.where(search_dir[2] >= 0.0, size[1], -size[1])
        return wp.vec3(rim * search_dir[0], rim * search_dir[1], half_height)
        """,
}


def support(shapes: Sequence[Any], way: Any, last: str) -> Any:
    """Support points of shapes (kinds, sizes, poses), one for each direction."""
    kind, size, pose = shapes
    w = turn(pose[:, 3:], way, back=True)
    unit = w / np.linalg.norm(w, axis=1, keepdims=True)
    sign = np.where(w >= 0.0, 1.0, -1.0)
    axis = np.array([0.0, 0.0, 1.0])
    if last == "ellipsoid":
        scaled = size * w
        other = size * scaled / np.linalg.norm(scaled, axis=1, keepdims=True)
    else:
        planar = np.linalg.norm(w[:, :2], axis=1, keepdims=True)
        other = np.concatenate(
            [size[:, :1] * w[:, :2] / np.maximum(planar, 1e-6), size[:, 1:2] * sign[:, 2:]], 1
        )
    found = np.select(
        [kind[:, None] == 0, kind[:, None] == 1, kind[:, None] == 2],
        [size[:, :1] * unit, size * sign, size[:, :1] * unit + size[:, 1:2] * sign[:, 2:] * axis],
        other,
    )
    return turn(pose[:, 3:], found) + pose[:, :3]


def outside(shapes: Sequence[Any], p: Any, last: str) -> Any:
    """How far points stand out of shapes, roughly: at most zero inside."""
    kind, size, pose = shapes
    q = turn(pose[:, 3:], p - pose[:, :3], back=True)
    segment = q.copy()
    segment[:, 2] -= np.clip(q[:, 2], -size[:, 1], size[:, 1])
    if last == "ellipsoid":
        other = np.linalg.norm(q / size, axis=1) - 1.0
    else:
        other = np.maximum(np.linalg.norm(q[:, :2], axis=1) - size[:, 0], np.abs(q[:, 2]) - size[:, 1])
    return np.select(
        [kind == 0, kind == 1, kind == 2],
        [
            np.linalg.norm(q, axis=1) - size[:, 0],
            (np.abs(q) - size).max(axis=1),
            np.linalg.norm(segment, axis=1) - size[:, 0],
        ],
        other,
    )
