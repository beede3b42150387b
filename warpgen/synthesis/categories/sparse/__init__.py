"""The category `sparse`."""

from __future__ import annotations

from warpgen.synthesis.blocks.motif import Category

CATEGORY = Category("sparse", "sparse matrices: CSR, COO, ELL and BSR products, smoothers, row operations")
