"""Predicates and contours: circles, hulls, level sets of grids."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.geometry import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "points": "vertices|positions|p",
    "field": "values|phi|scalar_field",
    "iso": "level|isovalue|threshold",
    "code": "case_index|cell_case|case_bits",
    "cases": "case_out|codes|case_indices",
    "flips": "flip_flags|illegal|needs_flip",
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
    """Tests mesh edges for the Delaunay property with the in-circle predicate."""
    form = d.option("form", "determinant", "angles", "circumcenter")
    layout = d.option("layout", "quads", "rows", "soup")
    result = d.option("result", "flag", "value", "count")
    if form == "angles" and result == "value":
        result = "flag"
    d.says(
        {
            "determinant": "Tests mesh edges for the Delaunay property with the in-circle predicate.",
            "angles": "Tests mesh edges for the Delaunay property by the angles opposite to them.",
            "circumcenter": "Tests mesh edges for the Delaunay property with the circumcircle of one triangle.",
        }[form]
    )
    d.calls(
        {
            "flag": "delaunay_test|edge_flip_test|check_edges|delaunay_flips",
            "value": "in_circle_test|incircle_predicate|incircle_determinants"
            if form == "determinant"
            else "circle_power|circumcircle_power|point_powers",
            "count": "count_violations|count_flips|count_bad_edges",
        }[result]
    )
    n, m = d.pick(64, 96), d.pick(40, 50)
    if layout == "soup":
        d.input("points", "vec2", (n, 4), -1.0, 1.0, about="Ends of each edge and the opposite corners")
        lines = "a = points[tid, 0]\nb = points[tid, 1]\nc = points[tid, 2]\np = points[tid, 3]"
    else:
        d.input("points", "vec2", m, -1.0, 1.0, about="Point positions")
        if layout == "quads":
            d.input("edges", "vec4i", n, 0, m, about="Vertex indices of each edge and the opposite corners")
            lines = "\n".join(f"{name} = points[quad[{k}]]" for k, name in enumerate("abcp"))
            lines = f"quad = edges[tid]\n{lines}"
        else:
            d.input(
                "edges", "int", (n, 4), 0, m, about="Vertex indices of each edge and the opposite corners"
            )
            lines = "\n".join(f"{name} = points[edges[tid, {k}]]" for k, name in enumerate("abcp"))
    if result == "count":
        d.inout("num_violations", "int", 1, value=0.0, about="Number of edges that are not Delaunay")
        d.says("Counts edges that violate the Delaunay property.")
    elif result == "value":
        if form == "determinant":
            d.output("incircle", "float", n, about="In-circle determinants, positive inside")
        else:
            d.output(
                "powers", "float", n, about="Powers of the points, left as they are for collinear corners"
            )
        d.says("Evaluates the in-circle determinant, positive if the fourth point is inside.")
    else:
        d.output("flips", "int", n, about="1 for edges to flip")
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
            # the sign of the determinant depends on the orientation of (a, b, c)
            orientation = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
            """
        test, value = "det * orientation > 0.0", "wp.sign(orientation) * det"
    elif form == "circumcenter":
        body = """
            e = b - a
            f = c - a
            denom = 2.0 * (e[0] * f[1] - e[1] * f[0])
            # collinear corners have no circumcircle
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
            # the edge (a, b) is not Delaunay if the opposite angles at c and p sum to more than pi
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
        d.says(
            "Computes the power of a point with respect to the circumcircle of a triangle, negative inside."
        )
    measured = "incircle" if form == "determinant" else "powers"
    store = {
        "flag": f"flips[tid] = wp.where({test}, 1, 0)",
        "count": f"if {test}:\n    wp.atomic_add(num_violations, 0, 1)",
        "value": f"{measured}[tid] = {value}",
    }[result]
    d.launch(n)
    none = "flips[tid] = 0" if result == "flag" else ""
    d.code("tid = wp.tid()\n$lines\n$body\n$store", lines=lines, body=body, store=store, none=none)

    def agrees(v: Values, after: Values) -> None:
        q = v.points if layout == "soup" else v.points[v.edges]
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
            np.testing.assert_array_equal(np.asarray(after.flips)[sure], test[sure])
        else:
            assert abs(int(after.num_violations[0]) - (test & sure).sum()) <= (~sure).sum()

    d.holds(agrees)


@DOMAIN.algorithm(
    source="Lorensen & Cline 1987, Marching cubes; Maple 2003 (squares); Treece et al. 1999 (tetrahedra)",
    names=_NAMES,
    adjoint="no",
)
def classify_cells(d: Draft) -> None:
    """Classifies grid cells against the level set of a field."""
    dim = d.option("dimension", 2, 3)
    result = d.option("result", "case", "active", "edge points", "crossings", "length")
    side = d.option("side", "below", "above")
    loop = d.option("loop", "unrolled", "loop")
    if result == "length" and dim == 3:
        result = "crossings"
    d.calls(
        {
            "case": "classify_cells|marching_cases|cell_cases",
            "active": "mark_active_cells|find_crossed_cells|flag_active_cells",
            "edge points": "interpolate_crossings|edge_fractions|crossing_fractions",
            "crossings": "count_crossings|crossed_edges|count_crossed_edges",
            "length": "contour_length|marching_squares_length|iso_length",
        }[result]
    )
    n = d.pick(10, 12, 14) if dim == 2 else d.pick(6, 7, 8)
    d.input("field", "float", (n,) * dim, -1.0, 1.0, about="Node values")
    d.param("iso", "float", -0.3, 0.3, about="Isovalue")
    names = "ijk"[:dim]
    here = ", ".join(names)
    compare = "<" if side == "below" else ">"
    corners = [(0, 0), (1, 0), (1, 1), (0, 1)]
    if dim == 3:
        corners = [(*c, z) for z in (0, 1) for c in corners]  # type: ignore[misc]
    at = [", ".join(f"{x} + 1" if s else x for x, s in zip(names, c, strict=True)) for c in corners]
    cells = (n - 1,) * dim
    d.says(
        {
            "case": f"Computes each cell's case number of marching {'squares' if dim == 2 else 'cubes'}, a bit for each "
            f"corner {side} the level.",
            "active": "Marks grid cells that are crossed by the level set of a field.",
            "edge points": "Finds how far along each axis the level set crosses the edges from a node, -1 for none.",
            "crossings": "Counts the edges of each grid cell that are crossed by the level set.",
            "length": "Computes the contour length per cell with marching squares, 0 for ambiguous cells.",
        }[result]
    )
    d.launch(*cells)
    if result in ("case", "active"):
        if result == "case":
            d.output("cases", "int", cells, about="Case indices")
        else:
            d.output("active", "int", cells, about="1 for crossed cells")
        if loop == "unrolled":
            bits = "code = int(0)\n" + "\n".join(
                f"if field[{a}] {compare} iso:\n    code += {1 << k}" for k, a in enumerate(at)
            )
        elif dim == 2:
            bits = f"""
                code = int(0)
                for k in range(4):
                    # corners counter-clockwise, starting at the lower left
                    di = wp.where(k == 1 or k == 2, 1, 0)
                    dj = wp.where(k >= 2, 1, 0)
                    if field[i + di, j + dj] {compare} iso:
                        code = code | (1 << k)
                """
        else:
            bits = f"""
                code = int(0)
                for c in range(8):
                    # corners counter-clockwise per layer
                    ring = c % 4
                    di = wp.where(ring == 1 or ring == 2, 1, 0)
                    dj = wp.where(ring >= 2, 1, 0)
                    if field[i + di, j + dj, k + c // 4] {compare} iso:
                        code = code | (1 << c)
                """
        full = (1 << len(corners)) - 1
        store = (
            f"cases[{here}] = code"
            if result == "case"
            else f"active[{here}] = wp.where(code > 0 and code < {full}, 1, 0)"
        )
        d.code("$index = wp.tid()\n$bits\n$store", index=here, bits=bits, store=store)
    elif result == "edge points":
        d.output(
            "fractions",
            "vec2" if dim == 2 else "vec3",
            cells,
            about="Fractions of the edges, -1 where they are not crossed",
        )
        d.function(
            """
            @wp.func
            def crossing_at(a: float, b: float, iso: float) -> float:
                # -1 for edges without a sign change
                if (a < iso) == (b < iso):
                    return -1.0
                return (iso - a) / (b - a)
            """
        )
        ways = [", ".join(f"{x} + 1" if x == axis else x for x in names) for axis in names]
        parts = ", ".join(f"crossing_at(here, field[{w}], iso)" for w in ways)
        if loop == "unrolled":
            body = f"fractions[{here}] = wp.vec{dim}({parts})"
        else:
            body = "\n".join(
                f"t{x} = crossing_at(here, field[{w}], iso)" for x, w in zip(names, ways, strict=True)
            )
            body += f"\nfractions[{here}] = wp.vec{dim}({', '.join('t' + x for x in names)})"
        d.code(f"{here} = wp.tid()\nhere = field[{here}]\n$body", body=body)
    elif result == "crossings":
        d.output("crossings", "int", cells, about="Crossed edges of each cell")
        edges = [
            (a, b)
            for a in range(len(corners))
            for b in range(a)
            if sum(x != y for x, y in zip(corners[a], corners[b], strict=True)) == 1
        ]
        lines = "\n".join(f"s{k} = field[{a}] {compare} iso" for k, a in enumerate(at))
        lines += "\ncount = int(0)\n" + "\n".join(f"if s{b} != s{a}:\n    count += 1" for a, b in edges)
        if dim == 3:
            lines = f"""
                count = int(0)
                # four edges along each axis
                for u in range(2):
                    for v in range(2):
                        if (field[i, j + u, k + v] {compare} iso) != (field[i + 1, j + u, k + v] {compare} iso):
                            count += 1
                        if (field[i + u, j, k + v] {compare} iso) != (field[i + u, j + 1, k + v] {compare} iso):
                            count += 1
                        if (field[i + u, j + v, k] {compare} iso) != (field[i + u, j + v, k + 1] {compare} iso):
                            count += 1
                """
        d.code(f"{here} = wp.tid()\n$lines\ncrossings[{here}] = count", lines=lines)
    else:
        d.param("h", "float", 0.05, 0.2, about="Cell size")
        d.output("length", "float", cells, about="Lengths of the contour")
        d.function(
            """
            @wp.func
            def cut(a: float, b: float, iso: float) -> float:
                return (iso - a) / (b - a)
            """
        )
        d.code(
            f"""
            i, j = wp.tid()
            a = field[i, j]
            b = field[i + 1, j]
            c = field[i + 1, j + 1]
            e = field[i, j + 1]
            # crossings on the four sides in counter-clockwise order
            p0 = wp.vec2()
            p1 = wp.vec2()
            n = int(0)
            if (a {compare} iso) != (b {compare} iso):
                p0 = wp.vec2(cut(a, b, iso), 0.0)
                n += 1
            if (b {compare} iso) != (c {compare} iso):
                if n == 0:
                    p0 = wp.vec2(1.0, cut(b, c, iso))
                else:
                    p1 = wp.vec2(1.0, cut(b, c, iso))
                n += 1
            if (e {compare} iso) != (c {compare} iso):
                if n == 0:
                    p0 = wp.vec2(cut(e, c, iso), 1.0)
                else:
                    p1 = wp.vec2(cut(e, c, iso), 1.0)
                n += 1
            if (a {compare} iso) != (e {compare} iso):
                p1 = wp.vec2(0.0, cut(a, e, iso))
                n += 1
            # cells with four crossings are ambiguous and get no length
            if n == 2:
                length[i, j] = h * wp.length(p1 - p0)
            else:
                length[i, j] = 0.0
            """
        )

    def reference(v: Values) -> dict[str, Any]:
        f = v.field
        cut = [f[tuple(slice(s, n - 1 + s) for s in c)] for c in corners]
        inside = np.stack([x < v.iso if side == "below" else x > v.iso for x in cut])
        code = sum(inside[k].astype(int) << k for k in range(len(corners)))
        if result == "case":
            return {"cases": code}
        if result == "active":
            return {"active": inside.any(axis=0) & ~inside.all(axis=0)}
        if result == "crossings":
            met: Any = 0
            for a in range(len(corners)):
                for b in range(a):
                    if sum(x != y for x, y in zip(corners[a], corners[b], strict=True)) == 1:
                        met = met + (inside[a] != inside[b])
            return {"crossings": met}
        if result == "edge points":
            low = f[(slice(0, n - 1),) * dim]
            parts = []
            for axis in range(dim):
                high = f[tuple(slice(1, n) if k == axis else slice(0, n - 1) for k in range(dim))]
                parts.append(np.where((low < v.iso) != (high < v.iso), (v.iso - low) / (high - low), -1.0))
            return {"fractions": np.stack(parts, axis=-1)}
        made = np.zeros(cells)
        for i, j in np.ndindex(*cells):
            ends = []
            for (x0, y0), (x1, y1) in (
                ((0, 0), (1, 0)),
                ((1, 0), (1, 1)),
                ((1, 1), (0, 1)),
                ((0, 1), (0, 0)),
            ):
                p, q = f[i + x0, j + y0], f[i + x1, j + y1]
                if (p < v.iso) != (q < v.iso):
                    t = (v.iso - p) / (q - p)
                    ends.append(np.array([x0 + t * (x1 - x0), y0 + t * (y1 - y0)]))
            if len(ends) == 2:
                made[i, j] = v.h * np.linalg.norm(ends[1] - ends[0])
        return {"length": made}

    d.check(reference, 2e-3)
