"""Elliptic cones of friction: forces, costs and curvatures of contacts in MuJoCo's convex formulation."""

from __future__ import annotations

import re
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
    },
    element="",
    weight=4,
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
    d.module(f"CONDIM = wp.constant({dims})")
    if layout == "address":
        d.input("contact_slot", "int", count, kind="permutation", about="Row index of each contact")
    d.input(
        "row_residual",
        "float",
        rows,
        -1.0,
        1.0,
        about="J a - aref, in the order normal, tangents" + {3: "", 4: ", spin", 6: ", spin, roll"}[dims],
    )
    d.input("row_stiffness", "float", rows, 0.5, 2.0, about="Inverse regularizers")
    slots = {3: 2, 4: 3, 6: 5}[dims]
    if common:
        d.param("sliding", "float", 0.6, 1.2, about="Sliding friction coefficient")
        if dims > 3:
            d.param("torsional", "float", 0.02, 0.1, about="Torsional friction coefficient [m]")
        if dims > 4:
            d.param("rolling", "float", 0.005, 0.02, about="Rolling friction coefficient [m]")
    elif dims > 3:  # of different sizes
        d.input("sliding", "float", count, 0.3, 1.0, about="Sliding friction coefficients")
        d.input("torsional", "float", count, 0.02, 0.1, about="Torsional friction coefficients [m]")
        if dims > 4:
            d.input("rolling", "float", count, 0.005, 0.02, about="Rolling friction coefficients [m]")
    else:
        d.input("contact_friction", "float", (count, 2), 0.3, 1.0, about="Friction along both tangents")
    if ratio:
        d.param("impratio", "float", 1.0, 3.0, about="Ratio of frictional to normal impedance")
    if skip == "distance":
        d.input("contact_dist", "float", count, -0.02, 0.01, about="Signed distances [m]")
        d.param("margin", "float", 0.0, 0.004, about="Contact margin [m]")
    elif skip == "active":
        d.param("contact_count", "int", count - count // 4, about="Number of active contacts")
    d.output("row_force", "float", rows, about="Constraint forces")
    if cost == "per contact":
        d.output("contact_cost", "float", count, about="Per-contact constraint cost")
    elif cost == "sum":
        d.output("total_cost", "float", 1, about="Total cost")
    if states:
        d.output("zone", "int", count, about="Contact state: 0 satisfied, 1 quadratic, 2 on the cone")
    if hessian == "diagonal":
        d.output("curvature", "float", (count, dims), about="Diagonal of the cost Hessian")
    elif hessian == "full":
        d.output("hessian", "float", (count, dims, dims), about="Cost Hessian")
    wanted = ["constraint forces"]
    wanted += ["costs"] if cost != "none" else []
    wanted += ["curvatures"] if hessian != "none" else []
    listed = ", ".join(wanted[:-1]) + (" and " if wanted[1:] else "") + wanted[-1]
    d.says(f"Evaluates {listed} for contacts with elliptic friction cones.")
    if states:
        d.module("SATISFIED = wp.constant(0)\nQUADRATIC = wp.constant(1)\nCONE = wp.constant(2)")
    at = "tid, {}" if layout == "rows" else "adr + {}"
    first, row = ("tid, 0" if layout == "rows" else "adr"), at.format("j")
    if dims == 6:
        d.module("vec5 = wp.types.vector(length=5, dtype=float)")
    values = ["sliding", "sliding", "torsional", "rolling", "rolling"][:slots]
    vector = {3: "wp.vec3", 5: "vec5"}.get(slots)
    fri, lead = "contact_friction[tid, {} - 1]", "contact_friction[tid, 0]"
    lines = []
    if common and dims == 3:
        fri, lead = "sliding", "sliding"
    elif dims > 3:
        per = "" if common else "[tid]"
        fri, lead = "friction[{} - 1]", f"sliding{per}"
        lines = [f"friction = {vector}({', '.join(name + per for name in values)})"]
    if ratio:
        lines += [
            "# Friction coefficient of the regularized cone",
            f"cone_slope = {lead} / wp.sqrt(impratio)",
        ]
    elif not common:
        lines += [f"cone_slope = {lead}"]
    slope = "sliding" if common and not ratio else "cone_slope"
    lines += [
        "# Scale the rows to map the elliptic cone to a circular one",
        f"dual_normal = row_residual[{first}] * {slope}",
        "tangent_sq = float(0.0)",
        "for j in range(1, CONDIM):",
        f"    scaled = row_residual[{row}] * {fri.format('j')}",
        "    tangent_sq += scaled * scaled",
        "dual_tangent = wp.sqrt(tangent_sq)",
    ]

    def costs(value: str) -> str:
        return {
            "none": "",
            "per contact": f"contact_cost[tid] = {value}\n",
            "sum": f"wp.atomic_add(total_cost, 0, {value})\n",
        }[cost]

    def state(value: str) -> str:
        return f"zone[tid] = {value}\n" if states else ""

    def diagonal(j: str) -> str:
        return f"curvature[tid, {j}]" if hessian == "diagonal" else f"hessian[tid, {j}, {j}]"

    bottom = "quadratic = float(0.0)\n" if cost != "none" else ""
    bottom += (
        f"for j in range(CONDIM):\n    stiff = row_stiffness[{row}]\n    residual = row_residual[{row}]\n"
    )
    bottom += f"    row_force[{row}] = -stiff * residual\n"
    bottom += "    quadratic += 0.5 * stiff * residual * residual\n" if cost != "none" else ""
    bottom += f"    {diagonal('j')} = stiff\n" if hessian != "none" else ""
    bottom += costs("quadratic") + state("QUADRATIC")
    middle = (
        "# Middle zone: between the cone and its polar cone; quadratic in the distance to the cone\n"
        f"dm = row_stiffness[{first}] / ({slope} * {slope} * (1.0 + {slope} * {slope}))\n"
        f"gap = dual_normal - {slope} * dual_tangent\n"
        f"force_normal = -dm * gap * {slope}\nrow_force[{first}] = force_normal\n"
    )
    if hessian != "none":
        middle += f"# Curvature: rank-one term plus the curvature of the cone\nbend = -{slope} * gap / dual_tangent\n"
        middle += f"{diagonal('0')} = dm * {slope} * {slope}\n"
    middle += (
        f"for j in range(1, CONDIM):\n    $mu_j\n"
        f"    unit_j = row_residual[{row}] * mu_j / dual_tangent\n    row_force[{row}] = -force_normal * unit_j * mu_j\n"
    )
    if hessian != "none":
        middle += f"    {diagonal('j')} = dm * mu_j * mu_j * ({slope} * {slope} * unit_j * unit_j + bend * (1.0 - unit_j * unit_j))\n"
    if hessian == "full":
        middle += (
            f"    mixed = -dm * {slope} * {slope} * mu_j * unit_j\n"
            "    hessian[tid, 0, j] = mixed\n    hessian[tid, j, 0] = mixed\n"
            f"    for k in range(1, j):\n        $mu_k\n"
            f"        unit_k = row_residual[{at.format('k')}] * mu_k / dual_tangent\n"
            f"        cross = dm * mu_j * mu_k * unit_j * unit_k * ({slope} * {slope} - bend)\n"
            "        hessian[tid, j, k] = cross\n        hessian[tid, k, j] = cross\n"
        )
    middle += costs("0.5 * dm * gap * gap")
    middle += state("CONE")
    one = common and dims == 3  # both directions have one coefficient
    if one:
        middle = re.sub(r"\bmu_[jk]\b", "sliding", re.sub(r" *\$mu_[jk]\n", "", middle))
    top = state("SATISFIED")
    early = {
        "none": "",
        "distance": "# Bodies are farther apart than the margin: no force\nif contact_dist[tid] >= margin:\n    return",
        "active": "if tid >= contact_count:\n    return",
    }[skip]
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        $early
        $address
        $lines
        # Top zone: inside the cone, no force (outputs are zero-initialized)
        if dual_normal >= $slope * dual_tangent:
            $top
            return
        # Bottom zone: inside the polar cone, all rows are quadratic
        if $slope * dual_normal + dual_tangent <= 0.0:
            $bottom
            return
        $middle
        """,
        early=early,
        slope=slope,
        address="adr = contact_slot[tid] * CONDIM" if layout == "address" else "",
        lines="\n".join(lines),
        top=top.rstrip(),
        bottom=bottom.rstrip(),
        middle=middle.rstrip(),
        mu_j=f"mu_j = {fri.format('j')}",
        mu_k=f"mu_k = {fri.format('k')}",
    )
    d.explain("""
        With friction-scaled rows, the cost is 0 inside the cone N >= mu T, quadratic where
        mu N + T <= 0, and dm / 2 (N - mu T)^2 in between. Forces are the negative gradient.
        Outputs must be zero-initialized.
    """)

    def reference(v: Values) -> dict[str, Any]:
        jar, stiff = v.row_residual, v.row_stiffness
        if layout == "address":
            jar, stiff = (x.reshape(count, dims)[v.contact_slot] for x in (jar, stiff))
        force, curve = np.zeros((count, dims)), np.zeros((count, dims, dims))
        price, where = np.zeros(count), np.zeros(count, int)
        h = 1e-4
        for k in range(count):
            if (skip == "distance" and v.contact_dist[k] >= v.margin) or (
                skip == "active" and k >= v.contact_count
            ):
                continue
            fri_ = (
                np.array([v[n] if common else v[n][k] for n in values])
                if common or dims > 3
                else v.contact_friction[k]
            )
            slope_ = fri_[0] / np.sqrt(v.impratio if ratio else 1.0)
            price[k], where[k] = _cone(jar[k], stiff[k], fri_, slope_)
            if where[k] == 1:  # differences of what may not stay in its zone would be wrong
                force[k], curve[k] = -stiff[k] * jar[k], np.diag(stiff[k])
            elif where[k] == 2:
                dm = stiff[k, 0] / (slope_**2 * (1.0 + slope_**2))

                def value(x: Any, dm: float = dm, fri: Any = fri_, slope: float = slope_) -> Any:
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
            flat[v.contact_slot] = force
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
