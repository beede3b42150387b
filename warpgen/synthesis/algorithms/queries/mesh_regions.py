"""Faces of a mesh within a region, and integrals over them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.queries import DOMAIN
from warpgen.synthesis.algorithms.queries.meshes import NAMES, closest
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Warp manual, Geometry: mesh_query_aabb, mesh_query_sphere, mesh_get_bvh",
    names=NAMES
    | {
        "mesh_regions": "faces_near|mesh_broadphase|collect_faces",
        "face": "tri|f|triangle",
        "radius": "r|search_radius",
        "half_width": "half_side|half_size|box_half",
    },
    adjoint="no",
    weight=6,
)
def mesh_regions(d: Draft) -> None:
    """Queries mesh faces around probe points."""
    form = d.option("form", "box", "ball", "tree box", "tree ball", "tree group")
    wanted = d.option("wanted", "count", "area", "centre", "lowest", "marks")
    d.calls({
        "count": "count_faces|count_nearby_faces|faces_near_probes",
        "area": "nearby_area|sum_face_areas|area_around_probes",
        "centre": "mean_face_center|nearby_centers|mean_center_nearby",
        "lowest": "lowest_face|smallest_face_index|lowest_face_near",
        "marks": "mark_faces|mark_nearby_faces",
    }[wanted])  # fmt: skip
    loop = d.option("loop", "next", "aabb next", "for")
    corner = d.option("corner", "mesh_get_point", "mesh_get_index", "mesh_get")
    which = "any" if wanted == "marks" else "each"
    near = {
        "ball": f"mesh faces within a radius of {which} probe",
        "tree ball": f"mesh faces whose bounds intersect a ball around {which} probe",
    }.get(form, f"mesh faces whose bounds overlap a box around {which} probe")
    d.says({
        "count": f"Counts {near}.",
        "area": f"Accumulates the area of {near}.",
        "centre": f"Averages the centers of {near}.",
        "lowest": f"Finds the smallest index of {near}, or -1 if there is none.",
        "marks": f"Marks {near}.",
    }[wanted])  # fmt: skip
    n, stacks, slices = d.pick(24, 32), d.pick(5, 6), d.pick(8, 10)
    faces = 2 * slices * (stacks - 1)
    grouped = form == "tree group"
    ball = form in ("ball", "tree ball")
    reach = "radius" if ball else "half_width"
    if grouped:
        d.says(d.sentence.replace("mesh faces", "mesh faces in a group"))
    d.handle("mesh", "mesh", (stacks, slices), of="groups" if grouped else "", about="Mesh id")
    d.input("probes", "vec3", n, -0.9, 0.9, about="Probe positions")
    d.param(reach, "float", 0.3, 0.6, about="Search radius" if ball else "Search box half size")
    if grouped:
        d.input("probe_group", "int", n, 0, 4, about="Face group index per probe")
    output, type_, size = {
        "count": ("counts", "int", n),
        "area": ("areas", "float", n),
        "centre": ("centers", "vec3", n),
        "lowest": ("lowest", "int", n),
        "marks": ("touched", "int", faces),
    }[wanted]
    about = {
        "count": "Number of faces per probe",
        "area": "Total face area per probe",
        "centre": "Mean face center, zero if there are no faces",
        "lowest": "Smallest face index, -1 for none",
        "marks": "1 if the face was found",
    }[wanted]
    d.output(output, type_, size, about=about)
    extent = f"extent = wp.vec3({reach}, {reach}, {reach})\n"
    box = "p - extent, p + extent"
    start = {
        "box": f"{extent}query = wp.mesh_query_aabb(mesh, {box})",
        "ball": "query = wp.mesh_query_sphere(mesh, p, radius)",
        "tree box": f"# Reuse the mesh's internal BVH\ntree = wp.mesh_get_bvh(mesh)\n{extent}"
        f"query = wp.bvh_query_aabb(tree, {box})",
        "tree ball": "tree = wp.mesh_get_bvh(mesh)\nquery = wp.bvh_query_sphere(tree, p, radius)",
        "tree group": f"tree = wp.mesh_get_bvh(mesh)\nroot = wp.mesh_get_group_root(mesh, probe_group[tid])\n{extent}"
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
    once = ""
    if corner == "mesh_get_point":
        points = [f"wp.mesh_get_point(mesh, 3 * face{f' + {k}' if k else ''})" for k in range(3)]
        fetch = "\n".join(f"{x} = {point}" for x, point in zip("abc", points, strict=True))
    elif corner == "mesh_get_index":
        lines = [
            f"{x} = m.points[wp.mesh_get_index(mesh, 3 * face{f' + {k}' if k else ''})]"
            for k, x in enumerate("abc")
        ]
        fetch = "\n".join(lines)
        once = "m = wp.mesh_get(mesh)"
    else:
        lines = [f"{x} = m.points[m.indices[3 * face{f' + {k}' if k else ''}]]" for k, x in enumerate("abc")]
        fetch = "\n".join(lines)
        once = "m = wp.mesh_get(mesh)"
    area = f"{fetch}\narea = 0.5 * wp.length(wp.cross(b - a, c - a))"
    before, inner, after = {
        "count": ("count = int(0)", "count += 1", "counts[tid] = count"),
        "area": ("total = float(0.0)", f"{area}\ntotal += area", "areas[tid] = total"),
        "centre": (
            "total = wp.vec3()\ncount = int(0)",
            f"{fetch}\ntotal += (a + b + c) / 3.0\ncount += 1",
            "centers[tid] = total / float(wp.max(count, 1))",
        ),
        "lowest": (
            "least = int(-1)",
            "if least < 0 or face < least:\n    least = face",
            "lowest[tid] = least",
        ),
        "marks": ("", "touched[face] = 1", ""),
    }[wanted]
    d.launch(n)
    d.code(
        "tid = wp.tid()\np = probes[tid]\n$start\n$once\n$before\n$head\n    $inner\n$after",
        start=start,
        once=once if wanted in ("area", "centre") else "",
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
            found = ((lower <= p + v.half_width) & (upper >= p - v.half_width)).all(axis=2)
        if grouped:
            found &= np.arange(faces)[None] % 4 == v.probe_group[:, None]
        area = 0.5 * np.linalg.norm(np.cross(t[:, 1] - t[:, 0], t[:, 2] - t[:, 0]), axis=1)
        results: dict[str, Callable[[], Any]] = {
            "count": lambda: found.sum(axis=1),
            "area": lambda: found @ area,
            "centre": lambda: found @ t.mean(axis=1) / np.maximum(found.sum(axis=1), 1)[:, None],
            "lowest": lambda: np.where(found.any(axis=1), found.argmax(axis=1), -1),
            "marks": lambda: found.any(axis=0),
        }
        wrong = np.abs(after[output] - results[wanted]().astype(float)) > 1e-3
        assert wrong.mean() < 0.05

    d.holds(agree)


@DOMAIN.algorithm(
    source="Mirtich 1996; Warp manual, Geometry: mesh_get, mesh_eval_*",
    names=NAMES
    | {"surface_integrals": "mesh_properties|face_quantities|integrate_surface", "face": "tri|f|face_index"},
    adjoint="either",
    element="element",
)
def surface_integrals(d: Draft) -> None:
    """Integrates quantities over mesh faces."""
    wanted = d.option("wanted", "area", "volume", "flux", "centre", "normals", "drag", "farthest")
    summed = d.option("summed", "per face", "whole") if wanted not in ("normals", "farthest") else "per face"
    d.calls({
        "area": "surface_area|total_area|mesh_area",
        "volume": "mesh_volume|enclosed_volume|total_volume",
        "flux": "swept_volume_rate|total_swept_rate|mesh_volume_rate",
        "centre": "sum_weighted_centers|surface_moment|integrate_centers",
        "drag": "mesh_drag|total_drag",
    }[wanted] if summed == "whole" else {
        "area": "face_areas|compute_face_areas|mesh_face_areas",
        "volume": "signed_volumes|face_volumes|tetra_volumes",
        "flux": "face_volume_rates|swept_volume_rates",
        "centre": "weighted_centers|area_weighted_centers",
        "normals": "face_normals|compute_face_normals|mesh_normals",
        "drag": "face_drag|normal_drag",
        "farthest": "farthest_distance|farthest_point_distance|furthest_on_mesh",
    }[wanted])  # fmt: skip
    corner = d.option("corner", "eval", "get", "index")
    d.says({
        "area": "Computes mesh face areas.",
        "volume": "Computes the signed tetrahedron volume between each mesh face and the origin.",
        "flux": "Computes the volume swept per unit time by each moving mesh face.",
        "centre": "Computes area-weighted centers of mesh faces.",
        "normals": "Computes mesh face normals.",
        "drag": "Computes the normal drag force for each face on a moving mesh.",
        "farthest": "Computes the distance between each probe and the farthest point on a mesh.",
    }[wanted])  # fmt: skip
    if summed == "whole":
        d.says({
            "area": "Accumulates the total surface area of a mesh.",
            "volume": "Accumulates the enclosed volume of a closed mesh.",
            "flux": "Accumulates the volume swept per unit time by a moving mesh.",
            "centre": "Accumulates area-weighted face centers of a mesh.",
            "drag": "Accumulates the normal drag force on a moving mesh.",
        }[wanted])  # fmt: skip
    stacks, slices = d.pick(5, 6), d.pick(8, 10)
    count = 2 * slices * (stacks - 1)
    d.handle("mesh", "mesh", (stacks, slices), about="Mesh id")
    if wanted == "farthest":
        d.forward_only()  # its adjoint does not know that the farthest point changes
        count = d.pick(48, 64)
        d.input("probes", "vec3", count, -1.0, 1.0, about="Probe positions")
        least = d.option("least", "zero", "given")
        limited = least == "given"
        if limited:
            d.param("least", "float", 1.2, 1.5, about="Minimum distance")
            d.says(
                "Computes the farthest mesh point distance for each probe, or 0 if all points are too close."
            )
        d.output(
            "farthest",
            "float",
            count,
            about="Farthest point distance" + (", 0 if there is none" if limited else ""),
        )
        d.launch(count)
        d.code(
            f"""
            tid = wp.tid()
            p = probes[tid]
            hit = wp.mesh_query_furthest_point_no_sign(mesh, p, {"least" if limited else "0.0"})
            if hit.result:
                corner = wp.mesh_eval_position(mesh, hit.face, hit.u, hit.v)
                farthest[tid] = wp.length(corner - p)
            $nothing
        """,
            nothing="else:\n    farthest[tid] = 0.0" if limited else "",
        )

        def farthest(v: Values) -> Mapping[str, Any]:
            p = v.mesh.points.astype(float)
            away = np.linalg.norm(p[None] - v.probes[:, None], axis=2).max(axis=1)
            return {"farthest": np.where(away > v.get("least", 0.0), away, 0.0)}

        d.check(farthest)
        return
    if wanted == "drag":
        d.param("drag_coeff", "float", 0.5, 2.0, about="Drag coefficient per unit area and normal speed")
    vector = wanted in ("centre", "normals", "drag")
    output = {
        "area": "areas",
        "volume": "volumes",
        "flux": "flux",
        "centre": "weighted_centers",
        "normals": "normals",
        "drag": "drag",
    }[wanted]
    if summed == "whole":
        output = {"area": "area", "volume": "volume", "centre": "moment"}.get(wanted, output)
    about = {
        "area": "Area",
        "volume": "Signed volume",
        "flux": "Volume per unit time",
        "centre": "Area times center",
        "normals": "Unit normals",
        "drag": "Force",
    }[wanted]
    if wanted != "normals":
        about += " of the mesh" if summed == "whole" else " per face"
    d.output(output, "vec3" if vector else "float", 1 if summed == "whole" else count, about=about)
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
            "flux": "0.5 * wp.dot(v, wp.cross(b - a, c - a))",
            "centre": "wp.length(wp.cross(b - a, c - a)) * (a + b + c) / 6.0",
            "drag": "-drag_coeff * area * wp.dot(v, n) * n",
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
            "flux": lambda: 0.5 * (speed * cross).sum(axis=1),
            "centre": lambda: (size / 2)[:, None] * t.mean(axis=1),
            "normals": lambda: normal,
            "drag": lambda: -v.drag_coeff * (size / 2 * (speed * normal).sum(axis=1))[:, None] * normal,
        }
        each = results[wanted]()
        return {output: each.sum(axis=0, keepdims=True) if summed == "whole" else each}

    d.check(reference, 2e-3)
