"""Encodings of positions in a sequence."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.neural import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source=(
        "Su et al. 2021 (RoFormer), eq. 34; Vaswani et al. 2017, section 3.5; Chen et al. 2023 "
        "(interpolation)"
    ),
    names={
        "rotary_embedding": "encode_positions|positional_encoding|add_positions",
        "x": "hidden|features|x_in",
        "y": "x_out|encoded|out_features",
        "angle": "theta|phase|phi",
        "base": "theta_base|rope_base|freq_base",
        "half": "half_dim|num_pairs",
    },
    double=True,
    element="token",
)
def rotary_embedding(d: Draft) -> None:
    """Applies rotary or sinusoidal position encodings."""
    kind = d.option("kind", "rotary", "sinusoidal")
    d.calls({
        "rotary": "rotary_embedding|apply_rope|rotate_features|rope_forward",
        "sinusoidal": "positional_encoding|add_positions|sinusoidal_encoding|encode_positions",
    }[kind])  # fmt: skip
    pairing = d.option("pairing", "halves", "interleaved")
    positions = d.option("positions", "index", "array", "offset")
    angles = d.option("angles", "computed", "table")
    stretch = d.flag("stretch", 0.25)
    inverse = kind == "rotary" and d.flag("inverse", 0.2)
    seq, width = d.pick(12, 16, 24), d.pick(8, 12, 16)
    half = width // 2
    d.input(
        "x",
        "float",
        (seq, width),
        -1.0,
        1.0,
        about="queries or keys" if kind == "rotary" else "token embeddings",
    )
    d.param("head_dim" if kind == "rotary" else "model_dim", "int", width, about="feature width")
    if positions == "array":
        d.input("position", "int", seq, 0, 40, about="position of each token")
    elif positions == "offset":
        d.param("start", "int", 1, 20, about="position of the first token")
    if angles == "table":
        d.input(
            "inv_freq", "float", half, 0.05, 1.0, about="rotation angle per position for each feature pair"
        )
    else:
        d.param("base", "float", 100.0, 10000.0, about="frequency base, e.g. 10000")
    if stretch:
        d.param("stretch", "float", 1.5, 4.0, about="context length ratio")
    d.output(
        "y",
        "float",
        (seq, width),
        about="rotated features" if kind == "rotary" else "embeddings with position encodings added",
    )
    dim = "head_dim" if kind == "rotary" else "model_dim"
    where = {"index": "float(i)", "array": "float(position[i])", "offset": "float(start + i)"}[positions]
    if stretch:
        where = f"{where} / stretch"
    frequency = "inv_freq[p]" if angles == "table" else f"wp.pow(base, -2.0 * float(p) / float({dim}))"
    a, b = ("p", "p + half") if pairing == "halves" else ("2 * p", "2 * p + 1")
    where_told = " at interpolated positions" if stretch else ""
    if kind == "rotary":
        first, second = ("+", "-") if inverse else ("-", "+")
        body = f"""
        u = x[i, {a}]
        v = x[i, {b}]
        y[i, {a}] = u * c {first} v * s
        y[i, {b}] = v * c {second} u * s
        """
        d.says(f"Applies rotary position embeddings to feature pairs{where_told}.")
        if inverse:
            d.says(f"Applies the inverse rotary position embedding to feature pairs{where_told}.")
            d.calls("rope_backward|unrotate_features|inverse_rope")
    else:
        body = f"y[i, {a}] = x[i, {a}] + s\ny[i, {b}] = x[i, {b}] + c"
        d.says(f"Adds sinusoidal position encodings to the features{where_told}.")
    d.launch(seq, half)
    d.code(
        """
        i, p = wp.tid()
        $half
        angle = $where * $frequency
        c = wp.cos(angle)
        s = wp.sin(angle)
        $body
        """,
        half=f"half = {dim} // 2" if pairing == "halves" else "",
        where=where,
        frequency=frequency,
        body=body,
    )

    def reference(v: Values) -> dict[str, Any]:
        at = (
            np.arange(seq)
            if positions == "index"
            else v.position
            if positions == "array"
            else v.start + np.arange(seq)
        )
        f = v.inv_freq if angles == "table" else v.base ** (-2 * np.arange(half) / width)
        angle = at[:, None] / (v.stretch if stretch else 1.0) * f
        one, two = (
            (slice(0, half), slice(half, None))
            if pairing == "halves"
            else (slice(0, None, 2), slice(1, None, 2))
        )
        y = v.x.copy()
        if kind == "rotary":
            z = (v.x[:, one] + 1j * v.x[:, two]) * np.exp((-1j if inverse else 1j) * angle)
            y[:, one], y[:, two] = z.real, z.imag
        else:
            y[:, one] += np.sin(angle)
            y[:, two] += np.cos(angle)
        return {"y": y}

    d.check(reference, 5e-4)
