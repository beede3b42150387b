"""Cars on their tires."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.dynamics import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import piece

CAR = piece("""
@wp.struct
class CarState:
    x: float  # world position [m]
    y: float
    yaw: float
    vx: float  # forward and lateral velocity in the car frame [m/s]
    vy: float
    yaw_rate: float
""")
_FIELDS = {
    "x": fill(-50.0, 50.0),
    "y": fill(-50.0, 50.0),
    "yaw": fill(-3.0, 3.0),
    "vx": fill(8.0, 25.0),
    "vy": fill(-1.5, 1.5),
    "yaw_rate": fill(-0.5, 0.5),
}


@DOMAIN.algorithm(
    source="Rajamani 2012, ch. 2; Pacejka 2012, ch. 4",
    names={
        "drive_step": "vehicle_step|bicycle_model|simulate_cars",
        "pose": "poses",
        "speed": "v_long|vx_in",
        "lateral": "lateral_state|vy_yaw",
        "cars": "state|vehicles|fleet",
        "steer": "steering|delta_in",
        "drive_acc": "a_cmd|accel|long_acc",
        "dt": "time_step",
    },
    adjoint="either",
    element="car",
    weight=3,
)
def drive_step(d: Draft) -> None:
    """Integrates a single-track vehicle model over one time step."""
    tire = d.option("tire", "linear", "magic formula", "brush", "saturated")
    load = d.option("load", "static", "transfer")
    resist = d.flag("resistance")
    integrate = d.option("integrate", "explicit", "symplectic")
    layout = d.option("layout", "arrays", "struct")
    result = d.option("result", "state", "accelerations", "lateral forces")
    count = d.pick(48, 64, 96)
    if result == "accelerations":
        d.calls("car_accelerations|vehicle_dynamics|single_track_rates")
    elif result == "lateral forces":
        d.calls("tire_forces|lateral_forces|axle_forces")
    against = " with aerodynamic drag and rolling resistance" if resist else ""
    d.says(
        {
            "state": f"Integrates a single-track (bicycle) vehicle model{against} over one time step.",
            "accelerations": f"Computes velocity derivatives for a single-track (bicycle) vehicle model{against}.",
            "lateral forces": "Computes front and rear lateral tire forces for a single-track vehicle model.",
        }[result]
    )
    if layout == "struct":
        fields = _FIELDS | ({"vy": fill(-0.3, 0.3), "yaw_rate": fill(-0.2, 0.2)} if tire == "linear" else {})
        d.struct("cars", CAR, fields, shape=count, about="Vehicle states")
        read = "car = cars[tid]\nvx = car.vx\nvy = car.vy\nr = car.yaw_rate"
        place = "px = car.x\npy = car.y\nyaw = car.yaw"
    else:
        if result == "state":
            d.input("pose", "vec3", count, -3.0, 3.0, about="Vehicle poses (x [m], y [m], yaw [rad])")
        d.input("speed", "float", count, 8.0, 25.0, about="Forward velocities [m/s]")
        small = 0.25 if tire == "linear" else 0.5  # other tires may slide
        about = "Lateral velocities [m/s] and yaw rates [rad/s]"
        d.input("lateral", "vec2", count, -small, small, about=about)
        read = "vx = speed[tid]\nvy = lateral[tid][0]\nr = lateral[tid][1]"
        place = "px = pose[tid][0]\npy = pose[tid][1]\nyaw = pose[tid][2]"
    if result != "state":
        place = ""
    turned = 0.06 if tire == "linear" else 0.3
    d.input("steer", "float", count, -turned, turned, about="Steering angles [rad]")
    if result != "lateral forces" or load == "transfer":
        d.input("drive_acc", "float", count, -3.0, 3.0, about="Drive and brake accelerations [m/s^2]")
    if result == "state":
        d.param("dt", "float", 0.005, 0.02, about="Time step [s]")
    constants = ["MASS = wp.constant(1500.0)  # [kg]"]
    if result != "lateral forces":
        constants += ["INERTIA = wp.constant(2500.0)  # yaw inertia [kg m^2]"]
    constants += [
        "FRONT = wp.constant(1.2)  # axle distance to the center of mass [m]",
        "REAR = wp.constant(1.6)",
    ]
    if load == "transfer":
        constants += ["HEIGHT = wp.constant(0.5)  # center of mass height [m]"]
    if tire != "linear":
        constants += ["FRICTION = wp.constant(0.95)  # friction coefficient"]
    told = "stiffness factors" if tire == "magic formula" else "normalized cornering stiffness [1/rad]"
    constants += [f"STIFF_FRONT = wp.constant(9.5)  # {told}", "STIFF_REAR = wp.constant(10.5)"]
    if tire == "magic formula":
        constants += ["SHAPE = wp.constant(1.4)", "CURVATURE = wp.constant(-0.6)"]
    if resist and result != "lateral forces":
        constants += [
            "AIR_DRAG = wp.constant(0.43)  # [N s^2/m^2]",
            "ROLLING = wp.constant(0.012)  # rolling resistance coefficient",
            "LOW_SPEED = wp.constant(0.5)  # [m/s]",
        ]
    constants += ["GRAVITY = wp.constant(9.81)  # [m/s^2]"]
    d.module("\n".join(constants))
    slip = """
    delta = steer[tid]
    # Front and rear slip angles
    alpha_f = delta - wp.atan2(vy + FRONT * r, vx)
    alpha_r = -wp.atan2(vy - REAR * r, vx)
    """
    loads = """
    wheelbase = FRONT + REAR
    load_f = MASS * GRAVITY * REAR / wheelbase
    load_r = MASS * GRAVITY * FRONT / wheelbase
    """
    if load == "transfer":
        loads += """
    # Longitudinal load transfer due to the center of mass height
    shift = MASS * drive_acc[tid] * HEIGHT / wheelbase
    load_f -= shift
    load_r += shift
    """
    forces = {
        "linear": "fyf = STIFF_FRONT * load_f * alpha_f\nfyr = STIFF_REAR * load_r * alpha_r",
        "magic formula": """
        # Lateral forces from the Magic Formula, F = D sin(C atan(B s - E (B s - atan(B s))))
        bf = STIFF_FRONT * alpha_f
        fyf = FRICTION * load_f * wp.sin(SHAPE * wp.atan(bf - CURVATURE * (bf - wp.atan(bf))))
        br = STIFF_REAR * alpha_r
        fyr = FRICTION * load_r * wp.sin(SHAPE * wp.atan(br - CURVATURE * (br - wp.atan(br))))
        """,
        "brush": """
        # Fiala brush model: saturates at full sliding (k = 1)
        kf = wp.clamp(STIFF_FRONT * wp.tan(alpha_f) / (3.0 * FRICTION), -1.0, 1.0)
        fyf = FRICTION * load_f * (3.0 * kf - 3.0 * wp.abs(kf) * kf + kf * kf * kf)
        kr = wp.clamp(STIFF_REAR * wp.tan(alpha_r) / (3.0 * FRICTION), -1.0, 1.0)
        fyr = FRICTION * load_r * (3.0 * kr - 3.0 * wp.abs(kr) * kr + kr * kr * kr)
        """,
        "saturated": """
        # tanh saturates smoothly at the friction limit, so the force stays differentiable
        fyf = FRICTION * load_f * wp.tanh(STIFF_FRONT * alpha_f / FRICTION)
        fyr = FRICTION * load_r * wp.tanh(STIFF_REAR * alpha_r / FRICTION)
        """,
    }[tire]
    push = "" if result == "lateral forces" else "fx = MASS * drive_acc[tid]"
    if resist and push:
        push += "\n# Aerodynamic drag and rolling resistance, which fades out near zero speed\nrolling = ROLLING * MASS * GRAVITY * wp.tanh(vx / LOW_SPEED)"
        push += "\nfx -= AIR_DRAG * vx * wp.abs(vx) + rolling"
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
        if layout == "struct":
            blank = {name: fill(value=0.0) for name in _FIELDS}
            d.struct("next_cars", CAR, blank, shape=count, role="output", about="Updated vehicle states")
        else:
            d.output("next_pose", "vec3", count, about="Updated vehicle poses")
            d.output("next_speed", "float", count, about="Updated forward velocities")
            d.output("next_lateral", "vec2", count, about="Updated lateral velocities and yaw rates")
        use = ("ux", "uy", "ur") if integrate == "symplectic" else ("vx", "vy", "r")
        speeds = "ux = vx + dt * ax\nuy = vy + dt * ay\nur = r + dt * rdot"
        moves = f"""
        c = wp.cos(yaw)
        s = wp.sin(yaw)
        px += dt * (c * {use[0]} - s * {use[1]})
        py += dt * (s * {use[0]} + c * {use[1]})
        yaw += dt * {use[2]}
        """
        values = {"x": "px", "y": "py", "yaw": "yaw", "vx": "ux", "vy": "uy", "yaw_rate": "ur"}
        if layout == "struct":
            cells = "\n".join(f"after.{field} = {x}" for field, x in values.items())
            kept = f"after = CarState()\n{cells}\nnext_cars[tid] = after"
        else:
            kept = (
                "next_pose[tid] = wp.vec3(px, py, yaw)\nnext_speed[tid] = ux\n"
                "next_lateral[tid] = wp.vec2(uy, ur)"
            )
        store = f"{speeds}\n$moves\n{kept}"
    elif result == "accelerations":
        moves = ""
        d.output(
            "acc",
            "vec3",
            count,
            about="Time derivatives of forward velocity, lateral velocity [m/s^2] and yaw rate [rad/s^2]",
        )
        store = "acc[tid] = wp.vec3(ax, ay, rdot)"
    else:
        moves = ""
        d.output("forces", "vec2", count, about="Front and rear axle lateral forces [N]")
        store = "forces[tid] = wp.vec2(fyf, fyr)"
    d.launch(count)
    d.code(
        "tid = wp.tid()\n$read\n$place\n$slip\n$loads\n$forces\n$push\n$accelerations\n$store",
        read=read, place=place, slip=slip, loads=loads, forces=forces, push=push, accelerations=accelerations,
        store=store, moves=moves,
    )  # fmt: skip
    units = "Positions in m, angles" if result == "state" else "Angles"
    newtons = ", forces in N" if result == "lateral forces" else ""
    shifts = " Includes longitudinal load transfer." if load == "transfer" else ""
    d.explain(
        f"{units} in rad, velocities in the vehicle frame (forward, left){newtons}. One thread per vehicle.{shifts}"
    )

    def reference(v: Values) -> dict[str, Any]:
        if layout == "struct":
            pose = np.stack([v[f"cars.{name}"] for name in ("x", "y", "yaw")], axis=1)
            vx, vy, r = (v[f"cars.{name}"] for name in ("vx", "vy", "yaw_rate"))
        else:
            pose, vx, (vy, r) = v.get("pose", np.zeros((count, 3))), v.speed, v.lateral.T
        af, ar = v.steer - np.arctan2(vy + 1.2 * r, vx), -np.arctan2(vy - 1.6 * r, vx)
        weight = 1500 * 9.81 / 2.8
        lf, lr = weight * 1.6, weight * 1.2
        if load == "transfer":
            moved = 1500 * v.drive_acc * 0.5 / 2.8
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
        fx = 1500 * v.drive_acc
        if resist:
            fx = fx - 0.43 * vx * np.abs(vx) - 0.012 * 1500 * 9.81 * np.tanh(2.0 * vx)
        ax = (fx - fyf * np.sin(v.steer)) / 1500 + vy * r
        ay = (fyr + fyf * np.cos(v.steer)) / 1500 - vx * r
        turn = (1.2 * fyf * np.cos(v.steer) - 1.6 * fyr) / 2500
        if result == "accelerations":
            return {"acc": np.stack([ax, ay, turn], axis=-1)}
        after = np.stack([vx, vy, r], axis=-1) + v.dt * np.stack([ax, ay, turn], axis=-1)
        u = after if integrate == "symplectic" else np.stack([vx, vy, r], axis=-1)
        z = (u[:, 0] + 1j * u[:, 1]) * np.exp(1j * pose[:, 2])
        moved_pose = pose + v.dt * np.stack([z.real, z.imag, u[:, 2]], axis=-1)
        if layout == "struct":
            values_ = np.concatenate([moved_pose, after], axis=1).T
            return {f"next_cars.{name}": x for name, x in zip(_FIELDS, values_, strict=True)}
        return {"next_pose": moved_pose, "next_speed": after[:, 0], "next_lateral": after[:, 1:]}

    d.check(reference, 1e-3)
