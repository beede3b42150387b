"""Symplectic and multistep steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.integrator import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "x": "positions|pos",
    "v": "velocities|vel",
    "f": "forces|force",
    "dt": "h|timestep|delta_t",
    "inv_mass": "inv_m",
}


@DOMAIN.algorithm(
    source="Hairer, Lubich & Wanner 2006, sec. I.1; Swope et al. 1982; Stoermer 1907",
    names=_NAMES
    | {
        "gravity": "g|grav|gravity_acc",
        "v_max": "max_velocity|speed_limit|v_limit",
    },
    double=True,
    element="particle",
    weight=4,
)
def integrate_particles(d: Draft) -> None:
    """Integrates particles under forces and gravity."""
    scheme = d.option("scheme", "symplectic", "verlet kick-drift", "stoermer", "second half", "leapfrog")
    pinned = d.option("pinned", "none", "mass", "flags")
    limited = d.flag("limited", 0.35) and scheme != "stoermer"
    drag = d.option("drag", "none", "linear", "exponential") if scheme != "stoermer" else "none"
    gravity = d.option("gravity", "vector", "field")
    dimension = d.option("dimension", 3, 2)
    d.calls(
        {
            "symplectic": "integrate_particles|semi_implicit_euler|symplectic_euler|particle_step",
            "verlet kick-drift": "kick_drift|verlet_first_half|verlet_kick_drift",
            "stoermer": "verlet_step|position_verlet|stoermer_verlet|advance_particles",
            "second half": "verlet_second_half|finish_verlet|second_kick",
            "leapfrog": "leapfrog_step|drift_kick_drift|advance_particles",
        }[scheme]
    )
    count = d.pick(64, 128, 256)
    vector = f"vec{dimension}"
    moves = scheme != "second half"
    # Both positions from a small box, so that the velocity that they imply is one of particles
    wide = 0.05 if scheme == "stoermer" else 1.0
    if moves:
        d.input("x", vector, count, -wide, wide, about="Positions")
    if scheme == "stoermer":
        d.input("x_old", vector, count, -wide, wide, about="Previous positions")
    else:
        d.input("v", vector, count, -1.0, 1.0, about="Velocities" if moves else "Half-step velocities")
    places = {"leapfrog": " at x + dt / 2 v", "second half": " at the new positions"}.get(scheme, "")
    d.input("f", vector, count, -5.0, 5.0, about=f"Forces{places}")
    d.input(
        "inv_mass",
        "float",
        count,
        -0.4 if pinned == "mass" else 0.2,
        2.0,
        about="Inverse masses, zero or negative for fixed particles"
        if pinned == "mass"
        else "Inverse masses",
    )
    if pinned == "flags":
        d.input("flags", "int", count, 1, 4, about="Particle flags; bit 0 is set for movable particles")
        d.module("ACTIVE = wp.constant(1)")
    if gravity == "vector":
        d.param("gravity", vector, -5.6, 5.6, about="Gravity")
    else:
        d.input("gravity", vector, count, -5.6, 5.6, about="Per-particle gravity")
    d.param("dt", "float", 0.01 if scheme == "stoermer" else 0.005, 0.05, about="Time step")
    if limited:
        d.param("v_max", "float", 0.8, 1.2, about="Maximum speed")
    if drag != "none":
        d.param("damping", "float", 0.1, 2.0, about="Velocity damping [1/s]")
    if moves:
        d.output("x_new", vector, count, about="Updated positions")
    if scheme != "stoermer":
        reached = "at half of" if scheme == "verlet kick-drift" else "after"
        d.output("v_new", vector, count, about=f"Velocities {reached} the step")
    g = "gravity" if gravity == "vector" else "gravity[tid]"
    accel = f"a = f[tid] * inv_mass[tid] + {g}"
    kept = ["x_new[tid] = x[tid]"] * moves
    kept += [f"v_new[tid] = wp.{vector}({', '.join(['0.0'] * dimension)})"] * (scheme != "stoermer")
    stay = "\n    ".join([*kept, "return"])
    pins = {
        "none": "",
        "mass": f"if inv_mass[tid] <= 0.0:\n    # fixed particle\n    {stay}",
        "flags": f"if (flags[tid] & ACTIVE) == 0:\n    {stay}",
    }
    steps = {
        "symplectic": """
        $why
        v1 = v[tid] + a * dt
        $drag
        $limit
        x_new[tid] = x[tid] + v1 * dt
        v_new[tid] = v1
        """,
        "verlet kick-drift": """
        # Velocity Verlet, first half: kick and drift; re-evaluate forces before the second half
        v1 = v[tid] + 0.5 * dt * a
        $drag
        $limit
        x_new[tid] = x[tid] + v1 * dt
        v_new[tid] = v1
        """,
        "second half": """
        # Second half kick, using forces at the new positions
        v1 = v[tid] + 0.5 * dt * a
        $drag
        $limit
        v_new[tid] = v1
        """,
        "stoermer": """
        # Position Verlet: velocity is implied by the last two positions
        x_new[tid] = 2.0 * x[tid] - x_old[tid] + a * dt * dt
        """,
        "leapfrog": """
        # Drift-kick-drift leapfrog: forces are evaluated at mid-step
        half = x[tid] + 0.5 * dt * v[tid]
        v1 = v[tid] + a * dt
        $drag
        $limit
        x_new[tid] = half + 0.5 * dt * v1
        v_new[tid] = v1
        """,
    }
    whole = scheme in ("symplectic", "leapfrog")
    part = "" if whole else "0.5 * "  # each half of a step damps for half of its time
    d.launch(count)
    d.code(
        "tid = wp.tid()\n$pin\n$accel\n$step",
        pin=pins[pinned],
        accel=accel,
        step=steps[scheme],
        why="# Symplectic Euler: advance the position with the new velocity"
        if drag != "none" or limited
        else "# Symplectic Euler: advance the position with the new velocity to avoid energy drift",
        drag={
            "none": "",
            "linear": f"v1 = v1 * (1.0 - {part}damping * dt)",
            "exponential": f"v1 = v1 * wp.exp(-{part}damping * dt)",
        }[drag],
        limit="""
        speed = wp.length(v1)
        if speed > v_max:
            v1 = v1 * (v_max / speed)
        """
        if limited
        else "",
    )
    what = {
        "symplectic": "Integrates particles using symplectic Euler.",
        "verlet kick-drift": "Applies the first half of a velocity Verlet step.",
        "second half": "Applies the second half of a velocity Verlet step.",
        "stoermer": "Integrates particles using position Verlet (Stoermer).",
        "leapfrog": "Integrates particles using a drift-kick-drift leapfrog step.",
    }
    changed = ["damping"] * (drag != "none") + ["a speed limit"] * limited
    d.says(what[scheme].removesuffix(".") + (f" with {' and '.join(changed)}." if changed else "."))

    def reference(v: Values) -> dict[str, Any]:
        a = v.f * v.inv_mass[:, None] + v.gravity
        held = np.zeros((count, 1), bool)
        if pinned != "none":
            held = (v.inv_mass <= 0.0 if pinned == "mass" else (v.flags & 1) == 0)[:, None]
        if scheme == "stoermer":
            return {"x_new": np.where(held, v.x, 2.0 * v.x - v.x_old + a * v.dt**2)}
        h = v.dt if whole else 0.5 * v.dt
        u = v.v + h * a
        if drag != "none":
            u = u * (np.exp(-v.damping * h) if drag == "exponential" else 1.0 - v.damping * h)
        if limited:
            u = u * np.minimum(1.0, v.v_max / np.linalg.norm(u, axis=-1, keepdims=True))
        made = {"v_new": np.where(held, 0.0, u)}
        if moves:
            moved = v.x + v.dt * (0.5 * (v.v + u) if scheme == "leapfrog" else u)
            made["x_new"] = np.where(held, v.x, moved)
        return made

    d.check(reference)


@DOMAIN.algorithm(
    source="Hairer, Nørsett & Wanner 1993, sec. III.1: eq. 1.5, 1.9",
    names={
        "y": "state|values",
        "rates": "history|derivs|f_hist",
        "dt": "h|step|tau",
        "y_new": "y_out|state_out|u_next",
        "head": "newest|latest|ring_head",
    },
    double=True,
    weight=4,
)
def multistep(d: Draft) -> None:
    """Integrates values with an Adams multistep scheme."""
    order = d.option("order", 2, 3, 4, 5)
    kind = d.option("kind", "bashforth", "moulton")
    layout = d.option("layout", "rows", "columns", "ring")
    value = d.option("value", "float", "vec2", "vec3", "vec4")
    spread = d.flag("decay", 0.35)
    d.calls(
        {
            "bashforth": "multistep|adams_bashforth|ab_step|linear_multistep|adams_step",
            "moulton": "multistep|adams_moulton|am_step|linear_multistep|adams_step",
        }[kind]
    )
    count = d.pick(64, 128, 256)
    past = order
    d.input("y", value, count, -1.0, 1.0, about="Current values")
    d.input(
        "rates",
        value,
        (count, past) if layout == "columns" else (past, count),
        -2.0,
        2.0,
        about=f"Rates {'of the' if kind == 'bashforth' else 'at the end of the step, predicted, and of the'} last steps"
        + (", without the decay" if spread else "")
        + ("" if layout == "ring" else ", newest first"),
    )
    if layout == "ring":
        d.input("head", "int", 1, 0, past, about="Ring buffer row of the newest rates")
    d.param("dt", "float", 0.01, 0.1, about="Time step")
    if spread:
        d.param("decay", "float", 0.5, 2.0, about="Linear decay rate")
    d.output("y_new", value, count, about="Updated values")
    bashforth = {2: (3, -1), 3: (23, -16, 5), 4: (55, -59, 37, -9), 5: (1901, -2774, 2616, -1274, 251)}
    moulton = {2: (1, 1), 3: (5, 8, -1), 4: (9, 19, -5, 1), 5: (251, 646, -264, 106, -19)}
    below = {2: 2, 3: 12, 4: 24, 5: 720}[order]
    weights = (bashforth if kind == "bashforth" else moulton)[order]

    def at(n: int) -> str:
        if layout == "columns":
            return f"rates[tid, {n}]"
        if layout == "rows":
            return f"rates[{n}, tid]"
        return f"rates[(newest + {past - n}) % {past}, tid]" if n else "rates[newest, tid]"

    ahead = 1 if kind == "bashforth" else 0  # steps from the newest rate to the end of the step

    def fades(n: int) -> str:
        if not spread or n + ahead == 0:
            return ""
        return (
            ("", "fade * ", "fade * fade * ")[n + ahead]
            if n + ahead < 3
            else f"wp.pow(fade, {n + ahead}.0) * "
        )

    faded = (
        "# Integrating factor: decay is exact, and each past rate is attenuated until the end of the step\n"
    )
    faded += "fade = wp.exp(-decay * dt)"
    terms = ""
    for n, weight in enumerate(weights):
        sign = ("-" if weight < 0 else "") if not n else (" - " if weight < 0 else " + ")
        factor = "" if abs(weight) == 1 else f"{float(abs(weight))} * "
        terms += f"{sign}{factor}f{n}"
    d.launch(count)
    d.code(
        "tid = wp.tid()\n$newest\n$read\n$store",
        newest="""
        # Rates are stored in a ring buffer; step backward through it
        newest = head[0]
        """
        if layout == "ring"
        else "",
        read="\n".join(([faded] if spread else []) + [f"f{n} = {fades(n)}{at(n)}" for n in range(past)]),
        store=f"y_new[tid] = $old + dt / {float(below)} * ({terms})",
        old="fade * y[tid]" if spread else "y[tid]",
    )
    name = {"bashforth": "Adams-Bashforth", "moulton": "Adams-Moulton"}[kind]
    under = "values with linear damping" if spread else "values"
    d.says(f"Integrates {under} using the {name} scheme of order {order}.")
    if kind == "moulton":
        d.explain("The newest rate is evaluated at the predicted end-of-step values.")

    def reference(v: Values) -> dict[str, Any]:
        rates = np.moveaxis(v.rates, 0, 1) if layout != "columns" else v.rates
        if layout == "ring":
            rates = np.stack([rates[:, (v["head"][0] - n) % past] for n in range(past)], 1)
        # the polynomial through the last rates, integrated over the step
        nodes = -np.arange(past) + (1.0 if kind == "moulton" else 0.0)
        vandermonde = np.vander(nodes, past, increasing=True).T
        integral = np.linalg.solve(vandermonde, 1.0 / np.arange(1, past + 1))
        old = v.y
        if spread:
            old = v.y * np.exp(-v.decay * v.dt)
            faded_ = np.exp(-v.decay * v.dt * (np.arange(past) + ahead))
            rates = rates * faded_.reshape(past, *([1] * (rates.ndim - 2)))
        return {"y_new": old + v.dt * np.tensordot(rates, integral, (1, 0))}

    d.check(reference)
