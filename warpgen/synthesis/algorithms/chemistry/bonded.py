"""Forces between atoms that bonds hold together."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.chemistry import DOMAIN
from warpgen.synthesis.algorithms.chemistry._numeric import descent
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import piece

_TORSION = piece("""
@wp.struct
class TorsionParams:
    stiffness: float
    multiplicity: float
    phase: float
""")

_HARMONIC = piece("""
@wp.struct
class TorsionParams:
    stiffness: float
    rest_angle: float
""")

_SLOPES = {
    "periodic": """
        # E = K * (1 + cos(n * phi - delta))
        angle = params.multiplicity * phi - params.phase
        return -params.stiffness * params.multiplicity * wp.sin(angle)
    """,
    "harmonic": """
        # E = K / 2 * (phi - phi_0)^2 with the difference wrapped to [-pi, pi]
        delta = phi - params.rest_angle
        delta = delta - 2.0 * wp.pi * wp.round(delta / (2.0 * wp.pi))
        return params.stiffness * delta
    """,
    "opls": """
        # E = V1/2 * (1 + cos(phi)) + V2/2 * (1 - cos(2 phi)) + V3/2 * (1 + cos(3 phi))
        slope = -0.5 * coefficients[0] * wp.sin(phi)
        slope += coefficients[1] * wp.sin(2.0 * phi)
        slope -= 1.5 * coefficients[2] * wp.sin(3.0 * phi)
        return slope
    """,
    "ryckaert bellemans": """
        # E = sum_n C_n * cos(psi)^n for n = 1, 2, 3, with psi = phi - 180 degrees
        cos_psi = -wp.cos(phi)
        sin_psi = -wp.sin(phi)
        poly = coefficients[0] + cos_psi * (2.0 * coefficients[1] + 3.0 * cos_psi * coefficients[2])
        return -sin_psi * poly
    """,
}


def _energy(form: str, phi: Any, v: Values, kind: Any) -> Any:
    """Energies of torsions of each `kind`, an index into the parameters or all of them."""
    if form in ("periodic", "harmonic"):
        angle = "phase" if form == "periodic" else "rest_angle"
        k, phase = (np.atleast_1d(v[f"params.{f}"])[kind] for f in ("stiffness", angle))
        if form == "periodic":
            return k * (1 + np.cos(np.atleast_1d(v["params.multiplicity"])[kind] * phi - phase))
        gap = phi - phase
        return 0.5 * k * (gap - 2 * np.pi * np.round(gap / (2 * np.pi))) ** 2
    c = np.atleast_2d(v.coefficients)[kind]
    if form == "opls":
        return 0.5 * (
            c[:, 0] * (1 + np.cos(phi)) + c[:, 1] * (1 - np.cos(2 * phi)) + c[:, 2] * (1 + np.cos(3 * phi))
        )
    psi = np.cos(phi - np.pi)
    return c[:, 0] * psi + c[:, 1] * psi**2 + c[:, 2] * psi**3


@DOMAIN.algorithm(
    source="Blondel & Karplus 1996; Allen & Tildesley 2017, app. C; Jorgensen et al. 1996 (OPLS)",
    names={
        "torsion_forces": "eval_dihedrals|dihedral_forces|compute_torsions",
        "positions": "atom_pos|coords|pos",
        "forces": "atom_forces|f_out|force",
        "torsions": "dihedrals|quads|dihedral_indices",
        "params": "torsion_params|terms|dihedral_params",
        "coefficients": "coeffs|torsion_coeffs|dihedral_coeffs",
        "energies": "torsion_energy|dihedral_energy",
        "slope": "de_dphi|dE|deriv",
        "phi": "dihedral|torsion_angle",
    },
    double=True,
    element="torsion",
    weight=6,
)
def torsion_forces(d: Draft) -> None:
    """Accumulates dihedral forces on the four atoms of each torsion."""
    form = d.option("form", *_SLOPES)
    batch = d.option("batch", "one system", "worlds")
    box = d.option("box", "open", "periodic")
    per = d.option("params", "array", "shared")
    skipped = d.option("skipped", "sentinel", "mask", "none")
    apart = d.option("gradient", "inline", "function")
    atoms, count, worlds = d.pick(12, 16), d.pick(24, 32), 2
    if skipped == "sentinel" and per == "shared":
        skipped = "mask"  # a type without parameters of its own says nothing
    shape: Any = atoms if batch == "one system" else (worlds, atoms)
    d.input(
        "positions",
        "vec3",
        shape,
        -1.0,
        1.0,
        about="atom positions" + (", one row per world" if batch == "worlds" else ""),
    )
    d.input(
        "torsions",
        "int",
        (count, 4),
        0,
        atoms,
        about="dihedral atom indices, shape (num_torsions, 4)",
    )
    if skipped == "mask":
        d.mask("enabled", "bool", count, about="torsion mask, False for disabled torsions")
    elif skipped == "sentinel":
        d.input("torsion_type", "int", count, -1, 3, about="torsion type index, -1 for unused slots")
    struct = form in ("periodic", "harmonic")
    typed = skipped == "sentinel"
    entries, what = (3, "torsion type") if typed else (count, "torsion")
    if struct:
        fold = fill(value=d.pick(1.0, 2.0, 3.0))
        bounds = {"stiffness": fill(0.5, 3.0), "multiplicity": fold, "phase": fill(-0.5, 0.5)}
        if form == "harmonic":
            bounds = {"stiffness": bounds["stiffness"], "rest_angle": bounds["phase"]}
        shaped = _HARMONIC if form == "harmonic" else _TORSION
        if per == "array":
            d.struct("params", shaped, bounds, entries, about=f"parameters per {what}")
        else:
            d.struct("params", shaped, bounds, about="shared torsion parameters")
    elif per == "array":
        d.input(
            "coefficients",
            "vec3",
            entries,
            -1.5,
            1.5,
            about=f"energy series coefficients per {what}",
        )
    else:
        d.param("coefficients", "vec3", -1.5, 1.5, about="torsion energy series coefficients")
    if box == "periodic":
        d.param("box", "float", 2.5, 4.0, about="cubic periodic box edge length")
        d.function("""
            @wp.func
            def minimum_image(r: wp.vec3, box: float) -> wp.vec3:
                # Minimum image convention (bonds must be shorter than half the box)
                return wp.vec3(
                    r[0] - box * wp.round(r[0] / box),
                    r[1] - box * wp.round(r[1] / box),
                    r[2] - box * wp.round(r[2] / box),
                )
        """)
    d.output("forces", "vec3", shape, about="accumulated atom forces")
    d.module("MIN_NORMAL_SQ = wp.constant(0.01)  # threshold for collinear atoms")
    signature = "params: TorsionParams" if struct else "coefficients: wp.vec3"
    d.function(
        f"""
        @wp.func
        def torsion_slope(phi: float, {signature}) -> float:
            \"\"\"Return dE/dphi for a dihedral angle in radians.\"\"\"
            $slope
        """,
        slope=_SLOPES[form],
    )
    d.function("""
        @wp.func
        def signed_angle(a: wp.vec3, b: wp.vec3, axis: wp.vec3) -> float:
            \"\"\"Return the signed angle from plane normal b to plane normal a about `axis`.\"\"\"
            # Use atan2, since acos is inaccurate near 0 and pi
            sin_angle = wp.dot(wp.cross(b, a), axis) / wp.length(axis)
            return wp.atan2(sin_angle, wp.dot(a, b))
    """)
    at = "{0}" if batch == "one system" else "world, {0}"
    entry = ("params" if struct else "coefficients") + (
        "[torsion_type[tid]]" if typed else "[tid]" if per == "array" else ""
    )
    wrapped = {
        name: (
            f"minimum_image(positions[{at.format(p)}] - positions[{at.format(q)}], box)"
            if box == "periodic"
            else f"positions[{at.format(p)}] - positions[{at.format(q)}]"
        )
        for name, p, q in (("f", "i", "j"), ("g", "j", "k"), ("h", "l", "k"))
    }
    skip = {
        "sentinel": "# Skip unused slots\nif torsion_type[tid] < 0:\n    return",
        "mask": "if not enabled[tid]:\n    return",
        "none": "",
    }[skipped]
    names = "world, tid" if batch == "worlds" else "tid"
    spread = """
        # Lever arms that turn dE/dphi into Cartesian forces
        g_len = wp.length(g)
        a_sq = wp.length_sq(a)
        b_sq = wp.length_sq(b)
        outer_i = -g_len / a_sq * a
        outer_l = g_len / b_sq * b
        shift = wp.dot(f, g) / (a_sq * g_len) * a - wp.dot(h, g) / (b_sq * g_len) * b
    """
    if apart == "function":
        d.function(
            """
            @wp.func
            def middle_share(f: wp.vec3, g: wp.vec3, h: wp.vec3, a: wp.vec3, b: wp.vec3) -> wp.vec3:
                \"\"\"Return the dphi/dr contribution transferred between the inner atoms.\"\"\"
                g_len = wp.length(g)
                scale_i = wp.dot(f, g) / (wp.length_sq(a) * g_len)
                scale_l = wp.dot(h, g) / (wp.length_sq(b) * g_len)
                return scale_i * a - scale_l * b
            """
        )
        spread = """
        outer_i = -wp.length(g) / wp.length_sq(a) * a
        outer_l = wp.length(g) / wp.length_sq(b) * b
        shift = middle_share(f, g, h, a, b)
        """
    d.launch(*((worlds, count) if batch == "worlds" else (count,)))
    d.code(
        f"""
        {names} = wp.tid()
        $skip
        i = torsions[tid, 0]
        j = torsions[tid, 1]
        k = torsions[tid, 2]
        l = torsions[tid, 3]
        f = {wrapped["f"]}
        g = {wrapped["g"]}
        h = {wrapped["h"]}
        # Normals of the planes (i, j, k) and (j, k, l)
        a = wp.cross(f, g)
        b = wp.cross(h, g)
        # Skip collinear atoms (undefined dihedral angle)
        if wp.min(wp.length_sq(a), wp.length_sq(b)) < MIN_NORMAL_SQ:
            return
        phi = signed_angle(a, b, g)
        slope = torsion_slope(phi, {entry})
        $spread
        wp.atomic_sub(forces, {at.format("i")}, slope * outer_i)
        wp.atomic_add(forces, {at.format("j")}, slope * (outer_i - shift))
        wp.atomic_add(forces, {at.format("k")}, slope * (outer_l + shift))
        wp.atomic_sub(forces, {at.format("l")}, slope * outer_l)
        """,
        skip=skip,
        spread=spread,
    )
    formula = {
        "periodic": "E = K (1 + cos(n phi - delta))",
        "harmonic": "E = K/2 (phi - phi_0)^2",
        "opls": "E = sum_m V_m/2 (1 - (-1)^m cos(m phi)) for m = 1, 2, 3",
        "ryckaert bellemans": "E = sum_m C_m cos(phi - pi)^m for m = 1, 2, 3",
    }[form]
    d.explain(
        f"{formula}, following the IUPAC sign convention for phi.\n"
        "Forces are accumulated using atomics since atoms share torsions. The net force per torsion is zero."
    )

    def reference(v: Values) -> dict[str, Any]:
        there = np.ones(count, bool)
        if skipped != "none":
            there = v.enabled if skipped == "mask" else v.torsion_type >= 0
        index = v.torsions
        kind: Any = np.maximum(v.torsion_type, 0) if typed else slice(None)
        systems = v.positions if batch == "worlds" else v.positions[None]
        found = []
        for system in systems:

            def spanned(x: Any) -> Any:
                f, g, h = (x[index[:, p]] - x[index[:, q]] for p, q in ((0, 1), (1, 2), (3, 2)))
                if box == "periodic":
                    f, g, h = (r - v.box * np.round(r / v.box) for r in (f, g, h))
                a, b = np.cross(f, g), np.cross(h, g)
                sine = (np.cross(b, a) * g).sum(axis=1) / np.maximum(np.linalg.norm(g, axis=1), 1e-12)
                return np.arctan2(sine, (a * b).sum(axis=1)), np.minimum((a * a).sum(1), (b * b).sum(1))

            kept = there & (spanned(system)[1] >= 0.01)

            def total(x: Any, kept: Any = kept) -> float:
                return float((_energy(form, spanned(x)[0], v, kind) * kept).sum())

            found.append(descent(total, system))
        return {"forces": np.array(found) if batch == "worlds" else found[0]}

    d.check(reference, 5e-3)
