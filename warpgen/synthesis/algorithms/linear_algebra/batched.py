"""Factors and solves of small systems in global memory, one for each thread, in place."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.linear_algebra import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

NAMES = {
    "A": "mats|systems|matrices|a",
    "L": "factors|chol|lower|lo",
    "b": "rhs|right|b_vec",
    "x": "solution|sol|unknowns",
    "n": "dim|order|size",
    "s": "acc|rest|partial",
    "pivot": "largest|best|pivot_size",
    "p": "pivot_row|best_row|pr",
    "f": "factor|multiplier|ratio",
    "batch": "tid|system|problem|sys_id",
    "i": "row|r",
    "j": "col|c",
    "k": "step|m",
}


def _dominant(a: Any, shift: float) -> Any:
    """The matrices that the kernels make of random ones, so that elimination is well posed."""
    return a + shift * np.eye(a.shape[-1])


@DOMAIN.algorithm(
    source="Golub & Van Loan 2013, Matrix Computations, algorithm 3.4.1 and 3.2.1",
    names=NAMES | {"lu_solve": "gauss_solve|gauss_eliminate|solve_dense"},
    adjoint="no",
    double=True,
    weight=5,
)
def lu_solve(d: Draft) -> None:
    """Solves batched dense linear systems using Gaussian elimination."""
    pivoting = d.option("pivoting", "partial", "none", "scaled", "indexed")
    jordan = d.flag("jordan", 0.3)
    columns = d.option("columns", "one", "several")
    layout = d.option("layout", "batch first", "batch last")
    determinant = d.flag("determinant", 0.3)
    d.calls(
        "gauss_jordan|gauss_jordan_solve|solve_dense" if jordan else "gauss_solve|gauss_eliminate|solve_dense"
    )
    n, count = d.pick(4, 5, 6, 7), d.pick(32, 48, 64)
    several = columns == "several"
    m = d.pick(2, 3)

    def a(i: str, j: str) -> str:
        return f"A[batch, {i}, {j}]" if layout == "batch first" else f"A[{i}, {j}, batch]"

    def b(i: str) -> str:
        inside = f"{i}, c" if several else i
        return f"b[batch, {inside}]" if layout == "batch first" else f"b[{inside}, batch]"

    first = layout == "batch first"
    d.inout(
        "A",
        "float",
        (count, n, n) if first else (n, n, count),
        -1.0,
        1.0,
        about="Matrices, overwritten with " + ("the pivots" if jordan else "the upper triangles"),
    )
    inner = (n, m) if several else (n,)
    d.inout(
        "b",
        "float",
        (count, *inner) if first else (*inner, count),
        -1.0,
        1.0,
        about="Right-hand sides, overwritten with the solutions"
        + (", entry i in row perm[i]" if pivoting == "indexed" else ""),
    )
    indexed = pivoting == "indexed"
    if indexed:
        d.output("perm", "int", (count, n), about="Row permutation")
    # pivots are there to be found, or the diagonals dominate
    low, high = (3.0, 5.0) if pivoting == "none" else (0.8, 1.6)
    d.param("shift", "float", low, high, about="Diagonal shift")
    if determinant:
        d.output("det", "float", count, about="Determinants")
    row = (lambda i: f"perm[batch, {i}]") if indexed else (lambda i: i)
    width = f"b.shape[{2 if first else 1}]"

    def columns_of(line: str) -> str:
        return f"for c in range({width}):\n    {line}" if several else line

    swap = f"""
    if p != k:
        for j in range(k, n):
            t = {a("k", "j")}
            {a("k", "j")} = {a("p", "j")}
            {a("p", "j")} = t
        $right
        $sign
    """
    tab = "    " if several else ""
    right = columns_of(f"u = {b('k')}\n{tab}{b('k')} = {b('p')}\n{tab}{b('p')} = u")
    measure = f"wp.abs({a('i', 'k')})"
    if pivoting == "scaled":
        measure = f"wp.abs({a('i', 'k')}) / row_size(A, batch, i, n)"
        array, at = "wp.array3d(dtype=float)", "A[batch, i, j]" if first else "A[i, j, batch]"
        d.function(
            f"""
            @wp.func
            def row_size(A: {array}, batch: int, i: int, n: int) -> float:
                size = float(0.0)
                for j in range(n):
                    size = wp.max(size, wp.abs({at}))
                return size
            """
        )
    search = f"""
    # {"Scaled partial pivoting" if pivoting == "scaled" else "Partial pivoting, so that multipliers are at most 1 in magnitude"}
    p = int(k)
    pivot = float(0.0)
    for i in range(k, n):
        size = {measure.replace(a("i", "k"), a(row("i"), "k"))}
        if size > pivot:
            pivot = size
            p = i
    """
    if indexed:
        swap = """
        # Swap row indices instead of copying rows
        t = perm[batch, k]
        perm[batch, k] = perm[batch, p]
        perm[batch, p] = t
        $sign
        """
    rk, ri = row("k"), row("i")
    clear = f"""
    for i in range({"n" if jordan else "k + 1, n"}):
        $jump
        f = {a(ri, "k")} / {a(rk, "k")}
        for j in range(k, n):
            {a(ri, "j")} -= f * {a(rk, "j")}
        {columns_of(f"{b(ri)} -= f * {b(rk)}") if not several else "$wide"}
    """
    wide = columns_of(f"{b(ri)} -= f * {b(rk)}")
    back = """
    # Back substitution
    for back in range(n):
        i = n - 1 - back
        $unknown
    """
    unknown = f"""
    s = {b("$ri")}
    for j in range(i + 1, n):
        s -= {a("$ri", "j")} * {b("$rj")}
    {b("$ri")} = s / {a("$ri", "i")}
    """.replace("$ri", ri).replace("$rj", row("j"))
    if several:
        body = "\n".join("    " + line[4:] if line.strip() else line for line in unknown.split("\n"))
        unknown = f"for c in range({width}):\n" + "\n".join(
            "    " + x[4:] for x in body.strip("\n").split("\n")
        )
    if jordan:
        back = f"""
        for i in range(n):
            {columns_of(f"{b(ri)} = {b(ri)} / {a(ri, 'i')}") if not several else "$unknown"}
        """
        unknown = columns_of(f"{b(ri)} = {b(ri)} / {a(ri, 'i')}")
    d.launch(count)
    d.code(
        f"""
        batch = wp.tid()
        n = A.shape[{1 if first else 0}]
        for i in range(n):
            {a("i", "i")} += shift
            $number
        $product
        for k in range(n - 1 + {int(jordan)}):
            $search
            $swap
            $clear
        $back
        $store
        """.replace("n - 1 + 0", "n - 1").replace("n - 1 + 1", "n"),
        number="perm[batch, i] = i" if indexed else "",
        product="product = float(1.0)" if determinant else "",
        search="" if pivoting == "none" else search,
        swap="" if pivoting == "none" else swap,
        right=right,
        sign="" if not determinant else ("if p != k:\n    " if indexed else "") + "product = -product",
        clear=clear,
        jump="if i == k:\n    continue" if jordan else "",
        wide=wide,
        back=back,
        unknown=unknown,
        store=(
            f"for i in range(n):\n    product *= {a(ri, 'i')}\ndet[batch] = product" if determinant else ""
        ),
    )
    entry = " (entry i in row `perm[i]`)" if indexed else ""
    d.explain(f"""
        `shift` is added to the diagonal before elimination. Each thread solves one system. On return, `A` holds the {"pivots" if jordan else "upper triangle"}, and `b` the solution{entry}.
        {"No pivoting is used, so all leading minors must be non-zero." if pivoting == "none" else ""}
    """)
    method = "Gauss-Jordan elimination" if jordan else "Gaussian elimination"
    also = " and computes their determinants" if determinant else ""
    places = ", leaving solutions in pivot row order" if indexed else ""
    d.says(f"Solves batched dense linear systems with diagonal shift{also} using {method}{places}.")

    def reference(v: Values) -> dict[str, Any]:
        full, side = (v.A, v.b) if first else (np.moveaxis(v.A, -1, 0), np.moveaxis(v.b, -1, 0))
        full = _dominant(full, v.shift)
        solved = np.linalg.solve(full, side if several else side[..., None])
        solved = solved if several else solved[..., 0]
        made = {} if indexed else {"b": solved if first else np.moveaxis(solved, 0, -1)}
        return made | ({"det": np.linalg.det(full)} if determinant else {})

    d.check(reference)
    if indexed:

        def holds(before: Values, after: Values) -> None:
            full, side = before.A, before.b
            if not first:
                full, side = np.moveaxis(full, -1, 0), np.moveaxis(side, -1, 0)
            full = _dominant(full, before.shift)
            solved = np.linalg.solve(full, side if several else side[..., None]).reshape(side.shape)
            found = after.b if first else np.moveaxis(after.b, -1, 0)
            at = np.arange(count)[:, None]
            np.testing.assert_allclose(found[at, after.perm], solved, rtol=1e-3, atol=1e-3)

        d.holds(holds)
