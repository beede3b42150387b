"""Tones: radiance brought into the range of a screen."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rendering import DOMAIN
from warpgen.synthesis.algorithms.rendering.pixels import NAMES
from warpgen.synthesis.writing.draft import Draft, Values

_CURVES: dict[str, tuple[str, Any]] = {
    "reinhard": ("return x / (1.0 + x)", lambda x: x / (1.0 + x)),
    "reinhard white": (
        "# extended Reinhard with white point 4 (4^2 = 16)\nreturn x * (1.0 + x / 16.0) / (1.0 + x)",
        lambda x: x * (1.0 + x / 16.0) / (1.0 + x),
    ),
    "aces": (
        """
        # ACES filmic fit (Narkowicz 2015)
        return wp.clamp(x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14), 0.0, 1.0)
        """,
        lambda x: np.clip((2.51 * x * x + 0.03 * x) / (2.43 * x * x + 0.59 * x + 0.14), 0.0, 1.0),
    ),
    "hable": (
        """
        # Uncharted 2 curve (Hable 2010) with toe, linear section and shoulder
        level = (x * (0.15 * x + 0.05) + 0.004) / (x * (0.15 * x + 0.5) + 0.06) - 0.02 / 0.3
        # normalize so that the white point 11.2 maps to one
        white_level = 0.7251
        return level / white_level
        """,
        lambda x: ((0.15 * x * x + 0.05 * x + 0.004) / (0.15 * x * x + 0.5 * x + 0.06) - 0.02 / 0.3) / 0.7251,
    ),
    "exponential": ("return 1.0 - wp.exp(-x)", lambda x: 1.0 - np.exp(-x)),
    "logarithmic": (
        "# normalize so that the white point 8 maps to one\nreturn wp.log(1.0 + x) / wp.log(9.0)",
        lambda x: np.log1p(x) / np.log(9.0),
    ),
}


@DOMAIN.algorithm(
    source="Reinhard et al. 2002; Hable 2010; Narkowicz 2015; IEC 61966-2-1 for sRGB",
    names=NAMES
    | {
        "tone_map": "tonemap|tone_mapping|hdr_to_ldr|apply_tonemap",
        "curve": "tone_curve|tone_operator",
    },
    half=True,
    weight=4,
)
def tone_map(d: Draft) -> None:
    """Tone maps HDR radiance to display range."""
    form = d.option("curve", *_CURVES)
    encode = d.option("encoding", "linear", "gamma", "srgb")
    over = d.option("over", "channels", "luminance")
    layout = d.option("layout", "image", "flat", "packed")
    text, curve = _CURVES[form]
    shown = {
        "reinhard": "Reinhard's", "reinhard white": "Reinhard's extended", "aces": "the fitted ACES", "hable": "Hable's",
        "exponential": "an exponential", "logarithmic": "a logarithmic",
    }[form]  # fmt: skip
    d.says(
        f"Tone maps HDR radiance to display range using {shown} curve{' on luminance' if over == 'luminance' else ''}"
        + {"linear": "", "gamma": ", with gamma 2.2", "srgb": ", encoded as sRGB"}[encode]
        + (", packed to 8 bits per channel." if layout == "packed" else ".")
    )
    h, w = d.pick(8, 10), d.pick(8, 12)
    shape: tuple[int, ...] = (h, w) if layout != "flat" else (h * w,)
    at = "i, j" if layout != "flat" else "tid"
    if form == "reinhard white" and over == "channels" and layout != "packed":
        text = (
            "# extended Reinhard with white point 4 (4^2 = 16), clipped to white above\n"
            "return wp.min(x * (1.0 + x / 16.0) / (1.0 + x), 1.0)"
        )
    d.function("@wp.func\ndef curve(x: float) -> float:\n    $body", body=text)
    if encode == "srgb":
        d.function(
            """
            @wp.func
            def srgb(c: float) -> float:
                # linear segment near black, to avoid the infinite slope at zero
                if c <= 0.0031308:
                    return 12.92 * c
                return 1.055 * wp.pow(c, 1.0 / 2.4) - 0.055
            """
        )
    d.input("hdr", "vec3", shape, 0.05, 6.0, about="Linear HDR image")
    d.param("exposure", "float", 0.4, 1.2, about="Exposure scale")
    d.output(
        "ldr",
        "uint32" if layout == "packed" else "vec3",
        shape,
        about="Display-referred image"
        + (", red in the lowest byte, followed by green and blue" if layout == "packed" else ""),
    )

    def channel(k: int) -> str:
        value = f"curve(c[{k}])" if over == "channels" else f"m[{k}]"
        return {
            "linear": value,
            "gamma": f"wp.pow(wp.max({value}, 1.0e-4), 1.0 / 2.2)",
            "srgb": f"srgb({value})",
        }[encode]

    lines = ""
    if over == "luminance":
        lines = """
            # scale all channels equally to preserve hue
            lum = 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2]
            m = c * (curve(lum) / wp.max(lum, 1.0e-4))
            """
        if layout != "packed":
            lines += """
            # saturated colors may still exceed one
            m = wp.min(m, wp.vec3(1.0, 1.0, 1.0))
            """
    if layout == "packed":
        # these curves stay below one by themselves
        within = over == "channels" and form in ("reinhard", "aces", "exponential")
        byte = "255.0 * {} + 0.5" if within else "255.0 * wp.min({}, 1.0) + 0.5"
        store = "\n".join(f"{n} = wp.uint32({byte.format(channel(k))})" for k, n in enumerate("rgb"))
        store += f"\nldr[{at}] = r | (g << wp.uint32(8)) | (b << wp.uint32(16))"
    elif over == "luminance" and encode == "linear":
        store = f"ldr[{at}] = m"
    else:
        store = f"ldr[{at}] = wp.vec3({', '.join(channel(k) for k in range(3))})"
    d.launch(*shape)
    d.code(
        "$index\nc = exposure * hdr[$at]\n$lines\n$store",
        index="i, j = wp.tid()" if layout != "flat" else "tid = wp.tid()",
        at=at,
        lines=lines,
        store=store,
    )

    def reference(v: Values) -> Any:
        c = v.exposure * v.hdr
        if over == "luminance":
            lum = c @ np.array([0.2126, 0.7152, 0.0722])
            c = c * (curve(lum) / lum)[..., None]
        else:
            c = curve(c)
        c = np.minimum(c, 1.0)
        if encode == "gamma":
            c = np.maximum(c, 1e-4) ** (1.0 / 2.2)
        elif encode == "srgb":
            c = np.where(c <= 0.0031308, 12.92 * c, 1.055 * np.maximum(c, 1e-9) ** (1.0 / 2.4) - 0.055)
        return c

    if layout == "packed":

        def bytes_close(before: Values, after: Values) -> None:
            packed = np.asarray(after.ldr).astype(np.int64)
            made = np.stack([(packed >> s) & 255 for s in (0, 8, 16)], axis=-1)
            np.testing.assert_allclose(made, 255.0 * np.clip(reference(before), 0.0, 1.0), atol=1.01)

        d.holds(bytes_close)
    else:
        d.check(lambda v: {"ldr": reference(v)}, 2e-3)
