"""Triangle meshes: distances, rays, regions and what is stored on the surface."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.queries import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "mesh": "mesh_id|collider|shape",
    "probes": "points|query_points|samples",
    "p": "probe|x|point",
    "hit": "found|res|query",
    "reach": "max_dist|search_radius|cutoff",
    "surface": "closest|foot|nearest_point",
    "distance": "sdf|signed_distance|phi",
    "origin": "start|ray_origin|o_ray",
    "direction": "dirs|ray_dir|rays",
}


def closest(mesh: Any, points: Any) -> tuple[Any, Any]:
    """Distances to a mesh and whether each point lies inside, by brute force."""
    t = mesh.points.astype(float)[mesh.faces]
    p = points[:, None]
    a, b, c = t[None, :, 0], t[None, :, 1], t[None, :, 2]
    n = np.cross(b - a, c - a)
    n = n / np.linalg.norm(n, axis=2, keepdims=True)
    height = ((p - a) * n).sum(axis=2)
    foot = p - height[..., None] * n
    inside = np.ones(height.shape, bool)
    best = np.full(height.shape, np.inf)
    for x, y in ((a, b), (b, c), (c, a)):
        e = y - x
        inside &= (np.cross(e, foot - x) * n).sum(axis=2) >= 0
        s = np.clip(((p - x) * e).sum(axis=2) / (e * e).sum(axis=2), 0, 1)
        best = np.minimum(best, np.linalg.norm(p - x - s[..., None] * e, axis=2))
    distance = np.where(inside, np.abs(height), best)
    ra, rb, rc = a - p, b - p, c - p
    la, lb, lc = (np.linalg.norm(r, axis=2) for r in (ra, rb, rc))
    top = (ra * np.cross(rb, rc)).sum(axis=2)
    low = la * lb * lc + (ra * rb).sum(axis=2) * lc + (rb * rc).sum(axis=2) * la + (rc * ra).sum(axis=2) * lb
    return distance, (2 * np.arctan2(top, low)).sum(axis=1) > 2 * np.pi


@DOMAIN.algorithm(
    source="Jacobson, Kavan & Sorkine-Hornung 2013; Baerentzen & Aanaes 2005",
    names=_NAMES | {"mesh_distance": "signed_distance_to_mesh|sample_sdf|closest_on_mesh"},
    adjoint="either",
    weight=3,
)
def mesh_distance(d: Draft) -> None:
    """Finds the signed distance of probes from a closed mesh."""
    sign = d.option("sign", "plain", "none", "normal", "parity", "winding")
    wanted = d.option("wanted", "distance", "inside", "pushed out", "shell", "barycentric", "velocity")
    early = d.flag("early")
    if wanted in ("inside", "pushed out") and sign == "none":
        wanted = "distance"
    signed = sign != "none"
    d.says({
        "distance": f"Finds the {'signed distance' if signed else 'distance'} of probes from a closed mesh.",
        "inside": "Tells which probes lie inside a closed mesh.",
        "pushed out": "Moves probes that lie inside a closed mesh out to its surface.",
        "shell": "Tells which probes lie within a shell about a mesh.",
        "barycentric": "Finds the point of a mesh that is closest to each probe.",
        "velocity": "Reads the velocity of a mesh at the point that is closest to each probe.",
    }[wanted])  # fmt: skip
    n = d.pick(48, 64, 96)
    d.handle("mesh", "mesh", (d.pick(5, 6), d.pick(8, 10)))
    d.input("probes", "vec3", n, -1.1, 1.1)
    d.param("reach", "float", 3.0, 4.0)
    if wanted == "shell":
        d.param("thickness", "float", 0.1, 0.3)
    output, type_ = {
        "distance": ("distance", "float"),
        "inside": ("inside", "int"),
        "pushed out": ("moved", "vec3"),
        "shell": ("near", "int"),
        "barycentric": ("surface_points", "vec3"),
        "velocity": ("surface_velocity", "vec3"),
    }[wanted]
    d.output(output, type_, n)
    call = {
        "plain": "wp.mesh_query_point(mesh, p, reach)",
        "none": "wp.mesh_query_point_no_sign(mesh, p, reach)",
        "normal": "wp.mesh_query_point_sign_normal(mesh, p, reach)",
        "parity": f"wp.mesh_query_point_sign_parity(mesh, p, reach, {d.pick(3, 5)}, 0.1)",
        "winding": "wp.mesh_query_point_sign_winding_number(mesh, p, reach, 2.0, 0.5)",
    }[sign]
    surface = "surface = wp.mesh_eval_position(mesh, hit.face, hit.u, hit.v)"
    length = "wp.length(p - surface)"
    lines = {
        "distance": f"{surface}\ndistance[tid] = {'hit.sign * ' if signed else ''}{length}",
        "inside": "inside[tid] = wp.where(hit.sign < 0.0, 1, 0)",
        "pushed out": f"{surface}\n# only what is inside has a negative sign\n"
        "moved[tid] = wp.where(hit.sign < 0.0, surface, p)",
        "shell": f"{surface}\nnear[tid] = wp.where({length} < thickness, 1, 0)",
        "barycentric": f"{surface}\nsurface_points[tid] = surface",
        "velocity": "surface_velocity[tid] = wp.mesh_eval_velocity(mesh, hit.face, hit.u, hit.v)",
    }[wanted]
    d.launch(n)
    body = (
        "if not hit.result:\n    # nothing within reach\n    return\n$lines"
        if early
        else "if hit.result:\n    $lines"
    )
    d.code(f"tid = wp.tid()\np = probes[tid]\nhit = {call}\n$body", body=body, lines=lines)

    def agree(before: Values, after: Values) -> None:
        mesh, p = before.mesh, before.probes
        apart, inside = closest(mesh, p)
        least = apart.min(axis=1)
        found = after[output]
        if wanted == "distance":
            expected = np.where(inside, -least, least) if signed else least
            assert (np.abs(found - expected) > 1e-3).mean() < 0.03
        elif wanted == "inside":
            assert (found != inside).mean() < 0.03
        elif wanted == "pushed out":
            moved = np.linalg.norm(found - p, axis=1)
            assert (np.abs(moved - np.where(inside, least, 0.0)) > 1e-3).mean() < 0.03
        elif wanted == "shell":
            assert (found != (least < before.thickness)).mean() < 0.03
        elif wanted == "barycentric":
            assert (np.abs(np.linalg.norm(found - p, axis=1) - least) > 1e-3).mean() < 0.03
        else:
            corners = mesh.velocities[mesh.faces[apart.argmin(axis=1)]].astype(float)
            good = ((found >= corners.min(axis=1) - 1e-4) & (found <= corners.max(axis=1) + 1e-4)).all(axis=1)
            assert good.mean() > 0.6  # edges belong to two faces

    d.holds(agree)


def crossed(mesh: Any, origin: Any, direction: Any, far: float = 1e6) -> tuple[Any, Any]:
    """Which faces rays cross and how far along (infinity for none)."""
    t = mesh.points.astype(float)[mesh.faces]
    a, e1, e2 = t[None, :, 0], (t[:, 1] - t[:, 0])[None], (t[:, 2] - t[:, 0])[None]
    o, d = origin[:, None], direction[:, None]
    h = np.cross(d, e2)
    det = (e1 * h).sum(axis=2)
    det = np.where(np.abs(det) < 1e-12, 1e-12, det)
    s = o - a
    u = (s * h).sum(axis=2) / det
    q = np.cross(s, e1)
    v = (d * q).sum(axis=2) / det
    at = (e2 * q).sum(axis=2) / det
    hit = (u >= 0) & (v >= 0) & (u + v <= 1) & (at >= 0) & (at <= far)
    return hit, np.where(hit, at, np.inf)


@DOMAIN.algorithm(
    source="Moller & Trumbore 1997; Woop, Benthin & Wald 2013",
    names=_NAMES | {"mesh_rays": "raycast_mesh|trace_rays|cast_rays", "depth": "t_hit|range|ray_t"},
    adjoint="either",
    weight=3,
)
def mesh_rays(d: Draft) -> None:
    """Casts rays at a mesh."""
    wanted = d.option(
        "wanted", "depth", "face", "normal", "position", "any hit", "crossings", "inside", "shadow"
    )
    grouped = d.option("groups", "no", "yes")
    aim = d.option("aim", "given", "target")
    limit = d.option("limit", "far", "given")
    d.says({
        "depth": "Finds how far each ray goes until it meets a mesh.",
        "face": "Finds which face of a mesh each ray meets.",
        "normal": "Finds the normal of a mesh where each ray meets it.",
        "position": "Finds where each ray meets a mesh.",
        "any hit": "Tells which rays meet a mesh at all.",
        "crossings": "Counts the faces of a mesh that each ray crosses.",
        "inside": "Tells which points lie inside a closed mesh by the parity of crossings.",
        "shadow": "Tells which points of light reach their receivers past a mesh.",
    }[wanted])  # fmt: skip
    n = d.pick(48, 64, 96)
    counting = wanted in ("crossings", "inside")
    if wanted == "inside":
        grouped = "no"
    d.handle("mesh", "mesh", (d.pick(5, 6), d.pick(8, 10)), of="groups" if grouped == "yes" else "")
    d.input("origin", "vec3", n, *((-0.9, 0.9) if wanted == "inside" else (-1.5, 1.5)))
    target = aim == "target" or wanted in ("shadow", "any hit")
    if wanted == "inside":
        target = False  # any direction will do
    elif target:
        d.input("target", "vec3", n, -0.6, 0.6)
    else:
        d.input("direction", "vec3", n, kind="unit")
    bounded = limit == "given" and not counting and wanted != "shadow"
    if bounded:
        d.param("far", "float", 2.0, 3.0)
    if grouped == "yes":
        d.param("group", "int", d.pick(0, 1, 2, 3))
    output, type_ = {
        "depth": ("depth", "float"),
        "face": ("faces", "int"),
        "normal": ("normals", "vec3"),
        "position": ("positions", "vec3"),
        "any hit": ("blocked", "int"),
        "crossings": ("crossings", "int"),
        "inside": ("inside", "int"),
        "shadow": ("lit", "int"),
    }[wanted]
    d.output(output, type_, n)
    root = ", wp.mesh_get_group_root(mesh, group)" if grouped == "yes" else ""
    reach = "far" if bounded else "100.0"
    if wanted == "shadow":
        ray = "gap = target[tid] - o\nrange_to = wp.length(gap)\nd = gap / range_to"
        reach = "range_to"
    else:
        ray = "d = wp.normalize(target[tid] - o)" if target else "d = direction[tid]"
    if wanted == "inside":
        ray = (
            "# oblique, so that the ray hardly ever runs along an edge\n"
            "d = wp.normalize(wp.vec3(0.31, 0.52, 0.79))"
        )
    query = f"hit = wp.mesh_query_ray(mesh, o, d, {reach}{root})"
    any_hit = f"wp.mesh_query_ray_anyhit(mesh, o, d, {reach}{root})"
    count = f"wp.mesh_query_ray_count_intersections(mesh, o, d{root})"
    lines = {
        "depth": f"{query}\n# -1 for rays that miss\ndepth[tid] = wp.where(hit.result, hit.t, -1.0)",
        "face": f"{query}\nif hit.result:\n    faces[tid] = hit.face\nelse:\n    faces[tid] = -1",
        "normal": f"{query}\nif not hit.result:\n    return\nnormals[tid] = hit.normal",
        "position": f"{query}\nif hit.result:\n"
        "    positions[tid] = wp.mesh_eval_position(mesh, hit.face, hit.u, hit.v)",
        "any hit": f"if {any_hit}:\n    blocked[tid] = 1",
        "crossings": f"crossings[tid] = {count}",
        "inside": f"# a ray from inside leaves once more often than it enters\ninside[tid] = {count} % 2",
        "shadow": f"lit[tid] = wp.where({any_hit}, 0, 1)",
    }[wanted]
    d.launch(n)
    d.code("tid = wp.tid()\no = origin[tid]\n$ray\n$lines", ray=ray, lines=lines)

    def agree(before: Values, after: Values) -> None:
        v = before
        if wanted == "inside":
            direction = np.tile([0.31, 0.52, 0.79], (n, 1))
        else:
            direction = v.target - v.origin if target else v.direction
        size = np.linalg.norm(direction, axis=1, keepdims=True)
        direction = direction / size
        hit, at = crossed(v.mesh, v.origin, direction)
        if grouped == "yes":
            own = np.arange(len(v.mesh.faces))[None] % 4 == v.group
            hit, at = hit & own, np.where(own, at, np.inf)
        within = at <= (size if wanted == "shadow" else v.far if bounded else 100.0)
        at = np.where(within, at, np.inf)
        face = at.argmin(axis=1)
        reached = np.isfinite(at.min(axis=1))
        corners = v.mesh.points.astype(float)[v.mesh.faces[face]]
        normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        first = np.where(reached, at.min(axis=1), 0.0)
        results: dict[str, Callable[[], Any]] = {
            "depth": lambda: np.where(reached, first, -1.0),
            "face": lambda: np.where(reached, face, -1),
            "normal": lambda: reached[:, None] * normal,
            "position": lambda: reached[:, None] * (v.origin + first[:, None] * direction),
            "any hit": lambda: reached,
            "crossings": lambda: hit.sum(axis=1),
            "inside": lambda: hit.sum(axis=1) % 2,
            "shadow": lambda: ~reached,
        }
        wrong = np.abs(after[output] - results[wanted]().astype(float)) > 2e-3
        assert wrong.reshape(n, -1).any(axis=1).mean() < 0.05

    d.holds(agree)


@DOMAIN.algorithm(
    source="Warp manual, Geometry: mesh_query_aabb, mesh_query_sphere, mesh_get_bvh",
    names=_NAMES
    | {
        "mesh_regions": "faces_near|mesh_broadphase|collect_faces",
        "face": "tri|f|triangle",
        "radius": "extent_r|half_size|r",
    },
    adjoint="no",
    weight=2,
)
def mesh_regions(d: Draft) -> None:
    """Searches the faces of a mesh about each probe."""
    form = d.option("form", "box", "ball", "tree box", "tree ball", "tree group")
    wanted = d.option("wanted", "count", "area", "centre", "lowest", "marks")
    loop = d.option("loop", "next", "aabb next", "for")
    corner = d.option("corner", "mesh_get_point", "mesh_get_index", "mesh_get")
    d.says({
        "count": "Counts the faces of a mesh about each probe.",
        "area": "Adds up the area of the faces of a mesh about each probe.",
        "centre": "Finds the mean centre of the faces of a mesh about each probe.",
        "lowest": "Finds the least number of the faces of a mesh about each probe.",
        "marks": "Marks the faces of a mesh that lie about any probe.",
    }[wanted])  # fmt: skip
    n, stacks, slices = d.pick(24, 32), d.pick(5, 6), d.pick(8, 10)
    faces = 2 * slices * (stacks - 1)
    grouped = form == "tree group"
    d.handle("mesh", "mesh", (stacks, slices), of="groups" if grouped else "")
    d.input("probes", "vec3", n, -0.9, 0.9)
    d.param("radius", "float", 0.3, 0.6)
    output, type_, size = {
        "count": ("counts", "int", n),
        "area": ("areas", "float", n),
        "centre": ("centres", "vec3", n),
        "lowest": ("lowest", "int", n),
        "marks": ("touched", "int", faces),
    }[wanted]
    d.output(output, type_, size)
    extent = "extent = wp.vec3(radius, radius, radius)\n"
    box = "p - extent, p + extent"
    start = {
        "box": f"{extent}query = wp.mesh_query_aabb(mesh, {box})",
        "ball": "query = wp.mesh_query_sphere(mesh, p, radius)",
        "tree box": f"# the tree that the mesh keeps over its faces\ntree = wp.mesh_get_bvh(mesh)\n{extent}"
        f"query = wp.bvh_query_aabb(tree, {box})",
        "tree ball": "tree = wp.mesh_get_bvh(mesh)\nquery = wp.bvh_query_sphere(tree, p, radius)",
        "tree group": f"tree = wp.mesh_get_bvh(mesh)\nroot = wp.mesh_get_group_root(mesh, tid % 4)\n{extent}"
        f"query = wp.bvh_query_aabb(tree, {box}, root)",
    }[form]
    next_ = (
        "bvh_query_next"
        if "tree" in form
        else "mesh_query_aabb_next"
        if loop == "aabb next"
        else "mesh_query_next"
    )
    head = f"face = int(0)\nwhile wp.{next_}(query, face):"
    if form == "box" and loop == "for":
        head = "for face in query:"
    if corner == "mesh_get_point":
        points = [f"wp.mesh_get_point(mesh, 3 * face{f' + {k}' if k else ''})" for k in range(3)]
        fetch = "\n".join(f"{x} = {point}" for x, point in zip("abc", points, strict=True))
    elif corner == "mesh_get_index":
        lines = [
            f"{x} = points[wp.mesh_get_index(mesh, 3 * face{f' + {k}' if k else ''})]"
            for k, x in enumerate("abc")
        ]
        fetch = "\n".join(["points = wp.mesh_get(mesh).points", *lines])
    else:
        lines = [
            f"{x} = shape_m.points[shape_m.indices[3 * face{f' + {k}' if k else ''}]]"
            for k, x in enumerate("abc")
        ]
        fetch = "\n".join(["shape_m = wp.mesh_get(mesh)", *lines])
    area = f"{fetch}\narea = 0.5 * wp.length(wp.cross(b - a, c - a))"
    before, inner, after = {
        "count": ("count = int(0)", "count += 1", "counts[tid] = count"),
        "area": ("total = float(0.0)", f"{area}\ntotal += area", "areas[tid] = total"),
        "centre": (
            "total = wp.vec3()\ncount = int(0)",
            f"{fetch}\ntotal += (a + b + c) / 3.0\ncount += 1",
            "centres[tid] = total / float(wp.max(count, 1))",
        ),
        "lowest": (f"least = int({faces})", "least = wp.min(least, face)", "lowest[tid] = least"),
        "marks": ("", "touched[face] = 1", ""),
    }[wanted]
    d.launch(n)
    d.code(
        "tid = wp.tid()\np = probes[tid]\n$start\n$before\n$head\n    $inner\n$after",
        start=start,
        before=before,
        head=head,
        inner=inner,
        after=after,
    )

    def agree(before: Values, after: Values) -> None:
        v = before
        t = v.mesh.points.astype(float)[v.mesh.faces]
        p = v.probes[:, None]
        lower, upper = t.min(axis=1), t.max(axis=1)
        if form == "ball":
            found = closest(v.mesh, v.probes)[0] <= v.radius
        elif form == "tree ball":
            gap = np.maximum(0.0, np.maximum(lower - p, p - upper))
            found = (gap**2).sum(axis=2) <= v.radius**2
        else:
            found = ((lower <= p + v.radius) & (upper >= p - v.radius)).all(axis=2)
        if grouped:
            found &= np.arange(faces)[None] % 4 == np.arange(n)[:, None] % 4
        area = 0.5 * np.linalg.norm(np.cross(t[:, 1] - t[:, 0], t[:, 2] - t[:, 0]), axis=1)
        results: dict[str, Callable[[], Any]] = {
            "count": lambda: found.sum(axis=1),
            "area": lambda: found @ area,
            "centre": lambda: found @ t.mean(axis=1) / np.maximum(found.sum(axis=1), 1)[:, None],
            "lowest": lambda: np.where(found.any(axis=1), found.argmax(axis=1), faces),
            "marks": lambda: found.any(axis=0),
        }
        wrong = np.abs(after[output] - results[wanted]().astype(float)) > 1e-3
        assert wrong.mean() < 0.05

    d.holds(agree)


@DOMAIN.algorithm(
    source="Mirtich 1996; Warp manual, Geometry: mesh_get, mesh_eval_*",
    names=_NAMES
    | {"surface_integrals": "mesh_properties|face_quantities|integrate_surface", "face": "tri|f|tid_face"},
    adjoint="either",
    weight=2,
)
def surface_integrals(d: Draft) -> None:
    """Integrates over the faces of a mesh."""
    wanted = d.option("wanted", "area", "volume", "flux", "centre", "normals", "drag", "farthest")
    summed = d.option("summed", "per face", "whole") if wanted not in ("normals", "farthest") else "per face"
    corner = d.option("corner", "eval", "get", "index")
    d.says({
        "area": "Works out the areas of the faces of a mesh.",
        "volume": "Works out the volumes between the faces of a mesh and the origin.",
        "flux": "Works out how much volume each moving face of a mesh sweeps in a unit of time.",
        "centre": "Finds the centres of the faces of a mesh, weighed by area.",
        "normals": "Writes down the normals of the faces of a mesh.",
        "drag": "Works out the drag of each moving face of a mesh along its normal.",
        "farthest": "Finds how far the farthest point of a mesh is from each probe.",
    }[wanted])  # fmt: skip
    if summed == "whole":
        d.says({
            "area": "Adds up the area of a mesh.",
            "volume": "Adds up the volume that a closed mesh encloses.",
            "flux": "Adds up how much volume a moving mesh sweeps in a unit of time.",
            "centre": "Adds up the centres of the faces of a mesh, weighed by area.",
            "drag": "Adds up the drag of the faces of a moving mesh.",
        }[wanted])  # fmt: skip
    stacks, slices = d.pick(5, 6), d.pick(8, 10)
    count = 2 * slices * (stacks - 1)
    d.handle("mesh", "mesh", (stacks, slices))
    if wanted == "farthest":
        d.forward_only()  # its adjoint does not know that the farthest point changes
        count = d.pick(48, 64)
        d.input("probes", "vec3", count, -1.0, 1.0)
        d.output("far", "float", count)
        least = d.option("least", "zero", "given")
        if least == "given":
            d.param("least", "float", 0.1, 0.2)
        d.launch(count)
        d.code(f"""
            tid = wp.tid()
            p = probes[tid]
            hit = wp.mesh_query_furthest_point_no_sign(mesh, p, {"least" if least == "given" else "0.0"})
            if hit.result:
                corner = wp.mesh_eval_position(mesh, hit.face, hit.u, hit.v)
                far[tid] = wp.length(corner - p)
        """)

        def farthest(v: Values) -> Mapping[str, Any]:
            p = v.mesh.points.astype(float)
            return {"far": np.linalg.norm(p[None] - v.probes[:, None], axis=2).max(axis=1)}

        d.check(farthest)
        return
    if wanted in ("flux", "drag"):
        d.param("rate", "float", 0.5, 2.0)
    vector = wanted in ("centre", "normals", "drag")
    output = {
        "area": "areas",
        "volume": "volumes",
        "flux": "flux",
        "centre": "centres",
        "normals": "normals",
        "drag": "drag",
    }[wanted]
    d.output(output, "vec3" if vector else "float", 1 if summed == "whole" else count)
    if corner == "eval":
        at = {"a": "1.0, 0.0", "b": "0.0, 1.0", "c": "0.0, 0.0"}
        fetch = "\n".join(f"{x} = wp.mesh_eval_position(mesh, face, {uv})" for x, uv in at.items())
        middle = "v = wp.mesh_eval_velocity(mesh, face, 1.0 / 3.0, 1.0 / 3.0)"
    else:
        at = {x: f"3 * face{f' + {k}' if k else ''}" for k, x in enumerate("abc")}
        if corner == "get":
            fetch = "\n".join(f"{x} = wp.mesh_get_point(mesh, {k})" for x, k in at.items())
            speeds = [f"wp.mesh_get_velocity(mesh, {k})" for k in at.values()]
        else:
            fetch = "\n".join(
                [
                    "m = wp.mesh_get(mesh)",
                    *(f"{x} = m.points[wp.mesh_get_index(mesh, {k})]" for x, k in at.items()),
                ]
            )
            speeds = [f"m.velocities[wp.mesh_get_index(mesh, {k})]" for k in at.values()]
        total = "\n".join(f"v{x} = {s}" for x, s in zip("abc", speeds, strict=True))
        middle = f"{total}\nv = (va + vb + vc) / 3.0"
    if wanted == "normals":
        fetch = "" if corner == "eval" else fetch
        if corner == "eval":
            fetch, value = "", "wp.mesh_eval_face_normal(mesh, face)"
        else:
            value = "wp.normalize(wp.cross(b - a, c - a))"
    else:
        value = {
            "area": "0.5 * wp.length(wp.cross(b - a, c - a))",
            "volume": "wp.dot(a, wp.cross(b, c)) / 6.0",
            "flux": "0.5 * rate * wp.dot(v, wp.cross(b - a, c - a))",
            "centre": "wp.length(wp.cross(b - a, c - a)) * (a + b + c) / 6.0",
            "drag": "-rate * area * wp.dot(v, n) * n",
        }[wanted]
    extra = middle if wanted in ("flux", "drag") else ""
    if wanted == "drag":
        extra += "\narea = 0.5 * wp.length(wp.cross(b - a, c - a))\nn = wp.mesh_eval_face_normal(mesh, face)"
    store = f"wp.atomic_add({output}, 0, {value})" if summed == "whole" else f"{output}[face] = {value}"
    d.launch(count)
    d.code("face = wp.tid()\n$fetch\n$extra\n$store", fetch=fetch, extra=extra, store=store)

    def reference(v: Values) -> Mapping[str, Any]:
        t = v.mesh.points.astype(float)[v.mesh.faces]
        a, b, c = t[:, 0], t[:, 1], t[:, 2]
        cross = np.cross(b - a, c - a)
        size = np.linalg.norm(cross, axis=1)
        normal = cross / size[:, None]
        speed = v.mesh.velocities.astype(float)[v.mesh.faces].mean(axis=1)
        results: dict[str, Callable[[], Any]] = {
            "area": lambda: size / 2,
            "volume": lambda: np.linalg.det(t) / 6,
            "flux": lambda: 0.5 * v.rate * (speed * cross).sum(axis=1),
            "centre": lambda: (size / 2)[:, None] * t.mean(axis=1),
            "normals": lambda: normal,
            "drag": lambda: -v.rate * (size / 2 * (speed * normal).sum(axis=1))[:, None] * normal,
        }
        each = results[wanted]()
        return {output: each.sum(axis=0, keepdims=True) if summed == "whole" else each}

    d.check(reference, 2e-3)
