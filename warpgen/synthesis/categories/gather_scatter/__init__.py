"""The category `gather_scatter`."""

from __future__ import annotations

from warpgen.synthesis.blocks.motif import Category

CATEGORY = Category("gather_scatter", "index maps, permutations, compaction, layouts, segments, halos")
