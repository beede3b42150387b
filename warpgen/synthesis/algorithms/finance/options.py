"""Closed-form option prices and Greeks."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.finance import DOMAIN
from warpgen.synthesis.algorithms.finance._closed_form import NAMES, d1_d2
from warpgen.synthesis.library import normal
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import piece

OPTION = piece("""
@wp.struct
class Option:
    spot: float
    strike: float
    expiry: float
    sigma: float
""")


FUTURES_OPTION = piece("""
@wp.struct
class Option:
    forward: float  # futures price
    strike: float
    expiry: float
    sigma: float
""")

_Scalars = dict[str, str]


def _contracts(d: Draft, layout: str, asset: str = "spot") -> tuple[str, str, _Scalars]:
    """Arguments of options in one of the layouts: how a thread reads its own, and where its result goes.

    The last are arguments by value, for the locals that formulas know them by.
    """
    about_asset = "futures price" if asset == "forward" else "underlying spot price"
    if layout == "surface":
        rows, columns = d.pick((12, 8), (16, 10), (10, 12))
        d.param(asset, "float", 80.0, 120.0, about=about_asset)
        d.input("strike", "float", rows, 70.0, 130.0, about="strike price")
        d.input("expiry", "float", columns, 0.25, 2.0, about="time to expiry in years")
        d.param("sigma", "float", 0.15, 0.5, about="annualized volatility")
        d.launch(rows, columns)
        return "i, j = wp.tid()\nk = strike[i]\nt = expiry[j]", "[i, j]", {"s": asset, "vol": "sigma"}
    count = d.pick(64, 96, 128)
    scalars: _Scalars = {}
    if layout == "structs":
        fields = {
            asset: fill(80.0, 120.0),
            "strike": fill(80.0, 120.0),
            "expiry": fill(0.25, 2.0),
            "sigma": fill(0.15, 0.5),
        }
        d.struct(
            "book",
            FUTURES_OPTION if asset == "forward" else OPTION,
            fields,
            count,
            about="option contracts",
        )
        lines = f"option = book[tid]\ns = option.{asset}\nk = option.strike\nt = option.expiry\nvol = option.sigma"
    elif layout == "spots":
        d.input(asset, "float", count, 70.0, 130.0, about=about_asset)
        d.param("strike", "float", 90.0, 110.0, about="strike price")
        d.param("expiry", "float", 0.25, 2.0, about="time to expiry in years")
        d.param("sigma", "float", 0.15, 0.5, about="annualized volatility")
        lines, scalars = f"s = {asset}[tid]", {"k": "strike", "t": "expiry", "vol": "sigma"}
    else:
        d.input(asset, "float", count, 80.0, 120.0, about=about_asset)
        d.input("strike", "float", count, 80.0, 120.0, about="strike price")
        d.input("expiry", "float", count, 0.25, 2.0, about="time to expiry in years")
        d.param("sigma", "float", 0.15, 0.5, about="annualized volatility")
        lines, scalars = f"s = {asset}[tid]\nk = strike[tid]\nt = expiry[tid]", {"vol": "sigma"}
    d.launch(count)
    return "tid = wp.tid()\n" + lines, "[tid]", scalars


def _code(d: Draft, scalars: _Scalars, text: str, **blocks: str) -> None:
    """The kernel's body with arguments by value under their own names."""

    def named(part: str) -> str:
        for local, argument in scalars.items():
            part = re.sub(rf"\b{local}\b", argument, part)
        return part

    d.code(named(text), **{name: named(block) for name, block in blocks.items()})


def _read(v: Values, layout: str, asset: str = "spot") -> tuple[Any, Any, Any, Any]:
    if layout == "structs":
        return v[f"book.{asset}"], v["book.strike"], v["book.expiry"], v["book.sigma"]
    if layout == "surface":
        return v[asset], v.strike[:, None], v.expiry[None, :], v.sigma
    return v[asset], v.strike, v.expiry, v.sigma


def _output(d: Draft, name: str, about: str) -> None:
    d.output(name, "float", d.dim, about=about)


@DOMAIN.algorithm(
    source="Black & Scholes 1973, eq. 13; Merton 1973; Black 1976; Reiner & Rubinstein 1991",
    names=NAMES | {"book": "options|contracts", "forward": "fwd|futures_price"},
    double=True,
    weight=3,
)
def black_scholes(d: Draft) -> None:
    """Prices European options in closed form."""
    payoff = d.option("payoff", "call", "put", "both", "kinds", "cash call", "asset put")
    model = d.option("model", "plain", "dividend", "futures")
    asset_name = "forward" if model == "futures" else "spot"
    cdf = d.option("cdf", *normal.CDFS)
    layout = d.option("layout", "arrays", "structs", "surface", "spots")
    n = d.use(cdf)
    said = {
        "call": "European calls",
        "put": "European puts",
        "both": "European calls, and puts by put-call parity,",
        "kinds": "European calls and puts",
        "cash call": "cash-or-nothing calls",
        "asset put": "asset-or-nothing puts",
    }[payoff]
    under = {"plain": "", "dividend": " on an asset with a dividend yield", "futures": " on futures"}[model]
    d.says(f"Prices {said}{under} in closed form.")
    if payoff in ("cash call", "asset put"):
        d.calls(
            "cash_or_nothing_calls|price_cash_or_nothing|cash_digital_calls"
            if payoff == "cash call"
            else "asset_or_nothing_puts|price_asset_or_nothing|asset_digital_puts"
        )
    elif model == "futures":
        d.calls("black_76|european_option|price_futures_options")
    else:
        d.calls("black_scholes|european_option|price_options|bs_price")
    load, at, scalars = _contracts(d, layout, asset_name)
    d.param("r", "float", 0.01, 0.06, about="risk-free rate, continuously compounded")
    if model == "dividend":
        d.param("q", "float", 0.005, 0.04, about="dividend yield")
    if payoff == "kinds":
        d.input("kind", "int", d.dim, 0, 2, about="0 for calls, 1 for puts")
        d.module("CALL = wp.constant(0)")
    if payoff == "both":
        _output(d, "call_price", "call prices")
        _output(d, "put_price", "put prices")
    else:
        _output(d, "price", "option prices")
    drift = {"plain": "r * t", "dividend": "(r - q) * t", "futures": ""}[model]
    moneyness = f"(wp.log(s / k) + {drift}) / sd" if drift else "wp.log(s / k) / sd"
    parity = {
        "plain": "S - K exp(-r T)",
        "dividend": "S exp(-q T) - K exp(-r T)",
        "futures": "exp(-r T) (F - K)",
    }[model]
    asset = {"plain": "s", "dividend": "s * wp.exp(-q * t)", "futures": "df * s"}[model]
    call = f"{asset} * {n}(d1) - df * k * {n}(d2)"
    signed = f"phi * ({asset} * {n}(phi * d1) - df * k * {n}(phi * d2))"
    if model == "futures":
        call = f"df * (s * {n}(d1) - k * {n}(d2))"
        signed = f"phi * df * (s * {n}(phi * d1) - k * {n}(phi * d2))"
    store = {
        "call": f"price{at} = {call}",
        "put": f"price{at} = df * (k * {n}(-d2) - s * {n}(-d1))"
        if model == "futures"
        else f"price{at} = df * k * {n}(-d2) - {asset} * {n}(-d1)",
        "both": f"""
        call = {call}
        call_price{at} = call
        # Put-call parity: C - P = {parity}
        put_price{at} = call - {"df * (s - k)" if model == "futures" else f"{asset} + df * k"}
        """,
        "kinds": f"""
        # +1 for calls, -1 for puts
        phi = 1.0 if kind{at} == CALL else -1.0
        price{at} = {signed}
        """,
        "cash call": f"price{at} = df * {n}(d2)",
        "asset put": f"price{at} = {asset} * {n}(-d1)",
    }[payoff]
    needs_df = not (payoff == "asset put" and model != "futures")
    needs_d2 = payoff != "asset put"
    if payoff == "cash call":
        d1 = f"d2 = {moneyness} - 0.5 * sd"
        needs_d2 = False
    else:
        d1 = f"d1 = {moneyness} + 0.5 * sd"
    _code(
        d,
        scalars,
        "$load\n$df\nsd = vol * wp.sqrt(t)\n$d1\n$d2\n$store",
        load=load,
        df="df = wp.exp(-r * t)" if needs_df else "",
        d1=d1,
        d2="d2 = d1 - sd" if needs_d2 else "",
        store=store,
    )
    d.explain("""
        Prices are in the currency of the underlying, `expiry` in years; rates are continuously compounded and
        volatility is annualized. European exercise only.
    """ if layout != "structs" else """
        Times are in years, rates continuously compounded, volatilities annualized.
    """)  # fmt: skip

    def reference(v: Values) -> dict[str, Any]:
        s, k, t, sigma = _read(v, layout, asset_name)
        carry = {"plain": v.r, "dividend": v.r - v.get("q", 0.0), "futures": 0.0}[model]
        d1, d2 = d1_d2(s, k, t, sigma, carry)
        df = np.exp(-v.r * t)
        a = s * np.exp((carry - v.r) * t)
        call = a * cdf(d1) - df * k * cdf(d2)
        put = call - a + df * k
        return {
            "call": {"price": call},
            "put": {"price": put},
            "both": {"call_price": call, "put_price": put},
            "kinds": {"price": np.where(v.get("kind", 0) == 0, call, put)},
            "cash call": {"price": df * cdf(d2)},
            "asset put": {"price": a * cdf(-d1)},
        }[payoff]

    d.check(reference, 2e-4)


@DOMAIN.algorithm(
    source="Haug 2007, ch. 2; Hull 2018, ch. 19",
    names=NAMES
    | {
        "option_greeks": "compute_greeks|bs_sensitivities|delta_and_gamma|greeks",
        "book": "options|contracts",
        "delta": "deltas|delta_out",
        "greek": "sensitivity|greeks_out",
    },
    double=True,
)
def option_greeks(d: Draft) -> None:
    """Computes Greeks of European options in closed form."""
    what = d.option("what", "delta", "gamma", "vega", "theta", "rho", "vanna", "volga", "delta and gamma")
    kind = d.option("kind", "call", "put")
    cdf = d.option("cdf", *normal.CDFS)
    layout = d.option("layout", "arrays", "structs", "surface", "spots")
    position = d.flag("position", 0.3)
    if what != "delta and gamma":
        d.calls(f"option_{what}|bs_{what}|compute_{what}|black_scholes_{what}")
    symmetric = what in ("gamma", "vega", "vanna", "volga")
    said = {
        "delta": ", the price derivative with respect to spot",
        "gamma": ", the second price derivative with respect to spot",
        "vega": ", the price derivative with respect to volatility",
        "theta": " (time decay)",
        "rho": ", the price sensitivity to the interest rate",
        "vanna": " (delta sensitivity to volatility)",
        "volga": ", the second price derivative with respect to volatility",
        "delta and gamma": "",
    }[what]
    whose = "European options" if symmetric else f"European {kind}s"
    d.says(f"Computes the {what} of {'positions in ' if position else ''}{whose}{said}.")
    pdf = d.use(normal.PDF) if what not in ("delta", "rho") else ""
    n = d.use(cdf) if not symmetric else ""
    load, at, scalars = _contracts(d, layout)
    d.param("r", "float", 0.01, 0.06, about="risk-free rate, continuously compounded")
    if position:
        d.input("position", "float", d.dim, -10.0, 10.0, about="number of contracts, negative when short")
    first = "delta" if what.startswith("delta") else "greek"
    _output(d, first, "option deltas" if first == "delta" else f"option {what}")
    if what == "delta and gamma":
        _output(d, "gamma", "option gammas")
    plus = "" if kind == "call" else "-"
    delta = f"{n}(d1)" if kind == "call" else f"{n}(d1) - 1.0"
    value = {
        "delta": delta,
        "delta and gamma": delta,
        "gamma": f"{pdf}(d1) / (s * sd)",
        "vega": f"s * {pdf}(d1) * root_t",
        "rho": f"{plus}k * t * wp.exp(-r * t) * {n}({plus}d2)",
        "theta": f"decay {'-' if kind == 'call' else '+'} r * k * wp.exp(-r * t) * {n}({plus}d2)",
        "vanna": f"-{pdf}(d1) * d2 / vol",
        "volga": f"s * {pdf}(d1) * root_t * d1 * d2 / vol",
    }[what]
    if position:
        value = f"position{at} * ({value})" if " - " in value or " + " in value else f"position{at} * {value}"
    gamma = f"{pdf}(d1) / (s * sd)"
    _code(
        d,
        scalars,
        """
        $load
        $root
        d1 = (wp.log(s / k) + (r + 0.5 * vol * vol) * t) / sd
        $d2
        $decay
        $store
        $second
        """,
        load=load,
        root="root_t = wp.sqrt(t)\nsd = vol * root_t"
        if what in ("vega", "theta", "volga")
        else "sd = vol * wp.sqrt(t)",
        d2="d2 = d1 - sd" if what in ("theta", "rho", "vanna", "volga") else "",
        decay=f"# Volatility decay term\ndecay = -0.5 * s * {pdf}(d1) * vol / root_t"
        if what == "theta"
        else "",
        store=f"{first}{at} = {value}",
        second=f"gamma{at} = {f'position{at} * ' if position else ''}{gamma}"
        if what == "delta and gamma"
        else "",
    )
    unit = {
        "vega": " The result is per unit of volatility, not per percentage point.", "rho": " The result is per unit of rate, not per percentage point.",
        "theta": " Theta is annualized.", "vanna": " The result is per unit of volatility, not per percentage point.",
        "volga": " The result is per unit of volatility squared.",
    }.get(what, "")  # fmt: skip
    d.explain(f"Uses Black-Scholes without dividends.{unit}")

    def reference(v: Values) -> dict[str, Any]:
        s, k, t, sigma = _read(v, layout)
        d1, d2 = d1_d2(s, k, t, sigma, v.r)
        phi = 1.0 if kind == "call" else -1.0
        k_df, density, root = k * np.exp(-v.r * t), normal.PDF(d1), np.sqrt(t)
        vega = s * density * root
        made = {
            "delta": lambda: phi * cdf(phi * d1),
            "gamma": lambda: density / (s * sigma * root),
            "vega": lambda: vega,
            "theta": lambda: -s * density * sigma / (2 * root) - phi * v.r * k_df * cdf(phi * d2),
            "rho": lambda: phi * t * k_df * cdf(phi * d2),
            "vanna": lambda: vega / s * (1.0 - d1 / (sigma * root)),
            "volga": lambda: vega * d1 * d2 / sigma,
        }
        held = v.position if position else 1.0
        if what == "delta and gamma":
            return {"delta": held * made["delta"](), "gamma": held * made["gamma"]()}
        return {first: held * made[what]()}

    d.check(reference, 5e-4)
