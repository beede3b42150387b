"""The earth and the sky."""

from __future__ import annotations

from warpgen.synthesis.writing.algorithm import Domain

DOMAIN = Domain("earth", "geodesy, map projections, orbits, the sun's place, weather and water")
