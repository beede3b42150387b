"""Kernels steered by many scalar arguments: int, float, bool, unsigned, 64-bit, thresholds, switches."""

from __future__ import annotations

from warpgen.synthesis.categories.scalar_param import CATEGORY
from warpgen.synthesis.formulas.grower import Grower, palette, result_name
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import BOOL, F16, F32, F64, I16, I32, I64, U8, U32, U64, Type
from warpgen.synthesis.language.values import Value


def argument(k: Kit, names: str, t: Type, lo: float, hi: float) -> Value:
    """A scalar argument of the kernel, whatever the author's habits."""
    root = k
    while root.parent is not None:
        root = root.parent
    name = root.name(names)
    spec = k.draft.argument(name, t, 0, "param", lo, hi, "constant")
    if t is BOOL:
        spec.value = float(k.rng.chance(0.5))
    else:
        spec.value = k.number(lo, hi) if t.is_float else float(k.rng.integer(int(lo), int(hi)))
    outer = Value(name, t, lo, hi, k.author)
    return outer if k.parent is None else k._import(names, outer)


def field_params(k: Kit, count: int) -> list[Value]:
    found: list[Value] = []
    used: set[str] = set()
    for q in k.rng.shuffled((*palette(k).field.params, *palette(k).field.scalars)):
        if len(found) < count and q.names.split("|")[0] not in used:
            used.add(q.names.split("|")[0])
            found.append(argument(k, q.names, k.real, q.lo, q.hi))
    return found


def varying(k: Kit) -> Value:
    return Grower(k).fresh(k.real)


@CATEGORY.motif(weight=1.5)
def many_coefficients(k: Kit) -> None:
    """Formula with many coefficients."""
    x, y = varying(k), varying(k)
    ps = field_params(k, k.rng.integer(3, 7))
    total = ps[0] * x
    for n, p in enumerate(ps[1:]):
        basis = k.rng.choice((x, y, x * y, x * x, k.wp.sin(x), y * y, k.wp.abs(y)))
        term = p * basis if n % 2 == 0 or k.rng.chance(0.5) else basis / p if p.lo > 0.04 else p + basis
        total = total - term if k.rng.chance(0.3) else total + term
        if len(total.text) > 70:
            total = k.define(f"part{n}|{result_name(k)}", total)
    k.give(result_name(k), total)


@CATEGORY.motif(weight=1.2)
def switches(k: Kit) -> None:
    """Options as boolean arguments."""
    x = varying(k)
    out = k.var(f"{result_name(k)}|out_val|y", x, lo=-60.0, hi=60.0)
    options = k.rng.sample(
        ("invert", "normalize", "clamp_output", "square", "add_bias", "use_abs"), k.rng.integer(2, 4)
    )
    bias = argument(k, "bias|offset", k.real, 0.1, 1.0)
    for option in options:
        flag = argument(k, f"{option}|use_{option}|enable_{option}", BOOL, 0, 1)
        with k.if_(k.negate(flag) if k.rng.chance(0.15) else flag):
            changed = {
                "invert": -out,
                "normalize": out / (k.wp.abs(out) + 1.0),
                "clamp_output": k.wp.clamp(out, -1.0, 1.0),
                "square": k.wp.clamp(out * out, 0.0, 60.0),
                "add_bias": out + bias,
                "use_abs": k.wp.abs(out),
            }[option]
            k.set(out, changed.within(-60.0, 60.0))
    k.give(result_name(k), out + x * 0.1)


@CATEGORY.motif()
def integer_controls(k: Kit) -> None:
    """Strides, offsets and counts as arguments."""
    stride, offset = argument(k, "stride|step", I32, 1, 4), argument(k, "offset|start|base", I32, 0, 8)
    n = argument(k, "count|num_taps|window", I32, 2, 5)
    xs = k.array("values|samples|data", k.real, lo=-1.0, hi=1.0)
    first = k.define("first|begin|at", k.flat * stride + offset)
    total = k.var("total|acc|s", 0.0, k.real, lo=-10.0, hi=10.0)
    with k.for_("j|s|i", n) as j:
        k.add(total, xs[(first + j).within(0, k.flat.hi * 4 + 13)])
    k.give("windowed|strided|total", total / k.to_real(n) if k.rng.chance(0.5) else total)


@CATEGORY.motif()
def mixed_types(k: Kit) -> None:
    """Arguments of many types in one formula."""
    x = varying(k)
    choices: dict[Type, tuple[str, float, float]] = {
        I32: ("iterations|order|count", 1, 6),
        U32: ("mask|flags|seed", 0, 15),
        F64: ("precise|scale_d|weight_d", 0.1, 2.0),
        I64: ("epoch|big_offset|ticks", 0, 100),
        U8: ("level|gray|small", 0, 20),
        F16: ("half_scale|gain_h", 0.2, 1.5),
        I16: ("short_bias|delta_s", 0, 30),
        U64: ("key|handle_id|stamp", 0, 50),
    }
    types = [t for t in k.rng.sample(list(choices), k.rng.integer(3, 5)) if t is not k.real]
    total = x
    for t in types:
        names, lo, hi = choices[t]
        p = argument(k, names, t, lo, hi)
        value = k.to_real(p) if t is not U32 else k.to_real(k.cast(p & 7, I32))
        total = total + value * k.number(0.01, 0.1) if t.is_int else total * value
    k.give("result|mixed_value|out_val", total)


@CATEGORY.motif()
def range_gate(k: Kit) -> None:
    """Keep what lies between two limits."""
    x = varying(k)
    third = (x.hi - x.lo) / 3
    low = argument(k, "low|lower|min_value|vmin", k.real, x.lo, x.lo + third)
    high = argument(k, "high|upper|max_value|vmax", k.real, x.hi - third, x.hi)
    outside = argument(k, "fill|fallback|outside_value", k.real, -1.0, 0.0)
    kind = k.rng.choice(("select", "clamp", "normalize", "count"))
    if kind == "select":
        k.give("gated|kept|masked", k.select("gated|kept|v", k.all(x >= low, x <= high), x, outside))
    elif kind == "clamp":
        k.give("clamped|limited|x_out", k.wp.clamp(x, low, high) + outside * 0.1)
    elif kind == "normalize":
        k.give("unit|scaled01|level", (x - low) / (high - low) + outside)
    else:
        code = k.var("code|side|region", 0, I32, lo=-1, hi=1)
        with k.if_(x < low):
            k.set(code, -1)
        with k.elif_(x > high):
            k.set(code, 1)
        k.give("side|region_code", code)
        k.give("offset_value|shifted", x - outside)


@CATEGORY.motif()
def physical_step(k: Kit) -> None:
    """One step of a driven system."""
    x, v = k.input("x|position|q", k.real, -1.0, 1.0), k.input("v|velocity|qd", k.real, -1.0, 1.0)
    dt, stiffness = (
        argument(k, "dt|h|time_step", k.real, 0.01, 0.1),
        argument(k, "k|stiffness|ke", k.real, 0.5, 5.0),
    )
    damping, mass = (
        argument(k, "c|damping|kd", k.real, 0.05, 0.5),
        argument(k, "mass|m|inertia", k.real, 0.5, 3.0),
    )
    force = -stiffness * x - damping * v
    if k.rng.chance(0.6):
        amp, omega, time = (
            argument(k, "amplitude|drive|f0", k.real, 0.1, 1.0),
            argument(k, "omega|frequency|w", k.real, 0.5, 3.0),
            argument(k, "time|t|sim_time", k.real, 0.0, 2.0),
        )
        force = k.let("f_spring|internal", force) + amp * k.wp.sin(omega * time + x)
    if k.rng.chance(0.4):
        gravity = argument(k, "gravity|g", k.real, 1.0, 9.81)
        force = force - mass * gravity if k.rng.chance(0.6) else force + mass * gravity
    a = k.let("a|acc|accel", force / mass)
    v1 = k.let("v1|v_new|qd_new", v + a * dt)
    k.give("velocity|v_new", v1)
    k.give("position|x_new", x + v1 * dt if k.rng.chance(0.7) else x + v * dt)


@CATEGORY.motif()
def selected_operation(k: Kit) -> None:
    """Operation chosen by an integer argument."""
    op = argument(k, "op|operation|mode|method", I32, 0, 3)
    x, y = varying(k), varying(k)
    strength = argument(k, "strength|amount|alpha", k.real, 0.1, 2.0)
    out = k.var("out_val|r|result", x, lo=-200.0, hi=200.0)
    formulas = k.rng.shuffled(
        (x + y, x * y, k.wp.min(x, y), k.wp.max(x, y), x - y, x * strength, y * 0.5 + x)
    )
    for n in range(k.rng.integer(2, 4)):
        with k.if_(op.eq(n)) if n == 0 else k.elif_(op.eq(n)):
            k.set(out, formulas[n])
    k.give(result_name(k), out * strength + y * 0.1)


@CATEGORY.motif()
def blended_parameters(k: Kit) -> None:
    """Blend two settings."""
    t = argument(k, "t|blend|progress|alpha", k.real, 0.0, 1.0)
    count = k.rng.integer(2, 3)
    x = varying(k)
    total = None
    names = (
        ("gain_a|start_gain", "gain_b|end_gain"),
        ("bias_a|start_bias", "bias_b|end_bias"),
        ("freq_a|f_start", "freq_b|f_end"),
    )
    for i in range(count):
        a, b = argument(k, names[i][0], k.real, 0.2, 1.5), argument(k, names[i][1], k.real, 0.5, 2.5)
        value = k.let(
            ("gain|g", "bias|offset", "freq|f")[i],
            k.wp.lerp(a, b, t) if k.rng.chance(0.4) else a + (b - a) * t,
        )
        term = (value * x, value, k.wp.sin(value * x))[i]
        total = term if total is None else total + term
    assert total is not None
    k.give(result_name(k), total)


@CATEGORY.motif()
def iteration_controls(k: Kit) -> None:
    """Iterate as the arguments say."""
    n = argument(k, "num_iterations|max_iter|steps", I32, 2, 6)
    rate = argument(k, "rate|relaxation|omega", k.real, 0.1, 0.6)
    target = varying(k)
    x = k.var("x|state|value", 0.0, k.real, lo=-9.0, hi=9.0)
    tol = argument(k, "tol|tolerance|eps", k.real, 0.001, 0.01) if k.rng.chance(0.4) else None
    used = k.var("used|count|its", 0, I32, lo=0, hi=6) if tol is not None else None
    with k.for_("it|i|step", n):
        gap = k.define("gap|err|delta", target - x)
        if tol is not None and used is not None:
            k.break_if(k.wp.abs(gap) < tol)
            k.add(used, 1)
        k.add(x, rate * gap)
    k.give(result_name(k), x)
    if used is not None:
        k.give("iterations|num_used", used)


@CATEGORY.motif()
def grid_parameters(k: Kit) -> None:
    """Map a thread to a place in a grid given by arguments."""
    origin, spacing = (
        argument(k, "origin_x|x0|min_x", k.real, -2.0, 0.0),
        argument(k, "dx|spacing|cell_size", k.real, 0.05, 0.5),
    )
    width = argument(k, "width|nx|res_x", I32, 4, 16)
    i = k.flat
    ix, iy = k.let("ix|col|gx", i % width), k.let("iy|row|gy", i // width)
    x = k.let("x|px|u", origin + (k.to_real(ix) + 0.5) * spacing)
    y = k.let(
        "y|py|v",
        origin
        + (k.to_real(iy) + 0.5)
        * (argument(k, "dy|spacing_y", k.real, 0.05, 0.2) if k.rng.chance(0.5) else spacing),
    )
    scale = varying(k)
    kind = k.rng.integer(0, 2)
    if kind == 0:
        k.give("field_value|height|f", scale * k.wp.exp(-(x * x + y * y)))
    elif kind == 1:
        k.give("field_value|wave|f", scale * k.wp.sin(x) * k.wp.cos(y))
    else:
        k.give("point|cell_center|p", k.make(k.vec2, x * scale, y))


@CATEGORY.motif()
def thresholds(k: Kit) -> None:
    """Several thresholds as arguments."""
    x = varying(k)
    n = k.rng.integer(2, 4)
    span = (x.hi - x.lo) / (n + 1)
    cuts = [
        argument(k, f"threshold_{i}|t{i}|level_{i}", k.real, x.lo + span * (i + 0.6), x.lo + span * (i + 1.2))
        for i in range(n)
    ]
    grades = k.rng.chance(0.5)
    out = k.var("grade|level|score", 0 if grades else 0.0, I32 if grades else k.real, lo=-30.0, hi=30.0)
    for i, cut in enumerate(cuts):
        with k.if_(x > cut):
            if grades:
                k.add(out, 1)
            else:
                k.add(out, (x - cut) * argument(k, f"slope_{i}|rate_{i}|gain_{i}", k.real, 0.2, 2.0))
    k.give("grade|level_out" if grades else "score|excess", out)


@CATEGORY.motif(weight=0.8)
def seeded_hash(k: Kit) -> None:
    """Mix an index with seeds given as arguments."""
    seed, salt = argument(k, "seed|key0", U32, 1, 1000), argument(k, "salt|key1|stream", U32, 1, 1000)
    h = k.var("h|state|bits", k.cast(k.flat, U32), lo=0, hi=U32.limit)
    k.set(h, (h ^ seed) * k.lit(k.rng.choice((2654435761, 2246822519, 3266489917)), U32))
    k.set(h, h ^ (h >> k.lit(k.rng.integer(13, 16), U32)))
    k.set(h, h + salt)
    value = k.let("unit|u|r01", k.to_real(k.cast(h & k.lit(1023, U32), I32).within(0, 1023)) * (1.0 / 1024.0))
    k.give(
        "jittered|noisy|perturbed",
        varying(k) + value * argument(k, "amount|amplitude|jitter", k.real, 0.05, 0.5),
    )


@CATEGORY.motif(weight=0.8)
def precision_parameters(k: Kit) -> None:
    """Double-precision constants on single-precision data."""
    wide = F64 if k.real is not F64 else F32
    a, b = (
        argument(k, "a_ref|slope_d|rate_d", wide, 0.1, 2.0),
        argument(k, "b_ref|offset_d|shift_d", wide, -1.0, 1.0),
    )
    x = k.define("xw|wide_x|x_d", k.cast(varying(k), wide))
    y = k.let("yw|wide_y|acc_d", a * x + b)
    if k.rng.chance(0.5):
        y = k.let("zw|refined", y * y * argument(k, "c_ref|curve_d", wide, 0.1, 0.5) + y)
    k.give(result_name(k), k.to_real(y) if k.rng.chance(0.7) else y)
