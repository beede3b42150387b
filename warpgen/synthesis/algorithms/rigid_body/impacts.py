"""Rigid bodies that touch the ground: impulses, and forces of penalties."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rigid_body import DOMAIN
from warpgen.synthesis.library import contact, quaternions
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "v": "lin_vel|vel",
    "w": "omega",
    "n": "contact_normal",
    "restitution": "bounce|elasticity",
    "friction": "mu|friction_coeff",
    "inv_mass": "inv_m",
    "inv_inertia": "inv_I",
    "vn": "v_n|vel_n|normal_speed",
    "k": "denom|inv_eff_mass",
}


@DOMAIN.algorithm(
    source="Mirtich 1996, ch. 3; Baraff 1997, sec. 8; Guendelman, Bridson & Fedkiw 2003",
    names=_NAMES
    | {
        "contact_impulses": "resolve_contacts|solve_contact_impulse|collision_impulse|apply_impulses",
        "point": "contact_point|p|position",
        "jn": "lambda_n|impulse_n|normal_impulse",
        "jt": "lambda_t|impulse_t|friction_impulse",
        "impulse": "j_vec|total_impulse|delta_p",
    },
    double=True,
    element="contact",
    weight=5,
)
def contact_impulses(d: Draft) -> None:
    """Computes the impulses of contacts between rigid bodies and a fixed ground."""
    friction = d.option("friction", "coulomb", "none", "stick")
    tensor = d.option("inertia", "diagonal world", "full", "sphere")
    output = d.option("output", "impulse", "velocities", "magnitude")
    d.calls({
        "impulse": "contact_impulses|solve_contact_impulse|collision_impulse",
        "velocities": "resolve_contacts|apply_impulses|resolve_impacts",
        "magnitude": "normal_impulses|contact_normal_impulses|impulse_magnitudes",
    }[output])  # fmt: skip
    bias = d.option("bias", "none", "baumgarte", "threshold")
    if output == "magnitude":
        friction = "none"
    count = d.pick(64, 96, 128)
    d.input("v", "vec3", count, -2.0, 2.0, about="Linear velocities [m/s]")
    d.input("w", "vec3", count, -2.0, 2.0, about="Angular velocities in world space [rad/s]")
    d.input("arm", "vec3", count, -0.8, 0.8, about="Contact points relative to the center of mass [m]")
    d.input("n", "vec3", count, kind="unit", about="Contact normals, pointing away from the ground")
    d.input("inv_mass", "float", count, 0.5, 2.0, about="Inverse masses [1/kg]")
    if tensor == "full":
        d.input("inv_inertia", "mat33", count, 1.0, 2.0, kind="spd", about="Inverse inertia in world space")
    elif tensor == "diagonal world":
        d.input("inv_inertia", "vec3", count, 1.0, 2.0, about="Diagonal of the world-space inverse inertia")
    else:
        d.input("inv_inertia", "float", count, 0.5, 2.0, about="Inverse rotational inertias of spheres")
    if bias == "baumgarte":
        d.input(
            "depth", "float", count, -0.05, 0.1, about="Penetration depths, positive when overlapping [m]"
        )
        d.param("beta", "float", 5.0, 20.0, about="Baumgarte factor [1/s]")
    d.param("restitution", "float", 0.1, 0.8, about="Coefficient of restitution")
    if friction == "coulomb":
        d.param("friction", "float", 0.2, 0.8, about="Coulomb friction coefficient")
    if bias == "threshold":
        d.param("v_rest", "float", 0.2, 0.6, about="Restitution threshold velocity [m/s]")
    if output == "impulse":
        d.output("impulse", "vec3", count, about="Contact impulses [N s]")
    elif output == "magnitude":
        d.output("jn_out", "float", count, about="Normal impulses [N s]")
    else:
        d.output("v_new", "vec3", count, about="Updated linear velocities")
        d.output("w_new", "vec3", count, about="Updated angular velocities")
    times = {
        "diagonal world": "wp.cw_mul(inv_inertia[tid], {})",
        "full": "inv_inertia[tid] * {}",
        "sphere": "inv_inertia[tid] * {}",
    }[tensor]
    whole = {
        "diagonal world": "wp.diag(inv_inertia[tid])",
        "full": "inv_inertia[tid]",
        "sphere": "inv_inertia[tid]",  # a number scales the product
    }[tensor]
    nothing = {
        "impulse": "impulse[tid] = wp.vec3(0.0, 0.0, 0.0)\nreturn",
        "magnitude": "jn_out[tid] = 0.0\nreturn",
        "velocities": "v_new[tid] = v[tid]\nw_new[tid] = w[tid]\nreturn",
    }[output]
    target = {
        "none": "jn = -(1.0 + restitution) * vn / k",
        "baumgarte": """
        # Baumgarte stabilization: remove penetration at a rate `beta`
        jn = (-(1.0 + restitution) * vn + beta * wp.max(depth[tid], 0.0)) / k
        """,
        "threshold": """
        # Disable restitution below the threshold velocity v_rest,
        # otherwise resting contacts would keep bouncing
        e = wp.where(vn > -v_rest, 0.0, restitution)
        jn = -(1.0 + e) * vn / k
        """,
    }
    gained = {
        "none": "gained = -(1.0 + restitution) * vn",
        "baumgarte": """
        # Baumgarte stabilization: remove penetration at a rate `beta`
        gained = -(1.0 + restitution) * vn + beta * wp.max(depth[tid], 0.0)
        """,
        "threshold": """
        # Disable restitution below the threshold velocity v_rest,
        # otherwise resting contacts would keep bouncing
        e = wp.where(vn > -v_rest, 0.0, restitution)
        gained = -(1.0 + e) * vn
        """,
    }
    rub = {
        "none": "j = jn * normal",
        "coulomb": """
        slip = u - vn * normal
        speed = wp.length(slip)
        tangent = slip / wp.max(speed, 1.0e-6)
        kt = $inv_mass + wp.dot(wp.cross($across_t, r), tangent)
        # Coulomb friction: compute the impulse that cancels slip, clamped to the friction cone
        jt = wp.min(speed / kt, friction * jn)
        j = jn * normal - jt * tangent
        """,
        "stick": """
        # Full impulse that also cancels slip; an impulse j changes the contact velocity by K j
        lever = wp.skew(r)
        response = inv_mass[tid] * wp.identity(n=3, dtype=float) - lever * $tensor * lever
        j = wp.inverse(response) * (gained * normal - (u - vn * normal))
        """,
    }
    stores = {
        "impulse": "impulse[tid] = j",
        "magnitude": "jn_out[tid] = jn",
        "velocities": """
        v_new[tid] = v[tid] + inv_mass[tid] * j
        w_new[tid] = w[tid] + $turn
        """,
    }
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        r = arm[tid]
        normal = n[tid]
        u = v[tid] + wp.cross(w[tid], r)
        vn = wp.dot(u, normal)
        if vn >= 0.0:
            # Skip separating contacts
            $nothing
        $resist
        $target
        $rub
        $store
        """,
        nothing=nothing,
        resist="k = inv_mass[tid] + wp.dot(wp.cross($across_n, r), normal)" if friction != "stick" else "",
        tensor=whole,
        inv_mass="inv_mass[tid]",
        across_n=times.format("wp.cross(r, normal)"),
        across_t=times.format("wp.cross(r, tangent)"),
        target=target[bias] if friction != "stick" else gained[bias],
        rub=rub[friction] if output != "magnitude" else "",
        store=stores[output],
        turn=times.format("wp.cross(r, j)"),
    )
    push = "(-(1 + e) v_n + beta depth)" if bias == "baumgarte" else "-(1 + e) v_n"
    law = f"Normal impulse: j_n = {push} / (1/m + n . (I^-1 (r x n)) x r)"
    if friction == "stick":
        law = f"Impulse: j = K^-1 ({push} n - u_t) for K = 1/m - [r] I^-1 [r] and the slip u_t,"
    slow = " e is zero where v_n > -`v_rest`." if bias == "threshold" else ""
    apart = (
        " Normal and friction impulses are computed sequentially, ignoring their coupling."
        if friction == "coulomb"
        else ""
    )
    d.explain(f"""
        {law} with the lever arm r from the center
        of mass to the contact. All vectors are in world space; v_n < 0 when bodies approach.{slow}{apart}
    """)
    how = {"coulomb": "with Coulomb friction", "none": "without friction", "stick": "without slip"}[friction]
    d.says(f"Computes contact impulses {how} between rigid bodies and static ground.")
    if output == "velocities":
        d.says(f"Resolves contacts {how} between rigid bodies and static ground using impulses.")
    elif output == "magnitude":
        d.says("Computes normal contact impulses between rigid bodies and static ground.")

    def reference(v: Values) -> dict[str, Any]:
        tensor_ = v.inv_inertia
        if tensor != "full":
            tensor_ = (v.inv_inertia[:, None] if tensor == "sphere" else v.inv_inertia)[..., None] * np.eye(3)
        skew = -np.cross(np.eye(3)[None], v.arm[:, None])  # rows: arm x e
        skew = np.swapaxes(skew, -1, -2)
        # velocity at the contact by a unit impulse there
        respond = v.inv_mass[:, None, None] * np.eye(3) - skew @ tensor_ @ skew
        u = v.v + np.cross(v.w, v.arm)
        vn = (u * v.n).sum(-1)

        def along(a: Any) -> Any:
            return np.einsum("ni,nij,nj->n", a, respond, a)

        e = np.where(vn > -v.v_rest, 0.0, v.restitution) if bias == "threshold" else v.restitution
        push = v.beta * np.maximum(v.depth, 0.0) if bias == "baumgarte" else 0.0
        gain = -(1.0 + e) * vn + push
        jn = np.where(vn < 0.0, gain / along(v.n), 0.0)
        if output == "magnitude":
            return {"jn_out": jn}
        j = jn[:, None] * v.n
        if friction == "stick":
            change = gain[:, None] * v.n - (u - vn[:, None] * v.n)
            j = np.where(vn[:, None] < 0.0, np.linalg.solve(respond, change[..., None])[..., 0], 0.0)
        elif friction == "coulomb":
            slip = u - vn[:, None] * v.n
            speed = np.linalg.norm(slip, axis=-1)
            tangent = slip / speed[:, None]
            jt = np.minimum(speed / along(tangent), v.friction * jn)
            j = j - np.where(vn < 0.0, jt, 0.0)[:, None] * tangent
        if output == "impulse":
            return {"impulse": j}
        turned = np.einsum("nij,nj->ni", tensor_, np.cross(v.arm, j))
        return {"v_new": v.v + v.inv_mass[:, None] * j, "w_new": v.w + turned}

    d.check(reference, 5e-4)


@DOMAIN.algorithm(
    source="Warp's sim, eval_rigid_contacts; Drumwright 2008 (penalty contacts)",
    names=_NAMES
    | {
        "ground_contact_forces": "eval_body_contacts|rigid_contacts|penalty_forces|body_ground_contact",
        "body_q": "body_pose",
        "body_qd": "body_twist|body_vel",
        "body_f": "body_wrench",
        "body": "body_index|shape_body|owner",
        "local": "point_local|local_points",
        "n": "ground_normal|plane_normal",
    },
)
def ground_contact_forces(d: Draft) -> None:
    """Accumulates penalty contact forces between body points and the ground."""
    normal = d.option("normal", "linear", "capped", "hunt")
    friction = d.option("friction", *contact.FRICTIONS, None)
    ground = d.option("ground", "plane", "level")
    reference_point = d.option("about", "center", "com", "origin")
    owner = d.option("owner", "index", "blocks")
    bodies, per = d.pick(8, 12, 16), d.pick(4, 8)
    count = bodies * per
    d.input("body_q", "transform", bodies, -0.3, 0.7, kind="transform", about="Body poses")
    d.input("body_qd", "spatial_vector", bodies, -1.0, 1.0, about="Spatial velocities (linear, angular)")
    if reference_point == "com":
        d.input("com", "vec3", bodies, -0.2, 0.2, about="Centers of mass in body space [m]")
    d.input("local", "vec3", count, -0.6, 0.6, about="Contact points in body space [m]")
    if owner == "index":
        d.input("body", "int", count, -1, bodies, about="Body index per contact, -1 for static")
    if ground == "plane":
        d.param("n", "vec3", 0.0, 1.0, kind="unit", about="Ground normal")
        d.param(
            "ground_offset",
            "float",
            -0.2,
            0.2,
            about="Ground plane offset from the origin along the normal [m]",
        )
    if owner == "blocks":
        d.module(f"POINTS_PER_BODY = wp.constant({per})")
    d.param("ke", "float", 500.0, 2000.0, about="Contact stiffness [N/m]")
    damping = (0.5, 2.0) if normal == "hunt" else (20.0, 80.0)
    d.param("kd", "float", *damping, about=f"Contact damping {'[s/m]' if normal == 'hunt' else '[N s/m]'}")
    if friction:
        d.param("friction", "float", 0.2, 0.8, about="Coulomb friction coefficient")
        d.param("kf", "float", 50.0, 200.0, about="Regularization viscosity at low slip [N s/m]")
    d.output("body_f", "spatial_vector", bodies, about="Accumulated body wrenches")
    split = f"vn, slip = {d.use(contact.SPLIT)}(u, n)" if friction else "vn = wp.dot(u, n)"
    laws = {
        "linear": """
        # Linear spring-damper; may be attractive when points leave the ground
        fn = ke * depth - kd * vn
        """,
        "capped": """
        # Clamp damping to avoid attraction between separating bodies
        fn = ke * depth - kd * wp.min(vn, 0.0)
        """,
        "hunt": """
        # Hunt-Crossley: damping is proportional to depth, so there is no force jump at first contact
        fn = wp.max(ke * depth * (1.0 - kd * vn), 0.0)
        """,
    }
    pressed = "wp.max(fn, 0.0)" if normal == "linear" else "fn"  # the spring and damper may pull
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        $owner
        pose = body_q[b]
        p = wp.transform_point(pose, local[tid])
        $plane
        if depth <= 0.0:
            return
        $arm
        twist = body_qd[b]
        u = wp.spatial_top(twist) + wp.cross(wp.spatial_bottom(twist), $lever)
        $split
        $law
        $force
        wp.atomic_add(body_f, b, wp.spatial_vector(f, wp.cross($lever, f)))
        """,
        owner="""
        b = body[tid]
        if b < 0:
            # Skip static bodies
            return
        """
        if owner == "index"
        else "b = tid // POINTS_PER_BODY",
        plane="depth = ground_offset - wp.dot(n, p)"
        if ground == "plane"
        else "n = wp.vec3(0.0, 1.0, 0.0)\ndepth = -p[1]",
        arm={
            "center": "arm = p - wp.transform_get_translation(pose)",
            "com": "arm = p - wp.transform_point(pose, com[b])",
            "origin": "",
        }[reference_point],
        lever="p" if reference_point == "origin" else "arm",
        split=split,
        law=laws[normal],
        force=f"f = fn * n + {d.use(friction)}(slip, friction * {pressed}, kf)" if friction else "f = fn * n",
    )
    about_ = {
        "center": "the body origins",
        "com": "the body centers of mass",
        "origin": "the world origin",
    }
    level = " The ground is the plane y = 0." if ground == "level" else ""
    d.explain(f"""
        Wrenches are (force, torque) about {about_[reference_point]}; twists are (linear, angular) at the
        same point. Contact points are in body space.{level}
    """)

    def reference(v: Values) -> dict[str, Any]:
        b = v.body if owner == "index" else np.arange(count) // per
        moving = b >= 0
        rot, place = quaternions.matrix(v.body_q[b, 3:]), v.body_q[b, :3]
        p = place + np.einsum("nij,nj->ni", rot, v.local)
        if ground == "plane":
            n, depth = v.n, v.ground_offset - p @ v.n
        else:
            n, depth = np.array([0.0, 1.0, 0.0]), -p[:, 1]
        arm = p
        if reference_point == "center":
            arm = p - place
        elif reference_point == "com":
            arm = np.einsum("nij,nj->ni", rot, v.local - v.com[b])
        u = v.body_qd[b, :3] + np.cross(v.body_qd[b, 3:], arm)
        vn = u @ n
        if normal == "hunt":
            fn = np.maximum(v.ke * depth * (1.0 - v.kd * vn), 0.0)
        else:
            fn = v.ke * depth - v.kd * (vn if normal == "linear" else np.minimum(vn, 0.0))
        f = fn[:, None] * n
        if friction:
            with np.errstate(all="ignore"):
                rub = friction(u - vn[:, None] * n, v.friction * np.maximum(fn, 0.0), v.kf)
            f = f + np.where(fn[:, None] > 0.0, rub, 0.0)
        f = np.where(((depth > 0.0) & moving)[:, None], f, 0.0)
        made = np.zeros((bodies, 6))
        np.add.at(made, b, np.concatenate([f, np.cross(arm, f)], 1))
        return {"body_f": made}

    d.check(reference, 5e-4)
