"""Losses and clusters of embedded samples, a block of threads for each batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.tiles import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, dedented


@DOMAIN.algorithm(
    source="Radford et al. 2021 (CLIP); van den Oord et al. 2018 (InfoNCE); Zhai et al. 2023 (SigLIP); Chen et al. 2020",
    names={
        "images": "image_vecs|image_embeddings",
        "texts": "text_vecs|text_embeddings",
        "logits": "similarity|scores|sims",
        "temperature": "tau|temp",
        "own": "positive|diagonal|matched",
        "BATCH": "N|PAIRS|ROWS",
        "WIDTH": "D|EMBED|DIM",
    },
    adjoint="no",
    weight=5,
)
def contrast_pairs(d: Draft) -> None:
    """Computes the contrastive loss for batches of embedding pairs."""
    loss = d.option("loss", "symmetric", "one way", "sigmoid")
    result = d.option("result", "loss", "per pair", "gradient", "lead", weights=(0.35, 0.25, 0.25, 0.15))
    normal = d.option("normalized", "here", "before")
    margin = d.flag("margin", 0.35) and result != "lead"
    temperature = d.option("temperature", "param", "logarithm")
    masked = d.flag("duplicates", 0.35) and result != "lead"
    if result in ("loss", "per pair"):
        d.calls({
            "symmetric": "clip_loss|contrastive_loss|symmetric_info_nce",
            "one way": "info_nce|contrastive_loss|info_nce_loss",
            "sigmoid": "siglip_loss|sigmoid_pair_loss|pairwise_sigmoid_loss",
        }[loss])  # fmt: skip
    else:
        d.calls({
            "gradient": "contrastive_gradient|contrastive_backward|logit_gradients",
            "lead": "match_margins|matching_lead|pair_margins",
        }[result])  # fmt: skip
    batches, pairs, width = d.pick(3, 4), d.pick(4, 6, 8), d.pick(4, 8)
    d.module(f"BATCH = wp.constant({pairs})\nWIDTH = wp.constant({width})")
    d.input("images", "float", (batches, pairs, width), -1.0, 1.0, about="first embedding per pair")
    d.input("texts", "float", (batches, pairs, width), -1.0, 1.0, about="second embedding per pair")
    if masked:
        d.input(
            "classes",
            "int",
            (batches, pairs),
            0,
            5,
            about="class label per pair, same-class pairs are not contrasted",
        )
    if temperature == "param":
        softened = "softmax" if loss != "sigmoid" and result != "lead" else "logits"
        d.param("temperature", "float", 0.2, 0.6, about=f"{softened} temperature")
    else:
        d.param("log_scale", "float", 0.5, 1.5, about="learned log inverse temperature")
    if margin:
        d.param("margin", "float", 0.05, 0.2, about="margin subtracted from matching pairs")
    biased = loss == "sigmoid" and result != "lead"  # of a difference the offset would drop out
    if biased:
        d.param(
            "logit_bias", "float", -2.0, -0.5, about="logit bias, offsets the imbalance of negative pairs"
        )
    name, shape, about = {
        "loss": (
            "losses",
            (batches,),
            "sum over all pairs, divided by the number of rows"
            if loss == "sigmoid"
            else "mean loss per batch",
        ),
        "per pair": (
            "losses",
            (batches, pairs),
            "loss per pair"
            if loss != "sigmoid"
            else "loss per row, over its positive and all negative pairs",
        ),
        "gradient": (
            "grad_logits",
            (batches, pairs, pairs),
            "gradient of the mean loss with respect to the logits",
        ),
        "lead": (
            "leads",
            (batches, pairs),
            "difference between the matching logit and the largest other logit in its row",
        ),
    }[result]
    d.output(name, "float", shape, about=about)
    noun = {
        "symmetric": "symmetric contrastive loss",
        "one way": "image-to-text contrastive loss",
        "sigmoid": "sigmoid contrastive loss",
    }[loss]
    if result == "loss":
        d.says(f"Computes the {noun} for batches of embedding pairs.")
    elif result == "per pair":
        d.says(f"Computes the {noun} for each embedding pair.")
    elif result == "gradient":
        d.says(f"Computes the gradient of the {noun} with respect to the logits.")
    elif result == "lead":
        d.says("Computes the logit margin between matching pairs and their hardest negatives.")
    scale = "1.0 / temperature" if temperature == "param" else "wp.exp(log_scale)"
    d.function("""
        @wp.func
        def square(x: float) -> float:
            return x * x
    """) if normal == "here" else None
    if normal == "here":
        d.function('''
            @wp.func
            def inverse_root(x: float) -> float:
                """Return the inverse row norm given the squared norm."""
                return 1.0 / wp.sqrt(x + 1.0e-8)
        ''')
    d.function('''
        @wp.func
        def shifted_exp(x: float, top: float) -> float:
            """Exponential shifted by the maximum to prevent overflow."""
            return wp.exp(x - top)
    ''') if loss != "sigmoid" and result != "lead" else None
    d.function('''
        @wp.func
        def only_own(x: float, row: int, col: int) -> float:
            """Keep only diagonal entries (matching pairs)."""
            return wp.where(row == col, x, 0.0)
    ''')
    if masked:
        d.function('''
            @wp.func
            def hide_same(x: float, row: int, col: int, row_class: int, col_class: int) -> float:
                """Mask other pairs of the same class, since they are not negatives."""
                return wp.where(row_class == col_class and row != col, -1.0e4, x)
        ''')
    if margin:
        d.function("""
            @wp.func
            def subtract_margin(x: float, row: int, col: int, margin: float) -> float:
                return wp.where(row == col, x - margin, x)
        """)
    if loss == "sigmoid" and result != "lead":
        d.function('''
            @wp.func
            def pair_loss(x: float, row: int, col: int) -> float:
                """Log-sigmoid loss with positive labels on the diagonal."""
                z = wp.where(row == col, x, -x)
                # Numerically stable log(1 + exp(-z))
                return wp.max(-z, 0.0) + wp.log(1.0 + wp.exp(-wp.abs(z)))
        ''') if result != "gradient" else d.function('''
            @wp.func
            def pair_slope(x: float, row: int, col: int) -> float:
                """Derivative of the log-sigmoid loss."""
                return 1.0 / (1.0 + wp.exp(-x)) - wp.where(row == col, 1.0, 0.0)
        ''')

    def unit(side: str, array: str) -> str:
        if normal == "before":
            return f"{side} = wp.tile_load({array}[batch], shape=(BATCH, WIDTH))"
        return (
            f"{side}_raw = wp.tile_load({array}[batch], shape=(BATCH, WIDTH))\n"
            f"{side}_inv = wp.tile_map(inverse_root, wp.tile_sum(wp.tile_map(square, {side}_raw), axis=1))\n"
            f"{side} = wp.tile_map(wp.mul, {side}_raw, wp.tile_broadcast(wp.tile_reshape({side}_inv, shape=(BATCH, 1)), shape=(BATCH, WIDTH)))"
        )

    def softmax(side: str, axis: int) -> str:
        wide = "wp.tile_broadcast({}, shape=(BATCH, BATCH))"
        form = wide if axis == 0 else wide.replace("{}", "wp.tile_reshape({}, shape=(BATCH, 1))")
        return (
            f"{side}_top = wp.tile_reduce(wp.max, logits, axis={axis})\n"
            f"{side}_exp = wp.tile_map(shifted_exp, logits, {form.format(f'{side}_top')})\n"
            f"{side}_sum = wp.tile_sum({side}_exp, axis={axis})"
        )

    own = "own = wp.tile_sum(wp.tile_map(only_own, logits, row_id, col_id), axis=1)"
    row_loss = "row_loss = row_top + wp.tile_map(wp.log, row_sum) - own"
    col_loss = "col_loss = col_top + wp.tile_map(wp.log, col_sum) - own"
    losses = {
        "symmetric": "\n".join(
            (
                softmax("row", 1),
                softmax("col", 0),
                own,
                row_loss,
                col_loss,
                "pair = 0.5 * (row_loss + col_loss)",
            )
        ),
        "one way": "\n".join((softmax("row", 1), own, row_loss.replace("row_loss =", "pair ="))),
        "sigmoid": "pair = wp.tile_map(pair_loss, logits, row_id, col_id)",
    }[loss]
    kept = "pair"
    if loss == "sigmoid":
        losses = losses.replace("pair =", "pair_losses =")
        kept = "pair_losses" if result == "loss" else "wp.tile_sum(pair_losses, axis=1)"
    if result == "gradient" and loss != "sigmoid":
        d.function('''
            @wp.func
            def minus_target(prob: float, row: int, col: int) -> float:
                """Softmax probability minus the target (identity matrix)."""
                return wp.where(row == col, prob - 1.0, prob)
        ''')
    slope = "slope = wp.tile_map(minus_target, {}, row_id, col_id)"
    row_share = "row_prob = wp.tile_map(wp.div, row_exp, wp.tile_broadcast(wp.tile_reshape(row_sum, shape=(BATCH, 1)), shape=(BATCH, BATCH)))"
    col_share = "col_prob = wp.tile_map(wp.div, col_exp, wp.tile_broadcast(col_sum, shape=(BATCH, BATCH)))"
    slopes = {
        "symmetric": "\n".join(
            (
                softmax("row", 1),
                softmax("col", 0),
                row_share,
                col_share,
                slope.format("0.5 * (row_prob + col_prob)"),
            )
        ),
        "one way": "\n".join((softmax("row", 1), row_share, slope.format("row_prob"))),
        "sigmoid": "slope = wp.tile_map(pair_slope, logits, row_id, col_id)",
    }[loss]
    best = """
        # Hardest negative in each row
        others = wp.tile_map(all_but_own, logits, row_id, col_id)
        hardest = wp.tile_reduce(wp.max, others, axis=1)
        own = wp.tile_sum(wp.tile_map(only_own, logits, row_id, col_id), axis=1)
        wp.tile_store(leads[batch], own - hardest)
    """
    if result == "lead":
        d.function("""
            @wp.func
            def all_but_own(x: float, row: int, col: int) -> float:
                return wp.where(row == col, -1.0e4, x)
        """)
    body = {
        "loss": losses + f"\nlosses[batch] = wp.tile_sum({kept})[0] / float(BATCH)",
        "per pair": losses + f"\nwp.tile_store(losses[batch], {kept})",
        "gradient": slopes + "\nwp.tile_store(grad_logits[batch], (1.0 / float(BATCH)) * slope)",
        "lead": dedented(best),
    }[result]
    d.launch(batches, tiled=True)
    d.code(
        """
        batch = wp.tid()
        $left
        $right
        scale = $scale
        # All pairwise inner products
        logits = scale * wp.tile_matmul(image, wp.tile_transpose(text))
        ids = wp.tile_arange(BATCH, dtype=int)
        row_id = wp.tile_broadcast(wp.tile_reshape(ids, shape=(BATCH, 1)), shape=(BATCH, BATCH))
        col_id = wp.tile_broadcast(ids, shape=(BATCH, BATCH))
        $margin
        $offset
        $mask
        $body
        """,
        left=unit("image", "images"),
        right=unit("text", "texts"),
        scale=scale,
        margin="logits = wp.tile_map(subtract_margin, logits, row_id, col_id, scale * margin)"
        if margin
        else "",
        offset="logits += wp.tile_full(shape=(BATCH, BATCH), value=logit_bias, dtype=float)"
        if biased
        else "",
        mask="labels = wp.tile_load(classes[batch], shape=BATCH)\n"
        "row_class = wp.tile_broadcast(wp.tile_reshape(labels, shape=(BATCH, 1)), shape=(BATCH, BATCH))\n"
        "col_class = wp.tile_broadcast(labels, shape=(BATCH, BATCH))\n"
        "logits = wp.tile_map(hide_same, logits, row_id, col_id, row_class, col_class)"
        if masked
        else "",
        body=body,
    )
    about = {
        "symmetric": "The loss is the average of row-wise and column-wise cross entropy, with targets on the diagonal.",
        "one way": "The loss is the row-wise cross entropy, with targets on the diagonal.",
        "sigmoid": "Each image-text combination is treated as an independent binary classification.",
    }[loss]
    cosines = "cosines" if normal == "here" else "inner products of the embeddings"
    scaled = "divided by the temperature" if temperature == "param" else "multiplied by the learned scale"
    plus = " plus a bias" if biased else ""
    if margin:
        about += " The margin is subtracted from matching pairs."
    if masked:
        about += " Pairs of the same class are not contrasted."
    d.explain(f"Logits are {cosines} {scaled}{plus}.\n{'' if result == 'lead' else about}".strip())

    def reference(v: Values) -> Mapping[str, Any]:
        a, b = v.images, v.texts
        if normal == "here":
            a, b = (x / np.linalg.norm(x, axis=2, keepdims=True) for x in (a, b))
        s = 1 / v.temperature if temperature == "param" else np.exp(v.log_scale)
        z = s * a @ b.swapaxes(1, 2)
        eye_ = np.eye(pairs)
        z = z - (s * v.margin * eye_ if margin else 0.0) + (v.logit_bias if biased else 0.0)
        if masked:
            same = (v.classes[:, :, None] == v.classes[:, None]) & (eye_ == 0)
            z = np.where(same, -1e4, z)
        diag = np.einsum("bii->bi", z)
        if result == "lead":
            return {"leads": diag - np.where(eye_ == 1, -np.inf, z).max(2)}
        if loss == "sigmoid":
            each = np.logaddexp(0, -np.where(eye_ == 1, z, -z)).sum(2)
            slope = 1 / (1 + np.exp(-z)) - eye_
        else:
            by_row = np.log(np.exp(z).sum(2))
            by_col = np.log(np.exp(z).sum(1))
            p, q = np.exp(z - by_row[:, :, None]), np.exp(z - by_col[:, None])
            each = by_row - diag if loss == "one way" else 0.5 * (by_row + by_col) - diag
            slope = (p if loss == "one way" else 0.5 * (p + q)) - eye_
        return {
            "loss": {"losses": each.mean(1)},
            "per pair": {"losses": each},
            "gradient": {"grad_logits": slope / pairs},
        }[result]

    d.check(reference, 5e-3)
