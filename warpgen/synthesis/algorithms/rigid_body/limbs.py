"""Arms and legs of two bones that reach for a target."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rigid_body import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, dedented
from warpgen.synthesis.writing.trim import trim


@DOMAIN.algorithm(
    source="Tolani, Goswami & Badler 2000 (analytic limbs); Korein & Badler 1982; Shoemake 1985 (slerp); Juckett 2008",
    names={
        "bend_limbs": "two_bone_ik|limb_ik|analytic_ik|solve_two_bone",
        "roots": "hips|root_pose|hip_pose",
        "root_positions": "hip_positions|root_pos|hip_pos",
        "targets": "goals|effector_goal|foot_target",
        "poles": "hints|pole_hint|knee_hint",
        "reach": "dist|span|distance",
        "swing": "aim_rot|swing_quat|plane_rot",
        "knee": "mid_joint|knee_pos|hinge",
        "limb": "leg|tid",
    },
    double=True,
    element="limb",
    weight=15,
)
def bend_limbs(d: Draft) -> None:
    """Turns both joints of limbs so that their ends reach targets (analytic two-bone inverse kinematics)."""
    result = d.option("result", "rotations", "positions", "angles", "poses")
    what = {
        "rotations": "bone rotations",
        "positions": "middle joint and end positions",
        "angles": "joint angles",
        "poses": "lower bone poses",
    }[result]
    d.says(f"Computes {what} of limbs reaching for targets using two-bone inverse kinematics.")
    beyond = d.option("out of reach", "clamp", "soft", "stretch")
    pole = d.option("pole", "point", "direction", "root axis")
    length = d.option("lengths", "uniform", "per limb")
    blend = d.flag("weight", 0.45)
    limit = d.flag("knee limit", 0.4)
    space = d.option("target", "world", "root")
    if result == "angles":
        space = "world"  # only the distance counts: from the root its pose would not matter
    ankle = d.flag("end rotation", 0.4) and result in ("rotations", "poses")
    n = d.pick(24, 32, 48)
    # Where only the distance counts, or world-space poles give the plane, roots may be turned as they like
    turned = space == "root" or (result != "angles" and (blend or pole == "root axis"))
    if turned:
        d.input("roots", "transform", n, -0.5, 0.5, kind="transform", about="World-space upper joint poses")
    else:
        d.input("root_positions", "vec3", n, -0.5, 0.5, about="Upper joint positions [m]")
    d.input("targets", "vec3", n, -0.1, 0.6, about=f"End effector targets in {space} space [m]")
    if pole == "point":
        d.input("poles", "vec3", n, -2.0, -1.0, about="Pole targets toward which the middle joints bend [m]")
    elif pole == "direction":
        d.input("poles", "vec3", n, kind="unit", about="Bend directions of the middle joints")
    if length == "uniform":
        d.param("femur", "float", 0.4, 0.5, about="Upper bone length [m]")
        d.param("tibia", "float", 0.3, 0.4, about="Lower bone length [m]")
    else:
        d.input("bones", "vec2", n, 0.25, 0.75, about="Upper and lower bone lengths [m]")
    if beyond == "soft":
        d.param("softness", "float", 0.05, 0.1, about="Softening distance before full extension [m]")
    if limit:
        d.param("min_knee_angle", "float", 25.0, 45.0, about="Minimum knee angle [deg]")
    if blend:
        d.input("weights", "float", n, 0.0, 1.0, about="Blend weights")
    if ankle:
        d.input("end_rotations", "quat", n, kind="unit", about="World-space target rotations of the ends")
    outputs = {
        "rotations": [("root_turns", "quat", "World-space upper bone rotations, bone along x"),
                      ("knee_turns", "quat", "World-space lower bone rotations")],
        "positions": [("knees", "vec3", "Middle joint positions [m]"), ("ends", "vec3", "End positions [m]")],
        "angles": [("angles", "vec2", "Angle between upper bone and target, and between both bones [deg]")],
        "poses": [("lower_poses", "transform", "Lower bone poses")],
    }[result]  # fmt: skip
    for name, kind, about in outputs:
        d.output(name, kind, n, about=about)
    if ankle and result == "rotations":
        d.output("end_turns", "quat", n, about="End rotations relative to the lower bones")
    d.function('''
        @wp.func
        def corner_angle(near: float, far: float, opposite: float) -> float:
            """Triangle angle from the law of cosines [rad]."""
            cosine = (near * near + far * far - opposite * opposite) / (2.0 * near * far)
            # Clamp, since rounding can exceed the domain for straight or folded limbs
            return wp.acos(wp.clamp(cosine, -0.99999, 0.99999))
    ''')
    d.function('''
        @wp.func
        def frame_along(x_axis: wp.vec3, z_axis: wp.vec3) -> wp.quat:
            """Rotation from orthonormal x and z axes."""
            return wp.quat_from_matrix(wp.matrix_from_cols(x_axis, wp.cross(z_axis, x_axis), z_axis))
    ''')
    lengths = ""
    if length == "per limb":
        lengths = "thigh = bones[limb][0]\nshin = bones[limb][1]"
    reaching = {
        "clamp": "reach = wp.min(wanted, 0.999 * full)"
        if limit
        else "reach = wp.clamp(wanted, wp.abs(thigh - shin) + 1.0e-3, 0.999 * full)",
        "soft": """
            # Soft IK: ease out near full extension to avoid knee popping
            soft_start = full - softness
            eased = full - softness * wp.exp(-(wanted - soft_start) / softness)
            reach = wp.max(wp.where(wanted > soft_start, eased, wanted), wp.abs(thigh - shin) + 1.0e-3)
        """,
        "stretch": """
            # Stretch the bones to reach distant targets
            growth = wp.max(1.0, wanted / (0.999 * full))
            thigh = thigh * growth
            shin = shin * growth
            reach = wp.max(wanted, wp.abs(thigh - shin) + 1.0e-3)
        """,
    }[beyond]
    hint = {
        "point": "hint = poles[limb] - hip",
        "direction": "hint = poles[limb]",
        "root axis": "hint = wp.quat_rotate(wp.transform_get_rotation(root), wp.vec3(0.0, 0.0, 1.0))",
    }[pole]
    knee_limit = """
        # Enforce the minimum knee angle, even if the target is missed
        knee_angle = wp.max(corner_angle(thigh, shin, reach), wp.radians(min_knee_angle))
        reach = wp.sqrt(thigh * thigh + shin * shin - 2.0 * thigh * shin * wp.cos(knee_angle))
    """
    store = {
        "rotations": "root_turns[limb] = thigh_turn\nknee_turns[limb] = shin_turn",
        "positions": """
            knee = hip + wp.quat_rotate(thigh_turn, wp.vec3(thigh, 0.0, 0.0))
            knees[limb] = knee
            ends[limb] = knee + wp.quat_rotate(shin_turn, wp.vec3(shin, 0.0, 0.0))
        """,
        "angles": "angles[limb] = wp.vec2(wp.degrees(hip_angle), wp.degrees(knee_angle))",
        "poses": """
            knee = hip + wp.quat_rotate(thigh_turn, wp.vec3(thigh, 0.0, 0.0))
            lower_poses[limb] = wp.transform(knee, shin_turn)
        """,
    }[result]
    if ankle and result == "rotations":
        store += "\n# Remaining rotation at the end\nend_turns[limb] = wp.quat_inverse(shin_turn) * end_rotations[limb]"
    elif ankle:
        store = """
            # Apply a third of the end twist to the lower bone
            knee = hip + wp.quat_rotate(thigh_turn, wp.vec3(thigh, 0.0, 0.0))
            bent = wp.quat_inverse(shin_turn) * end_rotations[limb]
            twist = 2.0 * wp.atan(bent[0] / wp.where(wp.abs(bent[3]) < 1.0e-3, 1.0e-3, bent[3]))
            turned = shin_turn * wp.quat_from_axis_angle(wp.vec3(1.0, 0.0, 0.0), twist / 3.0)
            lower_poses[limb] = wp.transform(knee, turned)
        """
    mixed = """
        # Blend with the rest pose, where both bones are aligned with the root
        rest_turn = wp.transform_get_rotation(root)
        thigh_turn = wp.quat_slerp(rest_turn, thigh_turn, weights[limb])
        shin_turn = wp.quat_slerp(rest_turn, shin_turn, weights[limb])
    """
    grown = length == "uniform" and beyond == "stretch"
    d.launch(n)
    d.code(
        """
        limb = wp.tid()
        $origin
        $target
        $lengths
        # --- Triangle formed by both bones and the target ---
        to_target = goal - hip
        wanted = wp.length(to_target)
        full = $full
        $reaching
        $knee_limit
        hip_angle = corner_angle(thigh, reach, shin)
        $knee_angle
        # --- Bend plane ---
        along = to_target / wp.max(wanted, 1.0e-6)
        $hint
        normal = wp.normalize(wp.cross(along, hint))
        swing = frame_along(along, normal)
        # --- Bone rotations about the plane normal ---
        axis = wp.vec3(0.0, 0.0, 1.0)
        thigh_turn = swing * wp.quat_from_axis_angle(axis, hip_angle)
        shin_turn = thigh_turn * wp.quat_from_axis_angle(axis, knee_angle - wp.pi)
        $mixed
        $store
        """,
        origin="root = roots[limb]\nhip = wp.transform_get_translation(root)"
        if turned
        else "hip = root_positions[limb]",
        target="goal = targets[limb]"
        if space == "world"
        else "goal = wp.transform_point(root, targets[limb])",
        lengths=lengths,
        full="femur + tibia" if grown else "thigh + shin",
        reaching=dedented(reaching)
        if not grown
        else dedented(reaching)
        .replace("= thigh * growth", "= femur * growth")
        .replace("= shin * growth", "= tibia * growth"),
        knee_limit=dedented(knee_limit) if limit else "",
        knee_angle="" if limit else "knee_angle = corner_angle(thigh, shin, reach)",
        hint=hint,
        mixed=dedented(mixed) if blend else "",
        store=dedented(store),
    )
    trim(d)
    if length == "uniform" and beyond != "stretch":
        d.text = d.text.replace("thigh", "femur").replace("shin", "tibia")
    plane = {
        "point": "the plane spanned by target and pole",
        "direction": "the plane spanned by target and pole direction",
        "root axis": "the plane spanned by target and root z axis",
    }[pole]
    told = "" if result == "angles" else f" The limb bends in {plane}."
    told += {
        "clamp": " Limbs point at targets that are out of reach.",
        "soft": " Ends lag behind their targets near full extension.",
        "stretch": " Bones stretch to reach distant targets.",
    }[beyond]
    if limit:
        told += " `min_knee_angle` takes precedence for targets that are too close."
    if ankle and result == "poses":
        told += " A third of the end twist is applied to the lower bone."
    if blend and result != "angles":
        told += " The result is blended with a rest pose."
    d.explain(f"""
        The angles of the triangle formed by the two bones and the target are computed using the law of cosines.{told}
    """)

    def reference(v: Values) -> dict[str, Any]:
        hip, q = (v.roots[:, :3], v.roots[:, 3:]) if turned else (v.root_positions, np.eye(4)[[3] * n])
        goal = v.targets if space == "world" else hip + _turned(q, v.targets)
        a = v.femur * np.ones(n) if length == "uniform" else v.bones[:, 0]
        b = v.tibia * np.ones(n) if length == "uniform" else v.bones[:, 1]
        gap = goal - hip
        want = np.linalg.norm(gap, axis=1)
        full, least = a + b, abs(a - b) + 1e-3
        if beyond == "clamp":
            reach = np.clip(want, least, 0.999 * full)
        elif beyond == "soft":
            s = v.softness
            reach = np.maximum(
                np.where(want > full - s, full - s * np.exp(-(want - full + s) / s), want), least
            )
        else:
            grow = np.maximum(1, want / (0.999 * full))
            a, b = a * grow, b * grow
            reach = np.maximum(want, abs(a - b) + 1e-3)
        if limit:
            closed = np.maximum(_angle(a, b, reach), np.radians(v.min_knee_angle))
            reach = np.sqrt(a * a + b * b - 2 * a * b * np.cos(closed))
        bend, knee = _angle(a, reach, b), _angle(a, b, reach)
        if result == "angles":
            return {"angles": np.degrees(np.stack([bend, knee], 1))}
        x = gap / want[:, None]
        hint_ = {
            "point": v.get("poles", 0.0) - hip,
            "direction": v.get("poles", 0.0),
            "root axis": _turned(q, np.tile([0, 0, 1.0], (n, 1))),
        }[pole]
        y = hint_ - (hint_ * x).sum(1, keepdims=True) * x
        y = y / np.linalg.norm(y, axis=1, keepdims=True)
        z = np.cross(x, y)
        first = np.cos(bend)[:, None] * x + np.sin(bend)[:, None] * y  # along the upper bone
        turn = bend + knee - np.pi
        second = np.cos(turn)[:, None] * x + np.sin(turn)[:, None] * y
        one, two = _frames(first, z), _frames(second, z)
        if blend:
            one, two = _slerp(q, one, v.weights), _slerp(q, two, v.weights)
        middle = hip + a[:, None] * _turned(one, np.tile([1.0, 0, 0], (n, 1)))
        end = middle + b[:, None] * _turned(two, np.tile([1.0, 0, 0], (n, 1)))
        return {"knees": middle, "ends": end, "one": one, "two": two}

    def agrees(v: Values, after: Values) -> None:
        found = reference(v)
        if result == "angles":
            np.testing.assert_allclose(after.angles, found["angles"], atol=0.5)
            return
        if result == "positions":
            for name in ("knees", "ends"):
                off = np.abs(after[name] - found[name]).max(1)
                assert (off < 3e-3).mean() > 0.93, f"{name} are {off.max()} off"
            return
        if result == "poses":
            np.testing.assert_allclose(np.linalg.norm(after.lower_poses[:, 3:], axis=1), 1.0, atol=1e-3)
            assert (np.abs(after.lower_poses[:, :3] - found["knees"]).max(1) < 3e-3).mean() > 0.93, (
                "knees are elsewhere"
            )
            ahead = _turned(after.lower_poses[:, 3:], np.tile([1.0, 0, 0], (n, 1)))
            assert (
                np.abs(ahead - _turned(found["two"], np.tile([1.0, 0, 0], (n, 1)))).max(1) < 1e-2
            ).mean() > 0.93
            return
        for name, want in (("root_turns", found["one"]), ("knee_turns", found["two"])):
            off = 1 - np.abs((after[name] * want).sum(1))
            assert (off < 1e-3).mean() > 0.93, f"{name} are {off.max()} off"
        if ankle:
            whole = _times(after.knee_turns.astype(float), after.end_turns.astype(float))
            assert (1 - np.abs((whole * v.end_rotations).sum(1)) < 1e-3).all(), "ends are turned otherwise"

    d.holds(agrees)


def _angle(near: Any, far: Any, opposite: Any) -> Any:
    return np.arccos(np.clip((near**2 + far**2 - opposite**2) / (2 * near * far), -0.99999, 0.99999))


def _turned(q: Any, x: Any) -> Any:
    u, w = q[:, :3], q[:, 3:]
    t = 2 * np.cross(u, x)
    return x + w * t + np.cross(u, t)


def _times(a: Any, b: Any) -> Any:
    w = a[:, 3:] * b[:, 3:] - (a[:, :3] * b[:, :3]).sum(1, keepdims=True)
    return np.concatenate([a[:, 3:] * b[:, :3] + b[:, 3:] * a[:, :3] + np.cross(a[:, :3], b[:, :3]), w], 1)


def _frames(x: Any, z: Any) -> Any:
    """Quaternions of frames, as eigenvectors of Bar-Itzhack's matrix."""
    r = np.stack([x, np.cross(z, x), z], 2)
    k = np.zeros((len(x), 4, 4))
    k[:, :3, :3] = r + r.swapaxes(1, 2) - np.trace(r, axis1=1, axis2=2)[:, None, None] * np.eye(3)
    k[:, 3, :3] = k[:, :3, 3] = np.stack(
        [r[:, 2, 1] - r[:, 1, 2], r[:, 0, 2] - r[:, 2, 0], r[:, 1, 0] - r[:, 0, 1]], 1
    )
    k[:, 3, 3] = np.trace(r, axis1=1, axis2=2)
    return np.linalg.eigh(k)[1][..., -1]


def _slerp(a: Any, b: Any, t: Any) -> Any:
    """The short way, from `a` to `b`."""
    dot = (a * b).sum(1)
    b, dot = b * np.sign(dot)[:, None], np.clip(np.abs(dot), 0, 1 - 1e-9)
    angle = np.arccos(dot)
    return (np.sin((1 - t) * angle)[:, None] * a + np.sin(t * angle)[:, None] * b) / np.sin(angle)[:, None]
