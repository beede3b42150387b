"""Curves of interest rates: reading them between their knots, and deriving them from quotes."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.finance import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "df": "discount|disc",
    "zero": "zero_rates|zeros|spot_rates",
    "knots": "tenors|pillars|knot_times",
    "k": "period|n|i",
    "par": "swap_rates|par_rates",
}


@DOMAIN.algorithm(
    source="Nelson & Siegel 1987; Svensson 1994; Hagan & West 2006",
    names=_NAMES
    | {
        "times": "t_query|maturities|dates",
        "rate": "r_t|z|yield_t",
        "lo": "left|low|a",
        "hi": "right|high|b",
    },
    double=True,
)
def read_curve(d: Draft) -> None:
    """Reads a curve of interest rates at given times."""
    model = d.option("model", "linear zero", "log discount", "linear forward", "nelson siegel", "svensson")
    result = d.option("result", "zero", "discount", "price of flows")
    search = d.option("search", "scan", "bisection", "builtin")
    many = d.flag("curves", 0.4)
    d.calls(
        {
            "zero": "read_curve|zero_rates|curve_lookup",
            "discount": "discount_factors|discount_curve|read_discount_factors",
            "price of flows": "price_cash_flows|value_cash_flows|discount_flows",
        }[result]
    )
    knots, count, curves = d.pick(6, 8, 10), d.pick(48, 64, 96), d.pick(3, 5)
    parametric = model in ("nelson siegel", "svensson")
    said = {
        "linear zero": "with linearly interpolated zero rates",
        "log discount": "using log-linear discount factors",
        "linear forward": "with piecewise linear instantaneous forwards",
        "nelson siegel": "in Nelson-Siegel form",
        "svensson": "in Svensson form",
    }[model]
    what = {
        "zero": "Evaluates zero rates on a curve",
        "discount": "Evaluates discount factors on a curve",
        "price of flows": "Discounts single cash flows on a curve",
    }[result]
    d.says(f"{what} {said}.")
    lead = (curves,) if many else ()
    c = "c, " if many else ""
    if many:
        d.input("which", "int", count, 0, curves, about="curve index")
    if parametric:
        humps = 2 if model == "svensson" else 1
        if many:
            d.input("betas", "float", (curves, 2 + humps), 0.01, 0.02, about="coefficients per curve")
            d.input("taus", "float", (curves, humps), 1.0, 5.0, about="decay times per curve in years")
            b = [f"betas[c, {i}]" for i in range(2 + humps)] + [f"taus[c, {i}]" for i in range(humps)]
        else:
            d.param("b0", "float", 0.03, 0.05, about="long-rate level")
            d.param("b1", "float", -0.02, -0.01, about="slope")
            d.param("b2", "float", -0.02, 0.02, about="curvature")
            if model == "svensson":
                d.param("b3", "float", -0.02, 0.02, about="second curvature")
            d.param("tau1", "float", 1.0, 2.0, about="decay time in years")
            if model == "svensson":
                d.param("tau2", "float", 4.0, 8.0, about="second decay time in years")
            b = (
                ["b0", "b1", "b2", "b3", "tau1", "tau2"]
                if model == "svensson"
                else ["b0", "b1", "b2", "tau1"]
            )
    else:
        d.input(
            "knots",
            "float",
            knots,
            0.4,
            10.0,
            "ascending",
            about="pillar times in years, sorted in ascending order",
        )
        kind = "forward" if model == "linear forward" else "zero"
        held = {"zero": "zero rates", "forward": "instantaneous forward rates"}[kind]
        d.input(
            kind,
            "float",
            (*lead, knots),
            *((0.03, 0.034) if kind == "zero" else (0.02, 0.045)),
            about=f"{held} at the pillars" + (", one curve per row" if many else ""),
        )
        b = []
    d.input("times", "float", count, 0.5, 9.5, about="times in years, must be positive")
    if result == "price of flows":
        d.input("flows", "float", count, 10.0, 100.0, about="cash flows")
    out, about = {
        "zero": ("rates", "zero rates"),
        "discount": ("factors", "discount factors"),
        "price of flows": ("values", "present values"),
    }[result]
    d.output(out, "float", count, about=about)
    find = "lo = find_interval(knots, t)"
    if parametric or model == "linear forward":
        pass
    elif search == "scan":
        d.function("""
            @wp.func
            def find_interval(knots: wp.array(dtype=float), t: float) -> int:
                lo = int(0)
                while lo < knots.shape[0] - 2 and knots[lo + 1] < t:
                    lo += 1
                return lo
        """)
    elif search == "bisection":
        d.function("""
            @wp.func
            def find_interval(knots: wp.array(dtype=float), t: float) -> int:
                lo = int(0)
                hi = int(knots.shape[0] - 1)
                while hi - lo > 1:
                    mid = (lo + hi) // 2
                    if knots[mid] > t:
                        hi = mid
                    else:
                        lo = mid
                return lo
        """)
    else:
        find = "lo = wp.clamp(wp.lower_bound(knots, t) - 1, 0, knots.shape[0] - 2)"
    if model == "nelson siegel":
        lines = f"""
        u = t / {b[3]}
        decay = wp.exp(-u)
        # Nelson-Siegel: level, slope and curvature
        loading = (1.0 - decay) / u
        rate = {b[0]} + {b[1]} * loading + {b[2]} * (loading - decay)
        """
    elif model == "svensson":
        lines = f"""
        u1 = t / {b[4]}
        u2 = t / {b[5]}
        loading1 = (1.0 - wp.exp(-u1)) / u1
        loading2 = (1.0 - wp.exp(-u2)) / u2
        # Svensson: a second curvature term
        rate = {b[0]} + {b[1]} * loading1 + {b[2]} * (loading1 - wp.exp(-u1)) + {b[3]} * (loading2 - wp.exp(-u2))
        """
    elif model == "linear zero":
        lines = f"""
        $find
        # Flat extrapolation
        f = wp.clamp((t - knots[lo]) / (knots[lo + 1] - knots[lo]), 0.0, 1.0)
        rate = wp.lerp(zero[{c}lo], zero[{c}lo + 1], f)
        """
    elif model == "log discount":
        lines = f"""
        $find
        # Log-linear discount factors, i.e. piecewise constant forwards; the last forward also extrapolates
        f = (t - knots[lo]) / (knots[lo + 1] - knots[lo])
        exponent = wp.lerp(zero[{c}lo] * knots[lo], zero[{c}lo + 1] * knots[lo + 1], f)
        if t < knots[0]:
            # Flat zero rate before the first pillar
            exponent = zero[{c}0] * t
        """
    else:
        lines = f"""
        # Trapezoidal integral of the forward rates, with flat extrapolation on both sides
        integral = forward[{c}0] * wp.min(t, knots[0])
        for k in range(knots.shape[0] - 1):
            span = wp.min(t, knots[k + 1]) - knots[k]
            if span > 0.0:
                slope = (forward[{c}k + 1] - forward[{c}k]) / (knots[k + 1] - knots[k])
                integral += span * (forward[{c}k] + 0.5 * slope * span)
        last = knots.shape[0] - 1
        integral += forward[{c}last] * wp.max(t - knots[last], 0.0)
        """
    exponent = {"log discount": "-exponent", "linear forward": "-integral"}.get(model, "-rate * t")
    rate_ = {"log discount": "exponent / t", "linear forward": "integral / t"}.get(model, "rate")
    store = {
        "zero": f"rates[tid] = {rate_}",
        "discount": f"factors[tid] = wp.exp({exponent})",
        "price of flows": f"values[tid] = flows[tid] * wp.exp({exponent})",
    }[result]
    d.launch(count)
    d.code(
        "tid = wp.tid()\n$own\nt = times[tid]\n$lines\n$store",
        own="c = which[tid]" if many else "",
        lines=lines,
        find=find,
        store=store,
    )
    if parametric and many:
        d.explain(
            f"Rates are continuously compounded. Each row of `betas` is (level, slope, {'curvature 1, curvature 2' if model == 'svensson' else 'curvature'})."
        )
    elif not parametric:
        d.explain("Rates are continuously compounded, times in years.")
    if model == "linear forward":
        d.forward_only()

    def reference(v: Values) -> dict[str, Any]:
        t = v.times
        pick: Any = v.which if many else 0
        if parametric:
            row = [*v.betas[pick].T, *v.taus[pick].T] if many else [v[name] for name in b]
            taus = row[3:] if model == "nelson siegel" else row[4:]
            rate = row[0]
            for i, tau in enumerate(taus):
                loading = -np.expm1(-t / tau) / (t / tau)
                rate = (
                    rate + (row[1] * loading if i == 0 else 0.0) + row[2 + i] * (loading - np.exp(-t / tau))
                )
        else:
            y = np.atleast_2d(v[kind])[np.broadcast_to(pick, count)]
            each = np.arange(count)
            lo = np.clip(np.searchsorted(v.knots, t) - 1, 0, knots - 2)
            f = (t - v.knots[lo]) / (v.knots[lo + 1] - v.knots[lo])
            if model == "linear zero":
                f = np.clip(f, 0, 1)
                rate = (1 - f) * y[each, lo] + f * y[each, lo + 1]
            elif model == "log discount":
                held_ = y * v.knots
                rate = ((1 - f) * held_[each, lo] + f * held_[each, lo + 1]) / t
                rate = np.where(t < v.knots[0], y[:, 0], rate)
            else:
                made = []
                for s, row_ in zip(t, y, strict=True):
                    inside = v.knots[v.knots < s]
                    grid = np.concatenate([inside, [s]])
                    values = np.interp(grid, v.knots, row_)
                    area = row_[0] * min(s, v.knots[0]) + np.trapezoid(values, grid)
                    made.append(area / s)
                rate = np.array(made)
        return {
            "zero": {"rates": rate},
            "discount": {"factors": np.exp(-rate * t)},
            "price of flows": {"values": v.get("flows", 0.0) * np.exp(-rate * t)},
        }[result]

    d.check(reference, 1e-3)


@DOMAIN.algorithm(
    source="Hull 2018, secs. 4.7 and 7.6; Hagan & West 2006",
    names=_NAMES
    | {
        "bootstrap_curve": "strip_curve|build_curve|bootstrap",
        "annuity": "level|annuity_factor",
        "out": "curve_out|stripped",
        "accrual": "year_fraction|dcf|tau",
    },
    double=True,
    adjoint="no",
)
def bootstrap_curve(d: Draft) -> None:
    """Bootstraps discount curves from market quotes."""
    quotes = d.option("quotes", "swaps", "bonds", "forwards", "deposits")
    result = d.option("result", "discount", "zero", "forward")
    layout = d.option("layout", "rows", "columns")
    fraction = d.option("fraction", "one", "common", "each")
    bumped = d.flag("bumped", 0.3)
    count, periods = d.pick(24, 32, 48), d.pick(8, 10, 12)
    said = {
        "swaps": "par swap rates",
        "bonds": "coupon bond prices",
        "forwards": "consecutive forward rates",
        "deposits": "simple deposit rates",
    }[quotes]
    made = {"discount": "discount factors", "zero": "zero rates", "forward": "forward rates"}[result]
    if quotes == "forwards" and result == "forward":
        made, result = "discount factors", "discount"
    if quotes == "deposits" and fraction == "one":
        fraction = "common"  # deposits mature within a year or so
    if quotes == "deposits":
        d.calls("deposit_curve|curve_from_deposits|read_deposits")  # nothing is bootstrapped
    if quotes == "deposits":
        d.says(f"Converts {said} to {made}.")
    else:
        d.says(f"Bootstraps {made[:-1]} curves from {said}.")
    shape = (count, periods) if layout == "rows" else (periods, count)
    given = {"swaps": "par", "bonds": "price", "forwards": "forward_rates", "deposits": "deposit_rates"}[
        quotes
    ]
    if quotes == "bonds":
        d.input("price", "float", shape, 99.9, 100.1, about="bond price per 100 of face value")
        d.input("coupon", "float", periods, 3.0, 3.05, about="coupon rate, in percent per year")
    else:
        low, high = (
            (0.01, 0.05) if quotes == "forwards" else (0.03, 0.032)
        )  # so that no forward rate is negative
        d.input(given, "float", shape, low, high, about=said)
    if fraction == "common":
        span = (0.04, 0.09) if quotes == "deposits" else (0.25, 1.0)
        d.param("accrual", "float", *span, about="length of a period in years")
    elif fraction == "each":
        span = (0.075, 0.09) if quotes == "deposits" else (0.45, 0.55)
        d.input("accrual", "float", periods, *span, about="length of each period in years")
    if bumped:
        shifted = "prices, as a share of the face, downwards" if quotes == "bonds" else "rates"
        d.param("bump", "float", 0.0005, 0.003, about=f"shift of the {shifted}")
    d.output("out", "float", shape, about=made)
    at = "[c, k]" if layout == "rows" else "[k, c]"
    a = {"one": "1.0", "common": "accrual", "each": "accrual[k]"}[fraction]
    times = "" if fraction == "one" else f" * {a}"
    quote = f"{given}{at}"
    if bumped:
        quote += " - 100.0 * bump" if quotes == "bonds" else " + bump"
    uses_time = quotes == "deposits" or result == "zero"
    step = {
        "swaps": """
        # Par condition: q * (annuity + $a_df) + df = 1, solve for df
        df = (1.0 - q * annuity) / (1.0 + q$times)
        annuity += $a_df
        """,
        "bonds": """
        # Subtract the known coupons, the remainder belongs to the last payment
        df = (q - coupon[k] * annuity) / (100.0 + coupon[k]$times)
        annuity += $a_df
        """,
        "forwards": "df /= 1.0 + q$times",
        "deposits": "df = 1.0 / (1.0 + q * t)",
    }[quotes]
    store = {
        "discount": f"out{at} = df",
        "zero": f"out{at} = -wp.log(df) / t",
        "forward": f"out{at} = (before / df - 1.0)" + ("" if fraction == "one" else f" / {a}"),
    }[result]
    if fraction == "one" and result == "forward":
        store = f"out{at} = before / df - 1.0"
    d.launch(count)
    d.code(
        f"""
        c = wp.tid()
        $annuity
        $df
        $clock
        for k in range({given}.shape[{1 if layout == "rows" else 0}]):
            q = {quote}
            $advance
            $before
            $step
            $store
        """,
        annuity="annuity = float(0.0)" if quotes in ("swaps", "bonds") else "",
        df="df = float(1.0)" if quotes == "forwards" or result == "forward" else "",
        clock="t = float(0.0)" if uses_time else "",
        advance=f"t += {a}" if uses_time else "",
        before="before = df" if result == "forward" else "",
        step=step,
        times=times,
        a_df="df" if fraction == "one" else f"{a} * df",
        store=store,
    )
    d.explain({
        "swaps": "Solves for one discount factor per quote, in order of maturity. Rates are simple within a period.",
        "bonds": "Solves for one discount factor per bond, in order of maturity. All bonds share the same payment dates.",
        "forwards": "Simple forward rates: each discount factor is the previous one divided by 1 + rate * period length.",
        "deposits": "Deposits pay once at maturity, so each discount factor only depends on its own quote.",
    }[quotes])  # fmt: skip

    def reference(v: Values) -> dict[str, Any]:
        q = v[given]
        q = q if layout == "rows" else q.T
        if bumped:
            q = q - 100 * v.bump if quotes == "bonds" else q + v.bump
        a_ = np.broadcast_to(v.accrual if fraction != "one" else 1.0, periods)
        t = np.cumsum(a_)
        if quotes == "forwards":
            df = 1 / np.cumprod(1 + q * a_, axis=1)
        elif quotes == "deposits":
            df = 1 / (1 + q * t)
        else:
            # Forward substitution: the system is lower triangular in the discount factors
            df = np.empty_like(q)
            for c in range(count):
                if quotes == "swaps":
                    m = np.tril(q[c][:, None] * a_[None, :]) + np.eye(periods)
                    df[c] = np.linalg.solve(m, np.ones(periods))
                else:
                    m = np.tril(np.outer(v.coupon, a_)) + 100 * np.eye(periods)
                    df[c] = np.linalg.solve(m, q[c])
        whole = np.concatenate([np.ones((count, 1)), df], axis=1)
        found = {
            "discount": df,
            "zero": -np.log(df) / t,
            "forward": (whole[:, :-1] / df - 1) / a_,
        }[result]
        return {"out": found if layout == "rows" else found.T}

    d.check(reference, 2e-3)
