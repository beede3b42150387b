"""Functions of dense matrices by iterations of products alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.linear_algebra import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "A": "a_in|mat|matrices",
    "s": "summed|dot|total",
    "k": "kk|p|inner",
}


_MUON = "# Use the Muon coefficients, which push singular values close to one in a few iterations"


@DOMAIN.algorithm(
    source="Newton-Schulz iteration: Schulz 1933; Jordan et al. 2024 (Muon) for the orthogonalising quintic",
    names=_NAMES
    | {
        "newton_schulz": "newton_schulz_step|schulz_inverse|orthogonalize_step|ns_iteration",
        "X": "iterate|x_in|estimate",
        "Y": "x_out|next_iterate|improved",
    },
    double=True,
    element="entry",
)
def newton_schulz(d: Draft) -> None:
    """Performs one Newton-Schulz iteration for the inverse of a matrix."""
    goal = d.option("goal", "inverse", "orthogonal", "quintic", "sign")
    form = d.option("form", "tile", "vec type", "threads")
    if goal == "inverse":
        form = "vec type"  # matrices near the identity, so that iterates are near their inverses
    d.calls({
        "inverse": "newton_schulz_inverse|schulz_inverse|newton_schulz_step|ns_iteration",
        "orthogonal": "orthogonalize_step|newton_schulz_polar|newton_schulz_step|ns_iteration",
        "quintic": "quintic_newton_schulz|orthogonalize_step|muon_orthogonalize",
        "sign": "matrix_sign_step|newton_schulz_sign|ns_iteration",
    }["orthogonal" if goal == "quintic" and form == "threads" else goal])  # fmt: skip
    damped = d.flag("damped", 0.3)
    size = d.pick(3, 4) if form == "vec type" else d.pick(4, 8, 12)
    count = d.pick(32, 48) if form == "vec type" else d.pick(6, 8, 10)
    tile = form == "tile"
    scale = 0.5 if form == "vec type" else 0.25
    if goal == "quintic":
        scale = 1.0 / size  # no singular value above one
    if form == "vec type":
        kind: Any = f"mat{size}{size}"
        shape: Any = count
    else:
        kind, shape = "float", ((count * size, size) if tile else (count, size, size))
    if goal == "inverse":
        d.input("A", kind, shape, 0.7, 1.3, "spd", about="Matrices to invert")
        d.input("X", kind, shape, 0.8, 1.2, "spd", about="Iterates")
    else:
        d.input("X", kind, shape, -scale, scale, about="Iterates")
    if damped:
        d.param("relax", "float", 0.4, 0.9, about="Relaxation factor")
    d.output("Y", kind, shape, about="Next iterates")
    names = {
        "inverse": "Performs one Newton-Schulz iteration for the matrix inverse: X (2 - A X).",
        "orthogonal": "Performs one Newton-Schulz iteration for the orthogonal polar factor: X (3 - X^T X) / 2.",
        "quintic": "Performs one quintic Newton-Schulz iteration for orthogonalization.",
        "sign": "Performs one Newton-Schulz iteration for the matrix sign function: X (3 - X X) / 2.",
    }
    d.says(names[goal] if not damped else f"{names[goal][:-1]}, under-relaxed.")
    d.explain({
        "inverse": "Converges if the spectral radius of 1 - A X is below one.",
        "orthogonal": "Converges for singular values between 0 and sqrt(3).",
        "quintic": "Singular values must be at most one; repeated steps push them close to one."
        if form != "threads" else "Converges for singular values between 0 and sqrt(3).",
        "sign": "Converges if the norm of 1 - X X is below one.",
    }[goal])  # fmt: skip
    if form == "vec type":
        eye = f"wp.identity(n={size}, dtype=float)"
        body = {
            "inverse": f"a = A[tid]\n$store {{x * (2.0 * {eye} - a * x)}}",
            "orthogonal": f"$store {{0.5 * x * (3.0 * {eye} - wp.transpose(x) * x)}}",
            "quintic": f"g = x * wp.transpose(x)\n{_MUON}\n$store {{3.4445 * x + (-4.775 * g + 2.0315 * g * g) * x}}",
            "sign": f"$store {{0.5 * x * (3.0 * {eye} - x * x)}}",
        }[goal]
        head, new = body.split("$store ")
        new = new.strip("{}")
        lines = head + f"Y[tid] = {new}"
        if damped:
            lines = head + f"new = {new}\nY[tid] = x + relax * (new - x)"
        d.launch(count)
        d.code("tid = wp.tid()\nx = X[tid]\n$lines", lines=lines)
    elif tile:
        d.module(f"N = wp.constant({size})")
        steps = {
            "orthogonal": "g = wp.tile_matmul(wp.tile_transpose(x), x)\n"
            "new = x * 1.5 - wp.tile_matmul(x, g) * 0.5",
            "quintic": "g = wp.tile_matmul(x, wp.tile_transpose(x))\ng2 = wp.tile_matmul(g, g)\n"
            f"{_MUON}\np = g2 * 2.0315 - g * 4.775\nnew = x * 3.4445 + wp.tile_matmul(p, x)",
            "sign": "g = wp.tile_matmul(x, x)\nnew = x * 1.5 - wp.tile_matmul(x, g) * 0.5",
        }[goal]
        out = "x + (new - x) * relax" if damped else "new"
        d.launch(count, tiled=True)
        d.code(
            """
            i = wp.tid()
            x = wp.tile_load(X, shape=(N, N), offset=(i * N, 0), storage="shared")
            $steps
            wp.tile_store(Y, $out, offset=(i * N, 0))
            """,
            steps=steps,
            out=out,
        )
    else:
        inner = {
            "orthogonal": "X[batch, l, k] * X[batch, l, j]",
            "quintic": "X[batch, l, k] * X[batch, l, j]",
            "sign": "X[batch, k, l] * X[batch, l, j]",
        }[goal]
        new = "1.5 * x - 0.5 * s"
        if goal == "quintic":
            d.says(names["orthogonal"] if not damped else f"{names['orthogonal'][:-1]}, under-relaxed.")
        entry = "square_entry" if goal == "sign" else "gram_entry"
        out = "x + relax * (new - x)" if damped else "new"
        d.function(
            f"""
            @wp.func
            def {entry}(X: wp.array3d(dtype=float), batch: int, k: int, j: int) -> float:
                g = float(0.0)
                for l in range(X.shape[1]):
                    g += {inner}
                return g
            """
        )
        d.launch(count, size, size)
        d.code(
            f"""
            batch, i, j = wp.tid()
            n = X.shape[1]
            x = X[batch, i, j]
            s = float(0.0)
            for k in range(n):
                s += X[batch, i, k] * {entry}(X, batch, k, j)
            $put
            """,
            put=f"new = {new}\nY[batch, i, j] = {out}" if damped else f"Y[batch, i, j] = {new}",
        )

    def reference(v: Values) -> dict[str, Any]:
        x = v.X.reshape(-1, size, size)
        xt = np.swapaxes(x, 1, 2)
        if goal == "inverse":
            new = 2 * x - x @ v.A.reshape(x.shape) @ x
        elif goal == "quintic" and form != "threads":
            g = x @ xt
            new = 3.4445 * x - 4.775 * g @ x + 2.0315 * g @ g @ x
        elif goal == "sign":
            new = 1.5 * x - 0.5 * x @ x @ x
        else:
            new = 1.5 * x - 0.5 * x @ xt @ x
        new = x + v.relax * (new - x) if damped else new
        return {"Y": new.reshape(v.X.shape)}

    d.check(reference)
