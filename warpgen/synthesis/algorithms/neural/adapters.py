"""Layers beside layers: low-rank adapters and mixtures of experts, in tiles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.neural import DOMAIN
from warpgen.synthesis.library import activations
from warpgen.synthesis.library.tile_forms import per_col, per_row
from warpgen.synthesis.writing.draft import Draft, Values, dedented

_SIZES = {
    "TOKENS": "ROWS|M|N",
    "WIDTH": "D_IN|FEATURES|DIM",
    "block": "tile_id|b|chunk",
}


@DOMAIN.algorithm(
    source="Hu et al. 2022 (LoRA); Liu et al. 2024 (DoRA); Kalajdzievski 2023 (rank-stabilized scale); Zhang et al. 2023 (AdaLoRA)",
    names=_SIZES
    | {
        "adapted_layer": "lora_forward|low_rank_adapter|adapter_linear|dora_layer",
        "inputs": "x|tokens|hidden",
        "weight": "w0|frozen|base_weight",
        "low": "bottleneck|narrow|z",
        "frozen": "base|plain|main_path",
        "OUT": "D_OUT|UNITS|OUT_DIM",
        "RANK": "R|LORA_RANK|NARROW",
    },
    adjoint="yes",
    weight=10,
)
def adapted_layer(d: Draft) -> None:
    """Applies a frozen linear layer with a parallel low-rank adapter."""
    kind = d.option("kind", "plain", "magnitude", "singular values")
    d.calls({
        "plain": "adapted_layer|lora_forward|low_rank_adapter|lora_linear",
        "magnitude": "adapted_layer|dora_layer|dora_forward",
        "singular values": "adapted_layer|low_rank_adapter|adalora_forward|svd_adapter",
    }[kind])  # fmt: skip
    # Singular values already scale each rank
    further = ("per rank",) if kind != "singular values" else ()
    scale = d.option("scale", "alpha over rank", "rank-stabilized", *further)
    merged = d.flag("merged", 0.4) or kind == "magnitude"
    bias = d.flag("bias", 0.4)
    act = d.option("activation", None, *activations.SMOOTH, weights=(4.0, *([1.0] * len(activations.SMOOTH))))
    masked = d.flag("dropout", 0.3) and not merged
    several = d.flag("several adapters", 0.35)
    layer = "a linear layer and activation" if act else "a linear layer"
    if kind == "magnitude":
        d.says(f"Applies {layer} using a low-rank weight update and learned row magnitudes (DoRA).")
    elif merged:
        d.says(f"Applies {layer} using a low-rank adapter merged into the frozen weights.")
    elif act or masked:
        adapter = f"a parallel low-rank adapter{' with dropout' if masked else ''}"
        d.says(
            f"Applies a frozen linear layer{',' if act else ' and'} {adapter}{' and an activation' if act else ''}."
        )
    blocks, rows, width = d.pick(2, 3), d.pick(4, 6), d.pick(6, 8)
    out, rank, sets = d.pick(5, 6), d.pick(2, 3), 3
    d.module(f"TOKENS = wp.constant({rows})\nWIDTH = wp.constant({width})")
    d.module(f"OUT = wp.constant({out})\nRANK = wp.constant({rank})")
    lead = (sets,) if several else ()
    d.input("inputs", "float", (blocks * rows, width), -1.0, 1.0, about="input tokens, one per row")
    d.input("weight", "float", (out, width), -0.5, 0.5, about="frozen weights")
    if bias:
        d.input("bias", "float", out, -0.3, 0.3, about="biases")
    if several:
        d.input("adapter_ids", "int", blocks, 0, sets, about="adapter index per token block")
    d.input("down", "float", (*lead, rank, width), -0.5, 0.5, about="down-projection weights (A)")
    d.input("up", "float", (*lead, out, rank), -0.5, 0.5, about="up-projection weights (B)")
    if kind == "magnitude":
        d.input(
            "magnitudes", "float", (*lead, out), 0.5, 1.5, about="row norms for the adapted weight matrix"
        )
    elif kind == "singular values":
        d.input(
            "values",
            "float",
            (*lead, rank),
            0.1,
            1.0,
            about="singular values of the update, pruned to select the rank",
        )
    if masked:
        d.mask("kept", "int", (blocks * rows, width), about="dropout mask, 0 for dropped inputs")
        d.param("drop_rate", "float", 0.1, 0.3, about="dropout probability")
    if scale == "per rank":
        d.input("gains", "float", rank, 0.5, 2.0, about="per-rank scale")
    else:
        d.param("alpha", "float", 2.0, 8.0, about="adapter scale, usually twice the rank")
    d.output("outputs", "float", (blocks * rows, out), about="layer outputs, one row per token")
    which = "[adapter]" if several else ""
    factor = {
        "alpha over rank": "scale = alpha / float(RANK)",
        "rank-stabilized": "# 1 / sqrt(rank), since gradients vanish with 1 / rank at high ranks\n"
        "scale = alpha / wp.sqrt(float(RANK))",
        "per rank": "gain = wp.tile_load(gains, shape=RANK)",
    }[scale]
    rows_of = []
    a = f"a = wp.tile_load(down{which}, shape=(RANK, WIDTH))"
    if kind == "singular values":
        rows_of.append(f"value = wp.tile_load(values{which}, shape=RANK)")
        rows_of.append(f"a_scaled = a * {per_row('value', 'RANK', 'WIDTH')}")
    now = "a_scaled" if rows_of else "a"
    if scale == "per rank":
        rows_of.append(f"a_gained = {now} * {per_row('gain', 'RANK', 'WIDTH')}")
        now = "a_gained"
    by = "" if scale == "per rank" else "scale * "
    length = ""
    if kind == "magnitude":
        d.function('''
            @wp.func
            def rescale(magnitude: float, sq_norm: float) -> float:
                """Returns the factor that rescales a row to its learned norm."""
                return magnitude / wp.sqrt(sq_norm)
        ''')
        length = f"""
            # Row directions and magnitudes are learned separately
            sq_norm = wp.tile_sum(full * full, axis=1)
            factor = wp.tile_map(rescale, wp.tile_load(magnitudes{which}, shape=OUT), sq_norm)
            full = full * {per_row("factor", "OUT", "WIDTH")}
        """
    if masked:
        d.function("""
            @wp.func
            def dropped(x: float, kept: int, rate: float) -> float:
                return wp.where(kept == 0, 0.0, x / (1.0 - rate))
        """)
    path = {
        True: f"""
            # {"Adapted weights before row rescaling" if kind == "magnitude" else "Merge the adapter into the weights, as for inference"}
            full = wp.tile_load(weight, shape=(OUT, WIDTH)) + {by}wp.tile_matmul(b, {now})
            {dedented(length).replace(chr(10), chr(10) + "            ")}
            y = wp.tile_matmul(x, wp.tile_transpose(full))
        """,
        False: f"""
            frozen = wp.tile_matmul(x, wp.tile_transpose(wp.tile_load(weight, shape=(OUT, WIDTH))))
            $mask
            low = wp.tile_matmul({"x_kept" if masked else "x"}, wp.tile_transpose({now}))
            y = frozen + {by}wp.tile_matmul(low, wp.tile_transpose(b))
        """,
    }[merged]
    mask = (
        "kept_tile = wp.tile_load(kept, shape=(TOKENS, WIDTH), offset=(block * TOKENS, 0))\n"
        "x_kept = wp.tile_map(dropped, x, kept_tile, drop_rate)"
    )
    end = "y"
    if bias:
        end = f"y + {per_col('bias_tile', 'TOKENS', 'OUT')}"
    if act:
        end = f"wp.tile_map({d.use(act.value)}, {end})"
    d.launch(blocks, tiled=True)
    d.code(
        f"""
        block = wp.tid()
        $adapter
        x = wp.tile_load(inputs, shape=(TOKENS, WIDTH), offset=(block * TOKENS, 0))
        {a}
        b = wp.tile_load(up{which}, shape=(OUT, RANK))
        $factor
        $rows_of
        $path
        $bias
        wp.tile_store(outputs, {end}, offset=(block * TOKENS, 0))
        """,
        adapter="# The frozen layer is shared, but each block uses its own adapter\nadapter = adapter_ids[block]"
        if several
        else "",
        factor=factor,
        rows_of="\n".join(rows_of),
        path="\n".join(line for line in dedented(path).split("\n") if line.strip()),
        mask=mask if masked else "",
        bias="bias_tile = wp.tile_load(bias, shape=OUT)" if bias else "",
    )
    product = "B diag(v) A" if kind == "singular values" else "B A"
    update = "B diag(s) A" if scale == "per rank" else f"s {product}"
    y = "x {} + b" if bias else "x {}"
    if act:
        y = f"act({y})"
    why = f"{product} is low-rank, so only a few weights are trained and stored per task."
    if kind == "magnitude":
        d.explain(f"y = {y.format('V^T')}, where V is W + {update} with rescaled rows. {why}")
    else:
        d.explain(f"y = {y.format(f'(W + {update})^T')}. {why}")

    def reference(v: Values) -> Mapping[str, Any]:
        x = v.inputs.reshape(blocks, rows, width)
        chosen = v.adapter_ids if several else np.zeros(blocks, int)

        def own(name: str) -> Any:
            return v[name][chosen] if several else np.broadcast_to(v[name], (blocks, *v[name].shape))

        core = np.ones((blocks, rank))
        core = core * (own("values") if kind == "singular values" else 1.0)
        core = core * {"alpha over rank": lambda: v.alpha / rank, "rank-stabilized": lambda: v.alpha / rank**0.5,
                       "per rank": lambda: v.gains}[scale]()  # fmt: skip
        update = np.einsum("bor,br,brw->bow", own("up"), core, own("down"))
        if kind == "magnitude":
            full = v.weight + update
            full = full * (own("magnitudes") / np.linalg.norm(full, axis=2))[..., None]
            y = np.einsum("btw,bow->bto", x, full)
        else:
            seen = x * (v.kept.reshape(x.shape) != 0) / (1 - v.drop_rate) if masked else x
            y = x @ v.weight.T + np.einsum("btw,bow->bto", seen, update)
        y = (y + (v.bias if bias else 0.0)).reshape(blocks * rows, out)
        return {"outputs": act.value(y) if act else y}

    d.check(reference, 1e-3)


@DOMAIN.algorithm(
    source="Puigcerver et al. 2024 (Soft MoE), alg. 1; Jacobs et al. 1991 (mixtures of experts); Shazeer et al. 2017",
    names=_SIZES
    | {
        "soft_experts": "soft_moe|dispatch_combine|blended_experts|mixture_layer",
        "tokens": "x|inputs|embedded",
        "slot_params": "slot_embed|slot_queries|slot_weights",
        "router": "gate_weights|w_router|routing_weights",
        "logits": "affinity|scores|routing",
        "dispatch": "to_slots|d_weights|scatter_w",
        "combine": "c_weights|mix_weights|combine_w",
        "slots": "slot_inputs|gathered|pooled",
        "EXPERTS": "E|NUM_EXPERTS|BRANCHES",
        "SLOTS": "S|SLOTS_PER_EXPERT|PER_EXPERT",
        "group": "sequence|seq|sample",
    },
    adjoint="yes",
    weight=8,
)
def soft_experts(d: Draft) -> None:
    """Routes tokens through experts using soft dispatch and combine weights."""
    gate = d.option("routing", "soft slots", "dense")
    if gate == "dense":
        d.calls("dense_moe|blend_experts|mixture_layer|mixture_of_experts")
    expert = d.option("expert", "linear", "two layers", "gated")
    normal = d.flag("normalized", 0.4)
    act = d.option("activation", *activations.SMOOTH)
    residual = d.flag("residual", 0.4)
    result = d.option("result", "outputs", "outputs and weights")
    groups, tokens, width, experts = d.pick(2, 3), d.pick(4, 6), d.pick(3, 4), d.pick(2, 3)
    slots = d.pick(1, 2) if gate == "soft slots" else 1
    hidden = d.pick(3, 4)
    total = experts * slots
    d.module(f"TOKENS = wp.constant({tokens})\nWIDTH = wp.constant({width})")
    if gate == "soft slots":
        d.module(f"SLOTS = wp.constant({slots})\nALL_SLOTS = wp.constant({total})")
    d.module(f"EXPERTS = wp.constant({experts})")
    if expert != "linear":
        d.module(f"HIDDEN = wp.constant({hidden})")
    d.input("tokens", "float", (groups, tokens, width), -1.0, 1.0, about="shape (groups, tokens, width)")
    scorer = "slot_params" if gate == "soft slots" else "router"
    sought = (
        "learned slot embeddings, one column per slot"
        if gate == "soft slots"
        else "router weights, one column per expert"
    )
    d.input(scorer, "float", (width, total), -1.0, 1.0, about=sought)
    if normal:
        d.param("sharpness", "float", 1.0, 3.0, about="scale applied to the cosine similarities")
    inner = width if expert == "linear" else hidden
    about = "per-expert weights" if expert == "linear" else "first-layer weights per expert"
    d.input("w_in", "float", (experts, width, inner), -1.0, 1.0, about=about)
    if expert == "gated":
        d.input("w_gate", "float", (experts, width, inner), -1.0, 1.0, about="per-expert gate weights")
    if expert != "linear":
        d.input("w_out", "float", (experts, inner, width), -1.0, 1.0, about="second-layer weights per expert")
    d.output("outputs", "float", (groups, tokens, width), about="output tokens, same shape as the input")
    if result == "outputs and weights":
        origin = "slot" if gate == "soft slots" else "expert"
        d.output(
            "mean_weights", "float", (groups, total), about=f"weight per {origin}, averaged over the tokens"
        )
    d.function("""
        @wp.func
        def shifted_exp(x: float, top: float) -> float:
            return wp.exp(x - top)
    """)
    if normal:
        d.function(
            "@wp.func\ndef inverse_length(square: float) -> float:\n    return 1.0 / wp.sqrt(square + 1.0e-6)"
        )
    T, S, W = "TOKENS", "ALL_SLOTS" if gate == "soft slots" else "EXPERTS", "WIDTH"
    logits = "logits = wp.tile_matmul(x, phi)"
    if normal:
        logits = f"""
            # Cosine similarity does not depend on the model width
            x_inv = wp.tile_map(inverse_length, wp.tile_sum(x * x, axis=1))
            phi_inv = wp.tile_map(inverse_length, wp.tile_sum(phi * phi, axis=0))
            x_unit = x * {per_row("x_inv", T, W)}
            phi_unit = phi * {per_col("phi_inv", W, S)}
            logits = sharpness * wp.tile_matmul(x_unit, phi_unit)
        """

    def softmax(name: str, axis: int, wide: str) -> str:
        spread = wide.format
        return (
            f"{name}_top = wp.tile_reduce(wp.max, logits, axis={axis})\n"
            f"{name}_exp = wp.tile_map(shifted_exp, logits, {spread(f'{name}_top')})\n"
            f"{name}_sum = wp.tile_sum({name}_exp, axis={axis})\n"
            f"{name} = {name}_exp / {spread(f'{name}_sum')}"
        )

    across = f"wp.tile_broadcast({{}}, shape=(TOKENS, {S}))"
    along = f"wp.tile_broadcast(wp.tile_reshape({{}}, shape=(TOKENS, 1)), shape=(TOKENS, {S}))"
    f = d.use(act.value)
    first = f"wp.tile_load(w_in[e], shape=(WIDTH, {'WIDTH' if expert == 'linear' else 'HIDDEN'}))"
    work = {
        "linear": f"y = wp.tile_map({f}, wp.tile_matmul(expert_in, {first}))",
        "two layers": f"inner = wp.tile_map({f}, wp.tile_matmul(expert_in, {first}))\n"
        "y = wp.tile_matmul(inner, wp.tile_load(w_out[e], shape=(HIDDEN, WIDTH)))",
        "gated": f"gate = wp.tile_map({f}, wp.tile_matmul(expert_in, wp.tile_load(w_gate[e], shape=(WIDTH, HIDDEN))))\n"
        f"inner = wp.tile_matmul(expert_in, {first}) * gate\n"
        "y = wp.tile_matmul(inner, wp.tile_load(w_out[e], shape=(HIDDEN, WIDTH)))",
    }[expert]
    if gate == "soft slots":
        loop = """
            slots = wp.tile_matmul(wp.tile_transpose(dispatch), x)
            for e in range(EXPERTS):
                expert_in = wp.tile_view(slots, offset=(e * SLOTS, 0), shape=(SLOTS, WIDTH))
                $work
                share = wp.tile_view(combine, offset=(0, e * SLOTS), shape=(TOKENS, SLOTS))
                mixed = mixed + wp.tile_matmul(share, y)
        """
    else:
        loop = """
            for e in range(EXPERTS):
                $work
                share = wp.tile_view(combine, offset=(0, e), shape=(TOKENS, 1))
                mixed = mixed + y * wp.tile_broadcast(share, shape=(TOKENS, WIDTH))
        """
        work = work.replace("expert_in", "x")
    d.launch(groups, tiled=True)
    d.code(
        f"""
        group = wp.tid()
        x = wp.tile_load(tokens[group], shape=(TOKENS, WIDTH))
        phi = wp.tile_load({scorer}, shape=(WIDTH, {S}))
        $logits
        $dispatch
        $combine
        mixed = {"x" if residual else "wp.tile_zeros(shape=(TOKENS, WIDTH), dtype=float)"}
        $loop
        wp.tile_store(outputs[group], mixed)
        $load
        """,
        logits=dedented(logits),
        dispatch="# Each slot is a convex combination of all tokens\n" + softmax("dispatch", 0, across)
        if gate == "soft slots"
        else "",
        combine="# Each token is a convex combination of all expert outputs\n" + softmax("combine", 1, along),
        loop=dedented(loop),
        work=work,
        load="wp.tile_store(mean_weights[group], wp.tile_sum(combine, axis=0) / float(TOKENS))"
        if result == "outputs and weights"
        else "",
    )
    more = ", adds the residual" if residual else ""
    if result == "outputs and weights":
        told = f"the {'combine' if gate == 'soft slots' else 'gate'} weights"
        more = f"{more} and averages {told}" if residual else f", and averages {told}"
    elif residual:
        more = ", and adds the residual"
    if gate == "soft slots":
        d.says(f"Routes tokens through experts using soft dispatch and combine weights{more}.")
        d.explain("Tokens are never dropped, every expert is used, and the routing is fully differentiable.")
    else:
        d.says(f"Mixes expert outputs for each token using softmax gate weights{more}.")
        d.explain("Every expert processes every token, so the gate always receives a gradient.")

    def reference(v: Values) -> Mapping[str, Any]:
        x, phi = v.tokens, v[scorer]
        s = x @ phi
        if normal:
            s = v.sharpness * s / np.sqrt((x**2).sum(2, keepdims=True) + 1e-6)
            s = s / np.sqrt((phi**2).sum(0) + 1e-6)
        e_ = np.exp(s)
        combine = e_ / e_.sum(2, keepdims=True)
        slots_ = np.einsum("gts,gtw->gsw", e_ / e_.sum(1, keepdims=True), x)
        y = x.copy() if residual else np.zeros_like(x)
        for e in range(experts):
            part = slice(e * slots, (e + 1) * slots)
            mine = slots_[:, part] if gate == "soft slots" else x
            if expert == "linear":
                made = act.value(mine @ v.w_in[e])
            else:
                opened = act.value(mine @ (v.w_gate[e] if expert == "gated" else v.w_in[e]))
                made = (mine @ v.w_in[e] * opened if expert == "gated" else opened) @ v.w_out[e]
            y = y + (combine[:, :, part] @ made if gate == "soft slots" else combine[:, :, part] * made)
        return {"outputs": y} | ({"mean_weights": combine.mean(1)} if result == "outputs and weights" else {})

    d.check(reference, 2e-3)
