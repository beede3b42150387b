"""Early exercise in closed form."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.finance import DOMAIN
from warpgen.synthesis.library.proofs import mostly_close
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Bjerksund & Stensland 1993; Haug 2007, sec. 3.2; McDonald & Schroder 1998 (put-call symmetry)",
    names={
        "american_options": "bjerksund_stensland|price_american|american_price|american_approximation",
        "trigger": "boundary|flat_boundary|exercise_level",
        "spot": "s0|underlying|prices",
        "strike": "k|strikes|exercise_price",
        "sigma": "vol|volatility|iv",
        "maturity": "t_exp|expiry|years",
    },
    double=True,
    weight=4,
)
def american_options(d: Draft) -> None:
    """Prices American options by a flat exercise boundary (Bjerksund and Stensland)."""
    right = d.option("right", "call", "put", "flags")
    asset = d.option("underlying", "stock", "future", "currency")
    result = d.option("result", "value", "percent", "trigger")
    smile = d.option("volatility", "quoted", "skew", "term")
    time = d.option("time", "years", "days", "dates")
    sized = d.option("size", "none", "each", "signed")
    intrinsic = d.flag("floor", 0.5)
    expired = d.flag("expired", 0.5)
    if result == "trigger":
        kind = ("futures_" if asset == "future" else "") + ("option" if right == "flags" else right)
        d.calls(f"{kind}_triggers|{kind}_exercise_prices|{kind}_exercise_boundary")
    n = d.pick(48, 64, 96)
    d.input(
        "spot",
        "float",
        n,
        80.0,
        120.0,
        about={"stock": "Stock prices", "future": "Futures prices", "currency": "Exchange rates"}[asset],
    )
    d.input("strike", "float", n, 80.0, 120.0, about="Strike prices")
    low, high = (0.1, 0.25) if asset == "currency" else (0.15, 0.45)
    d.input("sigma", "float", n, low, high, about="Annualized volatilities")
    if time == "years":
        d.input("maturity", "float", n, -0.1 if expired else 0.1, 1.5, about="Times to expiry [years]")
    elif time == "days":
        d.input("days_left", "int", n, -20 if expired else 20, 500, about="Number of calendar days to expiry")
    else:
        d.input("expiry_day", "int", n, 80 if expired else 130, 500, about="Expiry dates as day numbers")
        d.param("today", "int", 100, about="Valuation date as a day number")
    if right == "flags":
        d.input("is_put", "bool", n, about="True for puts, False for calls")
    d.param("rate", "float", 0.03, 0.06, about="Continuously compounded interest rate")
    above = "" if right == "put" else ", above zero"  # calls without yield are never exercised early
    never = asset == "stock" and right != "put" and result != "trigger"
    if asset == "stock":
        if never:
            d.input("dividend_yield", "float", n, -0.01, 0.08, about="Dividend yields net of holding costs")
        else:
            d.input("dividend_yield", "float", n, 0.01, 0.08, about=f"Dividend yields{above}")
    elif asset == "currency":
        d.param("foreign_rate", "float", 0.02, 0.07, about=f"Foreign interest rate{above}")
    if smile == "skew":
        d.param("skew", "float", -0.6, -0.3, about="Volatility skew (slope in log-moneyness)")
    elif smile == "term":
        d.param("long_volatility", "float", 0.18, 0.25, about="Long-term volatility")
        d.param(
            "vol_decay",
            "float",
            1.0,
            3.0,
            about="Mean-reversion rate toward the long-term volatility [1/year]",
        )
    if sized == "each":
        d.input("contracts", "float", n, 1.0, 10.0, about="Number of contracts")
    elif sized == "signed":
        d.input("contracts", "int", n, -10, 11, about="Number of contracts, negative when short")
    name, about = {
        "value": ("value", "Values" if sized == "none" else "Position values"),
        "trigger": ("exercise_trigger", "Optimal exercise price"),
        "percent": ("value_percent", "Option value as a percentage of the strike"),
    }[result]
    d.output(name, "float", n, about=about)
    if smile == "skew":
        d.module("MIN_VOL = wp.constant(0.12)")
    future = asset == "future"
    b, of_b = ("", "") if future else ("b, ", "b: float, ")
    if result != "trigger":
        d.function('''
            @wp.func
            def normal_cdf(x: float) -> float:
                """Cumulative normal distribution."""
                return 0.5 * wp.erfc(-0.7071067811865476 * x)
        ''')
        d.function(f'''
            @wp.func
            def knocked_power(s: float, t: float, gamma: float, h: float, i: float, r: float, {of_b}v: float) -> float:
                """Value of a claim that pays S^gamma at t if S < h and the barrier i was never hit (phi in the paper)."""
                v2 = v * v
                root = v * wp.sqrt(t)
                growth = (-r + {"" if future else "gamma * b + "}0.5 * gamma * (gamma - 1.0) * v2) * t
                kappa = {"" if future else "2.0 * b / v2 + "}2.0 * gamma - 1.0
                shift = {"(gamma - 0.5) * v2 * t" if future else "(b + (gamma - 0.5) * v2) * t"}
                d1 = -(wp.log(s / h) + shift) / root
                # Reflection at the boundary
                d2 = d1 - 2.0 * wp.log(i / s) / root
                mirrored = wp.pow(i / s, kappa) * normal_cdf(d2)
                return wp.exp(growth) * wp.pow(s, gamma) * (normal_cdf(d1) - mirrored)
        ''')
        if future:
            d.function('''
                @wp.func
                def european_call(s: float, k: float, t: float, r: float, v: float) -> float:
                    """Value of a European call on a future (Black 1976)."""
                    root = v * wp.sqrt(t)
                    d1 = wp.log(s / k) / root + 0.5 * root
                    return wp.exp(-r * t) * (s * normal_cdf(d1) - k * normal_cdf(d1 - root))
            ''')
        else:
            d.function('''
                @wp.func
                def european_call(s: float, k: float, t: float, r: float, b: float, v: float) -> float:
                    """Generalized Black-Scholes call price with cost of carry b."""
                    root = v * wp.sqrt(t)
                    d1 = (wp.log(s / k) + (b + 0.5 * v * v) * t) / root
                    return s * wp.exp((b - r) * t) * normal_cdf(d1) - k * wp.exp(-r * t) * normal_cdf(d1 - root)
            ''')
    yielded = "dividend_yield[tid]" if asset == "stock" else "foreign_rate"
    q, take = ("q", "q = dividend_yield[tid]\n") if asset == "stock" else ("foreign_rate", "")
    drift = "# Dividends reduce the drift" if asset == "stock" else "# Foreign deposits earn the foreign rate"
    # Boundaries are proportional to the strike: where only the trigger is asked for, spot and strike stay out
    assets = {
        "call": "s = spot[tid]\nk = strike[tid]",
        "put": "s = strike[tid]\nk = spot[tid]",
        "flags": "s = wp.where(put, strike[tid], spot[tid])\nk = wp.where(put, spot[tid], strike[tid])",
    }[right]
    rates = {
        "call": f"{take}{drift}\nb = rate - {q}",
        "put": f"r = {yielded}\nb = r - rate",
        "flags": f"{take}r = wp.where(put, {q}, rate)\nb = wp.where(put, {q} - rate, rate - {q})",
    }[right]
    if future:
        rates = ""
    exchanged = "spot and strike swapped" if future else "spot and strike swapped, and the two rates swapped"
    if result == "trigger":
        assets, exchanged = "", "the two rates swapped and the trigger mirrored below the strike"
    symmetry = f"# Put-call symmetry: price a call with {exchanged}" if right != "call" else ""
    if future and result == "trigger":
        symmetry = ""
    flags = "put = is_put[tid]" if right == "flags" else ""
    r = "rate" if right == "call" or future else "r"
    back = {
        "call": "strike[tid] * ratio",
        "put": "strike[tid] / ratio",
        "flags": "wp.where(is_put[tid], strike[tid] / ratio, strike[tid] * ratio)"
        if future
        else "wp.where(put, strike[tid] / ratio, strike[tid] * ratio)",
    }[right]
    if future and result == "trigger":
        flags = ""
    own = {"call": "k", "put": "s", "flags": "strike[tid]"}[right]
    multiple = {"none": "", "each": "contracts[tid] * ", "signed": "float(contracts[tid]) * "}[sized]
    if result != "value":
        multiple = ""
    value = f"""
        # Value when exercising as soon as the price hits the trigger
        alpha = (trigger - k) * wp.pow(trigger, -beta)
        value_held = alpha * wp.pow(s, beta)
        value_held -= alpha * knocked_power(s, t, beta, trigger, trigger, {r}, {b}v)
        value_held += knocked_power(s, t, 1.0, trigger, trigger, {r}, {b}v)
        value_held -= knocked_power(s, t, 1.0, k, trigger, {r}, {b}v)
        value_held -= k * knocked_power(s, t, 0.0, trigger, trigger, {r}, {b}v)
        value_held += k * knocked_power(s, t, 0.0, k, trigger, {r}, {b}v)
        european = european_call(s, k, t, {r}, {b}v)
        $least
        # Already past the trigger: exercise immediately
        american = wp.where(s >= trigger, s - k, american)
        $store
        """
    least = """
        # Use the European value as a lower bound, since the boundary is only approximate
        american = wp.max(value_held, european)
        """
    if intrinsic:
        least = """
        # Lower bounds: European value and immediate exercise, since the boundary is only approximate
        american = wp.max(wp.max(value_held, european), s - k)
        """
    near = {"call": f"rate / {q}", "put": "r / rate", "flags": "r / (r - b)"}[right]
    boundary = f"""
        # Interpolate between the perpetual boundary and the one at expiry
        perpetual = beta / (beta - 1.0) * k
        final = wp.max(k, {near} * k)
        h = -(b * t + 2.0 * v * wp.sqrt(t)) * final / (perpetual - final)
        trigger = final + (perpetual - final) * (1.0 - wp.exp(h))
        """
    if future:
        boundary = """
        # Interpolate between the perpetual boundary and the strike, its limit at expiry
        perpetual = beta / (beta - 1.0) * k
        h = -2.0 * v * wp.sqrt(t) * k / (perpetual - k)
        trigger = k + (perpetual - k) * (1.0 - wp.exp(h))
        """
    if result == "trigger":
        boundary = boundary.replace(" * k", "").replace("k, ", "1.0, ").replace("trigger", "ratio")
        boundary = boundary.replace("k + ", "1.0 + ").replace("- k)", "- 1.0)")
        boundary = boundary.replace(
            " perpetual boundary and the strike, its limit at expiry",
            " perpetual boundary and 1, both relative to the strike",
        )
        boundary = boundary.replace("the one at expiry", "the one at expiry, relative to the strike")
    gone = {
        "value": f"value[tid] = {multiple}wp.max(s - k, 0.0)",
        "trigger": "exercise_trigger[tid] = strike[tid]",
        "percent": f"value_percent[tid] = 100.0 * wp.max(s - k, 0.0) / {own}",
    }[result]
    store = {
        "value": f"value[tid] = {multiple}american",
        "percent": f"value_percent[tid] = 100.0 * american / {own}",
    }.get(result, "")
    hold = f"""
        # Early exercise is never optimal without a positive yield
        if {"q <= 0.0" if right == "call" else "b >= r"}:
            {store.replace("american", f"european_call(s, k, t, {r}, b, v)")}
            return
        """
    d.launch(n)
    d.code(
        """
        tid = wp.tid()
        $symmetry
        $flags
        $assets
        $rates
        $time
        $expired
        $vol
        $hold
        $square
        # Exponent of the perpetual option
        $beta
        $boundary
        $core
        """,
        symmetry=symmetry,
        flags=flags,
        assets=assets,
        rates=rates,
        time={
            "years": "t = maturity[tid]",
            "days": "# Actual/365\nt = float(days_left[tid]) / 365.0",
            "dates": "t = float(expiry_day[tid] - today) / 365.0",
        }[time],
        expired=f"# Expired: {'the trigger is the strike' if result == 'trigger' else 'return the payoff'}\n"
        f"if t <= 0.0:\n    {gone}\n    return\n"
        if expired
        else "",
        vol={
            "quoted": "v = sigma[tid]",
            "skew": "# Skew: lower strikes have higher volatility\n"
            "v = wp.max(sigma[tid] + skew * wp.log(strike[tid] / spot[tid]), MIN_VOL)",
            "term": "# Volatility decays toward its long-term level\n"
            "v = long_volatility + (sigma[tid] - long_volatility) * wp.exp(-vol_decay * t)",
        }[smile],
        square="" if future else "v2 = v * v",
        beta=f"beta = 0.5 + wp.sqrt(0.25 + 2.0 * {r} / (v * v))"
        if future
        else f"drift = b / v2 - 0.5\nbeta = -drift + wp.sqrt(drift * drift + 2.0 * {r} / v2)",
        boundary=boundary,
        core=f"exercise_trigger[tid] = {back}" if result == "trigger" else value,
        least=least,
        hold=hold if never else "",
        store=store,
    )
    kinds = {"call": "calls", "put": "puts", "flags": "options"}[right]
    kinds += {"stock": "", "future": " on futures", "currency": " on currencies"}[asset]
    does = "Prices" if sized == "none" else "Values positions in"
    d.says(
        {
            "trigger": f"Computes optimal exercise prices for American {kinds} (Bjerksund-Stensland).",
            "percent": f"Prices American {kinds} as a percentage of strike using the Bjerksund-Stensland approximation.",
        }.get(result, f"{does} American {kinds} using the Bjerksund-Stensland flat-boundary approximation.")
    )
    d.explain("""
        Exercising at a fixed trigger price is close to optimal and has a closed-form value, a sum of
        barrier option prices.
    """ if result != "trigger" else """
        The exercise boundary is flat, between its value at expiry and the boundary for a perpetual option.
    """)  # fmt: skip

    def agrees(v: Values, after: Values) -> None:
        spot = v.get("spot", v.strike)
        put = {"call": np.zeros(n, bool), "put": np.ones(n, bool)}.get(right, v.get("is_put"))
        t = {
            "years": lambda: v.maturity,
            "days": lambda: v.days_left / 365,
            "dates": lambda: (v.expiry_day - v.today) / 365,
        }[time]()
        live = t > 0
        t = np.where(live, t, 1.0)
        vol = {
            "quoted": lambda: v.sigma,
            "skew": lambda: np.maximum(v.sigma + v.skew * np.log(v.strike / spot), 0.12),
            "term": lambda: v.long_volatility + (v.sigma - v.long_volatility) * np.exp(-v.vol_decay * t),
        }[smile]()
        held = {
            "stock": lambda: v.rate - v.dividend_yield,
            "future": lambda: 0.0,
            "currency": lambda: v.rate - v.foreign_rate,
        }[asset]() + np.zeros(n)
        s, k = np.where(put, v.strike, spot), np.where(put, spot, v.strike)
        r, b = np.where(put, v.rate - held, v.rate), np.where(put, -held, held)
        waits = b >= r
        held_b, b = b, np.where(waits, r - 0.02, b)
        a = b / vol**2 - 0.5
        beta = -a + np.sqrt(a * a + 2 * r / vol**2)
        far, near = beta / (beta - 1) * k, np.maximum(k, r / (r - b) * k)
        i = near + (far - near) * -np.expm1(-(b * t + 2 * vol * np.sqrt(t)) * near / (far - near))
        args = s, t, r, b, vol

        def phi(gamma: Any, h: Any) -> Any:
            return _phi(gamma, h, i, *args)

        al = (i - k) * i**-beta
        c = al * s**beta - al * phi(beta, i) + phi(1.0, i) - phi(1.0, k) - k * phi(0.0, i) + k * phi(0.0, k)
        b = held_b
        d1 = (np.log(s / k) + (b + vol**2 / 2) * t) / vol / np.sqrt(t)
        plain = s * np.exp((b - r) * t) * _cdf(d1) - k * np.exp(-r * t) * _cdf(d1 - vol * np.sqrt(t))
        c = np.where(waits, plain, np.where(s >= i, s - k, np.maximum(c, plain)))
        c = np.maximum(c, s - k) if intrinsic else c
        many = v.get("contracts", 1.0) if sized != "none" else 1.0
        made, end = {
            "value": (many * c, many * np.maximum(s - k, 0)),
            "trigger": (np.where(put, k * s / i, i), np.where(put, s, k)),
            "percent": (100 * c / v.strike, 100 * np.maximum(s - k, 0) / v.strike),
        }[result]  # fmt: skip
        mostly_close(after[name], np.where(live, made, end), 1e-2, 0.95)

    d.holds(agrees)


def _cdf(x: Any) -> Any:
    return np.vectorize(lambda y: 0.5 * math.erfc(-y / 2**0.5))(x)


def _phi(gamma: Any, h: Any, i: Any, s: Any, t: Any, r: Any, b: Any, v: Any) -> Any:
    """The function of the paper that the price is a sum of."""
    lam = (-r + gamma * b + gamma * (gamma - 1) * v**2 / 2) * t
    at = -(np.log(s / h) + (b + (gamma - 0.5) * v**2) * t) / v / np.sqrt(t)
    kappa = 2 * b / v**2 + 2 * gamma - 1
    return (
        np.exp(lam) * s**gamma * (_cdf(at) - (i / s) ** kappa * _cdf(at - 2 * np.log(i / s) / v / np.sqrt(t)))
    )
