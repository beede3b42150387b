"""The accumulated image of earlier frames between its pixels: texts by filter, and the same in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

HISTORY = {
    "nearest": "",
    "bilinear": '''
@wp.func
def sample_history(history: wp.array2d(dtype=wp.vec3), x: float, y: float) -> wp.vec3:
    """Bilinearly sample the history at pixel coordinates, clamped to the image."""
    col = int(wp.floor(x))
    row = int(wp.floor(y))
    fx = x - float(col)
    fy = y - float(row)
    left = wp.clamp(col, 0, history.shape[1] - 1)
    right = wp.clamp(col + 1, 0, history.shape[1] - 1)
    above = wp.clamp(row, 0, history.shape[0] - 1)
    below = wp.clamp(row + 1, 0, history.shape[0] - 1)
    top = (1.0 - fx) * history[above, left] + fx * history[above, right]
    bottom = (1.0 - fx) * history[below, left] + fx * history[below, right]
    return (1.0 - fy) * top + fy * bottom
''',
    "bicubic": '''
@wp.func
def catmull_rom_weight(t: float) -> float:
    """Catmull-Rom filter weight, for |t| <= 2."""
    a = wp.abs(t)
    if a < 1.0:
        return 1.0 + a * a * (1.5 * a - 2.5)
    return 2.0 + a * (-4.0 + a * (2.5 - 0.5 * a))


@wp.func
def sample_history(history: wp.array2d(dtype=wp.vec3), x: float, y: float) -> wp.vec3:
    """Sample the history with a bicubic filter to avoid accumulating bilinear blur."""
    col = int(wp.floor(x))
    row = int(wp.floor(y))
    fx = x - float(col)
    fy = y - float(row)
    color = wp.vec3(0.0, 0.0, 0.0)
    for m in range(-1, 3):
        r = wp.clamp(row + m, 0, history.shape[0] - 1)
        weight_y = catmull_rom_weight(float(m) - fy)
        for n in range(-1, 3):
            c = wp.clamp(col + n, 0, history.shape[1] - 1)
            color += weight_y * catmull_rom_weight(float(n) - fx) * history[r, c]
    # Clamp undershoot from the negative lobes
    return wp.max(color, wp.vec3(0.0, 0.0, 0.0))
''',
}


def looked_up(image: Any, x: float, y: float, filtering: str) -> Any:
    """The image at pixel coordinates, clamped at its borders."""

    def at(r: int, c: int) -> Any:
        return image[min(max(r, 0), image.shape[0] - 1), min(max(c, 0), image.shape[1] - 1)]

    if filtering == "nearest":
        return at(int(np.floor(y + 0.5)), int(np.floor(x + 0.5)))
    row, col = int(np.floor(y)), int(np.floor(x))

    def kernel(t: float) -> float:
        t = abs(t)
        if filtering == "bilinear":
            return max(1.0 - t, 0.0)
        inner, outer = 1.5 * t**3 - 2.5 * t**2 + 1, -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2
        return inner if t < 1 else outer if t < 2 else 0.0

    reach = range(-1, 3)
    total = sum(
        kernel(m + row - y) * kernel(n + col - x) * at(row + m, col + n) for m in reach for n in reach
    )
    return np.maximum(total, 0.0)
