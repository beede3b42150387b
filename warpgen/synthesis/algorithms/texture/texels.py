"""Textures in drafts and in NumPy: linear between texels, clamped at the edges."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from warpgen.synthesis.writing.draft import Draft


def image(d: Draft, name: str, channels: int, square: bool = False) -> tuple[int, int]:
    """Declares a texture of two axes; gives its rows and columns."""
    w = d.pick(8, 10, 16)
    h = w if square else d.pick(6, 8, 12)
    d.handle(name, "texture", (h, w, channels), type="wp.Texture2D")
    return h, w


def sample(texels: Any, at: Any) -> Any:
    """Values at normalised coordinates (rows of u, v, w) of a texture whose axes run the other way round."""
    values = texels.values.astype(float)
    extents = np.array(values.shape[-2::-1])
    p = np.atleast_2d(at) * extents - 0.5
    base = np.floor(p).astype(int)
    f = p - base
    found: Any = 0.0
    for o in itertools.product((0, 1), repeat=len(extents)):
        w = np.where(np.array(o), f, 1 - f).prod(-1)
        k = np.clip(base + np.array(o), 0, extents - 1)
        found = found + w[:, None] * values[tuple(k[:, ::-1].T)]
    return found
