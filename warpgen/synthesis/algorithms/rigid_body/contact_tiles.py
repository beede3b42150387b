"""What constraints feel of the masses behind them, a block of threads for each world."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rigid_body import DOMAIN
from warpgen.synthesis.library.tile_forms import per_col, per_row, places
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Delassus 1917; Featherstone 2008, ch. 11; Khatib 1987 (operational space); Lacoursiere 2007 (regularization); Carpentier et al. 2021",
    names={
        "constraint_masses": "delassus_matrix|constraint_space_inertia|effective_mass_tiled|operational_inertia",
        "jacobian": "j_mat|constraint_jac|jac",
        "velocities": "qd|joint_vel|dof_vel",
        "forces": "tau|joint_f",
        "factor": "l_m|chol|mass_factor",
        "spread": "w_mat|l_inv_jt",
        "delassus": "g_mat|a_mat|inverse_inertia",
        "ROWS": "CONSTRAINTS|NC|NUM_ROWS",
        "DOFS": "NV|NUM_DOFS|N",
        "world": "env",
    },
    adjoint="yes",
    double=True,
    weight=7,
)
def constraint_masses(d: Draft) -> None:
    """Computes the inverse inertia that constraints see through the joints of each world."""
    inertia = d.option("inertia", "root", "bodies")
    result = d.option("result", "matrix", "diagonal", "right-hand side", "speeds", "answer", "operational")
    d.calls({
        "matrix": "delassus_matrix|inverse_constraint_inertia|constraint_response_matrix",
        "diagonal": "effective_masses|constraint_effective_mass|effective_mass_tiled",
        "right-hand side": "free_constraint_speeds|constraint_rhs|unconstrained_speeds",
        "speeds": "advance_whitened_speeds|whitened_velocities|advance_whitened",
        "answer": "impulse_response|apply_delassus|constraint_response",
        "operational": "measure_task_accelerations|task_acceleration_norms",
    }[result])  # fmt: skip
    compliance = d.option("compliance", "none", "scalar", "per row")
    armature = d.flag("armature", 0.5)
    scaled = d.flag("row scale", 0.3) and result in ("matrix", "diagonal")
    worlds, dofs, rows, bodies = d.pick(3, 4), d.pick(4, 5, 6), d.pick(2, 3), d.pick(2, 3)
    d.module(f"DOFS = wp.constant({dofs})" + (f"\nROWS = wp.constant({rows})" if result != "speeds" else ""))
    if inertia == "root":
        d.input("mass_root", "float", (worlds, dofs, dofs), -0.6, 0.6, about="Mass matrix square root")
    else:
        d.module(f"BODY_ROWS = wp.constant({6 * bodies})")
        d.input(
            "body_jacobian",
            "float",
            (worlds, 6 * bodies, dofs),
            -0.7,
            0.7,
            about="Body Jacobians, six rows per body",
        )
        d.input(
            "body_inertia",
            "float",
            6 * bodies,
            1.0,
            2.0,
            about="Diagonal body inertias, six entries per body",
        )
    if armature:
        d.input("armature", "float", dofs, 0.3, 0.8, about="Reflected rotor inertias")
    else:
        d.param("armature", "float", 0.3, 0.6, about="Reflected rotor inertia")
    d.input(
        "jacobian",
        "float",
        (worlds, rows, dofs),
        -1.0,
        1.0,
        about="Constraint Jacobians, one row per constraint",
    )
    if compliance == "scalar":
        d.param("softness", "float", 0.05, 0.3, about="Compliance divided by the squared time step")
    elif compliance == "per row":
        d.input(
            "softness",
            "float",
            (worlds, rows),
            0.05,
            0.3,
            about="Compliance divided by the squared time step",
        )
    if scaled:
        d.input("row_scale", "float", rows, 0.5, 2.0, about="Constraint row scales")
    if result in ("right-hand side", "speeds"):
        d.input("velocities", "float", (worlds, dofs), -1.0, 1.0, about="Joint velocities")
        d.input("forces", "float", (worlds, dofs), -1.0, 1.0, about="Joint forces")
        d.param("dt", "float", 0.01, 0.05, about="Time step [s]")
    if result == "answer":
        d.input("impulses", "float", (worlds, rows), -1.0, 1.0, about="Constraint impulses")
    if result == "operational":
        d.input("accelerations", "float", (worlds, rows), -1.0, 1.0, about="Target task accelerations")
    if result == "operational" and compliance == "none":
        d.param(
            "task_damping",
            "float",
            0.001,
            0.01,
            about="Regularization added to the diagonal of the inverse task inertia",
        )
    name, shape, about = {
        "matrix": ("delassus_out", (worlds, rows, rows), "J M^-1 J^T"),
        "diagonal": ("effective", (worlds, rows), "effective mass per constraint"),
        "right-hand side": ("free_speed", (worlds, rows), "unconstrained velocities in constraint space"),
        "speeds": (
            "whitened_speed",
            (worlds, dofs),
            "joint velocities before constraint impulses, in whitened coordinates",
        ),
        "answer": (
            "speed_changes",
            (worlds, rows),
            "constraint velocity changes due to the impulses"
            + (" and compliance" if compliance != "none" else ""),
        ),
        "operational": (
            "task_norm",
            (worlds,),
            "squared norm a^T (J M^-1 J^T)^-1 a of the task accelerations",
        ),
    }[result]
    d.output(name, "float", shape, about=about)
    d.says(
        {
            "matrix": "Computes the constraint-space inverse inertia (Delassus matrix) of each world.",
            "diagonal": "Computes the effective mass of each constraint.",
            "right-hand side": "Computes constraint-space velocities after a step without constraint impulses.",
            "speeds": "Advances joint velocities in whitened coordinates, where the mass matrix is the identity.",
            "answer": "Computes constraint velocity changes due to constraint impulses.",
            "operational": "Computes squared norms of task accelerations under the operational-space inertia.",
        }[result]
    )
    d.function("""
        @wp.func
        def add_diagonal(entry: float, row: int, col: int, extra: float) -> float:
            if row == col:
                return entry + extra
            return entry
    """)
    mass = {
        "root": "root = wp.tile_load(mass_root[world], shape=(DOFS, DOFS))\n"
        "m = wp.tile_matmul(root, wp.tile_transpose(root))",
        "bodies": "# Joint-space mass matrix from the body inertias\n"
        "body_j = wp.tile_load(body_jacobian[world], shape=(BODY_ROWS, DOFS))\n"
        "body_jt = wp.tile_transpose(body_j)\n"
        "own = wp.tile_load(body_inertia, shape=BODY_ROWS)\n"
        f"momentum = body_j * {per_row('own', 'BODY_ROWS', 'DOFS')}\n"
        "m = wp.tile_matmul(body_jt, momentum)",
    }[inertia]
    rotors = "armature"
    if armature:
        mass += "\nrotors = wp.tile_load(armature, shape=DOFS)"
        rotors = per_col("rotors", "DOFS", "DOFS")
    soft = ""
    g = "delassus"
    if compliance == "scalar":
        soft = "softened = wp.tile_map(add_diagonal, delassus, row_c, col_c, softness)"
    elif compliance == "per row":
        soft = (
            "soft = wp.tile_load(softness[world], shape=ROWS)\n"
            f"softened = wp.tile_map(add_diagonal, delassus, row_c, col_c, {per_col('soft', 'ROWS', 'ROWS')})"
        )
    matrix = result in ("matrix", "diagonal", "operational", "answer")
    if soft and matrix:
        soft = f"# Compliance also regularizes redundant constraints\n{soft}"
        g = "softened"
    jac = "j = wp.tile_load(jacobian[world], shape=(ROWS, DOFS))"
    if scaled:
        jac = (
            "raw_j = wp.tile_load(jacobian[world], shape=(ROWS, DOFS))\n"
            f"units = wp.tile_load(row_scale, shape=ROWS)\nj = raw_j * {per_row('units', 'ROWS', 'DOFS')}"
        )
    build = (
        "# Columns of L^-1 J^T; their inner products give J M^-1 J^T without forming an inverse\n"
        "spread = wp.tile_lower_solve(factor, wp.tile_transpose(j))\n"
        "spread_t = wp.tile_transpose(wp.tile_map(copied, spread))\n"
        "delassus = wp.tile_matmul(spread_t, spread)"
    )
    if matrix:
        d.function('''
            @wp.func
            def copied(entry: float) -> float:
                """Copy an entry, since a transpose is a view whose adjoint must not mix with that of the tile."""
                return entry
        ''')
    if result == "diagonal":
        d.function('''
            @wp.func
            def diagonal_only(entry: float, row: int, col: int) -> float:
                """Zero off-diagonal entries, so that row sums return the diagonal."""
                return wp.where(row == col, entry, 0.0)
        ''')
        d.function("@wp.func\ndef reciprocal(x: float) -> float:\n    return 1.0 / x")
    free = (
        "v = wp.tile_load(velocities[world], shape=DOFS)\n"
        "pushed = wp.tile_lower_solve(factor, dt * wp.tile_load(forces[world], shape=DOFS))"
    )
    end = {
        "matrix": f"wp.tile_store(delassus_out[world], {g})",
        "diagonal": f"own_inverse = wp.tile_sum(wp.tile_map(diagonal_only, {g}, row_c, col_c), axis=1)\n"
        "wp.tile_store(effective[world], wp.tile_map(reciprocal, own_inverse))",
        "right-hand side": "# J (v + dt M^-1 f), with M^-1 split into its two triangular factors\n"
        f"{free}\n"
        "spread = wp.tile_lower_solve(factor, wp.tile_transpose(j))\n"
        "now = wp.tile_matmul(j, wp.tile_reshape(v, shape=(DOFS, 1)))\n"
        "gained = wp.tile_matmul(wp.tile_reshape(pushed, shape=(1, DOFS)), spread)\n"
        "wp.tile_store(free_speed[world], wp.tile_squeeze(now) + wp.tile_squeeze(gained))",
        "speeds": f"{free}\n"
        "# Whitened coordinates: half the squared norm of L^T v is the kinetic energy\n"
        "turned = wp.tile_squeeze(wp.tile_matmul(wp.tile_reshape(v, shape=(1, DOFS)), factor))\n"
        "wp.tile_store(whitened_speed[world], turned + pushed)",
        "answer": "applied = wp.tile_load(impulses[world], shape=ROWS)\n"
        f"change = wp.tile_matmul({g}, wp.tile_reshape(applied, shape=(ROWS, 1)))\n"
        "wp.tile_store(speed_changes[world], wp.tile_squeeze(change))",
        "operational": f"task_factor = wp.tile_cholesky({g})\n"
        "asked = wp.tile_load(accelerations[world], shape=ROWS)\n"
        "# Evaluate a^T (J M^-1 J^T)^-1 a as a squared norm\n"
        "scaled = wp.tile_lower_solve(task_factor, asked)\n"
        "wp.tile_store(task_norm, wp.tile_sum(scaled * scaled, axis=0), offset=world)",
    }[result]
    if result == "operational" and compliance == "none":
        end = end.replace("task_factor = wp.tile_cholesky(delassus)", "# Regularize the diagonal so that redundant tasks stay solvable\ntask_factor = wp.tile_cholesky(wp.tile_map(add_diagonal, delassus, row_c, col_c, task_damping))")  # fmt: skip
    needs_c = result == "diagonal" or (matrix and bool(soft)) or result == "operational"
    d.launch(worlds, tiled=True)
    d.code(
        f"""
        world = wp.tid()
        $index
        $mass
        # Rotor inertia only affects the diagonal
        factor = wp.tile_cholesky(wp.tile_map(add_diagonal, m, row_id, col_id, {rotors}))
        $jac
        $build
        $index_c
        $soft
        $end
        """,
        index=places("DOFS", "DOFS"),
        mass=mass,
        jac=jac if result != "speeds" else "",
        build=build if matrix else "",
        index_c=places("ROWS", "ROWS", ("row_c", "col_c")) if needs_c else "",
        soft=soft if matrix else "",
        end=end,
    )
    if result == "speeds":
        d.explain("M = L L^T, so the kinetic energy is half the squared length of L^T v.")
    elif matrix:
        d.explain("M = L L^T, so J M^-1 J^T = (L^-1 J^T)^T (L^-1 J^T), which stays symmetric under rounding.")
    else:
        d.explain("M = L L^T, so J M^-1 f = (L^-1 J^T)^T (L^-1 f), without an inverse.")

    def reference(v: Values) -> Mapping[str, Any]:
        if inertia == "root":
            m_ = v.mass_root @ v.mass_root.swapaxes(1, 2)
        else:
            m_ = np.einsum("wri,r,wrj->wij", v.body_jacobian, v.body_inertia, v.body_jacobian)
        m_ = m_ + np.broadcast_to(v.armature, dofs) * np.eye(dofs)
        j = v.get("jacobian", np.zeros((worlds, rows, dofs))) * (v.row_scale[:, None] if scaled else 1.0)
        g_ = j @ np.linalg.solve(m_, j.swapaxes(1, 2))
        if compliance != "none" and "softness" in v:
            g_ = g_ + np.broadcast_to(v.softness, (worlds, rows))[..., None] * np.eye(rows)
        if result == "matrix":
            return {name: g_}
        if result == "diagonal":
            return {name: 1 / np.einsum("wii->wi", g_)}
        if result == "answer":
            return {name: np.einsum("wij,wj->wi", g_, v.impulses)}
        if result == "operational":
            g_ = g_ + (v.task_damping * np.eye(rows) if compliance == "none" else 0.0)
            return {
                name: np.einsum(
                    "wi,wi->w", v.accelerations, np.linalg.solve(g_, v.accelerations[..., None])[..., 0]
                )
            }
        if result == "speeds":
            low = np.linalg.cholesky(m_)
            f = np.linalg.solve(low, v.dt * v.forces[..., None])
            return {name: (low.swapaxes(1, 2) @ v.velocities[..., None] + f)[..., 0]}
        free_ = v.velocities + v.dt * np.linalg.solve(m_, v.forces[..., None])[..., 0]
        return {name: np.einsum("wij,wj->wi", j, free_)}

    d.check(reference, 3e-3)
