"""Pairs of edges: where they are closest, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.geometry import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


def _closest(p: Any, q: Any, r: Any, s: Any) -> Any:
    """Distances of segments p-q and r-s on a fine grid of both, refined by turns."""
    u, w = q - p, s - r
    a, b = np.full(len(p), 0.5), np.full(len(p), 0.5)
    best = np.full(len(p), np.inf)
    for start in (0.0, 0.5, 1.0):
        x = np.full(len(p), start)
        for _ in range(60):
            y = np.clip((((p + x[:, None] * u) - r) * w).sum(axis=1) / (w * w).sum(axis=1), 0, 1)
            x = np.clip((((r + y[:, None] * w) - p) * u).sum(axis=1) / (u * u).sum(axis=1), 0, 1)
        far = np.linalg.norm(p + x[:, None] * u - r - y[:, None] * w, axis=1)
        nearer = far < best
        a, b, best = np.where(nearer, x, a), np.where(nearer, y, b), np.minimum(far, best)
    return a, b, best


@DOMAIN.algorithm(
    source="Lumelsky 1985; Ericson 2005, sec. 5.1.9; Bridson, Fedkiw & Anderson 2002 (edges of cloth)",
    names={
        "points": "vertices|positions|particle_q",
        "gaps": "distances|edge_distances",
        "least": "min_distance|smallest",
        "st": "params",
        "gap": "dist|distance",
        "thickness": "margin|min_gap",
    },
    weight=3,
)
def edge_gaps(d: Draft) -> None:
    """Finds where pairs of edges are closest and measures them there."""
    wanted = d.option("wanted", "distance", "middle", "normal", "weights", "push", "count", "lowest", "speed")
    layout = d.option("layout", "vertices", "segments", "indexed")
    skip = d.flag("skip far", 0.4) and wanted in ("middle", "normal", "weights")
    d.calls(
        {
            "distance": "edge_gaps|edge_edge_distance|edge_distances",
            "middle": "contact_midpoints|edge_contact_points|closest_midpoints",
            "normal": "edge_contact_normals|separation_directions|edge_edge_normals",
            "weights": "edge_contact_weights|closest_edge_weights|edge_barycentrics",
            "push": "push_edges_apart|edge_corrections|separate_edges",
            "count": "count_close_edges|count_edge_contacts|close_edge_count",
            "lowest": "least_edge_distance|min_edge_distance|smallest_gap",
            "speed": "approach_speeds|edge_approach|closing_speeds",
        }[wanted]
    )
    d.says({
        "distance": "Computes the distances between pairs of edges.",
        "middle": "Computes the midpoints between the closest points of pairs of edges.",
        "normal": "Computes unit vectors from the first edge of each pair to the second at their closest "
        "points.",
        "weights": "Computes barycentric weights for the closest points on pairs of edges.",
        "push": "Computes the first edge's displacement when both edges of a pair are pushed apart to a "
        "given thickness.",
        "count": "Counts edge pairs closer than a given thickness.",
        "lowest": "Finds the minimum distance over all edge pairs.",
        "speed": "Computes the closing speeds of pairs of edges at their closest points.",
    }[wanted].replace(".", ", skipping pairs farther apart than a given thickness." if skip else "."))  # fmt: skip
    n, m = d.pick(48, 64), d.pick(64, 96)
    ones, others = d.pick(("first_edges", "second_edges"), ("edges_a", "edges_b"), ("edges_1", "edges_2"))
    if layout == "vertices":
        for name in ("p1", "q1", "p2", "q2"):
            ends, which = "start" if name[0] == "p" else "end", "first" if name[1] == "1" else "second"
            d.input(name, "vec3", m, -1.0, 1.0, about=f"{which} edge {ends} points")
        fetch = "a = p1[tid]\nb = q1[tid]\nc = p2[tid]\nd = q2[tid]"
    elif layout == "segments":
        d.input("segments_a", "vec3", (m, 2), -1.0, 1.0, about="first edge endpoints")
        d.input("segments_b", "vec3", (m, 2), -1.0, 1.0, about="second edge endpoints")
        fetch = (
            "a = segments_a[tid, 0]\nb = segments_a[tid, 1]\nc = segments_b[tid, 0]\nd = segments_b[tid, 1]"
        )
    else:
        d.input("points", "vec3", n, -1.0, 1.0, about="vertex positions")
        # edges of two halves of the vertices: none share a vertex, where there is no direction between them
        d.input(ones, "vec2i", m, 0, n // 2, about="first edge vertex indices")
        d.input(
            others,
            "vec2i",
            m,
            n // 2,
            n,
            about="second edge vertex indices, not shared with the first edge",
        )
        fetch = (
            f"edge_1 = {ones}[tid]\nedge_2 = {others}[tid]\na = points[edge_1[0]]\nb = points[edge_1[1]]\n"
            "c = points[edge_2[0]]\nd = points[edge_2[1]]"
        )
    if wanted == "speed":
        d.input("v1", "vec3", m, -1.0, 1.0, about="first edge velocity")
        d.input("v2", "vec3", m, -1.0, 1.0, about="second edge velocity")
    if wanted in ("push", "count") or skip:
        keeps = "minimum separation" if wanted == "push" else "distance threshold for close edges"
        d.param("thickness", "float", 0.3, 0.7, about=keeps)
    type_ = {"middle": "vec3", "normal": "vec3", "push": "vec3", "weights": "vec4", "count": "int"}.get(
        wanted, "float"
    )
    if wanted in ("count", "lowest", "speed") or (layout == "indexed" and wanted in ("normal", "push")):
        d.forward_only()  # the direction between edges that nearly meet has no slope to speak of
    out = {
        "distance": "gaps",
        "middle": "midpoints",
        "normal": "normals",
        "weights": "weights",
        "push": "corrections",
        "count": "num_close",
        "lowest": "least",
        "speed": "speeds",
    }[wanted]
    if wanted == "lowest":
        d.inout(out, "float", 1, value=1.0e6, about="minimum distance")
    else:
        about = {
            "distance": "edge-edge distances",
            "middle": "midpoints",
            "normal": "unit vectors, 0 if the edges touch",
            "weights": "endpoint weights for the first edge, then the second",
            "push": "displacements of the first edges, 0 if already separated",
            "count": "number of close pairs, incremented atomically",
            "speed": "closing speeds, positive if approaching",
        }[wanted]
        about += "; unchanged for pairs farther apart" if skip else ""
        d.output(out, type_, 1 if wanted == "count" else m, about=about)
    away = "x1 = a + st[0] * (b - a)\nx2 = c + st[1] * (d - c)"
    unit = f"{away}\nn = wp.normalize(x2 - x1)"
    lines = {
        "distance": "gaps[tid] = st[2]",
        "middle": f"{away}\nmidpoints[tid] = 0.5 * (x1 + x2)",
        "normal": f"{unit}\nnormals[tid] = n",
        "weights": "weights[tid] = wp.vec4(1.0 - st[0], st[0], 1.0 - st[1], st[1])",
        "push": f"{unit}\n# The other edge is moved by the remaining half\n"
        "corrections[tid] = 0.5 * wp.min(st[2] - thickness, 0.0) * n",
        "count": "if st[2] < thickness:\n    wp.atomic_add(num_close, 0, 1)",
        "lowest": "wp.atomic_min(least, 0, st[2])",
        "speed": f"{unit}\nspeeds[tid] = wp.dot(v1[tid] - v2[tid], n)",
    }[wanted]
    d.launch(m)
    d.code(
        "tid = wp.tid()\n$fetch\n# Closest point parameters on both edges, and the distance\n"
        "st = wp.closest_point_edge_edge(a, b, c, d, 1.0e-6)\n$far\n$lines",
        fetch=fetch, lines=lines, far="if st[2] > thickness:\n    return" if skip else "",
    )  # fmt: skip

    def agree(v: Values, after: Values) -> None:
        if layout == "vertices":
            p, q, r, s = v.p1, v.q1, v.p2, v.q2
        elif layout == "segments":
            p, q, r, s = v.segments_a[:, 0], v.segments_a[:, 1], v.segments_b[:, 0], v.segments_b[:, 1]
        else:
            p, q = (v.points[v[ones][:, k]] for k in range(2))
            r, s = (v.points[v[others][:, k]] for k in range(2))
        # edges of no length are another matter
        whole = (np.linalg.norm(q - p, axis=1) > 1e-3) & (np.linalg.norm(s - r, axis=1) > 1e-3)
        with np.errstate(all="ignore"):
            a, b, far = _closest(p, q, r, s)
        whole &= far > 1e-3
        limit = v.get("thickness", np.inf)
        if wanted == "count":
            assert abs(int(after.num_close[0]) - (far[whole] < limit).sum()) <= (~whole).sum() + 1
            return
        if wanted == "lowest":
            least = far[whole].min() if whole.all() else 0.0
            assert abs(after.least[0] - least) < 2e-3
            return
        x1, x2 = p + a[:, None] * (q - p), r + b[:, None] * (s - r)
        n_ = (x2 - x1) / np.maximum(far, 1e-9)[:, None]
        found: dict[str, Callable[[], Any]] = {
            "distance": lambda: far,
            "middle": lambda: (x1 + x2) / 2,
            "normal": lambda: n_,
            "weights": lambda: np.stack([1 - a, a, 1 - b, b], axis=1),
            "push": lambda: np.where((far < limit)[:, None], 0.5 * (far - limit)[:, None] * n_, 0),
            "speed": lambda: ((v.v1 - v.v2) * n_).sum(axis=1),
        }
        want = found[wanted]()
        if skip:
            want = np.where((far > limit).reshape(-1, *[1] * (want.ndim - 1)), 0.0, want)
            whole &= np.abs(far - limit) > 1e-3
        wrong = np.abs(after[out][whole] - want[whole]).reshape(whole.sum(), -1).max(axis=1) > 1e-2
        assert wrong.mean() < 0.05, f"{wrong.mean():.3f} wrong"

    d.holds(agree)
