"""Options on two assets."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.finance import DOMAIN
from warpgen.synthesis.algorithms.finance._closed_form import NAMES, d1_d2
from warpgen.synthesis.library import normal
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Margrabe 1978; Kirk 1995; Stulz 1982",
    names=NAMES
    | {
        "rho": "correlation|corr",
        "vols": "sigmas|volatilities",
        "first": "first_asset|asset1",
        "second": "second_asset|asset2",
    },
    double=True,
)
def exchange_option(d: Draft) -> None:
    """Prices options on the difference of two lognormal assets."""
    what = d.option("what", "margrabe", "kirk", "best of", "worst of")
    cdf = d.option("cdf", *normal.CDFS)
    correlation = d.option("correlation", "given", "each", "pairs")
    dividends = d.flag("dividends", 0.4)
    packed = d.flag("packed")
    d.calls(
        {
            "margrabe": "exchange_option|margrabe|price_exchange",
            "kirk": "spread_option|kirk_spread|price_spread",
            "best of": "best_of_two|price_best_of|better_asset",
            "worst of": "worst_of_two|price_worst_of|worse_asset",
        }[what]
    )
    if what == "kirk":
        dividends = False
    n = d.use(cdf)
    d.says({
        "margrabe": "Prices options to exchange one asset for another using Margrabe's formula.",
        "kirk": "Prices spread calls on two futures using Kirk's approximation.",
        "best of": "Prices best-of-two-assets contracts in closed form.",
        "worst of": "Prices worst-of-two-assets contracts in closed form.",
    }[what])  # fmt: skip
    count = d.pick(48, 64, 96)
    asset = "future" if what == "kirk" else "asset"
    d.input("s1", "float", count, 80.0, 120.0, about=f"first {asset} price")
    d.input("s2", "float", count, 80.0, 120.0, about=f"second {asset} price")
    assets = 6
    if correlation == "pairs":
        d.input("first", "int", count, 0, assets // 2, about="index of the first asset in each pair")
        d.input(
            "second",
            "int",
            count,
            assets // 2,
            assets,
            about="index of the second asset, different from the first",
        )
        d.input("vols", "float", assets, 0.15, 0.45, about="volatilities")
        d.input("loadings", "float", assets, 0.2, 0.9, about="asset-market correlation")
        load = """
        m = first[tid]
        n = second[tid]
        vol1 = vols[m]
        vol2 = vols[n]
        # One-factor model: assets are correlated only through the market
        rho = loadings[m] * loadings[n]
        """
    else:
        if packed:
            d.param("vols", "vec2", 0.15, 0.45, about="volatilities")
            load = "vol1 = vols[0]\nvol2 = vols[1]"
        else:
            d.param("vol1", "float", 0.15, 0.45, about="first asset volatility")
            d.param("vol2", "float", 0.15, 0.45, about="second asset volatility")
            load = ""
        if correlation == "each":
            d.input("rho", "float", count, -0.5, 0.8, about="correlation")
        else:
            d.param("rho", "float", -0.5, 0.8, about="correlation")
    d.param("expiry", "float", 0.5, 2.0, about="time to expiry in years")
    if dividends:
        d.param("q1", "float", 0.01, 0.04, about="first asset dividend yield")
        d.param("q2", "float", 0.01, 0.04, about="second asset dividend yield")
    if what == "kirk":
        d.param("strike", "float", 3.0, 10.0, about="strike price")
        d.param("r", "float", 0.01, 0.05, about="risk-free rate, continuously compounded")
    d.output("price", "float", count, about="present value" if what.endswith("of") else "option price")
    rho = "rho[tid]" if correlation == "each" else "rho"
    a, b = "s1[tid]", "s2[tid]"
    if dividends:
        a, b = "s1[tid] * wp.exp(-q1 * expiry)", "s2[tid] * wp.exp(-q2 * expiry)"
    if what == "kirk":
        head = f"""
        a = {a}
        b = s2[tid] + strike
        # Kirk's approximation: scale the second volatility by F2 / (F2 + K)
        scaled_vol2 = vol2 * s2[tid] / b
        """
    else:
        head = f"a = {a}\nb = {b}"
    second = "scaled_vol2" if what == "kirk" else "vol2"
    value = {
        "margrabe": f"a * {n}(d1) - b * {n}(d2)",
        "kirk": f"wp.exp(-r * expiry) * (a * {n}(d1) - b * {n}(d2))",
        "best of": f"a * {n}(d1) + b * {n}(-d2)",
        "worst of": f"a * {n}(-d1) + b * {n}(d2)",
    }[what]
    d.launch(count)
    d.code(
        f"""
        tid = wp.tid()
        $load
        $head
        # sigma^2 = sigma_1^2 + sigma_2^2 - 2 rho sigma_1 sigma_2
        sigma2 = vol1 * vol1 - 2.0 * {rho} * vol1 * {second} + {second} * {second}
        sd = wp.sqrt(sigma2 * expiry)
        d1 = wp.log(a / b) / sd + 0.5 * sd
        d2 = d1 - sd
        price[tid] = {value}
        """,
        load=load,
        head=head,
    )
    d.explain("""
        The ratio of the assets is lognormal with variance v1^2 - 2 rho v1 v2 + v2^2 per year, v1 and v2 being
        the volatilities. The second asset is used as numeraire, so no interest rate is needed.
    """ if what != "kirk" else """
        The payoff is max(s1 - s2 - K, 0). s2 + K is approximated as lognormal, which is accurate when K is small
        compared to s2.
    """)  # fmt: skip

    def reference(v: Values) -> dict[str, Any]:
        if correlation == "pairs":
            v1, v2 = v.vols[v.first], v.vols[v.second]
            rho_ = v.loadings[v.first] * v.loadings[v.second]
        else:
            v1, v2 = v.vols if packed else (v.vol1, v.vol2)
            rho_ = v.rho
        x, y, t = v.s1, v.s2, v.expiry
        if dividends:
            x, y = x * np.exp(-v.q1 * t), y * np.exp(-v.q2 * t)
        if what == "kirk":
            v2 = v2 * y / (y + v.strike)
            y = y + v.strike
        d1, d2 = d1_d2(x, y, t, np.sqrt(v1**2 + v2**2 - 2 * rho_ * v1 * v2), 0.0)
        swap = x * cdf(d1) - y * cdf(d2)
        made = {"margrabe": swap, "best of": y + swap, "worst of": x - swap}
        return {"price": np.exp(-v.r * t) * swap if what == "kirk" else made[what]}

    d.check(reference, 3e-4)
