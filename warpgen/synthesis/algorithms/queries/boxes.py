"""Trees of boxes and hash grids: what overlaps a box, a ball, a ray, a capsule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.queries import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "points": "positions|centers|particles",
    "tree": "bvh|bvh_id|box_tree",
    "grid": "hash_grid|grid_id|cells",
    "probes": "query_points|samples|queries",
    "p": "probe|center|q",
    "query": "overlaps|found|walk",
    "j": "item|index|other",
    "count": "number|hits|n",
    "counts": "num_found|overlap_count|hit_counts",
    "nearest": "closest|best_index|neighbour",
    "radius": "reach|search_radius|r",
}


@DOMAIN.algorithm(
    source="Ericson 2005, ch. 6; Warp manual, Geometry: bvh_query_aabb, bvh_query_sphere",
    names=_NAMES | {"box_neighbours": "overlap_query|bvh_neighbors|range_search"},
    adjoint="no",
    weight=2,
)
def box_neighbours(d: Draft) -> None:
    """Searches a tree of boxes about each probe."""
    shape = d.option("shape", "box", "ball", "group", "wide box")
    wanted = d.option("wanted", "count", "nearest", "sum", "marks", "any")
    own = d.flag("own points", 0.4)
    near = d.flag("narrow", 0.4) or wanted == "nearest" or not own
    d.says(
        {
            "count": "Counts the boxes of a tree about each probe.",
            "nearest": "Finds the nearest of the centres whose boxes a tree finds about each probe.",
            "sum": "Adds up the weights of the boxes of a tree about each probe.",
            "marks": "Marks the boxes of a tree that lie about any probe.",
            "any": "Tells for each probe whether a tree has any box about it.",
        }[wanted]
    )
    n, m, half = d.pick(64, 96, 128), d.pick(32, 48), d.pick(0.05, 0.1, 0.15)
    if own:
        m = n
    d.input("points", "vec3", n, -1.0, 1.0)
    d.handle("tree", "bvh", of="points", value=half)
    if not own:
        d.input("probes", "vec3", m, -1.0, 1.0)
    d.param("radius", "float", 0.25, 0.5)
    if shape == "group":
        d.input("groups", "int", m, 0, 4)
    if wanted == "sum":
        d.input("weights", "float", n, 0.1, 1.0)
    output, type_, size = {
        "count": ("counts", "int", m),
        "nearest": ("nearest", "int", m),
        "sum": ("sums", "float", m),
        "marks": ("touched", "int", n),
        "any": ("occupied", "int", m),
    }[wanted]
    d.output(output, type_, size)
    extent = "extent = wp.vec3(radius, radius, radius)"
    box = f"{extent}\nquery = wp.bvh_query_aabb(tree, p - extent, p + extent)"
    start = {
        "box": box,
        "wide box": "# flat boxes: what lies above or below counts less\n"
        "extent = wp.vec3(radius, radius, 0.25 * radius)\n"
        "query = wp.bvh_query_aabb(tree, p - extent, p + extent)",
        "ball": "query = wp.bvh_query_sphere(tree, p, radius)",
        "group": f"# each group has a subtree of its own\nroot = wp.bvh_get_group_root(tree, groups[tid])\n"
        f"{extent}\n"
        "query = wp.bvh_query_aabb(tree, p - extent, p + extent, root)",
    }[shape]
    before, inner, after = {
        "count": ("count = int(0)", "count += 1", "counts[tid] = count"),
        "nearest": (
            "best = float(1.0e6)\nwinner = int(-1)",
            "dist = wp.length_sq(points[j] - p)\nif dist < best:\n    best = dist\n    winner = j",
            "nearest[tid] = winner",
        ),
        "sum": ("total = float(0.0)", "total += weights[j]", "sums[tid] = total"),
        "marks": ("", "touched[j] = 1", ""),
        "any": ("", "occupied[tid] = 1\nbreak", ""),
    }[wanted]
    if own and wanted in ("nearest", "any"):
        before = f"{before}" if before else ""
        inner = f"if j == tid:\n    continue\n{inner}"
    if near and wanted != "nearest":
        inner = f"""
# the boxes overlap, but the centre may be out of reach
if wp.length(points[j] - p) > radius:
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
    d.explain("A tree skips whole branches that lie outside, so that few boxes are looked at for each probe.")

    def reference(v: Values) -> Mapping[str, Any]:
        p = (v.points if own else v.probes)[:, None]
        lower, upper = v.tree.lower.astype(float)[None], v.tree.upper.astype(float)[None]
        gap = np.maximum(0.0, np.maximum(lower - p, p - upper))
        e = v.radius * np.array([1.0, 1.0, 0.25 if shape == "wide box" else 1.0])
        found = (gap**2).sum(axis=2) <= v.radius**2 if shape == "ball" else (gap <= e).all(axis=2)
        if shape == "group":
            found &= np.arange(n)[None] % 4 == v.groups[:, None]
        apart = ((v.points[None] - p) ** 2).sum(axis=2)
        if near and wanted != "nearest":
            found &= apart <= v.radius**2
        if own and wanted in ("nearest", "any"):
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
    names=_NAMES
    | {
        "swept_balls": "raycast_balls|sweep_query|ray_through_tree",
        "origin": "start|ray_start|o",
        "best": "t_min|first|t_hit",
    },
    adjoint="no",
    weight=2,
)
def swept_balls(d: Draft) -> None:
    """Sends rays or capsules through a tree over balls."""
    form = d.option("form", "ray", "capsule", "ray of group")
    wanted = d.option("wanted", "first", "count", "which")
    limited = d.flag("limited")
    aim = d.option("aim", "direction", "target")
    if form == "capsule" and wanted != "count":
        wanted = "closest"
    d.says(
        {
            "first": "Finds how far each ray goes until it meets the first of many balls.",
            "count": f"Counts the balls that each {form.split()[0]} meets.",
            "which": "Finds which of many balls each ray meets first.",
            "closest": "Finds how close each swept ball comes to the centres of others.",
        }[wanted]
    )
    n, m, half = d.pick(48, 64, 96), d.pick(32, 48), d.pick(0.2, 0.25, 0.3)
    d.input("points", "vec3", n, -1.0, 1.0)
    d.handle("tree", "bvh", of="points", value=half)
    d.input("origin", "vec3", m, -2.0, 2.0)
    if form == "capsule" or aim == "target":
        d.input("target", "vec3", m, -1.0, 1.0)
    else:
        d.input("direction", "vec3", m, kind="unit")
    group = form == "ray of group"
    if group:
        d.param("group", "int", d.pick(0, 1, 2, 3))
    if form == "capsule":
        d.param("radius", "float", 0.1, 0.3)
    output, type_ = {
        "first": ("depth", "float"),
        "count": ("counts", "int"),
        "which": ("nearest", "int"),
        "closest": ("gap", "float"),
    }[wanted]
    d.output(output, type_, m)
    root = ", wp.bvh_get_group_root(tree, group)" if group else ""
    if form == "capsule":
        start = "along = target[tid] - o\nquery = wp.bvh_query_capsule(tree, o, along, radius)"
        # the sweep ends with the segment, at 1
        step = "wp.bvh_query_next(query, j, 1.0)"
        inner = (
            "s = wp.clamp(wp.dot(points[j] - o, along) / wp.dot(along, along), 0.0, 1.0)\n"
            "apart = wp.length(o + s * along - points[j])"
        )
        before, test, after = {
            "closest": ("best = float(4.0)", "best = wp.min(best, apart)", "gap[tid] = best"),
            "count": ("count = int(0)", "if apart < radius:\n    count += 1", "counts[tid] = count"),
        }[wanted]
        if wanted == "closest":
            test = "if apart < radius:\n    best = wp.min(best, apart)"
    else:
        start = (
            "along = wp.normalize(target[tid] - o)" if aim == "target" else "along = direction[tid]"
        ) + f"\nquery = wp.bvh_query_ray(tree, o, along{root})"
        step = (
            "wp.bvh_query_next(query, j, best)"
            if limited and wanted != "count"
            else "wp.bvh_query_next(query, j)"
        )
        inner = f"""
to_ball = o - points[j]
b = wp.dot(to_ball, along)
discriminant = b * b - wp.length_sq(to_ball) + {half * half}
# negative where the ray passes by
if discriminant < 0.0:
    continue
t = -b - wp.sqrt(discriminant)""".strip()
        before, test, after = {
            "first": ("best = float(10.0)", "if t > 0.0 and t < best:\n    best = t", "depth[tid] = best"),
            "count": ("count = int(0)", "if t > 0.0:\n    count += 1", "counts[tid] = count"),
            "which": (
                "best = float(10.0)\nwinner = int(-1)",
                "if t > 0.0 and t < best:\n    best = t\n    winner = j",
                "nearest[tid] = winner",
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
        while {step}:
            $inner
            $test
        $after
        """,
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
            hit = apart < v.radius
            expected: Any = hit.sum(axis=1)
            if wanted == "closest":
                expected = np.minimum(4.0, np.where(hit, apart, 4.0).min(axis=1))
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


@DOMAIN.algorithm(
    source="Warp manual, Tiles: tiled queries",
    names=_NAMES
    | {
        "block_overlaps": "tiled_overlap|cooperative_query|block_traversal",
        "block": "b|i|probe_id",
        "batch": "results|found_t|chunk",
    },
    adjoint="no",
    weight=3,
)
def block_overlaps(d: Draft) -> None:
    """Walks a tree with a whole block for each probe."""
    on = d.option("on", "boxes", "mesh")
    form = d.option("form", "box", "ray") if on == "boxes" else "box"
    spelled = d.option("spelled", "tile first", "tiled last")
    wanted = d.option("wanted", "counts", "marks", "both")
    shape = d.option("extent", "cube", "slab")
    d.says(
        {
            "counts": "Counts with a whole block for each probe what a tree finds about it.",
            "marks": "Marks with a whole block for each probe what a tree finds about it.",
            "both": "Counts and marks with a whole block for each probe what a tree finds about it.",
        }[wanted]
    )
    m, n = d.pick(8, 12, 16), d.pick(48, 64, 96)
    half = d.pick(0.1, 0.15, 0.2)
    slices = d.pick(8, 10)
    if on == "boxes":
        d.input("points", "vec3", n, -1.0, 1.0)
        d.handle("tree", "bvh", of="points", value=half)
    else:
        d.handle("tree", "mesh", (6, slices))
        n = 2 * slices * 5
    d.input("probes", "vec3", m, -0.8, 0.8)
    if form == "ray":
        d.input("direction", "vec3", m, kind="unit")
    else:
        d.param("radius", "float", 0.3, 0.6)
    if wanted != "marks":
        d.output("counts", "int", m)
    if wanted != "counts":
        d.output("touched", "int", n)
    stem = ("bvh" if on == "boxes" else "mesh") + "_query_" + ("ray" if form == "ray" else "aabb")
    begin = f"tile_{stem}" if spelled == "tile first" else f"{stem}_tiled"
    step = "bvh_query_next" if on == "boxes" else "mesh_query_aabb_next"
    step = f"tile_{step}" if spelled == "tile first" else f"{step}_tiled"
    arguments = "tree, p, along" if form == "ray" else "tree, p - extent, p + extent"
    high = "radius" if shape == "cube" else "0.5 * radius"
    if form == "ray":
        narrow = (
            "away = points[j] - p\n"
            "away = away - wp.max(wp.dot(away, along), 0.0) * along\n"
            "# the ray goes through the box, but perhaps past the ball in it\n"
            f"if wp.length(away) > {half}:\n    continue"
        )
    else:
        narrow = "if wp.length(points[j] - p) > radius:\n    continue"
    lines = {"counts": "wp.atomic_add(counts, block, 1)", "marks": "touched[j] = 1"}
    d.launch(m, tiled=True)
    d.code(
        f"""
        block = wp.tid()
        p = probes[block]
        $extent
        query = wp.{begin}({arguments})
        while wp.tile_query_valid(query):
            batch = wp.{step}(query)
            # each thread takes what it got of the batch, and some get nothing
            j = wp.untile(batch)
            if j >= 0:
                $narrow
                $lines
        """,
        narrow=narrow if on == "boxes" else "",
        extent="along = direction[block]" if form == "ray" else f"extent = wp.vec3(radius, radius, {high})",
        lines="\n".join(lines.values()) if wanted == "both" else lines[wanted],
    )
    d.explain("Every thread of a block must reach each step, so that the walk can be shared among them.")

    def agree(before: Values, after: Values) -> None:
        v = before
        if on == "boxes":
            lower, upper = v.tree.lower.astype(float), v.tree.upper.astype(float)
        else:
            corners = v.tree.points[v.tree.faces].astype(float)
            lower, upper = corners.min(axis=1), corners.max(axis=1)
        p = v.probes[:, None]
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
            e = v.radius * np.array([1.0, 1.0, 1.0 if shape == "cube" else 0.5])
            found = ((lower <= p + e) & (upper >= p - e)).all(axis=2)
            if on == "boxes":
                found &= np.linalg.norm(v.points - p, axis=2) <= v.radius
        if wanted != "marks":
            assert np.abs(after.counts - found.sum(axis=1)).sum() <= 2
        if wanted != "counts":
            assert np.abs(after.touched - found.any(axis=0)).sum() <= 2

    d.holds(agree)


@DOMAIN.algorithm(
    source="Green 2008, Particle simulation using CUDA; Warp manual, Geometry: hash grids",
    names=_NAMES
    | {
        "grid_neighbours": "hash_neighbors|grid_density|cell_search",
        "x": "p|xi|centre",
        "h": "smoothing|support|radius_h",
    },
    adjoint="no",
    weight=2,
)
def grid_neighbours(d: Draft) -> None:
    """Visits the neighbours of each point in a hash grid."""
    wanted = d.option("wanted", "count", "density", "centre", "nearest", "velocity")
    loop = d.option("loop", "for", "next", "named")
    order = d.option("order", "given", "cells")
    itself = d.option("itself", "left out", "kept")
    if wanted == "nearest":
        itself = "left out"
    d.says(
        {
            "count": "Counts the neighbours of each point in a hash grid.",
            "density": "Sums smoothed weights of the neighbours of each point in a hash grid.",
            "centre": "Finds the centre of the neighbours of each point in a hash grid.",
            "nearest": "Finds the nearest neighbour of each point in a hash grid.",
            "velocity": "Averages the velocities of the neighbours of each point in a hash grid.",
        }[wanted]
    )
    n, width = d.pick(64, 96, 128), d.pick(0.3, 0.4, 0.5)
    d.input("points", "vec3", n, -1.0, 1.0)
    d.handle("grid", "hash_grid", (8, 8, 8), of="points", value=width)
    d.param("h", "float", 0.35, 0.6)
    if wanted == "velocity":
        d.input("velocities", "vec3", n, -1.0, 1.0)
    output, type_ = {
        "count": ("counts", "int"),
        "density": ("density", "float"),
        "centre": ("centres", "vec3"),
        "nearest": ("nearest", "int"),
        "velocity": ("mean_velocity", "vec3"),
    }[wanted]
    d.output(output, type_, n)
    own = "i" if order == "cells" else "tid"
    before, inner, after = {
        "count": ("count = int(0)", "count += 1", f"counts[{own}] = count"),
        "density": ("rho = float(0.0)", "w = 1.0 - apart / h\nrho += w * w * w", f"density[{own}] = rho"),
        "centre": (
            "total = wp.vec3()\ncount = int(0)",
            "total += points[j]\ncount += 1",
            f"centres[{own}] = total / float(wp.max(count, 1))",
        ),
        "nearest": (
            "best = float(1.0e6)\nwinner = int(-1)",
            "if apart < best:\n    best = apart\n    winner = j",
            f"nearest[{own}] = winner",
        ),
        "velocity": (
            "total = wp.vec3()\ncount = int(0)",
            "total += velocities[j]\ncount += 1",
            f"mean_velocity[{own}] = total / float(wp.max(count, 1))",
        ),
    }[wanted]
    call = "wp.hash_grid_query(grid, x, h)"
    head = {
        "for": f"for j in {call}:",
        "named": f"query = {call}\nfor j in query:",
        "next": f"query = {call}\nj = int(0)\nwhile wp.hash_grid_query_next(query, j):",
    }[loop]
    skip = f"if j == {own}:\n    continue" if itself == "left out" else ""
    d.launch(n)
    d.code(
        """
        tid = wp.tid()
        $sorted
        x = points[$own]
        $before
        $head
            $skip
            apart = wp.length(points[j] - x)
            # cells overlap the ball: what they hold may be out of reach
            if apart < h:
                $inner
        $after
        """,
        sorted="# threads of one cell side by side read the same memory\ni = wp.hash_grid_point_id(grid, tid)"
        if order == "cells"
        else "",
        own=own,
        before=before,
        head=head,
        skip=skip,
        inner=inner,
        after=after,
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


@DOMAIN.algorithm(
    source="Moller 1997; Ericson 2005, sec. 5.1.9",
    names={
        "pair_tests": "edge_triangle_tests|narrow_phase|feature_pairs",
        "a": "vertices_a|first|points_a",
        "b": "vertices_b|second|points_b",
        "pairs": "candidates|pair_ids|contacts_in",
        "hits": "intersecting|overlap|colliding",
        "gap": "distance|separation|dist",
        "margin": "thickness|contact_margin|eps",
    },
    adjoint="no",
)
def pair_tests(d: Draft) -> None:
    """Tests pairs of triangles or edges exactly."""
    kind = d.option("kind", "triangles", "edges", "edge contact", "self")
    source = d.option("source", "arrays", "indexed")
    counted = d.flag("counted", 0.4)
    skip = d.flag("degenerate", 0.4)
    d.says(
        {
            "triangles": "Tells which pairs of triangles intersect.",
            "self": "Tells which pairs of triangles of one soup intersect.",
            "edges": "Finds the distance between pairs of edges.",
            "edge contact": "Finds how deep pairs of edges lie within a margin of each other.",
        }[kind]
    )
    n = d.pick(64, 96, 128)
    per = 2 if "edge" in kind else 3
    one = kind == "self" and source == "indexed"
    d.input("a", "vec3", (n, per), -1.0, 1.0)
    if not one:
        d.input("b", "vec3", (n, per), -1.0, 1.0)
    if source == "indexed":
        d.input("pairs", "vec2i", n, 0, n)
    if kind == "edge contact":
        d.param("margin", "float", 0.4, 0.8)
    output, type_ = {
        "triangles": ("hits", "int"),
        "self": ("hits", "int"),
        "edges": ("gap", "float"),
        "edge contact": ("depth", "float"),
    }[kind]
    d.output(output, type_, n)
    if counted and type_ == "int":
        d.output("total", "int", 1)
    i, j = ("i", "j") if source == "indexed" else ("tid", "tid")
    second = "a" if one else "b"
    head = "i = pairs[tid][0]\nj = pairs[tid][1]" if source == "indexed" else ""
    if one:
        head += "\n# a triangle does not count as hitting itself\nif i == j:\n    return"
    if "edge" in kind:
        epsilon = "1.0e-6"
        body = (
            f"# parameters along both edges, and the distance\n"
            f"std = wp.closest_point_edge_edge(a[{i}, 0], a[{i}, 1], b[{j}, 0], b[{j}, 1], {epsilon})"
        )
        inner = "std[2]"
        if skip:
            # where it lies at an end, another pair of features is nearer
            body += "\nif std[0] <= 0.0 or std[0] >= 1.0:\n    $out[tid] = 0.0\n    return".replace(
                "$out", output
            )
        body += f"\n{output}[tid] = " + (inner if kind == "edges" else "wp.max(margin - std[2], 0.0)")
    else:
        if skip:
            edge = f"wp.cross(a[{i}, 1] - a[{i}, 0], a[{i}, 2] - a[{i}, 0])"
            head += f"\n# slivers have no plane of their own\nif wp.length({edge}) < 0.3:\n    return"
        body = (
            f"hit = wp.intersect_tri_tri(\n    a[{i}, 0], a[{i}, 1], a[{i}, 2],\n"
            f"    {second}[{j}, 0], {second}[{j}, 1], {second}[{j}, 2],\n)\n"
            "hits[tid] = hit"
        )
        if counted:
            body += "\nif hit != 0:\n    wp.atomic_add(total, 0, 1)"
    d.launch(n)
    d.code("tid = wp.tid()\n$head\n$body", head=head.strip("\n"), body=body)

    def agree(before: Values, after: Values) -> None:
        v = before
        i, j = (v.pairs[:, 0], v.pairs[:, 1]) if source == "indexed" else (np.arange(n), np.arange(n))
        p, q = v.a[i], (v.a if one else v.b)[j]
        if per == 2:
            grid = np.linspace(0, 1, 41)
            x = p[:, None, 0] + grid[None, :, None] * (p[:, 1] - p[:, 0])[:, None]
            d1, w = (q[:, 1] - q[:, 0])[:, None], x - q[:, None, 0]
            t = np.clip((w * d1).sum(axis=2) / (d1**2).sum(axis=2), 0, 1)
            apart = np.linalg.norm(w - t[..., None] * d1, axis=2)
            least, at = apart.min(axis=1), apart.argmin(axis=1)
            expected = least if kind == "edges" else np.maximum(v.margin - least, 0)
            close = np.abs(after[output] - expected) < 0.03
            if skip:
                close = np.where((at == 0) | (at == 40), close | (after[output] == 0.0), close)
            assert close.mean() > 0.97
            return

        def crosses(t: Any, u: Any) -> Any:
            """Whether an edge of u goes through t."""
            found = np.zeros(n, bool)
            for k in range(3):
                o, e = u[:, k], u[:, (k + 1) % 3] - u[:, k]
                m = np.stack([t[:, 1] - t[:, 0], t[:, 2] - t[:, 0], -e], axis=2)
                good = np.abs(np.linalg.det(m)) > 1e-9
                m[~good] = np.eye(3)
                s = np.linalg.solve(m, (o - t[:, 0])[..., None])[..., 0]
                found |= (
                    good
                    & (s[:, 0] >= 0)
                    & (s[:, 1] >= 0)
                    & (s[:, 0] + s[:, 1] <= 1)
                    & (s[:, 2] >= 0)
                    & (s[:, 2] <= 1)
                )
            return found

        hits = crosses(p, q) | crosses(q, p)
        if one:
            hits &= i != j
        if skip:
            hits &= np.linalg.norm(np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]), axis=1) >= 0.3
        assert (after.hits != hits).mean() < 0.05
        if counted:
            assert after.total[0] == after.hits.sum()

    d.holds(agree)
