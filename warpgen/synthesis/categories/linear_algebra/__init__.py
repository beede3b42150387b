"""The category `linear_algebra`."""

from __future__ import annotations

from warpgen.synthesis.blocks.motif import Category

CATEGORY = Category("linear_algebra", "small matrices per thread: factor, solve, eigenvalues, project")
