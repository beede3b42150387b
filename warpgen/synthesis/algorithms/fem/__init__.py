"""Finite elements."""

from __future__ import annotations

from warpgen.synthesis.writing.algorithm import Domain

DOMAIN = Domain(
    "fem",
    "finite elements: shape functions, element matrices, elastic and plastic forces, fluxes",
    element="element",
)
