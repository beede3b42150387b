"""Orthogonal and triangular factors of matrices that a block of threads holds in tiles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.linear_algebra import DOMAIN
from warpgen.synthesis.algorithms.linear_algebra._reflections import (
    FROM_PIVOT,
    ON_DIAGONAL,
    ROW_SIGN,
    UPDATES,
    UPPER_PART,
    WITH_PIVOT,
)
from warpgen.synthesis.library.tile_forms import LOG_DIAGONAL, per_col, per_row, places
from warpgen.synthesis.writing.draft import Draft, Values, dedented

_SIZES = {
    "ROWS": "M|NUM_ROWS|SAMPLES",
    "COLS": "N|NUM_COLS",
    "system": "block|problem|batch",
    "gram": "normal_mat|ata|gram_mat",
}


@DOMAIN.algorithm(
    source="Yamamoto et al. 2015 (CholeskyQR2); Golub & Van Loan 2013, sec. 5.3 and 5.6 (weighted inner products)",
    names=_SIZES
    | {
        "orthonormal_columns": "cholesky_qr|tall_skinny_qr|orthonormalize_basis|gram_qr",
        "columns": "vectors|matrices|design",
        "lower": "factor|chol|ell",
        "basis_t": "q_t|qt|rows_of_q",
        "data": "target|rhs|signal",
        "weights": "metric|row_weights|masses",
        "fitted": "projection|within|explained",
    },
    adjoint="yes",
    double=True,
    weight=8,
)
def orthonormal_columns(d: Draft) -> None:
    """Orthonormalizes the columns of tall matrices using Cholesky QR."""
    sweeps = d.option("sweeps", "once", "twice")
    result = d.option("result", "basis", "factor", "coefficients", "residual", "volume", "energy")
    d.calls({
        "basis": "orthonormal_columns|cholesky_qr|orthonormalize_basis|gram_qr",
        "factor": "cholesky_qr_factor|gram_factor|qr_factor",
        "coefficients": "expand_in_basis|basis_coefficients|project_coefficients",
        "residual": "remove_span|orthogonal_residual|project_out",
        "volume": "log_volumes|span_volume|gram_log_volume",
        "energy": "projected_energy|energy_in_span|captured_energy",
    }[result])  # fmt: skip
    metric = d.option("metric", "plain", "per row", "shared")
    centred = d.flag("centred", 0.35) and metric == "plain"
    ridge = d.flag("ridge", 0.4) and result in ("factor", "volume")
    blocks, rows, cols = d.pick(2, 3, 4), d.pick(8, 12, 16), d.pick(3, 4, 5)
    d.module(f"ROWS = wp.constant({rows})\nCOLS = wp.constant({cols})")
    d.input("columns", "float", (blocks, rows, cols), -1.0, 1.0, about="tall full-rank matrices")
    if metric != "plain":
        shape = (blocks, rows) if metric == "per row" else rows
        d.input("weights", "float", shape, 0.5, 2.0, about="diagonal inner product weights")
    if result in ("coefficients", "residual", "energy"):
        d.input("data", "float", (blocks, rows), -1.0, 1.0, about="data vectors")
    if ridge:
        d.input("ridge", "float", cols, 0.1, 0.5, about="ridge added to the Gram matrix diagonal")
    name, extents, about = {
        "basis": ("basis", (blocks, cols, rows), "orthonormal basis vectors, one per row"),
        "factor": ("factors", (blocks, cols, cols), "lower triangular factors, R^T"),
        "coefficients": ("coefficients", (blocks, cols), "basis coefficients of the data"),
        "residual": ("residuals", (blocks, rows), "residuals orthogonal to all columns"),
        "volume": ("log_volume", (blocks,), "log-volumes spanned by the columns"),
        "energy": ("energies", (blocks,), "squared norms of the projected data"),
    }[result]
    d.output(name, "float", extents, about=about)
    says = {
        "basis": "Orthonormalizes the columns of tall matrices using Cholesky factors of their Gram matrices.",
        "factor": "Computes triangular factors of tall matrices from Cholesky factors of their Gram matrices.",
        "coefficients": "Projects data onto an orthonormal basis for the columns of tall matrices.",
        "residual": "Computes residuals after projecting data onto the columns of tall matrices.",
        "volume": "Computes the log-volumes spanned by the columns of tall matrices.",
        "energy": "Computes the energy of data projected onto the columns of tall matrices.",
    }[result]
    if ridge:
        says = says.replace("of tall matrices", "of tall matrices with a ridge").replace(
            "their Gram", "their regularized Gram"
        )
        says = says.replace("a ridge.", "a ridge on their Gram matrices.")
    if centred:
        says = says.replace("tall matrices", "centered tall matrices")
    if metric != "plain":
        says = f"{says[:-1]} with a weighted inner product."
    d.says(says)
    weigh = ""
    if metric != "plain":
        source = "weights[system]" if metric == "per row" else "weights"
        weigh = f"w = wp.tile_load({source}, shape=ROWS)"
    if ridge:
        d.function("""
            @wp.func
            def add_ridge(entry: float, row: int, col: int, amount: float) -> float:
                if row == col:
                    return entry + amount
                return entry
        """)
    if result == "volume":
        d.function(LOG_DIAGONAL)
    gram = "gram = wp.tile_matmul(a_t, a)"
    if weigh:
        gram = f"wa = a * {per_row('w', 'ROWS', 'COLS')}\ngram = wp.tile_matmul(a_t, wa)"
    if ridge:
        gram += "\nextra = wp.tile_load(ridge, shape=COLS)"
        gram += (
            f"\nregular = wp.tile_map(add_ridge, gram, row_id, col_id, {per_col('extra', 'COLS', 'COLS')})"
        )
    again = ""
    needs_basis = result not in ("factor", "volume")
    if sweeps == "twice" and not ridge:
        weighed = f"weighted_t = basis_t * {per_col('w', 'COLS', 'ROWS')}" if weigh else ""
        then = {"factor": "product = wp.tile_matmul(lower, second)", "volume": ""}.get(
            result, "better_t = wp.tile_lower_solve(second, basis_t)"
        )
        again = f"""
            # CholeskyQR2: a second pass restores orthogonality, which degrades with the squared condition number
            $weighed
            check = wp.tile_matmul(basis_t, wp.tile_transpose({"weighted_t" if weigh else "basis_t"}))
            second = wp.tile_cholesky(check)
            {then}
        """
    q = "better_t" if again and needs_basis else "basis_t"
    r = "product" if again else "lower"
    basis = "# A = Q R with R = L^T, therefore Q^T = L^-1 A^T\nbasis_t = wp.tile_lower_solve(lower, a_t)"
    weighted = "y * w" if weigh else "y"
    expand = (
        f"y = wp.tile_load(data[system], shape=ROWS)\n"
        f"inner = wp.tile_matmul({q}, wp.tile_reshape({weighted}, shape=(ROWS, 1)))"
    )
    end = {
        "basis": f"wp.tile_store(basis[system], {q})",
        "factor": f"wp.tile_store(factors[system], {r})",
        "coefficients": f"{expand}\nwp.tile_store(coefficients[system], wp.tile_squeeze(inner))",
        "residual": f"{expand}\n"
        f"fitted = wp.tile_matmul(wp.tile_reshape(inner, shape=(1, COLS)), {q})\n"
        "wp.tile_store(residuals[system], y - wp.tile_squeeze(fitted))",
        "volume": "logs = wp.tile_map(log_diagonal, lower, row_id, col_id)"
        + (" + wp.tile_map(log_diagonal, second, row_id, col_id)" if again else "")
        + "\nwp.tile_store(log_volume, wp.tile_sum(logs), offset=system)",
        "energy": f"{expand}\nwp.tile_store(energies, wp.tile_sum(inner * inner), offset=system)",
    }[result]
    d.launch(blocks, tiled=True)
    d.code(
        """
        system = wp.tid()
        $load
        $centre
        a_t = wp.tile_transpose(a)
        $weigh
        $index
        $gram
        lower = wp.tile_cholesky($matrix)
        $basis
        $again
        $end
        """,
        load=f"{'raw' if centred else 'a'} = wp.tile_load(columns[system], shape=(ROWS, COLS))",
        centre="# Center the columns by subtracting the mean\n"
        "means = wp.tile_sum(raw, axis=0) * (1.0 / float(ROWS))\n"
        f"a = raw - {per_col('means', 'ROWS', 'COLS')}"
        if centred
        else "",
        weigh=weigh,
        index=places("COLS", "COLS") if ridge or result == "volume" else "",
        gram=gram,
        matrix="regular" if ridge else "gram",
        basis=basis if needs_basis or again else "",
        again=dedented(again),
        weighed=weighed if again else "",
        end=end,
    )
    form = "A^T W A" if weigh else "A^T A"
    volume = ", and the volume is " + ("the product of det(L) from both passes" if again else "det(L)")
    then = {"factor": " and R = L^T", "volume": volume}.get(result, ", R = L^T and Q = A R^-1")
    d.explain(f"""
        {form} = L L^T{" after the ridge is added" if ridge else ""}{then}. Unlike column-by-column
        Gram-Schmidt, most of the work is in matrix products.
    """)

    def reference(v: Values) -> Mapping[str, Any]:
        a = v.columns - (v.columns.mean(1, keepdims=True) if centred else 0.0)
        root = np.sqrt(np.broadcast_to(v.weights if weigh else 1.0, (blocks, rows)))[..., None]
        if ridge:
            a = np.concatenate([a * root, np.tile(np.diag(np.sqrt(v.ridge)), (blocks, 1, 1))], axis=1)
            r_ = np.linalg.qr(a)[1]
            root = np.ones(1)
        else:
            r_ = np.linalg.qr(a * root)[1]
        r_ = r_ * np.sign(np.einsum("bii->bi", r_))[..., None]
        if result in ("factor", "volume"):
            logs = np.log(np.abs(np.einsum("bii->bi", r_))).sum(1)
            return {name: r_.swapaxes(1, 2) if result == "factor" else logs}
        q_ = np.linalg.solve(r_.swapaxes(1, 2), a.swapaxes(1, 2)).swapaxes(1, 2)
        if result == "basis":
            return {name: q_.swapaxes(1, 2)}
        c = np.einsum("bri,br->bi", q_ * root**2, v.data)
        return {
            name: {"coefficients": c, "residual": v.data - np.einsum("bri,bi->br", q_, c)}.get(
                result, (c**2).sum(1)
            )
        }

    d.check(reference, 2e-3)


@DOMAIN.algorithm(
    source="Householder 1958; Golub & Van Loan 2013, alg. 5.2.1 and 5.3.2; Bischof & Van Loan 1987",
    names=_SIZES
    | {
        "reflected_columns": "householder_qr|qr_reflections|reflect_matrix|householder_tiled",
        "matrices": "mats|design|a_in",
        "targets": "rhs|b_in|readings",
        "norm": "length|norm_x|x_norm",
        "pivot": "x_k|leading",
    },
    adjoint="no",
    double=True,
    weight=8,
)
def reflected_columns(d: Draft) -> None:
    """Reduces matrices to triangular form using Householder reflections."""
    result = d.option("result", "triangle", "least squares", "factors", "transformed", "determinant")
    d.calls({
        "triangle": "householder_qr|qr_reflections|triangularize|householder_tiled",
        "least squares": "householder_least_squares|qr_solve|qr_least_squares",
        "factors": "householder_qr|householder_factors|geqrf_tiled",
        "transformed": "apply_reflections|apply_qt|householder_apply",
        "determinant": "householder_determinant|qr_determinant",
    }[result])  # fmt: skip
    update = d.option("update", *UPDATES)
    spelled = d.option("norm", "dot", "sum")
    sign = d.option("sign", "positive diagonal", "as it comes")
    weighted = d.flag("row weights", 0.35) and result in ("triangle", "least squares")
    blocks, cols = d.pick(2, 3, 4), d.pick(3, 4)
    rows = cols if result == "determinant" else d.pick(6, 8)
    d.module(f"ROWS = wp.constant({rows})\nCOLS = wp.constant({cols})")
    d.input("matrices", "float", (blocks, rows, cols), -1.0, 1.0, about="input matrices")
    solves = result in ("least squares", "transformed")
    if solves:
        d.input("targets", "float", (blocks, rows), -1.0, 1.0, about="right-hand sides")
    if weighted:
        d.input("weights", "float", (blocks, rows), 0.5, 2.0, about="row weights")
    flips = sign == "positive diagonal" and result == "triangle"
    name, shape, about = {
        "triangle": ("triangles", (blocks, cols, cols), "upper triangular factors"),
        "least squares": (
            "solutions",
            (blocks, cols),
            f"solutions that minimize {'the weighted ' if weighted else ''}|A x - b|",
        ),
        "factors": ("reduced", (blocks, rows, cols), "reduced matrices, R above zeros"),
        "transformed": ("reflected", (blocks, rows), "transformed right-hand sides, Q^T b"),
        "determinant": ("determinants", (blocks,), "determinants"),
    }[result]
    d.output(name, "float", shape, about=about)
    if result == "factors":
        d.output("reflectors", "float", (blocks, rows, cols), about="Householder vectors, one per column")
        d.output("taus", "float", (blocks, cols), about="tau coefficients for I - tau v v^T")
    positive = ", with positive diagonals," if flips else ""
    rows_of = "matrices with weighted rows" if weighted else "matrices"
    d.says(
        {
            "triangle": f"Computes triangular factors of {rows_of}{positive} using Householder reflections.",
            "least squares": f"Solves {'weighted ' if weighted else ''}overdetermined systems using Householder QR.",
            "factors": "Computes Householder QR factorizations and stores the reflectors.",
            "transformed": "Applies Householder QR reflections to right-hand sides.",
            "determinant": "Computes determinants using Householder QR.",
        }[result]
    )
    d.function(FROM_PIVOT)
    d.function(WITH_PIVOT)
    if flips:
        d.function(ROW_SIGN)
    square = {"dot": "wp.tile_dot({0}, {0})[0]", "sum": "wp.tile_sum({0} * {0})[0]"}[spelled]
    target = "b -= (tau * wp.tile_dot(v, b)[0]) * v" if solves else ""
    load = 'a = wp.tile_load(matrices[system], shape=(ROWS, COLS), storage="shared")'
    if weighted:
        load = f"""
            root = wp.tile_map(wp.sqrt, wp.tile_load(weights[system], shape=ROWS))
            raw = wp.tile_load(matrices[system], shape=(ROWS, COLS))
            a = raw * {per_row("root", "ROWS", "COLS")}
        """
    if solves:
        load = dedented(load) + "\nb = wp.tile_load(targets[system], shape=ROWS)"
        load += " * root" if weighted else ""
    keep = ""
    if result == "factors":
        keep = """
            # Normalize so that v[0] = 1, following the LAPACK convention
            head = wp.tile_extract(v, step)
            taus[system, step] = tau * head * head
            unit = (1.0 / head) * v
            wp.tile_store(reflectors[system], wp.tile_reshape(unit, shape=(ROWS, 1)), offset=(0, step))
        """
    start = {"determinant": "det = float(1.0)"}.get(result, "")
    mend = (
        "# Each reflection flips the sign of the determinant\ndet = -det * alpha"
        if result == "determinant"
        else ""
    )
    triangle = "r = wp.tile_view(a, offset=(0, 0), shape=(COLS, COLS))"
    clean = """
        # Zero out rounding errors below the diagonal
        upper = wp.tile_map(upper_part, r, row_of, col_of)
    """
    if result == "triangle":
        d.function(UPPER_PART)
    if flips:
        d.function(ON_DIAGONAL)
    flip = f"""
        diagonal = wp.tile_sum(wp.tile_map(on_diagonal, r, row_of, col_of), axis=1)
        signs = wp.tile_map(row_sign, diagonal)
        wp.tile_store(triangles[system], upper * {per_row("signs", "COLS", "COLS")})
    """
    end = {
        "triangle": f"{triangle}\n{places('COLS', 'COLS', ('row_of', 'col_of'))}\n{dedented(clean)}\n"
        + (dedented(flip) if flips else "wp.tile_store(triangles[system], upper)"),
        "least squares": f"{triangle}\ntop = wp.tile_view(b, offset=(0,), shape=(COLS,))\n"
        "wp.tile_store(solutions[system], wp.tile_upper_solve(r, top))",
        "factors": "wp.tile_store(reduced[system], a)",
        "transformed": "wp.tile_store(reflected[system], b)",
        "determinant": "determinants[system] = det",
    }[result]
    d.launch(blocks, tiled=True)
    d.code(
        """
        system = wp.tid()
        $load
        row_id = wp.tile_arange(ROWS, dtype=int)
        $start
        for step in range(COLS):
            x = wp.tile_map(from_pivot, a[:, step], row_id, step)
            norm = wp.sqrt($square_x)
            pivot = wp.tile_extract(x, step)
            # Choose the sign opposite to the pivot to avoid cancellation
            alpha = wp.where(pivot > 0.0, -norm, norm)
            v = wp.tile_map(with_pivot, x, row_id, step, pivot - alpha)
            tau = 2.0 / $square_v
            $reflect
            $target
            $mend
            $keep
        $end
        """,
        load=dedented(load),
        start=start,
        square_x=square.format("x"),
        square_v=square.format("v"),
        reflect=UPDATES[update],
        target=target,
        mend=mend,
        keep=dedented(keep),
        end=end,
    )
    d.explain("Each reflection I - tau v v^T, with v = x - alpha e_k, clears one column below the diagonal.")

    def reference(v: Values) -> Mapping[str, Any]:
        a = v.matrices
        root = np.sqrt(v.weights)[..., None] if weighted else 1.0
        if result == "determinant":
            return {name: np.linalg.det(a)}
        if result == "least squares":
            b = v.targets[..., None] * root
            return {name: np.stack([np.linalg.lstsq(m, y, rcond=None)[0][:, 0] for m, y in zip(a * root, b, strict=True)])}  # fmt: skip
        r_ = np.linalg.qr(a * root)[1]
        return {name: r_ * np.sign(np.einsum("bii->bi", r_))[..., None] if flips else r_}

    def consistent(before: Values, after: Values) -> None:
        for system in range(blocks):
            a = before.matrices[system]
            if result == "transformed":
                q_, b = np.linalg.qr(a, mode="complete")[0], before.targets[system]
                turned = after.reflected[system]
                # Signs of the first entries are the reflections' own; behind them only the length is fixed.
                np.testing.assert_allclose(np.abs(turned[:cols]), np.abs(q_.T @ b)[:cols], atol=2e-3)
                np.testing.assert_allclose(np.linalg.norm(turned), np.linalg.norm(b), rtol=2e-3)
            elif result == "factors":
                made, taus = after.reflectors[system], after.taus[system]
                q_ = np.eye(rows)
                for k in range(cols):
                    q_ = q_ @ (np.eye(rows) - taus[k] * np.outer(made[:, k], made[:, k]))
                np.testing.assert_allclose(q_.T @ q_, np.eye(rows), atol=2e-3)
                np.testing.assert_allclose(q_ @ after.reduced[system], a, atol=2e-3)

    if result in ("transformed", "factors"):
        d.holds(consistent)
    else:
        d.check(reference, 3e-3)
