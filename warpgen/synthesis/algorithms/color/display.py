"""The way of linear light to a display: exposure, white balance, tone curve, gamut and coding."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.color import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, dedented
from warpgen.synthesis.writing.trim import trim

_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175], [0.0193339, 0.119192, 0.9503041]]
)
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def _rows(names: str, matrix: Any, of: str, digits: int = 7) -> str:
    """Assignments `name = m0 * of0 + ...` for the rows of a matrix."""
    lines = []
    for name, row in zip(names.split(), matrix, strict=True):
        terms = [
            x if m == 1.0 else f"{abs(m):.{digits}f} * {x}" for m, x in zip(row, of.split(), strict=True)
        ]
        text = ("-" if row[0] < 0 else "") + terms[0]
        for m, term in zip(row[1:], terms[1:], strict=True):
            text += (" - " if m < 0 else " + ") + term
        lines.append(f"{name} = {text}")
    return "\n".join(lines)


@DOMAIN.algorithm(
    source="Lindbloom 2017; Hable 2010; Reinhard et al. 2002; Ottosson 2020; IEC 61966-2-1",
    names={
        "develop_image": "tonemap_image|render_to_display|grade_pixels",
        "linear": "hdr|scene|scene_light",
        "exposure": "stops|ev|gain_ev",
        "white": "illuminant|source_white|scene_white",
        "display": "ldr|screen",
        "saturation": "sat|chroma_scale",
    },
    adjoint="either",
    weight=5,
)
def develop_image(d: Draft) -> None:
    """Converts linear light to display values (exposure, white balance, tone curve, encoding)."""
    balance = d.option("balance", "bradford", "channel gains", "none")
    curve = d.option("curve", "filmic", "reinhard", "narkowicz", "logarithmic", "white point")
    apply = d.option("apply", "channels", "luminance")
    saturate = d.option("saturate", "none", "luma", "oklab")
    coding = d.option("coding", "srgb", "gamma", "rec709", "linear")
    layout = d.option("layout", "vectors", "planes", "pixels")
    rows, columns = d.pick(8, 12), d.pick(12, 16)
    flat = layout == "pixels"
    steps = ["exposure"] + (["white balance"] if balance != "none" else []) + ["a tone curve"]
    steps += (["saturation"] if saturate != "none" else []) + (["encoding"] if coding != "linear" else [])
    d.says(f"Converts linear light to display values using {', '.join(steps[:-1])} and {steps[-1]}.")
    at = "p" if flat else "i, j"
    shape: Any = rows * columns if flat else (rows, columns)
    if layout == "planes":
        d.input("linear", "float", (3, rows, columns), 0.0, 2.0, about="Linear RGB")
        load = "r = linear[0, i, j]\ng = linear[1, i, j]\nb = linear[2, i, j]"
    else:
        d.input("linear", "vec3", shape, 0.0, 2.0, about="Linear RGB")
        load = f"c = linear[{at}]\nr = c[0]\ng = c[1]\nb = c[2]"
    d.param("exposure", "float", -1.0, 1.0, about="Exposure compensation [EV]")
    if balance != "none":
        space = "XYZ" if balance == "bradford" else "linear RGB"
        d.param("white", "vec3", 0.6, 1.4, about=f"Light source white point ({space})")
    if saturate != "none":
        d.param("saturation", "float", 0.6, 1.3, about="Saturation factor")
    if curve == "white point":
        d.param("brightest", "float", 2.0, 5.0, about="Luminance that maps to white")
    if coding == "gamma":
        d.param("gamma", "float", 1.8, 2.6, about="Display gamma")
    expose = "# Exposure compensation in stops (EV)\nscale = wp.pow(2.0, exposure)\nr *= scale\ng *= scale\nb *= scale"
    inverse = np.linalg.inv(_BRADFORD)
    back = np.linalg.inv(_XYZ)
    adapt = {
        "none": "",
        "channel gains": (
            "# Normalize gains to green to preserve exposure\nr *= white[1] / white[0]\nb *= white[1] / white[2]"
        ),
        "bradford": "\n".join(
            [
                "# Von Kries adaptation: per-channel gains in cone space",
                _rows("x y z", _XYZ, "r g b"),
                _rows("cone_l cone_m cone_s", _BRADFORD, "x y z", 4),
                _rows("cone_l_w cone_m_w cone_s_w", _BRADFORD, "white[0] white[1] white[2]", 4),
                "# Display reference white is D65",
                *(
                    f"{name} *= {value:.6f} / {name}_w"
                    for name, value in zip(
                        ("cone_l", "cone_m", "cone_s"),
                        _BRADFORD @ np.array([0.95047, 1.0, 1.08883]),
                        strict=True,
                    )
                ),
                _rows("x y z", inverse, "cone_l cone_m cone_s"),
                _rows("r g b", back, "x y z"),
                "# Clip negative out-of-gamut values",
                *(f"{n} = wp.max({n}, 0.0)" for n in "rgb"),
            ]
        ),
    }[balance]
    tone = {
        "filmic": """
        # Hable 2010 filmic curve, normalized so that 11.2 maps to white
        num = x * (0.22 * x + 0.03) + 0.002
        den = x * (0.22 * x + 0.3) + 0.06
        return (num / den - 0.0333333) / 0.8673012
        """,
        "reinhard": "# Reinhard operator\nreturn x / (1.0 + x)",
        "narkowicz": (
            "# ACES filmic approximation (Narkowicz 2015)\n"
            "return x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14)"
        ),
        "logarithmic": ("# Logarithmic curve, 5 maps to white\nreturn wp.log(1.0 + 8.0 * x) / wp.log(41.0)"),
        "white point": (
            "# Extended Reinhard: `brightest` maps to white\n"
            "return x * (1.0 + x / (brightest * brightest)) / (1.0 + x)"
        ),
    }[curve]
    more, given = (", brightest: float", ", brightest") if curve == "white point" else ("", "")
    d.function(f"@wp.func\ndef tone_curve(x: float{more}) -> float:\n    $tone", tone=dedented(tone))
    if apply == "channels":
        toned = "\n".join(f"{n} = tone_curve({n}{given})" for n in "rgb")
    else:
        toned = f"""# Avoid division by zero for black pixels
lum = wp.max(0.2126 * r + 0.7152 * g + 0.0722 * b, 1.0e-4)
# Scale all channels by the same factor to preserve hue
ratio = tone_curve(lum{given}) / lum
r *= ratio
g *= ratio
b *= ratio"""
    to_ok = np.linalg.inv(_TO_OKLAB)
    to_ok[:, 0] = 1.0  # but for the rounding of the published digits
    to_rgb = np.linalg.inv(_TO_LMS)
    colorful = {
        "none": "",
        "luma": """
        gray = 0.2126 * r + 0.7152 * g + 0.0722 * b
        r = gray + saturation * (r - gray)
        g = gray + saturation * (g - gray)
        b = gray + saturation * (b - gray)
        """,
        "oklab": "\n".join(
            [
                "# Scale chroma in OKLab, which preserves lightness and hue",
                _rows("l m s", _TO_LMS, "r g b", 10),
                "l = wp.cbrt(l)\nm = wp.cbrt(m)\ns = wp.cbrt(s)",
                _rows("light ok_a ok_b", _TO_OKLAB, "l m s", 10),
                "ok_a *= saturation\nok_b *= saturation",
                _rows("l m s", to_ok, "light ok_a ok_b", 10),
                "l = l * l * l\nm = m * m * m\ns = s * s * s",
                _rows("r g b", to_rgb, "l m s", 8),
            ]
        ),
    }[saturate]
    clip = "# Clip to the display range\n" + "\n".join(f"{n} = wp.clamp({n}, 0.0, 1.0)" for n in "rgb")
    if curve == "reinhard" and apply == "channels" and saturate == "none":
        clip = ""  # the curve stays below one
    if coding == "linear":
        code = ""
    elif coding == "gamma":
        code = "inv = 1.0 / gamma\n# Clamp to avoid the infinite slope of the power function at zero\n"
        code += "\n".join(f"{n} = wp.pow(wp.max({n}, 1.0e-4), inv)" for n in "rgb")
    else:
        power, a, b, slope, edge = {
            "srgb": ("1.0 / 2.4", "1.055", "0.055", "12.92", "0.0031308"),
            "rec709": ("0.45", "1.099", "0.099", "4.5", "0.018"),
        }[coding]
        d.function(f"""
            @wp.func
            def encode_{coding}(x: float) -> float:
                # Linear segment near black avoids the infinite slope of the power function
                if x <= {edge}:
                    return {slope} * x
                return {a} * wp.pow(x, {power}) - {b}
        """)
        code = "\n".join(f"{n} = encode_{coding}({n})" for n in "rgb")
    about = "Linear display RGB" if coding == "linear" else "Encoded RGB"
    if layout == "planes":
        d.output("display", "float", (3, rows, columns), about=about)
        store = "display[0, i, j] = r\ndisplay[1, i, j] = g\ndisplay[2, i, j] = b"
    else:
        d.output("display", "vec3", shape, about=about)
        store = f"display[{at}] = wp.vec3(r, g, b)"
    d.launch(*((rows * columns,) if flat else (rows, columns)))
    d.code(
        f"{at} = wp.tid()\n$load\n$expose\n$adapt\n$toned\n$colorful\n$clip\n$code\n$store",
        load=load, expose=expose, adapt=adapt, toned=toned, colorful=colorful, clip=clip, code=code,
        store=store,
    )  # fmt: skip
    trim(d)
    d.explain("Input uses sRGB primaries with diffuse white at 1; display values are in [0, 1] per channel.")

    def reference(v: Values) -> dict[str, Any]:
        c = np.moveaxis(v.linear, 0, -1) if layout == "planes" else v.linear
        c = c * 2.0**v.exposure
        if balance == "channel gains":
            c = c * (v.white[1] / v.white)
        elif balance == "bradford":
            gains = (_BRADFORD @ np.array([0.95047, 1.0, 1.08883])) / (_BRADFORD @ v.white)
            whole = np.linalg.inv(_XYZ) @ np.linalg.inv(_BRADFORD) @ np.diag(gains) @ _BRADFORD @ _XYZ
            c = np.maximum(c @ whole.T, 0)

        def hable(x: Any) -> Any:
            return (x * (0.22 * x + 0.03) + 0.002) / (x * (0.22 * x + 0.3) + 0.06) - 0.02 / 0.6

        def toned_(x: Any) -> Any:
            if curve == "filmic":
                return hable(x) / hable(11.2)
            if curve == "reinhard":
                return 1 - 1 / (1 + x)
            if curve == "narkowicz":
                return (2.51 * x**2 + 0.03 * x) / (2.43 * x**2 + 0.59 * x + 0.14)
            if curve == "logarithmic":
                return np.log1p(8 * x) / np.log(41)
            return (x + (x / v.brightest) ** 2) / (1 + x)

        luma = np.array([0.2126, 0.7152, 0.0722])
        if apply == "channels":
            c = toned_(c)
        else:
            lum = np.maximum(c @ luma, 1e-4)[..., None]
            c = c / lum * toned_(lum)
        if saturate == "luma":
            gray = (c @ luma)[..., None]
            c = gray + v.saturation * (c - gray)
        elif saturate == "oklab":
            ok = np.cbrt(c @ _TO_LMS.T) @ _TO_OKLAB.T
            ok = ok * np.array([1.0, v.saturation, v.saturation])
            c = np.linalg.solve(_TO_LMS, np.linalg.solve(_TO_OKLAB, ok.reshape(-1, 3).T) ** 3).T.reshape(
                c.shape
            )
        c = np.clip(c, 0, 1)
        if coding == "srgb":
            c = np.where(c <= 0.0031308, 12.92 * c, 1.055 * c ** (1 / 2.4) - 0.055)
        elif coding == "rec709":
            c = np.where(c <= 0.018, 4.5 * c, 1.099 * c**0.45 - 0.099)
        elif coding == "gamma":
            c = np.maximum(c, 1e-4) ** (1 / v.gamma)
        return {"display": np.moveaxis(c, -1, 0) if layout == "planes" else c}

    d.check(reference, 3e-3)
