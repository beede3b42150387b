"""Distances from points to sets of shapes."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.geometry import DOMAIN
from warpgen.synthesis.algorithms.geometry.distances import NAMES
from warpgen.synthesis.library import closest
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Ericson 2004, 5.1.5; Dubuisson & Jain 1994 (modified Hausdorff)",
    names=NAMES
    | {
        "targets": "cloud|set_b",
        "polyline": "curve|path",
        "corners": "triangles|tri_points",
    },
    adjoint="no",
)
def point_to_set_distance(d: Draft) -> None:
    """Computes the distance from points to the nearest point of a set."""
    kind = d.option("set", "points", "segments", "triangles")
    result = d.option("result", "distance", "nearest", "hausdorff", "chamfer")
    early = d.flag("early") if kind == "points" else False
    squared = d.flag("squared", 0.6)
    d.calls(
        {
            "distance": "point_to_set_distance|distance_to_set|nearest_distance",
            "nearest": "nearest_in_set|find_nearest|nearest_element",
            "hausdorff": "hausdorff_distance|one_sided_hausdorff|directed_hausdorff",
            "chamfer": "chamfer_distance|one_sided_chamfer|accumulate_chamfer",
        }[result]
    )
    n, m = d.pick(48, 64), d.pick(24, 32, 40)
    d.input("points", "vec3", n, -1.0, 1.0, about="Query points")
    other = {"points": "targets", "segments": "polyline", "triangles": "corners"}[kind]
    if kind == "points":
        d.input(other, "vec3", m, -1.0, 1.0, about="Point cloud positions")
        measure = f"{other}[k]"
        span = f"{other}.shape[0]"
    elif kind == "segments":
        d.input(other, "vec3", m + 1, -1.0, 1.0, about="Ordered polyline vertices")
        measure = f"{d.use(closest.SEGMENT)}(p, {other}[k], {other}[k + 1])"
        span = f"{other}.shape[0] - 1"
    else:
        d.input(other, "vec3", 3 * m, -1.0, 1.0, about="Triangle corners, three per triangle")
        measure = f"{d.use(closest.TRIANGLE)}(p, {other}[3 * k], {other}[3 * k + 1], {other}[3 * k + 2])"
        span = f"{other}.shape[0] // 3"
    what = {
        "points": "point in a cloud",
        "segments": "segment on a polyline",
        "triangles": "triangle in a mesh",
    }[kind]
    d.says(
        {
            "distance": f"Computes the distance between each point and the nearest {what}.",
            "nearest": f"Finds the nearest {what} for each point.",
            "hausdorff": f"Computes the one-sided Hausdorff distance: the largest distance to the nearest {what}.",
            "chamfer": f"Computes the one-sided chamfer distance: the mean distance to the nearest {what}.",
        }[result]
    )
    if result == "nearest":
        d.output("nearest", "int", n, about=f"Nearest {kind[:-1]} index")
    elif result == "distance":
        d.output("distance", "float", n, about="Distances")
    else:
        about = "Largest" if result == "hausdorff" else "Mean"
        d.inout(result, "float", 1, value=0.0, about=f"{about} distance, initially zero")
    track = result == "nearest"
    if squared:
        found, far, last = "dist_sq = wp.length_sq(p - c)", "dist_sq", "wp.sqrt(best)"
    else:
        found, far, last = "dist = wp.length(p - c)", "dist", "best"
    update = f"""
        if {far} < best:
            best = {far}
            {"nearest_index = k" if track else ""}
        """.replace("            \n", "")
    if not track and not early:
        update = f"best = wp.min(best, {far})"
    store = {
        "nearest": "nearest[tid] = nearest_index",
        "distance": f"distance[tid] = {last}",
        "hausdorff": f"wp.atomic_max(hausdorff, 0, {last})",
        "chamfer": f"wp.atomic_add(chamfer, 0, {last} / float(points.shape[0]))",
    }[result]
    d.launch(n)
    d.code(
        """
        tid = wp.tid()
        p = points[tid]
        best = float(1.0e10)
        $which
        for k in range($span):
            c = $measure
            $skip
            $found
            $update
        $store
        """,
        which="nearest_index = int(-1)" if track else "",
        span=span,
        measure=measure,
        skip=f"""
        # early rejection along a single axis
        dx = c[0] - p[0]
        if {"dx * dx" if squared else "wp.abs(dx)"} > best:
            continue
        """
        if early
        else "",
        found=found,
        update=update,
        store=store,
    )

    def table(v: Values) -> Any:
        p = v.points[:, None]
        if kind == "points":
            c = v[other][None]
        elif kind == "segments":
            c = closest.on_segment(p, v[other][None, :-1], v[other][None, 1:])
        else:
            c = closest.on_triangle(p, *(v[other][None, k::3] for k in range(3)))
        return np.linalg.norm(p - c, axis=-1)

    def reference(v: Values) -> dict[str, Any]:
        least = table(v).min(axis=1)
        if result == "distance":
            return {"distance": least}
        return {result: np.array([least.max() if result == "hausdorff" else least.mean()])}

    def names_nearest(before: Values, after: Values) -> None:
        far = table(before)
        np.testing.assert_allclose(far[np.arange(n), after.nearest], far.min(axis=1), atol=1e-4)

    if track:
        d.holds(names_nearest)
    else:
        d.check(reference, 1e-3)
