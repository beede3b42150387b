"""The category `tile`."""

from __future__ import annotations

from warpgen.synthesis.blocks.motif import Category

# Tiles pull in much of Warp's C++: a tile program costs about ten times the compile time of another.
CATEGORY = Category("tile", "cooperative tiles: load, map, reduce, scan, sort, gather, store", 1.6)
