"""B-splines and NURBS by de Boor's algorithm."""

from __future__ import annotations

from typing import Any

from warpgen.synthesis.algorithms.interpolation import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "points": "control_points|ctrl|poles",
    "u": "params|s|t_query",
    "curve": "curve_out|samples|sampled",
}


def _zero(kind: str) -> str:
    return "float(0.0)" if kind == "float" else f"wp.{kind}()"


_SPANS = {
    "linear": """
@wp.func
def find_span(knots: wp.array(dtype=float), degree: int, n: int, x: float) -> int:
    span = int(degree)
    while span < n - 1 and knots[span + 1] <= x:
        span += 1
    return span
""",
    "binary": """
@wp.func
def find_span(knots: wp.array(dtype=float), degree: int, n: int, x: float) -> int:
    low = int(degree)
    high = int(n)
    while high - low > 1:
        mid = (low + high) // 2
        if x < knots[mid]:
            high = mid
        else:
            low = mid
    return low
""",
}


@DOMAIN.algorithm(
    source="de Boor 1972; Cox 1972; Piegl & Tiller 1997, The NURBS Book",
    names=_NAMES
    | {
        "bspline_curve": "de_boor|eval_bspline|bspline_eval",
        "knots": "knot_vector|U|knot",
        "span": "k|segment|interval",
    },
    double=True,
    weight=2,
)
def bspline_curve(d: Draft) -> None:
    """Evaluates a B-spline curve at an array of parameters."""
    degree = d.option("degree", 2, 3)
    search = d.option("search", "linear", "binary", "given")
    kind = d.option("kind", "vec3", "float", "vec2")
    method = d.option("method", "triangle", "basis", "loops")
    # a quotient of what a loop of unknown length summed has no adjoint
    rational = d.flag("rational", 0.3) if kind == "vec3" and method != "loops" else False
    if rational:
        d.calls("nurbs_curve|eval_nurbs|nurbs_points")
    elif method != "triangle":
        d.calls("bspline_curve|eval_bspline|bspline_eval")
    n, m = d.pick(7, 8, 10), d.pick(48, 64, 96)
    label = {2: "quadratic", 3: "cubic"}[degree]
    if rational:
        d.says(f"Evaluates a {label} NURBS curve at an array of parameters.")
    else:
        d.says(f"Evaluates a {label} B-spline curve at given parameter values.")
    stored = "vec4" if rational else kind
    about = "Homogeneous control points (w x, w y, w z, w)" if rational else "Control points"
    d.input("points", stored, n, 0.2, 1.0, about=about)
    d.input("knots", "float", n + degree + 1, 0.0, 10.0, kind="ascending", about="Knot vector")
    if search == "given":
        d.input("spans", "int", m, degree, n, about="Knot span index per parameter")
        d.input("u", "float", m, about="Local parameters in [0, 1] within each span")
    else:
        d.input("u", "float", m, 0.02, 0.98, about="Parameters in [0, 1]")
    d.output("curve", kind, m, about="Evaluated points")
    p, point = str(degree), "q"
    lines = ["tid = wp.tid()", "n = points.shape[0]"] if search != "given" else ["tid = wp.tid()"]
    if search == "given":
        lines += ["span = spans[tid]", "x = wp.lerp(knots[span], knots[span + 1], u[tid])"]
    else:
        lines += [
            "# map u from [0, 1] to the valid knot range",
            f"x = wp.lerp(knots[{p}], knots[n], u[tid])",
        ]
        d.function(_SPANS[search])
        lines.append(f"span = find_span(knots, {p}, n, x)")
    if method == "basis":
        if degree == 2:
            lines += [
                "# nonzero basis functions of the quadratic B-spline",
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
                "# Cox-de Boor recursion",
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
        lines += [
            f"{name} = points[span - {degree - k}]" if k < degree else f"{name} = points[span]"
            for k, name in enumerate(names)
        ]
        for r in range(1, degree + 1):
            for j in range(degree, r - 1, -1):
                low = f"knots[span - {degree - j}]" if j < degree else "knots[span]"
                lines += [
                    f"a = (x - {low}) / (knots[span + {j + 1 - r}] - {low})",
                    f"d{j} = (1.0 - a) * d{j - 1} + a * d{j}",
                ]
        point = f"d{degree}"
    else:
        d.function("""
            @wp.func
            def basis0(knots: wp.array(dtype=float), i: int, x: float) -> float:
                return 1.0 if knots[i] <= x and x < knots[i + 1] else 0.0
        """)
        for r in range(1, degree + 1):
            d.function(f"""
                @wp.func
                def basis{r}(knots: wp.array(dtype=float), i: int, x: float) -> float:
                    rise = (x - knots[i]) / (knots[i + {r}] - knots[i])
                    fall = (knots[i + {r + 1}] - x) / (knots[i + {r + 1}] - knots[i + 1])
                    return rise * basis{r - 1}(knots, i, x) + fall * basis{r - 1}(knots, i + 1, x)
            """)
        lines += [
            f"q = {_zero(stored)}",
            f"for i in range(span - {degree}, span + 1):",
            f"    q += basis{degree}(knots, i, x) * points[i]",
        ]
    whole = f"wp.vec3({point}[0], {point}[1], {point}[2]) / {point}[3]"
    lines.append(f"curve[tid] = {whole if rational else point}")
    d.launch(m)
    d.code("\n".join(lines))
    d.explain(
        f"The knot vector must be strictly increasing with {degree + 1} more entries than control points."
        + (" Control points are in homogeneous coordinates." if rational else "")
    )

    def reference(v: Values) -> dict[str, Any]:
        p_ = v.points.reshape(n, -1)
        if search == "given":
            low = v.knots[v.spans]
            x = low + v.u * (v.knots[v.spans + 1] - low)
        else:
            x = v.knots[degree] + v.u * (v.knots[n] - v.knots[degree])
        # Cox and de Boor's definition, over all functions at once
        t, y = v.knots, x[:, None]
        b = ((t[:-1] <= y) & (y < t[1:])).astype(float)
        for r in range(1, degree + 1):
            rise = (y - t[: -r - 1]) / (t[r:-1] - t[: -r - 1])
            fall = (t[r + 1 :] - y) / (t[r + 1 :] - t[1:-r])
            b = rise * b[:, :-1] + fall * b[:, 1:]
        q = b @ p_
        q = q[:, :3] / q[:, 3:] if rational else q
        return {"curve": q.reshape(m) if kind == "float" else q}

    d.check(reference, 5e-3)
