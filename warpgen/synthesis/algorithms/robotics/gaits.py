"""Where the feet of walking robots go: phases, footholds, swing paths and the angles of the legs."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.robotics import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_SWING = {
    "cycloid": """
        # Cycloid: zero velocity at lift-off and touch-down
        blend = s - wp.sin(wp.TAU * s) / wp.TAU
        lift = 0.5 * step_height * (1.0 - wp.cos(wp.TAU * s))
    """,
    "bezier": """
        # Cubic Bezier curves: up in the first half, down in the second
        blend = s * s * (3.0 - 2.0 * s)
        r = wp.min(2.0 * s, 2.0 - 2.0 * s)
        lift = step_height * r * r * (3.0 - 2.0 * r)
    """,
    "quintic": """
        # Minimum jerk along the ground, with a quartic height profile
        blend = s * s * s * (10.0 + s * (6.0 * s - 15.0))
        lift = 16.0 * step_height * s * s * (1.0 - s) * (1.0 - s)
    """,
}
_FOOTHOLD = {
    "raibert": """
        # Raibert heuristic: half the stance travel ahead of the hip plus velocity error feedback
        foothold = hip_pos + 0.5 * stance_time * hip_vel + raibert_gain * (hip_vel - command)
    """,
    "capture": """
        # Instantaneous capture point of the linear inverted pendulum minus the commanded velocity term
        pendulum = wp.sqrt(body_height / GRAVITY)
        foothold = hip_pos + 0.5 * stance_time * command + pendulum * (hip_vel - command)
    """,
    "symmetric": "foothold = hip_pos + 0.5 * stance_time * command",
}


_ANGLES = "Abduction, hip and knee angles [rad], with the knee bent backward by 8 to 172 degrees"


@DOMAIN.algorithm(
    source="Raibert 1986; Pratt et al. 2006 (capture point); Di Carlo et al. 2018 (MIT Cheetah 3)",
    names={
        "plan_feet": "foot_targets|plan_footsteps|foot_trajectory|leg_targets",
        "gait_phase": "phase|cycle_phase",
        "phase_offset": "leg_offset|offsets|leg_phase",
        "foot_start": "phase_start|start_offset",
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
    """Plans foot trajectories of walking robots through stance and swing."""
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
        d.says("Plans leg joint angles of walking robots through stance and swing.")
    robots, legs = d.pick(8, 12), 4
    if place == "capture":
        d.module("GRAVITY = wp.constant(9.81)  # [m/s^2]")
    d.input("gait_phase", "float", robots, 0.0, 1.0, about="Gait cycle phase in [0, 1]")
    if gait == "offsets":
        d.input("phase_offset", "float", legs, 0.0, 1.0, about="Per-leg phase offsets")
    else:
        d.input("gait_table", "float", (3, legs), 0.0, 1.0, about="Per-leg phase offsets for each gait")
        d.input("gait_id", "int", robots, 0, 3, about="Gait index per robot")
    d.input(
        "hip_offset", "vec2", legs, -0.3, 0.3, about="Hip offsets from the body origin (forward, left) [m]"
    )
    d.input("body_velocity", "vec2", robots, -0.8, 0.8, about="Body velocities in the heading frame [m/s]")
    d.input("command_velocity", "vec2", robots, -0.8, 0.8, about="Commanded velocities [m/s]")
    if turning:
        d.input("turn_rate", "float", robots, -0.8, 0.8, about="Commanded yaw rates [rad/s]")
    about = "Foot positions at lift-off or touch-down, relative to the hip [m]"
    d.input("foot_start", "vec2", (robots, legs), -0.15, 0.15, about=about)
    if contact == "early":
        d.input("foot_contact", "bool", (robots, legs), about="Foot contact flags")
        d.input(
            "foot_pos",
            "vec2",
            (robots, legs),
            -0.15,
            0.15,
            about="Current foot positions relative to the hip [m]",
        )
    if terrain == "height":
        d.input(
            "ground_height", "float", (robots, legs), -0.05, 0.05, about="Ground height at each foothold [m]"
        )
        d.input(
            "start_height",
            "float",
            (robots, legs),
            -0.05,
            0.05,
            about="Ground height at each swing start [m]",
        )
    elif terrain == "slope":
        d.input("ground_slope", "vec2", robots, -0.2, 0.2, about="Ground slopes along x and y")
    d.param("duty", "float", 0.4, 0.7, about="Duty factor (stance fraction of the cycle)")
    d.param("cycle_time", "float", 0.4, 0.7, about="Gait cycle duration [s]")
    d.param("step_height", "float", 0.05, 0.12, about="Swing clearance [m]")
    d.param("body_height", "float", 0.25, 0.35, about="Body height above the ground [m]")
    if place == "raibert":
        d.param("raibert_gain", "float", 0.02, 0.06, about="Velocity error feedback gain [s]")
    if reach:
        d.param("max_reach", "float", 0.06, 0.12, about="Maximum step length from below the hip [m]")
    if result == "angles":
        d.param("thigh", "float", 0.22, 0.3, about="Thigh length [m]")
        d.param("shank", "float", 0.22, 0.3, about="Shank length [m]")
        d.output("joint_angles", "vec3", (robots, legs), about=_ANGLES)
    else:
        d.output("foot_target", "vec3", (robots, legs), about="Body-space foot targets [m]")
    if contact == "flag":
        d.output("in_stance", "bool", (robots, legs), about="True for legs scheduled to be in stance")
    spin = """
    # Yaw (here at the commanded rate) moves the hips along circles around the body
    spin = turn_rate[robot] * wp.vec2(-hip_pos[1], hip_pos[0])
    command += spin
    hip_vel += spin
    """
    ground = {
        "flat": "ground = -body_height",
        "height": "ground = ground_height[robot, leg] - body_height",
        "slope": "ground = wp.dot(ground_slope[robot], foothold) - body_height",
    }
    low = {
        "flat": "",
        "height": "start_ground = start_height[robot, leg] - body_height",
        "slope": "start_ground = wp.dot(ground_slope[robot], start) - body_height",
    }
    level = {
        "flat": "ground",
        "height": "start_ground",
        "slope": "start_ground - elapsed * wp.dot(ground_slope[robot], command)",
    }
    met = "wp.dot(ground_slope[robot], met) - body_height" if terrain == "slope" else "ground"
    clip = """
    # Limit the step to the reach of the leg
    stride = foothold - hip_pos
    stride_len = wp.length(stride)
    if stride_len > max_reach:
        foothold = hip_pos + stride * (max_reach / stride_len)
    """
    angles = """
    # --- Leg inverse kinematics: abduction, hip and knee ---
    local = foot - wp.vec3(hip_pos[0], hip_pos[1], 0.0)
    abduction = wp.atan2(local[1], -local[2])
    # In the leg plane
    down = wp.sqrt(local[1] * local[1] + local[2] * local[2])
    ahead = local[0]
    # Law of cosines; clamp so that unreachable targets give a stretched leg
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
        # --- Leg phase ---
        leg_phase = gait_phase[robot] + $offset
        leg_phase -= wp.floor(leg_phase)
        stance = leg_phase < duty
        $flag
        # --- Next foothold ---
        stance_time = duty * cycle_time
        command = command_velocity[robot]
        hip_vel = body_velocity[robot]
        hip_pos = hip_offset[leg]
        $spin
        $foothold
        $reach
        $ground
        start = hip_pos + foot_start[robot, leg]
        $low
        # --- Foot trajectory ---
        if stance:
            # Stance feet move backward in body space at the speed commanded for their hips
            elapsed = leg_phase * cycle_time
            foot = wp.vec3(start[0] - elapsed * command[0], start[1] - elapsed * command[1], $level)
        $early
        else:
            s = (leg_phase - duty) / (1.0 - duty)
            $swing
            foot = wp.vec3(
                start[0] + blend * (foothold[0] - start[0]),
                start[1] + blend * (foothold[1] - start[1]),
                $raised,
            )
        $result
        """,
        offset="phase_offset[leg]" if gait == "offsets" else "gait_table[gait_id[robot], leg]",
        flag="in_stance[robot, leg] = stance" if contact == "flag" else "",
        spin=spin if turning else "",
        foothold=_FOOTHOLD[place],
        reach=clip if reach else "",
        ground=ground[terrain],
        low=low[terrain],
        level=level[terrain],
        raised="ground + lift"
        if terrain == "flat"
        else "start_ground + blend * (ground - start_ground) + lift",
        early="elif foot_contact[robot, leg] and leg_phase > 0.5 * (1.0 + duty):\n"
        "    # Early touch-down late in swing: keep the foot where it landed\n"
        f"    met = hip_pos + foot_pos[robot, leg]\n    foot = wp.vec3(met[0], met[1], {met})"
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
        A leg is in stance for the fraction `duty` of each cycle and swings to its next foothold otherwise. Feet are
        expressed in body space: x forward, y left, z up.$early
    """.replace("$early", " Feet that land late in their swing stay." if contact == "early" else "")
    )

    def reference(v: Values) -> dict[str, Any]:
        offset = v.phase_offset[None] if gait == "offsets" else v.gait_table[v.gait_id]
        phase = (v.gait_phase[:, None] + offset) % 1.0
        stance = phase < v.duty
        hip = np.broadcast_to(v.hip_offset, (robots, legs, 2))
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
        low_ = np.full((robots, legs), -v.body_height)
        if terrain == "height":
            low_ = low_ + v.ground_height
        elif terrain == "slope":
            low_ = low_ + (v.ground_slope[:, None] * goal).sum(-1)
        flat_start = hip + v.foot_start
        base = np.full((robots, legs), -v.body_height)
        if terrain == "height":
            base = base + v.start_height
        elif terrain == "slope":
            base = base + (v.ground_slope[:, None] * flat_start).sum(-1)
        start = np.concatenate([flat_start, base[..., None]], axis=-1)
        s = (phase - v.duty) / (1.0 - v.duty)
        h = v.step_height
        if swing == "cycloid":
            blend, lift = s - np.sin(2 * np.pi * s) / (2 * np.pi), h * np.sin(np.pi * s) ** 2
        elif swing == "bezier":
            r = 1.0 - np.abs(2.0 * s - 1.0)
            blend, lift = 3 * s**2 - 2 * s**3, h * (3 * r**2 - 2 * r**3)
        else:
            blend, lift = 6 * s**5 - 15 * s**4 + 10 * s**3, h * (4.0 * s * (1.0 - s)) ** 2
        end = np.concatenate([goal, low_[..., None]], axis=-1)
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
            met_ = hip + v.foot_pos
            z = -v.body_height + (v.ground_slope[:, None] * met_).sum(-1) if terrain == "slope" else low_
            foot = np.where(landed[..., None], np.concatenate([met_, z[..., None]], axis=-1), foot)
        made: dict[str, Any] = {"in_stance": stance} if contact == "flag" else {}
        if result == "position":
            return made | {"foot_target": foot}
        x, y, z = np.moveaxis(foot, -1, 0)
        x, y = x - hip[..., 0], y - hip[..., 1]
        depth = np.hypot(y, z)
        a, b = v.thigh, v.shank
        span = depth**2 + x**2
        knee = -np.arccos(np.clip((span - a * a - b * b) / (2 * a * b), -0.99, 0.99))
        turn = np.arctan2(-x, depth) - np.arctan2(b * np.sin(knee), a + b * np.cos(knee))
        return made | {"joint_angles": np.stack([np.arctan2(y, -z), turn, knee], axis=-1)}

    d.check(reference, 1e-3)
