"""Bonds: present values and their sensitivities to rates."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.finance import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import piece

_NAMES = {
    "coupon": "coupons|coupon_rate|c",
    "periods": "n_coupons|num_periods|terms",
    "yields": "ytm|y|yield_rate",
    "flows": "cash_flows|cashflows|amounts",
    "times": "pay_times|flow_times|t_pay",
    "offsets": "flow_start|row_offsets|first_flow",
    "freq": "frequency|per_year|m",
    "bonds": "book|portfolio|issues",
    "k": "period|n|j",
    "df": "disc|discount",
    "pv": "present_value|worth",
}

BOND = piece("""
@wp.struct
class Bond:
    coupon: float  # annual rate, as a fraction of face value
    periods: int
    face: float
""")


@DOMAIN.algorithm(
    source="Fabozzi 2012, chs. 2 and 4; Macaulay 1938",
    names=_NAMES
    | {
        "price": "prices|bond_price",
        "clean_price": "clean_prices|clean",
        "duration": "durations|dur",
        "moment": "pv_moment",
    },
    double=True,
    adjoint="either",
    weight=3,
)
def bond_measure(d: Draft) -> None:
    """Values bonds from their cash flows."""
    what = d.option("what", "price", "macaulay", "modified", "convexity", "dv01", "accrued")
    flows = d.option("flows", "arrays", "structs", "listed", "matrix")
    rate = d.option("rate", "compounded", "continuous", "curve")
    if what == "accrued" and flows in ("listed", "matrix"):
        what = "price"
    d.calls(
        {
            "price": "price_bonds|bond_prices|value_bonds",
            "macaulay": "macaulay_duration|bond_duration|duration_of_bonds",
            "modified": "modified_duration|bond_duration|bond_sensitivity",
            "convexity": "bond_convexity|convexity_of_bonds|compute_convexity",
            "dv01": "bond_dv01|price_value_basis_point|compute_dv01",
            "accrued": "clean_prices|clean_bond_price|price_without_accrued",
        }[what]
    )
    if what in ("modified", "dv01") and rate == "curve":
        rate = "compounded"
    if flows in ("listed", "matrix") and rate == "curve":
        rate = "continuous"
    fisher_weil = what == "macaulay" and rate == "curve"
    if fisher_weil:
        d.calls("fisher_weil_duration|bond_duration|duration_of_bonds")
    said = {
        "price": "Computes the price of each bond",
        "macaulay": "Computes Macaulay durations of bonds (present-value-weighted mean payment time)",
        "modified": "Computes modified durations of bonds",
        "convexity": "Computes bond convexity, (d2P/dy2) / P",
        "dv01": "Computes the DV01 of each bond, the price drop for a 1 bp rise in yield",
        "accrued": "Computes clean bond prices (without accrued interest)",
    }[what]
    if what == "convexity" and rate == "curve":
        said = "Computes bond convexity with respect to parallel shifts"
    if fisher_weil:
        said = "Computes Fisher-Weil durations of bonds"
    d.says(said + (" using a zero curve." if rate == "curve" else "."))
    count, most, freq = d.pick(48, 64, 96), d.pick(10, 12, 16), d.pick(1, 2, 4)
    if flows == "structs":
        fields = {"coupon": fill(0.02, 0.07), "periods": fill(3, most), "face": fill(90.0, 110.0)}
        d.struct("bonds", BOND, fields, count, about="array of bonds")
        load = "bond = bonds[tid]"
        coupon, face, number = "bond.coupon", "bond.face", "bond.periods"
    elif flows == "arrays":
        d.input("coupon", "float", count, 0.02, 0.07, about="annual coupon rate on a face value of 100")
        d.input("periods", "int", count, 3, most, about="number of remaining coupon periods")
        load, coupon, face, number = "", "coupon[tid]", "100.0", "periods[tid]"
    elif flows == "listed":
        d.input(
            "offsets", "int", count + 1, 0, count * 6, "offsets", about="index of each bond's first cash flow"
        )
        d.input("times", "float", count * 6, 0.5, 8.0, about="payment times in years")
        d.input("flows", "float", count * 6, 4.0, 30.0, about="coupons and principal repayments")
        load, coupon, face, number = "", "", "", ""
    else:
        d.input("times", "float", (count, most), 0.5, 8.0, "ascending", about="payment times in years")
        d.input("flows", "float", (count, most), 4.0, 14.0, about="coupons and principal repayments")
        load, coupon, face, number = "", "", "", "flows.shape[1]"
    if rate == "curve":
        d.input("zero", "float", most, 0.03, 0.04, about="zero rates at the coupon dates")
    else:
        d.input("yields", "float", count, 0.01, 0.08, about="yield to maturity")
    regular = flows in ("arrays", "structs")
    if regular:
        d.param("freq", "int", freq, about="coupons per year")
    if what == "accrued":
        d.param("elapsed", "float", 0.1, 0.9, about="elapsed fraction of the first period")
    out, about = {
        "price": ("price", "bond prices"),
        "macaulay": ("duration", "Macaulay duration in years"),
        "modified": ("duration", "modified duration in years"),
        "convexity": ("convexity", "convexity [years^2]"),
        "dv01": ("dv01", "price drop per basis point"),
        "accrued": ("clean_price", "clean prices"),
    }[what]
    d.output(out, "float", count, about=about)
    y = "y = yields[tid]" if rate != "curve" else ""
    if regular:
        time = (
            "t = (float(k + 1) - elapsed) / float(freq)"
            if what == "accrued"
            else "t = float(k + 1) / float(freq)"
        )
        ahead = "elapsed - float(k + 1)" if what == "accrued" else "-float(k + 1)"
        if rate == "compounded" and what in ("price", "accrued"):
            time = ""
        flow = f"""
        amount = c
        if k == {number} - 1:
            amount += {face}
        """
        head = f"c = {face} * {coupon} / float(freq)"
        loop = f"for k in range({number}):"
        df = {
            "compounded": f"wp.pow(1.0 + y / float(freq), {ahead})",
            "continuous": "wp.exp(-y * t)",
            "curve": "wp.exp(-zero[k] * t)",
        }[rate]
    else:
        at = "[k]" if flows == "listed" else "[tid, k]"
        time, flow, head = f"t = times{at}", f"amount = flows{at}", ""
        loop = f"for k in range({number}):"
        if flows == "listed":
            loop = "for k in range(offsets[tid], offsets[tid + 1]):"
        df = {"compounded": "wp.pow(1.0 + y, -t)", "continuous": "wp.exp(-y * t)", "curve": ""}[rate]
    moments = what in ("macaulay", "modified", "dv01", "convexity")
    if moments:
        d.forward_only()  # Warp does not tape what the loop adds up, which the quotient's adjoint needs
    step = "(1.0 + y / float(freq))" if regular else "(1.0 + y)"
    gap = "1.0 / float(freq)" if regular else "1.0"
    twice = f"t * (t + {gap})" if rate == "compounded" else "t * t"
    scale = "" if rate == "continuous" else (" / (1.0 + y / float(freq))" if regular else " / (1.0 + y)")
    guard = ""
    if flows == "listed" and moments and what != "dv01":
        guard = f"# No cash flows left, avoid 0 / 0\nif pv == 0.0:\n    {out}[tid] = 0.0\n    return"
    store = {
        "price": "pv",
        "macaulay": "moment / pv",
        "modified": f"moment / pv{scale}",
        "convexity": "moment / pv" if rate != "compounded" else f"moment / (pv * {step} * {step})",
        "dv01": f"1.0e-4 * moment{scale}",
        "accrued": "pv - c * elapsed",
    }[what]
    pv_used = what != "dv01"
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        $load
        $head
        $y
        $pv
        $moment
        $loop
            $time
            $flow
            $add
            $second
        $guard
        $out[tid] = $store
        """,
        load=load,
        head=head,
        y=y,
        pv="pv = float(0.0)" if pv_used else "",
        moment="moment = float(0.0)" if moments else "",
        loop=loop,
        time=time,
        flow=flow,
        add=f"discounted = amount * {df}\npv += discounted" if pv_used and moments
        else f"pv += amount * {df}" if pv_used else "",
        second="" if not moments else f"moment += t * amount * {df}" if not pv_used
        else f"moment += {twice} * discounted" if what == "convexity" else "moment += t * discounted",
        guard=guard,
        store=store,
        out=out,
    )  # fmt: skip
    d.explain({
        "compounded": "Yields are compounded at each coupon date.",
        "continuous": "Yields are continuously compounded.",
        "curve": "`zero` holds one continuously compounded zero rate per coupon date.",
    }[rate] if regular else f"{'Cash flows may be in any order. ' if flows == 'listed' else ''}"
    f"Yields are {'annually compounded' if rate == 'compounded' else 'continuously compounded'}.")  # fmt: skip

    def reference(v: Values) -> dict[str, Any]:
        k = np.arange(most)
        if regular:
            c, n = (v["bonds.coupon"], v["bonds.periods"]) if flows == "structs" else (v.coupon, v.periods)
            par = v["bonds.face"] if flows == "structs" else np.full(count, 100.0)
            n = n[:, None]
            t = np.broadcast_to((k + 1 - v.get("elapsed", 0.0)) / freq, (count, most))
            paid = (par * c / freq)[:, None] * (k < n) + par[:, None] * (k == n - 1)
        elif flows == "matrix":
            t, paid = v.times, v.flows
        else:
            t, all_ = np.broadcast_to(v.times, (count, len(v.times))), np.arange(len(v.times))
            paid = v.flows * ((all_ >= v.offsets[:-1, None]) & (all_ < v.offsets[1:, None]))
        y = v.yields[:, None] if rate != "curve" else v.zero
        m = freq if regular else 1
        df = (1 + y / m) ** (-t * m) if rate == "compounded" else np.exp(-y * t)
        pv = (paid * df).sum(axis=1)
        first = (t * paid * df).sum(axis=1)
        slope = first if rate == "continuous" else first / (1 + y[:, 0] / m) if rate != "curve" else first
        with np.errstate(all="ignore"):
            made = {
                "price": lambda: pv,
                "macaulay": lambda: np.nan_to_num(first / pv),
                "modified": lambda: np.nan_to_num(slope / pv),
                "convexity": lambda: np.nan_to_num(
                    (t * (t + 1 / m) * paid * df).sum(axis=1) / pv / (1 + y[:, 0] / m) ** 2
                    if rate == "compounded"
                    else (t * t * paid * df).sum(axis=1) / pv
                ),
                "dv01": lambda: 1e-4 * slope,
                "accrued": lambda: pv - par * c / freq * v.elapsed,
            }[what]()
        return {out: made}

    d.check(reference, 3e-4)
