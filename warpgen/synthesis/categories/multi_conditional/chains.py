"""Many branches: if/elif chains, decision trees, piecewise functions, state machines, chained comparisons."""

from __future__ import annotations

import itertools

from warpgen.synthesis.categories.multi_conditional import CATEGORY
from warpgen.synthesis.formulas.grower import Grower, palette, result_name
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.expressions import Binary
from warpgen.synthesis.language.types import BOOL, I32
from warpgen.synthesis.language.values import COMPARE, Value


def cuts(k: Kit, x: Value, count: int) -> list[float]:
    """Rising thresholds inside the range of `x`, rounded as people do."""
    found: list[float] = []
    for i in range(count):
        at = x.lo + (x.hi - x.lo) * (i + 0.6 + 0.3 * k.rng.unit()) / (count + 0.6)
        value = round(at, 1) if round(at, 1) not in found else round(at, 2)
        if not found or value > found[-1]:
            found.append(value)
    return found


@CATEGORY.motif(weight=1.6)
def piecewise_formula(k: Kit) -> None:
    """Piecewise function."""
    g = Grower(k)
    x = g.named(g.fresh(k.real))
    out = k.var(f"{result_name(k)}|y|out_val", 0.0, k.real, lo=-1e3, hi=1e3)
    points = cuts(k, x, k.rng.integer(2, 5))
    for n, cut in enumerate(points):
        with k.if_(x < cut) if n == 0 else k.elif_(x < cut):
            k.set(
                out,
                Grower(k).grow(k.real, k.rng.integer(1, 3)) if k.rng.chance(0.6) else x * k.number(0.1, 3.0),
            )
    if k.rng.chance(0.85):
        with k.else_():
            k.set(out, x * x if k.rng.chance(0.4) else Grower(k).grow(k.real, 2))
    k.give(result_name(k), out)


@CATEGORY.motif(weight=1.2)
def classify(k: Kit) -> None:
    """Classify by thresholds."""
    x = Grower(k).fresh(k.real)
    label = k.var("label|cls|category|bucket", 0, I32, lo=0, hi=6)
    points = cuts(k, x, k.rng.integer(2, 5))
    rising = k.rng.chance(0.5)
    order = points if rising else points[::-1]
    for n, cut in enumerate(order):
        test = (x <= cut if k.rng.chance(0.3) else x < cut) if rising else x > cut
        with k.if_(test) if n == 0 else k.elif_(test):
            k.set(label, n + 1 if k.rng.chance(0.8) else n)
    if k.rng.chance(0.6):
        with k.else_():
            k.set(label, len(points) + 1)
    k.give("label|class_id|bucket", label)
    if k.rng.chance(0.4):
        k.give(result_name(k), x * k.to_real(label) + 0.5)


@CATEGORY.motif()
def decision_tree(k: Kit) -> None:
    """Small decision tree."""
    field = palette(k).field
    with k.pool.masking():
        xs = [k.input(q.names, k.real, q.lo, q.hi) for q in k.rng.sample(field.scalars, 3)]
    score = k.var("score|leaf|prediction", 0.0, k.real, lo=-5.0, hi=5.0)

    def node(depth: int, spans: list[tuple[float, float]]) -> None:
        if depth == 0 or (depth < 2 and k.rng.chance(0.25)):
            k.set(score, round(k.rng.uniform(-1.0, 1.0), 2))
            return
        at = k.rng.integer(0, len(xs) - 1)
        x, (lo, hi) = xs[at], spans[at]  # what the questions above leave of its range
        cut = round(k.rng.uniform(lo + 0.3 * (hi - lo), hi - 0.3 * (hi - lo)), 2)
        with k.if_(x < cut if k.rng.chance(0.6) else x <= cut):
            node(depth - 1, [*spans[:at], (lo, cut), *spans[at + 1 :]])
        with k.else_():
            node(depth - 1, [*spans[:at], (cut, hi), *spans[at + 1 :]])

    node(k.rng.choice((2, 3, 3)), [(x.lo, x.hi) for x in xs])
    k.give("score|prediction|leaf_value", score + xs[0] * 0.01 if k.rng.chance(0.5) else score)


@CATEGORY.motif()
def state_machine(k: Kit) -> None:
    """Step a state machine through its inputs."""
    states, n = k.rng.choice((3, 4)), k.rng.choice((4, 6, 8))
    symbols = k.array("symbols|inputs|tokens|events", I32, lo=0, hi=3)
    state = k.var("state|mode|phase", 0, I32, lo=0, hi=states - 1)
    seen = k.var("visits|transitions|count", 0, I32, lo=0, hi=n)
    names = [f"STATE_{s}" for s in ("IDLE", "ACTIVE", "WAIT", "DONE")]
    constants = (
        [k.constant(f"{names[s]}|{names[s][6:]}", s) for s in range(states)] if k.rng.chance(0.35) else None
    )
    with k.for_("t|s|pos", n) as t:
        c = k.define("c|symbol|event", symbols[k.flat * n + t])
        for s in range(states):
            here = state.eq(constants[s]) if constants else state.eq(s)
            with k.if_(here) if s == 0 else k.elif_(here):
                target = (s + k.rng.integer(1, states - 1)) % states  # one that stays would hide its inputs
                with k.if_(c.eq(k.rng.integer(0, 3)) if k.rng.chance(0.6) else c > 1):
                    k.set(state, constants[target] if constants else target)
                    if k.rng.chance(0.6):
                        k.add(seen, 1)
                if k.rng.chance(0.4):
                    with k.else_():
                        k.set(state, (s + 1) % states)
    k.give("final_state|mode_out", state)
    if k.rng.chance(0.5):
        k.give("transitions|visits", seen)


@CATEGORY.motif()
def chained_comparisons(k: Kit) -> None:
    """Test against intervals."""
    g = Grower(k)
    x = g.fresh(k.real)
    y = g.fresh(k.real) if k.rng.chance(0.5) else None
    zone = k.var("zone|region|code", 0, I32, lo=0, hi=9)
    edges = cuts(k, x, k.rng.integer(3, 5))
    separate = k.rng.chance(0.4)
    for n, (low, high) in enumerate(itertools.pairwise(edges)):
        chained = Binary(Binary(k.lit(low).node, "<=", x.node), "<", k.lit(high).node)
        test = Value(chained, BOOL, 0, 1, k.author, COMPARE)
        if y is not None and k.rng.chance(0.5):
            test = k.all(test, y > round(y.lo + 0.4 * (y.hi - y.lo), 1))
        with k.if_(test) if n == 0 or separate else k.elif_(test):
            k.set(zone, n + 1)
    if y is not None:
        with k.if_(y > round(y.lo + 0.7 * (y.hi - y.lo), 1)):
            k.add(zone, 4)
    k.give("zone|region_id|interval", zone)


@CATEGORY.motif()
def quadrant_cases(k: Kit) -> None:
    """Cases by signs."""
    x, y = k.input("x|dx|u", k.real, -2.0, 2.0), k.input("y|dy|v", k.real, -2.0, 2.0)
    kind = k.rng.choice(("atan2", "quadrant", "octant"))
    if kind == "atan2":
        out = k.var("angle|theta|phi", 0.0, k.real, lo=-3.2, hi=3.2)
        ratio = k.let("ratio|slope|t", y / (k.wp.abs(x) + 0.05))
        base = k.let("base|a|ang", k.wp.atan(ratio))
        with k.if_(x > 0):
            k.set(out, base)
        with k.elif_(y >= 0) if k.rng.chance(0.5) else k.elif_(k.all(x < 0, y >= 0)):
            k.set(out, (3.141593 - base).within(-3.2, 3.2))
        with k.else_():
            k.set(out, (-3.141593 - base).within(-3.2, 3.2))
        k.give("angle|heading", out)
        return
    code = k.var("quadrant|sector|code", 0, I32, lo=0, hi=8)
    tests = [k.all(x >= 0, y >= 0), k.all(x < 0, y >= 0), k.all(x < 0, y < 0), k.all(x >= 0, y < 0)]
    for n, test in enumerate(tests):
        with k.if_(test) if n == 0 else k.elif_(test):
            k.set(code, n + 1)
            if kind == "octant":
                with k.if_(k.wp.abs(x) > k.wp.abs(y)):
                    k.add(code, 4)
    k.give("quadrant|sector", code)


@CATEGORY.motif()
def mode_switch(k: Kit) -> None:
    """Pick a formula by a mode."""
    g = Grower(k)
    shared = k.rng.chance(0.5)
    modes = k.rng.integer(3, 5)
    names = "mode|kind|method|op_type"
    mode = k.param(names, I32, 0, modes - 1) if shared else k.input(names, I32, 0, modes - 1)
    if not mode.text.replace("_", "").replace(".", "").isalpha():
        mode = k.input("mode|kind|method", I32, 0, modes - 1)
    x, y = g.named(g.fresh(k.real)), g.named(g.fresh(k.real))
    out = k.var(f"{result_name(k)}|out_val|r", x, lo=-1e3, hi=1e3)
    formulas = k.rng.shuffled(
        (
            x + y,
            x * y,
            x - y,
            k.wp.max(x, y),
            k.wp.min(x, y),
            x / (k.wp.abs(y) + 1.0),
            k.wp.sin(x) * y,
            x * x,
            0.5 * (x + y),
        )
    )
    for m in range(modes):
        last = m == modes - 1 and k.rng.chance(0.6)
        with k.else_() if last else (k.if_(mode.eq(m)) if m == 0 else k.elif_(mode.eq(m))):
            k.set(out, formulas[m])
    # The formula of a mode that all threads share may leave one of the two out.
    k.give(result_name(k), out + 0.5 * (x - y) if shared else out)


@CATEGORY.motif()
def tax_brackets(k: Kit) -> None:
    """Progressive brackets."""
    income = k.input("income|amount|usage|load", k.real, 0.0, 10.0)
    bounds = sorted(k.rng.sample((1.0, 2.0, 2.5, 4.0, 5.0, 6.0, 8.0), k.rng.integer(2, 4)))
    rates = sorted(k.rng.sample((0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4), len(bounds) + 1))
    due = k.var("due|tax|cost|charge", 0.0, k.real, lo=0.0, hi=5.0)
    if k.rng.chance(0.5):
        for n, bound in enumerate(reversed(bounds)):
            at = len(bounds) - 1 - n
            base = sum(r * (b - a) for r, a, b in zip(rates, [0.0, *bounds], bounds[: at + 1], strict=False))
            with k.if_(income > bound) if n == 0 else k.elif_(income > bound):
                k.set(due, round(base, 4) + (income - bound) * rates[at + 1])
        with k.else_():
            k.set(due, income * rates[0])
    else:
        rest = k.var("rest|left|remaining", income, lo=0.0, hi=10.0)
        for bound, rate in zip(reversed(bounds), reversed(rates[1:]), strict=True):
            with k.if_(rest > bound):
                k.add(due, (rest - bound) * rate)
                k.set(rest, bound)
        k.add(due, rest * rates[0])
    k.give("tax|charge|due", due)


@CATEGORY.motif()
def guarded_regimes(k: Kit) -> None:
    """Regimes of a dimensionless number."""
    re_number = k.input("reynolds|re|froude|ratio", k.real, 0.1, 9.0)
    rough = k.param("roughness|eps|relative_rough", k.real, 0.01, 0.3)
    low, high = (
        k.param("re_low|laminar_limit|low", k.real, 1.0, 2.5),
        k.param("re_high|turbulent_limit|high", k.real, 4.0, 6.0),
    )
    f = k.var("f|friction|coef|cd", 0.0, k.real, lo=0.0, hi=300.0)
    laminar, turbulent = 2.4 / re_number, 0.3 / k.wp.pow(re_number, 0.25) + rough
    with k.if_(re_number < low):
        k.set(f, laminar)
    with k.elif_(re_number < high):
        t = k.let("t|w|blend", (re_number - low) / (high - low))
        k.set(f, (1.0 - t) * laminar + t * turbulent)
    with k.else_():
        k.set(f, turbulent)
    k.give("friction_factor|drag_coef|f", f)


@CATEGORY.motif()
def bounds_and_flags(k: Kit) -> None:
    """Collect reasons as bit flags."""
    field = palette(k).field
    xs = [k.input(q.names, k.real, q.lo, q.hi) for q in k.rng.sample(field.scalars, k.rng.integer(2, 4))]
    flags = k.var("flags|status|bits", 0, I32, lo=0, hi=255)
    for n, x in enumerate(xs):
        cut = k.number(x.lo + 0.5 * (x.hi - x.lo), x.hi - 0.15 * (x.hi - x.lo))
        with k.if_(x > cut if k.rng.chance(0.6) else k.any(x > cut, x < x.lo + 0.1 * (x.hi - x.lo))):
            if k.rng.chance(0.5):
                k.set(flags, (flags | (1 << n)).within(0, 255))
            else:
                k.add(flags, 1 << n)
    if k.rng.chance(0.5):
        severity = k.var("severity|level", 0, I32, lo=0, hi=3)
        with k.if_((flags & 1).ne(0)):
            k.set(severity, 1)
        with k.if_(flags > 2):
            k.set(severity, 2)
        k.give("severity|alarm", severity)
    k.give("flags|status", flags)


@CATEGORY.motif()
def interpolation_table(k: Kit) -> None:
    """Piecewise-linear table written as branches."""
    x = k.input("x|t|s|phase", k.real, 0.0, 4.0)
    ys = k.rng.sample((0.0, 0.2, 0.5, 0.75, 1.0, 1.3, 1.6, 2.0), 5)
    y = k.var("y|value|level", ys[-1], k.real, lo=0.0, hi=2.0)
    n = k.rng.integer(2, 4)
    for i in range(n):
        with k.if_(x < float(i + 1)) if i == 0 else k.elif_(x < float(i + 1)):
            slope = round(ys[i + 1] - ys[i], 4)
            k.set(
                y,
                (ys[i] + (x - float(i)) * slope).within(0.0, 2.0)
                if i
                else (x * slope + ys[0]).within(0.0, 2.0),
            )
    k.give("table_value|profile|envelope", y)


@CATEGORY.motif()
def ordering_cases(k: Kit) -> None:
    """Order three values by comparing them."""
    t = k.rng.choice((k.real, k.real, I32))
    lo, hi = (-2.0, 2.0) if t.is_float else (0, 30)
    a, b, c = (k.input(n, t, lo, hi) for n in ("a|x0|first", "b|x1|second", "c|x2|third"))
    kind = k.rng.choice(("median", "rank", "largest"))
    if kind == "median":
        m = k.var("mid|median|m", a, lo=lo, hi=hi)
        with k.if_(k.any(k.all(a < b, b < c), k.all(c < b, b < a))):
            k.set(m, b)
        with k.elif_(k.any(k.all(a < c, c < b), k.all(b < c, c < a))):
            k.set(m, c)
        k.give("median|middle", m)
    elif kind == "rank":
        r = k.var("rank|order|place", 0, I32, lo=0, hi=2)
        for other in (b, c):
            with k.if_(a > other):
                k.add(r, 1)
        k.give("rank|place", r)
    else:
        which = k.var("which|winner|arg", 0, I32, lo=0, hi=2)
        with k.if_(k.all(a >= b, a >= c)):
            k.set(which, 0)
        with k.elif_(b >= c):
            k.set(which, 1)
        with k.else_():
            k.set(which, 2)
        k.give("winner|argmax|leader", which)


@CATEGORY.motif()
def calendar_rules(k: Kit) -> None:
    """Rules with exceptions."""
    year = k.input("year|n|number", I32, 1900, 2100)
    kind = k.rng.choice(("leap", "fizz", "days"))
    out = k.var("out_code|result|flag", 0, I32, lo=0, hi=400)
    if kind == "leap":
        with k.if_((year % 400).eq(0)):
            k.set(out, 1)
        with k.elif_((year % 100).eq(0)):
            k.set(out, 0)
        with k.elif_((year % 4).eq(0)):
            k.set(out, 1)
    elif kind == "fizz":
        a, b = k.rng.choice(((3, 5), (2, 7), (4, 6)))
        with k.if_(
            k.all((year % a).eq(0), (year % b).eq(0)) if k.rng.chance(0.6) else (year % (a * b)).eq(0)
        ):
            k.set(out, 3)
        with k.elif_((year % a).eq(0)):
            k.set(out, 1)
        with k.elif_((year % b).eq(0)):
            k.set(out, 2)
    else:
        month = k.input("month|m", I32, 1, 12)
        with k.if_(month.eq(2)):
            k.set(out, k.wp.where((year % 4).eq(0), k.lit(29), k.lit(28)))
        with k.elif_(k.any(month.eq(4), month.eq(6), month.eq(9), month.eq(11))):
            k.set(out, 30)
        with k.else_():
            k.set(out, 31)
    k.give("code|days|leap", out)


@CATEGORY.motif()
def hysteresis(k: Kit) -> None:
    """Switch with hysteresis."""
    n = k.rng.choice((4, 6, 8))
    signal = k.array("signal|temperature|level_in|samples", k.real, lo=-1.0, hi=1.0)
    high, low = (
        k.param("high|upper|on_level", k.real, 0.2, 0.5),
        k.param("low|lower|off_level", k.real, -0.5, -0.1),
    )
    on = k.var("on|state|active", 0, I32, lo=0, hi=1)
    work = k.var("work|time_on|energy", 0.0, k.real, lo=-8.0, hi=8.0)
    with k.for_("t|s|step", n) as t:
        x = k.define("x|level|v", signal[k.flat * n + t])
        with k.if_(k.all(on.eq(0), x > high)):
            k.set(on, 1)
        with k.elif_(k.all(on.eq(1), x < low)):
            k.set(on, 0)
        with k.if_(on.eq(1)):
            k.add(work, x if k.rng.chance(0.5) else k.lit(0.1))
    k.give("duty|work|time_on", work)


@CATEGORY.motif(weight=0.9)
def nested_selects(k: Kit) -> None:
    """Nested selections without branches."""
    g = Grower(k)
    x = g.named(g.fresh(k.real), "x|v|value")
    points = cuts(k, x, k.rng.integer(2, 3))
    value = g.grow(k.real, 2)
    for cut in reversed(points):
        value = k.wp.where(x < cut, g.grow(k.real, 1) if k.rng.chance(0.6) else x * 0.5, value)
    k.give(result_name(k), value)
