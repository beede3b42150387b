"""What singular values, QR factors and eigenvalues of small matrices are used for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.tensors import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.forms import Form

_PRECISE = "# Use float64, since svd3() can stop its sweeps too early in float32"


@DOMAIN.algorithm(
    source="Golub & Van Loan 2013, ch. 2.4, 5.5; Irving, Teran & Fedkiw 2004; Moore 1920, Penrose 1955",
    names={
        "F": "defgrad|deformation|def_grad",
        "A": "M|mat|matrix",
        "matrices": "mats|systems|operators",
        "gradients": "displacement_gradients|grad_u",
        "g": "H|du|grad",
        "s": "sigma|sv",
    },
    weight=15,
)
def singular_uses(d: Draft) -> None:
    """Applies the singular value decomposition to small matrices."""
    size = d.option("size", 2, 3)
    kind = d.option(
        "kind",
        "condition",
        "solve",
        "damped",
        "rotation",
        "log strain",
        "clamped",
        "norm",
        "isochoric",
        "stretch",
        "energy",
    )
    d.says({
        "condition": "Computes condition numbers of matrices from their singular values.",
        "solve": "Solves small linear systems using the SVD.",
        "damped": "Solves small linear systems using SVD-based damped least squares.",
        "rotation": "Extracts rotations from displacement gradients.",
        "log strain": "Computes logarithmic strains from displacement gradients.",
        "clamped": "Clamps the principal stretches of deformations given by displacement gradients.",
        "norm": "Computes deformation gradient nuclear norms from displacement gradients.",
        "isochoric": "Computes isochoric principal stretches from displacement gradients.",
        "stretch": "Computes right stretch tensors from displacement gradients.",
        "energy": "Computes fixed corotated energy densities from displacement gradients.",
    }[kind])  # fmt: skip
    d.calls({
        "condition": "condition_numbers|svd_condition",
        "solve": "solve_by_svd|svd_solve",
        "damped": "damped_least_squares|solve_damped|svd_damped_solve",
        "rotation": "extract_rotations|polar_rotation|polar_factor",
        "log strain": "hencky_strain|log_strain|logarithmic_strain",
        "clamped": "clamp_stretches|limit_strain|strain_limiting",
        "norm": "nuclear_norm|sum_of_stretches",
        "isochoric": "isochoric_stretches|distortional_stretches",
        "stretch": "right_stretch|stretch_tensor",
        "energy": "fixed_corotated_energy|fixed_corotated|corotated_energy",
    }[kind])  # fmt: skip
    if kind in ("condition", "solve", "damped"):
        size = 2  # `svd3` ends early now and then, which small singular values then enlarge
    if kind in ("damped", "clamped") or (size == 3 and kind == "energy"):
        d.forward_only()  # components are read and overwritten; stretches near one lose their slope to rounding
    form = Form(d)
    matrix, vector = f"mat{size}{size}", f"vec{size}"
    plain = kind in ("condition", "solve", "damped")
    if plain:
        form.element("A", "matrices", 0.3, 2.0, matrix, "spd", about="full-rank matrices")
    else:
        form.element("g", "gradients", -0.15, 0.15, matrix, about="displacement gradients")
    if kind in ("solve", "damped"):
        form.element("b", "sides", -1.0, 1.0, vector, about="right-hand sides")
    if kind == "damped":
        form.number("damping", 0.1, 0.4, about="damping for small singular values")
    if kind == "clamped":
        form.number("least", 0.85, 0.92, about="minimum stretch")
        form.number("most", 1.08, 1.15, about="maximum stretch")
    if kind == "energy":
        form.number("mu", 0.5, 2.0, about="shear modulus")
        form.number("lam", 0.5, 2.0, about="first Lame parameter")
    type_ = dict.fromkeys(("solve", "damped", "isochoric"), vector) | dict.fromkeys(
        ("rotation", "log strain", "clamped", "stretch"), matrix
    )
    out, function, about = {
        "condition": ("conditions", "condition_number", "condition numbers"),
        "solve": ("solutions", "solve_system", "solutions"),
        "damped": ("solutions", "damped_solution", "damped solutions"),
        "rotation": ("rotations", "rotation_of", "rotations"),
        "log strain": ("strains", "strain_of", "logarithmic strains"),
        "clamped": ("limited", "limited_gradient", "clamped deformation gradients"),
        "norm": ("norms", "sum_of_singular_values", "nuclear norms"),
        "isochoric": ("stretches", "stretches_of", "isochoric principal stretches"),
        "stretch": ("stretches", "stretch_of", "stretch tensors"),
        "energy": ("energies", "energy_of", "energy densities"),
    }[kind]
    form.output(out, type_.get(kind, "float"), about)
    product = " * ".join(f"s[{k}]" for k in range(size))
    each = ", ".join(f"{{}}(s[{k}])" for k in range(size))
    lines, value = {
        "condition": ("", f"s[0] / s[{size - 1}]"),
        "solve": ("c = wp.transpose(U) * b", "V * wp.cw_div(c, s)"),
        "damped": (
            f"c = wp.transpose(U) * b\nfor k in range({size}):\n"
            "    # Damp small singular values instead of dividing by them\n"
            "    c[k] = c[k] * s[k] / (s[k] * s[k] + damping * damping)",
            "V * c",
        ),
        "rotation": ("", "U * wp.transpose(V)"),
        "log strain": (
            f"e = wp.{vector}({each.replace('{}', 'wp.log')})",
            "V * wp.diag(e) * wp.transpose(V)",
        ),
        "clamped": (
            f"kept = s\nfor k in range({size}):\n    kept[k] = wp.clamp(s[k], least, most)",
            "U * wp.diag(kept) * wp.transpose(V)",
        ),
        "norm": ("", " + ".join(f"s[{k}]" for k in range(size))),
        "isochoric": (f"volume = {product}", f"wp.pow(volume, -1.0 / {size}.0) * s"),
        "stretch": ("", "V * wp.diag(s) * wp.transpose(V)"),
        "energy": (
            f"volume = {product}\noff_one = float(0.0)\nfor k in range({size}):\n    off_one += (s[k] - 1.0) * (s[k] - 1.0)",
            "mu * off_one + 0.5 * lam * (volume - 1.0) * (volume - 1.0)",
        ),
    }[kind]
    start = f"F = wp.identity(n={size}, dtype=float) + g\nU, s, V = wp.svd{size}(F)"
    if plain:
        start = f"U, s, V = wp.svd{size}(A)"
    elif size == 3 and kind in ("rotation", "log strain", "clamped", "stretch"):
        start = start.replace("U, s, V = wp.svd3(F)", f"{_PRECISE}\nU, s, V = wp.svd3(wp.mat33d(F))")
        lines = lines.replace("e = wp.vec3(", "e = wp.vec3d(")
        lines = lines.replace("(s[k], least, most)", "(s[k], wp.float64(least), wp.float64(most))")
        value = f"wp.mat33({value})"
    elif size == 3 and kind == "isochoric":
        start = start.replace(
            "U, s, V = wp.svd3(F)",
            f"{_PRECISE}\nU, stretches_d, V = wp.svd3(wp.mat33d(F))\ns = wp.vec3(stretches_d)",
        )
    form.write(function, f"{start}\n{lines}".strip(), value)

    def agree(v: Values, after: Values) -> None:
        u, s, vt = np.linalg.svd(v.matrices if plain else np.eye(size) + v.gradients)
        vs = np.swapaxes(vt, -1, -2)
        b = v.get("sides", np.zeros(size)) + 0 * s
        c = np.einsum("...ki,...k->...i", u, b)

        def along(w: Any) -> Any:
            return np.einsum("...ij,...j->...i", vs, w)

        def right(w: Any) -> Any:
            return (vs * w[..., None, :]) @ vt

        found: dict[str, Callable[[], Any]] = {
            "condition": lambda: s[..., 0] / s[..., -1],
            "solve": lambda: along(c / s),
            "damped": lambda: along(c * s / (s * s + v.damping**2)),
            "rotation": lambda: u @ vt,
            "log strain": lambda: right(np.log(s)),
            "clamped": lambda: (u * np.clip(s, v.least, v.most)[..., None, :]) @ vt,
            "norm": lambda: s.sum(axis=-1),
            "isochoric": lambda: s / s.prod(axis=-1, keepdims=True) ** (1 / size),
            "stretch": lambda: right(s),
            "energy": lambda: v.mu * ((s - 1) ** 2).sum(axis=-1) + v.lam / 2 * (s.prod(axis=-1) - 1) ** 2,
        }
        np.testing.assert_allclose(after[out], found[kind](), atol=1e-2)

    d.holds(agree)


@DOMAIN.algorithm(
    source="Golub & Van Loan 2013, ch. 5.2 and 8; Kuipers 1999; Weickert 1999 (diffusion tensors)",
    names={
        "S": "T|sym|tensor",
        "tensors": "matrices|mats",
        "w": "lam|eig|vals",
    },
    adjoint="no",
)
def eigen_uses(d: Draft) -> None:
    """Applies matrix functions using eigenvalue or QR decompositions."""
    kind = d.option(
        "kind",
        "root",
        "inverse root",
        "logarithm",
        "anisotropy",
        "whiten",
        "spread",
        "qr determinant",
        "qr solve",
        "definite part",
    )
    d.says({
        "root": "Computes square roots of symmetric positive definite matrices.",
        "inverse root": "Computes inverse square roots of symmetric positive definite matrices.",
        "logarithm": "Computes logarithms of symmetric positive definite matrices.",
        "anisotropy": "Computes the fractional anisotropy of diffusion tensors.",
        "whiten": "Whitens vectors by their covariance matrices.",
        "spread": "Computes the spread between the largest and smallest eigenvalues.",
        "qr determinant": "Computes absolute determinants using the QR decomposition.",
        "qr solve": "Solves 3x3 linear systems using QR decomposition and back substitution.",
        "definite part": "Clamps the eigenvalues of symmetric matrices to a floor.",
    }[kind])  # fmt: skip
    d.calls({
        "root": "matrix_sqrt|tensor_root",
        "inverse root": "inverse_sqrt|matrix_inverse_sqrt",
        "logarithm": "matrix_log|tensor_logarithm",
        "anisotropy": "fractional_anisotropy|tensor_anisotropy",
        "whiten": "whiten_vectors|apply_whitening",
        "spread": "eigenvalue_spread|principal_difference",
        "qr determinant": "qr_determinant|determinant_by_qr",
        "qr solve": "qr_solve|solve_by_qr",
        "definite part": "clamp_eigenvalues|project_definite|make_definite",
    }[kind])  # fmt: skip
    form = Form(d)
    form.element("S", "tensors", 0.8, 1.4, "mat33", "spd", about="symmetric positive definite matrices")
    if kind in ("whiten", "qr solve"):
        form.element(
            "b", "vectors", -1.0, 1.0, "vec3", about="right-hand sides" if kind != "whiten" else "vectors"
        )
    if kind == "definite part":
        form.number("floor_value", 0.9, 1.2, about="minimum eigenvalue")
    out, function = {
        "root": ("roots", "root_of"),
        "inverse root": ("roots", "inverse_root_of"),
        "logarithm": ("logarithms", "logarithm_of"),
        "anisotropy": ("anisotropies", "anisotropy_of"),
        "whiten": ("whitened", "whiten"),
        "spread": ("spreads", "spread_of"),
        "qr determinant": ("determinants", "size_of_determinant"),
        "qr solve": ("solutions", "solve_system"),
        "definite part": ("raised", "with_floor"),
    }[kind]
    form.output(
        out,
        {
            "anisotropy": "float",
            "spread": "float",
            "qr determinant": "float",
            "whiten": "vec3",
            "qr solve": "vec3",
        }.get(kind, "mat33"),
    )
    roots = "wp.vec3(wp.sqrt(w[0]), wp.sqrt(w[1]), wp.sqrt(w[2]))"
    inverse = "wp.vec3(1.0 / wp.sqrt(w[0]), 1.0 / wp.sqrt(w[1]), 1.0 / wp.sqrt(w[2]))"
    start = "Q, R = wp.qr3(S)" if "qr" in kind else "V, w = wp.eig3(S)"
    if kind in (
        "root",
        "inverse root",
        "logarithm",
        "whiten",
        "definite part",
    ):  # which need the vectors, too
        start = (
            f"{_PRECISE.replace('svd3', 'eig3')}\naxes, values = wp.eig3(wp.mat33d(S))\n"
            "V = wp.mat33(axes)\nw = wp.vec3(values)"
        )
    back = "V * wp.diag({}) * wp.transpose(V)"
    lines, value = {
        "root": (f"r = {roots}", back.format("r")),
        "inverse root": (f"r = {inverse}", back.format("r")),
        "logarithm": ("r = wp.vec3(wp.log(w[0]), wp.log(w[1]), wp.log(w[2]))", back.format("r")),
        "anisotropy": (
            "mean = (w[0] + w[1] + w[2]) / 3.0\noff = w - wp.vec3(mean, mean, mean)",
            "wp.sqrt(1.5 * wp.length_sq(off) / wp.length_sq(w))",
        ),
        "whiten": (f"r = {inverse}", "V * wp.cw_mul(r, wp.transpose(V) * b)"),
        "spread": ("", "wp.max(w) - wp.min(w)"),
        "qr determinant": (
            "# Q is orthogonal, so only the diagonal of R contributes",
            "wp.abs(R[0, 0] * R[1, 1] * R[2, 2])",
        ),
        "qr solve": (
            "c = wp.transpose(Q) * b\nx2 = c[2] / R[2, 2]\nx1 = (c[1] - R[1, 2] * x2) / R[1, 1]\n"
            "x0 = (c[0] - R[0, 1] * x1 - R[0, 2] * x2) / R[0, 0]",
            "wp.vec3(x0, x1, x2)",
        ),
        "definite part": ("r = wp.max(w, wp.vec3(floor_value, floor_value, floor_value))", back.format("r")),
    }[kind]
    form.write(function, f"{start}\n{lines}".strip(), value)

    def agree(v: Values, after: Values) -> None:
        S, found_ = v.tensors, after[out]
        w, V = np.linalg.eigh(S)

        def back_(f: Any) -> Any:
            return (V * f(w)[..., None, :]) @ np.swapaxes(V, -1, -2)

        mean = w.mean(axis=-1, keepdims=True)
        found: dict[str, Callable[[], Any]] = {
            "root": lambda: back_(np.sqrt),
            "inverse root": lambda: back_(lambda x: 1 / np.sqrt(x)),
            "logarithm": lambda: back_(np.log),
            "whiten": lambda: np.einsum("...ij,...j->...i", back_(lambda x: 1 / np.sqrt(x)), v.vectors),
            "spread": lambda: w[..., -1] - w[..., 0],
            "anisotropy": lambda: np.sqrt(1.5 * ((w - mean) ** 2).sum(axis=-1) / (w**2).sum(axis=-1)),
            "qr determinant": lambda: np.linalg.det(S),
            "qr solve": lambda: np.linalg.solve(S, v.vectors[..., None])[..., 0],
            "definite part": lambda: back_(lambda x: np.maximum(x, v.floor_value)),
        }
        np.testing.assert_allclose(found_, found[kind](), atol=1e-2)

    d.holds(agree)
