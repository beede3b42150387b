"""Running sums and sorts of tiles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.tiles import DOMAIN
from warpgen.synthesis.algorithms.tiles.reductions import BLOCK
from warpgen.synthesis.library.tile_forms import Flat, extent
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Blelloch 1990; Magdon-Ismail & Atiya 2004",
    names=BLOCK
    | {
        "x": "values|series|data",
        "lengths": "sizes|record_sizes|counts",
        "offsets": "starts|begins|prefix",
        "totals": "scanned|prefix|cumulative",
        "so_far": "running|out",
        "drops": "drawdown|out|below_peak",
        "ranges": "spans|out|widths",
        "ranks": "slots|out|positions",
        "ends": "block_totals|block_sums|carry",
    },
    adjoint="either",
    weight=15,
)
def running_tile(d: Draft) -> None:
    """Computes a scan over each block of values."""
    kind = d.option("kind", "offsets", "totals", "high water", "low water", "drawdown", "range", "ranks")
    type_ = d.option("type", "int", "uint32")
    if kind == "ranks":
        type_ = "int"
    rows = d.option("rows", "flat", "rows")
    ends = kind in ("offsets", "totals") and d.flag("ends")
    last = ", and the end of the last record" if kind == "offsets" else ", and the block sums"
    last = last if ends else ""
    d.says(
        {
            "offsets": f"Computes packed record offsets within each block from record lengths{last}.",
            "totals": f"Computes running totals within each block{last}.",
            "high water": "Computes the running maximum within each block.",
            "low water": "Computes the running minimum within each block.",
            "drawdown": "Computes the drawdown of each value below the running maximum of its block.",
            "range": "Computes the running range (maximum minus minimum) within each block.",
            "ranks": "Assigns consecutive indices to the values of each block that reach a threshold.",
        }[kind]
    )
    d.calls({
        "offsets": "record_offsets|exclusive_scan|pack_offsets",
        "totals": "running_totals|inclusive_scan|cumulative_sums",
        "high water": "running_maximum|high_water_marks|cumulative_max",
        "low water": "running_minimum|low_water_marks|cumulative_min",
        "drawdown": "drawdowns|running_drawdown|fall_from_peak",
        "range": "running_range|range_so_far|cumulative_range",
        "ranks": "number_passing|rank_passing|compaction_ranks",
    }[kind])  # fmt: skip
    n, blocks = d.pick(16, 32, 64), d.pick(3, 4, 5)
    size = extent(d, "TILE", n)
    flat = rows == "flat"
    x = "lengths" if kind == "offsets" else "x"
    out = {
        "offsets": "offsets",
        "totals": "totals",
        "drawdown": "drops",
        "range": "ranges",
        "ranks": "ranks",
    }.get(kind, "so_far")
    if flat:
        form = Flat(d, size)
        head, load, store = form.head, form.load(x), form.store(out, "{}")
    else:
        head = ""
        load = f"wp.tile_squeeze(wp.tile_load({x}, shape=(1, {size}), offset=(block, 0)))"
        store = f"wp.tile_store({out}, wp.tile_reshape({{}}, shape=(1, {size})), offset=(block, 0))"
    shape = n * blocks if flat else (blocks, n)
    d.input(x, type_, shape, 0, 20)
    if kind == "ranks":
        d.param("threshold", "int", 5, 12)
        d.function("""
            @wp.func
            def passes(value: int, threshold: int):
                return wp.where(value >= threshold, 1, 0)
        """)
    d.output(out, type_, shape)
    if ends:
        d.output("ends", type_, blocks)
    scan = {
        "offsets": "running_t = wp.tile_scan_exclusive(t)",
        "totals": "running_t = wp.tile_scan_inclusive(t)",
        "high water": "running_t = wp.tile_scan_max_inclusive(t)",
        "low water": "running_t = wp.tile_scan_min_inclusive(t)",
        "drawdown": "peaks = wp.tile_scan_max_inclusive(t)\nbelow = peaks - t",
        "range": "span = wp.tile_scan_max_inclusive(t) - wp.tile_scan_min_inclusive(t)",
        "ranks": """
flags = wp.tile_map(passes, t, threshold)
# Exclusive scan of the flags gives the compacted index
passing_before = wp.tile_scan_exclusive(flags)""".strip(),
    }[kind]
    made = {"drawdown": "below", "range": "span", "ranks": "passing_before"}.get(kind, "running_t")
    d.launch(blocks, tiled=True)
    d.code(
        """
        block = wp.tid()
        $head
        t = $load
        $scan
        $store
        $ends
        """,
        head=head,
        load=load,
        scan=scan,
        store=store.format(made),
        ends="wp.tile_store(ends, wp.tile_sum(t), offset=block)" if ends else "",
    )

    def reference(v: Values) -> Mapping[str, Any]:
        given = v[x].reshape(blocks, n)
        top, bottom = np.maximum.accumulate(given, axis=1), np.minimum.accumulate(given, axis=1)
        flags = given >= v.threshold if kind == "ranks" else given > 0
        found = {
            "offsets": given.cumsum(axis=1) - given,
            "totals": given.cumsum(axis=1),
            "high water": top,
            "low water": bottom,
            "drawdown": top - given,
            "range": top - bottom,
            "ranks": flags.cumsum(axis=1) - flags,
        }[kind]
        return {out: found.reshape(v[x].shape)} | ({"ends": given.sum(axis=1)} if ends else {})

    d.check(reference)


@DOMAIN.algorithm(
    source="Tukey 1977; Batcher 1968",
    names=BLOCK
    | {
        "x": "keys|samples|readings",
        "order": "permutation|argsort|sorted_ids",
        "ordered": "sorted_keys|keys_out|ascending",
        "middle": "median|medians|centre",
    },
    adjoint="either",
    weight=7,
)
def sorted_tile(d: Draft) -> None:
    """Sorts the keys of each block."""
    wanted = d.option("wanted", "keys", "order", "median", "trimmed mean", "spread", "gather")
    type_ = d.option("type", "int", "uint32")
    storage = d.option("storage", "", "shared")
    counted = d.option("counted", "one bound", "two bounds")
    d.says(
        {
            "keys": "Sorts the keys of each block.",
            "order": "Computes the sort permutation for the keys of each block.",
            "median": "Computes the (upper) median of each block.",
            "trimmed mean": "Computes the trimmed mean of each block, dropping the lowest and highest quarter.",
            "spread": "Computes the interquartile range of each block.",
            "gather": "Reorders the payload of each block by sorting its keys.",
        }[wanted]
    )
    d.calls({
        "keys": "block_sort|sort_keys|sort_segments",
        "order": "argsort_blocks|sorting_order|sort_permutation",
        "median": "block_medians|block_median|medians",
        "trimmed mean": "trimmed_means|block_trimmed_mean|robust_means",
        "spread": "interquartile_range|quartile_spread|block_iqr",
        "gather": "sort_by_key|sort_payload|reorder_by_key",
    }[wanted])  # fmt: skip
    n, blocks = d.pick(16, 32, 64), d.pick(3, 4, 6)
    size = extent(d, "TILE", n)
    form = Flat(d, size)
    # equal keys have no order of their own
    distinct = wanted in ("order", "gather")
    d.input("x", type_, n * blocks, 0, 5000, kind="permutation" if distinct else "uniform")
    if wanted == "gather":
        d.input("payload", "int", n * blocks, 0, 500)
    output, out_type = {
        "keys": ("ordered", type_),
        "order": ("order", "int"),
        "median": ("middle", type_),
        "trimmed mean": ("means", "float"),
        "spread": ("spread", type_),
        "gather": ("carried", "int"),
    }[wanted]
    d.output(output, out_type, n * blocks if wanted in ("keys", "order", "gather") else blocks)
    arange = f"wp.tile_arange({size if counted == 'one bound' else f'0, {size}'}, dtype=int)"
    quarter = n // 4
    tail = {
        "keys": form.store("ordered", "keys"),
        "order": form.store("order", "places"),
        "median": f"middle[block] = keys[{n // 2}]",
        "trimmed mean": f"""
inner = wp.tile_view(keys, offset=({quarter},), shape=({n - 2 * quarter},))
mean = wp.tile_sum(wp.tile_astype(inner, dtype=float)) * (1.0 / {n - 2 * quarter}.0)
wp.tile_store(means, mean, offset=block)""".strip(),
        "spread": f"""
lower = wp.tile_extract(keys, {quarter - 1})
spread[block] = wp.tile_extract(keys, {n - quarter}) - lower""".strip(),
        "gather": form.store("carried", "carry"),
    }[wanted]
    d.launch(blocks, tiled=True)
    d.code(
        """
        block = wp.tid()
        $head
        keys = $load
        $places
        wp.tile_sort(keys, $moved)
        $tail
        """,
        head=form.head,
        load=form.load("x", storage or ("shared" if wanted == "trimmed mean" else "")),
        places=f"carry = {form.load('payload')}" if wanted == "gather" else f"places = {arange}",
        moved="carry" if wanted == "gather" else "places",
        tail=tail,
    )

    def reference(v: Values) -> Mapping[str, Any]:
        x = v.x.reshape(blocks, n)
        s = np.sort(x, axis=1)
        at = np.argsort(x, axis=1, kind="stable")
        return {
            "keys": {"ordered": s.ravel()},
            "order": {"order": at.ravel()},
            "median": {"middle": s[:, n // 2]},
            "trimmed mean": {"means": s[:, quarter : n - quarter].mean(axis=1)},
            "spread": {"spread": s[:, n - quarter] - s[:, quarter - 1]},
            "gather": {"carried": np.take_along_axis(v.payload.reshape(blocks, n), at, 1).ravel()}
            if wanted == "gather"
            else {},
        }[wanted]

    d.check(reference)
