"""The category `function`."""

from __future__ import annotations

from warpgen.synthesis.blocks.motif import Category

CATEGORY = Category(
    "function", "wp.func: overloads, generics, function arguments, closures, native snippets", 1.0
)
