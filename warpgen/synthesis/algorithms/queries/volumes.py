"""Sparse volumes: samples and gradients, voxels read and written."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.queries import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

NAMES = {
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
    names=NAMES | {"volume_samples": "sample_volume|probe_field|interpolate_volume"},
    adjoint="either",
    weight=15,
)
def volume_samples(d: Draft) -> None:
    """Samples a volume at world-space points."""
    of = d.option("of", "float32", "vec3f", "int32")
    place = d.option("place", "world", "index")
    spelled = d.option("spelled", "short", "dtype")
    mode = d.option("mode", "LINEAR", "CLOSEST")
    wanted = d.option("wanted", "value", "gradient", "normal", "work", weights=(0.4, 0.2, 0.2, 0.2))
    if of != "float32":
        wanted = "value"
    d.calls({
        "float32": {
            "value": "sample_volume|probe_field|sample_field",
            "gradient": "sample_with_gradients|values_and_gradients|probe_gradients",
            "normal": "sample_sdf|probe_level_set|distances_and_normals",
            "work": "extrapolate_samples|first_order_values|linearized_samples",
        }[wanted],
        "vec3f": "sample_vectors|sample_vector_volume|probe_vectors",
        "int32": "lookup_labels|sample_labels|voxel_labels",
    }[of])  # fmt: skip
    if of == "int32":
        mode = "CLOSEST"
    if wanted != "value":
        mode = "LINEAR"
    at_ = "at points" if mode == "LINEAR" else "at the nearest voxel to each point"
    d.says({
        "float32": {
            "value": f"Samples a scalar volume {at_}.",
            "gradient": "Samples a scalar volume and its gradient at each point.",
            "normal": "Samples signed distances and unit normals from an SDF volume.",
            "work": "Predicts the scalar volume value after a step from each point to first order.",
        }[wanted],
        "vec3f": f"Samples a vector volume {at_}.",
        "int32": "Looks up the label of the voxel containing each point.",
    }[of])  # fmt: skip
    n, size, h = d.pick(64, 96, 128), d.pick(6, 8), d.pick(0.25, 0.5, 1.0)
    low, high = (0.0, 9.0) if of == "int32" else (-1.0, 1.0)
    d.handle("volume", "volume", (size, size, size), of=of, value=h, low=low, high=high, about="Volume id")
    scale = h if place == "world" else 1.0
    d.input("points", "vec3", n, 0.2 * scale, (size - 1.2) * scale, about=f"Point positions in {place} space")
    if wanted == "work":
        d.param("step", "vec3", -0.2 * h, 0.2 * h, about="World-space step from each point")
    if wanted in ("gradient", "work"):
        d.param("voxel_size", "float", h, about="Voxel size")
    output, type_ = {
        "value": (
            "labels" if of == "int32" else "sampled_values",
            {"float32": "float", "vec3f": "vec3", "int32": "int"}[of],
        ),
        "gradient": ("gradients", "vec3"),
        "normal": ("normals", "vec3"),
        "work": ("predicted", "float"),
    }[wanted]
    beside = {"gradient": "sampled_values", "normal": "distances"}.get(wanted, "")
    if beside:
        d.output(beside, "float", n, about="Sampled values" if wanted == "gradient" else "Signed distances")
    about = {
        "value": "Voxel labels" if of == "int32" else "Sampled values",
        "gradient": "World-space gradients",
        "normal": "Unit normals",
        "work": "Predicted values",
    }[wanted]
    d.output(output, type_, n, about=about)
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
                "gradient": "sampled_values[tid] = value\n"
                "# Divide by the voxel size, since the gradient is in index space\n"
                "gradients[tid] = grad / voxel_size",
                "normal": "distances[tid] = value\n# Uniform voxels, so the direction is the same in world "
                "space\nnormals[tid] = wp.normalize(grad)",
                "work": "# Divide by the voxel size, since the gradient is in index space\n"
                "predicted[tid] = value + wp.dot(grad, step) / voxel_size",
            }[wanted]
        )
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
            grad = slopes(values, at)
            results: dict[str, Callable[[], Any]] = {
                "gradient": lambda: grad / h,
                "normal": lambda: grad / np.linalg.norm(grad, axis=1, keepdims=True),
                "work": lambda: sampled(values, at) + grad @ v.step / h,
            }
            expected = results[wanted]()
        wrong = np.abs(after[output] - expected) > 2e-3 * (1 + np.abs(expected))
        assert wrong.mean() < 0.03
        if beside:
            np.testing.assert_allclose(after[beside], sampled(values, at), atol=2e-3)

    d.holds(agree)


@DOMAIN.algorithm(
    source="Warp manual, Volumes: volume_lookup; Lorensen & Cline 1987",
    names=NAMES | {"voxel_stencils": "voxel_laplacian|neighbour_voxels|grid_stencil"},
    adjoint="no",
    element="voxel",
    weight=2,
)
def voxel_stencils(d: Draft) -> None:
    """Applies a stencil to each voxel in a volume."""
    kind = d.option("kind", "laplacian", "gradient", "divergence", "curl", "edges", "majority", "dilate")
    d.calls({
        "laplacian": "voxel_laplacian|volume_laplacian",
        "gradient": "voxel_gradient|volume_gradient|central_differences",
        "divergence": "voxel_divergence|volume_divergence",
        "curl": "voxel_curl|volume_curl",
        "edges": "count_label_edges|label_boundaries|unlike_neighbors",
        "majority": "remove_specks|clean_labels|replace_lone_labels",
        "dilate": "dilate_labels|grow_labels",
    }[kind])  # fmt: skip
    spelled = d.option("spelled", "short", "dtype")
    place = d.option("place", "grid", "list")
    written = d.option("written", "array", "volume")
    sentence = {
        "laplacian": "Computes the Laplacian of a volume",
        "gradient": "Computes central differences of a volume",
        "divergence": "Computes the divergence of a vector volume",
        "curl": "Computes the curl of a vector volume",
        "edges": "Counts the differently labeled face neighbors of each voxel",
        "majority": "Replaces labels not shared by any face neighbor with the previous voxel's label along x",
        "dilate": "Dilates labels using the maximum label over each voxel and its face neighbors",
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
        about="Volume id",
    )
    inner = n - 2
    if place == "list":
        d.input("cells", "vec3i", 64, 1, n - 1, about="Voxel coordinates")
    if of != "int32":
        d.param("voxel_size", "float", h, about="Voxel size")
    target = written == "volume"
    shape = (inner, inner, inner) if place == "grid" else (64,)
    if target:
        store_of = {"vec3": "vec3f", "int": "int32", "float": "float32"}[out_type]
        d.handle(
            "target",
            "volume",
            (n, n, n),
            of=store_of,
            value=h,
            low=5.0,
            high=5.0,
            about="Output volume id",
        )
    d.output(
        "out",
        out_type,
        shape,
        about="Output values, excluding the border" if place == "grid" else "Output value per cell",
    )
    d.says(f"{sentence}{', storing the results in another volume and in an array' if target else ''}.")

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
        "laplacian": "(xm + xp + ym + yp + zm + zp - 6.0 * mid) / (voxel_size * voxel_size)",
        "gradient": "wp.vec3(xp - xm, yp - ym, zp - zm) / (2.0 * voxel_size)",
        "divergence": "(xp[0] - xm[0] + yp[1] - ym[1] + zp[2] - zm[2]) / (2.0 * voxel_size)",
        "curl": "wp.vec3(dy[2] - dz[1], dz[0] - dx[2], dx[1] - dy[0]) / (2.0 * voxel_size)",
        "edges": "unlike",
        "majority": "wp.where(lone, xm, mid)",
        "dilate": "wp.max(wp.max(wp.max(xm, xp), wp.max(ym, yp)), wp.max(wp.max(zm, zp), mid))",
    }[kind]
    work = ""
    if kind == "edges":
        terms = [f"wp.where({x} != mid, 1, 0)" for x in others]
        work = "unlike = (\n    " + " + ".join(terms[:3]) + "\n    + " + " + ".join(terms[3:]) + "\n)"
    elif kind == "majority":
        work = "lone = " + " and ".join(f"{x} != mid" for x in others)
    if kind == "curl":
        work = "dx = xp - xm\ndy = yp - ym\ndz = zp - zm"
    if target:
        letter = {"vec3": "v", "int": "i", "float": "f"}[out_type]
        call = f"wp.volume_store_{letter}" if spelled == "short" else "wp.volume_store"
        made = value if value.isidentifier() else "result"
        stores = ("" if made == value else f"result = {value}\n") + f"{call}(target, i, j, k, {made})"
        index = "i - 1, j - 1, k - 1" if place == "grid" else "tid"
        stores += f"\nout[{index}] = {made}"
    else:
        index = "i - 1, j - 1, k - 1" if place == "grid" else "tid"
        stores = f"out[{index}] = {value}"
    head = (
        "a, b, c = wp.tid()\n# Skip boundary voxels, since their stencil is incomplete\n"
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
