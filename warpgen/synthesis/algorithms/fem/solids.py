"""Forces and energies of hyperelastic tetrahedra."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.fem import DOMAIN
from warpgen.synthesis.library import hyperelastic
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import piece

_NAMES = {
    "tets": "elements|tet_indices|indices|connectivity",
    "u": "displacement|disp|nodal_u",
    "grads": "shape_grads|dNdX|b_grads",
    "volume": "rest_volume|vol|tet_volume",
    "f": "forces|nodal_forces|f_int",
    "mu": "shear|k_mu|lame_mu",
    "lam": "lame|k_lambda|lame_lambda",
    "elem": "tid|e|t",
    "F": "def_grad|deformation|F_def",
    "P": "piola|pk1|first_piola",
    "a": "corner|node|local",
    "eps": "strain|e_tot|strain_in",
    "sigma": "cauchy|stress|sig",
    "tid": "i",
}

MATERIAL = piece("""
@wp.struct
class Material:
    mu: float
    lam: float
""")


@DOMAIN.algorithm(
    source="Sifakis & Barbic 2012, FEM Simulation of 3D Deformable Solids, chapters 3 and 4",
    names=_NAMES,
    double=True,
    weight=10,
)
def tet_elastic_forces(d: Draft) -> None:
    """Assembles nodal forces for hyperelastic tetrahedra."""
    solid = d.option("solid", *hyperelastic.SOLIDS)
    result = d.option("result", "forces", "energy", "stress", "cauchy")
    storage = d.option("storage", "flat", "2-D")
    parameters = d.option("parameters", "one", "per element", "young")
    active = d.flag("active", 0.3)
    damping = d.flag("damping", 0.3) and result == "forces"
    small = solid is hyperelastic.LINEAR  # small strains tell no stress measure from another
    d.calls(
        {
            "forces": "tet_elastic_forces|eval_tetrahedra|internal_forces|accumulate_element_forces",
            "energy": "tet_elastic_energy|tet_energies|strain_energy",
            "stress": "tet_stresses|first_piola_stress|piola_stresses",
            "cauchy": "cauchy_stresses|tet_cauchy_stress|compute_cauchy",
        }[result]
    )
    nodes, tets = d.pick(40, 60), d.pick(48, 64)
    d.input(
        "tets",
        "int",
        4 * tets if storage == "flat" else (tets, 4),
        0,
        nodes,
        about="Node indices per tetrahedron",
    )
    d.input("u", "vec3", nodes, -0.1, 0.1, about="Nodal displacements [m]")
    if damping:
        d.input("v", "vec3", nodes, -1.0, 1.0, about="Nodal velocities [m/s]")
    # gradients of the four shape functions in the rest state, which cancel
    d.input(
        "grads", "mat33", tets, 0.95, 1.05, "spd", about="Gradients of the last three shape functions [1/m]"
    )
    if result in ("forces", "energy"):
        d.input("volume", "float", tets, 0.145, 0.19, about="Element volumes [m^3]")
    if parameters == "one":
        d.param("mu", "float", 0.5, 2.0, about="Shear modulus")
        d.param("lam", "float", 1.0, 3.0, about="First Lame parameter")
        load = ""
    elif parameters == "per element":
        d.struct(
            "materials",
            MATERIAL,
            {"mu": fill(0.5, 2.0), "lam": fill(0.5, 2.0)},
            tets,
            about="Per-element materials",
        )
        load = "mu = materials[elem].mu\nlam = materials[elem].lam"
    else:
        d.param("young", "float", 1.0, 4.0, about="Young's modulus")
        d.param("nu", "float", 0.2, 0.4, about="Poisson's ratio")
        load = "mu = young / (2.0 * (1.0 + nu))\nlam = young * nu / ((1.0 + nu) * (1.0 - 2.0 * nu))"
    if damping:
        d.param("k_damp", "float", 0.1, 0.5, about="Viscosity (modulus units times s)")
    if active:
        d.input("activation", "float", tets, 0.0, 0.4, about="Active fiber stress (same units as the moduli)")
    name = {"forces": "f", "energy": "energy", "stress": "P_out", "cauchy": "sigma"}[result]
    kind = {"forces": "vec3", "energy": "float"}.get(result, "mat33")
    about = {
        "forces": "Nodal forces",
        "energy": "Energies",
        "stress": "First Piola-Kirchhoff stresses",
        "cauchy": "Cauchy stresses",
    }
    d.output(name, kind, nodes if result == "forces" else tets, about=about[result])
    index = [
        (f"tets[4 * elem + {k}]" if k else "tets[4 * elem]") if storage == "flat" else f"tets[elem, {k}]"
        for k in range(4)
    ]
    gather = "\n".join(f"n{k} = {index[k]}" for k in range(4))
    kinematics = """
    # F = I + sum_a u_a (x) grad N_a with grad N_0 = -(grad N_1 + grad N_2 + grad N_3)
    g1 = grads[elem][0]
    g2 = grads[elem][1]
    g3 = grads[elem][2]
    grad_u = wp.outer(u[n1] - u[n0], g1) + wp.outer(u[n2] - u[n0], g2) + wp.outer(u[n3] - u[n0], g3)
    F = grad_u + wp.identity(n=3, dtype=float)
    """
    rate = "F_dot = wp.outer(v[n1] - v[n0], g1) + wp.outer(v[n2] - v[n0], g2) + wp.outer(v[n3] - v[n0], g3)"
    fiber = "# Active fiber stress along the first axis\ne0 = wp.vec3(1.0, 0.0, 0.0)\n"
    fiber += "P += activation[elem] * wp.outer(F * e0, e0)"
    if result == "energy":
        pull = " + 0.5 * activation[elem] * (wp.length_sq(F * wp.vec3(1.0, 0.0, 0.0)) - 1.0)"
        if not active:
            pull = ""
        elif small:
            pull = " + activation[elem] * (F[0, 0] - 1.0)"
        body = f"energy[elem] = volume[elem] * ({d.use(solid.energy)}(F, mu, lam){pull})"
        if not pull:
            body = body.replace("* (", "* ").removesuffix(")")
    else:
        body = f"P = {d.use(solid.stress)}(F, mu, lam)"
        if active:
            body += "\n" + fiber
        if active and small:
            body = body.replace("wp.outer(F * e0, e0)", "wp.outer(e0, e0)")
        if damping:
            body += (
                f"\n# Damp any rate of change of F, including rigid rotations\n{rate}\nP += k_damp * F_dot"
            )
        if small and result == "cauchy":
            body = re.sub(r"\bP\b", "s", body)
        body += {
            "stress": "\nP_out[elem] = P",
            "cauchy": "\nsigma[elem] = s"
            if small
            else "\n# sigma = P F^T / J\nsigma[elem] = P * wp.transpose(F) / wp.determinant(F)",
            "forces": """
# f_a = -V P grad N_a, nodal forces sum to zero
H = volume[elem] * P
f1 = H * g1
f2 = H * g2
f3 = H * g3
wp.atomic_add(f, n0, f1 + f2 + f3)
wp.atomic_sub(f, n1, f1)
wp.atomic_sub(f, n2, f2)
wp.atomic_sub(f, n3, f3)""",
        }[result]
    d.launch(tets)
    d.code(
        "elem = wp.tid()\n$gather\n$load\n$kinematics\n$body",
        gather=gather,
        load=load,
        kinematics=kinematics,
        body=body,
    )
    d.explain(
        """
        Total Lagrangian: the rows of `grads` are rest-state gradients of the last three shape functions.$unit
    """.replace("$unit", "" if result == "energy" else " Stresses use the same units as the moduli.")
    )
    says = {
        "energy": "Computes per-tetrahedron elastic energy.",
        "stress": "Computes the first Piola-Kirchhoff stress for each tetrahedron.",
        "cauchy": f"Computes the Cauchy stress for each {'linear elastic ' if small else ''}tetrahedron.",
    }
    if result in says:
        d.says(says[result])
    elif damping:
        d.says("Assembles elastic and viscous nodal forces for hyperelastic tetrahedra.")
    elif small and result == "forces":
        d.says("Assembles nodal forces for linear elastic tetrahedra.")
    if damping and small:
        d.says("Assembles elastic and viscous nodal forces for linear elastic tetrahedra.")
    if active:
        d.sentence = (d.sentence or "Assembles nodal forces for hyperelastic tetrahedra.").replace(
            ".", " with active fibers."
        )

    def reference(v: Values) -> dict[str, Any]:
        tet = v.tets.reshape(tets, 4)
        g = np.concatenate([-v.grads.sum(axis=1, keepdims=True), v.grads], axis=1)
        big_f = np.einsum("eai,eaj->eij", v.u[tet], g) + np.eye(3)
        if parameters == "one":
            mu, lam = v.mu, v.lam
        elif parameters == "per element":
            mu, lam = v["materials.mu"], v["materials.lam"]
        else:
            mu, lam = v.young / (2 * (1 + v.nu)), v.young * v.nu / ((1 + v.nu) * (1 - 2 * v.nu))
        first = big_f[:, :, 0]
        if result == "energy":
            e = solid.energy(big_f, mu, lam)
            if active:
                e = e + v.activation * (first[:, 0] - 1 if small else 0.5 * (first**2).sum(axis=1) - 0.5)
            return {"energy": v.volume * e}
        p = _stress(solid, big_f, mu, lam)
        if active:
            p[:, :, 0] += v.activation[:, None] * (np.eye(3)[0] if small else first)
        if damping:
            p = p + v.k_damp * np.einsum("eai,eaj->eij", v.v[tet], g)
        if result == "stress":
            return {"P_out": p}
        if result == "cauchy" and small:
            return {"sigma": p}
        if result == "cauchy":
            return {"sigma": p @ np.swapaxes(big_f, 1, 2) / np.linalg.det(big_f)[:, None, None]}
        made = np.zeros((nodes, 3))
        np.add.at(made, tet, -np.einsum("e,eij,eaj->eai", v.volume, p, g))
        return {"f": made}

    d.check(reference, 1e-3)


def _stress(solid: hyperelastic.Solid, f: Any, mu: Any, lam: Any) -> Any:
    """Stresses of all elements, whose parameters may differ."""
    each = [np.broadcast_to(x, len(f)) for x in (mu, lam)]
    return np.stack([solid.stress(one, m, n) for one, m, n in zip(f, *each, strict=True)])
