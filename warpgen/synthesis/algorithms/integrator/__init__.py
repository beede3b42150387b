"""Ordinary differential equations in time."""

from __future__ import annotations

from warpgen.synthesis.writing.algorithm import Domain

DOMAIN = Domain(
    "integrator",
    "steps in time: explicit, symplectic, adaptive, multistep and implicit schemes",
    element="state",
)
