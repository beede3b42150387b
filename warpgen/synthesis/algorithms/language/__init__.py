"""What the language of kernels offers beside arithmetic."""

from __future__ import annotations

from warpgen.synthesis.writing.algorithm import Domain

DOMAIN = Domain(
    "language", "features of the language: gradients by hand, native code, generics, tables, slots, checks"
)
