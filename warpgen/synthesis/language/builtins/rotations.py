"""Functions of rotations, transforms and spatial vectors."""

from __future__ import annotations

from warpgen.synthesis.language.builtins import vectors
from warpgen.synthesis.language.builtins.record import Builtin, Rule, giving, within, written
from warpgen.synthesis.language.guards import clamped
from warpgen.synthesis.language.types import F32, Type, mat, quat, transform, vec
from warpgen.synthesis.language.values import Value

# A rotated vector's components are at most the square root of three times as large as its own.
_TURNED = 1.75


def _vec3(v: Value) -> Type:
    return vec(3, v.type.scalar)


def _rotated(name: str, q: Value, v: Value) -> Value:
    m = v.magnitude if v.unit else _TURNED * v.magnitude
    return written(name, (q, v), v.type, -m, m, unit=v.unit and q.unit)


def _axis_angle(name: str, axis: Value, angle: Value) -> Value:
    if not axis.unit:
        axis = vectors.normalize("normalize", axis)
    return written(name, (axis, angle), quat(angle.type.scalar), -1.0, 1.0, unit=True)


def _quat_inverse(name: str, q: Value) -> Value:
    return written(name, (q,), q.type, q.lo if q.unit else -q.magnitude, q.magnitude, unit=q.unit)


def _slerp(name: str, a: Value, b: Value, t: Value) -> Value:
    return written(name, (a, b, clamped(t, 0.0, 1.0)), a.type, -1.0, 1.0, unit=True)


def _part(name: str, x: Value) -> Value:
    """A translation, or one half of a spatial vector."""
    return written(name, (x,), _vec3(x), x.lo, x.hi)


def _reach(x: Value, p: Value) -> float:
    if x.type.kind == "transform":
        return x.magnitude + _TURNED * p.magnitude
    return x.magnitude * (3 * p.magnitude + 1)


def _turned(x: Value, v: Value) -> float:
    return _TURNED * v.magnitude if x.type.kind == "transform" else 3 * x.magnitude * v.magnitude


def _at_least_one(x: Value) -> float:
    return max(x.magnitude, 1)


_UNIT: Rule = giving(lambda *args: quat(args[0].type.scalar), -1.0, 1.0, unit=True)
_SPATIAL_CROSS = within(lambda a, b: 4 * a.magnitude * b.magnitude)
_MOVED = within(lambda x, s: s.magnitude * (2 + 4 * x.magnitude))

TABLE = (
    Builtin("quat_rotate", _rotated, arguments={"vec": "v|local_dir|p"}, pure=True,
            comments=("rotate the vector", "apply the rotation")),
    Builtin("quat_rotate_inv", _rotated, pure=True, comments=("rotate back", "apply the inverse rotation")),
    Builtin("quat_from_axis_angle", _axis_angle, pure=True,
            arguments={"axis": "axis|n|rot_axis", "angle": "angle|theta|phi"}),
    Builtin("quat_rpy", _UNIT,
            arguments={"roll": "roll|phi", "pitch": "pitch|theta", "yaw": "yaw|psi|heading"}),
    Builtin("quat_inverse", _quat_inverse, pure=True),
    Builtin("quat_slerp", _slerp, domain=((-1.5, 1.5), (-1.5, 1.5), (0.0, 1.0)),
            arguments={"t": "t|alpha|s"}),
    Builtin("quat_to_matrix", giving(lambda q: mat(3, 3, q.type.scalar), -1.0, 1.0)),
    Builtin("quat_from_matrix", _UNIT),
    Builtin("quat_to_rpy", giving(_vec3, -3.2, 3.2)),
    Builtin("quat_twist", giving(lambda axis, q: q.type, -1.0, 1.0, unit=True)),
    Builtin("quat_twist_angle", giving(F32, -6.3, 6.3)),
    Builtin("quat_twist_angle_signed", giving(F32, -6.3, 6.3)),
    Builtin("transform_get_translation", _part, pure=True),
    Builtin("transform_get_rotation", _UNIT, pure=True),
    Builtin("transform_multiply", within(lambda a, b: a.magnitude + _TURNED * b.magnitude)),
    Builtin("transform_inverse", within(lambda x: _TURNED * x.magnitude)),
    Builtin("transform_point", within(_reach), arguments={"point": "point|p|local_pos"}, pure=True,
            comments=("apply the transform to the point", "transform the point")),
    Builtin("transform_vector", within(_turned), arguments={"vec": "v|dir|normal"}, pure=True,
            comments=("rotate the vector into the frame", "transform the direction")),
    Builtin("transform_to_matrix", within(_at_least_one, lambda x: mat(4, 4, x.type.scalar))),
    Builtin("transform_from_matrix", within(_at_least_one, lambda m: transform(m.type.scalar))),
    Builtin("spatial_dot", vectors.dot),
    Builtin("spatial_cross", _SPATIAL_CROSS),
    Builtin("spatial_cross_dual", _SPATIAL_CROSS),
    Builtin("spatial_top", _part),
    Builtin("spatial_bottom", _part),
    Builtin("velocity_at_point", within(lambda qd, r: qd.magnitude * (1 + 2 * r.magnitude))),
    Builtin("transform_twist", _MOVED),
    Builtin("transform_wrench", _MOVED),
)  # fmt: skip
