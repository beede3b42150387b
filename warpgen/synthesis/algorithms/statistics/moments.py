"""Moments, ranks and densities of samples."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.statistics import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Welford 1962; Pebay 2008, eq. 2.1 (higher orders); Chan, Golub & LeVeque 1979",
    names={
        "running_moments": "welford|online_moments|group_statistics|streaming_moments",
        "x": "samples|data|values",
        "mean": "mu|avg|m1",
        "m2": "ssd|sum_sq|s2",
        "delta": "diff|d0|dev",
        "n": "count|k|num",
        "w_sum": "total_weight|weight_sum|sum_w",
    },
    double=True,
    adjoint="no",
    element="group",
)
def running_moments(d: Draft) -> None:
    """Computes the mean and variance of each sample group using Welford's one-pass method."""
    order = d.option("order", 2, 3, 4)
    weighted = d.flag("weighted", 0.4) and order == 2
    layout = d.option("layout", "rows", "columns", "groups")
    missing = d.option("missing", "none", "nan", "mask", weights=(2.0, 1.0, 1.0))
    want = d.option("want", "variance", "deviation", "error")
    if weighted and want == "error":
        want = "deviation"  # the error of a weighted mean takes the sum of squared weights
    missing = "none" if missing == "nan" else missing
    series, length = d.pick(32, 48, 64), d.pick(8, 12, 20)
    if layout == "groups":
        about = "start index for each group"
        d.input("offsets", "int", series + 1, 0, series * length, kind="offsets", about=about)
        d.input("x", "float", series * length, -2.0, 5.0, about="samples for all groups, concatenated")
        loop, at, shape = "for k in range(offsets[tid], offsets[tid + 1]):", "[k]", (series * length,)
    elif layout == "rows":
        shape = (series, length)  # type: ignore[assignment]
        d.input("x", "float", shape, -2.0, 5.0, about="samples, one row per group")
        loop, at = "for k in range(x.shape[1]):", "[tid, k]"
    else:
        shape = (length, series)  # type: ignore[assignment]
        d.input("x", "float", shape, -2.0, 5.0, about="samples, one column per group")
        loop, at = "for k in range(x.shape[0]):", "[k, tid]"
    if weighted:
        d.input("weights", "float", shape, 0.1, 2.0, about="per-sample weight")
    if missing == "mask":
        d.mask("valid", "int", shape, about="mask, nonzero for valid samples")
    d.output("means", "float", series, about="mean per group")
    d.output(
        {"variance": "variances", "deviation": "deviations", "error": "errors"}[want],
        "float",
        series,
        about={
            "variance": "weighted variance per group" if weighted else "unbiased variance per group",
            "deviation": "standard deviation per group",
            "error": "standard error of the mean per group",
        }[want],
    )
    if order >= 3:
        d.output(
            "skewness", "float", series, about="skewness per group, not written if all samples are equal"
        )
    if order == 4:
        d.output(
            "kurtosis",
            "float",
            series,
            about="excess kurtosis per group, not written if all samples are equal",
        )
    if weighted:
        step = (
            f"w = weights{at}\n"
            "w_sum += w\n"
            f"delta = x{at} - mean\n"
            "mean += delta * w / w_sum\n"
            f"m2 += w * delta * (x{at} - mean)"
        )
        init, count = "w_sum = float(0.0)\nmean = float(0.0)\nm2 = float(0.0)", "w_sum"
    elif order == 2:
        step = (
            "n += 1.0\n"
            f"delta = x{at} - mean\n"
            "mean += delta / n\n"
            "# Welford update: uses the deviations from the old and the new mean\n"
            f"m2 += delta * (x{at} - mean)"
        )
        init, count = "n = float(0.0)\nmean = float(0.0)\nm2 = float(0.0)", "n"
    else:
        fourth = (
            "m4 += gain * u * u * (n * n - 3.0 * n + 3.0) + 6.0 * u * u * m2 - 4.0 * u * m3\n"
            if order == 4
            else ""
        )
        step = (
            "n += 1.0\n"
            f"delta = x{at} - mean\n"
            "u = delta / n\n"
            "gain = delta * u * (n - 1.0)\n"
            "mean += u\n"
            "# Update higher moments first, since they use the old lower moments\n"
            f"{fourth}m3 += gain * u * (n - 2.0) - 3.0 * u * m2\n"
            "m2 += gain"
        )
        init, count = (
            "n = float(0.0)\nmean = float(0.0)\nm2 = float(0.0)\nm3 = float(0.0)"
            + ("\nm4 = float(0.0)" if order == 4 else ""),
            "n",
        )
    least = "0.0" if weighted else "1.0"
    unbiased = f"({count} - 1.0)" if not weighted else "w_sum"
    spread = {
        "variance": f"variances[tid] = m2 / {unbiased}",
        "deviation": f"deviations[tid] = wp.sqrt(m2 / {unbiased})",
        "error": f"# Standard error of the mean\nerrors[tid] = wp.sqrt(m2 / {unbiased} / {count})",
    }[want].replace("((", "(")
    end = spread
    if order >= 3:
        end += "\nskewness[tid] = wp.sqrt(n) * m3 / wp.pow(m2, 1.5)"
    if order == 4:
        end += (
            "\n# Excess kurtosis relative to a normal distribution\nkurtosis[tid] = n * m4 / (m2 * m2) - 3.0"
        )
    few = ""
    if order >= 3:
        few = "# Skewness is undefined without spread\nif m2 <= 0.0:\n    $none\n    return"
    elif layout == "groups" or missing == "mask":
        why = "Total weight is zero" if weighted else "Spread is undefined for a single sample"
        few = f"# {why}\nif {count} <= {least}:\n    $none\n    return"
    d.launch(series)
    d.code(
        """
        tid = wp.tid()
        $init
        $loop
            $skip
            $step
        means[tid] = mean
        $few
        $end
        """,
        init=init,
        loop=loop,
        skip=f"if valid{at} == 0:\n    continue" if missing == "mask" else "",
        step=step,
        none="\n".join(
            f"{p.name}[tid] = 0.0" for p in d.parameters if p.role == "output" and p.name != "means"
        ),
        few=few,
        end=end,
    )
    spread = {
        "variance": "variance",
        "deviation": "standard deviation",
        "error": "standard error of the mean",
    }[want]
    kind = "weighted " if weighted else ""
    whose = "the valid samples of each group" if missing == "mask" else "each group"
    what = {
        2: f"{kind}mean and {spread}",
        3: f"mean, {spread} and skewness",
        4: f"mean, {spread}, skewness and excess kurtosis",
    }[order]
    d.says(f"Computes the {what} of {whose} using a stable one-pass update.")

    def reference(v: Values) -> dict[str, Any]:
        if layout == "groups":
            cut = [slice(a, b) for a, b in zip(v.offsets[:-1], v.offsets[1:], strict=True)]
            parts = [
                (v.x[c], v.weights[c] if weighted else None, v.valid[c] if missing == "mask" else None)
                for c in cut
            ]
        else:
            turn: Any = (lambda a: a) if layout == "rows" else (lambda a: a.T)
            w = turn(v.weights) if weighted else [None] * series
            m = turn(v.valid) if missing == "mask" else [None] * series
            parts = list(zip(turn(v.x), w, m, strict=True))
        made: dict[str, list[float]] = {
            "means": [],
            "variances": [],
            "deviations": [],
            "errors": [],
            "skewness": [],
            "kurtosis": [],
        }
        for x, w, m in parts:
            if m is not None:
                x, w = x[m != 0], None if w is None else w[m != 0]
            n = float(len(x)) if w is None else w.sum()
            if n <= float(least):
                for name in made:
                    made[name].append(0.0)
                if len(x) and w is None:
                    made["means"][-1] = x[0]
                continue
            mean = np.average(x, weights=w)
            c = x - mean
            var = (c**2).sum() / (n - 1) if w is None else np.average(c**2, weights=w)
            made["means"].append(mean)
            made["variances"].append(var)
            made["deviations"].append(math.sqrt(var))
            made["errors"].append(math.sqrt(var / n))
            made["skewness"].append((c**3).mean() / (c**2).mean() ** 1.5)
            made["kurtosis"].append((c**4).mean() / (c**2).mean() ** 2 - 3)
        return {p.name: np.array(made[p.name]) for p in d.parameters if p.role == "output"}

    d.check(reference, 2e-3)


_KERNELS: dict[str, Any] = {
    "gaussian": (
        "0.3989422804014327 * wp.exp(-0.5 * u * u)",
        lambda u: np.exp(-0.5 * u * u) / np.sqrt(2 * np.pi),
    ),
    "epanechnikov": ("0.75 * wp.max(1.0 - u * u, 0.0)", lambda u: 0.75 * np.maximum(1 - u * u, 0)),
    "triangular": ("wp.max(1.0 - wp.abs(u), 0.0)", lambda u: np.maximum(1 - np.abs(u), 0)),
    "quartic": ("0.9375 * q * q", lambda u: 0.9375 * np.maximum(1 - u * u, 0) ** 2),
    "logistic": ("1.0 / (wp.exp(u) + 2.0 + wp.exp(-u))", lambda u: 1 / (np.exp(u) + 2 + np.exp(-u))),
}


@DOMAIN.algorithm(
    source="Rosenblatt 1956; Parzen 1962; Nadaraya 1964; Watson 1964; Silverman 1986",
    names={
        "kernel_density": "kernel_estimate|parzen_window|kde",
        "samples": "data|observations|xs",
        "grid": "queries|eval_points|points",
        "bandwidth": "h|width|sigma",
        "u": "t|scaled|ratio",
        "density": "pdf|estimate|kde_values",
        "intensity": "smoothed|kernel_sums|weight_density",
    },
    double=True,
    element="",
    weight=3,
)
def kernel_density(d: Draft) -> None:
    """Computes a kernel density estimate at the query points."""
    kernel = d.option("kernel", *_KERNELS)
    dim = d.option("dim", 1, 2, 3)
    what = d.option("what", "density", "regression", "weighted", "leave one out")
    width = d.option("bandwidth", "one", "per sample")
    if what == "regression":
        d.calls("kernel_regression|nadaraya_watson|kernel_smoother")
    elif what == "leave one out":
        d.calls("leave_one_out_density|kde_leave_one_out|cross_validated_density")
    if what == "regression":
        d.forward_only()  # a quotient of sums over samples of any number
    points, n = d.pick(32, 48, 64), d.pick(24, 40, 60)
    type = "float" if dim == 1 else f"vec{dim}"
    text, value = _KERNELS[kernel]
    if kernel == "triangular" and dim > 1:
        text = "wp.max(1.0 - u, 0.0)"
    own = what == "leave one out"
    points = n if own else points
    d.input("samples", type, n, -1.0, 1.0, about="sample positions")
    if not own:
        d.input("grid", type, points, -1.0, 1.0, about="query points")
    if what == "regression":
        d.input("targets", "float", n, -1.0, 2.0, about="observed values")
    elif what == "weighted":
        d.input("weights", "float", n, 0.1, 1.0, about="per-sample weight")
    if width == "one":
        d.param("bandwidth", "float", 0.5, 1.0, about="kernel bandwidth")
        h = "bandwidth"
    else:
        d.input("bandwidths", "float", n, 0.5, 1.0, about="per-sample kernel bandwidth")
        h = "h"
    if what == "weighted":
        d.calls("kernel_intensity|weighted_kernel_sum|smooth_weights")
        d.says("Computes kernel-weighted sums of sample weights at the query points.")
    made = {"regression": "fitted", "weighted": "intensity"}.get(what, "density")
    reach = "" if kernel in ("gaussian", "logistic") else ", zero if no sample is in range"
    about = {"regression": f"regression estimates{reach}", "weighted": "kernel-weighted sums"}
    d.output(made, "float", points, about=about.get(what, "estimated densities"))
    apart = "p - samples[k]"
    steps = f"u = ({apart}) / {h}\n" if dim == 1 else f"u = wp.length({apart}) / {h}\n"
    norm = {1: 1.0, 2: 2 * math.pi, 3: 4 * math.pi}[dim]
    # Normalization constant of the radial kernel
    radii = np.linspace(0, 60, 600001)
    mass = 1.0
    if dim > 1:
        f = value(radii) * radii ** (dim - 1)
        mass = float(((f[1:] + f[:-1]) * 0.5).sum() * 1e-4 * norm)
    factor, _, rest = text.partition(" * ")
    mass_of = mass
    cancels = kernel in ("gaussian", "epanechnikov", "quartic") and (dim > 1 or what == "regression")
    if cancels:
        text, mass = rest, mass / float(factor)
    if kernel == "quartic":
        steps += "q = wp.max(1.0 - u * u, 0.0)\n"
    scale = " * ".join([h] * dim)
    weight = f"{text}"
    if width != "one":
        steps = "h = bandwidths[k]\n" + steps
    named = kernel.capitalize() if kernel in ("gaussian", "epanechnikov") else kernel
    d.module(
        f"KERNEL_MASS = wp.constant({mass:.7f})  # of the {named} kernel over R^{dim}"
    ) if dim > 1 and what != "regression" else None
    over = f" / (KERNEL_MASS * {scale})" if dim > 1 else f" / {scale}"
    if what == "regression":
        body = f"{steps}w = {weight}\nmass += w\nmoment += w * targets[k]"
        start, end = (
            "mass = float(0.0)\nmoment = float(0.0)",
            "fitted[tid] = moment / mass"
            if kernel in ("gaussian", "logistic")
            else "# Skip when no sample is in range\nif mass > 1.0e-6:\n    fitted[tid] = moment / mass",
        )
        d.says("Computes a Nadaraya-Watson kernel regression at the query points.")
    else:
        term = f"{weight}{over}"
        if what == "weighted":
            term = f"weights[k] * {term}".replace("* 1.0 /", "/")
        skip = "if k == tid:\n    continue\n" if own else ""
        body = f"{skip}{steps}acc += {term}"
        count = "samples.shape[0] - 1" if own else "samples.shape[0]"
        start = "acc = float(0.0)"
        end = f"density[tid] = acc / float({count})" if what != "weighted" else "intensity[tid] = acc"
        if own:
            d.says("Computes the leave-one-out kernel density estimate at each sample.")
    d.launch(points)
    d.code(
        "tid = wp.tid()\np = $p[tid]\n$start\nfor k in range(samples.shape[0]):\n    $body\n$end",
        p="samples" if own else "grid",
        start=start,
        body=body,
        end=end,
    )

    def reference(v: Values) -> dict[str, Any]:
        x = v.samples.reshape(n, -1)
        p = x if own else v.grid.reshape(points, -1)
        h = v.bandwidth if width == "one" else v.bandwidths[None]
        k = value(np.linalg.norm(p[:, None] - x[None], axis=-1) / h)
        if what == "regression":
            mass = k.sum(axis=1)
            return {"fitted": np.where(mass > 1e-6, k @ v.targets / np.maximum(mass, 1e-9), 0.0)}
        k = k / (mass_of * h**dim)
        if own:
            return {"density": (k.sum(axis=1) - np.diag(k)) / (n - 1)}
        return {"intensity": k @ v.weights} if what == "weighted" else {"density": k.mean(axis=1)}

    d.check(reference, 5e-4)
