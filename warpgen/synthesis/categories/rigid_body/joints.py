"""Joints and frames: kinematic chains, joint errors and drives, orientations."""

from __future__ import annotations

from warpgen.synthesis.categories.rigid_body import CATEGORY
from warpgen.synthesis.categories.rigid_body.bodies import compose, pose_input, position, rotation, twist
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import I32
from warpgen.synthesis.language.values import Value


def _axis(k: Kit) -> Value:
    """A joint axis: one of the body's, or any."""
    if k.rng.chance(0.4):
        unit = [0.0, 0.0, 0.0]
        unit[k.rng.integer(0, 2)] = 1.0
        return k.make(k.vec3, *unit).as_unit()
    return k.load("joint_axis|axis|hinge_axis", k.vec3, unit=True)


def _relative(k: Kit) -> Value:
    """The pose of a child body in its parent's joint frame."""
    parent = pose_input(k, "X_wp|parent_pose|X_parent")
    child = k.define("X_wc|child_pose|X_child", k.load("X_wc|child_pose|X_child", k.transform, -2.0, 2.0))
    if k.rng.chance(0.4):
        anchor = k.param("X_pj|parent_anchor|joint_X_p", k.transform, -0.5, 0.5)
        parent = k.define("X_wj|X_p|joint_world", compose(k, parent, anchor))
    return k.define("X_rel|rel|X_pc", compose(k, k.wp.transform_inverse(parent), child))


@CATEGORY.motif(rank=1, weight=1.5)
def forward_kinematics(k: Kit) -> None:
    """Poses along a kinematic chain."""
    rng = k.rng
    n = rng.choice((3, 4, 6))
    joint_q = k.array("joint_q|joint_angles|q", k.real, 2 if rng.chance(0.5) else 1, lo=-1.5, hi=1.5)
    flat = joint_q.spec.ndim == 1
    frames = k.array("joint_X_p|link_frames|offsets", k.transform, lo=-0.5, hi=0.5, kind="transform")
    axes = k.array("joint_axis|axes|joint_axes", k.vec3, kind="unit") if rng.chance(0.6) else None
    pose = k.var("X|tf|X_wc|pose", k.zero(k.transform), lo=-8.0, hi=8.0)
    stores = rng.chance(0.5)
    out = k.output("body_q|link_poses|poses", k.transform, 2) if stores else None
    prismatic = rng.chance(0.25)
    with k.for_("j|joint|link", k.size("num_joints|num_links|dofs", n) if rng.chance(0.2) else n) as j:
        q = k.define("q_j|angle|theta", joint_q[k.flat * n + j] if flat else joint_q[k.flat, j])
        axis = axes[j] if axes is not None else k.make(k.vec3, 0.0, 0.0, 1.0).as_unit()
        if prismatic:
            joint = k.make(k.transform, axis * q, k.zero(k.quat))
        else:
            turn = k.define("rot|dq|r", k.wp.quat_from_axis_angle(axis, q))
            joint = k.make(k.transform, k.zero(k.vec3), turn)
        step = k.define("X_j|joint_tf|local", joint)
        k.set(pose, compose(k, compose(k, pose, frames[j]), step).within(-8.0, 8.0))
        if out is not None:
            k.store(out, (k.flat, j), pose)
    tool = k.param("tool_offset|tip|ee_offset", k.vec3, -0.5, 0.5)
    k.give("tip|ee_pos|position", k.wp.transform_point(pose, tool))
    if out is None and rng.chance(0.5):
        k.give("pose|ee_pose|X_ee", pose)


@CATEGORY.motif()
def planar_arm(k: Kit) -> None:
    """Tip and Jacobian of a planar arm."""
    rng = k.rng
    n = rng.choice((2, 3))
    angles = [k.input(f"q{i}|theta{i}|angle{i}", k.real, -1.5, 1.5) for i in range(1, n + 1)]
    links = [k.param(f"l{i}|length{i}|link{i}", k.real, 0.5, 1.5) for i in range(1, n + 1)]
    total, xs, ys = angles[0], [], []
    for i in range(n):
        total = total if i == 0 else k.define(f"a{i + 1}|phi{i + 1}", total + angles[i])
        xs.append(k.define(f"x{i + 1}|dx{i + 1}", links[i] * k.wp.cos(total)))
        ys.append(k.define(f"y{i + 1}|dy{i + 1}", links[i] * k.wp.sin(total)))
    x, y = xs[0], ys[0]
    for dx, dy in zip(xs[1:], ys[1:], strict=True):
        x, y = x + dx, y + dy
    k.give("tip|end_effector|ee", k.make(k.vec2, x, y))
    if n == 2 and rng.chance(0.7):
        jac = k.make(k.mat22, -(ys[0] + ys[1]), -ys[1], xs[0] + xs[1], xs[1])
        if rng.chance(0.5):
            f = k.input("tip_force|force|f", k.vec2, -2.0, 2.0)
            k.give("torques|tau|joint_torque", k.wp.transpose(k.define("J|jac", jac)) * f)
        else:
            k.give("jacobian|J|jac", jac)


@CATEGORY.motif(weight=1.5)
def joint_error(k: Kit) -> None:
    """Error of a joint between two bodies."""
    rng = k.rng
    rel = _relative(k)
    kind = rng.choice(("fixed", "revolute", "prismatic", "ball", "distance"))
    p = k.define("x_err|p_err|dx", position(k, rel))
    ke = k.param("joint_ke|ke|attach_ke", k.real, 1.0, 50.0)
    if kind == "distance":
        rest = k.param("rest_length|limit|max_dist", k.real, 0.1, 1.0)
        d = k.define("dist|d|l", k.wp.length(p))
        k.give("force|f|joint_force", p * (-ke * (1.0 - rest / d).within(-100.0, 1.0)))
        return
    if kind == "ball":
        k.give("force|f|joint_force", -ke * p)
        return
    r = k.define("r_err|q_err|rot_err", rotation(k, rel))
    if kind == "prismatic":
        axis = _axis(k)
        along = k.define("s|slide|joint_pos", k.wp.dot(p, axis))
        k.give("force|f|joint_force", (p - axis * along) * -ke)
        k.give("joint_q|slide|s", along)
    elif kind == "revolute":
        axis = _axis(k)
        vec = k.define("r_vec|im|v", k.make(k.vec3, r[0], r[1], r[2]))
        angle = k.define("q|angle|theta", 2.0 * k.wp.atan2(k.wp.dot(vec, axis), r[3]))
        k.give("joint_q|angle|theta", angle)
        swung = k.wp.cross(axis, k.wp.quat_rotate(r, axis))
        k.give("torque|t|t_err", swung * ke)
    k.note("shortest way around")
    sign = k.wp.sign(r[3])
    vector = k.make(k.vec3, r[0], r[1], r[2]) * (2.0 * sign)
    k.give("ang_err|rotation_error|t_total", vector if rng.chance(0.5) else vector * -ke)


@CATEGORY.motif()
def joint_drive(k: Kit) -> None:
    """Torque of a joint drive with limits."""
    rng = k.rng
    q, qd = k.input("joint_q|q|angle", k.real, -3.0, 3.0), k.input("joint_qd|qd|rate", k.real, -3.0, 3.0)
    target = k.load("target|joint_target|q_target", k.real, -2.0, 2.0)
    ke, kd = k.param("target_ke|kp|stiffness", k.real, 1.0, 50.0), k.param("target_kd|kd", k.real, 0.1, 5.0)
    f = k.var("f|tau|torque", ke * (target - q) - kd * qd, lo=-2000.0, hi=2000.0)
    lower, upper = (
        k.param("lower|limit_lower", k.real, -1.5, -0.5),
        k.param("upper|limit_upper", k.real, 0.5, 1.5),
    )
    limit_ke = k.param("limit_ke|k_limit", k.real, 10.0, 100.0)
    style = rng.choice(("elif", "two", "max"))
    if style == "max":
        excess = k.define("excess|violation", k.wp.max(q - upper, 0.0) - k.wp.max(lower - q, 0.0))
        k.change(f, "-", limit_ke * excess)
    else:
        with k.if_(q < lower):
            k.add(f, limit_ke * (lower - q))
        with k.elif_(q > upper) if style == "elif" else k.if_(q > upper):
            k.change(f, "-", limit_ke * (q - upper))
    if rng.chance(0.4):
        top = k.param("effort_limit|max_torque|tau_max", k.real, 10.0, 100.0)
        k.set(f, k.wp.clamp(f, -top, top))
    if rng.chance(0.4):
        armature = k.param("armature|rotor_inertia", k.real, 0.1, 1.0)
        dt = k.param("dt|h", k.real, 0.001, 0.02)
        k.give("joint_qd|qd_new", qd + f / armature * dt)
    k.give("torque|tau|joint_f", f)


@CATEGORY.motif(f32=True)
def swing_twist(k: Kit) -> None:
    """Split a rotation into swing and twist."""
    rng = k.rng
    q = k.input("rotation|q|rot", k.quat, unit=True)
    axis = _axis(k)
    kind = rng.choice(("builtin", "angle", "manual", "signed"))
    if kind == "angle":
        k.give("twist_angle|angle|theta", k.wp.quat_twist_angle(axis, q))
        return
    if kind == "signed":
        angle = k.define("angle|theta|twist_angle", k.wp.quat_twist_angle_signed(axis, q))
        k.give("twist_rot|q_twist", k.wp.quat_from_axis_angle(axis, angle))
        k.give("twist_angle|angle", angle)
        return
    if kind == "builtin":
        tw = k.define("q_twist|twist_rot|tw", k.wp.quat_twist(axis, q))
    else:
        along = k.define("d|proj|along", k.wp.dot(k.make(k.vec3, q[0], q[1], q[2]), axis))
        tw = k.define("q_twist|twist_rot|tw", k.wp.normalize(k.make(k.quat, axis * along, q[3])))
    k.give("swing|q_swing", (q * k.wp.quat_inverse(tw)).as_unit())
    if rng.chance(0.5):
        k.give("twist_rot|q_twist", tw)


@CATEGORY.motif(f32=True)
def euler_angles(k: Kit) -> None:
    """Orientation from and to angles."""
    rng = k.rng
    if rng.chance(0.5):
        angles = [k.input(n, k.real, -1.5, 1.5) for n in ("roll|rx|phi", "pitch|ry|theta", "yaw|rz|psi")]
        kind = rng.choice(("rpy", "axes", "euler"))
        if kind == "rpy":
            q = k.define("q|rot|attitude", k.wp.quat_rpy(*angles))
        elif kind == "euler":
            order = rng.choice(("0, 1, 2", "2, 1, 0", "1, 2, 0", "0, 2, 1"))
            packed = k.make(k.vec3, *angles)
            q = k.define(
                "q|rot|attitude",
                Value(f"wp.quat_from_euler({packed.text}, {order})", k.quat, -1, 1, k.author),
            )
            q = q.as_unit()
        else:
            units = (k.make(k.vec3, *(1.0 if n == i else 0.0 for n in range(3))).as_unit() for i in range(3))
            names = ("qx|q_roll", "qy|q_pitch", "qz|q_yaw")
            turns = [
                k.define(n, k.wp.quat_from_axis_angle(u, a))
                for n, u, a in zip(names, units, angles, strict=True)
            ]
            q = k.define("q|rot|attitude", turns[2] * turns[1] * turns[0])
        if rng.chance(0.5):
            k.give("rotation|q|attitude", q)
        else:
            forward = k.make(k.vec3, 1.0, 0.0, 0.0) if rng.chance(0.5) else k.make(k.vec3, 0.0, 0.0, 1.0)
            k.give("heading|forward|dir", k.wp.quat_rotate(q, forward))
        return
    q = k.input("rotation|q|rot", k.quat, unit=True)
    if rng.chance(0.5):
        angles_of = k.wp.quat_to_rpy(q)
    else:
        q = q if q.is_name else k.define("q|rot", q)
        order = rng.choice(("0, 1, 2", "2, 1, 0", "1, 2, 0"))
        angles_of = Value(f"wp.quat_to_euler({q.text}, {order})", k.vec3, -3.2, 3.2, k.author)
    e = k.define("rpy|euler|angles", angles_of)
    k.give("angles|rpy", e * 57.29578 if rng.chance(0.3) else e)


@CATEGORY.motif()
def blend_rotations(k: Kit) -> None:
    """Interpolate between two poses."""
    rng = k.rng
    a = k.input("q0|rot_a|start", k.quat, unit=True)
    b = k.load("q1|rot_b|goal", k.quat, unit=True)
    t = k.input("t|alpha|phase", k.real, 0.0, 1.0)
    kind = rng.choice(("slerp", "nlerp", "small", "double"))
    if kind == "slerp":
        q = k.wp.quat_slerp(a, b, t)
    elif kind == "double":
        c = k.load("q2|rot_c|next", k.quat, unit=True)
        ab, bc = k.define("ab|qa", k.wp.quat_slerp(a, b, t)), k.define("bc|qb", k.wp.quat_slerp(b, c, t))
        q = k.wp.quat_slerp(ab, bc, t)
    elif kind == "nlerp":
        d = k.define("d|cosine|dot_ab", k.wp.dot(a, b))
        k.note("take the short way")
        sign = k.select("s|sgn|flip", d < 0.0, -1.0, k.lit(1.0))
        q = k.wp.normalize(a * (1.0 - t) + b * (t * sign))
    else:
        delta = k.define("delta|dq|diff", k.wp.quat_inverse(a) * b)
        axis, angle = k.define_all(
            ("axis|u|n", "angle|theta|phi"),
            f"wp.quat_to_axis_angle({delta.text})",
            (k.vec3, k.real),
            (-1.0, 1.0),
            (0.0, 6.3),
        )
        q = a * k.wp.quat_from_axis_angle(axis.as_unit(), angle * t)
    q = k.define("q|rot|blended", q)
    if rng.chance(0.5):
        p0, p1 = k.input("p0|pos_a|from_pos", k.vec3), k.load("p1|pos_b|to_pos", k.vec3)
        k.give("pose|X_t|tf", k.make(k.transform, k.wp.lerp(p0, p1, t), q.as_unit()))
    else:
        k.give("rotation|q_t|rot", q.as_unit())


@CATEGORY.motif()
def look_at(k: Kit) -> None:
    """Frame that looks at a target."""
    rng = k.rng
    eye = k.input("eye|camera_pos|position", k.vec3, -2.0, 2.0)
    target = k.param("target|look_at|focus", k.vec3, 3.0, 5.0)
    up = (
        k.make(k.vec3, 0.0, 1.0, 0.0).as_unit()
        if rng.chance(0.6)
        else k.param("up|world_up", k.vec3, 0.1, 1.0)
    )
    z = k.define("z|forward|zaxis", k.wp.normalize(target - eye if rng.chance(0.6) else eye - target))
    x = k.define("x|right|xaxis", k.wp.normalize(k.wp.cross(up, z)))
    y = k.define("y|up_axis|yaxis", k.wp.cross(z, x).within(-1.0, 1.0))
    r = k.define("R|rot_mat|basis", k.make(k.mat33, *(v[n] for n in range(3) for v in (x, y, z))))
    q = k.define("q|rot|orientation", k.wp.quat_from_matrix(r))
    if rng.chance(0.5):
        k.give("pose|view|X_cam", k.make(k.transform, eye, q))
    else:
        k.give("rotation|q|orientation", q)


@CATEGORY.motif(weight=1.2)
def frame_chain(k: Kit) -> None:
    """Move points and directions between frames."""
    rng = k.rng
    world = pose_input(k, "X_ws|X_wb|pose")
    chain = world
    if rng.chance(0.6):
        local = k.param("X_bs|local_tf|sensor_frame", k.transform, -0.5, 0.5)
        chain = k.define("X|X_total|tf", compose(k, world, local))
    if rng.chance(0.4):
        chain = k.define("X_inv|inv|X_sw", k.wp.transform_inverse(chain))
    p = k.input("point|p|x", k.vec3, -1.0, 1.0)
    kind = rng.choice(("point", "manual", "matrix", "pair"))
    if kind == "manual":
        rotated = k.wp.quat_rotate(rotation(k, chain), p)
        k.give("point|p_world|x_new", position(k, chain) + rotated)
    elif kind == "matrix":
        m = k.define("M|mat|xform", k.wp.transform_to_matrix(chain))
        k.give("point|p_world|x_new", k.wp.transform_point(m, p))
        if rng.chance(0.5):
            k.give("pose|X_back", k.wp.transform_from_matrix(m))
    else:
        k.give("point|p_world|x_new", k.wp.transform_point(chain, p))
    if kind == "pair" or rng.chance(0.3):
        n = k.input("normal|n|direction", k.vec3, unit=True)
        k.give("normal|n_world|dir", k.wp.transform_vector(chain, n).as_unit())


@CATEGORY.motif()
def pose_error(k: Kit) -> None:
    """Distance between two poses."""
    rng = k.rng
    a = pose_input(k, "X_a|pose|current")
    b = k.define("X_b|goal|desired", k.load("goal|desired|target_pose", k.transform, -2.0, 2.0))
    d = k.define("dp|pos_err|delta", position(k, a) - position(k, b))
    dq = k.define("dq|rot_err|diff", (k.wp.quat_inverse(rotation(k, b)) * rotation(k, a)).as_unit())
    if rng.chance(0.5):
        angle = 2.0 * k.wp.acos(k.wp.min(k.wp.abs(dq[3]), 0.95))
    else:
        imaginary = k.wp.length(k.make(k.vec3, dq[0], dq[1], dq[2])).within(0.0, 1.0)
        angle = 2.0 * k.wp.atan2(imaginary, k.wp.abs(dq[3])).within(0.0, 1.6)
    angle = k.define("angle|theta|ang_err", angle)
    wp_, wr = k.param("w_pos|pos_weight", k.real, 0.5, 2.0), k.param("w_rot|rot_weight", k.real, 0.1, 1.0)
    if rng.chance(0.6):
        k.give("error|cost|pose_err", wp_ * k.wp.dot(d, d) + wr * angle * angle)
    else:
        k.give("error|cost|pose_err", wp_ * k.wp.length(d) + wr * angle)
    if rng.chance(0.3):
        w, v = twist(k)
        gain = k.param("gain|kp", k.real, 0.5, 5.0)
        k.give("command|wrench|u", k.make(k.spatial, -w * gain, d * -gain - v))


@CATEGORY.motif(rank=1)
def joint_types(k: Kit) -> None:
    """Motion of a joint by its type."""
    rng = k.rng
    kinds = k.array("joint_type|joint_kind|types", I32, lo=0, hi=3)
    kind = k.define("type|kind|jt", kinds[k.flat])
    q, axis = k.input("joint_q|q|angle", k.real, -1.5, 1.5), _axis(k)
    frame = k.define("X_pj|X_p|anchor", k.load("joint_X_p|parent_anchor|X_pj", k.transform, -0.5, 0.5))
    names = k.constant("JOINT_REVOLUTE", 0), k.constant("JOINT_PRISMATIC", 1), k.constant("JOINT_BALL", 2)
    labels: tuple[Value | int, ...] = names if rng.chance(0.5) else (0, 1, 2)
    motion = k.var("X_j|joint_tf|motion", k.zero(k.transform), lo=-2.0, hi=2.0)
    with k.if_(kind.eq(labels[0])):
        k.set(motion, k.make(k.transform, k.zero(k.vec3), k.wp.quat_from_axis_angle(axis, q)))
    with k.elif_(kind.eq(labels[1])):
        k.set(motion, k.make(k.transform, axis * q, k.zero(k.quat)))
    if rng.chance(0.6):
        with k.elif_(kind.eq(labels[2])):
            k.set(
                motion, k.make(k.transform, k.zero(k.vec3), k.load("joint_rot|ball_q|r", k.quat, unit=True))
            )
    k.give("pose|X_jc|X_child", compose(k, frame, motion))
