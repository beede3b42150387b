"""Electrostatics of periodic boxes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.chemistry import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_erfc = np.vectorize(math.erfc, otypes=[float])


@DOMAIN.algorithm(
    source="Ewald 1921; Allen & Tildesley 2017, sec. 6.2; Frenkel & Smit 2002, sec. 12.1; de Leeuw et al. 1980",
    names={
        "positions": "pos|x|sites",
        "charges": "q|site_charge|partial_charge",
        "box": "box_size|cell_size",
        "alpha": "splitting|kappa|ewald_coeff",
        "k_max": "n_waves|kmax|max_wave",
        "total": "summed|accum|acc",
    },
    adjoint="no",
    element="",  # each charge acts on all others
    weight=6,
)
def periodic_potentials(d: Draft) -> None:
    """Computes electrostatic potentials in a periodic box using Ewald summation."""
    result = d.option("result", "potential", "energy", "force", "field", weights=(0.35, 0.25, 0.25, 0.15))
    cell = d.option("cell", "cubic", "orthorhombic")
    waves = d.option("waves", "all", "half")
    cut = d.option("cutoff", "sphere", "none")
    surface = d.option("surroundings", "metal", "vacuum")
    background = d.flag("background", 0.4) and surface == "metal"
    vector = result in ("force", "field")
    paired = surface == "vacuum" or (not vector and not background)
    charges = d.option("charges", "each", "shared")
    d.calls(
        {
            "potential": "periodic_potentials|ewald_sum|ewald_potential|lattice_sum",
            "energy": "periodic_energies|ewald_energy|ewald_sum|coulomb_energies",
            "force": "periodic_forces|ewald_forces|ewald_sum|coulomb_forces",
            "field": "periodic_field|ewald_field|electric_field",
        }[result]
    )
    d.says({
        "potential": "Computes electrostatic potentials in a periodic box using Ewald summation.",
        "energy": "Computes per-atom electrostatic energies in a periodic box using Ewald summation.",
        "force": "Computes electrostatic forces in a periodic box using Ewald summation.",
        "field": "Computes the electric field at charges in a periodic box using Ewald summation.",
    }[result])  # fmt: skip
    n = d.pick(8, 10, 12)
    d.input("positions", "vec3", n, 0.0, 1.8, about="Positions [nm]")
    if paired and charges == "each":
        d.input(
            "charges", "float", n // 2, 0.2, 1.0, about="Cation charges [e], anions have the opposite charge"
        )
        charge = "ion_charge(charges, {})"
    elif paired:
        d.param("charge", "float", 0.5, 1.0, about="Cation charge [e], anions have the opposite charge")
        charge = "ion_charge(charge, {})"
    elif charges == "each":
        d.input("charges", "float", n, -1.0, 1.0, about="Charges [e]")
        charge = "charges[{}]"
    else:
        charge = "charges[species[{}]]"
        d.input("species", "int", n, 0, 3, about="Species index per atom")
        d.input("charges", "float", 3, -1.0, 1.0, about="Charge per species [e]")
    if cell == "cubic":
        d.param("box", "float", 1.8, 2.2, about="Box edge length [nm]")
    else:
        d.param("box", "vec3", 1.8, 2.2, about="Box edge lengths [nm]")
    d.param("alpha", "float", 2.4, 2.8, about="Ewald splitting parameter [1/nm]")
    d.param("k_max", "int", 5, about="Maximum wave index per axis")
    kind, about = {
        "potential": ("float", "Electric potential at each atom [kJ/(mol e)]"),
        "energy": ("float", "Per-atom energy, half of each pair energy [kJ/mol]"),
        "force": ("vec3", "Electrostatic force on each atom [kJ/(mol nm)]"),
        "field": ("vec3", "Electric field at each atom [kJ/(mol nm e)]"),
    }[result]
    name = {"potential": "potentials", "energy": "energies", "force": "forces", "field": "fields"}[result]
    d.output(name, kind, n, about=about)
    d.module("COULOMB = wp.constant(138.935458)  # 1 / (4 pi epsilon0) [kJ nm/(mol e^2)]")
    if paired:
        given, taken = (
            ("charges: wp.array(dtype=float)", "charges[j // 2]")
            if charges == "each"
            else ("charge: float", "charge")
        )
        d.function(f'''
            @wp.func
            def ion_charge({given}, j: int) -> float:
                """Return the ion charge (even indices are cations, odd indices anions)."""
                return {taken} * (1.0 - 2.0 * float(j % 2))
        ''')
    edge = {a: "box" if cell == "cubic" else f"box[{k}]" for k, a in enumerate("xyz")}
    volume = "box * box * box" if cell == "cubic" else "box[0] * box[1] * box[2]"
    wrap = (
        "gap = gap - box * wp.vec3(wp.round(gap[0] / box), wp.round(gap[1] / box), wp.round(gap[2] / box))"
        if cell == "cubic"
        else "cells = wp.cw_div(gap, box)\n"
        "gap = gap - wp.cw_mul(box, wp.vec3(wp.round(cells[0]), wp.round(cells[1]), wp.round(cells[2])))"
    )
    reach = "0.5 * box" if cell == "cubic" else "0.5 * wp.min(box)"
    real = {
        False: "total += {q} * wp.erfc(alpha * r) / r",
        True: """
            # Derivative of erfc(alpha r) / r
            screen = 2.0 * alpha / wp.sqrt(wp.pi) * wp.exp(-alpha * alpha * r * r)
            total += {q} * (wp.erfc(alpha * r) / r + screen) / (r * r) * gap
            """,
    }[vector].replace("{q}", charge.format("j"))
    sums = {
        False: "wave_sum += {q} * wp.cos(wp.dot(k, positions[i] - positions[j]))",
        True: "wave_sum += {q} * wp.sin(wp.dot(k, positions[i] - positions[j]))",
    }[vector].replace("{q}", charge.format("j"))
    factor = "8.0" if waves == "half" else "4.0"
    scale = f"{factor} * wp.pi / volume * wp.exp(-0.25 * k_sq / (alpha * alpha)) / k_sq"
    add = f"total += {scale} * wave_sum" + (" * k" if vector else "")
    if waves == "half":
        skip = (
            "# Use k / -k symmetry: visit half of the wave vectors and double them\n"
            "if kz == 0 and (ky < 0 or (ky == 0 and kx <= 0)):\n    continue"
        )
    else:
        skip = "if kx == 0 and ky == 0 and kz == 0:\n    continue"
    own = charge.format("i")
    closing = (
        [] if vector else [f"# Self-interaction correction\ntotal -= 2.0 * alpha / wp.sqrt(wp.pi) * {own}"]
    )
    loop = []
    if background and not vector:
        loop.append(f"net += {charge.format('j')}")
        closing.append(
            "# Neutralizing background correction\ntotal -= wp.pi / (volume * alpha * alpha) * net"
        )
    if surface == "vacuum":
        loop.append(f"dipole += {charge.format('j')} * positions[j]")
        if vector:
            closing.append(
                "# Dipole correction for a sphere in vacuum\ntotal -= 4.0 * wp.pi / (3.0 * volume) * dipole"
            )
        else:
            closing.append(
                "# Dipole correction for a sphere in vacuum\n"
                "total += 4.0 * wp.pi / (3.0 * volume) * wp.dot(dipole, positions[i])"
            )
    start = ["total = wp.vec3(0.0, 0.0, 0.0)" if vector else "total = float(0.0)"]
    if surface == "vacuum":
        start.append("dipole = wp.vec3(0.0, 0.0, 0.0)")
    if background and not vector:
        start.append("net = float(0.0)")
    store = {
        "potential": "potentials[i] = COULOMB * total",
        "energy": f"energies[i] = 0.5 * COULOMB * {own} * total",
        "force": f"forces[i] = COULOMB * {own} * total",
        "field": "fields[i] = COULOMB * total",
    }[result]
    d.launch(n)
    d.code(
        f"""
        i = wp.tid()
        volume = {volume}
        $start
        # --- Real-space sum: screened charges, minimum image ---
        for j in range(positions.shape[0]):
            $loop
            if j == i:
                continue
            gap = positions[i] - positions[j]
            {wrap.replace(chr(10), chr(10) + " " * 12)}
            r = wp.length(gap)
            $cut
            $real
        # --- Reciprocal-space sum over wave vectors ---
        for kx in range(-k_max, k_max + 1):
            for ky in range(-k_max, k_max + 1):
                for kz in range($first, k_max + 1):
                    $skip
                    k = wp.vec3(float(kx) / {edge["x"]}, float(ky) / {edge["y"]}, float(kz) / {edge["z"]}) * wp.TAU
                    k_sq = wp.length_sq(k)
                    wave_sum = float(0.0)
                    for j in range(positions.shape[0]):
                        {sums}
                    {add}
        $closing
        $store
        """,
        start="\n".join(start),
        loop="\n".join(loop),
        cut=f"if r > {reach}:\n    # Minimum image is only valid within half the box\n    continue"
        if cut == "sphere"
        else "",
        real="\n".join(line.strip() for line in real.strip("\n").split("\n") if line.strip()),
        first="0" if waves == "half" else "-k_max",
        skip=skip,
        closing="\n".join(closing),
        store=store,
    )
    d.explain(f"""
        Point charges are screened by Gaussians, which are summed in reciprocal space:
        4 pi / V * sum_k exp(-k^2 / (4 alpha^2)) / k^2 * sum_j q_j cos k (r_i - r_j). The remainder decays as erfc(alpha r)
        and is summed in real space using the minimum image convention{" within half the box" if cut == "sphere" else ""}.
        The periodic system is surrounded by {"vacuum" if surface == "vacuum" else "a conductor"}.
        {"" if paired else "A uniform background neutralizes the box" + (" and exerts no force." if vector else ".")}
    """)

    def reference(v: Values) -> dict[str, Any]:
        x, box = v.positions.astype(float), v.box * np.ones(3)
        if paired:
            q = np.repeat(v.charges if charges == "each" else np.full(n // 2, v.charge), 2) * np.tile(
                [1, -1], n // 2
            )
        else:
            q = v.charges if charges == "each" else v.charges[v.species]
        a, vol = float(v.alpha), float(np.prod(box))
        gap = x[:, None] - x[None]
        gap = gap - box * np.round(gap / box)
        r = np.linalg.norm(gap, axis=2) + np.eye(n)
        keep = ~np.eye(n, dtype=bool) & ((r <= 0.5 * box.min()) | (cut == "none"))
        waves_ = np.stack(np.meshgrid(*[np.arange(-5, 6)] * 3, indexing="ij"), -1).reshape(-1, 3)
        k = 2 * np.pi * waves_[np.any(waves_ != 0, 1)] / box
        w = 4 * np.pi / vol * np.exp(-(k**2).sum(1) / (4 * a * a)) / (k**2).sum(1)
        structure = (q * np.exp(1j * (k @ x.T))).sum(1)
        seen = w * structure.conj() * np.exp(1j * (x @ k.T))
        dipole = q @ x
        if vector:
            pull = (_erfc(a * r) / r + 2 * a / np.sqrt(np.pi) * np.exp(-((a * r) ** 2))) / r**2
            total = np.einsum("ij,ijc->ic", np.where(keep, pull, 0) * q, gap) + seen.imag @ k
            total = total - (4 * np.pi / 3 / vol * dipole if surface == "vacuum" else 0.0)
            return {name: 138.935458 * total * (q[:, None] if result == "force" else 1.0)}
        total = (
            (np.where(keep, _erfc(a * r) / r, 0) * q).sum(1) + seen.real.sum(1) - 2 * a / np.sqrt(np.pi) * q
        )
        if background:
            total = total - np.pi / vol / a**2 * q.sum()
        if surface == "vacuum":
            total = total + 4 * np.pi / 3 / vol * (x @ dipole)
        return {name: 138.935458 * total * (0.5 * q if result == "energy" else 1.0)}

    d.check(reference, 5e-3)
