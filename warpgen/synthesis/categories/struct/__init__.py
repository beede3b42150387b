"""The category `struct`."""

from __future__ import annotations

from warpgen.synthesis.blocks.motif import Category

CATEGORY = Category("struct", "wp.struct: nested, in arrays, returned, constructed, updated by member", 1.0)
