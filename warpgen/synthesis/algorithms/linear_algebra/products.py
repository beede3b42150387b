"""Products of dense matrices and vectors: by threads and by tiles."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.linear_algebra import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "A": "a|lhs|mat_a|left",
    "B": "b|rhs|mat_b|right",
    "C": "out|prod|product|gemm_out",
    "acc": "sum_tile|c_tile|partial",
    "s": "summed|dot|total",
    "k": "kk|p|inner",
    "bias": "offset|b_vec|shift",
}


@DOMAIN.algorithm(
    source="Golub & Van Loan 2013, section 1.3 (block matrices); BLAS level 3",
    names=_NAMES | {"gemm": "matmul|dense_gemm|matmul_kernel", "i": "row|r", "j": "col|c"},
    double=True,
    element="entry",
    weight=5,
)
def gemm(d: Draft) -> None:
    """Computes a dense matrix product."""
    form = d.option("form", "thread", "rows of four", "tile", "tile call", "split depth")
    if form in ("tile", "tile call"):
        d.calls("tile_gemm|tiled_matmul|tiled_gemm")
    elif form == "split depth":
        d.calls("split_k_gemm|gemm_split_k|split_k_matmul")
    left = d.option("left", "plain", "transposed")
    right = d.option("right", "plain", "transposed")
    ending = d.option("ending", "plain", "scaled", "bias", "plus C")
    tm, tn, tk = d.pick(4, 8), d.pick(4, 8), d.pick(4, 8)
    bm, bn, bk = d.pick(2, 3), d.pick(1, 2, 3), d.pick(2, 3, 4)
    m, n, depth = tm * bm, tn * bn, tk * bk
    if form == "split depth":
        ending = "plain"
    d.input("A", "float", (depth, m) if left == "transposed" else (m, depth), -1.0, 1.0, about="Left matrix")
    d.input(
        "B", "float", (n, depth) if right == "transposed" else (depth, n), -1.0, 1.0, about="Right matrix"
    )
    if ending in ("scaled", "plus C"):
        d.param("alpha", "float", 0.5, 2.0, about="Product scale")
    if ending == "plus C":
        d.input("C0", "float", (m, n), -1.0, 1.0, about="Matrix to add")
        d.param("beta", "float", 0.25, 1.0, about="Scale of the added matrix")
    if ending == "bias":
        d.input("bias", "float", n, -0.5, 0.5, about="Bias vector")
    d.output("C", "float", (m, n), about="Product")

    def a(i: str, k: str) -> str:
        return f"A[{k}, {i}]" if left == "transposed" else f"A[{i}, {k}]"

    def b(k: str, j: str) -> str:
        return f"B[{j}, {k}]" if right == "transposed" else f"B[{k}, {j}]"

    value = {
        "plain": "s",
        "scaled": "alpha * s",
        "bias": "s + bias[j]",
        "plus C": "alpha * s + beta * C0[i, j]",
    }[ending]
    inner = "A.shape[0]" if left == "transposed" else "A.shape[1]"
    if form == "thread":
        d.launch(m, n)
        d.code(
            f"""
            i, j = wp.tid()
            s = float(0.0)
            for k in range({inner}):
                s += {a("i", "k")} * {b("k", "j")}
            C[i, j] = {value}
            """
        )
    elif form == "rows of four":
        d.launch(m // 4, n)
        line = {
            "plain": "s[r]",
            "scaled": "alpha * s[r]",
            "bias": "s[r] + bias[j]",
            "plus C": "alpha * s[r] + beta * C0[i + r, j]",
        }[ending]
        four = ", ".join(a("i" if r == 0 else f"i + {r}", "k") for r in range(4))
        d.code(
            f"""
            strip, j = wp.tid()
            i = 4 * strip
            # Process four rows per thread to reuse each load of `B`
            s = wp.vec4()
            for k in range({inner}):
                s += wp.vec4({four}) * {b("k", "j")}
            for r in range(4):
                C[i + r, j] = {line}
            """,
        )
    else:
        prefix = d.pick("TILE_", "BLOCK_", "T")
        d.module("\n".join(f"{prefix}{s} = wp.constant({t})" for s, t in (("M", tm), ("N", tn), ("K", tk))))
        load_a = "at = wp.tile_load(A, shape=(TILE_M, TILE_K), offset=(i * TILE_M, k * TILE_K))"
        if left == "transposed":
            load_a = "columns = wp.tile_load(A, shape=(TILE_K, TILE_M), offset=(k * TILE_K, i * TILE_M))\n"
            load_a += "at = wp.tile_transpose(columns)"
        load_b = "bt = wp.tile_load(B, shape=(TILE_K, TILE_N), offset=(k * TILE_K, j * TILE_N))"
        if right == "transposed":
            load_b = "rows = wp.tile_load(B, shape=(TILE_N, TILE_K), offset=(j * TILE_N, k * TILE_K))\n"
            load_b += "bt = wp.tile_transpose(rows)"
        product = "wp.tile_matmul(at, bt, acc)" if form != "tile call" else "acc += wp.tile_matmul(at, bt)"
        at = "offset=(i * TILE_M, j * TILE_N)"
        ends = {
            "plain": f"wp.tile_store(C, acc, {at})",
            "scaled": f"wp.tile_store(C, acc * alpha, {at})",
            "bias": "$row\nwp.tile_store(C, acc + spread, $at)",
            "plus C": f"old = wp.tile_load(C0, shape=(TILE_M, TILE_N), {at})\n"
            f"wp.tile_store(C, acc * alpha + old * beta, {at})",
        }
        row = "row = wp.tile_load(bias, shape=TILE_N, offset=j * TILE_N)\n"
        row += "spread = wp.tile_broadcast(row, shape=(TILE_M, TILE_N))"
        end = ends[ending].replace("$at", at)
        blocks = {"load_a": load_a, "load_b": load_b, "product": product, "end": end, "row": row, "at": at}
        blocks = {name: text.replace("TILE_", prefix) for name, text in blocks.items()}
        if form == "split depth":
            d.launch(bm, bn, bk, tiled=True)
            d.code(
                """
                i, j, k = wp.tid()
                $load_a
                $load_b
                # Split-K: multiple blocks accumulate into the same output tile
                acc = wp.tile_matmul(at, bt)
                wp.tile_atomic_add(C, acc, $at)
                """,
                **blocks,
            )
        else:
            d.launch(bm, bn, tiled=True)
            d.code(
                f"""
                i, j = wp.tid()
                acc = wp.tile_zeros(shape=({prefix}M, {prefix}N), dtype=float)
                for k in range({inner} // {prefix}K):
                    $load_a
                    $load_b
                    $product
                $end
                """,
                **blocks,
            )
    whole = "Matrix dimensions must be multiples of the tile size."
    d.explain({
        "thread": "", "rows of four": "The number of rows must be a multiple of four.", "tile": whole,
        "tile call": whole, "split depth": f"{whole} `C` must be zeroed before launch.",
    }[form])  # fmt: skip
    factors = f"{'A^T' if left == 'transposed' else 'A'} {'B^T' if right == 'transposed' else 'B'}"
    what = "the dense matrix product"
    d.says(
        {
            "plain": f"Computes {what} {factors}.",
            "scaled": f"Computes alpha {factors} for dense matrices.",
            "bias": f"Computes {what} {factors} and adds a bias vector to each row.",
            "plus C": f"Computes alpha {factors} + beta C0 for dense matrices.",
        }[ending]
    )

    def reference(v: Values) -> dict[str, Any]:
        made = (v.A.T if left == "transposed" else v.A) @ (v.B.T if right == "transposed" else v.B)
        if ending in ("scaled", "plus C"):
            made = v.alpha * made
        if ending == "plus C":
            made = made + v.beta * v.C0
        if ending == "bias":
            made = made + v.bias
        return {"C": made}

    d.check(reference)


@DOMAIN.algorithm(
    source="BLAS level 2; Golub & Van Loan 2013, section 1.1",
    names=_NAMES
    | {
        "gemv": "dense_matvec|matvec|matvec_kernel|dense_gemv",
        "A": "a|mat|matrix",
        "x": "vec|v|vector",
        "y": "result_vec|y_out|result",
        "row": "i|r",
        "col": "j|c",
    },
    double=True,
    adjoint="either",
    element="row",
    weight=8,
)
def gemv(d: Draft) -> None:
    """Computes a dense matrix-vector product."""
    form = d.option("form", "thread", "cooperative", "tile rows", "atomic", "batched")
    transposed = d.flag("transposed", 0.4)
    ending = d.option("ending", "plain", "residual", "axpy", "symmetric half")
    if ending == "symmetric half" and form in ("tile rows", "batched", "atomic"):
        ending = "residual"
    if ending in ("residual", "symmetric half"):
        d.calls("dense_residual|compute_residual" if ending == "residual" else "symv|symmetric_matvec")
    transposed = transposed and ending != "symmetric half"
    if transposed:
        d.calls(
            "transposed_residual|residual_t" if ending == "residual" else "matvec_t|transposed_matvec|gemv_t"
        )
    if ending == "axpy":
        d.calls("gemv_t|transposed_gemv" if transposed else "gemv|dense_gemv|scaled_matvec_add")
    elif form == "batched" and ending == "plain" and not transposed:
        d.calls("batched_gemv|batched_matvec|gemv_batched")
    m, n = d.pick(24, 32, 40), d.pick(16, 24, 32)
    half = ending == "symmetric half"
    if half:
        m = n
    batches = d.pick(8, 12) if form == "batched" else 0
    if batches:
        m, n = d.pick(6, 8), d.pick(5, 7)
    lead = "batch, " if batches else ""
    shape = (n, m) if transposed else (m, n)
    d.input("A", "float", (batches, *shape) if batches else shape, -1.0, 1.0, about="Matrix")
    d.input("x", "float", (batches, n) if batches else n, -1.0, 1.0, about="Input vector")
    if ending in ("residual", "axpy"):
        told = "Right-hand side" if ending == "residual" else "Vector to add"
        d.input("b", "float", (batches, m) if batches else m, -1.0, 1.0, about=told)
    if ending == "axpy":
        d.param("alpha", "float", -1.0, 1.0, about="Product scale")
    d.output("y", "float", (batches, m) if batches else m, about="Output vector")
    a = f"A[{lead}col, row]" if transposed else f"A[{lead}row, col]"
    if half:
        # the upper triangle is never read
        a = "A[wp.max(row, col), wp.min(row, col)]"
        d.says("Computes a symmetric matrix-vector product from the lower triangle.")
    value = {
        "residual": f"b[{lead}row] - s",
        "axpy": f"b[{lead}row] + alpha * s",
    }.get(ending, "s")
    length = f"x.shape[{1 if batches else 0}]"
    if form in ("thread", "batched"):
        d.launch(*((batches, m) if batches else (m,)))
        d.code(
            f"""
            {"batch, row" if batches else "row"} = wp.tid()
            s = float(0.0)
            for col in range({length}):
                s += {a} * x[{lead}col]
            y[{lead}row] = {value}
            """
        )
    elif form == "cooperative":
        d.launch(m, tiled=True)
        d.code(
            f"""
            row, lane = wp.tid()
            s = float(0.0)
            for col in range(lane, {length}, wp.block_dim()):
                s += {a} * x[col]
            # Per-thread partial sums, then reduce over the block
            partial = wp.tile_sum(wp.tile(s))
            # Extract outside the branch, since this is a block-wide operation
            dot = partial[0]
            if lane == 0:
                y[row] = {value[:-1] + "dot"}
            """
        )
    elif form == "tile rows":
        tile, height = 8, d.pick(4, 8)
        d.explain("Matrix dimensions must be multiples of the tile size.")
        d.module(f"ROWS = wp.constant({height})\nCOLS = wp.constant({tile})")
        load = "at = wp.tile_load(A, shape=(ROWS, COLS), offset=(i * ROWS, k * COLS))"
        if transposed:
            load = "columns = wp.tile_load(A, shape=(COLS, ROWS), offset=(k * COLS, i * ROWS))\n"
            load += "at = wp.tile_transpose(columns)"
        old = "wp.tile_load(b, shape=ROWS, offset=i * ROWS)"
        store = {
            "residual": f"r = {old} - s\nwp.tile_store(y, r, offset=i * ROWS)",
            "axpy": f"r = {old} + s * alpha\nwp.tile_store(y, r, offset=i * ROWS)",
        }.get(ending, "wp.tile_store(y, s, offset=i * ROWS)")
        d.launch(m // height, tiled=True)
        d.code(
            f"""
            i = wp.tid()
            s = wp.tile_zeros(shape=ROWS, dtype=float)
            for k in range({length} // COLS):
                $load
                xt = wp.tile_load(x, shape=COLS, offset=k * COLS)
                s += wp.tile_sum(at * wp.tile_broadcast(xt, shape=(ROWS, COLS)), axis=1)
            $store
            """,
            load=load,
            store=store,
        )
    else:
        # one thread per column: the sum over columns is atomic
        first = {
            "residual": "-A[$at] * x[col]",
            "axpy": "alpha * A[$at] * x[col]",
        }.get(ending, "A[$at] * x[col]").replace("$at", "col, row" if transposed else "row, col")
        start = "if col == 0:\n    wp.atomic_add(y, row, b[row])" if ending in ("residual", "axpy") else ""
        d.launch(n)
        d.explain("`y` must be zeroed before launch.")
        d.code(
            f"""
            col = wp.tid()
            for row in range(y.shape[0]):
                wp.atomic_add(y, row, {first})
                $start
            """,
            start=start,
        )
    matrix = "A^T" if transposed else "A"
    of = "batched dense" if batches else "a dense"
    says = {
        "plain": f"Computes {of} {'transposed ' if transposed else ''}matrix-vector product{'s' if batches else ''}.",
        "residual": f"Computes the residual{'s' if batches else ''} b - {matrix} x of {'dense linear systems' if batches else 'a dense linear system'}.",
        "axpy": f"Computes y = alpha {matrix} x + b for {of} {'matrices' if batches else 'matrix'}.",
    }
    if ending in says:
        d.says(says[ending])

    def reference(v: Values) -> dict[str, Any]:
        matrix = np.swapaxes(v.A, -1, -2) if transposed else v.A
        if half:
            matrix = np.tril(matrix) + np.tril(matrix, -1).T
        product = np.einsum("...ij,...j->...i", matrix, v.x)
        if ending == "residual":
            return {"y": v.b - product}
        return {"y": v.b + v.alpha * product if ending == "axpy" else product}

    d.check(reference)
