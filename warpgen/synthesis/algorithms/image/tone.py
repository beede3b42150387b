"""Colour and tone: conversions and tone curves."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.image import DOMAIN
from warpgen.synthesis.library import colour
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.pieces import Piece


def _pixels(d: Draft) -> tuple[str, str, tuple[int, ...], str]:
    """A picture's memory: (place, head, shape without channels, layout)."""
    layout = d.option("layout", "flat", "rows", "channels")
    if layout == "flat":
        return "tid", "tid = wp.tid()", (d.pick(64, 96, 128),), layout
    return "i, j", "i, j = wp.tid()", (d.pick(8, 10, 12), d.pick(8, 12, 14)), layout


class Picture:
    """Colours as an array of vectors, flat or in rows, or as an array with channels on its last axis."""

    def __init__(self, d: Draft) -> None:
        self.place, self.head, self.shape, self.layout = _pixels(d)

    def declare(
        self, d: Draft, name: str, about: str, output: bool = False, low: float = 0.0, high: float = 1.0
    ) -> None:
        whole = (*self.shape, 3) if self.layout == "channels" else self.shape
        kind = "float" if self.layout == "channels" else "vec3"
        if output:
            d.output(name, kind, whole, about=about)
        else:
            d.input(name, kind, whole, low, high, about=about)

    def load(self, name: str) -> str:
        """The colour at the thread's place."""
        if self.layout != "channels":
            return f"{name}[{self.place}]"
        return "wp.vec3(" + ", ".join(f"{name}[{self.place}, {c}]" for c in range(3)) + ")"

    def store(self, name: str, value: str) -> str:
        """Lines that keep a colour there."""
        if self.layout != "channels":
            return f"{name}[{self.place}] = {value}"
        if not value.isidentifier():
            return f"c_out = {value}\n" + self.store(name, "c_out")
        return "\n".join(f"{name}[{self.place}, {c}] = {value}[{c}]" for c in range(3))


def _each(function: Piece) -> Any:
    return lambda name: "wp.vec3(" + ", ".join(f"{function.name}({name}[{c}])" for c in range(3)) + ")"


@DOMAIN.algorithm(
    source="IEC 61966-2-1; ITU-R BT.601; Smith 1978; CIE 15",
    names={
        "convert_colors": "color_convert|convert_color_space|transform_colors|rgb_convert",
        "rgb": "colors|color_in|pixels",
        "converted": "color_out|colors_out",
        "c": "color|pixel|px",
    },
)
def convert_colors(d: Draft) -> None:
    """Converts an image to another color space."""
    pic = Picture(d)
    spaces: dict[str, tuple[Piece, str]] = {
        "hsv": (colour.TO_HSV, "RGB to hue, saturation and value"),
        "from hsv": (colour.FROM_HSV, "hue, saturation and value to RGB"),
        "ycbcr": (colour.TO_YCBCR, "RGB to Y'CbCr"),
        "from ycbcr": (colour.FROM_YCBCR, "Y'CbCr to RGB"),
        "lab": (colour.TO_LAB, "linear RGB to CIE L*a*b*"),
        "xyz": (colour.TO_XYZ, "linear RGB to CIE XYZ"),
        "srgb": (colour.TO_SRGB, "linear light to sRGB"),
        "linear": (colour.TO_LINEAR, "sRGB to linear light"),
    }
    space = d.option("space", *spaces)
    shift = "plain"
    if space in ("lab", "xyz"):
        shift = d.option("and", "plain", "scaled", "turned")
    elif space in ("hsv", "ycbcr"):
        shift = d.option("and encoded", "plain", "turned")
    function, words = spaces[space]
    name = d.use(function)
    if shift == "turned":
        words = (
            words.replace("linear RGB", "sRGB")
            if space in ("lab", "xyz")
            else words.replace("RGB", "linear RGB", 1)
        )
    d.says(f"Converts image colors from {words}{', scaled by the exposure' * (shift == 'scaled')}.")
    given = {"from hsv": "hsv", "from ycbcr": "ycbcr"}.get(space, "rgb")
    turned = {"hsv": "srgb", "ycbcr": "srgb", "lab": "linear", "xyz": "linear"}
    first = turned[space] if shift == "turned" else space
    shadows = {"srgb": 0.1, "linear": 0.4, "lab": 0.05}.get(first, 1.0)  # where the curves are linear
    pic.declare(
        d,
        given,
        {"hsv": "Hue, saturation and value", "ycbcr": "Y'CbCr"}.get(given, "Input colors"),
        high=d.pick(shadows, 1.0),
    )
    if shift == "scaled":
        d.param("exposure", "float", 0.5, 1.0, about="Exposure scale")
    pic.declare(d, "converted", "Converted colors", output=True)
    lines = [pic.head, f"c = {pic.load(given)}"]
    if shift == "scaled":
        lines.append(d.pick("c *= exposure", "c = exposure * c"))
    linear = shift == "turned"
    if linear:
        encode = colour.TO_LINEAR if space in ("lab", "xyz") else colour.TO_SRGB
        d.use(encode)
        lines.append(
            "# the transform is defined for "
            + ("linear light" if space in ("lab", "xyz") else "encoded values")
        )
        lines.append(f"c = {_each(encode)('c')}")
    value = _each(function)("c") if space in ("srgb", "linear") else f"{name}(c)"
    lines.append(pic.store("converted", value))
    d.launch(*pic.shape)
    d.code("\n".join(lines))

    def reference(v: Values) -> dict[str, Any]:
        c = v[given] * (v.exposure if shift == "scaled" else 1.0)
        if linear:
            c = encode(c)
        return {"converted": function(c)}

    d.check(reference, 1e-3)


@DOMAIN.algorithm(
    source="Reinhard et al. 2002; Hable 2010; Narkowicz 2015 (ACES fit); Drago et al. 2003",
    names={
        "tone_map": "tonemap|tone_mapping|display_transform|compress_range",
        "hdr": "radiance|color_in|linear_color",
        "ldr": "display|color_out|tonemapped",
        "c": "color|x|rgb",
        "exposure": "gain|ev_scale|exposure_scale",
        "white": "white_point|max_white|l_white",
    },
    weight=3,
)
def tone_map(d: Draft) -> None:
    """Tone maps an HDR image to display range."""
    pic = Picture(d)
    curve = d.option("curve", "reinhard", "extended", "luminance", "hable", "aces", "exponential")
    encode = d.option("encode", "none", "srgb", "gamma")
    by = {
        "reinhard": "the Reinhard operator",
        "extended": "the extended Reinhard operator",
        "luminance": "the extended Reinhard operator applied to luminance",
        "hable": "Hable's filmic curve",
        "aces": "a fit of the ACES curve",
        "exponential": "exponential exposure mapping",
    }[curve]
    coding = {"none": "", "srgb": " with sRGB encoding", "gamma": " with gamma encoding"}[encode]
    d.says(f"Tone maps an HDR image using {by}{coding}.")
    clamped = d.flag("clamped", 0.4) or encode != "none"  # what is encoded is meant for a display
    clamped = clamped and curve not in ("reinhard", "exponential")
    dim = encode == "srgb" and d.pick(True, False)  # sRGB is linear near black
    pic.declare(d, "hdr", "Linear HDR colors", high=0.5 if dim else 8.0)
    d.param("exposure", "float", 0.5, 2.0, about="Exposure scale")
    if curve in ("extended", "hable", "luminance"):
        d.param("white", "float", 8.0, 12.0, about="White point")
    if encode == "gamma":
        d.param("gamma", "float", 1.8, 2.4, about="Display gamma")
    pic.declare(d, "ldr", "Tone-mapped colors", output=True)
    one = "wp.vec3(1.0, 1.0, 1.0)"
    lines = [pic.head, f"c = exposure * {pic.load('hdr')}"]
    if curve == "luminance":
        lum = d.use(colour.LUMA_709)
        lines += [
            f"lum = {lum}(c)",
            "# scale RGB by the luminance ratio to preserve the hue",
            "c *= (1.0 + lum / (white * white)) / (1.0 + lum)",
        ]
    elif curve in ("reinhard", "extended"):
        extra = " * (1.0 + x / (white * white))" if curve == "extended" else ""
        arguments = "x: float, white: float" if extra else "x: float"
        d.function(f"""
            @wp.func
            def reinhard({arguments}) -> float:
                return x{extra} / (1.0 + x)
        """)
        more = ", white" if extra else ""
        lines.append("c = wp.vec3(" + ", ".join(f"reinhard(c[{k}]{more})" for k in range(3)) + ")")
    elif curve == "hable":
        d.function("""
            @wp.func
            def hable(x: float) -> float:
                # Hable: shoulder 0.15, linear 0.5 with angle 0.1, toe 0.2 (0.02 / 0.3)
                return (x * (0.15 * x + 0.05) + 0.004) / (x * (0.15 * x + 0.5) + 0.06) - 0.02 / 0.3
        """)
        lines += ["scale = 1.0 / hable(white)", "c = scale * wp.vec3(hable(c[0]), hable(c[1]), hable(c[2]))"]
    elif curve == "aces":
        d.function("""
            @wp.func
            def aces(x: float) -> float:
                return (x * (2.51 * x + 0.03)) / (x * (2.43 * x + 0.59) + 0.14)
        """)
        lines += [
            "# ACES filmic curve fit (Narkowicz 2015)",
            "c = wp.vec3(aces(c[0]), aces(c[1]), aces(c[2]))",
        ]
    else:
        lines += [f"c = {one} - wp.vec3(wp.exp(-c[0]), wp.exp(-c[1]), wp.exp(-c[2]))"]
    if clamped:
        lines += [f"c = wp.min(c, {one})"]
    if encode == "srgb":
        d.use(colour.TO_SRGB)
        lines.append(f"c = {_each(colour.TO_SRGB)('c')}")
    elif encode == "gamma":
        lines += ["inv = 1.0 / gamma", "c = wp.vec3(wp.pow(c[0], inv), wp.pow(c[1], inv), wp.pow(c[2], inv))"]
    lines.append(pic.store("ldr", "c"))
    d.launch(*pic.shape)
    d.code("\n".join(lines))

    def reference(v: Values) -> dict[str, Any]:
        c = v.exposure * v.hdr
        if curve == "luminance":
            lum = (c @ np.array([0.2126, 0.7152, 0.0722]))[..., None]
            c = c * (1 + lum / v.white**2) / (1 + lum)
        elif curve == "reinhard":
            c = c / (1 + c)
        elif curve == "extended":
            c = c * (1 + c / v.white**2) / (1 + c)
        elif curve == "hable":

            def f(x: Any) -> Any:
                a, b, cc, dd, e, ff = 0.15, 0.5, 0.1, 0.2, 0.02, 0.3
                return (x * (a * x + cc * b) + dd * e) / (x * (a * x + b) + dd * ff) - e / ff

            c = f(c) / f(v.white)
        elif curve == "aces":
            c = (2.51 * c**2 + 0.03 * c) / (2.43 * c**2 + 0.59 * c + 0.14)
        else:
            c = 1 - np.exp(-c)
        if clamped:
            c = np.minimum(c, 1)
        if encode != "none":
            c = colour.TO_SRGB(c) if encode == "srgb" else c ** (1 / v.gamma)
        return {"ldr": c}

    d.check(reference, 5e-4)
