"""Queries of meshes, trees and grids."""

from __future__ import annotations

from warpgen.synthesis.writing.algorithm import Domain

DOMAIN = Domain(
    "geometry_query",
    "closest points, rays and overlaps of meshes, trees of boxes and hash grids",
    element="query",
)
