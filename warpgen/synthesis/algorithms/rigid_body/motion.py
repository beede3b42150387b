"""Free motion of rigid bodies: steps of position and orientation, energy, momentum."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rigid_body import DOMAIN
from warpgen.synthesis.library import quaternions
from warpgen.synthesis.writing.draft import Draft, Values

NAMES = {
    "x": "pos|positions",
    "q": "rot|orientations",
    "v": "vel|lin_vel",
    "w": "omega",
    "inertia": "I_body|inertia_body",
    "mass": "masses",
}


@DOMAIN.algorithm(
    source="Featherstone 2008, sec. 2.14; Catto 2015 (gyroscopic term); Warp's sim, integrate_rigid_bodies",
    names=NAMES
    | {
        "integrate_bodies": "integrate_rigid_bodies|body_step|advance_bodies|integrate_body",
        "wb": "omega_body|w_local|wl",
        "tb": "torque_body|t_local|tau_body",
        "pose": "body_q|poses|xforms",
        "pose_new": "pose_out|next_pose",
        "f": "force|forces",
        "wrench": "body_wrench|wrenches",
        "t": "torque|torques",
    },
    double=True,
    weight=8,
)
def integrate_bodies(d: Draft) -> None:
    """Integrates rigid bodies with semi-implicit Euler."""
    step = d.option("step", *quaternions.STEPS)
    gyroscopic = d.option("gyroscopic", "explicit", "none", "implicit")
    tensor = d.option("tensor", "diagonal", "full")
    poses = d.option("poses", "transform", "pair")
    wrench = d.option("wrench", "pair", "spatial")
    damped = d.flag("damped", 0.4)
    if damped and gyroscopic == "none":
        gyroscopic = "explicit"  # damping is the smaller effect
    static = d.flag("static", 0.35)
    if gyroscopic == "implicit":
        tensor = "full"
    count = d.pick(48, 64, 96)
    advance = d.use(step)
    if poses == "transform":
        d.input("pose", "transform", count, -1.0, 1.0, kind="transform", about="Body poses")
    else:
        d.input("x", "vec3", count, -1.0, 1.0, about="Positions [m]")
        d.input("q", "quat", count, kind="unit", about="Orientations")
    d.input("v", "vec3", count, -1.0, 1.0, about="Linear velocities [m/s]")
    d.input("w", "vec3", count, -2.0, 2.0, about="Angular velocities [rad/s]")
    if wrench == "spatial":
        d.input("wrench", "spatial_vector", count, -5.0, 5.0, about="Forces [N], then torques [N m]")
    else:
        d.input("f", "vec3", count, -5.0, 5.0, about="Forces [N]")
        d.input("t", "vec3", count, -5.0, 5.0, about="Torques [N m]")
    d.input("inv_mass", "float", count, 0.2, 2.0, about="Inverse masses [1/kg]")
    if static:
        d.mask("is_static", "bool", count, rare=True, about="True for static bodies")
    if tensor == "full":
        d.input("inertia", "mat33", count, 1.0, 2.0, kind="spd", about="Body-space inertia tensors [kg m^2]")
    else:
        d.input("inertia", "vec3", count, 1.0, 2.0, about="Principal moments of inertia [kg m^2]")
    d.param("gravity", "vec3", -5.6, 5.6, about="Gravity [m/s^2]")
    d.param("dt", "float", 0.005, 0.02, about="Time step [s]")
    if damped:
        d.param("angular_damping", "float", 0.05, 0.5, about="Angular damping [1/s]")
    if poses == "transform":
        d.output("pose_new", "transform", count, about="Updated poses")
    else:
        d.output("x_new", "vec3", count, about="Updated positions")
        d.output("q_new", "quat", count, about="Updated orientations")
    d.output("v_new", "vec3", count, about="Updated linear velocities")
    d.output("w_new", "vec3", count, about="Updated angular velocities")
    transform = poses == "transform"
    times = "inertia[tid] * wb" if tensor == "full" else "wp.cw_mul(inertia[tid], wb)"
    inverse = "(wp.inverse(inertia[tid]) * {})" if tensor == "full" else "wp.cw_div({}, inertia[tid])"
    torque = "t0" if wrench == "spatial" else "t[tid]"
    turns = {
        "explicit": f"""
        # Work in the body frame, since the inertia tensor is constant there.
        # Euler equation: I dw/dt = torque - w x (I w)
        wb = wp.quat_rotate_inv(r0, w0)
        tb = wp.quat_rotate_inv(r0, {torque}) - wp.cross(wb, {times})
        w1 = wp.quat_rotate(r0, wb + dt * {inverse.format("tb")})
        """,
        "none": f"""
        # Omit the gyroscopic torque w x (I w), because explicit integration adds energy
        tb = wp.quat_rotate_inv(r0, {torque})
        w1 = w0 + dt * wp.quat_rotate(r0, {inverse.format("tb")})
        """,
        "implicit": f"""
        # Implicit gyroscopic torque with a single Newton iteration, since the explicit
        # version is unstable for long thin bodies spinning fast
        wb = wp.quat_rotate_inv(r0, w0)
        tensor = inertia[tid]
        tb = wp.quat_rotate_inv(r0, {torque})
        residual = dt * (wp.cross(wb, tensor * wb) - tb)
        jacobian = tensor + dt * (wp.skew(wb) * tensor - wp.skew(tensor * wb))
        w1 = wp.quat_rotate(r0, wb - wp.inverse(jacobian) * residual)
        """,
    }
    kept = "pose_new[tid] = pose[tid]" if transform else "q_new[tid] = q[tid]\nx_new[tid] = x[tid]"
    keep = f"{kept}\nv_new[tid] = wp.vec3(0.0, 0.0, 0.0)\nw_new[tid] = wp.vec3(0.0, 0.0, 0.0)\nreturn"
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        inv_m = inv_mass[tid]
        $static
        $pose
        w0 = w[tid]
        $wrench
        v1 = v[tid] + dt * (f0 * inv_m + gravity)
        $turn
        $damp
        # Symplectic Euler: use the new velocity to avoid energy drift
        x1 = x0 + dt * v1
        r1 = $advance(r0, w1, dt)
        $store
        v_new[tid] = v1
        w_new[tid] = w1
        """,
        static="# Skip static bodies\nif is_static[tid]:\n    $keep" if static else "",
        keep=keep,
        pose="""
        x0 = wp.transform_get_translation(pose[tid])
        r0 = wp.transform_get_rotation(pose[tid])
        """
        if transform
        else "x0 = x[tid]\nr0 = q[tid]",
        wrench="f0 = wp.spatial_top(wrench[tid])\nt0 = wp.spatial_bottom(wrench[tid])"
        if wrench == "spatial"
        else "f0 = f[tid]",
        turn=turns[gyroscopic],
        damp="w1 = w1 * (1.0 - angular_damping * dt)" if damped else "",
        advance=advance,
        store="pose_new[tid] = wp.transform(x1, r1)" if transform else "x_new[tid] = x1\nq_new[tid] = r1",
    )
    how = {
        "explicit": "",
        "none": ", ignoring gyroscopic torques",
        "implicit": ", treating the gyroscopic torque implicitly",
    }[gyroscopic]
    how = (" and angular damping" if damped else "") + how
    d.says(
        f"Integrates rigid bodies with semi-implicit Euler{how}{'; static bodies stay at rest' if static else ''}."
    )
    law = "t" if gyroscopic == "none" else "t - w x (I w)"
    d.explain(f"""
        Updates v += dt (f / m + g) and x += dt v. Rotation follows I dw/dt = {law} in body space;
        forces and torques act at the center of mass and are expressed in world space.
    """)

    def reference(v: Values) -> dict[str, Any]:
        x, q = (v.pose[:, :3], v.pose[:, 3:]) if transform else (v.x, v.q)
        force, torque_ = (v.wrench[:, :3], v.wrench[:, 3:]) if wrench == "spatial" else (v.f, v.t)
        rot = quaternions.matrix(q)
        tensor_ = v.inertia if tensor == "full" else v.inertia[:, :, None] * np.eye(3)
        wb = np.einsum("nji,nj->ni", rot, v.w)
        tb = np.einsum("nji,nj->ni", rot, torque_)
        spin = np.einsum("nij,nj->ni", tensor_, wb)
        if gyroscopic == "implicit":
            basis = np.eye(3)
            jacobian = tensor_ + v.dt * np.stack(
                [np.cross(wb, tensor_[:, :, k]) + np.cross(basis[k], spin) for k in range(3)], -1
            )
            change = -np.linalg.solve(jacobian, v.dt * (np.cross(wb, spin) - tb)[..., None])[..., 0]
        else:
            moment = tb - (np.cross(wb, spin) if gyroscopic == "explicit" else 0.0)
            change = v.dt * np.linalg.solve(tensor_, moment[..., None])[..., 0]
        w1 = np.einsum("nij,nj->ni", rot, wb + change)
        if damped:
            w1 = w1 * (1.0 - v.angular_damping * v.dt)
        v1 = v.v + v.dt * (force * v.inv_mass[:, None] + v.gravity)
        x1, q1 = x + v.dt * v1, step(q, w1, v.dt)
        if static:
            still = v.is_static[:, None].astype(bool)
            x1, q1 = np.where(still, x, x1), np.where(still, q, q1)
            v1, w1 = np.where(still, 0.0, v1), np.where(still, 0.0, w1)
        pose = {"pose_new": np.concatenate([x1, q1], 1)} if transform else {"x_new": x1, "q_new": q1}
        return pose | {"v_new": v1, "w_new": w1}

    d.check(reference, 5e-4)


@DOMAIN.algorithm(
    source="Goldstein 1980, ch. 5; Featherstone 2008, sec. 2.9 to 2.13",
    names=NAMES
    | {
        "body_momentum": "compute_momentum|spatial_momentum|body_momenta",
        "pose": "body_q|poses|xforms",
        "twist": "body_qd|twists|spatial_vel",
        "origin": "pivot|ref_point",
        "l": "ang_mom",
        "p": "lin_mom",
        "energy": "kinetic|kinetic_energy_out",
    },
    weight=4,
)
def body_momentum(d: Draft) -> None:
    """Computes the momenta of rigid bodies."""
    wanted = d.option("wanted", "momentum", "energy", "angular")
    tensor = d.option("tensor", "full", "diagonal")
    summed = d.option("summed", "each", "sum", "groups")
    poses = d.option("poses", "quat", "transform")
    motion = d.option("motion", "pair", "spatial")
    if wanted != "momentum":
        d.calls(
            {"energy": "kinetic_energy|body_energy", "angular": "angular_momentum|body_angular_momentum"}[
                wanted
            ]
        )
    count = d.pick(48, 64, 96)
    groups = 4
    if poses == "transform":
        d.input("pose", "transform", count, -1.0, 1.0, kind="transform", about="Body poses")
    else:
        if wanted != "energy":
            d.input("x", "vec3", count, -1.0, 1.0, about="Positions [m]")
        d.input("q", "quat", count, kind="unit", about="Orientations")
    if motion == "spatial":
        d.input("twist", "spatial_vector", count, -2.0, 2.0, about="Velocities, linear part first")
    else:
        d.input("v", "vec3", count, -2.0, 2.0, about="Linear velocities [m/s]")
        d.input("w", "vec3", count, -2.0, 2.0, about="Angular velocities [rad/s]")
    d.input("mass", "float", count, 0.5, 2.0, about="Masses [kg]")
    if tensor == "full":
        d.input("inertia", "mat33", count, 1.0, 2.0, kind="spd", about="Body-space inertia tensors [kg m^2]")
    else:
        d.input("inertia", "vec3", count, 1.0, 2.0, about="Principal moments of inertia [kg m^2]")
    if summed == "groups":
        d.input("island", "int", count, 0, groups, about="Island index per body")
    if wanted != "energy":
        d.param("origin", "vec3", -0.5, 0.5, about="Reference point for angular momentum [m]")
    kind = {"momentum": "spatial_vector", "energy": "float", "angular": "vec3"}[wanted]
    d.output(
        {"momentum": "h", "energy": "energy", "angular": "h"}[wanted],
        kind,
        {"each": count, "sum": 1}.get(summed, groups),
        about={
            "momentum": "Linear and angular momentum",
            "energy": "Kinetic energy [J]",
            "angular": "Angular momentum",
        }[wanted],
    )
    name = "energy" if wanted == "energy" else "h"
    store = {
        "each": f"{name}[tid] = $value",
        "sum": f"wp.atomic_add({name}, 0, $value)",
        "groups": f"wp.atomic_add({name}, island[tid], $value)",
    }[summed]
    values = {
        "momentum": "wp.spatial_vector(p, l)",
        "energy": "0.5 * (mass[tid] * wp.length_sq(lin_vel) + wp.dot(wb, l_body))",
        "angular": "l",
    }
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        $motion
        $rotation
        # `inertia` is in body space, so transform the angular velocity first
        wb = wp.quat_rotate_inv(r, ang_vel)
        l_body = $times
        $momentum
        $store
        """,
        motion="lin_vel = wp.spatial_top(twist[tid])\nang_vel = wp.spatial_bottom(twist[tid])"
        if motion == "spatial"
        else "lin_vel = v[tid]\nang_vel = w[tid]",
        rotation="r = wp.transform_get_rotation(pose[tid])" if poses == "transform" else "r = q[tid]",
        times="inertia[tid] * wb" if tensor == "full" else "wp.cw_mul(inertia[tid], wb)",
        momentum=""
        if wanted == "energy"
        else """
        p = mass[tid] * lin_vel
        arm = $place - origin
        l = wp.cross(arm, p) + wp.quat_rotate(r, l_body)
        """,
        place="wp.transform_get_translation(pose[tid])" if poses == "transform" else "x[tid]",
        store=store,
        value=values[wanted],
    )
    what = {
        "momentum": "linear and angular momentum",
        "energy": "kinetic energy",
        "angular": "angular momentum",
    }
    point = (
        ""
        if wanted == "energy"
        else ", using a reference point for the angular momentum"
        if wanted == "momentum"
        else " about a reference point"
    )
    of = {
        "each": "of each rigid body",
        "sum": "of all rigid bodies combined",
        "groups": "of each rigid body island",
    }
    d.says(f"Computes {what[wanted]} {of[summed]}{point}.")

    def reference(v: Values) -> dict[str, Any]:
        x, q = (v.pose[:, :3], v.pose[:, 3:]) if poses == "transform" else (v.get("x"), v.q)
        lin, ang = (v.twist[:, :3], v.twist[:, 3:]) if motion == "spatial" else (v.v, v.w)
        tensor_ = v.inertia if tensor == "full" else v.inertia[:, :, None] * np.eye(3)
        spin = np.einsum("nij,nj->ni", quaternions.WORLD_INERTIA(q, tensor_), ang)
        if wanted == "energy":
            made = 0.5 * (v.mass * (lin**2).sum(-1) + (ang * spin).sum(-1))
        else:
            p = v.mass[:, None] * lin
            made = np.cross(x - v.origin, p) + spin
            if wanted == "momentum":
                made = np.concatenate([p, made], 1)
        if summed == "each":
            return {name: made}
        total = np.zeros((groups if summed == "groups" else 1, *made.shape[1:]))
        np.add.at(total, v.island if summed == "groups" else np.zeros(count, int), made)
        return {name: total}

    d.check(reference, 3e-4)
