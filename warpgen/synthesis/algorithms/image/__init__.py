"""Pictures as arrays."""

from __future__ import annotations

from warpgen.synthesis.writing.algorithm import Domain

DOMAIN = Domain("image", "pictures as arrays: filters, features, colour, geometry, compositing")
