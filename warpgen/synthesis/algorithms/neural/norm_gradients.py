"""Gradients of normalizations, written out, in tiles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.neural import DOMAIN
from warpgen.synthesis.library.tile_forms import per_col, per_row
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Ba, Kiros & Hinton 2016; Zhang & Sennrich 2019 (RMS norm); Ioffe & Szegedy 2015, sec. 3; Wu & He 2018 (groups)",
    names={
        "norm_gradient": "layer_norm_backward|rms_norm_grad|norm_backward_tiled|normalization_grad",
        "inputs": "x|activations|hidden",
        "upstream": "grad_out|dy|grad_y",
        "gain": "gamma|weight|scale",
        "x_hat": "normed|xhat|standardized",
        "d_hat": "dxhat|grad_hat|grad_normed",
        "mean_dy_xhat": "mean_overlap|dot_mean|projection",
        "mean_dy": "dy_mean|grad_mean",
        "SAMPLES": "ROWS|BATCH|M",
        "rstd": "inv_std|inverse_deviation|r_sigma",
        "TOKENS": "ROWS|BLOCK|M",
        "WIDTH": "D|HIDDEN|FEATURES",
        "block": "tile_id|b|chunk",
    },
    adjoint="either",
    weight=10,
)
def norm_gradient(d: Draft) -> None:
    """Computes normalization layer gradients with respect to inputs and gains."""
    kind = d.option("norm", "layer", "rms", "batch")
    d.calls(f"{kind}_norm_backward|{kind}_norm_grad|normalization_grad|norm_backward_tiled")
    stored = d.option("statistics", "recomputed", "stored")
    gains = d.option("gain", "one for each feature", "one plus", "none")
    parameters = d.option("parameter gradients", "none", "atomic", "partial") if gains != "none" else "none"
    bias = parameters != "none" and kind != "rms" and d.flag("bias", 0.6)
    residual = d.flag("residual", 0.35)
    act = d.flag("activation behind", 0.25) and parameters == "none"
    blocks, rows, width = d.pick(2, 3, 4), d.pick(4, 6, 8), d.pick(4, 6, 8)
    centred = kind != "rms"
    axis = 0 if kind == "batch" else 1
    over_name = "TOKENS" if kind == "batch" else "WIDTH"
    total = blocks * rows
    T, W = "TOKENS", "WIDTH"
    wide = (lambda t: per_col(t, T, W)) if axis == 0 else (lambda t: per_row(t, T, W))
    d.module(f"TOKENS = wp.constant({rows})\nWIDTH = wp.constant({width})")
    d.input("inputs", "float", (total, width), -1.5, 1.5, about="forward-pass inputs")
    d.input("upstream", "float", (total, width), -1.0, 1.0, about="gradient with respect to the outputs")
    if gains != "none":
        low, high = (-0.3, 0.3) if gains == "one plus" else (0.5, 1.5)
        d.input(
            "gain", "float", width, low, high, about="gains" + (", less one" if gains == "one plus" else "")
        )
    count = (blocks, width) if axis == 0 else (total,)
    rstds, rstd = ("rstds", "rstd") if centred else ("inv_rms_values", "inv_rms")
    if stored == "stored":
        if centred:
            d.input("means", "float", count, -0.2, 0.2, about="means saved by the forward pass")
        d.input(
            rstds,
            "float",
            count,
            0.8,
            1.4,
            about=f"inverse {'deviations' if centred else 'root mean squares'} saved by the forward pass",
        )
    else:
        d.param("eps", "float", 1e-5, 1e-3, about=f"added to the {'variance' if centred else 'mean square'}")
    if residual:
        d.input(
            "residual_grad", "float", (total, width), -1.0, 1.0, about="gradient through the residual path"
        )
    d.output("grad_inputs", "float", (total, width), about="gradient with respect to the inputs")
    if parameters == "atomic":
        d.output("grad_gain", "float", width, about="gradient with respect to the gains")
        if bias:
            d.output("grad_bias", "float", width, about="gradient with respect to the biases")
    elif parameters == "partial":
        d.output(
            "grad_gain",
            "float",
            (blocks, width),
            about="gradient with respect to the gains, one row per block",
        )
        if bias:
            d.output(
                "grad_bias",
                "float",
                (blocks, width),
                about="gradient with respect to the biases, one row per block",
            )
    title = {"layer": "layer norm", "rms": "RMS norm", "batch": "batch norm"}[kind]
    of = f"{title} followed by SiLU" if act else title
    of += " over blocks of samples" if kind == "batch" else ""
    params_of = "" if parameters == "none" else " and gains" if not bias else ", gains and biases"
    past = ", and adds the residual gradient" if residual else ""
    d.says(f"Computes the gradients of {of} with respect to its inputs{params_of}{past}.")
    at = "offset=(block * TOKENS, 0)"
    load = (
        (lambda a: f"wp.tile_load({a}[block], shape=WIDTH)")
        if axis == 0
        else (lambda a: f"wp.tile_load({a}, shape=TOKENS, offset=block * TOKENS)")
    )
    if stored == "stored":
        statistics = (f"mean = {load('means')}\n" if centred else "") + f"{rstd} = {load(rstds)}"
        middle = f"centered = x - {wide('mean')}" if centred else ""
        statistics += f"\n{middle}" if middle else ""
    else:
        d.function("""
            @wp.func
            def inverse_root(mean_sq: float, eps: float) -> float:
                return 1.0 / wp.sqrt(mean_sq + eps)
        """)
        statistics = ""
        if centred:
            statistics = (
                f"mean = wp.tile_sum(x, axis={axis}) / float({over_name})\ncentered = x - {wide('mean')}\n"
            )
        c, square = ("centered", "variance") if centred else ("x", "mean_sq")
        statistics += f"{square} = wp.tile_sum({c} * {c}, axis={axis}) / float({over_name})\n"
        statistics += f"{rstd} = wp.tile_map(inverse_root, {square}, eps)"
    c = "centered" if centred else "x"
    gained = {
        "one for each feature": f"g = wp.tile_load(gain, shape=WIDTH)\nd_hat = dy * {per_col('g', T, W)}",
        "one plus": "# Gains are stored as offsets from one, so weight decay pulls them to one\n"
        "g = wp.tile_load(gain, shape=WIDTH) + wp.tile_ones(shape=WIDTH, dtype=float)\n"
        f"d_hat = dy * {per_col('g', T, W)}",
        "none": "",
    }[gains]
    wanted = "d_hat" if gained else "dy"
    slope = ""
    if act:
        d.function('''
            @wp.func
            def silu_slope(z: float) -> float:
                """Returns the derivative of SiLU, z * sigmoid(z)."""
                s = 1.0 / (1.0 + wp.exp(-z))
                return s * (1.0 + z * (1.0 - s))
        ''')
        z = f"x_hat * {per_col('g', T, W)}" if gained else "x_hat"
        slope = f"dy = raw_dy * wp.tile_map(silu_slope, {z})"
    order = [*gained.split("\n")[:-1], slope, *gained.split("\n")[-1:]]
    slopes = f"mean_dy_xhat = wp.tile_sum({wanted} * x_hat, axis={axis}) / float({over_name})\n"
    if centred:
        slopes += f"mean_dy = wp.tile_sum({wanted}, axis={axis}) / float({over_name})\n"
        slopes += f"inner = {wanted} - {wide('mean_dy')} - x_hat * {wide('mean_dy_xhat')}"
    else:
        slopes += f"inner = {wanted} - x_hat * {wide('mean_dy_xhat')}"
    add = f"dx = inner * {wide(rstd)}"
    if residual:
        add += f"\ndx = dx + wp.tile_load(residual_grad, shape=(TOKENS, WIDTH), {at})"
    params = ""
    if parameters != "none":
        own = "wp.tile_sum(dy * x_hat, axis=0)"
        rest = "wp.tile_sum(dy, axis=0)"
        if parameters == "atomic":
            params = f"# Gains are shared by all blocks\nwp.tile_atomic_add(grad_gain, {own})"
            params += f"\nwp.tile_atomic_add(grad_bias, {rest})" if bias else ""
        else:
            params = f"# Store per-block partial sums for a deterministic reduction\nwp.tile_store(grad_gain[block], {own})"
            params += f"\nwp.tile_store(grad_bias[block], {rest})" if bias else ""
    d.launch(blocks, tiled=True)
    d.code(
        f"""
        block = wp.tid()
        x = wp.tile_load(inputs, shape=(TOKENS, WIDTH), {at})
        {"raw_dy" if act else "dy"} = wp.tile_load(upstream, shape=(TOKENS, WIDTH), {at})
        $statistics
        x_hat = {c} * {wide(rstd)}
        $order
        # The statistics depend on all of the inputs, which takes {"two directions" if centred else "one direction"} out of the gradient
        $slopes
        $add
        wp.tile_store(grad_inputs, dx, {at})
        $params
        """,
        statistics=statistics,
        order="\n".join(filter(None, order)),
        slopes=slopes,
        add=add,
        params=params,
    )
    if kind == "batch":
        d.text = d.text.replace("TOKENS", "SAMPLES")
        d.prelude = [text.replace("TOKENS", "SAMPLES") for text in d.prelude]
    slope_ = {"none": "dy", "one plus": "(1 + g) dy"}.get(gains, "g dy")
    means = f" - mean({slope_})" if centred else ""
    d.explain(
        f"dx = {rstd} ({slope_}{means} - x_hat mean({slope_} x_hat)){' over the samples of a block' if axis == 0 else ''}"
        f"{', dy being the gradient at the input of the SiLU' if act else ''}."
    )

    def reference(v: Values) -> Mapping[str, Any]:
        x = v.inputs.reshape(blocks, rows, width)
        dy = v.upstream.reshape(x.shape)
        ax = 1 if axis == 0 else 2
        keep = (blocks, 1, width) if axis == 0 else (blocks, rows, 1)
        g_ = 0.0 if gains == "none" else v.gain
        g_ = g_ + (1.0 if gains != "one for each feature" else 0.0)
        if stored == "stored":
            m = v.means.reshape(keep) if centred else 0.0
            h = (x - m) * v[rstds].reshape(keep)
            r = v[rstds].reshape(keep)
        else:
            m = x.mean(ax, keepdims=True) if centred else 0.0
            r = 1 / np.sqrt(((x - m) ** 2).mean(ax, keepdims=True) + v.eps)
            h = (x - m) * r
        if act:
            s = 1 / (1 + np.exp(-h * g_))
            dy = dy * s * (1 + h * g_ * (1 - s))
        w = dy * g_
        dx = w - h * (w * h).mean(ax, keepdims=True) - (w.mean(ax, keepdims=True) if centred else 0.0)
        found = {"grad_inputs": (dx * r).reshape(total, width) + (v.residual_grad if residual else 0.0)}
        if parameters != "none":
            parts = {"grad_gain": (dy * h).sum(1)} | ({"grad_bias": dy.sum(1)} if bias else {})
            found |= {k: p.sum(0) if parameters == "atomic" else p for k, p in parts.items()}
        return found

    d.check(reference, 2e-3)
