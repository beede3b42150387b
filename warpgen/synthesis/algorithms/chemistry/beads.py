"""Soft beads that stand for many atoms: dissipative particle dynamics."""

from __future__ import annotations

import math
import textwrap
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.chemistry import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Groot & Warren 1997; Espanol & Warren 1995; Warren 2003 (many-body DPD); Junghans, Praprotnik & Kremer 2008",
    names={
        "dissipative_particles": "dpd_forces|dpd_pairs|soft_bead_forces|dpd_pair_kernel",
        "positions": "x|coords|pos",
        "velocities": "v|vel|bead_vel",
        "distance": "r_ij|dist|r",
        "unit": "e_ij|direction|n_ij",
        "w_random": "w_r|weight_r|w_rand",
        "repulsion": "a_ij|amplitude|max_repulsion",
        "friction": "gamma|drag|dissipation",
    },
    double=True,
    element="pair",
    weight=4,
)
def dissipative_particles(d: Draft) -> None:
    """Adds pairwise conservative, dissipative and random DPD forces."""
    weight = d.option("weight", "linear", "root", "quadratic")
    types = d.option("species", "one", "matrix", "mixing")
    thermostat = d.option("thermostat", "radial", "transverse", "none")
    density = d.flag("many body", 0.4)
    charged = d.option("charges", "none", "slater", "gaussian")
    wrapped = d.option("box", "none", "periodic", "layer")
    bonded = d.option("bonds", "none", "harmonic", "fene")
    result = d.option("result", "forces", "pair force", "heat")
    if result == "heat":
        d.calls("dissipated_power|bead_dissipation|friction_power")
    elif thermostat == "none":
        d.calls("soft_bead_forces|dpd_conservative_forces|conservative_pairs")
    elif thermostat == "transverse":
        d.calls("transverse_dpd_forces|transverse_dpd|transverse_dpd_pairs")
    if result == "heat":
        thermostat = "radial" if thermostat == "none" else thermostat
        bonded = charged = "none"
    if bonded != "none":
        charged = "none"
    if bonded != "none" or charged != "none":
        weight = "linear" if weight == "root" else weight  # whose slope is infinite at the cutoff
    beads, n = d.pick(20, 24, 32), d.pick(64, 96)
    d.input("positions", "vec3", beads, -0.8, 0.8, about="Positions in units of the cutoff")
    d.input("velocities", "vec3", beads, -1.0, 1.0, about="Velocities")
    d.input("pairs", "vec2i", n, 0, beads, about="Neighbor pairs (bead indices)")
    if density:
        types = "one" if types == "mixing" else types  # a geometric mean has no sign
    attractive = "attractions" if density else "repulsions"
    if types == "matrix":
        d.input("species", "int", beads, 0, 3, about="Bead species")
        low, high = (-45.0, -30.0) if density else (15.0, 40.0)
        about = f"{attractive[:-1].capitalize()} between species{' (negative)' if density else ''}, only the upper triangle is used"
        d.input(attractive, "float", (3, 3), low, high, about=about)
    elif types == "mixing":
        d.input("hardness", "float", beads, 4.0, 6.0, about="Square root of the like-bead repulsion")
    elif density:
        d.param("attraction", "float", -45.0, -30.0, about="Attraction between beads (negative)")
    else:
        d.param("repulsion", "float", 18.0, 25.0, about="Repulsion between beads")
    if density:
        d.input("local_density", "float", beads, 2.0, 5.0, about="Weighted local bead density")
        d.param("many_body", "float", 15.0, 30.0, about="Density-dependent repulsion strength")
    if charged != "none":
        d.input("charges", "float", beads, -1.0, 1.0, about="Charges")
        d.param("coupling", "float", 2.0, 4.0, about="Electrostatic coupling strength")
    if thermostat != "none":
        d.param("friction", "float", 3.0, 6.0, about="Friction coefficient")
    if thermostat in ("radial", "transverse") and result != "heat":
        d.param("kT", "float", 0.8, 1.2, about="Thermal energy kT")
        d.input(
            "noise",
            "float" if thermostat == "radial" else "vec3",
            n,
            -1.7,
            1.7,
            about="Random samples with zero mean and unit variance"
            if thermostat == "radial"
            else "Random vectors, zero mean and unit variance per component",
        )
        d.param("dt", "float", 0.01, 0.04, about="Time step")
    if wrapped == "periodic":
        d.param("box", "vec3", 2.1, 2.6, about="Periodic box edge lengths")
    elif wrapped == "layer":
        d.param("box", "vec2", 2.1, 2.6, about="Box periods along x and y")
    if bonded != "none":
        d.mask("is_bond", "bool", n, rare=True, about="Bond mask, True for bonded pairs")
        d.param("bond_stiffness", "float", 10.0, 50.0, about="Bond stiffness")
        if bonded == "harmonic":
            d.param("bond_length", "float", 0.6, 0.8, about="Bond rest length")
    name, type, shape, about = {
        "forces": ("forces", "vec3", beads, "Bead forces"),
        "pair force": ("pair_forces", "vec3", n, "Per-pair force on the first bead"),
        "heat": ("dissipated", "float", 1, "Dissipated power"),
    }[result]
    d.output(name, type, shape, about=about)
    thermal = {
        "none": "",
        "radial": """
            # Friction along the line of centers also conserves angular momentum
            w_random = $weight
            separation_rate = wp.dot(unit, relative)
            thermal_force = -friction * w_random * w_random * separation_rate
            # Fluctuation-dissipation: sigma^2 = 2 gamma kT
            thermal_force += wp.sqrt(2.0 * friction * kT / dt) * w_random * noise[tid]
            force += thermal_force * unit
            """,
        "transverse": """
            # Transverse friction increases viscosity but does not conserve angular momentum
            w_random = $weight
            across = relative - wp.dot(unit, relative) * unit
            kick = noise[tid] - wp.dot(unit, noise[tid]) * unit
            force -= friction * w_random * w_random * across
            # Fluctuation-dissipation: sigma^2 = 2 gamma kT
            force += wp.sqrt(2.0 * friction * kT / dt) * w_random * kick
            """,
    }[thermostat].replace(
        "$weight", {"linear": "overlap", "root": "wp.sqrt(overlap)", "quadratic": "overlap * overlap"}[weight]
    )
    strength = {
        "one": "",
        "matrix": f"{attractive[:-1]} = {attractive}[wp.min(species[i], species[j]), wp.max(species[i], species[j])]",
        "mixing": "# Geometric mixing rule for the repulsion\nrepulsion = hardness[i] * hardness[j]",
    }[types]
    electric = {
        "none": "",
        "slater": """
            # Smeared charges, since 1 / r diverges for overlapping soft beads
            x = distance / SMEAR
            screened = 1.0 - wp.exp(-2.0 * x) * (1.0 + 2.0 * x * (1.0 + x))
            force += coupling * charges[i] * charges[j] * screened / (distance * distance) * unit
            """,
        "gaussian": """
            # Gaussian charge clouds: erf(x / 2) / r
            x = distance / SMEAR
            enclosed = wp.erf(0.5 * x) - x / wp.sqrt(wp.pi) * wp.exp(-0.25 * x * x)
            force += coupling * charges[i] * charges[j] * enclosed / (distance * distance) * unit
            """,
    }[charged]
    if density and result != "heat":
        d.module("DENSITY_RANGE = wp.constant(0.75)  # range of the density-dependent repulsion")
    if charged != "none" and result != "heat":
        d.module("SMEAR = wp.constant(0.25)  # charge smearing width")
    bond = {
        "none": "",
        "harmonic": """
            if is_bond[tid]:
                force -= bond_stiffness * (distance - bond_length) * unit
            """,
        "fene": """
            # FENE bond, capped near the maximum extension
            if is_bond[tid]:
                stretch = wp.min(distance * distance / (MAX_BOND * MAX_BOND), 0.95)
                force -= bond_stiffness * distance / (1.0 - stretch) * unit
            """,
    }[bonded]
    wrap = {
        "none": "",
        "periodic": """
            # Minimum image convention
            for axis in range(3):
                offset[axis] -= box[axis] * wp.round(offset[axis] / box[axis])
            """,
        "layer": """
            # Periodic along x and y, open along z
            offset[0] -= box[0] * wp.round(offset[0] / box[0])
            offset[1] -= box[1] * wp.round(offset[1] / box[1])
            """,
    }[wrapped]
    store = {
        "forces": "wp.atomic_add(forces, i, force)\nwp.atomic_sub(forces, j, force)",
        "pair force": "pair_forces[tid] = force",
    }.get(result, "")
    if result == "heat":
        loss = "separation_rate * separation_rate" if thermostat == "radial" else "wp.dot(across, across)"
        steps = (
            "separation_rate = wp.dot(unit, relative)"
            if thermostat == "radial"
            else "across = relative - wp.dot(unit, relative) * unit"
        )
        w = {"linear": "overlap * overlap", "root": "overlap", "quadratic": "wp.pow(overlap, 4.0)"}[weight]
        power = f"friction * w_dissipative * {loss}" if weight != "root" else f"friction * overlap * {loss}"
        made = f"w_dissipative = {w}\n" if weight != "root" else ""
        body = f"{made}{steps}\nwp.atomic_add(dissipated, 0, {power})"
    else:
        body = "\n".join(
            filled
            for filled in (
                strength,
                "# Soft linear attraction\nforce = attraction * overlap * unit"
                if density
                else "# Soft linear repulsion, which allows large time steps\n"
                "force = repulsion * overlap * unit",
                "# Shorter-range density-dependent repulsion (many-body DPD)\n"
                "near = wp.max(1.0 - distance / DENSITY_RANGE, 0.0)\n"
                "force += many_body * (local_density[i] + local_density[j]) * near * unit"
                if density
                else "",
                *(_flush(t) for t in (thermal, electric, bond)),
                store,
            )
            if filled
        )
    d.launch(n)
    d.code(
        """
        tid = wp.tid()
        i = pairs[tid][0]
        j = pairs[tid][1]
        # Skip padding entries
        if i == j:
            return

        offset = positions[i] - positions[j]
        $wrap
        distance = wp.length(offset)
        $reach

        unit = offset / distance
        overlap = $overlap
        $relative
        $body
        """,
        wrap=wrap,
        reach="# Skip pairs beyond the cutoff, and coincident beads (undefined direction)\n"
        "if distance >= 1.0 or distance < 1.0e-4:\n    return"
        if bonded == charged == "none"
        else "# Charges act beyond the cutoff, so skip only coincident beads\n"
        "if distance < 1.0e-4:\n    return"
        if charged != "none"
        else "# Only bonds act beyond the cutoff; skip coincident beads (undefined direction)\n"
        "if (distance >= 1.0 and not is_bond[tid]) or distance < 1.0e-4:\n    return",
        overlap="1.0 - distance" if bonded == charged == "none" else "wp.max(1.0 - distance, 0.0)",
        relative="relative = velocities[i] - velocities[j]" if thermostat != "none" else "",
        body=body,
    )
    if bonded == "fene":
        d.module("MAX_BOND = wp.constant(2.0)  # maximum bond length")
    units = "Lengths are in units of the cutoff" + (
        ", masses in units of the bead mass" if thermostat != "none" else ""
    )
    across = thermostat == "transverse"
    kept = "Random and dissipative forces form a momentum-conserving thermostat" + (
        " that does not conserve angular momentum, since the forces are transverse." if across else "."
    )
    layer = "The domain is periodic along x and y and open along z."
    d.explain(f"""
        {f"{units}. {kept if thermostat != 'none' and result != 'heat' else ''}".strip()}
        {layer if wrapped == "layer" else ""}
    """)
    kinds = "conservative forces" if thermostat == "none" else "conservative, dissipative and random forces"
    bonds = (
        ", including bond forces"
        if bonded != "none"
        else ", including electrostatics"
        if charged != "none"
        else ""
    )
    named = "many-body DPD" if density and result != "heat" else "DPD"
    named = f"{named} with a transverse thermostat" if across else named
    d.says(
        {
            "heat": f"Computes the power dissipated by friction between soft beads ({named}).",
            "pair force": f"Computes {kinds} between pairs of soft beads ({named}){bonds}.",
            "forces": f"Adds {kinds} between pairs of soft beads ({named}){bonds}.",
        }[result]
    )

    def reference(v: Values) -> dict[str, Any]:
        i, j = v.pairs.T
        x = v.positions[i] - v.positions[j]
        if wrapped != "none":
            edges = v.box if wrapped == "periodic" else np.append(v.box, np.inf)
            x = x - np.where(np.isinf(edges), 0.0, edges * np.round(x / edges))
        r = np.linalg.norm(x, axis=1)
        near = (r < 1) | (charged != "none") | (v.is_bond if bonded != "none" else False)
        real = (i != j) & near & (r >= 1e-4)
        r = np.where(real, r, 1.0)
        e = x / r[:, None]
        lap = np.maximum(1 - r, 0)
        w = {"linear": lap, "root": np.sqrt(lap), "quadratic": lap**2}[weight]
        u = v.velocities[i] - v.velocities[j] if thermostat != "none" else 0 * x
        along = (u * e).sum(1)
        across = u - along[:, None] * e
        if result == "heat":
            lost = along**2 if thermostat == "radial" else (across**2).sum(1)
            return {name: np.array([(v.friction * w**2 * lost * real).sum()])}
        a = {
            "one": lambda: v.attraction if density else v.repulsion,
            "matrix": lambda: v[attractive][tuple(np.sort([v.species[i], v.species[j]], axis=0))],
            "mixing": lambda: v.hardness[i] * v.hardness[j],
        }[types]()
        f = a * lap
        if density:
            f = f + v.many_body * (v.local_density[i] + v.local_density[j]) * np.maximum(1 - r / 0.75, 0)
        if charged != "none":
            s = r / 0.25
            if charged == "slater":
                part = 1 - np.exp(-2 * s) * (1 + 2 * s + 2 * s * s)
            else:
                part = np.vectorize(math.erf)(s / 2) - s / np.sqrt(np.pi) * np.exp(-s * s / 4)
            f = f + v.coupling * v.charges[i] * v.charges[j] * part / r**2
        if bonded == "harmonic":
            f = f - v.is_bond * v.bond_stiffness * (r - v.bond_length)
        elif bonded == "fene":
            f = f - v.is_bond * v.bond_stiffness * r / (1 - np.minimum(r * r / 4, 0.95))
        force = f[:, None] * e
        if thermostat == "radial":
            force += (-v.friction * w**2 * along + np.sqrt(2 * v.friction * v.kT / v.dt) * w * v.noise)[
                :, None
            ] * e
        elif thermostat == "transverse":
            kick = v.noise - (v.noise * e).sum(1)[:, None] * e
            force += (
                -v.friction * w[:, None] ** 2 * across
                + np.sqrt(2 * v.friction * v.kT / v.dt) * w[:, None] * kick
            )
        force = force * real[:, None]
        if result == "pair force":
            return {name: force}
        total = np.zeros((beads, 3))
        np.add.at(total, i, force)
        np.subtract.at(total, j, force)
        return {name: total}

    d.check(reference, 3e-3)


def _flush(text: str) -> str:
    """The lines of a block without their common indentation."""
    return textwrap.dedent(text.strip("\n")).rstrip()
