"""Shapes: triangles, polygons, meshes, curves, and how they lie to one another."""

from __future__ import annotations

from warpgen.synthesis.writing.algorithm import Domain

DOMAIN = Domain(
    "geometry",
    "triangles, meshes and curves: measures, distances, intersections, deformations",
)
