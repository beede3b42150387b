"""Looking up single entries of a sparse matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.sparse import DOMAIN
from warpgen.synthesis.library import compressed, searching
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = compressed.NAMES | {
    "slot": "at|place",
    "sorted_columns": "col_ind|cols_sorted",
    "found": "entry_of|position|lookup",
}


@DOMAIN.algorithm(
    source="Gustavson 1978, Two Fast Algorithms for Sparse Matrices; Saad 2003, section 3.3",
    names=_NAMES | {"queries": "pairs|wanted|ij"},
    adjoint="no",
    weight=6,
)
def entry_lookup(d: Draft) -> None:
    """Looks up entries in a sparse matrix with sorted rows."""
    search = d.option("search", *searching.WAYS)
    task = d.option("task", "place", "value", "add", "contains")
    layout = d.option("queries", "pairs", "two arrays")
    missing = d.flag("default", 0.4)
    d.calls({
        "place": "find_entries|locate_entries|entry_positions",
        "value": "get_entries|read_entries|entry_values",
        "add": "add_to_entries|accumulate_entries|add_entries",
        "contains": "contains_entries|test_pattern|has_entries",
    }[task])  # fmt: skip
    n, width, m = d.pick(24, 32, 40), d.pick(6, 8, 10), d.pick(64, 96, 128)
    # rows of one width follow each other, the columns of each ascending
    d.input(
        "sorted_columns",
        "int",
        (n, width),
        0,
        d.pick(16, 20),
        kind="ascending",
        about="Column indices, sorted within rows, repeated as padding",
    )
    if task == "value":
        d.input("values", "float", (n, width), -1.0, 1.0, about="Matrix entries")
    if layout == "pairs":
        d.input("queries", "vec2i", m, 0, 16, about="Row and column index per query")
        read = "row = queries[tid][0]\ncol = queries[tid][1]"
    else:
        rows, cols = d.pick(("rows", "cols"), ("row_indices", "col_indices"), ("i_idx", "j_idx"))
        d.input(rows, "int", m, 0, n, about="Row indices")
        d.input(cols, "int", m, 0, 16, about="Column indices")
        read = f"row = {rows}[tid]\ncol = {cols}[tid]"
    if task == "value" and missing:
        d.param("fallback", "float", -1.0, 1.0, about="Default value for missing entries")
    if task == "add":
        d.input("added", "float", m, -1.0, 1.0, about="Values to add")
        d.inout("values", "float", (n, width), -1.0, 1.0, about="Matrix entries")
        if missing:
            d.inout("num_missing", "int", 1, value=0.0, about="Number of entries not found")
    else:
        name = {"place": "found", "value": "entry", "contains": "present"}[task]
        about = {
            "place": "Slot index within the row"
            + (", or -1 minus the insertion index" if missing else ", or -1 if not found"),
            "value": "Entry values" + ("" if missing else ", 0 if not found"),
            "contains": "1 if the entry is in the sparsity pattern, 0 otherwise",
        }[task]
        d.output(name, "float" if task == "value" else "int", m, about=about)
    find = d.use(searching.INTEGERS[search])
    hit = "slot < columns.shape[0] and columns[slot] == col"
    absent = {"place": "-1 - slot" if missing else "-1", "value": "fallback" if missing else "0.0"}.get(
        task, ""
    )
    body = {
        "place": f"if {hit}:\n    found[tid] = slot\nelse:\n    found[tid] = {absent}",
        "value": f"if {hit}:\n    entry[tid] = values[row, slot]\nelse:\n    entry[tid] = {absent}",
        "contains": f"present[tid] = wp.where({hit}, 1, 0)",
        "add": f"if {hit}:\n    wp.atomic_add(values, row, slot, added[tid])",
    }[task]
    if task == "add" and missing:
        body += "\nelse:\n    wp.atomic_add(num_missing, 0, 1)"
    d.launch(m)
    d.code(
        f"""
        tid = wp.tid()
        $read
        columns = sorted_columns[row]
        slot = {find}(columns, 0, columns.shape[0], col)
        $body
        """,
        read=read,
        body=body,
    )
    d.says(
        {
            "place": "Finds the slot index of entries in a sparse matrix with sorted rows.",
            "value": "Retrieves entries from a sparse matrix with sorted rows.",
            "add": "Adds values to entries of a sparse matrix with sorted rows"
            + (
                " and counts entries outside the sparsity pattern."
                if missing
                else ", skipping entries outside the sparsity pattern."
            ),
            "contains": "Tests whether entries are in the sparsity pattern of a matrix with sorted rows.",
        }[task]
    )

    def reference(v: Values) -> dict[str, Any]:
        row, col = v.queries.T if layout == "pairs" else (v[rows], v[cols])
        slot = np.array([np.searchsorted(v.sorted_columns[i], j) for i, j in zip(row, col, strict=True)])
        safe = np.minimum(slot, width - 1)
        hit_ = (slot < width) & (v.sorted_columns[row, safe] == col)
        if task == "place":
            return {"found": np.where(hit_, slot, -1 - slot if missing else -1)}
        if task == "contains":
            return {"present": np.where(hit_, 1, 0)}
        if task == "value":
            return {"entry": np.where(hit_, v["values"][row, safe], v.fallback if missing else 0.0)}
        made = v["values"].copy()
        np.add.at(made, (row[hit_], slot[hit_]), v.added[hit_])
        return {"values": made} | ({"num_missing": np.array([(~hit_).sum()])} if missing else {})

    d.check(reference)
