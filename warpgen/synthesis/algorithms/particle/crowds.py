"""Bodies that all feel each other: gravity, flocks."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.particle import DOMAIN
from warpgen.synthesis.algorithms.particle.pairs import NAMES
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Aarseth 2003 (Plummer softening); Nyland, Harris & Prins 2007 (tiles)",
    names=NAMES
    | {
        "radius": "body_radius|ball_radius",
        "nbody_acceleration": "nbody_gravity|compute_gravity|gravitational_acceleration|nbody",
        "pull": "attraction|pull_i|attraction_i",
        "accel": "accelerations|particle_a|acc_out",
        "m": "mass|body_mass",
        "j": "other|k",
        "eps": "softening|epsilon|soft",
        "G": "grav|gravity_constant|g_const",
    },
    double=True,
    weight=7,
    element="",
)
def nbody_acceleration(d: Draft) -> None:
    """Computes softened N-body gravitational accelerations."""
    packed = d.option("masses", "array", "packed", "equal")
    form = d.option("form", "loop", "tile", "potential")
    step = d.flag("kick", 0.35) and form != "potential"
    if step or form == "potential":
        d.calls("nbody_kick|apply_gravity|kick_bodies" if step else "nbody_potential|gravitational_potential")
    softening = d.option("softening", "plummer", "ball")
    count = 256 if form == "tile" else d.pick(64, 96, 128)
    if form == "tile":
        d.module("TILE_SIZE = wp.constant(64)")
    vector = "vec4" if packed == "packed" else "vec3"
    about = "Packed positions (xyz) and masses (w)" if packed == "packed" else "Body positions"
    d.input("x", vector, count, 0.1, 2.0, about=about)
    if packed == "array":
        d.input("m", "float", count, 0.5, 2.0, about="Masses")
    elif packed == "equal":
        d.param("m", "float", 0.5, 2.0, about="Body mass")
    d.param("G", "float", 0.5, 1.5, about="Gravitational constant")
    eps = "radius" if softening == "ball" else "eps"
    d.param(eps, "float", 0.05, 0.3, about="Body radius" if softening == "ball" else "Softening length")
    if step:
        d.param("dt", "float", 0.001, 0.01, about="Time step")
        d.inout("v", "vec3", count, -0.5, 0.5, about="Velocities")
    elif form == "potential":
        d.output("phi", "float", count, about="Gravitational potential per body")
    else:
        d.output("accel", "vec3", count, about="Accelerations")
    loop = """
    for j in range(x.shape[0]):
        $inner
    """
    if form == "tile":
        loop = """
        for k in range((x.shape[0] + TILE_SIZE - 1) // TILE_SIZE):
            # Cooperatively load a tile of bodies$padding
            bodies = wp.tile_load(x, shape=TILE_SIZE, offset=k * TILE_SIZE)
            $masses
            for j in range($bodies):
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
        # Homogeneous sphere: force grows linearly with distance inside
        s2 = wp.max(wp.dot(delta, delta), radius * radius)
        """
    if form == "potential":
        add = f"phi_i -= {mass} / wp.sqrt(s2)"
        if softening == "ball":
            law = "r2 = wp.dot(delta, delta)"
            add = f"""
            # Homogeneous sphere: quadratic potential inside
            if r2 < radius * radius:
                phi_i -= {mass} * (1.5 - 0.5 * r2 / (radius * radius)) / radius
            else:
                phi_i -= {mass} / wp.sqrt(r2)
            """
    else:
        add = f"pull += {mass} / (s2 * wp.sqrt(s2)) * delta"
    store = "v[tid] += dt * G * pull" if step else "accel[tid] = G * pull"
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
        zero="phi_i = float(0.0)" if form == "potential" else "pull = wp.vec3()",
        loop=loop,
        padding="" if packed == "equal" else "; out-of-bounds masses are zero",
        masses="masses = wp.tile_load(m, shape=TILE_SIZE, offset=k * TILE_SIZE)" if packed == "array" else "",
        bodies="wp.min(TILE_SIZE, x.shape[0] - k * TILE_SIZE)" if packed == "equal" else "TILE_SIZE",
        inner="$own\n$offset\n$law\n$add",
        own="if j == tid:\n    continue" if form == "potential" else "",
        offset=offset,
        law=law,
        add=add,
        store="phi[tid] = G * phi_i" if form == "potential" else store,
    )
    soft, bodies = ("softened ", "") if softening == "plummer" else ("", " for homogeneous spheres")
    if form == "potential":
        d.says(f"Computes the {soft}N-body gravitational potential{bodies}.")
    elif step:
        d.says(f"Applies {soft}N-body gravity{bodies} to the velocities.")
    else:
        d.says(f"Computes {soft}N-body gravitational accelerations{bodies}.")
    if form == "potential":
        packing = " Bodies are stored as (x, y, z, mass)." if packed == "packed" else ""
        d.explain(f"Self-interaction is excluded.{packing}")
    elif packed == "packed":
        d.explain(f"""
            Bodies are packed as (x, y, z, mass). Self-interaction contributes zero, and the
            {"softening" if softening == "plummer" else "sphere's"} `{eps}` avoids division by zero.
        """)
    elif form != "potential" and softening == "plummer":
        d.explain("""
            a_i = G sum_j m_j (x_j - x_i) / (r^2 + eps^2)^(3/2). The j = i term vanishes, and the
            softening `eps` avoids division by zero.
        """)
    elif form != "potential":
        d.explain("""
            Inverse-square law outside `radius`, linear in r inside (homogeneous sphere).
        """)

    def reference(v: Values) -> dict[str, Any]:
        x = v.x[:, :3]
        m = v.x[:, 3] if packed == "packed" else np.broadcast_to(v.m, count)
        delta = x[None] - x[:, None]
        r2 = (delta**2).sum(-1)
        s2 = r2 + v[eps] ** 2 if softening == "plummer" else np.maximum(r2, v[eps] ** 2)
        if form == "potential":
            each = 1.0 / np.sqrt(s2)
            if softening == "ball":
                each = np.where(r2 < v[eps] ** 2, (1.5 - 0.5 * r2 / v[eps] ** 2) / v[eps], each)
            np.fill_diagonal(each, 0.0)
            return {"phi": -v.G * (m * each).sum(axis=1)}
        accel = v.G * ((m / s2**1.5)[..., None] * delta).sum(axis=1)
        return {"v": v.v + v.dt * accel} if step else {"accel": accel}

    d.check(reference, 3e-4)


@DOMAIN.algorithm(
    source="Reynolds 1987 (boids)",
    names=NAMES
    | {
        "boids_steering": "boids|flocking|update_boids|flock_step",
        "v": "velocities|vel|boid_v",
        "v_new": "v_out|new_velocities|vel_out",
        "separation": "push|repulsion|separation_sum",
        "near": "num_near|flockmates|neighbors",
        "max_speed": "v_max|speed_limit",
    },
    adjoint="no",
    element="",
)
def boids_steering(d: Draft) -> None:
    """Computes boid steering using separation, alignment and cohesion."""
    dimension = d.option("dimension", 3, 2)
    sight = d.option("sight", "radius", "cone")
    limited = d.flag("limited", 0.6)
    weights = d.option("weights", "params", "packed")
    moved = d.flag("moved", 0.4)
    goal = d.flag("goal", 0.3)
    count = d.pick(32, 48, 64)
    vector = f"vec{dimension}"
    d.input("x", vector, count, 0.0, 1.0, about="Boid positions")
    d.input("v", vector, count, -1.0, 1.0, about="Boid velocities")
    d.param("radius", "float", 0.3, 0.5, about="Perception radius")
    if weights == "params":
        d.param("w_separation", "float", 0.02, 0.1, about="Separation weight")
        d.param("w_alignment", "float", 0.1, 0.6, about="Alignment weight")
        d.param("w_cohesion", "float", 0.1, 0.6, about="Cohesion weight")
    else:
        d.param("weights", "vec3", 0.02, 0.4, about="Separation, alignment and cohesion weights")
    if goal:
        d.param("goal", vector, 0.0, 1.0, about="Goal position")
        d.param("w_goal", "float", 0.05, 0.2, about="Goal weight")
    if limited:
        d.param("max_speed", "float", 0.5, 0.8, about="Maximum speed")
    if moved:
        d.param("dt", "float", 0.01, 0.1, about="Time step")
        d.output("x_new", vector, count, about="Updated positions")
    d.output("v_new", vector, count, about="Updated velocities")
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
        vel_sum = wp.{vector}()
        pos_sum = wp.{vector}()
        near = int(0)
        for j in range(x.shape[0]):
            if j == tid:
                continue
            d_ij = x[j] - xi
            r = wp.length(d_ij)
            $cone
            if r > radius$blind:
                continue
            separation -= d_ij / wp.max(r * r, 1.0e-3)
            vel_sum += v[j]
            pos_sum += x[j]
            near += 1
        $goal
        if near > 0:
            n = float(near)
            steer += {w[0]} * separation
            steer += {w[1]} * (vel_sum / n - vi)
            steer += {w[2]} * (pos_sum / n - xi)
        $end
        """,
        cone="# Field of view is +/-120 degrees" if sight == "cone" else "",
        blind=" or wp.dot(d_ij, vi) < -0.5 * r * wp.length(vi)" if sight == "cone" else "",
        goal="steer = w_goal * (goal - xi)" if goal else f"steer = wp.{vector}()",
        end="v_new[tid] = vi + steer"
        if not (limited or moved)
        else """
        velocity = vi + steer
        $limit
        v_new[tid] = velocity
        $move
        """,
        limit="""
        speed = wp.length(velocity)
        if speed > max_speed:
            velocity = velocity * (max_speed / speed)
        """
        if limited
        else "",
        move="x_new[tid] = xi + velocity * dt" if moved else "",
    )
    d.explain(
        "Each thread loops over all other boids, but only neighbors within `radius` contribute. Weights are per step."
    )
    what = "positions and velocities" if moved else "velocities"
    boids = "boids with a 240 degree field of view" if sight == "cone" else "boids"
    d.says(
        f"Updates the {what} of {boids} using separation, alignment"
        + (", cohesion and goal seeking" if goal else " and cohesion")
        + (", clamped to a maximum speed." if limited else ".")
    )

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
        new = v.v + steer + (v.w_goal * (v.goal - v.x) if goal else 0.0)
        if limited:
            speed = np.linalg.norm(new, axis=-1, keepdims=True)
            new = new * np.minimum(1.0, v.max_speed / speed)
        return {"v_new": new, "x_new": v.x + v.dt * new} if moved else {"v_new": new}

    d.check(reference, 3e-4)
