"""Polar factors and exponentials of small matrices held in registers."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.linear_algebra import DOMAIN
from warpgen.synthesis.library import rotations
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "A": "matrices|mats|a|tensors",
    "m": "a_i|work|mat",
    "tid": "i",
}
_WAYS = {
    "higham": "Newton iteration", "svd": "SVD", "planar": "a closed form in 2D",
    "newton-schulz": "Newton-Schulz iterations", "quaternion": "repeated rotation of an initial guess towards F",
}  # fmt: skip
_POLAR = {
    "R": "Rotations", "S": "Symmetric stretches", "E": "Biot strains",
    "dist_sq": "Squared distances to the closest rotation",
}  # fmt: skip


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
    element="entry",
)
def polar_decomposition(d: Draft) -> None:
    """Computes polar decompositions."""
    way = d.option("way", "higham", "svd", "newton-schulz", "quaternion", "planar")
    result = d.option("result", "rotation", "both", "stretch", "strain", "distance")
    d.calls({
        "rotation": "nearest_rotation|extract_rotations|rotation_of_deformation",
        "both": "polar_decomposition|polar_factors|polar_decompose",
        "stretch": "polar_stretch|symmetric_stretch|stretch_tensor",
        "strain": "biot_strain|strain_from_polar",
        "distance": "squared_rotation_distance|squared_distance_to_rotation|rotation_distance_sq",
    }[result])  # fmt: skip
    jitter = d.flag("transposed", 0.3)
    count = d.pick(48, 64, 96)
    size = 2 if way == "planar" else 3
    d.input("grad_u", f"mat{size}{size}", count, -0.25, 0.25, about="Displacement gradients")
    if way == "quaternion":
        d.input("guess", "quat", count, kind="unit", about="Initial rotations")
    steps = d.pick(8, 10) * (2 if way == "newton-schulz" else 1)
    if way in ("higham", "newton-schulz"):
        d.param("steps", "int", steps, about="Number of iterations")
    outputs = {"rotation": "R", "both": "R S", "stretch": "S", "strain": "E", "distance": "dist_sq"}[result]
    for name in outputs.split():
        d.output(name, "float" if name == "dist_sq" else f"mat{size}{size}", count, about=_POLAR[name])
    load = f"a = grad_u[tid] + wp.identity(n={size}, dtype=float)"
    if jitter:
        load = f"# Row k of `grad_u` stores the derivatives along axis k\na = wp.transpose(grad_u[tid]) + wp.identity(n={size}, dtype=float)"
    if way in rotations.POLARS:
        d.use(rotations.POLARS[way])
        body = "r = polar_rotation(a, steps)"
    elif way == "svd":
        body = "# use double precision, since float32 svd3() is not accurate enough\nu, _, w = wp.svd3(wp.mat33d(a))\nr = wp.mat33(u * wp.transpose(w))"
    elif way == "quaternion":
        body = """
        a0 = wp.vec3(a[0, 0], a[1, 0], a[2, 0])
        a1 = wp.vec3(a[0, 1], a[1, 1], a[2, 1])
        a2 = wp.vec3(a[0, 2], a[1, 2], a[2, 2])
        q = guess[tid]
        for step in range(60):
            r = wp.quat_to_matrix(q)
            # Muller et al. 2016: omega = sum_i r_i x a_i / |sum_i r_i . a_i|, which vanishes at the closest rotation
            r0 = wp.vec3(r[0, 0], r[1, 0], r[2, 0])
            r1 = wp.vec3(r[0, 1], r[1, 1], r[2, 1])
            r2 = wp.vec3(r[0, 2], r[1, 2], r[2, 2])
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
        "both": "R[tid] = r\n# Symmetric stretch, with the rotation removed\nS[tid] = wp.transpose(r) * a",
        "stretch": "S[tid] = wp.transpose(r) * a",
        "strain": f"# Biot strain U - I, invariant under rotation\n"
        f"E[tid] = wp.transpose(r) * a - wp.identity(n={size}, dtype=float)",
        "distance": "e = a - r\ndist_sq[tid] = wp.ddot(e, e)",
    }[result]
    says = {
        "rotation": "Extracts rotations from deformation gradients using polar decomposition.",
        "both": "Computes the rotation and stretch of each deformation gradient using polar decomposition.",
        "stretch": "Computes symmetric stretch tensors using polar decomposition.",
        "strain": "Computes Biot strains U - I from displacement gradients.",
        "distance": "Computes the squared distance from each deformation gradient to the closest rotation.",
    }
    d.says(says[result])
    d.launch(count)
    d.code("tid = wp.tid()\n$load\n$body\n$store", load=load, body=body, store=store)
    d.explain(
        """
        F = I + grad u = R U, with R orthonormal and U symmetric positive definite. R is computed using $way.
    """.replace("$way", _WAYS[way])
    )

    def reference(v: Values) -> dict[str, Any]:
        a = (np.swapaxes(v.grad_u, 1, 2) if jitter else v.grad_u) + np.eye(size)
        r = rotations.polar_factor(a)
        s = np.swapaxes(r, 1, 2) @ a
        everything = {"R": r, "S": s, "E": s - np.eye(size), "dist_sq": ((a - r) ** 2).sum(axis=(1, 2))}
        return {name: everything[name] for name in outputs.split()}

    d.check(reference, 2e-3)


@DOMAIN.algorithm(
    source="Higham 2005, The Scaling and Squaring Method; Rodrigues for skew matrices; Golub & Van Loan 9.3",
    names=_NAMES
    | {
        "matrix_exponential": "expm|expm_batched|propagator",
        "A": "generators|systems|operators|L",
        "E": "propagators|exp_a|step_maps|exponentials",
        "dt": "h|time_step|tau",
        "term": "t_k|addend|summand",
        "m": "a_dt|a_step|scaled",
    },
    double=True,
    adjoint="either",
    element="entry",
    weight=7,
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
        }.get(way, "half_step_propagator|half_step_map" if half else "matrix_exponential|expm|expm_batched")
    )
    if way == "cayley":
        d.says({
            "matrix": "Approximates matrix exponentials using the Cayley transform.",
            "vector": "Propagates linear ODE systems using the Cayley transform.",
            "composed": "Composes flow maps with the Cayley transforms of matrices.",
        }[applied])  # fmt: skip
    elif way == "closed" and size == 3:
        d.says({
            "matrix": "Computes rotations using the exponential map of the skew-symmetric part of each matrix.",
            "vector": "Rotates vectors using the matrix exponential of skew-symmetric parts.",
            "composed": "Composes maps with rotations from the exponential of skew-symmetric parts.",
        }[applied])  # fmt: skip
    elif applied != "matrix":
        d.says({
            "vector": "Propagates linear ODE systems using matrix exponentials.",
            "composed": "Composes flow maps with matrix exponentials.",
        }[applied])  # fmt: skip
    if half:
        d.says(
            (d.sentence or "Computes matrix exponentials of small matrices.").replace(
                ".", " over half a time step."
            )
        )
    d.input("A", kind, count, -1.0, 1.0, about="Generator matrices")
    d.param("dt", "float", 0.1, 0.5, about="Time step (a half step is taken)" if half else "Time step")
    if applied == "vector":
        d.input("x", f"vec{size}", count, -1.0, 1.0, about="States")
        d.output("x_new", f"vec{size}", count, about="Updated states")
        store = "x_new[tid] = e * x[tid]"
    elif applied == "composed":
        d.input("flow", kind, count, 0.6, 1.4, "spd", about="Accumulated flow maps")
        d.output("flow_new", kind, count, about="Updated flow maps")
        store = "flow_new[tid] = e * flow[tid]"
    else:
        d.output("E", kind, count, about="Matrix exponentials")
        store = "E[tid] = e"
    identity = f"wp.identity(n={size}, dtype=float)"
    arg = "0.5 * dt * A[tid]" if half else "dt * A[tid]"
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
        one = {identity}
        # Fourth-order Taylor polynomial using Horner's rule
        e = one + 0.25 * m
        e = one + m * e / 3.0
        e = one + 0.5 * m * e
        e = one + m * e
        for level in range({squarings}):
            e = e * e
        """,
        "pade": f"""
        m = {arg}
        m2 = m * m
        # [3/3] Pade approximant, the denominator flips the sign of odd terms
        even = 120.0 * {identity} + 12.0 * m2
        odd = m * (60.0 * {identity} + m2)
        e = wp.inverse(even - odd) * (even + odd)
        """,
        "cayley": f"""
        # [1/1] Pade approximant (Cayley transform), maps skew-symmetric matrices to rotations
        m = {"0.25 * dt * A[tid]" if half else "0.5 * dt * A[tid]"}
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
        # Axial vector of the skew-symmetric part
        w = {"0.25" if half else "0.5"} * dt * (A[tid] - wp.transpose(A[tid]))
        axis = wp.vec3(w[2, 1], w[0, 2], w[1, 0])
        # Clamp to avoid 0 / 0 below
        theta = wp.sqrt(wp.length_sq(axis) + 1.0e-12)
        # Rodrigues formula, using 1 - cos(theta) = 2 sin(theta / 2)^2 to avoid cancellation
        sin_half = wp.sin(0.5 * theta)
        e = {identity} + wp.sin(theta) / theta * w + 2.0 * sin_half * sin_half / (theta * theta) * w * w
        """
    d.launch(count)
    d.code(
        "tid = wp.tid()\n$body\n$store",
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
