"""Factors of matrices that are larger than a tile, block by block."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.linear_algebra import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, dedented

_LOAD = "wp.tile_load({}, shape=(TILE, TILE), offset=({} * TILE, {} * TILE){})"
_SHARED = ', storage="shared"'
_ORDERS = {
    "left looking": f"""
        for k in range(blocks):
            pivot = {_LOAD.format("matrices[m]", "k", "k", _SHARED)}
            # Update the block column using all previously factored columns
            for j in range(k):
                left = {_LOAD.format("factors[m]", "k", "j", "")}
                wp.tile_matmul(left, wp.tile_transpose(left), pivot, alpha=-1.0)
            $corner
            for i in range(k + 1, blocks):
                panel = {_LOAD.format("matrices[m]", "i", "k", _SHARED)}
                for j in range(k):
                    l_ij = {_LOAD.format("factors[m]", "i", "j", "")}
                    l_kj = {_LOAD.format("factors[m]", "k", "j", "")}
                    wp.tile_matmul(l_ij, wp.tile_transpose(l_kj), panel, alpha=-1.0)
                $panel
    """,
    "right looking": f"""
        for k in range(blocks):
            pivot = {_LOAD.format("factors[m]", "k", "k", _SHARED)}
            $corner
            for i in range(k + 1, blocks):
                panel = {_LOAD.format("factors[m]", "i", "k", _SHARED)}
                $panel
            # Update the trailing matrix using the new block column
            for i in range(k + 1, blocks):
                l_ik = {_LOAD.format("factors[m]", "i", "k", "")}
                for j in range(k + 1, i + 1):
                    l_jk = {_LOAD.format("factors[m]", "j", "k", "")}
                    rest = {_LOAD.format("factors[m]", "i", "j", _SHARED)}
                    wp.tile_matmul(l_ik, wp.tile_transpose(l_jk), rest, alpha=-1.0)
                    wp.tile_store(factors[m], rest, offset=(i * TILE, j * TILE))
    """,
}
_PANELS = {
    "lower solve": """
        # L_ik = A_ik L_kk^-T, solve for the transposed block
        solved = wp.tile_lower_solve(corner, wp.tile_transpose(panel))
        wp.tile_store(factors[m], wp.tile_transpose(solved), offset=(i * TILE, k * TILE))
    """,
    "in place": """
        # L_ik = A_ik L_kk^-T; solve in place on a transposed view
        wp.tile_lower_solve_inplace(corner, wp.tile_transpose(panel))
        wp.tile_store(factors[m], panel, offset=(i * TILE, k * TILE))
    """,
}
_SOLVE = f"""
    # Forward substitution: L y = b
    for k in range(blocks):
        y = wp.tile_load(rhs[m], shape=(TILE, RHS), offset=(k * TILE, 0), storage="shared")
        for j in range(k):
            left = {_LOAD.format("factors[m]", "k", "j", "")}
            known = wp.tile_load(rhs[m], shape=(TILE, RHS), offset=(j * TILE, 0))
            wp.tile_matmul(left, known, y, alpha=-1.0)
        corner = {_LOAD.format("factors[m]", "k", "k", "")}
        wp.tile_store(rhs[m], wp.tile_lower_solve(corner, y), offset=(k * TILE, 0))
    # Back substitution: L^T x = y
    for back in range(blocks):
        k = blocks - 1 - back
        x = wp.tile_load(rhs[m], shape=(TILE, RHS), offset=(k * TILE, 0), storage="shared")
        for i in range(k + 1, blocks):
            under = {_LOAD.format("factors[m]", "i", "k", "")}
            known = wp.tile_load(rhs[m], shape=(TILE, RHS), offset=(i * TILE, 0))
            wp.tile_matmul(wp.tile_transpose(under), known, x, alpha=-1.0)
        corner = {_LOAD.format("factors[m]", "k", "k", "")}
        wp.tile_store(rhs[m], wp.tile_upper_solve(wp.tile_transpose(corner), x), offset=(k * TILE, 0))
"""
_LOG_DET = f"""
    # Accumulate log det(A) = 2 * sum(log(diag(L)))
    log_det = float(0.0)
    for k in range(blocks):
        corner = {_LOAD.format("factors[m]", "k", "k", _SHARED)}
        for e in range(TILE):
            log_det += 2.0 * wp.log(corner[e, e])
    log_dets[m] = log_det
"""
_CLEAR = """
    # Clear the blocks above the diagonal
    for i in range(blocks):
        for j in range(i + 1, blocks):
            zero = wp.tile_zeros(shape=(TILE, TILE), dtype=float)
            wp.tile_store(factors[m], zero, offset=(i * TILE, j * TILE))
"""


@DOMAIN.algorithm(
    source="Golub & Van Loan 2013, sec. 4.2.9 and alg. 4.2.4; Anderson et al. 1999 (LAPACK potrf); Warp manual, Tiles",
    names={
        "factored_blocks": "blocked_cholesky|block_factorize|potrf_tiled|panel_cholesky",
        "matrices": "mats|a_in",
        "factors": "lower|chol|cholesky_factors",
        "corner": "l_kk|diag_factor|block_factor",
        "pivot": "a_kk|diag_block",
        "panel": "a_ik|strip|column_block",
        "rest": "trailing|a_ij|remainder",
        "TILE": "BLOCK|NB|BLOCK_SIZE",
        "shift": "ridge|diag_shift|loading",
        "m": "batch|system|b",
    },
    adjoint="no",
    weight=6,
)
def factored_blocks(d: Draft) -> None:
    """Computes a blocked Cholesky factorization for symmetric matrices with shifted diagonals."""
    order = d.option("order", *_ORDERS)
    result = d.option("result", "factor", "solution", "log determinant", "both")
    d.calls({
        "factor": "blocked_cholesky|block_factorize|potrf_tiled|panel_cholesky",
        "solution": "blocked_cholesky_solve|solve_spd_blocked|block_solve",
        "log determinant": "blocked_log_det|cholesky_log_det|log_determinants",
        "both": "solve_and_log_det|blocked_cholesky_solve|cholesky_solve_log_det",
    }[result])  # fmt: skip
    loading = d.option("loading", "per row", "shared", "scalar")
    panel = d.option("panel", *_PANELS)
    many = d.flag("several right-hand sides", 0.4) and result in ("solution", "both")
    right = order == "right looking"
    cleared = right and d.flag("cleared", 0.5) and result == "factor"
    tile, blocks, batch = d.pick(4, 6, 8), d.pick(2, 3), d.pick(2, 3)
    n, width = tile * blocks, d.pick(2, 3) if many else 1
    solves, measures = result in ("solution", "both"), result in ("log determinant", "both")
    d.module(f"TILE = wp.constant({tile})" + (f"\nRHS = wp.constant({width})" if many else ""))
    held = "factors" if right else "matrices"
    about = "input matrices (lower triangle, without the shift)"
    if right:
        d.inout(held, "float", (batch, n, n), -0.3, 0.3, about=f"{about}, overwritten with the factors")
    else:
        d.input(held, "float", (batch, n, n), -0.3, 0.3, about=about)
    if loading == "scalar":
        d.param("shift", "float", 4.0, 6.0, about="diagonal shift")
    else:
        shape = (batch, n) if loading == "per row" else n
        d.input("shift", "float", shape, 4.0, 6.0, about="diagonal shift")
    if solves:
        d.inout(
            "rhs",
            "float",
            (batch, n, width),
            -1.0,
            1.0,
            about="right-hand sides, overwritten with the solutions",
        )
    if not right:
        d.output("factors", "float", (batch, n, n), about="lower triangular factors")
    if measures:
        d.output("log_dets", "float", batch, about="log-determinants")
    d.param("blocks", "int", blocks, about="number of blocks per side")
    d.says(
        {
            "factor": "Computes a blocked Cholesky factorization for symmetric matrices with shifted diagonals.",
            "solution": "Solves symmetric systems with shifted diagonals using a blocked Cholesky factorization.",
            "log determinant": "Computes log-determinants for matrices with shifted diagonals using a blocked Cholesky factorization.",
            "both": "Solves symmetric systems with shifted diagonals using blocked Cholesky and computes log-determinants.",
        }[result]
    )
    extra = {
        "per row": "wp.tile_load(shift[m], shape=TILE, offset=k * TILE)",
        "shared": "wp.tile_load(shift, shape=TILE, offset=k * TILE)",
        "scalar": "wp.tile_full(shape=TILE, value=shift, dtype=float)",
    }[loading]
    d.launch(batch, tiled=True)
    d.code(
        "m = wp.tid()\n$factorize\n$clear\n$solve\n$log_det",
        factorize=dedented(_ORDERS[order]),
        corner=f"corner = wp.tile_cholesky(wp.tile_diag_add(pivot, {extra}))\n"
        "wp.tile_store(factors[m], corner, offset=(k * TILE, k * TILE))",
        panel=dedented(_PANELS[panel]),
        clear=dedented(_CLEAR) if cleared else "",
        solve=dedented(_SOLVE if many else _SOLVE.replace("RHS", "1")) if solves else "",
        log_det=dedented(_LOG_DET) if measures else "",
    )
    d.explain(
        "A = L L^T, after `shift` is added to the diagonal of A. Most of the work is done by "
        "tile matrix products."
    )

    def reference(v: Values) -> Mapping[str, Any]:
        a = np.tril(v[held]) + np.swapaxes(np.tril(v[held], -1), 1, 2)
        a = a + np.broadcast_to(v.shift, (batch, n))[..., None] * np.eye(n)
        factor = np.linalg.cholesky(a)
        if right and not cleared:
            ids = np.arange(n) // tile
            factor = np.where(ids[:, None] < ids, v[held], factor)
        found = {"factors": factor}
        if solves:
            found["rhs"] = np.linalg.solve(a, v.rhs)
        if measures:
            found["log_dets"] = np.linalg.slogdet(a)[1]
        return found

    d.check(reference, 2e-3)
