"""The category `interpolation`."""

from __future__ import annotations

from warpgen.synthesis.blocks.motif import Category

CATEGORY = Category("interpolation", "splines, polynomials, tables, quadrature, barycentric and radial bases")
