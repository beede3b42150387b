"""Cohesive interfaces between elements: tractions of cracks that open and slide."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.fem import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_MIXITY = {
    "benzeggagh-kenane": """
        # Benzeggagh-Kenane mixed-mode toughness
        toughness = g_normal + (g_shear - g_normal) * wp.pow(share, exponent)
        strength = wp.sqrt(
            t_normal * t_normal + (t_shear * t_shear - t_normal * t_normal) * wp.pow(share, exponent)
        )
    """,
    "power law": """
        # Linear power law for the mixed-mode toughness
        toughness = 1.0 / ((1.0 - share) / g_normal + share / g_shear)
        strength = 1.0 / wp.sqrt((1.0 - share) / (t_normal * t_normal) + share / (t_shear * t_shear))
    """,
    "single": "",
}
_SOFTENING = {
    "linear": """
        # Linear softening from onset to final opening
        final_open = 2.0 * toughness / strength
        fresh = wp.clamp(final_open * (largest - onset) / (largest * (final_open - onset)), 0.0, 1.0)
    """,
    "exponential": """
        # Exponential softening: complete failure only at infinite opening
        decay = toughness / strength - 0.5 * onset
        fresh = 1.0 - onset / largest * wp.exp((onset - largest) / decay)
    """,
    "trapezoid": """
        # Constant traction up to twice the onset opening, then linear softening
        plateau = 2.0 * onset
        final_open = 2.0 * toughness / strength + onset - plateau
        if largest <= plateau:
            fresh = 1.0 - onset / largest
        else:
            level = (final_open - largest) / (final_open - plateau)
            fresh = wp.clamp(1.0 - level * onset / largest, 0.0, 1.0)
    """,
}


@DOMAIN.algorithm(
    source="Camanho & Dávila 2002; Turon et al. 2006; Benzeggagh & Kenane 1996",
    names={
        "cohesive_tractions": "cohesive_zone|traction_separation|interface_tractions|update_cohesive",
        "force": "forces|f_int|cohesive_force",
        "jump": "separation|opening|displacement_jump",
        "damage_old": "damage_prev|d_old|damage_in",
        "largest_old": "kappa_old|max_opening_prev|history",
        "largest": "kappa|max_opening",
        "toughness": "g_c|energy_release|fracture_energy",
        "strength": "t_c|sigma_max",
        "share": "mode_mix|shear_share",
        "onset": "delta_0|opening_0",
        "final_open": "delta_f|opening_f",
        "penalty": "penalty_stiffness|k_pen",
        "fresh": "damage_new|d_trial",
    },
    weight=3,
)
def cohesive_tractions(d: Draft) -> None:
    """Computes tractions and damage of cohesive interfaces under mixed-mode opening."""
    dims = d.option("dimension", 3, 2)
    mixity = d.option("mixity", *_MIXITY)
    softening = d.option("softening", *_SOFTENING)
    frame = d.option("frame", "local", "global")
    friction = d.flag("friction", 0.4)
    viscous = d.flag("viscous", 0.35)
    tangent = d.option("tangent", "none", "secant", weights=(0.6, 0.4))
    energy = d.flag("energy", 0.35)
    thin = d.flag("area", 0.4)
    count = d.pick(32, 48, 64)
    vec = f"vec{dims}"
    d.input(
        "jump",
        vec,
        count,
        -0.02,
        0.05,
        about="Local displacement jump, normal component last [mm]"
        if frame == "local"
        else "World-space displacement jump [mm]",
    )
    if frame == "global":
        d.input("normal", vec, count, kind="unit", about="Unit interface normal")
    d.input("largest_old", "float", count, 0.0, 0.03, about="Maximum opening reached so far [mm]")
    d.input("damage_old", "float", count, 0.0, 0.98, about="Damage so far")
    if thin:
        d.input("area", "float", count, 0.5, 2.0, about="Integration point area [mm^2]")
    d.param("penalty", "float", 3000.0, 6000.0, about="Penalty stiffness of the intact interface [N/mm^3]")
    if mixity == "single":
        d.param("strength", "float", 20.0, 30.0, about="Strength [MPa]")
        d.param("toughness", "float", 0.3, 0.5, about="Toughness [N/mm]")
    else:
        d.param("t_normal", "float", 20.0, 30.0, about="Normal strength [MPa]")
        d.param("g_normal", "float", 0.3, 0.5, about="Mode I fracture toughness [N/mm]")
        d.param("t_shear", "float", 30.0, 45.0, about="Shear strength [MPa]")
        d.param("g_shear", "float", 0.8, 1.2, about="Mode II fracture toughness [N/mm]")
    if mixity == "benzeggagh-kenane":
        d.param("exponent", "float", 1.5, 2.5, about="Mixed-mode exponent")
    if friction:
        d.param("friction_coeff", "float", 0.2, 0.6, about="Friction coefficient of the cracked faces")
    if viscous:
        d.param("relaxation_time", "float", 0.005, 0.02, about="Viscous regularization [s]")
        d.param("dt", "float", 0.005, 0.02, about="Time step [s]")
    force = "force" if thin else "traction"
    d.output(force, vec, count, about="Integration point forces [N]" if thin else "Tractions [MPa]")
    if thin:
        d.calls("cohesive_forces|cohesive_zone|interface_forces|update_cohesive")
    what = "forces" if thin else "tractions"
    modes = "with mode-independent strength" if mixity == "single" else "under mixed-mode opening"
    d.says(f"Computes {what} and damage of cohesive interfaces {modes}.")
    d.output("damage", "float", count, about="Damage in 0..1")
    d.output("largest_open", "float", count, about="Largest opening [mm]")
    if tangent == "secant":
        without = ", excluding friction" if friction else ""
        d.output("stiffness", f"mat{dims}{dims}", count, about=f"Secant stiffness{without} [N/mm^3]")
    if energy:
        d.output(
            "dissipated",
            "float",
            1,
            about="Energy dissipated by damage in this step [N mm]"
            if thin
            else "Sum of energies per area dissipated by damage in this step [N/mm]",
        )
    split = {
        (
            "local",
            3,
        ): "open_n = jump[tid][2]\nslide = wp.vec3(jump[tid][0], jump[tid][1], 0.0)\nn = wp.vec3(0.0, 0.0, 1.0)",
        ("local", 2): "open_n = jump[tid][1]\nslide = wp.vec2(jump[tid][0], 0.0)\nn = wp.vec2(0.0, 1.0)",
        ("global", 3): "n = normal[tid]\nopen_n = wp.dot(jump[tid], n)\nslide = jump[tid] - open_n * n",
        ("global", 2): "n = normal[tid]\nopen_n = wp.dot(jump[tid], n)\nslide = jump[tid] - open_n * n",
    }[frame, dims]
    delay = """
    # Viscous regularization of the damage to help Newton convergence during softening
    trial = (damage_old[tid] * relaxation_time + fresh * dt) / (relaxation_time + dt)
    """
    rub = """
    # Coulomb friction on the damaged part of closed faces
    if open_n < 0.0:
        friction = dam * friction_coeff * penalty * (-open_n)
        stress += slide * (friction / wp.max(slip, 1.0e-9))
    """
    secant = f"""
    # Secant stiffness, undamaged in compression
    stiff_n = penalty * wp.where(open_n > 0.0, 1.0 - dam, 1.0)
    stiff_s = penalty * (1.0 - dam)
    stiffness[tid] = stiff_s * wp.identity(n={dims}, dtype=float) + (stiff_n - stiff_s) * wp.outer(n, n)
    """
    lost = """
    # Secant unloading: dissipated energy is the area between the old and new secant lines
    lost = 0.5 * penalty * equivalent * equivalent * (dam - damage_old[tid])
    wp.atomic_add(dissipated, 0, lost$area)
    """
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        $split
        slip = wp.length(slide)
        # Only positive normal opening contributes, since compression causes no damage
        positive = wp.max(open_n, 0.0)
        equivalent = wp.sqrt(positive * positive + slip * slip)
        $share
        $mixity
        # Damage onset opening
        onset = strength / penalty
        largest = wp.max(wp.max(largest_old[tid], equivalent), onset)
        $softening
        $delay
        # Damage is irreversible
        dam = wp.max(damage_old[tid], $trial)
        # Use the full penalty stiffness in compression to prevent interpenetration
        stress = penalty * (1.0 - dam) * (slide + positive * n) + penalty * wp.min(open_n, 0.0) * n
        $rub
        $force[tid] = stress$area
        damage[tid] = dam
        largest_open[tid] = wp.max(largest_old[tid], equivalent)
        $secant
        $lost
        """,
        split=split,
        share="share = slip * slip / wp.max(equivalent * equivalent, 1.0e-12)" if mixity != "single" else "",
        mixity=_MIXITY[mixity],
        softening=_SOFTENING[softening],
        delay=delay if viscous else "",
        trial="trial" if viscous else "fresh",
        rub=rub if friction else "",
        force=force,
        area=" * area[tid]" if thin else "",
        secant=secant if tangent == "secant" else "",
        lost=lost if energy else "",
    )
    lags = " (without viscous regularization)" if viscous else ""
    rubs = (
        "\nFriction on closed faces acts at the full Coulomb limit along the slip direction."
        if friction
        else ""
    )
    d.explain(
        "t = K (1 - d) jump for open faces, where damage d depends on the maximum opening so far, such that\n"
        f"the area under the traction curve equals the toughness{lags}. Units: N, mm, MPa.{rubs}"
    )

    def reference(v: Values) -> dict[str, Any]:
        n = v.normal if frame == "global" else np.tile(np.eye(dims)[-1], (count, 1))
        open_n = (v.jump * n).sum(1)
        slide = v.jump - open_n[:, None] * n
        slip = np.linalg.norm(slide, axis=1)
        size = np.hypot(np.maximum(open_n, 0.0), slip)
        b = slip**2 / np.maximum(size**2, 1e-12)
        if mixity == "single":
            gc, tc = np.full(count, v.toughness), np.full(count, v.strength)
        elif mixity == "power law":
            gc = 1.0 / ((1.0 - b) / v.g_normal + b / v.g_shear)
            tc = ((1.0 - b) / v.t_normal**2 + b / v.t_shear**2) ** -0.5
        else:
            m = b**v.exponent
            gc = (1.0 - m) * v.g_normal + m * v.g_shear
            tc = np.sqrt((1.0 - m) * v.t_normal**2 + m * v.t_shear**2)
        d0 = tc / v.penalty
        k = np.maximum(np.maximum(v.largest_old, size), d0)
        # The traction on the envelope at opening k, as a fraction of the strength
        if softening == "linear":
            df = 2.0 * gc / tc
            level = np.clip((df - k) / (df - d0), 0.0, 1.0)
        elif softening == "exponential":
            level = np.exp(-(k - d0) / (gc / tc - 0.5 * d0))
        else:
            df = 2.0 * gc / tc - d0
            level = np.clip((df - k) / (df - 2.0 * d0), 0.0, 1.0)
        fresh = np.clip(1.0 - level * d0 / k, 0.0, 1.0)
        if viscous:
            fresh = (v.damage_old * v.relaxation_time + fresh * v.dt) / (v.relaxation_time + v.dt)
        dam = np.maximum(v.damage_old, fresh)
        stress = v.penalty * (
            (1.0 - dam)[:, None] * slide + (np.where(open_n > 0.0, 1.0 - dam, 1.0) * open_n)[:, None] * n
        )
        if friction:
            rub_ = dam * v.friction_coeff * v.penalty * np.maximum(-open_n, 0.0)
            stress += slide * (rub_ / np.maximum(slip, 1e-9))[:, None]
        weight = v.area if thin else np.ones(count)
        made = {
            force: stress * weight[:, None],
            "damage": dam,
            "largest_open": np.maximum(v.largest_old, size),
        }
        if tangent == "secant":
            normal = n[:, :, None] * n[:, None]
            kn = np.where(open_n > 0.0, 1.0 - dam, 1.0)[:, None, None]
            made["stiffness"] = v.penalty * (
                (1.0 - dam)[:, None, None] * (np.eye(dims) - normal) + kn * normal
            )
        if energy:
            made["dissipated"] = (0.5 * v.penalty * size**2 * (dam - v.damage_old) * weight).sum()[None]
        return made

    d.check(reference, 1e-3)
