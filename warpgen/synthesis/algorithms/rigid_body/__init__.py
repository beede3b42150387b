"""Rigid bodies."""

from __future__ import annotations

from warpgen.synthesis.writing.algorithm import Domain

DOMAIN = Domain(
    "rigid_body", "rigid bodies and their joints: motion, inertia, contact, kinematics", element="body"
)
