"""Loops in loops: two to four deep, static and dynamic, triangular, tiled, with early ends."""

from __future__ import annotations

from typing import Any

from warpgen.synthesis.categories.nested_loop import CATEGORY
from warpgen.synthesis.formulas.grower import Grower, grow, result_name
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.reading import item
from warpgen.synthesis.language.types import I32, mat, vec
from warpgen.synthesis.language.values import Value


def extent(k: Kit, names: str, value: int, dynamic: float = 0.2) -> Any:
    """A loop bound: a number that Warp unrolls, now and then a count known at run time."""
    return k.size(names, value) if k.rng.chance(dynamic) else value


def accumulator(k: Kit, names: str = "total|acc|sum|s", lo: float = -200.0, hi: float = 200.0) -> Value:
    return k.var(names, 0.0, k.real, lo=lo, hi=hi)


@CATEGORY.motif()
def window_sum(k: Kit) -> None:
    """Weighted sum over a small window."""
    h, w = k.rng.choice(((2, 2), (3, 3), (3, 3), (2, 4), (4, 4), (3, 5)))
    patch = k.array("patch|window|block|tile_data", k.real, 2, lo=-1.0, hi=1.0)
    weights = k.array("weights|kernel|mask|stencil", k.real, 2, lo=-1.0, hi=1.0)
    row = k.let("row|r0|base", k.flat)
    total = accumulator(k)
    norm = accumulator(k, "norm|wsum|weight_sum", 0.0, 30.0) if k.rng.chance(0.4) else None
    with (
        k.for_("i|di|u|r", extent(k, "kh|kernel_h", h)) as i,
        k.for_("j|dj|v|c", extent(k, "kw|kernel_w", w)) as j,
    ):
        weight = k.let("wij|weight|c", weights[i, j])
        k.add(total, weight * patch[row, i * w + j])
        if norm is not None:
            k.add(norm, k.wp.abs(weight))
    k.give("filtered|response|window_sum", total / (norm + 0.1) if norm is not None else total)


@CATEGORY.motif()
def small_matrix_product(k: Kit) -> None:
    """One row of a matrix product."""
    n, m = k.rng.choice(((2, 3), (3, 3), (4, 4), (3, 6), (4, 8)))
    a = k.array("a|A|lhs", k.real, 2, lo=-1.0, hi=1.0)
    b = k.array("b|B|rhs", k.real, 2, lo=-1.0, hi=1.0)
    t = vec(n, k.real)
    row = k.var("row|out_row|r", k.zero(t), lo=-10.0, hi=10.0)
    with k.for_("j|c|col", n) as j:
        s = accumulator(k, "s|acc|dot", -10.0, 10.0)
        with k.for_("l|p|kk", extent(k, "inner|depth|k_dim", m)) as inner:
            k.add(s, a[k.flat, inner] * b[inner, j])
        k.set(row[j], s)
    k.give("c_row|product_row|projected", row)


@CATEGORY.motif()
def pairwise_energy(k: Kit) -> None:
    """Sum over pairs."""
    n = k.rng.choice((3, 4, 5, 6))
    t = k.rng.choice((k.real, k.vec2, k.vec3))
    points = k.array("points|positions|sites|values", t, 2, lo=-1.0, hi=1.0)
    row = k.flat
    total = accumulator(k, "energy|total|acc", 0.0, 300.0)
    with k.for_("i|a|p", n) as i:
        first = k.let("pi|xi|a_i", points[row, i])
        start = i + 1 if k.rng.chance(0.7) else 0
        with k.for_("j|b|q", n, start) as j:
            if isinstance(start, int):
                with k.if_(i.ne(j)):
                    k.add(total, _pair(k, first, points[row, j.within(0, n - 1)]))
            else:
                k.add(total, _pair(k, first, points[row, j.within(0, n - 1)]))
    k.give("energy|pair_sum|interaction", total)


def _pair(k: Kit, a: Value, b: Value) -> Value:
    d = k.let("d|delta|diff", a - b)
    d2 = k.let("d2|r2|dist_sq", d * d if a.type.kind == "scalar" else k.wp.dot(d, d))
    return k.rng.choice((1.0 / (d2 + 0.1), d2 * 0.5, k.wp.exp(-d2), k.wp.sqrt(d2 + 0.01)))


@CATEGORY.motif()
def triangular_loops(k: Kit) -> None:
    """Loop over the lower triangle of a matrix."""
    n = k.rng.choice((3, 4, 4))
    m = k.input("A|M|L|cov", mat(n, n, k.real), -1.0, 1.0)
    kind = k.rng.choice(("forward", "sum", "norm", "asym"))
    if kind == "forward":
        b = k.input("b|rhs|y", vec(n, k.real), -1.0, 1.0)
        x = k.var("x|z|sol", k.zero(vec(n, k.real)), lo=-60.0, hi=60.0)
        with k.for_("i|r|row", n) as i:
            s = k.var("s|acc|rest", b[i], lo=-60.0, hi=60.0)
            with k.for_("j|c|col", i) as j:
                k.change(s, "-", m[i, j] * x[j])
            k.set(x[i], (s * 0.5).within(-60.0, 60.0))
        k.give("x|solution|forward", x)
        return
    total = accumulator(k, lo=-20.0, hi=40.0)
    with k.for_("i|r|row", n) as i, k.for_("j|c|col", i + 1 if kind != "asym" else i) as j:
        entry = m[i, j]
        k.add(total, {"sum": entry, "norm": entry * entry, "asym": k.wp.abs(entry - m[j, i])}[kind])
    k.give("lower_sum|triangle_norm|asymmetry", total)


@CATEGORY.motif()
def grid_integral(k: Kit) -> None:
    """Integrate over a grid of sample points."""
    n = k.rng.choice((2, 3, 4))
    dims = k.rng.choice((2, 2, 3 if n < 4 else 2))
    g = Grower(k)
    p = g.fresh(k.real)
    step = k.constant("STEP|DX|H", 1.0 / n) if k.rng.chance(0.4) else k.lit(round(1.0 / n, 4))
    total = accumulator(k, "integral|total|acc")

    def inner(xs: list[Value]) -> None:
        r2 = xs[0] * xs[0]
        for x in xs[1:]:
            r2 = r2 + x * x
        r2 = k.let("r2|rr|q", r2)
        f = k.rng.choice(
            (k.wp.exp(-r2 * k.wp.abs(p)), k.wp.sin(p * r2), xs[0] * xs[-1] * p, 1.0 / (1.0 + r2 + p * p))
        )
        k.add(total, f)

    def loop(level: int, xs: list[Value]) -> None:
        if level == dims:
            inner(xs)
            return
        names = ("i|ix|a", "j|iy|b", "l|iz|c")[level]
        with k.for_(names, extent(k, "num_points|n_quad|order", n, 0.15)) as i:
            x = k.let(("x|u|px", "y|v|py", "z|w|pz")[level], (k.to_real(i) + 0.5) * step)
            loop(level + 1, [*xs, x.within(0.0, 1.0)])

    loop(0, [])
    k.give("integral|quadrature|mean_value", total * k.number(0.05, 0.5) if k.rng.chance(0.5) else total)


@CATEGORY.motif()
def histogram_of_pairs(k: Kit) -> None:
    """Count pairs that agree."""
    n, m = k.rng.choice(((4, 4), (6, 4), (8, 3), (5, 5)))
    a = k.array("left_keys|labels_a|codes", I32, 2, lo=0, hi=6)
    b = k.array("right_keys|labels_b|table", I32, 1, lo=0, hi=6)
    matches = k.var("matches|hits|count", 0, I32, lo=0, hi=n * m)
    early = k.rng.choice(("none", "none", "break", "flag"))
    with k.for_("i|a_idx|p", extent(k, "num_left|rows_a", n)) as i:
        key = k.let("key|code|ka", a[k.flat, i])
        with k.for_("j|b_idx|q", extent(k, "num_right|rows_b", m)) as j:
            test = k.rng.choice((key.eq(b[j]), key < b[j], (key + b[j]).eq(6)))
            with k.if_(test):
                k.add(matches, 1)
                if early == "break":
                    k.leave("break")
        if early == "flag":
            k.break_if(matches > k.rng.integer(2, 5))
    k.give("matches|overlap|agreement", matches)


@CATEGORY.motif()
def tiled_traversal(k: Kit) -> None:
    """Traverse a block in tiles."""
    tile = k.rng.choice((2, 3, 4))
    tiles = k.rng.choice((2, 3))
    block = tile * tiles
    values = k.array("block|values|panel|field_in", k.real, 2, lo=-1.0, hi=1.0)
    size = k.constant("TILE|TILE_SIZE|BLOCK", tile) if k.rng.chance(0.5) else k.lit(tile)
    total = accumulator(k)
    with k.for_("bi|ti|block_row", tiles) as bi, k.for_("i|ii|r", tile) as i:
        index = k.let("row|c|idx", (bi * size + i).within(0, block - 1))
        x = k.let("x|v|value", values[k.flat, index])
        if k.rng.chance(0.4):
            with k.if_((bi + i) % 2 > 0):
                k.add(total, x)
            with k.else_():
                k.change(total, "-", x)
        else:
            k.add(total, x * k.to_real(bi + 1))
    k.give("tile_sum|traversed|checker", total)


@CATEGORY.motif()
def deep_loops(k: Kit) -> None:
    """Contract indices of small tensors."""
    depth = k.rng.choice((3, 3, 4))
    n = 2 if depth == 4 else k.rng.choice((2, 3))
    m = k.input("A|C|metric|M", mat(n, n, k.real), -1.0, 1.0)
    u, v = k.input("u|a|x", vec(n, k.real), -1.0, 1.0), k.input("v|b|y", vec(n, k.real), -1.0, 1.0)
    total = accumulator(k, "total|acc|contraction", -90.0, 90.0)
    names = ("i|a|p", "j|b|q", "l|c|r", "m|d|s")

    def loop(level: int, index: list[Value]) -> None:
        if level < depth:
            with k.for_(names[level], n) as i:
                loop(level + 1, [*index, i])
            return
        i, j, last = index[0], index[1], index[-1]
        term = m[i, j] * u[j] * v[last] if k.rng.chance(0.5) else m[i, last] * m[last, j] * u[i]
        if k.rng.chance(0.4):
            with k.if_(i.ne(last)):
                k.add(total, term)
        else:
            k.add(total, term)

    loop(0, [])
    k.give("contraction|scalar_out|invariant", total)


@CATEGORY.motif()
def sweeps(k: Kit) -> None:
    """Relaxation sweeps over a small system."""
    n = k.rng.choice((3, 4, 5))
    t = vec(n, k.real)
    x = k.var("x|u|state", k.input("x0|u0|initial", t, -1.0, 1.0), lo=-4.0, hi=4.0)
    b = k.input("b|source|f", t, -1.0, 1.0)
    omega = k.param("omega|relax|damping", k.real, 0.3, 0.9)
    with k.for_("it|sweep|iteration", k.rng.integer(2, 4)):
        new = k.var("y|new|next_x", k.zero(t), lo=-4.0, hi=4.0)
        k.set(new[0], x[0])
        k.set(new[n - 1], x[n - 1])
        with k.for_("i|c|node", n - 1, 1) as i:
            left = Value(f"{x.text}[{i.text} - 1]", k.real, -4.0, 4.0, k.author)
            right = Value(f"{x.text}[{i.text} + 1]", k.real, -4.0, 4.0, k.author)
            target = k.let("target|avg|gs", 0.5 * (left + right + b[i] * 0.2))
            k.set(new[i], (x[i] + omega * (target - x[i])).within(-4.0, 4.0))
        k.set(x, new)
    k.give("relaxed|u_new|smoothed", x)


@CATEGORY.motif()
def neighbourhood_count(k: Kit) -> None:
    """Count what surrounds a cell."""
    n = k.rng.choice((8, 10, 12))
    cells = k.array("cells|grid|occupancy|mask", I32, 2, lo=0, hi=2)
    row, col = (
        k.let("row|y|ci", k.flat % n).within(0, n - 1),
        k.let("col|x|cj", (k.flat // n) % n).within(0, n - 1),
    )
    reach = k.rng.choice((1, 1, 2))
    count = k.var("count|alive|hits", 0, I32, lo=0, hi=2 * (2 * reach + 1) ** 2)
    with k.for_("di|dy|u", reach + 1, -reach) as di, k.for_("dj|dx|v", reach + 1, -reach) as dj:
        if k.rng.chance(0.5):
            with k.if_(k.any(di.ne(0), dj.ne(0))):
                k.add(count, cells[(row + di + n) % n, (col + dj + n) % n])
        else:
            r, c = k.let("r|yy|ni", row + di), k.let("c|xx|nj", col + dj)
            with k.if_(k.all(r >= 0, r < n, c >= 0, c < n)):
                k.add(count, cells[r.within(0, n - 1), c.within(0, n - 1)])
    k.give("neighbors|count|crowding", count)


@CATEGORY.motif()
def distance_to_set(k: Kit) -> None:
    """Nearest of several candidates."""
    n = k.rng.choice((4, 6, 8))
    d = k.rng.choice((2, 3, 4))
    queries = k.array("queries|features|points", k.real, 2, lo=-1.0, hi=1.0)
    centers = k.array("centers|codebook|prototypes|sites", k.real, 2, lo=-1.0, hi=1.0)
    best = k.var("best|min_dist|nearest_d", 1.0e3 if k.rng.chance(0.5) else 100.0, k.real, lo=0.0, hi=1e3)
    where = k.var("where|best_id|label", 0, I32, lo=0, hi=n - 1)
    with k.for_("c|i|site", extent(k, "num_centers|codebook_size", n)) as c:
        dist = accumulator(k, "dist|d2|acc", 0.0, 40.0)
        with k.for_("d|j|axis", d) as j:
            delta = k.define("delta|diff|e", queries[k.flat, j] - centers[c, j])
            k.add(dist, delta * delta if k.rng.chance(0.7) else k.wp.abs(delta))
        with k.if_(dist < best):
            k.set(best, dist)
            k.set(where, c)
    if k.rng.chance(0.6):
        k.give("nearest|assignment|label", where)
    if k.rng.chance(0.7):
        k.give("min_distance|quantization_error", best)
    else:
        k.give("closeness|affinity", k.wp.exp(-best * 0.1))


@CATEGORY.motif()
def bubble_passes(k: Kit) -> None:
    """Sort a few values in place."""
    n = k.rng.choice((3, 4, 5))
    t = vec(n, k.rng.choice((k.real, I32, I32)))
    v = k.var("v|vals|keys", k.input("unsorted|values|scores", t, -9, 9), lo=-9, hi=9)
    with k.for_("p|i|turn", n - 1), k.for_("j|s|c", n - 1) as j:
        after = Value(item(v, j + 1), t.scalar, -9, 9, k.author)
        with k.if_(v[j] > after if k.rng.chance(0.7) else v[j] < after):
            held = k.define("tmp|held|low", after + 0 if t.is_int else after + 0.0)
            k.assign(after.node, v[j])
            k.set(v[j], held)
    kind = k.rng.integer(0, 2)
    if kind == 0:
        k.give("sorted_values|ordered", v)
    elif kind == 1:
        k.give("median|middle", v[n // 2])
    else:
        k.give("spread|range_width", v[n - 1] - v[0])


@CATEGORY.motif()
def convolution_rows(k: Kit) -> None:
    """Convolve two short sequences."""
    n, m = k.rng.choice(((3, 3), (4, 3), (5, 3), (4, 4)))
    a = k.input("signal|a|f", vec(n, k.real), -1.0, 1.0)
    b = k.input("kernel|b|g", vec(m, k.real), -1.0, 1.0)
    out_type = vec(n + m - 1, k.real)
    out = k.var("conv|c|out_seq", k.zero(out_type), lo=-9.0, hi=9.0)
    with k.for_("i|p|s", n) as i, k.for_("j|q|t", m) as j:
        k.add(out[i + j], a[i] * b[j])
    if k.rng.chance(0.5):
        k.give("convolved|product_coeffs", out)
    else:
        k.give("conv_energy|power", k.wp.dot(out, out))


@CATEGORY.motif(weight=0.8)
def formula_over_grid(k: Kit) -> None:
    """Accumulate a formula over two indices."""
    n, m = k.rng.choice(((2, 3), (3, 3), (4, 2), (4, 4)))
    total = accumulator(k, f"{result_name(k)}|total|acc", -400.0, 400.0)
    a, b = Grower(k).fresh(k.real), Grower(k).fresh(k.real)
    with k.for_("i|u|p", extent(k, "n_u|num_i", n)) as i:
        x = k.let("x|wi|s", k.to_real(i) * k.number(0.1, 1.0) + a)
        with k.for_("j|v|q", extent(k, "n_v|num_j", m)) as j:
            y = k.let("y|wj|t", k.to_real(j + 1) * k.number(0.1, 1.0))
            f = k.rng.choice(
                (x * y + b, k.wp.sin(x + y) * b, k.wp.cos(x * y), x / (y * y + 1.0), (x - y) * (x - b))
            )
            k.add(total, k.saturate(f))
        if k.rng.chance(0.3):
            k.change(total, "*", k.lit(0.5))
    k.give(result_name(k), total)


@CATEGORY.motif(weight=0.8)
def counted_pairs_dynamic(k: Kit) -> None:
    """Loop as far as the data says."""
    most = k.rng.choice((4, 6, 8))
    values = k.array("values|events|samples", k.real, 2, lo=-1.0, hi=1.0)
    count = k.input("count|length|num_events", I32, 1, most)
    total = accumulator(k)
    with k.for_("i|s|e", count) as i:
        first = k.define("a|xi|first", values[k.flat, i.within(0, most - 1)])
        with k.for_("j|t|f", i) as j:
            k.add(total, first * values[k.flat, j.within(0, most - 1)])
    k.give("pair_products|correlation", total)


@CATEGORY.motif(weight=0.8)
def search_in_rows(k: Kit) -> None:
    """Search rows until something fits."""
    rows, cols = k.rng.choice(((3, 4), (4, 4), (4, 6)))
    table = k.array("table|costs|board", k.real, 2, lo=0.0, hi=1.0)
    limit = k.input("limit|budget|threshold", k.real, 0.6, 0.98)
    found = k.var("found|steps|visited", 0, I32, lo=0, hi=rows * cols)
    done = k.var("done|stop|hit", 0, I32, lo=0, hi=1)
    with k.for_("r|i|row", rows) as r:
        with k.for_("c|j|col", cols) as c:
            with k.if_(table[k.flat + r, c] > limit):
                k.set(done, 1)
                k.leave("break")
            k.add(found, 1)
        k.break_if(done.eq(1))
    k.give("visited|first_hit|probes", found)


@CATEGORY.motif(weight=0.7)
def accumulate_formula_rows(k: Kit) -> None:
    """Nested accumulation with a running product."""
    n, m = k.rng.choice(((2, 3), (3, 2), (3, 4)))
    xs = k.array("factors|terms|basis_values", k.real, 2, lo=0.2, hi=1.2)
    total = accumulator(k, "total|acc|series", 0.0, 60.0)
    with k.for_("i|term|t", n) as i:
        prod = k.var("prod|p|weight", 1.0, k.real, lo=0.0, hi=3.0)
        with k.for_("j|factor|f", m) as j:
            k.change(prod, "*", xs[k.flat, i * m + j])
        k.add(total, prod)
    k.give("sum_of_products|evaluated", total + grow(k, k.real, 1) * 0.1)
