"""How programs reach the pixels beside one: what stands for those beyond the border."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.library import indexing
from warpgen.synthesis.writing.draft import Draft

NAMES = {
    "src": "image|img|input_image|in_img",
    "dst": "filtered|img_out|output_image|result",
}

_MODES = {"clamp": "edge", "clamp func": "edge", "mirror": "reflect", "wrap": "wrap"}
_HELPERS = {"clamp func": indexing.CLAMP, "mirror": indexing.MIRROR, "wrap": indexing.WRAP}


class Border:
    """One way to bring rows and columns beyond the border back, or to pass over them: a drawn option."""

    def __init__(self, d: Draft, *kinds: str) -> None:
        self.kind = d.option("border", *(kinds or ("clamp", "clamp func", "mirror", "wrap")))
        self._helper = d.use(_HELPERS[self.kind]) if self.kind in _HELPERS else ""

    def __call__(self, index: str, extent: str) -> str:
        """The index, brought back."""
        return f"{self._helper}({index}, {extent})" if self._helper else f"wp.clamp({index}, 0, {extent} - 1)"

    def neighbour(self) -> list[str]:
        """Lines within two loops that set `y` and `x` to the pixel `a` rows and `b` columns from `i`, `j`."""
        if self.kind != "skip":
            return [f"        y = {self('i + a', 'height')}", f"        x = {self('j + b', 'width')}"]
        return [
            "        y = i + a",
            "        x = j + b",
            "        if y < 0 or x < 0 or y >= height or x >= width:",
            "            continue",
        ]

    def padded(self, image: Any, r: int) -> Any:
        """`image` with `r` more rows and columns at each side."""
        widths = [(r, r), (r, r)] + [(0, 0)] * (image.ndim - 2)
        return np.pad(image, widths, _MODES[self.kind])  # type: ignore[call-overload]

    def windows(self, image: Any, r: int) -> Any:
        """For each pixel its (2r+1)^2 neighbours in order of rows, on a new first axis."""
        big, n = self.padded(image, r), 2 * r + 1
        h, w = image.shape[:2]
        return np.stack([big[a : a + h, b : b + w] for a in range(n) for b in range(n)])


def sides(d: Draft) -> tuple[int, int]:
    """Rows and columns of a small picture."""
    return d.pick(8, 10, 12, 16), d.pick(9, 12, 14, 18)
