"""Data in another order: transposes and permutations of axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.parallel import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "src": "x|data|a|source",
    "dst": "y|out|b|result",
    "i": "row|r",
    "j": "col|c",
    "tid": "i",
    "TILE": "BLOCK|TILE_DIM|T",
}


@DOMAIN.algorithm(
    source="Ruetsch & Micikevicius 2009, Optimizing Matrix Transpose in CUDA",
    names=_NAMES | {"transpose_axes": "transpose|transpose_tiles|permute_axes|swap_axes"},
    double=True,
    half=True,
    weight=3,
)
def transpose_axes(d: Draft) -> None:
    """Transposes a matrix."""
    form = d.option("form", "threads", "flat", "tile", "batched", "in place", "permute")
    extra = d.option("extra", "none", "scaled", "symmetric", "skew")
    gather = d.option("side", "read", "written")
    entry = d.option("entry", "float", "vec3")
    m, n, batch = 16, d.pick(16, 24, 32), d.pick(3, 4, 5)
    if form == "tile":
        entry = "float"
    if form == "in place" or extra in ("symmetric", "skew"):
        n = m
    if extra in ("symmetric", "skew"):
        gather = "written"
    if form in ("permute", "in place"):
        extra = "none" if extra != "scaled" else extra
    d.calls(
        {"symmetric": "symmetrize|symmetric_part", "skew": "skew_part|antisymmetrize"}[extra]
        if extra in ("symmetric", "skew")
        else {
            "tile": "transpose_tiles|transpose_tiled",
            "batched": "transpose_batch|batched_transpose",
            "in place": "transpose_in_place|transpose",
            "permute": "permute_axes|reorder_axes",
        }.get(form, "transpose|transpose_matrix|swap_axes")
    )
    if form == "in place":
        d.inout("matrix", entry, (m, m), -1.0, 1.0)
    else:
        shape: Any = {"flat": m * n, "batched": (batch, m, n), "permute": (batch, m, n)}.get(form, (m, n))
        d.input("src", entry, shape, -1.0, 1.0)
    if extra == "scaled":
        d.param("scale", "float", 0.5, 2.0, about="scale factor")
    order = d.pick((2, 0, 1), (1, 0, 2), (2, 1, 0), (1, 2, 0))
    rows, cols = "rows", "cols"
    if form == "flat" and extra in ("symmetric", "skew"):
        d.param("order", "int", m, about="number of rows and columns")
        rows = cols = "order"
    elif form == "flat":
        d.param("rows", "int", m, about="number of rows")
        d.param("cols", "int", n, about="number of columns")
    if form != "in place":
        back: Any = {"flat": m * n, "batched": (batch, n, m)}.get(form, (n, m))
        if form == "permute":
            back = tuple((batch, m, n)[k] for k in order)
        about = {"symmetric": "symmetric part", "skew": "skew part"}.get(extra, "transposed array")
        d.output("dst", entry, back, about=about)
    factor = "scale * " if extra == "scaled" else ""

    def value(here: str, there: str) -> str:
        if extra == "symmetric":
            return f"0.5 * ({here} + {there})"
        return f"0.5 * ({there} - {here})" if extra == "skew" else f"{factor}{here}"

    if form in ("threads", "batched"):
        p = "k, " if form == "batched" else ""
        threads = (m, n) if gather == "read" else (n, m)
        d.launch(*((batch, *threads) if p else threads))
        if gather == "read":
            line = f"dst[{p}j, i] = {value(f'src[{p}i, j]', f'src[{p}j, i]')}"
        else:
            line = f"dst[{p}i, j] = {value(f'src[{p}j, i]', f'src[{p}i, j]')}"
        d.code(f"{p}i, j = wp.tid()\n{line}")
    elif form == "flat":
        d.launch(m * n)
        if gather == "read":
            d.code(
                f"""
                tid = wp.tid()
                i = tid // {cols}
                j = tid % {cols}
                dst[j * {rows} + i] = {factor}src[tid]
                """
            )
        elif extra in ("symmetric", "skew"):
            d.code(
                f"""
                tid = wp.tid()
                # Coalesced writes, strided reads
                i = tid // {cols}
                j = tid % {cols}
                dst[tid] = {value(f"src[j * {rows} + i]", "src[tid]")}
                """
            )
        else:
            d.code(
                f"""
                tid = wp.tid()
                # Coalesced writes, strided reads
                i = tid % {rows}
                j = tid // {rows}
                dst[tid] = {value(f"src[i * {cols} + j]", "src[tid]")}
                """
            )
    elif form == "tile":
        d.module("TILE = wp.constant(8)")
        d.launch(m // 8, n // 8, tiled=True)
        other = "\nback = wp.tile_load(src, shape=(TILE, TILE), offset=(bj * TILE, bi * TILE))"
        moved = {
            "none": "wp.tile_transpose(t)",
            "scaled": "wp.tile_transpose(t) * scale",
            "symmetric": "(wp.tile_transpose(t) + back) * 0.5",
            "skew": "(back - wp.tile_transpose(t)) * 0.5",
        }[extra]
        d.code(
            f"""
            bi, bj = wp.tid()
            # Transpose in a tile so that both reads and writes are coalesced
            t = wp.tile_load(src, shape=(TILE, TILE), offset=(bi * TILE, bj * TILE))
            $back
            wp.tile_store(dst, {moved}, offset=(bj * TILE, bi * TILE))
            """,
            back=other.strip() if extra in ("symmetric", "skew") else "",
        )
    elif form == "in place":
        d.launch(m, m)
        d.code(
            f"""
            i, j = wp.tid()
            # Skip the lower triangle, otherwise we would swap each pair twice
            if j {"<" if extra == "scaled" else "<="} i:
                return
            t = matrix[i, j]
            matrix[i, j] = {factor}matrix[j, i]
            matrix[j, i] = {factor}t
            """
        )
        if extra == "scaled":
            d.text = d.text.replace(
                "    return\n",
                "    return\nif i == j:\n    matrix[i, i] = scale * matrix[i, i]\n    return\n",
            )
    else:
        names = ("i0", "i1", "i2")
        if gather == "read":
            d.launch(batch, m, n)
            target = ", ".join(names[k] for k in order)
            d.code(f"i0, i1, i2 = wp.tid()\ndst[{target}] = {factor}src[i0, i1, i2]")
        else:
            d.launch(*back)
            source = ", ".join(names[order.index(k)] for k in range(3))
            d.code(f"i0, i1, i2 = wp.tid()\ndst[i0, i1, i2] = {factor}src[{source}]")
    says = {
        "batched": "Transposes each matrix in a batch.",
        "in place": "Transposes a square matrix in place.",
        "permute": "Permutes the axes of a 3D array.",
        "tile": "Transposes a matrix using tiles.",
    }
    if extra in ("symmetric", "skew"):
        d.says(
            f"Computes the {'symmetric' if extra == 'symmetric' else 'skew-symmetric'} part of "
            + ("each matrix in a batch." if form == "batched" else "a matrix.")
        )
    elif extra == "scaled":
        d.says(says.get(form, "Transposes a matrix.").replace(".", " and scales it by a factor."))
    elif form in says:
        d.says(says[form])

    def reference(v: Values) -> dict[str, Any]:
        given = v.matrix if form == "in place" else v.src
        x = given.reshape(m, n, *given.shape[1:]) if form == "flat" else given
        if form == "permute":
            made = np.transpose(x, (*order, *range(3, x.ndim)))
        elif form == "batched":
            made = np.swapaxes(x, 1, 2)
        else:
            made = np.swapaxes(x, 0, 1)
        if extra == "symmetric":
            made = 0.5 * (made + x)
        elif extra == "skew":
            made = 0.5 * (x - made)
        elif extra == "scaled":
            made = v.scale * made
        return {
            "matrix" if form == "in place" else "dst": made.reshape(given.shape) if form == "flat" else made
        }

    d.check(reference)
