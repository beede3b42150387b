"""The category `autodiff`."""

from __future__ import annotations

from warpgen.synthesis.blocks.motif import Category

CATEGORY = Category("autodiff", "custom gradients and replays, losses, chain rules, inverse problems", 1.0)
