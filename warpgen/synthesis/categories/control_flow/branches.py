"""Branches and loops: early exits, while, break and continue, searches, iterations that stop themselves."""

from __future__ import annotations

from warpgen.synthesis.categories.control_flow import CATEGORY
from warpgen.synthesis.formulas.grower import Grower, grow, palette, result_name
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import BOOL, I32
from warpgen.synthesis.language.values import Value


def quantity(k: Kit) -> Value:
    """A number of the program's field that varies."""
    return Grower(k).fresh(k.real)


@CATEGORY.motif(inline=True)
def early_exit(k: Kit) -> None:
    """Leave early where there is nothing to do."""
    g = Grower(k)
    x = g.fresh(k.real)
    middle = k.number(x.lo + 0.15 * (x.hi - x.lo), x.lo + 0.45 * (x.hi - x.lo))
    kind = k.rng.choice(("threshold", "flag", "count", "two"))
    if kind == "flag":
        k.guard(k.negate(k.input("active|alive|enabled|is_valid", BOOL, 0, 1)))
    elif kind == "count":
        k.guard(k.input("count|num_contacts|degree", I32, 0, 6).eq(0))
    elif kind == "two":
        k.guard(x < middle)
        y = g.fresh(k.real)
        k.guard(y > k.number(y.lo + 0.6 * (y.hi - y.lo), y.lo + 0.9 * (y.hi - y.lo)))
    else:
        k.guard(x < middle if k.rng.chance(0.7) else k.wp.abs(x) < 0.2)
    if k.rng.chance(0.5):
        k.note(k.rng.choice(("only the active ones get here", "nothing below applies to the others")))
    k.give(result_name(k), x * g.grow(k.real, k.rng.integer(1, 3)) + 0.5)


@CATEGORY.motif(weight=1.4)
def branch_formulas(k: Kit) -> None:
    """Different formulas on either side of a threshold."""
    g = Grower(k)
    x = g.named(g.fresh(k.real))
    result = k.var(result_name(k), 0.0, k.real, lo=-1e3, hi=1e3)
    bound = k.param(
        "threshold|cutoff|limit|transition", k.real, x.lo + 0.3 * (x.hi - x.lo), x.lo + 0.7 * (x.hi - x.lo)
    )
    with k.if_(k.rng.choice((x < bound, x > bound, x <= bound))):
        k.set(result, Grower(k).grow(k.real, k.rng.integer(2, 4)))
        if k.rng.chance(0.3):
            k.change(result, "*", x * 0.5)
    if k.rng.chance(0.75):
        with k.else_():
            k.set(result, x * Grower(k).grow(k.real, k.rng.integer(1, 3)))
    k.give(result_name(k), result + x if k.rng.chance(0.4) else result)


@CATEGORY.motif()
def nested_branches(k: Kit) -> None:
    """Decide in two stages."""
    g = Grower(k)
    x, y = g.fresh(k.real), g.fresh(k.real)
    mid_x, mid_y = (k.number(v.lo + 0.3 * (v.hi - v.lo), v.hi - 0.2 * (v.hi - v.lo)) for v in (x, y))
    out = k.var(f"{result_name(k)}|out_val", g.leaf(k.real), lo=-1e3, hi=1e3)
    with k.if_(x > mid_x):
        with k.if_(y > mid_y):
            k.set(out, x * y)
        with k.else_():
            k.set(out, x - y if k.rng.chance(0.5) else Grower(k).grow(k.real, 2))
    if k.rng.chance(0.7):
        with k.else_():
            if k.rng.chance(0.5):
                k.change(out, k.rng.choice("+-"), y)
            else:
                with k.if_(y < mid_y):
                    k.change(out, "*", k.rng.choice((0.5, 2.0)))
    k.give(result_name(k), out)


@CATEGORY.motif(weight=1.3)
def filtered_sum(k: Kit) -> None:
    """Sum the entries of a segment that pass a test."""
    m = k.rng.choice((4, 6, 8, 12))
    values = k.array("values|samples|data|signal", k.real, lo=-2.0, hi=2.0)
    total = k.var("total|acc|s", 0.0, k.real, lo=-2.0 * m, hi=2.0 * m)
    used = k.var("used|count|hits", 0, I32, lo=0, hi=m) if k.rng.chance(0.5) else None
    # Loops with break or continue are not unrolled, so their adjoints may be wrong.
    skip = k.rng.weighted({"if": 0.55, "continue": 0.2, "break": 0.15, "both": 0.1})
    with k.for_("j|s|k|c", k.size("segment|window|length", m) if k.rng.chance(0.25) else m) as j:
        v = k.define("v|value|x", values[k.flat * m + j])
        test = k.rng.choice((v < 0, v > 1.0, k.wp.abs(v) > 1.5, v < -0.5))
        term = k.rng.choice((v, v * v * 0.5, v * 0.5))
        if skip in ("continue", "both"):
            k.continue_if(test)
        if skip in ("break", "both"):
            k.break_if(v > 1.8 if skip == "both" else test)
        if skip == "if":
            with k.if_(k.negate(test) if k.rng.chance(0.3) else test):
                k.add(total, term)
        else:
            k.add(total, term)
        if used is not None:
            k.add(used, 1)
    if used is not None and k.rng.chance(0.5):
        k.give("mean|average|level", total / k.to_real(used + 1))
    else:
        k.give("total|filtered_sum|accepted", total)


@CATEGORY.motif()
def running_extreme(k: Kit) -> None:
    """Best run of a sequence."""
    m = k.rng.choice((5, 6, 8, 10))
    values = k.array("gains|values|deltas|steps", k.real, lo=-1.0, hi=1.0)
    kind = k.rng.choice(("kadane", "longest", "drawdown", "crossings"))
    if kind == "kadane":
        best, cur = (
            k.var("best|top", 0.0, k.real, lo=0.0, hi=m),
            k.var("cur|here|run", 0.0, k.real, lo=-m, hi=m),
        )
        with k.for_("j|s|t", m) as j:
            k.set(cur, k.wp.max(cur + values[k.flat * m + j], 0.0).within(0.0, m))
            k.set(best, k.wp.max(best, cur))
        k.give("best_sum|peak_gain", best)
        return
    if kind == "drawdown":
        level, peak = (
            k.var("level|wealth", 0.0, k.real, lo=-m, hi=m),
            k.var("peak|high", 0.0, k.real, lo=0.0, hi=m),
        )
        worst = k.var("worst|drop", 0.0, k.real, lo=0.0, hi=2.0 * m)
        with k.for_("j|s|t", m) as j:
            k.add(level, values[k.flat * m + j])
            with k.if_(level > peak):
                k.set(peak, level)
            with k.else_():
                k.set(worst, k.wp.max(worst, peak - level))
        k.give("drawdown|worst", worst)
        return
    best, run = k.var("best|longest", 0, I32, lo=0, hi=m), k.var("run|length|streak", 0, I32, lo=0, hi=m)
    with k.for_("j|s|t", m) as j:
        x = k.define("x|v|value", values[k.flat * m + j])
        with k.if_(x > 0 if kind == "longest" else k.wp.abs(x) < 0.5):
            k.add(run, 1)
            with k.if_(run > best):
                k.set(best, run)
        with k.else_():
            k.set(run, 0)
    k.give("longest_run|streak", best)


@CATEGORY.motif()
def chained_ternary(k: Kit) -> None:
    """Pick by a chain of conditional expressions."""
    g = Grower(k)
    x = g.named(g.fresh(k.real), "x|v|value")
    cuts = sorted(
        {k.number(x.lo + f * (x.hi - x.lo) - 0.05, x.lo + f * (x.hi - x.lo) + 0.05) for f in (0.35, 0.7)}
    )
    values = [g.grow(k.real, 1) for _ in range(len(cuts))] + [x * 0.5]
    text = values[-1].text
    for cut, v in zip(reversed(cuts), reversed(values[:-1]), strict=True):
        text = (
            f"{v.text} if {(x < cut).text} else {text}"
            if k.rng.chance(0.5)
            else f"{v.text} if {(x < cut).text} else ({text})"
        )
    lo, hi = min(v.lo for v in values), max(v.hi for v in values)
    k.give(palette(k).field.results[0], k.define("y|picked|level", Value(text, k.real, lo, hi, k.author, 0)))


@CATEGORY.motif()
def neighbour_comparison(k: Kit) -> None:
    """Compare with the neighbours inside bounds."""
    total = 1
    for extent in k.draft.shape:
        total *= extent
    values = k.array("signal|heights|field_in|samples", k.real, lo=-2.0, hi=2.0)
    i = k.flat
    here = k.define("here|center|h", values[i])
    kind = k.rng.choice(("peak", "slope", "average"))
    left, right = values[(i - 1).within(0, total - 2)], values[(i + 1).within(1, total - 1)]
    out = k.var("out_v|res|acc", here, lo=-8.0, hi=8.0)
    with k.if_(i > 0):
        if kind == "peak":
            with k.if_(left > here):
                k.set(out, 0.0)
        else:
            k.change(out, "+" if kind == "average" else "-", left)
    with k.if_(i < total - 1 if k.rng.chance(0.5) else i + 1 < k.size("n|count|num_elements|total", total)):
        if kind == "peak":
            with k.if_(right > here):
                k.set(out, 0.0)
        else:
            k.add(out, right if kind == "average" else right * 0.5)
    k.give({"peak": "peaks|local_max", "slope": "slope|gradient", "average": "smoothed|blurred"}[kind], out)


@CATEGORY.motif(weight=0.8)
def countdown(k: Kit) -> None:
    """Loop backwards or in strides."""
    m = k.rng.choice((6, 8, 9, 12))
    values = k.array("coeffs|weights|taps|history", k.real, lo=-1.0, hi=1.0)
    x = k.input("x|t|z", k.real, -1.0, 1.0)
    acc = k.var("acc|y|total", 0.0, k.real, lo=-20.0, hi=20.0)
    kind = k.rng.choice(("backwards", "stride", "odd"))
    start, stop, step = {"backwards": (m - 1, -1, -1), "stride": (0, m, 2), "odd": (1, m, 2)}[kind]
    with k.for_("j|s|n", stop, start, step) as j:
        c = values[k.flat * m + j.within(0, m - 1)]
        if kind == "backwards":
            k.set(acc, (acc * x + c).within(-20.0, 20.0))
        else:
            k.add(acc, c * x if k.rng.chance(0.5) else c)
    k.give("horner|strided_sum|evaluated", acc)


@CATEGORY.motif(weight=0.8)
def loop_formula(k: Kit) -> None:
    """Repeat an update a few times."""
    g = Grower(k)
    state = k.var(f"{result_name(k)}|state|y", g.fresh(k.real), lo=-5.0, hi=5.0)
    rate = k.param("rate|relaxation|omega|gain", k.real, 0.05, 0.5)
    with k.for_("it|step|i|n", k.rng.integer(3, 9)) as i:
        target = grow(k, k.real, k.rng.integer(1, 3), -4.0, 4.0)
        with k.if_((i % 2).eq(0)) if k.rng.chance(0.35) else k.if_(k.wp.abs(target - state) > 0.01):
            k.set(state, k.wp.clamp(state + rate * (target - state), -5.0, 5.0))
    k.give(result_name(k), state)
