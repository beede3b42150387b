"""Attention without a matrix of scores in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.tiles import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_MASKS = {
    "causal": ("", "", "k_pos <= q_pos"),
    "window": (", window: int", ", window", "k_pos <= q_pos and k_pos > q_pos - window"),
    "lengths": (", seq_len: int", ", seq_len", "k_pos < seq_len"),
    "prefix": (", prefix: int", ", prefix", "k_pos < prefix or k_pos <= q_pos"),
}


@DOMAIN.algorithm(
    source="Dao et al. 2022, algorithm 1; Dao 2023, sec. 3.1; Warp manual, Tiles",
    names={
        "tiled_attention": "flash_attention|attention_forward_tiled|fused_attention",
        "row_max": "m_i|running_max|max_tile",
        "row_sum": "l_i|running_sum|denom",
        "acc": "o_tile|out_acc|accum",
        "head": "h|head_idx|bh",
        "q_block": "block_row|qb|q_tile_idx",
        "kv_block": "block_col|kb|kv_idx",
        "TILE_Q": "BLOCK_M|BM|Q_ROWS",
        "TILE_KV": "BLOCK_N|BN|KV_ROWS",
        "KV_BLOCKS": "NUM_KV_BLOCKS|NUM_KV_TILES",
        "HEAD_DIM": "DIM|D_HEAD",
    },
    adjoint="no",
    weight=6,
)
def tiled_attention(d: Draft) -> None:
    """Computes masked attention using an online softmax, one query tile per block."""
    mask = d.option("mask", "none", *_MASKS)
    heads = d.option("heads", "multi", "grouped", "one key head")
    bias = d.option("bias", "none", "alibi", "table")
    skipping = d.flag("skip blocks", 0.6) and mask in ("causal", "window", "lengths")
    soft = d.flag("soft cap", 0.3)
    result = d.option("result", "output", "with statistics")
    many, tile_q, tile_kv, width = d.pick(2, 4), d.pick(4, 8), d.pick(4, 8), d.pick(8, 16)
    q_blocks, kv_blocks = d.pick(2, 3), d.pick(2, 3)
    if mask in ("causal", "window", "prefix"):
        q_blocks, tile_q = kv_blocks, tile_kv
    group = {"multi": 1, "grouped": 2, "one key head": many}[heads]
    rows, columns, kv_heads = q_blocks * tile_q, kv_blocks * tile_kv, many // group
    d.module(
        f"TILE_Q = wp.constant({tile_q})\nTILE_KV = wp.constant({tile_kv})\nHEAD_DIM = wp.constant({width})\n"
        f"KV_BLOCKS = wp.constant({kv_blocks})"
    )
    seen = {"none": "Computes attention", "causal": "Computes causal attention",
            "window": "Computes causal attention within a sliding window",
            "lengths": "Computes attention over variable-length sequences",
            "prefix": "Computes prefix-LM attention"}[mask]  # fmt: skip
    added = [
        *["capped scores"] * soft,
        *["ALiBi"] * (bias == "alibi"),
        *["an additive bias"] * (bias == "table"),
    ]
    seen += f" with {' and '.join(added)}" if added else ""
    d.says(f"{seen} using an online softmax, one query tile per block.")
    if group > 1:
        d.module(f"GROUP_SIZE = wp.constant({group})")
    d.input("query", "float", (many, rows, width), -1.0, 1.0, about="shape (num_heads, seq_q, head_dim)")
    shape = (kv_heads, columns, width)
    d.input("key", "float", shape, -1.0, 1.0, about="shape (num_kv_heads, seq_kv, head_dim)")
    d.input("value", "float", shape, -1.0, 1.0, about="values, same shape as the keys")
    if mask == "window":
        d.param("window", "int", d.pick(3, 5, 7), about="window size in keys, including the query position")
    elif mask == "lengths":
        d.input("seq_lens", "int", kv_heads, 2, columns + 1, about="number of valid keys per KV head")
    elif mask == "prefix":
        d.param("prefix", "int", d.pick(2, 3), about="prefix length, visible to all queries")
    if bias == "alibi":
        d.input("slopes", "float", many, 0.1, 0.5, about="ALiBi slope per head")
    elif bias == "table":
        d.input("score_bias", "float", (rows, columns), -1.0, 1.0, about="additive bias shared by all heads")
    d.param("scale", "float", 0.25, 0.5, about="softmax scale, usually 1 / sqrt(head_dim)")
    if soft:
        d.param("cap", "float", 2.0, 4.0, about="soft cap for the scores")
    d.output("out", "float", (many, rows, width), about="attention output, same shape as the queries")
    if result == "with statistics":
        d.output(
            "lse",
            "float",
            (many, rows),
            about="per-query log-sum-exp of the scores, used in the backward pass",
        )
    d.function("""
        @wp.func
        def shifted_exp(x: float, shift: float) -> float:
            return wp.exp(x - shift)
    """)
    lines = []
    if soft:
        d.function("""
            @wp.func
            def cap_score(s: float, cap: float) -> float:
                # Soft-cap the scores so that single outliers cannot dominate
                return cap * wp.tanh(s / cap)
        """)
        lines.append("scores = wp.tile_map(cap_score, scores, cap)")
    if mask == "lengths" and bias != "alibi":
        lines.append(
            "# Key positions within the sequence\n"
            "k_index = wp.tile_map(wp.add, wp.tile_arange(TILE_KV, dtype=int), k_first)\n"
            "k_pos = wp.tile_broadcast(k_index, shape=(TILE_Q, TILE_KV))"
        )
    elif mask != "none" or bias == "alibi":
        lines.append(
            "# Global query and key positions for this pair of tiles\n"
            "q_index = wp.tile_map(wp.add, wp.tile_arange(TILE_Q, dtype=int), q_first)\n"
            "k_index = wp.tile_map(wp.add, wp.tile_arange(TILE_KV, dtype=int), k_first)\n"
            "q_pos = wp.tile_broadcast(wp.tile_reshape(q_index, shape=(TILE_Q, 1)), shape=(TILE_Q, TILE_KV))\n"
            "k_pos = wp.tile_broadcast(k_index, shape=(TILE_Q, TILE_KV))"
        )
    if bias == "alibi":
        d.function("""
            @wp.func
            def add_alibi(s: float, q_pos: int, k_pos: int, slope: float) -> float:
                # ALiBi: linear distance penalty instead of positional embeddings
                return s - slope * float(wp.abs(q_pos - k_pos))
        """)
        lines.append("scores = wp.tile_map(add_alibi, scores, q_pos, k_pos, slopes[head])")
    elif bias == "table":
        lines.append("scores += wp.tile_load(score_bias, shape=(TILE_Q, TILE_KV), offset=(q_first, k_first))")
    extra = ""
    kv = "kv_head" if group > 1 else "head"
    if mask != "none":
        parameter, given, test = _MASKS[mask]
        by_query = mask != "lengths"
        hidden = "the key is masked for this query" if by_query else "the key is padding"
        d.function(
            f"""
            @wp.func
            def mask_score(s: float, {"q_pos: int, " if by_query else ""}k_pos: int{parameter}) -> float:
                \"\"\"Return the score, or a large negative number if {hidden}.\"\"\"
                if {test}:
                    return s
                return -1.0e4
            """
        )
        if mask == "lengths":
            extra = f"seq_len = seq_lens[{kv}]"
        lines.append(f"scores = wp.tile_map(mask_score, scores, {'q_pos, ' if by_query else ''}k_pos{given})")
    skip = ""
    if skipping:
        skip = {
            "causal": "# Early exit: this tile and all following ones are in the future\n"
            "if k_first > q_first + TILE_Q - 1:\n    break",
            "window": "# Skip tiles entirely outside the window\n"
            "if k_first > q_first + TILE_Q - 1 or k_first + TILE_KV - 1 <= q_first - window:\n    continue",
            "lengths": "# Early exit: the remaining keys are padding\nif k_first >= seq_len:\n    break",
        }[mask]
    store = "wp.tile_store(lse[head], row_max + wp.tile_map(wp.log, row_sum), offset=q_first)"
    d.launch(many, q_blocks, tiled=True)
    d.code(
        f"""
        head, q_block = wp.tid()
        $kv_head
        $extra
        q_first = q_block * TILE_Q
        q_tile = wp.tile_load(query[head], shape=(TILE_Q, HEAD_DIM), offset=(q_first, 0))
        acc = wp.tile_zeros(shape=(TILE_Q, HEAD_DIM), dtype=float)
        row_max = wp.tile_full(shape=TILE_Q, value=-1.0e6, dtype=float)
        row_sum = wp.tile_zeros(shape=TILE_Q, dtype=float)
        for kv_block in range(KV_BLOCKS):
            k_first = kv_block * TILE_KV
            $skip
            k_tile = wp.tile_load(key[{kv}], shape=(TILE_KV, HEAD_DIM), offset=(k_first, 0))
            scores = scale * wp.tile_matmul(q_tile, wp.tile_transpose(k_tile))
            $lines
            # Online softmax: rescale the accumulators when the row maximum grows
            new_max = wp.tile_map(wp.max, row_max, wp.tile_reduce(wp.max, scores, axis=1))
            correction = wp.tile_map(shifted_exp, row_max, new_max)
            shift = wp.tile_broadcast(wp.tile_reshape(new_max, shape=(TILE_Q, 1)), shape=(TILE_Q, TILE_KV))
            probs = wp.tile_map(shifted_exp, scores, shift)
            row_sum = wp.tile_map(wp.mul, row_sum, correction) + wp.tile_sum(probs, axis=1)
            decay = wp.tile_broadcast(
                wp.tile_reshape(correction, shape=(TILE_Q, 1)), shape=(TILE_Q, HEAD_DIM)
            )
            v_tile = wp.tile_load(value[{kv}], shape=(TILE_KV, HEAD_DIM), offset=(k_first, 0))
            acc = wp.tile_map(wp.mul, acc, decay) + wp.tile_matmul(probs, v_tile)
            row_max = new_max
        denom = wp.tile_broadcast(wp.tile_reshape(row_sum, shape=(TILE_Q, 1)), shape=(TILE_Q, HEAD_DIM))
        wp.tile_store(out[head], wp.tile_map(wp.div, acc, denom), offset=(q_first, 0))
        $stats
        """,
        kv_head="# Grouped-query attention: several query heads share one KV head\nkv_head = head // GROUP_SIZE"
        if group > 1
        else "",
        extra=extra,
        skip=skip,
        lines="\n".join(lines),
        stats="# Store log-sum-exp for the backward pass\n" + store if result == "with statistics" else "",
    )
    d.explain(
        f"O = softmax({'cap(scale * Q K^T)' if soft else 'scale * Q K^T'}"
        f"{' + bias' if bias != 'none' else ''}{' + mask' if mask != 'none' else ''}) V, computed tile by tile.\n"
        "This kernel never materializes the full score matrix."
    )

    def reference(v: Values) -> Mapping[str, Any]:
        k, value = (np.repeat(x, group, axis=0) for x in (v.key, v.value))
        s = v.scale * v.query @ np.swapaxes(k, 1, 2)
        if soft:
            s = v.cap * np.tanh(s / v.cap)
        i, j = np.arange(rows)[:, None], np.arange(columns)[None]
        if bias == "alibi":
            s = s - v.slopes[:, None, None] * np.abs(i - j)
        elif bias == "table":
            s = s + v.score_bias
        if mask != "none":
            seen: Any = {
                "causal": lambda: j <= i,
                "window": lambda: (j <= i) & (j > i - v.window),
                "lengths": lambda: (j < v.seq_lens[:, None, None]) & (i >= 0),
                "prefix": lambda: (j < v.prefix) | (j <= i),
            }[mask]()
            s = np.where(seen, s, -1e4)
        top = s.max(axis=2, keepdims=True)
        p = np.exp(s - top)
        z = p.sum(axis=2, keepdims=True)
        found = {"out": p / z @ value}
        if result == "with statistics":
            found["lse"] = (top + np.log(z))[..., 0]
        return found

    d.check(reference, 1e-3)
