"""The category `bitwise`."""

from __future__ import annotations

from warpgen.synthesis.blocks.motif import Category

CATEGORY = Category("bitwise", "hashes, Morton and Gray codes, packing, shift registers, checksums")
