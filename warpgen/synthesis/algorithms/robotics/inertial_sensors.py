"""Inertial sensors on moving bodies, with the errors that data sheets list."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.robotics import DOMAIN
from warpgen.synthesis.library import quaternions
from warpgen.synthesis.writing.draft import Draft, Values

_NOISE = {
    "none": "",
    "white": """
        # White noise: convert the density (units per root hertz) to a per-sample deviation
        accel += accel_density / wp.sqrt(dt) * accel_noise[tid]
        gyro += gyro_density / wp.sqrt(dt) * gyro_noise[tid]
    """,
    "white and walk": """
        # White noise: convert the density (units per root hertz) to a per-sample deviation
        accel += accel_density / wp.sqrt(dt) * accel_noise[tid]
        gyro += gyro_density / wp.sqrt(dt) * gyro_noise[tid]
        # Bias drift modeled as a random walk
        bias_accel = accel_bias[tid] + accel_walk * wp.sqrt(dt) * accel_drift[tid]
        bias_gyro = gyro_bias[tid] + gyro_walk * wp.sqrt(dt) * gyro_drift[tid]
        accel_bias_out[tid] = bias_accel
        gyro_bias_out[tid] = bias_gyro
        accel += bias_accel
        gyro += bias_gyro
    """,
}


@DOMAIN.algorithm(
    source="Titterton & Weston 2004, ch. 7-8; IEEE Std 952-1997 (noise model); newton, sensors/sensor_imu.py",
    names={
        "read_imus": "imu_readings|compute_imu|simulate_imu|sensor_imu",
        "sensor_body": "sensor_parent",
        "sensor_frame": "sensor_pose",
        "body_pose": "body_transform",
        "body_acc": "body_acceleration",
        "body_twist_change": "body_delta_v",
    },
    element="sensor",
    weight=6,
)
def read_imus(d: Draft) -> None:
    """Computes accelerometer and gyroscope readings of inertial sensors on moving bodies."""
    source = d.option("acceleration", "given", "difference")
    noise = d.option("noise", *_NOISE)
    errors = d.option("errors", "none", "scale", "matrix")
    limited = d.flag("saturation", 0.5)
    digital = d.option("quantization", "none", "round", "counts", weights=(0.5, 0.25, 0.25))
    lowpass = d.flag("filter", 0.4)
    world = d.flag("world body", 0.4) and noise == "none"
    lowpass = lowpass and not world
    sense = d.flag("g sensitivity", 0.3)
    com = d.flag("com", 0.5)
    order = d.option("order", "linear first", "angular first")
    faulty = noise != "none" or errors != "none" or limited or digital != "none" or lowpass or sense
    what = "accelerometer and gyroscope readings of IMUs mounted on moving bodies"
    d.says(f"Computes {what}{', including sensor errors' if faulty else ''}.")
    count, bodies = d.pick(16, 24, 32), d.pick(8, 12)
    d.input(
        "sensor_body",
        "int",
        count,
        -1 if world else 0,
        bodies,
        about="Body index per sensor" + (", -1 for the world" if world else ""),
    )
    d.input("sensor_frame", "transform", count, -0.3, 0.3, kind="transform", about="Body-space sensor frames")
    d.input(
        "body_pose",
        "transform",
        bodies,
        -2.0,
        2.0,
        kind="transform",
        about="World-space body poses" + ("" if com else ", at the centers of mass"),
    )
    d.input("body_twist", "spatial_vector", bodies, -3.0, 3.0, about=f"Center-of-mass velocities, {order}")
    if com:
        d.input("body_com", "vec3", bodies, -0.1, 0.1, about="Body-space centers of mass [m]")
    if source == "given":
        d.input("body_acc", "spatial_vector", bodies, -10.0, 10.0, about=f"Accelerations, {order}")
    else:
        about = f"Velocity changes since the previous sample, {order}"
        d.input("body_twist_change", "spatial_vector", bodies, -0.1, 0.1, about=about)
    d.param("gravity", "float", 9.7, 9.9, about="Gravity along -z [m/s^2]")
    if source == "difference" or noise != "none" or lowpass:
        d.param("dt", "float", 0.005, 0.02, about="Sample period [s]")
    if noise != "none":
        d.input("accel_noise", "vec3", count, kind="normal", about="Standard normal samples")
        d.input("gyro_noise", "vec3", count, kind="normal", about="Standard normal samples")
        d.param("accel_density", "float", 0.01, 0.04, about="Noise density [m/s^2/sqrt(Hz)]")
        d.param("gyro_density", "float", 0.001, 0.005, about="Noise density [rad/s/sqrt(Hz)]")
    if noise == "white and walk":
        d.input("accel_drift", "vec3", count, kind="normal", about="Standard normal samples")
        d.input("gyro_drift", "vec3", count, kind="normal", about="Standard normal samples")
        d.input("accel_bias", "vec3", count, -0.3, 0.3, about="Accelerometer biases [m/s^2]")
        d.input("gyro_bias", "vec3", count, -0.1, 0.1, about="Gyroscope biases [rad/s]")
        d.param("accel_walk", "float", 0.01, 0.05, about="Accelerometer bias random walk [m/s^2/sqrt(s)]")
        d.param("gyro_walk", "float", 0.005, 0.02, about="Gyroscope bias random walk [rad/s/sqrt(s)]")
    if errors == "scale":
        d.input("accel_scale", "vec3", count, 0.97, 1.03, about="Accelerometer scale factors")
        d.input("gyro_scale", "vec3", count, 0.97, 1.03, about="Gyroscope scale factors")
    elif errors == "matrix":
        d.input(
            "accel_matrix",
            "mat33",
            count,
            0.9,
            1.1,
            kind="spd",
            about="Accelerometer scale and misalignment matrices",
        )
        d.input(
            "gyro_matrix",
            "mat33",
            count,
            0.9,
            1.1,
            kind="spd",
            about="Gyroscope scale and misalignment matrices",
        )
    if sense:
        d.param("g_sensitivity", "float", 0.001, 0.01, about="Gyroscope g-sensitivity [rad/s per m/s^2]")
    if limited:
        d.param("accel_range", "float", 15.0, 30.0, about="Accelerometer full-scale range [m/s^2]")
        d.param("gyro_range", "float", 2.0, 4.0, about="Gyroscope full-scale range [rad/s]")
    if digital != "none":
        d.param("accel_step", "float", 0.01, 0.05, about="Accelerometer resolution [m/s^2]")
        d.param("gyro_step", "float", 0.002, 0.01, about="Gyroscope resolution [rad/s]")
    if lowpass:
        d.input("accel_state", "vec3", count, -10.0, 10.0, about="Accelerometer filter states [m/s^2]")
        d.input("gyro_state", "vec3", count, -2.0, 2.0, about="Gyroscope filter states [rad/s]")
        d.param("cutoff", "float", 10.0, 40.0, about="Low-pass filter bandwidth [Hz]")
    if noise == "white and walk":
        d.output("accel_bias_out", "vec3", count, about="Updated accelerometer biases [m/s^2]")
        d.output("gyro_bias_out", "vec3", count, about="Updated gyroscope biases [rad/s]")
    if lowpass:
        d.output("accel_state_out", "vec3", count, about="Updated accelerometer filter states [m/s^2]")
        d.output("gyro_state_out", "vec3", count, about="Updated gyroscope filter states [rad/s]")
    kind = "vec3i" if digital == "counts" else "vec3"
    d.output(
        "accel_out",
        kind,
        count,
        about="Accelerometer readings" + (" [counts]" if digital == "counts" else " [m/s^2]"),
    )
    d.output(
        "gyro_out",
        kind,
        count,
        about="Gyroscope readings" + (" [counts]" if digital == "counts" else " [rad/s]"),
    )
    lin, ang = ("top", "bottom") if order == "linear first" else ("bottom", "top")
    motion = {
        "given": f"acc_com = wp.spatial_{lin}(body_acc[body])\nalpha = wp.spatial_{ang}(body_acc[body])",
        "difference": f"""
            # Backward velocity differences
            acc_com = wp.spatial_{lin}(body_twist_change[body]) / dt
            alpha = wp.spatial_{ang}(body_twist_change[body]) / dt
        """,
    }
    still = """
    # World-fixed sensors only measure gravity and do not rotate
    if body < 0:
        $rest
        return
    """
    rest = "wp.quat_rotate_inv(wp.transform_get_rotation(sensor_frame[tid]), wp.vec3(0.0, 0.0, gravity))"
    store = "accel_out[tid] = accel\ngyro_out[tid] = gyro"
    if digital == "counts":
        store = (
            "accel_out[tid] = wp.vec3i(\n    int(wp.round(accel[0] / accel_step)), int(wp.round(accel[1] / accel_step)), int(wp.round(accel[2] / accel_step))\n)\n"
            "gyro_out[tid] = wp.vec3i(\n    int(wp.round(gyro[0] / gyro_step)), int(wp.round(gyro[1] / gyro_step)), int(wp.round(gyro[2] / gyro_step))\n)"
        )
    elif digital == "round":
        d.function('''
            @wp.func
            def quantize(v: wp.vec3, step: float) -> wp.vec3:
                """Round each component to a multiple of `step`."""
                return step * wp.vec3(wp.round(v[0] / step), wp.round(v[1] / step), wp.round(v[2] / step))
        ''')
        store = "accel_out[tid] = quantize(accel, accel_step)\ngyro_out[tid] = quantize(gyro, gyro_step)"
    if limited:
        d.function('''
            @wp.func
            def saturate(v: wp.vec3, limit: float) -> wp.vec3:
                """Clamp each component to the full-scale range."""
                return wp.vec3(
                    wp.clamp(v[0], -limit, limit), wp.clamp(v[1], -limit, limit), wp.clamp(v[2], -limit, limit)
                )
        ''')
    rest_store = (
        f"accel_out[tid] = {rest}"
        if digital == "none"
        else f"accel = {rest}\n" + store.split("\ngyro_out")[0]
    )
    rest_store += f"\ngyro_out[tid] = wp.{kind}({'0, 0, 0' if digital == 'counts' else '0.0, 0.0, 0.0'})"
    bent = {
        "none": "",
        "scale": "accel = wp.cw_mul(accel_scale[tid], accel)\ngyro = wp.cw_mul(gyro_scale[tid], gyro)",
        "matrix": "# Apply scale factors and axis misalignment\naccel = accel_matrix[tid] * accel\ngyro = gyro_matrix[tid] * gyro",
    }
    smooth = """
    # Exact discretization of the low-pass filter, stable for any sample period
    blend = 1.0 - wp.exp(-wp.TAU * cutoff * dt)
    accel = accel_state[tid] + blend * (accel - accel_state[tid])
    gyro = gyro_state[tid] + blend * (gyro - gyro_state[tid])
    accel_state_out[tid] = accel
    gyro_state_out[tid] = gyro
    """
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        body = sensor_body[tid]
        $still
        # --- Body motion ---
        pose = body_pose[body]
        rot_body = wp.transform_get_rotation(pose)
        omega = wp.spatial_$ang(body_twist[body])
        $motion
        # --- Sensor motion ---
        frame = sensor_frame[tid]
        arm = wp.quat_rotate(rot_body, wp.transform_get_translation(frame)$com)
        # Lever arm to the center of mass adds Euler and centripetal terms
        acc_point = acc_com + wp.cross(alpha, arm) + wp.cross(omega, wp.cross(omega, arm))
        # Subtract gravity, because accelerometers measure specific force (+g upward at rest)
        rot_sensor = rot_body * wp.transform_get_rotation(frame)
        accel = wp.quat_rotate_inv(rot_sensor, acc_point + wp.vec3(0.0, 0.0, gravity))
        gyro = wp.quat_rotate_inv(rot_sensor, omega)
        # --- Sensor errors ---
        $bent
        $sense
        $noise
        $smooth
        $limit
        $store
        """,
        still=still if world else "",
        rest=rest_store,
        ang=ang,
        motion=motion[source],
        com=" - body_com[body]" if com else "",
        bent=bent[errors],
        sense="# G-sensitivity: proof masses bend under acceleration, which biases the rate\ngyro += g_sensitivity * accel"
        if sense
        else "",
        noise=_NOISE[noise],
        smooth=smooth if lowpass else "",
        limit="accel = saturate(accel, accel_range)\ngyro = saturate(gyro, gyro_range)" if limited else "",
        store=store,
    )
    ideal = f" World-fixed sensors are error-free{' except for rounding' * (digital != 'none')}."
    d.explain(
        """
        The accelerometer measures R^T (a + dw/dt x r + w x (w x r) - g) at the lever arm r from the
        center of mass, the gyroscope measures R^T w, both in the sensor frame.$still
    """.replace("$still", ideal if world and (errors != "none" or sense or limited) else "")
    )

    def reference(v: Values) -> dict[str, Any]:
        first, second = (slice(0, 3), slice(3, 6)) if order == "linear first" else (slice(3, 6), slice(0, 3))
        out: dict[str, Any] = {"accel_out": np.zeros((count, 3)), "gyro_out": np.zeros((count, 3))}
        if noise == "white and walk":
            out |= {"accel_bias_out": np.zeros((count, 3)), "gyro_bias_out": np.zeros((count, 3))}
        if lowpass:
            out |= {"accel_state_out": np.zeros((count, 3)), "gyro_state_out": np.zeros((count, 3))}
        up = np.array([0.0, 0.0, v.gravity])
        for k in range(count):
            b = int(v.sensor_body[k])
            seat = quaternions.matrix(v.sensor_frame[k, 3:])
            if b < 0:
                a, w = seat.T @ up, np.zeros(3)
            else:
                own = quaternions.matrix(v.body_pose[b, 3:])
                twist = v.body_twist[b]
                change = v.body_acc[b] if source == "given" else v.body_twist_change[b] / v.dt
                r = own @ (v.sensor_frame[k, :3] - (v.body_com[b] if com else 0.0))
                w = twist[second]
                a = change[first] + np.cross(change[second], r) + np.cross(w, np.cross(w, r))
                a, w = (own @ seat).T @ (a + up), (own @ seat).T @ w
                if errors == "scale":
                    a, w = v.accel_scale[k] * a, v.gyro_scale[k] * w
                elif errors == "matrix":
                    a, w = v.accel_matrix[k] @ a, v.gyro_matrix[k] @ w
                if sense:
                    w = w + v.g_sensitivity * a
                if noise != "none":
                    a = a + v.accel_density / np.sqrt(v.dt) * v.accel_noise[k]
                    w = w + v.gyro_density / np.sqrt(v.dt) * v.gyro_noise[k]
                if noise == "white and walk":
                    more = v.accel_bias[k] + v.accel_walk * np.sqrt(v.dt) * v.accel_drift[k]
                    turn = v.gyro_bias[k] + v.gyro_walk * np.sqrt(v.dt) * v.gyro_drift[k]
                    out["accel_bias_out"][k], out["gyro_bias_out"][k] = more, turn
                    a, w = a + more, w + turn
                if lowpass:
                    blend = 1.0 - np.exp(-2.0 * np.pi * v.cutoff * v.dt)
                    a = v.accel_state[k] + blend * (a - v.accel_state[k])
                    w = v.gyro_state[k] + blend * (w - v.gyro_state[k])
                    out["accel_state_out"][k], out["gyro_state_out"][k] = a, w
                if limited:
                    a, w = np.clip(a, -v.accel_range, v.accel_range), np.clip(w, -v.gyro_range, v.gyro_range)
            out["accel_out"][k], out["gyro_out"][k] = a, w
        return out

    if digital == "none":
        d.check(reference, 1e-3)
        return

    def near(before: Values, after: Values) -> None:
        wanted = reference(before)
        for name, exact in wanted.items():
            step = {"accel_out": "accel_step", "gyro_out": "gyro_step"}.get(name)
            got, unit = np.asarray(after[name], float), 1.0
            if step:
                unit = 1.02 * before[step]
                got = got * before[step] if digital == "counts" else got
            assert (np.abs(got - exact) <= (0.5 * unit + 1e-3 if step else 1e-3)).all(), name

    d.holds(near)
