"""The category `launch`."""

from __future__ import annotations

from warpgen.synthesis.blocks.motif import Category

CATEGORY = Category("launch", "grid and block idioms, kernel options, views, indexed and local arrays", 0.9)
