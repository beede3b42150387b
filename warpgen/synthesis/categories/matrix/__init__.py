"""The category `matrix`."""

from __future__ import annotations

from warpgen.synthesis.blocks.motif import Category

CATEGORY = Category(
    "matrix", "matrix operations: products, inverses, traces, building, elementwise loops", 1.0
)
