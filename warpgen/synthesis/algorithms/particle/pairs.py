"""Forces between pairs: molecular dynamics with cutoffs and lists, gravity and charges over all pairs."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.particle import DOMAIN
from warpgen.synthesis.library import potentials
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "x": "positions|pos|particle_q|coords",
    "f": "forces|force|particle_f",
    "cutoff": "r_cut|rc|cutoff_radius",
    "box": "box_size|cell|box_length",
    "start": "row_start|offsets|neighbor_offsets",
    "neighbors": "nbr|neighbor_indices|adjacency",
    "j": "other|nb|neighbor",
    "d_ij": "offset|rij|delta",
    "r": "dist|distance|r_ij",
    "r_core": "r_floor|r_min_safe|core",
}


def _multiplicity(v: Values, count: int, listing: str) -> Any:
    """How often each pair (i, j) is met."""
    times = np.zeros((count, count))
    if listing == "csr":
        for i in range(count):
            np.add.at(times[i], v.neighbors[v.start[i] : v.start[i + 1]], 1.0)
    elif listing == "table":
        rows, columns = np.nonzero(v.neighbors >= 0)
        np.add.at(times, (rows, v.neighbors[rows, columns]), 1.0)
    else:
        times[:] = 1.0
    np.fill_diagonal(times, 0.0)
    return times


@DOMAIN.algorithm(
    source="Allen & Tildesley 2017, ch. 1 and 5; Frenkel & Smit 2002, alg. 5",
    names=_NAMES
    | {
        "pair_forces": "compute_forces|md_forces|nonbonded_forces|eval_pair_forces",
        "energy": "potential_energy|pe|e_pot",
        "e": "e_i|pe_i|pot",
        "fi": "force_i|f_i|acc",
    },
    double=True,
)
def pair_forces(d: Draft) -> None:
    """Sums the forces of a pair potential that each particle's neighbours exert on it."""
    potential = d.option("potential", *potentials.POTENTIALS)
    listing = d.option("listing", "all", "csr", "table")
    periodic = d.flag("periodic")
    wanted = d.option("wanted", "force", "energy", weights=(0.65, 0.35))
    shifted = d.flag("shifted", 0.3) and wanted == "energy"
    count = d.pick(32, 48, 64)
    (first, low1, high1), (second, low2, high2) = potential.constants
    law = d.use(potential.force if wanted == "force" else potential.energy)
    d.input("x", "vec3", count, 0.0, 2.0)
    if listing == "csr":
        d.input("start", "int", count + 1, 0, count * 8, kind="offsets")
        d.input("neighbors", "int", count * 8, 0, count)
    elif listing == "table":
        d.input("neighbors", "int", (count, 8), -1, count)
    d.param(first, "float", low1, high1)
    d.param(second, "float", low2, high2)
    d.param("cutoff", "float", 0.9, 1.0)
    if periodic:
        d.param("box", "float", 2.0)
    d.output("f" if wanted == "force" else "energy", "vec3" if wanted == "force" else "float", count)
    bare = potential in (potentials.SOFT_SPHERE, potentials.GAUSSIAN)
    if periodic:
        d.function("""
        @wp.func
        def minimum_image(d: wp.vec3, box: float) -> wp.vec3:
            # the nearest of the copies that the periodic box has of the other particle
            return wp.vec3(
                d[0] - box * wp.round(d[0] / box),
                d[1] - box * wp.round(d[1] / box),
                d[2] - box * wp.round(d[2] / box),
            )
        """)
    loops = {
        "all": """
        for j in range(x.shape[0]):
            if j == tid:
                continue
            $pair
        """,
        "csr": """
        for k in range(start[tid], start[tid + 1]):
            j = neighbors[k]
            if j == tid:
                continue
            $pair
        """,
        "table": """
        for k in range(neighbors.shape[1]):
            j = neighbors[tid, k]
            # rows are padded with -1
            if j < 0 or j == tid:
                continue
            $pair
        """,
    }
    constants = f"{first}, {second}"
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        xi = x[tid]
        $zero
        $loop
        $store
        """,
        zero="fi = wp.vec3()" if wanted == "force" else "e = float(0.0)",
        loop=loops[listing],
        pair="""
        d_ij = xi - x[j]
        $wrap
        r = wp.length(d_ij)
        if r < cutoff:
            $core
            $term
        """,
        wrap="d_ij = minimum_image(d_ij, box)" if periodic else "",
        core=""
        if bare
        else """
        # pairs that overlap at the start would be shot out of the box
        r_core = wp.max(r, 0.3)
        """,
        term=f"fi += {law}($at, {constants}) * (d_ij / r)"
        if wanted == "force"
        else f"e += {law}($at, {constants})$shift",
        at="r" if bare else "r_core",
        # the potential is shifted so that it does not jump where it is cut off
        shift=f" - {law}(cutoff, {constants})" if shifted else "",
        # each pair is met from both of its ends
        store="f[tid] = fi" if wanted == "force" else "energy[tid] = 0.5 * e",
    )
    if wanted == "energy":
        d.says("Sums each particle's half of the energies of a pair potential over its neighbours.")

    def reference(v: Values) -> dict[str, Any]:
        offset = v.x[:, None] - v.x[None]
        if periodic:
            offset = offset - v.box * np.round(offset / v.box)
        r = np.linalg.norm(offset, axis=-1)
        met = np.where(r < v.cutoff, _multiplicity(v, count, listing), 0.0)
        held = np.where(met > 0.0, r, 1.0)
        core = held if bare else np.maximum(held, 0.3)
        if wanted == "force":
            strength = met * potential.force(core, v[first], v[second]) / held
            return {"f": (strength[..., None] * offset).sum(axis=1)}
        energies = potential.energy(core, v[first], v[second])
        if shifted:
            energies = energies - potential.energy(v.cutoff, v[first], v[second])
        return {"energy": 0.5 * (met * energies).sum(axis=1)}

    d.check(reference, 3e-4)


@DOMAIN.algorithm(
    source="Aarseth 2003 (Plummer softening); Nyland, Harris & Prins 2007 (tiles)",
    names=_NAMES
    | {
        "nbody_acceleration": "nbody_gravity|compute_gravity|gravitational_acceleration|nbody",
        "acc": "accel|a|acceleration_i",
        "accel": "accelerations|particle_a|acc_out",
        "m": "mass|masses|body_mass",
        "eps": "softening|epsilon|soft",
        "G": "grav|gravity_constant|g_const",
    },
    double=True,
)
def nbody_acceleration(d: Draft) -> None:
    """Computes the gravitational acceleration of each body by all others, softened at short range."""
    packed = d.option("masses", "array", "packed", "equal")
    form = d.option("form", "loop", "tile", "potential")
    step = d.flag("kick", 0.35) and form != "potential"
    softening = d.option("softening", "plummer", "ball")
    count = 256 if form == "tile" else d.pick(64, 96, 128)
    if form == "tile":
        d.module("TILE_SIZE = wp.constant(64)")
    vector = "vec4" if packed == "packed" else "vec3"
    d.input("x", vector, count, 0.1, 2.0)
    if packed == "array":
        d.input("m", "float", count, 0.5, 2.0)
    elif packed == "equal":
        d.param("m", "float", 0.5, 2.0)
    d.param("G", "float", 0.5, 1.5)
    d.param("eps", "float", 0.05, 0.3)
    if step:
        d.param("dt", "float", 0.001, 0.01)
        d.inout("v", "vec3", count, -0.5, 0.5)
    elif form == "potential":
        d.output("phi", "float", count)
    else:
        d.output("accel", "vec3", count)
    loop = """
    for j in range(x.shape[0]):
        $inner
    """
    if form == "tile":
        loop = """
        for k in range(x.shape[0] // TILE_SIZE):
            # each block reads a tile of bodies once for all of its threads
            bodies = wp.tile_load(x, shape=TILE_SIZE, offset=k * TILE_SIZE)
            $masses
            for j in range(TILE_SIZE):
                $inner
        """
    source = "bodies[j]" if form == "tile" else "x[j]"
    mass = {"array": "masses[j]" if form == "tile" else "m[j]", "packed": "other[3]", "equal": "m"}[packed]
    if packed == "packed":
        offset = f"other = {source}\ndelta = wp.vec3(other[0], other[1], other[2]) - xi"
    else:
        offset = f"delta = {source} - xi"
    law = "s2 = wp.dot(delta, delta) + eps * eps"
    if softening == "ball":
        law = """
        # no closer than the radius of a body: inside of it gravity falls off linearly
        s2 = wp.max(wp.dot(delta, delta), eps * eps)
        """
    if form == "potential":
        add = f"phi_i -= {mass} / wp.sqrt(s2)"
    else:
        add = f"acc += {mass} / (s2 * wp.sqrt(s2)) * delta"
    store = "v[tid] += dt * G * acc" if step else "accel[tid] = G * acc"
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        $mine
        $zero
        $loop
        $store
        """,
        mine="body = x[tid]\nxi = wp.vec3(body[0], body[1], body[2])"
        if packed == "packed"
        else "xi = x[tid]",
        zero="phi_i = float(0.0)" if form == "potential" else "acc = wp.vec3()",
        loop=loop,
        masses="masses = wp.tile_load(m, shape=TILE_SIZE, offset=k * TILE_SIZE)" if packed == "array" else "",
        inner="$offset\n$law\n$add",
        offset=offset,
        law=law,
        add=add,
        store="phi[tid] = G * phi_i" if form == "potential" else store,
    )
    if form == "potential":
        d.says("Computes the gravitational potential at each body, softened at short range.")
    elif step:
        d.says("Kicks each body's velocity by the gravity of all others, softened at short range.")
    if packed == "packed":
        d.explain("""
            Bodies are (x, y, z, mass). The body itself is among the sources: its offset is zero, and the
            softening `eps` keeps the quotient finite.
        """)
    elif form != "potential" and softening == "plummer":
        d.explain("""
            a_i = G sum_j m_j (x_j - x_i) / (r^2 + eps^2)^(3/2). No test for j = i is needed, since the
            softening `eps` keeps the quotient finite.
        """)
    elif form != "potential":
        d.explain("""
            Newton's law down to the distance `eps`, linear in r below it as inside a ball.
        """)

    def reference(v: Values) -> dict[str, Any]:
        x = v.x[:, :3]
        m = v.x[:, 3] if packed == "packed" else np.broadcast_to(v.m, count)
        delta = x[None] - x[:, None]
        r2 = (delta**2).sum(-1)
        s2 = r2 + v.eps**2 if softening == "plummer" else np.maximum(r2, v.eps**2)
        if form == "potential":
            return {"phi": -v.G * (m / np.sqrt(s2)).sum(axis=1)}
        accel = v.G * ((m / s2**1.5)[..., None] * delta).sum(axis=1)
        return {"v": v.v + v.dt * accel} if step else {"accel": accel}

    d.check(reference, 3e-4)


@DOMAIN.algorithm(
    source="Verlet 1967 (neighbour lists)",
    names=_NAMES
    | {
        "build_neighbor_list": "find_neighbors|neighbor_search|verlet_list|build_neighbors",
        "table": "neighbor_list|nbr_list|neighbor_matrix",
        "counts": "num_neighbors|neighbor_count|n_neighbors",
        "found": "n|num|count",
        "skin": "buffer|r_skin|margin",
    },
    adjoint="no",
)
def build_neighbor_list(d: Draft) -> None:
    """Lists the neighbours of each particle within a cutoff, up to a fixed number, padded with -1."""
    search = d.option("search", "all", "half", "periodic")
    skin = d.flag("skin")
    groups = d.flag("exclusions", 0.4)
    dimension = d.option("dimension", 3, 2)
    full = d.option("full", "stop", "count on")
    count, most = d.pick(48, 64, 96), d.pick(8, 12, 16)
    d.input("x", f"vec{dimension}", count, 0.0, 1.0)
    if groups:
        d.input("molecule", "int", count, 0, count // 4)
    d.param("cutoff", "float", 0.3, 0.4)
    if skin:
        d.param("skin", "float", 0.02, 0.1)
    if search == "periodic":
        d.param("box", "float", 1.0)
    d.output("table", "int", (count, most))
    if full == "count on":
        d.output("counts", "int", count)
    wrap = """
    # nearest image
    for c in range($dim):
        d_ij[c] = d_ij[c] - box * wp.round(d_ij[c] / box)
    """
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        xi = x[tid]
        $reach
        found = int(0)
        for j in range($range):
            $skip
            d_ij = xi - x[j]
            $wrap
            if wp.length_sq(d_ij) < $limit:
                $enter
        $pad
        $counts
        """,
        reach="""
        # the list stays valid until something has moved by half of the skin
        reach = cutoff + skin
        """
        if skin
        else "",
        range="tid + 1, x.shape[0]" if search == "half" else "x.shape[0]",
        skip=("if molecule[j] == molecule[tid]:\n    continue" if groups else "if j == tid:\n    continue")
        if search != "half" or groups
        else "",
        wrap=wrap if search == "periodic" else "",
        dim=str(dimension),
        limit="reach * reach" if skin else "cutoff * cutoff",
        enter="""
        if found == table.shape[1]:
            break
        table[tid, found] = j
        found += 1
        """
        if full == "stop"
        else """
        # what does not fit is counted, so that the caller can see how wide the table must be
        if found < table.shape[1]:
            table[tid, found] = j
        found += 1
        """,
        pad="""
        for k in range($used, table.shape[1]):
            table[tid, k] = -1
        """,
        used="found" if full == "stop" else "wp.min(found, table.shape[1])",
        counts="counts[tid] = found" if full == "count on" else "",
    )

    def reference(v: Values) -> dict[str, Any]:
        offset = v.x[:, None] - v.x[None]
        if search == "periodic":
            offset = offset - v.box * np.round(offset / v.box)
        near = (offset**2).sum(-1) < (v.cutoff + (v.skin if skin else 0.0)) ** 2
        near &= ~np.eye(count, dtype=bool)
        if groups:
            near &= v.molecule[:, None] != v.molecule
        if search == "half":
            near = np.triu(near)
        table = np.full((count, most), -1)
        for i, row in enumerate(near):
            others = np.flatnonzero(row)[:most]
            table[i, : len(others)] = others
        made = {"table": table}
        return made | {"counts": near.sum(axis=1)} if full == "count on" else made

    d.check(reference)


@DOMAIN.algorithm(
    source="Reynolds 1987 (boids)",
    names=_NAMES
    | {
        "boids_steering": "boids|flocking|update_boids|flock_step",
        "v": "velocities|vel|heading",
        "v_new": "v_out|new_velocities|vel_out",
        "separation": "push|avoid|repulsion",
        "center": "centroid|cohesion|sum_x",
        "heading_sum": "sum_v|alignment|mean_v",
        "near": "n|num_near|flockmates",
        "max_speed": "v_max|speed_limit",
    },
    adjoint="no",
)
def boids_steering(d: Draft) -> None:
    """Steers each boid away from close neighbours, along with the flock and towards its centre."""
    dimension = d.option("dimension", 3, 2)
    sight = d.option("sight", "radius", "cone")
    limited = d.flag("limited", 0.6)
    weights = d.option("weights", "params", "packed")
    moved = d.flag("moved", 0.4)
    goal = d.flag("goal", 0.3)
    count = d.pick(32, 48, 64)
    vector = f"vec{dimension}"
    d.input("x", vector, count, 0.0, 1.0)
    d.input("v", vector, count, -1.0, 1.0)
    d.param("radius", "float", 0.3, 0.5)
    if weights == "params":
        d.param("w_separation", "float", 0.02, 0.1)
        d.param("w_alignment", "float", 0.1, 0.6)
        d.param("w_cohesion", "float", 0.1, 0.6)
    else:
        d.param("weights", "vec3", 0.02, 0.4)
    if goal:
        d.param("goal", vector, 0.0, 1.0)
    if limited:
        d.param("max_speed", "float", 0.5, 0.8)
    if moved:
        d.param("dt", "float", 0.01, 0.1)
        d.output("x_new", vector, count)
    d.output("v_new", vector, count)
    w = ("w_separation", "w_alignment", "w_cohesion")
    if weights != "params":
        w = ("weights[0]", "weights[1]", "weights[2]")
    d.launch(count)
    d.code(
        f"""
        tid = wp.tid()
        xi = x[tid]
        vi = v[tid]
        separation = wp.{vector}()
        heading_sum = wp.{vector}()
        center = wp.{vector}()
        near = int(0)
        for j in range(x.shape[0]):
            if j == tid:
                continue
            d_ij = x[j] - xi
            r = wp.length(d_ij)
            if r > radius$blind:
                continue
            # the closer, the stronger
            separation -= d_ij / wp.max(r * r, 1.0e-3)
            heading_sum += v[j]
            center += x[j]
            near += 1
        $goal
        if near > 0:
            n = float(near)
            steer += {w[0]} * separation
            steer += {w[1]} * (heading_sum / n - vi)
            steer += {w[2]} * (center / n - xi)
        v_i = vi + steer
        $limit
        v_new[tid] = v_i
        $move
        """,
        # boids do not see what is behind them: a cone of 120 degrees to each side
        blind=" or wp.dot(d_ij, vi) < -0.5 * r * wp.length(vi)" if sight == "cone" else "",
        goal="steer = 0.1 * (goal - xi)" if goal else f"steer = wp.{vector}()",
        limit="""
        speed = wp.length(v_i)
        if speed > max_speed:
            v_i = v_i * (max_speed / speed)
        """
        if limited
        else "",
        move="x_new[tid] = xi + v_i * dt" if moved else "",
    )
    if moved:
        d.says("Steers each boid by its flock and moves it by its new velocity.")

    def reference(v: Values) -> dict[str, Any]:
        toward = v.x[None] - v.x[:, None]
        r = np.linalg.norm(toward, axis=-1)
        seen = (r <= v.radius) & ~np.eye(count, dtype=bool)
        if sight == "cone":
            speed = np.linalg.norm(v.v, axis=-1)[:, None]
            seen &= np.einsum("ijk,ik->ij", toward, v.v) >= -0.5 * r * speed
        n = np.maximum(seen.sum(axis=1), 1)[:, None]
        w = v.weights if weights != "params" else (v.w_separation, v.w_alignment, v.w_cohesion)
        push = -((seen / np.maximum(r * r, 1e-3))[..., None] * toward).sum(axis=1)
        steer = w[0] * push + w[1] * (seen @ v.v / n - v.v) + w[2] * (seen @ v.x / n - v.x)
        steer = np.where(seen.any(axis=1)[:, None], steer, 0.0)
        new = v.v + steer + (0.1 * (v.goal - v.x) if goal else 0.0)
        if limited:
            speed = np.linalg.norm(new, axis=-1, keepdims=True)
            new = new * np.minimum(1.0, v.max_speed / speed)
        return {"v_new": new, "x_new": v.x + v.dt * new} if moved else {"v_new": new}

    d.check(reference, 3e-4)
