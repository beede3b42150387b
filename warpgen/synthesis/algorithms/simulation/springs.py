"""Springs and distance constraints between two particles."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.simulation import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

NAMES = {
    "x": "particle_x|pos|positions|particle_q",
    "v": "particle_v|vel|velocities|particle_qd",
    "f": "particle_f|forces|force",
    "inv_mass": "w|particle_inv_mass|inv_masses",
    "edges": "spring_indices|indices|constraint_indices",
    "rest": "rest_lengths|spring_rest_lengths|l0",
    "ke": "stiffness|k_s|spring_stiffness",
    "kd": "damping|k_d|spring_damping",
}


@DOMAIN.algorithm(
    source="Provot 1995; Baraff & Witkin 1998, sec. 4",
    names=NAMES
    | {
        "spring_forces": "eval_springs|compute_spring_forces|accumulate_springs",
        "n": "direction|axis|unit_ij",
        "fs": "force_ij|f_spring|f_ij",
        "l": "length|dist|l_ij",
    },
    double=True,
    weight=3,
)
def spring_forces(d: Draft) -> None:
    """Accumulates particle spring forces."""
    damping = d.option("damping", "along", "relative", "none")
    law = d.option("law", "linear", "rope", "strain", "cubic")
    stiffness = d.option("stiffness", "one", "each")
    form = d.option("form", "scatter", "chain", "rows")
    count = d.pick(48, 64, 96)
    springs = {"scatter": count // 2, "chain": count - 1, "rows": 4 * count}[form]
    d.input("x", "vec3", count, -1.0, 1.0, about="Particle positions [m]")
    if damping != "none":
        d.input("v", "vec3", count, -1.0, 1.0, about="Particle velocities [m/s]")
    if form == "scatter":
        d.input("edges", "int", count, kind="permutation", about="Particle indices per spring")
    elif form == "rows":
        d.input("start", "int", count + 1, 0, springs, kind="offsets", about="CSR offsets, one per particle")
        d.input(
            "others",
            "int",
            springs,
            0,
            count,
            about="Particle at the other end of each spring, or itself for unused slots",
        )
    d.input("rest", "float", springs, 0.2, 1.5, about="Rest lengths [m]")
    about = "Spring stiffness per unit strain [N]" if law == "strain" else "Spring stiffness [N/m]"
    if stiffness == "each":
        d.input("ke", "float", springs, 20.0, 100.0, about=about)
    else:
        d.param("ke", "float", 20.0, 100.0, about=about)
    if law == "cubic":
        d.param("hardening", "float", 0.5, 2.0, about="Cubic hardening coefficient [1/m^2]")
    if damping != "none":
        d.param("kd", "float", 0.5, 2.0, about="Spring damping [N s/m]")
    d.output("f", "vec3", count, about="Spring forces [N]")
    index = {"scatter": "tid", "chain": "i", "rows": "s"}[form]
    k = f"ke[{index}]" if stiffness == "each" else "ke"
    laws = {
        "linear": "fs = -$k * (l - rest[$s]) * n",
        "rope": """
        # Skip slack ropes, which carry tension only
        fs = -$k * wp.max(l - rest[$s], 0.0) * n
        """,
        "strain": "fs = -$k * (l / rest[$s] - 1.0) * n",
        "cubic": """
        stretch = l - rest[$s]
        fs = -$k * stretch * (1.0 + hardening * stretch * stretch) * n
        """,
    }
    damped = {
        "along": "fs -= kd * wp.dot(v[i] - v[j], n) * n",
        "relative": "fs -= kd * (v[i] - v[j])",
        "none": "",
    }
    if law == "rope" and damping != "none":
        laws["rope"] = f"""
        # Skip slack ropes
        if l <= rest[$s]:
            {"continue" if form == "rows" else "return"}
        fs = -$k * (l - rest[$s]) * n
        $damped
        """
    pair = """
    d_ij = x[i] - x[j]
    l = wp.length(d_ij)
    n = d_ij / l
    $law
    $after
    """
    forms = {
        "scatter": """
        tid = wp.tid()
        i = edges[2 * tid]
        j = edges[2 * tid + 1]
        $pair
        wp.atomic_add(f, i, fs)
        wp.atomic_sub(f, j, fs)
        """,
        "chain": """
        # Spring i connects particles i and i + 1
        i = wp.tid()
        j = i + 1
        $pair
        wp.atomic_add(f, i, fs)
        wp.atomic_sub(f, j, fs)
        """,
        "rows": """
        i = wp.tid()
        fi = wp.vec3()
        # Gather per particle: no atomics, but each spring is evaluated twice
        for s in range(start[i], start[i + 1]):
            j = others[s]
            # Skip unused slots, which store the particle itself
            if j == i:
                continue
            $pair
            fi += fs
        f[i] = fi
        """,
    }
    d.launch(count if form == "rows" else springs)
    d.code(
        forms[form],
        pair=pair,
        law=laws[law],
        damped=damped[damping],
        after="" if law == "rope" else damped[damping],
        k=k,
        s=index,
    )
    what = ("ropes" if law == "rope" else "springs") + ("" if damping == "none" else " and dampers")
    d.says(
        f"Gathers per-particle forces from {what}."
        if form == "rows"
        else f"Accumulates particle forces from {what}."
    )
    said = {
        "linear": "Hooke's law with stiffness `ke`",
        "rope": "Hooke's law with stiffness `ke` when a rope is taut",
        "strain": "Spring force is `ke` times strain",
        "cubic": "Spring force is -`ke` (s + `hardening` s^3) for stretch s",
    }[law]
    way = {
        "none": "",
        "along": ", with damping along the spring direction",
        "relative": ", with isotropic damping on the relative velocity",
    }[damping]
    d.explain(
        f"{said}{way}. {'One thread per particle' if form == 'rows' else 'Each thread processes one spring'}; endpoints must not coincide."
    )

    def reference(v: Values) -> dict[str, Any]:
        if form == "rows":
            i = np.repeat(np.arange(count), np.diff(v.start))
            j = v.others
        elif form == "scatter":
            i, j = v.edges[0::2], v.edges[1::2]
        else:
            i, j = np.arange(springs), np.arange(1, count)
        kept = i != j
        i, j, rest = i[kept], j[kept], v.rest[kept]
        ke = np.broadcast_to(v.ke, springs)[kept]
        offset = v.x[i] - v.x[j]
        length = np.linalg.norm(offset, axis=-1)
        n = offset / length[:, None]
        stretch = length - rest
        size = {
            "linear": stretch,
            "rope": np.maximum(stretch, 0.0),
            "strain": stretch / rest,
            "cubic": stretch + v.get("hardening", 0.0) * stretch**3,
        }[law]
        force = -(ke * size)[:, None] * n
        if damping != "none":
            u = v.v[i] - v.v[j]
            pulls = (stretch > 0.0)[:, None] if law == "rope" else 1.0
            force = force - pulls * v.kd * (
                u if damping == "relative" else (u * n).sum(-1, keepdims=True) * n
            )
        made = np.zeros((count, 3))
        np.add.at(made, i, force)
        if form != "rows":
            np.add.at(made, j, -force)
        return {"f": made}

    d.check(reference, 3e-4)


@DOMAIN.algorithm(
    source="Müller et al. 2007 (PBD), eq. 10; Macklin, Müller & Chentanez 2016 (XPBD), eq. 18",
    names=NAMES
    | {
        "solve_distance": "solve_springs|project_distance|distance_constraints|solve_edges",
        "delta": "deltas|particle_delta|dx",
        "c": "err|violation|constraint",
        "lam": "dlambda|delta_lambda|multiplier",
        "lambdas": "spring_lambdas|multipliers|lagrange",
        "compliance": "alpha|inv_stiffness|flexibility",
        "n": "axis|grad|direction",
    },
    double=True,
    adjoint="either",
)
def solve_distance(d: Draft) -> None:
    """Projects distance constraints between particles."""
    method = d.option("method", "pbd", "xpbd", "xpbd damped")
    way = d.option("way", "jacobi", "colour")
    pinned = d.flag("pinned")
    tether = d.option("tether", "both", "stretch only", "relaxed")
    kept = d.flag("multipliers") and method != "pbd"
    if way == "colour" or kept:
        d.forward_only()
    count = d.pick(48, 64, 96, 128)
    springs = count // 2
    if way == "colour":
        d.inout("x", "vec3", count, -1.0, 1.0, about="Particle positions [m]")
    else:
        d.input("x", "vec3", count, -1.0, 1.0, about="Particle positions [m]")
    if method == "xpbd damped":
        d.input("x_prev", "vec3", count, -1.0, 1.0, about="Previous particle positions [m]")
    d.input(
        "inv_mass",
        "float",
        count,
        0.0 if pinned else 0.2,
        2.0,
        about="Inverse masses, 0 for pinned particles [1/kg]" if pinned else "Inverse masses [1/kg]",
    )
    d.input("edges", "int", count, kind="permutation", about="Particle indices per spring")
    d.input("rest", "float", springs, 0.2, 1.5, about="Rest lengths [m]")
    if method != "pbd":
        d.param("compliance", "float", 1e-6, 1e-4, about="XPBD compliance [m/N]")
        d.param("dt", "float", 0.005, 0.02, about="Time step [s]")
    if method == "xpbd damped":
        d.param("beta", "float", 5.0, 50.0, about="Damping coefficient [N s/m]")
    if tether == "relaxed":
        d.param("relaxation", "float", 0.3, 0.9, about="Under-relaxation factor")
    if kept:
        d.inout("lambdas", "float", springs, -0.1, 0.1, about="Accumulated XPBD multipliers")
    if way == "jacobi":
        d.output("delta", "vec3", count, about="Position corrections [m]")
        d.says("Computes position corrections for distance constraints between particles.")
    if tether == "stretch only":
        d.says(
            "Computes position corrections for unilateral tether constraints, which only resist stretch."
            if way == "jacobi"
            else "Projects unilateral tether constraints, which only resist stretch."
        )
    d.launch(springs)
    masses = "wi = inv_mass[i]\nwj = inv_mass[j]"
    known = " - alpha * lambdas[tid]" if kept else ""
    lam = {
        "pbd": "lam = -c / w",
        "xpbd": f"alpha = compliance / (dt * dt)\nlam = {f'(-c{known})' if kept else '-c'} / (w + alpha)",
        "xpbd damped": f"""
        alpha = compliance / (dt * dt)
        gamma = compliance * beta / dt
        # XPBD damping (eq. 26) using the constraint velocity over the step
        moved = wp.dot(n, (x[i] - x_prev[i]) - (x[j] - x_prev[j]))
        lam = (-c{known} - gamma * moved) / ((1.0 + gamma) * w + alpha)
        """,
    }
    d.code(
        """
        tid = wp.tid()
        i = edges[2 * tid]
        j = edges[2 * tid + 1]
        $masses
        w = wi + wj
        $both_pinned
        d_ij = x[i] - x[j]
        l = wp.length(d_ij)
        n = d_ij / l
        c = l - rest[tid]
        $stretch
        $lam
        $relax
        $keep
        $apply
        """,
        masses=masses,
        both_pinned="# Skip if both ends are pinned\nif w == 0.0:\n    return" if pinned else "",
        stretch="if c <= 0.0:\n    # slack tether, nothing to do\n    return"
        if tether == "stretch only"
        else "",
        lam=lam[method],
        relax="lam *= relaxation" if tether == "relaxed" else "",
        keep="lambdas[tid] += lam" if kept else "",
        apply="""
        wp.atomic_add(delta, i, wi * lam * n)
        wp.atomic_sub(delta, j, wj * lam * n)
        """
        if way == "jacobi"
        else """
        # Edges in the same color share no particles, so no atomics are needed
        x[i] += wi * lam * n
        x[j] -= wj * lam * n
        """,
    )
    d.explain(
        "C = |x_i - x_j| - l_0; lambda = -C / (w_i + w_j + compliance / dt^2), corrections are w lambda n."
        if method == "xpbd" and not kept and tether != "relaxed"
        else f"Constraint {'|x_i - x_j| <= l_0' if tether == 'stretch only' else 'C = |x_i - x_j| - l_0'}. Corrections are along the edge, weighted by inverse mass."
    )

    def reference(v: Values) -> dict[str, Any]:
        i, j = v.edges[0::2], v.edges[1::2]
        w = v.inv_mass
        total = w[i] + w[j]
        offset = v.x[i] - v.x[j]
        length = np.linalg.norm(offset, axis=-1)
        n = offset / length[:, None]
        c = length - v.rest
        alpha = v.compliance / v.dt**2 if method != "pbd" else 0.0
        known = alpha * v.lambdas if kept else 0.0
        if method == "xpbd damped":
            gamma = v.compliance * v.beta / v.dt
            moved = (n * (offset - v.x_prev[i] + v.x_prev[j])).sum(-1)
            lam = (-c - known - gamma * moved) / ((1.0 + gamma) * total + alpha)
        else:
            lam = (-c - known) / (total + alpha)
        if tether == "stretch only":
            lam = np.where(c > 0.0, lam, 0.0)
        elif tether == "relaxed":
            lam = v.relaxation * lam
        made = {"lambdas": v.lambdas + lam} if kept else {}
        step = lam[:, None] * n
        delta = np.zeros((count, 3))
        delta[i] = w[i, None] * step
        delta[j] = -w[j, None] * step
        return made | ({"delta": delta} if way == "jacobi" else {"x": v.x + delta})

    d.check(reference, 3e-4)
