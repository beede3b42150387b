"""Reaction mechanisms held in tables, as combustion codes have them."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.chemistry import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Filled, Values, fill
from warpgen.synthesis.writing.pieces import piece

_ARRHENIUS = piece("""
@wp.func
def arrhenius(log_a: float, beta: float, activation_temp: float, temp: float) -> float:
    \"\"\"Return k = A * T^beta * exp(-Ta / T), evaluated in log space to avoid overflow.\"\"\"
    return wp.exp(log_a + beta * wp.log(temp) - activation_temp / temp)
""")


def _mechanism(nasa: bool, flag: str) -> Any:
    fields = ["reactants: wp.array2d(dtype=int)  # reactant species indices, -1 if unused"]
    fields.append("products: wp.array2d(dtype=int)  # product species indices, -1 if unused")
    fields.append("log_a: wp.array(dtype=float)  # ln(A)")
    fields += [f"{name}: wp.array(dtype=float)" for name in ("beta", "activation_temp")]
    if flag:
        of = "the low-pressure limit" if flag == "falloff" else "third-body reactions"
        fields += [f"log_a_low: wp.array(dtype=float)  # for {of}", f"{flag}: wp.array(dtype=bool)"]
    if nasa:
        fields.append("gibbs: wp.array2d(dtype=float)  # G/RT = c0 + c1 * T/1000 + c2 * 1000/T")
    body = "\n    ".join(fields)
    return piece(f"@wp.struct\nclass Mechanism:\n    {body}\n")


@DOMAIN.algorithm(
    source="Poinsot & Veynante 2005, ch. 1; Kee et al. 1996 (CHEMKIN); Gilbert, Luther & Troe 1983",
    names={
        "production_rates": "species_source_terms|eval_kinetics|net_production",
        "conc": "concentrations|molar_conc|c_species",
        "temperature": "temp_cells|gas_temp|cell_temp",
        "mech": "mechanism|reactions|chem",
        "omega": "wdot|source|rates_out",
        "reaction": "r|rxn|ireac",
        "burning": "active|cell_mask|reacting",
        "progress": "rate_of_progress|qdot|net_rate",
    },
    element="cell",
    weight=2,
)
def production_rates(d: Draft) -> None:
    """Computes net species production rates per gas cell using a reaction table."""
    back = d.option("reverse", "none", "equilibrium", "detailed rates")
    falloff = d.option("falloff", "none", "third body", "lindemann", "troe")
    if back == "detailed rates":
        falloff = "none"  # [M] would multiply the reverse rates, too
    loop = d.option("loop", "reactions", "pairs")
    mask = d.option("mask", "none", "flags", "temperature")
    layout = d.option("layout", "cells first", "species first")
    heat = d.flag("heat release", 0.35)
    if heat:
        d.calls("reaction_heat|combustion_heat|heat_release_rates")
    cells, species, count = d.pick(16, 24), d.pick(5, 6, 8), d.pick(6, 8, 10)
    cells_first = layout == "cells first"
    d.input(
        "conc",
        "float",
        (cells, species) if cells_first else (species, cells),
        0.2,
        2.0,
        about="molar concentrations [mol/m^3]",
    )
    d.input("temperature", "float", cells, 900.0, 1800.0, about="gas temperature per cell [K]")
    if mask == "flags":
        d.mask("burning", "bool", cells, about="cell mask, False for non-reacting cells")
    elif mask == "temperature":
        d.param(
            "ignition_temp",
            "float",
            1100.0,
            1300.0,
            about="ignition temperature [K]",
        )
    equilibrium, lowered = back == "equilibrium", falloff != "none"
    flag = "third_body" if falloff == "third body" else "falloff"
    fields: dict[str, Filled] = {
        "reactants": fill(-1, species, shape=(count, 2)),
        "products": fill(-1, species, shape=(count, 2)),
        "log_a": fill(-1.0, 1.0, shape=count),
        "beta": fill(-0.2, 0.2, shape=count),
        "activation_temp": fill(500.0, 3000.0, shape=count),
    }
    if lowered:
        fields |= {"log_a_low": fill(-0.5, 0.5, shape=count), flag: fill(shape=count)}
    if equilibrium:
        fields["gibbs"] = fill(-0.6, 0.6, shape=(species, 3))
    d.struct("mech", _mechanism(equilibrium, flag if lowered else ""), fields, about="reaction table")
    if back == "detailed rates":
        d.input("reverse_log_a", "float", count, -0.3, 0.3, about="reverse reaction log prefactors")
        d.input("reverse_beta", "float", count, -0.3, 0.3, about="reverse reaction temperature exponents")
        d.input(
            "reverse_temp",
            "float",
            count,
            700.0,
            1300.0,
            about="reverse reaction activation temperatures [K]",
        )
    if heat:
        d.input("enthalpy", "float", species, -200.0, 200.0, about="molar enthalpies of formation [kJ/mol]")
        d.output("heat_release", "float", cells, about="heat release rates [kW/m^3]")
    else:
        d.output(
            "omega",
            "float",
            (cells, species) if cells_first else (species, cells),
            about="net molar production rates [mol/(m^3 s)]",
        )
    d.use(_ARRHENIUS)
    at = "conc[cell, {0}]" if cells_first else "conc[{0}, cell]"
    d.function(
        f"""
        @wp.func
        def mass_action(cell: int, row: int, conc: wp.array2d(dtype=float), side: wp.array2d(dtype=int)) -> float:
            \"\"\"Return the mass-action product for one side of a reaction.\"\"\"
            product = float(1.0)
            for slot in range(2):
                s = side[row, slot]
                if s >= 0:
                    product *= {at.format("s")}
            return product
        """
    )
    if lowered:
        d.function(
            f"""
            @wp.func
            def total_concentration(cell: int, conc: wp.array2d(dtype=float)) -> float:
                total = float(0.0)
                for s in range({"conc.shape[1]" if cells_first else "conc.shape[0]"}):
                    total += {at.format("s")}
                return total
            """
        )
    if falloff == "troe":
        d.function("""
            @wp.func
            def troe_factor(reduced_pressure: float, temp: float) -> float:
                \"\"\"Return the falloff broadening factor F.\"\"\"
                # Troe broadening factor with a = 0.6, T*** = 3000 K and T* = 1500 K
                f_cent = 0.4 * wp.exp(-temp / 3000.0) + 0.6 * wp.exp(-temp / 1500.0)
                log_fc = wp.log10(f_cent)
                c = -0.4 - 0.67 * log_fc
                n = 0.75 - 1.27 * log_fc
                x = wp.log10(reduced_pressure) + c
                ratio = x / (n - 0.14 * x)
                return wp.pow(10.0, log_fc / (1.0 + ratio * ratio))
        """)
    if falloff in ("lindemann", "troe"):
        d.function(
            """
            @wp.func
            def forward_constant(cell: int, row: int, temp: float, conc: wp.array2d(dtype=float), mech: Mechanism) -> float:
                \"\"\"Return the pressure-dependent forward rate constant (both limits share beta and Ta).\"\"\"
                k_inf = arrhenius(mech.log_a[row], mech.beta[row], mech.activation_temp[row], temp)
                if not mech.falloff[row]:
                    return k_inf
                k_low = arrhenius(mech.log_a_low[row], mech.beta[row], mech.activation_temp[row], temp)
                reduced = k_low * total_concentration(cell, conc) / k_inf
                $blend
            """,
            blend="return k_inf * reduced / (1.0 + reduced) * troe_factor(reduced, temp)"
            if falloff == "troe"
            else "# Lindemann: F = 1\nreturn k_inf * reduced / (1.0 + reduced)",
        )
    elif lowered:
        d.function("""
            @wp.func
            def forward_constant(cell: int, row: int, temp: float, conc: wp.array2d(dtype=float), mech: Mechanism) -> float:
                \"\"\"Return the forward rate constant times [M] for three-body reactions.\"\"\"
                if mech.third_body[row]:
                    k0 = arrhenius(mech.log_a_low[row], mech.beta[row], mech.activation_temp[row], temp)
                    return k0 * total_concentration(cell, conc)
                return arrhenius(mech.log_a[row], mech.beta[row], mech.activation_temp[row], temp)
        """)
    if equilibrium:
        d.module(
            "GAS_CONSTANT = wp.constant(8.314462618)  # [J/(mol K)]\nP_STANDARD = wp.constant(1.0e5)  # [Pa]"
        )
        d.function("""
            @wp.func
            def gibbs_of_side(row: int, temp: float, side: wp.array2d(dtype=int), gibbs: wp.array2d(dtype=float)) -> float:
                \"\"\"Sum normalized Gibbs energies G/RT over one side of a reaction, at 1 mol/m^3.\"\"\"
                x = temp / 1000.0
                # Tabulated at standard pressure
                dilution = wp.log(GAS_CONSTANT * temp / P_STANDARD)
                total = float(0.0)
                for slot in range(2):
                    s = side[row, slot]
                    if s >= 0:
                        total += gibbs[s, 0] + gibbs[s, 1] * x + gibbs[s, 2] / x + dilution
                return total
        """)
    forward = (
        "k_forward = forward_constant(cell, reaction, temp, conc, mech)"
        if lowered
        else "k_forward = arrhenius(\n    mech.log_a[reaction], mech.beta[reaction], mech.activation_temp[reaction], temp\n)"
    )
    progress = {
        "none": "progress = k_forward * mass_action(cell, reaction, conc, mech.reactants)",
        "equilibrium": (
            "# ln(K_c) = -(G_products - G_reactants) / RT\n"
            "delta_g = gibbs_of_side(reaction, temp, mech.products, mech.gibbs) - gibbs_of_side(\n"
            "    reaction, temp, mech.reactants, mech.gibbs\n"
            ")\n"
            "k_reverse = k_forward * wp.exp(delta_g)\n"
            "progress = k_forward * mass_action(cell, reaction, conc, mech.reactants)\n"
            "progress -= k_reverse * mass_action(cell, reaction, conc, mech.products)"
        ),
        "detailed rates": (
            "k_reverse = arrhenius(reverse_log_a[reaction], reverse_beta[reaction], reverse_temp[reaction], temp)\n"
            "progress = k_forward * mass_action(cell, reaction, conc, mech.reactants)\n"
            "progress -= k_reverse * mass_action(cell, reaction, conc, mech.products)"
        ),
    }[back]
    to = "cell, {0}" if cells_first else "{0}, cell"
    if heat:
        give = """
            for slot in range(2):
                reactant = mech.reactants[reaction, slot]
                product = mech.products[reaction, slot]
                # Heat release is minus the change in formation enthalpy
                if reactant >= 0:
                    wp.atomic_add(heat_release, cell, progress * enthalpy[reactant])
                if product >= 0:
                    wp.atomic_sub(heat_release, cell, progress * enthalpy[product])
        """
    else:
        give = f"""
            for slot in range(2):
                reactant = mech.reactants[reaction, slot]
                product = mech.products[reaction, slot]
                if reactant >= 0:
                    wp.atomic_sub(omega, {to.format("reactant")}, progress)
                if product >= 0:
                    wp.atomic_add(omega, {to.format("product")}, progress)
        """
    if loop == "reactions":  # one thread alone writes to a cell
        give = give.replace(
            f"wp.atomic_sub(omega, {to.format('reactant')}, progress)",
            f"omega[{to.format('reactant')}] -= progress",
        )
        give = give.replace(
            f"wp.atomic_add(omega, {to.format('product')}, progress)",
            f"omega[{to.format('product')}] += progress",
        )
        give = give.replace(
            "wp.atomic_add(heat_release, cell, progress * enthalpy[reactant])",
            "heat_release[cell] += progress * enthalpy[reactant]",
        )
        give = give.replace(
            "wp.atomic_sub(heat_release, cell, progress * enthalpy[product])",
            "heat_release[cell] -= progress * enthalpy[product]",
        )
    skip = {
        "none": "",
        "flags": "if not burning[cell]:\n    return",
        "temperature": "# No chemistry below the ignition temperature\nif temp < ignition_temp:\n    return",
    }[mask]
    body = "$forward\n$progress\n$give"
    if loop == "reactions":
        d.launch(cells)
        text = "cell = wp.tid()\ntemp = temperature[cell]\n$skip\nfor reaction in range(mech.reactants.shape[0]):\n"
        text += "    $forward\n    $progress\n    $give"
    else:
        d.launch(cells, count)
        text = f"cell, reaction = wp.tid()\ntemp = temperature[cell]\n$skip\n{body}"
    d.code(text, skip=skip, forward=forward, progress=progress, give=give)
    d.says(
        "Computes heat release rates per gas cell using a reaction table."
        if heat
        else "Computes net species production rates per gas cell using a reaction table."
    )
    low = {
        "third body": "Flagged reactions require a third body. ",
        "lindemann": "Flagged reactions use Lindemann falloff. ",
        "troe": "Flagged reactions use Troe falloff. ",
    }.get(falloff, "")
    d.explain(
        "q_r = k_f prod(c_reactants)"
        + ("" if back == "none" else " - k_r prod(c_products)")
        + (
            ", heat = -sum_r q_r sum_s nu_{s,r} h_s. Temperatures"
            if heat
            else ", omega_s = sum_r nu_{s,r} q_r. Temperatures"
        )
        + " are in K, concentrations in mol/m^3.\n"
        f"Each reaction has up to two reactants and two products. {low}"
        + ("`heat_release` must be zero-initialized." if heat else "`omega` must be zero-initialized.")
    )

    def reference(v: Values) -> dict[str, Any]:
        c = v.conc if cells_first else v.conc.T
        t = v.temperature
        one = np.concatenate([c, np.ones((cells, 1))], axis=1)  # index -1 reads a one
        left, right = v["mech.reactants"], v["mech.products"]

        def rate(log_a: Any, beta: Any, ta: Any) -> Any:
            return np.exp(log_a + beta * np.log(t[:, None]) - ta / t[:, None])

        beta, ta = v["mech.beta"], v["mech.activation_temp"]
        kf = rate(v["mech.log_a"], beta, ta)
        if lowered:
            low = rate(v["mech.log_a_low"], beta, ta)
            m = c.sum(axis=1)[:, None]
            if falloff == "third body":
                changed = low * m
            else:
                pr = low * m / kf
                changed = kf * pr / (1 + pr)
                if falloff == "troe":
                    log_fc = np.log10(0.4 * np.exp(-t / 3000) + 0.6 * np.exp(-t / 1500))[:, None]
                    x = np.log10(pr) - 0.4 - 0.67 * log_fc
                    bent = x / (0.75 - 1.27 * log_fc - 0.14 * x)
                    changed = changed * 10 ** (log_fc / (1 + bent**2))
            kf = np.where(v[f"mech.{flag}"], changed, kf)
        q = kf * one[:, left].prod(axis=2)
        if equilibrium:
            g = v["mech.gibbs"]
            x = t[:, None] / 1000
            g = np.concatenate([g[:, 0] + g[:, 1] * x + g[:, 2] / x, np.zeros((cells, 1))], axis=1)
            k_p = np.exp(g[:, left].sum(2) - g[:, right].sum(2))
            k_c = k_p * (1e5 / (8.314462618 * t[:, None])) ** ((right >= 0).sum(1) - (left >= 0).sum(1))
            q = q - kf / k_c * one[:, right].prod(axis=2)
        elif back == "detailed rates":
            q = q - rate(v.reverse_log_a, v.reverse_beta, v.reverse_temp) * one[:, right].prod(axis=2)
        if mask == "flags":
            q = q * v.burning[:, None]
        elif mask == "temperature":
            q = q * (t >= v.ignition_temp)[:, None]
        nu = np.zeros((count, species + 1))
        for r in range(count):
            np.add.at(nu[r], right[r], 1.0)
            np.add.at(nu[r], left[r], -1.0)
        made = q @ nu[:, :species]
        if heat:
            return {"heat_release": -made @ v.enthalpy}
        return {"omega": made if cells_first else made.T}

    d.check(reference, 2e-3)
