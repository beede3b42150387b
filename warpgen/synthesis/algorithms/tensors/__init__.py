"""Small vectors and matrices that stand for something."""

from __future__ import annotations

from warpgen.synthesis.writing.algorithm import Domain

DOMAIN = Domain(
    "tensors", "small vectors and matrices: invariants, factors, frames, norms of residuals, scores"
)
