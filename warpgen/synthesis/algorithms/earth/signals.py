"""What the atmosphere and the rotating earth do to signals of navigation satellites."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.earth import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import piece

KLOBUCHAR = piece(
    '''
@wp.struct
class KlobucharModel:
    """Klobuchar broadcast coefficients, amplitudes [s] and periods [s]."""

    alpha: wp.vec4
    beta: wp.vec4
'''
)

_IONOSPHERE = """
# Ionospheric delay using the Klobuchar model (IS-GPS-200), angles in semicircles
elevation_sc = elevation / wp.pi
# Earth-centered angle between the receiver and the ionospheric pierce point
earth_angle = 0.0137 / (elevation_sc + 0.11) - 0.022
pierce_lat = wp.clamp(lat / wp.pi + earth_angle * wp.cos(azimuth), -0.416, 0.416)
pierce_lon = lon / wp.pi + earth_angle * wp.sin(azimuth) / wp.cos(pierce_lat * wp.pi)
# Geomagnetic latitude of the pierce point
magnetic_lat = pierce_lat + 0.064 * wp.cos((pierce_lon - 1.617) * wp.pi)
magnetic_sq = magnetic_lat * magnetic_lat
# Local time at the pierce point, wrapped to one day
local_time = 43200.0 * pierce_lon + $time
local_time -= 86400.0 * wp.floor(local_time / 86400.0)
slant = 0.53 - elevation_sc
slant_factor = 1.0 + 16.0 * slant * slant * slant
# Cubic polynomials in geomagnetic latitude
amplitude = $alpha[0] + $alpha[1] * magnetic_lat + $alpha[2] * magnetic_sq + $alpha[3] * magnetic_sq * magnetic_lat
amplitude = wp.max(amplitude, 0.0)
period = $beta[0] + $beta[1] * magnetic_lat + $beta[2] * magnetic_sq + $beta[3] * magnetic_sq * magnetic_lat
period = wp.max(period, 72000.0)
phase = 2.0 * wp.pi * (local_time - 50400.0) / period
# Night-time constant of 5 ns plus half-cosine centered at 14:00
phase_sq = phase * phase
cosine = amplitude * (1.0 - 0.5 * phase_sq + phase_sq * phase_sq / 24.0)
zenith_delay = 5.0e-9 + wp.where(wp.abs(phase) < 1.57, cosine, 0.0)
$frequency
delay += SPEED_OF_LIGHT * slant_factor * zenith_delay
"""

_TROPOSPHERE = {
    "saastamoinen": """
    # Tropospheric delay (Saastamoinen 1972), using a standard atmosphere at the receiver height
    pressure = 1013.25 * wp.pow(1.0 - 2.2557e-5 * height, 5.2568)
    temperature = 288.15 - 6.5e-3 * height
    vapor_pressure = 6.108 * humidity * wp.exp((17.15 * temperature - 4684.0) / (temperature - 38.45))
    gravity_factor = 1.0 - 0.00266 * wp.cos(2.0 * lat) - 0.00028 * height / 1000.0
    dry_zenith = 0.0022768 * pressure / gravity_factor
    wet_zenith = 0.002277 * (1255.0 / temperature + 0.05) * vapor_pressure
    """,
    "hopfield": """
    # Tropospheric delay (Hopfield 1969), using a standard atmosphere at the receiver height
    pressure = 1013.25 * wp.pow(1.0 - 2.2557e-5 * height, 5.2568)
    temperature = 288.15 - 6.5e-3 * height
    vapor_pressure = 6.108 * humidity * wp.exp((17.15 * temperature - 4684.0) / (temperature - 38.45))
    # Surface refractivity integrated over a quartic profile
    dry_height = 40136.0 + 148.72 * (temperature - 273.16)
    dry_zenith = 1.0e-6 * 77.64 * pressure / temperature * dry_height / 5.0
    wet_zenith = 1.0e-6 * (-12.96 * temperature + 371800.0) * vapor_pressure / (temperature * temperature)
    wet_zenith *= 11000.0 / 5.0
    """,
}

_MAPPING = {
    "cosecant": """
    # Flat-earth mapping function (2 % too large at 15 degrees elevation, 9 % at 6)
    mapping = 1.0 / sin_elevation
    delay += mapping * (dry_zenith + wet_zenith)
    """,
    "black": """
    # Black and Eisner mapping function, valid above 5 degrees elevation
    mapping = 1.001 / wp.sqrt(0.002001 + sin_elevation * sin_elevation)
    delay += mapping * (dry_zenith + wet_zenith)
    """,
    "chao": """
    # Chao mapping function, with separate dry and wet coefficients
    tan_elevation = wp.tan(elevation)
    dry_mapping = 1.0 / (sin_elevation + 0.00143 / (tan_elevation + 0.0445))
    wet_mapping = 1.0 / (sin_elevation + 0.00035 / (tan_elevation + 0.017))
    delay += dry_mapping * dry_zenith + wet_mapping * wet_zenith
    """,
}


@DOMAIN.algorithm(
    source="IS-GPS-200 (Klobuchar); Saastamoinen 1972; Hopfield 1969; Black & Eisner 1984; Ashby 2003 (Sagnac)",
    names={
        "signal_delays": "gnss_corrections|pseudorange_corrections|atmospheric_delays|range_corrections",
        "receiver_geodetic": "receiver_lat_lon|station_lat_lon|user_geodetic",
        "satellite_dir": "sat_direction|sat_dir|sv_direction",
        "delay": "correction|total_delay|range_error",
        "elevation": "el|elev",
        "azimuth": "az|azim",
        "receiver": "station|user|rx",
        "satellite": "sat|sv|sat_id",
        "zenith_delay": "iono_delay|vertical_delay",
        "mapping": "map_factor|obliquity",
    },
    weight=7,
)
def signal_delays(d: Draft) -> None:
    """Computes atmospheric and Sagnac delays of navigation satellite signals."""
    ionosphere = d.option("ionosphere", "klobuchar", "none", weights=(0.8, 0.2))
    troposphere = d.option("troposphere", *_TROPOSPHERE)
    mapping = d.option("mapping", *_MAPPING)
    sagnac = d.flag("sagnac", 0.6)
    masked = d.option("satellites", "all", "healthy", "channels")
    coefficients = d.option("coefficients", "struct", "vectors")
    band = d.option("band", "L1", "frequency")
    receivers, satellites = d.pick(12, 16), d.pick(8, 10)
    channels = 6 if masked == "channels" else satellites
    d.input(
        "receiver_geodetic",
        "vec2",
        receivers,
        -1.35,
        1.35,
        about="Latitude and longitude [rad]",
    )
    d.input("receiver_height", "float", receivers, 0.0, 4000.0, about="Receiver height [m]")
    d.input(
        "satellite_dir",
        "vec3",
        satellites,
        kind="unit",
        about="Earth-fixed unit directions from geocenter to satellite",
    )
    d.param("orbit_radius", "float", 26.5, 26.6, about="Orbit radius [1000 km]")
    if masked == "healthy":
        d.mask("satellite_healthy", "bool", satellites, about="Broadcast health flags")
    elif masked == "channels":
        d.input(
            "channel_satellite",
            "int",
            (receivers, channels),
            -1,
            satellites,
            about="Tracked satellite index, -1 if idle",
        )
    d.input("humidity", "float", receivers, 0.2, 0.9, about="Relative humidity, 0 to 1")
    if ionosphere == "klobuchar":
        d.input("time_of_day", "float", receivers, 0.0, 86400.0, about="GPS time of day [s]")
        if coefficients == "struct":
            d.struct(
                "klobuchar",
                KLOBUCHAR,
                {"alpha": fill(-1e-8, 3e-8), "beta": fill(8e4, 1.2e5)},
                about="Broadcast coefficients",
            )
        else:
            d.param("iono_alpha", "vec4", -1e-8, 3e-8, about="Broadcast amplitudes [s]")
            d.param("iono_beta", "vec4", 8e4, 1.2e5, about="Broadcast periods [s]")
        if band == "frequency":
            d.param("carrier_ratio", "float", 1.2, 1.4, about="Ratio of L1 frequency to carrier frequency")
    d.param("mask_angle", "float", 0.1, 0.25, about="Elevation mask angle [rad]")
    d.output("range_delay", "float", (receivers, channels), about="Signal delay [m], 0 below the mask angle")
    constants = (
        ["SPEED_OF_LIGHT = wp.constant(299792458.0)  # [m/s]"] if ionosphere != "none" or sagnac else []
    )
    constants += ["EARTH_RADIUS = wp.constant(6.378137)  # [1000 km]"]
    if sagnac:
        constants += ["EARTH_RATE = wp.constant(7.2921151467e-5)  # [rad/s]"]
    d.module("\n".join(constants))
    pick = {
        "all": "receiver, satellite = wp.tid()",
        "healthy": "receiver, satellite = wp.tid()\n# Skip unhealthy satellites\n"
        "if not satellite_healthy[satellite]:\n    range_delay[receiver, satellite] = 0.0\n    return",
        "channels": "receiver, channel = wp.tid()\n# Skip idle channels\n"
        "satellite = channel_satellite[receiver, channel]\n"
        "if satellite < 0:\n    range_delay[receiver, channel] = 0.0\n    return",
    }
    alpha, beta = (
        ("klobuchar.alpha", "klobuchar.beta") if coefficients == "struct" else ("iono_alpha", "iono_beta")
    )
    d.launch(receivers, channels)
    d.code(
        """
        $pick
        lat = receiver_geodetic[receiver][0]
        lon = receiver_geodetic[receiver][1]
        height = receiver_height[receiver]
        sin_lat = wp.sin(lat)
        cos_lat = wp.cos(lat)
        sin_lon = wp.sin(lon)
        cos_lon = wp.cos(lon)
        # Receiver position on a spherical earth (elevation error below 0.2 degrees)
        up = wp.vec3(cos_lat * cos_lon, cos_lat * sin_lon, sin_lat)
        receiver_pos = (EARTH_RADIUS + 1.0e-6 * height) * up
        sat_ecef = orbit_radius * satellite_dir[satellite]
        line_of_sight = wp.normalize(sat_ecef - receiver_pos)
        # Local east, north and up components
        east = -sin_lon * line_of_sight[0] + cos_lon * line_of_sight[1]
        north = -sin_lat * cos_lon * line_of_sight[0] - sin_lat * sin_lon * line_of_sight[1] + cos_lat * line_of_sight[2]
        sin_elevation = wp.dot(line_of_sight, up)
        elevation = wp.asin(wp.clamp(sin_elevation, -1.0, 1.0))
        $azimuth
        # Skip satellites below the mask angle
        if elevation < mask_angle:
            range_delay[receiver, $column] = 0.0
            return
        $ionosphere
        $troposphere
        $mapping
        $sagnac
        range_delay[receiver, $column] = delay
        """,
        pick=pick[masked],
        azimuth="azimuth = wp.atan2(east, north)" if ionosphere != "none" else "",
        ionosphere=_IONOSPHERE if ionosphere != "none" else "",
        time="time_of_day[receiver]",
        alpha=alpha,
        beta=beta,
        frequency="# Ionospheric delay scales with 1 / f^2\nzenith_delay *= carrier_ratio * carrier_ratio"
        if band == "frequency"
        else "",
        troposphere=_TROPOSPHERE[troposphere].replace("humidity", "humidity[receiver]"),
        mapping=_MAPPING[mapping],
        sagnac="""
        # Sagnac correction: earth rotation during signal travel, positions in 1000 km
        cross_z = sat_ecef[0] * receiver_pos[1] - sat_ecef[1] * receiver_pos[0]
        delay += 1.0e12 * EARTH_RATE / SPEED_OF_LIGHT * cross_z
        """
        if sagnac
        else "",
        column="channel" if masked == "channels" else "satellite",
    )
    d.text = d.text.replace("delay += ", "delay = ", 1)  # the first part begins the sum
    if ionosphere == "none":
        d.text = d.text.replace(
            "east = -sin_lon * line_of_sight[0] + cos_lon * line_of_sight[1]\n"
            "north = -sin_lat * cos_lon * line_of_sight[0] - sin_lat * sin_lon * line_of_sight[1] + cos_lat * line_of_sight[2]\n",
            "",
        ).replace("# Local east, north and up components\n", "# Elevation above the horizon\n")
    parts = [*(["ionospheric"] if ionosphere != "none" else []), "tropospheric"]
    d.explain(
        f"Sums {' and '.join(parts)} delays along the line of sight"
        + (" plus the Sagnac correction" if sagnac else "")
        + ", in meters."
    )
    if sagnac:
        d.calls("signal_delays|gnss_corrections|pseudorange_corrections|range_corrections")
    elif ionosphere == "none":
        d.calls("tropospheric_delays|troposphere_delays|signal_delays|range_corrections")
    what = "atmospheric" if ionosphere != "none" else "tropospheric"
    d.says(f"Computes {what}{' and Sagnac' if sagnac else ''} delays of navigation satellite signals.")

    def klobuchar(v: Values, r: int, el: Any, az: Any) -> Any:
        lat, lon = v.receiver_geodetic[r] / np.pi
        psi = 0.0137 / (el / np.pi + 0.11) - 0.022
        phi = np.clip(lat + psi * np.cos(az), -0.416, 0.416)
        lam = lon + psi * np.sin(az) / np.cos(phi * np.pi)
        powers = (phi + 0.064 * np.cos((lam - 1.617) * np.pi)) ** np.arange(4)
        t = (43200.0 * lam + v.time_of_day[r]) % 86400.0
        x = 2.0 * np.pi * (t - 50400.0) / max(v[beta] @ powers, 72000.0)
        zenith = 5e-9
        if abs(x) < 1.57:
            zenith += max(v[alpha] @ powers, 0.0) * (1.0 - x**2 / 2.0 + x**4 / 24.0)
        if band == "frequency":
            zenith *= v.carrier_ratio**2
        return 299792458.0 * (1.0 + 16.0 * (0.53 - el / np.pi) ** 3) * zenith

    def zenith(v: Values, r: int) -> tuple[Any, Any]:
        lat, height = v.receiver_geodetic[r, 0], v.receiver_height[r]
        p, t = 1013.25 * (1.0 - 2.2557e-5 * height) ** 5.2568, 288.15 - 0.0065 * height
        e = 6.108 * v.humidity[r] * np.exp((17.15 * t - 4684.0) / (t - 38.45))
        if troposphere == "saastamoinen":
            dry = 0.0022768 * p / (1.0 - 0.00266 * np.cos(2.0 * lat) - 0.00028e-3 * height)
            return dry, 0.002277 * (1255.0 / t + 0.05) * e
        dry = 77.64e-6 * p / t * (40136.0 + 148.72 * (t - 273.16)) / 5.0
        return dry, 1e-6 * (371800.0 - 12.96 * t) * e / t**2 * 2200.0

    def reference(v: Values) -> dict[str, Any]:
        made = np.zeros((receivers, channels))
        for r, c in np.ndindex(receivers, channels):
            s = int(v.channel_satellite[r, c]) if masked == "channels" else c
            if s < 0 or (masked == "healthy" and not v.satellite_healthy[s]):
                continue
            (lat, lon), h = v.receiver_geodetic[r], v.receiver_height[r]
            up = np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
            place, sat = (6.378137 + 1e-6 * h) * up, v.orbit_radius * v.satellite_dir[s]
            sight = (sat - place) / np.linalg.norm(sat - place)
            el = np.arcsin(sight @ up)
            if el < v.mask_angle:
                continue
            east = np.array([-np.sin(lon), np.cos(lon), 0.0])
            if ionosphere != "none":
                made[r, c] += klobuchar(v, r, el, np.arctan2(sight @ east, sight @ np.cross(up, east)))
            dry, wet = zenith(v, r)
            if mapping == "cosecant":
                made[r, c] += (dry + wet) / np.sin(el)
            elif mapping == "black":
                made[r, c] += 1.001 * (dry + wet) / np.sqrt(0.002001 + np.sin(el) ** 2)
            else:
                made[r, c] += dry / (np.sin(el) + 0.00143 / (np.tan(el) + 0.0445))
                made[r, c] += wet / (np.sin(el) + 0.00035 / (np.tan(el) + 0.017))
            if sagnac:
                made[r, c] += 1e12 * 7.2921151467e-5 / 299792458.0 * np.cross(sat, place)[2]
        return {"range_delay": made}

    d.check(reference, 2e-3)
