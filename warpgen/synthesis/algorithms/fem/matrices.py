"""Matrices of linear elements for scalar problems: stiffness, mass and convection."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.fem import DOMAIN
from warpgen.synthesis.library import shape_functions
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "elements": "conn|connectivity|elem_nodes|cells",
    "u": "nodal_values|field|dofs|phi",
    "x": "nodes|coords|node_positions|X",
    "xi": "local|ref_point|natural",
    "a": "node|n|i_local",
    "N": "shape|w|phi_n",
    "elem": "e|cell|element",
    "J": "jac|jacobian|element_jacobian",
}


@DOMAIN.algorithm(
    source="Hughes 2000, chapter 3; Brenner & Scott 2008, chapter 0 (stiffness and mass of linear elements)",
    names=_NAMES
    | {
        "K": "k_local|ke|local_matrices",
        "kappa": "conductivity|diffusivity|coeff",
        "b": "col|m|j_local",
    },
    double=True,
    weight=3,
)
def element_matrices(d: Draft) -> None:
    """Computes the stiffness matrices of linear elements from their Jacobians."""
    axes = d.option("axes", 2, 3)
    material = d.option("material", "one", "per element", "tensor")
    result = d.option("result", "matrix", "apply", "diagonal", "energy")
    mass = d.option("mass", "none", "consistent", "lumped")
    wind = d.flag("convection", 0.3) and result in ("matrix", "apply")
    plain = mass == "none" and not wind
    d.calls(
        {
            "matrix": "element_matrices|local_stiffness|element_stiffness"
            if plain
            else "element_matrices|local_matrices",
            "apply": "apply_stiffness|element_operator|apply_element_matrices"
            if plain
            else "element_operator|apply_element_matrices|apply_operator",
            "diagonal": "assemble_diagonal|matrix_diagonal|diagonal_entries",
            "energy": "element_energies|nodal_field_energy|field_energy",
        }[result]
    )
    terms = ["diffusion", *(["convection"] if wind else []), *(["reaction"] if mass != "none" else [])]
    matrix = "stiffness matrix" if plain else f"{', '.join(terms[:-1])} and {terms[-1]} matrix"
    d.says(f"Computes {matrix.replace('matrix', 'matrices')} for linear elements from element Jacobians.")
    shape = shape_functions.TRIANGLE if axes == 2 else shape_functions.TET
    n, elements, nodes = axes + 1, d.pick(32, 48, 64), d.pick(30, 40)
    mat, vec = f"mat{axes}{axes}", f"wp.vec{axes}"
    d.input("J", mat, elements, 0.5, 1.5, kind="spd", about="Element Jacobians")
    if material == "one":
        d.param("kappa", "float", 0.5, 2.0, about="Diffusivity")
    elif material == "per element":
        d.input("kappa", "float", elements, 0.5, 2.0, about="Diffusivity")
    else:
        d.input("kappa", mat, elements, 0.5, 2.0, kind="spd", about="Diffusivity")
    if mass != "none":
        d.param("sigma", "float", 0.5, 2.0, about="Reaction coefficient")
    if wind:
        d.input("wind", f"vec{axes}", elements, -1.0, 1.0, about="Convection velocity")
    if result != "matrix":
        d.input("elements", "int", (elements, n), 0, nodes, about="Node indices per element")
    if result in ("apply", "energy"):
        d.input("u", "float", nodes, -1.0, 1.0, about="Nodal values")
    name = {"matrix": "K", "apply": "Ku", "diagonal": "diag", "energy": "energy"}[result]
    extent: Any = {"matrix": (elements, n, n), "energy": elements}.get(result, nodes)
    about = {
        "K": "Element matrices",
        "Ku": "Matrix-vector product",
        "diag": "Assembled matrix diagonal",
        "energy": "Energy per element",
    }[name]
    d.output(name, "float", extent, about=about)
    size = {2: 0.5, 3: 1.0 / 6.0}[axes]
    volume = {2: "0.5 * wp.determinant(J[elem])", 3: "wp.determinant(J[elem]) / 6.0"}[axes]
    k = {"one": "kappa * ", "per element": "kappa[elem] * ", "tensor": ""}[material]
    right = "kappa[elem] * gb" if material == "tensor" else "gb"
    d.function(
        f"""
        @wp.func
        def shape_gradient(inverse: wp.{mat}, a: int) -> {vec}:
            # Rows of J^-1 are the reference coordinate gradients
            if a > 0:
                return inverse[a - 1]
            # Shape functions sum to one, so their gradients sum to zero
            return -{" - ".join(f"inverse[{i}]" for i in range(axes))}
        """
    )
    entry = f"{k}wp.dot(ga, {right}) * vol"
    if wind:
        entry += f" + wp.dot(wind[elem], gb) * vol / {float(n)}"
    weights = {"consistent": f"sigma * vol / {float(n * (n + 1))}", "lumped": f"sigma * vol / {float(n)}"}
    extra = ""
    if mass == "consistent":
        extra = "# Consistent mass matrix, diagonal entries are twice the off-diagonal ones\n"
        extra += f"k_ab += wp.where(a == b, 2.0, 1.0) * {weights[mass]}"
    elif mass == "lumped":
        extra = f"if a == b:\n    k_ab += {weights[mass]}"
    head = f"elem = wp.tid()\ninverse = wp.inverse(J[elem])\nvol = {volume}\n"
    row = "ga = shape_gradient(inverse, a)"
    if result == "matrix":
        d.launch(elements, n, n)
        body = f"elem, a, b = wp.tid()\ninverse = wp.inverse(J[elem])\nvol = {volume}\n"
        body += "ga = shape_gradient(inverse, a)\ngb = shape_gradient(inverse, b)\n"
        put = f"k_ab = {entry}\n$extra\nK[elem, a, b] = k_ab" if extra else f"K[elem, a, b] = {entry}"
        d.code(body + "$put", put=put, extra=extra)
    elif result == "diagonal":
        entry = entry.replace("gb", "ga")
        add = {
            "none": "",
            "consistent": f" + 2.0 * {weights['consistent']}",
            "lumped": f" + {weights['lumped']}",
        }[mass]
        d.launch(elements)
        d.code(
            head
            + f"for a in range({n}):\n    {row}\n    wp.atomic_add(diag, elements[elem, a], {entry}{add})"
        )
        d.says(f"Assembles the {matrix} diagonal for linear elements.")
    else:
        flux = f"{k}vol * grad" if material != "tensor" else "vol * (kappa[elem] * grad)"
        summed = "u_sum += u[elements[elem, a]]" if mass == "consistent" else ""
        first = f"""
        grad = {vec}()
        {"u_sum = float(0.0)" if summed else "$nothing"}
        for a in range({n}):
            grad += u[elements[elem, a]] * shape_gradient(inverse, a)
            $summed
        """
        inertia = {
            "none": "",
            "consistent": f" + {weights['consistent']} * (u_sum + u[n])",
            "lumped": f" + {weights['lumped']} * u[n]",
        }[mass]
        if result == "apply":
            convect = f" + wp.dot(wind[elem], grad) * vol / {float(n)}" if wind else ""
            d.launch(elements)
            d.code(
                head
                + "$first\n"
                + "# Matrix-free: dot the element flux with each shape function gradient\n"
                + f"flux = {flux}\n"
                + f"for a in range({n}):\n    n = elements[elem, a]\n"
                + f"    wp.atomic_add(Ku, n, wp.dot(flux, shape_gradient(inverse, a)){convect}{inertia})",
                first=first,
                summed=summed,
                nothing="",
            )
            d.says(f"Applies the {matrix} of linear elements to nodal values (matrix-free).")
        else:
            square = ""
            if mass != "none":
                square = f"for a in range({n}):\n    n = elements[elem, a]\n"
                square += f"    s += 0.5 * u[n] * ({inertia.removeprefix(' + ')})"
            d.launch(elements)
            d.code(
                head + "$first\n" + f"s = 0.5 * wp.dot({flux}, grad)\n$square\nenergy[elem] = s",
                first=first,
                summed=summed,
                nothing="",
                square=square,
            )
            d.says(f"Computes per-element {' and '.join(terms)} energy for linear elements.")

    if axes == 2:
        d.text = re.sub(r"\bvol\b", "area", d.text)

    def reference(v: Values) -> dict[str, Any]:
        inverse = np.linalg.inv(v.J)
        grad = shape.gradient(np.zeros(axes)) @ inverse
        vol = size * np.linalg.det(v.J)
        tensor = (
            v.kappa
            if material == "tensor"
            else np.broadcast_to(v.kappa, elements)[:, None, None] * np.eye(axes)
        )
        k = np.einsum("e,eai,eij,ebj->eab", vol, grad, tensor, grad)
        if wind:
            k += np.einsum("e,ei,ebi->eb", vol / n, v.wind, grad)[:, None, :]
        if mass == "consistent":
            k += (v.sigma * vol / (n * (n + 1)))[:, None, None] * (1 + np.eye(n))
        elif mass == "lumped":
            k += (v.sigma * vol / n)[:, None, None] * np.eye(n)
        if result == "matrix":
            return {"K": k}
        made = np.zeros(nodes)
        if result == "diagonal":
            np.add.at(made, v.elements, np.einsum("eaa->ea", k))
            return {"diag": made}
        u = v.u[v.elements]
        if result == "energy":
            return {"energy": 0.5 * np.einsum("ea,eab,eb->e", u, k, u)}
        np.add.at(made, v.elements, np.einsum("eab,eb->ea", k, u))
        return {"Ku": made}

    d.check(reference)
