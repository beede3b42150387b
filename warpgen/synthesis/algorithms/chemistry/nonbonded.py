"""Forces between atoms that no bond holds together."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.chemistry import DOMAIN
from warpgen.synthesis.algorithms.chemistry._numeric import descent
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import piece

_FIELDS = {
    "cutoff": "cutoff: float",
    "switch_dist": "switch_dist: float",
    "coulomb": "coulomb: float  # 1 / (4 pi eps_0) [energy length / charge^2]",
    "alpha": "alpha: float  # Ewald splitting parameter [1/length]",
    "scale14": "scale14: float  # scale factor for 1-4 pairs",
}

_MIX = {
    "lorentz berthelot": "sigma = 0.5 * (a[0] + b[0])\nepsilon = wp.sqrt(a[1] * b[1])",
    "geometric": "sigma = wp.sqrt(a[0] * b[0])\nepsilon = wp.sqrt(a[1] * b[1])",
    "waldman hagler": (
        "# Sixth-power mixing, more accurate for rare gases\n"
        "s3_i = a[0] * a[0] * a[0]\n"
        "s3_j = b[0] * b[0] * b[0]\n"
        "mean6 = 0.5 * (s3_i * s3_i + s3_j * s3_j)\n"
        "sigma = wp.pow(mean6, 1.0 / 6.0)\n"
        "epsilon = wp.sqrt(a[1] * b[1]) * s3_i * s3_j / mean6"
    ),
}

_COULOMB = {
    "ewald": """
        # Real-space Ewald part only
        ar = field.alpha * r
        gauss = 2.0 / wp.sqrt(wp.pi) * ar * wp.exp(-ar * ar)
        return field.coulomb * qq * (wp.erfc(ar) + gauss) / (r * r)
    """,
    "shifted force": """
        # Energy and force both vanish at the cutoff
        inv_rc = 1.0 / field.cutoff
        return field.coulomb * qq * (1.0 / (r * r) - inv_rc * inv_rc)
    """,
    "reaction field": """
        # Conducting boundary: k_rf = 1 / (2 * rc^3)
        k_rf = 0.5 / (field.cutoff * field.cutoff * field.cutoff)
        return field.coulomb * qq * (1.0 / (r * r) - 2.0 * k_rf * r)
    """,
}


def _coulomb(kind: str, r: Any, rc: float, alpha: float) -> Any:
    if kind == "ewald":
        return np.vectorize(math.erfc)(alpha * r) / r
    if kind == "shifted force":
        return 1 / r + r / rc**2
    return 1 / r + r**2 / (2 * rc**3)


class _Around:
    """The energy of one atom as a function of its own place."""

    def __init__(self, energy: Callable[[Any, int, Any, Any], float], i: int, at: Any, js: Any) -> None:
        self.energy, self.i, self.at, self.js = energy, i, at, js

    def __call__(self, place: Any) -> float:
        moved = self.at.copy()
        moved[self.i] = place[0]
        return self.energy(moved, self.i, self.at, self.js)


@DOMAIN.algorithm(
    source="Allen & Tildesley 2017, sec. 5.2-6.3; Fennell & Gezelter 2006; Steinbach & Brooks 1994",
    names={
        "nonbonded_forces": "compute_nonbonded|pair_forces|eval_nonbonded",
        "positions": "atom_pos|coords|pos",
        "lj_params": "lj|sigma_eps|vdw_params",
        "charges": "atom_charge|q|partial_charges",
        "neighbors": "neighbor_list|nbr_idx|pair_list",
        "neighbor_count": "num_neighbors|nbr_count|counts",
        "forces": "atom_forces|f_out|force",
        "field": "ff|params|force_field",
        "force": "f_total|f_acc|net_force",
        "rij": "r_vec|delta|dr",
    },
    element="",  # atoms act on each other
)
def nonbonded_forces(d: Draft) -> None:
    """Accumulates van der Waals and electrostatic forces over neighbor lists."""
    coulomb = d.option("coulomb", *_COULOMB)
    mix = d.option("mix", *_MIX)
    lists = d.option("list", "counted", "terminated", "packed")
    bound = d.option("excluded", "none", "molecules", "scaled 1-4")
    if coulomb == "ewald" and bound == "scaled 1-4":
        bound = "molecules"  # the sum in reciprocal space would have to be scaled, too
    batch = d.option("batch", "one system", "worlds")
    box = d.option("box", "cubic", "orthorhombic")
    switched = d.flag("switch")
    atoms, most, worlds = d.pick(12, 16), d.pick(6, 8), 2
    many = batch == "worlds"
    shape: Any = (worlds, atoms) if many else atoms
    d.input(
        "positions", "vec3", shape, -1.5, 1.5, about="atom positions, not necessarily wrapped into the box"
    )
    d.input("lj_params", "vec2", atoms, 0.4, 0.6, about="(sigma, epsilon) per atom")
    d.input("charges", "float", atoms, -0.6, 0.6, about="partial charges [e]")
    if lists == "packed":
        d.input(
            "offsets",
            "int",
            atoms + 1,
            high=atoms * most,
            kind="offsets",
            about="per-atom offsets into the packed neighbor list",
        )
        d.input("neighbors", "int", atoms * most, 0, atoms, about="neighbor atom indices")
    else:
        d.input(
            "neighbors",
            "int",
            (atoms, most),
            -1 if lists == "terminated" else 0,
            atoms,
            about="neighbor atom indices",
        )
        if lists == "counted":
            d.input("neighbor_count", "int", atoms, 2, most + 1, about="number of valid neighbors per row")
    if bound == "scaled 1-4":
        d.input(
            "bond_relation",
            "int",
            (atoms, atoms),
            0,
            3,
            about="pair type, 1 for excluded and 2 for 1-4 pairs (upper triangle)",
        )
    elif bound == "molecules":
        d.input("molecule", "int", atoms, 0, 5, about="molecule index per atom")
    d.param(
        "box",
        "vec3" if box == "orthorhombic" else "float",
        2.7,
        3.2,
        about="periodic box edge lengths" if box == "orthorhombic" else "periodic box edge length",
    )
    bounds = {
        "cutoff": fill(1.1, 1.3),
        "switch_dist": fill(0.8, 0.9),
        "coulomb": fill(0.5, 1.5),
        "alpha": fill(1.0, 2.0),
        "scale14": fill(0.4, 0.6),
    }
    for name, needed in (
        ("switch_dist", switched),
        ("alpha", coulomb == "ewald"),
        ("scale14", bound == "scaled 1-4"),
    ):
        if not needed:
            del bounds[name]
    fields = "\n    ".join(_FIELDS[name] for name in bounds)
    struct = piece(f"@wp.struct\nclass ForceField:\n    {fields}")
    d.struct("field", struct, bounds, about="cutoffs and electrostatic constants")
    d.output("forces", "vec3", shape, about="atom forces")
    edge = [f"box[{k}]" for k in range(3)] if box == "orthorhombic" else ["box"] * 3
    d.function(
        f"""
        @wp.func
        def minimum_image(r: wp.vec3, box: {"wp.vec3" if box == "orthorhombic" else "float"}) -> wp.vec3:
            \"\"\"Apply the minimum image convention.\"\"\"
            return wp.vec3(
                r[0] - {edge[0]} * wp.round(r[0] / {edge[0]}),
                r[1] - {edge[1]} * wp.round(r[1] / {edge[1]}),
                r[2] - {edge[2]} * wp.round(r[2] / {edge[2]}),
            )
        """
    )
    d.function(
        """
        @wp.func
        def mix_lj(a: wp.vec2, b: wp.vec2) -> wp.vec2:
            \"\"\"Mix (sigma, epsilon) for a pair of atom types.\"\"\"
            $rule
            return wp.vec2(sigma, epsilon)
        """,
        rule=_MIX[mix],
    )
    if switched:
        d.function("""
            @wp.func
            def switch_value(r: float, r_on: float, r_off: float) -> wp.vec2:
                \"\"\"Return the quintic switching function S and its derivative dS/dr.\"\"\"
                if r <= r_on:
                    return wp.vec2(1.0, 0.0)
                x = (r - r_on) / (r_off - r_on)
                # S = 1 - 10 x^3 + 15 x^4 - 6 x^5
                value = 1.0 - x * x * x * (10.0 - x * (15.0 - 6.0 * x))
                slope = -30.0 * x * x * (1.0 - x) * (1.0 - x) / (r_off - r_on)
                return wp.vec2(value, slope)
        """)
    push = "24.0 * mixed[1] * (2.0 * s6 * s6 - s6) / r"
    d.module("MIN_DISTANCE = wp.constant(0.2)  # closer pairs are skipped")
    d.function(
        f"""
        @wp.func
        def lj_pair_force(r: float, mixed: wp.vec2{", field: ForceField" if switched else ""}) -> float:
            \"\"\"Return -dE/dr for the Lennard-Jones potential.\"\"\"
            s2 = mixed[0] * mixed[0] / (r * r)
            s6 = s2 * s2 * s2
            $end
        """,
        end=(
            f"push = {push}\n"
            "energy = 4.0 * mixed[1] * (s6 * s6 - s6)\n"
            "switch = switch_value(r, field.switch_dist, field.cutoff)\n"
            "# Product rule: F = S f - S' E\n"
            "return switch[0] * push - switch[1] * energy"
            if switched
            else f"# Plain truncation (small force discontinuity at the cutoff)\nreturn {push}"
        ),
    )
    d.function(
        """
        @wp.func
        def coulomb_pair_force(r: float, qq: float, field: ForceField) -> float:
            \"\"\"Return -dE/dr for the electrostatic energy given the charge product.\"\"\"
            $law
        """,
        law=_COULOMB[coulomb],
    )
    at = "world, {0}" if many else "{0}"
    span = {
        "counted": "for slot in range(neighbor_count[i]):\n    j = neighbors[i, slot]",
        "terminated": (
            "for slot in range(neighbors.shape[1]):\n    j = neighbors[i, slot]\n"
            "    # Skip padding\n    if j < 0:\n        continue"
        ),
        "packed": "for slot in range(offsets[i], offsets[i + 1]):\n    j = neighbors[slot]",
    }[lists]
    exclude = {
        "none": "",
        "molecules": (
            "# Skip intramolecular pairs, handled by the bonded terms (including their reciprocal-space part)\n"
            if coulomb == "ewald"
            else "# Skip intramolecular pairs, handled by the bonded terms\n"
        )
        + "if molecule[i] == molecule[j]:\n    continue",
        "scaled 1-4": "relation = bond_relation[wp.min(i, j), wp.max(i, j)]\nif relation == 1:\n    continue",
    }[bound]
    factor = f"pair_force = lj_pair_force(r, mixed{', field' if switched else ''}) + coulomb_pair_force(r, charge_i * charges[j], field)"
    if bound == "scaled 1-4":
        factor += "\n# Scale 1-4 interactions\n"
        factor += "if relation == 2:\n    pair_force *= field.scale14"
    span = span.replace("\n", "\n        ")
    d.launch(*((worlds, atoms) if many else (atoms,)))
    d.code(
        f"""
        {"world, i" if many else "i"} = wp.tid()
        pos_i = positions[{at.format("i")}]
        lj_i = lj_params[i]
        charge_i = charges[i]
        force = wp.vec3(0.0, 0.0, 0.0)
        {span}
            if i == j:
                continue
            $exclude
            rij = minimum_image(pos_i - positions[{at.format("j")}], box)
            r = wp.length(rij)
            # Skip unphysically close pairs for stability
            if r > field.cutoff or r < MIN_DISTANCE:
                continue
            mixed = mix_lj(lj_i, lj_params[j])
            $factor
            force += pair_force / r * rij
        forces[{at.format("i")}] = force
        """,
        exclude=exclude,
        factor=factor,
    )
    faded = " and smoothly switched off toward the cutoff" if switched else ""
    rule = mix if mix == "geometric" else mix.title().replace(" ", "-")
    d.explain(
        {
            "ewald": "Electrostatics use the real-space part of the Ewald sum, q_i q_j erfc(alpha r) / r.",
            "shifted force": "Electrostatics use the shifted-force potential (zero energy and force at the cutoff).",
            "reaction field": "Electrostatics use a conducting reaction field beyond the cutoff.",
        }[coulomb]
        + f"\nLennard-Jones parameters are mixed using the {rule} rule{faded}.\n"
        + {
            "none": "",
            "molecules": "Intramolecular pairs are skipped.\n",
            "scaled 1-4": "Excluded pairs are skipped and 1-4 pairs are scaled.\n",
        }[bound]
        + f"Pairs closer than MIN_DISTANCE are {'also ' if bound != 'none' else ''}skipped.\n"
        + "The list is full: each pair is stored for both of its atoms, so no atomics are needed."
    )

    def reference(v: Values) -> dict[str, Any]:
        rc, on = v["field.cutoff"], v.get("field.switch_dist")
        edges = np.broadcast_to(v.box, 3)

        def energy(x: Any, i: int, at: Any, js: Any) -> float:
            r = x[i] - at[js]
            r = np.linalg.norm(r - edges * np.round(r / edges), axis=1)
            (si, ei), (sj, ej) = v.lj_params[i], v.lj_params[js].T
            sigma, eps = (si + sj) / 2, np.sqrt(ei * ej)
            if mix == "geometric":
                sigma = np.sqrt(si * sj)
            elif mix == "waldman hagler":
                sigma = ((si**6 + sj**6) / 2) ** (1 / 6)
                eps = eps * 2 * si**3 * sj**3 / (si**6 + sj**6)
            lj = 4 * eps * ((sigma / r) ** 12 - (sigma / r) ** 6)
            if switched:
                t = np.clip((r - on) / (rc - on), 0, 1)
                lj = lj * (1 - 10 * t**3 + 15 * t**4 - 6 * t**5)
            e = lj + v["field.coulomb"] * v.charges[i] * v.charges[js] * _coulomb(
                coulomb, r, rc, v.get("field.alpha")
            )
            if bound == "scaled 1-4":
                e = e * np.where(
                    v.bond_relation[np.minimum(i, js), np.maximum(i, js)] == 2, v["field.scale14"], 1.0
                )
            return float(e.sum())

        found = np.zeros((worlds if many else 1, atoms, 3))
        for world, at in enumerate(v.positions if many else v.positions[None]):
            for i in range(atoms):
                if lists == "packed":
                    js = v.neighbors[v.offsets[i] : v.offsets[i + 1]]
                else:
                    js = v.neighbors[i][: v.neighbor_count[i] if lists == "counted" else most]
                r = at[i] - at[js]
                r = np.linalg.norm(r - edges * np.round(r / edges), axis=1)
                kept = (js >= 0) & (js != i) & (r <= rc) & (r >= 0.2)
                if bound == "molecules":
                    kept &= v.molecule[js] != v.molecule[i]
                elif bound == "scaled 1-4":
                    kept &= v.bond_relation[np.minimum(i, js), np.maximum(i, js)] != 1
                js = js[kept]
                if len(js):
                    found[world, i] = descent(_Around(energy, i, at, js), at[i : i + 1])[0]
        return {"forces": found if many else found[0]}

    d.check(reference, 5e-3)
