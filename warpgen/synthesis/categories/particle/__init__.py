"""The category `particle`."""

from __future__ import annotations

from warpgen.synthesis.blocks.motif import Category

CATEGORY = Category("particle", "forces and updates of particle systems: springs, contact, SPH, DEM, MPM")
