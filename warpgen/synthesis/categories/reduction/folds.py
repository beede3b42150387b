"""Reductions: sums, extremes, moments, norms, scans within a thread and partial sums of blocks."""

from __future__ import annotations

import math

from warpgen.synthesis.categories.reduction import CATEGORY
from warpgen.synthesis.kit.draft import Array
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import I32
from warpgen.synthesis.language.values import Value


class Row:
    """The numbers that one thread reduces: a row, a column, a chunk of a flat array or a segment."""

    def __init__(
        self, k: Kit, lo: float = -1.0, hi: float = 1.0, names: str = "x|values|data|a", n: int = 0
    ) -> None:
        self.k = k
        self.n = n or k.rng.choice((4, 6, 8, 12, 16, 24, 32))
        self.form = k.rng.choice(("row", "row", "chunk", "column", "strided"))
        ndim = 2 if self.form in ("row", "column") else 1
        self.array: Array = k.array(names, k.real, ndim, lo=lo, hi=hi)
        self.turns: Value | int = k.size("num_cols|n|row_length|m", self.n) if k.rng.chance(0.4) else self.n

    def at(self, j: Value | int) -> Value:
        i, k = self.k.flat, self.k
        if self.form == "row":
            return self.array[i, j]
        if self.form == "column":
            return self.array[j, i]
        if self.form == "chunk":
            return self.array[i * self.n + j]
        total = 1
        for extent in k.draft.shape:
            total *= extent
        jv = k.lit(j) if isinstance(j, int) else j
        return self.array[i + jv * total]


@CATEGORY.motif(weight=1.5)
def row_sum(k: Kit) -> None:
    """Sum over a row."""
    row = Row(k, names="x|values|data|a|costs")
    style = k.rng.choice(("sum", "mean", "squares", "abs", "weighted", "product", "masked", "alternating"))
    total = k.var("total|sum|acc|s", 1.0 if style == "product" else 0.0, k.real, lo=-64.0, hi=64.0)
    count = k.var("count|n_valid|kept", 0, I32, lo=0, hi=row.n)
    with k.for_("j|k|col|idx", row.turns) as j:
        x = k.let("v|x|value|elem", row.at(j))
        if style == "squares":
            k.add(total, x * x)
        elif style == "abs":
            k.add(total, k.wp.abs(x))
        elif style == "weighted":
            k.add(total, x * k.array("weights|w|coef", k.real, lo=0.0, hi=1.0)[j])
        elif style == "product":
            k.change(total, "*", x * 0.5 + 1.0)
        elif style == "masked":
            with k.if_(x > k.param("threshold|cutoff|floor", k.real, -0.5, 0.5)):
                k.add(total, x)
                k.add(count, 1)
        elif style == "alternating":
            with k.if_((j % 2).eq(0)):
                k.add(total, x)
            with k.else_():
                k.change(total, "-", x)
        else:
            k.add(total, x)
    if style == "mean":
        k.give("mean|average|row_mean", total / float(row.n) if k.rng.chance(0.6) else total * (1.0 / row.n))
    elif style == "masked":
        k.give("mean|masked_mean|average", total / k.wp.max(k.to_real(count), 1.0))
    elif style == "squares" and k.rng.chance(0.5):
        k.give("norm|rms|length", k.wp.sqrt(total.within(0, 64)))
    else:
        k.give("sum|row_sum|total", total)


@CATEGORY.motif(weight=1.2)
def row_extremes(k: Kit) -> None:
    """Least and greatest of a row, and where."""
    row = Row(k, -5.0, 5.0)
    what = k.rng.choice(("max", "min", "both", "arg", "arg", "span"))
    big = k.rng.choice((1e3, 100.0))
    top = k.var("best|max_val|hi|largest", -big if k.rng.chance(0.6) else row.at(0), k.real, lo=-big, hi=big)
    low = k.var("lo|min_val|smallest", big if k.rng.chance(0.6) else row.at(0), k.real, lo=-big, hi=big)
    where = k.var("best_index|arg|best_j|winner", 0 if k.rng.chance(0.5) else -1, I32, lo=-1, hi=row.n)
    with k.for_("j|k|col", row.turns) as j:
        x = k.let("v|x|value", row.at(j))
        if what in ("max", "both", "span"):
            k.set(top, k.wp.max(top, x))
        if what in ("min", "both", "span"):
            if k.rng.chance(0.5):
                k.set(low, k.wp.min(low, x))
            else:
                with k.if_(x < low):
                    k.set(low, x)
        if what == "arg":
            with k.if_(x > top):
                k.set(top, x)
                k.set(where, j)
    if what == "arg":
        k.give("argmax|best_index|winner", where)
        k.give("max_value|best|peak", top.within(-1e3, 5))
    elif what == "span":
        k.give("range|span|spread", (top - low).within(0, 10))
    else:
        k.give("max_value|peak|highest", top.within(-1e3, 5))
        k.give("min_value|lowest|smallest", low.within(-5, 1e3))


@CATEGORY.motif(weight=1.2)
def row_dot(k: Kit) -> None:
    """Inner product and similarity of two rows."""
    a = Row(k, names="a|x|u|query")
    b = Row(k, names="b|y|v|key", n=a.n)
    dot = k.var("dot|acc|prod|s", 0.0, k.real, lo=-32.0, hi=32.0)
    style = k.rng.choice(("dot", "cosine", "distance", "l1", "correlation"))
    na = k.var("na|norm_a|aa", 0.0, k.real, lo=0.0, hi=32.0)
    nb = k.var("nb|norm_b|bb", 0.0, k.real, lo=0.0, hi=32.0)
    d2 = k.var("d2|dist_sq|diff", 0.0, k.real, lo=0.0, hi=128.0)
    with k.for_("j|k|d", a.turns) as j:
        x, y = k.let("x|av|xi", a.at(j)), k.let("y|bv|yi", b.at(j))
        if style in ("dot", "cosine", "correlation"):
            k.add(dot, x * y)
        if style == "cosine":
            k.add(na, x * x)
            k.add(nb, y * y)
        elif style == "distance":
            e = k.define("e|diff|delta", x - y)
            k.add(d2, e * e)
        elif style == "l1":
            k.add(d2, k.wp.abs(x - y))
    if style == "cosine":
        k.give("similarity|cosine|score", dot / (k.wp.sqrt(na * nb) + k.number(1e-3, 0.1)))
    elif style in ("distance", "l1"):
        k.give("distance|dist|loss", k.wp.sqrt(d2) if style == "distance" and k.rng.chance(0.6) else d2)
    else:
        k.give("dot|score|product", dot * (1.0 / a.n) if style == "correlation" else dot)


@CATEGORY.motif(weight=1.2)
def log_sum_exp(k: Kit) -> None:
    """Log-sum-exp of a row."""
    row = Row(k, -4.0, 4.0, "logits|scores|x|energies")
    style = k.rng.choice(("two_pass", "online", "softmin", "entropy"))
    m = k.var("m|max_logit|running_max", -10.0, k.real, lo=-10.0, hi=4.0)
    s = k.var("s|sum_exp|denom|z", 0.0, k.real, lo=0.0, hi=64.0)
    if style == "online":
        with k.for_("j|k|c", row.turns) as j:
            x = k.define("x|logit|v", row.at(j))
            new = k.define("m_new|top|next_max", k.wp.max(m, x))
            k.set(s, s * k.wp.exp(m - new) + k.wp.exp(x - new))
            k.set(m, new)
        k.give("lse|log_z|logsumexp", m + k.wp.log(s + 1e-3))
        return
    with k.for_("j|k|c", row.turns) as j:
        k.set(m, k.wp.max(m, row.at(j)))
    w = k.var("weighted|expected|xs", 0.0, k.real, lo=-400.0, hi=400.0)
    with k.for_("j|k|c", row.turns) as j:
        x = k.let("x|logit|v", row.at(j))
        e = k.define("e|p|w", k.wp.exp((x - m).within(-8, 0)))
        k.add(s, e)
        if style in ("softmin", "entropy"):
            k.add(w, e * x)
    if style == "softmin":
        k.give("soft_max|expected|smooth_max", w / (s + 1e-3))
    elif style == "entropy":
        k.give("entropy|h", m + k.wp.log(s + 1e-3) - w / (s + 1e-3))
    else:
        k.give("lse|log_z|logsumexp", m + k.wp.log(s.within(1.0, 64.0)))


@CATEGORY.motif(weight=1.3)
def moments(k: Kit) -> None:
    """Mean and spread of a row."""
    row = Row(k, names="x|samples|data|values")
    n = float(row.n)
    style = k.rng.choice(("two_pass", "one_pass", "welford", "higher"))
    if style == "welford":
        mean = k.var("mean|m|mu", 0.0, k.real, lo=-1.0, hi=1.0)
        m2 = k.var("m2|ssq|s", 0.0, k.real, lo=0.0, hi=128.0)
        with k.for_("j|k|t", row.turns) as j:
            x = k.define("x|v|sample", row.at(j))
            d = k.define("delta|d|diff", (x - mean).within(-2, 2))
            k.add(mean, d / (k.to_real(j) + 1.0))
            k.add(m2, d * (x - mean))
        k.give("mean|mu|average", mean)
        k.give("variance|var|spread", m2.within(0, 128) / (n - 1.0))
        return
    total = k.var("total|sum|s1", 0.0, k.real, lo=-n, hi=n)
    square = k.var("sum_sq|s2|sq", 0.0, k.real, lo=0.0, hi=4 * n)
    with k.for_("j|k|t", row.turns) as j:
        x = k.let("x|v|sample", row.at(j))
        k.add(total, x)
        if style == "one_pass":
            k.add(square, x * x)
    mean = k.define("mean|mu|avg", (total / n).within(-1, 1))
    third = k.var("m3|s3|cubes", 0.0, k.real, lo=-8 * n, hi=8 * n)
    if style != "one_pass":
        with k.for_("j|k|t", row.turns) as j:
            d = k.define("d|dev|delta", (row.at(j) - mean).within(-2, 2))
            k.add(square, d * d)
            if style == "higher":
                k.add(third, d * d * d)
    var = (square / n - mean * mean).within(0, 4) if style == "one_pass" else square / n
    var = k.define("var|variance|sigma2", var)
    if style == "higher":
        sd = k.define("sd|sigma|std", k.wp.sqrt(var + 0.01))
        k.give("skewness|skew", (third / n) / (sd * sd * sd))
    k.give("mean|mu|average", mean)
    k.give("std|variance|spread", k.wp.sqrt(var + 1e-3) if k.rng.chance(0.5) else var)


@CATEGORY.motif()
def compensated_sum(k: Kit) -> None:
    """Sum with the rounding error carried along."""
    row = Row(k)
    s = k.var("s|total|sum", 0.0, k.real, lo=-64.0, hi=64.0)
    c = k.var("c|comp|lost", 0.0, k.real, lo=-1.0, hi=1.0)
    neumaier = k.rng.chance(0.4)
    with k.for_("j|k|i2", row.turns) as j:
        if neumaier:
            x = k.define("x|v", row.at(j))
            t = k.define("t|next_s", s + x)
            with k.if_(k.wp.abs(s) >= k.wp.abs(x)):
                k.add(c, ((s - t) + x).within(-1e-3, 1e-3))
            with k.else_():
                k.add(c, ((x - t) + s).within(-1e-3, 1e-3))
            k.set(s, t)
        else:
            y = k.define("y|adjusted", row.at(j) - c)
            t = k.define("t|next_s", s + y)
            k.set(c, ((t - s) - y).within(-1e-3, 1e-3))
            k.set(s, t)
    k.give("sum|total|precise_sum", s + c if neumaier else s)


@CATEGORY.motif(weight=1.1)
def row_scan(k: Kit) -> None:
    """Running totals along a row."""
    row = Row(k, n=k.rng.choice((4, 8, 12)))
    out = k.output("prefix|scan|cumulative|running", k.real, 2)
    style = k.rng.choice(("inclusive", "exclusive", "max", "average", "reverse"))
    s = k.var("s|run|acc|carry", -10.0 if style == "max" else 0.0, k.real, lo=-64.0, hi=64.0)
    rate = k.param("alpha|decay|rate|smoothing", k.real, 0.1, 0.9)
    i = k.flat
    with k.for_("j|k|t", row.turns) as j:
        jj = (row.n - 1 - j).within(0, row.n - 1) if style == "reverse" else j
        jj = k.let("back|jr|rev", jj)
        x = k.let("x|v", row.at(jj))
        if style == "exclusive":
            k.store(out, (i, jj), s)
        if style == "max":
            k.set(s, k.wp.max(s, x))
        elif style == "average":
            k.set(s, s + (x - s) * rate)
        else:
            k.add(s, x)
        if style != "exclusive":
            k.store(out, (i, jj), s)
    k.give("total|last|final", s)


@CATEGORY.motif()
def tree_sum(k: Kit) -> None:
    """Sum of eight by pairs."""
    row = Row(k, n=8)
    parts = [k.define(f"{'abcdefgh'[n]}|x{n}|v{n}", row.at(n)) for n in range(8)]
    combine = k.rng.choice(("add", "max", "min", "product"))
    level = 0
    while len(parts) > 1:
        level += 1
        pairs = []
        for n in range(0, len(parts), 2):
            x, y = parts[n], parts[n + 1]
            joined = (
                {"add": x + y, "product": x * y}.get(combine)
                if combine in ("add", "product")
                else getattr(k.wp, combine)(x, y)
            )
            assert joined is not None
            pairs.append(k.define(f"s{level}{n // 2}|t{level}_{n // 2}|{'pqr'[level - 1]}{n // 2}", joined))
        parts = pairs
    k.give("total|reduced|sum8", parts[0])


@CATEGORY.motif()
def p_norm(k: Kit) -> None:
    """Generalised mean of a row."""
    row = Row(k, 0.1, 2.0, "x|values|areas|rates")
    style = k.rng.choice(("p", "geometric", "harmonic", "huber"))
    s = k.var("s|total|acc", 0.0, k.real, lo=0.0 if style != "geometric" else -100.0, hi=600.0)
    p = k.param("p|power|exponent", k.real, 1.5, 3.0)
    delta = k.param("delta|huber_delta|knee", k.real, 0.3, 1.0)
    with k.for_("j|k|c", row.turns) as j:
        x = k.let("x|v", row.at(j))
        if style == "p":
            k.add(s, k.wp.pow(x, p))
        elif style == "geometric":
            k.add(s, k.wp.log(x))
        elif style == "harmonic":
            k.add(s, 1.0 / x)
        else:
            a = k.define("a|ax|r", k.wp.abs(x - 1.0))
            k.add(s, k.wp.where(a < delta, a * a * 0.5, (a - delta * 0.5) * delta))
    mean = (s / float(row.n)).within(-5 if style == "geometric" else 0, 12)
    if style == "p":
        k.give("p_norm|mean|generalized", k.wp.pow(mean, 1.0 / p))
    elif style == "geometric":
        k.give("geometric_mean|mean|gmean", k.wp.exp(mean.within(-2.4, math.log(2))))
    elif style == "harmonic":
        k.give("harmonic_mean|mean|hmean", 1.0 / mean.within(0.5, 10))
    else:
        k.give("loss|huber|robust", mean)
