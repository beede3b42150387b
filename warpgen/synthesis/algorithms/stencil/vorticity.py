"""Vorticity: the curl of a velocity field, and the force that restores it."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.stencil import DOMAIN
from warpgen.synthesis.algorithms.stencil.grid import NAMES, Grid, unit
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = NAMES | {
    "curl": "vorticity|omega",
    "force": "f_conf|confinement",
    "vel": "velocity|u",
    "strength": "epsilon|eps_conf|confinement_strength",
    "eta": "grad|grad_abs",
}


@DOMAIN.algorithm(
    source="Bridson 2015, Fluid Simulation, appendix A",
    names=_NAMES | {"compute_vorticity": "curl_field|vorticity_from_velocity|velocity_curl"},
    double=True,
    weight=2,
)
def compute_vorticity(d: Draft) -> None:
    """Computes the vorticity of a velocity field using central differences."""
    _write(d, "curl")


@DOMAIN.algorithm(
    source="Fedkiw, Stam & Jensen 2001",
    names=_NAMES,
    double=True,
    weight=3,
)
def vorticity_confinement(d: Draft) -> None:
    """Computes vorticity confinement forces."""
    _write(d, "force")


def _write(d: Draft, task: str) -> None:
    ndim = d.option("dimension", 2, 3)
    edges = ("periodic", "wrap", "fixed", "interior")
    g = Grid(d, ndim, (*edges, "clamp") if task == "curl" else edges)
    apply = d.flag("applied") if task == "force" else False
    if task == "curl":
        d.input("vel", f"vec{ndim}", g.shape, -1.0, 1.0, about="Velocity field")
        d.param("dx", "float", 0.2, 0.5, about="Grid spacing")
        g.sized(d)
        d.output("curl", "float" if ndim == 2 else "vec3", g.shape, about="Vorticity")
        n = {(a, s): g.at("vel", *unit(a, ndim, s)) for a in range(ndim) for s in (-1, 1)}

        def slope(component: int, axis: int) -> str:
            return f"{n[axis, 1]}[{component}] - {n[axis, -1]}[{component}]"

        if ndim == 2:
            lines = [
                f"dv_dx = {slope(1, 0)}",
                f"du_dy = {slope(0, 1)}",
                f"{g.at('curl')} = 0.5 * (dv_dx - du_dy) / dx",
            ]
        else:
            lines = [
                f"{name} = {n[axis, 1]} - {n[axis, -1]}"
                for axis, name in enumerate(("along_x", "along_y", "along_z"))
            ]
            lines.append(
                f"{g.at('curl')} = 0.5 / dx * wp.vec3(\n    along_y[2] - along_z[1],\n"
                "    along_z[0] - along_x[2],\n    along_x[1] - along_y[0],\n)"
            )
    else:
        d.input("curl", "float" if ndim == 2 else "vec3", g.shape, -2.0, 2.0, about="Vorticity")
        d.param("strength", "float", 0.1, 0.5, about="Confinement strength")
        d.param("dx", "float", 0.2, 0.5, about="Grid spacing")
        if apply:
            d.param("dt", "float", 0.01, 0.1, about="Time step")
            d.says("Adds vorticity confinement to velocities to counteract numerical dissipation.")
            d.calls("confine_vorticity|apply_vorticity_confinement|add_vorticity_confinement")
        else:
            d.calls("vorticity_confinement|confinement_force|vorticity_confinement_force")
        g.sized(d)
        d.inout("vel", f"vec{ndim}", g.shape, -1.0, 1.0, about="Velocity field") if apply else d.output(
            "force", f"vec{ndim}", g.shape, about="Confinement force"
        )
        norm = "wp.abs" if ndim == 2 else "wp.length"
        parts = [
            f"{norm}({g.at('curl', *unit(a, ndim, 1))}) - {norm}({g.at('curl', *unit(a, ndim, -1))})"
            for a in range(ndim)
        ]
        lines = ["# Only the direction of grad |omega| matters, so skip the division by 2 dx"]
        lines.append(f"eta = wp.vec{ndim}(\n" + "".join(f"    {part},\n" for part in parts) + ")")
        lines.append("# Avoid division by zero where |omega| is uniform")
        lines.append("towards = eta / (wp.length(eta) + 1.0e-4)")
        if ndim == 2:
            lines.append(f"spin = strength * dx * {g.at('curl')}")
            value = "spin * wp.vec2(towards[1], -towards[0])"
        else:
            value = f"strength * dx * wp.cross(towards, {g.at('curl')})"
        lines.append(f"{g.at('vel')} += dt * {value}" if apply else f"{g.at('force')} = {value}")
    border = ""
    if not apply:
        zero = "0.0" if task == "curl" and ndim == 2 else f"wp.vec{ndim}()"
        border = f"{g.at('curl' if task == 'curl' else 'force')} = {zero}"
    g.code(d, "\n".join(lines), "vel" if task == "curl" else "curl", border)
    d.explain(
        "f = epsilon dx (N x omega) with N = grad |omega| / |grad |omega||, where epsilon is the confinement strength."
    )
    if task == "curl":
        form = "dv/dx - du/dy" if ndim == 2 else "curl u"
        edge = " Neighbor indices are clamped at the grid edge." if g.edges == "clamp" else ""
        d.explain(f"omega = {form}, using central differences with spacing 2 `dx`.{edge}")

    def difference(values: Any, axis: int) -> Any:
        return g.near(values, *unit(axis, ndim, 1)) - g.near(values, *unit(axis, ndim, -1))

    def reference(v: Values) -> dict[str, Any]:
        if task == "curl":
            slopes = [difference(v.vel, a) / (2 * v.dx) for a in range(ndim)]
            if ndim == 2:
                return {"curl": g.result(slopes[0][..., 1] - slopes[1][..., 0])}
            x, y, z = slopes
            parts = [y[..., 2] - z[..., 1], z[..., 0] - x[..., 2], x[..., 1] - y[..., 0]]
            return {"curl": g.result(np.stack(parts, -1))}
        size = abs(g.grid(v.curl)) if ndim == 2 else np.linalg.norm(g.grid(v.curl), axis=-1)
        eta = np.stack([difference(size, a) for a in range(ndim)], -1)
        towards = eta / (np.linalg.norm(eta, axis=-1, keepdims=True) + 1e-4)
        w = g.grid(v.curl)
        if ndim == 2:
            force = np.stack([towards[..., 1] * w, -towards[..., 0] * w], -1)
        else:
            force = np.cross(towards, w)
        force = v.strength * v.dx * force
        if apply:
            return {"vel": g.result(g.grid(v.vel) + v.dt * force, border=g.grid(v.vel))}
        return {"force": g.result(force)}

    d.check(reference, 1e-3)
