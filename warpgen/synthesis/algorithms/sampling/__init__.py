"""Random points and values, and noise."""

from __future__ import annotations

from warpgen.synthesis.writing.algorithm import Domain

DOMAIN = Domain(
    "sampling",
    "random points, numbers and noise: disks, spheres, triangles, distributions, fractal noise",
)
