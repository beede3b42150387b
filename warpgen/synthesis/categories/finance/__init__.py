"""The category `finance`."""

from __future__ import annotations

from warpgen.synthesis.blocks.motif import Category

CATEGORY = Category("finance", "options, bonds, curves, portfolios, risk, random price paths")
