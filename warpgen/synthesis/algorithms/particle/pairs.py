"""Forces between pairs of molecules, with cutoffs and lists of neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.particle import DOMAIN
from warpgen.synthesis.library import potentials
from warpgen.synthesis.writing.draft import Draft, Values

NAMES = {
    "x": "positions|pos|particle_q|coords",
    "f": "forces|particle_f",
    "cutoff": "r_cut|rc|cutoff_radius",
    "box": "box_size|box_length",
    "start": "row_start|offsets|neighbor_offsets",
    "neighbors": "nbr|neighbor_indices|adjacency",
    "j": "other|nb|neighbor",
    "d_ij": "offset|rij|delta",
    "r": "dist|distance|r_ij",
    "r_safe": "r_clamped|r_capped",
}


_ABOUT = {
    "epsilon": "Well depth",
    "sigma": "Zero-crossing distance",
    "stiffness": "Sphere stiffness",
    "diameter": "Sphere diameter",
    "depth": "Well depth",
    "r_min": "Equilibrium distance",
    "strength": "Coulomb interaction strength",
    "screening_length": "Screening length",
    "height": "Gaussian height",
    "width": "Gaussian width",
}


_CALLED = dict(
    zip(
        potentials.POTENTIALS,
        ("Lennard-Jones", "soft-sphere", "Morse", "Yukawa", "Gaussian-core"),
        strict=True,
    )
)


def _multiplicity(v: Values, count: int, listing: str) -> Any:
    """How often each pair (i, j) is met."""
    times = np.zeros((count, count))
    if listing == "csr":
        for i in range(count):
            np.add.at(times[i], v.neighbors[v.start[i] : v.start[i + 1]], 1.0)
    elif listing == "table":
        rows, columns = np.nonzero(v.neighbors >= 0)
        np.add.at(times, (rows, v.neighbors[rows, columns]), 1.0)
    else:
        times[:] = 1.0
    np.fill_diagonal(times, 0.0)
    return times


@DOMAIN.algorithm(
    source="Allen & Tildesley 2017, ch. 1 and 5; Frenkel & Smit 2002, alg. 5",
    names=NAMES
    | {
        "pair_forces": "compute_forces|md_forces|nonbonded_forces|eval_pair_forces",
        "energy": "potential_energy|pe|e_pot",
        "e_i": "pe_i|energy_i",
        "force_i": "f_i|fi",
    },
    double=True,
    weight=3,
    element="",
)
def pair_forces(d: Draft) -> None:
    """Computes pair potential forces over neighbor lists."""
    potential = d.option("potential", *potentials.POTENTIALS)
    listing = d.option("listing", "all", "csr", "table")
    periodic = d.flag("periodic")
    wanted = d.option("wanted", "force", "energy", weights=(0.65, 0.35))
    if wanted == "energy":
        d.calls("pair_energies|compute_energies|nonbonded_energies")
    soft = potential is potentials.SOFT_SPHERE  # which ends at the diameter
    shifted = d.flag("shifted", 0.3) and wanted == "energy" and not soft
    count = d.pick(32, 48, 64)
    (first, low1, high1), (second, low2, high2) = potential.constants
    law = d.use(potential.force if wanted == "force" else potential.energy)
    d.input("x", "vec3", count, 0.0, 2.0, about="Particle positions")
    if listing == "csr":
        d.input(
            "start",
            "int",
            count + 1,
            0,
            count * 8,
            kind="offsets",
            about="Offset of each particle's first neighbor",
        )
        d.input("neighbors", "int", count * 8, 0, count, about="Concatenated neighbor indices")
    elif listing == "table":
        d.input("neighbors", "int", (count, 8), -1, count, about="Neighbor indices, padded with -1")
    d.param(first, "float", low1, high1, about=_ABOUT[first])
    d.param(second, "float", low2, high2, about=_ABOUT[second])
    if not soft:
        d.param("cutoff", "float", 0.9, 1.0, about="Cutoff distance")
    if periodic:
        d.param("box", "float", 2.0, about="Periodic box edge length")
    if wanted == "force":
        d.output("f", "vec3", count, about="Particle forces")
    else:
        d.output("energy", "float", count, about="Per-particle energies, half of each pair")
    bare = potential in (potentials.SOFT_SPHERE, potentials.MORSE, potentials.GAUSSIAN)  # finite at r = 0
    if periodic:
        d.function(f"""
        @wp.func
        def minimum_image(d: wp.vec3, box: float) -> wp.vec3:
            # Minimum-image convention is valid since the {"diameter" if soft else "cutoff"} is below half the box
            return wp.vec3(
                d[0] - box * wp.round(d[0] / box),
                d[1] - box * wp.round(d[1] / box),
                d[2] - box * wp.round(d[2] / box),
            )
        """)
    loops = {
        "all": """
        for j in range(x.shape[0]):
            if j == tid:
                continue
            $pair
        """,
        "csr": """
        for k in range(start[tid], start[tid + 1]):
            j = neighbors[k]
            if j == tid:
                continue
            $pair
        """,
        "table": """
        for k in range(neighbors.shape[1]):
            j = neighbors[tid, k]
            # Skip padding (-1)
            if j < 0 or j == tid:
                continue
            $pair
        """,
    }
    constants = f"{first}, {second}"
    shift = ""
    if shifted:
        shift = f"# Shift the potential so that it is continuous at the cutoff\nshift = {law}(cutoff, {constants})\n"
    if not bare:
        d.module("MIN_DISTANCE = wp.constant(0.3)  # lower clamp for pair distances")
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        xi = x[tid]
        $zero
        $loop
        $store
        """,
        zero="force_i = wp.vec3()" if wanted == "force" else f"{shift}e_i = float(0.0)",
        loop=loops[listing],
        pair="d_ij = $offset\nr = wp.length(d_ij)\n"
        + ("$term" if soft else "if r < cutoff:\n    $core\n    $term"),
        offset="minimum_image(xi - x[j], box)" if periodic else "xi - x[j]",
        core=""
        if bare
        else """
        # Clamp the distance so that overlapping particles do not blow up the simulation
        r_safe = wp.max(r, MIN_DISTANCE)
        """,
        term=f"force_i += {law}($at, {constants}) * (d_ij / r)"
        if wanted == "force"
        else f"e_i += {law}($at, {constants})$minus",
        at="r" if bare else "r_safe",
        minus=" - shift" if shifted else "",
        # each pair is met from both of its ends
        store="f[tid] = force_i" if wanted == "force" else "energy[tid] = 0.5 * e_i",
    )
    over = ("" if soft else " within a cutoff") + ("" if listing == "all" else " over neighbor lists")
    d.says(
        f"Computes per-particle {_CALLED[potential]} energies{over}."
        if wanted == "energy"
        else f"Computes {_CALLED[potential]} forces{over}{' between all particles' if listing == 'all' else ''}."
    )

    def reference(v: Values) -> dict[str, Any]:
        offset = v.x[:, None] - v.x[None]
        if periodic:
            offset = offset - v.box * np.round(offset / v.box)
        r = np.linalg.norm(offset, axis=-1)
        met = np.where(r < v.get("cutoff", 1.0), _multiplicity(v, count, listing), 0.0)
        held = np.where(met > 0.0, r, 1.0)
        core = held if bare else np.maximum(held, 0.3)
        if wanted == "force":
            strength = met * potential.force(core, v[first], v[second]) / held
            return {"f": (strength[..., None] * offset).sum(axis=1)}
        energies = potential.energy(core, v[first], v[second])
        if shifted:
            energies = energies - potential.energy(v.cutoff, v[first], v[second])
        return {"energy": 0.5 * (met * energies).sum(axis=1)}

    d.check(reference, 3e-4)


@DOMAIN.algorithm(
    source="Verlet 1967 (neighbour lists)",
    names=NAMES
    | {
        "build_neighbor_list": "find_neighbors|neighbor_search|verlet_list|build_neighbors",
        "table": "neighbor_list|nbr_list|neighbor_matrix",
        "counts": "num_neighbors|neighbor_count|n_neighbors",
        "found": "n|num|count",
        "skin": "buffer|r_skin|margin",
    },
    adjoint="either",
    weight=3,
    element="",
)
def build_neighbor_list(d: Draft) -> None:
    """Builds a fixed-width neighbor list padded with -1."""
    search = d.option("search", "all", "half", "periodic")
    skin = d.flag("skin")
    groups = d.flag("exclusions", 0.4)
    dimension = d.option("dimension", 3, 2)
    full = d.option("full", "stop", "count on")
    count, most = d.pick(48, 64, 96), d.pick(8, 12, 16)
    d.input("x", f"vec{dimension}", count, 0.0, 1.0, about="Particle positions")
    if groups:
        d.input("molecule", "int", count, 0, count // 4, about="Molecule index, used to exclude bonded pairs")
    near, far = (0.25, 0.35) if dimension == 3 else (0.15, 0.25)  # most rows have room
    d.param("cutoff", "float", near, far, about="Cutoff distance")
    if skin:
        d.param("skin", "float", 0.02, 0.1, about="Skin distance added to the cutoff")
    if search == "periodic":
        d.param("box", "float", 1.0, about="Periodic box edge length")
    d.output("table", "int", (count, most), about="Neighbor table, padded with -1")
    if full == "count on":
        d.output("counts", "int", count, about="Number of neighbors per particle")
    if groups:
        d.calls("intermolecular_neighbors|nonbonded_neighbors|neighbors_of_other_molecules")
    once = ", storing each pair once" if search == "half" else ""
    apart = ", excluding pairs in the same molecule" if groups else ""
    d.says(f"Builds a fixed-width neighbor list padded with -1{once}{apart}.")
    listed = "Neighbors that exceed the table width are not stored"
    d.explain(f"{listed}." if full == "stop" else f"{listed} but are still counted.")
    wrap = """
    # Minimum-image convention is valid since the cutoff is below half the box
    for c in range($dim):
        d_ij[c] = d_ij[c] - box * wp.round(d_ij[c] / box)
    """
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        xi = x[tid]
        $reach
        found = int(0)
        for j in range($range):
            $skip
            d_ij = xi - x[j]
            $wrap
            if wp.length_sq(d_ij) < $limit:
                $enter
        $pad
        $counts
        """,
        reach="""
        # Include the skin, so that the list stays valid until a particle moves half the skin distance
        reach = cutoff + skin
        """
        if skin
        else "",
        range="tid + 1, x.shape[0]" if search == "half" else "x.shape[0]",
        skip=(
            f"# Skip bonded pairs{' and self' * (search != 'half')}\nif molecule[j] == molecule[tid]:\n    continue"
            if groups
            else "if j == tid:\n    continue"
        )
        if search != "half" or groups
        else "",
        wrap=wrap if search == "periodic" else "",
        dim=str(dimension),
        limit="reach * reach" if skin else "cutoff * cutoff",
        enter="""
        if found == table.shape[1]:
            break
        table[tid, found] = j
        found += 1
        """
        if full == "stop"
        else """
        # Keep counting past the capacity so that the caller can detect overflow
        if found < table.shape[1]:
            table[tid, found] = j
        found += 1
        """,
        pad="""
        for k in range($used, table.shape[1]):
            table[tid, k] = -1
        """,
        used="found" if full == "stop" else "wp.min(found, table.shape[1])",
        counts="counts[tid] = found" if full == "count on" else "",
    )

    def reference(v: Values) -> dict[str, Any]:
        # In the kernel's own precision, as a pair at the very edge is in or out by rounding
        x = v.x.astype(np.float32)
        offset = x[:, None] - x[None]
        if search == "periodic":
            offset = offset - v.box * np.round(offset / v.box)
        reach = np.float32(v.cutoff) + np.float32(v.skin if skin else 0.0)
        near = (offset**2).sum(-1) < reach * reach
        near &= ~np.eye(count, dtype=bool)
        if groups:
            near &= v.molecule[:, None] != v.molecule
        if search == "half":
            near = np.triu(near)
        table = np.full((count, most), -1)
        for i, row in enumerate(near):
            others = np.flatnonzero(row)[:most]
            table[i, : len(others)] = others
        made = {"table": table}
        return made | {"counts": near.sum(axis=1)} if full == "count on" else made

    d.check(reference)
