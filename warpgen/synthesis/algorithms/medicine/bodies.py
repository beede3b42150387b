"""Drugs and sugar in the body."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.medicine import DOMAIN
from warpgen.synthesis.algorithms.medicine._steps import STEPS, stepped, vector, written
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import Piece, piece


@DOMAIN.algorithm(
    source="Gabrielsson & Weiner 2016, ch. 2; Sheiner et al. 1979",
    names={
        "dose_patients": "pharmacokinetics|pk_step|advance_drug",
        "amounts": "state|drug|compartments",
        "infusion": "input_rate|pump|r_in",
        "weight": "body_mass|kg|mass",
        "clearance": "drug_clearance|total_clearance",
        "site": "effect_site|site_level|biophase",
        "dt": "step|h|time_step",
    },
    adjoint="either",
    weight=3,
)
def dose_patients(d: Draft) -> None:
    """Integrates a compartmental pharmacokinetic model for each patient using a Runge-Kutta method."""
    peripheral = d.option("peripheral", 1, 2)
    route = d.option("route", "infusion", "oral", "transit")
    loss = d.option("loss", "linear", "saturable", "both")
    method = d.option("method", "classical", "kutta", "heun", "ralston")
    scaled = d.flag("scaled", 0.45)
    result = d.option("result", "amounts", "concentration", "effect")
    d.calls({
        "amounts": "dose_patients|pk_step|advance_drug|step_compartments",
        "concentration": "drug_concentration|pk_concentration|predict_concentration",
        "effect": "drug_effect|pkpd_effect|predict_effect",
    }[result])  # fmt: skip
    count = d.pick(48, 64, 96)
    d.says({
        "amounts": f"Advances per-patient drug compartment amounts by one step {STEPS[method]}.",
        "concentration": f"Computes the blood drug concentration after one step {STEPS[method]}.",
        "effect": f"Computes the delayed drug effect after one step {STEPS[method]}.",
    }[result])  # fmt: skip
    states = ["cen", "per"] + (["deep"] if peripheral == 2 else [])
    states += {"infusion": [], "oral": ["gut"], "transit": ["gut", "pre"]}[route]
    if result == "effect":
        states.append("eff")
    n = len(states)
    names = {"cen": "central (blood)", "per": "fast tissue", "deep": "slow tissue", "gut": "gut",
             "pre": "stomach", "eff": "effect site [mg/l]"}  # fmt: skip
    held = n - (result == "effect")
    d.input("amounts", "float", (count, held), 0.5, 6.0, about="drug amount per patient and compartment [mg]")
    if result == "effect":
        d.input("site", "float", count, 0.05, 0.6, about="effect-site drug concentration [mg/l]")
    if route == "infusion":
        d.input("infusion", "float", count, 0.0, 4.0, about="infusion rate per patient [mg/h]")
    if scaled:
        d.input("weight", "float", count, 45.0, 110.0, about="body weight [kg]")
    at = " at the reference body mass" if scaled else ""
    if loss != "saturable":
        d.param("clearance", "float", 1.0, 4.0, about=f"clearance{at} [l/h]")
    if loss != "linear":
        d.param("vmax", "float", 1.0, 4.0, about=f"maximum elimination rate{at} [mg/h]")
        d.param("km", "float", 0.2, 1.0, about="Michaelis constant, concentration at half Vmax [mg/l]")
    if route != "infusion":
        d.param("ka", "float", 0.5, 1.5, about="absorption rate constant [1/h]")
    d.param("dt", "float", 0.05, 0.25, about="time step [h]")
    place = {x: f"y[{k}]" for k, x in enumerate(states)}
    flows = {"q_fast": "Q_FAST", **({"q_slow": "Q_SLOW"} if peripheral == 2 else {})}
    volumes = {"vol": "V_CENTRAL", "v_fast": "V_FAST", **({"v_slow": "V_SLOW"} if peripheral == 2 else {})}
    size, own = [], list(volumes | flows)
    cl = {"cl_own": "clearance"} if loss != "saturable" else {}
    most = {"vmax_own": "vmax"} if loss != "linear" else {}
    if scaled:
        size = [
            "# Allometric scaling: volumes scale linearly with body mass, flows with exponent 0.75",
            "mass_ratio = weight[tid] / TYPICAL_MASS",
            *(f"{x} = {of} * mass_ratio" for x, of in volumes.items()),
            "flow_ratio = wp.pow(mass_ratio, 0.75)",
            *(f"{x} = {of} * flow_ratio" for x, of in (flows | cl | most).items()),
        ]
    lost = {
        "linear": "cl * conc",
        "saturable": "vmax * conc / (km + conc)",
        "both": "cl * conc + vmax * conc / (km + conc)",
    }[loss]
    lines = [
        f"conc = {place['cen']} / vol",
        f"lost = {lost}",
        f"to_fast = q_fast * (conc - {place['per']} / v_fast)",
    ]
    into = "-lost - to_fast"
    made = {"per": "to_fast"}
    if peripheral == 2:
        lines.append(f"to_slow = q_slow * (conc - {place['deep']} / v_slow)")
        into, made["deep"] = f"{into} - to_slow", "to_slow"
    if route == "infusion":
        into += " + pumped"
    else:
        lines.append(f"absorbed = ka * {place['gut']}")
        into, made["gut"] = f"{into} + absorbed", "-absorbed"
    if route == "transit":
        lines.append(f"emptied = K_TRANSIT * {place['pre']}")
        made |= {"gut": "emptied - absorbed", "pre": "-emptied"}
    if result == "effect":
        made["eff"] = f"K_EFFECT * (conc - {place['eff']})"
    made["cen"] = into
    kind, line = vector(n)
    given = {x: x for x in own} if scaled else {}
    given |= {"cl": "cl_own" if scaled else "clearance"} if cl else {}
    given |= {"vmax": "vmax_own" if scaled else "vmax", "km": "km"} if loss != "linear" else {}
    given |= {"pumped": "infusion[tid]"} if route == "infusion" else {"ka": "ka"}
    rates = "\n    ".join([*lines, f"return {kind}({', '.join(made[x] for x in states)})"])
    if not scaled:
        for x, of in (volumes | flows).items():
            rates = re.sub(rf"\b{x}\b", of, rates)
    typical = {
        "TYPICAL_MASS": "70.0)  # reference body mass [kg]",
        "V_CENTRAL": "12.0)  # central (blood) compartment volume [l]",
        "V_FAST": "30.0)  # fast tissue volume [l]",
        "V_SLOW": "60.0)  # slow tissue volume [l]",
        "Q_FAST": "5.0)  # blood/fast-tissue flow [l/h]",
        "Q_SLOW": "0.8)  # blood/slow-tissue flow [l/h]",
        "K_TRANSIT": "1.2)  # stomach-to-gut transit rate [1/h]",
        "K_EFFECT": "0.7)  # effect-site equilibration rate [1/h]",
    }
    used = rates + "\n".join(size) + ("V_CENTRAL" if result == "concentration" else "")
    d.module("\n".join(f"{x} = wp.constant({y}" for x, y in typical.items() if re.search(rf"\b{x}\b", used)))
    if line:
        d.module(line)
    d.function(
        f"@wp.func\ndef drug_rates(y: {kind}, {', '.join(f'{x}: float' for x in given)}) -> {kind}:\n"
        f'    """Compute the compartment time derivatives."""\n    {rates}'
    )
    if result == "amounts":
        d.output("next_amounts", "float", (count, n), about="updated drug amounts [mg]")
        store = f"for k in range({n}):\n    next_amounts[tid, k] = y[k]"
    elif result == "concentration":
        d.output("conc", "float", count, about="blood drug concentration [mg/l]")
        store = f"conc[tid] = y[0] / {'vol' if scaled else 'V_CENTRAL'}"
    else:
        d.param("ec50", "float", 0.1, 0.5, about="EC50, concentration at half-maximum effect [mg/l]")
        d.output("effect", "float", count, about="drug effect in [0, 1]")
        store = f"# Sigmoid Emax model with a Hill coefficient of 2\nsquare = y[{n - 1}] * y[{n - 1}]\n"
        store += "effect[tid] = square / (ec50 * ec50 + square)"
    d.launch(count)
    d.code(
        "tid = wp.tid()\n$load\n$size\n$body\n$store",
        load=f"y = {kind}({', '.join([f'amounts[tid, {k}]' for k in range(held)] + ['site[tid]'] * (n - held))})",
        size="\n".join(size),
        body=written(f"drug_rates({{}}, {', '.join(given.values())})", method),
        store=store,
    )
    more = {
        "linear": "",
        "saturable": " Elimination is saturable (Michaelis-Menten).",
        "both": " Elimination combines linear and saturable (Michaelis-Menten) terms.",
    }[loss]
    more += " Volumes scale linearly with body weight, flows with exponent 0.75." if scaled else ""
    d.explain(f"Amounts in mg, times in h. State y: {', '.join(names[x] for x in states)}.{more}")

    def reference(v: Values) -> dict[str, Any]:
        ratio = v.weight / 70 if scaled else np.ones(count)
        vol, speed = 12 * ratio, ratio**0.75
        column = {x: k for k, x in enumerate(states)}

        def f(y: Any) -> Any:
            made = np.zeros_like(y)
            c = y[:, 0] / vol

            def flow(a: str, b: str, amount: Any) -> None:
                made[:, column[a]] -= amount
                made[:, column[b]] += amount

            flow("cen", "per", 5 * speed * (c - y[:, 1] / (30 * ratio)))
            if peripheral == 2:
                flow("cen", "deep", 0.8 * speed * (c - y[:, 2] / (60 * ratio)))
            if route == "infusion":
                made[:, 0] += v.infusion
            else:
                flow("gut", "cen", v.ka * y[:, column["gut"]])
            if route == "transit":
                flow("pre", "gut", 1.2 * y[:, column["pre"]])
            if loss != "saturable":
                made[:, 0] -= v.clearance * speed * c
            if loss != "linear":
                made[:, 0] -= v.vmax * speed * c / (v.km + c)
            if result == "effect":
                made[:, -1] = 0.7 * (c - y[:, -1])
            return made

        start = np.column_stack([v.amounts, v.site]) if result == "effect" else v.amounts
        after = stepped(f, start, v.dt, method)
        if result == "amounts":
            return {"next_amounts": after}
        if result == "concentration":
            return {"conc": after[:, 0] / vol}
        return {"effect": 1 / (1 + (v.ec50 / after[:, -1]) ** 2)}

    d.check(reference, 1e-3)


# Parts of the minimal model: name, what it is, and the range of its values.
_PARTS = {
    "glucose": ("plasma glucose [mg/dl]", 60.0, 200.0),
    "action": ("insulin action in tissue [1/min]", 0.002, 0.04),
    "insulin": ("plasma insulin [mU/l]", 4.0, 40.0),
    "gut": ("meal glucose in the gut [mg/dl]", 20.0, 200.0),
    "stomach": ("meal glucose in the stomach [mg/dl]", 20.0, 200.0),
}


def _patient(parts: list[str]) -> Piece:
    """A struct of the parts of the model that a variant has."""
    fields = "\n".join(f"    {name}: float  # {_PARTS[name][0]}" for name in parts)
    return piece(f"@wp.struct\nclass Patient:\n{fields}")


@DOMAIN.algorithm(
    source="Bergman et al. 1979; Fisher 1991; Hovorka et al. 2004",
    names={
        "regulate_glucose": "minimal_model|glucose_step|advance_glucose",
        "patients": "state|people|cohort",
        "infusion": "pump_rate|insulin_in|delivery",
        "dt": "step|h|time_step",
    },
    adjoint="either",
    weight=3,
)
def regulate_glucose(d: Draft) -> None:
    """Simulates blood glucose and insulin using Bergman's minimal model."""
    insulin = d.option("insulin", "secreted", "pumped", "closed loop")
    meal = d.option("meal", "none", "decaying", "gut")
    method = d.option("method", "classical", "kutta", "heun", "midpoint")
    kidney = d.flag("kidney", 0.4)
    layout = d.option("layout", "struct", "arrays")
    result = d.option("result", "state", "glucose", "rates")
    d.calls({
        "state": "regulate_glucose|minimal_model|glucose_step|advance_glucose",
        "glucose": "predict_glucose|forecast_glucose|glucose_ahead",
        "rates": "glucose_rates|minimal_model_rates|insulin_glucose_rates",
    }[result])  # fmt: skip
    count = d.pick(48, 64, 96)
    count_states = 3 + {"none": 0, "decaying": 1, "gut": 2}[meal]
    more = {
        "pumped insulin": insulin == "pumped",
        "a proportionally controlled insulin pump": insulin == "closed loop",
        "a meal": meal != "none",
        "renal glucose loss": kidney,
    }
    added = [part for part, has in more.items() if has]
    extended = "Bergman's minimal model" + f" with {', '.join(added[:-1])}{' and ' * bool(added[1:])}" * bool(
        added
    )
    extended += added[-1] if added else ""
    d.says({
        "state": f"Advances blood glucose and insulin {STEPS[method]} for {extended}.",
        "glucose": f"Predicts blood glucose one step ahead {STEPS[method]} for {extended}.",
        "rates": f"Computes blood glucose and insulin time derivatives for {extended}.",
    }[result])  # fmt: skip

    parts = list(_PARTS)[:count_states]
    if layout == "struct":
        patient = _patient(parts)
        d.struct(
            "patients",
            patient,
            {name: fill(*_PARTS[name][1:]) for name in parts},
            shape=count,
            about="per-patient state",
        )
        load = "patient = patients[tid]\n"
    else:
        for name in parts:
            d.input(name, "float", count, *_PARTS[name][1:], about=_PARTS[name][0])
        load = ""
    kind, line = vector(count_states)
    read = (f"patient.{name}" if layout == "struct" else f"{name}[tid]" for name in parts)
    load += f"y = {kind}({', '.join(read)})"
    if insulin == "pumped":
        d.input("infusion", "float", count, 0.0, 4.0, about="insulin infusion [mU/l/min]")
    d.param("p1", "float", 0.01, 0.04, about="glucose effectiveness [1/min]")
    d.param("p3", "float", 6.0e-6, 2.5e-5, about="insulin action gain [l/mU/min^2]")
    if insulin == "closed loop":
        d.param("k_p", "float", 0.01, 0.04, about="proportional controller gain [mU/l/min per mg/dl]")
    if result != "rates":
        d.param("dt", "float", 0.5, 2.0, about="time step [min]")
    given = {"p1": "p1", "p3": "p3"}
    given |= {"pumped": {"delivered": "infusion[tid]"}, "closed loop": {"k_p": "k_p"}}.get(insulin, {})
    sugar, lines = "p1 * (BASAL_GLUCOSE - g) - x * g", ["g = y[0]", "x = y[1]", "i = y[2]"]
    if meal != "none":
        lines.append("absorbed = K_ABSORB * y[3]")
        sugar += " + absorbed"
    if kidney:
        lines.append("spilled = K_KIDNEY * wp.max(g - RENAL_THRESHOLD, 0.0)")
        sugar += " - spilled"
    # What the body secretes at rest holds the basal level; pumps deliver all there is
    born, left = "delivered", "i"
    if insulin == "secreted":
        lines.append("secreted = SECRETION * wp.max(g - BASAL_GLUCOSE, 0.0)")
        born, left = "secreted", "(i - BASAL_INSULIN)"
    elif insulin == "closed loop":
        lines.append("delivered = wp.clamp(k_p * (g - GLUCOSE_TARGET) + PUMP_BASAL, 0.0, PUMP_MAX)")
    slopes = [sugar, "p3 * (i - BASAL_INSULIN) - K_ACTION * x", f"{born} - K_INSULIN * {left}"]
    if meal == "decaying":
        slopes.append("-absorbed")
    elif meal == "gut":
        lines.append("emptied = K_EMPTY * y[4]")
        slopes += ["emptied - absorbed", "-emptied"]
    inner = "".join(f"        {slope},\n" for slope in slopes)
    rates = "\n".join(f"    {text}" for text in lines) + f"\n    return {kind}(\n{inner}    )"
    typical = {
        "BASAL_GLUCOSE": "90.0)  # [mg/dl]",
        "BASAL_INSULIN": "10.0)  # [mU/l]",
        "K_ACTION": "0.025)  # insulin action decay rate [1/min]",
        "K_INSULIN": "0.14)  # plasma insulin decay rate [1/min]",
        "SECRETION": "0.024)  # insulin secretion per glucose above basal [mU/l/min per mg/dl]",
        "GLUCOSE_TARGET": "100.0)  # controller setpoint [mg/dl]",
        "PUMP_BASAL": "1.4)  # basal pump rate at the glucose target [mU/l/min]",
        "PUMP_MAX": "4.0)  # maximum pump rate [mU/l/min]",
        "K_ABSORB": "0.03)  # gut absorption rate [1/min]",
        "K_EMPTY": "0.05)  # gastric emptying rate [1/min]",
        "K_KIDNEY": "0.02)  # renal excretion rate [1/min]",
        "RENAL_THRESHOLD": "160.0)  # [mg/dl]",
    }
    d.module("\n".join(f"{x} = wp.constant({y}" for x, y in typical.items() if re.search(rf"\b{x}\b", rates)))
    if line:
        d.module(line)
    d.function(
        f"@wp.func\ndef state_rates(y: {kind}, {', '.join(f'{x}: float' for x in given)}) -> {kind}:\n"
        f'    """Compute the state time derivatives."""\n{rates}'
    )
    call = f"state_rates({{}}, {', '.join(given.values())})"
    body = f"rate = {call.format('y')}" if result == "rates" else written(call, method)
    values = [f"{'rate' if result == 'rates' else 'y'}[{k}]" for k in range(count_states)]
    out = "rates" if result == "rates" else "after"
    if result == "glucose":
        d.output("predicted", "float", count, about="plasma glucose one step ahead [mg/dl]")
        store = "predicted[tid] = y[0]"
    elif layout == "struct":
        about = "state time derivatives, per minute" if result == "rates" else "updated state"
        d.struct(
            out, patient, {name: fill(value=0.0) for name in parts}, shape=count, role="output", about=about
        )
        cells = "\n".join(f"made.{name} = {x}" for name, x in zip(parts, values, strict=True))
        store = f"made = Patient()\n{cells}\n{out}[tid] = made"
    else:
        for name in parts:
            about = f"next {_PARTS[name][0]}"
            if result == "rates":
                about = f"rate of {_PARTS[name][0]}".replace("]", "/min]").replace("1/min/min", "1/min^2")
            d.output(f"{name}_{out}", "float", count, about=about)
        store = "\n".join(f"{name}_{out}[tid] = {x}" for name, x in zip(parts, values, strict=True))
    d.launch(count)
    d.code("tid = wp.tid()\n$load\n$body\n$store", load=load, body=body, store=store)
    d.explain(f"State y: {', '.join(_PARTS[name][0] for name in parts)}. Times are in minutes.")

    def reference(v: Values) -> dict[str, Any]:
        y0 = np.stack([v[f"patients.{name}" if layout == "struct" else name] for name in parts], axis=1)

        def f(y: Any) -> Any:
            g, x = y[:, 0], y[:, 1]
            # Linear part A * y, nonlinear terms are added below
            a = np.zeros((count_states, count_states))
            a[0, 0], a[1, 1], a[1, 2], a[2, 2] = -v.p1, -0.025, v.p3, -0.14
            if meal != "none":
                a[0, 3], a[3, 3] = 0.03, -0.03
            if meal == "gut":
                a[3, 4], a[4, 4] = 0.05, -0.05
            made = y @ a.T
            made[:, 0] += 90.0 * v.p1 - x * g - (0.02 * np.clip(g - 160.0, 0, None) if kidney else 0)
            made[:, 1] -= 10.0 * v.p3
            if insulin == "secreted":
                made[:, 2] += 1.4 + 0.024 * np.clip(g - 90.0, 0, None)
            elif insulin == "pumped":
                made[:, 2] += v.get("infusion", 0.0)
            else:
                made[:, 2] += np.clip(v.get("k_p", 0.0) * (g - 100.0) + 1.4, 0, 4.0)
            return made

        after = f(y0) if result == "rates" else stepped(f, y0, v.dt, method)
        if result == "glucose":
            return {"predicted": after[:, 0]}
        named = (f"{out}.{name}" if layout == "struct" else f"{name}_{out}" for name in parts)
        return dict(zip(named, after.T, strict=True))

    d.check(reference, 1e-3)
