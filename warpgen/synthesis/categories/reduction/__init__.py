"""The category `reduction`."""

from __future__ import annotations

from warpgen.synthesis.blocks.motif import Category

CATEGORY = Category(
    "reduction", "sums, extremes, moments, norms and scans over rows, segments and all threads"
)
