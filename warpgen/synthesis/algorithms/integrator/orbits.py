"""Satellites around planets."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.integrator import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Goldstein 1980, sec. 3.7; Vallado 2013, sec. 8.6.2 (J2); Hairer, Lubich & Wanner 2006, sec. I.2",
    names={
        "orbit_step": "propagate_orbit|advance_orbits|satellite_step|orbit_propagator",
        "mu": "gm|grav_param",
        "dt": "h|step|delta_t",
        "radius": "r_eq|equatorial_radius|re",
        "j2": "J2|oblateness|j2_coeff",
    },
    double=True,
    element="satellite",
    weight=2,
)
def orbit_step(d: Draft) -> None:
    """Integrates satellite orbits over one time step."""
    scheme = d.option("scheme", "symplectic", "leapfrog", "rk4", "midpoint")
    oblate = d.option("perturbation", "none", "j2", "drag", "j2 and drag")
    many = d.option("count", "one", "several")
    frame = d.option("state", "two arrays", "spatial")
    count = d.pick(64, 128)
    if frame == "spatial":
        d.input("s", "spatial_vector", count, 0.6, 1.2, about="Satellite states (position, velocity)")
    else:
        d.input("x", "vec3", count, 0.6, 1.4, about="Positions")
        d.input("v", "vec3", count, -0.7, 0.7, about="Velocities")
    # Enough to hold satellites as fast as they are far
    pull = (4.5, 5.5) if frame == "spatial" else (0.8, 1.2)
    d.param("mu", "float", *pull, about="Gravitational parameter")
    has_j2, has_drag = "j2" in oblate, "drag" in oblate
    if has_j2:
        d.param("j2", "float", 0.01, 0.05, about="Oblateness coefficient J2")
        d.param("radius", "float", 0.8, 1.0, about="Equatorial radius")
    if has_drag:
        d.param("drag", "float", 0.01, 0.1, about="Quadratic drag coefficient, the same at all altitudes")
    d.param("dt", "float", 0.005, 0.03, about="Time step")
    if frame == "spatial":
        d.output("s_new", "spatial_vector", count, about="Updated states")
    else:
        d.output("x_new", "vec3", count, about="Updated positions")
        d.output("v_new", "vec3", count, about="Updated velocities")
    typed = "mu: float" + (", j2: float, radius: float" if has_j2 else "")
    args = "mu" + (", j2, radius" if has_j2 else "")
    typed += ", drag: float" if has_drag else ""
    args += ", drag" if has_drag else ""
    d.function(
        """
        @wp.func
        def orbit_acceleration(x: wp.vec3, $v$typed) -> wp.vec3:
            r2 = wp.dot(x, x)
            r = wp.sqrt(r2)
            $pull -mu / (r2 * r) * x
            $j2
            $drag
            $back
        """,
        v="v: wp.vec3, " if has_drag else "",
        pull="a =" if has_j2 or has_drag else "return",
        back="return a" if has_j2 or has_drag else "",
        typed=typed,
        j2="""
        # J2 perturbation from the equatorial bulge, causes nodal precession
        tilt = 5.0 * x[2] * x[2] / r2
        bulge = 1.5 * j2 * mu * radius * radius / (r2 * r2 * r)
        a += bulge * wp.vec3(x[0] * (tilt - 1.0), x[1] * (tilt - 1.0), x[2] * (tilt - 3.0))
        """
        if has_j2
        else "",
        drag="a -= drag * wp.length(v) * v" if has_drag else "",
    )

    def accel(x: str, u: str) -> str:
        return f"orbit_acceleration({x}, {f'{u}, ' if has_drag else ''}{args})"

    steps = {
        "symplectic": f"""
        vel += dt * {accel("pos", "vel")}
        pos += dt * vel
        """,
        "leapfrog": f"""
        $why
        half = vel + 0.5 * dt * {accel("pos", "vel")}
        pos += dt * half
        vel = half + 0.5 * dt * {accel("pos", "half")}
        """,
        "midpoint": f"""
        x_mid = pos + 0.5 * dt * vel
        v_mid = vel + 0.5 * dt * {accel("pos", "vel")}
        pos += dt * v_mid
        vel += dt * {accel("x_mid", "v_mid")}
        """,
        "rk4": f"""
        a1 = {accel("pos", "vel")}
        v2 = vel + 0.5 * dt * a1
        a2 = {accel("pos + 0.5 * dt * vel", "v2")}
        v3 = vel + 0.5 * dt * a2
        a3 = {accel("pos + 0.5 * dt * v2", "v3")}
        v4 = vel + dt * a3
        a4 = {accel("pos + dt * v3", "v4")}
        pos += dt / 6.0 * (vel + 2.0 * v2 + 2.0 * v3 + v4)
        vel += dt / 6.0 * (a1 + 2.0 * a2 + 2.0 * a3 + a4)
        """,
    }
    ahead = scheme == "leapfrog" and many != "one" and not has_drag
    if ahead:  # the acceleration at the end of a step is that at the start of the next one
        steps[scheme] = f"""
        half = vel + 0.5 * dt * acc
        pos += dt * half
        acc = {accel("pos", "half")}
        vel = half + 0.5 * dt * acc
        """
    d.launch(count)
    n = d.pick(2, 3)
    if many != "one":
        d.module(f"STEPS = wp.constant({n})")
    spatial = frame == "spatial"
    d.code(
        """
        tid = wp.tid()
        $read
        $start
        $loop
        $store
        """,
        read="pos = wp.spatial_top(s[tid])\nvel = wp.spatial_bottom(s[tid])"
        if spatial
        else "pos = x[tid]\nvel = v[tid]",
        start=f"$why\nacc = {accel('pos', 'vel')}" if ahead else "",
        loop="$step" if many == "one" else "for k in range(STEPS):\n    $step",
        step=steps[scheme],
        why="" if has_drag else "# Time-reversible, hence no secular energy drift",
        store="""
        s_new[tid] = wp.spatial_vector(pos, vel)
        """
        if spatial
        else "x_new[tid] = pos\nv_new[tid] = vel",
    )
    pulled = {
        "none": "a planet",
        "j2": "an oblate planet with its poles along z",
        "drag": "a planet with quadratic drag",
        "j2 and drag": "an oblate planet (poles along z) with quadratic drag",
    }
    label = {
        "symplectic": "symplectic Euler",
        "leapfrog": "leapfrog",
        "rk4": "Runge-Kutta",
        "midpoint": "midpoint",
    }
    how = f"one {label[scheme]} step" if many == "one" else f"{n} {label[scheme]} steps"
    d.says(f"Propagates satellite orbits around {pulled[oblate]} by {how}.")

    def reference(v: Values) -> dict[str, Any]:
        x, u = (v.s[:, :3], v.s[:, 3:]) if spatial else (v.x, v.v)
        h = v.dt

        def a(x: Any, u: Any) -> Any:
            r = np.linalg.norm(x, axis=-1, keepdims=True)
            made = -v.mu * x / r**3
            if has_j2:
                z = 5.0 * x[:, 2:] ** 2 / r**2 - np.array([1.0, 1.0, 3.0])
                made = made + 1.5 * v.j2 * v.mu * v.radius**2 / r**5 * x * z
            return made - (v.drag * np.linalg.norm(u, axis=-1, keepdims=True) * u if has_drag else 0.0)

        def both(y: Any) -> Any:
            return np.concatenate([y[:, 3:], a(y[:, :3], y[:, 3:])], 1)

        for _ in range(1 if many == "one" else n):
            y = np.concatenate([x, u], 1)
            if scheme == "symplectic":
                u = u + h * a(x, u)
                x = x + h * u
                continue
            if scheme == "leapfrog":
                half = u + 0.5 * h * a(x, u)
                x = x + h * half
                u = half + 0.5 * h * a(x, half)
                continue
            k1 = both(y)
            k2 = both(y + 0.5 * h * k1)
            if scheme == "midpoint":
                y = y + h * k2
            else:
                k3 = both(y + 0.5 * h * k2)
                y = y + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + both(y + h * k3))
            x, u = y[:, :3], y[:, 3:]
        return {"s_new": np.concatenate([x, u], 1)} if spatial else {"x_new": x, "v_new": u}

    d.check(reference)
