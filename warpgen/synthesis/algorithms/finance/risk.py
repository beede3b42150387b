"""Risk of portfolios: variances from weights and covariances."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.finance import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "w": "weights|holdings|positions",
    "cov": "covariance|cov_matrix",
    "p": "portfolio|port|account",
}


@DOMAIN.algorithm(
    source="Markowitz 1952; Sharpe 1963; Litterman 1996",
    names=_NAMES
    | {
        "risk": "risk_out|measure",
        "vols": "sigmas|volatilities|stdevs",
        "loadings": "betas|exposures|factor_loadings",
        "specific": "idio_var|residual_var|specific_var",
    },
    double=True,
    adjoint="either",
    weight=3,
)
def portfolio_risk(d: Draft) -> None:
    """Computes the risk of portfolios from weights and covariances."""
    what = d.option(
        "what", "variance", "volatility", "contributions", "tracking", "marginal", "diversification"
    )
    model = d.option("model", "covariance", "correlation", "factors", "single index")
    layout = d.option("layout", "rows", "columns")
    symmetric = d.flag("symmetric")
    if what == "tracking" and model not in ("factors", "single index"):
        model = "factors"
    if model in ("factors", "single index") and what == "diversification":
        what = "variance"
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
        "covariance": "a covariance matrix",
        "correlation": "correlations and volatilities",
        "factors": "a factor model",
        "single index": "the single-index model",
    }[model]
    d.says({
        "variance": "Computes the variance of portfolios",
        "volatility": "Computes the volatility of portfolios",
        "contributions": "Computes the contribution of each asset to the variance of portfolios",
        "tracking": "Computes the variance of portfolios relative to a benchmark",
        "marginal": "Computes the derivative of the variance of portfolios in each weight",
        "diversification": "Computes the ratio of the weighted mean volatility of assets to that of portfolios",
    }[what] + f", from {given}.")  # fmt: skip
    shape = (count, assets) if layout == "rows" else (assets, count)
    d.input("w", "float", shape, 0.02, 0.3, about="portfolio weights")
    if what == "tracking":
        d.input("benchmark", "float", assets, 0.02, 0.3, about="weights of the benchmark")
    if model == "covariance":
        d.input("cov", "float", (assets, assets), 0.005, 0.06, about="covariance matrix of the returns")
        c = "cov[i, j]"
    elif model == "correlation":
        d.input("corr", "float", (assets, assets), 0.1, 0.8, about="correlation matrix of the returns")
        d.input("vols", "float", assets, 0.1, 0.4, about="volatilities")
        c = "corr[i, j] * vols[i] * vols[j]"
    elif model == "factors":
        d.input("loadings", "float", (assets, factors), -0.5, 1.2, about="factor loadings, one row per asset")
        d.input("factor_var", "float", factors, 0.01, 0.06, about="variances of the factors")
        d.input("specific", "float", assets, 0.01, 0.05, about="specific variances")
        c = ""
    else:
        d.input("beta", "float", assets, 0.4, 1.6, about="sensitivity to the market")
        d.param("market_var", "float", 0.02, 0.06, about="variance of the market")
        d.input("specific", "float", assets, 0.01, 0.05, about="specific variances")
        c = ""
    d.output(
        "risk",
        "float",
        (count, assets) if each else count,
        about={
            "variance": "variance of each portfolio",
            "volatility": "volatility of each portfolio",
            "contributions": "contribution of each asset to the variance",
            "tracking": "variance of each portfolio's return over the benchmark's",
            "marginal": "derivative of the variance in each weight",
            "diversification": "diversification ratio of each portfolio",
        }[what],
    )
    number = "w.shape[1]" if layout == "rows" else "w.shape[0]"

    def weight(i: str) -> str:
        return f"w[p, {i}]" if layout == "rows" else f"w[{i}, p]"

    def active(i: str) -> str:
        return f"({weight(i)} - benchmark[{i}])" if what == "tracking" else weight(i)

    mean = exposure = ""
    if model in ("covariance", "correlation"):
        if each:
            body = f"""
            slope = float(0.0)
            for j in range({number}):
                slope += {c} * {weight("j")}
            """
        elif symmetric and what != "diversification":
            diagonal = c.replace("j]", "i]").replace("corr[i, i] * vols[i] * vols[i]", "vols[i] * vols[i]")
            body = f"""
            variance = float(0.0)
            for i in range({number}):
                variance += {diagonal} * {weight("i")} * {weight("i")}
                # Off-diagonal terms count twice, since the matrix is symmetric
                for j in range(i):
                    variance += 2.0 * {c} * {weight("i")} * {weight("j")}
            """
        else:
            if what == "diversification":
                own = "vols[i]" if model == "correlation" else "wp.sqrt(cov[i, i])"
                mean = f"mean_vol += {weight('i')} * {own}"
            body = f"""
            variance = float(0.0)
            $mean_start
            for i in range({number}):
                $mean
                for j in range({number}):
                    variance += {c} * {weight("i")} * {weight("j")}
            """
    elif model == "factors":
        last = f"variance += {active('i')} * {active('i')} * specific[i]"
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
            # Specific risk is uncorrelated across assets, hence a plain sum of variances
            variance = float(0.0)
            for i in range({number}):
                {last}
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
                beta_p += {active("i")} * beta[i]
                residual += {active("i")} * {active("i")} * specific[i]
            variance = beta_p * beta_p * market_var + residual
            """
    store = {
        "variance": "risk[p] = variance",
        "tracking": "risk[p] = variance",
        "volatility": "risk[p] = wp.sqrt(variance)",
        "diversification": "risk[p] = mean_vol / wp.sqrt(variance)",
        "contributions": f"risk[p, i] = {weight('i')} * slope",
        "marginal": "risk[p, i] = 2.0 * slope",
    }[what]
    if not (what in ("variance", "marginal") and c):
        d.forward_only()  # Warp does not tape sums of loops, which the adjoint of their products needs
    d.launch(*((count, assets) if each else (count,)))
    d.code(
        "$ids = wp.tid()\n$body\n$store",
        ids="p, i" if each else "p",
        body=body,
        exposure=exposure,
        mean=mean,
        mean_start="mean_vol = float(0.0)" if mean else "",
        store=store,
    )
    d.explain({
        "covariance": "The covariance matrix must be symmetric.",
        "correlation": "The correlation matrix must be symmetric, with ones on its diagonal.",
        "factors": "Factors must be uncorrelated with each other and with the specific returns.",
        "single index": "Assets move together only by their sensitivities to the market.",
    }[model])  # fmt: skip

    def reference(v: Values) -> dict[str, Any]:
        w = v.w if layout == "rows" else v.w.T
        if what == "tracking":
            w = w - v.benchmark
        if model == "covariance":
            m = v.cov
        elif model == "correlation":
            m = v.corr * np.outer(v.vols, v.vols)
            if symmetric and not each and what != "diversification":
                m = m + np.diag(v.vols**2 - np.diag(m))
        elif model == "factors":
            m = v.loadings @ np.diag(v.factor_var) @ v.loadings.T + np.diag(v.specific)
        else:
            m = v.market_var * np.outer(v.beta, v.beta) + np.diag(v.specific)
        if symmetric and c and not each and what != "diversification":
            m = np.tril(m) + np.tril(m, -1).T  # of the upper triangle nothing is read
        own = v.vols if model == "correlation" else np.sqrt(np.diag(m))
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
