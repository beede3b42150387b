"""Losses of embeddings, a block of threads for each batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.neural import DOMAIN
from warpgen.synthesis.library.tile_forms import per_col, per_row, places
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Zbontar et al. 2021 (Barlow Twins), eq. 1; Bardes, Ponce & LeCun 2022 (VICReg), eq. 1-6; Tsai et al. 2021 (HSIC)",
    names={
        "redundancy_loss": "barlow_twins|vicreg_loss|decorrelation_loss|cross_correlation_loss",
        "first": "view_a|z_a|left",
        "second": "view_b|z_b|right",
        "corr": "c_mat|cross_corr|correlation",
        "cross_cov": "c_mat|cov_ab|cross_covariance",
        "cov": "covariance|c_own|gram",
        "batch": "block|group|b",
        "SAMPLES": "N|BATCH|ROWS",
        "WIDTH": "D|EMBED|FEATURES",
    },
    adjoint="yes",
    weight=6,
)
def redundancy_loss(d: Draft) -> None:
    """Computes losses that make two views of samples alike and the coordinates of their embeddings unlike."""
    kind = d.option("loss", "cross correlation", "variance and covariance", "cross covariance")
    result = d.option("result", "loss", "terms", "matrix")
    divisor = d.option("divisor", "n", "n - 1")
    anti = d.flag("anticorrelated", 0.3) and kind == "cross correlation"
    hinge = d.option("hinge", "hard", "squared") if kind == "variance and covariance" else "hard"
    masked = d.flag("weighted", 0.3) and kind != "variance and covariance"
    batches, count, width = d.pick(2, 3, 4), d.pick(6, 8), d.pick(3, 4, 5)
    if kind == "variance and covariance" and result == "matrix":
        result = "terms"
    if result == "matrix":
        what = "correlation" if kind == "cross correlation" else "covariance"
        d.calls(f"cross_{what}|view_{what}|embedding_{what}")
    else:
        d.calls({
            "cross correlation": "barlow_twins|cross_correlation_loss|redundancy_loss",
            "variance and covariance": ("vicreg_loss|" if hinge == "hard" else "")
            + "decorrelation_loss|variance_covariance_loss",
            "cross covariance": "cross_covariance_loss|redundancy_loss|decorrelation_loss",
        }[kind] if result == "loss" else "loss_terms|redundancy_terms|embedding_loss_terms")  # fmt: skip
    below = "float(SAMPLES)" if divisor == "n" else "float(SAMPLES - 1)"
    d.module(f"SAMPLES = wp.constant({count})\nWIDTH = wp.constant({width})")
    d.input(
        "first", "float", (batches, count, width), -1.0, 1.0, about="embeddings of the samples in one view"
    )
    d.input(
        "second",
        "float",
        (batches, count, width),
        -1.0,
        1.0,
        about="embeddings of the same in the other view",
    )
    if masked:
        d.input("sample_weights", "float", (batches, count), 0.5, 1.5, about="weights of the samples")
    if result != "matrix":
        d.param("redundancy", "float", 0.05, 0.5, about="weight of the entries off the diagonal")
    if kind == "variance and covariance":
        d.param("invariance", "float", 0.5, 2.0, about="weight of the distance of the views")
        d.param("floor_deviation", "float", 0.9, 1.3, about="deviation that each coordinate should keep")
    if result == "matrix":
        d.output(
            "matrices",
            "float",
            (batches, width, width),
            about=f"{what}s of the coordinates across the views",
        )
        d.says(f"Computes the {what}s of the coordinates of embeddings across two views of the same samples.")
    elif result == "terms":
        d.output(
            "terms",
            "float",
            (batches, 2),
            about="what asks for alike views"
            + (" and spread" if kind == "variance and covariance" else "")
            + ", and what for unlike coordinates",
        )
        d.says(
            "Computes the two terms of a loss that makes views alike and coordinates of embeddings unlike."
            if kind != "variance and covariance"
            else "Computes two terms of a loss: one for alike views of spread coordinates, one for unlike coordinates."
        )
    else:
        d.output("losses", "float", batches, about="loss of each batch")
        if kind == "variance and covariance":
            d.says(
                "Computes losses that make two views of samples alike, and the coordinates of their embeddings unlike and spread."
            )
    N, D = "SAMPLES", "WIDTH"
    if kind == "cross correlation":
        d.function(
            '''
            @wp.func
            def inverse_deviation(variance: float) -> float:
                """One over the deviation, from a weighted mean of squares."""
                return 1.0 / wp.sqrt(variance + 1.0e-4)
            '''
            if masked
            else '''
            @wp.func
            def inverse_deviation(square: float, divisor: float) -> float:
                """One over the deviation, from a sum of squares."""
                return 1.0 / wp.sqrt(square / divisor + 1.0e-4)
            '''
        )
    if kind != "variance and covariance" and result != "matrix":
        d.function("""
            @wp.func
            def missed(c: float, row: int, col: int) -> float:
                if row == col:
                    return (1.0 - c) * (1.0 - c)
                return 0.0
        """)
    if result != "matrix":
        off = "(c + 1.0) * (c + 1.0)" if anti else "c * c"
        why = (
            "Different coordinates should go against each other (Tsai et al. 2021)."
            if anti
            else "Entries off the diagonal tell that two coordinates say the same."
        )
        d.function(f'''
            @wp.func
            def redundant(c: float, row: int, col: int) -> float:
                """{why}"""
                if row == col:
                    return 0.0
                return {off}
        ''')
    if kind == "variance and covariance":
        lack = "wp.max(floor_deviation - wp.sqrt(square / divisor + 1.0e-4), 0.0)"
        lack = f"gap = {lack}\nreturn gap * gap" if hinge == "squared" else f"return {lack}"
        what = "Square of what" if hinge == "squared" else "What"
        d.function(
            f'''
            @wp.func
            def collapse(square: float, divisor: float, floor_deviation: float) -> float:
                """{what} a coordinate lacks of its deviation; all the same embedding would be a cheap way out."""
                $lack
        ''',
            lack=lack,
        )

    def centred(side: str, array: str) -> str:
        text = f"{side}_raw = wp.tile_load({array}[batch], shape=({N}, {D}))\n"
        if masked:
            text += f"{side}_mean = wp.tile_sum({side}_raw * w_wide, axis=0)\n"
            text += f"{side} = ({side}_raw - {per_col(f'{side}_mean', N, D)}) * root_wide"
        else:
            text += f"{side}_mean = wp.tile_sum({side}_raw, axis=0) / float(SAMPLES)\n"
            text += f"{side} = {side}_raw - {per_col(f'{side}_mean', N, D)}"
        return text

    by = "" if masked else f", {below}"  # weights sum to one

    def deviation(side: str) -> str:
        return (
            f"{side}_inv = wp.tile_map(inverse_deviation, wp.tile_sum({side} * {side}, axis=0){by})\n"
            f"{side}_unit = {side} * {per_col(f'{side}_inv', N, D)}"
        )

    def total(tile: str) -> str:
        return f"wp.tile_sum(wp.tile_sum({tile}, axis=1), axis=0)"

    weigh = ""
    if masked:
        weigh = (
            "w_raw = wp.tile_load(sample_weights[batch], shape=SAMPLES)\n"
            "w = w_raw / wp.tile_broadcast(wp.tile_sum(w_raw, axis=0), shape=(SAMPLES,))\n"
            f"w_wide = {per_row('w', N, D)}\n"
            f"root = wp.tile_map(wp.sqrt, w)\nroot_wide = {per_row('root', N, D)}"
        )
    a, b = ("a_unit", "b_unit") if kind == "cross correlation" else ("a", "b")
    c = "corr" if kind == "cross correlation" else "cross_cov"
    corr = f"{c} = wp.tile_matmul(wp.tile_transpose({a}), {b})" + ("" if masked else f" / {below}")
    if kind == "cross correlation":
        corr = f"{deviation('a')}\n{deviation('b')}\n{corr}"
    alike = total(f"wp.tile_map(missed, {c}, row_id, col_id)")
    unlike = total(f"wp.tile_map(redundant, {c}, row_id, col_id)")
    if kind == "variance and covariance":
        corr = "\n".join(
            f"{s}_cov = wp.tile_matmul(wp.tile_transpose({s}), {s}) / {below}\n"
            f"{s}_collapse = wp.tile_map(collapse, wp.tile_sum({s} * {s}, axis=0), {below}, floor_deviation)"
            for s in "ab"
        )
        alike = f"(invariance / float(SAMPLES)) * {total('gap * gap')}"
        corr += "\ngap = a_raw - b_raw"
        corr += "\nspread = wp.tile_sum(a_collapse + b_collapse, axis=0) / float(WIDTH)"
        shared = (
            "wp.tile_map(redundant, a_cov, row_id, col_id) + wp.tile_map(redundant, b_cov, row_id, col_id)"
        )
        unlike = f"{total('shared')} / float(WIDTH)"
    before = f"shared = {shared}\n" if kind == "variance and covariance" else ""
    both = f"alike = {alike}\n{before}unlike = {unlike}"
    first = "alike + spread" if kind == "variance and covariance" else "alike"
    end = {
        "matrix": f"wp.tile_store(matrices[batch], {c})",
        "terms": f"{both}\nwp.tile_store(terms[batch], {first}, offset=0)\n"
        "wp.tile_store(terms[batch], redundancy * unlike, offset=1)",
        "loss": f"{both}\nwp.tile_store(losses, {first} + redundancy * unlike, offset=batch)",
    }[result]
    d.launch(batches, tiled=True)
    d.code(
        "batch = wp.tid()\n$weigh\n$a\n$b\n$corr\n$index\n$end",
        weigh=weigh,
        a=centred("a", "first"),
        b=centred("b", "second"),
        corr=corr,
        index=places(D, D) if result != "matrix" else "",
        end=end,
    )
    if result != "matrix":
        d.explain(
            {
                "cross correlation": f"sum (1 - C_ii)^2 + redundancy sum {'(1 + C_ij)^2' if anti else 'C_ij^2'} of the views' cross-correlation C; no negative pairs are needed.",
                "cross covariance": "As Barlow Twins, but with covariances in place of correlations.",
                "variance and covariance": "Views should agree, coordinates keep their deviation, and covariances off the diagonal vanish.",
            }[kind]
        )

    def reference(v: Values) -> Mapping[str, Any]:
        w = v.sample_weights if masked else np.ones((batches, count))
        m = count if divisor == "n" else count - 1
        m = w.sum(1)[:, None, None] if masked else m

        def middle(z: Any) -> Any:
            mean = (z * w[..., None]).sum(1, keepdims=True) / w.sum(1)[:, None, None]
            return (z - mean) * np.sqrt(w)[..., None]

        a_, b_ = middle(v.first), middle(v.second)
        eye = np.eye(width) > 0

        def off_(c: Any) -> Any:
            return (np.where(eye, 0.0, c - (-1.0 if anti else 0.0)) ** 2 * ~eye).sum((1, 2))

        if kind == "variance and covariance":

            def lack(z: Any) -> Any:
                g = np.maximum(v.floor_deviation - np.sqrt((z**2).sum(1) / m + 1e-4), 0.0)
                return (g**2 if hinge == "squared" else g).mean(1)

            same = v.invariance * ((v.first - v.second) ** 2).sum((1, 2)) / count + lack(a_) + lack(b_)
            other = (off_(a_.swapaxes(1, 2) @ a_ / m) + off_(b_.swapaxes(1, 2) @ b_ / m)) / width
        else:
            if kind == "cross correlation":
                a_ = a_ / np.sqrt((a_**2).sum(1, keepdims=True) / m + 1e-4)
                b_ = b_ / np.sqrt((b_**2).sum(1, keepdims=True) / m + 1e-4)
            c = a_.swapaxes(1, 2) @ b_ / m
            if result == "matrix":
                return {"matrices": c}
            same = ((1 - np.einsum("bii->bi", c)) ** 2).sum(1)
            other = off_(c)
        if result == "terms":
            return {"terms": np.stack([same, v.redundancy * other], axis=1)}
        return {"losses": same + v.redundancy * other}

    d.check(reference, 2e-3)
