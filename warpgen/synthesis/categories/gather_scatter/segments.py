"""Moving data by segments, bins, tiles and halos."""

from __future__ import annotations

from warpgen.synthesis.categories.gather_scatter import CATEGORY
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import I32, U32, vec


@CATEGORY.motif(rank=1)
def segment_reduce(k: Kit) -> None:
    """Reduce the items of this segment."""
    total = k.rng.choice((128, 192, 256))
    start, end = k.csr("segment_offsets|offsets|seg_start|starts", total)
    t = k.rng.choice((k.real, k.real, k.vec3))
    items = k.array("items|values|data|samples", t, lo=-1.0, hi=1.0)
    kind = k.rng.choice(("sum", "mean", "max", "argmax", "last", "moments")) if t is k.real else "mean"
    if kind == "last":
        count = k.let("count|length|n_items", end - start)
        v = k.var("last|tail|value", 0.0, k.real, lo=-1.0, hi=1.0)
        with k.if_(count > 0):
            k.set(v, items[(end - 1).within(0, total - 1)])
        k.give("last|tail", v)
        return
    first = -2.0 if kind in ("max", "argmax") else 0.0
    acc = k.var("acc|sum|total|best", first if t is k.real else k.zero(t), t, lo=-256.0, hi=256.0)
    where = k.var("where|best_idx|arg", -1, I32, lo=-1, hi=total) if kind == "argmax" else None
    square = k.var("sq|m2|sum_sq", 0.0, k.real, lo=0.0, hi=256.0) if kind == "moments" else None
    with k.for_("j|s|it|e", end, start) as j:
        v = k.let("v|item|x", items[j])
        if where is not None:
            with k.if_(v > acc):
                k.set(acc, v)
                k.set(where, j)
        elif kind == "max":
            k.set(acc, k.wp.max(acc, v))
        else:
            k.add(acc, v)
            if square is not None:
                k.add(square, v * v)
    if kind in ("mean", "moments"):
        inv = k.define("inv|inv_n|norm", 1.0 / k.to_real(k.wp.max(end - start, 1).within(1, total)))
        if square is None:
            k.give("mean|average|centroid", acc * inv)
        else:
            mean = k.let("mean|mu", acc * inv)
            k.give("variance|var_seg", square * inv - mean * mean)
    elif where is not None:
        k.give("best_idx|argmax", where)
    else:
        k.give("total|seg_sum|reduced", acc)


@CATEGORY.motif(rank=1)
def segment_scatter(k: Kit) -> None:
    """Add an element to the accumulators of its segment."""
    size = k.rng.choice((8, 12, 16))
    seg = k.define("s|seg|g|group", k.index_array("segment_ids|labels|group_ids|cluster", size)[k.flat])
    x = k.load("point|x|value|feature", k.rng.choice((k.real, k.vec3, k.vec2)), -1.0, 1.0)
    sums = k.output("sums|centroid_sum|group_sum", x.type)
    k.discard(k.atomic("add", sums, seg, x))
    if k.rng.chance(0.6):
        counts = k.output("counts|group_size|members", I32)
        k.discard(k.atomic("add", counts, seg, 1))
    if x.type is k.real and k.rng.chance(0.4):
        lows = k.output("group_min|mins", k.real)
        highs = k.output("group_max|maxs", k.real)
        k.discard(k.atomic("min", lows, seg, x))
        k.discard(k.atomic("max", highs, seg, x))


@CATEGORY.motif(rank=1)
def counting_sort_place(k: Kit) -> None:
    """Place an element into its bin of a counting sort."""
    n, bins = k.draft.shape[0], k.rng.choice((8, 16, 32))
    cells = k.index_array("cell_ids|keys|bins|digit", bins)
    starts = k.array("cell_start|bin_start|bin_offsets", I32, lo=0, hi=n - 1, kind="ascending")
    fill = k.output("cell_fill|cursor|bin_count", I32)
    order = k.output("sorted_ids|order|particle_order", I32)
    k.forward_only()
    c = k.define("c|cell|bin|key", cells[k.flat])
    local = k.define("local|rank|offset", k.atomic("add", fill, c, 1).within(0, n - 1))
    slot = k.let("slot|dst|pos", starts[c] + local)
    k.store(order, slot.within(0, 2 * n), k.flat)
    if k.rng.chance(0.5):
        x = k.load("position|point|value", k.vec3 if k.rng.chance(0.5) else k.real, -1.0, 1.0)
        k.store(k.output("sorted_positions|sorted_values|packed", x.type), slot.within(0, 2 * n), x)


@CATEGORY.motif(rank=1)
def binning(k: Kit) -> None:
    """Find the bin or grid cell of a point."""
    dims = k.rng.choice((1, 2, 2, 3, 3))
    side = {1: 32, 2: 8, 3: 6}[dims]
    inv = k.param("inv_dx|inv_cell|inv_width", k.real, 1.0, 4.0)
    if dims == 1:
        x = k.input("x|value|sample", k.real, 0.0, 8.0)
        f = [x]
    else:
        p = k.input("p|position|x|point", vec(dims, k.real), 0.0, 4.0)
        f = [p[axis] for axis in range(dims)]
    cells = []
    for axis, c in enumerate(f):
        raw = k.cast(k.wp.floor(c * inv), I32) if k.rng.chance(0.6) else k.cast(c * inv, I32)
        cells.append(k.define(("ix|cx|bin", "iy|cy", "iz|cz")[axis], k.wp.clamp(raw, 0, side - 1)))
    linear = cells[0]
    for c in cells[1:]:
        linear = linear * side + c
    cell = k.define("cell|cell_id|bin_id|key", linear.within(0, side**dims - 1))
    counts = k.output("histogram|cell_count|counts", I32)
    k.discard(k.atomic("add", counts, cell, 1))
    if k.rng.chance(0.6):
        k.give("cell|cell_id|bin", cell)
    if k.rng.chance(0.3):
        frac = k.let("frac|t|local", f[0] * inv - k.to_real(cells[0]))
        k.give("frac|offset", frac)


@CATEGORY.motif(rank=2)
def transpose_copy(k: Kit) -> None:
    """Transposed, flipped or rotated copy of a matrix."""
    i, j = k.place
    rows, cols = k.draft.shape
    t = k.rng.choice((k.real, k.real, k.vec3, I32, U32))
    lo, hi = (0, 255) if t.is_int else (-1.0, 1.0)
    src = k.array("src|input_data|matrix|img|a", t, 2, lo=lo, hi=hi)
    style = k.rng.integer(0, 4)
    if style == 0:
        dst = k.output("dst|transposed|out_t", t, 2)
        k.store(dst, (j, i), src[i, j])
    elif style == 1:
        k.give("transposed|flipped", src[j, i])
    elif style == 2:
        k.give("flipped|mirrored", src[i, (k.extent(1) - 1 - j).within(0, cols - 1)])
    elif style == 3:
        k.give("rotated|turned", src[j, (k.extent(0) - 1 - i).within(0, rows - 1)])
    else:
        dr, dc = k.param("row_shift|dy|shift_y", I32, 1, 5), k.param("col_shift|dx|shift_x", I32, 1, 5)
        r = k.let("r|si|ii", ((i + dr) % k.extent(0)).within(0, rows - 1))
        c = k.let("c|sj|jj", ((j + dc) % k.extent(1)).within(0, cols - 1))
        k.give("rolled|shifted", src[r, c])


@CATEGORY.motif(rank=2)
def halo_fill(k: Kit) -> None:
    """Read a grid value through its boundary rule."""
    i, j = k.place
    rows, cols = k.draft.shape
    u = k.array("u|interior|field_values|grid_data", k.real, 2, lo=-1.0, hi=1.0)
    width = k.rng.choice((1, 1, 2))
    a = k.define("si|gi|ii", i - width)
    b = k.define("sj|gj|jj", j - width)
    rule = k.rng.choice(("clamp", "wrap", "mirror", "zero"))
    ny, nx = k.extent(0), k.extent(1)
    if rule == "clamp":
        value = u[k.wp.clamp(a, 0, rows - 1), k.wp.clamp(b, 0, cols - 1)]
    elif rule == "wrap":
        value = u[((a + ny) % ny).within(0, rows - 1), ((b + nx) % nx).within(0, cols - 1)]
    elif rule == "mirror":
        value = u[k.wp.abs(a).within(0, rows - 1), k.wp.abs(b).within(0, cols - 1)]
    else:
        v = k.var("v|ghost|value", 0.0, k.real, lo=-1.0, hi=1.0)
        with k.if_(k.all(k.between(0, a, ny), k.between(0, b, nx))):
            k.set(v, u[a.within(0, rows - 1), b.within(0, cols - 1)])
        value = v
    k.give("padded|ghosted|value", value)


@CATEGORY.motif(rank=3)
def trilinear_scatter(k: Kit) -> None:
    """Splat a value onto the eight nodes around a point."""
    side = 6
    p = k.load("point|position|sample_pos", k.vec3, 0.0, side - 1.1)
    q = k.load("mass|weight|charge", k.real, 0.1, 2.0)
    grid = k.output("grid_mass|density|rho", k.real, 3)
    base = [
        k.define(f"{c}0|i{c}|{c}i", k.cast(p[axis], I32).within(0, side - 2)) for axis, c in enumerate("xyz")
    ]
    f = [
        k.define(f"f{c}|t{c}|d{c}", p[axis] - k.to_real(base[axis])).within(0.0, 1.0)
        for axis, c in enumerate("xyz")
    ]
    with k.for_("a|di", 2) as a, k.for_("b|dj", 2) as b, k.for_("c|dk", 2) as c:
        w = k.var("w|weight", q, lo=0.0, hi=2.0)
        for at, t in zip((a, b, c), f, strict=True):
            side_weight = k.wp.where(at.eq(0), 1.0 - t, t)
            k.change(w, "*", side_weight)
        k.discard(
            k.atomic(
                "add",
                grid,
                tuple((o + d).within(0, side - 1) for o, d in zip(base, (a, b, c), strict=True)),
                w,
            )
        )
