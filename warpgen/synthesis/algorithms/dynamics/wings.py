"""Aircraft of several lifting surfaces, from attached flow to deep stall."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.dynamics import DOMAIN
from warpgen.synthesis.library import quaternions
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import piece

SURFACE = piece(
    '''
@wp.struct
class LiftingSurface:
    """Lifting surface (wing panel or tail) in the body frame, x forward and z up."""

    center: wp.vec3
    dihedral: float  # rotation about the forward axis [rad]
    area: float  # [m^2]
    aspect_ratio: float
    stall_angle: float  # [rad]
    flap_effect: float  # angle of attack change per deflection
'''
)
_FIELDS = {
    "center": fill(-1.0, 1.0),
    "dihedral": fill(-0.1, 0.6),
    "area": fill(0.2, 1.0),
    "aspect_ratio": fill(4.0, 9.0),
    "stall_angle": fill(0.2, 0.35),
    "flap_effect": fill(0.3, 0.6),
}

_BLEND = {
    "sigmoid": '''
@wp.func
def attached_fraction(alpha: float, stall_angle: float) -> float:
    """Sigmoid blend: 1 for attached flow, 0 far beyond the stall angle (Beard & McLain 2012)."""
    upper = wp.exp(-STALL_SHARPNESS * (alpha - stall_angle))
    lower = wp.exp(STALL_SHARPNESS * (alpha + stall_angle))
    separated = (1.0 + upper + lower) / ((1.0 + upper) * (1.0 + lower))
    return 1.0 - separated
''',
    "linear": '''
@wp.func
def attached_fraction(alpha: float, stall_angle: float) -> float:
    """Attached flow fraction: 1 below the stall angle, 0 above 1.5x the stall angle."""
    excess = wp.abs(alpha) - stall_angle
    if excess <= 0.0:
        return 1.0
    return wp.max(1.0 - 2.0 * excess / stall_angle, 0.0)
''',
}

_COEFFICIENTS = '''
@wp.func
def lift_and_drag(alpha: float, deflection: float, surface: LiftingSurface, parasitic_drag: float) -> wp.vec2:
    """Compute lift and drag coefficients, including post-stall angles of attack.

    Args:
        alpha: Angle of attack [rad].
        deflection: Control surface deflection [rad].
        surface: Lifting surface geometry.
        parasitic_drag: Zero-lift drag coefficient.
    """
    # Finite-wing lift slope (lifting line theory)
    slope = 2.0 * wp.pi / (1.0 + 2.0 / surface.aspect_ratio)
    effective = alpha + surface.flap_effect * deflection
    lift_attached = slope * effective
    # Parasitic plus induced drag
    drag_attached = parasitic_drag + lift_attached * lift_attached / (wp.pi * OSWALD * surface.aspect_ratio)
    # Post-stall flat plate model
    sine = wp.sin(alpha)
    lift_separated = 2.0 * sine * wp.abs(sine) * wp.cos(alpha)
    drag_separated = 2.0 * sine * sine * wp.abs(sine)
    attached = attached_fraction(alpha, surface.stall_angle)
    lift = attached * lift_attached + (1.0 - attached) * lift_separated
    drag = attached * drag_attached + (1.0 - attached) * (parasitic_drag + drag_separated)
    return wp.vec2(lift, drag)
'''

_SURFACE_FORCE = '''
@wp.func
def surface_force(
    air_velocity: wp.vec3,
    density: float,
    deflection: float,
    surface: LiftingSurface,
    parasitic_drag: float,
) -> wp.vec3:
    """Compute the body-frame aerodynamic force on a lifting surface.

    Args:
        air_velocity: Surface velocity relative to the air, in the body frame [m/s].
        density: Air density [kg/m^3].
        deflection: Control surface deflection [rad].
        surface: Lifting surface geometry.
        parasitic_drag: Zero-lift drag coefficient.
    """
    orientation = wp.quat_from_axis_angle(wp.vec3(1.0, 0.0, 0.0), surface.dihedral)
    local_velocity = wp.quat_rotate_inv(orientation, air_velocity)
    forward_speed = local_velocity[0]
    sink_speed = -local_velocity[2]
    # Discard spanwise flow, which does not generate lift
    speed_sq = forward_speed * forward_speed + sink_speed * sink_speed
    if speed_sq < 1.0e-4:
        return wp.vec3(0.0, 0.0, 0.0)
    alpha = wp.atan2(sink_speed, forward_speed)
    coefficients = lift_and_drag(alpha, deflection, surface, parasitic_drag)
    dynamic_pressure = 0.5 * density * speed_sq
    # Drag opposes the motion, lift is perpendicular to it
    speed = wp.sqrt(speed_sq)
    motion_dir = wp.vec3(forward_speed, 0.0, -sink_speed) / speed
    lift_dir = wp.vec3(sink_speed, 0.0, forward_speed) / speed
    force = dynamic_pressure * surface.area * (coefficients[0] * lift_dir - coefficients[1] * motion_dir)
    return wp.quat_rotate(orientation, force)
'''


@DOMAIN.algorithm(
    source="Beard & McLain 2012, ch. 4; Anderson 2017, ch. 5 (lifting line); Khan & Nahon 2015 (surfaces)",
    names={
        "aerodynamic_surfaces": "wing_forces|eval_aero_surfaces|aircraft_aerodynamics|lifting_surface_forces",
        "wind": "wind_velocity|wind_vel",
        "wrench": "aero_wrench",
        "aircraft": "plane_id",
        "deflection": "flap_angle",
    },
    weight=3,
)
def aerodynamic_surfaces(d: Draft) -> None:
    """Computes aircraft wrenches from lifting surface lift and drag."""
    stall = d.option("stall", *_BLEND)
    threads = d.option("threads", "aircraft", "surface")
    atmosphere = d.option("atmosphere", "constant", "exponential", "standard")
    wind = d.option("wind", "none", "uniform", "shear")
    frame = d.option("frame", "body", "world")
    mixing = d.option("controls", "surfaces", "mixed")
    propeller = d.flag("propeller", 0.35)
    count, surfaces = d.pick(16, 24, 32), 4
    needs_rot = wind != "none" or frame == "world"
    if needs_rot or atmosphere != "constant":
        top = 200.0 if atmosphere == "constant" or wind == "shear" else 2000.0
        d.input("pose", "transform", count, 0.0, top, kind="transform", about="World-space body poses, z up")
    d.input("forward_speed", "float", count, 12.0, 25.0, about="Body-space forward speeds [m/s]")
    d.input("cross_speed", "vec2", count, -5.0, 5.0, about="Body-space speeds to the left and up [m/s]")
    d.input("omega", "vec3", count, -1.0, 1.0, about="Body-space angular velocities [rad/s]")
    if threads == "aircraft":
        d.module(f"SURFACES = wp.constant({surfaces})")
    d.struct("surfaces", SURFACE, _FIELDS, surfaces, about="Lifting surfaces, shared by all aircraft")
    if mixing == "surfaces":
        d.input("deflection", "float", (count, surfaces), -0.3, 0.3, about="Control deflections [rad]")
    elif mixing == "mixed":
        d.input("stick", "vec3", count, -0.5, 0.5, about="Aileron, elevator and rudder commands")
        d.input(
            "mixer",
            "vec3",
            surfaces,
            -0.5,
            0.5,
            about="Control mixer, surface deflection per unit command [rad]",
        )
        d.param("max_deflection", "float", 0.2, 0.3, about="Maximum deflection [rad]")
    if wind == "uniform":
        d.param("wind", "vec3", -3.0, 3.0, about="Wind velocity [m/s]")
    elif wind == "shear":
        d.param("wind", "vec3", -3.0, 3.0, about="Wind velocity at 10 m [m/s]")
        d.param("shear_exponent", "float", 0.1, 0.25, about="Wind shear exponent")
    if atmosphere == "constant":
        d.param("air_density", "float", 1.0, 1.3, about="Air density [kg/m^3]")
    if propeller:
        d.input("throttle", "float", count, 0.0, 1.0, about="Throttle, 0 to 1")
        d.param("max_thrust", "float", 50.0, 100.0, about="Static thrust [N]")
        d.param("exhaust_speed", "float", 25.0, 35.0, about="Propeller exhaust speed [m/s]")
    d.param("parasitic_drag", "float", 0.02, 0.05, about="Zero-lift drag coefficient")
    parts = "lift, drag and propeller thrust" if propeller else "lift and drag"
    d.says(f"Computes {parts} wrenches for fixed-wing aircraft in {frame} space.")
    axes = "body space" if frame == "body" else "world space"
    d.output("wrench", "spatial_vector", count, about=f"Force and torque about the body origin, in {axes}")
    d.module("OSWALD = wp.constant(0.85)  # efficiency factor")
    if stall == "sigmoid":
        d.module("STALL_SHARPNESS = wp.constant(25.0)  # [1/rad]")
    if atmosphere != "constant":
        d.module("SEA_DENSITY = wp.constant(1.225)  # [kg/m^3]")
    if atmosphere == "exponential":
        d.module("SCALE_HEIGHT = wp.constant(8500.0)  # [m]")
    elif atmosphere == "standard":
        d.module("SEA_TEMPERATURE = wp.constant(288.15)  # [K]\nLAPSE_RATE = wp.constant(0.0065)  # [K/m]")
        d.module("DENSITY_EXPONENT = wp.constant(4.2559)")
    if wind == "shear":
        d.module("WIND_HEIGHT = wp.constant(10.0)  # [m]")
    d.function(_BLEND[stall])
    d.function(_COEFFICIENTS)
    d.function(_SURFACE_FORCE)
    if atmosphere == "exponential":
        d.function('''
            @wp.func
            def density_at(altitude: float) -> float:
                """Air density for an isothermal atmosphere [kg/m^3]."""
                return SEA_DENSITY * wp.exp(-altitude / SCALE_HEIGHT)
        ''')
    elif atmosphere == "standard":
        d.function('''
            @wp.func
            def density_at(altitude: float) -> float:
                """Standard atmosphere air density below 11 km [kg/m^3]."""
                temperature = SEA_TEMPERATURE - LAPSE_RATE * altitude
                return SEA_DENSITY * wp.pow(temperature / SEA_TEMPERATURE, DENSITY_EXPONENT)
        ''')
    rho = "air_density" if atmosphere == "constant" else "density"
    air = {
        "none": "",
        "uniform": """
        # Velocity relative to the air
        vel_body -= wp.quat_rotate_inv(rot, wind)
        """,
        "shear": """
        # Power-law wind profile, clamped below 1 m
        profile = wp.pow(wp.max(pos[2], 1.0) / WIND_HEIGHT, shear_exponent)
        vel_body -= profile * wp.quat_rotate_inv(rot, wind)
        """,
    }
    command = {
        "surfaces": "angle = deflection[aircraft, index]",
        "mixed": """
        # Mix pilot commands and clamp to the mechanical limits
        angle = wp.clamp(wp.dot(mixer[index], stick[aircraft]), -max_deflection, max_deflection)
        """,
    }
    single = """
    surface = surfaces[index]
    $command
    # Include the velocity due to body rotation
    local_vel = vel_body + wp.cross(omega[aircraft], surface.center)
    $f = surface_force(local_vel, $rho, angle, surface, parasitic_drag)
    """
    thrust = """
    # Propeller thrust along x, zero at the exhaust speed
    fade = wp.clamp(1.0 - vel_body[0] / exhaust_speed, 0.0, 1.0)
    force += wp.vec3(max_thrust * throttle[aircraft] * fade, 0.0, 0.0)
    """
    out = {
        "body": "wp.spatial_vector(force, torque)",
        "world": "wp.spatial_vector(wp.quat_rotate(rot, force), wp.quat_rotate(rot, torque))",
    }[frame]
    body = {
        "aircraft": f"""
        force = wp.vec3(0.0, 0.0, 0.0)
        torque = wp.vec3(0.0, 0.0, 0.0)
        for index in range(SURFACES):
            $single
            force += surface_f
            torque += wp.cross(surface.center, surface_f)
        $thrust
        wrench[aircraft] = {out}
        """,
        "surface": f"""
        $single
        torque = wp.cross(surface.center, force)
        $thrust_once
        wp.atomic_add(wrench, aircraft, {out})
        """,
    }
    once = "# Propeller thrust along x, applied once per aircraft\nif index == 0:\n"
    once += "    fade = wp.clamp(1.0 - vel_body[0] / exhaust_speed, 0.0, 1.0)\n"
    once += "    force += wp.vec3(max_thrust * throttle[aircraft] * fade, 0.0, 0.0)"
    d.launch(*((count, surfaces) if threads == "surface" else (count,)))
    needs_pos = wind == "shear" or atmosphere != "constant"
    d.code(
        """
        $thread
        $pos
        $rot
        $density
        across = cross_speed[aircraft]
        vel_body = wp.vec3(forward_speed[aircraft], across[0], across[1])
        $air
        $body
        """,
        thread="aircraft, index = wp.tid()" if threads == "surface" else "aircraft = wp.tid()",
        pos="pos = wp.transform_get_translation(pose[aircraft])" if needs_pos else "",
        rot="rot = wp.transform_get_rotation(pose[aircraft])" if needs_rot else "",
        density="" if atmosphere == "constant" else "density = density_at(pos[2])",
        air=air[wind],
        body=body[threads],
        single=single,
        rho=rho,
        f="force" if threads == "surface" else "surface_f",
        command=command[mixing],
        thrust=thrust if propeller else "",
        thrust_once=once if propeller else "",
    )
    heights = " Air density decreases with altitude." if atmosphere != "constant" else ""
    heights += " Wind follows a power-law height profile." if wind == "shear" else ""
    d.explain(f"""
        Local velocity is evaluated at each surface center. Coefficients blend between lifting line theory
        for attached flow and a flat-plate model after stall.{heights}
    """)

    def coefficients(v: Values, alpha: Any, angle: Any, i: int) -> tuple[Any, Any]:
        s = {name: v[f"surfaces.{name}"][i] for name in _FIELDS}
        lift = 2.0 * np.pi / (1.0 + 2.0 / s["aspect_ratio"]) * (alpha + s["flap_effect"] * angle)
        drag = v.parasitic_drag + lift**2 / (0.85 * np.pi * s["aspect_ratio"])
        if stall == "sigmoid":
            low, high = np.exp(-25.0 * (alpha - s["stall_angle"])), np.exp(25.0 * (alpha + s["stall_angle"]))
            share = low * high / ((1.0 + low) * (1.0 + high))
        else:
            share = np.clip(1.0 - 2.0 * (np.abs(alpha) - s["stall_angle"]) / s["stall_angle"], 0.0, 1.0)
        plate_lift = np.sign(alpha) * 2.0 * np.sin(alpha) ** 2 * np.cos(alpha)
        plate_drag = 2.0 * np.abs(np.sin(alpha)) ** 3 + v.parasitic_drag
        return share * lift + (1.0 - share) * plate_lift, share * drag + (1.0 - share) * plate_drag

    def reference(v: Values) -> dict[str, Any]:
        pose = v.get("pose", np.zeros((count, 7)))
        turn, height = quaternions.matrix(pose[:, 3:]), pose[:, 2]
        rho = {
            "constant": lambda: v.air_density,
            "exponential": lambda: 1.225 * np.exp(-height / 8500.0),
            "standard": lambda: 1.225 * ((288.15 - 0.0065 * height) / 288.15) ** 4.2559,
        }[atmosphere]()
        vel, spin = np.concatenate([v.forward_speed[:, None], v.cross_speed], axis=1), v.omega
        if wind != "none":
            profile = np.maximum(height, 1.0) / 10.0
            blown = np.einsum("nji,j->ni", turn, v.wind)
            vel = vel - (1.0 if wind == "uniform" else profile[:, None] ** v.shear_exponent) * blown
        force, torque = np.zeros((count, 3)), np.zeros((count, 3))
        for i in range(surfaces):
            if mixing == "surfaces":
                angle = v.deflection[:, i]
            else:
                angle = np.clip(v.stick @ v.mixer[i], -v.max_deflection, v.max_deflection)
            tilt = v["surfaces.dihedral"][i]
            chord, normal = np.array([1.0, 0.0, 0.0]), np.array([0.0, -np.sin(tilt), np.cos(tilt)])
            local = vel + np.cross(spin, v["surfaces.center"][i])
            ahead, sink = local @ chord, -(local @ normal)
            cl, cd = coefficients(v, np.arctan2(sink, ahead), angle, i)
            flow = ahead[:, None] * chord - sink[:, None] * normal
            across = sink[:, None] * chord + ahead[:, None] * normal
            speed = np.hypot(ahead, sink)[:, None]
            f = 0.5 * np.broadcast_to(rho, count)[:, None] * speed * v["surfaces.area"][i]
            f = f * (cl[:, None] * across - cd[:, None] * flow)
            f = np.where(speed**2 < 1e-4, 0.0, f)
            force += f
            torque += np.cross(v["surfaces.center"][i], f)
        if propeller:
            fade = np.clip(1.0 - vel[:, 0] / v.exhaust_speed, 0.0, 1.0)
            force[:, 0] += v.max_thrust * v.throttle * fade
        if frame == "world":
            force, torque = (np.einsum("nij,nj->ni", turn, a) for a in (force, torque))
        return {"wrench": np.concatenate([force, torque], 1)}

    d.check(reference, 1e-3)
