"""More searching: the k best, heaps, merges, roots, matching, sampling by cumulative weight."""

from __future__ import annotations

from warpgen.synthesis.categories.search import CATEGORY
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import I32, vec
from warpgen.synthesis.language.values import Value


@CATEGORY.motif(rank=1)
def k_smallest(k: Kit) -> None:
    """Keep the few smallest of a stream, in order."""
    keep, m = k.rng.choice((2, 3, 4)), k.rng.choice((8, 12, 16))
    stream = k.array("distances|stream|scores|costs", k.real, 2, lo=0.0, hi=10.0)
    vt, it = vec(keep, k.real), vec(keep, I32)
    best = k.var("best|top|nearest_d", k.make(vt, *[100.0] * keep), lo=0.0, hi=100.0)
    ids = k.var("ids|best_ids|who", k.make(it, *[-1] * keep), lo=-1, hi=m) if k.rng.chance(0.5) else None
    with k.for_("j|s|c", m) as j:
        d = k.define("d|x|cand", stream[k.flat, j])
        with k.if_(d < best[keep - 1]):
            k.set(best[keep - 1], d)
            if ids is not None:
                k.set(ids[keep - 1], j)
            for p in range(keep - 1, 0, -1):
                with k.if_(best[p] < best[p - 1]):
                    t = k.define("t|tmp|swap", best[p])
                    k.set(best[p], best[p - 1])
                    k.set(best[p - 1], t)
                    if ids is not None:
                        u = k.define("u|tmp_id|swap_id", ids[p])
                        k.set(ids[p], ids[p - 1])
                        k.set(ids[p - 1], u)
    k.give("nearest|top_k|best", best)
    if ids is not None:
        k.give("nearest_ids|top_ids", ids)


@CATEGORY.motif(rank=1)
def heap_sift(k: Kit) -> None:
    """Sift an element of a small binary heap down or up."""
    m = k.rng.choice((7, 15))
    heap = k.inout("heap|heaps|queue", k.real, 2, lo=0.0, hi=10.0)
    i = k.flat
    smallest = k.rng.chance(0.6)
    heap.subscript((i, m - 1))

    def before(a: Value, b: Value) -> Value:
        return a < b if smallest else a > b

    def settled(upper: Value, below: Value) -> Value:
        return upper <= below if smallest else upper >= below

    if k.rng.chance(0.6):
        key = k.load("key|value|priority", k.real, 0.0, 10.0)
        pos = k.var("pos|hole|p", 0, lo=0, hi=m - 1)
        with k.while_(2 * pos + 1 < m):
            child = k.var("child|c|next_pos", (2 * pos + 1).within(1, m - 1), lo=1, hi=m - 1)
            right = (child + 1).within(2, m - 1)
            with k.if_(k.all(child + 1 < m, before(heap[i, right], heap[i, child]))):
                k.set(child, right)
            k.break_if(settled(key, heap[i, child]))
            k.store(heap, (i, pos), heap[i, child])
            k.set(pos, child)
        k.store(heap, (i, pos), key)
        k.give("depth_pos|position|slot", pos)
    else:
        pos = k.var("pos|hole|p", m - 1, lo=0, hi=m - 1)
        key = k.define("key|item|x", heap[i, m - 1].within(0.0, 10.0))
        with k.while_(pos > 0):
            parent = k.define("parent|up|par", ((pos - 1) // 2).within(0, m // 2))
            k.break_if(settled(heap[i, parent], key))
            k.store(heap, (i, pos), heap[i, parent])
            k.set(pos, parent)
        k.store(heap, (i, pos), key)


@CATEGORY.motif(rank=1)
def merge_rows(k: Kit) -> None:
    """Merge, intersect or compare two sorted lists."""
    m = k.rng.choice((4, 6, 8))
    a = k.array("list_a|left|a_sorted", I32, 2, lo=0, hi=30, kind="ascending")
    b = k.array("list_b|right|b_sorted", I32, 2, lo=0, hi=30, kind="ascending")
    i = k.flat
    p, q = k.var("p|ia|pa", 0, lo=0, hi=m), k.var("q|ib|pb", 0, lo=0, hi=m)
    kind = k.rng.choice(("intersect", "merge", "inversions", "median"))
    at_p, at_q = p.within(0, m - 1), q.within(0, m - 1)
    if kind == "intersect":
        count = k.var("common|count|shared", 0, lo=0, hi=m)
        with k.while_(k.all(p < m, q < m)):
            x, y = k.define("x|va|u", a[i, at_p]), k.define("y|vb|v", b[i, at_q])
            with k.if_(x.eq(y)):
                k.add(count, 1)
                k.add(p, 1)
                k.add(q, 1)
            with k.elif_(x < y):
                k.add(p, 1)
            with k.else_():
                k.add(q, 1)
        k.give("common|overlap", count)
        return
    out = k.output("merged|combined|union_list", I32, 2) if kind == "merge" else None
    total = k.var("inversions|total|crossings", 0, lo=0, hi=m * m) if kind == "inversions" else None
    last = k.var("last|middle|cur", 0, lo=0, hi=31) if kind == "median" else None
    steps = m if kind == "median" else 2 * m
    with k.for_("s|t|o", steps) as s:
        with k.if_(k.all(p < m, k.any(q >= m, a[i, at_p] <= b[i, at_q]))):
            if out is not None:
                k.store(out, (i, s), a[i, at_p])
            if last is not None:
                k.set(last, a[i, at_p])
            if total is not None:
                k.add(total, q)
            k.add(p, 1)
        with k.else_():
            if out is not None:
                k.store(out, (i, s), b[i, at_q])
            if last is not None:
                k.set(last, b[i, at_q])
            k.add(q, 1)
    if total is not None:
        k.give("inversions|crossings", total)
    if last is not None:
        k.give("median|middle", last)


@CATEGORY.motif(rank=1)
def sample_by_weight(k: Kit) -> None:
    """Choose an index by cumulative weight."""
    m = k.rng.choice((6, 8, 12, 16))
    u = k.load("u|r|uniform", k.real, 0.0, 1.0)
    if k.rng.chance(0.5):
        weights = k.array("weights|probs|mass_fn", k.real, lo=0.1, hi=1.0)
        total = k.var("total|w_sum|norm", 0.0, k.real, lo=0.0, hi=16.0)
        with k.for_("j|s|c", m) as j:
            k.add(total, weights[j])
        target = k.define("target|threshold|mark", u * total)
        running, pick = (
            k.var("running|cum|acc", 0.0, k.real, lo=0.0, hi=16.0),
            k.var("pick|choice|idx", m - 1, lo=0, hi=m - 1),
        )
        with k.for_("j|s|c", m) as j:
            k.add(running, weights[j])
            with k.if_(running >= target):
                k.set(pick, j)
                k.leave("break")
    else:
        cdf = k.array("cdf|cumulative|prefix", k.real, lo=0.0, hi=1.0, kind="ascending")
        pick = k.var("pick|choice|idx", 0, lo=0, hi=m - 1)
        with k.for_("j|s|c", m - 1) as j:
            with k.if_(u > cdf[j]):
                k.set(pick, (j + 1).within(0, m - 1))
    k.give("choice|pick|ancestor", pick)
    if k.rng.chance(0.4):
        state = k.array("states|particles_x|values", k.rng.choice((k.real, k.vec3)), lo=-1.0, hi=1.0)
        k.give("resampled|chosen", state[pick])


@CATEGORY.motif()
def root_bracket(k: Kit) -> None:
    """Find a root of a cubic by bisection, secant or Newton steps."""
    a = k.input("a|c3|coef", k.real, 0.2, 2.0)
    target = k.input("target|y0|level", k.real, -1.0, 1.0)
    kind = k.rng.choice(("bisect", "newton", "secant", "golden", "regula"))
    steps = k.rng.choice((4, 6, 8, 12))

    def f(x: Value) -> Value:
        return a * x * x * x + x - target

    if kind == "newton":
        x = k.var("x|root|guess", target, lo=-3.0, hi=3.0)
        with k.for_("it|step|n", steps):
            slope = k.let("slope|df|d", 3.0 * a * x * x + 1.0)
            k.set(x, (x - f(x) / slope.within(1.0, 60.0)).within(-3.0, 3.0))
        k.give("root|x", x)
        return
    lo = k.var("lo|left|xa", -2.0, k.real, lo=-2.0, hi=2.0)
    hi = k.var("hi|right|xb", 2.0, k.real, lo=-2.0, hi=2.0)
    if kind == "golden":
        with k.for_("it|step|n", steps):
            c = k.define("c|x1|inner", hi - 0.618034 * (hi - lo)).within(-2.0, 2.0)
            d = k.define("d|x2|outer", lo + 0.618034 * (hi - lo)).within(-2.0, 2.0)
            fc, fd = k.define("fc|f1", k.wp.abs(f(c))), k.define("fd|f2", k.wp.abs(f(d)))
            with k.if_(fc < fd):
                k.set(hi, d)
            with k.else_():
                k.set(lo, c)
        k.give("argmin|minimizer|x", 0.5 * (lo + hi))
        return
    if kind == "secant":
        with k.for_("it|step|n", min(steps, 6)):
            fa, fb = k.define("fa|f0", f(lo)), k.define("fb|f1", f(hi))
            den = k.define("den|df|slope", fb - fa)
            step = k.define(
                "step_x|dx|delta",
                k.wp.where(k.wp.abs(den) > 1e-3, (fb * (hi - lo) / (k.wp.abs(den) + 1e-3)), k.lit(0.0)),
            )
            k.set(lo, hi)
            k.set(hi, k.wp.clamp(hi - k.wp.sign(den) * step, -2.0, 2.0))
        k.give("root|x", hi)
        return
    with k.for_("it|step|n", steps):
        if kind == "bisect":
            mid = k.define("mid|m|c", 0.5 * (lo + hi)).within(-2.0, 2.0)
        else:
            fa, fb = k.define("fa|flo", f(lo)), k.define("fb|fhi", f(hi))
            t = k.let("t|w|frac", k.wp.clamp(-fa / ((fb - fa).within(0.05, 60.0)), 0.05, 0.95))
            mid = k.define("mid|m|c", lo + t * (hi - lo)).within(-2.0, 2.0)
        with k.if_(f(mid) > 0.0):
            k.set(hi, mid)
        with k.else_():
            k.set(lo, mid)
    k.give("root|x|solution", 0.5 * (lo + hi))
    if kind == "regula" and k.rng.chance(0.5):
        k.give("width|uncertainty", hi - lo)


@CATEGORY.motif(rank=1)
def pattern_match(k: Kit) -> None:
    """Match a short pattern at every position of a sequence."""
    m, symbols = k.rng.choice((3, 4, 5)), k.rng.choice((4, 8))
    kind = k.rng.choice(("count", "exact", "align", "wildcard"))
    if kind == "exact":
        m, symbols = k.rng.choice((2, 3)), 2  # longer ones are hardly ever found
    text = k.array("text|sequence|tokens|symbols", I32, lo=0, hi=symbols - 1)
    pattern = k.array("pattern|motif|needle", I32, lo=0, hi=symbols - 1)
    score = k.var("score|matches|same", 0, lo=-m, hi=2 * m)
    exact = k.var("ok|is_match|all_same", 1, lo=0, hi=1) if kind == "exact" else None
    with k.for_("j|s|p", m) as j:
        same = text[k.flat + j].eq(pattern[j])
        if exact is not None:
            with k.if_(text[k.flat + j].ne(pattern[j])):
                k.set(exact, 0)
        elif kind == "wildcard":
            with k.if_(k.any(same, pattern[j].eq(0))):
                k.add(score, 1)
        else:
            with k.if_(same):
                k.add(score, 2 if kind == "align" else 1)
            if kind == "align":
                with k.else_():
                    k.change(score, "-", 1)
    if exact is not None:
        hits = k.output("match_count|num_hits|occurrences", I32)
        with k.if_(exact.eq(1)):
            k.discard(k.atomic("add", hits, 0, 1))
        k.give("is_match|ok", exact)
    else:
        k.give("score|matches", score)


@CATEGORY.motif(rank=1)
def edit_distance(k: Kit) -> None:
    """Row-by-row dynamic programming over two short strings."""
    m = k.rng.choice((3, 4))
    a = k.array("words_a|seq_a|source_words", I32, 2, lo=0, hi=3)
    b = k.array("words_b|seq_b|target_words", I32, 2, lo=0, hi=3)
    kind = k.rng.choice(("levenshtein", "lcs", "dtw"))
    vt = vec(m + 1, I32)
    k.draft.use_type(vt)
    start = [0] * (m + 1) if kind != "levenshtein" else list(range(m + 1))
    prev = k.var("prev|row0|last_row", k.make(vt, *start), lo=0, hi=40)
    cur = k.var("cur|row1|row_cur", k.make(vt, *[0] * (m + 1)), lo=0, hi=40)
    with k.for_("i|r|ia", m) as i:
        ai = k.define("ai|ca|x", a[k.flat, i])
        k.set(cur[0], (i + 1).within(1, m) if kind == "levenshtein" else k.lit(0))
        with k.for_("j|c|jb", m) as j:
            bj = k.define("bj|cb|y", b[k.flat, j])
            nxt = (j + 1).within(1, m)
            diagonal, up, left = prev[j], prev[nxt], cur[j]
            if kind == "lcs":
                with k.if_(ai.eq(bj)):
                    k.set(cur[nxt], diagonal + 1)
                with k.else_():
                    k.set(cur[nxt], k.wp.max(up, left))
            else:
                if kind == "dtw":
                    cost = k.let("cost|d|step_cost", k.wp.abs(ai - bj))
                    k.set(cur[nxt], cost + k.wp.min(diagonal, k.wp.min(up, left)))
                else:
                    cost = k.let("cost|sub", k.wp.where(ai.eq(bj), k.lit(0), k.lit(1)))
                    k.set(cur[nxt], k.wp.min(k.wp.min(up, left) + 1, diagonal + cost))
        k.set(prev, cur)
    k.give("distance|edit_cost|lcs_len", prev[m])


@CATEGORY.motif(rank=1)
def extremes(k: Kit) -> None:
    """Smallest and largest of a row, and where they are."""
    m = k.rng.choice((4, 8, 12, 16))
    rows = k.array("rows|scores|logits|profiles", k.real, 2, lo=-1.0, hi=1.0)
    i = k.flat
    kind = k.rng.choice(("argmax", "argmin", "minmax", "second", "first_above", "run"))
    if kind == "first_above":
        level = k.param("level|threshold|cutoff", k.real, 0.2, 0.8)
        first = k.var("first|onset|idx", m, lo=0, hi=m)
        with k.for_("j|s|t", m) as j:
            with k.if_(rows[i, j] > level):
                k.set(first, j)
                k.leave("break")
        k.give("onset|first_hit", first)
        return
    if kind == "run":
        run, longest = (
            k.var("run|cur_run|streak", 0, lo=0, hi=m),
            k.var("longest|best_run|max_run", 0, lo=0, hi=m),
        )
        with k.for_("j|s|t", m) as j:
            with k.if_(rows[i, j] > 0.0):
                k.add(run, 1)
                k.set(longest, k.wp.max(longest, run))
            with k.else_():
                k.set(run, 0)
        k.give("longest|max_run", longest)
        return
    high = k.var("high|best|mx", rows[i, 0], lo=-2.0, hi=2.0)
    low = k.var("low|worst|mn", rows[i, 0] if kind == "minmax" else -2.0, k.real, lo=-2.0, hi=2.0)
    where = k.var("where|best_j|arg", 0, lo=0, hi=m - 1)
    with k.for_("j|s|t", m, 1) as j:
        v = k.define("v|x|cur", rows[i, j])
        with k.if_(v < high if kind == "argmin" else v > high):
            if kind == "second":
                k.set(low, high)
            k.set(high, v)
            k.set(where, j)
        if kind == "second":
            with k.elif_(v > low):
                k.set(low, v)
        elif kind == "minmax":
            k.set(low, k.wp.min(low, v))
    if kind in ("minmax", "second"):
        k.give("spread|gap|margin", high - low)
    else:
        k.give("extreme|best", high)
    k.give("argmax|where|label", where)
