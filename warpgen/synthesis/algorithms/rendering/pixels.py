"""Pixels: rasterised triangles, composited samples, and tones for a screen."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rendering import DOMAIN
from warpgen.synthesis.library.proofs import mostly_close
from warpgen.synthesis.writing.draft import Draft, Values

NAMES = {
    "image": "pixels|framebuffer|color_out|rgb",
    "depth": "z_buffer|depth_out|zbuf",
    "sigma": "densities|sigmas|extinction",
    "colors": "rgbs|radiance|sample_colors",
    "T": "transmittance|trans|remaining",
    "alpha": "opacity|a|alpha_k",
    "delta": "deltas|step|dt",
    "hdr": "radiance|linear|input_image",
    "ldr": "mapped|output_image|display",
    "exposure": "ev_scale|gain",
    "NUM_SAMPLES": "SAMPLES|N_SAMPLES|SAMPLES_PER_RAY",
}


@DOMAIN.algorithm(
    source="Pineda 1988, A parallel algorithm for polygon rasterization; Heckbert & Moreton 1991",
    names=NAMES | {"rasterize_triangles": "rasterize|raster_kernel|draw_triangles|edge_function_raster"},
    adjoint="no",
)
def rasterize_triangles(d: Draft) -> None:
    """Rasterizes triangles with edge functions and a depth test."""
    result = d.option("result", "depth", "face", "colour", "coverage", "barycentric")
    if result == "coverage":
        d.calls("count_coverage|count_overdraw|rasterize_coverage")
    over = d.option("threads", "pixel", "triangle")
    cull = d.option("cull", "none", "back", "bounds")
    perspective = d.flag("perspective") if result in ("colour", "depth") else False
    if over == "triangle" and result in ("face", "colour", "barycentric"):
        over = "pixel"
    width, height, m = d.pick(16, 20), d.pick(12, 16), d.pick(16, 20, 24)
    about = "Triangle vertices (x, y, depth), x and y normalized to [0, 1]"
    d.input("triangles", "vec3", (m, 3), 0.05, 0.95, about=about)
    if result == "colour":
        d.input("colors", "vec3", (m, 3), 0.0, 1.0, about="Vertex colors")
    buffer, kind, about = {
        "depth": ("depth", "float", "Nearest depth, 1 for background pixels"),
        "face": ("face_id", "int", "Nearest triangle index, -1 for background pixels"),
        "colour": ("image", "vec3", "Output colors, black for background pixels"),
        "coverage": ("coverage", "int", "Number of triangles covering each pixel center"),
        "barycentric": ("bary", "vec3", "Barycentric coordinates, zero for background pixels"),
    }[result]
    if over == "triangle":
        start, about = (1.0, "Depth buffer") if result == "depth" else (0.0, about)
        d.inout(buffer, kind, (height, width), value=start, about=about)
    else:
        d.output(buffer, kind, (height, width), about=about)
    d.says(
        {
            "depth": "Rasterizes triangles into a depth buffer$faces.",
            "face": "Rasterizes triangle indices, -1 for background$faces.",
            "colour": "Rasterizes triangles with interpolated vertex colors$faces.",
            "coverage": "Computes per-pixel overdraw (number of covering triangles)$faces.",
            "barycentric": "Rasterizes barycentric coordinates of the nearest triangle$faces.",
        }[result].replace("$faces", ", with back-face culling" if cull == "back" else "")
    )
    d.function(
        """
        @wp.func
        def edge(a: wp.vec3, b: wp.vec3, x: float, y: float) -> float:
            # twice the signed area of triangle (a, b, p)
            return (b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])
        """
    )
    if perspective:
        interpolate = """
            # perspective-correct depth, since only 1 / z is linear in screen space
            z = 1.0 / (w0 / a[2] + w1 / b[2] + w2 / c[2])
            """
    else:
        interpolate = "z = w0 * a[2] + w1 * b[2] + w2 * c[2]"
    tests = {
        "none": "double_area = edge(a, b, c[0], c[1])\nif wp.abs(double_area) < 1.0e-6:\n    continue",
        "back": "double_area = edge(a, b, c[0], c[1])\n# backface culling: faces of negative area point away\nif double_area < 1.0e-6:\n    continue",
        "bounds": """
            # early exit: pixel outside the triangle bounding box
            if x < wp.min(a[0], wp.min(b[0], c[0])) or x > wp.max(a[0], wp.max(b[0], c[0])):
                continue
            if y < wp.min(a[1], wp.min(b[1], c[1])) or y > wp.max(a[1], wp.max(b[1], c[1])):
                continue
            double_area = edge(a, b, c[0], c[1])
            if wp.abs(double_area) < 1.0e-6:
                continue
            """,
    }
    weights = """
        w0 = edge(b, c, x, y) / double_area
        w1 = edge(c, a, x, y) / double_area
        w2 = edge(a, b, x, y) / double_area
        if w0 < 0.0 or w1 < 0.0 or w2 < 0.0:
            continue
        """
    corners = "a = triangles[$f, 0]\nb = triangles[$f, 1]\nc = triangles[$f, 2]"
    size = f"height = {buffer}.shape[0]\nwidth = {buffer}.shape[1]"
    shade = ""
    if result == "colour":
        shade = (
            "pixel = z * (w0 / a[2] * colors[f, 0] + w1 / b[2] * colors[f, 1] + w2 / c[2] * colors[f, 2])"
            if perspective
            else "pixel = w0 * colors[f, 0] + w1 * colors[f, 1] + w2 * colors[f, 2]"
        )
    if over == "pixel":
        d.launch(height, width)
        begin, inner, last = {
            "depth": ("nearest = float(1.0)", "nearest = wp.min(nearest, z)", "depth[i, j] = nearest"),
            "face": (
                "nearest = float(1.0)\nwinner = int(-1)",
                "if z < nearest:\n    nearest = z\n    winner = f",
                "face_id[i, j] = winner",
            ),
            "colour": (
                "nearest = float(1.0)\npixel = wp.vec3()",
                "if z < nearest:\n    nearest = z\n    $shade",
                "image[i, j] = pixel",
            ),
            "coverage": ("covered = int(0)", "covered += 1", "coverage[i, j] = covered"),
            "barycentric": (
                "nearest = float(1.0)\nw = wp.vec3()",
                "if z < nearest:\n    nearest = z\n    w = wp.vec3(w0, w1, w2)",
                "bary[i, j] = w",
            ),
        }[result]
        d.code(
            """
            i, j = wp.tid()
            $size
            x = (float(j) + 0.5) / float(width)
            y = (float(i) + 0.5) / float(height)
            $begin
            num_triangles = triangles.shape[0]
            for f in range(num_triangles):
                $corners
                $test
                $weights
                $interpolate
                $inner
            $last
            """,
            size=size,
            begin=begin,
            corners=corners.replace("$f", "f"),
            test=tests[cull],
            weights=weights,
            interpolate="" if result == "coverage" else interpolate,
            inner=inner,
            shade=shade,
            last=last,
        )
    else:
        d.launch(m)
        d.code(
            """
            tid = wp.tid()
            $size
            $corners
            $test
            # only visit pixels in the triangle bounding box
            j0 = int(wp.floor(wp.min(a[0], wp.min(b[0], c[0])) * float(width)))
            j1 = int(wp.floor(wp.max(a[0], wp.max(b[0], c[0])) * float(width))) + 1
            i0 = int(wp.floor(wp.min(a[1], wp.min(b[1], c[1])) * float(height)))
            i1 = int(wp.floor(wp.max(a[1], wp.max(b[1], c[1])) * float(height))) + 1
            for i in range(wp.max(i0, 0), wp.min(i1, height)):
                for j in range(wp.max(j0, 0), wp.min(j1, width)):
                    x = (float(j) + 0.5) / float(width)
                    y = (float(i) + 0.5) / float(height)
                    $weights
                    $interpolate
                    $store
            """,
            size=size,
            corners=corners.replace("$f", "tid"),
            test=tests["none" if cull == "bounds" else cull].replace("continue", "return"),
            weights=weights,
            interpolate="" if result == "coverage" else interpolate,
            store="wp.atomic_min(depth, i, j, z)"
            if result == "depth"
            else "wp.atomic_add(coverage, i, j, 1)",
        )

    def agrees(v: Values, after: Values) -> None:
        y, x = np.meshgrid(
            (np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width, indexing="ij"
        )
        p = np.stack([x, y, np.ones_like(x)], axis=-1)
        best, face = np.full((height, width), 1.0), np.full((height, width), -1)
        count, bary = np.zeros((height, width), int), np.zeros((height, width, 3))
        tint = np.zeros((height, width, 3))
        for f in range(m):
            t = v.triangles[f]
            flat = np.column_stack([t[:, :2], np.ones(3)])
            if abs(np.linalg.det(flat)) < 1e-6 or (cull == "back" and np.linalg.det(flat) < 0.0):
                continue
            w = p @ np.linalg.inv(flat)  # barycentric coordinates solve w flat = p
            z = 1.0 / (w / t[:, 2]).sum(-1) if perspective else w @ t[:, 2]
            inside = (w >= 0.0).all(-1)
            count += inside
            near = inside & (z < best)
            best, face = np.where(near, z, best), np.where(near, f, face)
            bary = np.where(near[..., None], w, bary)
            if result == "colour":
                mix = w / t[:, 2] * z[..., None] if perspective else w
                tint = np.where(near[..., None], mix @ v.colors[f], tint)
        made = {"depth": best, "face": face, "colour": tint, "coverage": count, "barycentric": bary}
        mostly_close(after[buffer], made[result], 2e-3, 0.98)

    d.holds(agrees)


@DOMAIN.algorithm(
    source="Porter & Duff 1984; Max 1995; Mildenhall et al. 2020, NeRF, eq. 3; Mueller et al. 2022",
    names=NAMES | {"composite_samples": "volume_rendering|alpha_composite|composite_rays|render_rays"},
    double=True,
    element="ray",
    weight=3,
)
def composite_samples(d: Draft) -> None:
    """Composites samples along rays front to back (volume rendering)."""
    opacity = d.option("opacity", "density", "alpha")
    storage = d.option("storage", "rectangular", "packed", "flat", weights=(0.42, 0.18, 0.4))
    result = d.option("result", "colour", "colour and opacity", "depth", "weights")
    if result in ("depth", "weights"):
        d.calls("expected_depth|render_depth" if result == "depth" else "render_weights|compositing_weights")
    stop = d.flag("stop", 0.25)
    background = d.flag("background") if result == "colour" else False
    order = (
        d.option("order", "front to back", "back to front")
        if result == "colour" and not stop
        else "front to back"
    )
    if result == "depth" and opacity == "alpha":
        storage = "rectangular"  # whose rows ascend
    rays, samples = d.pick(32, 48, 64), d.pick(8, 12, 16)
    total = rays * samples
    shape: tuple[int, ...] = (rays, samples) if storage == "rectangular" else (total,)
    coloured = result.startswith("colour")
    name = "sigma" if opacity == "density" else "alphas"
    if stop or storage == "packed":
        d.forward_only()  # transmittance is carried through a loop of any length
    d.input(
        name, "float", shape, 0.0, (12.0 if stop else 4.0) if opacity == "density" else 0.8,
        about="Sample densities" if opacity == "density" else "Sample opacities",
    )  # fmt: skip
    if opacity == "density":
        d.input("delta", "float", shape, 0.02, 0.2, about="Sample spacing")
    if coloured:
        d.input("colors", "vec3", shape, 0.0, 1.0, about="Colors")
    if result == "depth" and opacity == "density":
        d.param("near", "float", 0.5, 1.0, about="Distance of the first sample interval")
    elif result == "depth":
        d.input("t", "float", shape, 0.5, 4.0, "ascending", about="Sample distances along the rays")
    if storage == "packed":
        about = "First sample index and sample count per ray"
        d.input("ray_offsets", "int", rays + 1, 0, total, "offsets", about=about)
        begin, span, at = "start = ray_offsets[tid]\nend = ray_offsets[tid + 1]", "range(start, end)", "k"
    elif storage == "flat":
        begin, span, at = "start = tid * NUM_SAMPLES", "range(NUM_SAMPLES)", "start + k"
    else:
        span = f"range({name}.shape[1])" if stop else "range(NUM_SAMPLES)"
        begin, at = "", "tid, k"
    if "NUM_SAMPLES" in begin + span:
        d.module(f"NUM_SAMPLES = wp.constant({samples})")
    if background:
        d.param("backdrop", "vec3", 0.0, 1.0, about="Background color")
    if result == "weights":
        early = ", must be zero-initialized because rays may terminate early" if stop else ""
        d.output("weights", "float", shape, about=f"Compositing weights{early}")
    elif result == "depth":
        d.output("depth", "float", rays, about="Expected ray depth")
    else:
        d.output("image", "vec3", rays, about="Output image")
    if result == "colour and opacity":
        d.output("opacity", "float", rays, about="Opacities in [0, 1]")
    d.says(
        {
            "colour": f"Composites sample colors along rays{' over a background' * background}.",
            "colour and opacity": "Composites sample colors and opacities along rays.",
            "depth": f"Computes the expected ray depth from sample {'densities' if opacity == 'density' else 'opacities'}.",
            "weights": "Computes per-sample compositing weights along rays.",
        }[result]
    )
    a = (
        f"alpha = 1.0 - wp.exp(-sigma[{at}] * delta[{at}])"
        if opacity == "density"
        else f"alpha = alphas[{at}]"
    )
    d.launch(rays)
    if order == "back to front":
        reverse = {
            "rectangular": "range(NUM_SAMPLES)",
            "flat": "range(NUM_SAMPLES)",
            "packed": "range(end - start)",
        }[storage]
        last = {
            "rectangular": "tid, NUM_SAMPLES - 1 - k",
            "flat": "start + NUM_SAMPLES - 1 - k",
            "packed": "end - 1 - k",
        }[storage]
        d.code(
            """
            tid = wp.tid()
            $begin
            color = $first
            # back to front: out = a * c + (1 - a) * out
            for k in $span:
                $a
                color = alpha * colors[$at] + (1.0 - alpha) * color
            image[tid] = color
            """,
            begin=begin,
            first="backdrop" if background else "wp.vec3()",
            span=reverse,
            a=a.replace(f"[{at}]", f"[{last}]"),
            at=last,
        )
    else:
        gather = {
            "colour": f"color += weight * colors[{at}]",
            "colour and opacity": f"color += weight * colors[{at}]",
            "depth": f"depth_sum += weight * (reached + 0.5 * delta[{at}])\nreached += delta[{at}]"
            if opacity == "density"
            else f"depth_sum += weight * t[{at}]",
            "weights": f"weights[{at}] = weight",
        }[result]
        begun = "\nreached = float(near)" if opacity == "density" else ""
        first = {"depth": f"depth_sum = float(0.0){begun}", "weights": ""}.get(result, "color = wp.vec3()")
        end = {
            "colour": "image[tid] = color + T * backdrop" if background else "image[tid] = color",
            "colour and opacity": "image[tid] = color\nopacity[tid] = 1.0 - T",
            "depth": "depth[tid] = depth_sum / wp.max(1.0 - T, 1.0e-4)",
            "weights": "",
        }[result]
        d.code(
            """
            tid = wp.tid()
            $begin
            $first
            T = float(1.0)
            for k in $span:
                $a
                weight = T * alpha
                $gather
                T *= 1.0 - alpha
                $stop
            $end
            """,
            begin=begin,
            first=first,
            span=span,
            a=a,
            gather=gather,
            stop="# early ray termination\nif T < 1.0e-3:\n    break" if stop else "",
            end=end,
        )
    formula = "w_k = T_k alpha_k with T_k = prod_{j<k} (1 - alpha_j)."
    if opacity == "density":
        formula += "\nDensity sigma over a step delta gives alpha = 1 - exp(-sigma delta)."
    d.explain(formula)

    def reference(v: Values) -> dict[str, Any]:
        a = 1.0 - np.exp(-v.sigma * v.delta) if opacity == "density" else v.alphas
        a = a.reshape(-1)
        ends = v.ray_offsets if storage == "packed" else np.arange(rays + 1) * samples
        weights, left = np.zeros(total), np.ones(rays)
        for r in range(rays):
            own = slice(ends[r], ends[r + 1])
            front = np.cumprod(np.concatenate([[1.0], 1.0 - a[own]]))
            # samples that come before the light is all but gone
            seen = int((front[:-1] >= 1e-3).sum()) if stop else len(front) - 1
            weights[own][:seen], left[r] = (front[:-1] * a[own])[:seen], front[seen]

        def summed(values: Any) -> Any:
            values = values.reshape(total, -1) * weights[:, None]
            return np.stack([values[ends[r] : ends[r + 1]].sum(axis=0) for r in range(rays)])

        if result == "weights":
            return {"weights": weights.reshape(shape)}
        if result == "depth":
            if opacity == "density":
                after = np.cumsum(v.delta.reshape(-1))
                before = np.concatenate([[0.0], after])
                begins = np.repeat(before[ends[:-1]], np.diff(ends))
                t = v.near + (after + before[:-1]) / 2 - begins
            return {"depth": summed(v.t if opacity == "alpha" else t)[:, 0] / np.maximum(1.0 - left, 1e-4)}
        made = {"image": summed(v.colors) + (left[:, None] * v.backdrop if background else 0.0)}
        return made | ({"opacity": 1.0 - left} if result == "colour and opacity" else {})

    d.check(reference, 3e-3)
