"""Cells of the heart muscle and their currents."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.medicine import DOMAIN
from warpgen.synthesis.algorithms.medicine._luo_rudy import GATES, RATES, rates_at
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Luo & Rudy 1991, Circulation Research 68; Rush & Larsen 1978; Shaw & Rudy 1997 (ATP); Goktepe & Kuhl 2010 (tension)",
    names={
        "cardiac_step": "luo_rudy_step|advance_myocytes|ventricular_cell_step",
        "state": "cell_state",
        "potential": "membrane_potential",
        "stimulus": "i_stim|stim_current|pacing",
        "tissue": "cell_type|tissue_type|tissue_id",
        "dt": "time_step|step_ms|delta_t",
        "i_ion": "i_total|ionic_current|total_current",
    },
    element="",  # cells read what others wrote in the step before
    weight=4,
)
def cardiac_step(d: Draft) -> None:
    """Advances membrane potential, gates and calcium in ventricular cells (Luo-Rudy model)."""
    gating = d.option("gating", "rush larsen", "euler", "backward euler")
    layout = d.option("layout", "cells first", "variables first")
    blocked = d.option("drug", "none", "sodium", "potassium")
    scar = d.option("scar", "none", "mask", "types")
    paced = d.option("stimulus", "pulse", "array", "sites")
    coupling = d.option("coupling", "none", "neighbors", "fibers")
    tension = d.flag("tension", 0.55)
    pumps = d.flag("pumps", 0.55)
    ischemia = d.flag("ischemia", 0.5)
    result = d.option("result", "state", "currents", weights=(0.7, 0.3))
    if result == "currents":
        d.calls("ionic_currents|luo_rudy_currents|membrane_currents")
    cells = d.pick(32, 48)
    first = layout == "cells first"

    def at(name: str, k: int) -> str:
        return f"{name}[cell, {k}]" if first else f"{name}[{k}, cell]"

    d.input("potential", "float", cells, -105.0, 20.0, about="membrane potential per cell [mV]")
    shape = (cells, 7) if first else (7, cells)
    d.input("state", "float", shape, 0.15, 0.85, about="gates m, h, j, d, f, x and calcium [0.01 mM]")
    d.module("CALCIUM_UNIT = wp.constant(0.01)  # calcium unit in the state vector [mM]")
    if scar == "mask":
        d.mask("excitable", "bool", cells, about="excitable tissue mask, False inside scars")
    elif scar == "types":
        d.input("tissue", "int", cells, -1, 3, about="tissue type per cell, -1 if none")
    stepped = result == "state"
    if stepped and paced == "sites":
        d.input("pacing_site", "int", cells, -1, 2, about="pacing electrode index per cell, -1 if none")
        d.param(
            "electrode_current",
            "vec2",
            -40.0,
            -20.0,
            about="pacing current per electrode, negative to depolarize [uA/cm^2]",
        )
        d.param("electrode_delay", "vec2", 0.0, 1.0, about="pulse onset time per electrode [ms]")
        d.param("time", "float", 0.5, 2.5, about="time since beat onset [ms]")
    elif stepped and paced == "array":
        d.input(
            "stimulus", "float", cells, -20.0, 0.0, about="stimulus current, negative to depolarize [uA/cm^2]"
        )
    elif stepped:
        d.param("time", "float", 0.0, 2.0, about="time since beat onset [ms]")
        d.param("amplitude", "float", -40.0, -20.0, about="pacing current, negative to depolarize [uA/cm^2]")
    if blocked != "none":
        d.param("block", "float", 0.2, 0.8, about="fraction of channels blocked by the drug")
    if ischemia:
        d.input("potassium_out", "float", cells, 4.0, 12.0, about="extracellular potassium [mM]")
        d.input("atp", "float", cells, 2.0, 7.0, about="intracellular ATP [mM]")
    coupled, strained = coupling != "none" and stepped, tension and stepped
    if coupled:
        sides = "left, right, lower and upper" if coupling == "fibers" else "up to four coupled"
        about = f"indices of {sides} cells, -1 if none"
        d.input("neighbors", "int", (cells, 4), -1, cells, about=about)
        d.param("coupling", "float", 0.1, 0.4, about="coupling conductance between neighbors [mS/cm^2]")
    if coupled and coupling == "fibers":
        d.input("fiber_angle", "float", cells, -1.5, 1.5, about="muscle fiber angle [rad]")
        d.param("anisotropy", "float", 0.1, 0.4, about="transverse-to-longitudinal conductance ratio")
    if strained:
        d.input("tension", "float", cells, 0.0, 20.0, about="active tension [kPa]")
    if stepped:
        d.param("dt", "float", 0.005, 0.02, about="time step [ms]")
        d.output("next_potential", "float", cells, about="updated membrane potential [mV]")
        d.output("next_state", "float", shape, about="updated gates and calcium")
        if strained:
            d.output("next_tension", "float", cells, about="updated active tension [kPa]")
    else:
        d.output("i_ion", "float", cells, about="total ionic current [uA/cm^2]")
    if stepped:
        d.function(
            """
            @wp.func
            def advance_gate(gate: float, alpha: float, beta: float, dt: float) -> float:
                \"\"\"Advance a gate with dy/dt = alpha * (1 - y) - beta * y by one step.\"\"\"
                $rule
            """,
            rule={
                "rush larsen": (
                    "# Exponential update, exact at fixed potential and stable for any dt\n"
                    "rate = alpha + beta\n"
                    "steady = alpha / rate\n"
                    "return steady + (gate - steady) * wp.exp(-dt * rate)"
                ),
                "euler": "return gate + dt * (alpha * (1.0 - gate) - beta * gate)",
                "backward euler": "return (gate + dt * alpha) / (1.0 + dt * (alpha + beta))",
            }[gating],
        )
    # The calcium concentration is of the order of 1e-3 mM: the array holds it in units of 0.01 mM.
    reads = "\n".join(f"{n} = {at('state', k)}" for k, n in enumerate(GATES))
    sodium = "23.0 * (1.0 - block)" if blocked == "sodium" else "23.0"
    potassium = (
        "0.282" + (" * root_k" if ischemia else "") + (" * (1.0 - block)" if blocked == "potassium" else "")
    )
    dead = {"none": "", "mask": " and excitable[other]", "types": " and tissue[other] >= 0"}[scar]
    skip = {
        "none": "",
        "mask": "# Skip scar tissue, which is not excitable\nif not excitable[cell]:\n    $keep\n    return",
        "types": "# Skip cells without tissue\nif tissue[cell] < 0:\n    $keep\n    return",
    }[scar]
    keep = f"next_potential[cell] = vm\nfor k in range(7):\n    {at('next_state', 0).replace('0', 'k')} = {at('state', 0).replace('0', 'k')}"
    if strained:
        keep += "\nnext_tension[cell] = tension[cell]"
    if not stepped:
        keep = "i_ion[cell] = 0.0"
    skip = skip.replace("    $keep\n", "".join(f"    {line}\n" for line in keep.split("\n")))
    currents = """
        # Fast sodium current
        g_na = $g_na
        e_na = 54.4
        i_na = g_na * m * m * m * h * j * (vm - e_na)
        # Slow inward calcium current
        e_si = 7.7 - 13.0287 * wp.log(cai)
        i_si = 0.09 * d * f * (vm - e_si)
        $e_k
        # Inward rectification factor of the time-dependent K+ current, 1 below -100 mV
        if vm <= -100.0:
            rectifier = 1.0
        elif wp.abs(vm - e_k) < 1.0e-3:
            rectifier = 2.837 * 0.04 * wp.exp(-0.04 * (vm + 35.0))
        else:
            rectifier = 2.837 * (wp.exp(0.04 * (vm - e_k)) - 1.0)
            rectifier /= (vm - e_k) * wp.exp(0.04 * (vm + 35.0))
        i_k = g_k * x * rectifier * (vm - e_k)
        $e_k1
        alpha_k1 = 1.02 / (1.0 + wp.exp(0.2385 * (vm - e_k1 - 59.215)))
        beta_k1 = 0.49124 * wp.exp(0.08032 * (vm - e_k1 + 5.476))
        beta_k1 += wp.exp(0.06175 * (vm - e_k1 - 594.31))
        beta_k1 /= 1.0 + wp.exp(-0.5143 * (vm - e_k1 + 4.753))
        # Time-independent potassium current
        i_k1 = $g_k1 * alpha_k1 / (alpha_k1 + beta_k1) * (vm - e_k1)
        # Plateau and background currents
        i_kp = 0.0183 / (1.0 + wp.exp((7.488 - vm) / 5.98)) * (vm - e_k1)
        i_bg = 0.03921 * (vm + 59.87)
        $pumps
        $katp
        $sum
    """
    exchange = """
        # Sodium-potassium pump (Luo & Rudy 1994), 71 % of whose 1.5 uA/uF remain with 18 mM of sodium inside
        vfrt = vm / 26.71
        f_nak = 1.0 / (1.0 + 0.1245 * wp.exp(-0.1 * vfrt) + 0.036533 * wp.exp(-vfrt))
        i_nak = 1.0607 * f_nak * $k_out / ($k_out + 1.5)
        # Sodium-calcium exchanger (3 Na+ : 1 Ca2+)
        barrier = wp.exp(-0.65 * vfrt)
        # 18 mM intracellular sodium, cubed, and 1.8 mM extracellular calcium
        sodium_out = 5832.0 * 1.8 * wp.exp(0.35 * vfrt)
        # 140 mM extracellular sodium, cubed
        sodium_in = 2.744e6 * cai * barrier
        saturation = (669921.875 + 2.744e6) * (1.38 + 1.8) * (1.0 + 0.1 * barrier)
        i_ncx = 2000.0 * (sodium_out - sodium_in) / saturation
        # Sarcolemmal calcium pump
        i_pca = 1.15 * cai / (0.0005 + cai)
    """
    katp = """
        # ATP-sensitive potassium current (Shaw & Rudy 1997), half-activated at 0.25 mM ATP
        atp_ratio = atp[cell] / 0.25
        open_fraction = 1.0 / (1.0 + atp_ratio * atp_ratio)
        i_katp = 3.9 * wp.pow(potassium_out[cell] / 5.4, 0.24) * open_fraction * (vm - e_k1)
    """
    reversal = "e_k = -77.0", "e_k1 = -87.26"
    if ischemia:
        # 145 mM of potassium and 18 mM of sodium are inside
        reversal = (
            "# Reversal potentials depend on extracellular potassium; the i_k channel also conducts some sodium\n"
            "e_k = 26.71 * wp.log((potassium_out[cell] + 2.5662) / 145.33)",
            "e_k1 = 26.71 * wp.log(potassium_out[cell] / 145.0)",
        )
    total = (
        "i_na + i_si + i_k + i_k1 + i_kp + i_bg"
        + (" + i_nak + i_ncx + i_pca" if pumps else "")
        + (" + i_katp" if ischemia else "")
    )
    names = [
        f"{at('next_state', k)} = advance_gate({n}, alpha_{n}, beta_{n}, dt)" for k, n in enumerate(GATES)
    ]
    advance = f"""
        $gates
        # Calcium uptake relaxes towards the 1e-4 mM resting level
        cai_next = cai + dt * (-1.0e-4 * i_si + 0.07 * (1.0e-4 - cai))
        {at("next_state", 6)} = cai_next / CALCIUM_UNIT
        # C_m = 1 uF/cm^2, dV/dt = -(I_ion + I_stim) / C_m
        next_potential[cell] = vm - dt * (i_total + i_stim)
    """
    gap, conducts, strain = "", "", ""
    if coupled:
        gap = f"""
        i_gap = float(0.0)
        for side in range(4):
            other = neighbors[cell, side]
            # No-flux boundary at tissue edges{" and scars" if scar != "none" else ""}
            if other >= 0{dead}:
                $conducts
                i_gap += {"g" if coupling == "fibers" else "coupling"} * (vm - potential[other])
        i_total += i_gap
        """
    if coupled and coupling == "fibers":
        d.function('''
            @wp.func
            def conductance(angle: float, side: int, coupling: float, anisotropy: float) -> float:
                """Fiber conductance along x (sides 0 and 1) or y, ignoring the off-diagonal term."""
                along = wp.where(side < 2, wp.cos(angle), wp.sin(angle))
                return coupling * (anisotropy + (1.0 - anisotropy) * along * along)
        ''')
        conducts = """
            # Average both cells so that the coupling current is conservative
            g = 0.5 * conductance(fiber_angle[cell], side, coupling, anisotropy)
            g += 0.5 * conductance(fiber_angle[other], side, coupling, anisotropy)
        """
    if strained:
        strain = """
        # Active tension (Nash & Panfilov 2004, Goktepe & Kuhl 2010); excitation is 0 at rest and 1 at the plateau
        excited = wp.clamp((vm + 84.0) / 100.0, 0.0, 1.0)
        # Fast rise, slow decay
        tension_rate = 0.1 + 0.9 * wp.exp(-wp.exp(-30.0 * (excited - 0.05)))
        target_tension = 47.9 * excited
        next_tension[cell] = tension[cell] + dt * tension_rate * (target_tension - tension[cell])
        """
    pace = {
        "sites": """
            # Each electrode delivers a 1 ms pulse
            site = pacing_site[cell]
            i_stim = float(0.0)
            if site >= 0:
                since_onset = time - electrode_delay[site]
                if since_onset >= 0.0 and since_onset < 1.0:
                    i_stim = electrode_current[site]
        """,
        "pulse": (
            "# Apply a 1 ms pacing pulse at the start of the beat\n"
            "i_stim = wp.where(time < 1.0, amplitude, 0.0)"
        ),
        "array": "i_stim = stimulus[cell]",
    }[paced]
    d.launch(cells)
    d.code(
        f"""
        cell = wp.tid()
        vm = potential[cell]
        $skip
        $reads
        cai = CALCIUM_UNIT * {at("state", 6)}
        $root_k
        g_k = {potassium}
        $rates
        $currents
        $gap
        $pace
        $advance
        $strain
        """,
        skip=skip,
        reads=reads,
        rates=RATES if stepped else "",
        currents=currents,
        g_na=sodium,
        root_k="# Potassium conductance scales with the square root of extracellular potassium\nroot_k = wp.sqrt(potassium_out[cell] / 5.4)"
        if ischemia
        else "",
        g_k1="0.6047 * root_k" if ischemia else "0.6047",
        pumps=exchange if pumps else "",
        k_out="potassium_out[cell]" if ischemia else "5.4",
        katp=katp if ischemia else "",
        e_k=reversal[0],
        e_k1=reversal[1],
        sum=f"i_total = {total}",
        gates="\n".join(names),
        gap=gap,
        conducts=conducts,
        pace=pace if stepped else "",
        advance=advance if stepped else "i_ion[cell] = i_total",
        strain=strain,
    )
    cells_ = f"{'ischemic ' if ischemia else ''}ventricular heart cells"
    cells_ += f" under a {blocked} channel blocker" if blocked != "none" else ""
    if stepped:
        what = "gates, calcium and tension" if strained else "gates and calcium"
        joined = {"neighbors": "coupled, ", "fibers": "anisotropically coupled, "}.get(coupling, "")
        d.says(f"Advances membrane potential, {what} of {joined}paced {cells_} (Luo-Rudy model).")
    else:
        d.says(f"Computes transmembrane ionic currents of {cells_} (Luo-Rudy model).")
    dull = "Scars" if scar == "mask" else "Cells without tissue"
    d.explain(
        "The ionic current includes fast sodium, slow inward, time-dependent and time-independent\n"
        "potassium, plateau and background currents"
        + ", ion pumps and the sodium-calcium exchanger" * pumps
        + (", and the ATP-sensitive potassium current" if ischemia else "")
        + f". Potentials are in mV{', times in ms' if stepped else ''}, currents in uA/cm^2."
        + (" Tension follows Nash and Panfilov." if strained else "")
        + f" {dull} {'stay as they are' if stepped else 'carry no current'}." * (scar != "none")
    )

    def reference(v: Values) -> dict[str, Any]:
        y = v.state.T if first else v.state
        gate = dict(zip(GATES, y, strict=False))
        u, ca = v.potential, 0.01 * y[6]
        e = np.exp
        share = 1 - v.get("block", 0.0)
        i_na = (
            23 * (share if blocked == "sodium" else 1) * gate["m"] ** 3 * gate["h"] * gate["j"] * (u - 54.4)
        )
        i_si = 0.09 * gate["d"] * gate["f"] * (u - 7.7 + 13.0287 * np.log(ca))
        ek, ek1 = -77.0, -87.26
        if ischemia:
            ek = 26.71 * np.log((v.potassium_out + 2.5662) / 145.33)
            ek1 = 26.71 * np.log(v.potassium_out / 145)
        rectified = 2.837 * (e(0.04 * (u - ek)) - 1) / e(0.04 * (u + 35))
        rectified = np.where(u <= -100, u - ek, rectified)
        root = np.sqrt(v.potassium_out / 5.4) if ischemia else 1.0
        i_k = 0.282 * root * (share if blocked == "potassium" else 1) * gate["x"] * rectified
        w = u - ek1
        a = 1.02 / (1 + e(0.2385 * (w - 59.215)))
        b = (0.49124 * e(0.08032 * (w + 5.476)) + e(0.06175 * (w - 594.31))) / (1 + e(-0.5143 * (w + 4.753)))
        i = i_na + i_si + i_k + 0.6047 * root * a / (a + b) * w
        i = i + 0.0183 * w / (1 + e((7.488 - u) / 5.98)) + 0.03921 * (u + 59.87)
        if ischemia:
            i = i + 3.9 * (v.potassium_out / 5.4) ** 0.24 * w / (1 + (v.atp / 0.25) ** 2)
        if pumps:
            w = u / 26.71
            k_out = v.potassium_out if ischemia else 5.4
            taken = 1.5 / (1 + (10 / 18) ** 1.5)
            i = i + taken / (1 + 0.1245 * e(-0.1 * w) + 0.03653285 * e(-w)) * k_out / (k_out + 1.5)
            top = 18.0**3 * 1.8 * e(0.35 * w) - 140.0**3 * ca * e(-0.65 * w)
            i = i + 2000 * top / ((87.5**3 + 140.0**3) * 3.18 * (1 + 0.1 * e(-0.65 * w)))
            i = i + 1.15 * ca / (0.0005 + ca)
        there = np.ones(cells, bool)
        if scar != "none":
            there = v.excitable if scar == "mask" else v.tissue >= 0
        if not stepped:
            return {"i_ion": np.where(there, i, 0.0)}
        h = v.dt
        after = []
        for n, (opening, closing) in rates_at(u).items():
            g, k = gate[n], opening + closing
            after.append(
                {
                    "rush larsen": opening / k + (g - opening / k) * e(-h * k),
                    "euler": g + h * (opening - k * g),
                    "backward euler": (g + h * opening) / (1 + h * k),
                }[gating]
            )
        after.append(y[6] + 100 * h * (-1e-4 * i_si + 0.07 * (1e-4 - ca)))
        if paced == "sites":
            site = np.maximum(v.pacing_site, 0)
            since = v.time - v.electrode_delay[site]
            on = (v.pacing_site >= 0) & (since >= 0) & (since < 1)
            stim = v.electrode_current[site] * on
        else:
            stim = v.stimulus if paced == "array" else (v.amplitude if v.time < 1 else 0.0)
        if coupled:
            g = np.full((cells, 4), v.coupling)
            if coupling == "fibers":
                c, s = np.cos(v.fiber_angle) ** 2, np.sin(v.fiber_angle) ** 2
                g[:, :2] *= (c + v.anisotropy * s)[:, None]
                g[:, 2:] *= (s + v.anisotropy * c)[:, None]
                g = 0.5 * (g + g[v.neighbors, np.arange(4)])
            g = g * there[v.neighbors]
            i = i + (g * (v.neighbors >= 0) * (u[:, None] - u[v.neighbors])).sum(axis=1)
        moved = np.where(there, np.array(after), y)
        answer = {
            "next_state": moved.T if first else moved,
            "next_potential": np.where(there, u - h * (i + stim), u),
        }
        if strained:
            z = np.clip((u + 84) / 100, 0, 1)
            rate = 0.1 + 0.9 * e(-e(-30 * (z - 0.05)))
            pulled = v.tension + h * rate * (47.9 * z - v.tension)
            answer["next_tension"] = np.where(there, pulled, v.tension)
        return answer

    d.check(reference, 2e-3)
