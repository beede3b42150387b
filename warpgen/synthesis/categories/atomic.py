"""Atomics: counters, bins, append buffers, extremes, flags, claims and hash tables."""

from __future__ import annotations

from typing import Any

from warpgen.synthesis.draft import Array
from warpgen.synthesis.kit import Kit
from warpgen.synthesis.motif import Category
from warpgen.synthesis.types import F32, F64, I32, I64, U32, U64, Type, mat, vec
from warpgen.synthesis.values import Value, call, literal

CATEGORY = Category("atomic", "threads that meet in memory: counters, bins, queues, flags, compare and swap")


def _op(k: Kit, name: str, array: Array, key: Any, *values: Any) -> Value:
    """`wp.atomic_name(array, key..., values...)` for the forms that take more than one value."""
    array.subscript(key)  # sizes the array
    keys = [str(x.text if isinstance(x, Value) else x) for x in (key if isinstance(key, tuple) else (key,))]
    rest = [v if isinstance(v, Value) else literal(v, array.type.scalar, k.author) for v in values]
    m = array.type.limit
    return call(f"wp.atomic_{name}", [array.name, *keys, *rest], array.type, -m, m, k.author)


def _bin(k: Kit, names: str, v: Value, bins: int, lo: float, hi: float) -> Value:
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
    b = _bin(k, "b|bin|bin_index|slot", v, bins, 0.0, 1.0)
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
        _bin(k, f"b{n}|{'ijkl'[n]}b|bin_{'xyzw'[n]}", k.input(names[n], k.real, 0.0, 1.0), size, 0.0, 1.0)
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


@CATEGORY.motif()
def checksum(k: Kit) -> None:
    """Fold all values into checksums."""
    kind = k.rng.choice((U32, U32, I32, U64))
    v = k.load("keys|values|codes|words", kind, 0, 1 << 20)
    h = k.var("h|hash|x", v, lo=0 if kind.is_unsigned else -kind.limit, hi=kind.limit)
    for _ in range(k.rng.integer(1, 3)):
        shift = k.rng.choice((3, 7, 13, 16))
        style = k.rng.choice(("right", "left", "mul"))
        if kind is I32:
            k.set(h, (h ^ (h >> shift)).within(-kind.limit, kind.limit))
        elif style == "mul":
            k.set(
                h,
                (
                    h * k.rng.choice((0x45D9F3B, 2654435761, 0x9E3779B1)) if kind is U32 else h * 0x9E3779B1
                ).within(0, kind.limit),
            )
        else:
            k.set(h, (h ^ ((h >> shift) if style == "right" else (h << shift))).within(0, kind.limit))
    slots = k.rng.choice((1, 4, 8))
    slot: Any = 0 if slots == 1 else k.cast(k.flat, I32) % slots
    # With or and and, many values soon give the same bits everywhere.
    for op in ("xor", k.rng.choice(("or", "and"))) if k.rng.chance(0.15) else ("xor",):
        out = (
            k.output(f"{op}_sum|digest_{op}|checksum", kind)
            if op != "and"
            else k.inout("common_bits|and_sum", kind, kind="constant")
        )
        if op == "and":
            out.spec.value = float(2**20 - 1)
        k.discard(k.atomic(op, out, slot, h))


@CATEGORY.motif(weight=1.2)
def hash_insert(k: Kit) -> None:
    """Insert a key into an open-addressing table."""
    kind = k.rng.choice((I32, I32, U32, I64))
    size, probes = k.rng.choice((256, 512)), k.rng.choice((4, 8, 16))
    key = k.load("keys|ids|codes", kind, 1, 5000)
    table = k.output("table|slots|hash_keys", kind)
    table.spec.fixed = (size,)
    mask = size - 1
    h0 = key * k.rng.choice((31, 37, 73, 131)) if k.rng.chance(0.5) else key ^ (key >> 4)
    start = k.define("h|slot|start", (h0 & mask).within(0, mask))
    start = k.define("s|at|place", k.cast(start, I32)) if kind is not I32 else start
    found = k.var("found|index|where", -1, I32, lo=-1, hi=size - 1)
    with k.for_(
        "probe|p|attempt", k.size("max_probes|num_probes", probes) if k.rng.chance(0.6) else probes
    ) as p:
        step = p if k.rng.chance(0.7) else p * p
        at = k.define("at|q|cell", ((start + step) & mask).within(0, mask))
        old = k.define("old|prev|seen", _op(k, "cas", table, at, 0, key))
        with k.if_(k.any(old.eq(0), old.eq(key))):
            k.set(found, at)
            k.line("break")
    if k.rng.chance(0.5):
        values = k.output("table_values|hash_counts|sums", k.rng.choice((I32, k.real)))
        values.spec.fixed = (size,)
        with k.if_(found >= 0):
            k.discard(
                k.atomic(
                    "add",
                    values,
                    found.within(0, size - 1),
                    1 if values.type is I32 else k.load("payload|values|w", k.real, 0.1, 1.0),
                )
            )
    k.give("slot|found|index", found)


@CATEGORY.motif()
def cas_extreme(k: Kit) -> None:
    """Keep an extreme by a bounded compare and swap."""
    kind = k.rng.choice((k.real if k.real in (F32, F64) else F32, I32, I64))
    v = (
        k.load("values|x|cost|priority", kind, 0, 100)
        if kind.is_int
        else k.input("value|x|cost", kind, 0.0, 100.0)
    )
    cells = k.rng.choice((1, 4, 8))
    cell: Any = 0 if cells == 1 else k.load("cell|group|bucket", I32, 0, cells - 1)
    best = k.output("best|peak|record", kind)
    current = k.var("current|old|seen", best[cell], lo=-kind.limit, hi=kind.limit)
    with k.for_("attempt|t|tries", k.rng.choice((4, 8, 16))):
        k.break_if(current >= v)
        prior = k.define("prior|prev|assumed", current)
        k.set(current, _op(k, "cas", best, cell, prior, v))
        if k.rng.chance(0.7):
            k.break_if(current.eq(prior))
    tried = k.output("winners|updates|successes", I32)
    if k.rng.chance(0.4):
        with k.if_(current < v):
            k.discard(k.atomic("add", tried, cell, 1))


@CATEGORY.motif()
def claim_once(k: Kit) -> None:
    """The first thread to reach a cell owns it."""
    cells = k.rng.choice((16, 32, 64))
    axes = k.rng.choice((1, 1, 2, 3))
    names = ("cell|node|site|target", "cj|col|y", "ck|layer|z")
    spans = {1: cells, 2: 8, 3: 4}[axes]
    place = tuple(k.load(names[a], I32, 0, spans - 1) for a in range(axes))
    owner = k.output("owner|claimed|lock|state", I32, axes)
    i = k.cast(k.flat, I32)
    style = k.rng.choice(("cas", "exch", "add"))
    if style == "cas":
        old = k.define("old|previous|prior", _op(k, "cas", owner, place, 0, k.let("mine|tag|ticket", i + 1)))
    elif style == "exch":
        old = k.define("old|previous|last", _op(k, "exch", owner, place, i + 1))
    else:
        old = k.define("order|arrival|rank", k.atomic("add", owner, place, 1))
    won = k.output("winners|num_claimed|wins", I32)
    with k.if_(old.eq(0)):
        k.discard(k.atomic("add", won, 0, 1))
        if k.rng.chance(0.6):
            total = k.output("claimed_sum|value_sum|gain", k.real)
            k.discard(k.atomic("add", total, place[0], k.input("value|gain|weight", k.real, 0.1, 1.0)))


@CATEGORY.motif()
def linked_lists(k: Kit) -> None:
    """Build per-cell linked lists by exchanging heads."""
    cells = k.rng.choice((16, 32, 64))
    p = k.input("x|position|coord", k.real, 0.0, 1.0)
    cell = _bin(k, "cell|c|bucket", p, cells, 0.0, 1.0)
    heads = k.inout("heads|head|first", I32, kind="constant")
    heads.spec.value = -1.0
    links = k.output("next_index|links|nexts", I32)
    i = k.cast(k.flat, I32)
    old = k.define("old_head|prev|previous", _op(k, "exch", heads, cell, i))
    k.store(links, k.flat, old)
    if k.rng.chance(0.4):
        k.discard(k.atomic("add", k.output("cell_counts|lengths", I32), cell, 1))


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


@CATEGORY.motif()
def spend_budget(k: Kit) -> None:
    """Take from a shared supply while there is some."""
    kind = k.rng.choice((I32, k.real, I32))
    depots = k.rng.choice((1, 4, 8))
    d: Any = 0 if depots == 1 else k.load("depot|bank|zone", I32, 0, depots - 1)
    need = (
        k.load("demand|need|request", kind, 1, 5)
        if kind is I32
        else k.input("demand|need|request", kind, 0.1, 2.0)
    )
    supply = k.inout("supply|budget|stock|capacity", kind, kind="constant")
    supply.spec.value = float(k.rng.choice((50, 80, 100)))
    left = k.define("left|remaining|before", k.atomic("sub", supply, d, need).within(-1e3, 100))
    got = k.var("granted|got|served", 0, kind, lo=0, hi=5)
    with k.if_(left >= need):
        k.set(got, need)
    if k.rng.chance(0.5):
        with k.else_():
            k.discard(k.atomic("add", supply, d, need))
    k.give("granted|served|got", got)


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


@CATEGORY.motif()
def wide_sums(k: Kit) -> None:
    """Sums of several types and shapes into shared totals."""
    kinds = [
        vec(2, F32),
        vec(4, F32),
        mat(2, 2, F32),
        mat(3, 3, F32),
        vec(3, I32),
        vec(2, F64),
        F64,
        I64,
        U64,
    ]
    for n, kind in enumerate(k.rng.sample(kinds, k.rng.integer(1, 3))):
        names = ("value|moment|item", "other|second|extra", "third|aux|more")[n]
        v = k.load(names, kind, 0 if kind.is_unsigned else -4, 4)
        total = k.output(f"{names.split('|')[0]}_total|sum_{n}|acc", kind)
        slot: Any = 0 if k.rng.chance(0.5) else k.cast(k.flat, I32) % k.rng.choice((4, 8))
        form = k.rng.choice(("add", "add", "sub"))
        if k.rng.chance(0.3):
            k.accumulate(total, slot, v, "-" if form == "sub" else "+")
        else:
            k.discard(k.atomic(form, total, slot, v))


@CATEGORY.motif(rank=4)
def block_table(k: Kit) -> None:
    """Accumulate a four-dimensional table."""
    i, j, m, n = k.place
    v = k.input("value|x|entry", k.real, -1.0, 1.0)
    table = k.output("table|tensor|acc|blocks", k.real, k.rng.choice((4, 3, 2)))
    keys = {4: (j, i, n, m), 3: (i, j, m), 2: (m, n)}[table.spec.ndim]
    k.discard(k.atomic(k.rng.choice(("add", "sub", "max")), table, keys, v))
    hits = k.output("hits|signs|positives", I32, 4)
    with k.if_(v > k.number(0.0, 0.3)):
        k.discard(k.atomic("add", hits, (i, j, m, n), 1))


@CATEGORY.motif()
def running_ticket(k: Kit) -> None:
    """Draw tickets and write results in the order of arrival."""
    counter = k.output("ticket|next_ticket|cursor", I32)
    batch = k.rng.choice((1, 1, 2, 4))
    total = 1
    for extent in k.draft.shape:
        total *= extent
    v = k.input("value|x|v", k.real, -2.0, 2.0)
    log = k.output("log|ordered|queue", k.real)
    mid = (v.lo + v.hi) / 2
    with k.if_(v > k.param("threshold|cutoff|level", k.real, mid - 0.2 * (v.hi - v.lo), mid)):
        ticket = k.define("ticket|t|mine", k.atomic("add", counter, 0, batch).within(0, batch * (total - 1)))
        for b in range(batch):
            term = v if b == 0 else v * float(b + 1)
            k.store(log, ticket + b if b else ticket, term)
    if k.rng.chance(0.3):
        last = k.output("last_writer|latest", I32)
        k.discard(_op(k, "exch", last, 0, k.cast(k.flat, I32)))
