"""Orthonormal bases."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.linear_algebra import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Golub & Van Loan 2013, algorithms 5.2.5 and 5.2.6; Daniel et al. 1976 (twice is enough)",
    names={
        "gram_schmidt": "orthonormalize|orthogonalize_vectors|gram_schmidt_basis",
        "V": "basis|vectors|Q|frames",
        "batch": "tid|b|set_id",
        "proj": "coef|h|overlap",
        "norm": "length|vec_norm",
        "k": "row|i|m",
        "j": "l|q|other",
    },
    adjoint="no",
    double=True,
    weight=2,
    element="set",
)
def gram_schmidt(d: Draft) -> None:
    """Orthonormalizes batched sets of vectors in place using Gram-Schmidt."""
    form = d.option("form", "modified", "guarded", "twice", "right-looking")
    layout = d.option("layout", "rows", "columns", "vec3", "one block")
    keep = d.flag("keep", 0.4)
    m, n, count = d.pick(3, 4), d.pick(6, 8, 10), d.pick(32, 48)
    if layout == "vec3":
        m, n = 3, 3
        keep = keep and form != "twice"  # what the second pass removes would be missing in it
    block = layout == "one block"
    how = "Gram-Schmidt" + (" with reorthogonalization" if form == "twice" else "")
    if block:
        d.says(f"Orthonormalizes a set of vectors in place using a single thread ({how}).")
    else:
        d.says(f"Orthonormalizes a batch of vector sets in place using {how}.")
    if block:
        count, keep = 1, keep
    shape = (count, m) if layout == "vec3" else (count, m, n) if layout != "columns" else (count, n, m)
    kind = "vec3" if layout == "vec3" else "float"
    if block:
        d.inout(
            "V",
            "float",
            (d.pick(6, 8), 16),
            -1.0,
            1.0,
            about="Vectors, overwritten with the orthonormal basis",
        )
        m, n = d.parameters[-1].fills[0].shape
        d.launch(1)
    else:
        d.inout("V", kind, shape, -1.0, 1.0, about="Vectors, overwritten with the orthonormal basis")
        d.launch(count)
    if keep:
        d.output("R", "float", (m, m) if block else (count, m, m), about="Upper triangular factor")
    lead = "" if block else "batch, "

    def tail(k: str, e: str) -> str:
        return f"V[{lead}{e}, {k}]" if layout == "columns" else f"V[{lead}{k}, {e}]"

    vectors = "V.shape[2]" if layout == "columns" else "V.shape[0]" if block else "V.shape[1]"
    parts = "V.shape[1]" if layout in ("columns", "one block") else "V.shape[2]"
    head = "" if block else "batch = wp.tid()\n"
    if layout == "vec3":
        # written out: three vectors are few
        again = "# Second pass to reduce rounding errors\n"
        twice = f"{again}v -= wp.dot(v, q0) * q0" if form == "twice" else ""
        first, second = "wp.dot(w, q0)", "wp.dot(w, q1)"
        if keep:
            first, second = "R[batch, 0, 2]", "R[batch, 1, 2]"
        third = f"w = V[batch, 2]\n$p2\nw -= {first} * q0\n$p3\nw -= {second} * q1"
        if form == "guarded":
            third = f"w = V[batch, 2]\n$p2\n$p3\nw -= {first} * q0 + {second} * q1"
        if form == "twice":
            third += f"\n{again}w -= wp.dot(w, q0) * q0\nw -= wp.dot(w, q1) * q1"
        d.code(
            """
            batch = wp.tid()
            u = V[batch, 0]
            $p0
            q0 = wp.normalize(u)
            v = V[batch, 1]
            $p1
            v -= $onto * q0
            $twice
            $p4
            q1 = wp.normalize(v)
            $third
            $p5
            V[batch, 0] = q0
            V[batch, 1] = q1
            V[batch, 2] = wp.normalize(w)
            """,
            twice=twice,
            third=third,
            onto="R[batch, 0, 1]" if keep else "wp.dot(v, q0)",
            p0="R[batch, 0, 0] = wp.length(u)" if keep else "",
            p1="R[batch, 0, 1] = wp.dot(v, q0)" if keep else "",
            p2="R[batch, 0, 2] = wp.dot(w, q0)" if keep else "",
            p3="R[batch, 1, 2] = wp.dot(w, q1)" if keep else "",
            p4="R[batch, 1, 1] = wp.length(v)" if keep else "",
            p5="R[batch, 2, 2] = wp.length(w)" if keep else "",
        )
    else:
        record = f"R[{lead}j, k] {'+=' if form == 'twice' else '='} proj" if keep else ""
        dot = f"proj = float(0.0)\nfor e in range(n):\n    proj += {tail('j', 'e')} * {tail('k', 'e')}"
        subtract = f"for e in range(n):\n    {tail('k', 'e')} -= proj * {tail('j', 'e')}"
        own = tail("k", "e")
        size = (
            f"norm_sq = float(0.0)\nfor e in range(n):\n    norm_sq += {own} * {own}\nnorm = wp.sqrt(norm_sq)"
        )
        scale = f"for e in range(n):\n    {tail('k', 'e')} = {tail('k', 'e')} / norm"
        main = f"R[{lead}k, k] = norm" if keep else ""
        if form == "right-looking":
            loop = """
            for k in range(m):
                $size
                $main
                $scale
                # Modified Gram-Schmidt: immediately orthogonalize all later vectors
                for j in range(k + 1, m):
                    $dot
                    $record
                    $subtract
            """
            record = f"R[{lead}k, j] = proj" if keep else ""
            subtract = f"for e in range(n):\n    {tail('j', 'e')} -= proj * {tail('k', 'e')}"
        elif form == "guarded":
            d.explain("If a vector is linearly dependent on previous ones, it is set to zero.")
            # all projections are of the vector as it was given, one component after the other
            loop = """
            for k in range(m):
                for j in range(k):
                    $dot
                    $record
                    $subtract
                $size
                # Zero out linearly dependent vectors, since only rounding errors remain
                if norm < 1.0e-6:
                    $clear
                    continue
                $main
                $scale
            """
        elif form == "twice":
            loop = """
            for k in range(m):
                # Reorthogonalize once ("twice is enough") to reduce rounding errors
                for turn in range(2):
                    for j in range(k):
                        $dot
                        $record
                        $subtract
                $size
                $main
                $scale
            """
        else:
            loop = """
            for k in range(m):
                for j in range(k):
                    $dot
                    $record
                    $subtract
                $size
                $main
                $scale
            """
        d.code(
            f"{head}m = {vectors}\nn = {parts}\n$loop",
            loop=loop,
            dot=dot,
            subtract=subtract,
            size=size,
            scale=scale,
            clear=f"for e in range(n):\n    {own} = 0.0",
            main=main,
            record=record,
        )

    def reference(v: Values) -> dict[str, Any]:
        given = v.V[None] if block else v.V
        if layout != "columns":
            given = np.swapaxes(given, 1, 2)
        q, r = np.linalg.qr(given)
        sign = np.sign(np.einsum("bii->bi", r))
        q, r = q * sign[:, None, :], r * sign[:, :, None]
        q = q if layout == "columns" else np.swapaxes(q, 1, 2)
        made = {"V": q[0] if block else q}
        return made | ({"R": r[0] if block else r} if keep else {})

    d.check(reference, 1e-2)
