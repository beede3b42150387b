"""Reductions that search, bin, order or compare, and those over all threads."""

from __future__ import annotations

from warpgen.synthesis.categories.reduction import CATEGORY
from warpgen.synthesis.categories.reduction.folds import Row
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import BOOL, F16, I32, vec
from warpgen.synthesis.language.values import Value, call


@CATEGORY.motif(weight=1.1)
def segment_sum(k: Kit) -> None:
    """Reduce a segment given by offsets."""
    total_entries = k.rng.choice((128, 200, 256))
    values = k.array("values|data|x|edge_values", k.real, lo=-1.0, hi=1.0)
    start, end = k.csr("offsets|indptr|row_ptr|segment_offsets", total_entries)
    style = k.rng.choice(("sum", "mean", "max", "norm", "gather"))
    s = k.var("s|total|acc", -10.0 if style == "max" else 0.0, k.real, lo=-300.0, hi=300.0)
    with k.for_("e|j|k", end, start) as e:
        at: Value = e.within(0, total_entries - 1)
        if style == "gather":
            at = k.define("id|src|col", k.index_array("ids|columns|members", 64)[at])
        x = values[at]
        if style == "max":
            k.set(s, k.wp.max(s, x))
        elif style == "norm":
            k.add(s, x * x)
        else:
            k.add(s, x)
    if style == "mean":
        k.give("segment_mean|mean|average", s / k.wp.max(k.to_real(end - start), 1.0))
    else:
        k.give("segment_sum|total|reduced", k.wp.sqrt(s.within(0, 300)) if style == "norm" else s)


@CATEGORY.motif(weight=1.2)
def chunk_partials(k: Kit) -> None:
    """Each thread sums its share of a long array, then adds it to the whole."""
    k.expect(k.real is not F16, "half precision totals overflow")
    n = k.rng.choice((512, 1000, 1024, 2000))
    x = k.array("x|data|values|samples", k.real, lo=-1.0, hi=1.0)
    threads = 1
    for extent in k.draft.shape:
        threads *= extent
    style = k.rng.choice(("stride", "block"))
    count = k.size("n|length|num_items|total_count", n)
    partial = k.var("partial|local_sum|s|acc", 0.0, k.real, lo=-float(n), hi=float(n))
    op = k.rng.choice(("sum", "sq", "max", "abs"))
    per = -(-n // threads)
    if style == "block":
        first = k.define("first|start|begin", k.flat * per)
        last = k.define("last|end|stop", k.wp.min(first + per, count).within(0, n))
        with k.for_("j|k|idx", last, first) as j:
            _accumulate(k, partial, x[j.within(0, n - 1)], op)
    else:
        k.forward_only()
        j = k.var("j|k|idx|cursor", k.flat, lo=0, hi=n - 1 + threads)
        stride = k.size("stride|num_threads|step", threads)
        with k.while_(j < count):
            _accumulate(k, partial, x[j.within(0, n - 1)], op)
            k.add(j, stride)
    result = k.output("result|total|global_sum", k.real)
    k.discard(k.atomic("max" if op == "max" else "add", result, 0, partial))
    if k.rng.chance(0.5):
        k.give("partials|partial_sum|chunk_sum", partial)


def _accumulate(k: Kit, s: Value, x: Value, op: str) -> None:
    if op == "sq":
        k.add(s, x * x)
    elif op == "max":
        k.set(s, k.wp.max(s, k.wp.abs(x)))
    elif op == "abs":
        k.add(s, k.wp.abs(x))
    else:
        k.add(s, x)


@CATEGORY.motif()
def global_norms(k: Kit) -> None:
    """Norms of a whole vector by atomics."""
    k.expect(k.real is not F16, "half precision totals overflow")
    kind = k.rng.choice((k.real, k.vec3, k.vec2))
    x = k.input("x|residual|r|gradient", kind, -2.0, 2.0)
    y = k.input("y|direction|p|reference", kind, -2.0, 2.0)
    d = k.define("d|diff|e", x - y) if k.rng.chance(0.5) else x
    square = d * d if kind is k.real else k.wp.dot(d, d)
    norms = k.rng.sample(("l2", "inf", "l1", "dot", "max_sq"), k.rng.integer(1, 3))
    for norm in norms:
        out = k.output(
            {
                "l2": "norm_sq|sum_sq|l2",
                "inf": "max_norm|linf|max_abs",
                "l1": "l1_norm|abs_sum",
                "dot": "dot_xy|inner|xy",
                "max_sq": "peak_sq|worst",
            }[norm],
            k.real,
        )
        if norm == "inf":
            size = k.wp.abs(d) if kind is k.real else k.wp.max(k.wp.abs(d[0]), k.wp.abs(d[1]))
            k.discard(k.atomic("max", out, 0, size))
        elif norm == "l1":
            size = k.wp.abs(d) if kind is k.real else k.wp.abs(d[0]) + k.wp.abs(d[1])
            k.discard(k.atomic("add", out, 0, k.wp.norm_l1(d) if kind is vec(3) else size))
        elif norm == "dot":
            k.discard(k.atomic("add", out, 0, x * y if kind is k.real else k.wp.dot(x, y)))
        else:
            k.discard(k.atomic("add" if norm == "l2" else "max", out, 0, square))


@CATEGORY.motif()
def weighted_centroid(k: Kit) -> None:
    """Centroid and covariance of a group of points."""
    n = k.rng.choice((4, 6, 8))
    points = k.array("points|positions|x|vertices", k.vec3, 2, lo=-1.0, hi=1.0)
    weights = k.array("weights|masses|w", k.real, 2, lo=0.1, hi=1.0)
    i = k.flat
    c = k.var("c|center|centroid|com", 0.0, k.vec3, lo=-float(n), hi=float(n))
    total = k.var("total|w_sum|mass", 0.0, k.real, lo=0.1, hi=float(n))
    with k.for_("j|k|v", n) as j:
        w = k.let("w|m", weights[i, j])
        k.add(c, points[i, j] * w)
        k.add(total, w)
    mean = k.define("mean|mu|com", (c / (total + 1e-3)).within(-1, 1))
    if k.rng.chance(0.6):
        cov = k.var("cov|C|inertia|moment", 0.0, k.mat33, lo=-4.0 * n, hi=4.0 * n)
        with k.for_("j|k|v", n) as j:
            d = k.define("d|r|rel", points[i, j] - mean)
            k.add(cov, k.wp.outer(d, d) * weights[i, j])
        k.give("covariance|cov|inertia", cov)
        k.give("spread|trace|extent", k.wp.trace(cov))
    k.give("centroid|center|com", mean)


@CATEGORY.motif()
def local_histogram(k: Kit) -> None:
    """Histogram of a row in the thread's own registers."""
    bins = k.rng.choice((4, 5, 8))
    row = Row(k, 0.0, 1.0, "x|values|samples|gray")
    kind = vec(bins, k.real)
    k.draft.use_type(kind)
    h = k.var("h|hist|counts", 0.0, kind, lo=0.0, hi=float(row.n))
    with k.for_("j|k|s", row.turns) as j:
        b = k.define(
            "b|bin|slot", k.wp.clamp(k.cast(row.at(j) * float(bins), I32), k.lit(0), k.lit(bins - 1))
        )
        k.add(h[b], 1.0)
    style = k.rng.choice(("entropy", "peak", "mode", "all"))
    if style == "all":
        k.give("histogram|hist|counts", h)
        return
    best = k.var("best|peak|total", 0.0, k.real, lo=-10.0, hi=float(row.n))
    where = k.var("mode|mode_bin|argmax", 0, I32, lo=0, hi=bins)
    with k.for_("b|c|q", bins) as b:
        if style == "entropy":
            p = k.define("p|prob|share", h[b] / float(row.n))
            with k.if_(p > 0.0):
                k.change(best, "-", p * k.wp.log(p))
        else:
            with k.if_(h[b] > best):
                k.set(best, h[b])
                k.set(where, b)
    k.give("entropy|peak_count|top", best)
    if style == "mode":
        k.give("mode|dominant|mode_bin", where)


@CATEGORY.motif()
def best_subarray(k: Kit) -> None:
    """Greatest sum of consecutive elements, or longest run."""
    row = Row(k, -1.0, 1.0, "x|gains|signal|profit")
    if k.rng.chance(0.5):
        here = k.var("here|current|run_sum", 0.0, k.real, lo=-1.0, hi=64.0)
        best = k.var("best|max_sum|record", -1.0, k.real, lo=-1.0, hi=64.0)
        with k.for_("j|t|k", row.turns) as j:
            x = k.define("x|v", row.at(j))
            k.set(here, k.wp.max(x, here + x))
            k.set(best, k.wp.max(best, here))
        k.give("max_subarray|best_sum|best", best)
    else:
        run = k.var("run|streak|length", 0, I32, lo=0, hi=row.n)
        longest = k.var("longest|best|max_run", 0, I32, lo=0, hi=row.n)
        with k.for_("j|t|k", row.turns) as j:
            with k.if_(row.at(j) > k.param("threshold|level|cutoff", k.real, -0.5, 0.3)):
                k.add(run, 1)
                k.set(longest, k.wp.max(longest, run))
            with k.else_():
                k.set(run, 0)
        k.give("longest_run|streak|longest", longest)


@CATEGORY.motif()
def smallest_few(k: Kit) -> None:
    """Keep the few smallest of a row, in order."""
    row = Row(k, 0.0, 10.0, "distances|costs|x|keys")
    keep = k.rng.choice((2, 3))
    top = [
        k.var(f"{('first', 'second', 'third')[n]}|d{n}|best{n}", 100.0, k.real, lo=0.0, hi=100.0)
        for n in range(keep)
    ]
    with k.for_("j|k|c", row.turns) as j:
        d = k.define("d|x|cand", row.at(j))
        for n in range(keep):
            with k.if_(d < top[n]) if n == 0 else k.elif_(d < top[n]):
                for m in range(keep - 1, n, -1):
                    k.set(top[m], top[m - 1])
                k.set(top[n], d)
    if k.rng.chance(0.5):
        k.give("ratio|lowe_ratio|confidence", top[0] / (top[1] + 1e-2))
    else:
        total = top[0] + top[1] if keep == 2 else top[0] + top[1] + top[2]
        k.give("knn_mean|mean_dist|spread", total / float(keep))


@CATEGORY.motif()
def all_or_any(k: Kit) -> None:
    """Whether all or any of a row pass a test, and how many."""
    row = Row(k, -1.0, 1.0, "x|residuals|values|margins")
    style = k.rng.choice(("all", "count", "first"))
    # All of a row pass a narrow test nearly never.
    tol = k.param("tol|threshold|eps|bound", k.real, *((0.85, 0.95) if style == "all" else (0.2, 0.9)))
    ok = k.var("ok|all_ok|converged", True, BOOL, lo=0, hi=1)
    n = k.var("count|passed|num_ok", 0, I32, lo=0, hi=row.n)
    first = k.var("first|index|found", -1, I32, lo=-1, hi=row.n)
    with k.for_("j|k|c", row.turns) as j:
        hit = k.wp.abs(row.at(j)) < tol
        if style == "all":
            with k.if_(k.negate(hit)):
                k.set(ok, k.lit(0, BOOL))
        elif style == "count":
            with k.if_(hit):
                k.add(n, 1)
        else:
            with k.if_(k.all(hit, first < 0) if k.rng.chance(0.5) else hit):
                k.set(first, j)
                if k.rng.chance(0.5):
                    k.leave("break")
    if style == "all":
        k.give("converged|all_ok|valid", k.select("flag|converged|valid", ok, 1, k.lit(0)))
    elif style == "count":
        k.give("num_ok|passed|count", n)
    else:
        k.give("first_index|first|found", first)


@CATEGORY.motif()
def search_sorted(k: Kit) -> None:
    """Place of a value in a sorted array."""
    n = k.rng.choice((16, 32, 64))
    table = k.array("sorted|knots|edges|cdf", k.real, lo=0.0, hi=1.0, kind="ascending", fresh=True)
    table.spec.fixed = (n,)
    table.subscript(0)
    v = k.input("value|x|u|query", k.real, 0.0, 1.0)
    if k.rng.chance(0.5):
        found = call("wp.lower_bound", [table.name, v], I32, 0, n, k.author)
        if k.rng.chance(0.3):
            found = call("wp.lower_bound", [table.name, k.lit(0), k.lit(n // 2), v], I32, 0, n // 2, k.author)
        i = k.define("i|idx|place", found)
    else:
        low, high = k.var("lo|left|first", 0, I32, lo=0, hi=n), k.var("hi|right|last", n, I32, lo=0, hi=n)
        with k.while_(low < high):
            mid = k.define("mid|m|half", ((low + high) // 2).within(0, n - 1))
            with k.if_(table[mid] < v):
                k.set(low, mid + 1)
            with k.else_():
                k.set(high, mid)
        i = low
    if k.rng.chance(0.5):
        k.give("index|place|rank", i)
    else:
        a = k.define("a|left_i|i0", k.wp.clamp(i - 1, k.lit(0), k.lit(n - 2)).within(0, n - 2))
        w = (v - table[a]) / (table[a + 1] - table[a] + k.number(0.001, 0.05))
        k.give("fraction|weight|t", k.wp.clamp(w, 0.0, 1.0))
