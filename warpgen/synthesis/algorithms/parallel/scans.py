"""Scans: running sums and extremes."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.parallel import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "x": "data|src|values|elements",
    "y": "scanned|result|dst",
    "tid": "i",
    "block": "b|block_id|chunk",
    "stride": "offset|d|distance",
    "TILE": "BLOCK_SIZE|TILE_SIZE|CHUNK",
}


@DOMAIN.algorithm(
    source="Hillis & Steele 1986; Blelloch 1990; Harris, Sengupta & Owens 2007 (GPU Gems 3, chapter 39)",
    names=_NAMES | {"scan_step": "hillis_steele_step|scan_pass|blelloch_step|prefix_step"},
    adjoint="no",
    double=True,
)
def scan_step(d: Draft) -> None:
    """Performs one step of a parallel prefix sum (Hillis-Steele)."""
    form = d.option("form", "hillis-steele", "up sweep", "down sweep")
    d.calls({
        "hillis-steele": "scan_step|hillis_steele_step|scan_pass|prefix_step",
        "up sweep": "up_sweep_step|blelloch_up_sweep|sweep_up",
        "down sweep": "down_sweep_step|blelloch_down_sweep|sweep_down",
    }[form])  # fmt: skip
    op = d.option("op", "sum", "max", "min", "product")
    kind = d.option("type", "float", "int")
    segmented = d.flag("segmented", 0.4)
    rows = d.flag("rows", 0.4)
    if form == "down sweep":
        op = "sum"
    if form != "hillis-steele":
        segmented = False
    if op == "product":
        kind = "float"
    n, m = 64, d.pick(3, 4)
    shape: Any = (m, n) if rows else d.pick(64, 128)
    length = n if rows else shape
    low, high = {"float": (0.5, 1.5), "int": (-20, 20)}[kind]
    at = "row, " if rows else ""
    join = {"sum": "$a + $b", "product": "$a * $b", "max": "wp.max($a, $b)", "min": "wp.min($a, $b)"}[op]
    fold = {"sum": np.add, "product": np.multiply, "max": np.maximum, "min": np.minimum}[op]
    thread = "row, i = wp.tid()" if rows else "i = wp.tid()"
    if form == "hillis-steele":
        d.input("x", kind, shape, low, high)
        if segmented:
            d.mask("head", "int", shape, rare=True, about="head flags, nonzero at segment starts")
        d.param("stride", "int", d.pick(1, 2, 4, 8), about="distance between the elements to combine")
        d.output("y", kind, shape)
        if segmented:
            d.output("head_out", "int", shape, about="head flags after this step")
        both = join.replace("$a", f"x[{at}i - stride]").replace("$b", f"x[{at}i]")
        if segmented:
            body = f"""
            flag = head[{at}i]
            # Do not combine across segment heads
            if i < stride or flag != 0:
                y[{at}i] = x[{at}i]
                head_out[{at}i] = flag
                return
            y[{at}i] = {both}
            head_out[{at}i] = head[{at}i - stride]
            """
        else:
            body = f"""
            if i < stride:
                # Element is already final
                y[{at}i] = x[{at}i]
                return
            y[{at}i] = {both}
            """
        d.launch(*(shape if rows else (shape,)))
        d.code(f"{thread}\n$body", body=body)
        what = {"sum": "sum", "max": "maximum", "min": "minimum", "product": "product"}[op]
        d.says(
            f"Performs one step of a parallel {'segmented ' if segmented else ''}prefix {what}, "
            "which doubles the range covered by each element."
        )
    else:
        stride = d.pick(1, 2, 4)
        d.param("stride", "int", stride, about="distance between the elements to combine")
        d.inout("x", kind, shape, low, high)
        right, left = f"x[{at}right]", f"x[{at}left]"
        place = "right = (2 * i + 2) * stride - 1\nleft = right - stride"
        if form == "up sweep":
            body = f"{place}\n{right} = {join.replace('$a', left).replace('$b', right)}"
            what = {"sum": "sums", "max": "maxima", "min": "minima", "product": "products"}[op]
            d.says(f"Performs one up-sweep step of a work-efficient in-place scan for {what}.")
        else:
            body = f"{place}\n# Down-sweep: left child gets the prefix, right child gets prefix + left sum\n"
            body += f"t = {left}\n{left} = {right}\n{right} += t"
            d.says("Performs one down-sweep step of a work-efficient in-place prefix sum.")
        pairs = length // (2 * stride)
        d.launch(*((m, pairs) if rows else (pairs,)))
        d.code(f"{thread}\n$body", body=body)

    def reference(v: Values) -> dict[str, Any]:
        x = v.x.copy()
        s = v.stride
        if form == "hillis-steele":
            y = x.copy()
            y[..., s:] = fold(x[..., :-s], x[..., s:])
            if not segmented:
                return {"y": y}
            out = v.head.copy()
            out[..., s:] = np.where(v.head[..., s:] != 0, v.head[..., s:], v.head[..., :-s])
            y[..., s:] = np.where(v.head[..., s:] != 0, x[..., s:], y[..., s:])
            return {"y": y, "head_out": out}
        right = np.arange(2 * s - 1, length, 2 * s)
        left = right - s
        if form == "up sweep":
            x[..., right] = fold(x[..., left], x[..., right])
        else:
            x[..., left], x[..., right] = v.x[..., right], v.x[..., left] + v.x[..., right]
        return {"x": x}

    d.check(reference)


@DOMAIN.algorithm(
    source="Blelloch 1990, Prefix Sums and Their Applications; wp.tile_scan_inclusive",
    names=_NAMES
    | {"block_scan": "tile_scan|scan_blocks|prefix_sum_rows|cumulative_sum", "carry": "running|base|prior"},
    adjoint="no",
    double=True,
    weight=6,
)
def block_scan(d: Draft) -> None:
    """Computes running sums over each block of an array."""
    form = d.option("form", "tile", "serial", "tile with carry", "backwards")
    op = d.option("op", "sum", "max", "min", "exclusive")
    kind = d.option("type", "float", "int")
    totals = d.flag("totals", 0.4)
    base = d.option("base", "none", "block sums", "constant")
    tile, blocks = d.pick(16, 32, 64), d.pick(4, 6, 8)
    n = tile * blocks
    if form.startswith("tile"):  # Warp scans no tiles of doubles, which floats are held to
        kind = "int"
    if op in ("max", "min"):
        base = "none"
    if form in ("tile with carry", "backwards"):
        totals, base = False, "none"
    if totals:  # they are what the bases are made of
        base = "none"
    if form == "tile with carry" and op in ("max", "min"):
        op = "sum"
    d.calls({
        "sum": "block_suffix_sums|reverse_block_scan|backward_block_scan",
        "exclusive": "exclusive_block_suffix_sums|exclusive_reverse_block_scan",
        "max": "block_suffix_max|reverse_block_max|backward_max_scan",
        "min": "block_suffix_min|reverse_block_min|backward_min_scan",
    }[op] if form == "backwards" else {
        "sum": "block_scan|scan_blocks|prefix_sum|cumulative_sum",
        "exclusive": "exclusive_scan|exclusive_sum|scan_blocks",
        "max": "running_max|cumulative_max|max_scan",
        "min": "running_min|cumulative_min|min_scan",
    }[op])  # fmt: skip
    low, high = {"float": (-1.0, 1.0), "int": (-9, 10)}[kind]
    d.input("x", kind, n, low, high)
    if base == "block sums":
        d.input("block_base", kind, blocks, low, high, about="exclusive sum over all previous blocks")
    elif base == "constant":
        low_start, high_start = (1, 5) if kind == "int" else (0.5, 1.5)
        d.param("start", kind, low_start, high_start, about="initial value for the running sums")
    d.output("y", kind, n)
    total = {"max": "block_max", "min": "block_min"}.get(op, "block_total")
    if totals:
        about = {"max": "maximum per block", "min": "minimum per block"}.get(op, "sum per block")
        d.output(total, kind, blocks, about=about)
    d.module(f"TILE = wp.constant({tile})")
    call = {
        "sum": "wp.tile_scan_inclusive",
        "exclusive": "wp.tile_scan_exclusive",
        "max": "wp.tile_scan_max_inclusive",
        "min": "wp.tile_scan_min_inclusive",
    }[op]
    shift = {"none": "", "block sums": "block_base[block]", "constant": "start"}[base]
    zero = f"{kind}(0)" if kind == "int" else "float(0.0)"
    if form == "tile":
        last = {
            "sum": "wp.tile_sum(t)",
            "exclusive": "wp.tile_sum(t)",
            "max": "wp.tile_max(t)",
            "min": "wp.tile_min(t)",
        }[op]
        add = f" + {shift} * wp.tile_ones(shape=TILE, dtype={kind})" if shift else ""
        d.launch(blocks, tiled=True)
        d.code(
            f"""
            block = wp.tid()
            t = wp.tile_load(x, shape=TILE, offset=block * TILE)
            $total
            s = {call}(t)
            wp.tile_store(y, s{add}, offset=block * TILE)
            """,
            total=f"wp.tile_store({total}, {last}, offset=block)" if totals else "",
        )
    elif form == "tile with carry":
        d.launch(1, tiled=True)
        store = "wp.tile_store(y, s + carry * wp.tile_ones(shape=TILE, dtype=$kind), offset=first)"
        d.code(
            f"""
            carry = {zero}
            # A single block iterates over all tiles and carries the running sum
            for first in range(0, x.shape[0], TILE):
                t = wp.tile_load(x, shape=TILE, offset=first)
                s = {call}(t)
                {store.replace("$kind", kind)}
                whole = wp.tile_sum(t)
                carry += whole[0]
            """
        )
        d.says(
            f"Computes {'exclusive ' if op == 'exclusive' else ''}running sums of a whole array using one block, "
            "one tile at a time."
        )
    else:
        join = {
            "sum": "s += x[k]",
            "exclusive": "s += x[k]",
            "max": "s = wp.max(s, x[k])",
            "min": "s = wp.min(s, x[k])",
        }[op]
        first = {"max": "x[first]", "min": "x[first]"}.get(op, "0" if kind == "int" else "0.0")
        if op not in ("max", "min"):
            first = shift or f"{kind}({first})"
        if form == "backwards":
            first = first.replace("first", "last")
        body = f"y[k] = s\n{join}" if op == "exclusive" else f"{join}\ny[k] = s"
        loop = "for k in range(first, first + TILE):\n    $body"
        if form == "backwards":
            loop = "for back in range(TILE):\n    k = last - back\n    $body"
        d.launch(blocks)
        d.code(
            f"""
            block = wp.tid()
            {"last = block * TILE + TILE - 1" if form == "backwards" else "first = block * TILE"}
            s = {first}
            $loop
            {f"{total}[block] = s" if totals else "$nothing"}
            """,
            loop=loop,
            body=body,
            nothing="",
        )
    if form != "tile with carry":
        what = {"sum": "", "exclusive": "exclusive "}.get(op, "")
        what += {"max": "running maxima", "min": "running minima"}.get(op, "running sums")
        where = (
            "from the end of each block to its start"
            if form == "backwards"
            else {
                "none": "of each array block",
                "block sums": "of each array block, starting from the sum of all previous blocks",
                "constant": "of each array block, starting from the same initial value",
            }[base]
        )
        each = {"max": "maximum", "min": "minimum"}.get(op, "total")
        d.says(f"Computes {what} {where}{f', and the {each} per block' if totals else ''}.")

    def reference(v: Values) -> dict[str, Any]:
        x = v.x.reshape(1 if form == "tile with carry" else blocks, -1)
        flipped = x[:, ::-1] if form == "backwards" else x
        fold = {"max": np.maximum, "min": np.minimum}.get(op, np.add)
        y = fold.accumulate(flipped, axis=1)
        if op == "exclusive":
            y = y - flipped
        whole = fold.reduce(x, axis=1)
        if base == "block sums":
            y = y + v.block_base[:, None]
        elif base == "constant":
            y = y + v.start
        y = y[:, ::-1] if form == "backwards" else y
        return {"y": y.reshape(-1)} | ({total: whole} if totals else {})

    d.check(reference)
