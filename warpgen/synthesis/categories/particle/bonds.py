"""Particles: springs, bending, contact, friction, neighbours, constraint projection."""

from __future__ import annotations

from warpgen.synthesis.categories.particle import CATEGORY
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import I32, Type
from warpgen.synthesis.language.values import Value

_POSITIONS = "positions|x|pos|particle_q|points"
_VELOCITIES = "velocities|v|vel|particle_qd"


def space_of(k: Kit) -> Type:
    """Particles live in space more often than in the plane."""
    return k.vec3 if k.rng.chance(0.8) else k.vec2


def _ends(k: Kit, names: str, locals_: tuple[str, ...], count: int = 96) -> list[Value]:
    """The particles that this thread's spring, hinge or constraint joins, from a flat or a 2-D list."""
    n = len(locals_)
    if k.rng.chance(0.6):
        ids = k.index_array(names, count)
        return [k.define(name, ids[k.flat * n + a]) for a, name in enumerate(locals_)]
    ids = k.index_array(names, count, 2)
    return [k.define(name, ids[k.flat, a]) for a, name in enumerate(locals_)]


@CATEGORY.motif(rank=1)
def spring_force(k: Kit) -> None:
    """Damped spring between two particles."""
    rng, space = k.rng, space_of(k)
    x = k.array(_POSITIONS, space, lo=-2.0, hi=2.0)
    i, j = _ends(k, "spring_indices|edges|springs", ("i|a|p0", "j|b|p1"))
    ke = k.input("ke|stiffness|k_s|spring_ke", k.real, 0.5, 100.0)
    rest = k.load("rest|rest_length|l0", k.real, 0.1, 1.0)
    xij = k.define("xij|dx|delta|d", x[i] - x[j])
    length = k.define("l|length|dist", k.wp.length(xij))
    direction = k.define("dir|n|direction", (xij / length).within(-1.0, 1.0))
    stretch = k.define("c|stretch|extension", length - rest if rng.chance(0.7) else (length - rest) / rest)
    if rng.chance(0.25):
        k.note("springs do not push")
        stretch = k.let("stretch|tension", k.wp.max(stretch, 0.0))
    magnitude = ke * stretch
    if rng.chance(0.2):
        magnitude = magnitude + ke * k.number(0.1, 0.5) * stretch * stretch * stretch
    if rng.chance(0.7):
        v = k.array(_VELOCITIES, space, lo=-1.0, hi=1.0)
        kd = k.param("kd|damping|spring_kd", k.real, 0.01, 1.0)
        vij = k.let("vij|dv|rel_vel", v[i] - v[j])
        magnitude = magnitude + kd * k.let("dcdt|rate|speed", k.wp.dot(direction, vij))
    force = k.let("fs|force|f", direction * magnitude)
    if rng.chance(0.35):
        forces = k.output("forces|f|particle_f", space)
        k.discard(k.atomic("sub", forces, i, force))
        k.discard(k.atomic("add", forces, j, force))
    else:
        k.give("fs|force|f", force)


@CATEGORY.motif()
def drag(k: Kit) -> None:
    """Air drag on a moving particle."""
    rng = k.rng
    v = k.input("velocity|v|vel", space_of(k), -10.0, 10.0)
    c = k.param("drag|drag_coeff|cd", k.real, 0.01, 1.0)
    model = rng.choice(("linear", "quadratic", "both", "wind", "lift"))
    if model == "wind":
        wind = k.param("wind|wind_velocity|air_velocity", v.type, -5.0, 5.0)
        v = k.let("v_rel|relative|rel_vel", v - wind)
    speed = k.let("speed|v_norm|vel_mag", k.wp.length(v))
    if model == "linear":
        force = -c * v
    elif model == "both":
        c2 = k.param("quadratic_drag|drag_quad|c2", k.real, 0.001, 0.1)
        force = -v * (c + c2 * speed)
    elif model == "lift" and v.type.shape == (3,):
        n = k.input("normal|n|face_normal", v.type, unit=True)
        lift = k.param("lift|lift_coeff|cl", k.real, 0.01, 0.5)
        facing = k.let("vdotn|cos_theta", k.wp.dot(v, n))
        force = -v * (c * speed) - n * (lift * facing)
    else:
        radius = k.input("radius|r", k.real, 0.05, 0.5)
        area = k.let("area|cross_section", 3.14159 * radius * radius)
        force = -v * (0.5 * c * area * speed)
    k.give("drag_force|force|f", force)


@CATEGORY.motif()
def symplectic_step(k: Kit) -> None:
    """Semi-implicit Euler step."""
    rng, space = k.rng, space_of(k)
    x = k.input("position|x|x0|pos", space, -10.0, 10.0)
    v = k.input("velocity|v|v0|vel", space, -10.0, 10.0)
    f = k.input("force|f|f0", space, -100.0, 100.0)
    inv_mass = k.input("inv_mass|w|inv_m", k.real, 0.1, 2.0)
    dt = k.param("dt|time_step|delta_t", k.real, 0.001, 0.05)
    g = k.param("gravity|g", space, -9.81, 9.81)
    if rng.chance(0.3):
        k.note("particles without mass do not move")
        gravity = k.let("accel|a", f * inv_mass + g * k.wp.step(0.0 - inv_mass))
    else:
        gravity = f * inv_mass + g
    v1 = k.let("v1|new_vel|v_new", v + gravity * dt)
    if rng.chance(0.35):
        limit = k.param("v_max|max_velocity|speed_limit", k.real, 5.0, 20.0)
        magnitude = k.let("v1_mag|v_mag|speed", k.wp.length(v1))
        capped = k.var("v1_capped|v_clamped", v1, lo=v1.lo, hi=v1.hi)
        with k.if_(magnitude > limit):
            k.change(capped, "*", (limit / (magnitude + 1e-3)).within(0.0, 1.0))
        v1 = capped
    k.give("velocity|v1", v1)
    k.give("position|x1|x_new", x + v1 * dt)


@CATEGORY.motif()
def smoothing_kernel(k: Kit) -> None:
    """Smoothing kernel of the distance to a neighbor."""
    h = k.param("h|smoothing_length|support_radius", k.real, 0.2, 1.0)
    r = k.input("r|distance|dist", k.real, 0.0, 2.0)
    kind = k.rng.choice(("poly6", "spiky", "spline", "wendland", "gaussian"))
    w = k.var("w|weight|result", 0.0, k.real, lo=0.0, hi=4.0)
    if kind == "gaussian":
        q = k.define("q|s", r / h)
        k.set(w, k.wp.exp(-q * q))
    elif kind == "spline":
        q = k.define("q|s", 2.0 * r / h)
        k.note("cubic spline")
        with k.if_(q < 1.0):
            k.set(w, 1.0 - 1.5 * q * q + 0.75 * q * q * q)
        with k.elif_(q < 2.0):
            rest = k.define("u|t", 2.0 - q)
            k.set(w, 0.25 * rest * rest * rest)
    else:
        with k.if_(r < h):
            if kind == "poly6":
                q = k.define("q|diff", h * h - r * r)
                k.set(w, q * q * q)
            elif kind == "spiky":
                q = k.define("q|diff", h - r)
                k.set(w, q * q * q)
            else:
                q = k.define("q|s", r / h)
                t = k.define("t|one_minus_q", 1.0 - 0.5 * q)
                k.set(w, t * t * t * t * (2.0 * q + 1.0))
    k.give("w|weight|kernel_value", w)


@CATEGORY.motif(rank=1)
def neighbour_sum(k: Kit) -> None:
    """Sum over a list of neighbors."""
    m = k.rng.choice((4, 6, 8))
    masses = k.array("masses|m|weights", k.real, lo=0.1, hi=2.0)
    neighbours = k.index_array("neighbors|neighbor_ids|adjacency", 64)
    total = k.var("total|density|rho|acc", 0.0, k.real, lo=0.0, hi=2.0 * m)
    count = k.size("num_neighbors|max_neighbors", m) if k.rng.chance(0.3) else m
    with k.for_("j|n|s", count) as j:
        other = k.define("nb|neighbor|other", neighbours[k.flat * m + j])
        if k.rng.chance(0.4):
            k.continue_if(other.eq(k.cast(k.flat, I32)))
        k.add(total, masses[other])
    k.give("density|rho|total_mass", total)


@CATEGORY.motif(rank=1, weight=1.5)
def sph_sum(k: Kit) -> None:
    """Accumulate over the neighbors of a fluid particle."""
    rng, space = k.rng, space_of(k)
    m = rng.choice((4, 6, 8, 12))
    x = k.array(_POSITIONS, space, lo=-1.0, hi=1.0)
    ids = k.index_array("neighbors|neighbor_list|nbrs", 64, 2)
    h = k.param("h|smoothing_length|kernel_radius", k.real, 0.5, 1.0)
    xi = k.let("xi|x_i|pi", x[k.flat])
    what = rng.choice(("density", "pressure", "viscosity", "xsph", "surface"))
    scalar = what == "density"
    acc = k.var(
        "rho|density|sum" if scalar else "f|force|acc" if what != "xsph" else "dv|correction",
        0.0 if scalar else k.zero(space),
        k.real,
        lo=0.0 if scalar else -500.0,
        hi=500.0,
    )
    v = k.array(_VELOCITIES, space, lo=-1.0, hi=1.0) if what in ("viscosity", "xsph") else None
    rho = k.array("densities|rho|density", k.real, lo=0.5, hi=2.0)
    p = k.array("pressures|p|pressure", k.real, lo=0.0, hi=5.0)
    mass = k.param("mass|particle_mass|m", k.real, 0.1, 1.0)
    with k.for_("j|n|s", k.size("num_neighbors|neighbor_count", m) if rng.chance(0.25) else m) as slot:
        j = k.define("nj|index|other|nb", ids[k.flat, slot])
        d = k.define("d|xij|dx|r_ij", xi - x[j])
        r = k.define("r|dist|r_len", k.wp.length(d))
        with k.if_(r < h if rng.chance(0.6) else k.all(r > 0.0, r < h)):
            q = k.define("q|w|t", (1.0 - r / h).within(0.0, 1.0))
            if what == "density":
                k.add(acc, mass * (q * q * q if rng.chance(0.6) else q * q))
            elif what == "pressure":
                mean = (p[k.flat] + p[j]) / (2.0 * rho[j])
                k.add(acc, (d / (r + 1e-2)).within(-1.0, 1.0) * (mass * mean * q * q))
            elif what == "surface":
                k.change(acc, "-", d * (mass * q))
            elif v is not None:
                k.add(acc, (v[j] - v[k.flat]) * (mass / rho[j] * q))
    if what == "viscosity":
        acc = acc * k.param("mu|viscosity|nu", k.real, 0.01, 1.0)
    k.give("rho|density" if scalar else "force|f|accel" if what != "xsph" else "velocity|v_smooth", acc)


@CATEGORY.motif()
def equation_of_state(k: Kit) -> None:
    """Pressure from density."""
    rho = k.input("rho|density", k.real, 0.5, 2.0)
    rho0 = k.param("rho0|rest_density|density0", k.real, 0.5, 2.0)
    stiffness = k.param("k_p|stiffness|gas_constant|bulk_modulus", k.real, 1.0, 50.0)
    kind = k.rng.choice(("linear", "tait", "tait4", "clamped", "gas"))
    ratio = k.let("ratio|compression|s", rho / rho0) if kind.startswith("tait") else rho
    if kind == "linear":
        pressure = stiffness * (rho - rho0)
    elif kind == "clamped":
        k.note("no negative pressure")
        pressure = stiffness * k.wp.max(rho - rho0, 0.0)
    elif kind == "gas":
        pressure = stiffness * rho * k.input("temperature|temp|t", k.real, 0.5, 2.0)
    elif kind == "tait4":
        squared = k.let("r2|ratio2", ratio * ratio)
        pressure = stiffness * (squared * squared - 1.0)
    else:
        gamma = k.param("gamma|exponent", k.real, 1.2, 4.0)
        pressure = stiffness / gamma * (k.wp.pow(ratio, gamma) - 1.0)
    k.give("pressure|p", pressure)


@CATEGORY.motif(rank=1, weight=1.5)
def distance_constraint(k: Kit) -> None:
    """Project a distance constraint onto two particles."""
    rng, space = k.rng, space_of(k)
    x = k.array("x_pred|x|particle_q|positions", space, lo=-2.0, hi=2.0)
    w = k.array("inv_masses|inv_mass|particle_inv_mass|w", k.real, lo=0.1, hi=2.0)
    i, j = _ends(k, "constraints|edges|pairs", ("i|a|id0", "j|b|id1"))
    rest = k.load("rest_length|rest|d0", k.real, 0.1, 1.0)
    wi, wj = k.define("wi|w0|w1", w[i]), k.define("wj|w1|w2", w[j])
    delta = k.define("delta|d|dx", x[i] - x[j])
    dist = k.let("dist|length|l", k.wp.length(delta))
    c = k.define("c|error|violation", dist - rest)
    n = k.define("n|grad|dir", (delta / dist).within(-1.0, 1.0))
    denominator: Value = wi + wj
    style = rng.choice(("pbd", "xpbd", "damped"))
    if style == "xpbd":
        compliance = k.param("compliance|alpha", k.real, 0.001, 0.1)
        dt = k.param("dt|time_step", k.real, 0.005, 0.05)
        alpha = k.let("alpha_tilde|alpha", (compliance / (dt * dt)).within(0.01, 100.0))
        lam = k.input("lam|lagrange|multiplier", k.real, -1.0, 1.0)
        dlam = k.let("dlam|dlambda|d_lambda", (-c - alpha * lam) / (denominator + alpha))
    else:
        s = k.param("relaxation|stiffness|omega", k.real, 0.1, 1.0)
        dlam = k.let("lam|scale|s", -c / denominator * s)
    if rng.chance(0.3):
        k.note("only resist stretching")
        dlam = k.let("dlam_t|correction", k.wp.min(dlam, 0.0))
    corr = k.define("corr|dp|correction", n * dlam)
    if rng.chance(0.6):
        deltas = k.output("deltas|delta_x|corrections", space)
        k.discard(k.atomic("add", deltas, i, corr * wi))
        k.discard(k.atomic("add" if rng.chance(0.4) else "sub", deltas, j, corr * wj))
        if style == "xpbd":
            k.give("lam|lambda_new|multiplier", lam + dlam)
    else:
        k.give("corr|delta_i|dx0", corr * wi)
        k.give("delta_j|dx1", -corr * wj)


@CATEGORY.motif(rank=1)
def bending(k: Kit) -> None:
    """Bending of the hinge between two triangles."""
    rng = k.rng
    x = k.array(_POSITIONS, k.vec3, lo=-2.0, hi=2.0)
    i, j, a, b = _ends(k, "bend_indices|hinges|edge_indices", ("i|o0", "j|o1", "a|e0|l", "b|e1|m"))
    p = [k.let(n, x[e]) for n, e in (("x1|p0", i), ("x2|p1", j), ("x3|p2", a), ("x4|p3", b))]
    edge = k.let("e|edge|axis", p[3] - p[2])
    n1 = k.let("n1|normal0", k.wp.cross(p[2] - p[0], p[3] - p[0]))
    n2 = k.let("n2|normal1", k.wp.cross(p[3] - p[1], p[2] - p[1]))
    rest = k.load("rest_angle|theta0|rest", k.real, -1.0, 1.0)
    ke = k.param("ke|bend_stiffness|edge_ke", k.real, 0.1, 10.0)
    n1_hat = k.let("n1_hat|na", k.wp.normalize(n1))
    n2_hat = k.let("n2_hat|nb", k.wp.normalize(n2))
    cosine = k.let("cos_theta|d|c", k.wp.dot(n1_hat, n2_hat))
    how = rng.choice(("acos", "atan2", "cosine"))
    if how == "cosine":
        k.give("bend_energy|energy|e_bend", 0.5 * ke * (cosine - k.wp.cos(rest)) * (cosine - k.wp.cos(rest)))
        return
    if how == "acos":
        sign = k.let("sign|s", k.wp.sign(k.wp.dot(k.wp.cross(n1_hat, n2_hat), edge)))
        theta = k.let("angle|theta|phi", k.wp.acos(cosine) * sign)
    else:
        sine = k.let(
            "sin_theta|s", k.wp.dot(k.wp.cross(n1_hat, n2_hat), k.wp.normalize(edge)).within(-1.0, 1.0)
        )
        theta = k.let("angle|theta|phi", k.wp.atan2(sine, cosine))
    error = k.let("error|dtheta|c", theta - rest)
    length = k.let("e_length|edge_length|l", k.wp.length(edge))
    if rng.chance(0.4):
        k.give("bend_energy|energy", 0.5 * ke * error * error * length)
        return
    forces = k.output("forces|f|particle_f", k.vec3)
    f = k.let("f_mag|magnitude|f_total", -ke * error * k.wp.min(length, 1.0))
    k.discard(k.atomic("add", forces, i, n1_hat * f))
    k.discard(k.atomic("add", forces, j, n2_hat * f))
    half = k.let("f_edge|f_hinge|half", (n1_hat + n2_hat) * (0.5 * f))
    for end in (a, b):
        k.discard(k.atomic("sub", forces, end, half))


@CATEGORY.motif(rank=1)
def lennard_jones(k: Kit) -> None:
    """Pairwise force of a short-range potential."""
    rng = k.rng
    n = rng.choice((8, 10, 12, 16))
    x = k.array(_POSITIONS, k.vec3, lo=-3.0, hi=3.0)
    sigma = k.param("sigma|diameter", k.real, 0.5, 1.0)
    eps = k.param("epsilon|well_depth|eps", k.real, 0.1, 2.0)
    cutoff = k.param("cutoff|r_cut|rc", k.real, 2.0, 3.0)
    xi = k.let("xi|p|pi", x[k.flat])
    force = k.var("force|f|fi", k.zero(k.vec3), lo=-2000.0, hi=2000.0)
    count = k.size("num_particles|count", n) if rng.chance(0.25) else n
    with k.for_("j|other", count) as j, k.if_(j.ne(k.flat)):
        d = k.define("d|rij|delta", xi - x[j])
        r2 = k.let("r2|dist_sq|d2", k.wp.dot(d, d) + k.lit(0.5))
        with k.if_(r2 < cutoff * cutoff):
            kind = rng.choice(("lj", "yukawa", "gravity", "morse"))
            if kind == "lj":
                s2 = k.define("s2|inv2", (sigma * sigma / r2).within(0.0, 2.0))
                s6 = k.define("s6|inv6", s2 * s2 * s2)
                k.add(force, d * (24.0 * eps * (2.0 * s6 * s6 - s6) / r2).within(-150.0, 150.0))
            elif kind == "morse":
                r = k.let("r|dist", k.wp.sqrt(r2))
                e = k.let("e|decay", k.wp.exp(sigma - r))
                k.add(force, d * (2.0 * eps * e * (e - 1.0) / r))
            else:
                r = k.let("r|dist", k.wp.sqrt(r2))
                term = eps * k.wp.exp(-r / sigma) / r2 if kind == "yukawa" else -eps / (r2 * r)
                k.add(force, d * term)
    k.give("force|f|fi", force)
