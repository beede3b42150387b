"""Risk of portfolios, and indicators of prices."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.finance import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source=(
        "Markowitz 1952; Jorion 2006, Value at Risk; Rockafellar & Uryasev 2000; Sharpe 1966; "
        "Magdon-Ismail 2004"
    ),
    names={
        "portfolio_risk": "risk_measures|measure_risk|evaluate_portfolios",
        "w": "weights|alloc|positions",
        "cov": "covariance|sigma|risk_matrix",
        "returns": "scenarios|pnl|r",
        "variance": "var|port_var|quad",
        "peak": "high_water|running_max|top",
        "wealth": "value|nav|equity",
    },
    double=True,
    adjoint="no",
)
def portfolio_risk(d: Draft) -> None:
    """Measures the risk of portfolios."""
    measure = d.option(
        "measure",
        "variance",
        "contribution",
        "var",
        "shortfall",
        "sharpe",
        "drawdown",
        "semideviation",
        "beta",
    )
    layout = d.option("layout", "rows", "columns")
    mean = d.flag("log returns", 0.4)
    demean = d.flag("demean", 0.5)
    scale = d.flag("annual", 0.3)
    n, assets, days = d.pick(24, 32, 48), d.pick(4, 5, 6), d.pick(16, 20, 25)
    weights_at = "w[p, a]" if layout == "rows" else "w[a, p]"
    other_at = "w[p, b]" if layout == "rows" else "w[b, p]"
    d.input("w", "float", (n, assets) if layout == "rows" else (assets, n), 0.05, 0.5)
    assets_of = "w.shape[1]" if layout == "rows" else "w.shape[0]"
    if measure in ("variance", "contribution"):
        d.input("cov", "float", (assets, assets), 0.01, 0.09)
    else:
        d.input("returns", "float", (days, assets), -0.05, 0.06)
    if measure == "beta":
        d.input("market", "float", days, -0.05, 0.06)
    if measure in ("var", "shortfall"):
        d.param("tail", "int", d.pick(2, 3, 4))
    if measure == "sharpe":
        d.param("risk_free", "float", 0.0, 0.005)
    if scale and measure in ("variance", "sharpe", "semideviation"):
        d.param("year", "float", 252.0)
    name = {
        "variance": "volatility",
        "contribution": "contributions",
        "var": "value_at_risk",
        "shortfall": "shortfall",
        "sharpe": "ratio",
        "drawdown": "drawdown",
        "semideviation": "deviation",
        "beta": "betas",
    }[measure]
    d.output(name, "float", (n, assets) if measure == "contribution" else n)
    if measure not in ("variance", "contribution"):
        d.function(
            """
            @wp.func
            def portfolio_return(
                w: wp.array2d(dtype=float), returns: wp.array2d(dtype=float), p: int, day: int
            ) -> float:
                r = float(0.0)
                for a in range($n):
                    r += $w * returns[day, a]
                return $value
            """,
            n=assets_of,
            w=weights_at,
            value="wp.log(1.0 + r)" if mean else "r",
        )
    call = "portfolio_return(w, returns, p, day)"
    days_of = "returns.shape[0]"
    annual = scale and measure in ("variance", "sharpe", "semideviation")
    if measure in ("variance", "contribution"):
        sums = (
            "variance = float(0.0)\n"
            f"for a in range({assets_of}):\n"
            "    row = float(0.0)\n"
            f"    for b in range({assets_of}):\n"
            f"        row += 0.5 * (cov[a, b] + cov[b, a]) * {other_at}\n"
            "    $keep\n"
            f"    variance += {weights_at} * row"
        )
        keep = ""
        if measure == "contribution":
            keep = (
                "# the derivative of the variance with the weight, times it: Euler's decomposition\n"
                "contributions[p, a] = $w * row"
            ).replace("$w", weights_at)
            end = f"for a in range({assets_of}):\n    contributions[p, a] = contributions[p, a] / variance"
        else:
            end = f"volatility[p] = wp.sqrt(variance{' * year' if annual else ''})"
        body = f"{sums}\n{end}"
    else:
        keep = ""
        if measure in ("var", "shortfall"):
            last = "value_at_risk[p] = -worst" if measure == "var" else "shortfall[p] = -loss / float(tail)"
            body = f"""
            # the days are ranked by counting, as only the tail's are wanted
            {"worst" if measure == "var" else "loss"} = float(0.0)
            for day in range({days_of}):
                r = {call}
                rank = int(0)
                for other in range({days_of}):
                    q = portfolio_return(w, returns, p, other)
                    if q < r or (q == r and other < day):
                        rank += 1
                if rank {"== tail - 1" if measure == "var" else "< tail"}:
                    {"worst = r" if measure == "var" else "loss += r"}
            {last}
            """
        elif measure == "drawdown":
            grow = "wealth = wealth * wp.exp({0})" if mean else "wealth = wealth * (1.0 + {0})"
            body = f"""
            wealth = float(1.0)
            peak = float(1.0)
            worst = float(0.0)
            for day in range({days_of}):
                {grow.format(call)}
                peak = wp.max(peak, wealth)
                worst = wp.max(worst, 1.0 - wealth / peak)
            drawdown[p] = worst
            """
        elif measure == "beta":
            body = f"""
            mean_r = float(0.0)
            mean_m = float(0.0)
            for day in range({days_of}):
                mean_r += {call} / float({days_of})
                mean_m += market[day] / float({days_of})
            both = float(0.0)
            own = float(0.0)
            for day in range({days_of}):
                m = market[day] - mean_m
                both += ({call} - mean_r) * m
                own += m * m
            betas[p] = both / own
            """
        elif measure == "sharpe":
            body = f"""
            mean = float(0.0)
            for day in range({days_of}):
                mean += ({call} - risk_free) / float({days_of})
            square = float(0.0)
            for day in range({days_of}):
                excess = {call} - risk_free - mean
                square += excess * excess
            ratio[p] = mean / wp.sqrt(square / float({days_of} - 1)){" * wp.sqrt(year)" if annual else ""}
            """
        else:
            target = "0.0" if not demean else "mean"
            mean_lines = (
                ""
                if not demean
                else (
                    "mean = float(0.0)\n"
                    f"            for day in range({days_of}):\n"
                    f"                mean += {call} / float({days_of})"
                )
            )
            body = f"""
            {mean_lines}
            square = float(0.0)
            for day in range({days_of}):
                # gains are no risk
                short = wp.min({call} - {target}, 0.0)
                square += short * short
            deviation[p] = wp.sqrt(square / float({days_of}){" * year" if annual else ""})
            """
    d.launch(n)
    d.code("p = wp.tid()\n$body", body=body, keep=keep)
    d.says(
        {
            "variance": "Computes the volatility of each portfolio from the covariances of its assets.",
            "contribution": "Computes the share of each asset in the variance of each portfolio.",
            "var": "Computes the value at risk of each portfolio from historical returns.",
            "shortfall": "Computes the expected shortfall of each portfolio from historical returns.",
            "sharpe": "Computes the Sharpe ratio of each portfolio from historical returns.",
            "drawdown": "Computes the largest drawdown of each portfolio over a history of returns.",
            "semideviation": "Computes the downside deviation of each portfolio from historical returns.",
            "beta": "Computes the beta of each portfolio, the slope of its returns with the market's.",
        }[measure]
    )

    def reference(v: Values) -> dict[str, Any]:
        w = v.w if layout == "rows" else v.w.T
        year = v.year if annual else 1.0
        if measure in ("variance", "contribution"):
            c = (v.cov + v.cov.T) / 2
            var = np.einsum("pa,ab,pb->p", w, c, w)
            return {name: np.sqrt(var * year) if measure == "variance" else w * (w @ c) / var[:, None]}
        r = w @ v.returns.T
        lr = np.log1p(r) if mean else r
        s = np.sort(lr, axis=1)
        k = int(v.get("tail", 1))
        wealth = np.concatenate([np.ones((n, 1)), np.cumprod(1 + r, axis=1)], axis=1)
        low = np.minimum(lr - (lr.mean(axis=1, keepdims=True) if demean else 0.0), 0)
        rf = v.get("risk_free", 0.0)
        found: dict[str, Any] = {
            "var": lambda: -s[:, k - 1],
            "shortfall": lambda: -s[:, :k].mean(axis=1),
            "sharpe": lambda: (lr - rf).mean(1) / lr.std(axis=1, ddof=1) * np.sqrt(year),
            "drawdown": lambda: (1 - wealth / np.maximum.accumulate(wealth, axis=1)).max(axis=1),
            "semideviation": lambda: np.sqrt((low**2).mean(axis=1) * year),
            "beta": lambda: (
                ((lr - lr.mean(1, keepdims=True)) @ (v.market - v.market.mean()))
                / ((v.market - v.market.mean()) ** 2).sum()
            ),
        }
        return {name: found[measure]()}

    d.check(reference, 2e-3)
