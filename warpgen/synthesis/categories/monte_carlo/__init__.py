"""The category `monte_carlo`."""

from __future__ import annotations

from warpgen.synthesis.blocks.motif import Category

CATEGORY = Category("monte_carlo", "random numbers and noise: sampling, estimates, walks, chains, textures")
