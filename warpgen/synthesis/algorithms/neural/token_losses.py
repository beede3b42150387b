"""Losses of next tokens, a block of threads for each part of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.neural import DOMAIN
from warpgen.synthesis.library.tile_forms import per_col, per_row
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Szegedy et al. 2016 (smoothing); Chowdhery et al. 2022, sec. 5 (z-loss); Wijmans et al. 2025 (cut cross-entropy); Hsu et al. 2024",
    names={
        "fused_token_loss": "fused_linear_cross_entropy|lm_head_loss|streamed_cross_entropy|vocabulary_loss",
        "hidden": "states|x|activations",
        "head": "lm_head|unembed|classifier",
        "labels": "targets|next_tokens|classes",
        "logits": "scores|z_tile|vocab_logits",
        "running_max": "row_max|m_i|top",
        "running_sum": "row_sum|l_i|denom",
        "own": "label_logit|target_logit|true_score",
        "TOKENS": "BLOCK_T|ROWS|BT",
        "VOCAB_TILE": "BLOCK_V|V_TILE|COLS",
        "WIDTH": "D|HIDDEN|DIM",
    },
    adjoint="yes",
    weight=9,
)
def fused_token_loss(d: Draft) -> None:
    """Computes fused linear cross entropy over a vocabulary without materializing the logits."""
    smooth = d.flag("label smoothing", 0.5)
    z_loss = d.flag("z-loss", 0.4)
    soft = d.flag("soft cap", 0.35)
    ignore = d.flag("ignored labels", 0.5)
    bias = d.flag("bias", 0.35)
    result = d.option("result", "per token", "sum", "with lse", "perplexity")
    if result == "perplexity":
        d.calls("token_perplexity|block_perplexity|streamed_perplexity")
        smooth, z_loss = False, False  # it is that of the tokens alone
    tied = d.option("head", "rows", "columns")
    temperature = d.flag("temperature", 0.3)
    blocks, rows, width, vocab, parts = (
        d.pick(2, 3),
        d.pick(4, 6, 8),
        d.pick(4, 6),
        d.pick(4, 6),
        d.pick(2, 3),
    )
    total, words = blocks * rows, vocab * parts
    d.module(f"TOKENS = wp.constant({rows})\nWIDTH = wp.constant({width})")
    d.module(f"VOCAB_TILE = wp.constant({vocab})\nVOCAB_PARTS = wp.constant({parts})")
    d.input("hidden", "float", (total, width), -1.0, 1.0, about="final hidden states, one row per token")
    d.input("head", "float", (words, width) if tied == "rows" else (width, words), -1.0, 1.0,
            about="output projection weights" + (", tied to the embedding" if tied == "rows" else ""))  # fmt: skip
    if bias:
        d.input("bias", "float", words, -0.5, 0.5, about="output projection biases")
    d.input("labels", "int", total, -1 if ignore else 0, words, about="next-token index" + (", -1 to ignore" if ignore else ""))  # fmt: skip
    if temperature:
        d.param("temperature", "float", 0.6, 1.6, about="softmax temperature")
    if soft:
        d.param("cap", "float", 2.0, 5.0, about="logit soft cap")
    if smooth:
        d.param("smoothing", "float", 0.05, 0.2, about="label smoothing factor")
    if z_loss:
        d.param("z_weight", "float", 0.01, 0.1, about="z-loss weight")
    what = ("label-smoothed " if smooth else "") + "cross entropies" + (" with z-loss" if z_loss else "")
    what += " and log partition sums" if result == "with lse" else ""
    tokens = ("labeled tokens" if ignore else "tokens") + (" at a temperature" if temperature else "")
    capped = "soft-capped " if soft else ""
    does = "Adds up" if result == "sum" else "Computes"
    d.says(f"{does} {what} of {tokens} over a vocabulary without materializing the {capped}logits.")
    if result == "sum":
        d.output("loss", "float", 1, about="sum over all tokens")
    elif result == "perplexity":
        d.output("perplexities", "float", blocks, about="perplexity per token block")
        of = " from soft-capped logits" if soft else ""
        d.says(f"Computes perplexities for blocks of {tokens}{of}, processing the vocabulary in chunks.")
    else:
        d.output("losses", "float", total, about="loss per token")
    if result == "with lse":
        d.output("lse", "float", total, about="log-sum-exp values, saved for the backward pass")
    d.function("""
        @wp.func
        def shifted_exp(x: float, shift: float) -> float:
            return wp.exp(x - shift)
    """)
    d.function('''
        @wp.func
        def if_label(logit: float, word: int, label: int) -> float:
            """Returns the logit at the label."""
            return wp.where(word == label, logit, 0.0)
    ''')
    if soft:
        d.function(
            "@wp.func\ndef capped(logit: float, cap: float) -> float:\n    return cap * wp.tanh(logit / cap)"
        )
    if ignore:
        d.function("""
            @wp.func
            def counted(loss: float, label: int) -> float:
                return wp.where(label < 0, 0.0, loss)
        """)
    if result == "perplexity" and ignore:
        d.function("""
            @wp.func
            def is_label(label: int) -> float:
                return wp.where(label < 0, 0.0, 1.0)
        """)
    T, V = "TOKENS", "VOCAB_TILE"
    product = {
        "rows": "w = wp.tile_load(head, shape=(VOCAB_TILE, WIDTH), offset=(first, 0))\n"
        "logits = wp.tile_matmul(h, wp.tile_transpose(w))",
        "columns": "w = wp.tile_load(head, shape=(WIDTH, VOCAB_TILE), offset=(0, first))\n"
        "logits = wp.tile_matmul(h, w)",
    }[tied]
    change = []
    if bias:
        change.append("bias_tile = wp.tile_load(bias, shape=VOCAB_TILE, offset=first)")
        change.append(f"logits = logits + {per_col('bias_tile', T, V)}")
    if temperature:
        change.append("logits = logits / temperature")
    if soft:
        change.append("logits = wp.tile_map(capped, logits, cap)")
    loss = "running_max + wp.tile_map(wp.log, running_sum)"
    ends = [f"log_z = {loss}"]
    if smooth:
        ends.append("# Label smoothing: uniform target over the vocabulary")
        ends.append(
            "token_loss = log_z - (1.0 - smoothing) * own - (smoothing / float(VOCAB_PARTS * VOCAB_TILE)) * logit_sum"
        )
    else:
        ends.append("token_loss = log_z - own")
    if z_loss:
        ends.append("# z-loss keeps the partition sum near 1 so that logits do not drift")
        ends.append("token_loss = token_loss + z_weight * (log_z * log_z)")
    if ignore:
        ends.append("token_loss = wp.tile_map(counted, token_loss, label)")
    at = "offset=block * TOKENS"
    if result == "sum":
        ends.append("wp.tile_atomic_add(loss, wp.tile_sum(token_loss, axis=0))")
    elif result == "perplexity":
        if ignore:
            ends.append("number = wp.tile_sum(wp.tile_map(is_label, label), axis=0)")
            ends.append("mean = wp.tile_sum(token_loss, axis=0) / wp.tile_map(wp.max, number, 1.0)")
        else:
            ends.append("mean = wp.tile_sum(token_loss, axis=0) / float(TOKENS)")
        ends.append("wp.tile_store(perplexities, wp.tile_map(wp.exp, mean), offset=block)")
    else:
        ends.append(f"wp.tile_store(losses, token_loss, {at})")
        if result == "with lse":
            ends.append(f"wp.tile_store(lse, log_z, {at})")
    zeros = "wp.tile_zeros(shape=TOKENS, dtype=float)"
    d.launch(blocks, tiled=True)
    d.code(
        f"""
        block = wp.tid()
        h = wp.tile_load(hidden, shape=(TOKENS, WIDTH), offset=(block * TOKENS, 0))
        label = wp.tile_load(labels, shape=TOKENS, {at})
        label_wide = {per_row("label", T, V)}
        running_max = wp.tile_full(shape=TOKENS, value=-1.0e6, dtype=float)
        running_sum = {zeros}
        own = {zeros}
        $spread
        for part in range(VOCAB_PARTS):
            first = part * VOCAB_TILE
            $product
            $change
            word = wp.tile_map(wp.add, wp.tile_arange(VOCAB_TILE, dtype=int), first)
            own = own + wp.tile_sum(wp.tile_map(if_label, logits, {per_col("word", T, V)}, label_wide), axis=1)
            $add_spread
            # Online softmax: rescale the running sum when the maximum changes
            new_max = wp.tile_map(wp.max, running_max, wp.tile_reduce(wp.max, logits, axis=1))
            part_exp = wp.tile_map(shifted_exp, logits, {per_row("new_max", T, V)})
            running_sum = running_sum * wp.tile_map(shifted_exp, running_max, new_max) + wp.tile_sum(part_exp, axis=1)
            running_max = new_max
        $end
        """,
        spread=f"logit_sum = {zeros}" if smooth else "",
        product=product,
        change="\n".join(change),
        add_spread="logit_sum = logit_sum + wp.tile_sum(logits, axis=1)" if smooth else "",
        end="\n".join(ends),
    )
    z = "h w_j + b_j" if bias else "h w_j"
    if temperature:
        z = f"({z}) / `temperature`" if bias else f"{z} / `temperature`"
    if soft:
        z = f"`cap` tanh({z} / `cap`)" if not bias or temperature else f"`cap` tanh(({z}) / `cap`)"
    losses = "log Z - z_label" if not smooth else "log Z - (1 - smoothing) z_label - smoothing mean(z)"
    losses += " + z_weight (log Z)^2" if z_loss else ""
    d.explain(
        f"Losses are {losses}, where Z = sum exp(z_j) and z_j = {z}.\n"
        "Only one tile of logits is held at a time, since a full logits array would dominate memory."
    )

    def reference(v: Values) -> Mapping[str, Any]:
        s = v.hidden @ (v.head.T if tied == "rows" else v.head) + (v.bias if bias else 0.0)
        s = s / v.temperature if temperature else s
        s = v.cap * np.tanh(s / v.cap) if soft else s
        z = np.log(np.exp(s).sum(1))
        mine = np.where(v.labels < 0, 0.0, s[np.arange(total), v.labels])
        eps = v.smoothing if smooth else 0.0
        out = z - (1 - eps) * mine - eps * s.mean(1) + (v.z_weight * z**2 if z_loss else 0.0)
        there = v.labels >= 0
        out = np.where(there, out, 0.0)
        if result == "sum":
            return {"loss": out.sum(keepdims=True)}
        if result == "perplexity":
            number = np.maximum(there.reshape(blocks, rows).sum(1), 1)
            return {"perplexities": np.exp(out.reshape(blocks, rows).sum(1) / number)}
        return {"losses": out} | ({"lse": z} if result == "with lse" else {})

    d.check(reference, 2e-3)
