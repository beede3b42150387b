"""Vertex block descent: a Newton step per vertex of cloth."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.simulation import DOMAIN
from warpgen.synthesis.algorithms.simulation._vertex_energies import (
    BENDING,
    MEMBRANE,
    SUM_EDGES,
    SUM_FACES,
    WEIGHTS,
)
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Chen et al. 2024 (vertex block descent); Wardetzky et al. 2007 (quadratic bending)",
    names={
        "solve_vertices": "vbd_solve|vertex_block_descent|solve_cloth_vertices|vbd_cloth_step",
        "x": "pos|particle_q|positions",
        "x_new": "pos_new|particle_q_out|displaced",
        "x_prev": "pos_prev|particle_q_prev|pos_anchor",
        "inertia_target": "x_tilde|inertial_target|y_target",
        "vertex": "particle|particle_index|v_index",
        "vertex_group": "group_vertices|batch_vertices|group",
        "hessian": "h|total_hessian",
        "force": "f|total_force",
        "inv_dt_sq": "dt_sqr_reciprocal|inv_h2",
        "bending_stiffness": "bend_ke|edge_ke",
    },
    weight=4,
)
def solve_vertices(d: Draft) -> None:
    """Updates each cloth vertex using vertex block descent (VBD)."""
    membrane = d.option("membrane", *MEMBRANE)
    bending = d.option("bending", "none", *BENDING)
    group = d.option("vertices", "all", "group", "flags")
    damping = d.flag("damping", 0.4)
    ground = d.option("ground", "none", "penalty")
    solve = d.option("solve", "inverse", "cramer")
    step = d.option("result", "position", "displacement")
    if step == "displacement":
        d.says("Performs a per-vertex Newton step for cloth using vertex block descent (VBD).")
    count, faces = d.pick(32, 48), d.pick(40, 60)
    edges = count // 4
    threads = count // 2 if group == "group" else count
    if group == "group":
        d.input(
            "vertex_group",
            "int",
            threads,
            0,
            count,
            kind="permutation",
            about="Vertex indices in this color group",
        )
    elif group == "flags":
        d.input("vertex_flags", "int", count, 1, 4, about="Vertex flags, bit 0 marks active vertices")
    d.param("dt", "float", 0.08, 0.12, about="Time step [s]")
    d.input("x", "vec3", count, -1.0, 1.0, about="Current vertex positions [m]")
    if damping:
        d.input("x_prev", "vec3", count, -1.0, 1.0, about="Positions at the start of the step [m]")
        d.param("damping_coeff", "float", 0.001, 0.01, about="Stiffness-proportional damping [s]")
    d.input(
        "inertia_target",
        "vec3",
        count,
        -1.0,
        1.0,
        about="Inertial target positions, x + dt v + dt^2 g",
    )
    d.input("mass", "float", count, 0.1, 0.3, about="Vertex masses [kg]")
    d.input("face_indices", "int", (faces, 3), 0, count, about="Vertex indices per face")
    d.input("face_pose", "mat22", faces, 0.95, 1.05, kind="spd", about="Inverse rest-shape matrices Dm^-1")
    d.input("face_area", "float", faces, 0.46, 0.55, about="Rest areas [m^2]")
    d.input(
        "vertex_face_offsets",
        "int",
        count + 1,
        0,
        2 * count,
        kind="offsets",
        about="CSR offsets into the face adjacency",
    )
    d.input(
        "vertex_faces",
        "int",
        2 * count,
        0,
        3 * faces,
        about="Packed incidence, 3 * face index + local vertex index",
    )
    d.param("mu", "float", 1.0, 4.0, about="Membrane shear stiffness [N/m]")
    d.param("lam", "float", 1.0, 4.0, about="Membrane area stiffness [N/m]")
    if bending != "none":
        # no vertex comes twice, or a hinge could be folded flat, where its angle jumps
        d.input(
            "edge_indices", "int", count, kind="permutation", about="Hinge vertex indices, four per hinge"
        )
        if bending == "quadratic":
            d.input(
                "edge_cots",
                "vec4",
                edges,
                0.2,
                1.5,
                about="Cotangents per hinge, in both faces at vertex 2, then at vertex 3",
            )
        else:
            d.input("edge_rest_angle", "float", edges, -0.5, 0.5, about="Rest dihedral angles [rad]")
        d.input(
            "vertex_edge_offsets",
            "int",
            count + 1,
            0,
            2 * count,
            kind="offsets",
            about="CSR offsets into the hinge adjacency",
        )
        d.input(
            "vertex_edges",
            "int",
            2 * count,
            0,
            4 * edges,
            about="Packed incidence, 4 * hinge index + local vertex index",
        )
        d.param(
            "bending_stiffness",
            "float",
            0.05,
            0.2,
            about=f"Bending stiffness [{'N m' if bending == 'dihedral' else 'N/m'}]",
        )
    if ground == "penalty":
        d.param("ground_height", "float", -0.3, 0.1, about="Ground height along y [m]")
        d.param("ground_ke", "float", 50.0, 100.0, about="Contact stiffness [N/m]")
    result = "x_new" if step == "position" else "delta"
    d.output(
        result,
        "vec3",
        count,
        about=("Updated positions" if step == "position" else "Displacements")
        + (" for the group [m]" if group == "group" else " [m]"),
    )
    for text in (WEIGHTS, MEMBRANE[membrane], SUM_FACES):
        d.function(text)
    rest = {
        "quadratic": ("edge_cots: wp.array(dtype=wp.vec4),", "edge_cots"),
        "dihedral": ("edge_rest_angle: wp.array(dtype=float),", "edge_rest_angle"),
    }
    if bending != "none":
        d.function(BENDING[bending])
        d.function(SUM_EDGES, rest=rest[bending][0], value=rest[bending][1])
    keep = (
        "x_new[vertex] = x[vertex]" if step == "position" else "delta[vertex] = wp.vec3()"
    ) + "\n    return"
    head = {
        "all": "vertex = wp.tid()",
        "group": "tid = wp.tid()\n"
        "# Vertices with the same color share no element and can be updated in parallel\n"
        "vertex = vertex_group[tid]",
        "flags": "vertex = wp.tid()\n# Skip inactive vertices\n"
        f"if (vertex_flags[vertex] & ACTIVE) == 0:\n    {keep}",
    }
    if group == "flags":
        d.module("ACTIVE = wp.constant(1)")
    bend = f"""
    bend_force, bend_hessian = sum_bending(
        vertex, x, edge_indices, {rest.get(bending, ("", ""))[1]}, vertex_edge_offsets, vertex_edges, bending_stiffness
    )
    force += bend_force
    {"elastic_hessian" if damping else "hessian"} += bend_hessian
    """
    damp = """
    # Stiffness-proportional damping on the displacement since the start of the step
    damping_hessian = damping_coeff / dt * elastic_hessian
    force -= damping_hessian * (x[vertex] - x_prev[vertex])
    hessian += damping_hessian
    """
    contact = """
    penetration = ground_height - x[vertex][1]
    if penetration > 0.0:
        up = wp.vec3(0.0, 1.0, 0.0)
        force += ground_ke * penetration * up
        hessian += ground_ke * wp.outer(up, up)
    """
    invert = {
        "inverse": f"""
        # Newton step dx = H^-1 f; skip near-singular blocks
        if wp.abs(wp.determinant(hessian)) < 1.0e-8:
            {keep.replace(chr(10), chr(10) + "        ")}
        dx = wp.inverse(hessian) * force
        """,
        "cramer": f"""
        # Newton step dx = H^-1 f by Cramer's rule; skip near-singular blocks
        c0 = wp.vec3(hessian[0, 0], hessian[1, 0], hessian[2, 0])
        c1 = wp.vec3(hessian[0, 1], hessian[1, 1], hessian[2, 1])
        c2 = wp.vec3(hessian[0, 2], hessian[1, 2], hessian[2, 2])
        det = wp.dot(c0, wp.cross(c1, c2))
        if wp.abs(det) < 1.0e-8:
            {keep.replace(chr(10), chr(10) + "        ")}
        dx0 = wp.dot(force, wp.cross(c1, c2))
        dx1 = wp.dot(c0, wp.cross(force, c2))
        dx2 = wp.dot(c0, wp.cross(c1, force))
        dx = wp.vec3(dx0, dx1, dx2) / det
        """,
    }
    d.launch(threads)
    d.code(
        """
        $head
        inv_dt_sq = 1.0 / (dt * dt)
        force = mass[vertex] * inv_dt_sq * (inertia_target[vertex] - x[vertex])
        hessian = mass[vertex] * inv_dt_sq * wp.identity(n=3, dtype=float)
        membrane_force, $membrane = sum_membranes(
            vertex, x, face_indices, face_pose, face_area, vertex_face_offsets, vertex_faces, mu, lam
        )
        force += membrane_force
        $add
        $bend
        $whole
        $damp
        $contact
        $invert
        $store
        """,
        head=head[group],
        membrane="elastic_hessian" if damping else "membrane_hessian",
        add="" if damping else "hessian += membrane_hessian",
        whole="hessian += elastic_hessian" if damping else "",
        bend=bend if bending != "none" else "",
        damp=damp if damping else "",
        contact=contact if ground == "penalty" else "",
        invert=invert[solve],
        store="x_new[vertex] = x[vertex] + dx" if step == "position" else "delta[vertex] = dx",
    )
    more = [
        *["a ground penalty force"] * (ground == "penalty"),
        *["stiffness-proportional damping"] * damping,
    ]
    plus = f" Also adds {' and '.join(more)}." if len(more) > 1 else f" Also adds {more[0]}." if more else ""
    d.explain(f"""
        The per-vertex energy is m / (2 dt^2) |x - target|^2 plus the elastic energy of all adjacent
        elements.{plus} Each thread solves a local 3x3 system for one vertex while the other vertices are held fixed.
    """)

    def membranes(v: Values, i: int, x: Any) -> tuple[Any, Any]:
        """The energy of the faces around a vertex, moved alone, and the Hessian that is used."""
        energy, hessian = 0.0, np.zeros((3, 3))
        for corner in v.vertex_faces[v.vertex_face_offsets[i] : v.vertex_face_offsets[i + 1]]:
            face, order = divmod(int(corner), 3)
            p = [v.x[j] for j in v.face_indices[face]]
            p[order] = p[order] + x
            pose = v.face_pose[face]
            f = np.stack([p[1] - p[0], p[2] - p[0]], 1) @ pose
            m = np.array([-pose.sum(0), pose[0], pose[1]])[order]
            strain = 0.5 * (f.T @ f - np.eye(2))
            if membrane == "stvk":
                trace = np.trace(strain)
                psi = v.mu * (strain**2).sum() + 0.5 * v.lam * trace**2
                s = 2.0 * v.mu * strain + v.lam * trace * np.eye(2)
                g = f @ m
                h = (m @ s @ m) * np.eye(3) + (v.mu + v.lam) * np.outer(g, g) + v.mu * (m @ m) * f @ f.T
            else:
                normal = np.cross(f[:, 0], f[:, 1])
                j = np.linalg.norm(normal)
                n = normal / j if j > 1e-4 else 0.0 * normal
                psi = 0.5 * v.mu * (f**2).sum() + 0.5 * v.lam * (j - 1.0 - v.mu / v.lam) ** 2
                dj = m[0] * np.cross(f[:, 1], n) + m[1] * np.cross(n, f[:, 0])
                h = v.mu * (m @ m) * np.eye(3) + v.lam * np.outer(dj, dj)
            energy += v.face_area[face] * psi
            hessian += v.face_area[face] * h
        return energy, hessian

    def hinges(v: Values, i: int) -> tuple[Any, Any]:
        force, hessian = np.zeros(3), np.zeros((3, 3))
        for corner in v.vertex_edges[v.vertex_edge_offsets[i] : v.vertex_edge_offsets[i + 1]]:
            edge, order = divmod(int(corner), 4)
            ids = v.edge_indices[4 * edge : 4 * edge + 4]
            p = [v.x[j] for j in ids]
            if bending == "quadratic":
                a, b, e, f = v.edge_cots[edge]
                c = np.array([-a - e, -b - f, e + f, a + b])
                force -= v.bending_stiffness * c[order] * (c @ np.array(p))
                hessian += v.bending_stiffness * c[order] ** 2 * np.eye(3)
                continue
            theta, grad = _angle(p), np.zeros(3)
            if theta is None:
                continue
            for axis in range(3):
                ends = []
                for sign in (1.0, -1.0):
                    moved = [q.copy() for q in p]
                    moved[order][axis] += sign * 1e-6
                    ends.append(_angle(moved))
                grad[axis] = ((ends[0] - ends[1] + np.pi) % (2.0 * np.pi) - np.pi) / 2e-6
            force -= v.bending_stiffness * (theta - v.edge_rest_angle[edge]) * grad
            hessian += v.bending_stiffness * np.outer(grad, grad)
        return force, hessian

    def reference(v: Values) -> dict[str, Any]:
        made = np.zeros((count, 3))
        chosen = v.vertex_group if group == "group" else range(count)
        for i in (int(n) for n in chosen):
            moves = group != "flags" or v.vertex_flags[i] & 1
            dx = np.zeros(3)
            if moves:
                weight = v.mass[i] / v.dt**2
                force, hessian = weight * (v.inertia_target[i] - v.x[i]), weight * np.eye(3)
                hessian = hessian + membranes(v, i, np.zeros(3))[1]
                for axis in range(3):
                    step_ = np.zeros(3)
                    step_[axis] = 1e-5
                    force[axis] -= (membranes(v, i, step_)[0] - membranes(v, i, -step_)[0]) / 2e-5
                if bending != "none":
                    more = hinges(v, i)
                    force, hessian = force + more[0], hessian + more[1]
                if damping:
                    drag = v.damping_coeff / v.dt * (hessian - weight * np.eye(3))
                    force, hessian = force - drag @ (v.x[i] - v.x_prev[i]), hessian + drag
                if ground == "penalty" and v.ground_height > v.x[i, 1]:
                    force[1] += v.ground_ke * (v.ground_height - v.x[i, 1])
                    hessian[1, 1] += v.ground_ke
                if abs(np.linalg.det(hessian)) >= 1e-8:
                    dx = np.linalg.solve(hessian, force)
            made[i] = v.x[i] + dx if step == "position" else dx
        return {result: made}

    d.check(reference, 2e-3)


def _angle(p: Any) -> Any:
    """The dihedral angle of a hinge; None for one without."""
    e = p[3] - p[2]
    n0, n1 = np.cross(p[2] - p[0], p[3] - p[0]), np.cross(p[3] - p[1], p[2] - p[1])
    size = np.linalg.norm(e)
    if size < 1e-6 or n0 @ n0 < 1e-9 or n1 @ n1 < 1e-9:
        return None
    return np.arctan2(np.cross(n0, n1) @ e / size, n0 @ n1)
