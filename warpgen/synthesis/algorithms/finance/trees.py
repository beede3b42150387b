"""Lattices and grids on which options are priced backwards in time."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.finance import DOMAIN
from warpgen.synthesis.algorithms.finance._closed_form import NAMES
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = NAMES | {
    "values": "tree|lattice|nodes|option_values",
    "steps": "num_steps|n_steps|depth",
    "p": "prob|risk_neutral_p",
    "hold": "continuation|cont",
    "level": "tree_level|step",
}
_PAYOFFS: dict[str, tuple[str, str, Any]] = {
    "call": ("wp.max({s} - k, 0.0)", "{s} - k", lambda s, k: np.maximum(s - k, 0.0)),
    "put": ("wp.max(k - {s}, 0.0)", "k - {s}", lambda s, k: np.maximum(k - s, 0.0)),
    "straddle": ("wp.abs({s} - k)", "wp.abs({s} - k)", lambda s, k: np.abs(s - k)),
}  # what is paid at expiry, and at an exercise that one may leave


def _scratch(d: Draft, storage: str, count: int, steps: int, width: int, spelled: str) -> tuple[str, str]:
    """The place of a thread's nodes, `width` or as `spelled`: what makes it, and how a node is reached."""
    if storage == "local":
        d.module(f"STEPS = wp.constant({steps})\nNODES = wp.constant({spelled})  # at expiry")
        return "values = wp.zeros(shape=(NODES,), dtype=float)", "values[{}]"
    if storage == "flat":
        d.output("values", "float", count * width, about="scratch storage for tree nodes")
        return f"base = tid * ({spelled})", "values[base + {}]"
    d.output("values", "float", (count, width), about="scratch storage for tree nodes")
    return "", "values[tid, {}]"


def _backward(first: Any, nodes: list[Any], weights: tuple[Any, ...], exercise: Any, steps: int) -> Any:
    """Roll values back; `nodes[level]` are spots, `exercise(level, s)` what an exercise pays, or None."""
    rows = first.copy()
    kept = first.copy()
    for level in range(steps - 1, -1, -1):
        width = nodes[level].shape[1]
        rolled = sum(w * rows[:, i : i + width] for i, w in enumerate(weights))
        paid = exercise(level, nodes[level])
        rows = rolled if paid is None else np.maximum(rolled, paid)
        kept[:, :width] = rows
    return kept


@DOMAIN.algorithm(
    source="Cox, Ross & Rubinstein 1979; Jarrow & Rudd 1983; Tian 1993",
    names=_NAMES | {"binomial_tree": "binomial_price|binomial_option|price_on_lattice"},
    double=True,
    adjoint="no",
    weight=5,
)
def binomial_tree(d: Draft) -> None:
    """Prices options on a binomial tree using backward induction."""
    scheme = d.option("scheme", "crr", "jarrow rudd", "tian")
    style = d.option("style", "european", "american", "bermudan")
    kind = d.option("kind", *_PAYOFFS)
    storage = d.option("storage", "rows", "flat", "local")
    own = d.option("own", "spot", "strike", "both")
    paid, early, payoff = _PAYOFFS[kind]
    steps, count = d.pick(12, 16, 20, 24), d.pick(32, 48, 64)
    yields = kind == "call" and style != "european"  # without dividends nobody exercises a call early
    d.says(
        f"Prices {style.capitalize()} {kind}s{' on stocks with dividends' * yields} on a binomial tree "
        "using backward induction."
    )
    if own != "strike":
        d.input("spot", "float", count, 80.0, 120.0, about="underlying spot price")
    else:
        d.param("spot", "float", 95.0, 105.0, about="underlying spot price")
    if own != "spot":
        d.input("strike", "float", count, 80.0, 120.0, about="strike price")
    else:
        d.param("strike", "float", 95.0, 105.0, about="strike price")
    d.param("expiry", "float", 0.5, 1.5, about="time to expiry in years")
    d.param("sigma", "float", 0.2, 0.4, about="annualized volatility")
    d.param("r", "float", 0.02, 0.06, about="risk-free rate, continuously compounded")
    if yields:
        d.param("q", "float", 0.02, 0.06, about="dividend yield")
    carry = "(r - q)" if yields else "r"
    count_of = "STEPS" if storage == "local" else "steps"
    if storage != "local":
        d.param("steps", "int", steps, about="number of time steps")
    make, node = _scratch(d, storage, count, steps, steps + 1, f"{count_of} + 1")
    d.output("price", "float", count, about="option value today")
    factors = {
        "crr": f"""
        # CRR: up * down = 1, so the tree recombines at the spot
        up = wp.exp(sigma * wp.sqrt(dt))
        down = 1.0 / up
        p = (wp.exp({carry} * dt) - down) / (up - down)
        """,
        "jarrow rudd": f"""
        # Jarrow-Rudd: equal probabilities, drift included in the up/down factors
        drift = ({carry.strip("()")} - 0.5 * sigma * sigma) * dt
        up = wp.exp(drift + sigma * wp.sqrt(dt))
        down = wp.exp(drift - sigma * wp.sqrt(dt))
        """,
        "tian": f"""
        # Tian: matches the first three moments of the lognormal distribution
        m = wp.exp({carry} * dt)
        w = wp.exp(sigma * sigma * dt)
        root = wp.sqrt(w * w + 2.0 * w - 3.0)
        up = 0.5 * m * w * (w + 1.0 + root)
        down = 0.5 * m * w * (w + 1.0 - root)
        p = (m - down) / (up - down)
        """,
    }[scheme]
    every = d.pick(3, 4) if style == "bermudan" else 1
    d.launch(count)
    spots = "s = {} * wp.pow(down, float(level))".format("spot[tid]" if own != "strike" else "spot")
    here = node.format("i")
    rolled = f"p_up * {node.format('i + 1')} + p_down * {here}"
    weigh = "p_up = df * p\np_down = df * (1.0 - p)"
    if scheme == "jarrow rudd":
        rolled, weigh = f"half_df * ({node.format('i + 1')} + {here})", ""
    if own == "spot":
        paid, early = paid.replace("k", "strike"), early.replace("k", "strike")
    if style == "european":
        inner = f"for i in range(level + 1):\n    {here} = {rolled}"
    elif style == "american":
        inner = f"""
        {spots}
        for i in range(level + 1):
            hold = {rolled}
            {here} = wp.max(hold, {early.format(s="s")})
            s *= ratio
        """
    else:
        inner = f"""
        {spots}
        for i in range(level + 1):
            {here} = {rolled}
            # Exercise only every {every} steps
            if level % {every} == 0:
                {here} = wp.max({here}, {early.format(s="s")})
            s *= ratio
        """
    d.code(
        f"""
        tid = wp.tid()
        $strike
        dt = expiry / float({count_of})
        $factors
        ratio = up / down
        {"half_df = 0.5 * wp.exp(-r * dt)" if scheme == "jarrow rudd" else "df = wp.exp(-r * dt)"}
        $weigh
        $make
        s_T = {"spot[tid]" if own != "strike" else "spot"} * wp.pow(down, float({count_of}))
        for i in range({count_of} + 1):
            {here} = {paid.format(s="s_T")}
            s_T *= ratio
        for n in range({count_of}):
            level = {count_of} - 1 - n
            $inner
        price[tid] = {node.format("0").replace("base + 0", "base")}
        """,
        strike="k = strike[tid]" if own != "spot" else "",
        factors=factors,
        weigh=weigh,
        make=make,
        inner=inner,
    )
    d.explain("""
        Node i of a level has seen i up-moves. Values are rolled back in place, starting from the lowest
        node, so that each node only overwrites data that is no longer needed.
    """)

    def reference(v: Values) -> dict[str, Any]:
        dt = v.expiry / steps
        grows = v.r - v.get("q", 0.0)
        if scheme == "crr":
            u = np.exp(v.sigma * np.sqrt(dt))
            dn = 1 / u
        elif scheme == "jarrow rudd":
            u, dn = (np.exp((grows - v.sigma**2 / 2) * dt + x * v.sigma * np.sqrt(dt)) for x in (1, -1))
        else:
            m, w = np.exp(grows * dt), np.exp(v.sigma**2 * dt)
            u, dn = (0.5 * m * w * (w + 1 + x * np.sqrt(w * w + 2 * w - 3)) for x in (1, -1))
        p = 0.5 if scheme == "jarrow rudd" else (np.exp(grows * dt) - dn) / (u - dn)
        spot = np.broadcast_to(v.spot, count)[:, None]
        k = np.broadcast_to(v.strike, count)[:, None]
        nodes = [spot * u ** np.arange(n + 1) * dn ** (n - np.arange(n + 1)) for n in range(steps + 1)]
        df = np.exp(-v.r * dt)

        def exercise(level: int, s: Any) -> Any:
            if style == "european" or level % every:
                return None
            return {"call": s - k, "put": k - s, "straddle": np.abs(s - k)}[kind]

        kept = _backward(payoff(nodes[-1], k), nodes, (df * (1 - p), df * p), exercise, steps)
        made = {"price": kept[:, 0]}
        if storage != "local":
            made["values"] = kept.ravel() if storage == "flat" else kept
        return made

    d.check(reference, 1e-3)


@DOMAIN.algorithm(
    source="Boyle 1986; Kamrad & Ritchken 1991; Hull 2018, sec. 21.4",
    names=_NAMES | {"trinomial_tree": "trinomial_option|trinomial_lattice|price_trinomial"},
    double=True,
    adjoint="no",
    weight=2,
)
def trinomial_tree(d: Draft) -> None:
    """Prices options on a trinomial tree in log-spot."""
    spacing = d.option("spacing", "hull", "boyle", "given")
    style = d.option("style", "european", "american", "knock-out")
    kind = d.option("kind", "call", "put", "straddle")
    storage = d.option("storage", "rows", "flat", "local")
    nodes_ = d.option("nodes", "recurrence", "exponential")
    paid, early, payoff = _PAYOFFS[kind]
    steps, count = d.pick(8, 10, 12), d.pick(32, 48, 64)
    name = f"up-and-out {kind}s" if style == "knock-out" else f"{style.capitalize()} {kind}s"
    yields = kind == "call" and style == "american"  # without dividends nobody exercises a call early
    d.says(f"Prices {name}{' on stocks with dividends' * yields} on a log-spot trinomial tree.")
    d.input("spot", "float", count, 85.0, 115.0, about="underlying spot price")
    d.input("strike", "float", count, 85.0, 115.0, about="strike price")
    if style == "knock-out":
        d.param("barrier", "float", 128.0, 140.0, about="barrier level")
    d.param("expiry", "float", 0.5, 1.5, about="time to expiry in years")
    d.param("sigma", "float", 0.2, 0.4, about="annualized volatility")
    d.param("r", "float", 0.02, 0.06, about="risk-free rate, continuously compounded")
    if yields:
        d.param("q", "float", 0.02, 0.06, about="dividend yield")
    count_of = "STEPS" if storage == "local" else "steps"
    if storage != "local":
        d.param("steps", "int", steps, about="number of time steps")
    if spacing == "given":
        d.param("stretch", "float", 1.1, 1.5, about="node spacing in per-step standard deviations")
    make, node = _scratch(d, storage, count, steps, 2 * steps + 1, f"2 * {count_of} + 1")
    d.output("price", "float", count, about="option value today")
    stretch = {"hull": "wp.sqrt(3.0 * dt)", "boyle": "wp.sqrt(2.0 * dt)", "given": "stretch * wp.sqrt(dt)"}[
        spacing
    ]
    s_i = "spot[tid] * wp.exp(float(i - level) * dx)"
    here = node.format("i")
    rolled = f"p_up * {node.format('i + 2')} + p_mid * {node.format('i + 1')} + p_down * {here}"
    if style == "european":
        inner = f"for i in range(2 * level + 1):\n    {here} = {rolled}"
        blocks = {}
    else:
        first, later = "", ""
        price_node = f"s = {s_i}"
        if nodes_ == "recurrence":
            first = "s = spot[tid] * wp.exp(-float(level) * dx)"
            price_node, later = "", "s *= ratio"
        if style == "american":
            store = f"hold = {rolled}\n{here} = wp.max(hold, {early.format(s='s')})"
        else:
            store = f"hold = {rolled}\n{here} = hold if s < barrier else 0.0"
        inner = "$first\nfor i in range(2 * level + 1):\n    $price_node\n    $store\n    $later"
        blocks = {"first": first, "price_node": price_node, "store": store, "later": later}
    start = f"{here} = {paid.format(s='s_T')}"
    if style == "knock-out":
        start = f"{here} = {paid.format(s='s_T')} if s_T < barrier else 0.0"
    ratio = nodes_ == "recurrence"
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        k = strike[tid]
        dt = expiry / float($steps)
        dx = sigma * $stretch
        $ratio
        # Match the mean and variance of the log return over one step, in units of dx
        mean = ($carry - 0.5 * sigma * sigma) * dt / dx
        square = sigma * sigma * dt / (dx * dx) + mean * mean
        df = wp.exp(-r * dt)
        p_up = df * 0.5 * (square + mean)
        p_mid = df * (1.0 - square)
        p_down = df * 0.5 * (square - mean)
        $make
        $lowest
        for i in range(2 * $steps + 1):
            $s_T
            $start
            $climb
        for n in range($steps):
            level = $steps - 1 - n
            $inner
        price[tid] = $root
        """,
        stretch=stretch,
        carry="r - q" if yields else "r",
        steps=count_of,
        ratio="ratio = wp.exp(dx)" if ratio else "",
        make=make,
        lowest=f"s_T = spot[tid] * wp.exp(-float({count_of}) * dx)" if ratio else "",
        s_T="" if ratio else f"s_T = spot[tid] * wp.exp(float(i - {count_of}) * dx)",
        start=start,
        climb="s_T *= ratio" if ratio else "",
        inner=inner,
        **blocks,
        root=node.format("0").replace("base + 0", "base"),
    )
    d.explain(f"""
        Node i of level n lies at log S + (i - n) dx. The spacing dx is sqrt({3 if spacing == "hull" else 2}) per-step standard
        deviations, which keeps all three probabilities positive.
    """ if spacing != "given" else """
        Node i of level n lies at log S + (i - n) dx. Use a stretch above one to keep all three probabilities
        positive.
    """)  # fmt: skip

    def reference(v: Values) -> dict[str, Any]:
        dt = v.expiry / steps
        factor = {"hull": 3**0.5, "boyle": 2**0.5, "given": v.get("stretch", 0.0)}[spacing]
        dx = v.sigma * np.sqrt(dt) * factor
        mean = (v.r - v.get("q", 0.0) - v.sigma**2 / 2) * dt
        square = (v.sigma**2 * dt + mean**2) / dx**2
        df = np.exp(-v.r * dt)
        up, down = df * (square + mean / dx) / 2, df * (square - mean / dx) / 2
        weights = (down, df - up - down, up)
        k = v.strike[:, None]
        levels = [v.spot[:, None] * np.exp(np.arange(-n, n + 1) * dx) for n in range(steps + 1)]
        if style == "knock-out":
            rows = payoff(levels[-1], k) * (levels[-1] < v.barrier)
            kept = rows.copy()
            for level in range(steps - 1, -1, -1):
                width = 2 * level + 1
                rows = sum(w * rows[:, i : i + width] for i, w in enumerate(weights))
                rows = rows * (levels[level] < v.barrier)
                kept[:, :width] = rows
        else:

            def exercise(_: int, s: Any) -> Any:
                if style == "european":
                    return None
                return {"call": s - k, "put": k - s, "straddle": np.abs(s - k)}[kind]

            kept = _backward(payoff(levels[-1], k), levels, weights, exercise, steps)
        made = {"price": kept[:, 0]}
        if storage != "local":
            made["values"] = kept.ravel() if storage == "flat" else kept
        return made

    d.check(reference, 1e-3)
