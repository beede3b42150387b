"""Functions with gradients or code of their own, generic ones, tables fixed at compile time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.language import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

_Formulas = dict[str, Callable[[Any], Any]]


@DOMAIN.algorithm(
    source="Warp manual, Differentiability: custom gradient functions; Maechler 2012",
    names={
        "own_gradient": "custom_gradient|stable_function|hand_adjoint",
        "values": "inputs|x_in",
        "result": "out|activated|y",
        "loss": "total|objective|cost",
        "weights": "scale|coefficients|w",
    },
    weight=2,
)
def own_gradient(d: Draft) -> None:
    """Applies a function with a custom gradient."""
    kind = d.option("kind", "softplus", "log cosh", "sigmoid", "length", "cube root")
    native = d.option("written", "python", "native")
    summed = d.option("summed", "each", "loss")
    words = {"sigmoid": "logistic", "length": "soft_abs", "cube root": "cbrt_one_plus_square"}
    word = words.get(kind, kind.replace(" ", "_"))
    d.calls(
        f"sum_{word}|{word}_loss|total_{word}"
        if summed == "loss"
        else f"apply_{word}|{word}_forward|map_{word}"
    )
    weighed = d.flag("weighted")
    noun = {
        "softplus": "softplus",
        "log cosh": "log-cosh",
        "sigmoid": "logistic function",
        "length": "smoothed absolute value",
        "cube root": "cube root of 1 + x^2",
    }[kind]
    d.says(
        f"Sums the {'weighted ' if weighed else ''}{noun} over all values using a function with a custom gradient."
        if summed == "loss"
        else f"Computes the {'weighted ' if weighed else ''}{noun} of each value using a function with a custom gradient."
    )
    n = d.pick(64, 96, 128)
    forward, backward, snippet, adjoint = {
        "softplus": (
            "# Numerically stable log(1 + e^x)\nreturn wp.max(x, 0.0) + wp.log(1.0 + wp.exp(-wp.abs(x)))",
            "wp.adjoint[x] += adj_ret / (1.0 + wp.exp(-x))",
            "return fmax(x, 0.0f) + log(1.0f + exp(-fabs(x)));",
            "adj_x += adj_ret / (1.0f + exp(-x));",
        ),
        "log cosh": (
            "a = wp.abs(x)\nreturn a + wp.log(0.5 + 0.5 * wp.exp(-2.0 * a))",
            "wp.adjoint[x] += adj_ret * wp.tanh(x)",
            "// cosh(x) = 1 + 2 sinh(x / 2)^2\nfloat s = sinh(0.5f * x);\nreturn log(1.0f + 2.0f * s * s);",
            "adj_x += adj_ret * tanh(x);",
        ),
        "sigmoid": (
            "return 1.0 / (1.0 + wp.exp(-x))",
            "s = 1.0 / (1.0 + wp.exp(-x))\nwp.adjoint[x] += adj_ret * s * (1.0 - s)",
            "return 1.0f / (1.0f + exp(-x));",
            "float s = 1.0f / (1.0f + exp(-x));\nadj_x += adj_ret * s * (1.0f - s);",
        ),
        "length": (
            "# Smooth |x|, rounded within about 0.1 of zero\nreturn wp.sqrt(x * x + 0.01)",
            "wp.adjoint[x] += adj_ret * x / wp.sqrt(x * x + 0.01)",
            "float y = sqrt(x * x + 0.01f);\nreturn y;",
            "adj_x += adj_ret * x / sqrt(x * x + 0.01f);",
        ),
        "cube root": (
            "return wp.cbrt(1.0 + x * x)",
            "r = wp.cbrt(1.0 + x * x)\nwp.adjoint[x] += adj_ret * 2.0 * x / (3.0 * r * r)",
            "float r = cbrt(1.0f + x * x);\nreturn r;",
            "float r = cbrt(1.0f + x * x);\nadj_x += adj_ret * 2.0f * x / (3.0f * r * r);",
        ),
    }[kind]
    if native == "python":
        d.function(f"@wp.func\ndef {word}(x: float):\n    $forward", forward=forward)
        d.function(
            f"@wp.func_grad({word})\ndef adj_{word}(x: float, adj_ret: float):\n    $backward",
            backward=backward,
        )
    else:
        d.module(f'snippet = """\n{snippet}\n"""\nadj_snippet = """\n{adjoint}\n"""')
        d.function(
            f"@wp.func_native(snippet, adj_snippet=adj_snippet)\ndef {word}(x: float) -> float: ...",
        )
    d.input("values", "float", n, -3.0, 3.0, about="input values")
    if weighed:
        d.input("weights", "float", n, 0.5, 1.5, about="weight per value")
    if summed == "loss":
        d.output("loss", "float", 1, about=f"{'weighted ' if weighed else ''}sum over all values")
    else:
        d.output("result", "float", n, about=f"{'weighted ' if weighed else ''}function values")
    term = f"{'weights[tid] * ' if weighed else ''}{word}(values[tid])"
    store = f"wp.atomic_add(loss, 0, {term})" if summed == "loss" else f"result[tid] = {term}"
    d.launch(n)
    d.code(f"tid = wp.tid()\n{store}")

    def reference(v: Values) -> Mapping[str, Any]:
        formulas: _Formulas = {
            "softplus": lambda x: np.logaddexp(0, x),
            "log cosh": lambda x: np.log(np.cosh(x)),
            "sigmoid": lambda x: 0.5 + 0.5 * np.tanh(x / 2),
            "length": lambda x: np.hypot(x, 0.1),
            "cube root": lambda x: (1 + x * x) ** (1 / 3),
        }
        terms = (v.weights if weighed else 1.0) * formulas[kind](v["values"])
        return {"loss": [terms.sum()]} if summed == "loss" else {"result": terms}

    d.check(reference)


@DOMAIN.algorithm(
    source="Warp manual, Code generation: wp.static; Abramowitz & Stegun 1964, sec. 25.4",
    names={
        "fixed_tables": "static_table|compiled_constants|unrolled_rule",
        "values": "inputs|x_in",
        "result": "out|y",
        "total": "acc|s|value",
    },
    double=False,
    adjoint="either",
)
def fixed_tables(d: Draft) -> None:
    """Uses a constant table defined at compile time."""
    kind = d.option("kind", "horner", "gauss", "smooth", "poles", "days")
    d.calls({
        "horner": "eval_polynomial|poly_horner|polynomial_values",
        "gauss": "gauss_legendre|integrate_gaussian|gauss_quadrature",
        "smooth": "smooth_signal|fir_filter|filter_signal",
        "poles": "relaxation_response|sum_relaxations|relaxation_sum",
        "days": "day_of_year|days_of_year|ordinal_days",
    }[kind])  # fmt: skip
    loop = d.option("loop", "unrolled", "written out")
    held = d.option("held", "vector", "static")
    scaled = d.flag("scaled")
    d.says({
        "horner": "Evaluates a polynomial with compile-time coefficients using Horner's method.",
        "gauss": "Integrates exp(-x^2) from zero using three-point Gauss-Legendre quadrature.",
        "smooth": "Smooths a signal using compile-time filter weights.",
        "poles": "Sums relaxation responses 1 / (1 + s tau) with compile-time relaxation times.",
        "days": "Computes the day of the year using a constant lookup table.",
    }[kind])  # fmt: skip
    n = d.pick(64, 96, 128)
    if kind == "days":
        numbers: list[float] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334]
        loop = "looked up"
    elif kind == "gauss":
        numbers = [-0.7745966692, 0.0, 0.7745966692]
    elif kind == "smooth":
        numbers = d.pick([0.25, 0.5, 0.25], [0.0625, 0.25, 0.375, 0.25, 0.0625])
    elif kind == "poles":
        numbers = [0.1, 0.5, 2.0, 8.0]
    else:
        numbers = d.pick([1.0, -0.5, 0.25, -0.125], [0.5, 1.0, -0.2, 0.1, 0.05])
    table = {
        "days": "DAYS_BEFORE", "gauss": "NODES", "smooth": "TAPS", "poles": "TIMES", "horner": "COEFFICIENTS",
    }[kind]  # fmt: skip
    size = len(numbers)
    text = ", ".join(str(x) for x in numbers)
    vector = (
        "wp.vec3"
        if size == 3
        else "wp.vec4"
        if size == 4
        else f"wp.types.vector(length={size}, dtype={'int' if kind == 'days' else 'float'})"
    )
    if held == "vector" or kind == "days":
        d.module(f"{table} = wp.constant({vector}({text}))")
        get = f"{table}[k]"
    else:
        d.module(f"{table} = [{text}]")
        get = f"wp.static({table}[k])"
        loop = "written out"

    def entry(k: int | str) -> str:
        return get.replace("[k]", f"[{k}]")

    if kind == "days":
        d.input("dates", "vec2i", n, 1, 13, about="month and day of month")
        leap = d.flag("leap")
        if leap:
            d.input("years", "int", n, 1890, 2110, about="Gregorian calendar years")
        else:
            d.says("Computes the day of the year (ignoring leap years) using a constant lookup table.")
        d.output("result", "int", n, about="day of the year, starting at 1")
        d.launch(n)
        extra = """
# Add one day after February in leap years
year = years[tid]
if month > 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0):
    day += 1""".strip("\n")
        d.code(
            f"""
            tid = wp.tid()
            month = dates[tid][0]
            day = {entry("month - 1")} + dates[tid][1]
            $extra
            result[tid] = day
            """,
            extra=extra if leap else "",
        )

        def days(v: Values) -> Mapping[str, Any]:
            year = v.years if leap else np.full(n, 2001)
            start = [np.datetime64(f"{y:04}-{m:02}-01") - np.datetime64(f"{y:04}-01-01")
                     for y, m in zip(year, v.dates[:, 0], strict=True)]  # fmt: skip
            return {"result": np.array(start).astype(int) + v.dates[:, 1]}

        d.check(days)
        return
    about, made = {
        "horner": ("polynomial arguments", "polynomial values"),
        "gauss": ("upper integration limits", "integrals"),
        "smooth": ("signal samples", "smoothed samples"),
        "poles": ("values of s", "summed responses"),
    }[kind]
    d.input("values", "float", n + size - 1 if kind == "smooth" else n, 0.2, 1.5, about=about)
    if scaled:
        d.says(f"{d.sentence.removesuffix('.')}, and scales the result.")
        d.param("gain", "float", 0.5, 2.0, about="scale factor for the results")
    d.output("result", "float", n, about=made)
    ks = range(size)
    if kind == "gauss":
        d.module("SIDE = wp.constant(5.0 / 9.0)\nCENTER = wp.constant(8.0 / 9.0)")
        d.function("@wp.func\ndef bell(x: float):\n    return wp.exp(-x * x)")
    x = "x = values[tid]\n"
    if loop == "written out":
        body = {
            "horner": x + f"total = {_nested([entry(k) for k in ks])}",
            "gauss": "half = 0.5 * values[tid]\n"
            f"side = bell(half + half * {entry(0)}) + bell(half + half * {entry(2)})\n"
            "# The middle quadrature node is zero\n"
            "total = half * (SIDE * side + CENTER * bell(half))",
            "smooth": _summed([f"{entry(k)} * values[tid{f' + {k}' if k else ''}]" for k in ks]),
            "poles": "s = values[tid]\n" + _summed([f"1.0 / (1.0 + s * {entry(k)})" for k in ks]),
        }[kind]
    else:
        body = {
            "horner": x
            + f"total = float(0.0)\nfor k in range({size}):\n    total = total * x + {table}[{size - 1} - k]",
            "gauss": "half = 0.5 * values[tid]\ntotal = float(0.0)\nfor k in range(3):\n"
            "    weight = wp.where(k == 1, CENTER, SIDE)\n"
            "    total += half * weight * bell(half + half * NODES[k])",
            "smooth": f"total = float(0.0)\nfor k in range({size}):\n    total += TAPS[k] * values[tid + k]",
            "poles": "s = values[tid]\n"
            f"total = float(0.0)\nfor k in range({size}):\n    total += 1.0 / (1.0 + s * TIMES[k])",
        }[kind]
    d.launch(n)
    d.code(f"tid = wp.tid()\n$body\nresult[tid] = {'gain * ' if scaled else ''}total", body=body)

    def reference(v: Values) -> Mapping[str, Any]:
        x = v["values"]
        nodes = np.array(numbers)
        formulas: _Formulas = {
            "horner": lambda x: np.polynomial.polynomial.polyval(x, nodes),
            "gauss": lambda x: (
                (np.exp(-((x[:, None] / 2 * (1 + nodes)) ** 2)) * [5 / 9, 8 / 9, 5 / 9]).sum(1) * x / 2
            ),
            "smooth": lambda x: np.convolve(x, nodes, "valid"),
            "poles": lambda x: (1 / (1 + x[:, None] * nodes)).sum(axis=1),
        }
        return {"result": formulas[kind](x) * (v.gain if scaled else 1.0)}

    d.check(reference)


def _summed(terms: list[str]) -> str:
    """The total of a few terms, a line for each."""
    return "total = (\n    " + "\n    + ".join(terms) + "\n)"


def _nested(entries: list[str]) -> str:
    """A polynomial in x by Horner's rule, as one expression."""
    text = entries[-1]
    for entry in reversed(entries[:-1]):
        text = f"{entry} + x * {text}" if text is entries[-1] else f"{entry} + x * ({text})"
    return text


@DOMAIN.algorithm(
    source="Warp manual, Generics",
    names={
        "any_size": "generic_values|sized_vectors|typed_kernel",
        "a": "first|u|left",
        "b": "second|w|right",
        "vectors": "vecs|v_in|samples",
        "out": "result|y",
        "total": "acc|s",
    },
    double=True,
    adjoint="either",
)
def any_size(d: Draft) -> None:
    """Applies a generic function for vectors of any length."""
    kind = d.option("kind", "mean square", "spread", "largest gap", "reflection", "filled")
    d.calls({
        "mean square": "mean_squares|mean_of_squares|vector_mean_squares",
        "spread": "component_variance|component_variances|variance_of_components",
        "largest gap": "largest_difference|max_difference|component_gaps",
        "reflection": "reflect_vectors|mirror_vectors",
        "filled": "even_out_components|pull_to_mean|shrink_to_mean",
    }[kind])  # fmt: skip
    size = d.option("size", 2, 3, 4)
    generic = d.option("generic", "any", "overloads") if kind == "mean square" else "any"
    both = generic == "overloads"
    if both:
        size = 3
    n = d.pick(64, 96, 128)
    d.says({
        "mean square": "Computes the mean square of 2D and 3D vectors using an overloaded function."
        if both
        else "Computes the mean square of vectors using a generic function.",
        "spread": "Computes the component variance of vectors using a generic function.",
        "largest gap": "Computes the largest difference between vector components using a generic function.",
        "reflection": f"Reflects vectors about {'lines' if size == 2 else 'planes'} using a dimension-independent function.",
        "filled": "Blends vector components toward their mean.",
    }[kind])  # fmt: skip
    if kind == "largest gap":
        d.forward_only()
    about = "vectors to reflect" if kind == "reflection" else "vectors"
    a = "a" if kind == "largest gap" else "vectors"
    d.input(a, f"vec{size}", n, -2.0 if kind == "largest gap" else 0.3, 2.0, about=about)
    if both:
        d.input("plane_vectors", "vec2", n, 0.3, 2.0, about="2D vectors")
    if kind == "largest gap":
        d.input("b", f"vec{size}", n, -2.0, 2.0, about="vectors to compare with")
    if kind == "reflection":
        d.input(
            "normals",
            f"vec{size}",
            n,
            kind="unit",
            about=f"{'line' if size == 2 else 'plane'} unit normals",
        )
    if kind == "filled":
        d.param("share", "float", 0.2, 0.8, about="blend factor: 0 keeps the vector, 1 yields the mean")
    scalar = kind in ("mean square", "spread", "largest gap")
    about = {
        "mean square": "mean squares", "spread": "variances", "largest gap": "largest differences",
        "reflection": "reflected vectors", "filled": "evened vectors",
    }[kind]  # fmt: skip
    d.output("out", "float" if scalar else f"vec{size}", n, about=about)
    if both:
        d.output("plane_out", "float", n, about="mean squares of the 2D vectors")
    types = ["wp.vec2", "wp.vec3"] if both else ["Any"]

    def heads(name: str, parameters: str, body: str) -> None:
        for type_ in types:
            each = ", ".join(f"{p}: {type_}" for p in parameters.split())
            d.function(f"@wp.func\ndef {name}({each}):\n    $body", body=body)

    mean = "total = float(0.0)\nfor k in range(len(v)):\n    total += v[k]"
    call = {
        "mean square": ("mean_square", "v", "return wp.dot(v, v) / float(len(v))", "mean_square(vectors[tid])"),
        "spread": (
            "variance", "v",
            f"{mean}\nmean = total / float(len(v))\nsquares = float(0.0)\nfor k in range(len(v)):\n"
            "    squares += (v[k] - mean) * (v[k] - mean)\nreturn squares / float(len(v))",
            "variance(vectors[tid])",
        ),
        "largest gap": ("largest_gap", "v w", "return wp.max(wp.abs(v - w))", "largest_gap(a[tid], b[tid])"),
        "reflection": (
            "reflect", "v normal",
            "return v - 2.0 * wp.dot(v, normal) * normal", "reflect(vectors[tid], normals[tid])",
        ),
        "filled": (
            "mean_component", "v", f"{mean}\nreturn total / float(len(v))",
            f"(1.0 - share) * vectors[tid] + share * wp.vector(mean_component(vectors[tid]), length={size}, dtype=float)",
        ),
    }[kind]  # fmt: skip
    heads(*call[:3])
    d.launch(n)
    second = "\nplane_out[tid] = mean_square(plane_vectors[tid])" if both else ""
    d.code(f"tid = wp.tid()\nout[tid] = {call[3]}{second}")

    def reference(v: Values) -> Mapping[str, Any]:
        x = v["a" if kind == "largest gap" else "vectors"]
        y = v.get("b", v.get("normals", x))
        formulas: dict[str, Callable[[], Any]] = {
            "mean square": lambda: (x * x).mean(axis=1),
            "spread": lambda: x.var(axis=1),
            "largest gap": lambda: np.abs(x - y).max(axis=1),
            "reflection": lambda: x - 2 * (x * y).sum(axis=1, keepdims=True) * y,
            "filled": lambda: (1 - v.share) * x + v.share * x.mean(axis=1, keepdims=True),
        }
        return {"out": formulas[kind]()} | ({"plane_out": (v.plane_vectors**2).mean(axis=1)} if both else {})

    d.check(reference, 1e-3)
