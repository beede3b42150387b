"""Curves through or near points: Hermite and Catmull-Rom, Bezier."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.interpolation import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "points": "control_points|ctrl|key_points",
    "u": "params|s|t_query",
    "curve": "curve_out|samples|sampled",
    "slopes": "derivatives|du_out|velocity_out",
}


@DOMAIN.algorithm(
    source="Catmull & Rom 1974; Kochanek & Bartels 1984",
    names=_NAMES
    | {
        "sample_spline": "evaluate_spline|spline_eval|cubic_curve|eval_cubic_spline",
        "tension": "tau|tightness",
        "i": "seg|segment|k",
    },
    double=True,
    weight=4,
)
def sample_spline(d: Draft) -> None:
    """Evaluates a cubic spline with uniform knots."""
    family = d.option("family", "catmull-rom", "cardinal", "tcb", "hermite")
    closed = d.option("ends", "closed", "clamped")
    kind = d.option("kind", "vec3", "float", "vec2")
    basis = d.option("basis", "hermite", "horner") if family in ("catmull-rom", "hermite") else "hermite"
    derivative = d.option("derivative", "none", "instead")
    if derivative == "instead":
        d.calls("spline_derivative|spline_tangents|eval_spline_derivative")
    n, m = d.pick(6, 8, 12), d.pick(48, 64, 96)
    what = "the derivative of a" if derivative == "instead" else "a"
    label = {
        "catmull-rom": "Catmull-Rom",
        "cardinal": "cardinal",
        "tcb": "Kochanek-Bartels",
        "hermite": "Hermite",
    }[family]
    d.says(f"Evaluates {what} {label} spline at an array of parameters.")
    d.input("points", kind, n, -1.0, 1.0, about="Control points")
    if family == "hermite":
        d.input("tangents", kind, n, -1.0, 1.0, about="Tangents at the control points")
    spans = n if closed == "closed" else n - 1
    d.input("u", "float", m, 0.0, spans - 0.01, about="Parameters")
    if family == "cardinal":
        d.param("tension", "float", 0.0, 0.6, about="Tension parameter")
    if family == "tcb":
        d.param("tension", "float", -0.4, 0.4, about="Tension, shortens the tangents when positive")
        d.param("continuity", "float", -0.4, 0.4, about="Continuity, 0 for smooth joins")
        d.param("bias", "float", -0.4, 0.4, about="Bias toward the incoming chord")
    made = "curve" if derivative == "none" else "slopes"
    d.output(
        made, kind, m, about="Evaluated points" if derivative == "none" else "Derivatives with respect to u"
    )
    lines = ["tid = wp.tid()", "n = points.shape[0]"]
    if closed == "closed":
        lines += ["i = int(wp.floor(u[tid])) % n", "t = u[tid] - wp.floor(u[tid])"]
        at = {-1: "(i + n - 1) % n", 1: "(i + 1) % n", 2: "(i + 2) % n"}
    else:
        lines += ["i = wp.clamp(int(u[tid]), 0, n - 2)", "t = u[tid] - float(i)"]
        at = {-1: "wp.max(i - 1, 0)", 1: "i + 1", 2: "wp.min(i + 2, n - 1)"}
    if family != "hermite":
        lines.append(f"p0 = points[{at[-1]}]")
    lines += ["p1 = points[i]", f"p2 = points[{at[1]}]"]
    if family != "hermite":
        lines.append(f"p3 = points[{at[2]}]")
    if family == "catmull-rom":
        lines += ["m1 = 0.5 * (p2 - p0)", "m2 = 0.5 * (p3 - p1)"]
    elif family == "cardinal":
        lines += ["scale = 0.5 * (1.0 - tension)", "m1 = scale * (p2 - p0)", "m2 = scale * (p3 - p1)"]
    elif family == "tcb":
        lines += [
            "a = 0.5 * (1.0 - tension)",
            "in1 = a * (1.0 + bias) * (p1 - p0)",
            "out1 = a * (1.0 - bias) * (p2 - p1)",
            "in2 = a * (1.0 + bias) * (p2 - p1)",
            "out2 = a * (1.0 - bias) * (p3 - p2)",
            "# outgoing tangent at p1, incoming tangent at p2",
            "m1 = (1.0 + continuity) * in1 + (1.0 - continuity) * out1",
            "m2 = (1.0 - continuity) * in2 + (1.0 + continuity) * out2",
        ]
    else:
        lines += ["m1 = tangents[i]", f"m2 = tangents[{at[1]}]"]
    if basis == "horner":
        lines += ["c2 = 3.0 * (p2 - p1) - 2.0 * m1 - m2", "c3 = 2.0 * (p1 - p2) + m1 + m2"]
        lines.append(
            "curve[tid] = p1 + t * (m1 + t * (c2 + t * c3))"
            if derivative == "none"
            else "slopes[tid] = m1 + t * (2.0 * c2 + 3.0 * t * c3)"
        )
    elif derivative == "none":
        lines += [
            "t2 = t * t",
            "t3 = t2 * t",
            "h00 = 2.0 * t3 - 3.0 * t2 + 1.0",
            "h10 = t3 - 2.0 * t2 + t",
            "h01 = 3.0 * t2 - 2.0 * t3",
            "h11 = t3 - t2",
            "curve[tid] = h00 * p1 + h10 * m1 + h01 * p2 + h11 * m2",
        ]
    else:
        lines += [
            "bump = 6.0 * t * (1.0 - t)",
            "slopes[tid] = bump * (p2 - p1) + (1.0 - t) * (1.0 - 3.0 * t) * m1 + t * (3.0 * t - 2.0) * m2",
        ]
    d.launch(m)
    d.code("\n".join(lines))
    ending = ". End points are duplicated at both ends of the curve." if family != "hermite" else "."
    d.explain(
        "The curve passes through point k at u = k"
        + (", and the curve is closed." if closed == "closed" else ending)
    )

    def reference(v: Values) -> dict[str, Any]:
        p = v.points.reshape(n, -1)
        i = np.floor(v.u).astype(int)
        t = (v.u - i)[:, None]

        def point(k: Any) -> Any:
            return p[k % n] if closed == "closed" else p[np.clip(k, 0, n - 1)]

        p0, p1, p2, p3 = (point(i + k) for k in (-1, 0, 1, 2))
        if family == "hermite":
            tangents = v.tangents.reshape(n, -1)
            m1, m2 = tangents[i % n], tangents[(i + 1) % n]
        elif family == "tcb":
            t_, c, b = v.tension, v.continuity, v.bias
            m1 = (1 - t_) * ((1 + b) * (1 + c) * (p1 - p0) + (1 - b) * (1 - c) * (p2 - p1)) / 2
            m2 = (1 - t_) * ((1 + b) * (1 - c) * (p2 - p1) + (1 - b) * (1 + c) * (p3 - p2)) / 2
        else:
            scale = (1 - v.tension) / 2 if family == "cardinal" else 0.5
            m1, m2 = scale * (p2 - p0), scale * (p3 - p1)
        # through Bezier points rather than Hermite's basis
        b0, b1, b2, b3 = p1, p1 + m1 / 3, p2 - m2 / 3, p2
        s = 1 - t
        if derivative == "none":
            value = s**3 * b0 + 3 * s**2 * t * b1 + 3 * s * t**2 * b2 + t**3 * b3
        else:
            value = 3 * (s**2 * (b1 - b0) + 2 * s * t * (b2 - b1) + t**2 * (b3 - b2))
        return {made: value.reshape(v.u.shape if kind == "float" else (m, -1))}

    d.check(reference)


@DOMAIN.algorithm(
    source="de Casteljau 1959; Farin 2002, Curves and Surfaces for CAGD, ch. 4",
    names=_NAMES
    | {
        "bezier_curve": "de_casteljau|eval_bezier|bezier_point|bezier_eval",
        "w": "weights|w_ctrl",
        "tangents": "unit_tangents|tangent_out|directions",
        "parts": "left_points|cut_points|first_part",
    },
    double=True,
    weight=3,
)
def bezier_curve(d: Draft) -> None:
    """Evaluates Bezier curves at per-curve parameters."""
    degree = d.option("degree", 2, 3, 4)
    method = d.option("method", "casteljau", "bernstein", "lerp")
    kind = d.option("kind", "vec3", "vec2")
    layout = d.option("layout", "shared", "rows", "flat")
    give = d.option("give", "point", "tangent", "split") if method != "bernstein" else "point"
    rational = d.flag("rational", 0.35) if method == "bernstein" else False
    if give != "point":
        d.calls(
            {
                "tangent": "bezier_tangents|bezier_tangent|eval_bezier_tangent",
                "split": "split_bezier|subdivide_bezier|cut_curves",
            }[give]
        )
    elif method == "bernstein":
        d.calls("bezier_curve|eval_bezier|bezier_point|bezier_eval")
    m = d.pick(48, 64, 96)
    n = degree + 1
    label = {2: "quadratic", 3: "cubic", 4: "quartic"}[degree]
    prefix = "rational " if rational else ""
    if layout == "shared":
        d.says(
            {
                "point": f"Evaluates a {prefix}{label} Bezier curve at an array of parameters.",
                "tangent": f"Computes unit tangents of a {label} Bezier curve using de Casteljau's algorithm.",
                "split": f"Splits a {label} Bezier curve at each parameter and returns the left control points.",
            }[give]
        )
    else:
        d.says(
            {
                "point": f"Evaluates {prefix}{label} Bezier curves, one parameter per curve.",
                "tangent": f"Computes unit tangents of {label} Bezier curves using de Casteljau's algorithm.",
                "split": f"Splits {label} Bezier curves at per-curve parameters and returns the left control points.",
            }[give]
        )
    d.input(
        "points",
        kind,
        {"shared": (n,), "rows": (m, n), "flat": (m * n,)}[layout],
        -1.0,
        1.0,
        about="Control points",
    )
    if rational:
        d.input("w", "float", n, 0.5, 2.0, about="Control point weights")
    d.input("u", "float", m, 0.02, 0.98, about="Parameters in [0, 1]")
    made, about = {
        "point": ("curve", "Evaluated points"),
        "tangent": ("tangents", "Unit tangents"),
        "split": ("parts", "Control points of the left sub-curve"),
    }[give]
    d.output(made, kind, (m, n) if give == "split" else m, about=about)
    lines = ["tid = wp.tid()", "t = u[tid]"]
    if layout == "flat":
        lines.append(f"first = {n} * tid")
    base = {"shared": "points[{}]", "rows": "points[tid, {}]", "flat": "points[first + {}]"}[layout]
    at = [base.format(k).replace("first + 0", "first") for k in range(n)]
    if method == "bernstein":
        lines.append("s = 1.0 - t")
        terms = []
        for k in range(n):
            c = math.comb(degree, k)
            factors = [f"{c}.0"] if c > 1 else []
            factors += ["s"] * (degree - k) + ["t"] * k
            lines.append(f"b{k} = {' * '.join(factors)}" + (f" * w[{k}]" if rational else ""))
            terms.append(f"b{k} * {at[k]}")
        text = " + ".join(terms)
        if rational:
            lines += [f"norm = {' + '.join(f'b{k}' for k in range(n))}"]
            text = f"({text}) / norm"
        lines.append(f"curve[tid] = {text}")
    else:
        names = [f"p{k}" for k in range(n)]
        lines += [f"p{k} = {at[k]}" for k in range(n)]

        def mix(a: str, b: str) -> str:
            return f"wp.lerp({a}, {b}, t)" if method == "lerp" else f"(1.0 - t) * {a} + t * {b}"

        edge = ["p0"]
        letters = "abcdefgh"
        level = 0
        while len(names) > 1:
            if len(names) == 2:
                if give == "tangent":
                    lines += [
                        "# tangent from the last de Casteljau segment",
                        f"tangents[tid] = wp.normalize({names[1]} - {names[0]})",
                    ]
                elif give == "point":
                    lines.append(f"curve[tid] = {mix(*names)}")
                else:
                    edge.append(mix(*names))
                break
            fresh = [f"{letters[level]}{k}" for k in range(len(names) - 1)]
            lines += [f"{name} = {mix(names[k], names[k + 1])}" for k, name in enumerate(fresh)]
            edge.append(fresh[0])
            names, level = fresh, level + 1
        if give == "split":
            lines.append("# split at t: left control polygon for [0, t]")
            lines += [f"parts[tid, {k}] = {value}" for k, value in enumerate(edge)]
    d.launch(m)
    d.code("\n".join(lines))

    def reference(v: Values) -> dict[str, Any]:
        p = v.points.reshape((-1, n, v.points.shape[-1]))
        p = np.broadcast_to(p, (m, n, p.shape[-1]))
        t = v.u[:, None]
        weight = v.w if rational else np.ones(n)

        def bernstein(k: int, of: int, x: Any) -> Any:
            return math.comb(of, k) * x**k * (1 - x) ** (of - k)

        if give == "tangent":
            slope = sum(bernstein(k, degree - 1, t) * (p[:, k + 1] - p[:, k]) for k in range(degree))
            return {"tangents": slope / np.linalg.norm(slope, axis=-1, keepdims=True)}
        if give == "split":
            parts = [sum(bernstein(k, j, t) * p[:, k] for k in range(j + 1)) for j in range(n)]
            return {"parts": np.stack(parts, 1)}
        b = np.concatenate([bernstein(k, degree, t) * weight[k] for k in range(n)], 1)
        return {"curve": np.einsum("mk,mkc->mc", b, p) / b.sum(1, keepdims=True)}

    d.check(reference)
