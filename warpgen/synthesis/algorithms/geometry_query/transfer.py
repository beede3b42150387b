"""What a mesh says at its closest point, and which points are inside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.geometry_query import DOMAIN
from warpgen.synthesis.algorithms.geometry_query.surface import NAMES, corners, nearest, sphere, unit, winding
from warpgen.synthesis.library import closest, intersections
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Haines 1994 (parity of crossings); Jacobson et al. 2013 (generalised winding numbers)",
    names=NAMES
    | {
        "inside_mesh": "points_in_mesh|mesh_contains|classify_points",
        "count": "num_inside|inside_count|total",
    },
    adjoint="either",
    weight=11,
)
def inside_mesh(d: Draft) -> None:
    """Tests points for containment in a closed mesh."""
    method = d.option("method", "winding", "parity", "solid angle", "ray count", "first hit")
    result = d.option("result", "flag", "counter", "mask")
    if result != "flag":
        d.calls(
            {
                "counter": "count_inside|count_points_inside|points_inside_count",
                "mask": "remove_inside_points|cull_inside|discard_inside",
            }[result]
        )
    n, stacks = d.pick(64, 96, 128), sphere(d)
    d.handle("mesh", "mesh", stacks, about="Mesh id")
    d.input("points", "vec3", n, -1.0, 1.0, about="Query points")
    if method in ("ray count", "first hit"):
        d.param("ray", "vec3", 0.1, 0.9, about="Test ray direction")
    if result == "counter":
        d.inout("count", "int", 1, value=0.0, about="Number of inside points")
        d.says("Counts query points inside a closed mesh.")
    elif result == "mask":
        d.inout("alive", "int", n, 0.8, 2, about="Nonzero for active points")
        d.says("Deactivates points inside a closed mesh.")
    else:
        d.output("inside", "int", n, about="Nonzero if the point is inside the mesh")
    test, condition = {
        "winding": (
            "query = wp.mesh_query_point_sign_winding_number(mesh, p, MAX_DIST)",
            "query.result and query.sign < 0.0",
        ),
        "parity": (
            "query = wp.mesh_query_point_sign_parity(mesh, p, MAX_DIST)",
            "query.result and query.sign < 0.0",
        ),
        "solid angle": (
            """
            solid_angle = float(0.0)
            faces = wp.mesh_get(mesh).indices.shape[0] // 3
            for face in range(faces):
                a = wp.mesh_get_point(mesh, 3 * face) - p
                b = wp.mesh_get_point(mesh, 3 * face + 1) - p
                c = wp.mesh_get_point(mesh, 3 * face + 2) - p
                la = wp.length(a)
                lb = wp.length(b)
                lc = wp.length(c)
                bottom = la * lb * lc + wp.dot(a, b) * lc + wp.dot(b, c) * la + wp.dot(c, a) * lb
                # face solid angle (Van Oosterom & Strackee 1983); the sum is 4 pi inside and 0 outside
                solid_angle += 2.0 * wp.atan2(wp.dot(a, wp.cross(b, c)), bottom)
            """,
            "solid_angle > 2.0 * wp.pi",
        ),
        "ray count": (
            """
            direction = wp.normalize(ray)
            start = p
            crossings = int(0)
            query = wp.mesh_query_ray(mesh, start, direction, MAX_T)
            while query.result and crossings < MAX_CROSSINGS:
                crossings += 1
                # we offset the origin past the hit to avoid self-intersection
                start = start + (query.t + 1.0e-4) * direction
                query = wp.mesh_query_ray(mesh, start, direction, MAX_T)
            """,
            "crossings % 2 == 1",
        ),
        "first hit": (
            "# rays starting inside hit a back face first\n"
            "query = wp.mesh_query_ray(mesh, p, wp.normalize(ray), MAX_T)",
            "query.result and query.sign < 0.0",
        ),
    }[method]
    store = {
        "flag": f"inside[tid] = wp.where({condition}, 1, 0)",
        "counter": f"if {condition}:\n    wp.atomic_add(count, 0, 1)",
        "mask": f"if {condition}:\n    alive[tid] = 0",
    }[result]
    if result == "flag" and " and " in condition:
        store = f"if {condition}:\n    inside[tid] = 1\nelse:\n    inside[tid] = 0"
    if method != "solid angle":
        d.module(f"{'MAX_T' if method in ('ray count', 'first hit') else 'MAX_DIST'} = wp.constant(10.0)")
    if method == "ray count":
        d.module("MAX_CROSSINGS = wp.constant(16)  # safety limit, only reached if a ray runs along a face")
    d.launch(n)
    d.code("tid = wp.tid()\np = points[tid]\n$test\n$store", test=test, store=store)

    def agrees(before: Values, after: Values) -> None:
        p = before.points
        within = winding(before.mesh, p) > 0.5
        clear = np.linalg.norm(p - nearest(before.mesh, p)[0], axis=-1) > 2e-3
        if method == "ray count":  # rays through an edge may meet both of its faces
            a, b, c = corners(before.mesh)
            ray = np.broadcast_to(unit(np.asarray(before.ray)), p.shape)
            meets = intersections.triangle(p[:, None], ray[:, None], a[None], b[None], c[None]) >= 0.0
            assert np.mean((meets.sum(axis=1) % 2 == 1) == within) > 0.95
        if result == "counter":
            assert abs(int(after.count[0]) - within.sum()) <= (~clear).sum() + (
                2 if method == "ray count" else 0
            )
            return
        expected = within.astype(int) if result == "flag" else np.where(within, 0, before.alive)
        actual = np.asarray(after.inside if result == "flag" else after.alive)
        wrong = (actual != expected) & clear
        assert wrong.sum() <= (2 if method == "ray count" else 0), (
            f"{wrong.sum()} points are on the wrong side"
        )

    d.holds(agrees)


@DOMAIN.algorithm(
    source="Warp documentation, mesh_query_point and mesh_eval_velocity; Amberg et al. 2007",
    names=NAMES
    | {
        "w": "bary|weights|uvw",
    },
    adjoint="either",
    weight=9,
)
def transfer_from_mesh(d: Draft) -> None:
    """Transfers surface attributes from the closest point on a mesh to query points."""
    what = d.option("quantity", "velocity", "normal", "attribute", "barycentric", "face")
    limit = d.option("limit", "far", "near")
    fall = d.flag("falloff") if what in ("velocity", "attribute") else False
    d.calls(
        {
            "velocity": "sample_mesh_velocity|transfer_velocity|mesh_velocities",
            "normal": "sample_mesh_normals|closest_face_normals|transfer_normals",
            "attribute": "transfer_from_mesh|project_attribute|mesh_transfer",
            "barycentric": "bind_to_surface|attach_to_mesh|closest_barycentrics",
            "face": "closest_faces|find_closest_face|nearest_face",
        }[what]
    )
    stacks = sphere(d)
    vertices = stacks[1] * (stacks[0] - 1) + 2
    n = d.pick(64, 96)
    d.handle("mesh", "mesh", stacks, about="Mesh id")
    d.input("points", "vec3", n, -1.2, 1.2, about="Query points")
    if what == "attribute":
        d.input("values", "float", vertices, -1.0, 1.0, about="Per-vertex values")
    if limit == "near":
        d.param("max_dist", "float", 0.3, 0.5, about="Maximum query distance")
    if fall:
        d.param("h", "float", 0.3, 0.6, about="Falloff length scale")
    kind = {"velocity": "vec3", "normal": "vec3", "attribute": "float", "barycentric": "vec3", "face": "int"}[
        what
    ]
    made = {
        "velocity": "sampled_velocities",
        "normal": "normals",
        "attribute": "sampled",
        "barycentric": "coords",
        "face": "closest_face",
    }[what]
    about = {
        "velocity": "Surface velocities",
        "normal": "Face normals",
        "attribute": "Interpolated values",
        "barycentric": "Barycentric weights on the closest face",
        "face": "Closest face index",
    }[what]
    if limit == "near":
        about += ", -1 beyond the search radius" if what == "face" else ", 0 beyond the search radius"
    d.output(made, kind, n, about=about)
    if what == "barycentric":  # which mean nothing without their face
        ends = ", -1 beyond the search radius" if limit == "near" else ""
        d.output("closest_face", "int", n, about=f"Closest face index{ends}")
    none = {"face": "-1", "barycentric": "-1 and zeros"}.get(what, "0")
    beyond = f", {none} beyond the search radius" if limit == "near" else ""
    fading = ", fading with distance" if fall else ""
    sentence = {
        "velocity": "Samples the surface velocity of a moving mesh at the closest point for each query",
        "normal": "Samples the closest mesh face normal for each query",
        "attribute": "Interpolates per-vertex values at the closest point on a mesh",
        "barycentric": "Finds the closest mesh face and barycentric coordinates for each query",
        "face": "Finds the closest mesh face for each query",
    }[what]
    d.says(f"{sentence}{fading}{beyond}.")
    lines = {
        "velocity": "value = wp.mesh_eval_velocity(mesh, query.face, query.u, query.v)",
        "normal": f"{made}[tid] = wp.mesh_eval_face_normal(mesh, query.face)",
        "attribute": """
            # u and v are the first two barycentric weights
            i = wp.mesh_get_index(mesh, 3 * query.face)
            j = wp.mesh_get_index(mesh, 3 * query.face + 1)
            k = wp.mesh_get_index(mesh, 3 * query.face + 2)
            value = query.u * values[i] + query.v * values[j] + (1.0 - query.u - query.v) * values[k]
            """,
        "barycentric": "closest_face[tid] = query.face\n"
        f"{made}[tid] = wp.vec3(query.u, query.v, 1.0 - query.u - query.v)",
        "face": f"{made}[tid] = query.face",
    }[what]
    if fall:
        lines += """
            cp = wp.mesh_eval_position(mesh, query.face, query.u, query.v)
            value *= wp.exp(-wp.length_sq(p - cp) / (h * h))
            """.replace("value *=", "value = value *")
    reach = "max_dist" if limit == "near" else d.pick("1.0e6", "100.0")
    missed = (
        f"{made}[tid] = "
        + {
            "velocity": "wp.vec3(0.0)",
            "normal": "wp.vec3(0.0)",
            "attribute": "0.0",
            "barycentric": "wp.vec3(0.0)",
            "face": "-1",
        }[what]
    )
    if what == "barycentric":
        missed = f"closest_face[tid] = -1\n{missed}"
    d.launch(n)
    d.code(
        """
        tid = wp.tid()
        p = points[tid]
        query = wp.mesh_query_point_no_sign(mesh, p, $reach)
        $miss
        $lines
        $last
        """,
        last=f"{made}[tid] = value" if what in ("velocity", "attribute") else "",
        reach=reach,
        miss="if not query.result:\n    $missed\n    return",
        missed=missed,
        lines=lines if not fall else lines.replace("            ", ""),
    )

    def agrees(v: Values, after: Values) -> None:
        p, m = v.points, v.mesh
        cp, _ = nearest(m, p)
        far = np.linalg.norm(p - cp, axis=-1)
        near = far < (v.max_dist if limit == "near" else 1e6)
        a, b, c = corners(m)
        distance = np.linalg.norm(
            closest.on_triangle(p[:, None], a[None], b[None], c[None]) - p[:, None], axis=-1
        )
        face = distance.argmin(axis=1)
        two = np.sort(distance, axis=1)
        own = two[:, 1] - two[:, 0] > 1e-4  # no other face is as near
        sure = near & own & (np.abs(far - (v.max_dist if limit == "near" else 1e6)) > 1e-3)
        if what == "face":
            np.testing.assert_array_equal(np.asarray(after[made])[sure], face[sure])
            beyond = far > (v.max_dist + 1e-3 if limit == "near" else 1e6)
            np.testing.assert_array_equal(np.asarray(after[made])[beyond], -1)
            return
        if what == "barycentric":
            np.testing.assert_array_equal(np.asarray(after.closest_face)[sure], face[sure])
        x, y, z = a[face], b[face], c[face]
        w = np.stack([bary(cp, x, y, z), bary(cp, y, z, x), bary(cp, z, x, y)], axis=-1)
        ids = m.faces[face]
        found: dict[str, Callable[[], Any]] = {
            "velocity": lambda: np.einsum("nk,nkc->nc", w, m.velocities[ids].astype(float)),
            "normal": lambda: unit(np.cross(y - x, z - x)),
            "attribute": lambda: (w * v["values"][ids]).sum(axis=1),
            "barycentric": lambda: w,
        }
        value = found[what]()
        if fall:
            weight = np.exp(-((far / v.h) ** 2))
            value = value * (weight[:, None] if value.ndim == 2 else weight)
        sure &= far > 1e-3
        np.testing.assert_allclose(np.asarray(after[made])[sure], value[sure], atol=1e-2)

    d.holds(agrees)


def bary(p: Any, a: Any, b: Any, c: Any) -> Any:
    """The weight of corner a at points p of triangles."""
    n = np.cross(b - a, c - a)
    return (np.cross(c - b, p - b) * n).sum(-1) / (n * n).sum(-1)
