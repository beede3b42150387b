"""Risk of portfolios: variances from weights and covariances."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.finance import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "w": "weights|holdings|positions",
    "chol": "cov_chol|cholesky|chol_factor",
    "p": "portfolio|port|account",
}


@DOMAIN.algorithm(
    source="Markowitz 1952; Sharpe 1963; Elton & Gruber 1973; Litterman 1996",
    names=_NAMES
    | {
        "risk": "risk_out|measure",
        "vols": "sigmas|volatilities|stdevs",
        "loadings": "betas|exposures|factor_loadings",
        "specific": "idio_var|residual_var|specific_var",
    },
    double=True,
    adjoint="no",
    weight=3,
)
def portfolio_risk(d: Draft) -> None:
    """Computes portfolio risk from weights and covariances."""
    what = d.option(
        "what", "variance", "volatility", "contributions", "tracking", "marginal", "diversification"
    )
    model = d.option("model", "cholesky", "constant correlation", "factors", "single index")
    layout = d.option("layout", "rows", "columns")
    if what == "tracking" and model not in ("factors", "single index"):
        model = "factors"
    if what == "diversification":
        model = "constant correlation"
    d.calls(
        {
            "variance": "portfolio_variance|risk_of_portfolios|compute_portfolio_risk",
            "volatility": "portfolio_volatility|risk_of_portfolios|compute_portfolio_risk",
            "contributions": "risk_contributions|variance_contributions|asset_contributions",
            "tracking": "tracking_variance|active_variance|variance_from_benchmark",
            "marginal": "marginal_risk|variance_gradient|marginal_variance",
            "diversification": "diversification_ratio|portfolio_diversification|compute_diversification",
        }[what]
    )
    count, assets, factors = d.pick(24, 32, 48), d.pick(6, 8, 12), d.pick(2, 3)
    each = what in ("contributions", "marginal")
    given = {
        "cholesky": "the Cholesky factor of the covariance matrix",
        "constant correlation": "volatilities and a constant pairwise correlation",
        "factors": "a factor model",
        "single index": "the single-index model",
    }[model]
    d.says({
        "variance": "Computes portfolio variances",
        "volatility": "Computes portfolio volatilities",
        "contributions": "Computes per-asset contributions to portfolio variance",
        "tracking": "Computes the tracking error variance of portfolios versus a benchmark",
        "marginal": "Computes portfolio variance gradients with respect to the weights",
        "diversification": "Computes diversification ratios (weighted mean asset volatility / portfolio volatility)",
    }[what] + f" using {given}.")  # fmt: skip
    shape = (count, assets) if layout == "rows" else (assets, count)
    share = (0.3 / assets, 1.0 / assets)
    d.input("w", "float", shape, *share, about="portfolio weights, the rest is cash")
    if what == "tracking":
        d.input("benchmark", "float", assets, *share, about="benchmark weights, the rest is cash")
    if model == "cholesky":
        d.input(
            "chol",
            "float",
            (assets, assets),
            0.02,
            0.12,
            about="lower triangular Cholesky factor (upper part is not read)",
        )
    elif model == "constant correlation":
        d.param("rho", "float", 0.1, 0.6, about="pairwise asset correlation")
        d.input("vols", "float", assets, 0.1, 0.4, about="volatilities")
    elif model == "factors":
        d.input("loadings", "float", (assets, factors), -0.5, 1.2, about="factor loadings, one row per asset")
        d.input("factor_var", "float", factors, 0.01, 0.06, about="factor variances")
        d.input("specific", "float", assets, 0.01, 0.05, about="specific variances")
    else:
        d.input("beta", "float", assets, 0.4, 1.6, about="market beta per asset")
        d.param("market_var", "float", 0.02, 0.06, about="market variance")
        d.input("specific", "float", assets, 0.01, 0.05, about="specific variances")
    d.output(
        "risk",
        "float",
        (count, assets) if each else count,
        about={
            "variance": "portfolio variances",
            "volatility": "portfolio volatilities",
            "contributions": "variance contribution per asset",
            "tracking": "tracking error variance",
            "marginal": "variance derivative with respect to each weight",
            "diversification": "diversification ratios",
        }[what],
    )
    number = "w.shape[1]" if layout == "rows" else "w.shape[0]"

    def weight(i: str) -> str:
        return f"w[p, {i}]" if layout == "rows" else f"w[{i}, p]"

    def active(i: str) -> str:
        return f"({weight(i)} - benchmark[{i}])" if what == "tracking" else weight(i)

    held = "active" if what == "tracking" else weight("i")
    deviation = f"active = {active('i')[1:-1]}\n" if what == "tracking" else ""
    exposure = last = ""
    if model == "cholesky":
        project = f"""
        projected = float(0.0)
        for j in range(k, {number}):
            projected += {weight("j")} * chol[j, k]
        """
        body = (
            """
            slope = float(0.0)
            for k in range(i + 1):
                $project
                slope += chol[i, k] * projected
            """
            if each
            else f"""
            # w' L L' w = |L' w|^2
            variance = float(0.0)
            for k in range({number}):
                $project
                variance += projected * projected
            """
        )
    elif model == "constant correlation" and each:
        body = f"""
        weighted_vol = float(0.0)
        for j in range({number}):
            weighted_vol += {weight("j")} * vols[j]
        slope = vols[i] * (rho * weighted_vol + (1.0 - rho) * {weight("i")} * vols[i])
        """
    elif model == "constant correlation":
        body = f"""
        weighted_vol = float(0.0)
        squares = float(0.0)
        for i in range({number}):
            own = {weight("i")} * vols[i]
            weighted_vol += own
            squares += own * own
        variance = rho * weighted_vol * weighted_vol + (1.0 - rho) * squares
        """
    elif model == "factors":
        last = f"{deviation}variance += {held} * {held} * specific[i]"
        exposure = f"""
        exposure = float(0.0)
        for i in range({number}):
            exposure += {active("i")} * loadings[i, f]
        """
        if each:
            body = f"""
            slope = specific[i] * {weight("i")}
            for f in range(loadings.shape[1]):
                exposure = float(0.0)
                for j in range({number}):
                    exposure += {weight("j")} * loadings[j, f]
                slope += loadings[i, f] * factor_var[f] * exposure
            """
        else:
            body = f"""
            # Specific risk is uncorrelated across assets, so variances add
            variance = float(0.0)
            for i in range({number}):
                $last
            for f in range(loadings.shape[1]):
                $exposure
                variance += factor_var[f] * exposure * exposure
            """
    else:
        if each:
            body = f"""
            beta_p = float(0.0)
            for j in range({number}):
                beta_p += {weight("j")} * beta[j]
            slope = beta[i] * market_var * beta_p + specific[i] * {weight("i")}
            """
        else:
            body = f"""
            beta_p = float(0.0)
            residual = float(0.0)
            for i in range({number}):
                $deviation
                beta_p += {held} * beta[i]
                residual += {held} * {held} * specific[i]
            variance = beta_p * beta_p * market_var + residual
            """
    store = {
        "variance": "risk[p] = variance",
        "tracking": "risk[p] = variance",
        "volatility": "risk[p] = wp.sqrt(variance)",
        "diversification": "risk[p] = weighted_vol / wp.sqrt(variance)",
        "contributions": f"risk[p, i] = {weight('i')} * slope",
        "marginal": "risk[p, i] = 2.0 * slope",
    }[what]
    d.launch(*((count, assets) if each else (count,)))
    d.code(
        "$ids = wp.tid()\n$body\n$store",
        ids="p, i" if each else "p",
        body=body,
        exposure=exposure,
        last=last,
        deviation=deviation,
        project=project if model == "cholesky" else "",
        store=store,
    )
    d.explain({
        "cholesky": "The covariance matrix is L L' with L = `chol`.",
        "constant correlation": "All asset pairs have the same correlation.",
        "factors": "Factors are assumed uncorrelated with each other and with specific returns.",
        "single index": "Assets are correlated only through their market betas.",
    }[model])  # fmt: skip

    def reference(v: Values) -> dict[str, Any]:
        w = v.w if layout == "rows" else v.w.T
        if what == "tracking":
            w = w - v.benchmark
        if model == "cholesky":
            m = np.tril(v.chol) @ np.tril(v.chol).T
        elif model == "constant correlation":
            m = np.outer(v.vols, v.vols) * (v.rho + (1 - v.rho) * np.eye(assets))
        elif model == "factors":
            m = v.loadings @ np.diag(v.factor_var) @ v.loadings.T + np.diag(v.specific)
        else:
            m = v.market_var * np.outer(v.beta, v.beta) + np.diag(v.specific)
        own = np.sqrt(np.diag(m))
        slope = w @ m.T
        variance = (w * slope).sum(axis=1)
        return {
            "risk": {
                "variance": variance,
                "tracking": variance,
                "volatility": np.sqrt(variance),
                "diversification": w @ own / np.sqrt(variance),
                "contributions": w * slope,
                "marginal": 2 * slope,
            }[what]
        }

    d.check(reference, 5e-4)
