"""Functions as values, from factories, in C++, with defaults, over arrays."""

from __future__ import annotations

from warpgen.synthesis.blocks.texts import block, declare, operand, real
from warpgen.synthesis.categories.function import CATEGORY
from warpgen.synthesis.categories.function.calls import early_returns
from warpgen.synthesis.formulas.grower import palette, result_name
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import F32, I32
from warpgen.synthesis.language.values import Value, call


@CATEGORY.motif()
def function_argument(k: Kit) -> None:
    """A function that takes a function."""
    r, spelled = real(k), k.author.spell(k.real)
    c, half, one = (k.lit(v).text for v in (k.number(0.3, 1.5), 0.5, 1.0))
    texts = {
        "quadratic": f"x * x - {c}",
        "decaying": "wp.exp(-x * x)",
        "wavy": f"wp.sin(x * {c})",
        "clipped": f"wp.clamp(x, -{c}, {c})",
        "linear_map": f"x * {c} + {half}",
        "bump": f"{one} / ({one} + x * x)",
    }
    functions = []
    for stem in k.rng.sample(list(texts), k.rng.integer(2, 3)):
        name = k.draft.module_name(stem)
        functions.append(declare(k, name, f"@wp.func\ndef {name}(x: {r}) -> {r}:\n    return {texts[stem]}"))
    applier = k.draft.module_name("apply_twice|central_slope|midpoint_rule|evaluate_at|average_of")
    h = k.lit(k.rng.choice((0.1, 0.05, 0.25))).text
    bodies = (
        "return op(op(x))",
        f"return (op(x + {h}) - op(x - {h})) / ({h} + {h})",
        f"return {h} * op(x + {h})",
        f"return (op(x) + op(x + {h}) + op(x - {h})) * {k.lit(0.333333).text}",
        block(
            f"total = {spelled}(0.0)",
            "for i in range(4):",
            f"    total += op(x + {spelled}(i) * {h})",
            f"return total * {h}",
        ),
    )
    declare(k, applier, f"@wp.func\ndef {applier}(op: wp.Function, x: {r}):\n    {k.rng.choice(bodies)}")
    x = k.fit(operand(k), -2.0, 2.0)
    parts = [Value(f"{applier}({f}, {x.text})", k.real, -60.0, 60.0, k.author) for f in functions]
    total = parts[0]
    for p in parts[1:]:
        total = total + p if k.rng.chance(0.6) else total - p
    k.give(result_name(k), total)


@CATEGORY.motif()
def made_by_factory(k: Kit) -> None:
    """Functions made by a factory."""
    r, spelled = real(k), k.author.spell(k.real)
    kind = k.rng.choice(("scaled", "evaluate", "repeated", "limited"))

    def number(name: str) -> str:
        """A factory's parameter as a number of the program's float."""
        return name if k.real is F32 else f"{spelled}({name})"

    parameters = {"scaled": "factor", "evaluate": "a, b", "repeated": "count", "limited": "limit"}[kind]
    lines = {
        "scaled": [f"return x * {number('factor')}"],
        "evaluate": [f"return ({number('a')} * x + {number('b')}) * x"],
        "limited": [f"return wp.clamp(x, -{number('limit')}, {number('limit')})"],
        "repeated": [
            f"y = {spelled}(x)", "for i in range(count):", f"    y = y * x + {k.lit(0.5).text}", "return y",
        ],
    }[kind]  # fmt: skip
    factory = k.draft.module_name("make_response|make_function|create_scale|make_polynomial|build_filter")
    inner = block("@wp.func", f"def {kind}(x: {r}):", *(f"    {line}" for line in lines))
    declare(k, factory, f"def {factory}({parameters}):\n    {inner}\n\n    return {kind}")
    x = k.fit(operand(k), -1.5, 1.5)
    total = None
    settings = {
        "scaled": ["0.5", "2.0", "1.5", "0.25", "3.0"],
        "evaluate": ["0.5, 1.0", "1.0, -0.5", "0.25, 0.1", "2.0, 0.5"],
        "repeated": ["1", "2", "3", "4"],
        "limited": ["0.5", "1.0", "0.75", "1.2"],
    }[kind]
    for n, setting in enumerate(k.rng.sample(settings, k.rng.integer(2, 3))):
        made = k.draft.module_name(f"{kind}_{'abc'[n]}|response_{n}")
        k.draft.declare(made, f"{made} = {factory}({setting})")
        term = call(made, [x], k.real, -12.0, 12.0, k.author)
        total = term if total is None else total * term if k.rng.chance(0.3) else total + term
    assert total is not None
    k.give(result_name(k), total)


@CATEGORY.motif(f32=True)
def native_snippet(k: Kit) -> None:
    """A function written in C++."""
    c = k.number(0.2, 2.0)
    parameters, forward, backward = k.rng.choice((
        (("x",), f"return x * x * {c}f;", [f"adj_x += adj_ret * 2.0f * x * {c}f;"]),
        (("x",), f"return x / (1.0f + x * x) + {c}f;",
         ["float d = 1.0f + x * x;", "adj_x += adj_ret * (1.0f - x * x) / (d * d);"]),
        (("x", "y"), f"return x * y + {c}f;", ["adj_x += adj_ret * y;", "adj_y += adj_ret * x;"]),
        (("x", "y"), f"return {c}f * (x - y) * (x - y);",
         ["float s = 2.0f * (x - y);", f"adj_x += adj_ret * {c}f * s;", f"adj_y -= adj_ret * {c}f * s;"]),
        (("x", "y", "z"), "return x * y * z;",
         ["adj_x += adj_ret * y * z;", "adj_y += adj_ret * x * z;", "adj_z += adj_ret * x * y;"]),
    ))  # fmt: skip
    name = k.draft.module_name("native_term|eval_native|native_response|fast_term|native_func")
    snippet = k.draft.module_name("snippet|forward_code|source")
    adjoint = k.draft.module_name("adj_snippet|backward_code|adj_source")
    k.draft.declare(snippet, f'{snippet} = """\n    {forward}\n"""')
    k.draft.declare(adjoint, f'{adjoint} = """\n    {block(*backward)}\n"""')
    signature = ", ".join(f"{p}: float" for p in parameters)
    head = f"@wp.func_native({snippet}, adj_snippet={adjoint})"
    declare(k, name, f"{head}\ndef {name}({signature}) -> float: ...")
    args = [k.fit(operand(k), -2.0, 2.0).text for _ in parameters]
    k.give(result_name(k), Value(f"{name}({', '.join(args)})", k.real, -40.0, 40.0, k.author))


@CATEGORY.motif()
def default_arguments(k: Kit) -> None:
    """A function with defaults and keywords."""
    if k.real is not F32:  # defaults are Python floats
        early_returns(k)
        return
    name = k.draft.module_name("soft_clip|attenuate|shape|scale_bias|fade")
    a, b = k.number(0.2, 2.0), k.number(0.1, 1.0)
    body = k.rng.choice((
        "return x * gain + bias", "return x / (1.0 + gain * wp.abs(x)) + bias",
        "return wp.tanh(x * gain) + bias * x",
        block("y = x * gain", "if y > 1.0:", "    y = 1.0", "return y + bias"),
    ))  # fmt: skip
    declare(k, name, f"@wp.func\ndef {name}(x: float, gain: float = {a}, bias: float = {b}):\n    {body}")
    x, g = k.fit(operand(k), -2.0, 2.0), k.param("gain|strength|level", k.real, 0.2, 2.0)
    forms = [
        f"{name}({x.text})",
        f"{name}({x.text}, {g.text})",
        f"{name}({x.text}, bias={g.text})",
        f"{name}({x.text}, gain={g.text}, bias=0.0)",
    ]
    terms = [Value(f, k.real, -8.0, 8.0, k.author) for f in k.rng.sample(forms, k.rng.integer(1, 3))]
    k.give(result_name(k), sum(terms[1:], terms[0]))


@CATEGORY.motif()
def array_functions(k: Kit) -> None:
    """Functions that read arrays."""
    n = k.rng.choice((3, 4, 5, 8))
    xs = k.array("samples|values|table|history", k.real, lo=-1.0, hi=1.0)
    kind = k.rng.choice(("sum", "max", "dot", "nearest", "poly"))
    start, loop, rest = (
        f"total = {k.author.spell(k.real)}(0.0)",
        f"for j in range({n}):",
        f"for j in range(1, {n}):",
    )
    body = {
        "sum": block(start, loop, "    total += values[first + j]", "return total"),
        "max": block(
            "best = values[first]", rest, "    best = wp.max(best, values[first + j])", "return best"
        ),
        "dot": block(
            start, loop, f"    total += values[first + j] * values[first + {n - 1} - j]", "return total"
        ),
        "nearest": block(
            "best = wp.abs(values[first] - x)",
            rest,
            "    best = wp.min(best, wp.abs(values[first + j] - x))",
            "return best",
        ),
        "poly": block(start, loop, "    total = total * x + values[first + j]", "return total"),
    }[kind]
    name = k.draft.module_name(f"row_{kind}|{kind}_of_row|segment_{kind}|gather_{kind}")
    r = real(k)
    takes_x = kind in ("nearest", "poly")
    signature = f"values: {k.author.spell_array(k.real, 1)}, first: int" + (f", x: {r}" if takes_x else "")
    declare(k, name, f"@wp.func\ndef {name}({signature}) -> {r}:\n    {body}")
    index = k.let("first|start|base", k.flat * n)
    xs.subscript(Value("", I32, 0, index.hi + n - 1, k.author))
    arguments = [xs.name, index.text] + ([k.fit(operand(k), -1.0, 1.0).text] if takes_x else [])
    k.give(
        f"row_{kind}|result|gathered", Value(f"{name}({', '.join(arguments)})", k.real, -20.0, 20.0, k.author)
    )


@CATEGORY.motif(weight=0.9)
def void_functions(k: Kit) -> None:
    """A function that writes to arrays."""
    target = k.output("accumulated|results|deposits|field_out", k.real, 1)
    x, w = operand(k), k.input("w|weight|share", k.real, 0.1, 1.0)
    body = k.rng.choice((
        "wp.atomic_add(out, index, value * weight)",
        "out[index] = value * weight",
        block(f"if weight > {k.lit(0.3).text}:", "    out[index] = value", "else:",
              "    out[index] = value * weight"),
    ))  # fmt: skip
    name = k.draft.module_name("deposit|store_result|scatter|record_value|splat")
    array, r = k.author.spell_array(k.real, 1), real(k)
    declare(k, name, f"@wp.func\ndef {name}(out: {array}, index: int, value: {r}, weight: {r}):\n    {body}")
    i = k.flat
    target.subscript(i)
    k.do(name, target, i, x, w)
    k.give(palette(k).field.results[0], x * w)
