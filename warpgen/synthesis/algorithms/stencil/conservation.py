"""Conservation laws with several quantities: shallow water and gas dynamics."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.stencil import DOMAIN
from warpgen.synthesis.library import fluxes, limiters
from warpgen.synthesis.writing.draft import Draft, Values

_ABOUT = {
    "h": "Depth",
    "hu": "Discharge",
    "rho": "Density",
    "mom": "Momentum density",
    "energy": "Total energy density",
}
_NAMES = {
    "q": "state|u|conserved",
    "updated": "out|result|advanced",
    "lam": "dt_dx|ratio",
    "flux": "f|face_flux|fluxes",
}


@DOMAIN.algorithm(
    source="LeVeque 2002; Toro 2009, Riemann Solvers and Numerical Methods for Fluid Dynamics",
    names=_NAMES | {"interface_flux": "compute_flux|riemann_flux|face_fluxes"},
    double=True,
    weight=2,
)
def interface_flux(d: Draft) -> None:
    """Computes numerical fluxes at cell interfaces."""
    _write(d, "flux")


@DOMAIN.algorithm(
    source="Godunov 1959; LeVeque 2002, Finite Volume Methods for Hyperbolic Problems, ch. 15",
    names=_NAMES | {"conservative_step": "finite_volume_step|hyperbolic_step|update_averages"},
    double=True,
)
def conservative_step(d: Draft) -> None:
    """Updates cell averages with a conservative scheme."""
    _write(d, "step")


def _write(d: Draft, task: str) -> None:
    law = d.option("law", "shallow water", "euler")
    solvers = (
        (fluxes.SHALLOW_RUSANOV, fluxes.SHALLOW_HLL)
        if law == "shallow water"
        else (fluxes.EULER_RUSANOV, fluxes.EULER_HLL, fluxes.EULER_HLLC)
    )
    solver = d.option(f"solver of {law}", *solvers)
    order = d.option("order", "first", "muscl")
    limiter = d.option("limiter", limiters.MINMOD, limiters.VAN_LEER) if order == "muscl" else None
    edges = d.option("edges", "wrap", "wall", "outflow")
    name = {"shallow water": "the shallow water equations", "euler": "the Euler equations"}[law]
    label = solver.name.split("_")[1].upper().replace("RUSANOV", "Rusanov")
    size = 2 if law == "shallow water" else 3
    vec, n = f"vec{size}", d.pick(48, 64, 100)
    # a vector of uniform numbers is no state of a gas: its energy may be less than its motion
    apart = d.flag("apart", 0.4) if size == 2 else True
    pieces = ("h", "hu") if size == 2 else ("rho", "mom", "energy")
    limited = " using limited slopes" if order == "muscl" else ""
    if task == "flux":
        d.says(f"Computes {label} fluxes at cell interfaces for {name}{limited}.")
    else:
        d.says(f"Advances {name} by one step using {label} fluxes{limited.replace('using', 'with')}.")
    # Fast enough for flows that are supercritical or supersonic here and there
    ranges = [(0.3, 1.2), (-2.5, 2.5)] if size == 2 else [(0.8, 1.5), (-1.7, 1.7), (2.0, 3.0)]
    if apart:
        for piece, (low, high) in zip(pieces, ranges, strict=True):
            d.input(piece, "float", n, low, high, about=_ABOUT[piece])
    else:
        d.input("q", vec, n, 0.2, 1.6, about="Conserved variables")
    if task == "step":
        d.param("lam", "float", 0.02, 0.05, about="dt / dx")
    outputs = [f"{piece}_new" for piece in pieces] if apart else ["updated"]
    if task == "flux":
        outputs = ["flux"]
        d.output("flux", vec, n, about="Numerical fluxes")
    else:
        for output in outputs:
            about = f"Updated {_ABOUT[output[:-4]].lower()}" if apart else "Updated conserved variables"
            d.output(output, "float" if apart else vec, n, about=about)
    typed = f"wp.{vec}"
    if apart:
        d.function(f"""
            @wp.func
            def state({", ".join(f"{p}: wp.array(dtype=float)" for p in pieces)}, i: int) -> {typed}:
                return {typed}({", ".join(f"{p}[i]" for p in pieces)})
        """)

    def cell(o: int) -> str:
        plain = f"i {'+' if o > 0 else '-'} {abs(o)}" if o else "i"
        if o:
            plain = f"(i + {o}) % n" if o > 0 else f"(i + n - {-o}) % n"
            if edges != "wrap":
                plain = f"wp.min(i + {o}, n - 1)" if o > 0 else f"wp.max(i - {-o}, 0)"
            if edges == "wall" and abs(o) == 2:
                plain = (
                    "wp.where(i < n - 2, i + 2, 2 * n - 3 - i)" if o > 0 else "wp.where(i > 1, i - 2, 1 - i)"
                )
        return f"state({', '.join(pieces)}, {plain})" if apart else f"q[{plain}]"

    letters = {-2: "qww", -1: "qw", 0: "qc", 1: "qe", 2: "qee"}
    reach = {
        ("flux", "first"): (0, 1),
        ("flux", "muscl"): (-1, 2),
        ("step", "first"): (-1, 1),
        ("step", "muscl"): (-2, 2),
    }
    low, high = reach[task, order]
    lines = ["i = wp.tid()", f"n = {pieces[0] if apart else 'q'}.shape[0]"]
    lines += [f"{letters[o]} = {cell(o)}" for o in range(low, high + 1)]
    if edges == "wall":
        mirrored = {2: "wp.vec2({0}[0], -{0}[1])", 3: "wp.vec3({0}[0], -{0}[1], {0}[2])"}[size]
        lines.append(
            "# reflecting wall: same depth, opposite discharge"
            if size == 2
            else "# reflecting wall: same density and energy, opposite momentum"
        )
        for o in range(low, high + 1):
            if o:
                test = f"i <= {-o - 1}" if o < 0 else f"i >= n - {o}"
                test = {-1: "i == 0", 1: "i == n - 1"}.get(o, test)
                lines += [f"if {test}:", f"    {letters[o]} = {mirrored.format(letters[o])}"]
    flux_name = d.use(solver)
    if limiter is not None:
        parts = ", ".join(f"{d.use(limiter)}(a[{c}], b[{c}])" for c in range(size))
        d.function(f"""
            @wp.func
            def limited(a: {typed}, b: {typed}) -> {typed}:
                return {typed}({parts})
        """)

    def face(o: int, name_: str) -> list[str]:
        """The flux between cells o and o + 1."""
        if order == "first":
            return [f"{name_} = {flux_name}({letters[o]}, {letters[o + 1]})"]
        at = {k: letters[o + k] for k in (-1, 0, 1, 2)}
        states = [
            f"left = {at[0]} + 0.5 * limited({at[0]} - {at[-1]}, {at[1]} - {at[0]})",
            f"right = {at[1]} - 0.5 * limited({at[1]} - {at[0]}, {at[2]} - {at[1]})",
        ]
        return [*states, f"{name_} = {flux_name}(left, right)"]

    if task == "flux":
        lines += face(0, "flux[i]")
    else:
        lines += [*face(-1, "f_in"), *face(0, "f_out")]
        if apart:
            lines.append("new = qc + lam * (f_in - f_out)")
            lines += [f"{output}[i] = new[{c}]" for c, output in enumerate(outputs)]
        else:
            lines.append("updated[i] = qc + lam * (f_in - f_out)")
    d.launch(n)
    d.code("\n".join(lines))
    d.explain(
        (
            "State (h, h u), g = 9.81 m/s^2. "
            if size == 2
            else "State (rho, rho u, E) of an ideal gas, gamma = 1.4. "
        )
        + (
            f"`lam` = dt / dx must keep the CFL number below {'0.5' if order == 'muscl' else '1'}."
            if task == "step"
            else "Entry i is the flux between cells i and i + 1."
        )
    )

    def reference(v: Values) -> dict[str, Any]:
        q = np.stack([v[p] for p in pieces], -1) if apart else v.q
        flip = np.array([1.0, -1.0, 1.0])[:size]
        wide = {
            "wrap": lambda: np.concatenate([q[-2:], q, q[:2]]),
            "outflow": lambda: np.concatenate([q[:1], q[:1], q, q[-1:], q[-1:]]),
            "wall": lambda: np.concatenate([q[1::-1] * flip, q, q[:-3:-1] * flip]),
        }[edges]()
        left, right = wide[1:-2], wide[2:-1]  # of faces -1/2 .. n - 1/2
        if limiter is not None:
            back, ahead = wide[1:-1] - wide[:-2], wide[2:] - wide[1:-1]
            slope = limiter(back, ahead)
            left, right = left + slope[:-1] / 2, right - slope[1:] / 2
        f = solver(left, right)
        if task == "flux":
            return {"flux": f[1:]}
        new = q + v.lam * (f[:-1] - f[1:])
        if apart:
            return {output: new[:, c] for c, output in enumerate(outputs)}
        return {"updated": new}

    d.check(reference, 1e-3)
