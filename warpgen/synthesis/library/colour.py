"""Colour: transfer functions, luminance, and transforms between spaces, all for values in 0 .. 1.

Sources: IEC 61966-2-1 (sRGB); ITU-R BT.601, BT.709; Smith 1978 (HSV); CIE 15 (L*a*b*, D65).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.writing.pieces import piece


def _luma(*weights: float) -> Any:
    return lambda c: c @ np.array(weights)


LUMA_709 = piece(
    """
@wp.func
def luminance(c: wp.vec3) -> float:
    # Rec. 709 luma weights, for linear RGB
    return 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2]
""",
    numpy=_luma(0.2126, 0.7152, 0.0722),
)

TO_LINEAR = piece(
    '''
@wp.func
def srgb_to_linear(c: float) -> float:
    """Decode an sRGB component in [0, 1] to linear (IEC 61966-2-1)."""
    if c <= 0.04045:
        return c / 12.92
    return wp.pow((c + 0.055) / 1.055, 2.4)
''',
    numpy=lambda c: np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4),
)

TO_SRGB = piece(
    '''
@wp.func
def linear_to_srgb(c: float) -> float:
    """Encode a linear component in [0, 1] as sRGB (IEC 61966-2-1)."""
    # linear segment near black, where the power law has infinite slope
    if c <= 0.0031308:
        return 12.92 * c
    return 1.055 * wp.pow(c, 1.0 / 2.4) - 0.055
''',
    numpy=lambda c: np.where(c <= 0.0031308, 12.92 * c, 1.055 * np.maximum(c, 1e-9) ** (1 / 2.4) - 0.055),
)


def _hsv(c: Any) -> Any:
    r, g, b = c[..., 0], c[..., 1], c[..., 2]
    top, low = c.max(-1), c.min(-1)
    delta = np.where(top > low, top - low, 1.0)
    sector = np.select(
        [top == r, top == g], [(g - b) / delta % 6.0, (b - r) / delta + 2.0], (r - g) / delta + 4.0
    )
    hue = np.where(top > low, sector / 6.0, 0.0)
    return np.stack([hue, np.where(top > 0, (top - low) / np.where(top > 0, top, 1), 0.0), top], -1)


TO_HSV = piece(
    '''
@wp.func
def rgb_to_hsv(c: wp.vec3) -> wp.vec3:
    """Convert RGB to hue, saturation and value, all in [0, 1]."""
    value = wp.max(c[0], wp.max(c[1], c[2]))
    chroma = value - wp.min(c[0], wp.min(c[1], c[2]))
    # avoid division by zero: hue is undefined for gray, saturation for black
    if chroma <= 0.0:
        return wp.vec3(0.0, 0.0, value)
    if value == c[0]:
        hue = (c[1] - c[2]) / chroma
        if hue < 0.0:
            hue += 6.0
    elif value == c[1]:
        hue = (c[2] - c[0]) / chroma + 2.0
    else:
        hue = (c[0] - c[1]) / chroma + 4.0
    return wp.vec3(hue / 6.0, chroma / value, value)
''',
    numpy=_hsv,
)


def _from_hsv(c: Any) -> Any:
    h, s, v = c[..., 0], c[..., 1], c[..., 2]

    def channel(n: float) -> Any:
        k = (n + h * 6.0) % 6.0
        return v - v * s * np.clip(np.minimum(k, 4.0 - k), 0.0, 1.0)

    return np.stack([channel(5.0), channel(3.0), channel(1.0)], -1)


FROM_HSV = piece(
    '''
@wp.func
def hsv_to_rgb(c: wp.vec3) -> wp.vec3:
    """Convert hue, saturation and value in [0, 1] to RGB."""
    sector = c[0] * 6.0
    index = wp.floor(sector)
    f = sector - index
    p = c[2] * (1.0 - c[1])
    q = c[2] * (1.0 - c[1] * f)
    t = c[2] * (1.0 - c[1] * (1.0 - f))
    i = int(index) % 6
    if i == 0:
        return wp.vec3(c[2], t, p)
    if i == 1:
        return wp.vec3(q, c[2], p)
    if i == 2:
        return wp.vec3(p, c[2], t)
    if i == 3:
        return wp.vec3(p, q, c[2])
    if i == 4:
        return wp.vec3(t, p, c[2])
    return wp.vec3(c[2], p, q)
''',
    numpy=_from_hsv,
)

_YCBCR = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])

TO_YCBCR = piece(
    '''
@wp.func
def rgb_to_ycbcr(c: wp.vec3) -> wp.vec3:
    """Convert RGB to full-range YCbCr (ITU-R BT.601)."""
    # full range (JPEG), chroma centered at 0.5
    return wp.vec3(
        0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2],
        -0.168736 * c[0] - 0.331264 * c[1] + 0.5 * c[2] + 0.5,
        0.5 * c[0] - 0.418688 * c[1] - 0.081312 * c[2] + 0.5,
    )
''',
    numpy=lambda c: c @ _YCBCR.T + np.array([0.0, 0.5, 0.5]),
)

FROM_YCBCR = piece(
    '''
@wp.func
def ycbcr_to_rgb(c: wp.vec3) -> wp.vec3:
    """Convert full-range YCbCr (ITU-R BT.601) to RGB."""
    cb = c[1] - 0.5
    cr = c[2] - 0.5
    return wp.vec3(c[0] + 1.402 * cr, c[0] - 0.344136 * cb - 0.714136 * cr, c[0] + 1.772 * cb)
''',
    numpy=lambda c: (c - np.array([0.0, 0.5, 0.5])) @ np.linalg.inv(_YCBCR).T,
)

_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175], [0.0193339, 0.119192, 0.9503041]]
)

TO_XYZ = piece(
    '''
@wp.func
def rgb_to_xyz(c: wp.vec3) -> wp.vec3:
    """Convert linear Rec. 709 RGB to CIE XYZ (white point D65)."""
    return wp.vec3(
        0.4124564 * c[0] + 0.3575761 * c[1] + 0.1804375 * c[2],
        0.2126729 * c[0] + 0.7151522 * c[1] + 0.0721750 * c[2],
        0.0193339 * c[0] + 0.1191920 * c[1] + 0.9503041 * c[2],
    )
''',
    numpy=lambda c: c @ _XYZ.T,
)

LAB_CURVE = piece(
    """
@wp.func
def lab_curve(t: float) -> float:
    # linear segment near zero to avoid the infinite cube root slope
    if t > 0.008856452:
        return wp.pow(t, 1.0 / 3.0)
    return t * 7.787037 + 16.0 / 116.0
"""
)


def _lab(c: Any) -> Any:
    t = c @ _XYZ.T / np.array([0.95047, 1.0, 1.08883])
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1)


TO_LAB = piece(
    '''
@wp.func
def rgb_to_lab(c: wp.vec3) -> wp.vec3:
    """Convert linear RGB to CIE L*a*b* with a D65 white point."""
    xyz = rgb_to_xyz(c)
    fx = lab_curve(xyz[0] / 0.95047)
    fy = lab_curve(xyz[1])
    fz = lab_curve(xyz[2] / 1.08883)
    return wp.vec3(116.0 * fy - 16.0, 500.0 * (fx - fy), 200.0 * (fy - fz))
''',
    TO_XYZ,
    LAB_CURVE,
    numpy=_lab,
)
