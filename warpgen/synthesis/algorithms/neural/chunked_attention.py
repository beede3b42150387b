"""Attention whose memory is a matrix, worked through in chunks of the sequence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.neural import DOMAIN
from warpgen.synthesis.library.tile_forms import per_row, places
from warpgen.synthesis.writing.draft import Draft, Values, dedented

_FEATURES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "none": ("", lambda x: x),
    "elu": ("wp.where(x > 0.0, x + 1.0, wp.exp(x))", lambda x: np.where(x > 0, x + 1, np.exp(np.minimum(x, 0)))),
    "exponential": ("wp.exp(x)", np.exp),
    "silu": ("x / (1.0 + wp.exp(-x))", lambda x: x / (1 + np.exp(-x))),
}  # fmt: skip


@DOMAIN.algorithm(
    source="Katharopoulos et al. 2020 (linear attention); Sun et al. 2023, sec. 2 (RetNet); Yang et al. 2024 (chunks); Dao & Gu 2024",
    names={
        "chunked_memory": "linear_attention_chunks|chunked_attention|chunkwise_attention|recurrent_attention",
        "memory": "state|kv_state|s_mat",
        "inside": "intra|local_part|within",
        "across": "inter|carried|past_part",
        "scores": "attn|qk|weights",
        "head": "h|head_idx|stream",
        "CHUNK": "BLOCK|C|CHUNK_SIZE",
        "KEY_DIM": "DK|HEAD_DIM|WIDTH",
        "VALUE_DIM": "DV|OUT_DIM|V_WIDTH",
    },
    adjoint="yes",
    weight=8,
)
def chunked_memory(d: Draft) -> None:
    """Computes chunked causal linear attention using a recurrent state matrix."""
    feature = d.option("features", *_FEATURES)
    decay = d.option("decay", "none", "retention", "param")
    d.calls("linear_attention_chunks|chunked_attention|chunkwise_attention|chunked_linear_attention")
    if decay == "retention":
        plain = feature == "none"  # Retention has no feature map
        d.calls(
            "retention|chunkwise_retention|retention_chunks"
            if plain
            else "decayed_linear_attention|fading_attention|linear_attention_with_decay"
        )
    normal = d.option("normalized", "no", "sum of weights", "group norm")
    gated = d.flag("gated", 0.35)
    started = d.flag("initial memory", 0.35)
    result = d.option("result", "out", "out and memory")
    shared = d.flag("shared keys", 0.3)
    if normal == "sum of weights" and feature not in ("elu", "exponential"):
        normal = "no"  # weights of both signs have sums near zero
    started = started and normal != "sum of weights"  # the sum behind a given memory is not known
    heads, chunk, chunks = d.pick(2, 3), d.pick(4, 6), d.pick(2, 3)
    wide, out = d.pick(3, 4), d.pick(3, 4, 5)
    n, groups = chunk * chunks, 1 if shared else heads
    d.module(f"CHUNK = wp.constant({chunk})\nKEY_DIM = wp.constant({wide})\nVALUE_DIM = wp.constant({out})")
    d.module(f"CHUNKS = wp.constant({chunks})")
    d.input("queries", "float", (heads, n, wide), -1.0, 1.0, about="shape (num_heads, seq_len, key_dim)")
    d.input("keys", "float", (groups, n, wide) if not shared else (n, wide), -1.0, 1.0, about="keys")
    d.input("values", "float", (heads, n, out), -1.0, 1.0, about="shape (num_heads, seq_len, value_dim)")
    if gated:
        d.input("gates", "float", (heads, n, out), -2.0, 2.0, about="output gates before the SiLU")
    if started:
        d.input("first_memory", "float", (heads, wide, out), -0.5, 0.5, about="initial state matrix per head")
    if decay == "param":
        d.param("gamma", "float", 0.7, 0.95, about="per-step state decay")
    if normal == "group norm":
        d.param("eps", "float", 1e-5, 1e-3, about="added to the variance for numerical stability")
    d.output("out", "float", (heads, n, out), about="shape (num_heads, seq_len, value_dim)")
    if result == "out and memory":
        d.output("memories", "float", (heads, wide, out), about="final state matrix per head")
    fading = decay != "none"
    formula, numpy = _FEATURES[feature]
    both = gated and feature == "silu"
    mapped, gate_of = ("silu", "silu") if both else ("feature", "silu_gate")
    if both:
        d.function(f"@wp.func\ndef silu(x: float) -> float:\n    return {formula}")
    elif formula:
        d.function(f'''
            @wp.func
            def feature(x: float) -> float:
                """Elementwise feature map for queries and keys."""
                return {formula}
        ''')
    head, mask = (", gamma: float", "wp.pow(gamma, float(row - col))") if fading else ("", "1.0")
    d.function(f'''
        @wp.func
        def causal(score: float, row: int, col: int{head}) -> float:
            """Masks scores for future keys in the chunk{" and decays past scores" if fading else ""}."""
            if col > row:
                return 0.0
            return score{f" * {mask}" if fading else ""}
    ''')
    if fading:
        d.function("""
            @wp.func
            def decayed(x: float, steps: int, gamma: float) -> float:
                return x * wp.pow(gamma, float(steps))
        """)
    if gated and not both:
        d.function("@wp.func\ndef silu_gate(x: float) -> float:\n    return x / (1.0 + wp.exp(-x))")
    if normal == "group norm":
        d.function("""
            @wp.func
            def inverse_root(variance: float, eps: float) -> float:
                return 1.0 / wp.sqrt(variance + eps)
        """)
    elif normal == "sum of weights":
        d.function("""
            @wp.func
            def inverse(mass: float) -> float:
                return 1.0 / (mass + 1.0e-6)
        """)

    def loaded(name: str, array: str) -> str:
        where = f"{array}[head]" if array == "queries" or not shared else array
        text = f"wp.tile_load({where}, shape=(CHUNK, KEY_DIM), offset=(c * CHUNK, 0))"
        return f"{name} = wp.tile_map({mapped}, {text})" if formula else f"{name} = {text}"

    gamma = ", gamma" if fading else ""
    memory = (
        "memory = wp.tile_load(first_memory[head], shape=(KEY_DIM, VALUE_DIM))"
        if started
        else "memory = wp.tile_zeros(shape=(KEY_DIM, VALUE_DIM), dtype=float)"
    )
    if normal == "sum of weights":
        memory += "\nkey_sum = wp.tile_zeros(shape=(KEY_DIM, 1), dtype=float)"
    across = "across = wp.tile_matmul(q, memory)"
    update = "memory = memory + wp.tile_matmul(k_t, v)"
    sums = "key_sum = key_sum + wp.tile_reshape(wp.tile_sum(k, axis=0), shape=(KEY_DIM, 1))"
    if fading:
        across = (
            f"# Decay of the carried state since the previous chunk\n"
            f"q_decayed = wp.tile_map(decayed, q, {per_row('age', 'CHUNK', 'KEY_DIM')}, gamma)\n"
            "across = wp.tile_matmul(q_decayed, memory)"
        )
        update = (
            f"k_decayed = wp.tile_map(decayed, k, {per_row('steps_left', 'CHUNK', 'KEY_DIM')}, gamma)\n"
            "memory = chunk_decay * memory + wp.tile_matmul(wp.tile_transpose(k_decayed), v)"
        )
        sums = "key_sum = chunk_decay * key_sum + wp.tile_reshape(wp.tile_sum(k_decayed, axis=0), shape=(KEY_DIM, 1))"
    q_seen = "q_decayed" if fading else "q"
    norm = {
        "no": "",
        "sum of weights": f"""
            mass = wp.tile_sum(scores, axis=1) + wp.tile_squeeze(wp.tile_matmul({q_seen}, key_sum))
            share = wp.tile_map(inverse, mass)
            normed = mixed * {per_row("share", "CHUNK", "VALUE_DIM")}
        """,
        "group norm": f"""
            # Normalize per step and head, since there is no softmax to bound the scale
            mean = wp.tile_sum(mixed, axis=1) / float(VALUE_DIM)
            centered = mixed - {per_row("mean", "CHUNK", "VALUE_DIM")}
            variance = wp.tile_sum(centered * centered, axis=1) / float(VALUE_DIM)
            inv_std = wp.tile_map(inverse_root, variance, eps)
            normed = centered * {per_row("inv_std", "CHUNK", "VALUE_DIM")}
        """,
    }[normal]
    y = "normed" if norm else "mixed"
    load_gate = "gate = wp.tile_load(gates[head], shape=(CHUNK, VALUE_DIM), offset=(c * CHUNK, 0))\n"
    store = f"wp.tile_store(out[head], {y}, offset=(c * CHUNK, 0))"
    if gated:
        store = (
            f"{load_gate}wp.tile_store(out[head], {y} * wp.tile_map({gate_of}, gate), offset=(c * CHUNK, 0))"
        )
    ages = ""
    if fading:
        ages = (
            (
                "# Per-head decay rates\ngamma = 1.0 - wp.pow(2.0, -5.0 - float(head))\n"
                if decay == "retention"
                else ""
            )
            + "chunk_decay = wp.pow(gamma, float(CHUNK))\n"
            "age = wp.tile_arange(1, wp.static(CHUNK + 1), dtype=int)\n"
            "steps_left = wp.tile_arange(wp.static(CHUNK - 1), -1, -1, dtype=int)"
        )
    d.launch(heads, tiled=True)
    d.code(
        f"""
        head = wp.tid()
        {places("CHUNK", "CHUNK").replace(chr(10), chr(10) + "        ")}
        $ages
        $memory
        for c in range(CHUNKS):
            {loaded("q", "queries")}
            {loaded("k", "keys")}
            k_t = wp.tile_transpose(k)
            v = wp.tile_load(values[head], shape=(CHUNK, VALUE_DIM), offset=(c * CHUNK, 0))
            scores = wp.tile_map(causal, wp.tile_matmul(q, k_t), row_id, col_id{gamma})
            $across
            mixed = wp.tile_matmul(scores, v) + across
            $norm
            $store
            $update
            $sums
        $end
        """,
        ages=ages,
        memory=memory,
        across=across,
        norm=dedented(norm),
        store=store,
        update=update,
        sums=sums if normal == "sum of weights" else "",
        end="wp.tile_store(memories[head], memory)" if result == "out and memory" else "",
    )
    made = {
        "no": [],
        "sum of weights": ["normalized by the weight sums"],
        "group norm": ["group-normalized"],
    }[normal]
    made = made + ["gated"] * gated
    ends = f"; outputs are {' and '.join(made)}" if made else ""
    d.says(
        f"Computes chunked causal linear attention using a {'decaying' if fading else 'running'} state{ends}."
    )
    d.explain(
        f"o_t = q_t S_t with S_t = {'gamma S_t-1' if fading else 'S_t-1'} + k_t^T v_t. Within a chunk this is a masked product, so only\n"
        "the state S is carried between chunks."
        + (" Here q and k are the mapped features." if formula else "")
        + {
            "no": "",
            "sum of weights": "\nEach output is divided by its total weight.",
            "group norm": "\nOutputs are normalized over the head features.",
        }[normal]
        + ("\nThe result is multiplied by a SiLU gate." if gated else "")
    )

    def reference(v: Values) -> Mapping[str, Any]:
        q = numpy(v.queries)
        k = numpy(np.broadcast_to(v["keys"], (heads, n, wide)))
        g = {"none": np.ones(heads), "retention": 1 - 2.0 ** (-5 - np.arange(heads)),
             "param": np.full(heads, v.get("gamma"))}[decay].astype(float)  # fmt: skip
        s = v.first_memory.copy() if started else np.zeros((heads, wide, out))
        z = np.zeros((heads, wide))
        y = np.zeros((heads, n, out))
        for t in range(n):
            s = g[:, None, None] * s + k[:, t, :, None] * v["values"][:, t, None]
            z = g[:, None] * z + k[:, t]
            y[:, t] = np.einsum("hk,hkv->hv", q[:, t], s)
            if normal == "sum of weights":
                y[:, t] /= (q[:, t] * z).sum(1, keepdims=True) + 1e-6
        if normal == "group norm":
            c = y - y.mean(2, keepdims=True)
            y = c / np.sqrt((c**2).mean(2, keepdims=True) + v.eps)
        if gated:
            y = y * v.gates / (1 + np.exp(-v.gates))
        return {"out": y} | ({"memories": s} if result == "out and memory" else {})

    d.check(reference, 2e-3)
