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
    """Sums the electrostatic potential of charges and all their periodic images (Ewald)."""
    result = d.option("result", "potential", "energy", "force", "field", weights=(0.35, 0.25, 0.25, 0.15))
    cell = d.option("cell", "cubic", "orthorhombic")
    waves = d.option("waves", "all", "half")
    cut = d.option("cutoff", "sphere", "none")
    surface = d.option("surroundings", "metal", "vacuum")
    background = d.flag("background", 0.4) and surface == "metal"
    charges = d.option("charges", "per atom", "by species")
    d.calls(
        {
            "potential": "periodic_potentials|ewald_sum|ewald_potential|lattice_sum",
            "energy": "periodic_energies|ewald_energy|ewald_sum|coulomb_energies",
            "force": "periodic_forces|ewald_forces|ewald_sum|coulomb_forces",
            "field": "periodic_field|ewald_field|electric_field",
        }[result]
    )
    d.says({
        "potential": "Sums the electrostatic potential of charges and all their periodic images (Ewald).",
        "energy": "Computes the electrostatic energies of charges among all their periodic images (Ewald).",
        "force": "Computes the electrostatic forces on charges among all their periodic images (Ewald).",
        "field": "Sums the electric field of charges and all their periodic images (Ewald).",
    }[result])  # fmt: skip
    n = d.pick(8, 10, 12)
    d.input("positions", "vec3", n, 0.0, 1.8, about="Positions [nm]")
    if charges == "per atom":
        d.input("charges", "float", n, -1.0, 1.0, about="Charges [e]")
    else:
        d.input("species", "int", n, 0, 3, about="Species of each atom")
        d.input("charges", "float", 3, -1.0, 1.0, about="Charge of each species [e]")
    if cell == "cubic":
        d.param("box", "float", 1.8, 2.2, about="Edge of the box [nm]")
    else:
        d.param("box", "vec3", 1.8, 2.2, about="Edges of the box [nm]")
    d.param("alpha", "float", 2.4, 2.8, about="Inverse width of the screening charges [1/nm]")
    d.param("k_max", "int", 5, about="Largest number of a wave along an axis")
    kind, about = {
        "potential": ("float", "Electric potential at each atom [kJ/(mol e)]"),
        "energy": ("float", "Energy of each atom, half of its pairs' [kJ/mol]"),
        "force": ("vec3", "Electrostatic force on each atom [kJ/(mol nm)]"),
        "field": ("vec3", "Electric field at each atom [kJ/(mol nm e)]"),
    }[result]
    name = {"potential": "potentials", "energy": "energies", "force": "forces", "field": "fields"}[result]
    d.output(name, kind, n, about=about)
    d.module("COULOMB = wp.constant(138.935458)  # 1 / (4 pi epsilon0) [kJ nm/(mol e^2)]")
    vector = result in ("force", "field")
    edge = {a: "box" if cell == "cubic" else f"box[{k}]" for k, a in enumerate("xyz")}
    volume = "box * box * box" if cell == "cubic" else "box[0] * box[1] * box[2]"
    wrap = (
        "gap = gap - box * wp.vec3(wp.round(gap[0] / box), wp.round(gap[1] / box), wp.round(gap[2] / box))"
        if cell == "cubic"
        else "turns = wp.cw_div(gap, box)\n"
        "gap = gap - wp.cw_mul(box, wp.vec3(wp.round(turns[0]), wp.round(turns[1]), wp.round(turns[2])))"
    )
    charge = "charges[{}]" if charges == "per atom" else "charges[species[{}]]"
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
            "# k and -k give the same: keep one of both, twice\n"
            "if kz == 0 and (ky < 0 or (ky == 0 and kx <= 0)):\n    continue"
        )
    else:
        skip = "if kx == 0 and ky == 0 and kz == 0:\n    continue"
    own = charge.format("i")
    closing = (
        []
        if vector
        else [f"# The screening charge of the atom itself\ntotal -= 2.0 * alpha / wp.sqrt(wp.pi) * {own}"]
    )
    loop = []
    if background and not vector:
        loop.append(f"net += {charge.format('j')}")
        closing.append(
            "# A uniform background makes the box neutral\ntotal -= wp.pi / (volume * alpha * alpha) * net"
        )
    if surface == "vacuum":
        loop.append(f"dipole += {charge.format('j')} * positions[j]")
        if vector:
            closing.append(
                "# Surface charges of a large sphere in vacuum\ntotal -= 4.0 * wp.pi / (3.0 * volume) * dipole"
            )
        else:
            closing.append(
                "# Surface charges of a large sphere in vacuum\n"
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
        # --- Real space: screened charges, nearest images ---
        for j in range(positions.shape[0]):
            $loop
            if j == i:
                continue
            gap = positions[i] - positions[j]
            {wrap.replace(chr(10), chr(10) + " " * 12)}
            r = wp.length(gap)
            $cut
            $real
        # --- Reciprocal space: waves of the smooth screening charges ---
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
        cut=f"if r > {reach}:\n    # Beyond half the box the nearest image is not the only one\n    continue"
        if cut == "sphere"
        else "",
        real="\n".join(line.strip() for line in real.strip("\n").split("\n") if line.strip()),
        first="0" if waves == "half" else "-k_max",
        skip=skip,
        closing="\n".join(closing),
        store=store,
    )
    d.explain(f"""
        Each point charge is screened by a Gaussian, whose potential is summed in reciprocal space:
        4 pi / V * sum_k exp(-k^2 / (4 alpha^2)) / k^2 * sum_j q_j cos k (r_i - r_j). The rest decays like erfc(alpha r)
        and is summed over nearest images{" within half the box" if cut == "sphere" else ""}.
        The copies of the box are surrounded by {"vacuum" if surface == "vacuum" else "a conductor"}.
        {"A uniform background makes the box neutral." if background and not vector else ""}
        {"" if background or (vector and surface == "metal") else "The charges are assumed to add up to zero."}
    """)

    def reference(v: Values) -> dict[str, Any]:
        x, box = v.positions.astype(float), v.box * np.ones(3)
        q = v.charges if charges == "per atom" else v.charges[v.species]
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
