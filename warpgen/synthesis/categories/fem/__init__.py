"""The category `fem`."""

from __future__ import annotations

from warpgen.synthesis.blocks.motif import Category

CATEGORY = Category("fem", "finite elements: shape functions, strain, stress, energies, assembly, quadrature")
