"""The category `combined`."""

from __future__ import annotations

from warpgen.synthesis.blocks.motif import Category

CATEGORY = Category("combined", "mixtures of arithmetic, vectors, loops, branches and helpers", 1.0)
