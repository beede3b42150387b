"""Particles against moving shapes: contact and friction by projection of positions, with the push back on bodies."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.simulation import DOMAIN
from warpgen.synthesis.library import quaternions, ray_shapes
from warpgen.synthesis.writing.draft import Draft, Values

_DISTANCE = {
    "SPHERE": """
        center_dist = wp.length(local)
        gap = center_dist - size[0]
        normal_local = local / wp.max(center_dist, 1.0e-6)
    """,
    "CAPSULE": """
        # Closest point on the capsule axis (local z)
        axis_point = wp.vec3(0.0, 0.0, wp.clamp(local[2], -size[1], size[1]))
        to_axis = local - axis_point
        axis_dist = wp.length(to_axis)
        gap = axis_dist - size[0]
        normal_local = to_axis / wp.max(axis_dist, 1.0e-6)
    """,
    "BOX": """
        beyond = wp.vec3(wp.abs(local[0]) - size[0], wp.abs(local[1]) - size[1], wp.abs(local[2]) - size[2])
        outside = wp.max(beyond, wp.vec3(0.0, 0.0, 0.0))
        outer = wp.length(outside)
        if outer > 1.0e-6:
            gap = outer
            normal_local = wp.cw_mul(outside / outer, wp.vec3(wp.sign(local[0]), wp.sign(local[1]), wp.sign(local[2])))
        elif beyond[0] >= beyond[1] and beyond[0] >= beyond[2]:
            # Inside the box: push out through the nearest face
            gap = beyond[0]
            normal_local = wp.vec3(wp.sign(local[0]), 0.0, 0.0)
        elif beyond[1] >= beyond[2]:
            gap = beyond[1]
            normal_local = wp.vec3(0.0, wp.sign(local[1]), 0.0)
        else:
            gap = beyond[2]
            normal_local = wp.vec3(0.0, 0.0, wp.sign(local[2]))
    """,
    "PLANE": """
        gap = local[2]
        normal_local = wp.vec3(0.0, 0.0, 1.0)
    """,
}


def _nearest(kind: str, p: Any, size: Any) -> tuple[float, Any]:
    """Signed distance and outward normal of one shape in its own frame."""
    if kind == "PLANE":
        return p[2], np.array([0.0, 0.0, 1.0])
    if kind == "BOX":
        q = np.abs(p) - size
        if q.max() <= 1e-6:
            axis = int(q.argmax())
            return q[axis], np.sign(p[axis]) * np.eye(3)[axis]
        out = p - np.clip(p, -size, size)
        return float(np.linalg.norm(out)), out / np.linalg.norm(out)
    core = np.zeros(3) if kind == "SPHERE" else np.array([0, 0, np.clip(p[2], -size[1], size[1])])
    r = np.linalg.norm(p - core)
    return r - size[0], (p - core) / r


@DOMAIN.algorithm(
    source="Macklin et al. 2014 (unified particle physics), section 6; Müller et al. 2020; newton, solvers/xpbd",
    names={
        "project_shape_contacts": "solve_shape_contacts|particle_shape_contacts|collide_with_shapes|project_contacts",
        "particle_x": "particle_q|pos|x",
        "particle_prev": "particle_q_prev|x_prev|x_old",
        "particle_inv_mass": "inv_mass|w_particle",
        "contact_particle": "soft_contact_particle|contact_particles",
        "contact_shape": "soft_contact_shape|contact_shapes",
        "particle_delta": "deltas|delta_x",
        "body_delta": "body_impulse|body_correction",
        "gap": "dist|separation",
        "mu": "friction|friction_coeff",
        "slide": "tangential|slip",
    },
    weight=8,
)
def project_shape_contacts(d: Draft) -> None:
    """Solves particle-shape contacts with friction using XPBD."""
    types = d.option(
        "shapes",
        ("SPHERE", "BOX"),
        ("PLANE", "CAPSULE", "SPHERE"),
        ("BOX", "PLANE"),
        ("SPHERE", "CAPSULE", "BOX", "PLANE"),
    )
    moving = d.option("bodies", "none", "kinematic", "dynamic")
    friction = d.option("friction", "none", "coulomb", "static and kinetic")
    compliance = d.option("compliance", "none", "one", "per shape", weights=(0.5, 0.25, 0.25))
    radius = d.option("radius", "one", "per particle", "none")
    pairs = d.option("contacts", "listed", "dense")
    adhesion = d.flag("adhesion", 0.3)
    relax = d.flag("relaxation", 0.5)
    particles, shapes, bodies = d.pick(24, 32), d.pick(5, 6), 4
    count = d.pick(40, 48)
    if pairs == "listed":
        d.input(
            "contact_particle", "int", count, -1, particles, about="Contact particle indices, padded with -1"
        )
        d.input("contact_shape", "int", count, 0, shapes, about="Contact shape indices")
    d.input("particle_x", "vec3", particles, -0.6, 0.6, about="Predicted positions [m]")
    if friction != "none":
        d.input("particle_prev", "vec3", particles, -0.6, 0.6, about="Previous particle positions [m]")
    weighted = compliance != "none" or friction != "none" or moving == "dynamic"  # or the mass cancels
    if weighted:
        d.input(
            "particle_inv_mass",
            "float",
            particles,
            0.0,
            1.0,
            about="Inverse masses, 0 for fixed particles [1/kg]",
        )
    else:
        d.mask("fixed", "bool", particles, rare=True, about="Mask of fixed particles")
    if radius == "one":
        d.param("particle_radius", "float", 0.02, 0.08, about="Particle radius [m]")
    elif radius == "per particle":
        d.input("particle_radius", "float", particles, 0.02, 0.08, about="Particle radii [m]")
    listed = ", ".join(f"{i} {t.lower()}" for i, t in enumerate(types))
    d.input("shape_type", "int", shapes, 0, len(types), about=f"Shape types: {listed}")
    sizes = {
        ("SPHERE", "BOX"): "Radius, or half extents [m]",
        ("PLANE", "CAPSULE", "SPHERE"): "Radius and half height [m]",
        ("BOX", "PLANE"): "Box half extents [m]",
    }
    d.input(
        "shape_size",
        "vec3",
        shapes,
        0.25,
        0.5,
        about=sizes.get(types, "Radius and half height, or half extents [m]"),
    )
    d.input(
        "shape_pose",
        "transform",
        shapes,
        -0.2,
        0.2,
        kind="transform",
        about="Shape poses" + ("" if moving == "none" else " in body space"),
    )
    where = ", origin at the center of mass" if moving == "dynamic" else ""
    if moving != "none":
        d.input("shape_body", "int", shapes, -1, bodies, about="Body index per shape, -1 for static shapes")
        d.input("body_pose", "transform", bodies, -0.3, 0.3, kind="transform", about=f"Body poses{where}")
        d.input("body_twist", "spatial_vector", bodies, -1.0, 1.0, about="Body velocities, linear part first")
    if moving == "dynamic":
        d.input("body_inv_mass", "float", bodies, 0.2, 0.8, about="Inverse masses [1/kg]")
        d.input(
            "body_inv_inertia",
            "mat33",
            bodies,
            0.5,
            2.0,
            kind="spd",
            about="Body-space inverse inertia tensors",
        )
    if friction != "none":
        d.input("shape_mu", "float", shapes, 0.2, 0.8, about="Per-shape friction coefficients")
    if friction == "static and kinetic":
        d.param("static_ratio", "float", 1.1, 1.5, about="Ratio of static to kinetic friction")
    if compliance == "one":
        d.param("compliance", "float", 1.0e-5, 1.0e-4, about="Contact compliance [m/N]")
    elif compliance == "per shape":
        d.input("shape_compliance", "float", shapes, 1.0e-5, 1.0e-4, about="Contact compliances [m/N]")
    if adhesion:
        d.param("adhesion_range", "float", 0.02, 0.06, about="Adhesion range [m]")
    if relax:
        d.param("relaxation", "float", 0.5, 0.9, about="Under-relaxation")
    time = compliance != "none" or (moving != "none" and friction != "none")
    if time:
        d.param("dt", "float", 0.01, 0.02, about="Substep [s]")
    d.output("particle_delta", "vec3", particles, about="Accumulated position corrections [m]")
    if moving == "dynamic":
        d.output("body_delta", "spatial_vector", bodies, about="Accumulated body impulses (linear, angular)")
    d.module("\n".join(f"{t} = wp.constant({i})" for i, t in enumerate(types[:-1])))
    cases = []
    for i, t in enumerate(types):
        head = f"{'if' if i == 0 else 'elif'} kind == {t}:" if i < len(types) - 1 else "else:"
        body = [x[8:] for x in _DISTANCE[t].strip("\n").split("\n") if x.strip()]
        if head == "else:":
            body.insert(0, f"# {t.capitalize()}")
        cases.append(head + "\n" + "\n".join(f"    {x}" for x in body))
    frame = {
        "none": "pose = shape_pose[shape]",
        "kinematic": "pose = shape_pose[shape]\nbody = shape_body[shape]\nif body >= 0:\n    pose = body_pose[body] * pose",
    }
    frame["dynamic"] = frame["kinematic"]
    reach = {"one": " - particle_radius", "per particle": " - particle_radius[particle]", "none": ""}[radius]
    weights = """
    # Effective inverse mass at the contact point: 1/m + (r x n)^T I^-1 (r x n)
    w_pair = w
    arm = wp.vec3(0.0, 0.0, 0.0)
    if body >= 0:
        arm = x - normal * gap - wp.transform_get_translation(body_pose[body])
        lever = wp.quat_rotate_inv(wp.transform_get_rotation(body_pose[body]), wp.cross(arm, normal))
        w_pair += body_inv_mass[body] + wp.dot(lever, body_inv_inertia[body] * lever)
    """
    both = "w_pair" if moving == "dynamic" else "w"
    alpha = {
        "none": "",
        "one": " + compliance / (dt * dt)",
        "per shape": " + shape_compliance[shape] / (dt * dt)",
    }[compliance]
    drift = {
        "none": "",
        "kinematic": """
            # Subtract the surface motion, since friction only acts on relative sliding
            if body >= 0:
                lever_arm = x - wp.transform_get_translation(body_pose[body])
                surface = wp.spatial_top(body_twist[body]) + wp.cross(wp.spatial_bottom(body_twist[body]), lever_arm)
                moved -= dt * surface
        """,
    }
    drift["dynamic"] = """
        # Subtract the surface motion, since friction only acts on relative sliding
        if body >= 0:
            surface = wp.spatial_top(body_twist[body]) + wp.cross(wp.spatial_bottom(body_twist[body]), arm)
            moved -= dt * surface
    """
    rub = {
        "none": "",
        "coulomb": """
            # --- Friction: limit the tangential correction to mu * normal correction ---
            moved = x - particle_prev[particle]
            $drift
            slide = moved - wp.dot(moved, normal) * normal
            slide_len = wp.length(slide)
            limit = shape_mu[shape] * $press
            if slide_len > 1.0e-6:
                grip = wp.min(limit, slide_len / $both)
                impulse -= grip / slide_len * slide
        """,
        "static and kinetic": """
            # --- Friction: stick below the static limit, otherwise clamp to the kinetic limit ---
            moved = x - particle_prev[particle]
            $drift
            slide = moved - wp.dot(moved, normal) * normal
            slide_len = wp.length(slide)
            limit = shape_mu[shape] * $press
            sticks = slide_len / $both < static_ratio * limit
            impulse -= wp.where(sticks, 1.0 / $both, limit / wp.max(slide_len, 1.0e-6)) * slide
        """,
    }
    push = """
    if body >= 0:
        wp.atomic_add(body_delta, body, wp.spatial_vector(-impulse$r, -wp.cross(arm, impulse)$r))
    """.replace("$r", " * relaxation" if relax else "")
    thread = {
        "listed": "tid = wp.tid()\nparticle = contact_particle[tid]\n# Skip padding\nif particle < 0:\n    return\nshape = contact_shape[tid]",
        "dense": "particle, shape = wp.tid()",
    }
    solve = """
        lagrange = -$clearance / $resist
        impulse = lagrange * normal
        $rub
        wp.atomic_add(particle_delta, particle, w * impulse$relax)
    """
    if not weighted:
        solve = "wp.atomic_sub(particle_delta, particle, $clearance * normal$relax)"
    if "BOX" in types:
        d.forward_only()  # Warp's adjoint of the faces' nested branches is not exact
    if pairs == "listed":
        d.launch(count)
    else:
        d.launch(particles, shapes)
    d.code(
        """
        $thread
        # Skip fixed particles
        $skip
            return
        x = particle_x[particle]
        $frame
        # --- Signed distance in the shape's local frame ---
        local = wp.transform_point(wp.transform_inverse(pose), x)
        size = shape_size[shape]
        kind = shape_type[shape]
        $cases
        normal = wp.transform_vector(pose, normal_local)
        $clear
        if $clearance > $far:
            return
        $weights
        $solve
        $push
        """,
        thread=thread[pairs],
        frame=frame[moving],
        cases="\n".join(cases),
        clear=f"clearance = gap{reach}" if reach else "",
        clearance="clearance" if reach else "gap",
        both=both,
        resist=f"({both}{alpha})" if alpha else both,
        press="wp.max(lagrange, 0.0)" if adhesion else "lagrange",  # only what sticks is pulled
        far="adhesion_range" if adhesion else "0.0",
        weights=weights if moving == "dynamic" else "",
        skip="w = particle_inv_mass[particle]\nif w == 0.0:" if weighted else "if fixed[particle]:",
        solve=solve,
        rub=rub[friction],
        drift=drift[moving],
        relax=" * relaxation" if relax else "",
        push=push if moving == "dynamic" else "",
    )
    extras = ["friction"] * (friction != "none") + ["adhesion"] * adhesion
    d.says(
        "Solves particle-shape contacts"
        + (f" with {' and '.join(extras)}" if extras else "")
        + " using XPBD position corrections."
    )
    d.explain(
        "Particles are pushed out along the contact normal"
        + (", with tangential friction corrections." if friction != "none" else ".")
        + (" Particles within the adhesion range are pulled onto the surface." if adhesion else "")
        + (" An equal and opposite impulse is applied to the body." if moving == "dynamic" else "")
        + (" Planes use local +z as the normal." if "PLANE" in types else "")
    )

    def reference(v: Values) -> dict[str, Any]:
        moves, back = np.zeros((particles, 3)), np.zeros((bodies, 6))
        todo = (
            zip(v.contact_particle, v.contact_shape, strict=True)
            if pairs == "listed"
            else np.ndindex(particles, shapes)
        )
        for i, s in todo:
            if i < 0 or (not weighted and v.fixed[i]):
                continue
            x, pose, b = v.particle_x[i], v.shape_pose[s], -1
            if moving != "none":
                b = int(v.shape_body[s])
                pose = ray_shapes.compose(v.body_pose[b], pose) if b >= 0 else pose
            local = ray_shapes.turn(pose[3:], x - pose[:3], back=True)
            gap, n = _nearest(types[v.shape_type[s]], local, v.shape_size[s])
            n = ray_shapes.turn(pose[3:], n)
            thick = v.get("particle_radius", 0.0)
            over = gap - (thick[i] if radius == "per particle" else thick)
            if over > (v.adhesion_range if adhesion else 0.0):
                continue
            own = v.particle_inv_mass[i] if weighted else 1.0
            w = own
            arm = np.zeros(3)
            if moving == "dynamic" and b >= 0:
                arm = x - n * gap - v.body_pose[b, :3]
                turn = quaternions.matrix(v.body_pose[b, 3:])
                lever = turn.T @ np.cross(arm, n)
                w = w + v.body_inv_mass[b] + lever @ v.body_inv_inertia[b] @ lever
            soft = {
                "none": 0.0,
                "one": v.get("compliance"),
                "per shape": v.get("shape_compliance", np.zeros(shapes))[s],
            }[compliance]
            size = -over / (w + (soft / v.dt**2 if compliance != "none" else 0.0))
            push_ = size * n
            if friction != "none":
                moved = x - v.particle_prev[i]
                if b >= 0:
                    moved = moved - v.dt * (
                        v.body_twist[b, :3]
                        + np.cross(
                            v.body_twist[b, 3:], arm if moving == "dynamic" else x - v.body_pose[b, :3]
                        )
                    )
                slide = moved - moved @ n * n
                far = np.linalg.norm(slide)
                top = v.shape_mu[s] * max(size, 0.0)
                if friction == "coulomb":
                    push_ = push_ - min(top, far / w) * slide / far
                else:
                    push_ = push_ - (slide / w if far / w < v.static_ratio * top else top * slide / far)
            part = v.relaxation if relax else 1.0
            moves[i] += own * push_ * part
            if moving == "dynamic" and b >= 0:
                back[b] -= np.append(push_, np.cross(arm, push_)) * part
        return {"particle_delta": moves} | ({"body_delta": back} if moving == "dynamic" else {})

    d.check(reference, 2e-3)
