"""The category `arithmetic`."""

from __future__ import annotations

from warpgen.synthesis.blocks.motif import Category

CATEGORY = Category("arithmetic", "scalar expressions over floats and integers of every width", 1.0)
