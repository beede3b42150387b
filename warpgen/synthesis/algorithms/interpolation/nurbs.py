"""Rational B-spline surfaces."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.interpolation import DOMAIN
from warpgen.synthesis.library.proofs import mostly_close
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import piece

NURBS_PATCH = piece('''
@wp.struct
class NurbsPatch:
    """NURBS patch; knot vectors are non-decreasing."""

    knots_u: wp.array(dtype=float)
    knots_v: wp.array(dtype=float)
    control_points: wp.array2d(dtype=wp.vec3)
    weights: wp.array2d(dtype=float)
''')

_SPAN = {
    "binary": '''
@wp.func
def find_span(knots: wp.array(dtype=float), num_control: int, t: float) -> int:
    """Return the knot span index for a parameter using binary search."""
    # Special case: the domain end belongs to the last span
    if t >= knots[num_control]:
        return num_control - 1
    low = int(DEGREE)
    high = int(num_control)
    while high - low > 1:
        middle = (low + high) // 2
        if t < knots[middle]:
            high = middle
        else:
            low = middle
    return low
''',
    "linear": '''
@wp.func
def find_span(knots: wp.array(dtype=float), num_control: int, t: float) -> int:
    """Return the knot span index for a parameter using a linear scan."""
    span = int(DEGREE)
    # A linear scan is fast enough for short knot vectors
    while span < num_control - 1 and t >= knots[span + 1]:
        span += 1
    return span
''',
}

_DEGREES = {
    2: '''
@wp.func
def basis_functions(knots: wp.array(dtype=float), span: int, t: float) -> wp.vec3:
    """Nonzero quadratic B-spline basis functions N[span-2..span] at t (Cox-de Boor)."""
    # Degree 1
    a1 = (knots[span + 1] - t) / (knots[span + 1] - knots[span])
    b1 = (t - knots[span]) / (knots[span + 1] - knots[span])
    # Degree 2
    left = a1 / (knots[span + 1] - knots[span - 1])
    right = b1 / (knots[span + 2] - knots[span])
    n0 = (knots[span + 1] - t) * left
    n1 = (t - knots[span - 1]) * left + (knots[span + 2] - t) * right
    n2 = (t - knots[span]) * right
    return wp.vec3(n0, n1, n2)


@wp.func
def basis_derivatives(knots: wp.array(dtype=float), span: int, t: float) -> wp.vec3:
    """First derivatives of the quadratic basis functions."""
    a1 = (knots[span + 1] - t) / (knots[span + 1] - knots[span])
    b1 = (t - knots[span]) / (knots[span + 1] - knots[span])
    # N'_i = p / (u_{i+p} - u_i) N_{i,p-1} - p / (u_{i+p+1} - u_{i+1}) N_{i+1,p-1}
    left = 2.0 * a1 / (knots[span + 1] - knots[span - 1])
    right = 2.0 * b1 / (knots[span + 2] - knots[span])
    return wp.vec3(-left, left - right, right)
''',
    3: '''
@wp.func
def quadratic_basis(knots: wp.array(dtype=float), span: int, t: float) -> wp.vec3:
    """Nonzero degree-2 basis functions from the Cox-de Boor recursion."""
    a1 = (knots[span + 1] - t) / (knots[span + 1] - knots[span])
    b1 = (t - knots[span]) / (knots[span + 1] - knots[span])
    left = a1 / (knots[span + 1] - knots[span - 1])
    right = b1 / (knots[span + 2] - knots[span])
    return wp.vec3(
        (knots[span + 1] - t) * left,
        (t - knots[span - 1]) * left + (knots[span + 2] - t) * right,
        (t - knots[span]) * right,
    )


@wp.func
def scaled_quadratic(knots: wp.array(dtype=float), span: int, t: float) -> wp.vec3:
    """Quadratic basis functions divided by their support lengths."""
    q = quadratic_basis(knots, span, t)
    return wp.vec3(
        q[0] / (knots[span + 1] - knots[span - 2]),
        q[1] / (knots[span + 2] - knots[span - 1]),
        q[2] / (knots[span + 3] - knots[span]),
    )


@wp.func
def basis_functions(knots: wp.array(dtype=float), span: int, t: float) -> wp.vec4:
    """Nonzero cubic B-spline basis functions N[span-3..span] at t (Cox-de Boor)."""
    s = scaled_quadratic(knots, span, t)
    return wp.vec4(
        (knots[span + 1] - t) * s[0],
        (t - knots[span - 2]) * s[0] + (knots[span + 2] - t) * s[1],
        (t - knots[span - 1]) * s[1] + (knots[span + 3] - t) * s[2],
        (t - knots[span]) * s[2],
    )


@wp.func
def basis_derivatives(knots: wp.array(dtype=float), span: int, t: float) -> wp.vec4:
    """First derivatives of the cubic basis functions."""
    s = 3.0 * scaled_quadratic(knots, span, t)
    return wp.vec4(-s[0], s[0] - s[1], s[1] - s[2], s[2])
''',
}


@DOMAIN.algorithm(
    source="Piegl & Tiller 1997, The NURBS book, A2.1-A2.3, A4.3 and 4.4; de Boor 1972",
    names={
        "evaluate_nurbs": "nurbs_surface|nurbs_eval|evaluate_patch|surface_points",
        "patch": "surface|spline_surface",
        "parameters": "uv|params_uv|surface_uv",
    },
)
def evaluate_nurbs(d: Draft) -> None:
    """Evaluates a NURBS surface or its derivatives at given parameters."""
    degree = d.option("degree", 2, 3)
    search = d.option("search", *_SPAN)
    result = d.option("result", "points", "normals", "derivatives", "area")
    d.calls({
        "points": "evaluate_nurbs|nurbs_surface|nurbs_eval|surface_points",
        "normals": "nurbs_normals|surface_normals|evaluate_normals",
        "derivatives": "nurbs_derivatives|surface_derivatives|nurbs_partials",
        "area": "nurbs_area_density|surface_area_density|area_element",
    }[result])  # fmt: skip
    layout = d.option("layout", "list", "grid")
    trim = d.flag("trim", 0.4)
    store = d.option("weights", "struct", "homogeneous")
    n, m, count = d.pick(5, 6), d.pick(6, 7), d.pick(48, 64)
    shape = (count,) if layout == "list" else (d.pick(6, 8), d.pick(8, 10))
    u_knots, v_knots = n + degree + 1, m + degree + 1
    if store == "struct":
        d.struct("patch", NURBS_PATCH, {
            "knots_u": fill(0.0, 1.0, "ascending", shape=u_knots),
            "knots_v": fill(0.0, 1.0, "ascending", shape=v_knots),
            "control_points": fill(-1.0, 1.0, shape=(n, m)),
            "weights": fill(0.5, 2.0, shape=(n, m)),
        }, about="Knots, control points and weights")  # fmt: skip
        ku, kv, net = "patch.knots_u", "patch.knots_v", "patch.control_points"
        one = "w * patch.control_points[row, col]"
        weight = "w = patch.weights[row, col]"
    else:
        d.input("knots_u", "float", u_knots, 0.0, 1.0, "ascending", about="Knot vector along u")
        d.input("knots_v", "float", v_knots, 0.0, 1.0, "ascending", about="Knot vector along v")
        d.input(
            "control_net", "vec4", (n, m), 0.5, 2.0, about="Homogeneous control points (w x, w y, w z, w)"
        )
        ku, kv, net = "knots_u", "knots_v", "control_net"
        weight, one = "", ""
    if layout == "list":
        d.input("parameters", "vec2", shape, 0.0, 1.0, about="Parameters in [0, 1], scaled to the domain")
        place = "i = wp.tid()\nfraction = parameters[i]"
    else:
        place = """
            i, j = wp.tid()
            samples_u = $made.shape[0]
            samples_v = $made.shape[1]
            # Uniform grid over the domain, including the end points
            fraction = wp.vec2(float(i) / float(samples_u - 1), float(j) / float(samples_v - 1))
            """
    if trim:
        d.param("trim_center", "vec2", 0.3, 0.7, about="Trim circle center in [0, 1] domain coordinates")
        d.param("trim_radius", "float", 0.1, 0.3, about="Trim circle radius in [0, 1] domain coordinates")
    outs = {
        "points": (("points", "vec3", "Surface points"),),
        "normals": (("normals", "vec3", "Unit normals"),),
        "derivatives": (("tangents_u", "vec3", "dS/du"), ("tangents_v", "vec3", "dS/dv")),
        "area": (("area_density", "float", "Area density |dS/du x dS/dv|"),),
    }[result]
    for name, type, about in outs:
        d.output(name, type, shape, about=about)
    d.module(f"DEGREE = wp.constant({degree})")
    d.function(_SPAN[search])
    slopes = result != "points"
    text = _DEGREES[degree]
    if not slopes:
        text = text[: text.index("\n\n@wp.func\ndef basis_derivatives")]
    d.function(text)
    at = "i" if layout == "list" else "i, j"
    homogeneous = store == "homogeneous"
    term = "control_net[row, col]" if homogeneous else "wp.vec4(p[0], p[1], p[2], w)"
    d.launch(*shape)
    d.code(
        f"""
        $place
        $trim
        num_u = {net}.shape[0]
        num_v = {net}.shape[1]
        # The valid domain excludes DEGREE knots on each side
        u = wp.lerp({ku}[DEGREE], {ku}[num_u], fraction[0])
        v = wp.lerp({kv}[DEGREE], {kv}[num_v], fraction[1])
        span_u = find_span({ku}, num_u, u)
        span_v = find_span({kv}, num_v, v)
        basis_u = basis_functions({ku}, span_u, u)
        basis_v = basis_functions({kv}, span_v, v)
        $slopes
        # Tensor product in homogeneous coordinates
        homogeneous = wp.vec4(0.0)
        $zeros
        for a in range({degree + 1}):
            for b in range({degree + 1}):
                row = span_u - DEGREE + a
                col = span_v - DEGREE + b
                $weight
                homogeneous += basis_u[a] * basis_v[b] * control
                $more
        inv_w = 1.0 / homogeneous[3]
        point = inv_w * wp.vec3(homogeneous[0], homogeneous[1], homogeneous[2])
        $store
        """,
        place=place,
        made=outs[0][0],
        trim="""
            # Inside the trimmed hole: leave zeros
            if wp.length(fraction - trim_center) < trim_radius:
                return
            """
        if trim
        else "",
        slopes=f"slope_u = basis_derivatives({ku}, span_u, u)\nslope_v = basis_derivatives({kv}, span_v, v)"
        if slopes
        else "",
        zeros="homogeneous_du = wp.vec4(0.0)\nhomogeneous_dv = wp.vec4(0.0)" if slopes else "",
        weight="control = control_net[row, col]" if homogeneous else f"{weight}\np = {one}\ncontrol = {term}",
        more="homogeneous_du += slope_u[a] * basis_v[b] * control\nhomogeneous_dv += basis_u[a] * slope_v[b] * control"
        if slopes
        else "",
        store=(
            f"points[{at}] = point"
            if not slopes
            else """
            # Quotient rule: S_u = (A_u - w_u S) / w
            tangent_u = inv_w * (
                wp.vec3(homogeneous_du[0], homogeneous_du[1], homogeneous_du[2]) - homogeneous_du[3] * point
            )
            tangent_v = inv_w * (
                wp.vec3(homogeneous_dv[0], homogeneous_dv[1], homogeneous_dv[2]) - homogeneous_dv[3] * point
            )
            $last
            """
        ),
        last={
            "normals": f"""
                area_vector = wp.cross(tangent_u, tangent_v)
                # Degenerate normal when the tangents are parallel
                if wp.length_sq(area_vector) < 1.0e-10:
                    normals[{at}] = wp.vec3(0.0, 0.0, 0.0)
                    return
                normals[{at}] = wp.normalize(area_vector)
                """,
            "derivatives": f"tangents_u[{at}] = tangent_u\ntangents_v[{at}] = tangent_v",
            "area": f"area_density[{at}] = wp.length(wp.cross(tangent_u, tangent_v))",
            "points": "",
        }[result],
    )
    does = {
        "points": "Evaluates points",
        "normals": "Computes unit normals",
        "derivatives": "Computes first partial derivatives",
        "area": "Computes the area density",
    }[result]
    where = [*["inside the trim circle"] * trim, *["where tangents are parallel"] * (result == "normals")]
    zero = f", zero {' and '.join(where)}" if where else ""
    d.says(f"{does} of a NURBS surface{zero}.")
    d.explain("""
        Basis functions N follow the Cox-de Boor recurrence;
        S(u, v) = sum N_i(u) N_j(v) w_ij P_ij / sum N_i(u) N_j(v) w_ij.
    """)

    def agrees(v: Values, after: Values) -> None:
        if homogeneous:
            ku_, kv_, net_ = v.knots_u, v.knots_v, v.control_net
        else:
            ku_, kv_ = v["patch.knots_u"], v["patch.knots_v"]
            w = v["patch.weights"][..., None]
            net_ = np.concatenate([w * v["patch.control_points"], w], axis=-1)
        if layout == "list":
            part = v.parameters
        else:
            part = np.stack(np.meshgrid(*(np.linspace(0, 1, s) for s in shape), indexing="ij"), -1).reshape(
                -1, 2
            )
        u = ku_[degree] + part[:, 0] * (ku_[n] - ku_[degree])
        t = kv_[degree] + part[:, 1] * (kv_[m] - kv_[degree])
        (bu, du), (bv, dv) = _basis(ku_, degree, n, u), _basis(kv_, degree, m, t)
        full, by_u, by_v = (np.einsum("kn,km,nmc->kc", a, b, net_) for a, b in ((bu, bv), (du, bv), (bu, dv)))
        s = full[:, :3] / full[:, 3:]
        su = (by_u[:, :3] - by_u[:, 3:] * s) / full[:, 3:]
        sv = (by_v[:, :3] - by_v[:, 3:] * s) / full[:, 3:]
        area = np.cross(su, sv)
        size = np.linalg.norm(area, axis=1)
        made = {
            "points": s,
            "tangents_u": su,
            "tangents_v": sv,
            "area_density": size,
            "normals": np.where((size**2 > 1e-10)[:, None], area / np.maximum(size, 1e-30)[:, None], 0.0),
        }
        gone = (
            np.linalg.norm(part - v.trim_center, axis=1) < v.trim_radius
            if trim
            else np.zeros(len(part), bool)
        )
        for name, _, _ in outs:
            expected = np.where(gone.reshape(-1, *(1,) * (made[name].ndim - 1)), 0.0, made[name])
            mostly_close(after[name], expected.reshape(after[name].shape), 1e-2, 0.92)

    d.holds(agrees)


def _basis(knots: Any, degree: int, count: int, t: Any) -> tuple[Any, Any]:
    """All basis functions at parameters and their derivatives, by the recurrence."""
    t = t[:, None]
    last = np.minimum(t, np.nextafter(knots[count], -1.0))  # the end belongs to the last interval
    rows = [((knots[:-1] <= last) & (last < knots[1:])).astype(float)]
    for p in range(1, degree + 1):
        low, high = knots[p:-1] - knots[: -p - 1], knots[p + 1 :] - knots[1:-p]
        left = np.where(low > 1e-8, (t - knots[: -p - 1]) / np.maximum(low, 1e-8), 0.0) * rows[-1][:, :-1]
        right = np.where(high > 1e-8, (knots[p + 1 :] - t) / np.maximum(high, 1e-8), 0.0) * rows[-1][:, 1:]
        rows.append(left + right)
    p = degree
    low, high = knots[p:-1] - knots[: -p - 1], knots[p + 1 :] - knots[1:-p]
    slope = np.where(low > 1e-8, p / np.maximum(low, 1e-8), 0.0) * rows[-2][:, :-1]
    slope = slope - np.where(high > 1e-8, p / np.maximum(high, 1e-8), 0.0) * rows[-2][:, 1:]
    return rows[-1], slope
