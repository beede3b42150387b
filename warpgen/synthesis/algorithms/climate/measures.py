"""Measures of moist air and wind, one formula each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.climate import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.forms import Form

# What is not in degrees Celsius, or not called as its kind is.
_GIVEN = {
    "vapor deficit": "vapor pressure deficits [hPa]",
    "air density": "air densities [kg/m^3]",
    "wet bulb": "wet-bulb temperatures [deg C]",
    "mixing ratio": "mixing ratios [g/kg]",
    "virtual temperature": "virtual temperatures [K]",
    "apparent": "apparent temperatures [deg C]",
    "absolute humidity": "absolute humidities [g/m^3]",
    "lifting level": "heights above the ground [m]",
}


@DOMAIN.algorithm(
    source="Alduchov & Eskridge 1996 (Magnus form); Osczevski & Bluestein 2005; Stull 2011; Bolton 1980; ICAO 1993",
    names={
        "t": "temp|t_air|celsius",
        "temperatures": "air_temperature|temps|t_in",
        "humidity": "rh|rel_humidity|relative_humidity",
        "rh": "hum|u_rel",
        "wind": "wind_speed|speeds|v_wind",
        "out": "result|values|measure",
        "e": "vapor|vapor_pressure|e_air",
        "es": "saturation|e_sat|saturated",
    },
    double=True,
    adjoint="either",
    weight=3,
)
def weather_measures(d: Draft) -> None:
    """Computes measures of moist air and wind from readings of a station."""
    kind = d.option(
        "kind", "dew point", "vapor deficit", "wind chill", "air density", "wet bulb", "mixing ratio",
        "virtual temperature", "apparent", "absolute humidity", "lifting level",
    )  # fmt: skip
    scale = d.option("temperature", "celsius", "kelvin")
    percent = d.option("humidity", "fraction", "percent")
    d.calls(
        {
            "dew point": "dew_points|compute_dew_point|magnus_dew_point",
            "vapor deficit": "vapor_pressure_deficit|compute_vpd|vapor_deficit",
            "wind chill": "wind_chill|compute_wind_chill|wind_chill_index",
            "air density": "moist_air_density|air_densities|compute_air_density",
            "wet bulb": "wet_bulb_temperature|compute_wet_bulb|stull_wet_bulb",
            "mixing ratio": "mixing_ratios|vapor_mixing_ratio|compute_mixing_ratio",
            "virtual temperature": "virtual_temperature|compute_virtual_temperature|moist_virtual_temperature",
            "apparent": "apparent_temperature|felt_temperature|compute_apparent",
            "absolute humidity": "absolute_humidity|vapor_density|compute_vapor_density",
            "lifting level": "condensation_level|lifting_condensation|cloud_base",
        }[kind]
    )
    d.says({
        "dew point": "Computes dew points from temperature and relative humidity.",
        "vapor deficit": "Computes air vapor pressure deficits.",
        "wind chill": "Computes wind chill temperature (valid below 10 deg C, wind above 1.3 m/s).",
        "air density": "Computes moist air density.",
        "wet bulb": "Computes sea-level wet-bulb temperature using Stull's (2011) empirical fit.",
        "mixing ratio": "Computes water vapor mixing ratios in g/kg.",
        "virtual temperature": "Computes virtual temperature for moist air.",
        "apparent": "Computes apparent temperatures in the shade, including humidity and wind effects.",
        "absolute humidity": "Computes absolute humidity (water vapor density) in g/m^3.",
        "lifting level": "Estimates lifting condensation level heights above ground, in m.",
    }[kind])  # fmt: skip
    form = Form(d)
    cold = kind == "wind chill"
    low, high = (-25.0, 5.0) if cold else (5.0, 38.0)
    zero = 273.15 if scale == "kelvin" else 0.0
    unit = "K" if zero else "deg C"
    form.element(
        "kelvin" if zero else "t",
        "temperatures",
        low + zero,
        high + zero,
        about=f"air temperatures [{unit}]",
    )
    top = 100.0 if percent == "percent" else 1.0
    if not cold:
        form.element(
            "rh", "humidity", 0.2 * top, 0.95 * top, about=f"relative humidity [{'%' if top > 1 else '1'}]"
        )
    if kind in ("wind chill", "apparent"):
        form.element("v", "wind", 2.0, 20.0, about="wind speeds [m/s]")
    if kind in ("air density", "mixing ratio", "virtual temperature"):
        form.element("p", "pressures", 850.0, 1030.0, about="air pressures [hPa]")
    form.output("out", about=_GIVEN.get(kind, kind + "s [deg C]"))
    head = "t = kelvin - 273.15\n" if zero else ""
    warm = "" if zero else "\nkelvin = t + 273.15"
    share = "rh" if top == 1.0 else "0.01 * rh"
    percent = "r" if top == 1.0 else "rh"
    es = "# Saturation vapor pressure, Magnus formula [hPa]\nes = 6.1094 * wp.exp(17.625 * t / (t + 243.04))"
    e = f"{es}\ne = {share} * es"
    lines, value = {
        "dew point": (f"g = wp.log({share}) + 17.625 * t / (t + 243.04)", "243.04 * g / (17.625 - g)"),
        "vapor deficit": (e, "es - e"),
        "wind chill": ("# Convert m/s to km/h\nw = wp.pow(3.6 * v, 0.16)", "13.12 + 0.6215 * t - 11.37 * w + 0.3965 * t * w"),
        "air density": (f"{e}{warm}", "100.0 * ((p - e) / (287.05 * kelvin) + e / (461.5 * kelvin))"),
        "wet bulb": (
            f"r = 100.0 * {share}" if top == 1.0 else "",
            f"t * wp.atan(0.151977 * wp.sqrt({percent} + 8.313659)) + wp.atan(t + {percent}) - wp.atan({percent} - 1.676331) "
            f"+ 0.00391838 * wp.pow({percent}, 1.5) * wp.atan(0.023101 * {percent}) - 4.686035",
        ),
        "mixing ratio": (e, "622.0 * e / (p - e)"),
        "virtual temperature": (f"{e}{warm}\nw = 0.622 * e / (p - e)", "kelvin * (1.0 + w / 0.622) / (1.0 + w)"),
        "apparent": (e, "t + 0.33 * e - 0.7 * v - 4.0"),
        "absolute humidity": (e, "216.7 * e / kelvin" if zero else "216.7 * e / (t + 273.15)"),
        "lifting level": (
            "# Lapse rates 9.8 K/km (dry adiabatic) and 1.8 K/km (dew point), hence 125 m per K of spread\n"
            f"g = wp.log({share}) + 17.625 * t / (t + 243.04)\ndew = 243.04 * g / (17.625 - g)",
            "125.0 * (t - dew)",
        ),
    }[kind]  # fmt: skip
    form.write(kind.replace(" ", "_") + "_of", f"{head}{lines}", value)

    def reference(v: Values) -> Mapping[str, Any]:
        t, r = v.temperatures - zero, v.get("humidity", top) / top
        p, wind = v.get("pressures"), v.get("wind")
        sat = 6.1094 * np.exp(17.625 * t / (t + 243.04))
        vap, k = r * sat, t + 273.15
        g = np.log(vap / 6.1094)
        dew = 243.04 * g / (17.625 - g)
        h = 100 * r
        found: dict[str, Callable[[], Any]] = {
            "dew point": lambda: dew,
            "vapor deficit": lambda: sat - vap,
            "wind chill": lambda: 13.12 + 0.6215 * t + (0.3965 * t - 11.37) * (3.6 * wind) ** 0.16,
            "air density": lambda: 100 * ((p - vap) / 287.05 + vap / 461.5) / k,
            "wet bulb": lambda: (
                t * np.arctan(0.151977 * np.sqrt(h + 8.313659)) + np.arctan(t + h) - np.arctan(h - 1.676331)
                + 0.00391838 * h**1.5 * np.arctan(0.023101 * h) - 4.686035
            ),
            "mixing ratio": lambda: 622 * vap / (p - vap),
            "virtual temperature": lambda: k / (1 - (vap / p) * (1 - 0.622)),
            "apparent": lambda: t + 0.33 * vap - 0.7 * wind - 4,
            "absolute humidity": lambda: 216.7 * vap / k,
            "lifting level": lambda: 125 * (t - dew),
        }  # fmt: skip
        return {"out": found[kind]()}

    d.check(reference, 2e-3)
