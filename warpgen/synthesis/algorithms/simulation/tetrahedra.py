"""Tetrahedra as pairs of constraints: extended position-based dynamics of a neo-Hookean solid."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.simulation import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_SHAPE = {
    "neo-hookean": """
        # Deviatoric constraint C = sqrt(tr(F^T F)), gradient is F / C
        shape = wp.sqrt(wp.ddot(F, F))
        shape_grad = F / wp.max(shape, 1.0e-6)
    """,
    "green": """
        # Frobenius norm of the Green strain E = (F^T F - 1) / 2, gradient F E / C
        strain = 0.5 * (wp.transpose(F) * F - wp.identity(n=3, dtype=float))
        shape = wp.sqrt(wp.ddot(strain, strain)) + 1.0e-6
        shape_grad = F * strain / shape
    """,
}


@DOMAIN.algorithm(
    source="Macklin & Müller 2021 (constraint-based neo-Hookean elasticity); Macklin et al. 2016 (XPBD)",
    names={
        "solve_tetrahedra": "xpbd_tets|solve_tets|project_tetrahedra|tet_constraints",
        "x": "pos|particle_q|positions",
        "x_prev": "pos_prev|particle_q_prev|x_old",
        "inv_mass": "w|particle_inv_mass|inv_m",
        "tet": "tet_indices|tets|elements",
        "rest_inverse": "tet_pose|dm_inv|inv_dm",
        "delta": "deltas|particle_delta|corrections",
        "F": "def_grad|deformation",
        "shape": "c_shape|shape_error",
        "volume_error": "c_vol|c_hyd",
        "activation": "tet_activation|actuation",
    },
    weight=3,
)
def solve_tetrahedra(d: Draft) -> None:
    """Projects deviatoric and volume constraints for tetrahedra using XPBD."""
    law = d.option("shape", *_SHAPE)
    which = d.option("constraints", "both", "shape", "volume", weights=(0.6, 0.2, 0.2))
    coupling = d.option("order", "one after the other", "coupled") if which == "both" else "single"
    stiffness = d.option("stiffness", "lame", "compliance")
    damping = d.flag("damping", 0.35)
    inverted = d.option("inverted", "none", "skip") if which == "volume" else "none"
    actuated = d.flag("activation", 0.3) and which != "shape"
    relax = d.option("relaxation", "none", "one", "count")
    layout = d.option("indices", "rows", "vector")
    broken = d.flag("broken", 0.3)
    nodes, count = d.pick(24, 32), d.pick(32, 48)
    d.input("x", "vec3", nodes, -1.0, 1.0, about="Predicted positions [m]")
    if damping:
        d.input("x_prev", "vec3", nodes, -1.0, 1.0, about="Positions at the start of the sub-step [m]")
        d.param("damping_coeff", "float", 0.1, 0.5, about="XPBD damping coefficient gamma = alpha beta / dt")
    d.input("inv_mass", "float", nodes, 0.2, 1.0, about="Inverse masses [1/kg]")
    if layout == "rows":
        d.input("tet", "int", (count, 4), 0, nodes, about="Vertex indices per tetrahedron")
    else:
        d.input("tet", "vec4i", count, 0, nodes, about="Vertex indices per tetrahedron")
    d.input(
        "rest_inverse", "mat33", count, 0.7, 1.5, kind="spd", about="Inverse rest-shape matrices Dm^-1 [1/m]"
    )
    if stiffness == "lame":
        d.param("mu", "float", 200.0, 1000.0, about="Lame parameter mu [Pa]")
        d.param("lam", "float", 500.0, 3000.0, about="Lame parameter lambda [Pa]")
    else:
        d.param(
            "shape_compliance",
            "float",
            1.0e-4,
            1.0e-3,
            about=f"{'Deviatoric' if law == 'neo-hookean' else 'Strain'} compliance [1/Pa]",
        )
        d.param("volume_compliance", "float", 1.0e-5, 1.0e-4, about="Volumetric compliance [1/Pa]")
    if actuated:
        d.input(
            "activation",
            "float",
            count,
            -0.2,
            0.2,
            about="Per-element activation, relative rest volume change",
        )
    if broken:
        d.mask("is_broken", "bool", count, rare=True, about="Mask of removed tetrahedra")
    if relax == "one":
        d.param("relaxation", "float", 0.3, 0.8, about="Jacobi under-relaxation factor")
    elif relax == "count":
        d.input("tet_count", "int", nodes, 1, 8, about="Number of incident tetrahedra per vertex")
    d.param("dt", "float", 0.01, 0.03, about="Substep [s]")
    d.output("delta", "vec3", nodes, about="Accumulated position corrections [m]")
    indices = "\n".join(
        f"{n} = tet[tid, {k}]" if layout == "rows" else f"{n} = tet[tid][{k}]" for k, n in enumerate("ijkl")
    )
    rest = " - 1.0"
    shifted = law == "neo-hookean" and which == "both"
    ratio = "mu / lam" if stiffness == "lame" else "volume_compliance / shape_compliance"
    if shifted:
        rest = f" - (1.0 + {ratio})"
    if actuated:
        rest += " - activation[tid]"
    soften = {
        # mu |E|^2 of St. Venant and Kirchhoff has no half before it
        "lame": (
            f"1.0 / ({'2.0 * ' if law == 'green' else ''}mu * rest_volume * dt * dt)",
            "1.0 / (lam * rest_volume * dt * dt)",
        ),
        "compliance": (
            "shape_compliance / (rest_volume * dt * dt)",
            "volume_compliance / (rest_volume * dt * dt)",
        ),
    }[stiffness]
    shift = "# Shift the rest volume so that the element is stress-free at rest\n" if shifted else ""
    volume = f"""
        {shift}volume_error = {"J" if inverted == "skip" else "wp.determinant(F)"}{rest}
        # dJ/dF is the cofactor matrix
        f0 = wp.vec3(F[0, 0], F[1, 0], F[2, 0])
        f1 = wp.vec3(F[0, 1], F[1, 1], F[2, 1])
        f2 = wp.vec3(F[0, 2], F[1, 2], F[2, 2])
        volume_grad = wp.matrix_from_cols(wp.cross(f1, f2), wp.cross(f2, f0), wp.cross(f0, f1))
    """.replace("rest\nvolume", "rest\n        volume")
    grown = ("(1.0 + damping_coeff) * (", ")") if damping else ("", "")

    def gradients(name: str) -> str:
        p = name[0]
        return (
            f"{p}_grads = {name}_grad * wp.transpose(pose)\n"
            f"{p}1 = wp.vec3({p}_grads[0, 0], {p}_grads[1, 0], {p}_grads[2, 0])\n"
            f"{p}2 = wp.vec3({p}_grads[0, 1], {p}_grads[1, 1], {p}_grads[2, 1])\n"
            f"{p}3 = wp.vec3({p}_grads[0, 2], {p}_grads[1, 2], {p}_grads[2, 2])\n"
            f"{p}0 = -({p}1 + {p}2 + {p}3)\n"
        )

    def weight(p: str) -> str:
        return grown[0] + " + ".join(f"w{k} * wp.dot({p}{k}, {p}{k})" for k in range(4)) + grown[1]

    def damp(p: str, c: str) -> str:
        if not damping:
            return ""
        moved = " + ".join(f"wp.dot({p}{k}, x[{n}] - x_prev[{n}])" for k, n in enumerate("ijkl"))
        return f"{c} += damping_coeff * ({moved})\n"

    parts: list[str] = []
    if which in ("both", "shape"):
        parts.append(
            _block(_SHAPE[law])
            + gradients("shape")
            + f"alpha_s = {soften[0]}\nweight_s = {weight('s')}\n"
            + damp("s", "shape")
        )
    if which in ("both", "volume"):
        parts.append(
            _block(volume)
            + gradients("volume")
            + f"alpha_v = {soften[1]}\nweight_v = {weight('v')}\n"
            + damp("v", "volume_error")
        )
    cross = grown[0] + " + ".join(f"w{k} * wp.dot(s{k}, v{k})" for k in range(4)) + grown[1]
    if coupling == "coupled":
        solve = f"""
        # Solve the coupled 2x2 system using Cramer's rule
        mixed = {cross}
        a = weight_s + alpha_s
        b = weight_v + alpha_v
        det = a * b - mixed * mixed
        lambda_s = -(b * shape - mixed * volume_error) / det
        lambda_v = -(a * volume_error - mixed * shape) / det
        """
    elif which == "both":
        solve = f"""
        lambda_s = -shape / (weight_s + alpha_s)
        # Account for the volume change due to the shape correction (first order)
        mixed = {cross}
        lambda_v = -(volume_error + lambda_s * mixed) / (weight_v + alpha_v)
        """
    else:
        p, c = ("s", "shape") if which == "shape" else ("v", "volume_error")
        solve = f"lambda_{p} = -{c} / (weight_{p} + alpha_{p})"
    scale = {"none": "", "one": " * relaxation", "count": " / float(tet_count[$n])"}[relax]
    push = []
    for k, n in enumerate("ijkl"):
        move = {
            "both": f"lambda_s * s{k} + lambda_v * v{k}",
            "shape": f"lambda_s * s{k}",
            "volume": f"lambda_v * v{k}",
        }[which]
        move = f"({move})" if which == "both" else move
        push.append(f"wp.atomic_add(delta, {n}, w{k} * {move}{scale.replace('$n', n)})")
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        $broken
        $indices
        w0 = inv_mass[i]
        w1 = inv_mass[j]
        w2 = inv_mass[k]
        w3 = inv_mass[l]
        pose = rest_inverse[tid]
        F = wp.matrix_from_cols(x[j] - x[i], x[k] - x[i], x[l] - x[i]) * pose
        $skip
        # Tetrahedron rest volume is 1/6 of the parallelepiped volume
        rest_volume = 1.0 / (6.0 * wp.determinant(pose))
        $parts
        $solve
        $push
        """,
        broken="if is_broken[tid]:\n    return" if broken else "",
        indices=indices,
        skip="# Skip flat and inverted elements\nJ = wp.determinant(F)\nif J < 1.0e-4:\n    return"
        if inverted == "skip"
        else "",
        parts="".join(parts).rstrip(),
        solve=solve,
        push="\n".join(push),
    )
    also = ["damping"] * damping + ["activation"] * actuated
    told = "deviatoric" if law == "neo-hookean" else "Green strain"
    d.says(
        {
            "both": f"Computes {told} and volume constraint corrections for tetrahedra (XPBD).",
            "shape": f"Computes {told} constraint corrections for tetrahedra (XPBD).",
            "volume": "Computes volume constraint corrections for tetrahedra (XPBD).",
        }[which].replace(" (XPBD)", f", with {' and '.join(also)} (XPBD)" if also else " (XPBD)")
    )
    twice = "2 " if law == "green" else ""
    soft_ = {
        ("both", "lame"): f"compliances are 1 / ({twice}mu V) and 1 / (lambda V)",
        ("shape", "lame"): f"the compliance is 1 / ({twice}mu V)",
        ("volume", "lame"): "the compliance is 1 / (lambda V)",
    }.get((which, stiffness), "compliances are divided by V")
    d.explain(f"For rest volume V, {soft_}. Corrections are accumulated and applied in a separate pass.")

    def value(f: Any, shift: Any) -> Any:
        """Both constraints of one tetrahedron."""
        if law == "neo-hookean":
            c = np.sqrt((f**2).sum())
        else:
            e = 0.5 * (f.T @ f - np.eye(3))
            c = np.sqrt((e**2).sum()) + 1e-6
        return np.array([c, np.linalg.det(f) - shift])

    def reference(v: Values) -> dict[str, Any]:
        made = np.zeros((nodes, 3))
        used = {"both": [0, 1], "shape": [0], "volume": [1]}[which]
        for t in range(count):
            ids = v.tet[t]
            if broken and v.is_broken[t]:
                continue
            p, pose = v.x[ids], v.rest_inverse[t]

            def both(q: Any, pose: Any = pose, t: int = t) -> Any:
                shift = 1.0 + (v.activation[t] if actuated else 0.0)
                if shifted and stiffness == "lame":
                    shift += v.mu / v.lam
                elif shifted:
                    shift += v.volume_compliance / v.shape_compliance
                return value((q[1:] - q[0]).T @ pose, shift)

            if inverted == "skip" and np.linalg.det((p[1:] - p[0]).T @ pose) < 1e-4:
                continue
            grads, h = np.zeros((2, 4, 3)), 1e-5
            for a in range(4):
                for b in range(3):
                    step = np.zeros((4, 3))
                    step[a, b] = h
                    grads[:, a, b] = (both(p + step) - both(p - step)) / (2.0 * h)
            c = both(p)
            if damping:
                c = c + v.damping_coeff * np.einsum("kab,ab->k", grads, p - v.x_prev[ids])
            volume_ = 1.0 / (6.0 * np.linalg.det(pose))
            soft = np.zeros(2)
            if which != "volume":
                soft[0] = (
                    1.0 / (v.mu * (2.0 if law == "green" else 1.0))
                    if stiffness == "lame"
                    else v.shape_compliance
                )
            if which != "shape":
                soft[1] = 1.0 / v.lam if stiffness == "lame" else v.volume_compliance
            w = v.inv_mass[ids]
            matrix = np.einsum("kab,a,lab->kl", grads, w, grads)
            matrix = matrix * (1.0 + (v.damping_coeff if damping else 0.0))
            matrix = matrix + np.diag(soft) / (volume_ * v.dt**2)
            if coupling == "one after the other":
                matrix[0, 1] = 0.0
            lam_ = np.zeros(2)
            lam_[used] = np.linalg.solve(matrix[np.ix_(used, used)], -c[used])
            move = w[:, None] * np.einsum("k,kab->ab", lam_, grads)
            if relax == "one":
                move = move * v.relaxation
            elif relax == "count":
                move = move / v.tet_count[ids][:, None]
            np.add.at(made, ids, move)
        return {"delta": made}

    d.check(reference, 4e-3)


def _block(text: str) -> str:
    """A block of lines as it stands at the margin."""
    return textwrap.dedent(text.strip("\n")).rstrip() + "\n"
