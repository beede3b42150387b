"""The category `neural`."""

from __future__ import annotations

from warpgen.synthesis.blocks.motif import Category

CATEGORY = Category("neural", "layers, activations, normalisation, attention, losses, optimisers")
