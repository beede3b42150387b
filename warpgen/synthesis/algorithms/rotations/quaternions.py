"""Making, reading, joining and blending rotations."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rotations import DOMAIN
from warpgen.synthesis.algorithms.rotations import _numpy as rot
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "q": "rotations|orientations|quats",
    "angles": "euler|rpy",
    "v": "vectors",
    "shared_v": "vector",
    "axis": "rotation_axis",
}


@DOMAIN.algorithm(
    source="Diebel 2006, sec. 5; Warp manual, Quaternion Math",
    names=_NAMES,
    double=True,
    element="rotation",
    weight=12,
)
def orient(d: Draft) -> None:
    """Builds rotations from angles, axes or frames."""
    way = d.option("way", "axis and angle", "rpy", "products", "matrix", "half angles")
    result = d.option("result", "rotation", "turned vector", "matrix")
    shared = d.flag("shared")
    if way == "matrix":
        result = "rotation"  # matrices they are already, and turn vectors as they are
    count = d.pick(48, 64, 96)
    d.says(
        {
            "axis and angle": "Computes rotations from axis-angle pairs",
            "rpy": "Computes rotations from roll, pitch and yaw angles",
            "products": "Composes rotations from yaw, pitch and roll angles",
            "matrix": "Computes rotations from orthonormal frames",
            "half angles": "Computes rotations from axes and angles using half-angle formulas",
        }[way]
        + {
            "rotation": ".",
            "turned vector": f" and applies them to {'one vector' if shared else 'vectors'}.",
            "matrix": ", as matrices.",
        }[result]
    )
    d.calls({
        "axis and angle": "axis_angle_to_quat|quats_from_axis_angle|build_rotations",
        "rpy": "rpy_to_quat|euler_to_quat|quats_from_angles",
        "products": "compose_rotations|euler_to_quat|quats_from_angles",
        "matrix": "frames_to_quats|quats_from_frames|matrix_to_quat",
        "half angles": "axis_angle_to_quat|quats_from_axis_angle|build_rotations",
    }[way])  # fmt: skip
    if result == "turned vector":
        d.calls("rotate_vectors|turn_vectors|apply_rotations")
    elif result == "matrix":
        d.calls("rotation_matrices|build_rotation_matrices|orientation_matrices")
    if way in ("axis and angle", "half angles"):
        d.input("axis", "vec3", count, kind="unit", about="Unit axes")
        d.input("angle", "float", count, -3.0, 3.0, about="Angles [rad]")
    elif way == "matrix":
        d.input(
            "frames", "mat33", count, kind="rotation", about="Orthonormal frames, with the axes as columns"
        )
    else:
        d.input("angles", "vec3", count, -1.4, 1.4, about="Roll, pitch and yaw [rad]")
    if result == "turned vector":
        if shared:
            d.param("shared_v", "vec3", -2.0, 2.0, about="Vector to rotate")
        else:
            d.input("v", "vec3", count, -2.0, 2.0, about="Vectors to rotate")
    make = {
        "axis and angle": "rotation = wp.quat_from_axis_angle(axis[tid], angle[tid])",
        "rpy": "a = angles[tid]\nrotation = wp.quat_rpy(a[0], a[1], a[2])",
        "products": """
        a = angles[tid]
        roll = wp.quat_from_axis_angle(wp.vec3(1.0, 0.0, 0.0), a[0])
        pitch = wp.quat_from_axis_angle(wp.vec3(0.0, 1.0, 0.0), a[1])
        yaw = wp.quat_from_axis_angle(wp.vec3(0.0, 0.0, 1.0), a[2])
        # The rightmost rotation is applied first
        rotation = yaw * pitch * roll
        """,
        "matrix": "rotation = wp.quat_from_matrix(frames[tid])",
        "half angles": """
        half = 0.5 * angle[tid]
        rotation = wp.quat(wp.sin(half) * axis[tid], wp.cos(half))
        """,
    }[way]
    element = "shared_v" if shared else "v[tid]"
    if result == "rotation":
        d.output("q", "quat", count, about="Rotations")
        store = "q[tid] = rotation"
    elif result == "matrix":
        d.output("m", "mat33", count, about="Rotation matrices")
        store = "m[tid] = wp.quat_to_matrix(rotation)"
    else:
        d.output("turned", "vec3", count, about="Rotated vectors")
        store = f"turned[tid] = wp.quat_rotate(rotation, {element})"
    d.launch(count)
    d.code("tid = wp.tid()\n$make\n$store", make=make, store=store)
    told = ["Angles are in radians."] * (way != "matrix")
    if way in ("rpy", "products"):
        told.append(
            "Roll about x is applied first, then pitch about y, then yaw about z, all about fixed axes."
        )
    if result == "rotation" or way == "half angles":
        told.append("Quaternions are stored as (x, y, z, w).")
    if result == "matrix":
        told.append("Matrices multiply column vectors.")
    d.explain(" ".join(told))

    def matrices(v: Values) -> Any:
        if way == "matrix":
            return v.frames
        if way in ("axis and angle", "half angles"):
            return rot.matrix(rot.about(v.axis, v.angle))
        e = np.eye(3)[:, None, :]
        roll, pitch, yaw = (rot.matrix(rot.about(e[k] + 0.0 * v.angles, v.angles[:, k])) for k in range(3))
        return yaw @ pitch @ roll

    def turned(before: Values, after: Values) -> None:
        r = matrices(before)
        if result == "matrix":
            np.testing.assert_allclose(after.m, r, atol=2e-5)
        elif result == "turned vector":
            vectors = np.broadcast_to(before.shared_v if shared else before.v, (count, 3))
            np.testing.assert_allclose(after.turned, np.einsum("nij,nj->ni", r, vectors), atol=1e-4)
        else:
            np.testing.assert_allclose(rot.matrix(after.q), r, atol=2e-5)

    d.holds(turned)


@DOMAIN.algorithm(
    source="Diebel 2006, sec. 5.6; Dobrowolski 2015 (swing and twist)",
    names=_NAMES,
    weight=2,
    element="rotation",
)
def read_angles(d: Draft) -> None:
    """Extracts angles from rotations."""
    way = d.option(
        "way", "axis and angle", "rpy", "by hand", "twist", "twist angle", "signed twist", "real part"
    )
    relative = d.flag("relative")
    count = d.pick(48, 64, 96)
    d.input("q", "quat", count, kind="unit", about="Rotations")
    if relative:
        d.input("reference", "quat", count, kind="unit", about="Reference rotations")
    if "twist" in way:
        d.param("axis", "vec3", 0.0, 1.0, "unit", about="Twist axis")
    d.says({
        "axis and angle": "Computes rotation vectors of quaternions",
        "rpy": "Computes roll, pitch and yaw angles from quaternions",
        "by hand": "Computes roll, pitch and yaw angles from quaternions using atan2 and asin",
        "twist": "Extracts the twist of rotations about an axis",
        "twist angle": "Computes unsigned twist angles of rotations about an axis",
        "signed twist": "Computes signed twist angles of rotations about an axis",
        "real part": "Computes rotation angles in the range [0, pi]",
    }[way] + (", relative to a reference." if relative else "."))  # fmt: skip
    d.calls({
        "axis and angle": "rotation_vectors|quat_to_rotation_vector|quat_logarithm",
        "rpy": "quat_to_rpy|roll_pitch_yaw|quat_to_euler",
        "by hand": "quat_to_rpy|roll_pitch_yaw|quat_to_euler",
        "twist": "extract_twist|twist_about_axis|twist_rotations",
        "twist angle": "twist_angles|unsigned_twist_angles|angles_about_axis",
        "signed twist": "signed_twist_angles|twist_angles|angles_about_axis",
        "real part": "rotation_angles|quat_angles|angles_of_rotations",
    }[way])  # fmt: skip
    take = "r = wp.quat_inverse(reference[tid]) * q[tid]" if relative else "r = q[tid]"
    if way == "axis and angle":
        d.output("rotvec", "vec3", count, about="Rotation vectors [rad]")
        body = "n, theta = wp.quat_to_axis_angle(r)\nrotvec[tid] = theta * n"
    elif way == "rpy":
        d.output("angles", "vec3", count, about="Roll, pitch and yaw [rad]")
        body = "angles[tid] = wp.quat_to_rpy(r)"
    elif way == "by hand":
        d.output("angles", "vec3", count, about="Roll, pitch and yaw [rad]")
        body = """
        x = r[0]
        y = r[1]
        z = r[2]
        w = r[3]
        roll = wp.atan2(2.0 * (w * x + y * z), 1.0 - 2.0 * (x * x + y * y))
        # Clamp to [-1, 1], because rounding can push the argument outside the domain of asin()
        pitch = wp.asin(wp.clamp(2.0 * (w * y - z * x), -1.0, 1.0))
        yaw = wp.atan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))
        angles[tid] = wp.vec3(roll, pitch, yaw)
        """
    elif way == "twist":
        d.output("twist", "quat", count, about="Twist quaternions")
        body = "twist[tid] = wp.quat_twist(axis, r)"
    else:
        d.output("angle", "float", count, about="Angles [rad]")
        body = {
            "twist angle": "angle[tid] = wp.quat_twist_angle(axis, r)",
            "signed twist": "angle[tid] = wp.quat_twist_angle_signed(axis, r)",
            "real part": (
                "# abs(), because q and -q represent the same rotation\n"
                "angle[tid] = 2.0 * wp.atan2(wp.length(wp.vec3(r[0], r[1], r[2])), wp.abs(r[3]))"
            ),
        }[way]
    d.launch(count)
    d.code("tid = wp.tid()\n$take\n$body", take=take, body=body)
    radians = "" if way == "twist" else "; angles in radians"
    order = (
        " Roll about x is applied first, then pitch about y, then yaw about z, all about fixed axes."
        if way in ("rpy", "by hand")
        else ""
    )
    d.explain(f"Quaternions are unit-length (x, y, z, w){radians}.{order}")

    def turned(before: Values, after: Values) -> None:
        q = rot.multiply(rot.conjugate(before.reference), before.q) if relative else before.q
        if way == "axis and angle":
            theta = np.linalg.norm(after.rotvec, axis=1)
            rot.same_rotation(rot.about(after.rotvec / theta[:, None], theta), q)
        elif way in ("rpy", "by hand"):
            e = np.eye(3)[:, None, :]
            made = [rot.about(e[k] + 0.0 * after.angles, after.angles[:, k]) for k in range(3)]
            rot.same_rotation(rot.multiply(made[2], rot.multiply(made[1], made[0])), q, 2e-3)
        elif way == "twist":
            np.testing.assert_allclose(np.linalg.norm(after.twist, axis=1), 1.0, atol=1e-4)
            np.testing.assert_allclose(np.cross(after.twist[:, :3], before.axis), 0.0, atol=1e-4)
            # what is left turns about an axis at right angles to it
            swing = rot.multiply(q, rot.conjugate(after.twist))
            np.testing.assert_allclose(swing[:, :3] @ before.axis, 0.0, atol=1e-3)
        elif way == "real part":
            np.testing.assert_allclose(np.cos(after.angle / 2), np.abs(q[:, 3]), atol=1e-4)
        else:
            along = q[:, :3] @ before.axis
            expected = 2.0 * np.arctan2(along, q[:, 3])
            expected = np.where(
                expected > np.pi,
                expected - 2 * np.pi,
                np.where(expected < -np.pi, expected + 2 * np.pi, expected),
            )
            found = after.angle if way == "signed twist" else np.abs(after.angle)
            expected = expected if way == "signed twist" else np.abs(expected)
            np.testing.assert_allclose(np.cos(found), np.cos(expected), atol=2e-3)
            if way == "signed twist":
                np.testing.assert_allclose(np.sin(found), np.sin(expected), atol=5e-3)

    d.holds(turned)


@DOMAIN.algorithm(
    source="Shoemake 1985; Warp manual, Quaternion Math",
    names=_NAMES
    | {
        "blend": "interpolate_orientations|interpolate_rotations|blend_rotations",
        "t": "alpha|blend_weight",
        "key_time": "t|time|frame_time",
        "a": "q0|start|from_q",
        "b": "q1|end|to_q",
    },
    double=True,
    element="rotation",
    weight=2,
)
def blend(d: Draft) -> None:
    """Interpolates between two rotations."""
    way = d.option("way", "builtin", "power", "normalised sum")
    ends = d.option("ends", "arrays", "keys", "shared end")
    eased = d.flag("eased", 0.35)
    shortest = d.flag("shortest") if way == "normalised sum" else False
    count, keys = d.pick(48, 64, 96), d.pick(6, 9)
    if ends == "keys":
        d.input("keyframes", "quat", keys, kind="unit", about="Keyframe rotations")
        d.input(
            "key_time",
            "float",
            count,
            0.0,
            keys - 1.001,
            about="Sample times in units of the keyframe spacing",
        )
    else:
        d.input("a", "quat", count, kind="unit", about="Rotations at t = 0")
        d.input("t", "float", count, 0.05, 0.95, about="Interpolation parameters in (0, 1)")
        if ends == "arrays":
            d.input("b", "quat", count, kind="unit", about="Rotations at t = 1")
        else:
            d.param("b", "quat", 0.0, 1.0, "unit", about="Rotation at t = 1")
    d.output("q", "quat", count, about="Interpolated rotations")
    take = {
        "arrays": "q0 = a[tid]\nq1 = b[tid]\ns = t[tid]",
        "shared end": "q0 = a[tid]\nq1 = b\ns = t[tid]",
        "keys": "k = int(key_time[tid])\ns = key_time[tid] - float(k)\nq0 = keyframes[k]\nq1 = keyframes[k + 1]",
    }[ends]
    # the other two take the shorter way by themselves
    shorter = way != "normalised sum" or shortest
    flip = ""
    if way == "normalised sum" and shortest:
        flip = "if wp.dot(q0, q1) < 0.0:\n    # Negate q1 to take the shorter arc, since -q1 is the same rotation\n    q1 = -q1"
    ease = (
        "# Smoothstep easing: zero angular velocity at both ends\ns = s * s * (3.0 - 2.0 * s)"
        if eased
        else ""
    )
    body = {
        "builtin": "q[tid] = wp.quat_slerp(q0, q1, s)",
        "power": """
        # q0 * exp(s * log(q0^-1 q1))
        n, theta = wp.quat_to_axis_angle(wp.quat_inverse(q0) * q1)
        q[tid] = q0 * wp.quat_from_axis_angle(n, s * theta)
        """,
        "normalised sum": "q[tid] = wp.normalize((1.0 - s) * q0 + s * q1)",
    }[way]
    d.says(
        f"Interpolates between {'key' if ends == 'keys' else 'two'} rotations"
        + (" with normalized linear interpolation" if way == "normalised sum" else " along the shorter arc")
        + ("" if shorter else " without flipping signs")
        + (", eased at both ends." if eased else "." if way == "normalised sum" else " at a constant rate.")
    )
    if not shorter:
        d.explain("A negative dot product therefore gives the longer arc.")
    if way == "normalised sum":
        d.calls("nlerp_orientations|blend_rotations|nlerp_rotations")
    elif ends == "keys":
        d.calls("slerp_keyframes|interpolate_keyframes|sample_keyframes")
    d.launch(count)
    d.code("tid = wp.tid()\n$take\n$flip\n$ease\n$body", take=take, flip=flip, ease=ease, body=body)
    if ends == "shared end" and not flip:
        d.text = re.sub(r"\bq1\b", "b", re.sub(r" *q1 = b\n", "", d.text))

    def between(before: Values, after: Values) -> None:
        if ends == "keys":
            k = before.key_time.astype(int)
            q0, q1, s = before.keyframes[k], before.keyframes[k + 1], before.key_time - k
        else:
            q0, q1, s = before.a, np.broadcast_to(before.b, before.a.shape), before.t
        if eased:
            s = s * s * (3 - 2 * s)
        near = (q0 * q1).sum(axis=1)
        if shorter:
            q1, near = q1 * np.where(near < 0, -1.0, 1.0)[:, None], np.abs(near)
        if way == "normalised sum":
            expected = (1 - s)[:, None] * q0 + s[:, None] * q1
            expected /= np.linalg.norm(expected, axis=1, keepdims=True)
        else:
            omega = np.arccos(np.clip(near, -1, 1))
            weights = np.sin((1 - s) * omega) / np.sin(omega), np.sin(s * omega) / np.sin(omega)
            expected = weights[0][:, None] * q0 + weights[1][:, None] * q1
        sure = np.abs(near) < 0.98  # else the angle between is small, and its sine inexact
        rot.same_rotation(after.q[sure], expected[sure], 2e-3)

    d.holds(between)
