"""Triangle meshes: distances and rays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.queries import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

NAMES = {
    "mesh": "mesh_id|collider|geometry",
    "probes": "points|query_points|samples",
    "p": "probe|x|point",
    "hit": "found|res|query",
    "reach": "max_dist|search_radius|cutoff",
    "surface": "closest|foot|nearest_point",
    "distance": "sdf|signed_distance|phi",
    "origin": "start|ray_origin",
    "direction": "dirs|ray_dir|ray_dirs",
    "distances": "dist|gaps|unsigned_dist",
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
    names=NAMES | {"mesh_distance": "signed_distance_to_mesh|sample_sdf|closest_on_mesh"},
    adjoint="either",
    weight=6,
)
def mesh_distance(d: Draft) -> None:
    """Computes signed distances to a closed mesh."""
    sign = d.option("sign", "plain", "none", "normal", "parity", "winding")
    wanted = d.option("wanted", "distance", "inside", "pushed out", "shell", "barycentric", "velocity")
    early = d.flag("early")
    if wanted in ("inside", "pushed out") and sign == "none":
        wanted = "distance"
    if wanted in ("shell", "barycentric", "velocity"):
        sign = "none"  # to find it would be idle work
    signed = sign != "none"
    d.calls({
        "distance": "signed_distance_to_mesh|sample_sdf|mesh_sdf" if signed else "distance_to_mesh|mesh_distance",
        "inside": "inside_mesh|points_in_mesh|test_containment",
        "pushed out": "push_out_of_mesh|resolve_penetration|project_out",
        "shell": "inside_shell|near_surface|within_shell",
        "barycentric": "closest_on_mesh|closest_points|project_to_mesh",
        "velocity": "surface_velocity|closest_velocity|velocity_at_closest",
    }[wanted])  # fmt: skip
    d.says({
        "distance": f"Computes the {'signed distance' if signed else 'distance'} between each probe and a "
        f"{'closed ' if signed else ''}mesh, up to a search radius.",
        "inside": "Tests probes for containment in a closed mesh.",
        "pushed out": "Projects probes inside a closed mesh onto its surface.",
        "shell": "Tests whether each probe is within a shell around a mesh.",
        "barycentric": "Computes the closest point on a mesh for each probe.",
        "velocity": "Samples the mesh velocity at the closest point for each probe.",
    }[wanted])  # fmt: skip
    n = d.pick(48, 64, 96)
    d.handle("mesh", "mesh", (d.pick(5, 6), d.pick(8, 10)), about="Mesh id")
    # what asks for a side has to see the surface from the middle of the mesh too
    wide, reach = (1.6, (1.0, 1.2)) if signed else (1.1, (0.3, 0.6))
    d.input("probes", "vec3", n, -wide, wide, about="Probe positions")
    d.param("reach", "float", *reach, about="Maximum query distance")
    if wanted == "shell":
        d.param("thickness", "float", 0.1, 0.3, about="Shell thickness on each side of the mesh")
    output, type_ = {
        "distance": ("distance" if signed else "distances", "float"),
        "inside": ("inside", "int"),
        "pushed out": ("moved", "vec3"),
        "shell": ("near", "int"),
        "barycentric": ("surface_points", "vec3"),
        "velocity": ("surface_velocity", "vec3"),
    }[wanted]
    about = {
        "distance": f"{'Signed distances, negative inside' if signed else 'Distances'}, `reach` if out of "
        "range",
        "inside": "1 if the probe is inside",
        "pushed out": "Probe positions after projection",
        "shell": "1 if the probe is within the shell",
        "barycentric": "Closest point, unchanged if farther than `reach`",
        "velocity": "Surface velocity, zero if farther than `reach`",
    }[wanted]
    d.output(output, type_, n, about=about)
    call = {
        "plain": "wp.mesh_query_point(mesh, p, reach)",
        "none": "wp.mesh_query_point_no_sign(mesh, p, reach)",
        "normal": "wp.mesh_query_point_sign_normal(mesh, p, reach)",
        "parity": f"wp.mesh_query_point_sign_parity(mesh, p, reach, n_sample={d.pick(3, 5)}, perturbation_scale=0.1)",
        "winding": "wp.mesh_query_point_sign_winding_number(mesh, p, reach, accuracy=2.0, threshold=0.5)",
    }[sign]
    surface = "surface = wp.mesh_eval_position(mesh, hit.face, hit.u, hit.v)"
    length = "wp.length(p - surface)"
    lines = {
        "distance": f"{surface}\n{output}[tid] = {'hit.sign * ' if signed else ''}{length}",
        "inside": "inside[tid] = wp.where(hit.sign < 0.0, 1, 0)",
        "pushed out": f"{surface}\n# The sign is negative only for points inside\n"
        "moved[tid] = wp.where(hit.sign < 0.0, surface, p)",
        "shell": f"{surface}\nnear[tid] = wp.where({length} < thickness, 1, 0)",
        "barycentric": f"{surface}\nsurface_points[tid] = surface",
        "velocity": "surface_velocity[tid] = wp.mesh_eval_velocity(mesh, hit.face, hit.u, hit.v)",
    }[wanted]
    d.launch(n)
    missed = {
        "distance": f"{output}[tid] = reach",
        "inside": "inside[tid] = 0",
        "pushed out": "moved[tid] = p",
        "shell": "near[tid] = 0",
        "barycentric": "",
        "velocity": "surface_velocity[tid] = wp.vec3(0.0)",
    }[wanted]
    body = (
        "if not hit.result:\n    # No face within the search radius\n    $missed\n    return\n$lines"
        if early
        else "if hit.result:\n    $lines" + ("\nelse:\n    $missed" if missed else "")
    )
    d.code(f"tid = wp.tid()\np = probes[tid]\nhit = {call}\n$body", body=body, lines=lines, missed=missed)

    def agree(before: Values, after: Values) -> None:
        mesh, p = before.mesh, before.probes
        apart, inside = closest(mesh, p)
        least = apart.min(axis=1)
        found = after[output]
        if wanted == "distance":
            expected = np.where(least < before.reach, np.where(inside & signed, -least, least), before.reach)
            assert (np.abs(found - expected) > 1e-3).mean() < 0.03
        elif wanted == "inside":
            assert (found != inside).mean() < 0.03
        elif wanted == "pushed out":
            moved = np.linalg.norm(found - p, axis=1)
            assert (np.abs(moved - np.where(inside, least, 0.0)) > 1e-3).mean() < 0.03
        elif wanted == "shell":
            assert (found != (least < before.thickness)).mean() < 0.03
        elif wanted == "barycentric":
            apart_ = np.linalg.norm(found - p, axis=1)
            good = np.where(least < before.reach, np.abs(apart_ - least) < 1e-3, (found == 0.0).all(axis=1))
            assert good.mean() > 0.97
        else:
            corners = mesh.velocities[mesh.faces[apart.argmin(axis=1)]].astype(float)
            good = ((found >= corners.min(axis=1) - 1e-4) & (found <= corners.max(axis=1) + 1e-4)).all(axis=1)
            good = np.where(least < before.reach, good, (found == 0.0).all(axis=1))
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
    names=NAMES | {"mesh_rays": "raycast_mesh|trace_rays|cast_rays", "depth": "t_hit|hit_distance|ray_t"},
    adjoint="either",
    weight=4,
)
def mesh_rays(d: Draft) -> None:
    """Casts rays against a mesh."""
    wanted = d.option(
        "wanted", "depth", "face", "normal", "position", "any hit", "crossings", "inside", "shadow"
    )
    d.calls({
        "depth": "raycast_mesh|ray_distances|trace_depth",
        "face": "pick_faces|hit_faces|raycast_faces",
        "normal": "hit_normals|raycast_normals",
        "position": "hit_points|raycast_points|ray_hit_positions",
        "any hit": "test_rays|any_hit|rays_hit_mesh",
        "crossings": "count_crossings|ray_crossings",
        "inside": "inside_by_parity|points_in_mesh|parity_test",
        "shadow": "shadow_rays|test_visibility|light_visibility",
    }[wanted])  # fmt: skip
    grouped = d.option("groups", "no", "yes")
    aim = d.option("aim", "given", "target")
    limit = d.option("limit", "far", "given")
    a_mesh = "a mesh face group" if grouped == "yes" else "a mesh"
    d.says({
        "depth": f"Computes the hit distance between each ray and {a_mesh}, or -1 for a miss.",
        "face": f"Finds the first face of {a_mesh} hit by each ray, or -1 for a miss.",
        "normal": f"Computes the hit normal on {a_mesh} for each ray, or zero for a miss.",
        "position": f"Computes the hit point on {a_mesh} for each ray, or zero for a miss.",
        "any hit": f"Tests whether each ray hits {a_mesh}.",
        "crossings": f"Counts the faces of {a_mesh} crossed by each ray.",
        "inside": "Tests points for containment in a closed mesh using ray crossing parity.",
        "shadow": f"Tests visibility between each receiver and its light sample, with {a_mesh} as the "
        "occluder.",
    }[wanted])  # fmt: skip
    n = d.pick(48, 64, 96)
    counting = wanted in ("crossings", "inside")
    if wanted == "inside":
        grouped = "no"
    d.handle(
        "mesh",
        "mesh",
        (d.pick(5, 6), d.pick(8, 10)),
        of="groups" if grouped == "yes" else "",
        about="Mesh id",
    )
    about = "Points to test" if wanted == "inside" else "Receivers" if wanted == "shadow" else "Ray origins"
    d.input("origin", "vec3", n, *((-0.9, 0.9) if wanted == "inside" else (-1.5, 1.5)), about=about)
    target = aim == "target" or wanted in ("shadow", "any hit")
    if wanted == "inside":
        target = False  # any direction will do
    elif target:
        about = "Light samples" if wanted == "shadow" else "Ray target position"
        d.input("target", "vec3", n, -0.6, 0.6, about=about)
    else:
        d.input("direction", "vec3", n, kind="unit", about="Unit ray directions")
    bounded = limit == "given" and not counting and wanted != "shadow"
    if bounded:
        d.param("far", "float", 2.0, 3.0, about="Maximum ray length")
    if grouped == "yes":
        d.param("group", "int", d.pick(0, 1, 2, 3), about="Face group index to search")
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
    d.output(
        output,
        type_,
        n,
        about={
            "depth": "Hit distance, -1 for a miss",
            "face": "Hit face index, -1 for a miss",
            "normal": "Unit hit normal, zero for a miss",
            "position": "Hit point, zero for a miss",
            "any hit": "1 if the ray hits",
            "crossings": "Number of faces crossed",
            "inside": "1 if the point is inside",
            "shadow": "1 if the light sample is visible",
        }[wanted],
    )
    root = ", wp.mesh_get_group_root(mesh, group)" if grouped == "yes" else ""
    reach = "far" if bounded else "MAX_T"
    if not (bounded or counting or wanted == "shadow"):
        d.module("MAX_T = wp.constant(100.0)  # beyond all meshes")
    if wanted == "shadow":
        ray = "to_light = target[tid] - o\nlight_dist = wp.length(to_light)\nd = to_light / light_dist"
        reach = "light_dist"
    else:
        ray = "d = wp.normalize(target[tid] - o)" if target else "d = direction[tid]"
    if wanted == "inside":
        ray = (
            "# Use an oblique direction to avoid hitting edges exactly\n"
            "d = wp.normalize(wp.vec3(0.31, 0.52, 0.79))"
        )
    query = f"hit = wp.mesh_query_ray(mesh, o, d, {reach}{root})"
    any_hit = f"wp.mesh_query_ray_anyhit(mesh, o, d, {reach}{root})"
    count = f"wp.mesh_query_ray_count_intersections(mesh, o, d{root})"
    lines = {
        "depth": f"{query}\ndepth[tid] = wp.where(hit.result, hit.t, -1.0)",
        "face": f"{query}\nif hit.result:\n    faces[tid] = hit.face\nelse:\n    faces[tid] = -1",
        "normal": f"{query}\nif hit.result:\n    normals[tid] = hit.normal\nelse:\n    normals[tid] = wp.vec3(0.0)",
        "position": f"{query}\nif hit.result:\n"
        "    positions[tid] = wp.mesh_eval_position(mesh, hit.face, hit.u, hit.v)\n"
        "else:\n    positions[tid] = wp.vec3(0.0)",
        "any hit": f"blocked[tid] = wp.where({any_hit}, 1, 0)",
        "crossings": f"crossings[tid] = {count}",
        "inside": "# Parity test: an odd number of crossings means that the point is inside\n"
        f"inside[tid] = {count} % 2",
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
