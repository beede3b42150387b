"""Tires by the Magic Formula: slip, load, camber, combined slip and aligning moment."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.dynamics import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import piece

_TIRE = """
@wp.struct
class TireParams:
    # Longitudinal force: shape, curvature, stiffness per load
    c_long: float
    e_long: float
    k_long: float
    # Lateral force: shape, curvature, cornering stiffness and load at peak stiffness [N]
    c_lat: float
    e_lat: float
    k_lat: float
    load_lat: float
    # Peak friction, load sensitivity, nominal load [N]
    mu_peak: float
    mu_load: float
    load_nominal: float
    $rest
"""
_FIELDS = {
    "c_long": fill(1.5, 1.8),
    "e_long": fill(-0.5, 0.5),
    "k_long": fill(15.0, 25.0),
    "c_lat": fill(1.2, 1.5),
    "e_lat": fill(-0.8, 0.2),
    "k_lat": fill(8.0e4, 1.4e5),
    "load_lat": fill(4000.0, 6000.0),
    "mu_peak": fill(0.9, 1.2),
    "mu_load": fill(-0.15, -0.05),
    "load_nominal": fill(3500.0, 4500.0),
    "trail": fill(0.02, 0.05),
    "radius": fill(0.28, 0.34),
}
_FORMULA = '''
@wp.func
def magic_formula(slip: float, b: float, c: float, e: float, peak: float) -> float:
    """Evaluate Pacejka's Magic Formula, D sin(C atan(B x - E (B x - atan(B x))))."""
    bx = b * slip
    return peak * wp.sin(c * wp.atan(bx - e * (bx - wp.atan(bx))))
'''


def _magic(x: Any, b: Any, c: Any, e: Any, peak: Any) -> Any:
    return peak * np.sin(c * np.arctan(b * x - e * (b * x - np.arctan(b * x))))


@DOMAIN.algorithm(
    source="Pacejka 2012, ch. 4 (Magic Formula) and section 4.3.1 (similarity); Bakker, Nyborg & Pacejka 1987",
    names={
        "tire_forces": "evaluate_tires|wheel_tire_forces|pacejka_forces",
        "wheel_load": "fz|normal_load|vertical_load",
        "wheel_velocity": "forward_velocity|v_forward",
        "lateral_velocity": "v_side",
        "wheel_speed": "wheel_omega",
        "camber": "gamma|inclination",
        "params": "tire|tire_params|coeffs",
        "low_speed": "v_min|speed_floor|v_low",
    },
    element="wheel",
    weight=7,
)
def tire_forces(d: Draft) -> None:
    """Computes tire forces from slip, load and camber using the Magic Formula."""
    combined = d.option("combined", "similarity", "ellipse", "cosine", "none")
    slip = d.option("slip", "velocities", "given")
    camber = d.option("camber", "none", "shift", "thrust")
    relax = d.option("relaxation", "none", "exponential", "euler")
    moment = d.option("moment", "none", "trail", "trail and camber")
    surface = d.option("surface", "none", "one", "per wheel")
    lifted = d.option("lifted", "return", "clamp")
    layout = d.option("layout", "struct", "per compound")
    if camber == "none" and moment == "trail and camber":
        moment = "trail"
    parts = "slip, load and camber" if camber != "none" else "slip and load"
    also = " and aligning moments" if moment != "none" else ""
    lagged = " with relaxation-length lag" if relax != "none" else ""
    d.says(f"Computes tire forces{also} from {parts} using the Pacejka Magic Formula{lagged}.")
    # Without camber a tire is the same on both sides.
    mirror = camber != "none" and d.flag("mirrored", 0.4)
    count, compounds = d.pick(32, 40, 48), 3
    given = "tire" if layout == "per compound" else "params"
    rest = []
    if moment != "none":
        rest.append("    # Pneumatic trail at zero slip [m]\n    trail: float\n")
    if slip == "velocities" or moment == "trail and camber":
        which = "Effective rolling" if slip == "velocities" else "Unloaded"
        rest.append(f"    # {which} radius [m]\n    radius: float\n")
    tire = piece(_TIRE.replace("    $rest\n", "".join(rest)))
    d.struct(
        given,
        tire,
        {name: values for name, values in _FIELDS.items() if f"    {name}: float" in tire.text},
        shape=compounds if layout == "per compound" else (),
        about="Tire parameters",
    )
    if layout == "per compound":
        d.input("compound", "int", count, 0, compounds, about="Tire compound index per wheel")
    d.input(
        "wheel_load", "float", count, -500.0, 6000.0, about="Vertical wheel loads, negative when lifted [N]"
    )
    if slip == "velocities":
        d.input("wheel_velocity", "float", count, 5.0, 15.0, about="Hub forward velocities [m/s]")
        d.input(
            "lateral_velocity",
            "float",
            count,
            -3.0,
            3.0,
            about="Contact patch lateral velocities [m/s]",
        )
        d.input("wheel_speed", "float", count, 15.0, 50.0, about="Wheel angular velocities [rad/s]")
        d.param("low_speed", "float", 0.5, 2.0, about="Minimum reference speed for the slip ratio [m/s]")
    else:
        d.input("slip_ratio_in", "float", count, -1.0, 0.3, about="Longitudinal slip ratios, -1 when locked")
        d.input("slip_angle_in", "float", count, -0.25, 0.25, about="Slip angles [rad]")
    if camber != "none":
        told = ", mirrored for right wheels" if mirror else ""
        d.input("camber", "float", count, -0.08, 0.08, about=f"Camber angles{told} [rad]")
        d.param(
            "camber_gain",
            "float",
            0.1,
            0.4,
            about="Slip angle shift per camber angle"
            if camber == "shift"
            else "Camber thrust coefficient [1/rad]",
        )
    if mirror:
        d.input("is_right", "bool", count, about="Right-side wheel mask (lateral axis flipped)")
    if surface == "one":
        d.param("grip", "float", 0.4, 1.0, about="Road friction scale relative to dry asphalt")
    elif surface == "per wheel":
        d.input("grip", "float", count, 0.3, 1.0, about="Road friction scale relative to dry asphalt")
    if relax != "none":
        d.input("previous_force", "vec2", count, -2000.0, 2000.0, about="Previous tire forces [N]")
        d.param("relaxation_length", "float", 0.2, 0.6, about="Tire relaxation length [m]")
        d.param("dt", "float", *((0.01, 0.03) if relax == "euler" else (0.001, 0.005)), about="Time step [s]")
        if slip == "given":
            d.input("roll_speed", "float", count, 2.0, 30.0, about="Rolling speeds [m/s]")
    d.output("tire_force", "vec2", count, about="Longitudinal and lateral forces [N]")
    if moment != "none":
        d.output("aligning", "float", count, about="Aligning moments [N m]")
    d.function(_FORMULA)
    measure = {
        "velocities": """
            # Slip ratio and slip angle from the contact patch velocity; the speed floor
            # avoids division by zero at standstill
            v_long = wheel_velocity[tid]
            v_lat = lateral_velocity[tid]
            v_ref = wp.max(wp.abs(v_long), low_speed)
            slip_ratio = (params.radius * wheel_speed[tid] - v_long) / v_ref
            slip_ratio = wp.clamp(slip_ratio, -1.0, 1.0)
            slip_angle = -wp.atan(v_lat / v_ref)
        """,
        "given": "slip_ratio = slip_ratio_in[tid]\nslip_angle = slip_angle_in[tid]",
    }
    grip = {"none": "", "one": " * grip", "per wheel": " * grip[tid]"}[surface]
    pure = (
        "force_long = magic_formula(slip_ratio, b_long, params.c_long, params.e_long, peak)\n"
        "force_lat = magic_formula(slip_angle, b_lat, params.c_lat, params.e_lat, peak)"
    )
    forces = {
        "none": pure,
        "similarity": """
            # Theoretical slip, with a floor to avoid division by zero for locked wheels
            rolling = wp.max(1.0 + slip_ratio, 0.1)
            sigma_long = slip_ratio / rolling
            sigma_lat = wp.tan(slip_angle) / rolling
            # Evaluate both curves at the combined slip magnitude
            sigma = wp.sqrt(sigma_long * sigma_long + sigma_lat * sigma_lat) + 1.0e-6
            force_long = sigma_long / sigma * magic_formula(sigma, b_long, params.c_long, params.e_long, peak)
            force_lat = sigma_lat / sigma * magic_formula(sigma, b_lat, params.c_lat, params.e_lat, peak)
        """,
        "ellipse": pure
        + """
            # Friction ellipse: reduce the lateral force; clamp below 1 to keep the sqrt differentiable
            use = wp.min(wp.abs(force_long) / (peak + 1.0e-3), 0.995)
            force_lat *= wp.sqrt(1.0 - use * use)
        """.replace("\n            ", "\n").rstrip(),
        "cosine": pure
        + """
            # Combined slip cosine weights, equal to 1 for pure slip
            weight_long = wp.cos(wp.atan(COMBINED * slip_angle))
            weight_lat = wp.cos(wp.atan(COMBINED * slip_ratio))
            force_long *= weight_long
            force_lat *= weight_lat
        """.replace("\n            ", "\n").rstrip(),
    }[combined]
    if combined == "cosine":
        d.module("COMBINED = wp.constant(8.0)  # combined slip weighting factor")
    tilt = {
        "none": "",
        "shift": "# Camber acts as a slip angle shift\nslip_angle += camber_gain * camber[tid]",
        "thrust": "",
    }[camber]
    thrust = "# Camber thrust is proportional to load and camber angle\nforce_lat += camber_gain * load * camber[tid]"
    lag = {
        "none": "",
        "exponential": """
            # First-order lag over the rolled distance, exact at constant speed
            build_up = 1.0 - wp.exp(-wp.abs($v) * dt / relaxation_length)
            force = previous_force[tid] + build_up * (force - previous_force[tid])
        """,
        "euler": """
            # First-order lag in rolled distance (not time), explicit Euler
            build_up = wp.min(wp.abs($v) * dt / relaxation_length, 1.0)
            force = previous_force[tid] + build_up * (force - previous_force[tid])
        """,
    }[relax].replace("$v", "v_long" if slip == "velocities" else "roll_speed[tid]")
    align = {
        "none": "",
        "trail": """
            # Pneumatic trail decreases with slip angle, so the moment drops before the force
            trail = params.trail * wp.cos(wp.atan(TRAIL_DROP * slip_angle)) * load / params.load_nominal
            aligning[tid] = -trail * force[1]
        """,
        "trail and camber": """
            # Pneumatic trail decreases with slip angle, so the moment drops before the force
            trail = params.trail * wp.cos(wp.atan(TRAIL_DROP * slip_angle)) * load / params.load_nominal
            residual = $handRESIDUAL * params.radius * load * camber[tid]
            aligning[tid] = -trail * force[1] + residual
        """.replace("$hand", "hand * " if mirror else ""),
    }[moment]
    if moment != "none":
        d.module(
            "TRAIL_DROP = wp.constant(6.0)  # trail decay with slip angle [1/rad]"
            + (
                "\nRESIDUAL = wp.constant(0.02)  # residual moment coefficient [1/rad]"
                if moment != "trail"
                else ""
            )
        )
    early = {
        "return": "load = wheel_load[tid]\n# Early exit for lifted wheels\nif load <= 0.0:\n    tire_force[tid] = wp.vec2(0.0, 0.0)\n    $still\n    return",
        "clamp": "# Clamp the load to avoid division by zero for lifted wheels\nload = wp.max(wheel_load[tid], 1.0)",
    }
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        $early
        $params
        # --- Slip ---
        $measure
        $mirror
        $tilt
        # --- Load-dependent stiffness and peak force ---
        excess = (load - params.load_nominal) / params.load_nominal
        peak = load * (params.mu_peak + params.mu_load * excess)$grip
        stiff_long = params.k_long * load
        # Cornering stiffness saturates at high load
        stiff_lat = params.k_lat * wp.sin(2.0 * wp.atan(load / params.load_lat))
        b_long = stiff_long / (params.c_long * peak)
        b_lat = stiff_lat / (params.c_lat * peak)
        # --- Forces ---
        $forces
        $thrust
        force = wp.vec2(force_long, $sign)
        $lag
        tire_force[tid] = force
        $align
        """,
        early=early[lifted],
        still="aligning[tid] = 0.0" if moment != "none" else "",
        params="params = tire[compound[tid]]" if layout == "per compound" else "",
        measure=measure[slip],
        mirror="# Mirror right-side tires, since the curves are measured for the left side\nhand = wp.where(is_right[tid], -1.0, 1.0)\nslip_angle *= hand"
        if mirror
        else "",
        tilt=tilt,
        grip=grip,
        forces=forces,
        thrust=thrust if camber == "thrust" else "",
        sign="hand * force_lat" if mirror else "force_lat",
        lag=lag,
        align=align,
    )
    d.explain("""
        F = D sin(C atan(B x - E (B x - atan(B x)))) with peak D, shape C, curvature E and
        B = K / (C D) from slip stiffness K. Loads in N, angles in rad. Each thread handles one wheel.
    """)

    def reference(v: Values) -> dict[str, Any]:
        def get(name: str) -> Any:
            value = v[f"{given}.{name}"]
            return value[v.compound] if layout == "per compound" else value

        load = np.maximum(v.wheel_load, 1.0)
        if slip == "velocities":
            base = np.maximum(np.abs(v.wheel_velocity), v.low_speed)
            ratio = np.clip((get("radius") * v.wheel_speed - v.wheel_velocity) / base, -1.0, 1.0)
            angle, rolled = -np.arctan(v.lateral_velocity / base), np.abs(v.wheel_velocity)
        else:
            ratio, angle, rolled = v.slip_ratio_in, v.slip_angle_in, v.get("roll_speed")
        hand = np.where(v.is_right, -1.0, 1.0) if mirror else np.ones(count)
        angle = angle * hand
        if camber == "shift":
            angle = angle + v.camber_gain * v.camber
        peak = (
            load * (get("mu_peak") + get("mu_load") * (load / get("load_nominal") - 1.0)) * v.get("grip", 1.0)
        )
        b_x = get("k_long") * load / (get("c_long") * peak)
        b_y = get("k_lat") * np.sin(2.0 * np.arctan(load / get("load_lat"))) / (get("c_lat") * peak)
        along, across = (b_x, get("c_long"), get("e_long"), peak), (b_y, get("c_lat"), get("e_lat"), peak)
        if combined == "similarity":
            s = np.stack([ratio, np.tan(angle)]) / np.maximum(1.0 + ratio, 0.1)
            size = np.hypot(*s) + 1e-6
            fx, fy = s[0] / size * _magic(size, *along), s[1] / size * _magic(size, *across)
        else:
            fx, fy = _magic(ratio, *along), _magic(angle, *across)
        if combined == "ellipse":
            fy = fy * np.sqrt(1.0 - np.minimum(np.abs(fx) / (peak + 1e-3), 0.995) ** 2)
        elif combined == "cosine":
            fx, fy = fx / np.hypot(1.0, 8.0 * angle), fy / np.hypot(1.0, 8.0 * ratio)
        if camber == "thrust":
            fy = fy + v.camber_gain * load * v.camber
        force = np.stack([fx, hand * fy], axis=1)
        if relax != "none":
            x = rolled * v.dt / v.relaxation_length
            share = 1.0 - np.exp(-x) if relax == "exponential" else np.minimum(x, 1.0)
            force = v.previous_force + share[:, None] * (force - v.previous_force)
        keep = np.where(v.wheel_load > 0.0, 1.0, 0.0) if lifted == "return" else np.ones(count)
        made = {"tire_force": force * keep[:, None]}
        if moment != "none":
            lever = get("trail") / np.hypot(1.0, 6.0 * angle) * load / get("load_nominal")
            rest = 0.0
            if moment != "trail":
                rest = hand * 0.02 * get("radius") * load * v.camber
            made["aligning"] = (rest - lever * force[:, 1]) * keep
        return made

    d.check(reference, 1e-3)
