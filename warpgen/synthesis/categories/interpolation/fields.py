"""Interpolation in tables, grids, triangles and scattered data."""

from __future__ import annotations

from collections.abc import Callable

from warpgen.synthesis.categories.interpolation import CATEGORY
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import I32, Type, mat, vec
from warpgen.synthesis.language.values import Value


@CATEGORY.motif()
def table_lookup(k: Kit) -> None:
    """Look a value up in a regular table."""
    n = k.rng.choice((8, 16, 32))
    t = k.rng.choice((k.real, k.real, k.vec3))
    table = k.array("table|lut|samples|profile", t, lo=-1.0, hi=1.0)
    x = k.input("x|coord|s|key", k.real, 0.0, 1.0)
    kind = k.rng.choice(("linear", "linear", "nearest", "smooth", "wrapped", "log", "slope"))
    if kind == "log":
        x = k.define("lx|log_x", k.wp.log(1.0 + 9.0 * x) * 0.434294).within(0.0, 1.0)
    u = k.define("u|pos|fx", x * float(n - 1)).within(0.0, float(n - 1))
    if kind == "nearest":
        k.give("value|looked_up", table[k.wp.min(k.cast(u + 0.5, I32), n - 1).within(0, n - 1)])
        return
    i0 = k.define("i0|j|base", k.wp.min(k.cast(u, I32), n - 2).within(0, n - 2))
    f = k.define("f|frac|w", u - k.to_real(i0)).within(0.0, 1.0)
    nxt = ((i0 + 1) % n).within(0, n - 1) if kind == "wrapped" else (i0 + 1).within(1, n - 1)
    a, b = k.let("a|v0|left", table[i0]), k.let("b|v1|right", table[nxt])
    if kind == "slope":
        k.give("slope|derivative", (b - a) * float(n - 1))
        return
    if kind == "smooth":
        f = k.define("sf|eased|g", f * f * (3.0 - 2.0 * f)).within(0.0, 1.0)
    k.give("value|looked_up|interp", k.wp.lerp(a, b, f) if k.rng.chance(0.5) else a * (1.0 - f) + b * f)


@CATEGORY.motif(rank=1)
def grid_sample(k: Kit) -> None:
    """Multilinear sample of a grid at a point."""
    dims, side = k.rng.choice((2, 3, 3)), k.rng.choice((4, 5, 6))
    t = k.rng.choice((k.real, k.real, k.vec3 if dims == 3 else k.vec2))
    grid = k.array("grid_values|field_grid|u_grid|lattice", t, dims, lo=-1.0, hi=1.0)
    p = k.load("p|x|query|sample_pos", vec(dims, k.real), 0.0, side - 1.01)
    scaled = k.rng.chance(0.3)
    if scaled:
        inv = k.param("inv_dx|inv_h|inv_cell", k.real, 0.3, 0.99)
        p = k.define("gp|local|coord", p * inv).within(0.0, side - 1.01)
    base, frac = [], []
    for axis, name in enumerate("xyz"[:dims]):
        b = k.define(
            f"{'ijk'[axis]}0|{name}0|b{name}",
            k.cast(k.wp.floor(p[axis]) if k.rng.chance(0.5) else p[axis], I32).within(0, side - 2),
        )
        base.append(b)
        frac.append(k.define(f"f{name}|t{name}|w{name}", p[axis] - k.to_real(b)).within(0.0, 1.0))
    kind = (
        k.rng.choice(("lerp", "loop", "expanded", "gradient"))
        if dims == 3
        else k.rng.choice(("lerp", "loop", "smooth", "gradient"))
    )
    if kind == "smooth":
        frac = [
            k.define(f"s{name}|e{name}", f * f * (3.0 - 2.0 * f)).within(0.0, 1.0)
            for c, f in zip("xy", frac, strict=True)
        ]

    def at(*d: int | Value) -> Value:
        return grid[
            tuple(
                b if isinstance(s, int) and s == 0 else (b + s).within(0, side - 1)
                for b, s in zip(base, d, strict=True)
            )
        ]

    if kind == "loop":
        _over_corners(k, at, frac, t)
        return
    if dims == 2:
        _bilinear(k, at, frac, sloped=kind == "gradient" and not t.shape)
        return
    edges = {
        (b, c): k.define(f"c{b}{name}|e{b}{name}", k.wp.lerp(at(0, b, c), at(1, b, c), frac[0]))
        for b in (0, 1)
        for c in (0, 1)
    }
    c0, c1 = (
        k.let("c0|front", k.wp.lerp(edges[0, 0], edges[1, 0], frac[1])),
        k.let("c1|back", k.wp.lerp(edges[0, 1], edges[1, 1], frac[1])),
    )
    if kind == "gradient":
        k.give("dz|slope_z", c1 - c0)
    k.give("value|interp|sampled", k.wp.lerp(c0, c1, frac[2]))


def _over_corners(k: Kit, at: Callable[..., Value], frac: list[Value], t: Type) -> None:
    """The sum over a cell's corners, each with its weight, in loops."""
    acc = k.var("acc|value|sum", 0.0 if not t.shape else k.zero(t), t, lo=-8.0, hi=8.0)

    def weight(s: Value, f: Value) -> Value:
        side_f = k.to_real(s)
        return (
            side_f * f + (1.0 - side_f) * (1.0 - f) if k.rng.chance(0.3) else k.wp.where(s.eq(0), 1.0 - f, f)
        )

    with k.for_("a|di", 2) as a, k.for_("b|dj", 2) as b:
        if len(frac) == 3:
            with k.for_("c|dk", 2) as c:
                w = k.define("w|weight", weight(a, frac[0]) * weight(b, frac[1]) * weight(c, frac[2]))
                k.add(acc, w * at(a, b, c))
        else:
            w = k.define("w|weight", weight(a, frac[0]) * weight(b, frac[1]))
            k.add(acc, w * at(a, b))
    k.give("value|interp|sampled", acc)


def _bilinear(k: Kit, at: Callable[..., Value], frac: list[Value], sloped: bool) -> None:
    """The value between four corners, or how it changes there."""
    v00, v10, v01, v11 = (
        k.let("v00|a", at(0, 0)),
        k.let("v10|b", at(1, 0)),
        k.let("v01|c", at(0, 1)),
        k.let("v11|d", at(1, 1)),
    )
    if sloped:
        gx = k.wp.lerp(v10 - v00, v11 - v01, frac[1])
        gy = k.wp.lerp(v01 - v00, v11 - v10, frac[0])
        k.give("gradient|grad", k.make(k.vec2, gx, gy))
        return
    low, high = (
        k.let("low|bottom", k.wp.lerp(v00, v10, frac[0])),
        k.let("high|top", k.wp.lerp(v01, v11, frac[0])),
    )
    k.give("value|interp|sampled", k.wp.lerp(low, high, frac[1]))


@CATEGORY.motif(rank=1)
def barycentric(k: Kit) -> None:
    """Interpolate over a triangle or tetrahedron."""
    size = k.rng.choice((24, 32, 48))
    kind = k.rng.choice(("given", "given", "compute2", "edge", "quadratic", "tet"))
    if kind == "compute2":
        a, b, c = (k.load(n, k.vec2, -1.0, 1.0) for n in ("a|p0|va", "b|p1|vb", "c|p2|vc"))
        p = k.load("p|x|query", k.vec2, -1.0, 1.0)
        e0, e1, e2 = k.define("e0|v0|ab", b - a), k.define("e1|v1|ac", c - a), k.define("e2|v2|ap", p - a)
        area = k.define("den|area2|det", e0[0] * e1[1] - e0[1] * e1[0])
        area = k.define("safe|denom|d", k.wp.where(k.wp.abs(area) < 0.1, k.lit(0.1), area))
        inv = k.define("inv|inv_den|inv_d", 1.0 / area.within(0.1, 8.0)).within(-10.0, 10.0)
        beta = k.define("v|w1|beta", (e2[0] * e1[1] - e2[1] * e1[0]) * inv)
        gamma = k.define("w|w2|gamma", (e0[0] * e2[1] - e0[1] * e2[0]) * inv)
        k.give("bary|weights|coords", k.make(k.vec3, 1.0 - beta - gamma, beta, gamma))
        if k.rng.chance(0.4):
            inside = k.all(beta >= 0.0, gamma >= 0.0, beta + gamma <= 1.0)
            k.give("inside|hit", k.wp.where(inside, k.lit(1), k.lit(0)))
        return
    t = k.rng.choice((k.real, k.vec3, k.vec2))
    data = k.array("nodal_values|vertex_data|u_nodes|colors", t, lo=-1.0, hi=1.0)
    n = 4 if kind == "tet" else 3
    elements = k.index_array("elements|triangles|tets|faces", size, 2)
    i = k.flat
    v = [k.define(f"{'abcd'[q]}|v{q}|n{q}", data[elements[i, q]]) for q in range(n)]
    if kind == "edge":
        s = k.input("s|t|lam", k.real, 0.0, 1.0)
        k.give("on_edge|value", k.wp.lerp(v[0], v[1], s))
        return
    coords = [
        k.input(("u|xi|l1", "v|eta|l2", "w|zeta|l3")[q], k.real, 0.0, 0.5 if n == 3 else 0.33)
        for q in range(n - 1)
    ]
    rest = k.define(
        "l0|rest|lam0", 1.0 - coords[0] - coords[1] - coords[2] if n == 4 else 1.0 - coords[0] - coords[1]
    )
    if kind == "quadratic":
        w = [k.define(f"n{q}|phi{q}", c * (2.0 * c - 1.0)) for q, c in enumerate((rest, *coords))]
        bubble = k.load("bubble|mid_value|edge_dof", t, -0.5, 0.5)
        k.give("value|interp", v[0] * w[0] + v[1] * w[1] + v[2] * w[2] + bubble * (4.0 * rest * coords[0]))
        return
    total = v[0] * rest
    for q, c in enumerate(coords, 1):
        total = total + v[q] * c
    k.give("value|interp|u_h", total)


@CATEGORY.motif(rank=1)
def radial_basis(k: Kit) -> None:
    """Interpolate scattered data with radial weights."""
    m = k.rng.choice((6, 8, 12, 16))
    t = k.rng.choice((k.vec2, k.vec3, k.vec3, k.real))
    centres = k.array("centers|sites|rbf_centers|support_pts", t, lo=-1.0, hi=1.0)
    coeffs = k.array("coeffs|rbf_weights|f_sites|site_values", k.real, lo=-1.0, hi=1.0)
    x = k.input("x|query|p|eval_pt", t, -1.0, 1.0)
    kind = k.rng.choice(("gauss", "multiquadric", "inverse", "shepard", "wendland", "thin_plate", "mls"))
    eps = k.param("eps|shape|inv_radius|sharpness", k.real, 0.5, 3.0)
    total = k.var("total|value|acc", 0.0, k.real, lo=-300.0, hi=300.0)
    norm = k.var("norm|w_sum|denom", 0.0, k.real, lo=0.0, hi=999.0)
    count: int | Value = k.size("num_centers|num_sites|n_sites", m) if k.rng.chance(0.25) else m
    with k.for_("j|s|c", count) as j:
        d = k.define("d|diff|r_vec", x - centres[j])
        r2 = k.define("r2|dist2|d2", k.wp.dot(d, d) if t.shape else d * d)
        if kind == "gauss" or kind == "mls":
            phi = k.wp.exp(-eps * r2)
        elif kind == "multiquadric":
            phi = k.wp.sqrt(1.0 + eps * r2)
        elif kind == "inverse":
            phi = 1.0 / (1.0 + eps * r2)
        elif kind == "shepard":
            phi = 1.0 / (r2 + 0.05)
        elif kind == "wendland":
            q = k.define("q|s1|om", k.wp.max(1.0 - k.wp.sqrt(r2 + 1e-3) * eps * 0.5, 0.0))
            phi = q * q * q * q * (4.0 * (1.0 - q) + 1.0)
        else:
            phi = 0.5 * r2 * k.wp.log(r2 + 1e-3)
        phi = k.define("phi|w|basis", phi)
        k.add(total, phi * coeffs[j])
        if kind in ("shepard", "mls"):
            k.add(norm, phi)
    k.give("value|interp|f_x", total / (norm + 0.01) if kind in ("shepard", "mls") else total)


@CATEGORY.motif()
def easing(k: Kit) -> None:
    """Blend two values by an easing curve."""
    t = k.input("t|u|progress|phase", k.real, 0.0, 1.0)
    value = k.rng.choice((k.real, k.vec3, k.vec2, k.vec4))
    a, b = (
        k.load("a|start|key0|from_value", value, -2.0, 2.0),
        k.load("b|stop|key1|to_value", value, -2.0, 2.0),
    )
    kind = k.rng.choice(
        ("smooth", "smoother", "builtin", "sine", "expo", "back", "bounce", "power", "bias", "step")
    )
    if kind == "smooth":
        w = t * t * (3.0 - 2.0 * t)
    elif kind == "smoother":
        w = t * t * t * (t * (6.0 * t - 15.0) + 10.0)
    elif kind == "builtin":
        w = k.wp.smoothstep(k.lit(k.number(0.0, 0.3)), k.lit(k.number(0.6, 1.0)), t)
    elif kind == "sine":
        w = 0.5 - 0.5 * k.wp.cos(3.14159 * t)
    elif kind == "expo":
        rate = k.param("rate|sharpness|k_exp", k.real, 1.0, 5.0)
        w = 1.0 - k.wp.exp(-rate * t)
    elif kind == "back":
        s = k.param("overshoot|s|swing", k.real, 0.5, 2.0)
        w = t * t * ((s + 1.0) * t - s)
    elif kind == "power":
        p = k.param("power|gamma|exponent", k.real, 0.5, 3.0)
        w = k.wp.pow(t + 0.01, p)
    elif kind == "bias":
        c = k.param("bias|gain|mid", k.real, 0.2, 0.8)
        w = t / ((1.0 / c - 2.0) * (1.0 - t) + 1.0).within(0.25, 5.0)
    elif kind == "step":
        n = float(k.rng.choice((2, 4, 8)))
        w = k.wp.floor(t * n) / n
    else:
        w = k.var("w|e|bounce", t * t, lo=0.0, hi=1.5)
        with k.if_(t > 0.5):
            q = k.define("q|r|back_t", 1.0 - t)
            k.set(w, 1.0 - 2.0 * q * q)
    w = k.let("w|e|blend", w)
    k.give("blended|eased|value", k.wp.lerp(a, b, w) if k.rng.chance(0.5) else a + (b - a) * w)


@CATEGORY.motif(rank=2)
def surface_patch(k: Kit) -> None:
    """Point of a bilinear, Coons or Bezier patch."""
    i, j = k.place
    rows, cols = k.draft.shape
    u = k.define("u|s", k.to_real(i) / float(rows - 1)).within(0.0, 1.0)
    v = k.define("v|t", k.to_real(j) / float(cols - 1)).within(0.0, 1.0)
    kind = k.rng.choice(("bilinear", "bezier", "height", "matrix", "revolve"))
    if kind == "bilinear":
        p = [k.param(f"p{a}{b}|corner{a}{b}", k.vec3, -1.0, 1.0) for a in (0, 1) for b in (0, 1)]
        left, right = (
            k.define("left|e0", k.wp.lerp(p[0], p[1], v)),
            k.define("right|e1", k.wp.lerp(p[2], p[3], v)),
        )
        k.give("point|surface_point", k.wp.lerp(left, right, u))
        k.give("du|tangent_u", right - left)
    elif kind == "bezier":
        net = k.array("net|control_net|ctrl", k.vec3, 2, lo=-1.0, hi=1.0)
        bu = [
            k.define(f"bu{n}", x) for n, x in enumerate(((1.0 - u) * (1.0 - u), 2.0 * u * (1.0 - u), u * u))
        ]
        bv = [
            k.define(f"bv{n}", x) for n, x in enumerate(((1.0 - v) * (1.0 - v), 2.0 * v * (1.0 - v), v * v))
        ]
        acc = k.var("acc|point|s_uv", k.zero(k.vec3), lo=-4.0, hi=4.0)
        for a in range(3):
            k.add(acc, bu[a] * (bv[0] * net[a, 0] + bv[1] * net[a, 1] + bv[2] * net[a, 2]))
        k.give("point|surface_point", acc)
    elif kind == "matrix":
        m = k.param("M|basis_mat|geometry", mat(3, 3, k.real), -1.0, 1.0)
        k.give("height|z", k.wp.dot(k.make(k.vec3, u * u, u, 1.0), m @ k.make(k.vec3, v * v, v, 1.0)))
    elif kind == "revolve":
        r = k.load("radius|profile_r|r_u", k.real, 0.2, 1.0)
        theta = k.define("theta|phi|angle", 6.28319 * v)
        k.give("point|surface_point", k.make(k.vec3, r * k.wp.cos(theta), u, r * k.wp.sin(theta)))
    else:
        amp, freq = (
            k.param("amplitude|amp|height_scale", k.real, 0.2, 1.0),
            k.param("freq|waves|k0", k.real, 1.0, 6.0),
        )
        bump = k.load("offset|bump|detail", k.real, -0.2, 0.2)
        k.give(
            "point|surface_point", k.make(k.vec3, u, amp * k.wp.sin(freq * u) * k.wp.cos(freq * v) + bump, v)
        )
