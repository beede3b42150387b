"""Epidemics in populations of several ages."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.medicine import DOMAIN
from warpgen.synthesis.algorithms.medicine._steps import STEPS, stepped, written
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Keeling & Rohani 2008, ch. 2 and 3; Diekmann, Heesterbeek & Roberts 2010",
    names={
        "spread_disease": "seir_step|epidemic_step|infect_regions",
        "contact": "mixing|contact_matrix|who_meets_whom",
        "beta": "transmission|infectivity|transmission_rate",
        "dt": "step|h|time_step",
    },
    adjoint="either",
    element="region",
    weight=13,
)
def spread_disease(d: Draft) -> None:
    """Simulates regional epidemics with age-structured contact rates."""
    model = d.option("model", "seir", "sir", "seirs", "hospital")
    method = d.option("method", "classical", "kutta", "heun", "midpoint")
    vaccine = d.flag("vaccine", 0.4)
    season = d.flag("season", 0.35)
    layout = d.option("layout", "vectors", "matrix")
    if model == "hospital":
        layout = "vectors"  # far fewer people are in hospital than in any other compartment
    result = d.option("result", "state", "new cases", "growth")
    d.calls({
        "state": f"{'seir_hospital' if model == 'hospital' else model}_step|epidemic_step|infect_regions",
        "new cases": "count_new_cases|new_infections|count_infections",
        "growth": "epidemic_growth|infection_growth|growth_rates",
    }[result])  # fmt: skip
    count = d.pick(32, 48, 64)
    states = {"sir": ["s", "i", "r"], "hospital": ["s", "e", "i", "h", "r"]}.get(model, ["s", "e", "i", "r"])
    latent = model != "sir"
    shape = {"sir": "SIR", "seir": "SEIR", "seirs": "SEIRS", "hospital": "SEIR"}[model] + " model"
    added = [*["hospitals"] * (model == "hospital"), *["vaccination"] * vaccine, *["seasons"] * season]
    shape += f" with {' and '.join([', '.join(added[:-1])] * bool(added[1:]) + added[-1:])}" if added else ""
    d.says({
        "state": f"Advances age-structured regional epidemics {STEPS[method]} for the {shape}.",
        "new cases": f"Counts new infections per region and age group during one step {STEPS[method]} for the {shape}.",
        "growth": f"Computes the per-region infection growth rate over one step {STEPS[method]} for the {shape}.",
    }[result])  # fmt: skip
    words = {"s": "susceptible", "e": "exposed", "i": "infectious", "h": "in_hospital", "r": "recovered"}
    people = {x: "people in hospital" if x == "h" else f"{word} people" for x, word in words.items()}
    ranges = {"s": (0.4, 0.8), "e": (0.01, 0.1), "i": (0.01, 0.1), "h": (0.001, 0.01), "r": (0.1, 0.3)}
    if layout == "vectors":
        for x in states:
            about = f"{people[x]} per age group [thousands]"
            d.input(words[x], "vec3", count, *ranges[x], about=about)
        load = [f"{words[x]}[tid]" for x in states]
    else:
        about = "people per compartment, region and age group [thousands]"
        d.input("people", "vec3", (len(states), count), 0.05, 0.5, about=about)
        load = [f"people[{k}, tid]" for k in range(len(states))]
    d.param(
        "contact",
        "mat33",
        0.5,
        3.0,
        about="contact matrix, daily contacts per person between age groups (row with column)",
    )
    d.param("beta", "float", 0.05, 0.2, about="infection probability per contact")
    if season:
        d.param("day", "float", 0.0, 365.0, about="day of the year at the start of the step")
        d.param("amplitude", "float", 0.1, 0.3, about="relative seasonal amplitude")
    if vaccine:
        d.param(
            "vaccination_rates",
            "vec3",
            0.001,
            0.01,
            about="vaccination rate of susceptibles per age group [1/day]",
        )
    d.param("dt", "float", 0.2, 1.0, about="time step [days]")
    counts = result == "new cases"
    rows = len(states) + counts
    kind = "wp.mat33" if rows == 3 else f"mat{rows}3"
    typical = {
        "K_ONSET": "0.25)  # exposed-to-infectious rate [1/day]",
        "K_RECOVER": "0.15)  # recovery rate [1/day]",
        "K_HOSPITAL": "wp.vec3(0.001, 0.005, 0.03))  # hospital admission rate per age group [1/day]",
        "K_DISCHARGE": "0.1)  # hospital discharge rate [1/day]",
        "K_WANE": "0.01)  # immunity waning rate [1/day]",
    }
    rates = _rates(states, model, vaccine, counts)
    d.module("\n".join(f"{x} = wp.constant({y}" for x, y in typical.items() if re.search(rf"\b{x}\b", rates)))
    if rows != 3:
        d.module(f"{kind} = wp.types.matrix(shape=({rows}, 3), dtype=float)")
    heads = "pop: wp.vec3, contact: wp.mat33, beta: float" + (
        ", vaccination_rates: wp.vec3" if vaccine else ""
    )
    d.function(
        f"@wp.func\ndef epidemic_rates(y: {kind}, {heads}) -> {kind}:\n"
        f'    """Compute the compartment time derivatives{", with new cases in the last row" if counts else ""}."""\n'
        "    $rates",
        rates=rates,
    )
    begin = f"pop = {' + '.join(f'y[{k}]' for k in range(len(states)))}"
    strength = "seasonal_beta" if season else "beta"
    if season:
        begin += "\n# Seasonal forcing peaks in winter; its mid-step value serves the whole step\n"
        begin += "seasonal_beta = beta * (1.0 + amplitude * wp.cos(2.0 * wp.pi * (day + 0.5 * dt) / 365.0))"
    ill = " + ".join(f"y[{states.index(x)}]" for x in (["e", "i"] if latent else ["i"]))
    if result == "growth":
        whom = "exposed and infectious people" if latent else "infectious people"
        begin += f"\nbefore = {ill}"
        d.output("growth", "float", count, about=f"mean growth rate of {whom} over the step [1/day]")
        total = "{0}[0] + {0}[1] + {0}[2]"
        store = f"after = {ill}\nratio = ({total.format('after')}) / ({total.format('before')})\n"
        store += "growth[tid] = wp.log(ratio) / dt"
    elif counts:
        d.output("new_cases", "vec3", count, about="new infections during the step per age group [thousands]")
        store = f"new_cases[tid] = y[{rows - 1}]"
    elif layout == "vectors":
        for x in states:
            about = f"updated {people[x]} [thousands]"
            d.output(f"next_{words[x]}", "vec3", count, about=about)
        store = "\n".join(f"next_{words[x]}[tid] = y[{k}]" for k, x in enumerate(states))
    else:
        d.output(
            "next_people",
            "vec3",
            (len(states), count),
            about="updated population per compartment, region and age group [thousands]",
        )
        store = f"for k in range({len(states)}):\n    next_people[k, tid] = y[k]"
    d.launch(count)
    d.code(
        "tid = wp.tid()\n$load\n$begin\n$body\n$store",
        load=f"y = wp.matrix_from_rows({', '.join([*load, *(['wp.vec3()'] if counts else [])])})",
        begin=begin,
        body=written(
            f"epidemic_rates({{}}, pop, contact, {strength}{', vaccination_rates' if vaccine else ''})",
            method,
        ),
        store=store,
    )
    named = ", ".join([words[x].replace("_", " ") for x in states] + (["new cases"] if counts else []))
    d.explain(f"Rates are per day. Rows of y: {named}; columns: children, adults, elderly.")

    def reference(v: Values) -> dict[str, Any]:
        if layout == "vectors":
            y0 = np.stack([v.get(words[x], np.zeros((count, 3))) for x in states])
        else:
            y0 = np.asarray(v.people)
        pop = y0.sum(axis=0)
        beta = v.beta * (1 + v.amplitude * np.cos(2 * np.pi * (v.day + 0.5 * v.dt) / 365) if season else 1.0)
        k = {x: n for n, x in enumerate(states)}

        def whole(y: Any) -> Any:
            caught = beta * y[0] * ((y[k["i"]] / pop) @ np.asarray(v.contact).T)
            made = np.zeros_like(y)
            made[-1] = caught  # counted beside the state

            def move(a: str, b: str, amount: Any) -> None:
                made[k[a]] -= amount
                made[k[b]] += amount

            move("s", "e" if latent else "i", caught)
            if latent:
                move("e", "i", 0.25 * y[k["e"]])
            move("i", "r", 0.15 * y[k["i"]])
            if model == "hospital":
                move("i", "h", y[k["i"]] * [0.001, 0.005, 0.03])
                move("h", "r", 0.1 * y[k["h"]])
            if vaccine:
                move("s", "r", y[0] * np.asarray(v.vaccination_rates))
            if model == "seirs":
                move("r", "s", 0.01 * y[k["r"]])
            return made

        after = stepped(whole, np.concatenate([y0, 0 * y0[:1]]), v.dt, method)
        if result == "new cases":
            return {"new_cases": after[-1]}
        if result == "growth":
            ill = [k[x] for x in (["e", "i"] if latent else ["i"])]
            return {"growth": np.log(after[ill].sum(axis=(0, 2)) / y0[ill].sum(axis=(0, 2))) / v.dt}
        if layout == "vectors":
            return {f"next_{words[x]}": after[k[x]] for x in states}
        return {"next_people": after[:-1]}

    d.check(reference, 1e-3)


def _rates(states: list[str], model: str, vaccine: bool, counts: bool) -> str:
    """The body of the function of rates: a row for each of the states, and one of new cases if they count."""
    at = {x: f"y[{k}]" for k, x in enumerate(states)}
    latent = "e" in at
    lines = [
        f"s = {at['s']}",
        f"i = {at['i']}",
        "# Force of infection: `beta` * sum_b C[a, b] I[b] / N[b]",
        "force = beta * (contact * wp.cw_div(i, pop))",
        "caught = wp.cw_mul(force, s)",
        "recovered = K_RECOVER * i",
    ]
    rows = {
        "s": "-caught",
        "e": "caught - onset",
        "i": f"{'onset' if latent else 'caught'} - recovered",
        "r": "recovered",
    }
    if latent:
        lines.append(f"onset = K_ONSET * {at['e']}")
    if model == "hospital":
        lines += ["admitted = wp.cw_mul(K_HOSPITAL, i)", f"discharged = K_DISCHARGE * {at['h']}"]
        rows |= {"i": f"{rows['i']} - admitted", "h": "admitted - discharged", "r": "recovered + discharged"}
    if vaccine:
        lines.append("vaccinated = wp.cw_mul(vaccination_rates, s)")
        rows |= {"s": f"{rows['s']} - vaccinated", "r": f"{rows['r']} + vaccinated"}
    if model == "seirs":
        lines.append(f"waned = K_WANE * {at['r']}")
        rows |= {"s": f"{rows['s']} + waned", "r": f"{rows['r']} - waned"}
    made = [rows[x] for x in states] + (["caught"] if counts else [])
    return "\n".join([*lines, f"return wp.matrix_from_rows({', '.join(made)})"])
