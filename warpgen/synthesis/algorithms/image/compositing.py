"""Layers and levels: compositing and dither."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.image import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_BLENDS = {
    "over": "",
    "multiply": "wp.cw_mul(top, bottom)",
    "screen": "top + bottom - wp.cw_mul(top, bottom)",
    "darken": "wp.min(top, bottom)",
    "lighten": "wp.max(top, bottom)",
}
_PREMULTIPLIED = {
    "multiply": "wp.cw_mul(top, bottom)",
    "screen": "b * top + a * bottom - wp.cw_mul(top, bottom)",
    "darken": "wp.min(b * top, a * bottom)",
    "lighten": "wp.max(b * top, a * bottom)",
}


@DOMAIN.algorithm(
    source="Porter & Duff 1984; W3C Compositing and Blending Level 1",
    names={
        "composite_layers": "composite|blend_layers|alpha_composite",
        "composed": "blended|out_rgba|composite_out",
        "alpha": "a|coverage|out_alpha",
        "opacity": "layer_opacity|layer_alpha",
    },
    double=True,
)
def composite_layers(d: Draft) -> None:
    """Composites an RGBA layer over a background."""
    blend = d.option("blend", *_BLENDS)
    operator = d.option("operator", "over", "atop", "premultiplied", "opaque")
    fade = d.flag("opacity", 0.5)
    flat = d.flag("flat")
    masked = d.flag("mask", 0.3)
    shape: tuple[int, ...] = (d.pick(64, 96, 128),) if flat else (d.pick(8, 10, 12), d.pick(8, 12, 14))
    place, head = ("tid", "tid = wp.tid()") if flat else ("i, j", "i, j = wp.tid()")
    premultiplied = operator == "premultiplied"
    opaque = operator == "opaque"
    mode = "" if blend == "over" else f" in {blend} mode"
    d.says(
        {
            "over": f"Composites an RGBA layer over a background{mode}.",
            "atop": f"Composites an RGBA layer atop a background{mode} (source-atop).",
            "premultiplied": f"Composites a premultiplied RGBA layer over a background{mode}.",
            "opaque": f"Composites an RGBA layer over an opaque background{mode}.",
        }[operator]
    )
    front, back = d.pick(("fg", "bg"), ("foreground", "background"), ("layer", "backdrop"))
    if premultiplied:
        # no premultiplied color exceeds its alpha
        for name, what in ((front, "Foreground"), (back, "Background")):
            d.input(name, "vec3", shape, 0.0, 0.4, about=f"{what} color, premultiplied")
            d.input(f"{name}_alpha", "float", shape, 0.4, 1.0, about=f"{what} alpha")
    else:
        d.input(front, "vec4", shape, 0.1, 0.9, about="Foreground layer (RGBA)")
        kind = "RGB" if opaque else "RGBA"
        d.input(back, f"vec{len(kind)}", shape, 0.1, 0.9, about=f"Background ({kind})")
    if masked:
        d.input("mask", "float", shape, about="Per-pixel layer mask in [0, 1]")
    if fade:
        d.param("opacity", "float", 0.3, 1.0, about="Layer opacity")
    d.output("composed", "vec3" if opaque else "vec4", shape, about="Composited image")
    scale = [name for name in ("opacity" if fade else "", f"mask[{place}]" if masked else "") if name]
    lines = [head]
    if premultiplied:
        lines += [f"top = {front}[{place}]", f"bottom = {back}[{place}]"]
        lines += [f"a = {front}_alpha[{place}]", f"b = {back}_alpha[{place}]"]
        if scale:
            lines += ["# premultiplied color fades along with its alpha"]
            lines += [f"top = {' * '.join(scale)} * top", f"a = {' * '.join(scale)} * a"]
        if blend == "over":
            lines += ["c = top + (1.0 - a) * bottom"]
        else:
            lines += ["# blend mode scaled by both alphas to avoid un-premultiplying"]
            lines += [f"mixed = {_PREMULTIPLIED[blend]}"]
            lines += ["c = (1.0 - b) * top + (1.0 - a) * bottom + mixed"]
        lines += [f"composed[{place}] = wp.vec4(c[0], c[1], c[2], a + b * (1.0 - a))"]
    else:
        lines += [f"f = {front}[{place}]", f"{'bottom' if opaque else 'b'} = {back}[{place}]"]
        lines += ["top = wp.vec3(f[0], f[1], f[2])"]
        lines += [] if opaque else ["bottom = wp.vec3(b[0], b[1], b[2])"]
        lines.append(f"a = {' * '.join(['f[3]', *scale])}")
        if blend != "over":
            if opaque:
                lines.append(f"top = {_BLENDS[blend]}")
            else:
                lines.append("# only blend where the backdrop is opaque")
                mixed = f"({_BLENDS[blend]})" if blend == "screen" else _BLENDS[blend]
                lines.append(f"top = (1.0 - b[3]) * top + b[3] * {mixed}")
        if opaque:
            lines += [f"composed[{place}] = a * top + (1.0 - a) * bottom"]
        elif operator == "over":
            lines += [
                "alpha = a + b[3] * (1.0 - a)",
                "c = (a * top + b[3] * (1.0 - a) * bottom) / wp.max(alpha, 1.0e-6)",
                f"composed[{place}] = wp.vec4(c[0], c[1], c[2], alpha)",
            ]
        else:
            lines += ["c = a * top + (1.0 - a) * bottom"]
            lines += [f"composed[{place}] = wp.vec4(c[0], c[1], c[2], b[3])"]
    d.launch(*shape)
    d.code("\n".join(lines))

    def reference(v: Values) -> dict[str, Any]:
        top, bottom = v[front][..., :3], v[back][..., :3]
        if premultiplied:
            a, b = v[f"{front}_alpha"][..., None], v[f"{back}_alpha"][..., None]
            top, bottom = top / a, bottom / b
        else:
            a = v[front][..., 3:]
            b = np.ones_like(a) if opaque else v[back][..., 3:]
        k: Any = 1.0
        if fade:
            k = k * v.opacity
        if masked:
            k = k * v.mask[..., None]
        a = a * k
        mixed = {
            "over": top,
            "multiply": top * bottom,
            "screen": 1 - (1 - top) * (1 - bottom),
            "darken": np.minimum(top, bottom),
            "lighten": np.maximum(top, bottom),
        }[blend]
        top = (1 - b) * top + b * mixed
        alpha = a + b * (1 - a)
        if opaque:
            return {"composed": a * top + (1 - a) * bottom}
        if operator == "atop":
            return {"composed": np.concatenate([a * top + (1 - a) * bottom, b], -1)}
        c = a * top + b * (1 - a) * bottom
        return {"composed": np.concatenate([c if premultiplied else c / alpha, alpha], -1)}

    d.check(reference)


def _bayer(n: int) -> Any:
    """The threshold matrix of n x n ranks."""
    m = np.zeros((1, 1), int)
    while len(m) < n:
        m = np.block([[4 * m, 4 * m + 2], [4 * m + 3, 4 * m + 1]])
    return m


@DOMAIN.algorithm(
    source="Bayer 1973; Jimenez 2014 (interleaved gradient noise)",
    names={
        "ordered_dither": "dither|bayer_dither|quantize_dithered",
        "src": "image|gray|intensity",
        "dst": "dithered|quantized",
        "levels": "num_levels|n_levels",
        "threshold": "t|thresh",
        "bias": "dither|shift",
        "ranks": "pattern|matrix|threshold_ranks",
    },
    adjoint="either",
    weight=12,
)
def ordered_dither(d: Draft) -> None:
    """Quantizes an image with ordered dithering."""
    pattern = d.option("pattern", "array", "computed", "gradient noise", "two")
    result = d.option("result", "bit", "level", "value")
    if pattern == "gradient noise":
        d.calls("noise_dither|gradient_noise_dither|dither|quantize_dithered")
    elif pattern == "array":
        d.calls("ordered_dither|threshold_dither|matrix_dither|quantize_dithered")
    size = d.pick(4, 8) if pattern == "array" else (4 if pattern == "computed" else 2)
    flat = d.flag("flat", 0.4)
    h, w = d.pick(8, 12, 16), d.pick(9, 12, 18)
    n = d.pick(3, 4, 5)
    shape: tuple[int, ...] = (h * w,) if flat else (h, w)
    by = {
        "array": "a user-supplied threshold matrix",
        "computed": "a 4 x 4 Bayer matrix",
        "two": "a 2 x 2 Bayer matrix",
        "gradient noise": "interleaved gradient noise",
    }[pattern]
    d.says(
        {
            "bit": f"Dithers an image to one bit with {by}.",
            "level": f"Quantizes an image to level indices using dithering with {by}.",
            "value": f"Quantizes an image to a few gray levels using dithering with {by}.",
        }[result]
    )
    d.input("src", "float", shape, about="Input image in [0, 1]")
    if pattern == "array":
        about = "Row-major ranks of the square threshold matrix"
        d.input("ranks", "int", size * size, kind="permutation", about=about)
        d.param("side", "int", size, about="Threshold matrix size")
    if flat:
        d.param("width", "int", w, about="Image width [px]")
    if result != "bit":
        d.param("levels", "int", n, about="Number of output levels")
    about = {
        "bit": "0 or 1",
        "level": "Zero-based level indices",
        "value": "Quantized values in [0, 1]",
    }[result]
    d.output("dst", "float" if result == "value" else "int", shape, about=about)
    place = "tid" if flat else "y, x"
    name = "threshold" if result == "bit" else "bias"
    lines = ["tid = wp.tid()", "y = tid // width", "x = tid % width"] if flat else ["y, x = wp.tid()"]
    if pattern == "array":
        lines += [
            "rank = ranks[(y % side) * side + x % side]",
            f"{name} = (float(rank) + 0.5) / float(side * side)",
        ]
    elif pattern == "computed":
        lines += [
            "# 4x4 Bayer rank: interleave the bits of x ^ y and y",
            "q = x ^ y",
            "rank = ((q & 1) << 3) | ((y & 1) << 2) | (q & 2) | ((y & 2) >> 1)",
            f"{name} = (float(rank) + 0.5) / 16.0",
        ]
    elif pattern == "two":
        lines += [
            "# 2x2 Bayer matrix: [[0, 2], [3, 1]]",
            "rank = 2 * ((x ^ y) & 1) + (y & 1)",
            f"{name} = (float(rank) + 0.5) / 4.0",
        ]
    else:
        lines += [
            "# interleaved gradient noise (Jimenez 2014)",
            "f = 0.06711056 * float(x) + 0.00583715 * float(y)",
            "g = 52.9829189 * (f - wp.floor(f))",
            f"{name} = g - wp.floor(g)",
        ]
    if result == "bit":
        lines.append(
            f"dst[{place}] = 1 if src[{place}] > threshold else 0"
            if d.pick(True, False)
            else f"if src[{place}] > threshold:\n    dst[{place}] = 1\nelse:\n    dst[{place}] = 0"
        )
    else:
        lines += ["top = float(levels - 1)", f"level = wp.floor(src[{place}] * top + bias)"]
        lines += [f"dst[{place}] = level / top" if result == "value" else f"dst[{place}] = int(level)"]
    d.launch(*shape)
    d.code("\n".join(lines))

    def holds(before: Values, after: Values) -> None:
        image = before.src.reshape(h, w)
        y, x = np.mgrid[:h, :w]
        if pattern == "array":
            t = (before.ranks.reshape(size, size)[y % size, x % size] + 0.5) / size**2
        elif pattern in ("computed", "two"):
            t = (_bayer(size)[y % size, x % size] + 0.5) / size**2
        else:
            f = (0.06711056 * x + 0.00583715 * y) % 1.0
            t = (52.9829189 * f) % 1.0
        top = 1 if result == "bit" else before.levels - 1
        got = after.dst.reshape(h, w)
        if result == "value":
            got = got * top
        exact = image - t if result == "bit" else image * top + t
        wanted = (exact > 0).astype(int) if result == "bit" else np.floor(exact)
        # where the threshold is met to the last bits, either level is right
        sure = abs(exact - np.round(exact)) > 1e-3
        assert sure.any() and np.allclose(got[sure], wanted[sure], atol=1e-4)

    d.holds(holds)
