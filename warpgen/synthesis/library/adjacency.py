"""Adjacency lists: a struct of their arrays, how a draft declares them, and the edges that they hold."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import piece

NAMES = {
    "offsets": "row_offsets|xadj|adj_offsets|row_ptr",
    "targets": "neighbors|adjncy|col_indices|adj",
    "weights": "edge_weights|link_weights|edge_w",
    "sources": "src|edge_src",
    "dests": "dst|edge_dst",
    "u": "node|vertex|tid",
    "v": "nbr|neighbor|other",
    "e": "k|edge|slot",
    "G": "graph|adjacency|g",
    "edge": "e|tid|edge_id",
    "max_degree": "width|slots|fanout",
}

GRAPH = piece('''
@wp.struct
class Graph:
    """Graph adjacency in CSR format."""

    offsets: wp.array(dtype=int)
    targets: wp.array(dtype=int)
''')

WEIGHTED = piece('''
@wp.struct
class WeightedGraph:
    """Weighted graph adjacency in CSR format."""

    offsets: wp.array(dtype=int)
    targets: wp.array(dtype=int)
    weights: wp.array(dtype=float)
''')

LAYOUTS = ("arrays", "struct", "padded")


class Lists:
    """How a kernel's text walks the neighbours of `u`, and the edges that were drawn."""

    def __init__(self, layout: str, nodes: int, edges: int, width: int) -> None:
        self.layout, self.nodes, self.edges, self.width = layout, nodes, edges, width
        prefix = "G." if layout == "struct" else ""
        self.prefix = prefix
        self.weight = "weights[u, e]" if layout == "padded" else f"{prefix}weights[e]"

    def walk(self, body: str) -> str:
        """A loop over the neighbours `v` of `u` (by edge `e`) with `body` in it."""
        inner = "\n".join(f"    {line}" if line else line for line in body.split("\n"))
        if self.layout == "padded":
            head = "max_degree = targets.shape[1]\nfor e in range(max_degree):\n"
            head += "    v = targets[u, e]\n    if v < 0:\n        break\n"
        else:
            p = self.prefix
            head = f"for e in range({p}offsets[u], {p}offsets[u + 1]):\n    v = {p}targets[e]\n"
        return head + inner

    @property
    def degree(self) -> str:
        """The number of neighbours of `u`, of lists that are not padded."""
        return f"{self.prefix}offsets[u + 1] - {self.prefix}offsets[u]"

    def ends(self, v: Values) -> tuple[Any, Any, Any]:
        """Of each edge where it starts, where it ends and its weight (or one)."""
        targets = v[self.prefix + "targets"]
        weights = v.get(self.prefix + "weights", np.ones(targets.shape))
        if self.layout == "padded":
            live = np.cumprod(targets >= 0, axis=1).astype(bool)
            start = np.broadcast_to(np.arange(self.nodes)[:, None], targets.shape)
            return start[live], targets[live], weights[live]
        start = np.repeat(np.arange(self.nodes), np.diff(v[self.prefix + "offsets"]))
        return start, targets, weights


def declare(
    d: Draft, layout: str, nodes: int, edges: int, low: float = 0.0, high: float = 0.0, width: int = 5
) -> Lists:
    """Declare lists of neighbours; with weights between low and high where high is above zero."""
    made = Lists(layout, nodes, edges, width)
    if layout == "struct":
        fields = {
            "offsets": fill(kind="offsets", high=edges, shape=nodes + 1),
            "targets": fill(0, nodes, shape=edges),
        }
        if high > 0.0:
            fields["weights"] = fill(low, high, shape=edges)
        d.struct("G", WEIGHTED if high > 0.0 else GRAPH, fields, about="Adjacency lists")
        return made
    if layout == "padded":
        about = "Neighbor indices per node, padded with negative values"
        d.input("targets", "int", (nodes, width), -1 - nodes // 10, nodes, about=about)
    else:
        d.input("offsets", "int", nodes + 1, 0, edges, kind="offsets", about="CSR row offsets")
        d.input("targets", "int", edges, 0, nodes, about="Concatenated neighbor indices")
    if high > 0.0:
        shape = (nodes, width) if layout == "padded" else edges
        d.input("weights", "float", shape, low, high, about="Edge weights")
    return made
