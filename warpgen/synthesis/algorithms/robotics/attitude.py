"""Attitude out of gyroscopes, accelerometers and magnetometers."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.robotics import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.trim import trim


@DOMAIN.algorithm(
    source="Madgwick, Harrison & Vaidyanathan 2011; Mahony, Hamel & Pflimlin 2008",
    names={
        "fuse_imu": "attitude_filter|ahrs_update|update_attitude",
        "att": "attitude|orientation",
        "gyro": "body_rates",
        "accel": "acc|specific_force",
        "magnetometer": "compass|magnetic|local_field",
        "dt": "step|sample_time|period",
        "gain": "filter_gain",
    },
    adjoint="either",
    element="sensor",
    weight=6,
)
def fuse_imu(d: Draft) -> None:
    """Updates attitude estimates from gyroscope and accelerometer samples."""
    method = d.option("method", "gradient", "feedback", "integral feedback")
    compass = d.flag("compass", 0.45)
    trust = d.option("trust", "always", "near 1 g", "weighted")
    turn = d.option("turn", "derivative", "exponential", "second order")
    layout = d.option("layout", "arrays", "packed")
    result = d.option("result", "attitude", "gravity", "angles", weights=(0.6, 0.2, 0.2))
    count = d.pick(48, 64, 96)
    if method == "integral feedback" and result != "attitude":
        method = "feedback"  # a bias has to be kept from step to step
    sensors = "gyroscope, accelerometer and magnetometer" if compass else "gyroscope and accelerometer"
    d.says({
        "attitude": f"Updates attitude estimates from {sensors} samples.",
        "gravity": f"Estimates the up direction in the body frame from {sensors} samples.",
        "angles": f"Estimates roll, pitch and yaw from {sensors} samples.",
    }[result])  # fmt: skip
    if result != "attitude":
        d.calls({
            "gravity": "estimate_up|estimate_gravity_direction|up_from_imu",
            "angles": "estimate_roll_pitch_yaw|attitude_angles|angles_from_imu",
        }[result])  # fmt: skip
    d.input("att", "quat", count, kind="unit", about="Body-to-world attitude quaternions")
    if layout == "arrays":
        d.input("gyro", "vec3", count, -2.0, 2.0, about="Body-frame gyroscope rates [rad/s]")
        d.input("accel", "vec3", count, 0.3, 0.9, about="Accelerometer readings [g]")
        if compass:
            d.input("magnetometer", "vec3", count, -0.6, 0.6, about="Magnetometer readings [gauss]")
        read = "g = gyro[tid]\na = accel[tid]"
        field = "m = wp.normalize(magnetometer[tid])"
    else:
        # rates, specific force and perhaps the field, as the sensor sends them
        parts = "Body rates [rad/s], specific force [g]" + (" and magnetic field [gauss]" if compass else "")
        d.input("imu", "float", (count, 9 if compass else 6), -0.9, 0.9, about=f"{parts} per sample")
        read = (
            "g = wp.vec3(imu[tid, 0], imu[tid, 1], imu[tid, 2])\n"
            "a = wp.vec3(imu[tid, 3], imu[tid, 4], imu[tid, 5])"
        )
        field = "m = wp.normalize(wp.vec3(imu[tid, 6], imu[tid, 7], imu[tid, 8]))"
    integral = method == "integral feedback"
    if integral:
        d.input("bias", "vec3", count, -0.05, 0.05, about="Gyroscope bias estimates [rad/s]")
    if trust != "always":
        d.module("TRUST_BAND = wp.constant(0.3)  # [g]")
    d.param("dt", "float", 0.002, 0.02, about="Time step [s]")
    d.param("gain", "float", 0.1, 1.0, about="Proportional gain [1/s]" if integral else "Filter gain")
    if integral:
        d.param("integral_ratio", "float", 0.05, 0.3, about="Ratio of integral to proportional gain [1/s]")
    weight = {
        "always": "",
        "near 1 g": (
            "# Skip samples far from 1 g, since the accelerometer measures specific force\n"
            "k = wp.where(wp.abs(size - 1.0) > TRUST_BAND, 0.0, gain)"
        ),
        "weighted": (
            "# Reduce the gain when |a| deviates from 1 g\n"
            "off = (size - 1.0) / TRUST_BAND\n"
            "k = gain / (1.0 + off * off)"
        ),
    }[trust]
    start = "q = att[tid]\nx = q[0]\ny = q[1]\nz = q[2]\nw = q[3]\n"
    if compass:
        start += """$field
# World-frame reference field with its horizontal part along x: b = (sqrt(hx^2 + hy^2), 0, hz)
h = wp.quat_rotate(q, m)
bx = wp.sqrt(h[0] * h[0] + h[1] * h[1])
bz = h[2]
"""
    if method == "gradient":
        correct = """
        # Objective f(q): predicted minus measured gravity direction
        fx = 2.0 * (x * z - w * y) - a[0]
        fy = 2.0 * (w * x + y * z) - a[1]
        fz = 1.0 - 2.0 * (x * x + y * y) - a[2]
        # Gradient J^T f
        sx = 2.0 * z * fx + 2.0 * w * fy - 4.0 * x * fz
        sy = -2.0 * w * fx + 2.0 * z * fy - 4.0 * y * fz
        sz = 2.0 * x * fx + 2.0 * y * fy
        sw = -2.0 * y * fx + 2.0 * x * fy
        $more
        # Normalized gradient step: use the direction only, since the gain sets the rate
        s = k / wp.sqrt(sx * sx + sy * sy + sz * sz + sw * sw + 1.0e-12)
        dx = 0.5 * (w * g[0] + y * g[2] - z * g[1]) - s * sx
        dy = 0.5 * (w * g[1] - x * g[2] + z * g[0]) - s * sy
        dz = 0.5 * (w * g[2] + x * g[1] - y * g[0]) - s * sz
        dw = -0.5 * (x * g[0] + y * g[1] + z * g[2]) - s * sw
        $rotate
        """
        more = """
        mx = bx * (1.0 - 2.0 * (y * y + z * z)) + 2.0 * bz * (x * z - w * y) - m[0]
        my = 2.0 * bx * (x * y - w * z) + 2.0 * bz * (w * x + y * z) - m[1]
        mz = 2.0 * bx * (w * y + x * z) + bz * (1.0 - 2.0 * (x * x + y * y)) - m[2]
        sx += 2.0 * bz * z * mx + 2.0 * (bx * y + bz * w) * my + (2.0 * bx * z - 4.0 * bz * x) * mz
        sy -= (4.0 * bx * y + 2.0 * bz * w) * mx - 2.0 * (bx * x + bz * z) * my
        sy += (2.0 * bx * w - 4.0 * bz * y) * mz
        sz += (2.0 * bz * x - 4.0 * bx * z) * mx + 2.0 * (bz * y - bx * w) * my + 2.0 * bx * x * mz
        sw += -2.0 * bz * y * mx + 2.0 * (bz * x - bx * z) * my + 2.0 * bx * y * mz
        """
        rotate = {
            "derivative": "q1 = wp.normalize(wp.quat(x + dt * dx, y + dt * dy, z + dt * dz, w + dt * dw))",
            "exponential": """
            # Convert dq/dt to a body rate, omega = 2 conj(q) dq, and integrate over dt
            rate = 2.0 * (wp.quat_inverse(q) * wp.quat(dx, dy, dz, dw))
            v = wp.vec3(rate[0], rate[1], rate[2])
            q1 = q * wp.quat_from_axis_angle(wp.normalize(v), wp.length(v) * dt)
            """,
            "second order": """
            rate = 2.0 * (wp.quat_inverse(q) * wp.quat(dx, dy, dz, dw))
            v = wp.vec3(rate[0], rate[1], rate[2])
            half = 0.5 * dt
            c = 1.0 - 0.5 * half * half * wp.dot(v, v)
            q1 = wp.normalize(q * wp.quat(half * v, c))
            """,
        }[turn]
    else:
        more = """
        # Magnetometer: same for the predicted field direction
        ex = bx * (1.0 - 2.0 * (y * y + z * z)) + 2.0 * bz * (x * z - w * y)
        ey = 2.0 * bx * (x * y - w * z) + 2.0 * bz * (w * x + y * z)
        ez = 2.0 * bx * (w * y + x * z) + bz * (1.0 - 2.0 * (x * x + y * y))
        error += wp.cross(m, wp.vec3(ex, ey, ez))
        """
        correct = """
        ux = 2.0 * (x * z - w * y)
        uy = 2.0 * (w * x + y * z)
        uz = 1.0 - 2.0 * (x * x + y * y)
        # Small-angle rotation vector from predicted to measured direction
        error = wp.cross(a, wp.vec3(ux, uy, uz))
        $more
        v = g + k * error
        $drift
        $rotate
        """
        rotate = {
            "derivative": "dq = 0.5 * (q * wp.quat(v, 0.0))\nq1 = wp.normalize(q + dt * dq)",
            "exponential": "q1 = q * wp.quat_from_axis_angle(wp.normalize(v), wp.length(v) * dt)",
            "second order": """
            half = 0.5 * dt
            c = 1.0 - 0.5 * half * half * wp.dot(v, v)
            q1 = wp.normalize(q * wp.quat(half * v, c))
            """,
        }[turn]
    size = "a = wp.normalize(a)" if trust == "always" else "size = wp.length(a)\na = a / size"
    drift = (
        "# Integrate the error to estimate the gyroscope bias, then subtract it from the rates\nb = bias[tid] - k * integral_ratio * dt * error\nv -= b"
        if integral
        else ""
    )
    if result == "attitude":
        d.output("new_att", "quat", count, about="Updated attitudes")
        store = "new_att[tid] = q1"
        if integral:
            d.output("new_bias", "vec3", count, about="Updated bias estimates")
            store += "\nnew_bias[tid] = b"
    elif result == "gravity":
        d.output("up", "vec3", count, about="Body-frame up vectors")
        store = "up[tid] = wp.quat_rotate_inv(q1, wp.vec3(0.0, 0.0, 1.0))"
    else:
        d.output("angles", "vec3", count, about="Roll, pitch and yaw [rad]")
        store = """
        roll = wp.atan2(2.0 * (q1[3] * q1[0] + q1[1] * q1[2]), 1.0 - 2.0 * (q1[0] * q1[0] + q1[1] * q1[1]))
        # Clamp to [-1, 1], since rounding can push the argument outside the domain of asin()
        pitch = wp.asin(wp.clamp(2.0 * (q1[3] * q1[1] - q1[2] * q1[0]), -1.0, 1.0))
        yaw = wp.atan2(2.0 * (q1[3] * q1[2] + q1[0] * q1[1]), 1.0 - 2.0 * (q1[1] * q1[1] + q1[2] * q1[2]))
        angles[tid] = wp.vec3(roll, pitch, yaw)
        """
    d.launch(count)
    d.code(
        "tid = wp.tid()\n$read\n$size\n$weight\n$start\n$correct\n$store",
        read=read, size=size, weight=weight, start=start, field=field, correct=correct, more=more if compass else "",
        drift=drift, rotate=rotate, store=store,
    )  # fmt: skip
    if trust == "always":
        d.text = re.sub(r"\bk\b", "gain", d.text)
    trim(d)
    law = "Madgwick's gradient descent step" if method == "gradient" else "Mahony's error feedback"
    off = {
        "near 1 g": " Samples that deviate from 1 g by more than 0.3 g are not used for correction.",
        "weighted": " The gain is reduced as the specific force deviates from 1 g.",
    }.get(trust, "")
    d.explain(
        f"{law} corrects the gyroscope.{off} Quaternions rotate from body to world\n"
        "frame (z up). Rates are in rad/s, specific force in g."
    )

    def reference(v: Values) -> dict[str, Any]:
        if layout == "arrays":
            m: Any
            g, a, m = v.gyro, v.accel, v.get("magnetometer")
        else:
            g, a, m = v.imu[:, :3], v.imu[:, 3:6], v.imu[:, 6:]
        size = np.linalg.norm(a, axis=1, keepdims=True)
        a = a / size
        k = np.full_like(size, v.gain)
        if trust == "near 1 g":
            k = np.where(np.abs(size - 1) > 0.3, 0, k)
        elif trust == "weighted":
            k = k / (1 + ((size - 1) / 0.3) ** 2)
        q = v.att
        pairs = [(np.array([0.0, 0.0, 1.0]) + 0 * a, a)]
        if compass:
            m = m / np.linalg.norm(m, axis=1, keepdims=True)
            h = np.einsum("nij,nj->ni", _turns(q), m)
            level = np.stack([np.hypot(h[:, 0], h[:, 1]), 0 * h[:, 0], h[:, 2]], axis=-1)
            pairs.append((level, m))

        def seen(p: Any) -> Any:
            return [np.einsum("nji,nj->ni", _turns(p), world) for world, _ in pairs]

        if method == "gradient":
            slope = np.zeros_like(q)
            for column in range(4):  # the derivative by a complex step, which loses no digits
                p = q.astype(complex)
                p[:, column] += 1e-20j
                for f, (_, found) in zip(seen(p), pairs, strict=True):
                    slope[:, column] += (f.imag * 1e20 * (f.real - found)).sum(axis=1)
            slope /= np.sqrt((slope**2).sum(axis=1, keepdims=True) + 1e-12)
            rate = g - 2 * k * _times(q * [-1, -1, -1, 1], slope)[:, :3]
            along = -k * (q * slope).sum(axis=1, keepdims=True)
        else:
            error = sum(np.cross(found, f) for f, (_, found) in zip(seen(q), pairs, strict=True))
            rate, along = g + k * error, np.zeros_like(k)
            if integral:
                b = v.bias - k * v.integral_ratio * v.dt * error
                rate = rate - b
        speed = np.linalg.norm(rate, axis=1, keepdims=True)
        if turn == "exponential":
            step = np.hstack([np.sin(speed * v.dt / 2) * rate / speed, np.cos(speed * v.dt / 2)])
        else:
            c = 1 - (speed * v.dt / 2) ** 2 / 2 if turn == "second order" else 1 + v.dt * along
            step = np.hstack([v.dt / 2 * rate, c + 0 * speed])
        q1 = _times(q, step)
        q1 /= np.linalg.norm(q1, axis=1, keepdims=True)
        r = _turns(q1)
        if result == "gravity":
            return {"up": r[:, 2]}
        if result == "angles":
            pitch = np.arcsin(-r[:, 2, 0])
            return {
                "angles": np.stack(
                    [np.arctan2(r[:, 2, 1], r[:, 2, 2]), pitch, np.arctan2(r[:, 1, 0], r[:, 0, 0])], -1
                )
            }
        return {"new_att": q1} | ({"new_bias": b} if integral else {})

    if result != "angles":
        d.check(reference, 2e-3)
        return

    def close(before: Values, after: Values) -> None:
        # A turn of 2 pi is none, and near the poles roll and yaw are not apart.
        expected = reference(before)["angles"]
        wrong = np.abs(np.exp(1j * after.angles) - np.exp(1j * expected)) > 2e-2
        assert wrong.mean() < 0.03, f"{wrong.mean():.2f} of the angles differ"

    d.holds(close)


def _turns(q: Any) -> Any:
    """Rotation matrices, in the form that is second degree in the parts of `q` and one for a unit vector."""
    x, y, z, w = q.T
    one = np.ones_like(x)
    rows = [
        [one - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), one - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), one - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), -1, 0)


def _times(p: Any, q: Any) -> Any:
    a, b = p[:, :3], q[:, :3]
    s, t = p[:, 3:], q[:, 3:]
    return np.hstack([s * b + t * a + np.cross(a, b), s * t - (a * b).sum(axis=1, keepdims=True)])
