"""Correlates of color appearance by CAM16 and CIECAM02 in NumPy, and the matrices of both models."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.writing.draft import Values

M16 = np.array(
    [[0.401288, 0.650173, -0.051461], [-0.250268, 1.204414, 0.045854], [-0.002079, 0.048952, 0.953127]]
)
CAT02 = np.array([[0.7328, 0.4296, -0.1624], [-0.7036, 1.6975, 0.0061], [0.0030, 0.0136, 0.9834]])
HPE = np.array([[0.38971, 0.68898, -0.07868], [-0.22981, 1.18340, 0.04641], [0.0, 0.0, 1.0]])
_RGB = np.array([[41.24, 35.76, 18.05], [21.26, 71.52, 7.22], [1.93, 11.92, 95.05]])


def correlates(v: Values, cond: Any, matrix: Any, model: str, source: str, discount: str) -> dict[str, Any]:
    """All correlates of all colors under one set of conditions."""
    xyz = v.colors if source == "xyz" else v.colors @ _RGB.T
    white, la = np.asarray(cond["white"]), cond["adapting_luminance"]
    degree = {
        "computed": cond.get("surround_f", 0.0) * (1.0 - np.exp((-la - 42.0) / 92.0) / 3.6),
        "complete": 1.0,
        "given": v.get("adaptation_degree", 0.0),
    }[discount]
    gain = 1.0 + degree * (white[1] / (matrix @ white) - 1.0)
    k4 = (1.0 / (5.0 * la + 1.0)) ** 4
    level = 0.2 * k4 * 5.0 * la + 0.1 * (1.0 - k4) ** 2 * np.cbrt(5.0 * la)
    n = cond["background_y"] / white[1]
    nbb, z = 0.725 * (1.0 / n) ** 0.2, 1.48 + np.sqrt(n)

    def respond(x: Any) -> Any:
        cones = x @ matrix.T * gain
        if model == "ciecam02":
            cones = cones @ np.linalg.inv(matrix).T @ HPE.T
        p = (level * np.maximum(np.abs(cones), 1e-4) / 100.0) ** 0.42
        return np.sign(cones) * 400.0 * p / (p + 27.13) + 0.1

    weights = np.array([2.0, 1.0, 0.05])
    top, one = respond(white), respond(xyz)
    aw, achromatic = (top @ weights - 0.305) * nbb, (one @ weights - 0.305) * nbb
    r, g, b_ = one.T
    a, b = r - 12.0 * g / 11.0 + b_ / 11.0, (r + g - 2.0 * b_) / 9.0
    hue = np.arctan2(b, a)
    light = 100.0 * np.maximum(achromatic / aw, 1e-4) ** (cond["surround_c"] * z)
    t = (
        50000.0
        / 13.0
        * cond.get("surround_nc", 0.0)
        * nbb
        * 0.25
        * (np.cos(hue + 2.0) + 3.8)
        * np.hypot(a, b)
    )
    t = t / (r + g + 1.05 * b_)
    chroma = np.maximum(t, 1e-4) ** 0.9 * (1.64 - 0.29**n) ** 0.73 * np.sqrt(light / 100.0)
    bright = 4.0 / cond["surround_c"] * np.sqrt(light / 100.0) * (aw + 4.0) * level**0.25
    colorful = chroma * level**0.25
    shrunk = np.log1p(0.0228 * colorful) / 0.0228
    degrees = np.rad2deg(hue)
    turned = np.where(degrees < 20.14, degrees + 360.0, degrees)
    hues, ends = np.array([20.14, 90.0, 164.25, 237.53, 380.14]), np.array([0.8, 0.7, 1.0, 1.2, 0.8])
    i = np.clip(np.searchsorted(hues, turned, side="right") - 1, 0, 3)
    low, high = (turned - hues[i]) / ends[i], (hues[i + 1] - turned) / ends[i + 1]
    return {
        "lightness": light,
        "chroma": chroma,
        "hue_angle": np.mod(degrees, 360.0),
        "ucs": np.stack(
            [1.7 * light / (1.0 + 0.007 * light), shrunk * np.cos(hue), shrunk * np.sin(hue)], axis=-1
        ),
        "brightness": bright,
        "colorfulness": colorful,
        "saturation": 100.0 * np.sqrt(colorful / bright),
        "hue_quadrature": 100.0 * i + 100.0 * low / (low + high),
    }
