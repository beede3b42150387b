"""Where the sun stands, and what of its light arrives."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.earth import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Michalsky 1988; Spencer 1971",
    names={
        "lat": "latitude|site_lat|lat_rad",
        "days": "day|n|time",
        "dec": "declination|delta",
        "ha": "hour_angle|omega",
    },
    adjoint="either",
    weight=2,
)
def sun_position(d: Draft) -> None:
    """Computes the position of the sun."""
    series = d.option("series", "almanac", "fourier", "cooper")
    result = d.option(
        "result", "elevation and azimuth", "direction", "irradiance", "tilted surface", "day length"
    )
    sites = d.option("sites", "each", "one", "grid")
    d.calls(
        {
            "elevation and azimuth": "sun_position|solar_angles|solar_position",
            "direction": "sun_direction|solar_direction|direction_to_sun",
            "irradiance": "clear_sky_irradiance|horizontal_irradiance|solar_irradiance",
            "tilted surface": "panel_irradiance|tilted_irradiance|sun_on_tilted_surface",
            "day length": "day_length|daylight_hours|length_of_day",
        }[result]
    )
    rows, columns = d.pick((8, 12), (10, 10), (6, 16))
    count = d.pick(64, 96, 128)
    if result == "day length" and sites == "grid":
        sites = "each"
    if series == "almanac" and result == "day length":
        series = "fourier"
    d.says({
        "elevation and azimuth": "Computes solar elevation and azimuth",
        "direction": "Computes the sun direction in local east-north-up coordinates",
        "irradiance": "Computes clear-sky direct irradiance on a horizontal surface",
        "tilted surface": "Computes clear-sky direct irradiance on a tilted surface",
        "day length": "Computes day length",
    }[result] + (" at the Greenwich meridian." if series == "almanac" else "."))  # fmt: skip
    at = "i, j" if sites == "grid" else "tid"
    since = (
        "[days since J2000.0]"
        if series == "almanac"
        else "[day of year in solar time, 1.0 at the start of January 1]"
    )
    # Days since J2000.0 are of universal time, so the almanac knows the sun of one meridian
    days = "days_j2000" if series == "almanac" else "days"
    first, last = (0.0, 365.0) if series == "almanac" else (1.0, 366.0)
    north = 1.4 if result == "day length" else 1.0  # beyond the polar circle days may not end
    if sites == "grid":
        d.input("lats", "float", rows, 0.2, 1.0, about="Latitude per row [rad]")
        d.input(days, "float", columns, first, last, about=f"Time per column {since}")
        lat, day = "lats[i]", f"{days}[j]"
        out: int | tuple[int, int] = (rows, columns)
    else:
        out = count
        if sites == "each":
            d.input("lat", "float", count, 0.2, north, about="Latitude per site [rad]")
            lat = "lat[tid]"
        else:
            d.param(
                "lat",
                "float",
                0.9 if result == "day length" else 0.2,
                north,
                about="Site latitude [rad]",
            )
            lat = "lat"
        d.input(days, "float", count, first, last, about=f"Times {since}")
        day = f"{days}[tid]"
    if result == "tilted surface":
        d.param("tilt", "float", 0.2, 0.8, about="Panel tilt [rad]")
        d.param("facing", "float", 2.6, 3.6, about="Panel azimuth, clockwise from north [rad]")
    declination = {
        "almanac": """
        # Solar mean anomaly and mean longitude
        g = wp.radians(357.528 + 0.9856003 * day)
        l = 280.46 + 0.9856474 * day
        # Ecliptic longitude from the equation of center
        ecliptic = wp.radians(l + 1.915 * wp.sin(g) + 0.02 * wp.sin(2.0 * g))
        tilt_of_axis = wp.radians(23.439 - 4.0e-7 * day)
        dec = wp.asin(wp.sin(tilt_of_axis) * wp.sin(ecliptic))
        ra = wp.atan2(wp.cos(tilt_of_axis) * wp.sin(ecliptic), wp.cos(ecliptic))
        # Hour angle from Greenwich mean sidereal time (sites on the Greenwich meridian, J2000 epoch at noon)
        ut = 24.0 * (day + 0.5 - wp.floor(day + 0.5))
        ha = wp.radians(15.0 * (6.697375 + 0.0657098242 * day + ut)) - ra
        """,
        "fourier": """
        x = 2.0 * wp.pi * (day - 1.0) / 365.0
        dec = 0.006918 - 0.399912 * wp.cos(x) + 0.070257 * wp.sin(x)
        dec += -0.006758 * wp.cos(2.0 * x) + 0.000907 * wp.sin(2.0 * x)
        dec += -0.002697 * wp.cos(3.0 * x) + 0.00148 * wp.sin(3.0 * x)
        $hour
        """,
        "cooper": """
        dec = wp.radians(23.45) * wp.sin(2.0 * wp.pi * (284.0 + day) / 365.0)
        $hour
        """,
    }[series]
    hour = (
        ""
        if result == "day length"
        else """
    # Hour angle, zero at solar noon
    ha = 2.0 * wp.pi * (day - wp.floor(day) - 0.5)
    """
    )
    angles = (
        ""
        if result == "day length"
        else """
    sphi = wp.sin(phi)
    cphi = wp.cos(phi)
    sin_el = sphi * wp.sin(dec) + cphi * wp.cos(dec) * wp.cos(ha)
    """
    )
    horizontal = (
        """
    east = -wp.cos(dec) * wp.sin(ha)
    north = cphi * wp.sin(dec) - sphi * wp.cos(dec) * wp.cos(ha)
    """
        if result in ("elevation and azimuth", "direction", "tilted surface")
        else ""
    )
    beam = """
    # Eccentricity correction (perihelion in early January)
    extra = 1361.0 * (1.0 + 0.033 * wp.cos(2.0 * wp.pi * day / $year))
    zenith = 90.0 - wp.degrees(wp.asin(sin_el))
    # Relative optical air mass (Kasten and Young 1989)
    mass = 1.0 / (sin_el + 0.50572 * wp.pow(96.07995 - zenith, -1.6364))
    beam = extra * wp.pow(0.7, wp.pow(mass, 0.678))
    """
    if result == "elevation and azimuth":
        d.output("angles", "vec2", out, about="Elevation and azimuth, clockwise from north [rad]")
        store = f"angles[{at}] = wp.vec2(wp.asin(wp.clamp(sin_el, -1.0, 1.0)), wp.atan2(east, north))"
    elif result == "direction":
        d.output("to_sun", "vec3", out, about="Unit vectors toward the sun (east, north, up)")
        store = f"to_sun[{at}] = wp.vec3(east, north, sin_el)"
    elif result == "irradiance":
        d.output("irradiance", "float", out, about="Horizontal surface irradiance [W/m^2]")
        store = (
            f"if sin_el <= 0.0:\n"
            f"    irradiance[{at}] = 0.0\n"
            f"    return\n"
            f"$beam\n"
            f"irradiance[{at}] = beam * sin_el"
        )
    elif result == "tilted surface":
        d.output("irradiance", "float", out, about="Panel irradiance [W/m^2]")
        store = f"""
        if sin_el <= 0.0:
            irradiance[{at}] = 0.0
            return
        $beam
        # Cosine of the incidence angle on the tilted surface
        n_east = wp.sin(tilt) * wp.sin(facing)
        n_north = wp.sin(tilt) * wp.cos(facing)
        incidence = east * n_east + north * n_north + sin_el * wp.cos(tilt)
        irradiance[{at}] = beam * wp.max(incidence, 0.0)
        """
    else:
        d.output("hours", "float", out, about="Daylight hours")
        store = """
        # Clamp for polar day and night
        cosine = wp.clamp(-wp.tan(phi) * wp.tan(dec), -1.0, 1.0)
        hours[tid] = 24.0 / wp.pi * wp.acos(cosine)
        """
    if result in ("irradiance", "tilted surface", "day length"):
        d.forward_only()
    d.launch(*((rows, columns) if sites == "grid" else (count,)))
    d.code(
        f"{at} = wp.tid()\nphi = {lat}\nday = {day}\n$declination\n$angles\n$horizontal\n$store",
        declination=declination, hour=hour, angles=angles, horizontal=horizontal, beam=beam, store=store, year="365.25" if series == "almanac" else "365.0",
    )  # fmt: skip
    if sites == "one":
        d.text = re.sub(r"\bphi\b", "lat", d.text.replace("phi = lat\n", ""))
    d.explain(
        f"Latitudes are in radians, times are given as {since[1:-1]}"
        + (", irradiance in W/m^2." if result in ("irradiance", "tilted surface") else ".")
    )

    def reference(v: Values) -> dict[str, Any]:
        phi = v.lats[:, None] if sites == "grid" else v.lat
        day = v[days][None, :] if sites == "grid" else v[days]
        if series == "almanac":
            g = np.radians(357.528 + 0.9856003 * day)
            lon = np.radians(280.46 + 0.9856474 * day + 1.915 * np.sin(g) + 0.02 * np.sin(2 * g))
            eps = np.radians(23.439 - 4e-7 * day)
            dec = np.arcsin(np.sin(eps) * np.sin(lon))
            ra = np.arctan2(np.cos(eps) * np.sin(lon), np.cos(lon))
            ha = np.radians(15 * (6.697375 + 0.0657098242 * day + 24 * ((day + 0.5) % 1.0))) - ra
        else:
            x = 2 * np.pi * (day - 1) / 365
            waves = np.array([0.006918, -0.399912, 0.070257, -0.006758, 0.000907, -0.002697, 0.00148])
            basis = [1 + 0 * x] + [f(k * x) for k in (1, 2, 3) for f in (np.cos, np.sin)]
            dec = sum(w * b for w, b in zip(waves, basis, strict=True))
            if series == "cooper":
                dec = np.radians(23.45) * np.sin(2 * np.pi * (284 + day) / 365)
            ha = 2 * np.pi * (day % 1.0 - 0.5)
        if result == "day length":
            return {"hours": 24 / np.pi * np.arccos(np.clip(-np.tan(phi) * np.tan(dec), -1, 1))}
        # the direction to the sun, turned from the equator's frame to the site's
        dec, ha, phi = np.broadcast_arrays(dec, ha, phi)
        s = np.stack([-np.cos(dec) * np.sin(ha), np.sin(dec), np.cos(dec) * np.cos(ha)])
        east, north = s[0], np.cos(phi) * s[1] - np.sin(phi) * s[2]
        up = np.sin(phi) * s[1] + np.cos(phi) * s[2]
        if result == "direction":
            return {"to_sun": np.stack([east, north, up], axis=-1)}
        if result == "elevation and azimuth":
            return {"angles": np.stack([np.arcsin(up), np.arctan2(east, north)], axis=-1)}
        high = np.maximum(up, 1e-6)
        air = 1 / (high + 0.50572 * (6.07995 + np.degrees(np.arcsin(high))) ** -1.6364)
        year = 365.25 if series == "almanac" else 365
        light = 1361 * (1 + 0.033 * np.cos(2 * np.pi * day / year)) * 0.7 ** (air**0.678)
        if result == "irradiance":
            return {"irradiance": np.where(up > 0, light * up, 0.0)}
        n = np.array([np.sin(v.tilt) * np.sin(v.facing), np.sin(v.tilt) * np.cos(v.facing), np.cos(v.tilt)])
        facing = east * n[0] + north * n[1] + up * n[2]
        return {"irradiance": np.where(up > 0, light * np.maximum(facing, 0.0), 0.0)}

    def close(before: Values, after: Values) -> None:
        # Single precision keeps the hour to a few seconds, which shows near the horizon and at noon.
        for name, expected in reference(before).items():
            found = after[name]
            if result == "elevation and azimuth":
                found, expected = (np.stack([np.sin(x), np.cos(x)]) for x in (found, expected))
                found, expected = (
                    found[:, ..., 1] * np.cos(reference(before)[name][..., 0]),
                    expected[:, ..., 1] * np.cos(reference(before)[name][..., 0]),
                )
            size = np.abs(expected).max()
            wrong = np.abs(found - expected) > 6e-3 * size + 1e-6
            assert wrong.mean() < 0.03, f"{name} differs in {wrong.mean():.2f} of its places"

    d.holds(close)
