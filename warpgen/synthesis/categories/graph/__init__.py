"""The category `graph`."""

from __future__ import annotations

from warpgen.synthesis.blocks.motif import Category

CATEGORY = Category(
    "graph", "breadth-first levels, PageRank, components, triangles, shortest paths, colouring"
)
