"""Atomics: counters, bins, append buffers, extremes, flags, claims and hash tables."""

from __future__ import annotations

from typing import Any

from warpgen.synthesis.categories.atomic import CATEGORY
from warpgen.synthesis.kit.draft import Array
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import I32, I64, U32, U64, Type
from warpgen.synthesis.language.values import Value, call, literal


def atomically(k: Kit, name: str, array: Array, key: Any, *values: Any) -> Value:
    """`wp.atomic_name(array, key..., values...)` for the forms that take more than one value."""
    keys = array.keys(key)
    rest = [v if isinstance(v, Value) else literal(v, array.type.scalar, k.author) for v in values]
    m = array.type.limit
    return call(f"wp.atomic_{name}", [array.node, *keys, *rest], array.type, -m, m, k.author)


def bin_of(k: Kit, names: str, v: Value, bins: int, lo: float, hi: float) -> Value:
    """Which of `bins` equal parts of [lo, hi] a number lies in."""
    shifted = v - lo if lo else v
    scale = bins / (hi - lo)
    raw = k.cast(shifted * scale, I32)
    top = k.size("num_bins|bins|n_bins", bins) - 1 if k.rng.chance(0.4) else k.lit(bins - 1)
    style = k.rng.choice(("clamp", "min", "nested"))
    if style == "clamp":
        b = k.wp.clamp(raw, k.lit(0), top)
    elif style == "min":
        b = k.wp.min(k.wp.max(raw, k.lit(0)), top)
    else:
        b = k.wp.max(k.lit(0), k.wp.min(raw, top))
    return k.define(names, b.within(0, bins - 1))


@CATEGORY.motif(weight=1.3)
def histogram_count(k: Kit) -> None:
    """Count values into bins."""
    bins = k.rng.choice((8, 10, 16, 32, 64))
    v = k.input("value|x|v|sample", k.real, 0.0, 1.0)
    b = bin_of(k, "b|bin|bin_index|slot", v, bins, 0.0, 1.0)
    if k.rng.chance(0.25):
        k.discard(k.atomic("add", k.output("hist_lo|below|histogram", I32), k.wp.min(b, k.lit(bins // 2)), 1))
    kind = k.rng.choice((I32, I32, U32, k.real))
    hist = k.output("histogram|hist|counts|bins", kind)
    weight: Any = 1
    if kind is k.real:
        weight = k.input("weight|w|mass", k.real, 0.1, 2.0) if k.rng.chance(0.7) else 1.0
    if k.rng.chance(0.2):
        with k.if_(v > k.param("threshold|cutoff|min_value", k.real, 0.05, 0.5)):
            k.discard(k.atomic("add", hist, b, weight))
    else:
        k.discard(k.atomic("add", hist, b, weight))


@CATEGORY.motif()
def joint_histogram(k: Kit) -> None:
    """Count pairs or triples into a table."""
    axes = k.rng.choice((2, 2, 3, 4))
    size = {2: 16, 3: 8, 4: 4}[axes]
    names = ("u|x|hue|r", "v|y|sat|g", "w|z|val|b", "s|t|age|q")
    bins = [
        bin_of(k, f"b{n}|{'ijkl'[n]}b|bin_{'xyzw'[n]}", k.input(names[n], k.real, 0.0, 1.0), size, 0.0, 1.0)
        for n in range(axes)
    ]
    kind = k.rng.choice((I32, k.real, U32))
    table = k.output("joint|counts|table|hist", kind, axes)
    k.discard(
        k.atomic(
            "add", table, tuple(bins), 1 if kind is not k.real else k.input("weight|w", k.real, 0.1, 1.0)
        )
    )
    if k.rng.chance(0.4):
        k.discard(k.atomic("add", k.output("marginal|row_counts|margin", I32), bins[0], 1))


@CATEGORY.motif(weight=1.2)
def compact_append(k: Kit) -> None:
    """Append what passes a test to a buffer."""
    v = k.input("value|x|score|density", k.real, -1.0, 1.0)
    span = v.hi - v.lo
    cut = k.param("threshold|cutoff|min_score|isovalue", k.real, v.lo + 0.3 * span, v.lo + 0.7 * span)
    overflows = k.rng.chance(0.25)
    capacity = k.rng.choice((8, 10, 16)) if overflows else k.rng.choice((256, 300, 512))
    counter = k.output("counter|count|num_active|out_count", I32)
    out = k.output("out|active|selected|compacted", k.rng.choice((I32, k.real)))
    out.spec.fixed = (capacity,)
    k.forward_only()
    item = v if out.type is k.real else k.cast(k.flat, I32)
    with k.if_(k.rng.choice((v > cut, v >= cut, v < cut))):
        slot = k.define("slot|idx|pos|offset|dst", k.atomic("add", counter, 0, 1).within(0, 1 << 20))
        most = k.size("capacity|max_count|max_active", capacity) if k.rng.chance(0.6) else capacity
        if overflows:
            overflow = k.output("overflow|dropped|num_lost", I32)
            with k.if_(slot < most):
                k.store(out, slot.within(0, capacity - 1), item)
            with k.else_():
                k.discard(k.atomic("add", overflow, 0, 1))
        else:
            with k.if_(slot < most):
                k.store(out, slot.within(0, capacity - 1), item)
                if k.rng.chance(0.35):
                    extra = k.output("values_out|scores_out|payload", k.real)
                    extra.spec.fixed = (capacity,)
                    k.store(extra, slot.within(0, capacity - 1), v)


@CATEGORY.motif()
def bounding_box(k: Kit) -> None:
    """Bounds of all points."""
    p = k.input("points|p|x|positions", k.vec3, -4.0, 4.0)
    together = k.rng.chance(0.5)
    stem = k.rng.choice((("lower|bounds_min|lo|min_corner", "upper|bounds_max|hi|max_corner"),))
    if together:
        for name, op, start in ((stem[0], "min", 1e3), (stem[1], "max", -1e3)):
            corner = k.inout(name, k.vec3, kind="constant")
            corner.spec.value = start
            k.discard(k.atomic(op, corner, 0, p))
        return
    axes = (0, 1, 2) if k.rng.chance(0.7) else (0, 1)
    low, high = (k.inout(n, k.real, kind="constant") for n in stem)
    low.spec.value, high.spec.value = 1e3, -1e3
    for a in axes:
        k.discard(k.atomic("min", low, a, p[a]))
        k.discard(k.atomic("max", high, a, p[a]))


@CATEGORY.motif(weight=1.2)
def segment_extremes(k: Kit) -> None:
    """Least and greatest value per group."""
    groups = k.rng.choice((8, 12, 16))
    g = k.load("group|label|cell|segment_id", I32, 0, groups - 1)
    kind: Type = k.rng.choice((k.real, I32, k.real, I64, U32))
    v = (
        k.input("value|v|x|height", k.real, -10.0, 10.0)
        if kind is k.real
        else k.load("keys|values|cost|score", kind, 0, 1000)
    )
    if kind is k.real and k.rng.chance(0.3):
        v = k.let("d2|dist_sq|energy", v * v)
    for op in k.rng.sample(("min", "max"), k.rng.integer(1, 2)):
        result = k.inout(f"group_{op}|{op}_value|{op}s", kind, kind="constant")
        result.spec.value = (1000.0 if op == "min" else 0.0 if kind.is_unsigned else -1000.0) * (
            10 if kind is not k.real else 1
        )
        old = k.atomic(op, result, g, v)
        if k.rng.chance(0.25):
            before = k.define("old|previous|before", old)
            improved = k.output("num_updates|improved|changes", I32)
            with k.if_(before > v if op == "min" else before < v):
                k.discard(k.atomic("add", improved, g, 1))
        else:
            k.discard(old)
    if k.rng.chance(0.4):
        k.discard(k.atomic("add", k.output("group_size|counts|num_per_group", I32), g, 1))


@CATEGORY.motif()
def packed_argmin(k: Kit) -> None:
    """Index of the least cost, with cost and index in one integer."""
    cost = k.input("cost|dist|error|energy", k.real, 0.0, 100.0)
    wide = k.rng.chance(0.5)
    kind = I64 if wide else I32
    scale = k.rng.choice((100.0, 10.0))
    q = k.define(
        "quantized|q|key_cost", k.cast(k.cast(cost * scale, I32), kind) if wide else k.cast(cost * scale, I32)
    )
    bits = k.rng.choice((12, 16)) if wide else 10
    i = k.cast(k.flat, kind)
    key = k.define(
        "key|packed|code", k.rng.choice(((q << bits) | (i & ((1 << bits) - 1)), q * (1 << bits) + i))
    )
    best = k.inout("best|best_key|min_key", kind, kind="constant")
    best.spec.value = float(2**40) if wide else float(2**30)
    slot: Any = 0
    if k.rng.chance(0.4):
        slot = k.load("group|query|batch", I32, 0, 7)
    k.discard(
        k.atomic(
            "min",
            best,
            slot,
            key.within(0, best.spec.value),
        )
    )


@CATEGORY.motif(weight=1.2)
def flag_bits(k: Kit) -> None:
    """Set, clear or toggle bits of shared flags."""
    kind = k.rng.choice((U32, I32, U64, I64))
    words = k.rng.choice((4, 8, 16))
    element = k.load("ids|elements|keys|node", I32, 0, words * 32 - 1)
    word = k.define("word|w|block", k.rng.choice((element // 32, element >> 5)).within(0, words - 1))
    bit = k.define(
        "bit|b|shift",
        k.rng.choice((element % 32, element & 31)).within(0, 30)
        if kind.is_unsigned or kind is I64
        else (element % 31).within(0, 30),
    )
    one = k.lit(1, kind)
    mask = k.define("mask|m|flag", one << (bit if kind is I32 else k.cast(bit, kind)))
    for op in k.rng.sample(("or", "and", "xor"), k.rng.weighted({1: 0.6, 2: 0.4})):
        if op == "and":
            flags = k.inout("alive|free_bits|available|open_set", kind, kind="constant")
            flags.spec.value = 2.0**30 - 1
        else:
            flags = k.output(
                "visited|occupied|bitmap|flags" if op == "or" else "parity|checksum|toggles", kind
            )
        value = ~mask if op == "and" else mask
        old = k.atomic(op, flags, word, value)
        if op == "or" and k.rng.chance(0.45):
            before = k.define("old|before|previous", old)
            first = k.output("num_first|unique_count|num_new", I32)
            with k.if_((before & mask).eq(0)):
                k.discard(k.atomic("add", first, 0, 1))
        else:
            k.discard(old)


@CATEGORY.motif(weight=1.2)
def scatter_forces(k: Kit) -> None:
    """Add a pair's force to one end and take it from the other."""
    n = k.rng.choice((48, 64, 96))
    kind = k.rng.choice((k.vec3, k.vec3, k.vec2, k.real, k.mat33))
    a, b = k.load("i|src|p0", I32, 0, n - 1), k.load("j|dst|p1", I32, 0, n - 1)
    f = k.input("force|f|flux|impulse", kind, -5.0, 5.0)
    if k.rng.chance(0.5):
        f = k.let("fs|scaled|g", f * k.param("dt|scale|weight", k.real, 0.1, 1.0))
    out = k.output("forces|f_out|accum|net", kind)
    style = k.rng.choice(("pair", "pair", "sub_only", "negate"))
    if style != "sub_only":
        k.discard(k.atomic("add", out, a, f))
    if style == "negate":
        k.discard(k.atomic("add", out, b, -f))
    else:
        k.discard(k.atomic("sub", out, b, f))
    if k.rng.chance(0.3):
        k.discard(k.atomic("add", k.output("degree|valence|num_incident", I32), a, 1))


@CATEGORY.motif(rank=2)
def splat_image(k: Kit) -> None:
    """Splat a value bilinearly into an image."""
    h, w = k.draft.shape
    u, v = k.input("u|x|px", k.real, 0.0, float(w) - 1.01), k.input("v|y|py", k.real, 0.0, float(h) - 1.01)
    x0 = k.define("x0|ix|j0", k.cast(k.wp.floor(u), I32).within(0, max(w - 2, 0)))
    y0 = k.define("y0|iy|i0", k.cast(k.wp.floor(v), I32).within(0, max(h - 2, 0)))
    fx = k.define("fx|tx|du", (u - k.to_real(x0)).within(0, 1))
    fy = k.define("fy|ty|dv", (v - k.to_real(y0)).within(0, 1))
    kind = k.rng.choice((k.real, k.vec3))
    c = k.input("value|color|density", kind, 0.0, 1.0)
    image = k.output("image|accum|splat|film", kind, 2)
    weights = [
        ((1.0 - fx) * (1.0 - fy), 0, 0),
        (fx * (1.0 - fy), 1, 0),
        ((1.0 - fx) * fy, 0, 1),
        (fx * fy, 1, 1),
    ]
    for weight, dx, dy in weights:
        named = k.let(f"w{dx}{dy}", weight.within(0, 1))
        k.discard(k.atomic("add", image, (y0 + dy if dy else y0, x0 + dx if dx else x0), c * named))


@CATEGORY.motif(rank=3)
def voxel_counts(k: Kit) -> None:
    """Bin points into voxels of three or four axes."""
    p = k.input("points|p|x", k.vec3, 0.0, 1.0)
    n = k.rng.choice((4, 5, 8))
    cell = [
        k.define(
            f"{'ijk'[a]}c|c{'xyz'[a]}|v{'xyz'[a]}",
            k.wp.clamp(k.cast(p[a] * float(n), I32), k.lit(0), k.lit(n - 1)).within(0, n - 1),
        )
        for a in range(3)
    ]
    key: tuple[Value, ...] = tuple(cell)
    if k.rng.chance(0.5):
        key = (*key, k.load("channel|species|kind", I32, 0, 3))
    counts = k.output("occupancy|density|voxels|grid", k.rng.choice((I32, k.real, U32)), len(key))
    op = k.rng.choice(("add", "max", "add"))
    value: Any = 1
    if counts.type is k.real:
        value = k.input("mass|density|w", k.real, 0.1, 2.0)
    k.discard(k.atomic(op, counts, key, value))
    if k.rng.chance(0.4):
        k.discard(k.atomic("add", k.output("momentum|weighted|sums", k.vec3, 3), tuple(cell), p))
