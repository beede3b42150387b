"""The category `search`."""

from __future__ import annotations

from warpgen.synthesis.blocks.motif import Category

CATEGORY = Category("search", "bisection, sorting networks, heaps, selection, ranking, nearest neighbours")
