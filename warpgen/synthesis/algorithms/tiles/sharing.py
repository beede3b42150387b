"""What threads bring to tiles and take from them; tiles converted and put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.tiles import DOMAIN
from warpgen.synthesis.library.tile_forms import Flat, extent
from warpgen.synthesis.writing.draft import Draft, Values

BLOCK = {"block": "tile_id|b|i", "lane": "thread|t|local_id", "TILE": "TILE_SIZE|BLOCK|CHUNK"}


@DOMAIN.algorithm(
    source="Harris 2007, Optimizing parallel reduction; Warp manual, Tiles: tile and untile",
    names={
        "x": "values|samples|data",
        "velocity": "v|velocities|vel",
        "positions": "points|pos|x",
        "mass": "masses|m",
        "total": "result|sums|of_all",
        "extreme": "result|found|bound",
        "own": "mine|value|local",
    },
    adjoint="either",
    weight=9,
)
def block_total(d: Draft) -> None:
    """Performs a block-level reduction before updating global memory."""
    what = d.option("what", "kinetic energy", "norm", "largest", "smallest", "momentum", "centre")
    loaded = d.option("loaded", "vector", "scalar")
    way = d.option("way", "tile atomic", "lane zero")
    named = d.flag("named")
    if what in ("largest", "smallest"):
        d.forward_only()
        way = "lane zero"
    if what in ("momentum", "centre"):
        loaded = "vector"
    d.says({
        "kinetic energy": "Accumulates the total kinetic energy using a block-level reduction and one atomic per block.",
        "norm": f"Accumulates the sum of {'squared lengths' if loaded == 'vector' else 'squares'} using a block-level reduction and one atomic per block.",
        "largest": "Computes the maximum magnitude using a block-level reduction followed by a global atomic.",
        "smallest": "Computes the minimum magnitude using a block-level reduction followed by a global atomic.",
        "momentum": "Accumulates the total momentum using a block-level reduction and one atomic per block.",
        "centre": "Sums positions using a block-level reduction and one atomic per block.",
    }[what])  # fmt: skip
    d.calls({
        "kinetic energy": "total_energy|sum_kinetic_energy|total_kinetic_energy",
        "norm": "sum_of_squares|squared_norm" + ("|sum_squared_lengths" if loaded == "vector" else ""),
        "largest": "largest_magnitude|max_magnitude|reduce_largest",
        "smallest": "smallest_magnitude|min_magnitude|reduce_smallest",
        "momentum": "total_momentum|sum_momenta|reduce_momentum",
        "centre": "sum_positions|sum_of_positions|reduce_positions",
    }[what])  # fmt: skip
    count = d.pick(256, 512)
    weighed = what in ("kinetic energy", "momentum")
    x = {"kinetic energy": "velocity", "momentum": "velocity", "centre": "positions"}.get(what, "x")
    total = "extreme" if what in ("largest", "smallest") else "total"
    d.input(x, "vec3" if loaded == "vector" else "float", count, -1.0, 1.0)
    if weighed:
        d.input("mass", "float", count, 0.5, 2.0, about="mass per point")
    vectors = what in ("momentum", "centre")
    if what == "smallest":
        d.inout(total, "float", 1, value=10.0, about="running minimum magnitude")
    else:
        d.output(total, "vec3" if vectors else "float", 1)
    square = f"wp.length_sq({x}[tid])" if loaded == "vector" else f"{x}[tid] * {x}[tid]"
    size = f"wp.length({x}[tid])" if loaded == "vector" else f"wp.abs({x}[tid])"
    own = {
        "kinetic energy": f"0.5 * mass[tid] * {square}",
        "norm": square,
        "largest": size,
        "smallest": size,
        "momentum": f"mass[tid] * {x}[tid]",
        "centre": f"{x}[tid]",
    }[what]
    reduce = {"largest": "tile_max", "smallest": "tile_min"}.get(what, "tile_sum")
    preserve = ", preserve_type=True" if vectors else ""
    atomic = {"largest": "atomic_max", "smallest": "atomic_min"}.get(what, "atomic_add")
    gather = f"reduced = wp.{reduce}(wp.tile({'own' if named else '{own}'}{preserve}))"
    if way == "tile atomic":
        store = "wp.tile_atomic_add(total, reduced)"
    else:
        # All threads read the tile; only the first of the block writes
        store = f"of_block = reduced[0]\nif tid % wp.block_dim() == 0:\n    wp.{atomic}({total}, 0, of_block)"
        if not vectors:
            d.forward_only()
    d.launch(count)
    d.code(
        f"tid = wp.tid()\nown = {own}\n$gather\n$store",
        gather=gather.replace("{own}", "own"),
        store=store,
    )
    d.explain(
        "This kernel must be launched with a multiple of the block size, since every thread contributes to the tile."
    )

    def reference(v: Values) -> Mapping[str, Any]:
        u = v[x]
        square = (u * u).sum(axis=1) if loaded == "vector" else u * u
        return {total: np.atleast_1d({
            "kinetic energy": lambda: 0.5 * v.mass @ square,
            "norm": square.sum,
            "largest": lambda: np.sqrt(square.max()),
            "smallest": lambda: np.sqrt(square.min()),
            "momentum": lambda: (v.mass @ u)[None],
            "centre": lambda: u.sum(axis=0)[None],
        }[what]())}  # fmt: skip

    d.check(reference)


@DOMAIN.algorithm(
    source="Jacob et al. 2018, eq. 1; Warp manual, Tiles: tile_astype",
    names=BLOCK
    | {
        "x": "values|weights|activations",
        "codes": "q|quantized|levels_out",
        "restored": "dequantized|y|decoded",
        "step": "scale|resolution|delta",
        "q": "levels|code_tile|q_tile",
        "error": "residual|gap|lost",
    },
    adjoint="either",
    weight=8,
)
def quantise_tile(d: Draft) -> None:
    """Quantizes each tile."""
    wanted = d.option("wanted", "codes", "restored", "error", "sum of squares")
    scale = d.option("scale", "given", "per block", "power")
    rounding = d.option("rounding", "nearest", "down", "up", "towards zero")
    limit = d.flag("limited")
    way = {"nearest": "Rounds", "down": "Rounds down", "up": "Rounds up", "towards zero": "Truncates"}[
        rounding
    ]
    ends = " with 32 levels" if limit else ""
    d.says({
        "codes": f"{way} the values of each tile to integer codes{ends}.",
        "restored": f"{way} the values of each tile to a quantization grid{ends}.",
        "error": f"{way} values to a quantization grid{ends} and returns the per-value error.",
        "sum of squares": f"{way} values to a quantization grid{ends} and computes the sum of squared errors per block.",
    }[wanted])  # fmt: skip
    d.calls({
        "codes": "quantize_blocks|quantize_to_codes|encode_blocks",
        "restored": "fake_quant|round_to_grid|quantize_dequantize",
        "error": "quantization_error|rounding_error|quantization_residual",
        "sum of squares": "squared_quantization_error|quantization_loss|sum_rounding_errors",
    }[wanted])  # fmt: skip
    n, blocks = d.pick(16, 32, 64), d.pick(3, 4)
    size = extent(d, "TILE", n)
    form = Flat(d, size)
    d.input("x", "float", n * blocks, -2.4, 2.4)
    if scale == "given":
        d.param("step", "float", 0.11, 0.23)
    elif scale == "per block":
        d.input("steps", "float", blocks, 0.11, 0.23, about="quantization step per block")
    output = "squares" if wanted == "sum of squares" else wanted
    type_ = "int" if wanted == "codes" else "float"
    shape = blocks if wanted == "sum of squares" else n * blocks
    d.output(output, type_, shape)
    step = {"given": "step", "per block": "step", "power": "STEP"}[scale]
    if scale == "power":
        d.module("# Power of two, so that division is exact\nSTEP = wp.constant(0.125)")
    function = {"nearest": "rint", "down": "floor", "up": "ceil", "towards zero": "trunc"}[rounding]
    lines = [f"t = {form.load('x')}"]
    if scale == "per block":
        lines.insert(0, "step = steps[block]")
    lines.append(f"q = wp.tile_map(wp.{function}, t / {step})")
    if limit:
        d.module("# Signed 5-bit code range\nMIN_CODE = wp.constant(-16.0)\nMAX_CODE = wp.constant(15.0)")
        lines.append("q = wp.tile_map(wp.min, wp.tile_map(wp.max, q, MIN_CODE), MAX_CODE)")
    restored = f"q * {step}"
    lines += {
        "codes": [form.store("codes", "wp.tile_astype(q, dtype=int)")],
        "restored": [form.store("restored", restored)],
        "error": [form.store("error", f"t - {restored}")],
        "sum of squares": [
            f"gap = t - {restored}",
            "wp.tile_store(squares, wp.tile_sum(gap * gap), offset=block)",
        ],
    }[wanted]
    d.launch(blocks, tiled=True)
    d.code("block = wp.tid()\n$head\n$lines", head=form.head, lines="\n".join(lines))

    def agree(before: Values, after: Values) -> None:
        x = before.x.reshape(blocks, n)
        h = 0.125
        if scale != "power":
            h = before.step if scale == "given" else before.steps[:, None]
        q = {"nearest": np.rint, "down": np.floor, "up": np.ceil, "towards zero": np.trunc}[rounding](x / h)
        q = np.clip(q, -16.0, 15.0) if limit else q
        error = x - q * h
        expected = {
            "codes": q.ravel(),
            "restored": (q * h).ravel(),
            "error": error.ravel(),
            "sum of squares": (error * error).sum(axis=1),
        }[wanted]
        wrong = np.abs(after[output] - expected) > 1e-4
        # a value on the edge of a cell may go either way
        assert wrong.mean() < 0.02

    d.holds(agree)


@DOMAIN.algorithm(
    source="Warp manual, Tiles: tile_from_thread, tile_scatter_masked",
    names=BLOCK
    | {
        "placed_by_threads": "shuffle_in_tile|permute_tile|rearrange_block",
        "x": "values|source|data",
        "out": "rearranged|y|moved",
        "buffer": "shared_t|placed|staging",
        "to": "slot|target|place",
    },
    adjoint="no",
    weight=3,
)
def placed_by_threads(d: Draft) -> None:
    """Permutes the values of each block using a shared-memory tile."""
    order = d.option("order", "reverse", "rotate", "even odd", "transpose", "bit reversal")
    scaled = d.option("scaled", "no", "one thread", "all")
    start = d.option("start", "zeros", "empty")
    n, blocks = d.pick(32, 64), d.pick(2, 3)
    size = extent(d, "TILE", n)
    bits = n.bit_length() - 1
    side = 4
    shift = d.pick(3, 5, 7)
    then = {"no": "", "one thread": ", scaled by a per-block gain", "all": ", scaled by a gain"}[scaled]
    d.says({
        "reverse": f"Reverses the values of each block using a shared-memory tile{then}.",
        "rotate": f"Rotates the values of each block by {shift} positions{then}.",
        "even odd": f"Deinterleaves each block, even elements first{then}.",
        "transpose": f"Transposes the row-major {side}-column matrix of each block{then}.",
        "bit reversal": f"Permutes each block into bit-reversed order, as required by an FFT{then}.",
    }[order])  # fmt: skip
    d.calls({
        "reverse": "reverse_blocks|flip_tile|reverse_in_tile",
        "rotate": "rotate_blocks|cyclic_shift|roll_tile",
        "even odd": "deinterleave|split_even_odd|unzip_blocks",
        "transpose": "transpose_blocks|tile_transpose|swap_rows_columns",
        "bit reversal": "bit_reverse_blocks|fft_reorder|bit_reversed_copy",
    }[order])  # fmt: skip
    d.input("x", "float", n * blocks, -1.0, 1.0)
    if scaled == "one thread":
        d.input("gains", "float", blocks, 0.5, 2.0, about="gain per block")
    elif scaled == "all":
        d.param("gain", "float", 0.5, 2.0)
    d.output("out", "float", n * blocks)
    named = {"rotate": ("SHIFT", shift), "transpose": ("COLUMNS", side), "bit reversal": ("INDEX_BITS", bits)}
    if order in named:
        d.module("{} = wp.constant({})".format(*named[order]))
    to = {
        "reverse": f"to = {size} - 1 - at",
        "rotate": f"to = (at + SHIFT) % {size}",
        "even odd": f"to = at // 2 + (at % 2) * ({size} // 2)",
        "transpose": f"to = (at % COLUMNS) * ({size} // COLUMNS) + at // COLUMNS",
        "bit reversal": "to = int(0)\nfor bit in range(INDEX_BITS):\n    to = (to << 1) | ((at >> bit) & 1)",
    }[order]
    share = f"""
gain = float(0.0)
if lane == 0:
    gain = gains[block]
gain_t = wp.tile_from_thread(shape={size}, value=gain, thread_idx=0)""".strip("\n")
    result = {"no": "buffer", "one thread": "gain_t * buffer", "all": "gain * buffer"}[scaled]
    d.launch(blocks, tiled=True)
    d.code(
        f"""
        block, lane = wp.tid()
        buffer = wp.tile_{start}(shape={size}, dtype=float, storage="shared")
        for first in range(0, {size}, wp.block_dim()):
            at = first + lane
            inside = at < {size}
            value = float(0.0)
            if inside:
                value = x[block * {size} + at]
            $to
            wp.tile_scatter_masked(buffer, to, value, inside)
        $share
        wp.tile_store(out, {result}, offset=block * {size})
        """,
        to=to,
        share=share if scaled == "one thread" else "",
    )

    def reference(v: Values) -> Mapping[str, Any]:
        x = v.x.reshape(blocks, n)
        reverse = [int(format(i, f"0{bits}b")[::-1], 2) for i in range(n)]
        orders: dict[str, Callable[[], Any]] = {
            "reverse": lambda: x[:, ::-1],
            "rotate": lambda: np.roll(x, shift, axis=1),
            "even odd": lambda: np.concatenate([x[:, ::2], x[:, 1::2]], axis=1),
            "transpose": lambda: x.reshape(blocks, n // side, side).swapaxes(1, 2).reshape(blocks, n),
            "bit reversal": lambda: x[:, reverse],
        }
        out = orders[order]()
        out = out * (v.gains[:, None] if scaled == "one thread" else v.gain) if scaled != "no" else out
        return {"out": out.ravel()}

    d.check(reference)


@DOMAIN.algorithm(
    source="Warp manual, Tiles: tile_assign; Haar 1910",
    names=BLOCK
    | {
        "a": "first_part|left_half|first_half",
        "b": "second_part|right_half|second_half",
        "even": "even_samples|evens",
        "odd": "odd_samples|odds",
        "out": "joined|y|packed",
        "coefficients": "out|haar|subbands",
        "whole": "combined|full_tile|assembled",
        "HALF": "H|PART|HALF_SIZE",
        "TILE": "TWICE|FULL|TILE_SIZE",
    },
    adjoint="either",
    double=True,
    weight=15,
)
def joined_halves(d: Draft) -> None:
    """Assembles a tile from two halves."""
    what = d.option("what", "plain", "haar", "butterfly", "mirror")
    start = d.option("start", "zeros", "empty")
    spelled = d.option("spelled", "call", "subscript")
    shape = d.option("shape", "flat", "pairs")
    half, blocks = d.pick(4, 8, 16), d.pick(2, 3, 4)
    h, size = extent(d, "HALF", half), str(2 * half)
    if not h.isdigit():
        d.module("TILE = wp.constant(2 * HALF)")
        size = "TILE"
    d.says({
        "plain": "Assembles a tile from two halves.",
        "haar": "Computes one Haar transform step: the means and half differences of even and odd samples.",
        "butterfly": "Applies a Givens rotation to pairs of values from two halves and joins the results.",
        "mirror": "Concatenates values in [0, 1] with their complements (complement coding).",
    }[what])  # fmt: skip
    d.calls({
        "plain": "assemble_tile|join_halves|merge_parts",
        "haar": "haar_step|haar_level|means_and_differences",
        "butterfly": "butterfly_step|rotate_halves|givens_halves",
        "mirror": "join_complement|append_complement|complement_coding",
    }[what])  # fmt: skip
    a_in, b_in = {"haar": ("even", "odd"), "mirror": ("shares", "")}.get(what, ("a", "b"))
    out_ = "coefficients" if what == "haar" else "out"
    low = 0.0 if what == "mirror" else -1.0  # shares of one
    d.input(a_in, "float", half * blocks, low, 1.0)
    if what != "mirror":
        d.input(b_in, "float", half * blocks, low, 1.0)
    if what == "butterfly":
        d.param("angle", "float", 0.2, 1.4, about="rotation angle [rad]")
    d.output(out_, "float", 2 * half * blocks if shape == "flat" else (2 * blocks, half))
    first, second = {
        "plain": ("lo", "hi"),
        "haar": ("(even_tile + odd_tile) * 0.5", "(even_tile - odd_tile) * 0.5"),
        "butterfly": ("c * lo - s * hi", "s * lo + c * hi"),
        "mirror": ("share", f"wp.tile_ones(shape={h}, dtype=float) - share"),
    }[what]
    held, other = {"haar": ("even_tile", "odd_tile"), "mirror": ("share", "")}.get(what, ("lo", "hi"))
    if spelled == "call":
        assign = (
            f"wp.tile_assign(whole, {first}, offset=(0,))\nwp.tile_assign(whole, {second}, offset=({h},))"
        )
    else:
        assign = f"whole[0:{h}] = {first}\nwhole[{h}:{size}] = {second}"
    store = (
        f"wp.tile_store({out_}, whole, offset=block * {size})"
        if shape == "flat"
        else f"wp.tile_store({out_}, wp.tile_reshape(whole, shape=(2, {h})), offset=(block * 2, 0))"
    )
    d.launch(blocks, tiled=True)
    d.code(
        f"""
        block = wp.tid()
        {held} = wp.tile_load({a_in}, shape={h}, offset=block * {h})
        $other
        $angle
        whole = wp.tile_{start}(shape={size}, dtype=float, storage="shared")
        $assign
        {store}
        """,
        other="" if what == "mirror" else f"{other} = wp.tile_load({b_in}, shape={h}, offset=block * {h})",
        angle="c = wp.cos(angle)\ns = wp.sin(angle)" if what == "butterfly" else "",
        assign=assign,
    )

    def reference(v: Values) -> Mapping[str, Any]:
        a, b = (v.get(x, v[a_in]).reshape(blocks, half) for x in (a_in, b_in))
        c, s = (np.cos(v.angle), np.sin(v.angle)) if what == "butterfly" else (0.0, 0.0)
        pair = {"plain": (a, b), "haar": ((a + b) / 2, (a - b) / 2), "mirror": (a, 1 - a),
                "butterfly": (c * a - s * b, s * a + c * b)}[what]  # fmt: skip
        whole = np.concatenate(pair, axis=1)
        return {out_: whole.ravel() if shape == "flat" else whole.reshape(2 * blocks, half)}

    d.check(reference)
