"""Densities of points in several dimensions, a block of threads for each set of points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.statistics import DOMAIN
from warpgen.synthesis.library.tile_forms import LOG_DIAGONAL, per_col, per_row, places
from warpgen.synthesis.writing.draft import Draft, Values, dedented

_NAMES = {
    "points": "samples|observations|x_data",
    "means": "centers|locations|mu",
    "POINTS": "N|NUM_POINTS|BATCH",
    "DIM": "D|NUM_DIMS|FEATURES",
    "gap": "centered|deviation|diff",
    "square": "mahalanobis_sq|dist_sq|quad",
}
_LOADINGS = {
    "factors": """
        # Factor analysis: low-rank loadings plus a diagonal variance
        load = wp.tile_load(loadings[group], shape=(DIM, CAUSES))
        common = wp.tile_matmul(load, wp.tile_transpose(load))
        own = wp.tile_load(variances[group], shape=DIM)
        cov = wp.tile_map(add_own, common, row_id, col_id, $own_wide)
    """,
    "autoregressive": """
        # AR(1): correlation decays with the lag
        scale = wp.tile_map(wp.sqrt, wp.tile_load(variances[group], shape=DIM))
        $outer
        cov = wp.tile_map(decaying, scales, row_id, col_id, rho)
    """,
    "exchangeable": """
        # Compound symmetry: equal correlation for all pairs
        scale = wp.tile_map(wp.sqrt, wp.tile_load(variances[group], shape=DIM))
        $outer
        cov = wp.tile_map(exchangeable, scales, row_id, col_id, rho)
    """,
}
_LAWS = {
    "gaussian": "0.5 * square - half_log_det",
    "student": "0.5 * (dof + float(DIM)) * wp.log(1.0 + square / dof) - half_log_det",
    "distance": "",
}


@DOMAIN.algorithm(
    source="Mardia, Kent & Bibby 1979, ch. 2 and 9; Lange, Little & Taylor 1989 (t); Bishop 2006, sec. 12.2.4",
    names=_NAMES
    | {
        "white": "whitened|z|standard",
        "lower": "factor|chol|ell",
        "cov": "covariance|sigma|cov_mat",
        "scatter": "scale_matrix|shape_mat|sigma",
        "group": "cluster|component|block",
        "rho": "corr|correlation|corr_coef",
    },
    adjoint="yes",
    weight=3,
)
def log_densities(d: Draft) -> None:
    """Computes log densities of points using structured covariance matrices."""
    kind = d.option("covariance", *_LOADINGS)
    law = d.option("law", *_LAWS)
    result = d.option("result", "per point", "mean loss", "whitened", weights=(0.5, 0.3, 0.2))
    middle = d.option("middle", "given", "of the points", "zero")
    noise = d.flag("noise", 0.35)
    count, dim, groups = d.pick(6, 8, 12), d.pick(3, 4, 5), d.pick(2, 3)
    if result == "whitened":
        law = "distance"
    if law == "distance" and result == "mean loss":
        result = "per point"
    causes = 2
    constants = f"POINTS = wp.constant({count})\nDIM = wp.constant({dim})"
    d.module(constants + (f"\nCAUSES = wp.constant({causes})" if kind == "factors" else ""))
    d.input("points", "float", (groups, count, dim), -1.5, 1.5, about="points, one per row")
    if middle == "given":
        d.input("means", "float", (groups, dim), -0.5, 0.5, about="group means")
    if kind == "factors":
        d.input(
            "loadings",
            "float",
            (groups, dim, causes),
            -0.8,
            0.8,
            about="factor loadings per coordinate",
        )
    else:
        pair = "neighbouring" if kind == "autoregressive" else "any two"
        d.param("rho", "float", 0.2, 0.6, about=f"correlation of {pair} coordinates")
    # That of Student's law is no covariance: this is larger by dof / (dof - 2)
    matrix, spread = ("scale", "squared scales") if law == "student" else ("covariance", "variances")
    about = f"residual {spread}" if kind == "factors" else f"{spread} of the coordinates"
    d.input("variances", "float", (groups, dim), 0.5, 1.5, about=about)
    if noise:
        d.input(
            "noise", "float", groups, 0.1, 0.3, about=f"measurement {spread}, added to the group covariance"
        )
    if law == "student":
        d.param("dof", "float", 3.0, 8.0, about="degrees of freedom, small for heavy tails")
    name, shape, about = {
        "per point": ("distances", (groups, count), "Mahalanobis distances")
        if law == "distance"
        else ("log_p", (groups, count), "log densities"),
        "mean loss": ("losses", (groups,), "mean negative log densities"),
        "whitened": ("whitened", (groups, dim, count), "whitened coordinates, one column per point"),
    }[result]
    d.output(name, "float", shape, about=about)
    constant = ", up to a constant," if law == "student" else ""
    noisy = " plus measurement noise" if noise else ""
    laws = "Student's t" if law == "student" else "normal"
    of = {
        "factors": "a factor model's",
        "autoregressive": "an autoregressive",
        "exchangeable": "an exchangeable",
    }[kind]
    central = "zero-mean " * (middle == "zero")
    d.says(
        {
            "whitened": f"Whitens points using the Cholesky factor of {of} covariance matrix{noisy}.",
            "mean loss": f"Computes mean negative log densities of points{constant} under {central}{laws} distributions with {of} {matrix} matrix{noisy}.",
        }.get(
            result,
            f"Computes Mahalanobis distances of points {'from the origin ' * (middle == 'zero')}under {of} covariance matrix{noisy}."
            if law == "distance"
            else f"Computes log densities of points{constant} under {central}{laws} distributions with {of} {matrix} matrix{noisy}.",
        )
    )
    if result == "per point":
        d.calls({
            "gaussian": "mvn_logpdf|gaussian_log_density|gaussian_log_likelihood",
            "student": "student_logpdf|student_log_density|multivariate_t_logpdf",
            "distance": "mahalanobis_distances|mahalanobis|whitened_distances",
        }[law])  # fmt: skip
    else:
        d.calls({
            "whitened": "whiten_points|whiten_samples|decorrelate_points",
            "mean loss": "mean_nll|negative_log_likelihood|density_loss",
        }[result])  # fmt: skip
    if kind == "factors":
        d.function("""
            @wp.func
            def add_own(common: float, row: int, col: int, own: float) -> float:
                if row == col:
                    return common + own
                return common
        """)
    elif kind == "autoregressive":
        d.function("""
            @wp.func
            def decaying(scales: float, row: int, col: int, rho: float) -> float:
                return scales * wp.pow(rho, float(wp.abs(row - col)))
        """)
    else:
        d.function("""
            @wp.func
            def exchangeable(scales: float, row: int, col: int, rho: float) -> float:
                if row == col:
                    return scales
                return rho * scales
        """)
    if noise:
        d.function("""
            @wp.func
            def add_noise(entry: float, row: int, col: int, noise: float) -> float:
                if row == col:
                    return entry + noise
                return entry
        """)
    if law != "distance":
        d.function(LOG_DIAGONAL)
        tail = ", dof: float" if law == "student" else ""
        why = "# Omit the terms that depend on dof alone\n" if tail else ""
        norm = "" if tail else "log_norm"
        d.function(
            f"""
            @wp.func
            def log_density(square: float, half_log_det: float{tail or ", log_norm: float"}) -> float:
                $rule
            """,
            rule=f"{why}return {norm} - {_LAWS[law]}".replace("return  -", "return -"),
        )
    loads = {
        "given": f"mu = wp.tile_load(means[group], shape=DIM)\ngap = x - {per_col('mu', 'POINTS', 'DIM')}",
        "of the points": f"mu = wp.tile_sum(x, axis=0) / float(POINTS)\ngap = x - {per_col('mu', 'POINTS', 'DIM')}",
        "zero": "",
    }[middle]
    gap = "gap" if loads else "x"
    constant = {
        "gaussian": "log_norm = -0.5 * float(DIM) * wp.log(wp.TAU)",
        "student": "",
        "distance": "",
    }[law]
    score = f"""
        square = wp.tile_sum(white * white, axis=0)
        half_log_det = wp.tile_sum(wp.tile_sum(wp.tile_map(log_diagonal, lower, row_id, col_id), axis=1), axis=0)
        {constant}
        log_p_tile = wp.tile_map(log_density, square, wp.tile_broadcast(half_log_det, shape=(POINTS,)), {"dof" if law == "student" else "log_norm"})
    """
    end = {
        "whitened": "wp.tile_store(whitened[group], white)",
        "per point": "square = wp.tile_sum(white * white, axis=0)\n"
        "wp.tile_store(distances[group], wp.tile_map(wp.sqrt, square))"
        if law == "distance"
        else dedented(score) + "\nwp.tile_store(log_p[group], log_p_tile)",
        "mean loss": dedented(score)
        + "\nwp.tile_store(losses, wp.tile_sum(log_p_tile, axis=0) * (-1.0 / float(POINTS)), offset=group)",
    }[result]
    # That of Student's law is no covariance
    spread_matrix = "scatter" if law == "student" else "cov"
    cov = dedented(_LOADINGS[kind]).replace("cov = ", f"{spread_matrix} = ")
    d.launch(groups, tiled=True)
    d.code(
        """
        group = wp.tid()
        x = wp.tile_load(points[group], shape=(POINTS, DIM))
        $loads
        $index
        $cov
        $noise
        lower = wp.tile_cholesky($matrix)
        # Whiten by solving L W = $centered^T
        white = wp.tile_lower_solve(lower, wp.tile_transpose($gap))
        $end
        """,
        loads=loads,
        index=places("DIM", "DIM"),
        cov=cov,
        own_wide=per_col("own", "DIM", "DIM"),
        outer=f"scales = {per_row('scale', 'DIM', 'DIM')} * {per_col('scale', 'DIM', 'DIM')}",
        noise="level = wp.tile_load(noise, shape=1, offset=group)\n"
        f"noisy = wp.tile_map(add_noise, {spread_matrix}, row_id, col_id, wp.tile_broadcast(level, shape=(DIM, DIM)))"
        if noise
        else "",
        matrix="noisy" if noise else spread_matrix,
        gap=gap,
        centered="(x - mu)" if loads else "x",
        end=end,
    )
    if law == "student":
        d.explain("Terms that depend on the degrees of freedom alone are omitted.")
    else:
        centered = "(x - mu)" if loads else "x"
        determinant = ", and log det C = 2 sum log L_ii" if law == "gaussian" else ""
        d.explain(
            f"With C = L L^T the whitened points are L^-1 {centered}."
            if result == "whitened"
            else f"With C = L L^T the squared distance is |L^-1 {centered}|^2{determinant}."
        )

    def reference(v: Values) -> Mapping[str, Any]:
        mu = {"given": v.get("means"), "of the points": v.points.mean(1), "zero": np.zeros((groups, dim))}[
            middle
        ]
        s, i = np.sqrt(v.variances), np.arange(dim)
        if kind == "factors":
            c = v.loadings @ v.loadings.swapaxes(1, 2) + v.variances[..., None] * np.eye(dim)
        else:
            r = (
                v.rho ** abs(i[:, None] - i)
                if kind == "autoregressive"
                else np.where(np.eye(dim) > 0, 1.0, v.rho)
            )
            c = s[:, :, None] * r * s[:, None]
        if noise:
            c = c + v.noise[:, None, None] * np.eye(dim)
        gap_ = v.points - mu[:, None]
        if result == "whitened":
            return {name: np.linalg.solve(np.linalg.cholesky(c), gap_.swapaxes(1, 2))}
        q = np.einsum("gni,gij,gnj->gn", gap_, np.linalg.inv(c), gap_)
        det = np.linalg.slogdet(c)[1][:, None]
        if law == "distance":
            return {name: np.sqrt(q)}
        if law == "gaussian":
            p = -0.5 * (q + det + dim * np.log(2 * np.pi))
        else:
            p = -0.5 * (v.dof + dim) * np.log1p(q / v.dof) - 0.5 * det
        return {name: p if result == "per point" else -p.mean(1)}

    d.check(reference, 1e-3)
