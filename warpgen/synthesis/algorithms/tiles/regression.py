"""Regression, a block of threads for each problem."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.tiles import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, dedented

_KERNELS = {
    "gaussian": ("variance * wp.exp(-0.5 * square)", lambda s: np.exp(-0.5 * s)),
    "matern 3/2": (
        "variance * (1.0 + far) * wp.exp(-far)",
        lambda s: (1 + np.sqrt(3 * s)) * np.exp(-np.sqrt(3 * s)),
    ),
    "rational quadratic": ("variance / (1.0 + 0.5 * square)", lambda s: 1 / (1 + 0.5 * s)),
    "exponential": ("variance * wp.exp(-wp.sqrt(square))", lambda s: np.exp(-np.sqrt(s))),
}


@DOMAIN.algorithm(
    source="Rasmussen & Williams 2006, alg. 2.1 and sec. 4.2; Matheron 1963 (kriging)",
    names={
        "posterior_process": "gp_posterior|gaussian_process_tiled|kriging_blocks|gp_predict",
        "sites": "train_x|x_train|observed_at",
        "readings": "train_y|y_train|targets",
        "queries": "test_x|x_test|x_query",
        "factor": "L|chol|gram_factor",
        "weights": "alpha|coef|dual",
        "cross": "k_star|k_cross|cross_cov",
        "posterior_var": "predicted_var|var_out|uncertainty",
        "SITES": "N|NUM_TRAIN|N_OBS",
        "QUERIES": "M|NUM_TEST|N_QUERY",
    },
    adjoint="no",
    weight=5,
)
def posterior_process(d: Draft) -> None:
    """Predicts mean and variance at query points using Gaussian process regression."""
    kernel = d.option("kernel", *_KERNELS)
    noise = d.option("noise", "param", "per site")
    mean = d.option("mean", "zero", "constant", "of readings")
    scale = d.option("length scale", "param", "per axis", "per block")
    result = d.option("result", "mean", "mean and variance", "likelihood", weights=(0.3, 0.45, 0.25))
    whole = d.flag("precomputed weights", 0.35)
    if result == "likelihood":
        d.calls("gp_log_likelihood|log_marginal_likelihood|gp_evidence")
    blocks, count, asked, dims = d.pick(2, 3, 4), d.pick(5, 6, 8), d.pick(3, 4), d.pick(2, 3)
    formula, numpy = _KERNELS[kernel]
    d.module(f"SITES = wp.constant({count})\nDIMS = wp.constant({dims})")
    if result != "likelihood":
        d.module(f"QUERIES = wp.constant({asked})")
    d.input("sites", "float", (blocks, count, dims), -2.0, 2.0, about="observation locations")
    d.input("readings", "float", (blocks, count), -1.0, 1.0, about="observations")
    if result != "likelihood":
        d.input("queries", "float", (blocks, asked, dims), -2.0, 2.0, about="query locations")
    if noise == "param":
        d.param("noise", "float", 0.1, 0.3, about="noise variance")
    else:
        d.input("noise", "float", (blocks, count), 0.1, 0.3, about="noise variance per observation")
    d.param("variance", "float", 0.5, 1.5, about="signal variance")
    if scale == "param":
        d.param("length_scale", "float", 0.7, 1.5, about="kernel length scale")
    else:
        d.input(
            "length_scale",
            "float",
            dims if scale == "per axis" else blocks,
            0.7,
            1.5,
            about="kernel length scales",
        )
    if mean == "constant":
        d.param("mean_level", "float", -0.3, 0.3, about="prior mean")
    if result == "likelihood":
        d.output("evidence", "float", blocks, about="log marginal likelihood")
        d.says("Computes the log marginal likelihood of noisy observations under a Gaussian process.")
    else:
        d.output("predicted", "float", (blocks, asked), about="posterior means")
        if result == "mean and variance":
            d.output("posterior_var", "float", (blocks, asked), about="posterior variances")
        else:
            d.says("Predicts values at query points from noisy observations using a Gaussian process.")
    length = {"param": "length_scale", "per axis": "length_scale[axis]", "per block": "length_scale[block]"}[
        scale
    ]
    root = "far = wp.sqrt(3.0 * square)\n" if "far" in formula else ""
    d.function(
        f'''
        @wp.func
        def covariance(square: float, variance: float) -> float:
            """Covariance function of the squared scaled distance ({kernel.replace("gaussian", "Gaussian").replace("matern", "Matern")})."""
            $body
    ''',
        body=f"{root}return {formula}",
    )
    d.function('''
        @wp.func
        def scaled_gap(a: float, b: float, scale: float) -> float:
            """Squared difference along one axis, scaled by the length scale."""
            gap = (a - b) / scale
            return gap * gap
    ''')

    def gaps(name: str, one: str, n1: str, two: str, n2: str) -> str:
        other = (
            f"wp.tile_load({two}[block], shape=({n2}, 1), offset=(0, axis))" if one != two else f"{one}_axis"
        )
        return f"""
            {name}_square = wp.tile_zeros(shape=({n1}, {n2}), dtype=float)
            for axis in range(DIMS):
                {one}_axis = wp.tile_load({one}[block], shape=({n1}, 1), offset=(0, axis))
                {two}_other = wp.tile_transpose({other})
                {name}_square += wp.tile_map(
                    scaled_gap,
                    wp.tile_broadcast({one}_axis, shape=({n1}, {n2})),
                    wp.tile_broadcast({two}_other, shape=({n1}, {n2})),
                    {length},
                )
            {name} = wp.tile_map(covariance, {name}_square, variance)
            """

    level = {
        "zero": "y = wp.tile_load(readings[block], shape=SITES)",
        "constant": "y = wp.tile_load(readings[block], shape=SITES) - wp.tile_full(shape=SITES, value=mean_level, dtype=float)",
        "of readings": "raw = wp.tile_load(readings[block], shape=SITES)\n"
        "level = wp.tile_sum(raw)[0] / float(SITES)\ny = raw - wp.tile_full(shape=SITES, value=level, dtype=float)",
    }[mean]
    back = {"zero": "", "constant": "mean_level", "of readings": "level"}[mean]
    weights = "weights = wp.tile_cholesky_solve(factor, y)"
    if not whole:
        weights = (
            "# Solve L L^T weights = y using forward and backward substitution\nhalf = wp.tile_lower_solve(factor, y)\n"
            "weights = wp.tile_upper_solve(wp.tile_transpose(factor), half)"
        )
    predict = (
        gaps("cross", "queries", "QUERIES", "sites", "SITES")
        + """
            fit = wp.tile_matmul(cross, wp.tile_reshape(weights, shape=(SITES, 1)))
            expected = wp.tile_squeeze(fit)
            $level
            wp.tile_store(predicted[block], expected)
            """
    )
    if back:
        predict = predict.replace(
            "$level", f"expected += wp.tile_full(shape=QUERIES, value={back}, dtype=float)"
        )
    else:
        predict = predict.replace("            $level\n", "")
    variance = """
            # Explained variance: squared column norms of L^-1 K*
            explained = wp.tile_lower_solve(factor, wp.tile_transpose(cross))
            share = wp.tile_sum(wp.tile_map(wp.mul, explained, explained), axis=0)
            prior = wp.tile_full(shape=QUERIES, value=variance, dtype=float)
            wp.tile_store(posterior_var[block], prior - share)
            """
    evidence = """
            # log p(y) = -1/2 y^T (K + N)^-1 y - sum log L_ii - n/2 log 2 pi
            fit = wp.tile_dot(y, weights)[0]
            half_log_det = float(0.0)
            for k in range(SITES):
                half_log_det += wp.log(factor[k, k])
            evidence[block] = -0.5 * fit - half_log_det - 0.5 * float(SITES) * wp.log(wp.TAU)
            """
    end = {
        "mean": predict,
        "mean and variance": predict + textwrap.dedent(variance).strip("\n"),
        "likelihood": evidence,
    }[result]
    if result == "mean and variance":
        end = predict.rstrip() + "\n" + variance
    d.launch(blocks, tiled=True)
    d.code(
        """
        block = wp.tid()
        $level
        $gram
        noise_tile = $noise
        factor = wp.tile_cholesky(wp.tile_diag_add(gram, noise_tile))
        $weights
        $end
        """,
        level=level,
        gram=dedented(gaps("gram", "sites", "SITES", "sites", "SITES")),
        noise="wp.tile_full(shape=SITES, value=noise, dtype=float)"
        if noise == "param"
        else "wp.tile_load(noise[block], shape=SITES)",
        weights=weights,
        end=dedented(end),
    )
    centre = {"zero": "", "constant": "`mean_level`", "of readings": "m"}[mean]
    fit = f"{centre} + K* (K + N)^-1 (y - {centre})" if centre else "K* (K + N)^-1 y"
    whose = ", where m is the mean of the observations" if mean == "of readings" else ""
    given = "With site covariances K, query-site covariances K* and noise N, the posterior mean is\n"
    d.explain({
        "mean": f"{given}{fit}{whose}.",
        "mean and variance": f"{given}{fit}{whose}, and the variance is k** - K* (K + N)^-1 K*^T.\nK + N is only factorized once.",
        "likelihood": "The Cholesky factor of the noisy covariance matrix is used for both the solve and the log determinant."
        + {"zero": "", "constant": "\n`mean_level` is subtracted first.", "of readings": "\nThe observation mean is subtracted first."}[mean],
    }[result])  # fmt: skip

    def reference(v: Values) -> Mapping[str, Any]:
        size = {"param": v.get("length_scale"), "per axis": v.get("length_scale"),
                "per block": np.reshape(v.length_scale, (-1, 1, 1)) if scale == "per block" else None}[scale]  # fmt: skip
        x = v.sites / size

        def cov(a: Any, b: Any) -> Any:
            return v.variance * numpy(((a[:, :, None] - b[:, None]) ** 2).sum(3))

        level_ = {
            "zero": 0.0,
            "constant": v.get("mean_level"),
            "of readings": v.readings.mean(1, keepdims=True),
        }[mean]
        y = v.readings - level_
        noise_ = np.broadcast_to(v.noise, (blocks, count))
        k = cov(x, x) + np.einsum("bi,ij->bij", noise_, np.eye(count))
        w = np.linalg.solve(k, y[..., None])[..., 0]
        if result == "likelihood":
            _, det = np.linalg.slogdet(k)
            return {"evidence": -0.5 * (y * w).sum(1) - 0.5 * det - count / 2 * np.log(2 * np.pi)}
        ks = cov(v.queries / size, x)
        found = {"predicted": (ks @ w[..., None])[..., 0] + level_}
        if result == "mean and variance":
            found["posterior_var"] = v.variance - (
                ks * np.linalg.solve(k, ks.swapaxes(1, 2)).swapaxes(1, 2)
            ).sum(2)
        return found

    d.check(reference, 5e-3)
