"""Lattice Boltzmann in moment space: a whole step of D2Q9 with several relaxation times."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.stencil import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import piece

RATES = piece(
    '''
@wp.struct
class RelaxationRates:
    """Relaxation rates of the moments; s_nu sets the viscosity, nu = (1 / s_nu - 0.5) / 3."""

    s_e: float
    s_eps: float
    s_q: float
    s_nu: float
'''
)
_RATES = {
    "s_e": fill(1.1, 1.5),
    "s_eps": fill(1.0, 1.4),
    "s_q": fill(1.1, 1.8),
    "s_nu": fill(0.8, 1.8),
}
_RELAXED = {"s_e": "energy", "s_eps": "energy squared", "s_q": "energy flux", "s_nu": "stress"}

# Directions 0 .. 8 (rest, axes, diagonals), their opposites, and rows of the moments of Lallemand & Luo.
_C = np.array([(0, 0), (1, 0), (0, 1), (-1, 0), (0, -1), (1, 1), (-1, 1), (-1, -1), (1, -1)])
_OPPOSITE = (0, 3, 4, 1, 2, 7, 8, 5, 6)
_M = np.array(
    [
        [1, 1, 1, 1, 1, 1, 1, 1, 1],
        [-4, -1, -1, -1, -1, 2, 2, 2, 2],
        [4, -2, -2, -2, -2, 1, 1, 1, 1],
        [0, 1, 0, -1, 0, 1, -1, -1, 1],
        [0, -2, 0, 2, 0, 1, -1, -1, 1],
        [0, 0, 1, 0, -1, 1, 1, -1, -1],
        [0, 0, -2, 0, 2, 1, 1, -1, -1],
        [0, 1, -1, 1, -1, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 1, -1, 1, -1],
    ]
)
_SIDES = {-1: ("east", "north"), 0: ("i", "j"), 1: ("west", "south")}
_WEIGHTS = (4 / 9, 1 / 9, 1 / 9, 1 / 9, 1 / 9, 1 / 36, 1 / 36, 1 / 36, 1 / 36)


@DOMAIN.algorithm(
    source="Lallemand & Luo 2000 (moments); Guo, Zheng & Shi 2002 (forcing); Hou et al. 1996 (Smagorinsky)",
    names={
        "mrt_step": "lbm_mrt|lattice_boltzmann_step|stream_collide|mrt_stream_collide",
        "f": "f_in|populations",
        "f_new": "f_out|f_next",
        "rho": "density",
        "rates": "relaxation|s",
        "solid": "is_solid|obstacle|wall",
    },
    double=True,
    weight=9,
)
def mrt_step(d: Draft) -> None:
    """Streams the populations of a D2Q9 lattice and collides them in moment space (MRT)."""
    order = d.option("order", "directions first", "cells first")
    boundary = d.option("boundary", "periodic", "channel", "lid")
    obstacles = d.flag("obstacles", 0.5)
    force = d.option("force", "none", "uniform", "field")
    turbulence = d.flag("turbulence", 0.4)
    rates = d.option("rates", "struct", "values")
    nx, ny = d.pick(8, 10, 12), d.pick(8, 10)
    shape = (9, nx, ny) if order == "directions first" else (nx, ny, 9)

    def at(name: str, q: object, i: str = "i", j: str = "j") -> str:
        return f"{name}[{q}, {i}, {j}]" if order == "directions first" else f"{name}[{i}, {j}, {q}]"

    dot = "rates." if rates == "struct" else ""
    where = "(9, nx, ny)" if order == "directions first" else "(nx, ny, 9)"
    d.input("f", "float", shape, 0.08, 0.14, about=f"Populations, shape {where}")
    if obstacles:
        d.mask("solid", "bool", (nx, ny), rare=True, about="True for obstacle cells")
    if rates == "struct":
        d.struct("rates", RATES, _RATES, about="Relaxation rates")
    else:
        for name, filled in _RATES.items():
            d.param(
                name,
                "float",
                filled.low,
                filled.high,
                about=f"Relaxation rate for the {_RELAXED[name]} moment",
            )
    if force == "uniform":
        d.param("force", "vec2", -0.01, 0.01, about="Force per cell, in lattice units")
    elif force == "field":
        d.input("body_force", "vec2", (nx, ny), -0.01, 0.01, about="Force per cell, in lattice units")
    if boundary == "lid":
        d.param("lid_speed", "float", 0.05, 0.1, about="Lid speed along x, in lattice units")
    if turbulence:
        d.param("smagorinsky", "float", 0.1, 0.2, about="Smagorinsky constant")
    d.output("f_new", "float", shape, about="Updated populations")
    within = {"periodic": [], "channel": ["channel walls"], "lid": ["walls", "a moving lid"]}[boundary]
    within += ["obstacles"] * obstacles + ["a force"] * (force != "none")
    within += ["a Smagorinsky eddy viscosity"] * turbulence
    if within:
        among = " and ".join([*([", ".join(within[:-1])] if within[1:] else []), within[-1]])
        d.says(
            f"Performs a D2Q9 stream-collide step with multiple relaxation times (MRT), including {among}."
        )
    lines = []
    for q in range(1, 9):
        upwind = _SIDES[int(_C[q, 0])][0], _SIDES[int(_C[q, 1])][1]
        lines.append(f"f{q} = {at('f', q, *upwind)}")
    pull = "\n".join(lines)
    walls: list[str] = []
    back = {q: at("f", _OPPOSITE[q]) for q in range(1, 9)}
    if obstacles:
        walls += ["# Bounce back populations arriving from obstacle cells"]
        for q in range(1, 9):
            upwind = _SIDES[int(_C[q, 0])][0], _SIDES[int(_C[q, 1])][1]
            walls += [f"if solid[{upwind[0]}, {upwind[1]}]:", f"    f{q} = {back[q]}"]
    # Walls come last: neighbours wrap around, and no obstacle beyond a lid may take its drag.
    if boundary != "periodic":
        walls += ["# No-slip walls (half-way bounce-back)", "if j == 0:"]
        walls += [f"    f{q} = {back[q]}" for q in (2, 5, 6)]
        if boundary == "lid":
            walls += ["# Moving lid adds momentum 6 w rho_0 (c . u)", "if j == ny - 1:"]
            walls += ["    drag = lid_speed / 6.0"]
            walls += [f"    f4 = {back[4]}", f"    f7 = {back[7]} - drag", f"    f8 = {back[8]} + drag"]
            walls += ["if i == 0:"] + [f"    f{q} = {back[q]}" for q in (1, 5, 8)]
            walls += ["if i == nx - 1:"] + [f"    f{q} = {back[q]}" for q in (3, 6, 7)]
        else:
            walls += ["if j == ny - 1:"] + [f"    f{q} = {back[q]}" for q in (4, 7, 8)]
    neighbors = """
    west = (i + nx - 1) % nx
    east = (i + 1) % nx
    south = (j + ny - 1) % ny
    north = (j + 1) % ny
    """
    push = {"none": "", "uniform": "", "field": "force = body_force[i, j]"}[force]
    add = """
    # Guo forcing: add half the force to the momentum
    jx += 0.5 * force[0]
    jy += 0.5 * force[1]
    """
    eddy = f"""
    # Smagorinsky model: strain rate from the non-equilibrium stress, without finite differences
    off_diff = stress_diff - stress_diff_eq
    off_xy = stress_xy - stress_xy_eq
    stress_norm = wp.sqrt(off_diff * off_diff + 4.0 * off_xy * off_xy + 1.0e-12)
    tau = 1.0 / {dot}s_nu
    tau_eddy = 0.5 * (wp.sqrt(tau * tau + 18.0 * smagorinsky * smagorinsky * stress_norm / rho) - tau)
    s_stress = 1.0 / (tau + tau_eddy)
    """
    s_stress = "s_stress" if turbulence else f"{dot}s_nu"
    source = f"""
    # Forcing terms in moment space, scaled by (1 - s / 2)
    ux = jx / rho
    uy = jy / rho
    work = 6.0 * (ux * force[0] + uy * force[1])
    energy += (1.0 - 0.5 * {dot}s_e) * work
    energy_sq -= (1.0 - 0.5 * {dot}s_eps) * work
    flux_x -= (1.0 - 0.5 * {dot}s_q) * force[0]
    flux_y -= (1.0 - 0.5 * {dot}s_q) * force[1]
    stress_diff += (1.0 - 0.5 * {s_stress}) * 2.0 * (ux * force[0] - uy * force[1])
    stress_xy += (1.0 - 0.5 * {s_stress}) * (ux * force[1] + uy * force[0])
    # Add the other half of the force to the momentum
    jx += 0.5 * force[0]
    jy += 0.5 * force[1]
    """
    kept = f"{at('f_new', 'q')} = {at('f', 'q')}"
    d.launch(nx, ny)
    d.code(
        """
        i, j = wp.tid()
        $skip
        nx = $nx
        ny = $ny
        $neighbors
        # Pull scheme: gather from upstream so that each thread writes only its own cell
        f0 = $f0
        $pull
        $walls
        # Transform to moment space (Lallemand and Luo 2000)
        axes = f1 + f2 + f3 + f4
        diagonals = f5 + f6 + f7 + f8
        rho = f0 + axes + diagonals
        energy = -4.0 * f0 - axes + 2.0 * diagonals
        energy_sq = 4.0 * f0 - 2.0 * axes + diagonals
        jx = f1 - f3 + f5 - f6 - f7 + f8
        jy = f2 - f4 + f5 + f6 - f7 - f8
        flux_x = -2.0 * (f1 - f3) + f5 - f6 - f7 + f8
        flux_y = -2.0 * (f2 - f4) + f5 + f6 - f7 - f8
        stress_diff = f1 - f2 + f3 - f4
        stress_xy = f5 - f6 + f7 - f8
        $push
        $add
        # Equilibria of the non-conserved moments
        j_sq = (jx * jx + jy * jy) / rho
        energy_eq = -2.0 * rho + 3.0 * j_sq
        energy_sq_eq = rho - 3.0 * j_sq
        stress_diff_eq = (jx * jx - jy * jy) / rho
        stress_xy_eq = jx * jy / rho
        $eddy
        # Relax toward equilibrium
        energy -= $s_e * (energy - energy_eq)
        energy_sq -= $s_eps * (energy_sq - energy_sq_eq)
        flux_x -= $s_q * (flux_x + jx)
        flux_y -= $s_q * (flux_y + jy)
        stress_diff -= $s_stress * $off_diff
        stress_xy -= $s_stress * $off_xy
        $source
        # Transform back to populations: M^-1 is M^T divided by the squared row norms
        a_rest = rho / 9.0 - energy / 9.0 + energy_sq / 9.0
        a_axis = rho / 9.0 - energy / 36.0 - energy_sq / 18.0
        a_diag = rho / 9.0 + energy / 18.0 + energy_sq / 36.0
        axis_x = jx / 6.0 - flux_x / 6.0
        axis_y = jy / 6.0 - flux_y / 6.0
        diag_x = jx / 6.0 + flux_x / 12.0
        diag_y = jy / 6.0 + flux_y / 12.0
        $f_new0 = a_rest
        $f_new1 = a_axis + axis_x + 0.25 * stress_diff
        $f_new2 = a_axis + axis_y - 0.25 * stress_diff
        $f_new3 = a_axis - axis_x + 0.25 * stress_diff
        $f_new4 = a_axis - axis_y - 0.25 * stress_diff
        $f_new5 = a_diag + diag_x + diag_y + 0.25 * stress_xy
        $f_new6 = a_diag - diag_x + diag_y - 0.25 * stress_xy
        $f_new7 = a_diag - diag_x - diag_y + 0.25 * stress_xy
        $f_new8 = a_diag + diag_x - diag_y - 0.25 * stress_xy
        """,
        skip=f"# Skip obstacle cells\nif solid[i, j]:\n    for q in range(9):\n        {kept}\n    return"
        if obstacles
        else "",
        nx="f.shape[1]" if order == "directions first" else "f.shape[0]",
        ny="f.shape[2]" if order == "directions first" else "f.shape[1]",
        neighbors=neighbors,
        f0=at("f", 0),
        pull=pull,
        walls="\n".join(walls),
        push=push,
        add=add if force != "none" else "",
        eddy=eddy if turbulence else "",
        s_e=f"{dot}s_e",
        s_eps=f"{dot}s_eps",
        s_q=f"{dot}s_q",
        s_stress=s_stress,
        off_diff="off_diff" if turbulence else "(stress_diff - stress_diff_eq)",
        off_xy="off_xy" if turbulence else "(stress_xy - stress_xy_eq)",
        source=source if force != "none" else "",
        **{f"f_new{q}": at("f_new", q) for q in range(9)},
    )
    d.explain("""
        Direction 0 is rest, 1 to 4 are east, north, west and south, and 5 to 8 the diagonals in
        counterclockwise order from north-east. Each moment type has its own relaxation rate.
    """)

    def pulled(v: Values, f: Any) -> Any:
        """The populations (9, nx, ny) that arrive at each cell."""
        made = f.copy()
        for q, (cx, cy) in enumerate(_C):
            x, y = np.meshgrid(np.arange(nx) - cx, np.arange(ny) - cy, indexing="ij")
            bounced, gain = np.zeros((nx, ny), bool), np.zeros((nx, ny))
            if boundary != "periodic":
                bounced |= (y < 0) | (y >= ny)
            if boundary == "lid":
                gain = np.where(y >= ny, 6.0 * _WEIGHTS[q] * cx * v.lid_speed, 0.0)
                side = (x < 0) | (x >= nx)
                gain, bounced = np.where(side, 0.0, gain), bounced | side
            if obstacles and q:
                bounced |= v.solid[x % nx, y % ny]
            made[q] = np.where(bounced, f[_OPPOSITE[q]] + gain, f[q][x % nx, y % ny])
        return made

    def reference(v: Values) -> dict[str, Any]:
        f = v.f if order == "directions first" else np.moveaxis(v.f, -1, 0)
        s = {name: v[f"{dot}{name}"] for name in _RATES}
        before, f = f, pulled(v, f)
        push_ = np.zeros((2, nx, ny))
        if force != "none":
            push_ = np.moveaxis(
                np.broadcast_to(v["force" if force == "uniform" else "body_force"], (nx, ny, 2)), -1, 0
            )
        m = np.einsum("mq,qxy->mxy", _M, f)
        rho, (jx, jy) = m[0], m[[3, 5]] + 0.5 * push_
        ux, uy = jx / rho, jy / rho
        square = rho * (ux**2 + uy**2)
        equilibrium = np.stack(
            [
                rho,
                -2.0 * rho + 3.0 * square,
                rho - 3.0 * square,
                jx,
                -jx,
                jy,
                -jy,
                rho * (ux**2 - uy**2),
                rho * ux * uy,
            ]
        )
        work = 6.0 * (ux * push_[0] + uy * push_[1])
        sources = np.stack(
            [0.0 * rho, work, -work, push_[0], -push_[0], push_[1], -push_[1],
             2.0 * (ux * push_[0] - uy * push_[1]), ux * push_[1] + uy * push_[0]]
        )  # fmt: skip
        slow = s["s_nu"] * np.ones((nx, ny))
        if turbulence:
            gap = m - equilibrium
            norm, tau = np.sqrt(gap[7] ** 2 + 4.0 * gap[8] ** 2 + 1e-12), 1.0 / s["s_nu"]
            slow = 2.0 / (tau + np.sqrt(tau**2 + 18.0 * v.smagorinsky**2 * norm / rho))
        ones = np.ones((nx, ny))
        rate = np.stack([0.0 * ones, s["s_e"] * ones, s["s_eps"] * ones, 0.0 * ones, s["s_q"] * ones, 0.0 * ones,
                         s["s_q"] * ones, slow, slow])  # fmt: skip
        after = m - rate * (m - equilibrium) + (1.0 - 0.5 * rate) * sources
        made = np.einsum("qm,mxy->qxy", np.linalg.inv(_M), after)
        if obstacles:
            made = np.where(v.solid, before, made)
        return {"f_new": made if order == "directions first" else np.moveaxis(made, 0, -1)}

    d.check(reference, 5e-4)
