"""Leaves that take up carbon and let water out."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.climate import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.trim import trim


@DOMAIN.algorithm(
    source="Farquhar et al. 1980; Bernacchi et al. 2001; Collatz et al. 1991; Medlyn et al. 2011",
    names={
        "light": "par|ppfd|q_par",
        "leaf_temp": "t_leaf|leaf_celsius|temperature",
        "vcmax25": "vcmax|vc_max|vc25",
        "vpd": "vapor_deficit|leaf_vpd|deficit",
        "co2": "ca|ambient_co2|carbon_dioxide",
    },
    adjoint="either",
    weight=3,
    element="plant",
)
def assimilate_carbon(d: Draft) -> None:
    """Computes leaf net photosynthesis (Farquhar model)."""
    inside = d.option("inside", "ratio", "given", "medlyn", "ball berry")
    limit = d.option("limit", "hard", "smooth")
    heat = d.option("heat", "arrhenius", "peaked")
    electrons = d.option("electrons", "quadratic", "rectangular", "saturating")
    product = d.flag("product", 0.4)
    result = d.option("result", "uptake", "conductance", "regime", "gross")
    shape = d.option("layout", "leaves", "canopy")
    count, layers = d.pick(48, 64, 96), d.pick(4, 6)
    grid = shape == "canopy"
    size: Any = (d.pick(12, 16), layers) if grid else count
    at = "i, j" if grid else "tid"
    solved = inside in ("medlyn", "ball berry")
    d.calls(
        {
            "uptake": "assimilate_carbon|net_photosynthesis|leaf_uptake|farquhar_model",
            "conductance": "stomatal_conductance|leaf_conductance"
            if solved
            else "transpire_leaves|leaf_transpiration",
            "regime": "limitation_ratio|light_to_enzyme_ratio|photosynthesis_regime",
            "gross": "gross_photosynthesis|leaf_photosynthesis|farquhar_gross",
        }[result]
    )
    d.says({
        "uptake": "Computes leaf net photosynthesis (Farquhar model).",
        "conductance": "Computes leaf stomatal conductance using the model of "
        + ("Medlyn et al. (2011)." if inside == "medlyn" else "Ball and Berry (1987)."),
        "regime": "Computes the ratio of light-limited to enzyme-limited photosynthesis.",
        "gross": "Computes leaf gross photosynthesis.",
    }[result])  # fmt: skip
    # In the shade, respiration outdoes the uptake; cold leaves in rich air cannot use all they fix
    bright = (0.0, 500.0) if solved else (100.0, 1500.0)
    warmth, air, inner_air = (
        ((6.0, 28.0), (450.0, 800.0), (150.0, 430.0))
        if product
        else ((10.0, 35.0), (380.0, 450.0), (150.0, 350.0))
    )
    d.input("light", "float", size, *bright, about="Photosynthetically active radiation [umol/m^2/s]")
    d.input("leaf_temp", "float", size, *warmth, about="Leaf temperature [deg C]")
    d.input("vcmax25", "float", size, 40.0, 100.0, about="Carboxylation capacity at 25 deg C [umol/m^2/s]")
    if solved or result == "conductance":
        d.input("vpd", "float", size, 0.3, 0.9 if product else 1.2, about="Vapor pressure deficit [kPa]")
    if inside == "given":
        d.input("inner_co2", "float", size, *inner_air, about="Intercellular CO2 [umol/mol]")
        if result == "conductance":
            d.param("co2", "float", *air, about="Ambient CO2 [umol/mol]")
    else:
        d.param("co2", "float", *air, about="Ambient CO2 [umol/mol]")
    if inside == "ratio":
        d.param("ratio", "float", 0.6, 0.8, about="Ratio of intercellular to ambient CO2")
    d.module("GAS = wp.constant(8.314)  # J / (mol K)")
    warm = """
    tk = leaf_temp[@] + 273.15
    vc25 = vcmax25[@]
    # Arrhenius temperature response relative to 25 deg C
    x = (tk - 298.15) / (298.15 * GAS * tk)
    kc = 404.9 * wp.exp(79430.0 * x)
    ko = 278.4 * wp.exp(36380.0 * x)
    gamma_star = 42.75 * wp.exp(37830.0 * x)
    vcmax = vc25 * wp.exp(65330.0 * x)
    jmax = 1.67 * vc25 * wp.exp(43540.0 * x)
    rd = 0.015 * vc25 * wp.exp(46390.0 * x)
    # Effective Michaelis constant with competitive inhibition by 210 mmol/mol O2
    km = kc * (1.0 + 210.0 / ko)
    """
    if heat == "peaked":
        warm += """
    # High-temperature deactivation, since enzymes denature above about 35 deg C
    deactivation25 = 1.0 + wp.exp((298.15 * 650.0 - 200000.0) / (298.15 * GAS))
    deactivation = 1.0 + wp.exp((tk * 650.0 - 200000.0) / (tk * GAS))
    vcmax *= deactivation25 / deactivation
    jmax *= deactivation25 / deactivation
    """
    transport = {
        "quadratic": """
        # Smaller root of theta J^2 - (I + Jmax) J + I Jmax = 0
        absorbed = 0.5 * 0.85 * 0.85 * light[@]
        sum_ = absorbed + jmax
        j_rate = (sum_ - wp.sqrt(sum_ * sum_ - 4.0 * 0.7 * absorbed * jmax)) / (2.0 * 0.7)
        """,
        "rectangular": "absorbed = 0.3 * light[@]\nj_rate = absorbed * jmax / (absorbed + jmax)",
        "saturating": (
            "# Smith (1937) light response\n"
            "absorbed = 0.24 * light[@]\n"
            "j_rate = absorbed / wp.sqrt(1.0 + absorbed * absorbed / (jmax * jmax))"
        ),
    }[electrons].replace("sum_", "both")

    def rates(ci: str) -> str:
        text = f"""
        a_c = vcmax * ({ci} - gamma_star) / ({ci} + km)
        a_j = 0.25 * j_rate * ({ci} - gamma_star) / ({ci} + 2.0 * gamma_star)
        """
        if limit == "hard":
            text += """
        gross = wp.min(a_c, a_j)
        """
        else:
            text += """
        # Smooth minimum of both rates (quadratic co-limitation)
        mixed = a_c + a_j
        gross = (mixed - wp.sqrt(mixed * mixed - 4.0 * 0.98 * a_c * a_j)) / (2.0 * 0.98)
        """
        if product:
            text += """
        # Limit by triose phosphate utilization
        gross = wp.min(gross, 0.5 * vcmax)
        """
        return (
            text
            + """
        net = gross - rd
        """
        )

    if inside == "ratio":
        body = "ci = ratio * co2\n" + _flat(rates("ci"))
    elif inside == "given":
        body = "ci = inner_co2[@]\n" + _flat(rates("ci"))
    else:
        floor = "# Clamp assimilation, since it is negative in the dark"
        law = {
            "medlyn": f"{floor}\ngs = 0.02 + 1.6 * (1.0 + 4.0 / wp.sqrt(vpd[@])) * wp.max(net, 0.1) / co2",
            "ball berry": f"{floor}\ngs = 0.02 + 9.0 * humid * wp.max(net, 0.1) / co2",
        }[inside]
        head = ""
        if inside == "ball berry":
            head = (
                "# Relative humidity at the leaf surface (Tetens formula), clamped to at least 0.3\n"
                "saturated = 0.6108 * wp.exp(17.27 * leaf_temp[@] / (leaf_temp[@] + 237.3))\n"
                "humid = wp.max(1.0 - vpd[@] / saturated, 0.3)\n"
            )
        turns = d.pick(4, 5, 6)
        # What is read after the loop must exist before it
        kept = {"uptake": ("net",), "gross": ("gross",), "regime": ("a_c", "a_j"), "conductance": ("gs",)}[
            result
        ]
        body = (
            head
            + (
                "# Fixed-point iteration, since conductance and assimilation are coupled\n"
                "ci = float(0.7 * co2)\n"
            )
            + "".join(f"{name} = float(0.0)\n" for name in kept)
            + (
                f"for turn in range({turns}):\n"
                "    $inner\n"
                "    $law\n"
                "    # Under-relax to avoid oscillations\n"
                "    ci = 0.5 * (ci + co2 - 1.6 * net / gs)"
            )
        )
        inner = _flat(rates("ci"))
    if not solved:
        law, inner, turns = "", "", 0
    out = {
        "uptake": "uptake",
        "conductance": "conductance" if solved else "transpiration",
        "regime": "light_to_enzyme",
        "gross": "photosynthesis",
    }[result]
    about = {
        "uptake": "Net photosynthesis [umol/m^2/s]",
        "conductance": "Stomatal conductance to water [mol/m^2/s]" if solved else "Transpiration [mol/m^2/s]",
        "regime": "Ratio of light-limited to enzyme-limited photosynthesis",
        "gross": "Gross photosynthesis [umol/m^2/s]",
    }[result]
    d.output(out, "float", size, about=about)
    store = {
        "uptake": "uptake[@] = net",
        "gross": "photosynthesis[@] = gross",
        "regime": "light_to_enzyme[@] = a_j / a_c",
        "conductance": "conductance[@] = gs" if solved else """
        # g_s = 1.6 A / (c_a - c_i), factor 1.6 from CO2 to water vapor
        gs = 1.6 * net / (co2 - ci)
        transpiration[@] = gs * vpd[@] / 101.3
        """,
    }[result]  # fmt: skip
    if result == "conductance" and not solved:
        d.says("Computes leaf transpiration.")
    d.launch(*(size if grid else (count,)))
    blocks = {"warm": warm, "transport": transport, "body": body, "store": store, "inner": inner, "law": law}
    d.code(
        f"{at} = wp.tid()\n$warm\n$transport\n$body\n$store",
        **{name: text.replace("@", at) for name, text in blocks.items()},
    )
    trim(d)
    units = "Assimilation and light are in umol/m^2/s, CO2 in umol/mol, temperatures in deg C"
    if result == "conductance":
        units += f", {'conductance' if solved else 'transpiration'} in mol/m^2/s"
    d.explain(f"{units}, `vpd` in kPa." if solved or result == "conductance" else f"{units}.")

    def reference(v: Values) -> dict[str, Any]:
        t = v.leaf_temp + 273.15

        def grow(energy: float) -> Any:
            return np.exp(energy / 8.314 * (1 / 298.15 - 1 / t))

        deactivation = 1.0
        if heat == "peaked":
            deactivation = (1 + np.exp((650 - 2e5 / 298.15) / 8.314)) / (1 + np.exp((650 - 2e5 / t) / 8.314))
        vc = v.vcmax25 * grow(65330) * deactivation
        jmax = 1.67 * v.vcmax25 * grow(43540) * deactivation
        star, km = 42.75 * grow(37830), 404.9 * grow(79430) * (1 + 210 / (278.4 * grow(36380)))
        if electrons == "quadratic":
            i = 0.36125 * v.light
            j = 2 * i * jmax / (i + jmax + np.sqrt((i + jmax) ** 2 - 2.8 * i * jmax))
        elif electrons == "rectangular":
            j = 1 / (1 / (0.3 * v.light) + 1 / jmax)
        else:
            j = 1 / np.sqrt((0.24 * v.light) ** -2 + jmax**-2)

        def carbon(ci: Any) -> tuple[Any, Any, Any]:
            c, e = vc * (ci - star) / (ci + km), j / 4 * (ci - star) / (ci + 2 * star)
            gross = np.minimum(c, e)
            if limit == "smooth":
                gross = 2 * c * e / (c + e + np.sqrt((c + e) ** 2 - 3.92 * c * e))
            return c, e, np.minimum(gross, vc / 2) if product else gross

        rd = 0.015 * v.vcmax25 * grow(46390)
        gs: Any = 0.0
        if solved:
            ci = 0.7 * v.co2 + 0 * t
            for _ in range(turns):
                c, e, gross = carbon(ci)
                open_ = np.maximum(gross - rd, 0.1) / v.co2
                if inside == "medlyn":
                    gs = 0.02 + 1.6 * (1 + 4 / np.sqrt(v.vpd)) * open_
                else:
                    wet = 1 - v.vpd / (0.6108 * np.exp(17.27 * v.leaf_temp / (v.leaf_temp + 237.3)))
                    gs = 0.02 + 9 * np.maximum(wet, 0.3) * open_
                ci = (ci + v.co2 - 1.6 * (gross - rd) / gs) / 2
        else:
            ci = v.ratio * v.co2 if inside == "ratio" else v.inner_co2
            c, e, gross = carbon(ci)
            if result == "conductance":
                gs = 1.6 * (gross - rd) / (v.co2 - ci) * v.vpd / 101.3
        return {out: {"uptake": gross - rd, "gross": gross, "regime": e / c, "conductance": gs}[result]}

    d.check(reference, 3e-3)


def _flat(text: str) -> str:
    return "\n".join(line.strip() for line in text.split("\n") if line.strip())
