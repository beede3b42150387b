"""Where the sun and satellites stand, and what of the sun's light arrives."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.earth import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Michalsky 1988; Spencer 1971",
    names={
        "sun_position": "solar_angles|solar_position|sun_direction",
        "lat": "latitude|phi|site_lat",
        "days": "day|n|time",
        "dec": "declination|delta",
        "ha": "hour_angle|omega",
    },
    adjoint="either",
    weight=3,
)
def sun_position(d: Draft) -> None:
    """Computes where the sun stands at a place and time."""
    series = d.option("series", "almanac", "fourier", "cooper")
    result = d.option(
        "result", "elevation and azimuth", "direction", "irradiance", "tilted surface", "day length"
    )
    sites = d.option("sites", "each", "one", "grid")
    rows, columns = d.pick((8, 12), (10, 10), (6, 16))
    count = d.pick(64, 96, 128)
    if result == "day length" and sites == "grid":
        sites = "each"
    if series == "almanac" and result == "day length":
        series = "fourier"
    d.says({
        "elevation and azimuth": "Computes elevation and azimuth of the sun at a place and time.",
        "direction": "Computes the direction to the sun (east, north, up) at a place and time.",
        "irradiance": "Computes the sunlight that a clear sky lets through to a level surface.",
        "tilted surface": "Computes the direct sunlight on a tilted surface under a clear sky.",
        "day length": "Computes how many hours the sun is above the horizon.",
    }[result])  # fmt: skip
    at = "i, j" if sites == "grid" else "tid"
    if sites == "grid":
        d.input("lats", "float", rows, 0.2, 1.0)
        d.input("days", "float", columns, 0.0, 365.0)
        lat, day = "lats[i]", "days[j]"
        out: int | tuple[int, int] = (rows, columns)
    else:
        out = count
        if sites == "each":
            d.input("lat", "float", count, 0.2, 1.0)
            lat = "lat[tid]"
        else:
            d.param("lat", "float", 0.2, 1.0)
            lat = "lat"
        d.input("days", "float", count, 0.0, 365.0)
        day = "days[tid]"
    if result == "tilted surface":
        d.param("tilt", "float", 0.2, 0.8)
        d.param("facing", "float", 2.6, 3.6)
    declination = {
        "almanac": """
        # mean longitude and mean anomaly of the sun, in degrees
        g = wp.radians(357.528 + 0.9856003 * day)
        l = 280.46 + 0.9856474 * day
        # the equation of the center, for the orbit is no circle
        ecliptic = wp.radians(l + 1.915 * wp.sin(g) + 0.02 * wp.sin(2.0 * g))
        tilt_of_axis = wp.radians(23.439 - 4.0e-7 * day)
        dec = wp.asin(wp.sin(tilt_of_axis) * wp.sin(ecliptic))
        ra = wp.atan2(wp.cos(tilt_of_axis) * wp.sin(ecliptic), wp.cos(ecliptic))
        # Greenwich sidereal time turns once more a year than the sun does
        ut = 24.0 * (day - wp.floor(day))
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
    # noon has the hour angle zero
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
    # the earth is nearest to the sun in the first days of January
    extra = 1361.0 * (1.0 + 0.033 * wp.cos(2.0 * wp.pi * day / 365.0))
    zenith = 90.0 - wp.degrees(wp.asin(sin_el))
    # Kasten and Young: finite at the horizon, unlike 1 / cos
    mass = 1.0 / (sin_el + 0.50572 * wp.pow(96.07995 - zenith, -1.6364))
    beam = extra * wp.pow(0.7, wp.pow(mass, 0.678))
    """
    if result == "elevation and azimuth":
        d.output("angles", "vec2", out)
        store = f"angles[{at}] = wp.vec2(wp.asin(wp.clamp(sin_el, -1.0, 1.0)), wp.atan2(east, north))"
    elif result == "direction":
        d.output("to_sun", "vec3", out)
        store = f"to_sun[{at}] = wp.vec3(east, north, sin_el)"
    elif result == "irradiance":
        d.output("irradiance", "float", out)
        store = (
            f"if sin_el <= 0.0:\n"
            f"    # night\n"
            f"    irradiance[{at}] = 0.0\n"
            f"    return\n"
            f"$beam\n"
            f"irradiance[{at}] = beam * sin_el"
        )
    elif result == "tilted surface":
        d.output("power", "float", out)
        store = f"""
        if sin_el <= 0.0:
            power[{at}] = 0.0
            return
        $beam
        # cosine of the angle between the sun and the surface's normal
        n_east = wp.sin(tilt) * wp.sin(facing)
        n_north = wp.sin(tilt) * wp.cos(facing)
        incidence = east * n_east + north * n_north + sin_el * wp.cos(tilt)
        power[{at}] = beam * wp.max(incidence, 0.0)
        """
    else:
        d.output("hours", "float", out)
        store = """
        # beyond the polar circles the sun may not set, or not rise, for days
        cosine = wp.clamp(-wp.tan(phi) * wp.tan(dec), -1.0, 1.0)
        hours[tid] = 24.0 / wp.pi * wp.acos(cosine)
        """
    if result in ("irradiance", "tilted surface", "day length"):
        d.forward_only()
    d.launch(*((rows, columns) if sites == "grid" else (count,)))
    d.code(
        f"{at} = wp.tid()\nphi = {lat}\nday = {day}\n$declination\n$angles\n$horizontal\n$store",
        declination=declination, hour=hour, angles=angles, horizontal=horizontal, beam=beam, store=store,
    )  # fmt: skip
    d.explain(
        "Latitudes in radians; times in days since noon of 1 January 2000 or the year's "
        "start; light in W/m^2."
    )

    def reference(v: Values) -> dict[str, Any]:
        phi = v.lats[:, None] if sites == "grid" else v.lat
        day = v.days[None, :] if sites == "grid" else v.days
        if series == "almanac":
            g = np.radians(357.528 + 0.9856003 * day)
            lon = np.radians(280.46 + 0.9856474 * day + 1.915 * np.sin(g) + 0.02 * np.sin(2 * g))
            eps = np.radians(23.439 - 4e-7 * day)
            dec = np.arcsin(np.sin(eps) * np.sin(lon))
            ra = np.arctan2(np.cos(eps) * np.sin(lon), np.cos(lon))
            ha = np.radians(15 * (6.697375 + 0.0657098242 * day + 24 * (day % 1.0))) - ra
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
        light = 1361 * (1 + 0.033 * np.cos(2 * np.pi * day / 365)) * 0.7 ** (air**0.678)
        if result == "irradiance":
            return {"irradiance": np.where(up > 0, light * up, 0.0)}
        n = np.array([np.sin(v.tilt) * np.sin(v.facing), np.sin(v.tilt) * np.cos(v.facing), np.cos(v.tilt)])
        facing = east * n[0] + north * n[1] + up * n[2]
        return {"power": np.where(up > 0, light * np.maximum(facing, 0.0), 0.0)}

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


@DOMAIN.algorithm(
    source="Vallado 2013, alg. 10, 23 and sec. 9.6; Curtis 2020, ch. 4",
    names={
        "propagate_orbits": "kepler_propagate|satellite_positions|advance_elements",
        "elements": "orbits|oe|coe",
        "ecc_anomaly": "E|ea|psi",
        "mean": "M|mean_anomaly|m_t",
        "dt": "elapsed|t|tof",
    },
    adjoint="no",
    weight=4,
)
def propagate_orbits(d: Draft) -> None:
    """Moves satellites along their Kepler orbits and gives where they are."""
    solver = d.option("solver", "newton fixed", "newton converged", "halley", "series")
    drift = d.option("drift", "none", "j2", "drag")
    result = d.option("result", "position", "position and velocity", "perifocal", "ground track")
    elements = d.option("elements", "arrays", "matrix")
    count = d.pick(48, 64, 96)
    if solver == "series":
        d.says(
            "Moves satellites along near-circular Kepler orbits by the series of the equation of the center."
        )
    elif drift == "j2":
        d.says("Moves satellites along orbits that turn slowly under the earth's flattening (J2).")
    top = 0.04 if solver == "series" else 0.4
    if elements == "arrays":
        d.input("a", "float", count, 7.0, 12.0)
        d.input("e", "float", count, 0.001, top)
        if result != "perifocal":
            d.input("angles", "vec3", count, 0.2, 2.8)
        d.input("m0", "float", count, 0.0, 6.2)
        load = "sma = a[tid]\necc = e[tid]\n$turns\nmean0 = m0[tid]"
        turns = (
            ""
            if result == "perifocal"
            else "inc = angles[tid][0]\nnode = angles[tid][1]\nperi = angles[tid][2]"
        )
    else:
        d.input("elements", "float", (count, 6), 0.1, 0.9)
        load = (
            f"# scaled to semi-major axis in 1000 km, eccentricity, and angles\n"
            f"sma = 7.0 + 5.0 * elements[tid, 0]\n"
            f"ecc = {top} * elements[tid, 1]\n"
            f"$turns\n"
            f"mean0 = 6.2831853 * elements[tid, 5]"
        )
        turns = (
            ""
            if result == "perifocal"
            else "inc = 3.0 * elements[tid, 2]\nnode = 6.0 * elements[tid, 3]\nperi = 6.0 * elements[tid, 4]"
        )
    d.param("dt", "float", 0.05, 0.4)
    if drift == "drag":
        d.param("decay", "float", 0.01, 0.05)
    d.module(
        "# 10^9 m^3/s^2 scaled to 1000 km and hours\n"
        "MU = wp.constant(5165.8)\n"
        "EARTH_R = wp.constant(6.378137)"
    )
    motion = "n = wp.sqrt(MU / (sma * sma * sma))\nmean = mean0 + n * dt"
    if drift == "j2":
        turning = (
            ""
            if result == "perifocal"
            else (
                "node -= 1.5 * k * n * wp.cos(inc) * dt\n"
                "peri += 0.75 * k * n * (5.0 * wp.cos(inc) * wp.cos(inc) - 1.0) * dt"
            )
        )
        tilt = "0.0" if result == "perifocal" else "inc"
        motion = f"""
        n = wp.sqrt(MU / (sma * sma * sma))
        # secular rates of the node, the perigee and the mean anomaly, per unit of J2 (R/p)^2
        semi = sma * (1.0 - ecc * ecc)
        k = 1.08263e-3 * (EARTH_R / semi) * (EARTH_R / semi)
        {turning.replace(chr(10), chr(10) + "        ")}
        slant = wp.cos({tilt})
        mean = mean0 + n * dt * (1.0 + 0.75 * k * wp.sqrt(1.0 - ecc * ecc) * (3.0 * slant * slant - 1.0))
        """
    elif drift == "drag":
        motion = """
        # the orbit shrinks, so that the satellite runs ahead of the undisturbed one
        n0 = wp.sqrt(MU / (sma * sma * sma))
        sma = sma - decay * dt
        n = wp.sqrt(MU / (sma * sma * sma))
        mean = mean0 + 0.5 * (n0 + n) * dt
        """
    kepler = {
        "newton fixed": f"""
        ecc_anomaly = float(mean + ecc * wp.sin(mean))
        for turn in range({d.pick(4, 5, 6)}):
            f = ecc_anomaly - ecc * wp.sin(ecc_anomaly) - mean
            ecc_anomaly -= f / (1.0 - ecc * wp.cos(ecc_anomaly))
        """,
        "newton converged": """
        ecc_anomaly = float(mean)
        step = float(1.0)
        turn = int(0)
        while wp.abs(step) > 1.0e-6 and turn < 12:
            step = (ecc_anomaly - ecc * wp.sin(ecc_anomaly) - mean) / (1.0 - ecc * wp.cos(ecc_anomaly))
            ecc_anomaly -= step
            turn += 1
        """,
        "halley": f"""
        ecc_anomaly = float(mean)
        for turn in range({d.pick(3, 4)}):
            s = ecc * wp.sin(ecc_anomaly)
            f = ecc_anomaly - s - mean
            slope = 1.0 - ecc * wp.cos(ecc_anomaly)
            # third order: the curvature is at hand, as it is s itself
            ecc_anomaly -= 2.0 * f * slope / (2.0 * slope * slope - f * s)
        """,
        "series": """
        # true anomaly to the third power of the eccentricity
        e3 = ecc * ecc * ecc
        center = (2.0 * ecc - 0.25 * e3) * wp.sin(mean) + 1.25 * ecc * ecc * wp.sin(2.0 * mean)
        nu = mean + center + 13.0 / 12.0 * e3 * wp.sin(3.0 * mean)
        """,
    }[solver]
    plane = (
        """
    r = sma * (1.0 - ecc * ecc) / (1.0 + ecc * wp.cos(nu))
    x = r * wp.cos(nu)
    y = r * wp.sin(nu)
    """
        if solver == "series"
        else """
    b = wp.sqrt(1.0 - ecc * ecc)
    $radius
    x = sma * (wp.cos(ecc_anomaly) - ecc)
    y = sma * b * wp.sin(ecc_anomaly)
    """
    )
    axes = (
        ""
        if result == "perifocal"
        else """
    ci = wp.cos(inc)
    si = wp.sin(inc)
    cn = wp.cos(node)
    sn = wp.sin(node)
    cw = wp.cos(peri)
    sw = wp.sin(peri)
    # unit vectors to the perigee, and a quarter turn ahead of it
    p_axis = wp.vec3(cn * cw - sn * sw * ci, sn * cw + cn * sw * ci, sw * si)
    q_axis = wp.vec3(-cn * sw - sn * cw * ci, -sn * sw + cn * cw * ci, cw * si)
    """
    )
    d.output(
        {"perifocal": "plane", "ground track": "track"}.get(result, "position"),
        {"perifocal": "vec2", "ground track": "vec2"}.get(result, "vec3"),
        count,
    )
    if result == "position and velocity":
        d.output("velocity", "vec3", count)
    store = {
        "position": "position[tid] = x * p_axis + y * q_axis",
        "perifocal": "plane[tid] = wp.vec2(x, y)",
        "ground track": """
        s = x * p_axis + y * q_axis
        # the earth turns once in 23.93 hours under the orbit
        turned = 0.262516 * dt
        lon = wp.atan2(s[1], s[0]) - turned
        track[tid] = wp.vec2(wp.asin(s[2] / r), wp.atan2(wp.sin(lon), wp.cos(lon)))
        """,
        "position and velocity": """
        position[tid] = x * p_axis + y * q_axis
        # along the ellipse: -sin nu and e + cos nu, times sqrt(mu / p)
        speed = wp.sqrt(MU / (sma * (1.0 - ecc * ecc)))
        velocity[tid] = speed * (-(y / r) * p_axis + (ecc + x / r) * q_axis)
        """,
    }[result]
    d.launch(count)
    d.code(
        "tid = wp.tid()\n$load\n$motion\n$kepler\n$plane\n$axes\n$store",
        load=load,
        turns=turns,
        motion=motion,
        kepler=kepler,
        plane=plane,
        axes=axes,
        store=store,
        radius="r = sma * (1.0 - ecc * wp.cos(ecc_anomaly))"
        if result in ("ground track", "position and velocity")
        else "",
    )
    d.explain(
        "Lengths are in 1000 km, times in hours, angles in radians; angles are inclination, node and perigee."
    )

    def reference(v: Values) -> dict[str, Any]:
        mu, radius, t = 5165.8, 6.378137, v.dt
        if elements == "arrays":
            a, e, m0 = v.a, v.e, v.m0
            inc, node, peri = v.angles.T if "angles" in v else (0.0 * a, 0.0 * a, 0.0 * a)
        else:
            x = v.elements.T
            a, e, m0 = 7 + 5 * x[0], top * x[1], 6.2831853 * x[5]
            inc, node, peri = 3 * x[2], 6 * x[3], 6 * x[4]
        n = np.sqrt(mu / a**3)
        mean = m0 + n * t
        if drift == "j2":
            k = 1.08263e-3 * (radius / (a * (1 - e * e))) ** 2
            c = np.cos(inc) if result != "perifocal" else 1.0
            node = node - 1.5 * k * n * np.cos(inc) * t
            peri = peri + 0.75 * k * n * (5 * np.cos(inc) ** 2 - 1) * t
            mean = m0 + n * t * (1 + 0.75 * k * np.sqrt(1 - e * e) * (3 * c * c - 1))
        elif drift == "drag":
            a = a - v.decay * t
            mean = m0 + 0.5 * (n + np.sqrt(mu / a**3)) * t
        anomaly = mean.copy()
        for _ in range(60):  # by plain iteration, which contracts by the eccentricity
            anomaly = mean + e * np.sin(anomaly)
        z = a * (np.cos(anomaly) - e + 1j * np.sqrt(1 - e * e) * np.sin(anomaly))
        if result == "perifocal":
            return {"plane": np.stack([z.real, z.imag], axis=-1)}

        def turn(angle: Any, i: int, j: int) -> Any:
            made = np.broadcast_to(np.eye(3), (*np.shape(angle), 3, 3)).copy()
            made[:, i, i] = made[:, j, j] = np.cos(angle)
            made[:, i, j], made[:, j, i] = -np.sin(angle), np.sin(angle)
            return made

        frame = turn(node, 0, 1) @ turn(inc, 1, 2) @ turn(peri, 0, 1)
        p = frame[:, :, 0] * z.real[:, None] + frame[:, :, 1] * z.imag[:, None]
        if result == "ground track":
            lon = np.arctan2(p[:, 1], p[:, 0]) - 0.262516 * t
            return {"track": np.stack([np.arcsin(p[:, 2] / np.abs(z)), np.angle(np.exp(1j * lon))], axis=-1)}
        made = {"position": p}
        if result == "position and velocity":
            w = 1j * z / np.abs(z) + 1j * e
            w = np.sqrt(mu / (a * (1 - e * e)))[:] * w
            made["velocity"] = frame[:, :, 0] * w.real[:, None] + frame[:, :, 1] * w.imag[:, None]
        return made

    d.check(reference, 3e-3)
