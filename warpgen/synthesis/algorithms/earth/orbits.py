"""Where satellites are on their orbits."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.earth import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, fill, filled
from warpgen.synthesis.writing.pieces import piece

_ELEMENTS = {
    "inclination": fill(0.2, 2.8),
    "node": fill(0.0, 6.2),
    "perigee": fill(0.0, 6.2),
    "m0": fill(0.0, 6.2),
}
_ORBIT = """
@wp.struct
class Orbit:
    a: float  # semi-major axis [1000 km]
    e: float  # eccentricity
    $angles
    m0: float  # mean anomaly at epoch [rad]
"""
_ANGLES = """
inclination: float  # orientation angles [rad]
node: float
perigee: float
"""


@DOMAIN.algorithm(
    source="Vallado 2013, alg. 10, 23 and sec. 9.6; Curtis 2020, ch. 4",
    names={
        "orbits": "elements|oe|satellites",
        "ecc_anomaly": "E|ea|ecc_anom",
        "mean": "M|mean_anomaly|m_t",
        "dt": "elapsed|t|since_epoch",
    },
    weight=3,
)
def propagate_orbits(d: Draft) -> None:
    """Propagates satellites on Kepler orbits."""
    solver = d.option("solver", "newton fixed", "newton converged", "halley", "series")
    if solver == "newton converged":
        d.forward_only()  # a loop that is left early has no right adjoint
    drift = d.option("drift", "none", "j2", "drag")
    result = d.option("result", "position", "position and velocity", "perifocal", "ground track")
    elements = d.option("elements", "arrays", "struct")
    d.calls(
        {
            "position": "propagate_orbits|kepler_propagate|satellite_positions",
            "position and velocity": "propagate_orbits|kepler_propagate|satellite_states",
            "perifocal": "perifocal_positions|in_plane_positions|kepler_positions",
            "ground track": "ground_tracks|subsatellite_points|satellite_tracks",
        }[result]
    )
    count = d.pick(48, 64, 96)
    orbits = "near-circular Kepler orbits" if solver == "series" else "Kepler orbits"
    if drift == "j2" and result == "perifocal":
        orbits = orbits.replace("Kepler", "equatorial Kepler")
    way = {"j2": " with secular J2 perturbations", "drag": " with drag decay"}.get(drift, "")
    way += " using the equation of the center" if solver == "series" else ""
    d.says({
        "position": f"Propagates satellites on {orbits}{way}.",
        "position and velocity": f"Propagates satellites on {orbits}{way}.",
        "perifocal": f"Computes perifocal satellite positions on {orbits}{way}.",
        "ground track": f"Computes satellite ground tracks on {orbits}{way}.",
    }[result])  # fmt: skip
    circular = solver == "series" or drift == "drag"
    # perigees lie above the air, except where orbits decay
    top = 0.008 if drift == "drag" else 0.04 if circular else 0.4
    sizes = (6.56, 6.64) if drift == "drag" else (7.0, 12.0) if circular else (11.0, 27.0)
    if elements == "arrays":
        d.input("a", "float", count, *sizes, about="Semi-major axes")
        d.input("e", "float", count, 0.001, top, about="Eccentricities")
        if result != "perifocal":
            d.input(
                "angles",
                "vec3",
                count,
                0.2,
                2.8,
                about="Inclination, right ascension of ascending node, argument of perigee",
            )
        d.input("m0", "float", count, 0.0, 6.2, about="Mean anomaly at epoch")
        load = "sma = a[tid]\necc = e[tid]\n$turns\nmean0 = m0[tid]"
        turns = (
            ""
            if result == "perifocal"
            else "inc = angles[tid][0]\nnode = angles[tid][1]\nperi = angles[tid][2]"
        )
    else:
        flat = result == "perifocal"
        fields = {"a": fill(*sizes), "e": fill(0.001, top)} | _ELEMENTS
        if flat:
            fields = {name: fields[name] for name in ("a", "e", "m0")}
        d.struct("orbits", piece(filled(_ORBIT, {"angles": "" if flat else _ANGLES.strip()})), fields, count)
        load = "orbit = orbits[tid]\nsma = orbit.a\necc = orbit.e\n$turns\nmean0 = orbit.m0"
        turns = "" if flat else "inc = orbit.inclination\nnode = orbit.node\nperi = orbit.perigee"
    d.param("dt", "float", 0.05, 0.4, about="Time since epoch")
    if drift == "drag":
        d.param("decay", "float", 0.001, 0.003, about="Semi-major axis decay rate")
    d.module(
        "# mu = 3.986e14 m^3/s^2, converted to units of 1000 km and hours\n"
        "MU = wp.constant(5165.86)"
        + (
            "\nEARTH_R = wp.constant(6.378137)  # [1000 km]\nJ2 = wp.constant(1.08263e-3)"
            if drift == "j2"
            else ""
        )
        + ("\nEARTH_SPIN = wp.constant(0.262516)  # [rad/h]" if result == "ground track" else "")
    )
    motion = "n = wp.sqrt(MU / (sma * sma * sma))\nmean = mean0 + n * dt"
    if drift == "j2" and result == "perifocal":
        motion = """
        n = wp.sqrt(MU / (sma * sma * sma))
        # Secular J2 drift of the mean anomaly (equatorial orbit)
        semi_latus = sma * (1.0 - ecc * ecc)
        k = J2 * (EARTH_R / semi_latus) * (EARTH_R / semi_latus)
        mean = mean0 + n * dt * (1.0 + 1.5 * k * wp.sqrt(1.0 - ecc * ecc))
        """
    elif drift == "j2":
        motion = """
        n = wp.sqrt(MU / (sma * sma * sma))
        # Secular J2 drift of node, argument of perigee and mean anomaly
        semi_latus = sma * (1.0 - ecc * ecc)
        k = J2 * (EARTH_R / semi_latus) * (EARTH_R / semi_latus)
        ci = wp.cos(inc)
        node -= 1.5 * k * n * ci * dt
        peri += 0.75 * k * n * (5.0 * ci * ci - 1.0) * dt
        mean = mean0 + n * dt * (1.0 + 0.75 * k * wp.sqrt(1.0 - ecc * ecc) * (3.0 * ci * ci - 1.0))
        """
    elif drift == "drag":
        motion = """
        # Drag: linear orbit decay, use the average mean motion over the interval
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
            # Halley iteration, with second derivative e sin(E)
            ecc_anomaly -= 2.0 * f * slope / (2.0 * slope * slope - f * s)
        """,
        "series": """
        # Equation of the center up to e^3
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
    b = sma * wp.sqrt(1.0 - ecc * ecc)
    $radius
    x = sma * (wp.cos(ecc_anomaly) - ecc)
    y = b * wp.sin(ecc_anomaly)
    """
    )
    axes = (
        ""
        if result == "perifocal"
        else """
    $tilt
    si = wp.sin(inc)
    cn = wp.cos(node)
    sn = wp.sin(node)
    cw = wp.cos(peri)
    sw = wp.sin(peri)
    # Perifocal basis vectors P (toward perigee) and Q
    p_axis = wp.vec3(cn * cw - sn * sw * ci, sn * cw + cn * sw * ci, sw * si)
    q_axis = wp.vec3(-cn * sw - sn * cw * ci, -sn * sw + cn * cw * ci, cw * si)
    """
    )
    d.output(
        {"perifocal": "plane", "ground track": "track"}.get(result, "position"),
        {"perifocal": "vec2", "ground track": "vec2"}.get(result, "vec3"),
        count,
        about={
            "perifocal": "Perifocal positions",
            "ground track": "Geocentric latitude and longitude",
        }.get(result, "Positions in the inertial frame"),
    )
    if result == "position and velocity":
        d.output("velocity", "vec3", count, about="Velocities in the inertial frame")
    store = {
        "position": "position[tid] = x * p_axis + y * q_axis",
        "perifocal": "plane[tid] = wp.vec2(x, y)",
        "ground track": """
        p = x * p_axis + y * q_axis
        # Rotate to the earth-fixed frame, sidereal day of 23.93 hours
        turned = EARTH_SPIN * dt
        lon = wp.atan2(p[1], p[0]) - turned
        track[tid] = wp.vec2(wp.asin(p[2] / r), wp.atan2(wp.sin(lon), wp.cos(lon)))
        """,
        "position and velocity": """
        position[tid] = x * p_axis + y * q_axis
        # Perifocal velocity: sqrt(mu / p) * (-sin(nu) P + (e + cos(nu)) Q)
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
        tilt="" if drift == "j2" else "ci = wp.cos(inc)",
        store=store,
        radius="r = sma * (1.0 - ecc * wp.cos(ecc_anomaly))"
        if result in ("ground track", "position and velocity")
        else "",
    )
    aligned = (
        " The Greenwich meridian is aligned with the x axis at epoch." if result == "ground track" else ""
    )
    d.explain(f"Lengths are in 1000 km, times in hours, angles in radians.{aligned}")

    def reference(v: Values) -> dict[str, Any]:
        mu, radius, t = 5165.86, 6.378137, v.dt
        if elements == "arrays":
            a, e, m0 = v.a, v.e, v.m0
            inc, node, peri = v.angles.T if "angles" in v else (0.0 * a, 0.0 * a, 0.0 * a)
        else:
            a, e, m0 = v["orbits.a"], v["orbits.e"], v["orbits.m0"]
            inc, node, peri = (
                v.get(f"orbits.{name}", 0.0 * a) for name in ("inclination", "node", "perigee")
            )
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
