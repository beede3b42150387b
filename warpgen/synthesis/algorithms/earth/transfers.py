"""Orbits between two places in a given time."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.earth import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, dedented


@DOMAIN.algorithm(
    source="Lambert 1761; Bate, Mueller & White 1971, sec. 5.3; Vallado 2013, alg. 58; Battin 1999",
    names={
        "start": "r1|departure|pos_from",
        "end": "r2|arrival|pos_to",
        "flight_time": "tof|dt|duration",
        "mu": "gm|grav_param",
    },
    adjoint="no",
    double=True,
    weight=3,
)
def transfer_orbits(d: Draft) -> None:
    """Finds the orbit that leads from one place to another in a given time (Lambert's problem)."""
    root = d.option("iteration", "bisection", "newton", "secant")
    way = d.option("way", "short", "flags", "prograde")
    result = d.option(
        "result", "both velocities", "departure", "cost", "elements", weights=(0.35, 0.2, 0.2, 0.25)
    )
    units = d.option("units", "canonical", "kilometers")
    stumpff = d.option("stumpff", "closed form", "with series")
    given = d.option("times", "durations", "epochs")
    failing = d.flag("reports failure", 0.5) and way != "short"  # short ways never fail
    d.calls(
        {
            "both velocities": "transfer_orbits|lambert_solver|solve_lambert|transfer_velocities|lambert_universal",
            "departure": "departure_velocities|lambert_departure|solve_lambert|lambert_universal",
            "cost": "transfer_cost|lambert_delta_v|departure_impulse",
            "elements": "transfer_elements|lambert_elements|transfer_orbit_shape",
        }[result]
    )
    n = d.pick(24, 32, 48)
    # About one planet radius, and the time scale and orbital speed there
    length, time, speed = (6400.0, 800.0, 8.0) if units == "kilometers" else (1.0, 1.0, 1.0)
    mu = 398600.4418 if units == "kilometers" else 1.0
    unit = "km" if units == "kilometers" else "planet radii"
    clock = "s" if units == "kilometers" else "surface orbit period / (2 pi)"
    d.input("start", "vec3", n, 0.8 * length, 1.3 * length, about=f"Departure position [{unit}]")
    d.input("leg", "vec3", n, -0.6 * length, 0.2 * length, about=f"Vector from departure to arrival [{unit}]")
    # Long ways take long, or they would lead through the planet
    soon, late = (0.9, 2.5) if way == "short" else (6.0, 10.0)
    if given == "durations":
        d.input("flight_time", "float", n, soon * time, late * time, about=f"Time of flight [{clock}]")
    else:
        d.input("departure_time", "float", n, 0.0, 1.0 * time, about=f"Departure time [{clock}]")
        d.input(
            "arrival_time",
            "float",
            n,
            (soon + 1.1) * time,
            (late + 0.9) * time,
            about=f"Arrival time [{clock}]",
        )
    if way == "flags":
        d.input("long_way", "bool", n, about="True if the transfer angle exceeds 180 degrees")
    d.param(
        "mu",
        "float",
        mu,
        about="Planet gravitational parameter" + (" [km^3/s^2]" if units == "kilometers" else ", 1"),
    )
    steps = {"bisection": 40, "newton": 25, "secant": 45}[root]
    d.param("steps", "int", steps, about="Number of iterations")
    if result == "cost":
        d.input("orbit_velocity", "vec3", n, -0.6 * speed, 0.6 * speed, about="Velocity before departure")
        d.output("impulse", "float", n, about="Departure delta-v")
        d.says("Computes the departure impulse for fixed-time transfers (Lambert's problem).")
    elif result == "elements":
        d.output("elements", "vec3", n, about="Semi-major axis, eccentricity, inclination [deg]")
        d.says("Computes orbital elements of fixed-time transfers (Lambert's problem).")
    else:
        d.output("departure_velocity", "vec3", n, about="Velocities at departure")
        if result == "departure":
            d.says("Computes departure velocities for fixed-time transfers (Lambert's problem).")
        if result == "both velocities":
            d.output("arrival_velocity", "vec3", n, about="Velocities at arrival")
    if failing:
        d.output(
            "status",
            "int",
            n,
            about="Status flag: 1 if converged, -1 if failed (other outputs are not written)",
        )
    series_c, series_s = "", ""
    if stumpff == "with series":
        series_c = "if wp.abs(z) < 0.1:\n    # Taylor series near the parabola to avoid cancellation\n    return 0.5 - z / 24.0 + z * z / 720.0"
        series_s = "if wp.abs(z) < 0.1:\n    return 1.0 / 6.0 - z / 120.0 + z * z / 5040.0"
    else:
        series_c = "if wp.abs(z) < 1.0e-2:\n    return 0.5 - z / 24.0"
        series_s = "if wp.abs(z) < 1.0e-2:\n    return 1.0 / 6.0 - z / 120.0"
    d.function(
        '''
        @wp.func
        def stumpff_c(z: float) -> float:
            """Stumpff function C: (1 - cos sqrt z) / z for ellipses, (cosh sqrt -z - 1) / -z for hyperbolas.

            Uses a Taylor series near z = 0.
            """
            $series
            if z > 0.0:
                return (1.0 - wp.cos(wp.sqrt(z))) / z
            return (wp.cosh(wp.sqrt(-z)) - 1.0) / -z
        ''',
        series=series_c,
    )
    d.function(
        '''
        @wp.func
        def stumpff_s(z: float) -> float:
            """Stumpff function S: (sqrt z - sin sqrt z) / sqrt z^3, sinh for hyperbolas, Taylor series near z = 0."""
            $series
            root = wp.sqrt(wp.abs(z))
            if z > 0.0:
                return (root - wp.sin(root)) / (root * root * root)
            return (wp.sinh(root) - root) / (root * root * root)
        ''',
        series=series_s,
    )
    d.function('''
        @wp.func
        def chord_term(z: float, radii: float, a: float) -> float:
            """Auxiliary function y(z) (Bate): squared universal anomaly times C."""
            return radii + a * (z * stumpff_s(z) - 1.0) / wp.sqrt(stumpff_c(z))
    ''')
    d.function('''
        @wp.func
        def time_of(z: float, radii: float, a: float, mu: float) -> float:
            """Time of flight for a given universal variable, 0 if no orbit exists."""
            y = chord_term(z, radii, a)
            if y < 0.0:
                # No valid orbit for this psi
                return 0.0
            x = wp.sqrt(y / stumpff_c(z))
            return (x * x * x * stumpff_s(z) + a * wp.sqrt(y)) / wp.sqrt(mu)
    ''')
    sign = {
        "short": "",
        "flags": "sense = wp.where(long_way[tid], -1.0, 1.0)",
        "prograde": "# Prograde transfer: angular momentum along +z\nsense = wp.where(wp.cross(r1, r2)[2] >= 0.0, 1.0, -1.0)",
    }[way]
    search = {
        "bisection": """
            # Bisection, since the time of flight increases monotonically with psi
            for _ in range(steps):
                psi = 0.5 * (low + high)
                if time_of(psi, radii, a, mu) < wanted:
                    low = psi
                else:
                    high = psi
        """,
        "newton": """
            for _ in range(steps):
                miss = time_of(psi, radii, a, mu) - wanted
                if miss < 0.0:
                    low = psi
                else:
                    high = psi
                # Finite-difference slope, since the closed form is 0 / 0 at the parabola
                slope = (time_of(psi + 0.02, radii, a, mu) - time_of(psi - 0.02, radii, a, mu)) / 0.04
                psi = psi - miss / wp.max(slope, 1.0e-6)
                # Fall back to bisection if the Newton step leaves the bracket
                if psi <= low or psi >= high:
                    psi = 0.5 * (low + high)
        """,
        "secant": """
            miss_low = time_of(low, radii, a, mu) - wanted
            miss_high = time_of(high, radii, a, mu) - wanted
            side = int(0)
            for _ in range(steps):
                psi = high - miss_high * (high - low) / (miss_high - miss_low)
                miss = time_of(psi, radii, a, mu) - wanted
                # Illinois method: halve the function value of an endpoint retained twice in a row
                if miss < 0.0:
                    low = psi
                    miss_low = miss
                    if side < 0:
                        miss_high *= 0.5
                    side = -1
                else:
                    high = psi
                    miss_high = miss
                    if side > 0:
                        miss_low *= 0.5
                    side = 1
        """,
    }[root]
    closed = {
        "both velocities": "departure_velocity[tid] = v1\narrival_velocity[tid] = (g_dot * r2 - r1) / g",
        "departure": "departure_velocity[tid] = v1",
        "cost": "impulse[tid] = wp.length(v1 - orbit_velocity[tid])",
        "elements": """
            ang_momentum = wp.cross(r1, v1)
            energy = 0.5 * wp.length_sq(v1) - mu / r1_len
            semi_major = -0.5 * mu / energy
            eccentricity = wp.length(wp.cross(v1, ang_momentum) / mu - r1 / r1_len)
            inclination = wp.degrees(wp.acos(wp.clamp(ang_momentum[2] / wp.length(ang_momentum), -1.0, 1.0)))
            elements[tid] = wp.vec3(semi_major, eccentricity, inclination)
        """,
    }[result]
    gone = "wp.abs(time_of(psi, radii, a, mu) - wanted) > 0.01 * wanted" if failing else ""
    d.launch(n)
    d.code(
        """
        tid = wp.tid()
        r1 = start[tid]
        r2 = r1 + leg[tid]
        wanted = $time
        r1_len = wp.length(r1)
        r2_len = wp.length(r2)
        radii = r1_len + r2_len
        cos_angle = wp.clamp(wp.dot(r1, r2) / (r1_len * r2_len), -1.0, 1.0)
        $sign
        $note
        a = $root
        # psi is negative for hyperbolas and below 4 pi^2 for elliptic transfers under one revolution
        low = float(-12.0)
        high = float(38.0)
        $guess
        $search
        $check
        y = chord_term(psi, radii, a)
        # Lagrange coefficients f and g
        f = 1.0 - y / r1_len
        g = a * wp.sqrt(y / mu)
        $g_dot
        v1 = (r2 - f * r1) / g
        $store
        $good
        """,
        time="flight_time[tid]" if given == "durations" else "arrival_time[tid] - departure_time[tid]",
        sign=sign,
        note="" if way == "short" else "# Negative for the long way",
        root=("" if way == "short" else "sense * ") + "wp.sqrt(r1_len * r2_len * (1.0 + cos_angle))",
        guess="psi = float(0.0)",
        search=dedented(search),
        check=f"if {gone}:\n    status[tid] = -1\n    return" if failing else "",
        g_dot="g_dot = 1.0 - y / r2_len" if result == "both velocities" else "",
        store=dedented(closed),
        good="status[tid] = 1" if failing else "",
    )
    d.explain("""
        Universal variable formulation for elliptic, parabolic and hyperbolic transfers; the time of flight increases
        with psi. Velocities follow from the Lagrange coefficients.
    """)

    def agrees(v: Values, after: Values) -> None:
        r1 = v.start.astype(float)
        r2 = r1 + v.leg
        t = v.flight_time if given == "durations" else v.arrival_time - v.departure_time
        size1, size2 = np.linalg.norm(r1, axis=1), np.linalg.norm(r2, axis=1)
        angle = np.arccos(np.clip((r1 * r2).sum(1) / size1 / size2, -1, 1))
        found = after.status == 1 if failing else np.ones(n, bool)
        long = (
            v.long_way
            if way == "flags"
            else np.cross(r1, r2)[:, 2] < 0
            if way == "prograde"
            else np.zeros(n, bool)
        )
        easy = found & (angle > 0.15) & (~long | (size2 > 0.5 * size1))
        if result in ("both velocities", "departure"):
            # Long flights that graze the center are beyond what fixed steps can follow.
            v1 = after.departure_velocity.astype(float)
            h = np.cross(r1, v1)
            e = np.linalg.norm(np.cross(v1, h) / v.mu - r1 / size1[:, None], axis=1)
            easy &= ~long | ((h**2).sum(1) / v.mu / (1 + e) > 0.3 * size1)
            assert easy.any()
            r, w = _flown(r1[easy], after.departure_velocity[easy].astype(float), t[easy], v.mu)
            miss = np.linalg.norm(r - r2[easy], axis=1) / size2[easy]
            assert np.median(miss) < 2e-2 and (miss < 0.1).mean() > 0.8, f"arrives {np.sort(miss)[-5:]} off"
            if result == "both velocities":
                gap = np.linalg.norm(w - after.arrival_velocity[easy], axis=1) / np.linalg.norm(w, axis=1)
                assert np.median(gap) < 2e-2 and (gap < 0.1).mean() > 0.8, "arrives at another speed"
            assert found.mean() > 0.3
            return
        exact = _universal(r1, r2, t, v.mu, long)
        good = easy & np.isfinite(exact).all(1)
        assert good.any(), "no transfer is easy enough to be judged"
        if result == "cost":
            expected, got = np.linalg.norm(exact - v.orbit_velocity, axis=1), after.impulse
        else:
            h = np.cross(r1, exact)
            axis = -0.5 * v.mu / (0.5 * (exact**2).sum(1) - v.mu / size1)
            e = np.linalg.norm(np.cross(exact, h) / v.mu - r1 / size1[:, None], axis=1)
            tilt = np.degrees(np.arccos(h[:, 2] / np.linalg.norm(h, axis=1)))
            good &= axis > 0
            expected, got = (
                np.stack([axis, 10 * e * size1, tilt * size1], 1),
                after.elements * np.array([1, 1, 1]),
            )
            got = np.stack([got[:, 0], 10 * got[:, 1] * size1, got[:, 2] * size1], 1)
        off = np.abs(got - expected)[good] / (np.abs(expected)[good] + 1e-3 * size1.max())
        assert (off < 2e-2).mean() > 0.85, f"only {(off < 2e-2).mean():.2f} agree"

    d.holds(agrees)


def _flown(r: Any, v: Any, t: Any, mu: float, steps: int = 3000) -> tuple[Any, Any]:
    """Place and velocity after a flight, by the classical Runge-Kutta method."""
    h = (t / steps)[:, None]

    def slope(x: Any, w: Any) -> tuple[Any, Any]:
        return w, -mu * x / np.linalg.norm(x, axis=1, keepdims=True) ** 3

    for _ in range(steps):
        a1, b1 = slope(r, v)
        a2, b2 = slope(r + h / 2 * a1, v + h / 2 * b1)
        a3, b3 = slope(r + h / 2 * a2, v + h / 2 * b2)
        a4, b4 = slope(r + h * a3, v + h * b3)
        r, v = r + h / 6 * (a1 + 2 * a2 + 2 * a3 + a4), v + h / 6 * (b1 + 2 * b2 + 2 * b3 + b4)
    return r, v


def _universal(r1: Any, r2: Any, t: Any, mu: float, long: Any) -> Any:
    """Velocities at departure, by bisection with complex roots."""
    s1, s2 = np.linalg.norm(r1, axis=1), np.linalg.norm(r2, axis=1)
    a = np.where(long, -1, 1) * np.sqrt(s1 * s2 + (r1 * r2).sum(1))
    low, high = np.full(len(t), -12.0), np.full(len(t), 38.0)

    def terms(z: Any) -> tuple[Any, Any]:
        q = np.sqrt(np.where(abs(z) < 1e-6, 1e-6, z).astype(complex))
        c, s = ((1 - np.cos(q)) / q**2).real, ((q - np.sin(q)) / q**3).real
        y = s1 + s2 + a * (z * s - 1) / np.sqrt(c)
        x = np.sqrt(np.maximum(y, 0) / c)
        return y, np.where(y < 0, 0.0, (x**3 * s + a * np.sqrt(np.maximum(y, 0))) / np.sqrt(mu))

    for _ in range(60):
        z = 0.5 * (low + high)
        short = terms(z)[1] < t
        low, high = np.where(short, z, low), np.where(short, high, z)
    y, time = terms(0.5 * (low + high))
    v = (r2 - (1 - y / s1)[:, None] * r1) / (a * np.sqrt(np.maximum(y, 1e-12) / mu))[:, None]
    return np.where((abs(time - t) < 1e-3 * t)[:, None], v, np.nan)
