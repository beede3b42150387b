"""Loops that stop by themselves: root finding, searches, number theory, iterated maps."""

from __future__ import annotations

from warpgen.synthesis.categories.control_flow import CATEGORY
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import I32, I64, U32


@CATEGORY.motif()
def newton_iteration(k: Kit) -> None:
    """Newton's method with a tolerance."""
    a = k.input("a|target|value|c", k.real, 0.5, 4.0)
    x = k.var("x|root|guess", a if k.rng.chance(0.5) else k.lit(1.0), lo=0.2, hi=5.0)
    kind = k.rng.choice(("sqrt", "cube", "log"))
    tol = k.param("tol|tolerance|eps", k.real, 0.001, 0.01)
    stops = k.rng.chance(0.3)
    steps = k.var("steps|iterations|count", 0, I32, lo=0, hi=20) if stops else None
    with k.for_("it|iter|i|step", k.rng.integer(4, 12)):
        fx = {"sqrt": x * x - a, "cube": x * x * x - a, "log": k.wp.exp(x * 0.5) - a}[kind]
        f = k.define("f|res|fx", fx)
        if stops:
            k.break_if(k.wp.abs(f) < tol)
        slope = {"sqrt": 2.0 * x, "cube": 3.0 * x * x + 0.5, "log": 0.5 * k.wp.exp(x * 0.5)}[kind]
        step = k.define("dx|delta|update", f / k.saturate(slope))
        k.set(x, k.wp.clamp(x - step, 0.2, 5.0))
        if steps is not None:
            k.add(steps, 1)
    k.give("root|solution|x_out", x)
    if steps is not None:
        k.give("iterations|num_steps", steps)


@CATEGORY.motif()
def bisection(k: Kit) -> None:
    """Bisection on a bracket."""
    target = k.input("target|y|level", k.real, 0.2, 3.0)
    lo, hi = k.var("lo|a|left", 0.0, k.real, lo=0.0, hi=2.0), k.var("hi|b|right", 2.0, k.real, lo=0.0, hi=2.0)
    with k.for_("it|i|iter", k.rng.integer(4, 14)):
        mid = k.define("mid|m|c", 0.5 * (lo + hi))
        value = k.rng.choice(
            (mid * mid, mid * mid * mid * 0.4, mid + k.wp.sin(mid) * 0.5, k.wp.exp(mid) - 1.0)
        )
        value = k.let("fm|value|f_mid", value)
        with k.if_(value < target):
            k.set(lo, mid)
        with k.else_():
            k.set(hi, mid)
    k.give("root|crossing|x", 0.5 * (lo + hi) if k.rng.chance(0.7) else lo)


@CATEGORY.motif()
def greatest_divisor(k: Kit) -> None:
    """Greatest common divisor."""
    t = k.rng.choice((I32, I32, I64, U32))
    suffix = "" if t is I32 else "_l"
    a = k.var("a|m|x", k.input(f"first{suffix}|num{suffix}|width{suffix}", t, 1, 400), lo=0, hi=400)
    b = k.var("b|n|y", k.input(f"second{suffix}|den{suffix}|height{suffix}", t, 1, 400), lo=0, hi=400)
    with k.while_(b.ne(0)):
        # The loop's condition keeps the divisor away from zero.
        rest = k.define("r|rem|t", a % b.within(1, 400))
        k.set(a, b)
        k.set(b, rest)
    k.give("gcd|divisor|common", a)


@CATEGORY.motif()
def digit_loop(k: Kit) -> None:
    """Walk through the digits of a number."""
    base = k.rng.choice((2, 3, 8, 10, 16))
    n = k.var("n|rest|value", k.input("number|code|id_in|key", I32, 0, 5000), lo=0, hi=5000)
    kind = k.rng.choice(("sum", "reverse", "count", "ones", "max"))
    acc = k.var("acc|digits|total|out_n", 0, I32, lo=0, hi=200000)
    guard = k.var("guard|turns|it", 0, I32, lo=0, hi=16) if k.rng.chance(0.3) else None
    with k.while_(n > 0 if guard is None else k.all(n > 0, guard < 16)):
        d = k.define("d|digit|low", n % base)
        if kind == "sum":
            k.add(acc, d)
        elif kind == "reverse":
            k.set(acc, ((acc * base + d) % 8191).within(0, 8190))
        elif kind == "max":
            k.set(acc, k.wp.max(acc, d))
        elif kind == "count":
            k.add(acc, 1)
        else:
            with k.if_(d.eq(1)):
                k.add(acc, 1)
        k.set(n, (n // base).within(0, 5000))
        if guard is not None:
            k.add(guard, 1)
    k.give("digit_sum|reversed|digits|weight", acc)


@CATEGORY.motif()
def collatz_walk(k: Kit) -> None:
    """Follow an integer sequence until it ends."""
    limit = k.rng.choice((20, 50, 100))
    n = k.var("n|x|state", k.input("start|seed_value|n0", I32, 1, 60), lo=1, hi=10000)
    steps = k.var("steps|count|length", 0, I32, lo=0, hi=limit)
    with k.while_(k.all(n > 1, steps < limit) if k.rng.chance(0.6) else n.ne(1)):
        if k.rng.chance(0.6):
            with k.if_((n % 2).eq(0)):
                k.set(n, (n // 2).within(1, 10000))
            with k.else_():
                k.set(n, (n * 3 + 1).within(1, 10000))
        else:
            k.set(n, k.wp.where((n & 1).eq(0), n >> 1, n * 3 + 1).within(1, 10000))
        k.add(steps, 1)
    k.give("steps|length|stopping_time", steps)


@CATEGORY.motif()
def binary_search(k: Kit) -> None:
    """Find the interval of a sorted table."""
    n = k.rng.choice((16, 24, 32, 64))
    t = k.rng.choice((k.real, k.real, I32))
    table = k.array("table|edges|breaks|xs", t, lo=0, hi=20, kind="ascending")
    table.spec.need[0] = max(table.spec.need[0], n)
    x = k.input("x|query|key|u", t, 0, 20)
    lo, hi = k.var("lo|left|first", 0, I32, lo=0, hi=n), k.var("hi|right|last", n, I32, lo=0, hi=n)
    with k.while_(lo < hi):
        mid = k.define("mid|m|middle", (lo + hi) // 2 if k.rng.chance(0.6) else (lo + hi) >> 1).within(
            0, n - 1
        )
        with k.if_(table[mid] < x if k.rng.chance(0.5) else table[mid] <= x):
            k.set(lo, mid + 1)
        with k.else_():
            k.set(hi, mid)
    if k.rng.chance(0.5):
        k.give("interval|bin|rank", lo)
    else:
        i = k.define("i|idx|cell", k.wp.clamp(lo - 1, k.lit(0), k.lit(n - 1)))
        k.give("fraction|offset_in_bin|excess", x - table[i])


@CATEGORY.motif()
def escape_time(k: Kit) -> None:
    """Iterate a map until it escapes."""
    cx, cy = k.input("cx|c_re|x0", k.real, -1.6, 0.4), k.input("cy|c_im|y0", k.real, -1.0, 1.0)
    x, y = k.var("x|zr|re", 0.0, k.real, lo=-8.0, hi=8.0), k.var("y|zi|im", 0.0, k.real, lo=-8.0, hi=8.0)
    count = k.var("count|n|iterations", 0, I32, lo=0, hi=64)
    limit = k.rng.choice((16, 24, 32))
    stop = k.size("max_iter|max_iterations", limit) if k.rng.chance(0.5) else limit
    with k.for_("it|i|step", stop):
        x2, y2 = k.let("x2|xx", x * x), k.let("y2|yy", y * y)
        k.break_if(x2 + y2 > 4.0)
        new_x = k.define("xt|x_new|re_new", x2 - y2 + cx)
        k.set(y, ((k.wp.abs(x * y) if k.rng.chance(0.2) else x * y) * 2.0 + cy).within(-8.0, 8.0))
        k.set(x, new_x.within(-8.0, 8.0))
        k.add(count, 1)
    if k.rng.chance(0.4):
        k.give("shade|intensity|level", k.to_real(count) / float(limit))
    else:
        k.give("escape|count|iterations", count)


@CATEGORY.motif()
def power_by_squaring(k: Kit) -> None:
    """Raise to an integer power."""
    t = k.rng.choice((k.real, k.real, I32))
    lo, hi = (-1.2, 1.2) if t.is_float else (1, 9)
    base = k.var(
        "base|b|sq",
        k.input("x|factor|a", t, lo, hi),
        lo=-200.0 if t.is_float else 0,
        hi=200.0 if t.is_float else 96,
    )
    n = k.var("n|e|power", k.input("exponent|order|times", I32, 0, 7), lo=0, hi=7)
    out = k.var(
        "out_p|result|acc",
        1 if t.is_int else 1.0,
        t,
        lo=-400.0 if t.is_float else 0,
        hi=400.0 if t.is_float else 96,
    )
    with k.while_(n > 0):
        with k.if_((n & 1).eq(1)):
            k.set(out, (out * base % 97).within(0, 96) if t.is_int else (out * base).within(-400.0, 400.0))
        k.set(base, (base * base % 97).within(0, 96) if t.is_int else (base * base).within(-200.0, 200.0))
        k.set(n, (n >> 1).within(0, 7))
    k.give("power|raised|x_n", out)


@CATEGORY.motif()
def backtracking(k: Kit) -> None:
    """Shrink a step until it is accepted."""
    x, d = k.input("x|value|start", k.real, -1.0, 1.0), k.input("direction|d|slope", k.real, 0.2, 2.0)
    step = k.var("step|alpha|t", 1.0, k.real, lo=0.0, hi=1.0)
    f0 = k.define("f0|before|cost0", x * x + 0.5 * x)
    factor = k.param("shrink|beta|rho", k.real, 0.3, 0.7)
    with k.for_("it|trial|i", k.rng.integer(4, 8)):
        y = k.define("y|trial_x|x_new", x - step * d)
        f = k.define("f1|after|cost", y * y + 0.5 * y)
        if k.rng.chance(0.6):
            k.break_if(f <= f0 - 0.1 * step * d)
            k.set(step, (step * factor).within(0.0, 1.0))
        else:
            with k.if_(f > f0):
                k.set(step, (step * factor).within(0.0, 1.0))
    k.give("accepted|x_next|moved", x - step * d)


@CATEGORY.motif()
def first_match(k: Kit) -> None:
    """Find the first entry that fits."""
    m = k.rng.choice((4, 8, 10, 16))
    t = k.rng.choice((k.real, I32))
    values = k.array("candidates|scores|keys|row_values", t, lo=0, hi=9)
    wanted = k.input("wanted|level|threshold|key", t, 1, 8)
    found = k.var("found|index|slot", -1, I32, lo=-1, hi=m)
    style = k.rng.choice(("break", "flag", "while"))
    if style == "while":
        j = k.var("j|pos|at", 0, I32, lo=0, hi=m)
        with k.while_(k.all(j < m, found < 0)):
            with k.if_(values[k.flat * m + j.within(0, m - 1)] >= wanted):
                k.set(found, j)
            k.add(j, 1)
    else:
        with k.for_("j|s|c", m) as j:
            hit = values[k.flat * m + j] >= wanted
            if style == "break":
                with k.if_(hit):
                    k.set(found, j)
                    k.leave("break")
            else:
                with k.if_(k.all(found.eq(-1), hit)):
                    k.set(found, j)
    k.give("found|first_index|slot", found)
