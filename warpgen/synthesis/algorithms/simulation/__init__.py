"""Deformable bodies."""

from __future__ import annotations

from warpgen.synthesis.writing.algorithm import Domain

DOMAIN = Domain(
    "simulation",
    "cloth, rods and soft bodies: springs, constraints, finite elements, collisions",
    element="particle",
)
