"""The category `multi_conditional`."""

from __future__ import annotations

from warpgen.synthesis.blocks.motif import Category

CATEGORY = Category(
    "multi_conditional", "if/elif chains, decision trees, piecewise functions, state machines", 1.0
)
