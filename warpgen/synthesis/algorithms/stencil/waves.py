"""Waves: the wave equation, Maxwell's and Schroedinger's."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.stencil import DOMAIN
from warpgen.synthesis.algorithms.stencil.diffusion import laplacian, laplacian_text
from warpgen.synthesis.algorithms.stencil.grid import NAMES, Grid
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Courant, Friedrichs & Lewy 1928; LeVeque 2007, Finite Difference Methods, ch. 10",
    names=NAMES
    | {
        "wave_step": "wave_equation|propagate_wave|wave_solve|step_wave",
        "u": "height|displacement",
        "previous": "prev|before",
        "updated": "out|result",
        "c": "speed|wave_speed",
        "damping": "k_damp|friction|damping_rate",
        "retained": "damping_factor|kept",
        "lap": "laplacian|lap_u|d2u",
    },
    double=True,
    weight=3,
)
def wave_step(d: Draft) -> None:
    """Integrates the wave equation with the leapfrog scheme."""
    ndim = d.option("dimension", 1, 2, weights=(0.3, 0.7))
    g = Grid(d, ndim, ("periodic", "wrap", "clamp", "fixed", "interior"))
    scheme = d.option("scheme", "three levels", "overwrite", "velocity")
    damped = d.option("damping", "none", "linear", "factor")
    medium = d.flag("medium", 0.35)
    pump = d.flag("source", 0.3)
    if scheme == "velocity":
        d.calls("update_wave_velocity|wave_velocity_step|accelerate_wave")
    told = {"none": "", "linear": ", with damping", "factor": ", with damping"}[damped]
    told += (" and a source" if told else ", with a source") if pump else ""
    if scheme == "velocity":
        d.says(f"Updates wave velocities from the Laplacian of the displacement{told}.")
    else:
        d.says(f"Integrates the wave equation using the leapfrog scheme{told}.")
    d.input("u", "float", g.shape, -1.0, 1.0, about="Displacement")
    if scheme == "three levels":
        d.input("previous", "float", g.shape, -1.0, 1.0, about="Displacement at the previous step")
    elif scheme == "overwrite":
        d.inout("previous", "float", g.shape, -1.0, 1.0, about="Displacement at the previous step")
    else:
        d.inout("vel", "float", g.shape, -1.0, 1.0, about="Displacement velocity")
    if medium:
        d.input("c", "float", g.shape, 0.5, 1.5, about="Wave speed per cell")
    else:
        d.param("c", "float", 0.5, 1.5, about="Wave speed")
    if pump:
        d.input("source", "float", g.shape, -1.0, 1.0, about="Source term")
    if damped == "linear":
        d.param("damping", "float", 0.1, 0.5, about="Damping rate")
    elif damped == "factor":
        d.param("retained", "float", 0.95, 0.99, about="Fraction of the velocity retained per step")
    d.param("dt", "float", 0.02, 0.06, about="Time step")
    d.param("dx", "float", 0.2, 0.4, about="Grid spacing")
    g.sized(d)
    if scheme == "three levels":
        d.output("updated", "float", g.shape, about="Displacement at the next step")
    c = g.at("c") if medium else "c"
    lines = [f"lap = {laplacian_text(g, 'u')}"]
    if medium:
        lines.append(f"speed = {c}")
        c = "speed"
    accel = f"{c} * {c} * lap / (dx * dx)" + (f" + {g.at('source')}" if pump else "")
    u, prev = g.at("u"), g.at("previous")
    out = g.at({"three levels": "updated", "overwrite": "previous", "velocity": "vel"}[scheme])
    if scheme == "velocity":
        v = g.at("vel")
        lines.append(f"accel = {accel}")
        if damped == "linear":
            lines[-1] += f" - damping * {v}"
        new = f"retained * ({v} + dt * accel)" if damped == "factor" else f"{v} + dt * accel"
        border = f"{v} = 0.0"
    else:
        lines.append(f"accel = {accel}")
        if scheme == "overwrite":
            lines.append("# Overwrite the oldest time level, since it is no longer needed")
        if damped == "linear":
            lines.append(f"rate = ({u} - {prev}) / dt")
            new = f"2.0 * {u} - {prev} + dt * dt * (accel - damping * rate)"
        elif damped == "factor":
            new = f"{u} + retained * ({u} - {prev}) + dt * dt * accel"
        else:
            new = f"2.0 * {u} - {prev} + dt * dt * accel"
        border = f"{out} = 0.0"
    lines.append(f"{out} = {new}")
    g.code(d, "\n".join(lines), "u", border=border)
    limit = "1" if ndim == 1 else "1 / sqrt(2)"
    terms = (" + `source`" if pump else "") + (" - `damping` du/dt" if damped == "linear" else "")
    still = " if undamped" if damped != "none" else ""
    keeps = " Velocities are scaled by `retained` each step." if damped == "factor" else ""
    d.explain(f"d2u/dt2 = `c`^2 lap(u){terms}, stable for `c` * `dt` / `dx` <= {limit}{still}.{keeps}")

    def reference(v: Values) -> dict[str, Any]:
        u = g.grid(v.u)
        speed = g.grid(v.c) if medium else v.c
        accel = speed**2 * laplacian(g, v.u) / v.dx**2
        if pump:
            accel = accel + g.grid(v.source)
        if scheme == "velocity":
            old = g.grid(v.vel)
            rate = old
        else:
            old = g.grid(v.previous)
            rate = (u - old) / v.dt
        if damped == "linear":
            accel = accel - v.damping * rate
        k = v.retained if damped == "factor" else 1.0
        new = k * (old + v.dt * accel) if scheme == "velocity" else u + k * v.dt * rate + v.dt**2 * accel
        kept = 0.0 if g.edges == "fixed" or scheme == "three levels" else old
        name = {"three levels": "updated", "overwrite": "previous", "velocity": "vel"}[scheme]
        return {name: g.result(new, border=kept)}

    d.check(reference, 5e-4)


@DOMAIN.algorithm(
    source="Yee 1966; Taflove & Hagness 2005; Mur 1981",
    names=NAMES
    | {
        "sigma": "conductivity|sigma_e",
        "sigma_m": "magnetic_loss|sigma_star",
        "eps": "permittivity|eps_r|epsilon",
        "curl": "curl_h|rot|circulation",
    },
    double=True,
    adjoint="no",
)
def fdtd_update(d: Draft) -> None:
    """Updates electromagnetic fields on the Yee grid (FDTD)."""
    field = d.option("field", "ez", "hxy", "1d e", "1d h")
    ndim = 1 if field.startswith("1d") else 2
    edges = d.option("edges", "conductor", "periodic")
    material = d.option("material", "vacuum", "permittivity", "lossy", "absorber")
    pair = d.flag("pair", 0.4) if field == "hxy" else False
    if field in ("hxy", "1d h"):
        material = "vacuum" if material in ("permittivity", "lossy") else material
    n = d.pick(64, 96, 128) if ndim == 1 else d.pick(12, 16, 20)
    shape: tuple[int, ...] = (n,) if ndim == 1 else (n, d.pick(12, 14, 18))
    electric = field in ("ez", "1d e")
    sigma = "sigma" if electric else "sigma_m"
    medium = {"permittivity": " in a dielectric", "lossy": " in a lossy dielectric",
              "absorber": " with an absorber along x"}.get(material, "")  # fmt: skip
    d.says(
        f"Advances the {'electric' if electric else 'magnetic'} field on a "
        f"{'1D' if ndim == 1 else '2D (TM)'} Yee grid by one leapfrog step{medium}."
    )
    letter, name = ("e", "electric") if electric else ("h", "magnetic")
    d.calls(f"update_{letter}|fdtd_{letter}|update_{name}|yee_{name}_step")
    if electric:
        d.inout("ez", "float", shape, -1.0, 1.0, about="Electric field")
        if ndim == 1:
            d.input("hy", "float", shape, -1.0, 1.0, about="Magnetic field")
        else:
            d.input("hx", "float", shape, -1.0, 1.0, about="Magnetic field along x")
            d.input("hy", "float", shape, -1.0, 1.0, about="Magnetic field along y")
    else:
        d.input("ez", "float", shape, -1.0, 1.0, about="Electric field")
        if ndim == 1:
            d.inout("hy", "float", shape, -1.0, 1.0, about="Magnetic field")
        elif pair:
            d.inout("h", "vec2", shape, -1.0, 1.0, about="Magnetic field along x and y")
        else:
            d.inout("hx", "float", shape, -1.0, 1.0, about="Magnetic field along x")
            d.inout("hy", "float", shape, -1.0, 1.0, about="Magnetic field along y")
    if material in ("permittivity", "lossy"):
        d.input("eps", "float", shape, 1.0, 4.0, about="Permittivity")
    if material == "lossy":
        d.input("sigma", "float", shape, 0.0, 0.5, about="Conductivity")
    elif material == "absorber":
        about = "Conductivity" if electric else "Magnetic loss"
        d.input(sigma, "float", shape[0], 0.0, 0.5, about=f"{about} profile of the absorber along x")
    d.param("dt_dx", "float", 0.2, 0.6, about="dt / dx")
    if material in ("lossy", "absorber"):
        d.param("dt", "float", 0.1, 0.3, about="Time step")
    at = "i" if ndim == 1 else "i, j"
    lines = [f"{at} = wp.tid()"]
    side = -1 if electric else 1

    def beside(axis: int) -> str:
        c = "ij"[axis]
        size = f"ez.shape[{axis}]"
        plain = f"{c} {'+' if side > 0 else '-'} 1"
        moved = (
            plain
            if edges == "conductor"
            else (f"({c} + {size} - 1) % {size}" if side < 0 else f"({c} + 1) % {size}")
        )
        return moved if ndim == 1 else (f"{moved}, j" if axis == 0 else f"i, {moved}")

    if edges == "conductor":
        if electric:
            tests = [f"{c} == 0 or {c} == ez.shape[{a}] - 1" for a, c in enumerate("ij"[:ndim])]
            lines += [
                f"if {' or '.join(tests)}:",
                "    # perfect electric conductor: zero tangential electric field",
                f"    ez[{at}] = 0.0",
                "    return",
            ]
        else:
            tests = [f"{c} == ez.shape[{a}] - 1" for a, c in enumerate("ij"[:ndim])]
            lines += [
                f"if {' or '.join(tests)}:",
                "    # skip entries outside the domain, since they are never read",
                "    return",
            ]
    s_at = "i" if material == "absorber" else at
    if material in ("lossy", "absorber"):
        e = f" / eps[{at}]" if material == "lossy" else ""
        lines += [
            "# Semi-implicit loss term (average of old and new field), stable for any loss",
            f"loss = 0.5 * {sigma}[{s_at}] * dt{e}",
            "keep = (1.0 - loss) / (1.0 + loss)",
            "gain = dt_dx / (1.0 + loss)",
        ]
        keep, gain = "keep * ", "gain"
    else:
        keep, gain = "", "dt_dx"
    if electric:
        curl = f"hy[{at}] - hy[{beside(0)}]" + (f" - hx[{at}] + hx[{beside(1)}]" if ndim == 2 else "")
        lines.append(f"curl = {curl}")
        divide = f" / eps[{at}]" if material in ("permittivity", "lossy") else ""
        lines.append(f"ez[{at}] = {keep}ez[{at}] + {gain} * curl{divide}")
    elif ndim == 1:
        lines.append(f"hy[i] = {keep}hy[i] + {gain} * (ez[{beside(0)}] - ez[i])")
    elif pair:
        lines.append(f"turn = wp.vec2(ez[i, j] - ez[{beside(1)}], ez[{beside(0)}] - ez[i, j])")
        lines.append(f"h[i, j] = {keep}h[i, j] + {gain} * turn")
    else:
        lines.append(f"hx[i, j] = {keep}hx[i, j] - {gain} * (ez[{beside(1)}] - ez[i, j])")
        lines.append(f"hy[i, j] = {keep}hy[i, j] + {gain} * (ez[{beside(0)}] - ez[i, j])")
    d.launch(*shape)
    d.code("\n".join(lines))
    d.explain(f"""
        Normalized units: eps_0 = mu_0 = c = 1. Magnetic components are staggered by half a cell and half
        a time step; the Courant number `dt_dx` must not exceed {"1" if ndim == 1 else "1 / sqrt(2)"}.
    """)

    def reference(v: Values) -> dict[str, Any]:
        def shift(f: Any, axis: int) -> Any:
            return np.roll(f, -side, axis)

        keep_: Any = 1.0
        gain_: Any = v.dt_dx
        if material in ("lossy", "absorber"):
            s = v[sigma] if material == "lossy" or ndim == 1 else v[sigma][:, None]
            loss = 0.5 * s * v.dt / (v.eps if material == "lossy" else 1.0)
            keep_, gain_ = (1 - loss) / (1 + loss), v.dt_dx / (1 + loss)
        frozen = np.zeros(shape, bool)
        if edges == "conductor":
            for axis in range(ndim):
                np.moveaxis(frozen, axis, 0)[[0, -1] if electric else -1] = True
        if electric:
            curl = v.hy - shift(v.hy, 0)
            if ndim == 2:
                curl = curl - (v.hx - shift(v.hx, 1))
            if material in ("permittivity", "lossy"):
                gain_ = gain_ / v.eps
            return {"ez": np.where(frozen, 0.0, keep_ * v.ez + gain_ * curl)}
        dx = gain_ * (shift(v.ez, 0) - v.ez)
        if ndim == 1:
            return {"hy": np.where(frozen, v.hy, keep_ * v.hy + dx)}
        dy = gain_ * (shift(v.ez, 1) - v.ez)
        old = (v.h[..., 0], v.h[..., 1]) if pair else (v.hx, v.hy)
        new = [np.where(frozen, o, keep_ * o + c) for o, c in zip(old, (-dy, dx), strict=True)]
        return {"h": np.stack(new, -1)} if pair else {"hx": new[0], "hy": new[1]}

    d.check(reference)


@DOMAIN.algorithm(
    source="Visscher 1991; Goldberg, Schey & Schwartz 1967; Gross 1961, Pitaevskii 1961",
    names=NAMES
    | {
        "schroedinger_step": "schrodinger_step|quantum_step|evolve_wavefunction|tdse_step",
        "psi": "wave_function|wavefunction|state",
        "potential": "V|pot|v_ext",
        "density": "prob|probability|rho",
    },
    double=True,
    weight=3,
)
def schroedinger_step(d: Draft) -> None:
    """Integrates the Schroedinger equation with the Visscher scheme."""
    ndim = d.option("dimension", 1, 2)
    g = Grid(d, ndim, ("periodic", "wrap", "fixed", "interior"))
    part = d.option("part", "real", "imaginary", "hamiltonian")
    potential = d.option("potential", "given", "harmonic", "none")
    nonlinear = d.flag("nonlinear", 0.4)
    if part == "hamiltonian":
        d.calls("apply_hamiltonian|hamiltonian_product|multiply_hamiltonian")
    well = potential == "harmonic"
    if part == "hamiltonian":
        what = "of a particle in a potential" if potential != "none" else "of a free particle"
        what = "of the Gross-Pitaevskii equation" if nonlinear else what
        d.says(f"Applies the Hamiltonian {what} to a complex wavefunction.")
        d.input("psi", "vec2", g.shape, -1.0, 1.0, about="Wave function (real, imaginary)")
    else:
        law = " of the Gross-Pitaevskii equation" if nonlinear else ""
        d.says(f"Advances the {part} part of a wavefunction{law} using the Visscher scheme.")
        other = "imag" if part == "real" else "real"
        own = "real" if part == "real" else "imag"
        d.inout(own, "float", g.shape, -1.0, 1.0, about="Part of the wavefunction to update")
        if nonlinear:
            d.forward_only()  # the density is of what is then changed in place
        d.input(other, "float", g.shape, -1.0, 1.0, about="Other part, staggered by half a time step")
    if potential == "given":
        d.input("potential", "float", g.shape, -1.0, 1.0, about="Potential energy")
    elif well:
        # an explicit step bears so much potential energy at the ends of a line
        d.param(
            "omega",
            "float",
            *((0.05, 0.1) if ndim == 1 else (0.2, 0.6)),
            about="Harmonic trap angular frequency",
        )
    if nonlinear:
        d.param("strength", "float", 0.2, 1.0, about="Interaction strength")
    if part != "hamiltonian":
        d.param("dt", "float", 0.005, 0.02, about="Time step")
    d.param("dx", "float", 0.3, 0.6, about="Grid spacing")
    g.sized(d)
    if part == "hamiltonian":
        d.output("h_psi", "vec2", g.shape, about="H psi (real, imaginary)")
    name = "psi" if part == "hamiltonian" else other
    here = g.at(name)
    lines = [f"kinetic = -0.5 / (dx * dx) * ({laplacian_text(g, name)})"]
    if "(\n" in lines[0]:
        lines = [f"lap = {laplacian_text(g, name)}", "kinetic = -0.5 / (dx * dx) * lap"]
    energy = []
    if potential == "given":
        energy.append(g.at("potential"))
    elif well:
        for c, n in zip("ijk"[:ndim], g.sizes, strict=False):
            axis = "xyz"["ijk".index(c)]
            lines.append(f"{axis} = (float({c}) - 0.5 * float({n} - 1)) * dx")
        square = " + ".join(f"{a} * {a}" for a in "xyz"[:ndim])
        lines.append(f"trap = 0.5 * omega * omega * ({square})")
        energy.append("trap")
    if nonlinear:
        if part == "hamiltonian":
            lines.append(f"density = wp.dot({here}, {here})")
        else:
            re, im = g.at("real"), g.at("imag")
            lines.append(f"density = {re} * {re} + {im} * {im}")
        lines.insert(-1, "# Gross-Pitaevskii: `strength` |psi|^2 acts as an effective potential")
        energy.append("strength * density")
    total = " + ".join(energy)
    times = f" + ({total}) * {here}" if len(energy) > 1 else f" + {total} * {here}" if energy else ""
    if part == "hamiltonian":
        lines.append(f"{g.at('h_psi')} = kinetic{times}")
    elif not times:
        lines.append(f"{g.at(own)} {'+' if part == 'real' else '-'}= dt * kinetic")
    else:
        lines.append(f"h_{other} = kinetic{times}")
        lines.append(f"{g.at(own)} {'+' if part == 'real' else '-'}= dt * h_{other}")
    rim = f"{g.at('h_psi')} = wp.vec2()" if part == "hamiltonian" else ""
    g.code(d, "\n".join(lines), name, border=rim)
    h = "-lap(psi) / 2" + (" + V psi" if potential != "none" else "")
    h += " + `strength` |psi|^2 psi" if nonlinear else ""
    d.explain(
        f"H psi = {h} in atomic units; the wavefunction is stored as (real, imaginary)."
        if part == "hamiltonian"
        else f"i dpsi/dt = {h} in atomic units; real and imaginary parts are staggered in time."
    )

    def reference(v: Values) -> dict[str, Any]:
        psi = g.grid(v[name])
        lap = laplacian(g, v[name])
        density = (psi**2).sum(-1) if part == "hamiltonian" else g.grid(v.real) ** 2 + g.grid(v.imag) ** 2
        energy_: Any = 0.0
        if potential == "given":
            energy_ = energy_ + g.grid(v.potential)
        elif well:
            place = np.indices(g.sides) - (np.array(g.sides).reshape((-1,) + (1,) * ndim) - 1) / 2
            energy_ = energy_ + 0.5 * v.omega**2 * ((place * v.dx) ** 2).sum(0)
        if nonlinear:
            energy_ = energy_ + v.strength * density
        if part == "hamiltonian":
            energy_ = np.broadcast_to(energy_, g.sides)[..., None]
        h = -lap / (2 * v.dx**2) + energy_ * psi
        if part == "hamiltonian":
            return {"h_psi": g.result(h)}
        old = g.grid(v[own])
        return {own: g.result(old + (v.dt if part == "real" else -v.dt) * h, border=old)}

    d.check(reference, 5e-4)
