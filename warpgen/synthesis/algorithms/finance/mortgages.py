"""Pools of mortgages, month by month."""

from __future__ import annotations

import numpy as np

from warpgen.synthesis.algorithms.finance import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.trim import trim


@DOMAIN.algorithm(
    source="Fabozzi 2016, Handbook of Mortgage-Backed Securities; PSA 1990, Standard Formulas; Hayre 2001",
    names={
        "pool": "tid|i",
        "balance": "outstanding|bal|remaining",
        "prepaid": "prepayment|prepayments|unscheduled",
        "defaulted": "in_default|default_amount|new_defaults",
        "payment": "pmt|level_payment|installment",
        "smm": "monthly_prepay|prepay_rate|single_month",
    },
    adjoint="no",
    weight=2,
)
def project_mortgages(d: Draft) -> None:
    """Projects the cash flows of mortgage pools month by month: interest, principal, prepayment and default."""
    prepay = d.option("prepayment", "psa", "constant", "incentive")
    default = d.option("default", "none", "constant", "sda")
    rate = d.option("rate", "fixed", "adjustable", "step")
    burnout = d.flag("burnout", 0.4) and prepay == "incentive"
    season = d.flag("season", 0.4)
    fee = d.flag("servicing", 0.5)
    result = d.option("result", "value", "life", "loss", "balance")
    d.calls(
        {
            "value": "value_mortgages|value_pools|mbs_value|mortgage_value",
            "life": "mortgage_lives|pool_average_life|mbs_average_life",
            "loss": "credit_losses|mortgage_losses|pool_losses",
            "balance": "project_balances|pool_balance|amortize_pools",
        }[result]
    )
    if result == "loss" and default == "none":
        default = "constant"
    events = {
        "psa": "PSA prepayment",
        "constant": "constant prepayment",
        "incentive": "prepayment by incentive",
    }[prepay] + {"none": "", "constant": " and constant default", "sda": " and SDA default"}[default]
    pools = {"fixed": "", "adjustable": "adjustable-rate ", "step": "step-rate "}[rate] + "mortgage pools"
    d.says({
        "value": f"Computes the present values of the cash flows of {pools} with {events}.",
        "life": f"Computes the average lives of {pools} with {events}, month by month.",
        "loss": f"Computes the credit losses of {pools} with {events}, month by month.",
        "balance": f"Projects the balances of {pools} with {events}, month by month.",
    }[result])  # fmt: skip
    interest_only = d.flag("interest only", 0.35)
    penalty = d.flag("penalty", 0.3) and result == "value"
    fee = fee and result == "value"
    n, horizon = d.pick(24, 32), d.pick(36, 48, 60)
    d.input("principal", "float", n, 0.5, 2.0, about="Balances today")
    d.input("coupon", "float", n, 0.03, 0.07, about="Mortgage rates [1/year]")
    d.input("term", "int", n, 12, 180, about="Months that are left")
    d.input("age", "int", n, 0, 96, about="Months since origination")
    uses = ["discounting"] if result == "value" else []
    uses = ["new mortgages"] * (prepay == "incentive" or rate == "adjustable") + uses
    d.param("market_rate", "float", 0.03, 0.06, about=f"Rate of {' and of '.join(uses)} [1/year]")
    if prepay == "psa":
        d.param("psa_speed", "float", 0.75, 2.0, about="Multiple of the PSA curve")
    elif prepay == "constant":
        d.param("cpr", "float", 0.04, 0.15, about="Annual prepayment rate")
    if default == "constant":
        d.param("cdr", "float", 0.005, 0.03, about="Annual default rate")
    elif default == "sda":
        d.param("sda_speed", "float", 0.5, 2.0, about="Multiple of the SDA curve")
    if default != "none":
        d.param("severity", "float", 0.25, 0.5, about="Lost fraction of what defaults")
    if rate == "adjustable":
        d.param("margin", "float", 0.01, 0.025, about="Spread over the market rate at resets")
        d.param("cap", "float", 0.005, 0.02, about="Largest change of the rate at a reset")
    elif rate == "step":
        d.param("step_up", "float", 0.005, 0.015, about="Rise of the rate after two years [1/year]")
    if season:
        d.param("first_month", "int", 0, 12, about="Calendar month of the first payment, 0 is January")
        d.module("SEASONALITY = wp.constant(0.25)  # how far summers exceed the mean")
    if fee:
        d.param("servicing_fee", "float", 0.0025, 0.005, about="Annual servicing fee")
    if interest_only:
        d.param("io_months", "int", 6, 24, about="Months without amortization")
    if penalty:
        d.param("prepay_penalty", "float", 0.01, 0.03, about="Charged on early prepayment")
    d.param("months", "int", horizon, about="Months projected")
    name, about = {
        "value": ("present_value", "Present value of all that investors get"),
        "life": ("average_life", "Weighted average life of the principal that is projected [years]"),
        "loss": ("loss", "Credit losses over the projection"),
        "balance": ("final_balance", "Balance after the projection"),
    }[result]
    d.output(name, "float", n, about=about)
    if prepay == "psa":
        d.function('''
            @wp.func
            def psa_cpr(month: int, speed: float) -> float:
                """Annual prepayment rate of the PSA benchmark: rises by 0.2 % a month to 6 % at month 30, flat after."""
                return speed * 0.06 * wp.min(float(month) / 30.0, 1.0)
        ''')
    if prepay == "incentive":
        d.function('''
            @wp.func
            def refinancing_cpr(coupon: float, market: float) -> float:
                """Annual prepayment rate by the S-curve of the Office of Thrift Supervision."""
                incentive = coupon / market
                return 0.2406 - 0.1389 * wp.atan(5.952 * (1.089 - incentive))
        ''')
    if default == "sda":
        d.function('''
            @wp.func
            def sda_cdr(month: int, speed: float) -> float:
                """Annual default rate of the SDA benchmark: up to 0.6 % at month 30, flat to 60, down to 0.03 % at 120."""
                m = float(month)
                if m < 30.0:
                    return speed * 0.006 * m / 30.0
                if m < 60.0:
                    return speed * 0.006
                return speed * wp.max(0.006 - 0.0057 * (m - 60.0) / 60.0, 0.0003)
        ''')
    speed = {
        "psa": "cpr = psa_cpr(month, psa_speed)",
        "constant": "",
        "incentive": "cpr = refinancing_cpr(note_rate, market_rate)",
    }[prepay]
    # A rate that is an argument is not changed, but gets a name of its own.
    var, adjust = "cpr", ""
    if season:
        adjust = "# People move in summer: the wave is highest in July\n"
        adjust += "wave = wp.sin(2.0 * wp.pi * float((first_month + m) % 12 - 3) / 12.0)\n"
        if prepay == "constant":
            var = "speed"
            adjust += "speed = cpr * (1.0 + SEASONALITY * wave)"
        else:
            adjust += "cpr *= 1.0 + SEASONALITY * wave"
    if burnout:
        adjust += "\n# Those who could refinance have gone, so speeds fall with the pool factor (burnout)\n"
        adjust += "cpr *= 0.3 + 0.7 * balance / principal[pool]"
    hits = default != "none"
    # Rates that are the same in all months are turned into monthly ones once
    monthly_prepayment = (
        f"# Single monthly mortality: 1 - (1 - CPR)^(1/12)\nsmm = 1.0 - wp.pow(1.0 - {var}, 1.0 / 12.0)"
    )
    monthly_default = "mdr = 1.0 - wp.pow(1.0 - cdr, 1.0 / 12.0)"
    steady, dies = prepay == "constant" and not season, default == "constant"
    monthly = "monthly = note_rate / 12.0"
    once = [monthly] * (rate == "fixed") + [monthly_prepayment] * steady + [monthly_default] * dies
    # What is gathered of a month's flows
    gather = {
        "value": "discount /= 1.0 + market_rate / 12.0\ntotal += discount * ($income + scheduled + prepaid)",
        "life": "returned = scheduled + prepaid\ntotal += float(m + 1) / 12.0 * returned\nrepaid += returned",
        "loss": "total += lost",
        "balance": "",
    }[result]
    extras = fee or hits or penalty
    gather = gather.replace("$income", "received" if extras else "interest")
    d.launch(n)
    d.code(
        """
        pool = wp.tid()
        balance = float(principal[pool])
        note_rate = $first_rate
        $start
        $once
        for m in range(months):
            month = age[pool] + m + 1
            left = term[pool] - m
            # Paid off
            if left <= 0:
                break
            $reset
            # Level payment that amortizes what is left
            $monthly
            growth = wp.pow(1.0 + monthly, float(left))
            payment = balance * monthly * growth / (growth - 1.0)
            interest = balance * monthly
            $scheduled
            $default
            $speed
            $adjust
            $smm
            prepaid = smm * (balance$performing - scheduled)
            $received
            $gather
            balance -= scheduled + prepaid$minus
        $store
        """,
        start={
            "value": "discount = float(1.0)\ntotal = float(0.0)",
            "life": "total = float(0.0)\nrepaid = float(0.0)",
            "loss": "total = float(0.0)",
            "balance": "",
        }[result],
        first_rate="coupon[pool]" if rate == "fixed" else "float(coupon[pool])",
        reset={
            "fixed": "",
            "adjustable": """
                # Reset once a year, the change is capped
                if m > 0 and m % 12 == 0:
                    full_rate = market_rate + margin
                    note_rate = wp.clamp(full_rate, note_rate - cap, note_rate + cap)
                """,
            "step": "# Rate steps up after two years\nif m == 24:\n    note_rate += step_up",
        }[rate],
        scheduled="# Only interest is due at first\nscheduled = wp.where(m < io_months, 0.0, payment - interest)"
        if interest_only
        else "scheduled = payment - interest",
        default=""
        if not hits
        else "$cdr\n# Defaults come first, since they neither pay nor prepay\n$mdrdefaulted = mdr * balance\nlost = severity * defaulted\nscheduled *= 1.0 - mdr$unpaid".replace(
            "$cdr\n", "cdr = sda_cdr(month, sda_speed)\n" if default == "sda" else ""
        )
        .replace("$mdr", "" if dies else f"{monthly_default}\n")
        .replace("$unpaid", "\ninterest *= 1.0 - mdr" if result == "value" else ""),
        speed=speed,
        adjust=adjust,
        once="\n".join(once),
        monthly="" if rate == "fixed" else monthly,
        smm="" if steady else monthly_prepayment,
        performing=" - defaulted" if hits else "",
        received=(
            ("# What is not lost of a default is recovered at once\n" if hits else "")
            + "received = interest"
            + (f" - {'(balance - defaulted)' if hits else 'balance'} * servicing_fee / 12.0" if fee else "")
            + (" + defaulted - lost" if hits else "")
            + (
                "\n# The penalty ends after three years\nif month <= 36:\n    received += prepay_penalty * prepaid"
                if penalty
                else ""
            )
        )
        if result == "value" and extras
        else "",
        gather=gather,
        minus=" + defaulted" if hits else "",
        store={
            "value": "present_value[pool] = total",
            "life": "# Years until the mean unit of principal is back\naverage_life[pool] = total / repaid",
            "loss": "loss[pool] = total",
            "balance": "final_balance[pool] = balance",
        }[result],
    )
    trim(d)
    rates = "The rate of prepayment is annual and turned into a monthly one."
    if hits:
        rates = "The rates of prepayment and default are annual and turned into monthly ones."
    swings = " and ".join(["with the seasons"] * season + ["as pools burn out"] * burnout)
    rates += f" Prepayment changes {swings}." if swings else ""
    rates += " At first only interest is due." if interest_only else ""
    rates += " A servicing fee is taken from interest." if fee else ""
    rates += " Prepayment in the first three years is charged for." if penalty else ""
    d.explain(
        f"{rates} "
        + {
            "life": "Principal that would come back after the projection does not count.",
            "value": "Interest is paid on the balance at the beginning of the month"
            + (", less what defaults." if hits else "."),
        }.get(result, "Scheduled principal is what level payments leave after interest.")
    )

    def projected(v: Values, i: int) -> float:
        b = start = float(v.principal[i])
        c, df, total, weight = float(v.coupon[i]), 1.0, 0.0, 0.0
        for m in range(horizon):
            month, left = int(v.get("age", v.term)[i]) + m + 1, int(v.term[i]) - m
            if left <= 0:
                break
            if rate == "adjustable" and m and m % 12 == 0:
                c = min(max(v.market_rate + v.margin, c - v.cap), c + v.cap)
            elif rate == "step" and m == 24:
                c += v.step_up
            interest = b * c / 12
            due = (
                0.0
                if interest_only and m < v.io_months
                else interest / (1 - (1 + c / 12) ** -left) - interest
            )
            gone = 0.0
            if hits:
                cdr = (
                    v.get("cdr", 0.0)
                    if default == "constant"
                    else v.sda_speed
                    * np.interp(month, [0, 30, 60, 120 - 1e-9, 500], [0, 0.006, 0.006, 0.0003, 0.0003])
                )
                gone = b * (1 - (1 - cdr) ** (1 / 12))
                due *= 1 - gone / b
                interest *= 1 - gone / b
            cpr = v.get("cpr", 0.0)
            if prepay == "psa":
                cpr = v.psa_speed * 0.06 * min(month / 30, 1)
            elif prepay == "incentive":
                cpr = 0.2406 - 0.1389 * np.arctan(5.952 * (1.089 - c / v.market_rate))
            if season:
                cpr *= 1 + np.sin(np.pi / 6 * ((v.first_month + m) % 12 - 3)) / 4
            if burnout:
                cpr *= 0.3 + 0.7 * b / start
            early = (1 - (1 - cpr) ** (1 / 12)) * (b - gone - due)
            got = interest - ((b - gone) * v.servicing_fee / 12 if fee else 0.0)
            got += gone * (1 - v.get("severity", 0.0)) + (
                v.prepay_penalty * early if penalty and month <= 36 else 0.0
            )
            df /= 1 + v.market_rate / 12
            flow = due + early
            loss = v.get("severity", 0.0) * gone
            total += {"value": df * (got + flow), "life": (m + 1) / 12 * flow, "loss": loss, "balance": 0.0}[
                result
            ]
            weight += flow
            b -= flow + gone
        return {"life": total / weight, "balance": b}.get(result, total)

    d.check(lambda v: {name: np.array([projected(v, i) for i in range(n)])}, 5e-3)
