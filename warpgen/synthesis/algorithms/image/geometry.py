"""Geometry: resizing and warps, by one of several filters."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.image import DOMAIN
from warpgen.synthesis.algorithms.image.pixels import NAMES
from warpgen.synthesis.writing.draft import Draft, Values


def _cubic(t: Any, a: float) -> Any:
    t = abs(t)
    near = (a + 2) * t**3 - (a + 3) * t**2 + 1
    far = a * t**3 - 5 * a * t**2 + 8 * a * t - 4 * a
    return np.where(t <= 1, near, np.where(t < 2, far, 0.0))


def _mitchell(t: Any) -> Any:
    """B = C = 1/3: a third of the cubic B-spline and two thirds of Keys' kernel."""
    t = abs(t)
    spline = np.where(t < 1, 2 / 3 - t**2 + t**3 / 2, np.clip(2 - t, 0, None) ** 3 / 6)
    return spline / 3 + 2 / 3 * _cubic(t, -0.5)


_WEIGHTS = {
    "nearest": "",
    "bilinear": "",
    "bicubic": """
@wp.func
def cubic_weight(t: float) -> float:
    # cubic convolution (Keys 1981) with a = -0.5
    x = wp.abs(t)
    if x <= 1.0:
        return (1.5 * x - 2.5) * x * x + 1.0
    if x < 2.0:
        return ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return 0.0
""",
    "mitchell": """
@wp.func
def cubic_weight(t: float) -> float:
    # Mitchell-Netravali filter with B = C = 1/3
    x = wp.abs(t)
    if x < 1.0:
        return (7.0 * x * x * x - 12.0 * x * x + 16.0 / 3.0) / 6.0
    if x < 2.0:
        return (-7.0 / 3.0 * x * x * x + 12.0 * x * x - 20.0 * x + 32.0 / 3.0) / 6.0
    return 0.0
""",
}


@DOMAIN.algorithm(
    source="Keys 1981; Mitchell & Netravali 1988; Brown 1966 (lens)",
    names=NAMES
    | {
        "resample_image": "remap|warp_image|transform_image|resample",
        "angle": "theta|phi",
    },
)
def resample_image(d: Draft) -> None:
    """Resamples an image under a geometric transform."""
    warp = d.option("warp", "resize", "affine", "rotation", "keystone", "lens")
    sampling = d.option("filter", *_WEIGHTS)
    outside = d.option("outside", "clamp", "constant")
    pixel = d.option("pixel", "float", "vec3", weights=(0.65, 0.35))
    h, w = d.pick(8, 10, 12), d.pick(9, 12, 14)
    oh, ow = (d.pick(7, 11, 15), d.pick(10, 13, 17)) if warp == "resize" else (h, w)
    verb = {
        "resize": "Resizes an image",
        "affine": "Warps an image by an affine map",
        "rotation": "Rotates and scales an image about its center",
        "keystone": "Corrects the keystone of an image",
        "lens": "Corrects radial lens distortion in an image",
    }[warp]
    how = {"nearest": "nearest-neighbor", "mitchell": "Mitchell's cubic"}.get(sampling, sampling)
    d.says(f"{verb} with {how} sampling.")
    d.input("src", pixel, (h, w), about="Input image")
    if warp == "affine":
        d.param(
            "linear", "mat22", 0.7, 1.3, kind="spd", about="Linear part of the output-to-source transform"
        )
        d.param("origin", "vec2", -2.0, 2.0, about="Source position of the first output pixel [px]")
    elif warp == "rotation":
        d.param("angle", "float", 0.2, 0.8, about="Rotation [rad]")
        d.param("scale", "float", 0.8, 1.3, about="Magnification")
    elif warp == "keystone":
        d.param("tilt", "vec2", -0.03, 0.03, about="First two entries of the last homography row")
    elif warp == "lens":
        d.param("k1", "float", -0.2, 0.2, about="First radial distortion coefficient")
        d.param("k2", "float", -0.05, 0.05, about="Second radial distortion coefficient")
        d.param("focal", "float", 8.0, 16.0, about="Focal length [px]")
    if outside == "constant":
        d.param("fill", pixel, 0.2, 0.8, about="Fill value for samples outside the source image")
    d.output("dst", pixel, (oh, ow), about="Output image")
    lines = ["i, j = wp.tid()", "height = src.shape[0]", "width = src.shape[1]"]
    lines += {
        "resize": [
            "# half-pixel centers, so both images cover the same area",
            "sx = (float(j) + 0.5) * float(width) / float(dst.shape[1]) - 0.5",
            "sy = (float(i) + 0.5) * float(height) / float(dst.shape[0]) - 0.5",
        ],
        "affine": ["p = linear * wp.vec2(float(j), float(i)) + origin", "sx = p[0]", "sy = p[1]"],
        "rotation": [
            "cx = 0.5 * float(width - 1)",
            "cy = 0.5 * float(height - 1)",
            "dx = (float(j) - cx) / scale",
            "dy = (float(i) - cy) / scale",
            "c = wp.cos(angle)",
            "s = wp.sin(angle)",
            "# inverse mapping: rotate the output pixel into source coordinates",
            "sx = cx + c * dx + s * dy",
            "sy = cy - s * dx + c * dy",
        ],
        "keystone": [
            "cx = 0.5 * float(width - 1)",
            "cy = 0.5 * float(height - 1)",
            "dx = float(j) - cx",
            "dy = float(i) - cy",
            "# homography with last row (tilt, 1): perspective divide",
            "depth = 1.0 + tilt[0] * dx + tilt[1] * dy",
            "sx = cx + dx / depth",
            "sy = cy + dy / depth",
        ],
        "lens": [
            "cx = 0.5 * float(width - 1)",
            "cy = 0.5 * float(height - 1)",
            "x = (float(j) - cx) / focal",
            "y = (float(i) - cy) / focal",
            "r2 = x * x + y * y",
            "# Brown's model maps ideal to distorted coordinates, so sample at the latter",
            "stretch = 1.0 + r2 * (k1 + r2 * k2)",
            "sx = cx + focal * x * stretch",
            "sy = cy + focal * y * stretch",
        ],
    }[warp]
    if outside == "constant":
        lines += [
            "if sx < -0.5 or sy < -0.5 or sx > float(width) - 0.5 or sy > float(height) - 0.5:",
            "    dst[i, j] = fill",
            "    return",
        ]
    if sampling == "nearest":
        lines += [
            "x0 = wp.clamp(int(wp.floor(sx + 0.5)), 0, width - 1)",
            "y0 = wp.clamp(int(wp.floor(sy + 0.5)), 0, height - 1)",
            "dst[i, j] = src[y0, x0]",
        ]
    elif sampling == "bilinear":
        lines += [
            "x0 = int(wp.floor(sx))",
            "y0 = int(wp.floor(sy))",
            "fx = sx - float(x0)",
            "fy = sy - float(y0)",
            "xa = wp.clamp(x0, 0, width - 1)",
            "xb = wp.clamp(x0 + 1, 0, width - 1)",
            "ya = wp.clamp(y0, 0, height - 1)",
            "yb = wp.clamp(y0 + 1, 0, height - 1)",
            "top = wp.lerp(src[ya, xa], src[ya, xb], fx)",
            "bottom = wp.lerp(src[yb, xa], src[yb, xb], fx)",
            "dst[i, j] = wp.lerp(top, bottom, fy)",
        ]
    else:
        d.function(_WEIGHTS[sampling])
        lines += [
            "x0 = int(wp.floor(sx))",
            "y0 = int(wp.floor(sy))",
            f"value = {'float(0.0)' if pixel == 'float' else 'wp.vec3()'}",
            "for a in range(-1, 3):",
            "    wy = cubic_weight(sy - float(y0 + a))",
            "    row = wp.clamp(y0 + a, 0, height - 1)",
            "    for b in range(-1, 3):",
            "        wx = cubic_weight(sx - float(x0 + b))",
            "        value += wx * wy * src[row, wp.clamp(x0 + b, 0, width - 1)]",
            "dst[i, j] = value",
        ]
    d.launch(oh, ow)
    d.code("\n".join(lines))

    def holds(before: Values, after: Values) -> None:
        v = before
        i, j = np.mgrid[:oh, :ow].astype(float)
        cx, cy = (w - 1) / 2, (h - 1) / 2
        if warp == "resize":
            sx, sy = (j + 0.5) * w / ow - 0.5, (i + 0.5) * h / oh - 0.5
        elif warp == "affine":
            sx, sy = np.moveaxis(np.stack([j, i], -1) @ v.linear.T + v.origin, -1, 0)
        elif warp == "rotation":
            z = ((j - cx) + 1j * (i - cy)) * np.exp(-1j * v.angle) / v.scale
            sx, sy = cx + z.real, cy + z.imag
        elif warp == "keystone":
            q = np.stack([j - cx, i - cy, np.ones_like(i)], -1) @ np.vstack([np.eye(3)[:2], [*v.tilt, 1.0]]).T
            sx, sy = cx + q[..., 0] / q[..., 2], cy + q[..., 1] / q[..., 2]
        else:
            x, y = (j - cx) / v.focal, (i - cy) / v.focal
            r2 = x**2 + y**2
            k = 1 + v.k1 * r2 + v.k2 * r2**2
            sx, sy = cx + v.focal * x * k, cy + v.focal * y * k
        image = v.src.reshape(h, w, -1)
        value = np.zeros((oh, ow, image.shape[-1]))
        x0, y0 = np.floor(sx).astype(int), np.floor(sy).astype(int)
        for a in range(-1, 3):
            for b in range(-1, 3):
                tx, ty = sx - (x0 + b), sy - (y0 + a)
                if sampling == "nearest":
                    k = ((tx >= -0.5) & (tx < 0.5) & (ty >= -0.5) & (ty < 0.5)).astype(float)
                elif sampling == "bilinear":
                    k = np.clip(1 - abs(tx), 0, None) * np.clip(1 - abs(ty), 0, None)
                elif sampling == "bicubic":
                    k = _cubic(tx, -0.5) * _cubic(ty, -0.5)
                else:
                    k = _mitchell(tx) * _mitchell(ty)
                value += k[..., None] * image[np.clip(y0 + a, 0, h - 1), np.clip(x0 + b, 0, w - 1)]
        # a place on the border of a pixel or of the image may fall to either side of it
        half = np.minimum(abs(sx + 0.5 - np.round(sx + 0.5)), abs(sy + 0.5 - np.round(sy + 0.5)))
        sure = half > 1e-4 if sampling == "nearest" or outside == "constant" else np.ones_like(half, bool)
        if outside == "constant":
            away = (sx < -0.5) | (sy < -0.5) | (sx > w - 0.5) | (sy > h - 0.5)
            value = np.where(away[..., None], v.fill, value)
        np.testing.assert_allclose(after.dst.reshape(value.shape)[sure], value[sure], atol=1e-3, rtol=1e-3)
        assert sure.any()

    d.holds(holds)
