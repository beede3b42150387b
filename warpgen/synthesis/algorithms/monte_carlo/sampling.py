"""Points that fill space evenly, and samples of distributions."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.monte_carlo import DOMAIN
from warpgen.synthesis.library import normal, words
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source=(
        "van der Corput 1935; Halton 1960; Hammersley 1960; Sobol 1967; Roberts 2018 (R2); Cranley & "
        "Patterson 1976"
    ),
    names={
        "even_points": "low_discrepancy|quasi_random|qmc_points",
        "points": "samples|out|xs",
        "index": "i_seq|k|sample_id",
        "shift": "offset|rotation|jitter",
        "f": "place_value|scale|digit_weight",
        "r": "value|inverse|radical",
    },
    adjoint="either",
    element="",  # a sequence with gaps fills nothing evenly
    weight=12,
)
def even_points(d: Draft) -> None:
    """Computes low-discrepancy points in the unit square or cube."""
    kind = d.option("kind", "halton", "hammersley", "sobol", "r2", "lattice")
    dim = d.option("dim", 2, 3)
    radical = d.option("radical", *words.REVERSALS, None)
    shifted = d.option("shift", "none", "rotation", "start")
    layout = d.option("layout", "vector", "matrix", "planes")
    d.calls("low_discrepancy_points|quasi_random_points|qmc_points")
    n = d.pick(64, 96, 128)
    if kind == "sobol":
        dim = 2
    index = bare = "tid"
    if shifted == "start":
        d.param("start", "int", 1, 50, about="index of the first point")
        index, bare = "(start + tid)", "start + tid"
    if shifted == "rotation":
        d.param("shift", f"vec{dim}", 0.0, 1.0, about="random shift, applied modulo 1")
    if kind == "hammersley":
        d.param(
            "count", "int", n + (60 if shifted == "start" else 0), about="total number of points in the set"
        )
    elif kind == "lattice":
        n = 64 if shifted == "start" else 144
        d.module("NUM_POINTS = wp.constant(144)  # total lattice size, tied to the generating vector")
    d.output(
        "points",
        f"vec{dim}" if layout == "vector" else "float",
        n if layout == "vector" else (n, dim) if layout == "matrix" else (dim, n),
        about="points in the unit " + ("square" if dim == 2 else "cube"),
    )
    bases = (2, 3, 5)
    generators = {2: (1, 89), 3: (1, 37, 59)}  # Fibonacci numbers; least P2 of all vectors

    def inverse(base: int) -> str:
        if base == 2 and radical is not None:
            # exact where the loop's sum rounds
            return f"float({d.use(radical)}(wp.uint32({bare}))) / 4294967296.0"
        return f"radical_inverse({bare}, {base})"

    looped = kind == "halton" or (kind == "hammersley" and (dim == 3 or radical is None))
    if looped:
        d.function("""
            @wp.func
            def radical_inverse(index: int, base: int) -> float:
                # Radical inverse: mirror the digits of the index at the radix point
                f = float(1.0)
                r = float(0.0)
                i = int(index)
                while i > 0:
                    f = f / float(base)
                    r += f * float(i % base)
                    i = i // base
                return r
        """)
    pre = ""
    if kind == "halton":
        values = [inverse(b) for b in bases[:dim]]
    elif kind == "hammersley":
        values = [f"float({bare}) / float(count)"] + [inverse(b) for b in bases[: dim - 1]]
    elif kind == "sobol":
        first = d.use(radical or words.REVERSE_SWAPS)
        pre = f"""
        k = wp.uint32({bare})
        x0 = {first}(k)
        # Direction numbers for the second dimension, from the top bit down
        x1 = wp.uint32(0)
        v = wp.uint32(0x80000000)
        while k != wp.uint32(0):
            if (k & wp.uint32(1)) != wp.uint32(0):
                x1 = x1 ^ v
            v = v ^ (v >> wp.uint32(1))
            k = k >> wp.uint32(1)
        """
        values = ["float(x0 >> wp.uint32(8)) / 16777216.0", "float(x1 >> wp.uint32(8)) / 16777216.0"]
    elif kind == "r2":
        g = {2: 1.324717957244746, 3: 1.2207440846057596}[dim]
        values = [f"0.5 + float({bare}) * {g ** -(a + 1):.10f}" for a in range(dim)]
        if shifted != "rotation":  # which takes them modulo one itself
            values = [f"wp.mod({value}, 1.0)" for value in values]
        pre = f"# Steps are the inverse powers of {g:.5f}, the root of x^{dim + 1} = x + 1"
    else:
        values = [f"float({bare}) / float(NUM_POINTS)"] + [
            f"float({index} * {z} % NUM_POINTS) / float(NUM_POINTS)" for z in generators[dim][1:]
        ]
        pre = f"# Rank-1 lattice with the generating vector {generators[dim]}"
    body = ""
    if layout == "vector":
        body = f"p = wp.vec{dim}(\n" + "".join(f"    {value},\n" for value in values) + ")\n"
        if shifted == "rotation":
            body += (
                "# Cranley-Patterson rotation\np = p + shift\n"
                + "points[tid] = "
                + f"wp.vec{dim}("
                + ", ".join(f"wp.mod(p[{a}], 1.0)" for a in range(dim))
                + ")"
            )
        else:
            body = body.replace("p = ", "points[tid] = ")
    else:
        for a, value in enumerate(values):
            at = f"points[tid, {a}]" if layout == "matrix" else f"points[{a}, tid]"
            body += (
                f"{at} = wp.mod({value} + shift[{a}], 1.0)\n"
                if shifted == "rotation"
                else f"{at} = {value}\n"
            )
    d.launch(n)
    d.code("tid = wp.tid()\n$pre\n$body", pre=pre, body=body.rstrip())
    suffix = ", shifted modulo one." if shifted == "rotation" else "."
    d.says(
        f"Computes points of the {'R' + str(dim) if kind == 'r2' else kind.capitalize()} {'set' if kind == 'hammersley' else 'sequence'}{suffix}"
        if kind != "lattice"
        else f"Computes the points of a rank-one lattice{suffix}"
    )

    def digits(i: Any, base: int) -> Any:
        r, f, i = np.zeros(len(i)), 1.0, i.copy()
        while i.any():
            f /= base
            r, i = r + f * (i % base), i // base
        return r

    def reference(v: Values) -> dict[str, Any]:
        i = np.arange(n) + (int(v.start) if shifted == "start" else 0)
        if kind == "halton":
            p = [digits(i, b) for b in bases[:dim]]
        elif kind == "hammersley":
            p = [i / float(v.count)] + [digits(i, b) for b in bases[: dim - 1]]
        elif kind == "sobol":
            pascal = np.array([[1]])  # the second generator matrix is Pascal's triangle modulo two
            while len(pascal) < 16:
                pascal = np.block([[pascal, pascal], [0 * pascal, pascal]])
            b = words.bits(i, 16).astype(np.int64)
            p = [digits(i, 2), (b @ pascal.T % 2) @ 0.5 ** np.arange(1, 17)]
        elif kind == "r2":
            g = np.roots([1] + [0] * (dim - 1) + [-1, -1])
            g = g[np.abs(g.imag) < 1e-9].real.max()
            p = [(0.5 + i * g ** -(a + 1)) % 1 for a in range(dim)]
        else:
            p = [i * z / 144 % 1 for z in generators[dim]]
        made = np.array(p)
        if shifted == "rotation":
            made = (made + v.shift[:, None]) % 1
        return {"points": made if layout == "planes" else made.T}

    d.check(reference, 1e-3)


@DOMAIN.algorithm(
    source="Devroye 1986, chapter 2; Box & Muller 1958; Gumbel 1935; Archimedes (spheres)",
    names={
        "inverse_transform": "sample_distribution|transform_uniforms|draw_samples|inverse_cdf",
        "u": "uniforms|xi|randoms",
        "y": "samples|draws|out",
        "scale": "spread|width|scale_param",
        "loc": "center|location|loc_param",
        "least": "minimum|x_min|lowest",
    },
    double=True,
    element="",  # strata that are left out would tilt the samples
    weight=6,
)
def inverse_transform(d: Draft) -> None:
    """Transforms uniform random samples to a target distribution using the inverse CDF."""
    kind = d.option(
        "kind",
        "exponential",
        "weibull",
        "cauchy",
        "logistic",
        "gumbel",
        "pareto",
        "rayleigh",
        "laplace",
        "triangular",
        "normal",
        "lognormal",
        "kumaraswamy",
    )
    d.calls(f"sample_{kind}|{kind}_samples|inverse_transform|transform_uniforms")
    quantile = d.option("quantile", normal.QUANTILE_ACKLAM, normal.QUANTILE_MORO)
    where = d.option("where", "array", "truncated", "stratified")
    parameters = d.option("parameters", "common", "each")
    density = (
        d.flag("density", 0.3) and kind in ("exponential", "rayleigh", "logistic") and where != "truncated"
    )
    n = d.pick(64, 96, 128, 200)
    # Numbers near 0 and 1 make tails too heavy for some laws, but quantiles of the normal one have cases for them
    edge = 0.003 if kind in ("normal", "lognormal") else 0.05
    d.input("u", "float", n, edge, 1.0 - edge, about="uniform random numbers")
    each = parameters == "each"

    def needs(name: str, low: float, high: float) -> str:
        if each:
            d.input(name, "float", n, low, high, about=told[name])
            return f"{name}[i]"
        d.param(name, "float", low, high, about=told[name])
        return name

    told = {
        "scale": {
            "exponential": "distribution mean",
            "normal": "standard deviation",
            "lognormal": "standard deviation of the logarithm",
        }.get(kind, "scale parameter"),
        "shape": "shape parameter",
        "loc": {
            "normal": "mean",
            "lognormal": "mean of the logarithm",
            "cauchy": "median",
            "gumbel": "mode",
        }.get(kind, "location parameter"),
        "least": "lower bound",
        "rise": "width of the rising part of the density",
        "fall": "width over which it falls",
        "a": "first shape parameter, exponent of the sample",
        "b": "second shape parameter, outer exponent",
    }

    # Kumaraswamy and triangular laws have two shapes and no scale, Pareto's scale is its least value
    first, second = {
        "kumaraswamy": ("b", "a"),
        "triangular": ("rise", "fall"),
        "pareto": ("least", "shape"),
    }.get(kind, ("scale", "shape"))
    scale = needs(first, 0.5, 1.5)
    third = kind in ("weibull", "pareto", "kumaraswamy", "triangular")
    shape = needs(second, 1.2, 3.0) if third else ""
    loc = (
        needs("loc", -1.0, 1.0)
        if kind in ("cauchy", "logistic", "gumbel", "laplace", "normal", "lognormal")
        else ""
    )
    if where == "truncated":
        d.param("p_min", "float", 0.02, 0.2, about="lower CDF bound")
        d.param("p_max", "float", 0.8, 0.98, about="upper CDF bound")
    d.output("y", "float", n, about="samples")
    if density:
        d.output("pdf", "float", n, about="density at each sample")
    q = d.use(quantile) if kind in ("normal", "lognormal") else ""
    formula = {
        "exponential": f"-{scale} * wp.log(1.0 - p)",
        "weibull": f"{scale} * wp.pow(-wp.log(1.0 - p), 1.0 / {shape})",
        "cauchy": f"{loc} + {scale} * wp.tan(wp.pi * (p - 0.5))",
        "logistic": f"{loc} + {scale} * wp.log(p / (1.0 - p))",
        "gumbel": f"{loc} - {scale} * wp.log(-wp.log(p))",
        "pareto": f"{scale} / wp.pow(1.0 - p, 1.0 / {shape})",
        "rayleigh": f"{scale} * wp.sqrt(-2.0 * wp.log(1.0 - p))",
        "laplace": f"{loc} - {scale} * wp.sign(p - 0.5) * wp.log(1.0 - 2.0 * wp.abs(p - 0.5))",
        "normal": f"{loc} + {scale} * {q}(p)",
        "lognormal": f"wp.exp({loc} + {scale} * {q}(p))",
        "kumaraswamy": f"wp.pow(1.0 - wp.pow(1.0 - p, 1.0 / {scale}), 1.0 / {shape})",
        "triangular": "",
    }[kind]
    if kind == "triangular":
        body = f"""
        # Triangular density: rises to the mode, then falls
        width = {scale} + {shape}
        if p < {scale} / width:
            y[i] = wp.sqrt(p * width * {scale})
        else:
            y[i] = width - wp.sqrt((1.0 - p) * width * {shape})
        """
    else:
        body = f"y[i] = {formula}"
    if density:
        pdf = {
            "exponential": f"(1.0 - p) / {scale}",
            "rayleigh": f"wp.sqrt(-2.0 * wp.log(1.0 - p)) * (1.0 - p) / {scale}",
            "logistic": f"p * (1.0 - p) / {scale}",
        }[kind]
        body += f"\n# Density at the sample in closed form\npdf[i] = {pdf}"
    load = {
        "array": "p = u[i]",
        "truncated": (
            "# Truncate the tails by restricting the probability range\np = p_min + u[i] * (p_max - p_min)"
        ),
        "stratified": ("# Stratified: one sample per stratum\np = (float(i) + u[i]) / float(u.shape[0])"),
    }[where]
    d.launch(n)
    d.code("i = wp.tid()\n$load\n$body", load=load, body=body)
    d.says(
        {"array": "Turns", "truncated": "Turns", "stratified": "Transforms stratified"}[where]
        + " uniform random numbers into samples from the "
        + ("truncated " if where == "truncated" else "")
        + {
            name: name.capitalize()
            for name in ("cauchy", "rayleigh", "weibull", "gumbel", "pareto", "laplace", "kumaraswamy")
        }.get(kind, kind)
        + " distribution"
        + (" and their densities." if density else ".")
    )

    def reference(v: Values) -> dict[str, Any]:
        p = v.u
        if where == "truncated":
            p = v.p_min + p * (v.p_max - v.p_min)
        elif where == "stratified":
            p = (np.arange(n) + p) / n
        s, c, m = v[first], v.get(second, 1.0), v.get("loc", 0.0)
        z = normal.QUANTILE_ACKLAM(p)
        e = -np.log1p(-p)  # a unit exponential, of which many others are made
        y = {
            "exponential": lambda: s * e,
            "weibull": lambda: s * e ** (1 / c),
            "cauchy": lambda: m - s / np.tan(np.pi * p),
            "logistic": lambda: m + 2 * s * np.arctanh(2 * p - 1),
            "gumbel": lambda: m - s * np.log(-np.log(p)),
            "pareto": lambda: s * np.exp(e / c),
            "rayleigh": lambda: s * np.sqrt(2 * e),
            "laplace": lambda: m + s * np.where(p < 0.5, np.log(2 * p), -np.log(2 - 2 * p)),
            "normal": lambda: m + s * z,
            "lognormal": lambda: np.exp(m) * np.exp(s * z),
            "kumaraswamy": lambda: (1 - np.exp(-e / s)) ** (1 / c),
            "triangular": lambda: np.where(
                p < s / (s + c), np.sqrt(p * s * (s + c)), s + c - np.sqrt((1 - p) * c * (s + c))
            ),
        }[kind]()
        found = {"y": y}
        if density:
            x = (y - m) / s
            found["pdf"] = {
                "exponential": np.exp(-x),
                "rayleigh": x * np.exp(-x * x / 2),
                "logistic": 0.25 / np.cosh(x / 2) ** 2,
            }[kind] / s
        return found

    d.check(reference, 1e-3)
