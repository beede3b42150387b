"""Turbulent exchange between the ground and the air above it."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.climate import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_STABLE = {
    "linear": '''
@wp.func
def psi_m_stable(zeta: float) -> float:
    """Integrated momentum stability function for stable conditions (Dyer 1974)."""
    return -5.0 * zeta


@wp.func
def psi_h_stable(zeta: float) -> float:
    """Integrated heat stability function for stable conditions, same as momentum (Dyer 1974)."""
    return psi_m_stable(zeta)
''',
    "holtslag": '''
@wp.func
def psi_m_stable(zeta: float) -> float:
    """Integrated momentum stability function for stable conditions (Holtslag & De Bruin 1988)."""
    return -(0.7 * zeta + 0.75 * (zeta - 5.0 / 0.35) * wp.exp(-0.35 * zeta) + 0.75 * 5.0 / 0.35)


@wp.func
def psi_h_stable(zeta: float) -> float:
    """Integrated heat stability function for stable conditions, assumed equal to momentum."""
    return psi_m_stable(zeta)
''',
    "beljaars": '''
@wp.func
def psi_m_stable(zeta: float) -> float:
    """Integrated momentum stability function for stable conditions (Beljaars & Holtslag 1991)."""
    return -(zeta + 0.667 * (zeta - 5.0 / 0.35) * wp.exp(-0.35 * zeta) + 0.667 * 5.0 / 0.35)


@wp.func
def psi_h_stable(zeta: float) -> float:
    """Integrated heat stability function, weaker mixing than momentum when very stable."""
    root = wp.pow(1.0 + 2.0 / 3.0 * zeta, 1.5)
    return -(root + 0.667 * (zeta - 5.0 / 0.35) * wp.exp(-0.35 * zeta) + 0.667 * 5.0 / 0.35 - 1.0)
''',
}


def _stable(form: str, z: Any) -> tuple[Any, Any]:
    if form == "linear":
        return -5 * z, -5 * z
    tail = (z - 5 / 0.35) * np.exp(-0.35 * z)
    if form == "holtslag":
        both = -(0.7 * z + 0.75 * tail + 0.75 * 5 / 0.35)
        return both, both
    rest = 0.667 * tail + 0.667 * 5 / 0.35
    return -(z + rest), -((1 + 2 * z / 3) ** 1.5 + rest - 1)


@DOMAIN.algorithm(
    source="Monin & Obukhov 1954; Dyer 1974; Beljaars & Holtslag 1991; Zilitinkevich 1995; Stull 1988, ch. 7 and 9",
    names={
        "wind": "wind_speed|u_air|speed",
        "air_theta": "theta_a|potential_temp|theta_ref",
        "surface_temperature": "t_surface|skin_temperature|t_skin",
        "u_star": "ustar|friction_velocity|u_st",
        "inverse_length": "inv_L|inv_obukhov|rL",
        "roughness": "z0|z0m|momentum_roughness",
        "heat_roughness": "z0h|thermal_roughness|z0t",
    },
    double=True,
    weight=3,
)
def surface_fluxes(d: Draft) -> None:
    """Computes turbulent surface fluxes using Monin-Obukhov similarity."""
    stable = d.option("stable", *_STABLE)
    rough = d.option("roughness", "field", "charnock", "smooth")
    heat = d.option("heat roughness", "ratio", "zilitinkevich", "same")
    result = d.option("result", "fluxes", "heat", "stress", "wind at ten meters", "length")
    moist = d.flag("moisture") or result == "fluxes"
    gusts = d.flag("gustiness", 0.4)
    canopy = d.flag("canopy", 0.4)
    d.calls(
        {
            "fluxes": "surface_fluxes|bulk_fluxes|exchange_at_surface|monin_obukhov_fluxes|turbulent_fluxes",
            "heat": "sensible_heat_flux|surface_heat_flux|bulk_heat_flux",
            "stress": "wind_stress|surface_stress|bulk_stress",
            "wind at ten meters": "wind_at_ten_meters|diagnose_wind|ten_meter_wind",
            "length": "surface_stability|obukhov_stability|monin_obukhov_stability",
        }[result]
    )
    canopy = canopy and rough == "field"
    wind = d.option("wind", "speed", "components")
    rounds = d.option("rounds", 2, 3, 4)
    n = d.pick(48, 64, 96)
    if wind == "speed":
        d.input("wind", "float", n, 0.0, 12.0, about="Wind speed at the reference height [m/s]")
    else:
        d.input("wind", "vec2", n, -3.0, 4.0, about="Eastward and northward wind [m/s]")
    d.input("air_theta", "float", n, 285.0, 300.0, about="Air potential temperature [K]")
    d.input("surface_temperature", "float", n, 284.0, 304.0, about="Surface temperature [K]")
    if moist:
        d.input("humidity", "float", n, 0.002, 0.008, about="Air specific humidity [kg/kg]")
        d.input("surface_humidity", "float", n, 0.004, 0.009, about="Surface specific humidity [kg/kg]")
    if rough == "field" and not canopy:
        d.input("roughness", "float", n, 0.01, 0.3, about="Momentum roughness length [m]")
    if canopy:
        d.input("canopy_height", "float", n, 0.1, 3.0, about="Canopy height [m]")
    under = "sea" if rough == "charnock" else "ground"
    d.param("height", "float", 10.0, 20.0, about=f"Reference height above the {under} [m]")
    d.param("air_density", "float", 1.15, 1.25, about="Air density [kg/m^3]")
    if gusts:
        d.param("mixed_depth", "float", 600.0, 1000.0, about="Convective boundary layer depth [m]")
    name, type, about = {
        "fluxes": (
            "fluxes",
            "vec3",
            f"Stress on the {under} [N/m^2], upward sensible and latent heat flux [W/m^2]",
        ),
        "heat": ("sensible_heat", "float", "Upward sensible heat flux [W/m^2]"),
        "stress": ("stress", "float", f"Momentum flux into the {under} [N/m^2]"),
        "wind at ten meters": (
            "wind_10m",
            "float",
            f"Wind speed 10 m above the {under}" + ", including gusts" * gusts + " [m/s]",
        ),
        "length": ("stability", "float", "Stability parameter z / L, negative if unstable"),
    }[result]
    d.output(name, type, n, about=about)
    d.module("""
        KARMAN = wp.constant(0.4)
        GRAVITY = wp.constant(9.81)
    """)
    d.function(
        _STABLE[stable]
        + '''

@wp.func
def psi_m(zeta: float) -> float:
    """Integrated momentum stability function, 0 in neutral conditions."""
    if zeta >= 0.0:
        return psi_m_stable(zeta)
    x = wp.sqrt(wp.sqrt(1.0 - 16.0 * zeta))
    half = 0.5 * (1.0 + x)
    return 2.0 * wp.log(half) + wp.log(0.5 * (1.0 + x * x)) - 2.0 * wp.atan(x) + 0.5 * wp.pi


@wp.func
def psi_h(zeta: float) -> float:
    """Integrated stability function for heat and moisture."""
    if zeta >= 0.0:
        return psi_h_stable(zeta)
    return 2.0 * wp.log(0.5 * (1.0 + wp.sqrt(1.0 - 16.0 * zeta)))
'''
    )
    first = {
        "field": "z0 = 0.1 * canopy_height[tid]" if canopy else "z0 = roughness[tid]",
        "charnock": "z0 = 1.0e-4",
        "smooth": "z0 = 1.0e-4",
    }[rough]
    regime = {
        "field": "",
        "charnock": """
            # Charnock (1955) wave roughness plus smooth-flow limit for calm water
            z0 = 0.0144 * u_star * u_star / GRAVITY + 0.11 * 1.5e-5 / u_star
            """,
        "smooth": """
            # Aerodynamically smooth surface: roughness set by the viscous sublayer
            z0 = 0.11 * 1.5e-5 / u_star
            """,
    }[rough]
    z0h = {
        "ratio": "z0h = 0.1 * z0",
        "zilitinkevich": """
            # Thermal roughness length (Zilitinkevich 1995), since heat must cross the viscous sublayer
            reynolds = u_star * z0 / 1.5e-5
            z0h = z0 * wp.exp(-0.1 * KARMAN * wp.sqrt(reynolds))
            """,
        "same": "",
    }[heat]
    round_ = """
        zeta = wp.clamp(z * inverse_length, -5.0, 5.0)
        $z0h
        # Stability-corrected log profiles from roughness to reference height
        momentum_log = wp.log(z / z0) - psi_m(zeta) + psi_m(z0 / z * zeta)
        heat_log = wp.log(z / z0h) - psi_h(zeta) + psi_h(z0h / z * zeta)
        # Minimum friction velocity, since exchange may vanish under stable conditions
        u_star = wp.max(KARMAN * speed / momentum_log, 0.02)
        theta_star = KARMAN * delta_theta / heat_log
        $q_star
        $gust
        $regime
        # Stratification: 1 / L = $law
        inverse_length = KARMAN * GRAVITY * $buoyancy / (theta_v * u_star * u_star)
        """
    ten = "z_10" if canopy else "10.0"
    last = {
        "fluxes": """
            # Latent heat of vaporization at the surface temperature
            latent_heat = 2.501e6 - 2361.0 * (surface_temperature[tid] - 273.15)
            fluxes[tid] = wp.vec3(
                air_density * u_star * u_star,
                -1005.0 * air_density * u_star * theta_star,
                -latent_heat * air_density * u_star * q_star,
            )
            """,
        "heat": "sensible_heat[tid] = -1005.0 * air_density * u_star * theta_star",
        "stress": "stress[tid] = air_density * u_star * u_star",
        "wind at ten meters": "# Diagnose using the same profile\n"
        + ("z_10 = 10.0 - 0.67 * canopy_height[tid]\n" if canopy else "")
        + f"zeta_10 = wp.clamp({ten} * inverse_length, -5.0, 5.0)\n"
        f"profile = wp.log({ten} / z0) - psi_m(zeta_10) + psi_m(z0 / {ten} * zeta_10)\n"
        "wind_10m[tid] = u_star / KARMAN * profile",
        "length": "stability[tid] = wp.clamp(z * inverse_length, -5.0, 5.0)",
    }[result]
    d.launch(n)
    d.code(
        """
        tid = wp.tid()
        $wind
        $z
        delta_theta = air_theta[tid] - surface_temperature[tid]
        $dq
        $theta_v
        $first
        $guess
        # Initial guess for z / L, about 8 times the bulk Richardson number
        richardson = GRAVITY * z * $contrast / (theta_v * speed * speed)
        inverse_length = wp.clamp(richardson, -0.5, 0.1) * 8.0 / z
        for turn in range($rounds):
            $body
        $last
        """,
        wind={
            "speed": "# Minimum wind speed to avoid zero exchange in calm air\nspeed = wp.max(wind[tid], 1.0)",
            "components": "# Minimum wind speed to avoid zero exchange in calm air\nspeed = wp.max(wp.length(wind[tid]), 1.0)",
        }[wind],
        z="""
            # Subtract the canopy displacement height
            z = height - 0.67 * canopy_height[tid]
            """
        if canopy
        else "z = height",
        dq="delta_q = humidity[tid] - surface_humidity[tid]" if moist else "",
        theta_v="theta_v = air_theta[tid] * (1.0 + 0.61 * humidity[tid])"
        if moist
        else "theta_v = air_theta[tid]",
        first=first,
        # The other roughness lengths of heat wait for none
        guess="# Initial guess: neutral friction velocity\nu_star = KARMAN * speed / wp.log(z / z0)"
        if heat == "zilitinkevich"
        else "",
        contrast="(delta_theta + 0.61 * air_theta[tid] * delta_q)" if moist else "delta_theta",
        rounds=str(rounds),
        body=round_,
        z0h=z0h,
        q_star="q_star = KARMAN * delta_q / heat_log" if moist else "",
        gust="""
            # Add convective gustiness (Deardorff velocity scale)
            convection = wp.max(-GRAVITY / theta_v * u_star * $buoyancy * mixed_depth, 1.0e-4)
            w_star = wp.pow(convection, 1.0 / 3.0)
            speed = wp.sqrt(mean_wind * mean_wind + 1.44 * w_star * w_star)
            """
        if gusts
        else "",
        regime=regime,
        law="kappa g theta_v* / (theta_v u*^2)" if moist else "kappa g theta* / (theta u*^2)",
        buoyancy="(theta_star + 0.61 * air_theta[tid] * q_star)" if moist else "theta_star",
        last=last,
    )
    if not canopy:
        d.text = re.sub(r"\bz\b", "height", d.text.replace("z = height\n", ""))
    if heat == "same":
        d.text = d.text.replace("z0h", "z0")
    if not moist:
        d.text = d.text.replace("theta_v", "theta_air")
    if gusts:
        d.text = d.text.replace("delta_theta = air", "mean_wind = speed\ndelta_theta = air", 1)
    d.explain(f"""
        Fluxes and stability are coupled, so they are iterated a few times, which is sufficient because the
        logarithms vary slowly.{" Heat fluxes are positive upward." if result in ("fluxes", "heat") else ""}
    """)
    d.says(
        {
            "heat": "Computes the surface sensible heat flux using Monin-Obukhov similarity.",
            "stress": "Computes surface wind stress using Monin-Obukhov similarity.",
            "wind at ten meters": "Diagnoses 10 m wind speed using Monin-Obukhov similarity.",
            "length": "Computes the surface-layer stability parameter z / L using Monin-Obukhov similarity.",
        }.get(result, "Computes turbulent surface fluxes using Monin-Obukhov similarity.")
    )

    def psi(zeta: Any) -> tuple[Any, Any]:
        x = np.maximum(1 - 16 * np.minimum(zeta, 0.0), 1.0) ** 0.25
        m = np.log(((1 + x) / 2) ** 2 * (1 + x**2) / 2) - 2 * np.arctan(x) + np.pi / 2
        up, zero = _stable(stable, np.maximum(zeta, 0.0)), _stable(stable, np.zeros(1))
        return (
            np.where(zeta >= 0, up[0] - zero[0], m),
            np.where(zeta >= 0, up[1] - zero[1], 2 * np.log((1 + x**2) / 2)),
        )

    def reference(v: Values) -> dict[str, Any]:
        u = mean = np.maximum(v.wind if wind == "speed" else np.linalg.norm(v.wind, axis=1), 1.0)
        z = v.height - (0.67 * v.canopy_height if canopy else 0.0)
        dt, t = v.air_theta - v.surface_temperature, v.air_theta
        dq = v.humidity - v.surface_humidity if moist else np.zeros(n)
        tv = t * (1 + 0.61 * v.humidity) if moist else t
        z0 = 0.1 * v.canopy_height if canopy else v.roughness if rough == "field" else np.full(n, 1e-4)
        us = 0.4 * u / np.log(z / z0)
        il = np.clip(9.81 * z * (dt + 0.61 * t * dq) / (tv * u * u), -0.5, 0.1) * 8 / z
        for _ in range(rounds):
            zeta = np.clip(z * il, -5, 5)
            zh = {
                "ratio": 0.1 * z0, "same": z0, "zilitinkevich": z0 * np.exp(-0.04 * np.sqrt(us * z0 / 1.5e-5)),
            }[heat]  # fmt: skip
            lm = np.log(z / z0) - psi(zeta)[0] + psi(z0 / z * zeta)[0]
            lh = np.log(z / zh) - psi(zeta)[1] + psi(zh / z * zeta)[1]
            us = np.maximum(0.4 * u / lm, 0.02)
            ts, qs = 0.4 * dt / lh, 0.4 * dq / lh
            if gusts:
                w = np.cbrt(np.maximum(-9.81 / tv * us * (ts + 0.61 * t * qs) * v.mixed_depth, 1e-4))
                u = np.sqrt(mean**2 + (1.2 * w) ** 2)
            if rough != "field":
                z0 = 0.11 * 1.5e-5 / us + (0.0144 * us**2 / 9.81 if rough == "charnock" else 0.0)
            il = 0.4 * 9.81 * (ts + 0.61 * t * qs) / (tv * us**2)
        rho = v.get("air_density", 1.0)
        ten = 10 - (0.67 * v.canopy_height if canopy else 0.0)
        tall = np.clip(ten * il, -5, 5)
        made = {
            "fluxes": np.stack(
                [us**2, -1005 * us * ts, -(2.501e6 - 2361 * (v.surface_temperature - 273.15)) * us * qs],
                axis=-1,
            )
            * rho,
            "heat": -1005 * rho * us * ts,
            "stress": rho * us**2,
            "wind at ten meters": us / 0.4 * (np.log(ten / z0) - psi(tall)[0] + psi(z0 / ten * tall)[0]),
            "length": np.clip(z * il, -5, 5),
        }
        return {name: made[result]}

    d.check(reference, 1e-2)
