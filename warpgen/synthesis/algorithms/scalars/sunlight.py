"""Where the sun stands and what reaches a panel."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.scalars import DOMAIN
from warpgen.synthesis.algorithms.scalars._skies import SKIES, clear_sky
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import piece

_FIELDS = {
    "tilt": "tilt: float  # panel tilt from horizontal [rad]",
    "azimuth": "azimuth: float  # panel azimuth, clockwise from north [rad]",
    "albedo": "albedo: float  # ground reflectance",
    "max_rotation": "max_rotation: float  # maximum tracker rotation [rad]",
}


@DOMAIN.algorithm(
    source="Meeus 1998, ch. 25; NOAA Solar Calculator; Kasten & Young 1989; Hay & Davies 1980",
    names={
        "panel_irradiance": "solar_irradiance|pv_irradiance|sun_on_panel",
        "days": "days_since_2000|days_2000|day_numbers",
        "hours": "utc_hours|time_utc|clock_hours",
        "latitudes": "lat|site_lat|lats",
        "longitudes": "lon|site_lon|lons",
        "irradiance": "poa|plane_irradiance|g_out",
        "panel": "array_cfg|mount|module",
        "site": "i_site|loc|station",
        "mean_anomaly": "anomaly|m_sun|g_sun",
    },
    weight=10,
    element="site",
)
def panel_irradiance(d: Draft) -> None:
    """Computes clear-sky irradiance on solar panels from date, time and location."""
    sky = d.option("sky", *SKIES)
    mount = d.option("mount", "fixed", "single axis", "two axes")
    diffuse = d.option("diffuse", "isotropic", "hay davies", "reindl")
    refraction = d.flag("refraction", 0.5)
    batch = d.option("batch", "sites", "sites and hours")
    shaded = d.option("shaded", "none", "horizon", "mask")
    result = d.option("result", "irradiance", "sun", weights=(0.8, 0.2))
    sites, times = d.pick(24, 32), d.pick(4, 6)
    many = batch != "sites"
    d.input("days", "int", sites, 0, 9000, about="dates as whole days since 2000-01-01")
    d.input("hours", "float", times if many else sites, 0.0, 24.0, about="UTC time of day [h]")
    d.input("latitudes", "float", sites, -57.0, 57.0, about="latitudes [deg]")
    d.input("longitudes", "float", sites, -180.0, 180.0, about="longitudes, east positive [deg]")
    light = result == "irradiance"
    if not light:
        d.calls("sun_direction|solar_position|sun_vectors")
    if light:
        if sky != "haurwitz":
            d.input("altitudes", "float", sites, 0.0, 2000.0, about="heights above sea level [m]")
        if sky == "ineichen":
            d.input("turbidities", "float", sites, 2.0, 5.0, about="Linke turbidity of the air")
    if shaded == "horizon" and light:
        d.input(
            "horizon", "float", (sites, 12), 0.0, 0.4, about="horizon elevation in 12 azimuth sectors [rad]"
        )
    elif shaded == "mask" and light:
        d.mask("in_service", "bool", sites, about="False for panels out of service")
    if light:
        bounds = {
            "tilt": fill(0.3, 0.8),
            "azimuth": fill(2.0, 4.0),
            "albedo": fill(0.15, 0.3),
            "max_rotation": fill(0.8, 1.0),
        }
        for name in ("max_rotation",) if mount == "fixed" else ("tilt", "azimuth"):
            del bounds[name]
        fields = "\n    ".join(_FIELDS[name] for name in bounds)
        struct = piece(f"@wp.struct\nclass Panel:\n    {fields}")
        about = "panel orientation" if mount == "fixed" else "tracker limits"
        d.struct("panel", struct, bounds, about=f"{about} and ground reflectance")
    shape: Any = (sites, times) if many else sites
    d.output(
        "irradiance" if light else "sun",
        "float" if light else "vec3",
        shape,
        about="plane-of-array irradiance [W/m^2], zero when the sun is below 3 degrees"
        if light
        else "sun direction (east, north, up), zero when below the horizon",
    )
    at = "site, hour" if many else "site"
    hour = "hours[hour]" if many else "hours[site]"
    bend = """
        # Atmospheric refraction raises the sun by up to half a degree near the horizon
        if elevation > -0.01:
            lifted = wp.degrees(elevation) + 10.3 / (wp.degrees(elevation) + 5.11)
            elevation += wp.radians(1.02 / (60.0 * wp.tan(wp.radians(lifted))))
    """
    mounts = {
        "fixed": "tilt = panel.tilt\nfacing = panel.azimuth",
        "single axis": """
            # North-south axis tracking: keep the sun in the plane of the axis and panel normal
            rotation = wp.atan2(to_sun[0], to_sun[2])
            rotation = wp.clamp(rotation, -panel.max_rotation, panel.max_rotation)
            tilt = wp.abs(rotation)
            facing = wp.where(rotation >= 0.0, 0.5 * wp.pi, 1.5 * wp.pi)
        """,
        "two axes": """
            # Normal to the beam up to the mechanical limit
            tilt = wp.min(zenith, panel.max_rotation)
        """,
    }[mount]
    skies = {
        "isotropic": "sky_part = dhi * 0.5 * (1.0 + wp.cos(tilt))",
        "hay davies": """
            # Hay-Davies: circumsolar part of the diffuse irradiance
            anisotropy = dni / extra
            # Clamp to cos(85 deg)
            beam_ratio = cos_incidence / wp.max(cos_zenith, 0.087)
            sky_part = dhi * (anisotropy * beam_ratio + (1.0 - anisotropy) * 0.5 * (1.0 + wp.cos(tilt)))
        """,
        "reindl": """
            # Hay-Davies with horizon brightening (Reindl et al. 1990)
            anisotropy = dni / extra
            # Clamp to cos(85 deg)
            beam_ratio = cos_incidence / wp.max(cos_zenith, 0.087)
            half_sin = wp.sin(0.5 * tilt)
            brightening = 1.0 + modulation * half_sin * half_sin * half_sin
            dome = (1.0 - anisotropy) * 0.5 * (1.0 + wp.cos(tilt)) * brightening
            sky_part = dhi * (anisotropy * beam_ratio + dome)
        """,
    }[diffuse]
    block = ""
    if shaded == "horizon":
        left = " and circumsolar light" if diffuse == "reindl" else "; the rest is treated as isotropic"
        block = f"""
        # Horizon shading: block the direct beam below the sector horizon{left}
        sector = int(sun_azimuth / (2.0 * wp.pi) * 12.0) % 12
        if elevation < horizon[site, sector]:
            dni = 0.0
            ghi = dhi
        """
    if light:
        d.module(
            "MIN_ELEVATION = wp.constant(0.05236)  # 3 degrees"
            if refraction
            else "MIN_SINE = wp.constant(0.05234)  # of the elevation, at 3 degrees"
        )
    follows = light and mount == "two axes"  # where the sun stands is known from its elevation alone
    azimuth = (refraction and not follows) or (light and shaded == "horizon")
    least = ("MIN_ELEVATION" if refraction else "MIN_SINE") if light else "0.0"
    none = f"irradiance[{at}] = 0.0" if light else f"sun[{at}] = wp.vec3()"
    skip = f"if not in_service[site]:\n    {none}\n    return" if shaded == "mask" and light else ""
    plane = f"""
        # --- Clear sky ---
        {"cos_zenith = wp.sin(elevation)" if refraction else "cos_zenith = up"}
        $needed
        $zenith
        $altitude
        $turbidity
        # Extraterrestrial irradiance, corrected for the Earth-sun distance
        extra = 1361.0 / (sun_dist * sun_dist)
        $mass
        $sky
        $modulation
        $block
        # --- Plane of the panel ---
        $mounts
        $incidence
        beam_part = dni * cos_incidence
        $skies
        ground_part = ghi * panel.albedo * 0.5 * (1.0 - wp.cos(tilt))
        irradiance[{at}] = beam_part + sky_part + ground_part
    """
    d.launch(*((sites, times) if many else (sites,)))
    d.code(
        f"""
        {at} = wp.tid()
        $skip
        # --- Orbit of the earth ---
        utc = {hour}
        jc = (float(days[site]) + (utc - 12.0) / 24.0) / 36525.0
        mean_lon = 280.46646 + jc * (36000.76983 + 0.0003032 * jc)
        mean_anomaly = wp.radians(357.52911 + jc * (35999.05029 - 0.0001537 * jc))
        eccentricity = 0.016708634 - jc * (0.000042037 + 0.0000001267 * jc)
        # Equation of the center
        center_1 = wp.sin(mean_anomaly) * (1.914602 - jc * (0.004817 + 0.000014 * jc))
        center_2 = wp.sin(2.0 * mean_anomaly) * (0.019993 - 0.000101 * jc)
        center_3 = 0.000289 * wp.sin(3.0 * mean_anomaly)
        equation = center_1 + center_2 + center_3
        true_anomaly = mean_anomaly + wp.radians(equation)
        $dist
        # Apparent longitude: nutation and aberration
        node = wp.radians(125.04 - 1934.136 * jc)
        apparent = wp.radians(mean_lon + equation - 0.00569 - 0.00478 * wp.sin(node))
        # --- Declination and equation of time ---
        obliquity = 23.4392911 - jc * (0.0130042 + jc * (1.64e-7 - 5.036e-7 * jc))
        obliquity = wp.radians(obliquity + 0.00256 * wp.cos(node))
        declination = wp.asin(wp.sin(obliquity) * wp.sin(apparent))
        half_tan = wp.tan(0.5 * obliquity)
        y = half_tan * half_tan
        lon_rad = wp.radians(mean_lon)
        eot = y * wp.sin(2.0 * lon_rad) - 2.0 * eccentricity * wp.sin(mean_anomaly)
        eot += 4.0 * eccentricity * y * wp.sin(mean_anomaly) * wp.cos(2.0 * lon_rad)
        eot -= 0.5 * y * y * wp.sin(4.0 * lon_rad)
        eot -= 1.25 * eccentricity * eccentricity * wp.sin(2.0 * mean_anomaly)
        # --- Hour angle and horizontal coordinates ---
        solar_minutes = 60.0 * utc + 4.0 * wp.degrees(eot) + 4.0 * longitudes[site]
        hour_angle = wp.radians(0.25 * solar_minutes - 180.0)
        latitude = wp.radians(latitudes[site])
        sin_lat = wp.sin(latitude)
        cos_lat = wp.cos(latitude)
        $sideways
        up = sin_lat * wp.sin(declination) + cos_lat * wp.cos(declination) * wp.cos(hour_angle)
        $height
        $turn
        $bend
        {"# Ignore the sun below 3 degrees" if light else "# Sun is below the horizon"}
        if {"elevation" if refraction else "up"} < {least}:
            {none}
            return
        $to_sun
        $plane
        """,
        skip=skip,
        dist="# Distance in astronomical units\n"
        "conic = 1.0 - eccentricity * eccentricity\n"
        "sun_dist = 1.000001018 * conic / (1.0 + eccentricity * wp.cos(true_anomaly))"
        if light
        else "",
        bend=bend if refraction else "",
        height="elevation = wp.asin(wp.clamp(up, -1.0, 1.0))" if refraction else "",
        needed="elevation = wp.asin(wp.min(up, 1.0))"
        if not refraction and (sky != "haurwitz" or mount == "two axes" or shaded == "horizon")
        else "",
        modulation="# Modulating factor: square root of the direct share before shading\nmodulation = wp.sqrt(dni * cos_zenith / ghi)"
        if diffuse == "reindl"
        else "",
        sideways="""
            east = -wp.cos(declination) * wp.sin(hour_angle)
            north = cos_lat * wp.sin(declination) - sin_lat * wp.cos(declination) * wp.cos(hour_angle)
        """
        if azimuth or not follows
        else "",
        turn="sun_azimuth = wp.atan2(-east, -north) + wp.pi" if azimuth else "",
        to_sun=""
        if follows
        else "to_sun = wp.vec3(\n    wp.cos(elevation) * wp.sin(sun_azimuth), wp.cos(elevation) * wp.cos(sun_azimuth), wp.sin(elevation)\n)"
        if refraction
        else "to_sun = wp.vec3(east, north, up)",
        plane=plane if light else f"sun[{at}] = to_sun",
        zenith="zenith = 0.5 * wp.pi - elevation" if mount == "two axes" else "",
        incidence="cos_incidence = wp.cos(zenith - tilt)"
        if mount == "two axes"
        else """
            normal = wp.vec3(wp.sin(tilt) * wp.sin(facing), wp.sin(tilt) * wp.cos(facing), wp.cos(tilt))
            cos_incidence = wp.max(wp.dot(normal, to_sun), 0.0)
        """,
        altitude="" if sky == "haurwitz" else "altitude = altitudes[site]",
        turbidity="turbidity = turbidities[site]" if sky == "ineichen" else "",
        mass={
            "ineichen": """
                # Kasten & Young air mass, corrected for pressure
                slant = wp.pow(wp.degrees(elevation) + 6.07995, -1.6364)
                air_mass = wp.exp(-altitude / 8435.0) / (cos_zenith + 0.50572 * slant)
            """,
            "meinel": """
                # Kasten & Young air mass at sea level
                slant = wp.pow(wp.degrees(elevation) + 6.07995, -1.6364)
                air_mass = 1.0 / (cos_zenith + 0.50572 * slant)
            """,
            "haurwitz": "",
        }[sky],
        sky=SKIES[sky],
        block=block,
        mounts=mounts,
        skies=skies,
    )
    if not light:
        d.text = d.text.replace("true_anomaly = mean_anomaly + wp.radians(equation)\n", "")
    d.says(
        f"Computes clear-sky irradiance on {'' if mount == 'fixed' else 'tracking '}solar panels from date, time and location{', with horizon shading' if shaded == 'horizon' else ''}."
        if light
        else "Computes the sun direction from date, time and location."
    )
    d.explain(
        "Low-precision solar coordinates, good to about 0.01 degrees between 1950 and 2050.\n"
        "Azimuths are measured clockwise from north."
    )

    def reference(v: Values) -> dict[str, Any]:
        rad = np.pi / 180
        day, lat, lon = (v[n][:, None] for n in ("days", "latitudes", "longitudes"))
        lat = lat * rad
        utc = v.hours[None] if many else v.hours[:, None]
        t = (day + (utc - 12) / 24) / 36525
        m = (357.52911 + t * (35999.05029 - 0.0001537 * t)) * rad
        ecc = 0.016708634 - t * (0.000042037 + 0.0000001267 * t)
        c = np.sin(m) * (1.914602 - t * (0.004817 + 0.000014 * t)) + 0.000289 * np.sin(3 * m)
        c = c + np.sin(2 * m) * (0.019993 - 0.000101 * t)
        lon0 = (280.46646 + t * (36000.76983 + 0.0003032 * t)) * rad
        node = (125.04 - 1934.136 * t) * rad
        lam = lon0 + (c - 0.00569 - 0.00478 * np.sin(node)) * rad
        eps = (23.4392911 - t * (0.0130042 + t * (1.64e-7 - 5.036e-7 * t)) + 0.00256 * np.cos(node)) * rad
        dec = np.arcsin(np.sin(eps) * np.sin(lam))
        y = np.tan(eps / 2) ** 2
        eot = y * np.sin(2 * lon0) - 2 * ecc * np.sin(m) + 4 * ecc * y * np.sin(m) * np.cos(2 * lon0)
        eot = eot - y**2 / 2 * np.sin(4 * lon0) - 1.25 * ecc**2 * np.sin(2 * m)
        ha = ((utc * 60 + 4 * eot / rad + 4 * lon) / 4 - 180) * rad
        e = -np.cos(dec) * np.sin(ha)
        n = np.cos(lat) * np.sin(dec) - np.sin(lat) * np.cos(dec) * np.cos(ha)
        u = np.sin(lat) * np.sin(dec) + np.cos(lat) * np.cos(dec) * np.cos(ha)
        az, el = np.arctan2(e, n) % (2 * np.pi), np.arcsin(np.clip(u, -1, 1))
        if refraction:
            lifted = el / rad + 10.3 / (el / rad + 5.11)
            el = el + np.where(el > -0.01, 1.02 / 60 / np.tan(lifted * rad), 0.0) * rad
        lowest = (0.05236 if refraction else 0.05234) if light else 0.0
        shown = (el if refraction else u) >= lowest
        sun = np.stack([np.cos(el) * np.sin(az), np.cos(el) * np.cos(az), np.sin(el)], axis=-1)
        if not light:
            made = sun * shown[..., None]
            return {"sun": made if many else made[:, 0]}
        alt, turb = (v.get(name, np.zeros(sites))[:, None] for name in ("altitudes", "turbidities"))
        el = np.maximum(el, 0.05234)
        cz = np.sin(el)
        dist = 1.000001018 * (1 - ecc**2) / (1 + ecc * np.cos(m + c * rad))
        extra = 1361 / dist**2
        mass = 1 / (cz + 0.50572 * (el / rad + 6.07995) ** -1.6364)
        if sky == "ineichen":
            mass = mass * np.exp(-alt / 8435)
        dni, dhi, ghi = clear_sky(sky, cz, mass, extra, alt, turb)
        modulation = np.sqrt(dni * cz / ghi)
        if shaded == "horizon":
            sector = (az / (2 * np.pi) * 12).astype(int) % 12
            hidden = el < np.take_along_axis(v.horizon, sector, axis=1)
            dni, ghi = np.where(hidden, 0.0, dni), np.where(hidden, dhi, ghi)
        tilt, facing = v.get("panel.tilt", 0.0) + 0 * el, v.get("panel.azimuth", 0.0) + 0 * el
        stop = v.get("panel.max_rotation")
        if mount == "single axis":
            turned = np.clip(np.arctan2(sun[..., 0], sun[..., 2]), -stop, stop)
            tilt, facing = np.abs(turned), np.where(turned >= 0, 0.5, 1.5) * np.pi
        elif mount == "two axes":
            tilt, facing = np.minimum(np.pi / 2 - el, stop), az
        face = np.stack([np.sin(tilt) * np.sin(facing), np.sin(tilt) * np.cos(facing), np.cos(tilt)], axis=-1)
        ci = np.maximum((face * sun).sum(-1), 0)
        dome = (1 + np.cos(tilt)) / 2
        if diffuse == "isotropic":
            part = dhi * dome
        else:
            a = dni / extra
            if diffuse == "reindl":
                dome = dome * (1 + modulation * np.sin(tilt / 2) ** 3)
            part = dhi * (a * ci / np.maximum(cz, 0.087) + (1 - a) * dome)
        made = (dni * ci + part + ghi * v["panel.albedo"] * (1 - np.cos(tilt)) / 2) * shown
        if shaded == "mask":
            made = made * v.in_service[:, None]
        return {"irradiance": made if many else made[:, 0]}

    d.check(reference, 1e-2)
