"""Articulated bodies: kinematics of chains, torques of joints, centers of mass."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rigid_body import DOMAIN
from warpgen.synthesis.algorithms.rigid_body._chains import link_frames
from warpgen.synthesis.library import quaternions
from warpgen.synthesis.writing.draft import Draft, Values

NAMES = {
    "parent": "joint_parent|parents|parent_index", "q": "joint_q",
    "axis": "joint_axis|axes", "start": "articulation_start|first_link",
    "local": "joint_X_p|joint_frame", "link_offset": "joint_offset|joint_pos|rest_offset", "body_q": "poses|link_poses|world_poses",
    "target": "goal|targets|desired", "joints": "num_joints|dofs|links", "NUM_LINKS": "LINKS|LINK_COUNT|N_LINKS",
}  # fmt: skip


@DOMAIN.algorithm(
    source="Featherstone 2008, sec. 4.1; Siciliano et al. 2009, sec. 2.8",
    names=NAMES
    | {
        "forward_kinematics": "eval_fk|compute_link_poses|chain_kinematics|fk",
        "world": "X_wc|pose|x_world",
        "x_j": "X_j|joint_transform|motion",
        "tip": "end_effector|ee_pos",
    },
    double=True,
    element="chain",
    weight=8,
)
def forward_kinematics(d: Draft) -> None:
    """Evaluates forward kinematics of articulated chains."""
    joints = d.option("joint", "revolute", "prismatic", "mixed")
    tree = d.option("tree", "serial", "branching")
    wanted = d.option("wanted", "poses", "positions", "tip")
    d.calls({
        "poses": "forward_kinematics|eval_fk|compute_link_poses|chain_kinematics",
        "positions": "link_positions|fk_positions|link_origins",
        "tip": "tip_positions|end_effector_positions|fk_tips",
    }[wanted])  # fmt: skip
    frames = d.option("frames", "transform", "offset")
    base = d.flag("base", 0.4)
    base = base or (joints == "prismatic" and frames == "offset")  # something has to turn
    count = d.option("links", "NUM_LINKS", "link_count", weights=(0.7, 0.3))
    chains, links = d.pick(24, 32, 48), d.pick(4, 5, 6)
    unit = {"revolute": "[rad]", "prismatic": "[m]", "mixed": "[rad] or [m]"}[joints]
    d.input("q", "float", (chains, links), -1.5, 1.5, about=f"Joint coordinates {unit}")
    d.input("axis", "vec3", links, kind="unit", about="Joint axes in joint space")
    if frames == "transform":
        about = "Joint frames relative to the parent link"
        d.input("local", "transform", links, -0.5, 0.5, kind="transform", about=about)
    else:
        d.input("link_offset", "vec3", links, -0.5, 0.5, about="Joint positions in parent link space [m]")
    if joints == "mixed":
        d.input("joint_type", "int", links, 0, 2, about="Joint types (0: revolute, 1: prismatic)")
        d.module("JOINT_REVOLUTE = wp.constant(0)")
    if base:
        d.input("base", "transform", chains, -1.0, 1.0, kind="transform", about="Base poses")
    name, kind, told, what = {
        "poses": ("body_q", "transform", "World-space link poses", "link poses"),
        "positions": ("points", "vec3", "World-space link origins [m]", "link positions"),
        "tip": ("tip", "vec3", "World-space tip positions [m]", "tip positions"),
    }[wanted]
    if tree == "branching" and wanted != "poses":
        tree = "serial"
    if tree == "branching":
        d.input("parent", "int", links, -1, 3, about="Parent link, -1 for the base")
    if wanted == "tip":
        d.param("tool", "vec3", 0.1, 0.3, about="Tip offset in the last link frame [m]")
    if count == "NUM_LINKS":
        d.module(f"NUM_LINKS = wp.constant({links})")
    else:
        d.param("link_count", "int", links, about="Number of links per chain")
        if tree == "serial":
            d.forward_only()  # a pose is carried through a loop of any length
    d.output(name, kind, chains if wanted == "tip" else (chains, links), about=told)
    turn = "x_j = wp.transform(wp.vec3(0.0, 0.0, 0.0), wp.quat_from_axis_angle(axis[j], q[tid, j]))"
    slide = "x_j = wp.transform(axis[j] * q[tid, j], wp.quat_identity(dtype=float))"
    motion = {
        "revolute": turn,
        "prismatic": slide,
        "mixed": f"if joint_type[j] == JOINT_REVOLUTE:\n    {turn}\nelse:\n    {slide}",
    }
    local = (
        "local[j]" if frames == "transform" else "wp.transform(link_offset[j], wp.quat_identity(dtype=float))"
    )
    root = "base[tid]" if base else "wp.transform_identity(dtype=float)"
    loop = """
    world = $root
    for j in range($count):
        $motion
        # Joint motion is expressed in the joint frame, fixed in the parent
        world = world * $local * x_j
        $keep
    $tip
    """
    if tree == "branching":
        loop = """
        for j in range($count):
            world = $root
            # Only preceding links have poses; attach any other link to the base
            if parent[j] >= 0 and parent[j] < j:
                world = body_q[tid, parent[j]]
            $motion
            body_q[tid, j] = world * $local * x_j
        """
    d.launch(chains)
    d.code(
        "tid = wp.tid()\n$loop",
        loop=loop,
        count=count,
        root=root,
        motion=motion[joints],
        local=local,
        keep={
            "poses": "body_q[tid, j] = world",
            "positions": "points[tid, j] = wp.transform_get_translation(world)",
            "tip": "",
        }[wanted],
        tip="tip[tid] = wp.transform_point(world, tool)" if wanted == "tip" else "",
    )
    chains_ = "serial chains" if tree == "serial" else "trees"
    d.says(f"Computes {what} of {chains_} from joint coordinates.")

    def reference(v: Values) -> dict[str, Any]:
        made, quats = link_frames(v, joints == "revolute")
        place = made[..., :3, 3]
        if wanted == "poses":
            return {"body_q": np.concatenate([place, quats], -1)}
        return {name: place if wanted == "positions" else place[:, -1] + made[:, -1, :3, :3] @ v.tool}

    d.check(reference, 3e-4)


@DOMAIN.algorithm(
    source="Warp's sim, eval_body_joints; Featherstone 2008, sec. 3.5",
    names=NAMES
    | {
        "joint_torques": "eval_joint_force|joint_force|actuator_torques|joint_drives",
        "qd": "joint_qd",
        "ke": "kp",
        "tau": "torque|joint_f|torques",
        "lower": "limit_lower|q_min|joint_limit_lower",
        "upper": "limit_upper|q_max|joint_limit_upper",
        "effort": "max_torque|effort_limit|tau_max",
    },
    double=True,
    element="joint",
    weight=3,
)
def joint_torques(d: Draft) -> None:
    """Evaluates joint PD drives and joint limit forces."""
    drive = d.option("drive", "position", "velocity", "both", "feedforward")
    limits = d.option("limits", "spring", "none", "damped")
    if drive == "velocity" and limits == "none":
        limits = "damped"
    saturated = d.flag("saturated")
    friction = d.option("friction", "none", "coulomb", "viscous")
    batch = d.flag("batch")
    n = d.pick(6, 8, 12)
    envs = d.pick(16, 24)
    shape = (envs, n) if batch else (n * envs,)
    per = n if batch else n * envs
    at, row = ("env, j", "j") if batch else ("tid", "tid")
    d.input("q", "float", shape, -2.0, 2.0, about="Joint angles")
    d.input("qd", "float", shape, -3.0, 3.0, about="Joint velocities")
    if drive != "velocity":
        d.input("target", "float", shape, -1.0, 1.0, about="Position targets")
    if drive in ("velocity", "both"):
        d.input("target_v", "float", shape, -1.0, 1.0, about="Velocity targets")
    if drive == "feedforward":
        d.input("bias", "float", shape, -2.0, 2.0, about="Feedforward torques")
    if drive != "velocity":
        d.input("ke", "float", per, 5.0, 20.0, about="Stiffness gains")
    d.input("kd", "float", per, 0.5, 2.0, about="Damping gains")
    if limits != "none":
        d.input("lower", "float", per, -1.5, -0.5, about="Lower joint limits")
        d.input("upper", "float", per, 0.5, 1.5, about="Upper joint limits")
        d.param("limit_ke", "float", 50.0, 200.0, about="Joint limit stiffness")
        if limits == "damped":
            d.param("limit_kd", "float", 0.5, 2.0, about="Joint limit damping")
    if saturated:
        least, most = (1.5, 4.0) if drive == "velocity" else (8.0, 20.0)
        d.param("effort", "float", least, most, about="Actuator torque limit")
    if friction != "none":
        if friction == "coulomb":
            d.module("SLIP_RATE = wp.constant(0.05)  # reaches about three quarters of the friction [rad/s]")
        coulomb = friction == "coulomb"
        kind = "Joint Coulomb friction [N m]" if coulomb else "Viscous joint friction [N m s/rad]"
        d.param("joint_friction", "float", 0.1, 0.5, about=kind)
    d.output("tau", "float", shape, about="Joint torques")
    motors = {
        "position": f"t = ke[{row}] * (target[{at}] - angle) - kd[{row}] * rate",
        "velocity": f"t = kd[{row}] * (target_v[{at}] - rate)",
        "both": f"t = ke[{row}] * (target[{at}] - angle) + kd[{row}] * (target_v[{at}] - rate)",
        "feedforward": f"t = bias[{at}] + ke[{row}] * (target[{at}] - angle) - kd[{row}] * rate",
    }
    rub = {
        "none": "",
        "coulomb": "# Smooth Coulomb friction; tanh() avoids chatter near zero velocity\nt -= joint_friction * wp.tanh(rate / SLIP_RATE)",
        "viscous": "t -= joint_friction * rate",
    }
    past = {
        "none": "",
        "spring": f"""
        # Penalty outside [`lower`, `upper`]
        t += limit_ke * (wp.max(lower[{row}] - angle, 0.0) - wp.max(angle - upper[{row}], 0.0))
        """,
        "damped": f"""
        # Only damp motion into the limit, so that joints leave it freely
        if angle < lower[{row}]:
            t += limit_ke * (lower[{row}] - angle) - limit_kd * wp.min(rate, 0.0)
        elif angle > upper[{row}]:
            t -= limit_ke * (angle - upper[{row}]) + limit_kd * wp.max(rate, 0.0)
        """,
    }
    others = "limit forces do" if limits != "none" else "friction does" if friction != "none" else ""
    clamped = (
        f"Only clamp the drive, because {others} not come from the actuator"
        if others
        else "Apply the actuator torque limits"
    )
    d.launch(*shape)
    d.code(
        """
        $ids = wp.tid()
        $angle
        rate = qd[$at]
        $motor
        $saturate
        $rub
        $past
        tau[$at] = t
        """,
        ids=at,
        at=at,
        angle="angle = q[$at]" if "angle" in motors[drive] + past[limits] else "",
        motor=motors[drive],
        saturate=f"# {clamped}\nt = wp.clamp(t, -effort, effort)" if saturated else "",
        rub=rub[friction],
        past=past[limits],
    )
    drives = {
        "position": "PD drives",
        "velocity": "velocity drives",
        "both": "PD drives with velocity targets",
        "feedforward": "PD drives with feedforward torques",
    }
    parts = [("saturated " if saturated else "") + drives[drive]]
    parts += ["limit forces"] if limits != "none" else []
    parts += ["friction"] if friction != "none" else []
    d.says("Evaluates " + ", ".join(parts[:-1]) + (" and " if parts[1:] else "") + parts[-1] + " of joints.")

    def reference(v: Values) -> dict[str, Any]:
        t = v.kd * ((v.target_v if drive in ("velocity", "both") else 0.0) - v.qd)
        if drive != "velocity":
            t = t + v.ke * (v.target - v.q)
        if drive == "feedforward":
            t = t + v.bias
        if saturated:
            t = np.clip(t, -v.effort, v.effort)
        if friction != "none":
            t = t - v.joint_friction * (v.qd if friction == "viscous" else np.tanh(v.qd / 0.05))
        if limits != "none":
            under, over = np.maximum(v.lower - v.q, 0.0), np.maximum(v.q - v.upper, 0.0)
            t = t + v.limit_ke * (under - over)
            if limits == "damped":
                t = t - v.limit_kd * np.where(under > 0.0, np.minimum(v.qd, 0.0), 0.0)
                t = t - v.limit_kd * np.where(over > 0.0, np.maximum(v.qd, 0.0), 0.0)
        return {"tau": t}

    d.check(reference)


@DOMAIN.algorithm(
    source="Goldstein 1980, sec. 1.2; Orin, Goswami & Lee 2013 (centroidal dynamics)",
    names=NAMES
    | {
        "center_of_mass": "compute_com|articulation_com|system_com|com_reduction",
        "mass": "link_mass",
        "com": "local_com",
        "m_sum": "total_mass|sum_m|m_tot",
        "weighted": "moment|sum_mx|first_moment",
    },
    double=True,
    element="articulation",
    weight=3,
)
def center_of_mass(d: Draft) -> None:
    """Computes the center of mass of each articulation."""
    poses = d.option("poses", "transform", "pair")
    layout = d.option("layout", "ranges", "rows", weights=(0.4, 0.6))
    offset = d.flag("offset", 0.6)
    velocity = d.flag("velocity", 0.35)
    masses = d.flag("masses", 0.3)
    groups, count = d.pick(12, 16, 24), 96
    shape: Any = (groups, 6) if layout == "rows" else count
    if layout == "rows":
        d.module("NUM_LINKS = wp.constant(6)")
    else:
        d.forward_only()  # a quotient of sums over links of any number
    if poses == "transform":
        what = "Link poses" if offset else "Link poses about the centers of mass"
        about = f"{what} in world space"
        d.input("body_q", "transform", shape, -1.0, 1.0, kind="transform", about=about)
    else:
        where = "Link origins" if offset else "Link centers of mass"
        d.input("x", "vec3", shape, -1.0, 1.0, about=f"{where} [m]")
        if offset:
            d.input("r", "quat", shape, kind="unit", about="Link orientations")
    if velocity:
        d.input("v", "vec3", shape, -1.0, 1.0, about="Link center-of-mass velocities [m/s]")
    if offset:
        d.input("com", "vec3", shape, -0.2, 0.2, about="Link-space centers of mass")
    d.input("mass", "float", shape, 0.2, 2.0, about="Link masses [kg]")
    if layout == "ranges":
        d.input(
            "start", "int", groups + 1, 0, count, kind="offsets", about="First link index per articulation"
        )
    d.output("center", "vec3", groups, about="Centers of mass")
    if velocity:
        d.output("center_v", "vec3", groups, about="Center-of-mass velocities")
    if masses:
        d.output("articulation_mass", "float", groups, about="Articulation masses [kg]")
    b = "tid, b" if layout == "rows" else "b"
    place = {
        ("transform", True): f"wp.transform_point(body_q[{b}], com[{b}])",
        ("transform", False): f"wp.transform_get_translation(body_q[{b}])",
        ("pair", True): f"(x[{b}] + wp.quat_rotate(r[{b}], com[{b}]))",
        ("pair", False): f"x[{b}]",
    }[poses, offset]
    body = """
    m = mass[$b]
    weighted += m * $place
    $velocity
    m_sum += m
    """
    loops = {
        "ranges": "for b in range(start[tid], start[tid + 1]):\n    $body",
        "rows": "for b in range(NUM_LINKS):\n    $body",
    }
    mean = (
        f"center[tid] = weighted / m_sum\n{'center_v[tid] = momentum / m_sum' if velocity else ''}".rstrip()
    )
    if layout == "ranges":
        empty = "center[tid] = wp.vec3()" + ("\ncenter_v[tid] = wp.vec3()" if velocity else "")
        mean = f"# Articulations may be empty\nif m_sum > 0.0:\n{textwrap.indent(mean, '    ')}\n"
        mean += f"else:\n{textwrap.indent(empty, '    ')}"
    d.launch(groups)
    d.code(
        """
        tid = wp.tid()
        weighted = wp.vec3()
        $momentum
        m_sum = float(0.0)
        $loop
        $mean
        $masses
        """,
        momentum="momentum = wp.vec3()" if velocity else "",
        loop=loops[layout],
        body=body,
        b=b,
        place=place,
        velocity=f"momentum += m * v[{b}]" if velocity else "",
        mean=mean,
        masses="articulation_mass[tid] = m_sum" if masses else "",
    )
    if velocity or masses:
        more = ", its velocity and the total mass" if velocity and masses else ""
        more = more or (" and its velocity" if velocity else " and the total mass")
        d.says(f"Computes the center of mass of each articulation{more}.")

    def reference(v: Values) -> dict[str, Any]:
        x = v.body_q[..., :3] if poses == "transform" else v.x
        if offset:
            x = x + quaternions.rotated(v.body_q[..., 3:] if poses == "transform" else v.r, v.com)
        weighed = [v.mass, v.mass[..., None] * x] + ([v.mass[..., None] * v.v] if velocity else [])
        if layout == "rows":
            sums = [value.sum(1) for value in weighed]
        else:
            member = np.zeros((groups, count))
            for g in range(groups):
                member[g, v.start[g] : v.start[g + 1]] = 1.0
            sums = [member @ value for value in weighed]
        m = np.where(sums[0] > 0.0, sums[0], 1.0)[:, None]
        made = {"center": sums[1] / m}
        if velocity:
            made["center_v"] = sums[2] / m
        return made | {"articulation_mass": sums[0]} if masses else made

    d.check(reference, 3e-4)
