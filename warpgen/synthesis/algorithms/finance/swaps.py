"""Interest rate swaps on curves that are stored as pillars."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.finance import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import piece

_CURVE = piece("""
@wp.struct
class Curve:
    times: wp.array(dtype=float)  # pillar times in years, ascending
    zero_rates: wp.array(dtype=float)  # continuously compounded
""")

_SEGMENT = piece("""
@wp.func
def find_segment(times: wp.array(dtype=float), t: float) -> int:
    \"\"\"Return the pillar index at or before t, or -1 if t is before the first pillar.\"\"\"
    low = int(0)
    high = int(times.shape[0])
    while low < high:
        mid = (low + high) // 2
        if times[mid] <= t:
            low = mid + 1
        else:
            high = mid
    return low - 1
""")

_LAWS = {
    "linear zero rates": "rate = (1.0 - frac) * curve.zero_rates[k] + frac * curve.zero_rates[k + 1]\nreturn rate * t",
    "log-linear factors": (
        "# Linear in r * t, i.e. piecewise constant forwards\n"
        "left_rt = curve.zero_rates[k] * curve.times[k]\n"
        "right_rt = curve.zero_rates[k + 1] * curve.times[k + 1]\n"
        "return (1.0 - frac) * left_rt + frac * right_rt"
    ),
    "smooth zero rates": (
        "# Cubic blend with zero slope at the pillars\n"
        "s = frac * frac * (3.0 - 2.0 * frac)\n"
        "return ((1.0 - s) * curve.zero_rates[k] + s * curve.zero_rates[k + 1]) * t"
    ),
}


@DOMAIN.algorithm(
    source="Andersen & Piterbarg 2010, ch. 5-6; Hagan & West 2006; Henrard 2014, ch. 2",
    names={
        "discount_curve": "ois_curve|disc|funding_curve",
        "forward_curve": "projection_curve|libor_curve|fwd",
        "notionals": "notional_amounts|nominals",
        "fixed_rates": "coupons|fixed_coupons",
        "maturities": "tenors|end_times",
        "values": "npv|present_values",
        "trade": "swap_id|deal|t_id",
        "annuity": "level|annuity_factor|fixed_annuity",
    },
    double=True,
)
def value_swaps(d: Draft) -> None:
    """Values interest rate swaps from a discount curve and a projection curve."""
    law = d.option("interpolation", *_LAWS)
    curves = d.option("curves", "single", "dual")
    principal = d.option("notional", "bullet", "linear", "annuity like")
    result = d.option("result", "value", "par rate", "annuity", weights=(0.6, 0.25, 0.15))
    stub = d.option("first period", "full", "stub")
    skipped = d.option("skipped", "expired", "mask", "netting set")
    if skipped == "netting set" and result != "value":
        skipped = "expired"
    d.calls(
        {
            "value": "value_swaps|swap_pricer|price_swaps|swap_npv",
            "par rate": "par_swap_rates|par_rates|swap_rates",
            "annuity": "swap_annuities|fixed_leg_annuity|annuity_factors",
        }[result]
    )
    trades, pillars = d.pick(32, 48), d.pick(6, 8)
    times = fill(0.25, 12.0, "ascending", shape=pillars)
    d.struct(
        "discount_curve",
        _CURVE,
        {"times": times, "zero_rates": fill(0.03, 0.033, shape=pillars)},
        about="discount curve",
    )
    if curves == "dual":
        d.struct(
            "forward_curve",
            _CURVE,
            {"times": times, "zero_rates": fill(0.034, 0.037, shape=pillars)},
            about="projection curve for the floating rates",
        )
    d.input(
        "maturities",
        "float",
        trades,
        -0.5 if skipped == "expired" else 0.6,
        10.0,
        about="time to maturity in years",
    )
    d.input("fixed_freq", "int", trades, 1, 3, about="fixed coupons per year")
    if result == "value":
        d.input("notionals", "float", trades, 0.5, 2.0, about="per-trade notional in millions")
        d.input("fixed_rates", "float", trades, 0.01, 0.06, about="per-trade fixed rate")
        d.input("is_payer", "bool", trades, about="True for payer swaps, False for receiver swaps")
    if result != "annuity":
        d.input("spreads", "float", trades, -0.002, 0.002, about="floating rate spread")
    if skipped == "mask":
        d.mask("active", "bool", trades, about="active mask, inactive trades are skipped")
    elif skipped == "netting set":
        d.input("netting_set", "int", trades, -1, 3, about="netting set index per trade, -1 if none")
    total = skipped == "netting set" and result == "value"
    if result != "annuity":
        d.module("FLOAT_FREQ = wp.constant(4)  # floating coupons per year")
    out = {"value": "values", "par rate": "fair_rates", "annuity": "annuities"}[result]
    d.output(
        out,
        "float",
        3 if total else trades,
        about={
            "value": "present value" + (" per netting set" if total else " per trade"),
            "par rate": "par swap rate",
            "annuity": "fixed leg annuity (value at a unit fixed rate)",
        }[result],
    )
    d.use(_SEGMENT)
    d.function(
        """
        @wp.func
        def minus_log_discount(curve: Curve, t: float) -> float:
            \"\"\"Return -log(discount factor) at time t.\"\"\"
            if t <= 0.0:
                return 0.0
            k = find_segment(curve.times, t)
            last = curve.times.shape[0] - 1
            # Flat zero rate extrapolation on both sides
            if k < 0:
                return curve.zero_rates[0] * t
            if k >= last:
                return curve.zero_rates[last] * t
            frac = (t - curve.times[k]) / (curve.times[k + 1] - curve.times[k])
            $law
        """,
        law=_LAWS[law],
    )
    d.function("""
        @wp.func
        def discount(curve: Curve, t: float) -> float:
            return wp.exp(-minus_log_discount(curve, t))
    """)
    d.function("""
        @wp.func
        def forward_rate(curve: Curve, t0: float, t1: float, accrual: float) -> float:
            \"\"\"Return the simply compounded forward rate between t0 and t1.\"\"\"
            growth = wp.exp(minus_log_discount(curve, t1) - minus_log_discount(curve, t0))
            return (growth - 1.0) / accrual
    """)
    d.function(
        """
        @wp.func
        def notional_share(t: float, maturity: float) -> float:
            \"\"\"Return the outstanding notional fraction at time t.\"\"\"
            $rule
        """,
        rule={
            "bullet": "return 1.0",
            "linear": "# Linear amortization\nreturn 1.0 - t / maturity",
            "annuity like": "# Mortgage-style: slow amortization at first\nleft = 1.0 - t / maturity\nreturn left * (2.0 - left)",
        }[principal],
    )
    first = (
        "# Roll back from maturity, leaving a short stub at the start\n"
        "num_periods = wp.max(int(wp.ceil(maturity * float(freq) - 1.0e-4)), 1)"
        if stub == "stub"
        else "num_periods = wp.max(int(wp.ceil(maturity * float(freq) - 1.0e-4)), 1)\n"
        "# Equal-length periods\n"
        "tau = maturity / float(num_periods)"
    )
    share = "" if principal == "bullet" else "notional_share(t0, maturity) * "
    left, initial = ("", "") if principal == "bullet" else (" on the outstanding notional", "initial ")
    begin = "t0 = wp.max(t1 - tau, 0.0)" if stub == "stub" else "t0 = t1 - tau"
    period = "(t1 - t0)" if stub == "stub" else "tau"
    tau = "tau = 1.0 / float(freq)" if stub == "stub" else ""
    d.function(
        f"""
        @wp.func
        def fixed_annuity(curve: Curve, maturity: float, freq: int) -> float:
            \"\"\"Return the fixed leg annuity (value per unit fixed rate){left}.\"\"\"
            $first
            $tau
            annuity = float(0.0)
            for k in range(num_periods):
                t1 = maturity - float(k) * tau
                {begin if "t0" in period + share else ""}
                # 30/360: accrual equals the period length
                annuity += {share}{period} * discount(curve, t1)
            return annuity
        """,
        first=first,
        tau=tau,
    )
    if result != "annuity":
        head = ", forward: Curve" if curves == "dual" else ""
        d.function(
            f"""
            @wp.func
            def floating_leg(curve: Curve{head}, maturity: float, spread: float, freq: int) -> float:
                \"\"\"Return the floating leg value (including spread) per unit {initial}notional.\"\"\"
                $first
                $tau
                leg = float(0.0)
                for k in range(num_periods):
                    t1 = maturity - float(k) * tau
                    {begin}
                    # Act/360 accrual, also used to annualize the forward rate
                    accrual = (t1 - t0) * 365.0 / 360.0
                    fwd_rate = forward_rate({"forward" if curves == "dual" else "curve"}, t0, t1, accrual)
                    coupon = (fwd_rate + spread) * accrual
                    leg += {share}coupon * discount(curve, t1)
                return leg
            """,
            first=first,
            tau=tau,
        )
    skip = {
        "expired": f"# Matured swaps {'have no par rate' if result == 'par rate' else 'have zero value'}\n"
        f"if maturity <= 0.0:\n    {out}[trade] = 0.0\n    return",
        "mask": "if not active[trade]:\n    return",
        "netting set": "if netting_set[trade] < 0:\n    return",
    }[skipped]
    leg = f"float_value = floating_leg(discount_curve{', forward_curve' if curves == 'dual' else ''}, maturity, spreads[trade], FLOAT_FREQ)"
    store = {
        "value": (
            f"{leg}\n"
            "annuity = fixed_annuity(discount_curve, maturity, fixed_freq[trade])\n"
            "payer_value = float_value - fixed_rates[trade] * annuity\n"
            "# Receiver swaps have the opposite sign\n"
            "sign = wp.where(is_payer[trade], 1.0, -1.0)\n"
            + (
                "wp.atomic_add(values, netting_set[trade], sign * notionals[trade] * payer_value)"
                if total
                else "values[trade] = sign * notionals[trade] * payer_value"
            )
        ),
        "par rate": (
            f"{leg}\n"
            "annuity = fixed_annuity(discount_curve, maturity, fixed_freq[trade])\n"
            "fair_rates[trade] = float_value / annuity"
        ),
        "annuity": "annuities[trade] = fixed_annuity(discount_curve, maturity, fixed_freq[trade])",
    }[result]
    d.launch(trades)
    d.code(
        "trade = wp.tid()\nmaturity = maturities[trade]\n$skip\n$store",
        skip=skip,
        store=store,
    )
    if result == "annuity":
        d.parameters = [p for p in d.parameters if p.name != "forward_curve"]
        d.functions = [f for f in d.functions if "def forward_rate" not in f]
    swaps = "interest rate swaps" if principal == "bullet" else "amortizing interest rate swaps"
    d.says(
        {
            "value": f"Values {'netting sets of ' if total else ''}{swaps} "
            + (
                "using separate discount and projection curves."
                if curves == "dual"
                else "using a single curve."
            ),
            "par rate": f"Computes par rates of {swaps} (floating leg value / annuity).",
            "annuity": f"Computes fixed leg annuities of {swaps}.",
        }[result]
    )
    weight = "" if principal == "bullet" else "w_i "
    fixed = f"sum_j {weight.replace('i', 'j')}tau_j D(t_j)"
    floating = f"sum_i {weight}(F_i + s) tau_i D(t_i)"
    shares = "" if principal == "bullet" else " The weights w are the outstanding notional fractions."
    d.explain(
        {
            "value": f"V = N ({floating} - K {fixed}) for payer swaps.",
            "par rate": f"K = {floating} / {fixed}.",
            "annuity": f"A = {fixed}.",
        }[result]
        + f"{shares}\nTimes are in years from the valuation date."
    )

    def reference(v: Values) -> dict[str, Any]:
        def log_d(name: str, t: float) -> float:
            x, r = v[f"{name}.times"], v[f"{name}.zero_rates"]
            if t <= x[0] or t >= x[-1]:
                return float(r[0 if t <= x[0] else -1] * t)
            if law == "log-linear factors":
                return float(np.interp(t, x, r * x))
            if law == "linear zero rates":
                return float(np.interp(t, x, r) * t)
            k = np.searchsorted(x, t, side="right") - 1
            f = (t - x[k]) / (x[k + 1] - x[k])
            return float((r[k] + (r[k + 1] - r[k]) * f * f * (3 - 2 * f)) * t)

        def legs(end: float, freq: int) -> Any:
            n = max(int(np.ceil(end * freq - 1e-4)), 1)
            tau = 1 / freq if stub == "stub" else end / n
            t1 = end - tau * np.arange(n)
            t0 = np.maximum(t1 - tau, 0.0) if stub == "stub" else t1 - tau
            left = np.maximum(1 - t0 / end, 0)
            share = {"bullet": 1.0 * (t0 < end), "linear": left, "annuity like": left * (2 - left)}[principal]
            return t0, t1, share

        own = "forward_curve" if curves == "dual" else "discount_curve"
        found = np.zeros(3 if total else trades)
        for n in range(trades):
            end = float(v.maturities[n])
            if skipped == "expired" and end <= 0.0:
                continue
            if (skipped == "mask" and not v.active[n]) or (skipped == "netting set" and v.netting_set[n] < 0):
                continue
            t0, t1, share = legs(end, int(v.fixed_freq[n]))
            annuity = sum(
                s * (b - a) * np.exp(-log_d("discount_curve", b))
                for a, b, s in zip(t0, t1, share, strict=True)
            )
            if result == "annuity":
                found[n] = annuity
                continue
            floating = 0.0
            for a, b, s in zip(*legs(end, 4), strict=True):
                grown = np.exp(log_d(own, b) - log_d(own, a)) - 1
                paid = grown + v.spreads[n] * (b - a) * 365 / 360
                floating += s * paid * np.exp(-log_d("discount_curve", b))
            if result == "par rate":
                found[n] = floating / annuity
            else:
                value = (
                    (1 if v.is_payer[n] else -1) * v.notionals[n] * (floating - v.fixed_rates[n] * annuity)
                )
                found[v.netting_set[n] if total else n] += value
        return {out: found}

    d.check(reference, 5e-3)
