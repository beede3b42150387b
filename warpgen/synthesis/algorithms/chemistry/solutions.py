"""Laws of solutions and rates, one formula each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.chemistry import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.forms import Form

_OWN = {
    "ph": "concentrations of the acid [mol/l]",
    "nernst": "concentrations of the reduced form [mol/l]",
    "arrhenius": "concentrations of the reactant [mol/l]",
    "ionic": "ionic strengths [mol/l]",
    "langmuir": "concentrations of the adsorbate [mol/l]",
    "competitive": "concentrations of the substrate [mol/l]",
    "hill": "concentrations of the free ligand [mol/l]",
    "freundlich": "concentrations of the adsorbate [mol/l]",
    "weak acid": "total concentrations of the acid [mol/l]",
    "substrate inhibition": "concentrations of the substrate [mol/l]",
}
_MADE = {
    "ph": "pH of each buffer",
    "nernst": "electrode potentials [V]",
    "arrhenius": "rates [mol/(l s)]",
    "ionic": "activity coefficients",
    "langmuir": "fractional surface coverages",
    "competitive": "rates, in the units of `v_max`",
    "hill": "fractional site occupancies",
    "freundlich": "adsorbed amounts",
    "weak acid": "concentrations of hydrogen ions [mol/l]",
    "substrate inhibition": "rates, in the units of `v_max`",
}
_PARTNER = {
    "ph": "concentrations of the conjugate base [mol/l]",
    "nernst": "concentrations of the oxidized form [mol/l]",
    "langmuir": "concentrations of the competing adsorbate [mol/l]",
    "competitive": "concentrations of the inhibitor [mol/l]",
}


@DOMAIN.algorithm(
    source="Atkins & de Paula 2014, ch. 5, 6, 20, 22; Cornish-Bowden 2012, ch. 7; Langmuir 1918; Hill 1910",
    names={
        "solution_laws": "equilibrium_measures|rate_laws|chemical_laws",
        "temp": "temperature|kelvin|t_abs",
        "temperatures": "temps|t_samples|kelvins",
    },
    double=True,
    adjoint="either",
    element="sample",
    weight=3,
)
def solution_laws(d: Draft) -> None:
    """Evaluates laws of equilibrium, adsorption and reaction rates."""
    kind = d.option(
        "kind", "ph", "nernst", "arrhenius", "ionic", "langmuir", "competitive", "hill", "freundlich", "weak acid", "substrate inhibition",
    )  # fmt: skip
    given = d.option("temperature", "per sample", "shared")
    logs = d.option("result", "plain", "decadic")
    signed = kind in ("ph", "nernst")
    decadic = logs == "decadic" and not signed
    said = {
        "ph": "Computes buffer pH using the Henderson-Hasselbalch equation.",
        "nernst": "Computes electrode potentials using the Nernst equation.",
        "arrhenius": "Computes first-order reaction rates using the Arrhenius equation.",
        "ionic": "Computes ion activity coefficients using the Davies equation.",
        "langmuir": "Computes Langmuir surface coverages with a competing adsorbate.",
        "competitive": "Computes enzymatic reaction rates with competitive inhibition.",
        "hill": "Computes fractional site occupancies using the Hill equation.",
        "freundlich": "Computes adsorbed amounts using the Freundlich isotherm.",
        "weak acid": "Computes hydrogen ion concentrations in weak acid solutions.",
        "substrate inhibition": "Computes enzymatic reaction rates with substrate inhibition.",
    }[kind]  # fmt: skip
    if decadic:
        said = said.replace("Computes ", "Computes base-10 logarithms of ")
    d.says(said)
    called = {
        "ph": "buffer_ph|henderson_hasselbalch",
        "nernst": "nernst_potential|electrode_potential",
        "arrhenius": "arrhenius_rate|reaction_rate",
        "ionic": "activity_coefficient|davies_equation",
        "langmuir": "langmuir_coverage|competitive_adsorption",
        "competitive": "inhibited_rate|michaelis_menten|enzyme_rate",
        "hill": "hill_equation|bound_fraction",
        "freundlich": "freundlich_isotherm|adsorbed_amount",
        "weak acid": "weak_acid_dissociation|hydrogen_ions|proton_concentration",
        "substrate inhibition": "haldane_rate|substrate_inhibition|enzyme_rate",
    }[kind]  # fmt: skip
    d.calls("|".join(f"log_{name}" for name in called.split("|")) if decadic else called)
    if kind in ("nernst", "arrhenius"):
        d.module("GAS_CONSTANT = wp.constant(8.314462618)  # [J/(mol K)]")
    if kind == "nernst":
        d.module("FARADAY = wp.constant(96485.33212)  # [C/mol]")
    assumed = {
        "ionic": "Uses the Davies coefficients for water at 25 degrees Celsius.",
        "weak acid": "Water autoionization is neglected.",
        "ph": "Activities are approximated by concentrations.",
        "nernst": "Activities are approximated by concentrations.",
    }.get(kind)
    if assumed:
        d.explain(assumed)
    form = Form(d)
    own = {
        "ph": "acid", "nernst": "reduced", "ionic": "strength", "competitive": "substrate", "hill": "ligand",
        "weak acid": "acid", "substrate inhibition": "substrate",
    }.get(kind, "c")  # fmt: skip
    array = {"c": "concentrations", "strength": "ionic_strengths"}.get(own, f"{own}_conc")
    form.element(own, array, 0.05, 0.5 if kind == "ionic" else 2.0, about=_OWN[kind])
    partner = {"ph": "base", "langmuir": "rival", "competitive": "inhibitor", "nernst": "oxidized"}.get(
        kind, ""
    )
    if partner:
        form.element(partner, f"{partner}_conc", 0.05, 2.0, about=_PARTNER[kind])
    warm = kind in ("nernst", "arrhenius")
    if warm and given == "shared":
        form.number("temp", 280.0, 350.0, about="temperature [K]")
    elif warm:
        form.element("temp", "temperatures", 280.0, 350.0, about="temperatures [K]")
    whole = float(d.pick(1, 2, 3) if kind == "nernst" else d.pick(1, 2))
    numbers: dict[str, tuple[tuple[str, float, float | None, str], ...]] = {
        "ph": (("pka", 3.0, 9.0, "pKa of the acid"),),
        "nernst": (("standard_potential", -0.8, 1.2, "standard potential [V]"), ("electrons", whole, None, "number of electrons transferred")),
        "arrhenius": (("prefactor", 1.0e6, 1.0e8, "frequency factor [1/s]"), ("activation_energy", 3.0e4, 5.0e4, "activation energy [J/mol]")),
        "ionic": (("charge", whole, None, "charge of the ion"),),
        "langmuir": (("k_a", 0.5, 4.0, "affinity [l/mol]"), ("k_b", 0.5, 4.0, "competing adsorbate affinity [l/mol]")),
        "competitive": (("v_max", 0.5, 2.0, "maximum rate"), ("k_m", 0.1, 1.0, "Michaelis constant [mol/l]"), ("k_i", 0.1, 1.0, "inhibition constant [mol/l]")),
        "hill": (("k_half", 0.2, 1.0, "half-occupation concentration [mol/l]"), ("hill_coeff", 1.2, 3.0, "Hill coefficient")),
        "freundlich": (("k_f", 0.5, 2.0, "capacity"), ("intensity", 1.5, 4.0, "inverse exponent")),
        "weak acid": (("k_a", 1.0e-4, 1.0e-2, "acid constant [mol/l]"),),
        "substrate inhibition": (("v_max", 0.5, 2.0, "maximum rate"), ("k_m", 0.1, 1.0, "Michaelis constant [mol/l]"), ("k_i", 0.5, 2.0, "inhibition constant [mol/l]")),
    }  # fmt: skip
    for name, low, high, about in numbers[kind]:
        form.number(name, low, high, about=about)
    made = {
        "ph": "ph", "nernst": "potentials", "arrhenius": "rates", "ionic": "activities", "langmuir": "coverage",
        "competitive": "rates", "hill": "occupied", "freundlich": "adsorbed", "weak acid": "protons",
        "substrate inhibition": "rates",
    }[kind]  # fmt: skip
    made = "activity_coeffs" if kind == "ionic" else made
    made = f"log_{made}" if decadic else made
    form.output(made, about=f"base-10 logarithms of the {_MADE[kind]}" if decadic else _MADE[kind])
    lines, value = {
        "ph": ("", "pka + wp.log10(base / acid)"),
        "nernst": ("thermal = GAS_CONSTANT * temp / (electrons * FARADAY)", "standard_potential - thermal * wp.log(reduced / oxidized)"),
        "arrhenius": ("k = prefactor * wp.exp(-activation_energy / (GAS_CONSTANT * temp))", "k * c"),
        "ionic": (
            "# Valid up to ionic strengths of about 0.5 mol/l\nroot = wp.sqrt(strength)\nlog_gamma = -0.509 * charge * charge * (root / (1.0 + root) - 0.3 * strength)",
            "log_gamma" if decadic else "wp.pow(10.0, log_gamma)",
        ),
        "langmuir": ("a = k_a * c\nb = k_b * rival", "a / (1.0 + a + b)"),
        "competitive": ("apparent_k_m = k_m * (1.0 + inhibitor / k_i)", "v_max * substrate / (apparent_k_m + substrate)"),
        "hill": ("p = wp.pow(ligand / k_half, hill_coeff)", "p / (1.0 + p)"),
        "freundlich": ("", "k_f * wp.pow(c, 1.0 / intensity)"),
        "weak acid": ("# Positive root of h^2 + k_a h - k_a c = 0, in a form that avoids cancellation\nroot = wp.sqrt(k_a * k_a + 4.0 * k_a * acid)", "2.0 * k_a * acid / (k_a + root)"),
        "substrate inhibition": ("", "v_max * substrate / (k_m + substrate * (1.0 + substrate / k_i))"),
    }[kind]  # fmt: skip
    if decadic and kind != "ionic":
        value = f"wp.log10({value})"
    if decadic and kind in ("freundlich", "arrhenius"):  # whose powers need not be taken
        lines, value = {
            "freundlich": ("", "wp.log10(k_f) + wp.log10(c) / intensity"),
            "arrhenius": (
                "drop = activation_energy / (wp.log(10.0) * GAS_CONSTANT * temp)",
                "wp.log10(prefactor * c) - drop",
            ),
        }[kind]
    function = {
        "ph": "ph_of_buffer", "nernst": "half_cell_potential", "arrhenius": "first_order_rate", "ionic": "davies_coefficient",
        "langmuir": "covered_share", "competitive": "rate_with_inhibitor", "hill": "occupied_share",
        "freundlich": "amount_adsorbed", "weak acid": "hydrogen_ion_conc", "substrate inhibition": "rate_with_excess",
    }[kind]  # fmt: skip
    form.write(f"log_{function}" if decadic else function, lines, value)

    def reference(v: Values) -> Mapping[str, Any]:
        c, o, t = v[array], v.get(f"{partner}_conc"), v.get("temperatures", v.get("temp"))
        found: dict[str, Callable[[], Any]] = {
            "ph": lambda: v.pka + np.log10(o / c),
            "nernst": lambda: (
                v.standard_potential - 8.314462618 * t / (v.electrons * 96485.33212) * np.log(c / o)
            ),
            "arrhenius": lambda: v.prefactor * np.exp(-v.activation_energy / (8.314462618 * t)) * c,
            "ionic": lambda: 10 ** (-0.509 * v.charge**2 * (np.sqrt(c) / (1 + np.sqrt(c)) - 0.3 * c)),
            "langmuir": lambda: v.k_a * c / (1 + v.k_a * c + v.k_b * o),
            "competitive": lambda: v.v_max * c / (v.k_m * (1 + o / v.k_i) + c),
            "hill": lambda: c**v.hill_coeff / (v.k_half**v.hill_coeff + c**v.hill_coeff),
            "freundlich": lambda: v.k_f * c ** (1 / v.intensity),
            "weak acid": lambda: (np.sqrt(v.k_a**2 + 4 * v.k_a * c) - v.k_a) / 2,
            "substrate inhibition": lambda: v.v_max * c / (v.k_m + c + c * c / v.k_i),
        }
        out = found[kind]()
        return {made: np.log10(out) if decadic else out}

    d.check(reference, 2e-3)
