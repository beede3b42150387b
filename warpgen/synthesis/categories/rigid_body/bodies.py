"""Rigid bodies: poses, twists, wrenches, inertia, contacts and whole-body steps."""

from __future__ import annotations

from warpgen.synthesis.categories.rigid_body import CATEGORY
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.expressions import Field
from warpgen.synthesis.language.types import I32
from warpgen.synthesis.language.values import Value, call

BODY_Q = "body_q|poses|transforms|body_poses"
BODY_QD = "body_qd|twists|body_vel"


def position(k: Kit, pose: Value) -> Value:
    """The translation of a pose, as a call or an attribute."""
    if pose.is_name and k.rng.chance(0.35):
        return Value(Field(pose.node, "p"), k.vec3, pose.lo, pose.hi, k.author)
    return k.wp.transform_get_translation(pose)


def rotation(k: Kit, pose: Value) -> Value:
    """The rotation of a pose, as a call or an attribute."""
    if pose.is_name and k.rng.chance(0.35):
        return Value(Field(pose.node, "q"), k.quat, -1.0, 1.0, k.author, unit=True)
    return k.wp.transform_get_rotation(pose)


def pose_input(k: Kit, names: str = "pose|X_wb|tf|xform") -> Value:
    """This thread's pose, always under a name."""
    pose = k.input(names, k.transform, -2.0, 2.0)
    return pose if pose.is_name else k.define(names, pose)


def compose(k: Kit, a: Value, b: Value) -> Value:
    """The product of two poses; it stays near where the two are."""
    m = a.magnitude + 1.75 * b.magnitude
    product = k.wp.transform_multiply(a, b) if k.rng.chance(0.45) else a * b
    return product.within(-m, m)


def twist(k: Kit, names: str = "twist|qd|body_twist") -> tuple[Value, Value]:
    """Angular and linear velocity of this thread's body, out of a spatial vector or two arrays."""
    if k.rng.chance(0.6):
        qd = k.define(names, k.input(names, k.spatial, -2.0, 2.0))
        return k.define("w|omega|w0", k.wp.spatial_top(qd)), k.define("v|vel|v0", k.wp.spatial_bottom(qd))
    w = k.input("omega|w|angular_velocity", k.vec3, -2.0, 2.0)
    return w, k.input("velocity|v|linear_velocity", k.vec3, -2.0, 2.0)


@CATEGORY.motif(rank=1, weight=1.5)
def integrate_body(k: Kit) -> None:
    """Advance a rigid body by one step."""
    rng = k.rng
    i = k.flat
    pose = k.define("pose|q|X_wb|tf", k.array(BODY_Q, k.transform, lo=-2.0, hi=2.0, kind="transform")[i])
    qd = k.define("qd|twist|vel", k.array(BODY_QD, k.spatial, lo=-2.0, hi=2.0)[i])
    f = k.define("f|wrench|body_f", k.array("body_f|wrenches|body_wrench", k.spatial, lo=-5.0, hi=5.0)[i])
    inv_m = k.load("inv_mass|body_inv_mass|inv_m", k.real, 0.2, 2.0)
    inertia = k.load("inertia|body_inertia|I", k.mat33, -0.2, 0.5)
    inverse = k.load("inv_inertia|body_inv_inertia|inv_I", k.mat33, -0.5, 1.0)
    g = k.param("gravity|g", k.vec3, -9.81, 9.81)
    h = k.param("dt|h|time_step", k.real, 0.001, 0.02)
    x0, r0 = k.define("x0|pos|p0", position(k, pose)), k.define("r0|rot|q0", rotation(k, pose))
    w0, v0 = k.define("w0|w|omega", k.wp.spatial_top(qd)), k.define("v0|v|lin", k.wp.spatial_bottom(qd))
    t0, f0 = (
        k.define("t0|torque|tau", k.wp.spatial_top(f)),
        k.define("f0|force|lin_f", k.wp.spatial_bottom(f)),
    )
    com = None
    if rng.chance(0.4):
        com = k.define(
            "com|x_com|center", x0 + k.wp.quat_rotate(r0, k.load("body_com|com|c", k.vec3, -0.5, 0.5))
        )
    v1 = k.define("v1|v_new", v0 + (f0 * inv_m + g) * h)
    k.note("angular part in the body frame")
    wb = k.define("wb|w_body", k.wp.quat_rotate_inv(r0, w0))
    tb = k.define("tb|tau_body", k.wp.quat_rotate_inv(r0, t0) - k.wp.cross(wb, inertia * wb))
    w1 = k.define("w1|w_new", k.wp.quat_rotate(r0, wb + inverse * tb * h))
    spin = k.make(k.quat, w1, k.lit(0.0))
    r1 = k.define("r1|q_new", k.wp.normalize(r0 + spin * r0 * (0.5 * h)))
    if rng.chance(0.5):
        damping = k.param("angular_damping|damping", k.real, 0.01, 0.2)
        w1 = k.define("w1_damped|w_out", w1 * (1.0 - damping * h))
    if com is None:
        x1 = x0 + v1 * h
    else:
        x1 = com + v1 * h - k.wp.quat_rotate(r1, k.load("body_com|com|c", k.vec3, -0.5, 0.5))
    k.give("pose|q_new|X_new", k.make(k.transform, k.let("x1|x_new|p1", x1), r1))
    k.give("twist|qd_new|qd", k.make(k.spatial, w1, v1))


@CATEGORY.motif()
def point_velocity(k: Kit) -> None:
    """Velocity of a point fixed to a body."""
    rng = k.rng
    pose = pose_input(k)
    local = k.input("local_point|point|r_local|offset", k.vec3, -1.0, 1.0)
    w, v = twist(k)
    arm = k.define("r|arm|lever", k.wp.quat_rotate(rotation(k, pose), local))
    if rng.chance(0.4):
        arm = k.define("arm|r_com", k.wp.transform_point(pose, local) - position(k, pose))
    velocity = v + k.wp.cross(w, arm)
    if rng.chance(0.3):
        k.note("with the centripetal term")
        alpha = k.input("alpha|ang_acc|angular_acceleration", k.vec3, -2.0, 2.0)
        k.give("acceleration|acc|a_point", k.wp.cross(alpha, arm) + k.wp.cross(w, k.wp.cross(w, arm)))
    k.give("point_velocity|v_point|dpdt", velocity)


@CATEGORY.motif()
def wrench_at_point(k: Kit) -> None:
    """Wrench of a force applied at a point."""
    rng = k.rng
    pose = pose_input(k)
    local = k.input("local_point|point|contact_point", k.vec3, -1.0, 1.0)
    f = k.input("force|f|applied_force", k.vec3, -5.0, 5.0)
    p = k.define("p|world_point|x_contact", k.wp.transform_point(pose, local))
    if rng.chance(0.5):
        com = k.define(
            "com|center|x_com", k.wp.transform_point(pose, k.load("body_com|com", k.vec3, -0.2, 0.2))
        )
    else:
        com = position(k, pose)
    arm = k.define("r|arm|lever", p - com)
    if rng.chance(0.3):
        f = k.define("f_world|fw", k.wp.transform_vector(pose, f))
    torque = k.define("torque|tau|t", k.wp.cross(arm, f))
    wrench = k.make(k.spatial, torque, f)
    if len(k.place) == 1 and rng.chance(0.35):
        bodies = k.index_array("bodies|body_ids|body_index", 16)
        out = k.output("body_f|forces|wrenches", k.spatial)
        k.discard(k.atomic("add", out, k.let("body|b|body_id", bodies[k.flat]), wrench))
    else:
        k.give("wrench|f_body|body_f", wrench)


@CATEGORY.motif()
def world_inertia(k: Kit) -> None:
    """Inertia of a body in the world frame."""
    rng = k.rng
    q = k.input("rotation|q|rot", k.quat, unit=True)
    r = k.define("R|rot_mat|r", k.wp.quat_to_matrix(q))
    body = k.load("body_inertia|inertia|I", k.mat33, -0.2, 1.0)
    world = k.define("I_world|inertia_world|Iw", r * body * k.wp.transpose(r))
    kind = rng.choice(("give", "momentum", "parallel", "energy"))
    if kind == "momentum":
        w = k.input("omega|w|angular_velocity", k.vec3, -2.0, 2.0)
        k.give("momentum|L|ang_mom", world * w)
    elif kind == "parallel":
        m = k.input("mass|m|body_mass", k.real, 0.5, 2.0)
        d = k.input("offset|d|com_offset", k.vec3, -1.0, 1.0)
        eye = call("wp.identity", ["n=3", f"dtype={k.real.short}"], k.mat33, 0.0, 1.0, k.author)
        k.note("parallel axis theorem")
        shift = (eye * k.wp.dot(d, d) - k.wp.outer(d, d)) * m
        k.give("inertia|I_shifted|I_total", world + shift)
    elif kind == "energy":
        w, v = twist(k)
        m = k.input("mass|m|body_mass", k.real, 0.5, 2.0)
        rotational = k.let("rotational|e_rot|ke_rot", 0.5 * k.wp.dot(w, world * w))
        k.give("kinetic|energy|ke", 0.5 * m * k.wp.dot(v, v) + rotational)
    else:
        k.give("inertia|I_world|Iw", world)


@CATEGORY.motif()
def shape_inertia(k: Kit) -> None:
    """Mass and inertia of a simple shape."""
    rng = k.rng
    shape = rng.choice(("box", "sphere", "cylinder", "capsule", "shell", "cone"))
    rho = k.param("density|rho", k.real, 0.5, 4.0)
    r = k.input("radius|r", k.real, 0.1, 1.0)
    h = k.input("height|length|half_height", k.real, 0.2, 2.0)
    if shape == "box":
        s = k.input("size|half_extents|hx", k.vec3, 0.1, 1.0)
        m = k.define("m|mass", 8.0 * rho * s[0] * s[1] * s[2])
        squares = [s[n] * s[n] for n in range(3)]
        d = [m * (squares[(n + 1) % 3] + squares[(n + 2) % 3]) / 3.0 for n in range(3)]
    elif shape in ("sphere", "shell"):
        volume = 4.18879 * r * r * r if shape == "sphere" else 12.56637 * r * r * k.number(0.01, 0.1)
        m = k.define("m|mass", rho * volume)
        d = [(0.4 if shape == "sphere" else 0.666667) * m * r * r] * 3
    elif shape == "cone":
        m = k.define("m|mass", rho * 1.047198 * r * r * h)
        a, b = k.let("a|axial", 0.3 * m * r * r), k.let("b|lateral", m * (0.15 * r * r + 0.0375 * h * h))
        d = [b, a, b]
    else:
        m = k.define("m|mass|m_cyl", rho * 3.141593 * r * r * h)
        a, b = k.let("a|axial|i_a", 0.5 * m * r * r), k.let("b|lateral|i_b", m * (3.0 * r * r + h * h) / 12.0)
        if shape == "capsule":
            caps = k.define("m_caps|caps|ms", rho * 4.18879 * r * r * r)
            a = k.define("ia|i_axial", a + 0.4 * caps * r * r)
            b = k.define("ib|i_lateral", b + caps * (0.4 * r * r + 0.375 * r * h + 0.25 * h * h))
        d = [b, a, b] if rng.chance(0.5) else [b, b, a]
    if shape in ("sphere", "shell"):
        d = [k.define("i|moment|ii", d[0])] * 3
    if rng.chance(0.5):
        k.give("inertia|I|body_inertia", k.wp.diag(k.make(k.vec3, *d)))
    else:
        k.give("moments|inertia_diag|i_diag", k.make(k.vec3, *d))
    k.give("mass|m", m)


@CATEGORY.motif(rank=1, weight=1.5)
def body_contact(k: Kit) -> None:
    """Penalty force at a contact between two bodies."""
    rng = k.rng
    tid = k.flat
    body_q = k.array(BODY_Q, k.transform, lo=-1.0, hi=1.0, kind="transform")
    body_qd = k.array(BODY_QD, k.spatial, lo=-1.0, hi=1.0)
    ids = [k.index_array(f"contact_body{n}|shape{n}_body|body_{c}", 16) for n, c in ((0, "a"), (1, "b"))]
    a, b = k.define("a|body_a|ba", ids[0][tid]), k.define("b|body_b|bb", ids[1][tid])
    with k.if_(a.ne(b)):
        xa, xb = k.define("X_a|pose_a|ta", body_q[a]), k.define("X_b|pose_b|tb", body_q[b])
        pa = k.define(
            "pa|bx_a", k.wp.transform_point(xa, k.load("contact_point0|point_a|r_a", k.vec3, -0.5, 0.5))
        )
        pb = k.define(
            "pb|bx_b", k.wp.transform_point(xb, k.load("contact_point1|point_b|r_b", k.vec3, -0.5, 0.5))
        )
        n = k.load("contact_normal|normal|n", k.vec3, unit=True)
        d = k.define("d|depth|gap", k.wp.dot(n, pa - pb))
        with k.if_(d < k.param("margin|thickness", k.real, 0.0, 0.2)):
            ra, rb = k.define("ra|arm_a", pa - position(k, xa)), k.define("rb|arm_b", pb - position(k, xb))
            va, vb = (
                k.define(
                    name,
                    k.wp.spatial_bottom(body_qd[body]) + k.wp.cross(k.wp.spatial_top(body_qd[body]), arm),
                )
                for name, body, arm in (("va|vel_a", a, ra), ("vb|vel_b", b, rb))
            )
            rel = k.define("v|rel_vel|dv", va - vb)
            vn = k.define("vn|v_n", k.wp.dot(n, rel))
            ke, kd = k.param("ke|contact_ke", k.real, 10.0, 100.0), k.param("kd|contact_kd", k.real, 0.1, 5.0)
            fn = k.define("fn|f_n|normal_force", ke * d + kd * (k.wp.min(vn, 0.0) if rng.chance(0.5) else vn))
            total: Value = n * fn
            if rng.chance(0.6):
                vt = k.define("vt|v_t", rel - n * vn)
                mu = k.param("mu|friction", k.real, 0.1, 0.9)
                kf = k.param("kf|friction_stiffness", k.real, 0.5, 10.0)
                slip = k.define("vs|slip|vt_len", k.wp.length(vt))
                ft = k.wp.min(kf * slip, mu * k.wp.abs(fn))
                total = total + (vt * (ft / (slip + 1e-2))).within(-fn.magnitude, fn.magnitude)
            f = k.define("f|f_total|force", total)
            out = k.output("body_f|body_forces|wrenches", k.spatial)
            k.discard(k.atomic("sub", out, a, k.make(k.spatial, k.wp.cross(ra, f), f)))
            k.discard(k.atomic("add", out, b, k.make(k.spatial, k.wp.cross(rb, f), f)))


@CATEGORY.motif(rank=1)
def ground_points(k: Kit) -> None:
    """Lowest corner of a box over the ground."""
    rng = k.rng
    pose = pose_input(k)
    half = k.input("half_extents|half_size|he", k.vec3, 0.1, 1.0)
    lowest = k.var("lowest|min_height|ymin", 1000.0, k.real, lo=-10.0, hi=1000.0)
    contacts = k.var("num_contacts|count|hits", 0, I32, lo=0, hi=8) if rng.chance(0.4) else None
    axis = rng.choice((1, 1, 2))
    with k.for_("c|corner|i", 8) as c:
        signs = [
            k.define(n, k.to_real((c & 1 << bit) if bit == 0 else (c >> bit) & 1) * 2.0 - 1.0)
            for bit, n in enumerate(("sx", "sy", "sz"))
        ]
        local = k.define("local|corner_local|l", k.make(k.vec3, *(s * half[n] for n, s in enumerate(signs))))
        world = k.define("world|p|x", k.wp.transform_point(pose, local))
        k.set(lowest, k.wp.min(lowest, world[axis]))
        if contacts is not None:
            with k.if_(world[axis] < 0.0):
                k.add(contacts, 1)
    k.give("height|lowest|clearance", lowest.within(-10.0, 10.0))
    if contacts is not None:
        k.give("num_contacts|count", contacts)


@CATEGORY.motif()
def spatial_products(k: Kit) -> None:
    """Power, bias and work of spatial vectors."""
    rng = k.rng
    v = k.define("v|twist|qd", k.input("twist|v_spatial|qd", k.spatial, -2.0, 2.0))
    f = k.define("f|wrench|fs", k.input("wrench|f_spatial|f", k.spatial, -2.0, 2.0))
    kind = rng.choice(("power", "motion", "force", "bias", "momentum"))
    if kind == "power":
        k.give("power|work_rate|p", k.wp.spatial_dot(v, f))
    elif kind == "motion":
        a = k.input("joint_twist|s|v_j", k.spatial, -2.0, 2.0)
        k.give("bias|c|v_cross_s", k.wp.spatial_cross(v, a))
    elif kind == "force":
        k.give("bias_force|vxf|f_gyro", k.wp.spatial_cross_dual(v, f))
    elif kind == "bias":
        s = k.input("motion_axis|s|subspace", k.spatial, -1.0, 1.0)
        rate = k.input("joint_qd|qdot|speed", k.real, -2.0, 2.0)
        vj = k.define("vj|v_joint", s * rate)
        k.give("bias|c|cj", k.wp.spatial_cross(v + vj, vj))
        k.give("torque|tau|joint_f", k.wp.spatial_dot(s, f))
    else:
        m = k.input("mass|m", k.real, 0.5, 2.0)
        inertia = k.load("inertia|I", k.mat33, -0.2, 1.0)
        top, bottom = inertia * k.wp.spatial_top(v), k.wp.spatial_bottom(v) * m
        momentum = k.define("h|momentum|mom", k.make(k.spatial, top, bottom))
        k.give("net_force|rhs|f_net", f - k.wp.spatial_cross_dual(v, momentum))


@CATEGORY.motif(f32=True)
def change_frame(k: Kit) -> None:
    """Twist and wrench seen from another frame."""
    rng = k.rng
    pose = pose_input(k, "X_sc|tf|X_ab")
    if rng.chance(0.5):
        pose = k.define("X_inv|X_ba|inv", k.wp.transform_inverse(pose))
    v = k.input("twist|qd|v_s", k.spatial, -2.0, 2.0)
    only_wrench = rng.chance(0.3)
    if not only_wrench:
        moved = k.define("v_c|twist_b|v_new", k.wp.transform_twist(pose, v))
        k.give("twist|v_c|v_new", moved)
        if rng.chance(0.4):
            at = k.input("offset|r|point", k.vec3, -1.0, 1.0)
            k.give("velocity|point_vel|v_p", k.wp.velocity_at_point(moved, at))
    if only_wrench or rng.chance(0.5):
        f = k.input("wrench|f_s|f", k.spatial, -2.0, 2.0)
        k.give("wrench|f_c|f_new", k.wp.transform_wrench(pose, f))
    if rng.chance(0.3):
        r = k.define("R|rot_mat|r", k.wp.quat_to_matrix(rotation(k, pose)))
        s = k.define("S|skew_pr|s", k.wp.skew(position(k, pose)) * r)
        k.give("twist|adjoint_v|ad", k.wp.spatial_adjoint(r, s.within(-6.0, 6.0)) * v)
