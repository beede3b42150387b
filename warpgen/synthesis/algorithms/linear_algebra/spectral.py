"""Eigenvalues, polar factors and exponentials of small matrices held in registers."""

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
        d.input("A", "mat33", count, -1.0, 1.0)
        load = "m = 0.5 * (A[tid] + wp.transpose(A[tid]))"
    else:
        d.input("A", "float", (count, 6), -1.0, 1.0)
        load = """
        # xx, yy, zz, xy, yz, zx
        xy = A[tid, 3]
        yz = A[tid, 4]
        zx = A[tid, 5]
        m = wp.mat33(A[tid, 0], xy, zx, xy, A[tid, 1], yz, zx, yz, A[tid, 2])
        """
    of = "the symmetric parts of matrices" if given == "matrix" else "symmetric 3x3 matrices"
    if order == "paired":
        d.output("values", "vec3", count, about="Eigenvalues, in the order of the eigenvectors")
        d.output("V", "mat33", count, about="Eigenvectors as columns")
        d.says(f"Computes eigenvalues and eigenvectors of {of}.")
    elif order == "sorted":
        d.output("values", "vec3", count, about="Eigenvalues, largest first")
        d.says(f"Computes the eigenvalues of {of}.")
    elif order == "extremes":
        d.output("values", "vec2", count, about="Smallest and largest eigenvalue")
        d.says(f"Computes the smallest and largest eigenvalue of {of}.")
    else:
        d.output("spread", "float", count, about="Largest less smallest eigenvalue")
        d.says(f"Computes the spread of eigenvalues of {of}.")
    if way == "jacobi":
        d.use(rotations.JACOBI_ROTATION)
        turn = "q = q * g" if vectors else ""
        body = f"""
        {"q = wp.identity(n=3, dtype=float)" if vectors else "$none"}
        for turn in range({3 * sweeps}):
            # Pick the largest off-diagonal entry as pivot
            axis = int(0)
            if wp.abs(m[0, 2]) > wp.abs(m[0, 1]):
                axis = 1
            if wp.abs(m[1, 2]) > wp.max(wp.abs(m[0, 1]), wp.abs(m[0, 2])):
                axis = 2
            j = wp.where(axis == 2, 1, 0)
            k = wp.where(axis == 0, 1, 2)
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
            # Convergence is quadratic, so that a few sweeps are enough
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
        d.param("sweeps", "int", sweeps, about="Number of sweeps")
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
        # The one between follows from the trace
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
        product = ", and the product of all rotations holds the eigenvectors as columns" if vectors else ""
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


@DOMAIN.algorithm(
    source="Higham 1986, Computing the Polar Decomposition; Muller et al. 2016 (warm started axis-angle)",
    names=_NAMES
    | {
        "polar_decomposition": "extract_rotations|polar_factors|nearest_rotation",
        "grad_u": "displacement_gradient|disp_grad|H",
        "a": "f|F|defgrad",
        "R": "rotations|rot|Q",
        "S": "stretches|stretch|U",
        "r": "rot_i|rotation|orient",
        "steps": "iterations|num_iters|iters",
    },
    adjoint="no",
    weight=5,
    element="element",
)
def polar_decomposition(d: Draft) -> None:
    """Computes polar decompositions of matrices."""
    way = d.option("way", "higham", "svd", "newton-schulz", "quaternion", "planar")
    result = d.option("result", "rotation", "both", "stretch", "strain", "distance")
    d.calls({
        "rotation": "nearest_rotation|extract_rotations|rotation_of_deformation",
        "both": "polar_decomposition|polar_factors|polar_decompose",
        "stretch": "polar_stretch|symmetric_stretch|stretch_tensor",
        "strain": "biot_strain|strain_from_polar",
        "distance": "distance_to_rotation|squared_rotation_distance|arap_distance",
    }[result])  # fmt: skip
    jitter = d.flag("transposed", 0.3)
    count = d.pick(48, 64, 96)
    size = 2 if way == "planar" else 3
    d.input("grad_u", f"mat{size}{size}", count, -0.25, 0.25)
    if way == "quaternion":
        d.input("guess", "quat", count, kind="unit", about="Initial rotations")
    steps = d.pick(8, 10)
    if way in ("higham", "newton-schulz"):
        d.param("steps", "int", steps)
    outputs = {"rotation": "R", "both": "R S", "stretch": "S", "strain": "E", "distance": "dist"}[result]
    for name in outputs.split():
        d.output(name, "float" if name == "dist" else f"mat{size}{size}", count)
    load = f"a = grad_u[tid] + wp.identity(n={size}, dtype=float)"
    if jitter:
        load = f"# Row k of `grad_u` holds the derivatives along axis k\na = wp.transpose(grad_u[tid]) + wp.identity(n={size}, dtype=float)"
    if way in ("higham", "svd", "newton-schulz"):
        number = ("higham", "svd", "newton-schulz").index(way)
        d.use(rotations.POLARS[number])
        body = f"r = polar_rotation(a, {'0' if way == 'svd' else 'steps'})"
        if way == "svd":
            body = "u, _, w = wp.svd3(a)\nr = u * wp.transpose(w)"
            d.pieces.remove(rotations.POLAR_SVD)
    elif way == "quaternion":
        body = """
        q = guess[tid]
        for step in range(60):
            r = wp.quat_to_matrix(q)
            # Muller et al. 2016: omega = sum_i r_i x a_i / |sum_i r_i . a_i|, zero at the closest rotation
            r0 = wp.vec3(r[0, 0], r[1, 0], r[2, 0])
            r1 = wp.vec3(r[0, 1], r[1, 1], r[2, 1])
            r2 = wp.vec3(r[0, 2], r[1, 2], r[2, 2])
            a0 = wp.vec3(a[0, 0], a[1, 0], a[2, 0])
            a1 = wp.vec3(a[0, 1], a[1, 1], a[2, 1])
            a2 = wp.vec3(a[0, 2], a[1, 2], a[2, 2])
            torque = wp.cross(r0, a0) + wp.cross(r1, a1) + wp.cross(r2, a2)
            axis = torque / (wp.abs(wp.dot(r0, a0) + wp.dot(r1, a1) + wp.dot(r2, a2)) + 1.0e-9)
            angle = wp.length(axis)
            if angle < 1.0e-7:
                break
            q = wp.normalize(wp.quat_from_axis_angle(axis / angle, angle) * q)
        r = wp.quat_to_matrix(q)
        """.replace("range(60)", "range(max_steps)")
        d.param("max_steps", "int", 200, about="Iteration limit")
    else:
        body = """
        # In 2D, a matrix plus its cofactor matrix is a scaled rotation
        x = a[0, 0] + a[1, 1]
        y = a[1, 0] - a[0, 1]
        h = wp.sqrt(x * x + y * y)
        r = wp.mat22(x / h, -y / h, y / h, x / h)
        """
    store = {
        "rotation": "R[tid] = r",
        "both": "R[tid] = r\n# Symmetric, being R^T F\nS[tid] = wp.transpose(r) * a",
        "stretch": "S[tid] = wp.transpose(r) * a",
        "strain": f"# Biot strain U - I, invariant under rotation\n"
        f"E[tid] = wp.transpose(r) * a - wp.identity(n={size}, dtype=float)",
        "distance": "e = a - r\ndist[tid] = wp.ddot(e, e)",
    }[result]
    says = {
        "rotation": "Computes the rotations of deformations by polar decompositions.",
        "both": "Computes rotations and stretches of deformations by polar decompositions.",
        "stretch": "Computes the symmetric stretches of deformations by polar decompositions.",
        "strain": "Computes the Biot strains U - I of deformations.",
        "distance": "Computes squared distances of deformation gradients to the closest rotations.",
    }
    d.says(says[result])
    d.launch(count)
    d.code("tid = wp.tid()\n$load\n$body\n$store", load=load, body=body, store=store)
    d.explain("""
        F = R U with R orthonormal and U symmetric positive definite, where F = I + grad u.
    """)

    def reference(v: Values) -> dict[str, Any]:
        a = (np.swapaxes(v.grad_u, 1, 2) if jitter else v.grad_u) + np.eye(size)
        r = rotations.polar_factor(a)
        s = np.swapaxes(r, 1, 2) @ a
        everything = {"R": r, "S": s, "E": s - np.eye(size), "dist": ((a - r) ** 2).sum(axis=(1, 2))}
        return {name: everything[name] for name in outputs.split()}

    d.check(reference, 2e-3)


@DOMAIN.algorithm(
    source="Higham 2005, The Scaling and Squaring Method; Rodrigues for skew matrices; Golub & Van Loan 9.3",
    names=_NAMES
    | {
        "matrix_exponential": "expm|expm_batched|propagator",
        "A": "generators|rates|velocity_gradients|L",
        "E": "propagators|exp_a|step_maps|exponentials",
        "dt": "h|time_step|tau",
        "term": "t_k|addend|summand",
        "m": "a_dt|a_step|scaled",
    },
    double=True,
    adjoint="either",
    weight=13,
    element="element",
)
def matrix_exponential(d: Draft) -> None:
    """Computes matrix exponentials of small matrices."""
    size = d.option("size", 2, 3, 4)
    way = d.option("way", "taylor", "scaling", "pade", "cayley", "closed")
    applied = d.option("applied", "matrix", "vector", "composed")
    half = d.flag("half step", 0.3)
    count = d.pick(48, 64, 96)
    kind = f"mat{size}{size}"
    if way == "closed" and size == 4:
        way = "pade"
    d.calls(
        "propagate_states|propagator|apply_expm"
        if applied == "vector"
        else "compose_flow|compose_expm|propagate_maps"
        if applied == "composed"
        else {
            "closed": "exp_map|exp_skew|exp_rotation"
            if size == 3
            else "expm_2x2|expm_closed_form|exp_matrix_2x2",
            "cayley": "cayley_transform|cayley_map",
        }.get(way, "matrix_exponential|expm|expm_batched")
    )
    if way == "cayley":
        d.says({
            "matrix": "Approximates matrix exponentials by the Cayley transform.",
            "vector": "Propagates linear ODE systems by the Cayley transform.",
            "composed": "Composes flow maps with the Cayley transforms of matrices.",
        }[applied])  # fmt: skip
    elif way == "closed" and size == 3:
        d.says({
            "matrix": "Computes rotations as exponentials of the skew parts of matrices.",
            "vector": "Rotates vectors by exponentials of the skew parts of matrices.",
            "composed": "Composes maps with rotations, the exponentials of the skew parts of matrices.",
        }[applied])  # fmt: skip
    elif applied != "matrix":
        d.says({
            "vector": "Propagates linear ODE systems by matrix exponentials.",
            "composed": "Composes flow maps with matrix exponentials.",
        }[applied])  # fmt: skip
    d.input("A", kind, count, -1.0, 1.0)
    d.param("dt", "float", 0.1, 0.5)
    if applied == "vector":
        d.input("x", f"vec{size}", count, -1.0, 1.0)
        d.output("x_new", f"vec{size}", count)
        store = "x_new[tid] = e * x[tid]"
    elif applied == "composed":
        d.input("flow", kind, count, -1.0, 1.0, about="Maps until now")
        d.output("flow_new", kind, count, about="Maps until after the step")
        store = "flow_new[tid] = e * flow[tid]"
    else:
        d.output("E", kind, count)
        store = "E[tid] = e"
    identity = f"wp.identity(n={size}, dtype=float)"
    arg = "(0.5 * dt) * A[tid]" if half else "dt * A[tid]"
    terms, squarings = d.pick(9, 10, 12), d.pick(3, 4)
    body = {
        "taylor": f"""
        m = {arg}
        e = {identity}
        term = {identity}
        for k in range(1, {terms}):
            term = term * m / float(k)
            e += term
        """,
        "scaling": f"""
        # Scaling and squaring: exp(m) = exp(m / {2**squarings})^{2**squarings}
        m = {arg} / {float(2**squarings)}
        e = {identity} + m * ({identity} + 0.5 * m * ({identity} + m / 3.0 * ({identity} + 0.25 * m)))
        for level in range({squarings}):
            e = e * e
        """,
        "pade": f"""
        m = {arg}
        m2 = m * m
        # [3/3] Pade approximant, odd terms change sign in the denominator
        even = 120.0 * {identity} + 12.0 * m2
        odd = m * (60.0 * {identity} + m2)
        e = wp.inverse(even - odd) * (even + odd)
        """,
        "cayley": f"""
        # [1/1] Pade approximant (Cayley transform), maps skew matrices to rotations
        m = 0.5 * {arg}
        e = wp.inverse({identity} - m) * ({identity} + m)
        """,
    }
    if way == "closed" and size == 2:
        body["closed"] = f"""
        m = {arg}
        # exp(m) = e^mu (cosh(q) I + sinh(q) / q (m - mu I)), q becomes imaginary for complex eigenvalues
        mu = 0.5 * wp.trace(m)
        dev = m - mu * {identity}
        q2 = -wp.determinant(dev)
        q = wp.sqrt(wp.abs(q2) + 1.0e-12)
        even = wp.where(q2 > 0.0, wp.cosh(q), wp.cos(q))
        odd = wp.where(q2 > 0.0, wp.sinh(q), wp.sin(q)) / q
        e = wp.exp(mu) * (even * {identity} + odd * dev)
        """
    elif way == "closed":
        body["closed"] = f"""
        # The skew part of a matrix generates a rotation
        w = {"0.5 * (0.5 * dt)" if half else "0.5 * dt"} * (A[tid] - wp.transpose(A[tid]))
        axis = wp.vec3(w[2, 1], w[0, 2], w[1, 0])
        # Never 0, which would give 0 / 0 below
        theta = wp.sqrt(wp.length_sq(axis) + 1.0e-12)
        # Rodrigues formula, 1 - cos(theta) written as 2 sin(theta / 2)^2 to avoid cancellation
        half = wp.sin(0.5 * theta)
        e = {identity} + wp.sin(theta) / theta * w + 2.0 * half * half / (theta * theta) * w * w
        """
    d.launch(count)
    d.code(
        "tid = wp.tid()\n$note\n$body\n$store",
        note="# Half of the step, as a symmetric splitting takes it" if half else "",
        body=body[way],
        store=store,
    )

    def reference(v: Values) -> dict[str, Any]:
        m = v.A * v.dt * (0.5 if half else 1.0)
        if way == "closed" and size == 3:
            m = 0.5 * (m - np.swapaxes(m, 1, 2))
        if way == "cayley":
            e = np.linalg.solve(np.eye(size) - m / 2, np.eye(size) + m / 2)
        else:
            w, u = np.linalg.eig(m)
            e = (u * np.exp(w)[:, None] @ np.linalg.inv(u)).real
        if applied == "vector":
            return {"x_new": np.einsum("bij,bj->bi", e, v.x)}
        return {"flow_new": e @ v.flow} if applied == "composed" else {"E": e}

    d.check(reference, 1e-3)
