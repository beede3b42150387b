"""Molecules that are not round."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.chemistry import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import piece

_SHAPE = piece("""
@wp.struct
class GayBerne:
    sigma0: float  # side-by-side contact distance [length]
    epsilon0: float  # well depth for crossed molecules [energy]
    kappa: float  # length-to-breadth ratio
    kappa_prime: float  # side-by-side to end-to-end well depth ratio
    cutoff: float
""")

_ANISOTROPY = piece("""
@wp.func
def anisotropy_sum(au: float, bu: float, ab: float, chi: float) -> float:
    \"\"\"Return chi/2 * ((a.u + b.u)^2 / (1 + chi a.b) + (a.u - b.u)^2 / (1 - chi a.b)), with u = r / |r|.\"\"\"
    plus = au + bu
    minus = au - bu
    return 0.5 * chi * (plus * plus / (1.0 + chi * ab) + minus * minus / (1.0 - chi * ab))
""")

_POWERS = {
    "gb(2, 1)": ("contact * contact * dir_factor", "", 2, 1),
    "gb(1, 2)": ("contact * dir_factor * dir_factor", "wp.sqrt(shape.kappa_prime)", 1, 2),
    "gb(1, 3)": (
        "contact * dir_factor * dir_factor * dir_factor",
        "wp.pow(shape.kappa_prime, 1.0 / 3.0)",
        1,
        3,
    ),
}


def _turned_z(q: Any) -> Any:
    """The z axes of quaternions x, y, z, w."""
    x, y, z, w = np.moveaxis(q, -1, 0)
    return np.stack([2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)], axis=-1)


@DOMAIN.algorithm(
    source="Gay & Berne 1981; Luckhurst & Phippen 1990; Bates & Luckhurst 1999",
    names={
        "gay_berne_energy": "anisotropic_pairs|eval_gay_berne|ellipsoid_energy",
        "positions": "centers|com|pos",
        "orientations": "quats|rot|molecule_q",
        "axes": "directors|symmetry_axes|units",
        "pairs": "pair_list|candidates|pair_indices",
        "energies": "gb_energy|u_out|potential",
        "shape": "gb|model|params",
        "rij": "r_vec|delta|dr",
    },
    weight=3,
)
def gay_berne_energy(d: Draft) -> None:
    """Computes the Gay-Berne energies of pairs of elongated molecules."""
    powers = d.option("powers", *_POWERS)
    turned = d.option("orientation", "axis", "quaternion", "transform")
    result = d.option("result", "pairs", "molecules", "worlds")
    cut = d.option("cutoff", "truncated", "shifted", "smooth")
    box = d.option("box", "open", "periodic")
    core = d.option("core", "guarded", "soft")
    molecules, count, worlds = d.pick(12, 16), d.pick(24, 32), d.pick(2, 3)
    if turned == "transform":
        d.input(
            "poses",
            "transform",
            (worlds, molecules),
            -2.5,
            2.5,
            kind="transform",
            about="molecule poses, long axis along local z",
        )
        where = "wp.transform_get_translation(poses[world, {0}])"
        rotation = "wp.quat_rotate(wp.transform_get_rotation(poses[world, {0}]), wp.vec3(0.0, 0.0, 1.0))"
    else:
        d.input(
            "positions",
            "vec3",
            (worlds, molecules),
            -2.5,
            2.5,
            about="molecule centers, shape (num_worlds, num_molecules)",
        )
        where = "positions[world, {0}]"
        if turned == "axis":
            d.input("axes", "vec3", (worlds, molecules), kind="unit", about="long-axis unit vectors")
            rotation = "axes[world, {0}]"
        else:
            d.input(
                "orientations",
                "quat",
                (worlds, molecules),
                kind="unit",
                about="molecule rotations, long axis along local z",
            )
            rotation = "wp.quat_rotate(orientations[world, {0}], wp.vec3(0.0, 0.0, 1.0))"
    d.input("pairs", "int", (count, 2), -1, molecules, about="candidate pairs, -1 for unused slots")
    bounds = {
        "sigma0": fill(0.9, 1.1),
        "epsilon0": fill(0.8, 1.2),
        "kappa": fill(2.5, 3.0),
        "kappa_prime": fill(4.0, 5.0),
        "cutoff": fill(3.5, 4.0),
    }
    d.struct("shape", _SHAPE, bounds, about="shared model parameters")
    if box == "periodic":
        d.param("box", "vec3", 8.0, 9.0, about="periodic box edge lengths")
    sizes: dict[str, Any] = {"pairs": (worlds, count), "molecules": (worlds, molecules), "worlds": worlds}
    d.output("energies", "float", sizes[result], about="Gay-Berne energies")
    if core == "guarded":
        d.module("MIN_REDUCED = wp.constant(0.8)  # smallest reduced distance")
    else:
        d.module("SOFTENING = wp.constant(0.3)  # repulsive core softening")
    d.use(_ANISOTROPY)
    strength, ratio, nu, mu = _POWERS[powers]
    d.function(
        f"""
        @wp.func
        def well_depth(au: float, bu: float, ab: float, shape: GayBerne) -> float:
            \"\"\"Compute the well depth using exponents (nu, mu) = ({nu}, {mu}).\"\"\"
            chi = (shape.kappa * shape.kappa - 1.0) / (shape.kappa * shape.kappa + 1.0)
            $anisotropy
            # Depends only on the relative orientation
            contact = 1.0 / wp.sqrt(1.0 - chi * chi * ab * ab)
            # Also depends on the separation direction
            dir_factor = 1.0 - anisotropy_sum(au, bu, ab, chi_prime)
            return shape.epsilon0 * {strength}
        """,
        anisotropy=f"ratio = {ratio}\nchi_prime = (ratio - 1.0) / (ratio + 1.0)"
        if ratio
        else "chi_prime = (shape.kappa_prime - 1.0) / (shape.kappa_prime + 1.0)",
    )
    d.function("""
        @wp.func
        def contact_distance(au: float, bu: float, ab: float, shape: GayBerne) -> float:
            \"\"\"Compute the orientation-dependent contact distance sigma(a, b, r).\"\"\"
            kappa_sq = shape.kappa * shape.kappa
            chi = (kappa_sq - 1.0) / (kappa_sq + 1.0)
            return shape.sigma0 / wp.sqrt(1.0 - anisotropy_sum(au, bu, ab, chi))
    """)
    d.function(
        """
        @wp.func
        def shifted_lj(r: float, sigma: float, sigma0: float) -> float:
            \"\"\"$told\"\"\"
            $reduced
            return 4.0 * (inv6 * inv6 - inv6)
        """,
        told="Evaluate 4 (R^-12 - R^-6) at R = (r - sigma + sigma0) / sigma0."
        if core == "guarded"
        else "Evaluate 4 (s^2 - s) with s = 1 / (R^6 + SOFTENING) at R = (r - sigma + sigma0) / sigma0.",
        reduced=(
            "# Clamp overlapping molecules to keep R positive\n"
            "reduced = wp.max((r - sigma + sigma0) / sigma0, MIN_REDUCED)\n"
            "inv2 = 1.0 / (reduced * reduced)\n"
            "inv6 = inv2 * inv2 * inv2"
            if core == "guarded"
            else "# Soft core: keep the energy finite for overlapping molecules\n"
            "reduced = wp.max((r - sigma + sigma0) / sigma0, 0.0)\n"
            "r2 = reduced * reduced\n"
            "inv6 = 1.0 / (r2 * r2 * r2 + SOFTENING)"
        ),
    )
    ending = {
        "truncated": "energy = well * shifted_lj(r, sigma, shape.sigma0)",
        "shifted": (
            "# Shift by the cutoff value for this orientation to avoid a discontinuity\n"
            "energy = well * (\n"
            "    shifted_lj(r, sigma, shape.sigma0) - shifted_lj(shape.cutoff, sigma, shape.sigma0)\n"
            ")"
        ),
        "smooth": (
            "# Cubic taper over the last 10% of the range\n"
            "x = wp.clamp((r / shape.cutoff - 0.9) / 0.1, 0.0, 1.0)\n"
            "taper = 1.0 - x * x * (3.0 - 2.0 * x)\n"
            "energy = taper * well * shifted_lj(r, sigma, shape.sigma0)"
        ),
    }[cut]
    store = {
        "pairs": "energies[world, pair] = energy",
        "molecules": (
            "# Split the pair energy evenly\n"
            "wp.atomic_add(energies, world, i, 0.5 * energy)\n"
            "wp.atomic_add(energies, world, j, 0.5 * energy)"
        ),
        "worlds": "wp.atomic_add(energies, world, energy)",
    }[result]
    image = (
        "# Minimum image convention\n"
        "rij = wp.vec3(\n"
        "    rij[0] - box[0] * wp.round(rij[0] / box[0]),\n"
        "    rij[1] - box[1] * wp.round(rij[1] / box[1]),\n"
        "    rij[2] - box[2] * wp.round(rij[2] / box[2]),\n"
        ")"
        if box == "periodic"
        else ""
    )
    d.launch(worlds, count)
    d.code(
        f"""
        world, pair = wp.tid()
        i = pairs[pair, 0]
        j = pairs[pair, 1]
        # Skip unused slots and self pairs
        if i < 0 or j < 0 or i == j:
            $nothing
            return
        rij = {where.format("i")} - {where.format("j")}
        $image
        r = wp.length(rij)
        # Skip coincident centers (undefined direction)
        if r >= shape.cutoff or r < 1.0e-6:
            $nothing
            return
        unit = rij / r
        axis_i = {rotation.format("i")}
        axis_j = {rotation.format("j")}
        # Direction cosines of the pair
        cos_i = wp.dot(axis_i, unit)
        cos_j = wp.dot(axis_j, unit)
        cos_ij = wp.dot(axis_i, axis_j)
        sigma = contact_distance(cos_i, cos_j, cos_ij, shape)
        well = well_depth(cos_i, cos_j, cos_ij, shape)
        $ending
        $store
        """,
        image=image,
        ending=ending,
        store=store,
        nothing="energies[world, pair] = 0.0" if result == "pairs" else "",
    )
    soft = "soft-core " if core == "soft" else ""
    d.says(
        {
            "pairs": f"Computes {soft}Gay-Berne pair energies of elongated molecules.",
            "molecules": f"Computes per-molecule {soft}Gay-Berne energies using a pair list.",
            "worlds": f"Computes the total {soft}Gay-Berne energy per world using a pair list.",
        }[result]
    )
    law = {"guarded": "(R^-12 - R^-6)", "soft": "(s^2 - s), s = 1 / (R^6 + SOFTENING)"}[core]
    least = f", at least {'MIN_REDUCED' if core == 'guarded' else 'zero'}"
    edge = {
        "truncated": "truncated at the cutoff",
        "shifted": "shifted to zero at the cutoff",
        "smooth": "tapered to zero at the cutoff",
    }[cut]
    d.explain(
        f"U = 4 eps(a, b, r) {law} with R = (r - sigma(a, b, r) + sigma_0) / sigma_0{least}, {edge};\n"
        "a and b are the molecule symmetry axes, r is the separation."
    )

    def reference(v: Values) -> dict[str, Any]:
        s0, e0, k, kp, rc = (
            v[f"shape.{n}"] for n in ("sigma0", "epsilon0", "kappa", "kappa_prime", "cutoff")
        )
        if turned == "transform":
            at, q = v.poses[..., :3], v.poses[..., 3:]
            axes = _turned_z(q)
        else:
            at = v.positions
            axes = v.axes if turned == "axis" else _turned_z(v.orientations)
        i, j = v.pairs.T
        rij = at[:, i] - at[:, j]
        if box == "periodic":
            rij = rij - v.box * np.round(rij / v.box)
        r = np.linalg.norm(rij, axis=-1)
        kept = (i >= 0) & (j >= 0) & (i != j) & (r < rc) & (r >= 1e-6)
        unit = rij / np.where(r, r, 1.0)[..., None]
        a, b = axes[:, i], axes[:, j]
        au, bu, ab = (a * unit).sum(-1), (b * unit).sum(-1), (a * b).sum(-1)

        def spread(chi: float) -> Any:
            return chi / 2 * ((au + bu) ** 2 / (1 + chi * ab) + (au - bu) ** 2 / (1 - chi * ab))

        chi = (k**2 - 1) / (k**2 + 1)
        chip = (kp ** (1 / mu) - 1) / (kp ** (1 / mu) + 1)
        sigma = s0 / np.sqrt(1 - spread(chi))
        depth = e0 * (1 - chi**2 * ab**2) ** (-nu / 2) * (1 - spread(chip)) ** mu

        def lj(r: Any) -> Any:
            x = (r - sigma + s0) / s0
            p = 1 / np.maximum(x, 0.8) ** 6 if core == "guarded" else 1 / (np.maximum(x, 0) ** 6 + 0.3)
            return 4 * (p**2 - p)

        u = lj(r) - (lj(rc) if cut == "shifted" else 0.0)
        if cut == "smooth":
            t = np.clip((r / rc - 0.9) / 0.1, 0, 1)
            u = u * (1 - t * t * (3 - 2 * t))
        u = np.where(kept, depth * u, 0.0)
        if result == "pairs":
            return {"energies": u}
        if result == "worlds":
            return {"energies": u.sum(axis=1)}
        found = np.zeros((worlds, molecules))
        for n in range(count):
            found[:, i[n]] += u[:, n] / 2
            found[:, j[n]] += u[:, n] / 2
        return {"energies": found}

    d.check(reference, 5e-3)
