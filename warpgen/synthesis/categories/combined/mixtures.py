"""Mixtures: loops with branches, helpers, vectors and functions of one another in one fragment."""

from __future__ import annotations

from warpgen.synthesis.blocks.functions import function
from warpgen.synthesis.categories.combined import CATEGORY
from warpgen.synthesis.formulas.grower import Grower, grow, palette, result_name
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import I32, vec
from warpgen.synthesis.language.values import Value


@CATEGORY.motif(weight=1.3)
def loop_with_branches(k: Kit) -> None:
    """Loop with a decision in each turn."""
    n = k.rng.choice((3, 4, 6, 8))
    xs = k.array("samples|values|signal|readings", k.real, lo=-2.0, hi=2.0)
    g = Grower(k)
    level = g.named(g.fresh(k.real), "level|scale|ref")
    up, down = (
        k.var("up|gain|positive", 0.0, k.real, lo=-200.0, hi=200.0),
        k.var("down|loss|negative", 0.0, k.real, lo=-200.0, hi=200.0),
    )
    with k.for_("j|i|s", n) as j:
        x = k.define("x|v|sample", xs[k.flat * n + j])
        with k.if_(k.rng.choice((x > level, x * level > 0.0, k.wp.abs(x) > 1.0))):
            k.add(up, k.rng.choice((x - level, x * x, k.wp.sqrt(k.wp.abs(x) + 0.1))))
        if k.rng.chance(0.4):
            with k.elif_(x < -1.0):
                k.add(down, x * 0.5)
        with k.else_():
            k.change(down, k.rng.choice("+-"), k.rng.choice((level - x, x * level * 0.1, k.lit(0.1))))
    value = k.rng.choice((up - down, up / (k.wp.abs(down) + 1.0), up * 0.5 + down, k.wp.max(up, down)))
    k.give(result_name(k), value + level * k.number(0.05, 0.5))


@CATEGORY.motif(weight=1.2)
def vector_loop(k: Kit) -> None:
    """Sum directions and normalize."""
    t = k.rng.choice((k.vec2, k.vec3, k.vec3))
    n = k.rng.choice((3, 4, 5, 6))
    points = k.array("points|neighbors|positions|sites", t, lo=-2.0, hi=2.0)
    center = k.input("center|p|x|query", t, -1.0, 1.0)
    reach = k.param("reach|radius|cutoff|range_max", k.real, 1.0, 3.0)
    total = k.var("total|acc|force|sum_dir", k.zero(t), lo=-60.0, hi=60.0)
    count = k.var("count|hits|n_close", 0, I32, lo=0, hi=n) if k.rng.chance(0.5) else None
    with k.for_("j|i|s", n) as j:
        d = k.define("d|delta|r", points[k.flat * n + j] - center)
        dist = k.define("dist|l|r_len", k.wp.length(d))
        with k.if_(dist < reach):
            w = k.let(
                "w|weight|falloff", k.rng.choice((1.0 - dist / reach, k.wp.exp(-dist), 1.0 / (dist + 0.5)))
            )
            k.add(total, d * w)
            if count is not None:
                k.add(count, 1)
    if count is not None and k.rng.chance(0.6):
        k.give("mean_direction|average|center_shift", total / k.to_real(count + 1))
    else:
        k.give("pull|direction|net", total if k.rng.chance(0.5) else k.wp.normalize(total))


@CATEGORY.motif(weight=1.2)
def helper_in_loop(k: Kit) -> None:
    """A helper called for every term."""

    def write(f: Kit, x: Value, w: Value) -> Value:
        v = f.let("v|y|r", f.rng.choice((x * w, f.wp.sin(x) * w, x * x * w + x, f.wp.tanh(x + w))))
        if f.rng.chance(0.5):
            with f.if_(v < 0):
                f.line(f"return {(v * f.number(0.1, 0.5)).text}")
        return v.within(-20.0, 20.0)

    term = function(
        k,
        "term|response|contribution|kernel_value",
        [("x|t|u", k.real, -2.0, 2.0), ("w|weight|a", k.real, 0.1, 2.0)],
        write,
    )
    n = k.rng.integer(2, 6)
    xs = k.array("inputs|samples|values|coords", k.real, lo=-2.0, hi=2.0)
    w = Grower(k).fresh(k.real)
    w = k.fit(w, 0.1, 2.0)
    total = k.var("total|acc|s", 0.0, k.real, lo=-200.0, hi=200.0)
    with k.for_("j|i|s", n) as j:
        k.add(total, term(xs[k.flat * n + j], w))
    k.give(result_name(k), total * k.number(0.1, 1.0) if k.rng.chance(0.4) else total)


@CATEGORY.motif()
def matrix_chain(k: Kit) -> None:
    """Apply matrices in a loop and measure the result."""
    n = k.rng.choice((2, 3))
    turns = k.rng.integer(2, 4)
    m = k.input("A|M|step_matrix", k.mat22 if n == 2 else k.mat33, -0.6, 0.6)
    x = k.var("x|state|v", k.input("x0|start|v0", vec(n, k.real), -1.0, 1.0), lo=-30.0, hi=30.0)
    best = k.var("best|peak|norm_max", 0.0, k.real, lo=0.0, hi=60.0)
    with k.for_("it|i|step", turns):
        k.set(x, (m @ x + x * k.number(0.1, 0.5)).within(-30.0, 30.0))
        size = k.let("size|norm|r", k.wp.length(x))
        if k.rng.chance(0.5):
            with k.if_(size > best):
                k.set(best, size)
        else:
            k.set(best, k.wp.max(best, size))
    k.give("final_state|x_end", x)
    k.give("peak_norm|largest", best)


@CATEGORY.motif()
def gathered_update(k: Kit) -> None:
    """Gather by index, decide and combine."""
    size = k.rng.choice((16, 24, 32))
    values, ids = (
        k.array("values|state|field_in|u", k.real, lo=-1.0, hi=1.0),
        k.index_array("ids|links|parents|neighbors", size),
    )
    i = k.flat
    values.spec.need[0] = max(values.spec.need[0], size)
    own, other = k.define("own|here|a", values[i]), k.define("other|there|b", values[ids[i]])
    rate = k.param("rate|coupling|mix", k.real, 0.1, 0.9)
    d = k.let("d|gap|delta", other - own)
    out = k.var("out_val|updated|result", own, lo=-8.0, hi=8.0)
    with k.if_(k.wp.abs(d) > k.param("threshold|tol|limit", k.real, 0.05, 0.3)):
        k.add(out, rate * d)
    if k.rng.chance(0.5):
        with k.else_():
            k.change(out, "*", k.number(0.5, 0.95))
    k.give("updated|relaxed|consensus", out + grow(k, k.real, 1) * 0.1 if k.rng.chance(0.4) else out)


@CATEGORY.motif()
def staged_formula(k: Kit) -> None:
    """Formula in stages with safeguards."""
    g = Grower(k)
    a = g.named(g.grow(k.real, k.rng.integer(2, 3)))
    b = g.named(g.grow(k.real, k.rng.integer(2, 3)), g.result())
    flag = k.rng.choice((a > b, a * b > 0.0, k.wp.abs(a) > k.wp.abs(b)))
    stage = k.select(f"{g.result()}|stage|mid", flag, a - b, b * 0.5)
    v = k.make(k.vec3, k.saturate(a), k.saturate(b), k.saturate(stage))
    kind = k.rng.integer(0, 3)
    if kind == 0:
        k.give("norm_out|size_out", k.wp.length(v))
    elif kind == 1:
        k.give("direction|unit_out", k.wp.normalize(v))
    elif kind == 2:
        k.give(result_name(k), k.wp.dot(v, k.input("w|weights|coeffs", k.vec3, -1.0, 1.0)))
    else:
        k.give("packed|state_vec", v)


@CATEGORY.motif()
def integer_and_float(k: Kit) -> None:
    """Integer decisions over floating-point data."""
    q = k.rng.choice(palette(k).field.integers)
    n = k.input(q.names, I32, q.lo, q.hi)
    x = Grower(k).fresh(k.real)
    period = k.rng.choice((2, 3, 4, 5))
    phase = k.define("phase|slot|r", n % period)
    out = k.var(f"{result_name(k)}|out_val", x, lo=-60.0, hi=60.0)
    for p in range(k.rng.integer(1, period - 1) if period > 2 else 1):
        with k.if_(phase.eq(p)) if p == 0 else k.elif_(phase.eq(p)):
            options = (x * 0.5, x + k.to_real(p + 1 + phase), k.wp.sin(x), x * x, -x)
            k.set(out, k.rng.choice(options).within(-60.0, 60.0))
    if k.rng.chance(0.5):
        with k.for_("j|i|s", k.rng.integer(2, 5)) as j:
            with k.if_(((n + j) % 2).eq(0)):
                k.add(out, k.to_real(j) * 0.1)
    k.give(result_name(k), out)


@CATEGORY.motif()
def rotated_samples(k: Kit) -> None:
    """Rotate, test and accumulate."""
    q = k.input("q|rot|orientation", k.quat, unit=True)
    axis = k.input("axis|dir|n", k.vec3, -1.0, 1.0, unit=True)
    turns = k.rng.integer(2, 5)
    angle = k.param("angle|step_angle|dtheta", k.real, 0.1, 0.8)
    rot = k.var("r|cur|spin", q, lo=-1.0, hi=1.0)
    total = k.var("total|acc|height", 0.0, k.real, lo=-10.0, hi=10.0)
    step = k.define("dq|step_rot|turn", k.wp.quat_from_axis_angle(axis, angle))
    with k.for_("i|s|turn_idx", turns):
        k.set(rot, (step * rot).within(-1.0, 1.0))
        p = k.define("p|v|tip", k.wp.quat_rotate(rot, axis + k.make(k.vec3, 0.0, 0.5, 0.0)))
        if k.rng.chance(0.5):
            with k.if_(p[1] > 0):
                k.add(total, p[1])
        else:
            k.add(total, k.wp.abs(p[0]) if k.rng.chance(0.5) else p[2])
    k.give("swept|total_height|moment", total)
    if k.rng.chance(0.4):
        k.give("final_rot|q_end", rot)


@CATEGORY.motif()
def table_and_formula(k: Kit) -> None:
    """Look up, interpolate and correct."""
    n = k.rng.choice((8, 12, 16))
    table = k.array("table|curve|profile|lut", k.real, lo=-1.0, hi=1.0)
    x = k.input("x|t|s|coord", k.real, 0.0, 1.0)
    pos = k.let("pos|u|scaled", x * float(n - 1))
    i = k.define("i0|idx|cell", k.wp.min(k.cast(k.wp.floor(pos), I32), n - 2).within(0, n - 2))
    f = k.let("f|frac|w", pos - k.to_real(i))
    a, b = k.let("a|y0|left", table[i]), k.let("b|y1|right", table[i + 1])
    value = k.let(
        "value|y|sample", k.rng.choice((a + (b - a) * f, a * (1.0 - f) + b * f, k.wp.lerp(a, b, f)))
    )
    if k.rng.chance(0.5):
        value = k.select("corrected|limited", k.wp.abs(value) > 0.5, value * 0.5, value)
    k.give("interpolated|looked_up", value * grow(k, k.real, 1) if k.rng.chance(0.4) else value)


@CATEGORY.motif()
def statistics_in_window(k: Kit) -> None:
    """Mean, spread and outliers of a window."""
    n = k.rng.choice((4, 5, 6, 8))
    xs = k.array("window|samples|values", k.real, lo=-2.0, hi=2.0)
    i = k.flat
    mean, var = (
        k.var("mean|mu|avg", 0.0, k.real, lo=-2.0, hi=2.0),
        k.var("var|spread|m2", 0.0, k.real, lo=0.0, hi=16.0),
    )
    with k.for_("j|a|s", n) as j:
        k.add(mean, xs[i * n + j] / float(n) if k.rng.chance(0.5) else xs[i * n + j] * round(1.0 / n, 6))
    with k.for_("j|a|s", n) as j:
        d = k.let("d|dev|e", xs[i * n + j] - mean)
        k.add(var, d * d)
    k.set(var, (var / float(n - 1 if k.rng.chance(0.4) else n)).within(0.0, 16.0))
    kind = k.rng.integer(0, 2)
    if kind == 0:
        outliers = k.var("outliers|count|bad", 0, I32, lo=0, hi=n)
        with k.for_("j|a|s", n) as j:
            gap = k.define("gap|z|dist", xs[i * n + j] - mean)
            with k.if_(gap * gap > k.number(1.0, 2.0) * var):
                k.add(outliers, 1)
        k.give("outliers|num_bad", outliers)
    elif kind == 1:
        k.give("z_score|score", (xs[i * n] - mean) / k.wp.sqrt(var + 0.1))
    k.give("deviation|std", k.wp.sqrt(var + 0.01))
    k.give("mean|average", mean)


@CATEGORY.motif(weight=0.9)
def two_phase_update(k: Kit) -> None:
    """Predict and correct."""
    g = Grower(k)
    x = g.named(g.fresh(k.real), "x|state|u")
    dt = k.param("dt|h|step", k.real, 0.01, 0.2)

    def rate(v: Value) -> Value:
        return kind[0] * v + k.wp.sin(v * kind[1]) if kind[2] > 0.5 else v * (1.0 - v) * kind[0]

    kind = (k.number(-1.0, -0.1), k.number(0.5, 2.0), k.rng.unit())
    k1 = k.define("k1|f0|rate0", k.saturate(rate(x)))
    mid = k.define("xm|mid|x_half", x + 0.5 * dt * k1 if k.rng.chance(0.5) else x + dt * k1)
    k2 = k.define("k2|f1|rate1", k.saturate(rate(mid)))
    new = k.let("x_new|x1|next_x", x + dt * k2 if k.rng.chance(0.5) else x + 0.5 * dt * (k1 + k2))
    k.give("advanced|x_new", new)
    if k.rng.chance(0.5):
        k.give("error_estimate|err", k.wp.abs(k2 - k1) * dt)
