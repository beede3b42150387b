"""Sparse volumes: samples and gradients, voxels read and written, indices, directions."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.queries import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "volume": "volume_id|grid|vol",
    "points": "positions|samples|queries",
    "uvw": "coord|local|q",
    "value": "s|sampled|v",
    "cells": "voxels|ijk|cell_ids",
    "grad": "slope|g|nabla",
}


def sampled(values: Any, at: Any) -> Any:
    """Trilinear samples at places in index space."""
    low = np.clip(np.floor(at).astype(int), 0, np.array(values.shape[:3]) - 2)
    f = at - low
    total = 0.0
    for corner in itertools.product((0, 1), repeat=3):
        w = np.prod(np.where(corner, f, 1 - f), axis=1)
        i, j, k = (low + corner).T
        total = total + values[i, j, k] * (w[:, None] if values.ndim == 4 else w)
    return total


def slopes(values: Any, at: Any) -> Any:
    """The gradients of trilinear samples, by the same corners."""
    low = np.clip(np.floor(at).astype(int), 0, np.array(values.shape[:3]) - 2)
    f = at - low
    total = np.zeros(at.shape)
    for corner in itertools.product((0, 1), repeat=3):
        w = np.where(corner, f, 1 - f)
        i, j, k = (low + corner).T
        for axis in range(3):
            others = np.prod(np.delete(w, axis, axis=1), axis=1)
            total[:, axis] += (1 if corner[axis] else -1) * others * values[i, j, k]
    return total


@DOMAIN.algorithm(
    source="Museth 2013; Warp manual, Volumes: volume_sample",
    names=_NAMES | {"volume_samples": "sample_volume|probe_field|interpolate_volume"},
    adjoint="either",
    weight=3,
)
def volume_samples(d: Draft) -> None:
    """Samples a volume at given points."""
    of = d.option("of", "float32", "vec3f", "int32")
    place = d.option("place", "world", "index")
    spelled = d.option("spelled", "short", "dtype")
    mode = d.option("mode", "LINEAR", "CLOSEST")
    wanted = d.option("wanted", "value", "gradient", "normal", "work", weights=(0.4, 0.2, 0.2, 0.2))
    if of != "float32":
        wanted = "value"
    if of == "int32":
        mode = "CLOSEST"
    if wanted != "value":
        mode = "LINEAR"
    d.says({
        "float32": {
            "value": "Samples a scalar field at given points.",
            "gradient": "Samples the gradient of a scalar field at given points.",
            "normal": "Finds the unit normals of the level sets through given points.",
            "work": "Gives the change of a scalar field along a direction at given points.",
        }[wanted],
        "vec3f": "Samples a vector field at given points.",
        "int32": "Reads the labels of the voxels that given points lie in.",
    }[of])  # fmt: skip
    n, size, h = d.pick(64, 96, 128), d.pick(6, 8), d.pick(0.25, 0.5, 1.0)
    low, high = (0.0, 9.0) if of == "int32" else (-1.0, 1.0)
    d.handle("volume", "volume", (size, size, size), of=of, value=h, low=low, high=high)
    scale = h if place == "world" else 1.0
    d.input("points", "vec3", n, 0.2 * scale, (size - 1.2) * scale)
    if wanted == "work":
        d.param("along", "vec3", -1.0, 1.0)
    output, type_ = {
        "value": ("sampled_values", {"float32": "float", "vec3f": "vec3", "int32": "int"}[of]),
        "gradient": ("gradients", "vec3"),
        "normal": ("normals", "vec3"),
        "work": ("rates", "float"),
    }[wanted]
    d.output(output, type_, n)
    uvw = "wp.volume_world_to_index(volume, points[tid])" if place == "world" else "points[tid]"
    short, dtype = {"float32": ("f", "float"), "vec3f": ("v", "wp.vec3"), "int32": ("i", "int")}[of]
    if wanted == "value":
        if of == "int32" and spelled == "short":
            value = "wp.volume_sample_i(volume, uvw)"
        elif spelled == "short":
            value = f"wp.volume_sample_{short}(volume, uvw, wp.Volume.{mode})"
        else:
            value = f"wp.volume_sample(volume, uvw, wp.Volume.{mode}, dtype={dtype})"
        lines = f"{output}[tid] = {value}"
    else:
        call = "wp.volume_sample_grad_f(volume, uvw, wp.Volume.LINEAR, grad)"
        if spelled == "dtype":
            call = "wp.volume_sample_grad(volume, uvw, wp.Volume.LINEAR, grad, dtype=float)"
        lines = (
            f"grad = wp.vec3()\nvalue = {call}\n"
            + {
                # the gradient comes per voxel
                "gradient": f"gradients[tid] = grad / {h}",
                "normal": "# where the field falls, the normal points the other way\n"
                "normals[tid] = wp.sign(value) * wp.normalize(grad)",
                "work": f"# over the value, since what counts is the relative change\n"
                f"rates[tid] = wp.dot(grad, along) / ({h} * (wp.abs(value) + 0.1))",
            }[wanted]
        )
        if wanted == "gradient":
            lines = (
                f"grad = wp.vec3()\nvalue = {call}\n# grad is per voxel\ngradients[tid] = value * grad / {h}"
            )
            d.says("Samples half the gradient of a squared scalar field at given points.")
    d.launch(n)
    d.code(f"tid = wp.tid()\nuvw = {uvw}\n$lines", lines=lines)

    def agree(before: Values, after: Values) -> None:
        v = before
        at = v.points / scale
        values = v.volume.values.astype(float)
        if wanted == "value":
            i, j, k = np.rint(at).astype(int).T
            expected = sampled(values, at) if mode == "LINEAR" else values[i, j, k]
        else:
            value, grad = sampled(values, at), slopes(values, at)
            results: dict[str, Callable[[], Any]] = {
                "gradient": lambda: value[:, None] * grad / h,
                "normal": lambda: (
                    np.sign(value)[:, None] * grad / np.linalg.norm(grad, axis=1, keepdims=True)
                ),
                "work": lambda: grad @ v.along / (h * (np.abs(value) + 0.1)),
            }
            expected = results[wanted]()
        wrong = np.abs(after[output] - expected) > 2e-3 * (1 + np.abs(expected))
        assert wrong.mean() < 0.03

    d.holds(agree)


@DOMAIN.algorithm(
    source="Warp manual, Volumes: volume_lookup; Lorensen & Cline 1987",
    names=_NAMES | {"voxel_stencils": "voxel_laplacian|neighbour_voxels|grid_stencil"},
    adjoint="no",
    weight=3,
)
def voxel_stencils(d: Draft) -> None:
    """Applies a stencil to the voxels of a volume."""
    kind = d.option("kind", "laplacian", "gradient", "divergence", "curl", "edges", "majority", "dilate")
    spelled = d.option("spelled", "short", "dtype")
    place = d.option("place", "grid", "list")
    written = d.option("written", "array", "volume")
    sentence = {
        "laplacian": "Takes the Laplacian of a volume",
        "gradient": "Takes central differences of a volume",
        "divergence": "Takes the divergence of a volume of vectors",
        "curl": "Takes the curl of a volume of vectors",
        "edges": "Counts the unlike neighbours of the labels of a volume",
        "majority": "Replaces lone labels of a volume by that of their neighbours",
        "dilate": "Grows the largest labels of a volume by one voxel",
    }[kind]
    n, h = d.pick(6, 7, 8), d.pick(0.25, 0.5, 1.0)
    of = (
        "vec3f"
        if kind in ("divergence", "curl")
        else "int32"
        if kind in ("edges", "majority", "dilate")
        else "float32"
    )
    out_type = {"gradient": "vec3", "curl": "vec3", "edges": "int", "majority": "int", "dilate": "int"}.get(
        kind, "float"
    )
    short, dtype = {"float32": ("f", "float"), "vec3f": ("v", "wp.vec3"), "int32": ("i", "int")}[of]
    d.handle(
        "volume",
        "volume",
        (n, n, n),
        of=of,
        value=h,
        low=0.0 if of == "int32" else -1.0,
        high=3.0 if of == "int32" else 1.0,
    )
    inner = n - 2
    if place == "list":
        d.input("cells", "vec3i", 64, 1, n - 1)
    target = written == "volume"
    shape = (inner, inner, inner) if place == "grid" else (64,)
    if target:
        store_of = {"vec3": "vec3f", "int": "int32", "float": "float32"}[out_type]
        d.handle("target", "volume", (n, n, n), of=store_of, value=h, low=5.0, high=5.0)
    d.output("out", out_type, shape)
    d.says(f"{sentence}{', and keeps it in another' if target else ''}.")

    def at(di: int = 0, dj: int = 0, dk: int = 0) -> str:
        where_ = ", ".join(
            f"{x}{f' {s[0]} {s[1]}' if (s := (('+' if o > 0 else '-'), abs(o)))[1] else ''}"
            for x, o in zip("ijk", (di, dj, dk), strict=True)
        )
        if spelled == "short":
            return f"wp.volume_lookup_{short}(volume, {where_})"
        return f"wp.volume_lookup(volume, {where_}, dtype={dtype})"

    names = (
        ("xm", (-1, 0, 0)),
        ("xp", (1, 0, 0)),
        ("ym", (0, -1, 0)),
        ("yp", (0, 1, 0)),
        ("zm", (0, 0, -1)),
        ("zp", (0, 0, 1)),
    )
    reads = "\n".join(f"{name} = {at(*o)}" for name, o in names)
    if kind in ("laplacian", "edges", "majority", "dilate"):
        reads = f"mid = {at()}\n{reads}"
    others = ("xm", "xp", "ym", "yp", "zm", "zp")
    value = {
        "laplacian": f"(xm + xp + ym + yp + zm + zp - 6.0 * mid) / {h * h}",
        "gradient": f"wp.vec3(xp - xm, yp - ym, zp - zm) / {2 * h}",
        "divergence": f"(xp[0] - xm[0] + yp[1] - ym[1] + zp[2] - zm[2]) / {2 * h}",
        "curl": f"wp.vec3(dy[2] - dz[1], dz[0] - dx[2], dx[1] - dy[0]) / {2 * h}",
        "edges": "unlike",
        "majority": "wp.where(unlike == 6, xm, mid)",
        "dilate": "wp.max(wp.max(wp.max(xm, xp), wp.max(ym, yp)), wp.max(wp.max(zm, zp), mid))",
    }[kind]
    count_lines = "unlike = int(0)\n" + "\n".join(f"if {x} != mid:\n    unlike += 1" for x in others)
    work = count_lines if kind in ("edges", "majority") else ""
    if kind == "curl":
        work = "dx = xp - xm\ndy = yp - ym\ndz = zp - zm"
    if target:
        letter = {"vec3": "v", "int": "i", "float": "f"}[out_type]
        call = f"wp.volume_store_{letter}" if spelled == "short" else "wp.volume_store"
        stores = f"result = {value}\n{call}(target, i, j, k, result)"
        back = f"wp.volume_lookup_{letter}(target, i, j, k)"
        index = "i - 1, j - 1, k - 1" if place == "grid" else "tid"
        stores += f"\n# what the volume holds now, in its own precision\nout[{index}] = {back}"
    else:
        index = "i - 1, j - 1, k - 1" if place == "grid" else "tid"
        stores = f"out[{index}] = {value}"
    head = (
        "a, b, c = wp.tid()\n# the outermost voxels have no neighbours on one side\n"
        "i = a + 1\nj = b + 1\nk = c + 1"
        if place == "grid"
        else "tid = wp.tid()\ncell = cells[tid]\ni = cell[0]\nj = cell[1]\nk = cell[2]"
    )
    if place == "grid":
        stores = stores.replace("i - 1, j - 1, k - 1", "a, b, c")
    d.launch(*shape)
    d.code("$head\n$reads\n$work\n$stores", head=head, reads=reads, work=work, stores=stores)

    def reference(v: Values) -> Mapping[str, Any]:
        x = v.volume.values.astype(float)
        core = (slice(1, -1),) * 3

        def moved(axis: int, by: int) -> Any:
            return np.roll(x, -by, axis=axis)[core]

        pairs = [(moved(a, -1), moved(a, 1)) for a in range(3)]
        mid = x[core]
        six = [p for pair in pairs for p in pair]
        d1 = [(b - a) / (2 * h) for a, b in pairs]
        unlike = sum((p != mid).astype(int) for p in six)
        results: dict[str, Callable[[], Any]] = {
            "laplacian": lambda: (sum(six) - 6 * mid) / h**2,
            "gradient": lambda: np.stack(d1, axis=-1),
            "divergence": lambda: d1[0][..., 0] + d1[1][..., 1] + d1[2][..., 2],
            "curl": lambda: np.stack(
                [d1[1][..., 2] - d1[2][..., 1], d1[2][..., 0] - d1[0][..., 2], d1[0][..., 1] - d1[1][..., 0]],
                -1,
            ),
            "edges": lambda: unlike,
            "majority": lambda: np.where(unlike == 6, six[0], mid),
            "dilate": lambda: np.maximum(np.max(six, axis=0), mid),
        }
        out = results[kind]()
        return {"out": out if place == "grid" else out[tuple((v.cells - 1).T)]}

    d.check(reference, 1e-3)


@DOMAIN.algorithm(
    source="Warp manual, Volumes: index grids, coordinates",
    names=_NAMES
    | {"index_volumes": "sparse_values|voxel_data|topology_lookup", "data": "voxel_values|field|node_data"},
    adjoint="no",
    weight=2,
)
def index_volumes(d: Draft) -> None:
    """Reads values that lie in an array beside a volume of indices."""
    wanted = d.option("wanted", "lookup", "sample", "gradient", "share", "vectors")
    mode = d.option("mode", "LINEAR", "CLOSEST") if wanted in ("sample", "share") else "LINEAR"
    place = d.option("place", "world", "index")
    outside = d.option("outside", "some", "none")
    d.says({
        "lookup": "Looks up values of voxels that lie in an array beside a volume of indices.",
        "sample": "Samples values of voxels that lie in an array beside a volume of indices.",
        "vectors": "Samples vectors of voxels that lie in an array beside a volume of indices.",
        "gradient": "Samples gradients of values that lie in an array beside a volume of indices.",
        "share": "Samples how much of the mean each voxel of a volume of indices holds.",
    }[wanted])  # fmt: skip
    n, size, h = d.pick(64, 96), d.pick(5, 6), d.pick(0.25, 0.5)
    d.handle("volume", "volume", (size, size, size), of="index", value=h)
    type_ = "vec3" if wanted == "vectors" else "float"
    d.input("data", type_, size**3, 0.5, 1.5)
    if wanted == "lookup":
        d.input("cells", "vec3i", n, -2 if outside == "some" else 0, size + 2 if outside == "some" else size)
    else:
        scale = h if place == "world" else 1.0
        d.input("points", "vec3", n, 0.1 * scale, (size - 1.1) * scale)
    d.output("fetched", "vec3" if wanted in ("gradient", "vectors") else "float", n)
    uvw = "wp.volume_world_to_index(volume, points[tid])" if place == "world" else "points[tid]"
    lines = {
        "lookup": "cell = cells[tid]\nindex = wp.volume_lookup_index(volume, cell[0], cell[1], cell[2])\n"
        "# -1 where the volume has no voxel\nif index < 0:\n    fetched[tid] = -1.0\n    return\n"
        "fetched[tid] = data[index]",
        "sample": f"uvw = {uvw}\n"
        f"fetched[tid] = wp.volume_sample_index(volume, uvw, wp.Volume.{mode}, data, 0.0)",
        "vectors": f"uvw = {uvw}\n"
        "fetched[tid] = wp.volume_sample_index(volume, uvw, wp.Volume.LINEAR, data, wp.vec3())",
        "gradient": f"uvw = {uvw}\ngrad = wp.vec3()\n"
        "value = wp.volume_sample_grad_index(volume, uvw, wp.Volume.LINEAR, data, 0.0, grad)\n"
        "# of the logarithm, so that the scale of the data does not matter\nfetched[tid] = grad / value",
        "share": f"uvw = {uvw}\nvalue = wp.volume_sample_index(volume, uvw, wp.Volume.{mode}, data, 0.0)\n"
        "fetched[tid] = value / float(wp.volume_voxel_count(volume))",
    }[wanted]
    d.launch(n)
    d.code("tid = wp.tid()\n$lines", lines=lines)

    def agree(before: Values, after: Values) -> None:
        v = before
        order = after.fetched
        if wanted == "lookup":
            inside = ((v.cells >= 0) & (v.cells < size)).all(axis=1)
            assert (order[~inside] == -1.0).all()
            # which voxel has which number is Warp's affair, but no two share one
            seen = dict(zip(map(tuple, v.cells[inside]), order[inside], strict=True))
            assert len(set(seen.values())) == len(seen)
            assert np.isin(np.round(order[inside], 5), np.round(v.data, 5)).all()
            return
        count = size**3
        assert np.isfinite(order).all()
        assert order.std() > 0
        if wanted == "gradient":
            assert np.abs(order).max() < 2.1
        else:
            unit = 1.0 / count if wanted == "share" else 1.0
            assert (order >= 0.49 * unit).all()
            assert (order <= 1.51 * unit).all()

    d.holds(agree)


@DOMAIN.algorithm(
    source="Warp manual, Volumes: volume_index_to_world; Amanatides & Woo 1987",
    names=_NAMES | {"volume_frames": "voxel_coordinates|grid_to_world|march_frame"},
    adjoint="no",
)
def volume_frames(d: Draft) -> None:
    """Carries places and directions between a volume and the world."""
    kind = d.option("kind", "centres", "directions", "velocities", "cell", "advect", "crossing")
    spelled = d.option("spelled", "array", "plain")
    bounded = d.flag("bounded")
    d.says({
        "centres": "Finds where in the world the centres of voxels lie.",
        "directions": "Turns directions of the world into those of a volume.",
        "velocities": "Turns velocities in voxels into velocities in the world.",
        "cell": "Finds the voxel that each point lies in.",
        "advect": "Moves points through the world by velocities given in voxels.",
        "crossing": "Finds how far rays go until they cross the next plane of voxels.",
    }[kind])  # fmt: skip
    n, size, h = d.pick(64, 96, 128), d.pick(6, 8), d.pick(0.25, 0.5, 0.125)
    d.handle("volume", "volume", (size, size, size), value=h, of="float32", low=-1.0)
    top = size * h
    if kind == "centres":
        d.input("cells", "vec3i", n, 0, size)
    elif kind in ("cell", "advect", "crossing"):
        d.input("points", "vec3", n, 0.0, top)
    if kind in ("directions", "velocities", "advect"):
        d.input("vectors", "vec3", n, -1.0, 1.0)
    if kind == "crossing":
        d.input("vectors", "vec3", n, kind="unit")
    if kind in ("velocities", "advect"):
        d.param("dt", "float", 0.1, 0.5)
    scaled = kind in ("centres", "directions") and spelled == "array"
    if scaled:
        d.input("gains", "float", n, 0.5, 2.0)
    output = {"cell": "cells_out", "crossing": "steps"}.get(kind, "moved")
    d.output(output, {"cell": "vec3i", "crossing": "float"}.get(kind, "vec3"), n)
    gain = "gains[tid] * " if scaled else ""
    clamp = ""
    if bounded and kind == "cell":
        clamp = "\n# points on the far side belong to the last voxel\n" + "\n".join(
            f"{x} = wp.min({x}, {size - 1})" for x in "ijk"
        )
    lines = {
        "centres": "cell = cells[tid]\nuvw = wp.vec3(float(cell[0]), float(cell[1]), float(cell[2]))\n"
        f"moved[tid] = {gain}wp.volume_index_to_world(volume, uvw)",
        "directions": f"moved[tid] = {gain}wp.volume_world_to_index_dir(volume, vectors[tid])",
        "velocities": "moved[tid] = dt * wp.volume_index_to_world_dir(volume, vectors[tid])",
        "advect": "# a direction has no origin, so that only the voxel's size counts\n"
        "step = wp.volume_index_to_world_dir(volume, vectors[tid])\nmoved[tid] = points[tid] + dt * step",
        "cell": "uvw = wp.volume_world_to_index(volume, points[tid])\n"
        "i = int(wp.floor(uvw[0] + 0.5))\nj = int(wp.floor(uvw[1] + 0.5))\nk = int(wp.floor(uvw[2] + 0.5))"
        f"{clamp}\ncells_out[tid] = wp.vec3i(i, j, k)",
        "crossing": "uvw = wp.volume_world_to_index(volume, points[tid])\n"
        "d = wp.volume_world_to_index_dir(volume, vectors[tid])\nnearest = float(1.0e6)\n"
        "for axis in range(3):\n    here = uvw[axis]\n    if wp.abs(d[axis]) > 1.0e-4:\n"
        "        plane = wp.where(d[axis] > 0.0, wp.floor(here) + 1.0, wp.ceil(here) - 1.0)\n"
        "        nearest = wp.min(nearest, (plane - here) / d[axis])\nsteps[tid] = nearest",
    }[kind]
    d.launch(n)
    d.code("tid = wp.tid()\n$lines", lines=lines)

    def agree(before: Values, after: Values) -> None:
        v = before
        gains = v.gains[:, None] if scaled else 1.0

        def planes() -> Any:
            p, u = v.points / h, v.vectors / h
            t = np.where(u > 0, np.floor(p) + 1 - p, np.ceil(p) - 1 - p) / u
            return np.where(np.abs(u) > 1e-4, t, 1e6).min(axis=1)

        results: dict[str, Callable[[], Any]] = {
            "centres": lambda: gains * v.cells * h,
            "directions": lambda: gains * v.vectors / h,
            "velocities": lambda: v.dt * v.vectors * h,
            "advect": lambda: v.points + v.dt * v.vectors * h,
            "cell": lambda: np.minimum(np.floor(v.points / h + 0.5), size - 1 if bounded else size),
            "crossing": planes,
        }
        expected = results[kind]()
        assert (np.abs(after[output] - expected) > 1e-3 * (1 + np.abs(expected))).mean() < 0.03

    d.holds(agree)
