"""Projected Gauss-Seidel over the contacts of a world."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rigid_body import DOMAIN
from warpgen.synthesis.algorithms.rigid_body._impulses import APPLY, BOTH, MASS, VELOCITY, contact_data
from warpgen.synthesis.library import contact_rows
from warpgen.synthesis.writing.draft import Draft, Values, fill


def _solve(friction: str, at: Any, relaxed: bool) -> str:
    """The lines that update the impulse of one contact."""
    velocity = "point_velocity(world, body_b, r_b, $vels) - point_velocity(world, body_a, r_a, $vels)"
    apply = (
        "apply_impulse(world, body_a, r_a, -{0}, inv_mass, inv_inertia, $vels)\n"
        "    apply_impulse(world, body_b, r_b, {0}, inv_mass, inv_inertia, $vels)"
    )
    over = "relaxation * " if relaxed else ""

    def mass(direction: str) -> str:
        return f"inverse_mass_along(world, body_a, body_b, r_a, r_b, {direction}, inv_mass, inv_inertia)"

    lines = f"""
    normal = {at("normal")}
    v_rel = {velocity}
    # Clamp the accumulated impulse rather than the increment, so that impulse can be given back
    inv_mass_n = {mass("normal")}
    old_n = impulse_n[world, c]
    delta_n = {over}({at("bias")} - wp.dot(v_rel, normal)) / inv_mass_n
    new_n = wp.max(old_n + delta_n, 0.0)
    impulse_n[world, c] = new_n
    push = (new_n - old_n) * normal
    {apply.format("push")}
    $track
    """
    if friction == "pyramid":
        lines += f"""
    # Friction pyramid: clamp each tangent direction independently
    t1, t2 = orthonormal_basis(normal)
    limit = {at("friction")} * new_n
    v_rel = {velocity}
    inv_mass_1 = {mass("t1")}
    inv_mass_2 = {mass("t2")}
    old_t = impulse_t[world, c]
    delta_1 = {over}-wp.dot(v_rel, t1) / inv_mass_1
    delta_2 = {over}-wp.dot(v_rel, t2) / inv_mass_2
    new_1 = wp.clamp(old_t[0] + delta_1, -limit, limit)
    new_2 = wp.clamp(old_t[1] + delta_2, -limit, limit)
    new_t = wp.vec2(new_1, new_2)
    impulse_t[world, c] = new_t
    push_t = (new_t[0] - old_t[0]) * t1 + (new_t[1] - old_t[1]) * t2
    {apply.format("push_t")}
    """.replace("= relaxation * -wp", "= -relaxation * wp")
    elif friction == "cone":
        lines += f"""
    # Friction cone: project the tangential impulse onto a disk with radius mu * impulse_n
    t1, t2 = orthonormal_basis(normal)
    limit = {at("friction")} * new_n
    v_rel = {velocity}
    inv_mass_1 = {mass("t1")}
    inv_mass_2 = {mass("t2")}
    old_t = impulse_t[world, c]
    trial_1 = old_t[0] - {over}wp.dot(v_rel, t1) / inv_mass_1
    trial_2 = old_t[1] - {over}wp.dot(v_rel, t2) / inv_mass_2
    trial_length = wp.sqrt(trial_1 * trial_1 + trial_2 * trial_2)
    scale = wp.min(limit / wp.max(trial_length, 1.0e-9), 1.0)
    new_t = wp.vec2(trial_1 * scale, trial_2 * scale)
    impulse_t[world, c] = new_t
    push_t = (new_t[0] - old_t[0]) * t1 + (new_t[1] - old_t[1]) * t2
    {apply.format("push_t")}
    """
    return lines


@DOMAIN.algorithm(
    source="Catto 2005 (sequential impulses); Erleben 2004, ch. 6; Moreau 1988",
    names={
        "solve_contacts": "solve_contacts_pgs|projected_gauss_seidel|pgs_solve|sequential_impulses",
        "contact_count": "num_contacts|world_contact_count",
        "relaxation": "sor_factor",
        "iterations": "num_iterations|num_sweeps|iters",
        "count": "active_count|n_contacts",
        "world": "env|world_id|env_id",
        "push": "p_n",
    },
    adjoint="no",
    element="world",
    weight=3,
)
def solve_contacts(d: Draft) -> None:
    """Solves the contacts of each world by projected Gauss-Seidel sweeps over accumulated impulses."""
    friction = d.option("friction", "pyramid", "cone", "none")
    twist = d.option("twist", "pair", "spatial")
    warm = d.option("start", "cold", "warm", "scaled")
    relaxed = d.flag("relaxed", 0.35)
    stop = d.flag("stop", 0.35)
    data = d.option("data", "arrays", "struct")
    worlds, bodies, slots = d.pick(6, 8, 12), d.pick(4, 5), d.pick(5, 6, 8)
    sweeps = d.pick(3, 4, 6)
    fields = {
        "body": fill(-1, bodies, shape=(worlds, slots, 2)),
        "normal": fill(kind="unit", shape=(worlds, slots)),
        "r_a": fill(-0.5, 0.5, shape=(worlds, slots)),
        "r_b": fill(-0.5, 0.5, shape=(worlds, slots)),
        "bias": fill(0.0, 0.2, shape=(worlds, slots)),
        "friction": fill(0.2, 0.9, shape=(worlds, slots)),
    }
    d.input("contact_count", "int", worlds, 0, slots + 3, about="Number of contacts per world")
    if data == "struct":
        if friction == "none":
            fields.pop("friction")
        d.struct("contacts", contact_data(friction != "none"), fields, about="Per-world contact data")
    else:
        d.input(
            "contact_body",
            "int",
            (worlds, slots, 2),
            -1,
            bodies,
            about="Body indices per contact, -1 for static bodies",
        )
        d.input(
            "contact_normal",
            "vec3",
            (worlds, slots),
            kind="unit",
            about="Contact normals, from first to second body",
        )
        d.input(
            "contact_r_a",
            "vec3",
            (worlds, slots),
            -0.5,
            0.5,
            about="Contact offsets from the center of mass of the first body [m]",
        )
        d.input(
            "contact_r_b",
            "vec3",
            (worlds, slots),
            -0.5,
            0.5,
            about="Contact offsets from the center of mass of the second body [m]",
        )
        d.input(
            "contact_bias", "float", (worlds, slots), 0.0, 0.2, about="Target separation velocities [m/s]"
        )
        if friction != "none":
            d.input("contact_friction", "float", (worlds, slots), 0.2, 0.9, about="Friction coefficients")
    prefix = "contacts." if data == "struct" else "contact_"
    d.input("inv_mass", "float", (worlds, bodies), 0.5, 2.0, about="Inverse masses [1/kg]")
    d.input(
        "inv_inertia",
        "mat33",
        (worlds, bodies),
        1.0,
        2.0,
        kind="spd",
        about="Inverse inertia tensors in world space",
    )
    d.param("max_contacts", "int", slots, about="Contact capacity per world")
    d.param("iterations", "int", sweeps, about="Number of Gauss-Seidel sweeps")
    if warm == "scaled":
        d.param("warm_factor", "float", 0.7, 0.95, about="Warm starting factor")
    if relaxed:
        d.param("relaxation", "float", 0.8, 1.3, about="Over-relaxation (SOR) factor")
    if stop:
        d.param(
            "tolerance", "float", 0.02, 0.1, about="Convergence threshold on the change in normal impulse"
        )
    if twist == "spatial":
        d.inout(
            "body_qd",
            "spatial_vector",
            (worlds, bodies),
            -1.0,
            1.0,
            about="Body twists (linear, angular), updated in place",
        )
        vels, arrays = "body_qd", "body_qd: wp.array2d(dtype=wp.spatial_vector)"
        change = """
        angular = inv_inertia[world, body] * wp.cross(r, impulse)
        linear = inv_mass[world, body] * impulse
        body_qd[world, body] = body_qd[world, body] + wp.spatial_vector(linear, angular)
        """
        give = "qd = body_qd[world, body]\nreturn wp.spatial_top(qd) + wp.cross(wp.spatial_bottom(qd), r)"
    else:
        d.inout("body_v", "vec3", (worlds, bodies), -1.0, 1.0, about="Linear velocities, updated in place")
        d.inout("body_w", "vec3", (worlds, bodies), -1.0, 1.0, about="Angular velocities, updated in place")
        vels = "body_v, body_w"
        arrays = "body_v: wp.array2d(dtype=wp.vec3), body_w: wp.array2d(dtype=wp.vec3)"
        change = """
        body_v[world, body] = body_v[world, body] + inv_mass[world, body] * impulse
        body_w[world, body] = body_w[world, body] + inv_inertia[world, body] * wp.cross(r, impulse)
        """
        give = "return body_v[world, body] + wp.cross(body_w[world, body], r)"
    if warm == "cold":
        d.output("impulse_n", "float", (worlds, slots), about="Accumulated normal impulses")
    else:
        d.inout("impulse_n", "float", (worlds, slots), 0.0, 0.3, about="Accumulated normal impulses")
    if friction != "none":
        d.use(contact_rows.TANGENTS)
        if warm == "cold":
            d.output("impulse_t", "vec2", (worlds, slots), about="Accumulated friction impulses")
        else:
            d.inout("impulse_t", "vec2", (worlds, slots), -0.1, 0.1, about="Accumulated friction impulses")
    for text in (APPLY, VELOCITY, MASS, BOTH):
        d.function(
            text, arrays=arrays, array_lines=arrays.replace("), ", "),\n") + ",", change=change, give=give
        )

    def at(name: str) -> str:
        return f"{prefix}{name}[world, c]"

    factor = {"warm": "", "scaled": "warm_factor * "}.get(warm, "")
    start = ""
    if warm != "cold":
        start = f"""
        # Warm start from the previous step
        for c in range(count):
            body_a = {prefix}body[world, c, 0]
            body_b = {prefix}body[world, c, 1]
            # Skip contacts between two static bodies or within one body
            if body_a == body_b:
                continue
            normal = {at("normal")}
            $scale
            warm = impulse_n[world, c] * normal
            $tangential
            apply_impulse(world, body_a, {at("r_a")}, -warm, inv_mass, inv_inertia, {vels})
            apply_impulse(world, body_b, {at("r_b")}, warm, inv_mass, inv_inertia, {vels})
        """
    scale = f"impulse_n[world, c] = {factor}impulse_n[world, c]" if factor else ""
    tangential = ""
    if friction != "none":
        scale += f"\nimpulse_t[world, c] = {factor}impulse_t[world, c]" if factor else ""
        tangential = (
            "t1, t2 = orthonormal_basis(normal)\n"
            "warm += impulse_t[world, c][0] * t1 + impulse_t[world, c][1] * t2"
        )
    d.launch(worlds)
    d.code(
        """
        world = wp.tid()
        # The counter can exceed the capacity when contacts were dropped
        count = wp.min(contact_count[world], max_contacts)
        $start
        for _sweep in range(iterations):
            $reset
            for c in range(count):
                body_a = $prefix[world, c, 0]
                body_b = $prefix[world, c, 1]
                $within
                if body_a == body_b:
                    continue
                r_a = $r_a
                r_b = $r_b
                $solve
            $stop
        """,
        start=start,
        within="# Skip contacts between two static bodies or within one body" if warm == "cold" else "",
        scale=scale,
        tangential=tangential,
        reset="largest = float(0.0)" if stop else "",
        prefix=f"{prefix}body",
        r_a=at("r_a"),
        r_b=at("r_b"),
        solve=_solve(friction, at, relaxed),
        vels=vels,
        track="largest = wp.max(largest, wp.abs(new_n - old_n))" if stop else "",
        stop="# Early exit once converged\nif largest < tolerance:\n    break" if stop else "",
    )
    rub = "without friction" if friction == "none" else "with friction"
    sweep = f"{'relaxed ' if relaxed else ''}projected Gauss-Seidel sweeps"
    d.says(f"Solves per-world contacts {rub} using {sweep}.")
    d.explain("""
        Impulses are accumulated over the sweeps. Normals point from the first to the second body. The bias is the desired
        separation velocity of a contact; inverse inertia tensors are in world space.
    """)

    def reference(v: Values) -> dict[str, Any]:
        lin = (v.body_qd[..., :3] if twist == "spatial" else v.body_v).copy()
        ang = (v.body_qd[..., 3:] if twist == "spatial" else v.body_w).copy()
        jn = np.zeros((worlds, slots)) if warm == "cold" else v.impulse_n.copy()
        jt = np.zeros((worlds, slots, 2)) if warm == "cold" or friction == "none" else v.impulse_t.copy()
        for w in range(worlds):
            _world(v, w, lin[w], ang[w], jn[w], jt[w])
        made = {"impulse_n": jn}
        if friction != "none":
            made["impulse_t"] = jt
        if twist == "spatial":
            return made | {"body_qd": np.concatenate([lin, ang], -1)}
        return made | {"body_v": lin, "body_w": ang}

    def _world(v: Values, w: int, lin: Any, ang: Any, jn: Any, jt: Any) -> None:
        c_of = {name: v[f"{prefix}{name}"][w] for name in fields if f"{prefix}{name}" in v}
        over = v.relaxation if relaxed else 1.0

        def kick(c: int, impulse: Any) -> None:
            for side, arm, sign in ((0, "r_a", -1.0), (1, "r_b", 1.0)):
                body = int(c_of["body"][c, side])
                if body >= 0:
                    lin[body] += sign * v.inv_mass[w, body] * impulse
                    ang[body] += v.inv_inertia[w, body] @ np.cross(c_of[arm][c], sign * impulse)

        def relative(c: int, probe: Any = None) -> Any:
            made = np.zeros(3)
            for side, arm, sign in ((0, "r_a", -1.0), (1, "r_b", 1.0)):
                body = int(c_of["body"][c, side])
                if body < 0:
                    continue
                r = c_of[arm][c]
                if probe is None:
                    made += sign * (lin[body] + np.cross(ang[body], r))
                else:
                    turned = v.inv_inertia[w, body] @ np.cross(r, probe)
                    made += v.inv_mass[w, body] * probe + np.cross(turned, r)
            return made

        count = min(int(v.contact_count[w]), int(v.max_contacts))
        if warm != "cold":
            share = v.warm_factor if warm == "scaled" else 1.0
            for c in range(count):
                if c_of["body"][c, 0] == c_of["body"][c, 1]:
                    continue
                jn[c] *= share
                jt[c] *= share
                t = contact_rows.TANGENTS(c_of["normal"][c])
                kick(c, jn[c] * c_of["normal"][c] + jt[c, 0] * t[0] + jt[c, 1] * t[1])
        for _ in range(int(v.iterations)):
            largest = 0.0
            for c in range(count):
                if c_of["body"][c, 0] == c_of["body"][c, 1]:
                    continue
                n = c_of["normal"][c]
                before = jn[c]
                jn[c] = max(before + over * (c_of["bias"][c] - relative(c) @ n) / (relative(c, n) @ n), 0.0)
                largest = max(largest, abs(jn[c] - before))
                kick(c, (jn[c] - before) * n)
                if friction == "none":
                    continue
                t, limit, v_rel = contact_rows.TANGENTS(n), c_of["friction"][c] * jn[c], relative(c)
                trial = np.array(
                    [jt[c, i] - over * (v_rel @ a) / (relative(c, a) @ a) for i, a in enumerate(t)]
                )
                size = np.linalg.norm(trial)
                new = np.clip(trial, -limit, limit)
                if friction == "cone":
                    new = trial * (limit / size if size > limit else 1.0)
                kick(c, (new[0] - jt[c, 0]) * t[0] + (new[1] - jt[c, 1]) * t[1])
                jt[c] = new
            if stop and largest < v.tolerance:
                break

    d.check(reference, 1e-3)
