"""Systems of joints, one world for each block."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.tiles import DOMAIN
from warpgen.synthesis.library.tile_forms import places
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Featherstone 2008, ch. 6; Baraff & Witkin 1998 (implicit damping); Warp manual, Tiles",
    names={
        "jacobian": "J|body_jacobian|jac",
        "inertia": "M|spatial_inertia|body_inertia",
        "joint_f": "tau|joint_torque|actuation",
        "joint_impulses": "impulses|joint_imp|dof_impulses",
        "bias_f": "bias_force|c_plus_g|rnea_bias",
        "joint_qd": "qd|joint_vel|dof_vel",
        "joint_qdd": "qdd|joint_acc|dof_acc",
        "armature": "rotor_inertia|joint_armature|reflected_inertia",
        "factor": "L|chol|h_factor",
        "mass_matrix": "H|joint_inertia|mass_mat",
        "world": "env|batch|w",
        "DOFS": "NUM_DOFS|NV|N_DOF",
        "ROWS": "NUM_ROWS|BODY_ROWS|NR",
        "BODIES": "NUM_BODIES|NUM_LINKS|NB",
    },
    adjoint="no",
    double=True,
    weight=13,
)
def joint_dynamics(d: Draft) -> None:
    """Solves for joint accelerations using a Cholesky factorization of the per-world mass matrix."""
    inertia = d.option("inertia", "diagonal", "blocks", "given", weights=(0.45, 0.45, 0.1))
    damping = d.option("damping", "none", "explicit", "implicit")
    skipped = d.option("skipped", "none", "mask", "list", "sleeping")
    place = d.option("solve", "new tile", "in place", "two solves")
    result = d.option("result", "accelerations", "velocities", "impulses")
    if result == "impulses":
        damping, skipped = "none", "mask" if skipped == "sleeping" else skipped  # impulses wake what sleeps
    kept = d.flag("keep factor", 0.4)
    d.calls({
        "accelerations": "solve_mass_matrix|forward_dynamics_tiled|joint_accelerations",
        "velocities": "integrate_joint_velocities|step_joint_velocities|advance_joint_velocities",
        "impulses": "apply_joint_impulses|impulse_response|impulses_to_velocities",
    }[result])  # fmt: skip
    worlds, dofs, bodies = d.pick(3, 4, 6), d.pick(4, 6, 8), d.pick(2, 3)
    rows = 6 * bodies
    extent_ = {
        "given": "",
        "diagonal": f"\nROWS = wp.constant({rows})",
        "blocks": f"\nBODIES = wp.constant({bodies})",
    }
    d.module(f"DOFS = wp.constant({dofs})" + extent_[inertia])
    if inertia == "given":
        d.input(
            "mass_matrix",
            "float",
            (worlds, dofs, dofs),
            0.05,
            0.2,
            about="joint-space inertia matrix, lower triangle only",
        )
    else:
        d.input(
            "jacobian", "float", (worlds, rows, dofs), -0.7, 0.7, about="body Jacobians, six rows per body"
        )
    if inertia == "diagonal":
        d.input(
            "inertia", "float", (worlds, rows), 0.5, 2.0, about="mass or principal inertia per Jacobian row"
        )
    elif inertia == "blocks":
        d.input(
            "inertia",
            "spatial_matrix",
            (worlds, bodies),
            0.5,
            2.0,
            "spd",
            about="body spatial inertias",
        )
        d.function("""
            @wp.func
            def inertia_entry(row: int, col: int, m: wp.spatial_matrix) -> float:
                return m[row, col]
        """)
    d.input(
        "armature",
        "float",
        (worlds, dofs),
        *((1.5, 2.5) if inertia == "given" else (0.5, 1.0)),
        about="joint armature (rotor inertia), added to the diagonal",
    )
    force = "joint_impulses" if result == "impulses" else "joint_f"
    d.input(
        force,
        "float",
        (worlds, dofs),
        -2.0,
        2.0,
        about="joint impulses" if result == "impulses" else "applied joint forces",
    )
    if result != "impulses":
        d.input("bias_f", "float", (worlds, dofs), -0.5, 0.5, about="Coriolis and gravity forces")
    needs_qd = damping != "none" or result == "velocities" or skipped == "sleeping"
    in_place = result == "velocities" and skipped != "none"  # worlds that are skipped keep their velocities
    if needs_qd:
        (d.inout if in_place else d.input)(
            "joint_qd", "float", (worlds, dofs), -1.0, 1.0, about="joint velocities"
        )
    if damping != "none":
        d.input("damping", "float", dofs, 0.1, 0.5, about="viscous joint damping")
    if skipped == "mask":
        d.mask("active", "bool", worlds, about="False for worlds that are paused")
    elif skipped == "list" and in_place:  # no world must be stepped twice
        d.input("world_ids", "int", worlds, kind="permutation", about="world indices in processing order")
    elif skipped == "list":
        d.input("world_ids", "int", worlds, -1, worlds, about="world indices to solve, -1 for unused entries")
    elif skipped == "sleeping":
        d.param(
            "sleep_speed",
            "float",
            (0.22 * dofs) ** 0.5,
            about="joint velocity norm below which a world sleeps",
        )
    if result == "velocities" or damping == "implicit":
        d.param("dt", "float", 0.01, 0.05, about="time step [s]")
    output, about = {
        "accelerations": ("joint_qdd", "joint accelerations"),
        "velocities": ("joint_qd" if in_place else "next_qd", "joint velocities after the step"),
        "impulses": ("delta_qd", "joint velocity changes due to the impulses"),
    }[result]
    if kept:
        d.output(
            "factors",
            "float",
            (worlds, dofs, dofs),
            about="Cholesky factors for use in the contact solver"
            + (
                ", unchanged for skipped worlds"
                if skipped != "none" and not (skipped == "list" and in_place)
                else ""
            ),
        )
    if not in_place:
        d.output(output, "float", (worlds, dofs), about=about)
    skip = {
        "none": "world = wp.tid()",
        "mask": "world = wp.tid()\n# The whole block returns together\nif not active[world]:\n    return",
        "list": "entry = wp.tid()\nworld = world_ids[entry]"
        + ("" if in_place else "\nif world < 0:\n    return"),
        "sleeping": (
            "world = wp.tid()\n"
            "vel = wp.tile_load(joint_qd[world], shape=DOFS)\n"
            "# Skip sleeping worlds to avoid the factorization\n"
            "if wp.tile_dot(vel, vel)[0] < sleep_speed * sleep_speed:\n    return"
        ),
    }[skipped]
    if skipped in ("mask", "sleeping") and not in_place:
        zeros = f"wp.tile_store({output}[world], wp.tile_zeros(shape=DOFS, dtype=float))"
        skip = skip.replace("    return", f"    {zeros}\n    return")
    build = {
        "given": "# The composite body algorithm only fills the lower triangle\n"
        "h = wp.tile_load(mass_matrix[world], shape=(DOFS, DOFS))",
        "diagonal": (
            "# M is diagonal, so M J only scales the rows of J\n"
            "j_tile = wp.tile_load(jacobian[world], shape=(ROWS, DOFS))\n"
            "m_diag = wp.tile_load(inertia[world], shape=ROWS)\n"
            "m_cols = wp.tile_broadcast(wp.tile_reshape(m_diag, shape=(ROWS, 1)), shape=(ROWS, DOFS))\n"
            "mj_tile = wp.tile_map(wp.mul, m_cols, j_tile)\n"
            "h = wp.tile_matmul(wp.tile_transpose(j_tile), mj_tile)"
        ),
        "blocks": (
            f"{places('6', '6')}\n"
            "h = wp.tile_zeros(shape=(DOFS, DOFS), dtype=float)\n"
            "for body in range(BODIES):\n"
            "    j_tile = wp.tile_load(jacobian[world], shape=(6, DOFS), offset=(6 * body, 0))\n"
            "    i_tile = wp.tile_map(inertia_entry, row_id, col_id, inertia[world, body])\n"
            "    ij_tile = wp.tile_matmul(i_tile, j_tile)\n"
            "    wp.tile_matmul(wp.tile_transpose(j_tile), ij_tile, h)"
        ),
    }[inertia]
    diagonal = "diag = wp.tile_load(armature[world], shape=DOFS)"
    if damping == "implicit":
        diagonal += (
            "\n# Implicit damping adds dt * D to the left-hand side, which is stable for stiff joints\n"
            "resistance = wp.tile_load(damping, shape=DOFS)\ndiag += dt * resistance"
        )
    factor = "factor = wp.tile_cholesky(h_reg)" if place != "in place" else "wp.tile_cholesky_inplace(h_reg)"
    name = "h_reg" if place == "in place" else "factor"
    storage = ', storage="shared"' if place == "in place" else ""
    rhs = f"rhs = wp.tile_load({force}[world], shape=DOFS{storage})"
    if result != "impulses":
        rhs += "\nrhs -= wp.tile_load(bias_f[world], shape=DOFS)"
    if needs_qd and (damping != "none" or result == "velocities") and skipped != "sleeping":
        rhs += "\nvel = wp.tile_load(joint_qd[world], shape=DOFS)"
    if damping != "none":
        resistance = "resistance" if damping == "implicit" else "wp.tile_load(damping, shape=DOFS)"
        rhs += f"\nrhs -= wp.tile_map(wp.mul, {resistance}, vel)"
    solve = {
        "new tile": f"solved = wp.tile_cholesky_solve({name}, rhs)",
        "in place": f"wp.tile_cholesky_solve_inplace({name}, rhs)",
        "two solves": (
            f"# L y = rhs, then L^T x = y\nhalf_solved = wp.tile_lower_solve({name}, rhs)\n"
            f"solved = wp.tile_upper_solve(wp.tile_transpose({name}), half_solved)"
        ),
    }[place]
    found = "rhs" if place == "in place" else "solved"
    store = f"wp.tile_store({output}[world], {found})"
    if result == "velocities":
        store = f"wp.tile_store({output}[world], vel + dt * {found})"
    keep = ""
    if kept:
        keep = f"wp.tile_store(factors[world], {name})"
    d.launch(worlds, tiled=True)
    d.code(
        f"$skip\n$build\n$diagonal\nh_reg = wp.tile_diag_add(h, diag)\n{factor}\n$keep\n$rhs\n$solve\n$store",
        skip=skip,
        build=build,
        diagonal=diagonal,
        keep=keep,
        rhs=rhs,
        solve=solve,
        store=store,
    )
    d.says(
        {
            "accelerations": "Solves for per-world joint accelerations using a Cholesky factorization.",
            "velocities": "Integrates joint velocities of each world using a factorized mass matrix.",
            "impulses": "Converts joint impulses to joint velocity changes using the per-world mass matrix.",
        }[result]
    )
    d.explain(
        {"given": "(H + diag(`armature`)", "diagonal": "(J^T M J + diag(`armature`)"}.get(
            inertia, "(sum J_b^T I_b J_b + diag(`armature`)"
        )
        + (" + `dt` D)" if damping == "implicit" else ")")
        + (" qdd = tau - bias" if result != "impulses" else " dqd = p")
        + (" - D qd" if damping != "none" else "")
        + "; one thread block per world."
        + (
            " Sleeping worlds stay asleep regardless of applied forces until their joint velocity exceeds the threshold."
            if skipped == "sleeping"
            else ""
        )
    )

    def reference(v: Values) -> Mapping[str, Any]:
        if inertia == "given":
            low = np.tril(v.mass_matrix)
            h = low + np.swapaxes(np.tril(v.mass_matrix, -1), 1, 2)
        elif inertia == "diagonal":
            h = np.einsum("wri,wr,wrj->wij", v.jacobian, v.inertia, v.jacobian)
        else:
            j = v.jacobian.reshape(worlds, bodies, 6, dofs)
            h = np.einsum("wbri,wbrs,wbsj->wij", j, v.inertia, j)
        diag = v.armature + (v.dt * v.damping if damping == "implicit" else 0.0)
        h = h + diag[:, :, None] * np.eye(dofs)
        r = v[force] - (v.bias_f if result != "impulses" else 0.0)
        if damping != "none":
            r = r - v.damping * v.joint_qd
        x = np.linalg.solve(h, r[:, :, None])[:, :, 0]
        if result == "velocities":
            x = v.joint_qd + v.dt * x
        there = np.ones(worlds, bool)
        if skipped == "mask":
            there = v.active
        elif skipped == "list":
            there = np.isin(np.arange(worlds), v.world_ids)
        elif skipped == "sleeping":
            there = (v.joint_qd**2).sum(axis=1) >= v.sleep_speed**2
        answer = {output: np.where(there[:, None], x, v.joint_qd if in_place else 0.0)}
        if kept:
            answer["factors"] = np.linalg.cholesky(h) * there[:, None, None]
        return answer

    d.check(reference, 2e-3)
