"""Shapes of formulas that give one number or a truth value."""

from __future__ import annotations

from collections.abc import Callable

from warpgen.synthesis.formulas.grower import Grower, production
from warpgen.synthesis.language.builtins import known
from warpgen.synthesis.language.types import BOOL, F32, F64, I32, Type, vec
from warpgen.synthesis.language.values import Value


# -- floats ----------------------------------------------------------------------------------------------
@production("float_scalar int_scalar", 2.2)
def product(g: Grower, t: Type, budget: int) -> Value:
    a, b = g.several(t, budget, 2)
    return a * b


@production("float_scalar", 1.2, results="ratio|quot|q")
def quotient(g: Grower, t: Type, budget: int) -> Value:
    a, b = g.several(t, budget, 2)
    return a / b


@production("float_scalar", 0.7, results="ratio|contrast|index")
def normalized_difference(g: Grower, t: Type, budget: int) -> Value:
    a, b = g.several(t, 2, 2)
    return (a - b) / (g.k.wp.abs(a) + g.k.wp.abs(b)) if min(a.lo, b.lo) < 0 else (a - b) / (a + b)


@production("float_scalar", 1.6)
def called(g: Grower, t: Type, budget: int) -> Value:
    name = g.rng.choice(g.palette.unary)
    call: Callable[[Value], Value] = getattr(g.k.wp, name)
    x = g.grow(t, budget - 1)
    if name in ("sign", "step"):
        return call(x) * g.fresh(t)
    if known(name).stepped:  # what is left of a value, or its level on a finer scale
        x = g.named(x)
        return x - call(x) if g.rng.chance(0.5) else call(x * 4.0) * 0.25
    value = call(x)
    return g.shorten(value, known(name).results) if g.rng.chance(0.3) else value


@production("float_scalar", 0.8)
def called_with_two(g: Grower, t: Type, budget: int) -> Value:
    name = g.rng.choice(g.palette.binary)
    a, b = g.several(t, budget, 2)
    value: Value = getattr(g.k.wp, name)(a, b)
    return value


@production("float_scalar", 1.0, 4)
def sum_of_products(g: Grower, t: Type, budget: int) -> Value:
    a, b, c, d = g.several(t, budget, 4)
    return a * b + c * d if g.rng.chance(0.7) else a * b - c * d


@production("float_scalar", 0.8, 3, results="poly|p|fx")
def polynomial(g: Grower, t: Type, budget: int) -> Value:
    x = g.fresh(t)
    degree = min(max(budget - 1, 2), g.rng.integer(2, 5))
    numbers = [g.k.lit(g.k.number(0.05, 3.0) * g.rng.choice((1, 1, -1)), t) for _ in range(degree + 1)]
    acc = numbers[0]
    if g.rng.chance(0.6):
        for c in numbers[1:]:
            acc = acc * x + c
        return acc
    power = x
    for c in numbers[1:]:
        acc = acc + c * power
        power = power * x
    return acc


@production("float_scalar", 0.7, 3)
def affine(g: Grower, t: Type, budget: int) -> Value:
    x = g.grow(t, budget - 2)
    return g.leaf(t) * x + g.leaf(t)


@production("float_scalar", 0.8, results="sq|squared|x2")
def square(g: Grower, t: Type, budget: int) -> Value:
    a = g.grow(t, budget - 1)
    if len(a.text) > 14:
        a = g.named(a)
    return a * a * a if g.rng.chance(0.15) and a.magnitude < 50 else a * a


@production("float_scalar", 0.6, results="comp|remaining|rest")
def complement(g: Grower, t: Type, budget: int) -> Value:
    return 1.0 - g.grow(t, budget - 1)


@production("float_scalar", 0.6, 3, results="sat|fraction|response")
def saturation(g: Grower, t: Type, budget: int) -> Value:
    x = g.fresh(t)
    if x.lo < 0:
        return x / (g.k.wp.abs(x) + 1.0)
    half = g.k.param("half_sat|km|k_half|knee", t, 0.1, 2.0)
    return x / (x + half)


@production("float_scalar", 0.6, 3, results="decay|atten|falloff")
def decay(g: Grower, t: Type, budget: int) -> Value:
    rate = g.k.param("rate|k|lam|decay", t, 0.1, 2.0)
    x = g.grow(t, budget - 2)
    x = x if x.lo >= 0 else g.k.wp.abs(x)
    return g.grow(t, 1) * g.k.wp.exp(-rate * x)


@production("float_scalar", 0.6, 2, results="bell|gauss|w")
def bell(g: Grower, t: Type, budget: int) -> Value:
    x = g.grow(t, budget - 1)
    if len(x.text) > 10:
        x = g.named(x, "d|dx|z|dev")
    width = g.k.param("sigma|width|bandwidth|spread", t, 0.4, 2.0)
    how = g.rng.unit()
    if how < 0.4:
        return g.k.wp.exp(-(x * x) / (2.0 * width * width))
    if how < 0.7:
        return g.k.wp.exp(-0.5 * g.k.wp.pow(g.k.wp.abs(x) / width, 2.0))
    return 1.0 / (1.0 + x * x / (width * width))


@production("float_scalar", 0.7, 3, results="wave|osc|s")
def wave(g: Grower, t: Type, budget: int) -> Value:
    omega = g.k.param("omega|freq|w|k_wave", t, 0.5, 4.0)
    x = g.grow(t, budget - 2)
    f = g.rng.choice((g.k.wp.sin, g.k.wp.cos))
    value = f(omega * x + g.leaf(t)) if g.rng.chance(0.4) else f(omega * x)
    return value * g.leaf(t) if g.rng.chance(0.4) else value


@production("float_scalar", 0.6, results="hyp|r|norm")
def hypotenuse(g: Grower, t: Type, budget: int) -> Value:
    a, b = g.several(t, 2, 2)
    return g.k.wp.sqrt(a * a + b * b)


@production("float_scalar", 0.6, results="sig|gate|p")
def sigmoid(g: Grower, t: Type, budget: int) -> Value:
    x = g.grow(t, budget - 1)
    return 1.0 / (1.0 + g.k.wp.exp(-x))


@production("float_scalar", 0.5, results="avg|mean|mid")
def average(g: Grower, t: Type, budget: int) -> Value:
    a, b = g.several(t, budget, 2)
    return 0.5 * (a + b) if g.rng.chance(0.6) else (a + b) / 2.0


@production("float_scalar", 0.5, results="bounded|clamped|sat")
def bounded(g: Grower, t: Type, budget: int) -> Value:
    x = g.grow(t, budget - 1)
    low, high = g.rng.choice(((0.0, 1.0), (-1.0, 1.0), (0.0, 2.0), (-5.0, 5.0), (0.1, 10.0)))
    return g.k.wp.clamp(x, low, high)


@production("float_scalar", 0.4, results="fade|ramp|smooth")
def ramp(g: Grower, t: Type, budget: int) -> Value:
    x = g.grow(t, budget - 1)
    if g.rng.chance(0.5):
        return g.k.wp.smoothstep(g.k.lit(0.0, t), g.k.lit(g.rng.choice((1.0, 2.0, 0.5)), t), x)
    s = g.k.define("s|t|ramp", g.k.wp.clamp(x, 0.0, 1.0))
    return s * s * (3.0 - 2.0 * s)


@production("float_scalar", 0.5, results="dev|gap|err")
def absolute_difference(g: Grower, t: Type, budget: int) -> Value:
    a, b = g.several(t, budget, 2)
    return g.k.wp.abs(a - b)


@production("float_scalar", 0.5)
def power_law(g: Grower, t: Type, budget: int) -> Value:
    x = g.grow(t, budget - 1)
    if g.rng.chance(0.5):
        return g.k.wp.pow(x, g.rng.choice((2.0, 0.5, 1.5, 3.0, 0.25)))
    return g.k.wp.pow(x, g.k.param("exponent|power|gamma|n_exp", t, 0.5, 2.0))


@production("float_scalar", 0.6, results="scaled_count|n_real|fcount")
def counted(g: Grower, t: Type, budget: int) -> Value:
    return g.k.cast(g.grow(I32, 1), t) * g.grow(t, budget - 1)


@production("float_scalar", 0.35)
def other_width(g: Grower, t: Type, budget: int) -> Value | None:
    other = g.rng.choice((F32, F64)) if t.name != "float64" else F32
    return None if other is t or g.k.depth > 2 else g.k.cast(g.grow(other, budget), t)


@production("float_scalar", 0.8, 2, results="proj|along|overlap")
def projection(g: Grower, t: Type, budget: int) -> Value:
    u, v = g.several(vec(g.rng.choice((2, 3, 3, 3, 4)), t), budget, 2)
    return g.k.wp.dot(u, v)


@production("float_scalar", 0.6, 2, results="dist|norm|mag")
def distance(g: Grower, t: Type, budget: int) -> Value:
    u = g.grow(vec(g.rng.choice((2, 3, 3, 3, 4)), t), budget)
    return g.k.wp.length(u) if g.rng.chance(0.75) else g.k.wp.length_sq(u)


@production("float_scalar", 0.4, 2)
def component(g: Grower, t: Type, budget: int) -> Value:
    n = g.rng.choice((2, 3, 3, 4))
    v = g.named(g.grow(vec(n, t), budget), "v|p|vec")
    return v[g.rng.integer(0, n - 1)]


# -- integers ------------------------------------------------------------------------------------------
@production("int_scalar", 1.0, results="cell|q|block")
def whole_quotient(g: Grower, t: Type, budget: int) -> Value:
    return g.grow(t, budget - 1) // g.k.lit(g.rng.choice((2, 3, 4, 8, 10)), t)


@production("int_scalar", 1.0, results="rem|phase|slot")
def remainder(g: Grower, t: Type, budget: int) -> Value:
    return g.grow(t, budget - 1) % g.k.lit(g.rng.choice((2, 3, 4, 5, 7, 8, 10, 16)), t)


@production("int_scalar", 0.8, results="bits|masked|low_bits")
def masked(g: Grower, t: Type, budget: int) -> Value:
    return g.grow(t, budget - 1) & g.k.lit(g.rng.choice((1, 3, 7, 15, 31)), t)


@production("int_scalar", 0.6, results="mixed|packed|code")
def mixed_bits(g: Grower, t: Type, budget: int) -> Value:
    a, b = g.several(t, budget, 2)
    return a ^ b if g.rng.chance(0.5) else a | b


@production("int_scalar", 0.5, results="shifted|half|packed")
def shifted(g: Grower, t: Type, budget: int) -> Value:
    a = g.grow(t, budget - 1)
    bits = g.k.lit(g.rng.integer(1, 3), t)
    return a >> bits if (a.lo >= 0 and g.rng.chance(0.6)) or a.hi * 8 > t.limit else a << bits


@production("int_scalar", 0.7)
def extreme(g: Grower, t: Type, budget: int) -> Value:
    a, b = g.several(t, budget, 2)
    return g.k.wp.min(a, b) if g.rng.chance(0.5) else g.k.wp.max(a, b)


@production("int_scalar", 0.5, results="level|bucket|bin_id")
def truncated(g: Grower, t: Type, budget: int) -> Value:
    x = g.grow(g.k.real, budget)
    return g.k.cast(g.k.wp.floor(x) if g.rng.chance(0.4) else x, t)


@production("int_scalar", 0.4)
def other_integer(g: Grower, t: Type, budget: int) -> Value | None:
    return None if t is I32 else g.k.cast(g.grow(I32, budget), t)


# -- truth ---------------------------------------------------------------------------------------------
@production("bool", 2.0)
def comparison(g: Grower, t: Type, budget: int) -> Value:
    kind = g.rng.weighted({g.k.real: 0.7, I32: 0.3})
    with g.k.pool.masking():
        a, b = g.several(kind, budget, 2)
    if kind is I32 and g.rng.chance(0.3):
        return (a % g.k.lit(g.rng.choice((2, 3, 4)), I32)).eq(g.rng.choice((0, 1)))
    if a.lo == a.hi:
        a, b = b, a
    held = g.k.held(b)
    apart = a.hi <= b.lo or b.hi <= a.lo or (held is not None and not a.lo < held < a.hi)
    if (a.text == b.text or apart) and a.magnitude < 1e3:
        # The two would always compare alike.
        middle = 0.5 * (a.lo + a.hi)
        b = g.k.lit(int(middle) if kind is I32 else round(middle, 2), kind)
    return g.rng.choice((a < b, a > b, a <= b, a >= b))


@production("bool", 0.8, 3)
def conjunction(g: Grower, t: Type, budget: int) -> Value:
    a, b = g.several(BOOL, budget, 2)
    return g.k.all(a, b) if g.rng.chance(0.6) else g.k.any(a, b)


@production("bool", 0.5)
def in_between(g: Grower, t: Type, budget: int) -> Value:
    x = g.fresh(g.k.real)
    usual = [(0.0, 1.0), (-1.0, 1.0), (0.25, 0.75), (0.1, 2.0)]
    reach = 0.1 * (x.hi - x.lo)  # some of the values must be outside, and some inside
    cutting = [
        (low, high)
        for low, high in usual
        if low < x.hi - reach and high > x.lo + reach and (low > x.lo + reach or high < x.hi - reach)
    ]
    quarter = 0.25 * (x.hi - x.lo)
    low, high = g.rng.choice(cutting or [(round(x.lo + quarter, 2), round(x.hi - quarter, 2))])
    return g.k.between(low, x, high)
