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
    """Projects monthly mortgage pool cash flows: interest, principal, prepayment and default."""
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
        "incentive": "incentive-driven prepayment",
    }[prepay] + {"none": "", "constant": " and constant default", "sda": " and SDA default"}[default]
    pools = {"fixed": "", "adjustable": "adjustable-rate ", "step": "step-rate "}[rate] + "mortgage pools"
    d.says({
        "value": f"Computes present values of {pools} with {events}.",
        "life": f"Computes weighted average lives of {pools} with {events}.",
        "loss": f"Computes cumulative credit losses of {pools} with {events}.",
        "balance": f"Projects final balances of {pools} with {events}.",
    }[result])  # fmt: skip
    interest_only = d.flag("interest only", 0.35)
    penalty = d.flag("penalty", 0.3) and result == "value"
    fee = fee and result == "value"
    n, horizon = d.pick(24, 32), d.pick(36, 48, 60)
    d.input("principal", "float", n, 0.5, 2.0, about="Current balances")
    d.input("coupon", "float", n, 0.03, 0.07, about="Mortgage rates [1/year]")
    d.input("term", "int", n, 30 if interest_only else 12, 180, about="Remaining term [months]")
    d.input("age", "int", n, 0, 96, about="Loan age [months]")
    uses = ["discounting"] if result == "value" else []
    uses = ["new mortgages"] * (prepay == "incentive" or rate == "adjustable") + uses
    d.param("market_rate", "float", 0.03, 0.06, about=f"Market rate for {' and '.join(uses)} [1/year]")
    if prepay == "psa":
        d.param("psa_speed", "float", 0.75, 2.0, about="PSA speed multiplier")
    elif prepay == "constant":
        d.param("cpr", "float", 0.04, 0.15, about="Conditional prepayment rate (CPR) [1/year]")
    if default == "constant":
        d.param("cdr", "float", 0.005, 0.03, about="Conditional default rate (CDR) [1/year]")
    elif default == "sda":
        d.param("sda_speed", "float", 0.5, 2.0, about="SDA speed multiplier")
    if default != "none":
        d.param("severity", "float", 0.25, 0.5, about="Loss severity (fraction of the defaulted balance)")
    if rate == "adjustable":
        d.param("margin", "float", 0.01, 0.025, about="Spread over the market rate at resets")
        d.param("cap", "float", 0.005, 0.02, about="Periodic rate cap")
    elif rate == "step":
        d.param("step_up", "float", 0.005, 0.015, about="Rate step-up after two years [1/year]")
    if season:
        d.param("first_month", "int", 0, 12, about="Calendar month of the first payment, 0 is January")
        d.module("SEASONALITY = wp.constant(0.25)  # seasonal amplitude")
    if fee:
        d.param("servicing_fee", "float", 0.0025, 0.005, about="Annual servicing fee")
    if interest_only:
        d.param("io_months", "int", 6, 24, about="Number of interest-only months")
    if penalty:
        d.param("prepay_penalty", "float", 0.01, 0.03, about="Penalty rate on early prepayment")
    d.param("months", "int", horizon, about="Number of months to project")
    name, about = {
        "value": ("present_value", "Present value of investor cash flows"),
        "life": ("average_life", "Weighted average life of the projected principal [years]"),
        "loss": ("loss", "Credit losses over the projection"),
        "balance": ("final_balance", "Balance after the projection"),
    }[result]
    d.output(name, "float", n, about=about)
    if prepay == "psa":
        d.function('''
            @wp.func
            def psa_cpr(month: int, speed: float) -> float:
                """PSA benchmark CPR: ramps up 0.2% per month to 6% at month 30, then flat."""
                return speed * 0.06 * wp.min(float(month) / 30.0, 1.0)
        ''')
    if prepay == "incentive":
        d.function('''
            @wp.func
            def refinancing_cpr(coupon: float, market: float) -> float:
                """CPR from the OTS refinancing S-curve."""
                incentive = coupon / market
                return 0.2406 - 0.1389 * wp.atan(5.952 * (1.089 - incentive))
        ''')
    if default == "sda":
        d.function('''
            @wp.func
            def sda_cdr(month: int, speed: float) -> float:
                """SDA benchmark CDR: ramps to 0.6% at month 30, flat to 60, then down to 0.03% at 120."""
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
        adjust = "# Housing turnover is seasonal, peaking in July\n"
        adjust += "wave = wp.sin(2.0 * wp.pi * float((first_month + m) % 12 - 3) / 12.0)\n"
        if prepay == "constant":
            var = "speed"
            adjust += "speed = cpr * (1.0 + SEASONALITY * wave)"
        else:
            adjust += "cpr *= 1.0 + SEASONALITY * wave"
    if burnout:
        adjust += "\n# Burnout: prepayment slows as the pool factor falls\n"
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
            # Level payment on the remaining balance and term
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
                # Annual reset with a periodic cap
                if m > 0 and m % 12 == 0:
                    full_rate = market_rate + margin
                    note_rate = wp.clamp(full_rate, note_rate - cap, note_rate + cap)
                """,
            "step": "# Step-up after two years\nif m == 24:\n    note_rate += step_up",
        }[rate],
        scheduled="# Interest-only period\nscheduled = wp.where(m < io_months, 0.0, payment - interest)"
        if interest_only
        else "scheduled = payment - interest",
        default=""
        if not hits
        else "$cdr\n# Apply defaults first, since defaulted loans neither pay nor prepay\n$mdrdefaulted = mdr * balance\nlost = severity * defaulted\nscheduled *= 1.0 - mdr$unpaid".replace(
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
            ("# Recoveries are assumed to be immediate\n" if hits else "")
            + "received = interest"
            + (f" - {'(balance - defaulted)' if hits else 'balance'} * servicing_fee / 12.0" if fee else "")
            + (" + defaulted - lost" if hits else "")
            + (
                "\n# Prepayment penalty applies for the first three years\nif month <= 36:\n    received += prepay_penalty * prepaid"
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
            "life": "average_life[pool] = total / repaid",
            "loss": "loss[pool] = total",
            "balance": "final_balance[pool] = balance",
        }[result],
    )
    trim(d)
    rates = "The annual prepayment rate is converted to a monthly rate (SMM)."
    if hits:
        rates = "Annual prepayment and default rates are converted to monthly rates."
    swings = " and ".join(["seasonally"] * season + ["with burnout"] * burnout)
    rates += f" Prepayment varies {swings}." if swings else ""
    rates += " Loans start with an interest-only period." if interest_only else ""
    rates += " The servicing fee is deducted from interest." if fee else ""
    rates += " Prepayments in the first three years incur a penalty." if penalty else ""
    d.explain(
        f"{rates} "
        + {
            "life": "Principal returned after the projection horizon is ignored.",
            "value": "Interest accrues on the balance at the start of the month"
            + (", excluding defaulted loans." if hits else "."),
        }.get(result, "Scheduled principal is the level payment minus interest.")
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
