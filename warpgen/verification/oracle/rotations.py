"""Warp's quaternions, transforms and spatial vectors, written anew from their documentation."""

from __future__ import annotations

import math
from typing import Any

from warpgen.verification.oracle import operators as op
from warpgen.verification.oracle import vectors
from warpgen.verification.oracle.values import Mat, Unsupported, Vec


def _axis_angle(axis: Vec, angle: float) -> Vec:
    half = 0.5 * angle
    return Vec((*op.mul(axis, math.sin(half)).c, math.cos(half)), "quat")


def _to_axis_angle(q: Vec, *places: Any) -> tuple[Vec, float]:
    if places:
        raise Unsupported("results through arguments")
    v = Vec(q.c[:3])
    axis = vectors.normalize(v)
    return (op.negative(axis) if q.c[3] < 0.0 else axis), 2.0 * math.atan2(vectors.length(v), abs(q.c[3]))


def _quat_inverse(q: Vec) -> Vec:
    return Vec((-q.c[0], -q.c[1], -q.c[2], q.c[3]), "quat")


def _rotate_inv(q: Vec, v: Vec) -> Vec:
    return op.rotate(_quat_inverse(q), v)


def _slerp(a: Vec, b: Vec, t: float) -> Vec:
    axis, angle = _to_axis_angle(op.quat_mul(_quat_inverse(a), b))
    return op.quat_mul(a, _axis_angle(axis, t * angle))


def _to_matrix(q: Vec) -> Mat:
    axes = (Vec((1.0, 0.0, 0.0)), Vec((0.0, 1.0, 0.0)), Vec((0.0, 0.0, 1.0)))
    return vectors.from_cols(*(op.rotate(q, axis) for axis in axes))


def _rpy(roll: float, pitch: float, yaw: float) -> Vec:
    cr, sr = math.cos(roll / 2), math.sin(roll / 2)
    cp, sp = math.cos(pitch / 2), math.sin(pitch / 2)
    cy, sy = math.cos(yaw / 2), math.sin(yaw / 2)
    x, y = cy * sr * cp - sy * cr * sp, cy * cr * sp + sy * sr * cp
    return Vec((x, y, sy * cr * cp - cy * sr * sp, cy * cr * cp + sy * sr * sp), "quat")


def _quat(m: Mat) -> Vec:
    """The rotation of a matrix, by the largest of the four components (Shepperd's method)."""
    d = [m[i, i] for i in range(3)]
    squares = [1.0 + d[0] - d[1] - d[2], 1.0 - d[0] + d[1] - d[2], 1.0 - d[0] - d[1] + d[2]]
    trace = math.fsum(d)
    squares.append(1.0 + trace)
    at = 3 if trace >= 0.0 else max(range(3), key=squares.__getitem__)
    h = math.sqrt(max(squares[at], 0.0)) or 1.0
    if at == 3:
        parts = [(m[2, 1] - m[1, 2]) / h, (m[0, 2] - m[2, 0]) / h, (m[1, 0] - m[0, 1]) / h, h]
    else:
        i, j, k = at, (at + 1) % 3, (at + 2) % 3
        parts = [0.0] * 4
        parts[i], parts[j], parts[k] = h, (m[j, i] + m[i, j]) / h, (m[k, i] + m[i, k]) / h
        parts[3] = (m[k, j] - m[j, k]) / h
    made: Vec = vectors.normalize(Vec(tuple(parts), "quat"))
    return made


def _transform_inverse(t: Vec) -> Vec:
    q = _quat_inverse(t.q)
    return Vec((*op.negative(op.rotate(q, t.p)).c, *q.c), "transform")


def _transform_point(t: Vec | Mat, p: Vec) -> Vec:
    if isinstance(t, Mat):
        return Vec(op.matmul(t, Vec((*p.c, 1.0))).c[:3])
    moved: Vec = op.add(op.rotate(t.q, p), t.p)
    return moved


def _transform_vector(t: Vec | Mat, v: Vec) -> Vec:
    if isinstance(t, Mat):
        return Vec(op.matmul(t, Vec((*v.c, 0.0))).c[:3])
    return op.rotate(t.q, v)


def _top(s: Vec) -> Vec:
    return Vec(s.c[:3])


def _bottom(s: Vec) -> Vec:
    return Vec(s.c[3:])


def _spatial_cross(a: Vec, b: Vec) -> Vec:
    w = vectors.cross(_top(a), _top(b))
    v = op.add(vectors.cross(_top(a), _bottom(b)), vectors.cross(_bottom(a), _top(b)))
    return Vec((*w.c, *v.c))


def _spatial_cross_dual(a: Vec, b: Vec) -> Vec:
    w = op.add(vectors.cross(_top(a), _top(b)), vectors.cross(_bottom(a), _bottom(b)))
    return Vec((*w.c, *vectors.cross(_top(a), _bottom(b)).c))


def _quaternion(*items: Any, dtype: Any = None) -> Vec:
    parts = tuple(x for item in items for x in (item.c if isinstance(item, Vec) else (item,)))
    if len(parts) not in (0, 4) or any(type(x) is not float for x in parts):
        raise Unsupported("this quaternion")
    return Vec(parts or (0.0,) * 4, "quat")


def _compose(place: Vec, turn: Vec, scale: Vec) -> Mat:
    """The 4 x 4 matrix that scales, then turns, then moves."""
    turned = _to_matrix(turn)
    rows = [(*(turned[i, j] * scale.c[j] for j in range(3)), place.c[i]) for i in range(3)]
    return Mat(4, 4, (*rows[0], *rows[1], *rows[2], 0.0, 0.0, 0.0, 1.0))


def table() -> dict[str, Any]:
    made: dict[str, Any] = {"quat_from_axis_angle": _axis_angle, "quat_to_axis_angle": _to_axis_angle}
    made |= {"quat_inverse": _quat_inverse, "quat_rotate": op.rotate, "quat_rotate_inv": _rotate_inv}
    made |= {"quat_rpy": _rpy, "quat_slerp": _slerp, "quat_to_matrix": _to_matrix, "quat_from_matrix": _quat}
    made |= {"quat_identity": lambda dtype=float: Vec((0.0, 0.0, 0.0, 1.0), "quat")}
    made |= {"transform_identity": lambda dtype=float: Vec((0.0,) * 6 + (1.0,), "transform")}
    made |= {"transform_point": _transform_point, "transform_vector": _transform_vector}
    made |= {"transform_multiply": op.transform_mul, "transform_inverse": _transform_inverse}
    made |= {"transform_get_translation": lambda t: t.p, "transform_get_rotation": lambda t: t.q}
    made |= {"transform_set_translation": lambda t, p: Vec((*p.c, *t.c[3:]), "transform")}
    made |= {"transform_set_rotation": lambda t, q: Vec((*t.c[:3], *q.c), "transform")}
    made |= {"transform_compose": _compose, "quaternion": _quaternion}
    made |= {"spatial_top": _top, "spatial_bottom": _bottom, "spatial_dot": vectors.dot}
    return made | {"spatial_cross": _spatial_cross, "spatial_cross_dual": _spatial_cross_dual}
