"""Rewards and observations of walking robots."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.neural import DOMAIN
from warpgen.synthesis.algorithms.neural._robots import into_body
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import Piece, piece


def _scales(names: list[str]) -> Piece:
    """The struct of those weights that a variant has."""
    fields = "".join(f"    {name}: float{_NOTES.get(name, '')}\n" for name in names)
    return piece(f"\n@wp.struct\nclass RewardConfig:\n{fields}")


_NOTES = {
    "sigma": "  # tracking kernel scale",
    "soft_limit": "  # fraction of the joint range without penalty",
}

_SCALE_RANGES = {
    "track_lin": (2.0, 3.0), "track_yaw": (0.8, 1.5), "lin_vel_z": (-0.4, -0.2), "ang_vel_xy": (-0.1, -0.05),
    "orientation": (-0.5, -0.2), "height": (-0.6, -0.3), "effort": (-0.004, -0.002), "joint_acc": (-2e-6, -1e-6),
    "action_rate": (-0.05, -0.01), "joint_limit": (-0.2, -0.1), "gait": (0.5, 1.0),
    "stand_still": (-0.1, -0.05), "termination": (-5.0, -2.0), "sigma": (0.2, 0.4),
    "target_height": (0.3, 0.5), "soft_limit": (0.5, 0.6), "dt": (0.02, 0.05),
}  # fmt: skip


@DOMAIN.algorithm(
    source="Rudin et al. 2022, Learning to walk in minutes, table 3; Kumar et al. 2021",
    names={
        "locomotion_reward": "compute_rewards|walk_reward|reward_kernel",
        "root_pose": "base_pose|body_q|root_transform",
        "commands": "velocity_commands|cmd|targets",
        "rewards": "reward_buf|rew|reward_out",
        "config": "weights|reward_scales|cfg",
        "terminated": "fell_over|terminal|fallen",
        "foot_contact": "contacts|in_contact|feet_on_ground",
        "air_time": "feet_air_time|swing_time",
        "reward": "rew_total|r_sum|rew",
        "world": "env|env_id|w",
    },
    element="robot",
    weight=3,
)
def locomotion_reward(d: Draft) -> None:
    """Computes legged locomotion rewards from tracking, posture, effort and gait terms."""
    kernel = d.option("tracking", "exponential", "rational", "absolute")
    effort = d.option("effort", "torque", "power", "absolute power")
    gait = d.option("gait", "air time", "phase", "none")
    limits = d.option("limits", "none", "soft", "hard")
    terrain = d.option("terrain", "flat", "heights")
    reset = d.option("ended", "mask", "reason", "none")
    spent = "effort" if effort == "torque" else "power"
    positive = d.flag("only positive", 0.4) and kernel != "absolute"
    still = d.flag("stand still", 0.5)
    worlds, dofs, feet = d.pick(16, 24), d.pick(8, 12), d.pick(2, 4)
    many = (worlds, dofs)
    d.input("root_pose", "transform", worlds, 0.2, 0.6, kind="transform", about="base pose per world")
    d.input("lin_vel", "vec3", worlds, -0.5, 0.5, about="world-frame base linear velocity [m/s]")
    d.input("ang_vel", "vec3", worlds, -0.5, 0.5, about="world-frame base angular velocity [rad/s]")
    d.input("commands", "vec3", worlds, -0.5, 0.5, about="commanded forward, lateral and yaw velocity")
    if limits != "none" or still:
        d.input("joint_pos", "float", many, -1.0, 1.0, about="joint angles, shape (num_worlds, num_dofs)")
    if still:
        d.input("default_pos", "float", dofs, -0.3, 0.3, about="default joint positions")
    d.input("joint_vel", "float", many, -2.0, 2.0, about="joint velocities")
    d.input("last_joint_vel", "float", many, -2.0, 2.0, about="previous joint velocities")
    d.input("torques", "float", many, -3.0, 3.0, about="applied joint torques [Nm]")
    d.input("actions", "float", many, -1.0, 1.0, about="current actions")
    d.input("last_actions", "float", many, -1.0, 1.0, about="previous actions")
    if limits != "none":
        low, high = (1.0, 1.6) if limits == "soft" else (0.9, 1.3)
        d.input("joint_lower", "float", dofs, -high, -low, about="joint lower limits [rad]")
        d.input("joint_upper", "float", dofs, low, high, about="joint upper limits [rad]")
    if terrain == "heights":
        d.input("ground_height", "float", worlds, -0.05, 0.05, about="terrain height below the base [m]")
    if gait != "none":
        d.input("foot_contact", "bool", (worlds, feet), about="foot contact flags")
    if gait == "air time":
        d.input(
            "air_time", "float", (worlds, feet), 0.0, 1.0, about="time since each foot left the ground [s]"
        )
    elif gait == "phase":
        d.input("clock", "float", worlds, 0.0, 1.0, about="gait phase per world")
    if reset == "mask":
        d.mask("terminated", "bool", worlds, rare=True, about="True if the robot fell")
    elif reset == "reason":
        d.input(
            "end_reason",
            "int",
            worlds,
            -1,
            3,
            about="termination reason, -1 while running, 0 for timeout",
        )
    left = {"gait"} if gait == "none" else set()
    left |= {"joint_limit"} if limits == "none" else set()
    left |= {"soft_limit"} if limits != "soft" else set()
    left |= {"stand_still"} if not still else set()
    left |= {"termination"} if reset == "none" else set()
    bounds = {
        spent if name == "effort" else name: fill(*ends)
        for name, ends in _SCALE_RANGES.items()
        if name not in left
    }
    if gait != "none" or still:
        d.param("min_command", "float", 0.3, 0.5, about="command threshold for standing still")
    d.module(
        f"NUM_DOFS = wp.constant({dofs})" + (f"\nNUM_FEET = wp.constant({feet})" if gait != "none" else "")
    )
    if gait == "air time":
        d.module("MIN_SWING = wp.constant(0.5)  # [s], shorter swings are penalized")
    d.struct("config", _scales(list(bounds)), bounds, about="reward weights and settings")
    if gait == "air time":
        d.output("next_air_time", "float", (worlds, feet), about="air time after this step [s]")
    d.output("rewards", "float", worlds, about="reward per world")
    track = {
        "exponential": "return wp.exp(-err_sq / sigma)",
        "rational": "# Heavier tails than a Gaussian, so large errors still get a gradient\nreturn 1.0 / (1.0 + err_sq / sigma)",
        "absolute": "return 1.0 - wp.sqrt(err_sq + 1.0e-6) / sigma",
    }[kernel]
    d.function(
        """
        @wp.func
        def tracking_score(err_sq: float, sigma: float) -> float:
            \"\"\"Map a squared tracking error to a score of at most 1.\"\"\"
            $track
        """,
        track=track,
    )
    height = "pos[2] - ground_height[world]" if terrain == "heights" else "pos[2]"
    efforts = {
        "torque": "effort += torque * torque",
        "power": "# Penalize positive power only, since the motors do not regenerate\npower += wp.max(torque * joint_vel[world, dof], 0.0)",
        "absolute power": "# Penalize braking and driving power equally\npower += wp.abs(torque * joint_vel[world, dof])",
    }[effort]
    over = {
        "none": "",
        "soft": (
            "# Soft joint limit violation\n"
            "middle = 0.5 * (joint_lower[dof] + joint_upper[dof])\n"
            "reach = 0.5 * soft_limit * (joint_upper[dof] - joint_lower[dof])\n"
            "violation += wp.max(wp.abs(joint_pos[world, dof] - middle) - reach, 0.0)"
        ),
        "hard": (
            "q = joint_pos[world, dof]\n"
            "if q <= joint_lower[dof] or q >= joint_upper[dof]:\n    violation += 1.0"
        ),
    }[limits]
    gaits = {
        "none": "",
        "air time": """
            # --- Gait: reward long swings at touchdown ---
            for foot in range(NUM_FEET):
                swing = air_time[world, foot]
                if foot_contact[world, foot]:
                    if swing > 0.0 and is_commanded:
                        reward += config.gait * (swing - MIN_SWING)
                    next_air_time[world, foot] = 0.0
                else:
                    next_air_time[world, foot] = swing + config.dt
        """,
        "phase": """
            # Gait: when walking, feet should follow a clock half a period apart
            if is_commanded:
                for foot in range(NUM_FEET):
                    foot_phase = clock[world] + 0.5 * float($leg)
                    foot_phase = foot_phase - wp.floor(foot_phase)
                    in_stance = foot_phase < 0.5
                    if in_stance == foot_contact[world, foot]:
                        reward += config.gait
                    else:
                        reward -= 0.5 * config.gait
        """,
    }[gait].replace("$leg", "foot % 2" if feet > 2 else "foot")
    ended = {
        "none": "",
        "mask": "# Fixed penalty for falling\nif terminated[world]:\n    reward += config.termination",
        "reason": "# Timeouts (reason 0) are not penalized\nif end_reason[world] > 0:\n    reward += config.termination",
    }[reset]
    grid = "wp.array2d(dtype=float)"
    d.function(
        f"""
        @wp.func
        def joint_costs(
            world: int,
            torques: {grid},
            joint_vel: {grid},
            last_joint_vel: {grid},
            actions: {grid},
            last_actions: {grid},
            dt: float,
        ) -> wp.vec3:
            \"\"\"Return {"squared torques" if spent == "effort" else "mechanical power"}, squared accelerations and squared action differences, summed over all joints.\"\"\"
            {spent} = float(0.0)
            acc_sq = float(0.0)
            rate_sq = float(0.0)
            for dof in range(NUM_DOFS):
                torque = torques[world, dof]
                $efforts
                acc = (joint_vel[world, dof] - last_joint_vel[world, dof]) / dt
                acc_sq += acc * acc
                action_diff = actions[world, dof] - last_actions[world, dof]
                rate_sq += action_diff * action_diff
            return wp.vec3({spent}, acc_sq, rate_sq)
        """,
        efforts=efforts,
    )
    if limits != "none":
        scaled = ", soft_limit: float" if limits == "soft" else ""
        d.function(
            f"""
            @wp.func
            def limit_violation(
                world: int, joint_pos: {grid}, joint_lower: wp.array(dtype=float), joint_upper: wp.array(dtype=float){scaled}
            ) -> float:
                violation = float(0.0)
                for dof in range(NUM_DOFS):
                    $over
                return violation
            """,
            over=over,
        )
    if still:
        d.function(
            f"""
            @wp.func
            def pose_deviation(world: int, joint_pos: {grid}, default_pos: wp.array(dtype=float)) -> float:
                deviation = float(0.0)
                for dof in range(NUM_DOFS):
                    deviation += wp.abs(joint_pos[world, dof] - default_pos[dof])
                return deviation
            """
        )
    moving = gait != "none" or still
    d.launch(worlds)
    d.code(
        f"""
        world = wp.tid()
        pose = root_pose[world]
        pos = wp.transform_get_translation(pose)
        rot = wp.transform_get_rotation(pose)
        # Transform to the base frame, since commands are relative to the robot
        v_base = wp.quat_rotate_inv(rot, lin_vel[world])
        w_base = wp.quat_rotate_inv(rot, ang_vel[world])
        gravity = wp.quat_rotate_inv(rot, wp.vec3(0.0, 0.0, -1.0))
        cmd = commands[world]
        $moving
        # --- Command tracking ---
        err_x = cmd[0] - v_base[0]
        err_y = cmd[1] - v_base[1]
        err_yaw = cmd[2] - w_base[2]
        reward = config.track_lin * tracking_score(err_x * err_x + err_y * err_y, config.sigma)
        reward += config.track_yaw * tracking_score(err_yaw * err_yaw, config.sigma)
        # --- Posture ---
        reward += config.lin_vel_z * v_base[2] * v_base[2]
        reward += config.ang_vel_xy * (w_base[0] * w_base[0] + w_base[1] * w_base[1])
        # Projected gravity has no horizontal component when upright
        tilt = gravity[0] * gravity[0] + gravity[1] * gravity[1]
        reward += config.orientation * tilt
        height_err = {height} - config.target_height
        reward += config.height * height_err * height_err
        # --- {spent.capitalize()} and smoothness ---
        costs = joint_costs(world, torques, joint_vel, last_joint_vel, actions, last_actions, config.dt)
        reward += config.{spent} * costs[0] + config.joint_acc * costs[1] + config.action_rate * costs[2]
        $limit
        $stand
        $gaits
        $positive
        $ended
        rewards[world] = reward
        """,
        moving="is_commanded = wp.length(cmd) > min_command" if moving else "",
        limit="reward += config.joint_limit * limit_violation(world, joint_pos, joint_lower, joint_upper"
        + (", config.soft_limit)" if limits == "soft" else ")")
        if limits != "none"
        else "",
        stand="# Return to the default pose when no command is given\n"
        "if not is_commanded:\n    reward += config.stand_still * pose_deviation(world, joint_pos, default_pos)"
        if still
        else "",
        gaits=gaits,
        positive="# Clip, since negative rewards early in training encourage early termination\n"
        "reward = wp.max(reward, 0.0)"
        if positive
        else "",
        ended=ended,
    )
    terms = ["tracking", "posture", spent, "smoothness"]
    terms += ["joint limit"] * (limits != "none") + ["standstill"] * still + ["gait"] * (gait != "none")
    fall = " and a penalty for falls" if reset != "none" else ""
    clipped = ", clamped to be non-negative" + "," * (reset != "none") if positive else ""
    d.says(
        f"Computes legged locomotion rewards from {', '.join(terms[:-1])} and {terms[-1]} terms{clipped}{fall}."
    )
    d.explain(
        "Velocities are expressed in the base frame. Quaternions are stored as (x, y, z, w), z is up.\n"
        "Terms with negative weights are penalties."
    )

    def reference(v: Values) -> dict[str, Any]:
        s = {name: v[f"config.{name}"] for name in bounds}
        q = v.root_pose[:, 3:]
        vel, omega, g = (into_body(q, x) for x in (v.lin_vel, v.ang_vel, np.array([0.0, 0.0, -1.0])))
        cmd = v.commands
        moving = np.linalg.norm(cmd, axis=1) > v.get("min_command", 0.0)

        def score(e: Any) -> Any:
            return {
                "exponential": np.exp(-e / s["sigma"]),
                "rational": s["sigma"] / (s["sigma"] + e),
                "absolute": 1 - np.sqrt(e + 1e-6) / s["sigma"],
            }[kernel]

        r = s["track_lin"] * score(((cmd - vel)[:, :2] ** 2).sum(1))
        r = r + s["track_yaw"] * score((cmd - omega)[:, 2] ** 2)
        r = r + s["lin_vel_z"] * vel[:, 2] ** 2 + s["ang_vel_xy"] * (omega[:, :2] ** 2).sum(1)
        r = r + s["orientation"] * (1 - g[:, 2] ** 2)
        ground = v.ground_height if terrain == "heights" else 0.0
        r = r + s["height"] * (v.root_pose[:, 2] - ground - s["target_height"]) ** 2
        power = v.torques * v.joint_vel
        cost = {
            "torque": v.torques**2,
            "power": np.maximum(power, 0.0),
            "absolute power": np.abs(power),
        }[effort].sum(1)
        acc = (v.joint_vel - v.last_joint_vel) / s["dt"]
        rate = ((v.actions - v.last_actions) ** 2).sum(1)
        r = r + s[spent] * cost + s["joint_acc"] * (acc**2).sum(1) + s["action_rate"] * rate
        if limits != "none":
            low, high = v.joint_lower, v.joint_upper
            if limits == "soft":
                margin = 0.5 * (1 - s["soft_limit"]) * (high - low)
                low, high = low + margin, high - margin
                over_ = np.maximum(low - v.joint_pos, 0) + np.maximum(v.joint_pos - high, 0)
            else:
                over_ = ((v.joint_pos >= high) | (v.joint_pos <= low)).astype(float)
            r = r + s["joint_limit"] * over_.sum(1)
        if still:
            r = r + ~moving * s["stand_still"] * np.abs(v.joint_pos - v.default_pos).sum(1)
        found = {}
        if gait == "air time":
            landed = v.foot_contact & (v.air_time > 0) & moving[:, None]
            r = r + (s["gait"] * (v.air_time - 0.5) * landed).sum(1)
            found["next_air_time"] = np.where(v.foot_contact, 0.0, v.air_time + s["dt"])
        elif gait == "phase":
            stance = (v.clock[:, None] + 0.5 * (np.arange(feet) % 2)) % 1.0 < 0.5
            right = stance == v.foot_contact
            r = r + s["gait"] * moving * np.where(right, 1.0, -0.5).sum(1)
        if positive:
            r = np.maximum(r, 0.0)
        if reset != "none":
            r = r + s["termination"] * (v.terminated if reset == "mask" else v.end_reason > 0)
        return found | {"rewards": r}

    d.check(reference, 1e-3)
