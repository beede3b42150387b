"""Scalar expressions: formulas of every field, integer arithmetic, mixed widths, means, conversions."""

from __future__ import annotations

from warpgen.synthesis.categories.arithmetic import CATEGORY
from warpgen.synthesis.formulas.grower import Grower, grow, palette, result_name
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import BOOL, F16, F32, F64, I8, I16, I32, I64, U8, U16, U32, U64
from warpgen.synthesis.language.values import Value


def size(k: Kit) -> int:
    """How many operands a formula has: few, with a tail."""
    return k.rng.weighted({2: 0.15, 3: 0.25, 4: 0.22, 5: 0.15, 6: 0.1, 8: 0.08, 10: 0.05})


@CATEGORY.motif(weight=2.0)
def formula(k: Kit) -> None:
    """Closed-form expression."""
    k.give(result_name(k), grow(k, k.real, size(k)))


@CATEGORY.motif(weight=1.5)
def model_terms(k: Kit) -> None:
    """Sum the terms of the model."""
    g = Grower(k)
    terms = [
        k.let(f"term{i}|{g.result()}", g.grow(k.real, k.rng.integer(2, 4)))
        for i in range(k.rng.integer(2, 4))
    ]
    acc = terms[0]
    for term in terms[1:]:
        acc = acc - term if k.rng.chance(0.25) else acc + term
    k.give(result_name(k), acc)
    if k.rng.chance(0.3):
        k.give(result_name(k), terms[0] * terms[-1])


@CATEGORY.motif(weight=1.3)
def update_rule(k: Kit) -> None:
    """Accumulate contributions step by step."""
    g = Grower(k)
    acc = k.var(f"{g.result()}|acc|total", g.grow(k.real, k.rng.integer(1, 3)), lo=-1e3, hi=1e3)
    for _ in range(k.rng.integer(2, 5)):
        op = k.rng.weighted({"+": 0.5, "-": 0.25, "*": 0.25})
        term = g.grow(k.real, k.rng.integer(1, 3))
        if op == "*":
            term = term if term.magnitude <= 4 else k.wp.tanh(term)
        k.change(acc, op, k.saturate(term))
    if k.rng.chance(0.3):
        k.change(acc, "/", k.param("norm|scale|total_weight", k.real, 1.0, 4.0))
    k.give(result_name(k), acc)


@CATEGORY.motif(weight=1.2)
def integer_formula(k: Kit) -> None:
    """Integer arithmetic on indices and counts."""
    t = k.rng.weighted({I32: 0.6, I64: 0.12, U32: 0.1, I16: 0.05, U64: 0.04, U16: 0.03, I8: 0.03, U8: 0.03})
    k.give("code|index|slot|key|count_out", grow(k, t, size(k)))


@CATEGORY.motif()
def mixed_widths(k: Kit) -> None:
    """Combine values of different precision."""
    wide = k.rng.choice((F64, F64, F32))
    narrow = k.rng.choice([t for t in (F16, F32, I32, U8, I64, I16) if t is not wide])
    a = k.cast(grow(k, narrow, k.rng.integer(1, 3)), wide)
    b = grow(k, wide, k.rng.integer(1, 3))
    if k.rng.chance(0.5):
        a = k.define("wide|a_wide|promoted", a)
    value = k.rng.choice((a + b, a * b, a - b, b / (a * a + 1.0), a * 0.5 + b * 0.25))
    k.give("combined|result|precise", k.to_real(value) if k.rng.chance(0.5) else value)


@CATEGORY.motif()
def means(k: Kit) -> None:
    """Mean of a few values."""
    count = k.rng.integer(2, 4)
    names = ("a|x0|first|left", "b|x1|second|right", "c|x2|third|center", "d|x3|fourth|extra")
    xs = [k.input(names[i], k.real, 0.1, 4.0) for i in range(count)]
    kind = k.rng.choice(("arithmetic", "geometric", "harmonic", "quadratic", "weighted"))
    if kind == "harmonic":
        total = sum((1.0 / x for x in xs[1:]), 1.0 / xs[0])
        mean = float(count) / k.let("inv_sum|recip|s", total)
    elif kind == "geometric":
        prod = xs[0]
        for x in xs[1:]:
            prod = prod * x
        mean = k.wp.sqrt(prod) if count == 2 else k.wp.pow(prod, k.lit(round(1.0 / count, 6)))
    elif kind == "quadratic":
        mean = k.wp.sqrt(sum((x * x for x in xs[1:]), xs[0] * xs[0]) / float(count))
    elif kind == "weighted":
        ws = [k.param(f"w{i}|weight_{i}", k.real, 0.1, 1.0) for i in range(count)]
        num = sum((w * x for w, x in zip(ws[1:], xs[1:], strict=True)), ws[0] * xs[0])
        mean = k.let("num|weighted_sum", num) / k.let("den|weight_sum", sum(ws[1:], ws[0]))
    else:
        mean = sum(xs[1:], xs[0]) / float(count)
    mean = k.let(f"{kind}_mean|mean|avg", mean)
    if k.rng.chance(0.35):
        k.give("spread|deviation|range_width", k.wp.max(k.wp.abs(xs[0] - mean), k.wp.abs(xs[1] - mean)))
    k.give(f"{kind}_mean|mean|average", mean)


@CATEGORY.motif()
def quadratic_roots(k: Kit) -> None:
    """Roots of a quadratic equation."""
    a = k.input("a|quad|c2", k.real, 0.5, 2.0)
    b = k.input("b|lin|c1", k.real, -3.0, 3.0)
    c = k.input("c|const_term|c0", k.real, -2.0, 2.0)
    half = k.rng.chance(0.3)
    disc = k.let("disc|discriminant|det", b * b - a * c if half else b * b - 4.0 * a * c)
    root = k.let("root|sq|s", k.wp.sqrt(k.wp.max(disc, 0.0)))
    if half:
        r0, r1 = (-b - root) / a, (-b + root) / a
    elif k.rng.chance(0.5):
        inv = k.let("inv_2a|denom_inv", 0.5 / a)
        r0, r1 = (-b - root) * inv, (-b + root) * inv
    else:
        q = k.let("q|t", -0.5 * (b + k.wp.copysign(root, b)))
        r0, r1 = q / a, c / (k.wp.abs(q) + 0.1)
    if k.rng.chance(0.6):
        k.give("r0|x0|root_0", r0)
        k.give("r1|x1|root_1", r1)
    else:
        k.give("nearest_root|t_min|root", k.wp.min(r0, r1))
    if k.rng.chance(0.3):
        k.give("num_roots|n_roots", k.select("num_roots|n_roots", disc > 0, k.lit(2), 0))


@CATEGORY.motif()
def index_split(k: Kit) -> None:
    """Split a linear index into coordinates."""
    t = k.rng.choice((I32, I32, I32, I64, U32))
    flat = k.cast(k.flat, t) if k.rng.chance(0.5) else k.input("linear|flat_index|code", t, 0, 4000)
    width = k.param("width|nx|cols|stride", t, 4, 32)
    x = k.let("ix|x|col", flat % width)
    rest = k.let("rest|row|q", flat // width)
    if k.rng.chance(0.5):
        height = k.param("height|ny|rows", t, 3, 16)
        y, z = k.let("iy|y", rest % height), k.let("iz|z|layer", rest // height)
        value = k.rng.choice((x + y * 2 + z * 3, (x ^ y) + z, (x + y + z) % 2, x * height + y + z))
    else:
        value = k.rng.choice(
            (x * 2 + rest, (x + rest) % 2, x ^ rest, k.wp.max(x, rest), x - rest if t is I32 else x + rest)
        )
    k.give("parity|transposed|swizzled|new_index", value)


@CATEGORY.motif()
def unit_conversion(k: Kit) -> None:
    """Convert units."""
    kind = k.rng.choice(("celsius", "angle", "speed", "decibel", "pressure", "energy", "time"))
    if kind == "celsius":
        c = k.input("celsius|temp_c|t_c", k.real, -20.0, 40.0)
        if k.rng.chance(0.5):
            k.give("kelvin|temp_k", c + 273.15)
        k.give("fahrenheit|temp_f", c * 1.8 + 32.0 if k.rng.chance(0.5) else c * 9.0 / 5.0 + 32.0)
    elif kind == "angle":
        d = k.input("degrees_in|heading|bearing", k.real, -180.0, 180.0)
        scale = k.constant("DEG_TO_RAD|TO_RADIANS", 0.017453)
        k.give("rad|theta|angle_rad", k.wp.radians(d) if k.rng.chance(0.4) else d * scale)
    elif kind == "speed":
        v = k.input("kmh|speed_kmh|velocity", k.real, 0.0, 130.0)
        ms = k.let("ms|speed_ms", v / 3.6)
        k.give(
            "braking_distance|distance|stopping", ms * ms / (2.0 * k.param("decel|mu_g", k.real, 2.0, 9.0))
        )
    elif kind == "decibel":
        p = k.input("power|ratio|amplitude", k.real, 0.01, 10.0)
        k.give("db|level_db|gain_db", 10.0 * k.wp.log10(p) if k.rng.chance(0.5) else 20.0 * k.wp.log10(p))
    elif kind == "pressure":
        psi = k.input("psi|gauge_pressure", k.real, 1.0, 60.0)
        k.give("bar|pressure_bar", psi * 0.0689 + k.param("ambient|atm", k.real, 0.9, 1.1))
    elif kind == "energy":
        cal = k.input("kcal|energy|heat_in", k.real, 0.1, 20.0)
        k.give("joules|energy_kj", cal * 4.184)
    else:
        s = k.input("seconds|elapsed|t_sec", I32, 0, 90000)
        hours, minutes = k.let("hours|h", s // 3600), k.let("minutes|mins|m", (s % 3600) // 60)
        k.give("clock|hhmm|packed_time", hours * 100 + minutes)
        if k.rng.chance(0.5):
            k.give("remaining|secs", s % 60)


@CATEGORY.motif()
def rational_function(k: Kit) -> None:
    """Rational approximation."""
    x = k.input("x|t|arg", k.real, -1.5, 1.5)
    x2 = k.let("x2|xx|sq", x * x)
    top = k.let("num|p|numer", k.lit(k.number(0.2, 2.0)) + x2 * k.number(0.05, 1.0))
    if k.rng.chance(0.5):
        top = k.let("num2|p2", top + x2 * x2 * k.number(0.01, 0.2))
    if k.rng.chance(0.5):
        top = top * x
    bottom = k.let(
        "den|q|denom", 1.0 + x2 * k.number(0.1, 1.0) + (x2 * x2 * 0.05 if k.rng.chance(0.5) else x2 * 0.01)
    )
    k.give("approx|y|value", top / bottom)


@CATEGORY.motif()
def fixed_point(k: Kit) -> None:
    """Fixed-point multiply with rounding."""
    bits = k.rng.choice((4, 6, 8))
    a = k.input("a_fx|lhs|a", I32, -900, 900)
    b = k.input("b_fx|rhs|b", I32, 1, 900)
    shift = k.constant("FRAC_BITS|SHIFT", bits) if k.rng.chance(0.5) else k.lit(bits)
    prod = k.let("prod|wide|p", k.cast(a, I64) * k.cast(b, I64) if k.rng.chance(0.4) else a * b)
    half = k.lit(1 << (bits - 1), prod.type)
    scaled = (prod + half) >> (k.cast(shift, prod.type) if prod.type is not I32 else shift)
    if k.rng.chance(0.5):
        k.give("quantized|fx_result|result", k.cast(scaled, I32))
    else:
        k.give("value|unfixed|decoded", k.to_real(scaled) / float(1 << bits))


@CATEGORY.motif()
def error_measures(k: Kit) -> None:
    """Error between a value and its reference."""
    a = k.input("predicted|value|a|approx", k.real, -2.0, 2.0)
    b = k.input("reference|expected|b|exact", k.real, -2.0, 2.0)
    if b.text == a.text:
        b = k.load("reference|expected|b|exact", k.real, -2.0, 2.0)
    err = k.let("err|diff|e", a - b)
    kinds = k.rng.sample(
        ("absolute", "relative", "squared", "symmetric", "log", "signed"), k.rng.integer(1, 3)
    )
    for kind in kinds:
        if kind == "absolute":
            k.give("abs_err|abs_error", k.wp.abs(err))
        elif kind == "relative":
            k.give("rel_err|rel_error", k.wp.abs(err) / k.wp.max(k.wp.abs(b), 0.1))
        elif kind == "squared":
            k.give(
                "sq_err|squared_error|mse",
                err * err * k.rng.choice((0.5, 1.0)) if k.rng.chance(0.5) else err * err,
            )
        elif kind == "symmetric":
            k.give("smape|sym_err", 2.0 * k.wp.abs(err) / (k.wp.abs(a) + k.wp.abs(b)))
        elif kind == "log":
            k.give("log_err|bits", k.wp.log2(k.wp.abs(err) + 1.0))
        else:
            k.give("sign_err|bias", k.wp.sign(err) * k.wp.min(k.wp.abs(err), 1.0))


@CATEGORY.motif()
def truth_table(k: Kit) -> None:
    """Combine conditions into flags."""
    g = Grower(k)
    p, q = g.named(g.grow(BOOL, 2), "p|cond_a|lhs_ok"), g.named(g.grow(BOOL, 2), "q|cond_b|rhs_ok")
    options = [k.all(p, q), k.any(p, q), k.all(p, k.negate(q)), k.negate(k.any(p, q)), p.ne(q)]
    value: Value = k.rng.choice(options)
    if k.rng.chance(0.4):
        bits = k.cast(p, I32) + k.cast(q, I32) * 2
        k.give("state|flags|mask_bits", bits)
    elif k.rng.chance(0.5):
        k.give("valid|accepted|keep", value)
    else:
        k.give("weight|gate|w", k.select("weight|gate|w", value, grow(k, k.real, 2), 0.0))


@CATEGORY.motif()
def finite_series(k: Kit) -> None:
    """Partial sum of a series."""
    x = k.input("x|t|z", k.real, -1.0, 1.0)
    terms = k.rng.integer(3, 7)
    kind = k.rng.choice(("exp", "sin", "geometric", "log", "atan", "cos"))
    term = k.var("term|t_n|power", 1.0 if kind in ("exp", "geometric", "cos") else x, k.real, lo=-1.0, hi=1.0)
    acc = k.var("total|acc|s", term, k.real, lo=-4.0, hi=4.0)
    start = k.rng.choice((1, 1, 2))
    with k.for_("n|i|m", terms + start, start) as n:
        f = k.define("fn|nf|step", k.to_real(n))
        if kind == "exp":
            k.set(term, term * x / f)
        elif kind == "geometric":
            k.set(term, term * x)
        elif kind in ("sin", "cos"):
            a, b = (2.0 * f, 2.0 * f + 1.0) if kind == "sin" else (2.0 * f - 1.0, 2.0 * f)
            k.set(term, -term * x * x / (a * b))
        else:
            k.set(term, -term * x if kind == "log" else -term * x * x)
        k.add(acc, term / (f + 1.0) if kind == "log" else term / (2.0 * f + 1.0) if kind == "atan" else term)
    k.give(f"{kind}_series|series|approx", acc)


@CATEGORY.motif(weight=0.8)
def remap_range(k: Kit) -> None:
    """Map a value from one range to another."""
    x = k.input("x|value|raw", k.real, -2.0, 2.0)
    lo = k.param("in_min|src_lo|low", k.real, -2.0, -1.0)
    hi = k.param("in_max|src_hi|high", k.real, 1.0, 2.0)
    t = k.let("t|u|alpha", (x - lo) / (hi - lo))
    if k.rng.chance(0.6):
        t = k.let("t_clamped|s|w", k.wp.clamp(t, 0.0, 1.0))
    out_lo = k.param("out_min|dst_lo|a", k.real, -1.0, 0.0)
    out_hi = k.param("out_max|dst_hi|b", k.real, 0.5, 3.0)
    k.give(
        "mapped|remapped|y",
        out_lo + t * (out_hi - out_lo) if k.rng.chance(0.6) else k.wp.lerp(out_lo, out_hi, t),
    )


@CATEGORY.motif(weight=0.8)
def swap_sorted(k: Kit) -> None:
    """Put a few values in order."""
    t = k.rng.choice((k.real, k.real, I32))
    lo, hi = (-2.0, 2.0) if t.is_float else (0, 50)
    a, b = k.input("a|x0|p", t, lo, hi), k.input("b|x1|q", t, lo, hi)
    low, high = k.let("lo|small|m0", k.wp.min(a, b)), k.let("hi|large|m1", k.wp.max(a, b))
    if k.rng.chance(0.6):
        c = k.input("c|x2|r", t, lo, hi)
        mid = (
            k.wp.max(low, k.wp.min(high, c))
            if k.rng.chance(0.5)
            else a + b + c - k.wp.min(low, c) - k.wp.max(high, c)
        )
        k.give("median|mid|middle", mid)
    else:
        k.give("ratio|spread|gap", low / (k.wp.abs(high) + 1.0) if t.is_float else high - low)


@CATEGORY.motif(weight=0.7)
def growth_over_time(k: Kit) -> None:
    """Compound growth over a few periods."""
    value = k.input("principal|balance|amount|stock", k.real, 0.5, 2.0)
    rate = k.param("rate|growth|r", k.real, 0.01, 0.2)
    periods = k.rng.integer(2, 12)
    if periods <= 4:
        k.give("future_value|grown|balance_out", value * k.wp.pow(1.0 + rate, float(periods)))
        return
    acc = k.var("acc|balance|v", value, k.real, lo=0.0, hi=60.0)
    with k.for_("period|year|step|m", periods):
        k.change(acc, "*", 1.0 + rate)
        if k.rng.chance(0.5):
            k.change(acc, "-", k.param("fee|payment|withdrawal", k.real, 0.001, 0.02))
    k.give("future_value|grown|balance_out", acc)


@CATEGORY.motif(weight=0.7)
def shared_terms(k: Kit) -> None:
    """Several results from common terms."""
    g = Grower(k)
    names = k.rng.sample(palette(k).field.results, k.rng.integer(2, 3))
    common = g.named(g.grow(k.real, k.rng.integer(2, 4)), names[0])
    g.leaves.append(common)
    for name in names[1:]:
        other = g.grow(k.real, k.rng.integer(1, 4))
        k.give(
            name,
            k.rng.choice((common * other, common + other, other / (k.wp.abs(common) + 1.0), other - common)),
        )
    k.give(names[0], common)
