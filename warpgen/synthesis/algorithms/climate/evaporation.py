"""Water that a meadow or a crop gives off."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.climate import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.trim import trim


@DOMAIN.algorithm(
    source="Allen et al. 1998 (FAO 56), ch. 3 and 4",
    names={
        "wind": "wind_speed|u_wind|speed",
        "et0": "et_ref|reference_et|et_out",
        "altitude": "elevation|height|z_site",
        "latitude": "lat|phi_site|lat_rad",
        "sun": "sunshine|sun_hours|bright_hours",
    },
    adjoint="either",
    weight=3,
)
def evaporate_reference(d: Draft) -> None:
    """Computes daily reference evapotranspiration (FAO-56 Penman-Monteith)."""
    humidity = d.option("humidity", "dew point", "extremes", "mean", "wet bulb")
    light = d.option("light", "sunshine", "measured", "temperature range")
    axis = d.option("axis", "sites", "days", "grid")
    result = d.option("result", "et0", "net radiation", "crop", "aerodynamic share")
    mast = d.flag("mast", 0.5)
    d.calls(
        {
            "et0": "evaporate_reference|penman_monteith|reference_et|evapotranspiration",
            "net radiation": "daily_net_radiation|surface_radiation|compute_net_radiation",
            "crop": "crop_evapotranspiration|crop_water_use|evaporate_crops",
            "aerodynamic share": "aerodynamic_share|aerodynamic_fraction|wind_share_of_et",
        }[result]
    )
    count, rows = d.pick(48, 64, 96), d.pick(8, 12)
    grid = axis == "grid"
    d.says({
        "et0": "Computes daily reference evapotranspiration (FAO-56 Penman-Monteith).",
        "net radiation": "Computes daily net radiation for the reference surface (FAO-56).",
        "crop": "Computes daily crop evapotranspiration (FAO-56 crop coefficients).",
        "aerodynamic share": "Computes the aerodynamic fraction of reference evapotranspiration.",
    }[result])  # fmt: skip
    shape: Any = (rows, d.pick(8, 12, 16)) if grid else count
    here = "i, j" if grid else "tid"
    d.input("t_min", "float", shape, 4.0, 12.0, about="Minimum temperature [deg C]")
    d.input("t_max", "float", shape, 16.0, 30.0, about="Maximum temperature [deg C]")
    if humidity == "extremes":
        d.input("rh_max", "float", shape, 0.7, 0.95, about="Greatest relative humidity")
        d.input("rh_min", "float", shape, 0.3, 0.6, about="Least relative humidity")
    elif humidity == "mean":
        d.input("rh_mean", "float", shape, 0.35, 0.85, about="Mean relative humidity")
    elif humidity == "dew point":
        d.input("dew_point", "float", shape, 0.5, 4.0, about="Dew point [deg C]")
    else:
        d.input("wet_bulb", "float", shape, 8.0, 10.0, about="Mean wet-bulb temperature [deg C]")
    d.input("wind", "float", shape, 0.5, 6.0, about=f"Wind speed {'at the mast' if mast else 'at 2 m'} [m/s]")
    if light == "sunshine":
        d.input("sun", "float", shape, 1.0, 8.0, about="Sunshine duration [h]")
    elif light == "measured":
        d.input("solar", "float", shape, 10.0, 24.0, about="Solar radiation [MJ/m^2/day]")
    if axis == "sites":
        d.input("latitude", "float", count, -0.9, 0.9, about="Latitude [rad], between the polar circles")
        d.input("altitude", "float", count, 0.0, 1500.0, about="Altitude [m]")
        d.param("day", "float", 60.0, 300.0, about="Day of year")
        site = "phi = latitude[tid]\nz = altitude[tid]"
    elif axis == "days":
        d.param("latitude", "float", 0.2, 0.9, about="Latitude [rad], between the polar circles")
        d.param("altitude", "float", 0.0, 1500.0, about="Altitude [m]")
        d.input("day", "float", count, 1.0, 365.0, about="Day of year")
        site = "t = day[tid]"
    else:
        d.input("latitude", "float", rows, -0.9, 0.9, about="Latitude [rad], between the polar circles")
        d.input("altitude", "float", shape, 0.0, 1500.0, about="Altitude [m]")
        d.param("day", "float", 60.0, 300.0, about="Day of year")
        site = "# Latitude is constant per grid row\nphi = latitude[i]\nz = altitude[i, j]"
    if mast:
        d.param("z_wind", "float", 4.0, 12.0, about="Anemometer height [m]")
    if result == "crop":
        d.input("growth", "float", shape, 0.0, 1.0, about="Elapsed fraction of the growing season")
    air = """
    cold = t_min[@]
    warm = t_max[@]
    mean = 0.5 * (cold + warm)
    pressure = 101.3 * wp.pow((293.0 - 0.0065 * z) / 293.0, 5.26)
    gamma = 0.000665 * pressure
    # Average e_s over both extremes, since e_s(T_mean) underestimates it (FAO-56, eq. 12)
    e_cold = 0.6108 * wp.exp(17.27 * cold / (cold + 237.3))
    e_warm = 0.6108 * wp.exp(17.27 * warm / (warm + 237.3))
    e_sat = 0.5 * (e_cold + e_warm)
    e_mean = 0.6108 * wp.exp(17.27 * mean / (mean + 237.3))
    slope = 4098.0 * e_mean / ((mean + 237.3) * (mean + 237.3))
    """
    vapor = {
        "dew point": """
        # Actual vapor pressure equals e_s at the dew point (FAO-56, eq. 14)
        dew = dew_point[@]
        e_air = 0.6108 * wp.exp(17.27 * dew / (dew + 237.3))
        """,
        "extremes": """
        # Pair RH_max with T_min, since relative humidity peaks at the coldest hour (FAO-56, eq. 17)
        e_air = 0.5 * (e_cold * rh_max[@] + e_warm * rh_min[@])
        """,
        "mean": "e_air = rh_mean[@] * e_sat",
        "wet bulb": """
        # Psychrometric equation (FAO-56, eq. 15), clamped to at least 0.05 kPa
        wet = wet_bulb[@]
        e_wet = 0.6108 * wp.exp(17.27 * wet / (wet + 237.3))
        e_air = wp.max(e_wet - 0.000662 * pressure * (mean - wet), 0.05)
        """,
    }[humidity]
    sky = """
    year = 2.0 * wp.pi * t / 365.0
    inverse_distance = 1.0 + 0.033 * wp.cos(year)
    declination = 0.409 * wp.sin(year - 1.39)
    sunset = wp.acos(-wp.tan(phi) * wp.tan(declination))
    daily_sine = sunset * wp.sin(phi) * wp.sin(declination) + wp.cos(phi) * wp.cos(declination) * wp.sin(sunset)
    # Extraterrestrial radiation [MJ/m^2/day]
    extraterrestrial = 1440.0 / wp.pi * 0.0820 * inverse_distance * daily_sine
    """
    ground = {
        "sunshine": (
            "hours = 24.0 / wp.pi * sunset\nglobal_rad = (0.25 + 0.5 * wp.min(sun[@] / hours, 1.0)) * extraterrestrial"
        ),
        "measured": (
            "# Clamp to clear-sky radiation, since higher readings are sensor errors\nglobal_rad = wp.min(solar[@], clear)"
        ),
        "temperature range": (
            "# Radiation from the diurnal temperature range (Hargreaves), capped at clear-sky radiation\n"
            "global_rad = wp.min(0.16 * wp.sqrt(warm - cold) * extraterrestrial, clear)"
        ),
    }[light]
    budget = """
    clear = (0.75 + 2.0e-5 * z) * extraterrestrial
    $ground
    net_short = (1.0 - 0.23) * global_rad
    k_cold = cold + 273.16
    k_warm = warm + 273.16
    emitted = 4.903e-9 * 0.5 * (k_cold * k_cold * k_cold * k_cold + k_warm * k_warm * k_warm * k_warm)
    cloud_factor = 1.35 * global_rad / clear - 0.35
    net_long = emitted * (0.34 - 0.14 * wp.sqrt(e_air)) * cloud_factor
    $net
    """
    if mast:
        blow = "# Convert wind speed to 2 m height (FAO-56, eq. 47)\nu2 = wind[@] * 4.87 / wp.log(67.8 * z_wind - 5.42)"
    else:
        blow = "u2 = wind[@]"
    combine = """
    # Reference grass with surface resistance 70 s/m and aerodynamic resistance 208 / u2
    denominator = slope + gamma * (1.0 + 0.34 * u2)
    radiation_term = 0.408 * slope * net / denominator
    wind_term = gamma * 900.0 / (mean + 273.0) * u2 * (e_sat - e_air) / denominator
    """
    out = {"et0": "et0", "net radiation": "net_rad", "crop": "demand", "aerodynamic share": "share"}[result]
    about = {
        "et0": "Reference evapotranspiration [mm/day]",
        "net radiation": "Net radiation [MJ/m^2/day]",
        "crop": "Crop evapotranspiration [mm/day]",
        "aerodynamic share": "Aerodynamic fraction",
    }[result]
    d.output(out, "float", shape, about=about)
    store = {
        "et0": "et0[@] = radiation_term + wind_term",
        "net radiation": "",
        "aerodynamic share": "# Clamp, since net radiation may be negative in winter\n"
        "share[@] = wind_term / (wp.max(radiation_term, 0.1) + wind_term)",
        "crop": """
        # Crop coefficient: 0.4 initially, 1.15 in mid-season, 0.6 at harvest, linear in between
        stage = growth[@]
        if stage > 0.8:
            kc = 1.15 - 2.75 * (stage - 0.8)
        elif stage > 0.5:
            kc = 1.15
        elif stage > 0.2:
            kc = 0.4 + 2.5 * (stage - 0.2)
        else:
            kc = 0.4
        demand[@] = kc * (radiation_term + wind_term)
        """,
    }[result]
    d.launch(*((shape) if grid else (count,)))
    # What is one number for all needs no other name
    plain = {"phi": "latitude", "z": "altitude"} if axis == "days" else {"t": "day"}
    text = "@ = wp.tid()\n$site\n$air\n$vapor\n$sky\n$budget\n$blow\n$combine\n$store"
    d.code(
        text.replace("@", here),
        **{
            name: re.sub(rf"\b({'|'.join(plain)})\b", lambda m: plain[m[0]], block.replace("@", here))
            for name, block in {
                "site": site, "air": air, "vapor": vapor, "sky": sky, "budget": budget, "ground": ground,
                "net": "net_rad[@] = net_short - net_long" if result == "net radiation" else "net = net_short - net_long",
                "blow": blow, "combine": combine, "store": store,
            }.items()
        },
    )  # fmt: skip
    trim(d)
    units = "Temperatures are in deg C, vapor pressures in kPa, radiation in MJ/m^2/day"
    water = ", water in mm/day" if result in ("et0", "crop") else ""
    soil = "" if result == "net radiation" else " Daily soil heat flux is neglected."
    d.explain(f"{units}{water}.{soil}")

    def reference(v: Values) -> dict[str, Any]:
        low, high = v.t_min, v.t_max
        mean = (low + high) / 2
        phi = v.get("latitude", 0.5)
        phi = phi[:, None] if grid else phi
        z, t = v.get("altitude", 0.0), v.get("day", 0.0)

        def sat(x: Any) -> Any:
            return 0.6108 * np.exp(17.27 * x / (x + 237.3))

        p = 101.3 * (1 - 0.0065 * z / 293) ** 5.26
        gamma, delta = 6.65e-4 * p, 4098 * sat(mean) / (mean + 237.3) ** 2
        if humidity == "dew point":
            ea = sat(v.dew_point)
        elif humidity == "extremes":
            ea = (sat(low) * v.rh_max + sat(high) * v.rh_min) / 2
        elif humidity == "mean":
            ea = v.rh_mean * (sat(low) + sat(high)) / 2
        else:
            ea = np.maximum(sat(v.wet_bulb) - 6.62e-4 * p * (mean - v.wet_bulb), 0.05)
        dec = 0.409 * np.sin(2 * np.pi * t / 365 - 1.39)
        ws = np.arccos(-np.tan(phi) * np.tan(dec))
        ra = ws * np.sin(phi) * np.sin(dec) + np.cos(phi) * np.cos(dec) * np.sin(ws)
        ra = ra * 37.5860314 * (1 + 0.033 * np.cos(2 * np.pi * t / 365))
        clear = (0.75 + 2e-5 * z) * ra
        if light == "sunshine":
            rs = (0.25 + 0.5 * np.minimum(v.sun * np.pi / (24 * ws), 1)) * ra
        elif light == "measured":
            rs = np.minimum(v.solar, clear)
        else:
            rs = np.minimum(0.16 * np.sqrt(high - low) * ra, clear)
        emitted = 4.903e-9 * ((low + 273.16) ** 4 + (high + 273.16) ** 4) / 2
        rn = 0.77 * rs - emitted * (0.34 - 0.14 * np.sqrt(ea)) * (1.35 * rs / clear - 0.35)
        if result == "net radiation":
            return {"net_rad": rn}
        u = v.wind * (4.87 / np.log(67.8 * v.z_wind - 5.42) if mast else 1.0)
        dry = (sat(low) + sat(high)) / 2 - ea
        under = delta + gamma * (1 + 0.34 * u)
        sunny, windy = 0.408 * delta * rn / under, gamma * 900 / (mean + 273) * u * dry / under
        if result == "aerodynamic share":
            return {"share": windy / (np.maximum(sunny, 0.1) + windy)}
        if result == "et0":
            return {"et0": sunny + windy}
        kc = np.interp(v.growth, [0, 0.2, 0.5, 0.8, 1.0], [0.4, 0.4, 1.15, 1.15, 0.6])
        return {"demand": kc * (sunny + windy)}

    d.check(reference, 2e-3)
