"""Moments of blocks of samples, merged pair by pair."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.statistics import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, dedented
from warpgen.synthesis.writing.pieces import Piece, piece

_PAIR = piece('''
@wp.struct
class Moments:
    """Running weight, mean and sum of squared deviations."""

    weight: float
    mean: float
    m2: float
''')
_TRIPLE = piece('''
@wp.struct
class Moments:
    """Running weight, mean, and sums of squared and cubed deviations."""

    weight: float
    mean: float
    m2: float
    m3: float
''')
_JOINT = piece('''
@wp.struct
class Moments:
    """Running weight, means and co-moments of paired samples."""

    weight: float
    mean: wp.vec2
    m2: wp.vec2
    cross: float
''')
_STRUCTS: dict[str, Piece] = {"spread": _PAIR, "skewness": _TRIPLE, "joint": _JOINT}
_MERGED = {
    "spread": "merged.m2 = a.m2 + b.m2 + delta * delta * reduced",
    "skewness": """
        merged.m2 = a.m2 + b.m2 + delta * delta * reduced
        part = delta / merged.weight
        merged.m3 = a.m3 + b.m3 + delta * delta * part * (a.weight - b.weight) * reduced
        merged.m3 += 3.0 * part * (a.weight * b.m2 - b.weight * a.m2)
    """,
    "joint": """
        merged.m2 = a.m2 + b.m2 + wp.cw_mul(delta, delta) * reduced
        merged.cross = a.cross + b.cross + delta[0] * delta[1] * reduced
    """,
}


@DOMAIN.algorithm(
    source="Chan, Golub & LeVeque 1983; Terriberry 2007 (third moments); Bennett et al. 2009 (covariances)",
    names={
        "samples": "readings|data|values",
        "others": "paired|partners|y_data",
        "merge": "combine|pool|join_moments",
        "single": "of_sample|leaf|from_value",
        "whole": "pooled|total|combined",
        "block": "group|tile_id|segment",
        "SAMPLES": "TILE|N|BLOCK_SIZE",
    },
    adjoint="no",
    weight=2,
)
def merged_moments(d: Draft) -> None:
    """Computes block moments by merging partial moments."""
    order = d.option("order", *_STRUCTS)
    spread = d.option("spread's result", "variance", "standard error", "z-scores", "coefficient of variation")
    joint = d.option("pair's result", "correlation", "slope", "covariance")
    result = {"spread": spread, "skewness": "skewness", "joint": joint}[order]
    weighted = d.flag("weights", 0.4) and result != "standard error"
    change = d.option("samples", "plain", "logarithms", "roots")
    if result == "coefficient of variation":
        change = "plain"  # the mean of logarithms may be zero
    sample = d.flag("unbiased", 0.5) and result in ("variance", "covariance") and not weighted
    gated = d.flag("gated", 0.3)
    count, blocks = d.pick(16, 24, 32), d.pick(3, 4)
    d.module(f"SAMPLES = wp.constant({count})")
    d.input("samples", "float", (blocks, count), 0.5, 2.0, about="samples")
    if order == "joint":
        d.input("others", "float", (blocks, count), -1.0, 1.0, about="second value of each pair")
    if weighted:
        d.input("weights", "float", (blocks, count), 0.2, 1.0, about="weights of the samples")
    if gated:
        d.param("ceiling", "float", 1.6, 1.8, about="outlier threshold, larger samples are ignored")
    name = {"z-scores": "scores", "coefficient of variation": "ratios"}.get(result, result.replace(" ", "_"))
    shape = (blocks, count) if result == "z-scores" else (blocks,)
    d.output(
        name,
        "float",
        shape,
        about=f"{result} per block" if result != "z-scores" else "standardized samples",
    )
    of = {"plain": "", "logarithms": "the logarithms of ", "roots": "the square roots of "}[change]
    noun = {
        "z-scores": f"Standardizes {of}blocks of samples",
        "slope": "Fits slopes of straight lines to blocks of pairs",
        "standard error": f"Computes the standard error of the mean of {of}samples in each block",
    }.get(result, f"Computes the {result} of {of}{'pairs' if order == 'joint' else 'samples'} in each block")
    if order == "joint" and of:
        kind = "logarithms" if change == "logarithms" else "square roots"
        noun = {
            "slope": f"Fits slopes over the {kind} of samples to blocks of pairs",
        }.get(result, f"Computes the {result} of the {kind} of samples with their partners in each block")
    d.says(
        f"{noun} by merging partial {'weighted ' * weighted}moments{', ignoring outliers' if gated else ''}."
    )
    d.calls({
        "variance": "parallel_variance|block_variance|merged_variance",
        "standard error": "standard_errors|block_standard_error",
        "z-scores": "standardize_blocks|block_z_scores|z_scores",
        "coefficient of variation": "variation_coefficients|relative_spread",
        "skewness": "block_skewness|merged_skewness|parallel_skewness",
        "correlation": "block_correlation|pearson_correlation|merged_correlation",
        "slope": "fit_slopes|regression_slopes|block_slopes",
        "covariance": "block_covariance|parallel_covariance|merged_covariance",
    }[result])  # fmt: skip
    value = {"plain": "x", "logarithms": "wp.log(x)", "roots": "wp.sqrt(x)"}[change]
    struct = d.use(_STRUCTS[order])
    zero = {"spread": "m.m2 = 0.0", "skewness": "m.m2 = 0.0\nm.m3 = 0.0", "joint": "m.m2 = wp.vec2(0.0, 0.0)\nm.cross = 0.0"}[order]  # fmt: skip
    parameters = ["x: float"]
    if order == "joint":
        parameters.append("y: float")
    if weighted:
        parameters.append("w: float")
    if gated:
        parameters.append("ceiling: float")
    weight = "w" if weighted else "1.0"
    one = {"plain": "", "logarithms": "the logarithm of ", "roots": "the square root of "}[change]
    lone = f"{one}one sample" if order != "joint" else f"one pair, {one}x and y" if one else "one pair"
    d.function(
        f'''
        @wp.func
        def single({", ".join(parameters)}) -> {struct}:
            """Initial moments for {lone}{", with zero weight above the ceiling" if gated else ""}."""
            m = {struct}()
            m.weight = {f"wp.where(x > ceiling, 0.0, {weight})" if gated else weight}
            m.mean = {f"wp.vec2({value}, y)" if order == "joint" else value}
            $zero
            return m
        ''',
        zero=zero,
    )
    empty = "if merged.weight == 0.0:\n    return a" if gated else ""
    d.function(
        f'''
        @wp.func
        def merge(a: {struct}, b: {struct}) -> {struct}:
            """Merges the moments of two sets (Chan et al.)."""
            merged = {struct}()
            merged.weight = a.weight + b.weight
            $empty
            delta = b.mean - a.mean
            reduced = a.weight * b.weight / merged.weight
            merged.mean = a.mean + delta * (b.weight / merged.weight)
            $rest
            return merged
        ''',
        empty=empty,
        rest=dedented(_MERGED[order]),
    )
    given = ["wp.tile_load(samples[block], shape=SAMPLES)"]
    loads = "x = " + given[0]
    arguments = ["x"]
    if order == "joint":
        loads += "\ny = wp.tile_load(others[block], shape=SAMPLES)"
        arguments.append("y")
    if weighted:
        loads += "\nw = wp.tile_load(weights[block], shape=SAMPLES)"
        arguments.append("w")
    if gated:
        arguments.append("ceiling")
    down = "(whole.weight - 1.0)" if sample else "whole.weight"
    if result == "z-scores":
        d.function(f"""
            @wp.func
            def standardize(x: float, whole: {struct}) -> float:
                deviation = wp.sqrt(whole.m2 / whole.weight)
                return ({value} - whole.mean) / deviation
        """)
    end = {
        "variance": f"variance[block] = whole.m2 / {down}",
        "standard error": "# Standard error of the mean for independent samples\n"
        "standard_error[block] = wp.sqrt(whole.m2 / (whole.weight - 1.0) / whole.weight)",
        "z-scores": "wp.tile_store(scores[block], wp.tile_map(standardize, x, whole))",
        "coefficient of variation": "ratios[block] = wp.sqrt(whole.m2 / whole.weight) / wp.abs(whole.mean)",
        "skewness": "# m3 / m2^(3/2), each over the weight\n"
        "skewness[block] = wp.sqrt(whole.weight) * whole.m3 / wp.pow(whole.m2, 1.5)",
        "correlation": "correlation[block] = whole.cross / wp.sqrt(whole.m2[0] * whole.m2[1])",
        "slope": "slope[block] = whole.cross / whole.m2[0]",
        "covariance": f"covariance[block] = whole.cross / {down}",
    }[result]
    d.launch(blocks, tiled=True)
    d.code(
        f"""
        block = wp.tid()
        $loads
        parts = wp.tile_map(single, {", ".join(arguments)})
        whole = wp.tile_extract(wp.tile_reduce(merge, parts), 0)
        $end
        """,
        loads=loads,
        end=end,
    )
    d.explain("""
        Merging central moments avoids the cancellation in E[x^2] - E[x]^2 when the mean is large compared
        to the spread.
    """)

    def reference(v: Values) -> Mapping[str, Any]:
        changes: dict[str, Callable[[Any], Any]] = {
            "plain": np.asarray,
            "logarithms": np.log,
            "roots": np.sqrt,
        }
        x = changes[change](v.samples)
        w = v.weights if weighted else np.ones_like(x)
        w = w * (v.samples <= v.ceiling) if gated else w
        n = w.sum(1, keepdims=True)

        def about(t: Any) -> Any:
            return t - (w * t).sum(1, keepdims=True) / n

        c = about(x)
        partner = about(v.others) if order == "joint" else c
        n = n[:, 0]
        m2, m3 = (w * c**2).sum(1), (w * c**3).sum(1)
        down_ = n - 1 if sample else n
        if order == "joint":
            cross, other = (w * c * partner).sum(1), (w * partner**2).sum(1)
            return {
                name: {"correlation": cross / np.sqrt(m2 * other), "slope": cross / m2}.get(
                    result, cross / down_
                )
            }
        return {
            name: {
                "variance": m2 / down_,
                "standard error": np.sqrt(m2 / (n - 1) / n),
                "z-scores": c / np.sqrt(m2 / n)[:, None],
                "coefficient of variation": np.sqrt(m2 / n) / abs((w * x).sum(1) / n),
                "skewness": (m3 / n) / (m2 / n) ** 1.5,
            }[result]
        }

    d.check(reference, 1e-3)
