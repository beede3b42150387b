"""Textures."""

from __future__ import annotations

from warpgen.synthesis.writing.algorithm import Domain

DOMAIN = Domain(
    "texture", "textures: grading, maps of normals and heights, environments, filters", element="pixel"
)
