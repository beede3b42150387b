"""What lies ahead of a pixel and behind it along the gradient, which thins edges: as text, and in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def along_gradient(sector: str, at: Callable[[str, str], str]) -> list[str]:
    """Lines that set `ahead` and `behind` of pixel (i, j) with derivatives `dx` and `dy` and magnitude `mag`.

    `at` gives the magnitude at a row and a column.
    """
    if sector == "four sectors":
        return [
            "ax = wp.abs(dx)",
            "ay = wp.abs(dy)",
            "# quantize the direction to 45-degree sectors, tan(22.5 deg) = 0.4142",
            "if ay < 0.41421356 * ax:",
            f"    ahead = {at('i', 'j + 1')}",
            f"    behind = {at('i', 'j - 1')}",
            "elif ax < 0.41421356 * ay:",
            f"    ahead = {at('i + 1', 'j')}",
            f"    behind = {at('i - 1', 'j')}",
            "elif dx * dy > 0.0:",
            f"    ahead = {at('i + 1', 'j + 1')}",
            f"    behind = {at('i - 1', 'j - 1')}",
            "else:",
            f"    ahead = {at('i - 1', 'j + 1')}",
            f"    behind = {at('i + 1', 'j - 1')}",
        ]
    if sector == "offsets":
        return [
            "# scale so that rounding snaps the gradient to one of eight 45-degree sectors",
            "scale = 0.5 / (wp.sin(wp.pi / 8.0) * mag)",
            "di = int(wp.round(dy * scale))",
            "dj = int(wp.round(dx * scale))",
            f"ahead = {at('i + di', 'j + dj')}",
            f"behind = {at('i - di', 'j - dj')}",
        ]
    return [
        "si = 1 if dy >= 0.0 else -1",
        "sj = 1 if dx >= 0.0 else -1",
        "if wp.abs(dx) > wp.abs(dy):",
        "    t = wp.abs(dy / dx)",
        f"    ahead = (1.0 - t) * {at('i', 'j + sj')} + t * {at('i + si', 'j + sj')}",
        f"    behind = (1.0 - t) * {at('i', 'j - sj')} + t * {at('i - si', 'j - sj')}",
        "else:",
        "    t = wp.abs(dx / dy)",
        f"    ahead = (1.0 - t) * {at('i + si', 'j')} + t * {at('i + si', 'j + sj')}",
        f"    behind = (1.0 - t) * {at('i - si', 'j')} + t * {at('i - si', 'j - sj')}",
    ]


def beside(gx: Any, gy: Any, m: Any, sector: str) -> tuple[Any, Any]:
    """Magnitudes ahead of all pixels that are not at the border, and behind them."""
    h, w = m.shape
    y, x = np.mgrid[1 : h - 1, 1 : w - 1]
    dx, dy = gx[y, x], gy[y, x]
    if sector == "interpolated":
        si, sj = np.where(dy >= 0, 1, -1), np.where(dx >= 0, 1, -1)
        flat = abs(dx) > abs(dy)
        t = np.where(flat, abs(dy) / abs(dx), abs(dx) / abs(dy))
        a, b = np.where(flat, 0, si), np.where(flat, sj, 0)
        ahead = (1 - t) * m[y + a, x + b] + t * m[y + si, x + sj]
        behind = (1 - t) * m[y - a, x - b] + t * m[y - si, x - sj]
    else:
        octant = np.round(np.arctan2(dy, dx) / (np.pi / 4)).astype(int) % 8
        di = np.array([0, 1, 1, 1, 0, -1, -1, -1])[octant]
        dj = np.array([1, 1, 0, -1, -1, -1, 0, 1])[octant]
        ahead, behind = m[y + di, x + dj], m[y - di, x - dj]
        if sector == "four sectors":  # the kernel's "ahead" is fixed for each direction
            swap = (di < 0) & (dj == 0) | (dj < 0) & (di == 0) | (di < 0) & (dj < 0) | (di > 0) & (dj < 0)
            ahead, behind = np.where(swap, behind, ahead), np.where(swap, ahead, behind)
    return ahead, behind
