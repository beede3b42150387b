"""Volumes of indices, and the frames of volumes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.queries import DOMAIN
from warpgen.synthesis.algorithms.queries.volumes import NAMES
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Warp manual, Volumes: index grids, coordinates",
    names=NAMES
    | {"index_volumes": "sparse_values|voxel_data|topology_lookup", "data": "voxel_values|field|node_data"},
    adjoint="no",
)
def index_volumes(d: Draft) -> None:
    """Samples values stored in an array using an index volume."""
    wanted = d.option("wanted", "lookup", "sample", "gradient", "vectors")
    d.calls({
        "lookup": "lookup_voxels|voxel_values|index_lookup",
        "sample": "sample_voxels|sample_index_volume",
        "gradient": "log_gradients|relative_gradients|sample_log_gradients",
        "vectors": "sample_vectors|sample_voxel_vectors",
    }[wanted])  # fmt: skip
    mode = d.option("mode", "LINEAR", "CLOSEST") if wanted == "sample" else "LINEAR"
    place = d.option("place", "world", "index")
    d.says({
        "lookup": "Looks up voxel values using an index volume, or -1 for inactive voxels.",
        "sample": "Samples voxel values using an index volume.",
        "vectors": "Samples voxel vectors using an index volume.",
        "gradient": "Samples index-space log-gradients of voxel values using an index volume.",
    }[wanted])  # fmt: skip
    n, size, h = d.pick(64, 96), d.pick(5, 6), d.pick(0.25, 0.5)
    d.handle("volume", "volume", (size, size, size), of="index", value=h, about="Volume id")
    type_ = "vec3" if wanted == "vectors" else "float"
    d.input("data", type_, size**3, 0.5, 1.5, about="Voxel values, indexed by the volume")
    if wanted == "lookup":
        d.input("cells", "vec3i", n, -1, size, about="Voxel coordinates")
    else:
        scale = h if place == "world" else 1.0
        d.input(
            "points", "vec3", n, 0.1 * scale, (size - 1.1) * scale, about=f"Point positions in {place} space"
        )
    out = "gradients" if wanted == "gradient" else "fetched"
    d.output(
        out,
        "vec3" if wanted in ("gradient", "vectors") else "float",
        n,
        about="Index-space gradients of log f" if wanted == "gradient" else "Sampled values",
    )
    uvw = "wp.volume_world_to_index(volume, points[tid])" if place == "world" else "points[tid]"
    lines = {
        "lookup": "cell = cells[tid]\nindex = wp.volume_lookup_index(volume, cell[0], cell[1], cell[2])\n"
        "# Inactive voxel (index -1)\nif index < 0:\n    fetched[tid] = -1.0\n    return\n"
        "fetched[tid] = data[index]",
        "sample": f"uvw = {uvw}\n"
        f"fetched[tid] = wp.volume_sample_index(volume, uvw, wp.Volume.{mode}, data, 0.0)",
        "vectors": f"uvw = {uvw}\n"
        "fetched[tid] = wp.volume_sample_index(volume, uvw, wp.Volume.LINEAR, data, wp.vec3())",
        "gradient": f"uvw = {uvw}\ngrad = wp.vec3()\n"
        "value = wp.volume_sample_grad_index(volume, uvw, wp.Volume.LINEAR, data, 0.0, grad)\n"
        "# grad(log f) = grad(f) / f, independent of the scale of f\ngradients[tid] = grad / value",
    }[wanted]
    d.launch(n)
    d.code("tid = wp.tid()\n$lines", lines=lines)

    def agree(before: Values, after: Values) -> None:
        v = before
        order = after[out]
        if wanted == "lookup":
            inside = ((v.cells >= 0) & (v.cells < size)).all(axis=1)
            assert (order[~inside] == -1.0).all()
            # which voxel has which number is Warp's affair, but no two share one
            seen = dict(zip(map(tuple, v.cells[inside]), order[inside], strict=True))
            assert len(set(seen.values())) == len(seen)
            assert np.isin(np.round(order[inside], 5), np.round(v.data, 5)).all()
            return
        assert np.isfinite(order).all()
        assert order.std() > 0
        if wanted == "gradient":
            assert np.abs(order).max() < 2.1
        else:
            assert (order >= 0.49).all()
            assert (order <= 1.51).all()

    d.holds(agree)


@DOMAIN.algorithm(
    source="Warp manual, Volumes: volume_index_to_world; Amanatides & Woo 1987",
    names=NAMES | {"volume_frames": "voxel_coordinates|grid_to_world|march_frame"},
    adjoint="no",
)
def volume_frames(d: Draft) -> None:
    """Transforms points and directions between volume index space and world space."""
    kind = d.option("kind", "centres", "directions", "velocities", "cell", "advect", "crossing")
    d.calls({
        "centres": "voxel_centers|cell_centers|voxel_to_world",
        "directions": "directions_to_index|transform_directions|world_to_index_dirs",
        "velocities": "displacements_to_world|world_displacements|step_in_world",
        "cell": "voxel_indices|point_to_voxel|voxel_of_points",
        "advect": "advect_points|move_points|advect_particles",
        "crossing": "next_boundary|distance_to_boundary|voxel_crossing",
    }[kind])  # fmt: skip
    spelled = d.option("spelled", "array", "plain")
    bounded = d.flag("bounded")
    scaled_ = "scaled world-space" if spelled == "array" else "world-space"
    d.says({
        "centres": "Computes world-space voxel centers.",
        "directions": f"Transforms {scaled_} directions to index space.",
        "velocities": "Computes world-space displacements from index-space velocities.",
        "cell": "Computes the voxel index for each "
        f"point{', clamped to the volume bounds' if bounded else ''}.",
        "advect": "Advects world-space points using index-space velocities.",
        "crossing": "Computes the ray distance to the next voxel boundary.",
    }[kind])  # fmt: skip
    n, size, h = d.pick(64, 96, 128), d.pick(6, 8), d.pick(0.25, 0.5, 0.125)
    d.handle("volume", "volume", (size, size, size), value=h, of="float32", low=-1.0, about="Volume id")
    top = size * h
    if kind == "centres":
        d.input("cells", "vec3i", n, 0, size, about="Voxel coordinates")
    elif kind in ("cell", "advect", "crossing"):
        beyond = h if bounded and kind == "cell" else 0.0
        d.input("points", "vec3", n, 0.0 - beyond, top + beyond, about="Point positions")
    given = "directions" if kind in ("directions", "crossing") else "velocities"
    if kind in ("directions", "velocities", "advect"):
        about = "World-space directions" if kind == "directions" else "Index-space velocities"
        d.input(given, "vec3", n, -1.0, 1.0, about=about)
    if kind == "crossing":
        d.input(given, "vec3", n, kind="unit", about="Ray directions")
    if kind in ("velocities", "advect"):
        d.param("dt", "float", 0.1, 0.5, about="Time step [s]")
    scaled = kind == "directions" and spelled == "array"
    if scaled:
        d.input("scales", "float", n, 0.5, 2.0, about="Per-vector scale")
    output = {
        "cell": "cells_out",
        "crossing": "distances",
        "centres": "centers",
        "directions": "index_dirs",
        "velocities": "displacements",
    }.get(kind, "moved")
    about = {
        "centres": "World-space voxel centers",
        "directions": "Index-space directions",
        "velocities": "World-space displacements",
        "cell": "Voxel coordinates",
        "advect": "Advected positions",
        "crossing": "Ray distance to the next voxel boundary",
    }[kind]
    d.output(output, {"cell": "vec3i", "crossing": "float"}.get(kind, "vec3"), n, about=about)
    gain = "scales[tid] * " if scaled else ""
    clamp = ""
    if bounded and kind == "cell":
        d.module(f"LAST = wp.constant({size - 1})  # last voxel index per axis")
        clamp = "\n# Clamp outside points to the border voxels\n" + "\n".join(
            f"{x} = wp.clamp({x}, 0, LAST)" for x in "ijk"
        )
    lines = {
        "centres": "cell = cells[tid]\nuvw = wp.vec3(float(cell[0]), float(cell[1]), float(cell[2]))\n"
        "centers[tid] = wp.volume_index_to_world(volume, uvw)",
        "directions": f"index_dirs[tid] = {gain}wp.volume_world_to_index_dir(volume, directions[tid])",
        "velocities": "displacements[tid] = dt * wp.volume_index_to_world_dir(volume, velocities[tid])",
        "advect": "# Directions are not affected by the volume translation\n"
        "step = wp.volume_index_to_world_dir(volume, velocities[tid])\nmoved[tid] = points[tid] + dt * step",
        "cell": "uvw = wp.volume_world_to_index(volume, points[tid])\n"
        "i = int(wp.floor(uvw[0] + 0.5))\nj = int(wp.floor(uvw[1] + 0.5))\nk = int(wp.floor(uvw[2] + 0.5))"
        f"{clamp}\ncells_out[tid] = wp.vec3i(i, j, k)",
        "crossing": "uvw = wp.volume_world_to_index(volume, points[tid])\n"
        "d = wp.volume_world_to_index_dir(volume, directions[tid])\nnearest = float(1.0e6)\n"
        "for axis in range(3):\n"
        "    # Voxels are centered at integer coordinates, with boundaries half a voxel away\n"
        "    here = uvw[axis] + 0.5\n    if wp.abs(d[axis]) > 1.0e-4:\n"
        "        plane = wp.where(d[axis] > 0.0, wp.floor(here) + 1.0, wp.ceil(here) - 1.0)\n"
        "        nearest = wp.min(nearest, (plane - here) / d[axis])\ndistances[tid] = nearest",
    }[kind]
    d.launch(n)
    d.code("tid = wp.tid()\n$lines", lines=lines)

    def agree(before: Values, after: Values) -> None:
        v = before
        gains = v.scales[:, None] if scaled else 1.0

        def planes() -> Any:
            p, u = v.points / h + 0.5, v[given] / h
            t = np.where(u > 0, np.floor(p) + 1 - p, np.ceil(p) - 1 - p) / u
            return np.where(np.abs(u) > 1e-4, t, 1e6).min(axis=1)

        results: dict[str, Callable[[], Any]] = {
            "centres": lambda: v.cells * h,
            "directions": lambda: gains * v[given] / h,
            "velocities": lambda: v.dt * v[given] * h,
            "advect": lambda: v.points + v.dt * v[given] * h,
            "cell": lambda: np.clip(np.floor(v.points / h + 0.5), 0, size - 1 if bounded else size),
            "crossing": planes,
        }
        expected = results[kind]()
        assert (np.abs(after[output] - expected) > 1e-3 * (1 + np.abs(expected))).mean() < 0.03

    d.holds(agree)
