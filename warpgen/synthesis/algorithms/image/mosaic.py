"""Mosaics: the colours that a sensor's filter hides."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.image import DOMAIN
from warpgen.synthesis.algorithms.image.pixels import NAMES, Border
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Cok 1987; Bayer 1976 (mosaic)",
    names=NAMES
    | {
        "demosaic": "debayer|bayer_to_rgb|demosaic_bayer|interpolate_mosaic",
        "raw": "mosaic|bayer|sensor",
        "rgb": "color|out_color|image_rgb",
        "cross": "plus_mean|cross_mean",
        "diagonal": "corner_mean|diag",
    },
    double=True,
    weight=2,
)
def demosaic(d: Draft) -> None:
    """Demosaics a Bayer image using interpolation."""
    border = Border(d, "mirror", "interior")
    layout = d.option("pattern", "RGGB", "BGGR", "GRBG", "GBRG")
    green = d.option("green", "bilinear", "edge-directed")
    gains = d.flag("gains", 0.4)
    h, w = d.pick(8, 10, 12), d.pick(8, 12, 14)
    d.says(
        f"Demosaics a Bayer image ({layout}) "
        + ("bilinearly" if green == "bilinear" else "with green interpolated along edges")
        + (" and applies white balance" if gains else "")
        + (", skipping border pixels." if border.kind == "interior" else ".")
    )
    d.input("raw", "float", (h, w), 0.1, 1.0, about="Raw Bayer image")
    if gains:
        d.param("wb", "vec3", 0.8, 2.0, about="White balance gains")
    planes = d.option("layout", "pixels", "channels", "planes")
    about = "RGB image" + (", border pixels are not written" if border.kind == "interior" else "")
    if planes == "pixels":
        d.output("rgb", "vec3", (h, w), about=about)
    else:
        d.output("rgb", "float", (h, w, 3) if planes == "channels" else (3, h, w), about=about)
    lines = ["i, j = wp.tid()"]
    if border.kind == "mirror":
        lines += ["height = raw.shape[0]", "width = raw.shape[1]"]
        lines += [f"u = {border('i - 1', 'height')}", f"d = {border('i + 1', 'height')}"]
        lines += [f"l = {border('j - 1', 'width')}", f"r = {border('j + 1', 'width')}"]
    else:
        lines += [
            "height = raw.shape[0]",
            "width = raw.shape[1]",
            "if i == 0 or j == 0 or i == height - 1 or j == width - 1:",
            "    return",
            "u = i - 1",
            "d = i + 1",
            "l = j - 1",
            "r = j + 1",
        ]
    lines = [
        line.replace("u =", "above =")
        .replace("d =", "below =")
        .replace("l =", "left =")
        .replace("r =", "right =")
        if line[:3] in ("u =", "d =", "l =", "r =")
        else line
        for line in lines
    ]
    lines += [
        "here = raw[i, j]",
        "north = raw[above, j]",
        "south = raw[below, j]",
        "west = raw[i, left]",
        "east = raw[i, right]",
    ]
    red = layout.index("R")
    ry, rx = red // 2, red % 2
    lines += ["vertical = 0.5 * (north + south)", "horizontal = 0.5 * (west + east)"]
    lines += [
        "diagonal = 0.25 * (raw[above, left] + raw[above, right] + raw[below, left] + raw[below, right])"
    ]
    if green == "bilinear":
        lines += ["cross = 0.5 * (vertical + horizontal)"]
    else:
        lines += [
            "# interpolate green along the edge rather than across it",
            "if wp.abs(north - south) < wp.abs(west - east):",
            "    cross = vertical",
            "elif wp.abs(west - east) < wp.abs(north - south):",
            "    cross = horizontal",
            "else:",
            "    cross = 0.5 * (vertical + horizontal)",
        ]
    test_row = f"i % 2 == {ry}"
    test_col = f"j % 2 == {rx}"
    lines += [
        f"# {layout} pattern: red at {'even' if not ry else 'odd'} rows and {'even' if not rx else 'odd'} columns",
        f"red_row = {test_row}",
        f"red_col = {test_col}",
        "if red_row and red_col:",
        "    c = wp.vec3(here, cross, diagonal)",
        "elif red_row:",
        "    c = wp.vec3(horizontal, here, vertical)",
        "elif red_col:",
        "    c = wp.vec3(vertical, here, horizontal)",
        "else:",
        "    c = wp.vec3(diagonal, cross, here)",
    ]
    if planes == "pixels":
        lines.append("rgb[i, j] = wp.cw_mul(wb, c)" if gains else "rgb[i, j] = c")
    else:
        if gains:
            lines.append("c = wp.cw_mul(wb, c)")
        place = "i, j, {}" if planes == "channels" else "{}, i, j"
        lines += [f"rgb[{place.format(k)}] = c[{k}]" for k in range(3)]
    d.launch(h, w)
    d.code("\n".join(lines))

    def reference(v: Values) -> dict[str, Any]:
        y, x = np.mgrid[:h, :w]
        big = np.pad(v.raw, 1, "reflect")
        near = {(a, b): big[1 + a : 1 + a + h, 1 + b : 1 + b + w] for a in (-1, 0, 1) for b in (-1, 0, 1)}
        vertical, level = (near[-1, 0] + near[1, 0]) / 2, (near[0, -1] + near[0, 1]) / 2
        diagonal = sum(near[a, b] for a in (-1, 1) for b in (-1, 1)) / 4
        cross = (vertical + level) / 2
        if green == "edge-directed":
            dv, dh = abs(near[-1, 0] - near[1, 0]), abs(near[0, -1] - near[0, 1])
            cross = np.where(dv < dh, vertical, np.where(dh < dv, level, cross))
        kind = 2 * ((y + ry) % 2) + (x + rx) % 2  # 0 red, 1 green beside red, 2 green below red, 3 blue
        red_ = np.choose(kind, [v.raw, level, vertical, diagonal])
        green_ = np.choose(kind, [cross, v.raw, v.raw, cross])
        blue = np.choose(kind, [diagonal, vertical, level, v.raw])
        colour = np.stack([red_, green_, blue], -1) * (v.wb if gains else 1.0)
        if border.kind == "interior":
            inside = np.pad(np.ones((h - 2, w - 2)), 1)[..., None]
            colour = colour * inside
        return {"rgb": np.moveaxis(colour, -1, 0) if planes == "planes" else colour}

    d.check(reference)
