"""Bars that carry axial forces alone."""

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
    "member": "e|bar|tid",
    "h": "length|le|elem_length",
    "w": "deflection|transverse|disp",
    "theta": "rotation|slope|rot",
    "n": "direction|axis_dir|unit",
    "strain": "eps|axial_strain|bar_strain",
}


@DOMAIN.algorithm(
    source="Bathe 2014, Finite Element Procedures, section 5.3.1; Crisfield 1991, section 3.1",
    names=_NAMES,
    double=True,
    weight=3,
)
def truss_forces(d: Draft) -> None:
    """Accumulates axial forces of truss members at the nodes."""
    axes = d.option("axes", 2, 3)
    strain = d.option("strain", "engineering", "green", "logarithmic", "cable")
    result = d.option("result", "forces", "stress", "energy", "tangent")
    storage = d.option("storage", "vec2i", "2-D", "flat")
    extra = d.option("extra", "none", "prestress", "damping", "gravity")
    d.calls(
        {
            "forces": "truss_forces|bar_forces|assemble_bar_forces|evaluate_truss",
            "stress": "axial_forces|bar_tensions|member_forces",
            "energy": "bar_energies|truss_energy|strain_energies",
            "tangent": "bar_stiffness|tangent_stiffness|truss_tangents",
        }[result]
    )
    if result != "forces":
        extra = "prestress" if extra == "prestress" else "none"
    nodes, bars = d.pick(30, 40), d.pick(64, 80, 96)
    vec = f"vec{axes}"
    if storage == "vec2i":
        d.input("members", "vec2i", bars, 0, nodes, about="Node indices per bar")
        ends = "i = members[member][0]\nj = members[member][1]"
    elif storage == "2-D":
        d.input("members", "int", (bars, 2), 0, nodes, about="Node indices per bar")
        ends = "i = members[member, 0]\nj = members[member, 1]"
    else:
        d.input("members", "int", 2 * bars, 0, nodes, about="Node indices per bar")
        ends = "i = members[2 * member]\nj = members[2 * member + 1]"
    d.input("x", vec, nodes, -1.0, 1.0, about="Node positions")
    if extra == "damping":
        d.input("v", vec, nodes, -1.0, 1.0, about="Node velocities")
    d.input("rest", "float", bars, 0.8, 1.5, about="Rest lengths")
    d.input("ea", "float", bars, 0.5, 2.0, about="Axial stiffness")
    if extra == "prestress":
        d.input("pretension", "float", bars, 0.1, 0.4, about="Axial forces at rest length")
    elif extra == "damping":
        d.param("damping", "float", 0.1, 0.5, about="Axial damping coefficient [N s/m]")
    elif extra == "gravity":
        d.param("weight", "float", 0.1, 0.5, about="Weight per unit length")
    out = {"forces": "f", "stress": "axial", "energy": "energy", "tangent": "K"}[result]
    kind = {"forces": vec, "tangent": f"mat{axes}{axes}"}.get(result, "float")
    about = {
        "forces": "Nodal forces",
        "stress": "Axial forces, positive in tension",
        "energy": "Energies",
        "tangent": "Tangent stiffness",
    }[result]
    d.output(out, kind, nodes if result == "forces" else bars, about=about)
    # By Green's strain all but the damping follows from the gap itself, also where that has no direction.
    by_gap = strain == "green" and result in ("forces", "tangent") and extra != "damping"
    guarded = (result in ("forces", "tangent") and not by_gap) or strain == "logarithmic"
    guard = "# Skip zero-length bars, since their direction is undefined\nif l < 1.0e-6:\n    return"
    if result == "tangent":
        why = "their direction is undefined"
        if strain != "cable":
            why = "their stiffness is undefined"
        guard = (
            f"# Skip zero-length bars, since {why}\nif l < 1.0e-6:\n    K[member] = wp.{kind}()\n    return"
        )
    elif result != "forces":
        guard = f"# Skip zero-length bars, since their logarithmic strain is infinite\nif l < 1.0e-6:\n    {out}[member] = 0.0\n    return"
    measure = {
        "engineering": "strain = (l - l0) / l0",
        "green": "strain = 0.5 * (l * l - l0 * l0) / (l0 * l0)",
        "logarithmic": "strain = wp.log(l / l0)",
        "cable": "strain = (l - l0) / l0"
        if extra == "prestress"
        else "# Cables only carry tension\nstrain = wp.max((l - l0) / l0, 0.0)",
    }[strain]
    pull = {
        "engineering": "force",
        "green": "force * l / l0",
        "logarithmic": "force * l0 / l",
        "cable": "force",
    }[strain]
    initial = " + pretension[member]" if extra == "prestress" else ""
    pulled = f"force = ea[member] * strain{initial}\n"
    taut_ = "strain > 0.0"
    if strain == "cable" and initial:
        # A prestressed cable slackens where its force would become a push
        pulled = (
            "# Cables only carry tension\nforce = wp.max(ea[member] * strain + pretension[member], 0.0)\n"
        )
        taut_ = "force > 0.0"
    if result == "energy":
        add = " + pretension[member] * strain" if initial else ""
        end = f"energy[member] = l0 * (0.5 * ea[member] * strain * strain{add})"
        if not add:
            end = "energy[member] = 0.5 * l0 * ea[member] * strain * strain"
        elif strain == "cable":
            end = f"{pulled}energy[member] = 0.5 * l0 * force * force / ea[member]"
    elif result == "stress":
        end = f"axial[member] = ea[member] * strain{initial}"
        if pull != "force":
            end = f"{pulled}axial[member] = {pull}"
        elif strain == "cable" and initial:
            end = pulled.replace("force = ", "axial[member] = ")
    elif result == "tangent":
        taut = (
            "wp.where($taut, ea[member], 0.0)".replace("$taut", taut_) if strain == "cable" else "ea[member]"
        )
        along, across = {
            "engineering": (f"{taut} / l0", "force / l"),
            "logarithmic": (f"l0 * ({taut} - force) / (l * l)", "force * l0 / (l * l)"),
            "cable": (f"{taut} / l0", "force / l"),
        }.get(strain, ("", ""))
        end = pulled
        if by_gap:
            end += "# Material stiffness along the bar plus isotropic geometric stiffness\n"
            end += "material = ea[member] / (l0 * l0 * l0) * wp.outer(d, d)\n"
            end += f"K[member] = material + (force / l0) * wp.identity(n={axes}, dtype=float)"
        else:
            end += "# Material stiffness along the bar plus transverse geometric stiffness\nnn = wp.outer(n, n)\n"
            end += f"along = {along}\nacross = {across}\n"
            end += f"K[member] = along * nn + across * (wp.identity(n={axes}, dtype=float) - nn)"
    else:
        end = pulled
        push = pull
        if extra == "damping":
            end += "# Damp the axial relative velocity\nrate = wp.dot(v[j] - v[i], n)\n"
            push = f"({pull} + damping * rate)"
            if strain == "cable":
                end += "# Slack cables are not damped, taut cables never push\n"
                end += "tension = wp.where(force > 0.0, wp.max(force + damping * rate, 0.0), 0.0)\n"
                push = "tension"
        pulls = "(force / l0) * d" if by_gap else f"{push} * n"
        end += f"t = {pulls}\nwp.atomic_add(f, i, t)\nwp.atomic_sub(f, j, t)"
    hang = ""
    if extra == "gravity":
        down = ", ".join(["0.0"] * (axes - 1) + ["-0.5 * weight * l0"])
        hang = f"# Lump half the self-weight at each end\ng = wp.{vec}({down})\n"
        hang += "wp.atomic_add(f, i, g)\nwp.atomic_add(f, j, g)"
    direction = "n = d / l" if result in ("forces", "tangent") and not by_gap else ""
    d.launch(bars)
    d.code(
        """
        member = wp.tid()
        $ends
        l0 = rest[member]
        $hang
        d = x[j] - x[i]
        l = wp.length(d)
        $guard
        $direction
        $measure
        $end
        """,
        ends=ends,
        hang=hang,
        guard=guard if guarded else "",
        direction=direction,
        measure=measure,
        end=end.rstrip(),
    )
    d.says({
        "forces": {
            "none": "Accumulates axial forces of truss members at the nodes.",
            "prestress": "Accumulates axial forces of prestressed truss members at the nodes.",
            "damping": "Accumulates axial forces of damped truss members at the nodes.",
            "gravity": "Accumulates axial forces and self-weight of truss members at the nodes.",
        }[extra],
        "stress": "Computes the axial force for each bar.",
        "energy": "Computes the elastic energy per bar.",
        "tangent": "Computes the tangent stiffness matrix block for each bar.",
    }[result])  # fmt: skip
    if strain == "cable":
        d.says(re.sub("truss members|bar", lambda m: "cable" + "s" * m[0].endswith("s"), d.sentence))

    def reference(v: Values) -> dict[str, Any]:
        i, j = v.members.reshape(bars, 2).T
        gap = v.x[j] - v.x[i]
        size = np.linalg.norm(gap, axis=1)
        live = (size > 0) | (not guarded)
        le, l0 = np.where(live, np.maximum(size, 1e-30), 1.0), v.rest
        ratio = le / l0
        eps, first, second = {
            "engineering": (ratio - 1, 1 / l0, 0 * le),
            "green": (0.5 * (ratio**2 - 1), le / l0**2, 1 / l0**2),
            "logarithmic": (np.log(ratio), 1 / le, -1 / le**2),
            "cable": (np.maximum(ratio - 1, 0), 1 / l0, 0 * le),
        }[strain]
        before = v.pretension if extra == "prestress" else 0.0
        force = v.ea * eps + before
        slack = strain == "cable" and extra == "prestress"
        if slack:
            eps = ratio - 1
            force = np.maximum(v.ea * eps + before, 0.0)
        if result == "stress":
            return {"axial": live * l0 * force * first}
        if result == "energy":
            if slack:
                return {"energy": live * l0 * force**2 / (2 * v.ea)}
            return {"energy": live * l0 * (0.5 * v.ea * eps**2 + before * eps)}
        n = gap / le[:, None]
        # the energy's slope along the bar, and the slope of that
        slope = l0 * force * first
        if result == "tangent":
            stiff = v.ea * ((force > 0) if slack else (ratio > 1)) if strain == "cable" else v.ea
            curve = l0 * (stiff * first**2 + force * second)
            nn = n[:, :, None] * n[:, None, :]
            made = curve[:, None, None] * nn + (slope / le)[:, None, None] * (np.eye(axes) - nn)
            return {"K": live[:, None, None] * made}
        if extra == "damping":
            slope = slope + v.damping * ((v.v[j] - v.v[i]) * n).sum(axis=1)
            if strain == "cable":
                slope = np.where(ratio > 1, np.maximum(slope, 0.0), 0.0)
        pull_ = live[:, None] * slope[:, None] * n
        made = np.zeros((nodes, axes))
        np.add.at(made, i, pull_)
        np.add.at(made, j, -pull_)
        if extra == "gravity":
            for end_ in (i, j):
                np.add.at(made[:, -1], end_, -0.5 * v.weight * l0)
        return {"f": made}

    d.check(reference, 1e-3)
