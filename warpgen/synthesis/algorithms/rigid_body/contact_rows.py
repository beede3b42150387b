"""Rows of contact constraints: directions, effective masses and right-hand sides."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rigid_body import DOMAIN
from warpgen.synthesis.library import contact_rows, quaternions
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import Piece, piece


def _params(fields: dict[str, str]) -> Piece:
    """The struct of those parameters that a variant has, with what each is."""
    head = '@wp.struct\nclass ContactParams:\n    """Contact stabilization parameters."""\n\n'
    lines = [f"    {name}: float  # {what[0].lower()}{what[1:]}\n" for name, what in fields.items()]
    return piece("\n" + head + "".join(lines))


@DOMAIN.algorithm(
    source="Catto 2009 (soft constraints); Erleben 2004, ch. 4; Baumgarte 1972",
    names={
        "prepare_contacts": "build_contact_rows|setup_contact_rows|setup_contact_constraints|contact_constraint_rows",
        "contact_body": "contact_bodies|body_pairs",
        "contact_count": "num_contacts|rigid_contact_count",
        "vel_n": "normal_vel|vn|v_normal",
        "row_mass": "effective_mass|eff_mass|row_eff_mass",
        "row_rhs": "velocity_change|delta_v|rhs",
        "params": "settings|config",
        "restitution": "contact_restitution|bounce",
    },
    element="",
    weight=7,
)
def prepare_contacts(d: Draft) -> None:
    """Computes constraint rows of rigid body contacts for an iterative solver."""
    rows = d.option("rows", "normal", "aligned", "basis")
    bias = d.option("bias", "baumgarte", "soft", "speculative")
    bounce = d.option("restitution", "none", "threshold", "smooth")
    jacobian = d.flag("jacobian", 0.6)
    guard = d.option("guard", "count", "mask", "none")
    com = d.flag("com")
    given = d.option("parameters", "struct", "values")
    if rows == "normal":
        jacobian = True
    bodies, contacts = d.pick(10, 12, 16), d.pick(32, 48, 64)
    number = {"normal": 1, "aligned": 2, "basis": 3}[rows]
    d.input("body_q", "transform", bodies, -0.5, 0.5, kind="transform", about="Body poses")
    d.input(
        "body_qd",
        "spatial_vector",
        bodies,
        -1.0,
        1.0,
        about="Body twists (linear, angular) at the centers of mass",
    )
    if com:
        d.input("body_com", "vec3", bodies, -0.1, 0.1, about="Centers of mass in body space [m]")
    d.input("body_inv_mass", "float", bodies, 0.5, 2.0, about="Inverse masses [1/kg]")
    d.input(
        "body_inv_inertia",
        "mat33",
        bodies,
        1.0,
        2.0,
        kind="spd",
        about="Inverse inertia tensors in body space",
    )
    if guard == "count":
        d.input("contact_count", "int", 1, contacts - 8, contacts + 8, about="Number of active contacts")
    elif guard == "mask":
        d.mask("contact_active", "bool", contacts, about="Contact mask")
    d.input(
        "contact_body",
        "int",
        (contacts, 2),
        -1,
        bodies,
        about="Body indices per contact, -1 for static bodies",
    )
    d.input("contact_point", "vec3", contacts, -0.5, 0.5, about="Contact points in world space [m]")
    d.input(
        "contact_normal", "vec3", contacts, kind="unit", about="Contact normals, from first to second body"
    )
    d.input(
        "contact_dist",
        "float",
        contacts,
        -0.05,
        0.02,
        about="Signed distances, negative when penetrating [m]",
    )
    if bounce != "none":
        d.input("restitution", "float", contacts, 0.1, 0.8, about="Coefficients of restitution")
    known = {
        "dt": (fill(0.005, 0.02), "Time step [s]"),
        "erp": (fill(0.1, 0.3), "Fraction of the penetration corrected per step"),
        "slop": (fill(0.001, 0.005), "Penetration slop [m]"),
        "max_push": (fill(0.2, 0.6), "Maximum depenetration speed [m/s]"),
        "hertz": (fill(15.0, 40.0), "Contact spring frequency [Hz]"),
        "damping_ratio": (fill(1.0, 5.0), "Contact spring damping ratio"),
        "bounce_threshold": (
            fill(0.2, 0.5),
            "Approach speed below which "
            + ("restitution fades out [m/s]" if bounce == "smooth" else "restitution is disabled [m/s]"),
        ),
    }
    wanted = {
        "baumgarte": ["dt", "erp", "slop", "max_push"],
        "soft": ["dt", "slop", "hertz", "damping_ratio"],
        "speculative": ["dt", "erp", "max_push"],
    }[bias] + (["bounce_threshold"] if bounce != "none" else [])
    fields = {name: known[name][0] for name in wanted}
    dot = "params." if given == "struct" else ""
    if given == "struct":
        texts = {name: known[name][1] for name in wanted}
        d.struct("params", _params(texts), fields, about="Stabilization parameters")
    else:
        for name, filled in fields.items():
            d.param(name, "float", filled.low, filled.high, about=known[name][1])
    d.output(
        "row_mass", "float", (contacts, number), about="Effective masses, shape (num_contacts, num_rows)"
    )
    d.output("row_rhs", "float", (contacts, number), about="Target velocity changes for the solver")
    if bias == "soft":
        d.output("row_softness", "float", contacts, about="Softness (CFM) of the normal rows [1/kg]")
    if jacobian:
        d.output("row_dir", "vec3", (contacts, number), about="Linear part of the Jacobian")
        d.output(
            "row_arm_a", "vec3", (contacts, number), about="Angular part of the Jacobian for the first body"
        )
        d.output(
            "row_arm_b", "vec3", (contacts, number), about="Angular part of the Jacobian for the second body"
        )
    speed = d.use(contact_rows.POINT_VELOCITY)
    response = d.use(contact_rows.RESPONSE)
    center = (
        """
        @wp.func
        def center_of_mass(
            body: int, body_q: wp.array(dtype=wp.transform), body_com: wp.array(dtype=wp.vec3)
        ) -> wp.vec3:
            # Use the origin for static bodies (index -1), since their offset is never read
            if body < 0:
                return wp.vec3(0.0, 0.0, 0.0)
            return wp.transform_point(body_q[body], body_com[body])
        """
        if com
        else """
        @wp.func
        def center_of_mass(body: int, body_q: wp.array(dtype=wp.transform)) -> wp.vec3:
            # Use the origin for static bodies (index -1), since their offset is never read
            if body < 0:
                return wp.vec3(0.0, 0.0, 0.0)
            return wp.transform_get_translation(body_q[body])
        """
    )
    d.function(center)
    targets = {
        "baumgarte": f"""
        # Baumgarte: correct a fraction of the penetration beyond the slop per step, limited to
        # the maximum depenetration velocity
        penetration = wp.max(-dist - {dot}slop, 0.0)
        push = wp.min({dot}erp * penetration / {dot}dt, {dot}max_push)
        """,
        "soft": f"""
        # Implicit spring-damper as bias velocity and softness (Catto 2009)
        penetration = wp.max(-dist - {dot}slop, 0.0)
        spring_omega = wp.TAU * {dot}hertz
        soft_denom = 2.0 * {dot}damping_ratio + {dot}dt * spring_omega
        push = spring_omega / soft_denom * penetration
        """,
        "speculative": f"""
        # Speculative: open contacts may approach just fast enough to close the gap in one step
        push = wp.where(dist > 0.0, -dist / {dot}dt, wp.min(-{dot}erp * dist / {dot}dt, {dot}max_push))
        """,
    }
    rebound = {
        "none": "row_rhs[tid, 0] = push - vel_n",
        "threshold": f"""
        # Slow impacts are inelastic to avoid jitter in resting contact{"; open contacts do not bounce yet" if bias == "speculative" else ""}
        if vel_n < -{dot}bounce_threshold{" and dist <= 0.0" if bias == "speculative" else ""}:
            push = wp.max(push, -restitution[tid] * vel_n)
        row_rhs[tid, 0] = push - vel_n
        """,
        "smooth": f"""
        # Fade in restitution to avoid a discontinuity at the threshold
        approach = wp.max(-vel_n, 0.0)
        fade = wp.min(approach / {dot}bounce_threshold, 1.0)
        row_rhs[tid, 0] = wp.max(push, restitution[tid] * fade * approach) - vel_n
        """
        if bias != "speculative"
        else f"""
        # Only touching contacts bounce; fade in restitution to avoid a discontinuity at the threshold
        if dist <= 0.0:
            approach = wp.max(-vel_n, 0.0)
            fade = wp.min(approach / {dot}bounce_threshold, 1.0)
            push = wp.max(push, restitution[tid] * fade * approach)
        row_rhs[tid, 0] = push - vel_n
        """,
    }
    arguments = "body_q, body_inv_mass, body_inv_inertia"

    def mass(row: int, direction: str) -> str:
        """The lines that store a row's effective mass and its Jacobian."""
        lines = [
            f"k_{row} = {response}(body_a, r_a, {direction}, {arguments})"
            f" + {response}(body_b, r_b, {direction}, {arguments})",
        ]
        if bias == "soft" and row == 0:
            lines += [
                f"softness = k_0 / ({dot}dt * spring_omega * soft_denom)",
                "row_softness[tid] = softness",
                "row_mass[tid, 0] = 1.0 / (k_0 + softness)",
            ]
        else:
            lines += [f"row_mass[tid, {row}] = 1.0 / k_{row}"]
        if jacobian:
            lines += [
                f"row_dir[tid, {row}] = {direction}",
                f"row_arm_a[tid, {row}] = wp.cross(r_a, {direction})",
                f"row_arm_b[tid, {row}] = wp.cross(r_b, {direction})",
            ]
        return "\n".join(lines)

    tangents = {
        "normal": "",
        "aligned": """
        # Align the first tangent with the slip velocity; any tangent works when there is no slip
        slip = v_rel - vel_n * normal
        slip_speed = wp.length(slip)
        tangent, _other = orthonormal_basis(normal)
        if slip_speed > 1.0e-4:
            tangent = slip / slip_speed
        $mass_1
        row_rhs[tid, 1] = -wp.dot(v_rel, tangent)
        """,
        "basis": """
        # Two tangent rows for the friction pyramid
        t1, t2 = orthonormal_basis(normal)
        $mass_t1
        row_rhs[tid, 1] = -wp.dot(v_rel, t1)
        $mass_t2
        row_rhs[tid, 2] = -wp.dot(v_rel, t2)
        """,
    }
    if rows != "normal":
        d.use(contact_rows.TANGENTS)
    guards = {
        "count": "# Launched with the full capacity; threads beyond the count exit early\n"
        "if tid >= contact_count[0]:\n    return",
        "mask": "if not contact_active[tid]:\n    return",
        "none": "",
    }
    d.launch(contacts)
    d.code(
        """
        tid = wp.tid()
        $guard
        body_a = contact_body[tid, 0]
        body_b = contact_body[tid, 1]
        # Skip pairs that are both static or the same body
        if body_a == body_b:
            return
        normal = contact_normal[tid]
        point = contact_point[tid]
        dist = contact_dist[tid]
        # Contact offsets from the centers of mass
        r_a = point - center_of_mass(body_a, body_q$com)
        r_b = point - center_of_mass(body_b, body_q$com)
        # Relative velocity of b w.r.t. a, positive along the normal when separating
        v_rel = $speed(body_b, r_b, body_qd) - $speed(body_a, r_a, body_qd)
        vel_n = wp.dot(v_rel, normal)
        $target
        $mass_0
        $rebound
        $tangents
        """,
        guard=guards[guard],
        com=", body_com" if com else "",
        speed=speed,
        target=targets[bias],
        mass_0=mass(0, "normal"),
        mass_1=mass(1, "tangent"),
        mass_t1=mass(1, "t1"),
        mass_t2=mass(2, "t2"),
        rebound=rebound[bounce],
        tangents=tangents[rows],
    )
    order = "" if rows == "normal" else " Row 0 is the normal row; friction rows follow."
    left = "cannot move" if guard == "none" else "are static or inactive"
    d.explain(f"""
        Each row stores the effective mass (J M^-1 J^T)^-1 and the relative velocity change required from the
        solver.{order} Normals point from the first to the second body; a body index of -1 denotes static
        geometry. Rows of contacts that {left} are not written.
    """)

    def reference(v: Values) -> dict[str, Any]:
        made: dict[str, Any] = {name: np.zeros((contacts, number)) for name in ("row_mass", "row_rhs")}
        if bias == "soft":
            made["row_softness"] = np.zeros(contacts)
        for name in ("row_dir", "row_arm_a", "row_arm_b") if jacobian else ():
            made[name] = np.zeros((contacts, number, 3))
        p = {name: v[f"{dot}{name}"] for name in fields if f"{dot}{name}" in v}
        turns = quaternions.matrix(v.body_q[:, 3:])
        for c in range(contacts):
            a, b = (int(i) for i in v.contact_body[c])
            off = (guard == "count" and c >= v.contact_count[0]) or (
                guard == "mask" and not v.contact_active[c]
            )
            if off or a == b:
                continue
            n, point, dist = v.contact_normal[c], v.contact_point[c], v.contact_dist[c]
            arms, inverse, v_rel = [], [], np.zeros(3)
            for body, sign in ((a, -1.0), (b, 1.0)):
                if body < 0:
                    arms.append(point)
                    inverse.append(np.zeros((6, 6)))
                    continue
                middle = v.body_q[body, :3] + (turns[body] @ v.body_com[body] if com else 0.0)
                arms.append(point - middle)
                block = np.zeros((6, 6))
                block[:3, :3] = v.body_inv_mass[body] * np.eye(3)
                block[3:, 3:] = turns[body] @ v.body_inv_inertia[body] @ turns[body].T
                inverse.append(block)
                v_rel += sign * (v.body_qd[body, :3] + np.cross(v.body_qd[body, 3:], arms[-1]))
            vn = v_rel @ n
            depth = max(-dist - p["slop"], 0.0) if bias != "speculative" else 0.0
            spring = 2.0 * np.pi * p.get("hertz", 1.0)
            damped = 2.0 * p.get("damping_ratio", 1.0) + p["dt"] * spring
            if bias == "baumgarte":
                push = min(p["erp"] * depth / p["dt"], p["max_push"])
            elif bias == "soft":
                push = spring / damped * depth
            else:
                push = -dist / p["dt"] if dist > 0.0 else min(-p["erp"] * dist / p["dt"], p["max_push"])
            bounces = bias != "speculative" or dist <= 0.0
            if bounces and bounce == "threshold" and vn < -p["bounce_threshold"]:
                push = max(push, -v.restitution[c] * vn)
            if bounces and bounce == "smooth":
                speed_ = max(-vn, 0.0)
                push = max(push, v.restitution[c] * min(speed_ / p["bounce_threshold"], 1.0) * speed_)
            directions, rhs = [n], [push - vn]
            if rows == "aligned":
                slip = v_rel - vn * n
                size = np.linalg.norm(slip)
                directions.append(slip / size if size > 1e-4 else contact_rows.TANGENTS(n)[0])
            elif rows == "basis":
                directions += contact_rows.TANGENTS(n)
            rhs += [-v_rel @ t for t in directions[1:]]
            for row, direction in enumerate(directions):
                k = 0.0
                for arm, block in zip(arms, inverse, strict=True):
                    j = np.concatenate([direction, np.cross(arm, direction)])
                    k += j @ block @ j
                if bias == "soft" and row == 0:
                    made["row_softness"][c] = k / (p["dt"] * spring * damped)
                    k += made["row_softness"][c]
                made["row_mass"][c, row], made["row_rhs"][c, row] = 1.0 / k, rhs[row]
                if jacobian:
                    made["row_dir"][c, row] = direction
                    made["row_arm_a"][c, row] = np.cross(arms[0], direction)
                    made["row_arm_b"][c, row] = np.cross(arms[1], direction)
        return made

    d.check(reference, 3e-4)
