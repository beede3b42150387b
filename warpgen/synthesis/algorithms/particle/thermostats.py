"""Baths of heat."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.particle import DOMAIN
from warpgen.synthesis.algorithms.particle.boxes import NAMES
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Berendsen et al. 1984; Andersen 1980; Woodcock 1971; Bussi, Donadio & Parrinello 2007",
    names=NAMES
    | {
        "thermostat": "rescale_velocities|apply_thermostat|temperature_control|heat_bath",
        "target": "target_temp|t_target|target_temperature",
        "scale": "lam|factor|chi",
        "kinetic": "mean_ke|mean_kinetic_energy|ke_per_particle",
        "tau": "coupling_time|relaxation_time|tau_t",
        "temperature": "t_now|temp",
    },
    double=True,
    weight=3,
)
def thermostat(d: Draft) -> None:
    """Applies a thermostat to particle velocities."""
    kind = d.option("kind", "berendsen", "isokinetic", "nose-hoover", "friction")
    if kind == "friction":
        d.calls("apply_friction|damp_velocities|implicit_friction")
    groups = d.option("groups", "one", "each")
    drift = d.flag("drift", 0.4)
    bounded = d.flag("bounded", 0.5) and kind == "berendsen"
    place = d.option("dimension", 3, 2)
    count = d.pick(64, 128, 256)
    baths = 4
    vector = f"vec{place}"
    d.input("v", vector, count, -2.0, 2.0, about="Particle velocities")
    if groups == "each":
        d.input("group", "int", count, 0, baths, about="Temperature group index")
    if drift:
        d.input("flow", vector, baths if groups == "each" else 1, -0.5, 0.5, about="Streaming velocities")
    number = baths if groups == "each" else 1
    if kind in ("berendsen", "isokinetic"):
        d.input(
            "kinetic",
            "float",
            number,
            *((1.6, 2.4) if place == 3 else (1.0, 1.7)),
            about=f"Mean kinetic energy per particle{' per group' if groups == 'each' else ''}"
            + (", relative to the flow" if drift else ""),
        )
        d.param("target", "float", 0.5, 2.0, about="Target temperature, k_B = 1")
    if kind == "nose-hoover":
        d.input("xi", "float", number, -1.0, 1.0, about="Thermostat friction rates [1/s]")
    if kind == "friction":
        d.input("bath_rate", "float", number, 0.1, 2.0, about="Friction rates [1/s]")
    if kind != "isokinetic":
        d.param("dt", "float", 0.005, 0.01, about="Time step")
    if kind == "berendsen":
        d.param("tau", "float", 0.01, 0.02, about="Relaxation time")
    d.output(
        "v_new", vector, count, about="Damped velocities" if kind == "friction" else "Rescaled velocities"
    )
    g = "group[tid]" if groups == "each" else "0"
    share = f"2.0 / 3.0 * kinetic[{g}]" if place == 3 else f"kinetic[{g}]"
    now = f"# Equipartition: T / 2 per degree of freedom ({place} in total), with k_B = 1\ntemperature = {share}"
    scales = {
        "berendsen": f"{now}\nscale = wp.sqrt(1.0 + dt / tau * (target / temperature - 1.0))\n$bound",
        "isokinetic": f"{now}\nscale = wp.sqrt(target / temperature)",
        "nose-hoover": f"""
        # Half step before and after the forces keeps the scheme time-reversible
        scale = wp.exp(-0.5 * dt * xi[{g}])
        """,
        "friction": f"scale = 1.0 / (1.0 + dt * bath_rate[{g}])",
    }
    d.launch(count)
    d.code(
        "tid = wp.tid()\n$scale\n$apply",
        scale=scales[kind],
        bound="# Limit the velocity change per step to a factor of 1.25\nscale = wp.clamp(scale, 0.8, 1.25)"
        if bounded
        else "",
        apply=f"""
        # Rescale only the thermal velocity, relative to the mean flow
        u = flow[{g}]
        v_new[tid] = u + scale * (v[tid] - u)
        """
        if drift
        else "v_new[tid] = scale * v[tid]",
    )
    says = {
        "berendsen": f"Rescales velocities using a Berendsen thermostat{', with the scale clamped to [0.8, 1.25]' if bounded else ''}.",
        "isokinetic": "Rescales velocities to the target temperature (isokinetic).",
        "nose-hoover": "Applies a Nose-Hoover thermostat half step.",
        "friction": "Damps velocities using implicit friction.",
    }
    d.says(f"{says[kind][:-1]}, relative to the flow." if drift else says[kind])
    if kind in ("berendsen", "isokinetic"):
        d.explain("Temperature is computed from the mean kinetic energy per particle, with k_B = 1.")

    def reference(v: Values) -> dict[str, Any]:
        at = v.group if groups == "each" else np.zeros(count, int)
        if kind == "nose-hoover":
            scale = np.exp(-0.5 * v.dt * v.xi)
        elif kind == "friction":
            scale = 1.0 / (1.0 + v.dt * v.bath_rate)
        else:
            ratio = v.target * place / (2.0 * v.kinetic)
            scale = np.sqrt(ratio if kind == "isokinetic" else 1.0 + v.dt / v.tau * (ratio - 1.0))
        if bounded:
            scale = np.clip(scale, 0.8, 1.25)
        u = v.flow[at] if drift else 0.0
        return {"v_new": u + scale[at][:, None] * (v.v - u)}

    d.check(reference)
