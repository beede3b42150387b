"""Indicators of technical analysis."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.finance import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


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
