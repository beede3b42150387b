"""Risk of portfolios: variances and tails of losses."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.finance import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "w": "weights|holdings|positions",
    "cov": "covariance|cov_matrix",
    "p": "portfolio|port|account",
    "returns": "rets|gains",
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
    weight=6,
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
        "diversification": "Computes the ratio of the mean volatility of assets to that of portfolios",
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
        about="figures per asset and portfolio" if each else "figure per portfolio",
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
    d.explain("Variances are per year if covariances are; the covariance matrix must be symmetric.")

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


@DOMAIN.algorithm(
    source="Artzner et al. 1999; Rockafellar & Uryasev 2000; Jorion 2007, ch. 5",
    names=_NAMES
    | {
        "losses": "loss|scenarios|pnl_losses",
        "var": "quantile_loss|var_p",
        "tail": "k_tail|worst|n_tail",
        "rank": "above|order|place",
    },
    double=True,
    adjoint="no",
    weight=3,
)
def tail_risk(d: Draft) -> None:
    """Measures the tail of the losses of portfolios over scenarios."""
    method = d.option("method", "sorted", "ranks", "worst list", "normal", "cornish fisher")
    result = d.option("result", "var", "shortfall", "both")
    layout = d.option("layout", "rows", "columns")
    sign = d.option("sign", "losses", "returns")
    historical = method in ("sorted", "ranks", "worst list")
    if method == "cornish fisher":
        result = "var"
    d.calls(
        {
            "var": "value_at_risk|portfolio_var|compute_var",
            "shortfall": "expected_shortfall|conditional_var|compute_shortfall",
            "both": "tail_risk|loss_tail|portfolio_tail",
        }[result]
    )
    count, scenarios = d.pick(24, 32, 48), d.pick(30, 40, 50)
    name = {
        "var": "the value at risk of portfolios",
        "shortfall": "the expected shortfall of portfolios",
        "both": "value at risk and expected shortfall of portfolios",
    }[result]
    how = {
        "normal": "as if losses were normal",
        "cornish fisher": "by the expansion of Cornish and Fisher",
    }.get(method, "by historical simulation")
    d.says(f"Computes {name} {how}.")
    shape = (count, scenarios) if layout == "rows" else (scenarios, count)
    if method == "sorted":
        d.inout("losses", "float", shape, -3.0, 4.0, about="losses per scenario")
        sign = "losses"
    else:
        d.input("losses" if sign == "losses" else "returns", "float", shape, -3.0, 4.0)
    source = "losses" if sign == "losses" else "returns"
    minus = "" if sign == "losses" else "-"
    if historical:
        d.param("tail", "int", d.pick(3, 4, 5), about="number of scenarios in the tail")
    else:
        d.param("z", "float", 1.6, 2.4, about="normal quantile of the confidence level")
    if result != "shortfall":
        d.output("var", "float", count, about="value at risk")
    if result != "var":
        d.output("shortfall", "float", count, about="expected shortfall")

    def at(i: str) -> str:
        return f"{source}[p, {i}]" if layout == "rows" else f"{source}[{i}, p]"

    n = f"{source}.shape[{1 if layout == 'rows' else 0}]"
    wants_mean = result != "var"
    if method == "sorted":
        body = f"""
        # Insertion sort in descending order. NOTE: `and` evaluates both sides, so j - 1 has to be a valid index
        for i in range(1, {n}):
            loss = {at("i")}
            j = int(i)
            while j > 0 and {at("wp.max(j - 1, 0)")} < loss:
                {at("j")} = {at("j - 1")}
                j -= 1
            {at("j")} = loss
        """
        stores = f"var[p] = {at('tail - 1')}" if result != "shortfall" else ""
        if wants_mean:
            stores += f"\nworst = float(0.0)\nfor i in range(tail):\n    worst += {at('i')}\n"
            stores += "shortfall[p] = worst / float(tail)"
    elif method == "ranks":
        worse = ">" if sign == "losses" else "<"
        quantile = f"if rank == tail - 1:\n    var[p] = {minus}{at('i')}" if result != "shortfall" else ""
        add = f"if rank < tail:\n    worst += {minus}{at('i')}" if wants_mean else ""
        body = f"""
        $worst
        for i in range({n}):
            rank = int(0)
            for j in range({n}):
                # Break ties by index so each rank is unique
                if {at("j")} {worse} {at("i")} or ({at("j")} == {at("i")} and j < i):
                    rank += 1
            $quantile
            $add
        """
        stores = "shortfall[p] = worst / float(tail)" if wants_mean else ""
    elif method == "worst list":
        quantile = add = ""
        body = f"""
        # Select the next largest loss in each pass
        last = float(1.0e30)
        $worst
        for number in range(tail):
            next_worst = float(-1.0e30)
            for i in range({n}):
                loss = {minus}{at("i")}
                if loss < last:
                    next_worst = wp.max(next_worst, loss)
            last = next_worst
            $sum
        """
        stores = "var[p] = last" if result != "shortfall" else ""
        stores += "\nshortfall[p] = worst / float(tail)" if wants_mean else ""
    else:
        body = f"""
        mean = float(0.0)
        for i in range({n}):
            mean {"-=" if minus else "+="} {at("i")}
        mean /= float({n})
        m2 = float(0.0)
        $m3
        for i in range({n}):
            dev = {minus}{at("i")} - mean
            m2 += dev * dev
            $moments
        sd = wp.sqrt(m2 / float({n}))
        """
        if method == "normal":
            stores = "var[p] = mean + z * sd\n" if result != "shortfall" else ""
            if wants_mean:
                stores += """
# Expected shortfall of a normal variable: pdf(z) / (1 - cdf(z))
density = wp.exp(-0.5 * z * z) / wp.sqrt(2.0 * wp.pi)
shortfall[p] = mean + sd * density / (0.5 * wp.erfc(z / wp.sqrt(2.0)))"""
        else:
            stores = f"""
            cube = sd * sd * sd
            skew = m3 / (float({n}) * cube)
            excess = m4 / (float({n}) * cube * sd) - 3.0
            # Cornish-Fisher expansion of the quantile
            q = z + (z * z - 1.0) * skew / 6.0 + (z * z * z - 3.0 * z) * excess / 24.0
            q -= (2.0 * z * z * z - 5.0 * z) * skew * skew / 36.0
            var[p] = mean + q * sd
            """
    d.launch(count)
    d.code(
        "p = wp.tid()\n$body\n$stores",
        body=body,
        stores=stores,
        worst="worst = float(0.0)" if wants_mean else "",
        quantile=quantile if method == "ranks" else "",
        add=add if method == "ranks" else "",
        sum="worst += last" if wants_mean else "",
        m3="m3 = float(0.0)\nm4 = float(0.0)" if method == "cornish fisher" else "",
        moments="m3 += dev * dev * dev\nm4 += dev * dev * dev * dev" if method == "cornish fisher" else "",
    )
    if historical:
        d.explain("""
            The value at risk is the least of the `tail` worst losses, the shortfall their mean. Losses are
            positive.
        """)
    else:
        d.explain("`z` is the quantile of the normal distribution for the confidence wanted, 1.645 for 95 %.")

    def reference(v: Values) -> dict[str, Any]:
        x = v[source] if layout == "rows" else v[source].T
        x = x if sign == "losses" else -x
        ordered = -np.sort(-x, axis=1)
        if historical:
            made = {"var": ordered[:, v.tail - 1], "shortfall": ordered[:, : v.tail].mean(axis=1)}
        else:
            mean, sd = x.mean(axis=1), x.std(axis=1)
            s, z = (x - mean[:, None]) / sd[:, None], v.z
            skew, excess = (s**3).mean(axis=1), (s**4).mean(axis=1) - 3
            q = z + (z**2 - 1) * skew / 6 + (z**3 - 3 * z) * excess / 24 - (2 * z**3 - 5 * z) * skew**2 / 36
            grid = np.linspace(z, z + 12, 40001)
            beyond = np.exp(-(grid**2) / 2)
            tail_mean = (grid * beyond).sum() / beyond.sum()
            made = {
                "var": mean + (q if method == "cornish fisher" else z) * sd,
                "shortfall": mean + tail_mean * sd,
            }
        found = {key: made[key] for key in ("var", "shortfall") if result in (key, "both")}
        if method == "sorted":
            found["losses"] = ordered if layout == "rows" else ordered.T
        return found

    d.check(reference, 2e-3)
