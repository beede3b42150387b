"""Tails of the losses of portfolios."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.finance import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Artzner et al. 1999; Rockafellar & Uryasev 2000; Jorion 2007, ch. 5",
    names={
        "p": "portfolio|port|account",
        "returns": "rets|gains",
        "losses": "loss|scenarios|pnl_losses",
        "var": "quantile_loss|var_p",
        "tail": "k_tail|tail_count|n_tail",
        "rank": "above|order|place",
    },
    double=True,
    adjoint="no",
)
def tail_risk(d: Draft) -> None:
    """Computes tail risk measures of portfolio losses over scenarios."""
    method = d.option("method", "sorted", "ranks", "worst list", "normal", "cornish fisher")
    result = d.option("result", "var", "shortfall", "both")
    layout = d.option("layout", "rows", "columns")
    sign = d.option("sign", "losses", "returns")
    historical = method in ("sorted", "ranks", "worst list")
    if method == "cornish fisher":
        result = "var"
    d.calls(
        {
            "var": "value_at_risk|portfolio_var|compute_var",
            "shortfall": "expected_shortfall|conditional_var|compute_shortfall",
            "both": "tail_risk|loss_tail|portfolio_tail",
        }[result]
    )
    count, scenarios = d.pick(24, 32, 48), d.pick(30, 40, 50)
    name = {
        "var": "portfolio value at risk",
        "shortfall": "portfolio expected shortfall",
        "both": "portfolio value at risk and expected shortfall",
    }[result]
    how = {
        "normal": "assuming normally distributed losses",
        "cornish fisher": "using the Cornish-Fisher expansion",
    }.get(method, "using historical simulation")
    d.says(f"Computes {name} {how}.")
    shape = (count, scenarios) if layout == "rows" else (scenarios, count)
    if method == "sorted":
        d.inout("losses", "float", shape, -4.0, 3.0, about="losses per scenario, sorted in place")
        sign = "losses"
    else:
        d.input(
            sign,
            "float",
            shape,
            *((-4.0, 3.0) if sign == "losses" else (-3.0, 4.0)),
            about=f"{sign} per scenario",
        )
    source = "losses" if sign == "losses" else "returns"
    minus = "" if sign == "losses" else "-"
    if historical:
        d.param("tail", "int", d.pick(3, 4, 5), about="number of scenarios in the tail")
    else:
        d.param("z", "float", 1.6, 2.4, about="standard normal quantile at the confidence level")
    if result != "shortfall":
        d.output("var", "float", count, about="value at risk")
    if result != "var":
        d.output("shortfall", "float", count, about="expected shortfall")

    def at(i: str) -> str:
        return f"{source}[p, {i}]" if layout == "rows" else f"{source}[{i}, p]"

    n = f"{source}.shape[{1 if layout == 'rows' else 0}]"
    wants_mean = result != "var"
    if method == "sorted":
        body = f"""
        # Insertion sort in descending order
        for i in range(1, {n}):
            loss = {at("i")}
            j = int(i)
            while j > 0 and {at("j - 1")} < loss:
                {at("j")} = {at("j - 1")}
                j -= 1
            {at("j")} = loss
        """
        stores = f"var[p] = {at('tail - 1')}" if result != "shortfall" else ""
        if wants_mean:
            stores += f"\ntail_sum = float(0.0)\nfor i in range(tail):\n    tail_sum += {at('i')}\n"
            stores += "shortfall[p] = tail_sum / float(tail)"
    elif method == "ranks":
        worse = ">" if sign == "losses" else "<"
        quantile = f"if rank == tail - 1:\n    var[p] = {minus}{at('i')}" if result != "shortfall" else ""
        add = f"if rank < tail:\n    tail_sum += {minus}{at('i')}" if wants_mean else ""
        body = f"""
        $tail_sum
        for i in range({n}):
            rank = int(0)
            for j in range({n}):
                # Break ties by index so that ranks are unique
                if {at("j")} {worse} {at("i")} or ({at("j")} == {at("i")} and j < i):
                    rank += 1
            $quantile
            $add
        """
        stores = "shortfall[p] = tail_sum / float(tail)" if wants_mean else ""
    elif method == "worst list":
        quantile = add = ""
        body = f"""
        # Select the next largest loss in each pass, breaking ties by index
        last = float(1.0e30)
        last_index = int(-1)
        $tail_sum
        for number in range(tail):
            next_worst = float(-1.0e30)
            next_index = int(0)
            for i in range({n}):
                loss = {minus}{at("i")}
                if loss > next_worst and (loss < last or (loss == last and i > last_index)):
                    next_worst = loss
                    next_index = i
            last = next_worst
            last_index = next_index
            $sum
        """
        stores = "var[p] = last" if result != "shortfall" else ""
        stores += "\nshortfall[p] = tail_sum / float(tail)" if wants_mean else ""
    else:
        body = f"""
        mean = float(0.0)
        for i in range({n}):
            mean {"-=" if minus else "+="} {at("i")}
        mean /= float({n})
        m2 = float(0.0)
        $m3
        for i in range({n}):
            dev = {minus}{at("i")} - mean
            m2 += dev * dev
            $moments
        sd = wp.sqrt(m2 / float({n}))
        """
        if method == "normal":
            stores = "var[p] = mean + z * sd\n" if result != "shortfall" else ""
            if wants_mean:
                stores += """
# Expected shortfall of a normal variable: pdf(z) / (1 - cdf(z))
density = wp.exp(-0.5 * z * z) / wp.sqrt(2.0 * wp.pi)
shortfall[p] = mean + sd * density / (0.5 * wp.erfc(z / wp.sqrt(2.0)))"""
        else:
            stores = f"""
            cube = sd * sd * sd
            skew = m3 / (float({n}) * cube)
            excess = m4 / (float({n}) * cube * sd) - 3.0
            # Cornish-Fisher expansion of the quantile
            q = z + (z * z - 1.0) * skew / 6.0 + (z * z * z - 3.0 * z) * excess / 24.0
            q -= (2.0 * z * z * z - 5.0 * z) * skew * skew / 36.0
            var[p] = mean + q * sd
            """
    d.launch(count)
    d.code(
        "p = wp.tid()\n$body\n$stores",
        body=body,
        stores=stores,
        tail_sum="tail_sum = float(0.0)" if wants_mean else "",
        quantile=quantile if method == "ranks" else "",
        add=add if method == "ranks" else "",
        sum="tail_sum += last" if wants_mean else "",
        m3="m3 = float(0.0)\nm4 = float(0.0)" if method == "cornish fisher" else "",
        moments="m3 += dev * dev * dev\nm4 += dev * dev * dev * dev" if method == "cornish fisher" else "",
    )
    if historical:
        d.explain({
            "var": "VaR is the smallest of the `tail` worst losses.",
            "shortfall": "Expected shortfall is the mean of the `tail` worst losses.",
            "both": "VaR is the smallest of the `tail` worst losses, expected shortfall their mean.",
        }[result] + (" Losses are sorted in place." if method == "sorted" else ""))  # fmt: skip
    else:
        d.explain("`z` is the standard normal quantile at the confidence level, e.g. 1.645 for 95%.")

    def reference(v: Values) -> dict[str, Any]:
        x = v[source] if layout == "rows" else v[source].T
        x = x if sign == "losses" else -x
        ordered = -np.sort(-x, axis=1)
        if historical:
            made = {"var": ordered[:, v.tail - 1], "shortfall": ordered[:, : v.tail].mean(axis=1)}
        else:
            mean, sd = x.mean(axis=1), x.std(axis=1)
            s, z = (x - mean[:, None]) / sd[:, None], v.z
            skew, excess = (s**3).mean(axis=1), (s**4).mean(axis=1) - 3
            q = z + (z**2 - 1) * skew / 6 + (z**3 - 3 * z) * excess / 24 - (2 * z**3 - 5 * z) * skew**2 / 36
            grid = np.linspace(z, z + 12, 40001)
            beyond = np.exp(-(grid**2) / 2)
            tail_mean = (grid * beyond).sum() / beyond.sum()
            made = {
                "var": mean + (q if method == "cornish fisher" else z) * sd,
                "shortfall": mean + tail_mean * sd,
            }
        found = {key: made[key] for key in ("var", "shortfall") if result in (key, "both")}
        if method == "sorted":
            found["losses"] = ordered if layout == "rows" else ordered.T
        return found

    d.check(reference, 2e-3)
