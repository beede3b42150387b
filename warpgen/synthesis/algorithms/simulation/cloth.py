"""Cloth: bending, and the force of air."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.simulation import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, dedented

NAMES = {
    "x": "particle_x|pos|positions|particle_q",
    "v": "particle_v|vel|velocities|particle_qd",
    "f": "particle_f|forces|force",
    "inv_mass": "w|particle_inv_mass|inv_masses",
    "bends": "edge_indices|bend_indices|hinges",
    "tris": "tri_indices|triangles|faces|indices",
    "tri": "tid|t|face",
}


@DOMAIN.algorithm(
    source="Bridson, Marino & Fedkiw 2003, sec. 4; Grinspun et al. 2003",
    names=NAMES
    | {
        "bending_forces": "eval_bending|bend_forces|dihedral_forces|hinge_forces",
        "ke": "edge_ke|k_bend|bend_stiffness",
        "kd": "edge_kd|bend_damping|k_damp",
        "rest": "edge_rest_angle|rest_angles|theta0",
        "theta": "angle|dihedral|phi",
        "m": "moment|torque|m_bend",
        "e_hat": "axis|e_dir|edge_dir",
    },
    double=True,
    weight=2,
)
def bending_forces(d: Draft) -> None:
    """Accumulates dihedral bending forces for cloth."""
    damping = d.flag("damping")
    rest = d.option("rest", "flat", "angles")
    stiffness = d.option("stiffness", "one", "each", "shape")
    angle = d.option("angle", "atan2", "half")
    order = d.option("order", "wings first", "edge first")
    count = d.pick(32, 48, 64)
    d.input("x", "vec3", 4 * count, -1.0, 1.0, about="Particle positions [m]")
    if damping:
        d.input("v", "vec3", 4 * count, -1.0, 1.0, about="Particle velocities [m/s]")
    d.input("bends", "int", 4 * count, kind="permutation", about="Vertex indices per hinge")
    if rest == "angles":
        d.input("rest", "float", count, -0.5, 0.5, about="Rest dihedral angles [rad]")
    if stiffness == "each":
        d.input("ke", "float", count, 0.5, 2.0, about="Bending stiffness [N m]")
    else:
        d.param("ke", "float", 0.5, 2.0, about="Bending stiffness [N m]")
    if damping:
        d.param("kd", "float", 0.05, 0.2, about="Bending damping [N m s]")
        d.says("Accumulates dihedral bending and damping forces for cloth.")
    d.output("f", "vec3", 4 * count, about="Accumulated particle forces [N]")
    k = "ke[tid]" if stiffness == "each" else "ke"
    bent = "(theta - rest[tid])" if rest == "angles" else "theta"
    names = "ijkl" if order == "wings first" else "klij"
    read = "\n".join(f"{a} = bends[4 * tid{f' + {n}' if n else ''}]" for n, a in enumerate(names))
    theta = {
        "atan2": "theta = wp.atan2(wp.dot(wp.cross(n2_hat, n1_hat), e_hat), wp.dot(n1_hat, n2_hat))",
        "half": """
        # Half-angle formula: tan(theta / 2) = sin(theta) / (1 + cos(theta))
        theta = 2.0 * wp.atan2(
            wp.dot(wp.cross(n2_hat, n1_hat), e_hat), 1.0 + wp.dot(n1_hat, n2_hat)
        )
        """,
    }
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        $read
        x1 = x[i]
        x2 = x[j]
        x3 = x[k]
        x4 = x[l]
        # Unnormalized face normals (length is twice the triangle area)
        n1 = wp.cross(x1 - x3, x1 - x4)
        n2 = wp.cross(x2 - x4, x2 - x3)
        e = x4 - x3
        e_length = wp.length(e)
        e_hat = e / e_length
        n1_length = wp.length(n1)
        n2_length = wp.length(n2)
        n1_hat = n1 / n1_length
        n2_hat = n2 / n2_length
        $theta
        # Dihedral angle gradients, which sum to zero
        n1_over = n1_hat / n1_length
        n2_over = n2_hat / n2_length
        d1 = n1_over * e_length
        d2 = n2_over * e_length
        d3 = n1_over * wp.dot(x1 - x4, e_hat) + n2_over * wp.dot(x2 - x4, e_hat)
        d4 = n1_over * wp.dot(x3 - x1, e_hat) + n2_over * wp.dot(x3 - x2, e_hat)
        $stiff
        $rate
        m = -$k * $bent$damped
        wp.atomic_add(f, i, m * d1)
        wp.atomic_add(f, j, m * d2)
        wp.atomic_add(f, k, m * d3)
        wp.atomic_add(f, l, m * d4)
        """,
        read=read,
        theta=theta[angle],
        stiff="""
        # Discrete shells (Grinspun et al. 2003): scale the stiffness by edge length squared over area
        shape = e_length * e_length / (n1_length + n2_length)
        """
        if stiffness == "shape"
        else "",
        k="ke * shape" if stiffness == "shape" else k,
        bent=bent,
        rate="""
        theta_dot = wp.dot(d1, v[i]) + wp.dot(d2, v[j]) + wp.dot(d3, v[k]) + wp.dot(d4, v[l])
        """
        if damping
        else "",
        damped=" - kd * theta_dot" if damping else "",
    )
    shaped = (
        ", with k = `ke` |e|^2 / (2 A1 + 2 A2) for the edge e and both areas" if stiffness == "shape" else ""
    )
    law = "-k theta" if rest == "flat" else "-k (theta - theta_0)"
    law = f"({law} - kd dtheta/dt)" if damping else law
    place = "first" if order == "wings first" else "last"
    d.explain(
        f"Forces are {law} grad(theta) for dihedral angle theta{shaped}. The {place} two hinge vertices are "
        "opposite the shared edge. One thread per hinge; triangles must not be degenerate."
    )

    def angles(x: Any) -> Any:
        x1, x2, x3, x4 = np.moveaxis(x, 1, 0)
        n1, n2 = np.cross(x1 - x3, x1 - x4), np.cross(x2 - x4, x2 - x3)
        e = (x4 - x3) / np.linalg.norm(x4 - x3, axis=-1, keepdims=True)
        return np.arctan2((np.cross(n2, n1) * e).sum(-1), (n1 * n2).sum(-1))

    def reference(v: Values) -> dict[str, Any]:
        rows = v.bends.reshape(-1, 4)
        if order == "edge first":
            rows = rows[:, [2, 3, 0, 1]]
        x = v.x[rows]
        gradient = np.zeros_like(x)
        step = 1e-6
        for corner in range(4):
            for axis in range(3):
                moved = np.zeros_like(x)
                moved[:, corner, axis] = step
                change = angles(x + moved) - angles(x - moved)
                change = (change + np.pi) % (2.0 * np.pi) - np.pi
                gradient[:, corner, axis] = change / (2.0 * step)
        ke = np.broadcast_to(v.ke, count)
        if stiffness == "shape":
            x1, x2, x3, x4 = np.moveaxis(x, 1, 0)
            areas = np.linalg.norm(np.cross(x1 - x3, x1 - x4), axis=-1)
            areas = areas + np.linalg.norm(np.cross(x2 - x4, x2 - x3), axis=-1)
            ke = ke * ((x4 - x3) ** 2).sum(-1) / areas
        m = -ke * (angles(x) - (v.rest if rest == "angles" else 0.0))
        if damping:
            m = m - v.kd * (gradient * v.v[rows]).sum((-1, -2))
        made = np.zeros_like(v.x)
        made[rows] = m[:, None, None] * gradient
        return {"f": made}

    d.check(reference, 2e-3)


@DOMAIN.algorithm(
    source="Ling, Damodaran & Gay 1996; Keckeisen et al. 2004 (wind on cloth)",
    names=NAMES
    | {
        "triangle_aerodynamics": "eval_aero|aerodynamic_forces|air_forces|eval_triangle_aero",
        "wind": "v_air|air_velocity|wind_velocity",
        "u": "v_rel|relative",
        "air": "rho|air_density",
    },
    double=True,
    weight=2,
    element="triangle",
)
def triangle_aerodynamics(d: Draft) -> None:
    """Accumulates aerodynamic drag and lift forces for cloth triangles."""
    wind = d.option("wind", "uniform", "still", "field")
    lift = d.option("lift", "none", "sine", "thin")
    law = d.option("law", "linear", "quadratic")
    form = d.option("form", "scatter", "faces")
    count = d.pick(32, 48, 64)
    d.input("x", "vec3", 3 * count, -1.0, 1.0, about="Particle positions [m]")
    d.input("v", "vec3", 3 * count, -1.0, 1.0, about="Particle velocities [m/s]")
    d.input("tris", "int", 3 * count, kind="permutation", about="Vertex indices per triangle")
    if wind == "uniform":
        d.param("wind", "vec3", -3.0, 3.0, about="Wind velocity [m/s]")
    elif wind == "field":
        d.input("wind", "vec3", count, -3.0, 3.0, about="Per-triangle wind velocity [m/s]")
    if law == "quadratic":
        d.param("air", "float", 1.0, 1.3, about="Air density [kg/m^3]")
    units = "" if law == "quadratic" else " [kg/(m^2 s)]"
    d.param("k_drag", "float", 0.2, 1.0, about=f"Drag coefficient{units}")
    if lift != "none":
        d.param("k_lift", "float", 0.2, 1.0, about=f"Lift coefficient{units}")
    if form == "scatter":
        d.output("f", "vec3", 3 * count, about="Accumulated particle forces [N]")
    else:
        d.output("force", "vec3", count, about="Per-triangle forces [N]")
    load = "dynamic_pressure * " if law == "quadratic" else ""
    lifts = {
        "none": "",
        "sine": f"""
        # Lift direction: perpendicular to the flow, in the plane spanned by flow and normal
        across = wp.cross(wp.cross(u, n), u) / {"(speed * speed)" if load else "speed"}
        lift = -k_lift * {load}area * wp.dot(n, u) / speed * across
        """,
        "thin": f"""
        # Thin airfoil theory: lift proportional to angle of attack, applied along the normal
        # (clamped to avoid the infinite asin derivative at 90 degrees)
        attack = wp.asin(wp.clamp(wp.dot(n, u) / speed, -0.99, 0.99))
        lift = -k_lift * {load or "speed * "}area * attack * n
        """,
    }
    drags = {
        "linear": """
        # Area projected onto the plane normal to the flow: A |cos(theta)|
        drag = -k_drag * area * wp.abs(wp.dot(n, u)) / speed * u
        """,
        "quadratic": """
        # Uses the projected frontal area, A |cos(theta)|
        drag = -0.5 * air * k_drag * area * wp.abs(wp.dot(n, u)) * u
        """,
    }
    if load and lift != "none":
        lifts[lift] = "dynamic_pressure = 0.5 * air * speed * speed\n" + dedented(lifts[lift])
    d.launch(count)
    d.code(
        """
        tri = wp.tid()
        i = tris[3 * tri]
        j = tris[3 * tri + 1]
        k = tris[3 * tri + 2]
        normal = wp.cross(x[j] - x[i], x[k] - x[i])
        twice_area = wp.length(normal)
        area = 0.5 * twice_area
        n = normal / twice_area
        # Average triangle velocity relative to the air
        u = (v[i] + v[j] + v[k]) / 3.0$wind
        $speed
        $drag
        $lift
        $store
        """,
        wind={"uniform": " - wind", "still": "", "field": " - wind[tri]"}[wind],
        speed="" if load and lift == "none" else "speed = wp.max(wp.length(u), 1.0e-6)",
        drag=drags[law],
        lift=lifts[lift],
        store="""
        share = $sum / 3.0
        wp.atomic_add(f, i, share)
        wp.atomic_add(f, j, share)
        wp.atomic_add(f, k, share)
        """
        if form == "scatter"
        else "force[tri] = $sum",
        sum=("(drag + lift)" if form == "scatter" else "drag + lift") if lift != "none" else "drag",
    )
    if form == "faces":
        d.says(f"Computes per-triangle aerodynamic drag{' and lift' if lift != 'none' else ''} for cloth.")
    elif lift == "none":
        d.says("Accumulates aerodynamic drag forces for cloth triangles.")

    def reference(v: Values) -> dict[str, Any]:
        corners = v.tris.reshape(-1, 3)
        a, b, c = (v.x[corners[:, k]] for k in range(3))
        normal = np.cross(b - a, c - a)
        area = 0.5 * np.linalg.norm(normal, axis=-1)
        n = normal / (2.0 * area)[:, None]
        u = v.v[corners].mean(axis=1) - (v.wind if wind != "still" else 0.0)
        speed = np.linalg.norm(u, axis=-1)
        cosine = (n * u).sum(-1) / speed
        pressure = 0.5 * v.air * speed**2 / speed if law == "quadratic" else 1.0
        force = -(v.k_drag * area * np.abs(cosine) * pressure)[:, None] * u
        if lift == "sine":
            across = (n * (speed**2)[:, None] - u * (n * u).sum(-1, keepdims=True)) / speed[:, None]
            force = force - (v.k_lift * pressure * area * cosine)[:, None] * across
        elif lift == "thin":
            attack = np.arcsin(np.clip(cosine, -0.99, 0.99))
            force = force - (v.k_lift * pressure * area * attack * speed)[:, None] * n
        if form == "faces":
            return {"force": force}
        made = np.zeros_like(v.x)
        made[corners] = (force / 3.0)[:, None]
        return {"f": made}

    d.check(reference, 1e-3)
