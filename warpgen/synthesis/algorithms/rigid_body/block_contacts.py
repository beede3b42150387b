"""Contacts of two points between bodies in the plane: friction point by point, normal impulses as one small block."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rigid_body import DOMAIN
from warpgen.synthesis.algorithms.rigid_body import _planar_impulses as impulses
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Catto 2006, GDC (sequential impulses); Box2D, b2ContactSolver (block solver); Cottle, Pang & Stone 2009",
    names={
        "solve_contact_blocks": "contact_block_solver|solve_velocity_constraints|solve_manifolds|contact_sweep_2d",
        "body_pairs": "color_pairs|pair_bodies",
        "contact_arm": "contact_offset",
        "contact_normal": "normals|manifold_normal",
        "accumulated": "impulses|lambda_acc|warm_start",
        "friction_coeff": "mu|friction",
        "belt": "surface_speed",
    },
    weight=11,
)
def solve_contact_blocks(d: Draft) -> None:
    """Solves manifolds of two contact points between planar bodies for their impulses."""
    normal = d.option("normal", "block", "sequential")
    if normal == "sequential":
        d.calls("sequential_impulses_2d|solve_manifolds|contact_sweep_2d|solve_velocity_constraints")
    friction = d.option("friction", "point by point", "manifold", "none")
    bias = d.option("bias", "none", "baumgarte", "soft", "speculative")
    scaled = d.flag("step ratio", 0.5)
    belt = d.flag("belt", 0.3) if friction != "none" else False
    fixed = d.option("bodies", "both move", "second fixed")
    mixing = d.option("mixing", "one", "per pair", "per body") if friction != "none" else "one"
    restitution = d.flag("restitution", 0.4)
    storage = d.option("storage", "matrix", "columns")
    if friction != "point by point":
        storage = "columns"  # a matrix has the tangential impulses of both points
    d.says(
        "Solves two-point contact manifolds between planar bodies"
        + (", " if fixed == "both move" else " and kinematic platforms, ")
        + ("both normal impulses simultaneously." if normal == "block" else "one impulse at a time.")
    )
    pairs = d.pick(12, 16, 20)
    bodies = 2 * pairs
    d.input("body_pairs", "int", bodies, kind="permutation", about="Body index pairs of one color")
    d.input("contact_normal", "vec2", pairs, kind="unit", about="Normals from body A to body B")
    d.input(
        "contact_arm", "vec2", (pairs, 4), -0.5, 0.5, about="Arms of points 1 and 2 for body A, then B [m]"
    )
    d.input("body_vel", "vec2", bodies, -1.0, 1.0, about="Linear velocities [m/s]")
    d.input("body_spin", "float", bodies, -1.0, 1.0, about="Angular velocities [rad/s]")
    d.input("body_inv_mass", "float", bodies, 0.3, 1.0, about="Inverse masses [1/kg]")
    d.input("body_inv_inertia", "float", bodies, 0.5, 2.0, about="Inverse rotational inertias [1/(kg m^2)]")
    if bias != "none":
        d.input(
            "contact_depth",
            "vec2",
            pairs,
            -0.02,
            0.05,
            about="Penetration depths, negative when separated [m]",
        )
        d.param("dt", "float", 0.01, 0.02, about="Time step [s]")
    if bias == "baumgarte":
        d.param("baumgarte", "float", 0.1, 0.3, about="Penetration fraction corrected per step")
        d.param("slop", "float", 0.002, 0.01, about="Penetration slop [m]")
    elif bias == "soft":
        d.param("hertz", "float", 15.0, 40.0, about="Contact stiffness frequency [Hz]")
        d.param("damping_ratio", "float", 2.0, 10.0, about="Contact damping ratio")
        d.param("push_speed", "float", 0.1, 0.3, about="Maximum push-out speed [m/s]")
    if restitution:
        about = "Normal velocities at both points before solving, negative when approaching [m/s]"
        d.input("initial_speed", "vec2", pairs, -1.5, 0.5, about=about)
        d.param("bounce", "float", 0.2, 0.6, about="Coefficient of restitution")
        d.param("bounce_speed", "float", 0.2, 0.6, about="Approach speed threshold for restitution [m/s]")
    if friction != "none":
        if mixing == "per pair":
            d.input("friction_coeff", "float", pairs, 0.2, 0.9, about="Per-contact friction coefficients")
        elif mixing == "per body":
            d.input("friction_coeff", "float", bodies, 0.2, 0.9, about="Per-body friction coefficients")
        else:
            d.param("friction_coeff", "float", 0.2, 0.9, about="Friction coefficient")
    if belt:
        d.input("belt_speed", "float", pairs, -0.5, 0.5, about="Target tangential (belt) speeds [m/s]")
    if scaled:
        d.param("step_ratio", "float", 0.8, 1.25, about="Ratio of the current to the previous time step")
    before = "step" if scaled else "sweep"
    if storage == "matrix":
        d.input(
            "accumulated",
            "mat22",
            pairs,
            0.0,
            0.4,
            about=f"Impulses from the previous {before}, one row per point: normal, tangential",
        )
    else:
        d.input(
            "normal_acc", "vec2", pairs, 0.0, 0.4, about=f"Normal impulses from the previous {before} [N s]"
        )
        if friction != "none":
            kind = "vec2" if friction == "point by point" else "float"
            about = f"Tangential impulses from the previous {before} [N s]"
            d.input("tangent_acc", kind, pairs, -0.1, 0.1, about=about)
    d.output("vel_out", "vec2", bodies, about="Updated linear velocities [m/s]")
    d.output("spin_out", "float", bodies, about="Updated angular velocities [rad/s]")
    d.output("normal_out", "vec2", pairs, about="Accumulated normal impulses [N s]")
    if friction == "point by point":
        d.output("tangent_out", "vec2", pairs, about="Accumulated tangential impulses [N s]")
    elif friction == "manifold":
        d.output("tangent_out", "float", pairs, about="Accumulated tangential impulse [N s]")
    d.function(impulses.CROSS)
    scale = "step_ratio * " if scaled else ""
    kinds = ("normal", "tangent")
    if storage == "matrix":
        start = ["stored = accumulated[tid]"]
        start += [
            f"{n}_impulse{k} = {scale}stored[{k - 1}, {c}]" for c, n in enumerate(kinds) for k in (1, 2)
        ]
    else:
        start = [f"{n}_impulse{k} = {scale}{n}_acc[tid][{k - 1}]" for n in kinds for k in (1, 2)]
    if scaled:
        start.insert(0, "# Rescale for a variable time step, since impulse is force times time")
    if friction != "point by point":
        start = [x for x in start if not x.startswith("tangent")]
    if friction == "manifold":
        start.append(f"tangent_impulse = {scale}tangent_acc[tid]")
    mu = {
        "one": "friction_coeff",
        "per pair": "friction_coeff[tid]",
        "per body": "wp.sqrt(friction_coeff[a] * friction_coeff[b])",
    }[mixing]
    extra = ["", ""]
    speeds: list[str] = []
    if restitution:
        speeds.append(
            "# Restitution uses pre-solve velocities, because earlier impulses already changed the current ones"
        )
        for k in (1, 2):
            speeds.append(f"initial{k} = initial_speed[tid][{k - 1}]")
            speeds.append(f"bounce{k} = wp.where(initial{k} < -bounce_speed, bounce * initial{k}, 0.0)")
            extra[k - 1] += f" + bounce{k}"
    soft = ""
    if bias == "baumgarte":
        speeds += ["# Baumgarte bias: correct penetration beyond the slop only, to avoid jitter"] + [
            f"bias{k} = -baumgarte / dt * wp.max(contact_depth[tid][{k - 1}] - slop, 0.0)" for k in (1, 2)
        ]
    elif bias == "speculative":
        speeds += [
            "# Speculative contact: separated points may close their gap in this step but not penetrate"
        ] + [f"bias{k} = wp.max(-contact_depth[tid][{k - 1}], 0.0) / dt" for k in (1, 2)]
    elif bias == "soft":
        speeds += [
            "# Soft contact: bias and impulse scaling for an implicit spring-damper",
            "contact_omega = wp.TAU * hertz",
            "h1 = 2.0 * damping_ratio + dt * contact_omega",
            "rate = contact_omega / h1",
            "softness = 1.0 / (1.0 + dt * contact_omega * h1)",
            "mass_scale = 1.0 - softness",
        ] + [
            f"bias{k} = -wp.min(rate * wp.max(contact_depth[tid][{k - 1}], 0.0), push_speed)" for k in (1, 2)
        ]
        soft = "softness * "
    if bias != "none":
        extra = [e + f" + bias{k}" for k, e in zip((1, 2), extra, strict=True)]
    arms = [f"arm_{s}{k} = contact_arm[tid, {2 * (s == 'b') + k - 1}]" for s in "ab" for k in (1, 2)]
    masses = [f"{x}{k} = cross2(arm_{x[-1]}{k}, n)" for x in ("rn_a", "rn_b") for k in (1, 2)]
    total = "inv_mass_a + inv_mass_b"
    masses += [
        f"k11 = {total} + inv_inertia_a * rn_a1 * rn_a1 + inv_inertia_b * rn_b1 * rn_b1",
        f"k22 = {total} + inv_inertia_a * rn_a2 * rn_a2 + inv_inertia_b * rn_b2 * rn_b2",
    ]
    if normal == "block":
        masses.append(f"k12 = {total} + inv_inertia_a * rn_a1 * rn_a2 + inv_inertia_b * rn_b1 * rn_b2")
        if not soft:
            d.module("DIAGONAL_SCALE = wp.constant(1.02)")
            masses += [
                "# Enlarge the diagonal, because nearby points make the matrix nearly singular",
                "k11 *= DIAGONAL_SCALE\nk22 *= DIAGONAL_SCALE",
            ]
        push = impulses.BLOCK + impulses.apply_both("push_n1", "push_n2")
    else:
        push = "# --- Normal impulses, one point at a time; clamp the accumulated impulse to be non-negative ---\n"
        for k in (1, 2):
            speed = f"(wp.dot(dv{k}, n)$bias{k})" if bias != "none" or restitution else f"wp.dot(dv{k}, n)"
            step = f"{speed} / k{k}{k}"
            if soft:
                step = f"mass_scale * {step} - softness * normal_impulse{k}"
            push += (
                impulses.velocity(k)
                + f"x{k} = wp.max(normal_impulse{k} - {step}, 0.0)\npush_n{k} = (x{k} - normal_impulse{k}) * n\n"
                + impulses.apply(k, f"push_n{k}")
            )
    cone = mu if mixing == "one" else "mu"
    friction_line = "" if mixing == "one" else f"mu = {mu}\n"
    rub = {
        "none": "",
        "point by point": "# --- Friction, bounded by the current normal impulses ---\n"
        + f"$tangent\n{friction_line}"
        + impulses.rub(1, cone)
        + impulses.rub(2, cone),
        "manifold": f"""
            # --- Friction at the manifold center, bounded by both normal impulses ---
            $tangent
            $mu
            $middle
            $velocity3
            rt_a = cross2(arm_a3, tangent)
            rt_b = cross2(arm_b3, tangent)
            inv_mass_t = inv_mass_a + inv_mass_b + inv_inertia_a * rt_a * rt_a + inv_inertia_b * rt_b * rt_b
            limit = {cone} * (normal_impulse1 + normal_impulse2)
            tangent_new = wp.clamp(tangent_impulse - (wp.dot(dv3, tangent) - belt) / inv_mass_t, -limit, limit)
            push_t = (tangent_new - tangent_impulse) * tangent
            $apply3
        """,
    }[friction]
    if not belt:
        for k in (1, 2, 3):
            rub = rub.replace(f"(wp.dot(dv{k}, tangent) - belt)", f"wp.dot(dv{k}, tangent)")
    along = "tangent = wp.vec2(n[1], -n[0])" if friction != "none" else ""
    middle = "arm_a3 = 0.5 * (arm_a1 + arm_a2)\narm_b3 = 0.5 * (arm_b1 + arm_b2)"
    warm = ""
    if scaled:
        warm = "# Warm start from the previous impulses; only the change is applied below\n" + along + "\n"
        for k in (1, 2):
            rubbed = f" + tangent_impulse{k} * tangent" if friction == "point by point" else ""
            warm += f"push_w{k} = normal_impulse{k} * n{rubbed}\n"
        warm += impulses.apply_both("push_w1", "push_w2")
        if friction == "manifold":
            warm += f"{middle}\npush_w3 = tangent_impulse * tangent\n" + impulses.apply(3, "push_w3")
    store = {
        "none": "",
        "manifold": "tangent_out[tid] = tangent_new",
        "point by point": "tangent_out[tid] = wp.vec2(tangent_new1, tangent_new2)",
    }[friction]
    d.launch(pairs)
    d.code(
        """
        tid = wp.tid()
        # Bodies are unique within a color, so writes cannot conflict
        a = body_pairs[2 * tid]
        b = body_pairs[2 * tid + 1]
        n = contact_normal[tid]
        vel_a = body_vel[a]
        spin_a = body_spin[a]
        $platform
        vel_b = body_vel[b]
        spin_b = body_spin[b]
        inv_mass_a = body_inv_mass[a]
        inv_inertia_a = body_inv_inertia[a]
        $second
        $arms
        $start
        # --- Inverse effective masses along the normal ---
        $masses
        $speeds
        $warm
        $belt
        $rub
        $push
        # --- Store ---
        vel_out[a] = vel_a
        spin_out[a] = spin_a
        vel_out[b] = vel_b
        spin_out[b] = spin_b
        normal_out[tid] = wp.vec2(x1, x2)
        $store
        """,
        second="inv_mass_b = body_inv_mass[b]\ninv_inertia_b = body_inv_inertia[b]"
        if fixed == "both move"
        else "",
        platform="" if fixed == "both move" else "# The second body is an immovable platform",
        warm=warm,
        tangent="" if scaled else along,
        middle="" if scaled else middle,
        arms="\n".join(arms),
        start="\n".join(start),
        masses="\n".join(masses),
        speeds="\n".join(speeds),
        belt="belt = belt_speed[tid]" if belt else "",
        rub=rub,
        velocity3=impulses.velocity(3).rstrip(),
        apply3=impulses.apply(3, "push_t").rstrip(),
        push=push,
        mu=friction_line.rstrip(),
        velocities=(impulses.velocity(1) + impulses.velocity(2)).rstrip(),
        soften="# Softness adds compliance to the block diagonal\nk11 /= mass_scale\nk22 /= mass_scale"
        if soft
        else "",
        bias1=extra[0],
        bias2=extra[1],
        store=store,
    )
    if fixed != "both move":
        d.text = impulses.unmoved(d.text)
    more_said = []
    if normal == "block":
        more_said.append(
            "Normal impulses x >= 0 and velocities v = A x + b >= 0 with x v = 0 at each point form an LCP, "
            "which is solved by enumerating its four cases."
        )
        if not soft:
            more_said.append("The diagonal of A is scaled up slightly, to avoid singular systems.")
    if friction != "none":
        more_said.append(f"Friction uses the normal impulses from the previous {before}.")
    told = {
        "baumgarte": "A fraction of the penetration is removed each step.",
        "soft": "Penetrating points are pushed apart like a spring-damper, at up to `push_speed`.",
        "speculative": "Separated points may close their gaps within a step.",
    }
    more_said += ([told[bias]] if bias != "none" else []) + (
        ["Restitution applies to fast contacts."] if restitution else []
    )
    if more_said:
        d.explain("\n".join(more_said))

    def reference(v: Values) -> dict[str, Any]:
        vel, spin = v.body_vel.copy(), v.body_spin.copy()
        normals, tangents = np.zeros((pairs, 2)), np.zeros((pairs, 2))
        for k in range(pairs):
            ids = v.body_pairs[2 * k : 2 * k + 2]
            n = v.contact_normal[k]
            t = np.array([n[1], -n[0]])
            u = np.concatenate([np.append(vel[i], spin[i]) for i in ids])
            w = np.concatenate([[v.body_inv_mass[i]] * 2 + [v.body_inv_inertia[i]] for i in ids])
            if fixed != "both move":
                w[3:] = 0.0
            arm = v.contact_arm[k].reshape(2, 2, 2)

            rows = np.array([impulses.row(n, arm[0, i], arm[1, i]) for i in range(2)])
            if storage == "matrix":
                x, y = v.accumulated[k][:, 0].copy(), v.accumulated[k][:, 1].copy()
            else:
                x, y = v.normal_acc[k].copy(), np.zeros(2)
                if friction != "none":
                    y[: 2 if friction == "point by point" else 1] = v.tangent_acc[k]
            if scaled:
                x, y = x * v.step_ratio, y * v.step_ratio
            more = np.zeros(2)
            if restitution:
                initial = v.initial_speed[k]
                more = np.where(initial < -v.bounce_speed, v.bounce * initial, 0.0)
            depth = v.contact_depth[k] if bias != "none" else np.zeros(2)
            ease = 0.0
            if bias == "baumgarte":
                more = more - v.baumgarte / v.dt * np.maximum(depth - v.slop, 0.0)
            elif bias == "speculative":
                more = more + np.maximum(-depth, 0.0) / v.dt
            elif bias == "soft":
                o = 2.0 * np.pi * v.hertz
                h = 2.0 * v.damping_ratio + v.dt * o
                more = more - np.minimum(o / h * np.maximum(depth, 0.0), v.push_speed)
                ease = 1.0 / (1.0 + v.dt * o * h)
            spots = [(arm[:, 0], x[0], 0), (arm[:, 1], x[1], 1)]
            if friction == "manifold":
                spots = [(arm.mean(1), x.sum(), 0)]
            if scaled:
                u = u + w * (rows.T @ x)
                for (ra, rb), _, i in spots if friction != "none" else []:
                    u = u + w * impulses.row(t, ra, rb) * y[i]
            if friction != "none":
                mu_ = v.friction_coeff[ids] if mixing == "per body" else v.friction_coeff
                if mixing != "one":
                    mu_ = np.sqrt(np.prod(mu_)) if mixing == "per body" else mu_[k]
                wanted = v.belt_speed[k] if belt else 0.0
                for (ra, rb), load, i in spots:
                    j = impulses.row(t, ra, rb)
                    new = np.clip(y[i] - (j @ u - wanted) / (j @ (w * j)), -mu_ * load, mu_ * load)
                    u, y[i] = u + w * j * (new - y[i]), new
            if normal == "sequential":
                for i in range(2):
                    j = rows[i]
                    new = max((1.0 - ease) * (x[i] - (j @ u + more[i]) / (j @ (w * j))), 0.0)
                    u, x[i] = u + w * j * (new - x[i]), new
            else:
                matrix = rows * w @ rows.T
                if bias != "soft":
                    matrix[np.diag_indices(2)] *= 1.02
                b = rows @ u + more - matrix @ x
                matrix[np.diag_indices(2)] /= 1.0 - ease
                new = impulses.complementary(matrix, b)
                u, x = u + w * (rows.T @ (new - x)), new
            normals[k], tangents[k] = x, y
            for i, part in zip(ids, (u[:3], u[3:]), strict=True):
                vel[i], spin[i] = part[:2], part[2]
        made: dict[str, Any] = {"vel_out": vel, "spin_out": spin, "normal_out": normals}
        if friction != "none":
            made["tangent_out"] = tangents if friction == "point by point" else tangents[:, 0]
        return made

    d.check(reference, 2e-3)
