"""The category `volume`."""

from __future__ import annotations

from warpgen.synthesis.blocks.motif import Category

CATEGORY = Category("volume", "sparse volumes: sample, look up, store, march, collide", 0.8)
