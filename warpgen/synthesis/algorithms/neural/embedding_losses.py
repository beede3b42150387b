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
    """Computes self-supervised losses that align two views and decorrelate embedding dimensions."""
    kind = d.option("loss", "cross correlation", "variance and covariance", "cross covariance")
    result = d.option("result", "loss", "terms", "matrix")
    divisor = d.option("divisor", "n", "n - 1")
    anti = d.flag("anticorrelated", 0.3) and kind == "cross correlation"
    hinge = d.option("hinge", "hard", "squared") if kind == "variance and covariance" else "hard"
    masked = d.flag("weighted", 0.3) and kind != "variance and covariance"
    batches, count, width = d.pick(2, 3, 4), d.pick(6, 8), d.pick(3, 4, 5)
    if kind == "variance and covariance" and result == "matrix":
        result = "terms"
    if kind == "cross covariance":
        result = "matrix"  # the losses aim at correlations of one
    if result == "matrix":
        what = "correlation" if kind == "cross correlation" else "covariance"
        d.calls(f"cross_{what}|view_{what}|embedding_{what}")
    else:
        d.calls({
            "cross correlation": "barlow_twins|cross_correlation_loss|redundancy_loss",
            "variance and covariance": ("vicreg_loss|" if hinge == "hard" else "")
            + "decorrelation_loss|variance_covariance_loss",
        }[kind] if result == "loss" else "loss_terms|redundancy_terms|embedding_loss_terms")  # fmt: skip
    below = "float(SAMPLES)" if divisor == "n" else "float(SAMPLES - 1)"
    d.module(f"SAMPLES = wp.constant({count})\nWIDTH = wp.constant({width})")
    d.input("first", "float", (batches, count, width), -1.0, 1.0, about="embeddings of the first view")
    d.input(
        "second",
        "float",
        (batches, count, width),
        -1.0,
        1.0,
        about="embeddings of the second view",
    )
    if masked:
        d.input("sample_weights", "float", (batches, count), 0.5, 1.5, about="per-sample weights")
    if result != "matrix":
        d.param("redundancy", "float", 0.05, 0.5, about="off-diagonal weight")
    if kind == "variance and covariance":
        d.param("invariance", "float", 0.5, 2.0, about="invariance term weight")
        d.param("floor_deviation", "float", 0.45, 0.7, about="target standard deviation per dimension")
    if result == "matrix":
        d.output(
            "matrices",
            "float",
            (batches, width, width),
            about=f"{what} matrix between the views",
        )
        d.says(f"Computes the {what} matrix between embeddings of two views.")
    elif result == "terms":
        d.output(
            "terms",
            "float",
            (batches, 3 if kind == "variance and covariance" else 2),
            about="invariance, variance and covariance terms"
            if kind == "variance and covariance"
            else "diagonal and off-diagonal terms",
        )
        d.says(
            "Computes the diagonal and off-diagonal loss terms for two views of embeddings."
            if kind != "variance and covariance"
            else "Computes the invariance, variance and covariance loss terms for two views of embeddings."
        )
    else:
        d.output("losses", "float", batches, about="loss per batch")
        if kind == "variance and covariance":
            d.says(
                "Computes losses that align two views while keeping embedding dimensions spread out and decorrelated."
            )
    N, D = "SAMPLES", "WIDTH"
    if kind == "cross correlation":
        d.function(
            '''
            @wp.func
            def inverse_deviation(variance: float) -> float:
                """Returns the inverse standard deviation."""
                return 1.0 / wp.sqrt(variance + 1.0e-4)
            '''
            if masked
            else '''
            @wp.func
            def inverse_deviation(sum_sq: float, divisor: float) -> float:
                """Returns the inverse standard deviation from a sum of squares."""
                return 1.0 / wp.sqrt(sum_sq / divisor + 1.0e-4)
            '''
        )
    if kind != "variance and covariance" and result != "matrix":
        d.function("""
            @wp.func
            def invariance_term(c: float, row: int, col: int) -> float:
                if row == col:
                    return (1.0 - c) * (1.0 - c)
                return 0.0
        """)
    if result != "matrix":
        off = "(c + 1.0) * (c + 1.0)" if anti else "c * c"
        why = (
            "Drives off-diagonal entries towards -1 (Tsai et al. 2021)."
            if anti
            else "Redundancy penalty for off-diagonal entries."
        )
        d.function(f'''
            @wp.func
            def redundancy_term(c: float, row: int, col: int) -> float:
                """{why}"""
                if row == col:
                    return 0.0
                return {off}
        ''')
    if kind == "variance and covariance":
        lack = "wp.max(floor_deviation - wp.sqrt(sum_sq / divisor + 1.0e-4), 0.0)"
        lack = f"gap = {lack}\nreturn gap * gap" if hinge == "squared" else f"return {lack}"
        what = "Squared shortfall" if hinge == "squared" else "Shortfall"
        d.function(
            f'''
            @wp.func
            def std_shortfall(sum_sq: float, divisor: float, floor_deviation: float) -> float:
                """{what} of a dimension's standard deviation, to prevent embedding collapse."""
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
    on_diag = total(f"wp.tile_map(invariance_term, {c}, row_id, col_id)")
    off_diag = total(f"wp.tile_map(redundancy_term, {c}, row_id, col_id)")
    if kind == "variance and covariance":
        corr = "\n".join(
            f"{s}_cov = wp.tile_matmul(wp.tile_transpose({s}), {s}) / {below}\n"
            f"{s}_short = wp.tile_map(std_shortfall, wp.tile_sum({s} * {s}, axis=0), {below}, floor_deviation)"
            for s in "ab"
        )
        on_diag = f"(invariance / float(SAMPLES)) * {total('gap * gap')}"
        corr += "\ngap = a_raw - b_raw"
        corr += "\nspread = wp.tile_sum(a_short + b_short, axis=0) / float(WIDTH)"
        shared = "wp.tile_map(redundancy_term, a_cov, row_id, col_id) + wp.tile_map(redundancy_term, b_cov, row_id, col_id)"
        off_diag = f"{total('shared')} / float(WIDTH)"
    before = f"shared = {shared}\n" if kind == "variance and covariance" else ""
    on, off = (
        ("invariance_loss", "cov_loss") if kind == "variance and covariance" else ("on_diag", "off_diag")
    )
    both = f"{on} = {on_diag}\n{before}{off} = {off_diag}"
    terms = [on, "spread", f"redundancy * {off}"]
    if kind != "variance and covariance":
        terms.remove("spread")
    end = {
        "matrix": f"wp.tile_store(matrices[batch], {c})",
        "terms": "\n".join(
            [both, *(f"wp.tile_store(terms[batch], {t}, offset={i})" for i, t in enumerate(terms))]
        ),
        "loss": f"{both}\nwp.tile_store(losses, {' + '.join(terms)}, offset=batch)",
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
                "variance and covariance": "Pulls the views together, keeps per-dimension variance and drives off-diagonal covariances to zero.",
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

            same = v.invariance * ((v.first - v.second) ** 2).sum((1, 2)) / count
            spread = [lack(a_) + lack(b_)]
            other = (off_(a_.swapaxes(1, 2) @ a_ / m) + off_(b_.swapaxes(1, 2) @ b_ / m)) / width
        else:
            if kind == "cross correlation":
                a_ = a_ / np.sqrt((a_**2).sum(1, keepdims=True) / m + 1e-4)
                b_ = b_ / np.sqrt((b_**2).sum(1, keepdims=True) / m + 1e-4)
            c = a_.swapaxes(1, 2) @ b_ / m
            if result == "matrix":
                return {"matrices": c}
            same = ((1 - np.einsum("bii->bi", c)) ** 2).sum(1)
            other, spread = off_(c), []
        if result == "terms":
            return {"terms": np.stack([same, *spread, v.redundancy * other], axis=1)}
        return {"losses": same + sum(spread) + v.redundancy * other}

    d.check(reference, 2e-3)
