"""Images: cameras, surfaces, light, and how pixels come about."""

from __future__ import annotations

from warpgen.synthesis.writing.algorithm import Domain

DOMAIN = Domain(
    "rendering",
    "cameras, materials, light transport, rasterisation, splatting and compositing",
)
