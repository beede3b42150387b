"""Textures as tables and pictures: colour grading, transfer functions, filters, flow."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.texture import DOMAIN
from warpgen.synthesis.algorithms.texture.texels import image, sample
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Selan 2005, GPU Gems 2, ch. 24 (look-up tables)",
    names={
        "grade_colors": "apply_lut|color_grading|lut_transform|color_lookup",
        "lut": "table|grading_lut|color_table",
        "colors": "pixels|rgb|color_in",
        "graded": "color_out|rgb_out|mapped",
        "strength": "amount|mix|blend",
    },
    adjoint="no",
    weight=7,
)
def grade_colors(d: Draft) -> None:
    """Applies a color grading lookup table."""
    shape = d.option("table", "cube", "curves", "ramp", "strip")
    spelled = d.option("spelled", "inner", "texels")
    mixed = d.option("mix", "none", "strength", "per pixel")
    encode = d.option("input", "plain", "log", "gamma")
    n, m = d.pick(4, 6, 8), d.pick(64, 96, 128)
    shaped = {"plain": "", "log": " after a logarithmic shaper", "gamma": " after a gamma curve"}[encode]
    if shape == "ramp":
        d.calls("gradient_map|color_ramp|map_luminance")
    d.says(
        {
            "cube": f"Applies a 3D color lookup table{shaped}.",
            "curves": f"Applies per-channel 1D lookup tables{shaped}.",
            "ramp": f"Maps luminance through a 1D color gradient{shaped}.",
            "strip": f"Applies a 3D color lookup table stored as a 2D strip of slices{shaped}.",
        }[shape]
    )
    if shape == "cube":
        d.handle("lut", "texture", (n, n, n, 4), type="wp.Texture3D", about="Lookup table texture")
    elif shape == "strip":
        d.handle("lut", "texture", (n, n * n, 4), type="wp.Texture2D", about="Lookup table texture")
    else:
        d.handle("lut", "texture", (2 * n, 4), type="wp.Texture1D", about="Lookup table texture")
    d.input(
        "colors",
        "vec3",
        m,
        0.02,
        0.98,
        about="Input colors" + (", linear Rec. 709 RGB" if shape == "ramp" else ""),
    )
    if mixed == "strength":
        d.param("strength", "float", 0.2, 0.9, about="Effect strength")
    elif mixed == "per pixel":
        d.input("strength", "float", m, about="Effect strength")
    if encode == "gamma":
        d.param("gamma", "float", 1.8, 2.4, about="Input shaper exponent")
    size = n if shape in ("cube", "strip") else 2 * n
    along = " along each axis" if shape == "cube" else " per slice row" if shape == "strip" else ""
    d.param("size", "int", size, about=f"Number of table texels{along}")
    d.output("graded", "vec3", m, about="Graded colors")
    lines = ["tid = wp.tid()", "c = colors[tid]"]
    if shape == "ramp":
        lines += ["y = 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2]"]
    if encode == "log":
        shaper = "wp.log2(1.0 + y)" if shape == "ramp" else "wp.vec3({})"
        parts = ", ".join(f"wp.log2(1.0 + c[{k}])" for k in range(3))
        lines += ["# Perceptual shaper allocates more precision to shadows"]
        lines += [f"{'y' if shape == 'ramp' else 'q'} = {shaper.format(parts)}"]
    elif encode == "gamma":
        shaper = "wp.pow(y, 1.0 / gamma)" if shape == "ramp" else "wp.vec3({})"
        parts = ", ".join(f"wp.pow(c[{k}], 1.0 / gamma)" for k in range(3))
        lines += [f"{'y' if shape == 'ramp' else 'q'} = {shaper.format(parts)}"]
    q = "c" if encode == "plain" else "q"
    if shape != "strip":
        lines += ["# Scale and offset so that 0 and 1 map to the outer texel centers"]
        if spelled == "inner":
            lines += ["inner = float(size - 1) / float(size)", "half = 0.5 / float(size)"]
            at = "inner * y + half" if shape == "ramp" else f"inner * {q} + wp.vec3(half, half, half)"
        else:
            lines += ["n = float(size)"]
            at = (
                "(y * (n - 1.0) + 0.5) / n"
                if shape == "ramp"
                else f"({q} * (n - 1.0) + wp.vec3(0.5, 0.5, 0.5)) / n"
            )
    if shape == "cube":
        lines += [f"g = wp.texture_sample(lut, {at}, dtype=wp.vec4)", "look = wp.vec3(g[0], g[1], g[2])"]
    elif shape == "curves":
        lines += [
            f"p = {at}",
            "r = wp.texture_sample(lut, p[0], dtype=wp.vec4)",
            "g = wp.texture_sample(lut, p[1], dtype=wp.vec4)",
            "b = wp.texture_sample(lut, p[2], dtype=wp.vec4)",
            "look = wp.vec3(r[0], g[1], b[2])",
        ]
    elif shape == "ramp":
        lines += [f"g = wp.texture_sample(lut, {at}, dtype=wp.vec4)", "look = wp.vec3(g[0], g[1], g[2])"]
    else:
        lines += [
            "# 3D LUT as a strip of slices: blue selects two slices, red and green index within a slice",
            "n = float(size)",
            f"slice = {q}[2] * (n - 1.0)",
            "low = wp.min(wp.floor(slice), n - 2.0)",
            "t = slice - low",
            f"u = (0.5 + {q}[0] * (n - 1.0)) / (n * n)",
            f"v = (0.5 + {q}[1] * (n - 1.0)) / n",
            "a = wp.texture_sample(lut, wp.vec2(u + low / n, v), dtype=wp.vec4)",
            "b = wp.texture_sample(lut, wp.vec2(u + (low + 1.0) / n, v), dtype=wp.vec4)",
            "g = wp.lerp(a, b, t)",
            "look = wp.vec3(g[0], g[1], g[2])",
        ]
    if mixed == "none":
        lines[-1] = lines[-1].replace("look =", "graded[tid] =")
    else:
        s = "strength" if mixed == "strength" else "strength[tid]"
        lines += [d.pick(f"graded[tid] = wp.lerp(c, look, {s})", f"graded[tid] = c + {s} * (look - c)")]
    d.launch(m)
    d.code("\n".join(lines))

    def reference(v: Values) -> dict[str, Any]:
        c = v.colors
        light = (c @ np.array([0.2126, 0.7152, 0.0722]))[:, None] if shape == "ramp" else c
        q_ = {"plain": light, "log": np.log2(1 + light)}.get(encode)
        if q_ is None:
            q_ = light ** (1 / v.gamma)

        def centre(x: Any) -> Any:
            return x * (size - 1) / size + 0.5 / size

        if shape == "cube" or shape == "ramp":
            look = sample(v.lut, centre(q_))[:, :3]
        elif shape == "curves":
            look = np.stack([sample(v.lut, centre(q_)[:, k : k + 1])[:, k] for k in range(3)], -1)
        else:
            # as a cube again, blue the slowest axis
            cube = v.lut.values.astype(float).reshape(n, n, n, 4).transpose(1, 0, 2, 3)
            p = q_ * (n - 1)
            base = np.minimum(p.astype(int), n - 2)
            f = p - base
            look = np.zeros((m, 3))
            for o in np.ndindex(2, 2, 2):
                w = np.where(np.array(o), f, 1 - f).prod(1)
                k = base + np.array(o)
                look += w[:, None] * cube[k[:, 2], k[:, 1], k[:, 0], :3]
        s = {"none": 1.0, "strength": v.get("strength")}.get(mixed)
        s = v.strength[:, None] if s is None else s
        return {"graded": c + s * (look - c)}

    d.check(reference, 2e-3)


@DOMAIN.algorithm(
    source="Sigg & Hadwiger 2005, GPU Gems 2, ch. 20; Gonzalez & Woods 2018",
    names={
        "tex": "texture|image|src_tex",
        "filtered": "dst|pixels|result",
        "radius": "half_width|r",
    },
    adjoint="either",
    weight=3,
)
def filter_texture(d: Draft) -> None:
    """Filters a texture into an output image."""
    kind = d.option("filter", "gauss", "tent", "unsharp", "supersample", "laplacian", "edges")
    channels = d.option("channels", 1, 4)
    direction = d.option("direction", "both", "argument") if kind == "gauss" else "both"
    oh, ow = d.pick(8, 10, 12), d.pick(8, 12, 14)
    d.says(
        {
            "gauss": "Blurs a texture using Gaussian taps"
            + (" along one direction." if direction == "argument" else "."),
            "tent": "Resamples a texture with a 9-tap tent filter.",
            "unsharp": "Sharpens a texture using unsharp masking.",
            "supersample": "Supersamples a texture on a regular subpixel grid.",
            "laplacian": "Computes the five-point texture Laplacian in texel units.",
            "edges": "Computes the gradient magnitude of a texture"
            + (" over all channels." if channels > 1 else "."),
        }[kind]
    )
    d.calls({
        "gauss": "blur_texture|gaussian_blur|gaussian_taps",
        "tent": "tent_filter|resample_texture|tent_resample",
        "unsharp": "unsharp_mask|sharpen_texture|sharpen",
        "supersample": "supersample_texture|supersample|resample_texture",
        "laplacian": "texture_laplacian|laplacian_filter|image_laplacian",
        "edges": "edge_filter|detect_edges|gradient_magnitude",
    }[kind])  # fmt: skip
    _, side = image(d, "tex", channels, square=True)
    typed, zero = ("float", "float(0.0)") if channels == 1 else ("wp.vec4", "wp.vec4()")
    if kind == "gauss":
        d.param("radius", "int", d.pick(1, 2, 3), about="Filter radius")
        d.param("sigma", "float", 0.8, 1.6, about="Blur standard deviation")
    if kind == "supersample":
        d.param("side", "int", d.pick(2, 3, 4), about="Subpixels per pixel side")
    elif direction == "argument":
        d.param("step", "vec2", 0.02, 0.08, about="Tap spacing in texture coordinates")
    else:
        d.param("texel", "float", 1.0 / side, about="Texel size in texture coordinates")
    if kind == "unsharp":
        d.param("amount", "float", 0.3, 1.5, about="Sharpening strength")
    scalar = kind == "edges" or channels == 1
    d.output("filtered", "float" if scalar else "vec4", (oh, ow), about="Filtered image")
    fetch = f"wp.texture_sample(tex, {{}}, dtype={typed})"
    lines = ["i, j = wp.tid()"]
    if kind != "supersample":
        lines += [
            "u = (float(j) + 0.5) / float(filtered.shape[1])",
            "v = (float(i) + 0.5) / float(filtered.shape[0])",
        ]
    if kind == "gauss":
        lines += [f"blurred = {zero}", "norm = float(0.0)"]
        if direction == "argument":
            lines += [
                "for a in range(-radius, radius + 1):",
                "    g = wp.exp(-0.5 * float(a * a) / (sigma * sigma))",
                f"    blurred += g * {fetch.format('wp.vec2(u, v) + float(a) * step')}",
                "    norm += g",
            ]
        else:
            lines += [
                "for a in range(-radius, radius + 1):",
                "    for b in range(-radius, radius + 1):",
                "        g = wp.exp(-0.5 * float(a * a + b * b) / (sigma * sigma))",
                "        st = wp.vec2(u + float(b) * texel, v + float(a) * texel)",
                f"        blurred += g * {fetch.format('st')}",
                "        norm += g",
            ]
        lines += ["filtered[i, j] = blurred / norm"]
    elif kind == "tent":
        lines += [
            f"mean = {zero}",
            "for a in range(-1, 2):",
            "    for b in range(-1, 2):",
            "        # Binomial weights (1, 2, 1) along both axes",
            "        w = float((2 - wp.abs(a)) * (2 - wp.abs(b)))",
            f"        mean += w * {fetch.format('wp.vec2(u + float(b) * texel, v + float(a) * texel)')}",
            "filtered[i, j] = mean / 16.0",
        ]
    elif kind == "supersample":
        lines += [
            f"mean = {zero}",
            "for a in range(side):",
            "    for b in range(side):",
            "        # Supersampling: sample at subpixel centers",
            "        u = (float(j) + (float(b) + 0.5) / float(side)) / float(filtered.shape[1])",
            "        v = (float(i) + (float(a) + 0.5) / float(side)) / float(filtered.shape[0])",
            f"        mean += {fetch.format('wp.vec2(u, v)')}",
            "filtered[i, j] = mean / float(side * side)",
        ]
    else:
        lines += [
            f"left = {fetch.format('wp.vec2(u - texel, v)')}",
            f"right = {fetch.format('wp.vec2(u + texel, v)')}",
            f"below = {fetch.format('wp.vec2(u, v - texel)')}",
            f"above = {fetch.format('wp.vec2(u, v + texel)')}",
        ]
        if kind == "edges":
            if channels == 1:
                lines += [
                    "gx = 0.5 * (right - left) / texel",
                    "gy = 0.5 * (above - below) / texel",
                    "filtered[i, j] = wp.sqrt(gx * gx + gy * gy)",
                ]
            else:
                lines += [
                    "gx = 0.5 * (right - left) / texel",
                    "gy = 0.5 * (above - below) / texel",
                    "# Gradient magnitude over all channels",
                    "filtered[i, j] = wp.sqrt(wp.dot(gx, gx) + wp.dot(gy, gy))",
                ]
        else:
            lines += [f"center = {fetch.format('wp.vec2(u, v)')}"]
            lines += (
                [
                    "blurred = 0.25 * (left + right + below + above)",
                    "filtered[i, j] = center + amount * (center - blurred)",
                ]
                if kind == "unsharp"
                else ["filtered[i, j] = left + right + below + above - 4.0 * center"]
            )
    d.launch(oh, ow)
    d.code("\n".join(lines))

    def reference(v: Values) -> dict[str, Any]:
        y, x = np.mgrid[:oh, :ow]
        uv = np.stack([(x + 0.5) / ow, (y + 0.5) / oh], -1).reshape(-1, 2)

        def f(du: float = 0.0, dv: float = 0.0) -> Any:
            return sample(v.tex, uv + np.array([du, dv]))

        if kind == "gauss":
            r = int(v.radius)
            steps = range(-r, r + 1)
            if direction == "argument":
                taps = [(np.exp(-0.5 * (a / v.sigma) ** 2), a * v.step[0], a * v.step[1]) for a in steps]
            else:
                taps = [
                    (np.exp(-0.5 * (a * a + b * b) / v.sigma**2), b * v.texel, a * v.texel)
                    for a in steps
                    for b in steps
                ]
            value = sum(g * f(du, dv) for g, du, dv in taps) / sum(g for g, _, _ in taps)
        elif kind == "tent":
            tent = {-1: 1, 0: 2, 1: 1}
            value = sum(tent[a] * tent[b] * f(b * v.texel, a * v.texel) for a in tent for b in tent) / 16
        elif kind == "supersample":
            n = int(v.side)
            parts = (np.arange(n) + 0.5) / n - 0.5
            value = sum(f(b / ow, a / oh) for a in parts for b in parts) / n**2
        else:
            e = h = v.texel
            if kind == "edges":
                gx, gy = (f(e) - f(-e)) / (2 * e), (f(0, h) - f(0, -h)) / (2 * h)
                value = np.sqrt((gx**2 + gy**2).sum(-1, keepdims=True))
            else:
                around = f(e) + f(-e) + f(0, h) + f(0, -h)
                value = f() + v.amount * (f() - around / 4) if kind == "unsharp" else around - 4 * f()
        return {"filtered": value.reshape((oh, ow) if scalar else (oh, ow, 4))}

    d.check(reference, 2e-3)
