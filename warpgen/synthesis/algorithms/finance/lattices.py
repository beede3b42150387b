"""Prices found by working back through a lattice."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.finance import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "s0": "spot|S0|initial_price",
    "strike": "k|K|exercise_price",
    "r": "rate|risk_free_rate|short_rate",
    "vol": "sigma|volatility|annual_vol",
    "dt": "h|step_size|time_step",
    "expiry": "maturity|T|time_to_expiry",
    "df": "discount|disc|discount_factor",
}


@DOMAIN.algorithm(
    source="Cox, Ross & Rubinstein 1979; Jarrow & Rudd 1983; Boyle 1986 (trinomial); Tian 1993",
    names=_NAMES
    | {
        "lattice_price": "tree_price|lattice_option|price_on_lattice",
        "values": "nodes|v|lattice",
        "u": "up|up_factor|rise",
        "down": "dn|down_factor|fall",
        "pu": "p|prob_up|q_up",
        "node": "j|k|level_node",
        "held": "continuation|hold|cont",
    },
    double=True,
    adjoint="no",
)
def lattice_price(d: Draft) -> None:
    """Prices options by working back through a recombining lattice."""
    lattice = d.option("lattice", "crr", "equal probability", "tian", "trinomial")
    american = d.flag("american")
    kind = d.option("kind", "put", "call")
    barrier = d.flag("barrier", 0.3)
    out = d.option("out", "price", "delta")
    scratch = d.option("scratch", "rows", "columns")
    n, steps = d.pick(16, 24, 32), d.pick(8, 12, 16)
    three = lattice == "trinomial"
    width = 2 * steps + 1 if three else steps + 1
    d.input("s0", "float", n, 80.0, 120.0)
    d.input("strike", "float", n, 85.0, 115.0)
    d.param("expiry", "float", 0.5, 2.0)
    d.param("vol", "float", 0.2, 0.4)
    d.param("r", "float", 0.02, 0.06)
    if barrier:
        d.param("barrier", "float", 135.0, 160.0)
    d.param("steps", "int", steps)
    d.inout("values", "float", (n, width) if scratch == "rows" else (width, n), value=0.0)
    d.output("price", "float", n)
    if out == "delta":
        d.output("delta", "float", n)
    at: Any = (lambda j: f"values[tid, {j}]") if scratch == "rows" else (lambda j: f"values[{j}, tid]")
    setup = {
        "crr": "u = wp.exp(vol * wp.sqrt(dt))\ndown = 1.0 / u\npu = (wp.exp(r * dt) - down) / (u - down)",
        "equal probability": (
            "# Jarrow and Rudd: both moves as likely, the drift in the factors\n"
            "centre = (r - 0.5 * vol * vol) * dt\n"
            "u = wp.exp(centre + vol * wp.sqrt(dt))\n"
            "down = wp.exp(centre - vol * wp.sqrt(dt))\n"
            "pu = 0.5"
        ),
        "tian": (
            "# Tian: factors match three moments of the lognormal\n"
            "m = wp.exp(r * dt)\n"
            "v = wp.exp(vol * vol * dt)\n"
            "root = wp.sqrt(v * v + 2.0 * v - 3.0)\n"
            "u = 0.5 * m * v * (v + 1.0 + root)\n"
            "down = 0.5 * m * v * (v + 1.0 - root)\n"
            "pu = (m - down) / (u - down)"
        ),
        "trinomial": (
            "u = wp.exp(vol * wp.sqrt(2.0 * dt))\n"
            "a = wp.exp(0.5 * r * dt)\n"
            "b = wp.exp(vol * wp.sqrt(0.5 * dt))\n"
            "pu = ((a - 1.0 / b) / (b - 1.0 / b)) * ((a - 1.0 / b) / (b - 1.0 / b))\n"
            "pd = ((b - a) / (b - 1.0 / b)) * ((b - a) / (b - 1.0 / b))\n"
            "pm = 1.0 - pu - pd"
        ),
    }[lattice]
    if three:

        def spot(step: str, j: str) -> str:
            return f"s * wp.pow(u, float({j} - {step}))"

        last, count, held = (
            "2 * steps + 1",
            "2 * step + 1",
            f"df * (pd * {at('node')} + pm * {at('node + 1')} + pu * {at('node + 2')})",
        )
    else:

        def spot(step: str, j: str) -> str:
            return f"s * wp.pow(u, float({j})) * wp.pow(down, float({step} - {j}))"

        last, count, held = (
            "steps + 1",
            "step + 1",
            f"df * (pu * {at('node + 1')} + (1.0 - pu) * {at('node')})",
        )
    payoff: Any = (
        (lambda x: f"wp.max(k - {x}, 0.0)") if kind == "put" else (lambda x: f"wp.max({x} - k, 0.0)")
    )
    knocked = f"# knocked out\nif st >= barrier:\n    {at('node')} = 0.0\n    continue" if barrier else ""
    exercise = american or barrier
    inner = f"held = {held}"
    if exercise:
        inner = f"st = {spot('step', 'node')}\n$knocked\n{inner}"
    store = f"{at('node')} = " + (
        f"wp.max(held, {payoff('st')[len('wp.max(') : -len(', 0.0)')]})" if american else "held"
    )
    delta = ""
    if out == "delta":
        top, bottom = ("2", "0") if three else ("1", "0")
        low = "s / u" if three else "s * down"
        delta = (
            "if step == 1:\n"
            "    # the slope between the outer nodes of the first step\n"
            f"    delta[tid] = ({at(top)} - {at(bottom)}) / (s * u - {low})"
        )
    d.launch(n)
    d.code(
        """
        tid = wp.tid()
        s = s0[tid]
        k = strike[tid]
        dt = expiry / float(steps)
        df = wp.exp(-r * dt)
        $setup
        for node in range($last):
            st = $terminal
            $knocked
            $leaf = $payoff
        for back in range(steps):
            step = steps - 1 - back
            for node in range($count):
                $inner
                $store
            $delta
        price[tid] = $root
        """,
        setup=setup,
        last=last,
        terminal=spot("steps", "node"),
        knocked=knocked,
        leaf=at("node"),
        payoff=payoff("st"),
        count=count,
        inner=inner,
        store=store,
        delta=delta,
        root=at("0"),
    )
    style = ("American" if american else "European") + (f" up-and-out {kind}s" if barrier else f" {kind}s")
    d.says(
        f"Prices {style} by working back through a recombining "
        f"{'trinomial' if three else 'binomial'} lattice."
    )

    def reference(v: Values) -> dict[str, Any]:
        dt, sigma, r = v.expiry / steps, v.vol, v.r
        df = np.exp(-r * dt)
        if three:
            u = np.exp(sigma * np.sqrt(2 * dt))
            e, b = np.exp(r * dt / 2), np.exp(sigma * np.sqrt(dt / 2))
            pu, pd = ((e - 1 / b) / (b - 1 / b)) ** 2, ((b - e) / (b - 1 / b)) ** 2
            moves, probs = np.array([1 / u, 1.0, u]), np.array([pd, 1 - pu - pd, pu])
        else:
            if lattice == "crr":
                u = np.exp(sigma * np.sqrt(dt))
                w = 1 / u
            elif lattice == "tian":
                m, q = np.exp(r * dt), np.exp(sigma**2 * dt)
                root = np.sqrt(q * q + 2 * q - 3)
                u, w = 0.5 * m * q * (q + 1 + root), 0.5 * m * q * (q + 1 - root)
            else:
                u, w = np.exp((r - sigma**2 / 2) * dt + sigma * np.sqrt(dt) * np.array([1, -1]))
            p = 0.5 if lattice == "equal probability" else (np.exp(r * dt) - w) / (u - w)
            moves, probs = np.array([w, u]), np.array([1 - p, p])
        sign = -1 if kind == "put" else 1

        def spots(step: int) -> Any:
            j = np.arange(step * (len(moves) - 1) + 1)
            return v.s0[:, None] * moves[0] ** step * (moves[1] / moves[0]) ** j

        def pay(s: Any) -> Any:
            return np.maximum(sign * (s - v.strike[:, None]), 0.0)

        s = spots(steps)
        value = pay(s) * ((s < v.barrier) if barrier else 1.0)
        found = {}
        full = value.copy()
        for step in range(steps - 1, -1, -1):
            value = df * sum(q * value[:, i : i + step * (len(moves) - 1) + 1] for i, q in enumerate(probs))
            s = spots(step)
            if american:
                value = np.maximum(value, pay(s))
            if barrier:
                value = value * (s < v.barrier)
            full[:, : value.shape[1]] = value
            if step == 1 and out == "delta":
                found["delta"] = (value[:, -1] - value[:, 0]) / (s[:, -1] - s[:, 0])
        found |= {"price": value[:, 0], "values": full if scratch == "rows" else full.T}
        return found

    d.check(reference, 3e-3)
