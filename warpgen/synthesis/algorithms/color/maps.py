"""Numbers as colors, colors as others see them, and curves between light and signal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.color import DOMAIN
from warpgen.synthesis.algorithms.color._ramps import ramp, shown
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.forms import Form


@DOMAIN.algorithm(
    source="Quilez 2015 (cosine palettes); Green 2011 (cubehelix); Moreland 2009; Borland & Taylor 2007",
    names={
        "color_maps": "colormap|map_to_color|false_color|apply_colormap",
        "t": "u|fraction",
        "x": "value|raw|scalar",
        "field": "values|scalars|data",
        "out": "colors|rgb|image",
        "phase": "phases|shift",
    },
    adjoint="either",
    weight=11,
)
def color_maps(d: Draft) -> None:
    """Maps scalar values to colors."""
    kind = d.option(
        "kind", "cosine", "hot", "cool warm", "cubehelix", "hue", "two colors", "bands", "table", "thermal"
    )
    scale = d.option("scale", "linear", "log", "symmetric")
    marked = d.flag("out of range", 0.4)
    said = {
        "cosine": "Maps values to colors using a cosine palette.",
        "hot": "Maps values to a black-red-yellow-white color ramp.",
        "cool warm": "Maps values to a diverging blue-white-red color map.",
        "cubehelix": "Maps values to the cubehelix color map.",
        "hue": "Maps values to hues (red, green, blue, magenta).",
        "two colors": "Maps values to colors by blending two end colors.",
        "bands": "Maps values to discrete color bands.",
        "table": "Maps values to colors using a linearly interpolated lookup table.",
        "thermal": "Maps values to a thermal color map using smoothstep ramps.",
    }[kind]  # fmt: skip
    if scale == "log":
        said = said.replace("values", "log-scaled values")
    d.says(said.replace(".", ", using gray for out-of-range values.") if marked else said)
    if not marked:
        d.explain("Out-of-range values are clamped to the end colors.")
    form = Form(d)
    form.element("x", "field", 0.5, 4.5, about="scalar values to map")
    low, high = d.pick(("low", "high"), ("vmin", "vmax"), ("lower", "upper"))
    if scale == "symmetric":
        form.number("middle", 2.0, 2.5, about="value at the color map center")
        form.number("half_range", 1.2, 1.8, about="half-width of the value range")
    else:
        form.number(low, 1.0, 1.5, about="lower bound of the value range")
        form.number(high, 3.5, 4.0, about="upper bound of the value range")
    if kind == "cosine":
        form.number("phase", 0.0, 1.0, "vec3", about="per-channel phase")
    if kind == "two colors":
        first, second = d.pick(("low_color", "high_color"), ("start", "end"), ("color_a", "color_b"))
        form.number(first, 0.0, 0.5, "vec3", about="color at the lower end")
        form.number(second, 0.5, 1.0, "vec3", about="color at the upper end")
    else:
        first = second = ""
    if kind == "bands":
        form.number("bands", d.pick(4, 5, 6), type="int", about="number of bands")
    if kind == "table":
        n = d.pick(5, 6, 8)
        form.table("table", "vec3", n, 0.0, 1.0, about="evenly spaced color table")
    form.output("out", "vec3", about="RGB colors")
    head = {
        "linear": f"t = (x - {low}) / ({high} - {low})",
        "log": f"t = wp.log(x / {low}) / wp.log({high} / {low})",
        "symmetric": "t = 0.5 + 0.5 * (x - middle) / half_range",
    }[scale]
    if marked:
        head += "\ninside = t >= 0.0 and t <= 1.0"
    if kind == "table" or not marked:  # what is gray needs no bounds, but places in a table do
        head += "\nt = wp.clamp(t, 0.0, 1.0)"
    lines, value = ramp(kind, first, second)
    lines = f"{head}\n{lines}".rstrip()
    if marked:
        lines += (
            f"\nshown = {value}\n# Use gray for out-of-range values so that they are not mistaken for extremes\n"
            "gray = wp.vec3(0.5, 0.5, 0.5)"
        )
        value = "wp.where(inside, shown, gray)"
    if kind == "bands":
        d.forward_only()
    form.write("color_of", lines, value)

    def reference(v: Values) -> Mapping[str, Any]:
        x = v.field
        if scale == "symmetric":
            t = 0.5 + 0.5 * (x - v.middle) / v.half_range
        else:
            a, b = v[low], v[high]
            t = np.log(x / a) / np.log(b / a) if scale == "log" else (x - a) / (b - a)
        inside = (t >= 0) & (t <= 1)
        t = np.clip(t, 0, 1)
        rgb = shown(kind, t, v, first, second)
        return {"out": np.where(inside[..., None], rgb, 0.5) if marked else rgb}

    d.check(reference, 2e-3)


@DOMAIN.algorithm(
    source="Vienot, Brettel & Mollon 1999; Machado, Oliveira & Fernandes 2009; ITU-R BT.601, BT.709",
    names={
        "c": "rgb|pixel|color",
        "colors": "pixels|image",
        "out": "result|transformed",
    },
    adjoint="either",
    weight=6,
)
def seen_colors(d: Draft) -> None:
    """Applies a 3x3 color matrix to RGB colors."""
    kind = d.option(
        "kind",
        "protan",
        "deutan",
        "tritan",
        "sepia",
        "saturation",
        "luma chroma",
        "swap",
        "hue turn",
        "given",
    )
    blend = d.option("blend", "none", "amount", "per pixel")
    bound = d.option("bound", "none", "clamp")
    if kind in ("saturation", "luma chroma", "swap", "hue turn"):
        blend = "none"
    if kind == "sepia":
        bound = "clamp"  # its rows sum to more than one
    if kind in ("luma chroma", "swap"):
        bound = "none"  # color differences are signed, and a swap leaves no range
    if bound == "clamp":
        d.explain("Results are clamped to [0, 1].")
    d.calls(
        {
            "protan": "simulate_protanopia|protan_vision|simulate_color_blindness",
            "deutan": "simulate_deuteranopia|deutan_vision|simulate_color_blindness",
            "tritan": "simulate_tritanopia|tritan_vision|simulate_color_blindness",
            "sepia": "sepia_tone|apply_sepia|tint_sepia",
            "saturation": "adjust_saturation|saturate_colors|change_saturation",
            "luma chroma": "rgb_to_ycbcr|luma_chroma|to_luma_chroma",
            "swap": "swap_red_blue|swap_channels|rgb_to_bgr",
            "hue turn": "rotate_hue|hue_rotation|turn_hue",
            "given": "color_matrix|transform_colors|apply_color_matrix",
        }[kind]
    )
    said = {
        "protan": "Simulates protanopia (missing red cones).",
        "deutan": "Simulates deuteranopia (missing green cones).",
        "tritan": "Simulates tritanopia (missing blue cones).",
        "sepia": "Applies a sepia tone.",
        "saturation": "Adjusts color saturation relative to luminance.",
        "luma chroma": "Converts RGB colors to luma and color differences (Y'CbCr).",
        "swap": "Swaps the red and blue channels.",
        "hue turn": "Rotates hues about the gray axis.",
        "given": "Multiplies RGB colors by a 3x3 matrix.",
    }[kind]  # fmt: skip
    if blend != "none":
        degree = "by a given amount" if blend == "amount" else "by an amount per pixel"
        said = said.replace(".", " and blends with the originals." if kind == "given" else f", {degree}.")
    d.says(said.replace(".", ", clamped to [0, 1].") if bound == "clamp" else said)
    tables = {
        "protan": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
        "deutan": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.01182, 0.04294, 0.968881)),
        "tritan": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.3039)),
        "sepia": ((0.393, 0.769, 0.189), (0.349, 0.686, 0.168), (0.272, 0.534, 0.131)),
        "luma chroma": ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312)),
    }  # fmt: skip
    if kind in tables:
        numbers = ",\n    ".join(", ".join(map(str, row)) for row in tables[kind])
        constant = {"sepia": "SEPIA", "luma chroma": "RGB_TO_YCBCR"}.get(kind, kind.upper())
        origin = {"sepia": "", "luma chroma": "# ITU-R BT.601\n"}.get(
            kind, "# Machado, Oliveira & Fernandes 2009\n"
        )
        d.module(f"{origin}{constant} = wp.constant(wp.mat33(\n    {numbers},\n))")
    else:
        constant = ""
    form = Form(d)
    coding = {"sepia": "gamma-encoded ", "luma chroma": "gamma-encoded ", "swap": "", "given": ""}
    form.element("c", "colors", 0.0, 1.0, "vec3", about=coding.get(kind, "linear ") + "RGB colors")
    if kind == "saturation":
        form.number("gain", 0.2, 1.8, about="saturation factor")
    if kind == "hue turn":
        form.number("angle", 0.3, 2.5, about="angle [rad]")
    if kind == "given":
        form.number("matrix", -0.3, 1.0, "mat33", about="color transform matrix")
    amount = d.pick("amount", "strength")
    if blend == "amount":
        form.number(amount, 0.2, 0.9, about="effect strength in [0, 1]")
    elif blend == "per pixel":
        form.element(amount, f"{amount}s", 0.0, 1.0, about="per-pixel effect strength in [0, 1]")
    form.output("out", "vec3", about="Y'CbCr colors" if kind == "luma chroma" else "transformed colors")
    lines, value = {
        "saturation": (
            "# BT.709 luminance\ny = wp.dot(c, wp.vec3(0.2126, 0.7152, 0.0722))\ngray = wp.vec3(y, y, y)",
            "gray + gain * (c - gray)",
        ),
        "swap": ("", "wp.vec3(c[2], c[1], c[0])"),
        "hue turn": (
            "gray_axis = wp.normalize(wp.vec3(1.0, 1.0, 1.0))",
            "wp.quat_rotate(wp.quat_from_axis_angle(gray_axis, angle), c)",
        ),
        "given": ("", "matrix * c"),
    }.get(kind, ("", f"{constant} * c"))
    if blend != "none":
        lines += f"\nfull = {value}"
        value = f"wp.lerp(c, full, {amount})"
    if bound == "clamp":
        lines += f"\nunbounded = {value}"
        value = "wp.min(wp.max(unbounded, wp.vec3(0.0, 0.0, 0.0)), wp.vec3(1.0, 1.0, 1.0))"
    function = {
        "sepia": "tinted",
        "saturation": "saturated",
        "luma chroma": "to_ycbcr",
        "swap": "swapped",
        "hue turn": "turned",
        "given": "transform",
    }.get(kind, "simulated")
    form.write(function, lines.strip(), value)

    def reference(v: Values) -> Mapping[str, Any]:
        c = v.colors
        y = c @ np.array([0.2126, 0.7152, 0.0722])
        k = np.ones(3) / np.sqrt(3)
        angle = v.get("angle", 0.0)
        found: dict[str, Callable[[], Any]] = {
            "saturation": lambda: y[..., None] + v.gain * (c - y[..., None]),
            "swap": lambda: c[..., ::-1],
            "hue turn": lambda: (
                c * np.cos(angle)
                + np.cross(k, c) * np.sin(angle)
                + (c @ k)[..., None] * k * (1 - np.cos(angle))
            ),
            "given": lambda: c @ np.asarray(v.matrix).T,
        }
        seen = found[kind]() if kind in found else c @ np.array(tables[kind]).T
        if blend != "none":
            s = v[amount] if blend == "amount" else v[f"{amount}s"][..., None]
            seen = c + s * (seen - c)
        return {"out": np.clip(seen, 0, 1) if bound == "clamp" else seen}

    d.check(reference, 2e-3)


@DOMAIN.algorithm(
    source="SMPTE ST 2084 (PQ); ARIB STD-B67 (HLG); IEC 61966-2-1 (sRGB); ITU-R BT.1886, BT.709",
    names={
        "x": "light|linear",
        "v": "signal|encoded",
        "lights": "linear_values|light_levels",
        "signals": "encoded_values|code_values",
        "peak": "white|max_light",
    },
    double=True,
    adjoint="either",
    weight=4,
)
def transfer_curves(d: Draft) -> None:
    """Applies a standard transfer function to encode or decode light."""
    kind = d.option(
        "kind", "pq", "pq inverse", "hlg", "hlg inverse", "srgb", "srgb inverse", "bt709", "gamma"
    )
    scaled = d.option("peak", "none", "given")
    d.calls(
        {
            "pq": "pq_encode|encode_pq|pq_inverse_eotf",
            "pq inverse": "pq_decode|decode_pq|pq_eotf",
            "hlg": "hlg_encode|encode_hlg|hlg_oetf",
            "hlg inverse": "hlg_decode|decode_hlg|hlg_inverse_oetf",
            "srgb": "srgb_encode|linear_to_srgb|encode_srgb",
            "srgb inverse": "srgb_decode|srgb_to_linear|decode_srgb",
            "bt709": "bt709_encode|bt709_oetf|encode_signal",
            "gamma": "gamma_encode|gamma_correct|encode_signal",
        }[kind]
    )
    said = {
        "pq": "Encodes luminance using the perceptual quantizer (PQ) for HDR video.",
        "pq inverse": "Decodes luminance from the perceptual quantizer (PQ) for HDR video.",
        "hlg": "Encodes light using the hybrid log-gamma (HLG) curve.",
        "hlg inverse": "Decodes light from the hybrid log-gamma (HLG) curve.",
        "srgb": "Encodes light using the sRGB transfer function.",
        "srgb inverse": "Decodes light from the sRGB transfer function.",
        "bt709": "Encodes light using the BT.709 transfer function.",
        "gamma": "Encodes light using a power law.",
    }[kind]  # fmt: skip
    if scaled == "given" and "pq" not in kind:
        said = (
            said.replace(".", " and scales the output to a peak value.")
            if "inverse" in kind
            else said.replace("light ", "light relative to a peak ")
        )
    d.says(said)
    form = Form(d)
    inverse = "inverse" in kind
    given, made = ("signals", "lights") if inverse else ("lights", "signals")
    least = 0.001 if kind in ("srgb", "bt709") else 0.02
    most = 1.4 if scaled == "given" and not inverse else 0.98
    what = {"lights": "light", "signals": "signal, 0 to 1"}
    if "pq" in kind and scaled == "given":
        what["lights"] = "luminance [cd/m^2]"
        least, most = (least, most) if inverse else (1.0, 9000.0)
    form.element("v" if inverse else "x" if scaled == "given" else "e", given, least, most, about=what[given])
    if scaled == "given":
        if "pq" in kind:
            d.module("PEAK = wp.constant(10000.0)  # peak luminance [cd/m^2]")
        else:
            form.number("peak", 1.5, 4.0, about="peak light level at full signal")
    if kind == "gamma":
        form.number("gamma", 1.8, 2.4, about="display gamma")
    form.output(made, about=what[made])
    full = "PEAK" if "pq" in kind else "peak"
    before = f"e = x / {full}" if scaled == "given" and not inverse else ""
    pq = "# SMPTE ST 2084 constants\nM1 = wp.constant(0.1593017578125)\nM2 = wp.constant(78.84375)\nC1 = wp.constant(0.8359375)\nC2 = wp.constant(18.8515625)\nC3 = wp.constant(18.6875)"
    hlg = "# ARIB STD-B67 constants\nA = wp.constant(0.17883277)\nB = wp.constant(0.28466892)\nC = wp.constant(0.55991073)"
    if "pq" in kind or "hlg" in kind:
        d.module(pq if "pq" in kind else hlg)
    lines, value = {
        "pq": ("p = wp.pow(e, M1)", "wp.pow((C1 + C2 * p) / (1.0 + C3 * p), M2)"),
        "pq inverse": ("p = wp.pow(v, 1.0 / M2)", "wp.pow(wp.max(p - C1, 0.0) / (C2 - C3 * p), 1.0 / M1)"),
        "hlg": (
            "# Square root for dark values, logarithmic for bright values\nif e > 1.0 / 12.0:\n    s = A * wp.log(12.0 * e - B) + C\nelse:\n    s = wp.sqrt(3.0 * e)",
            "s",
        ),
        "hlg inverse": (
            "if v > 0.5:\n    y = (wp.exp((v - C) / A) + B) / 12.0\nelse:\n    y = v * v / 3.0",
            "y",
        ),
        "srgb": (
            "# Linear segment near black to avoid the infinite slope of the power function\nif e > 0.0031308:\n    s = 1.055 * wp.pow(e, 1.0 / 2.4) - 0.055\nelse:\n    s = 12.92 * e",
            "s",
        ),
        "srgb inverse": (
            "# Linear segment near black\nif v > 0.04045:\n    y = wp.pow((v + 0.055) / 1.055, 2.4)\nelse:\n    y = v / 12.92",
            "y",
        ),
        "bt709": (
            "# Linear segment near black to avoid the infinite slope of the power function\nif e >= 0.018:\n    s = 1.099 * wp.pow(e, 0.45) - 0.099\nelse:\n    s = 4.5 * e",
            "s",
        ),
        "gamma": ("", "wp.pow(e, 1.0 / gamma)"),
    }[kind]
    if scaled == "given" and inverse:
        value = f"{full} * {value}"
    if "pq" in kind and scaled == "none":
        d.explain("A light value of 1 corresponds to 10,000 cd/m^2.")
    form.write(f"{'from' if inverse else 'to'}_{kind.split()[0]}", f"{before}\n{lines}".strip(), value)

    def reference(v: Values) -> Mapping[str, Any]:
        peak = v.get("peak", 1.0e4 if "pq" in kind and scaled == "given" else 1.0)
        e = v.signals if inverse else v.lights / peak
        m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        found: dict[str, Callable[[], Any]] = {
            "pq": lambda: ((c1 + c2 * e**m1) / (1 + c3 * e**m1)) ** m2,
            "pq inverse": lambda: (np.maximum(e ** (1 / m2) - c1, 0) / (c2 - c3 * e ** (1 / m2))) ** (1 / m1),
            "hlg": lambda: np.where(e > 1 / 12, a * np.log(np.maximum(12 * e - b, 1e-9)) + c, np.sqrt(3 * e)),
            "hlg inverse": lambda: np.where(e > 0.5, (np.exp((e - c) / a) + b) / 12, e * e / 3),
            "srgb": lambda: np.where(e > 0.0031308, 1.055 * e ** (1 / 2.4) - 0.055, 12.92 * e),
            "srgb inverse": lambda: np.where(e > 0.04045, ((e + 0.055) / 1.055) ** 2.4, e / 12.92),
            "bt709": lambda: np.where(e >= 0.018, 1.099 * e**0.45 - 0.099, 4.5 * e),
            "gamma": lambda: e ** (1 / v.gamma),
        }
        return {made: found[kind]() * (peak if inverse else 1)}

    d.check(reference, 2e-3)
