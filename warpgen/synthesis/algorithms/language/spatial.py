"""Twists, wrenches and rotations about an axis: one builtin at a time."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.language import DOMAIN
from warpgen.synthesis.algorithms.language.values import product, turned
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Featherstone 2008, ch. 2; Warp manual, Spatial Math",
    names={
        "spatial_products": "spatial_algebra|twist_and_wrench|screw_kernel",
        "twists": "velocities|body_qd|motions",
        "wrenches": "forces|body_f|efforts",
        "poses": "frames|body_q|xforms",
        "twist": "v|qd|motion",
        "wrench": "f|effort|load",
    },
    adjoint="either",
    weight=7,
)
def spatial_products(d: Draft) -> None:
    """Transforms body twists, wrenches and poses."""
    kind = d.option("kind", "power", "cross", "dual", "twist", "wrench", "matrix", "turn")
    d.calls({
        "power": "wrench_power|mechanical_power|body_power",
        "cross": "motion_cross|motion_rates|cross_motions",
        "dual": "force_cross|wrench_rates|cross_wrenches",
        "twist": "twists_to_world|transform_twists",
        "wrench": "wrenches_to_world|transform_wrenches",
        "matrix": "pose_matrices|poses_to_matrices",
        "turn": "set_rotations|replace_rotations|turn_poses",
    }[kind])  # fmt: skip
    batch = d.option("batch", "flat", "worlds")
    skip = d.option("skip", "none", "mask", "ids")
    if kind in ("matrix", "turn"):
        skip = "none"
    d.says({
        "power": "Computes the power of wrenches acting on moving bodies.",
        "cross": "Computes the rate of change of body-fixed motion vectors using the spatial cross product.",
        "dual": "Computes the rate of change of body-fixed wrenches using the dual spatial cross product.",
        "twist": "Transforms body twists to the world frame.",
        "wrench": "Transforms body wrenches to the world frame.",
        "matrix": "Converts body poses to 4x4 homogeneous matrices.",
        "turn": "Replaces the rotation of each pose, keeping its position.",
    }[kind])  # fmt: skip
    count = d.pick(24, 32)
    shape: Any = (2, count) if batch == "worlds" else count
    at = "world, body" if batch == "worlds" else "body"
    two = {"power": "spatial_dot", "cross": "spatial_cross", "dual": "spatial_cross_dual"}
    carried = {"twist": "transform_twist", "wrench": "transform_wrench"}
    if kind in carried or kind in ("matrix", "turn"):
        d.input("poses", "transform", shape, -1.0, 1.0, kind="transform", about="body pose in world frame")
    if kind in two or kind == "twist":
        d.input(
            "twists",
            "spatial_vector",
            shape,
            -1.0,
            1.0,
            about="body spatial velocity (angular, linear)",
        )
    if kind in ("power", "dual", "wrench"):
        d.input(
            "wrenches",
            "spatial_vector",
            shape,
            -1.0,
            1.0,
            about="body spatial force (torque, force)",
        )
    if kind == "cross":
        d.input(
            "motions",
            "spatial_vector",
            shape,
            -1.0,
            1.0,
            about="body-fixed motion vectors, e.g. joint axes",
        )
    if kind == "turn":
        d.input("rotations", "quat", shape, kind="unit", about="new rotation per body")
        d.forward_only()  # it changes a pose in place
    if skip == "mask":
        d.mask("active", "bool", shape, about="False for sleeping bodies")
    elif skip == "ids":
        d.input("island", "int", count, -1, 4, about="island index per body, -1 for sleeping bodies")
    type_ = {"power": "float", "matrix": "mat44", "turn": "transform"}.get(kind, "spatial_vector")
    out, about = {
        "power": ("powers", "power per body [W]"),
        "cross": ("rates", "motion vector rates"),
        "dual": ("rates", "wrench rates"),
        "twist": ("world_twists", "spatial velocities in the world frame"),
        "wrench": ("world_wrenches", "spatial forces in the world frame"),
        "matrix": ("matrices", "homogeneous matrices"),
        "turn": ("turned", "poses with the new rotations"),
    }[kind]
    d.output(out, type_, shape, about=about)
    guard = {
        "none": "",
        "mask": f"if not active[{at}]:\n    return",
        "ids": "# Skip sleeping bodies, they have no island\nif island[body] < 0:\n    return",
    }[skip]
    arrays = {
        "power": ("wrenches", "twists"), "cross": ("twists", "motions"), "dual": ("twists", "wrenches"),
        "twist": ("poses", "twists"), "wrench": ("poses", "wrenches"), "matrix": ("poses",), "turn": (),
    }[kind]  # fmt: skip
    builtin = {**two, **carried, "matrix": "transform_to_matrix"}.get(kind, "")
    given = ", ".join(f"{array}[{at}]" for array in arrays)
    if kind == "turn":
        body = f"pose = poses[{at}]\nwp.transform_set_rotation(pose, rotations[{at}])\n{out}[{at}] = pose"
    else:
        body = f"{out}[{at}] = wp.{builtin}({given})"
    d.launch(*((2, count) if batch == "worlds" else (count,)))
    d.code(f"{at} = wp.tid()\n$guard\n$body", guard=guard, body=body)

    def agree(before: Values, after: Values) -> None:
        v = before
        there: Any = np.ones((2, count) if batch == "worlds" else count, bool)
        if skip == "mask":
            there = v.active
        elif skip == "ids":
            there = there & (v.island >= 0)
        found = after[out][there]
        none: Any = np.zeros((*there.shape, 6))
        t, f = (v.get(n, none)[there] for n in ("twists", "wrenches"))
        if kind == "power":
            np.testing.assert_allclose(found, (t * f).sum(axis=-1), atol=1e-3)
            return
        if kind in ("matrix", "turn"):
            pose = v.poses[there]
            if kind == "turn":
                want = np.concatenate([pose[:, :3], v.rotations[there]], axis=1)
                np.testing.assert_allclose(found, want, atol=1e-5)
                return
            moved = np.stack([turned(pose[:, 3:], np.tile(e, (len(pose), 1))) for e in np.eye(3)], axis=2)
            np.testing.assert_allclose(found[:, :3, :3], moved, atol=1e-3)
            np.testing.assert_allclose(found[:, :3, 3], pose[:, :3], atol=1e-5)
            return
        first, last = found[:, :3], found[:, 3:]
        if kind == "cross":
            m = v.motions[there]
            a, b = np.cross(t[:, :3], m[:, :3]), np.cross(t[:, 3:], m[:, :3]) + np.cross(t[:, :3], m[:, 3:])
        elif kind == "dual":
            a = np.cross(t[:, :3], f[:, :3]) + np.cross(t[:, 3:], f[:, 3:])
            b = np.cross(t[:, :3], f[:, 3:])
        else:
            pose, x = v.poses[there], t if kind == "twist" else f
            one, two_ = turned(pose[:, 3:], x[:, :3]), turned(pose[:, 3:], x[:, 3:])
            # the power is the same in every frame: what acts on one half moves the other
            a, b = (
                (one, two_ + np.cross(pose[:, :3], one))
                if kind == "twist"
                else (one + np.cross(pose[:, :3], two_), two_)
            )
        np.testing.assert_allclose(first, a, atol=2e-3)
        np.testing.assert_allclose(last, b, atol=2e-3)

    d.holds(agree)


@DOMAIN.algorithm(
    source="Dobrowolski 2015, Swing-twist decomposition; Warp manual, Quaternions",
    names={
        "split_rotations": "swing_twist|joint_angles_of|axis_rotations",
        "rotations": "orientations|relative_q|quats",
        "axes": "joint_axes|hinges",
        "q": "rot|r|rel",
    },
    weight=9,
)
def split_rotations(d: Draft) -> None:
    """Extracts the twist component of rotations about an axis."""
    kind = d.option("kind", "twist", "swing", "angle", "signed angle", "roll pitch yaw", "from angles")
    d.calls({
        "twist": "extract_twist|twist_rotations|twist_about_axis",
        "swing": "extract_swing|remove_twist|swing_rotations",
        "angle": "twist_angles|angle_about_axis",
        "signed angle": "signed_joint_angles|joint_angles_of|signed_twist_angles",
        "roll pitch yaw": "roll_pitch_yaw|quat_to_rpy|rpy_angles",
        "from angles": "rotations_from_rpy|rpy_to_quat|quat_from_rpy",
    }[kind])  # fmt: skip
    source = d.option("axis", "array", "shared", "z")
    limit = d.option("limit", "none", "clamped", "skipped")
    apart = d.flag("function", 0.4)
    if kind not in ("angle", "signed angle"):
        limit = "none"
    about_what = {"array": "given axes", "shared": "a given axis", "z": "the z axis"}[source]
    bounded = {"none": "", "clamped": ", clamped to a limit", "skipped": ", skipping angles beyond a limit"}[
        limit
    ]
    d.says({
        "twist": f"Extracts the twist component of rotations about {about_what}.",
        "swing": f"Extracts the swing component of rotations with respect to {about_what}.",
        "angle": f"Computes twist angles of rotations about {about_what}{bounded}.",
        "signed angle": f"Computes signed joint angles from rotations about {about_what}{bounded}.",
        "roll pitch yaw": "Converts quaternions to roll, pitch and yaw.",
        "from angles": "Converts roll, pitch and yaw to quaternions.",
    }[kind])  # fmt: skip
    n = d.pick(32, 48, 64)
    euler = kind in ("roll pitch yaw", "from angles")
    if kind == "from angles":
        d.input("angles", "vec3", n, -1.2, 1.2, about="roll, pitch and yaw [rad]")
    else:
        d.input("rotations", "quat", n, kind="unit", about="rotations as (x, y, z, w)")
    if not euler and source == "array":
        d.input("axes", "vec3", n, kind="unit", about="joint axis (unit vector) per joint")
    elif not euler and source == "shared":
        d.param(
            "axis",
            "vec3",
            kind="unit",
            low=0.0,
            high=1.0,
            about="joint axis (unit vector) shared by all joints",
        )
    if limit != "none":
        d.param("limit", "float", 1.0, 2.0, about="joint angle limit [rad]")
    type_ = {"twist": "quat", "swing": "quat", "from angles": "quat", "roll pitch yaw": "vec3"}.get(
        kind, "float"
    )
    out, about = {
        "twist": ("twists", "twist rotations about the axis"),
        "swing": ("swings", "swing rotations"),
        "angle": ("turns", "angles [rad]"),
        "signed angle": ("turns", "signed angles [rad]"),
        "roll pitch yaw": ("rpy_out", "roll, pitch and yaw [rad]"),
        "from angles": ("quats_out", "rotations as (x, y, z, w)"),
    }[kind]
    d.output(out, type_, n, about=about)
    axis = {"array": "axes[tid]", "shared": "axis", "z": "wp.vec3(0.0, 0.0, 1.0)"}[source]
    read = "q = rotations[tid]"
    call = {
        "twist": "wp.quat_twist({0}, q)",
        "swing": "q * wp.quat_inverse(wp.quat_twist({0}, q))",
        "angle": "wp.quat_twist_angle({0}, q)",
        "signed angle": "wp.quat_twist_angle_signed({0}, q)",
        "roll pitch yaw": "wp.quat_to_rpy(q)",
        "from angles": "wp.quat_rpy(rpy[0], rpy[1], rpy[2])",
    }[kind]
    if kind == "from angles":
        read = "rpy = angles[tid]"
    elif kind in ("angle", "signed angle"):
        read += "\n# q and -q represent the same rotation, so choose the one with an angle of at most pi\n"
        read += "if q[3] < 0.0:\n    q = -q"
    least = "wp.min(joint_angle, limit)" if kind == "angle" else "wp.clamp(joint_angle, -limit, limit)"
    beyond = "joint_angle > limit" if kind == "angle" else "wp.abs(joint_angle) > limit"
    bound = {
        "none": "",
        "clamped": f"{out}[tid] = {least}",
        "skipped": f"# Skip joints beyond their limit, these are handled elsewhere\nif {beyond}:\n    return\n{out}[tid] = joint_angle",
    }[limit]
    if apart and kind == "swing":  # the others are a builtin each
        d.function(f"@wp.func\ndef swing_of(axis: wp.vec3, q: wp.quat):\n    return {call.format('axis')}")
        call = f"swing_of({axis}, q)"
    else:
        call = call.format(axis)
    d.launch(n)
    tail = f"joint_angle = {call}\n{bound}" if bound else f"{out}[tid] = {call}"
    d.code("tid = wp.tid()\n$read\n$tail", read=read, tail=tail)

    def agree(before: Values, after: Values) -> None:
        v = before
        if kind == "from angles":
            parts = []
            for k in range(3):
                part = np.zeros((n, 4))
                part[:, k], part[:, 3] = np.sin(v.angles[:, k] / 2), np.cos(v.angles[:, k] / 2)
                parts.append(part)
            want = product(product(parts[2], parts[1]), parts[0])
            assert (np.abs((want * after[out]).sum(axis=1)) > 1 - 1e-4).all()
            return
        q = v.rotations
        if kind == "roll pitch yaw":
            x, y, z, w = q.T
            roll = np.arctan2(2 * (w * x + y * z), 1 - 2 * (x * x + y * y))
            pitch = np.arcsin(np.clip(2 * (w * y - z * x), -1, 1))
            yaw = np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
            want = np.stack([roll, pitch, yaw], axis=1)
        else:
            a = {
                "array": lambda: v.axes,
                "shared": lambda: np.tile(v.axis, (n, 1)),
                "z": lambda: np.tile([0.0, 0, 1], (n, 1)),
            }[source]()
            along = (q[:, :3] * a).sum(axis=1)
            twist = np.concatenate([along[:, None] * a, q[:, 3:]], axis=1)
            twist = twist / np.linalg.norm(twist, axis=1, keepdims=True)
            if kind in ("twist", "swing"):
                want = twist if kind == "twist" else product(q, twist * [-1, -1, -1, 1])
                assert (np.abs((want * after[out]).sum(axis=1)) > 1 - 1e-3).mean() > 0.95
                return
            side = np.where(q[:, 3] < 0, -1.0, 1.0)
            angle = 2 * np.arctan2(side * along, side * q[:, 3])
            want = angle
            if kind == "angle":
                want = 2 * np.arccos(np.clip(np.abs(twist[:, 3]), 0, 1))
        if limit == "skipped":
            want = np.where(np.abs(want) <= before.limit, want, 0.0)
        elif limit == "clamped":
            want = np.clip(want, -before.limit, before.limit)
        close = np.abs(after[out] - want).reshape(n, -1).max(axis=1) < 5e-3
        assert close.mean() > 0.9, f"{1 - close.mean():.2f} of the angles are wrong"

    d.holds(agree)
