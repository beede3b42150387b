"""Inverse kinematics of arms and chains."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rigid_body import DOMAIN
from warpgen.synthesis.algorithms.rigid_body.joints import NAMES
from warpgen.synthesis.library import quaternions
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Welman 1993 (cyclic coordinate descent); Wolovich & Elliott 1984 (Jacobian transpose)",
    names=NAMES
    | {
        "jacobian_transpose_step": "ik_step|inverse_kinematics_step|jt_ik|solve_ik",
        "tip": "end_effector|ee|hand",
        "q_new": "q_out|joint_q_out|angles_out",
        "err": "error|residual",
        "gain": "alpha|step_size|rate",
    },
    double=True,
    element="",
    weight=3,
)
def jacobian_transpose_step(d: Draft) -> None:
    """Updates joint angles toward a target using a Jacobian transpose step."""
    form = d.option("form", "transpose", "damped", "gradient")
    if form == "damped":
        d.says("Updates joint angles toward a target using a per-joint damped least-squares step.")
    if form != "transpose":
        d.calls(
            "damped_ik_step|ik_step|solve_ik"
            if form == "damped"
            else "ik_gradient|reach_gradient|tip_gradient"
        )
    limits = d.flag("limits")
    frames = d.option("frames", "world", "matrix")
    step = d.flag("bounded")
    weights = d.flag("weights", 0.4) and form != "gradient"
    arms, links = d.pick(24, 32, 48), d.pick(3, 4, 5, 6)
    d.input("points", "vec3", (arms, links + 1), -1.0, 1.0, about="Joint positions, followed by the tip [m]")
    if frames == "world":
        d.input("axis", "vec3", (arms, links), kind="unit", about="Joint axes in world space")
    else:
        d.input("basis", "mat33", (arms, links), kind="rotation", about="Joint frames, joint axis along z")
    d.input("target", "vec3", arms, -1.0, 1.0, about="Target positions [m]")
    if form != "gradient":
        d.input("q", "float", (arms, links), -1.0, 1.0, about="Joint angles [rad]")
    if weights:
        d.input("weight", "float", links, 0.2, 1.0, about="Per-joint weights")
    if form == "damped":
        d.param("damping", "float", 0.1, 0.5, about="Least-squares damping [m^2]")
    elif form == "transpose":
        d.param("gain", "float", 0.1, 0.5, about="Step size")
    if limits and form != "gradient":
        d.param("q_max", "float", 0.8, 1.5, about="Symmetric joint limit [rad]")
    if step and form != "gradient":
        d.param("max_change", "float", 0.1, 0.3, about="Maximum angle change per step [rad]")
    d.param("joint_count", "int", links, about="Number of joints per arm")
    output = "gradient" if form == "gradient" else "q_new"
    about = "Gradient w.r.t. joint angles" if form == "gradient" else "Updated joint angles [rad]"
    d.output(output, "float", (arms, links), about=about)
    limits, step = limits and form != "gradient", step and form != "gradient"
    column = "wp.vec3(basis[a, j][0, 2], basis[a, j][1, 2], basis[a, j][2, 2])"
    axis = "axis[a, j]" if frames == "world" else column
    per = "weight[j] * " if weights else ""
    lines = {
        "transpose": f"dq = gain * {per}wp.dot(column, err)",
        "damped": f"""
        # Damped diagonal of J^T J; `damping` avoids division by zero near singularities
        dq = {per}wp.dot(column, err) / (wp.length_sq(column) + damping)
        """,
        "gradient": "gradient[a, j] = -wp.dot(column, err)",
    }
    store = "q_new[a, j] = q[a, j] + dq"
    if limits:
        store = "q_new[a, j] = wp.clamp(q[a, j] + dq, -q_max, q_max)"
    d.launch(arms, links)
    d.code(
        """
        a, j = wp.tid()
        tip = points[a, joint_count]
        err = target[a] - tip
        # Jacobian column of a revolute joint: axis x (tip - joint)
        column = wp.cross($axis, tip - points[a, j])
        $line
        $bound
        $store
        """,
        axis=axis,
        line=lines[form],
        bound="dq = wp.clamp(dq, -max_change, max_change)" if step else "",
        store="" if form == "gradient" else store,
    )
    if form == "gradient":
        d.says("Computes the joint-space gradient of half the squared tip-to-target distance.")

    def reference(v: Values) -> dict[str, Any]:
        axes = v.axis if frames == "world" else v.basis[..., 2]
        tip = v.points[:, -1]
        jacobian = np.cross(axes, tip[:, None] - v.points[:, :-1])
        made = np.einsum("ajk,ak->aj", jacobian, v.target - tip)
        if weights:
            made = made * v.weight
        if form == "gradient":
            return {"gradient": -made}
        made = made / ((jacobian**2).sum(-1) + v.damping) if form == "damped" else made * v.gain
        if step:
            made = np.clip(made, -v.max_change, v.max_change)
        made = v.q + made
        return {"q_new": np.clip(made, -v.q_max, v.q_max) if limits else made}

    d.check(reference)


@DOMAIN.algorithm(
    source="Welman 1993, sec. 3.3.2 (cyclic coordinate descent)",
    names=NAMES
    | {
        "ccd_sweep": "ccd_ik|cyclic_coordinate_descent|solve_ccd|ccd_iteration",
        "pivot": "p_j|joint_pos",
        "to_tip": "tip_arm|to_end",
        "to_target": "target_arm|to_goal",
        "points": "positions",
        "axis": "turn_axis",
    },
    adjoint="no",
    element="chain",
    weight=6,
)
def ccd_sweep(d: Draft) -> None:
    """Solves inverse kinematics by one sweep of cyclic coordinate descent (CCD)."""
    dimension = d.option("dimension", "space", "plane")
    limited = d.flag("limited")
    stop = d.flag("stop")
    place = d.option("place", "in place", "distance")
    sweeps = d.option("sweeps", 1, 2)
    chains, links = d.pick(16, 24, 32), d.pick(4, 5, 6)
    vector = "vec3" if dimension == "space" else "vec2"
    d.inout("points", vector, (chains, links), -1.0, 1.0, about="Joint positions, followed by the tip [m]")
    d.input("target", vector, chains, -1.0, 1.0, about="Target positions [m]")
    if limited:
        d.param("max_turn", "float", 0.2, 0.6, about="Maximum rotation per joint update [rad]")
    if stop:
        d.param("tol", "float", 0.05, 0.2, about="Convergence tolerance [m]")
    d.param("joint_count", "int", links - 1, about="Number of joints per chain")
    if place == "distance":
        d.output("gap", "float", chains, about="Remaining distances to the target [m]")
    if dimension == "space":
        turn = d.use(quaternions.BETWEEN)
        if limited:
            bend = """
            axis = wp.cross(to_tip, to_target)
            axis_length = wp.length(axis)
            if axis_length < 1.0e-6:
                continue
            angle = wp.min(wp.atan2(axis_length, wp.dot(to_tip, to_target)), max_turn)
            r = wp.quat_from_axis_angle(axis / axis_length, angle)
            """
        else:
            bend = f"r = {turn}(wp.normalize(to_tip), wp.normalize(to_target))"
        move = "points[tid, k] = pivot + wp.quat_rotate(r, points[tid, k] - pivot)"
    else:
        bend = """
        # Signed angle between the two directions
        angle = wp.atan2(
            to_tip[0] * to_target[1] - to_tip[1] * to_target[0], wp.dot(to_tip, to_target)
        )
        $clamp
        cs = wp.cos(angle)
        sn = wp.sin(angle)
        """
        move = """
        arm = points[tid, k] - pivot
        points[tid, k] = pivot + wp.vec2(cs * arm[0] - sn * arm[1], sn * arm[0] + cs * arm[1])
        """
    joint = """
    pivot = points[tid, j]
    to_tip = points[tid, joint_count] - pivot
    to_target = target[tid] - pivot
    $stop
    $bend
    # Rotate all downstream links
    for k in range(j + 1, joint_count + 1):
        $move
    """
    loop = """
    for step in range(joint_count):
        j = joint_count - 1 - step
        $joint
    """
    if sweeps > 1:
        loop = f"""
        for step in range({sweeps} * joint_count):
            j = joint_count - 1 - step % joint_count
            $joint
        """
    d.launch(chains)
    d.code(
        """
        tid = wp.tid()
        $loop
        $gap
        """,
        loop=loop,
        joint=joint,
        stop="if wp.length(to_target - to_tip) < tol:\n    break" if stop else "",
        bend=bend,
        clamp="angle = wp.clamp(angle, -max_turn, max_turn)" if limited else "",
        move=move,
        gap="gap[tid] = wp.length(points[tid, joint_count] - target[tid])" if place == "distance" else "",
    )
    number, joints = "two sweeps" if sweeps > 1 else "one sweep", "ball" if dimension == "space" else "planar"
    of = f"chains of {joints} joints"
    d.says(f"Solves inverse kinematics of {of} using {number} of cyclic coordinate descent (CCD).")

    def holds(before: Values, after: Values) -> None:
        bones = [np.linalg.norm(np.diff(v.points, axis=1), axis=-1) for v in (before, after)]
        np.testing.assert_allclose(bones[1], bones[0], rtol=2e-3, atol=1e-4, err_msg="bones change length")
        np.testing.assert_allclose(after.points[:, 0], before.points[:, 0], err_msg="roots move")
        gaps = [np.linalg.norm(v.points[:, -1] - v.target, axis=-1) for v in (before, after)]
        assert (gaps[1] <= gaps[0] + 1e-4).all(), "a sweep leads away from the target"
        moved = np.linalg.norm(after.points - before.points, axis=-1).max(axis=1)
        assert (moved[gaps[0] > 0.25] > 1e-4).all(), "a chain does not move"
        if place == "distance":
            np.testing.assert_allclose(after.gap, gaps[1], rtol=1e-3, atol=1e-4, err_msg="wrong gaps")

    d.holds(holds)
