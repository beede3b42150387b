"""Arrays seen under another shape, and places in them drawn at random."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from warpgen.synthesis.algorithms.language import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Warp manual, Arrays: views on pointers; Efron 1979",
    names={
        "viewed_rows": "reshaped_view|table_view|records_view",
        "buffer": "storage|raw|flat",
        "table": "rows|view|records",
        "out": "result|values|y",
        "seed": "base_seed|rng_seed|key",
        "state": "rng|rng_state|generator",
        "at": "pick|place|chosen",
    },
    adjoint="no",
)
def viewed_rows(d: Draft) -> None:
    """Processes records stored contiguously in a flat buffer."""
    kind = d.option("kind", "sum", "largest", "column", "bootstrap", "bins")
    d.calls({
        "sum": "sum_records|record_sums|row_sums",
        "largest": "largest_fields|record_maxima|row_maxima",
        "column": "first_less_last|column_difference",
        "bootstrap": "bootstrap_means|resample_records|bootstrap_average",
        "bins": "sum_random_groups|split_into_groups|random_groups",
    }[kind])  # fmt: skip
    type_ = d.option("type", "int", "float")
    width = d.option("width", "fixed", "given")
    if kind == "bins":
        type_ = "int"
    d.says({
        "sum": "Sums the fields of each record in a flat buffer.",
        "largest": "Computes the maximum field of each record in a flat buffer.",
        "column": "Computes the first minus the last field of each record in a flat buffer.",
        "bootstrap": "Computes bootstrap means of the first record field in a flat buffer.",
        "bins": "Assigns flat-buffer records to random groups and sums the first field per group.",
    }[kind])  # fmt: skip
    fields, rows = d.pick(2, 3, 4), d.pick(48, 64, 96)
    random = kind in ("bootstrap", "bins")
    if kind == "bins":
        width = "given"
    d.module(
        f"FIELDS = wp.constant({fields})" + (f"\nRECORDS = wp.constant({rows})" if width == "fixed" else "")
    )
    d.input("buffer", type_, rows * fields, 0, 50, about="flat buffer of records")
    if random:
        d.param("seed", "int", 1, 10000, about="random seed")
    if width == "given":
        d.param("count", "int", rows, about="number of records")
    inner = 16
    if kind == "bootstrap":
        d.param("draws", "int", inner, about="number of records drawn per mean")
    groups = d.pick(4, 6, 8)
    if kind == "bins":
        d.param("groups", "int", groups, about="number of groups")
    about = {
        "sum": "sum per record", "largest": "maximum field per record", "column": "first field minus last field",
        "bootstrap": "mean per bootstrap sample", "bins": "sum per group",
    }[kind]  # fmt: skip
    size = groups if kind == "bins" else rows
    d.output("out", "float" if kind == "bootstrap" else type_, size, about=about)
    total = "count" if width == "given" else "RECORDS"
    view = f"table = wp.array(ptr=buffer.ptr, shape=({total}, FIELDS), dtype={type_})"
    zero = "int(0)" if type_ == "int" else "float(0.0)"
    first = "float(table[at, 0])" if type_ == "int" else "table[at, 0]"
    each = {
        "sum": f"total = {zero}\nfor k in range(FIELDS):\n    total += table[tid, k]\nout[tid] = total",
        "largest": "most = table[tid, 0]\nfor k in range(1, FIELDS):\n"
        "    most = wp.max(most, table[tid, k])\nout[tid] = most",
        "column": "out[tid] = table[tid, 0] - table[tid, FIELDS - 1]",
        "bootstrap": f"state = wp.rand_init(seed, tid)\ntotal = float(0.0)\nfor draw in range(draws):\n"
        f"    at = int(wp.randu(state) % wp.uint32({total}))\n    total += {first}\n"
        "out[tid] = total / float(draws)",
        "bins": "state = wp.rand_init(seed, tid)\n"
        "at = int(wp.randu(state, wp.uint32(0), wp.uint32(groups)))\n"
        "wp.atomic_add(out, at, table[tid, 0])",
    }[kind]
    d.launch(rows)
    d.code(
        "tid = wp.tid()\n# Zero-copy view of the flat buffer\n$view\n$each",
        view=view,
        each=each,
    )

    def reference(v: Values) -> Mapping[str, Any]:
        table = v.buffer.reshape(rows, fields)
        found = {"sum": table.sum(axis=1), "largest": table.max(axis=1), "column": table[:, 0] - table[:, -1]}
        return {"out": found[kind]}

    def drawn(before: Values, after: Values) -> None:
        first = before.buffer.reshape(rows, fields)[:, 0].astype(float)
        if kind == "bins":
            assert after.out.sum() == first.sum()
            assert (after.out > 0).sum() >= groups - 1
        else:
            assert abs(after.out.mean() - first.mean()) < 5 * first.std() / (inner * rows) ** 0.5
            assert (after.out >= first.min()).all()
            assert (after.out <= first.max()).all()

    if random:
        d.holds(drawn)
    else:
        d.check(reference)
