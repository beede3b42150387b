"""Symplectic, multistep, implicit and exponential steps of particles and oscillators."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.integrator import DOMAIN
from warpgen.synthesis.library import dynamics
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "x": "positions|pos|particle_q|q",
    "v": "velocities|vel|particle_qd|qd",
    "f": "forces|force|particle_f",
    "dt": "h|timestep|delta_t",
    "inv_mass": "w|particle_inv_mass|inv_m",
}


@DOMAIN.algorithm(
    source="Hairer, Lubich & Wanner 2006, sec. I.1; Swope et al. 1982; Stoermer 1907",
    names=_NAMES
    | {
        "integrate_particles": "semi_implicit_euler|particle_step|advance_particles|verlet_step",
        "x_new": "x_out|pos_out|particle_q_new",
        "v_new": "v_out|vel_out|particle_qd_new",
        "gravity": "g|body_force|acceleration",
        "v_max": "max_velocity|speed_limit|v_limit",
    },
    double=True,
)
def integrate_particles(d: Draft) -> None:
    """Advances particles by one step under forces and gravity."""
    scheme = d.option("scheme", "symplectic", "verlet kick-drift", "stoermer", "second half", "leapfrog")
    pinned = d.option("pinned", "none", "mass", "flags")
    limited = d.flag("limited", 0.35) and scheme != "stoermer"
    drag = d.option("drag", "none", "linear", "exponential") if scheme != "stoermer" else "none"
    gravity = d.option("gravity", "vector", "field")
    dimension = d.option("dimension", 3, 2)
    count = d.pick(64, 128, 256)
    vector = f"vec{dimension}"
    moves = scheme != "second half"
    if moves:
        d.input("x", vector, count, -1.0, 1.0)
    if scheme == "stoermer":
        d.input("x_old", vector, count, -1.0, 1.0)
    else:
        d.input("v", vector, count, -1.0, 1.0)
    d.input("f", vector, count, -5.0, 5.0)
    d.input("inv_mass", "float", count, -0.4 if pinned == "mass" else 0.2, 2.0)
    if pinned == "flags":
        d.input("flags", "int", count, 0, 4)
        d.module("ACTIVE = wp.constant(1)")
    if gravity == "vector":
        d.param("gravity", vector, -9.81, 9.81)
    else:
        d.input("gravity", vector, count, -9.81, 9.81)
    d.param("dt", "float", 0.005, 0.05)
    if limited:
        d.param("v_max", "float", 0.8, 1.2)
    if drag != "none":
        d.param("damping", "float", 0.1, 2.0)
    if moves:
        d.output("x_new", vector, count)
    if scheme != "stoermer":
        d.output("v_new", vector, count)
    g = "gravity" if gravity == "vector" else "gravity[tid]"
    accel = f"a = f[tid] * inv_mass[tid] + {g}"
    kept = ("x_new[tid] = x[tid]\n" if moves else "") + "return"
    pins = {
        "none": "",
        "mass": f"if inv_mass[tid] <= 0.0:\n    # held in place\n    {kept}",
        "flags": f"if (flags[tid] & ACTIVE) == 0:\n    {kept}",
    }
    if "\n" in kept:
        kept = "x_new[tid] = x[tid]\n    return"
        pins["mass"] = f"if inv_mass[tid] <= 0.0:\n    # held in place\n    {kept}"
        pins["flags"] = f"if (flags[tid] & ACTIVE) == 0:\n    {kept}"
    steps = {
        "symplectic": """
        # the new velocity moves the particle, so that energy stays bounded
        v1 = v[tid] + a * dt
        $drag
        $limit
        x_new[tid] = x[tid] + v1 * dt
        v_new[tid] = v1
        """,
        "verlet kick-drift": """
        # first half of velocity Verlet; forces are computed anew before the second
        v1 = v[tid] + 0.5 * dt * a
        $drag
        $limit
        x_new[tid] = x[tid] + v1 * dt
        v_new[tid] = v1
        """,
        "second half": """
        # second half of velocity Verlet, with the forces of the new positions
        v1 = v[tid] + 0.5 * dt * a
        $drag
        $limit
        v_new[tid] = v1
        """,
        "stoermer": """
        # positions alone: the velocity is in the last two of them
        x_new[tid] = 2.0 * x[tid] - x_old[tid] + a * dt * dt
        """,
        "leapfrog": """
        # drift, kick, drift: one evaluation of forces at the middle of the step
        half = x[tid] + 0.5 * dt * v[tid]
        v1 = v[tid] + a * dt
        $drag
        $limit
        x_new[tid] = half + 0.5 * dt * v1
        v_new[tid] = v1
        """,
    }
    d.launch(count)
    d.code(
        "tid = wp.tid()\n$pin\n$accel\n$step",
        pin=pins[pinned],
        accel=accel,
        step=steps[scheme],
        drag={
            "none": "",
            "linear": "v1 = v1 * (1.0 - damping * dt)",
            "exponential": "v1 = v1 * wp.exp(-damping * dt)",
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
        "symplectic": "Advances particles by one step of the symplectic Euler scheme.",
        "verlet kick-drift": "Kicks particles by half of a step and moves them, as velocity Verlet begins.",
        "second half": "Kicks particles by half of a step, the second half of velocity Verlet.",
        "stoermer": "Advances particles by one step of Stoermer's scheme, from their last two positions.",
        "leapfrog": "Advances particles by one leapfrog step of drift, kick and drift.",
    }
    d.says(what[scheme])

    def reference(v: Values) -> dict[str, Any]:
        a = v.f * v.inv_mass[:, None] + v.gravity
        held = np.zeros((count, 1), bool)
        if pinned != "none":
            held = (v.inv_mass <= 0.0 if pinned == "mass" else (v.flags & 1) == 0)[:, None]
        if scheme == "stoermer":
            return {"x_new": np.where(held, v.x, 2.0 * v.x - v.x_old + a * v.dt**2)}
        u = v.v + (v.dt if scheme in ("symplectic", "leapfrog") else 0.5 * v.dt) * a
        if drag != "none":
            u = u * (np.exp(-v.damping * v.dt) if drag == "exponential" else 1.0 - v.damping * v.dt)
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
        "multistep": "adams_bashforth|ab_step|linear_multistep|adams_step",
        "y": "state|u|values",
        "rates": "history|derivs|f_hist",
        "dt": "h|step|tau",
        "y_new": "y_out|state_out|u_next",
        "head": "newest|latest|ring_head",
    },
    double=True,
)
def multistep(d: Draft) -> None:
    """Advances values by an Adams scheme from the rates of the last steps."""
    order = d.option("order", 2, 3, 4, 5)
    kind = d.option("kind", "bashforth", "moulton")
    layout = d.option("layout", "rows", "columns", "ring")
    value = d.option("value", "float", "vec2", "vec3", "vec4")
    spread = d.flag("decay", 0.35)
    count = d.pick(64, 128, 256)
    past = order
    d.input("y", value, count, -1.0, 1.0)
    d.input("rates", value, (count, past) if layout == "columns" else (past, count), -2.0, 2.0)
    if layout == "ring":
        d.input("head", "int", 1, 0, past)
    d.param("dt", "float", 0.01, 0.1)
    if spread:
        d.param("decay", "float", 0.5, 2.0)
    d.output("y_new", value, count)
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

    terms = ""
    for n, weight in enumerate(weights):
        sign = ("-" if weight < 0 else "") if not n else (" - " if weight < 0 else " + ")
        factor = "" if abs(weight) == 1 else f"{float(abs(weight))} * "
        terms += f"{sign}{factor}f{n}"
    d.launch(count)
    d.code(
        "tid = wp.tid()\n$newest\n$read\n$store",
        newest="""
        # the rates stand in a ring: older ones follow backwards
        newest = head[0]
        """
        if layout == "ring"
        else "",
        read="\n".join(f"f{n} = {at(n)}" for n in range(past)),
        store=f"y_new[tid] = $old + dt / {float(below)} * ({terms})",
        # the linear decay is integrated exactly
        old="wp.exp(-decay * dt) * y[tid]" if spread else "y[tid]",
    )
    name = {"bashforth": "Adams' and Bashforth's", "moulton": "Adams' and Moulton's"}[kind]
    d.says(f"Advances values by one step of {name} scheme of order {order}.")

    def reference(v: Values) -> dict[str, Any]:
        rates = np.moveaxis(v.rates, 0, 1) if layout != "columns" else v.rates
        if layout == "ring":
            rates = np.stack([rates[:, (v["head"][0] - n) % past] for n in range(past)], 1)
        # the polynomial through the last rates, integrated over the step
        nodes = -np.arange(past) + (1.0 if kind == "moulton" else 0.0)
        vandermonde = np.vander(nodes, past, increasing=True).T
        integral = np.linalg.solve(vandermonde, 1.0 / np.arange(1, past + 1))
        old = v.y * (np.exp(-v.decay * v.dt) if spread else 1.0)
        return {"y_new": old + v.dt * np.tensordot(rates, integral, (1, 0))}

    d.check(reference)


@DOMAIN.algorithm(
    source="Hairer & Wanner 1996, sec. IV.7 (Rosenbrock) and IV.8; Gear 1971 (BDF); Robertson 1966",
    names={
        "implicit_step": "stiff_step|newton_step|rosenbrock_step|backward_euler",
        "y": "state|s0|u",
        "dt": "h|step|tau",
        "s": "yn|guess|iterate",
        "jac": "J|jacobian|dfdy",
        "res": "g|residual|defect",
        "y_new": "state_out|y_next|u_new",
    },
    double=True,
    adjoint="no",
)
def implicit_step(d: Draft) -> None:
    """Advances a stiff reaction by one implicit step."""
    scheme = d.option("scheme", "backward euler", "bdf2", "trapezoidal", "rosenbrock", "linearised")
    chemistry = d.option("reaction", "robertson", "van der pol", "brusselator")
    solve = d.option("solve", "inverse", "explicit")
    tested = d.flag("tested", 0.5) and scheme not in ("rosenbrock", "linearised")
    own = d.flag("own step", 0.3)
    count = d.pick(64, 96, 128)
    dim = 3 if chemistry == "robertson" else 2
    if dim == 3:
        solve = "inverse"
    vector, matrix = f"vec{dim}", f"mat{dim}{dim}"
    low, high = (0.1, 1.0) if dim == 3 else (0.5, 1.5)
    d.input("y", vector, count, low, high)
    if scheme == "bdf2":
        d.input("y_old", vector, count, low, high)
    constants = {
        "robertson": [("k1", 0.02, 0.06), ("k2", 1.0, 5.0), ("k3", 5.0, 20.0)],
        "van der pol": [("mu", 2.0, 6.0)],
        "brusselator": [("feed", 0.8, 1.2), ("drain", 1.5, 3.0)],
    }[chemistry]
    for name, a, b in constants:
        d.param(name, "float", a, b)
    if own:
        d.input("dt", "float", count, 0.01, 0.05)
    else:
        d.param("dt", "float", 0.01, 0.05)
    if tested:
        d.param("tol", "float", 1e-7)
    d.output("y_new", vector, count)
    p = ", ".join(n for n, _, _ in constants)
    typed = ", ".join(f"{n}: float" for n, _, _ in constants)
    p_jac = p.removeprefix("feed, ")  # what is fed in is constant
    typed_jac = typed.removeprefix("feed: float, ")
    rates = {
        "robertson": """
        slow = k1 * s[0]
        back = k2 * s[1] * s[2]
        fast = k3 * s[1] * s[1]
        return wp.vec3(back - slow, slow - back - fast, fast)
        """,
        "van der pol": "return wp.vec2(s[1], mu * (1.0 - s[0] * s[0]) * s[1] - s[0])",
        "brusselator": """
        third = s[0] * s[0] * s[1]
        return wp.vec2(feed + third - (drain + 1.0) * s[0], drain * s[0] - third)
        """,
    }
    jacobians = {
        "robertson": """
        b1 = k2 * s[1]
        b2 = k2 * s[2]
        c = 2.0 * k3 * s[1]
        return wp.mat33(-k1, b2, b1, k1, -b2 - c, -b1, 0.0, c, 0.0)
        """,
        "van der pol": """
        return wp.mat22(0.0, 1.0, -2.0 * mu * s[0] * s[1] - 1.0, mu * (1.0 - s[0] * s[0]))
        """,
        "brusselator": """
        cross = 2.0 * s[0] * s[1]
        square = s[0] * s[0]
        return wp.mat22(cross - drain - 1.0, square, drain - cross, -square)
        """,
    }
    d.function(
        f"@wp.func\ndef rate(s: wp.{vector}, {typed}) -> wp.{vector}:\n    $body", body=rates[chemistry]
    )
    d.function(
        f"@wp.func\ndef rate_jacobian(s: wp.{vector}, {typed_jac}) -> wp.{matrix}:\n    $body",
        body=jacobians[chemistry],
    )
    if solve == "explicit":
        d.function("""
        @wp.func
        def solve2(m: wp.mat22, b: wp.vec2) -> wp.vec2:
            # Cramer's rule
            det = m[0, 0] * m[1, 1] - m[0, 1] * m[1, 0]
            return wp.vec2(m[1, 1] * b[0] - m[0, 1] * b[1], m[0, 0] * b[1] - m[1, 0] * b[0]) / det
        """)
    solved = "solve2({0}, {1})" if solve == "explicit" else "wp.inverse({0}) * {1}"
    unit = f"wp.identity(n={dim}, dtype=float)"
    newton = {
        "backward euler": ("res = s - s0 - $h * rate(s, $p)", "$h"),
        "trapezoidal": ("res = s - s0 - 0.5 * $h * (f0 + rate(s, $p))", "0.5 * $h"),
        "bdf2": (
            "res = s - (4.0 * s0 - y_old[tid]) / 3.0 - (2.0 / 3.0) * $h * rate(s, $p)",
            "(2.0 / 3.0) * $h",
        ),
    }
    if scheme in newton:
        residual, share = newton[scheme]
        body = """
        $f0
        s = s0
        # Newton's method; the last state is a good first guess
        for it in range(6):
            $residual
            $tested
            jac = $unit - $share * rate_jacobian(s, $p_jac)
            s -= $solved
        y_new[tid] = s
        """
    elif scheme == "linearised":
        residual, share = "", "$h"
        body = """
        # one Newton step of backward Euler from the old state: cheap, and stable for stiff decay
        jac = $unit - $h * rate_jacobian(s0, $p_jac)
        res = $h * rate(s0, $p)
        y_new[tid] = s0 + $solved
        """
    else:
        residual, share = "", "$h"
        body = """
        # gamma = 1 + 1 / sqrt(2) makes the scheme L-stable
        gamma = 1.0 + 1.0 / wp.sqrt(2.0)
        jac = $unit - gamma * $h * rate_jacobian(s0, $p_jac)
        inv = wp.inverse(jac)
        k1_ = inv * rate(s0, $p)
        k2_ = inv * (rate(s0 + $h * k1_, $p) - 2.0 * k1_)
        y_new[tid] = s0 + $h * (1.5 * k1_ + 0.5 * k2_)
        """.replace("k1_", "stage1").replace("k2_", "stage2")
    d.launch(count)
    d.code(
        "tid = wp.tid()\ns0 = y[tid]\n$step\n$body",
        step="h = dt[tid]" if own else "",
        h="h" if own else "dt",
        body=body,
        f0=f"f0 = rate(s0, {p})" if scheme == "trapezoidal" else "",
        residual=residual.replace("$h", "h" if own else "dt"),
        tested="if wp.length(res) < tol:\n    break" if tested else "",
        unit=unit,
        share=share.replace("$h", "h" if own else "dt"),
        solved=solved.format("jac", "res"),
        p=p,
        p_jac=p_jac,
    )
    name = {
        "backward euler": "backward Euler",
        "bdf2": "BDF2",
        "trapezoidal": "the trapezoidal rule",
        "rosenbrock": "a Rosenbrock scheme of second order",
        "linearised": "linearised backward Euler",
    }[scheme]
    what = {
        "robertson": "Robertson's reaction",
        "van der pol": "van der Pol's oscillator",
        "brusselator": "the Brusselator",
    }[chemistry]
    d.says(f"Advances {what} by one step of {name}.")

    def f(v: Values, s: Any) -> Any:
        if chemistry == "van der pol":
            return dynamics.VAN_DER_POL.of(s, v)
        if chemistry == "brusselator":
            return dynamics.BRUSSELATOR.of(s, v)
        a, b, c = np.moveaxis(s, -1, 0)
        back, fast = v.k2 * b * c, v.k3 * b * b
        return np.stack([back - v.k1 * a, v.k1 * a - back - fast, fast], -1)

    def slopes(v: Values, s: Any) -> Any:
        step, eye = 1e-6, np.eye(dim)
        return np.stack([(f(v, s + step * e) - f(v, s - step * e)) / (2.0 * step) for e in eye], -1)

    def reference(v: Values) -> dict[str, Any]:
        h = np.broadcast_to(v.dt, count)[:, None]
        s, eye = v.y, np.eye(dim)
        if scheme in ("linearised", "rosenbrock"):
            gamma = 1.0 if scheme == "linearised" else 1.0 + np.sqrt(0.5)
            jac = eye - gamma * h[..., None] * slopes(v, s)

            def by(b: Any) -> Any:
                return np.linalg.solve(jac, b[..., None])[..., 0]

            first = by(f(v, s))
            if scheme == "linearised":
                return {"y_new": s + h * first}
            second = by(f(v, s + h * first) - 2.0 * first)
            return {"y_new": s + h * (1.5 * first + 0.5 * second)}
        share = {"backward euler": 1.0, "trapezoidal": 0.5, "bdf2": 2.0 / 3.0}[scheme]
        known = (4.0 * s - v.y_old) / 3.0 if scheme == "bdf2" else s
        if scheme == "trapezoidal":
            known = s + 0.5 * h * f(v, s)
        for _ in range(12):
            jac = eye - share * h[..., None] * slopes(v, s)
            s = s - np.linalg.solve(jac, (s - known - share * h * f(v, s))[..., None])[..., 0]
        return {"y_new": s}

    d.check(reference, 1e-3)


@DOMAIN.algorithm(
    source="Goldstein 1980, sec. 3.7; Vallado 2013, sec. 8.6.2 (J2); Hairer, Lubich & Wanner 2006, sec. I.2",
    names={
        "orbit_step": "propagate_orbit|kepler_step|satellite_step|orbit_propagator",
        "x": "r|position|pos",
        "v": "velocity|vel|rdot",
        "mu": "gm|grav_param|GM",
        "x_new": "r_new|pos_out|x_out",
        "v_new": "vel_out|v_out|rdot_new",
        "dt": "h|step|delta_t",
        "radius": "r_eq|equatorial_radius|re",
        "j2": "J2|oblateness|j2_coeff",
    },
    double=True,
)
def orbit_step(d: Draft) -> None:
    """Advances satellites around a planet by one step."""
    scheme = d.option("scheme", "symplectic", "leapfrog", "rk4", "midpoint")
    oblate = d.option("perturbation", "none", "j2", "drag", "j2 and drag")
    many = d.option("count", "one", "several")
    frame = d.option("state", "two arrays", "spatial")
    count = d.pick(64, 128)
    if frame == "spatial":
        d.input("s", "spatial_vector", count, 0.6, 1.2)
    else:
        d.input("x", "vec3", count, 0.6, 1.4)
        d.input("v", "vec3", count, -0.7, 0.7)
    d.param("mu", "float", 0.8, 1.2)
    has_j2, has_drag = "j2" in oblate, "drag" in oblate
    if has_j2:
        d.param("j2", "float", 0.01, 0.05)
        d.param("radius", "float", 0.8, 1.0)
    if has_drag:
        d.param("drag", "float", 0.01, 0.1)
    d.param("dt", "float", 0.005, 0.03)
    if frame == "spatial":
        d.output("s_new", "spatial_vector", count)
    else:
        d.output("x_new", "vec3", count)
        d.output("v_new", "vec3", count)
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
            a = -mu / (r2 * r) * x
            $j2
            $drag
            return a
        """,
        v="v: wp.vec3, " if has_drag else "",
        typed=typed,
        j2="""
        # the bulge of the equator pulls towards its plane, which turns the orbit's
        z2 = 5.0 * x[2] * x[2] / r2
        c = 1.5 * j2 * mu * radius * radius / (r2 * r2 * r)
        a += c * wp.vec3(x[0] * (z2 - 1.0), x[1] * (z2 - 1.0), x[2] * (z2 - 3.0))
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
        # time-reversible, so that the orbit does not spiral
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
    d.launch(count)
    n = d.pick(2, 3)
    spatial = frame == "spatial"
    d.code(
        """
        tid = wp.tid()
        $read
        $loop
        $store
        """,
        read="pos = wp.spatial_top(s[tid])\nvel = wp.spatial_bottom(s[tid])"
        if spatial
        else "pos = x[tid]\nvel = v[tid]",
        loop="$step" if many == "one" else f"for k in range({n}):\n    $step",
        step=steps[scheme],
        store="""
        s_new[tid] = wp.spatial_vector(pos[0], pos[1], pos[2], vel[0], vel[1], vel[2])
        """
        if spatial
        else "x_new[tid] = pos\nv_new[tid] = vel",
    )
    pulled = {
        "none": "a planet",
        "j2": "an oblate planet",
        "drag": "a planet with air",
        "j2 and drag": "an oblate planet with air",
    }
    label = {
        "symplectic": "symplectic Euler",
        "leapfrog": "leapfrog",
        "rk4": "Runge-Kutta",
        "midpoint": "midpoint",
    }
    how = f"one {label[scheme]} step" if many == "one" else f"{n} {label[scheme]} steps"
    d.says(f"Advances satellites around {pulled[oblate]} by {how}.")

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


def _exponential(m: Any) -> Any:
    """exp(m) of stacked matrices: Taylor's series of m / 1024, squared ten times."""
    term = made = np.eye(m.shape[-1]) + 0.0 * m
    for n in range(1, 8):
        term = term @ m / (1024.0 * n)
        made = made + term
    return np.linalg.matrix_power(made, 1024)


@DOMAIN.algorithm(
    source="Hochbruck & Ostermann 2010, sec. 2.1; Van Loan 1978",
    names={
        "exponential_step": "oscillator_step|exact_oscillator|exp_integrator|harmonic_step",
        "x": "q|pos|displacement",
        "v": "p|vel|velocity",
        "x_new": "q_new|x_out|pos_out",
        "v_new": "p_new|v_out|vel_out",
        "omega": "w0|freq|omega0",
        "zeta": "damping|damping_ratio|xi",
        "dt": "h|step|tau",
    },
    double=True,
)
def exponential_step(d: Draft) -> None:
    """Advances damped oscillators exactly over a step."""
    damping = d.option("damping", "none", "under", "critical", "over", "any")
    force = d.option("force", "none", "constant", "target")
    modes = d.option("modes", "flat", "table")
    own = d.flag("own damping", 0.4) and damping not in ("none", "critical")
    energy = d.flag("energy", 0.25)
    count = d.pick(64, 96, 128)
    shape: Any = (8, 12) if modes == "table" else count
    per = 12 if modes == "table" else count
    d.input("x", "float", shape, -1.0, 1.0)
    d.input("v", "float", shape, -2.0, 2.0)
    d.input("omega", "float", per, 1.0, 5.0)
    low, high = {"under": (0.05, 0.6), "over": (1.5, 3.0), "any": (0.2, 2.0)}.get(damping, (0.0, 0.0))
    if high:
        if own:
            d.input("zeta", "float", per, low, high)
        else:
            d.param("zeta", "float", low, high)
    if force == "constant":
        d.input("force", "float", shape, -1.0, 1.0)
    elif force == "target":
        d.param("rest", "float", -0.5, 0.5)
    d.param("dt", "float", 0.05, 0.4)
    d.output("x_new", "float", shape)
    d.output("v_new", "float", shape)
    if energy:
        d.output("energy", "float", shape)
    at, row = ("b, k", "k") if modes == "table" else ("tid", "tid")
    z = f"zeta[{row}]" if own else "zeta"
    under = f"""
    decay = {z} * w
    wd = w * wp.sqrt(1.0 - {z} * {z})
    e = wp.exp(-decay * dt)
    c = wp.cos(wd * dt)
    s = wp.sin(wd * dt) / wd
    y1 = e * (c * y0 + s * (v0 + decay * y0))
    v1 = e * (c * v0 - s * (w * w * y0 + decay * v0))
    """
    critical = """
    e = wp.exp(-w * dt)
    slope = v0 + w * y0
    y1 = e * (y0 + slope * dt)
    v1 = e * (v0 - w * slope * dt)
    """
    over = f"""
    # two real rates
    root = w * wp.sqrt({z} * {z} - 1.0)
    fast = -{z} * w - root
    slow = -{z} * w + root
    a = (v0 - fast * y0) / (slow - fast)
    b_ = y0 - a
    y1 = a * wp.exp(slow * dt) + b_ * wp.exp(fast * dt)
    v1 = a * slow * wp.exp(slow * dt) + b_ * fast * wp.exp(fast * dt)
    """.replace("b_", "rest_of_y")
    none = """
    c = wp.cos(w * dt)
    s = wp.sin(w * dt)
    y1 = c * y0 + s / w * v0
    v1 = c * v0 - w * s * y0
    """
    any_ = f"""
    y1 = float(0.0)
    v1 = float(0.0)
    if {z} < 1.0:
        $under
    else:
        $over
    """
    shift = {"none": "", "constant": f"force[{at}] / (w * w)", "target": "rest"}[force]
    d.launch(*((8, 12) if modes == "table" else (count,)))
    d.code(
        """
        $ids = wp.tid()
        w = omega[$row]
        v0 = v[$at]
        $shift
        $body
        x_new[$at] = $end
        v_new[$at] = v1
        $energy
        """,
        ids=at,
        row=row,
        at=at,
        shift=f"# the oscillation is around the point of balance\nbalance = {shift}\ny0 = x[{at}] - balance"
        if shift
        else f"y0 = x[{at}]",
        body={"none": none, "under": under, "critical": critical, "over": over, "any": any_}[damping],
        under=under,
        over=over,
        end="balance + y1" if shift else "y1",
        energy=f"energy[{at}] = 0.5 * (v1 * v1 + w * w * y1 * y1)" if energy else "",
    )
    kind = {
        "none": "undamped",
        "under": "underdamped",
        "critical": "critically damped",
        "over": "overdamped",
        "any": "damped",
    }[damping]
    d.says(f"Advances {kind} oscillators exactly over a step.")
    d.explain("""
        x'' + 2 zeta omega x' + omega^2 x = f is solved in closed form: no step is too long for it.
    """)

    def reference(v: Values) -> dict[str, Any]:
        w, x = np.broadcast_to(v.omega, v.x.shape), v.x
        zeta = {"none": 0.0, "critical": 1.0}.get(damping, v.get("zeta", 0.0))
        zeta = np.broadcast_to(zeta, v.x.shape)
        balance = {"none": 0.0, "constant": v.get("force", 0.0) / w**2, "target": v.get("rest", 0.0)}[force]
        system = np.zeros((*x.shape, 2, 2))
        system[..., 0, 1] = 1.0
        system[..., 1, 0], system[..., 1, 1] = -w * w, -2.0 * zeta * w
        state = np.stack([x - balance, v.v], -1)
        y = (_exponential(system * v.dt) @ state[..., None])[..., 0]
        made = {"x_new": balance + y[..., 0], "v_new": y[..., 1]}
        return made | {"energy": 0.5 * (y[..., 1] ** 2 + (w * y[..., 0]) ** 2)} if energy else made

    d.check(reference, 5e-4)
