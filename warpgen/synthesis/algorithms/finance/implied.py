"""What is solved from the prices of options."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.finance import DOMAIN
from warpgen.synthesis.library import normal
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "s": "spot|S|spots|underlying",
    "k": "strike|K|strikes",
    "t": "tau|T|expiry|maturity",
    "r": "rate|risk_free_rate|discount_rate",
    "q": "dividend_yield|carry|dividend",
    "vol": "sigma|volatility|v",
    "d1": "d_plus|x1",
    "d2": "d_minus|x2",
    "sqrt_t": "root_t|sqrt_tau",
    "df": "discount|disc|discount_factor",
    "price": "prices|value|premium|option_price",
}


def _black_scholes(s: Any, k: Any, t: Any, vol: Any, r: Any, q: Any, sign: Any) -> Any:
    ndtr = normal.CDF_ERFC
    d1 = (np.log(s / k) + (r - q + 0.5 * vol**2) * t) / (vol * np.sqrt(t))
    d2 = d1 - vol * np.sqrt(t)
    return sign * (s * np.exp(-q * t) * ndtr(sign * d1) - k * np.exp(-r * t) * ndtr(sign * d2))


@DOMAIN.algorithm(
    source="Manaster & Koehler 1982 (Newton's start); Brenner & Subrahmanyam 1988; Jaeckel 2015",
    names=_NAMES
    | {
        "implied_volatility": "implied_vol|solve_implied_vol|invert_black_scholes",
        "market": "prices|market_price|quotes|premiums",
        "iv": "implied|vol_out|sigma_out",
        "lo": "lower|vol_min|a",
        "hi": "upper|vol_max|b",
        "error": "diff|residual|gap",
    },
    adjoint="no",
)
def implied_volatility(d: Draft) -> None:
    """Finds the volatility at which the Black-Scholes formula gives the market's price of an option."""
    method = d.option("method", "newton", "bisection", "guarded", "secant", "halley")
    cdf = d.option("cdf", normal.CDF_ERFC, normal.CDF_HASTINGS)
    layout = d.option("layout", "arrays", "surface")
    start = d.option("start", "fixed", "at the money")
    put = d.flag("put", 0.3)
    n, m = (d.pick(10, 14), 6) if layout == "surface" else (d.pick(64, 96), 1)
    big_n = d.use(cdf)
    at, shape = ("[i, j]", (n, m)) if layout == "surface" else ("[tid]", (n,))
    # time values between those of volatilities 0.16 and 0.6 whatever the strike, which is near the spot
    d.input("fraction", "float", shape, 0.1, 0.24)
    d.input("k", "float", n, 97.0, 103.0)
    if layout == "surface":
        d.input("t", "float", m, 0.5, 1.5)
        load = "strike = k[i]\ntau = t[j]"
    else:
        d.input("t", "float", n, 0.5, 1.5)
        load = "strike = k[tid]\ntau = t[tid]"
    d.param("forward", "float", 100.0)
    if method != "bisection" and method != "guarded":
        d.param("max_iter", "int", 20 if method != "secant" else 30)
        d.param("tol", "float", 1e-6)
    d.output("iv", "float", shape)
    vega = method in ("newton", "guarded", "halley")
    w = "-1.0" if put else "1.0"
    if put:
        formula = f"strike * {big_n}(-d2) - forward * {big_n}(-d1)"
    else:
        formula = f"forward * {big_n}(d1) - strike * {big_n}(d2)"
    d.function(
        """
        @wp.func
        def black_price(forward: float, strike: float, tau: float, vol: float) -> float:
            deviation = vol * wp.sqrt(tau)
            d1 = wp.log(forward / strike) / deviation + 0.5 * deviation
            d2 = d1 - deviation
            return $formula
        """,
        formula=formula,
    )
    if vega:
        pdf = d.use(normal.PDF)
        d.function(
            """
            @wp.func
            def black_vega(forward: float, strike: float, tau: float, vol: float) -> float:
                deviation = vol * wp.sqrt(tau)
                return forward * wp.sqrt(tau) * $pdf(wp.log(forward / strike) / deviation + 0.5 * deviation)
            """,
            pdf=pdf,
        )
    first = (
        "vol = float(0.3)"
        if start == "fixed"
        else (
            "# exact for small deviations at the money: price = 0.4 F vol sqrt(t)\n"
            "vol = 2.5066283 * target / (forward * wp.sqrt(tau))"
        )
    )
    f, g = "black_price(forward, strike, tau, vol) - target", "black_vega(forward, strike, tau, vol)"
    if method == "newton":
        loop = f"""
        {first.split(chr(10))[-1]}
        for it in range(max_iter):
            error = {f}
            if wp.abs(error) < tol * forward:
                break
            vol = vol - error / {g}
        """
    elif method == "halley":
        loop = f"""
        {first.split(chr(10))[-1]}
        for it in range(max_iter):
            error = {f}
            if wp.abs(error) < tol * forward:
                break
            step = error / {g}
            # volga / vega = d1 d2 / vol bends Newton's step
            deviation = vol * wp.sqrt(tau)
            m = wp.log(forward / strike) / deviation
            curvature = (m * m - 0.25 * deviation * deviation) / vol
            vol = vol - step / (1.0 - 0.5 * step * curvature)
        """
    elif method == "secant":
        loop = f"""
        {first.split(chr(10))[-1]}
        previous = float(vol * 1.2)
        error_previous = black_price(forward, strike, tau, previous) - target
        for it in range(max_iter):
            error = {f}
            if wp.abs(error) < tol * forward:
                break
            slope = (error - error_previous) / (vol - previous)
            previous = vol
            error_previous = error
            vol = vol - error / slope
        """
    elif method == "bisection":
        loop = """
        lo = float(0.01)
        hi = float(2.0)
        # 26 halvings take the bracket below what 32 bits resolve
        for it in range(26):
            vol = 0.5 * (lo + hi)
            if black_price(forward, strike, tau, vol) > target:
                hi = vol
            else:
                lo = vol
        vol = 0.5 * (lo + hi)
        """
    else:
        loop = f"""
        lo = float(0.01)
        hi = float(2.0)
        {first.split(chr(10))[-1]}
        for it in range(24):
            error = {f}
            if error > 0.0:
                hi = vol
            else:
                lo = vol
            vol = vol - error / {g}
            # a step that leaves the bracket is replaced by a halving, so that it always converges
            if vol <= lo or vol >= hi:
                vol = 0.5 * (lo + hi)
        """
    if start != "fixed":
        loop = loop.replace(
            "vol = 2.5066283 *",
            "# as if it were at the money: F vol sqrt(t / 2 pi)\n        vol = 2.5066283 *",
        )
    intrinsic = "wp.max(strike - forward, 0.0)" if put else "wp.max(forward - strike, 0.0)"
    d.launch(*shape)
    d.code(
        """
        $ids
        $load
        # quotes are of time value, as a fraction of the forward
        target = fraction$at * forward + $intrinsic
        $loop
        iv$at = vol
        """,
        ids="i, j = wp.tid()" if layout == "surface" else "tid = wp.tid()",
        load=load,
        at=at,
        intrinsic=intrinsic,
        loop=loop,
    )
    d.explain("Prices are undiscounted, as Black's formula of 1976 has them for options on forwards.")

    def reference(v: Values) -> dict[str, Any]:
        k = v.k[:, None] if layout == "surface" else v.k
        t = v.t[None] if layout == "surface" else v.t
        sign = float(w)
        target = v.fraction * 100.0 + np.maximum(sign * (100.0 - k), 0.0)
        low, high = np.full(shape, 1e-3), np.full(shape, 3.0)
        for _ in range(60):
            middle = 0.5 * (low + high)
            above = _black_scholes(100.0, k, t, middle, 0.0, 0.0, sign) > target
            low, high = np.where(above, low, middle), np.where(above, middle, high)
        return {"iv": middle}

    d.check(reference, 5e-4)
