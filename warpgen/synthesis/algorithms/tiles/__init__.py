"""Blocks of threads that work on tiles together."""

from __future__ import annotations

from warpgen.synthesis.writing.algorithm import Domain

DOMAIN = Domain(
    "tiles", "cooperative tiles: load, map, reduce, scan, sort, factorise, gather, scatter and store"
)
