"""Recursive dynamics of articulated bodies in Featherstone's spatial algebra."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rigid_body import DOMAIN
from warpgen.synthesis.algorithms.rigid_body._chains import Tree, outer_loads
from warpgen.synthesis.writing.draft import Draft, Values

NAMES = {
    "joint_parent": "parent|link_parent|parents",
    "joint_tau": "joint_force|joint_f",
    "link_count": "num_links|n_links",
    "link_pose": "link_X|link_tf",
    "link_vel": "link_v",
    "link_acc": "link_a",
    "link_force": "link_f",
    "world": "env|world_id|env_id",
    "link": "link_id",
}

_CROSS = '''
@wp.func
def spatial_cross(a: wp.spatial_vector, b: wp.spatial_vector) -> wp.spatial_vector:
    """Cross product of two spatial motion vectors (angular part first)."""
    w_a = wp.spatial_top(a)
    v_a = wp.spatial_bottom(a)
    w_b = wp.spatial_top(b)
    v_b = wp.spatial_bottom(b)
    return wp.spatial_vector(wp.cross(w_a, w_b), wp.cross(v_a, w_b) + wp.cross(w_a, v_b))
'''

_DUAL = '''
@wp.func
def spatial_cross_dual(a: wp.spatial_vector, f: wp.spatial_vector) -> wp.spatial_vector:
    """Cross product of a spatial motion and a spatial force vector."""
    w = wp.spatial_top(a)
    v = wp.spatial_bottom(a)
    torque = wp.spatial_top(f)
    force = wp.spatial_bottom(f)
    return wp.spatial_vector(wp.cross(w, torque) + wp.cross(v, force), wp.cross(w, force))
'''

_TIMES = '''
@wp.func
def apply_link_inertia(
    mass: float, com: wp.vec3, rot: wp.quat, inertia: wp.mat33, motion: wp.spatial_vector
) -> wp.spatial_vector:
    """Multiply a spatial motion vector about the world origin by the link's spatial inertia.

    Args:
        mass: Link mass [kg].
        com: World-space center of mass [m].
        rot: Link orientation.
        inertia: Link-space rotational inertia about the center of mass [kg m^2].
        motion: Spatial velocity or acceleration.
    """
    w = wp.spatial_top(motion)
    v = wp.spatial_bottom(motion)
    # Linear momentum, then angular momentum about the origin
    linear = mass * (v + wp.cross(w, com))
    spin = wp.quat_rotate(rot, inertia * wp.quat_rotate_inv(rot, w))
    return wp.spatial_vector(spin + wp.cross(com, linear), linear)
'''

SUBSPACE = '''
@wp.func
def joint_subspace(type: int, axis: wp.vec3, anchor: wp.vec3) -> wp.spatial_vector:
    """Return the joint motion subspace about the world origin for a world-space axis."""
    if type == REVOLUTE:
        return wp.spatial_vector(axis, wp.cross(anchor, axis))
    return wp.spatial_vector(wp.vec3(0.0, 0.0, 0.0), axis)
'''

POSE = '''
@wp.func
def joint_transform(type: int, axis: wp.vec3, q: float) -> wp.transform:
    """Evaluate the joint transform at coordinate `q`."""
    if type == REVOLUTE:
        return wp.transform(wp.vec3(0.0, 0.0, 0.0), wp.quat_from_axis_angle(axis, q))
    return wp.transform(q * axis, wp.quat_identity())
'''


_REVOLUTE_SUBSPACE = '''
@wp.func
def joint_subspace(axis: wp.vec3, anchor: wp.vec3) -> wp.spatial_vector:
    """Return the hinge motion subspace about the world origin for a world-space axis."""
    return wp.spatial_vector(axis, wp.cross(anchor, axis))
'''

_REVOLUTE_POSE = '''
@wp.func
def joint_transform(axis: wp.vec3, q: float) -> wp.transform:
    """Evaluate the hinge transform at angle `q`."""
    return wp.transform(wp.vec3(0.0, 0.0, 0.0), wp.quat_from_axis_angle(axis, q))
'''


def joint_functions(d: Draft, kinds: str) -> None:
    """What gives the motion across a joint: of both types, or of hinges alone."""
    if kinds == "mixed":
        d.module("REVOLUTE = wp.constant(0)")
    for text in (SUBSPACE, POSE) if kinds == "mixed" else (_REVOLUTE_SUBSPACE, _REVOLUTE_POSE):
        d.function(text)


def tree_inputs(d: Draft, worlds: int, links: int, kinds: str, shared: bool) -> None:
    """What every algorithm here reads: the tree, its joints, and the masses of its links."""
    lead = () if shared else (worlds,)
    d.input("joint_parent", "int", links, -1, 3, about="Parent link, -1 for the base")
    if kinds == "mixed":
        d.input("joint_type", "int", links, 0, 2, about="Joint types (0: revolute, 1: prismatic)")
    d.input("joint_axis", "vec3", links, kind="unit", about="Joint axis in joint space")
    d.input(
        "joint_fixed",
        "transform",
        links,
        -0.4,
        0.4,
        kind="transform",
        about="Joint frame relative to the parent link",
    )
    d.input("link_mass", "float", (*lead, links), 0.5, 2.0, about="Link masses [kg]")
    d.input("link_com", "vec3", links, -0.2, 0.2, about="Link-space centers of mass [m]")
    d.input(
        "link_inertia",
        "mat33",
        links,
        0.2,
        0.4,
        kind="spd",
        about="Link-space rotational inertia [kg m^2]",
    )
    d.input("joint_q", "float", (worlds, links), -1.0, 1.0, about="Joint positions")


def trees(v: Values, worlds: int, links: int, kinds: str) -> list[Tree]:
    """The trees of all worlds; links whose drawn parent does not come before them hang on the ground."""
    parent = [int(p) if p < i else -1 for i, p in enumerate(v.joint_parent)]
    kind = v.joint_type if kinds == "mixed" else np.zeros(links, int)
    return [Tree(parent, kind, v.joint_axis, v.joint_fixed, v.joint_q[w]) for w in range(worlds)]


FORWARD = """
parent = joint_parent[link]
$pose
x_joint = x_parent * joint_fixed[link]
x_link = x_joint * joint_transform($type joint_axis[link], joint_q[world, link])
link_pose[world, link] = x_link
axis_w = wp.quat_rotate(wp.transform_get_rotation(x_joint), joint_axis[link])
subspace = joint_subspace($type axis_w, wp.transform_get_translation(x_joint))
"""


@DOMAIN.algorithm(
    source="Featherstone 2008, ch. 5 (recursive Newton-Euler); Luh, Walker & Paul 1980",
    names=NAMES | {"inverse_dynamics": "rnea|eval_rigid_id|recursive_newton_euler|compute_joint_torques"},
    adjoint="no",
    element="",
)
def inverse_dynamics(d: Draft) -> None:
    """Computes the joint forces that articulated bodies need for given accelerations (RNEA)."""
    kinds = d.option("joints", "mixed", "revolute")
    wanted = d.option("acceleration", "given", "bias")
    if wanted == "bias":
        d.calls("bias_forces|eval_bias_forces|gravity_and_coriolis|rne_bias")
    extra = d.option("extra", "none", "damping", "armature", "both")
    external = d.flag("external", 0.4)
    gravity = d.option("gravity", "vector", "z")
    shared = d.flag("shared", 0.6)
    layout = d.option("order", "worlds first", "single")
    worlds, links = (d.pick(6, 8) if layout == "worlds first" else 1), d.pick(5, 6, 8)
    tree_inputs(d, worlds, links, kinds, shared)
    d.input("joint_qd", "float", (worlds, links), -1.0, 1.0, about="Joint velocities")
    if wanted == "given":
        d.input("joint_qdd", "float", (worlds, links), -2.0, 2.0, about="Joint accelerations")
    if extra in ("damping", "both"):
        d.input("joint_damping", "float", links, 0.1, 0.5, about="Viscous joint friction")
    if extra in ("armature", "both") and wanted == "given":
        d.input("joint_armature", "float", links, 0.01, 0.1, about="Reflected rotor inertia")
    outer_loads(d, external, gravity, worlds, links)
    # Workspace of the two passes, and the result
    d.output("link_pose", "transform", (worlds, links), about="Link poses (workspace)")
    d.output("link_vel", "spatial_vector", (worlds, links), about="Spatial link velocities (workspace)")
    d.output("link_acc", "spatial_vector", (worlds, links), about="Spatial link accelerations (workspace)")
    d.output("link_force", "spatial_vector", (worlds, links), about="Spatial link forces (workspace)")
    d.output("joint_subspaces", "spatial_vector", (worlds, links), about="Joint motion subspaces (workspace)")
    d.output("joint_tau", "float", (worlds, links), about="Joint forces")
    for text in (_CROSS, _DUAL, _TIMES):
        d.function(text)
    joint_functions(d, kinds)
    tail = ""
    if extra in ("damping", "both"):
        tail += "# Viscous joint friction\ntau += joint_damping[link] * joint_qd[world, link]\n"
    if extra in ("armature", "both") and wanted == "given":
        tail += "# Reflected rotor inertia\ntau += joint_armature[link] * joint_qdd[world, link]\n"
    d.launch(worlds)
    d.code(
        """
        world = wp.tid()
        # Outward pass: poses, velocities, accelerations and link forces
        for link in range(link_count):
            $forward
            joint_subspaces[world, link] = subspace
            vel_j = subspace * joint_qd[world, link]
            vel = v_parent + vel_j
            acc = a_parent + spatial_cross(v_parent, vel_j)$drive
            link_vel[world, link] = vel
            link_acc[world, link] = acc
            rot = wp.transform_get_rotation(x_link)
            com = wp.transform_point(x_link, link_com[link])
            mass = link_mass[$row]
            momentum = apply_link_inertia(mass, com, rot, link_inertia[link], vel)
            force = apply_link_inertia(mass, com, rot, link_inertia[link], acc)
            # f = I a + v x* (I v)
            force += spatial_cross_dual(vel, momentum)
            $external
            link_force[world, link] = force
        # Inward pass: project forces onto the joints and propagate them to the parent
        for back in range(link_count):
            link = link_count - 1 - back
            force = link_force[world, link]
            tau = wp.dot(joint_subspaces[world, link], force)
            $tail
            joint_tau[world, link] = tau
            parent = joint_parent[link]
            if parent >= 0 and parent < link:
                link_force[world, parent] = link_force[world, parent] + force
        """,
        forward=FORWARD,
        pose="""
        # Model gravity as an upward acceleration of the ground
        x_parent = wp.transform_identity()
        v_parent = wp.spatial_vector()
        a_parent = wp.spatial_vector(wp.vec3(0.0, 0.0, 0.0), -$gravity)
        # Parents precede their children; any other index attaches the link to the ground
        if parent >= 0 and parent < link:
            x_parent = link_pose[world, parent]
            v_parent = link_vel[world, parent]
            a_parent = link_acc[world, parent]
        """,
        gravity="gravity" if gravity == "vector" else "wp.vec3(0.0, 0.0, -gravity)",
        type={"mixed": "joint_type[link],", "revolute": ""}[kinds],
        drive=" + subspace * joint_qdd[world, link]" if wanted == "given" else "",
        row="link" if shared else "world, link",
        external="# External wrenches are expressed about the world origin\nforce -= link_wrench[world, link]"
        if external
        else "",
        tail=tail,
    )
    d.text = d.text.replace("-wp.vec3(0.0, 0.0, -gravity)", "wp.vec3(0.0, 0.0, gravity)")
    d.text = d.text.replace("joint_transform( ", "joint_transform(").replace(
        "joint_subspace( ", "joint_subspace("
    )
    held = ["viscous friction"] if extra in ("damping", "both") else []
    held += ["rotor inertia"] if extra in ("armature", "both") else []
    held += ["external wrenches"] if external else []
    also = (
        f" The forces include {' and '.join(', '.join(held).rsplit(', ', 1))}."
        if held and wanted == "given"
        else ""
    )
    d.explain(f"""
        All spatial vectors are expressed about the world origin with the angular part first, so that
        link velocities and forces can be summed without frame transforms.{also}
    """)
    rest = (", friction" if extra in ("damping", "both") else "") + (
        ", external wrenches" if external else ""
    )
    rest += ", and" if rest else " and"
    d.says(
        "Computes inverse dynamics of articulated bodies with the recursive Newton-Euler algorithm (RNEA)."
        if wanted == "given"
        else f"Computes joint forces due to gravity{rest} velocity products in articulated bodies (RNEA)."
    )

    def reference(v: Values) -> dict[str, Any]:
        made = np.zeros((worlds, links))
        pull = v.gravity if gravity == "vector" else np.array([0.0, 0.0, -v.gravity])
        for w, tree in enumerate(trees(v, worlds, links, kinds)):
            qdd = v.joint_qdd[w] if wanted == "given" else np.zeros(links)
            spins, alphas, accs = tree.motion(v.joint_qd[w], qdd, pull)
            for i in range(links):
                spin, alpha = spins[i], alphas[i]
                r = tree.turn[i] @ v.link_com[i]
                j = tree.jacobian(i, tree.place[i] + r)
                a = accs[i] + np.cross(alpha, r) + np.cross(spin, np.cross(spin, r))
                mass = v.link_mass[i] if shared else v.link_mass[w, i]
                inertia = tree.turn[i] @ v.link_inertia[i] @ tree.turn[i].T
                made[w] += j[0].T @ (mass * a)
                made[w] += j[1].T @ (inertia @ alpha + np.cross(spin, inertia @ spin))
                if external:
                    about = tree.jacobian(i, np.zeros(3))
                    made[w] -= about[1].T @ v.link_wrench[w, i, :3] + about[0].T @ v.link_wrench[w, i, 3:]
            if "joint_damping" in v:
                made[w] += v.joint_damping * v.joint_qd[w]
            if "joint_armature" in v:
                made[w] += v.joint_armature * qdd
        return {"joint_tau": made}

    d.check(reference, 1e-3)
