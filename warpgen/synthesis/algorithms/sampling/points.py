"""Uniformly random points of disks, balls, cubes, triangles: where they lie and how they are spread."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.sampling import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "points": "samples|positions|pts",
    "seed": "rng_seed|base_seed",
    "state": "rng|rng_state",
}

# Builtin: type, dimension and the bounds of the length of what it gives.
_SHAPES = {
    "sample_unit_disk": ("vec2", 2, 0.0, 1.0),
    "sample_unit_ring": ("vec2", 2, 1.0, 1.0),
    "sample_unit_square": ("vec2", 2, 0.0, 0.7072),
    "sample_unit_sphere": ("vec3", 3, 0.0, 1.0),
    "sample_unit_sphere_surface": ("vec3", 3, 1.0, 1.0),
    "sample_unit_hemisphere": ("vec3", 3, 0.0, 1.0),
    "sample_unit_hemisphere_surface": ("vec3", 3, 1.0, 1.0),
    "sample_unit_cube": ("vec3", 3, 0.0, 0.8661),
}
_SAID = {
    "sample_unit_disk": "in a disk",
    "sample_unit_ring": "on a circle",
    "sample_unit_square": "in a square",
    "sample_unit_sphere": "in a ball",
    "sample_unit_sphere_surface": "on a sphere",
    "sample_unit_hemisphere": "in the upper half of a ball",
    "sample_unit_hemisphere_surface": "on the upper half of a sphere",
    "sample_unit_cube": "in a cube",
}


@DOMAIN.algorithm(
    source="Warp manual, Random; Shirley 1992",
    names=_NAMES
    | {
        "scatter_points": "sample_region|random_points|spawn_particles",
        "center": "origin|emitter",
    },
    adjoint="either",
    weight=15,
)
def scatter_points(d: Draft) -> None:
    """Samples points uniformly in a region."""
    shape = d.option("shape", *_SHAPES)
    type_, dimension, least, most = _SHAPES[shape]
    stream = d.option("stream", "offset", "hashed", "frame")
    layout = d.option("layout", "one each", "several each", "two-dimensional")
    moved = d.flag("moved")
    where = _SAID[shape]
    if moved:
        where += " around a center"
    else:
        # the last noun is that of the shape
        where = f"{where.rpartition(' a ')[0]} the unit {where.rpartition(' a ')[2]}"
        where += " about the origin" if shape in ("sample_unit_square", "sample_unit_cube") else ""
    d.says(f"Samples points uniformly {where}.")
    d.param("seed", "int", 1, 10000, about="Random seed")
    if stream == "frame":
        d.param("frame", "int", 0, 1000, about="Frame index")
    if moved:
        d.param("center", type_, -2.0, 2.0, about="Region center")
        flat_sided = shape in ("sample_unit_square", "sample_unit_cube")
        size = d.pick("edge", "size", "width") if flat_sided else d.pick("radius", "size", "scale")
        d.param(size, "float", 0.5, 3.0, about="Edge length" if flat_sided else "Radius")
    else:
        size = ""
    rows, columns = d.pick((12, 8), (16, 8), (8, 8)) if layout != "one each" else (d.pick(96, 128, 192), 1)
    extents: int | tuple[int, int] = rows * columns if layout != "two-dimensional" else (rows, columns)
    d.output("points", type_, extents, about="Sampled positions")
    number = "tid" if layout == "one each" else "i" if layout == "several each" else "i * points.shape[1] + j"
    if stream == "hashed":
        init = f"state = wp.rand_init(seed + {number})"
    elif stream == "offset":
        init = f"state = wp.rand_init(seed, {number})"
    else:
        init = f"""
        # offset the seed so that each frame gets different points
        state = wp.rand_init(seed + frame, {number})
        """
    value = f"wp.{shape}(state)"
    placed = f"center + {size} * {value}" if moved else value
    if layout == "one each":
        d.launch(rows)
        d.code("tid = wp.tid()\n$init\npoints[tid] = $placed", init=init, placed=placed)
    elif layout == "several each":
        d.module(f"PER_THREAD = wp.constant({columns})")
        d.launch(rows)
        d.code(
            """
            i = wp.tid()
            $init
            # each sample advances the RNG state
            for k in range(PER_THREAD):
                points[i * PER_THREAD + k] = $placed
            """,
            init=init, placed=placed,
        )  # fmt: skip
    else:
        d.launch(rows, columns)
        d.code("i, j = wp.tid()\n$init\npoints[i, j] = $placed", init=init, placed=placed)
    d.explain("Each thread needs its own RNG state, otherwise all threads generate the same points.")

    def spread(before: Values, after: Values) -> None:
        p = after.points.reshape(-1, dimension)
        if moved:
            p = (p - before.center) / before[size]
        length = np.linalg.norm(p, axis=1)
        assert (length >= least - 1e-4).all()
        assert (length <= most + 1e-4).all()
        if "hemisphere" in shape:
            assert (p[:, 2] >= 0.0).all()
            p = p[:, :2]
        assert len(np.unique(np.round(p, 5), axis=0)) > 0.9 * len(p)
        assert np.abs(p.mean(axis=0)).max() < 0.35
        assert p.std(axis=0).min() > 0.15

    d.holds(spread)


@DOMAIN.algorithm(
    source="Osada et al. 2002, eq. 1; Warp manual, Random",
    names=_NAMES
    | {
        "sample_surface": "sample_mesh_points|scatter_on_triangles|surface_samples",
        "cdf": "area_cdf|cumulative_area",
        "vertices": "verts|mesh_points",
    },
    adjoint="either",
    weight=7,
)
def sample_surface(d: Draft) -> None:
    """Samples points on mesh triangles."""
    pick = d.option("pick", "cdf", "even", "given")
    way = d.option("way", "sample_triangle", "square root", "folded")
    result = d.option("result", "points", "barycentric")
    indexed = d.flag("indexed")
    if pick == "given" and result == "barycentric":
        pick = "even"  # nothing would depend on the triangles
    triangles, vertices, count = d.pick(12, 20, 32), d.pick(16, 24), d.pick(96, 128)
    face, faces = d.pick(("face", "faces"), ("tri", "tris"), ("f", "faces"), ("triangle", "triangles"))
    which = {
        "cdf": "mesh triangles selected in proportion to area",
        "even": "mesh triangles selected with equal probability",
        "given": "given mesh triangles",
    }[pick]
    if result == "points":
        d.says(f"Samples points on {which}.")
    else:
        d.says(f"Samples barycentric coordinates on {which}.")
    if result == "barycentric":
        even = pick == "even"  # small triangles get as many as large ones, which is no sample of the surface
        of = "triangle" if even else "surface"
        d.calls(f"sample_{of}_coordinates|{of}_coordinates|draw_{of}_coordinates")
    elif pick == "even":
        d.calls("scatter_on_triangles|sample_triangles|points_on_triangles")
    face_of = "face_of" if face == "f" else f"{face}_of"
    d.input("vertices", "vec3", vertices if indexed else (triangles, 3), -1.0, 1.0, about="Vertex positions")
    if indexed:
        d.input(faces, "int", (triangles, 3), 0, vertices, about="Triangle vertex indices")
    if pick == "cdf":
        d.input(
            "cdf",
            "float",
            triangles,
            0.05,
            1.0,
            "ascending",
            about="Normalized cumulative triangle areas, with the last entry treated as 1",
        )
    elif pick == "given":
        d.input("chosen", "int", count, 0, triangles, about="Triangle index per sample")
    if pick == "even":
        d.param(f"num_{faces}", "int", triangles, about="Number of triangles")
    d.param("seed", "int", 1, 10000, about="Random seed")
    if result == "points":
        d.output("points", "vec3", count, about="Sampled positions")
    else:
        d.output(face_of, "int", count, about="Triangle index per sample")
        d.output("weights", "vec3", count, about="Barycentric coordinates")
    chosen = {
        "cdf": f"{face} = wp.sample_cdf(state, cdf)",
        "even": f"{face} = wp.randi(state, 0, num_{faces})",
        "given": f"{face} = chosen[tid]",
    }[pick]
    barycentric = {
        "sample_triangle": "uv = wp.sample_triangle(state)\nu = uv[0]\nv = uv[1]",
        "square root": """
        # sqrt() keeps the density uniform as the triangle narrows
        s = wp.sqrt(wp.randf(state))
        t = wp.randf(state)
        u = 1.0 - s
        v = t * s
        """,
        "folded": """
        u = wp.randf(state)
        v = wp.randf(state)
        if u + v > 1.0:
            # reflect samples from the other half of the parallelogram instead of rejecting them
            u = 1.0 - u
            v = 1.0 - v
        """,
    }[way]
    corner = [f"vertices[{faces}[{face}, {k}]]" if indexed else f"vertices[{face}, {k}]" for k in range(3)]
    if result == "points":
        stored = f"""
        a = {corner[0]}
        b = {corner[1]}
        c = {corner[2]}
        points[tid] = u * a + v * b + (1.0 - u - v) * c
        """
    else:
        stored = f"""
        {face_of}[tid] = {face}
        weights[tid] = wp.vec3(u, v, 1.0 - u - v)
        """
    d.launch(count)
    if result == "barycentric":
        d.parameters = [p for p in d.parameters if p.name not in ("vertices", faces)]
    d.code(
        "tid = wp.tid()\nstate = wp.rand_init(seed, tid)\n$chosen\n$barycentric\n$stored",
        chosen=chosen,
        barycentric=barycentric,
        stored=stored,
    )
    d.explain("Barycentric coordinates (u, v, 1 - u - v) are uniform over the triangle.")

    def corners(v: Values) -> Any:
        return v.vertices[v[faces]] if indexed else v.vertices

    def on_surface(before: Values, after: Values) -> None:
        if result == "barycentric":
            assert (after.weights >= -1e-6).all()
            np.testing.assert_allclose(after.weights.sum(axis=1), 1.0, atol=1e-5)
            assert after.weights.std(axis=0).min() > 0.1
            if pick == "given":
                assert (after[face_of] == before.chosen).all()
            else:
                assert len(np.unique(after[face_of])) > 3
            return
        abc = corners(before)
        normal = np.cross(abc[:, 1] - abc[:, 0], abc[:, 2] - abc[:, 0])
        size = np.maximum(np.linalg.norm(normal, axis=1), 1e-9)
        normal = normal / size[:, None]
        height = np.abs(((after.points[:, None] - abc[None, :, 0]) * normal).sum(axis=-1))
        if pick == "given":
            assert (height[np.arange(count), before.chosen] < 1e-4).all()
        assert (height.min(axis=1) < 1e-4).all()
        assert len(np.unique(np.round(after.points, 5), axis=0)) > 0.8 * count

    d.holds(on_surface)
