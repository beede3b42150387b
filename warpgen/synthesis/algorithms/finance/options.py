"""Options whose prices have closed forms, and what is solved from their prices."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.finance import DOMAIN
from warpgen.synthesis.library import normal
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import piece

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


OPTION = piece("""
@wp.struct
class Option:
    strike: float
    expiry: float
    volatility: float
""")


def _market(d: Draft, n: int, layout: str, dividend: bool) -> str:
    """Declares spots and contracts; gives the lines that load them into s, k, t and vol."""
    lines = ["s = spot[tid]"]
    if layout == "surface":
        d.param("s", "float", 80.0, 120.0)
        d.input("strikes", "float", n, 70.0, 130.0)
        d.input("expiries", "float", 8, 0.25, 2.0)
        d.param("vol", "float", 0.15, 0.4)
        lines = ["k = strikes[i]", "t = expiries[j]"]
    elif layout == "struct":
        d.input("spot", "float", n, 80.0, 120.0)
        d.struct(
            "options",
            OPTION,
            {"strike": fill(80.0, 120.0), "expiry": fill(0.25, 2.0), "volatility": fill(0.15, 0.4)},
            n,
        )
        lines += [
            "option = options[tid]",
            "k = option.strike",
            "t = option.expiry",
            "vol = option.volatility",
        ]
    else:
        d.input("spot", "float", n, 80.0, 120.0)
        d.input("strikes", "float", n, 80.0, 120.0)
        d.input("expiries", "float", n, 0.25, 2.0)
        if layout == "one volatility":
            d.param("vol", "float", 0.15, 0.4)
        else:
            d.input("vols", "float", n, 0.15, 0.4)
            lines.append("vol = vols[tid]")
        lines += ["k = strikes[tid]", "t = expiries[tid]"]
    d.param("r", "float", 0.0, 0.06)
    if dividend:
        d.param("q", "float", 0.0, 0.04)
    return "\n".join(lines)


def _loaded(v: Values, layout: str) -> tuple[Any, Any, Any, Any]:
    if layout == "surface":
        return v.s, v.strikes[:, None], v.expiries[None, :], v.vol
    if layout == "struct":
        return v.spot, v["options.strike"], v["options.expiry"], v["options.volatility"]
    return v.spot, v.strikes, v.expiries, v.vol if layout == "one volatility" else v.vols


def _black_scholes(s: Any, k: Any, t: Any, vol: Any, r: Any, q: Any, sign: Any) -> Any:
    ndtr = normal.CDF_ERFC
    d1 = (np.log(s / k) + (r - q + 0.5 * vol**2) * t) / (vol * np.sqrt(t))
    d2 = d1 - vol * np.sqrt(t)
    return sign * (s * np.exp(-q * t) * ndtr(sign * d1) - k * np.exp(-r * t) * ndtr(sign * d2))


@DOMAIN.algorithm(
    source="Black & Scholes 1973, eq. 13; Merton 1973",
    names=_NAMES
    | {"black_scholes": "price_options|bs_price|european_options|black_scholes_price", "forward": "fwd|f"},
    double=True,
)
def black_scholes(d: Draft) -> None:
    """Prices European options with the formula of Black, Scholes and Merton."""
    layout = d.option("layout", "arrays", "one volatility", "struct", "surface")
    kind = d.option("kind", "call", "put", "both", "signed")
    cdf = d.option("cdf", *normal.CDFS)
    dividend = d.flag("dividend")
    form = d.option("form", "spot", "forward")
    n = d.pick(16, 24) if layout == "surface" else d.pick(64, 96, 128)
    at, shape = ("[i, j]", (n, 8)) if layout == "surface" else ("[tid]", (n,))
    load = _market(d, n, layout, dividend)
    if kind == "signed":
        d.input("is_call", "int", shape, 0, 2)
    big_n = d.use(cdf)
    drift = "r - q" if dividend else "r"
    held = "s * wp.exp(-q * t)" if dividend else "s"
    if form == "spot":
        setup = f"""
        sqrt_t = wp.sqrt(t)
        d1 = (wp.log(s / k) + ({drift} + 0.5 * vol * vol) * t) / (vol * sqrt_t)
        d2 = d1 - vol * sqrt_t
        df = wp.exp(-r * t)
        """
        call = f"{held} * {big_n}(d1) - k * df * {big_n}(d2)"
        put = f"k * df * {big_n}(-d2) - {held} * {big_n}(-d1)"
        signed = f"w * ({held} * {big_n}(w * d1) - k * df * {big_n}(w * d2))"
        parity = f"price - {held} + k * df"
    else:
        setup = f"""
        # Black's form: everything in terms of the forward, discounted once
        forward = s * wp.exp(({drift}) * t)
        df = wp.exp(-r * t)
        deviation = vol * wp.sqrt(t)
        d1 = wp.log(forward / k) / deviation + 0.5 * deviation
        d2 = d1 - deviation
        """
        if not dividend:
            setup = setup.replace("(r) * t", "r * t")
        call = f"df * (forward * {big_n}(d1) - k * {big_n}(d2))"
        put = f"df * (k * {big_n}(-d2) - forward * {big_n}(-d1))"
        signed = f"w * df * (forward * {big_n}(w * d1) - k * {big_n}(w * d2))"
        parity = "price - df * (forward - k)"
    if kind == "call":
        d.says("Prices European calls with the formula of Black and Scholes.")
        d.output("price", "float", shape)
        store = f"price{at} = {call}"
    elif kind == "put":
        d.says("Prices European puts with the formula of Black and Scholes.")
        d.output("price", "float", shape)
        store = f"price{at} = {put}"
    elif kind == "both":
        d.output("calls", "float", shape)
        d.output("puts", "float", shape)
        store = (
            f"price = {call}\n"
            f"calls{at} = price\n"
            "# put-call parity saves the other two normals\n"
            f"puts{at} = {parity}"
        )
    else:
        d.output("price", "float", shape)
        store = f"w = -1.0\nif is_call{at} == 1:\n    w = 1.0\nprice{at} = {signed}"
    d.launch(*shape)
    d.code(
        "$ids\n$load\n$setup\n$store",
        ids="i, j = wp.tid()" if layout == "surface" else "tid = wp.tid()",
        load=load,
        setup=setup,
        store=store,
    )
    d.explain("""
        C = S e^(-qT) N(d1) - K e^(-rT) N(d2), with d1,2 = [ln(S/K) + (r - q +- vol^2/2) T] / (vol sqrt T).
        Rates are continuously compounded, times in years, the volatility annual.
    """)

    def reference(v: Values) -> dict[str, Any]:
        s, k, t, vol = _loaded(v, layout)
        q = v.q if dividend else 0.0
        if kind == "both":
            return {
                "calls": _black_scholes(s, k, t, vol, v.r, q, 1.0),
                "puts": _black_scholes(s, k, t, vol, v.r, q, -1.0),
            }
        sign: Any = {"call": 1.0, "put": -1.0}.get(kind)
        if sign is None:
            sign = np.where(v.is_call == 1, 1.0, -1.0)
        return {"price": _black_scholes(s, k, t, vol, v.r, q, sign)}

    d.check(reference, 2e-4)


GREEKS = piece("""
@wp.struct
class Greeks:
    delta: float
    gamma: float
    vega: float
    theta: float
    rho: float
""")


@DOMAIN.algorithm(
    source="Haug 2007, The Complete Guide to Option Pricing Formulas, chapter 2",
    names=_NAMES
    | {
        "option_greeks": "compute_greeks|bs_greeks|black_scholes_greeks|sensitivities",
        "n_prime": "density|pdf_d1|phi_d1",
        "carry_df": "dq|growth|carry_factor",
    },
    double=True,
    adjoint="either",
)
def option_greeks(d: Draft) -> None:
    """Computes sensitivities of European options to spot, volatility, time and rate."""
    layout = d.option("layout", "arrays", "one volatility", "struct")
    which = d.option("which", "delta gamma", "first order", "struct", "vanna volga", "speed charm")
    put = d.flag("put", 0.4)
    cdf = d.option("cdf", *normal.CDFS)
    dividend = d.flag("dividend")
    n = d.pick(64, 96, 128)
    load = _market(d, n, layout, dividend)
    needs_cdf = which in ("delta gamma", "first order", "struct")
    pdf = d.use(normal.PDF)
    big_n = d.use(cdf) if needs_cdf else ""
    drift = "r - q" if dividend else "r"
    setup = f"""
    sqrt_t = wp.sqrt(t)
    d1 = (wp.log(s / k) + ({drift} + 0.5 * vol * vol) * t) / (vol * sqrt_t)
    d2 = d1 - vol * sqrt_t
    n_prime = {pdf}(d1)
    """
    if which in ("delta gamma", "speed charm"):
        setup = setup.replace("    d2 = d1 - vol * sqrt_t\n", "")
    growth = "carry_df * " if dividend else ""
    if dividend:
        setup = setup.rstrip() + "\n    carry_df = wp.exp(-q * t)\n"
    w = "-" if put else ""
    delta = f"-{growth}{big_n}(-d1)" if put else f"{growth}{big_n}(d1)"
    gamma, vega = f"{growth}n_prime / (s * vol * sqrt_t)", f"s * {growth}n_prime * sqrt_t"
    theta = f"-s * {growth}n_prime * vol / (2.0 * sqrt_t)"
    own = f"r * k * df * {big_n}({w}d2)"
    theta += f" + {own}" if put else f" - {own}"
    if dividend:
        theta += f" {'-' if put else '+'} q * s * {growth}{big_n}({w}d1)"
    rho = f"{'-' if put else ''}k * t * df * {big_n}({w}d2)"
    if which == "delta gamma":
        outs = {"delta": delta, "gamma": gamma}
    elif which == "first order":
        outs = {"delta": delta, "vega": vega, "theta": theta, "rho": rho}
    elif which == "struct":
        outs = {"delta": delta, "gamma": gamma, "vega": vega, "theta": theta, "rho": rho}
    elif which == "vanna volga":
        outs = {
            "vanna": f"-{growth}n_prime * d2 / vol",
            "volga": f"s * {growth}n_prime * sqrt_t * d1 * d2 / vol",
        }
        d.says("Computes vanna and volga of European options, the second derivatives with the volatility.")
    else:
        outs = {"gamma": gamma, "speed": ""}
        d.says("Computes gamma of European options and speed, its slope with the spot.")
    if which in ("first order", "struct"):
        setup = setup.rstrip() + "\n    df = wp.exp(-r * t)\n"
    if which == "struct":
        fields = dict.fromkeys((f"{g}" for g in outs), fill(value=0.0))
        d.struct("greeks", GREEKS, fields, n, role="output")
        body = "g = Greeks()\n" + "\n".join(f"g.{name} = {value}" for name, value in outs.items())
        body += "\ngreeks[tid] = g"
    elif which == "speed charm":
        d.output("gamma", "float", n)
        d.output("speed", "float", n)
        body = (
            f"curvature = {gamma}\n"
            "gamma[tid] = curvature\n"
            "speed[tid] = -curvature / s * (d1 / (vol * sqrt_t) + 1.0)"
        )
    else:
        for name in outs:
            d.output(name, "float", n)
        body = "\n".join(f"{name}[tid] = {value}" for name, value in outs.items())
    d.launch(n)
    d.code("tid = wp.tid()\n$load\n$setup\n$body", load=load, setup=setup, body=body)
    d.explain("""
        Vega and rho are for a change of one (not of one percent), theta is per year. Gamma and vega
        are the same for calls and puts.
    """)

    def reference(v: Values) -> dict[str, Any]:
        s, k, t, vol = (np.asarray(x, np.float64) for x in _loaded(v, layout))
        sign, q = -1.0 if put else 1.0, v.q if dividend else 0.0

        def price(ds: Any = 0.0, dvol: float = 0.0, dt: float = 0.0, dr: float = 0.0) -> Any:
            return _black_scholes(s + ds, k, t + dt, vol + dvol, v.r + dr, q, sign)

        def slope(e: float, **by: Any) -> Any:
            return (
                price(**{n: e * x for n, x in by.items()}) - price(**{n: -e * x for n, x in by.items()})
            ) / (2 * e)

        def gamma_at(e: Any) -> Any:
            return (price(e + 0.02) - 2 * price(e) + price(e - 0.02)) / 0.02**2

        found = {
            "delta": lambda: slope(1e-4, ds=1.0),
            "gamma": lambda: gamma_at(0.0),
            "vega": lambda: slope(1e-5, dvol=1.0),
            "theta": lambda: -slope(1e-5, dt=1.0),
            "rho": lambda: slope(1e-5, dr=1.0),
            "vanna": lambda: (
                (price(0.01, 1e-3) - price(0.01, -1e-3) - price(-0.01, 1e-3) + price(-0.01, -1e-3)) / 4e-5
            ),
            "volga": lambda: (price(dvol=1e-3) - 2 * price() + price(dvol=-1e-3)) / 1e-6,
            "speed": lambda: (gamma_at(0.5) - gamma_at(-0.5)) / 1.0,
        }
        path = "greeks.{}" if which == "struct" else "{}"
        return {path.format(name): found[name]() for name in outs}

    d.check(reference, 5e-3)
