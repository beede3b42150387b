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
    # x / (exp(x / y) - 1) has a removable singularity at x = 0, use its series there
    if wp.abs(x / y) < 1.0e-4:
        return y * (1.0 - 0.5 * x / y)
    return x / (wp.exp(x / y) - 1.0)
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
        "gates": "state|gating|mhn",
        "current": "stimulus|i_ext|injected",
        "dt": "step|h_t|time_step",
    },
    adjoint="no",
    weight=3,
    element="neuron",
)
def step_membrane(d: Draft) -> None:
    """Integrates the Hodgkin-Huxley model of neurons."""
    gate_step = d.option("gates", "euler", "rush larsen", "midpoint")
    layout = d.option("layout", "vector", "separate", "matrix")
    coupled = d.option("coupled", "no", "cable", "synapses")
    leak = d.flag("units")
    inner = d.option("inner", "one", "several")
    spikes = d.flag("spikes", 0.35)
    count = d.pick(48, 64, 96)
    substeps = d.pick(2, 3, 4)
    d.says({
        "no": "Integrates the Hodgkin-Huxley model of neurons.",
        "cable": "Integrates the Hodgkin-Huxley model of the compartments of a nerve fiber.",
        "synapses": "Integrates the Hodgkin-Huxley model of neurons that excite each other through synapses.",
    }[coupled])  # fmt: skip
    d.inout("v", "float", count, -75.0, -20.0)
    if layout == "vector":
        d.inout("gates", "vec3", count, 0.2, 0.8, about="Gating variables (m, h, n)")
        load = "g = gates[tid]\nm = float(g[0])\nh = float(g[1])\nn = float(g[2])"
        save = "gates[tid] = wp.vec3(m, h, n)"
    elif layout == "separate":
        for name in ("m_gate", "h_gate", "n_gate"):
            d.inout(name, "float", count, 0.2, 0.8)
        load = "m = float(m_gate[tid])\nh = float(h_gate[tid])\nn = float(n_gate[tid])"
        save = "m_gate[tid] = m\nh_gate[tid] = h\nn_gate[tid] = n"
    else:
        d.inout("gates", "float", (count, 3), 0.2, 0.8, about="Gating variables (m, h, n)")
        load = "m = float(gates[tid, 0])\nh = float(gates[tid, 1])\nn = float(gates[tid, 2])"
        save = "gates[tid, 0] = m\ngates[tid, 1] = h\ngates[tid, 2] = n"
    d.input("current", "float", count, 0.0, 15.0)
    if coupled == "cable":
        d.input("v_old", "float", count, -75.0, -20.0)
        d.param("g_axial", "float", 0.1, 0.5, about="Axial conductance [mS/cm^2]")
    elif coupled == "synapses":
        d.input("offsets", "int", count + 1, 0, 3 * count, "offsets")
        d.input("sources", "int", 3 * count, 0, count)
        d.input("open_share", "float", count, 0.0, 0.3)
        d.param("g_syn", "float", 0.1, 0.4, about="Synaptic conductance")
    d.param("dt", "float", 0.005, 0.02, about="Time step [ms]")
    if spikes:
        d.param("threshold", "float", -30.0, -25.0, about="Spike threshold [mV]")
        d.output("fired", "int", count)
    d.use(VTRAP)
    if leak:
        d.module("G_NA = wp.constant(120.0)\nG_K = wp.constant(36.0)\nG_LEAK = wp.constant(0.3)")
        g_na, g_k, g_l = "G_NA", "G_K", "G_LEAK"
    else:
        g_na, g_k, g_l = "120.0", "36.0", "0.3"
    drive = {
        "no": "i_in = current[tid]",
        "cable": """
        i_in = float(current[tid])
        # Sealed ends, no axial current at the boundary
        if tid > 0:
            i_in += g_axial * (v_old[tid - 1] - v_old[tid])
        if tid < v_old.shape[0] - 1:
            i_in += g_axial * (v_old[tid + 1] - v_old[tid])
        """,
        "synapses": """
        conductance = float(0.0)
        for k in range(offsets[tid], offsets[tid + 1]):
            conductance += g_syn * open_share[sources[k]]
        # Excitatory synapse with reversal potential 0 mV
        i_in = current[tid] - conductance * u
        """,
    }[coupled]
    rates = """
    # Rate constants in 1/ms, potentials in mV
    am = 0.1 * vtrap(-(u + 40.0), 10.0)
    bm = 4.0 * wp.exp(-(u + 65.0) / 18.0)
    ah = 0.07 * wp.exp(-(u + 65.0) / 20.0)
    bh = 1.0 / (wp.exp(-(u + 35.0) / 10.0) + 1.0)
    an = 0.01 * vtrap(-(u + 55.0), 10.0)
    bn = 0.125 * wp.exp(-(u + 65.0) / 80.0)
    """
    gates = {
        "euler": """
        m += dt * (am * (1.0 - m) - bm * m)
        h += dt * (ah * (1.0 - h) - bh * h)
        n += dt * (an * (1.0 - n) - bn * n)
        """,
        "rush larsen": """
        # Rush-Larsen: exact solution for constant V, stable for any dt
        m = am / (am + bm) + (m - am / (am + bm)) * wp.exp(-dt * (am + bm))
        h = ah / (ah + bh) + (h - ah / (ah + bh)) * wp.exp(-dt * (ah + bh))
        n = an / (an + bn) + (n - an / (an + bn)) * wp.exp(-dt * (an + bn))
        """,
        "midpoint": """
        # Crank-Nicolson, solved in closed form since the gate equations are linear
        m = (m * (1.0 - 0.5 * dt * (am + bm)) + dt * am) / (1.0 + 0.5 * dt * (am + bm))
        h = (h * (1.0 - 0.5 * dt * (ah + bh)) + dt * ah) / (1.0 + 0.5 * dt * (ah + bh))
        n = (n * (1.0 - 0.5 * dt * (an + bn)) + dt * an) / (1.0 + 0.5 * dt * (an + bn))
        """,
    }[gate_step]
    membrane = f"""
    i_na = {g_na} * m * m * m * h * (u - 50.0)
    i_k = {g_k} * n * n * n * n * (u + 77.0)
    i_leak = {g_l} * (u + 54.4)
    # C_m = 1 uF/cm^2, so dV = dt * current
    u += dt * (i_in - i_na - i_k - i_leak)
    """
    step = "$rates\n$gates\n$membrane"
    if inner == "several":
        step = (
            f"# the gates are stiff: {substeps} steps for each of the network's\n"
            f"for sub in range({substeps}):\n"
            f"    $rates\n"
            f"    $gates\n"
            f"    $membrane"
        )
    mark = (
        """
    # A spike is an upward crossing of the threshold
    if u >= threshold and before < threshold:
        fired[tid] = 1
    """
        if spikes
        else ""
    )
    d.launch(count)
    d.code(
        "tid = wp.tid()\nu = float(v[tid])\n$before\n$load\n$drive\n$step\nv[tid] = u\n$save\n$mark",
        before="before = float(v[tid])" if spikes else "",
        load=load,
        drive=drive,
        step=step,
        rates=rates,
        gates=gates,
        membrane=membrane,
        save=save,
        mark=mark,
    )
    d.explain("Potentials in mV, time in ms, currents in uA/cm^2, conductances in mS/cm^2.")

    def reference(v: Values) -> dict[str, Any]:
        u = v.v.copy()
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
            i_in = i_in - v.g_syn * weight * u
        for _ in range(substeps if inner == "several" else 1):
            am, bm, ah, bh, an, bn = _rates(u)
            made = []
            for x, a, b in ((m, am, bm), (h, ah, bh), (n, an, bn)):
                if gate_step == "euler":
                    made.append(x + v.dt * (a - (a + b) * x))
                elif gate_step == "rush larsen":
                    made.append(x * np.exp(-v.dt * (a + b)) - a / (a + b) * np.expm1(-v.dt * (a + b)))
                else:
                    made.append((x + v.dt * (a - (a + b) * x / 2)) / (1 + v.dt * (a + b) / 2))
            m, h, n = made
            ionic = 120 * m**3 * h * (u - 50) + 36 * n**4 * (u + 77) + 0.3 * (u + 54.4)
            u = u + v.dt * (i_in - ionic)
        found = {"v": u}
        if layout == "separate":
            found |= {"m_gate": m, "h_gate": h, "n_gate": n}
        else:
            found["gates"] = np.stack([m, h, n], axis=-1)
        if spikes:
            found["fired"] = ((u >= v.threshold) & (v.v < v.threshold)).astype(int)
        return found

    d.check(reference, 5e-4)


@DOMAIN.algorithm(
    source="Izhikevich 2003; Brette & Gerstner 2005",
    names={
        "v": "potential|membrane|vm",
        "u": "recovery|w|adaptation",
        "current": "inputs|i_syn|drive",
        "spikes": "fired|spike|events",
    },
    adjoint="no",
    element="neuron",
)
def spiking_step(d: Draft) -> None:
    """Integrates spiking neurons and detects spikes."""
    model = d.option("model", "izhikevich", "leaky", "adaptive exponential", "quadratic")
    kinds = d.option("kinds", "one", "table", "each")
    halves = d.flag("halves") and model != "leaky"
    rest = d.option("refractory", "none", "counter")
    collect = d.option("collect", "flags", "list", "counts")
    d.calls(
        {
            "izhikevich": "izhikevich_step|spiking_step|update_neurons",
            "leaky": "lif_step|integrate_and_fire|spiking_step|update_neurons",
            "adaptive exponential": "adex_step|spiking_step|update_neurons",
            "quadratic": "qif_step|integrate_and_fire|spiking_step|update_neurons",
        }[model]
    )
    count, classes = d.pick(64, 96, 128), d.pick(3, 4)
    if model in ("leaky", "quadratic"):
        kinds = "one"
    d.says(
        {
            "izhikevich": "Integrates Izhikevich neurons and detects spikes.",
            "leaky": "Integrates leaky integrate-and-fire neurons and detects spikes.",
            "adaptive exponential": "Integrates adaptive exponential integrate-and-fire neurons and detects spikes.",
            "quadratic": "Integrates quadratic integrate-and-fire neurons and detects spikes.",
        }[model]
    )
    d.inout("v", "float", count, -70.0, -35.0)
    if model in ("izhikevich", "adaptive exponential"):
        d.inout("u", "float", count, -15.0, 5.0)
    d.input("current", "float", count, 0.0, 40.0)
    own: dict[str, tuple[float, float]] = {}
    if kinds != "one":
        own = {"tau_w": (100.0, 200.0)}
        if model == "izhikevich":
            own = {"a": (0.02, 0.1), "b": (0.2, 0.25), "c": (-65.0, -50.0), "d": (2.0, 8.0)}
    if kinds == "table":
        d.input("kind", "int", count, 0, classes)
    for name, (low, high) in own.items():
        d.input(name, "float", classes if kinds == "table" else count, low, high)
    if rest == "counter":
        d.inout("resting", "int", count, 0, 3, about="Remaining refractory steps")
    d.param("dt", "float", 0.5, 1.0, about="Time step [ms]")
    if collect == "flags":
        d.output("spikes", "int", count)
    elif collect == "list":
        d.output("spike_count", "int", 1, about="Number of spikes so far")
        d.output("spike_ids", "int", count, about="Indices of the neurons that fired")
    else:
        d.inout("spikes", "int", count, 0, 5)
    head = ""
    if rest == "counter":
        head = """
        if resting[tid] > 0:
            # Refractory neurons ignore their input
            resting[tid] = resting[tid] - 1
            return
        """
    parameters = "k = kind[tid]" if kinds == "table" else ""
    at = "k" if kinds == "table" else "tid"
    a, b = (f"a[{at}]", f"b[{at}]") if kinds != "one" else ("0.02", "0.2")
    steps = ("0.5 * dt", 2) if halves else ("dt", 1)
    change = {
        "izhikevich": "x += $h * (0.04 * x * x + 5.0 * x + 140.0 - w + current[tid])",
        "leaky": "x += $h / 20.0 * (-65.0 - x + current[tid])",
        "adaptive exponential": (
            "x += $h / 281.0 * (-30.0 * (x + 70.6) + 60.0 * wp.exp(wp.min((x + 50.4) / 2.0, "
            "3.0)) - w + 10.0 * current[tid])"
        ),
        "quadratic": "x += $h / 20.0 * (0.1 * (x + 65.0) * (x + 45.0) + current[tid])",
    }[model].replace("$h", steps[0])
    grows = "exponential" if model == "adaptive exponential" else "square term"
    march = change if steps[1] == 1 else f"# two half steps, since the {grows} grows fast\n{change}\n{change}"
    recover = {
        "izhikevich": f"w += dt * {a} * ({b} * x - w)",
        "adaptive exponential": (
            f"w += dt / {'144.0' if kinds == 'one' else f'tau_w[{at}]'} * (4.0 * (x + 70.6) - w)"
        ),
    }.get(model, "")
    limit, reset = {
        "izhikevich": ("30.0", "-65.0"),
        "leaky": ("-50.0", "-65.0"),
        "adaptive exponential": ("-30.0", "-70.6"),
        "quadratic": ("-30.0", "-65.0"),
    }[model]
    jump = {"izhikevich": "8.0" if kinds == "one" else f"d[{at}]", "adaptive exponential": "80.5"}.get(
        model, ""
    )
    note = {
        "flags": "spikes[tid] = 1",
        "list": "slot = wp.atomic_add(spike_count, 0, 1)\nspike_ids[slot] = tid",
        "counts": "spikes[tid] = spikes[tid] + 1",
    }[collect]
    fire = f"""
    if x >= {limit}:
        x = {f"c[{at}]" if kinds != "one" and model == "izhikevich" else reset}
        {f"w += {jump}" if jump else "$nothing"}
        $rest
        $note
    """.replace("        $nothing\n", "")
    second = "w = float(u[tid])" if recover else ""
    d.launch(count)
    d.code(
        (
            "tid = wp.tid()\n"
            "$head\n"
            "$parameters\n"
            "x = float(v[tid])\n"
            "$second\n"
            "$march\n"
            "$recover\n"
            "$fire\n"
            "v[tid] = x\n"
            "$save"
        ),
        head=head,
        parameters=parameters,
        second=second,
        march=march,
        recover=recover,
        fire=fire,
        note=note,
        rest=f"resting[tid] = {d.pick(2, 3, 5)}" if rest == "counter" else "",
        save="u[tid] = w" if recover else "",
    )
    d.explain("Potentials in mV, time in ms. Neurons are reset in the step in which they reach the peak.")

    def stepped(before: Values, after: Values) -> None:
        x, w, h = before.v.copy(), before.get("u", np.zeros(count)), before.dt
        p = {name: before[name][before.kind] if kinds == "table" else before[name] for name in own}
        active = before.resting <= 0 if rest == "counter" else np.ones(count, bool)
        for _ in range(steps[1]):
            k = h / steps[1]
            if model == "izhikevich":
                x = x + k * (0.04 * x**2 + 5 * x + 140 - w + before.current)
            elif model == "leaky":
                x = x + k / 20 * (-65 - x + before.current)
            elif model == "quadratic":
                x = x + k / 20 * (0.1 * (x + 65) * (x + 45) + before.current)
            else:
                grown = 60 * np.exp(np.minimum((x + 50.4) / 2, 3.0))
                x = x + k / 281 * (-30 * (x + 70.6) + grown - w + 10 * before.current)
        if model == "izhikevich":
            a_, b_ = p.get("a", 0.02), p.get("b", 0.2)
            w = w + h * a_ * (b_ * x - w)
        elif model == "adaptive exponential":
            w = w + h / p.get("tau_w", 144.0) * (4 * (x + 70.6) - w)
        fired = active & (x >= float(limit))
        back = p.get("c", float(reset))
        w = np.where(fired, w + (p["d"] if "d" in p else float(jump or 0)), w)
        x = np.where(fired, back, x)
        sure = np.abs(x - float(limit)) > 1e-3
        np.testing.assert_allclose(after.v[sure], np.where(active, x, before.v)[sure], rtol=2e-3, atol=2e-2)
        if recover:
            np.testing.assert_allclose(
                after.u[sure], np.where(active, w, before.u)[sure], rtol=2e-3, atol=2e-2
            )
        if collect == "flags":
            assert (after.spikes == fired)[sure].all()
        elif collect == "counts":
            assert (after.spikes - before.spikes == fired)[sure].all()
        else:
            assert int(after.spike_count[0]) == fired.sum()
            assert set(after.spike_ids[: fired.sum()].tolist()) == set(np.flatnonzero(fired).tolist())

    d.holds(stepped)
