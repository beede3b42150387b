"""Matrices of quadrilaterals, a block of threads for each element."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.fem import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, dedented

_POINTS = {"full": ((-1, -1), (1, -1), (1, 1), (-1, 1)), "reduced": ((0, 0),)}
_CORNERS = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], float)


@DOMAIN.algorithm(
    source="Hughes 2000, ch. 3 (Q4); Bathe 2014, sec. 5.3; Zienkiewicz & Taylor 2000, ch. 8 and 12 (reduced integration)",
    names={
        "node_offsets": "offsets|grid_offsets",
        "displacements": "u|nodal_u|node_disp",
        "temperatures": "temps|nodal_temps|theta",
        "heat_flows": "flows|nodal_flows|heat_rates",
        "jac": "jacobian|dx_dxi|j_mat",
        "grads": "dn_dx|shape_grads|g",
        "b": "strain_disp|b_mat|bmat",
        "grad_mat": "gradient_rows|slope_mat|grad_rows",
        "elastic": "d_mat|moduli|stiffness_d",
        "corner": "local_nodes|ids|vert_ids",
        "element": "cell|e|quad",
        "node_forces": "residual|f_int|internal_forces",
    },
    adjoint="no",
    weight=7,
)
def quad_stiffness(d: Draft) -> None:
    """Integrates the stiffness of quadrilaterals over their Gauss points."""
    physics = d.option("physics", "plane stress", "plane strain", "conduction", "given moduli")
    result = d.option("result", "matrix", "forces", "energy", "diagonal")
    rule = d.option("integration", "full", "reduced")
    axial = d.flag("axisymmetric weight", 0.4) and physics == "conduction"
    thick = d.option("thickness", "one", "param", "per element")
    if axial:
        thick = "one"
    side = d.pick(2, 3)
    count, elements = (side + 1) ** 2, side * side
    heat = physics == "conduction"
    d.calls(
        {
            "matrix": "quad_conductivity|conduction_matrices|quad_element_matrices"
            if heat
            else "quad_stiffness|q4_stiffness|element_stiffness",
            "forces": "quad_heat_flows|nodal_heat_flows|conduction_flows"
            if heat
            else "quad_forces|internal_forces|element_forces",
            "energy": "quad_dissipation|element_dissipation|conduction_dissipation"
            if heat
            else "quad_energies|element_energies|elastic_energy",
            "diagonal": "quad_diagonals|matrix_diagonals|element_diagonals",
        }[result]
    )
    field = "temperatures" if heat else "displacements"
    unknowns = 4 if heat else 8
    d.module(f"UNKNOWNS = wp.constant({unknowns})")
    d.input("node_offsets", "vec2", (count,), -0.15, 0.15, about="nodal offsets from a unit grid")
    d.param("per_row", "int", side + 1, about="number of nodes per grid row")
    if physics in ("plane stress", "plane strain"):
        d.param("young", "float", 1.0, 2.0, about="Young's modulus")
        d.param("poisson", "float", 0.2, 0.35, about="Poisson's ratio")
    elif heat:
        d.input(
            "factors",
            "float",
            (elements, 2, 2),
            -1.0,
            1.0,
            about="factors R of the conductivity tensors R^T R",
        )
    else:
        d.input(
            "factors", "float", (elements, 3, 3), -1.0, 1.0, about="factors R of the elastic moduli R^T R"
        )
    if axial:
        d.param("inner_radius", "float", 0.5, 1.5, about="inner radius of the grid")
    if thick == "param":
        d.param("thickness", "float", 0.5, 1.5, about="plate thickness")
    elif thick == "per element":
        d.input("thickness", "float", elements, 0.5, 1.5, about="element thickness")
    if result in ("forces", "energy"):
        kind = "float" if heat else "vec2"
        d.input(
            field,
            kind,
            count,
            -0.1,
            0.1,
            about="nodal temperatures" if heat else "nodal displacements",
        )
    name, type_, shape, about = {
        "matrix": (
            "conductance" if heat else "stiffness",
            "float",
            (elements, unknowns, unknowns),
            "element matrices",
        ),
        "forces": ("heat_flows", "float", (count,), "assembled nodal heat flows")
        if heat
        else ("node_forces", "vec2", (count,), "assembled nodal forces"),
        "energy": ("dissipation", "float", (elements,), "dissipation per element")
        if heat
        else ("energies", "float", (elements,), "strain energy per element"),
        "diagonal": (
            "diagonals",
            "float",
            (elements, unknowns),
            "element matrix diagonals (for preconditioning)",
        ),
    }[result]
    d.output(name, type_, shape, about=about)
    noun = "conductivity" if heat else "stiffness"
    d.says(
        {
            "matrix": f"Integrates {noun} matrices of quadrilaterals "
            + ("using 2x2 Gauss quadrature." if rule == "full" else "using one-point quadrature."),
            "forces": f"Accumulates nodal {'heat flows' if heat else 'elastic forces'} of quadrilaterals.",
            "energy": f"Computes the {'dissipation' if heat else 'elastic energy'} of quadrilaterals from nodal {'temperatures' if heat else 'displacements'}.",
            "diagonal": f"Computes {noun} matrix diagonals of quadrilaterals.",
        }[result].replace("quadrilaterals", "axisymmetric quadrilaterals" if axial else "quadrilaterals")
    )
    d.function('''
        @wp.func
        def node_position(offset: wp.vec2, node: int, per_row: int) -> wp.vec2:
            """Position of a unit grid node, displaced by its offset."""
            return offset + wp.vec2(float(node % per_row), float(node // per_row))
    ''')
    d.function('''
        @wp.func
        def shape_gradient(which: int, xi: float, eta: float) -> wp.vec2:
            """Reference gradient of the bilinear shape function at a corner."""
            sx = wp.where(which == 0 or which == 3, -1.0, 1.0)
            sy = wp.where(which < 2, -1.0, 1.0)
            return wp.vec2(0.25 * sx * (1.0 + sy * eta), 0.25 * sy * (1.0 + sx * xi))
    ''')
    d.function(
        "@wp.func\ndef jacobian_part(x: wp.vec2, dn: wp.vec2) -> wp.mat22:\n    return wp.outer(dn, x)"
    )
    d.function(
        "@wp.func\ndef to_physical(dn: wp.vec2, inverse: wp.mat22) -> wp.vec2:\n    return inverse * dn"
    )
    d.function("@wp.func\ndef x_of(g: wp.vec2) -> float:\n    return g[0]")
    d.function("@wp.func\ndef y_of(g: wp.vec2) -> float:\n    return g[1]")
    corner_id = """
        # Corner nodes in counterclockwise order
        first = element + element // (per_row - 1)
        corner = wp.tile_zeros(shape=4, dtype=int, storage="shared")
        corner[0:2] = wp.tile_map(wp.add, wp.tile_arange(2, dtype=int), first)
        corner[2:4] = wp.tile_map(wp.add, wp.tile_arange(1, -1, -1, dtype=int), first + per_row)
    """
    material = {
        "plane stress": """
            # Plane stress
            c = young / (1.0 - poisson * poisson)
            elastic = wp.tile_zeros(shape=(3, 3), dtype=float, storage="shared")
            elastic[0:2, 0:2] = wp.tile_full(shape=(2, 2), value=c * poisson, dtype=float)
            stiff = wp.tile_diag_add(elastic, wp.tile_map(modulus, wp.tile_arange(3, dtype=int), c, poisson))
        """,
        "plane strain": """
            # Plane strain
            c = young / ((1.0 + poisson) * (1.0 - 2.0 * poisson))
            elastic = wp.tile_zeros(shape=(3, 3), dtype=float, storage="shared")
            elastic[0:2, 0:2] = wp.tile_full(shape=(2, 2), value=c * poisson, dtype=float)
            stiff = wp.tile_diag_add(elastic, wp.tile_map(modulus, wp.tile_arange(3, dtype=int), c, poisson))
        """,
        "conduction": """
            factor = wp.tile_load(factors[element], shape=(2, 2))
            # k = R^T R to ensure a positive semidefinite conductivity
            stiff = wp.tile_matmul(wp.tile_transpose(factor), factor)
        """,
        "given moduli": """
            factor = wp.tile_load(factors[element], shape=(3, 3))
            # D = R^T R to ensure a non-negative strain energy
            stiff = wp.tile_matmul(wp.tile_transpose(factor), factor)
        """,
    }[physics]
    if physics == "plane stress":
        d.function('''
            @wp.func
            def modulus(row: int, c: float, poisson: float) -> float:
                """Diagonal of the moduli, minus the constant added to the normal-strain block."""
                return wp.where(row < 2, c * (1.0 - poisson), 0.5 * c * (1.0 - poisson))
        ''')
    elif physics == "plane strain":
        d.function('''
            @wp.func
            def modulus(row: int, c: float, poisson: float) -> float:
                """Diagonal of the moduli, minus the constant added to the normal-strain block."""
                return wp.where(row < 2, c * (1.0 - 2.0 * poisson), 0.5 * c * (1.0 - 2.0 * poisson))
        ''')
    strain = (
        'b = wp.tile_zeros(shape=(2, UNKNOWNS), dtype=float, storage="shared")\nb[0, :] = gx\nb[1, :] = gy'
        if heat
        else "# Rows: normal strains xx and yy, shear strain\n"
        'b = wp.tile_zeros(shape=(3, UNKNOWNS), dtype=float, storage="shared")\n'
        "b[0, 0:UNKNOWNS:2] = gx\nb[1, 1:UNKNOWNS:2] = gy\nb[2, 0:UNKNOWNS:2] = gy\nb[2, 1:UNKNOWNS:2] = gx"
    )
    g = 0.5773502691896257
    weigh = {"one": "", "param": " * thickness", "per element": " * thickness[element]"}[thick]
    weight = "" if rule == "full" else "4.0 * "
    if axial:
        d.function('''
            @wp.func
            def radius_part(x: wp.vec2, which: int, xi: float, eta: float) -> float:
                """Contribution of a corner to the radius at a reference point."""
                sx = wp.where(which == 0 or which == 3, -1.0, 1.0)
                sy = wp.where(which < 2, -1.0, 1.0)
                return 0.25 * (1.0 + sx * xi) * (1.0 + sy * eta) * x[0]
        ''')
        weigh += " * 2.0 * wp.pi * radius"
    values = f"u = wp.tile_load_indexed({field}, indices=corner, shape=(4,))"
    flat = (
        "u_flat = wp.tile_reshape(u, shape=(4, 1))"
        if heat
        else 'u_flat = wp.tile_zeros(shape=(UNKNOWNS, 1), dtype=float, storage="shared")\n'
        "u_flat[0:UNKNOWNS:2, 0] = wp.tile_map(x_of, u)\nu_flat[1:UNKNOWNS:2, 0] = wp.tile_map(y_of, u)"
    )
    pull = f"{values}\n{flat}\nku = wp.tile_matmul(total, u_flat)"
    if not heat and result == "forces":
        d.function("@wp.func\ndef joined(x: float, y: float) -> wp.vec2:\n    return wp.vec2(x, y)")
    end = {
        "matrix": f"wp.tile_store({name}[element], total)",
        "forces": pull
        + (
            "\n# Atomic add, since nodes are shared by elements\nwp.tile_atomic_add_indexed(heat_flows, indices=corner, t=wp.tile_squeeze(ku))"
            if heat
            else "\nsides = wp.tile_map(joined, ku[0:UNKNOWNS:2, 0], ku[1:UNKNOWNS:2, 0])\n"
            "# Atomic add, since nodes are shared by elements\nwp.tile_atomic_add_indexed(node_forces, indices=corner, t=sides)"
        ),
        "energy": f"{pull}\n{name}[element] = {'' if heat else '0.5 * '}wp.tile_dot(u_flat, ku)[0]",
        "diagonal": "wp.tile_store(diagonals[element], total)",
    }[result]
    loop = (
        "for q in range(4):\n    # 2 x 2 Gauss points at +-1 / sqrt(3)\n"
        f"    xi = {g} * wp.where(q == 0 or q == 3, -1.0, 1.0)\n    eta = {g} * wp.where(q < 2, -1.0, 1.0)\n    $point"
    )
    if rule == "reduced":
        why = (
            "One-point rule: cheaper, but misses checkerboard temperature modes"
            if heat
            else "One-point rule: no locking, but hourglass modes"
        )
        loop = f"# {why}\nxi = float(0.0)\neta = float(0.0)\n$point"
    point = f"""
        dn_dxi = wp.tile_map(shape_gradient, wp.tile_arange(4, dtype=int), xi, eta)
        jac = wp.tile_sum(wp.tile_map(jacobian_part, x, dn_dxi))[0]
        grads = wp.tile_map(to_physical, dn_dxi, wp.inverse(jac))
        gx = wp.tile_map(x_of, grads)
        gy = wp.tile_map(y_of, grads)
        $strain
        $around
        measure = {weight}wp.determinant(jac){weigh}
        scaled = measure * wp.tile_matmul(stiff, b)
        $add
    """
    diagonal = result == "diagonal"
    add = (
        "# Diagonal of B^T D B only: column sums of B * (D B)\ntotal += wp.tile_sum(b * scaled, axis=0)"
        if diagonal
        else "wp.tile_matmul(wp.tile_transpose(b), scaled, total)"
    )
    d.launch(elements, tiled=True)
    d.code(
        """
        element = wp.tid()
        $corner_id
        x = wp.tile_map(node_position, wp.tile_load_indexed(node_offsets, indices=corner, shape=(4,)), corner, per_row)
        $material
        total = wp.tile_zeros(shape=$wide, dtype=float)
        $loop
        $end
        """,
        corner_id=dedented(corner_id),
        material=dedented(material),
        wide="UNKNOWNS" if diagonal else "(UNKNOWNS, UNKNOWNS)",
        loop=loop,
        point=dedented(point),
        add=add,
        strain=strain,
        around="radius = inner_radius + wp.tile_sum(wp.tile_map(radius_part, x, wp.tile_arange(4, dtype=int), xi, eta))[0]"
        if axial
        else "",
        end=end,
    )
    if heat:
        d.text = re.sub(r"\bb\b", "grad_mat", d.text)
        d.text = re.sub(r"\bku\b", "flow", re.sub(r"\bstiff\b", "conductivity", d.text))
    wide = " 2 pi r" if axial else "" if thick == "one" else " `thickness`"
    d.explain(
        (
            f"K = sum over Gauss points of B^T D B{wide} det J"
            if rule == "full"
            else f"K = 4 B^T D B{wide} det J at the center"
        )
        + "; B maps nodal values to "
        + ("the gradient." if heat else "strains.")
        + (" Unit thickness." if thick == "one" and not axial else "")
    )

    def reference(v: Values) -> Mapping[str, Any]:
        found = np.zeros((elements, unknowns, unknowns))
        ids = []
        for e in range(elements):
            first = e + e // side
            corner = np.array([first, first + 1, first + side + 2, first + side + 1])
            ids.append(corner)
            x = v.node_offsets[corner] + np.stack([corner % (side + 1), corner // (side + 1)], axis=1)
            if heat or physics == "given moduli":
                c = v.factors[e].T @ v.factors[e]
            else:
                # Lame's constants; plane stress replaces the first by its condensed value
                lam, mu = (
                    v.young * v.poisson / (1 + v.poisson) / (1 - 2 * v.poisson),
                    v.young / 2 / (1 + v.poisson),
                )
                lam = 2 * lam * mu / (lam + 2 * mu) if physics == "plane stress" else lam
                c = np.array([[lam + 2 * mu, lam, 0], [lam, lam + 2 * mu, 0], [0, 0, mu]])
            for point_ in _POINTS[rule]:
                xi = np.array(point_) / np.sqrt(3)
                n = 0.25 * (1 + _CORNERS * xi).prod(1)
                dn = 0.25 * _CORNERS * (1 + _CORNERS * xi)[:, ::-1]
                jac = dn.T @ x
                g_ = np.linalg.solve(jac, dn.T)
                b = g_ if heat else np.zeros((3, 8))
                if not heat:
                    b[0, ::2] = b[2, 1::2] = g_[0]
                    b[1, 1::2] = b[2, ::2] = g_[1]
                w = np.linalg.det(jac) * (1 if rule == "full" else 4)
                w = w * {"one": 1.0, "param": v.get("thickness"), "per element": np.atleast_1d(v.get("thickness", 1.0))[e % np.size(v.get("thickness", 1.0))]}[thick]  # fmt: skip
                w = w * (2 * np.pi * (n @ x[:, 0] + v.inner_radius) if axial else 1.0)
                found[e] += w * b.T @ c @ b
        if result == "matrix":
            return {name: found}
        if result == "diagonal":
            return {name: np.einsum("eii->ei", found)}
        u = v[field][np.array(ids)].reshape(elements, unknowns)
        f = np.einsum("eij,ej->ei", found, u)
        if result == "energy":
            return {name: (1.0 if heat else 0.5) * (u * f).sum(1)}
        out = np.zeros(v[field].shape)
        np.add.at(out, np.array(ids), f.reshape(elements, 4, *v[field].shape[1:]))
        return {name: out}

    d.check(reference, 2e-3)
