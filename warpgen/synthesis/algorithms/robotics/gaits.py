"""Where the feet of walking robots go: phases, footholds, swing paths and the angles of the legs."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.robotics import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_SWING = {
    "cycloid": """
        # Cycloid: no velocity at lift-off and touch-down
        blend = s - wp.sin(wp.TAU * s) / wp.TAU
        lift = 0.5 * step_height * (1.0 - wp.cos(wp.TAU * s))
    """,
    "bezier": """
        # Cubic Bezier curves, up for the first half and down for the second
        blend = s * s * (3.0 - 2.0 * s)
        r = wp.min(2.0 * s, 2.0 - 2.0 * s)
        lift = step_height * r * r * (3.0 - 2.0 * r)
    """,
    "quintic": """
        # Minimum jerk along the ground, a quartic bump above it
        blend = s * s * s * (10.0 + s * (6.0 * s - 15.0))
        lift = 16.0 * step_height * s * s * (1.0 - s) * (1.0 - s)
    """,
}
_FOOTHOLD = {
    "raibert": """
        # Raibert: half of the stance ahead of the hip, plus feedback of the velocity error
        foothold = hip_pos + 0.5 * stance_time * hip_vel + raibert_gain * (hip_vel - command)
    """,
    "capture": """
        # Instantaneous capture point of the linear inverted pendulum, less the wanted speed
        pendulum = wp.sqrt(body_height / GRAVITY)
        foothold = hip_pos + 0.5 * stance_time * command + pendulum * (hip_vel - command)
    """,
    "symmetric": "foothold = hip_pos + 0.5 * stance_time * command",
}


_ANGLES = "Abduction, hip and knee angles [rad], the knee bent back by 8 to 172 degrees"


@DOMAIN.algorithm(
    source="Raibert 1986; Pratt et al. 2006 (capture point); Di Carlo et al. 2018 (MIT Cheetah 3)",
    names={
        "plan_feet": "foot_targets|plan_footsteps|foot_trajectory|leg_targets",
        "gait_phase": "phase|cycle_phase",
        "phase_offset": "leg_offset|offsets|leg_phase",
        "foot_start": "phase_start|foot_from",
        "step_height": "clearance|swing_height|apex",
        "duty": "duty_factor|stance_fraction",
        "foothold": "landing|touchdown",
        "blend": "progress",
        "foot_target": "foot_pos_des|foot_out|foot_command",
    },
    element="leg",
    weight=3,
)
def plan_feet(d: Draft) -> None:
    """Plans the feet of walking robots through stance and swing."""
    swing = d.option("swing", *_SWING)
    place = d.option("foothold", *_FOOTHOLD)
    result = d.option("result", "position", "angles")
    gait = d.option("gait", "offsets", "table")
    turning = d.flag("turning", 0.4)
    terrain = d.option("terrain", "flat", "height", "slope", weights=(0.45, 0.3, 0.25))
    reach = d.flag("reach", 0.5)
    contact = d.option("contact", "none", "flag", "early", weights=(0.4, 0.3, 0.3))
    if result == "angles":
        d.calls("leg_joint_angles|gait_joint_targets|plan_legs|leg_inverse_kinematics")
        d.says("Plans the joint angles of legs of walking robots through stance and swing.")
    robots, legs = d.pick(8, 12), 4
    if place == "capture":
        d.module("GRAVITY = wp.constant(9.81)  # [m/s^2]")
    d.input("gait_phase", "float", robots, 0.0, 1.0, about="Phase of the gait cycle in 0..1")
    if gait == "offsets":
        d.input("phase_offset", "float", legs, 0.0, 1.0, about="Phase of each leg in the cycle")
    else:
        d.input("gait_table", "float", (3, legs), 0.0, 1.0, about="Phase of each leg, for each gait")
        d.input("gait_id", "int", robots, 0, 3, about="Gait of each robot")
    d.input("hip_offset", "vec3", legs, -0.3, 0.3, about="Hips in body space [m]")
    d.input(
        "body_velocity", "vec2", robots, -0.8, 0.8, about="Velocities of the bodies in their headings [m/s]"
    )
    d.input("command_velocity", "vec2", robots, -0.8, 0.8, about="Commanded velocities [m/s]")
    if turning:
        d.input("turn_rate", "float", robots, -0.8, 0.8, about="Commanded yaw rates [rad/s]")
    d.input(
        "foot_start",
        "vec3",
        (robots, legs),
        -0.3,
        0.3,
        about="Feet at lift-off or touch-down, in body space [m]",
    )
    if contact == "early":
        d.input("foot_contact", "bool", (robots, legs), about="True for feet that touch the ground")
        d.input("foot_pos", "vec3", (robots, legs), -0.3, 0.3, about="Feet as they are, in body space [m]")
    if terrain == "height":
        d.input("ground_height", "float", (robots, legs), -0.05, 0.05, about="Ground below each foothold [m]")
    elif terrain == "slope":
        d.input("ground_slope", "vec2", robots, -0.2, 0.2, about="Slopes of the ground along x and y")
    d.param("duty", "float", 0.4, 0.7, about="Share of the cycle in stance")
    d.param("cycle_time", "float", 0.4, 0.7, about="Duration of a gait cycle [s]")
    d.param("step_height", "float", 0.05, 0.12, about="Clearance of the swing [m]")
    d.param("body_height", "float", 0.25, 0.35, about="Height of the body's origin above the ground [m]")
    if place == "raibert":
        d.param("raibert_gain", "float", 0.02, 0.06, about="Feedback of the velocity error [s]")
    if reach:
        d.param("max_reach", "float", 0.1, 0.2, about="Largest step from below the hip [m]")
    if result == "angles":
        d.param("thigh", "float", 0.22, 0.3, about="Length of the thigh [m]")
        d.param("shank", "float", 0.22, 0.3, about="Length of the shank [m]")
        d.output("joint_angles", "vec3", (robots, legs), about=_ANGLES)
    else:
        d.output("foot_target", "vec3", (robots, legs), about="Foot targets in body space [m]")
    if contact == "flag":
        d.output("in_stance", "bool", (robots, legs), about="True for legs that should carry load")
    spin = """
    # Turning, here at the commanded rate, moves the hips along circles about the body
    spin = turn_rate[robot] * wp.vec2(-hip_offset[leg][1], hip_offset[leg][0])
    command += spin
    hip_vel += spin
    """
    ground = {
        "flat": "ground = -body_height",
        "height": "ground = ground_height[robot, leg] - body_height",
        "slope": "ground = wp.dot(ground_slope[robot], foothold) - body_height",
    }
    clip = """
    # Limit the step, since the leg cannot reach farther
    stride = foothold - hip_pos
    stride_len = wp.length(stride)
    if stride_len > max_reach:
        foothold = hip_pos + stride * (max_reach / stride_len)
    """
    angles = """
    # --- Inverse kinematics of a leg with abduction, hip and knee ---
    local = foot - hip_offset[leg]
    abduction = wp.atan2(local[1], -local[2])
    # In the plane of the leg
    down = wp.sqrt(local[1] * local[1] + local[2] * local[2])
    ahead = local[0]
    # Law of cosines; clamp so that targets out of reach give a stretched leg
    span_sq = down * down + ahead * ahead
    cos_knee = (span_sq - thigh * thigh - shank * shank) / (2.0 * thigh * shank)
    knee = -wp.acos(wp.clamp(cos_knee, -0.99, 0.99))
    hip = wp.atan2(-ahead, down) - wp.atan2(shank * wp.sin(knee), thigh + shank * wp.cos(knee))
    joint_angles[robot, leg] = wp.vec3(abduction, hip, knee)
    """
    d.launch(robots, legs)
    d.code(
        """
        robot, leg = wp.tid()
        # --- Phase of this leg ---
        leg_phase = gait_phase[robot] + $offset
        leg_phase -= wp.floor(leg_phase)
        stance = leg_phase < duty
        $flag
        # --- Foothold for the next stance ---
        stance_time = duty * cycle_time
        command = command_velocity[robot]
        hip_vel = body_velocity[robot]
        $spin
        hip_pos = wp.vec2(hip_offset[leg][0], hip_offset[leg][1])
        $foothold
        $reach
        $ground
        start = foot_start[robot, leg]
        # --- Path of the foot ---
        if stance:
            # Feet on the ground move backwards in the body's frame as fast as their hips are to move ahead
            elapsed = leg_phase * cycle_time
            foot = wp.vec3(start[0] - elapsed * command[0], start[1] - elapsed * command[1], $level)
        $early
        else:
            s = (leg_phase - duty) / (1.0 - duty)
            $swing
            foot = wp.vec3(
                start[0] + blend * (foothold[0] - start[0]),
                start[1] + blend * (foothold[1] - start[1]),
                start[2] + blend * (ground - start[2]) + lift,
            )
        $result
        """,
        offset="phase_offset[leg]" if gait == "offsets" else "gait_table[gait_id[robot], leg]",
        flag="in_stance[robot, leg] = stance" if contact == "flag" else "",
        spin=spin if turning else "",
        foothold=_FOOTHOLD[place],
        reach=clip if reach else "",
        ground=ground[terrain],
        level="start[2] - elapsed * wp.dot(ground_slope[robot], command)"
        if terrain == "slope"
        else "start[2]",
        early="elif foot_contact[robot, leg] and leg_phase > 0.5 * (1.0 + duty):\n"
        "    # Landed early, late in its swing: it stays where it met the ground\n    foot = foot_pos[robot, leg]"
        if contact == "early"
        else "",
        swing=_SWING[swing],
        result=angles if result == "angles" else "foot_target[robot, leg] = foot",
    )
    if place == "symmetric":
        for line in ("hip_vel = body_velocity[robot]\n", "hip_vel += spin\n"):
            d.text = d.text.replace(line, "")
    d.explain(
        """
        A leg is in stance for the share `duty` of each cycle and swings to its next foothold for the rest. Feet are
        given in body space, x ahead, y to the left, z up.$early
    """.replace("$early", " Feet that land late in their swing stay." if contact == "early" else "")
    )

    def reference(v: Values) -> dict[str, Any]:
        offset = v.phase_offset[None] if gait == "offsets" else v.gait_table[v.gait_id]
        phase = (v.gait_phase[:, None] + offset) % 1.0
        stance = phase < v.duty
        hip = np.broadcast_to(v.hip_offset[:, :2], (robots, legs, 2))
        cmd = np.repeat(v.command_velocity[:, None], legs, axis=1)
        vel = v.get("body_velocity", np.zeros((robots, 2)))[:, None]
        if turning:
            spin = v.turn_rate[:, None, None] * np.stack([-hip[..., 1], hip[..., 0]], axis=-1)
            cmd, vel = cmd + spin, vel + spin
        time = v.duty * v.cycle_time
        step = 0.5 * time * cmd
        if place == "raibert":
            step = 0.5 * time * vel + v.raibert_gain * (vel - cmd)
        elif place == "capture":
            step = step + np.sqrt(v.body_height / 9.81) * (vel - cmd)
        if reach:
            size = np.linalg.norm(step, axis=-1, keepdims=True)
            step = np.where(size > v.max_reach, step * v.max_reach / size, step)
        goal = hip + step
        low = np.full((robots, legs), -v.body_height)
        if terrain == "height":
            low = low + v.ground_height
        elif terrain == "slope":
            low = low + (v.ground_slope[:, None] * goal).sum(-1)
        start = v.foot_start
        s = (phase - v.duty) / (1.0 - v.duty)
        h = v.step_height
        if swing == "cycloid":
            blend, lift = s - np.sin(2 * np.pi * s) / (2 * np.pi), h * np.sin(np.pi * s) ** 2
        elif swing == "bezier":
            r = 1.0 - np.abs(2.0 * s - 1.0)
            blend, lift = 3 * s**2 - 2 * s**3, h * (3 * r**2 - 2 * r**3)
        else:
            blend, lift = 6 * s**5 - 15 * s**4 + 10 * s**3, h * (4.0 * s * (1.0 - s)) ** 2
        end = np.concatenate([goal, low[..., None]], axis=-1)
        flying = start + blend[..., None] * (end - start)
        flying[..., 2] += lift
        resting = start.copy()
        gone = (phase * v.cycle_time)[..., None] * cmd
        resting[..., :2] -= gone
        if terrain == "slope":
            resting[..., 2] -= (v.ground_slope[:, None] * gone).sum(-1)
        foot = np.where(stance[..., None], resting, flying)
        if contact == "early":
            landed = ~stance & v.foot_contact.astype(bool) & (phase > 0.5 * (1.0 + v.duty))
            foot = np.where(landed[..., None], v.foot_pos, foot)
        made: dict[str, Any] = {"in_stance": stance} if contact == "flag" else {}
        if result == "position":
            return made | {"foot_target": foot}
        x, y, z = np.moveaxis(foot - v.hip_offset, -1, 0)
        depth = np.hypot(y, z)
        a, b = v.thigh, v.shank
        span = depth**2 + x**2
        knee = -np.arccos(np.clip((span - a * a - b * b) / (2 * a * b), -0.99, 0.99))
        turn = np.arctan2(-x, depth) - np.arctan2(b * np.sin(knee), a + b * np.cos(knee))
        return made | {"joint_angles": np.stack([np.arctan2(y, -z), turn, knee], axis=-1)}

    d.check(reference, 1e-3)
