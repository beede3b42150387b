"""Layers whose rows a block of threads works on together, with tiles."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.neural import DOMAIN
from warpgen.synthesis.library import activations
from warpgen.synthesis.library.tile_forms import as_float
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="NVIDIA 2024, Warp tile programming; Milakov & Gimelshein 2018; Ba, Kiros & Hinton 2016",
    names={
        "row_tiles": "tile_rows|tiled_rows|row_reduction",
        "x": "inputs|values|rows_in",
        "y": "outputs|result_out|rows_out",
        "row": "i|r|sample",
        "e": "exps|ex|unnormalized",
        "top": "m|row_max|peak",
        "mean": "mu|avg|row_mean",
        "gamma": "weight|scale|gain",
    },
    adjoint="no",
    weight=5,
)
def row_tiles(d: Draft) -> None:
    """Normalises each matrix row using one thread block."""
    kind = d.option(
        "kind",
        "softmax",
        "log softmax",
        "layer norm",
        "rms norm",
        "l2",
        "standardise",
        "logsumexp",
        "entropy",
    )
    d.calls({
        "softmax": "softmax_rows|row_softmax|softmax_tiled",
        "log softmax": "log_softmax_rows|log_softmax_tiled",
        "layer norm": "layer_norm_rows|layer_norm_tiled",
        "rms norm": "rms_norm_rows|rms_norm_tiled",
        "l2": "l2_normalize_rows|normalize_rows_tiled",
        "standardise": "standardize_rows|standardize_tiled",
        "logsumexp": "logsumexp_rows|row_logsumexp",
        "entropy": "entropy_rows|row_entropy",
    }[kind])  # fmt: skip
    gamma = d.flag("gamma", 0.4) and kind in ("layer norm", "rms norm", "standardise")
    residual = d.flag("residual", 0.3) and kind in ("layer norm", "rms norm")
    act = d.option("activation", None, *activations.SMOOTH, weights=(4.0, *([1.0] * len(activations.SMOOTH))))
    shape = d.option("shape", "constant", "literal")
    n, width = d.pick(12, 16, 24), d.pick(16, 32, 64)
    act = act if kind in ("layer norm", "rms norm", "standardise") else None
    if shape == "constant":
        d.module(f"WIDTH = wp.constant({width})")
    w = "WIDTH" if shape == "constant" else str(width)
    d.input("x", "float", (n, width), -2.0, 2.0, about="input matrix")
    if residual:
        d.input("residual", "float", (n, width), -1.0, 1.0, about="residual, added before normalization")
    if gamma:
        d.input("gamma", "float", width, 0.5, 1.5, about="per-column gain")
    if kind in ("layer norm", "rms norm", "l2", "standardise"):
        d.param("eps", "float", 1e-5, 1e-3, about="small constant for numerical stability")
    if kind == "logsumexp":
        d.output("log_sums", "float", n, about="log-sum-exp per row")
    elif kind == "entropy":
        d.output("entropies", "float", n, about="entropies [nat]")
    else:
        d.output(
            "y",
            "float",
            (n, width),
            about={"softmax": "probabilities", "log softmax": "log-probabilities"}.get(
                kind, "normalised rows"
            ),
        )
    load = f"t = wp.tile_load(x[row], shape={w})"
    if residual:
        load = f"t = wp.tile_load(x[row], shape={w}) + wp.tile_load(residual[row], shape={w})"
    full = f"wp.tile_broadcast({{}}, shape=({w},))"
    exps = (
        "top = wp.tile_max(t)\n"
        "# Subtract the row maximum for numerical stability\n"
        f"e = wp.tile_map(wp.exp, t - {full.format('top')})"
    )
    mean = f"mean = wp.tile_sum(t) * (1.0 / {as_float(w)})\ncentered = t - {full.format('mean')}"
    if kind in ("layer norm", "rms norm", "l2", "standardise"):
        d.function("@wp.func\ndef squared(v: float) -> float:\n    return v * v")
    less_one = f"{int(w) - 1}.0" if w.isdigit() else f"float({w} - 1)"
    inverse = {
        "layer norm": f"wp.sqrt(sum_sq[0] / {as_float(w)} + eps)",
        "standardise": f"(wp.sqrt(sum_sq[0] / {less_one}) + eps)",
        "rms norm": f"wp.sqrt(sum_sq[0] / {as_float(w)} + eps)",
        "l2": "wp.sqrt(sum_sq[0] + eps)",
    }.get(kind, "")
    result = ""
    if kind == "softmax":
        body = f"{exps}\ntotal = wp.tile_sum(e)\nresult = e * (1.0 / total[0])"
    elif kind == "log softmax":
        body = (
            f"{exps}\n"
            "total = wp.tile_sum(e)\n"
            "log_z = top[0] + wp.log(total[0])\n"
            "result = wp.tile_map(wp.sub, t, log_z)"
        )
    elif kind == "logsumexp":
        body = f"{exps}\ntotal = wp.tile_sum(e)\nlog_z = top[0] + wp.log(total[0])"
    elif kind == "entropy":
        body = (
            f"{exps}\n"
            "total = wp.tile_sum(e)\n"
            "# H = log Z - E[s]\n"
            "expected = wp.tile_sum(wp.tile_map(wp.mul, e, t))\n"
            "entropy = top[0] + wp.log(total[0]) - expected[0] / total[0]"
        )
    elif kind in ("layer norm", "standardise"):
        body = (
            f"{mean}\n"
            "sum_sq = wp.tile_sum(wp.tile_map(squared, centered))\n"
            f"result = centered * (1.0 / {inverse})"
        )
    else:
        body = f"sum_sq = wp.tile_sum(wp.tile_map(squared, t))\nresult = t * (1.0 / {inverse})"
    if gamma:
        result += f"\nresult = wp.tile_map(wp.mul, result, wp.tile_load(gamma, shape={w}))"
    if act:
        result += f"\nresult = wp.tile_map({d.use(act.value)}, result)"
    store = {
        "logsumexp": "log_sums[row] = log_z",
        "entropy": "entropies[row] = entropy",
    }.get(kind, "wp.tile_store(y[row], result)")
    d.launch(n, tiled=True)
    d.code(
        "row = wp.tid()\n$load\n$body\n$result\n$store",
        load=load,
        body=body,
        result=result.strip("\n"),
        store=store,
    )
    d.explain(
        "Each row is processed by one thread block, launched with `wp.launch_tiled`, and kept in registers."
    )
    steps = ["multiplies it by a gain"] * gamma + ["applies an activation"] * bool(act)
    before = ", after adding the residual" if residual else ""
    more = before + (f", then {' and '.join(steps)}" if steps else "")
    d.says(
        {
            "softmax": "Computes the softmax of each row using one thread block.",
            "log softmax": "Computes the log-softmax of each row using one thread block.",
            "layer norm": "Normalises each row to zero mean and unit variance using one thread block.",
            "rms norm": "Divides each row by its root mean square using one thread block.",
            "l2": "Scales each row to unit length using one thread block.",
            "standardise": "Standardizes each row by its sample standard deviation using one thread block.",
            "logsumexp": ("Computes the log-sum-exp of each row using one thread block."),
            "entropy": "Computes the softmax entropy of each row using one thread block.",
        }[kind].replace(
            " using one thread block",
            f"{more}, using one thread block" if more else " using one thread block",
        )
    )

    def reference(v: Values) -> dict[str, Any]:
        t = v.x + (v.residual if residual else 0.0)
        z = np.log(np.exp(t).sum(axis=1, keepdims=True))
        if kind == "logsumexp":
            return {"log_sums": z[:, 0]}
        if kind == "entropy":
            return {"entropies": -(np.exp(t - z) * (t - z)).sum(axis=1)}
        c = t - t.mean(axis=1, keepdims=True)
        y = {
            "softmax": lambda: np.exp(t - z),
            "log softmax": lambda: t - z,
            "layer norm": lambda: c / np.sqrt(t.var(axis=1, keepdims=True) + v.eps),
            "standardise": lambda: c / (t.std(axis=1, ddof=1, keepdims=True) + v.eps),
            "rms norm": lambda: t / np.sqrt((t**2).mean(axis=1, keepdims=True) + v.eps),
            "l2": lambda: t / np.sqrt((t**2).sum(axis=1, keepdims=True) + v.eps),
        }[kind]()
        if gamma:
            y = y * v.gamma
        return {"y": act.value(y) if act else y}

    d.check(reference, 5e-4)
