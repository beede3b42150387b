"""Circumcircles of triangles in the plane: which points lie inside, and which edges are Delaunay."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.geometry import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "points": "vertices|positions|p",
    "flips": "flip_flags|illegal|needs_flip",
    "tests": "queries|test_indices",
}


def _cross(a: Any, b: Any) -> Any:
    """The third component of the cross product of vectors in the plane."""
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


@DOMAIN.algorithm(
    source="Guibas & Stolfi 1985; Shewchuk 1997; Lawson 1977 (edge flips)",
    names=_NAMES,
    adjoint="no",
    double=True,
)
def delaunay_test(d: Draft) -> None:
    """Tests mesh edges for the Delaunay property and points against circumcircles."""
    form = d.option("form", "determinant", "angles", "circumcenter")
    layout = d.option("layout", "quads", "rows", "soup")
    result = d.option("result", "flag", "value", "count")
    if form == "angles" and result == "value":
        result = "flag"
    d.says(
        {
            "determinant": "Tests whether points lie inside triangle circumcircles using the in-circle "
            "predicate.",
            "angles": "Tests mesh edges for the Delaunay property using the opposite angles.",
            "circumcenter": "Tests whether points lie inside triangle circumcircles.",
        }[form]
    )
    edges = form == "angles"
    d.calls(
        {
            "flag": "delaunay_test|edge_flip_test|check_edges|delaunay_flips"
            if edges
            else "in_circle_test|points_in_circumcircles|circumcircle_test",
            "value": "in_circle_test|incircle_predicate|incircle_determinants"
            if form == "determinant"
            else "circle_power|circumcircle_power|point_powers",
            "count": "count_violations|count_flips|count_bad_edges"
            if edges
            else "count_in_circles|count_inside",
        }[result]
    )
    n, m = d.pick(64, 96), d.pick(40, 50)
    flags = ""
    if layout == "soup":
        corners = (
            "Edge endpoints and the two opposite corners"
            if edges
            else "Triangle corners and the point to test"
        )
        d.input("points", "vec2", (n, 4), -1.0, 1.0, about=corners)
        lines = "a = points[tid, 0]\nb = points[tid, 1]\nc = points[tid, 2]\np = points[tid, 3]"
    else:
        d.input("points", "vec2", m, -1.0, 1.0, about="Point positions")
        listed = "edges" if edges else "tests"
        corners = "each edge and the opposite corners" if edges else "each triangle and the point to test"
        if layout == "quads":
            d.input(listed, "vec4i", n, 0, m, about=f"Indices of {corners}")
            lines = "\n".join(f"{name} = points[quad[{k}]]" for k, name in enumerate("abcp"))
            lines = f"quad = {listed}[tid]\n{lines}"
        else:
            d.input(listed, "int", (n, 4), 0, m, about=f"Indices of {corners}")
            lines = "\n".join(f"{name} = points[{listed}[tid, {k}]]" for k, name in enumerate("abcp"))
    if result == "count":
        flags = "num_violations" if edges else "num_inside"
        what = "edges that are not Delaunay" if edges else "points inside"
        d.inout(flags, "int", 1, value=0.0, about=f"Number of {what}")
        d.says(
            "Counts edges that violate the Delaunay property."
            if edges
            else "Counts points inside triangle circumcircles."
        )
    elif result == "value":
        if form == "determinant":
            d.output("incircle", "float", n, about="In-circle determinants, positive inside")
        else:
            d.output("powers", "float", n, about="Per-point power, unchanged if the corners are collinear")
        d.says("Evaluates the in-circle determinant, positive if the fourth point is inside.")
    else:
        flags = "flips" if edges else "inside"
        d.output(
            flags, "int", n, about="1 if the edge should be flipped" if edges else "1 if the point is inside"
        )
    if form == "determinant":
        body = """
            u = a - p
            v = b - p
            w = c - p
            det = (
                wp.dot(u, u) * (v[0] * w[1] - v[1] * w[0])
                - wp.dot(v, v) * (u[0] * w[1] - u[1] * w[0])
                + wp.dot(w, w) * (u[0] * v[1] - u[1] * v[0])
            )
            # flip the determinant sign based on the (a, b, c) orientation
            orientation = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
            """
        test, value = "det * orientation > 0.0", "wp.sign(orientation) * det"
    elif form == "circumcenter":
        body = """
            e = b - a
            f = c - a
            denom = 2.0 * (e[0] * f[1] - e[1] * f[0])
            # skip degenerate triangles: collinear corners have no circumcircle
            if wp.abs(denom) < 1.0e-6:
                $none
                return
            ee = wp.dot(e, e)
            ff = wp.dot(f, f)
            center = a + wp.vec2(f[1] * ee - e[1] * ff, e[0] * ff - f[0] * ee) / denom
            radius_sq = wp.length_sq(center - a)
            """
        test, value = "wp.length_sq(p - center) < radius_sq", "wp.length_sq(p - center) - radius_sq"
    else:
        body = """
            # edge (a, b) between c and p is not Delaunay when the opposite angles add up to more than pi
            ca = a - c
            cb = b - c
            pa = a - p
            pb = b - p
            sin_c = ca[0] * cb[1] - ca[1] * cb[0]
            sin_p = pb[0] * pa[1] - pb[1] * pa[0]
            cos_c = wp.dot(ca, cb)
            cos_p = wp.dot(pa, pb)
            """
        test, value = "sin_c * sin_p > 0.0 and wp.abs(sin_c) * cos_p + cos_c * wp.abs(sin_p) < 0.0", ""
    if form == "circumcenter" and result == "value":
        d.says("Computes the power of a point relative to a triangle circumcircle (negative inside).")
    measured = "incircle" if form == "determinant" else "powers"
    store = {
        "flag": f"{flags}[tid] = wp.where({test}, 1, 0)",
        "count": f"if {test}:\n    wp.atomic_add({flags}, 0, 1)",
        "value": f"{measured}[tid] = {value}",
    }[result]
    d.launch(n)
    none = f"{flags}[tid] = 0" if result == "flag" else ""
    d.code("tid = wp.tid()\n$lines\n$body\n$store", lines=lines, body=body, store=store, none=none)

    def agrees(v: Values, after: Values) -> None:
        q = v.points if layout == "soup" else v.points[v["edges" if edges else "tests"]]
        a, b, c, p = (q[:, k] for k in range(4))
        area = _cross(b - a, c - a)
        matrix = np.stack(
            [np.concatenate([x - p, ((x - p) ** 2).sum(1, keepdims=True)], axis=1) for x in (a, b, c)], axis=1
        )
        inside = np.linalg.det(matrix) * np.sign(area)
        other_side = _cross(a - c, b - c) * _cross(b - p, a - p)
        test = inside > 0.0
        sure = (np.abs(inside) > 1e-4) & (np.abs(area) > 1e-3)
        if form == "angles":
            test &= other_side > 0.0
            sure &= np.abs(other_side) > 1e-4
        if result == "value":
            value = (
                inside
                if form == "determinant"
                else -inside / np.where(np.abs(area) > 1e-3, np.abs(area), 1.0)
            )
            np.testing.assert_allclose(after[measured][sure], value[sure], rtol=2e-2, atol=2e-3)
        elif result == "flag":
            np.testing.assert_array_equal(np.asarray(after[flags])[sure], test[sure])
        else:
            assert abs(int(after[flags][0]) - (test & sure).sum()) <= (~sure).sum()

    d.holds(agrees)
