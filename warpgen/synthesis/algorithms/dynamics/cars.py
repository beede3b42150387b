"""Cars on their tires."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.dynamics import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Rajamani 2012, ch. 2; Pacejka 2012, ch. 4",
    names={
        "drive_step": "vehicle_step|bicycle_model|simulate_cars",
        "pose": "state|x|poses",
        "vel": "velocities|twist|v",
        "steer": "steering|delta_in|wheel_angle",
        "throttle": "accel|drive|command",
        "dt": "step|h|time_step",
    },
    adjoint="either",
    weight=11,
)
def drive_step(d: Draft) -> None:
    """Integrates a single-track vehicle model over one time step."""
    tire = d.option("tire", "linear", "magic formula", "brush", "saturated")
    load = d.option("load", "static", "transfer")
    resist = d.flag("resistance")
    integrate = d.option("integrate", "explicit", "symplectic")
    layout = d.option("layout", "two vectors", "matrix")
    result = d.option("result", "state", "accelerations", "lateral forces")
    count = d.pick(48, 64, 96)
    d.says(
        {
            "state": "Integrates a single-track vehicle model over one time step.",
            "accelerations": ("Computes accelerations of a single-track vehicle model."),
            "lateral forces": ("Computes lateral tire forces of a single-track vehicle model."),
        }[result]
    )
    if layout == "two vectors":
        d.input("pose", "vec3", count, -1.0, 1.0, about="Positions and heading (x, y, yaw)")
        d.input("vel", "vec3", count, -0.3, 0.3, about="Scaled velocities (forward, lateral, yaw rate)")
        read = "vx = 12.0 + 20.0 * vel[tid][0]\nvy = vel[tid][1]\nr = vel[tid][2]"
        place = "px = pose[tid][0]\npy = pose[tid][1]\nyaw = pose[tid][2]"
    else:
        d.input("state", "float", (count, 6), -0.3, 0.3, about="Pose and scaled velocities")
        read = (
            "# Forward speed is stored relative to 12 m/s in units of 20 m/s\n"
            "vx = 12.0 + 20.0 * state[tid, 3]\n"
            "vy = state[tid, 4]\n"
            "r = state[tid, 5]"
        )
        place = "px = state[tid, 0]\npy = state[tid, 1]\nyaw = state[tid, 2]"
    if result != "state":
        d.parameters = [p for p in d.parameters if p.name != "pose"]
        place = ""
    d.input("steer", "float", count, -0.25, 0.25, about="Steering angles [rad]")
    if result != "lateral forces" or load == "transfer":
        d.input("throttle", "float", count, -3.0, 3.0, about="Longitudinal accelerations [m/s^2]")
    if result == "state":
        d.param("dt", "float", 0.005, 0.02, about="Time step [s]")
    d.module("""
        MASS = wp.constant(1500.0)
        INERTIA = wp.constant(2500.0)
        FRONT = wp.constant(1.2)  # axles to the center of mass, in m
        REAR = wp.constant(1.6)
        HEIGHT = wp.constant(0.5)
    """)
    slip = """
    delta = steer[tid]
    # Slip angles of front and rear axle
    alpha_f = delta - wp.atan2(vy + FRONT * r, vx)
    alpha_r = -wp.atan2(vy - REAR * r, vx)
    """
    loads = """
    base = FRONT + REAR
    load_f = MASS * 9.81 * REAR / base
    load_r = MASS * 9.81 * FRONT / base
    """
    if load == "transfer":
        loads += """
    # Longitudinal load transfer, m * a * h / wheelbase
    shift = MASS * throttle[tid] * HEIGHT / base
    load_f -= shift
    load_r += shift
    """
    forces = {
        "linear": "fyf = 9.5 * load_f * alpha_f\nfyr = 10.5 * load_r * alpha_r",
        "magic formula": """
        # Magic Formula: F = D sin(C atan(B s - E (B s - atan(B s))))
        bf = 9.5 * alpha_f
        fyf = 0.95 * load_f * wp.sin(1.4 * wp.atan(bf + 0.6 * (bf - wp.atan(bf))))
        br = 10.5 * alpha_r
        fyr = 0.95 * load_r * wp.sin(1.4 * wp.atan(br + 0.6 * (br - wp.atan(br))))
        """,
        "brush": """
        # Fiala brush model, saturates when the whole contact patch slides
        kf = 9.5 * wp.tan(alpha_f) / (3.0 * 0.95)
        fyf = 0.95 * load_f * wp.sign(kf)
        if wp.abs(kf) < 1.0:
            fyf = 0.95 * load_f * (3.0 * kf - 3.0 * wp.abs(kf) * kf + kf * kf * kf)
        kr = 10.5 * wp.tan(alpha_r) / (3.0 * 0.95)
        fyr = 0.95 * load_r * wp.sign(kr)
        if wp.abs(kr) < 1.0:
            fyr = 0.95 * load_r * (3.0 * kr - 3.0 * wp.abs(kr) * kr + kr * kr * kr)
        """,
        "saturated": """
        # Linear tire with smooth saturation at the friction limit
        fyf = 0.95 * load_f * wp.tanh(9.5 * alpha_f / 0.95)
        fyr = 0.95 * load_r * wp.tanh(10.5 * alpha_r / 0.95)
        """,
    }[tire]
    push = "" if result == "lateral forces" else "fx = MASS * throttle[tid]"
    if resist and push:
        push += "\n# air and rolling\nfx -= 0.43 * vx * wp.abs(vx) + 0.012 * MASS * 9.81"
    accelerations = (
        ""
        if result == "lateral forces"
        else """
    ax = (fx - fyf * wp.sin(delta)) / MASS + vy * r
    ay = (fyr + fyf * wp.cos(delta)) / MASS - vx * r
    rdot = (FRONT * fyf * wp.cos(delta) - REAR * fyr) / INERTIA
    """
    )
    if result == "state":
        out = "next_pose" if layout == "two vectors" else "next_state"
        if layout == "two vectors":
            d.output("next_pose", "vec3", count, about="Poses after the step")
            d.output("next_vel", "vec3", count, about="Velocities after the step")
        else:
            d.output(out, "float", (count, 6))
        use = ("ux", "uy", "ur") if integrate == "symplectic" else ("vx", "vy", "r")
        speeds = "ux = vx + dt * ax\nuy = vy + dt * ay\nur = r + dt * rdot"
        moves = f"""
        c = wp.cos(yaw)
        s = wp.sin(yaw)
        px += dt * (c * {use[0]} - s * {use[1]})
        py += dt * (s * {use[0]} + c * {use[1]})
        yaw += dt * {use[2]}
        """
        if layout == "two vectors":
            store = (
                f"{speeds}\n"
                f"$moves\n"
                f"next_pose[tid] = wp.vec3(px, py, yaw)\n"
                f"next_vel[tid] = wp.vec3(ux, uy, ur)"
            )
        else:
            cells = "\n".join(
                f"next_state[tid, {k}] = {x}" for k, x in enumerate(("px", "py", "yaw", "ux", "uy", "ur"))
            )
            store = f"{speeds}\n$moves\n{cells}"
    elif result == "accelerations":
        moves = ""
        d.output("acc", "vec3", count)
        store = "acc[tid] = wp.vec3(ax, ay, rdot)"
    else:
        moves = ""
        d.output("forces", "vec2", count)
        store = "forces[tid] = wp.vec2(fyf, fyr)"
    if tire == "brush":
        d.forward_only()
    d.launch(count)
    d.code(
        "tid = wp.tid()\n$read\n$place\n$slip\n$loads\n$forces\n$push\n$accelerations\n$store",
        read=read, place=place, slip=slip, loads=loads, forces=forces, push=push, accelerations=accelerations,
        store=store, moves=moves,
    )  # fmt: skip
    d.explain("Positions in m, angles in rad, velocities in the vehicle frame (forward, left), forces in N.")

    def reference(v: Values) -> dict[str, Any]:
        if layout == "two vectors":
            speeds = v.vel
            pose = v.get("pose", np.zeros((count, 3)))
        else:
            pose, speeds = v.state[:, :3], v.state[:, 3:]
        vx, vy, r = 12 + 20 * speeds[:, 0], speeds[:, 1], speeds[:, 2]
        af, ar = v.steer - np.arctan2(vy + 1.2 * r, vx), -np.arctan2(vy - 1.6 * r, vx)
        weight = 1500 * 9.81 / 2.8
        lf, lr = weight * 1.6, weight * 1.2
        if load == "transfer":
            moved = 1500 * v.throttle * 0.5 / 2.8
            lf, lr = lf - moved, lr + moved

        def side(alpha: Any, weight_: Any, stiffness: float) -> Any:
            if tire == "linear":
                return stiffness * weight_ * alpha
            if tire == "saturated":
                return 0.95 * weight_ * np.tanh(stiffness / 0.95 * alpha)
            if tire == "magic formula":
                b = stiffness * alpha
                return 0.95 * weight_ * np.sin(1.4 * np.arctan(1.6 * b - 0.6 * np.arctan(b)))
            k = np.clip(stiffness * np.tan(alpha) / 2.85, -1, 1)
            return 0.95 * weight_ * (1 - (1 - np.abs(k)) ** 3) * np.sign(k)

        fyf, fyr = side(af, lf, 9.5), side(ar, lr, 10.5)
        if result == "lateral forces":
            return {"forces": np.stack([fyf, fyr], axis=-1)}
        fx = 1500 * v.throttle - (0.43 * vx * np.abs(vx) + 0.012 * 1500 * 9.81 if resist else 0.0)
        ax = (fx - fyf * np.sin(v.steer)) / 1500 + vy * r
        ay = (fyr + fyf * np.cos(v.steer)) / 1500 - vx * r
        turn = (1.2 * fyf * np.cos(v.steer) - 1.6 * fyr) / 2500
        if result == "accelerations":
            return {"acc": np.stack([ax, ay, turn], axis=-1)}
        after = np.stack([vx, vy, r], axis=-1) + v.dt * np.stack([ax, ay, turn], axis=-1)
        u = after if integrate == "symplectic" else np.stack([vx, vy, r], axis=-1)
        z = (u[:, 0] + 1j * u[:, 1]) * np.exp(1j * pose[:, 2])
        moved_pose = pose + v.dt * np.stack([z.real, z.imag, u[:, 2]], axis=-1)
        if layout == "two vectors":
            return {"next_pose": moved_pose, "next_vel": after}
        return {"next_state": np.concatenate([moved_pose, after], axis=1)}

    d.check(reference, 1e-3)
