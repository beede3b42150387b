"""Joints of maximal coordinates as stiff springs between bodies."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rigid_body import DOMAIN
from warpgen.synthesis.algorithms.rigid_body import _joint_springs as springs
from warpgen.synthesis.writing.draft import Draft, Values

_FRAME = '''
@wp.func
def world_frame(
    body: int, local_frame: wp.transform, $state_head
) -> wp.transform:
    """Return the world-space joint frame; joints without a parent are attached to the world."""
    if body < 0:
        return local_frame
    return $pose * local_frame
'''

_TWIST = '''
@wp.func
def anchor_twist(
    body: int, r: wp.vec3, $twist_head
) -> wp.spatial_vector:
    """Return the body twist (linear, angular) at offset `r` from its center of mass."""
    if body < 0:
        return wp.spatial_vector()
    qd = $twist
    omega = wp.spatial_bottom(qd)
    return wp.spatial_vector(wp.spatial_top(qd) + wp.cross(omega, r), omega)
'''

_ARM = '''
@wp.func
def moment_arm(body: int, anchor: wp.vec3, $state_head$com_head) -> wp.vec3:
    """Return the world-space offset of an anchor from the center of mass."""
    if body < 0:
        return anchor
    return anchor - $center
'''

_APPLY = '''
@wp.func
def apply_wrench(
    $world_head
    parent: int,
    child: int,
    r_p: wp.vec3,
    r_c: wp.vec3,
    force: wp.vec3,
    torque: wp.vec3,
    body_f: wp.array$dims(dtype=wp.spatial_vector),
):
    """Apply equal and opposite wrenches to the parent and child body."""
    if parent >= 0:
        wp.atomic_add(body_f, $lead parent, wp.spatial_vector(force, torque + wp.cross(r_p, force)))
    wp.atomic_sub(body_f, $lead child, wp.spatial_vector(force, torque + wp.cross(r_c, force)))
'''

_LIMITED = '''
@wp.func
def joint_force(
    q: float,
    qd: float,
    target: float,
    ke: float,
    kd: float,
    lower: float,
    upper: float,
    limit_ke: float,
    limit_kd: float,
) -> float:
    """Evaluate the axis drive, or the limit spring when the coordinate is out of range.

    Limits take precedence over the drive. Limit damping is only applied when moving further out.
    """
    if q < lower:
        return limit_ke * (lower - q) - limit_kd * wp.min(qd, 0.0)
    if q > upper:
        return limit_ke * (upper - q) - limit_kd * wp.max(qd, 0.0)
    return ke * (target - q) - kd * qd
'''

_UNLIMITED = '''
@wp.func
def joint_force(q: float, qd: float, target: float, ke: float, kd: float) -> float:
    """Evaluate the PD drive of one axis."""
    return ke * (target - q) - kd * qd
'''

_LOCKED = """
# Lock the relative rotation
f_total = attach_ke * x_err + attach_kd * v_err
t_total = angular_ke * ang_err + angular_kd * w_err
"""
_TYPES = {
    "FIXED": ("if joint_type[joint] == FIXED:", _LOCKED),
    "PRISMATIC": (
        "if joint_type[joint] == PRISMATIC:",
        """
        # World-space joint axis, attached to the parent
        axis_w = wp.quat_rotate(q_p, axis)
        q = wp.dot(x_err, axis_w)
        qd = wp.dot(v_err, axis_w)
        # Drive along the axis, attachment springs perpendicular to it
        f_total = -joint_force(q, qd, $drive) * axis_w
        f_total += attach_ke * (x_err - q * axis_w) + attach_kd * (v_err - qd * axis_w)
        t_total = angular_ke * ang_err + angular_kd * w_err
        """,
    ),
    "REVOLUTE": (
        "if joint_type[joint] == REVOLUTE:",
        """
        axis_w = wp.quat_rotate(q_p, axis)
        axis_c = wp.quat_rotate(q_c, axis)
        $flip
        # Twist angle of the child about the axis, in (-pi, pi)
        sin_half = wp.dot(wp.vec3(r_err[0], r_err[1], r_err[2]), axis)
        q = 2.0 * wp.atan2(sin_half * hemisphere, r_err[3] * hemisphere)
        qd = wp.dot(w_err, axis_w)
        # Swing error: rotation that aligns the two axes
        swing_err = wp.cross(axis_w, axis_c)
        t_total = -joint_force(q, qd, $drive) * axis_w
        t_total += angular_ke * swing_err + angular_kd * (w_err - qd * axis_w)
        f_total = attach_ke * x_err + attach_kd * v_err
        """,
    ),
    "BALL": (
        "if joint_type[joint] == BALL:",
        """
        # Ball joint: constrain position only and damp the rotation
        f_total = attach_ke * x_err + attach_kd * v_err
        t_total = angular_kd * w_err
        """,
    ),
}


@DOMAIN.algorithm(
    source="Warp's sim, eval_body_joints; Featherstone 2008, sec. 3.5",
    names={
        "joint_wrenches": "eval_body_joints|eval_joint_wrenches|apply_joint_forces|joint_attachment_forces",
        "x_err": "pos_err",
        "v_err": "vel_err",
        "w_err": "omega_err",
        "ang_err": "rot_err",
        "joint": "joint_id|j",
        "world": "env|world_id",
    },
    weight=3,
)
def joint_wrenches(d: Draft) -> None:
    """Accumulates joint attachment and drive wrenches on the parent and child bodies."""
    types = d.option(
        "types",
        ("FIXED", "REVOLUTE"),
        ("PRISMATIC", "REVOLUTE"),
        ("REVOLUTE", "BALL"),
        ("FIXED", "PRISMATIC", "REVOLUTE", "BALL"),
    )
    limits = d.flag("limits", 0.6)
    enabled = d.option("enabled", "all", "mask", "negative")
    com = d.flag("com")
    batch = d.flag("batch", 0.3)
    about = d.option("about", "com", "origin")
    com = com and about == "com"
    point = "the center of mass" if about == "com" else "the world origin"
    early = d.flag("early", 0.65)
    worlds, bodies, joints = d.pick(4, 6) if batch else 1, d.pick(8, 10), d.pick(16, 24)
    shape = (worlds, bodies) if batch else (bodies,)
    d.input("body_q", "transform", shape, -0.3, 0.3, kind="transform", about="Body poses")
    d.input(
        "body_qd",
        "spatial_vector",
        shape,
        -1.0,
        1.0,
        about=f"Body twists (linear, angular) at {point}",
    )
    if com:
        d.input("body_com", "vec3", bodies, -0.1, 0.1, about="Centers of mass in body space [m]")
    first = -1 if enabled == "negative" else 0
    d.input(
        "joint_type",
        "int",
        joints,
        first,
        len(types),
        about="Joint types" + (", -1 for free joints" if enabled == "negative" else ""),
    )
    if enabled == "mask":
        d.mask("joint_enabled", "bool", joints, about="Joint enable mask")
    d.input("joint_parent", "int", joints, -1, bodies // 2, about="Parent body, -1 for the world")
    d.input("joint_child", "int", joints, bodies // 2, bodies, about="Child body")
    d.input(
        "joint_frame_p", "transform", joints, -0.2, 0.2, kind="transform", about="Joint frame in parent space"
    )
    d.input(
        "joint_frame_c", "transform", joints, -0.2, 0.2, kind="transform", about="Joint frame in child space"
    )
    d.input("joint_axis", "vec3", joints, kind="unit", about="Joint axis in the joint frame")
    d.input(
        "joint_target", "float", (worlds, joints) if batch else joints, -0.8, 0.8, about="Position targets"
    )
    d.input("joint_ke", "float", joints, 5.0, 20.0, about="Drive stiffness")
    d.input("joint_kd", "float", joints, 0.5, 2.0, about="Drive damping")
    if limits:
        d.input("limit_lower", "float", joints, -1.0, -0.2, about="Lower joint limits")
        d.input("limit_upper", "float", joints, 0.2, 1.0, about="Upper joint limits")
        d.param("limit_ke", "float", 50.0, 100.0, about="Limit stiffness")
        d.param("limit_kd", "float", 1.0, 3.0, about="Limit damping")
    also = " and of ball joints" if "BALL" in types else ""
    for name, low, high, what in (
        ("attach_ke", 100.0, 200.0, "Linear attachment stiffness [N/m]"),
        ("attach_kd", 2.0, 6.0, "Linear attachment damping [N s/m]"),
        ("angular_ke", 20.0, 60.0, "Angular attachment stiffness [N m/rad]"),
        ("angular_kd", 1.0, 3.0, f"Angular attachment damping{also} [N m s/rad]"),
    ):
        d.param(name, "float", low, high, about=what)
    d.output("body_f", "spatial_vector", shape, about=f"Accumulated wrenches (force, torque) about {point}")
    tested = types[:-1]  # the last one is what is left
    d.module("\n".join(f"{name} = wp.constant({number})" for number, name in enumerate(tested)))
    state = "world: int, " if batch else ""
    row = "world, " if batch else ""
    dims = "2d" if batch else ""
    heads = {
        "state_head": f"{state}body_q: wp.array{dims}(dtype=wp.transform)",
        "twist_head": f"{state}body_qd: wp.array{dims}(dtype=wp.spatial_vector)",
        "com_head": ", body_com: wp.array(dtype=wp.vec3)" if com else "",
        "pose": f"body_q[{row}body]",
        "twist": f"body_qd[{row}body]",
        "world_head": "world: int," if batch else "",
        "dims": dims,
        "lead": "world," if batch else "",
        "center": f"wp.transform_point(body_q[{row}body], body_com[body])"
        if com
        else f"wp.transform_get_translation(body_q[{row}body])",
    }
    at_origin = about == "origin"
    twist = _TWIST.replace(
        "offset `r` from its center of mass", "a point, from its twist at the world origin"
    )
    twist = twist.replace("r: wp.vec3", "point: wp.vec3").replace("omega, r)", "omega, point)")
    arms = (_FRAME, twist) if at_origin else (_FRAME, _ARM, _TWIST)
    for text in (*arms, _LIMITED if limits else _UNLIMITED):
        d.function(text, **heads)
    target = "joint_target[world, joint]" if batch else "joint_target[joint]"
    drive = "target, ke, kd"
    drives = f"# Drive along the free axis\ntarget = {target}\nke = joint_ke[joint]\nkd = joint_kd[joint]"
    if limits:
        drive += ", lower, upper, limit_ke, limit_kd"
        drives += "\nlower = limit_lower[joint]\nupper = limit_upper[joint]"
    apply = """
    if parent >= 0:
        wp.atomic_add(body_f, $row parent, wp.spatial_vector(f_total, t_total + wp.cross($r_p, f_total)))
    wp.atomic_sub(body_f, $row child, wp.spatial_vector(f_total, t_total + wp.cross($r_c, f_total)))
    """
    if at_origin:  # one wrench for both
        apply = """
    wrench = wp.spatial_vector(f_total, t_total + wp.cross($r_c, f_total))
    if parent >= 0:
        wp.atomic_add(body_f, $row parent, wrench)
    wp.atomic_sub(body_f, $row child, wrench)
    """
    lines: list[str] = []
    blocks: dict[str, str] = {}
    for number, name in enumerate(types):
        head, blocks[f"case_{name}"] = _TYPES[name]
        if early and number == len(types) - 1:
            lines += [f"# {name}", f"$case_{name}", "$applied"]
        elif early:
            lines += [head, f"    $case_{name}", "    $applied", "    return"]
        else:
            last = f"else:  # {name}"
            lines += [head if number == 0 else last if number == len(types) - 1 else f"el{head}"]
            lines += [f"    $case_{name}"]
    if early:
        whole = _APPLY.replace("    r_p: wp.vec3,\n    r_c: wp.vec3,\n", "    point: wp.vec3,\n")
        wrench = "wp.spatial_vector(force, torque + wp.cross({}, force))"
        whole = whole.replace(wrench.format("r_p"), "wrench").replace(wrench.format("r_c"), "wrench")
        whole = whole.replace("    if parent", f"    wrench = {wrench.format('point')}\n    if parent")
        d.function(whole if at_origin else _APPLY, **heads)
    else:
        lines += ["# Apply equal and opposite wrenches to conserve momentum", "$apply"]
    skip = {
        "all": "",
        "mask": "# Skip disabled joints\nif not joint_enabled[joint]:\n    return",
        "negative": "# Skip free joints (type -1), since they are not attached to anything\n"
        "if joint_type[joint] < 0:\n    return",
    }
    turned = "FIXED" in types or "PRISMATIC" in types
    flip = "hemisphere = wp.where(r_err[3] < 0.0, -1.0, 1.0)"
    angular = ""
    if turned:
        angular = "# Twice the vector part is the rotation vector for small errors; q and -q are equivalent"
        angular += f"\n{flip}\nang_err = wp.quat_rotate(q_p, 2.0 * hemisphere * wp.vec3(r_err[0], r_err[1], r_err[2]))"
    d.launch(*((worlds, joints) if batch else (joints,)))
    d.code(
        """
        $thread
        $skip
        parent = joint_parent[joint]
        child = joint_child[joint]
        axis = joint_axis[joint]
        $drives
        # World-space joint frames on both bodies
        x_p = world_frame(parent, joint_frame_p[joint], $state_args)
        x_c = world_frame(child, joint_frame_c[joint], $state_args)
        q_p = wp.transform_get_rotation(x_p)
        q_c = wp.transform_get_rotation(x_c)
        anchor_p = wp.transform_get_translation(x_p)
        anchor_c = wp.transform_get_translation(x_c)
        $arms
        twist_p = anchor_twist(parent, $r_p, $twist_args)
        twist_c = anchor_twist(child, $r_c, $twist_args)
        # Position, rotation and velocity errors of the child relative to the parent
        x_err = anchor_c - anchor_p
        r_err = wp.quat_inverse(q_p) * q_c
        v_err = wp.spatial_top(twist_c) - wp.spatial_top(twist_p)
        w_err = wp.spatial_bottom(twist_c) - wp.spatial_bottom(twist_p)
        $angular
        $cases
        """,
        thread="world, joint = wp.tid()" if batch else "joint = wp.tid()",
        skip=skip[enabled],
        state_args=f"{row}body_q",
        twist_args=f"{row}body_qd",
        com_args=", body_com" if com else "",
        arms=""
        if at_origin
        else "# Measure both arms to the child anchor so that no net moment remains\n"
        "r_p = moment_arm(parent, anchor_c, $state_args$com_args)\n"
        "r_c = moment_arm(child, anchor_c, $state_args$com_args)",
        angular=angular,
        cases="\n".join(lines),
        apply=apply,
        applied=f"apply_wrench({row}parent, child, {'anchor_c' if at_origin else 'r_p, r_c'}, f_total, t_total, body_f)",
        row="world," if batch else "",
        r_p="r_p" if about == "com" else "anchor_c",
        r_c="r_c" if about == "com" else "anchor_c",
        drive=drive,
        drives=drives,
        flip="" if turned else f"# Use the shorter rotation, since q and -q are equivalent\n{flip}",
        **blocks,
    )
    d.text = d.text.replace("body_f,  ", "body_f, ")
    d.functions = [text.replace("body_f,  ", "body_f, ") for text in d.functions]
    d.explain(f"""
        Maximal-coordinate bodies drift apart at joints, so attachment springs pull the two joint frames
        together except along the free axis. Twists are (linear, angular) in world
        space; twists and wrenches are expressed at {point}. The drive is PD on the joint coordinate.
    """)

    def reference(v: Values) -> dict[str, Any]:
        made = np.zeros((worlds, bodies, 6))
        poses = v.body_q if batch else v.body_q[None]
        twists = v.body_qd if batch else v.body_qd[None]
        goals = v.joint_target if batch else v.joint_target[None]
        for w, j in np.ndindex(worlds, joints):
            kind = int(v.joint_type[j])
            if kind < 0 or (enabled == "mask" and not v.joint_enabled[j]):
                continue
            ends = [
                springs.end(poses[w], twists[w], v.get("body_com"), int(b), f, at_origin)
                for b, f in (
                    (v.joint_parent[j], v.joint_frame_p[j]),
                    (v.joint_child[j], v.joint_frame_c[j]),
                )
            ]
            # Both ends act where the child's anchor is
            gap = ends[1][0] - ends[0][0]
            p_ = ends[0]
            if v.joint_parent[j] >= 0:
                ends[0] = (p_[0], p_[1] + gap, p_[2], p_[3], p_[4] + np.cross(p_[5], gap), p_[5])
            f, t = springs.spring(v, types[kind], j, goals[w, j], ends)
            for (_, arm, *_), body, sign in (
                (ends[0], int(v.joint_parent[j]), 1.0),
                (ends[1], int(v.joint_child[j]), -1.0),
            ):
                if body >= 0:
                    moment = t + np.cross(arm, f)
                    made[w, body] += sign * np.concatenate([f, moment])
        return {"body_f": made if batch else made[0]}

    d.check(reference, 5e-4)
