"""Functions of one number, used for what they are good for."""

from __future__ import annotations

from warpgen.synthesis.writing.algorithm import Domain

DOMAIN = Domain(
    "scalars",
    "functions of numbers: laws of chance, levels, angles, roots, rounding, thresholds, tables",
    element="value",
)
