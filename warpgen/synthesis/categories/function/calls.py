"""Functions: nested calls, overloads, generics, functions as arguments, closures, native code, tuples."""

from __future__ import annotations

from warpgen.synthesis.blocks.functions import function
from warpgen.synthesis.blocks.texts import declare, operand, real
from warpgen.synthesis.categories.function import CATEGORY
from warpgen.synthesis.formulas.grower import result_name
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import F32, F64, I32, Type, mat, quat, vec
from warpgen.synthesis.language.values import Value, call


def formula(k: Kit, x: Value, y: Value | None = None) -> Value:
    """A short formula of one or two values."""
    c = k.number(0.2, 2.0)
    one = (
        x * x,
        x * c,
        k.wp.sin(x),
        x * x - c,
        1.0 / (1.0 + x * x),
        k.wp.exp(-x * x),
        k.wp.tanh(x * c),
        x * (1.0 - x),
    )
    if y is None:
        return k.rng.choice(one)
    return k.rng.choice(
        (x * y, x + y * c, x - y, x * x + y * y, k.wp.max(x, y), x / (k.wp.abs(y) + c), k.wp.sin(x) * y)
    )


@CATEGORY.motif(weight=1.2)
def nested_calls(k: Kit) -> None:
    """Functions that call each other."""

    def write_inner(f: Kit, x: Value) -> Value:
        return f.let("y|r|v", formula(f, x))

    inner = function(k, "basis|falloff|inner|profile|phi", [("x|t|r", k.real, -2.0, 2.0)], write_inner)

    def write_middle(f: Kit, x: Value, y: Value) -> Value:
        g = inner.inside(f)
        a, b = f.let("a|fx|left", g(f.saturate(x * 0.5))), f.let("b|fy|right", g(f.saturate(y * 0.5)))
        return f.rng.choice((a + b, a * b, a - b, (a + b) * 0.5))

    middle = function(
        k,
        "blend|combine|pair_term|mix_of",
        [("x|a|p", k.real, -3.0, 3.0), ("y|b|q", k.real, -3.0, 3.0)],
        write_middle,
    )
    x, y = operand(k), operand(k)
    x, y = k.fit(x, -3.0, 3.0), k.fit(y, -3.0, 3.0)
    if x.text == y.text:
        y = y * 0.5  # the difference of a thing and itself says nothing
    value = middle(x, y)
    if k.rng.chance(0.5):
        value = value + middle(y, x) * k.number(0.1, 0.9)
    k.give(result_name(k), value)


@CATEGORY.motif(weight=1.2)
def early_returns(k: Kit) -> None:
    """A function with several returns."""
    kind = k.rng.choice(("ramp", "sign", "regimes", "search"))
    x = operand(k)

    def write(f: Kit, v: Value) -> Value:
        points = sorted(round(f.rng.uniform(v.lo, v.hi), 1) for _ in range(2 if kind != "regimes" else 3))
        results = {
            "ramp": [f.lit(0.0), (v - points[0]) * 0.5], "sign": [f.lit(-1.0), v * 0.5],
            "regimes": [v * 0.5, v * v, 1.0 - v], "search": [f.wp.abs(v), v + 1.0],
        }[kind]  # fmt: skip
        for cut, result in zip(points, results, strict=False):
            with f.if_(v < cut if f.rng.chance(0.7) else v <= cut):
                f.leave("return", result)
        return (v * 2.0 if f.rng.chance(0.5) else v / (1.0 + f.wp.abs(v))).within(-40.0, 40.0)

    f = function(
        k,
        f"{kind}_response|classify|response|soft_limit|activation",
        [("x|v|value|t", k.real, x.lo, x.hi)],
        write,
    )
    k.give(result_name(k), f(x) + (f(k.fit(operand(k), x.lo, x.hi)) if k.rng.chance(0.4) else x * 0.1))


@CATEGORY.motif()
def tuple_returns(k: Kit) -> None:
    """A function that returns several values."""
    inner = Kit(k.draft, parent=k)
    a, b = (Value(inner.name(n), k.real, -2.0, 2.0, k.author) for n in ("x|a|u", "y|b|v"))
    kind = k.rng.choice(("minmax", "polar", "sincos", "divmod", "split"))
    pairs: dict[str, tuple[str, tuple[Value, ...]]] = {
        "minmax": ("min_max|order|bounds", (inner.wp.min(a, b), inner.wp.max(a, b))),
        "polar": ("to_polar|polar|mag_angle", (inner.wp.sqrt(a * a + b * b), inner.wp.atan2(a, b))),
        "sincos": ("sincos|rotate_pair|phase_pair", (a * inner.wp.cos(b), a * inner.wp.sin(b))),
        "divmod": ("split_parts|floor_frac|divide", (inner.wp.floor(a * 2.0), b - inner.wp.floor(a * 2.0))),
        "split": ("decompose|sum_diff|even_odd", (0.5 * (a + b), 0.5 * (a - b))),
    }  # fmt: skip
    names, pair = pairs[kind]
    results = tuple(inner.saturate(r) for r in pair)
    if k.rng.chance(0.4):
        results = (inner.define("first|lo|r", results[0]), inner.define("second|hi|s", results[1]))
    if k.rng.chance(0.3):
        results = (*results, (a * b).within(-4.0, 4.0))
    inner.leave("return", *results)
    name = k.draft.module_name(names)
    declare(k, name, f"@wp.func\ndef {name}({a.text}: {real(k)}, {b.text}: {real(k)}):", inner.body)
    x, y = (k.fit(operand(k), -2.0, 2.0) for _ in range(2))
    unpacked = k.define_all(
        ("p|lo|first", "q|hi|second", "r|both|third")[: len(results)], f"{name}({x.text}, {y.text})",
        (k.real,) * len(results), *[(r.lo, r.hi) for r in results],
    )  # fmt: skip
    total = unpacked[0]
    for v in unpacked[1:]:
        total = total - v if k.rng.chance(0.4) else total * v if k.rng.chance(0.3) else total + v
    k.give(result_name(k), total)


@CATEGORY.motif()
def overloaded(k: Kit) -> None:
    """One name for several types."""
    name = k.draft.module_name("magnitude|measure|energy|norm_of|scale_of|cost")
    r, c = real(k), k.lit(k.number(0.2, 2.0)).text
    choices: dict[Type, tuple[str, tuple[str, ...]]] = {
        k.real: ("x", ("x * x", f"wp.abs(x) * {c}", f"x * {c}")),
        k.vec3: ("v", ("wp.dot(v, v)", f"wp.length(v) * {c}", "wp.abs(v[0]) + wp.abs(v[1]) + wp.abs(v[2])")),
        k.vec2: ("p", ("p[0] * p[0] + p[1] * p[1]", f"wp.dot(p, p) * {c}")),
        k.mat22: ("m", ("wp.ddot(m, m)", f"wp.trace(m) * {c}", "wp.determinant(m)")),
        k.quat: ("q", ("q[3] * q[3]", f"q[0] * q[1] * {c}")),
    }
    chosen = [k.real, *k.rng.sample([t for t in choices if t is not k.real], k.rng.integer(1, 3))]
    chosen = k.rng.shuffled(chosen)
    texts = []
    for t in chosen:
        parameter, formulas = choices[t]
        returns = f" -> {r}" if k.author.docstring else ""
        head = f"@wp.func\ndef {name}({parameter}: {k.draft.use_type(t)}){returns}:"
        texts.append(f"{head}\n    return {k.rng.choice(formulas)}")
    declare(k, name, "\n\n\n".join(texts))
    names = {
        k.real: "x|value|s",
        k.vec3: "v|velocity|p",
        k.vec2: "uv|xy|offset",
        k.mat22: "A|m|J",
        k.quat: "q|rot",
    }
    total = None
    for t in k.rng.shuffled(chosen):
        arg = k.input(names[t], t, -1.5, 1.5, unit=t.kind == "quat")
        term = call(name, [arg], k.real, -30.0, 30.0, k.author)
        total = term if total is None else total + term if k.rng.chance(0.7) else total - term
    assert total is not None
    k.give("total_measure|combined|cost_out", total)


@CATEGORY.motif()
def generic_function(k: Kit) -> None:
    """A function generic over its argument's type."""
    name = k.draft.module_name("square|smooth|twice|blend|soften|lerp_any")
    kind = k.rng.choice(("product", "scaled", "between", "dtype"))
    shapes = [k.real, k.vec2, k.vec3, k.mat22] if kind != "dtype" else [k.vec2, k.vec3, k.vec4]
    body = {
        "product": "return x * x" if k.rng.chance(0.5) else "y = x * x\n    return y + x",
        "scaled": "return x * type(x)(2.0) + x",
        "between": "return a + (b - a) * t",
        "dtype": "half = v.dtype(0.5)\n    return v * half",
    }[kind]
    if kind == "product":
        shapes = [k.real, k.mat22, k.mat33]
    elif kind == "scaled":
        shapes = [k.real, I32] if k.real is not F32 else [k.real, I32, F64]
    signature = {"between": "a: Any, b: Any, t: Any", "dtype": "v: Any"}.get(kind, "x: Any")
    declare(k, name, f"@wp.func\ndef {name}({signature}):\n    {body}")
    names = {"scalar": "x|value|s", "vec": "v|p|offset", "mat": "A|M"}
    for t in k.rng.sample(shapes, k.rng.integer(1, 2)):
        lo, hi = (-1.5, 1.5) if t.is_float else (0, 20)
        label = "n|count|index" if t is I32 else names[t.kind] if t.scalar is k.real else "wide|precise|x_d"
        a = k.input(label, t, lo, hi)
        args = [a]
        if kind == "between":
            b = k.input({"scalar": "y|target", "vec": "q|target_p", "mat": "B|N"}[t.kind], t, lo, hi)
            args = [a, b, k.input("t|alpha|w", t.scalar, 0.0, 1.0)]
        result = call(name, args, t, -20.0, 20.0, k.author)
        result = result.within(0, 60) if t is I32 else result
        k.give("squared|blended|scaled|generic_out", result)


@CATEGORY.motif()
def vector_helpers(k: Kit) -> None:
    """Small helpers on vectors."""

    def write(f: Kit, v: Value, n: Value) -> Value:
        along = f.let("vn|along|d", f.wp.dot(v, n))
        kind = f.rng.integer(0, 3)
        if kind == 0:
            return v - n * (2.0 * along)
        if kind == 1:
            return f.let("t|tangential", v - n * along) * f.number(0.2, 0.9)
        if kind == 2:
            with f.if_(along > 0):
                f.leave("return", v)
            return v - n * along
        return f.wp.cross(v, n) + n * along

    helper = function(
        k, "reflect|slide|project_out|remove_normal|bounce",
        [("v|d|u", k.vec3, -2.0, 2.0), ("n|normal|axis", k.vec3, -1.0, 1.0)], write,
    )  # fmt: skip
    v, n = k.input("velocity|v|dir", k.vec3, -2.0, 2.0), k.input("normal|n", k.vec3, -1.0, 1.0, unit=True)
    value = helper(v, n)
    if k.rng.chance(0.4):
        q = k.input("q|rot", quat(k.real), unit=True)
        value = k.wp.quat_rotate(q, value)
    k.give("reflected|slid|v_out", value)


@CATEGORY.motif()
def matrix_helpers(k: Kit) -> None:
    """A function that builds a matrix."""
    n = k.rng.choice((2, 3))
    t = mat(n, n, k.real)

    def write(f: Kit, angle: Value, s: Value) -> Value:
        c, sn = f.let("c|ca", f.wp.cos(angle)), f.let("s_a|sa|sn", f.wp.sin(angle))
        if n == 2:
            return f.make(t, c * s, -sn, sn, c * s)
        order = f.rng.integer(0, 2)
        if order == 0:
            return f.make(t, c, -sn, 0.0, sn, c, 0.0, 0.0, 0.0, s)
        if order == 1:
            return f.make(t, s, 0.0, 0.0, 0.0, c, -sn, 0.0, sn, c)
        return f.make(t, c, 0.0, sn, 0.0, s, 0.0, -sn, 0.0, c)

    build = function(
        k, "rotation|build_basis|make_transform|rotate_scale",
        [("angle|theta|a", k.real, -3.0, 3.0), ("s|scale|k", k.real, 0.2, 2.0)], write,
    )  # fmt: skip
    m = build(k.input("theta|angle|phi", k.real, -3.0, 3.0), k.param("scale|size", k.real, 0.5, 2.0))
    p = k.input("p|x|point", vec(n, k.real), -1.0, 1.0)
    if k.rng.chance(0.5):
        m = k.define("M|R|basis", m)
        k.give("transformed|p_out", m @ p)
        if k.rng.chance(0.4):
            k.give("det|area_scale", k.wp.determinant(m))
    else:
        k.give("transformed|p_out", k.define("M|R|T", m) @ p)


@CATEGORY.motif(weight=0.9)
def recurrences(k: Kit) -> None:
    """A function called in a loop."""
    rate = k.number(0.1, 0.9)

    def write(f: Kit, x: Value, target: Value) -> Value:
        kind = f.rng.integer(0, 2)
        if kind == 0:
            return (x + (target - x) * rate).within(-3.0, 3.0)
        if kind == 1:
            return f.wp.clamp(x * 0.5 + f.wp.sin(target) * rate, -3.0, 3.0)
        d = f.define("d|gap|err", target - x)
        # With the whole of a short way the start would soon be forgotten.
        return (x + d * rate / (1.0 + f.wp.abs(d))).within(-3.0, 3.0)

    step = function(
        k,
        "relax|step_toward|next_value|iterate",
        [("x|v|s", k.real, -3.0, 3.0), ("target|goal|y", k.real, -3.0, 3.0)],
        write,
    )
    x = k.var("x|state|v", k.fit(operand(k), -3.0, 3.0), lo=-3.0, hi=3.0)
    goal = k.fit(operand(k), -3.0, 3.0)
    with k.for_("it|i|n", k.rng.integer(2, 6)):
        k.set(x, step(x, goal))
    k.give(result_name(k), x)
