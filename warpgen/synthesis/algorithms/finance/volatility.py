"""Volatilities that follow from past returns."""

from __future__ import annotations

import math
import textwrap
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.finance import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.trim import trim


@DOMAIN.algorithm(
    source="Bollerslev 1986 (GARCH); Glosten, Jagannathan & Runkle 1993; Nelson 1991 (EGARCH); Hansen 1994 (skewed t); Tsay 2010, ch. 3; RiskMetrics 1996",
    names={
        "returns": "log_returns|r|rets",
        "series": "tid|i|asset",
        "variance": "h|sigma2|cond_var",
        "shock": "eps|innovation|residual",
        "long_run": "unconditional|long_variance",
    },
    adjoint="no",
    weight=4,
)
def filter_volatility(d: Draft) -> None:
    """Filters the conditional variance of return series (GARCH)."""
    kind = d.option("model", "garch", "gjr", "egarch", "ewma")
    mean = d.option("mean", "zero", "constant", "autoregressive", "in mean")
    law = d.option("law", "normal", "student", "skewed")
    first = d.option("start", "long run", "sample", "given")
    result = d.option("result", "likelihood", "forecast", "value at risk", "volatility", "news")
    layout = d.option("layout", "series first", "time first")
    targeted = d.flag("targeting", 0.4) and kind in ("garch", "gjr") and mean != "in mean"
    gaps = d.flag("gaps", 0.35)
    floor = d.flag("floor", 0.4)
    # Somewhat below the variances that the model comes to with these returns
    least = 0.6 if targeted else {"ewma": 0.5, "egarch": 0.4}.get(kind, 0.2)
    d.calls(
        {
            "likelihood": "volatility_likelihood|return_likelihood|filter_likelihood",
            "forecast": "forecast_variance|variance_forecast|volatility_forecast",
            "value at risk": "forecast_value_at_risk|next_day_var|filtered_value_at_risk",
            "volatility": "filter_volatility|conditional_volatility|volatility_recursion",
            "news": "largest_shock|standardized_shock|largest_surprise",
        }[result]
    )
    n, days = d.pick(24, 32, 48), d.pick(20, 24, 32)
    shape = (n, days) if layout == "series first" else (days, n)
    at = "returns[series, {}]" if layout == "series first" else "returns[{}, series]"
    d.input("returns", "float", shape, -1.5, 1.5, about="Daily returns [%]")
    if gaps:
        d.input("trades", "int", shape, 0, 12, about="Number of trades per day, 0 on holidays")
    if kind == "ewma":
        d.param("memory", "float", 0.9, 0.97, about="Decay factor (lambda), 0.94 for daily data")
    else:
        d.input("alpha", "float", n, 0.04, 0.12, about="ARCH coefficient (reaction to shocks)")
        d.input("beta", "float", n, 0.7, 0.82, about="GARCH coefficient (persistence)")
        if not targeted:
            if kind == "egarch":
                d.input("omega", "float", n, -0.2, -0.02, about="Log variance intercept")
            else:
                d.input("omega", "float", n, 0.01, 0.06, about="Variance intercept")
    if kind in ("gjr", "egarch"):
        d.input("leverage", "float", n, 0.02, 0.1, about="Leverage coefficient")
    if mean != "zero":
        d.input("mu", "float", n, -0.05, 0.1, about="Mean return [%]")
    if mean == "autoregressive":
        d.param("phi", "float", -0.2, 0.2, about="AR(1) coefficient")
    elif mean == "in mean":
        d.param("premium", "float", 0.02, 0.1, about="Risk premium per unit of volatility")
    if law != "normal":
        degrees = d.pick(5.0, 6.0, 7.0, 8.0, 9.0)
        d.param("dof", "float", degrees, about="Shock degrees of freedom")
    if law == "skewed":
        # Hansen's a and b, which the density's mean of zero and variance of one ask for
        lean = d.pick(-0.2, -0.15, -0.1, 0.1)
        peak = math.gamma((degrees + 1) / 2) / math.sqrt(math.pi * (degrees - 2)) / math.gamma(degrees / 2)
        shift = 4 * lean * peak * (degrees - 2) / (degrees - 1)
        d.param("skew", "float", lean, about="Skewness parameter in (-1, 1)")
        d.param("shift", "float", round(shift, 6), about="Hansen's a, for zero-mean shocks")
        stretch = round(math.sqrt(1 + 3 * lean**2 - shift**2), 6)
        d.param("stretch", "float", stretch, about="Hansen's b, for unit-variance shocks")
    if first == "given":
        d.input("variance0", "float", n, 0.3, 1.2, about="Initial variance")
    if result == "forecast":
        d.param("horizon", "int", 5, 15, about="Forecast horizon [days]")
    elif result == "value at risk":
        d.param("quantile", "float", -2.4, -1.6, about="Standardized shock quantile")
    # Warp has no gamma function for what the densities of Student and Hansen are normed with
    constant = "" if law == "normal" else ", up to a constant"
    name, about = {
        "likelihood": ("log_likelihood", "Log likelihood" + constant),
        "forecast": (
            "forecast",
            "Geometric mean variance over the horizon"
            if kind == "egarch"
            else "Variance forecast for any future day"
            if kind == "ewma"
            else "Mean variance over the horizon",
        ),
        "value at risk": ("value_at_risk", "One-day-ahead value at risk [%]"),
        "volatility": ("volatility", "Daily conditional volatility [%]"),
        "news": ("largest", "Largest standardized shock"),
    }[result]
    if floor:
        d.module(f"MIN_VARIANCE = wp.constant({least})  # [%^2]")
    d.output(name, "float", shape if result == "volatility" else n, about=about)
    d.function(
        f'''
        @wp.func
        def next_variance({"memory: float" if kind == "ewma" else "omega: float, alpha: float, beta: float" + (", leverage: float" if kind in ("gjr", "egarch") else "")}, variance: float, shock: float) -> float:
            """{_RULES[kind]}"""
            $rule
        ''',
        rule={
            "garch": "return omega + alpha * shock * shock + beta * variance",
            "gjr": """
                # Leverage term: negative shocks raise volatility more than positive shocks
                bad = wp.where(shock < 0.0, 1.0, 0.0)
                return omega + (alpha + leverage * bad) * shock * shock + beta * variance
                """,
            "egarch": """
                z = shock / wp.sqrt(variance)
                # Centered by E|z| = sqrt(2 / pi) of a normal shock
                size = wp.abs(z) - wp.sqrt(2.0 / wp.pi)
                # In logs, the variance stays positive without parameter constraints
                log_variance = omega + alpha * size - leverage * z + beta * wp.log(variance)
                return wp.exp(log_variance)
                """,
            "ewma": "return memory * variance + (1.0 - memory) * shock * shock",
        }[kind],
    )
    mask = ", trades: wp.array2d(dtype=int)" if gaps else ""
    centre = ", mu: float" if mean != "zero" else ""
    squared = f"mean_square(returns, {'trades, ' if gaps else ''}series{', mu[series]' if mean != 'zero' else ''}, num_days)"
    if first == "sample" or targeted or (first == "long run" and kind == "ewma"):
        d.function(
            f'''
            @wp.func
            def mean_square(returns: wp.array2d(dtype=float){mask}, series: int{centre}, num_days: int) -> float:
                """Sample mean of squared {"demeaned " if mean != "zero" else ""}returns."""
                total = float(0.0)
                $count
                for day in range(num_days):
                    $add
                return total / {"traded_days" if gaps else "float(num_days)"}
        ''',
            count="traded_days = float(0.0)" if gaps else "",
            add=(f"if trades{at[7:].format('day')} > 0:\n" if gaps else "")
            + textwrap.indent(
                f"r = {at.format('day')}{' - mu' if mean != 'zero' else ''}\ntotal += r * r"
                + ("\ntraded_days += 1.0" if gaps else ""),
                "    " if gaps else "",
            ),
        )
    if result == "likelihood":
        d.function(
            f'''
            @wp.func
            def log_density(shock: float, variance: float{", dof: float" if law != "normal" else ""}{", skew: float, shift: float, stretch: float" if law == "skewed" else ""}) -> float:
                """Log density of a shock{constant}."""
                $law
            ''',
            law={
                "normal": "return -0.5 * (wp.log(2.0 * wp.pi * variance) + shock * shock / variance)",
                "student": """
                    # Student's t with unit variance
                    ratio = shock * shock / (variance * (dof - 2.0))
                    return -0.5 * wp.log(variance) - 0.5 * (dof + 1.0) * wp.log(1.0 + ratio)
                    """,
                "skewed": """
                    # Hansen's skewed t: different scale on each side of the mode
                    moved = stretch * shock / wp.sqrt(variance) + shift
                    side = wp.where(moved < 0.0, 1.0 - skew, 1.0 + skew)
                    ratio = moved * moved / ((dof - 2.0) * side * side)
                    return -0.5 * wp.log(variance) - 0.5 * (dof + 1.0) * wp.log(1.0 + ratio)
                    """,
            }[law],
        )
    extra = "leverage[series]" if kind in ("gjr", "egarch") else ""
    args = (
        "memory"
        if kind == "ewma"
        else ", ".join(["constant", "alpha[series]", "beta[series]", *([extra] if extra else [])])
    )
    memory = {
        "garch": "persistence = alpha[series] + beta[series]",
        "gjr": "# Half of the leverage, since negative shocks have probability 1/2\npersistence = alpha[series] + 0.5 * leverage[series] + beta[series]",
        "egarch": "persistence = beta[series]",
        "ewma": "",
    }[kind]
    less = ", excluding the AR(1) part" if mean == "autoregressive" else ""
    part = "(1.0 - phi * phi) * " if mean == "autoregressive" else ""
    if kind == "ewma":
        level = ""
    elif targeted:
        level = f"# Variance targeting: intercept from the sample variance{less}\nlong_run = {part}{squared}\nconstant = (1.0 - persistence) * long_run"
    elif kind == "egarch":
        level = "constant = omega[series]\nlong_run = wp.exp(constant / (1.0 - persistence))"
    else:
        level = "constant = omega[series]\nlong_run = constant / (1.0 - persistence)"
    start = {
        "long run": squared if kind == "ewma" else "long_run",
        "sample": "long_run" if targeted else squared,
        "given": "variance0[series]",
    }[first]
    begin = f"variance = wp.max({start}, MIN_VARIANCE)" if floor else f"variance = float({start})"
    expected = {
        "zero": f"shock = {at.format('day')}",
        "constant": "shock = r - mu[series]",
        "autoregressive": "shock = r - mu[series] - phi * (last - mu[series])",
        "in mean": "# GARCH-in-mean risk premium\nshock = r - mu[series] - premium * wp.sqrt(variance)",
    }[mean]
    gather = {
        "likelihood": "total += log_density(shock, variance"
        + (", dof" if law != "normal" else "")
        + (", skew, shift, stretch" if law == "skewed" else "")
        + ")",
        "news": "top = wp.max(top, wp.abs(shock) / wp.sqrt(variance))",
    }.get(result, "")
    ahead = {
        "ewma": "# Flat term structure, since EWMA has no mean reversion\nforecast[series] = variance",
        "egarch": """
            # Expected log variance decays to its long-run mean
            gap = wp.log(variance / long_run)
            days_ahead = float(horizon)
            share = (1.0 - wp.pow(persistence, days_ahead)) / ((1.0 - persistence) * days_ahead)
            forecast[series] = long_run * wp.exp(share * gap)
            """,
    }.get(
        kind,
        """
        # Expected variance decays to the long-run level at the persistence rate
        days_ahead = float(horizon)
        share = (1.0 - wp.pow(persistence, days_ahead)) / ((1.0 - persistence) * days_ahead)
        forecast[series] = long_run + share * (variance - long_run)
        """,
    )
    drift = {
        "zero": "",
        "constant": "mu[series]",
        "autoregressive": "mu[series] + phi * (last - mu[series])",
        "in mean": "mu[series] + premium * sigma",
    }[mean]
    d.launch(n)
    d.code(
        """
        series = wp.tid()
        num_days = returns.shape[$axis]
        $memory
        $level
        $whence
        $begin
        $last
        $total
        for day in range(num_days):
            $today
            $gaps
            $r
            $expected
            $gather
            $remember
            variance = next_variance($args, variance, shock)
            $floor
        $store
        """,
        axis="1" if layout == "series first" else "0",
        memory=memory,
        level=level,
        whence="# Initialize with the unconditional variance"
        if first == "long run" and kind in ("garch", "gjr")
        else "",
        begin=begin,
        last="# Initialize the lagged return with the mean\nlast = float(mu[series])"
        if mean == "autoregressive"
        else "",
        total={"likelihood": "total = float(0.0)", "news": "top = float(0.0)"}.get(result, ""),
        today=f"{at.format('day').replace('returns', 'volatility')} = wp.sqrt(variance)"
        if result == "volatility"
        else "",
        gaps=f"# Holidays: carry the variance forward\nif {at.format('day').replace('returns', 'trades')} == 0:\n    continue"
        if gaps
        else "",
        r="" if mean == "zero" else f"r = {at.format('day')}",
        expected=expected,
        gather=gather,
        remember="last = r" if mean == "autoregressive" else "",
        args=args,
        floor="# Variance floor, to avoid collapse over quiet periods\nvariance = wp.max(variance, MIN_VARIANCE)"
        if floor
        else "",
        store={
            "likelihood": "log_likelihood[series] = total",
            "news": "largest[series] = top",
            "forecast": ahead,
            "value at risk": "# variance now refers to the next day\nsigma = wp.sqrt(variance)\nvalue_at_risk[series] = -quantile * sigma"
            + (f" - ({drift})" if " + " in drift else f" - {drift}" if drift else ""),
        }.get(result, ""),
    )
    if result != "forecast":
        # What only the forecast needs would be computed for nothing.
        trim(d)
    label = {"garch": "GARCH", "gjr": "the GJR model", "egarch": "EGARCH", "ewma": "EWMA"}[kind]
    if result == "likelihood" and law != "normal":
        label += (
            f" with {'Student' if law == 'student' else 'Hansen'}'s {'skewed ' * (law == 'skewed')}t shocks"
        )
    joint = "and" if " with " in label else "with"
    follows = {
        "autoregressive": f" {joint} AR(1) returns",
        "in mean": f" {joint} volatility in the mean",
    }.get(mean, "")
    ahead_said = {
        "ewma": "variance of return series",
        "egarch": "geometric mean variance of return series over the horizon",
    }.get(kind, "mean variance of return series over the horizon")
    d.says(
        {
            "likelihood": f"Computes the log-likelihood{constant and constant + ','} of return series under",
            "forecast": f"Forecasts the {ahead_said} using",
            "value at risk": "Computes one-day-ahead value at risk of return series using",
            "volatility": "Filters the conditional volatility of return series using",
            "news": "Finds the largest standardized shock of return series using",
        }[result]
        + f" {label}{follows}."
    )
    more = " Days without trades are skipped." if gaps else ""
    more += " The intercept is set by variance targeting." if targeted else ""
    more += " Variances are clamped to at least `MIN_VARIANCE`." if floor else ""
    d.explain(f"Returns are daily, in percent; variances are in percent squared.{more}")

    def reference(v: Values) -> dict[str, Any]:
        r_all = v.returns if layout == "series first" else v.returns.T
        there = (
            np.ones((n, days), bool)
            if not gaps
            else (v.trades if layout == "series first" else v.trades.T) > 0
        )
        gap = np.where(there, r_all - (v.mu[:, None] if mean != "zero" else 0.0), 0.0)
        square = (gap**2).sum(1) / there.sum(1)
        a, b, g = v.get("alpha", 0.0), v.get("beta", 0.0), v.get("leverage", 0.0)
        keep: Any = {"garch": a + b, "gjr": a + b + g / 2, "egarch": b, "ewma": 0.0}[kind]
        w: Any = 0.0
        long = square
        if kind != "ewma":
            aim = (1 - v.get("phi", 0.0) ** 2) * square
            w = (1 - keep) * aim if targeted else v.get("omega", 0.0)
            long = aim if targeted else np.exp(w / (1 - keep)) if kind == "egarch" else w / (1 - keep)
        h = {"long run": long, "sample": long if targeted else square, "given": v.get("variance0")}[first]
        h = np.maximum(h, least) if floor else h
        last, total, top, path = v.get("mu", 0.0) + np.zeros(n), np.zeros(n), np.zeros(n), np.zeros((n, days))
        mu, phi = v.get("mu", 0.0), v.get("phi", 0.0)
        for day in range(days):
            on, r = there[:, day], r_all[:, day]
            e = r - mu - phi * (last - mu) - v.get("premium", 0.0) * np.sqrt(h)
            df = v.get("dof", 5.0)
            moved = v.get("stretch", 1.0) * e / np.sqrt(h) + v.get("shift", 0.0)
            side = np.where(moved < 0, 1 - v.get("skew", 0.0), 1 + v.get("skew", 0.0))
            density = -0.5 * (
                np.log(2 * np.pi * h if law == "normal" else h)
                + (e * e / h if law == "normal" else (df + 1) * np.log1p((moved / side) ** 2 / (df - 2)))
            )
            total, top = total + on * density, np.where(on, np.maximum(top, np.abs(e) / np.sqrt(h)), top)
            path[:, day] = np.sqrt(h)
            z = e / np.sqrt(h)
            new = {
                "garch": w + a * e * e + b * h, "gjr": w + (a + g * (e < 0)) * e * e + b * h,
                "egarch": np.exp(w + a * (np.abs(z) - (2 / np.pi) ** 0.5) - g * z + b * np.log(h)),
                "ewma": v.get("memory", 0.0) * h + (1 - v.get("memory", 0.0)) * e * e,
            }[kind]  # fmt: skip
            h = np.where(on, np.maximum(new, least) if floor else new, h)
            last = np.where(on, r, last)
        k = v.get("horizon", 1)
        share = (1 - keep**k) / (1 - keep) / k
        ahead_ = {"ewma": h, "egarch": long * (h / long) ** share}.get(kind, long + share * (h - long))
        next_ = mu + phi * (last - mu) + v.get("premium", 0.0) * np.sqrt(h)
        made = {
            "likelihood": total, "forecast": ahead_, "value at risk": -v.get("quantile", 0.0) * np.sqrt(h) - next_,
            "volatility": path if layout == "series first" else path.T, "news": top,
        }[result]  # fmt: skip
        return {name: made}

    d.check(reference, 3e-3)


_RULES = {
    "garch": "Next-day variance, GARCH(1, 1).",
    "gjr": "Next-day variance with leverage (Glosten, Jagannathan and Runkle).",
    "egarch": "Next-day variance, EGARCH in log variance (Nelson).",
    "ewma": "Next-day EWMA variance (RiskMetrics).",
}
