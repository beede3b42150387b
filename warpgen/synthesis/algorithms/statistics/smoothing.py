"""Exponential smoothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.statistics import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Brown 1959; Holt 1957; Winters 1960; Gardner & McKenzie 1985 (damped trend)",
    names={
        "x": "series|values|demand",
        "level": "s|base",
        "trend": "slope|b|growth",
        "alpha": "level_gain|a_level|smoothing",
        "forecast": "predicted|yhat|expected",
        "fitted": "one_step|predictions|fits",
    },
    double=True,
    adjoint="no",
    element="",
)
def exponential_smoothing(d: Draft) -> None:
    """Applies exponential smoothing to each series and forecasts the next value."""
    kind = d.option("kind", "simple", "trend", "damped", "seasonal", "multiplicative")
    out = d.option("out", "fitted", "forecast", "error", "ahead")
    layout = d.option("layout", "rows", "columns")
    rates = d.option("rates", "common", "each")
    period = 4
    if kind == "simple" and out == "ahead":
        out = "forecast"  # the same for any horizon
    d.calls({
        "fitted": "smooth_series|exponential_smoothing|ets_fit",
        "forecast": "smooth_and_forecast|ets_forecast|forecast_series",
        "error": "smoothing_error|forecast_error|ets_error",
        "ahead": "forecast_ahead|smooth_and_forecast|ets_forecast",
    }[out])  # fmt: skip
    n, length = d.pick(32, 48, 64), d.pick(12, 16, 20)
    seasonal = kind in ("seasonal", "multiplicative")
    shape = (n, length) if layout == "rows" else (length, n)
    d.input("x", "float", shape, 1.0, 3.0, about=f"one series per {layout[:-1]}")
    at = "x[i, {}]" if layout == "rows" else "x[{}, i]"
    names = ["alpha"] + (["beta"] if kind in ("trend", "damped") else []) + (["gamma"] if seasonal else [])
    for name in names:
        of = {"alpha": "level", "beta": "trend", "gamma": "seasons"}[name]
        if rates == "each":
            d.input(name, "float", n, 0.1, 0.6, about=f"smoothing of the {of}, one per series")
        else:
            d.param(name, "float", 0.1, 0.6, about=f"smoothing of the {of}")
    if kind == "damped":
        d.param("phi", "float", 0.8, 0.98, about="trend damping factor per step")
    if out == "ahead":
        d.param("horizon", "int", d.pick(2, 3, 5), about="forecast horizon in steps")
    if seasonal:
        span = (0.8, 1.2) if kind == "multiplicative" else (-0.5, 0.5)
        about = "seasonal factors" if kind == "multiplicative" else "seasonal terms"
        d.inout("season", "float", (n, period), *span, about=about)
    target = {"fitted": "fitted", "forecast": "forecasts", "error": "mse", "ahead": "forecasts"}[out]
    said = {
        "fitted": "one-step forecasts, with the first set to the observed value",
        "error": "mean squared error per series",
    }
    d.output(target, "float", shape if out == "fitted" else n, about=said.get(out, "forecast per series"))
    a, b, c = (f"{name}[i]" if rates == "each" else name for name in ("alpha", "beta", "gamma"))
    first = at.format("0")
    init = f"level = float({first})"
    if kind in ("trend", "damped"):
        init += "\n# No trend from a single value\ntrend = float(0.0)"
    if kind == "multiplicative":
        init = f"level = float({first} / season[i, 0])"
    elif kind == "seasonal":
        init = f"level = float({first} - season[i, 0])"
    ahead = {
        "simple": "level",
        "trend": "level + trend",
        "damped": "level + phi * trend",
        "seasonal": "level + season[i, k % PERIOD]",
        "multiplicative": "level * season[i, k % PERIOD]",
    }[kind]
    step = {
        "simple": f"level += {a} * (xk - level)",
        "trend": (
            "previous = level\n"
            f"level = forecast + {a} * (xk - forecast)\n"
            f"trend += {b} * (level - previous - trend)"
        ),
        "damped": (
            "previous = level\n"
            f"level = forecast + {a} * (xk - forecast)\n"
            f"trend = {b} * (level - previous) + (1.0 - {b}) * phi * trend"
        ),
        "seasonal": (f"level += {a} * (xk - s - level)\nseason[i, k % PERIOD] = s + {c} * (xk - level - s)"),
        "multiplicative": (
            f"level += {a} * (xk / s - level)\nseason[i, k % PERIOD] = s + {c} * (xk / level - s)"
        ),
    }[kind]
    if seasonal:
        d.module(f"PERIOD = wp.constant({period})")
    needs = kind in ("trend", "damped") or out in ("fitted", "error")
    count = "x.shape[1]" if layout == "rows" else "x.shape[0]"
    known = "level" if kind == "simple" else "forecast"
    body = f"xk = {at.format('k')}\n"
    if seasonal:
        body += "s = season[i, k % PERIOD]\n"
    if needs and kind != "simple":
        body += f"forecast = {ahead.replace('season[i, k % PERIOD]', 's')}\n"
    if out == "fitted":
        body += f"fitted{'[i, k]' if layout == 'rows' else '[k, i]'} = {known}\n"
    elif out == "error":
        body += f"sse += (xk - {known}) * (xk - {known})\n"
    body += step
    last = ahead.replace("k % PERIOD", f"{count} % PERIOD")
    end = {
        "fitted": "",
        "forecast": f"forecasts[i] = {last}",
        "error": f"mse[i] = sse / float({count} - 1)",
    }.get(out, "")
    if out == "ahead":
        if kind == "damped":
            end = (
                "# Damped trend: increments shrink by phi each step\n"
                "gain = phi * (1.0 - wp.pow(phi, float(horizon))) / (1.0 - phi)\n"
                "forecasts[i] = level + gain * trend"
            )
        elif kind == "trend":
            end = "forecasts[i] = level + float(horizon) * trend"
        else:
            end = "forecasts[i] = " + ahead.replace("k % PERIOD", f"({count} + horizon - 1) % PERIOD")
    if out == "fitted":
        init += f"\n# No forecast for the first value\nfitted{'[i, 0]' if layout == 'rows' else '[0, i]'} = {first}"
    if out == "error":
        init += "\nsse = float(0.0)"
    d.launch(n)
    d.code(
        "i = wp.tid()\n$init\nfor k in range(1, $count):\n    $body\n$end",
        init=init,
        count=count,
        body=body,
        end=end,
    )
    by = {
        "simple": "simple exponential smoothing",
        "trend": "Holt's exponential smoothing with a linear trend",
        "damped": "exponential smoothing with a damped trend",
        "seasonal": "exponential smoothing with additive seasonality",
        "multiplicative": "exponential smoothing with multiplicative seasonality",
    }[kind]
    d.says(
        {
            "fitted": f"Computes one-step forecasts for each series using {by}.",
            "forecast": f"Forecasts the next value of each series using {by}.",
            "error": f"Computes the mean squared one-step forecast error per series using {by}.",
            "ahead": f"Forecasts each series several steps ahead using {by}.",
        }[out]
    )

    def reference(v: Values) -> dict[str, Any]:
        x = v.x if layout == "rows" else v.x.T
        al, be, ga = v.alpha, v.get("beta", 0.0), v.get("gamma", 0.0)
        phi = v.phi if kind == "damped" else 1.0
        level, trend = x[:, 0].copy(), np.zeros(n)
        season = v.season.copy() if seasonal else np.zeros((n, period))
        if kind == "multiplicative":
            level = level / season[:, 0]
        elif kind == "seasonal":
            level = level - season[:, 0]
        fitted = np.zeros((n, length))
        fitted[:, 0] = x[:, 0]
        for k in range(1, length):
            s = season[:, k % period]
            fitted[:, k] = level * s if kind == "multiplicative" else level + phi * trend + s
            clean = x[:, k] / s if kind == "multiplicative" else x[:, k] - s
            old = level
            level = al * clean + (1 - al) * (level + phi * trend)
            if kind in ("trend", "damped"):
                trend = be * (level - old) + (1 - be) * phi * trend
            if seasonal:
                seen = x[:, k] / level if kind == "multiplicative" else x[:, k] - level
                season[:, k % period] = ga * seen + (1 - ga) * s
        h = int(v.get("horizon", 1))
        s = season[:, (length + h - 1) % period]
        future = (
            level * s
            if kind == "multiplicative"
            else level + trend * sum(phi**j for j in range(1, h + 1)) + s
        )
        found = {"season": season} if seasonal else {}
        if out == "fitted":
            return found | {"fitted": fitted if layout == "rows" else fitted.T}
        if out == "error":
            return found | {"mse": ((x - fitted)[:, 1:] ** 2).mean(axis=1)}
        return found | {"forecasts": future}

    d.check(reference, 1e-3)
