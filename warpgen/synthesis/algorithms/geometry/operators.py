"""Operators of differential geometry on triangle meshes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.geometry import DOMAIN
from warpgen.synthesis.algorithms.geometry._faces import NAMES, corner_ids, name_corners, triangles, unit
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Pinkall & Polthier 1993; Meyer et al. 2003, Discrete differential-geometry operators",
    names=NAMES
    | {
        "u": "values|field|scalar_field",
        "laplacian": "lap|Lu|lu",
    },
    double=True,
    weight=2,
)
def cotangent_operators(d: Draft) -> None:
    """Assembles the cotangent Laplacian of a triangle mesh, one thread per face."""
    sort = d.option("layout", "flat", "rows", "vec3i")
    kind = d.option("operator", "scalar", "mean curvature", "weights", "gauss", "mass")
    helper = d.option("cotangent", "helper", "inline") if kind not in ("gauss", "mass") else "none"
    d.calls(
        {
            "scalar": "cotan_laplacian|mesh_laplacian|apply_laplacian",
            "mean curvature": "integrate_mean_curvature|cotan_laplacian|laplacian_of_positions",
            "weights": "cotangent_weights|corner_cotangents|cotan_weights",
            "gauss": "vertex_angle_sums|accumulate_angles|corner_angle_sums",
            "mass": "lumped_mass|vertex_masses|accumulate_vertex_areas",
        }[kind]
    )
    count, points = d.pick(48, 64, 96), d.pick(20, 30, 40)
    lines = triangles(d, count, points, sort)
    d.says(
        {
            "scalar": "Applies the cotangent Laplacian to a per-vertex scalar field, one thread per face.",
            "mean curvature": "Accumulates the cotangent Laplacian of vertex positions (twice the "
            "integrated mean curvature normal).",
            "weights": "Computes per-corner cotangent weights for the opposite edges.",
            "gauss": "Accumulates per-vertex angle sums for the angle defect (Gaussian curvature).",
            "mass": "Accumulates the lumped mass matrix at unit density (a third of the face area per "
            "corner).",
        }[kind]
    )
    if kind == "scalar":
        d.input("u", "float", points, -1.0, 1.0, about="Per-vertex scalar field")
        d.inout("laplacian", "float", points, value=0.0, about="Accumulated Laplacian")
    elif kind == "mean curvature":
        d.inout("laplacian", "vec3", points, value=0.0, about="Accumulated Laplacian")
    elif kind == "weights":
        d.output("weights", "vec3", count, about="Half cotangents of the triangle angles")
    elif kind == "gauss":
        d.inout("angle_sum", "float", points, value=0.0, about="Accumulated angles [rad]")
    else:
        d.inout("mass", "float", points, value=0.0, about="Lumped masses")
    ids = ("face[0]", "face[1]", "face[2]") if sort == "vec3i" else ("i", "j", "k")
    if helper == "helper":
        d.function(
            """
            @wp.func
            def cotangent(a: wp.vec3, b: wp.vec3) -> float:
                # avoid division by zero for slivers
                return wp.dot(a, b) / wp.max(wp.length(wp.cross(a, b)), 1.0e-6)
            """
        )
        weights = """
            # edge weight = 0.5 * cot(opposite angle)
            wp_ = 0.5 * cotangent(q - p, r - p)
            wq = 0.5 * cotangent(r - q, p - q)
            wr = 0.5 * cotangent(p - r, q - r)
            """
    else:
        weights = """
            # all cotangents share 2 * area; clamp it to avoid division by zero for slivers
            double_area = wp.max(wp.length(wp.cross(q - p, r - p)), 1.0e-6)
            wp_ = 0.5 * wp.dot(q - p, r - p) / double_area
            wq = 0.5 * wp.dot(r - q, p - q) / double_area
            wr = 0.5 * wp.dot(p - r, q - r) / double_area
            """
    weights = weights.replace("wp_ ", "wi ").replace("wq ", "wj ").replace("wr ", "wk ")
    a, b, c = ids

    def edges(x: str, y: str, z: str) -> str:
        return f"""
            wp.atomic_add(laplacian, {a}, wj * ({x} - {z}) + wk * ({x} - {y}))
            wp.atomic_add(laplacian, {b}, wk * ({y} - {x}) + wi * ({y} - {z}))
            wp.atomic_add(laplacian, {c}, wi * ({z} - {y}) + wj * ({z} - {x}))
            """

    body = {
        "scalar": f"$w\nui = u[{a}]\nuj = u[{b}]\nuk = u[{c}]\n$edges",
        "mean curvature": "$w\n$edges",
        "weights": "$w\nweights[tid] = wp.vec3(wi, wj, wk)",
        "gauss": f"""
            # edge length product times sine, which is the same for all three corners
            double_area = wp.length(wp.cross(q - p, r - p))
            # skip degenerate faces, since their angles are undefined
            if double_area < 1.0e-8:
                return
            wp.atomic_add(angle_sum, {a}, wp.atan2(double_area, wp.dot(q - p, r - p)))
            wp.atomic_add(angle_sum, {b}, wp.atan2(double_area, wp.dot(r - q, p - q)))
            wp.atomic_add(angle_sum, {c}, wp.atan2(double_area, wp.dot(p - r, q - r)))
            """,
        "mass": f"""
            third = wp.length(wp.cross(q - p, r - p)) / 6.0
            wp.atomic_add(mass, {a}, third)
            wp.atomic_add(mass, {b}, third)
            wp.atomic_add(mass, {c}, third)
            """,
    }[kind]
    d.launch(count)
    d.code(
        "tid = wp.tid()\n$lines\n$body",
        lines=lines,
        body=body,
        w=weights,
        edges=edges("ui", "uj", "uk") if kind == "scalar" else edges("p", "q", "r"),
    )
    if kind in ("scalar", "mean curvature"):
        d.explain("""
            (L u)_i = sum_j (cot a_ij + cot b_ij) / 2 (u_i - u_j), positive semi-definite, not divided by
            vertex areas. Each thread accumulates one face contribution.
        """)
    name_corners(d)

    def reference(v: Values) -> dict[str, Any]:
        at = corner_ids(v, sort)
        x = v.points[at]
        wide = np.maximum(np.linalg.norm(np.cross(x[:, 1] - x[:, 0], x[:, 2] - x[:, 0]), axis=1), 1e-6)
        double = np.linalg.norm(np.cross(x[:, 1] - x[:, 0], x[:, 2] - x[:, 0]), axis=1)
        matrix, cots, angles, mass = np.zeros((points, points)), [], np.zeros(points), np.zeros(points)
        for o in range(3):
            a, b = x[:, (o + 1) % 3] - x[:, o], x[:, (o + 2) % 3] - x[:, o]
            half = 0.5 * (a * b).sum(-1) / wide
            cots.append(half)
            i, j = at[:, (o + 1) % 3], at[:, (o + 2) % 3]
            for row, column, sign in ((i, i, 1.0), (j, j, 1.0), (i, j, -1.0), (j, i, -1.0)):
                np.add.at(matrix, (row, column), sign * half)
            angle = np.arccos(np.clip((unit(a) * unit(b)).sum(-1), -1.0, 1.0))
            np.add.at(angles, at[:, o], np.where(double > 1e-8, angle, 0.0))
            np.add.at(mass, at[:, o], double / 6.0)
        found: dict[str, Callable[[], dict[str, Any]]] = {
            "scalar": lambda: {"laplacian": matrix @ v.u},
            "mean curvature": lambda: {"laplacian": matrix @ v.points},
            "weights": lambda: {"weights": np.stack(cots, axis=1)},
            "gauss": lambda: {"angle_sum": angles},
            "mass": lambda: {"mass": mass},
        }
        return found[kind]()

    d.check(reference, 2e-3)
