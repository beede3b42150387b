"""Internal rates of return, and the repayment of loans."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.finance import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {"flows": "cash_flows|cashflows|amounts", "k": "period|n|j", "df": "disc|discount"}


@DOMAIN.algorithm(
    source="Fabozzi 2012, ch. 3; Press et al. 2007, ch. 9",
    names=_NAMES
    | {
        "internal_rate": "irr_solve|solve_irr|rate_of_return",
        "rate": "irr|r",
        "rates": "irr_out|solved",
        "slope": "dpv|derivative|d_npv",
        "outlay": "cost|investment",
        "price": "bond_price|prices|dirty_price",
    },
    double=True,
    adjoint="no",
    weight=2,
)
def internal_rate(d: Draft) -> None:
    """Finds internal rates of return."""
    method = d.option("method", "newton", "bisection", "secant", "halley")
    flows = d.option("flows", "level", "rows", "columns", "flat")
    stop = d.option("stop", "fixed", "tolerance")
    compounding = d.option("compounding", "periodic", "continuous")
    if flows == "level":
        d.calls("yield_to_maturity|solve_yield|bond_yields")
    count, most = d.pick(48, 64, 96), d.pick(6, 8, 10)
    steady = "continuously compounded " if compounding == "continuous" else ""
    if flows == "level":
        d.says(f"Finds {steady}yields to maturity for level-coupon bonds with a face value of 100.")
    else:
        d.says(f"Finds {steady}internal rates of return for cash flows after an initial outlay.")
    given = "price" if flows == "level" else "outlay"
    d.input(
        given,
        "float",
        count,
        75.0,
        105.0,
        about="bond prices" if flows == "level" else "initial investment",
    )
    if flows == "level":
        d.input("coupon", "float", count, 2.0, 8.0, about="payment per period")
        d.param("periods", "int", most, about="number of periods")
    elif flows == "rows":
        d.input("flows", "float", (count, most), 15.0, 25.0, about="cash flows")
    elif flows == "columns":
        d.input("flows", "float", (most, count), 15.0, 25.0, about="cash flows")
    else:
        d.input("flows", "float", count * most, 15.0, 25.0, about="cash flows, one investment after another")
        d.param("periods", "int", most, about="number of periods")
    d.output(
        "rates",
        "float",
        count,
        about=f"{'yields' if flows == 'level' else 'rates of return'} per period"
        + (", compounded continuously" if compounding == "continuous" else ""),
    )
    number = {"rows": "flows.shape[1]", "columns": "flows.shape[0]"}.get(flows, "periods")
    amount = {
        "level": "amount = coupon[tid]\n        # The last coupon comes with the face value\n        if k == periods - 1:\n            amount += 100.0",
        "rows": "amount = flows[tid, k]",
        "columns": "amount = flows[k, tid]",
        "flat": "amount = flows[tid * periods + k]",
    }[flows].replace("\n        ", "\n")
    periodic = compounding == "periodic"
    df = "wp.pow(1.0 + rate, -t)" if periodic else "wp.exp(-rate * t)"
    slope = "slope -= t * amount * df / (1.0 + rate)" if periodic else "slope -= t * amount * df"
    curve = "curve += t * t * amount * df"
    if periodic:
        curve = "curve += t * (t + 1.0) * amount * df / ((1.0 + rate) * (1.0 + rate))"
    derivative = method in ("newton", "halley")
    worth = f"""
    npv = -{given}[tid]
    $slope0
    $curve0
    for k in range($number):
        t = float(k + 1)
        $amount
        df = $df
        npv += amount * df
        $slope
        $curve
    """
    leave = "if wp.abs(npv) < 1.0e-3:\n    break" if stop == "tolerance" else ""
    body = {
        "newton": """
        rate = float(0.05)
        for iteration in range($many):
            $worth
            $leave
            rate -= npv / slope
        """,
        "halley": """
        rate = float(0.05)
        for iteration in range($many):
            $worth
            $leave
            # Halley's method: Newton step with a curvature correction
            step = npv / slope
            rate -= step / (1.0 - 0.5 * step * curve / slope)
        """,
        "bisection": """
        low = float(-0.1)
        high = float(0.5)
        rate = float(0.2)
        for iteration in range($many):
            $worth
            $leave
            # NPV decreases with the rate
            if npv > 0.0:
                low = rate
            else:
                high = rate
            rate = 0.5 * (low + high)
        """,
        "secant": """
        rate = float(0.05)
        # Initial step; later steps use the secant through the previous two points
        step = float(0.02)
        npv_before = float(0.0)
        for iteration in range($many):
            $worth
            $leave
            if iteration > 0:
                change = npv - npv_before
                $met
                step *= -npv / change
            npv_before = npv
            rate += step
        """,
    }[method]
    d.launch(count)
    d.code(
        "tid = wp.tid()\n$body\nrates[tid] = rate",
        body=body,
        worth=worth,
        many={"newton": "8", "halley": "6", "bisection": "24", "secant": "12"}[method],
        leave=leave,
        met="" if leave else "if wp.abs(change) < 1.0e-5:\n    break",
        number=number,
        amount=amount,
        df=df,
        slope=slope if derivative else "",
        slope0="slope = float(0.0)" if derivative else "",
        curve=curve if method == "halley" else "",
        curve0="curve = float(0.0)" if method == "halley" else "",
    )
    d.explain("""
        Payments are made at period ends. They are all positive, so the present value decreases with the
        rate and the solution is unique.
    """)

    def reference(v: Values) -> dict[str, Any]:
        k = np.arange(most)
        paid = {
            "level": lambda: v.coupon[:, None] + 100.0 * (k == most - 1),
            "rows": lambda: v.flows,
            "columns": lambda: v.flows.T,
            "flat": lambda: v.flows.reshape(count, most),
        }[flows]()
        low, high = np.full(count, -0.5), np.full(count, 2.0)
        for _ in range(60):
            middle = (low + high) / 2
            growth = 1 + middle if compounding == "periodic" else np.exp(middle)
            above = (paid * growth[:, None] ** -(k + 1.0)).sum(axis=1) > v[given]
            low, high = np.where(above, middle, low), np.where(above, high, middle)
        return {"rates": low}

    d.check(reference, 2e-3)


@DOMAIN.algorithm(
    source="Kellison 2009, ch. 5",
    names={
        "principal": "loan|amount|debt",
        "rate": "annual_rate|nominal_rate|apr",
        "months": "term|n_payments|num_months",
        "balance": "outstanding|remaining|balances",
        "interest": "interest_part|interest_paid",
        "payment": "installment|annuity|pmt",
    },
    double=True,
    adjoint="no",
)
def loan_schedule(d: Draft) -> None:
    """Computes loan amortization schedules."""
    plan = d.option("plan", "annuity", "linear", "balloon", "interest first")
    kept = d.option("kept", "balance", "interest paid", "last balance", "interest each month")
    layout = d.option("layout", "rows", "columns")
    extra = d.flag("extra", 0.4)
    own_rate = d.option("rates", "each", "common", "classes")
    if plan == "interest first":
        extra = False
    if kept == "last balance" and not (plan == "balloon" and extra):
        kept = "interest paid"  # what is left at last is known beforehand
    d.calls(
        {
            "balance": "loan_schedule|amortize_loans|repayment_plan|amortization",
            "interest paid": "total_interest|loan_interest|sum_interest",
            "last balance": "final_balance|remaining_debt|balance_at_maturity",
            "interest each month": "interest_schedule|monthly_interest|amortize_interest",
        }[kept]
    )
    what = {
        "balance": "Computes monthly balances for loans",
        "interest paid": "Computes the total interest paid on loans",
        "last balance": "Computes balances due at maturity for loans",
        "interest each month": "Computes monthly interest payments for loans",
    }[kept]
    how = {
        "annuity": "with level payments",
        "linear": "with equal principal payments",
        "balloon": "with level payments and a final balloon",
        "interest first": "with an initial interest-only period",
    }[plan]
    if extra:
        how = f"{how.replace(' and', ',')} and monthly prepayments"
    d.says(f"{what} {how}.")
    count, months = d.pick(24, 32, 48), d.pick(12, 18, 24)
    d.input("principal", "float", count, 5.0, 50.0, about="initial loan balance")
    if own_rate == "common":
        d.param("rate", "float", 0.02, 0.1, about="annual interest rate")
    elif own_rate == "each":
        d.input("rate", "float", count, 0.02, 0.1, about="annual interest rate")
    else:
        d.input("credit_class", "int", count, 0, 5, about="borrower credit class")
        d.input("rate", "float", 5, 0.02, 0.1, about="annual interest rate per credit class")
    rate = {"common": "rate", "each": "rate[tid]", "classes": "rate[credit_class[tid]]"}[own_rate]
    d.param("months", "int", months, about="number of monthly payments")
    if plan == "balloon":
        d.param("balloon", "float", 0.2, 0.4, about="balloon as a fraction of the principal")
    if plan == "interest first":
        d.param("grace", "int", months // 4, about="number of interest-only months")
    if extra:
        d.param("prepayment", "float", 0.05, 0.4, about="extra principal paid each month")
    shape = (count, months) if layout == "rows" else (months, count)
    at = "[tid, k]" if layout == "rows" else "[k, tid]"
    table = {"balance": "balance", "interest each month": "interest"}.get(kept)
    single = {"interest paid": "interest_total", "last balance": "balance"}.get(kept)
    if table:
        about = "balance after each month" if table == "balance" else "monthly interest payments"
        d.output(table, "float", shape, about=about)
    else:
        assert single
        about = "balance after the last payment" if single == "balance" else "total interest paid"
        d.output(single, "float", count, about=about)
    start = {
        "annuity": "payment = left * monthly / (1.0 - wp.pow(1.0 + monthly, -float(months)))",
        "linear": "part = left / float(months)",
        "balloon": """
        # Subtract the present value of the balloon payment
        discount = wp.pow(1.0 + monthly, -float(months))
        payment = left * (1.0 - balloon * discount) * monthly / (1.0 - discount)
        """,
        "interest first": "payment = left * monthly / (1.0 - wp.pow(1.0 + monthly, -float(months - grace)))",
    }[plan]
    pay = {
        "annuity": "left -= payment - due",
        "linear": "left -= part",
        "balloon": "left -= payment - due",
        "interest first": "if k >= grace:\n    left -= payment - due",
    }[plan]
    if extra:
        pay += "\nleft = wp.max(left - prepayment, 0.0)"
        if plan != "linear":
            pay = "left = wp.max(left + due - payment - prepayment, 0.0)"
        else:
            pay = "left = wp.max(left - part - prepayment, 0.0)"
    needs_due = plan != "linear" or kept in ("interest paid", "interest each month")
    note = {
        "balance": f"balance{at} = left",
        "interest each month": "",
        "interest paid": "paid += due",
        "last balance": "",
    }[kept]
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        left = float(principal[tid])
        $monthly
        $start
        $paid
        for k in range(months):
            $due
            $first
            $pay
            $note
        $store
        """,
        monthly=f"monthly = {rate} / 12.0" if needs_due else "",
        start=start,
        paid="paid = float(0.0)" if kept == "interest paid" else "",
        due="due = left * monthly" if needs_due else "",
        first=f"interest{at} = due" if kept == "interest each month" else "",
        pay=pay,
        note=note,
        store={"interest paid": "interest_total[tid] = paid", "last balance": "balance[tid] = left"}.get(
            kept, ""
        ),
    )
    if not needs_due:
        d.parameters = [p for p in d.parameters if p.name not in ("rate", "credit_class")]
    if needs_due:
        d.explain("Nominal annual rates, with interest charged monthly on the outstanding balance.")

    def reference(v: Values) -> dict[str, Any]:
        i = (
            np.broadcast_to(v.rate[v.credit_class] if own_rate == "classes" else v.get("rate", 0.0), count)
            / 12
        )
        p, n = v.principal, months
        left, balances, interests = p.copy(), [], []
        with np.errstate(all="ignore"):
            annuity = {
                "annuity": lambda: p * i / (1 - (1 + i) ** -n),
                "linear": lambda: p / n,
                "balloon": lambda: (p - v.balloon * p * (1 + i) ** -n) * i / (1 - (1 + i) ** -n),
                "interest first": lambda: p * i / (1 - (1 + i) ** -(n - v.grace)),
            }[plan]()
        for k in range(n):
            due = left * i
            interests.append(due)
            paid = annuity - due if plan != "linear" else annuity
            if plan == "interest first" and k < v.grace:
                paid = np.zeros(count)
            left = left - paid
            if extra:
                left = np.maximum(left - v.prepayment, 0)
            balances.append(left)
        b, c = np.array(balances), np.array(interests)
        return {
            "balance": {"balance": b if layout == "columns" else b.T},
            "interest each month": {"interest": c if layout == "columns" else c.T},
            "interest paid": {"interest_total": c.sum(axis=0)},
            "last balance": {"balance": b[-1]},
        }[kept]

    d.check(reference, 1e-3)
