"""Lattice Boltzmann: collision, streaming, moments and walls."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.stencil import DOMAIN
from warpgen.synthesis.library import lattice
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "f": "f_in|populations",
    "f_new": "f_out|f_next",
    "c": "e|c_k",
    "rho": "density|local_density",
    "u": "velocity|vel",
    "tau": "relaxation_time|tau_f",
    "omega": "inv_tau|relaxation",
    "solid": "obstacle|is_wall|mask",
    "k": "q|direction",
}


class Populations:
    """Distribution functions on a lattice: cells first or directions first, cells flat or on axes."""

    def __init__(self, d: Draft, flat: bool | None = None) -> None:
        self.lattice = d.option("lattice", lattice.D2Q9, lattice.D3Q19, weights=(0.65, 0.35))
        self.soa = d.option("order", "directions first", "cells first") == "directions first"
        self.ndim = self.lattice.ndim
        self.q = len(self.lattice.c)
        self.flat = (
            (d.option("cells", "axes", "flat") == "flat" if self.ndim == 2 else True)
            if flat is None
            else flat
        )
        if self.ndim == 2:
            self.sides: tuple[int, ...] = (d.pick(8, 10, 12), d.pick(8, 12, 14))
        else:
            self.sides = (d.pick(4, 5), d.pick(4, 6), d.pick(4, 5))
        self.cells: tuple[int, ...] = (int(np.prod(self.sides)),) if self.flat else self.sides
        self.shape = (self.q, *self.cells) if self.soa else (*self.cells, self.q)
        self.place = "tid" if self.flat else "i, j"
        self.vec = f"vec{self.ndim}"
        self.range = (0.08, 0.14) if self.q == 9 else (0.04, 0.07)  # for a density of about one

    def at(self, name: str, k: str, place: str = "") -> str:
        """The population of direction `k`."""
        place = place or self.place
        return f"{name}[{k}, {place}]" if self.soa else f"{name}[{place}, {k}]"

    def launch(self, d: Draft) -> None:
        d.launch(*self.cells)

    def head(self) -> str:
        return f"{self.place} = wp.tid()"

    def cells_first(self, values: Any) -> Any:
        return np.moveaxis(values, 0, -1) if self.soa else values

    def back(self, values: Any) -> Any:
        return np.moveaxis(values, -1, 0) if self.soa else values


def _directions(d: Draft, p: Populations) -> None:
    """The lattice's velocities, by the number of the direction."""
    axes = "XYZ"[: p.ndim]
    of = f"vec{p.q}"
    lines = [f"{of} = wp.types.vector(length={p.q}, dtype=float)"]
    for axis, letter in enumerate(axes):
        numbers = ", ".join(str(int(c[axis])) for c in p.lattice.c)
        lines.append(f"C{letter} = wp.constant({of}({numbers}))")
    d.module("\n".join(lines))
    parts = ", ".join(f"C{letter}[k]" for letter in axes)
    d.function(f"@wp.func\ndef velocity_of(k: int) -> wp.{p.vec}:\n    return wp.{p.vec}({parts})")


@DOMAIN.algorithm(
    source="Bhatnagar, Gross & Krook 1954; Qian, d'Humieres & Lallemand 1992; Ginzburg 2005 (TRT)",
    names=_NAMES | {"lbm_collide": "collide|bgk_collision|collision_step|lattice_collide"},
    double=True,
    adjoint="no",
)
def lbm_collide(d: Draft) -> None:
    """Applies the lattice Boltzmann collision operator."""
    p = Populations(d)
    model = d.option("model", "tau", "omega", "trt")
    forced = d.flag("force", 0.35) if model != "trt" else False
    solid = d.flag("solid", 0.35)
    place = d.option("place", "out", "in place") if model != "trt" else "out"
    if model == "trt":
        d.calls("trt_collision|collide_trt|lbm_collide|collision_step")
    declare = d.input if place == "out" else d.inout
    declare("f", "float", p.shape, *p.range, about="Populations")
    _directions(d, p)
    if solid:
        d.mask("solid", "int", p.cells, rare=True, about="1 for solid cells")
    if model == "tau":
        d.param("tau", "float", 0.6, 1.2, about="Relaxation time")
    else:
        of = " for the even part" if model == "trt" else ", 1 / tau"
        d.param("omega", "float", 0.8, 1.6, about=f"Relaxation rate{of}")
    if model == "trt":
        d.param("omega_odd", "float", 0.8, 1.6, about="Relaxation rate for the odd part")
    if forced:
        d.param("gravity", p.vec, -0.01, 0.01, about="Body force acceleration")
    new = "f_new" if place == "out" else "f"
    if place == "out":
        d.output("f_new", "float", p.shape, about="Populations after the step")
    eq = d.use(p.lattice.equilibrium)
    lines = [p.head()]
    if solid:
        lines += [f"if solid[{p.place}] == 1:"]
        if place == "out":
            lines += [
                "    # keep solid cells unchanged, bounce-back runs in a separate kernel",
                f"    for k in range({p.q}):",
            ]
            lines += [f"        {p.at('f_new', 'k')} = {p.at('f', 'k')}"]
        lines += ["    return"]
    lines += [
        "rho = float(0.0)",
        f"momentum = wp.{p.vec}()",
        f"for k in range({p.q}):",
        f"    rho += {p.at('f', 'k')}",
        f"    momentum += {p.at('f', 'k')} * velocity_of(k)",
        "u = momentum / rho",
    ]
    if forced:
        lines += ["# Shan-Chen forcing: shift the equilibrium velocity"]
        lines += ["u += tau * gravity" if model == "tau" else "u += gravity / omega"]
    lines.append(f"for k in range({p.q}):")
    if model == "trt":
        e = d.use(lattice.OPPOSITE)
        lines += [
            f"    m = {e}(k)",
            f"    feq = {eq}(k, velocity_of(k), rho, u)",
            f"    feq_m = {eq}(m, velocity_of(m), rho, u)",
            "    # relax even and odd parts of each pair separately",
            f"    even = 0.5 * ({p.at('f', 'k')} + {p.at('f', 'm')} - feq - feq_m)",
            f"    odd = 0.5 * ({p.at('f', 'k')} - {p.at('f', 'm')} - feq + feq_m)",
            f"    {p.at(new, 'k')} = {p.at('f', 'k')} - omega * even - omega_odd * odd",
        ]
    else:
        lines += [f"    feq = {eq}(k, velocity_of(k), rho, u)"]
        rate = f"({p.at('f', 'k')} - feq) / tau" if model == "tau" else f"omega * ({p.at('f', 'k')} - feq)"
        lines += [f"    {p.at(new, 'k')} = {p.at('f', 'k')} - {rate}"]
    p.launch(d)
    d.code("\n".join(lines))
    d.says(
        f"Applies the {'TRT' if model == 'trt' else 'BGK'} collision operator to lattice Boltzmann populations"
        f"{' with gravity' if forced else ''}."
    )
    d.explain(f"""
        {"D2Q9" if p.ndim == 2 else "D3Q19"}, in lattice units (dx = dt = 1, c_s^2 = 1/3). Viscosity nu = ({"`tau`" if model == "tau" else "1 / `omega`"} - 1/2) / 3.
    """)

    def reference(v: Values) -> dict[str, Any]:
        f = p.cells_first(v.f)
        rho = f.sum(-1)
        c = np.array(p.lattice.c, float)
        u = f @ c / rho[..., None]
        if forced:
            u = u + (v.tau if model == "tau" else 1 / v.omega) * v.gravity
        rest = f - lattice.equilibrium(c, p.lattice.w, rho, u)
        if model == "trt":
            opposite = np.array([0, *(k + (1 if k % 2 else -1) for k in range(1, p.q))])
            other = rest[..., opposite]
            new = f - v.omega * (rest + other) / 2 - v.omega_odd * (rest - other) / 2
        else:
            new = f - rest * (1 / v.tau if model == "tau" else v.omega)
        if solid:
            new = np.where(v.solid[..., None] == 1, f, new)
        return {"f_new" if place == "out" else "f": p.back(new)}

    d.check(reference)


@DOMAIN.algorithm(
    source="Krueger et al. 2017, The Lattice Boltzmann Method, ch. 3",
    names=_NAMES | {"lbm_moments": "macroscopic|compute_moments|update_macroscopic|moments_of_f"},
    double=True,
    adjoint="no",
)
def lbm_moments(d: Draft) -> None:
    """Computes macroscopic moments of lattice Boltzmann populations."""
    p = Populations(d)
    give = d.option("give", "both", "velocity", "density", "stress", weights=(0.4, 0.2, 0.15, 0.25))
    forced = d.flag("force", 0.3) if give in ("both", "velocity") else False
    d.input("f", "float", p.shape, *p.range, about="Populations")
    if give != "density":
        _directions(d, p)
    if forced:
        d.param("gravity", p.vec, -0.01, 0.01, about="Body force acceleration")
    if give in ("both", "density"):
        d.output("rho", "float", p.cells, about="Density")
    if give in ("both", "velocity"):
        d.output("u", p.vec, p.cells, about="Velocity")
    if give == "stress":
        d.output("stress", f"mat{p.ndim}{p.ndim}", p.cells, about="Non-equilibrium second moments")
    lines = [p.head(), "mass = float(0.0)"]
    if give != "density":
        lines.append(f"momentum = wp.{p.vec}()")
    if give == "stress":
        lines.append(f"flux = wp.mat{p.ndim}{p.ndim}()")
    count = f"f.shape[{0 if p.soa else len(p.shape) - 1}]" if give == "density" else str(p.q)
    lines.append(f"for k in range({count}):")
    if give == "density":
        lines.append(f"    mass += {p.at('f', 'k')}")
    else:
        lines += [f"    fk = {p.at('f', 'k')}", "    mass += fk"]
        lines += ["    c = velocity_of(k)", "    momentum += fk * c"]
    if give == "stress":
        lines.append("    flux += fk * wp.outer(c, c)")
    if give in ("both", "density"):
        lines.append(f"rho[{p.place}] = mass")
    if give in ("both", "velocity"):
        if forced:
            lines.append("# Guo forcing: include half the force in the velocity (second order in time)")
            lines.append(f"u[{p.place}] = momentum / mass + 0.5 * gravity")
        else:
            lines.append(f"u[{p.place}] = momentum / mass")
    if give == "stress":
        one = "wp.identity(n=2, dtype=float)" if p.ndim == 2 else "wp.identity(n=3, dtype=float)"
        lines.append("# Non-equilibrium part: subtract rho / 3 I + rho u u")
        lines.append(f"stress[{p.place}] = flux - mass / 3.0 * {one} - wp.outer(momentum, momentum) / mass")
    d.says(
        {
            "both": "Computes density and velocity from lattice Boltzmann populations.",
            "velocity": "Computes velocities from lattice Boltzmann populations.",
            "density": "Computes densities from lattice Boltzmann populations.",
            "stress": "Computes the non-equilibrium second moments of lattice Boltzmann populations.",
        }[give]
    )
    if give != "both":
        d.calls({
            "velocity": "lbm_velocity|macroscopic_velocity|compute_velocity",
            "density": "lbm_density|sum_populations|compute_density",
            "stress": "lbm_stress|nonequilibrium_stress|stress_moments",
        }[give])  # fmt: skip
    p.launch(d)
    d.code("\n".join(lines))
    d.explain({
        "both": "Density sum f_k and momentum sum f_k c_k, in lattice units.",
        "velocity": "Divides momentum sum f_k c_k by density sum f_k, in lattice units.",
        "density": "Zeroth moment, sum f_k.",
        "stress": "Second moments sum f_k c_k c_k minus equilibrium; multiply by -(1 - 1 / (2 tau)) for the viscous stress.",
    }[give])  # fmt: skip

    def reference(v: Values) -> dict[str, Any]:
        f = p.cells_first(v.f)
        rho = f.sum(-1)
        found = {"rho": rho}
        if give != "density":
            c = np.array(p.lattice.c, float)
            momentum = f @ c
            found["u"] = momentum / rho[..., None] + (v.gravity / 2 if forced else 0.0)
            flux = np.einsum("...k,ka,kb->...ab", f, c, c)
            found["stress"] = (
                flux
                - rho[..., None, None] / 3 * np.eye(p.ndim)
                - momentum[..., :, None] * momentum[..., None, :] / rho[..., None, None]
            )
        names = {"both": ("rho", "u"), "velocity": ("u",), "density": ("rho",), "stress": ("stress",)}[give]
        return {name: found[name] for name in names}

    d.check(reference)


@DOMAIN.algorithm(
    source="Succi 2001, The Lattice Boltzmann Equation, ch. 5",
    names=_NAMES
    | {"lbm_stream": "stream|streaming_step|propagate|lattice_stream", "cx": "ex|dir_x", "cy": "ey|dir_y"},
    double=True,
    adjoint="either",
)
def lbm_stream(d: Draft) -> None:
    """Streams D2Q9 populations with bounce-back at solid cells."""
    soa = d.option("order", "directions first", "cells first") == "directions first"
    pull = d.option("scheme", "pull", "push") == "pull"
    walls = (
        d.option("walls", "none", "half-way", "moving lid")
        if pull
        else d.option("walls push", "none", "half-way")
    )
    threads = d.option("threads", "cells", "populations")
    nx, ny = d.pick(8, 10, 12), d.pick(8, 12, 14)
    shape = (9, nx, ny) if soa else (nx, ny, 9)
    ints = "wp.types.vector(length=9, dtype=int)"
    d.module(
        f"""
        vec9i = {ints}
        CX = wp.constant(vec9i(0, 1, -1, 0, 0, 1, -1, 1, -1))
        CY = wp.constant(vec9i(0, 0, 0, 1, -1, 1, -1, -1, 1))
        """
    )
    d.input("f", "float", shape, 0.08, 0.14, about="Populations")
    if walls != "none":
        d.mask("solid", "int", (nx, ny), rare=True, about="1 for solid cells")
    if walls == "moving lid":
        d.param(
            "lid_speed",
            "float",
            0.02,
            0.1,
            about="Lid speed along x (the lid is the last row of solid cells)",
        )
    d.output("f_new", "float", shape, about="Populations after the step")

    def at(name: str, k: str, place: str) -> str:
        return f"{name}[{k}, {place}]" if soa else f"{name}[{place}, {k}]"

    sign = "-" if pull else "+"
    inner = [
        f"x = (i {sign} CX[k] + nx) % nx",
        f"y = (j {sign} CY[k] + ny) % ny",
    ]
    other = d.use(lattice.OPPOSITE_OF_MOVING) if walls != "none" else ""
    plain = (
        f"{at('f_new', 'k', 'i, j')} = {at('f', 'k', 'x, y')}"
        if pull
        else f"{at('f_new', 'k', 'x, y')} = {at('f', 'k', 'i, j')}"
    )
    if walls == "none":
        inner.append(plain)
    elif pull:
        bounced = f"{at('f_new', 'k', 'i, j')} = {at('f', f'{other}(k)', 'i, j')}"
        inner.append("if solid[x, y] != 0:")
        if walls == "moving lid":
            weight = d.use(lattice.WEIGHT9)
            inner += [
                "    # half-way bounce-back with momentum transfer at the moving lid",
                f"    {bounced}",
                "    if y == ny - 1:",
                f"        {at('f_new', 'k', 'i, j')} += 6.0 * {weight}(k) * float(CX[k]) * lid_speed",
            ]
        else:
            inner += ["    # half-way bounce-back at solid cells", f"    {bounced}"]
        inner += ["else:", f"    {plain}"]
    else:
        inner += [
            "if solid[x, y] != 0:",
            f"    {at('f_new', f'{other}(k)', 'i, j')} = {at('f', 'k', 'i, j')}",
            "else:",
            f"    {plain}",
        ]
    still = [
        "if solid[i, j] != 0:",
        "    # skip solid cells, their entries are not used",
        "    return",
    ]
    if threads == "cells":
        lines = ["i, j = wp.tid()", f"nx = f.shape[{1 if soa else 0}]", f"ny = f.shape[{2 if soa else 1}]"]
        if walls != "none":
            lines += still
        lines += ["for k in range(9):", *("    " + line for line in inner)]
        d.launch(nx, ny)
    else:
        lines = ["k, i, j = wp.tid()" if soa else "i, j, k = wp.tid()"]
        lines += [f"nx = f.shape[{1 if soa else 0}]", f"ny = f.shape[{2 if soa else 1}]"]
        if walls != "none":
            lines += still
        lines += inner
        d.launch(*shape)
    d.code("\n".join(lines))
    if walls == "none":
        d.says("Streams D2Q9 populations on a periodic lattice.")
    elif walls == "moving lid":
        d.says("Streams D2Q9 populations with bounce-back at solid cells, including a moving lid.")
    d.explain(
        "Each population moves to the neighbor along its lattice direction, with periodic wrap-around."
        if walls == "none"
        else "Periodic boundaries. Solid cells are not written."
    )

    def reference(v: Values) -> dict[str, Any]:
        f = v.f if soa else np.moveaxis(v.f, -1, 0)
        moved = np.stack([np.roll(f[k], lattice.C9[k], (0, 1)) for k in range(9)])
        if walls != "none":
            wall = v.solid != 0
            other = np.array([0, 2, 1, 4, 3, 6, 5, 8, 7])
            y = np.broadcast_to(np.arange(ny), (nx, ny))
            for k in range(9):
                cx, cy = lattice.C9[k]
                from_wall = np.roll(wall, (cx, cy), (0, 1))
                back = f[other[k]]
                if walls == "moving lid":
                    lid = np.roll(y, (cx, cy), (0, 1)) == ny - 1
                    back = back + np.where(lid, 6 * lattice.W9[k] * cx * v.lid_speed, 0.0)
                moved[k] = np.where(from_wall, back, moved[k])
            moved = np.where(wall, 0.0, moved)
        return {"f_new": moved if soa else np.moveaxis(moved, 0, -1)}

    d.check(reference)
