"""Option prices by finite differences."""

from __future__ import annotations

import textwrap

import numpy as np

from warpgen.synthesis.algorithms.finance import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, dedented

_PAYOFFS = {
    "call": ("wp.max(s - k, 0.0)", lambda s, k: np.maximum(s - k, 0)),
    "put": ("wp.max(k - s, 0.0)", lambda s, k: np.maximum(k - s, 0)),
    "straddle": ("wp.abs(s - k)", lambda s, k: np.abs(s - k)),
    "digital": ("wp.where(s > k, 1.0, 0.0)", lambda s, k: (s > k) * 1.0),
    "capped call": ("wp.clamp(s - k, 0.0, 0.25 * k)", lambda s, k: np.clip(s - k, 0, k / 4)),
}

_SAID = {name: name for name in _PAYOFFS} | {
    "digital": "digital call",
    "capped call": "call, capped at a quarter of the strike,",
}
_PLURAL = {
    "call": "calls",
    "put": "puts",
    "straddle": "straddles",
    "digital": "digital calls",
    "capped call": "capped calls",
}


@DOMAIN.algorithm(
    source="Wilmott, Dewynne & Howison 1993; Rannacher 1984; Brennan & Schwartz 1977; Tavella & Randall 2000, ch. 3",
    names={
        "option": "tid|i|contract",
        "values": "v|grid_values|price_grid",
        "spot": "spots|s0|underlying",
        "upper": "c_prime|sweep_upper",
        "pivot": "denominator|diag|beta",
        "theta": "implicitness|weight|theta_n",
        "sigma": "volatility|vol|iv",
    },
    adjoint="no",
    weight=4,
)
def solve_option_pde(d: Draft) -> None:
    """Prices options using finite differences in log-spot, stepping backward from expiry."""
    payoff = d.option("payoff", *_PAYOFFS)
    scheme = d.option("scheme", "crank nicolson", "implicit", "rannacher")
    exercise = d.option("exercise", "european", "american", "bermudan")
    barrier = d.option("barrier", "none", "up and out", "down and out")
    boundary = d.option("boundary", "linear", "fixed")
    dividend = d.option("dividend", "none", "yield", "cash")
    skew = d.option("volatility", "constant", "local", "term")
    result = d.option("result", "price", "delta", "gamma")
    if payoff == "call" and exercise != "european" and dividend == "none" and barrier != "up and out":
        dividend = "yield"  # without it nobody exercises a call early
    if scheme == "crank nicolson" and payoff == "digital":
        scheme = "rannacher"  # the jump would ring
    if dividend == "cash":
        boundary = "linear"  # the ends would have to know of the dividend
    d.calls(
        {
            "price": "solve_option_pde|price_on_grid|finite_difference_price|pde_price",
            "delta": "pde_delta|finite_difference_delta|delta_on_grid",
            "gamma": "pde_gamma|finite_difference_gamma|gamma_on_grid",
        }[result]
    )
    n, nodes, steps = d.pick(16, 24), d.pick(21, 25), d.pick(8, 10, 12)
    d.input("spot", "float", n, 90.0, 110.0, about="Spot prices")
    d.input("strike", "float", n, 85.0, 115.0, about="Strikes")
    d.input("sigma", "float", n, 0.2, 0.45, about="Annualized volatilities")
    d.input("maturity", "float", n, 0.4, 1.2, about="Times to expiry [years]")
    d.param("rate", "float", 0.01, 0.05, about="Continuously compounded interest rate")
    if dividend == "yield":
        d.param("dividend_yield", "float", 0.01, 0.06, about="Continuous dividend yield")
    elif dividend == "cash":
        d.param("dividend", "float", 1.0, 3.0, about="Cash dividend paid halfway to expiry")
    if barrier != "none":
        low, high = (1.15, 1.35) if barrier == "up and out" else (0.7, 0.85)
        d.param("barrier", "float", low, high, about="Knock-out level divided by the initial spot")
    if skew == "term":
        d.param(
            "vol_slope",
            "float",
            0.1,
            0.4,
            about="Relative volatility reduction today versus expiry, linear in time",
        )
    elif skew == "local":
        d.param("elasticity", "float", -0.8, -0.2, about="Local volatility exponent (power of the spot)")
    name = {"price": "price", "delta": "delta", "gamma": "gamma"}[result]
    d.output(
        name,
        "float",
        n,
        about={
            "price": "Option values",
            "delta": "Option deltas",
            "gamma": "Option gammas",
        }[result],
    )
    d.module(
        f"NODES = wp.constant({nodes})  # odd: the spot lies on the node in the middle\nSTEPS = wp.constant({steps})"
    )
    d.function(f'''
        @wp.func
        def payoff(s: float, k: float) -> float:
            """Payoff of a {_SAID[payoff]} with strike k."""
            return {_PAYOFFS[payoff][0]}
    ''')
    q = "dividend_yield" if dividend == "yield" else ""
    drift = f"rate - {q}" if q else "rate"
    grown = f"wp.exp(({drift}) * tau)" if q else "wp.exp(rate * tau)"
    low_edge = f"low_edge = wp.exp(-rate * tau) * payoff(s_low * {grown}, k)"
    high_edge = f"high_edge = wp.exp(-rate * tau) * payoff(s_high * {grown}, k)"
    at_low, at_high = "low_edge", "high_edge"
    if boundary == "fixed" and barrier == "up and out":
        at_high, high_edge = "0.0  # knocked out", ""
    elif boundary == "fixed" and barrier == "down and out":
        at_low, low_edge = "0.0  # knocked out", ""
    knock = {
        "none": "",
        "up and out": """
            # Knock out above the barrier, monitored at each time step
            if s >= barrier * s0:
                values[j] = 0.0
            """,
        "down and out": """
            # Knock out below the barrier, monitored at each time step
            if s <= barrier * s0:
                values[j] = 0.0
            """,
    }[barrier]
    early = {
        "european": "",
        "american": """
            # Early exercise: the value cannot fall below the payoff
            values[j] = wp.max(values[j], payoff(s, k))
            """,
        "bermudan": """
            # Exercise at every second time step
            if step % 2 == 1:
                values[j] = wp.max(values[j], payoff(s, k))
            """,
    }[exercise]
    after = "for j in range(NODES):\n    s = s0 * wp.exp(dx * float(j - middle))\n    $early\n    $knock"
    if exercise == "bermudan" and barrier == "none":
        early = "values[j] = wp.max(values[j], payoff(s, k))"
        after = "# Exercise at every second time step\nif step % 2 == 1:\n" + textwrap.indent(after, "    ")
    vol = {"constant": "vol = sigma[option]", "local": "vol = sigma[option] * wp.exp(elasticity * dx * float(j - middle))",
           "term": "vol = sigma[option] * (1.0 - vol_slope * time_left)"}[skew]  # fmt: skip
    coefficients = """
        $vol
        diffusion = 0.5 * vol * vol / (dx * dx)
        convection = ($drift - 0.5 * vol * vol) / (2.0 * dx)
        below = diffusion - convection
        center = -2.0 * diffusion - rate
        above = diffusion + convection
    """
    row = """
        known = values[j] + (1.0 - theta) * dt * (
            below * values[j - 1] + center * values[j] + above * values[j + 1]
        )
        pivot = 1.0 - theta * dt * center + theta * dt * below * upper[j - 1]
        upper[j] = -theta * dt * above / pivot
        rhs[j] = (known + theta * dt * below * rhs[j - 1]) / pivot
    """
    if scheme == "crank nicolson":
        row = row.replace("(1.0 - theta) * dt", "half_dt").replace("theta * dt", "half_dt")
    if scheme == "implicit":
        row = """
        pivot = 1.0 - dt * center + dt * below * upper[j - 1]
        upper[j] = -dt * above / pivot
        rhs[j] = (values[j] + dt * below * rhs[j - 1]) / pivot
        """
    edge = {"digital": "jump causes", "capped call": "kinks cause"}.get(payoff, "kink causes")
    where = "" if skew == "local" else ", coefficients do not depend on S in log space"
    d.launch(n)
    d.code(
        """
        option = wp.tid()
        s0 = spot[option]
        k = strike[option]
        dt = maturity[option] / float(STEPS)
        middle = NODES // 2
        # Grid spans five standard deviations on either side to limit boundary effects
        dx = 5.0 * sigma[option] * wp.sqrt(maturity[option]) / float(middle)
        values = wp.zeros(shape=(NODES,), dtype=float)
        upper = wp.zeros(shape=(NODES,), dtype=float)
        rhs = wp.zeros(shape=(NODES,), dtype=float)
        for j in range(NODES):
            s = s0 * wp.exp(dx * float(j - middle))
            values[j] = payoff(s, k)
            $knock
        $once
        $half
        $fixed_edges
        for step in range(STEPS):
            $theta
            $elapsed
            $edges
            $before
            # Forward elimination (Thomas algorithm$where)
            rhs[0] = $low
            for j in range(1, NODES - 1):
                $within
                $row
            # Back substitution
            values[NODES - 1] = $high
            for j in range(NODES - 2, -1, -1):
                values[j] = rhs[j] - upper[j] * values[j + 1]
            $cash
            $after
        $store
        """,
        knock=knock,
        where=where,
        low=at_low,
        high=at_high,
        theta={
            "crank nicolson": "",
            "implicit": "",
            "rannacher": f"# Start with two implicit steps (Rannacher smoothing), since the payoff {edge} oscillations\ntheta = wp.where(step < 2, 1.0, 0.5)",
        }[scheme],
        elapsed="# Fraction of the time to expiry\ntime_left = float(step) / float(STEPS)"
        if skew == "term"
        else "",
        half="half_dt = 0.5 * dt" if scheme == "crank nicolson" else "",
        fixed_edges="""
            s_low = s0 * wp.exp(-dx * float(middle))
            s_high = s0 * wp.exp(dx * float(middle))
            """
        if boundary == "fixed" and barrier == "none"
        else {
            "up and out": "s_low = s0 * wp.exp(-dx * float(middle))",
            "down and out": "s_high = s0 * wp.exp(dx * float(middle))",
        }.get(barrier, "")
        if boundary == "fixed"
        else "",
        once=dedented(coefficients) if skew == "constant" else "",
        before=dedented(coefficients) if skew == "term" else "",
        row=dedented(row),
        within=dedented(coefficients) if skew == "local" else "",
        edges={
            "linear": """
                # Linear extrapolation at both ends, from the previous step's values
                low_edge = 2.0 * values[1] - values[2]
                high_edge = 2.0 * values[NODES - 2] - values[NODES - 3]
                """,
            "fixed": f"""
                # Far from the strike, use the discounted payoff of the forward as boundary value
                tau = dt * float(step + 1)
                {low_edge}
                {high_edge}
                """,
        }[boundary],
        vol=vol,
        drift=drift,
        cash="""
            # The spot drops by the dividend, so interpolate values at the ex-dividend price
            if step + 1 == STEPS // 2:
                for j in range(NODES):
                    rhs[j] = values[j]
                for j in range(NODES):
                    ex = s0 * wp.exp(dx * float(j - middle)) - dividend
                    place = wp.log(ex / s0) / dx + float(middle)
                    left = wp.clamp(int(wp.floor(place)), 0, NODES - 2)
                    share = wp.clamp(place - float(left), 0.0, 1.0)
                    values[j] = (1.0 - share) * rhs[left] + share * rhs[left + 1]
            """
        if dividend == "cash"
        else "",
        after="" if exercise == "european" and barrier == "none" else after,
        early=early,
        store={
            "price": "price[option] = values[middle]",
            "delta": "delta[option] = (values[middle + 1] - values[middle - 1]) / (2.0 * dx * s0)",
            "gamma": """
                # d2V/dS2 = (V_xx - V_x) / S^2
                slope = (values[middle + 1] - values[middle - 1]) / (2.0 * dx)
                bend = (values[middle + 1] - 2.0 * values[middle] + values[middle - 1]) / (dx * dx)
                gamma[option] = (bend - slope) / (s0 * s0)
                """,
        }[result],
    )
    d.explain({
        "crank nicolson": "Solves the Black-Scholes PDE in x = ln S using Crank-Nicolson, which is second order in time.",
        "implicit": "Solves the Black-Scholes PDE in x = ln S using implicit Euler steps, which damp oscillations.",
        "rannacher": "Solves the Black-Scholes PDE in x = ln S. `theta` = 1/2 is second order in time, `theta` = 1"
        " damps oscillations.",
    }[scheme] + {
        "constant": "", "local": " Volatility is a power function of the spot.", "term": " Volatility is linear in the time to expiry."
    }[skew])  # fmt: skip
    kind = f"{exercise.capitalize()} {_PLURAL[payoff]}"
    kind += {
        "none": "",
        "yield": " on stocks with a dividend yield",
        "cash": " on stocks that pay a cash dividend",
    }[dividend]
    side = "above" if barrier == "up and out" else "below"
    knocked = f", knocked out {side} a barrier," if barrier != "none" else ""
    d.says(f"Computes the {name} of {kind}{knocked} using finite differences, stepping backward from expiry.")
    claim = _PAYOFFS[payoff][1]

    def solved(v: Values, i: int) -> float:
        s0, k, vol0, t = (float(x[i]) for x in (v.spot, v.strike, v.sigma, v.maturity))
        mid, dt = nodes // 2, t / steps
        dx = 5 * vol0 * np.sqrt(t) / mid
        x = dx * (np.arange(nodes) - mid)
        s = s0 * np.exp(x)
        out = {
            "none": s < 0,
            "up and out": s >= v.get("barrier", 0) * s0,
            "down and out": s <= v.get("barrier", 0) * s0,
        }[barrier]
        u = np.where(out, 0.0, claim(s, k))
        for step in range(steps):
            vol = (
                vol0
                * {
                    "constant": 1.0,
                    "local": np.exp(v.get("elasticity", 0) * x),
                    "term": 1 - v.get("vol_slope", 0) * step / steps,
                }[skew]
                * np.ones(nodes)
            )
            a, b = vol**2 / 2 / dx**2, (v.rate - v.get("dividend_yield", 0) - vol**2 / 2) / 2 / dx
            operator = np.diag(-2 * a - v.rate) + np.diag((a - b)[1:], -1) + np.diag((a + b)[:-1], 1)
            operator[[0, -1]] = 0.0
            theta = {"crank nicolson": 0.5, "implicit": 1.0, "rannacher": 1.0 if step < 2 else 0.5}[scheme]
            right = u + (1 - theta) * dt * operator @ u
            tau = dt * (step + 1)
            right[[0, -1]] = (
                (2 * u[1] - u[2], 2 * u[-2] - u[-3])
                if boundary == "linear"
                else np.where(
                    out[[0, -1]],
                    0.0,
                    claim(s[[0, -1]] * np.exp((v.rate - v.get("dividend_yield", 0)) * tau), k)
                    * np.exp(-v.rate * tau),
                )
            )
            u = np.linalg.solve(np.eye(nodes) - theta * dt * operator, right)
            if dividend == "cash" and step + 1 == steps // 2:
                u = np.interp(np.log((s - v.dividend) / s0), x, u)
            if exercise == "american" or (exercise == "bermudan" and step % 2 == 1):
                u = np.maximum(u, claim(s, k))
            u = np.where(out, 0.0, u)
        slope, bend = (u[mid + 1] - u[mid - 1]) / 2 / dx, (u[mid + 1] - 2 * u[mid] + u[mid - 1]) / dx**2
        return float({"price": u[mid], "delta": slope / s0, "gamma": (bend - slope) / s0**2}[result])

    d.check(lambda v: {name: np.array([solved(v, i) for i in range(n)])}, 2e-2 if result == "gamma" else 3e-3)
