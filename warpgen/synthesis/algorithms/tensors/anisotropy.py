"""Elasticity of crystals as seen in other axes."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.tensors import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

# Independent entries of the stiffness matrix in Voigt's order, by symmetry: name, row, column.
_CRYSTALS: dict[str, dict[str, tuple[tuple[int, int], ...]]] = {
    "cubic": {"c11": ((0, 0), (1, 1), (2, 2)), "c12": ((0, 1), (0, 2), (1, 2)), "c44": ((3, 3), (4, 4), (5, 5))},
    "tetragonal": {"c11": ((0, 0), (1, 1)), "c12": ((0, 1),), "c13": ((0, 2), (1, 2)), "c33": ((2, 2),), "c44": ((3, 3), (4, 4)), "c66": ((5, 5),)},
    "orthotropic": {"c11": ((0, 0),), "c22": ((1, 1),), "c33": ((2, 2),), "c12": ((0, 1),), "c13": ((0, 2),), "c23": ((1, 2),),
                    "c44": ((3, 3),), "c55": ((4, 4),), "c66": ((5, 5),)},
}  # fmt: skip
_RANGES = {"11": (160.0, 220.0), "22": (150.0, 200.0), "33": (160.0, 240.0), "12": (60.0, 100.0), "13": (50.0, 90.0),
           "23": (55.0, 95.0), "44": (40.0, 110.0), "55": (40.0, 100.0), "66": (45.0, 90.0)}  # fmt: skip


@DOMAIN.algorithm(
    source="Voigt 1910; Ting 1996, Anisotropic elasticity, ch. 2; Hill 1952; Nye 1985, ch. 8; Christoffel 1877",
    names={
        "orientations": "grain_rot|crystal_frames",
        "turn": "r|rot|q_mat",
        "stiffness": "c|c_voigt|elastic_constants",
        "strains": "eps|strain_in|e_tensor",
        "total": "acc|sum_c",
        "voigt": "voigt_index|pair_index",
        "grain": "tid|crystal|g",
    },
    adjoint="no",
    double=True,
    weight=4,
)
def crystal_stiffness(d: Draft) -> None:
    """Transforms crystal elastic stiffness to the sample frame."""
    crystal = d.option("crystal", *_CRYSTALS)
    result = d.option("result", "stiffness", "stress", "modulus", "waves", weights=(0.4, 0.25, 0.2, 0.15))
    given = d.option("orientation", "quaternions", "matrices", "angles")
    storage = d.option("storage", "constants", "per grain")
    early = d.flag("zero entries", 0.5)
    weighed = d.flag("weights", 0.35) and result != "waves"
    d.calls({
        "stiffness": "rotate_stiffness|transform_elasticity|crystal_stiffness",
        "stress": "crystal_stress|grain_stresses|oriented_stress",
        "modulus": "directional_stiffness|oriented_moduli|crystal_moduli",
        "waves": "crystal_wave_speed|christoffel_speed|longitudinal_speed",
    }[result] if not weighed else {
        "stiffness": "weighted_stiffness|stiffness_contributions|voigt_terms",
        "stress": "weighted_stresses|stress_contributions|weighted_grain_stress",
        "modulus": "weighted_moduli|modulus_contributions|weighted_crystal_moduli",
    }[result])  # fmt: skip
    grains = d.pick(8, 10, 12)
    entries = _CRYSTALS[crystal]
    if given == "quaternions":
        d.input("orientations", "quat", grains, kind="unit", about="Crystal-to-sample rotations")
    elif given == "matrices":
        d.input("orientations", "mat33", grains, kind="rotation", about="Crystal-to-sample rotations")
    else:
        d.input("orientations", "vec3", grains, 0.0, 180.0, about="Bunge Euler angles phi1, Phi, phi2 [deg]")
    if storage == "constants":
        for name in entries:
            low, high = _RANGES[name[1:]]
            d.param(name, "float", low, high, about=f"Elastic constant C{name[1:]} [GPa]")
    else:
        for name in entries:
            # What lies on the diagonal in front exceeds the rest, or the crystal would not be stable.
            low, high = (160.0, 220.0) if name in ("c11", "c22", "c33") else (50.0, 80.0)
            d.input(name, "float", grains, low, high, about=f"Elastic constant C{name[1:]} per grain [GPa]")
    if weighed:
        d.input("volumes", "float", grains, 0.2, 1.0, about="Grain volumes [mm^3]")
    if result == "stress":
        d.input("strains", "mat33", grains, -0.002, 0.002, kind="uniform", about="Sample-frame strains")
    elif weighed:  # An average needs one direction for all
        d.param("direction", "vec3", -1.0, 1.0, kind="unit", about="Sample-frame direction")
    elif result in ("modulus", "waves"):
        d.input("directions", "vec3", grains, kind="unit", about="Sample-frame directions")
    if result == "waves":
        d.param("density", "float", 2.7, 8.9, about="Density [g/cm^3]")
    name, kind, shape, about = {
        "stiffness": (
            "rotated",
            "float",
            (grains, 6, 6),
            "Sample-frame stiffness in Voigt order [GPa]",
        ),
        "stress": ("stresses", "mat33", (grains,), "Sample-frame stresses [GPa]"),
        "modulus": (
            "moduli",
            "float",
            (grains,),
            "Directional stiffness along the directions, n n C n n [GPa]",
        ),
        "waves": ("speeds", "float", (grains,), "Quasi-longitudinal wave speed [km/s]"),
    }[result]
    if weighed:
        name = {"stiffness": "weighted", "stress": "weighted_stresses", "modulus": "weighted_moduli"}[result]
        about = about.replace("directions", "direction").replace(" [GPa]", ", times the volume [GPa mm^3]")
    d.output(name, kind, shape, about=about)
    d.says({
        "stiffness": "Computes the volume-weighted sample-frame stiffness of each crystal, the terms of the Voigt average.",
        "stress": "Computes the volume-weighted stress of each strained crystal, the terms of the average stress.",
        "modulus": "Computes the volume-weighted directional stiffness of each crystal, the terms of the Voigt average.",
    }[result] if weighed else {
        "stiffness": "Transforms crystal elastic stiffness to the sample frame.",
        "stress": "Computes stresses in strained, oriented crystals.",
        "modulus": "Computes the directional stiffness of oriented crystals.",
        "waves": "Computes quasi-longitudinal wave speeds in oriented crystals (Christoffel).",
    }[result])  # fmt: skip
    d.function('''
        @wp.func
        def voigt(i: int, j: int) -> int:
            """Returns the Voigt index (xx, yy, zz, yz, xz, xy) for a pair of axes."""
            if i == j:
                return i
            return 6 - i - j
    ''')
    if given == "angles":
        d.function('''
            @wp.func
            def bunge_rotation(angles: wp.vec3) -> wp.mat33:
                """Returns the rotation for intrinsic z-x-z Euler angles."""
                first = wp.quat_from_axis_angle(wp.vec3(0.0, 0.0, 1.0), wp.radians(angles[0]))
                second = wp.quat_from_axis_angle(wp.vec3(1.0, 0.0, 0.0), wp.radians(angles[1]))
                third = wp.quat_from_axis_angle(wp.vec3(0.0, 0.0, 1.0), wp.radians(angles[2]))
                return wp.quat_to_matrix(first * second * third)
        ''')
    turn = {
        "quaternions": "turn = wp.quat_to_matrix(orientations[grain])",
        "matrices": "turn = orientations[grain]",
        "angles": "turn = bunge_rotation(orientations[grain])",
    }[given]
    fill = []
    for entry, places in entries.items():
        value = f"{entry}[grain]" if storage == "per grain" else entry
        for r, c in places:
            fill.append(f"stiffness[{r}, {c}] = {value}")
            if r != c:
                fill.append(f"stiffness[{c}, {r}] = {value}")
    term = "turn[i, p] * turn[j, q] * turn[k, r] * turn[l, s] * entry"
    inner = """
        for p in range(3):
            for q in range(3):
                for r in range(3):
                    for s in range(3):
                        entry = stiffness[voigt(p, q), voigt(r, s)]
                        $skip
                        total += {}
    """
    skip = "# Skip entries that are zero by symmetry\nif entry == 0.0:\n    continue" if early else ""
    weight = "volumes[grain] * " if weighed else ""
    body = {
        "stiffness": """
            # Sample-frame index pairs for this Voigt entry
            i = FIRST[row]
            j = SECOND[row]
            k = FIRST[col]
            l = SECOND[col]
            total = float(0.0)
            $inner
            $out[grain, row, col] = $weight total
        """,
        "stress": """
            # Rotate the strain to the crystal frame, apply Hooke's law and rotate the stress back
            strain = 0.5 * (strains[grain] + wp.transpose(strains[grain]))
            local = wp.transpose(turn) * strain * turn
            stress = wp.mat33()
            for p in range(3):
                for q in range(3):
                    total = float(0.0)
                    for r in range(3):
                        for s in range(3):
                            entry = stiffness[voigt(p, q), voigt(r, s)]
                            $skip
                            total += entry * local[r, s]
                    stress[p, q] = total
            $out[grain] = $weight $whole
        """,
        "modulus": """
            # n_p n_q n_r n_s C_pqrs in the crystal frame
            n = wp.transpose(turn) * $along
            total = float(0.0)
            $inner
            $out[grain] = $weight total
        """,
        "waves": """
            # Christoffel matrix; the largest eigenvalue is density * speed^2
            n = wp.transpose(turn) * directions[grain]
            acoustic = wp.mat33()
            for p in range(3):
                for r in range(3):
                    total = float(0.0)
                    for q in range(3):
                        for s in range(3):
                            entry = stiffness[voigt(p, q), voigt(r, s)]
                            $skip
                            total += entry * n[q] * n[s]
                    acoustic[p, r] = total
            # Power iteration starting from the direction, since the wave is nearly longitudinal
            u = n
            for _ in range(12):
                u = wp.normalize(acoustic * u)
            $out[grain] = wp.sqrt(wp.dot(u, acoustic * u) / density)
        """,
    }[result]
    body = textwrap.dedent(body).strip("\n").replace("$weight ", weight).replace("$out", name)
    back = "turn * stress * wp.transpose(turn)"
    body = body.replace("$whole", f"({back})" if weighed else back)
    body = body.replace("$along", "direction" if weighed else "directions[grain]")
    formula = term if result == "stiffness" else "n[p] * n[q] * n[r] * n[s] * entry"
    whole = result == "stiffness"
    if whole:
        d.module("""
            vec6i = wp.types.vector(length=6, dtype=int)
            # Voigt order: xx, yy, zz, yz, xz, xy
            FIRST = wp.constant(vec6i(0, 1, 2, 1, 0, 0))
            SECOND = wp.constant(vec6i(0, 1, 2, 2, 2, 1))
        """)
    d.launch(*((grains, 6, 6) if whole else (grains,)))
    d.code(
        """
        $thread
        $turn
        # Crystal-frame stiffness in Voigt order
        stiffness = wp.zeros(shape=(6, 6), dtype=float)
        $fill
        $body
        """,
        thread="grain, row, col = wp.tid()" if whole else "grain = wp.tid()",
        turn=turn,
        fill="\n".join(fill),
        body=body,
        inner=textwrap.dedent(inner).strip("\n").format(formula),
        skip=skip,
    )
    d.explain({
        "stiffness": "C'_ijkl = R_ip R_jq R_kr R_ls C_pqrs. The result is stored as a 6x6 Voigt matrix.",
        "stress": "sigma' = R (C : R^T eps R) R^T. Both off-diagonal shear components enter the sums.",
        "modulus": "The modulus is n_p n_q n_r n_s C_pqrs with n in the crystal frame.",
        "waves": "The Christoffel matrix is n_q n_s C_pqrs, with eigenvalues density * speed^2.",
    }[result])  # fmt: skip

    def reference(v: Values) -> dict[str, Any]:
        from_voigt = {(0, 0): 0, (1, 1): 1, (2, 2): 2, (1, 2): 3, (0, 2): 4, (0, 1): 5}
        made = []
        for g in range(grains):
            if given == "quaternions":
                x, y, z, w = v.orientations[g]
                r = np.array([[1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
                              [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
                              [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)]])  # fmt: skip
            elif given == "matrices":
                r = v.orientations[g]
            else:
                a, b, c = np.radians(v.orientations[g])
                r = _about(2, a) @ _about(0, b) @ _about(2, c)
            m = np.zeros((6, 6))
            for entry, places in entries.items():
                value = v[entry] if storage == "constants" else v[entry][g]
                for p, q in places:
                    m[p, q] = m[q, p] = value
            c = np.zeros((3, 3, 3, 3))
            for (i, j), p in from_voigt.items():
                for (k, m_), q in from_voigt.items():
                    c[i, j, k, m_] = c[j, i, k, m_] = c[i, j, m_, k] = c[j, i, m_, k] = m[p, q]
            c = np.einsum("ip,jq,kr,ls,pqrs->ijkl", r, r, r, r, c)
            scale = v.volumes[g] if weighed else 1.0
            if result == "stiffness":
                pairs = list(from_voigt)
                made.append(scale * np.array([[c[i, j, k, m_] for k, m_ in pairs] for i, j in pairs]))
            elif result == "stress":
                e = 0.5 * (v.strains[g] + v.strains[g].T)
                made.append(scale * np.einsum("ijkl,kl->ij", c, e))
            elif result == "modulus":
                n = v.direction if weighed else v.directions[g]
                made.append(scale * np.einsum("ijkl,i,j,k,l", c, n, n, n, n))
            else:
                n = v.directions[g]
                top = np.linalg.eigvalsh(np.einsum("ijkl,j,l->ik", c, n, n))[-1]
                made.append(np.sqrt(top / v.density))
        return {name: np.array(made)}

    d.check(reference, 2e-3 if result != "waves" else 1e-2)


def _about(axis: int, angle: float) -> Any:
    c, s = np.cos(angle), np.sin(angle)
    made = np.eye(3)
    i, j = (axis + 1) % 3, (axis + 2) % 3
    made[i, i] = made[j, j] = c
    made[i, j], made[j, i] = -s, s
    return made
