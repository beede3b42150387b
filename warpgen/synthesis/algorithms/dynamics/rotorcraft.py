"""Quadrotors on their thrust."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.dynamics import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Mahony, Kumar & Corke 2012; Stevens, Lewis & Johnson 2015, ch. 1",
    names={
        "fly_step": "quadrotor_step|drone_dynamics|simulate_rotorcraft",
        "pos": "positions",
        "vel": "velocities",
        "att": "attitude",
        "rates": "body_rates",
        "rotors": "rotor_state|motors",
        "dt": "time_step",
    },
    adjoint="either",
    element="drone",
    weight=3,
)
def fly_step(d: Draft) -> None:
    """Integrates quadrotor dynamics over one time step."""
    frame = d.option("frame", "plus", "cross")
    drag = d.option("drag", "none", "linear", "quadratic")
    turn = d.option("attitude", "derivative", "exponential")
    gyro = d.flag("gyro", 0.6)
    ground = d.flag("ground", 0.35)
    motors = d.option("motors", "speeds", "thrusts", "lagged")
    result = d.option("result", "state", "wrench")
    count = d.pick(48, 64, 96)
    if result == "wrench" and motors == "lagged":
        motors = "speeds"
    # Nothing smaller than the gyroscopic term is modelled without it.
    gyro = result == "state" and (gyro or drag != "none" or ground or motors == "lagged")
    if result == "wrench":
        d.calls("quadrotor_loads|quadrotor_forces|drone_loads")
    parts = (
        ["aerodynamic drag"] * (drag != "none")
        + ["ground effect"] * ground
        + ["motor lag"] * (motors == "lagged")
    )
    told = f", with {', '.join(parts[:-1])}{' and ' * (len(parts) > 1)}{parts[-1]}" if parts else ""
    d.says(
        f"Integrates quadrotor rigid-body dynamics over one time step{told}."
        if result == "state"
        else f"Computes quadrotor forces and moments{told}."
    )
    if result == "state" or ground:
        d.input("pos", "vec3", count, 0.1, 3.0, about="Positions [m]")
    if result == "state" or drag != "none":
        d.input("vel", "vec3", count, -2.0, 2.0, about="Velocities [m/s]")
    d.input("att", "quat", count, kind="unit", about="Body-to-world attitude quaternions")
    if result == "state":
        d.input("rates", "vec3", count, -2.0, 2.0, about="Body rates [rad/s]")
    what = "thrusts" if motors == "thrusts" else "speeds"
    d.input("rotors", "vec4", count, 0.5, 1.5, about=f"Rotor {what}, normalized to hover")
    if motors == "lagged":
        d.input("commands", "vec4", count, 0.5, 1.5, about="Commanded rotor speeds, normalized to hover")
    if result == "state":
        d.param("dt", "float", 0.002, 0.01, about="Time step [s]")
    d.module("""
        MASS = wp.constant(1.2)  # [kg]
        ARM = wp.constant(0.2)  # arm length [m]
    """)
    if result == "state":
        d.module("""
            IXX = wp.constant(0.012)  # roll and pitch inertia [kg m^2]
            IZZ = wp.constant(0.022)  # yaw inertia
        """)
    d.module("""
        HOVER_THRUST = wp.constant(2.943)  # per-rotor thrust at hover [N]
        DRAG_RATIO = wp.constant(0.016)  # torque-to-thrust ratio [m]
        GRAVITY = wp.constant(9.81)  # [m/s^2]
    """)
    if frame == "cross":
        d.module("SQRT_HALF = wp.constant(0.70710678)")
    if motors == "lagged":
        d.module("MOTOR_LAG = wp.constant(0.02)  # [s]")
    if ground:
        d.module("ROTOR_RADIUS = wp.constant(0.12)  # [m]\nLEAST_HEIGHT = wp.constant(0.15)  # [m]")
    if drag != "none":
        unit = "[N s/m]" if drag == "linear" else "[N s^2/m^2]"
        d.module(f"AIR_DRAG = wp.constant({0.25 if drag == 'linear' else 0.06})  # {unit}")
    thrust = {
        "speeds": (
            "s = rotors[tid]\n"
            "# Thrust scales with omega^2; speeds are normalized to hover\n"
            "f = HOVER_THRUST * wp.cw_mul(s, s)"
        ),
        "thrusts": "f = HOVER_THRUST * rotors[tid]",
        "lagged": (
            "# First-order motor lag, implicit Euler\n"
            "s = rotors[tid] + dt / (MOTOR_LAG + dt) * (commands[tid] - rotors[tid])\n"
            "f = HOVER_THRUST * wp.cw_mul(s, s)"
        ),
    }[motors]
    if frame == "plus":
        moments = """
        # Rotor order: front, left, back, right. Rotors 0/2 and 1/3 counter-rotate.
        tx = ARM * (f[1] - f[3])
        ty = ARM * (f[2] - f[0])
        tz = DRAG_RATIO * (f[1] + f[3] - f[0] - f[2])
        """
    else:
        moments = """
        # X configuration, rotor order: front left, rear left, rear right, front right.
        # Rotors 0/2 and 1/3 counter-rotate.
        lever = ARM * SQRT_HALF
        tx = lever * (f[0] + f[1] - f[2] - f[3])
        ty = lever * (f[1] + f[2] - f[0] - f[3])
        tz = DRAG_RATIO * (f[1] + f[3] - f[0] - f[2])
        """
    lift = "up = f[0] + f[1] + f[2] + f[3]"
    if ground:
        lift += """
# Ground effect, applied to lift only (Cheeseman and Bennett 1955): T / T_inf = 1 / (1 - (r / 4z)^2)
ratio = ROTOR_RADIUS / (4.0 * wp.max(pos[tid][2], LEAST_HEIGHT))
up = up / (1.0 - ratio * ratio)"""
    force = """
    q = att[tid]
    force = wp.quat_rotate(q, wp.vec3(0.0, 0.0, up)) - wp.vec3(0.0, 0.0, MASS * GRAVITY)
    """
    force += {
        "none": "",
        "linear": "force -= AIR_DRAG * vel[tid]",
        "quadratic": "force -= AIR_DRAG * wp.length(vel[tid]) * vel[tid]",
    }[drag]
    force = force.replace("    ", "")
    if gyro:
        angular = """
        w = rates[tid]
        # Euler's equations, including the gyroscopic term w x (I w)
        wdot = wp.vec3(
            (tx - (IZZ - IXX) * w[1] * w[2]) / IXX,
            (ty - (IXX - IZZ) * w[2] * w[0]) / IXX,
            tz / IZZ,
        )
        """
    else:
        angular = (
            "w = rates[tid]\n# Neglect the gyroscopic term w x (I w) at low body rates\n"
            "wdot = wp.vec3(tx / IXX, ty / IXX, tz / IZZ)"
        )
    if result == "state":
        for name, kind, about in (
            ("next_pos", "vec3", "Updated positions [m]"),
            ("next_vel", "vec3", "Updated velocities [m/s]"),
            ("next_att", "quat", "Updated attitudes"),
            ("next_rates", "vec3", "Updated body rates [rad/s]"),
        ):
            d.output(name, kind, count, about=about)
        if motors == "lagged":
            d.output("next_rotors", "vec4", count, about="Updated rotor speeds")
        if turn == "derivative":
            rotate = """
            # Integrate dq/dt = 1/2 q w and renormalize
            spin = q * wp.quat(w1, 0.0)
            next_att[tid] = wp.normalize(q + 0.5 * dt * spin)
            """
        else:
            rotate = """
            # Exponential map for a constant body rate, preserves unit length
            angle = wp.length(w1) * dt
            next_att[tid] = q * wp.quat_from_axis_angle(wp.normalize(w1), angle)
            """
        store = """
        v1 = vel[tid] + dt / MASS * force
        w1 = w + dt * wdot
        next_vel[tid] = v1
        next_pos[tid] = pos[tid] + dt * v1
        next_rates[tid] = w1
        $rotate
        $motors
        """
    else:
        rotate = angular = ""
        d.output("force_out", "vec3", count, about="World-space forces, including gravity [N]")
        d.output("moment_out", "vec3", count, about="Body-frame rotor moments [N m]")
        store = "force_out[tid] = force\nmoment_out[tid] = wp.vec3(tx, ty, tz)"
    d.launch(count)
    d.code(
        "tid = wp.tid()\n$thrust\n$moments\n$lift\n$force\n$angular\n$store",
        thrust=thrust, moments=moments, lift=lift, force=force, angular=angular, store=store, rotate=rotate,
        motors="next_rotors[tid] = s" if motors == "lagged" else "",
    )  # fmt: skip
    d.explain(
        "Positions and velocities are in world space (z up), rates and rotor forces in the body frame."
        if result == "state"
        else "Forces are in world space (z up), moments in the local body frame. One thread per quadrotor."
    )

    def reference(v: Values) -> dict[str, Any]:
        s = v.rotors
        if motors == "lagged":
            s = s + v.dt / (0.02 + v.dt) * (v.commands - s)
        f = 2.943 * (s if motors == "thrusts" else s**2)
        if frame == "plus":
            arms = 0.2 * np.array([[0, 1, 0, -1], [-1, 0, 1, 0]])
        else:
            arms = 0.2 * 0.70710678 * np.array([[1, 1, -1, -1], [-1, 1, 1, -1]])
        torque = f @ np.vstack([arms, 0.016 * np.array([[-1, 1, -1, 1]])]).T
        up = f.sum(axis=1)
        if ground:
            up = up / (1 - (0.12 / (4 * np.maximum(v.pos[:, 2], 0.15))) ** 2)
        x, y, z, w = v.att.T
        axis = np.stack([2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)], axis=-1)
        force = up[:, None] * axis - np.array([0, 0, 1.2 * 9.81])
        if drag == "linear":
            force = force - 0.25 * v.vel
        elif drag == "quadratic":
            force = force - 0.06 * np.linalg.norm(v.vel, axis=1, keepdims=True) * v.vel
        inertia = np.array([0.012, 0.012, 0.022])
        wdot = torque / inertia
        if gyro:
            wdot = (torque - np.cross(v.rates, inertia * v.rates)) / inertia
        if result == "wrench":
            return {"force_out": force, "moment_out": torque}
        v1, w1 = v.vel + v.dt / 1.2 * force, v.rates + v.dt * wdot
        xyz, real = v.att[:, :3], v.att[:, 3:]
        if turn == "derivative":
            half, c = 0.5 * v.dt * w1, 1.0
        else:
            size = np.linalg.norm(w1, axis=1, keepdims=True)
            half, c = np.sin(size * v.dt / 2) * w1 / size, np.cos(size * v.dt / 2)
        q = np.concatenate(
            [c * xyz + real * half + np.cross(xyz, half), c * real - (xyz * half).sum(axis=1, keepdims=True)],
            axis=1,
        )
        q = q / np.linalg.norm(q, axis=1, keepdims=True)
        made = {"next_pos": v.pos + v.dt * v1, "next_vel": v1, "next_att": q, "next_rates": w1}
        return made | ({"next_rotors": s} if motors == "lagged" else {})

    d.check(reference, 1e-3)
