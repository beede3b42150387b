"""Forces between three atoms."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.chemistry import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_CUTS = {
    "stillinger weber": '''
@wp.func
def radial_factor(r: float, cutoff: float) -> wp.vec2:
    """Stillinger-Weber radial factor and derivative; all derivatives vanish at the cutoff."""
    if r >= cutoff:
        return wp.vec2(0.0, 0.0)
    gap = r - cutoff
    value = wp.exp(GAMMA / gap)
    return wp.vec2(value, -GAMMA / (gap * gap) * value)
''',
    "cosine": '''
@wp.func
def radial_factor(r: float, cutoff: float) -> wp.vec2:
    """Tersoff cutoff function and derivative: one inside INNER_CUTOFF, then a cosine falloff to zero."""
    if r >= cutoff:
        return wp.vec2(0.0, 0.0)
    if r <= INNER_CUTOFF:
        return wp.vec2(1.0, 0.0)
    width = cutoff - INNER_CUTOFF
    phase = wp.pi * (r - INNER_CUTOFF) / width
    return wp.vec2(0.5 + 0.5 * wp.cos(phase), -0.5 * wp.pi / width * wp.sin(phase))
''',
    "polynomial": '''
@wp.func
def radial_factor(r: float, cutoff: float) -> wp.vec2:
    """Quintic smoothstep cutoff and derivative: one inside INNER_CUTOFF, zero beyond the cutoff."""
    if r >= cutoff:
        return wp.vec2(0.0, 0.0)
    if r <= INNER_CUTOFF:
        return wp.vec2(1.0, 0.0)
    width = cutoff - INNER_CUTOFF
    s = (r - INNER_CUTOFF) / width
    value = 1.0 - s * s * s * (10.0 - 15.0 * s + 6.0 * s * s)
    slope = -30.0 * s * s * (1.0 - s) * (1.0 - s) / width
    return wp.vec2(value, slope)
''',
}
# The same without the slopes, for energies.
_FACTORS = {
    "stillinger weber": '''
@wp.func
def radial_factor(r: float, cutoff: float) -> float:
    """Stillinger-Weber radial factor, where all derivatives vanish at the cutoff."""
    if r >= cutoff:
        return 0.0
    return wp.exp(GAMMA / (r - cutoff))
''',
    "cosine": '''
@wp.func
def radial_factor(r: float, cutoff: float) -> float:
    """Tersoff cutoff function: one inside INNER_CUTOFF, then a cosine falloff to zero."""
    if r >= cutoff:
        return 0.0
    if r <= INNER_CUTOFF:
        return 1.0
    return 0.5 + 0.5 * wp.cos(wp.pi * (r - INNER_CUTOFF) / (cutoff - INNER_CUTOFF))
''',
    "polynomial": '''
@wp.func
def radial_factor(r: float, cutoff: float) -> float:
    """Quintic smoothstep cutoff: one inside INNER_CUTOFF, zero beyond the cutoff."""
    if r >= cutoff:
        return 0.0
    if r <= INNER_CUTOFF:
        return 1.0
    s = (r - INNER_CUTOFF) / (cutoff - INNER_CUTOFF)
    return 1.0 - s * s * s * (10.0 - 15.0 * s + 6.0 * s * s)
''',
}


def _radial(cut: str, r: Any, cutoff: float, reach: float) -> Any:
    inside = r < cutoff
    if cut == "stillinger weber":
        return np.where(inside, np.exp(reach / np.where(inside, r - cutoff, -1.0)), 0.0)
    s = np.clip((r - reach) / (cutoff - reach), 0.0, 1.0)
    return (1 + np.cos(np.pi * s)) / 2 if cut == "cosine" else 1 - s**3 * (10 - 15 * s + 6 * s * s)


@DOMAIN.algorithm(
    source="Stillinger & Weber 1985; Vashishta et al. 1990; Tersoff 1988 (cutoff); Allen & Tildesley 2017, sec. 1.3 and C.2",
    names={
        "positions": "x|coords|atoms",
        "triplets": "triples|neighbor_triplets|triplet_list",
        "cosine": "cos_theta|cos_angle|cos_jik",
        "energy": "potential|e_pot|epot",
    },
    double=True,
    element="triplet",
    weight=3,
)
def three_body_forces(d: Draft) -> None:
    """Accumulates three-body bond angle forces with a smooth cutoff."""
    cut = d.option("cutoff", *_CUTS)
    angle = d.option("angle", "squared", "saturating", "quartic")
    box = d.option("box", "none", "orthorhombic", "triclinic")
    species = d.option("species", "one", "central", "mask")
    result = d.option("result", "forces", "energy", "each", "virial")
    scaled = d.option("bond scale", "none", "switch", "weights")
    skip = d.flag("early exit", 0.5)
    cap = d.flag("cap", 0.3) if result == "forces" else False
    stillinger = cut == "stillinger weber" and angle == "squared"
    d.calls(
        {
            "forces": "three_body_forces|angular_forces|triplet_forces"
            + ("|sw_three_body" if stillinger else ""),
            "energy": "three_body_energy|angular_energy|atom_energies",
            "each": "triplet_energies|angle_energies|three_body_energies",
            "virial": "three_body_virial|angular_virial|triplet_virial",
        }[result]
    )
    atoms, n = d.pick(16, 20), d.pick(48, 64)
    d.input("positions", "vec3", atoms, -1.6, 1.6, about="Atom positions")
    d.input("triplets", "vec3i", n, 0, atoms, about="Atom indices per triplet (center, neighbor, neighbor)")
    if species != "one":
        d.input("species", "int", atoms, 0, 3, about="Atom species")
    if species == "central":
        d.input("strength", "float", 3, 0.5, 2.0, about="Angle term strength per central atom species")
    else:
        d.param("strength", "float", 0.5, 2.0, about="Angle term strength")
    if species == "mask":
        d.param("free_species", "int", 2, about="Species without an angle term")
    d.param("cos_rest", "float", -0.4, -0.3, about="Cosine of the rest angle, -1/3 for tetrahedral")
    d.param("cutoff", "float", 2.4, 2.8, about="Bond cutoff distance")
    if box == "orthorhombic":
        d.param("box", "vec3", 6.0, 7.0, about="Periodic box edge lengths")
    elif box == "triclinic":
        d.param("cell", "mat33", 5.5, 7.0, "spd", about="Periodic cell vectors (columns)")
    if scaled == "switch":
        d.param("coupling", "float", 0.2, 0.8, about="Alchemical coupling parameter")
    elif scaled == "weights":
        d.input("triplet_weight", "float", n, 0.0, 1.0, about="Per-triplet weight")
    if cap:
        d.param("max_force", "float", 3.0, 6.0, about="Maximum neighbor force, for bad initial structures")
    name, type, shape, about = {
        "forces": ("forces", "vec3", atoms, "Atom forces"),
        "energy": ("energies", "float", atoms, "Per-atom energy, assigned to the central atom"),
        "each": ("energies", "float", n, "Per-triplet energy"),
        "virial": ("virial", "mat33", 1, "Virial tensor"),
    }[result]
    d.output(name, type, shape, about=about)
    reach = d.pick(1.0, 1.2)
    if cut == "stillinger weber":
        d.module(f"GAMMA = wp.constant({reach})  # decay length of the radial factor")
    else:
        d.module(f"INNER_CUTOFF = wp.constant({reach})  # full bond strength inside this radius")
    if angle == "saturating":
        d.module("SATURATION = wp.constant(0.5)")
    forces = result in ("forces", "virial")
    factor_of = (_CUTS if forces else _FACTORS)[cut]
    nil = "wp.vec2(0.0, 0.0)" if forces else "0.0"
    d.function(factor_of.replace(f"    if r >= cutoff:\n        return {nil}\n", "") if skip else factor_of)
    if box != "none":
        head, body = {
            "orthorhombic": ("box: wp.vec3", """
                return wp.vec3(
                    r[0] - box[0] * wp.round(r[0] / box[0]),
                    r[1] - box[1] * wp.round(r[1] / box[1]),
                    r[2] - box[2] * wp.round(r[2] / box[2]),
                )
                """),
            "triclinic": ("cell: wp.mat33, cell_inverse: wp.mat33", """
                # Round in fractional coordinates
                s = cell_inverse * r
                return r - cell * wp.vec3(wp.round(s[0]), wp.round(s[1]), wp.round(s[2]))
                """),
        }[box]  # fmt: skip
        d.function(f'''
            @wp.func
            def nearest_image(r: wp.vec3, {head}) -> wp.vec3:
                """$told"""
                $body
        ''', body=body, told="Return the minimum image vector." if box == "orthorhombic"
            else "Return the periodic image with fractional coordinates closest to zero.")  # fmt: skip
    wrap = {
        "none": "{}",
        "orthorhombic": "nearest_image({}, box)",
        "triclinic": "nearest_image({}, cell, cell_inverse)",
    }[box]
    shape_of = {
        "squared": """
            # Stillinger-Weber: quadratic in the cosine
            bend = k * deviation * deviation
            bend_slope = 2.0 * k * deviation
            """,
        "saturating": """
            # Vashishta form, saturates for large deviations
            square = deviation * deviation
            damped = 1.0 + SATURATION * square
            bend = k * square / damped
            bend_slope = 2.0 * k * deviation / (damped * damped)
            """,
        "quartic": """
            # Quadratic near rest, stiffer for large deviations
            square = deviation * deviation
            bend = k * (0.5 * square + square * square)
            bend_slope = k * deviation * (1.0 + 4.0 * square)
            """,
    }[angle]
    grad = """
        # Gradient of the cosine with respect to the two neighbors
        dcos_j = (u_ik - cosine * u_ij) / r_ij
        dcos_k = (u_ij - cosine * u_ik) / r_ik
        shape_slope = bend_slope * f_ij[0] * f_ik[0]
        force_j = -(shape_slope * dcos_j + bend * f_ij[1] * f_ik[0] * u_ij)
        force_k = -(shape_slope * dcos_k + bend * f_ij[0] * f_ik[1] * u_ik)
        $cap
        """
    store = {
        "forces": """
            wp.atomic_add(forces, j, force_j)
            wp.atomic_add(forces, k_atom, force_k)
            # Reaction on the central atom conserves momentum
            wp.atomic_sub(forces, i, force_j + force_k)
            """,
        "energy": "wp.atomic_add(energies, i, bend * f_ij * f_ik)",
        "each": "energies[tid] = bend * f_ij * f_ik",
        "virial": """
            # W = sum of r f, relative to the central atom
            wp.atomic_add(virial, 0, wp.outer(bond_ij, force_j) + wp.outer(bond_ik, force_k))
            """,
    }[result]
    strength = "strength[species[i]]" if species == "central" else "strength"
    factor = {"none": "", "switch": "coupling * ", "weights": "triplet_weight[tid] * "}[scaled]
    plain = species != "central" and scaled == "none"
    nothing = "energies[tid] = 0.0" if result == "each" else ""
    kept = f"    {nothing}\n" if nothing else ""
    d.launch(n)
    d.code(
        """
        tid = wp.tid()
        i = triplets[tid][0]
        j = triplets[tid][1]
        k_atom = triplets[tid][2]
        # Skip padding and degenerate triplets
        if i == j or i == k_atom or j == k_atom:
            $nothing
            return

        $mask
        $invert
        bond_ij = $bond_ij
        bond_ik = $bond_ik
        r_ij = wp.length(bond_ij)
        r_ik = wp.length(bond_ik)
        $skip
        f_ij = radial_factor(r_ij, cutoff)
        f_ik = radial_factor(r_ik, cutoff)
        u_ij = bond_ij / r_ij
        u_ik = bond_ik / r_ik
        cosine = wp.dot(u_ij, u_ik)
        deviation = cosine - cos_rest
        $scale
        $shape
        $grad
        $store
        """,
        nothing=nothing,
        mask=f"# No angle term for this species\nif species[i] == free_species:\n{kept}    return\n"
        if species == "mask"
        else "",
        invert="cell_inverse = wp.inverse(cell)" if box == "triclinic" else "",
        bond_ij=wrap.format("positions[j] - positions[i]"),
        bond_ik=wrap.format("positions[k_atom] - positions[i]"),
        skip=f"# Skip triplets beyond the cutoff\nif r_ij >= cutoff or r_ik >= cutoff:\n{kept}    return\n"
        if skip
        else "",
        scale="" if plain else f"k = {factor}{strength}",
        shape=re.sub(r"\bk \*", "strength *", shape_of) if plain else shape_of,
        grad=grad if forces else "",
        cap="""
            # Clamp the force to avoid blow-up for overlapping atoms
            force_j *= wp.min(max_force / (wp.length(force_j) + 1.0e-6), 1.0)
            force_k *= wp.min(max_force / (wp.length(force_k) + 1.0e-6), 1.0)
            """
        if cap
        else "",
        store=store,
    )
    if not forces:
        d.text = "\n".join(line for line in d.text.split("\n") if "bend_slope" not in line)
    capped = "Neighbor forces are clamped to `max_force`." if cap else ""
    d.explain(f"""
        E = g(cos) f(r_ij) f(r_ik) with the angle at the central atom i. Energies and lengths are in reduced units.
        {capped}
    """)
    d.says(
        {
            "energy": "Accumulates three-body bond angle energies on the central atoms.",
            "each": "Computes three-body bond angle energies with a smooth cutoff.",
            "virial": "Accumulates the virial tensor from three-body bond angle forces.",
        }.get(result, "Accumulates three-body bond angle forces with a smooth cutoff.")
    )

    def energy(v: Values, bonds: Any, gain: Any) -> Any:
        r = np.linalg.norm(bonds, axis=-1)
        c = (bonds[:, 0] * bonds[:, 1]).sum(-1) / np.maximum(r.prod(-1), 1e-12) - v.cos_rest
        form = {"squared": c * c, "saturating": c * c / (1 + c * c / 2), "quartic": c * c / 2 + c**4}[angle]
        return gain * form * _radial(cut, r, v.cutoff, reach).prod(-1)

    def reference(v: Values) -> dict[str, Any]:
        i, j, k = v.triplets.T
        bonds = np.stack([v.positions[j] - v.positions[i], v.positions[k] - v.positions[i]], axis=1)
        if box == "orthorhombic":
            bonds = bonds - v.box * np.round(bonds / v.box)
        elif box == "triclinic":
            cell = np.asarray(v.cell)
            bonds = bonds - np.round(bonds @ np.linalg.inv(cell).T) @ cell.T
        real = (i != j) & (i != k) & (j != k)
        if species == "mask":
            real &= v.species[i] != 2
        gain = (v.strength[v.species[i]] if species == "central" else v.strength) * real
        gain = (
            gain
            * {"none": 1.0, "switch": v.get("coupling", 1.0), "weights": v.get("triplet_weight", 1.0)}[scaled]
        )
        e = energy(v, bonds, gain)
        if result == "each":
            return {name: e}
        if result == "energy":
            return {name: np.bincount(i, e, atoms)}
        pull = np.zeros((n, 2, 3))
        for at in np.ndindex(2, 3):
            h = np.zeros((2, 3))
            h[at] = 1e-5
            pull[:, at[0], at[1]] = -(energy(v, bonds + h, gain) - energy(v, bonds - h, gain)) / 2e-5
        if cap:
            pull *= np.minimum(v.max_force / (np.linalg.norm(pull, axis=-1, keepdims=True) + 1e-6), 1.0)
        if result == "virial":
            return {name: np.einsum("nba,nbc->ac", bonds, pull)[None]}
        total = np.zeros((atoms, 3))
        np.add.at(total, j, pull[:, 0])
        np.add.at(total, k, pull[:, 1])
        np.subtract.at(total, i, pull.sum(1))
        return {name: total}

    d.check(reference, 5e-3)
