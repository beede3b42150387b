"""Fragments for the utility builtins: choices, casts, sizes, printing, local arrays, atomics, searches."""

from __future__ import annotations

from warpgen.synthesis.builtins.cases import case
from warpgen.synthesis.formulas.grower import width_suffixed
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.reading import item
from warpgen.synthesis.language.types import (
    BOOL,
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
    quat,
    transform,
    vec,
)
from warpgen.synthesis.language.values import Value, call

_FLOATS = (F32, F64, F16)
_CONDITIONS = (I32, BOOL, U32, I64, U8, I16, U64, I8, U16)


def _value(k: Kit, t: Type, lo: float = -2.0, hi: float = 2.0, names: str = "x|value|v") -> Value:
    """A scalar, vector or matrix input, named apart from those of the program's own float."""
    if t.is_unsigned:
        lo, hi = 0.0, max(hi, 1.0)
    plain = t.scalar in (k.real, I32, BOOL)
    return k.input(names if plain else width_suffixed(names, t.scalar), t, lo, hi, unit=t.kind == "quat")


@case("where", _CONDITIONS)
def where(k: Kit, t: Type) -> None:
    """A choice on a truth value or on an integer that is not zero."""
    condition = (
        _value(k, t, 0, 1, "mask|flag|active|side") if t is BOOL or k.rng.chance(0.5) else _parity(k, t)
    )
    kind = k.rng.choice((k.real, k.real, k.vec3, k.vec2, I32, k.mat22))
    lo, hi = (-2.0, 2.0) if kind.is_float else (0, 20)
    a, b = k.input("a|inside|left|on_value", kind, lo, hi), k.input("b|outside|right|off_value", kind, lo, hi)
    k.give("chosen|picked|selected", call("wp.where", [condition, a, b], kind, lo, hi, k.author))


def _parity(k: Kit, t: Type) -> Value:
    n = _value(k, t, 0, 20, "index|count|code")
    return n % k.lit(2, t) if k.rng.chance(0.6) else n & k.lit(4, t)


@case("where", (F32,))
def where_array(k: Kit, t: Type) -> None:
    """A choice on whether an optional array was passed."""
    weights = k.array("weights|mask|scale", k.real, len(k.place), lo=0.1, hi=2.0)
    x = k.input("x|value|signal", k.real, -2.0, 2.0)
    text = f"wp.where({weights.name}, {x.text} * {weights[k.place].text}, {x.text})"
    k.give("weighted|scaled|masked", Value(text, k.real, -4.0, 4.0, k.author))


@case("len", (F32, F64))
def length(k: Kit, t: Type) -> None:
    """How many components or rows something has."""
    kind = k.rng.choice(("vec", "mat", "quat", "transform"))
    of = {
        "vec": vec(k.rng.choice((2, 3, 4, 5)), t),
        "mat": mat(3, 3, t),
        "quat": quat(t),
        "transform": transform(t),
    }[kind]
    v = _value(
        k, of, -1.0, 1.0, {"vec": "v|features|p", "mat": "A|M", "quat": "q|rot", "transform": "X|pose"}[kind]
    )
    n = call("len", [v], I32, 2, 7, k.author)
    if kind == "vec" and k.rng.chance(0.6):
        total = k.var("total|acc|s", 0.0, t, lo=-10.0, hi=10.0)
        with k.for_("c|i|d", n) as i:
            k.add(total, v[i] * v[i])
        k.give("mean_square|average|energy", total / k.cast(n, t))
        return
    first = v[0, 0] if kind == "mat" else v[0]
    k.give("scaled|normalized|share", first / k.cast(n, t))


@case("len", (F32,))
def length_of_array(k: Kit, t: Type) -> None:
    """The number of elements of an array, as a guard or a divisor."""
    xs = k.array("samples|values|data|x", k.real, 1, lo=-2.0, hi=2.0)
    element = xs[k.flat]
    n = call("len", [xs.node], I32, 1, 1 << 14, k.author)
    k.give("fraction|scaled|contribution", element / k.to_real(n))


@case("cast", (U32, I32, U64, I64, U8, I16))
def cast(k: Kit, t: Type) -> None:
    """The bits of a value read as another type."""
    source = {U32: I32, I32: U32, U64: I64, I64: U64, U8: I8, I16: U16}[t]
    x = _value(k, source, 0 if source.is_unsigned else -100, 100, "x|raw|word")
    low = 0.0 if t.is_unsigned else -t.limit - 1
    bits = k.define("bits|pattern|as_word", Value(f"wp.cast({x.text}, {t.full})", t, low, t.limit, k.author))
    upper = bits >> k.lit(3, t) if x.magnitude > 31 else bits  # a small number has no bits there
    k.give("bits|pattern|reinterpreted", upper & k.lit(31, t))


@case("printf", (F32, I32))
def printf(k: Kit, t: Type) -> None:
    """A message when something looks wrong."""
    x = _value(k, t, -2.0, 2.0, "x|residual|value|err")
    with k.if_(x > (1.0e4 if t.is_float else 10000)):
        index = k.place[0].text
        form = "%f" if t.is_float else "%d"
        message = k.rng.choice(
            (f"large value {form} at %d", f"x = {form} (element %d)", f"out of range: {form}, index %d")
        )
        k.line(f'wp.printf("{message}\\n", {x.text}, {index})')
    k.give("checked|limited|x_out", k.wp.min(x, k.lit(1, t)))


@case("print", (F32, I32))
def print_(k: Kit, t: Type) -> None:
    """A value printed while debugging."""
    v = (
        _value(k, vec(3, t), -2.0, 2.0, "v|state|cell")
        if k.rng.chance(0.4)
        else _value(k, t, -2.0, 2.0, "x|loss|count")
    )
    lead = v[0] if v.type.kind == "vec" else v
    with k.if_(lead > (1.0e4 if t.is_float else 10000)):
        k.do("print" if k.rng.chance(0.6) else "wp.print", v)
    k.give("kept|state_out|x_out", v + v)


@case("block_dim")
def block_dim(k: Kit, t: Type) -> None:
    """Which lane of its block a thread is."""
    lane = k.define("lane|local_id|thread", k.flat % Value("wp.block_dim()", I32, 1, 256, k.author))
    x = k.input("x|value|sample", k.real, -2.0, 2.0)
    k.give("staggered|offset_x|shifted", x + k.to_real(lane.within(0, 255)) * 0.01)


@case("array", (I32, I64, U32))  # a view on a pointer carries no gradient
def array_view(k: Kit, t: Type) -> None:
    """A view with another shape on an array's memory."""
    xs = k.array("buffer|storage|data", t, 1, lo=0, hi=5)
    n = 1
    for extent in k.draft.shape:
        n *= extent
    flat = k.flat
    if k.rng.chance(0.5):
        count = k.size("count|num_items|capacity", n)
        view = k.define(
            "view|window|alias",
            Value(f"wp.array(ptr={xs.name}.ptr, shape=({count.text},), dtype={t.short})", t, 0, 5, k.author),
        )
        xs.subscript(Value(flat.text, I32, 0, n - 1, k.author))
        element = Value(item(view, flat), t, 0, 5, k.author)
    else:
        view = k.define(
            "rows|grid|table",
            Value(f"wp.array(ptr={xs.name}.ptr, shape=({n}, 2), dtype={t.short})", t, 0, 5, k.author),
        )
        xs.subscript(Value("", I32, 0, 2 * n - 1, k.author))
        element = Value(item(view, flat, 1), t, 0, 5, k.author)
    k.give("viewed|item|second", element + element)


@case("zeros", (F32, I32, F64))
def zeros(k: Kit, t: Type) -> None:
    """A small array in the thread's own memory."""
    n = k.rng.choice((4, 5, 8))
    x = _value(k, t, -2.0, 2.0, "x|value|seed_value")
    shape = f"shape=({n},)" if k.rng.chance(0.6) else f"shape={n}"
    name = k.define(
        "scratch|buf|window|cache", Value(f"wp.zeros({shape}, dtype={t.short})", t, 0, 0, k.author)
    ).text
    with k.for_("i|s|slot", n) as i:
        k.assign(item(name, i), x * k.cast(i, t))
    total = k.var("total|acc|s", 0 if t.is_int else 0.0, t, lo=-60.0, hi=60.0)
    with k.for_("i|s|slot", n) as i:
        k.add(total, Value(item(name, i), t, -14.0, 14.0, k.author))
    k.give("total|window_sum|accumulated", total)


@case("lower_bound", (F32, I32, F64))
def lower_bound(k: Kit, t: Type) -> None:
    """Where a value belongs in a sorted array."""
    n = k.rng.choice((16, 32, 50))
    table = k.array("sorted_keys|edges|breaks|cdf", t, 1, lo=0, hi=20, kind="ascending")
    table.spec.need[0] = max(table.spec.need[0], n)
    # An element of its own: results of earlier parts seldom lie between the keys.
    names = "query|x|key|u"
    x = k.load(names if t in (k.real, I32) else width_suffixed(names, t), t, 0.0, 20.0)
    if k.rng.chance(0.5):
        where_ = call("wp.lower_bound", [table.name, x], I32, 0, n, k.author)
    else:
        where_ = call("wp.lower_bound", [table.name, k.lit(0), k.lit(n), x], I32, 0, n, k.author)
    at = k.define("pos|slot|where|bin", where_)
    k.give("bin|interval|rank", k.wp.min(at, n - 1) if k.rng.chance(0.5) else at)


@case("expect_near", _FLOATS)
def expect_near(k: Kit, t: Type) -> None:
    """A condition that the author wants to hold."""
    tolerance = k.lit(0.05 if t is F16 else 0.01, t).text
    kind = k.rng.choice(("scalar", "vec", "quat", "mat"))
    if kind == "scalar":
        v = _value(k, vec(3, t), 0.2, 1.0, "v|direction|n")
        n = k.define("n|unit|dir", k.wp.normalize(v))
        k.line(f"wp.expect_near(wp.length({n.text}), {k.lit(1.0, t).text}, {tolerance})")
        k.give("unit|direction|n_out", n)
    elif kind == "vec":
        q, v = _value(k, quat(t), names="q|rot"), _value(k, vec(3, t), -1.0, 1.0, "v|p|point")
        r = k.define("r|rotated|v_rot", k.wp.quat_rotate(q, v))
        k.line(f"wp.expect_near(wp.quat_rotate_inv({q.text}, {r.text}), {v.text}, {tolerance})")
        k.give("rotated|v_out", r)
    elif kind == "quat":
        q = _value(k, quat(t), names="q|rot")
        inv = k.define("q_inv|inv|conj", k.wp.quat_inverse(q))
        k.line(f"wp.expect_near(wp.quat_inverse({inv.text}), {q.text}, {tolerance})")
        k.give("q_inv|conjugate", inv)
    else:
        m = _value(k, mat(2, 2, t), -1.0, 1.0, "A|M")
        mt = k.define("At|Mt|flipped", k.wp.transpose(m))
        k.line(f"wp.expect_near(wp.transpose({mt.text}), {m.text}, {tolerance})")
        k.give("flipped|At", mt)


for _name in ("isfinite", "isnan", "isinf"):

    @case(_name, _FLOATS)
    def checked(k: Kit, t: Type, _name: str = _name) -> None:
        """A value replaced where it is not a number."""
        kind = k.rng.choice((t, t, vec(3, t), mat(2, 2, t), quat(t)))
        x = _value(
            k,
            kind,
            -2.0,
            2.0,
            {"scalar": "x|value|raw", "vec": "v|grad|p", "mat": "A|M", "quat": "q|rot"}[kind.kind],
        )
        test = call(f"wp.{_name}", [x], BOOL, 0, 1, k.author)
        fine = test if _name == "isfinite" else k.negate(test)
        if k.rng.chance(0.5) and kind.kind != "quat":
            result = k.var("clean|safe|kept", k.zero(kind), kind, lo=-2.0, hi=2.0)
            with k.if_(fine):
                k.set(result, x)
        else:
            result = (
                k.wp.where(test, x, k.zero(kind))
                if _name == "isfinite"
                else k.wp.where(test, k.zero(kind), x)
            )
        k.give("clean|safe|valid_x", result)


# -- atomics -----------------------------------------------------------------------------------------------
_ADDED = (F32, I32, F64, U32, I64, U64)


def _atomic(name: str, scalars: tuple[Type, ...]) -> None:
    @case(f"atomic_{name}", scalars)
    def own_element(k: Kit, t: Type) -> None:
        """The element of this thread, changed in one piece."""
        keep = k.rng.chance(0.5)  # the element's old value
        replaced = name == "cas" or (name == "exch" and not keep)  # what was there before would not matter
        names = "state|slots|buffer|target"
        rank = len(k.place)
        target = k.output(names, t, rank) if replaced else k.inout(names, t, rank, 0, 8)
        with k.pool.masking(name not in ("add", "sub", "xor", "exch")):
            x = _value(k, t, 0, 8, "x|value|update")
        extra = [k.lit(0, t)] if name == "cas" else []
        value = call(f"wp.atomic_{name}", [target.node, *target.keys(k.place), *extra, x], t, 0, 8, k.author)
        if keep and name != "cas":
            k.give("old|previous|before", k.define("old|prev", value))
        else:
            k.discard(value)

    @case(f"atomic_{name}", scalars)
    def shared_bin(k: Kit, t: Type) -> None:
        """Bins that many threads work on."""
        names = "bins|counts|table|locks"
        if name in ("add", "sub", "xor", "cas", "exch"):
            bins = k.output(names, t) if name in ("cas", "exch") else k.inout(names, t, 1, 0, 4)
            b = k.define("b|bin|slot|bucket", k.flat % k.rng.choice((4, 8, 16)))
        else:  # with many threads to a bin, the others would always win
            bins, b = k.inout(names, t, 1, 0, 8), k.define("b|bin|slot|bucket", k.flat // k.lit(2))
        with k.pool.masking(name not in ("add", "sub", "xor", "exch")):
            x = _value(k, t, 0, 8, "x|value|weight")
        extra = [k.lit(0, t)] if name == "cas" else []
        k.discard(call(f"wp.atomic_{name}", [bins.node, *bins.keys(b), *extra, x], t, 0, 8, k.author))


for _op in ("add", "sub", "min", "max"):
    _atomic(_op, _ADDED)
for _op in ("and", "or", "xor"):
    _atomic(_op, (I32, U32, I64, U64))
for _op in ("cas", "exch"):  # they move floats as well, but without a gradient
    _atomic(_op, (I32, U32, I64, U64))


@case("atomic_add", (F32, F64))
def atomic_vector(k: Kit, t: Type) -> None:
    """Vectors and matrices summed over all threads."""
    kind = k.rng.choice((vec(2, t), vec(3, t), mat(2, 2, t), mat(3, 3, t)))
    total = k.output("total|force_sum|accum|gram", kind)
    v = _value(k, kind, -1.0, 1.0, "v|force|grad" if kind.kind == "vec" else "A|M|outer")
    k.discard(k.atomic(k.rng.choice(("add", "add", "sub")), total, 0, v * k.number(0.1, 1.0)))


@case("atomic_max", (F32, F64))
def atomic_bounds(k: Kit, t: Type) -> None:
    """A bounding box grown by all threads."""
    lower, upper = k.output("lower|bbox_min|mins", vec(3, t)), k.output("upper|bbox_max|maxs", vec(3, t))
    p = _value(k, vec(3, t), -2.0, 2.0, "p|point|x")
    k.discard(k.atomic("min", lower, 0, p))
    k.discard(k.atomic("max", upper, 0, p))
