"""What is known before the run: constants, enums, `wp.static`, tables, sizes, types of all widths, casts."""

from __future__ import annotations

from collections.abc import Sequence

from warpgen.synthesis.blocks.texts import declare, operand, real
from warpgen.synthesis.categories.static import CATEGORY
from warpgen.synthesis.formulas.grower import Grower, grow, result_name
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.reading import item
from warpgen.synthesis.language.types import (
    F16,
    F32,
    F64,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    Type,
    mat,
    vec,
)
from warpgen.synthesis.language.values import Value, call


def total_threads(k: Kit) -> int:
    n = 1
    for extent in k.draft.shape:
        n *= extent
    return n


def module_constant(k: Kit, names: str, text: str) -> str:
    """A module-level name with any value."""
    name = k.draft.module_name(names)
    k.draft.declare(name, f"{name} = {text}")
    return name


@CATEGORY.motif(weight=1.3)
def static_table(k: Kit) -> None:
    """Weights from a table known at compile time."""
    n = k.rng.integer(3, 6)
    numbers = [k.number(0.05, 2.0) for _ in range(n)]
    table = module_constant(k, "WEIGHTS|TABLE|COEFFS|TAPS|GAUSS_WEIGHTS", f"({', '.join(map(str, numbers))})")
    wrap = "{}" if k.real is F32 else f"{k.author.spell(k.real)}({{}})"
    xs = k.array("samples|values|signal|window", k.real, lo=-1.0, hi=1.0)
    total = k.var("total|acc|s", 0.0, k.real, lo=-20.0, hi=20.0)
    bound = k.rng.choice((str(n), f"wp.static(len({table}))"))
    name = k.name("j|i|tap")
    with k.block(f"for {name} in range({bound}):"):
        index = Value(name, I32, 0, n - 1, k.author)
        weight = Value(wrap.format(f"wp.static({table}[{name}])"), k.real, 0.0, 2.0, k.author)
        k.add(total, weight * xs[k.flat * n + index])
    if k.rng.chance(0.4):
        # Not `sum`, which rounds otherwise from Python 3.12 on: the number is in the generated code.
        terms = " + ".join(f"{table}[{place}]" for place in range(n))
        total = total * Value(wrap.format(f"wp.static(1.0 / ({terms}))"), k.real, 0.1, 7.0, k.author)
    k.give("filtered|weighted|response", total)


@CATEGORY.motif()
def static_condition(k: Kit) -> None:
    """Branches decided when the kernel is built."""
    names = k.rng.sample(
        ("USE_DAMPING", "CLAMP_OUTPUT", "SYMMETRIC", "HIGH_ORDER", "NORMALIZE"), k.rng.integer(1, 2)
    )
    flags = [module_constant(k, n, str(k.rng.chance(0.5))) for n in names]
    g = Grower(k)
    x = g.named(g.fresh(k.real))
    out = k.var(f"{result_name(k)}|out_val|y", x, lo=-60.0, hi=60.0)
    for flag in flags:
        with k.block(f"if wp.static({flag}):"):
            k.set(
                out, k.rng.choice((out * 0.5, k.wp.clamp(out, -1.0, 1.0), 0.5 * (out + x), out + x * x * 0.1))
            )
        if k.rng.chance(0.6):
            with k.else_():
                k.set(out, k.rng.choice((out + x, out * 2.0, -out)).within(-60.0, 60.0))
    k.give(result_name(k), out * x if k.rng.chance(0.3) else out)


@CATEGORY.motif()
def static_expression(k: Kit) -> None:
    """Numbers worked out when the kernel is built."""
    n = k.rng.integer(2, 8)
    count = module_constant(k, "NUM_STEPS|ORDER|RESOLUTION|SUBSTEPS|LEVELS", str(n))
    forms = [
        f"1.0 / {count}",
        f"2.0 * math.pi / {count}",
        f"math.sqrt({count} + 1.0)",
        f"math.exp(-{count} * 0.25)",
        f"0.5 ** {count}",
        f"math.log({count} + 1.0)",
    ]
    chosen = k.rng.sample(forms, k.rng.integer(1, 2))
    if any("math." in f for f in chosen):
        # The import appears with the first module-level text that names it.
        scale = module_constant(
            k, "SCALE|RATIO|FACTOR", k.rng.choice(("math.pi / 4.0", "math.sqrt(2.0)", "math.e / 2.0"))
        )
        chosen.append(scale)
    wrap = "{}" if k.real is F32 else f"{k.author.spell(k.real)}({{}})"
    x = operand(k)
    total = x
    for f in chosen:
        value = Value(wrap.format(f"wp.static({f})"), k.real, 0.001, 4.0, k.author)
        total = total * value if k.rng.chance(0.6) else total + value
    if k.rng.chance(0.4):
        acc = k.var("acc|total|phase", 0.0, k.real, lo=-200.0, hi=200.0)
        name = k.name("step|i|level")
        bound = k.rng.choice((count, f"wp.static({count} * 2)", f"wp.static({count} + 1)"))
        with k.block(f"for {name} in range({bound}):"):
            k.add(acc, k.wp.sin(k.to_real(Value(name, I32, 0, 16, k.author)) * x) * 0.5)
        total = total + acc
    k.give(result_name(k), total)


@CATEGORY.motif()
def enum_modes(k: Kit) -> None:
    """Behaviour chosen by an enum."""
    choices = k.rng.choice((
        ("Material", ("STONE", "WOOD", "WATER", "AIR")), ("Mode", ("LINEAR", "QUADRATIC", "CUBIC", "OFF")),
        ("Boundary", ("PERIODIC", "CLAMP", "MIRROR", "OPEN")), ("Phase", ("SOLID", "LIQUID", "GAS")),
        ("Kind", ("POINT", "LINE", "DISC", "NONE")),
    ))  # fmt: skip
    members = choices[1][: k.rng.integer(3, len(choices[1]))]
    name = k.draft.module_name(f"{choices[0]}|{choices[0]}Type")
    lines = "\n".join(f"    {m} = {i}" for i, m in enumerate(members))
    declare(k, name, f"class {name}(IntEnum):\n{lines}")
    kind = k.input("kind|mode|material|type_id", I32, 0, len(members) - 1)
    g = Grower(k)
    x = g.named(g.fresh(k.real))
    out = k.var(f"{result_name(k)}|out_val|y", 0.0, k.real, lo=-60.0, hi=60.0)
    formulas = k.rng.shuffled((x, x * x, x * 0.5, k.wp.sin(x), 1.0 - x, k.wp.abs(x) + 0.5))
    for n, member in enumerate(members):
        if n == len(members) - 1 and k.rng.chance(0.5):
            with k.else_():
                k.set(out, formulas[n])
            break
        test = kind.eq(Value(f"{name}.{member}", I32, n, n, k.author))
        with k.if_(test) if n == 0 else k.elif_(test):
            k.set(out, formulas[n])
    k.give(result_name(k), out)


@CATEGORY.motif()
def constant_vectors(k: Kit) -> None:
    """Vectors and matrices as module constants."""
    n = k.rng.choice((2, 3, 3, 4))
    t = vec(n, k.real)
    numbers = [k.number(0.1, 1.0) for _ in range(n)]
    args = ", ".join(k.lit(v).text for v in numbers)
    weights = module_constant(k, "LUMA|DIRECTION|WEIGHTS|AXIS", f"wp.constant({k.draft.use_type(t)}({args}))")
    c = Value(weights, t, 0.0, 1.0, k.author)
    v = k.input("v|color|p|sample", t, -1.0, 1.0)
    kind = k.rng.integer(0, 2)
    if kind == 0:
        k.give("projected|luma|weighted", k.wp.dot(c, v))
    elif kind == 1:
        k.give("scaled|tinted|v_out", k.wp.cw_mul(v, c))
    else:
        m = mat(n, n, k.real)
        entries = ", ".join(
            k.lit(float(i == j) if k.rng.chance(0.7) else k.number(-0.5, 0.5)).text
            for i in range(n)
            for j in range(n)
        )
        basis = module_constant(k, "BASIS|TRANSFORM_M|MIX", f"wp.constant({k.draft.use_type(m)}({entries}))")
        k.give("mixed_vec|v_out", Value(basis, m, -1.0, 1.0, k.author) @ v + c)


@CATEGORY.motif()
def sized_types(k: Kit) -> None:
    """Vectors and matrices whose size is a constant."""
    n = k.rng.choice((5, 6, 7, 8))
    size = module_constant(k, "N|DIM|NUM_STATES|SIZE", str(n))
    scalar = k.rng.choice((k.real, k.real, I32)) if k.real is not F16 else k.real
    alias = k.draft.module_name(f"vec_n|state_vec|feature_vec|vec{n}_t")
    k.draft.declare(alias, f"{alias} = wp.types.vector(length={size}, dtype={scalar.full})")
    x = k.input("x|value|start" if scalar.is_float else "first|seed_value|n0", scalar, 0, 3)
    v = k.define("v|state|feats", call(alias, [], scalar, 0, 0, k.author)).text
    with k.for_("i|j|c", n) as i:
        k.assign(item(v, i), x * k.cast(i, scalar) + (1 if scalar.is_int else 0.5))
    total = k.var(
        "total|acc|s", 0 if scalar.is_int else 0.0, scalar, lo=0.0 if scalar.is_int else -400.0, hi=400.0
    )
    loop = k.rng.choice((size, f"len({v})", f"wp.static({size})"))
    name = k.name("i|j|c")
    with k.block(f"for {name} in range({loop}):"):
        k.add(total, Value(item(v, name), scalar, 0.0 if scalar.is_int else -25.0, 25.0, k.author))
    k.give("total|component_sum|checksum", total)


@CATEGORY.motif(weight=1.2)
def integer_widths(k: Kit) -> None:
    """Arithmetic in narrow and wide integers."""
    narrow, wide = k.rng.choice(
        ((U8, I32), (I8, I16), (I16, I32), (U16, U32), (I32, I64), (U32, U64), (U8, U16))
    )
    hi = min(narrow.limit, 100.0)
    a = k.input("lo_byte|small|a_n|code", narrow, 0, hi)
    b = k.input("hi_byte|other_n|b_n|tag", narrow, 0, hi)
    wa, wb = k.define("wa|wide_a|a_w", k.cast(a, wide)), k.let("wb|wide_b|b_w", k.cast(b, wide))
    kind = k.rng.choice(("pack", "product", "mean", "difference"))
    if kind == "pack" and wide.limit > 255 * 256:
        packed = wa | (wb << k.lit(8, wide)) if wide.limit > 1e6 else wa + wb * k.lit(100, wide)
    elif kind == "product":
        packed = wa * wb if hi * hi < wide.limit else (wa + wb) // k.lit(2, wide)
    elif kind == "mean":
        packed = (wa + wb + k.lit(1, wide)) // k.lit(2, wide)
    else:
        packed = k.wp.max(wa, wb) - k.wp.min(wa, wb)
        packed = packed.within(0.0, hi)
    packed = k.let("packed|wide_out|joined", packed)
    if k.rng.chance(0.4):
        k.give("back|narrow_out|low", k.cast(packed & k.lit(15, wide), narrow))
    k.give("packed|wide_out|joined", packed)


@CATEGORY.motif()
def float_widths(k: Kit) -> None:
    """Casts between floating-point widths."""
    types: Sequence[Type] = k.rng.sample((F16, F32, F64), 2)
    a_type, b_type = types[0], types[1]
    suffix = {F16: "half", F32: "single", F64: "double"}
    a = k.input(f"x_{suffix[a_type]}|a_{suffix[a_type]}", a_type, -1.0, 1.0)
    b = k.input(f"y_{suffix[b_type]}|b_{suffix[b_type]}", b_type, 0.2, 1.0)
    wide = F64 if F64 in types else F32
    wa = k.define("wa|a_wide|x_w", k.cast(a, wide)) if a_type is not wide else a
    wb = k.define("wb|b_wide|y_w", k.cast(b, wide)) if b_type is not wide else b
    value = k.let("value|acc|mixed", k.rng.choice((wa * wb, wa + wb, wa / wb, wa * wa + wb, wa - wb * 0.5)))
    out = k.rng.choice((a_type, b_type, k.real))
    k.give(f"result_{suffix[out]}|rounded|stored", k.cast(value, out))
    if k.rng.chance(0.3):
        k.give("quantized|level|bucket", k.cast(value * 8.0, I32))


@CATEGORY.motif()
def array_attributes(k: Kit) -> None:
    """Bounds taken from the array itself."""
    kind = k.rng.choice(("mean", "clamp_index", "columns"))
    if kind == "columns":
        m = k.rng.choice((3, 4, 6))
        table = k.array("table|features|rows_in", k.real, 2, lo=-1.0, hi=1.0)
        row = k.flat
        table.subscript((row, Value("", I32, 0, m - 1, k.author)))
        total = k.var("total|acc|row_sum", 0.0, k.real, lo=-10.0, hi=10.0)
        name = k.name("j|c|col")
        with k.block(f"for {name} in range({table.name}.shape[1]):"):
            k.add(total, table[row, Value(name, I32, 0, m - 1, k.author)])
        k.give("row_sum|total", total)
        return
    xs = k.array("values|samples|signal", k.real, lo=-1.0, hi=1.0)
    i = k.flat
    xs.subscript(i)
    n = Value(
        f"{xs.name}.shape[0]" if k.rng.chance(0.7) else f"len({xs.name})",
        I32,
        total_threads(k),
        total_threads(k),
        k.author,
    )
    if kind == "mean":
        k.give("share|mean_part|normalized", xs[i] / k.to_real(n))
    else:
        last = k.define("last|end|top", n - 1)
        right = k.let("right|next_i|ip", k.wp.min(i + 1, last)).within(0, total_threads(k) - 1)
        left = k.let("left|prev_i|im", k.wp.max(i - 1, k.lit(0))).within(0, total_threads(k) - 1)
        k.give("slope|difference|gradient", 0.5 * (xs[right] - xs[left]))


@CATEGORY.motif()
def slices(k: Kit) -> None:
    """Rows and parts of arrays and vectors."""
    kind = k.rng.choice(("row", "vector", "matrix", "part"))
    if kind in ("row", "part"):
        m = k.rng.choice((4, 5, 6))
        table = k.array("table|matrix|rows_in|features", k.real, 2, lo=-1.0, hi=1.0)
        row = k.flat
        table.subscript((row, Value("", I32, 0, m - 1, k.author)))
        view = k.define("row|line|r", Value(f"{table.name}[{row.text}]", k.real, -1.0, 1.0, k.author)).text
        total = k.var("total|acc|s", 0.0, k.real, lo=-10.0, hi=10.0)
        if kind == "part":
            view = k.define("part|head|tail", Value(f"{view}[1:{m - 1}]", k.real, -1.0, 1.0, k.author)).text
            m -= 2
        with k.for_("j|c|i", m) as j:
            x = Value(item(view, j), k.real, -1.0, 1.0, k.author)
            k.add(total, x * x if k.rng.chance(0.5) else x)
        k.give("row_total|row_norm|energy", total)
    elif kind == "vector":
        v = k.input("v|p4|state", k.vec4, -1.0, 1.0)
        v = v if v.is_name else k.define("v|p", v)
        a = k.define(
            "a|xy|head",
            Value(f"{v.text}[0:2]" if k.rng.chance(0.5) else f"{v.text}[:2]", k.vec2, -1.0, 1.0, k.author),
        )
        b = k.define(
            "b|zw|tail",
            Value(f"{v.text}[2:4]" if k.rng.chance(0.5) else f"{v.text}[1:3]", k.vec2, -1.0, 1.0, k.author),
        )
        k.give("combined|rotated|xy_out", k.rng.choice((a + b, a - b * 0.5, k.wp.cw_mul(a, b))))
    else:
        whole = k.input("M|A|T", k.mat44, -1.0, 1.0)
        whole = whole if whole.is_name else k.define("M|A", whole)
        sub = k.define("block|R|upper", Value(f"{whole.text}[0:3, 0:3]", k.mat33, -1.0, 1.0, k.author))
        col = k.define("t|col|shift", Value(f"{whole.text}[0:3, 3]", k.vec3, -1.0, 1.0, k.author))
        k.give("moved|p_out|x_t", sub @ k.input("p|x|point", k.vec3, -1.0, 1.0) + col)


@CATEGORY.motif()
def static_function_choice(k: Kit) -> None:
    """A function picked when the kernel is built."""
    r, c = real(k), k.lit(k.number(0.3, 1.5)).text
    texts = {"linear": f"x * {c}", "squared": "x * x", "sine": "wp.sin(x)", "saturating": "wp.tanh(x)"}
    order = k.rng.shuffled(list(texts))
    names = [k.draft.module_name(stem) for stem in order[:2]]
    functions = [
        f"@wp.func\ndef {name}(x: {r}):\n    return {texts[stem]}"
        for name, stem in zip(names, order, strict=False)
    ]
    x = k.fit(operand(k), -2.0, 2.0)
    if k.rng.chance(0.5):
        for name, text in zip(names, functions, strict=True):
            declare(k, name, text)
        flag = module_constant(k, "USE_FIRST|SMOOTH|NONLINEAR", str(k.rng.chance(0.5)))
        call = f"wp.static({names[0]} if {flag} else {names[1]})({x.text})"
        k.give(result_name(k), k.define(result_name(k), Value(call, k.real, -9.0, 9.0, k.author)) + x * 0.5)
        return
    table = k.draft.module_name("STAGES|RESPONSES|PIPELINE")
    k.draft.declare(table, "\n\n\n".join([*functions, f"{table} = ({', '.join(names)})"]))
    y = k.var("y|value|out_val", x, lo=-9.0, hi=9.0)
    name = k.name("s|stage|i")
    with k.block(f"for {name} in range(2):"):
        k.set(y, Value(f"wp.static({table}[{name}])({y.text})", k.real, -9.0, 9.0, k.author))
    k.give(result_name(k), y)


@CATEGORY.motif()
def unrolled_stages(k: Kit) -> None:
    """A loop whose stages depend on its counter."""
    n = k.rng.integer(2, 5)
    ratio = k.rng.choice((0.5, 2.0, 1.5, 0.25))
    helper = k.draft.module_name("octave_weight|stage_scale|level_weight")
    body = k.rng.choice(
        (f"return {ratio} ** level", "return 1.0 / (level + 1.0)", f"return 1.0 + {ratio} * level")
    )
    declare(k, helper, f"def {helper}(level):\n    {body}")
    wrap = "{}" if k.real is F32 else f"{k.author.spell(k.real)}({{}})"
    x = operand(k)
    total = k.var("total|acc|value", 0.0, k.real, lo=-100.0, hi=100.0)
    name = k.name("level|octave|stage")
    with k.block(f"for {name} in range({n}):"):
        w = Value(wrap.format(f"wp.static({helper}({name}))"), k.real, 0.0, 40.0, k.author)
        k.add(total, k.rng.choice((k.wp.sin(x * w), w * x, k.wp.exp(-w * k.wp.abs(x)))))
    k.give("octave_sum|staged|layered", total)


@CATEGORY.motif(weight=0.9)
def math_constants(k: Kit) -> None:
    """Warp's own constants."""
    x = operand(k)
    known = {
        "wp.pi": 3.1416,
        "wp.PI": 3.1416,
        "wp.TAU": 6.2832,
        "wp.HALF_PI": 1.5708,
        "wp.E": 2.7183,
        "wp.LN2": 0.6931,
        "wp.LOG2E": 1.4427,
        "wp.half_pi": 1.5708,
    }
    name = k.rng.choice(list(known))
    value = known[name]
    text = name if k.real is F32 else f"{k.author.spell(k.real)}({name})"
    c = Value(text, k.real, value, value, k.author)
    g = Grower(k)
    y = g.grow(k.real, 2)
    k.give(result_name(k), k.rng.choice((k.wp.sin(c * x), c * x * x, x / c + y, y * k.wp.cos(x * c), c - x)))


@CATEGORY.motif(weight=0.9)
def constants_of_types(k: Kit) -> None:
    """Constants of several types."""
    count, scale = (
        k.constant("MAX_COUNT|LIMIT|CAPACITY", k.rng.integer(4, 40)),
        k.constant("SCALE|GAIN|DX", k.number(0.1, 2.0)),
    )
    wide = k.constant("OFFSET|EPOCH|BASE", k.rng.integer(1, 1000), k.rng.choice((I64, U32, U64)))
    n = k.input("n|count|index", I32, 0, 60)
    capped = k.let("capped|m|used", k.wp.min(n, count))
    k.give("scaled|extent_out|measure", k.to_real(capped) * scale + grow(k, k.real, 1))
    if k.rng.chance(0.6):
        k.give("absolute|global_id|stamp", k.cast(capped, wide.type) + wide)
