"""Factors of small matrices: eigenvectors, singular values, QR, polar parts, inverses."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.tensors import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "matrices": "mats|tensors|A|blocks",
    "a": "m|mat|A_i|tensor",
    "values": "eigenvalues|lambdas|w",
    "axes": "vectors|directions|principal_axes",
}

_PRECISE = "# Use float64, since svd3() can stop its sweeps too early in float32"


@DOMAIN.algorithm(
    source="Golub & Van Loan 2013, sec. 8.1; Warp manual, Vector Math",
    names=_NAMES,
    adjoint="no",  # principal values may come close to each other, where axes have no slope
    weight=2,
)
def principal_axes_of(d: Draft) -> None:
    """Computes principal values or axes of symmetric tensors."""
    given = d.option("given", "matrix", "six components", "outer products", "matrix and its transpose")
    result = d.option("result", "values", "largest axis", "anisotropy", "square root", "smallest axis")
    if given == "matrix and its transpose" and result == "square root":
        result = "values"  # such a product may be nearly singular, where the root is inexact
    if given == "outer products" and "axis" in result:
        result = "values"  # of four points the axes are often too close to tell apart
    count = d.pick(32, 48, 64)
    said = {
        "values": "Computes the principal values of symmetric tensors",
        "largest axis": "Finds the upward-pointing major principal axis of symmetric tensors",
        "smallest axis": "Finds the upward-pointing minor principal axis of symmetric tensors",
        "anisotropy": "Computes the fractional anisotropy of symmetric tensors",
        "square root": "Computes square roots of symmetric positive tensors",
    }[result]
    d.says(said + {
        "matrix": ".", "six components": " stored as six components.",
        "outer products": " built as scatter matrices of four points.",
        "matrix and its transpose": " formed as a matrix times its transpose.",
    }[given])  # fmt: skip
    d.calls({
        "values": "principal_values|eigenvalues_of_tensors|symmetric_eigenvalues",
        "largest axis": "largest_axis|leading_axis|principal_direction",
        "anisotropy": "fractional_anisotropy|tensor_anisotropy",
        "square root": "matrix_sqrt|tensor_root|symmetric_root",
        "smallest axis": "smallest_axis|least_axis|thinnest_direction",
    }[result])  # fmt: skip
    if given == "matrix":
        d.input("matrices", "mat33", count, 0.5, 3.0, "spd", about="symmetric matrices")
        form = "a = matrices[tid]"
    elif given == "six components":
        # Diagonally dominant, hence positive definite
        d.input("diagonal", "vec3", count, 1.5, 3.0, about="diagonal entries")
        d.input("mixed", "vec3", count, -0.6, 0.6, about="off-diagonal entries")
        form = """
        d = diagonal[tid]
        s = mixed[tid]
        # Voigt notation: xx, yy, zz, yz, xz, xy
        a = wp.mat33(d[0], s[2], s[1], s[2], d[1], s[0], s[1], s[0], d[2])
        """
    elif given == "outer products":
        d.input("points", "vec3", (count, 4), -1.0, 1.0, about="four points per tensor")
        form = """
        mean = 0.25 * (points[tid, 0] + points[tid, 1] + points[tid, 2] + points[tid, 3])
        a = wp.mat33()
        for k in range(4):
            r = points[tid, k] - mean
            a += wp.outer(r, r)
        """
    else:
        d.input("matrices", "mat33", count, -1.0, 1.0, about="matrices")
        form = "f = matrices[tid]\na = f * wp.transpose(f)"
    split = "axes, values = wp.eig3(a)" if "axis" in result else "_axes, values = wp.eig3(a)"
    early = _PRECISE.replace("svd3", "eig3")
    if result == "square root":
        split = f"{early}\naxes, values = wp.eig3(wp.mat33d(a))\nq = wp.mat33(axes)\nlam = wp.vec3(values)"
    elif "axis" in result:
        split = f"{early}\nprecise_axes, values = wp.eig3(wp.mat33d(a))\naxes = wp.mat33(precise_axes)"
    if result == "values":
        d.output("principal", "vec3", count, about="eigenvalues")
        store = "principal[tid] = values"
    elif result in ("largest axis", "smallest axis"):
        pick = "argmax" if result == "largest axis" else "argmin"
        d.output("axis", "vec3", count, about="principal axis, pointing up")
        store = f"""
        k = int(wp.{pick}(values))
        n = wp.vec3(axes[0, k], axes[1, k], axes[2, k])
        # Flip the eigenvector to point upwards
        axis[tid] = wp.where(n[2] < 0.0, -n, n)
        """
    elif result == "anisotropy":
        d.output("anisotropy", "float", count, about="fractional anisotropy")
        store = """
        spread = values - wp.vec3((values[0] + values[1] + values[2]) / 3.0)
        # 0 for isotropic, 1 for fully anisotropic
        anisotropy[tid] = wp.sqrt(1.5 * wp.length_sq(spread) / wp.length_sq(values))
        """
    else:
        d.output("root", "mat33", count, about="matrix square roots")
        each = "wp.sqrt(lam[{0}])"
        store = "root[tid] = q * wp.diag(roots) * wp.transpose(q)"
        if given == "outer products":
            each = "wp.sqrt(wp.max(lam[{0}], 0.0))"
        store = f"roots = wp.vec3({', '.join(each.format(k) for k in range(3))})\n{store}"
        if given == "outer products":
            store = f"# Clamp small negative eigenvalues due to round-off\n{store}"
    d.launch(count)
    d.code("tid = wp.tid()\n$form\n$split\n$store", form=form, split=split, store=store)

    def tensors(v: Values) -> Any:
        if given == "matrix":
            return v.matrices
        if given == "six components":
            (xx, yy, zz), (yz, xz, xy) = v.diagonal.T, v.mixed.T
            return np.stack([xx, xy, xz, xy, yy, yz, xz, yz, zz], axis=-1).reshape(-1, 3, 3)
        if given == "outer products":
            r = v.points - v.points.mean(axis=1, keepdims=True)
            return np.einsum("nki,nkj->nij", r, r)
        return v.matrices @ np.swapaxes(v.matrices, 1, 2)

    def principal(before: Values, after: Values) -> None:
        a = tensors(before)
        w = np.linalg.eigvalsh(a)
        if result == "values":
            np.testing.assert_allclose(np.sort(after.principal, axis=1), w, atol=2e-3)
        elif result == "anisotropy":
            spread = w - w.mean(axis=1, keepdims=True)
            expected = np.sqrt(1.5 * (spread**2).sum(axis=1) / (w**2).sum(axis=1))
            np.testing.assert_allclose(after.anisotropy, expected, atol=2e-3)
        elif result == "square root":
            np.testing.assert_allclose(after.root @ after.root, a, atol=5e-3)
            np.testing.assert_allclose(after.root, np.swapaxes(after.root, 1, 2), atol=2e-3)
        else:
            k = 2 if result == "largest axis" else 0
            stretched = np.einsum("nij,nj->ni", a, after.axis)
            np.testing.assert_allclose(stretched, w[:, k, None] * after.axis, atol=5e-3)
            np.testing.assert_allclose(np.linalg.norm(after.axis, axis=1), 1.0, atol=1e-3)

    d.holds(principal)


@DOMAIN.algorithm(
    source="Horn & Johnson 2012, sec. 7.3; Higham 1986",
    names={"a": "F|deformation|f", "gradients": "displacement_gradients|grad_u"},
    adjoint="no",
    weight=2,
)
def split_deformation(d: Draft) -> None:
    """Splits deformation gradients into rotation and stretch."""
    way = d.option("way", "svd", "iteration", "eigenvectors")
    result = d.option("result", "rotation", "stretch", "singular values")
    layout = d.option("layout", "plain", "columns", "two vectors")
    d.calls({
        "rotation": "extract_rotation|polar_rotation|polar_factor",
        "stretch": "extract_stretch|polar_stretch|stretch_tensor",
        "singular values": "principal_stretches|singular_values|stretch_ratios",
    }[result])  # fmt: skip
    count = d.pick(32, 48, 64)
    if result == "singular values":
        way = "svd"
    if layout == "two vectors" and way == "eigenvectors":
        way = "iteration"  # `eig3` ends early now and then, the sooner the more such a band is sheared
    if layout == "plain":
        d.input("gradients", "mat33", count, -0.3, 0.3, about="displacement gradients")
        make = "a = wp.identity(n=3, dtype=float) + gradients[tid]"
    elif layout == "columns":
        d.input(
            "axis_moves", "vec3", (count, 3), -0.3, 0.3, about="displacements of the unit axis end points"
        )
        make = """
        # Columns of the gradient are the deformed unit axes
        a = wp.identity(n=3, dtype=float) + wp.matrix_from_cols(
            axis_moves[tid, 0], axis_moves[tid, 1], axis_moves[tid, 2]
        )
        """
    else:
        d.input("u", "vec3", count, 0.3, 0.6, about="displacement jumps")
        d.input("w", "vec3", count, -0.5, 0.5, about="plane normals divided by the band width")
        make = (
            "# Shear band: displacement jump u, with w the normal divided by the band width\n"
            "a = wp.identity(n=3, dtype=float) + wp.outer(u[tid], w[tid])"
        )
    split = {
        "svd": f"{_PRECISE}\nu_svd, sigma, v_svd = wp.svd3(wp.mat33d(a))",
        "iteration": f"""
        r = a
        for _ in range({d.pick(6, 8)}):
            # Higham's iteration: R <- (R + R^-T) / 2, converges quadratically
            r = 0.5 * (r + wp.transpose(wp.inverse(r)))
        """,
        "eigenvectors": """
        $eigen
        shrink = wp.diag(wp.vec3(1.0 / wp.sqrt(lam[0]), 1.0 / wp.sqrt(lam[1]), 1.0 / wp.sqrt(lam[2])))
        r = a * q * shrink * wp.transpose(q)
        """,
    }[way]
    early = _PRECISE.replace("svd3", "eig3")
    eigen = (
        f"{early}\naxes, values = wp.eig3(wp.mat33d(wp.transpose(a) * a))\n"
        "q = wp.mat33(axes)\nlam = wp.vec3(values)"
    )
    if result == "stretch" and way == "eigenvectors":
        split = "$eigen"
    if result == "rotation":
        d.output("rotation", "mat33", count, about="rotations")
        store = (
            "rotation[tid] = wp.mat33(u_svd * wp.transpose(v_svd))" if way == "svd" else "rotation[tid] = r"
        )
    elif result == "stretch":
        d.output("stretch", "mat33", count, about="stretch tensors")
        store = {
            "svd": "stretch[tid] = wp.mat33(v_svd * wp.diag(sigma) * wp.transpose(v_svd))",
            "iteration": "stretch[tid] = wp.transpose(r) * a",
            "eigenvectors": "roots = wp.vec3(wp.sqrt(lam[0]), wp.sqrt(lam[1]), wp.sqrt(lam[2]))\n"
            "stretch[tid] = q * wp.diag(roots) * wp.transpose(q)",
        }[way]
    else:
        d.output("sigmas", "vec3", count, about="principal stretches")
        split = "u_svd, sigma, v_svd = wp.svd3(a)"
        store = "sigmas[tid] = sigma"
    d.says({
        "rotation": "Extracts the rotation R from deformation gradients using the polar decomposition F = R S.",
        "stretch": "Extracts the stretch S from deformation gradients using the polar decomposition F = R S.",
        "singular values": "Computes the principal stretches of deformation gradients.",
    }[result])  # fmt: skip
    d.launch(count)
    if result == "singular values":
        split, store = split.replace("u_svd, sigma, v_svd", "_u, sigma, _v"), store
    d.code(
        "tid = wp.tid()\n$make\n$split\n$store",
        make=make,
        split=textwrap.dedent(split).strip().replace("$eigen", eigen),
        store=store,
    )

    def gradients(v: Values) -> Any:
        if layout == "plain":
            return np.eye(3) + v.gradients
        if layout == "columns":
            return np.eye(3) + np.swapaxes(v.axis_moves, 1, 2)
        return np.eye(3) + v.u[:, :, None] * v.w[:, None, :]

    def reference(v: Values) -> dict[str, Any]:
        u, sigma, vt = np.linalg.svd(gradients(v))
        r = u @ vt
        if result == "singular values":
            return {"sigmas": sigma}
        if result == "stretch":
            return {"stretch": np.einsum("nji,nj,njk->nik", vt, sigma, vt)}
        return {"rotation": r}

    d.check(reference, 2e-3)


@DOMAIN.algorithm(
    source="Golub & Van Loan 2013, ch. 3, 5",
    names={
        "solve_small": "solve_systems|small_systems|linear_solves",
        "matrices": "mats|A|blocks",
        "a": "m|mat",
        "b": "rhs|right_sides",
        "x": "solution|sol",
    },
    double=True,
    weight=3,
)
def solve_small(d: Draft) -> None:
    """Solves a small linear system per element."""
    size = d.option("size", 2, 3, 4)
    way = d.option("way", "inverse", "cramer", "qr", "elimination")
    damped = d.flag("damped", 0.4)
    shared = d.flag("shared", 0.3)
    if way in ("qr", "cramer") and size != 3:
        way = "inverse"
    if way == "elimination" and size == 4:
        way = "inverse"
    count = d.pick(48, 64, 96)
    matrix, vector = f"mat{size}{size}", f"vec{size}"
    d.says(f"Solves a {['', '', '2x2', '3x3', '4x4'][size]} linear system for each {'right-hand side' if shared else 'element'}" + (
        " with diagonal damping." if damped else "."))  # fmt: skip
    whole = "matrix" if damped else "a"
    symmetric = "symmetric positive definite " if way == "elimination" else ""
    if shared:
        d.param(whole, matrix, 0.5, 2.0, "spd", about=f"shared {symmetric}system matrix")
    else:
        d.input("matrices", matrix, count, 0.5, 2.0, "spd", about=f"{symmetric}system matrices")
    d.input("b", vector, count, -1.0, 1.0, about="right-hand sides")
    if damped:
        d.param("damping", "float", 0.1, 0.5, about="damping added to the diagonal")
    d.output("x", vector, count, about="solutions")
    source = whole if shared else "matrices[tid]"
    make = f"a = {source} + damping * wp.identity(n={size}, dtype=float)" if damped else f"a = {source}"
    make = "" if shared and not damped else make
    if way == "inverse":
        body = "x[tid] = wp.inverse(a) * b[tid]"
    elif way == "cramer":
        body = """
        c0 = wp.vec3(a[0, 0], a[1, 0], a[2, 0])
        c1 = wp.vec3(a[0, 1], a[1, 1], a[2, 1])
        c2 = wp.vec3(a[0, 2], a[1, 2], a[2, 2])
        r = b[tid]
        # Cramer's rule using triple products
        normal = wp.cross(c1, c2)
        volume = wp.dot(c0, normal)
        x0 = wp.dot(r, normal)
        x1 = wp.dot(c0, wp.cross(r, c2))
        x2 = wp.dot(c0, wp.cross(c1, r))
        x[tid] = wp.vec3(x0, x1, x2) / volume
        """
    elif way == "qr":
        body = """
        q, r = wp.qr3(a)
        y = wp.transpose(q) * b[tid]
        # back substitution
        x2 = y[2] / r[2, 2]
        x1 = (y[1] - r[1, 2] * x2) / r[1, 1]
        x0 = (y[0] - r[0, 1] * x1 - r[0, 2] * x2) / r[0, 0]
        x[tid] = wp.vec3(x0, x1, x2)
        """
    elif size == 2:
        body = """
        r = b[tid]
        # No pivoting, since both pivots of an SPD matrix are positive
        m = a[1, 0] / a[0, 0]
        x1 = (r[1] - m * r[0]) / (a[1, 1] - m * a[0, 1])
        x0 = (r[0] - a[0, 1] * x1) / a[0, 0]
        x[tid] = wp.vec2(x0, x1)
        """
    else:
        body = """
        r = b[tid]
        # No pivoting, since all pivots of an SPD matrix are positive
        m1 = a[1, 0] / a[0, 0]
        m2 = a[2, 0] / a[0, 0]
        a11 = a[1, 1] - m1 * a[0, 1]
        a12 = a[1, 2] - m1 * a[0, 2]
        a21 = a[2, 1] - m2 * a[0, 1]
        a22 = a[2, 2] - m2 * a[0, 2]
        r1 = r[1] - m1 * r[0]
        m3 = a21 / a11
        x2 = (r[2] - m2 * r[0] - m3 * r1) / (a22 - m3 * a12)
        x1 = (r1 - a12 * x2) / a11
        x0 = (r[0] - a[0, 1] * x1 - a[0, 2] * x2) / a[0, 0]
        x[tid] = wp.vec3(x0, x1, x2)
        """
    d.launch(count)
    d.code("tid = wp.tid()\n$make\n$body", make=make, body=body)

    def reference(v: Values) -> dict[str, Any]:
        a = np.broadcast_to(v[whole], (count, size, size)) if shared else v.matrices
        a = a + (v.damping if damped else 0.0) * np.eye(size)
        return {"x": np.linalg.solve(a, v.b[..., None])[..., 0]}

    d.check(reference, 1e-3)
