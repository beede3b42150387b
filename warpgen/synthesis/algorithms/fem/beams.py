"""Beams that bend."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.fem import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "members": "bars|elements|rods",
    "x": "positions|nodes|coords",
    "f": "forces|nodal_forces|internal_force",
    "ea": "axial_stiffness|stiffness|EA",
    "rest": "rest_length|l0|initial_length",
    "ei": "flexural_rigidity|bending_stiffness|EI",
    "tid": "i",
    "member": "e|elem|tid",
    "h": "length|le|elem_length",
    "w": "deflection|transverse|disp",
    "theta": "rotation|slope|rot",
    "n": "direction|axis_dir|unit",
    "strain": "eps|axial_strain|bar_strain",
}


@DOMAIN.algorithm(
    source="Przemieniecki 1968, Theory of Matrix Structural Analysis, sections 5.6 and 12.2",
    names=_NAMES
    | {
        "q": "line_load|dist_load|load_per_length",
    },
    double=True,
)
def beam_forces(d: Draft) -> None:
    """Evaluates Euler-Bernoulli beam elements."""
    result = d.option("result", "forces", "matrix", "moment", "deflection", "energy")
    shear = d.option("shear", "rigid", "timoshenko")
    section = d.option("section", "one", "per element")
    term = d.option("term", "none", "axial", "load", "foundation")
    d.calls(
        {
            "forces": "beam_forces|nodal_beam_forces|beam_element_forces",
            "matrix": "beam_stiffness|beam_matrices|hermite_beam_stiffness",
            "moment": "midspan_moments|bending_moments|beam_moments",
            "deflection": "beam_deflections|hermite_deflection|interpolate_deflection",
            "energy": "beam_energy|beam_energies|beam_element_energies",
        }[result]
    )
    n = d.pick(48, 64, 96)
    if result in ("moment", "deflection"):
        shear, term = "rigid", "none" if term != "load" else "load"
    if result == "deflection":
        term = "none"
    if term in ("axial", "foundation"):
        shear = "rigid"
    if term == "load" and result in ("matrix", "energy"):
        term = "axial"
        shear = "rigid"
    # one element more than gaps: nodes lie in a row
    if result != "matrix":
        d.input("w", "float", n + 1, -0.1, 0.1, about="Nodal deflections")
        d.input("theta", "float", n + 1, -0.1, 0.1, about="Nodal rotations [rad]")
    per = section == "per element" or result == "matrix"  # all matrices would be the same otherwise
    if per:
        d.input("ei", "float", n, 0.5, 2.0, about="Bending stiffness")
        d.input("h", "float", n, 0.8, 1.2, about="Element lengths")
    else:
        d.param("ei", "float", 0.5, 2.0, about="Bending stiffness")
        d.param("h", "float", 0.8, 1.2, about="Element length")
    if shear == "timoshenko":
        d.param("ga", "float", 2.0, 6.0, about="Shear stiffness")
    if term == "axial":
        d.param("tension", "float", 0.2, 1.0, about="Axial force")
    elif term == "foundation":
        d.param("k_soil", "float", 0.2, 1.0, about="Foundation stiffness [N/m^2]")
    elif term == "load":
        d.input("q", "float", n, -1.0, 1.0, about="Distributed load")
    if result == "deflection":
        d.param("s", "float", 0.1, 0.9, about="Normalized position along the element, 0 to 1")
    out = {"forces": ("nodal_force", "nodal_moment"), "matrix": ("K",), "deflection": ("deflected",)}.get(
        result, (result,)
    )
    about = {
        "nodal_force": "Internal nodal forces minus the equivalent load"
        if term == "load"
        else "Internal nodal forces",
        "nodal_moment": "Internal nodal moments minus the equivalent load moments"
        if term == "load"
        else "Internal nodal moments",
        "K": "Element stiffness matrices (deflection and rotation at both ends)",
        "deflected": "Interpolated deflections",
        "moment": "Bending moments",
        "energy": "Energies",
    }
    for name in out:
        kind = "mat44" if result == "matrix" else "float"
        d.output(name, kind, n + 1 if result == "forces" else n, about=about[name])
    length, rigidity = ("h[member]", "ei[member]") if per else ("h", "ei")
    lines = [f"l = {length}"]
    if shear == "timoshenko":
        lines.append(
            f"# Timoshenko shear parameter phi = 12 EI / (G A_s L^2)\nphi = 12.0 * {rigidity} / (ga * l * l)"
        )
    division = " / (1.0 + phi)" if shear == "timoshenko" else ""
    four = "(4.0 + phi)" if shear == "timoshenko" else "4.0"
    two = "(2.0 - phi)" if shear == "timoshenko" else "2.0"
    dofs = "w1 = w[member]\nt1 = theta[member]\nw2 = w[member + 1]\nt2 = theta[member + 1]"
    if result in ("forces", "matrix", "energy"):
        lines.append(f"k = {rigidity}{division} / (l * l * l)")
        entries = [["12.0 * k", "6.0 * l * k", "-12.0 * k", "6.0 * l * k"],
                   ["6.0 * l * k", f"{four} * l * l * k", "-6.0 * l * k", f"{two} * l * l * k"],
                   ["-12.0 * k", "-6.0 * l * k", "12.0 * k", "-6.0 * l * k"],
                   ["6.0 * l * k", f"{two} * l * l * k", "-6.0 * l * k", f"{four} * l * l * k"]]  # fmt: skip
        rows = ",\n".join("    " + ", ".join(row) for row in entries)
        matrix = f"m = wp.mat44(\n{rows},\n)"
        if term == "axial":
            matrix += "\n# Geometric stiffness (tension stiffening)\n"
            matrix += "g = tension / (30.0 * l)\nm += wp.mat44(\n"
            matrix += "    36.0 * g, 3.0 * l * g, -36.0 * g, 3.0 * l * g,\n"
            matrix += "    3.0 * l * g, 4.0 * l * l * g, -3.0 * l * g, -l * l * g,\n"
            matrix += "    -36.0 * g, -3.0 * l * g, 36.0 * g, -3.0 * l * g,\n"
            matrix += "    3.0 * l * g, -l * l * g, -3.0 * l * g, 4.0 * l * l * g,\n)"
        elif term == "foundation":
            matrix += "\n# Winkler foundation, same form as the consistent mass matrix\n"
            matrix += "b = k_soil * l / 420.0\nm += wp.mat44(\n"
            matrix += "    156.0 * b, 22.0 * l * b, 54.0 * b, -13.0 * l * b,\n"
            matrix += "    22.0 * l * b, 4.0 * l * l * b, 13.0 * l * b, -3.0 * l * l * b,\n"
            matrix += "    54.0 * b, 13.0 * l * b, 156.0 * b, -22.0 * l * b,\n"
            matrix += "    -13.0 * l * b, -3.0 * l * l * b, -22.0 * l * b, 4.0 * l * l * b,\n)"
        direct = result == "forces" and term not in ("axial", "foundation")
        if direct:
            # the element's stiffness, row by row
            lines += [
                dofs,
                "gap = w1 - w2",
                "v = k * (12.0 * gap + 6.0 * l * (t1 + t2))",
                f"m1 = k * (6.0 * l * gap + l * l * ({four} * t1 + {two} * t2))",
                f"m2 = k * (6.0 * l * gap + l * l * ({two} * t1 + {four} * t2))",
            ]
            load = ""
            if term == "load":
                lines.append(
                    "# Equivalent nodal loads for a uniform line load: q L / 2 and q L^2 / 12\np = q[member] * l"
                )
                load = " - 0.5 * p"
            m_load = " - p * l / 12.0" if load else ""
            m_back = " + p * l / 12.0" if load else ""
            lines += [
                f"wp.atomic_add(nodal_force, member, v{load})",
                f"wp.atomic_add(nodal_moment, member, m1{m_load})",
                f"wp.atomic_add(nodal_force, member + 1, -v{load})",
                f"wp.atomic_add(nodal_moment, member + 1, m2{m_back})",
            ]
        elif result == "forces":
            lines += [
                matrix,
                "u = wp.vec4(w[member], theta[member], w[member + 1], theta[member + 1])",
                "r = m * u",
                "wp.atomic_add(nodal_force, member, r[0])",
                "wp.atomic_add(nodal_moment, member, r[1])",
                "wp.atomic_add(nodal_force, member + 1, r[2])",
                "wp.atomic_add(nodal_moment, member + 1, r[3])",
            ]
        elif result == "matrix":
            lines += (
                [matrix.replace("m = ", "K[member] = ", 1)] if term == "none" else [matrix, "K[member] = m"]
            )
        else:
            lines += [matrix, "u = wp.vec4(w[member], theta[member], w[member + 1], theta[member + 1])",
                      "energy[member] = 0.5 * wp.dot(u, m * u)"]  # fmt: skip
    elif result == "moment":
        lines += [
            dofs,
            f"# M = EI w'' at midspan, where only the rotations contribute\nm = {rigidity} * (t2 - t1) / l",
        ]
        if term == "load":
            lines.append(
                "# Subtract the midspan moment of a clamped beam under uniform load, q L^2 / 24\n"
                "m -= q[member] * l * l / 24.0"
            )
            lines.append("moment[member] = m")
        else:
            lines[-1] = lines[-1].replace("m = ", "moment[member] = ", 1)
    else:
        lines += [
            dofs,
            "# Cubic Hermite shape functions, with slopes scaled by the element length",
            "s2 = s * s\ns3 = s2 * s",
            "a = 1.0 - 3.0 * s2 + 2.0 * s3",
            "b = s - 2.0 * s2 + s3",
            "c = s3 - s2",
            "deflected[member] = a * w1 + (1.0 - a) * w2 + l * (b * t1 + c * t2)",
        ]
    if result == "deflection":
        d.parameters = [p for p in d.parameters if p.name != "ei"]
    if result == "moment":
        lines = [line if line is not dofs else "t1 = theta[member]\nt2 = theta[member + 1]" for line in lines]
        d.parameters = [p for p in d.parameters if p.name != "w"]
    d.launch(n)
    body = "\n".join(lines)
    if not per:  # one length for all needs no other name
        body = re.sub(r"\bl\b", "h", body.replace("l = h\n", ""))
    d.code("member = wp.tid()\n$body", body=body)
    under = {
        "axial": " under tension",
        "foundation": " on an elastic foundation",
        "load": " under line loads",
    }
    d.says({
        "forces": "Accumulates nodal forces and moments of beam elements$.",
        "matrix": "Computes stiffness matrices for beam elements$.",
        "moment": "Computes midspan bending moments for beam elements$.",
        "deflection": "Interpolates beam deflections using cubic Hermite shape functions.",
        "energy": "Computes the elastic energy per beam element$.",
    }[result].replace("$", under.get(term, "")).replace("beam el", "Timoshenko beam el" if shear == "timoshenko" else "beam el"))  # fmt: skip

    def reference(v: Values) -> dict[str, Any]:
        le = np.broadcast_to(v.h, n)
        at = np.array([-1, 1]) * np.sqrt(1 / 3) * 0.5 + 0.5
        if result == "deflection":
            t = v.s
            first = (v.w[:-1] * (1 - 3 * t**2 + 2 * t**3), v.w[1:] * (3 * t**2 - 2 * t**3))
            return {
                "deflected": sum(first)
                + le * (v.theta[:-1] * t * (1 - t) ** 2 - v.theta[1:] * t**2 * (1 - t))
            }
        ei = np.broadcast_to(v.ei, n)
        if result == "moment":
            made = ei * np.diff(v.theta) / le
            return {"moment": made - (v.q * le**2 / 24 if term == "load" else 0)}
        k = np.zeros((n, 4, 4))
        # curvatures of Hermite's cubics, integrated by two Gauss points
        for t in at:
            b = np.stack([(12 * t - 6) / le**2, (6 * t - 4) / le, (6 - 12 * t) / le**2, (6 * t - 2) / le], -1)
            k += (0.5 * ei * le)[:, None, None] * b[:, :, None] * b[:, None, :]
        if shear == "timoshenko":
            # flexibility adds up: bend the beam, and let it shear
            phi = 12 * ei / (v.ga * le**2)
            c = ei / (le**3 * (1 + phi))
            o = np.ones(n)
            k = c[:, None, None] * np.stack([
                np.stack([12 * o, 6 * le, -12 * o, 6 * le], -1),
                np.stack([6 * le, (4 + phi) * le**2, -6 * le, (2 - phi) * le**2], -1),
                np.stack([-12 * o, -6 * le, 12 * o, -6 * le], -1),
                np.stack([6 * le, (2 - phi) * le**2, -6 * le, (4 + phi) * le**2], -1)], 1)  # fmt: skip
        points, weights = np.polynomial.legendre.leggauss(4)
        for t, weight in zip(0.5 * points + 0.5, 0.5 * weights, strict=True):
            o = np.ones(n)
            shape = np.stack([(1 - 3 * t**2 + 2 * t**3) * o, le * t * (1 - t) ** 2, (3 * t**2 - 2 * t**3) * o,
                              le * t**2 * (t - 1)], -1)  # fmt: skip
            slope = np.stack([(6 * t**2 - 6 * t) / le, (1 - 4 * t + 3 * t**2) * o, (6 * t - 6 * t**2) / le,
                              (3 * t**2 - 2 * t) * o], -1)  # fmt: skip
            if term == "axial":
                k += (weight * v.tension * le)[:, None, None] * slope[:, :, None] * slope[:, None, :]
            elif term == "foundation":
                k += (weight * v.k_soil * le)[:, None, None] * shape[:, :, None] * shape[:, None, :]
        if result == "matrix":
            return {"K": k}
        u = np.stack([v.w[:-1], v.theta[:-1], v.w[1:], v.theta[1:]], -1)
        if result == "energy":
            return {"energy": 0.5 * np.einsum("ea,eab,eb->e", u, k, u)}
        r = np.einsum("eab,eb->ea", k, u)
        if term == "load":
            r -= (v.q * le)[:, None] * np.stack([0.5 * np.ones(n), le / 12, 0.5 * np.ones(n), -le / 12], -1)
        made = np.zeros((2, n + 1))
        made[:, :-1] += r[:, :2].T
        made[:, 1:] += r[:, 2:].T
        return {"nodal_force": made[0], "nodal_moment": made[1]}

    d.check(reference, 1e-3)
