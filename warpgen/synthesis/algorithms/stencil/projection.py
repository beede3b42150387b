"""Incompressible flow on grids: divergence, pressure, what both do to velocities, and vorticity."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.stencil import DOMAIN
from warpgen.synthesis.algorithms.stencil.grid import NAMES, Grid, total, unit
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Harlow & Welch 1965; Bridson 2015, Fluid Simulation, ch. 5",
    names=NAMES
    | {
        "mac_divergence": "divergence|compute_divergence|divergence_mac",
        "div": "divergence_out|div_u",
        "rhs": "b|right_side",
        "outflow": "net_flow|flow_out",
        "solid": "is_solid|obstacle|wall",
        "rho": "density|fluid_density",
    },
    double=True,
)
def mac_divergence(d: Draft) -> None:
    """Computes the divergence on a staggered (MAC) grid."""
    ndim = d.option("dimension", 2, 3)
    solid = d.option("solids", "none", "faces", "cells")
    rhs = d.option("result", "divergence", "right-hand side", "outflow")
    layout = d.option("layout", "nd", "flat")
    if rhs != "divergence":
        d.calls({
            "right-hand side": "pressure_rhs|poisson_rhs|pressure_right_hand_side",
            "outflow": "net_outflow|cell_outflow|mac_outflow",
        }[rhs])  # fmt: skip
    sides = tuple(d.pick(*((8, 10, 12, 16) if ndim == 2 else (5, 6, 7))) for _ in range(ndim))
    letters, axes = "ijk"[:ndim], "xyz"[:ndim]
    sizes = [f"n{c}" for c in axes]
    faces = [tuple(n + (a == axis) for a, n in enumerate(sides)) for axis in range(ndim)]
    kind = " with fractional face openings" if solid == "faces" else ""
    said = {"divergence": "divergence", "outflow": "net outflow per cell"}.get(
        rhs, "pressure Poisson right-hand side"
    )
    d.says(f"Computes the {said} on a staggered (MAC) grid{kind}.")
    out = {"divergence": "div", "outflow": "outflow"}.get(rhs, "rhs")
    flat = layout == "flat"
    for axis, c in enumerate("uvw"[:ndim]):
        d.input(
            c,
            "float",
            int(np.prod(faces[axis])) if flat else faces[axis],
            -1.0,
            1.0,
            about=f"{axes[axis]}-velocity at the {axes[axis]}-faces",
        )
    if solid == "cells":
        cells = int(np.prod(sides)) if flat else sides
        d.mask("solid", "int", cells, rare=True, about="1 for solid cells")
    elif solid == "faces":
        for axis in range(ndim):
            extent = int(np.prod(faces[axis])) if flat else faces[axis]
            d.input(f"open_{axes[axis]}", "float", extent, about=f"Open fraction of the {axes[axis]}-faces")
    d.param("dx", "float", 0.1, 0.5, about="Grid spacing")
    if rhs == "right-hand side":
        d.param("dt", "float", 0.05, 0.2, about="Time step")
        d.param("rho", "float", 0.5, 2.0, about="Fluid density")
    if flat:
        for name, n in zip(sizes, sides, strict=True):
            d.param(name, "int", n)
    about = {"div": "Divergence", "rhs": "Right-hand side", "outflow": "Net outflow"}[out]
    d.output(out, "float", int(np.prod(sides)) if flat else sides, about=about)

    def index(extents: list[str], step: int = -1) -> str:
        parts = [f"{c} + 1" if a == step else c for a, c in enumerate(letters)]
        if not flat:
            return ", ".join(parts)
        text = f"({parts[0]})" if " " in parts[0] else parts[0]
        for a in range(1, ndim):
            n = f"({extents[a]})" if " " in extents[a] else extents[a]
            text = f"({text} * {n} + {parts[a]})" if a < ndim - 1 else f"{text} * {n} + {parts[a]}"
        return text

    if flat:
        n = sizes[-1]
        lines = ["tid = wp.tid()"]
        lines += (
            [f"i = tid // {n}", f"j = tid % {n}"]
            if ndim == 2
            else ["i = tid // (ny * nz)", "j = (tid // nz) % ny", "k = tid % nz"]
        )
        own = "tid"
    else:
        lines, own = [f"{', '.join(letters)} = wp.tid()"], ", ".join(letters)
    if solid == "cells":
        lines += [f"if solid[{own}] == 1:", "    # solid cells are not part of the solve"]
        lines += [f"    {out}[{own}] = 0.0", "    return"]
    terms = []
    for axis, c in enumerate("uvw"[:ndim]):
        extents = [f"{n} + 1" if a == axis else n for a, n in enumerate(sizes)]
        low, high = index(extents), index(extents, axis)
        if solid == "faces":
            o = f"open_{axes[axis]}"
            lines += [f"net_{axes[axis]} = {o}[{high}] * {c}[{high}] - {o}[{low}] * {c}[{low}]"]
            terms.append(f"net_{axes[axis]}")
        else:
            terms.append(f"{c}[{high}] - {c}[{low}]")
    whole = total(terms)
    if rhs == "divergence":
        lines.append(f"div[{own}] = {whole if whole.startswith('(') else f'({whole})'} / dx")
    elif rhs == "outflow":
        area = "dx" if ndim == 2 else "dx * dx"
        lines += [f"net = {whole}", f"outflow[{own}] = net * {area}"]
    else:
        lines += [f"net = {whole}", "# lap(p) = rho / dt div(u)", f"rhs[{own}] = rho * net / (dt * dx)"]
    d.launch(int(np.prod(sides)) if flat else sides[0], *(() if flat else sides[1:]))
    d.code("\n".join(lines))
    d.explain("MAC grid: u[i] is stored on the lower x-face of cell i, so u has nx + 1 entries along x.")

    def reference(v: Values) -> dict[str, Any]:
        net: Any = 0.0
        for axis, c in enumerate("uvw"[:ndim]):
            face = v[c].reshape(faces[axis])
            if solid == "faces":
                face = face * v[f"open_{axes[axis]}"].reshape(faces[axis])
            net = net + np.diff(face, axis=axis)
        value = {"divergence": net / v.dx, "outflow": net * v.dx ** (ndim - 1)}.get(rhs)
        if value is None:
            value = v.rho / v.dt * net / v.dx
        if solid == "cells":
            value = np.where(v.solid.reshape(sides) == 1, 0.0, value)
        return {out: value.reshape(-1) if flat else value}

    d.check(reference)


@DOMAIN.algorithm(
    source="Chorin 1968; Bridson 2015, Fluid Simulation, ch. 5",
    names=NAMES
    | {
        "subtract_pressure_gradient": "project_velocity|apply_pressure|pressure_projection",
        "p": "pressure|press",
        "vel": "velocity",
        "vel_out": "projected|velocity_out",
        "rho": "density|fluid_density",
        "dp": "delta_p|p_diff",
    },
    double=True,
    weight=3,
)
def subtract_pressure_gradient(d: Draft) -> None:
    """Subtracts the pressure gradient from cell-centered velocities (projection)."""
    ndim = d.option("dimension", 2, 3, weights=(0.6, 0.4))
    order = d.option("difference", "central", "one-sided")
    edges = ("periodic", "wrap", "clamp", "clamp func", "fixed")
    g = Grid(d, ndim, edges, ahead=order == "one-sided")
    scaled = d.option("scale", "plain", "physical", "none")
    place = d.option("place", "out", "in place")
    slip = d.flag("wall") if g.edges in ("clamp", "clamp func") else False
    if order == "one-sided":
        d.says("Subtracts the pressure gradient from velocities using forward differences (projection).")
    vec = f"vec{g.ndim}"
    about = "Pressure" if scaled == "physical" else "Pressure scaled by dt / rho"
    d.input("p", "float", g.shape, -1.0, 1.0, about=about)
    if place == "out":
        d.input("vel", vec, g.shape, -1.0, 1.0, about="Velocity field")
    else:
        d.inout("vel", vec, g.shape, -1.0, 1.0, about="Velocity field")
    if scaled == "physical":
        d.param("dt", "float", 0.05, 0.2, about="Time step")
        d.param("rho", "float", 0.5, 2.0, about="Fluid density")
    if scaled != "none":
        d.param("dx", "float", 0.2, 0.5, about="Grid spacing")
    g.sized(d)
    if place == "out":
        d.output("vel_out", vec, g.shape, about="Projected velocity")
    parts = []
    for axis in range(g.ndim):
        high = g.at("p", *unit(axis, g.ndim, 1))
        parts.append(f"{high} - {g.at('p', *unit(axis, g.ndim, -1)) if order == 'central' else g.at('p')}")
    half = order == "central"
    coefficient = {
        "plain": "0.5 / dx" if half else "1.0 / dx",
        "physical": "0.5 * dt / (rho * dx)" if half else "dt / (rho * dx)",
        "none": "0.5" if half else "1.0",
    }[scaled]
    grad = f"wp.{vec}(" + ", ".join(parts) + ")"
    if len(grad) > 76:
        grad = f"wp.{vec}(\n" + "".join(f"    {part},\n" for part in parts) + ")"
    new = g.at("vel_out" if place == "out" else "vel")
    step = {"1.0": "dp", "1.0 / dx": "dp / dx"}.get(coefficient, f"{coefficient} * dp")
    lines = [f"dp = {grad}"]
    if slip:
        lines += [
            f"v = {g.at('vel')} - {step}",
            "# Free-slip walls: zero out the normal velocity",
        ]
        for axis in range(g.ndim):
            c, n = "ijk"[axis], g.sizes[axis]
            kept = ", ".join("0.0" if a == axis else f"v[{a}]" for a in range(g.ndim))
            lines += [f"if {c} == 0 or {c} == {n} - 1:", f"    v = wp.{vec}({kept})"]
        lines.append(f"{new} = v")
    elif place == "in place":
        lines.append(f"{new} -= {step}" if d.pick(True, False) else f"{new} = {new} - {step}")
    else:
        lines.append(f"{new} = {g.at('vel')} - {step}")
    g.code(d, "\n".join(lines), "p", border=f"{new} = {g.at('vel')}" if place == "out" else "")
    d.explain({
        "physical": "u = u* - dt / rho grad(p), where p solves lap(p) = rho / dt div(u*).",
        "plain": "u = u* - grad(p), where p solves lap(p) = div(u*) and already includes dt / rho.",
        "none": "u = u* - grad(p) on a grid of unit spacing, where p solves lap(p) = div(u*).",
    }[scaled] + ("" if half else " Uses forward differences, so the divergence must use backward differences.") + (" No flow through the walls at the grid edges." if slip else ""))  # fmt: skip

    def reference(v: Values) -> dict[str, Any]:
        steps = (-1 if half else 0, 1)
        p = [[g.near(v.p, *unit(a, g.ndim, s)) if s else g.grid(v.p) for s in steps] for a in range(g.ndim)]
        factor = 1.0 if scaled == "none" else (v.dt / v.rho if scaled == "physical" else 1.0) / v.dx
        old = g.grid(v.vel)
        new = old - factor * (0.5 if half else 1.0) * np.stack([high - low for low, high in p], -1)
        if slip:
            for axis in range(g.ndim):
                view = np.moveaxis(new, axis, 0)
                view[[0, -1], ..., axis] = 0.0
        return {"vel_out" if place == "out" else "vel": g.result(new, border=old)}

    d.check(reference)


@DOMAIN.algorithm(
    source="Saad 2003, Iterative Methods for Sparse Linear Systems, ch. 4",
    names=NAMES
    | {
        "poisson_sweep": "jacobi_iteration|pressure_solve_step|relax|poisson_relaxation",
        "p": "pressure|x",
        "updated": "out|result",
        "b": "rhs|source",
        "omega": "relaxation|damping",
        "residual": "res|defect",
    },
    double=True,
    weight=3,
)
def poisson_sweep(d: Draft) -> None:
    """Performs one damped Jacobi sweep for the discrete Poisson equation lap(p) = b."""
    ndim = d.option("dimension", 1, 2, 3, weights=(0.2, 0.5, 0.3))
    g = Grid(d, ndim, ("periodic", "wrap", "clamp", "fixed", "interior"))
    damped = d.option("damping", "none", "param", "two thirds")
    screened = d.flag("screened", 0.3)
    residual = d.flag("residual", 0.3)
    d.input("p", "float", g.shape, -1.0, 1.0, about="Pressure")
    d.input("b", "float", g.shape, -1.0, 1.0, about="Right-hand side")
    d.param("dx", "float", 0.2, 1.0, about="Grid spacing")
    if damped == "param":
        d.param("omega", "float", 0.5, 0.9, about="Relaxation factor")
    if screened:
        d.param("kappa2", "float", 0.1, 2.0, about="Squared screening constant kappa^2")
        d.says("Performs one damped Jacobi sweep for the screened Poisson equation lap(p) - kappa^2 p = b.")
    g.sized(d)
    d.output("updated", "float", g.shape, about="Updated pressure")
    if residual:
        d.output("residual", "float", g.shape, about="Residual before the sweep")
    around = total([g.at("p", *unit(a, ndim, s)) for a in range(ndim) for s in (-1, 1)])
    own, new = g.at("p"), g.at("updated")
    diagonal = f"({2 * ndim}.0 + kappa2 * dx * dx)" if screened else f"{2 * ndim}.0"
    lines = [f"around = {around}"]
    if residual:
        lines.append(f"{g.at('residual')} = {g.at('b')} - (around - {diagonal} * {own}) / (dx * dx)")
    lines.append(f"relaxed = (around - dx * dx * {g.at('b')}) / {diagonal}")
    if damped == "none":
        lines[-1] = lines[-1].replace("relaxed", new, 1)
    elif damped == "param":
        lines.append(f"{new} = {own} + omega * (relaxed - {own})")
    else:
        if ndim == 1:
            lines.append("# omega = 2/3, a common choice for multigrid smoothing")
        lines.append(f"{new} = ({own} + 2.0 * relaxed) / 3.0")
    rim = f"\n{g.at('residual')} = 0.0" if residual else ""
    g.code(d, "\n".join(lines), "p", border=f"{new} = {own}{rim}")
    if damped == "none":
        d.says(
            f"Performs one Jacobi sweep for the {'screened ' if screened else 'discrete '}Poisson equation"
            f" lap(p){' - kappa^2 p' if screened else ''} = b."
        )

    def reference(v: Values) -> dict[str, Any]:
        p, b = g.grid(v.p), g.grid(v.b)
        around = sum(g.near(v.p, *unit(a, ndim, s)) for a in range(ndim) for s in (-1, 1))
        diagonal = 2 * ndim + (v.kappa2 * v.dx**2 if screened else 0.0)
        rest = b - (around - diagonal * p) / v.dx**2
        weight = {"none": 1.0, "param": v.get("omega"), "two thirds": 2 / 3}[damped]
        new = p - weight * rest * v.dx**2 / diagonal  # x + w D^-1 r, D = -diagonal / dx^2
        found = {"updated": g.result(new, border=p if g.edges == "fixed" else 0.0)}
        return found | ({"residual": g.result(rest)} if residual else {})

    d.check(reference)


@DOMAIN.algorithm(
    source="Young 1971; Saad 2003, Iterative Methods for Sparse Linear Systems, ch. 4",
    names=NAMES
    | {
        "red_black_sor": "sor_sweep|sor_color_pass|red_black_relaxation",
        "p": "pressure|x",
        "b": "rhs|source",
        "omega": "relaxation|over_relaxation",
        "parity": "color",
        "is_fixed": "fixed_cells|is_held|dirichlet_mask",
    },
    double=True,
    adjoint="either",
)
def red_black_sor(d: Draft) -> None:
    """Performs one color pass of red-black SOR for lap(p) = b."""
    ndim = d.option("dimension", 2, 3, weights=(0.65, 0.35))
    even = (12, 16, 20) if ndim == 2 else (6, 8)
    g = Grid(d, ndim, ("periodic", "wrap", "clamp", "fixed", "interior"), sizes=even)
    over = d.flag("over-relaxed")
    mask = d.flag("mask", 0.4)
    if not over:
        d.calls("red_black_gauss_seidel|gauss_seidel_color|relax_color")
        d.says("Performs one color pass of red-black Gauss-Seidel for lap(p) = b.")
    d.inout("p", "float", g.shape, -1.0, 1.0, about="Pressure")
    d.input("b", "float", g.shape, -1.0, 1.0, about="Right-hand side")
    if mask:
        d.mask(
            "is_fixed", "int", g.shape, rare=True, about="Dirichlet mask, 1 for cells with a fixed pressure"
        )
    if over:
        d.param("omega", "float", 1.1, 1.8, about="Relaxation factor")
    d.param("dx", "float", 0.2, 1.0, about="Grid spacing")
    d.param("parity", "int", d.pick(0, 1), about="Color to update, 0 or 1")
    g.sized(d)
    own, cells = g.at("p"), " + ".join("ijk"[:ndim])
    lines = [f"if ({cells}) % 2 != parity:", "    return"]
    if mask:
        lines += [f"if {g.at('is_fixed')} != 0:", "    return"]
    lines.append(f"around = {total([g.at('p', *unit(a, ndim, s)) for a in range(ndim) for s in (-1, 1)])}")
    relaxed = f"(around - dx * dx * {g.at('b')}) / {2 * ndim}.0"
    if over:
        mixed = f"{own} = (1.0 - omega) * {own} + omega * {relaxed}"
        lines.append(d.pick(mixed, f"{own} += omega * ({relaxed} - {own})"))
    else:
        lines.append(f"{own} = {relaxed}")
    g.code(d, "\n".join(lines), "p")
    even_ = " Requires even extents along periodic axes." if g.edges in ("periodic", "wrap") else ""
    d.explain(f"""
        Red cells only have black neighbors, so all cells of one color can be updated in place
        in parallel. Launch with `parity` 0, then 1.{even_}
    """)

    def reference(v: Values) -> dict[str, Any]:
        p = g.grid(v.p)
        around = sum(g.near(v.p, *unit(a, ndim, s)) for a in range(ndim) for s in (-1, 1))
        relaxed = (around - v.dx**2 * g.grid(v.b)) / (2 * ndim)
        chosen = np.indices(g.sides).sum(0) % 2 == v.parity
        if mask:
            chosen &= g.grid(v.is_fixed) == 0
        w = v.omega if over else 1.0
        return {"p": g.result(np.where(chosen, p + w * (relaxed - p), p), border=p)}

    d.check(reference)
