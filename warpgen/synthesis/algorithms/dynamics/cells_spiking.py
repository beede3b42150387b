"""Networks of spiking neurons: integrate-and-fire models that are reset when they fire."""

from __future__ import annotations

import numpy as np

from warpgen.synthesis.algorithms.dynamics import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Izhikevich 2003; Brette & Gerstner 2005",
    names={
        "v": "potential|vm",
        "current": "inputs|input_current",
        "drive": "inputs|input_drive",
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
        }[model].replace(" and", " with a refractory period and" if rest == "counter" else " and", 1)
    )
    adaptive = model == "adaptive exponential"
    low, high = {
        "izhikevich": (-75.0, 0.0),
        "leaky": (-65.0, -50.0),
        "quadratic": (-60.0, -30.0),
    }.get(model, (-70.0, -35.0))
    d.inout("v", "float", count, low, high, about="Membrane potentials [mV]")
    if model in ("izhikevich", "adaptive exponential"):
        what = "Adaptation currents [pA]" if adaptive else "Recovery variables"
        d.inout("u", "float", count, *((0.0, 150.0) if adaptive else (-15.0, 5.0)), about=what)
    if adaptive:
        d.input("current", "float", count, 0.0, 1000.0, about="Input currents [pA]")
    else:
        about = (
            "Input currents"
            if model == "izhikevich"
            else "Input drive, current times membrane resistance [mV]"
        )
        d.input("current" if model == "izhikevich" else "drive", "float", count, 0.0, 40.0, about=about)
    own: dict[str, tuple[float, float, str]] = {}
    if kinds != "one":
        own = {"tau_w": (100.0, 200.0, "Adaptation time constants [ms]")}
        if model == "izhikevich":
            own = {
                "a": (0.02, 0.1, "Recovery rates [1/ms]"),
                "b": (0.2, 0.25, "Recovery sensitivity to the membrane potential"),
                "c": (-65.0, -50.0, "Post-spike reset potentials [mV]"),
                "d": (2.0, 8.0, "Post-spike recovery increments"),
            }
    if kinds == "table":
        d.input("kind", "int", count, 0, classes, about="Neuron type index")
    for name, (low, high, told) in own.items():
        d.input(name, "float", classes if kinds == "table" else count, low, high, about=told)
    if rest == "counter":
        d.inout("resting", "int", count, 0, 3, about="Remaining refractory steps")
    d.param("dt", "float", 0.5, 1.0, about="Time step [ms]")
    if collect == "flags":
        d.output("spikes", "int", count, about="Spike flags, 1 for neurons that fired")
    elif collect == "list":
        d.output("spike_count", "int", 1, about="Number of spikes in this step")
        d.output("spike_ids", "int", count, about="Indices of spiking neurons")
    else:
        d.inout("spike_counts", "int", count, 0, 5, about="Accumulated spike counts")
    head = ""
    if rest == "counter":
        d.module(f"REFRACTORY_STEPS = wp.constant({d.pick(2, 3, 5)})  # refractory period")
        head = """
        if resting[tid] > 0:
            # Skip refractory neurons
            resting[tid] = resting[tid] - 1
            return
        """
    parameters = "k = kind[tid]" if kinds == "table" else ""
    at = "k" if kinds == "table" else "tid"
    a, b = (f"a[{at}]", f"b[{at}]") if kinds != "one" else ("A", "B")
    steps = ("0.5 * dt", 2) if halves else ("dt", 1)
    # Only a second half step may begin beyond the peak
    rise = "wp.min((x - V_ONSET) / SLOPE, MAX_EXPONENT)" if halves else "(x - V_ONSET) / SLOPE"
    change = {
        "izhikevich": "x += $h * (0.04 * x * x + 5.0 * x + 140.0 - w + current[tid])",
        "leaky": "x += $h / TAU_M * (V_REST - x + drive[tid])",
        "adaptive exponential": (
            f"upswing = G_LEAK * SLOPE * wp.exp({rise})\n"
            "x += $h / CAPACITANCE * (-G_LEAK * (x - V_REST) + upswing - w + current[tid])"
        ),
        "quadratic": "x += $h / TAU_M * (CURVATURE * (x - V_REST) * (x - V_ONSET) + drive[tid])",
    }[model].replace("$h", steps[0])
    constants = {
        "izhikevich": {"V_PEAK": 30.0},
        "leaky": {"TAU_M": 20.0, "V_REST": -65.0, "V_THRESHOLD": -50.0},
        "adaptive exponential": {
            "CAPACITANCE": 281.0,
            "G_LEAK": 30.0,
            "V_REST": -70.6,
            "V_ONSET": -50.4,
            "SLOPE": 2.0,
            "MAX_EXPONENT": 10.2,
            "COUPLING": 4.0,
            "SPIKE_JUMP": 80.5,
            "V_PEAK": -30.0,
        },
        "quadratic": {"TAU_M": 20.0, "CURVATURE": 0.1, "V_REST": -65.0, "V_ONSET": -45.0, "V_PEAK": -30.0},
    }[model]
    if adaptive and not halves:
        del constants["MAX_EXPONENT"]
    if model == "izhikevich" and kinds == "one":
        constants = {"A": 0.02, "B": 0.2, "D": 8.0, "V_RESET": -65.0} | constants
    elif adaptive and kinds == "one":
        constants = {"TAU_W": 144.0} | constants
    units = {"TAU_M": "[ms]", "TAU_W": "[ms]", "CAPACITANCE": "[pF]", "G_LEAK": "[nS]", "COUPLING": "[nS]",
             "SPIKE_JUMP": "[pA]", "CURVATURE": "[1/mV]", "SLOPE": "[mV]",
             "MAX_EXPONENT": "exponent at V_PEAK"}  # fmt: skip
    for name, value in constants.items():
        unit = "[mV]" if name.startswith("V_") else units.get(name, "")
        d.module(f"{name} = wp.constant({value})" + (f"  # {unit}" if unit else ""))
    grows = "exponential" if adaptive else "square term"
    march = (
        change
        if steps[1] == 1
        else f"# two half steps for stability, since the {grows} grows quickly\n{change}\n{change}"
    )
    recover = {
        "izhikevich": f"w += dt * {a} * ({b} * x - w)",
        "adaptive exponential": (
            "# Clamp the spike upswing to the peak potential\nx = wp.min(x, V_PEAK)\n"
            f"w += dt / {'TAU_W' if kinds == 'one' else f'tau_w[{at}]'} * (COUPLING * (x - V_REST) - w)"
        ),
    }.get(model, "")
    limit = "V_THRESHOLD" if model == "leaky" else "V_PEAK"
    reset = "V_RESET" if model == "izhikevich" else "V_REST"
    jump = {"izhikevich": "D" if kinds == "one" else f"d[{at}]", "adaptive exponential": "SPIKE_JUMP"}.get(
        model, ""
    )
    note = {
        "flags": "spikes[tid] = 1",
        "list": "slot = wp.atomic_add(spike_count, 0, 1)\nspike_ids[slot] = tid",
        "counts": "spike_counts[tid] = spike_counts[tid] + 1",
    }[collect]
    fire = f"""
    if x >= {limit}:
        x = {f"c[{at}]" if kinds != "one" and model == "izhikevich" else reset}
        {f"w += {jump}" if jump else "$nothing"}
        $rest
        $note
    """.replace("        $nothing\n", "")
    second = "w = u[tid]" if recover else ""
    d.launch(count)
    d.code(
        (
            "tid = wp.tid()\n"
            "$flag\n"
            "$head\n"
            "$parameters\n"
            "x = v[tid]\n"
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
        flag="spikes[tid] = 0" if collect == "flags" else "",
        rest="resting[tid] = REFRACTORY_STEPS" if rest == "counter" else "",
        save="u[tid] = w" if recover else "",
    )
    peak = "threshold" if model == "leaky" else "peak"
    d.explain(f"Potentials in mV, time in ms. Neurons are reset when they reach the {peak}.")

    def stepped(before: Values, after: Values) -> None:
        x, w, h = before.v.copy(), before.get("u", np.zeros(count)), before.dt
        p = {name: before[name][before.kind] if kinds == "table" else before[name] for name in own}
        active = before.resting <= 0 if rest == "counter" else np.ones(count, bool)
        for _ in range(steps[1]):
            k = h / steps[1]
            if model == "izhikevich":
                x = x + k * (0.04 * x**2 + 5 * x + 140 - w + before.current)
            elif model == "leaky":
                x = x + k / 20 * (-65 - x + before.drive)
            elif model == "quadratic":
                x = x + k / 20 * (0.1 * (x + 65) * (x + 45) + before.drive)
            else:
                grown = 60 * np.exp(np.minimum((x + 50.4) / 2, 10.2))
                x = x + k / 281 * (-30 * (x + 70.6) + grown - w + before.current)
        if model == "izhikevich":
            a_, b_ = p.get("a", 0.02), p.get("b", 0.2)
            w = w + h * a_ * (b_ * x - w)
        elif model == "adaptive exponential":
            w = w + h / p.get("tau_w", 144.0) * (4 * (np.minimum(x, -30) + 70.6) - w)
        top = constants[limit]
        fired = active & (x >= top)
        back = p.get("c", constants.get(reset, -65.0))
        w = np.where(fired, w + (p["d"] if "d" in p else constants.get(jump, 0.0)), w)
        sure = np.abs(x - top) > 1e-3
        x = np.where(fired, back, x)
        np.testing.assert_allclose(after.v[sure], np.where(active, x, before.v)[sure], rtol=2e-3, atol=2e-2)
        if recover:
            np.testing.assert_allclose(
                after.u[sure], np.where(active, w, before.u)[sure], rtol=2e-3, atol=2e-2
            )
        if collect == "flags":
            assert (after.spikes == fired)[sure].all()
        elif collect == "counts":
            assert (after.spike_counts - before.spike_counts == fired)[sure].all()
        else:
            assert int(after.spike_count[0]) == fired.sum()
            assert set(after.spike_ids[: fired.sum()].tolist()) == set(np.flatnonzero(fired).tolist())

    d.holds(stepped)
