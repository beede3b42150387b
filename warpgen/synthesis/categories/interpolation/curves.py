"""Interpolation and approximation: splines, polynomials, tables, quadrature, barycentrics."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from warpgen.synthesis.categories.interpolation import CATEGORY
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import Type
from warpgen.synthesis.language.values import Value


def _point(k: Kit) -> Type:
    return k.rng.choice((k.vec3, k.vec3, k.vec2, k.real))


def _controls(k: Kit, t: Type, count: int) -> list[Value]:
    """Control points of this thread: one array each, or consecutive ones of a shared array."""
    if k.rng.chance(0.5):
        names = ("p0|a|c0|start", "p1|b|c1|ctrl0", "p2|c|c2|ctrl1", "p3|d|c3|end_pt", "p4|e|c4")
        return [k.load(names[n], t, -2.0, 2.0) for n in range(count)]
    points = k.array("control_points|points|ctrl|knots_xyz|path", t, lo=-2.0, hi=2.0)
    overlapping = k.rng.chance(0.5)
    base = k.flat if overlapping else k.let("base|first|o", k.flat * (count - 1))
    return [k.define(f"p{n}|c{n}|q{n}", points[base + n if n else base]) for n in range(count)]


def _parameter(k: Kit) -> Value:
    return k.input("t|u|s|param", k.real, 0.0, 1.0)


@CATEGORY.motif()
def bezier(k: Kit) -> None:
    """Point, tangent or curvature of a Bezier curve."""
    degree = k.rng.choice((2, 3, 3, 4))
    point = _point(k)
    p = _controls(k, point, degree + 1)
    t = _parameter(k)
    kind = k.rng.choice(("bernstein", "casteljau", "tangent", "horner", "split"))
    if kind in ("casteljau", "split"):
        use_lerp = k.rng.chance(0.6)
        level, first, last = p, [p[0]], [p[-1]]
        for d in range(degree):
            level = [
                k.define(f"{'abcde'[d]}{n}|l{d}{n}", k.wp.lerp(x, y, t) if use_lerp else x + (y - x) * t)
                for n, (x, y) in enumerate(pairwise(level))
            ]
            first.append(level[0])
            last.append(level[-1])
        if kind == "split":
            k.give("left_handle|split_a", first[1])
            k.give("right_handle|split_b", last[1])
        k.give("point|curve_point|position", level[0])
        return
    s = k.define("s|omt|one_minus_t", 1.0 - t)
    if kind == "horner":
        acc = p[-1]
        if degree == 2:
            acc = (p[0] * s + p[1] * (2.0 * t)) * s + p[2] * (t * t)
        elif degree == 3:
            acc = ((p[0] * s + p[1] * (3.0 * t)) * s + p[2] * (3.0 * t * t)) * s + p[3] * (t * t * t)
        else:
            acc = (
                ((p[0] * s + p[1] * (4.0 * t)) * s + p[2] * (6.0 * t * t)) * s + p[3] * (4.0 * t * t * t)
            ) * s + p[4] * (t * t * t * t)
        k.give("point|curve_point", acc)
        return
    if kind == "tangent":
        if degree == 2:
            slope = (p[1] - p[0]) * (2.0 * s) + (p[2] - p[1]) * (2.0 * t)
        else:
            slope = ((p[1] - p[0]) * (s * s) + (p[2] - p[1]) * (2.0 * s * t) + (p[3] - p[2]) * (t * t)) * 3.0
        slope = k.define("d|velocity|deriv", slope)
        if point.shape and k.rng.chance(0.5):
            k.give("tangent|direction", k.wp.normalize(slope))
        else:
            k.give("tangent|velocity", slope)
        return
    q = _bernstein(k, p, s, t)
    k.give("point|curve_point|position", q)


def _bernstein(k: Kit, p: list[Value], s: Value, t: Value) -> Value:
    """The curve's point as a sum of its control points."""
    if len(p) == 3:
        q = p[0] * (s * s) + p[1] * (2.0 * s * t) + p[2] * (t * t)
    elif len(p) == 4:
        t2, s2 = k.let("t2|tt", t * t), k.let("s2|ss", s * s)
        q = p[0] * (s2 * s) + p[1] * (3.0 * s2 * t) + p[2] * (3.0 * s * t2) + p[3] * (t2 * t)
    else:
        t2, s2 = k.define("t2|tt", t * t), k.define("s2|ss", s * s)
        q = (
            p[0] * (s2 * s2)
            + p[1] * (4.0 * s2 * s * t)
            + p[2] * (6.0 * s2 * t2)
            + p[3] * (4.0 * s * t2 * t)
            + p[4] * (t2 * t2)
        )
    return q


@CATEGORY.motif()
def cubic_segment(k: Kit) -> None:
    """Hermite, Catmull-Rom or B-spline segment."""
    point = _point(k)
    p = _controls(k, point, 4)
    t = _parameter(k)
    t2, t3 = k.define("t2|tt|u2", t * t), k.define("t3|ttt|u3", t * t * t)
    kind = k.rng.choice(
        ("hermite", "catmull", "catmull_matrix", "bspline", "cardinal", "derivative", "nonuniform")
    )
    if kind in ("hermite", "cardinal"):
        tension = k.param("tension|c|tightness", k.real, 0.0, 0.8) if kind == "cardinal" else None
        m0, m1 = p[1], p[3]
        a, b = p[0], p[2]
        if tension is not None:
            a, b = p[1], p[2]
            m0 = k.define("m0|tan0", (1.0 - tension) * 0.5 * (p[2] - p[0]))
            m1 = k.define("m1|tan1", (1.0 - tension) * 0.5 * (p[3] - p[1]))
        h00, h10 = k.let("h00|b0", 2.0 * t3 - 3.0 * t2 + 1.0), k.let("h10|b1", t3 - 2.0 * t2 + t)
        h01, h11 = k.let("h01|b2", 3.0 * t2 - 2.0 * t3), k.let("h11|b3", t3 - t2)
        k.give("point|position|value", a * h00 + m0 * h10 + b * h01 + m1 * h11)
    elif kind == "catmull":
        q = p[1] * 2.0 + (p[2] - p[0]) * t + (p[0] * 2.0 - p[1] * 5.0 + p[2] * 4.0 - p[3]) * t2
        k.give("point|position|value", (q + (p[1] * 3.0 - p[0] - p[2] * 3.0 + p[3]) * t3) * 0.5)
    elif kind == "catmull_matrix":
        w = (
            -0.5 * t3 + t2 - 0.5 * t,
            1.5 * t3 - 2.5 * t2 + 1.0,
            -1.5 * t3 + 2.0 * t2 + 0.5 * t,
            0.5 * t3 - 0.5 * t2,
        )
        w0, w1, w2, w3 = (k.define(f"w{n}|b{n}", x) for n, x in enumerate(w))
        k.give("point|position|value", p[0] * w0 + p[1] * w1 + p[2] * w2 + p[3] * w3)
    elif kind == "bspline":
        s = k.define("s|omt|v", 1.0 - t)
        blend = (s * s * s, 3.0 * t3 - 6.0 * t2 + 4.0, -3.0 * t3 + 3.0 * t2 + 3.0 * t + 1.0, t3)
        b0, b1, b2, b3 = (k.define(f"b{n}|n{n}", x) for n, x in enumerate(blend))
        k.give("point|position|value", (p[0] * b0 + p[1] * b1 + p[2] * b2 + p[3] * b3) / 6.0)
    elif kind == "derivative":
        d = (p[2] - p[0]) * 0.5 + (p[0] * 2.0 - p[1] * 5.0 + p[2] * 4.0 - p[3]) * t
        k.give("velocity|tangent|slope", d + (p[1] * 3.0 - p[0] - p[2] * 3.0 + p[3]) * (1.5 * t2))
    else:
        d1, d2 = k.param("dt0|h0|span0", k.real, 0.5, 2.0), k.param("dt1|h1|span1", k.real, 0.5, 2.0)
        m = k.define("m|slope_mid", (p[1] - p[0]) / d1 + (p[2] - p[1]) / d2 - (p[2] - p[0]) / (d1 + d2))
        k.give(
            "point|position", p[1] + m * (d2 * (t - 2.0 * t2 + t3)) + (p[2] - p[1]) * (3.0 * t2 - 2.0 * t3)
        )


@CATEGORY.motif()
def polynomial_table(k: Kit) -> None:
    """Evaluate a polynomial, and its slope, from an array of coefficients."""
    degree = k.rng.choice((2, 3, 4, 5, 6))
    x = k.input("x|t|z|arg", k.real, -1.0, 1.0)
    coeffs = k.array("coeffs|c|poly|a", k.real, lo=-1.0, hi=1.0)
    base = k.let("base|row_start|o", k.flat * (degree + 1)) if k.rng.chance(0.4) else None

    def coefficient(n: Value | int) -> Value:
        return coeffs[n if base is None else base + n]

    if k.rng.chance(0.4):
        y = k.var("y|acc|value", 0.0, k.real, lo=-9.0, hi=9.0)
        p = k.var("p|xn|power", 1.0, k.real, lo=-1.0, hi=1.0)
        with k.for_("n|j|d", degree + 1) as n:
            k.add(y, coefficient(n) * p)
            k.change(p, "*", x)
        k.give("y|value|poly_x", y)
        return
    y = k.var("y|acc|value", coefficient(degree), lo=-9.0, hi=9.0)
    slope = k.var("dy|slope|deriv", 0.0, k.real, lo=-40.0, hi=40.0) if k.rng.chance(0.5) else None
    with k.for_("n|j|d", degree) as n:
        if slope is not None:
            k.set(slope, slope * x + y)
        k.set(y, y * x + coefficient((k.lit(degree - 1) - n).within(0, degree - 1)))
    k.give("y|value|poly_x", y)
    if slope is not None:
        k.give("dy|derivative", slope)


@CATEGORY.motif()
def polynomial(k: Kit) -> None:
    """Evaluate a polynomial or a rational function."""
    degree = k.rng.choice((2, 3, 4, 5))
    x = k.input("x|t|z|arg", k.real, -1.0, 1.0)
    kind = k.rng.choice(("horner", "pade", "newton", "estrin", "fixed"))

    def coefficient(n: int) -> Value:
        if kind == "fixed":
            return k.lit(k.number(-1.0, 1.0))
        return k.param(f"c{n}|a{n}|k{n}", k.real, -1.0, 1.0)

    c = [coefficient(n) for n in range(degree + 1)]
    if kind == "pade":
        num = k.define("num|p", c[0] + x * (c[1] + x * c[2]))
        den = k.define("den|q", 1.0 + (x * x) * k.param("q2|d2|b2", k.real, 0.1, 1.0))
        k.give("ratio|y|approx", num / den)
    elif kind == "newton":
        y = c[-1]
        for n in range(degree - 1, -1, -1):
            y = k.let("y|acc|s", y * (x - k.lit(round(-1.0 + 2.0 * n / degree, 4))) + c[n])
        k.give("y|value|newton_x", y)
    elif kind == "estrin" and degree >= 3:
        x2 = k.define("x2|xx|sq", x * x)
        low, high = k.define("low|p01", c[0] + c[1] * x), k.define("high|p23", c[2] + c[3] * x)
        k.give("y|value", low + high * x2)
    else:
        y = c[-1]
        for n in range(degree - 1, -1, -1):
            y = y * x + c[n]
        k.give("y|value|poly_x", y)


@CATEGORY.motif(rank=1)
def lagrange(k: Kit) -> None:
    """Lagrange or barycentric interpolation through given nodes."""
    m = k.rng.choice((3, 4, 5))
    x = k.input("x|t|query", k.real, -1.0, 1.0)
    y = k.array("samples|y_nodes|f_values|nodal", k.real, 2, lo=-1.0, hi=1.0)
    i = k.flat
    kind = k.rng.choice(("lagrange", "product", "barycentric", "neville"))
    step = 2.0 / (m - 1)
    if kind == "neville" and m <= 4:
        row = [k.define(f"f{n}|v{n}", y[i, n]) for n in range(m)]
        nodes = [round(-1.0 + step * n, 6) for n in range(m)]
        for level in range(1, m):
            row = [
                k.define(
                    f"f{n}{n + level}|t{level}{n}",
                    ((x - nodes[n]) * row[n + 1] - (x - nodes[n + level]) * row[n])
                    * round(1.0 / (nodes[n + level] - nodes[n]), 6),
                )
                for n in range(m - level)
            ]
        k.give("y|interp|value", row[0])
        return
    total = k.var("total|y|acc", 0.0, k.real, lo=-30.0, hi=30.0)
    if kind == "barycentric":
        weights = k.array("bary_w|node_weights|w", k.real, lo=0.5, hi=2.0)
        norm = k.var("norm|denom|w_sum", 0.0, k.real, lo=0.0, hi=500.0)
        with k.for_("a|n|j", m) as a:
            node = k.let("node|xa", k.to_real(a) * step - 1.0)
            d = k.define("d|gap|dx", k.wp.abs(x - node) + 0.02)
            w = k.define("w|c|r", weights[a] / d)
            k.add(total, w * y[i, a])
            k.add(norm, w)
        k.give("y|interp|value", total / norm.within(0.2, 500.0))
        return
    with k.for_("a|n|j", m) as a:
        basis = k.var("basis|l|phi", 1.0, k.real, lo=-6.0, hi=6.0)
        xa = k.define("xa|node|x_a", k.to_real(a) * step - 1.0)
        with k.for_("b|q|s", m) as b:
            with k.if_(b.ne(a)):
                xb = k.define("xb|other|x_b", k.to_real(b) * step - 1.0)
                k.change(basis, "*", (x - xb) / _apart(xa - xb))
        k.add(total, basis * y[i, a])
    k.give("y|interp|value", total)


def _apart(v: Value) -> Value:
    """A difference of two nodes that are not the same."""
    return v.within(0.25, 2.0)


@CATEGORY.motif()
def quadrature(k: Kit) -> None:
    """Integrate a function by a fixed rule."""
    a, b = k.input("a|lo_x|left", k.real, -1.0, 0.0), k.input("b|hi_x|right", k.real, 0.1, 1.0)
    freq = k.param("freq|omega|alpha", k.real, 0.5, 3.0)
    kind = k.rng.choice(
        ("gauss2", "gauss3", "simpson", "trapezoid", "midpoint", "boole", "richardson", "gauss_array")
    )
    form = k.rng.integer(0, 4)

    def f(x: Value) -> Value:
        if form == 0:
            return k.wp.exp(-freq * (x * x))
        if form == 1:
            return k.wp.sin(freq * x) + x * x
        if form == 2:
            return 1.0 / (1.0 + freq * (x * x))
        if form == 3:
            return x * k.wp.cos(freq * x)
        return k.wp.sqrt(1.0 + freq * (x * x))

    if kind.startswith("gauss"):
        _gauss(k, kind, f, a, b)
        return
    if kind in ("simpson", "boole", "richardson"):
        m = k.define("m|mid|c", 0.5 * (a + b))
        h = k.define("h|width|span", b - a)
        fa, fm, fb = k.define("fa|y0", f(a)), k.define("fm|ymid", f(m)), k.define("fb|y1", f(b))
        if kind == "simpson":
            k.give("integral|area", h / 6.0 * (fa + 4.0 * fm + fb))
            return
        ml, mr = k.define("ml|xl", 0.5 * (a + m)), k.define("mr|xr", 0.5 * (m + b))
        quarter = k.define("quarters|fq", f(ml) + f(mr))
        if kind == "boole":
            k.give("integral|area", h / 90.0 * (7.0 * (fa + fb) + 32.0 * quarter + 12.0 * fm))
        else:
            coarse, fine = (
                k.define("coarse|s1", h / 6.0 * (fa + 4.0 * fm + fb)),
                k.define("fine|s2", h / 12.0 * (fa + 4.0 * quarter + 2.0 * fm + fb)),
            )
            k.give("integral|extrapolated", fine + (fine - coarse) / 15.0)
            k.give("error|err_est", k.wp.abs(fine - coarse))
        return
    n = k.rng.choice((4, 8, 12, 16))
    panels: int | Value = k.size("num_panels|num_steps|panels", n) if k.rng.chance(0.2) else n
    h = k.define("h|dx|step", (b - a) / float(n))
    acc = k.var(
        "acc|integral|total", 0.5 * (f(a) + f(b)) if kind == "trapezoid" else 0.0, k.real, lo=-64.0, hi=64.0
    )
    with k.for_("q|s|n", panels, 1 if kind == "trapezoid" else 0) as q:
        at = k.to_real(q) + 0.5 if kind == "midpoint" else k.to_real(q)
        x = k.define("x|xq|pt", (a + h * at).within(-1.0, 2.0))
        k.add(acc, f(x))
    k.give("integral|area", h * acc)


def _gauss(k: Kit, kind: str, f: Callable[[Value], Value], a: Value, b: Value) -> None:
    """A rule of Gauss on one interval."""
    half, mid = k.define("half|jac|hw", 0.5 * (b - a)), k.define("mid|c|center", 0.5 * (a + b))
    if kind == "gauss_array":
        nodes, w = (
            k.array("nodes|gauss_x|xi", k.real, lo=-1.0, hi=1.0),
            k.array("quad_w|gauss_w|weights", k.real, lo=0.1, hi=1.0),
        )
        acc = k.var("acc|integral|total", 0.0, k.real, lo=-16.0, hi=16.0)
        with k.for_("q|g|n", k.rng.choice((3, 4, 5))) as q:
            x = k.define("x|xq|pt", mid + half * nodes[q])
            k.add(acc, w[q] * f(x))
        k.give("integral|area", half * acc)
    elif kind == "gauss2":
        d = k.define("d|off|shift", half * 0.57735)
        k.give("integral|area", half * (f(k.define("xl|x0", mid - d)) + f(k.define("xr|x1", mid + d))))
    else:
        d = k.define("d|off|shift", half * 0.774597)
        ends = f(k.define("xl|x0", mid - d)) + f(k.define("xr|x1", mid + d))
        k.give("integral|area", half * (0.555556 * ends + 0.888889 * f(mid)))


@CATEGORY.motif()
def chebyshev(k: Kit) -> None:
    """Sum an orthogonal series by its recurrence."""
    n = k.rng.choice((4, 5, 6, 8))
    x = k.input("x|t|z", k.real, -1.0, 1.0)
    c = k.array("coeffs|c|series|modes", k.real, lo=-0.5, hi=0.5)
    kind = k.rng.choice(("clenshaw", "chebyshev", "legendre", "hermite", "fourier"))
    if kind == "clenshaw":
        b1, b2 = (
            k.var("b1|d|cur", 0.0, k.real, lo=-50.0, hi=50.0),
            k.var("b2|dd|last", 0.0, k.real, lo=-50.0, hi=50.0),
        )
        two_x = k.define("two_x|y2|tx", 2.0 * x)
        with k.for_("r|j|s", n - 1) as r:
            at = (k.lit(n - 1) - r).within(1, n - 1)
            t = k.define("t|tmp_b|b0", (two_x * b1 - b2 + c[at]).within(-50.0, 50.0))
            k.set(b2, b1)
            k.set(b1, t)
        k.give("series|y|value", x * b1 - b2 + c[0])
        return
    total = k.var("total|y|acc", c[0] * 1.0, lo=-40.0, hi=40.0)
    if kind == "fourier":
        with k.for_("m|j|mode", n, 1) as m:
            w = k.define("w|arg|phase", 3.14159 * k.to_real(m) * x)
            k.add(total, c[m] * k.wp.cos(w) if k.rng.chance(0.5) else c[m] * k.wp.sin(w))
        k.give("series|y|value", total)
        return
    prev, cur = k.var("p0|prev|t0", 1.0, k.real, lo=-20.0, hi=20.0), k.var("p1|cur|t1", x, lo=-20.0, hi=20.0)
    k.add(total, c[1] * cur)
    with k.for_("m|j|order", n, 2) as m:
        r = k.let("r|fm|order_f", k.to_real(m).within(2.0, 8.0))
        if kind == "chebyshev":
            nxt = 2.0 * x * cur - prev
        elif kind == "legendre":
            nxt = ((2.0 * r - 1.0) * x * cur - (r - 1.0) * prev) / r
        else:
            nxt = x * cur - (r - 1.0) * 0.25 * prev
        nxt = k.define("p2|nxt|t2", nxt.within(-20.0, 20.0))
        k.add(total, c[m] * nxt)
        k.set(prev, cur)
        k.set(cur, nxt)
    k.give("series|y|value", total)
