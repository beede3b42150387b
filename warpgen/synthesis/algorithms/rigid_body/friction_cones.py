"""Elliptic cones of friction: forces, costs and curvatures of contacts in MuJoCo's convex formulation."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rigid_body import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


def _cone(jar: Any, stiff: Any, friction: Any, mu: float) -> tuple[float, int]:
    """Cost and zone of one contact with an elliptic cone."""
    n, tangential = jar[0] * mu, jar[1:] * friction
    t = np.linalg.norm(tangential)
    if n >= mu * t or (t <= 0.0 and n >= 0.0):
        return 0.0, 0
    if mu * n + t <= 0.0 or (t <= 0.0 and n < 0.0):
        return 0.5 * float(stiff @ jar**2), 1
    return 0.5 * stiff[0] / (mu**2 * (1.0 + mu**2)) * (n - mu * t) ** 2, 2


@DOMAIN.algorithm(
    source="Todorov 2014 (elliptic friction cones); MuJoCo, engine_core_constraint.c, mj_constraintUpdate",
    names={
        "update_cones": "update_constraint_elliptic|cone_forces|contact_cone_update|elliptic_cone",
        "row_residual": "efc_Jaref|jaref|jar",
        "row_stiffness": "efc_D|D",
        "row_force": "efc_force|force_out",
        "contact_friction": "friction|geom_friction",
        "zone": "efc_state|state|contact_state",
        "cone_slope": "mu|mu_eff",
        "dual_normal": "N|normal_scaled",
        "dual_tangent": "T|tangent_norm",
    },
    weight=9,
    element="",
)
def update_cones(d: Draft) -> None:
    """Evaluates constraint forces, costs and curvatures of contacts with elliptic friction cones."""
    dims = d.option("condim", 3, 4, 6, weights=(0.25, 0.3, 0.45))
    hessian = d.option("hessian", "none", "diagonal", "full", weights=(0.25, 0.25, 0.5))
    cost = d.option("cost", "none", "per contact", "sum")
    states = d.flag("states", 0.5)
    ratio = d.flag("impratio", 0.5)
    layout = d.option("layout", "rows", "address")
    common = d.flag("shared friction", 0.4)
    skip = d.option("skip", "none", "distance", "active")
    count = d.pick(16, 24, 32)
    rows: Any = (count, dims) if layout == "rows" else count * dims
    if layout == "address":
        d.module(f"CONDIM = wp.constant({dims})")
        d.input(
            "contact_address", "int", count, kind="permutation", about="Number of each contact among the rows"
        )
    d.input(
        "row_residual",
        "float",
        rows,
        -1.0,
        1.0,
        about="J a - aref, in the order normal, tangents, spin, roll",
    )
    d.input("row_stiffness", "float", rows, 0.5, 2.0, about="Inverse regularizers")
    slots = {3: 2, 4: 3, 6: 5}[dims]
    if common:
        d.param("sliding", "float", 0.4, 1.0, about="Coefficient of sliding friction")
        if dims > 3:
            d.param("torsional", "float", 0.3, 0.6, about="Coefficient of torsional friction [m]")
        if dims > 4:
            d.param("rolling", "float", 0.2, 0.5, about="Coefficient of rolling friction [m]")
    else:
        d.input(
            "contact_friction", "float", (count, slots), 0.3, 1.0, about="Friction coefficients per contact"
        )
    if ratio:
        d.param("impratio", "float", 1.0, 3.0, about="Ratio of frictional to normal impedance")
    if skip == "distance":
        d.input("contact_dist", "float", count, -0.02, 0.01, about="Signed distances [m]")
        d.param("margin", "float", 0.0, 0.004, about="Contact margin [m]")
    elif skip == "active":
        d.param("contact_count", "int", count - count // 4, about="Number of contacts in the buffers")
    d.output("row_force", "float", rows, about="Constraint forces")
    if cost == "per contact":
        d.output("contact_cost", "float", count, about="Constraint cost of each contact")
    elif cost == "sum":
        d.output("total_cost", "float", 1, about="Sum of the costs")
    if states:
        d.output("zone", "int", count, about="0: satisfied, 1: quadratic, 2: on the cone")
    if hessian == "diagonal":
        d.output("curvature", "float", (count, dims), about="Diagonal of the Hessian of the cost")
    elif hessian == "full":
        d.output("hessian", "float", (count, dims, dims), about="Hessian of the cost")
    wanted = ["constraint forces"]
    wanted += ["costs"] if cost != "none" else []
    wanted += ["curvatures"] if hessian != "none" else []
    listed = ", ".join(wanted[:-1]) + (" and " if wanted[1:] else "") + wanted[-1]
    d.says(f"Evaluates {listed} of contacts with elliptic friction cones.")
    if states:
        d.module("SATISFIED = wp.constant(0)\nQUADRATIC = wp.constant(1)\nCONE = wp.constant(2)")
    at = [f"tid, {i}" if layout == "rows" else f"adr + {i}" if i else "adr" for i in range(dims)]
    names = ["sliding", "sliding", "torsional", "rolling", "rolling"]
    mu = [names[i] if common else f"contact_friction[tid, {i}]" for i in range(slots)]
    lines = ["# Rows of the contact: normal first"]
    lines += [f"r{i} = row_residual[{at[i]}]" for i in range(dims)]
    lines += [f"stiff{i} = row_stiffness[{at[i]}]" for i in range(dims)]
    lines += [f"fri{i + 1} = {mu[i]}" for i in range(slots)]
    lines += [
        "# Friction of the regularized cone"
        if ratio
        else "# Slope of the cone, common to all directions because the rows are scaled below"
    ]
    lines += ["cone_slope = fri1 / wp.sqrt(impratio)" if ratio else "cone_slope = fri1"]
    lines += ["# Scale the rows so that the cone is circular", "dual_normal = r0 * cone_slope"]
    lines += [f"u{i} = r{i} * fri{i}" for i in range(1, dims)]
    squares = " + ".join(f"u{i} * u{i}" for i in range(1, dims))
    lines += [f"dual_tangent = wp.sqrt({squares})"]

    def stores(values: list[str]) -> str:
        return "".join(f"row_force[{a}] = {x}\n" for a, x in zip(at, values, strict=True))

    def curves(diagonal: list[str], cross: Any) -> str:
        if hessian == "diagonal":
            return "".join(f"curvature[tid, {i}] = {x}\n" for i, x in enumerate(diagonal) if x != "0.0")
        made = ""
        if hessian == "full":
            for i in range(dims):
                for j in range(dims):
                    x = diagonal[i] if i == j else cross(i, j) if cross else "0.0"
                    made += f"hessian[tid, {i}, {j}] = {x}\n" if x != "0.0" else ""
        return made

    def costs(value: str) -> str:
        if value == "0.0":
            return ""
        return {
            "none": "",
            "per contact": f"contact_cost[tid] = {value}\n",
            "sum": f"wp.atomic_add(total_cost, 0, {value})\n",
        }[cost]

    def state(value: str) -> str:
        return f"zone[tid] = {value}\n" if states else ""

    squared = " + ".join(f"stiff{i} * r{i} * r{i}" for i in range(dims))
    bottom = stores([f"-stiff{i} * r{i}" for i in range(dims)])
    bottom += (
        costs(f"0.5 * ({squared})") + curves([f"stiff{i}" for i in range(dims)], None) + state("QUADRATIC")
    )
    middle = (
        "# Between the cone and its dual: squared distance to the cone, so the force stays continuous\n"
        "dm = stiff0 / (cone_slope * cone_slope * (1.0 + cone_slope * cone_slope))\n"
        "gap = dual_normal - cone_slope * dual_tangent\n"
        "force_normal = -dm * gap * cone_slope\n"
    )
    middle += stores(
        ["force_normal"] + [f"-force_normal / dual_tangent * u{i} * fri{i}" for i in range(1, dims)]
    )
    middle += costs("0.5 * dm * gap * gap")
    if hessian != "none":
        middle += (
            "# Curvature: rank-one part, and the bend of the cone\nbend = -cone_slope * gap / dual_tangent\n"
        )
        for i in range(1, dims):
            middle += f"t{i} = u{i} / dual_tangent\n"
        diagonal = ["dm * cone_slope * cone_slope"] + [
            f"dm * fri{i} * fri{i} * (cone_slope * cone_slope * t{i} * t{i} + bend * (1.0 - t{i} * t{i}))"
            for i in range(1, dims)
        ]

        def cross(i: int, j: int) -> str:
            if 0 in (i, j):
                k = i + j
                return f"-dm * cone_slope * cone_slope * fri{k} * t{k}"
            return f"dm * fri{i} * fri{j} * t{i} * t{j} * (cone_slope * cone_slope - bend)"

        middle += curves(diagonal, cross)
    middle += state("CONE")
    top = state("SATISFIED")
    early = {
        "none": "",
        "distance": "# No force yet: the bodies are farther apart than the margin\nif contact_dist[tid] >= margin:\n    return",
        "active": "if tid >= contact_count:\n    return",
    }[skip]
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        $early
        $address
        $lines
        # Top zone: the residual lies inside the cone, hence no force
        if dual_normal >= cone_slope * dual_tangent:
            $top
            return
        # Bottom zone: inside the polar cone, all rows are plain quadratics
        if cone_slope * dual_normal + dual_tangent <= 0.0:
            $bottom
            return
        $middle
        """,
        early=early,
        address="adr = contact_address[tid] * CONDIM" if layout == "address" else "",
        lines="\n".join(lines),
        top=top.rstrip(),
        bottom=bottom.rstrip(),
        middle=middle.rstrip(),
    )
    d.explain("""
        With the rows scaled by friction, the cost is 0 inside the cone N >= mu T, a plain quadratic where
        mu N + T <= 0, and dm / 2 (N - mu T)^2 in between. Forces are its negative gradient.
    """)

    def reference(v: Values) -> dict[str, Any]:
        jar, stiff = v.row_residual, v.row_stiffness
        if layout == "address":
            jar, stiff = (x.reshape(count, dims)[v.contact_address] for x in (jar, stiff))
        force, curve = np.zeros((count, dims)), np.zeros((count, dims, dims))
        price, where = np.zeros(count), np.zeros(count, int)
        h = 1e-4
        for k in range(count):
            if (skip == "distance" and v.contact_dist[k] >= v.margin) or (
                skip == "active" and k >= v.contact_count
            ):
                continue
            fri = v.contact_friction[k] if not common else np.array([v[n] for n in names[:slots]])
            slope = fri[0] / np.sqrt(v.impratio if ratio else 1.0)
            price[k], where[k] = _cone(jar[k], stiff[k], fri, slope)
            if where[k] == 1:  # differences of what may not stay in its zone would be wrong
                force[k], curve[k] = -stiff[k] * jar[k], np.diag(stiff[k])
            elif where[k] == 2:
                dm = stiff[k, 0] / (slope**2 * (1.0 + slope**2))

                def value(x: Any, dm: float = dm, fri: Any = fri, slope: float = slope) -> Any:
                    gap = x[..., 0] * slope - slope * np.linalg.norm(x[..., 1:] * fri, axis=-1)
                    return 0.5 * dm * gap**2

                steps = h * np.eye(dims)
                force[k] = -(value(jar[k] + steps) - value(jar[k] - steps)) / (2.0 * h)
                both = steps[:, None] + steps[None]
                apart = steps[:, None] - steps[None]
                x = jar[k]
                curve[k] = (value(x + both) - value(x + apart) - value(x - apart) + value(x - both)) / (
                    4.0 * h * h
                )
        made: dict[str, Any] = {"row_force": force}
        if layout == "address":
            flat = np.zeros((count, dims))
            flat[v.contact_address] = force
            made["row_force"] = flat.reshape(-1)
        if cost != "none":
            made["contact_cost" if cost == "per contact" else "total_cost"] = (
                price if cost == "per contact" else price.sum()[None]
            )
        if states:
            made["zone"] = where
        if hessian == "diagonal":
            made["curvature"] = np.einsum("kii->ki", curve)
        elif hessian == "full":
            made["hessian"] = curve
        return made

    d.check(reference, 2e-3)
