"""Bonds, loans and portfolios."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.finance import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Fabozzi 2012, Bond Markets, Analysis and Strategies, chapters 2 to 4; Macaulay 1938",
    names={
        "bond_analytics": "analyze_bonds|bond_kernel|compute_bonds",
        "coupon": "coupons|coupon_rate|c",
        "y": "yields|ytm|yield_rate",
        "periods": "n|num_periods|maturities",
        "freq": "frequency|m|per_year",
        "pv": "present_value|value|dirty",
        "df": "discount|disc|v",
        "t": "time|tau|years",
        "cash": "flow|payment|cf",
    },
    double=True,
    adjoint="no",
)
def bond_analytics(d: Draft) -> None:
    """Prices bonds from their yields, with the sensitivities that traders quote."""
    want = d.option("want", "price", "duration", "convexity", "yield", "dv01")
    compounding = d.option("compounding", "periodic", "continuous")
    form = d.option("form", "loop", "closed")
    redemption = d.option("redemption", "bullet", "amortising")
    accrued = d.flag("accrued", 0.3)
    solver = d.option("solver", "newton", "bisection")
    curve = d.flag("spread", 0.25)
    n, longest = d.pick(48, 64, 96), 12
    if (
        want in ("convexity", "yield")
        or redemption == "amortising"
        or compounding == "continuous"
        or curve
        or want == "dv01"
    ):
        form = "loop"
    if accrued:
        form = "loop"
    d.input("coupon", "float", n, 0.02, 0.08)
    if want == "yield":
        d.input("price", "float", n, 98.0, 102.0)
    else:
        d.input("y", "float", n, 0.02, 0.08)
    d.input("periods", "int", n, 3, longest + 1)
    if accrued:
        d.input("elapsed", "float", n, 0.0, 0.9)
    if curve:
        d.input("zero_spread", "float", longest + 1, 0.0, 0.01)
    d.param("freq", "float", float(d.pick(1, 2, 4)))
    names = {
        "price": ["price"],
        "duration": ["price", "duration"],
        "convexity": ["duration", "convexity"],
        "yield": ["yields"],
        "dv01": ["dv01"],
    }[want]
    for name in names:
        d.output(name, "float", n)
    principal = "100.0 / float(periods[i])" if redemption == "amortising" else "0.0"
    if redemption == "amortising":
        cash = f"cash = 100.0 * coupon[i] / freq * (1.0 - float(k - 1) / float(periods[i])) + {principal}"
    else:
        cash = "cash = 100.0 * coupon[i] / freq\nif k == periods[i]:\n    cash += 100.0"
    time = "(float(k) - elapsed[i])" if accrued else "float(k)"
    rate = "(yi + zero_spread[k])" if curve else "yi"
    if compounding == "continuous":
        df = f"df = wp.exp(-{rate} * {time} / freq)"
    else:
        df = f"df = wp.pow(1.0 + {rate} / freq, -{time})"
    total = "pv += cash * df"
    if want in ("duration",):
        total += f"\nweighted += {time} / freq * cash * df"
    elif want in ("convexity", "yield", "dv01"):
        total += f"\nweighted += {time} / freq * cash * df"
        if want == "convexity":
            square = (
                f"({time} / freq) * ({time} / freq)"
                if compounding == "continuous"
                else f"{time} * ({time} + 1.0) / (freq * freq)"
            )
            total += f"\nsquared += {square} * cash * df"
    modify = "" if compounding == "continuous" else " / (1.0 + yi / freq)"
    inits = (
        "pv = float(0.0)"
        + ("\nweighted = float(0.0)" if want not in ("price",) else "")
        + ("\nsquared = float(0.0)" if want == "convexity" else "")
    )
    loop = f"{inits}\nfor k in range(1, periods[i] + 1):\n    $cash\n    $df\n    $total"
    less = " - 100.0 * coupon[i] / freq * elapsed[i]" if accrued else ""
    clean = "# quoted clean: less the coupon that has accrued\n" if accrued else ""
    if want == "yield":
        if solver == "newton":
            body = f"""
            yi = float(coupon[i])
            for it in range(20):
                $loop
                gap = pv{less} - price[i]
                if wp.abs(gap) < 1.0e-4:
                    break
                # the slope of the price is minus the modified duration times it
                yi += gap / (weighted{modify})
            yields[i] = yi
            """
        else:
            body = f"""
            lo = float(-0.2)
            hi = float(0.4)
            for it in range(30):
                yi = 0.5 * (lo + hi)
                $loop
                # the price falls with the yield
                if pv{less} > price[i]:
                    lo = yi
                else:
                    hi = yi
            yields[i] = 0.5 * (lo + hi)
            """
            total = "pv += cash * df"
            loop = loop.replace("\nweighted = float(0.0)", "")
        d.says("Solves for the yields at which bonds are worth their prices.")
    elif form == "closed" and want in ("price", "duration"):
        body = """
        yi = y[i]
        m = float(periods[i])
        c = 100.0 * coupon[i] / freq
        g = yi / freq
        v = wp.pow(1.0 + g, -m)
        # an annuity of coupons and the principal
        annuity = (1.0 - v) / g
        price[i] = c * annuity + 100.0 * v
        """
        if want == "duration":
            body += """
        # Macaulay's duration: the slope with the yield, times one period's growth
        slope = c * (annuity * (1.0 + g) - m * v) / g + 100.0 * m * v
        duration[i] = slope / (freq * price[i])
        """.replace("slope / (freq * price[i])", "slope / (freq * (c * annuity + 100.0 * v))")
    else:
        ends = {
            "price": f"{clean}price[i] = pv{less}",
            "duration": f"{clean}price[i] = pv{less}\nduration[i] = weighted / pv",
            "convexity": f"duration[i] = weighted / pv{modify}\nconvexity[i] = squared / pv{modify}{modify}",
            "dv01": f"# what one basis point of yield is worth\ndv01[i] = 1.0e-4 * weighted{modify}",
        }
        body = f"yi = y[i]\n$loop\n{ends[want]}"
    d.launch(n)
    d.code("i = wp.tid()\n$body", body=body, loop=loop, cash=cash, df=df, total=total)
    d.explain("Prices are per 100 of face value; times in years are periods over the coupons per year.")

    def reference(v: Values) -> dict[str, Any]:
        k = np.arange(1, longest + 1)[None]
        m = v.periods[:, None]
        there = k <= m
        pay = 100 * v.coupon[:, None] / v.freq
        if redemption == "amortising":
            cash_ = (pay * (1 - (k - 1) / m) + 100 / m) * there
        else:
            cash_ = pay * there + 100 * (k == m)
        times = k - (v.elapsed[:, None] if accrued else 0.0)
        extra = v.zero_spread[1:][None] if curve else 0.0
        interest = (100 * v.coupon / v.freq * v.elapsed) if accrued else 0.0

        def worth(y: Any, power: Any = 1.0) -> Any:
            r = y[:, None] + extra
            disc = np.exp(-r * times / v.freq) if compounding == "continuous" else (1 + r / v.freq) ** -times
            return (cash_ * disc * power).sum(axis=1)

        if want == "yield":
            low, high = np.full(n, -0.2), np.full(n, 0.4)
            for _ in range(60):
                y = (low + high) / 2
                above = worth(y) - interest > v.price
                low, high = np.where(above, y, low), np.where(above, high, y)
            return {"yields": y}
        pv = worth(v.y)
        mac = worth(v.y, times / v.freq)
        grow = 1.0 if compounding == "continuous" else 1 + v.y / v.freq
        second = worth(
            v.y, (times / v.freq) ** 2 if compounding == "continuous" else times * (times + 1) / v.freq**2
        )
        return {
            "price": {"price": pv - interest},
            "duration": {"price": pv - interest, "duration": mac / pv},
            "convexity": {"duration": mac / pv / grow, "convexity": second / pv / grow**2},
            "dv01": {"dv01": 1e-4 * mac / grow},
        }[want]

    d.check(reference, 2e-3)
