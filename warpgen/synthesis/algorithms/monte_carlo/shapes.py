"""Points drawn at random in and on simple shapes."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.monte_carlo import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

# What each builtin draws: its dimension and bounds of the radius.
_SHAPES = {
    "unit_disk": (2, 0.0, 1.0), "unit_ring": (2, 1.0, 1.0), "unit_square": (2, 0.0, 0.7072),
    "unit_sphere": (3, 0.0, 1.0), "unit_sphere_surface": (3, 1.0, 1.0), "unit_cube": (3, 0.0, 0.8661),
    "unit_hemisphere": (3, 0.0, 1.0), "unit_hemisphere_surface": (3, 1.0, 1.0),
}  # fmt: skip


@DOMAIN.algorithm(
    source="Marsaglia 1972; Pharr, Jakob & Humphreys 2023, app. A; Warp manual, Random",
    names={
        "emit_samples": "seed_points|sample_shape|spawn_particles",
        "points": "samples|positions|spots",
        "rng": "state|rng_state|gen",
        "alive": "in_use|occupied|is_alive",
        "seed": "rng_seed",
        "emitter": "source_id|group_id|nozzle",
    },
    weight=12,
)
def emit_samples(d: Draft) -> None:
    """Samples random points in or on a primitive shape."""
    shape = d.option("shape", *_SHAPES)
    placed = d.option("placed", "local", "shared", "emitters")
    skip = d.option("skip", "none", "mask", "count", "ids")
    stream = d.option("stream", "index", "frame")
    dim, inner, outer = _SHAPES[shape]
    n = 256
    noun = shape.removesuffix("_surface").replace("_", " ")
    if placed != "local":
        noun = noun.removeprefix("unit ")
    where_ = {"local": "", "shared": " with a given center and size", "emitters": " around emitters"}[placed]
    surface = "surface" in shape or "ring" in shape
    noun = noun.replace("ring", "circle")
    place = ("on the surface of" if "surface" in shape else "on" if surface else "in") + " a"
    d.says(f"Samples random points {place} {noun}{where_}.")
    vec = f"vec{dim}"
    scale = "edge length" if "square" in shape or "cube" in shape else "radius"
    size = "edge" if scale == "edge length" else "radius"
    center = "center of the base" if "hemisphere" in shape else "center"
    d.param("seed", "int", 1, 100000, about="random seed")
    if stream == "frame":
        d.param("frame", "int", 1, 500, about="frame index")
    if placed == "shared":
        d.param("center_pos", vec, -1.0, 1.0, about=center if "base" in center else "shape center")
        d.param(size, "float", 0.5, 2.0, about=f"shape {scale}")
    elif placed == "emitters":
        d.input("emitter_pos", vec, 4, -1.0, 1.0, about=f"{center} per emitter")
        d.input(f"emitter_{size}", "float", 4, 0.5, 2.0, about=f"{scale} per emitter")
        d.input(
            "emitter",
            "int",
            n,
            0,
            4,
            about="emitter index per new point" if skip == "ids" else "emitter index per point",
        )
    if skip == "mask":
        d.mask("alive", "bool", n, about="mask, True for points to keep")
    elif skip == "count":
        d.param("num_new", "int", n - 40, about="number of new points")
    elif skip == "ids":
        d.input("slots", "int", n, kind="permutation", about="free slots in the pool")
    d.output("points", vec, n, about="sampled points")
    guard = {
        "none": "",
        "mask": "# Only respawn dead points\nif alive[tid]:\n    return",
        "count": "if tid >= num_new:\n    return",
        "ids": "",
    }[skip]
    make = {
        "index": "rng = wp.rand_init(seed, tid)",
        "frame": "# Independent stream per point and frame\nrng = wp.rand_init(seed, frame * points.shape[0] + tid)",
    }[stream]
    where = {
        "local": f"points[tid] = wp.sample_{shape}(rng)",
        "shared": f"points[tid] = center_pos + {size} * local",
        "emitters": f"source = emitter[tid]\npoints[tid] = emitter_pos[source] + emitter_{size}[source] * local",
    }[placed]
    drawn = n - 40 if skip == "ids" else n  # new points, fewer than there is room for
    if skip == "ids":
        where = where.replace("points[tid]", "points[slots[tid]]")
    d.launch(drawn)
    d.code(
        "tid = wp.tid()\n$guard\n$make\n$draw\n$where",
        draw="" if placed == "local" else f"local = wp.sample_{shape}(rng)",
        guard=guard,
        make=make,
        where=where,
    )

    def spread(before: Values, after: Values) -> None:
        v = before
        there: Any = np.ones(n, bool)
        if skip == "mask":
            there = ~v.alive
        elif skip == "count":
            there = np.arange(n) < v.num_new
        elif skip == "ids":
            there = np.isin(np.arange(n), v.slots[:drawn])
        local = after.points
        if placed == "shared":
            local = (local - v.center_pos) / v[size]
        elif placed == "emitters":
            of = v.emitter
            if skip == "ids":  # those of new points, in the order of their slots
                of = np.zeros(n, int)
                of[v.slots] = v.emitter
            local = (local - v.emitter_pos[of]) / v[f"emitter_{size}"][of][:, None]
        assert (after.points[~there] == 0).all(), "a point is drawn that should not be"
        local = local[there]
        r = np.linalg.norm(local, axis=1)
        assert (r >= inner - 1e-3).all()
        assert (r <= outer + 1e-3).all()
        count = len(r)
        middle = np.zeros(dim)
        if "hemisphere" in shape:
            assert (local[:, 2] >= -1e-3).all()
            middle[2] = 0.5 if "surface" in shape else 0.375
        assert (np.abs(local.mean(axis=0) - middle) < 5 * 0.6 / count**0.5).all(), (
            "the points lean to one side"
        )
        assert local.std(axis=0).min() > 0.15

    d.holds(spread)
