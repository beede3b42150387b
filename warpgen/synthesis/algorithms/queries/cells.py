"""Hash grids, walks of whole blocks, and exact tests of pairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.queries import DOMAIN
from warpgen.synthesis.algorithms.queries._pairs import crosses, edge_gaps
from warpgen.synthesis.algorithms.queries.boxes import NAMES
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.outline import outlined


@DOMAIN.algorithm(
    source="Warp manual, Tiles: tiled queries",
    names=NAMES
    | {
        "block_overlaps": "tiled_overlap|cooperative_query|block_traversal",
        "block": "b|i|probe_id",
        "batch": "results|found_t|chunk",
        "half_width": "half_side|half_size|reach",
    },
    adjoint="either",
    weight=7,
)
def block_overlaps(d: Draft) -> None:
    """Traverses a BVH cooperatively with one block of threads per probe."""
    on = d.option("on", "boxes", "mesh")
    form = d.option("form", "box", "ray") if on == "boxes" else "box"
    spelled = d.option("spelled", "tile first", "tiled last")
    wanted = d.option("wanted", "counts", "marks", "both")
    shape = d.option("extent", "cube", "flat")
    verb = {"counts": "Counts", "marks": "Marks", "both": "Counts and marks"}[wanted]
    near = on == "boxes" and form == "box"  # what the boxes hold is tested, too
    reach = "radius" if near else "half_width"
    place = "within a radius of" if shape == "cube" else "within a vertical cylinder around"
    does = verb.lower().replace("counts", "count").replace("marks", "mark").replace(" ", "_")
    found = "neighbors" if near else "ray_hits" if form == "ray" else "overlaps"
    d.calls(f"{does}_{found}|{does}_{found}_tiled|{does}_{found}_cooperative")
    d.says(
        f"{verb} the points {place} each probe using a BVH, with one block per probe."
        if near
        else f"{verb} the spheres hit by each ray using a BVH, with one block per ray."
        if form == "ray"
        else f"{verb} mesh faces whose bounds overlap a {'cube' if shape == 'cube' else 'flat box'} around each probe, with one block per probe."
    )
    m, n = d.pick(8, 12, 16), d.pick(48, 64, 96)
    half = d.pick(0.1, 0.15, 0.2)
    slices = d.pick(8, 10)
    if on == "boxes":
        d.input("points", "vec3", n, -1.0, 1.0, about="Point positions")
        d.handle("tree", "bvh", of="points", value=half, about="BVH id")
    else:
        d.handle("mesh_id", "mesh", (6, slices), about="Mesh id")
        n = 2 * slices * 5
    start = "origins" if form == "ray" else "probes"
    d.input(start, "vec3", m, -0.8, 0.8, about="Ray origins" if form == "ray" else "Probe positions")
    if form == "ray":
        d.input("direction", "vec3", m, kind="unit", about="Ray directions")
        d.module(f"BALL_RADIUS = wp.constant({half})")
    else:
        d.param(reach, "float", 0.3, 0.6, about="Search radius" if near else "Half width of the search box")
        if shape == "flat":
            d.param("half_height", "float", 0.15, 0.3, about="Half height of the search region")
    if wanted != "marks":
        d.output("counts", "int", m, about="Number of hits per block")
    if wanted != "counts":
        d.output("touched", "int", n, about="Nonzero if found by any block")
    stem = ("bvh" if on == "boxes" else "mesh") + "_query_" + ("ray" if form == "ray" else "aabb")
    begin = f"tile_{stem}" if spelled == "tile first" else f"{stem}_tiled"
    step = "bvh_query_next" if on == "boxes" else "mesh_query_aabb_next"
    step = f"tile_{step}" if spelled == "tile first" else f"{step}_tiled"
    tree = "tree" if on == "boxes" else "mesh_id"
    arguments = "tree, p, along" if form == "ray" else f"{tree}, p - extent, p + extent"
    high = reach if shape == "cube" else "half_height"
    if form == "ray":
        narrow = (
            "away = points[j] - p\n"
            "away = away - wp.max(wp.dot(away, along), 0.0) * along\n"
            "# Skip rays that hit the box but miss the sphere\n"
            "if wp.length(away) > BALL_RADIUS:\n    continue"
        )
    else:
        flat = {
            "cube": "if wp.length(points[j] - p) > radius:\n    continue",
            "flat": "offset = points[j] - p\n"
            "if wp.length(wp.vec2(offset[0], offset[1])) > radius or wp.abs(offset[2]) > half_height:\n    continue",
        }
        narrow = flat[shape] if near else ""
    lines = {"counts": "wp.atomic_add(counts, block, 1)", "marks": "touched[j] = 1"}
    d.launch(m, tiled=True)
    d.code(
        f"""
        block = wp.tid()
        p = {start}[block]
        $extent
        query = wp.{begin}({arguments})
        while wp.tile_query_valid(query):
            batch = wp.{step}(query)
            # Each thread processes one candidate from the batch (index -1 if there is none)
            j = wp.untile(batch)
            if j >= 0:
                $narrow
                $lines
        """,
        narrow=narrow,
        extent="along = direction[block]" if form == "ray" else f"extent = wp.vec3({reach}, {reach}, {high})",
        lines="\n".join(lines.values()) if wanted == "both" else lines[wanted],
    )
    d.explain("All threads in a block must participate in each traversal step.")

    def agree(before: Values, after: Values) -> None:
        v = before
        if on == "boxes":
            lower, upper = v.tree.lower.astype(float), v.tree.upper.astype(float)
        else:
            corners = v.mesh_id.points[v.mesh_id.faces].astype(float)
            lower, upper = corners.min(axis=1), corners.max(axis=1)
        p = v[start][:, None]
        if form == "ray":
            with np.errstate(all="ignore"):
                a, b = (lower - p) / v.direction[:, None], (upper - p) / v.direction[:, None]
            enter, leave = np.minimum(a, b).max(axis=2), np.maximum(a, b).min(axis=2)
            found = leave >= np.maximum(enter, 0.0)
            away = v.points - p
            along = v.direction[:, None]
            away = away - np.maximum((away * along).sum(axis=2, keepdims=True), 0.0) * along
            found &= np.linalg.norm(away, axis=2) <= half
        else:
            e = np.array([v[reach], v[reach], v[reach] if shape == "cube" else v.half_height])
            found = ((lower <= p + e) & (upper >= p - e)).all(axis=2)
            if near:
                away = v.points - p
                span = 3 if shape == "cube" else 2
                found &= np.linalg.norm(away[..., :span], axis=2) <= v.radius
                found &= np.abs(away[..., 2]) <= e[2]
        if wanted != "marks":
            assert np.abs(after.counts - found.sum(axis=1)).sum() <= 2
        if wanted != "counts":
            assert np.abs(after.touched - found.any(axis=0)).sum() <= 2

    d.holds(agree)


@DOMAIN.algorithm(
    source="Green 2008, Particle simulation using CUDA; Warp manual, Geometry: hash grids",
    names=NAMES
    | {
        "grid_neighbours": "hash_neighbors|grid_density|cell_search",
        "x": "p|xi|here",
        "h": "radius|search_radius|reach",
    },
    adjoint="no",
    weight=2,
)
def grid_neighbours(d: Draft) -> None:
    """Iterates over neighbors in a hash grid."""
    wanted = d.option("wanted", "count", "density", "centre", "nearest", "velocity")
    d.calls({
        "count": "count_neighbors|neighbor_counts",
        "density": "grid_density|kernel_density|sum_kernel_weights",
        "centre": "neighbor_centers|mean_neighbor_position",
        "nearest": "nearest_neighbor|find_nearest",
        "velocity": "average_velocities|mean_neighbor_velocity",
    }[wanted])  # fmt: skip
    loop = d.option("loop", "for", "next", "named")
    order = d.option("order", "given", "cells")
    itself = "left out" if wanted == "nearest" else d.option("itself", "left out", "kept")
    also = ", including its own" if itself == "kept" else ""
    d.says(
        {
            "count": f"Counts neighbors for each point using a hash grid{also.replace('its own', 'the point itself')}.",
            "density": f"Accumulates neighbor kernel weights for each point using a hash grid{also}.",
            "centre": f"Computes the mean neighbor position for each point using a hash grid{also}.",
            "nearest": "Finds the nearest neighbor for each point using a hash grid.",
            "velocity": f"Averages neighbor velocities for each point using a hash grid{also}.",
        }[wanted]
    )
    number = "float(count)" if itself == "kept" else "float(wp.max(count, 1))"
    n, width = d.pick(64, 96, 128), d.pick(0.3, 0.4, 0.5)
    d.input("points", "vec3", n, -1.0, 1.0, about="Point positions")
    d.handle("grid", "hash_grid", (8, 8, 8), of="points", value=width, about="Hash grid id")
    d.param("h", "float", 0.35, 0.6, about="Search radius")
    if wanted == "velocity":
        d.input("velocities", "vec3", n, -1.0, 1.0, about="Point velocities")
    none = "" if itself == "kept" else ", zero if there are no neighbors"
    output, type_, about = {
        "count": ("counts", "int", "Number of neighbors"),
        "density": ("density", "float", "Sum of (1 - r / h)^3, not normalized"),
        "centre": ("centers", "vec3", f"Mean neighbor position{none}"),
        "nearest": ("nearest", "int", "Nearest neighbor index, -1 for none"),
        "velocity": ("mean_velocity", "vec3", f"Mean neighbor velocity{none}"),
    }[wanted]
    d.output(output, type_, n, about=about)
    own = "i" if order == "cells" else "tid"
    mean = f"total / {number}"
    before, inner, value = {
        "count": ("count = int(0)", "count += 1", "count"),
        "density": ("rho = float(0.0)", "w = 1.0 - dist / h\nrho += w * w * w", "rho"),
        "centre": ("total = wp.vec3()\ncount = int(0)", "total += points[j]\ncount += 1", mean),
        "nearest": ("best = float(h)\nwinner = int(-1)", "best = dist\nwinner = j", "winner"),
        "velocity": ("total = wp.vec3()\ncount = int(0)", "total += velocities[j]\ncount += 1", mean),
    }[wanted]
    call = "wp.hash_grid_query(grid, x, h)"
    head = {
        "for": f"for j in {call}:",
        "named": f"query = {call}\nfor j in query:",
        "next": f"query = {call}\nj = int(0)\nwhile wp.hash_grid_query_next(query, j):",
    }[loop]
    skip = f"if j == {own}:\n    continue" if itself == "left out" else ""
    d.launch(n)
    gather = f"""
        $before
        $head
            $skip
            dist = wp.length(points[j] - x)
            # The grid query is conservative, so check the actual distance
            if dist < {"best" if wanted == "nearest" else "h"}:
                $inner
        """
    if d.flag("helper", 0.6):
        whose = "point" if itself == "kept" else "other point"
        value = outlined(
            d, f"neighbor_{wanted}".replace("centre", "center"), _GATHERED[wanted].replace("point", whose), gather, value,
            {"int": "int", "float": "float", "vec3": "wp.vec3"}[type_], {own: "int", "x": "wp.vec3"},
            {"before": before, "head": head, "skip": skip, "inner": inner},
        )  # fmt: skip
        gather = ""
    d.code(
        """
        tid = wp.tid()
        $sorted
        x = points[$own]
        $gather
        $output[$own] = $value
        """,
        gather=gather,
        sorted="# Use grid order for coherent memory access\ni = wp.hash_grid_point_id(grid, tid)"
        if order == "cells"
        else "",
        own=own,
        before=before,
        head=head,
        skip=skip,
        inner=inner,
        output=output,
        value=value,
    )

    def reference(v: Values) -> Mapping[str, Any]:
        apart = np.linalg.norm(v.points[None] - v.points[:, None], axis=2)
        found = apart < v.h
        if itself == "left out":
            found &= ~np.eye(n, dtype=bool)
        counts = np.maximum(found.sum(axis=1), 1)[:, None]
        results: dict[str, Callable[[], Any]] = {
            "count": lambda: found.sum(axis=1),
            "density": lambda: (found * (1 - apart / v.h) ** 3).sum(axis=1),
            "centre": lambda: found @ v.points / counts,
            "nearest": lambda: np.where(found.any(axis=1), np.where(found, apart, 9.0).argmin(axis=1), -1),
            "velocity": lambda: found @ v.velocities / counts,
        }
        return {output: results[wanted]()}

    d.check(reference)


_GATHERED = {
    "count": "Return the number of points within the radius.",
    "density": "Return the sum of cubic kernel weights over all points within the radius.",
    "centre": "Return the mean position of the points within the radius.",
    "nearest": "Return the index of the nearest point within the radius, or -1 if there is none.",
    "velocity": "Return the mean velocity of the points within the radius.",
}


@DOMAIN.algorithm(
    source="Moller 1997; Ericson 2005, sec. 5.1.9",
    names={
        "pair_tests": "edge_triangle_tests|narrow_phase|feature_pairs",
        "a": "vertices_a|first|points_a",
        "b": "vertices_b|second|points_b",
        "corners": "vertices|triangles|tri_points",
        "pairs": "candidates|pair_ids|pair_list",
        "hits": "intersecting|overlap|colliding",
        "gap": "distance|separation|dist",
        "margin": "thickness|contact_margin",
    },
    adjoint="either",
    weight=4,
)
def pair_tests(d: Draft) -> None:
    """Runs exact intersection and distance tests on primitive pairs."""
    kind = d.option("kind", "triangles", "edges", "edge contact", "self")
    d.calls({
        "triangles": "test_triangle_pairs|triangle_intersections|intersect_triangles",
        "edges": "edge_distances|edge_pair_gaps|edge_edge_distance",
        "edge contact": "edge_contacts|edge_penetration|edge_edge_contact",
        "self": "self_intersections|test_self_pairs|test_triangle_pairs",
    }[kind])  # fmt: skip
    source = "indexed" if kind == "self" else d.option("source", "arrays", "indexed")
    counted = d.flag("counted", 0.4)
    skip = d.flag("degenerate", 0.4) and kind != "edges"
    slivers = ", skipping slivers" if skip else ""
    d.says(
        {
            "triangles": f"Tests triangle pairs for intersection{slivers}.",
            "self": f"Tests pairs of triangles in the same mesh for intersection{slivers}.",
            "edges": "Computes the distance between pairs of edges.",
            "edge contact": f"Computes edge-edge penetration depths within a contact margin{', 0 if an endpoint is closest' if skip else ''}.",
        }[kind]
    )
    n = d.pick(64, 96, 128)
    per = 2 if "edge" in kind else 3
    one = kind == "self"
    a = "corners" if one else "a"
    ends = "edge endpoints" if per == 2 else "triangle corners"
    d.input(a, "vec3", (n, per), -1.0, 1.0, about=ends.capitalize() if one else f"First {ends}")
    if not one:
        d.input("b", "vec3", (n, per), -1.0, 1.0, about=f"Second {ends}")
    if source == "indexed":
        d.input("pairs", "vec2i", n, 0, n, about="Index pairs to test")
    if kind == "edge contact":
        d.param("margin", "float", 0.4, 0.8, about="Contact margin")
    output, type_, about = {
        "triangles": ("hits", "int", "1 if the triangles intersect"),
        "self": ("hits", "int", "1 if the triangles intersect"),
        "edges": ("gap", "float", "Edge-edge distance"),
        "edge contact": ("depth", "float", "Penetration depth, 0 beyond the margin"),
    }[kind]
    d.output(output, type_, n, about=about)
    if counted and type_ == "int":
        d.output("hit_count", "int", 1, about="Number of intersecting pairs")
        d.says(d.sentence[:-1] + ", and counts the hits.")
    i, j = ("i", "j") if source == "indexed" else ("tid", "tid")
    second = a if one else "b"
    head = "i = pairs[tid][0]\nj = pairs[tid][1]" if source == "indexed" else ""
    if one:
        head += "\n# Skip self pairs\nif i == j:\n    hits[tid] = 0\n    return"
    if "edge" in kind:
        body = (
            f"# Edge parameters and distance at the closest points\n"
            f"closest = wp.closest_point_edge_edge(a[{i}, 0], a[{i}, 1], b[{j}, 0], b[{j}, 1], 1.0e-6)"
        )
        if skip:
            body += (
                "\n# Skip endpoints, since they are handled by vertex-face contacts\n"
                "if wp.min(closest[0], closest[1]) <= 0.0 or wp.max(closest[0], closest[1]) >= 1.0:\n"
                "    depth[tid] = 0.0\n    return"
            )
        body += f"\n{output}[tid] = " + (
            "closest[2]" if kind == "edges" else "wp.max(margin - closest[2], 0.0)"
        )
    else:
        if skip:
            d.module("MIN_AREA = wp.constant(0.01)")
            areas = "\n".join(
                f"area_{x} = 0.5 * wp.length(wp.cross({t}[{k}, 1] - {t}[{k}, 0], {t}[{k}, 2] - {t}[{k}, 0]))"
                for x, t, k in (("a", a, i), ("b", second, j))
            )
            head += f"\n{areas}\n# Skip degenerate triangles (slivers), since their plane is unreliable"
            head += "\nif wp.min(area_a, area_b) < MIN_AREA:\n    hits[tid] = 0\n    return"
        first = "hit" if counted else "hits[tid]"
        body = (
            f"{first} = wp.intersect_tri_tri(\n    {a}[{i}, 0], {a}[{i}, 1], {a}[{i}, 2],\n"
            f"    {second}[{j}, 0], {second}[{j}, 1], {second}[{j}, 2],\n)"
        )
        if counted:
            body += "\nhits[tid] = hit\nif hit != 0:\n    wp.atomic_add(hit_count, 0, 1)"
    if one:
        d.explain("Triangles sharing a corner always touch, so such pairs should be excluded from the input.")
    d.launch(n)
    d.code("tid = wp.tid()\n$head\n$body", head=head.strip("\n"), body=body)

    def agree(before: Values, after: Values) -> None:
        v = before
        i, j = (v.pairs[:, 0], v.pairs[:, 1]) if source == "indexed" else (np.arange(n), np.arange(n))
        p, q = v[a][i], v[second][j]
        if per == 2:
            least, ends = edge_gaps(p, q)
            expected = least if kind == "edges" else np.maximum(v.margin - least, 0)
            close = np.abs(after[output] - expected) < 0.03
            if skip:
                close = np.where(ends, close | (after[output] == 0.0), close)
            assert close.mean() > 0.97
            return
        hits = crosses(p, q) | crosses(q, p)
        if one:
            hits &= i != j
        if skip:
            for t in (p, q):
                hits &= np.linalg.norm(np.cross(t[:, 1] - t[:, 0], t[:, 2] - t[:, 0]), axis=1) >= 0.02
        assert (after.hits != hits).mean() < 0.05
        if counted:
            assert after.hit_count[0] == after.hits.sum()

    d.holds(agree)
