"""The category `nested_loop`."""

from __future__ import annotations

from warpgen.synthesis.blocks.motif import Category

CATEGORY = Category(
    "nested_loop", "loops two to four deep: static, dynamic, triangular, tiled, early ends", 1.0
)
