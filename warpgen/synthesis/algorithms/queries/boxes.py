"""Trees of boxes: what overlaps a box, a ball, a ray, a capsule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.queries import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

NAMES = {
    "points": "positions|centers|particles",
    "tree": "bvh|bvh_id|box_tree",
    "grid": "hash_grid|grid_id|cells",
    "probes": "query_points|samples|queries",
    "p": "probe|center|q",
    "query": "overlaps|found|walk",
    "j": "item|index|other",
    "count": "number|hits|n",
    "counts": "num_found|hit_counts",
    "nearest": "closest|best_index|neighbour",
    "radius": "reach|search_radius|r",
}


@DOMAIN.algorithm(
    source="Ericson 2005, ch. 6; Warp manual, Geometry: bvh_query_aabb, bvh_query_sphere",
    names=NAMES | {"box_neighbours": "overlap_query|bvh_neighbors|range_search"},
    adjoint="either",
    weight=4,
)
def box_neighbours(d: Draft) -> None:
    """Queries a BVH of boxes around probe points."""
    shape = d.option("shape", "box", "ball", "group", "cylinder")
    wanted = d.option("wanted", "count", "nearest", "sum", "marks", "any")
    own = d.flag("own points", 0.4)
    near = d.flag("narrow", 0.4) or wanted == "nearest" or not own
    d.calls({
        "count": "count_neighbors|neighbor_counts|points_in_reach" if near else "count_overlaps|overlap_counts|count_boxes",
        "nearest": "nearest_center|nearest_point|closest_center",
        "sum": "sum_neighbor_weights|gather_weights|weights_in_reach" if near else "sum_overlaps|gather_weights|overlap_weights",
        "marks": "mark_neighbors|mark_near_points" if near else "mark_overlaps|mark_boxes",
        "any": "any_neighbor|has_neighbors|neighbor_test" if near else "any_overlap|test_overlaps|overlap_test",
    }[wanted])  # fmt: skip
    who = "point" if own else "probe"
    # what a point finds is beside itself, but for plain overlaps of boxes
    alone = own and (near or wanted in ("marks", "any"))
    other = "other " if alone else ""
    reach = "within a vertical cylinder" if shape == "cylinder" else "within a radius"
    at, around = ("around", " around it") if shape == "cylinder" else ("of", "")
    of_group = f" in the {who}'s group" if shape == "group" else ""
    searches = " assigned to their group" if shape == "group" else ""
    itself = ", including its own" + (" if it is in the group" if shape == "group" else "") if own else ""
    d.says(
        {
            "count": f"Counts the {other}points{of_group} {reach} {at} each {who} using a BVH.",
            "nearest": f"Finds the {other}box{of_group} with the nearest center among those overlapping "
            f"the region around each {who}.",
            "sum": f"Accumulates the weights of the {other}points{of_group} {reach} {at} each {who} using "
            "a BVH.",
            "marks": f"Marks the points {reach} {at} any {other}{who}{searches} using a BVH.",
            "any": f"Tests whether each {who} has {other}points{of_group} {reach}{around} using a BVH.",
        }[wanted]
        if near
        else {
            "count": f"Counts the boxes{of_group} overlapping the region around each {who}{itself}.",
            "sum": f"Accumulates the weights of boxes{of_group} overlapping the region around each "
            f"{who}{itself}.",
            "marks": f"Marks BVH boxes overlapping the region around any {other}{who}{searches}.",
            "any": f"Tests the region around each {who} for overlap with {other}BVH boxes{of_group}.",
        }[wanted]
    )
    n, m, half = d.pick(64, 96, 128), d.pick(32, 48), d.pick(0.05, 0.1, 0.15)
    if own:
        m = n
    d.input("points", "vec3", n, -1.0, 1.0, about="Point positions")
    d.handle("tree", "bvh", of="points", value=half, about="BVH id")
    if not own:
        d.input("probes", "vec3", m, -1.0, 1.0, about="Probe positions")
    d.param("radius", "float", 0.25, 0.5, about="Search radius")
    if shape == "cylinder":
        d.param("half_height", "float", 0.1, 0.2, about="Half height of the search region")
    if shape == "group":
        d.input("groups", "int", m, 0, 4, about=f"Group index per {who}")
    if wanted == "sum":
        d.input("weights", "float", n, 0.1, 1.0, about="Point weights")
    output, type_, size = {
        "count": ("counts", "int", m),
        "nearest": ("nearest", "int", m),
        "sum": ("sums", "float", m),
        "marks": ("touched", "int", n),
        "any": ("occupied", "int", m),
    }[wanted]
    about = {
        "count": "Number of hits",
        "nearest": "Nearest index, -1 for none",
        "sum": "Total weight per query",
        "marks": "1 if found by any query",
        "any": "1 if there is any hit",
    }[wanted]
    d.output(output, type_, size, about=about)
    extent = "extent = wp.vec3(radius, radius, radius)"
    box = f"{extent}\nquery = wp.bvh_query_aabb(tree, p - extent, p + extent)"
    start = {
        "box": box,
        "cylinder": "extent = wp.vec3(radius, radius, half_height)\n"
        "query = wp.bvh_query_aabb(tree, p - extent, p + extent)",
        "ball": "query = wp.bvh_query_sphere(tree, p, radius)",
        "group": f"# Start at the root node of this group\nroot = wp.bvh_get_group_root(tree, groups[tid])\n"
        f"{extent}\n"
        "query = wp.bvh_query_aabb(tree, p - extent, p + extent, root)",
    }[shape]
    before, inner, after = {
        "count": ("count = int(0)", "count += 1", "counts[tid] = count"),
        "nearest": (
            "best = float(1.0e6)\nwinner = int(-1)",
            "dist_sq = wp.length_sq(points[j] - p)\nif dist_sq < best:\n    best = dist_sq\n    winner = j",
            "nearest[tid] = winner",
        ),
        "sum": ("total = float(0.0)", "total += weights[j]", "sums[tid] = total"),
        "marks": ("", "touched[j] = 1", ""),
        "any": ("", "occupied[tid] = 1\nbreak", ""),
    }[wanted]
    if alone:
        inner = f"if j == tid:\n    continue\n{inner}"
    if near and wanted != "nearest":
        far = "wp.length(points[j] - p) > radius"
        offset = ""
        if shape == "cylinder":
            offset = "offset = points[j] - p\n"
            far = "wp.length(wp.vec2(offset[0], offset[1])) > radius or wp.abs(offset[2]) > half_height"
        inner = f"""
{offset}# Skip points outside the region, since the box test is conservative
if {far}:
    continue
{inner}""".lstrip()
    d.launch(m)
    d.code(
        """
        tid = wp.tid()
        p = $p
        $start
        $before
        j = int(0)
        while wp.bvh_query_next(query, j):
            $inner
        $after
        """,
        p="points[tid]" if own else "probes[tid]",
        start=start,
        before=before,
        inner=inner,
        after=after,
    )
    d.explain("This skips non-overlapping subtrees, so only a few boxes are tested.")

    def reference(v: Values) -> Mapping[str, Any]:
        p = (v.points if own else v.probes)[:, None]
        lower, upper = v.tree.lower.astype(float)[None], v.tree.upper.astype(float)[None]
        gap = np.maximum(0.0, np.maximum(lower - p, p - upper))
        e = v.radius * np.ones(3)
        if shape == "cylinder":
            e[2] = v.half_height
        found = (gap**2).sum(axis=2) <= v.radius**2 if shape == "ball" else (gap <= e).all(axis=2)
        if shape == "group":
            found &= np.arange(n)[None] % 4 == v.groups[:, None]
        apart = ((v.points[None] - p) ** 2).sum(axis=2)
        if near and wanted != "nearest":
            away = v.points[None] - p
            if shape == "cylinder":
                found &= np.hypot(away[..., 0], away[..., 1]) <= v.radius
                found &= np.abs(away[..., 2]) <= v.half_height
            else:
                found &= apart <= v.radius**2
        if alone:
            found &= ~np.eye(n, dtype=bool)
        far = np.where(found, apart, np.inf)
        results: dict[str, Callable[[], Any]] = {
            "count": lambda: found.sum(axis=1),
            "nearest": lambda: np.where(found.any(axis=1), far.argmin(axis=1), -1),
            "sum": lambda: found @ v.weights,
            "marks": lambda: found.any(axis=0).astype(int),
            "any": lambda: found.any(axis=1).astype(int),
        }
        return {output: results[wanted]()}

    d.check(reference)


@DOMAIN.algorithm(
    source="Kay & Kajiya 1986; Ericson 2005, sec. 5.3",
    names=NAMES
    | {
        "swept_balls": "raycast_balls|sweep_query|ray_through_tree",
        "origin": "start|begin|from_points",
        "best": "t_min|first|t_hit",
        "first_ball": "first_hit|hit_ball|ball_index",
    },
    adjoint="no",
    weight=4,
)
def swept_balls(d: Draft) -> None:
    """Casts rays or swept spheres against spheres in a BVH."""
    form = d.option("form", "ray", "capsule", "ray of group")
    wanted = d.option("wanted", "first", "count", "which")
    limited = d.flag("limited")
    aim = d.option("aim", "direction", "target")
    if form == "capsule" and wanted != "count":
        wanted = "closest"
    of_group = " in a group" if form == "ray of group" else ""
    meets = "overlaps" if form == "capsule" else "hits"
    d.says(
        {
            "first": f"Computes the hit distance between each ray and the first sphere{of_group}.",
            "count": f"Counts the spheres{of_group} that each {form.split()[0]} {meets}.",
            "which": f"Finds the first sphere{of_group} hit by each ray.",
            "closest": "Computes the minimum distance between the points and each swept sphere path, "
            "clamped to the sphere radius.",
        }[wanted]
    )
    d.calls(
        {
            "first": "raycast_balls|ray_distances|first_sphere_hit",
            "count": f"count_balls|balls_per_{form.split()[0]}|{form.split()[0]}_overlaps",
            "which": "pick_balls|first_ball_hit|raycast_balls",
            "closest": "closest_approach|sweep_distances|closest_approaches",
        }[wanted]
    )
    n, m, half = d.pick(48, 64, 96), d.pick(32, 48), d.pick(0.2, 0.25, 0.3)
    d.input("points", "vec3", n, -1.0, 1.0, about="Point positions")
    d.handle("tree", "bvh", of="points", value=half, about="BVH id")
    d.input("origin", "vec3", m, -2.0, 2.0, about=f"{'Sweep start' if form == 'capsule' else 'Ray origin'}")
    if form != "capsule" or wanted == "count":
        d.module(f"BALL_RADIUS = wp.constant({half})")
    if wanted in ("first", "which"):
        d.module("MAX_T = wp.constant(10.0)")
    if form == "capsule" or aim == "target":
        about = "Sweep end" if form == "capsule" else "Ray target position"
        d.input("target", "vec3", m, -1.0, 1.0, about=about)
    else:
        d.input("direction", "vec3", m, kind="unit", about="Unit ray directions")
    group = form == "ray of group"
    if group:
        d.param("group", "int", d.pick(0, 1, 2, 3), about="Group index to search")
    if form == "capsule":
        d.param("sweep_radius", "float", 0.1, 0.3, about="Swept sphere radius")
    output, type_ = {
        "first": ("depth", "float"),
        "count": ("counts", "int"),
        "which": ("first_ball", "int"),
        "closest": ("approach", "float"),
    }[wanted]
    about = {
        "first": "Hit distance, `MAX_T` for a miss",
        "which": "Index of the first sphere hit, -1 for a miss",
        "count": "Number of spheres hit",
        "closest": "Minimum distance, clamped to the radius",
    }[wanted]
    d.output(output, type_, m, about=about)
    if form != "capsule":
        beyond = ", nor those beyond `MAX_T`" if wanted != "count" else ""
        d.explain(f"Spheres containing the ray origin are not counted{beyond}.")
    root = ", wp.bvh_get_group_root(tree, group)" if group else ""
    if form == "capsule":
        start = "along = target[tid] - o\nquery = wp.bvh_query_capsule(tree, o, along, sweep_radius)"
        step = "wp.bvh_query_next(query, j, 1.0)"
        inner = (
            "s = wp.clamp(wp.dot(points[j] - o, along) / wp.dot(along, along), 0.0, 1.0)\n"
            "dist = wp.length(o + s * along - points[j])"
        )
        before, test, after = {
            "closest": (
                "least = float(sweep_radius)",
                "least = wp.min(least, dist)",
                "approach[tid] = least",
            ),
            "count": (
                "count = int(0)",
                "if dist < sweep_radius + BALL_RADIUS:\n    count += 1",
                "counts[tid] = count",
            ),
        }[wanted]
    else:
        start = (
            "along = wp.normalize(target[tid] - o)" if aim == "target" else "along = direction[tid]"
        ) + f"\nquery = wp.bvh_query_ray(tree, o, along{root})"
        step = (
            "wp.bvh_query_next(query, j, best)"
            if limited and wanted != "count"
            else "wp.bvh_query_next(query, j)"
        )
        inner = """
oc = o - points[j]
b = wp.dot(oc, along)
discriminant = b * b - wp.length_sq(oc) + BALL_RADIUS * BALL_RADIUS
# Negative discriminant: the ray misses the sphere
if discriminant < 0.0:
    continue
t = -b - wp.sqrt(discriminant)""".strip()
        before, test, after = {
            "first": ("best = float(MAX_T)", "if t > 0.0 and t < best:\n    best = t", "depth[tid] = best"),
            "count": ("count = int(0)", "if t > 0.0:\n    count += 1", "counts[tid] = count"),
            "which": (
                "best = float(MAX_T)\nwinner = int(-1)",
                "if t > 0.0 and t < best:\n    best = t\n    winner = j",
                "first_ball[tid] = winner",
            ),
        }[wanted]
    d.launch(m)
    d.code(
        f"""
        tid = wp.tid()
        o = origin[tid]
        $start
        $before
        j = int(0)
        $note
        while {step}:
            $inner
            $test
        $after
        """,
        note="# The sweep ends at segment parameter 1" if form == "capsule" else "",
        start=start,
        before=before,
        inner=inner,
        test=test,
        after=after,
    )

    def agree(before: Values, after: Values) -> None:
        v = before
        o = v.origin[:, None]
        c = v.points[None]
        if form == "capsule":
            along = v.target[:, None] - o
            s = np.clip(((c - o) * along).sum(axis=2) / (along**2).sum(axis=2), 0, 1)
            apart = np.linalg.norm(o + s[..., None] * along - c, axis=2)
            hit = apart < v.sweep_radius + (half if wanted == "count" else 0.0)
            expected: Any = hit.sum(axis=1)
            if wanted == "closest":
                expected = np.where(hit, apart, v.sweep_radius).min(axis=1)
        else:
            along = (v.target - v.origin)[:, None] if aim == "target" else v.direction[:, None]
            along = along / np.linalg.norm(along, axis=2, keepdims=True)
            b = ((o - c) * along).sum(axis=2)
            disc = b**2 - ((o - c) ** 2).sum(axis=2) + half**2
            t = -b - np.sqrt(np.maximum(disc, 0.0))
            hit = (disc >= 0) & (t > 0)
            if group:
                hit &= np.arange(n)[None] % 4 == v.group
            t = np.where(hit & (t < 10.0), t, 10.0)
            first = t.min(axis=1)
            results = {
                "first": first,
                "count": hit.sum(axis=1),
                "which": np.where(first < 10.0, t.argmin(axis=1), -1),
            }
            expected = results[wanted]
        # rays that graze a ball may be decided by the last bit
        assert (np.abs(after[output] - expected) > 2e-3).mean() < 0.05

    d.holds(agree)
