"""Implied volatilities."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.finance import DOMAIN
from warpgen.synthesis.algorithms.finance._closed_form import NAMES, d1_d2
from warpgen.synthesis.library import normal
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Manaster & Koehler 1982; Press et al. 2007, sec. 9.4",
    names=NAMES
    | {
        "implied_volatility": "implied_vol_solve|solve_implied_vol|invert_black_scholes",
        "quote": "market_price|market|observed_price",
        "lo": "lower|low|sigma_lo",
        "hi": "upper|high|sigma_hi",
        "vol_out": "smile|implied|iv",
    },
    double=True,
    adjoint="no",
)
def implied_volatility(d: Draft) -> None:
    """Finds Black-Scholes implied volatilities."""
    method = d.option("method", "newton", "bisection", "safeguarded", "regula falsi")
    kind = d.option("kind", "call", "put")
    layout = d.option("layout", "list", "surface")
    stop = d.option("stop", "iterations", "tolerance")
    cdf = d.option("cdf", *normal.CDFS)
    d.says(f"Finds the Black-Scholes implied volatility of a {kind} from its quoted price.")
    n = d.use(cdf)
    vega = method in ("newton", "safeguarded")
    formula = (
        f"s * {n}(d1) - k_df * {n}(d1 - sd)" if kind == "call" else f"k_df * {n}(sd - d1) - s * {n}(-d1)"
    )
    d.function(f"""
        @wp.func
        def option_value(s: float, k_df: float, t: float, sigma: float):
            sd = sigma * wp.sqrt(t)
            d1 = wp.log(s / k_df) / sd + 0.5 * sd
            return {formula}
    """)
    if vega:
        pdf = d.use(normal.PDF)
        d.function(f"""
            @wp.func
            def option_vega(s: float, k_df: float, t: float, sigma: float):
                sd = sigma * wp.sqrt(t)
                d1 = wp.log(s / k_df) / sd + 0.5 * sd
                return s * {pdf}(d1) * wp.sqrt(t)
        """)
    # Quotes above the intrinsic value, else no volatility would do
    low, high = (100.0, 115.0) if kind == "call" else (90.0, 102.0)
    cheap, dear, soonest = 6.5, 14.0, 0.5
    if method == "safeguarded":  # where vega is tiny at first, Newton's steps go too far
        low, high = (104.0, 125.0) if kind == "call" else (82.0, 101.0)
        cheap, dear, soonest = 2.0, 8.0, 0.15
    shape: tuple[int, ...] = (d.pick(8, 10), d.pick(8, 12)) if layout == "surface" else (d.pick(48, 64, 96),)
    rows = shape[0]
    d.input("quote", "float", shape, cheap, dear, about="quoted option price")
    d.input("strike", "float", rows, low, high, about="strike price")
    d.input("expiry", "float", shape[-1], soonest, 1.5, about="time to expiry in years")
    d.param("spot", "float", 100.0, 101.0, about="underlying spot price")
    d.param("r", "float", 0.005, 0.03, about="risk-free rate, continuously compounded")
    d.output("vol_out", "float", shape, about="implied volatility")
    at, strike, expiry = "[tid]", "strike[tid]", "expiry[tid]"
    if layout == "surface":
        at, strike, expiry = "[i, j]", "strike[i]", "expiry[j]"
    many = {"newton": 12, "bisection": 24, "safeguarded": 20, "regula falsi": 40}[method]
    loop = f"for iteration in range({many}):"
    value = "option_value(spot, k_df, t, sigma)"
    guess = """
    # Manaster-Koehler initial guess: vega is largest there, so Newton's method converges
    sigma = wp.sqrt(2.0 * wp.abs(wp.log(spot / k_df)) / t)
    # The guess vanishes at the money forward
    sigma = wp.max(sigma, 0.1)
    """
    leave = "if wp.abs(error) < 1.0e-4:\n    break" if stop == "tolerance" else ""
    # Illinois halves both, and their difference may vanish
    met = "# Bracket collapsed\nif f_hi - f_lo < 1.0e-5:\n    break" if stop == "iterations" else ""
    body = {
        "newton": f"""
        $guess
        {loop}
            error = {value} - target
            $leave
            sigma -= error / option_vega(spot, k_df, t, sigma)
        """,
        "bisection": f"""
        lo = float(0.01)
        hi = float(3.0)
        sigma = 0.5 * (lo + hi)
        {"while hi - lo > 1.0e-6:" if stop == "tolerance" else loop}
            # The price is increasing in volatility: keep the half with the sign change
            if {value} < target:
                lo = sigma
            else:
                hi = sigma
            sigma = 0.5 * (lo + hi)
        """,
        "safeguarded": f"""
        lo = float(0.01)
        hi = float(3.0)
        sigma = float(0.3)
        {loop}
            error = {value} - target
            $leave
            if error < 0.0:
                lo = sigma
            else:
                hi = sigma
            step = error / wp.max(option_vega(spot, k_df, t, sigma), 1.0e-3)
            sigma -= step
            # Fall back to bisection when the Newton step leaves the bracket (tiny vega)
            if sigma <= lo or sigma >= hi:
                sigma = 0.5 * (lo + hi)
        """,
        "regula falsi": f"""
        lo = float(0.01)
        hi = float(3.0)
        f_lo = option_value(spot, k_df, t, lo) - target
        f_hi = option_value(spot, k_df, t, hi) - target
        sigma = float(0.3)
        {loop}
            $met
            sigma = (lo * f_hi - hi * f_lo) / (f_hi - f_lo)
            error = {value} - target
            $leave
            if error < 0.0:
                lo = sigma
                f_lo = error
                # Illinois modification: halve the retained value to avoid stagnation
                f_hi *= 0.5
            else:
                hi = sigma
                f_hi = error
                f_lo *= 0.5
        """,
    }[method]
    d.launch(*shape)
    d.code(
        f"""
        {"i, j" if layout == "surface" else "tid"} = wp.tid()
        t = {expiry}
        k_df = {strike} * wp.exp(-r * t)
        target = quote{at}
        $body
        vol_out{at} = sigma
        """,
        body=body,
        guess=guess,
        met=met,
        leave=leave,
    )
    d.explain("""
        Quotes must exceed the discounted intrinsic value. Times are in years. The price is strictly
        increasing in volatility, so the solution is unique.
    """)

    def reference(v: Values) -> dict[str, Any]:
        surface = layout == "surface"
        t, k = (v.expiry[None], v.strike[:, None]) if surface else (v.expiry, v.strike)
        k_df = k * np.exp(-v.r * t)
        low = np.full(shape, 1e-4)
        high = np.full(shape, 5.0)
        for _ in range(60):
            middle = 0.5 * (low + high)
            d1, d2 = d1_d2(v.spot, k_df, t, middle, 0.0)
            price = v.spot * cdf(d1) - k_df * cdf(d2)
            if kind == "put":
                price = price - v.spot + k_df
            low, high = np.where(price < v.quote, middle, low), np.where(price < v.quote, high, middle)
        return {"vol_out": low}

    d.check(reference, 1e-3)
