"""The category `static`."""

from __future__ import annotations

from warpgen.synthesis.blocks.motif import Category

CATEGORY = Category("static", "wp.static, constants, enums, compile-time tables, sizes, casts, slices", 1.0)
