"""Normalisation of features."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.neural import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Ba, Kiros & Hinton 2016 (layer); Zhang & Sennrich 2019 (RMS); Wu & He 2018 (group)",
    names={
        "feature_norm": "normalize_features|normalize_rows|norm_forward",
        "x": "inputs|hidden|activations",
        "y": "outputs|normed|normalized",
        "gamma": "weight|scale|gain",
        "beta": "bias|shift|offset",
        "mean": "mu|m|row_mean",
        "dev_sq": "m2|sq_dev|squared_dev",
        "rstd": "inv_std|rsigma|r_std",
        "inv_rms": "rrms|rms_inv|r_rms",
        "inv_norm": "inv_length|rnorm|r_norm",
        "eps": "epsilon|tiny",
        "k": "c|col|f",
        "WIDTH": "FEATURES|HIDDEN|DIM",
    },
    double=True,
    half=True,
    element="sample",
    weight=3,
)
def feature_norm(d: Draft) -> None:
    """Normalises the features of each sample."""
    kind = d.option("kind", "layer", "rms", "group", "l2", weights=(0.35, 0.3, 0.15, 0.2))
    d.calls({
        "layer": "layer_norm|layer_norm_forward|normalize_features",
        "rms": "rms_norm|rms_norm_forward|normalize_features",
        "group": "group_norm|group_norm_forward|normalize_groups",
        "l2": "l2_normalize|normalize_rows|unit_features",
    }[kind])  # fmt: skip
    passes = d.option("passes", "two pass", "welford", "one pass")
    affine = d.option("affine", "both", "gamma", "none", "gamma plus one")
    residual = d.flag("residual", 0.3)
    fixed = d.flag("fixed width", 0.8) and kind != "group"
    if not fixed:
        d.forward_only()  # what is made of the sums has a slope where their loops are unrolled
    keep = d.flag("keep", 0.25)
    batch, groups = d.pick(16, 24, 32), d.pick(2, 3, 4)
    width = groups * d.pick(4, 6) if kind == "group" else d.pick(8, 12, 16)
    if fixed:
        d.module(f"WIDTH = wp.constant({width})")
    d.input("x", "float", (batch, width), -2.0, 2.0, about="input features")
    if residual:
        d.input(
            "residual",
            "float",
            (batch, width),
            -1.0,
            1.0,
            about="added to the input before the normalization",
        )
    if affine != "none":
        d.input(
            "gamma",
            "float",
            width,
            -0.5 if affine == "gamma plus one" else 0.5,
            0.5 if affine == "gamma plus one" else 1.5,
            about="gain per feature" + (", less one" if affine == "gamma plus one" else ""),
        )
    if affine == "both":
        d.input("beta", "float", width, -0.5, 0.5, about="shift per feature")
    if kind == "group":
        d.param("groups", "int", groups, about="number of groups")
    below = {"rms": "mean square", "l2": "sum of squares"}.get(kind, "variance")
    d.param("eps", "float", 1e-5, 1e-3, about=f"added to the {below}")
    d.output("y", "float", (batch, width), about="normalized features")
    inverse = {"rms": "inv_rms", "l2": "inv_norm"}.get(kind, "rstd")
    size_of = {"rms": "root mean squares", "l2": "lengths"}.get(kind, "standard deviations")
    if keep:
        d.output(
            f"{inverse}_out",
            "float",
            (batch, groups) if kind == "group" else batch,
            about=f"reciprocal {size_of}, saved for the backward pass",
        )
    at = "(x[i, k] + residual[i, k])" if residual else "x[i, k]"
    size = "size" if kind == "group" else "WIDTH" if fixed else "width"
    span = "range(first, first + size)" if kind == "group" else f"range({size})"
    n = f"float({size})"
    if kind in ("rms", "l2"):
        if residual:
            term = f"term = {at.strip('()')}\n            sum_sq += term * term"
        else:
            term = f"sum_sq += {at} * {at}"
        stats = f"""
        sum_sq = float(0.0)
        for k in {span}:
            {term}
        """
        rstd = (
            f"inv_rms = 1.0 / wp.sqrt(sum_sq / {n} + eps)"
            if kind == "rms"
            else "inv_norm = 1.0 / wp.sqrt(sum_sq + eps)"
        )
        centred = at
    else:
        centred = f"({at.strip('()')} - mean)"
        rstd = f"rstd = 1.0 / wp.sqrt(dev_sq / {n} + eps)"
        if passes == "two pass":
            stats = f"""
            mean = float(0.0)
            for k in {span}:
                mean += {at} / {n}
            # Two passes to avoid cancellation in E[x^2] - E[x]^2
            dev_sq = float(0.0)
            for k in {span}:
                deviation = {centred.strip("()")}
                dev_sq += deviation * deviation
            """
        elif passes == "welford":
            seen = "k - first + 1" if kind == "group" else "k + 1"
            stats = f"""
            mean = float(0.0)
            dev_sq = float(0.0)
            for k in {span}:
                delta = {at.strip("()")} - mean
                mean += delta / float({seen})
                dev_sq += delta * ({at.strip("()")} - mean)
            """
        else:
            origin = at.strip("()").replace("k]", f"{'first' if kind == 'group' else '0'}]")
            stats = f"""
            # Shift by the first feature to avoid cancellation in E[x^2] - E[x]^2
            origin = {origin}
            s1 = float(0.0)
            s2 = float(0.0)
            for k in {span}:
                term = {at.strip("()")} - origin
                s1 += term
                s2 += term * term
            mean = origin + s1 / {n}
            dev_sq = s2 - s1 * s1 / {n}
            """
    value = f"{centred} * {inverse}"
    value += {
        "both": " * gamma[k] + beta[k]",
        "gamma": " * gamma[k]",
        "none": "",
        "gamma plus one": " * (1.0 + gamma[k])",
    }[affine]
    group = kind == "group"
    kept = (f"rstd_out[i, g] = {inverse}" if group else f"{inverse}_out[i] = {inverse}") if keep else ""
    d.launch(*((batch, groups) if group else (batch,)))
    d.code(
        """
        $ids
        $size
        $stats
        $rstd
        $kept
        for k in $span:
            y[i, k] = $value
        """,
        ids="i, g = wp.tid()" if group else "i = wp.tid()",
        size="size = x.shape[1] // groups\nfirst = g * size"
        if group
        else ""
        if fixed
        else "width = x.shape[1]",
        stats=stats,
        rstd=rstd,
        kept=kept,
        span=span,
        value=value,
    )
    d.says(
        {
            "layer": "Normalises the features of each sample to zero mean and unit variance",
            "rms": "Divides the features of each sample by their root mean square",
            "group": "Normalises each feature group per sample to zero mean and unit variance",
            "l2": "Scales the features of each sample to unit length",
        }[kind]
        + (", after adding the residual" if residual else "")
        + {"both": ", then applies gains and shifts.", "none": "."}.get(affine, ", then applies gains.")
    )

    def reference(v: Values) -> dict[str, Any]:
        x = v.x + (v.residual if residual else 0.0)
        x = x.reshape(batch, groups, -1) if group else x[:, None]
        if kind in ("rms", "l2"):
            top = x
            r = 1 / np.sqrt((x**2).mean(-1) + v.eps) if kind == "rms" else 1 / np.sqrt((x**2).sum(-1) + v.eps)
        else:
            top, r = x - x.mean(-1, keepdims=True), 1 / np.sqrt(x.var(-1) + v.eps)
        y = (top * r[..., None]).reshape(batch, width)
        if affine != "none":
            y = y * (v.gamma + (affine == "gamma plus one"))
        found = {"y": y + (v.beta if affine == "both" else 0.0)}
        return found | ({f"{inverse}_out": r if group else r[:, 0]} if keep else {})

    d.check(reference, 5e-4)
