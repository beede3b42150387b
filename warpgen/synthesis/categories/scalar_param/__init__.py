"""The category `scalar_param`."""

from __future__ import annotations

from warpgen.synthesis.blocks.motif import Category

CATEGORY = Category("scalar_param", "kernels steered by many scalar arguments of various types", 1.0)
