"""Rewards of legged robots in parallel environments, as reinforcement learning needs them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.robotics import DOMAIN
from warpgen.synthesis.library import quaternions
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import Piece, piece

_SCALES = {
    "tracking_lin": fill(1.0, 2.0),
    "tracking_ang": fill(0.5, 1.0),
    "vertical": fill(-0.5, -0.2),
    "roll_pitch": fill(-0.05, -0.02),
    "tilt": fill(-0.5, -0.2),
    "torque": fill(-0.002, -0.001),
    "action_rate": fill(-0.02, -0.01),
    "air_time": fill(0.5, 1.0),
    "clearance": fill(-1.0, -0.5),
    "limits": fill(-0.2, -0.1),
}
_TOLD = {"tracking_lin": "linear velocity tracking", "tracking_ang": "yaw rate tracking"}
_TOLD |= {"vertical": "vertical velocity", "roll_pitch": "roll and pitch rate", "limits": "joint limit"}


def _scales(used: Sequence[str]) -> Piece:
    fields = "\n".join(f"    {name}: float" for name in used)
    return piece(f'''
@wp.struct
class RewardScales:
    """Reward term weights; penalties have negative weights."""

{fields}
''')


_TRACK = {
    "exponential": '''
@wp.func
def tracking_reward(error_sq: float, sigma: float) -> float:
    """Map a squared tracking error to (0, 1]."""
    return wp.exp(-error_sq / sigma)
''',
    "rational": '''
@wp.func
def tracking_reward(error_sq: float, sigma: float) -> float:
    """Map a squared tracking error to (0, 1] with a heavy-tailed kernel."""
    return 1.0 / (1.0 + error_sq / sigma)
''',
}


@DOMAIN.algorithm(
    source="Rudin et al. 2022 (legged_gym); Margolis & Agrawal 2022; Makoviychuk et al. 2021 (Isaac Gym)",
    names={
        "locomotion_rewards": "compute_rewards|compute_reward|evaluate_rewards|legged_rewards",
        "env": "world|env_id|world_id",
        "root_pose": "root_q",
        "root_twist": "root_vel",
        "command": "commands|velocity_command|target_velocity",
        "joint_torque": "torques|dof_force|tau",
        "last_action": "previous_action|prev_action",
        "foot_height": "feet_height|foot_z|toe_height",
        "air_time": "feet_air_time|swing_time|foot_air_time",
        "reward": "rewards|rew_buf|reward_buf",
        "terminated": "resets|reset_buf|done",
    },
    weight=3,
)
def locomotion_rewards(d: Draft) -> None:
    """Computes rewards and terminations of legged robots that follow velocity commands."""
    tracking = d.option("tracking", *_TRACK)
    height = d.option("height", "target", "none", "band")
    gait = d.option("gait", "air time", "none", "clearance")
    limits = d.flag("limits", 0.5)
    smooth = d.option("smoothness", "first", "second", "none")
    frame = d.option("frame", "body", "heading")
    ends = d.option("terminations", "tilt", "tilt and time", "none")
    positive = d.flag("positive", 0.5)
    masked = d.flag("masked", 0.3)
    given = d.option("weights", "struct", "values")
    envs, joints, feet = d.pick(24, 32, 48), d.pick(8, 12), 4
    if masked:
        d.mask("env_active", "bool", envs, about="False for environments waiting for reset")
    d.input("root_pose", "transform", envs, 0.1, 0.9, kind="transform", about="Base poses (z up)")
    d.input(
        "root_twist",
        "spatial_vector",
        envs,
        -1.0,
        1.0,
        about="World-space base velocity (linear, angular)",
    )
    d.input("command", "vec3", envs, -0.6, 0.6, about="Commanded forward, lateral and yaw velocities")
    d.input("joint_torque", "float", (envs, joints), -3.0, 3.0, about="Joint torques [N m]")
    if smooth != "none":
        d.input("action", "float", (envs, joints), -1.0, 1.0, about="Current actions")
        d.input("last_action", "float", (envs, joints), -1.0, 1.0, about="Previous actions")
    if smooth == "second":
        d.input("older_action", "float", (envs, joints), -1.0, 1.0, about="Actions two steps ago")
    if limits:
        d.input("joint_q", "float", (envs, joints), -1.2, 1.2, about="Joint positions [rad]")
        for side, low in (("lower", -1.3), ("upper", 0.8)):
            d.input(f"joint_{side}", "float", joints, low, low + 0.5, about=f"Soft {side} joint limits [rad]")
    if gait == "air time":
        d.input("air_time", "float", (envs, feet), 0.0, 0.8, about="Time since the last contact per foot [s]")
        about = "True for feet that made contact in this step"
        d.mask("first_contact", "bool", (envs, feet), rare=True, about=about)
    elif gait == "clearance":
        d.input("foot_height", "float", (envs, feet), 0.0, 0.2, about="Foot heights [m]")
        d.input("foot_speed", "float", (envs, feet), 0.0, 2.0, about="Horizontal foot speeds [m/s]")
        d.param("swing_height", "float", 0.08, 0.12, about="Target swing foot height [m]")
    if height == "band":
        d.module("HEIGHT_BAND = wp.constant(0.05)  # [m]")
    if height != "none":
        d.param("target_height", "float", 0.4, 0.6, about="Target base height [m]")
        d.param("scale_height", "float", -2.0, -1.0, about="Height penalty weight")
    if ends == "tilt and time":
        d.input("episode_step", "int", envs, 0, 120, about="Steps since the last reset")
        d.param("max_steps", "int", 100, about="Episode length in steps")
    d.param("sigma", "float", 0.3, 0.6, about="Tracking reward width")
    dot = "scales." if given == "struct" else "scale_"
    unused = {"action_rate"} if smooth == "none" else set()
    unused |= {"air_time", "clearance"} - {{"air time": "air_time"}.get(gait, gait)}
    unused |= set() if limits else {"limits"}
    used = [name for name in _SCALES if name not in unused]
    if given == "struct":
        fields = {name: _SCALES[name] for name in used}
        d.struct("scales", _scales(used), fields, about="Reward term weights")
    else:
        for name in used:
            low, high = _SCALES[name].low, _SCALES[name].high
            told = _TOLD.get(name, name.replace("_", " "))
            d.param(f"scale_{name}", "float", low, high, about=f"Weight of the {told} term")
    if gait != "none":
        d.module(f"FEET = wp.constant({feet})")
    if gait == "air time":
        d.module("MIN_AIR_TIME = wp.constant(0.3)  # [s]")
        d.module("STANDING_SPEED = wp.constant(0.2)  # no swing reward below this commanded speed [m/s]")
    penalized = ends != "none" and not positive  # what is clipped at zero hides it
    if penalized:
        d.module("FALL_PENALTY = wp.constant(2.0)")
    d.output("reward", "float", envs, about="Per-environment reward")
    if ends != "none":
        d.output("terminated", "int", envs, about="1 if the environment needs a reset")
    d.function(_TRACK[tracking])
    d.function('''
        @wp.func
        def sum_of_squares(env: int, values: wp.array2d(dtype=float)) -> float:
            """Return the sum of squares of a row."""
            total = float(0.0)
            for j in range(values.shape[1]):
                total += values[env, j] * values[env, j]
            return total
    ''')
    if smooth == "first":
        d.function('''
            @wp.func
            def action_change(
                env: int, action: wp.array2d(dtype=float), last_action: wp.array2d(dtype=float)
            ) -> float:
                """Return the sum of squared action changes."""
                total = float(0.0)
                for j in range(action.shape[1]):
                    change = action[env, j] - last_action[env, j]
                    total += change * change
                return total
        ''')
    elif smooth == "second":
        d.function('''
            @wp.func
            def action_change(
                env: int,
                action: wp.array2d(dtype=float),
                last_action: wp.array2d(dtype=float),
                older_action: wp.array2d(dtype=float),
            ) -> float:
                """Return the sum of squared second differences of the actions."""
                total = float(0.0)
                for j in range(action.shape[1]):
                    change = action[env, j] - 2.0 * last_action[env, j] + older_action[env, j]
                    total += change * change
                return total
        ''')
    if limits:
        d.function('''
            @wp.func
            def limit_violation(
                env: int,
                joint_q: wp.array2d(dtype=float),
                lower: wp.array(dtype=float),
                upper: wp.array(dtype=float),
            ) -> float:
                """Return the total violation of the soft joint limits."""
                total = float(0.0)
                for j in range(joint_q.shape[1]):
                    q = joint_q[env, j]
                    total += wp.max(lower[j] - q, 0.0) + wp.max(q - upper[j], 0.0)
                return total
        ''')
    velocity = {
        "body": """
        # Base velocities in the body frame
        lin_vel = wp.quat_rotate_inv(rot, wp.spatial_top(root_twist[env]))
        ang_vel = wp.quat_rotate_inv(rot, wp.spatial_bottom(root_twist[env]))
        """,
        "heading": """
        # Base velocities in the heading frame, i.e. without roll and pitch
        forward = wp.quat_rotate(rot, wp.vec3(1.0, 0.0, 0.0))
        heading = wp.atan2(forward[1], forward[0])
        yaw_rot = wp.quat_from_axis_angle(wp.vec3(0.0, 0.0, 1.0), heading)
        lin_vel = wp.quat_rotate_inv(yaw_rot, wp.spatial_top(root_twist[env]))
        ang_vel = wp.quat_rotate_inv(yaw_rot, wp.spatial_bottom(root_twist[env]))
        """,
    }
    heights = {
        "target": """
        # Base height
        height_error = wp.transform_get_translation(root_pose[env])[2] - target_height
        score += scale_height * height_error * height_error
        """,
        "band": """
        # Base height; no penalty within a tolerance band around the target
        base_height = wp.transform_get_translation(root_pose[env])[2]
        height_error = wp.max(wp.abs(base_height - target_height) - HEIGHT_BAND, 0.0)
        score += scale_height * height_error
        """,
        "none": "",
    }
    unrolled = {
        "air time": [
            "# Reward long swing times at touch-down, but only if the robot is commanded to move",
            "moving = wp.length(wp.vec2(cmd[0], cmd[1])) > STANDING_SPEED",
            "swing = float(0.0)",
            "for foot in range(FEET):",
            "    if first_contact[env, foot]:",
            "        swing += air_time[env, foot] - MIN_AIR_TIME",
            f"score += wp.where(moving, {dot}air_time * swing, 0.0)",
        ],
        "clearance": [
            "# Foot clearance: penalize fast feet away from the target height",
            "clearance_error = float(0.0)",
            "for foot in range(FEET):",
            "    lift_error = foot_height[env, foot] - swing_height",
            "    clearance_error += foot_speed[env, foot] * lift_error * lift_error",
            f"score += {dot}clearance * clearance_error",
        ],
        "none": [],
    }[gait]
    done = {
        "none": "",
        "tilt": """
        # Terminate environments where the robot fell over
        if up[2] < 0.0:
            terminated[env] = 1
            $penalty
        else:
            terminated[env] = 0
        """,
        "tilt and time": """
        # Terminate if the robot fell over or the episode is over
        if up[2] < 0.0:
            terminated[env] = 1
            $penalty
        elif episode_step[env] >= max_steps:
            terminated[env] = 1
        else:
            terminated[env] = 0
        """,
    }
    rate = {
        "first": "action_change(env, action, last_action)",
        "second": "action_change(env, action, last_action, older_action)",
        "none": "",
    }[smooth]
    d.launch(envs)
    d.code(
        """
        env = wp.tid()
        $skip
        rot = wp.transform_get_rotation(root_pose[env])
        cmd = command[env]
        $velocity
        # World up vector in the body frame, (0, 0, 1) for an upright base
        up = wp.quat_rotate_inv(rot, wp.vec3(0.0, 0.0, 1.0))
        # Velocity tracking
        error_x = cmd[0] - lin_vel[0]
        error_y = cmd[1] - lin_vel[1]
        error_yaw = cmd[2] - ang_vel[2]
        score = $track_lin * tracking_reward(error_x * error_x + error_y * error_y, sigma)
        score += $track_ang * tracking_reward(error_yaw * error_yaw, sigma)
        # Penalize bouncing, rolling and pitching of the base
        score += $vertical * lin_vel[2] * lin_vel[2]
        score += $roll_pitch * (ang_vel[0] * ang_vel[0] + ang_vel[1] * ang_vel[1])
        score += $tilt * (up[0] * up[0] + up[1] * up[1])
        $height
        $effort
        score += $torque * sum_of_squares(env, joint_torque)
        $rate
        $limits
        $gait
        $done
        $store
        """,
        skip="# Skip environments waiting for reset\nif not env_active[env]:\n    reward[env] = 0.0\n"
        + ("    terminated[env] = 0\n" if ends != "none" else "")
        + "    return"
        if masked
        else "",
        velocity=velocity[frame],
        track_lin=f"{dot}tracking_lin",
        track_ang=f"{dot}tracking_ang",
        vertical=f"{dot}vertical",
        roll_pitch=f"{dot}roll_pitch",
        tilt=f"{dot}tilt",
        torque=f"{dot}torque",
        height=heights[height],
        effort="# Effort and smoothness" if rate else "# Effort",
        rate=f"score += {dot}action_rate * {rate}" if rate else "",
        limits="# Penalize exceeding the soft joint limits\n"
        f"score += {dot}limits * limit_violation(env, joint_q, joint_lower, joint_upper)"
        if limits
        else "",
        gait="\n".join(unrolled),
        done=done[ends].replace("$penalty", "score -= FALL_PENALTY" if penalized else ""),
        store="# Clip at zero, otherwise early termination could beat long episodes of penalties\n"
        "reward[env] = wp.max(score, 0.0)"
        if positive
        else "reward[env] = score",
    )
    computed = "non-negative rewards" if positive else "rewards"
    computed += " and terminations" if ends != "none" else ""
    d.says(f"Computes {computed} for legged robots tracking velocity commands.")
    swings = ", foot swing times" if gait == "air time" else ""
    falls = " A base tilted beyond 90 degrees counts as fallen" if ends != "none" else ""
    falls += ", with a penalty of 2." if penalized else "." if falls else ""
    clip = " The total is clipped at zero." if positive else ""
    d.explain(
        f"The reward is a weighted sum of tracking terms in (0, 1]{swings} and penalties.\n"
        f"{falls}{clip} Commands are forward, lateral and yaw velocities of the base.".replace("\n ", "\n")
    )

    def reference(v: Values) -> dict[str, Any]:
        w = {name: v[f"{dot}{name}"] for name in _SCALES if f"{dot}{name}" in v}
        turn = quaternions.matrix(v.root_pose[:, 3:])
        up = turn[:, 2]
        frame_ = turn
        if frame == "heading":
            yaw = np.arctan2(turn[:, 1, 0], turn[:, 0, 0])
            c, s, o = np.cos(yaw), np.sin(yaw), np.zeros(envs)
            frame_ = np.moveaxis(np.array([[c, -s, o], [s, c, o], [o, o, o + 1.0]]), -1, 0)
        lin, ang = (np.einsum("nji,nj->ni", frame_, a) for a in (v.root_twist[:, :3], v.root_twist[:, 3:]))

        def track(e: Any) -> Any:
            return np.exp(-e / v.sigma) if tracking == "exponential" else v.sigma / (v.sigma + e)

        total = w["tracking_lin"] * track(((v.command[:, :2] - lin[:, :2]) ** 2).sum(1))
        total = total + w["tracking_ang"] * track((v.command[:, 2] - ang[:, 2]) ** 2)
        total += w["vertical"] * lin[:, 2] ** 2 + w["roll_pitch"] * (ang[:, :2] ** 2).sum(1)
        total += w["tilt"] * (up[:, :2] ** 2).sum(1) + w["torque"] * (v.joint_torque**2).sum(1)
        if height != "none":
            gap = np.abs(v.root_pose[:, 2] - v.target_height)
            total += v.scale_height * (gap**2 if height == "target" else np.maximum(gap - 0.05, 0.0))
        if smooth != "none":
            change = v.action - v.last_action
            if smooth == "second":
                change = change - (v.last_action - v.older_action)
            total += w["action_rate"] * (change**2).sum(1)
        if limits:
            out = v.joint_q - np.clip(v.joint_q, v.joint_lower, v.joint_upper)
            total += w["limits"] * np.abs(out).sum(1)
        if gait == "air time":
            swing = np.where(v.first_contact, v.air_time - 0.3, 0.0).sum(1)
            total += np.where(np.linalg.norm(v.command[:, :2], axis=1) > 0.2, w["air_time"] * swing, 0.0)
        elif gait == "clearance":
            total += w["clearance"] * (v.foot_speed * (v.foot_height - v.swing_height) ** 2).sum(1)
        fallen = up[:, 2] < 0.0
        over = fallen | (v.episode_step >= v.max_steps) if ends == "tilt and time" else fallen
        if penalized:
            total = total - 2.0 * fallen
        made = {"reward": np.maximum(total, 0.0) if positive else total}
        if ends != "none":
            made["terminated"] = over.astype(int)
        return {n: np.where(v.env_active, m, 0) for n, m in made.items()} if masked else made

    d.check(reference, 5e-4)
