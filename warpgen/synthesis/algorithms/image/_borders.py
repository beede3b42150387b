"""What stencils see beyond the borders of images."""

from __future__ import annotations

from typing import Any

import numpy as np

TURN = '''
@wp.func
def border_index(i: int, size: int) -> int:
    """$about"""
    $body
'''
BORDERS = {
    "clamp": ("Clamp a pixel index to the image bounds.", "return wp.clamp(i, 0, size - 1)"),
    "mirror": (
        "Reflect an out-of-range index without repeating the border pixel.",
        "j = wp.abs(i)\nif j >= size:\n    j = 2 * size - 2 - j\nreturn j",
    ),
    "wrap": ("Wrap an index for a periodic image.", "return (i + size) % size"),
}
MODES = {"clamp": "edge", "mirror": "reflect", "wrap": "wrap"}


def shifted(image: Any, border: str, r: int, c: int, reach: int = 2) -> Any:
    """`image[i + r, j + c]` for all pixels."""
    rows, cols = image.shape[:2]
    wide = np.pad(image, [(reach, reach)] * 2 + [(0, 0)] * (image.ndim - 2), mode=MODES[border])  # type: ignore[call-overload]
    return wide[reach + r : reach + r + rows, reach + c : reach + c + cols]
