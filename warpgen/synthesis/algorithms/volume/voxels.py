"""Stencils on voxels."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.volume import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Museth 2013 (VDB); Osher & Fedkiw 2003 (curvature)",
    names={
        "volume": "volume_id|vol|grid",
        "filtered": "voxels_out|result|field_out",
        "center": "c|here|value",
    },
    adjoint="either",
    weight=10,
)
def filter_voxels(d: Draft) -> None:
    """Applies a stencil to volume voxels."""
    task = d.option("task", "laplacian", "box", "gradient length", "curvature", "median", "extreme")
    place = d.option("place", "launch", "list", "flat")
    style = d.option("style", "f", "generic")
    n, m = d.pick(6, 7, 8), d.pick(48, 64, 96)
    d.says(
        {
            "laplacian": "Computes the volume Laplacian at each voxel.",
            "box": "Averages the 3x3x3 neighborhood of each voxel.",
            "gradient length": "Computes the gradient magnitude of a volume using central differences.",
            "curvature": "Computes the level set mean curvature at each voxel.",
            "median": "Computes the seven-point median at each voxel.",
            "extreme": "Computes the value range in the 3x3x3 neighborhood of each voxel.",
        }[task]
    )
    d.calls({
        "laplacian": "volume_laplacian|voxel_laplacian|laplacian_stencil",
        "box": "box_filter|average_neighbors|smooth_voxels",
        "gradient length": "gradient_magnitude|gradient_length|volume_gradient_norm",
        "curvature": "mean_curvature|level_set_curvature|voxel_curvature",
        "median": "median_filter|voxel_median|median_voxels",
        "extreme": "neighborhood_range|local_min_max|value_range",
    }[task])  # fmt: skip
    h = d.pick(0.25, 0.5, 1.0)
    d.handle("volume", "volume", (n, n, n), of="float32", value=h, low=-1.0, high=1.0, about="Volume id")
    if place == "list":
        d.input("voxels", "vec3i", m, 1, n - 1, about="Voxel coordinates")
    scaled = task in ("laplacian", "gradient length", "curvature")
    if scaled:
        d.param("dx", "float", h, about="Voxel size")
    if place == "flat":
        d.param("side", "int", n, about="Number of voxels per axis")
    shape: tuple[int, ...] = {"launch": (n, n, n), "list": (m,), "flat": (n**3,)}[place]
    out, about = {
        "laplacian": ("laplacian", "Laplacian at each voxel"),
        "gradient length": ("magnitude", "Gradient magnitude at each voxel"),
        "curvature": ("curvature", "Mean curvature at each voxel"),
        "extreme": ("ranges", "Local minimum and maximum"),
    }.get(task, ("filtered", "Filtered values"))
    d.output(out, "vec2" if task == "extreme" else "float", shape, about=about)

    def at(a: int = 0, b: int = 0, c: int = 0) -> str:
        return look(
            *(
                f"{s} {'+' if o > 0 else '-'} {abs(o)}" if o else s
                for s, o in zip("ijk", (a, b, c), strict=True)
            )
        )

    def look(i: str, j: str, k: str) -> str:
        if style == "f":
            return f"wp.volume_lookup_f(volume, {i}, {j}, {k})"
        return f"wp.volume_lookup(volume, {i}, {j}, {k}, dtype=float)"

    if place == "launch":
        lines, own = ["i, j, k = wp.tid()"], "i, j, k"
    elif place == "list":
        lines, own = (
            ["tid = wp.tid()", "voxel = voxels[tid]", "i = voxel[0]", "j = voxel[1]", "k = voxel[2]"],
            "tid",
        )
    else:
        lines, own = (
            ["tid = wp.tid()", "i = tid // (side * side)", "j = (tid // side) % side", "k = tid % side"],
            "tid",
        )
    around = [(-1, 0, 0), (1, 0, 0), (0, -1, 0), (0, 1, 0), (0, 0, -1), (0, 0, 1)]
    names = ["west", "east", "south", "north", "below", "above"]
    if task not in ("box", "extreme"):
        lines += [f"{name} = {at(*o)}" for name, o in zip(names, around, strict=True)]
        if task != "gradient length":
            lines.append(f"center = {at()}")
    if task == "laplacian":
        lines.append(
            f"filtered[{own}] = (west + east + south + north + below + above - 6.0 * center) / (dx * dx)"
        )
    elif task == "box":
        lines += [
            "neighbor_sum = float(0.0)",
            "for a in range(-1, 2):",
            "    for b in range(-1, 2):",
            "        for c in range(-1, 2):",
            f"            neighbor_sum += {look('i + a', 'j + b', 'k + c')}",
            f"filtered[{own}] = neighbor_sum / 27.0",
        ]
    elif task == "gradient length":
        lines += [
            "grad = 0.5 / dx * wp.vec3(east - west, north - south, above - below)",
            f"filtered[{own}] = wp.length(grad)",
        ]
    elif task == "curvature":
        for first, second, name in (("x", "y", "xy"), ("x", "z", "xz"), ("y", "z", "yz")):
            o = ["xyz".index(first), "xyz".index(second)]

            def corner(s: int, t: int, o: list[int] = o) -> str:
                step = [0, 0, 0]
                step[o[0]], step[o[1]] = s, t
                return at(*step)

            lines += [
                f"d{name} = 0.25 * (",
                f"    {corner(1, 1)}",
                f"    - {corner(1, -1)}",
                f"    - {corner(-1, 1)}",
                f"    + {corner(-1, -1)}",
                ")",
            ]
        lines += [
            "gx = 0.5 * (east - west)",
            "gy = 0.5 * (north - south)",
            "gz = 0.5 * (above - below)",
            "dxx = east - 2.0 * center + west",
            "dyy = north - 2.0 * center + south",
            "dzz = above - 2.0 * center + below",
            "# div(n) = (|g|^2 tr(H) - g^T H g) / |g|^3, twice the mean curvature",
            "# Epsilon avoids division by zero in flat regions",
            "g2 = gx * gx + gy * gy + gz * gz + 1.0e-4",
            "bend = gx * gx * (dyy + dzz) + gy * gy * (dxx + dzz) + gz * gz * (dxx + dyy)",
            "bend -= 2.0 * (gx * gy * dxy + gx * gz * dxz + gy * gz * dyz)",
            f"filtered[{own}] = 0.5 * bend / (g2 * wp.sqrt(g2) * dx)",
        ]
    elif task == "median":
        d.module("vec7 = wp.types.vector(length=7, dtype=float)")
        lines += [
            "v = vec7(west, east, south, north, below, above, center)",
            "# Partial selection sort: the median is the fourth smallest of seven values",
            "for a in range(4):",
            "    for b in range(a + 1, 7):",
            "        if v[b] < v[a]:",
            "            t = v[a]",
            "            v[a] = v[b]",
            "            v[b] = t",
            f"filtered[{own}] = v[3]",
        ]
    else:
        lines += [
            f"center = {at()}",
            "low = center",
            "high = center",
            "for a in range(-1, 2):",
            "    for b in range(-1, 2):",
            "        for c in range(-1, 2):",
            f"            value = {look('i + a', 'j + b', 'k + c')}",
            "            low = wp.min(low, value)",
            "            high = wp.max(high, value)",
            f"filtered[{own}] = wp.vec2(low, high)",
        ]
    d.launch(*shape)
    d.code("\n".join(lines).replace("filtered[", f"{out}["))
    if place != "list":
        d.explain("Voxels outside the volume read as the background value, zero.")

    def reference(v: Values) -> dict[str, Any]:
        field = np.pad(v.volume.values.astype(float), 1)

        def f(a: int, b: int, c: int) -> Any:
            return field[1 + a : 1 + a + n, 1 + b : 1 + b + n, 1 + c : 1 + c + n]

        cube = np.stack([f(*o) for o in itertools.product((-1, 0, 1), repeat=3)])
        star = np.stack([f(*o) for o in [*around, (0, 0, 0)]])
        g = np.stack([(star[2 * a + 1] - star[2 * a]) / 2 for a in range(3)], -1)
        if task == "laplacian":
            value = (star[:6].sum(0) - 6 * star[6]) / v.dx**2
        elif task == "box":
            value = cube.mean(0)
        elif task == "gradient length":
            value = np.linalg.norm(g, axis=-1) / v.dx
        elif task == "median":
            value = np.median(star, axis=0)
        elif task == "extreme":
            value = np.stack([cube.min(0), cube.max(0)], -1)
        else:
            hessian = np.zeros((*star.shape[1:], 3, 3))
            for p in range(3):
                hessian[..., p, p] = star[2 * p] + star[2 * p + 1] - 2 * star[6]
                for q in range(p):
                    e = np.eye(3, dtype=int)
                    hessian[..., p, q] = hessian[..., q, p] = (
                        sum(s * t * f(*(s * e[p] + t * e[q])) for s in (1, -1) for t in (1, -1)) / 4
                    )
            bend = (g**2).sum(-1) * np.trace(hessian, axis1=-2, axis2=-1) - np.einsum(
                "...p,...pq,...q", g, hessian, g
            )
            value = bend / 2 / ((g**2).sum(-1) + 1e-4) ** 1.5 / v.dx
        if place == "list":
            value = value[tuple(v.voxels.T)]
        elif place == "flat":
            value = value.reshape((n**3, *value.shape[3:]))
        return {out: value}

    d.check(reference, 1e-3)
