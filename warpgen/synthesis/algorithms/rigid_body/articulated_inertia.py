"""Forward dynamics of articulated bodies by their articulated inertias."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rigid_body import DOMAIN
from warpgen.synthesis.algorithms.rigid_body._chains import outer_loads
from warpgen.synthesis.algorithms.rigid_body.recursive import (
    FORWARD,
    NAMES,
    joint_functions,
    tree_inputs,
    trees,
)
from warpgen.synthesis.writing.draft import Draft, Values

_CROSS_MOTION = '''
@wp.func
def cross_motion(a: wp.spatial_vector, b: wp.spatial_vector) -> wp.spatial_vector:
    """Spatial cross product of two motion vectors: (w, v) x (w', v') = (w x w', v x w' + w x v')."""
    w = wp.spatial_top(a)
    v = wp.spatial_bottom(a)
    return wp.spatial_vector(
        wp.cross(w, wp.spatial_top(b)), wp.cross(v, wp.spatial_top(b)) + wp.cross(w, wp.spatial_bottom(b))
    )
'''
_CROSS_FORCE = '''
@wp.func
def cross_force(a: wp.spatial_vector, f: wp.spatial_vector) -> wp.spatial_vector:
    """Spatial cross product of a motion and a force vector (negative transpose of the motion cross product)."""
    w = wp.spatial_top(a)
    v = wp.spatial_bottom(a)
    return wp.spatial_vector(
        wp.cross(w, wp.spatial_top(f)) + wp.cross(v, wp.spatial_bottom(f)), wp.cross(w, wp.spatial_bottom(f))
    )
'''
_INERTIA = '''
@wp.func
def spatial_inertia(mass: float, com: wp.vec3, inertia: wp.mat33) -> wp.spatial_matrix:
    """Build the 6x6 spatial inertia of a link about the world origin.

        [ I - m cx cx   m cx ]
        [ -m cx         m 1  ]

    Args:
        mass: Link mass [kg].
        com: World-space center of mass [m].
        inertia: World-space rotational inertia about the center of mass [kg m^2].
    """
    cx = wp.skew(com)
    # Parallel axis theorem
    top = inertia - mass * (cx * cx)
    result = wp.spatial_matrix()
    for i in range(3):
        for j in range(3):
            result[i, j] = top[i, j]
            result[i, j + 3] = mass * cx[i, j]
            result[i + 3, j] = -mass * cx[i, j]
        result[i + 3, i + 3] = mass
    return result
'''


@DOMAIN.algorithm(
    source="Featherstone 1983; Featherstone 2008, ch. 7 (articulated-body algorithm)",
    names=NAMES
    | {
        "forward_dynamics": "aba|eval_forward_dynamics|articulated_body_algorithm|solve_joint_accelerations",
        "link_articulated": "link_IA|articulated_inertia",
        "link_bias": "link_pA|link_bias_force",
        "link_coriolis": "link_c",
        "force_factor": "U|IA_S",
    },
    adjoint="no",
    weight=4,
    element="",
)
def forward_dynamics(d: Draft) -> None:
    """Computes joint accelerations of articulated bodies from joint forces (ABA)."""
    kinds = d.option("joints", "mixed", "revolute")
    extra = d.option("extra", "none", "damping", "armature", "both", "spring")
    external = d.flag("external", 0.4)
    gravity = d.option("gravity", "vector", "z")
    shared = d.flag("shared", 0.6)
    result = d.option("result", "acceleration", "velocity", "step")
    if result != "acceleration":
        d.calls("forward_dynamics|aba_step|step_articulations")
        what = "joint velocities" if result == "velocity" else "joint positions and velocities"
        d.says(
            f"Advances {what} of articulated bodies by one time step using the articulated-body algorithm (ABA)."
        )
    effort = d.flag("effort", 0.4)
    layout = d.option("order", "worlds first", "single")
    worlds, links = (d.pick(4, 6) if layout == "worlds first" else 1), d.pick(4, 5, 6)
    tree_inputs(d, worlds, links, kinds, shared)
    d.input("joint_qd", "float", (worlds, links), -1.0, 1.0, about="Joint velocities")
    d.input("joint_tau", "float", (worlds, links), -4.0, 4.0, about="Joint forces or torques")
    if effort:
        d.input("joint_effort_limit", "float", links, 1.0, 3.0, about="Joint force limits")
    if extra in ("damping", "both"):
        d.input("joint_damping", "float", links, 0.1, 0.5, about="Viscous joint friction")
    if extra in ("armature", "both"):
        d.input("joint_armature", "float", links, 0.05, 0.2, about="Reflected rotor inertias")
    if extra == "spring":
        d.input("joint_stiffness", "float", links, 1.0, 5.0, about="Passive joint spring stiffness")
        d.input("joint_rest", "float", links, -0.5, 0.5, about="Spring rest positions")
    outer_loads(d, external, gravity, worlds, links)
    if result != "acceleration":
        d.param("dt", "float", 0.01, 0.02, about="Time step [s]")
    d.output("link_pose", "transform", (worlds, links), about="Link poses (workspace)")
    d.output("link_vel", "spatial_vector", (worlds, links), about="Spatial link velocities (workspace)")
    d.output("link_acc", "spatial_vector", (worlds, links), about="Spatial link accelerations (workspace)")
    d.output(
        "link_coriolis", "spatial_vector", (worlds, links), about="Velocity-product accelerations (workspace)"
    )
    d.output("link_articulated", "spatial_matrix", (worlds, links), about="Articulated inertias (workspace)")
    d.output("link_bias", "spatial_vector", (worlds, links), about="Articulated bias forces (workspace)")
    d.output("joint_subspaces", "spatial_vector", (worlds, links), about="Joint motion subspaces (workspace)")
    about = "Products of articulated inertia and motion subspace (workspace)"
    d.output("force_factors", "spatial_vector", (worlds, links), about=about)
    d.output("joint_u", "float", (worlds, links), about="Joint forces minus bias (workspace)")
    d.output("joint_d", "float", (worlds, links), about="Joint-space inertias (workspace)")
    if result == "acceleration":
        d.output("joint_qdd", "float", (worlds, links), about="Joint accelerations")
    else:
        d.output("qd_new", "float", (worlds, links), about="Updated joint velocities")
        if result == "step":
            d.output("q_new", "float", (worlds, links), about="Updated joint positions")
    for text in (_CROSS_MOTION, _CROSS_FORCE, _INERTIA):
        d.function(text)
    joint_functions(d, kinds)
    passive = {
        "none": "",
        "damping": "tau -= joint_damping[link] * joint_qd[world, link]",
        "armature": "",
        "both": "tau -= joint_damping[link] * joint_qd[world, link]",
        "spring": "# Passive spring toward the rest position\n"
        "tau -= joint_stiffness[link] * (joint_q[world, link] - joint_rest[link])",
    }
    store = {
        "acceleration": "joint_qdd[world, link] = qdd",
        "velocity": "qd_new[world, link] = joint_qd[world, link] + dt * qdd",
        "step": "# Semi-implicit Euler: use the new velocity to update the position\n"
        "qd = joint_qd[world, link] + dt * qdd\n"
        "qd_new[world, link] = qd\nq_new[world, link] = joint_q[world, link] + dt * qd",
    }
    d.launch(worlds)
    d.code(
        """
        world = wp.tid()
        # --- Pass 1 (base to tips): kinematics, velocity products and rigid-body inertias ---
        for link in range(link_count):
            $forward
            vel_j = subspace * joint_qd[world, link]
            vel = v_parent + vel_j
            link_vel[world, link] = vel
            # Velocity-product acceleration c = v x (S qd)
            link_coriolis[world, link] = cross_motion(vel, vel_j)
            rot = wp.quat_to_matrix(wp.transform_get_rotation(x_link))
            com = wp.transform_point(x_link, link_com[link])
            rigid = spatial_inertia(link_mass[$row], com, rot * link_inertia[link] * wp.transpose(rot))
            bias = cross_force(vel, rigid * vel)
            $external
            joint_subspaces[world, link] = subspace
            link_articulated[world, link] = rigid
            link_bias[world, link] = bias
        # --- Pass 2 (tips to base): articulated inertias and bias forces ---
        for back in range(link_count):
            link = link_count - 1 - back
            subspace = joint_subspaces[world, link]
            articulated = link_articulated[world, link]
            bias = link_bias[world, link]
            force_factor = articulated * subspace
            joint_inertia = wp.dot(subspace, force_factor)$armature
            tau = joint_tau[world, link]
            $effort
            $passive
            residual = tau - wp.dot(subspace, bias)
            force_factors[world, link] = force_factor
            joint_d[world, link] = joint_inertia
            joint_u[world, link] = residual
            parent = joint_parent[link]
            if parent >= 0 and parent < link:
                # Propagate to the parent, with the motion the joint absorbs projected out
                handed = articulated - wp.outer(force_factor, force_factor) / joint_inertia
                carried = bias + handed * link_coriolis[world, link] + force_factor * (residual / joint_inertia)
                link_articulated[world, parent] = link_articulated[world, parent] + handed
                link_bias[world, parent] = link_bias[world, parent] + carried
        # --- Pass 3 (base to tips): accelerations ---
        for link in range(link_count):
            parent = joint_parent[link]
            # Apply gravity as an upward acceleration of the base
            acc = wp.spatial_vector(wp.vec3(0.0, 0.0, 0.0), $up)
            if parent >= 0 and parent < link:
                acc = link_acc[world, parent]
            acc += link_coriolis[world, link]
            qdd = (joint_u[world, link] - wp.dot(force_factors[world, link], acc)) / joint_d[world, link]
            link_acc[world, link] = acc + joint_subspaces[world, link] * qdd
            $store
        """,
        forward=FORWARD,
        pose="""
        x_parent = wp.transform_identity()
        v_parent = wp.spatial_vector()
        # Parents precede their children; any other index attaches the link to the ground
        if parent >= 0 and parent < link:
            x_parent = link_pose[world, parent]
            v_parent = link_vel[world, parent]
        """,
        up="-gravity" if gravity == "vector" else "wp.vec3(0.0, 0.0, gravity)",
        type={"mixed": "joint_type[link],", "revolute": ""}[kinds],
        row="link" if shared else "world, link",
        external="# External wrenches are expressed about the world origin\nbias -= link_wrench[world, link]"
        if external
        else "",
        armature=" + joint_armature[link]" if extra in ("armature", "both") else "",
        effort="# Apply the joint torque limits\ntau = wp.clamp(tau, -joint_effort_limit[link], joint_effort_limit[link])"
        if effort
        else "",
        passive=passive[extra],
        store=store[result],
    )
    d.text = d.text.replace("joint_transform( ", "joint_transform(").replace(
        "joint_subspace( ", "joint_subspace("
    )
    held = {
        "damping": ["viscous friction"],
        "armature": ["the inertia of rotors"],
        "both": ["viscous friction", "the inertia of rotors"],
        "spring": ["passive springs"],
    }.get(extra, [])
    held += ["external wrenches"] if external else []
    limited = f" Accounts for {' and '.join(', '.join(held).rsplit(', ', 1))}." if held else ""
    limited += " Joint forces are clamped to `joint_effort_limit`." if effort else ""
    d.explain(f"""
        Runs in linear time in the number of links, without forming the joint-space mass matrix.
        Spatial vectors are expressed about the world origin, angular part first.{limited}
    """)

    def reference(v: Values) -> dict[str, Any]:
        qdd = np.zeros((worlds, links))
        pull = v.gravity if gravity == "vector" else np.array([0.0, 0.0, -v.gravity])
        for w, tree in enumerate(trees(v, worlds, links, kinds)):
            spins, alphas, accs = tree.motion(v.joint_qd[w], np.zeros(links), pull)
            matrix, tau = np.diag(v.get("joint_armature", np.zeros(links))), v.joint_tau[w].copy()
            if effort:
                tau = np.clip(tau, -v.joint_effort_limit, v.joint_effort_limit)
            if "joint_damping" in v:
                tau -= v.joint_damping * v.joint_qd[w]
            if extra == "spring":
                tau -= v.joint_stiffness * (v.joint_q[w] - v.joint_rest)
            for i in range(links):
                r = tree.turn[i] @ v.link_com[i]
                j = tree.jacobian(i, tree.place[i] + r)
                a = accs[i] + np.cross(alphas[i], r) + np.cross(spins[i], np.cross(spins[i], r))
                mass = v.link_mass[i] if shared else v.link_mass[w, i]
                inertia = tree.turn[i] @ v.link_inertia[i] @ tree.turn[i].T
                matrix = matrix + mass * j[0].T @ j[0] + j[1].T @ inertia @ j[1]
                tau -= j[0].T @ (mass * a)
                tau -= j[1].T @ (inertia @ alphas[i] + np.cross(spins[i], inertia @ spins[i]))
                if external:
                    about = tree.jacobian(i, np.zeros(3))
                    tau += about[1].T @ v.link_wrench[w, i, :3] + about[0].T @ v.link_wrench[w, i, 3:]
            qdd[w] = np.linalg.solve(matrix, tau)
        if result == "acceleration":
            return {"joint_qdd": qdd}
        qd = v.joint_qd + v.dt * qdd
        return {"qd_new": qd} | ({"q_new": v.joint_q + v.dt * qd} if result == "step" else {})

    d.check(reference, 3e-3)
