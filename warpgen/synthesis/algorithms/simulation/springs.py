"""Springs, distance constraints and strain limits between two particles."""

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
        "spring_forces": "eval_springs|compute_spring_forces|mass_spring",
        "dir": "n|direction|axis",
        "fs": "force_ij|f_spring|tension",
        "l": "length|dist|current",
    },
    double=True,
)
def spring_forces(d: Draft) -> None:
    """Adds the forces of damped springs to the particles at their ends."""
    damping = d.option("damping", "along", "relative", "none")
    law = d.option("law", "linear", "rope", "strain", "cubic")
    stiffness = d.option("stiffness", "one", "each")
    form = d.option("form", "scatter", "chain", "rows")
    count = d.pick(48, 64, 96)
    springs = {"scatter": count // 2, "chain": count - 1, "rows": 4 * count}[form]
    d.input("x", "vec3", count, -1.0, 1.0)
    if damping != "none":
        d.input("v", "vec3", count, -1.0, 1.0)
    if form == "scatter":
        d.input("edges", "int", count, kind="permutation")
    elif form == "rows":
        d.input("start", "int", count + 1, 0, springs, kind="offsets")
        d.input("others", "int", springs, 0, count)
    d.input("rest", "float", springs, 0.2, 1.5)
    if stiffness == "each":
        d.input("ke", "float", springs, 20.0, 100.0)
    else:
        d.param("ke", "float", 20.0, 100.0)
    if damping != "none":
        d.param("kd", "float", 0.5, 2.0)
    d.output("f", "vec3", count)
    index = {"scatter": "tid", "chain": "tid", "rows": "s"}[form]
    k = f"ke[{index}]" if stiffness == "each" else "ke"
    laws = {
        "linear": "fs = -$k * (l - rest[$s]) * dir",
        "rope": """
        # a rope pulls and never pushes
        fs = -$k * wp.max(l - rest[$s], 0.0) * dir
        """,
        "strain": "fs = -$k * (l / rest[$s] - 1.0) * dir",
        "cubic": """
        # stiffens as it is drawn out, as woven cloth does
        stretch = l - rest[$s]
        fs = -$k * stretch * (1.0 + stretch * stretch) * dir
        """,
    }
    damped = {
        "along": "fs -= kd * wp.dot(v[i] - v[j], dir) * dir",
        "relative": "fs -= kd * (v[i] - v[j])",
        "none": "",
    }
    pair = """
    d_ij = x[i] - x[j]
    l = wp.length(d_ij)
    dir = d_ij / l
    $law
    $damped
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
        tid = wp.tid()
        # the spring of this number ties a particle to the next
        i = tid
        j = tid + 1
        $pair
        wp.atomic_add(f, i, fs)
        wp.atomic_sub(f, j, fs)
        """,
        "rows": """
        i = wp.tid()
        fi = wp.vec3()
        # each particle gathers over its own row: no atomics, but every spring is computed twice
        for s in range(start[i], start[i + 1]):
            j = others[s]
            if j == i:
                continue
            $pair
            fi += fs
        f[i] = fi
        """,
    }
    d.launch(count if form == "rows" else springs)
    d.code(forms[form], pair=pair, law=laws[law], damped=damped[damping], k=k, s=index)
    if form == "rows":
        d.says("Sums the forces of the damped springs that hold each particle.")
    d.explain("""
        Hooke's law with the stiffness `ke`; SI units. Springs must not have the length zero.
    """)

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
            "cubic": stretch + stretch**3,
        }[law]
        force = -(ke * size)[:, None] * n
        if damping != "none":
            u = v.v[i] - v.v[j]
            force = force - v.kd * (u if damping == "relative" else (u * n).sum(-1, keepdims=True) * n)
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
        "n": "dir|grad|direction",
    },
    double=True,
    adjoint="either",
)
def solve_distance(d: Draft) -> None:
    """Projects particles so that the distances between them come closer to their rest lengths."""
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
        d.inout("x", "vec3", count, -1.0, 1.0)
    else:
        d.input("x", "vec3", count, -1.0, 1.0)
    if method == "xpbd damped":
        d.input("x_prev", "vec3", count, -1.0, 1.0)
    d.input("inv_mass", "float", count, -0.4 if pinned else 0.2, 2.0)
    d.input("edges", "int", count, kind="permutation")
    d.input("rest", "float", springs, 0.2, 1.5)
    if method != "pbd":
        d.param("compliance", "float", 1e-6, 1e-4)
        d.param("dt", "float", 0.005, 0.02)
    if method == "xpbd damped":
        d.param("beta", "float", 1e-4, 1e-2)
    if tether == "relaxed":
        d.param("relaxation", "float", 0.3, 0.9)
    if kept:
        d.inout("lambdas", "float", springs, -0.1, 0.1)
    if way == "jacobi":
        d.output("delta", "vec3", count)
    d.launch(springs)
    masses = "wi = inv_mass[i]\nwj = inv_mass[j]"
    if pinned:
        masses = """
        # pinned particles are marked by an inverse mass below zero
        wi = wp.max(inv_mass[i], 0.0)
        wj = wp.max(inv_mass[j], 0.0)
        """
    known = " - alpha * lambdas[tid]" if kept else ""
    lam = {
        "pbd": "lam = -c / w",
        "xpbd": f"alpha = compliance / (dt * dt)\nlam = (-c{known}) / (w + alpha)",
        "xpbd damped": f"""
        alpha = compliance / (dt * dt)
        gamma = alpha * beta / dt
        # the constraint's own velocity, over the step so far
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
        both_pinned="if w == 0.0:\n    return" if pinned else "",
        stretch="if c <= 0.0:\n    # a tether: slack is fine\n    return" if tether == "stretch only" else "",
        lam=lam[method],
        relax="lam = relaxation * lam" if tether == "relaxed" else "",
        keep="lambdas[tid] += lam" if kept else "",
        apply="""
        wp.atomic_add(delta, i, wi * lam * n)
        wp.atomic_sub(delta, j, wj * lam * n)
        """
        if way == "jacobi"
        else """
        # edges of one colour share no particle, hence no atomics
        x[i] += wi * lam * n
        x[j] -= wj * lam * n
        """,
    )
    d.explain(
        """
        C = |x_i - x_j| - l_0; lambda = -C / (w_i + w_j + compliance / dt^2), each end moves by w lambda n.
    """
        if method != "pbd"
        else """
        C = |x_i - x_j| - l_0 is met by moving both ends along the edge, each by its share of inverse mass.
    """
    )

    def reference(v: Values) -> dict[str, Any]:
        i, j = v.edges[0::2], v.edges[1::2]
        w = np.maximum(v.inv_mass, 0.0)
        total = w[i] + w[j]
        offset = v.x[i] - v.x[j]
        length = np.linalg.norm(offset, axis=-1)
        n = offset / length[:, None]
        c = length - v.rest
        alpha = v.compliance / v.dt**2 if method != "pbd" else 0.0
        known = alpha * v.lambdas if kept else 0.0
        held = np.where(total > 0.0, total, 1.0)
        if method == "xpbd damped":
            gamma = alpha * v.beta / v.dt
            moved = (n * (offset - v.x_prev[i] + v.x_prev[j])).sum(-1)
            lam = (-c - known - gamma * moved) / ((1.0 + gamma) * held + alpha)
        else:
            lam = (-c - known) / (held + alpha)
        lam = np.where(total > 0.0, lam, 0.0)
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


@DOMAIN.algorithm(
    source="Provot 1995, sec. 5; Bridson, Fedkiw & Anderson 2002, sec. 7.2",
    names=NAMES
    | {
        "limit_strain": "strain_limiting|clamp_strain|limit_stretch",
        "strain": "stretch|ratio|eps",
        "most": "max_strain|upper|strain_limit",
        "least": "min_strain|lower|compression_limit",
        "rate": "closing|v_rel|vn",
    },
    double=True,
    adjoint="either",
)
def limit_strain(d: Draft) -> None:
    """Corrects the ends of edges that are stretched or compressed beyond a limit."""
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
        d.inout("x", "vec3", count, -1.0, 1.0)
    else:
        d.input("x", "vec3", count, -1.0, 1.0)
    if corrected == "velocities":
        (d.input if scatter else d.inout)("v", "vec3", count, -2.0, 2.0)
    if weighted == "masses":
        d.input("inv_mass", "float", count, 0.1, 2.0)
    if ends == "flat":
        d.input("edges", "int", count, kind="permutation")
    else:
        d.input("first", "int", springs, 0, count // 2)
        d.input("second", "int", springs, count // 2, count)
    d.input("rest", "float", springs, 0.5, 1.5)
    if limits == "per edge":
        d.input("most", "float", springs, 0.05, 0.2)
    else:
        d.param("most", "float", 0.05, 0.2)
        if limits == "both":
            d.param("least", "float", -0.2, -0.05)
    if corrected == "velocities":
        d.param("dt", "float", 0.05, 0.2)
    if scatter:
        d.output("delta", "vec3", count)
    if counted:
        d.output("active", "int", 1)
    tests = {
        "both": "strain = wp.clamp(l / rest[tid] - 1.0, least, most)",
        "stretch": "strain = wp.min(l / rest[tid] - 1.0, most)",
        "per edge": "strain = wp.min(l / rest[tid] - 1.0, most[tid])",
    }
    shares = ("0.5", "0.5") if weighted == "halves" else ("wi / (wi + wj)", "wj / (wi + wj)")
    if corrected == "positions" and scatter:
        apply = """
        wp.atomic_sub(delta, i, $mine * excess * n)
        wp.atomic_add(delta, j, $theirs * excess * n)
        """
    elif scatter:
        apply = """
        wp.atomic_sub(delta, i, $mine * impulse * n)
        wp.atomic_add(delta, j, $theirs * impulse * n)
        """
    elif corrected == "positions":
        apply = """
        x[i] -= $mine * excess * n
        x[j] += $theirs * excess * n
        """
    else:
        apply = """
        v[i] -= $mine * impulse * n
        v[j] += $theirs * impulse * n
        """
    positions = """
    l = wp.length(d_ij)
    n = d_ij / l
    $strain
    excess = l - rest[tid] * (1.0 + strain)
    if wp.abs(excess) < 1.0e-6:
        # within the limits
        return
    """
    velocities = """
    # what the edge would be at the end of the step
    ahead = d_ij + dt * (v[i] - v[j])
    l = wp.length(ahead)
    n = ahead / l
    $strain
    excess = l - rest[tid] * (1.0 + strain)
    if wp.abs(excess) < 1.0e-6:
        return
    impulse = excess / dt
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
        strain=tests[limits],
        masses="wi = inv_mass[i]\nwj = inv_mass[j]" if weighted == "masses" else "",
        apply=apply,
        mine=shares[0],
        theirs=shares[1],
        count="wp.atomic_add(active, 0, 1)" if counted else "",
    )

    def reference(v: Values) -> dict[str, Any]:
        i, j = (v.edges[0::2], v.edges[1::2]) if ends == "flat" else (v.first, v.second)
        offset = v.x[i] - v.x[j]
        if corrected == "velocities":
            offset = offset + v.dt * (v.v[i] - v.v[j])
        length = np.linalg.norm(offset, axis=-1)
        n = offset / length[:, None]
        strain = length / v.rest - 1.0
        kept = np.clip(strain, v.least if limits == "both" else -np.inf, v.most)
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
        return found | {"active": np.array([(excess != 0.0).sum()])} if counted else found

    d.check(reference, 5e-4)
