"""Pairs of triangles in space."""

from __future__ import annotations

import numpy as np

from warpgen.synthesis.algorithms.geometry import DOMAIN
from warpgen.synthesis.algorithms.geometry.bounds import NAMES
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Moeller 1997, A fast triangle-triangle intersection test; Ericson 2004, 5.2.10",
    names=NAMES | {"triangles_cross": "tri_tri_intersect|triangle_triangle_test|intersect_triangles"},
    adjoint="no",
    double=True,
)
def triangles_cross(d: Draft) -> None:
    """Tests pairs of triangles for intersection using interval overlap (Moeller)."""
    layout = d.option("layout", "soup", "indexed", "flat")
    result = d.option("result", "flag", "count", "length")
    if result != "flag":
        d.calls(
            {
                "count": "count_crossings|count_intersections|crossing_pairs",
                "length": "intersection_length|crossing_length|cut_lengths",
            }[result]
        )
    adjacent = " or adjacent" if layout == "indexed" else ""
    n, m, points = d.pick(48, 64, 96), d.pick(24, 32), d.pick(20, 24)
    corners = ("a0", "a1", "a2", "b0", "b1", "b2")
    if layout == "soup":
        d.input("triangles", "vec3", (n, 6), -1.0, 1.0, about="Vertices of both triangles per pair")
        lines = "\n".join(f"{name} = triangles[tid, {k}]" for k, name in enumerate(corners))
    elif layout == "flat":
        d.input("first", "vec3", 3 * n, -1.0, 1.0, about="Corners of the first triangle in each pair")
        d.input("second", "vec3", 3 * n, -1.0, 1.0, about="Corners of the second triangle in each pair")
        lines = "\n".join(f"a{k} = first[3 * tid{f' + {k}' if k else ''}]" for k in range(3))
        lines += "\n" + "\n".join(f"b{k} = second[3 * tid{f' + {k}' if k else ''}]" for k in range(3))
    else:
        d.input("points", "vec3", points, -1.0, 1.0, about="Point positions")
        d.input("faces", "vec3i", m, 0, points, about="Triangle vertex indices")
        d.input("pairs", "vec2i", n, 0, m, about="Triangle index pairs to test")
        lines = """
            pair = pairs[tid]
            f = faces[pair[0]]
            g = faces[pair[1]]
            $shared
            a0 = points[f[0]]
            a1 = points[f[1]]
            a2 = points[f[2]]
            b0 = points[g[0]]
            b1 = points[g[1]]
            b2 = points[g[2]]
            """
    none = {"flag": "hit[tid] = 0", "length": "length[tid] = 0.0"}.get(result, "")
    skip = """
        # skip adjacent faces, since they always touch at the shared vertex
        for i in range(3):
            for j in range(3):
                if f[i] == g[j]:
                    return
        """
    if none:
        skip = skip.replace("return", f"{none}\n                    return")
    d.function(
        """
        @wp.func
        def line_interval(p: wp.vec3, d: wp.vec3) -> wp.vec2:
            # compute the triangle interval on the common line from projections p and plane distances d
            q = p
            h = d
            # reorder so that the corner alone on its side of the plane is first
            if d[0] * d[1] > 0.0 or (d[0] == 0.0 and d[1] == 0.0):
                q = wp.vec3(p[2], p[0], p[1])
                h = wp.vec3(d[2], d[0], d[1])
            elif d[0] * d[2] > 0.0 or (d[0] == 0.0 and d[1] * d[2] <= 0.0):
                q = wp.vec3(p[1], p[0], p[2])
                h = wp.vec3(d[1], d[0], d[2])
            s = q[0] + (q[1] - q[0]) * h[0] / (h[0] - h[1])
            t = q[0] + (q[2] - q[0]) * h[0] / (h[0] - h[2])
            return wp.vec2(wp.min(s, t), wp.max(s, t))
        """
    )
    if result == "count":
        d.inout("num_crossing", "int", 1, value=0.0, about="Number of intersecting pairs")
        d.says(f"Counts intersecting triangle pairs, excluding coplanar{adjacent} pairs.")
    elif result == "length":
        d.output(
            "length", "float", n, about="Intersection segment lengths, 0 if the triangles do not intersect"
        )
        d.says(
            f"Computes the intersection segment length for triangle pairs, 0 for coplanar{adjacent} pairs."
        )
    else:
        d.output("hit", "int", n, about="1 if the triangles intersect")
        d.says(
            "Tests triangle pairs for intersection using interval overlap (Moeller), 0 for "
            f"coplanar{adjacent} pairs."
        )
    store = {
        "flag": "hit[tid] = wp.where(overlap > 0.0, 1, 0)",
        "count": "if overlap > 0.0:\n    wp.atomic_add(num_crossing, 0, 1)",
        "length": "# projections are scaled by the unnormalized line direction\n"
        "length[tid] = wp.max(overlap, 0.0) / wp.length(line)",
    }[result]
    d.launch(n)
    d.code(
        """
        tid = wp.tid()
        $lines
        n2 = wp.cross(b1 - b0, b2 - b0)
        da = wp.vec3(wp.dot(n2, a0 - b0), wp.dot(n2, a1 - b0), wp.dot(n2, a2 - b0))
        # early exit if all corners are on the same side of the other plane
        if wp.min(da) > 0.0 or wp.max(da) < 0.0:
            $none
            return
        n1 = wp.cross(a1 - a0, a2 - a0)
        db = wp.vec3(wp.dot(n1, b0 - a0), wp.dot(n1, b1 - a0), wp.dot(n1, b2 - a0))
        if wp.min(db) > 0.0 or wp.max(db) < 0.0:
            $none
            return
        line = wp.cross(n1, n2)
        # coplanar triangles are not supported
        if wp.dot(line, line) < 1.0e-10:
            $none
            return
        pa = wp.vec3(wp.dot(line, a0), wp.dot(line, a1), wp.dot(line, a2))
        pb = wp.vec3(wp.dot(line, b0), wp.dot(line, b1), wp.dot(line, b2))
        ia = line_interval(pa, da)
        ib = line_interval(pb, db)
        overlap = wp.min(ia[1], ib[1]) - wp.max(ia[0], ib[0])
        $store
        """,
        lines=lines,
        shared=skip,
        store=store,
        none=none,
    )

    def agrees(v: Values, after: Values) -> None:
        if layout == "soup":
            a, b = v.triangles[:, :3], v.triangles[:, 3:]
            skipped = np.zeros(n, bool)
        elif layout == "flat":
            a, b = v.first.reshape(n, 3, 3), v.second.reshape(n, 3, 3)
            skipped = np.zeros(n, bool)
        else:
            f, g = v.faces[v.pairs[:, 0]], v.faces[v.pairs[:, 1]]
            a, b = v.points[f], v.points[g]
            skipped = (f[:, :, None] == g[:, None]).any(axis=(1, 2))
        lengths = np.zeros(n)
        for i in range(n):
            # the ends of the segment are where an edge of one pierces the other
            ends = []
            for p, q in ((a[i], b[i]), (b[i], a[i])):
                for k in range(3):
                    o, e = p[k], p[(k + 1) % 3] - p[k]
                    matrix = np.column_stack([-e, q[1] - q[0], q[2] - q[0]])
                    if abs(np.linalg.det(matrix)) < 1e-12:
                        continue
                    t, s, r = np.linalg.solve(matrix, o - q[0])
                    if 0.0 <= t <= 1.0 and s >= 0.0 and r >= 0.0 and s + r <= 1.0:
                        ends.append(o + t * e)
            if len(ends) >= 2:
                lengths[i] = max(np.linalg.norm(x - y) for x in ends for y in ends)
        known = ~skipped
        if result == "length":
            near = np.abs(after.length - lengths) < 5e-3
            assert near[known].mean() > 0.9
            assert near[known & (lengths > 0.01)].mean() > 0.7
        elif result == "flag":
            same = (np.asarray(after.hit) > 0) == (lengths > 0.0)
            # faces that share a corner touch there, which rounding may see either way
            assert same[known].mean() > 0.88
            assert same[known & (lengths > 0.01)].mean() > 0.8
        else:
            assert abs(int(after.num_crossing[0]) - (lengths[known] > 0.0).sum()) <= 2

    d.holds(agrees)
