"""Matter made of particles."""

from __future__ import annotations

from warpgen.synthesis.writing.algorithm import Domain

DOMAIN = Domain(
    "particle",
    "fluids, grains and gases made of particles: SPH, DEM, MPM, molecular dynamics",
    element="particle",
)
