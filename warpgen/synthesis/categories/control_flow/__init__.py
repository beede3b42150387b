"""The category `control_flow`."""

from __future__ import annotations

from warpgen.synthesis.blocks.motif import Category

CATEGORY = Category("control_flow", "ifs, loops, while, break and continue, early exits", 1.0)
