"""The category `texture`."""

from __future__ import annotations

from warpgen.synthesis.blocks.motif import Category

CATEGORY = Category("texture", "textures: sampling, filtering, colour tables, mapping", 0.7)
