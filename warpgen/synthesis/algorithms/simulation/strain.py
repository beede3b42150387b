"""Limits of how far edges stretch."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.simulation import DOMAIN
from warpgen.synthesis.algorithms.simulation.springs import NAMES
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Provot 1995, sec. 5; Bridson, Fedkiw & Anderson 2002, sec. 7.2",
    names=NAMES
    | {
        "limit_strain": "strain_limiting|clamp_strain|limit_edge_strain",
        "allowed": "kept_strain|clamped|target_strain",
        "rate": "dv|speed_change",
    },
    double=True,
    adjoint="either",
)
def limit_strain(d: Draft) -> None:
    """Limits edge strain."""
    corrected = d.option("corrected", "positions", "velocities")
    limits = d.option("limits", "both", "stretch", "per edge")
    weighted = d.option("weighted", "halves", "masses")
    ends = d.option("ends", "flat", "two arrays")
    counted = d.flag("counted", 0.3)
    count = d.pick(64, 96, 128)
    springs = count // 2 if ends == "flat" else count
    target = "x" if corrected == "positions" else "v"
    scatter = ends == "two arrays"
    if not scatter:
        d.forward_only()
    if corrected == "positions" and not scatter:
        d.inout("x", "vec3", count, -1.0, 1.0, about="Particle positions [m]")
    else:
        d.input("x", "vec3", count, -1.0, 1.0, about="Particle positions [m]")
    if corrected == "velocities":
        (d.input if scatter else d.inout)("v", "vec3", count, -2.0, 2.0, about="Particle velocities [m/s]")
    if weighted == "masses":
        d.input("inv_mass", "float", count, 0.1, 2.0, about="Inverse masses [1/kg]")
    if ends == "flat":
        d.input("edges", "int", count, kind="permutation", about="Particle indices per edge")
    else:
        d.input("first", "int", springs, 0, count // 2, about="First particle index per edge")
        d.input("second", "int", springs, count // 2, count, about="Second particle index per edge")
    d.input("rest", "float", springs, 0.5, 1.5, about="Rest lengths [m]")
    if limits == "per edge":
        d.input("max_strain", "float", springs, 0.05, 0.2, about="Per-edge maximum strain")
    else:
        d.param("max_strain", "float", 0.05, 0.2, about="Maximum strain")
        if limits == "both":
            d.param("min_strain", "float", -0.2, -0.05, about="Minimum strain, negative for compression")
    if corrected == "velocities":
        d.param("dt", "float", 0.05, 0.2, about="Time step [s]")
    if scatter:
        what = "positions [m]" if corrected == "positions" else "velocities [m/s]"
        d.output("delta", "vec3", count, about=f"Accumulated corrections to {what}")
    if counted:
        d.output("violated", "int", 1, about="Number of edges exceeding the limits")
    limited = "strain" if limits == "both" else "stretch"
    how = "positions" if corrected == "positions" else "velocities"
    d.says(
        f"Computes {'position' if how == 'positions' else 'velocity'} corrections for edge {limited} limiting."
        if scatter
        else f"Limits edge {limited} by correcting particle {how}."
    )
    tests = {
        "both": """
        allowed = wp.clamp(strain, min_strain, max_strain)
        # Early exit if the strain is within the limits
        if strain == allowed:
            return
        excess = rest[tid] * (strain - allowed)
        """,
        "stretch": """
        if strain <= max_strain:
            return
        excess = rest[tid] * (strain - max_strain)
        """,
        "per edge": """
        if strain <= max_strain[tid]:
            return
        excess = rest[tid] * (strain - max_strain[tid])
        """,
    }
    shares = ("0.5", "0.5") if weighted == "halves" else ("wi / (wi + wj)", "wj / (wi + wj)")
    if corrected == "positions" and scatter:
        apply = """
        wp.atomic_sub(delta, i, $mine * excess * n)
        wp.atomic_add(delta, j, $theirs * excess * n)
        """
    elif scatter:
        apply = """
        wp.atomic_sub(delta, i, $mine * rate * n)
        wp.atomic_add(delta, j, $theirs * rate * n)
        """
    elif corrected == "positions":
        apply = """
        x[i] -= $mine * excess * n
        x[j] += $theirs * excess * n
        """
    else:
        apply = """
        v[i] -= $mine * rate * n
        v[j] += $theirs * rate * n
        """
    positions = """
    l = wp.length(d_ij)
    n = d_ij / l
    strain = l / rest[tid] - 1.0
    $allowed
    """
    velocities = """
    # Predicted edge vector at the end of the step
    ahead = d_ij + dt * (v[i] - v[j])
    l = wp.length(ahead)
    n = ahead / l
    strain = l / rest[tid] - 1.0
    $allowed
    rate = excess / dt
    """
    d.launch(springs)
    d.code(
        """
        tid = wp.tid()
        $ends
        d_ij = x[i] - x[j]
        $test
        $masses
        $apply
        $count
        """,
        ends="i = edges[2 * tid]\nj = edges[2 * tid + 1]"
        if ends == "flat"
        else "i = first[tid]\nj = second[tid]",
        test=positions if corrected == "positions" else velocities,
        allowed=tests[limits],
        masses="wi = inv_mass[i]\nwj = inv_mass[j]" if weighted == "masses" else "",
        apply=apply,
        mine=shares[0],
        theirs=shares[1],
        count="wp.atomic_add(violated, 0, 1)" if counted else "",
    )

    def reference(v: Values) -> dict[str, Any]:
        i, j = (v.edges[0::2], v.edges[1::2]) if ends == "flat" else (v.first, v.second)
        offset = v.x[i] - v.x[j]
        if corrected == "velocities":
            offset = offset + v.dt * (v.v[i] - v.v[j])
        length = np.linalg.norm(offset, axis=-1)
        n = offset / length[:, None]
        strain = length / v.rest - 1.0
        kept = np.clip(strain, v.min_strain if limits == "both" else -np.inf, v.max_strain)
        excess = length - v.rest * (1.0 + kept)
        excess = np.where(np.abs(excess) < 1e-6, 0.0, excess)
        w = v.inv_mass if weighted == "masses" else np.ones(count)
        share = (w[i] / (w[i] + w[j]))[:, None]
        step = excess[:, None] * n / (v.dt if corrected == "velocities" else 1.0)
        made = np.zeros((count, 3))
        np.add.at(made, i, -share * step)
        np.add.at(made, j, (1.0 - share) * step)
        if not scatter:
            made = made + v[target]
        found = {"delta" if scatter else target: made}
        return found | {"violated": np.array([(excess != 0.0).sum()])} if counted else found

    d.check(reference, 5e-4)
