"""Textures on surfaces and behind lenses, and rays through textures of three axes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.texture import DOMAIN
from warpgen.synthesis.algorithms.texture.texels import image, sample
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.forms import Form


@DOMAIN.algorithm(
    source="Golus 2017 (triplanar mapping); Vlachos 2010 (water flow); Brown 1966 (distortion); Blinn 1978",
    names={
        "layer_textures": "texture_layers|sample_layers|map_textures|look_up_texture",
        "tex": "texture|albedo_map|image",
        "uv": "st|tex_coord|coord",
        "coords": "uvs|tex_coords|uv_in",
        "out": "result|values",
        "shift": "offset|scroll|motion",
    },
    adjoint="no",
    element="sample",
    weight=10,
)
def layer_textures(d: Draft) -> None:
    """Samples textures using displaced, mirrored or projected coordinates."""
    kind = d.option(
        "kind",
        "triplanar",
        "scrolling",
        "lens",
        "slope",
        "detail",
        "swirl",
        "mirror",
        "polar",
        "flow",
        "fade",
    )
    channels = d.option("channels", 1, 4)
    gain = d.option("gain", "none", "number", "per sample")
    if kind in ("slope", "flow"):
        channels = 1
    d.says({
        "triplanar": "Samples a texture using triplanar projection, blended by the surface normal.",
        "scrolling": "Averages two texture samples scrolling in different directions.",
        "lens": "Samples a texture with radial lens distortion.",
        "slope": "Computes height texture slopes using central differences.",
        "detail": "Modulates a texture with a tiled detail layer.",
        "swirl": "Samples a texture with a swirl distortion around its center.",
        "mirror": "Samples a texture with mirrored repetition.",
        "polar": "Samples a texture in polar coordinates.",
        "flow": "Samples a texture with coordinates displaced by its own values.",
        "fade": "Fades out a texture near its borders.",
    }[kind])  # fmt: skip
    d.calls({
        "triplanar": "triplanar_mapping|sample_triplanar|blend_projections",
        "scrolling": "scroll_textures|scrolling_layers|blend_scrolled",
        "lens": "sample_through_lens|lens_distortion|distort_image",
        "slope": "height_slopes|heightmap_gradient|texture_gradient",
        "detail": "detail_texture|apply_detail|modulate_detail",
        "swirl": "swirl_image|twist_texture|swirl_lookup",
        "mirror": "mirrored_lookup|sample_mirrored|mirror_repeat",
        "polar": "polar_lookup|sample_polar|unwrap_polar",
        "flow": "flow_displacement|displace_by_texture|warp_texture",
        "fade": "fade_borders|vignette_lookup|sample_faded",
    }[kind])  # fmt: skip
    form = Form(d)
    tri = kind == "triplanar"
    image(d, "tex", channels)
    form.numbers["tex"] = "wp.Texture2D"
    if tri:
        form.element("p", "points", 0.05, 0.95, "vec3", about="surface positions")
        form.element("n", "normals", 0.0, 1.0, "vec3", "unit", about="unit normals")
        form.number("sharpness", 1.0, 4.0, about="blend exponent")
    else:
        low, high = (-1.5, 2.5) if kind == "mirror" else (0.1, 0.9)
        form.element("uv", "coords", low, high, "vec2", about="texture coordinates")
    if kind in ("scrolling", "flow"):
        form.number("shift", 0.02, 0.2, "vec2", about="UV displacement")
    if kind == "lens":
        form.number("k1", -0.3, 0.3, about="first radial distortion coefficient")
        form.number("k2", -0.1, 0.1, about="second radial distortion coefficient")
    if kind == "slope":
        form.number("spacing", 0.03, 0.08, about="sample spacing in texture coordinates")
    if kind == "detail":
        form.number("repeats", 2.2, 3.4, about="detail tiling factor")
    if kind == "swirl":
        form.number("twist", 1.0, 3.0, about="twist angle at the center [rad]")
    if kind == "fade":
        form.number("border", 0.1, 0.3, about="border width")
    if gain == "number":
        form.number("gain", 0.5, 2.0, about="output scale")
    elif gain == "per sample":
        form.element("gain", "gains", 0.5, 2.0, about="per-sample output scale")
    result = "vec2" if kind == "slope" else "float" if channels == 1 else "vec4"
    form.output("out", result)
    dtype = "float" if channels == 1 else "wp.vec4"

    def look(at: str) -> str:
        return f"wp.texture_sample(tex, {at}, dtype={dtype})"

    centred = "off = uv - wp.vec2(0.5, 0.5)\n"
    lines, value = {
        "triplanar": (
            "# Triplanar blend weights, normalized below\n"
            "wx = wp.pow(wp.abs(n[0]), sharpness)\nwy = wp.pow(wp.abs(n[1]), sharpness)\nwz = wp.pow(wp.abs(n[2]), sharpness)\n"
            f"tx = {look('wp.vec2(p[1], p[2])')}\nty = {look('wp.vec2(p[0], p[2])')}\ntz = {look('wp.vec2(p[0], p[1])')}",
            "(wx * tx + wy * ty + wz * tz) / (wx + wy + wz)",
        ),
        "scrolling": (f"one = {look('uv + shift')}\ntwo = {look('uv - wp.vec2(shift[1], shift[0])')}", "0.5 * (one + two)"),
        "lens": (
            f"{centred}r2 = wp.length_sq(off)\nbent = (1.0 + r2 * (k1 + r2 * k2)) * off",
            look("wp.vec2(0.5, 0.5) + bent"),
        ),
        "slope": (
            f"du = {look('uv + wp.vec2(spacing, 0.0)')} - {look('uv - wp.vec2(spacing, 0.0)')}\n"
            f"dv = {look('uv + wp.vec2(0.0, spacing)')} - {look('uv - wp.vec2(0.0, spacing)')}",
            "wp.vec2(du, dv) / (2.0 * spacing)",
        ),
        "detail": (
            "fine = wp.vec2(wp.frac(repeats * uv[0]), wp.frac(repeats * uv[1]))\n"
            f"base = {look('uv')}\ndetail = {look('fine')}\n# Detail values below 0.5 darken, values above brighten\nshade = 2.0 * detail",
            "shade * base" if channels == 1 else "wp.cw_mul(shade, base)",
        ),
        "swirl": (
            f"{centred}r = wp.length(off)\nangle = twist * wp.exp(-4.0 * r)\nc = wp.cos(angle)\ns = wp.sin(angle)",
            look("wp.vec2(0.5 + c * off[0] - s * off[1], 0.5 + s * off[0] + c * off[1])"),
        ),
        "mirror": (
            "# Triangle wave with period 2, range [0, 1]\n"
            "mu = 1.0 - wp.abs(2.0 * wp.frac(0.5 * wp.abs(uv[0])) - 1.0)\nmv = 1.0 - wp.abs(2.0 * wp.frac(0.5 * wp.abs(uv[1])) - 1.0)",
            look("wp.vec2(mu, mv)"),
        ),
        "polar": (
            f"{centred}azimuth = wp.atan2(off[1], off[0]) / wp.tau + 0.5\ndistance = 2.0 * wp.length(off)",
            look("wp.vec2(azimuth, distance)"),
        ),
        "flow": (f"flow = {look('uv')} - 0.5", look("uv + flow * shift")),
        "fade": (
            "edge = wp.min(wp.min(uv[0], 1.0 - uv[0]), wp.min(uv[1], 1.0 - uv[1]))\nalpha = wp.smoothstep(0.0, border, edge)",
            f"alpha * {look('uv')}",
        ),
    }[kind]  # fmt: skip
    if gain != "none":
        lines, value = f"{lines}\nplain = {value}", "gain * plain"
    form.write("sample_slope" if kind == "slope" else "sample_layer", lines, value)

    def reference(v: Values) -> Mapping[str, Any]:
        def f(at: Any) -> Any:
            return sample(v.tex, at.reshape(-1, 2)).reshape(*at.shape[:-1], channels)

        uv = v.get("coords")
        off: Any = None if tri else uv - 0.5
        r: Any = None if tri else np.linalg.norm(off, axis=-1, keepdims=True)

        def planes() -> Any:
            weights = np.abs(v.normals) ** v.sharpness
            three = [f(v.points[..., pair]) for pair in ([1, 2], [0, 2], [0, 1])]
            return sum(weights[..., k : k + 1] * t for k, t in enumerate(three)) / weights.sum(
                -1, keepdims=True
            )

        def swirled() -> Any:
            z = (off[..., :1] + 1j * off[..., 1:]) * np.exp(1j * v.twist * np.exp(-4 * r))
            return f(0.5 + np.concatenate([z.real, z.imag], axis=-1))

        def slopes() -> Any:
            e = v.spacing * np.eye(2)
            return np.concatenate([f(uv + a) - f(uv - a) for a in e], axis=-1) / (2 * v.spacing)

        def faded() -> Any:
            t = np.clip(np.minimum(uv, 1 - uv).min(axis=-1, keepdims=True) / v.border, 0, 1)
            return t * t * (3 - 2 * t) * f(uv)

        def turned() -> Any:
            around = np.arctan2(off[..., 1:], off[..., :1]) / (2 * np.pi) + 0.5
            return f(np.concatenate([around, 2 * r], axis=-1))

        found: dict[str, Callable[[], Any]] = {
            "triplanar": planes,
            "scrolling": lambda: (f(uv + v["shift"]) + f(uv - v["shift"][::-1])) / 2,
            "lens": lambda: f(0.5 + (1 + r**2 * (v.k1 + r**2 * v.k2)) * off),
            "slope": slopes,
            "detail": lambda: 2 * f(uv) * f(v.repeats * uv % 1),
            "swirl": swirled,
            "mirror": lambda: f(1 - np.abs(np.abs(uv) % 2 - 1)),
            "polar": turned,
            "flow": lambda: f(uv + (f(uv) - 0.5) * v["shift"]),
            "fade": faded,
        }
        out = found[kind]()
        factor = {"none": 1.0, "number": v.get("gain")}.get(gain, v.get("gains", np.ones(1))[..., None])
        out = out * factor
        return {"out": out[..., 0] if result == "float" else out}

    d.check(reference, 5e-3)


@DOMAIN.algorithm(
    source="Cabral, Cam & Foran 1994 (texture volumes); Levoy 1988; Max 1995",
    names={
        "tex": "volume_tex|texture|density_tex",
        "starts": "origins|ray_o|entries",
        "ends": "targets|ray_end|exits",
        "out": "result|values",
        "total": "acc|s",
        "steps": "num_samples|num_steps",
    },
    adjoint="no",
    element="ray",
    weight=3,
)
def trace_texture(d: Draft) -> None:
    """Samples a 3D texture along line segments."""
    kind = d.option(
        "kind", "sum", "maximum", "transmittance", "emission", "first", "profile", "centroid", "variance"
    )
    place = d.option("place", "middles", "ends", "trapezoid")
    rays = d.option("rays", "segments", "to a point", "parallel")
    if kind not in ("sum", "transmittance"):
        place = "middles"
    d.says({
        "sum": "Integrates a texture along line segments.",
        "maximum": "Computes the maximum texture value along each line segment.",
        "transmittance": "Computes the transmittance of an absorbing texture along line segments.",
        "emission": "Composites texture emission and absorption front to back.",
        "first": "Finds the segment fraction where a texture first exceeds a level, or 1 if it never does.",
        "profile": "Samples a texture at evenly spaced points along line segments.",
        "centroid": "Computes the texture value centroid along each line segment, as a segment fraction.",
        "variance": "Computes the texture value variance along each line segment.",
    }[kind])  # fmt: skip
    d.calls({
        "sum": "integrate_texture|line_integrals|integrate_segments",
        "maximum": "maximum_along_segments|maximum_projection|largest_on_segments",
        "transmittance": "segment_transmittance|texture_transmittance|march_absorption",
        "emission": "composite_texture|march_texture|volume_texture_rays",
        "first": "first_crossing|march_to_level|find_level",
        "profile": "sample_profiles|texture_profile|sample_segments",
        "centroid": "segment_centroids|line_centroid|texture_centroid",
        "variance": "segment_variance|line_variance|texture_variance",
    }[kind])  # fmt: skip
    n, m, count = d.pick(6, 8), d.pick(48, 64), d.pick(8, 12)
    d.handle("tex", "texture", (n, n, n, 1), type="wp.Texture3D", about="3D density texture")
    # parallel segments stay within the texture, too
    near, far = (0.4, 0.6) if rays == "parallel" else (0.05, 0.95)
    d.input("starts", "vec3", m, near, far, about="segment start points in texture coordinates")
    if rays == "segments":
        d.input("ends", "vec3", m, 0.05, 0.95, about="segment end points")
    elif rays == "to a point":
        d.param("target", "vec3", 0.2, 0.8, about="end point shared by all segments")
    else:
        d.param("along", "vec3", -0.4, 0.4, about="segment vector shared by all rays")
    d.param("steps", "int", count, about="number of samples per segment")
    if kind in ("transmittance", "emission"):
        d.param("sigma", "float", 1.0, 4.0, about="extinction coefficient per unit density")
    if kind == "first":
        d.param("level", "float", 0.5, 0.7, about="threshold value")
    d.output("out", "float", (m, count) if kind == "profile" else m)
    span = {"segments": "along = ends[tid] - a", "to a point": "along = target - a", "parallel": ""}[rays]
    at = "(float(k) + 0.5) / float(steps)" if place == "middles" else "float(k + 1) / float(steps)"
    fetch = "value = wp.texture_sample(tex, a + t * along, dtype=float)"
    ends = place == "trapezoid"
    start, each, store = {
        "sum": ("total = float(0.0)", "total += value", "out[tid] = wp.length(along) * total / float(steps)"),
        "transmittance": ("total = float(0.0)", "total += value", "out[tid] = wp.exp(-sigma * wp.length(along) * total / float(steps))"),
        "maximum": ("# Densities are non-negative, so start at zero\nbest = float(0.0)", "best = wp.max(best, value)", "out[tid] = best"),
        "emission": (
            "light_sum = float(0.0)\ntransmitted = float(1.0)\nds = wp.length(along) / float(steps)",
            "alpha = 1.0 - wp.exp(-sigma * value * ds)\nlight_sum += transmitted * alpha * value\ntransmitted *= 1.0 - alpha",
            "out[tid] = light_sum",
        ),
        "first": ("found = float(1.0)", "if value > level:\n    found = t\n    break", "out[tid] = found"),
        "profile": ("", "out[tid, k] = value", ""),
        "centroid": ("total = float(0.0)\nmoment = float(0.0)", "total += value\nmoment += value * t", "out[tid] = moment / total"),
        "variance": (
            "mean = float(0.0)\nspread = float(0.0)",
            "# Welford update to avoid cancellation\ngap = value - mean\nmean += gap / float(k + 1)\nspread += gap * (value - mean)",
            "out[tid] = spread / float(steps)",
        ),
    }[kind]  # fmt: skip
    if ends:
        each = each.replace("value", "0.5 * (last + value)") + "\nlast = value"
        start += "\nlast = wp.texture_sample(tex, a, dtype=float)"
    d.launch(m)
    d.code(
        """
        tid = wp.tid()
        a = starts[tid]
        $span
        $start
        for k in range(steps):
            t = $at
            $fetch
            $each
        $store
        """,
        span=span, start=start, at=at, fetch=fetch, each=each, store=store,
    )  # fmt: skip

    def reference(v: Values) -> Mapping[str, Any]:
        a = v.starts
        b = {"segments": lambda: v.ends - a, "to a point": lambda: v.target - a}.get(
            rays, lambda: np.tile(v.along, (m, 1))
        )()
        t = (np.arange(count) + 0.5) / count if place == "middles" else np.arange(1, count + 1) / count
        if ends:
            t = np.arange(count + 1) / count
        x = sample(v.tex, (a[:, None] + t[:, None] * b[:, None]).reshape(-1, 3)).reshape(m, -1)
        x = (x[:, 1:] + x[:, :-1]) / 2 if ends else x
        far = np.linalg.norm(b, axis=1)

        def composited() -> Any:
            alpha = 1 - np.exp(-v.sigma * x * far[:, None] / count)
            left = np.cumprod(np.concatenate([np.ones((m, 1)), 1 - alpha[:, :-1]], axis=1), axis=1)
            return (left * alpha * x).sum(axis=1)

        over = x > v.get("level", 0.0)
        found: dict[str, Callable[[], Any]] = {
            "sum": lambda: far * x.mean(axis=1),
            "transmittance": lambda: np.exp(-v.sigma * far * x.mean(axis=1)),
            "maximum": lambda: x.max(axis=1),
            "emission": composited,
            "first": lambda: np.where(over.any(axis=1), t[over.argmax(axis=1)], 1.0),
            "profile": lambda: x,
            "centroid": lambda: (x * t).sum(axis=1) / x.sum(axis=1),
            "variance": lambda: x.var(axis=1),
        }
        return {"out": found[kind]()}

    d.check(reference, 3e-3)
