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


@DOMAIN.algorithm(
    source="Wilder 1978 (RSI, ATR); Appel 1979 (MACD); Bollinger 2001; Lane 1984 (stochastic)",
    names={
        "price_indicator": "technical_indicator|compute_indicator|indicator_kernel",
        "close": "prices|price|last",
        "period": "window|length|lookback",
        "gain": "up|avg_gain|rise",
        "loss": "down|avg_loss|fall",
        "fast": "ema_fast|short_ema|quick",
        "slow": "ema_slow|long_ema|lazy",
    },
    double=True,
    adjoint="no",
)
def price_indicator(d: Draft) -> None:
    """Computes an indicator of technical analysis for each series of prices."""
    kind = d.option("kind", "rsi", "macd", "bollinger", "stochastic", "atr", "momentum", "obv")
    layout = d.option("layout", "series first", "days first")
    smoothing = d.option("smoothing", "wilder", "exponential")
    out = d.option("out", "series", "last", "signal")
    n, days = d.pick(24, 32, 48), d.pick(16, 20, 24)
    shape = (n, days) if layout == "series first" else (days, n)
    at: Any = (lambda t: f"[s, {t}]") if layout == "series first" else (lambda t: f"[{t}, s]")
    d.input("close", "float", shape, 40.0, 60.0)
    if kind == "atr":
        d.input("high", "float", shape, 52.0, 66.0)
        d.input("low", "float", shape, 34.0, 48.0)
    if kind == "obv":
        d.input("volume", "float", shape, 1.0, 10.0)
    if kind != "obv" and kind != "macd":
        d.param(
            "period",
            "float" if kind in ("rsi", "atr") else "int",
            *((4.0, 9.0) if kind in ("rsi", "atr") else (d.pick(4, 5, 6),)),
        )
    if kind == "macd":
        d.param("alpha_fast", "float", 0.3, 0.5)
        d.param("alpha_slow", "float", 0.1, 0.2)
    if kind == "bollinger":
        d.param("width", "float", 1.5, 2.5)
    count = "close.shape[1]" if layout == "series first" else "close.shape[0]"
    if out == "signal":
        d.output("signals", "int", n)
    else:
        d.output("indicator", "float", n if out == "last" else shape)
    now = f"close{at('t')}"
    before = f"close{at('t - 1')}"
    alpha = "1.0 / period" if smoothing == "wilder" else "2.0 / (period + 1.0)"
    init, step, value, start, high, low = "", "", "", "1", "", ""
    if kind == "rsi":
        init = f"alpha = {alpha}\ngain = float(0.0)\nloss = float(0.0)"
        step = (
            f"change = {now} - {before}\n"
            "gain += alpha * (wp.max(change, 0.0) - gain)\n"
            "loss += alpha * (wp.max(-change, 0.0) - loss)"
        )
        value, high, low = "100.0 * gain / (gain + loss + 1.0e-6)", "60.0", "40.0"
    elif kind == "macd":
        init = f"fast = float(close{at('0')})\nslow = float(close{at('0')})"
        step = f"fast += alpha_fast * ({now} - fast)\nslow += alpha_slow * ({now} - slow)"
        value, high, low = "fast - slow", "0.5", "-0.5"
    elif kind == "atr":
        init = f"alpha = {alpha}\nrange_ = float(high{at('0')} - low{at('0')})"
        step = (
            "# gaps over night count, too\n"
            f"true_range = wp.max(high{at('t')}, {before}) - wp.min(low{at('t')}, {before})\n"
            "range_ += alpha * (true_range - range_)"
        )
        value, high, low = "range_", "21.0", "19.0"
    elif kind == "obv":
        init = "flow = float(0.0)"
        step = (
            f"if {now} > {before}:\n"
            f"    flow += volume{at('t')}\n"
            f"elif {now} < {before}:\n"
            f"    flow -= volume{at('t')}"
        )
        value, high, low = "flow", "6.0", "-6.0"
    elif kind == "momentum":
        start = "period"
        value, high, low = f"100.0 * ({now} / close{at('t - period')} - 1.0)", "5.0", "-5.0"
    elif kind == "bollinger":
        start = "period - 1"
        step = (
            "mean = float(0.0)\n"
            "for k in range(period):\n"
            f"    mean += close{at('t - k')} / float(period)\n"
            "square = float(0.0)\n"
            "for k in range(period):\n"
            f"    off = close{at('t - k')} - mean\n"
            "    square += off * off"
        )
        value, high, low = f"({now} - mean) / (width * wp.sqrt(square / float(period)))", "0.5", "-0.5"
    else:
        start = "period - 1"
        step = (
            f"top = float({now})\n"
            f"bottom = float({now})\n"
            "for k in range(1, period):\n"
            f"    top = wp.max(top, close{at('t - k')})\n"
            f"    bottom = wp.min(bottom, close{at('t - k')})"
        )
        value, high, low = f"100.0 * ({now} - bottom) / (top - bottom)", "80.0", "20.0"
    rolling = kind in ("momentum", "bollinger", "stochastic")
    if out == "series":
        body = f"$init\nfor t in range({start}, {count}):\n    $step\n    indicator{at('t')} = {value}"
    elif rolling:
        body = f"# only the last day is asked for\nt = {count} - 1\n$step\nvalue = {value}"
        body += (
            "\nindicator[s] = value"
            if out == "last"
            else f"\nif value > {high}:\n    signals[s] = -1\nelif value < {low}:\n    signals[s] = 1"
        )
        if out == "last":
            body = body.replace("value = " + value + "\nindicator[s] = value", "indicator[s] = " + value)
    else:
        body = f"$init\nfor t in range({start}, {count}):\n    $step\n"
        body += (
            f"indicator[s] = {value}"
            if out == "last"
            else (
                f"value = {value}\n"
                f"if value > {high}:\n"
                "    signals[s] = -1\n"
                f"elif value < {low}:\n"
                "    signals[s] = 1"
            )
        )
    d.launch(n)
    d.code("s = wp.tid()\n$body", body=body, init=init, step=step)
    long = {
        "rsi": "the relative strength index",
        "macd": "the difference of a fast and a slow average",
        "bollinger": "the place within Bollinger's bands",
        "stochastic": "the stochastic oscillator",
        "atr": "the average true range",
        "momentum": "the rate of change",
        "obv": "the on-balance volume",
    }[kind]
    d.says(
        f"Computes {long} of each series of prices."
        if out != "signal"
        else f"Turns {long} of each series of prices to a signal to buy or to sell."
    )

    def reference(v: Values) -> dict[str, Any]:
        turn: Any = (lambda a: a) if layout == "series first" else np.transpose
        c = turn(v.close)
        x = np.zeros((n, days))
        p = v.get("period", 0)
        a = 1 / p if smoothing == "wilder" and p else 2 / (p + 1)

        def ema(values: Any, first: Any, rate: float) -> Any:
            y, made = first, []
            for t in range(values.shape[1]):
                y = rate * values[:, t] + (1 - rate) * y
                made.append(y)
            return np.array(made).T

        change = np.diff(c, axis=1)
        if kind == "rsi":
            g, s = (ema(np.maximum(w, 0), 0.0, a) for w in (change, -change))
            x[:, 1:] = 100 * g / (g + s + 1e-6)
        elif kind == "macd":
            x[:, 1:] = ema(c[:, 1:], c[:, 0], v.alpha_fast) - ema(c[:, 1:], c[:, 0], v.alpha_slow)
        elif kind == "atr":
            h, s = turn(v.high), turn(v.low)
            x[:, 1:] = ema(
                np.maximum(h[:, 1:], c[:, :-1]) - np.minimum(s[:, 1:], c[:, :-1]), h[:, 0] - s[:, 0], a
            )
        elif kind == "obv":
            x[:, 1:] = np.cumsum(np.sign(change) * turn(v.volume)[:, 1:], axis=1)
        elif kind == "momentum":
            p = int(p)
            x[:, p:] = 100 * (c[:, p:] / c[:, :-p] - 1)
        else:
            p = int(p)
            w = np.lib.stride_tricks.sliding_window_view(c, p, axis=1)
            if kind == "bollinger":
                x[:, p - 1 :] = (c[:, p - 1 :] - w.mean(-1)) / (v.width * w.std(-1))
            else:
                x[:, p - 1 :] = 100 * (c[:, p - 1 :] - w.min(-1)) / (w.max(-1) - w.min(-1))
        if out == "series":
            return {"indicator": turn(x)}
        y = x[:, -1]
        return (
            {"indicator": y}
            if out == "last"
            else {"signals": np.where(y > float(high), -1, np.where(y < float(low), 1, 0))}
        )

    d.check(reference, 2e-3)
