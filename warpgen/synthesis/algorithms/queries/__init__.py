"""Questions put to trees, grids, meshes and volumes."""

from __future__ import annotations

from warpgen.synthesis.writing.algorithm import Domain

DOMAIN = Domain(
    "queries",
    "questions put to bounding volume trees, hash grids, triangle meshes and sparse volumes",
    element="query",
)
