"""Optimiser steps on whole matrices of weights, a block of threads for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.tiles import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, dedented

_POLYNOMIALS = {
    "cubic": (1.5, -0.5, 0.0),
    "quintic": (3.4445, -4.775, 2.0315),
    "taylor": (1.875, -1.25, 0.375),
}


@DOMAIN.algorithm(
    source="Jordan et al. 2024 (Muon); Bjorck & Bowie 1971; Higham 2008, sec. 8.3 (Newton-Schulz); Liu et al. 2025",
    names={
        "orthogonal_step": "muon_step|muon_update|orthogonalized_step",
        "gradients": "grads|dw|grad_in",
        "weights": "params|w|theta",
        "momenta": "momentum_buf|velocity|mom",
        "update": "direction|u|step_mat",
        "x": "ortho|polar|iterate",
        "gram": "gram_mat|overlaps|inner",
        "ROWS": "M|OUT_DIM|NUM_ROWS",
        "COLS": "N|IN_DIM|NUM_COLS",
    },
    adjoint="no",
    weight=7,
)
def orthogonal_step(d: Draft) -> None:
    """Applies a Muon optimizer step with momenta orthogonalized using Newton-Schulz iterations."""
    polynomial = d.option("polynomial", *_POLYNOMIALS)
    nesterov = d.flag("nesterov", 0.5)
    decay = d.option("decay", "none", "decoupled", "coupled")
    scale = d.option("scale", "none", "aspect", "match adam")
    tall = d.flag("tall", 0.4)
    result = d.option("result", "weights", "update", "defect", weights=(0.5, 0.25, 0.25))
    if result != "weights" and decay == "decoupled":
        decay = "none"
    norm = d.option("norm", "frobenius", "largest sum")
    if result != "weights":
        d.calls({
            "update": "muon_updates|newton_schulz_update|orthogonalized_momentum",
            "defect": "orthogonality_defect|newton_schulz_defect|measure_orthogonality",
        }[result])  # fmt: skip
    layers, short, long = d.pick(3, 4, 6), d.pick(4, 6), d.pick(6, 8)
    rows, cols = (long, short) if tall else (short, long)
    if scale == "aspect" and rows <= cols:
        scale = "none"
    # A defect of which five iterations leave nothing is rounding alone.
    sweeps = 2 if result == "defect" and polynomial != "quintic" else 5
    a, b, c = _POLYNOMIALS[polynomial]
    shape = (layers, rows, cols)
    d.module(f"ROWS = wp.constant({rows})\nCOLS = wp.constant({cols})")
    d.module(
        f"# Coefficients of the Newton-Schulz polynomial\nNS_A = wp.constant({a})\nNS_B = wp.constant({b})"
        + (f"\nNS_C = wp.constant({c})" if c else "")
    )
    if scale == "match adam" and result != "defect":
        d.module("ADAM_RMS = wp.constant(0.2)")
    d.input("gradients", "float", shape, -1.0, 1.0, about="loss gradients")
    needs_weights = result == "weights" or decay == "coupled"
    if needs_weights:
        role = d.inout if result == "weights" else d.input
        role("weights", "float", shape, -0.5, 0.5, about="layer weights")
    d.inout("momenta", "float", shape, -0.5, 0.5, about="momentum buffers")
    d.param("momentum", "float", 0.9, 0.95, about="momentum coefficient")
    if result == "weights":
        d.param("rate", "float", 0.01, 0.05, about="learning rate")
    if decay != "none":
        d.param("decay", "float", 0.01, 0.1, about="weight decay")
    d.param("sweeps", "int", sweeps, about="number of Newton-Schulz iterations")
    if result == "update":
        d.output("updates", "float", shape, about="orthogonalized updates")
    elif result == "defect":
        d.output("defects", "float", layers, about="Frobenius norm of the Gram matrix minus identity")
    small = "COLS" if tall else "ROWS"
    gram = "wp.tile_matmul(wp.tile_transpose(x), x)" if tall else "wp.tile_matmul(x, wp.tile_transpose(x))"
    apply = "wp.tile_matmul(x, mix)" if tall else "wp.tile_matmul(mix, x)"
    d.function("""
        @wp.func
        def square(value: float) -> float:
            return value * value
    """)
    size = {
        "frobenius": "# The Frobenius norm is an upper bound on the largest singular value\n"
        "norm = wp.sqrt(wp.tile_sum(wp.tile_map(square, update))[0]) + 1.0e-7",
        "largest sum": """
            # sqrt(|U|_1 |U|_inf) bounds the largest singular value
            magnitudes = wp.tile_map(wp.abs, update)
            by_col = wp.tile_max(wp.tile_sum(magnitudes, axis=0))[0]
            by_row = wp.tile_max(wp.tile_sum(magnitudes, axis=1))[0]
            norm = wp.sqrt(by_col * by_row) + 1.0e-7
        """,
    }[norm]
    poly = "mix = NS_A * unit + NS_B * gram"
    if c:
        poly = f"squared = wp.tile_matmul(gram, gram)\n{poly} + NS_C * squared"
    factor = {"none": 1.0, "aspect": (rows / cols) ** 0.5, "match adam": 0.2 * max(rows, cols) ** 0.5}[scale]
    scaled = {
        "none": "",
        "aspect": "# Scale up steps for tall matrices so that output changes match those of square ones\n"
        "step = wp.sqrt(float(ROWS) / float(COLS)) * x",
        "match adam": "# Match Adam's typical update RMS of about 0.2\n"
        f"step = ADAM_RMS * wp.sqrt(float({'ROWS' if tall else 'COLS'})) * x",
    }[scale]
    step = "x" if scale == "none" else "step"
    end = {
        "weights": {
            "decoupled": "kept = (1.0 - rate * decay) * wp.tile_load(weights[layer], shape=(ROWS, COLS))\n"
            f"wp.tile_store(weights[layer], kept - rate * {step})",
        }.get(
            decay,
            f"old = wp.tile_load(weights[layer], shape=(ROWS, COLS))\nwp.tile_store(weights[layer], old - rate * {step})",
        ),
        "update": f"wp.tile_store(updates[layer], {step})",
        "defect": f"excess = {gram} - unit\ndefects[layer] = wp.sqrt(wp.tile_sum(wp.tile_map(square, excess))[0])",
    }[result]
    grad = "grad = wp.tile_load(gradients[layer], shape=(ROWS, COLS))"
    if decay == "coupled":
        grad += "\n# Coupled weight decay: add to the gradient\ngrad += decay * wp.tile_load(weights[layer], shape=(ROWS, COLS))"
    d.launch(layers, tiled=True)
    d.code(
        """
        layer = wp.tid()
        $grad
        buffer = momentum * wp.tile_load(momenta[layer], shape=(ROWS, COLS)) + grad
        wp.tile_store(momenta[layer], buffer)
        $update
        $size
        x = (1.0 / norm) * $moved
        zero = wp.tile_zeros(shape=($small, $small), dtype=float)
        unit = wp.tile_diag_add(zero, wp.tile_ones(shape=$small, dtype=float))
        # Newton-Schulz: an odd polynomial pushes all singular values toward one
        for sweep in range(sweeps):
            gram = $gram
            $poly
            # We need a copy here because each sweep multiplies into the same tile
            x = wp.tile_map(wp.pos, $apply)
        $scaled
        $end
        """,
        grad=grad,
        update="# Nesterov momentum look-ahead\nupdate = grad + momentum * buffer" if nesterov else "",
        size=dedented(size if nesterov else size.replace("update", "buffer")),
        moved="update" if nesterov else "buffer",
        small=small,
        gram=gram,
        poly=poly,
        apply=apply,
        scaled=scaled if result != "defect" else "",
        end=end,
    )
    inner = "x (x^T x)" if tall else "(x x^T) x"
    square = "x (x^T x)^2" if tall else "(x x^T)^2 x"
    terms = f"{a} x - {-b} {inner}" + (f" + {c} {square}" if c else "")
    d.explain(
        f"Iterates x <- {terms}, starting from the momentum divided by an upper bound on its spectral norm."
    )
    near = {
        "none": "",
        "aspect": ", scaled for tall matrices",
        "match adam": ", scaled to match the magnitude of Adam updates",
    }[scale]
    with_decay = {"none": "", "decoupled": " with weight decay", "coupled": " with coupled weight decay"}[
        decay
    ]
    d.says({
        "weights": f"Applies a Muon optimizer step{with_decay} using momenta orthogonalized by Newton-Schulz{near}.",
        "update": f"Computes Muon updates{with_decay} by orthogonalizing momenta using Newton-Schulz iterations{near}.",
        "defect": f"Updates Muon momenta{with_decay} and computes their orthogonality error after Newton-Schulz iterations.",
    }[result])  # fmt: skip

    def reference(v: Values) -> Mapping[str, Any]:
        g = v.gradients + (v.decay * v.weights if decay == "coupled" else 0.0)
        m = v.momentum * v.momenta + g
        u = g + v.momentum * m if nesterov else m
        left, s, right = np.linalg.svd(u, full_matrices=False)
        bound = np.linalg.norm(u, axis=(1, 2))
        if norm == "largest sum":
            bound = np.sqrt(abs(u).sum(1).max(1) * abs(u).sum(2).max(1))
        s = s / (bound + 1e-7)[:, None]
        for _ in range(sweeps):
            s = a * s + b * s**3 + c * s**5
        found: dict[str, Any] = {"momenta": m}
        moved = (left * s[:, None]) @ right * factor
        if result == "weights":
            found["weights"] = (
                v.weights * (1 - v.rate * v.decay if decay == "decoupled" else 1.0) - v.rate * moved
            )
        elif result == "update":
            found["updates"] = moved
        else:
            found["defects"] = np.sqrt(((s**2 - 1) ** 2).sum(1))
        return found

    d.check(reference, 5e-3)
