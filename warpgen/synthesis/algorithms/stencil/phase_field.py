"""Phase fields and patterns."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.stencil import DOMAIN
from warpgen.synthesis.algorithms.stencil.diffusion import laplacian, laplacian_text
from warpgen.synthesis.algorithms.stencil.grid import NAMES, Grid
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Cahn & Hilliard 1958; Allen & Cahn 1979; Swift & Hohenberg 1977",
    names=NAMES
    | {
        "phi": "order_parameter|phase",
        "updated": "out|result|advanced",
        "mu": "potential|chem_potential",
        "lap": "laplacian|lap_phi",
        "mobility": "M|mob",
        "gamma": "kappa|gradient_energy",
    },
    double=True,
    weight=3,
)
def phase_field_step(d: Draft) -> None:
    """Integrates a phase field model with explicit Euler."""
    model = d.option("model", "allen-cahn", "chemical potential", "cahn-hilliard", "swift-hohenberg")
    ndim = d.option("dimension", 2, 3, weights=(0.7, 0.3))
    g = Grid(d, ndim, ("periodic", "wrap", "clamp", "fixed"))
    well = d.option("well", "quartic", "zero to one")
    noise = d.flag("noise", 0.3) if model in ("allen-cahn", "swift-hohenberg") else False
    d.says(
        {
            "allen-cahn": f"Advances an Allen-Cahn phase field{' with noise' if noise else ''} by one explicit Euler step.",
            "chemical potential": "Computes the chemical potential for a Cahn-Hilliard mixture.",
            "cahn-hilliard": "Advances a Cahn-Hilliard mixture by one step using its chemical potential.",
            "swift-hohenberg": f"Advances the Swift-Hohenberg equation{' with noise' if noise else ''} by one step using a precomputed Laplacian.",
        }[model]
    )
    d.calls({
        "allen-cahn": "allen_cahn_step|evolve_phase|phase_field_step",
        "chemical potential": "chemical_potential|mixture_potential|compute_potential",
        "cahn-hilliard": "cahn_hilliard_step|evolve_mixture|phase_field_step",
        "swift-hohenberg": "swift_hohenberg_step|swift_hohenberg|pattern_forming_step",
    }[model])  # fmt: skip
    d.input(
        "phi", "float", g.shape, *((-1.0, 1.0) if well == "quartic" else (0.0, 1.0)), about="Order parameter"
    )
    if model == "cahn-hilliard":
        d.input("mu", "float", g.shape, -1.0, 1.0, about="Chemical potential")
        d.param("mobility", "float", 0.5, 1.5, about="Mobility")
    elif model == "swift-hohenberg":
        d.input("lap", "float", g.shape, -1.0, 1.0, about="Laplacian of the order parameter")
        d.param("r", "float", 0.1, 0.5, about="Bifurcation parameter")
    else:
        d.param("gamma", "float", 0.2, 0.8, about="Gradient energy coefficient")
    if noise:
        d.input("xi", "float", g.shape, -1.0, 1.0, about="Noise field")
        d.param("amplitude", "float", 0.05, 0.2, about="Noise amplitude")
    if model != "chemical potential":
        # The square of the Laplacian makes short steps.
        longest = 0.01 if model == "swift-hohenberg" else 0.05
        d.param("dt", "float", 0.2 * longest, longest, about="Time step")
    if model == "swift-hohenberg":
        d.param("dx", "float", 1.0, 1.2, about="Grid spacing")
    else:
        d.param("dx", "float", 0.5, 1.0, about="Grid spacing")
    g.sized(d)
    out = "mu" if model == "chemical potential" else "updated"
    d.output(out, "float", g.shape, about="Chemical potential" if out == "mu" else "Updated order parameter")
    force = "p * p * p - p" if well == "quartic" else "2.0 * p * (1.0 - p) * (1.0 - 2.0 * p)"
    lines = [f"p = {g.at('phi')}"]
    kick = f" + wp.sqrt(dt) * amplitude * {g.at('xi')}" if noise else ""
    if model == "cahn-hilliard":
        lines += [
            f"lap_mu = {laplacian_text(g, 'mu')}",
            f"{g.at(out)} = p + dt * mobility * lap_mu / (dx * dx)",
        ]
    elif model == "swift-hohenberg":
        lines += [
            "# (1 + lap)^2 = 1 + 2 lap + lap^2, the inner Laplacian is computed in a previous pass",
            f"bilap = {laplacian_text(g, 'lap')}",
            f"rate = (r - 1.0) * p - 2.0 * {g.at('lap')} - bilap / (dx * dx)"
            + (" - p * p * p" if well == "quartic" else " + p * p - p * p * p"),
        ]
        lines.append(f"{g.at(out)} = p + dt * rate{kick}")
    else:
        lines.append(f"lap = {laplacian_text(g, 'phi')}")
        if well == "quartic":
            lines.append("# Derivative of the double well (1 - p^2)^2 / 4")
        else:
            lines.append("# Derivative of the double well p^2 (1 - p)^2")
        lines.append(f"slope = {force}")
        if model == "chemical potential":
            lines.append(f"{g.at(out)} = slope - gamma * lap / (dx * dx)")
        else:
            lines.append(f"{g.at(out)} = p + dt * (gamma * lap / (dx * dx) - slope){kick}")
    g.code(d, "\n".join(lines), "phi", border=f"{g.at(out)} = {'0.0' if out == 'mu' else g.at('phi')}")

    def reference(v: Values) -> dict[str, Any]:
        p = g.grid(v.phi)
        slope = np.polyval([1, 0, -1, 0] if well == "quartic" else [4, -6, 2, 0], p)
        kick = np.sqrt(v.dt) * v.amplitude * g.grid(v.xi) if noise else 0.0
        if model == "cahn-hilliard":
            new = p + v.dt * v.mobility * laplacian(g, v.mu) / v.dx**2
        elif model == "swift-hohenberg":
            cubic = -(p**3) if well == "quartic" else p**2 - p**3
            rate = v.r * p - (p + 2 * g.grid(v.lap) + laplacian(g, v.lap) / v.dx**2) + cubic
            new = p + v.dt * rate + kick
        elif model == "allen-cahn":
            new = p + v.dt * (v.gamma * laplacian(g, v.phi) / v.dx**2 - slope) + kick
        else:
            new = slope - v.gamma * laplacian(g, v.phi) / v.dx**2
        return {out: g.result(new, border=0.0 if out == "mu" else p)}

    d.check(reference, 5e-4)
