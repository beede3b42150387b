"""Searching, ordering and ranking: bisection, sorting networks, heaps, selection, nearest."""

from __future__ import annotations

from warpgen.synthesis.categories.search import CATEGORY
from warpgen.synthesis.kit.draft import Array
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import I32, Type, vec
from warpgen.synthesis.language.values import Value, call

# Optimal or well-known networks: the pairs that are compared and exchanged.
_NETWORKS = {
    3: ((0, 1), (1, 2), (0, 1)),
    4: ((0, 1), (2, 3), (0, 2), (1, 3), (1, 2)),
    5: ((0, 3), (1, 4), (0, 2), (1, 3), (0, 1), (2, 4), (1, 2), (3, 4), (2, 3)),
    6: ((0, 5), (1, 3), (2, 4), (1, 2), (3, 4), (0, 3), (2, 5), (0, 1), (2, 3), (4, 5), (1, 2), (3, 4)),
}


def _sorted_table(k: Kit, t: Type, n: int) -> Array:
    names = "sorted_keys|breakpoints|edges|table|cdf|knots|haystack"
    return k.array(names, t, lo=0, hi=100 if t.is_int else 10.0, kind="ascending")


@CATEGORY.motif(rank=1)
def bisection(k: Kit) -> None:
    """Binary search in a sorted array."""
    n = k.rng.choice((16, 32, 64, 100))
    t = k.rng.choice((k.real, k.real, I32))
    table = _sorted_table(k, t, n)
    table.subscript(n - 1)
    x = k.load("query|x|target|needle|key", t, 0, 100 if t is I32 else 10.0)
    total = k.size("n_keys|table_size|num_keys|num_edges", n)
    style = k.rng.choice(("lower", "upper", "steps", "builtin", "exact", "halving"))
    if style == "builtin":
        at = call("wp.lower_bound", [table.name, x], I32, 0, n, k.author)
        k.give("rank|position|idx", k.define("idx|pos|slot", at))
        return
    if style == "halving":
        base, length = k.var("base|first|lo", 0, lo=0, hi=n), k.var("length|count|span", total, lo=0, hi=n)
        with k.while_(length > 0):
            half = k.define("half|step", length // 2)
            mid = k.let("mid|m", (base + half).within(0, n - 1))
            with k.if_(table[mid] < x):
                k.set(base, mid + 1)
                k.change(length, "-", half + 1)
            with k.else_():
                k.set(length, half)
        k.give("rank|lower|position", base)
        return
    if style == "steps":
        pos = k.var("pos|p|idx", 0, lo=0, hi=n - 1)
        step = 1
        while step * 2 < n:
            step *= 2
        while step >= 1:
            with k.if_(k.all(pos + step < total, table[(pos + step).within(0, n - 1)] < x)):
                k.add(pos, step)
            step //= 2
        k.give("position|rank", pos)
        return
    lo, hi = k.var("lo|left|low", 0, lo=0, hi=n), k.var("hi|right|high", total, lo=0, hi=n)
    found = k.var("found|match_idx|hit", -1, lo=-1, hi=n) if style == "exact" else None
    with k.while_(lo < hi):
        middle = (lo + hi) // 2 if k.rng.chance(0.5) else lo + (hi - lo) // 2
        mid = k.define("mid|m|middle", middle.within(0, n - 1))
        if found is not None:
            with k.if_(table[mid].eq(x)):
                k.set(found, mid)
                k.leave("break")
        with k.if_(table[mid] <= x if style == "upper" else table[mid] < x):
            k.set(lo, mid + 1)
        with k.else_():
            k.set(hi, mid)
    if found is not None:
        k.give("insert_at|slot", lo)
        k.give("found|match_idx", found)
    else:
        k.give("rank|position|insert_at", lo)


@CATEGORY.motif(rank=1)
def bracket(k: Kit) -> None:
    """Find the interval that holds a value and interpolate in it."""
    n = k.rng.choice((8, 12, 16))
    table = _sorted_table(k, k.real, n)
    values = k.array("values|table_y|samples|fp", k.real, lo=-2.0, hi=2.0)
    x = k.input("x|query|xq|t", k.real, 0.0, 10.0)
    seg = k.var("seg|j|cell|interval", 0, lo=0, hi=n - 2)
    if k.rng.chance(0.6):
        with k.for_("s|q|m", n - 1, 1) as s:
            with k.if_(x >= table[s]):
                k.set(seg, s)
    else:
        with k.while_(k.all(seg < n - 2, table[(seg + 1).within(1, n - 1)] < x)):
            k.add(seg, 1)
    x0, x1 = k.define("x0|left|xa", table[seg]), k.define("x1|right|xb", table[(seg + 1).within(1, n - 1)])
    t = k.define("t|frac|w|alpha", k.wp.clamp((x - x0) / ((x1 - x0).within(0.0, 10.0) + 1e-3), 0.0, 1.0))
    y0, y1 = k.let("y0|ya", values[seg]), k.let("y1|yb", values[(seg + 1).within(1, n - 1)])
    k.give("y|interp|value", k.wp.lerp(y0, y1, t) if k.rng.chance(0.5) else y0 + t * (y1 - y0))
    if k.rng.chance(0.3):
        k.give("interval|cell", seg)


@CATEGORY.motif(rank=1)
def sorting_network(k: Kit) -> None:
    """Sort a few elements with a network and use their order."""
    m = k.rng.choice((3, 4, 5, 6))
    t = k.rng.choice((k.real, k.real, I32))
    src = k.array(
        "values|window|samples|data|candidates", t, lo=0 if t is I32 else -1.0, hi=99 if t is I32 else 1.0
    )
    base = k.let("base|o|start", k.flat * m)
    vector = k.rng.chance(0.35)
    top = 99.0 if t is I32 else 1.0
    if vector:
        vt = vec(m, t)
        k.draft.use_type(vt)
        v = k.var("v|w|vals", k.make(vt, *(src[base + j if j else base] for j in range(m))), lo=-1.0, hi=top)
        for a, b in _NETWORKS[m]:
            with k.if_(v[a] > v[b]):
                swap = k.define("tmp|t|swap", v[a])
                k.set(v[a], v[b])
                k.set(v[b], swap)
        items = [v[j] for j in range(m)]
    else:
        items = [k.define("abcdef"[j] + f"|v{j}|s{j}", src[base + j if j else base]) for j in range(m)]
        for a, b in _NETWORKS[m]:
            low = k.define(f"lo{a}{b}|mn{a}{b}", k.wp.min(items[a], items[b]))
            high = k.define(f"hi{a}{b}|mx{a}{b}", k.wp.max(items[a], items[b]))
            items[a], items[b] = low, high
    style = k.rng.integer(0, 3)
    if style == 0:
        k.give("median|middle", items[m // 2])
    elif style == 1:
        k.give("range_|spread|span", items[-1] - items[0])
    elif style == 2:
        k.give("smallest|minimum", items[0])
        k.give("largest|maximum", items[-1])
    else:
        out = k.output("sorted_out|sorted_values|ordered", t)
        for j in range(m):
            k.store(out, base + j if j else base, items[j])


@CATEGORY.motif(rank=1)
def insertion_sort(k: Kit) -> None:
    """Sort one row in place."""
    kind = k.rng.choice(("insertion", "insertion", "selection", "bubble", "odd_even"))
    m = k.rng.choice((4, 6) if kind == "odd_even" else (4, 6, 8, 12))
    t = k.rng.choice((k.real, k.real, I32))
    rows = k.inout("rows|values|lists|keys", t, 2, lo=0 if t is I32 else -1.0, hi=99 if t is I32 else 1.0)
    i = k.flat
    count: int | Value = k.size("row_len|count_per_row|num_items", m) if k.rng.chance(0.4) else m

    def cell(j: Value) -> Value:
        v = rows[i, j]
        return v.within(-1.0, 99.0)

    if kind == "insertion":
        with k.for_("a|s|p", count, 1) as a:
            key = k.define("key|x|cur", cell(a.within(1, m - 1)))
            b = k.var("b|j|q", a - 1, lo=-1, hi=m - 2)
            with k.while_(b >= 0):
                j = b.within(0, m - 2)
                k.break_if(cell(j) <= key)
                k.store(rows, (i, (j + 1).within(1, m - 1)), cell(j))
                k.change(b, "-", 1)
            k.store(rows, (i, (b + 1).within(0, m - 1)), key)
        return
    limit = m - 1 if isinstance(count, int) else count - 1
    with k.for_("a|s|p", limit if kind != "odd_even" else count) as a:
        a = a.within(0, m - 1)
        if kind == "selection":
            best = k.var("best|m_idx|smallest", a, lo=0, hi=m - 1)
            with k.for_("b|q|c", count, a + 1) as b:
                with k.if_(cell(b.within(1, m - 1)) < cell(best)):
                    k.set(best, b)
            x = k.define("x|tmp|swap", cell(a))
            k.store(rows, (i, a), cell(best))
            k.store(rows, (i, best), x)
        else:
            last = limit if isinstance(limit, Value) else k.lit(limit)
            with k.for_("b|q|c", last - a if kind == "bubble" else limit) as b:
                j = b.within(0, m - 2)
                order = cell(j) > cell((j + 1).within(1, m - 1))
                with k.if_(order if kind == "bubble" else k.all((j % 2).eq(a % 2), order)):
                    x = k.define("x|tmp|swap", cell(j))
                    k.store(rows, (i, j), cell((j + 1).within(1, m - 1)))
                    k.store(rows, (i, (j + 1).within(1, m - 1)), x)


@CATEGORY.motif(rank=1)
def bitonic_step(k: Kit) -> None:
    """One compare-exchange of a bitonic or odd-even sort."""
    n = k.draft.shape[0]
    t = k.rng.choice((k.real, I32))
    src = k.array("keys|src|values|data", t, lo=0 if t is I32 else -1.0, hi=99 if t is I32 else 1.0)
    out = k.output("dst|keys_out|next_keys", t)
    i = k.flat
    if k.rng.chance(0.65):
        log_j = k.rng.integer(0, 3)
        stride, block = 1 << log_j, 1 << (log_j + k.rng.integer(1, 2))
        j = k.size("j|stride|distance", stride) if k.rng.chance(0.6) else k.lit(stride)
        span = k.size("block|k_size|width_k", block) if k.rng.chance(0.6) else k.lit(block)
        partner = k.define("partner|other|ixj", (i ^ j).within(0, n + 16))
        ascending = (i & span).eq(0)
        a, b = k.define("a|mine|own", src[i]), k.define("b|theirs|peer", src[partner])
        first = i < partner
        keep_low = k.define(
            "keep_min|take_low|up",
            Value(f"({first.text}) == ({ascending.text})", first.type, 0, 1, k.author, 4),
        )
        k.store(
            out,
            i,
            k.select(
                "kept|chosen", keep_low, k.let("low|mn", k.wp.min(a, b)), k.let("high|mx", k.wp.max(a, b))
            ),
        )
    else:
        phase = k.param("phase|parity|odd", I32, 0, 1)
        p = k.define("p|left|first", (2 * i + phase).within(0, 2 * n))
        a, b = k.define("a|u|x0", src[p]), k.define("b|v|x1", src[p + 1])
        k.store(out, p, k.wp.min(a, b))
        k.store(out, p + 1, k.wp.max(a, b))


@CATEGORY.motif(rank=1)
def rank_elements(k: Kit) -> None:
    """Rank of an element by counting."""
    m = k.rng.choice((8, 12, 16))
    values = k.array("values|keys|scores|fitness", k.real, lo=-1.0, hi=1.0)
    i = k.flat
    x = k.define("x|mine|own_score", values[i])
    rank = k.var("rank|order|below", 0, lo=0, hi=m)
    dynamic = k.rng.chance(0.25)
    count: int | Value = k.size("num_rivals|pool_size|num_scores", m) if dynamic else m
    kind = k.rng.choice(("rank", "stable", "dominance", "percentile"))
    with k.for_("j|other|q", count) as j:
        y = k.let("y|rival|theirs", values[j])
        if kind == "stable":
            with k.if_(k.any(y < x, k.all(y.eq(x), j < i))):
                k.add(rank, 1)
        elif kind == "dominance":
            second = k.array("costs|objective_b|second", k.real, lo=-1.0, hi=1.0)
            with k.if_(k.all(y < x, second[j] < second[i])):
                k.add(rank, 1)
        else:
            with k.if_(y < x):
                k.add(rank, 1)
    if kind == "percentile":
        k.give("percentile|quantile", k.to_real(rank) / float(m))
    else:
        k.give("rank|order", rank)
    if kind == "stable" and k.rng.chance(0.6):
        k.store(k.output("sorted_values|ranked|ordered", k.real), rank, x)


@CATEGORY.motif(rank=1)
def nearest(k: Kit) -> None:
    """Nearest of a small set of points."""
    m = k.rng.choice((6, 8, 12, 16))
    t = k.rng.choice((k.vec2, k.vec3, k.vec3, k.vec4, k.real))
    q = k.load("query|point|p|x", t, -1.0, 1.0)
    sites = k.array("centroids|sites|anchors|codebook|landmarks", t, lo=-1.0, hi=1.0)
    best = k.var(
        "best|min_dist|best_d2", 1.0e6 if k.real.name != "float16" else 1000.0, k.real, lo=0.0, hi=1e6
    )
    where = k.var("nearest_id|best_idx|label|winner", -1, lo=-1, hi=m)
    second = k.var(
        "second|runner_up|next_best", 1.0e6 if k.real.name != "float16" else 1000.0, k.real, lo=0.0, hi=1e6
    )
    two = k.rng.chance(0.35)
    metric = k.rng.choice(("sq", "sq", "l2", "l1", "cosine")) if t.shape else "sq"
    with k.for_("j|c|s", m) as j:
        site = k.let("site|c_j|candidate", sites[j])
        d = k.let("d|diff|delta", q - site)
        if metric == "l2":
            dist = k.wp.length(d)
        elif metric == "l1":
            dist = k.wp.norm_l1(d)
        elif metric == "cosine":
            dist = 4.0 - k.wp.dot(q, site)
        else:
            dist = k.wp.dot(d, d) if t.shape else k.wp.abs(d)
        dist = k.define("dist|d2|cost", dist)
        with k.if_(dist < best):
            if two:
                k.set(second, best)
            k.set(best, dist)
            k.set(where, j)
        if two:
            with k.elif_(dist < second):
                k.set(second, dist)
    style = k.rng.integer(0, 2)
    if two:
        k.give("ratio|confidence|margin", best / (second + 0.01))
    if style == 0:
        k.give("label|nearest_id|assignment", where)
    elif style == 1:
        k.give("min_dist|distance|best", k.wp.min(best, 100.0))
        k.give("label|nearest_id", where)
    else:
        site = k.define("closest|site_pos|snapped", sites[k.wp.max(where, 0)])
        k.give("offset|residual|to_site", site - q)
