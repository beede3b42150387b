"""Factors of symmetric matrices, which need no pivots."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.linear_algebra import DOMAIN
from warpgen.synthesis.algorithms.linear_algebra.batched import NAMES
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Golub & Van Loan 2013, algorithms 4.2.1 and 4.2.2; 4.1.2 for L D L^T",
    names=NAMES | {"cholesky_factor": "dense_chol|batched_cholesky|dense_cholesky"},
    adjoint="no",
    double=True,
)
def cholesky_factor(d: Draft) -> None:
    """Computes in-place Cholesky factorizations for a batch of matrices with shifted diagonals."""
    form = d.option("form", "left-looking", "right-looking", "ldl")
    if form == "ldl":
        d.calls("ldl_factor|batched_ldl|dense_ldl")
    layout = d.option("layout", "square", "flat", "packed")
    own = d.flag("shift of each row", 0.3)
    inverse = d.flag("inverse", 0.3) and form != "ldl"  # reciprocals on the diagonal
    n, count = d.pick(4, 5, 6, 8), d.pick(32, 40, 64)
    cells = n * (n + 1) // 2

    def at(i: str, j: str) -> str:
        if layout == "square":
            return f"A[batch, {i}, {j}]"
        if layout == "flat":
            return f"A[base + {i} * n + {j}]"
        return f"A[batch, {i} * ({i} + 1) // 2 + {j}]"

    shape: Any = {"square": (count, n, n), "flat": count * n * n, "packed": (count, cells)}[layout]
    if layout != "square":
        d.param("n", "int", n, about="Matrix size")
    d.inout("A", "float", shape, -1.0, 1.0, about="Matrices, overwritten with the factors")
    low, high = float(n) + 1.0, float(n) + 3.0
    if own:
        d.input("shift", "float", n, low, high, about="Per-row diagonal shift")
    else:
        d.param("shift", "float", low, high, about="Diagonal shift")
    first = f"{at('j', 'j')} += shift{'[j]' if own else ''}"
    head = {"square": "n = A.shape[1]", "flat": "base = batch * n * n", "packed": ""}[layout]
    root = f"{at('j', 'j')} = {'1.0 / wp.sqrt(s)' if inverse else 'wp.sqrt(s)'}"
    over = f"{at('i', 'j')} = s * {at('j', 'j')}" if inverse else f"{at('i', 'j')} = s / {at('j', 'j')}"
    if form == "left-looking":
        body = f"""
        for j in range(n):
            {first}
            s = {at("j", "j")}
            for k in range(j):
                r = {at("j", "k")}
                s -= r * r
            $root
            # Left-looking: update column `j` using all previous columns
            for i in range(j + 1, n):
                s = {at("i", "j")}
                for k in range(j):
                    s -= {at("i", "k")} * {at("j", "k")}
                {over}
        """
    elif form == "right-looking":
        body = f"""
        for j in range(n):
            {first}
        for k in range(n):
            root = wp.sqrt({at("k", "k")})
            {at("k", "k")} = {"1.0 / root" if inverse else "root"}
            for i in range(k + 1, n):
                {at("i", "k")} = {at("i", "k")} / root
            # Right-looking: subtract the outer product of column `k` from the trailing block
            for j in range(k + 1, n):
                for i in range(j, n):
                    {at("i", "j")} -= {at("i", "k")} * {at("j", "k")}
        """
    else:
        d.says("Computes in-place LDL^T factorizations for a batch of matrices with shifted diagonals.")
        body = f"""
        for j in range(n):
            {first}
            d_j = {at("j", "j")}
            for k in range(j):
                d_j -= {at("j", "k")} * {at("j", "k")} * {at("k", "k")}
            {at("j", "j")} = d_j
            for i in range(j + 1, n):
                s = {at("i", "j")}
                for k in range(j):
                    s -= {at("i", "k")} * {at("j", "k")} * {at("k", "k")}
                {at("i", "j")} = s / d_j
        """
    d.launch(count)
    d.code("batch = wp.tid()\n$head\n$body", head=head, body=body, root=root)
    kept = "L is stored below the diagonal, D on the diagonal." if form == "ldl" else ""
    if inverse:
        kept = "The diagonal stores reciprocals, so that solves need no division."
    d.explain(f"""
        One thread per matrix. Only the lower triangle of `A` is read and overwritten. `shift` is added to the diagonal first. {kept}
    """)
    if inverse:
        d.says(
            "Computes in-place Cholesky factors with reciprocal diagonals for a batch of shifted matrices."
        )
    lower = np.tril_indices(n)

    def reference(v: Values) -> dict[str, Any]:
        given = np.zeros((count, n, n))
        if layout == "packed":
            given[:, lower[0], lower[1]] = v.A
        else:
            given = v.A.reshape(count, n, n)
        low = np.tril(given, -1)
        main = np.einsum("bii->bi", given) + v["shift"]
        full = low + np.swapaxes(low, 1, 2) + main[..., None] * np.eye(n)
        factor = np.linalg.cholesky(full)
        scale = np.einsum("bii->bi", factor)
        if form == "ldl":
            factor = factor / scale[:, None, :]
            factor = np.tril(factor, -1) + (scale**2)[..., None] * np.eye(n)
        elif inverse:
            factor = np.tril(factor, -1) + (1.0 / scale)[..., None] * np.eye(n)
        if layout == "packed":
            return {"A": factor[:, lower[0], lower[1]]}
        return {"A": (factor + np.triu(given, 1)).reshape(v.A.shape)}

    d.check(reference, 5e-4)
