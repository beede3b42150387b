"""Keys and values that are kept for later tokens."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.neural import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


def _angles(scaling: str) -> str:
    """The frequency of a pair of features, as lines of a function."""
    plain = "inv_freq = wp.pow(base, -2.0 * float(pair) / float(rotary_dim))"
    return {
        "none": f"{plain}\nreturn position * inv_freq",
        "linear": f"{plain}\n# Position interpolation\nreturn position / context_scale * inv_freq",
        "ntk": (
            "# NTK-aware scaling: low frequencies are slowed down more\n"
            "exponent = float(rotary_dim) / float(rotary_dim - 2)\n"
            "new_base = base * wp.pow(context_scale, exponent)\n"
            "return position * wp.pow(new_base, -2.0 * float(pair) / float(rotary_dim))"
        ),
        "yarn": (
            f"{plain}\n"
            "# YaRN ramp: keep high frequencies, interpolate low frequencies\n"
            "ramp = wp.clamp((float(pair) - ramp_start) / (ramp_end - ramp_start), 0.0, 1.0)\n"
            "return position * inv_freq * (1.0 - ramp + ramp / context_scale)"
        ),
    }[scaling]


@DOMAIN.algorithm(
    source="Su et al. 2021 (RoFormer); Ainslie et al. 2023 (grouped queries); Kwon et al. 2023 (paged cache)",
    names={
        "rotary_into_cache": "rope_and_cache|append_kv_cache|write_rotary_kv",
        "slot_mapping": "slot_ids|cache_slots|token_slots",
        "positions": "token_pos|pos_ids|position_ids",
        "slot": "cache_slot|slot_id",
        "head": "h|head_idx",
        "base": "theta_base|rope_theta|freq_base",
    },
    element="token",
    weight=5,
)
def rotary_into_cache(d: Draft) -> None:
    """Applies rotary embeddings to queries and keys and appends keys and values to a paged cache."""
    style = d.option("style", "interleaved", "half split")
    scaling = d.option("scaling", "none", "linear", "ntk", "yarn")
    cache = d.option("cache", "paged", "slots", "ring")
    where = {"paged": "a paged cache", "slots": "cache slots", "ring": "a ring buffer"}[cache]
    part = d.option("rotated", "all", "part")
    pairs = "queries and keys" if part == "all" else "the first half of each query and key"
    context = ", scaled for a longer context," if scaling != "none" else ""
    d.says(f"Applies rotary embeddings to {pairs}{context} and writes keys and values to {where}.")
    grouped = d.option("heads", "grouped", "one key head")
    tokens, heads, width = d.pick(6, 8), d.pick(4, 6), 8
    kv_heads = 2 if grouped == "grouped" else 1
    block, blocks = 4, d.pick(4, 5)
    rotary = width if part == "all" else width // 2
    d.input(
        "query", "float", (tokens, heads, width), -1.0, 1.0, about="shape (num_tokens, num_heads, head_dim)"
    )
    d.input(
        "key",
        "float",
        (tokens, kv_heads, width),
        -1.0,
        1.0,
        about="shape (num_tokens, num_kv_heads, head_dim)",
    )
    d.input("value", "float", (tokens, kv_heads, width), -1.0, 1.0, about="same shape as the keys")
    if cache == "ring":  # consecutive tokens of one sequence, as no two may meet in a slot
        d.param("start", "int", 10, 60, about="position of the first token in the batch")
        d.param("window", "int", block * blocks, about="ring buffer length in tokens")
    else:
        d.input("positions", "int", tokens, 0, 30, about="token position within its sequence")
        d.input("slot_mapping", "int", tokens, 0, tokens, kind="permutation", about="cache slot per token")
    d.param("base", "float", 1000.0, 10000.0, about="rotary frequency base, e.g. 10000")
    if scaling != "none":
        d.param("context_scale", "float", 1.5, 4.0, about="ratio of extended to trained context length")
    if scaling == "yarn":
        d.param("ramp_start", "float", 0.25, 0.75, about="pair index where interpolation starts")
        d.param("ramp_end", "float", 1.5, 2.5, about="pair index where interpolation is complete")
    if cache == "paged":
        d.module(f"BLOCK_SIZE = wp.constant({block})")
    d.output("query_out", "float", (tokens, heads, width), about="rotated queries")
    if cache == "paged":
        shape: Any = (blocks, kv_heads, block, width)
        at = "page, kv_head, place, {0}"
        about = "shape (num_blocks, num_kv_heads, block_size, head_dim)"
    else:
        shape = (kv_heads, block * blocks, width)
        at = "kv_head, slot, {0}"
        about = "shape (num_kv_heads, num_slots, head_dim)"
    d.output("key_cache", "float", shape, about=about)
    d.output("value_cache", "float", shape, about="same shape as the key cache")
    extra = {"none": "", "yarn": ", context_scale: float, ramp_start: float, ramp_end: float"}.get(
        scaling, ", context_scale: float"
    )
    d.function(
        f"""
        @wp.func
        def rotary_angle(pair: int, rotary_dim: int, position: float, base: float{extra}) -> float:
            \"\"\"Return the rotation angle for a feature pair.\"\"\"
            $angle
        """,
        angle=_angles(scaling),
    )
    d.function("""
        @wp.func
        def rotate_pair(x0: float, x1: float, angle_rad: float) -> wp.vec2:
            c = wp.cos(angle_rad)
            s = wp.sin(angle_rad)
            return wp.vec2(x0 * c - x1 * s, x1 * c + x0 * s)
    """)
    pair_at = (
        "i0 = 2 * pair\n    i1 = i0 + 1" if style == "interleaved" else "i0 = pair\n    i1 = pair + half_dim"
    )
    pair_at = pair_at.replace("\n    ", "\n")
    given = {"none": "", "yarn": ", context_scale, ramp_start, ramp_end"}.get(scaling, ", context_scale")
    copy = "for i in range(rotary_dim, head_dim):\n    {0} = {1}[token, {2}, i]"
    where = {
        "paged": "page = slot // BLOCK_SIZE\nplace = slot - page * BLOCK_SIZE",
        "slots": "",
        "ring": "",
    }[cache]
    slot = (
        "# Ring buffer: new entries overwrite the oldest\nslot = (start + token) % window"
        if cache == "ring"
        else "slot = slot_mapping[token]"
    )
    turned = "head_dim" if part == "all" else "rotary_dim"
    d.launch(tokens, heads)
    d.code(
        f"""
        token, head = wp.tid()
        head_dim = query.shape[2]
        {"" if part == "all" else "# Partial rotary: rotate only the first half of the features"}
        {"" if part == "all" else "rotary_dim = head_dim // 2"}
        half_dim = {turned} // 2
        position = float({"start + token" if cache == "ring" else "positions[token]"})
        for pair in range(half_dim):
            $pair_at
            angle_rad = rotary_angle(pair, {turned}, position, base{given})
            rotated = rotate_pair(query[token, head, i0], query[token, head, i1], angle_rad)
            query_out[token, head, i0] = rotated[0]
            query_out[token, head, i1] = rotated[1]
        $copy_q
        # {"Query heads in a group" if grouped == "grouped" else "All query heads"} share one key head, so only the first head writes it
        group_size = query.shape[1] // key.shape[1]
        if head % group_size != 0:
            return
        kv_head = head // group_size
        $slot
        $where
        for pair in range(half_dim):
            $pair_at
            angle_rad = rotary_angle(pair, {turned}, position, base{given})
            rotated = rotate_pair(key[token, kv_head, i0], key[token, kv_head, i1], angle_rad)
            key_cache[{at.format("i0")}] = rotated[0]
            key_cache[{at.format("i1")}] = rotated[1]
        $copy_k
        # No rotation for values
        for i in range(head_dim):
            value_cache[{at.format("i")}] = value[token, kv_head, i]
        """.replace("\n        \n", "\n"),
        pair_at=pair_at,
        copy_q="" if part == "all" else copy.format("query_out[token, head, i]", "query", "head"),
        copy_k="" if part == "all" else copy.format(f"key_cache[{at.format('i')}]", "key", "kv_head"),
        slot=slot,
        where=where,
    )
    d.explain(
        {
            "none": "Feature pairs are rotated by position * base^(-2 i / d).",
            "linear": "Feature pairs are rotated by position / s * base^(-2 i / d), s = `context_scale`.",
            "ntk": "Feature pairs are rotated by position * (base s^(d / (d - 2)))^(-2 i / d), s = `context_scale`.",
            "yarn": "Feature pairs are rotated by position * base^(-2 i / d), low frequencies `context_scale`\n"
            "times more slowly.",
        }[scaling].removesuffix(".")
        + (
            "; d is `head_dim`."
            if part == "all"
            else ". Only the first half of each head is rotated, and d is its length."
        )
        + (f"\nEach cache block holds {block} tokens." if cache == "paged" else "")
    )

    def reference(v: Values) -> dict[str, Any]:
        pair = np.arange(rotary // 2)
        place = np.arange(tokens) + v.start if cache == "ring" else v.positions
        p = place[:, None].astype(float)
        freq = v.base ** (-2 * pair / rotary)
        if scaling == "linear":
            freq = freq / v.context_scale
        elif scaling == "ntk":
            freq = (v.base * v.context_scale ** (rotary / (rotary - 2))) ** (-2 * pair / rotary)
        elif scaling == "yarn":
            ramp = np.clip((pair - v.ramp_start) / (v.ramp_end - v.ramp_start), 0, 1)
            freq = freq * (1 - ramp + ramp / v.context_scale)
        spin = np.exp(1j * p * freq)[:, None]
        first = pair * 2 if style == "interleaved" else pair
        second = first + (1 if style == "interleaved" else rotary // 2)

        def rotate(x: Any) -> Any:
            z = (x[..., first] + 1j * x[..., second]) * spin
            y = x.copy()
            y[..., first], y[..., second] = z.real, z.imag
            return y

        keys = rotate(v.key)
        found = {"query_out": rotate(v.query), "key_cache": np.zeros(shape), "value_cache": np.zeros(shape)}
        for t in range(tokens):
            slot_ = place[t] % v.window if cache == "ring" else v.slot_mapping[t]
            for name, what in (("key_cache", keys), ("value_cache", v.value)):
                if cache == "paged":
                    found[name][slot_ // block, :, slot_ % block] = what[t]
                else:
                    found[name][:, slot_] = what[t]
        return found

    d.check(reference, 1e-3)
