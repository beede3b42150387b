"""Values between given ones."""

from __future__ import annotations

from warpgen.synthesis.writing.algorithm import Domain

DOMAIN = Domain(
    "interpolation",
    "values between given ones: splines, polynomials, scattered data, tables",
    element="query",
)
