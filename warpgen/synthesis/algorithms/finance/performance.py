"""Records of returns: falls from peaks, and reward relative to risk."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.finance import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {"p": "portfolio|fund|account", "returns": "rets|period_returns", "t": "month|period|k"}


@DOMAIN.algorithm(
    source="Bacon 2008, chs. 4 and 5; Sharpe 1994; Sortino & Price 1994; Martin & McCann 1989",
    names=_NAMES
    | {
        "measure": "score|stat|perf",
        "peak": "high_water|running_max|top",
        "wealth": "value|nav|equity",
    },
    double=True,
    adjoint="no",
)
def track_record(d: Draft) -> None:
    """Computes performance measures of return series."""
    what = d.option("what", "drawdown", "longest", "ulcer", "sharpe", "sortino", "calmar", "omega")
    given = d.option("given", "simple", "log", "prices")
    layout = d.option("layout", "rows", "columns")
    hurdle = d.flag("hurdle")
    d.calls(
        {
            "drawdown": "max_drawdown|deepest_drawdown|drawdown_kernel",
            "longest": "longest_drawdown|time_under_water|drawdown_duration",
            "ulcer": "ulcer_index|drawdown_rms|compute_ulcer",
            "sharpe": "sharpe_ratio|compute_sharpe|sharpe_ratios",
            "sortino": "sortino_ratio|compute_sortino|sortino_ratios",
            "calmar": "calmar_ratio|compute_calmar|calmar_ratios",
            "omega": "omega_ratio|compute_omega|gains_to_losses",
        }[what]
    )
    curve = what in ("drawdown", "longest", "ulcer", "calmar")
    if curve:
        hurdle = False
    count, periods = d.pick(24, 32, 48), d.pick(24, 36, 48)
    of = "prices" if given == "prices" else "log returns" if given == "log" else "returns"
    riskless = "relative to a target return" if hurdle else "with zero risk-free rate"
    gains, losses = ("gains above a target", "shortfalls below it") if hurdle else ("gains", "losses")
    if what == "sortino" and hurdle:
        losses = "returns below the target"
    d.says({
        "drawdown": f"Computes the maximum drawdown (largest peak-to-trough loss) from {of}.",
        "longest": f"Finds the longest drawdown duration, in periods below the running peak, from {of}.",
        "ulcer": f"Computes the ulcer index (RMS drawdown) from {of}.",
        "sharpe": f"Computes per-period Sharpe ratios from {of}, {riskless}.",
        "sortino": f"Computes Sortino ratios from {of}, where only {losses} count as risk.",
        "calmar": f"Computes the Calmar ratio (annual growth / maximum drawdown) from monthly {of}.",
        "omega": f"Computes the omega ratio from {of}: total {gains} divided by total {losses}.",
    }[what])  # fmt: skip
    shape = (count, periods) if layout == "rows" else (periods, count)
    name = "prices" if given == "prices" else "returns"
    d.input(
        name,
        "float",
        shape,
        *((94.0, 106.0) if given == "prices" else (-0.08, 0.1)),
        about=f"{of} per {'month' if what == 'calmar' else 'period'}",
    )
    if hurdle:
        d.param("target", "float", 0.001, 0.01, about="target return per period")
    d.output(
        "measure",
        "int" if what == "longest" else "float",
        count,
        about={
            "drawdown": "maximum drawdown as a fraction of the peak",
            "longest": "number of periods",
        }.get(what, f"{what} index" if what == "ulcer" else f"{what.capitalize()} ratio"),
    )

    def at(i: str) -> str:
        return f"{name}[p, {i}]" if layout == "rows" else f"{name}[{i}, p]"

    number = f"{name}.shape[{1 if layout == 'rows' else 0}]"
    steps = f"range(1, {number})" if given == "prices" else f"range({number})"
    many = f"float({number} - 1)" if given == "prices" else f"float({number})"
    if curve:
        grow = {
            "simple": f"wealth *= 1.0 + {at('t')}",
            "log": f"wealth *= wp.exp({at('t')})",
            "prices": f"wealth = {at('t')}",
        }[given]
        start = "wealth = float(1.0)\npeak = float(1.0)"
        if given == "prices":
            start = f"peak = float({at('0')})"
            if what == "calmar":  # which needs it after the loop, too
                start = f"wealth = float({at('0')})\n{start}"
        init, step, store = {
            "drawdown": (
                "deepest = float(0.0)",
                "deepest = wp.max(deepest, 1.0 - wealth / peak)",
                "measure[p] = deepest",
            ),
            "calmar": (
                "deepest = float(0.0)",
                "deepest = wp.max(deepest, 1.0 - wealth / peak)",
                "# Compound annual growth rate\n"
                f"growth = wp.pow(wealth{' / ' + at('0') if given == 'prices' else ''}, 12.0 / {many}) - 1.0\n"
                "measure[p] = growth / deepest",
            ),
            "ulcer": (
                "squares = float(0.0)",
                "fall = 1.0 - wealth / peak\nsquares += fall * fall",
                f"measure[p] = wp.sqrt(squares / {many})",
            ),
            "longest": (
                "longest = int(0)\nunder = int(0)",
                """
                if wealth >= peak:
                    peak = wealth
                    under = 0
                else:
                    under += 1
                    longest = wp.max(longest, under)
                """,
                "measure[p] = longest",
            ),
        }[what]
        if given == "prices":
            start, grow, step, store = (re.sub(r"\bwealth\b", "price", x) for x in (start, grow, step, store))
        track = (
            "" if what == "longest" else f"peak = wp.max(peak, {'price' if given == 'prices' else 'wealth'})"
        )
        body = f"{start}\n{init}\nfor t in {steps}:\n    {grow}\n    $track\n    $step"
        blocks = {"track": track, "step": step}
    else:
        r = {
            "simple": f"r = {at('t')}",
            "log": f"r = wp.exp({at('t')}) - 1.0",
            "prices": f"r = {at('t')} / {at('t - 1')} - 1.0",
        }[given]
        excess = f"{r} - target" if hurdle else r
        init, step, store = {
            "sharpe": (
                "sum_r = float(0.0)\nsquares = float(0.0)",
                "sum_r += r\nsquares += r * r",
                f"""
                mean = sum_r / {many}
                # Unbiased sample variance (n - 1)
                variance = (squares - {many} * mean * mean) / ({many} - 1.0)
                measure[p] = mean / wp.sqrt(variance)
                """,
            ),
            "sortino": (
                "sum_r = float(0.0)\ndownside = float(0.0)",
                "sum_r += r\nloss = wp.min(r, 0.0)\ndownside += loss * loss",
                f"mean = sum_r / {many}\nmeasure[p] = mean / wp.sqrt(downside / {many})",
            ),
            "omega": (
                "gains = float(0.0)\nlosses = float(0.0)",
                "if r > 0.0:\n    gains += r\nelse:\n    losses -= r",
                "measure[p] = gains / losses",
            ),
        }[what]
        body = f"{init}\nfor t in {steps}:\n    $excess\n    $step"
        blocks = {"excess": excess, "step": step}
    d.launch(count)
    d.code("p = wp.tid()\n$body\n$store", body=body, store=store, **blocks)

    def reference(v: Values) -> dict[str, Any]:
        x = v[name] if layout == "rows" else v[name].T
        r = {"simple": x, "log": np.expm1(x), "prices": x[:, 1:] / x[:, :-1] - 1}[given]
        wealth = np.cumprod(np.concatenate([np.ones((count, 1)), 1 + r], axis=1), axis=1)
        fall = 1 - wealth / np.maximum.accumulate(wealth, axis=1)
        n = r.shape[1]
        r = r - (v.target if hurdle else 0.0)
        if what == "longest":
            runs = []
            for row in wealth.astype(np.float32):
                peak, under, longest = row[0], 0, 0
                for value in row[1:]:
                    under = 0 if value >= peak else under + 1
                    peak, longest = max(peak, value), max(longest, under)
                runs.append(longest)
            return {"measure": np.array(runs)}
        deepest = fall.max(axis=1)
        return {
            "measure": {
                "drawdown": deepest,
                "calmar": (wealth[:, -1] ** (12 / n) - 1) / deepest,
                "ulcer": np.sqrt((fall[:, 1:] ** 2).mean(axis=1)),
                "sharpe": r.mean(axis=1) / r.std(axis=1, ddof=1),
                "sortino": r.mean(axis=1) / np.sqrt((np.minimum(r, 0) ** 2).mean(axis=1)),
                "omega": np.maximum(r, 0).sum(axis=1) / -np.minimum(r, 0).sum(axis=1),
            }[what]
        }

    d.check(reference, 2e-3)
