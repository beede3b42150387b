"""Robots: arms, filters and what they know of the world."""

from __future__ import annotations

from warpgen.synthesis.writing.algorithm import Domain

DOMAIN = Domain("robotics", "arms, filters and estimation", element="robot")
