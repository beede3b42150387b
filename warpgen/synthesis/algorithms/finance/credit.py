"""Credit: swaps that insure against default, and pools of mortgages."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.finance import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.trim import trim


@DOMAIN.algorithm(
    source="Hull & White 2000; O'Kane & Turnbull 2003, Valuation of credit default swaps; ISDA 2009 standard model",
    names={
        "contract": "tid|i|deal",
        "survival": "q|surv_prob|survive",
        "discount": "df|z|discount_factor",
        "hazard": "intensity|lam|default_rate",
        "annuity": "rpv01|risky_annuity|premium_pv01",
        "protection": "default_leg|protection_leg|insured",
        "recovery": "rec|recovery_rate",
    },
    double=True,
    weight=2,
)
def value_credit_swaps(d: Draft) -> None:
    """Values credit default swaps from hazard rates and discount factors."""
    hazards = d.option("hazard", "flat", "spread", "piecewise", "decaying")
    rates = d.option("discount", "flat", "forwards", "zeros")
    protection = d.option("protection", "exact", "midpoint", "period end")
    accrual = d.flag("accrual on default", 0.6)
    recovery = d.option("recovery", "shared", "each")
    result = d.option("result", "value", "par spread", "annuity", "upfront", "jump")
    running = d.flag("running", 0.4) and result in ("value", "jump")
    settled = d.flag("counterparty", 0.35)
    d.calls(
        {
            "value": "value_credit_swaps|cds_value|price_cds|credit_default_swaps",
            "par spread": "cds_par_spread|par_spreads|fair_cds_spread",
            "annuity": "risky_annuity|cds_annuity|risky_annuities",
            "upfront": "cds_upfront|upfront_payments|upfront_points",
            "jump": "jump_to_default|sudden_default|default_jumps",
        }[result]
    )
    periods, n = d.pick(4, 5, 6), d.pick(48, 64, 96)
    if hazards == "flat":
        d.input("hazard", "float", n, 0.005, 0.08, about="Default intensities [1/year]")
    elif hazards == "spread":
        d.input("quoted_spread", "float", n, 0.005, 0.05, about="Quoted spreads [1/year]")
    elif hazards == "piecewise":
        d.input("hazard", "float", (n, periods), 0.005, 0.08, about="Default intensity per period [1/year]")
    else:
        d.input("hazard", "float", n, 0.01, 0.1, about="Initial default intensity [1/year]")
        d.param("mean_hazard", "float", 0.02, 0.04, about="Long-run default intensity [1/year]")
        d.param("reversion", "float", 0.3, 0.8, about="Mean-reversion speed [1/year]")
    if rates == "flat":
        d.param("rate", "float", 0.01, 0.05, about="Continuously compounded interest rate")
    elif rates == "forwards":
        d.input("forward_rates", "float", periods, 0.01, 0.05, about="Forward rate per period")
    else:
        d.input("zero_rates", "float", periods, 0.03, 0.036, about="Zero rates at the payment dates")
    if result not in ("par spread", "annuity"):
        d.input("coupon", "float", n, 0.005, 0.05, about="Running coupon rates [1/year]")
    if result not in ("par spread", "upfront"):
        d.input("notional", "float", n, 0.5, 2.0, about="Notionals")
    if recovery == "each":
        d.input("recovery", "float", n, 0.2, 0.6, about="Recovery rates")
    else:
        d.param("recovery", "float", 0.3, 0.5, about="Recovery rate")
    d.param("tau", "float", 0.25, 0.5, about="Period length [years]")
    if running:
        d.param("accrued", "float", 0.05, 0.2, about="Time since the last coupon [years]")
    if settled:
        d.param(
            "seller_hazard", "float", 0.002, 0.01, about="Default intensity of the protection seller [1/year]"
        )
    name, about = {
        "value": ("value", "Contract value for the protection buyer"),
        "par spread": ("par_spread", "Par spread (zero-value coupon)"),
        "annuity": ("annuity_out", "Present value of a unit coupon"),
        "upfront": ("upfront", "Upfront payment per unit notional"),
        "jump": ("jump_to_default", "Jump-to-default gain for the protection buyer"),
    }[result]
    d.output(name, "float", n, about=about)
    d.module(f"PERIODS = wp.constant({periods})")
    if hazards == "decaying":
        d.function('''
            @wp.func
            def integrated_hazard(t: float, start: float, mean: float, speed: float) -> float:
                """Integral of a mean-reverting intensity over [0, t]."""
                return mean * t + (start - mean) * (1.0 - wp.exp(-speed * t)) / speed
        ''')
    if protection == "exact" and result != "annuity":
        d.forward_only()  # derivatives of the difference cancel
        d.function('''
            @wp.func
            def default_value(lam: float, r: float, dt: float) -> float:
                """Value of 1 paid at default within dt, for constant rates: lam / (lam + r) (1 - e^-(lam + r) dt)."""
                decay = lam + r
                # Taylor expansion for small exponents to avoid cancellation
                x = decay * dt
                if x < 1.0e-2:
                    return lam * dt * (1.0 - 0.5 * x + x * x / 6.0)
                return lam / decay * (1.0 - wp.exp(-x))
        ''')
    averaged = hazards == "decaying" and protection == "exact"
    step = {
        "flat": "",
        "spread": "",
        "piecewise": "lam = hazard[contract, k]",
        "decaying": """
            # Mean intensity over the period
            cumulative = integrated_hazard(t, hazard[contract], mean_hazard, reversion)
            lam = (cumulative - cumulative_before) / $span
            cumulative_before = cumulative
            """
        if averaged
        else "",
    }[hazards]
    span = "span" if running else "tau"
    df = {
        "flat": "discount = wp.exp(-rate * t)",
        "forwards": f"discount = discount_before * wp.exp(-forward_rates[k] * {span})",
        "zeros": "discount = wp.exp(-zero_rates[k] * t)",
    }[rates]
    forward = {"flat": "rate", "forwards": "forward_rates[k]"}.get(rates, "forward")
    constant = """
        # Piecewise constant forward rate
        forward = wp.log(discount_before / discount) / $span
        """
    if rates != "zeros":
        constant = ""
    insure = {
        "exact": f"""
            protection += loss_given_default * survival_before * discount_before * default_value(lam, {forward}, $span)
            """,
        "midpoint": """
            # Assume default at mid-period
            middle = wp.sqrt(discount_before * discount)
            protection += loss_given_default * middle * (survival_before - survival)
            """,
        "period end": "protection += loss_given_default * discount * (survival_before - survival)",
    }[protection]
    # with the discount factor before
    compared = (protection != "period end" and result != "annuity") or rates == "forwards"
    dies = accrual or result != "annuity"
    own = "recovery[contract]" if recovery == "each" else "recovery"
    value = "notional[contract] * (protection - coupon[contract] * annuity)"
    clean = ""
    if running:
        clean = "# Clean value: exclude the accrued coupon, which is owed to the seller\n"
        value = "notional[contract] * (protection - coupon[contract] * (annuity - accrued))"
    last = {
        "value": f"{clean}value[contract] = {value}",
        "par spread": "par_spread[contract] = protection / annuity",
        "annuity": "annuity_out[contract] = notional[contract] * annuity",
        "upfront": """
            # The upfront settles the difference to the standard coupon
            upfront[contract] = protection - coupon[contract] * annuity
            """,
        "jump": f"""
            # Jump to default: receive the loss given default, lose the contract's present value
            worth = {value}
            jump_to_default[contract] = notional[contract] * loss_given_default - worth
            """,
    }[result]
    d.launch(n)
    d.code(
        """
        contract = wp.tid()
        loss_given_default = 1.0 - $own
        $triangle
        survival = float(1.0)
        $discount_now
        annuity = float(0.0)
        protection = float(0.0)
        $begun
        # Coupons are paid at period ends
        for k in range(PERIODS):
            $time
            $before
            $step
            $alive
            $df
            # Premium leg: coupons are paid on survival
            annuity += tau * discount * survival
            $accrual
            $constant
            # Protection leg
            $insure
        $seller
        $last
        """,
        own=own,
        triangle="""
            # Credit triangle: spread = hazard * (1 - recovery)
            lam = quoted_spread[contract] / loss_given_default
            """
        if hazards == "spread"
        else "lam = hazard[contract]"
        if hazards == "flat"
        else "",
        discount_now="discount = float(1.0)" if compared else "",
        time="""
            # The first period has already started
            t = tau * float(k + 1) - accrued
            span = wp.where(k == 0, tau - accrued, tau)
            """
        if running
        else "t = tau * float(k + 1)",
        before=("survival_before = survival\n" if dies else "")
        + ("discount_before = discount" if compared else ""),
        alive="survival = wp.exp(-integrated_hazard(t, hazard[contract], mean_hazard, reversion))"
        if hazards == "decaying" and not averaged
        else f"survival = survival_before * wp.exp(-lam * {span})"
        if dies
        else f"survival *= wp.exp(-lam * {span})",
        span=span,
        begun="cumulative_before = float(0.0)" if averaged else "",
        step=step,
        df=df,
        accrual="""
            # Accrued coupon at default, assumed halfway through the rest of the period
            annuity += (tau - 0.5 * span) * discount * (survival_before - survival)
            """
        if accrual and running
        else """
            # Accrual on default: half a period's coupon
            annuity += 0.5 * tau * discount * (survival_before - survival)
            """
        if accrual
        else "",
        insure=insure,
        constant=constant,
        seller="""
            # Counterparty risk: scale by the seller's survival probability to mid-term
            half_term = 0.5 * $term
            protection *= wp.exp(-seller_hazard * half_term)
            """
        if settled
        else "",
        term="(tau * float(PERIODS) - accrued)" if running else "tau * float(PERIODS)",
        last=last,
    )
    trim(d)
    due = ", plus the accrued coupon at default" if accrual else ""
    seller = " Protection is scaled by the seller's survival probability to mid-term." if settled else ""
    d.explain(f"""
        Coupons are paid at period ends if the name survives{due}, so the annuity is a sum of discount
        factors times survival{" or default" if accrual else ""} probabilities.
    """ if result == "annuity" else f"""
        The buyer pays coupons while the name survives{due}, and receives the loss given default. Both legs
        are sums of discount factors times survival or default probabilities.{seller}
    """)  # fmt: skip
    risky = " with counterparty risk" if settled else ""
    d.says(
        {
            "par spread": f"Computes par spreads for credit default swaps{risky}.",
            "annuity": "Computes risky annuities for credit default swaps.",
            "upfront": f"Computes upfront payments for credit default swaps{risky}.",
            "jump": f"Computes jump-to-default gains for protection buyers in credit default swaps{risky}.",
        }.get(
            result,
            f"Computes {'clean ' if running else ''}credit default swap values for the protection buyer{risky}, "
            f"from {'quoted spreads' if hazards == 'spread' else 'hazard rates'} and a discount curve.",
        )
    )

    def reference(v: Values) -> dict[str, Any]:
        t = v.tau * np.arange(1, periods + 1) - v.get("accrued", 0.0)
        spans = np.diff(t, prepend=0.0)
        lgd = 1 - v.get("recovery", 0.0) * np.ones(n)
        if hazards == "piecewise":
            lam = v.hazard
        elif hazards == "decaying":
            grown = (
                v.mean_hazard * t
                + (v.hazard[:, None] - v.mean_hazard) * (1 - np.exp(-v.reversion * t)) / v.reversion
            )
            lam = np.diff(grown, axis=1, prepend=0.0) / spans
        else:
            lam = np.repeat(
                (v.hazard if hazards == "flat" else v.quoted_spread / lgd)[:, None], periods, axis=1
            )
        alive = np.exp(-np.cumsum(lam * spans, axis=1))
        before = np.hstack([np.ones((n, 1)), alive[:, :-1]])
        df = {
            "flat": lambda: np.exp(-v.rate * t), "forwards": lambda: np.exp(-np.cumsum(v.forward_rates * spans)), "zeros": lambda: np.exp(-v.zero_rates * t)
        }[rates]()  # fmt: skip
        old = np.concatenate([[1.0], df[:-1]])
        died = before - alive
        f = np.log(old / df) / spans
        paid = {
            "exact": before * old * lam / (lam + f) * -np.expm1(-(lam + f) * spans),
            "midpoint": np.sqrt(old * df) * died, "period end": df * died,
        }[protection]  # fmt: skip
        leg = lgd * paid.sum(1) * (np.exp(-v.get("seller_hazard", 0.0) * t[-1] / 2) if settled else 1.0)
        due = v.tau - spans / 2 if accrual else 0.0  # from the last coupon to the middle of what is left
        annuity = (df * (v.tau * alive + due * died)).sum(1)
        size, coupon = v.get("notional", 1.0), v.get("coupon", 0.0)
        value = size * (leg - coupon * (annuity - v.get("accrued", 0.0)))
        return {name: {
            "value": value, "par spread": leg / annuity, "annuity": size * annuity,
            "upfront": leg - coupon * annuity, "jump": size * lgd - value,
        }[result]}  # fmt: skip

    d.check(reference, 3e-3)
