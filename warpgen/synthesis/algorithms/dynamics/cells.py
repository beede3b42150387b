"""Membranes of nerve and heart cells, stepped by the classical models."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.dynamics import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.pieces import piece

VTRAP = piece(
    """
@wp.func
def vtrap(x: float, y: float) -> float:
    # Series expansion near x = 0, where x / (exp(x / y) - 1) has a removable singularity
    z = x / y
    if wp.abs(z) < 0.01:
        return y * (1.0 - 0.5 * z + z * z / 12.0)
    return x / (wp.exp(z) - 1.0)
""",
    numpy=lambda x, y: np.where(np.abs(x / y) < 1e-4, y * (1 - 0.5 * x / y), x / np.expm1(x / y)),
)


def _rates(v: Any) -> tuple[Any, ...]:
    """Opening and closing rates of the gates m, h and n, in 1/ms."""
    am, bm = 0.1 * VTRAP(-(v + 40.0), 10.0), 4.0 * np.exp(-(v + 65.0) / 18.0)
    ah, bh = 0.07 * np.exp(-(v + 65.0) / 20.0), 1.0 / (np.exp(-(v + 35.0) / 10.0) + 1.0)
    an, bn = 0.01 * VTRAP(-(v + 55.0), 10.0), 0.125 * np.exp(-(v + 65.0) / 80.0)
    return am, bm, ah, bh, an, bn


@DOMAIN.algorithm(
    source="Hodgkin & Huxley 1952, eqs. 26-31; Rush & Larsen 1978",
    names={
        "step_membrane": "hodgkin_huxley_step|update_neurons|integrate_membrane",
        "v": "voltage|potential|vm",
        "gates": "gating|mhn",
        "current": "stimulus|i_ext",
        "dt": "time_step",
    },
    adjoint="no",
    element="neuron",
)
def step_membrane(d: Draft) -> None:
    """Integrates Hodgkin-Huxley neurons."""
    gate_step = d.option("gates", "euler", "rush larsen", "midpoint")
    layout = d.option("layout", "vector", "separate", "matrix")
    coupled = d.option("coupled", "no", "cable", "synapses")
    units = d.flag("units")
    inner = d.option("inner", "one", "several")
    spikes = d.flag("spikes", 0.35)
    count = d.pick(48, 64, 96)
    substeps = d.pick(2, 3, 4)
    d.says({
        "no": "Integrates Hodgkin-Huxley neurons.",
        "cable": "Integrates Hodgkin-Huxley compartments along a nerve fiber.",
        "synapses": "Integrates Hodgkin-Huxley neurons coupled by excitatory synapses.",
    }[coupled])  # fmt: skip
    if coupled == "cable":
        d.input("v_old", "float", count, -75.0, -20.0, about="Previous membrane potentials [mV]")
    else:
        d.inout("v", "float", count, -75.0, -20.0, about="Membrane potentials [mV]")
    if layout == "vector":
        d.inout("gates", "vec3", count, 0.1, 0.5, about="Gating variables (m, h, n)")
        load = "g = gates[tid]\nm = g[0]\nh = g[1]\nn = g[2]"
        save = "gates[tid] = wp.vec3(m, h, n)"
    elif layout == "separate":
        for name, told in (
            ("m_gate", "Sodium channel activation"),
            ("h_gate", "Sodium channel inactivation"),
            ("n_gate", "Potassium channel activation"),
        ):
            d.inout(name, "float", count, 0.1, 0.5, about=told)
        load = "m = m_gate[tid]\nh = h_gate[tid]\nn = n_gate[tid]"
        save = "m_gate[tid] = m\nh_gate[tid] = h\nn_gate[tid] = n"
    else:
        d.inout("gates", "float", (count, 3), 0.1, 0.5, about="Gating variables (m, h, n)")
        load = "m = gates[tid, 0]\nh = gates[tid, 1]\nn = gates[tid, 2]"
        save = "gates[tid, 0] = m\ngates[tid, 1] = h\ngates[tid, 2] = n"
    d.input("current", "float", count, 0.0, 15.0, about="Injected currents [uA/cm^2]")
    if coupled == "cable":
        d.param("g_axial", "float", 0.1, 0.5, about="Axial conductance [mS/cm^2]")
    elif coupled == "synapses":
        d.input("offsets", "int", count + 1, 0, 3 * count, "offsets", about="Synapse offsets per neuron")
        d.input("sources", "int", 3 * count, 0, count, about="Presynaptic neuron indices")
        d.input(
            "open_share",
            "float",
            count,
            0.0,
            0.3,
            about="Open fraction of synaptic channels, per presynaptic neuron",
        )
        d.param("g_syn", "float", 0.1, 0.4, about="Synaptic conductance [mS/cm^2]")
    several = inner == "several"
    d.param("dt", "float", *((0.02, 0.06) if several else (0.005, 0.02)), about="Time step [ms]")
    h = "dt_sub" if several else "dt"
    if coupled == "cable":
        d.output("v", "float", count, about="Updated membrane potentials [mV]")
    if spikes:
        d.param("threshold", "float", -30.0, -25.0, about="Spike threshold [mV]")
        cells = "compartments" if coupled == "cable" else "neurons"
        d.output("fired", "int", count, about=f"Spike flags, 1 for {cells} that fired")
    d.use(VTRAP)
    per_area, millivolts = ("  # [mS/cm^2]", "  # [mV]") if units else ("", "")
    for name, value in (("NA", "120.0"), ("K", "36.0"), ("LEAK", "0.3")):
        d.module(f"G_{name} = wp.constant({value}){per_area}")
    for name, value in (("NA", "50.0"), ("K", "-77.0"), ("LEAK", "-54.4")):
        d.module(f"E_{name} = wp.constant({value}){millivolts}")
    drive = {
        "no": "i_in = current[tid]",
        "cable": f"""
        i_in = current[tid]
        # Sealed ends: no axial current at the boundary{"; held constant over sub-steps" * several}
        if tid > 0:
            i_in += g_axial * (v_old[tid - 1] - v_old[tid])
        if tid < last:
            i_in += g_axial * (v_old[tid + 1] - v_old[tid])
        """,
        "synapses": """
        conductance = float(0.0)
        for k in range(offsets[tid], offsets[tid + 1]):
            conductance += g_syn * open_share[sources[k]]
        i_in = current[tid]
        """,
    }[coupled]
    rates = """
    # Rate constants [1/ms], potentials [mV]
    am = 0.1 * vtrap(-(u + 40.0), 10.0)
    bm = 4.0 * wp.exp(-(u + 65.0) / 18.0)
    ah = 0.07 * wp.exp(-(u + 65.0) / 20.0)
    bh = 1.0 / (wp.exp(-(u + 35.0) / 10.0) + 1.0)
    an = 0.01 * vtrap(-(u + 55.0), 10.0)
    bn = 0.125 * wp.exp(-(u + 65.0) / 80.0)
    """
    gates = {
        "euler": f"""
        m += {h} * (am * (1.0 - m) - bm * m)
        h += {h} * (ah * (1.0 - h) - bh * h)
        n += {h} * (an * (1.0 - n) - bn * n)
        """,
        "rush larsen": f"""
        # Rush-Larsen: exact for constant V, unconditionally stable
        m_inf = am / (am + bm)
        h_inf = ah / (ah + bh)
        n_inf = an / (an + bn)
        m = m_inf + (m - m_inf) * wp.exp(-{h} * (am + bm))
        h = h_inf + (h - h_inf) * wp.exp(-{h} * (ah + bh))
        n = n_inf + (n - n_inf) * wp.exp(-{h} * (an + bn))
        """,
        "midpoint": f"""
        # Crank-Nicolson, closed form since the gate equations are linear
        m = (m * (1.0 - 0.5 * {h} * (am + bm)) + {h} * am) / (1.0 + 0.5 * {h} * (am + bm))
        h = (h * (1.0 - 0.5 * {h} * (ah + bh)) + {h} * ah) / (1.0 + 0.5 * {h} * (ah + bh))
        n = (n * (1.0 - 0.5 * {h} * (an + bn)) + {h} * an) / (1.0 + 0.5 * {h} * (an + bn))
        """,
    }[gate_step]
    synaptic = coupled == "synapses"
    membrane = f"""
    i_na = G_NA * m * m * m * h * (u - E_NA)
    i_k = G_K * n * n * n * n * (u - E_K)
    i_leak = G_LEAK * (u - E_LEAK)
    $excite
    # C_m = 1 uF/cm^2, so dV/dt equals the membrane current
    u += {h} * (i_in - i_na - i_k - i_leak{" - i_syn" * synaptic})
    """
    step = "$rates\n$gates\n$membrane"
    if inner == "several":
        d.module(f"SUBSTEPS = wp.constant({substeps})")
        step = (
            "# Sub-step to resolve the fast sodium gates\n"
            "dt_sub = dt / float(SUBSTEPS)\n"
            "for sub in range(SUBSTEPS):\n"
            "    $rates\n"
            "    $gates\n"
            "    $membrane"
        )
    mark = (
        """
    # Detect spikes as upward threshold crossings
    fired[tid] = wp.where(u >= threshold and before < threshold, 1, 0)
    """
        if spikes
        else ""
    )
    d.launch(count)
    d.code(
        "$last\ntid = wp.tid()\nu = $v[tid]\n$before\n$load\n$drive\n$step\nv[tid] = u\n$save\n$mark",
        last="last = v_old.shape[0] - 1" if coupled == "cable" else "",
        v="v_old" if coupled == "cable" else "v",
        before="before = u" if spikes else "",
        load=load,
        drive=drive,
        step=step,
        rates=rates,
        gates=gates,
        membrane=membrane,
        excite="# Excitatory reversal potential is 0 mV\ni_syn = conductance * u" if synaptic else "",
        save=save,
        mark=mark,
    )
    d.explain("Potentials in mV, time in ms, currents in uA/cm^2, conductances in mS/cm^2.")

    def reference(v: Values) -> dict[str, Any]:
        u = (v.v_old if coupled == "cable" else v.v).copy()
        if layout == "separate":
            m, h, n = v.m_gate, v.h_gate, v.n_gate
        else:
            m, h, n = v.gates.T
        i_in = v.current.copy()
        if coupled == "cable":
            flow = v.g_axial * np.diff(v.v_old)
            i_in[:-1] += flow
            i_in[1:] -= flow
        elif coupled == "synapses":
            weight = np.array(
                [
                    v.open_share[v.sources[a:b]].sum()
                    for a, b in zip(v.offsets[:-1], v.offsets[1:], strict=True)
                ]
            )
        conductance = v.g_syn * weight if synaptic else 0.0
        h_ = v.dt / substeps if several else v.dt
        for _ in range(substeps if several else 1):
            am, bm, ah, bh, an, bn = _rates(u)
            made = []
            for x, a, b in ((m, am, bm), (h, ah, bh), (n, an, bn)):
                if gate_step == "euler":
                    made.append(x + h_ * (a - (a + b) * x))
                elif gate_step == "rush larsen":
                    made.append(x * np.exp(-h_ * (a + b)) - a / (a + b) * np.expm1(-h_ * (a + b)))
                else:
                    made.append((x + h_ * (a - (a + b) * x / 2)) / (1 + h_ * (a + b) / 2))
            m, h, n = made
            ionic = 120 * m**3 * h * (u - 50) + 36 * n**4 * (u + 77) + 0.3 * (u + 54.4)
            u = u + h_ * (i_in - conductance * u - ionic)
        found = {"v": u}
        if layout == "separate":
            found |= {"m_gate": m, "h_gate": h, "n_gate": n}
        else:
            found["gates"] = np.stack([m, h, n], axis=-1)
        if spikes:
            found["fired"] = (
                (u >= v.threshold) & ((v.v_old if coupled == "cable" else v.v) < v.threshold)
            ).astype(int)
        return found

    d.check(reference, 5e-4)
