"""Affine bodies: nearly rigid ones with a matrix for an orientation."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rigid_body import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Lan et al. 2022 (affine body dynamics), eq. 4 to 9",
    names={
        "affine_body_energy": "abd_energy|orthogonality_energy|affine_potential|abd_gradient",
        "a": "A|affine|body_affine",
        "kappa": "stiffness|k_abd|rigidity",
        "vol": "volume|body_volume",
        "gradient": "grad|dE_dA|grad_A",
        "energy": "potential|energy_out",
        "strain": "ortho_err|deviation|e_mat",
    },
    double=True,
    weight=5,
)
def affine_body_energy(d: Draft) -> None:
    """Evaluates the orthogonality potential of affine bodies (ABD)."""
    wanted = d.option("wanted", "gradient", "energy", "force and energy")
    d.calls({
        "gradient": "abd_gradient|affine_gradient|affine_body_gradient",
        "energy": "abd_energy|affine_potential|affine_body_energy",
        "force and energy": "abd_energy_and_gradient|affine_energy_gradient|evaluate_affine_bodies",
    }[wanted])  # fmt: skip
    form = d.option("form", "matrix", "columns")
    law = d.option("law", "orthogonality", "stable volume", "corotated")
    volumes = d.option("volume", "each", "one")
    layout = d.option("layout", "matrices", "vectors")
    count = d.pick(64, 96, 128)
    if law == "corotated":
        form = "matrix"
        d.input(
            "closest",
            "mat33",
            count,
            kind="rotation",
            about="Rotation factors R, with affine matrices A = R S",
        )
        d.input(
            "stretch",
            "mat33",
            count,
            0.8,
            1.2,
            kind="spd",
            about="Stretch factors S, with affine matrices A = R S",
        )
    elif layout == "matrices":
        d.input("a", "mat33", count, -1.0, 1.0, about="Affine matrices, one per body")
    else:
        d.input(
            "cols",
            "vec3",
            (count, 3),
            -1.0,
            1.0,
            about="Affine matrix columns, shape (num_bodies, 3)",
        )
    if volumes == "each":
        d.input("vol", "float", count, 0.2, 2.0, about="Body volumes [m^3]")
    else:
        d.param("vol", "float", 0.2, 2.0, about="Body volume [m^3]")
    d.param("kappa", "float", 1.0e4, 1.0e5, about="Potential stiffness [Pa]")
    if wanted != "energy":
        d.output("gradient", "mat33", count, about="Potential gradient w.r.t. the affine matrix")
    if wanted != "gradient":
        d.output("energy", "float", count, about="Per-body potential energy [J]")
    if form == "columns" and law == "stable volume":
        form = "matrix"
    scale = f"kappa * {'vol[tid]' if volumes == 'each' else 'vol'}"
    read = (
        "m = a[tid]"
        if layout == "matrices"
        else "m = wp.matrix_from_cols(cols[tid, 0], cols[tid, 1], cols[tid, 2])"
    )
    apart = law == "stable volume" and layout == "vectors" and wanted != "energy"
    if apart:
        read = "\n".join(f"m{n} = cols[tid, {n}]" for n in range(3)) + "\nm = wp.matrix_from_cols(m0, m1, m2)"
    if form == "columns":
        read = (
            "\n".join(
                ["m = a[tid]"]
                + [f"c{n} = wp.vec3({', '.join(f'm[{r}, {n}]' for r in range(3))})" for n in range(3)]
            )
            if layout == "matrices"
            else "\n".join(f"c{n} = cols[tid, {n}]" for n in range(3))
        )
        body = """
        # Orthogonality: rotation matrices have unit-length, pairwise orthogonal columns
        s00 = wp.dot(c0, c0) - 1.0
        s11 = wp.dot(c1, c1) - 1.0
        s22 = wp.dot(c2, c2) - 1.0
        s01 = wp.dot(c0, c1)
        s02 = wp.dot(c0, c2)
        s12 = wp.dot(c1, c2)
        """
        value = "s00 * s00 + s11 * s11 + s22 * s22 + 2.0 * (s01 * s01 + s02 * s02 + s12 * s12)"
        slope = """
        g0 = 4.0 * (s00 * c0 + s01 * c1 + s02 * c2)
        g1 = 4.0 * (s01 * c0 + s11 * c1 + s12 * c2)
        g2 = 4.0 * (s02 * c0 + s12 * c1 + s22 * c2)
        gradient[tid] = $scale * wp.matrix_from_cols(g0, g1, g2)
        """
    elif law == "orthogonality":
        body = "# A^T A - I, zero for rotations and reflections\nstrain = wp.transpose(m) * m - wp.identity(n=3, dtype=float)"
        value = "wp.ddot(strain, strain)"
        slope = "gradient[tid] = 4.0 * $scale * m * strain"
    elif law == "corotated":
        read = "r = closest[tid]"
        body = "# Deviation from the closest rotation, i.e. R from the polar decomposition\ndev = r * stretch[tid] - r"
        value = "wp.ddot(dev, dev)"
        slope = "gradient[tid] = 2.0 * $scale * dev"
    else:
        body = """
        strain = wp.transpose(m) * m - wp.identity(n=3, dtype=float)
        # Penalize det(A) - 1 as well, because the first term cannot detect reflections
        grow = wp.determinant(m) - 1.0
        """
        value = "wp.ddot(strain, strain) + grow * grow"
        columns = """
        m0 = wp.vec3(m[0, 0], m[1, 0], m[2, 0])
        m1 = wp.vec3(m[0, 1], m[1, 1], m[2, 1])
        m2 = wp.vec3(m[0, 2], m[1, 2], m[2, 2])"""
        slope = (
            ("" if apart else columns)
            + """
        cof = wp.matrix_from_cols(wp.cross(m1, m2), wp.cross(m2, m0), wp.cross(m0, m1))
        gradient[tid] = $scale * (4.0 * m * strain + 2.0 * grow * cof)
        """
        )
    d.launch(count)
    d.code(
        "tid = wp.tid()\n$read\n$body\n$energy\n$gradient",
        read=read,
        body=body,
        energy=f"energy[tid] = {scale} * {value if ' + ' not in value else f'({value})'}"
        if wanted != "gradient"
        else "",
        gradient=slope if wanted != "energy" else "",
        scale=scale,
    )
    of = "corotated" if law == "corotated" else "orthogonality"
    more = " with a volume-change penalty" if law == "stable volume" else ""
    what = {
        "gradient": f"the gradient of the {of} potential{more}",
        "energy": f"the {of} potential{more}",
        "force and energy": f"the {of} potential{more} and its gradient",
    }
    d.says(f"Evaluates {what[wanted]} of affine bodies (ABD).")

    def reference(v: Values) -> dict[str, Any]:
        if law == "corotated":
            m = v.closest @ v.stretch
        else:
            m = v.a if layout == "matrices" else np.swapaxes(v.cols, -1, -2)

        def energy(m: Any) -> Any:
            if law == "corotated":
                return ((np.linalg.svd(m, compute_uv=False) - 1.0) ** 2).sum(-1)
            e = ((np.swapaxes(m, -1, -2) @ m - np.eye(3)) ** 2).sum((-1, -2))
            return e + (np.linalg.det(m) - 1.0) ** 2 if law == "stable volume" else e

        made = {"energy": v.kappa * v.vol * energy(m)} if wanted != "gradient" else {}
        if wanted != "energy":
            slope_ = np.zeros_like(m)
            for i, j in np.ndindex(3, 3):
                step = np.zeros((3, 3))
                step[i, j] = 1e-5
                slope_[:, i, j] = (energy(m + step) - energy(m - step)) / 2e-5
            made["gradient"] = v.kappa * np.broadcast_to(v.vol, count)[:, None, None] * slope_
        return made

    d.check(reference, 3e-4)
