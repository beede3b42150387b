"""Raw development: from what a sensor measures to colors, all in one pass."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.color import DOMAIN
from warpgen.synthesis.library.proofs import mostly_close
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import piece

_SENSOR = '''
@wp.struct
class SensorParams:
    """Raw sensor calibration; levels in digital numbers."""

    black_level: float
    white_level: float
    gain_r: float
    gain_b: float
    vignetting: float
    exposure: float
    color_matrix: wp.mat33
'''
SHADED, EVEN = piece(_SENSOR), piece(_SENSOR.replace("    vignetting: float\n", ""))

_READ = '''
@wp.func
def linear_sample(raw: wp.array2d(dtype=float), sensor: SensorParams, row: int, col: int) -> float:
    """Load a raw sample and normalize it so that black is 0 and white is 1."""
    $border
    return (raw[r, c] - sensor.black_level) / (sensor.white_level - sensor.black_level)
'''

_BORDERS = {
    "mirror": (
        """
        # Mirror at the border to preserve the Bayer phase
        r = wp.where(row < 0, -row, wp.where(row >= raw.shape[0], 2 * raw.shape[0] - 2 - row, row))
        c = wp.where(col < 0, -col, wp.where(col >= raw.shape[1], 2 * raw.shape[1] - 2 - col, col))
        """,
        "reflect",
    ),
    "repeat": (
        """
        # Repeat the outermost two rows and columns to preserve the Bayer phase
        r = wp.where(row < 0, row + 2, wp.where(row >= raw.shape[0], row - 2, row))
        c = wp.where(col < 0, col + 2, wp.where(col >= raw.shape[1], col - 2, col))
        """,
        "repeat",
    ),
}

# Interpolated channels at a red (or blue) site, and at green sites; `cross`, `diag` ... are named sums.
_DEMOSAIC = {
    "bilinear": """
        # Bilinear interpolation for the two missing channels
        if is_green:
            green = center
            along_row = 0.5 * (west + east)
            along_col = 0.5 * (north + south)
        else:
            green = 0.25 * (north + south + west + east)
            opposite = 0.25 * (north_west + north_east + south_west + south_east)
        """,
    "gradient corrected": """
        # Malvar, He & Cutler 2004: bilinear estimate with a Laplacian correction from the known channel
        if is_green:
            green = center
            far_row = west2 + east2
            far_col = north2 + south2
            corners = north_west + north_east + south_west + south_east
            along_row = (5.0 * center + 4.0 * (west + east) - far_row - corners + 0.5 * far_col) / 8.0
            along_col = (5.0 * center + 4.0 * (north + south) - far_col - corners + 0.5 * far_row) / 8.0
        else:
            far = north2 + south2 + west2 + east2
            green = (4.0 * center + 2.0 * (north + south + west + east) - far) / 8.0
            corners = north_west + north_east + south_west + south_east
            opposite = (6.0 * center + 2.0 * corners - 1.5 * far) / 8.0
        """,
    "edge aware": """
        # Hamilton & Adams 1997: interpolate green along the smaller gradient
        if is_green:
            green = center
            along_row = 0.5 * (west + east)
            along_col = 0.5 * (north + south)
        else:
            curve_row = 2.0 * center - west2 - east2
            curve_col = 2.0 * center - north2 - south2
            grad_row = wp.abs(west - east) + wp.abs(curve_row)
            grad_col = wp.abs(north - south) + wp.abs(curve_col)
            if grad_row < grad_col:
                green = 0.5 * (west + east) + 0.25 * curve_row
            else:
                green = 0.5 * (north + south) + 0.25 * curve_col
            opposite = 0.25 * (north_west + north_east + south_west + south_east)
        """,
}

_TONES = {
    "filmic": (
        """
        # --- Tone mapping (Hable 2010), normalized so that the white point maps to 1 ---
        white_scale = 1.0 / filmic_curve(FILMIC_WHITE)
        mapped_r = white_scale * filmic_curve(out_r)
        mapped_g = white_scale * filmic_curve(out_g)
        mapped_b = white_scale * filmic_curve(out_b)
        """,
        '''
@wp.func
def filmic_curve(x: float) -> float:
    """Filmic curve with toe, linear section and shoulder."""
    return (x * (0.15 * x + 0.05) + 0.004) / (x * (0.15 * x + 0.5) + 0.06) - 0.02 / 0.3
''',
    ),
    "luminance": (
        """
        # --- Luminance tone mapping (Reinhard), uniform scaling preserves the hue ---
        luminance = 0.2126 * out_r + 0.7152 * out_g + 0.0722 * out_b
        tone_scale = 1.0 / (1.0 + luminance)
        mapped_r = out_r * tone_scale
        mapped_g = out_g * tone_scale
        mapped_b = out_b * tone_scale
        """,
        "",
    ),
    "clip": ("", ""),
}

_ENCODE = '''
@wp.func
def encode_srgb(linear: float) -> float:
    """sRGB transfer function (IEC 61966-2-1)."""
    if linear <= 0.0031308:
        return 12.92 * linear
    return 1.055 * wp.pow(linear, 1.0 / 2.4) - 0.055
'''

_PHASES = {"RGGB": (0, 0), "BGGR": (1, 1), "GRBG": (0, 1), "GBRG": (1, 0)}


@DOMAIN.algorithm(
    source="Malvar, He & Cutler 2004; Hamilton & Adams 1997; Hable 2010; Karaimer & Brown 2016 (camera pipelines)",
    names={
        "develop_raw": "raw_to_srgb|isp_pipeline|process_raw|camera_pipeline",
        "raw": "sensor_data|bayer_image|mosaic",
        "sensor": "calibration|params|sensor_params",
        "developed": "srgb|image_out|rgb_out",
        "center": "here|site|c0",
    },
    weight=12,
)
def develop_raw(d: Draft) -> None:
    """Converts a raw Bayer image to display-referred sRGB in a single pass."""
    demosaic = d.option("demosaic", *_DEMOSAIC)
    tone = d.option("tone", *_TONES)
    border = d.option("border", *_BORDERS)
    phase = d.option("phase", *_PHASES)
    vignetting = d.flag("vignetting")
    saturation = d.flag("saturation", 0.4)
    highlights = d.flag("highlights", 0.4)
    layout = d.option("layout", "vec3", "planes")
    rows, cols = d.pick(8, 10), d.pick(10, 12)
    d.input("raw", "float", (rows, cols), 80.0, 1000.0, about="Sensor values [DN], shape (height, width)")
    fields = {
        "black_level": fill(55.0, 70.0), "white_level": fill(1000.0, 1023.0), "gain_r": fill(1.5, 2.2),
        "gain_b": fill(1.3, 1.9), "vignetting": fill(0.2, 0.5),
        "exposure": fill(0.8, 1.6) if tone == "clip" else fill(2.0, 5.0),
        "color_matrix": fill(0.6, 1.2, "spd"),
    }  # fmt: skip
    if not vignetting:
        del fields["vignetting"]
    d.struct("sensor", SHADED if vignetting else EVEN, fields, about="Sensor calibration")
    if saturation:
        d.param("saturation", "float", 0.7, 1.3, about="Saturation factor, 1 for unchanged, 0 for grayscale")
    if layout == "vec3":
        d.output("developed", "vec3", (rows, cols), about="Output image in sRGB")
    else:
        d.output("developed", "float", (3, rows, cols), about="sRGB planes, shape (3, height, width)")
    lines, mode = _BORDERS[border]
    d.function(_READ, border=lines)
    curve, helper = _TONES[tone]
    if helper:
        d.module("FILMIC_WHITE = wp.constant(4.0)  # linear value that maps to white")
        d.function(helper)
    d.function(_ENCODE)
    if highlights:
        d.module("HIGHLIGHT_RANGE = wp.constant(0.5)  # overexposure range for the blend to gray")
    far = demosaic != "bilinear"
    red_row, red_col = _PHASES[phase]
    shown = "out" if tone == "clip" else "mapped"
    mapping = "" if tone == "clip" else "\n        $tone\n"
    d.launch(rows, cols)
    d.code(
        f"""
        row, col = wp.tid()
        # --- Normalized samples of the neighborhood ---
        center = linear_sample(raw, sensor, row, col)
        north = linear_sample(raw, sensor, row - 1, col)
        south = linear_sample(raw, sensor, row + 1, col)
        west = linear_sample(raw, sensor, row, col - 1)
        east = linear_sample(raw, sensor, row, col + 1)
        north_west = linear_sample(raw, sensor, row - 1, col - 1)
        north_east = linear_sample(raw, sensor, row - 1, col + 1)
        south_west = linear_sample(raw, sensor, row + 1, col - 1)
        south_east = linear_sample(raw, sensor, row + 1, col + 1)
        $far

        # --- Demosaic ({phase}: red at {("even", "odd")[red_row]} rows and {("even", "odd")[red_col]} columns) ---
        red_row = row % 2 == {red_row}
        red_col = col % 2 == {red_col}
        is_green = red_row != red_col
        $demosaic
        if is_green and red_row:
            red = along_row
            blue = along_col
        elif is_green:
            red = along_col
            blue = along_row
        elif red_row:
            red = center
            blue = opposite
        else:
            red = opposite
            blue = center

        $vignetting
        # --- White balance relative to green ---
        red *= sensor.gain_r
        blue *= sensor.gain_b
        $highlights
        # --- Exposure, and camera RGB to linear sRGB ---
        camera_rgb = sensor.exposure * wp.vec3(red, green, blue)
        linear_rgb = sensor.color_matrix * camera_rgb
        $output
        $saturation
        {mapping}
        # --- Clipping and encoding ---
        final_r = encode_srgb(wp.min({shown}_r, 1.0))
        final_g = encode_srgb(wp.min({shown}_g, 1.0))
        final_b = encode_srgb(wp.min({shown}_b, 1.0))
        $store
        """,
        far="""
            north2 = linear_sample(raw, sensor, row - 2, col)
            south2 = linear_sample(raw, sensor, row + 2, col)
            west2 = linear_sample(raw, sensor, row, col - 2)
            east2 = linear_sample(raw, sensor, row, col + 2)
            """
        if far
        else "",
        demosaic=_DEMOSAIC[demosaic],
        output="\n".join(
            f"out_{x} = " + (f"linear_rgb[{k}]" if saturation else f"wp.max(linear_rgb[{k}], 0.0)")
            for k, x in enumerate("rgb")
        ),
        vignetting="""
            # --- Lens shading correction: gain 1 + a r^2, r is 0 at the center and 1 in the corners ---
            half_height = 0.5 * float(raw.shape[0])
            half_width = 0.5 * float(raw.shape[1])
            offset_row = float(row) + 0.5 - half_height
            offset_col = float(col) + 0.5 - half_width
            r_sq = offset_row * offset_row + offset_col * offset_col
            r_sq /= half_height * half_height + half_width * half_width
            shading_gain = 1.0 + sensor.vignetting * r_sq
            red *= shading_gain
            green *= shading_gain
            blue *= shading_gain
            """
        if vignetting
        else "",
        highlights="""
            # --- Highlights: desaturate clipped pixels to avoid color casts ---
            brightest = wp.max(red, wp.max(green, blue))
            if brightest > 1.0:
                neutral = wp.min((brightest - 1.0) / HIGHLIGHT_RANGE, 1.0)
                red = (1.0 - neutral) * red + neutral * brightest
                green = (1.0 - neutral) * green + neutral * brightest
                blue = (1.0 - neutral) * blue + neutral * brightest
            """
        if highlights
        else "",
        saturation="""
            # --- Saturation: lerp between luminance and color ---
            gray = 0.2126 * out_r + 0.7152 * out_g + 0.0722 * out_b
            out_r = wp.max(gray + saturation * (out_r - gray), 0.0)
            out_g = wp.max(gray + saturation * (out_g - gray), 0.0)
            out_b = wp.max(gray + saturation * (out_b - gray), 0.0)
            """
        if saturation
        else "",
        tone=curve,
        store="developed[row, col] = wp.vec3(final_r, final_g, final_b)"
        if layout == "vec3"
        else "\n".join(f"developed[{k}, row, col] = final_{x}" for k, x in enumerate("rgb")),
    )
    stages = ["black level", "demosaicing", *(["lens shading"] if vignetting else []), "white balance"]
    stages += [
        *(["highlights"] if highlights else []),
        "exposure",
        "color matrix",
        *(["saturation"] if saturation else []),
    ]
    stages += [*(["tone curve"] if tone != "clip" else []), "clipping"]
    d.explain(f"Stages: {', '.join(stages)} and sRGB encoding.")

    def agrees(v: Values, after: Values) -> None:
        made = _developed(v, {f: v[f"sensor.{f}"] for f in fields}, mode, (red_row, red_col), demosaic)
        if highlights:
            top = made.max(-1, keepdims=True)
            pull = np.clip((top - 1.0) / 0.5, 0.0, 1.0)
            made = (1.0 - pull) * made + pull * top
        made = v["sensor.exposure"] * made @ np.asarray(v["sensor.color_matrix"]).T
        weights = np.array([0.2126, 0.7152, 0.0722])
        if saturation:
            luma = (made @ weights)[..., None]
            made = luma + v.saturation * (made - luma)
        made = np.maximum(made, 0.0)
        if tone == "luminance":
            made = made / (1.0 + (made @ weights)[..., None])
        elif tone == "filmic":
            made = _filmic(made) / _filmic(np.array(4.0))
        made = np.clip(made, 0.0, 1.0)
        made = np.where(made <= 0.0031308, 12.92 * made, 1.055 * np.maximum(made, 1e-9) ** (1 / 2.4) - 0.055)
        mostly_close(after.developed, made if layout == "vec3" else np.moveaxis(made, -1, 0), 3e-3)

    d.holds(agrees)

    def _developed(v: Values, sensor: Any, mode: str, red: tuple[int, int], demosaic: str) -> Any:
        """Colors of the camera after lens shading and white balance."""
        x = (v.raw - sensor["black_level"]) / (sensor["white_level"] - sensor["black_level"])
        if mode == "repeat":
            big = x[np.r_[0:2, 0:rows, rows - 2 : rows]][:, np.r_[0:2, 0:cols, cols - 2 : cols]]
        else:
            big = np.pad(x, 2, "reflect")

        def at(i: int, j: int) -> Any:
            return big[2 + i : 2 + i + rows, 2 + j : 2 + j + cols]

        n, s, w, e, c = at(-1, 0), at(1, 0), at(0, -1), at(0, 1), at(0, 0)
        corner = at(-1, -1) + at(-1, 1) + at(1, -1) + at(1, 1)
        row2, col2 = at(0, -2) + at(0, 2), at(-2, 0) + at(2, 0)
        along_row, along_col, green, other = (
            0.5 * (w + e),
            0.5 * (n + s),
            0.25 * (n + s + w + e),
            0.25 * corner,
        )
        if demosaic == "gradient corrected":
            along_row = (5 * c + 4 * (w + e) - row2 - corner + 0.5 * col2) / 8
            along_col = (5 * c + 4 * (n + s) - col2 - corner + 0.5 * row2) / 8
            green = (4 * c + 2 * (n + s + w + e) - row2 - col2) / 8
            other = (6 * c + 2 * corner - 1.5 * (row2 + col2)) / 8
        elif demosaic == "edge aware":
            lr, lc = 2 * c - row2, 2 * c - col2
            flat = np.abs(w - e) + np.abs(lr) < np.abs(n - s) + np.abs(lc)
            green = np.where(flat, 0.5 * (w + e) + 0.25 * lr, 0.5 * (n + s) + 0.25 * lc)
        i, j = np.meshgrid(np.arange(rows), np.arange(cols), indexing="ij")
        rr, rc = i % 2 == red[0], j % 2 == red[1]
        red_ = np.select([rr & rc, rr & ~rc, ~rr & rc], [c, along_row, along_col], other)
        blue = np.select([rr & rc, rr & ~rc, ~rr & rc], [other, along_col, along_row], c)
        made = np.stack([red_, np.where(rr != rc, c, green), blue], axis=-1)
        if vignetting:
            r2 = ((2 * i + 1 - rows) ** 2 + (2 * j + 1 - cols) ** 2) / (rows**2 + cols**2)
            made = made * (1.0 + sensor["vignetting"] * r2)[..., None]
        return made * np.array([sensor["gain_r"], 1.0, sensor["gain_b"]])


def _filmic(x: Any) -> Any:
    return (x * (0.15 * x + 0.05) + 0.004) / (x * (0.15 * x + 0.5) + 0.06) - 0.02 / 0.3
