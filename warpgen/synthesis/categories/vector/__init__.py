"""The category `vector`."""

from __future__ import annotations

from warpgen.synthesis.blocks.motif import Category

CATEGORY = Category(
    "vector", "vector operations: products, norms, projections, components, integer vectors", 1.0
)
