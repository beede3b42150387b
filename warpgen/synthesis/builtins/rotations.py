"""Fragments for quaternions, transforms and spatial vectors."""

from __future__ import annotations

from warpgen.synthesis.builtins.cases import case, matrix_of, rotation_of, scalar_of
from warpgen.synthesis.builtins.typed import vector_of
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import F16, F32, F64, Type, mat, quat, spatial_vector, transform, vec
from warpgen.synthesis.language.values import Value, call

_FLOATS = (F32, F64, F16)
_PRECISE = (F32, F64)


# -- rotations and transforms ----------------------------------------------------------------------------
@case("quaternion", _FLOATS)
def quaternion(k: Kit, t: Type) -> None:
    how = k.rng.integer(0, 2)
    if how == 0:
        parts = [scalar_of(k, t, 0.1, 1.0, n).text for n in ("qx|x", "qy|y", "qz|z", "qw|w")]
        text = f"wp.quaternion({', '.join(parts)}" + (f", dtype={t.short})" if k.rng.chance(0.4) else ")")
    elif how == 1:
        imaginary = vector_of(k, 3, t, names="ijk|imag|axis")
        text = f"wp.quaternion({imaginary.text}, {scalar_of(k, t, 0.2, 1.0, 'real|w').text})"
    else:
        text = f"wp.quaternion({rotation_of(k, t).text}, dtype={(F32 if t is F64 else F64).short})"
        t = F32 if t is F64 else F64
    k.give("q|rot|quat_out", Value(text, quat(t), -1.0, 1.0, k.author))


@case("quaternion", _FLOATS)
def empty_quaternion(k: Kit, t: Type) -> None:
    zero = Value(f"wp.quaternion(dtype={t.full})", quat(t), 0.0, 0.0, k.author)
    q = rotation_of(k, t)
    acc = k.var("acc|q_sum|avg", zero, lo=-4.0, hi=4.0)
    k.add(acc, q * scalar_of(k, t, 0.1, 1.0, "weight|w"))
    k.give("q_avg|mean_rot|blended", acc)


@case("quat_identity", _FLOATS)
def quat_identity(k: Kit, t: Type) -> None:
    text = "wp.quat_identity()" if t is F32 else f"wp.quat_identity(dtype={t.short})"
    one = Value(text, quat(t), 0.0, 1.0, k.author, unit=True)
    k.give(
        "partial|q_t|damped", k.wp.quat_slerp(one, rotation_of(k, t), scalar_of(k, t, 0.0, 1.0, "t|alpha|s"))
    )


@case("quat_to_axis_angle", _PRECISE)
def quat_to_axis_angle(k: Kit, t: Type) -> None:
    q = rotation_of(k, t)
    if k.rng.chance(0.5):
        axis, angle = k.define_all(
            ("axis|n", "angle|theta"),
            f"wp.quat_to_axis_angle({q.text})",
            (vec(3, t), t),
            (-1.0, 1.0),
            (0.0, 6.3),
        )
    else:
        axis, angle = (
            k.var("axis|n", k.zero(vec(3, t)), lo=-1.0, hi=1.0),
            k.var("angle|theta", 0.0, t, lo=0.0, hi=6.3),
        )
        k.do("wp.quat_to_axis_angle", q, axis, angle)
    k.give("rotvec|omega|expmap", axis * angle)


@case("quat_from_matrix", _PRECISE)
def quat_from_matrix(k: Kit, t: Type) -> None:
    r = k.define("R|rot|M", k.wp.quat_to_matrix(rotation_of(k, t)))
    if k.rng.chance(0.4):
        zero, one = k.lit(0.0, t), k.lit(1.0, t)
        rows = [x for i in range(3) for x in (r[i, 0], r[i, 1], r[i, 2], zero)] + [zero, zero, zero, one]
        r = k.define("T|M4|pose", k.make(mat(4, 4, t), *rows))
    k.give("q|rot_out|q_est", k.wp.quat_from_matrix(r))


@case("quat_from_euler")
def quat_from_euler(k: Kit, t: Type) -> None:
    e = vector_of(k, 3, F32, -1.2, 1.2, "euler|angles|rpy")
    i, j, n = k.rng.choice(((0, 1, 2), (2, 1, 0), (1, 0, 2), (0, 2, 1)))
    k.give(
        "q|rot|orientation_out",
        Value(f"wp.quat_from_euler({e.text}, {i}, {j}, {n})", quat(F32), -1, 1, k.author, unit=True),
    )


@case("quat_to_euler")
def quat_to_euler(k: Kit, t: Type) -> None:
    q = rotation_of(k, F32)
    i, j, n = k.rng.choice(((0, 1, 2), (2, 1, 0), (1, 0, 2)))
    k.give(
        "euler|angles|ypr", Value(f"wp.quat_to_euler({q.text}, {i}, {j}, {n})", vec(3), -3.2, 3.2, k.author)
    )


@case("quat_to_rpy")
def quat_to_rpy(k: Kit, t: Type) -> None:
    k.give("rpy|attitude|angles", k.wp.quat_to_rpy(rotation_of(k, F32)))


@case("quat_twist")
def quat_twist(k: Kit, t: Type) -> None:
    axis = k.input("axis|hinge|n", vec(3), -1.0, 1.0, unit=True)
    k.give("twist_q|twist|q_axis", k.wp.quat_twist(axis, rotation_of(k, F32)))


@case("quat_twist_angle")
def quat_twist_angle(k: Kit, t: Type) -> None:
    axis = k.input("axis|hinge|n", vec(3), -1.0, 1.0, unit=True)
    k.give("twist_angle|joint_angle|theta", k.wp.quat_twist_angle(axis, rotation_of(k, F32)))


@case("quat_twist_angle_signed")
def quat_twist_angle_signed(k: Kit, t: Type) -> None:
    axis = k.input("axis|hinge|n", vec(3), -1.0, 1.0, unit=True)
    k.give("signed_angle|joint_angle|theta", k.wp.quat_twist_angle_signed(axis, rotation_of(k, F32)))


@case("transformation", _FLOATS)
def transformation(k: Kit, t: Type) -> None:
    p = vector_of(k, 3, t, -2.0, 2.0, "p|translation|pos")
    if k.rng.chance(0.7):
        value = call("wp.transformation", [p, rotation_of(k, t)], transform(t), -2.0, 2.0, k.author)
    else:
        parts = [p[i].text for i in range(3)] + [rotation_of(k, t)[i].text for i in range(4)]
        value = Value(
            f"wp.transformation({', '.join(parts)}, dtype={t.short})", transform(t), -2.0, 2.0, k.author
        )
    k.give("X|pose|tf", value)


@case("transform_identity", _FLOATS)
def transform_identity(k: Kit, t: Type) -> None:
    text = "wp.transform_identity()" if t is F32 else f"wp.transform_identity(dtype={t.short})"
    x = k.var("X|pose|tf", Value(text, transform(t), 0.0, 1.0, k.author), lo=-20.0, hi=20.0)
    k.set(x, x * k.input("joint|parent|child", transform(t), -1.0, 1.0))
    k.give("X_world|world_pose|body_tf", x)


def _changed_pose(k: Kit, t: Type, change: str) -> None:
    """A pose that is read, changed in place and written back."""
    poses = k.inout("poses|body_q|frames|xforms", transform(t), len(k.place), kind="transform")
    x = k.define("X|pose|tf", poses[k.place])
    k.line(change.replace("$", x.text))
    k.store(poses, k.place, x)


@case("transform_set_translation", _PRECISE)
def transform_set_translation(k: Kit, t: Type) -> None:
    p = vector_of(k, 3, t, -2.0, 2.0, "p|target|position")
    _changed_pose(k, t, f"wp.transform_set_translation($, {p.text})")


@case("transform_set_rotation", _PRECISE)
def transform_set_rotation(k: Kit, t: Type) -> None:
    _changed_pose(k, t, f"wp.transform_set_rotation($, {rotation_of(k, t).text})")


@case("transform_compose")
def transform_compose(k: Kit, t: Type) -> None:
    p, s = (
        vector_of(k, 3, F32, -2.0, 2.0, "position|p|translation"),
        vector_of(k, 3, F32, 0.5, 2.0, "scale|s|size"),
    )
    k.give(
        "M|local_to_world|mat",
        call("wp.transform_compose", [p, rotation_of(k, F32), s], mat(4, 4), -2.0, 2.0, k.author),
    )


@case("transform_decompose")
def transform_decompose(k: Kit, t: Type) -> None:
    p, s = (
        vector_of(k, 3, F32, -2.0, 2.0, "position|p|translation"),
        vector_of(k, 3, F32, 0.5, 2.0, "scale|s|size"),
    )
    m = k.define(
        "M|mat|world",
        call("wp.transform_compose", [p, rotation_of(k, F32), s], mat(4, 4), -2.0, 2.0, k.author),
    )
    pos, rot, size = k.define_all(
        ("pos|t", "rot|r", "size|sc"),
        f"wp.transform_decompose({m.text})",
        (vec(3), quat(), vec(3)),
        (-2.0, 2.0),
    )
    k.give("stretched|placed|corner", pos + k.wp.quat_rotate(rot, size))


@case("transform_to_matrix")
def transform_to_matrix(k: Kit, t: Type) -> None:
    k.give("M|mat|world_matrix", k.wp.transform_to_matrix(k.input("X|xform|pose", transform(F32), -1.0, 1.0)))


@case("transform_from_matrix")
def transform_from_matrix(k: Kit, t: Type) -> None:
    m = k.define("M|mat|T", k.wp.transform_to_matrix(k.input("X|xform|pose", transform(F32), -1.0, 1.0)))
    k.give("pose|X_out|frame", k.wp.transform_from_matrix(m))


# -- spatial vectors -------------------------------------------------------------------------------------
@case("spatial_vector", _FLOATS)
def spatial_vector_case(k: Kit, t: Type) -> None:
    how = k.rng.integer(0, 2)
    if how == 0 and t is F32:  # in the other precisions Warp takes six numbers alone
        w, v = vector_of(k, 3, t, names="w|omega|angular"), vector_of(k, 3, t, names="v|vel|linear")
        value = call(spatial_vector(t).short, [w, v], spatial_vector(t), -1.0, 1.0, k.author)
    elif how <= 1:
        v = vector_of(k, 6 - 3, t, names="f|force|v")
        parts = ", ".join([v[i].text for i in range(3)] + [k.lit(0.0, t).text] * 3)
        value = Value(f"{spatial_vector(t).short}({parts})", spatial_vector(t), -1.0, 1.0, k.author)
    else:
        value = k.var("acc|total|wrench", k.zero(spatial_vector(t)))
        k.add(
            value,
            k.input("twist|qd|spatial_vel", spatial_vector(t), -1.0, 1.0)
            * scalar_of(k, t, 0.1, 2.0, "mass|m|w"),
        )
    k.give("spatial|twist_out|body_qd", value)


@case("spatial_adjoint", _FLOATS)
def spatial_adjoint(k: Kit, t: Type) -> None:
    r, s = matrix_of(k, mat(3, 3, t), names="R|rot"), k.wp.skew(vector_of(k, 3, t, names="p|offset|r"))
    adj = k.define("adj|Ad|X", k.wp.spatial_adjoint(r, s).within(-2.0, 2.0))
    k.give("transformed|v_out|twist_b", adj * k.input("twist|qd|spatial_vel", spatial_vector(t), -1.0, 1.0))


@case("velocity_at_point")
def velocity_at_point(k: Kit, t: Type) -> None:
    qd = k.input("qd|twist|body_qd", spatial_vector(F32), -1.0, 1.0)
    k.give(
        "v_point|velocity|point_vel", k.wp.velocity_at_point(qd, vector_of(k, 3, F32, names="r|arm|offset"))
    )


@case("transform_twist")
def transform_twist(k: Kit, t: Type) -> None:
    x = k.input("X|xform|pose", transform(F32), -1.0, 1.0)
    k.give(
        "twist_world|v_s|qd_out", k.wp.transform_twist(x, k.input("twist|qd", spatial_vector(F32), -1.0, 1.0))
    )


@case("transform_wrench")
def transform_wrench(k: Kit, t: Type) -> None:
    x = k.input("X|xform|pose", transform(F32), -1.0, 1.0)
    k.give(
        "wrench_world|f_s|f_out",
        k.wp.transform_wrench(x, k.input("wrench|f", spatial_vector(F32), -1.0, 1.0)),
    )
