"""Curves through or near points: Hermite and Catmull-Rom, Bezier, B-splines, slerp."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.interpolation import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "points": "control_points|keys|knots_p|ctrl",
    "u": "params|s|t_query",
    "curve": "values|positions_out|samples|sampled",
}


def _zero(kind: str) -> str:
    return "float(0.0)" if kind == "float" else f"wp.{kind}()"


@DOMAIN.algorithm(
    source="Catmull & Rom 1974; Kochanek & Bartels 1984",
    names=_NAMES
    | {
        "sample_spline": "evaluate_spline|spline_eval|cubic_curve|eval_hermite_spline",
        "tension": "tau|tightness",
        "i": "seg|segment|k",
    },
    double=True,
    adjoint="either",
)
def sample_spline(d: Draft) -> None:
    """Evaluates a cubic spline through equally spaced points."""
    family = d.option("family", "catmull-rom", "cardinal", "tcb", "hermite")
    closed = d.option("ends", "closed", "clamped")
    kind = d.option("kind", "vec3", "float", "vec2")
    basis = d.option("basis", "hermite", "horner") if family in ("catmull-rom", "hermite") else "hermite"
    derivative = d.option("derivative", "none", "instead")
    n, m = d.pick(6, 8, 12), d.pick(48, 64, 96)
    what = "derivative of a" if derivative == "instead" else "point on a"
    label = {"catmull-rom": "Catmull-Rom", "cardinal": "cardinal", "tcb": "Kochanek-Bartels", "hermite": "Hermite"}[family]
    d.says(f"Evaluates the {what} {label} spline at each of many parameters.")
    d.input("points", kind, n, -1.0, 1.0)
    if family == "hermite":
        d.input("tangents", kind, n, -1.0, 1.0)
    spans = n if closed == "closed" else n - 1
    d.input("u", "float", m, 0.0, spans - 0.01)
    if family == "cardinal":
        d.param("tension", "float", 0.0, 0.6)
    if family == "tcb":
        for name in ("tension", "continuity", "bias"):
            d.param(name, "float", -0.4, 0.4)
    d.output("curve", kind, m)
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
            "# the tangent that leaves p1 and the one that arrives at p2",
            "a = 0.5 * (1.0 - tension)",
            "m1 = a * (1.0 + bias) * (1.0 + continuity) * (p1 - p0) + a * (1.0 - bias) * (1.0 - continuity) * (p2 - p1)",
            "m2 = a * (1.0 + bias) * (1.0 - continuity) * (p2 - p1) + a * (1.0 - bias) * (1.0 + continuity) * (p3 - p2)",
        ]
    else:
        lines += ["m1 = tangents[i]", f"m2 = tangents[{at[1]}]"]
    if basis == "horner":
        lines += ["c2 = 3.0 * (p2 - p1) - 2.0 * m1 - m2", "c3 = 2.0 * (p1 - p2) + m1 + m2"]
        lines.append("curve[tid] = p1 + t * (m1 + t * (c2 + t * c3))" if derivative == "none" else "curve[tid] = m1 + t * (2.0 * c2 + 3.0 * t * c3)")
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
            "curve[tid] = bump * (p2 - p1) + (1.0 - t) * (1.0 - 3.0 * t) * m1 + t * (3.0 * t - 2.0) * m2",
        ]
    d.launch(m)
    d.code("\n".join(lines))
    d.explain("Point k belongs to the parameter u = k" + (", and the curve is closed." if closed == "closed" else "."))

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
        return {"curve": value.reshape(v.u.shape if kind == "float" else (m, -1))}

    d.check(reference)


@DOMAIN.algorithm(
    source="de Casteljau 1959; Farin 2002, Curves and Surfaces for CAGD, ch. 4",
    names=_NAMES
    | {
        "bezier_curve": "de_casteljau|eval_bezier|bezier_point|bezier_eval",
        "a": "q0|b01|left",
        "w": "weights|w_ctrl",
    },
    double=True,
)
def bezier_curve(d: Draft) -> None:
    """Evaluates Bezier curves, each at a parameter of its own."""
    degree = d.option("degree", 2, 3, 4)
    method = d.option("method", "casteljau", "bernstein", "lerp")
    kind = d.option("kind", "vec3", "vec2")
    layout = d.option("layout", "shared", "rows", "flat")
    give = d.option("give", "point", "tangent", "split") if method != "bernstein" else "point"
    rational = d.flag("rational", 0.35) if method == "bernstein" else False
    m = d.pick(48, 64, 96)
    n = degree + 1
    label = {2: "quadratic", 3: "cubic", 4: "quartic"}[degree]
    d.says({
        "point": f"Evaluates {'rational ' if rational else ''}{label} Bezier curves, each at a parameter of its own.",
        "tangent": f"Computes unit tangents of {label} Bezier curves by de Casteljau's scheme.",
        "split": f"Computes the control points of the first parts of {label} Bezier curves, cut at a parameter each.",
    }[give])
    d.input("points", kind, {"shared": (n,), "rows": (m, n), "flat": (m * n,)}[layout], -1.0, 1.0)
    if rational:
        d.input("w", "float", n, 0.5, 2.0)
    d.input("u", "float", m, 0.02, 0.98)
    d.output("curve", kind, (m, n) if give == "split" else m)
    lines = ["tid = wp.tid()", "t = u[tid]"]
    if layout == "flat":
        lines.append(f"first = {n} * tid")
    base = {"shared": "points[{}]", "rows": "points[tid, {}]", "flat": "points[first + {}]"}[layout]
    at = [base.format(k).replace("first + 0", "first") for k in range(n)]
    if method == "bernstein":
        import math as _math

        lines.append("s = 1.0 - t")
        terms = []
        for k in range(n):
            c = _math.comb(degree, k)
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
                    lines += ["# the last segment of the scheme touches the curve", f"curve[tid] = wp.normalize({names[1]} - {names[0]})"]
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
            lines.append("# the left edge of the scheme controls the part before t")
            lines += [f"curve[tid, {k}] = {value}" for k, value in enumerate(edge)]
    d.launch(m)
    d.code("\n".join(lines))

    def reference(v: Values) -> dict[str, Any]:
        import math as _math

        p = v.points.reshape((-1, n, v.points.shape[-1]))
        p = np.broadcast_to(p, (m, n, p.shape[-1]))
        t = v.u[:, None]
        weight = v.w if rational else np.ones(n)

        def bernstein(k: int, of: int, x: Any) -> Any:
            return _math.comb(of, k) * x**k * (1 - x) ** (of - k)

        if give == "tangent":
            slope = sum(bernstein(k, degree - 1, t) * (p[:, k + 1] - p[:, k]) for k in range(degree))
            return {"curve": slope / np.linalg.norm(slope, axis=-1, keepdims=True)}
        if give == "split":
            parts = [sum(bernstein(k, j, t) * p[:, k] for k in range(j + 1)) for j in range(n)]
            return {"curve": np.stack(parts, 1)}
        b = np.concatenate([bernstein(k, degree, t) * weight[k] for k in range(n)], 1)
        return {"curve": np.einsum("mk,mkc->mc", b, p) / b.sum(1, keepdims=True)}

    d.check(reference)


@DOMAIN.algorithm(
    source="de Boor 1972; Cox 1972; Piegl & Tiller 1997, The NURBS Book",
    names=_NAMES
    | {
        "bspline_curve": "de_boor|eval_bspline|bspline_eval|nurbs_point",
        "knots": "knot_vector|U|knot",
        "span": "k|segment|interval",
    },
    double=True,
    adjoint="no",
)
def bspline_curve(d: Draft) -> None:
    """Evaluates a B-spline curve at many parameters by de Boor's algorithm."""
    degree = d.option("degree", 2, 3)
    search = d.option("search", "linear", "binary", "given")
    kind = d.option("kind", "vec3", "float", "vec2")
    method = d.option("method", "triangle", "basis", "loops")
    rational = d.flag("rational", 0.3) if kind == "vec3" else False
    n, m = d.pick(7, 8, 10), d.pick(48, 64, 96)
    label = {2: "quadratic", 3: "cubic"}[degree]
    if rational:
        d.says(f"Evaluates a {label} NURBS curve at many parameters.")
    else:
        d.says(f"Evaluates a {label} B-spline curve at many parameters.")
    stored = "vec4" if rational else kind
    d.input("points", stored, n, 0.2, 1.0)
    d.input("knots", "float", n + degree + 1, 0.0, 10.0, kind="ascending")
    if search == "given":
        d.input("spans", "int", m, degree, n)
        d.input("u", "float", m)
    else:
        d.input("u", "float", m, 0.02, 0.98)
    d.output("curve", kind, m)
    p = str(degree)
    lines = ["tid = wp.tid()", "n = points.shape[0]"] if search != "given" else ["tid = wp.tid()"]
    if search == "given":
        lines += ["span = spans[tid]", "x = wp.lerp(knots[span], knots[span + 1], u[tid])"]
    else:
        lines += ["# u is relative to where the basis is complete", f"x = wp.lerp(knots[{p}], knots[n], u[tid])"]
        if search == "linear":
            lines += [f"span = int({p})", "while span < n - 1 and knots[span + 1] <= x:", "    span += 1"]
        else:
            lines += [
                f"low = int({p})",
                "high = int(n)",
                "while high - low > 1:",
                "    mid = (low + high) // 2",
                "    if x < knots[mid]:",
                "        high = mid",
                "    else:",
                "        low = mid",
                "span = low",
            ]
    if method == "basis":
        if degree == 2:
            lines += [
                "# the three basis functions that are not zero here",
                "h = knots[span + 1] - knots[span]",
                "r1 = (knots[span + 1] - x) / h",
                "l1 = 1.0 - r1",
                "left = (knots[span + 1] - x) / (knots[span + 1] - knots[span - 1])",
                "right = (x - knots[span]) / (knots[span + 2] - knots[span])",
                "b0 = left * r1",
                "b2 = right * l1",
                "q = b0 * points[span - 2] + (1.0 - b0 - b2) * points[span - 1] + b2 * points[span]",
            ]
        else:
            lines += [
                "# Cox and de Boor's recurrence, degree by degree",
                "r1 = knots[span + 1] - x",
                "r2 = knots[span + 2] - x",
                "r3 = knots[span + 3] - x",
                "l1 = x - knots[span]",
                "l2 = x - knots[span - 1]",
                "l3 = x - knots[span - 2]",
                "b = 1.0 / (r1 + l1)",
                "n1 = r1 * b",
                "n2 = l1 * b",
                "s1 = n1 / (r1 + l2)",
                "s2 = n2 / (r2 + l1)",
                "n0 = r1 * s1",
                "n1 = l2 * s1 + r2 * s2",
                "n2 = l1 * s2",
                "s0 = n0 / (r1 + l3)",
                "s1 = n1 / (r2 + l2)",
                "s2 = n2 / (r3 + l1)",
                "q = r1 * s0 * points[span - 3] + (l3 * s0 + r2 * s1) * points[span - 2]",
                "q += (l2 * s1 + r3 * s2) * points[span - 1] + l1 * s2 * points[span]",
            ]
    elif method == "triangle":
        names = [f"d{k}" for k in range(degree + 1)]
        lines += [f"{name} = points[span - {degree - k}]" if k < degree else f"{name} = points[span]" for k, name in enumerate(names)]
        for r in range(1, degree + 1):
            for j in range(degree, r - 1, -1):
                low = f"knots[span - {degree - j}]" if j < degree else "knots[span]"
                lines += [f"a = (x - {low}) / (knots[span + {j + 1 - r}] - {low})", f"d{j} = (1.0 - a) * d{j - 1} + a * d{j}"]
        lines += [f"q = d{degree}"]
    else:
        d.function(f"""
            @wp.func
            def basis(knots: wp.array(dtype=float), i: int, x: float) -> float:
                # degree zero on the {degree + 1} intervals of this function, then up by the recurrence
                v = wp.vec4()
                for j in range({degree + 1}):
                    if knots[i + j] <= x and x < knots[i + j + 1]:
                        v[j] = 1.0
                for r in range(1, {degree + 1}):
                    for j in range({degree + 1} - r):
                        k = i + j
                        a = (x - knots[k]) / (knots[k + r] - knots[k])
                        b = (knots[k + r + 1] - x) / (knots[k + r + 1] - knots[k + 1])
                        v[j] = a * v[j] + b * v[j + 1]
                return v[0]
        """)
        lines += [f"q = {_zero(stored)}", f"for i in range(span - {degree}, span + 1):", "    q += basis(knots, i, x) * points[i]"]
    lines.append("curve[tid] = wp.vec3(q[0], q[1], q[2]) / q[3]" if rational else "curve[tid] = q")
    d.launch(m)
    d.code("\n".join(lines))
    d.explain(f"Knots ascend, {degree + 1} more than there are points; none may coincide."
              + (" Points are homogeneous: (w x, w y, w z, w)." if rational else ""))

    def reference(v: Values) -> dict[str, Any]:
        from scipy.interpolate import BSpline

        p_ = v.points.reshape(n, -1)
        if search == "given":
            low = v.knots[v.spans]
            x = low + v.u * (v.knots[v.spans + 1] - low)
        else:
            x = v.knots[degree] + v.u * (v.knots[n] - v.knots[degree])
        q = BSpline(v.knots, p_, degree)(x)
        q = q[:, :3] / q[:, 3:] if rational else q
        return {"curve": q.reshape(m) if kind == "float" else q}

    d.check(reference, 5e-3)


@DOMAIN.algorithm(
    source="Shoemake 1985 (slerp); Shoemake 1987 (squad)",
    names={
        "interpolate_rotation": "sample_rotation|slerp_keys|rotation_track|animate_orientation",
        "keys": "rotations|key_rot|quats",
        "times": "key_times|t_keys|timestamps",
        "when": "t|query_time|time",
        "pose": "orientation|rotation_out|q_out",
        "low": "lo|first|left",
        "high": "hi|last|right",
    },
    adjoint="no",
)
def interpolate_rotation(d: Draft) -> None:
    """Interpolates key rotations at given times along the shortest arcs."""
    method = d.option("method", "slerp", "nlerp", "builtin", "squad")
    search = d.option("search", "binary", "linear", "uniform")
    ends = d.option("ends", "clamp", "loop") if search == "uniform" else "clamp"
    position = d.flag("transform", 0.3) if method in ("slerp", "nlerp") else False
    n, m = d.pick(5, 6, 8), d.pick(48, 64, 96)
    if method == "squad":
        d.says("Interpolates key rotations at given times by Shoemake's spherical quadrangles.")
    if position:
        d.says("Interpolates key poses at given times: positions linearly, rotations along the shortest arcs.")
    d.input("keys", "transform" if position else "quat", n, -1.0, 1.0, kind="transform" if position else "unit")
    if method == "squad":
        d.input("inner", "quat", n, kind="unit")
    if search == "uniform":
        d.param("period", "float", 0.2, 0.5)
        d.input("when", "float", m, 0.0, 1.0)
    else:
        d.input("times", "float", n, 0.0, 10.0, kind="ascending")
        d.input("when", "float", m, 0.0, 10.0)
    d.output("pose", "transform" if position else "quat", m)
    lines = ["tid = wp.tid()", "n = keys.shape[0]"]
    if search == "uniform":
        lines += ["s = when[tid] / period", "k = int(s)"]
        if ends == "loop":
            lines += ["alpha = s - float(k)", "k = k % n", "after = (k + 1) % n"]
        else:
            lines += ["k = wp.min(k, n - 2)", "alpha = wp.min(s - float(k), 1.0)", "after = k + 1"]
    else:
        lines += ["t = wp.clamp(when[tid], times[0], times[n - 1])"]
        if search == "linear":
            lines += ["k = int(0)", "while k < n - 2 and times[k + 1] < t:", "    k += 1"]
        else:
            lines += ["low = int(0)", "high = n - 1", "while high - low > 1:", "    mid = (low + high) // 2",
                      "    if times[mid] <= t:", "        low = mid", "    else:", "        high = mid", "k = low"]
        lines += ["alpha = (t - times[k]) / (times[k + 1] - times[k])", "after = k + 1"]
    if position:
        lines += ["a = wp.transform_get_rotation(keys[k])", "b = wp.transform_get_rotation(keys[after])"]
    else:
        lines += ["a = keys[k]", "b = keys[after]"]
    slerp = """
    @wp.func
    def slerp(a: wp.quat, b: wp.quat, t: float) -> wp.quat:
        cos_theta = wp.dot(a, b)
        sign = 1.0
        if cos_theta < 0.0:
            # q and -q are one rotation: take the nearer of them
            cos_theta = -cos_theta
            sign = -1.0
        if cos_theta > 0.9995:
            # sin(theta) is about to vanish, and a straight line is as good
            return wp.normalize((1.0 - t) * a + sign * t * b)
        theta = wp.acos(cos_theta)
        return (wp.sin((1.0 - t) * theta) * a + sign * wp.sin(t * theta) * b) / wp.sin(theta)
    """
    if method == "slerp":
        d.function(slerp)
        value = "slerp(a, b, alpha)"
    elif method == "squad":
        d.function(slerp)
        lines += [
            "# two arcs between keys and inner quadrangle points, and one between the arcs",
            "outer = slerp(a, b, alpha)",
            "between = slerp(inner[k], inner[after], alpha)",
        ]
        value = "slerp(outer, between, 2.0 * alpha * (1.0 - alpha))"
    elif method == "nlerp":
        lines += ["if wp.dot(a, b) < 0.0:", "    b = -b"]
        value = "wp.normalize((1.0 - alpha) * a + alpha * b)"
    else:
        lines += ["if wp.dot(a, b) < 0.0:", "    # the short way round", "    b = -b"]
        value = "wp.quat_slerp(a, b, alpha)"
    if position:
        lines += [
            f"q = {value}",
            "p = wp.lerp(wp.transform_get_translation(keys[k]), wp.transform_get_translation(keys[after]), alpha)",
            "pose[tid] = wp.transform(p, q)",
        ]
    else:
        lines.append(f"pose[tid] = {value}")
    d.launch(m)
    d.code("\n".join(lines))

    def holds(before: Values, after: Values) -> None:
        v = before
        rotations = v.keys[:, 3:] if position else v.keys
        if search == "uniform":
            s = v.when / v.period
            k = s.astype(int)
            if ends == "loop":
                alpha, nxt = s - k, (k + 1) % n
                k = k % n
            else:
                k = np.minimum(k, n - 2)
                alpha, nxt = np.minimum(s - k, 1), k + 1
        else:
            t = np.clip(v.when, v.times[0], v.times[-1])
            k = np.clip(np.searchsorted(v.times, t, "right") - 1, 0, n - 2)
            nxt, alpha = k + 1, (t - v.times[k]) / (v.times[k + 1] - v.times[k])

        def arc(a: Any, b: Any, t: Any) -> Any:
            cosine = (a * b).sum(-1, keepdims=True)
            b, cosine = np.where(cosine < 0, -b, b), abs(cosine)
            if method == "nlerp":
                q = (1 - t) * a + t * b
                return q / np.linalg.norm(q, axis=-1, keepdims=True)
            # turn a towards the part of b that is orthogonal to it
            theta = np.arccos(np.clip(cosine, -1, 1)) * t
            side = b - cosine * a
            side = side / np.maximum(np.linalg.norm(side, axis=-1, keepdims=True), 1e-12)
            return np.cos(theta) * a + np.sin(theta) * side

        x = alpha[:, None]
        q = arc(rotations[k], rotations[nxt], x)
        if method == "squad":
            q = arc(q, arc(v.inner[k], v.inner[nxt], x), 2 * x * (1 - x))
        got = after.pose[:, 3:] if position else after.pose
        np.testing.assert_allclose(abs((got * q).sum(-1)), 1.0, atol=1e-4)
        np.testing.assert_allclose(np.linalg.norm(got, axis=-1), 1.0, atol=1e-4)
        if position:
            p = (1 - x) * v.keys[k, :3] + x * v.keys[nxt, :3]
            np.testing.assert_allclose(after.pose[:, :3], p, atol=1e-4)

    d.holds(holds)
