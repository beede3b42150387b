"""Products of matrices in compressed row layout with vectors and with dense matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.sparse import DOMAIN
from warpgen.synthesis.library import compressed, searching
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = compressed.NAMES | {
    "y": "out|y_out",
    "s": "acc|dot|row_sum|accum",
    "alpha": "scale|a_scale",
    "beta": "scale_y|y_scale",
}


@DOMAIN.algorithm(
    source="Saad 2003, Iterative Methods for Sparse Linear Systems, section 3.5",
    names=_NAMES | {"csr_matvec": "spmv_csr|csr_mv|csr_spmv|sparse_matvec"},
    double=True,
    adjoint="either",
    weight=3,
)
def csr_matvec(d: Draft) -> None:
    """Computes a CSR matrix-vector product."""
    layout = d.option("layout", "arrays", "struct")
    entry = d.option("entry", "float", "mat33")
    form = d.option("form", "for", "while", "two sums", "cooperative")
    update = d.option("update", "product", "residual", "scaled", "axpby")
    rows_of = "csr" if entry == "float" else "bsr"
    d.calls({
        "product": f"{rows_of}_matvec|spmv_{rows_of}|{rows_of}_mv|{rows_of}_spmv",
        "scaled": f"{rows_of}_matvec|spmv_{rows_of}|scaled_{rows_of}_mv",
        "residual": f"{rows_of}_residual|compute_residual|residual_{rows_of}",
        "axpby": f"{rows_of}_gemv|{rows_of}_mv_axpby|spmv_accumulate",
    }[update])  # fmt: skip
    format_ = rows_of.upper()
    d.says({
        "product": f"Computes a {format_} matrix-vector product.",
        "scaled": f"Computes a scaled {format_} matrix-vector product.",
        "residual": f"Computes the residual of a linear system in {format_} format.",
        "axpby": f"Computes `alpha` times a {format_} matrix-vector product plus `beta` times `y`, stored back to `y`.",
    }[update])  # fmt: skip
    if form in ("while", "two sums"):
        d.forward_only()  # the reverse pass would not know how far the loop went
    rows, columns = d.pick(48, 64, 80), d.pick(40, 64, 72)
    if update == "residual":
        columns = rows
    a = compressed.declare(d, rows, columns, rows * d.pick(3, 4, 5), layout, entry)
    vector, zero = ("float", "float(0.0)") if entry == "float" else ("vec3", "wp.vec3()")
    d.input("x", vector, columns, -1.0, 1.0, about="Input vector")
    if update == "residual":
        d.input("b", vector, rows, -1.0, 1.0, about="Right-hand side")
        store = "residual[row] = b[row] - $s"
    elif update == "scaled":
        d.param("alpha", "float", 0.5, 2.0, about="Scale of the product")
        store = "y[row] = alpha * $s"
    elif update == "axpby":
        d.param("alpha", "float", 0.5, 2.0, about="Scale of the product")
        d.param("beta", "float", 0.1, 1.0, about="Scale of the previous result")
        store = "y[row] = alpha * $s + beta * y[row]"
    else:
        store = "y[row] = $s"
    if update == "axpby":
        d.inout("y", vector, rows, -1.0, 1.0, about="Result vector")
    elif update == "residual":
        d.output("residual", vector, rows, about="Right-hand side minus the product")
    else:
        d.output("y", vector, rows, about="Result vector")
    values, indices = a.text["values"], a.text["columns"]
    term = f"{values}[k] * x[{indices}[k]]"
    if form == "cooperative":
        d.launch(rows, tiled=True)
        kind = ", preserve_type=True" if entry == "mat33" else ""
        d.code(
            """
            row, lane = wp.tid()
            start = $offsets[row]
            end = $offsets[row + 1]
            # Block-strided loop so that reads are coalesced
            s = $zero
            for k in range(start + lane, end, wp.block_dim()):
                s += $term
            partial = wp.tile_sum(wp.tile(s$kind))
            # Reading a tile is a collective operation, so we do it before the branch
            dot = partial[0]
            if lane == 0:
                $store
            """,
            term=term,
            zero=zero,
            store=store.replace("$s", "dot"),
            kind=kind,
            **a.text,
        )
    elif form == "two sums":
        d.launch(rows)
        d.code(
            """
            row = wp.tid()
            k = $offsets[row]
            end = $offsets[row + 1]
            even = $zero
            odd = $zero
            # Use two partial sums to hide addition latency
            while k + 1 < end:
                even += $term
                odd += $values[k + 1] * x[$columns[k + 1]]
                k += 2
            if k < end:
                even += $term
            $store
            """,
            term=term,
            zero=zero,
            store=store.replace("$s", "even + odd" if update == "product" else "(even + odd)"),
            **a.text,
        )
    else:
        loop = "for k in range(start, end):\n    s += $term"
        if form == "while":
            loop = "k = start\nwhile k < end:\n    s += $term\n    k += 1"
        d.launch(rows)
        d.code(
            """
            row = wp.tid()
            start = $offsets[row]
            end = $offsets[row + 1]
            s = $zero
            $loop
            $store
            """,
            loop=loop,
            term=term,
            zero=zero,
            store=store.replace("$s", "s"),
            **a.text,
        )
    first = "The offsets define" if layout == "struct" else "`offsets` defines"
    d.explain(
        f"{first} where the entries of each row start. Entries within a row may be in any order; empty rows yield\n"
        "zero."
    )

    def reference(v: Values) -> dict[str, Any]:
        product = np.einsum("ijab,jb->ia", a.dense(v), v.x) if entry == "mat33" else a.dense(v) @ v.x
        if update == "residual":
            return {"residual": v.b - product}
        if update == "axpby":
            return {"y": v.alpha * product + v.beta * v.y}
        return {"y": v.alpha * product if update == "scaled" else product}

    d.check(reference)


@DOMAIN.algorithm(
    source="Yang, Buluc & Owens 2018, Design Principles for Sparse Matrix Multiplication on the GPU",
    names=_NAMES
    | {
        "csr_spmm": "spmm|sparse_dense_matmul|csr_matmat|csr_times_dense",
        "B": "X|dense|features",
        "C": "Y|product",
        "n": "c|feature|channel",
    },
    double=True,
    adjoint="either",
    weight=3,
)
def csr_spmm(d: Draft) -> None:
    """Computes a CSR times dense matrix product (SpMM)."""
    layout = d.option("layout", "arrays", "struct")
    form = d.option("form", "thread per entry", "thread per row", "tile per row", "transposed scatter")
    mean = d.flag("mean", 0.3)
    if form == "transposed scatter":
        d.calls(
            "scatter_means|spmm_mean_transposed|scatter_row_shares"
            if mean
            else "spmm_transposed|csr_transpose_matmat|scatter_transposed_product"
        )
    elif mean:
        d.calls("spmm_mean|mean_aggregation|csr_row_means")
    kind = "transposed CSR" if form == "transposed scatter" else "CSR"
    d.says(
        f"Computes a {kind} times dense matrix product (SpMM)"
        + (", averaging over the entries of each sparse row." if mean else ".")
    )
    rows, columns, width = d.pick(24, 32, 40), d.pick(24, 36), d.pick(4, 6, 8)
    a = compressed.declare(d, rows, columns, rows * d.pick(3, 4), layout)
    scattered = form == "transposed scatter"
    d.input("B", "float", (rows if scattered else columns, width), -1.0, 1.0, about="Dense matrix")
    adds = form in ("thread per row", "transposed scatter")
    shape = (columns if scattered else rows, width)
    d.output("C", "float", shape, about="Result matrix" + (", must be zero-initialized" if adds else ""))
    average = (
        "# Clamp to one to avoid division by zero in empty rows\ncount = wp.max(end - start, 1)"
        if mean
        else ""
    )
    share = " / float(count)" if mean else ""
    bounds = "start = $offsets[row]\nend = $offsets[row + 1]"
    if form == "thread per entry":
        d.launch(rows, width)
        d.code(
            """
            row, n = wp.tid()
            $bounds
            s = float(0.0)
            for k in range(start, end):
                s += $values[k] * B[$columns[k], n]
            $average
            C[row, n] = s$share
            """,
            bounds=bounds,
            average=average,
            share=share,
            **a.text,
        )
    elif form == "thread per row":
        d.launch(rows)
        d.code(
            """
            row = wp.tid()
            $bounds
            $average
            for k in range(start, end):
                col = $columns[k]
                a = $values[k]$share
                for n in range(B.shape[1]):
                    C[row, n] += a * B[col, n]
            """,
            bounds=bounds,
            average=average,
            share=share,
            **a.text,
        )
    elif form == "tile per row":
        d.module(f"WIDTH = wp.constant({width})")
        d.launch(rows, tiled=True)
        d.code(
            """
            row = wp.tid()
            $bounds
            $average
            acc = wp.tile_zeros(shape=(1, WIDTH), dtype=float)
            for k in range(start, end):
                # Load full rows of `B` as tiles
                acc += wp.tile_load(B, shape=(1, WIDTH), offset=($columns[k], 0)) * $weight
            wp.tile_store(C, acc, offset=(row, 0))
            """,
            bounds=bounds,
            average=average,
            weight=f"({a.text['values']}[k]{share})" if mean else f"{a.text['values']}[k]",
            **a.text,
        )
    else:
        d.launch(rows, width)
        d.code(
            """
            row, n = wp.tid()
            $bounds
            $average
            # Scatter to columns using atomics because several rows may share a column
            for k in range(start, end):
                wp.atomic_add(C, $columns[k], n, $values[k]$share * B[row, n])
            """,
            bounds=bounds,
            average=average,
            share=share,
            **a.text,
        )
    d.explain("`B` and `C` are dense and row-major." + (" `C` must be zero-initialized." if adds else ""))

    def reference(v: Values) -> dict[str, Any]:
        matrix = a.dense(v)
        if mean:
            count = np.maximum(np.bincount(a.numbers(v)[0], minlength=rows), 1)
            matrix = matrix / count[:, None]
        return {"C": (matrix.T if scattered else matrix) @ v.B}

    d.check(reference)


@DOMAIN.algorithm(
    source="Saad 2003, section 3.5 (product with the transpose)",
    names=_NAMES | {"csr_rmatvec": "csr_transpose_mv|spmv_transposed|apply_transpose|csr_mv_transposed"},
    double=True,
)
def csr_rmatvec(d: Draft) -> None:
    """Computes a transposed CSR matrix-vector product."""
    layout = d.option("layout", "arrays", "struct")
    entry = d.option("entry", "float", "mat33")
    scaled = d.option("scaled", "no", "rows", "by value")
    locate = d.option("thread", "row", "entry")
    rows, columns = d.pick(40, 56, 64), d.pick(32, 48)
    rows_of = "csr" if entry == "float" else "bsr"
    d.calls(f"{rows_of}_rmatvec|{rows_of}_transpose_mv|spmv_{rows_of}_transposed|{rows_of}_mv_transposed")
    with_what = {"no": "", "rows": " with per-row weights", "by value": ", scaled"}[scaled]
    d.says(f"Computes a transposed {rows_of.upper()} matrix-vector product{with_what}.")
    a = compressed.declare(d, rows, columns, rows * d.pick(3, 4), layout, entry)
    vector = "float" if entry == "float" else "vec3"
    d.input("x", vector, rows, -1.0, 1.0, about="Input vector")
    weight = ""
    if scaled == "rows":
        d.input("weights", "float", rows, 0.5, 2.0, about="Weight per row")
        weight = "weights[row] * "
    elif scaled == "by value":
        d.param("alpha", "float", 0.5, 2.0, about="Scale of the product")
        weight = "alpha * "
    d.output("y", vector, columns, about="Result vector, must be zero-initialized")
    block = f"{a.text['values']}[k]"
    if entry == "mat33":
        block = f"wp.transpose({block})"
    if locate == "row":
        d.launch(rows)
        d.code(
            """
            row = wp.tid()
            start = $offsets[row]
            end = $offsets[row + 1]
            xi = $weighted
            for k in range(start, end):
                wp.atomic_add(y, $columns[k], $block * xi)
            """,
            weighted=weight + "x[row]",
            block=block,
            **a.text,
        )
    else:
        d.launch(a.entries)
        d.code(
            """
            k = wp.tid()
            row = $row_of($offsets, k)
            wp.atomic_add(y, $columns[k], $block * $weighted)
            """,
            weighted=f"({weight}x[row])" if weight else "x[row]",
            row_of=d.use(searching.ROW_OF),
            block=block,
            **a.text,
        )

    def reference(v: Values) -> dict[str, Any]:
        matrix, x = a.dense(v), v.x
        if scaled == "rows":
            x = x * (v.weights if entry == "float" else v.weights[:, None])
        elif scaled == "by value":
            x = v.alpha * x
        return {"y": np.einsum("ijba,ib->ja", matrix, x) if entry == "mat33" else matrix.T @ x}

    d.check(reference)
