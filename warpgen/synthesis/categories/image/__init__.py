"""The category `image`."""

from __future__ import annotations

from warpgen.synthesis.blocks.motif import Category

CATEGORY = Category("image", "filters, colour, warps and sampling, morphology, histograms, compositing")
