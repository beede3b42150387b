"""Clouds that rain."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.climate import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.trim import trim


@DOMAIN.algorithm(
    source="Kessler 1969; Klemp & Wilhelmson 1978, eq. 2.12 to 2.15",
    names={
        "rain_warm_clouds": "warm_rain_step|warm_rain|microphysics",
        "rho": "density|air_density|dens",
        "exner": "pk|exner_function|pi_",
        "dt": "step|time_step|delta_t",
    },
    adjoint="no",
)
def rain_warm_clouds(d: Draft) -> None:
    """Integrates warm rain microphysics in cloud columns."""
    sweep = d.option("sweep", "column", "level")
    store_in = d.option("store", "in place", "new arrays")
    fall = d.option("fall", "upstream", "none", "fixed speed")
    growth = d.option("growth", "implicit", "explicit", "berry")
    # Without any of these nothing would depend on the density.
    evaporate = d.flag("evaporate", 0.7) or (fall == "none" and growth != "berry")
    air = d.option("air", "exner", "temperature")
    surface = d.flag("surface", 0.4)
    columns, levels = d.pick(12, 16, 24), d.pick(8, 12, 16)
    shape = (columns, levels)
    if sweep == "level" and fall != "none":
        store_in = "new arrays"  # the level above is read as it was
    inplace = store_in == "in place"
    surface = surface and sweep == "column" and fall != "none"
    declare = d.inout if inplace else d.input
    steps = ["autoconversion", "accretion", "condensation", *["rain evaporation"] * evaporate]
    steps += ["sedimentation"] * (fall != "none")
    d.says(f"Integrates warm-rain microphysics in cloud columns: {', '.join(steps[:-1])} and {steps[-1]}.")
    heat = "theta" if air == "exner" else "temp"
    abouts = {
        "theta": "Potential temperature [K]",
        "temp": "Temperature [K]",
        "qv": "Water vapor mixing ratio [kg/kg]",
        "qc": "Cloud water mixing ratio [kg/kg]",
        "qr": "Rain water mixing ratio [kg/kg]",
    }
    declare(heat, "float", shape, 280.0, 290.0, about=abouts[heat])
    declare("qv", "float", shape, 0.006, 0.013, about=abouts["qv"])
    declare("qc", "float", shape, 0.0, 0.003, about=abouts["qc"])
    declare("qr", "float", shape, 0.0001, 0.012, about=abouts["qr"])
    d.input("rho", "float", levels, 0.8, 1.2, "ascending", "Air density [kg/m^3]")
    if air == "exner":
        d.input("exner", "float", levels, 0.95, 1.0, "ascending", "Exner function")
        warmth = "pk = exner[k]\nt = theta[c, k] * pk\np = 1000.0 * wp.pow(pk, 3.5)"
        warm = "LV / (CP * pk)"
    else:
        d.input("pressure", "float", levels, 830.0, 1000.0, "ascending", "Pressure [hPa]")
        warmth = "t = temp[c, k]\np = pressure[k]"
        warm = "LV / CP"
    d.param("dt", "float", 15.0, 45.0, about="Time step [s]")
    if fall != "none":
        d.param("dz", "float", 500.0, 800.0, about="Layer thickness [m]")
    constants = [
        "LV = wp.constant(2.5e6)  # latent heat of vaporization [J/kg]",
        "CP = wp.constant(1004.0)  # specific heat of air [J/(kg K)]",
    ]
    if fall == "fixed speed":
        constants.append("FALL_SPEED = wp.constant(5.0)  # rain fall speed [m/s]")
    if growth == "berry":
        constants.append("DROPLETS = wp.constant(100.0)  # droplet number concentration [1/cm^3]")
        constants.append("DISPERSION = wp.constant(0.3)  # relative dispersion of the droplet spectrum")
    d.module("\n".join(constants))

    def speed(k: str) -> str:
        if fall != "upstream":
            return "FALL_SPEED"
        thin = "" if k == "ground" else f" * wp.sqrt(rho[ground] / rho[{k}])"
        return f"36.34 * wp.pow(0.001 * rho[{k}] * qr[c, {k}], 0.1364){thin}"

    drop = ""
    if fall != "none":
        drop = f"""
        # Upwind sedimentation: inflow from the level above minus outflow
        leaving = rho[k] * qr[c, k] * {speed("k")}
        coming = 0.0
        if k > 0:
            coming = rho[k - 1] * qr[c, k - 1] * {speed("k - 1")}
        falling = dt * (coming - leaving) / (rho[k] * dz)
        """.replace("rho[k]", "r").replace("qr[c, k]", "rain")
    make = {
        "implicit": """
        # Explicit autoconversion above a threshold, then implicit accretion
        auto = dt * wp.max(0.001 * (cloud - 0.001), 0.0)
        left = (cloud - auto) / (1.0 + dt * 2.2 * wp.pow(rain, 0.875))
        born = cloud - left
        cloud = left
        """,
        "explicit": """
        auto = wp.max(0.001 * (cloud - 0.001), 0.0)
        collect = 2.2 * cloud * wp.pow(rain, 0.875)
        # Limit by the available cloud water
        born = wp.min(dt * (auto + collect), cloud)
        cloud = cloud - born
        """,
        "berry": """
        # Berry autoconversion (no threshold, slower for high droplet concentrations)
        dense = 1000.0 * r * cloud
        auto = cloud * dense / (60.0 * (5.0 + 0.0366 * DROPLETS / (wp.max(dense, 1.0e-3) * DISPERSION)))
        collect = 2.2 * cloud * wp.pow(rain, 0.875)
        born = wp.min(dt * (auto + collect), cloud)
        cloud = cloud - born
        """,
    }[growth]
    dry = ""
    if evaporate:
        dry = """
        # Rain evaporation in subsaturated air with a ventilation factor
        w = 0.001 * r * rain
        vent = (1.6 + 124.9 * wp.pow(w, 0.2046)) * wp.pow(w, 0.525)
        deficit = wp.max(qvs - vapor, 0.0) / (0.001 * r * qvs)
        rate = vent * deficit / (2.55e6 / (p * qvs) + 5.4e5)
        lost = wp.min(wp.min(dt * rate, wp.max(-excess - cloud, 0.0)), rain)
        """
    lost = " - lost" if evaporate else ""
    gained = " + lost" if evaporate else ""
    fresh = "" if inplace else "new_"
    if not inplace:
        for name in (heat, "qv", "qc", "qr"):
            d.output(
                f"new_{name}", "float", shape, about=f"{abouts[name]}".replace(" [", " after the step [")
            )
    if surface:
        d.output("rainfall", "float", columns, about="Surface precipitation [mm]")
    step = f"""
    $warmth
    r = rho[k]
    vapor = qv[c, k]
    cloud = qc[c, k]
    rain = qr[c, k]
    $drop
    $make
    rain = rain + born{" + falling" if fall != "none" else ""}
    # Saturation adjustment using the Tetens formula and a single Newton step
    qvs = 3.8 / p * wp.exp(17.27 * (t - 273.0) / (t - 36.0))
    excess = (vapor - qvs) / (1.0 + qvs * 237.3 * 17.27 * LV / (CP * (t - 36.0) * (t - 36.0)))
    condensed = wp.max(excess, -cloud)
    $dry
    {fresh}{heat}[c, k] = {heat}[c, k] + {warm} * {"(condensed - lost)" if evaporate else "condensed"}
    {fresh}qv[c, k] = vapor - condensed{gained}
    {fresh}qc[c, k] = cloud + condensed
    {fresh}qr[c, k] = rain{lost}
    """
    if surface:
        first = (
            "# Surface precipitation [mm] from the state before the step\n"
            f"rainfall[c] = dt * rho[ground] * qr[c, ground] * {speed('ground')}"
        )
    else:
        first = ""
    if sweep == "column":
        d.launch(columns)
        upwards = inplace and fall != "none"
        loop = "for k in range(rho.shape[0]):"
        if upwards:
            loop = (
                "# Loop bottom-up so that the level above still holds the old state\n"
                "for rise in range(rho.shape[0]):\n    k = ground - rise"
            )
        needed = upwards or surface or fall == "upstream"
        text = f"c = wp.tid()\n{'ground = rho.shape[0] - 1' * needed}\n$first\n{loop}\n    $step"
    else:
        d.launch(columns, levels)
        text = f"c, k = wp.tid()\n{'ground = rho.shape[0] - 1' * (fall == 'upstream')}\n$step"
    d.code(text, step=step, first=first, warmth=warmth, drop=drop, make=make, dry=dry)
    trim(d)
    short = " Rain must not cross a whole layer within a time step." if fall != "none" else ""
    d.explain(f"Mixing ratios in kg/kg, pressures in hPa; levels are ordered top-down.{short}")

    def reference(v: Values) -> dict[str, Any]:
        qv, qc, qr, rho = v.qv, v.qc, v.qr, v.rho
        if air == "exner":
            t, p, scale = v.theta * v.exner, 1000 * v.exner**3.5, 2.5e6 / (1004 * v.exner)
        else:
            t, p, scale = v.temp, v.pressure, 2.5e6 / 1004
        if fall == "upstream":
            speed_ = 36.34 * (1e-3 * rho * qr) ** 0.1364 * np.sqrt(rho[-1] / rho)
        else:
            speed_ = np.full(qr.shape, 5.0)
        flux = rho * qr * speed_
        sink = 0.0 if fall == "none" else -v.dt * np.diff(flux, axis=1, prepend=0.0) / (rho * v.dz)
        pull = 2.2 * qr**0.875
        if growth == "implicit":
            left = (qc - v.dt * np.maximum(1e-3 * (qc - 1e-3), 0)) / (1 + v.dt * pull)
        else:
            auto = np.maximum(1e-3 * (qc - 1e-3), 0)
            if growth == "berry":
                content = 1000 * rho * qc
                auto = qc * content / (60 * (5 + 12.2 / np.maximum(content, 1e-3)))
            left = np.maximum(qc - v.dt * (auto + pull * qc), 0)
        rain = np.maximum(qr + qc - left + sink, 0)
        qvs = 3.8 / p * np.exp(17.27 * (t - 273) / (t - 36))
        excess = (qv - qvs) / (1 + qvs * 17.27 * 237.3 * 2.5e6 / (1004 * (t - 36) ** 2))
        condensed = np.maximum(excess, -left)
        lost = 0.0
        if evaporate:
            w = 1e-3 * rho * rain
            deficit = np.clip(qvs - qv, 0, None) / (1e-3 * rho * qvs)
            rate = (1.6 + 124.9 * w**0.2046) * w**0.525 * deficit / (2.55e6 / (p * qvs) + 5.4e5)
            lost = np.minimum(np.minimum(v.dt * rate, np.clip(-excess - left, 0, None)), rain)
        made = {
            heat: v[heat] + scale * (condensed - lost),
            "qv": np.maximum(qv - condensed + lost, 0),
            "qc": left + condensed,
            "qr": rain - lost,
        }
        if not inplace:
            made = {f"new_{name}": array for name, array in made.items()}
        return made | ({"rainfall": v.dt * flux[:, -1]} if surface else {})

    d.check(reference, 2e-3)
