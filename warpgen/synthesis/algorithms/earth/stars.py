"""Stars and spacecraft: where stars seem to stand, and what pulls on satellites."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.earth import DOMAIN
from warpgen.synthesis.library.proofs import mostly_close
from warpgen.synthesis.writing.draft import Draft, Values

_AS = np.pi / 180 / 3600  # one arcsecond in radians


@DOMAIN.algorithm(
    source="Meeus 1998, Astronomical Algorithms, ch. 13, 16, 21 to 23; Urban & Seidelmann 2013, ch. 7; Saemundsson 1986",
    names={
        "apparent_places": "star_places|observe_stars|catalog_to_apparent|apparent_stars",
        "catalog": "positions|ra_dec|mean_places",
        "direction": "s|unit|star_dir",
        "centuries": "t_cent|julian_centuries|centuries_j2000",
        "right_ascension": "ra|alpha|asc",
        "declination": "dec|delta_star|decl",
        "obliquity": "eps|epsilon|tilt",
        "hour_angle": "ha|h|local_hour_angle",
    },
    double=True,
    weight=10,
)
def apparent_places(d: Draft) -> None:
    """Computes where stars of a catalog appear in the sky: motion, precession, aberration and refraction."""
    motion = d.option("motion", "none", "proper", "space")
    parallax = d.flag("parallax", 0.5)
    precession = d.option("precession", "angles", "none", "approximate")
    nutation = d.flag("nutation", 0.5)
    aberration = d.option("aberration", "classical", "none", "relativistic")
    deflection = d.flag("deflection", 0.35)
    if aberration == "none" and (parallax or nutation or deflection):
        aberration = "classical"  # the largest of these effects
    if parallax or deflection or aberration == "relativistic":  # of some hundredths of an arcsecond
        d.precise()
    result = d.option("result", "horizontal", "direction", "equatorial", "zenith distance")
    if precession == "none" and (nutation or result in ("horizontal", "zenith distance")):
        precession = "angles"  # more than all that is smaller
    refraction = d.flag("refraction", 0.6) if result in ("horizontal", "zenith distance") else False
    units = d.option("units", "radians", "degrees")
    if result == "zenith distance":
        d.calls("zenith_distances|star_zenith_distances|observe_zenith_distance")
    n = d.pick(48, 64, 96)
    if units == "degrees":
        d.input("catalog", "vec2", n, 20.0, 70.0, about="Mean right ascension and declination [deg]")
    else:
        d.input("catalog", "vec2", n, 0.3, 1.2, about="Mean right ascension and declination [rad]")
    if motion != "none":
        d.input(
            "proper_motion",
            "vec2",
            n,
            -2.0e-3,
            2.0e-3,
            about="Proper motion (RA component times cos(dec)) [rad/century]",
        )
    if motion == "space":
        d.input(
            "radial_motion",
            "float",
            n,
            -1.0e-3,
            1.0e-3,
            about="Radial velocity divided by distance [1/century]",
        )
    if parallax:
        d.input(
            "parallax",
            "float",
            n,
            1.0e-7,
            3.6e-6,
            about="Annual parallax [rad]",
        )
    if parallax or deflection:
        # light bends where stars are on the sun's side
        low, high = (-0.587, -0.568) if deflection else (0.568, 0.587)
        about = "Heliocentric earth position in the J2000 frame [AU]"
        d.param("earth_position", "vec3", low, high, about=about)
    if aberration != "none":
        d.param(
            "earth_velocity",
            "vec3",
            *((-1.0e-4, 1.0e-4) if parallax or deflection else (5.5e-5, 6.0e-5)),
            about="Earth velocity in the J2000 frame, in units of c",
        )
    d.param("centuries", "float", 0.1, 0.9, about="Julian centuries since J2000")
    if result in ("horizontal", "zenith distance"):
        d.input("sidereal_time", "float", n, 0.0, 1.5, about="Local sidereal time per observation [rad]")
        d.param("latitude", "float", 0.4, 1.0, about="Observer latitude [rad]")
    if refraction:
        d.param("pressure", "float", 700.0, 1020.0, about="Air pressure at the observer [hPa]")
        d.param("air_temperature", "float", 260.0, 300.0, about="Air temperature at the observer [K]")
    # Places are apparent ones with all that turns or shifts them
    apparent = nutation and precession != "none"
    if not apparent and result in ("direction", "equatorial"):
        d.calls(
            "star_places|catalog_places|star_directions"
            if result == "direction"
            else "star_places|catalog_places"
        )
    places, seen = ("apparent", "Apparent") if apparent else ("places", "Corrected")
    name, type, about = {
        "horizontal": (
            "altitude_azimuth",
            "vec2",
            "Altitude and azimuth, clockwise from north [rad]",
        ),
        "direction": (places, "vec3", f"{seen} direction"),
        "equatorial": (places, "vec2", f"{seen} right ascension and declination [rad]"),
        "zenith distance": ("zenith_distance", "float", "Zenith distance [rad]"),
    }[result]
    d.output(name, type, n, about=about)
    if precession != "none" or nutation:
        d.module("ARCSEC = wp.constant(4.848136811e-6)  # in radians")
    d.function('''
        @wp.func
        def spherical_to_unit(longitude: float, latitude: float) -> wp.vec3:
            """Convert spherical coordinates to a unit vector."""
            c = wp.cos(latitude)
            return wp.vec3(c * wp.cos(longitude), c * wp.sin(longitude), wp.sin(latitude))
    ''')
    if precession == "angles" or nutation:
        d.function('''
            @wp.func
            def turn_z(v: wp.vec3, angle: float) -> wp.vec3:
                """Rotate the coordinate frame of v about z."""
                c = wp.cos(angle)
                s = wp.sin(angle)
                return wp.vec3(c * v[0] + s * v[1], -s * v[0] + c * v[1], v[2])
        ''')
    if precession == "angles":
        d.function('''
            @wp.func
            def turn_y(v: wp.vec3, angle: float) -> wp.vec3:
                """Rotate the coordinate frame of v about y."""
                c = wp.cos(angle)
                s = wp.sin(angle)
                return wp.vec3(c * v[0] - s * v[2], v[1], s * v[0] + c * v[2])
        ''')
    if nutation:
        d.function('''
            @wp.func
            def turn_x(v: wp.vec3, angle: float) -> wp.vec3:
                """Rotate the coordinate frame of v about x."""
                c = wp.cos(angle)
                s = wp.sin(angle)
                return wp.vec3(v[0], c * v[1] + s * v[2], -s * v[1] + c * v[2])
        ''')
    move = {
        "none": "",
        "proper": """
            # Use tangent vectors, since right ascension is singular at the poles
            east = wp.vec3(-wp.sin(ra), wp.cos(ra), 0.0)
            north = wp.vec3(-wp.sin(dec) * wp.cos(ra), -wp.sin(dec) * wp.sin(ra), wp.cos(dec))
            rate = proper_motion[tid]
            direction += centuries * (rate[0] * east + rate[1] * north)
            """,
        "space": """
            # Full space motion including the radial velocity
            east = wp.vec3(-wp.sin(ra), wp.cos(ra), 0.0)
            north = wp.vec3(-wp.sin(dec) * wp.cos(ra), -wp.sin(dec) * wp.sin(ra), wp.cos(dec))
            rate = proper_motion[tid]
            direction += centuries * (rate[0] * east + rate[1] * north + radial_motion[tid] * direction)
            """,
    }[motion]
    turn = {
        "none": "",
        "angles": """
            # Precession from J2000 (Lieske et al. 1977), angles in arcseconds
            zeta = ((0.017998 * centuries + 0.30188) * centuries + 2306.2181) * centuries * ARCSEC
            z = ((0.018203 * centuries + 1.09468) * centuries + 2306.2181) * centuries * ARCSEC
            theta = ((-0.041833 * centuries - 0.42665) * centuries + 2004.3109) * centuries * ARCSEC
            direction = turn_z(turn_y(turn_z(direction, -zeta), theta), -z)
            """,
        "approximate": """
            # Approximate precession using the J2000 rates m (right ascension) and n (declination)
            precession = wp.vec3(0.0, -2004.3109, 4612.4362) * centuries * ARCSEC
            turn = wp.quat_from_axis_angle(wp.normalize(precession), wp.length(precession))
            direction = wp.quat_rotate(turn, direction)
            """,
    }[precession]
    wobble = """
        # Nutation using the four largest terms of the IAU 1980 series
        node = 2.18243855 - 33.7570459 * centuries
        sun_longitude = 4.89506297 + 628.3319653 * centuries
        moon_longitude = 3.81034410 + 8399.7091135 * centuries
        d_psi = -17.20 * wp.sin(node) - 1.32 * wp.sin(2.0 * sun_longitude)
        d_psi += -0.23 * wp.sin(2.0 * moon_longitude) + 0.21 * wp.sin(2.0 * node)
        d_eps = 9.20 * wp.cos(node) + 0.57 * wp.cos(2.0 * sun_longitude)
        d_eps += 0.10 * wp.cos(2.0 * moon_longitude) - 0.09 * wp.cos(2.0 * node)
        obliquity = 0.40909280 - 2.26966e-4 * centuries
        # Rotate about the ecliptic pole for nutation in longitude
        ecliptic = turn_z(turn_x(direction, obliquity), -d_psi * ARCSEC)
        direction = turn_x(ecliptic, -obliquity - d_eps * ARCSEC)
        """
    light = {
        "none": "",
        "classical": """
            # Classical annual aberration
            direction = wp.normalize(direction + earth_velocity)
            """,
        "relativistic": """
            # Relativistic annual aberration
            beta_dot = wp.dot(direction, earth_velocity)
            inv_gamma = wp.sqrt(1.0 - wp.dot(earth_velocity, earth_velocity))
            scale = 1.0 + beta_dot / (1.0 + inv_gamma)
            direction = (inv_gamma * direction + scale * earth_velocity) / (1.0 + beta_dot)
            """,
    }[aberration]
    horizon = """
        # Convert to horizontal coordinates using the hour angle
        right_ascension = wp.atan2(direction[1], direction[0])
        declination = wp.asin(direction[2])
        hour_angle = sidereal_time[tid] - right_ascension
        toward = wp.cos(hour_angle) * wp.cos(declination)
        up = wp.sin(latitude) * wp.sin(declination) + wp.cos(latitude) * toward
        south = wp.sin(latitude) * toward - wp.cos(latitude) * wp.sin(declination)
        west = wp.sin(hour_angle) * wp.cos(declination)
        # Use atan2, since asin is inaccurate near the zenith
        altitude = wp.atan2(up, wp.sqrt(west * west + south * south))
        $refract
        $last
        """
    d.launch(n)
    d.code(
        """
        tid = wp.tid()
        $read
        direction = spherical_to_unit(ra, dec)
        $move
        $parallax
        $unit
        $deflect
        $light
        $turn
        $wobble
        $store
        """,
        read="ra = catalog[tid][0]\ndec = catalog[tid][1]"
        if units == "radians"
        else "ra = wp.radians(catalog[tid][0])\ndec = wp.radians(catalog[tid][1])",
        move=move,
        parallax="""
            # Annual parallax (catalog directions are heliocentric)
            direction -= parallax[tid] * earth_position
            """
        if parallax
        else "",
        unit="direction = wp.normalize(direction)" if motion != "none" or parallax else "",
        deflect="""
            # Gravitational light deflection by the sun: 2 G M / (c^2 r), 4.1 mas at 1 AU
            sun_distance = wp.length(earth_position)
            from_sun = earth_position / sun_distance
            cosine = wp.dot(direction, from_sun)
            # Clamp to avoid division by zero behind the sun
            bend = 1.974e-8 / (sun_distance * wp.max(1.0 + cosine, 1.0e-5))
            direction = wp.normalize(direction + bend * (from_sun - cosine * direction))
            """
        if deflection
        else "",
        light=light,
        turn=turn,
        wobble=wobble if nutation else "",
        store={
            "direction": f"{name}[tid] = direction",
            "equatorial": f"# Right ascension from -pi to pi\n{name}[tid] = wp.vec2(wp.atan2(direction[1], direction[0]), wp.asin(direction[2]))",
        }.get(result, horizon),
        refract="""
            # Saemundsson's refraction formula (degrees to arcminutes), clamped below the horizon
            degrees = wp.max(wp.degrees(altitude), -1.0)
            minutes = 1.02 / wp.tan(wp.radians(degrees + 10.3 / (degrees + 5.11)))
            air = pressure / 1010.0 * 283.0 / air_temperature
            altitude += wp.radians(minutes * air / 60.0)
            """
        if refraction
        else "",
        last={
            "horizontal": """
                # Add pi to measure azimuth clockwise from north
                azimuth = wp.atan2(west, south) + wp.pi
                altitude_azimuth[tid] = wp.vec2(altitude, azimuth)
                """,
            "zenith distance": "zenith_distance[tid] = 0.5 * wp.pi - altitude",
        }.get(result, ""),
    )
    d.explain("Catalog positions are mean J2000 positions.")
    effects = [
        *(["proper motion"] if motion == "proper" else ["space motion"] if motion == "space" else []),
        *(["parallax"] if parallax else []),
        *(["light deflection"] if deflection else []),
        *(["aberration"] if aberration != "none" else []),
        *(["precession"] if precession != "none" else []),
        *(["nutation"] if nutation else []),
        *(["refraction"] if refraction else []),
    ]
    what = {
        "horizontal": "Computes altitudes and azimuths of catalog stars",
        "zenith distance": "Computes zenith distances of catalog stars",
    }.get(result, f"Computes {'apparent ' if apparent else ''}positions of catalog stars")
    listed = " and ".join([", ".join(effects[:-1]), effects[-1]] if len(effects) > 1 else effects)
    d.says(f"{what}{f' with {listed}' if effects else ''}.")

    def turned(axis: int, angle: Any, s: Any) -> Any:
        i, j = [(1, 2), (2, 0), (0, 1)][axis]
        made = s.copy()
        made[:, i], made[:, j] = (
            np.cos(angle) * s[:, i] + np.sin(angle) * s[:, j],
            np.cos(angle) * s[:, j] - np.sin(angle) * s[:, i],
        )
        return made

    def agrees(v: Values, after: Values) -> None:
        ra, dec = v.catalog.T * (np.pi / 180 if units == "degrees" else 1.0)
        s = np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=-1)
        east = np.stack([-np.sin(ra), np.cos(ra), 0 * ra], axis=-1)
        t = v.get("centuries", 0.0)
        if motion != "none":
            rate = v.proper_motion[:, :1] * east + v.proper_motion[:, 1:] * np.cross(s, east)
            s = s + t * (rate + (v.radial_motion[:, None] * s if motion == "space" else 0.0))
        if parallax:
            s = s - v.parallax[:, None] * v.earth_position
        s = s / np.linalg.norm(s, axis=1, keepdims=True)
        if deflection:
            e = v.earth_position / np.linalg.norm(v.earth_position)
            c = s @ e
            s = s + (1.974e-8 / np.linalg.norm(v.earth_position) / np.maximum(1 + c, 1e-5))[:, None] * (
                e - c[:, None] * s
            )
        if aberration != "none":
            b = v.earth_velocity
            if aberration == "relativistic":
                g = np.sqrt(1 - b @ b)
                s = (g * s + (1 + (s @ b) / (1 + g))[:, None] * b) / (1 + s @ b)[:, None]
            s = s + b if aberration == "classical" else s
            s = s / np.linalg.norm(s, axis=1, keepdims=True)
        if precession == "angles":
            zeta, z, theta = (
                np.polyval(c, t) * _AS
                for c in (
                    (0.017998, 0.30188, 2306.2181, 0),
                    (0.018203, 1.09468, 2306.2181, 0),
                    (-0.041833, -0.42665, 2004.3109, 0),
                )
            )
            s = turned(2, -z, turned(1, theta, turned(2, -zeta, s)))
        elif precession == "approximate":
            m, k = 4612.4362 * t * _AS, 2004.3109 * t * _AS
            size = np.hypot(m, k)
            pole = np.array([0.0, -k, m]) / size
            along = (s @ pole)[:, None] * pole
            s = along + np.cos(size) * (s - along) + np.sin(size) * np.cross(pole, s)
        if nutation:
            node, sun, moon = (
                2.18243855 - 33.7570459 * t,
                4.89506297 + 628.3319653 * t,
                3.8103441 + 8399.7091135 * t,
            )
            psi = (
                -17.2 * np.sin(node)
                - 1.32 * np.sin(2 * sun)
                - 0.23 * np.sin(2 * moon)
                + 0.21 * np.sin(2 * node)
            )
            eps = (
                9.2 * np.cos(node) + 0.57 * np.cos(2 * sun) + 0.1 * np.cos(2 * moon) - 0.09 * np.cos(2 * node)
            )
            tilt = 0.4090928 - 2.26966e-4 * t
            s = turned(0, -tilt - eps * _AS, turned(2, -psi * _AS, turned(0, tilt, s)))
        made: Any = s
        ra, dec = np.arctan2(s[:, 1], s[:, 0]), np.arcsin(np.clip(s[:, 2], -1, 1))
        if result == "equatorial":
            made = np.stack([ra, dec], axis=-1)
        elif result != "direction":
            h, phi = v.sidereal_time - ra, v.latitude
            up = np.arcsin(np.sin(phi) * np.sin(dec) + np.cos(phi) * np.cos(dec) * np.cos(h))
            if refraction:
                a = np.maximum(np.degrees(up), -1)
                minutes = 1.02 / np.tan(np.radians(a + 10.3 / (a + 5.11)))
                up = up + np.radians(minutes / 60) * v.pressure / 1010 * 283 / v.air_temperature
            around = np.arctan2(
                np.sin(h) * np.cos(dec), np.cos(h) * np.sin(phi) * np.cos(dec) - np.sin(dec) * np.cos(phi)
            )
            made = np.pi / 2 - up if result == "zenith distance" else np.stack([up, around + np.pi], axis=-1)
        mostly_close(after[name], made, 2e-5)

    d.holds(agrees)
