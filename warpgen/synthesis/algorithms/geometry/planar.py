"""Level sets of grids: cells and contours."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.geometry import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "field": "values|phi|scalar_field",
    "iso": "level|isovalue|threshold",
    "code": "case_index|cell_case|case_bits",
    "cases": "case_out|codes|case_indices",
}


@DOMAIN.algorithm(
    source="Lorensen & Cline 1987, Marching cubes; Maple 2003 (squares); Treece et al. 1999 (tetrahedra)",
    names=_NAMES,
    adjoint="no",
)
def classify_cells(d: Draft) -> None:
    """Classifies grid cells relative to a level set."""
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
            "case": f"Computes the marching {'squares' if dim == 2 else 'cubes'} case for each cell, with "
            "one bit per corner "
            f"{side} the isovalue.",
            "active": "Marks grid cells crossed by a level set.",
            "edge points": "Computes the level set crossing fraction on each edge starting at a node, -1 "
            "for no crossing.",
            "crossings": "Counts the edges crossed by the level set for each grid cell.",
            "length": "Computes the contour length per cell using marching squares, 0 for ambiguous cells.",
        }[result]
    )
    d.launch(*cells)
    if result in ("case", "active"):
        if result == "case":
            d.output("cases", "int", cells, about="Case index per cell")
        else:
            d.output("active", "int", cells, about="1 if the cell is crossed, 0 otherwise")
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
            about="Crossing fractions per edge, -1 for no crossing",
        )
        d.function(
            """
            @wp.func
            def crossing_at(a: float, b: float, iso: float) -> float:
                # no sign change: the edge is not crossed
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
        d.output("crossings", "int", cells, about="Number of crossed edges per cell")
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
        d.output("length", "float", cells, about="Contour length per cell")
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
            # edge crossings in counter-clockwise order
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
            # skip ambiguous cells with four crossings
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
