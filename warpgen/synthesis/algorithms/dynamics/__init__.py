"""Whole machines and living cells, stepped through time."""

from __future__ import annotations

from warpgen.synthesis.writing.algorithm import Domain

DOMAIN = Domain(
    "dynamics",
    "vehicles, aircraft, arms, nerve cells and reactors: their equations of motion and steps",
    element="system",
)
