"""Reductions: many numbers to one, to one per block, per row or per segment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.parallel import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "x": "data|src|samples|field",
    "w": "weights|weight|sample_weights",
    "partial": "partials|sums|partial_sum",
    "whole_sum": "total|result|sum_out",
    "s": "acc|local_sum|accum",
    "lane": "thread|t|lane_id",
    "block": "b|block_id|chunk_id",
    "row": "i|r|line",
    "seg": "segment|group|tid",
    "best": "winner|best_index",
    "TILE": "BLOCK_SIZE|CHUNK|TILE_SIZE",
}


@DOMAIN.algorithm(
    source="Harris 2007, Optimizing Parallel Reduction in CUDA; Kahan 1965; Higham 1993",
    names=_NAMES | {"block_reduce": "reduce_sum|partial_sums|sum_blocks|reduction_pass", "e": "term|v"},
    double=True,
    weight=8,
)
def block_reduce(d: Draft) -> None:
    """Sums an array in blocks, with one partial sum per block."""
    form = d.option("form", "grid stride", "kahan", "tile", "tile loop", "atomic", "pairs")
    term = d.option("term", "sum", "squares", "weighted", "difference", "absolute")
    entry = d.option("entry", "float", "vec3")
    blocks = d.pick(4, 6, 8)
    tile = d.pick(32, 64)
    n = blocks * tile * 2
    tiled = form in ("tile", "tile loop")
    if entry == "vec3":
        term = "sum" if term in ("sum", "weighted", "difference") else "squares"
    if tiled and entry == "vec3":
        entry = "float"
    if form == "atomic" and term == "sum":
        term, entry = "weighted", "float"
    d.input("x", entry, n, -1.0, 1.0)
    if term == "weighted":
        d.input("w", "float", n, 0.1, 1.0, about="weight per element")
    elif term == "difference":
        d.input("other", "float", n, -1.0, 1.0)
    vector = entry == "vec3" and term == "sum"
    at = {
        "sum": "x[$i]",
        "squares": "wp.dot(x[$i], x[$i])" if entry == "vec3" else "x[$i] * x[$i]",
        "weighted": "w[$i] * x[$i]",
        "difference": "diff * diff",
        "absolute": "wp.abs(x[$i])",
    }[term]
    diff = "diff = x[$i] - other[$i]\n" if term == "difference" else ""
    zero = "wp.vec3()" if vector else "float(0.0)"
    out = "vec3" if vector else "float"
    per_block = tile * 2
    result = "whole_sum" if form == "atomic" else "partial"
    if form == "atomic":
        d.output("whole_sum", out, 1, about="total sum")
        d.launch(n)
        lines = f"{diff}wp.atomic_add(whole_sum, 0, {at})".replace("$i", "tid")
        d.code(f"tid = wp.tid()\n{lines}")
    elif form in ("grid stride", "kahan", "pairs"):
        d.output("partial", out, per_block, about="partial sum per thread")
        d.launch(per_block)
        d.module(f"THREADS = wp.constant({per_block})")
        stride = "for i in range(tid, x.shape[0], THREADS):"
        add = f"{diff}s += {at}".replace("$i", "i")
        if form == "kahan":
            add = f"""
            {diff.strip().replace("$i", "i") or "$nothing"}
            # `error` tracks the excess from rounding
            e = {at.replace("$i", "i")} - error
            t = s + e
            error = (t - s) - e
            s = t
            """
        elif form == "pairs":
            stride = "for i in range(tid, x.shape[0], 2 * THREADS):"
            far = f"{diff}s += {at}".replace("$i", "k").replace("diff", "far_diff")
            far = far.replace("\n", "\n    ")
            add += f"\nk = i + THREADS\nif k < x.shape[0]:\n    {far}"
        d.code(
            """
            tid = wp.tid()
            s = $zero
            $lost
            $stride
                $add
            partial[tid] = s
            """,
            zero=zero,
            lost=f"error = {zero}" if form == "kahan" else "",
            stride=stride,
            add=add,
            nothing="",
        )
    else:
        d.module(f"TILE = wp.constant({tile if form == 'tile loop' else 2 * tile})")
        d.output("partial", "float", blocks, about="partial sum per block")
        if form == "tile loop":
            d.module(f"NUM_BLOCKS = wp.constant({blocks})")
        e = {
            "sum": "xt",
            "squares": "xt * xt",
            "weighted": "xt * wt",
            "difference": "diff * diff",
            "absolute": "wp.tile_map(wp.abs, xt)",
        }[term]
        more = {
            "weighted": "wt = wp.tile_load(w, shape=TILE, offset=first)",
            "difference": "diff = xt - wp.tile_load(other, shape=TILE, offset=first)",
        }.get(term, "")
        d.launch(blocks, tiled=True)
        if form == "tile":
            d.code(
                f"""
                block = wp.tid()
                first = block * TILE
                $load
                $more
                wp.tile_store(partial, wp.tile_sum({e}), offset=block)
                """,
                load="xt = wp.tile_load(x, shape=TILE, offset=first)",
                more=more,
            )
        else:
            d.code(
                f"""
                block = wp.tid()
                s = wp.tile_zeros(shape=TILE, dtype=float)
                for first in range(block * TILE, x.shape[0], NUM_BLOCKS * TILE):
                    $load
                    $more
                    s += {e}
                # Reduce once at the end
                wp.tile_store(partial, wp.tile_sum(s), offset=block)
                """,
                load="xt = wp.tile_load(x, shape=TILE, offset=first)",
                more=more,
            )
    what = {
        "squares": "Sums the squared lengths of vectors"
        if entry == "vec3"
        else "Sums the squares of an array",
        "weighted": "Computes the weighted sum of an array",
        "difference": "Sums the squared differences of two arrays",
        "absolute": "Sums the absolute values of an array",
    }
    ends = {
        "atomic": " into a single scalar using atomics.",
        "tile": " by blocks.",
        "tile loop": " by blocks.",
        "kahan": " into one partial sum per thread using Kahan summation.",
        "pairs": " into one partial sum per thread, adding two elements per iteration.",
    }
    end = ends.get(form, " into one partial sum per thread using a grid-stride loop.")
    d.says(what.get(term, "Sums an array") + end)
    noun = {
        "squares": "squares",
        "weighted": "products",
        "difference": "squared_differences",
        "absolute": "magnitudes",
    }
    if term in noun:
        d.calls(
            {
                "squares": "total_squares|sum_of_squares|sum_squares",
                "weighted": "weighted_sum|weighted_total|sum_weighted",
                "difference": "squared_distance|sum_squared_differences|squared_error",
                "absolute": "total_magnitude|absolute_sum|l1_norm",
            }[term]
            if form == "atomic"
            else f"block_{noun[term]}|sum_{noun[term]}|reduce_{noun[term]}"
            if tiled
            else f"partial_{noun[term]}|sum_{noun[term]}|thread_{noun[term]}"
        )
    elif not tiled:
        d.calls("partial_sums|strided_sums|thread_sums")

    def reference(v: Values) -> dict[str, Any]:
        if term == "squares":
            e = (v.x**2).reshape(n, -1).sum(axis=1)
        else:
            e = {
                "sum": lambda: v.x,
                "weighted": lambda: v.w * v.x,
                "difference": lambda: (v.x - v.other) ** 2,
                "absolute": lambda: np.abs(v.x),
            }[term]()
        if form == "atomic":
            return {result: e.sum(axis=0, keepdims=True)}
        if form == "tile":
            return {"partial": e.reshape(blocks, -1).sum(axis=1)}
        if form == "tile loop":
            return {"partial": e.reshape(-1, blocks, tile).sum(axis=(0, 2))}
        return {"partial": e.reshape(-1, per_block, *e.shape[1:]).sum(axis=0)}

    d.check(reference)


@DOMAIN.algorithm(
    source="Thrust reduce_by_key; Blelloch 1990, Prefix Sums and Their Applications, section 1.5",
    names=_NAMES
    | {
        "segmented_reduce": "segment_reduce|reduce_segments|segmented_sum|pool_segments",
        "offsets": "seg_offsets|starts|ptr|segment_start",
        "ids": "segment_ids|labels|group_ids|keys",
        "order": "indices|perm|gather",
        "y": "out|result|reduced",
    },
    adjoint="no",
    double=True,
)
def segmented_reduce(d: Draft) -> None:
    """Sums the elements of each segment of an array."""
    form = d.option("form", "offsets", "cooperative", "ids", "heads")
    op = d.option("op", "sum", "mean", "max", "argmax", "norm")
    gathered = d.flag("gathered", 0.4)
    entry = d.option("entry", "float", "vec3")
    if form in ("ids", "heads"):
        op = "max" if op in ("max", "argmax") and form == "ids" else "sum"
    if form == "cooperative" and op == "argmax":
        op = "max"
    d.calls({
        "sum": "segmented_sum|sum_segments|segment_reduce|reduce_segments",
        "mean": "segment_mean|mean_by_segment|mean_pool_segments",
        "max": "segment_max|max_by_segment|max_pool_segments",
        "argmax": "segment_argmax|argmax_by_segment",
        "norm": "segment_norms|norm_by_segment",
    }[op])  # fmt: skip
    if op in ("max", "argmax") or form == "cooperative":
        entry = "float"
    segments, n = d.pick(16, 24, 32), d.pick(96, 128, 160)
    if form in ("ids", "heads"):
        d.input(
            "ids",
            "int",
            n,
            0,
            segments,
            kind="ascending" if form == "heads" else "uniform",
            about="segment index per element",
        )
    else:
        d.input(
            "offsets",
            "int",
            segments + 1,
            0,
            n,
            kind="offsets",
            about="segment start offsets, followed by the total",
        )
    if gathered and form != "heads":
        d.input("order", "int", n, kind="permutation", about="permutation, element index per position")
    gathered = gathered and form != "heads"
    d.input("x", entry, n, -1.0, 1.0)
    name = "best" if op == "argmax" else "y"
    x = "x[order[$k]]" if gathered else "x[$k]"
    zero = "float(0.0)" if entry == "float" else "wp.vec3()"
    square = "wp.dot(e, e)" if entry == "vec3" else "e * e"
    if form == "ids":
        if op == "max":
            d.inout(
                "y",
                "float",
                segments,
                value=-2.0,
                about="maximum per segment, initialized below every element",
            )
        else:
            d.output("y", entry, segments)
        d.launch(n)
        atomic = "wp.atomic_max" if op == "max" else "wp.atomic_add"
        d.code(f"tid = wp.tid()\n{atomic}(y, ids[tid], {x.replace('$k', 'tid')})")
        if op == "max":
            d.says("Computes the maximum of each label using atomics.")
        else:
            d.says("Sums the elements of each label using atomic adds.")
    elif form == "heads":
        d.output("y", entry, segments)
        d.launch(n)
        d.code(
            f"""
            tid = wp.tid()
            key = ids[tid]
            # The first thread of each run sums the entire run, so we don't need atomics
            if tid > 0 and ids[tid - 1] == key:
                return
            s = {zero}
            k = tid
            while k < ids.shape[0]:
                if ids[k] != key:
                    break
                s += x[k]
                k += 1
            y[key] = s
            """
        )
        d.says("Sums each run of equal labels using the thread at its first element.")
    else:
        if op == "max":
            d.param("lowest", "float", -2.0, about="value for empty segments, below every element")
        d.output(name, "int" if op == "argmax" else "float" if op == "norm" else entry, segments)
        first = "start + lane" if form == "cooperative" else "start"
        step = ", wp.block_dim()" if form == "cooperative" else ""
        e = x.replace("$k", "k")
        inner = {
            "sum": f"s += {e}",
            "mean": f"s += {e}",
            "norm": f"e = {e}\ns += {square}",
            "max": f"largest = wp.max(largest, {e})",
            "argmax": f"e = {e}\n# Strict comparison keeps the first of equal elements\n"
            "if best_k < 0 or e > largest:\n    largest = e\n    best_k = k",
        }[op]
        initial = f"s = {zero if op != 'norm' else 'float(0.0)'}"
        if op == "max":
            initial = "largest = lowest"
        elif op == "argmax":
            initial = "largest = float(0.0)\nbest_k = int(-1)"
        fold = "largest" if op == "max" else "s"
        ending = ""
        if form == "cooperative":
            ending = f"""
                t = wp.tile_{"max" if op == "max" else "sum"}(wp.tile({fold}))
                # All threads read the tile, a single thread stores the result
                whole = t[0]
                if lane != 0:
                    return
            """
            fold = "whole"
        store = {
            "sum": f"y[seg] = {fold}",
            "mean": f"# Avoid division by zero for empty segments\ny[seg] = {fold} / float(wp.max(end - start, 1))",
            "norm": f"y[seg] = wp.sqrt({fold})",
            "max": f"y[seg] = {fold}",
            "argmax": "best[seg] = best_k",
        }[op]
        d.launch(segments, **({"tiled": True} if form == "cooperative" else {}))
        d.code(
            f"""
            {"seg, lane" if form == "cooperative" else "seg"} = wp.tid()
            start = offsets[seg]
            end = offsets[seg + 1]
            $initial
            for k in range({first}, end{step}):
                $inner
            $ending
            $store
            """,
            initial=initial,
            inner=inner,
            ending=ending,
            store=store,
        )
        says = {
            "mean": "Computes the mean of each segment of an array.",
            "norm": "Computes the Euclidean norm of each segment of an array.",
            "max": "Computes the maximum over each segment of an array.",
            "argmax": "Finds the index of the largest element of each segment, or -1 if the segment is empty.",
        }
        if op in says:
            d.says(says[op])
    if gathered:
        d.sentence = d.sentence or "Sums the elements of each segment of an array."
        d.sentence = (
            d.sentence.replace("an array", "a permuted array")
            .replace("each segment,", "each segment of a permuted array,")
            .replace("each label", "each label, in permuted order,")
        )

    def reference(v: Values) -> dict[str, Any]:
        e = v.x[v.order] if gathered else v.x
        label = v.ids if form in ("ids", "heads") else np.repeat(np.arange(segments), np.diff(v.offsets))
        parts = [e[label == k] for k in range(segments)]
        how: dict[str, Callable[[Any], Any]] = {
            "sum": lambda p: p.sum(axis=0),
            "mean": lambda p: p.sum(axis=0) / max(len(p), 1),
            "norm": lambda p: np.linalg.norm(p),
            "max": lambda p: p.max(initial=-2.0),
            "argmax": lambda p: int(np.argmax(p)) if len(p) else -1,
        }
        made = np.array([how[op](p) for p in parts])
        if op == "argmax":
            made = np.where(made >= 0, made + v.offsets[:-1], -1)
        return {name: made}

    d.check(reference)
