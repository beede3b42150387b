"""The category `stencil`."""

from __future__ import annotations

from warpgen.synthesis.blocks.motif import Category

CATEGORY = Category("stencil", "finite differences on grids: diffusion, waves, advection, reactions")
