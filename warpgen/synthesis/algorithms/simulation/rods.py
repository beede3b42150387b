"""Rods and hair: Cosserat constraints of stretch, shear, bend and twist; chains that follow a leader."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.simulation import DOMAIN
from warpgen.synthesis.library import quaternions
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "x": "particle_x|pos|positions|p",
    "q": "edge_q|orientations|quats|rod_q",
    "w": "inv_mass|particle_inv_mass|inv_masses",
    "wq": "edge_w|inv_inertia|inv_rot_mass",
    "rest": "rest_length|l0|seg_length",
    "gamma": "correction|corr|multiplier",
    "d3": "director|tangent|axis",
}


@DOMAIN.algorithm(
    source="Kugelstadt & Schömer 2016 (position and orientation based Cosserat rods), eq. 31 to 37",
    names=_NAMES
    | {
        "solve_stretch_shear": "stretch_shear|rod_stretch|project_stretch_shear|cosserat_stretch",
        "s": "denom|total_w",
    },
    double=True,
    adjoint="either",
    weight=3,
)
def solve_stretch_shear(d: Draft) -> None:
    """Projects stretch-shear constraints for position-based Cosserat rods."""
    pick = d.option("segments", "even", "odd", "all")
    stiffness = d.option("stiffness", "rigid", "vector", "one")
    rest = d.option("rest", "each", "one")
    pinned = d.flag("pinned")
    scheme = d.option("scheme", "in place", "deltas")
    if pick == "all":
        scheme = "deltas"
    if scheme == "in place":
        d.forward_only()
    count = d.pick(33, 49, 65)
    segments = count - 1
    held = d.inout if scheme == "in place" else d.input
    held("x", "vec3", count, -1.0, 1.0, about="Particle positions [m]")
    held("q", "quat", segments, kind="unit", about="Segment orientations")
    d.input("w", "float", count, 0.2, 2.0, about="Inverse particle masses")
    if pinned:
        d.input("wq", "float", segments, 0.2, 2.0, about="Inverse rotational masses per segment")
    if rest == "each":
        d.input("rest", "float", segments, 0.3, 1.0, about="Segment rest lengths [m]")
    else:
        d.param("rest", "float", 0.3, 1.0, about="Segment rest length [m]")
    if stiffness == "vector":
        d.param("stiffness", "vec3", 0.2, 1.0, about="Stretch and shear stiffness in [0, 1]")
    elif stiffness == "one":
        d.param("stiffness", "float", 0.2, 1.0, about="Stretch and shear stiffness in [0, 1]")
    if scheme == "deltas":
        d.output("dx", "vec3", count, about="Position corrections")
        d.output("dq", "quat", segments, about="Rotation corrections")
    length = "rest[e]" if rest == "each" else "rest"
    turning = "wq[e] * l" if pinned else "l"
    soften = {
        "rigid": "",
        "one": "",
        "vector": """
        # Anisotropic stiffness: shear (x, y) and stretch (z) in the segment frame
        gamma = wp.quat_rotate(frame, wp.cw_mul(stiffness, wp.quat_rotate_inv(frame, gamma)))
        """,
    }
    index = {"even": "e = 2 * wp.tid()", "odd": "e = 2 * wp.tid() + 1", "all": "e = wp.tid()"}[pick]
    which = "" if pick == "all" else f"{pick} segments of "
    apply = """
    x[e] = x[e] + w0 * gamma
    x[e + 1] = x[e + 1] - w1 * gamma
    q[e] = wp.normalize(frame + turn)
    """
    if scheme == "deltas":
        apply = """
        wp.atomic_add(dx, e, w0 * gamma)
        wp.atomic_sub(dx, e + 1, w1 * gamma)
        dq[e] = turn
        """
        if pick != "all":  # no two of these segments share a particle
            apply = "dx[e] += w0 * gamma\ndx[e + 1] -= w1 * gamma\ndq[e] = turn"
    does = "Projects" if scheme == "in place" else "Computes corrections for"
    d.says(f"{does} stretch-shear constraints for {which}position-based Cosserat rods.")
    active = {"even": (segments + 1) // 2, "odd": segments // 2, "all": segments}[pick]
    d.launch(active)
    d.code(
        """
        $index
        w0 = w[e]
        w1 = w[e + 1]
        frame = q[e]
        l = $length
        # Third director d3 = q e3 conj(q), the target tangent
        d3 = wp.quat_rotate(frame, wp.vec3(0.0, 0.0, 1.0))
        s = (w0 + w1) / l + 4.0 * $turning
        gamma = $factor((x[e + 1] - x[e]) / l - d3) / s
        $soften
        # Kugelstadt & Schoemer, eq. 37
        turn = wp.quat(gamma, 0.0) * frame * wp.quat(0.0, 0.0, -1.0, 0.0) * (2.0 * $turning)
        $apply
        """,
        index=index,
        length=length,
        turning=turning,
        factor="stiffness * " if stiffness == "one" else "",
        soften=soften[stiffness],
        apply=apply,
    )
    if rest == "one":
        d.text = re.sub(r"\bl\b", "rest", d.text.replace("l = rest\n", ""))
    told = "" if pinned else "All segments have unit inverse rotational mass."
    if pick != "all":
        told += f"\nProcesses {pick} segments only, which share no particles, so no atomics are needed."
    d.explain(told)

    def reference(v: Values) -> dict[str, Any]:
        first = {"even": 0, "odd": 1, "all": 0}[pick]
        e = np.arange(first, segments, 1 if pick == "all" else 2)
        length_ = np.broadcast_to(v.rest, segments)[e]
        spin = v.wq[e] if pinned else np.ones(len(e))
        rot = quaternions.matrix(v.q[e])
        gamma = (v.x[e + 1] - v.x[e]) / length_[:, None] - rot[..., 2]
        gamma = gamma / ((v.w[e] + v.w[e + 1]) / length_ + 4.0 * spin * length_)[:, None]
        if stiffness == "one":
            gamma = v.stiffness * gamma
        elif stiffness == "vector":
            gamma = np.einsum("nij,j,nkj,nk->ni", rot, v.stiffness, rot, gamma)
        dx = np.zeros_like(v.x)
        np.add.at(dx, e, v.w[e, None] * gamma)
        np.add.at(dx, e + 1, -v.w[e + 1, None] * gamma)
        pure = np.concatenate([gamma, 0.0 * gamma[:, :1]], 1)
        back = np.broadcast_to(np.array([0.0, 0.0, -1.0, 0.0]), pure.shape)
        turn = quaternions.product(quaternions.product(pure, v.q[e]), back) * (2.0 * spin * length_)[:, None]
        dq = np.zeros_like(v.q)
        dq[e] = turn
        if scheme == "deltas":
            return {"dx": dx, "dq": dq}
        q = v.q + dq
        q[e] = q[e] / np.linalg.norm(q[e], axis=-1, keepdims=True)
        return {"x": v.x + dx, "q": q}

    d.check(reference, 3e-4)


@DOMAIN.algorithm(
    source="Kugelstadt & Schömer 2016, eq. 38 to 41; Spillmann & Teschner 2007",
    names=_NAMES
    | {
        "solve_bend_twist": "bend_twist|rod_bending|project_bend_twist|cosserat_bend",
        "darboux": "omega|kappa|relative_q",
        "rest_darboux": "rest_omega|omega0|kappa0",
        "k": "bend_stiffness|stiffness|ks",
    },
    double=True,
    adjoint="no",
    weight=2,
)
def solve_bend_twist(d: Draft) -> None:
    """Projects bend-twist constraints for position-based Cosserat rods."""
    pick = d.option("joints", "even", "odd", "all")
    rest = d.option("rest", "each", "one", "straight")
    stiffness = d.option("stiffness", "vector", "one", "each")
    weights = d.option("weights", "each", "equal")
    count = d.pick(33, 49, 65)
    deltas = pick == "all"
    (d.input if deltas else d.inout)("q", "quat", count, kind="unit", about="Segment orientations")
    if weights == "each":
        d.input("wq", "float", count, 0.2, 2.0, about="Inverse rotational masses per segment")
    if rest == "each":
        d.input("rest_darboux", "quat", count - 1, kind="unit", about="Rest Darboux vectors")
    elif rest == "one":
        d.param("rest_darboux", "quat", 0.0, 1.0, kind="unit", about="Rest Darboux vector of the joints")
    if stiffness == "vector":
        d.param("k", "vec3", 0.1, 1.0, about="Bend and twist stiffness in [0, 1]")
    elif stiffness == "one":
        d.param("k", "float", 0.1, 1.0, about="Bend and twist stiffness in [0, 1]")
    else:
        d.input("k", "float", count - 1, 0.1, 1.0, about="Per-joint bend and twist stiffness in [0, 1]")
    if deltas:
        d.output("dq", "quat", count, about="Rotation corrections")
    soft = {"vector": "wp.cw_mul(k, bend)", "one": "k * bend", "each": "k[e] * bend"}[stiffness]
    rests = {
        "each": "rest_q = rest_darboux[e]",
        "one": "",
        "straight": "rest_q = wp.quat_identity(dtype=float)",
    }
    w0, w1 = ("wq[e]", "wq[e + 1]") if weights == "each" else ("0.5", "0.5")
    scale = "(1.0 / (w0 + w1)) * " if weights == "each" else ""
    apply = """
    q[e] = wp.normalize(q0 + q1 * change * $w0)
    q[e + 1] = wp.normalize(q1 - q0 * change * $w1)
    """
    if deltas:
        apply = """
        wp.atomic_add(dq, e, q1 * change * $w0)
        wp.atomic_sub(dq, e + 1, q0 * change * $w1)
        """
        d.says("Computes corrections for bend-twist constraints of position-based Cosserat rods.")
    active = {"even": count // 2, "odd": (count - 1) // 2, "all": count - 1}[pick]
    d.launch(active)
    d.code(
        """
        $index
        q0 = q[e]
        q1 = q[e + 1]
        # Darboux vector: relative rotation conj(q0) q1
        darboux = wp.quat_inverse(q0) * q1
        $rest
        plus = darboux + $straight
        minus = darboux - $straight
        # q and -q represent the same rotation, so pick the sign with the smaller strain
        strain = wp.where(wp.dot(minus, minus) > wp.dot(plus, plus), plus, minus)
        bend = wp.vec3(strain[0], strain[1], strain[2])
        $weights
        # Zero the scalar part, since it is constant to first order
        change = wp.quat($scale$soft, 0.0)
        $apply
        """,
        index={"even": "e = 2 * wp.tid()", "odd": "e = 2 * wp.tid() + 1", "all": "e = wp.tid()"}[pick],
        rest=rests[rest],
        straight="rest_darboux" if rest == "one" else "rest_q",
        weights="w0 = wq[e]\nw1 = wq[e + 1]" if weights == "each" else "",
        scale=scale,
        soft=soft,
        apply=apply,
        w0="w0" if weights == "each" else w0,
        w1="w1" if weights == "each" else w1,
    )

    if pick != "all":
        d.says(f"Projects bend-twist constraints for {pick} joints in position-based Cosserat rods.")
        d.explain(f"""
            Processes {pick} joints only, which share no segments, so no atomics are needed.
        """)

    def reference(v: Values) -> dict[str, Any]:
        e = np.arange({"even": 0, "odd": 1, "all": 0}[pick], count - 1, 1 if pick == "all" else 2)
        q0, q1 = v.q[e], v.q[e + 1]
        darboux = quaternions.product(quaternions.conjugate(q0), q1)
        own = np.array([0.0, 0.0, 0.0, 1.0]) if rest == "straight" else v.rest_darboux
        own = own[e] if rest == "each" else own
        sign = np.where((darboux * own).sum(-1, keepdims=True) < 0.0, -1.0, 1.0)
        strain = (darboux - sign * own) * np.array([1.0, 1.0, 1.0, 0.0])
        strain[:, :3] *= v.k[e, None] if stiffness == "each" else v.k
        a, b = (v.wq[e, None], v.wq[e + 1, None]) if weights == "each" else (0.5, 0.5)
        strain = strain / (a + b)
        made = np.zeros_like(v.q)
        np.add.at(made, e, a * quaternions.product(q1, strain))
        np.add.at(made, e + 1, -b * quaternions.product(q0, strain))
        if deltas:
            return {"dq": made}
        made = v.q + made
        moved = np.union1d(e, e + 1)
        made[moved] /= np.linalg.norm(made[moved], axis=-1, keepdims=True)
        return {"q": made}

    d.check(reference, 3e-4)


@DOMAIN.algorithm(
    source="Müller, Kim & Chentanez 2012 (dynamic follow the leader); Brown, Latombe & Montgomery 2004",
    names={
        "follow_the_leader": "ftl|constrain_strands|hair_lengths|solve_strands",
        "x": "pos|positions|particle_q",
        "strand": "hair|chain|s",
        "rest": "segment_length|l0|length",
        "shift": "correction|d_i",
        "s_damping": "damping|ftl_damping|s_d",
        "v": "vel|velocities|particle_qd",
    },
    double=True,
    adjoint="no",
    element="strand",
)
def follow_the_leader(d: Draft) -> None:
    """Enforces hair segment lengths using follow-the-leader (FTL)."""
    velocities = d.option("velocities", "dynamic", "plain", "none")
    rest = d.option("rest", "one", "each", "table")
    dimension = d.option("dimension", 3, 2)
    collision = d.flag("collision", 0.4)
    layout = d.option("layout", "rows", "flat")
    if velocities == "dynamic":
        d.calls("dynamic_ftl|follow_the_leader|ftl_strands|solve_strands")
    strands, points = d.pick(16, 24, 32), d.pick(5, 6, 8)
    shape: Any = (strands, points) if layout == "rows" else strands * points
    vector = f"vec{dimension}"
    d.inout("x", vector, shape, -0.15, 0.15, about="Particle positions, updated in place [m]")
    if velocities != "none":
        d.input("x_old", vector, shape, -0.15, 0.15, about="Previous positions [m]")
    if rest == "one":
        d.param("rest", "float", 0.03, 0.08, about="Segment rest length [m]")
    elif rest == "each":
        d.input("rest", "float", strands, 0.03, 0.08, about="Per-strand segment rest length [m]")
    else:
        d.input("rest", "float", points, 0.03, 0.08, about="Rest length to the previous particle [m]")
    if layout == "flat":
        d.param("points", "int", points, about="Number of particles per strand")
    if collision:
        d.param("center", vector, -0.03, 0.03, about="Head center [m]")
        d.param("radius", "float", 0.06, 0.1, about="Head radius [m]")
    if velocities != "none":
        d.param("dt", "float", 0.01, 0.03, about="Time step [s]")
    if velocities == "dynamic":
        d.param("s_damping", "float", 0.7, 0.95, about="Velocity correction factor")
    if velocities != "none":
        d.output("v", vector, shape, about="Velocities [m/s]")
    at = "strand, {}" if layout == "rows" else "first + {}"
    here, before = at.format("k"), at.format("k - 1")

    r = {"one": "rest", "each": "rest[strand]", "table": "rest[k]"}[rest]
    d.launch(strands)
    d.code(
        """
        strand = wp.tid()
        $first
        prev = x[$root]
        for k in range(1, points):
            free = x[$here]
            $collide
            along = free - prev
            # Place the follower at its rest length from the leader
            placed = prev + along * ($r / wp.max(wp.length(along), 1.0e-6))
            $velocity
            x[$here] = placed
            prev = placed
        """,
        first="first = strand * points" if layout == "flat" else "points = x.shape[1]",
        root=at.format("0") if layout == "rows" else "first",
        here=here,
        collide="""
        # Resolve head collisions before the length constraint
        away = free - center
        apart = wp.length(away)
        if apart < radius:
            free = center + away * (radius / wp.max(apart, 1.0e-6))
        """
        if collision
        else "",
        r=r,
        velocity={
            "none": "",
            "plain": "v[$here] = (placed - x_old[$here]) / dt",
            "dynamic": """
            shift = placed - free
            v[$here] = (placed - x_old[$here]) / dt
            if k > 1:
                # Dynamic FTL (Muller et al. 2012): add the follower's position correction to the leader's velocity,
                # since plain FTL behaves as if the mass distribution were uneven
                v[$before] = v[$before] - s_damping * shift / dt
            """,
        }[velocities],
        before=before,
    )

    d.says(
        "Enforces hair segment lengths using follow-the-leader (FTL)"
        + (" after resolving head collisions" if collision else "")
        + (", and updates the velocities." if velocities != "none" else ".")
    )
    d.explain(
        "The root particle is fixed" + (" and its velocity is not written." if velocities != "none" else ".")
    )

    def reference(v: Values) -> dict[str, Any]:
        x = v.x.reshape(strands, points, dimension).copy()
        shift = np.zeros_like(x)
        old = v.x_old.reshape(x.shape) if velocities != "none" else x
        lengths = np.ones((strands, points)) * (v.rest[:, None] if rest == "each" else v.rest)
        u = np.zeros_like(x)
        for k in range(1, points):
            free = x[:, k]
            if collision:
                away = free - v.center
                dist = np.maximum(np.linalg.norm(away, axis=-1, keepdims=True), 1e-6)
                free = np.where(dist < v.radius, v.center + away * v.radius / dist, free)
            line = free - x[:, k - 1]
            x[:, k] = x[:, k - 1] + line * (lengths[:, k] / np.linalg.norm(line, axis=-1))[:, None]
            shift[:, k] = x[:, k] - free
        if velocities == "none":
            return {"x": x.reshape(v.x.shape)}
        u[:, 1:] = (x - old)[:, 1:] / v.dt
        if velocities == "dynamic":
            u[:, 1:-1] -= v.s_damping * shift[:, 2:] / v.dt
        return {"x": x.reshape(v.x.shape), "v": u.reshape(v.x.shape)}

    d.check(reference, 5e-4)
