"""Smiles of volatility that a model explains."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.finance import DOMAIN
from warpgen.synthesis.library import normal
from warpgen.synthesis.writing.draft import Draft, Values, dedented
from warpgen.synthesis.writing.trim import trim


@DOMAIN.algorithm(
    source="Hagan et al. 2002, Managing smile risk, eq. 2.17 and A.59; Obloj 2008; West 2005 (alpha); Bartlett 2006",
    names={
        "forward": "fwd|f0|forwards",
        "strike": "k|strikes|exercise",
        "expiry": "t_exp|maturity|tau",
        "alpha": "sabr_alpha|level|a",
        "nu": "vol_of_vol|volvol",
        "rho": "correlation|corr|rho_fv",
        "log_fk": "moneyness|log_ratio|x_log",
        "mid_power": "geo_power|fk_pow",
    },
    double=True,
    weight=3,
)
def sabr_smile(d: Draft) -> None:
    """Computes SABR implied volatilities."""
    quote = d.option("quote", "lognormal", "normal")
    leading = d.option("leading term", "hagan", "obloj")
    beta = d.option("beta", "param", "half", "one", "per slice")
    level = d.option("level", "alpha", "at the money")
    shift = d.flag("shift", 0.35)
    result = d.option("result", "volatility", "price", "variance", "delta", weights=(0.4, 0.25, 0.15, 0.2))
    layout = d.option("layout", "list", "grid")
    if quote == "normal" and result == "delta":
        result = "price"
    d.says({
        "volatility": f"Computes {quote} implied volatilities in the SABR model.",
        "price": f"Computes undiscounted call prices using {quote} SABR volatilities.",
        "variance": f"Computes total {quote} implied variances in the SABR model.",
        "delta": "Computes Bartlett deltas of calls in the SABR model.",
    }[result])  # fmt: skip
    d.calls(
        {
            "volatility": "sabr_smile|sabr_vol|sabr_implied_vol|smile_kernel",
            "price": "sabr_prices|price_sabr|sabr_option_price",
            "variance": "sabr_variance|sabr_total_variance|smile_variance",
            "delta": "sabr_delta|smile_delta|sabr_deltas",
        }[result]
    )
    slices, strikes = d.pick(8, 12), d.pick(6, 8)
    n = slices * strikes if layout == "list" else slices
    shape: Any = n if layout == "list" else (slices, strikes)
    me, mine = ("tid", "tid") if layout == "list" else ("i", "i, j")
    d.input("forward", "float", n, 0.02, 0.05, about="Forward rates")
    d.input("strike", "float", shape, 0.015, 0.06, about="Strikes")
    d.input("expiry", "float", n, 0.5, 3.0, about="Times to expiry [years]")
    if level == "alpha":
        low, high = {"half": (0.02, 0.06), "one": (0.2, 0.4)}.get(beta, (0.03, 0.08))
        d.input("alpha", "float", n, low, high, about="Initial SABR volatilities (alpha)")
    else:
        d.input("atm_vol", "float", n, 0.2, 0.4, about="At-the-money lognormal volatilities")
    d.input("rho", "float", n, -0.6, 0.2, about="Forward-volatility correlations")
    d.input("nu", "float", n, 0.2, 0.6, about="Volatilities of volatility")
    if beta == "param":
        d.param("beta", "float", 0.5, 0.7, about="CEV exponent (beta)")
    elif beta == "per slice":
        d.input("beta", "float", n, 0.5, 0.7, about="CEV exponents (beta)")
    if shift:
        d.param("shift", "float", 0.005, 0.02, about="Shift to support negative rates")
    name, about = {
        "volatility": ("vols", "Implied volatilities"),
        "price": ("values", "Undiscounted call prices"),
        "variance": ("total_variance", "Total implied variance (sigma^2 t)"),
        "delta": ("deltas", "Bartlett deltas, including the correlated volatility move"),
    }[result]
    d.output(name, "float", shape, about=about)
    exponent = {"param": "beta", "per slice": f"beta[{me}]"}.get(beta, "BETA")
    if beta == "half":
        d.module("BETA = wp.constant(0.5)  # a square-root backbone")
    cdf = d.use(normal.CDF_ERFC) if result in ("price", "delta") else ""
    pdf = d.use(normal.PDF) if result in ("price", "delta") else ""
    if quote == "lognormal":
        ratio = "series" if leading == "hagan" else "sinh_ratio"
        drift = "one_minus_beta * one_minus_beta * a * a / (24.0 * mid_power * mid_power)"
    else:
        ratio = "(1.0 + log_sq / 24.0 + log_sq * log_sq / 1920.0) / series"
        drift = "-{e} * (2.0 - {e}) * a * a / (24.0 * mid_power * mid_power)"
    body = """
        one_minus_beta = 1.0 - $e
        log_fk = wp.log(f / k)
        spread_sq = one_minus_beta * one_minus_beta * log_fk * log_fk
        log_sq = log_fk * log_fk
        # (F K)^((1 - beta) / 2)
        mid_power = wp.pow(f * k, 0.5 * one_minus_beta)
        series = 1.0 + spread_sq / 24.0 + spread_sq * spread_sq / 1920.0
        z = $vol / a * mid_power * log_fk
        # z / x(z) is 0 / 0 at the money, so use the series 1 - rho z / 2 + (2 - 3 rho^2) z^2 / 12 near it
        if wp.abs(z) > 0.05:
            root = wp.sqrt(1.0 - 2.0 * $corr * z + z * z)
            skew = z / wp.log((root + z - $corr) / (1.0 - $corr))
        else:
            skew = 1.0 - 0.5 * $corr * z + (2.0 - 3.0 * $corr * $corr) * z * z / 12.0
        correction = $drift + 0.25 * $corr * $e * $vol * a / mid_power
        correction += (2.0 - 3.0 * $corr * $corr) * $vol * $vol / 24.0
        """
    if leading == "obloj" and quote == "lognormal":
        # The leading term of Obloj: the exact one of the backbone, in place of its expansion.
        body = body.replace(
            "z = $vol / a * mid_power * log_fk",
            "half_spread = 0.5 * one_minus_beta * log_fk\n        if wp.abs(half_spread) > 1.0e-3:\n"
            "            sinh_ratio = wp.sinh(half_spread) / half_spread\n        else:\n"
            "            sinh_ratio = 1.0 + half_spread * half_spread / 6.0\n"
            "        z = $vol / a * mid_power * sinh_ratio * log_fk",
        ).replace(
            "        # The geometric mean of",
            "        # The backbone f^beta is integrated exactly (Obloj)\n        # The geometric mean of",
        )
        body = body.replace(
            "series = 1.0 + spread_sq / 24.0 + spread_sq * spread_sq / 1920.0\n        ",
            "",
        ).replace("spread_sq = one_minus_beta * one_minus_beta * log_fk * log_fk\n        ", "")
    if quote == "lognormal":
        body = body.replace("log_sq = log_fk * log_fk\n        ", "")
    factor = {"lognormal": f"a / (mid_power * {ratio})", "normal": f"a * wp.pow(f * k, 0.5 * $e) * {ratio}"}[
        quote
    ]
    body = body.replace("$drift", drift.format(e="$e"))
    body = body.rstrip() + f"\n        $vol_name = {factor} * skew * (1.0 + correction * t)\n"
    if beta == "one":
        body = _lognormal(quote)
    own = {"per slice": "b"}.get(beta, exponent)
    names = {"$e": own, "$corr": "corr", "$vol": "volvol", "$vol_name": "sigma"}

    def filled(text: str) -> str:
        for key in ("$vol_name", "$vol", "$corr", "$e"):
            text = text.replace(key, names[key])
        return "\n".join(line[8:] for line in text.strip("\n").split("\n"))

    helper = result == "delta"
    if helper:
        names |= {"$e": "b", "$vol_name": "vol"}
        inner = filled(body).replace("\n", "\n    ")
        d.function(
            "@wp.func\ndef implied_vol(f: float, k: float, t: float, a: float, corr: float, volvol: float"
            f"{'' if beta == 'one' else ', b: float'}) -> float:\n"
            f'    """Lognormal implied volatility (Hagan et al. 2002)."""\n    {inner}\n    return vol'
        )
    atm = f"""
        # Solve West's cubic for alpha given the ATM volatility, using Newton's method
        power = wp.pow(f, 1.0 - {own})
        c1 = 1.0 + (2.0 - 3.0 * corr * corr) * volvol * volvol * t / 24.0
        c2 = 0.25 * corr * {own} * volvol * t / power
        c3 = (1.0 - {own}) * (1.0 - {own}) * t / (24.0 * power * power)
        target = atm_vol[{me}] * power
        a = float(target)
        for _ in range(5):
            miss = ((c3 * a + c2) * a + c1) * a - target
            a -= miss / ((3.0 * c3 * a + 2.0 * c2) * a + c1)
    """
    if beta == "one":
        atm = f"""
            # Solve for alpha given the ATM volatility (quadratic equation, Newton's method)
            c1 = 1.0 + (2.0 - 3.0 * corr * corr) * volvol * volvol * t / 24.0
            c2 = 0.25 * corr * volvol * t
            a = float(atm_vol[{me}])
            for _ in range(5):
                miss = (c2 * a + c1) * a - atm_vol[{me}]
                a -= miss / (2.0 * c2 * a + c1)
        """
    price = {
        "lognormal": f"""
            deviation = sigma * wp.sqrt(t)
            d1 = (wp.log(f / k) + 0.5 * deviation * deviation) / deviation
            values[{mine}] = f * {cdf}(d1) - k * {cdf}(d1 - deviation)
            """,
        "normal": f"""
            deviation = sigma * wp.sqrt(t)
            distance = (f - k) / deviation
            values[{mine}] = deviation * (distance * {cdf}(distance) + {pdf}(distance))
            """,
    }[quote]
    call = f"implied_vol({{}}, k, t, {{}}, corr, volvol{'' if beta == 'one' else f', {own}'})"
    delta = f"""
        sigma = {call.format("f", "a")}
        # Bartlett's correction: alpha moves with the forward by rho nu / {"f" if beta == "one" else "f^beta"}
        bump_f = 0.01 * f
        bump_a = 0.01 * a
        dvol_df = ({call.format("f + bump_f", "a")} - {call.format("f - bump_f", "a")}) / (2.0 * bump_f)
        dvol_da = ({call.format("f", "a + bump_a")} - {call.format("f", "a - bump_a")}) / (2.0 * bump_a)
        moved = dvol_df + dvol_da * corr * volvol / {"f" if beta == "one" else f"wp.pow(f, {own})"}
        deviation = sigma * wp.sqrt(t)
        d1 = (wp.log(f / k) + 0.5 * deviation * deviation) / deviation
        vega = f * {pdf}(d1) * wp.sqrt(t)
        deltas[{mine}] = {cdf}(d1) + vega * moved
    """
    store = {
        "volatility": f"vols[{mine}] = sigma",
        "variance": f"total_variance[{mine}] = sigma * sigma * t",
        "price": price,
        "delta": "",
    }[result]
    plus = " + shift" if shift else ""
    d.launch(*((n,) if layout == "list" else (slices, strikes)))
    d.code(
        """
        $thread
        f = $forward
        k = $strike
        t = expiry[$me]
        corr = rho[$me]
        volvol = nu[$me]
        $exponent
        $level
        $body
        $store
        """,
        thread=f"{mine} = wp.tid()",
        forward=f"forward[{me}]{plus}",
        strike=f"strike[{mine}]{plus}",
        me=me,
        exponent=f"b = beta[{me}]" if beta == "per slice" else "",
        level=f"a = alpha[{me}]" if level == "alpha" else dedented(atm),
        body=dedented(delta) if helper else filled(body),
        store=dedented(store),
    )
    trim(d)
    base = "(F + shift)" if shift else "F"
    moved = " Volatilities refer to F + shift." if shift and quote == "lognormal" else ""
    fitted = "" if level == "alpha" else " alpha is calibrated to the ATM lognormal volatility."
    d.explain(f"""
        dF = alpha {base}{"" if beta == "one" else "^beta"} dW, d alpha = nu alpha dZ, dW dZ = rho dt.{fitted} The
        formula is a short-time expansion{"" if beta == "one" else " around the geometric mean of forward and strike"}.{moved}
    """)

    def reference(v: Values) -> dict[str, Any]:
        def wide(x: Any) -> Any:
            return x[:, None] if layout == "grid" and np.ndim(x) == 1 else x

        b = {"half": 0.5, "one": 1.0}.get(beta, wide(v.get("beta")))
        extra = v.shift if shift else 0.0
        f, k, t = wide(v.forward) + extra, v.strike + extra, wide(v.expiry)
        rho, nu = wide(v.rho), wide(v.nu)
        a = wide(v.alpha) if level == "alpha" else np.vectorize(_level)(wide(v.atm_vol), f, t, b, rho, nu)

        def smile(f: Any, a: Any) -> Any:
            return _hagan(f, k, t, a, b, rho, nu, quote, leading)

        sigma = smile(f, a)
        s = sigma * np.sqrt(t)
        if result in ("volatility", "variance"):
            return {name: sigma if result == "volatility" else sigma**2 * t}
        if quote == "normal":
            u = (f - k) / s
            return {name: s * (u * normal.CDF_ERFC(u) + normal.PDF(u))}
        d1 = np.log(f / k) / s + s / 2
        if result == "price":
            return {name: f * normal.CDF_ERFC(d1) - k * normal.CDF_ERFC(d1 - s)}
        by_f = (smile(1.01 * f, a) - smile(0.99 * f, a)) / (0.02 * f)
        by_a = (smile(f, 1.01 * a) - smile(f, 0.99 * a)) / (0.02 * a)
        return {name: normal.CDF_ERFC(d1) + f * normal.PDF(d1) * np.sqrt(t) * (by_f + by_a * rho * nu / f**b)}

    d.check(reference, 2e-3)


def _lognormal(quote: str) -> str:
    """The formula where the exponent of the forward is one."""
    log_sq = "log_sq = log_fk * log_fk\n        " if quote == "normal" else ""
    own = "-a * a / 24.0 + " if quote == "normal" else ""
    mean = "wp.sqrt(f * k) * (1.0 + log_sq / 24.0 + log_sq * log_sq / 1920.0) * " if quote == "normal" else ""
    return f"""
        log_fk = wp.log(f / k)
        {log_sq}z = $vol / a * log_fk
        # z / x(z) is 0 / 0 at the money, so use the series 1 - rho z / 2 + (2 - 3 rho^2) z^2 / 12 near it
        if wp.abs(z) > 0.05:
            root = wp.sqrt(1.0 - 2.0 * $corr * z + z * z)
            skew = z / wp.log((root + z - $corr) / (1.0 - $corr))
        else:
            skew = 1.0 - 0.5 * $corr * z + (2.0 - 3.0 * $corr * $corr) * z * z / 12.0
        correction = {own}0.25 * $corr * $vol * a + (2.0 - 3.0 * $corr * $corr) * $vol * $vol / 24.0
        $vol_name = a * {mean}skew * (1.0 + correction * t)
        """.rstrip()


def _level(vol: float, f: float, t: float, b: float, rho: float, nu: float) -> float:
    """The smallest positive root of the cubic of alpha."""
    p = f ** (1 - b)
    cubic = [
        (1 - b) ** 2 * t / 24 / p**2,
        rho * b * nu * t / 4 / p,
        1 + (2 - 3 * rho**2) * nu**2 * t / 24,
        -vol * p,
    ]
    roots = np.roots(np.trim_zeros(cubic, "f"))
    return float(min(r.real for r in roots if abs(r.imag) < 1e-9 and r.real > 0))


def _hagan(f: Any, k: Any, t: Any, a: Any, b: Any, rho: Any, nu: Any, quote: str, leading: str) -> Any:
    """Implied volatility, away from the money with the ratio z / x(z) as it stands."""
    x, mean = np.log(f / k), np.sqrt(f * k)
    z = nu / a * mean ** (1 - b) * x
    y = np.where(abs(x * (1 - b)) < 1e-9, 1e-9, x * (1 - b) / 2)
    exact = leading == "obloj" and quote == "lognormal"
    z = z * np.sinh(y) / y if exact else z
    chi = np.log((np.sqrt(1 - 2 * rho * z + z * z) + z - rho) / (1 - rho))
    safe = np.where(abs(z) < 1e-6, 1.0, chi)
    skew = np.where(abs(z) < 1e-6, 1.0, z / safe)
    series = 1 + ((1 - b) * x) ** 2 / 24 + ((1 - b) * x) ** 4 / 1920
    common = rho * nu * a * b / (4 * mean ** (1 - b)) + (2 - 3 * rho**2) / 24 * nu**2
    if quote == "normal":
        first = a * mean**b * (1 + x**2 / 24 + x**4 / 1920) / series
        return first * skew * (1 + (common - b * (2 - b) / 24 * (a / mean ** (1 - b)) ** 2) * t)
    if exact:
        series = np.sinh(y) / y
    return (
        a
        / mean ** (1 - b)
        / series
        * skew
        * (1 + (common + (1 - b) ** 2 / 24 * (a / mean ** (1 - b)) ** 2) * t)
    )
