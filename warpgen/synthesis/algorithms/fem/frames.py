"""Frame elements in space: twelve degrees of freedom with stretch, twist and bending about two axes."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.fem import DOMAIN
from warpgen.synthesis.algorithms.fem._members import ORIENTATIONS, SECTIONS
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Przemieniecki 1968, ch. 5; McGuire, Gallagher & Ziemian 2000, ch. 4-5 and 9 (geometric stiffness)",
    names={
        "frame_forces": "beam_column_forces|frame_element|member_forces|space_frame_forces",
        "node_pos": "x|coords|node_coords",
        "node_disp": "u|displacements|disp",
        "node_theta": "theta|rotations|rot",
        "member": "elements|member_nodes|connectivity",
        "area": "a_sec|section_area",
        "torsion": "j|torsion_constant",
        "youngs": "e_mod|young|e_modulus",
        "axial": "normal_force|n_axial",
        "nodal_force": "f_int|forces|residual",
        "nodal_moment": "m_int|moments",
    },
    weight=8,
)
def frame_forces(d: Draft) -> None:
    """Computes the internal forces and moments of frame members in space."""
    shear = d.option("shear", "rigid", "one factor", "two areas")
    geometric = d.flag("geometric", 0.4)
    thermal = d.flag("thermal", 0.35)
    section = d.option("section", *SECTIONS)
    output = d.option("output", "nodes", "ends", "both")
    # Without local moments, the axes of a tube with one shear area change nothing
    turned = section != "tube" or shear == "two areas" or output != "nodes"
    orient = d.option("orientation", *ORIENTATIONS) if turned else "up vector"
    load = d.option("load", "none", "uniform", "weight") if output != "ends" else "none"
    net = {"none": "", "uniform": " minus line loads", "weight": " minus self-weight"}[load]
    d.says({
        "nodes": f"Accumulates nodal internal forces and moments{net} of 3D frame members.",
        "ends": "Computes axial forces and end moments of 3D frame members.",
        "both": f"Computes internal forces and moments{net} of 3D frame members.",
    }[output])  # fmt: skip
    material = d.option("material", "one", "per member")
    pinned = d.flag("pinned", 0.35)
    nodes, count = d.pick(16, 24), d.pick(24, 32)
    at = "" if material == "one" else "[tid]"

    def property(name: str, low: float, high: float, about: str) -> None:
        if material == "one":
            d.param(name, "float", low, high, about=about)
        else:
            d.input(name, "float", count, low, high, about=about)

    d.input("node_pos", "vec3", nodes, -2.0, 2.0, about="Node positions [m]")
    d.input("node_disp", "vec3", nodes, -0.02, 0.02, about="Displacements [m]")
    d.input("node_theta", "vec3", nodes, -0.02, 0.02, about="Small rotations [rad]")
    d.input("member", "int", (count, 2), 0, nodes, about="Start and end node index per member")
    if orient == "roll":
        d.input("roll", "float", count, -3.0, 3.0, about="Section roll angle about the member axis [rad]")
    elif orient == "node":
        d.input("third_node", "int", count, 0, nodes, about="Index of the node toward which local y points")
    property("youngs", 1.0e4, 2.0e5, "Young's modulus [MPa]")
    property("poisson", 0.2, 0.4, "Poisson's ratio")
    if section == "given":
        property("area", 0.012, 0.03, "Cross-section [m^2]")
        property("moment_y", 2.0e-4, 6.0e-4, "Second moment of area about local y [m^4]")
        property("moment_z", 2.0e-4, 6.0e-4, "Second moment of area about local z [m^4]")
        property("torsion", 3.0e-4, 9.0e-4, "Torsion constant [m^4]")
    elif section == "rectangle":
        d.input("width", "float", count, 0.2, 0.5, about="Section width along local y [m]")
        d.input("depth", "float", count, 0.2, 0.5, about="Section depth along local z [m]")
    else:
        d.input("outer_radius", "float", count, 0.25, 0.4, about="Outer radii [m]")
        d.input("wall", "float", count, 0.02, 0.06, about="Wall thicknesses [m]")
    if shear == "one factor":
        d.param("shear_factor", "float", 0.5, 0.9, about="Ratio of shear area to cross-sectional area")
    elif shear == "two areas":
        shear_range = (0.008, 0.01) if section == "given" else (0.025, 0.033)  # up to 5/6 of the least area
        property("shear_area_y", *shear_range, "Shear area along local y [m^2]")
        property("shear_area_z", *shear_range, "Shear area along local z [m^2]")
    if thermal:
        d.input("heating", "float", count, -30.0, 30.0, about="Temperature changes [K]")
        d.param("expansion", "float", 1.0e-5, 3.0e-5, about="Thermal expansion coefficient [1/K]")
    if load == "uniform":
        d.input("line_load", "vec3", count, -0.05, 0.05, about="World-space line load [MN/m]")
    elif load == "weight":
        d.param("weight_density", "float", 0.02, 0.08, about="Specific weight [MN/m^3]")
    if pinned:
        d.mask("is_truss", "bool", count, rare=True, about="True if the member is hinged at both ends")
    if output != "ends":
        d.output("nodal_force", "vec3", nodes, about=f"Nodal internal forces{net} [MN]")
        d.output("nodal_moment", "vec3", nodes, about=f"Nodal internal moments{net} [MN m]")
    if output != "nodes":
        d.output("axial", "float", count, about="Axial force, positive in tension [MN]")
        d.output("end_moment", "vec4", count, about="Local end moments My1, Mz1, My2, Mz2 [MN m]")
    phi = {
        "rigid": "",
        "one factor": """
            # Timoshenko shear parameter (ratio of bending to shear stiffness)
            phi_y = 12.0 * e_mod * i_z / (g_mod * shear_factor * a * length * length)
            phi_z = 12.0 * e_mod * i_y / (g_mod * shear_factor * a * length * length)
        """,
        "two areas": f"""
            # Timoshenko shear parameter (ratio of bending to shear stiffness) per bending plane
            phi_y = 12.0 * e_mod * i_z / (g_mod * shear_area_y{at} * length * length)
            phi_z = 12.0 * e_mod * i_y / (g_mod * shear_area_z{at} * length * length)
        """,
    }
    soft = shear != "rigid"
    four = (
        ("(4.0 + phi_y)", "(2.0 - phi_y)", "(4.0 + phi_z)", "(2.0 - phi_z)")
        if soft
        else ("4.0", "2.0", "4.0", "2.0")
    )
    tension = """
    # P-delta effect: axial tension increases the bending stiffness
    n_l = axial_force / length
    q_y += n_l * (1.2 * dv + 0.1 * length * (tz1 + tz2))
    m_z1 += axial_force * (0.1 * dv + length * (2.0 / 15.0 * tz1 - tz2 / 30.0))
    m_z2 += axial_force * (0.1 * dv + length * (2.0 / 15.0 * tz2 - tz1 / 30.0))
    q_z += n_l * (1.2 * dw - 0.1 * length * (ty1 + ty2))
    m_y1 += axial_force * (-0.1 * dw + length * (2.0 / 15.0 * ty1 - ty2 / 30.0))
    m_y2 += axial_force * (-0.1 * dw + length * (2.0 / 15.0 * ty2 - ty1 / 30.0))
    """
    truss = """
    # Release end moments of hinged members
    if is_truss[tid]:
        $store_axial
        $truss_nodes
        return
    """
    store_axial = "axial[tid] = axial_force\nend_moment[tid] = wp.vec4()" if output != "nodes" else ""
    ends = "axial[tid] = axial_force\nend_moment[tid] = wp.vec4(m_y1, m_z1, m_y2, m_z2)"
    carried = {
        "none": "",
        "uniform": """
            # Equivalent nodal loads of a uniform line load, half at each end
            line = line_load[tid]
            share = 0.5 * length * line
        """,
        "weight": """
            # Self-weight as a uniform line load, half at each end
            line = wp.vec3(0.0, 0.0, -weight_density * a)
            share = 0.5 * length * line
        """,
    }[load]
    fixed = """
    # Fixed-end moments
    fixed_y = length * length / 12.0 * wp.dot(line, ez)
    fixed_z = length * length / 12.0 * wp.dot(line, ey)
    m_y1 += fixed_y
    m_z1 -= fixed_z
    m_y2 -= fixed_y
    m_z2 += fixed_z
    """
    less = " - share" if load != "none" else ""
    scatter = f"""
    # End forces from equilibrium
    end_force = -axial_force * ex + q_y * ey + q_z * ez
    wp.atomic_add(nodal_force, first, end_force{less})
    wp.atomic_add(nodal_force, second, -end_force{less})
    twist = g_mod * j / length * (tx1 - tx2)
    wp.atomic_add(nodal_moment, first, twist * ex + m_y1 * ey + m_z1 * ez)
    wp.atomic_add(nodal_moment, second, -twist * ex + m_y2 * ey + m_z2 * ez)
    """
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        first = member[tid, 0]
        second = member[tid, 1]
        # Skip zero-length members, since their axis is undefined
        if first == second:
            $nothing
            return
        start = node_pos[first]
        span = node_pos[second] - start
        length = wp.length(span)
        ex = span / length
        $orient
        $shape
        $modulus
        g_mod = e_mod / (2.0 * (1.0 + poisson$at))
        $phi
        move = node_disp[first] - node_disp[second]
        du = wp.dot(move, ex)
        dv = wp.dot(move, ey)
        dw = wp.dot(move, ez)
        tx1 = wp.dot(node_theta[first], ex)
        ty1 = wp.dot(node_theta[first], ey)
        tz1 = wp.dot(node_theta[first], ez)
        tx2 = wp.dot(node_theta[second], ex)
        ty2 = wp.dot(node_theta[second], ey)
        tz2 = wp.dot(node_theta[second], ez)
        # Positive in tension
        axial_force = -e_mod * a * $stretch
        $carried
        $truss
        k_z = e_mod * i_z / (length * length * length$one_y)
        q_y = k_z * (12.0 * dv + 6.0 * length * (tz1 + tz2))
        m_z1 = k_z * length * (6.0 * dv + length * ($a1 * tz1 + $b1 * tz2))
        m_z2 = k_z * length * (6.0 * dv + length * ($b1 * tz1 + $a1 * tz2))
        # Signs differ, since a positive rotation about local y lowers the far end
        k_y = e_mod * i_y / (length * length * length$one_z)
        q_z = k_y * (12.0 * dw - 6.0 * length * (ty1 + ty2))
        m_y1 = k_y * length * (-6.0 * dw + length * ($a2 * ty1 + $b2 * ty2))
        m_y2 = k_y * length * (-6.0 * dw + length * ($b2 * ty1 + $a2 * ty2))
        $tension
        $fixed
        $ends
        $scatter
        """,
        orient=ORIENTATIONS[orient],
        shape=SECTIONS[section],
        at=at,
        modulus="e_mod = youngs[tid]" if at else "",
        phi=phi[shear],
        stretch="(du / length + expansion * heating[tid])" if thermal else "du / length",
        truss=truss if pinned else "",
        store_axial=store_axial,
        nothing="axial[tid] = 0.0\nend_moment[tid] = wp.vec4()" if output != "nodes" else "",
        carried=carried,
        fixed=fixed if load != "none" else "",
        truss_nodes=f"wp.atomic_add(nodal_force, first, -axial_force * ex{less})\n"
        f"wp.atomic_add(nodal_force, second, axial_force * ex{less})"
        if output != "ends"
        else "",
        one_y=" * (1.0 + phi_y)" if soft else "",
        one_z=" * (1.0 + phi_z)" if soft else "",
        a1=four[0],
        b1=four[1],
        a2=four[2],
        b2=four[3],
        tension=tension if geometric else "",
        ends=ends if output != "nodes" else "",
        scatter=scatter if output != "ends" else "",
    )
    if section == "tube":
        d.text = re.sub(r"\bi_[yz]\b", "inertia", d.text)
        if shear != "two areas":  # both planes bend alike
            lines = [line for line in d.text.split("\n") if not line.startswith(("phi_z = ", "k_y = "))]
            d.text = re.sub(r"\b(phi|k)_[yz]\b", r"\1", "\n".join(lines))
    if not at:
        d.text = re.sub(r"\be_mod\b", "youngs", d.text)
    if output == "ends":
        for name in ("tx1", "tx2", "q_y", "q_z", "n_l"):
            d.text = "\n".join(
                x for x in d.text.split("\n") if not x.startswith((f"{name} = ", f"{name} += "))
            )
        d.text = d.text.replace("\nj = torsion" + at, "")
        d.text = "\n".join(
            x
            for x in d.text.split("\n")
            if not x.startswith(
                ("j = ", "long = ", "short = ", "ratio = ", "g_mod = ")
                if not soft
                else ("j = ", "long = ", "short = ", "ratio = ")
            )
        )
        d.text = d.text.replace(
            "# Solid rectangle, torsion constant using Roark's approximation", "# Solid rectangle"
        )
    also = " and ".join([*["shear"] * soft, *["thermal expansion"] * thermal])
    more = f", including {also}" if also else ""
    more += ", with geometric stiffness from the axial force" if geometric else ""
    given = "results are internal forces exerted\nby the nodes on the members."
    if output == "ends":
        given = "moments are exerted by the nodes on\nthe members; the axial force is positive in tension."
    if section == "given" and not at:  # one section for all needs no copies
        named = {"a": "area", "i_y": "moment_y", "i_z": "moment_z", "j": "torsion"}
        lines = [line for line in d.text.splitlines() if line not in {f"{k} = {n}" for k, n in named.items()}]
        d.text = "\n".join(
            line if "#" in line else re.sub(r"\b(a|i_y|i_z|j)\b", lambda m: named[m[0]], line)
            for line in lines
        )
    d.explain(
        f"Exact stiffness of a prismatic member with small rotations{more}. Local x runs from the first node to\n"
        f"the second; moments and rotations follow the right-hand rule. The {given}"
    )

    def reference(v: Values) -> dict[str, Any]:
        force, moment = np.zeros((nodes, 3)), np.zeros((nodes, 3))
        axial, bending = np.zeros(count), np.zeros((count, 4))
        for m in range(count):
            p, q = v.member[m]
            if p == q:
                continue

            def get(name: str, m: int = m) -> Any:
                return v[name] if material == "one" else v[name][m]

            span = v.node_pos[q] - v.node_pos[p]
            size = np.linalg.norm(span)
            ex = span / size
            up = np.array([0.0, 0.0, 1.0] if abs(ex[2]) <= 0.95 else [1.0, 0.0, 0.0])
            ey = np.cross(up, ex)
            if orient == "node":
                across = np.cross(ex, v.node_pos[v.third_node[m]] - v.node_pos[p])
                if np.linalg.norm(across) < 1e-3:
                    continue
                ey = np.cross(across, ex)
            ey = ey / np.linalg.norm(ey)
            if orient == "roll":
                ey = np.cos(v.roll[m]) * ey + np.sin(v.roll[m]) * np.cross(ex, ey)
            axes = np.stack([ex, ey, np.cross(ex, ey)])
            e = get("youngs")
            g = 0.5 * e / (1.0 + (get("poisson") if "poisson" in v else 0.0))  # it may not matter
            j = 0.0
            if section == "given":
                a, iy, iz = get("area"), get("moment_y"), get("moment_z")
                j = v.get("torsion", 0.0) if material == "one" else v.get("torsion", np.zeros(count))[m]
            elif section == "rectangle":
                b, h = v.width[m], v.depth[m]
                a, iy, iz = b * h, b * h**3 / 12.0, h * b**3 / 12.0
                r = min(b, h) / max(b, h)
                j = max(b, h) * min(b, h) ** 3 * (1.0 / 3.0 - 0.21 * r * (1.0 - r**4 / 12.0))
            else:
                ro, ri = v.outer_radius[m], v.outer_radius[m] - v.wall[m]
                a, iy = np.pi * (ro**2 - ri**2), 0.25 * np.pi * (ro**4 - ri**4)
                iz, j = iy, 2.0 * iy
            py = pz = 0.0
            if shear != "rigid":
                areas = (
                    [v.shear_factor * a] * 2
                    if shear == "one factor"
                    else [get("shear_area_y"), get("shear_area_z")]
                )
                py, pz = 12.0 * e * iz / (g * areas[0] * size**2), 12.0 * e * iy / (g * areas[1] * size**2)
            u = np.concatenate(
                [axes @ x for x in (v.node_disp[p], v.node_theta[p], v.node_disp[q], v.node_theta[q])]
            )
            axial_force = e * a * ((u[6] - u[0]) / size - (v.expansion * v.heating[m] if thermal else 0.0))
            k = np.zeros((12, 12))
            hinged = pinned and v.is_truss[m]
            if not hinged:
                k[np.ix_([3, 9], [3, 9])] = g * j / size * np.array([[1, -1], [-1, 1]])
                for place, sign, i, f in (([1, 5, 7, 11], 1.0, iz, py), ([2, 4, 8, 10], -1.0, iy, pz)):
                    s = sign * size
                    bend = np.array(
                        [
                            [12, 6 * s, -12, 6 * s],
                            [6 * s, (4 + f) * s * s, -6 * s, (2 - f) * s * s],
                            [-12, -6 * s, 12, -6 * s],
                            [6 * s, (2 - f) * s * s, -6 * s, (4 + f) * s * s],
                        ]
                    )
                    k[np.ix_(place, place)] = e * i / (size**3 * (1.0 + f)) * bend
                    if geometric:
                        stress = np.array(
                            [
                                [36, 3 * s, -36, 3 * s],
                                [3 * s, 4 * s * s, -3 * s, -s * s],
                                [-36, -3 * s, 36, -3 * s],
                                [3 * s, -s * s, -3 * s, 4 * s * s],
                            ]
                        )
                        k[np.ix_(place, place)] += axial_force / (30.0 * size) * stress
            f_ = k @ u
            axial[m] = axial_force
            f_[0], f_[6] = f_[0] - axial_force, f_[6] + axial_force
            if load != "none":
                line = axes @ (
                    v.line_load[m] if load == "uniform" else np.array([0.0, 0.0, -v.weight_density * a])
                )
                f_[0:3] -= 0.5 * size * line
                f_[6:9] -= 0.5 * size * line
                ends = 0.0 if hinged else size**2 / 12.0
                f_[4:6] -= ends * np.array([-line[2], line[1]])
                f_[10:12] += ends * np.array([-line[2], line[1]])
            bending[m] = f_[[4, 5, 10, 11]]
            for n, part in ((p, f_[:6]), (q, f_[6:])):
                force[n] += axes.T @ part[:3]
                moment[n] += axes.T @ part[3:]
        made: dict[str, Any] = {} if output == "ends" else {"nodal_force": force, "nodal_moment": moment}
        if output != "nodes":
            made |= {"axial": axial, "end_moment": bending}
        return made

    d.check(reference, 2e-3)
