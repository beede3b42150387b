"""Particles on grids: cells, buckets, MPM weights, stresses and transfers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from warpgen.synthesis.categories.particle import CATEGORY
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import I32, mat
from warpgen.synthesis.language.values import Value, call

_Node = tuple[list[Value], tuple[Value, ...], Value]  # offsets from the lowest node, the node, its weight


def _weights(k: Kit, fx: Value, kind: str) -> Value:
    """B-spline weights of the two or three nodes around a particle: a row per node, a column per axis."""
    mul, spelled = k.wp.cw_mul, k.draft.use_type(fx.type)
    n = fx.type.shape[0]

    def same(x: float) -> Value:
        return call(spelled, [k.lit(x)], fx.type, x, x, k.author)

    if kind == "linear":
        rows = [k.let("w0|wl", (same(1.0) - fx).within(0.0, 1.0)), fx]
    else:
        low, mid, high = (
            k.let("a|dl", same(1.5) - fx),
            k.let("b|dm", fx - same(1.0)),
            k.let("c|dr", fx - same(0.5)),
        )
        rows = [
            k.let("w0|wl", 0.5 * mul(low, low)),
            k.let("w1|wm", same(0.75) - mul(mid, mid)),
            k.let("w2|wr", 0.5 * mul(high, high)),
        ]
    stack = call("wp.matrix_from_rows", list(rows), mat(len(rows), n, k.real), 0.0, 1.0, k.author)
    return k.define("w|weights|wts", stack)


def _cell(k: Kit, axes: str, kind: str) -> tuple[list[Value], Value]:
    """The lowest node that a particle reaches, and where the particle is behind it in cells."""
    space = k.vec2 if len(axes) == 2 else k.vec3
    x = k.load("position|x|particle_x|pos", space, 1.0, 5.0)
    inv_dx = k.param("inv_dx|inv_h|inv_cell_size", k.real, 0.5, 1.0)
    xp = k.define("xp|grid_pos|gp", x * inv_dx)
    shift = 0.0 if kind == "linear" else 0.5
    cells = []
    for a in axes:
        along = getattr(xp, a) - shift if shift else getattr(xp, a)
        cells.append(k.define(f"base_{a}|b{a}|i{a}", k.cast(along.within(0.0, 5.0), I32)))
    floor = k.make(space, *(k.to_real(c) for c in cells))
    return cells, k.define("fx|frac|f", (xp - floor).within(0.0, 1.0 + shift))


@contextlib.contextmanager
def _nodes(
    k: Kit, cells: list[Value], weights: Value
) -> Iterator[tuple[list[Value], tuple[Value, ...], Value]]:
    """Loops over the nodes around a particle: offsets, node and weight."""
    axes, n = len(cells), weights.type.shape[0]
    with contextlib.ExitStack() as loops:
        offsets = [
            loops.enter_context(k.for_(names, n)) for names in ("di|ox|a", "dj|oy|b", "dk|oz|c")[:axes]
        ]
        weight = weights[offsets[0], 0]
        for axis, offset in enumerate(offsets[1:], 1):
            weight = weight * weights[offset, axis]
        node = tuple(c + o for c, o in zip(cells, offsets, strict=True))
        yield offsets, node, k.define("weight|wt|wijk", weight)


@CATEGORY.motif(rank=1, weight=1.5)
def particles_to_grid(k: Kit) -> None:
    """Scatter particle mass and momentum to the grid."""
    rng = k.rng
    kind = rng.choice(("linear", "quadratic", "quadratic"))
    axes = rng.choice(("xy", "xyz"))
    cells, fx = _cell(k, axes, kind)
    weights = _weights(k, fx, kind)
    mass = k.input("mass|p_mass|m", k.real, 0.5, 2.0)
    affine = rng.chance(0.5)
    if rng.chance(0.8) or affine:
        v = k.input("velocity|v|particle_v", fx.type, -2.0, 2.0)
        grid_v = k.output("grid_velocity|grid_v|grid_momentum|node_v", fx.type, len(axes))
    else:
        grid_v = None
    c = k.load("affine|aff|apic_c", k.mat22 if axes == "xy" else k.mat33, -1.0, 1.0) if affine else None
    grid_m = k.output("grid_mass|grid_m|node_mass|node_m", k.real, len(axes))
    with _nodes(k, cells, weights) as (offsets, node, weight):
        if grid_v is not None:
            momentum = v
            if c is not None:
                dpos = k.let("dpos|d|xi_xp", k.make(fx.type, *(k.to_real(o) for o in offsets)) - fx)
                momentum = v + c * dpos
            k.discard(k.atomic("add", grid_v, node, momentum * (weight * mass)))
        k.discard(k.atomic("add", grid_m, node, weight * mass))


@CATEGORY.motif(rank=1, weight=1.5)
def grid_to_particle(k: Kit) -> None:
    """Gather velocity from the grid nodes around a particle."""
    rng = k.rng
    kind = rng.choice(("linear", "quadratic", "quadratic"))
    axes = rng.choice(("xy", "xyz"))
    cells, fx = _cell(k, axes, kind)
    weights = _weights(k, fx, kind)
    grid_v = k.array("grid_velocity|grid_v|node_v", fx.type, len(axes), lo=-2.0, hi=2.0)
    square = k.mat22 if axes == "xy" else k.mat33
    pic = k.var("new_v|vel|v_pic", k.zero(fx.type), lo=-3.0, hi=3.0)
    style = rng.choice(("pic", "apic", "flip", "gradient"))
    aff = (
        k.var("new_c|new_affine|b", k.zero(square), lo=-20.0, hi=20.0)
        if style in ("apic", "gradient")
        else None
    )
    change = k.var("dv|delta_v|v_flip", k.zero(fx.type), lo=-6.0, hi=6.0) if style == "flip" else None
    before = k.array("grid_velocity_old|grid_v0|node_v0", fx.type, len(axes), lo=-2.0, hi=2.0)
    with _nodes(k, cells, weights) as (offsets, node, weight):
        g_v = k.let("g_v|vi|node_vel", grid_v[node])
        k.add(pic, g_v * weight)
        if aff is not None:
            dpos = k.let("dpos|d|xi_xp", k.make(fx.type, *(k.to_real(o) for o in offsets)) - fx)
            k.add(
                aff,
                k.wp.outer(g_v, dpos) * (weight * 4.0) if style == "apic" else k.wp.outer(g_v * weight, dpos),
            )
        if change is not None:
            k.add(change, (g_v - before[node]) * weight)
    v = k.load("velocity|v|particle_v", fx.type, -2.0, 2.0)
    if change is not None:
        blend = k.param("flip_ratio|alpha|blend", k.real, 0.5, 0.99)
        k.give("velocity|v_new|v1", (v + change) * blend + pic * (1.0 - blend))
    else:
        k.give("velocity|v_new|v1", pic)
    if style == "apic" and aff is not None:
        k.give("affine|C_new|c", aff)
    if style == "gradient" and aff is not None:
        dt = k.param("dt|time_step", k.real, 0.001, 0.01)
        f = k.load("deformation|F|def_grad", square, -1.0, 1.0)
        k.give("deformation|F_new|f_trial", f + aff * f * dt)


@CATEGORY.motif()
def material_stress(k: Kit) -> None:
    """Stress of a material point from its deformation."""
    rng = k.rng
    flat = rng.chance(0.5)
    square = k.mat22 if flat else k.mat33
    n = 2 if flat else 3
    shift = k.input("grad_u|strain|dF", square, -0.2, 0.2)
    eye = k.wp.diag(k.make(k.vec2 if flat else k.vec3, *[1.0] * n)).within(0.0, 1.0)
    if rng.chance(0.5):
        eye = call("wp.identity", [f"n={n}", f"dtype={k.real.short}"], square, 0.0, 1.0, k.author)
    f = k.define("F|f|def_grad", eye + shift)
    mu = k.param("mu|shear_modulus|G", k.real, 1.0, 20.0)
    lam = k.param("lam|lame_lambda|la", k.real, 1.0, 20.0)
    jac = k.define("J|j|det_f", k.wp.determinant(f).within(0.2, 3.0))
    if rng.chance(0.3):
        jp = k.input("jp|Jp|plastic", k.real, 0.6, 1.1)
        hard = k.let("h|hardening", k.wp.exp(10.0 * (1.0 - jp)).within(0.3, 55.0))
        mu, lam = k.let("mu_h|mu_p", mu * hard), k.let("lam_h|la_p", lam * hard)
    left = k.define("b|left_cauchy|FFt", f * k.wp.transpose(f))
    model = rng.choice(("neo", "fluid", "linear", "hencky"))
    if model == "neo":
        stress = mu * (left - eye) + eye * (lam * k.wp.log(jac))
    elif model == "fluid":
        gamma = k.param("gamma|exponent", k.real, 2.0, 4.0)
        pressure = k.let("p|pressure", lam * (k.wp.pow(jac, -gamma).within(0.01, 60.0) - 1.0))
        stress = -pressure * eye
    elif model == "linear":
        eps = k.let("eps|strain|e", 0.5 * (f + k.wp.transpose(f)) - eye)
        stress = eps * (2.0 * mu) + eye * (lam * k.wp.trace(eps))
    else:
        dev = k.define("dev|dev_b|s", left - eye * (k.wp.trace(left) / float(n)))
        stress = dev * (mu / k.wp.sqrt(jac)) + eye * (lam * 0.5 * (jac - 1.0 / jac))
    if rng.chance(0.5):
        vol = k.param("p_vol|volume|vol", k.real, 0.1, 1.0)
        k.give("stress|tau|kirchhoff", stress * (vol if rng.chance(0.6) else vol / jac))
    else:
        k.give("stress|sigma|kirchhoff", stress)


@CATEGORY.motif(rank=2)
def grid_update(k: Kit) -> None:
    """Turn grid momentum into velocity and hold the walls."""
    rng = k.rng
    m = k.load("grid_mass|grid_m|node_mass", k.real, 0.0, 2.0)
    p = k.load("grid_momentum|grid_v|node_momentum", k.vec2, -2.0, 2.0)
    g = k.param("gravity|g", k.vec2, -9.81, 9.81)
    dt = k.param("dt|time_step", k.real, 0.001, 0.01)
    v = k.var("v|vel|gv", k.zero(k.vec2), lo=-25.0, hi=25.0)
    bound = rng.choice((1, 2, 3))
    with k.if_(m > k.number(0.05, 0.2)):
        k.set(v, p / (m + 0.1) + g * dt)
    for axis in range(2):
        low, high = k.place[axis] < bound, k.place[axis] >= k.extent(axis) - bound
        sides = rng.choice(("both", "low", "clamp"))
        if sides == "clamp":
            with k.if_(k.any(low, high)):
                k.set(v[axis], 0.0)
            continue
        with k.if_(k.all(low, v[axis] < 0.0)):
            k.set(v[axis], 0.0)
        if sides == "both":
            with k.if_(k.all(high, v[axis] > 0.0)):
                k.set(v[axis], 0.0)
    k.give("grid_velocity|grid_v_out|velocity", v)


@CATEGORY.motif(rank=1)
def cell_id(k: Kit) -> None:
    """Cell of a uniform grid that a particle falls into."""
    rng = k.rng
    flat = rng.chance(0.3)
    space = k.vec2 if flat else k.vec3
    axes = "xy" if flat else "xyz"
    p = k.load("position|x|p|pos", space, 0.0, 4.0)
    width = k.param("cell_size|cell_width|h", k.real, 0.5, 1.0)
    cells = [k.let(f"c{a}|i{a}|cell_{a}", k.cast(k.wp.floor(getattr(p, a) / width), I32)) for a in axes]
    kind = rng.choice(("clamped", "wrapped", "hashed", "hashed"))
    n = rng.choice((4, 8))
    if kind == "hashed":
        size = rng.choice((64, 128, 256))
        primes = rng.choice(((73856093, 19349663, 83492791), (92837111, 689287499, 283923481)))
        mixed = cells[0] * primes[0]
        for cell, prime in zip(cells[1:], primes[1:], strict=False):
            mixed = mixed.within(-(2**31), 2**31 - 1) ^ (cell * prime).within(-(2**31), 2**31 - 1)
        masked = rng.chance(0.5)
        mixed = k.define("h|hashed|key", mixed.within(-(2**31), 2**31 - 1))
        key = (
            (mixed & (size - 1)).within(0, size - 1)
            if masked
            else (k.wp.abs(mixed) % size).within(0, size - 1)
        )
    else:
        size = n ** len(cells)
        if kind == "clamped":
            cells = [
                k.let(f"c{a}_in|g{a}", k.wp.clamp(c, 0, n - 1)) for a, c in zip(axes, cells, strict=True)
            ]
        else:
            cells = [k.let(f"c{a}_in|g{a}", c % n) for a, c in zip(axes, cells, strict=True)]
        key = cells[0]
        for cell in cells[1:]:
            key = key * n + cell
    key = k.let("cell|cell_id|key|bucket", key)
    use = rng.choice(("give", "count", "slot"))
    if use == "give":
        k.give("cell|cell_id|key", key)
        return
    counts = k.output("cell_counts|counts|cell_count", I32)
    if use == "count":
        k.discard(k.atomic("add", counts, key, 1))
        k.give("cell|cell_id|key", key)
        return
    slot = k.define("slot|offset|rank", k.atomic("add", counts, key, 1).within(0, 1024))
    room = rng.choice((4, 8))
    table = k.output("cell_particles|table|buckets", I32, 2)
    table.spec.need[0] = max(table.spec.need[0], size)
    with k.if_(slot < room):
        k.store(table, (key, slot.within(0, room - 1)), k.flat)
