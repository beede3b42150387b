"""Mass matrices of articulated bodies."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rigid_body import DOMAIN
from warpgen.synthesis.algorithms.rigid_body.recursive import (
    FORWARD,
    NAMES,
    joint_functions,
    tree_inputs,
    trees,
)
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Featherstone 2008, ch. 6 (composite rigid bodies); Walker & Orin 1982",
    names=NAMES
    | {
        "mass_matrix": "crba|joint_space_inertia|composite_rigid_body|eval_mass_matrix",
        "mass_matrices": "H|M",
        "composite": "link_Ic|composite_inertia",
    },
    adjoint="no",
    weight=4,
    element="world",
)
def mass_matrix(d: Draft) -> None:
    """Computes joint-space mass matrices using the composite rigid body algorithm (CRBA)."""
    kinds = d.option("joints", "mixed", "revolute")
    shared = d.flag("shared", 0.6)
    armature = d.option("armature", "none", "diagonal", "scaled")
    fills = d.option("triangle", "both", "lower")
    masked = d.option("worlds", "all", "active", "list")
    sums = d.option("inertia", "matrix", "inline")
    worlds, links = d.pick(5, 6, 8), d.pick(5, 6, 8)
    threads = worlds - 2 if masked == "list" else worlds
    if masked == "active":
        d.mask("world_active", "bool", worlds, about="False to skip a world")
    elif masked == "list":
        d.input("world_ids", "int", worlds, kind="permutation", about="World indices, those to update first")
    tree_inputs(d, worlds, links, kinds, shared)
    if armature != "none":
        d.input("joint_armature", "float", links, 0.01, 0.1, about="Reflected rotor inertias")
    if armature == "scaled":
        d.param("armature_scale", "float", 0.5, 2.0, about="Armature scale")
    d.param("link_count", "int", links, about="Number of links per world")
    d.output("link_pose", "transform", (worlds, links), about="Link poses (workspace)")
    d.output("joint_subspaces", "spatial_vector", (worlds, links), about="Joint motion subspaces (workspace)")
    d.output("composite", "spatial_matrix", (worlds, links), about="Composite spatial inertias (workspace)")
    d.output(
        "mass_matrices",
        "float",
        (worlds, links, links),
        about="Joint-space mass matrices, shape (num_worlds, num_links, num_links)",
    )
    joint_functions(d, kinds)
    d.function('''
        @wp.func
        def spatial_inertia(mass: float, com: wp.vec3, inertia: wp.mat33) -> wp.spatial_matrix:
            """Build the 6x6 spatial inertia about the origin from mass, center of mass and rotational inertia.

            The blocks are [I + m c c^T, m c; m c^T, m], where c is the cross product matrix of `com`.
            """
            c = wp.skew(com)
            rotational = inertia + mass * (c * wp.transpose(c))
            coupling = mass * c
            result = wp.spatial_matrix()
            for row in range(3):
                result[row + 3, row + 3] = mass
                for col in range(3):
                    result[row, col] = rotational[row, col]
                    result[row, col + 3] = coupling[row, col]
                    result[row + 3, col] = coupling[col, row]
            return result
    ''')
    local = {
        "matrix": """
        rotation = wp.quat_to_matrix(rot)
        inertia_w = rotation * link_inertia[link] * wp.transpose(rotation)
        """,
        "inline": """
        # R I R^T, column by column
        inertia = link_inertia[link]
        e0 = wp.quat_rotate(rot, inertia * wp.quat_rotate_inv(rot, wp.vec3(1.0, 0.0, 0.0)))
        e1 = wp.quat_rotate(rot, inertia * wp.quat_rotate_inv(rot, wp.vec3(0.0, 1.0, 0.0)))
        e2 = wp.quat_rotate(rot, inertia * wp.quat_rotate_inv(rot, wp.vec3(0.0, 0.0, 1.0)))
        inertia_w = wp.matrix_from_cols(e0, e1, e2)
        """,
    }
    add = {
        "none": "",
        "diagonal": "# Rotor inertia only affects the diagonal\ndiagonal += joint_armature[link]",
        "scaled": "# Rotor inertia only affects the diagonal\n"
        "diagonal += armature_scale * joint_armature[link]",
    }
    head = {
        "all": "world = wp.tid()",
        "active": "world = wp.tid()\n# Inactive worlds keep their previous matrix\nif not world_active[world]:\n    return",
        "list": "world = world_ids[wp.tid()]",
    }
    d.launch(threads)
    d.code(
        """
        $head
        # Outward pass: poses, motion subspaces and link inertias
        for link in range(link_count):
            # Zero out the matrix, because links on different branches are not coupled
            for other in range(link_count):
                mass_matrices[world, link, other] = 0.0
            $forward
            joint_subspaces[world, link] = subspace
            rot = wp.transform_get_rotation(x_link)
            com = wp.transform_point(x_link, link_com[link])
            $local
            composite[world, link] = spatial_inertia(link_mass[$row], com, inertia_w)
        # Inward pass: accumulate composite inertias and project them onto the ancestor joints
        for back in range(link_count):
            link = link_count - 1 - back
            parent = joint_parent[link]
            if parent >= 0 and parent < link:
                composite[world, parent] = composite[world, parent] + composite[world, link]
            force = composite[world, link] * joint_subspaces[world, link]
            diagonal = wp.dot(joint_subspaces[world, link], force)
            $add
            mass_matrices[world, link, link] = diagonal
            child = int(link)
            ancestor = int(parent)
            while ancestor >= 0 and ancestor < child:
                coupling = wp.dot(joint_subspaces[world, ancestor], force)
                mass_matrices[world, link, ancestor] = coupling
                $mirror
                child = ancestor
                ancestor = joint_parent[ancestor]
        """,
        head=head[masked],
        forward=FORWARD,
        pose="""
        x_parent = wp.transform_identity()
        # Parents precede their children; any other index attaches the link to the ground
        if parent >= 0 and parent < link:
            x_parent = link_pose[world, parent]
        """,
        type={"mixed": "joint_type[link],", "revolute": ""}[kinds],
        local=local[sums],
        row="link" if shared else "world, link",
        add=add[armature],
        mirror="mass_matrices[world, ancestor, link] = coupling" if fills == "both" else "",
    )
    d.text = d.text.replace("joint_transform( ", "joint_transform(").replace(
        "joint_subspace( ", "joint_subspace("
    )
    if fills == "lower":
        d.says(
            "Computes lower-triangular joint-space mass matrices using the composite rigid body algorithm (CRBA)."
        )
    rotors = "" if armature == "none" else " Rotor inertia is added to the diagonal."
    d.explain(f"""
        Entry (i, j) is S_j^T Ic_i S_i for i in the subtree of j, where Ic_i is the composite inertia of
        the subtree rooted at link i.{rotors} Spatial vectors are about the world origin, angular part first.
    """)

    def reference(v: Values) -> dict[str, Any]:
        made = np.zeros((worlds, links, links))
        active = {"all": range(worlds), "active": np.flatnonzero(v.get("world_active"))}.get(masked)
        if active is None:
            active = v.world_ids[:threads]
        made_trees = trees(v, worlds, links, kinds)
        for w in active:
            tree = made_trees[w]
            for i in range(links):
                j = tree.jacobian(i, tree.place[i] + tree.turn[i] @ v.link_com[i])
                inertia = tree.turn[i] @ v.link_inertia[i] @ tree.turn[i].T
                mass = v.link_mass[i] if shared else v.link_mass[w, i]
                made[w] += mass * j[0].T @ j[0] + j[1].T @ inertia @ j[1]
            if armature != "none":
                scale = v.armature_scale if armature == "scaled" else 1.0
                made[w] += scale * np.diag(v.joint_armature)
        return {"mass_matrices": made if fills == "both" else np.tril(made)}

    d.check(reference, 1e-3)
