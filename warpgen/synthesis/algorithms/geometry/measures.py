"""Measures of triangle meshes: areas, normals, angles, volumes and moments."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.geometry import DOMAIN
from warpgen.synthesis.algorithms.geometry._faces import (
    LAYOUTS,
    NAMES,
    corner_ids,
    corners,
    name_corners,
    triangles,
    unit,
)
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.naming import renamed

_GUARD = """
    # skip degenerate faces, leaving their output unchanged
    if i == j or j == k or k == i:
        return
    """


@DOMAIN.algorithm(
    source="Newell; Shewchuk 2002, What is a good linear element?",
    names=NAMES,
    adjoint="either",
    double=True,
    weight=3,
)
def triangle_measures(d: Draft) -> None:
    """Computes a per-triangle geometric measure."""
    sort = d.option("layout", *LAYOUTS)
    kind = d.option(
        "measure", "area", "normal", "area vector", "aspect", "circumradius", "inradius", "centroid"
    )
    guard = d.flag("guard", 0.4)
    d.calls(
        {
            "area": "compute_face_areas|triangle_areas|face_areas",
            "normal": "face_normals|triangle_normals|compute_face_normals",
            "area vector": "area_vectors|face_area_vectors|vector_areas",
            "aspect": "face_quality|triangle_quality|aspect_quality",
            "circumradius": "circumradii|triangle_circumradius|compute_circumradius",
            "inradius": "inradii|triangle_inradius|compute_inradius",
            "centroid": "face_centroids|triangle_centroids|compute_centroids",
        }[kind]
    )
    count, points = d.pick(48, 64, 96), d.pick(40, 50, 64)
    lines = triangles(d, count, points, sort)
    vector = kind in ("normal", "area vector", "centroid")
    target = {
        "area": "areas",
        "normal": "normals",
        "area vector": "area_vectors",
        "aspect": "quality",
        "centroid": "centroids",
    }.get(kind, kind)
    about = {
        "area": "Areas",
        "normal": "Unit face normals",
        "area vector": "Area vectors",
        "aspect": "Quality in [0, 1]",
        "circumradius": "Circumcircle radii",
        "inradius": "Incircle radii",
        "centroid": "Centroids",
    }[kind]
    d.output(target, "vec3" if vector else "float", count, about=about)
    d.says(
        {
            "area": "Computes per-triangle areas.",
            "normal": "Computes the unit normal of each triangle.",
            "area vector": "Computes the vector area (normal * area) for each triangle.",
            "aspect": "Computes triangle quality as 4 * sqrt(3) * area / sum of squared edge lengths.",
            "circumradius": "Computes the circumradius for each triangle.",
            "inradius": "Computes the inradius of each triangle.",
            "centroid": "Computes triangle centroids.",
        }[kind]
    )
    area = "area = 0.5 * wp.length(wp.cross(q - p, r - p))"
    body = {
        "area": "areas[tid] = 0.5 * wp.length(wp.cross(q - p, r - p))",
        "normal": "normals[tid] = wp.normalize(wp.cross(q - p, r - p))",
        "area vector": "area_vectors[tid] = 0.5 * wp.cross(q - p, r - p)",
        "centroid": "centroids[tid] = (p + q + r) / 3.0",
        "aspect": f"""
            {area}
            edges_sq = wp.length_sq(q - p) + wp.length_sq(r - q) + wp.length_sq(p - r)
            # 1 for equilateral triangles, approaching 0 for slivers
            quality[tid] = 4.0 * wp.sqrt(3.0) * area / wp.max(edges_sq, 1.0e-8)
            """,
        "circumradius": f"""
            {area}
            product = wp.length(q - p) * wp.length(r - q) * wp.length(p - r)
            circumradius[tid] = product / wp.max(4.0 * area, 1.0e-6)
            """,
        "inradius": f"""
            {area}
            perimeter = wp.length(q - p) + wp.length(r - q) + wp.length(p - r)
            inradius[tid] = 2.0 * area / wp.max(perimeter, 1.0e-6)
            """,
    }[kind]
    indexed = sort in ("flat", "rows")
    check = guard and indexed and kind in ("normal", "area vector", "aspect", "circumradius")
    d.launch(count)
    d.code(
        "tid = wp.tid()\n$lines\n$guard\n$body",
        lines=lines,
        guard=_GUARD if check else "",
        body=body,
    )
    name_corners(d)

    def reference(v: Values) -> dict[str, Any]:
        p, q, r = corners(v, sort)
        edges = np.stack([q - p, r - q, p - r], axis=1)
        sides = np.linalg.norm(edges, axis=2)
        # Heron, since only the sides are known
        s = sides.sum(axis=1) / 2.0
        area = np.sqrt(np.maximum(s * np.prod(s[:, None] - sides, axis=1), 0.0))
        wide = np.cross(q - p, r - p)
        value = {
            "area": area,
            "normal": unit(wide),
            "area vector": 0.5 * wide,
            "centroid": np.stack([p, q, r]).mean(axis=0),
            "aspect": 4.0 * np.sqrt(3.0) * area / np.maximum((sides**2).sum(axis=1), 1e-8),
            "circumradius": sides.prod(axis=1) / np.maximum(4.0 * area, 1e-6),
            "inradius": area / np.maximum(s, 5e-7),
        }[kind]
        if kind == "circumradius":
            value = np.where(area > 1e-6, value, 0.0)
        return {target: value}

    if kind in ("normal", "circumradius"):  # undefined where corners coincide

        def agrees(before: Values, after: Values) -> None:
            p, q, r = corners(before, sort)
            fine = np.linalg.norm(np.cross(q - p, r - p), axis=-1) > 1e-2
            expected = reference(before)[target]
            np.testing.assert_allclose(np.asarray(after[target])[fine], expected[fine], rtol=5e-3, atol=1e-4)

        d.holds(agrees)
    else:
        d.check(reference, 5e-4)


@DOMAIN.algorithm(
    source="Gouraud 1971; Thuermer & Wuethrich 1998 (angles); Max 1999 (weights of sphere)",
    names=NAMES | {"accumulate_normals": "accumulate_vertex_normals|scatter_normals|add_face_normals"},
    double=True,
    weight=3,
)
def accumulate_normals(d: Draft) -> None:
    """Accumulates face normals at mesh vertices."""
    sort = d.option("layout", "flat", "rows", "vec3i")
    weight = d.option("weight", "area", "angle", "uniform", "sphere")
    if weight == "sphere":
        d.forward_only()  # its slope is lost to rounding where two corners nearly meet
    count, points = d.pick(48, 64, 96), d.pick(20, 30, 40)
    lines = triangles(d, count, points, sort)
    d.inout("vertex_normals", "vec3", points, value=0.0, about="Accumulated vertex normals")
    d.says(
        {
            "area": "Accumulates area-weighted face normals per vertex.",
            "angle": "Accumulates angle-weighted face normals per vertex.",
            "uniform": "Accumulates unit face normals per vertex.",
            "sphere": "Accumulates vertex normals using Max's weights, which are exact for spheres.",
        }[weight]
    )
    ids = ("face[0]", "face[1]", "face[2]") if sort == "vec3i" else ("i", "j", "k")
    helper = weight == "angle"
    if helper:
        d.function(
            """
            @wp.func
            def corner_angle(a: wp.vec3, b: wp.vec3) -> float:
                # use atan2 instead of acos, since acos is inaccurate for small angles
                return wp.atan2(wp.length(wp.cross(a, b)), wp.dot(a, b))
            """
        )
    begin = {
        "area": "n = 0.5 * wp.cross(q - p, r - p)",
        "uniform": "n = wp.normalize(wp.cross(q - p, r - p))",
        "angle": "n = wp.normalize(wp.cross(q - p, r - p))",
        "sphere": """
            n = wp.cross(q - p, r - p)
            first_sq = wp.max(wp.length_sq(q - p), 1.0e-6)
            second_sq = wp.max(wp.length_sq(r - q), 1.0e-6)
            third_sq = wp.max(wp.length_sq(p - r), 1.0e-6)
            """,
    }[weight]
    shares = {
        "area": ("n", "n", "n"),
        "uniform": ("n", "n", "n"),
        "angle": (
            "corner_angle(q - p, r - p) * n",
            "corner_angle(r - q, p - q) * n",
            "corner_angle(p - r, q - r) * n",
        ),
        "sphere": ("n / (first_sq * third_sq)", "n / (first_sq * second_sq)", "n / (second_sq * third_sq)"),
    }[weight]
    scatter = "\n".join(
        f"wp.atomic_add(vertex_normals, {at}, {share})" for at, share in zip(ids, shares, strict=True)
    )
    d.launch(count)
    d.code("tid = wp.tid()\n$lines\n$begin\n$scatter", lines=lines, begin=begin, scatter=scatter)
    d.explain("""
        This kernel is launched with one thread per face. `vertex_normals` must be zero-initialized and
        normalized in a second pass.
    """)
    name_corners(d)

    def reference(v: Values) -> dict[str, Any]:
        at = corner_ids(v, sort)
        p = v.points[at]  # faces x corners x 3
        wide = np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0])
        made = np.zeros((points, 3))
        for corner in range(3):
            a, b = p[:, (corner + 1) % 3] - p[:, corner], p[:, (corner + 2) % 3] - p[:, corner]
            if weight == "area":
                share = 0.5 * wide
            elif weight == "uniform":
                share = unit(wide)
            elif weight == "angle":
                cos = (unit(a) * unit(b)).sum(-1)
                share = unit(wide) * np.arccos(np.clip(cos, -1.0, 1.0))[:, None]
            else:
                size = np.maximum((a * a).sum(-1), 1e-6) * np.maximum((b * b).sum(-1), 1e-6)
                share = wide / size[:, None]
            np.add.at(made, at[:, corner], share)
        return {"vertex_normals": made}

    d.check(reference, 2e-3)


@DOMAIN.algorithm(
    source="Zhang & Chen 2001; Tonon 2004; Mirtich 1996 (signed tetrahedra about the origin)",
    names=NAMES,
    double=True,
    weight=3,
)
def mesh_moments(d: Draft) -> None:
    """Integrates mass properties of a mesh over signed tetrahedra."""
    sort = d.option("layout", "flat", "rows", "vec3i")
    kind = d.option("moment", "volume", "first", "inertia", "inertia by points", "area and volume")
    where = d.option("where", "scatter", "per face")
    density = d.flag("density") and kind != "area and volume"
    per_face = where == "per face"
    size = "mass" if density else "volume"
    calls = {
        "volume": f"mesh_{size}|integrate_{size}|enclosed_{size}",
        "first": "mesh_first_moment|integrate_first_moment|first_moment",
        "inertia": "mesh_second_moments|integrate_second_moments|second_moments",
        "inertia by points": "mesh_inertia|inertia_tensor|integrate_inertia",
        "area and volume": "mesh_area_and_volume|integrate_mesh|area_and_volume",
    }
    each = {
        "volume": f"signed_{size}{'es' if density else 's'}|face_{size}_terms",
        "first": "first_moment_terms|face_first_moments",
        "inertia": "second_moment_terms|face_second_moments",
        "inertia by points": "inertia_terms|face_inertias",
        "area and volume": "areas_and_signed_volumes|face_areas_and_volumes",
    }
    d.calls((each if per_face else calls)[kind])
    count, points = d.pick(48, 64, 96), d.pick(20, 30, 40)
    lines = triangles(d, count, points, sort)
    if density:
        d.param("rho", "float", 500.0, 1500.0, about="Density [kg/m^3]")
    scale = "rho * " if density else ""
    of = "mass" if density else "volume"
    what = {
        "volume": f"the {of}",
        "first": f"the first {of} moment",
        "inertia": f"the second {of} moments",
        "inertia by points": "the inertia tensor about the origin" + ("" if density else " at unit density"),
        "area and volume": "the face area and the volume",
    }[kind]
    d.says(
        f"Computes {what} of the signed tetrahedron between the origin and each face."
        if per_face
        else f"Accumulates {what} of the signed tetrahedra between the origin and each face."
    )
    extent = count if per_face else 1
    spread = {
        "volume": ((size, "float"),),
        "first": (("moment", "vec3"),),
        "inertia": (("second_moment", "mat33"),),
        "inertia by points": (("inertia", "mat33"),),
        "area and volume": (("area", "float"), ("volume", "float")),
    }[kind]
    for name, type in spread:
        about = name.replace("_", " ").capitalize()
        if per_face:
            d.output(
                name, type, extent, about=f"{about} per face tetrahedron" if name != "area" else "Face areas"
            )
        else:
            d.inout(name, type, extent, value=0.0, about=f"{about}, summed over all faces")
    vol = f"{'m' if density else 'vol'} = {scale}wp.dot(p, wp.cross(q, r)) / 6.0"
    body, values = {
        "volume": ("", (f"{scale}wp.dot(p, wp.cross(q, r)) / 6.0",)),
        "first": (
            f"{vol}\n# tetrahedron (0, p, q, r) has its centroid at (p + q + r) / 4",
            ("vol * (p + q + r) / 4.0",),
        ),
        "inertia": (
            f"""
            {vol}
            s = p + q + r
            # integral of x * x^T over tetrahedron (0, p, q, r) = vol / 20 * C
            C = wp.outer(p, p) + wp.outer(q, q) + wp.outer(r, r) + wp.outer(s, s)
            """,
            ("vol / 20.0 * C",),
        ),
        "inertia by points": (
            f"""
            {vol}
            s = p + q + r
            C = wp.outer(p, p) + wp.outer(q, q) + wp.outer(r, r) + wp.outer(s, s)
            # I = tr(C) * E - C, with the integral of x * x^T = vol / 20 * C
            eye = wp.identity(n=3, dtype=float)
            """,
            ("vol / 20.0 * (wp.trace(C) * eye - C)",),
        ),
        "area and volume": (
            vol,
            ("0.5 * wp.length(wp.cross(q - p, r - p))", "vol"),
        ),
    }[kind]
    store = "\n".join(
        f"{name}[tid] = {value}" if per_face else f"wp.atomic_add({name}, 0, {value})"
        for (name, _), value in zip(spread, values, strict=True)
    )
    if density:
        body, store = renamed(body, {"vol": "m"}), renamed(store, {"vol": "m"})
    d.launch(count)
    d.code("tid = wp.tid()\n$lines\n$body\n$store", lines=lines, body=body, store=store)
    d.explain("""
        For a closed mesh with counter-clockwise faces, parts outside the mesh cancel and the sum is
        that of the enclosed solid: V = sum p . (q x r) / 6.
    """)
    name_corners(d)

    def reference(v: Values) -> dict[str, Any]:
        p, q, r = corners(v, sort)
        vol = np.linalg.det(np.stack([p, q, r], axis=1)) / 6.0 * (v.rho if density else 1.0)
        # quadrature of degree two on the tetrahedron: exact for second moments
        a, b = 0.5854101966249685, 0.1381966011250105
        nodes = [b * (p + q + r), *(b * (p + q + r) + (a - b) * x for x in (p, q, r))]
        second = sum(0.25 * vol[:, None, None] * x[:, :, None] * x[:, None, :] for x in nodes)
        tensor = np.trace(second, axis1=1, axis2=2)[:, None, None] * np.eye(3) - second
        sides = np.linalg.norm(np.cross(q - p, r - p), axis=1) / 2.0
        every = {
            "volume": {size: vol},
            "first": {"moment": sum(0.25 * vol[:, None] * x for x in nodes)},
            "inertia": {"second_moment": second},
            "inertia by points": {"inertia": tensor},
            "area and volume": {"area": sides, "volume": vol},
        }[kind]
        return {name: value if per_face else value.sum(axis=0)[None] for name, value in every.items()}

    d.check(reference, 2e-3)
