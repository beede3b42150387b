"""Neural networks: recurrent cells, encodings of positions, embeddings."""

from __future__ import annotations

from warpgen.synthesis.categories.neural import CATEGORY
from warpgen.synthesis.categories.neural.layers import sigmoid
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import I32, mat, vec
from warpgen.synthesis.language.values import Value


@CATEGORY.motif()
def recurrent_cell(k: Kit) -> None:
    """One step of a recurrent cell."""
    n = k.rng.choice((2, 3, 4))
    scalar = k.rng.chance(0.35)
    t = k.real if scalar else vec(n, k.real)
    x, h = k.input("x|x_t|inp", t, -1.0, 1.0), k.input("h|h_prev|hidden", t, -1.0, 1.0)
    kind = k.rng.choice(("gru", "lstm", "elman", "minimal"))

    def weight(names: str) -> Value:
        return k.param(names, k.real if scalar else mat(n, n, k.real), -0.8, 0.8)

    def squash(v: Value, f: str) -> Value:
        v = k.define(f"{f}_pre|pre_{f}|a_{f}", v)
        if scalar:
            return k.wp.tanh(v) if f in ("cand", "g") else sigmoid(k, v)
        return k.make(t, *(k.wp.tanh(v[c]) if f in ("cand", "g") else sigmoid(k, v[c]) for c in range(n)))

    def times(a: Value, b: Value) -> Value:
        return a * b if scalar else k.wp.cw_mul(a, b)

    wx, wh = weight("w_x|W_in|w_ih"), weight("w_h|W_rec|w_hh")
    mixed = k.let("mixed|drive|xh", wx * x + wh * h if scalar else wx @ x + wh @ h)
    if kind == "elman":
        k.give("h_new|h|hidden", squash(mixed, "cand"))
        return
    gate = k.define("z|gate|update_gate", squash(mixed, "z"))
    wc = weight("w_c|W_cand|w_n")
    one = k.lit(1.0) if scalar else k.make(t, *[1.0] * n)
    if kind == "lstm":
        c = k.input("c|c_prev|cell_state", t, -2.0, 2.0)
        g = k.define("g|cand|cell_in", squash(wc * x - wh * h if scalar else wc @ x - wh @ h, "g"))
        o = k.define("o|out_gate", squash(wc * h + wx * x if scalar else wc @ h + wx @ x, "o"))
        c_new = k.define("c_new|cell", times(one - gate, c) + times(gate, g))
        tanh_c = k.wp.tanh(c_new) if scalar else k.make(t, *(k.wp.tanh(c_new[a]) for a in range(n)))
        k.give("c_new|c|cell_state", c_new)
        k.give("h_new|h|hidden", times(o, tanh_c))
        return
    reset = h
    if kind == "gru":
        r = k.define("r|reset", squash(wc * x + wh * h if scalar else wc @ x + wh @ h, "r"))
        reset = k.let("rh|gated", times(r, h))
    cand = k.define(
        "cand|n_t|h_tilde", squash(wx * x + wc * reset if scalar else wx @ x + wc @ reset, "cand")
    )
    k.give("h_new|h|hidden", times(one - gate, h) + times(gate, cand))


@CATEGORY.motif()
def positional_encoding(k: Kit) -> None:
    """Sine and cosine features of a coordinate."""
    bands = k.rng.choice((2, 3, 4, 6))
    x = k.input("x|coord|position_in|t", k.real, -1.0, 1.0)
    kind = k.rng.choice(("sum", "store", "vector", "rotary"))
    if kind == "rotary":
        v = k.input("v|pair|q_pair", k.vec2, -1.0, 1.0)
        freq = k.param("freq|theta|base_freq", k.real, 0.1, 3.0)
        c, s = k.define("c|cs", k.wp.cos(freq * x)), k.define("s|sn", k.wp.sin(freq * x))
        k.give("rotated|rope", k.make(k.vec2, c * v[0] - s * v[1], s * v[0] + c * v[1]))
        return
    if kind == "vector":
        k.give(
            "encoding|features",
            k.make(k.vec4, k.wp.sin(x), k.wp.cos(x), k.wp.sin(2.0 * x), k.wp.cos(2.0 * x)),
        )
        return
    freq = k.var("freq|f|omega", 1.0, k.real, lo=1.0, hi=64.0)
    w = k.array("band_weights|coeffs|amps", k.real, lo=-1.0, hi=1.0)
    acc = k.var("acc|enc|signal_sum", 0.0, k.real, lo=-12.0, hi=12.0)
    out = k.output("encoding|embeddings_out|fourier", k.real) if kind == "store" else None
    base = k.let("base|o|start", k.flat * (2 * bands)) if out is not None else None
    with k.for_("b|band|octave", bands) as b:
        s, c = k.define("s|sn|si", k.wp.sin(freq * x)), k.define("c|cs|co", k.wp.cos(freq * x))
        if out is not None and base is not None:
            k.store(out, base + 2 * b, s)
            k.store(out, base + 2 * b + 1, c)
        else:
            k.add(acc, w[b] * (s + c) if k.rng.chance(0.5) else w[b] * s * c)
        k.change(freq, "*", 2.0)
    if out is None:
        k.give("encoded|enc|feature", acc)


@CATEGORY.motif(rank=1)
def embedding(k: Kit) -> None:
    """Look up and combine embedding vectors."""
    size, m = k.rng.choice((16, 32, 64)), k.rng.choice((2, 3, 4))
    t = k.rng.choice((k.vec3, k.vec4, k.vec2))
    table = k.array("embedding_table|embeddings|codebook|vocab", t, lo=-1.0, hi=1.0)
    tokens = k.array("tokens|token_ids|input_ids", I32, 2, lo=0, hi=size - 1)
    kind = k.rng.choice(("bag", "mean", "position", "score", "max"))
    i = k.flat
    if kind == "score":
        a, b = k.define("a|left_vec|u", table[tokens[i, 0]]), k.define("b|right_vec|v", table[tokens[i, 1]])
        k.give("similarity|score", k.wp.dot(a, b) / (k.wp.length(a) * k.wp.length(b) + 0.05))
        return
    acc = k.var("acc|pooled|bag", k.zero(t), t, lo=-8.0, hi=8.0)
    positions = (
        k.array("position_table|pos_embed|pos_enc", t, lo=-0.5, hi=0.5) if kind == "position" else None
    )
    with k.for_("s|p|q", m) as s:
        e = k.let("e|emb|row_vec", table[tokens[i, s]])
        if kind == "max":
            k.set(acc, k.wp.max(acc, e))
        else:
            k.add(acc, e + positions[s] if positions is not None else e)
    k.give("pooled|encoded|embedding", acc / float(m) if kind == "mean" else acc)
