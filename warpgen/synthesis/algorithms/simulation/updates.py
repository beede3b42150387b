"""From corrected positions to velocities."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.simulation import DOMAIN
from warpgen.synthesis.algorithms.simulation.cloth import NAMES
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Müller et al. 2007, alg. 1, lines 5-7 and 13-15; Macklin et al. 2014",
    names=NAMES
    | {
        "update_velocities": "apply_deltas|finalize_particles|apply_particle_deltas|pbd_update",
        "delta": "deltas|particle_delta|corrections",
        "x_old": "x_prev",
        "v_max": "max_velocity|speed_limit|particle_v_max",
        "hits": "constraint_count|n_corrections|delta_counts",
        "x_new": "x_out|particle_q_out|new_x",
        "v_new": "v_out|particle_qd_out|new_v",
    },
    double=True,
    weight=2,
)
def update_velocities(d: Draft) -> None:
    """Updates positions and velocities after constraint projection (PBD)."""
    averaged = d.flag("averaged")
    pinned = d.option("pinned", "none", "mass", "flags")
    limited = d.option("limited", "none", "clamp", "damp")
    order = d.option("order", "first", "second")
    asleep = d.flag("asleep", 0.3)
    count = d.pick(64, 128, 192)
    d.input("x_old", "vec3", count, -1.0, 1.0, about="Positions at the start of the step [m]")
    if order == "second":
        d.input("x_older", "vec3", count, -1.0, 1.0, about="Positions one step earlier [m]")
    d.input("x_pred", "vec3", count, -1.0, 1.0, about="Predicted positions [m]")
    d.input("delta", "vec3", count, -0.1, 0.1, about="Summed constraint corrections [m]")
    if averaged:
        d.input("hits", "int", count, 0, 5, about="Number of constraints per particle")
    if pinned == "mass":
        d.input("inv_mass", "float", count, -0.4, 1.0, about="Inverse masses, not positive if pinned")
    elif pinned == "flags":
        d.input("flags", "int", count, 0, 4, about="Bit 0 is set for particles that move")
    d.param("dt", "float", 0.1, 0.5, about="Time step [s]")
    if limited == "clamp":
        d.param("v_max", "float", 3.0, 6.0, about="Speed limit [m/s]")
    elif limited == "damp":
        d.param("damping", "float", 0.1, 1.0, about="Velocity damping [1/s]")
    if asleep:
        d.param("sleep", "float", 0.5, 2.0, about="Sleep threshold [m/s]")
    d.output("x_new", "vec3", count, about="Corrected positions [m]")
    d.output("v_new", "vec3", count, about="Updated velocities [m/s]")
    if pinned == "flags":
        d.module("PARTICLE_FLAG_ACTIVE = wp.constant(1)")
    pin = {
        "none": "",
        "mass": """
        # Pinned particles stay where they are
        if inv_mass[tid] <= 0.0:
            x_new[tid] = x_old[tid]
            v_new[tid] = wp.vec3()
            return
        """,
        "flags": """
        if (flags[tid] & PARTICLE_FLAG_ACTIVE) == 0:
            x_new[tid] = x_old[tid]
            v_new[tid] = wp.vec3()
            return
        """,
    }
    velocity = {
        "first": "vi = (xi - x_old[tid]) / dt",
        "second": """
        # BDF2: v = (3 x - 4 x_n + x_n-1) / (2 dt), with less numerical damping than BDF1
        vi = (1.5 * xi - 2.0 * x_old[tid] + 0.5 * x_older[tid]) / dt
        """,
    }
    limit = {
        "none": "",
        "clamp": """
        speed = wp.length(vi)
        if speed > v_max:
            vi = vi * (v_max / speed)
        """,
        "damp": "vi = vi * wp.exp(-damping * dt)",
    }
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        $pin
        $move
        $velocity
        $limit
        $sleep
        x_new[tid] = xi
        v_new[tid] = vi
        """,
        pin=pin[pinned],
        move="""
        # Average the corrections over the number of constraints per particle (Jacobi)
        xi = x_pred[tid] + delta[tid] / float(wp.max(hits[tid], 1))
        """
        if averaged
        else "xi = x_pred[tid] + delta[tid]",
        velocity=velocity[order],
        limit=limit[limited],
        sleep="""
        # Stop slow particles, so that piles come to rest
        if wp.length(vi) < sleep:
            xi = x_old[tid]
            vi = wp.vec3()
        """
        if asleep
        else "",
    )

    after = [*["a speed limit"] * (limited == "clamp"), *["damping"] * (limited == "damp")]
    after += ["sleep of slow particles"] * asleep
    d.says(
        "Updates positions and velocities after constraint projection (PBD)"
        + (f", with {' and '.join(after)}." if after else ".")
    )

    def reference(v: Values) -> dict[str, Any]:
        share = np.maximum(v.hits, 1)[:, None] if averaged else 1.0
        x = v.x_pred + v.delta / share
        u = (1.5 * x - 2.0 * v.x_old + 0.5 * v.x_older if order == "second" else x - v.x_old) / v.dt
        if limited == "clamp":
            u = u * np.minimum(1.0, v.v_max / np.linalg.norm(u, axis=-1, keepdims=True))
        elif limited == "damp":
            u = u * np.exp(-v.damping * v.dt)
        if asleep:
            slow = np.linalg.norm(u, axis=-1, keepdims=True) < v.sleep
            x, u = np.where(slow, v.x_old, x), np.where(slow, 0.0, u)
        if pinned != "none":
            held = (v.inv_mass <= 0.0 if pinned == "mass" else (v.flags & 1) == 0)[:, None]
            x, u = np.where(held, v.x_old, x), np.where(held, 0.0, u)
        return {"x_new": x, "v_new": u}

    d.check(reference, 3e-4)
