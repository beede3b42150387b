"""Matrices that are mostly zeros."""

from __future__ import annotations

from warpgen.synthesis.writing.algorithm import Domain

DOMAIN = Domain(
    "sparse",
    "sparse matrices in their layouts: products, sweeps, factors, assembly and look-ups",
)
