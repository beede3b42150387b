"""Forces on spacecraft."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.earth import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.trim import trim


@DOMAIN.algorithm(
    source="Montenbruck & Gill 2000, Satellite Orbits, ch. 3; Vallado 2013, ch. 8",
    names={
        "positions": "r_sat|pos|states_r",
        "velocities": "v_sat|vel|states_v",
        "accel": "a|acceleration|a_total",
        "radius": "r_mag|distance|r_norm",
        "light_area": "cr_area_mass|radiation_area|solar_area",
        "sun": "sun_position|r_sun|to_sun",
        "moon": "moon_position|r_moon|to_moon",
    },
    double=True,
    weight=4,
)
def spacecraft_acceleration(d: Draft) -> None:
    """Computes the acceleration of spacecraft by the forces that perturb their orbits."""
    zonal = d.option("zonal", "J2", "J3", "J4", "none")
    drag = d.option("drag", "none", "exponential", "layers")
    pressure = d.option("radiation", "none", "cylinder", "penumbra", "lit")
    third = d.option("third bodies", "none", "moon", "both")
    if third == "both":  # of the pull of the sun only the small difference to that on the earth is left
        d.precise()
    relativity = d.flag("relativity", 0.35)
    thrust = d.option("thrust", "none", "tangential", "given")
    result = d.option("result", "acceleration", "step", "power", "radial")
    shaded = pressure in ("cylinder", "penumbra")
    if shaded:
        drag = "none"  # high orbits, some of which are behind the earth
    rotating = d.flag("rotating air", 0.5) and drag != "none"
    d.calls(
        {
            "acceleration": "perturbing_acceleration|orbit_perturbations|perturb_satellites|disturbing_acceleration",
            "step": "velocity_change|perturb_velocities|kick_spacecraft",
            "power": "orbital_energy_rate|perturbing_power|orbit_energy_change",
            "radial": "radial_components|perturbation_components|rtn_acceleration",
        }[result]
    )
    if zonal == "none" and not (drag + pressure + third + thrust).replace("none", ""):
        zonal = "J2"
    n = d.pick(48, 64)
    low, high = (4200.0, 20000.0) if shaded else (3900.0, 4300.0)
    d.input("positions", "vec3", n, low, high, about="Inertial position [km]")
    d.input("velocities", "vec3", n, -5.0, 5.0, about="Velocities [km/s]")
    if drag != "none":
        d.input(
            "ballistic", "float", n, 0.01, 0.05, about="Drag coefficient times area-to-mass ratio [m^2/kg]"
        )
    if pressure != "none":
        d.input(
            "light_area",
            "float",
            n,
            0.01,
            0.05,
            about="Radiation pressure coefficient times area-to-mass ratio [m^2/kg]",
        )
    if pressure != "none" or third == "both":
        d.param(
            "sun",
            "vec3",
            *((-0.875e8, -0.85e8) if shaded else (0.85e8, 0.875e8)),
            about="Sun position [km]",
        )
    if third != "none":
        d.param("moon", "vec3", 2.06e5, 2.35e5, about="Moon position [km]")
    if thrust == "given":
        d.input("thrust_accel", "vec3", n, -1.0e-6, 1.0e-6, about="Thrust acceleration [km/s^2]")
    elif thrust == "tangential":
        d.param("thrust_accel", "float", 1.0e-7, 1.0e-6, about="Thrust acceleration [km/s^2]")
    if result == "step":
        d.param("dt", "float", 30.0, 120.0, about="Time step [s]")
    name, type, about = {
        "acceleration": ("accel_out", "vec3", "Perturbing acceleration [km/s^2]"),
        "step": ("delta_v", "vec3", "Velocity change over the time step [km/s]"),
        "power": ("energy_rate", "float", "Specific orbital energy rate [km^2/s^3]"),
        "radial": ("components", "vec3", "Radial, along-track and cross-track acceleration [km/s^2]"),
    }[result]
    d.output(name, type, n, about=about)
    if third != "none":
        d.module("GM_MOON = wp.constant(4902.8)  # [km^3/s^2]")
        d.function('''
            @wp.func
            def tidal_pull(r: wp.vec3, body: wp.vec3, gm: float) -> wp.vec3:
                """Third-body acceleration of the spacecraft relative to the earth."""
                to_body = body - r
                d3 = wp.pow(wp.length_sq(to_body), 1.5)
                s3 = wp.pow(wp.length_sq(body), 1.5)
                return gm * (to_body / d3 - body / s3)
        ''')
    if third == "both":
        d.module("GM_SUN = wp.constant(1.32712e11)  # [km^3/s^2]")
    if zonal == "none":
        body = ""
    else:
        body = """
            # J2 (oblateness)
            sin2 = z_over_r * z_over_r
            k2 = -1.5 * J2 * GM_EARTH * R_EARTH * R_EARTH / wp.pow(radius, 5.0)
            $sum wp.cw_mul(k2 * r, wp.vec3(1.0 - 5.0 * sin2, 1.0 - 5.0 * sin2, 3.0 - 5.0 * sin2))
            """
        if zonal in ("J3", "J4"):
            body += """
            # J3 (pear shape)
            k3 = 0.5 * J3 * GM_EARTH * wp.pow(R_EARTH, 3.0) / wp.pow(radius, 5.0)
            across = 5.0 * z_over_r * (7.0 * sin2 - 3.0) / radius
            $sum k3 * wp.vec3(across * r[0], across * r[1], 3.0 - 30.0 * sin2 + 35.0 * sin2 * sin2)
            """
        if zonal == "J4":
            body += """
            # J4 zonal harmonic
            k4 = 0.625 * J4 * GM_EARTH * wp.pow(R_EARTH, 4.0) / wp.pow(radius, 7.0)
            even = 3.0 - 42.0 * sin2 + 63.0 * sin2 * sin2
            polar = 15.0 - 70.0 * sin2 + 63.0 * sin2 * sin2
            $sum k4 * wp.vec3(even * r[0], even * r[1], polar * r[2])
            """
    air = {
        "none": "",
        "exponential": """
            # Atmospheric drag with exponential density [kg/m^3]
            altitude = radius - R_EARTH
            density = 3.73e-12 * wp.exp(-(altitude - 400.0) / 58.5)
            """,
        "layers": """
            # Two density layers, since the scale height grows with altitude (Vallado 2013, table 8-4)
            altitude = radius - R_EARTH
            if altitude > 600.0:
                density = 1.45e-13 * wp.exp(-(altitude - 600.0) / 71.8)
            else:
                density = 3.73e-12 * wp.exp(-(altitude - 400.0) / 58.5)
            """,
    }[drag]
    if air:
        air += f"""
            {"# Velocity relative to the co-rotating atmosphere" if rotating else "# Non-rotating atmosphere"}
            wind = {"wp.cross(wp.vec3(0.0, 0.0, EARTH_RATE), r)" if rotating else "wp.vec3(0.0, 0.0, 0.0)"}
            relative = v - wind
            # Factor 1000 converts from meters (density, area) to km
            $sum -500.0 * density * ballistic[tid] * wp.length(relative) * relative
            """
        if not rotating:
            air = air.replace(
                "            # Non-rotating atmosphere\n            wind = wp.vec3(0.0, 0.0, 0.0)\n            relative = v - wind\n",
                "",
            ).replace("wp.length(relative) * relative", "wp.length(v) * v")
    shade = {
        "none": "",
        "lit": " ",
        "cylinder": """
            # Cylindrical earth shadow (parallel sun rays)
            along = wp.dot(r, sun_direction)
            off_axis = wp.length(r - along * sun_direction)
            lit = wp.where(along < 0.0 and off_axis < R_EARTH, 0.0, 1.0)
            """,
        "penumbra": """
            # Smooth shadow edge due to the finite sun disk (0.5 degrees) and about 50 km of atmosphere
            along = wp.dot(r, sun_direction)
            off_axis = wp.length(r - along * sun_direction)
            penumbra = 50.0 + 0.00465 * wp.abs(along)
            edge = wp.clamp(0.5 + 0.5 * (off_axis - R_EARTH) / penumbra, 0.0, 1.0)
            lit = wp.where(along < 0.0, edge * edge * (3.0 - 2.0 * edge), 1.0)
            """,
    }[pressure]
    if shade:
        sunlit = " in full sunlight" if pressure == "lit" else ""
        shade = f"""
            # Radiation pressure{sunlit}: 4.56e-6 N/m^2 at 1 AU, directed away from the sun
            sun_direction = wp.normalize(sun - r)
            sun_distance = wp.length(sun - r) / 1.496e8
            """ + shade + """
            $sum -4.56e-9 * lit * light_area[tid] / (sun_distance * sun_distance) * sun_direction
            """  # fmt: skip
    far = {
        "none": "",
        "moon": "$sum tidal_pull(r, moon, GM_MOON)",
        "both": "$sum tidal_pull(r, moon, GM_MOON)\n$sum tidal_pull(r, sun, GM_SUN)",
    }[third]
    if far:
        far = "# Third-body perturbation (tidal part only, since the earth is accelerated as well)\n" + far
    einstein = """
        # Relativistic correction (Schwarzschild term), c = 299792.458 km/s
        factor = GM_EARTH / (8.98755e10 * radius * radius * radius)
        $sum factor * ((4.0 * GM_EARTH / radius - wp.dot(v, v)) * r + 4.0 * wp.dot(r, v) * v)
        """
    engine = {
        "none": "",
        "tangential": "# Low thrust along the velocity direction\n$sum thrust_accel * wp.normalize(v)",
        "given": "$sum thrust_accel[tid]",
    }[thrust]
    parts = [p for p in (body, air, shade, far, einstein if relativity else "", engine) if p]
    total = "accel +="
    parts = [
        "\n".join(
            line.strip() if not line.startswith(" " * 16) else "    " + line.strip()
            for line in p.strip("\n").split("\n")
        )
        for p in parts
    ]
    text = "\n".join(part.replace("$sum", total) for part in parts)
    lines = [line for line in text.split("\n") if line.strip()]
    text = "\n".join(lines)
    text = text.replace(total, "accel =", 1)  # the first force begins the sum
    text = text.replace("accel += -", "accel -= ")
    if pressure == "lit":
        text = text.replace("4.56e-9 * lit * ", "4.56e-9 * ")
    d.launch(n)
    d.code(
        """
        tid = wp.tid()
        r = positions[tid]
        v = velocities[tid]
        radius = wp.length(r)
        $z
        $forces
        $store
        """,
        z="z_over_r = r[2] / radius" if zonal != "none" else "",
        forces=text,
        store={
            "acceleration": "accel_out[tid] = accel",
            "step": "delta_v[tid] = dt * accel",
            "power": "# Power of the perturbing forces\nenergy_rate[tid] = wp.dot(accel, v)",
            "radial": """
                # Radial, along-track and cross-track components (RSW frame)
                up = r / radius
                cross_track = wp.normalize(wp.cross(r, v))
                along_track = wp.cross(cross_track, up)
                components[tid] = wp.vec3(wp.dot(accel, up), wp.dot(accel, along_track), wp.dot(accel, cross_track))
                """,
        }[result],
    )
    trim(d)
    known = {
        "GM_EARTH": "398600.4418)  # [km^3/s^2]",
        "R_EARTH": "6378.137)  # equatorial radius [km]",
        "EARTH_RATE": "7.2921e-5)  # [rad/s]",
        "J2": "1.08263e-3)  # zonal harmonic",
        "J3": "-2.5327e-6)",
        "J4": "-1.61962e-6)",
    }
    bare = re.sub(r"#.*", "", d.text)
    constants = [f"{x} = wp.constant({y}" for x, y in known.items() if re.search(rf"\b{x}\b", bare)]
    if constants:
        d.module("\n".join(constants))
    d.explain("Units are km and s. Positions are geocentric, in an equatorial inertial frame.")
    causes = [
        {"J2": "oblateness", "none": ""}.get(zonal, f"zonal harmonics up to {zonal}"),
        "drag" if drag != "none" else "",
        "radiation pressure" if pressure != "none" else "",
        {"none": "", "moon": "the moon", "both": "the moon, the sun"}[third],
        "relativity" if relativity else "",
        "thrust" if thrust != "none" else "",
    ]
    causes = ", ".join(filter(None, causes)).split(", ")
    by = " and ".join(filter(None, (", ".join(causes[:-1]), causes[-1])))
    d.says({
        "acceleration": f"Computes the perturbing spacecraft acceleration due to {by}.",
        "step": f"Computes the spacecraft velocity change per time step due to {by}.",
        "radial": f"Computes the radial, along-track and cross-track spacecraft acceleration due to {by}.",
        "power": f"Computes the spacecraft orbital energy rate due to {by}.",
    }[result])  # fmt: skip

    def reference(v: Values) -> dict[str, Any]:
        r, u = v.positions, v.get("velocities", 0.0 * v.positions)
        mu, re = 398600.4418, 6378.137
        radius = np.linalg.norm(r, axis=1, keepdims=True)
        force = 0.0 * r
        x, y, z = r.T[:, :, None]
        if zonal != "none":
            w = (z / radius) ** 2
            k = -1.5 * 1.08263e-3 * mu * re**2 / radius**5
            force = force + k * np.hstack([x * (1 - 5 * w), y * (1 - 5 * w), z * (3 - 5 * w)])
        if zonal in ("J3", "J4"):
            k = -0.5 * 2.5327e-6 * mu * re**3 / radius**7
            tail = 3 * radius**2 - 30 * z**2 + 35 * z**4 / radius**2
            force = force + k * np.hstack(
                [5 * x * (7 * z**3 / radius**2 - 3 * z), 5 * y * (7 * z**3 / radius**2 - 3 * z), tail]
            )
        if zonal == "J4":
            k = -15 / 8 * 1.61962e-6 * mu * re**4 / radius**7
            force = force - -k * np.hstack(
                [x * (1 - 14 * w + 21 * w**2), y * (1 - 14 * w + 21 * w**2), z * (5 - 70 / 3 * w + 21 * w**2)]
            )
        if drag != "none":
            h = radius - re
            rho = 3.73e-12 * np.exp(-(h - 400) / 58.5)
            if drag == "layers":
                rho = np.where(
                    h > 600, 1.45e-13 * np.exp(-(h - 600) / 71.8), 3.73e-12 * np.exp(-(h - 400) / 58.5)
                )
            q = u - (np.cross([0, 0, 7.2921e-5], r) if rotating else 0.0)
            force = force - 500 * rho * v.ballistic[:, None] * np.linalg.norm(q, axis=1, keepdims=True) * q
        if pressure != "none":
            to = v.sun - r
            away = np.linalg.norm(to, axis=1, keepdims=True)
            s = to / away
            along = (r * s).sum(1, keepdims=True)
            off = np.linalg.norm(r - along * s, axis=1, keepdims=True)
            edge = np.clip(0.5 + 0.5 * (off - re) / (50 + 0.00465 * np.abs(along)), 0, 1)
            dark = {
                "lit": 1.0,
                "cylinder": np.where(off < re, 0.0, 1.0),
                "penumbra": edge**2 * (3 - 2 * edge),
            }[pressure]
            lit = np.where(along < 0, dark, 1.0)
            force = force - 4.56e-9 * lit * v.light_area[:, None] / (away / 1.496e8) ** 2 * s
        for there, gm in [("moon", 4902.8)] * (third != "none") + [("sun", 1.32712e11)] * (third == "both"):
            b = np.asarray(v[there], float)
            force = force + gm * (
                (b - r) / np.linalg.norm(b - r, axis=1, keepdims=True) ** 3 - b / np.linalg.norm(b) ** 3
            )
        if relativity:
            uu, ru = (u * u).sum(1, keepdims=True), (r * u).sum(1, keepdims=True)
            force = force + mu / (8.98755e10 * radius**3) * ((4 * mu / radius - uu) * r + 4 * ru * u)
        if thrust != "none":
            force = force + (
                v.thrust_accel
                if thrust == "given"
                else v.thrust_accel * u / np.linalg.norm(u, axis=1, keepdims=True)
            )
        if result == "power":
            return {name: (force * u).sum(1)}
        if result == "radial":
            up, cross = r / radius, np.cross(r, u)
            cross = cross / np.linalg.norm(cross, axis=1, keepdims=True)
            frame = np.stack([up, np.cross(cross, up), cross], axis=1)
            return {name: np.einsum("nij,nj->ni", frame, force)}
        return {name: force * (v.dt if result == "step" else 1.0)}

    d.check(reference, 1e-2)
