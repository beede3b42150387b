"""Polynomials: through points, in Newton's and Chebyshev's forms."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.interpolation import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "xs": "nodes|abscissae",
    "ys": "values",
    "query": "xq|x_query|at",
    "result": "yq|interpolated|y_out",
    "evaluated": "poly_values|y_out",
    "slopes": "derivatives|dy_out|poly_slopes",
}


@DOMAIN.algorithm(
    source="Berrut & Trefethen 2004; Clenshaw 1955; Neville 1934",
    names=_NAMES
    | {
        "polynomial_interpolation": "eval_polynomial|poly_interp|polynomial_eval",
        "coeffs": "coef",
    },
    double=True,
    adjoint="no",
)
def polynomial_interpolation(d: Draft) -> None:
    """Evaluates the interpolating polynomial through given nodes."""
    form = d.option("form", "barycentric", "lagrange", "newton", "neville", "clenshaw", "horner")
    n, m = d.pick(4, 5, 6), d.pick(48, 64, 96)
    rows = d.flag("a polynomial for each", 0.4)
    derivative = d.flag("derivative", 0.35) if form in ("clenshaw", "horner", "newton") else False
    if derivative:
        d.calls("eval_derivative|polynomial_derivative|poly_slope")
    elif form in ("clenshaw", "horner", "newton"):
        d.calls({
            "clenshaw": "eval_chebyshev|chebyshev_series|clenshaw_sum",
            "horner": "eval_polynomial|polyval|poly_horner",
            "newton": "eval_newton_form|newton_polynomial|eval_polynomial",
        }[form])  # fmt: skip
    sentence = {
        "barycentric": "Evaluates the polynomial through values at Chebyshev points using the barycentric formula.",
        "lagrange": "Evaluates the polynomial through given points in Lagrange form.",
        "newton": "Evaluates a polynomial in Newton form using divided differences.",
        "neville": "Evaluates the polynomial through given points using Neville's algorithm.",
        "clenshaw": f"Evaluates {'' if rows else 'a '}Chebyshev series using the Clenshaw recurrence.",
        "horner": f"Evaluates {'polynomials' if rows else 'a polynomial'} using Horner's method.",
    }[form]
    family = {"clenshaw": "Chebyshev series", "newton": "Newton form"}.get(form, "coefficients")
    if derivative:
        sentence = f"Evaluates the derivative of {'polynomials from their' if rows else 'a polynomial from its'} {family}."
    elif rows and form in ("barycentric", "lagrange", "newton", "neville"):
        sentence = sentence.replace("the polynomial through", "polynomials through").replace(
            "a polynomial", "polynomials"
        )
    d.says(sentence)
    series = form in ("clenshaw", "horner", "newton")
    value = "coeffs" if series else "ys"
    if form not in ("clenshaw", "horner", "barycentric"):
        d.input("xs", "float", n, 0.0, 8.0, kind="ascending", about="Interpolation nodes")
    about = {
        "clenshaw": "Chebyshev coefficients, lowest degree first",
        "horner": "Coefficients, lowest degree first",
        "newton": "Divided differences, lowest degree first",
        "barycentric": "Values at the points cos(k pi / (n - 1))",
    }.get(form, "Values at the nodes")
    d.input(value, "float", (m, n) if rows else n, -1.0, 1.0, about=about)
    interval = d.flag("interval") if form == "clenshaw" else False
    if interval:
        d.param("lower", "float", -3.0, -1.0, about="Lower interval bound")
        d.param("upper", "float", 1.0, 3.0, about="Upper interval bound")
    low, high = (-0.98, 0.98) if form in ("clenshaw", "horner", "barycentric") else (0.2, 7.8)
    d.input("query", "float", m, low, high, about="Query positions")
    made, about = ("evaluated", "Polynomial values") if series else ("result", "Interpolated values")
    if derivative:
        made, about = "slopes", "Polynomial derivatives"
    d.output(made, "float", m, about=about)

    def at(k: str) -> str:
        return f"{value}[tid, {k}]" if rows else f"{value}[{k}]"

    size = f"{value}.shape[{1 if rows else 0}]"
    lines = ["tid = wp.tid()", f"n = {size}", "x = query[tid]"]
    if interval:
        lines[-1] = "x = (2.0 * query[tid] - lower - upper) / (upper - lower)"
    if form == "barycentric":
        lines += [
            "above = float(0.0)",
            "below = float(0.0)",
            "for k in range(n):",
            "    gap = x - wp.cos(wp.pi * float(k) / float(n - 1))",
            "    if wp.abs(gap) < 1.0e-6:",
            "        # query coincides with a node: return its value to avoid 0 / 0",
            f"        result[tid] = {at('k')}",
            "        return",
            "    # Barycentric weights for second-kind Chebyshev points: alternating signs, halved at both ends",
            "    weight = 1.0 - 2.0 * float(k % 2)",
            "    if k == 0 or k == n - 1:",
            "        weight *= 0.5",
            "    c = weight / gap",
            f"    above += c * {at('k')}",
            "    below += c",
            "result[tid] = above / below",
        ]
    elif form == "lagrange":
        lines += [
            "y = float(0.0)",
            "for i in range(n):",
            "    basis = float(1.0)",
            "    for k in range(n):",
            "        if k != i:",
            "            basis *= (x - xs[k]) / (xs[i] - xs[k])",
            f"    y += basis * {at('i')}",
            "result[tid] = y",
        ]
    elif form == "neville":
        d.module(f"NODES = wp.constant({n})\ncolumn = wp.types.vector(length=NODES, dtype=float)")
        lines.remove(f"n = {size}")
        lines += [
            "p = column()",
            "for k in range(NODES):",
            f"    p[k] = {at('k')}",
            "# Neville's recursion",
            "for r in range(1, NODES):",
            "    for k in range(NODES - r):",
            "        p[k] = ((x - xs[k + r]) * p[k] + (xs[k] - x) * p[k + 1]) / (xs[k] - xs[k + r])",
            "result[tid] = p[0]",
        ]
    elif form == "clenshaw":
        if derivative:
            lines += [
                "# T_k' = k * U_(k-1), same recurrence with U_1 = 2 x",
                "b1 = float(0.0)",
                "b2 = float(0.0)",
                "for r in range(1, n):",
                "    k = n - r",
                f"    b0 = float(k) * {at('k')} + 2.0 * x * b1 - b2",
                "    b2 = b1",
                "    b1 = b0",
                f"slopes[tid] = {'2.0 * b1 / (upper - lower)' if interval else 'b1'}",
            ]
        else:
            lines += [
                "b1 = float(0.0)",
                "b2 = float(0.0)",
                "for r in range(1, n):",
                f"    b0 = {at('n - r')} + 2.0 * x * b1 - b2",
                "    b2 = b1",
                "    b1 = b0",
                f"evaluated[tid] = {at('0')} + x * b1 - b2",
            ]
    else:
        factor = "x" if form == "horner" else "(x - xs[n - 1 - r])"
        lines += [f"y = {at('n - 1')}" if not derivative else f"y = float({at('n - 1')})"]
        if derivative:
            lines += ["dy = float(0.0)", "for r in range(1, n):", f"    dy = dy * {factor} + y"]
            lines += [f"    y = y * {factor} + {at('n - 1 - r')}", "slopes[tid] = dy"]
        else:
            lines += [
                "for r in range(1, n):",
                f"    y = y * {factor} + {at('n - 1 - r')}",
                "evaluated[tid] = y",
            ]
    d.launch(m)
    d.code("\n".join(lines))

    def reference(v: Values) -> dict[str, Any]:
        c = np.broadcast_to(v[value], (m, n))
        x = v.query
        if form == "clenshaw":
            if interval:
                x = (2 * x - v.lower - v.upper) / (v.upper - v.lower)
            theta, k = np.arccos(x)[:, None], np.arange(n)
            if derivative:
                slope = (k * c * np.sin(k * theta) / np.sin(theta)).sum(1)
                return {made: slope * (2 / (v.upper - v.lower) if interval else 1.0)}
            return {made: (c * np.cos(k * theta)).sum(1)}
        if form in ("horner", "newton"):
            nodes = [0.0] * n if form == "horner" else [float(x) for x in v.xs]
            result = np.zeros(m)
            for row in range(m):
                poly, base = np.poly1d([0.0]), np.poly1d([1.0])
                for degree in range(n):
                    poly = poly + c[row, degree] * base
                    base = base * np.poly1d([1.0, -nodes[degree]])
                result[row] = poly.deriv()(x[row]) if derivative else poly(x[row])
            return {made: result}
        xs = np.cos(np.pi * np.arange(n) / (n - 1)) if form == "barycentric" else v.xs
        gaps = xs[:, None] - xs + np.eye(n)
        offsets = x[:, None, None] - xs  # query, basis, factor
        ratio = np.where(np.eye(n, dtype=bool), 1.0, offsets / gaps)
        return {made: (ratio.prod(-1) * c).sum(1)}

    d.check(reference, 2e-2 if form in ("lagrange", "neville", "newton") else 1e-3)
