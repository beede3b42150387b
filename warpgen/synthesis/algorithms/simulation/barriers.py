"""Contact of cloth with itself: barrier forces between vertices and triangles, and between edges."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.simulation import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_TRIANGLE = '''
@wp.func
def closest_barycentric(a: wp.vec3, b: wp.vec3, c: wp.vec3, p: wp.vec3) -> wp.vec3:
    """Return barycentric coordinates of the closest point to `p` on triangle `abc`.

    Follows Ericson, Real-Time Collision Detection, section 5.1.5: checks vertex and edge
    regions first, then falls through to the face.
    """
    ab = b - a
    ac = c - a
    ap = p - a
    d1 = wp.dot(ab, ap)
    d2 = wp.dot(ac, ap)
    if d1 <= 0.0 and d2 <= 0.0:
        return wp.vec3(1.0, 0.0, 0.0)
    bp = p - b
    d3 = wp.dot(ab, bp)
    d4 = wp.dot(ac, bp)
    if d3 >= 0.0 and d4 <= d3:
        return wp.vec3(0.0, 1.0, 0.0)
    # Edge ab
    vc = d1 * d4 - d3 * d2
    if vc <= 0.0 and d1 >= 0.0 and d3 <= 0.0:
        t = d1 / (d1 - d3)
        return wp.vec3(1.0 - t, t, 0.0)
    cp = p - c
    d5 = wp.dot(ab, cp)
    d6 = wp.dot(ac, cp)
    if d6 >= 0.0 and d5 <= d6:
        return wp.vec3(0.0, 0.0, 1.0)
    # Edge ac
    vb = d5 * d2 - d1 * d6
    if vb <= 0.0 and d2 >= 0.0 and d6 <= 0.0:
        s = d2 / (d2 - d6)
        return wp.vec3(1.0 - s, 0.0, s)
    # Edge bc
    va = d3 * d6 - d5 * d4
    if va <= 0.0 and d4 - d3 >= 0.0 and d5 - d6 >= 0.0:
        r = (d4 - d3) / ((d4 - d3) + (d5 - d6))
        return wp.vec3(0.0, 1.0 - r, r)
    # Face
    denom = 1.0 / (va + vb + vc)
    return wp.vec3(va * denom, vb * denom, vc * denom)
'''

_EDGES = '''
@wp.func
def closest_edge_parameters(p1: wp.vec3, q1: wp.vec3, p2: wp.vec3, q2: wp.vec3) -> wp.vec2:
    """Return the closest-point parameters (s, t) in [0, 1] for two edges."""
    d1 = q1 - p1
    d2 = q2 - p2
    r = p1 - p2
    a = wp.dot(d1, d1)
    e = wp.dot(d2, d2)
    b = wp.dot(d1, d2)
    c = wp.dot(d1, r)
    g = wp.dot(d2, r)
    denom = a * e - b * b
    # Nearly parallel edges: no unique closest points, use the start point
    if denom > 1.0e-6 * a * e:
        s = wp.clamp((b * g - c * e) / denom, 0.0, 1.0)
    else:
        s = 0.0
    t = (b * s + g) / e
    if t < 0.0:
        return wp.vec2(wp.clamp(-c / a, 0.0, 1.0), 0.0)
    if t > 1.0:
        return wp.vec2(wp.clamp((b - c) / a, 0.0, 1.0), 1.0)
    return wp.vec2(s, t)
'''

_LAWS = {
    "log barrier": '''
@wp.func
def contact_force(dist: float, thickness: float, stiffness: float) -> float:
    """Return the repulsive force of the IPC barrier -(d - d_hat)^2 log(d / d_hat) (Li et al. 2020)."""
    # Clamp the distance since the barrier is infinite at contact
    d = wp.max(dist, 0.05 * thickness)
    gap = d - thickness
    return stiffness * (2.0 * gap * wp.log(d / thickness) + gap * gap / d)
''',
    "quadratic": '''
@wp.func
def contact_force(dist: float, thickness: float, stiffness: float) -> float:
    """Return a linear penalty force."""
    return stiffness * (thickness - dist)
''',
    "smooth": '''
@wp.func
def contact_force(dist: float, thickness: float, stiffness: float) -> float:
    """Return the two-stage (quadratic, then logarithmic) contact force (Chen et al. 2025, OGC).

    The quadratic part keeps the stiffness bounded at first contact, the log barrier prevents penetration.
    """
    switch = 0.5 * thickness
    if dist >= switch:
        return stiffness * (thickness - dist)
    d = wp.max(dist, 0.05 * thickness)
    # Scaled so that the force is continuous at the transition
    return stiffness * (thickness - switch) * switch / d
''',
}

_FRICTION = '''
@wp.func
def friction_force(
    tangent_vel: wp.vec3, normal_force: float, friction: float, slip_threshold: float
) -> wp.vec3:
    """Return smoothed Coulomb friction, quadratic below the slip threshold (Li et al. 2020, eq. 14)."""
    speed = wp.length(tangent_vel)
    if speed < 1.0e-6:
        return wp.vec3(0.0, 0.0, 0.0)
    ratio = wp.min(speed / slip_threshold, 1.0)
    return -friction * normal_force * (2.0 * ratio - ratio * ratio) / speed * tangent_vel
'''


@DOMAIN.algorithm(
    source="Li et al. 2020 (incremental potential contact); Chen et al. 2025 (offset geometric contact, two-stage energy); Ericson 2005",
    names={
        "x": "pos|particle_q|positions",
        "v": "vel|particle_qd|velocities",
        "f": "particle_f|forces|force_out",
        "thickness": "d_hat|contact_distance|collision_radius",
        "stiffness": "contact_ke|kappa|ke",
        "candidate": "tid|pair|collision",
        "candidates": "collision_pairs|contact_pairs|pairs",
        "normal": "direction|contact_normal|sep_dir",
        "bary": "weights|barycentric|uvw",
        "dist": "gap_dist|separation|distance",
    },
    adjoint="no",  # slopes of pairs that nearly touch are beyond 32 bits
    weight=4,
)
def self_contact_forces(d: Draft) -> None:
    """Accumulates cloth self-contact forces."""
    kind = d.option("pairs", "vertex face", "edge edge")
    law = d.option("law", *_LAWS)
    friction = d.flag("friction", 0.6)
    damping = d.flag("damping", 0.5)
    adjacency = d.option("adjacency", "skip", "groups")
    counted = d.option("count", "counter", "padding")
    output = d.option("output", "force", "force and pressure")
    d.calls({
        "vertex face": "vertex_face_contact|vertex_face_forces|eval_self_contact",
        "edge edge": "edge_edge_contact|edge_edge_forces|eval_self_contact",
    }[kind])  # fmt: skip
    count, faces, pairs = d.pick(24, 32), d.pick(40, 48), d.pick(64, 96)
    corners = 3 if kind == "vertex face" else 2
    mesh = "face_indices" if kind == "vertex face" else "edge_indices"
    d.input("x", "vec3", count, -0.3, 0.3, about="Vertex positions [m]")
    if friction or damping:
        d.input("v", "vec3", count, -1.0, 1.0, about="Vertex velocities [m/s]")
    what = "faces" if kind == "vertex face" else "edges"
    d.input(mesh, "int", (faces, corners), 0, count, about=f"Vertex indices per {what[:-1]}")
    if counted == "counter":
        d.input("candidate_count", "int", 1, pairs - 20, pairs, about="Number of candidate pairs")
    low = -1 if counted == "padding" else 0
    high = count if kind == "vertex face" else faces
    d.input(
        "candidates_a",
        "int",
        pairs,
        low,
        min(high, faces),
        about="First primitive per candidate pair" + (", -1 for padding" if low else ""),
    )
    d.input("candidates_b", "int", pairs, 0, faces, about="Second primitive per candidate pair")
    if adjacency == "groups":
        d.input(
            "vertex_group",
            "int",
            count,
            0,
            4,
            about="Cloth layer index per vertex; contacts within a layer are ignored",
        )
    d.param("thickness", "float", 0.1, 0.15, about="Contact activation distance [m]")
    d.param("stiffness", "float", 10.0, 100.0, about="Contact stiffness [N/m]")
    if damping:
        d.param("damping", "float", 0.5, 2.0, about="Contact damping [N s/m]")
    if friction:
        d.param("friction", "float", 0.2, 0.6, about="Coulomb friction coefficient")
        d.param("slip_threshold", "float", 0.05, 0.2, about="Slip speed at which friction saturates [m/s]")
    d.output("f", "vec3", count, about="Contact forces, accumulated")
    if output == "force and pressure":
        d.output("contact_load", "float", count, about="Total normal force per vertex [N]")
    d.function(_TRIANGLE if kind == "vertex face" else _EDGES)
    d.function(_LAWS[law])
    if friction:
        d.function(_FRICTION)
    ids = ("i", "j", "k", "l")
    guards = {
        "counter": "# Early exit for threads beyond the valid candidates\n"
        "if candidate >= candidate_count[0]:\n    return\n$first = candidates_a[candidate]",
        "padding": "$first = candidates_a[candidate]\n# Skip padding\nif $first < 0:\n    return",
    }
    near = {
        "skip": {
            "vertex face": "# Skip adjacent primitives\nif i == j or i == k or i == l:\n    return",
            "edge edge": "# Skip edges that share a vertex\n"
            "if i == k or i == l or j == k or j == l:\n    return",
        }[kind],
        "groups": "# Skip contacts within the same layer\nif vertex_group[i] == vertex_group[k]:\n    return",
    }
    geometry = {
        "vertex face": """
        face = candidates_b[candidate]
        j = face_indices[face, 0]
        k = face_indices[face, 1]
        l = face_indices[face, 2]
        $near
        # Skip degenerate faces
        area_normal = wp.cross(x[k] - x[j], x[l] - x[j])
        if wp.length_sq(area_normal) < 1.0e-10:
            return
        bary = closest_barycentric(x[j], x[k], x[l], x[i])
        w_j = -bary[0]
        w_k = -bary[1]
        w_l = -bary[2]
        """,
        "edge edge": """
        edge_b = candidates_b[candidate]
        i = edge_indices[edge_a, 0]
        j = edge_indices[edge_a, 1]
        k = edge_indices[edge_b, 0]
        l = edge_indices[edge_b, 1]
        $near
        # Skip degenerate edges
        if wp.length_sq(x[j] - x[i]) < 1.0e-8 or wp.length_sq(x[l] - x[k]) < 1.0e-8:
            return
        st = closest_edge_parameters(x[i], x[j], x[k], x[l])
        w_i = 1.0 - st[0]
        w_j = st[0]
        w_k = st[1] - 1.0
        w_l = -st[1]
        """,
    }
    alone = kind == "vertex face"  # the vertex bears all of the force
    weight = {n: "" if alone and n == "i" else f"w_{n} * " for n in ids}
    move = f"""
    # Relative velocity at the contact point
    v_rel = {weight["i"]}v[i] + w_j * v[j] + w_k * v[k] + w_l * v[l]
    vel_n = wp.dot(v_rel, normal)
    """
    load = "\n".join(
        f"wp.atomic_add(contact_load, {n}, {f'wp.abs(w_{n}) * ' if weight[n] else ''}load)" for n in ids
    )
    d.launch(pairs)
    d.code(
        """
        candidate = wp.tid()
        $guard
        $geometry
        # Closest-point offset as a weighted sum of all four vertices
        delta = $own + w_j * x[j] + w_k * x[k] + w_l * x[l]
        dist = wp.length(delta)
        # Early exit if out of range, or if the points coincide and the normal is undefined
        if dist >= thickness or dist < 1.0e-6:
            return
        normal = delta / dist
        load = contact_force(dist, thickness, stiffness)
        $move
        $damp
        push = load * normal
        $rub
        # Distribute to all vertices using the barycentric weights; forces sum to zero
        $scatter
        $load
        """,
        guard=guards[counted],
        first="i" if alone else "edge_a",
        own=weight["i"] + "x[i]",
        geometry=geometry[kind],
        near=near[adjacency],
        move=move if friction or damping else "",
        damp="# Damp approaching contacts only\nload += damping * wp.max(-vel_n, 0.0)" if damping else "",
        rub="push += friction_force(v_rel - vel_n * normal, load, friction, slip_threshold)"
        if friction
        else "",
        scatter="\n".join(f"wp.atomic_add(f, {n}, {weight[n]}push)" for n in ids),
        load=load if output == "force and pressure" else "",
    )
    forces = ["contact", *["friction"] * friction, *["damping"] * damping]
    forces[-2:] = [" and ".join(forces[-2:])]
    d.says(
        f"Accumulates {', '.join(forces)} forces between "
        + ("cloth vertices and faces" if kind == "vertex face" else "cloth edges")
        + (" in different layers." if adjacency == "groups" else ".")
    )
    way = "act along the contact normal" + (", with friction in the tangent plane" if friction else "")
    d.explain(f"""
        Contact forces activate below `thickness` and {way}. They are distributed to all four vertices
        using the closest-point weights, which conserves momentum.
    """)

    def weights(v: Values, n: int) -> Any:
        a, b = int(v.candidates_a[n]), int(v.candidates_b[n])
        if (counted == "counter" and n >= v.candidate_count[0]) or a < 0:
            return None
        own = [a] if kind == "vertex face" else [int(e) for e in v[mesh][a]]
        other = [int(e) for e in v[mesh][b]]
        at = own + other
        if adjacency == "groups" and v.vertex_group[at[0]] == v.vertex_group[at[2]]:
            return None
        if adjacency == "skip" and set(own) & set(other):
            return None
        p = v.x[at]
        if kind == "vertex face":
            if (np.cross(p[2] - p[1], p[3] - p[1]) ** 2).sum() < 1e-10:
                return None
            return at, np.concatenate([[1.0], -_closest(p[1:], p[0])])
        if ((p[1] - p[0]) ** 2).sum() < 1e-8 or ((p[3] - p[2]) ** 2).sum() < 1e-8:
            return None
        options = []
        gram = np.array([[(p[1] - p[0]) @ (p[1] - p[0]), -(p[1] - p[0]) @ (p[3] - p[2])],
                         [-(p[1] - p[0]) @ (p[3] - p[2]), (p[3] - p[2]) @ (p[3] - p[2])]])  # fmt: skip
        if abs(np.linalg.det(gram)) > 1e-6 * gram[0, 0] * gram[1, 1]:
            s, t = np.linalg.solve(gram, [(p[1] - p[0]) @ (p[2] - p[0]), -(p[3] - p[2]) @ (p[2] - p[0])])
            if 0.0 <= s <= 1.0 and 0.0 <= t <= 1.0:
                options.append((s, t))
        for s in (0.0, 1.0):
            q = p[0] + s * (p[1] - p[0])
            options.append((s, float(np.clip((q - p[2]) @ (p[3] - p[2]) / gram[1, 1], 0.0, 1.0))))
            q = p[2] + s * (p[3] - p[2])
            options.append((float(np.clip((q - p[0]) @ (p[1] - p[0]) / gram[0, 0], 0.0, 1.0)), s))
        made = [np.array([1.0 - s, s, t - 1.0, -t]) for s, t in options]
        return at, min(made, key=lambda w: float(np.linalg.norm(w @ p)))

    def reference(v: Values) -> dict[str, Any]:
        force, pressure = np.zeros((count, 3)), np.zeros(count)
        h = v.thickness
        for n in range(pairs):
            found = weights(v, n)
            if found is None:
                continue
            at, w = found
            delta = w @ v.x[at]
            r = np.linalg.norm(delta)
            if r >= h or r < 1e-6:
                continue
            normal, near_ = delta / r, max(r, 0.05 * h)
            load_ = (
                v.stiffness
                * {
                    "log barrier": 2.0 * (near_ - h) * np.log(near_ / h) + (near_ - h) ** 2 / near_,
                    "quadratic": h - r,
                    "smooth": h - r if r >= 0.5 * h else 0.25 * h * h / near_,
                }[law]
            )
            total = np.zeros(3)
            if friction or damping:
                slip = w @ v.v[at]
                closing = slip @ normal
                load_ += v.damping * max(-closing, 0.0) if damping else 0.0
                slip = slip - closing * normal
                speed = np.linalg.norm(slip)
                if friction and speed >= 1e-6:
                    q = min(speed / v.slip_threshold, 1.0)
                    total = -v.friction * load_ * (2.0 * q - q * q) * slip / speed
            np.add.at(force, at, w[:, None] * (load_ * normal + total))
            np.add.at(pressure, at, np.abs(w) * load_)
        return {"f": force} | ({"contact_load": pressure} if output == "force and pressure" else {})

    d.check(reference, 2e-3)


def _closest(corners: Any, p: Any) -> Any:
    """Barycentric coordinates of the closest point of a triangle: inside, or the best on its edges."""
    made = []
    a, b, c = corners
    edges = np.stack([b - a, c - a], 1)
    inner = np.linalg.lstsq(edges, p - a, rcond=None)[0]
    if inner.min() >= 0.0 and inner.sum() <= 1.0:
        made.append(np.array([1.0 - inner.sum(), *inner]))
    for i, j in ((0, 1), (1, 2), (2, 0)):
        along = corners[j] - corners[i]
        t = np.clip((p - corners[i]) @ along / max(along @ along, 1e-12), 0.0, 1.0)
        w = np.zeros(3)
        w[i], w[j] = 1.0 - t, t
        made.append(w)
    return min(made, key=lambda w: float(np.linalg.norm(w @ corners - p)))
