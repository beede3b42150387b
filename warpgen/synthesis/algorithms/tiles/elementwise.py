"""Tiles element by element: rows normalised, words packed, indices split."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.tiles import DOMAIN
from warpgen.synthesis.library.tile_forms import Flat, as_float, extent
from warpgen.synthesis.writing.draft import Draft, Values

_SIGNS = {"sub": "-", "mul": "*", "div": "/"}


@DOMAIN.algorithm(
    source="Ba, Kiros & Hinton 2016; Bridle 1990; Zhang & Sennrich 2019",
    names={
        "x": "rows|activations|features|hidden",
        "y": "normalised|rows_out|x_out",
        "gain": "gamma|weight|scale",
        "block": "row|r|i",
        "TILE": "WIDTH|ROW_SIZE|FEATURES",
    },
    weight=14,
)
def normalise_rows(d: Draft) -> None:
    """Normalizes each row using one tile per block."""
    law = d.option("law", "variance", "length", "range", "softmax", "root mean square")
    spelled = d.option("spelled", "operators", "functions")
    shaped = d.option("shape", "flat", "squeezed")
    gained = d.flag("gain", 0.4) and law in ("variance", "root mean square")
    after = " and applies a per-feature gain" if gained else ""
    d.says(
        {
            "variance": f"Normalizes each row to zero mean and unit variance{after}.",
            "length": "Normalizes each row to unit length.",
            "range": "Rescales each row linearly to the range [0, 1].",
            "softmax": "Computes the softmax of each row of scores.",
            "root mean square": f"Divides each row by its root mean square{after}.",
        }[law]
    )
    d.calls({
        "variance": "layer_norm|normalize_rows" if gained else "standardize_rows|zscore_rows|normalize_rows",
        "length": "unit_rows|normalize_rows|scale_to_unit_length",
        "range": "rescale_rows|min_max_rows|map_rows_to_range",
        "softmax": "softmax_rows|row_softmax|tile_softmax",
        "root mean square": "rms_norm|rms_normalize_rows|divide_by_rms",
    }[law])  # fmt: skip
    if law == "range":
        d.forward_only()  # Warp has no adjoint of the extremes of tiles
    n, rows = d.pick(16, 32, 64), d.pick(4, 6, 8)
    size = extent(d, "TILE", n)
    if shaped == "flat":
        form = Flat(d, size)
        head, load, store = form.head, form.load("x"), form.store("y", "out")
        d.input("x", "float", rows * n, -2.0, 2.0, about="vectors to normalize, one per row")
    else:
        head = ""
        load = f"wp.tile_squeeze(wp.tile_load(x, shape=(1, {size}), offset=(block, 0)))"
        store = f"wp.tile_store(y, wp.tile_reshape(out, shape=(1, {size})), offset=(block, 0))"
        d.input("x", "float", (rows, n), -2.0, 2.0, about="vectors to normalize, one per row")
    if gained:
        d.input("gain", "float", n, 0.5, 1.5)
    d.output("y", "float", rows * n if shaped == "flat" else (rows, n), about="normalized rows")

    def wide(tile: str) -> str:
        return f"wp.tile_broadcast({tile}, shape=({size},))"

    def op(name: str, a: str, b: str) -> str:
        if spelled == "operators":
            return f"{a} {_SIGNS[name]} {b}"
        return f"wp.tile_map(wp.{name}, {a}, {b})"

    result = "unit" if gained else "out"
    root = "wp.tile_map(wp.sqrt, {})"
    guarded = "wp.tile_map(stable_root, {})"
    if law in ("variance", "root mean square"):
        d.module(f"EPSILON = wp.constant({d.pick('1.0e-5', '1.0e-6')})")
        d.function('''
            @wp.func
            def stable_root(square: float) -> float:
                """Square root with an epsilon to avoid division by zero."""
                return wp.sqrt(square + EPSILON)
        ''')
    body = {
        "variance": f"""
        mean = wp.tile_sum(t) * (1.0 / {as_float(size)})
        centred = {op("sub", "t", wide("mean"))}
        variance = wp.tile_sum({op("mul", "centred", "centred")}) * (1.0 / {as_float(size)})
        deviation = {guarded.format("variance")}
        {result} = {op("div", "centred", wide("deviation"))}
        """,
        "length": f"""
        length = {root.format("wp.tile_sum(" + op("mul", "t", "t") + ")")}
        {result} = {op("div", "t", wide("length"))}
        """,
        "range": f"""
        least = wp.tile_min(t)
        span = {op("sub", "wp.tile_max(t)", "least")}
        raised = {op("sub", "t", wide("least"))}
        {result} = {op("div", "raised", wide("span"))}
        """,
        "softmax": f"""
        # Subtract the row maximum for numerical stability
        top = wp.tile_max(t)
        weights = wp.tile_map(wp.exp, {op("sub", "t", wide("top"))})
        norm = wp.tile_sum(weights)
        {result} = {op("div", "weights", wide("norm"))}
        """,
        "root mean square": f"""
        mean_square = wp.tile_sum({op("mul", "t", "t")}) * (1.0 / {as_float(size)})
        rms = {guarded.format("mean_square")}
        {result} = {op("div", "t", wide("rms"))}
        """,
    }[law]
    d.launch(rows, tiled=True)
    d.code(
        """
        block = wp.tid()
        $head
        t = $load
        $body
        $scaled
        $store
        """,
        head=head,
        load=load,
        body=body.strip("\n").replace("\n        ", "\n").removeprefix("        "),
        scaled=f"out = {op('mul', 'unit', f'wp.tile_load(gain, shape={size})')}" if gained else "",
        store=store,
    )
    d.explain(
        "Each row is one tile, which is loaded once, reduced cooperatively by the block, and stored once."
    )

    def reference(v: Values) -> Mapping[str, Any]:
        x = v.x.reshape(rows, n)
        lifted = np.exp(x - x.max(axis=1, keepdims=True))
        lowest = x.min(axis=1, keepdims=True)
        y = {
            "variance": (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True),
            "length": x / np.linalg.norm(x, axis=1, keepdims=True),
            "range": (x - lowest) / np.ptp(x, axis=1, keepdims=True),
            "softmax": lifted / lifted.sum(axis=1, keepdims=True),
            "root mean square": x / np.sqrt(np.mean(x * x, axis=1, keepdims=True)),
        }[law]
        return {"y": (y * v.gain if gained else y).reshape(v.x.shape)}

    d.check(reference)


@DOMAIN.algorithm(
    source="Warp manual, Tiles: tile_map with operators",
    names={
        "indices": "flat_index|linear_ids|cells",
        "row": "rows|row_id|y_index",
        "column": "columns|col_id|x_index",
        "seconds": "times|durations|t_sec",
        "minutes": "whole_minutes|mins|full_minutes",
        "rest": "leftover|past_minute|rest_seconds",
        "amounts": "items|totals|dividends",
        "units": "quotient|whole|packs",
        "left": "remainder|rest|leftover",
        "block": "tile_id|b|i",
        "TILE": "TILE_SIZE|BLOCK|CHUNK",
    },
    adjoint="either",
    weight=4,
)
def split_index(d: Draft) -> None:
    """Splits counts into quotient and remainder."""
    unit = d.option("unit", "row", "minute", "given")
    spelled = d.option("spelled", "functions", "one func", "mixed")
    kept = d.option("kept", "both", "major", "minor")
    type_ = d.option("type", "int", "uint32")
    both, major, minor = {
        "row": (
            "flat grid indices into row and column",
            "the row for each flat index",
            "the column for each flat index",
        ),
        "minute": (
            "times in seconds into minutes and seconds",
            "the number of whole minutes for times in seconds",
            "the seconds within the current minute",
        ),
        "given": (
            "counts into whole units and a remainder",
            "the number of whole units in each count",
            "the remainder of each count",
        ),
    }[unit]
    d.says({"both": f"Splits {both}.", "major": f"Finds {major}.", "minor": f"Finds {minor}."}[kept])
    d.calls({
        "row": {"both": "unravel_index|split_index|decode_index", "major": "row_of_index|index_to_row",
                "minor": "column_of_index|index_to_column"},
        "minute": {"both": "split_seconds|minutes_and_seconds", "major": "whole_minutes|seconds_to_minutes",
                   "minor": "seconds_past_minute|leftover_seconds"},
        "given": {"both": "split_counts|divmod_tile", "major": "whole_units|divide_counts",
                  "minor": "leftovers|remainders"},
    }[unit][kept])  # fmt: skip
    n, blocks = d.pick(32, 64, 128), d.pick(2, 3, 4)
    size = extent(d, "TILE", n)
    word = "int" if type_ == "int" else "wp.uint32"
    number = {"row": d.pick(12, 16, 24, 40), "minute": 60, "given": 0}[unit]
    counts, whole, rest = {
        "row": ("indices", "row", "column"),
        "minute": ("seconds", "minutes", "rest"),
        "given": ("amounts", "units", "left"),
    }[unit]
    d.input(counts, type_, n * blocks, 0, 2000)
    base = {"row": "COLUMNS", "minute": "SECONDS_PER_MINUTE", "given": "unit"}[unit]
    if unit == "given":
        d.param("unit", type_, 7, 32, about="unit size")
    else:
        d.module(f"{base} = wp.constant({number if type_ == 'int' else f'wp.uint32({number})'})")
    if kept != "minor":
        d.output(whole, type_, n * blocks)
    if kept != "major":
        d.output(rest, type_, n * blocks)
    form = Flat(d, size)
    quotient, remainder = f"wp.tile_map(wp.floordiv, t, {base})", f"wp.tile_map(wp.mod, t, {base})"
    whole_of, rest_of, of, by = {
        "row": ("row_at", "column_at", "index", "columns"),
        "minute": ("minutes_in", "seconds_past", "time", "minute"),
        "given": ("whole_units", "left_over", "amount", "unit"),
    }[unit]
    if spelled == "one func":
        if kept != "minor":
            d.function(f"""
                @wp.func
                def {whole_of}({of}: {word}, {by}: {word}):
                    return wp.floordiv({of}, {by})
            """)
            quotient = f"wp.tile_map({whole_of}, t, {base})"
        if kept != "major":
            d.function(f"""
                @wp.func
                def {rest_of}({of}: {word}, {by}: {word}):
                    return {of} % {by}
            """)
            remainder = f"wp.tile_map({rest_of}, t, {base})"
    elif spelled == "mixed" and kept != "major":
        d.function(f"""
            @wp.func
            def {rest_of}({of}: {word}, {by}: {word}):
                return wp.mod({of}, {by})
        """)
        remainder = f"wp.tile_map({rest_of}, t, {base})"
    d.launch(blocks, tiled=True)
    d.code(
        """
        block = wp.tid()
        $head
        t = $load
        $first
        $second
        """,
        head=form.head,
        load=form.load(counts),
        first=form.store(whole, quotient) if kept != "minor" else "",
        second=form.store(rest, remainder) if kept != "major" else "",
    )

    def reference(v: Values) -> Mapping[str, Any]:
        major, minor = np.divmod(v[counts], v.unit if unit == "given" else number)
        return ({whole: major} if kept != "minor" else {}) | ({rest: minor} if kept != "major" else {})

    d.check(reference)


@DOMAIN.algorithm(
    source="Warp manual, Tiles: tile_map with operators; Microsoft 2006, pixel formats",
    names={
        "pack_colours": "pack_pixels|pack_channels|encode_colors",
        "packed": "pixels|words|colors",
        "block": "tile_id|i",
        "TILE": "TILE_SIZE|BLOCK|CHUNK",
    },
    adjoint="either",
    weight=9,
)
def pack_colours(d: Draft) -> None:
    """Packs three color channels into one word per pixel."""
    direction = d.option("direction", "pack", "unpack")
    layout = d.option("layout", "888", "565")
    bits = d.option("channel order", "rgb", "bgr")
    type_ = d.option("type", "uint32", "int")
    # A byte is free in words of 888; words of 565 have no room for the low bits of bytes
    masked = d.flag("masked") and layout == ("565" if direction == "pack" else "888")
    n, blocks = d.pick(32, 64, 128), d.pick(2, 3, 4)
    size = extent(d, "TILE", n)
    form = Flat(d, size)
    widths = [int(x) for x in layout]
    channels = ["red", "green", "blue"] if bits == "rgb" else ["blue", "green", "red"]
    shifts = {channels[0]: widths[1] + widths[2], channels[1]: widths[2], channels[2]: 0}
    masks = {c: (1 << w) - 1 for c, w in zip(channels, widths, strict=True)}

    def number(value: int, spelled: Callable[[int], str] = hex) -> str:
        text = spelled(value)
        return text if type_ == "int" else f"wp.uint32({text})"

    top = sum(m << shifts[c] for c, m in masks.items())
    at_top = f"{channels[0]} in the highest bits"
    d.says(
        f"Packs three {'8-bit ' if masked else ''}color channels into one {layout} word per pixel, {at_top}."
        if direction == "pack"
        else f"Unpacks the color channels from {layout} pixel words, "
        f"{at_top.replace('in the highest bits', 'next to the highest byte') if masked else at_top}."
    )
    if direction == "unpack":
        d.calls("unpack_colors|unpack_pixels|decode_colors")
    d.launch(blocks, tiled=True)
    if direction == "pack":
        for c in ("red", "green", "blue"):
            d.input(c, type_, n * blocks, 0, 256 if masked else masks[c] + 1)
        d.output("packed", type_, n * blocks, about="packed colors")

        def part(c: str) -> str:
            loaded = form.load(c)
            lost = 8 - masks[c].bit_length()
            loaded = f"wp.tile_map(wp.rshift, {loaded}, {number(lost, str)})" if masked else loaded
            return f"wp.tile_map(wp.lshift, {loaded}, {number(shifts[c], str)})" if shifts[c] else loaded

        d.code(
            """
            block = wp.tid()
            $head
            $why
            high = $a
            middle = $b
            low = $c
            pair = wp.tile_map(wp.bit_or, high, middle)
            $store
            """,
            head=form.head,
            why="# Drop the low bits, which do not fit" if masked else "",
            a=part(channels[0]),
            b=part(channels[1]),
            c=part(channels[2]),
            store=form.store("packed", "wp.tile_map(wp.bit_or, pair, low)"),
        )
    else:
        d.input("packed", type_, n * blocks, 0, (top + 1) * (64 if masked else 1), about="packed colors")
        for c in ("red", "green", "blue"):
            d.output(c, type_, n * blocks)
        lines = []
        for c in ("red", "green", "blue"):
            moved = f"wp.tile_map(wp.rshift, words, {number(shifts[c], str)})" if shifts[c] else "words"
            moved = f"wp.tile_map(wp.bit_and, {moved}, {number(masks[c])})"
            lines.append(form.store(c, moved))
        d.code(
            "block = wp.tid()\n$head\nwords = $load\n$why\n$lines",
            head=form.head,
            load=form.load("packed"),
            why="# The highest byte may hold an alpha channel" if masked else "",
            lines="\n".join(lines),
        )

    def reference(v: Values) -> Mapping[str, Any]:
        if direction == "pack":
            return {
                "packed": sum(
                    v[c].astype(np.int64)
                    * (masks[c] + 1)
                    // (256 if masked else masks[c] + 1)
                    * 2 ** shifts[c]
                    for c in channels
                )
            }
        return {c: v.packed.astype(np.int64) // 2 ** shifts[c] % (masks[c] + 1) for c in channels}

    d.check(reference)
