"""Rays against a mesh: what they hit first, and whether anything is in the way."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.geometry_query import DOMAIN
from warpgen.synthesis.algorithms.geometry_query import _ray_sources as ray_sources
from warpgen.synthesis.algorithms.geometry_query.surface import NAMES, corners, sphere, unit
from warpgen.synthesis.library import intersections
from warpgen.synthesis.library.proofs import mostly_close
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {name: others for name, others in NAMES.items() if name not in ("x", "v")} | {
    "origins": "ray_origins|starts|ro",
    "directions": "ray_directions|ray_dirs|rd",
    "hits": "hit_face|faces_hit|hit_index",
    "depth": "t_hit|hit_distance|ranges",
    "visible": "visibility|los|is_visible",
    "image": "pixels|shaded|framebuffer",
}


def hits(surface: Any, o: Any, r: Any) -> tuple[Any, Any]:
    """How far rays go until the mesh, infinite if they miss it, and the face that they hit."""
    a, b, c = corners(surface)
    t = intersections.triangle(o[:, None], r[:, None], a[None], b[None], c[None])
    t = np.where(t >= 0.0, t, np.inf)
    return t.min(axis=1), t.argmin(axis=1)


@DOMAIN.algorithm(
    source="Warp documentation, mesh_query_ray; Woop, Benthin & Wald 2013",
    names=_NAMES | {"cast_rays": "raycast_mesh|ray_cast|trace_mesh|mesh_raycast"},
    adjoint="either",
    weight=6,
)
def cast_rays(d: Draft) -> None:
    """Casts rays against a mesh and returns properties of the closest hit."""
    camera = d.option("rays", "arrays", "pinhole", "orthographic", "lidar", "fan")
    result = d.option("result", "depth", "normal", "face", "point", "facing")
    miss = d.option("miss", "sentinel", "early")
    helper = d.option("branch", "if", "where") if result == "depth" and miss == "sentinel" else "if"
    stacks = sphere(d)
    far = d.pick(10.0, 20.0, 100.0)
    n, width, height = d.pick(64, 96, 128), d.pick(12, 16), d.pick(8, 12)
    d.handle("mesh", "mesh", stacks, about="Mesh id")
    shape: tuple[int, ...] = (n,) if camera in ("arrays", "fan") else (height, width)
    where = "tid" if len(shape) == 1 else "i, j"
    lines = ray_sources.declare(d, camera, n)
    ro = "origin" if camera == "fan" else "ro"
    target, kind, none, value = {
        "depth": ("depth", "float", d.pick("-1.0", "MAX_T"), "query.t"),
        "normal": ("normals", "vec3", "wp.vec3(0.0)", "query.normal"),
        "face": ("hits", "int", "-1", "query.face"),
        "point": ("points", "vec3", f"{ro} + MAX_T * rd", f"{ro} + query.t * rd"),
        "facing": ("image", "float", "0.0", "wp.abs(wp.dot(query.normal, rd))"),
    }[result]
    about = {
        "depth": f"Hit distance, {'-1' if none == '-1.0' else '`MAX_T`'} for a miss",
        "normal": "Unit hit normal, zero for a miss",
        "face": "Hit face index, -1 for a miss",
        "point": "Hit point, or the ray endpoint for a miss",
        "facing": "Absolute cosine between the ray and the hit normal, 0 for a miss",
    }[result]
    d.output(target, kind, shape, about=about)
    d.module(f"MAX_T = wp.constant({far})")
    cast = {"fan": "a fan of rays", "orthographic": "parallel rays", "arrays": "rays"}.get(
        camera, f"rays of a {camera}"
    )
    gives = {
        "depth": f"the hit distance, {'-1' if none == '-1.0' else 'the maximum distance'} for a miss",
        "normal": "the hit normal, or zero for a miss",
        "face": "the hit face index, or -1 for a miss",
        "point": "the hit point, or the ray endpoint for a miss",
        "facing": "the absolute cosine between the ray and the hit normal, or 0 for a miss",
    }[result]
    d.says(f"Casts {cast}{' camera' * (camera == 'pinhole')} against a mesh and returns {gives}.")
    at = f"{target}[{where}]"
    if helper == "where":
        store = f"{at} = wp.where(query.result, {value}, {none})"
    elif miss == "early":
        store = f"if not query.result:\n    $none\n    return\n{at} = {value}"
    else:
        store = f"if query.result:\n    {at} = {value}\nelse:\n    {at} = {none}"
    d.launch(*shape)
    d.code(
        "$lines\nquery = wp.mesh_query_ray(mesh, $ro, rd, MAX_T)\n$store",
        lines=lines,
        target=target,
        ro=ro,
        store=store,
        none=f"{at} = {none}",
    )

    def agrees(v: Values, after: Values) -> None:
        o, r = ray_sources.rays(v, camera, shape)
        t, face = hits(v.mesh, o, r)
        met = np.isfinite(t)
        a, b, c = (x[face] for x in corners(v.mesh))
        normal = unit(np.cross(b - a, c - a))
        empty = far if none == "MAX_T" else -1.0
        flat = np.where(met, t, far)[:, None]
        expected = {
            "depth": np.where(met, t, empty),
            "normal": np.where(met[:, None], normal, 0.0),
            "face": np.where(met, face, -1),
            "point": o + flat * r,
            "facing": np.where(met, np.abs((normal * r).sum(-1)), 0.0),
        }[result]
        actual = np.asarray(after[target]).reshape(expected.shape)
        # rays through an edge may be given to either face
        mostly_close(actual, expected, 5e-3, 0.85 if result in ("face", "normal", "facing") else 0.96)

    d.holds(agrees)


@DOMAIN.algorithm(
    source="Warp documentation, mesh_query_ray_anyhit; Dutre et al. 2006, visibility function",
    names=_NAMES
    | {
        "line_of_sight": "visibility_test|check_visibility|test_visibility",
        "count": "num_visible|visible_count|total",
    },
    adjoint="either",
    weight=4,
)
def line_of_sight(d: Draft) -> None:
    """Tests the line of sight between pairs of points against a mesh."""
    ends = d.option("ends", "pairs", "one eye", "all pairs", "indexed")
    query = d.option("query", "any hit", "first hit")
    result = d.option("result", "flag", "count", "blocked") if ends != "all pairs" else "flag"
    reach = d.flag("range", 0.4)
    seen = "points" if ends == "one eye" else "pairs"
    if result != "flag":
        d.calls(
            {
                "count": f"count_visible|visible_{seen}|count_free_sights",
                "blocked": "blocked_sights|segments_blocked|occlusion_test",
            }[result]
        )
    stacks = sphere(d)
    n, m = d.pick(64, 96), d.pick(8, 10)
    d.handle("mesh", "mesh", stacks, about="Mesh id")
    if ends == "pairs":
        d.input("a", "vec3", n, -1.5, 1.5, about="Segment start points")
        d.input("b", "vec3", n, -1.5, 1.5, about="Segment end points")
        lines = "tid = wp.tid()\nstart = a[tid]\ndelta = b[tid] - start"
    elif ends == "one eye":
        d.param("eye", "vec3", 1.1, 1.5, about="Viewer position")
        d.input("points", "vec3", n, -1.5, 1.5, about="Query points")
        lines = "tid = wp.tid()\ndelta = points[tid] - eye"
    elif ends == "indexed":
        d.input("points", "vec3", m * 4, -1.5, 1.5, about="Query points")
        d.input("pairs", "vec2i", n, 0, m * 4, about="Point index pairs")
        lines = """
            tid = wp.tid()
            pair = pairs[tid]
            start = points[pair[0]]
            delta = points[pair[1]] - start
            """
    else:
        d.input("sensors", "vec3", m, -1.5, 1.5, about="Sensor positions")
        d.input("points", "vec3", m + 2, -1.5, 1.5, about="Query points")
        lines = "i, j = wp.tid()\nstart = sensors[i]\ndelta = points[j] - start"
    if reach:
        d.param("max_range", "float", 1.2, 2.2, about="Maximum range")
    shape = (m, m + 2) if ends == "all pairs" else (n,)
    at = "i, j" if ends == "all pairs" else "tid"
    between = {"one eye": "from a viewer to each point", "all pairs": "between sensors and points"}
    sight = f"the line of sight {between.get(ends, 'between pairs of points')}"
    within = " within a range" if reach else ""
    seen_by = " from a viewer" if ends == "one eye" else ""
    beyond = " or longer than the maximum range" if reach else ""
    if result == "count":
        d.inout("count", "int", 1, value=0.0, about=f"Number of visible {seen}")
        those = seen if ends == "one eye" else "pairs of points"
        d.says(f"Counts the {those}{within} with a line of sight{seen_by} that is not blocked by a mesh.")
    elif result == "blocked":
        d.output("blocked", "int", shape, about="1 if blocked, 0 if visible")
        d.says(f"Tests whether {sight} is blocked by a mesh{beyond}.")
    else:
        d.output("visible", "int", shape, about="Nonzero if visible")
        d.says(f"Tests whether {sight}{within} is unobstructed by a mesh.")
    start = "eye" if ends == "one eye" else "start"
    if query == "any hit":
        cast = f"hidden = wp.mesh_query_ray_anyhit(mesh, {start}, direction, distance)"
        test = "hidden"
    else:
        cast, test = f"query = wp.mesh_query_ray(mesh, {start}, direction, distance)", "query.result"
    store = {
        "flag": f"visible[{at}] = wp.where({test}, 0, 1)",
        "blocked": f"blocked[{at}] = wp.where({test}, 1, 0)",
        "count": f"if not {test}:\n    wp.atomic_add(count, 0, 1)",
    }[result]
    d.launch(*shape)
    d.code(
        """
        $lines
        distance = wp.length(delta)
        # coincident points are always visible, since the direction is undefined
        if distance < 1.0e-6:
            $same
            return
        $range
        direction = delta / distance
        $cast
        $store
        """,
        lines=lines,
        range="# skip pairs out of range\nif distance > max_range:\n    $beyond\n    return" if reach else "",
        beyond={"flag": f"visible[{at}] = 0", "blocked": f"blocked[{at}] = 1", "count": ""}[result],
        same={
            "flag": f"visible[{at}] = 1",
            "blocked": f"blocked[{at}] = 0",
            "count": "wp.atomic_add(count, 0, 1)",
        }[result],
        cast=cast,
        store=store,
    )

    def agrees(v: Values, after: Values) -> None:
        if ends == "pairs":
            a, b = v.a, v.b
        elif ends == "one eye":
            a, b = np.broadcast_to(v.eye, v.points.shape), v.points
        elif ends == "indexed":
            a, b = v.points[v.pairs[:, 0]], v.points[v.pairs[:, 1]]
        else:
            a, b = np.repeat(v.sensors, m + 2, axis=0), np.tile(v.points, (m, 1))
        far = np.linalg.norm(b - a, axis=-1)
        t, _ = hits(v.mesh, a, unit(b - a))
        hidden = t < far
        if reach:
            hidden |= far > v.max_range
        same = far < 1e-6
        if result == "count":
            assert abs(int(after.count[0]) - (~hidden | same).sum()) <= 3
        elif result == "blocked":
            mostly_close(after.blocked, hidden & ~same, 1e-3, 0.96)
        else:
            mostly_close(np.reshape(after.visible, -1), ~hidden | same, 1e-3, 0.96)

    d.holds(agrees)


@DOMAIN.algorithm(
    source="Warp documentation, mesh_query_aabb; Ericson 2004, 6.6",
    names=_NAMES
    | {
        "face_count": "n_found|num_faces|counts",
    },
    adjoint="either",
    weight=13,
)
def faces_in_box(d: Draft) -> None:
    """Queries mesh faces with bounds that overlap a box around each point."""
    result = d.option("result", "count", "first", "area", "list")
    box = d.option("box", "half given", "cube", "corners")
    loop = d.option("loop", "for", "while")
    exact = d.flag("sphere") if box == "cube" and result in ("count", "list") else False
    d.calls(
        {
            "count": "count_faces|faces_in_box|mesh_box_query|aabb_triangle_count",
            "first": "first_face_in_box|find_first_face|smallest_face_index",
            "area": "sum_face_areas|overlapping_face_area|face_area_near_box",
            "list": "faces_in_box|list_faces|mesh_box_query|broad_phase_mesh",
        }[result]
    )
    if exact:
        d.calls(
            "count_near_faces|count_faces_within|faces_within_radius"
            if result == "count"
            else "list_near_faces|faces_within_radius|faces_near_point"
        )
    stacks, n = sphere(d), d.pick(48, 64)
    room = 12
    d.handle("mesh", "mesh", stacks, about="Mesh id")
    if box == "corners":
        d.input("lower", "vec3", n, -1.0, 0.0, about="Query box lower corners")
        d.input("size", "vec3", n, 0.2, 0.7, about="Query box side lengths")
        bounds = "lo = lower[tid]\nhi = lo + size[tid]"
    else:
        d.input("points", "vec3", n, -0.9, 0.9, about="Query points")
        if box == "cube":
            d.param("r", "float", 0.15, 0.4, about="Radius" if exact else "Box half side length")
            bounds = "c = points[tid]\nlo = c - wp.vec3(r, r, r)\nhi = c + wp.vec3(r, r, r)"
        else:
            d.input("half", "vec3", n, 0.1, 0.4, about="Half extents")
            bounds = "lo = points[tid] - half[tid]\nhi = points[tid] + half[tid]"
    d.says(
        {
            "count": "Counts mesh faces whose bounds overlap each query box.",
            "first": "Finds the smallest mesh face index with bounds overlapping each query box, or -1 for "
            "none.",
            "area": "Accumulates the area of mesh faces whose bounds overlap each query box.",
            "list": f"Collects up to {room} mesh faces whose bounds overlap each query box, and the total count.",
        }[result]
        if not exact
        else {
            "count": "Counts mesh faces with centers within a radius of each point.",
            "list": f"Collects up to {room} mesh faces centered within a radius of each point, and the total count.",
        }[result]
    )
    if result == "list":
        d.output("found", "int", (n, room), about="Face indices, unused slots are left unchanged")
    d.output(
        *{
            "first": ("first", "int", n, "Smallest face index, -1 for none"),
            "area": ("area", "float", n, "Total face area per query"),
            "list": ("face_count", "int", n, "Number of faces, may exceed the number of slots"),
        }.get(result, ("face_count", "int", n, "Number of faces"))
    )
    begin, step, last = {
        "count": ("total = int(0)", "total += 1", "face_count[tid] = total"),
        "first": (
            "lowest = int(1 << 30)",
            "lowest = wp.min(lowest, face)",
            "first[tid] = wp.where(lowest < (1 << 30), lowest, -1)",
        ),
        "area": (
            "total = float(0.0)",
            """
            v0 = wp.mesh_get_point(mesh, 3 * face)
            v1 = wp.mesh_get_point(mesh, 3 * face + 1)
            v2 = wp.mesh_get_point(mesh, 3 * face + 2)
            total += 0.5 * wp.length(wp.cross(v1 - v0, v2 - v0))
            """,
            "area[tid] = total",
        ),
        "list": (
            "total = int(0)",
            """
            # keep counting past the capacity so that the caller can detect overflow
            if total < found.shape[1]:
                found[tid, total] = face
            total += 1
            """,
            "face_count[tid] = total",
        ),
    }[result]
    loops = {
        "for": "for face in wp.mesh_query_aabb(mesh, lo, hi):\n    $near\n    $step",
        "while": """
            query = wp.mesh_query_aabb(mesh, lo, hi)
            face = int(0)
            while wp.mesh_query_aabb_next(query, face):
                $near
                $step
            """,
    }
    d.launch(n)
    d.code(
        "tid = wp.tid()\n$bounds\n$begin\n$loop\n$last",
        bounds=bounds,
        begin=begin,
        loop=loops[loop],
        near="""
        centroid = wp.mesh_eval_position(mesh, face, 1.0 / 3.0, 1.0 / 3.0)
        # skip faces with centers outside the radius, since the box query is conservative
        if wp.length(centroid - c) > r:
            continue
        """
        if exact
        else "",
        step=step,
        last=last,
    )

    def agrees(v: Values, after: Values) -> None:
        a, b, c = corners(v.mesh)
        lower, upper = np.minimum(np.minimum(a, b), c), np.maximum(np.maximum(a, b), c)
        if box == "corners":
            lo, hi = v.lower, v.lower + v["size"]
        else:
            half = v.r if box == "cube" else v.half
            lo, hi = v.points - half, v.points + half
        meets = np.all((lower <= hi[:, None]) & (upper >= lo[:, None]), axis=-1)
        if exact:
            meets &= np.linalg.norm((a + b + c) / 3.0 - v.points[:, None], axis=-1) <= v.r
        count = meets.sum(axis=1)
        if result == "area":
            size = np.linalg.norm(np.cross(b - a, c - a), axis=-1) / 2.0
            mostly_close(after.area, (meets * size).sum(axis=1), 1e-3, 0.95)
        elif result == "first":
            mostly_close(after.first, np.where(count > 0, meets.argmax(axis=1), -1), 1e-3, 0.95)
        else:
            mostly_close(after["face_count"], count, 1e-3, 0.95)
        if result == "list":
            held = np.asarray(after.found)
            wrong = 0
            for i in range(n):
                own = held[i, : min(int(after["face_count"][i]), room)]
                assert len(set(own)) == len(own)
                wrong += not meets[i, own].all()
            assert wrong <= 0.05 * n

    d.holds(agrees)
