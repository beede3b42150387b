"""Tracking control of multirotors on the rotation group, down to the speeds of the rotors."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.robotics import DOMAIN
from warpgen.synthesis.library import quaternions
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import piece

GAINS = piece(
    """
@wp.struct
class ControlGains:
    position: wp.vec3  # [N/m]
    velocity: wp.vec3  # [N s/m]
    rotation: wp.vec3  # [N m]
    rate: wp.vec3  # [N m s]
"""
)


@DOMAIN.algorithm(
    source="Lee, Leok & McClamroch 2010 (geometric tracking control on SE(3)); Mellinger & Kumar 2011",
    names={
        "control_multirotors": "geometric_control|lee_controller|track_trajectory|quadrotor_control",
        "drone_omega": "drone_rates",
        "rotor_speed": "motor_speed|rotor_omega",
        "rotor_thrust": "motor_thrust|rotor_forces",
        "throttle": "motor_throttle|throttle_cmd",
        "moment": "torque|tau",
        "thrust": "collective|f_total",
        "kf": "thrust_coeff|c_t|k_thrust",
    },
    element="drone",
    weight=7,
)
def control_multirotors(d: Draft) -> None:
    """Computes rotor commands of multirotors that track positions by geometric control on SE(3)."""
    gains = d.option("gains", "struct", "scalars")
    attitude = d.option("attitude", "matrix", "quaternion")
    feed = d.option("feedforward", "none", "acceleration")
    tilt = d.flag("tilt limit", 0.5)
    integral = d.flag("integral", 0.35)
    gyro = d.flag("gyroscopic", 0.6)
    frame = d.option("frame", "x", "plus", "wrench")
    output = d.option("output", "speed", "thrust", "normalized") if frame != "wrench" else "wrench"
    rates = d.flag("rates", 0.4)
    count = d.pick(16, 24, 32)
    commands = {"speed": "rotor speeds", "thrust": "rotor thrusts", "normalized": "throttles",
                "wrench": "thrusts and moments"}[output]  # fmt: skip
    d.says(f"Computes {commands} for multirotor position tracking using geometric control on SE(3).")
    if frame == "x":
        d.module("SQRT_HALF = wp.constant(0.70710678)")
    rotors = {"speed": "rotor_speed", "thrust": "rotor_thrust", "normalized": "throttle"}.get(output, "")
    d.input("drone_pos", "vec3", count, -0.8, 0.8, about="Positions, z up [m]")
    d.input("drone_vel", "vec3", count, -0.5, 0.5, about="Velocities [m/s]")
    d.input("drone_rot", "quat", count, kind="unit", about="Body-to-world orientations")
    d.input("drone_omega", "vec3", count, -1.0, 1.0, about="Body rates [rad/s]")
    d.input("target_pos", "vec3", count, -0.8, 0.8, about="Target positions [m]")
    d.input("target_vel", "vec3", count, -0.5, 0.5, about="Target velocities [m/s]")
    if feed == "acceleration":
        d.input("target_acc", "vec3", count, -2.0, 2.0, about="Feedforward accelerations [m/s^2]")
    d.input("target_yaw", "float", count, -3.1, 3.1, about="Target headings [rad]")
    if rates:
        d.input("target_omega", "vec3", count, -0.5, 0.5, about="Target body rates [rad/s]")
    d.param("mass", "float", 0.8, 1.5, about="Mass [kg]")
    if gyro:
        d.param("inertia", "vec3", 0.015, 0.03, about="Principal moments of inertia [kg m^2]")
    d.param("gravity", "float", 9.7, 9.9, about="Gravity [m/s^2]")
    if gains == "struct":
        d.struct(
            "gains",
            GAINS,
            {
                "position": fill(3.0, 6.0),
                "velocity": fill(1.0, 3.0),
                "rotation": fill(0.1, 0.3),
                "rate": fill(0.03, 0.08),
            },
            about="Feedback gains",
        )
        kp, kv, kr, kw = (f"gains.{n}" for n in ("position", "velocity", "rotation", "rate"))
    else:
        d.param("k_pos", "float", 3.0, 6.0, about="Position gain [N/m]")
        d.param("k_vel", "float", 1.0, 3.0, about="Velocity gain [N s/m]")
        d.param("k_rot", "float", 0.1, 0.3, about="Attitude gain [N m]")
        d.param("k_omega", "float", 0.03, 0.08, about="Rate gain [N m s]")
        kp, kv, kr, kw = "k_pos", "k_vel", "k_rot", "k_omega"
    if tilt:
        d.param("max_tilt", "float", 0.2, 0.6, about="Maximum thrust tilt angle [rad]")
    if integral:
        d.input("error_sum", "vec3", count, -0.5, 0.5, about="Position error integral [m s]")
        d.param("k_int", "float", 0.2, 0.6, about="Integral gain [N/(m s)]")
        d.param("sum_limit", "float", 0.3, 0.6, about="Anti-windup limit of the integral [m s]")
        d.param("dt", "float", 0.005, 0.02, about="Control period [s]")
        d.output("error_sum_out", "vec3", count, about="Updated position error integral [m s]")
    if frame != "wrench":
        d.param("arm", "float", 0.15, 0.25, about="Arm length [m]")
        d.param("drag_ratio", "float", 0.015, 0.03, about="Rotor torque-to-thrust ratio [m]")
        d.param("max_thrust", "float", 4.0, 8.0, about="Maximum rotor thrust [N]")
        if output == "speed":
            d.param(
                "kf",
                "float",
                1.0e-5,
                2.0e-5,
                about="Thrust coefficient (thrust per squared rotor speed) [N s^2]",
            )
        about = {
            "speed": "Rotor speeds [rad/s]",
            "thrust": "Rotor thrusts [N]",
            "normalized": "Rotor thrusts normalized by the maximum thrust",
        }
        d.output(rotors, "vec4", count, about=about[output])
    else:
        d.output("thrust_out", "float", count, about="Collective thrust [N]")
        d.output("moment_out", "vec3", count, about="Body moments [N m]")

    def times(gain: str, error: str) -> str:
        return f"wp.cw_mul({gain}, {error})" if gains == "struct" else f"{gain} * {error}"

    windup = """
    # Integral action compensates for wind and mass errors; clamp it to avoid windup
    total = error_sum[tid] + dt * error_pos
    total = wp.vec3(
        wp.clamp(total[0], -sum_limit, sum_limit),
        wp.clamp(total[1], -sum_limit, sum_limit),
        wp.clamp(total[2], -sum_limit, sum_limit),
    )
    error_sum_out[tid] = total
    force -= k_int * total
    """
    cone = """
    # Keep a minimum lift and shorten the horizontal part to stay within the tilt limit
    lift = wp.max(force[2], 0.1 * mass * gravity)
    side = wp.sqrt(force[0] * force[0] + force[1] * force[1])
    side_max = lift * wp.tan(max_tilt)
    shrink = wp.min(side_max / wp.max(side, 1.0e-6), 1.0)
    force = wp.vec3(force[0] * shrink, force[1] * shrink, lift)
    """
    error = {
        "matrix": """
            # e_R = 1/2 (Rd^T R - R^T Rd)^v
            skewed = wp.transpose(rot_des) * rot - wp.transpose(rot) * rot_des
            error_rot = 0.5 * wp.vec3(skewed[2, 1], skewed[0, 2], skewed[1, 0])
        """,
        "quaternion": """
            # Vector part of the error quaternion, taking the shorter rotation
            q_err = wp.quat_inverse(wp.quat_from_matrix(rot_des)) * drone_rot[tid]
            error_rot = 2.0 * wp.vec3(q_err[0], q_err[1], q_err[2])
            if q_err[3] < 0.0:
                error_rot = -error_rot
        """,
    }
    mix = {
        "x": """
            # X configuration: front left, front right, rear right, rear left; neighbors spin in opposite directions
            reach = arm * SQRT_HALF
            roll_part = moment[0] / (4.0 * reach)
            pitch_part = moment[1] / (4.0 * reach)
            yaw_part = moment[2] / (4.0 * drag_ratio)
            base = 0.25 * thrust
            f0 = base + roll_part - pitch_part - yaw_part
            f1 = base - roll_part - pitch_part + yaw_part
            f2 = base - roll_part + pitch_part - yaw_part
            f3 = base + roll_part + pitch_part + yaw_part
        """,
        "plus": """
            # Plus configuration: front, left, rear, right; neighbors spin in opposite directions
            roll_part = moment[0] / (2.0 * arm)
            pitch_part = moment[1] / (2.0 * arm)
            yaw_part = moment[2] / (4.0 * drag_ratio)
            base = 0.25 * thrust
            f0 = base - pitch_part - yaw_part
            f1 = base + roll_part + yaw_part
            f2 = base + pitch_part - yaw_part
            f3 = base - roll_part + yaw_part
        """,
        "wrench": "thrust_out[tid] = thrust\nmoment_out[tid] = moment",
    }
    clamp = """
    # Rotors cannot produce negative thrust
    f0 = wp.clamp(f0, 0.0, max_thrust)
    f1 = wp.clamp(f1, 0.0, max_thrust)
    f2 = wp.clamp(f2, 0.0, max_thrust)
    f3 = wp.clamp(f3, 0.0, max_thrust)
    """
    final = {
        "speed": "# T = kf w^2\nrotor_speed[tid] = wp.vec4(\n    wp.sqrt(f0 / kf), wp.sqrt(f1 / kf), wp.sqrt(f2 / kf), wp.sqrt(f3 / kf)\n)",
        "thrust": "rotor_thrust[tid] = wp.vec4(f0, f1, f2, f3)",
        "normalized": "throttle[tid] = wp.vec4(f0, f1, f2, f3) / max_thrust",
        "wrench": "",
    }
    if output == "speed":
        clamp = clamp.replace("0.0, max_thrust", "1.0e-4, max_thrust")
        clamp = clamp.replace(
            "# Rotors push one way only",
            "# Rotors push one way only; idle keeps the root below differentiable",
        )
    d.parameters.sort(key=lambda p: p.role == "output")
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        rot = wp.quat_to_matrix(drone_rot[tid])
        omega = drone_omega[tid]
        # --- Outer loop: position tracking force ---
        error_pos = drone_pos[tid] - target_pos[tid]
        error_vel = drone_vel[tid] - target_vel[tid]
        force = wp.vec3(0.0, 0.0, mass * gravity) - $kp - $kv
        $feed
        $integral
        $tilt
        # Project the force onto the body z axis, because rotors can only thrust along it
        axis_z = wp.vec3(rot[0, 2], rot[1, 2], rot[2, 2])
        thrust = wp.max(wp.dot(force, axis_z), 0.0)
        # --- Target attitude: align thrust with the force at the commanded heading ---
        b3 = wp.normalize(force)
        heading = wp.vec3(wp.cos(target_yaw[tid]), wp.sin(target_yaw[tid]), 0.0)
        b2 = wp.normalize(wp.cross(b3, heading))
        b1 = wp.cross(b2, b3)
        rot_des = wp.matrix_from_cols(b1, b2, b3)
        # --- Inner loop: attitude tracking moment ---
        $error
        $rates
        moment = -($kr) - $kw
        $gyro
        # --- Rotors ---
        $mix
        $clamp
        $final
        """,
        kp=times(kp, "error_pos"),
        kv=times(kv, "error_vel"),
        feed="force += mass * target_acc[tid]" if feed == "acceleration" else "",
        integral=windup if integral else "",
        tilt=cone if tilt else "",
        error=error[attitude],
        rates="# Express the target rates in the current body frame\nerror_omega = omega - wp.transpose(rot) * (rot_des * target_omega[tid])"
        if rates
        else "",
        kr=times(kr, "error_rot"),
        kw=times(kw, "error_omega" if rates else "omega"),
        gyro="# Cancel the gyroscopic torque to avoid coupling between axes in fast turns\nmoment += wp.cross(omega, wp.cw_mul(inertia, omega))"
        if gyro
        else "",
        mix=mix[frame],
        clamp=clamp if frame != "wrench" else "",
        final=final[output],
    )
    if gains == "scalars":
        d.text = d.text.replace("-(k_rot * error_rot)", "-k_rot * error_rot")
    else:
        d.text = d.text.replace(
            "-(wp.cw_mul(gains.rotation, error_rot))", "-wp.cw_mul(gains.rotation, error_rot)"
        )
    if frame == "wrench":
        d.text = d.text.replace("# --- Rotors ---\n", "")
    force = (
        "-kp ep - kv ev + m g e3"
        + (" + m a" if feed != "none" else "")
        + (" - ki sum(ep)" if integral else "")
    )
    cone_ = ", limited in tilt and to at least a tenth of the weight," if tilt else ""
    d.explain(f"""
        The force {force}{cone_} sets the thrust and the attitude Rd; the
        moment -kR eR - kw {"ew" if rates else "w"}{" + w x J w" if gyro else ""} rotates the body toward Rd. It has no singularity for attitude errors
        below 180 degrees.{" Rotor thrusts are clamped." if frame != "wrench" else ""}
    """)

    def reference(v: Values) -> dict[str, Any]:
        g = (
            [v["gains." + n] for n in ("position", "velocity", "rotation", "rate")]
            if gains == "struct"
            else [v.k_pos, v.k_vel, v.k_rot, v.k_omega]
        )
        made: dict[str, Any] = {}
        rot = quaternions.matrix(v.drone_rot)
        off = v.drone_pos - v.target_pos
        force = -g[0] * off - g[1] * (v.drone_vel - v.target_vel)
        force[:, 2] += v.mass * v.gravity
        if feed == "acceleration":
            force += v.mass * v.target_acc
        if integral:
            made["error_sum_out"] = np.clip(v.error_sum + v.dt * off, -v.sum_limit, v.sum_limit)
            force -= v.k_int * made["error_sum_out"]
        if tilt:
            up = np.maximum(force[:, 2], 0.1 * v.mass * v.gravity)
            side, most = np.hypot(force[:, 0], force[:, 1]), up * np.tan(v.max_tilt)
            part = np.where(side > most, most / side, 1.0)
            force = np.stack([force[:, 0] * part, force[:, 1] * part, up], axis=1)
        thrust = np.maximum((force * rot[:, :, 2]).sum(1), 0.0)
        b3 = force / np.linalg.norm(force, axis=1, keepdims=True)
        ahead = np.stack([np.cos(v.target_yaw), np.sin(v.target_yaw), 0.0 * v.target_yaw], axis=1)
        b2 = np.cross(b3, ahead)
        b2 /= np.linalg.norm(b2, axis=1, keepdims=True)
        wanted = np.stack([np.cross(b2, b3), b2, b3], axis=2)
        between = np.swapaxes(wanted, 1, 2) @ rot
        part = between - np.swapaxes(between, 1, 2)
        axis = 0.5 * np.stack([part[:, 2, 1], part[:, 0, 2], part[:, 1, 0]], axis=1)
        if attitude == "quaternion":  # axis is u sin(angle); 2 u sin(angle / 2) is wanted
            angle = np.arccos(np.clip(0.5 * (np.trace(between, axis1=1, axis2=2) - 1.0), -1.0, 1.0))
            axis = axis / np.cos(0.5 * angle)[:, None]
        w = v.drone_omega
        if rates:
            w = w - np.einsum("kij,kj->ki", np.swapaxes(rot, 1, 2) @ wanted, v.target_omega)
        moment = -g[2] * axis - g[3] * w
        if gyro:
            moment += np.cross(v.drone_omega, v.inertia * v.drone_omega)
        if frame == "wrench":
            return made | {"thrust_out": thrust, "moment_out": moment}
        # Thrusts that give the wrench: rows of positions and spins of the rotors
        side = v.arm * np.sqrt(0.5)
        x = np.array([side, side, -side, -side] if frame == "x" else [v.arm, 0, -v.arm, 0])
        y = np.array([side, -side, -side, side] if frame == "x" else [0, v.arm, 0, -v.arm])
        spin = np.array([-1.0, 1.0, -1.0, 1.0]) * v.drag_ratio
        thrusts = np.linalg.solve(np.stack([np.ones(4), y, -x, spin]), np.column_stack([thrust, moment]).T).T
        thrusts = np.clip(thrusts, 1e-4 if output == "speed" else 0.0, v.max_thrust)
        scaled = {"thrust": lambda: thrusts, "normalized": lambda: thrusts / v.max_thrust}
        return made | {rotors: scaled.get(output, lambda: np.sqrt(thrusts / v.kf))()}

    d.check(reference, 2e-3)
