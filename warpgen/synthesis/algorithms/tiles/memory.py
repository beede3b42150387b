"""Tiles gathered, scattered, sliced and assembled; what threads of a block share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.tiles import DOMAIN
from warpgen.synthesis.library.tile_forms import as_float, extent
from warpgen.synthesis.writing.draft import Draft, Values

_BLOCK = {"block": "tile_id|b|i", "lane": "thread|t|local_id", "TILE": "TILE_SIZE|BLOCK|CHUNK"}


@DOMAIN.algorithm(
    source="Mikolov et al. 2013; Warp manual, Tiles: indexed loads and stores",
    names=_BLOCK
    | {
        "table": "features|source|bank",
        "ids": "indices|picks|chosen_ids",
        "places": "targets|destinations|new_ids",
        "picked": "gathered|out|looked_up",
        "moved": "permuted|out|scattered",
        "rows": "features|source|vectors",
        "columns": "source|vectors|channels",
        "ROWS": "BATCH|TILE_ROWS|M",
        "WIDTH": "DIM|FEATURES|N",
        "COLUMNS": "BATCH|TILE_COLS|N",
        "HEIGHT": "COLUMN_SIZE|DIM|M",
    },
    adjoint="either",
    weight=7,
)
def table_rows(d: Draft) -> None:
    """Moves rows of a table by a list of indices."""
    kind = d.option("kind", "gather", "scatter", "accumulate", "within")
    scaled = d.option("scaled", "no", "given", "by width")
    axis = d.option("axis", 0, 1)
    keyword = d.flag("axis named", 0.6) or axis == 1
    if kind == "within":
        axis = 0
    rows, width, count, blocks = d.pick(4, 8), d.pick(4, 8), d.pick(16, 24), d.pick(2, 3, 4)
    noun = "columns" if axis else "rows"
    r = extent(d, "COLUMNS" if axis else "ROWS", rows)
    w = extent(d, "HEIGHT" if axis else "WIDTH", width)
    if kind != "gather" and scaled == "by width":
        scaled = "given"
    of = {
        "no": "",
        "given": f" and multiplies the {noun} by a gain",
        "by width": " and multiplies them by the root of their length, as transformers do embeddings",
    }[scaled]
    d.says({
        "gather": f"Gathers {noun} of a table by a list of indices{of}.",
        "scatter": f"Moves {noun} to the places that a permutation gives them{of}.",
        "accumulate": f"Adds {noun}{', times a gain,' if of else ''} onto those of a table that a list of indices names.",
        "within": f"Picks rows out of the part of a table that each block holds{of}.",
    }[kind])  # fmt: skip
    d.calls({
        "gather": f"gather_{noun}|take_{noun}|embedding_lookup" if axis == 0 and scaled == "no" else f"gather_{noun}|take_{noun}",
        "scatter": f"permute_{noun}|scatter_{noun}|move_{noun}",
        "accumulate": f"scatter_add_{noun}|accumulate_{noun}|add_{noun}_at",
        "within": f"pick_{noun}|pick_local_{noun}|gather_in_block",
    }[kind])  # fmt: skip
    total = rows * blocks

    def turned(a: Any, b: Any) -> Any:
        return (b, a) if axis else (a, b)

    source = "table" if kind in ("gather", "within") else noun
    moved = "moved" if kind == "scatter" else "picked"
    ids = "ids" if kind in ("gather", "within") else "places"
    d.input(source, "float",
            turned(count if kind == "gather" else total, width), -1.0, 1.0)  # fmt: skip
    if kind == "scatter":
        d.input(ids, "int", total, kind="permutation", about=f"where the {noun} go")
    else:
        d.input(ids, "int", total, 0, rows if kind == "within" else count)
    if scaled == "given":
        d.param("gain", "float", 0.5, 2.0, about=f"factor of the {noun}")
    if kind == "accumulate":
        d.output("sums", "float", turned(count, width))
    else:
        d.output(moved, "float", turned(total, width))
    shape = f"({w}, {r})" if axis else f"({r}, {w})"
    at = f"(0, block * {r})" if axis else f"(block * {r}, 0)"
    by = f", axis={axis}" if keyword else ""
    value = {"no": "part", "given": "gain * part", "by width": f"wp.sqrt({as_float(w)}) * part"}[scaled]
    plain = f"part = wp.tile_load({source}, shape={shape}, offset={at})"
    body = {
        "gather": f"""
part = wp.tile_load_indexed(table, indices=chosen, shape={shape}{by})
wp.tile_store(picked, {value}, offset={at})""",
        "scatter": f"{plain}\nwp.tile_store_indexed(moved, indices=chosen, t={value}{by})",
        "accumulate": f"{plain}\nwp.tile_atomic_add_indexed(sums, indices=chosen, t={value}{by})",
        "within": f"""
held = wp.tile_load(table, shape={shape}, offset={at}, storage="shared")
part = held[chosen, :]
wp.tile_store(picked, {value}, offset={at})""",
    }[kind].strip("\n")
    shared = ', storage="shared"' if kind == "within" else ""
    d.launch(blocks, tiled=True)
    d.code(
        f"""
        block = wp.tid()
        chosen = wp.tile_load({ids}, shape={r}, offset=block * {r}{shared})
        $body
        """,
        body=body,
    )

    def reference(v: Values) -> Mapping[str, Any]:
        rows_in = v[source]
        x = rows_in.T if axis else rows_in

        def change(a: Any) -> Any:
            return a * {"no": 1.0, "given": v.get("gain"), "by width": width**0.5}[scaled]

        if kind == "accumulate":
            out = np.zeros((count, width))
            np.add.at(out, v[ids], change(x))
            return {"sums": out.T if axis else out}
        if kind == "gather":
            out = change(x[v.ids])
        elif kind == "within":
            out = change(x[v.ids + np.repeat(np.arange(blocks) * rows, rows)])
        else:
            out = np.zeros((total, width))
            out[v[ids]] = change(x)
        return {moved: out.T if axis else out}

    d.check(reference)


@DOMAIN.algorithm(
    source="Podlozhnyuk 2007, Histogram calculation in CUDA",
    names=_BLOCK
    | {
        "block_histogram": "histogram_tiles|bin_samples|binning",
        "x": "samples|pixels|intensity",
        "counts": "histogram|hist|bins",
        "level": "bin|bucket|slot",
        "BINS": "NUM_BINS|LEVELS",
        "weights": "w|sample_weights|importance",
        "weight_sums": "histogram|hist|weighted",
    },
    adjoint="either",
    weight=10,
)
def block_histogram(d: Draft) -> None:
    """Counts the samples of each block by their value in a tile that its threads share."""
    weighted = d.flag("weighted")
    combined = d.option("combined", "total", "per block")
    spaced = d.option("spaced", "linear", "logarithmic", "integers")
    two = d.flag("two axes", 0.35)
    if weighted:
        d.calls("weighted_histogram|histogram_tiles|weigh_bins")
    per, blocks = d.pick(50, 64, 100), d.pick(2, 3, 4)
    bins = 8 if spaced == "logarithmic" else d.pick(8, 10, 16)  # octaves of numbers below 256
    size, samples = extent(d, "BINS", bins), extent(d, "BLOCK_SAMPLES", per)
    last = str(bins - 1) if size.isdigit() else f"{size} - 1"
    if spaced == "integers":
        d.input("x", "int", per * blocks, 0, bins, about="samples, each the number of a bin")
        level = "x[at]"
    elif spaced == "linear":
        d.input("x", "float", per * blocks, 0.0, 1.0, about="samples between zero and one")
        level = f"wp.min(int(x[at] * {as_float(size)}), {last})"
    else:
        d.input("x", "float", per * blocks, 1.0, 300.0, about="positive samples")
        level = f"wp.clamp(int(wp.log2(x[at])), 0, {last})"
    if two:
        d.input("group", "int", per * blocks, 0, 2, about="group of each sample, 0 or 1")
    if weighted:
        d.input("weights", "float", per * blocks, 0.1, 1.0, about="weight of each sample")
    type_ = "float" if weighted else "int"
    shape: tuple[int, ...] = (2, bins) if two else (bins,)
    counts = "weight_sums" if weighted else "counts"
    d.output(counts, type_, shape if combined == "total" else (blocks, *shape))
    zero = f'wp.tile_zeros(shape={f"(2, {size})" if two else size}, dtype={type_}, storage="shared")'
    if combined == "total":
        store = f"wp.tile_atomic_add({counts}, shared_bins)"
    else:
        extents = f"(1, 2, {size})" if two else f"(1, {size})"
        at = "(block, 0, 0)" if two else "(block, 0)"
        store = f"wp.tile_store({counts}, wp.tile_reshape(shared_bins, shape={extents}), offset={at})"
    index = "group_id, level" if two else "level"
    over = "all samples" if combined == "total" else "the samples of each block"
    scale = {
        "linear": "equal bins",
        "logarithmic": "octaves, all above in the last",
        "integers": "a bin for each value",
    }[spaced]
    apart = ", two groups apart" if two else ""
    d.says(
        f"{'Adds up the weights of' if weighted else 'Counts'} {over} in {scale}{apart}, by way of a shared tile."
    )
    d.launch(blocks, tiled=True)
    d.code(
        f"""
        block, lane = wp.tid()
        shared_bins = {zero}
        # The scatter is collective: every thread runs the same number of iterations
        for first in range(0, {samples}, wp.block_dim()):
            inside = first + lane < {samples}
            level = int(0)
            $half
            $weight
            if inside:
                at = block * {samples} + first + lane
                level = {level}
                $set_half
                $set_weight
            wp.tile_scatter_add(shared_bins, {index}, {"weight" if weighted else "1"}, inside)
        {store}
        """,
        half="group_id = int(0)" if two else "",
        weight="weight = float(0.0)" if weighted else "",
        set_half="group_id = group[at]" if two else "",
        set_weight="weight = weights[at]" if weighted else "",
    )
    if combined == "total":
        d.explain("Adding up in shared memory first keeps most of the traffic away from the global bins.")

    def reference(v: Values) -> Mapping[str, Any]:
        x = v.x
        level = {
            "integers": lambda: x.astype(int),
            "linear": lambda: np.minimum((x.astype(np.float32) * np.float32(bins)).astype(int), bins - 1),
            "logarithmic": lambda: np.minimum(np.log2(x.astype(np.float32)).astype(int), bins - 1),
        }[spaced]()
        out = np.zeros((blocks, 2, bins))
        block = np.repeat(np.arange(blocks), per)
        side = v.group if two else np.zeros(per * blocks, int)
        np.add.at(out, (block, side, level), v.weights if weighted else 1)
        out = out if two else out[:, 0]
        return {counts: out.sum(axis=0) if combined == "total" else out}

    d.check(reference)


@DOMAIN.algorithm(
    source="Billeter, Olsson & Assarsson 2009; Warp manual, Tiles: tile_stack",
    names=_BLOCK
    | {
        "kept_candidates": "compact_block|collect_candidates|collect_hits",
        "x": "scores|candidates|values",
        "kept": "survivors|compacted|selected",
        "counts": "num_kept|sizes|num_found",
        "stack": "worklist|hits|pending",
        "threshold": "cutoff|limit|bound",
        "CAPACITY": "STACK_SIZE|MAX_ITEMS|DEPTH",
    },
    adjoint="no",
    weight=3,
)
def kept_candidates(d: Draft) -> None:
    """Collects what passes a threshold on a stack that the threads of a block share."""
    item = d.option("item", "value", "place")
    test = d.option("test", "above", "within", "outside")
    few = d.flag("few", 0.35)
    per, blocks = d.pick(32, 50, 64), d.pick(2, 3)
    capacity = extent(d, "CAPACITY", per)
    which = {"above": "above a threshold", "within": "of small magnitude", "outside": "of large magnitude"}[
        test
    ]
    what = "values" if item == "value" else "places of values"
    d.says(
        f"Collects the {what} {which} on a stack that the threads of a block share"
        + (", unless there are too many." if few else ".")
    )
    d.input("x", "float", per * blocks, -1.0, 1.0)
    d.param("threshold", "float", 0.2, 0.6, about="bound of the values")
    if few:
        d.param("most", "int", per // 4, about="number of items above which a block keeps none")
    type_ = "float" if item == "value" else "int"
    d.output("kept", type_, (blocks, per), about="kept items")
    d.output("counts", "int", blocks, about="number of items that pass")
    by_value = item == "value"
    score = "score" if by_value else f"x[block * {per} + at]"
    condition = {
        "above": f"{score} > threshold",
        "within": f"wp.abs({score}) < threshold",
        "outside": f"wp.abs({score}) > threshold",
    }[test]
    drain = """
while wp.tile_stack_count(stack) > 0:
    found, slot = wp.tile_stack_pop(stack)
    # Threads without a candidate get a slot of -1
    if slot >= 0:
        kept[block, slot] = found""".strip("\n")
    d.launch(blocks, tiled=True)
    d.code(
        f"""
        block, lane = wp.tid()
        stack = wp.tile_stack(capacity={capacity}, dtype={type_})
        for first in range(0, {per}, wp.block_dim()):
            at = first + lane
            passes = bool(False)
            $zero
            if at < {per}:
                $read
                passes = {condition}
            wp.tile_stack_push(stack, {"score" if by_value else "at"}, passes)
        found_count = wp.tile_stack_count(stack)
        if lane == 0:
            counts[block] = found_count
        $clear
        $drain
        """,
        zero="score = float(0.0)" if by_value else "",
        read=f"score = x[block * {per} + at]" if by_value else "",
        drain=drain,
        clear="# Crowded blocks only tell their count\nif found_count > most:\n    wp.tile_stack_clear(stack)"
        if few
        else "",
    )
    d.explain("Which slot an item gets is left to chance on a GPU; the set of them is not.")

    def collected(before: Values, after: Values) -> None:
        x = before.x.reshape(blocks, per)
        t = before.threshold
        passes = {"above": x > t, "within": np.abs(x) < t, "outside": np.abs(x) > t}[test]
        for block in range(blocks):
            good = np.flatnonzero(passes[block])
            assert after.counts[block] == len(good)
            good = good[:0] if few and len(good) > before.most else good
            found = np.sort(after.kept[block, : len(good)])
            wanted = np.sort(x[block, good]) if item == "value" else good
            np.testing.assert_allclose(found, wanted, rtol=1e-6)
            assert not after.kept[block, len(good) :].any()

    d.holds(collected)


@DOMAIN.algorithm(
    source="Warp manual, Tiles: views, assignment",
    names=_BLOCK
    | {
        "u": "field|signal|x",
        "du": "derivative|out|differences",
        "smoothed": "out|filtered|u_smooth",
        "advanced": "u_next|u_new|out",
        "steepest": "slopes|out|max_slope",
        "left": "west|before|u_left",
        "right": "east|after|u_right",
        "PADDED": "WITH_HALO|WITH_GHOSTS|PADDED_SIZE",
    },
    adjoint="either",
    double=True,
    weight=4,
)
def stencil_views(d: Draft) -> None:
    """Applies a difference formula to shifted views of one tile."""
    kind = d.option("kind", "slope", "curvature", "smooth", "upwind", "fourth order", "steepness")
    rows = d.option("rows", "flat", "rows")
    spelled = d.option("spelled", "shape", "named")
    d.says({
        "slope": "Takes central differences by shifted views of one tile.",
        "curvature": "Takes second differences by shifted views of one tile.",
        "smooth": "Smooths a signal with weights 1, 2, 1 by shifted views of one tile.",
        "upwind": "Moves a signal to the right by an upwind step, by shifted views of one tile.",
        "fourth order": "Takes central differences of fourth order by shifted views of one tile.",
        "steepness": "Finds the steeper of the slopes to either side by shifted views of one tile.",
    }[kind])  # fmt: skip
    d.calls({
        "slope": "central_differences|finite_differences|slopes_of_tile",
        "curvature": "second_differences|curvature_stencil|second_derivative",
        "smooth": "smooth_signal|binomial_smooth|smooth_tile",
        "upwind": "upwind_step|advect_upwind|upwind_tile",
        "fourth order": "fourth_order_differences|fourth_order_slope|wide_differences",
        "steepness": "steepest_slope|steepness|largest_slope",
    }[kind])  # fmt: skip
    if kind == "steepness":
        d.forward_only()
    reach = 2 if kind == "fourth order" else 1
    n, blocks = d.pick(8, 16, 32), d.pick(2, 3, 4)
    ghosts = 1 if kind == "upwind" else 2 * reach  # upwind looks to the left alone
    size, halo = extent(d, "TILE", n), extent(d, "PADDED", n + ghosts)
    d.input(
        "u",
        "float",
        n * blocks + ghosts if rows == "flat" else (blocks, n + ghosts),
        -1.0,
        1.0,
        about="values on a grid of unit spacing",
    )
    if kind == "upwind":
        d.param("courant", "float", 0.1, 0.9, about="Courant number")
    out_name = {"smooth": "smoothed", "upwind": "advanced", "steepness": "steepest"}.get(kind, "du")
    d.output(out_name, "float", n * blocks if rows == "flat" else (blocks, n))
    if rows == "flat":
        load = f'wp.tile_load(u, shape={halo}, offset=block * {size}, storage="shared")'
        store = f"wp.tile_store({out_name}, {{}}, offset=block * {size})"
    else:
        load = f'wp.tile_squeeze(wp.tile_load(u, shape=(1, {halo}), offset=(block, 0), storage="shared"))'
        store = f"wp.tile_store({out_name}, wp.tile_reshape({{}}, shape=(1, {size})), offset=(block, 0))"

    def view(at: int) -> str:
        if spelled == "named":
            return f"wp.tile_view(padded, offset=({at},), shape=({size},))"
        return f"padded[{at}:{at + n}]"

    left, middle, right = view(reach - 1), view(reach), view(reach + 1)
    lines = {
        "slope": f"left = {left}\nright = {right}\nslope = 0.5 * (right - left)",
        "curvature": f"left = {left}\nmiddle = {middle}\nright = {right}\n"
        "curvature = left + right - 2.0 * middle",
        "smooth": f"left = {left}\nmiddle = {middle}\nright = {right}\n"
        "blurred = 0.25 * (left + right) + 0.5 * middle",
        "upwind": f"left = {left}\nmiddle = {middle}\nstepped = middle - courant * (middle - left)",
        "fourth order": f"left = {left}\nright = {right}\nfar_left = {view(0)}\nfar_right = {view(4)}\n"
        "slope = (2.0 / 3.0) * (right - left) - (1.0 / 12.0) * (far_right - far_left)",
        "steepness": f"left = {left}\nmiddle = {middle}\nright = {right}\n"
        "behind = wp.tile_map(wp.abs, middle - left)\nahead = wp.tile_map(wp.abs, right - middle)\n"
        "steeper = wp.tile_map(wp.max, behind, ahead)",
    }[kind]
    made = {"curvature": "curvature", "smooth": "blurred", "upwind": "stepped", "steepness": "steeper"}.get(
        kind, "slope"
    )
    d.launch(blocks, tiled=True)
    d.code(
        f"block = wp.tid()\npadded = {load}\n$lines\n{store.format(made)}",
        lines=lines,
    )
    edges = "with the edges of its neighbours" if rows == "flat" else "with the values beyond its ends"
    d.explain(f"The tile is loaded {edges}; its views share its memory.")

    def reference(v: Values) -> Mapping[str, Any]:
        u = v.u
        length = u.shape[-1]

        def part(s: int) -> Any:
            return u[..., reach + s : length - ghosts + reach + s]

        a, b, c = part(-1), part(0), part(1)
        out = {
            "slope": lambda: (c - a) / 2,
            "curvature": lambda: a - 2 * b + c,
            "smooth": lambda: (a + 2 * b + c) / 4,
            "upwind": lambda: b - v.courant * (b - a),
            "fourth order": lambda: (8 * (c - a) - (part(2) - part(-2))) / 12,
            "steepness": lambda: np.maximum(np.abs(b - a), np.abs(c - b)),
        }[kind]()
        return {out_name: out}

    d.check(reference)
