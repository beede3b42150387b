"""Paths between all pairs of nodes, in a matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.graph import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Floyd 1962; Warshall 1962; Harish & Narayanan 2007 (one intermediate node per launch)",
    names={
        "D": "dist|distances|d_mat",
        "R": "reach|reachable|closure",
        "W": "width|capacity|widths",
        "k": "via|mid|pivot",
        "i": "row|a",
        "j": "col|b",
        "detour": "through|candidate|d_ikj",
    },
    adjoint="no",
    double=True,
)
def floyd_warshall_step(d: Draft) -> None:
    """Relaxes all-pairs distances through an intermediate node (Floyd-Warshall)."""
    algebra = d.option("algebra", "shortest", "reach", "widest")
    layout = d.option("layout", "2-D", "flat")
    parent = d.option("next hop", "no", "yes", "count")
    form = d.option("form", "in place", "out of place", "rows")
    d.calls(
        {
            "shortest": "floyd_warshall_step|apsp_step|all_pairs_step|relax_pairs",
            "reach": "warshall_step|transitive_step|transitive_closure_step",
            "widest": "widest_paths_step|bottleneck_step|widen_pairs",
        }[algebra]
    )
    if algebra == "reach":
        parent = "no"
    table, about = {
        "shortest": ("D", "All-pairs distances, shortest cycles on the diagonal"),
        "reach": ("R", "Reachability matrix, nonzero if a path from row to column node is known"),
        "widest": ("W", "All-pairs bottleneck widths"),
    }[algebra]
    n = d.pick(16, 20, 24)
    shape: Any = (n, n) if layout == "2-D" else n * n

    def at(name: str, i: str, j: str) -> str:
        return f"{name}[{i}, {j}]" if layout == "2-D" else f"{name}[{i} * n + {j}]"

    kind = "int" if algebra == "reach" else "float"
    low, high = (0, 2) if algebra == "reach" else (0.1, 4.0)
    # several intermediate nodes in one launch would need a barrier between them
    d.param("k", "int", 0, n, about="Intermediate node")
    if layout == "flat":
        d.param("n", "int", n, about="Number of nodes")
    target = table if form != "out of place" else f"{table}_out"
    if form == "out of place":
        d.input(table, kind, shape, low, high, about=about)
        d.output(target, kind, shape, about=f"{about} after relaxation")
    else:
        d.inout(table, kind, shape, low, high, about=about)
    if parent == "yes":
        d.inout("hop", "int", shape, 0, n, about="Next hop per pair")
    elif parent == "count":
        d.inout("improved", "int", 1, value=0.0, about="Number of improved pairs")
    old = at(table, "i", "j")
    detour = {
        "shortest": f"detour = {at(table, 'i', 'k')} + {at(table, 'k', 'j')}",
        "reach": f"detour = {at(table, 'i', 'k')} & {at(table, 'k', 'j')}",
        "widest": f"detour = wp.min({at(table, 'i', 'k')}, {at(table, 'k', 'j')})",
    }[algebra]
    better = {"shortest": "<", "reach": "|", "widest": ">"}[algebra]
    note = "\n" + f"{at('hop', 'i', 'j')} = {at('hop', 'i', 'k')}" if parent == "yes" else ""
    note += "\nwp.atomic_add(improved, 0, 1)" if parent == "count" else ""
    if algebra == "reach":
        body = f"{detour}\n{at(target, 'i', 'j')} = {old} | detour"
    elif form == "out of place" and parent == "no":
        fold = "wp.min" if algebra == "shortest" else "wp.max"
        body = f"{detour}\n{at(target, 'i', 'j')} = {fold}({old}, detour)"
    else:
        inner = f"{at(target, 'i', 'j')} = detour{note}".replace("\n", "\n    ")
        body = f"{detour}\nif detour {better} {old}:\n    {inner}"
        if form == "out of place":
            body += f"\nelse:\n    {at(target, 'i', 'j')} = {old}"
    skip = "# row and column `k` are invariant in round `k`"
    stay = f"if i == k or j == k:\n    {'return' if form != 'rows' else 'continue'}"
    if form == "out of place":
        stay, skip = "", ""
    if form == "rows":
        d.launch(n)
        d.code(
            "i = wp.tid()\n$count\nfor j in range(n):\n    $skip\n    $stay\n    $body",
            count="" if layout == "flat" else f"n = {table}.shape[0]",
            skip=skip,
            stay=stay,
            body=body,
        )
    else:
        d.launch(n, n)
        d.code("i, j = wp.tid()\n$skip\n$stay\n$body", skip=skip, stay=stay, body=body)
    if algebra == "reach":
        d.says("Updates the transitive closure through an intermediate node (Warshall).")
    elif algebra == "widest":
        d.says("Updates all-pairs widest paths through an intermediate node.")

    def reference(v: Values) -> dict[str, Any]:
        x = v[table].reshape(n, n)
        column, row = x[:, v.k][:, None], x[v.k][None]
        if algebra == "reach":
            new = x | (column & row)
        elif algebra == "shortest":
            new = np.minimum(x, column + row)
        else:
            new = np.maximum(x, np.minimum(column, row))
        if form != "out of place":
            new[:, v.k], new[v.k] = x[:, v.k], x[v.k]
        changed = new != x
        made = {target: new.reshape(v[table].shape)}
        if parent == "yes":
            hop = v.hop.reshape(n, n)
            made["hop"] = np.where(changed, hop[:, v.k][:, None], hop).reshape(v.hop.shape)
        elif parent == "count":
            made["improved"] = np.array([changed.sum()])
        return made

    d.check(reference)
