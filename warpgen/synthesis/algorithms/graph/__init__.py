"""Graphs in adjacency lists."""

from __future__ import annotations

from warpgen.synthesis.writing.algorithm import Domain

DOMAIN = Domain(
    "graph",
    "graphs: traversal, shortest paths, ranks, components, colourings, matchings, counts",
)
