"""Solves that preconditioners are made of: levels of triangles and diagonal blocks."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.sparse import DOMAIN
from warpgen.synthesis.library import compressed
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = compressed.NAMES | {
    "x": "x_old|iterate",
    "y": "x_new|x_next",
    "s": "sigma|off_diag|acc|rest",
    "diag": "diagonal|main_diag",
    "omega": "relaxation|weight|w",
    "inv_diag": "dinv|inverse_diagonal|diag_inv",
}


@DOMAIN.algorithm(
    source="Anderson & Saad 1989; Naumov 2011, Parallel Solution of Sparse Triangular Linear Systems",
    names=_NAMES
    | {
        "triangular_level": "solve_level|sptrsv_level|substitute_level|level_solve",
        "original": "perm|level_order",
        "x": "solution|z",
        "s": "rest|acc",
    },
    adjoint="no",
    double=True,
)
def triangular_level(d: Draft) -> None:
    """Solves one level of a sparse triangular system (level scheduling)."""
    layout = d.option("layout", "arrays", "struct")
    diagonal = d.option("diagonal", "array", "unit", "inverse")
    entry = d.option("entry", "float", "vec3")
    rows = d.option("rows", "permuted", "in order")
    order = d.option("order", "for", "while")
    ready = d.pick(24, 32, 40)
    known = d.pick(24, 36)
    n = ready + known
    # the rows of earlier levels come first, then those of this level, whose columns are all earlier
    a = compressed.declare(d, n, known, n * d.pick(3, 4), layout, "float", -0.8, 0.8)
    if rows == "permuted":
        d.input("original", "int", n, kind="permutation", about="Original row index per row in level order")
    d.param("first_row", "int", known, about="Index of the first row in the level")
    if diagonal != "unit":
        about = "Matrix diagonal" if diagonal == "array" else "Inverse matrix diagonal"
        d.input("diag" if diagonal == "array" else "inv_diag", "float", n, 0.5, 2.0, about=about)
    unit = " with unit diagonal" if diagonal == "unit" else ""
    d.says(f"Solves one level of a sparse triangular system{unit} (level scheduling).")
    d.explain(
        """
        The matrix contains off-diagonal entries only. Rows of a level only depend on earlier levels, whose
        unknowns are already stored in `x`.$permuted
    """.replace("$permuted", " All arrays except `b` are in level order." if rows == "permuted" else "")
    )
    about = "Right-hand side in original row order" if rows == "permuted" else "Right-hand side"
    d.input("b", entry, n, -1.0, 1.0, about=about)
    d.inout("x", entry, n, -1.0, 1.0, about="Solution")
    loop = {
        "for": "for k in range($offsets[row], $offsets[row + 1]):\n    $term",
        "while": "k = $offsets[row]\nwhile k < $offsets[row + 1]:\n    $term\n    k += 1",
    }[order]
    loop = loop.replace("$offsets", a.text["offsets"])
    value = {"array": "s / diag[row]", "unit": "s", "inverse": "inv_diag[row] * s"}[diagonal]
    d.launch(ready)
    d.code(
        """
        tid = wp.tid()
        row = first_row + tid
        s = b[$given]
        $loop
        x[row] = $value
        """,
        given="original[row]" if rows == "permuted" else "row",
        loop=loop,
        term=f"s -= {a.text['values']}[k] * x[{a.text['columns']}[k]]",
        value=value,
    )

    def reference(v: Values) -> dict[str, Any]:
        right = (v.b[v.original] if rows == "permuted" else v.b) - a.dense(v) @ v.x[:known]
        scale = np.ones(n)
        if diagonal != "unit":
            scale = 1.0 / v.diag if diagonal == "array" else v.inv_diag
        new = right * scale.reshape(-1, *[1] * (right.ndim - 1))
        return {"x": np.concatenate([v.x[:known], new[known:]])}

    d.check(reference)


@DOMAIN.algorithm(
    source="Saad 2003, section 4.1.1 (block relaxation schemes)",
    names=_NAMES
    | {
        "block_jacobi": "apply_block_jacobi|block_diag_precond|precondition_blocks|block_solve",
        "blocks": "diag_blocks|dblocks|block_diag",
        "r": "residual|res",
        "z": "preconditioned|z_out",
        "m": "block",
    },
    double=True,
    weight=2,
)
def block_jacobi(d: Draft) -> None:
    """Applies a block Jacobi preconditioner."""
    size = d.option("size", 2, 3, 4)
    way = d.option("way", "inverse", "cholesky", "ldl")
    shift = d.flag("shift", 0.4)
    scaled = d.option("residual", "given", "two vectors")
    n = d.pick(64, 96, 120)
    if way != "inverse" and size == 4:
        way = "inverse"
    kind = f"{size}{size}"
    d.input("blocks", f"mat{kind}", n, 0.5, 3.0, kind="spd", about="Diagonal blocks")
    if scaled == "two vectors":
        d.input("b", f"vec{size}", n, -1.0, 1.0, about="Right-hand side")
        d.input("ax", f"vec{size}", n, -1.0, 1.0, about="Matrix times the current solution")
        right = "b[tid] - ax[tid]"
    else:
        d.input("r", f"vec{size}", n, -1.0, 1.0, about="Residual")
        right = "r[tid]"
    if shift:
        d.param("mu", "float", 0.1, 0.5, about="Diagonal shift")
    d.says(
        "Applies a block Jacobi preconditioner"
        + (" with shifted blocks" if shift else "")
        + (" to the residual of a linear system." if scaled == "two vectors" else ".")
    )
    d.output("z", f"vec{size}", n, about="Preconditioned residual")
    block = "blocks[tid]"
    if shift:
        block += f" + mu * wp.identity(n={size}, dtype=float)"
    if way == "inverse":
        body = (
            f"m = {block}\nz[tid] = wp.inverse(m) * ({right})"
            if shift
            else f"z[tid] = wp.inverse({block}) * ({right})"
        )
        body = body.replace("(r[tid])", "r[tid]")
    elif way == "cholesky" and size == 2:
        body = f"""
        m = {block}
        f = {right}
        # `m` = L L^T
        l00 = wp.sqrt(m[0, 0])
        l10 = m[1, 0] / l00
        l11 = wp.sqrt(m[1, 1] - l10 * l10)
        u0 = f[0] / l00
        u1 = (f[1] - l10 * u0) / l11
        z1 = u1 / l11
        z[tid] = wp.vec2((u0 - l10 * z1) / l00, z1)
        """
    elif way == "cholesky":
        body = f"""
        m = {block}
        f = {right}
        # Cholesky factorization `m` = L L^T, row by row
        l00 = wp.sqrt(m[0, 0])
        l10 = m[1, 0] / l00
        l20 = m[2, 0] / l00
        l11 = wp.sqrt(m[1, 1] - l10 * l10)
        l21 = (m[2, 1] - l20 * l10) / l11
        l22 = wp.sqrt(m[2, 2] - l20 * l20 - l21 * l21)
        # Forward substitution L u = f, then backward substitution L^T z = u
        u0 = f[0] / l00
        u1 = (f[1] - l10 * u0) / l11
        u2 = (f[2] - l20 * u0 - l21 * u1) / l22
        z2 = u2 / l22
        z1 = (u1 - l21 * z2) / l11
        z0 = (u0 - l10 * z1 - l20 * z2) / l00
        z[tid] = wp.vec3(z0, z1, z2)
        """
    elif size == 2:
        body = f"""
        m = {block}
        f = {right}
        # Factorize `m` = L D L^T to avoid square roots
        l10 = m[1, 0] / m[0, 0]
        d1 = m[1, 1] - l10 * m[1, 0]
        z1 = (f[1] - l10 * f[0]) / d1
        z[tid] = wp.vec2(f[0] / m[0, 0] - l10 * z1, z1)
        """
    else:
        body = f"""
        m = {block}
        f = {right}
        # Factorize `m` = L D L^T to avoid square roots
        d0 = m[0, 0]
        l10 = m[1, 0] / d0
        l20 = m[2, 0] / d0
        d1 = m[1, 1] - l10 * m[1, 0]
        c21 = m[2, 1] - l20 * m[1, 0]
        l21 = c21 / d1
        d2 = m[2, 2] - l20 * m[2, 0] - l21 * c21
        u1 = f[1] - l10 * f[0]
        u2 = f[2] - l20 * f[0] - l21 * u1
        z2 = u2 / d2
        z1 = u1 / d1 - l21 * z2
        z[tid] = wp.vec3(f[0] / d0 - l10 * z1 - l20 * z2, z1, z2)
        """
    d.launch(n)
    d.code("tid = wp.tid()\n$body", body=body)

    def reference(v: Values) -> dict[str, Any]:
        m = v.blocks + (v.mu * np.eye(size) if shift else 0.0)
        f = v.b - v.ax if scaled == "two vectors" else v.r
        return {"z": np.linalg.solve(m, f[..., None])[..., 0]}

    d.check(reference)
