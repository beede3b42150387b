"""Trees of boxes: overlaps, rays, and traversals written by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.geometry_query import DOMAIN
from warpgen.synthesis.library import intersections
from warpgen.synthesis.library.proofs import mostly_close
from warpgen.synthesis.writing.draft import Draft, Values

NAMES = {
    "bvh": "bvh_id|tree|bvh_handle",
    "points": "centers|centroids|positions",
    "lo": "lower|query_lower|bmin",
    "hi": "upper|query_upper|bmax",
    "overlap_count": "counts|num_overlaps|n_overlaps",
    "hit_count": "counts|num_hits|n_hits",
    "pairs": "pair_list|candidates|broad_pairs",
    "other": "j|index|candidate",
    "node": "node_index|current",
    "stack": "todo|nodes_to_visit|work",
}


@DOMAIN.algorithm(
    source="Ericson 2004, ch. 6; Warp documentation, bvh_query_aabb",
    names=NAMES,
    adjoint="either",
    weight=5,
)
def bvh_overlaps(d: Draft) -> None:
    """Queries a BVH for overlapping boxes."""
    result = d.option("result", "count", "pairs", "nearest", "sum", "list")
    own = d.option("queries", "own boxes", "other boxes", "balls")
    d.calls(
        {
            "count": "count_overlaps|bvh_overlaps|overlap_counts",
            "pairs": "bvh_pairs|broad_phase|find_overlaps|collect_pairs",
            "nearest": "nearest_overlap|nearest_in_bvh|closest_overlap",
            "sum": "sum_overlapping_masses|overlap_mass|accumulate_overlaps",
            "list": "list_overlaps|find_overlaps|bvh_overlaps|bvh_query",
        }[result]
    )
    if own == "balls":
        d.calls(
            {
                "count": "count_in_balls|bvh_radius_count|count_in_radius",
                "pairs": "bvh_radius_pairs|collect_close_pairs|bvh_pairs",
                "nearest": "nearest_in_bvh|nearest_in_radius|nearest_in_balls",
                "sum": "mass_in_balls|mass_in_radius|sum_masses_in_radius",
                "list": "bvh_radius_search|list_in_radius|bvh_query",
            }[result]
        )
    half = d.pick(0.1, 0.15, 0.2)
    n, m = d.pick(48, 64, 96), d.pick(48, 64)
    room = 4
    if own == "own boxes":
        d.module(f"HALF = wp.constant({half})  # box half size")
    d.handle("bvh", "bvh", of="points", value=half, about="BVH id")
    d.input("points", "vec3", n, -1.0, 1.0, about="Primitive centers")
    weighted = result == "sum"
    if own == "own boxes":
        threads = n
        box = """
            c = points[tid]
            lo = c - wp.vec3(HALF, HALF, HALF)
            hi = c + wp.vec3(HALF, HALF, HALF)
            """
        skip = "# report each pair once and skip self-overlaps\nif other <= tid:\n    continue"
        if result != "pairs":
            skip = "if other == tid:\n    continue"
    elif own == "other boxes":
        threads = m
        d.input("lower", "vec3", m, -1.0, 0.5, about="Query box lower corners")
        d.input("size", "vec3", m, 0.4, 1.0, about="Query box side lengths")
        box = "lo = lower[tid]\nhi = lo + size[tid]\nc = 0.5 * (lo + hi)"
        skip = """
            # skip boxes with centers outside the query box
            other_center = points[other]
            if wp.min(other_center - lo) < 0.0 or wp.min(hi - other_center) < 0.0:
                continue
            """
    else:
        threads = m
        d.input("queries", "vec3", m, -1.0, 1.0, about="Query ball centers")
        d.param("radius", "float", 0.3, 0.5, about="Search radius")
        box = """
            c = queries[tid]
            lo = c - wp.vec3(radius, radius, radius)
            hi = c + wp.vec3(radius, radius, radius)
            """
        skip = (
            "# skip points outside the radius, since the query box is larger than the ball\n"
            "if wp.length(points[other] - c) > radius:\n    continue"
        )
    if weighted:
        d.input("mass", "float", n, 0.5, 2.0, about="Primitive masses")
    if result == "pairs":
        most = threads if own == "balls" else threads // 2
        if own == "own boxes":  # half as many again as overlap in the mean
            most = 16 * round(1.5 * n * (n - 1) / 2.0 * (1.0 - (1.0 - half) ** 2) ** 3 / 16.0 + 0.5)
        d.inout("pair_count", "int", 1, value=0.0, about="Number of pairs, may exceed the output capacity")
        about = {
            "own boxes": "Overlapping box index pairs",
            "other boxes": "Pairs of query index and box index",
            "balls": "Pairs of query index and point index",
        }[own]
        d.output("pairs", "vec2i", most, about=about)
    elif result == "list":
        d.output("found", "int", (threads, room), about="Overlap indices, unused slots are left unchanged")
        d.output("overlap_count", "int", threads, about="Number of overlaps, may exceed the number of slots")
    else:
        d.output(
            *{
                "sum": ("sums", "float", threads, "Total mass per query"),
                "nearest": ("nearest", "int", threads, "Nearest index, -1 for none"),
            }.get(result, ("overlap_count", "int", threads, "Number of overlaps"))
        )
    things = {
        "own boxes": "other BVH boxes overlapping each box",
        "other boxes": "BVH boxes with centers inside each query box",
        "balls": "BVH points within a radius of each query",
    }[own]
    d.says(
        {
            "count": f"Counts the {things}.",
            "pairs": {
                "own boxes": "Collects overlapping BVH box pairs using a shared atomic counter.",
                "other boxes": "Collects pairs of query boxes and BVH boxes whose centers they contain.",
                "balls": "Collects pairs of queries and BVH points within a radius of each other.",
            }[own],
            "nearest": f"Finds the nearest of the {things}, or -1 if there is none.",
            "sum": f"Accumulates the total mass of {things}.",
            "list": f"Collects up to {room} {things}, along with the total count.",
        }[result]
    )
    begin, step, last = {
        "count": ("found_count = int(0)", "found_count += 1", "overlap_count[tid] = found_count"),
        "sum": ("total_mass = float(0.0)", "total_mass += mass[other]", "sums[tid] = total_mass"),
        "nearest": (
            "best = float(1.0e10)\nbest_index = int(-1)",
            """
            dist_sq = wp.length_sq($other - c)
            if dist_sq < best:
                best = dist_sq
                best_index = other
            """.replace("$other", "other_center" if own == "other boxes" else "points[other]"),
            "nearest[tid] = best_index",
        ),
        "pairs": (
            "",
            """
            slot = wp.atomic_add(pair_count, 0, 1)
            # keep counting when the list is full so that the caller can resize it
            if slot < pairs.shape[0]:
                pairs[slot] = wp.vec2i(tid, other)
            """,
            "",
        ),
        "list": (
            "k = int(0)",
            "if k < found.shape[1]:\n    found[tid, k] = other\nk += 1",
            "overlap_count[tid] = k",
        ),
    }[result]
    if own == "balls" and result == "nearest":  # the radius is the first best distance
        begin, skip = "best = float(radius)\nbest_index = int(-1)", ""
        step = "dist = wp.length(points[other] - c)\nif dist < best:\n    best = dist\n    best_index = other"
    if own != "balls" and result not in ("nearest",):
        box = box.replace("\n            c = 0.5 * (lo + hi)", "").replace("\nc = 0.5 * (lo + hi)", "")
    d.launch(threads)
    d.code(
        """
        tid = wp.tid()
        $box
        $begin
        query = wp.bvh_query_aabb(bvh, lo, hi)
        other = int(0)
        while wp.bvh_query_next(query, other):
            $skip
            $step
        $last
        """,
        box=box,
        begin=begin,
        skip=skip,
        step=step,
        last=last,
    )

    def meets(v: Values) -> tuple[Any, Any]:
        p = v.points
        if own == "own boxes":
            c = p
            hit = np.all(np.abs(p[:, None] - p[None]) <= 2.0 * half, axis=-1)
            hit &= ~np.eye(n, dtype=bool)
            if result == "pairs":
                hit = np.triu(hit)
        elif own == "other boxes":
            lo, hi = v.lower, v.lower + v["size"]
            c = 0.5 * (lo + hi)
            hit = np.all((p[None] <= hi[:, None]) & (p[None] >= lo[:, None]), axis=-1)
        else:
            c = v.queries
            hit = np.linalg.norm(p[None] - c[:, None], axis=-1) <= v.radius
        return hit, np.linalg.norm(p[None] - c[:, None], axis=-1)

    def agrees(v: Values, after: Values) -> None:
        hit, far = meets(v)
        if result == "count":
            mostly_close(after["overlap_count"], hit.sum(axis=1), 1e-3)
        elif result == "sum":
            mostly_close(after.sums, hit @ v.mass, 1e-3)
        elif result == "nearest":
            expected = np.where(hit.any(axis=1), np.where(hit, far, np.inf).argmin(axis=1), -1)
            mostly_close(after.nearest, expected, 1e-3)
        elif result == "list":
            mostly_close(after["overlap_count"], hit.sum(axis=1), 1e-3)
            for i in range(threads):
                row = after.found[i, : min(int(after["overlap_count"][i]), room)]
                assert len(set(row)) == len(row)
                assert not len(row) or np.mean(hit[i, row]) > 0.8
        else:
            total = int(after.pair_count[0])
            assert abs(total - hit.sum()) <= 2
            pairs = after.pairs[: min(total, most)]
            assert len({tuple(pair) for pair in pairs}) == len(pairs)
            assert hit[pairs[:, 0], pairs[:, 1]].mean() > 0.97

    d.holds(agrees)


@DOMAIN.algorithm(
    source="Kay & Kajiya 1986; Warp documentation, bvh_query_ray",
    names=NAMES
    | {"bvh_ray_boxes": "bvh_raycast|ray_query_tree|cast_at_boxes", "best": "t_min|t_hit|nearest_t"},
    adjoint="either",
    weight=4,
)
def bvh_ray_boxes(d: Draft) -> None:
    """Casts rays against primitives in a BVH."""
    solid = d.option("solid", "sphere", "box")
    result = d.option("result", "distance", "index", "count", "any")
    start = d.option("start", "outside", "given")
    ranged = d.flag("range", 0.4)
    if solid == "box" and result in ("count", "any"):
        ranged = True  # the query alone tells which boxes a ray meets at all
    if solid == "sphere":
        d.calls("bvh_ray_spheres|bvh_raycast|ray_query_tree")
    half = d.pick(0.1, 0.15, 0.2)
    n, m = d.pick(48, 64), d.pick(64, 96)
    d.handle("bvh", "bvh", of="points", value=half, about="BVH id")
    d.input("points", "vec3", n, -1.0, 1.0, about="Primitive centers")
    far = 1.5 if start == "outside" else 0.5
    d.input("origins", "vec3", m, -far, far, about="Ray origins")
    d.input("directions", "vec3", m, kind="unit", about="Ray directions")
    if ranged:
        d.param("max_t", "float", 1.5, 2.5, about="Maximum ray parameter")
    made = {"distance": "t_out", "count": "hit_count", "index": "hit_index"}.get(result, "hit")
    d.output(
        made,
        "float" if result == "distance" else "int",
        m,
        about={
            "distance": "Hit distance, -1 for a miss",
            "index": "Hit primitive index, -1 for a miss",
            "count": "Number of hits per ray",
            "any": "1 if the ray hits",
        }[result],
    )
    size = "RADIUS" if solid == "sphere" else "HALF"
    d.module(f"{size} = wp.constant({half})" + ("" if solid == "sphere" else "  # box half size"))
    what = {"sphere": "ball", "box": "box"}[solid]
    within = " within range" if ranged else ""
    # a ray that begins inside meets the surface where it leaves, which may be out of range
    surface = "the surface of any" if ranged else "any"
    meets = "with surfaces hit by each ray within range" if ranged else "hit by each ray"
    d.says(
        {
            "distance": f"Computes the ray distance to the first BVH {what}{within}, or -1 for a miss.",
            "index": f"Finds the first BVH {what} hit by each ray{within}, or -1 for a miss.",
            "count": f"Counts the {'balls' if what == 'ball' else 'boxes'} in a BVH {meets}.",
            "any": f"Tests whether each ray hits {surface} {what} in a BVH{within}.",
        }[result]
    )
    form = d.use(intersections.SPHERE if solid == "sphere" else intersections.BOX)
    test = {
        "sphere": f"t = {form}(ro, rd, points[leaf], RADIUS)",
        "box": f"""
            c = points[leaf]
            t = {form}(ro, rd, c - extent, c + extent)
            """,
    }[solid]
    begin, step, last = {
        "distance": (
            "best = float(1.0e10)",
            "if t >= 0.0:\n    best = wp.min(best, t)",
            "t_out[tid] = wp.where(best < 1.0e10, best, -1.0)",
        ),
        "index": (
            "best = float(1.0e10)\nfirst = int(-1)",
            "if t >= 0.0 and t < best:\n    best = t\n    first = leaf",
            "hit_index[tid] = first",
        ),
        "count": (
            "crossed = int(0)",
            "if t >= 0.0:\n    crossed += 1",
            "hit_count[tid] = crossed",
        ),
        "any": ("", "if t >= 0.0:\n    hit[tid] = 1\n    return", "hit[tid] = 0"),
    }[result]
    d.launch(m)
    d.code(
        """
        tid = wp.tid()
        rd = directions[tid]
        ro = origins[tid]
        $extent
        $begin
        query = wp.bvh_query_ray(bvh, ro, rd)
        leaf = int(0)
        while wp.bvh_query_next(query, leaf):
            $test
            $range
            $step
        $last
        """,
        extent="extent = wp.vec3(HALF, HALF, HALF)" if solid == "box" else "",
        begin=begin,
        test=test,
        range="if t > max_t:\n    continue" if ranged else "",
        step=step,
        last=last,
    )

    def agrees(v: Values, after: Values) -> None:
        r = v.directions[:, None]
        o = v.origins[:, None]
        if solid == "sphere":
            t = intersections.sphere(o, r, v.points[None], half)
        else:
            t = intersections.box(o, r, v.points[None] - half, v.points[None] + half)
        met = (t >= 0.0) & (t <= (v.max_t if ranged else np.inf))
        least = np.where(met, t, np.inf)
        expected = {
            "distance": np.where(met.any(axis=1), least.min(axis=1), -1.0),
            "index": np.where(met.any(axis=1), least.argmin(axis=1), -1),
            "count": met.sum(axis=1),
            "any": met.any(axis=1) * 1,
        }[result]
        mostly_close(after[made], expected, 2e-3, 0.95)

    d.holds(agrees)
