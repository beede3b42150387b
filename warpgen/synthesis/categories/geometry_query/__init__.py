"""The category `geometry_query`."""

from __future__ import annotations

from warpgen.synthesis.blocks.motif import Category

CATEGORY = Category("geometry_query", "queries against meshes, bounding volume trees and hash grids")
