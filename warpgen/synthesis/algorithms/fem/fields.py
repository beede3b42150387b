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
    "dN": "grad_n|shape_grad|b_mat",
    "elem": "e|cell|element",
    "det": "det_j|jac_det|dV",
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
    d.input(
        "cell_of", "int", points, -6 if outside else 0, elements, about="Element of each point, -1 if outside"
    )
    d.input("xi", f"vec{shape.axes}", points, 0.05, 0.3, about="Reference coordinates of the points")
    if result == "scatter":
        d.input("load", entry, points, -1.0, 1.0, about="Point loads")
        d.output("nodal", entry, nodes, about="Nodal values")
    else:
        d.input("u", entry, nodes, -1.0, 1.0, about="Nodal values")
        if result == "rate":
            d.input("u_prev", entry, nodes, -1.0, 1.0, about="Nodal values one step earlier")
            d.param("dt", "float", 0.1, 0.5, about="Time step")
        d.output(
            "value" if result != "gradient" else "gradient",
            entry if result != "gradient" else f"vec{shape.axes}",
            points,
            about={"gradient": "Gradients", "rate": "Rates of change"}.get(result, "Values")
            + " at the points"
            + (", left alone outside" if outside else ""),
        )
    node = f"elements[elem * {shape.nodes} + a]" if flat else "elements[elem, a]"
    zero = "float(0.0)" if entry == "float" else "wp.vec3()"
    guard = (
        "# Skip points outside of the mesh (element index of -1)\nif elem < 0:\n    return" if outside else ""
    )
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
        d.says("Computes reference-space gradients of a field at points within elements.")
    elif result == "scatter":
        d.use(shape.value)
        body = f"""
        N = {shape.value.name}(xi[tid])
        f = load[tid]
        # Transpose of the interpolation, conserves the total load
        {loop}
            wp.atomic_add(nodal, {node}, N[a] * f)
        """
        d.says("Distributes point loads to the nodes of elements.")
    else:
        d.use(shape.value)
        term = f"u[{node}]"
        if result == "rate":
            term = "(u[n] - u_prev[n])"
            d.says("Interpolates the rate of change of nodal values at points in elements.")
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


_GAUSS = 1.0 / np.sqrt(3.0)


@DOMAIN.algorithm(
    source="Hughes 2000, The Finite Element Method, sections 3.8 to 3.10",
    names=_NAMES | {"q": "gp|k|qp", "det": "det_j|jac_det", "measure": "dV|jxw|weight"},
    double=True,
)
def quadrature_load(d: Draft) -> None:
    """Assembles the load vector of a source by numerical quadrature."""
    source = d.option("source", "constant", "nodal", "per element", "linear in x")
    points = d.option("points", "2 x 2", "1", "table")
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
    nodes, elements = d.pick(30, 40), d.pick(32, 48)
    if triangle and points == "2 x 2":
        points = "table"
    if result in ("area", "lumped mass"):
        source = "constant"
    even = result == "area" or (result == "integral" and source in ("constant", "per element"))
    if triangle and even and not swirl:  # the integrand is constant, so that any point will do
        points = "1"
    d.input("elements", "int", (elements, n), 0, nodes, about="Node indices per element, counterclockwise")
    d.input(
        "x", "vec2", nodes, 0.5 if swirl else -1.0, 2.0, about="Node positions" + (" (r, z)" if swirl else "")
    )
    f = ""
    if result not in ("area",):
        if source == "constant":
            about = "Mass density" if result == "lumped mass" else "Source, the same everywhere"
            d.param("f" if result != "lumped mass" else "rho", "float", 0.5, 2.0, about=about)
            f = "f" if result != "lumped mass" else "rho"
        elif source == "nodal":
            d.input("f", "float", nodes, -1.0, 1.0, about="Source at the nodes")
        elif source == "per element":
            d.input("f", "float", elements, -1.0, 1.0, about="Source in each element")
            f = "f[elem]"
        else:
            d.param("slope", "vec2", -1.0, 1.0, about="Gradient of the source, which is zero at the origin")
    if points == "table":
        count = d.pick(3, 4, 5)
        d.input("gauss_points", "vec2", count, 0.1, 0.4, about="Quadrature points in reference coordinates")
        d.input("gauss_weights", "float", count, 0.1, 0.3, about="Quadrature weights")
    out = {
        "nodes": "rhs",
        "area": "volume" if swirl else "area",
        "integral": "integral",
        "lumped mass": "mass",
    }[result]
    per_node = result in ("nodes", "lumped mass")
    about = {
        "rhs": "Load vector",
        "volume": "Volumes of the rings",
        "area": "Areas of the elements",
        "integral": "Integrals over the elements",
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
    inner = ["p = x[elements[elem, a]]", "t1 += dN[a, 0] * p", "t2 += dN[a, 1] * p"]
    edges = ""
    if triangle:
        edges = """
            # Rows of the Jacobian dx/dxi, which is the same everywhere in a linear triangle
            x0 = x[elements[elem, 0]]
            t1 = x[elements[elem, 1]] - x0
            t2 = x[elements[elem, 2]] - x0
        """
        lines = lines[:1] if valued else []
        setup, inner = [], ["p = x[elements[elem, a]]"] if position else []
    if position:
        setup.append("pos = wp.vec2()")
        inner.append("pos += N[a] * p")
    if source == "nodal" and result != "area":
        setup.append("fq = float(0.0)")
        inner.append("fq += N[a] * f[elements[elem, a]]")
        f = "fq"
    elif source == "linear in x" and result != "area":
        f = "wp.dot(slope, pos)"
    weight = "wq * " if points == "table" else ""
    det = "(t1[0] * t2[1] - t1[1] * t2[0])"
    if triangle and points == "table":
        edges, det = f"{dedented(edges)}\ndet = {det[1:-1]}", "det"
    measure = f"{weight}{det}" + (" * 2.0 * wp.pi * pos[0]" if swirl else "")
    scale = {"2 x 2": "", "1": "0.5 * " if triangle else "4.0 * ", "table": ""}[points]
    lines += setup
    if inner:
        lines += [f"for a in range({n}):", *("    " + line for line in inner)]
    measure = scale + measure
    if measure.startswith("(") and measure.endswith(")") and measure.count("(") == 1:
        measure = measure[1:-1]
    lines.append(f"measure = {measure}")
    if per_node:
        lines += [
            f"for a in range({n}):",
            f"    wp.atomic_add({out}, elements[elem, a], N[a] * {f} * measure)",
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
        if points == "table":
            loop = "for q in range(gauss_weights.shape[0]):"
            first = "xi = gauss_points[q]\nwq = gauss_weights[q]"
        else:
            d.module("GAUSS = wp.constant(0.577350269)")
            loop = "for q in range(4):"
            first = "# 2x2 Gauss points at +-1 / sqrt(3)\n"
            first += "xi = GAUSS * wp.vec2(float(2 * (q % 2) - 1), float(2 * (q // 2) - 1))"
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
        kind = f"rings of {'triangular' if triangle else 'quadrilateral'} section"
    d.says({
        "nodes": f"Integrates a source over {kind} by quadrature and assembles nodal loads.",
        "area": f"Computes the {'volumes' if swirl else 'areas'} of {kind} by quadrature.",
        "integral": f"Integrates a source over {kind} by numerical quadrature.",
        "lumped mass": f"Lumps the mass of {kind} to their nodes by quadrature.",
    }[result])  # fmt: skip
    if triangle and not valued:
        d.says({
            "area": "Computes the areas of triangles.",
            "integral": "Integrates a source that is constant over each triangle.",
        }[result])  # fmt: skip

    def reference(v: Values) -> dict[str, Any]:
        if points == "table":
            at, w = v.gauss_points, v.gauss_weights
        elif points == "1":
            at = np.array([[1 / 3, 1 / 3]]) if triangle else np.zeros((1, 2))
            w = np.array([0.5 if triangle else 4.0])
        else:
            at = _GAUSS * np.array([[a, b] for b in (-1, 1) for a in (-1, 1)])
            w = np.ones(4)
        big_n, slope = shape.value(at), shape.gradient(at)
        corners = v.x[v.elements]
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
            value = np.einsum("qa,ea->eq", big_n, v.f[v.elements])
        else:
            value = v.f[:, None] if source == "per element" else pos @ v["slope"]
        if not per_node:
            return {"integral": (value * measure).sum(axis=1)}
        made = np.zeros(nodes)
        np.add.at(made, v.elements, np.einsum("eq,qa->ea", value * measure, big_n))
        return {out: made}

    d.check(reference)
