"""Tiles gathered, scattered, sliced and assembled; what threads of a block share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.tiles import DOMAIN
from warpgen.synthesis.algorithms.tiles._differences import FORMULAS, SHIFTS
from warpgen.synthesis.library.tile_forms import as_float, extent
from warpgen.synthesis.writing.draft import Draft, Values, dedented

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
    """Moves table rows using an index array."""
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
        "given": f" and scales the {noun} by a gain",
        "by width": f" and scales them by the square root of the {noun[:-1]} size, as for transformer embeddings",
    }[scaled]
    d.says({
        "gather": f"Gathers table {noun} using an index array{of}.",
        "scatter": f"Scatters {noun} using a permutation{of}.",
        "accumulate": f"Accumulates {noun}{', scaled by a gain,' if of else ''} into a table at given indices.",
        "within": f"Gathers rows within the table slice held by each block{of}.",
    }[kind])  # fmt: skip
    d.calls({
        "gather": f"gather_{noun}|take_{noun}|embedding_lookup" if axis == 0 and scaled == "no" else f"gather_{noun}|take_{noun}",
        "scatter": f"permute_{noun}|scatter_{noun}|move_{noun}",
        "accumulate": f"scatter_add_{noun}|accumulate_{noun}|add_{noun}_at",
        "within": f"pick_{noun}|pick_local_{noun}|gather_in_block",
    }[kind])  # fmt: skip
    total = rows * blocks
    way = -1 if axis else 1  # columns lie along the first axis
    source = "table" if kind in ("gather", "within") else noun
    if scaled == "by width":
        d.calls(f"embedding_{noun}|gather_embeddings|scaled_embeddings")
        source = "embeddings"
    made = {"scatter": "moved", "accumulate": "sums"}.get(kind, "picked")
    kept = count if kind == "accumulate" else total
    ids = "ids" if kind in ("gather", "within") else "places"
    d.input(source, "float", (count if kind == "gather" else total, width)[::way], -1.0, 1.0)
    if kind == "scatter":
        d.input(ids, "int", total, kind="permutation", about=f"destination index of the {noun}")
    else:
        d.input(ids, "int", total, 0, rows if kind == "within" else count)
    if scaled == "given":
        d.param("gain", "float", 0.5, 2.0, about=f"gain for the {noun}")
    d.output(made, "float", (kept, width)[::way])
    shape = f"({w}, {r})" if axis else f"({r}, {w})"
    at = f"(0, block * {r})" if axis else f"(block * {r}, 0)"
    by = f", axis={axis}" if keyword else ""
    value = {"no": "part", "given": "gain * part", "by width": f"wp.sqrt({as_float(w)}) * part"}[scaled]
    plain = f"part = wp.tile_load({source}, shape={shape}, offset={at})"
    body = {
        "gather": f"""
part = wp.tile_load_indexed({source}, indices=chosen, shape={shape}{by})
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
        gain = {"no": 1.0, "given": v.get("gain"), "by width": width**0.5}[scaled]
        x = gain * (v[source].T if axis else v[source])
        out = np.zeros((kept, width))
        if kind == "accumulate":
            np.add.at(out, v[ids], x)
        elif kind == "scatter":
            out[v[ids]] = x
        else:
            first = np.repeat(np.arange(blocks) * rows, rows) if kind == "within" else 0
            out = x[v.ids + first]
        return {made: out.T if axis else out}

    d.check(reference)


@DOMAIN.algorithm(
    source="Podlozhnyuk 2007, Histogram calculation in CUDA",
    names=_BLOCK
    | {
        "block_histogram": "histogram_tiles|bin_samples|binning",
        "x": "samples|pixels|intensity",
        "counts": "histogram|hist|bins",
        "level": "bin_id|bucket|slot",
        "BINS": "NUM_BINS|LEVELS",
        "BLOCK_SAMPLES": "SAMPLES_PER_BLOCK|PER_BLOCK",
        "weights": "w|sample_weights|importance",
        "weight_sums": "histogram|hist|weighted",
    },
    adjoint="either",
    weight=10,
)
def block_histogram(d: Draft) -> None:
    """Computes a per-block histogram in shared memory."""
    weighted = d.flag("weighted")
    combined = d.option("combined", "total", "per block")
    spaced = d.option("spaced", "linear", "logarithmic", "integers")
    two = d.flag("two axes", 0.35)
    if weighted:
        d.calls("weighted_histogram|histogram_tiles|weigh_bins")
    if spaced == "logarithmic":
        d.calls(
            "weigh_octaves|octave_weights" if weighted else "octave_histogram|count_octaves|log2_histogram"
        )
    per, blocks = d.pick(50, 64, 100), d.pick(2, 3, 4)
    bins = 8 if spaced == "logarithmic" else d.pick(8, 10, 16)  # octaves of numbers below 256
    size, samples = extent(d, "BINS", bins), str(per)
    if not size.isdigit():
        d.module(f"BLOCK_SAMPLES = wp.constant({per})")
        samples = "BLOCK_SAMPLES"
    last = str(bins - 1) if size.isdigit() else f"{size} - 1"
    if spaced == "integers":
        d.input("x", "int", per * blocks, 0, bins, about="bin index per sample")
        level = "x[at]"
    elif spaced == "linear":
        d.input("x", "float", per * blocks, 0.0, 1.0, about="samples in [0, 1]")
        level = f"wp.min(int(x[at] * {as_float(size)}), {last})"
    else:
        d.input("x", "float", per * blocks, 1.0, 300.0, about="positive samples")
        level = f"wp.clamp(int(wp.log2(x[at])), 0, {last})"
    if two:
        d.input("group", "int", per * blocks, 0, 2, about="group per sample, 0 or 1")
    if weighted:
        d.input("weights", "float", per * blocks, 0.1, 1.0, about="weight per sample")
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
    over = "all samples" if combined == "total" else "each block's samples"
    scale = {
        "linear": "equal bins",
        "logarithmic": "octaves (larger values in the last bin)",
        "integers": "integer bins",
    }[spaced]
    apart = " per group" if two else ""
    d.says(
        f"{'Sums the weights of' if weighted else 'Counts'} {over} in {scale}{apart} using a shared-memory tile."
    )
    d.launch(blocks, tiled=True)
    d.code(
        f"""
        block, lane = wp.tid()
        shared_bins = {zero}
        # tile_scatter_add is collective, so all threads must run the same number of iterations
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
        d.explain("This kernel accumulates in shared memory first to reduce atomic traffic to global memory.")

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
        "stack": "hits|picks|shared_stack",
        "threshold": "cutoff|limit|bound",
        "BLOCK_VALUES": "VALUES_PER_BLOCK|NUM_VALUES|PER_BLOCK",
    },
    adjoint="no",
    weight=3,
)
def kept_candidates(d: Draft) -> None:
    """Collects values that pass a threshold using a block-shared stack."""
    item = d.option("item", "value", "place")
    test = d.option("test", "above", "within", "outside")
    few = d.flag("few", 0.35)
    per, blocks = d.pick(32, 50, 64), d.pick(2, 3)
    held = extent(d, "BLOCK_VALUES", per)
    which = {"above": "above a threshold", "within": "of small magnitude"}.get(test, "of large magnitude")
    what = "values" if item == "value" else "indices of values"
    d.says(
        f"Collects the {what} {which} using a stack shared by the block"
        + (", discarding them if there are too many." if few else ".")
    )
    d.input("x", "float", per * blocks, -1.0, 1.0)
    d.param("threshold", "float", 0.2, 0.6, about="threshold")
    if few:
        share = {"above": 0.3, "within": 0.4}.get(test, 0.6)
        d.param("most", "int", int(share * per), about="maximum number of items, blocks with more keep none")
    type_ = "float" if item == "value" else "int"
    d.output("kept", type_, (blocks, per), about="kept items")
    d.output("counts", "int", blocks, about="number of items passing the test")
    by_value = item == "value"
    score = "score" if by_value else f"x[block * {held} + at]"
    condition = {
        "above": f"{score} > threshold",
        "within": f"wp.abs({score}) < threshold",
        "outside": f"wp.abs({score}) > threshold",
    }[test]
    d.launch(blocks, tiled=True)
    d.code(
        f"""
        block, lane = wp.tid()
        stack = wp.tile_stack(capacity={held}, dtype={type_})
        for first in range(0, {held}, wp.block_dim()):
            at = first + lane
            passes = bool(False)
            $zero
            if at < {held}:
                $read
                passes = {condition}
            wp.tile_stack_push(stack, {"score" if by_value else "at"}, passes)
        found_count = wp.tile_stack_count(stack)
        if lane == 0:
            counts[block] = found_count
        $clear
        while wp.tile_stack_count(stack) > 0:
            found, slot = wp.tile_stack_pop(stack)
            # Slot is -1 for threads without a candidate
            if slot >= 0:
                kept[block, slot] = found
        """,
        zero="score = float(0.0)" if by_value else "",
        read=f"score = x[block * {held} + at]" if by_value else "",
        clear="# Discard items of overfull blocks but still report the count\nif found_count > most:\n    wp.tile_stack_clear(stack)"
        if few
        else "",
    )
    d.explain("The order of items within a block is not deterministic on the GPU, but the set of items is.")

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
    """Applies a finite-difference formula using shifted views of a tile."""
    kind = d.option("kind", *FORMULAS)
    formula = FORMULAS[kind]
    rows = d.option("rows", "flat", "rows")
    spelled = d.option("spelled", "shape", "named")
    d.says(formula.says)
    d.calls(formula.calls)
    if kind == "steepness":
        d.forward_only()
    reach = formula.reach
    n, blocks = d.pick(8, 16, 32), d.pick(2, 3, 4)
    ghosts = 1 if kind == "upwind" else 2 * reach  # upwind looks to the left alone
    size, halo = extent(d, "TILE", n), extent(d, "PADDED", n + ghosts)
    extents = n * blocks + ghosts if rows == "flat" else (blocks, n + ghosts)
    d.input("u", "float", extents, -1.0, 1.0, about="grid values with unit spacing")
    if kind == "upwind":
        d.param("courant", "float", 0.1, 0.9, about="Courant number")
    d.output(formula.out, "float", n * blocks if rows == "flat" else (blocks, n))
    if rows == "flat":
        load = f'wp.tile_load(u, shape={halo}, offset=block * {size}, storage="shared")'
        store = f"wp.tile_store({formula.out}, {{}}, offset=block * {size})"
    else:
        load = f'wp.tile_squeeze(wp.tile_load(u, shape=(1, {halo}), offset=(block, 0), storage="shared"))'
        store = f"wp.tile_store({formula.out}, wp.tile_reshape({{}}, shape=(1, {size})), offset=(block, 0))"

    def view(at: int) -> str:
        if spelled == "named":
            return f"wp.tile_view(padded, offset=({at},), shape=({size},))"
        return f"padded[{at}:{at + n}]"

    steps = dedented(formula.steps)
    made = steps.rsplit("\n", 1)[-1].split(" = ")[0]
    d.launch(blocks, tiled=True)
    d.code(
        f"block = wp.tid()\npadded = {load}\n$steps\n{store.format(made)}",
        steps=steps,
        **{place: view(reach + shift) for place, shift in SHIFTS.items()},
    )
    edges = f"with {'the values beside it' if rows == 'flat' else 'ghost values'}"
    edges += " on the left" if kind == "upwind" else " at both ends"
    d.explain(f"The tile is loaded {edges}; views share memory with the tile.")

    def reference(v: Values) -> Mapping[str, Any]:
        length = v.u.shape[-1]

        def part(s: int) -> Any:
            return v.u[..., reach + s : length - ghosts + reach + s]

        return {formula.out: formula.value(part, v.get("courant"))}

    d.check(reference)
