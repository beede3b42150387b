"""Joints between bodies as constraints on positions: one sweep of extended position-based dynamics."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rigid_body import DOMAIN
from warpgen.synthesis.algorithms.rigid_body import _joint_errors as errors
from warpgen.synthesis.library import quaternions, ray_shapes
from warpgen.synthesis.writing.draft import Draft, Values, dedented


@DOMAIN.algorithm(
    source="Müller et al. 2020 (detailed rigid body simulation with XPBD); Macklin, Müller & Chentanez 2016",
    names={
        "project_joints": "solve_body_joints|xpbd_joints|solve_joints|joint_position_solve",
        "body_pose": "body_q|body_transform",
        "body_inv_mass": "body_inv_m",
        "body_inv_inertia": "body_inv_I",
        "body_shift": "body_delta_pos",
        "body_turn": "body_delta_rot",
        "anchor_compliance": "linear_compliance",
        "relaxation": "joint_relaxation",
        "impulse": "correction|correction_impulse",
    },
    weight=15,
)
def project_joints(d: Draft) -> None:
    """Projects joint constraints between rigid bodies onto body positions and orientations (XPBD)."""
    kind = d.option("joint", "ball", "revolute", "fixed", "prismatic", "distance")
    compliance = d.option("compliance", "none", "one", "per joint")
    tensor = d.option("inertia", "full", "diagonal")
    limits = d.flag("limits", 0.5) if kind in ("revolute", "prismatic") else False
    relax = d.option("relaxation", "none", "one", "count")
    # The multiplier is what the corrections that are applied add up to: it knows no share of them.
    multiplier = d.flag("multiplier", 0.6) if compliance != "none" and relax == "none" else False
    enabled = d.option("enabled", "all", "flags", "broken")
    if kind in ("prismatic", "distance") and enabled == "broken":
        enabled = "all"  # their anchors may be apart
    world = d.flag("world", 0.6)
    bodies, count = d.pick(12, 16), d.pick(24, 32)
    joints = {
        "ball": "ball joints",
        "revolute": "hinge joints",
        "fixed": "fixed joints",
        "prismatic": "prismatic joints",
        "distance": "rods",
    }[kind]
    method = "XPBD" if compliance != "none" else "PBD"
    d.says(f"Computes position and orientation corrections for {joints} between rigid bodies ({method}).")
    if compliance == "none":
        d.calls("project_joints|solve_body_joints|solve_joints|joint_position_solve")
    d.input(
        "joint_parent",
        "int",
        count,
        -1 if world else 0,
        bodies // 2,
        about="Parent body" + (", -1 for the world" if world else ""),
    )
    d.input("joint_child", "int", count, bodies // 2, bodies, about="Child body")
    for end, body in (("p", "parent"), ("c", "child")):
        about = f"Joint frame in {body} space"
        d.input(f"joint_frame_{end}", "transform", count, -0.3, 0.3, kind="transform", about=about)
    if kind in ("revolute", "prismatic"):
        d.input("joint_axis", "vec3", count, kind="unit", about="Joint axis in the joint frame")
    if kind == "distance":
        d.input("joint_length", "float", count, 0.2, 0.8, about="Rod length [m]")
    if limits:
        unit = "rad" if kind == "revolute" else "m"
        d.input("joint_lower", "float", count, -0.6, -0.1, about=f"Lower limits [{unit}]")
        d.input("joint_upper", "float", count, 0.1, 0.6, about=f"Upper limits [{unit}]")
    if enabled == "flags":
        d.mask("joint_enabled", "bool", count, about="Joint enable mask")
    if enabled == "broken":
        d.param(
            "break_distance",
            "float",
            0.5,
            1.0,
            about="Joint separation at which joints break [m]",
        )
    d.input(
        "body_pose",
        "transform",
        bodies,
        -0.5,
        0.5,
        kind="transform",
        about="Body poses (origin at the center of mass)",
    )
    d.input("body_inv_mass", "float", bodies, 0.3, 1.0, about="Inverse masses [1/kg]")
    if tensor == "full":
        d.input("body_inv_inertia", "mat33", bodies, 1.5, 3.0, kind="spd", about="Body-space inverse inertia")
    else:
        d.input("body_inv_inertia", "vec3", bodies, 1.5, 3.0, about="Inverse principal moments of inertia")
    if compliance == "one":
        d.param("anchor_compliance", "float", 1.0e-4, 1.0e-3, about="Anchor compliance [m/N]")
    elif compliance == "per joint":
        d.input(
            "anchor_compliance",
            "float",
            count,
            1.0e-4,
            1.0e-3,
            about="Per-joint anchor compliance [m/N]",
        )
    if compliance != "none":
        d.param("dt", "float", 0.01, 0.03, about="Substep size [s]")
    if multiplier:
        d.inout(
            "joint_lambda",
            "float",
            count,
            -0.1,
            0.1,
            about="Accumulated anchor multipliers in this substep",
        )
        d.forward_only()
    if relax == "one":
        d.param("relaxation", "float", 0.4, 0.9, about="Jacobi under-relaxation factor")
    elif relax == "count":
        d.output("body_joint_count", "int", bodies, about="Number of joints per body")
    d.output("body_shift", "vec3", bodies, about="Accumulated position corrections [m]")
    d.output("body_turn", "vec3", bodies, about="Accumulated rotation corrections [rad]")
    if tensor == "full":
        d.function('''
            @wp.func
            def world_inverse_inertia(rot: wp.quat, inv_inertia: wp.mat33, v: wp.vec3) -> wp.vec3:
                """Apply the body inverse inertia to a world-space vector."""
                return wp.quat_rotate(rot, inv_inertia * wp.quat_rotate_inv(rot, v))
        ''')
    else:
        d.function('''
            @wp.func
            def world_inverse_inertia(rot: wp.quat, inv_inertia: wp.vec3, v: wp.vec3) -> wp.vec3:
                """Apply the body inverse inertia to a world-space vector."""
                return wp.quat_rotate(rot, wp.cw_mul(inv_inertia, wp.quat_rotate_inv(rot, v)))
        ''')
    zero_inertia = "wp.mat33(0.0)" if tensor == "full" else "wp.vec3(0.0, 0.0, 0.0)"
    parent = {
        False: """
            pose_p = body_pose[parent]
            inv_mass_p = body_inv_mass[parent]
            inv_inertia_p = body_inv_inertia[parent]
        """,
        True: f"""
            # The world has no inverse mass
            pose_p = wp.transform_identity()
            inv_mass_p = float(0.0)
            inv_inertia_p = {zero_inertia}
            if parent >= 0:
                pose_p = body_pose[parent]
                inv_mass_p = body_inv_mass[parent]
                inv_inertia_p = body_inv_inertia[parent]
        """,
    }
    skip = {
        "all": "",
        "flags": "if not joint_enabled[tid]:\n    return",
        "broken": "# Skip broken joints, so that they do not snap back together\n"
        "if magnitude > break_distance:\n    return",
    }
    locked, size_of, broken = dedented(errors.LOCKED[kind]), "magnitude = wp.length(error)", ""
    whole, along, excess = "magnitude", "error / magnitude", "magnitude"
    if kind == "distance":  # signed, as the multiplier adds up pulls and pushes along the rod
        size_of, whole, along, excess = "", "length", "offset / length", "stretch"
    if enabled == "broken":
        measured = ["error = anchor_c - anchor_p", size_of]
        size_of = ""
        locked = "\n".join(line for line in locked.strip().split("\n") if line not in measured)
        broken = "\n".join([*measured, skip["broken"]])
    soft = {"none": "", "one": " + alpha", "per joint": " + alpha"}[compliance]
    alpha = {
        "none": "",
        "one": "# XPBD: divide by dt^2 to make the stiffness independent of the time step\nalpha = anchor_compliance / (dt * dt)",
        "per joint": "# XPBD: divide by dt^2 to make the stiffness independent of the time step\nalpha = anchor_compliance[tid] / (dt * dt)",
    }
    size = f"direction * ({excess} / (weight_p + weight_c{soft}))"
    step = ""
    if multiplier:
        size = "direction * -delta_lambda"
        step = (
            f"delta_lambda = -({excess} + alpha * joint_lambda[tid]) / (weight_p + weight_c + alpha)\n"
            "joint_lambda[tid] += delta_lambda"
        )
    scale_p, scale_c = {
        "none": ("", ""),
        "one": (" * relaxation", " * relaxation"),
        "count": ("", ""),
    }[relax]
    number = ""
    if relax == "count":
        number = "wp.atomic_add(body_joint_count, parent, 1)\n"
        if world:
            number = "if parent >= 0:\n    " + number
        number = f"# Count the corrections for averaging\n{number}wp.atomic_add(body_joint_count, child, 1)"
    push = f"""
        if parent >= 0:
            wp.atomic_add(body_shift, parent, impulse * inv_mass_p{scale_p})
            wp.atomic_add(body_turn, parent, world_inverse_inertia(rot_p, inv_inertia_p, wp.cross(arm_p, impulse)){scale_p})
        wp.atomic_add(body_shift, child, -impulse * inv_mass_c{scale_c})
        wp.atomic_add(body_turn, child, -world_inverse_inertia(rot_c, inv_inertia_c, wp.cross(arm_c, impulse)){scale_c})
    """
    if not world:
        push = push.replace("if parent >= 0:\n            wp", "wp").replace(
            "\n            wp", "\n        wp"
        )
    turn = f"""
        if parent >= 0:
            wp.atomic_add(body_turn, parent, world_inverse_inertia(rot_p, inv_inertia_p, angular_impulse){scale_p})
        wp.atomic_add(body_turn, child, -world_inverse_inertia(rot_c, inv_inertia_c, angular_impulse){scale_c})
    """
    if not world:
        turn = turn.replace("if parent >= 0:\n            wp", "wp")
    angular = f"""
    $measure
    misalignment = wp.length(angular_error)
    if misalignment > 1.0e-6:
        axis_n = angular_error / misalignment
        inv_moment_p = wp.dot(axis_n, world_inverse_inertia(rot_p, inv_inertia_p, axis_n))
        inv_moment_c = wp.dot(axis_n, world_inverse_inertia(rot_c, inv_inertia_c, axis_n))
        angular_impulse = axis_n * (misalignment / (inv_moment_p + inv_moment_c))
        {turn.strip()}
    """
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        parent = joint_parent[tid]
        child = joint_child[tid]
        $switched
        $parent
        pose_c = body_pose[child]
        inv_mass_c = body_inv_mass[child]
        inv_inertia_c = body_inv_inertia[child]
        rot_p = wp.transform_get_rotation(pose_p)
        rot_c = wp.transform_get_rotation(pose_c)
        # World-space joint frames
        x_p = pose_p * joint_frame_p[tid]
        x_c = pose_c * joint_frame_c[tid]
        anchor_p = wp.transform_get_translation(x_p)
        anchor_c = wp.transform_get_translation(x_c)
        $frames
        $broken
        $number
        $alpha
        $locked
        $slide
        $size_of
        if $whole > 1.0e-6:
            direction = $along
            $reach
            arm_c = anchor_c - wp.transform_get_translation(pose_c)
            # Generalized inverse masses at the anchors, since off-center impulses also rotate the bodies
            turn_p = wp.cross(arm_p, direction)
            turn_c = wp.cross(arm_c, direction)
            weight_p = inv_mass_p + wp.dot(turn_p, world_inverse_inertia(rot_p, inv_inertia_p, turn_p))
            weight_c = inv_mass_c + wp.dot(turn_c, world_inverse_inertia(rot_c, inv_inertia_c, turn_c))
            $step
            impulse = $size
            $push
        $angular
        """,
        switched=skip["flags"] if enabled == "flags" else "",
        broken=broken,
        number=number,
        parent=parent[world],
        frames="frame_p = wp.transform_get_rotation(x_p)\nframe_c = wp.transform_get_rotation(x_c)"
        if kind in errors.ANGULAR
        else "",
        alpha=alpha[compliance],
        locked=locked,
        size_of=size_of,
        whole=whole,
        along=along,
        slide=errors.LIMITS["prismatic"] if limits and kind == "prismatic" else "",
        size=size,
        step=step,
        reach="# The axis rotates with the parent, so push the parent at the child anchor\n"
        "arm_p = anchor_c - wp.transform_get_translation(pose_p)"
        if kind == "prismatic"
        else "arm_p = anchor_p - wp.transform_get_translation(pose_p)",
        push=push,
        angular=angular.replace("$measure", "$measured") if kind in errors.ANGULAR else "",
        measured=errors.ANGULAR.get(kind, "") + ("\n        $hinge" if limits and kind == "revolute" else ""),
        hinge=errors.LIMITS["revolute"],
    )
    fresh = (
        " Multipliers start at zero, i.e. one iteration per substep."
        if compliance != "none" and not multiplier
        else ""
    )
    d.explain(f"""
        Corrections are accumulated over all joints (Jacobi) and applied afterwards{", averaged over `body_joint_count`" if relax == "count" else ""}.
        Body origins are at the centers of mass.{fresh}
    """)

    def reference(v: Values) -> dict[str, Any]:
        shift, turned = np.zeros((bodies, 3)), np.zeros((bodies, 3))
        lambdas = v.joint_lambda.copy() if multiplier else np.zeros(count)
        numbers = np.zeros(bodies, int)
        still = np.array([0.0, 0, 0, 0, 0, 0, 1])
        for k in range(count):
            p, c = int(v.joint_parent[k]), int(v.joint_child[k])
            if enabled == "flags" and not v.joint_enabled[k]:
                continue
            poses = [v.body_pose[p] if p >= 0 else still, v.body_pose[c]]
            rots = [quaternions.matrix(pose[3:]) for pose in poses]
            own = [np.zeros((3, 3)) if b < 0 else v.body_inv_inertia[b] for b in (p, c)]
            own = [np.diag(m) if m.ndim == 1 else m for m in own]
            inverse = [r @ m @ r.T for r, m in zip(rots, own, strict=True)]
            mass = [0.0 if b < 0 else v.body_inv_mass[b] for b in (p, c)]
            x = [
                ray_shapes.compose(poses[0], v.joint_frame_p[k]),
                ray_shapes.compose(poses[1], v.joint_frame_c[k]),
            ]
            delta = x[1][:3] - x[0][:3]
            if enabled == "broken" and np.linalg.norm(delta) > v.break_distance:
                continue
            alpha = {
                "none": 0.0,
                "one": v.get("anchor_compliance"),
                "per joint": v.anchor_compliance[k] if compliance == "per joint" else 0.0,
            }[compliance]
            alpha = alpha / v.dt**2 if compliance != "none" else 0.0
            frames = [quaternions.matrix(f[3:]) for f in x]
            error = delta
            if kind == "prismatic":
                axis = frames[0] @ v.joint_axis[k]
                travel = delta @ axis
                error = delta - travel * axis
                if limits:
                    error = error + axis * (travel - np.clip(travel, v.joint_lower[k], v.joint_upper[k]))
            part = [v.relaxation if relax == "one" else 1.0] * 2
            for b in (p, c):
                numbers[b] += b >= 0
            size = np.linalg.norm(error)
            if size > 1e-6:
                n = error / size
                if kind == "distance":
                    size = size - v.joint_length[k]
                arms = [x[1 if kind == "prismatic" else i][:3] - poses[i][:3] for i in range(2)]
                w = [mass[i] + np.cross(arms[i], n) @ inverse[i] @ np.cross(arms[i], n) for i in range(2)]
                kept = alpha * v.joint_lambda[k] if multiplier else 0.0
                push_ = n * (size + kept) / (w[0] + w[1] + alpha)
                lambdas[k] -= (size + kept) / (w[0] + w[1] + alpha)
                for i, b in enumerate((p, c)):
                    if b >= 0:
                        shift[b] += (1 - 2 * i) * part[i] * push_ * mass[i]
                        turned[b] += (1 - 2 * i) * part[i] * inverse[i] @ np.cross(arms[i], push_)
            if kind not in errors.ANGULAR:
                continue
            if kind == "revolute":
                bent = np.cross(frames[0] @ v.joint_axis[k], frames[1] @ v.joint_axis[k])
                if limits:
                    q = quaternions.product(quaternions.conjugate(x[0][3:]), x[1][3:])
                    angle = 2.0 * np.arctan2(q[:3] @ v.joint_axis[k], q[3])
                    angle = (angle + np.pi) % (2.0 * np.pi) - np.pi
                    excess = angle - np.clip(angle, v.joint_lower[k], v.joint_upper[k])
                    bent = bent + frames[0] @ v.joint_axis[k] * excess
            else:
                q = quaternions.product(x[1][3:], quaternions.conjugate(x[0][3:]))
                bent = 2.0 * q[:3] * (-1.0 if q[3] < 0.0 else 1.0)
            size = np.linalg.norm(bent)
            if size > 1e-6:
                n = bent / size
                angular_impulse = n * size / (n @ inverse[0] @ n + n @ inverse[1] @ n)
                for i, b in enumerate((p, c)):
                    if b >= 0:
                        turned[b] += (1 - 2 * i) * part[i] * inverse[i] @ angular_impulse
        made: dict[str, Any] = {"body_shift": shift, "body_turn": turned}
        if relax == "count":
            made["body_joint_count"] = numbers
        return made | {"joint_lambda": lambdas} if multiplier else made

    d.check(reference, 1e-3)
