"""Small dense systems, one for each thread or block, and the vector work of iterative solvers."""

from __future__ import annotations

from warpgen.synthesis.writing.algorithm import Domain

DOMAIN = Domain(
    "linear_algebra",
    "small dense matrices: factors, solves, eigenvalues, functions of matrices",
    element="system",
)
