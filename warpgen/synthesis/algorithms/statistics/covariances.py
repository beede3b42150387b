"""Covariance functions of Gaussian processes, and distances between distributions."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.statistics import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_KERNELS: dict[str, Any] = {  # of the scaled distance r and its square q
    "squared exponential": ("wp.exp(-0.5 * q)", lambda r: np.exp(-r * r / 2)),
    "rational quadratic": ("wp.pow(1.0 + 0.25 * q, -2.0)", lambda r: (1 + r * r / 4) ** -2.0),
    "inverse multiquadric": ("1.0 / wp.sqrt(1.0 + q)", lambda r: (1 + r * r) ** -0.5),
    "exponential": ("wp.exp(-r)", lambda r: np.exp(-r)),
    "matern 3/2": ("(1.0 + c * r) * wp.exp(-c * r)", lambda r: (1 + 3**0.5 * r) * np.exp(-(3**0.5) * r)),
    "matern 5/2": (
        "(1.0 + c * r + 5.0 * q / 3.0) * wp.exp(-c * r)",
        lambda r: (1 + 5**0.5 * r + 5 * r * r / 3) * np.exp(-(5**0.5) * r),
    ),
    "wendland": (
        "wp.pow(wp.max(1.0 - 0.4 * r, 0.0), 4.0) * (1.6 * r + 1.0)",
        lambda r: np.maximum(1 - 0.4 * r, 0) ** 4 * (1.6 * r + 1),
    ),
}

_KINDS = {
    "rational quadratic": "Rational quadratic with alpha = 2",
    "matern 3/2": "Matern 3/2",
    "matern 5/2": "Matern 5/2",
    "wendland": "Wendland, zero beyond 2.5",
}

# Wendland's function above is positive definite in three dimensions, this one in five.
_WENDLAND_FIVE: Any = (
    "wp.pow(wp.max(1.0 - 0.4 * r, 0.0), 5.0) * (2.0 * r + 1.0)",
    lambda r: np.maximum(1 - 0.4 * r, 0) ** 5 * (2 * r + 1),
)


@DOMAIN.algorithm(
    source="Rasmussen & Williams 2006, chapter 4; Wendland 1995",
    names={
        "covariance_matrix": "gram_matrix|kernel_matrix|gp_covariance",
        "x": "points|inputs|samples",
        "other": "x2|centers|anchors",
        "x_train": "train_x|training_points|x_seen",
        "k": "gram|cov|kmat",
        "length": "length_scale|ell|lengthscale",
        "variance": "signal_variance|signal_var|sigma2",
        "noise": "nugget|jitter|noise_var",
        "alpha": "weights|coeffs|coef",
        "mean": "mu|predicted|mean_pred",
        "DIM": "FEATURES|NUM_DIMS|INPUT_DIM",
    },
    double=True,
    element="",
    weight=3,
)
def covariance_matrix(d: Draft) -> None:
    """Computes Gaussian process covariances between points."""
    kernel = d.option("kernel", *_KERNELS)
    dim = d.option("dim", 1, 2, 3, "many")
    what = d.option("what", "square", "cross", "mean", "lower", "matvec")
    scales = d.option("scales", "one", "each") if dim == "many" else "one"
    jitter = d.flag("noise", 0.6) and what in ("square", "lower", "matvec")
    fixed = d.flag("fixed dimension", 0.7) and dim == "many"
    if dim == "many" and not fixed:
        d.forward_only()  # the kernel is of a sum over axes of any number
    trend = d.flag("trend", 0.25) and what == "mean"
    if what != "square":
        d.calls({
            "cross": "cross_covariance|cross_kernel_matrix|kernel_between_sets",
            "mean": "gp_mean|predict_mean|gp_predict",
            "lower": "lower_covariance|lower_gram_matrix|lower_kernel_matrix",
            "matvec": "kernel_matvec|covariance_matvec|apply_covariance",
        }[what])  # fmt: skip
    n, m, size = d.pick(16, 20, 24), d.pick(10, 12, 16), d.pick(3, 4, 5)
    many = dim == "many"
    text, value = _WENDLAND_FIVE if many and kernel == "wendland" else _KERNELS[kernel]
    if fixed:
        d.module(f"DIM = wp.constant({size})")
    type = "float" if many or dim == 1 else f"vec{dim}"
    cross = what in ("cross", "mean")
    other = "x_train" if what == "mean" else "other"
    about = "points in the first set" if what == "cross" else "query points" if what == "mean" else "points"
    d.input("x", type, (n, size) if many else n, -1.0, 1.0, about=about)
    if cross:
        about = "points in the second set" if what == "cross" else "training points"
        d.input(other, type, (m, size) if many else m, -1.0, 1.0, about=about)
    if what == "mean":
        d.input(
            "alpha",
            "float",
            m,
            -1.0,
            1.0,
            about="inverse covariance times observations" + (" minus the mean" if trend else ""),
        )
    elif what == "matvec":
        d.input("vector", "float", n, -1.0, 1.0, about="vector to multiply")
    if scales == "each":
        d.input("length", "float", size, 0.5, 1.5, about="kernel length scale per axis")
    else:
        d.param("length", "float", 0.5, 1.5, about="kernel length scale")
    d.param("variance", "float", 0.5, 2.0, about="signal variance")
    if jitter:
        d.param("noise", "float", 0.01, 0.1, about="noise variance")
    if trend:
        d.param("level", "float", -1.0, 1.0, about="constant mean")
    sums = what in ("mean", "matvec")
    d.output(
        "mean" if what == "mean" else "product" if what == "matvec" else "k",
        "float",
        n if sums else (n, m if cross else n),
        about={"mean": "predicted means", "matvec": "product"}.get(what, "covariances"),
    )
    spelled = (
        "wp.array2d(dtype=float)" if many else f"wp.array(dtype={type if type == 'float' else 'wp.' + type})"
    )
    length = "wp.array(dtype=float)" if scales == "each" else "float"
    b, second = (other, f"{other}: {spelled}, ") if cross else ("x", "")
    if many:
        scale = "length[a]" if scales == "each" else "length"
        squares = (
            "q = float(0.0)\n"
            f"for a in range({'DIM' if fixed else 'x.shape[1]'}):\n"
            f"    step = (x[i, a] - {b}[j, a]) / {scale}\n"
            "    q += step * step"
        )
    elif dim == 1:
        squares = f"step = (x[i] - {b}[j]) / length\nq = step * step"
    else:
        squares = f"q = wp.length_sq(x[i] - {b}[j]) / (length * length)"
    constant = {"matern 3/2": "c = wp.sqrt(3.0)", "matern 5/2": "c = wp.sqrt(5.0)"}.get(kernel, "")
    root = "r = wp.sqrt(q)" if "r)" in text or "r," in text or "* r" in text else ""
    if root and not cross:
        root = "# Keep the gradient finite when the points coincide\nr = wp.sqrt(wp.max(q, 1.0e-12))"
    d.function(
        """
        @wp.func
        def correlation($args) -> float:
            # $kernel, with distances in units of the length scale
            $squares
            $root
            $constant
            return $rule
        """,
        args=f"x: {spelled}, {second}i: int, j: int, length: {length}",
        kernel=_KINDS.get(kernel, kernel.capitalize()),
        squares=squares,
        root=root,
        constant=constant,
        rule=text,
    )
    call = f"variance * correlation({f'x, {other}' if cross else 'x'}, i, j, length)"
    add = "if i == j:\n    value += noise" if jitter else ""
    if sums:
        d.launch(n)
        total = f"{b}.shape[0]"
        out = "mean[i] = f" if what == "mean" else "product[i] = f"
        d.code(
            "i = wp.tid()\nf = float($start)\nfor j in range($total):\n    $value\n$noise\n$out",
            start="level" if trend else "0.0",
            total=total,
            value=f"f += {call} * {'alpha' if what == 'mean' else 'vector'}[j]",
            noise="# Observation noise only affects the diagonal\nf += noise * vector[i]" if jitter else "",
            out=out,
        )
    elif what == "lower":
        d.launch(n, n)
        d.code(
            ("i, j = wp.tid()\nif j > i:\n    return\nvalue = $call\n$add\nk[i, j] = value"),
            call=call,
            add=add,
        )
    else:
        d.launch(n, m if cross else n)
        if add:
            d.code("i, j = wp.tid()\nvalue = $call\n$add\nk[i, j] = value", call=call, add=add)
        else:
            d.code("i, j = wp.tid()\nk[i, j] = $call", call=call)
    noisy = " with noise" if jitter else ""
    d.says(
        {
            "square": f"Computes the {kernel} covariance matrix{noisy} for a set of points.",
            "cross": f"Computes the {kernel} cross-covariances between two sets of points.",
            "lower": f"Computes the lower triangle of {'an' if kernel[0] in 'aeio' else 'a'} {kernel} covariance matrix{noisy}.",
            "mean": f"Predicts the Gaussian process mean at query points using {'an' if kernel[0] in 'aeio' else 'a'} {kernel} kernel.",
            "matvec": f"Multiplies a vector by {'an' if kernel[0] in 'aeio' else 'a'} {kernel} covariance matrix{noisy} without storing the matrix.",
        }[what]
        .replace("matern", "Matern")
        .replace("wendland", "Wendland")
    )

    def reference(v: Values) -> dict[str, Any]:
        x = v.x.reshape(n, -1) / v.length
        y = v[other].reshape(m, -1) / v.length if cross else x
        k = v.variance * value(np.linalg.norm(x[:, None] - y[None], axis=-1))
        if jitter:
            k = k + v.noise * np.eye(n)
        if what == "mean":
            return {"mean": k @ v.alpha + (v.level if trend else 0.0)}
        if what == "matvec":
            return {"product": k @ v.vector}
        return {"k": np.tril(k) if what == "lower" else k}

    d.check(reference, 5e-4)
