"""The category `raymarch`."""

from __future__ import annotations

from warpgen.synthesis.blocks.motif import Category

CATEGORY = Category("raymarch", "distance fields, sphere tracing, ray intersection, cameras, shading")
