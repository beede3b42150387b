"""Epidemics in populations of several ages."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.medicine import DOMAIN
from warpgen.synthesis.algorithms.medicine._steps import stepped, written
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.trim import trim


@DOMAIN.algorithm(
    source="Keeling & Rohani 2008, ch. 2 and 3; Diekmann, Heesterbeek & Roberts 2010",
    names={
        "spread_disease": "seir_step|epidemic_step|infect_regions",
        "contact": "mixing|contact_matrix|who_meets_whom",
        "beta": "transmission|infectivity|transmission_rate",
        "susceptible": "sus|susceptibles|s_in",
        "dt": "step|h|time_step",
    },
    adjoint="either",
    weight=10,
)
def spread_disease(d: Draft) -> None:
    """Steps epidemics in regions whose children, adults and old people meet at different rates."""
    model = d.option("model", "seir", "sir", "seirs", "hospital")
    method = d.option("method", "classical", "kutta", "heun", "midpoint")
    vaccine = d.flag("vaccine", 0.4)
    season = d.flag("season", 0.35)
    layout = d.option("layout", "vectors", "matrix")
    result = d.option("result", "state", "new cases", "growth")
    d.calls({
        "state": f"{'seir_hospital' if model == 'hospital' else model}_step|epidemic_step|infect_regions",
        "new cases": "count_new_cases|new_infections|count_infections",
        "growth": "epidemic_growth|infection_growth|growth_rates",
    }[result])  # fmt: skip
    count = d.pick(32, 48, 64)
    states = {"sir": ["s", "i", "r"], "hospital": ["s", "e", "i", "h", "r"]}.get(model, ["s", "e", "i", "r"])
    latent = model != "sir"
    d.says({
        "state": "Steps epidemics in regions whose children, adults and old people meet at different rates.",
        "new cases": "Counts who catches a disease within a step, in regions of three ages.",
        "growth": "Computes how fast the infected of regions multiply, from contacts between three ages.",
    }[result])  # fmt: skip
    words = {"s": "susceptible", "e": "exposed", "i": "infectious", "h": "in_hospital", "r": "recovered"}
    ranges = {"s": (0.4, 0.8), "e": (0.01, 0.1), "i": (0.01, 0.1), "h": (0.001, 0.01), "r": (0.1, 0.3)}
    if layout == "vectors":
        for x in states:
            d.input(
                words[x],
                "vec3",
                count,
                *ranges[x],
                about=f"{words[x].replace('_', ' ')} fraction per age group",
            )
        load = "\n".join(f"{x}0 = {words[x]}[tid]" for x in states)
    else:
        d.input(
            "people",
            "vec3",
            (len(states), count),
            0.05,
            0.5,
            about="fraction of people per compartment, region and age group",
        )
        load = "\n".join(f"{x}0 = people[{k}, tid]" for k, x in enumerate(states))
    d.param("contact", "mat33", 0.5, 3.0, about="contacts per day between the age groups")
    d.param("beta", "float", 0.05, 0.2, about="probability of infection per contact")
    if season:
        d.param("day", "float", 0.0, 365.0, about="day of the year")
    if vaccine:
        d.param("doses", "vec3", 0.001, 0.01, about="vaccinated fraction per day and age group")
    d.param("dt", "float", 0.2, 1.0, about="time step [days]")
    alive = " + ".join(f"{x}0" for x in states)
    ready = f"pop = {alive}"
    if season:
        ready += "\n# Contacts peak in winter, hence the yearly cosine\nstrength = beta * (1.0 + 0.2 * wp.cos(2.0 * wp.pi * day / 365.0))"
    strength = "strength" if season else "beta"

    def slopes(stage: str, at: str) -> str:
        lines = (
            []
            if stage != "1"
            else ["# Force of infection: `beta` times the sum over b of C[a, b] I[b] / N[b]"]
        )
        lines += [
            f"force{stage} = {strength} * (contact * wp.cw_div(i{at}, pop))",
            f"caught{stage} = wp.cw_mul(force{stage}, s{at})",
        ]
        ds, dr = f"-caught{stage}", f"K_RECOVER * i{at}"
        di = f"{f'K_ONSET * e{at}' if latent else f'caught{stage}'} - K_RECOVER * i{at}"
        if model == "hospital":
            lines.append(f"worse{stage} = wp.cw_mul(K_HOSPITAL, i{at})")
            di += f" - worse{stage}"
            lines.append(f"dh_{stage} = worse{stage} - K_DISCHARGE * h{at}")
            dr += f" + K_DISCHARGE * h{at}"
        if vaccine:
            lines.append(f"shot{stage} = wp.cw_mul(doses, s{at})")
            ds += f" - shot{stage}"
            dr += f" + shot{stage}"
        if model == "seirs":
            lines.append(f"waned{stage} = K_WANE * r{at}")
            ds += f" + waned{stage}"
            dr += f" - waned{stage}"
        lines.append(f"ds_{stage} = {ds}")
        if latent:
            lines.append(f"de_{stage} = caught{stage} - K_ONSET * e{at}")
        return "\n".join([*lines, f"di_{stage} = {di}", f"dr_{stage} = {dr}"])

    def counting(stage: str, at: str) -> str:
        return slopes(stage, at) + f"\ndcases_{stage} = caught{stage}"

    if result == "new cases":
        body = written([*states, "cases"], counting, method).replace("cases1 = cases0 + ", "cases1 = ")
        body = "\n".join(x for x in body.split("\n") if "cases0" not in x)  # cases do not feed back
        d.output("new_cases", "vec3", count, about="new infections during the step")
        store = "new_cases[tid] = cases1"
    else:
        body = written(states, slopes, method)
        if result == "growth":
            d.output("growth", "float", count, about="growth rate of the infections [1/day]")
            ill = ["e", "i"] if latent else ["i"]
            before, after_ = (" + ".join(f"{x}{k}[{a}]" for x in ill for a in range(3)) for k in "01")
            store = f"was = {before}\nis_now = {after_}\ngrowth[tid] = wp.log(is_now / was) / dt"
        elif layout == "vectors":
            for x in states:
                d.output(
                    f"next_{words[x]}",
                    "vec3",
                    count,
                    about=f"{words[x].replace('_', ' ')} fraction after the step",
                )
            store = "\n".join(f"next_{words[x]}[tid] = {x}1" for x in states)
        else:
            d.output("next_people", "vec3", (len(states), count), about="fraction of people after the step")
            store = "\n".join(f"next_people[{k}, tid] = {x}1" for k, x in enumerate(states))
    d.launch(count)
    d.code("tid = wp.tid()\n$load\n$ready\n$body\n$store", load=load, ready=ready, body=body, store=store)
    trim(d)
    typical = {
        "K_ONSET": "0.25)  # from exposed to infectious [1/day]",
        "K_RECOVER": "0.15)  # recovery [1/day]",
        "K_HOSPITAL": "wp.vec3(0.001, 0.005, 0.03))  # admission to hospital per age group [1/day]",
        "K_DISCHARGE": "0.1)  # discharge from hospital [1/day]",
        "K_WANE": "0.01)  # loss of immunity [1/day]",
    }
    d.module(
        "\n".join(f"{x} = wp.constant({y}" for x, y in typical.items() if re.search(rf"\b{x}\b", d.text))
    )
    d.explain("Rates are per day; the parts of each vector are children, adults and old people.")

    def reference(v: Values) -> dict[str, Any]:
        if layout == "vectors":
            y0 = np.stack([v.get(words[x], np.zeros((count, 3))) for x in states])
        else:
            y0 = np.asarray(v.people)
        pop = y0.sum(axis=0)
        beta = v.beta * (1 + 0.2 * np.cos(2 * np.pi * v.day / 365) if season else 1.0)
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
                move("s", "r", y[0] * np.asarray(v.doses))
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
