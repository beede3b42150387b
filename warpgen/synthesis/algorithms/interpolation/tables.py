"""Functions known at points: monotone and Akima cubics, splines, look-up tables."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.interpolation import DOMAIN
from warpgen.synthesis.library import brackets
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "xs": "nodes|breakpoints",
    "ys": "values",
    "query": "xq|x_query|at",
    "result": "yq|interpolated|y_out",
    "slopes": "derivatives|dy_out|dydx",
}


def _bracket(d: Draft) -> str:
    """The line that finds k with xs[k] <= x < xs[k + 1]."""
    return f"k = {d.use(d.option('search', *brackets.SEARCHES))}(xs, x)"


def _slopes(method: str, x: Any, y: Any) -> Any:
    """Slopes at the nodes."""
    h, delta = np.diff(x), np.diff(y) / np.diff(x)
    if method == "akima":
        first, last = 2 * delta[0] - delta[1], 2 * delta[-1] - delta[-2]
        e = np.r_[2 * first - delta[0], first, delta, last, 2 * last - delta[-1]]
        w1, w2 = abs(e[3:] - e[2:-1]), abs(e[1:-2] - e[:-3])
        flat = w1 + w2 < 1e-6
        return np.where(
            flat, (e[1:-2] + e[2:-1]) / 2, (w1 * e[1:-2] + w2 * e[2:-1]) / np.where(flat, 1, w1 + w2)
        )
    inner = np.zeros(len(x) - 2)
    same = delta[:-1] * delta[1:] > 0
    if method == "fritsch":
        w1, w2 = 2 * h[1:] + h[:-1], h[1:] + 2 * h[:-1]
        inner[same] = ((w1 + w2) / (w1 / delta[:-1] + w2 / delta[1:]))[same]
    elif method == "steffen":
        p = (delta[:-1] * h[1:] + delta[1:] * h[:-1]) / (h[:-1] + h[1:])
        least = np.minimum(np.minimum(abs(delta[:-1]), abs(delta[1:])), abs(p) / 2)
        inner = (np.sign(delta[:-1]) + np.sign(delta[1:])) * least
    else:
        inner = (h[1:] * delta[:-1] + h[:-1] * delta[1:]) / (h[:-1] + h[1:])
    return np.r_[delta[0], inner, delta[-1]]


@DOMAIN.algorithm(
    source="Fritsch & Butland 1984; Steffen 1990; Akima 1970",
    names=_NAMES
    | {
        "cubic_table": "interp_cubic|hermite_table|pchip_eval|cubic_interp_1d",
        "slope_at": "node_slope|tangent_at|derivative_at",
    },
    double=True,
    weight=3,
)
def cubic_table(d: Draft) -> None:
    """Interpolates a 1D table with piecewise cubic polynomials."""
    method = d.option("slopes", "fritsch", "steffen", "akima", "parabola")
    derivative = d.flag("derivative", 0.3)
    d.calls("table_slopes|differentiate_table|cubic_derivative" if derivative else {
        "fritsch": "cubic_table|pchip_eval|monotone_cubic|cubic_interp_1d",
        "steffen": "steffen_interp|monotone_cubic|cubic_interp_1d",
        "akima": "akima_interp|akima_spline|cubic_interp_1d",
        "parabola": "cubic_table|hermite_table|cubic_interp_1d",
    }[method])  # fmt: skip
    outside = d.option("outside", "clamp", "extrapolate")
    n, m = d.pick(8, 12, 16), d.pick(48, 64, 96)
    name = {
        "fritsch": "monotone (Fritsch-Butland)",
        "steffen": "monotone (Steffen)",
        "akima": "Akima",
        "parabola": "parabolic",
    }[method]
    what = "Differentiates" if derivative else "Interpolates"
    beyond = (
        "with queries clamped to the table range" if outside == "clamp" else "extrapolating outside the table"
    )
    d.says(f"{what} a 1D table using cubics with {name} slopes, {beyond}.")
    d.input("xs", "float", n, 0.0, 8.0, kind="ascending", about="Breakpoints, in ascending order")
    d.input("ys", "float", n, -1.0, 1.0, about="Breakpoint values")
    d.input("query", "float", m, 0.2, 7.8, about="Query positions")
    made = "slopes" if derivative else "result"
    d.output(made, "float", m, about="Derivatives" if derivative else "Interpolated values")
    secant = """
    @wp.func
    def secant(xs: wp.array(dtype=float), ys: wp.array(dtype=float), k: int) -> float:
        return (ys[k + 1] - ys[k]) / (xs[k + 1] - xs[k])
    """
    head = "@wp.func\ndef slope_at(xs: wp.array(dtype=float), ys: wp.array(dtype=float), k: int) -> float:\n"
    body = {
        "fritsch": """
        n = xs.shape[0]
        if k == 0:
            return secant(xs, ys, 0)
        if k == n - 1:
            return secant(xs, ys, n - 2)
        before = secant(xs, ys, k - 1)
        after = secant(xs, ys, k)
        # zero slope at local extrema prevents overshoot (monotone interpolation)
        if before * after <= 0.0:
            return 0.0
        h0 = xs[k] - xs[k - 1]
        h1 = xs[k + 1] - xs[k]
        w0 = 2.0 * h1 + h0
        w1 = h1 + 2.0 * h0
        return (w0 + w1) / (w0 / before + w1 / after)
        """,
        "steffen": """
        n = xs.shape[0]
        if k == 0:
            return secant(xs, ys, 0)
        if k == n - 1:
            return secant(xs, ys, n - 2)
        before = secant(xs, ys, k - 1)
        after = secant(xs, ys, k)
        h0 = xs[k] - xs[k - 1]
        h1 = xs[k + 1] - xs[k]
        p = (before * h1 + after * h0) / (h0 + h1)
        # limit to twice the smaller secant slope, to avoid new extrema
        least = wp.min(wp.min(wp.abs(before), wp.abs(after)), 0.5 * wp.abs(p))
        return (wp.sign(before) + wp.sign(after)) * least
        """,
        "parabola": """
        n = xs.shape[0]
        if k == 0:
            return secant(xs, ys, 0)
        if k == n - 1:
            return secant(xs, ys, n - 2)
        # derivative of the parabola through three nodes
        h0 = xs[k] - xs[k - 1]
        h1 = xs[k + 1] - xs[k]
        return (h1 * secant(xs, ys, k - 1) + h0 * secant(xs, ys, k)) / (h0 + h1)
        """,
        "akima": """
        m0 = extended(xs, ys, k - 2)
        m1 = extended(xs, ys, k - 1)
        m2 = extended(xs, ys, k)
        m3 = extended(xs, ys, k + 1)
        w1 = wp.abs(m3 - m2)
        w2 = wp.abs(m1 - m0)
        # avoid 0 / 0 when the secants on each side are equal
        if w1 + w2 < 1.0e-6:
            return 0.5 * (m1 + m2)
        return (w1 * m1 + w2 * m2) / (w1 + w2)
        """,
    }[method]
    d.function(secant)
    if method == "akima":
        d.function("""
            @wp.func
            def extended(xs: wp.array(dtype=float), ys: wp.array(dtype=float), k: int) -> float:
                # linearly extrapolated secants at the ends
                last = xs.shape[0] - 2
                if k < 0:
                    a = secant(xs, ys, 0)
                    return a + float(-k) * (a - secant(xs, ys, 1))
                if k > last:
                    a = secant(xs, ys, last)
                    return a + float(k - last) * (a - secant(xs, ys, last - 1))
                return secant(xs, ys, k)
        """)
    d.function(head + textwrap.indent(textwrap.dedent(body.strip("\n")).rstrip(), "    "))
    found = _bracket(d)
    first = "x = query[tid]" if outside == "extrapolate" else "x = wp.clamp(query[tid], xs[0], xs[n - 1])"
    lines = [
        "tid = wp.tid()",
        "n = xs.shape[0]",
        first,
        found,
        "h = xs[k + 1] - xs[k]",
        "t = (x - xs[k]) / h",
        "m0 = slope_at(xs, ys, k)",
        "m1 = slope_at(xs, ys, k + 1)",
    ]
    if derivative:
        lines += ["rise = secant(xs, ys, k)", "bump = 6.0 * t * (1.0 - t)"]
        lines.append(
            "slopes[tid] = bump * rise + (1.0 - t) * (1.0 - 3.0 * t) * m0 + t * (3.0 * t - 2.0) * m1"
        )
    else:
        lines += [
            "s = 1.0 - t",
            "along = s * s * (1.0 + 2.0 * t) * ys[k] + t * t * (3.0 - 2.0 * t) * ys[k + 1]",
            "result[tid] = along + h * t * s * (s * m0 - t * m1)",
        ]
    if not any("n - 1" in line for line in lines):
        lines.remove("n = xs.shape[0]")
    d.launch(m)
    d.code("\n".join(lines))
    if method != "akima":
        d.explain("One-sided secant slopes are used at both ends of the table.")

    def reference(v: Values) -> dict[str, Any]:
        x = v.query if outside == "extrapolate" else np.clip(v.query, v.xs[0], v.xs[-1])
        k = np.clip(np.searchsorted(v.xs, x, "right") - 1, 0, n - 2)
        slope = _slopes(method, v.xs, v.ys)
        h, t = v.xs[k + 1] - v.xs[k], x - v.xs[k]
        delta, a, b = (v.ys[k + 1] - v.ys[k]) / h, slope[k], slope[k + 1]
        c2, c3 = (3 * delta - 2 * a - b) / h, (a + b - 2 * delta) / h**2
        value = a + t * (2 * c2 + 3 * c3 * t) if derivative else v.ys[k] + t * (a + t * (c2 + t * c3))
        return {made: value}

    d.check(reference, 1e-2)


@DOMAIN.algorithm(
    source="Press et al. 2007, Numerical Recipes, ch. 3",
    names={
        "table_lookup": "interp_table|lookup_1d|interp1d|piecewise_lookup",
        "xs": "nodes|breakpoints",
        "ys": "values",
        "query": "x_query|inputs|at",
        "result": "looked_up|interpolated|outputs",
    },
    double=True,
)
def table_lookup(d: Draft) -> None:
    """Looks up values in a 1D table by linear interpolation."""
    method = d.option("between", "linear", "step", "spline", "log", "smooth")
    if method in ("step", "spline"):
        d.calls(
            "table_lookup|step_lookup|piecewise_lookup" if method == "step" else "eval_spline|cubic_spline"
        )
    outside = d.option("outside", "clamp", "extrapolate", "nan-free zero")
    kind = d.option("kind", "float", "vec3") if method in ("linear", "step", "smooth") else "float"
    n, m = d.pick(8, 12, 20), d.pick(64, 96, 128)
    if method in ("step", "smooth") and outside == "extrapolate":
        outside = "clamp"  # a step has nothing to go on with, and a smoothstep would turn back
    does = {
        "linear": "Looks up values in a 1D table using linear interpolation",
        "step": "Looks up values in a piecewise constant 1D table",
        "spline": "Evaluates a cubic spline from values and second derivatives at breakpoints",
        "log": "Looks up values in a 1D table using log-linear interpolation",
        "smooth": "Looks up values in a table with smoothstep interpolation",
    }[method]
    beyond = {"clamp": "clamped", "extrapolate": "extrapolated"}.get(outside, "zero")
    d.says(f"{does}, {beyond} outside the table.")
    d.input("xs", "float", n, 0.5, 8.0, kind="ascending", about="Breakpoints, in ascending order")
    d.input(
        "ys",
        kind,
        n,
        0.2 if method == "log" else -1.0,
        2.0,
        about={
            "log": "Positive values at the breakpoints",
            "step": "Interval values, starting at each breakpoint"
            + ("; the last value is unused" if outside == "nan-free zero" else ""),
        }.get(method, "Breakpoint values"),
    )
    if method == "spline":
        d.input("second_derivs", "float", n, -1.0, 1.0, about="Second derivatives at the breakpoints")
    d.input("query", "float", m, 0.2, 9.0, about="Query positions")
    d.output("result", kind, m, about="Table values" if method == "step" else "Interpolated values")
    found = _bracket(d)
    zero = "0.0" if kind == "float" else "wp.vec3(0.0, 0.0, 0.0)"
    lines = ["tid = wp.tid()", "n = xs.shape[0]", "x = query[tid]"]
    if outside == "clamp":
        lines += [
            "if x <= xs[0]:",
            "    result[tid] = ys[0]",
            "    return",
            "if x >= xs[n - 1]:",
            "    result[tid] = ys[n - 1]",
            "    return",
        ]
    elif outside == "nan-free zero":
        behind = ">=" if method == "step" else ">"
        lines += [f"if x < xs[0] or x {behind} xs[n - 1]:", f"    result[tid] = {zero}", "    return"]
    lines.append(found)
    if method == "spline":
        lines += ["h = xs[k + 1] - xs[k]", "t = (x - xs[k]) / h"]
    elif method != "step":
        lines += ["t = (x - xs[k]) / (xs[k + 1] - xs[k])"]
    lines += {
        "linear": [
            d.pick(
                "result[tid] = ys[k] + t * (ys[k + 1] - ys[k])", "result[tid] = wp.lerp(ys[k], ys[k + 1], t)"
            )
        ],
        "step": ["result[tid] = ys[k]"],
        "smooth": [
            "# smoothstep: zero slope at the breakpoints",
            "s = t * t * (3.0 - 2.0 * t)",
            "result[tid] = (1.0 - s) * ys[k] + s * ys[k + 1]",
        ],
        "log": ["result[tid] = wp.exp((1.0 - t) * wp.log(ys[k]) + t * wp.log(ys[k + 1]))"],
        "spline": [
            "s = 1.0 - t",
            "bend = (s * s * s - s) * second_derivs[k] + (t * t * t - t) * second_derivs[k + 1]",
            "result[tid] = s * ys[k] + t * ys[k + 1] + bend * h * h / 6.0",
        ],
    }[method]
    if not any("n - 1" in line for line in lines):
        lines.remove("n = xs.shape[0]")
    d.launch(m)
    d.code("\n".join(lines))

    def reference(v: Values) -> dict[str, Any]:
        x = v.query
        k = np.clip(np.searchsorted(v.xs, x, "right") - 1, 0, n - 2)
        y = v.ys.reshape(n, -1)
        h = (v.xs[k + 1] - v.xs[k])[:, None]
        t = (x - v.xs[k])[:, None] / h
        a, b = y[k], y[k + 1]
        if method == "log":
            value = a ** (1 - t) * b**t
        elif method == "step":
            value = a
        elif method == "smooth":
            value = a + (b - a) * t**2 * (3 - 2 * t)
        else:
            value = a + (b - a) * t
            if method == "spline":
                m0, m1 = v.second_derivs[k][:, None], v.second_derivs[k + 1][:, None]
                u = t * h
                # integrate the linear second derivative twice, the ends held
                value = value + m0 * u * (u - h) / 2 + (m1 - m0) * u * (u**2 - h**2) / (6 * h)
        low, high = (x <= v.xs[0])[:, None], (x >= v.xs[-1])[:, None]
        if outside == "clamp":
            value = np.where(low, y[0], np.where(high, y[-1], value))
        elif outside != "extrapolate":
            value = np.where(low | high, 0.0, value)
        return {"result": value.reshape(v.query.shape if kind == "float" else (m, 3))}

    d.check(reference, 1e-2)
