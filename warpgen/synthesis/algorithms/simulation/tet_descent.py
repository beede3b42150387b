"""Solid bodies of tetrahedra, vertex by vertex."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.simulation import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, dedented
from warpgen.synthesis.writing.trim import trim

_ENERGIES = {
    "stable": """
        # Stable neo-Hookean: mu / 2 (|F|^2 - 3) + k / 2 (J - 1 - mu / k)^2, matches Hooke's law at rest for k = lambda + mu
        lam_mu = lam + mu
        excess = jacobian - 1.0 - mu / lam_mu
        pull = mu * (def_grad * grad) + lam_mu * excess * slope
        block = mu * wp.dot(grad, grad) * wp.identity(n=3, dtype=float) + lam_mu * wp.outer(slope, slope)
    """,
    "linear": """
        # Small strains: sigma = 2 mu e + lambda tr(e) I
        strain = 0.5 * (def_grad + wp.transpose(def_grad)) - wp.identity(n=3, dtype=float)
        stress = 2.0 * mu * strain + lam * wp.trace(strain) * wp.identity(n=3, dtype=float)
        pull = stress * grad
        block = mu * wp.dot(grad, grad) * wp.identity(n=3, dtype=float) + (mu + lam) * wp.outer(grad, grad)
    """,
    "kirchhoff": """
        # St. Venant-Kirchhoff; clamp compression so that the Hessian block stays positive definite
        green = 0.5 * (wp.transpose(def_grad) * def_grad - wp.identity(n=3, dtype=float))
        second = 2.0 * mu * green + lam * wp.trace(green) * wp.identity(n=3, dtype=float)
        pull = def_grad * (second * grad)
        along = def_grad * grad
        tension = wp.max(wp.dot(grad, second * grad), 0.0)
        left = def_grad * wp.transpose(def_grad)
        block = (mu + lam) * wp.outer(along, along) + mu * wp.dot(grad, grad) * left
        block += tension * wp.identity(n=3, dtype=float)
    """,
}


@DOMAIN.algorithm(
    source="Chen et al. 2024 (vertex block descent), sec. 3; Smith et al. 2018; Li et al. 2020 (friction); Irving et al. 2004",
    names={
        "descend_solids": "vbd_solve_tets|solve_tet_vertices|tet_block_descent|vbd_solid_kernel",
        "positions": "pos|x_current|particle_q",
        "inertia_target": "x_inertia|predicted|y_target",
        "start_positions": "x_prev|pos_prev|step_start",
        "tet_poses": "inv_rest|dm_inverse|rest_inverse",
        "hessian": "h_mat|block_sum|stiff",
        "force": "f_total|descent|neg_grad",
        "def_grad": "F|deformation|defo",
        "vertex": "v|particle|i_vert",
        "volume": "rest_volume|vol0|tet_vol",
        "mu": "lame_mu|k_mu|shear_modulus",
        "lam": "lame_lambda|k_lambda|lame_first",
    },
    adjoint="no",
    weight=13,
    element="vertex",
)
def descend_solids(d: Draft) -> None:
    """Updates each vertex of a tetrahedral solid using vertex block descent (VBD)."""
    energy = d.option("energy", *_ENERGIES)
    ground = d.option("contact", "none", "plane", "sphere", "height field")
    friction = d.flag("friction", 0.65) and ground != "none"
    damping = d.flag("damping", 0.5)
    solve = d.option("solve", "inverse", "adjugate", "cholesky")
    accelerate = d.option("acceleration", "none", "chebyshev", "clamped")
    pinned = d.option("pinned", "flags", "none")
    colored = d.flag("colored", 0.5)
    result = d.option("result", "positions", "displacement")
    if result == "displacement":
        d.says("Performs a per-vertex Newton step for tetrahedral solids using vertex block descent (VBD).")
    vertices, tets, most = 12, d.pick(8, 10), 4
    entries = vertices * 2
    d.input("positions", "vec3", vertices, -0.5, 0.5, about="Current vertex positions [m]")
    d.input(
        "inertia_target",
        "vec3",
        vertices,
        -0.5,
        0.5,
        about="Inertial target positions, x + dt v + dt^2 g [m]",
    )
    d.input("masses", "float", vertices, 0.2, 1.0, about="Masses [kg]")
    if pinned == "flags":
        d.mask("is_pinned", "bool", vertices, rare=True, about="Pinned vertex mask")
    d.input("tet_vertices", "int", (tets, 4), 0, vertices, about="Vertex indices per tetrahedron")
    d.input("tet_poses", "mat33", tets, kind="rotation", about="Inverse rest shapes Dm^-1 [1/m]")
    d.input("tet_volumes", "float", tets, 0.165, 0.168, about="Rest volumes [m^3]")
    d.input(
        "adjacency_offsets",
        "int",
        vertices + 1,
        high=entries,
        kind="offsets",
        about="CSR offsets into the adjacency list",
    )
    d.input("adjacency", "int", entries, 0, tets * most, about="4 * tet index + local vertex index")
    if colored:
        d.input(
            "color_vertices",
            "int",
            vertices,
            kind="permutation",
            about="Vertex indices in this color group",
        )
    d.param("mu", "float", 5.0, 20.0, about="Shear modulus [Pa]")
    d.param("lam", "float", 10.0, 30.0, about="First Lame parameter [Pa]")
    d.param("dt", "float", 0.1, 0.2, about="Time step [s]")
    needs_start = damping or friction
    if needs_start:
        d.input(
            "start_positions",
            "vec3",
            vertices,
            -0.5,
            0.5,
            about="Positions at the start of the step [m]",
        )
    if damping:
        d.param("damping", "float", 0.01, 0.05, about="Stiffness-proportional damping [s]")
    if ground == "plane":
        d.param("normal", "vec3", 0.0, 1.0, kind="unit", about="Ground plane normal")
        d.param("ground_offset", "float", -0.3, 0.3, about="Ground plane offset along the normal [m]")
    elif ground == "sphere":
        d.param("ball_center", "vec3", -0.2, 0.4, about="Collider sphere center [m]")
        d.param("ball_radius", "float", 0.3, 0.7, about="Collider sphere radius [m]")
    elif ground == "height field":
        d.input("heights", "float", (5, 5), -0.3, 0.1, about="Terrain height field [m]")
        d.param("grid_size", "int", 5, about="Number of height field nodes per side")
        d.param("grid_origin", "vec2", -0.5, about="Lower corner of the height field [m]")
        d.param("cell", "float", 0.25, about="Height field cell size [m]")
    if ground != "none":
        d.param("contact_stiffness", "float", 50.0, 200.0, about="Contact stiffness [N/m]")
    if friction:
        d.param("friction", "float", 0.2, 0.8, about="Friction coefficient")
        d.param("slip_speed", "float", 0.5, 1.5, about="Slip speed at which friction saturates [m/s]")
    if accelerate == "chebyshev":
        d.input("before_last", "vec3", vertices, -0.5, 0.5, about="Positions before the last iteration [m]")
        d.param("omega", "float", 1.0, 1.4, about="Chebyshev acceleration factor")
    elif accelerate == "clamped":
        d.param("largest_move", "float", 0.1, 0.5, about="Maximum displacement per iteration [m]")
    output = "new_positions" if result == "positions" else "moves"
    d.output(
        output,
        "vec3",
        vertices,
        about="Updated positions [m]" if result == "positions" else "Vertex displacements [m]",
    )
    touch = {
        "none": "",
        "plane": """
            depth = ground_offset - wp.dot(normal, x)
        """,
        "sphere": """
            away = x - ball_center
            apart = wp.length(away)
            normal = away / wp.max(apart, 1.0e-4)
            depth = ball_radius - apart
        """,
        "height field": """
            # Bilinear height field patch below the vertex
            gx = wp.clamp((x[0] - grid_origin[0]) / cell, 0.0, float(grid_size - 1))
            gy = wp.clamp((x[1] - grid_origin[1]) / cell, 0.0, float(grid_size - 1))
            ix = wp.min(int(gx), grid_size - 2)
            iy = wp.min(int(gy), grid_size - 2)
            tx = gx - float(ix)
            ty = gy - float(iy)
            near = wp.lerp(heights[ix, iy], heights[ix + 1, iy], tx)
            far = wp.lerp(heights[ix, iy + 1], heights[ix + 1, iy + 1], tx)
            slope_x = wp.lerp(heights[ix + 1, iy] - heights[ix, iy], heights[ix + 1, iy + 1] - heights[ix, iy + 1], ty)
            normal = wp.normalize(wp.vec3(-slope_x / cell, (near - far) / cell, 1.0))
            depth = (wp.lerp(near, far, ty) - x[2]) * normal[2]
        """,
    }[ground]
    rub = """
        # Smoothed Coulomb friction (Li et al. 2020)
        moved = x - start_positions[vertex]
        slide = moved - wp.dot(moved, normal) * normal
        slid = wp.length(slide)
        slip = slip_speed * dt
        load = friction * contact_stiffness * depth
        # f1(u) / u, regularized at zero slip
        scale = (2.0 - slid / slip) / slip
        if slid > slip:
            scale = 1.0 / slid
        force -= load * scale * slide
        hessian += load * scale * (wp.identity(n=3, dtype=float) - wp.outer(normal, normal))
    """
    contact = ""
    if ground != "none":
        contact = dedented(touch) + "\nif depth > 0.0:\n" + textwrap.indent(
            "# Quadratic penalty on the penetration depth\nforce += contact_stiffness * depth * normal\n"
            "hessian += contact_stiffness * wp.outer(normal, normal)" + ("\n" + dedented(rub) if friction else ""), "    ")  # fmt: skip
    steps = {
        "inverse": "step = wp.inverse(hessian) * force",
        "adjugate": """
            # Solve the 3x3 system using Cramer's rule on the columns
            c0 = wp.vec3(hessian[0, 0], hessian[1, 0], hessian[2, 0])
            c1 = wp.vec3(hessian[0, 1], hessian[1, 1], hessian[2, 1])
            c2 = wp.vec3(hessian[0, 2], hessian[1, 2], hessian[2, 2])
            det = wp.dot(c0, wp.cross(c1, c2))
            s0 = wp.dot(force, wp.cross(c1, c2))
            s1 = wp.dot(c0, wp.cross(force, c2))
            s2 = wp.dot(c0, wp.cross(c1, force))
            step = wp.vec3(s0, s1, s2) / det
        """,
        "cholesky": """
            # Solve using a 3x3 Cholesky factorization, since the block is SPD
            l00 = wp.sqrt(hessian[0, 0])
            l10 = hessian[1, 0] / l00
            l20 = hessian[2, 0] / l00
            l11 = wp.sqrt(hessian[1, 1] - l10 * l10)
            l21 = (hessian[2, 1] - l20 * l10) / l11
            l22 = wp.sqrt(hessian[2, 2] - l20 * l20 - l21 * l21)
            y0 = force[0] / l00
            y1 = (force[1] - l10 * y0) / l11
            y2 = (force[2] - l20 * y0 - l21 * y1) / l22
            s2 = y2 / l22
            s1 = (y1 - l21 * s2) / l11
            s0 = (y0 - l10 * s1 - l20 * s2) / l00
            step = wp.vec3(s0, s1, s2)
        """,
    }[solve]
    finish = {
        "none": "",
        "chebyshev": "# Chebyshev over-relaxation\n"
        "moved_to = omega * (x + step - before_last[vertex]) + before_last[vertex]",
        "clamped": "# Clamp the step length to avoid inverting elements\n"
        "step *= wp.min(1.0, largest_move / wp.max(wp.length(step), 1.0e-6))",
    }[accelerate]
    stored = {
        ("chebyshev", "positions"): "moved_to",
        ("chebyshev", "displacement"): "moved_to - x",
        ("other", "positions"): "x + step",
        ("other", "displacement"): "step",
    }["chebyshev" if accelerate == "chebyshev" else "other", result]
    still = f"{output}[vertex] = " + (
        "positions[vertex]" if result == "positions" else "wp.vec3(0.0, 0.0, 0.0)"
    )
    damped = """
        # Stiffness-proportional damping on the displacement since the start of the step
        pull_back = damping / dt * (block * (x - start_positions[vertex]))
        force -= volume * pull_back
        hessian += volume * (damping / dt) * block
    """
    d.launch(vertices)
    d.code(
        """
        $thread
        $pin
        x = positions[vertex]
        weight = masses[vertex] / (dt * dt)
        force = weight * (inertia_target[vertex] - x)
        hessian = weight * wp.identity(n=3, dtype=float)
        for k in range(adjacency_offsets[vertex], adjacency_offsets[vertex + 1]):
            tet = adjacency[k] // 4
            place = adjacency[k] % 4
            x0 = positions[tet_vertices[tet, 0]]
            e1 = positions[tet_vertices[tet, 1]] - x0
            e2 = positions[tet_vertices[tet, 2]] - x0
            e3 = positions[tet_vertices[tet, 3]] - x0
            pose = tet_poses[tet]
            def_grad = wp.matrix_from_cols(e1, e2, e3) * pose
            volume = tet_volumes[tet]
            # Rest-space gradient of the barycentric coordinate for this vertex
            if place > 0:
                grad = pose[place - 1]
            else:
                grad = -(pose[0] + pose[1] + pose[2])
            $jacobian
            $law
            force -= volume * pull
            hessian += volume * block
            $damped
        $contact
        $step
        $finish
        $store
        """,
        thread="tid = wp.tid()\nvertex = color_vertices[tid]" if colored else "vertex = wp.tid()",
        pin=f"if is_pinned[vertex]:\n    {still}\n    return" if pinned == "flags" else "",
        jacobian=dedented("""
            # Cofactor columns of F, i.e. dJ/dF
            f1 = wp.vec3(def_grad[0, 0], def_grad[1, 0], def_grad[2, 0])
            f2 = wp.vec3(def_grad[0, 1], def_grad[1, 1], def_grad[2, 1])
            f3 = wp.vec3(def_grad[0, 2], def_grad[1, 2], def_grad[2, 2])
            cofactors = wp.matrix_from_cols(wp.cross(f2, f3), wp.cross(f3, f1), wp.cross(f1, f2))
            jacobian = wp.determinant(def_grad)
            slope = cofactors * grad
        """)
        if energy == "stable"
        else "",
        law=dedented(_ENERGIES[energy]),
        damped=dedented(damped) if damping else "",
        contact=contact,
        step=dedented(steps),
        finish=finish,
        store=f"{output}[vertex] = {stored}",
    )
    trim(d)
    extra = [*["contact"] * (ground != "none"), *["friction"] * friction, *["damping"] * damping]
    d.explain(
        "x_i <- x_i - H_i^-1 g_i with g_i = m / dt^2 (x_i - y_i) + sum dE / dx_i"
        + "".join(f" + {force}" for force in extra)
        + {
            "none": ".",
            "chebyshev": ", then over-relaxed.",
            "clamped": ", with the step length clamped to `largest_move`.",
        }[accelerate]
        + (
            " Vertices in the same color group share no tetrahedron and are updated in parallel."
            if colored
            else " All vertices are updated in parallel (Jacobi)."
        )
    )

    def reference(v: Values) -> dict[str, Any]:
        out = np.zeros((vertices, 3))
        eye = np.eye(3)
        for i in range(vertices):
            x = v.positions[i].astype(float)
            if pinned == "flags" and v.is_pinned[i]:
                out[i] = x if result == "positions" else 0.0
                continue
            w = v.masses[i] / v.dt**2
            force, h = w * (v.inertia_target[i] - x), w * eye
            for k in range(v.adjacency_offsets[i], v.adjacency_offsets[i + 1]):
                tet, place = divmod(int(v.adjacency[k]), 4)
                p = v.positions[v.tet_vertices[tet]].astype(float)
                pose = v.tet_poses[tet].astype(float)
                f = (p[1:] - p[0]).T @ pose
                g = np.vstack([-pose.sum(0), pose])[place]
                pull, block = _law(energy, f, g, float(v.mu), float(v.lam))
                force = force - v.tet_volumes[tet] * pull
                h = h + v.tet_volumes[tet] * block
                if damping:
                    k_d = v.tet_volumes[tet] * v.damping / v.dt * block
                    force, h = force - k_d @ (x - v.start_positions[i]), h + k_d
            if ground != "none":
                depth, normal = _touch(v, ground, x)
                if depth > 0:
                    stiff = float(v.contact_stiffness)
                    force, h = force + stiff * depth * normal, h + stiff * np.outer(normal, normal)
                    if friction:
                        across = eye - np.outer(normal, normal)
                        slide = across @ (x - v.start_positions[i])
                        u, rest = np.linalg.norm(slide), v.slip_speed * v.dt
                        s = (2 / rest - u / rest**2) if u < rest else 1 / u
                        force = force - v.friction * stiff * depth * s * slide
                        h = h + v.friction * stiff * depth * s * across
            step = np.linalg.solve(h, force)
            if accelerate == "clamped":
                step = step * min(1.0, v.largest_move / np.linalg.norm(step))
            elif accelerate == "chebyshev":
                step = v.omega * (x + step - v.before_last[i]) + v.before_last[i] - x
            out[i] = step + (x if result == "positions" else 0.0)
        return {output: out}

    d.check(reference, 5e-3)


def _law(energy: str, f: Any, g: Any, mu: float, lam: float) -> tuple[Any, Any]:
    """First Piola stress times g, and the block of the Hessian."""
    eye = np.eye(3)
    if energy == "stable":
        cof = np.stack([np.cross(f[:, (k + 1) % 3], f[:, (k + 2) % 3]) for k in range(3)], 1)
        p = mu * f + ((lam + mu) * (np.linalg.det(f) - 1) - mu) * cof
        return p @ g, mu * (g @ g) * eye + (lam + mu) * np.outer(cof @ g, cof @ g)
    if energy == "linear":
        e = 0.5 * (f + f.T) - eye
        return (2 * mu * e + lam * np.trace(e) * eye) @ g, mu * (g @ g) * eye + (mu + lam) * np.outer(g, g)
    e = 0.5 * (f.T @ f - eye)
    s = 2 * mu * e + lam * np.trace(e) * eye
    block = (mu + lam) * np.outer(f @ g, f @ g) + mu * (g @ g) * f @ f.T + max(g @ s @ g, 0.0) * eye
    return f @ s @ g, block


def _touch(v: Values, ground: str, x: Any) -> tuple[float, Any]:
    """Overlap of a vertex with the obstacle, and the normal of that."""
    if ground == "plane":
        n = v.normal.astype(float)
        return float(v.ground_offset - n @ x), n
    if ground == "sphere":
        away = x - v.ball_center
        size = float(np.linalg.norm(away))
        return float(v.ball_radius) - size, away / size
    at = np.clip((x[:2] - v.grid_origin) / v.cell, 0.0, 4.0)
    i, j = np.minimum(at.astype(int), 3)
    s, t = at - np.array([i, j])
    h = v.heights[i : i + 2, j : j + 2].astype(float)
    height = float(np.array([1 - s, s]) @ h @ np.array([1 - t, t]))
    slope = np.array([-np.array([-1, 1]) @ h @ [1 - t, t], -np.array([1 - s, s]) @ h @ [-1, 1]]) / v.cell
    n = np.array([*slope, 1.0]) / np.linalg.norm([*slope, 1.0])
    return float((height - x[2]) * n[2]), n
