"""Free motion of rigid bodies: steps of position and orientation, inertia, energy, momentum."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rigid_body import DOMAIN
from warpgen.synthesis.library import quaternions
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "x": "body_x|positions|pos|body_pos",
    "q": "body_r|orientations|rot|body_rot",
    "v": "body_v|velocities|lin_vel|vel",
    "w": "body_w|omega|ang_vel|angular_velocity",
    "inertia": "body_I|I_body|inertia_body|moments",
    "mass": "body_mass|m|masses",
}


@DOMAIN.algorithm(
    source="Featherstone 2008, sec. 2.14; Catto 2015 (gyroscopic term); Warp's sim, integrate_rigid_bodies",
    names=_NAMES
    | {
        "integrate_bodies": "integrate_rigid_bodies|body_step|advance_bodies|integrate_body",
        "wb": "omega_body|w_local|wl",
        "tb": "torque_body|t_local|tau_body",
        "f": "body_f|forces|force",
        "t": "torques|body_t|torque",
    },
    double=True,
)
def integrate_bodies(d: Draft) -> None:
    """Advances rigid bodies by one symplectic step under forces and torques."""
    step = d.option("step", *quaternions.STEPS)
    gyroscopic = d.option("gyroscopic", "explicit", "none", "implicit")
    tensor = d.option("tensor", "diagonal", "full")
    poses = d.option("poses", "transform", "pair")
    wrench = d.option("wrench", "pair", "spatial")
    damped = d.flag("damped", 0.4)
    static = d.flag("static", 0.35)
    if gyroscopic == "implicit":
        tensor = "full"
    count = d.pick(48, 64, 96)
    advance = d.use(step)
    if poses == "transform":
        d.input("q", "transform", count, -1.0, 1.0, kind="transform")
    else:
        d.input("x", "vec3", count, -1.0, 1.0)
        d.input("q", "quat", count, kind="unit")
    d.input("v", "vec3", count, -1.0, 1.0)
    d.input("w", "vec3", count, -2.0, 2.0)
    if wrench == "spatial":
        d.input("f", "spatial_vector", count, -5.0, 5.0)
    else:
        d.input("f", "vec3", count, -5.0, 5.0)
        d.input("t", "vec3", count, -5.0, 5.0)
    d.input("inv_mass", "float", count, -0.5 if static else 0.2, 2.0)
    if tensor == "full":
        d.input("inertia", "mat33", count, 0.5, 2.0, kind="spd")
    else:
        d.input("inertia", "vec3", count, 0.5, 2.0)
    d.param("gravity", "vec3", -9.81, 9.81)
    d.param("dt", "float", 0.005, 0.02)
    if damped:
        d.param("angular_damping", "float", 0.05, 0.5)
    if poses == "transform":
        d.output("q_new", "transform", count)
    else:
        d.output("x_new", "vec3", count)
        d.output("q_new", "quat", count)
    d.output("v_new", "vec3", count)
    d.output("w_new", "vec3", count)
    transform = poses == "transform"
    times = "inertia[tid] * wb" if tensor == "full" else "wp.cw_mul(inertia[tid], wb)"
    inverse = "wp.inverse(inertia[tid]) * {}" if tensor == "full" else "wp.cw_div({}, inertia[tid])"
    torque = "t0" if wrench == "spatial" else "t[tid]"
    turns = {
        "explicit": f"""
        # in the body's frame the inertia is constant; w x I w turns the axis of a spinning body
        wb = wp.quat_rotate_inv(r0, w0)
        tb = wp.quat_rotate_inv(r0, {torque}) - wp.cross(wb, {times})
        w1 = wp.quat_rotate(r0, wb + dt * ({inverse.format("tb")}))
        """,
        "none": f"""
        wb = wp.quat_rotate_inv(r0, w0)
        tb = wp.quat_rotate_inv(r0, {torque})
        w1 = wp.quat_rotate(r0, wb + dt * ({inverse.format("tb")}))
        """,
        "implicit": f"""
        # one Newton step of the implicit equation: stable for long thin bodies that spin fast
        wb = wp.quat_rotate_inv(r0, w0)
        tensor = inertia[tid]
        tb = wp.quat_rotate_inv(r0, {torque})
        residual = dt * (wp.cross(wb, tensor * wb) - tb)
        jacobian = tensor + dt * (wp.skew(wb) * tensor - wp.skew(tensor * wb))
        w1 = wp.quat_rotate(r0, wb - wp.inverse(jacobian) * residual)
        """,
    }
    keep = "q_new[tid] = q[tid]\n" + ("" if transform else "x_new[tid] = x[tid]\n") + "return"
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        $static
        $pose
        w0 = w[tid]
        $wrench
        $fall
        v1 = v[tid] + dt * (f0 * inv_m + gravity)
        $turn
        $damp
        # positions move by the new velocities: that is what makes the step symplectic
        x1 = x0 + dt * v1
        r1 = $advance(r0, w1, dt)
        $store
        v_new[tid] = v1
        w_new[tid] = w1
        """,
        static="if inv_mass[tid] <= 0.0:\n    # static bodies have no mass\n    $keep" if static else "",
        keep=keep,
        pose="""
        x0 = wp.transform_get_translation(q[tid])
        r0 = wp.transform_get_rotation(q[tid])
        """
        if transform
        else "x0 = x[tid]\nr0 = q[tid]",
        wrench="f0 = wp.spatial_top(f[tid])\nt0 = wp.spatial_bottom(f[tid])"
        if wrench == "spatial"
        else "f0 = f[tid]",
        fall="inv_m = inv_mass[tid]",
        turn=turns[gyroscopic],
        damp="w1 = w1 * (1.0 - angular_damping * dt)" if damped else "",
        advance=advance,
        store="q_new[tid] = wp.transform(x1, r1)" if transform else "x_new[tid] = x1\nq_new[tid] = r1",
    )
    d.explain("""
        v += dt (f / m + g), x += dt v; I w' = t - w x (I w) in the body's frame. Forces act at the
        center of mass, in the world's frame.
    """)

    def reference(v: Values) -> dict[str, Any]:
        x, q = (v.q[:, :3], v.q[:, 3:]) if transform else (v.x, v.q)
        force, torque_ = (v.f[:, :3], v.f[:, 3:]) if wrench == "spatial" else (v.f, v.t)
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
            still = (v.inv_mass <= 0.0)[:, None]
            x1, q1 = np.where(still, x, x1), np.where(still, q, q1)
            v1, w1 = np.where(still, 0.0, v1), np.where(still, 0.0, w1)
        pose = {"q_new": np.concatenate([x1, q1], 1)} if transform else {"x_new": x1, "q_new": q1}
        return pose | {"v_new": v1, "w_new": w1}

    d.check(reference, 5e-4)


@DOMAIN.algorithm(
    source="Goldstein 1980, ch. 5; Featherstone 2008, sec. 2.9 to 2.13",
    names=_NAMES
    | {
        "body_momentum": "compute_momentum|angular_momentum|body_momenta|kinetic_energy",
        "origin": "pivot|reference|about",
        "l": "ang|L|spin",
        "p": "lin|momentum|linear",
        "energy": "kinetic|ke|kinetic_energy_out",
    },
)
def body_momentum(d: Draft) -> None:
    """Computes the momenta of rigid bodies."""
    wanted = d.option("wanted", "momentum", "energy", "angular")
    tensor = d.option("tensor", "full", "diagonal")
    summed = d.option("summed", "each", "sum", "groups")
    poses = d.option("poses", "quat", "transform")
    motion = d.option("motion", "pair", "spatial")
    count = d.pick(48, 64, 96)
    groups = 4
    if poses == "transform":
        d.input("q", "transform", count, -1.0, 1.0, kind="transform")
    else:
        if wanted != "energy":
            d.input("x", "vec3", count, -1.0, 1.0)
        d.input("q", "quat", count, kind="unit")
    if motion == "spatial":
        d.input("v", "spatial_vector", count, -2.0, 2.0)
    else:
        d.input("v", "vec3", count, -2.0, 2.0)
        d.input("w", "vec3", count, -2.0, 2.0)
    d.input("mass", "float", count, 0.5, 2.0)
    if tensor == "full":
        d.input("inertia", "mat33", count, 0.5, 2.0, kind="spd")
    else:
        d.input("inertia", "vec3", count, 0.5, 2.0)
    if summed == "groups":
        d.input("island", "int", count, 0, groups)
    if wanted != "energy":
        d.param("origin", "vec3", -0.5, 0.5)
    kind = {"momentum": "spatial_vector", "energy": "float", "angular": "vec3"}[wanted]
    d.output(
        {"momentum": "h", "energy": "energy", "angular": "h"}[wanted],
        kind,
        {"each": count, "sum": 1}.get(summed, groups),
    )
    name = "energy" if wanted == "energy" else "h"
    store = {
        "each": f"{name}[tid] = $value",
        "sum": f"wp.atomic_add({name}, 0, $value)",
        "groups": f"wp.atomic_add({name}, island[tid], $value)",
    }[summed]
    values = {
        "momentum": "wp.spatial_vector(p, l)",
        "energy": "0.5 * (mass[tid] * wp.length_sq(lin_vel) + wp.dot(wb, spin))",
        "angular": "l",
    }
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        $motion
        $rotation
        # the inertia is known in the body's frame
        wb = wp.quat_rotate_inv(r, ang_vel)
        spin = $times
        $momentum
        $store
        """,
        motion="lin_vel = wp.spatial_top(v[tid])\nang_vel = wp.spatial_bottom(v[tid])"
        if motion == "spatial"
        else "lin_vel = v[tid]\nang_vel = w[tid]",
        rotation="r = wp.transform_get_rotation(q[tid])" if poses == "transform" else "r = q[tid]",
        times="inertia[tid] * wb" if tensor == "full" else "wp.cw_mul(inertia[tid], wb)",
        momentum=""
        if wanted == "energy"
        else """
        p = mass[tid] * lin_vel
        arm = $place - origin
        l = wp.cross(arm, p) + wp.quat_rotate(r, spin)
        """,
        place="wp.transform_get_translation(q[tid])" if poses == "transform" else "x[tid]",
        store=store,
        value=values[wanted],
    )
    what = {
        "momentum": "the linear and angular momentum",
        "energy": "the kinetic energy",
        "angular": "the angular momentum about a point",
    }
    of = {
        "each": "of each rigid body",
        "sum": "of all rigid bodies together",
        "groups": "of each island of rigid bodies",
    }
    d.says(f"Computes {what[wanted]} {of[summed]}.")

    def reference(v: Values) -> dict[str, Any]:
        x, q = (v.q[:, :3], v.q[:, 3:]) if poses == "transform" else (v.get("x"), v.q)
        lin, ang = (v.v[:, :3], v.v[:, 3:]) if motion == "spatial" else (v.v, v.w)
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


SHAPES = {
    "sphere": (
        "i = 0.4 * m * size[0] * size[0]\nmoments = wp.vec3(i, i, i)",
        "4.0 / 3.0 * wp.pi * size[0] * size[0] * size[0]",
    ),
    "box": (
        """
        # size holds half extents
        xx = size[0] * size[0]
        yy = size[1] * size[1]
        zz = size[2] * size[2]
        moments = wp.vec3(yy + zz, xx + zz, xx + yy) * (m / 3.0)
        """,
        "8.0 * size[0] * size[1] * size[2]",
    ),
    "cylinder": (
        """
        # along z: radius and half of the height
        rr = size[0] * size[0]
        across = m * (0.25 * rr + size[1] * size[1] / 3.0)
        moments = wp.vec3(across, across, 0.5 * m * rr)
        """,
        "2.0 * wp.pi * size[0] * size[0] * size[1]",
    ),
    "ellipsoid": (
        """
        xx = size[0] * size[0]
        yy = size[1] * size[1]
        zz = size[2] * size[2]
        moments = 0.2 * m * wp.vec3(yy + zz, xx + zz, xx + yy)
        """,
        "4.0 / 3.0 * wp.pi * size[0] * size[1] * size[2]",
    ),
    "cone": (
        """
        # about the center of mass, a quarter of the height above the base
        rr = size[0] * size[0]
        hh = 4.0 * size[1] * size[1]
        across = m * (0.15 * rr + 0.0375 * hh)
        moments = wp.vec3(across, across, 0.3 * m * rr)
        """,
        "2.0 / 3.0 * wp.pi * size[0] * size[0] * size[1]",
    ),
}


def _moments(shape: str, size: Any) -> tuple[Any, Any]:
    """Volume, and principal moments over mass."""
    a, b, c = size.T
    if shape == "sphere":
        return 4.0 / 3.0 * np.pi * a**3, np.stack([0.4 * a * a] * 3, -1)
    if shape == "box":
        return 8.0 * a * b * c, np.stack([b * b + c * c, a * a + c * c, a * a + b * b], -1) / 3.0
    if shape == "ellipsoid":
        moments = np.stack([b * b + c * c, a * a + c * c, a * a + b * b], -1) / 5.0
        return 4.0 / 3.0 * np.pi * a * b * c, moments
    h = 2.0 * b
    if shape == "cylinder":
        across = (3.0 * a * a + h * h) / 12.0
        return np.pi * a * a * h, np.stack([across, across, a * a / 2.0], -1)
    across = 3.0 / 20.0 * a * a + 3.0 / 80.0 * h * h
    return np.pi * a * a * h / 3.0, np.stack([across, across, 0.3 * a * a], -1)


@DOMAIN.algorithm(
    source="Goldstein 1980, eq. 5-14 (parallel axes); Eberly 2010, sec. 2.5",
    names=_NAMES
    | {
        "shape_inertia": "compute_inertia|inertia_of_shapes|compute_shape_inertia|body_inertia",
        "size": "scale|extents|geo_scale",
        "density": "rho|shape_density|shape_materials",
        "r": "rot|R|basis",
        "tensor": "inertia_out|I_world|I_c",
        "offset": "com|d_com|arm",
    },
    double=True,
)
def shape_inertia(d: Draft) -> None:
    """Computes the inertia tensors of shapes about a point that may be off their centers."""
    shape = d.option("shape", *SHAPES)
    moved = d.option("moved", "none", "turned", "parallel axis", "both")
    given = d.option("given", "density", "mass")
    summed = d.flag("summed", 0.4)
    hollow = d.flag("masses", 0.3) and given == "density" and not summed
    count = d.pick(48, 64, 96)
    bodies = 8
    text, volume = SHAPES[shape]
    d.input("sizes", "vec3", count, 0.2, 1.0)
    if given == "density":
        d.param("density", "float", 0.5, 2.0)
    else:
        d.input("mass", "float", count, 0.5, 2.0)
    if moved == "both":
        d.input("pose", "transform", count, -1.0, 1.0, kind="transform")
    elif moved == "turned":
        d.input("pose", "quat", count, kind="unit")
    elif moved == "parallel axis":
        d.input("pose", "vec3", count, -1.0, 1.0)
    if summed:
        d.input("body", "int", count, 0, bodies)
    d.output("tensor", "mat33", bodies if summed else count)
    if hollow:
        d.output("masses", "float", count)
    turn = moved in ("turned", "both")
    shift = moved in ("parallel axis", "both")
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        size = sizes[tid]
        m = $mass
        $moments
        local = wp.diag(moments)
        $turn
        $shift
        $store
        $masses
        """,
        mass=f"density * ({volume})" if given == "density" else "mass[tid]",
        moments=text,
        turn="""
        r = wp.quat_to_matrix($rotation)
        local = r * local * wp.transpose(r)
        """
        if turn
        else "",
        rotation="wp.transform_get_rotation(pose[tid])" if moved == "both" else "pose[tid]",
        shift="""
        # parallel axes: I + m (|d|^2 1 - d d^T)
        offset = $place
        local += m * (wp.dot(offset, offset) * wp.identity(n=3, dtype=float) - wp.outer(offset, offset))
        """
        if shift
        else "",
        place="wp.transform_get_translation(pose[tid])" if moved == "both" else "pose[tid]",
        store="wp.atomic_add(tensor, body[tid], local)" if summed else "tensor[tid] = local",
        masses="masses[tid] = m" if hollow else "",
    )
    kind = {"box": "boxes", "ellipsoid": "ellipsoids"}.get(shape, shape + "s")
    ending = {
        "none": "about their centers",
        "turned": "in the frame of the body",
        "parallel axis": "about the body's origin",
        "both": "in the frame and about the origin of the body",
    }
    what = "Sums for each body the inertia tensors" if summed else "Computes the inertia tensors"
    d.says(f"{what} of solid {kind} {ending[moved]}.")

    def reference(v: Values) -> dict[str, Any]:
        solid, moments = _moments(shape, v.sizes)
        m = v.density * solid if given == "density" else v.mass
        made = (m[:, None] * moments)[:, :, None] * np.eye(3)
        if turn:
            made = quaternions.WORLD_INERTIA(v.pose[:, 3:] if moved == "both" else v.pose, made)
        if shift:
            arm = v.pose[:, :3]
            square = (arm**2).sum(-1)[:, None, None] * np.eye(3)
            made = made + m[:, None, None] * (square - arm[:, :, None] * arm[:, None])
        if summed:
            total = np.zeros((bodies, 3, 3))
            np.add.at(total, v.body, made)
            return {"tensor": total}
        return {"tensor": made, "masses": m} if hollow else {"tensor": made}

    d.check(reference, 3e-4)
