"""Rotations, rigid and affine transforms, twists and wrenches."""

from __future__ import annotations

from warpgen.synthesis.writing.algorithm import Domain

DOMAIN = Domain(
    "rotations",
    "quaternions, Euler angles, rigid and affine transforms, twists and wrenches between frames",
    element="entry",
)
