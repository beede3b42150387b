"""Eigenvalues of small matrices held in registers."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.linear_algebra import DOMAIN
from warpgen.synthesis.library import rotations
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "A": "matrices|mats|a|tensors",
    "m": "a_i|work|s",
    "tid": "i",
    "c": "cs|cosine",
    "s": "sn|sine",
    "V": "vectors|axes|eigvecs|frames",
    "values": "eigenvalues|lambdas|eigvals|principal",
}


def _symmetric(a: Any) -> Any:
    return 0.5 * (a + np.swapaxes(a, -1, -2))


@DOMAIN.algorithm(
    source="Jacobi 1846; Golub & Van Loan 2013, section 8.5; Smith 1961 for the closed form",
    names=_NAMES | {"symmetric_eigen": "jacobi_eigen|eigenvalues_sym3|diagonalize|principal_values"},
    adjoint="no",
    double=True,
    element="tensor",
    weight=2,
)
def symmetric_eigen(d: Draft) -> None:
    """Computes eigenvalues of small symmetric matrices."""
    way = d.option("way", "jacobi", "cyclic jacobi", "closed", "builtin")
    vectors = (d.flag("vectors") and "jacobi" in way) or way == "builtin"
    order = d.option("order", "sorted", "extremes", "spread")
    if vectors:
        order = "paired"  # each value with the column of its vector
    d.calls("symmetric_eigen|eigen_sym3|diagonalize" if vectors else {
        "sorted": "eigenvalues_sym3|symmetric_eigenvalues|principal_values",
        "extremes": "extreme_eigenvalues|eigenvalue_range|eigenvalue_bounds",
        "spread": "eigenvalue_spread|spectral_spread",
    }[order])  # fmt: skip
    sweeps = d.pick(5, 6, 8)
    count = d.pick(48, 64, 96, 128)
    given = d.option("given", "matrix", "six numbers")
    if given == "matrix":
        d.input("A", "mat33", count, -1.0, 1.0, about="Input matrices (symmetric part is used)")
        load = "m = 0.5 * (A[tid] + wp.transpose(A[tid]))"
    else:
        d.input(
            "A", "float", (count, 6), -1.0, 1.0, about="Symmetric matrix entries (xx, yy, zz, xy, yz, zx)"
        )
        load = """
        # xx, yy, zz, xy, yz, zx
        xy = A[tid, 3]
        yz = A[tid, 4]
        zx = A[tid, 5]
        m = wp.mat33(A[tid, 0], xy, zx, xy, A[tid, 1], yz, zx, yz, A[tid, 2])
        """
    of = "symmetrized 3x3 matrices" if given == "matrix" else "symmetric 3x3 matrices"
    if order == "paired":
        d.output("values", "vec3", count, about="Eigenvalues, in eigenvector order")
        d.output("V", "mat33", count, about="Eigenvectors as columns")
        d.says(f"Computes eigenvalues and eigenvectors for {of}.")
    elif order == "sorted":
        d.output("values", "vec3", count, about="Eigenvalues in descending order")
        d.says(f"Computes the eigenvalues of {of}.")
    elif order == "extremes":
        d.output("values", "vec2", count, about="Minimum and maximum eigenvalues")
        d.says(f"Computes the minimum and maximum eigenvalues for {of}.")
    else:
        d.output("spread", "float", count, about="Eigenvalue range (max - min)")
        d.says(f"Computes the eigenvalue range for {of}.")
    if way == "jacobi":
        d.module(f"ROTATIONS = wp.constant({3 * sweeps})")
        d.use(rotations.JACOBI_ROTATION)
        turn = "q = q * g" if vectors else ""
        body = f"""
        {"q = wp.identity(n=3, dtype=float)" if vectors else "$none"}
        for turn in range(ROTATIONS):
            # Pivot on the largest off-diagonal entry
            j = int(0)
            k = int(1)
            if wp.abs(m[0, 2]) > wp.abs(m[0, 1]):
                k = 2
            if wp.abs(m[1, 2]) > wp.abs(m[j, k]):
                j = 1
                k = 2
            c, s = jacobi_rotation(m[j, j], m[j, k], m[k, k])
            g = wp.identity(n=3, dtype=float)
            g[j, j] = c
            g[j, k] = s
            g[k, j] = -s
            g[k, k] = c
            m = wp.transpose(g) * m * g
            {turn or "$none"}
        w = wp.vec3(m[0, 0], m[1, 1], m[2, 2])
        """
    elif way == "cyclic jacobi":
        d.use(rotations.JACOBI_ROTATION)
        turn = "q = q * g" if vectors else "$none"
        body = f"""
        {"q = wp.identity(n=3, dtype=float)" if vectors else "$none"}
        for sweep in range({sweeps}):
            off = m[0, 1] * m[0, 1] + m[0, 2] * m[0, 2] + m[1, 2] * m[1, 2]
            # A few sweeps are enough since convergence is quadratic
            if off < 1.0e-12:
                break
            for j in range(2):
                for k in range(j + 1, 3):
                    c, s = jacobi_rotation(m[j, j], m[j, k], m[k, k])
                    g = wp.identity(n=3, dtype=float)
                    g[j, j] = c
                    g[j, k] = s
                    g[k, j] = -s
                    g[k, k] = c
                    m = wp.transpose(g) * m * g
                    {turn}
        w = wp.vec3(m[0, 0], m[1, 1], m[2, 2])
        """
        body = body.replace(f"range({sweeps})", "range(sweeps)")
        d.param("sweeps", "int", sweeps, about="Number of Jacobi sweeps")
    elif way == "closed":
        d.use(rotations.SYMMETRIC_EIGENVALUES)
        body = "w = symmetric_eigenvalues(m)"
    else:
        body = "q, w = wp.eig3(m)"
    # a rotation R of the basis gives columns of eigenvectors
    store = {
        "sorted": """
        lo = wp.min(w)
        hi = wp.max(w)
        # Compute the middle eigenvalue from the trace
        values[tid] = wp.vec3(hi, wp.trace(m) - lo - hi, lo)
        """,
        "paired": "values[tid] = w",
        "extremes": "values[tid] = wp.vec2(wp.min(w), wp.max(w))",
        "spread": "spread[tid] = wp.max(w) - wp.min(w)",
    }[order]
    if way == "closed":
        store = {
            "sorted": "values[tid] = symmetric_eigenvalues(m)",
            "extremes": "values[tid] = wp.vec2(w[2], w[0])",
            "spread": "spread[tid] = w[0] - w[2]",
        }[order]
        body = "" if order == "sorted" else body
    d.launch(count)
    d.code(
        "tid = wp.tid()\n$load\n$body\n$store\n$axes",
        load=load,
        body=body,
        store=store,
        axes="V[tid] = q" if vectors else "",
        none="",
    )
    if "jacobi" in way:
        product = ", and the accumulated rotations hold the eigenvectors as columns" if vectors else ""
        d.explain(f"""
            Jacobi eigenvalue algorithm: each rotation zeroes one off-diagonal entry. The diagonal converges to the
            eigenvalues{product}.
        """)

    def matrix(v: Values) -> Any:
        if given == "matrix":
            return _symmetric(v.A)
        return v.A[:, [0, 3, 5, 3, 1, 4, 5, 4, 2]].reshape(-1, 3, 3)

    def reference(v: Values) -> dict[str, Any]:
        w = np.linalg.eigvalsh(matrix(v))
        if order == "spread":
            return {"spread": w[:, 2] - w[:, 0]}
        return {"values": w[:, ::-1] if order == "sorted" else w[:, [0, 2]]}

    if not vectors:
        d.check(reference, 1e-3)
    else:

        def diagonalises(before: Values, after: Values) -> None:
            turned = np.swapaxes(after.V, 1, 2) @ matrix(before) @ after.V
            main = np.einsum("bii->bi", turned)
            np.testing.assert_allclose(turned, main[..., None] * np.eye(3), atol=2e-3)
            np.testing.assert_allclose(main, after["values"], atol=2e-3)
            np.testing.assert_allclose(
                np.swapaxes(after.V, 1, 2) @ after.V, np.eye(3)[None] + 0 * turned, atol=1e-3
            )

        d.holds(diagonalises)
