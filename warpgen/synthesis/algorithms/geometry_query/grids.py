"""Regular grids: traversal by rays, and codes that order cells along a curve."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.geometry_query import DOMAIN
from warpgen.synthesis.library.proofs import mostly_close
from warpgen.synthesis.writing.draft import Draft, Values

NAMES = {
    "origins": "ray_origins|starts|ro",
    "directions": "ray_directions|ray_dirs|rd",
    "occupied": "voxels|occupancy|solid",
    "t_max": "t_next|side_dist|t_cross",
    "t_delta": "delta_dist|t_step|dt_cell",
    "codes": "morton_codes|keys|morton",
    "points": "positions|centroids|x",
    "lower": "scene_min|bounds_lower|lo",
    "upper": "scene_max|bounds_upper|hi",
}


@DOMAIN.algorithm(
    source="Amanatides & Woo 1987, A fast voxel traversal algorithm for ray tracing",
    names=NAMES | {"walk_grid": "dda_traversal|grid_raycast|voxel_traversal|march_voxels"},
    adjoint="no",
    weight=3,
)
def walk_grid(d: Draft) -> None:
    """Traverses a voxel grid along rays (3D-DDA) up to the first occupied cell."""
    dim = d.option("dimension", 2, 3)
    result = d.option("result", "distance", "cell", "count", "sum")
    axis = d.option("axis", "branches", "vector")
    storage = d.option("storage", "grid", "flat")
    n, m = d.pick(64, 96), d.pick(8, 10, 12)
    vec = f"vec{dim}"
    grid = "voxel grid" if dim == 3 else "2D grid"
    d.module(f"SIZE = wp.constant({m})  # number of cells per axis")
    d.input("origins", vec, n, 0.5, m - 0.5, about="Ray origins [cells]")
    d.input("directions", vec, n, kind="unit", about="Ray directions")
    shape: tuple[int, ...] = (m,) * dim if storage == "grid" else (m**dim,)
    if result == "sum":
        d.input("density", "float", shape, 0.0, 1.0, about="Cell values")
    else:  # one cell in ten is occupied
        d.input("occupied", "int", shape, 0.0, 1.1, about="Cell occupancy, 1 for occupied cells")
    d.output(
        *{
            "distance": ("t_hit", "float", n, "Distance to the first occupied cell, -1 for a miss"),
            "cell": ("cell_hit", f"vec{dim}i", n, "First occupied cell, -1 for a miss"),
            "count": ("crossed", "int", n, "Number of free cells before the first hit"),
            "sum": ("integrals", "float", n, "Line integral per ray"),
        }[result]
    )
    d.says(
        {
            "distance": f"Traverses a {grid} along rays and returns the distance to the first occupied "
            "cell, or -1 if there is none.",
            "cell": f"Traverses a {grid} along rays and returns the first occupied cell, or -1 if there "
            "is none.",
            "count": "Counts free cells along each ray before the first occupied cell.",
            "sum": "Integrates cell values along rays using the per-cell segment length.",
        }[result]
    )
    names = "xyz"[:dim]
    index = ", ".join(names) if storage == "grid" else " + ".join(["x", "y * SIZE", "z * SIZE * SIZE"][:dim])
    d.function(
        """
        @wp.func
        def next_crossing(o: float, r: float) -> float:
            # ray parameter at the next grid plane for this axis
            if r > 0.0:
                return (wp.floor(o) + 1.0 - o) / r
            if r < 0.0:
                return (wp.floor(o) - o) / r
            return 1.0e8
        """
    )
    setup = "\n".join(
        f"{a} = int(wp.floor(o[{k}]))\nstep_{a} = int(wp.sign(r[{k}]))" for k, a in enumerate(names)
    )
    outside = " or ".join(f"{a} < 0 or {a} >= SIZE" for a in names)
    setup += "\nt_max = wp.$vec(" + ", ".join(f"next_crossing(o[{k}], r[{k}])" for k in range(dim)) + ")"
    setup += (
        "\nt_delta = wp.$vec(" + ", ".join(f"1.0 / wp.max(wp.abs(r[{k}]), 1.0e-8)" for k in range(dim)) + ")"
    )
    setup = setup.replace("$vec", vec)
    if axis == "branches":
        if dim == 2:
            advance = """
                if t_max[0] < t_max[1]:
                    t = t_max[0]
                    t_max[0] = t + t_delta[0]
                    x += step_x
                else:
                    t = t_max[1]
                    t_max[1] = t + t_delta[1]
                    y += step_y
                """
        else:
            advance = """
                if t_max[0] < t_max[1] and t_max[0] < t_max[2]:
                    t = t_max[0]
                    t_max[0] = t + t_delta[0]
                    x += step_x
                elif t_max[1] < t_max[2]:
                    t = t_max[1]
                    t_max[1] = t + t_delta[1]
                    y += step_y
                else:
                    t = t_max[2]
                    t_max[2] = t + t_delta[2]
                    z += step_z
                """
    else:
        advance = "a = wp.argmin(t_max)\nt = t_max[a]\nt_max[a] = t + t_delta[a]\n"
        advance += (
            "\n".join(
                ("if" if k == 0 else "elif") + f" a == {k}:\n    {name} += step_{name}"
                if k < dim - 1
                else f"else:\n    {name} += step_{name}"
                for k, name in enumerate(names)
            )
            .replace("a == 0", "a == wp.uint32(0)")
            .replace("a == 1", "a == wp.uint32(1)")
        )
    if result in ("cell", "count"):  # nobody asks how far
        advance = re.sub(
            r"t = t_max\[(\w)\]\n( *)t_max\[\1\] = t \+ t_delta", r"t_max[\1] += t_delta", advance
        )
    cell = f"wp.vec{dim}i({', '.join(names)})"
    begin, inner, stop, last = {
        "distance": ("hit = float(-1.0)", "", "hit = t\nbreak", "t_hit[tid] = hit"),
        "cell": (
            f"cell = wp.vec{dim}i({', '.join(['-1'] * dim)})",
            "",
            f"cell = {cell}\nbreak",
            "cell_hit[tid] = cell",
        ),
        "count": ("passed = int(0)", "passed += 1", "break", "crossed[tid] = passed"),
        "sum": ("total = float(0.0)", "", "", "integrals[tid] = total"),
    }[result]
    if result == "sum":
        loop = f"""
            while not ($outside):
                value = density[{index}]
                entered = t
                $advance
                total += value * (t - entered)
            """
    else:
        loop = f"""
            while not ($outside):
                if occupied[{index}] > 0:
                    $stop
                $inner
                $advance
            """
    d.launch(n)
    d.code(
        """
        tid = wp.tid()
        o = origins[tid]
        r = directions[tid]
        $setup
        $start
        $begin
        $loop
        $last
        """,
        setup=setup,
        start="t = float(0.0)" if result in ("distance", "sum") else "",
        begin=begin,
        loop=loop,
        outside=outside,
        stop=stop,
        inner=inner,
        advance=advance,
        last=last,
    )

    def agrees(v: Values, after: Values) -> None:
        field = np.asarray(v.density if result == "sum" else v.occupied).reshape((m,) * dim)
        if storage == "flat":
            field = field.transpose(*range(dim)[::-1])
        made: list[Any] = []
        for o, r in zip(v.origins, v.directions, strict=True):
            # all crossings of planes, in order; a cell is that of a stretch's middle
            with np.errstate(all="ignore"):
                ts = np.concatenate([(np.arange(m + 1) - o[k]) / r[k] for k in range(dim)])
            ts = np.unique(np.concatenate([[0.0], ts[(ts > 0.0) & np.isfinite(ts)]]))
            middle = o + 0.5 * (ts[:-1] + ts[1:])[:, None] * r
            cells = np.floor(middle).astype(int)
            keep = np.all((cells >= 0) & (cells < m), axis=1)
            gone = np.flatnonzero(~keep)
            keep[gone[0] :] = False if len(gone) else keep[-1:]
            cells, starts, lengths = cells[keep], ts[:-1][keep], np.diff(ts)[keep]
            values = field[tuple(cells.T)]
            full = np.flatnonzero(values > 0)
            if result == "sum":
                made.append((values * lengths).sum())
            elif result == "count":
                made.append(full[0] if len(full) else len(cells))
            elif result == "cell":
                made.append(cells[full[0]] if len(full) else np.full(dim, -1))
            else:
                made.append(starts[full[0]] if len(full) else -1.0)
        name = {"distance": "t_hit", "cell": "cell_hit", "count": "crossed", "sum": "integrals"}[result]
        mostly_close(after[name], np.array(made), 2e-3, 0.95)

    d.holds(agrees)
