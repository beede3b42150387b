"""Single voxels read and written, columns of them, and rays that walk in index space."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.volume import DOMAIN
from warpgen.synthesis.algorithms.volume.sampling import sample
from warpgen.synthesis.library.proofs import mostly_close
from warpgen.synthesis.writing.draft import Draft, Values

_SHORT = {"float32": ("f", "float"), "vec3f": ("v", "vec3"), "int32": ("i", "int")}
_NAMES = {"volume": "volume_id|vol|source", "level": "threshold|iso|cutoff"}


@DOMAIN.algorithm(
    source="Museth 2013 (VDB); Warp manual, Volumes: volume_store",
    names=_NAMES
    | {
        "target": "out_volume|grid|dst_volume",
        "cells": "voxels|coords|ijk",
        "kept": "stored|readback|held",
        "value": "v|new_value|field",
    },
    adjoint="no",
    weight=15,
)
def store_voxels(d: Draft) -> None:
    """Writes values to the voxels of a volume."""
    rule = d.option("rule", "ball", "box", "spin", "pull", "inside", "layers", "clamped", "unit", "mask")
    short = d.option("call", "short", "generic", weights=(0.7, 0.3))
    place = d.option("place", "grid", "cells", "flat")
    n, m, h = d.pick(5, 6, 7), d.pick(64, 96), d.pick(0.25, 0.5, 1.0)
    of = "float32"
    if rule in ("spin", "pull", "unit", "inside", "layers", "mask"):
        of = "vec3f" if rule in ("spin", "pull", "unit") else "int32"
    said = {
        "ball": "Writes the signed distance to a sphere into a volume.",
        "box": "Writes the signed distance to a cube into a volume.",
        "spin": "Writes the velocity field of a rigid rotation into a volume.",
        "pull": "Writes unit directions towards a point into a volume.",
        "inside": "Labels voxels inside a sphere.",
        "layers": "Labels volume voxels by height.",
        "clamped": "Copies a volume, clamping values to a narrow band.",
        "unit": "Copies and normalizes a vector volume.",
        "mask": "Marks voxels where a source volume exceeds a threshold.",
    }[rule]
    listed = ", for listed voxels" if place == "cells" else ""
    d.says(f"{said[:-1]}{listed}, and reads the result back.")
    d.calls({
        "ball": "write_sphere_sdf|bake_sphere|sphere_to_volume",
        "box": "write_box_sdf|bake_box|box_to_volume",
        "spin": "write_rotation_field|bake_rotation|spin_to_volume",
        "pull": "write_direction_field|bake_directions|point_voxels_at",
        "inside": "label_inside|label_sphere|mark_sphere",
        "layers": "label_layers|label_by_height|write_layers",
        "clamped": "clamp_voxels|clamp_volume|copy_clamped",
        "unit": "normalize_voxels|normalize_volume|copy_normalized",
        "mask": "mask_voxels|threshold_volume|mark_above_level",
    }[rule])  # fmt: skip
    source = {"clamped": "float32", "unit": "vec3f", "mask": "float32"}.get(rule)
    if source:
        d.handle("volume", "volume", (n, n, n), of=source, value=h, low=-1.0, about="Volume to read")
    d.handle("target", "volume", (n, n, n), of=of, value=h, low=7.0, high=7.0, about="Volume to write to")
    shape: tuple[int, ...] = {"grid": (n, n, n), "cells": (m,), "flat": (n**3,)}[place]
    if place == "cells":
        d.input("cells", "vec3i", m, 0, n, about="Voxel coordinates")
    if rule in ("ball", "spin", "pull", "inside", "box"):
        d.param("center", "vec3", 0.3 * n * h, 0.7 * n * h, about="World-space center")
    if rule in ("ball", "inside"):
        d.param("radius", "float", 0.3 * n * h, 0.5 * n * h, about="World-space radius")
    if rule == "box":
        d.param("half_edge", "float", 0.2 * n * h, 0.4 * n * h, about="Cube half-extent in world units")
    if rule == "layers":
        d.param("thickness", "int", d.pick(2, 3), about="Layer thickness in voxels")
    if place == "flat":
        d.param("side", "int", n, about="Number of voxels per axis")
    if rule == "spin":
        d.param("omega", "vec3", -2.0, 2.0, about="Angular velocity [rad/s]")
    if rule == "clamped":
        d.param("band", "float", 0.3, 0.8, about="Narrow band half-width")
    if rule == "mask":
        d.param("level", "float", -0.3, 0.3, about="Threshold value")
    letter, type_ = _SHORT[of]
    d.output("kept", type_, shape, about="Values read back from the target volume")
    head = {
        "grid": "i, j, k = wp.tid()",
        "cells": "tid = wp.tid()\ncell = cells[tid]\ni = cell[0]\nj = cell[1]\nk = cell[2]",
        "flat": "tid = wp.tid()\n# Convert the flat index to voxel coordinates (z fastest)\ni = tid // (side * side)\nj = (tid // side) % side\nk = tid % side",
    }[place]
    world = "" if source or rule == "layers" else (
        "p = wp.volume_index_to_world(target, wp.vec3(float(i), float(j), float(k)))"
    )  # fmt: skip
    lines = {
        "ball": "value = wp.length(p - center) - radius",
        "box": "q = p - center\n"
        "gap = wp.vec3(wp.abs(q[0]) - half_edge, wp.abs(q[1]) - half_edge, wp.abs(q[2]) - half_edge)\n"
        "value = wp.length(wp.max(gap, wp.vec3(0.0, 0.0, 0.0))) + wp.min(wp.max(gap), 0.0)",
        "spin": "value = wp.cross(omega, p - center)",
        "pull": "value = wp.normalize(center - p)",
        "inside": "value = wp.where(wp.length_sq(p - center) < radius * radius, 1, 0)",
        "layers": "value = k // thickness",
        "clamped": "value = wp.clamp(wp.volume_lookup_f(volume, i, j, k), -band, band)",
        "unit": "value = wp.normalize(wp.volume_lookup_v(volume, i, j, k))",
        "mask": "value = wp.where(wp.volume_lookup_f(volume, i, j, k) > level, 1, 0)",
    }[rule]
    read = f"wp.volume_lookup_{letter}(target, i, j, k)"
    if short == "generic":
        read = f"wp.volume_lookup(target, i, j, k, dtype={type_.replace('vec3', 'wp.vec3')})"
    at = "i, j, k" if place == "grid" else "tid"
    d.launch(*shape)
    d.code(
        "$head\n$world\n$lines\n$call(target, i, j, k, value)\n"
        "# Stores outside allocated leaf nodes are ignored, so read back the actual value\n"
        "kept[$at] = $read",
        head=head, world=world, lines=lines, at=at, read=read,
        call="wp.volume_store" + (f"_{letter}" if short == "short" else ""),
    )  # fmt: skip

    def reference(v: Values) -> dict[str, Any]:
        cells = np.indices((n, n, n)).reshape(3, -1).T if place != "cells" else v.cells
        p = cells * h
        x: Any = np.asarray(v.volume.values, float)[tuple(cells.T)] if source else None
        to = p - v.get("center", np.zeros(3))
        far = np.linalg.norm(to, axis=1)
        gap = np.abs(to) - v.get("half_edge", 0.0)
        rules: dict[str, Callable[[], Any]] = {
            "ball": lambda: far - v.radius,
            "box": lambda: np.linalg.norm(np.maximum(gap, 0), axis=1) + np.minimum(gap.max(axis=1), 0),
            "spin": lambda: np.cross(np.asarray(v.omega), to),
            "pull": lambda: -to / far[:, None],
            "inside": lambda: (far < v.radius).astype(int),
            "layers": lambda: cells[:, 2] // int(v.thickness),
            "clamped": lambda: np.clip(x, -v.band, v.band),
            "unit": lambda: x / np.linalg.norm(x, axis=1, keepdims=True),
            "mask": lambda: (x > v.level).astype(int),
        }
        value = np.asarray(rules[rule]())
        return {"kept": value.reshape((*shape, *value.shape[1:]))}

    d.check(reference, 1e-3)


_SEEN = {
    "maximum": "Maximum value per column", "mean": "Mean value per column",
    "depth": "Index of the first voxel above the threshold, -1 if none", "thickness": "Length above the threshold",
    "opacity": "Opacities in [0, 1]", "speed": "Maximum speed per column",
    "flux": "Velocity integral per column", "labels": "Number of label boundaries per column",
    "surface": "Zero-crossing height above the first voxel, -1 if none",
}  # fmt: skip
_RAYS = {
    "sum": "Integral along each ray", "maximum": "Maximum value along each ray",
    "hit": "Distance to the first sample above the threshold, or -1", "transmittance": "Transmittance in [0, 1]",
    "mean above": "Mean of all values above the threshold", "place of maximum": "Distance to the maximum value",
}  # fmt: skip


@DOMAIN.algorithm(
    source="Wallis et al. 1989 (maximum intensity projection); Levoy 1988",
    names=_NAMES
    | {
        "pixels": "image|projection",
        "depth": "count|slices|layers",
        "value": "v|s|voxel",
        "best": "peak|top|most",
        "column_sum": "total|acc",
    },
    adjoint="no",
    element="column",
    weight=15,
)
def view_columns(d: Draft) -> None:
    """Reduces each voxel column to a pixel."""
    wanted = d.option(
        "wanted", "maximum", "mean", "depth", "thickness", "opacity", "speed", "flux", "labels", "surface"
    )
    axis = d.option("axis", 0, 1, 2)
    short = d.option("call", "short", "generic")
    flat = d.flag("flat", 0.3)
    d.says({
        "maximum": "Computes the maximum intensity projection of a volume.",
        "mean": "Computes the mean of each voxel column.",
        "depth": "Finds the first voxel above a threshold in each volume column, or -1 if none.",
        "thickness": "Computes the thickness above a threshold for each volume column.",
        "opacity": "Computes the opacity of an absorbing volume per column.",
        "speed": "Computes the maximum speed per column of a velocity volume.",
        "flux": "Integrates the axial velocity along each volume column.",
        "labels": "Counts label boundaries along each volume column.",
        "surface": "Finds the interpolated zero-crossing height in each volume column, or -1 if none.",
    }[wanted])  # fmt: skip
    d.calls({
        "maximum": "maximum_projection|max_intensity|mip_columns",
        "mean": "average_projection|column_means|mean_of_columns",
        "depth": "first_voxel_depth|depth_view|find_first_voxels",
        "thickness": "thickness_map|column_thickness|measure_thickness",
        "opacity": "opacity_map|column_opacity|opacity_view",
        "speed": "speed_projection|largest_speed|fastest_in_columns",
        "flux": "integrate_velocity|column_velocities|velocity_integrals",
        "labels": "count_boundaries|label_boundaries|boundary_counts",
        "surface": "surface_heights|height_map|zero_crossing_heights",
    }[wanted])  # fmt: skip
    n, h = d.pick(6, 7, 8), d.pick(0.25, 0.5, 1.0)
    of = {"speed": "vec3f", "flux": "vec3f", "labels": "int32"}.get(wanted, "float32")
    low, high = (0.0, 3.0) if wanted in ("labels", "opacity") else (-1.0, 1.0)
    d.handle("volume", "volume", (n, n, n), of=of, value=h, low=low, high=high, about="Volume id")
    if wanted in ("depth", "thickness"):
        d.param("level", "float", 0.2, 0.6, about="Threshold value")
    if wanted in ("opacity", "thickness", "flux", "surface"):
        d.param("h", "float", h, about="Voxel size")
    d.param("depth", "int", n, about="Number of voxels per column")
    if flat:
        d.param("side", "int", n, about="Number of columns per axis")
    d.explain(f"Columns are aligned with the {'xyz'[axis]} axis.")
    type_ = {"depth": "int", "labels": "int", "flux": "vec3"}.get(wanted, "float")
    d.output("pixels", type_, n * n if flat else (n, n), about=_SEEN[wanted])
    letter, dtype = _SHORT[of]

    def look(k: str) -> str:
        place = ["i", "j"]
        place.insert(axis, k)
        if short == "short":
            return f"wp.volume_lookup_{letter}(volume, {', '.join(place)})"
        return f"wp.volume_lookup(volume, {', '.join(place)}, dtype={dtype.replace('vec3', 'wp.vec3')})"

    at = "tid" if flat else "i, j"
    value = look("k")
    lines = {
        "maximum": f"best = {look('0')}\nfor k in range(1, depth):\n    best = wp.max(best, {value})\npixels[{at}] = best",
        "mean": f"column_sum = float(0.0)\nfor k in range(depth):\n    column_sum += {value}\npixels[{at}] = column_sum / float(depth)",
        "depth": f"first = int(-1)\nfor k in range(depth):\n    if {value} > level:\n        first = k\n        break\npixels[{at}] = first",
        "thickness": f"inside = int(0)\nfor k in range(depth):\n    if {value} > level:\n        inside += 1\npixels[{at}] = h * float(inside)",
        "opacity": f"optical_depth = float(0.0)\nfor k in range(depth):\n    optical_depth += {value} * h\n# Beer-Lambert\npixels[{at}] = 1.0 - wp.exp(-optical_depth)",
        "speed": f"best_sq = float(0.0)\nfor k in range(depth):\n    best_sq = wp.max(best_sq, wp.length_sq({value}))\n# Take the square root once per column\npixels[{at}] = wp.sqrt(best_sq)",
        "flux": f"velocity_sum = wp.vec3()\nfor k in range(depth):\n    velocity_sum += {value}\npixels[{at}] = h * velocity_sum",
        "labels": f"changes = int(0)\nlast = {look('0')}\nfor k in range(1, depth):\n    value = {value}\n    if value != last:\n        changes += 1\n    last = value\npixels[{at}] = changes",
        "surface": f"height = float(-1.0)\nbelow = {look('0')}\nfor k in range(1, depth):\n    above = {value}\n    if (below < 0.0) != (above < 0.0):\n        # Linearly interpolate the zero crossing\n        height = h * (float(k - 1) + below / (below - above))\n        break\n    below = above\npixels[{at}] = height",
    }[wanted]
    d.launch(*((n * n,) if flat else (n, n)))
    d.code("$head\n$lines", lines=lines,
           head="tid = wp.tid()\ni = tid // side\nj = tid % side" if flat else "i, j = wp.tid()")  # fmt: skip

    def reference(v: Values) -> dict[str, Any]:
        x = np.moveaxis(np.asarray(v.volume.values, float), axis, 2)
        over = x > v.get("level", 0.0)
        cross = (x[..., :-1] < 0.0) != (x[..., 1:] < 0.0) if x.ndim == 3 else None

        def height() -> Any:
            k = np.asarray(cross).argmax(axis=2)
            a, b = (np.take_along_axis(x, (k + s)[..., None], axis=2)[..., 0] for s in (0, 1))
            return np.where(np.asarray(cross).any(axis=2), v.h * (k + a / (a - b)), -1.0)

        views: dict[str, Callable[[], Any]] = {
            "maximum": lambda: x.max(axis=2),
            "mean": lambda: x.mean(axis=2),
            "depth": lambda: np.where(over.any(axis=2), over.argmax(axis=2), -1),
            "thickness": lambda: v.h * over.sum(axis=2),
            "opacity": lambda: 1.0 - np.exp(-v.h * x.sum(axis=2)),
            "speed": lambda: np.linalg.norm(x, axis=3).max(axis=2),
            "flux": lambda: v.h * x.sum(axis=2),
            "labels": lambda: (np.diff(x, axis=2) != 0).sum(axis=2),
            "surface": height,
        }
        seen = views[wanted]()
        return {"pixels": seen.reshape(n * n, *seen.shape[2:]) if flat else seen}

    d.check(reference, 2e-3)


@DOMAIN.algorithm(
    source="Warp manual, Volumes: volume_world_to_index_dir; Levoy 1988; Sabella 1988",
    names=_NAMES
    | {
        "walk_in_index_space": "march_index_space|trace_voxels|ray_integral",
        "starts": "origins|ray_o|ro",
        "directions": "ray_dirs|rd|dirs",
        "direction": "ray_dir|rd|along",
        "uvw": "coord|local|index_pos",
        "stride": "delta|advance|duvw",
        "along_rays": "result|ray_values|out",
        "steps": "num_steps|num_samples",
    },
    adjoint="no",
    element="ray",
    weight=4,
)
def walk_in_index_space(d: Draft) -> None:
    """Marches rays through a volume in index space."""
    wanted = d.option("wanted", "sum", "maximum", "hit", "transmittance", "mean above", "place of maximum")
    short = d.option("call", "short", "generic")
    mode = d.option("mode", "LINEAR", "CLOSEST")
    shared = d.option("way", "per ray", "shared", "to a point")
    half = d.flag("half step")
    d.says({
        "sum": "Integrates a volume along rays, stepping in index space.",
        "maximum": "Computes the maximum volume value along each ray, stepping in index space.",
        "hit": "Finds the distance along each ray where a volume first exceeds a threshold, or -1.",
        "transmittance": "Computes the transmittance of an absorbing volume along rays.",
        "mean above": "Averages volume values above a threshold along each ray, or 0 if none.",
        "place of maximum": "Finds the distance to the maximum volume value along each ray.",
    }[wanted])  # fmt: skip
    d.calls({
        "sum": "integrate_along_rays|line_integrals|project_volume",
        "maximum": "maximum_projection|max_along_rays|mip_kernel",
        "hit": "first_crossing|raycast_level|find_surface",
        "transmittance": "ray_transmittance|march_absorption|transmittance_along_rays",
        "mean above": "mean_above_level|average_above_level|mean_of_dense_parts",
        "place of maximum": "depth_of_maximum|peak_depth|locate_maximum",
    }[wanted])  # fmt: skip
    n, size, h = d.pick(48, 64, 96), d.pick(6, 7, 8), d.pick(0.25, 0.5, 1.0)
    low = 0.0 if wanted == "transmittance" else -1.0
    d.handle("volume", "volume", (size, size, size), of="float32", value=h, low=low, about="Volume id")
    top = (size - 1) * h
    d.input("starts", "vec3", n, 0.0, top, about="World-space ray origins")
    if shared == "per ray":
        d.input("directions", "vec3", n, kind="unit", about="World-space unit ray directions")
    elif shared == "shared":
        d.param(
            "direction", "vec3", 0.0, 1.0, kind="unit", about="Ray direction shared by all rays (unit length)"
        )
    else:
        d.param("target", "vec3", 0.2 * top, 0.8 * top, about="Target point shared by all rays")
    d.param("dt", "float", 0.3 * h, 0.6 * h, about="Step size in world units")
    d.param("steps", "int", d.pick(8, 12, 16), about="Number of samples per ray")
    if wanted in ("hit", "mean above"):
        d.param("level", "float", 0.0, 0.3, about="Threshold value")
    d.output("along_rays", "float", n, about=_RAYS[wanted])
    along = {
        "per ray": "directions[tid]", "shared": "direction", "to a point": "wp.normalize(target - starts[tid])",
    }[shared]  # fmt: skip
    value = f"wp.volume_sample_f(volume, uvw, wp.Volume.{mode})"
    if short == "generic":
        value = f"wp.volume_sample(volume, uvw, wp.Volume.{mode}, dtype=float)"
    first, here = (0.5, "dt * (float(k) + 0.5)") if half else (0.0, "dt * float(k)")
    start, each, store = {
        "sum": ("value_sum = float(0.0)", f"value_sum += {value}", "value_sum * dt"),
        "maximum": ("best = float(-wp.inf)", f"best = wp.max(best, {value})", "best"),
        "hit": (
            "distance = float(-1.0)",
            f"if {value} > level:\n    distance = {here}\n    break",
            "distance",
        ),
        "transmittance": (
            "optical_depth = float(0.0)",
            f"optical_depth += {value} * dt",
            "wp.exp(-optical_depth)",
        ),
        "mean above": (
            "total = float(0.0)\ncount = int(0)",
            f"value = {value}\nif value > level:\n    total += value\n    count += 1",
            "total / float(wp.max(count, 1))",
        ),
        "place of maximum": (
            "best = float(-wp.inf)\ndistance = float(0.0)",
            f"value = {value}\nif value > best:\n    best = value\n    distance = {here}",
            "distance",
        ),
    }[wanted]
    d.explain("Samples outside the volume return the background value, zero.")
    d.launch(n)
    d.code(
        """
        tid = wp.tid()
        # Transform the ray to index space once so that each step is a single addition
        uvw = wp.volume_world_to_index(volume, starts[tid])
        stride = wp.volume_world_to_index_dir(volume, dt * $along)
        $offset
        $start
        for k in range(steps):
            $each
            uvw += stride
        along_rays[tid] = $store
        """,
        along=along, offset="uvw += 0.5 * stride" if half else "", start=start, each=each, store=store,
    )  # fmt: skip

    def agree(v: Values, after: Values) -> None:
        way = v.directions if shared == "per ray" else np.tile(v.get("direction", np.zeros(3)), (n, 1))
        if shared == "to a point":
            way = v.target - v.starts
            way = way / np.linalg.norm(way, axis=1, keepdims=True)
        t = v.dt * (np.arange(int(v.steps)) + first)
        at = (v.starts[:, None] + t[:, None] * way[:, None]) / h
        x = sample(v.volume, at.reshape(-1, 3), mode == "CLOSEST").reshape(n, -1)
        over = x > v.get("level", 0.0)
        found: dict[str, Callable[[], Any]] = {
            "sum": lambda: x.sum(axis=1) * v.dt,
            "maximum": lambda: x.max(axis=1),
            "hit": lambda: np.where(over.any(axis=1), t[over.argmax(axis=1)], -1.0),
            "transmittance": lambda: np.exp(-x.sum(axis=1) * v.dt),
            "mean above": lambda: (x * over).sum(axis=1) / np.maximum(over.sum(axis=1), 1),
            "place of maximum": lambda: t[x.argmax(axis=1)],
        }
        # samples beside a voxel's border may take either voxel by rounding
        mostly_close(after.along_rays, found[wanted](), 2e-3, 0.9)

    d.holds(agree)
