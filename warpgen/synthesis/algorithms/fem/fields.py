"""Fields on elements: interpolation, and integrals by quadrature."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.fem import DOMAIN
from warpgen.synthesis.library import shape_functions
from warpgen.synthesis.writing.draft import Draft, Values, dedented

_NAMES = {
    "elements": "conn|connectivity|elem_nodes|cells",
    "u": "nodal_values|dofs",
    "x": "nodes|coords|node_positions|X",
    "xi": "local|ref_point|natural",
    "a": "node|n|i_local",
    "N": "shape|phi_n",
    "dN": "grad_n|shape_grad|dn_dxi",
    "elem": "e|cell|element",
    "J": "jac|jacobian|element_jacobian",
}


@DOMAIN.algorithm(
    source="Zienkiewicz & Taylor 2000, The Finite Element Method 1, chapters 8 and 9",
    names={**_NAMES, "tid": "i", "u": "u"},
    double=True,
    element="point",
)
def interpolate_field(d: Draft) -> None:
    """Interpolates nodal values at points within elements."""
    shape = d.option("shape", *shape_functions.ALL)
    entry = d.option("entry", "float", "vec3")
    result = d.option("result", "value", "gradient", "scatter", "rate")
    outside = d.flag("outside", 0.4)
    flat = d.flag("flat", 0.4)
    d.calls(
        {
            "value": "interpolate_field|evaluate_field|sample_elements|field_at_points",
            "gradient": "field_gradient|reference_gradient|evaluate_gradient",
            "scatter": "distribute_loads|scatter_loads|spread_point_loads",
            "rate": "field_rate|interpolate_rate|evaluate_rate",
        }[result]
    )
    nodes, elements, points = d.pick(40, 60), d.pick(24, 32), d.pick(64, 96)
    if result == "gradient":
        entry = "float"
        if shape in (shape_functions.TRIANGLE, shape_functions.TET):  # the same in the whole element
            shape = shape_functions.TRIANGLE6
    d.input(
        "elements",
        "int",
        elements * shape.nodes if flat else (elements, shape.nodes),
        0,
        nodes,
        about="Node indices per element",
    )
    d.input("cell_of", "int", points, -6 if outside else 0, elements, about="Element index, -1 if outside")
    reach = (-0.9, 0.9) if shape is shape_functions.QUAD else (0.05, 0.3)
    d.input("xi", f"vec{shape.axes}", points, *reach, about="Reference coordinates per point")
    if result == "scatter":
        d.input("load", entry, points, -1.0, 1.0, about="Point loads")
        d.output("nodal", entry, nodes, about="Nodal values")
    else:
        d.input("u", entry, nodes, -1.0, 1.0, about="Nodal values")
        if result == "rate":
            d.input("u_prev", entry, nodes, -1.0, 1.0, about="Nodal values at the previous step")
            d.param("dt", "float", 0.1, 0.5, about="Time step")
        d.output(
            "value" if result != "gradient" else "gradient",
            entry if result != "gradient" else f"vec{shape.axes}",
            points,
            about={"gradient": "Gradients", "rate": "Time derivatives"}.get(result, "Values")
            + " at the points"
            + (", unchanged for outside points" if outside else ""),
        )
    node = f"elements[elem * {shape.nodes} + a]" if flat else "elements[elem, a]"
    zero = "float(0.0)" if entry == "float" else "wp.vec3()"
    guard = "# Skip points outside the mesh (element index -1)\nif elem < 0:\n    return" if outside else ""
    loop = f"for a in range({shape.nodes}):"
    if result == "gradient":
        d.use(shape.gradient)
        zero = f"wp.vec{shape.axes}()"
        body = f"""
        dN = {shape.gradient.name}(xi[tid])
        g = {zero}
        {loop}
            g += u[{node}] * dN[a]
        gradient[tid] = g
        """
        d.says("Computes reference-space field gradients at points within elements.")
    elif result == "scatter":
        d.use(shape.value)
        body = f"""
        N = {shape.value.name}(xi[tid])
        f = load[tid]
        # Transpose of interpolation, which conserves the total load
        {loop}
            wp.atomic_add(nodal, {node}, N[a] * f)
        """
        d.says("Distributes point loads to element nodes.")
    else:
        d.use(shape.value)
        term = f"u[{node}]"
        if result == "rate":
            term = "(u[n] - u_prev[n])"
            d.says("Interpolates time derivatives of nodal values at points within elements.")
        body = f"""
        N = {shape.value.name}(xi[tid])
        s = {zero}
        {loop}
            {f"n = {node}" if result == "rate" else "$nothing"}
            s += N[a] * {term}
        value[tid] = s{" / dt" if result == "rate" else ""}
        """
    d.launch(points)
    d.code("tid = wp.tid()\nelem = cell_of[tid]\n$guard\n$body", guard=guard, body=body, nothing="")

    def reference(v: Values) -> dict[str, Any]:
        live = v.cell_of >= 0
        conn = v.elements.reshape(elements, shape.nodes)[np.maximum(v.cell_of, 0)]
        if result == "scatter":
            w = shape.value(v.xi) * live[:, None]
            made = np.zeros((nodes, v.load[0].size))
            np.add.at(made, conn, w[..., None] * v.load.reshape(points, 1, -1))
            return {"nodal": made.reshape(nodes, *v.load.shape[1:])}
        if result == "gradient":
            made = np.einsum("pa,pai->pi", v.u[conn], shape.gradient(v.xi))
            return {"gradient": made * live[:, None]}
        u = (v.u - v.u_prev) / v.dt if result == "rate" else v.u
        made = np.einsum("pa,pa...->p...", shape.value(v.xi), u[conn])
        return {"value": made * live.reshape(-1, *[1] * (made.ndim - 1))}

    d.check(reference)


_CORNER = {
    False: '''
@wp.func
def corner_node(elem: int, a: int, per_row: int) -> int:
    """Node index of a grid cell corner, counterclockwise."""
    first = elem + elem // (per_row - 1)
    return first + wp.where(a == 1 or a == 2, 1, 0) + wp.where(a > 1, per_row, 0)
''',
    True: '''
@wp.func
def corner_node(elem: int, a: int, per_row: int) -> int:
    """Node index of a triangle corner, counterclockwise (two triangles per grid cell)."""
    cell = elem // 2
    first = cell + cell // (per_row - 1)
    # Cell corner: both triangles share the first corner
    k = wp.where(a > 0, a + elem % 2, 0)
    return first + wp.where(k == 1 or k == 2, 1, 0) + wp.where(k > 1, per_row, 0)
''',
}


@DOMAIN.algorithm(
    source="Hughes 2000, The Finite Element Method, sections 3.8 to 3.10",
    names=_NAMES
    | {
        "q": "gp|k|qp",
        "det": "det_j|jac_det",
        "measure": "dV|jxw|weight",
        "offsets": "node_offsets",
        "a": "i_local|c",
    },
    double=True,
)
def quadrature_load(d: Draft) -> None:
    """Assembles the load vector of a source by numerical quadrature."""
    source = d.option("source", "constant", "nodal", "per element", "linear in x")
    points = d.option("points", "2 x 2", "1", "most")
    result = d.option("result", "nodes", "area", "integral", "lumped mass")
    triangle = d.flag("triangle", 0.4)
    swirl = d.flag("axisymmetric", 0.3)
    d.calls(
        {
            "nodes": "quadrature_load|assemble_load|consistent_load|integrate_source",
            "area": "ring_volumes|quadrature_volume|integrate_volume"
            if swirl
            else "element_areas|triangle_areas|mesh_areas"
            if triangle
            else "element_areas|quadrature_area|integrate_area",
            "integral": "source_integral|integrate_source|integrate_elements",
            "lumped mass": "lump_masses|assemble_lumped_mass|nodal_masses",
        }[result]
    )
    shape = shape_functions.TRIANGLE if triangle else shape_functions.QUAD
    n = shape.nodes
    side = d.pick(4, 5) if triangle else d.pick(5, 6)
    nodes, elements = (side + 1) ** 2, side * side * (1 + triangle)
    if triangle and points == "2 x 2":
        points = "most"
    if result in ("area", "lumped mass"):
        source = "constant"
    even = result == "area" or (result == "integral" and source in ("constant", "per element"))
    if triangle and even and not swirl:  # the integrand is constant, so that any point will do
        points = "1"
    # Radii must be positive
    low, high = (0.2, 0.5) if swirl else (-0.15, 0.15)
    about = "Nodal offsets from a unit grid" + (" (r, z)" if swirl else "")
    d.input("offsets", "vec2", nodes, low, high, about=about)
    d.param("per_row", "int", side + 1, about="Number of nodes per grid row")
    d.function(_CORNER[triangle])
    d.function('''
        @wp.func
        def node_position(offsets: wp.array(dtype=wp.vec2), node: int, per_row: int) -> wp.vec2:
            """Return the position of a unit grid node displaced by its offset."""
            return offsets[node] + wp.vec2(float(node % per_row), float(node // per_row))
    ''')
    f = ""
    if result not in ("area",):
        if source == "constant":
            about = "Mass density" if result == "lumped mass" else "Constant source"
            d.param("f" if result != "lumped mass" else "rho", "float", 0.5, 2.0, about=about)
            f = "f" if result != "lumped mass" else "rho"
        elif source == "nodal":
            d.input("f", "float", nodes, -1.0, 1.0, about="Nodal source values")
        elif source == "per element":
            d.input("f", "float", elements, -1.0, 1.0, about="Source value per element")
            f = "f[elem]"
        else:
            d.param("slope", "vec2", -1.0, 1.0, about="Source gradient (the source is zero at the origin)")
    out = {
        "nodes": "rhs",
        "area": "volume" if swirl else "area",
        "integral": "integral",
        "lumped mass": "mass",
    }[result]
    per_node = result in ("nodes", "lumped mass")
    about = {
        "rhs": "Load vector",
        "volume": "Ring volumes",
        "area": "Element areas",
        "integral": "Element integrals",
        "mass": "Nodal masses",
    }[out]
    d.output(out, "float", nodes if per_node else elements, about=about)
    d.use(shape.value)
    if not triangle:
        d.use(shape.gradient)
    position = source == "linear in x" or swirl
    value = shape.value.name
    lines = [f"N = {value}(xi)", f"dN = {shape.gradient.name}(xi)"]
    valued = per_node or position or source == "nodal"
    if not valued:
        lines = lines[1:]
    setup = [
        "# Jacobian dx/dxi, one row per reference axis",
        "t1 = wp.vec2()",
        "t2 = wp.vec2()",
    ]
    corner = "corner_node(elem, {}, per_row)"
    here = [f"n = {corner.format('a')}"]
    inner = [*here, "p = node_position(offsets, n, per_row)", "t1 += dN[a, 0] * p", "t2 += dN[a, 1] * p"]
    edges = ""
    if triangle:
        edges = """
            # Rows of the Jacobian dx/dxi, constant per linear triangle
            x0 = node_position(offsets, corner_node(elem, 0, per_row), per_row)
            t1 = node_position(offsets, corner_node(elem, 1, per_row), per_row) - x0
            t2 = node_position(offsets, corner_node(elem, 2, per_row), per_row) - x0
        """
        lines = lines[:1] if valued else []
        setup, inner = [], []
    if position:
        setup.append("pos = wp.vec2()")
        if triangle:
            inner += [*here, "p = node_position(offsets, n, per_row)"]
        inner.append("pos += N[a] * p")
    if source == "nodal" and result != "area":
        setup.append("fq = float(0.0)")
        inner += here if not inner else []
        inner.append("fq += N[a] * f[n]")
        f = "fq"
    elif source == "linear in x" and result != "area":
        f = "wp.dot(slope, pos)"
    det = "(t1[0] * t2[1] - t1[1] * t2[0])"
    if triangle and points == "most":
        edges, det = f"{dedented(edges)}\ndet = {det[1:-1]}", "det"
    measure = f"{'wq * ' * (points == 'most' and not triangle)}{det}" + (
        " * 2.0 * wp.pi * pos[0]" if swirl else ""
    )
    measure += " / 6.0" if points == "most" and triangle else ""
    measure = (("0.5 * " if triangle else "4.0 * ") if points == "1" else "") + measure
    lines += setup
    if inner:
        lines += [f"for a in range({n}):", *("    " + line for line in inner)]
    if measure.startswith("(") and measure.endswith(")") and measure.count("(") == 1:
        measure = measure[1:-1]
    lines.append(f"measure = {measure}")
    if per_node:
        lines += [
            f"for a in range({n}):",
            f"    wp.atomic_add({out}, {corner.format('a')}, N[a] * {f} * measure)",
        ]
    elif result == "area":
        lines.append("s += measure")
        if points == "1":
            lines[-2:] = [f"s += {measure}"]
    else:
        lines.append(f"s += {f} * measure")
    body = "\n".join(lines)
    if points == "1":
        centre = "wp.vec2(1.0 / 3.0, 1.0 / 3.0)" if triangle else "wp.vec2(0.0, 0.0)"
        if valued or not triangle:
            exact = (
                ", exact for linear integrands"
                if triangle
                else ", exact if integrand times Jacobian is linear"
            )
            exact = "" if swirl else exact
            body = f"# One-point rule{exact}\nxi = {centre}\n{body}"
        body = body if per_node else re.sub(r"^s \+= ", f"{out}[elem] = ", body, flags=re.MULTILINE)
        text = "elem = wp.tid()\n$edges\n$body"
    else:
        if points == "2 x 2":
            d.module("GAUSS = wp.constant(0.577350269)")
            loop = "for q in range(4):"
            first = "# 2x2 Gauss points at +-1 / sqrt(3)\n"
            first += "xi = GAUSS * wp.vec2(float(2 * (q % 2) - 1), float(2 * (q // 2) - 1))"
        elif triangle:
            loop = "for q in range(3):"
            first = "# Three-point rule with equal weights\n"
            first += (
                "xi = wp.vec2(wp.where(q == 1, 2.0 / 3.0, 1.0 / 6.0), wp.where(q == 2, 2.0 / 3.0, 1.0 / 6.0))"
            )
        else:
            d.module("GAUSS = wp.constant(0.774596669)")
            loop = "for q in range(9):"
            first = "# 3x3 Gauss points at 0 and +-sqrt(3 / 5), with weights 8 / 9 and 5 / 9\n"
            first += "xi = GAUSS * wp.vec2(float(q % 3 - 1), float(q // 3 - 1))\n"
            first += "wq = wp.where(q % 3 == 1, 8.0, 5.0) * wp.where(q // 3 == 1, 8.0, 5.0) / 81.0"
        body = f"{first}\n{body}"
        start, end = ("s = float(0.0)", f"{out}[elem] = s") if not per_node else ("", "")
        text = f"elem = wp.tid()\n$edges\n$start\n{loop}\n    $body\n$end"
        d.launch(elements)
        d.code(text, edges=dedented(edges), body=body, start=start, end=end)
    if points == "1":
        d.launch(elements)
        d.code(text, edges=dedented(edges), body=body)
    kind = "triangles" if triangle else "quadrilaterals"
    if swirl:
        kind = f"axisymmetric {'triangles' if triangle else 'quadrilaterals'}"
    d.says({
        "nodes": f"Assembles nodal loads by integrating a source over {kind}.",
        "area": f"Computes the {'volumes' if swirl else 'areas'} of {kind} using numerical quadrature.",
        "integral": f"Integrates a source over {kind} using numerical quadrature.",
        "lumped mass": f"Computes lumped nodal masses of {kind} using numerical quadrature.",
    }[result])  # fmt: skip
    if triangle and not valued:
        d.says({
            "area": "Computes the areas of triangles.",
            "integral": "Integrates a piecewise constant source over triangles.",
        }[result])  # fmt: skip

    def reference(v: Values) -> dict[str, Any]:
        if points == "1":
            at = np.array([[1 / 3, 1 / 3]]) if triangle else np.zeros((1, 2))
            w = np.array([0.5 if triangle else 4.0])
        elif triangle:
            at, w = np.array([[1, 1], [4, 1], [1, 4]]) / 6, np.full(3, 1 / 6)
        else:
            line, weights = np.polynomial.legendre.leggauss(2 if points == "2 x 2" else 3)
            at = np.stack(np.meshgrid(line, line), -1).reshape(-1, 2)
            w = np.outer(weights, weights).ravel()
        col, row = np.meshgrid(np.arange(side), np.arange(side))
        first = (row * (side + 1) + col).ravel()
        cells = np.stack([first, first + 1, first + side + 2, first + side + 1], -1)
        mesh = cells[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3) if triangle else cells
        x = v.offsets + np.stack(np.divmod(np.arange(nodes), side + 1)[::-1], -1)
        big_n, slope = shape.value(at), shape.gradient(at)
        corners = x[mesh]
        jac = np.einsum("qai,eaj->eqij", slope, corners)
        pos = np.einsum("qa,eaj->eqj", big_n, corners)
        measure = np.linalg.det(jac) * w
        if swirl:
            measure = measure * 2 * np.pi * pos[..., 0]
        if result == "area":
            return {out: measure.sum(axis=1)}
        if source == "constant":
            value: Any = v.rho if result == "lumped mass" else v.f
        elif source == "nodal":
            value = np.einsum("qa,ea->eq", big_n, v.f[mesh])
        else:
            value = v.f[:, None] if source == "per element" else pos @ v["slope"]
        if not per_node:
            return {"integral": (value * measure).sum(axis=1)}
        made = np.zeros(nodes)
        np.add.at(made, mesh, np.einsum("eq,qa->ea", value * measure, big_n))
        return {out: made}

    d.check(reference)
