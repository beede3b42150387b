"""Products of matrices in other layouts than compressed rows: triplets, padded rows, diagonals."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.sparse import DOMAIN
from warpgen.synthesis.library import compressed
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = compressed.NAMES | {
    "y": "out|y_out",
    "s": "acc|dot|row_sum|accum",
    "alpha": "scale|a_scale",
    "beta": "scale_y|y_scale",
}


@DOMAIN.algorithm(
    source="Saad 2003, section 3.4 (coordinate format)",
    names=_NAMES
    | {
        "coo_matvec": "spmv_coo|coo_mv|accumulate_triplets|triplet_matvec",
        "tid": "i",
    },
    double=True,
    weight=2,
)
def coo_matvec(d: Draft) -> None:
    """Computes a COO matrix-vector product using atomics."""
    sentinel = d.flag("sentinel")
    transpose = d.flag("transpose", 0.4)
    symmetric = d.flag("symmetric", 0.4) and not transpose
    entry = d.option("entry", "float", "mat33", "scaled vec3")
    packed = d.flag("packed", 0.4)  # row and column in one vec2i
    if symmetric:
        d.calls("coo_symv|symmetric_coo_mv|symmetric_coo_matvec")
    if transpose:
        d.calls("coo_rmatvec|coo_transpose_mv|spmv_coo_transposed")
    n, entries = d.pick(32, 48, 64), d.pick(96, 128, 200)
    low = -(n // 8) if sentinel else 0
    padding = ", negative for canceled entries" if sentinel else ""
    if packed:
        d.input(
            "pairs",
            "vec2i",
            entries,
            low,
            n,
            about=f"Row and column index per entry{padding}",
        )
        read = "row = pairs[tid][0]\ncol = pairs[tid][1]"
    else:
        rows, columns = d.pick(("rows", "columns"), ("row_indices", "col_indices"), ("coo_rows", "coo_cols"))
        d.input(rows, "int", entries, low, n, about=f"Row indices{padding}")
        d.input(columns, "int", entries, low, n, about=f"Column indices{padding}")
        read = f"row = {rows}[tid]\ncol = {columns}[tid]"
    vector = "float" if entry == "float" else "vec3"
    d.input("values", "mat33" if entry == "mat33" else "float", entries, -1.0, 1.0, about="Matrix entries")
    d.input("x", vector, n, -1.0, 1.0, about="Input vector")
    d.output("y", vector, n, about="Result vector, must be zero-initialized")
    value = "a"
    flipped = "wp.transpose(a)" if entry == "mat33" else "a"
    if transpose:
        value, flipped = flipped, value
    to, of = ("col", "row") if transpose else ("row", "col")
    skip = """
    # Skip canceled triplets (negative index)
    if row < 0 or col < 0:
        return
    """
    mirror = f"""
    # Each off-diagonal entry is stored once, so we mirror it
    if row != col:
        wp.atomic_add(y, {of}, {flipped} * x[{to}])
    """
    d.launch(entries)
    d.code(
        """
        tid = wp.tid()
        $read
        $skip
        a = values[tid]
        wp.atomic_add(y, $to, $value * x[$of])
        $mirror
        """,
        read=read,
        skip=skip if sentinel else "",
        to=to,
        of=of,
        value=value,
        mirror=mirror if symmetric else "",
    )
    if symmetric:
        d.says("Computes a symmetric COO matrix-vector product, with each off-diagonal entry stored once.")
    elif transpose:
        d.says("Computes a transposed COO matrix-vector product using atomics.")

    def reference(v: Values) -> dict[str, Any]:
        row, col = v.pairs.T if packed else (v[rows], v[columns])
        kept = (row >= 0) & (col >= 0)
        row, col = row[kept], col[kept]
        a = v["values"][kept]
        if entry != "mat33":
            a = a[:, None, None] * np.eye(1 if entry == "float" else 3)
        matrix = np.zeros((n, n, *a.shape[1:]))
        np.add.at(matrix, (row, col), a)
        full = matrix
        if symmetric:
            other = np.swapaxes(matrix, 0, 1).swapaxes(2, 3).copy()
            other[np.arange(n), np.arange(n)] = 0.0
            full = matrix + other
        if transpose:
            full = np.swapaxes(full, 0, 1).swapaxes(2, 3)
        product = np.einsum("ijab,jb->ia", full, v.x.reshape(n, -1))
        return {"y": product.reshape(v.x.shape)}

    d.check(reference)


@DOMAIN.algorithm(
    source="Bell & Garland 2009, Implementing Sparse Matrix-Vector Multiplication, 3.1-3.2",
    names=_NAMES
    | {
        "padded_matvec": "spmv_ell|ell_mv|ell_matvec|spmv_padded",
        "row": "tid|r",
        "width": "max_nnz|row_width",
        "slot": "k|kk",
    },
    double=True,
    weight=3,
)
def padded_matvec(d: Draft) -> None:
    """Computes an ELLPACK matrix-vector product."""
    order = d.option("order", "row major", "column major", "flat")
    padding = d.option("padding", "sentinel", "break", "counts", weights=(0.4, 0.2, 0.4))
    if padding == "break" and order != "row major":
        padding = "sentinel"  # data ascend along the last axis only
    if padding == "break":
        d.forward_only()  # run backwards, the loop would end where it begins
    update = d.option("update", "product", "residual", "relaxed")
    entry = d.option("entry", "float", "vec3")
    if update != "product":
        d.calls({
            "residual": "ell_residual|residual_ell|padded_residual",
            "relaxed": "richardson_step|richardson_ell|relax_ell",
        }[update])  # fmt: skip
    rows, width = d.pick(48, 64, 96), d.pick(4, 5, 6, 7)
    shape: Any = {"row major": (rows, width), "column major": (width, rows), "flat": rows * width}[order]
    at = {"row major": "row, slot", "column major": "slot, row", "flat": "slot * n + row"}[order]
    low, high = {"counts": (0, rows), "sentinel": (-(rows // 6), rows), "break": (0, rows * 5 // 4)}[padding]
    if padding == "counts":
        d.input("counts", "int", rows, 0, width + 1, about="Number of entries per row")
    d.input(
        "columns",
        "int",
        shape,
        low,
        high,
        kind="ascending" if padding == "break" else "uniform",
        about="Column indices"
        + {
            "counts": "",
            "sentinel": ", negative for padding",
            "break": ", sorted within rows, past the last column for padding",
        }[padding],
    )
    d.input("values", "float", shape, -1.0, 1.0, about="Matrix entries")
    d.input("x", entry, rows, -1.0, 1.0, about="Input vector" if update == "product" else "Current solution")
    if update != "product":
        d.input("b", entry, rows, -1.0, 1.0, about="Right-hand side")
    if update == "relaxed":
        d.param("omega", "float", 0.1, 0.9, about="Relaxation factor")
    out = {"product": "y", "residual": "residual", "relaxed": "x_new"}[update]
    told = {
        "product": "Result vector",
        "residual": "Right-hand side minus the product",
        "relaxed": "Solution after the step",
    }
    d.output(out, entry, rows, about=told[update])
    bound = {
        "row major": "width",
        "column major": "width",
        "flat": "values.shape[0] // n",
    }
    size = f"width = columns.shape[{1 if order == 'row major' else 0}]" if padding != "counts" else ""
    test = {
        "sentinel": "col = columns[$at]\nif col < 0:\n    continue\ns += values[$at] * x[col]",
        "break": "col = columns[$at]\n# padding follows the valid entries\nif col >= x.shape[0]:\n    break\n"
        "s += values[$at] * x[col]",
        "counts": "s += values[$at] * x[columns[$at]]",
    }
    stores = {
        "product": "y[row] = s",
        "residual": "residual[row] = b[row] - s",
        "relaxed": "x_new[row] = x[row] + omega * (b[row] - s)",
    }
    d.launch(rows)
    d.code(
        """
        row = wp.tid()
        $size
        s = $zero
        for slot in range($bound):
            $test
        $store
        """,
        size=f"n = {out}.shape[0]" if order == "flat" else size,
        zero="float(0.0)" if entry == "float" else "wp.vec3()",
        bound="counts[row]" if padding == "counts" else bound[order],
        test=test[padding],
        store=stores[update],
        at=at,
    )
    d.explain(
        "ELLPACK format: all rows are padded to the width of the longest row."
        + (
            ""
            if order == "row major"
            else " Slots are the outer dimension, so memory accesses are coalesced."
        )
    )
    if update == "residual":
        d.says("Computes the residual of a linear system in ELLPACK format.")
    elif update == "relaxed":
        d.says("Performs one Richardson iteration with an ELLPACK matrix.")

    def reference(v: Values) -> dict[str, Any]:
        columns, values = v["columns"], v["values"]
        if order != "row major":
            columns, values = columns.reshape(width, rows).T, values.reshape(width, rows).T
        live = columns < rows if padding == "break" else columns >= 0
        if padding == "counts":
            live = np.arange(width) < v.counts[:, None]
        matrix = np.zeros((rows, rows))
        at = np.broadcast_to(np.arange(rows)[:, None], columns.shape)
        np.add.at(matrix, (at[live], columns[live]), values[live])
        product = matrix @ v.x
        if update == "product":
            return {"y": product}
        return {out: v.b - product if update == "residual" else v.x + v.omega * (v.b - product)}

    d.check(reference)


@DOMAIN.algorithm(
    source="Saad 2003, section 3.4 (diagonal format)",
    names=_NAMES
    | {
        "banded_matvec": "spmv_dia|dia_matvec|diagonal_format_mv",
        "bands": "diagonals|diag_values|data",
        "shifts": "diag_offsets|dia_offsets",
        "n": "num_rows|size|dim",
        "k": "d|diagonal|band",
    },
    double=True,
    weight=2,
)
def banded_matvec(d: Draft) -> None:
    """Computes a matrix-vector product in DIA format."""
    border = d.option("border", "skip", "inside", "periodic")
    order = d.option("order", "diagonal first", "row first")
    store = d.option("store", "row", "atomic per diagonal")
    side = d.option("side", "plain", "transposed")
    if side == "transposed":
        d.calls("dia_rmatvec|spmv_dia_transposed|banded_transpose_mv")
    n, count = d.pick(48, 64, 90), d.pick(3, 5, 7)
    shape = (count, n) if order == "diagonal first" else (n, count)
    d.input("shifts", "int", count, -n // 2, n // 2, kind="ascending", about="Diagonal offsets")
    d.input("bands", "float", shape, -1.0, 1.0, about="Matrix entries per diagonal")
    d.input("x", "float", n, -1.0, 1.0, about="Input vector")
    d.output(
        "y",
        "float",
        n,
        about="Result vector" if store == "row" else "Result vector, must be zero-initialized",
    )
    # the entry of row r, diagonal k is A[r, r + shift]; of the transpose A[r - shift, r]
    owner = "row" if side == "plain" else "col"
    at = f"bands[k, {owner}]" if order == "diagonal first" else f"bands[{owner}, k]"
    sign = "+" if side == "plain" else "-"
    if border == "skip":
        locate = f"col = row {sign} shifts[k]\n"
        guard = "if col < 0 or col >= n:\n    $leave\n"
    elif border == "inside":
        locate, guard = f"col = row {sign} shifts[k]\n", ""
    else:
        locate = "# Add `n` because % keeps the sign of the dividend\n"
        locate += f"col = (row {sign} shifts[k] + n) % n\n"
        guard = ""
    inside = "if col >= 0 and col < n:\n    " if border == "inside" else ""
    if store == "row":
        d.launch(n)
        d.code(
            """
            row = wp.tid()
            n = x.shape[0]
            s = float(0.0)
            for k in range(shifts.shape[0]):
                $locate
                $add
            y[row] = s
            """,
            locate=locate + guard,
            leave="continue",
            add=inside + f"s += {at} * x[col]",
        )
    else:
        d.launch(count, n)
        d.code(
            """
            k, row = wp.tid()
            n = x.shape[0]
            $locate
            $add
            """,
            locate=locate + guard,
            leave="return",
            add=inside + f"wp.atomic_add(y, row, {at} * x[col])",
        )
    d.says(
        f"Computes a {'transposed ' if side == 'transposed' else ''}matrix-vector product in DIA format"
        + (" with periodic (wrap-around) diagonals." if border == "periodic" else ".")
    )

    def reference(v: Values) -> dict[str, Any]:
        bands = v.bands if order == "diagonal first" else v.bands.T
        matrix = np.zeros((n, n))
        for band, shift in zip(bands, v.shifts, strict=True):
            rows = np.arange(n)
            cols = rows + shift
            if border == "periodic":
                cols = cols % n
            inside = (cols >= 0) & (cols < n)
            np.add.at(matrix, (rows[inside], cols[inside]), band[inside])
        return {"y": (matrix if side == "plain" else matrix.T) @ v.x}

    d.check(reference)
