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
    pinned = d.option("pinned", "none", "array", "flags")
    limited = d.option("limited", "none", "clamp", "damp")
    order = d.option("order", "first", "second")
    asleep = d.flag("asleep", 0.3)
    count = d.pick(64, 128, 192)
    reach = 0.01 if order == "second" else 0.02
    d.input("x_old", "vec3", count, -reach, reach, about="Particle positions at the start of the step [m]")
    if order == "second":
        d.input(
            "x_older", "vec3", count, -reach, reach, about="Particle positions from the previous step [m]"
        )
    d.input("x_pred", "vec3", count, -reach, reach, about="Predicted positions [m]")
    d.input("delta", "vec3", count, -0.005, 0.005, about="Accumulated constraint corrections [m]")
    if averaged:
        d.input("hits", "int", count, 0, 5, about="Number of constraints per particle")
    if pinned == "array":
        d.mask("pinned", "int", count, rare=True, about="Pinned mask, 1 for fixed particles")
    elif pinned == "flags":
        d.input("flags", "int", count, 1, 4, about="Particle flags, bit 0 marks active particles")
    d.param("dt", "float", 0.015, 0.02, about="Time step [s]")
    if limited == "clamp":
        d.param("v_max", "float", 1.2, 2.0, about="Maximum particle speed [m/s]")
    elif limited == "damp":
        d.param("damping", "float", 0.1, 1.0, about="Velocity damping [1/s]")
    if asleep:
        d.param("sleep", "float", 0.25, 0.4, about="Sleep velocity threshold [m/s]")
    d.output("x_new", "vec3", count, about="Corrected positions [m]")
    d.output("v_new", "vec3", count, about="Updated velocities [m/s]")
    if pinned == "flags":
        d.module("PARTICLE_FLAG_ACTIVE = wp.constant(1)")
    pin = {
        "none": "",
        "array": """
        # Skip pinned particles
        if pinned[tid] == 1:
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
        # BDF2: v = (3 x - 4 x_n + x_n-1) / (2 dt), less numerical damping than BDF1
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
        # Jacobi averaging by constraint count
        xi = x_pred[tid] + delta[tid] / float(wp.max(hits[tid], 1))
        """
        if averaged
        else "xi = x_pred[tid] + delta[tid]",
        velocity=velocity[order],
        limit=limit[limited],
        sleep="""
        # Put slow particles to sleep so that piles come to rest
        if wp.length(vi) < sleep:
            xi = x_old[tid]
            vi = wp.vec3()
        """
        if asleep
        else "",
    )

    after = [*["a speed limit"] * (limited == "clamp"), *["damping"] * (limited == "damp")]
    after += ["sleeping"] * asleep
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
            held = (v.pinned == 1 if pinned == "array" else (v.flags & 1) == 0)[:, None]
            x, u = np.where(held, v.x_old, x), np.where(held, 0.0, u)
        return {"x_new": x, "v_new": u}

    d.check(reference, 3e-4)
