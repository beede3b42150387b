"""The category `math`."""

from __future__ import annotations

from warpgen.synthesis.blocks.motif import Category

CATEGORY = Category(
    "math", "transcendental builtins: trigonometry, exponentials, special functions, rounding", 1.0
)
