"""Camera gimbals: the joint angles that keep a camera on its target while its carrier moves."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.robotics import DOMAIN
from warpgen.synthesis.library import quaternions
from warpgen.synthesis.writing.draft import Draft, Values

_LOOK = """
# Camera frame with x toward the target and y level; heading is arbitrary when looking straight up or down
to_target = target_pos[tid] - wp.transform_get_translation(carrier_pose[tid])
ahead = wp.normalize(to_target)
left = wp.cross(wp.vec3(0.0, 0.0, 1.0), ahead)
if wp.length(left) < 1.0e-3:
    left = wp.vec3(0.0, 1.0, 0.0)
left = wp.normalize(left)
up = wp.cross(ahead, left)
wanted = wp.quat_from_matrix(wp.matrix_from_cols(ahead, left, up))
"""


@DOMAIN.algorithm(
    source="Hilkert 2008 (inertially stabilized platforms); Diebel 2006 (Euler angles)",
    names={
        "stabilize_gimbals": "gimbal_control|point_cameras|gimbal_commands|aim_gimbals",
        "carrier_rate": "carrier_omega",
        "target_rot": "wanted_rot|look_rot|desired_rot",
        "target_pos": "look_at|point_of_interest",
        "wanted": "goal|desired",
        "command": "angle_command",
        "rate_command": "rate_setpoint",
        "torque": "tau|motor_torque",
        "max_rate": "slew_rate|rate_limit",
    },
    element="gimbal",
    weight=7,
)
def stabilize_gimbals(d: Draft) -> None:
    """Computes the commands of three-axis gimbals that keep cameras on their targets."""
    target = d.option("target", "rotation", "point", "heading")
    output = d.option("output", "angles", "torques", "rates")
    limits = d.flag("limits", 0.6)
    smooth = d.option("smoothing", "none", "slerp") if target == "rotation" else "none"
    dead = d.flag("dead band", 0.35)
    friction = d.flag("friction", 0.5) if output == "torques" else False
    feed = d.option("feedforward", "none", "gyro") if output != "angles" else "none"
    level = d.flag("level", 0.35) if target != "heading" else False
    mount = d.flag("mount", 0.4)
    count = d.pick(24, 32, 48)
    commands = {"angles": "angle commands", "torques": "motor torques", "rates": "rate commands"}[output]
    kind = "gimbals with the roll joint held at zero" if level else "three-axis gimbals"
    d.says(f"Computes {commands} for {kind} to keep cameras on target.")
    d.input("carrier_pose", "transform", count, -2.0, 2.0, kind="transform", about="Carrier poses, z up")
    if feed == "gyro":
        d.input(
            "carrier_rate",
            "vec3",
            count,
            -1.0,
            1.0,
            about="Carrier angular velocities in body axes [rad/s]",
        )
    d.input("gimbal_angle", "vec3", count, -0.8, 0.8, about="Joint angles (roll, pitch, yaw) [rad]")
    if output == "torques":
        d.input("gimbal_rate", "vec3", count, -1.0, 1.0, about="Joint rates [rad/s]")
    if target == "rotation":
        d.input("target_rot", "quat", count, kind="unit", about="World-space target camera orientations")
    elif target == "point":
        d.input("target_pos", "vec3", count, -8.0, 8.0, about="Look-at points [m]")
    else:
        d.input("target_heading", "vec2", count, -1.2, 1.2, about="Target heading and elevation [rad]")
    if smooth == "slerp":
        d.input("filtered_rot", "quat", count, kind="unit", about="Previous smoothed targets")
        d.param("smoothing", "float", 0.1, 0.9, about="Smoothing weight of the new target")
        d.output("filtered_out", "quat", count, about="Updated smoothed targets")
    if mount:
        d.param(
            "mount_rot", "quat", 0.0, 1.0, kind="unit", about="Gimbal mounting orientation on the carrier"
        )
    if limits:
        d.param("angle_lower", "vec3", -2.0, -1.0, about="Lower joint limits [rad]")
        d.param("angle_upper", "vec3", 1.0, 2.0, about="Upper joint limits [rad]")
    if dead:
        d.param("dead_band", "float", 0.01, 0.1, about="Dead band [rad]")
    if output == "torques":
        d.param("stiffness", "vec3", 2.0, 8.0, about="Proportional gains [N m/rad]")
        d.param("damping", "vec3", 0.1, 0.5, about="Derivative gains [N m s/rad]")
        d.param("max_torque", "float", 2.0, 6.0, about="Maximum motor torque [N m]")
        if friction:
            d.module("SLIP_RATE = wp.constant(0.05)  # [rad/s]")
            d.param("bearing_friction", "float", 0.02, 0.1, about="Bearing friction [N m]")
        d.output("torque", "vec3", count, about="Motor torques [N m]")
    else:
        d.param("gain", "float", 0.5, 2.0, about="Proportional gain [1/s]")
        d.param("max_rate", "float", 1.0, 3.0, about="Maximum joint rate [rad/s]")
        if output == "angles":
            d.param("dt", "float", 0.01, 0.05, about="Time step [s]")
            d.output("command", "vec3", count, about="Joint angle commands [rad]")
        else:
            d.output("rate_command", "vec3", count, about="Joint rate commands [rad/s]")
    d.function('''
        @wp.func
        def clamp_components(v: wp.vec3, lower: wp.vec3, upper: wp.vec3) -> wp.vec3:
            """Clamp each component of `v`."""
            return wp.max(wp.min(v, upper), lower)
    ''')
    d.function('''
        @wp.func
        def wrap_angle(angle: float) -> float:
            """Wrap an angle to [-pi, pi]."""
            return angle - wp.TAU * wp.floor((angle + wp.pi) / wp.TAU)
    ''')
    if dead:
        d.function('''
            @wp.func
            def apply_dead_band(error: float, width: float) -> float:
                """Shrink an error toward zero by `width`, without a jump at the edge of the dead band."""
                return wp.sign(error) * wp.max(wp.abs(error) - width, 0.0)
        ''')
    aim = {
        "rotation": "wanted = target_rot[tid]",
        "point": _LOOK,
        "heading": """
            # Heading about the vertical axis, then elevation; keeps the horizon level
            heading = wp.quat_from_axis_angle(wp.vec3(0.0, 0.0, 1.0), target_heading[tid][0])
            elevation = wp.quat_from_axis_angle(wp.vec3(0.0, 1.0, 0.0), -target_heading[tid][1])
            wanted = heading * elevation
        """,
    }
    mean = """
    # Smooth the target using quat_slerp(), which takes the shorter arc
    wanted = wp.quat_slerp(filtered_rot[tid], wanted, smoothing)
    filtered_out[tid] = wanted
    """
    flat = "# Hold the roll joint at zero, so the camera rolls with its carrier\nangles = wp.vec3(0.0, angles[1], angles[2])"
    flat_wrapped = flat.replace("angles[1], angles[2]", "wrap_angle(angles[1]), wrap_angle(angles[2])")
    roll, turns = "felt[0] + wp.tan(now[1]) * swing", "roll, pitch and yaw"
    if level:
        roll, turns = "0.0", "pitch and yaw"
    band = """
    error = wp.vec3(
        apply_dead_band(error[0], dead_band), apply_dead_band(error[1], dead_band), apply_dead_band(error[2], dead_band)
    )
    """
    shorter = """
    # --- Per-axis error, wrapped to the shorter rotation ---
    now = gimbal_angle[tid]
    error = wp.vec3(
        wrap_angle(angles[0] - now[0]), wrap_angle(angles[1] - now[1]), wrap_angle(angles[2] - now[2])
    )
    """
    cap = {"torques": "max_torque", "angles": "max_rate", "rates": "max_rate"}[output]
    act = {
        "torques": f"""
            rate = gimbal_rate[tid]
            $feed
            effort = wp.cw_mul(stiffness, error) - wp.cw_mul(damping, {"inertial_rate" if feed == "gyro" else "rate"})
            $friction
            torque[tid] = clamp_components(effort, -most, most)
        """,
        "rates": """
            rate = gain * error
            $feed
            rate_command[tid] = clamp_components(rate, -most, most)
        """,
        "angles": """
            # Limit the rate so that moving targets do not jerk the camera
            rate = clamp_components(gain * error, -most, most)
            command[tid] = now + dt * rate
        """,
    }
    d.parameters.sort(key=lambda p: p.role == "output")
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        # --- World-space target camera orientation ---
        $aim
        $mean
        # --- Joint angles ---
        base = wp.transform_get_rotation(carrier_pose[tid])$mount
        relative = wp.quat_inverse(base) * wanted
        # Yaw is the outermost joint and roll the innermost: R = Rz(yaw) Ry(pitch) Rx(roll)
        angles = wp.quat_to_euler(relative, 0, 1, 2)
        $principal
        $flat
        $limits
        $errors
        $band
        most = wp.vec3($cap, $cap, $cap)
        $act
        """,
        aim=aim[target],
        mean=mean if smooth == "slerp" else "",
        mount=" * mount_rot" if mount else "",
        # Without stops the differences are wrapped, which is enough
        principal="# Wrap, since Euler angles can be off by a full turn\n"
        "angles = wp.vec3(wrap_angle(angles[0]), wrap_angle(angles[1]), wrap_angle(angles[2]))"
        if limits and not level
        else "",
        flat=(flat_wrapped if limits else flat) if level else "",
        limits="# Clamp to the joint limits, because motors would stall at the mechanical stops\nangles = clamp_components(angles, angle_lower, angle_upper)"
        if limits
        else "",
        # Between stops there is one way only, which may be the longer one.
        errors="# --- Per-axis error ---\nnow = gimbal_angle[tid]\nerror = angles - now"
        if limits
        else shorter,
        band=band if dead else "",
        cap=cap,
        act=act[output],
        feed=f"""
        # Carrier rotation in camera axes and the corresponding {turns} rates
        joint_rot = wp.quat_from_euler(now, 0, 1, 2)
        base_rate = {"wp.quat_rotate_inv(mount_rot, carrier_rate[tid])" if mount else "carrier_rate[tid]"}
        felt = wp.quat_rotate_inv(joint_rot, base_rate)
        swing = wp.sin(now[0]) * felt[1] + wp.cos(now[0]) * felt[2]
        nod = wp.cos(now[0]) * felt[1] - wp.sin(now[0]) * felt[2]
        {"inertial_rate = rate +" if output == "torques" else "rate -="} wp.vec3({roll}, nod, swing / wp.cos(now[1]))
        """
        if feed == "gyro"
        else "",
        friction=f"""
        # Bearing friction compensation, smoothed around zero rate
        effort += bearing_friction * wp.vec3({", ".join(f"wp.tanh(rate[{k}] / SLIP_RATE)" for k in range(3))})
        """
        if friction
        else "",
    )
    more = " Bearing friction is compensated." if friction else ""
    if feed == "gyro":
        kinds = {
            "torques": "Damping acts on world-space rates",
            "rates": "Rate commands compensate for carrier rotation",
        }
        more += f" {kinds[output]}."
    d.explain(
        """
        The camera looks along its x axis. The angles are computed from the camera-to-carrier rotation as an Euler
        sequence roll, pitch, yaw about fixed axes, with a singularity at 90 degrees pitch.$more
    """.replace("$more", more)
    )

    def reference(v: Values) -> dict[str, Any]:
        made: dict[str, Any] = {}
        if target == "rotation":
            goal = v.target_rot
            if smooth == "slerp":
                goal = goal * np.where((goal * v.filtered_rot).sum(1) < 0.0, -1.0, 1.0)[:, None]
                angle = np.arccos(np.clip((goal * v.filtered_rot).sum(1), -1.0, 1.0))[:, None]
                goal = (
                    np.sin((1.0 - v.smoothing) * angle) * v.filtered_rot + np.sin(v.smoothing * angle) * goal
                ) / np.sin(angle)
                made["filtered_out"] = goal
            goal = quaternions.matrix(goal)
        elif target == "point":
            x = v.target_pos - v.carrier_pose[:, :3]
            x = x / np.linalg.norm(x, axis=1, keepdims=True)
            y = np.cross([0.0, 0.0, 1.0], x)
            y = y / np.linalg.norm(y, axis=1, keepdims=True)
            goal = np.stack([x, y, np.cross(x, y)], axis=2)
        else:
            z, e = v.target_heading.T
            goal = np.stack(
                [
                    np.stack([np.cos(z) * np.cos(e), np.sin(z) * np.cos(e), np.sin(e)], 1),
                    np.stack([-np.sin(z), np.cos(z), 0 * z], 1),
                    np.stack([-np.cos(z) * np.sin(e), -np.sin(z) * np.sin(e), np.cos(e)], 1),
                ],
                axis=2,
            )
        seat = quaternions.matrix(v.mount_rot) if mount else np.eye(3)
        base = quaternions.matrix(v.carrier_pose[:, 3:]) @ seat
        r = np.swapaxes(base, 1, 2) @ goal
        angles = np.stack(
            [
                np.arctan2(r[:, 2, 1], r[:, 2, 2]),
                -np.arcsin(np.clip(r[:, 2, 0], -1, 1)),
                np.arctan2(r[:, 1, 0], r[:, 0, 0]),
            ],
            axis=1,
        )
        if level:
            angles[:, 0] = 0.0
        if limits:
            angles = np.clip(angles, v.angle_lower, v.angle_upper)
        error = (angles - v.gimbal_angle + np.pi) % (2.0 * np.pi) - np.pi
        if dead:
            error = np.sign(error) * np.maximum(np.abs(error) - v.dead_band, 0.0)
        spin_: Any = 0.0
        if feed == "gyro":
            a = v.gimbal_angle
            axis = np.eye(3)
            joint = quaternions.product(
                quaternions.exponential(a[:, 2:] * axis[2]),
                quaternions.product(
                    quaternions.exponential(a[:, 1:2] * axis[1]), quaternions.exponential(a[:, :1] * axis[0])
                ),
            )
            p, q, r_ = np.einsum("kji,kj->ki", quaternions.matrix(joint), v.carrier_rate @ seat).T
            sine, cosine = np.sin(a[:, 0]), np.cos(a[:, 0])
            both = sine * q + cosine * r_
            spin_ = np.stack(
                [
                    0 * p if level else p + np.tan(a[:, 1]) * both,
                    cosine * q - sine * r_,
                    both / np.cos(a[:, 1]),
                ],
                axis=1,
            )
        if output == "torques":
            rate = v.gimbal_rate + spin_
            effort = v.stiffness * error - v.damping * rate
            if friction:
                effort = effort + v.bearing_friction * np.tanh(20.0 * v.gimbal_rate)
            return made | {"torque": np.clip(effort, -v.max_torque, v.max_torque)}
        if output == "rates":
            return made | {"rate_command": np.clip(v.gain * error - spin_, -v.max_rate, v.max_rate)}
        return made | {"command": v.gimbal_angle + v.dt * np.clip(v.gain * error, -v.max_rate, v.max_rate)}

    d.check(reference, 2e-3)
