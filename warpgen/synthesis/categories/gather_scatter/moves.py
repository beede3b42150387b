"""Moving data: gathers, scatters, permutations, compaction, strides, segments, halos."""

from __future__ import annotations

import contextlib

from warpgen.synthesis.categories.gather_scatter import CATEGORY
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import I32, U32, Type, vec
from warpgen.synthesis.language.values import Value

_MAP = "indices|index_map|map|ids|gather_ids|idx"


def _element(k: Kit) -> Type:
    """A type such as people move around."""
    return k.rng.choice((k.real, k.real, k.real, k.vec2, k.vec3, k.vec3, k.vec4, I32, k.mat22, k.quat))


def _start(k: Kit, t: Type) -> Value | float | int:
    return k.zero(t) if t.shape else 0 if t.is_int else 0.0


@CATEGORY.motif(rank=1)
def gather(k: Kit) -> None:
    """Gather elements through an index map."""
    size = k.rng.choice((48, 64, 128))
    t = _element(k)
    ids = k.array(_MAP, I32, lo=-1 if k.rng.chance(0.35) else 0, hi=size - 1)
    masked = ids.spec.lo < 0
    src = k.array(
        "src|source|values|data|x|table", t, lo=-2.0 if not t.is_int else 0, hi=2.0 if not t.is_int else 9
    )
    j = k.define("j|src_idx|index|s", ids[k.flat])
    if masked:
        v = k.var("v|value|picked", _start(k, t), t, lo=-2.0, hi=9.0)
        with k.if_(j >= 0):
            k.set(v, src[j.within(0, size - 1)])
    else:
        v = k.let("v|value|picked", src[j])
        if k.rng.chance(0.3):
            second = k.index_array("parents|links|indirection|remap", size)
            v = k.let("w|hop|indirect", src[k.let("jj|link|next_idx", second[j])])
    if t.is_float and t.kind in ("scalar", "vec") and k.rng.chance(0.4):
        v = v * k.param("scale|alpha|weight", k.real, 0.1, 3.0)
    k.give("gathered|picked|value", v)


@CATEGORY.motif(rank=1)
def weighted_gather(k: Kit) -> None:
    """Blend a few gathered elements with weights."""
    size, m = k.rng.choice((32, 48, 64)), k.rng.choice((2, 3, 4, 8))
    t = k.rng.choice((k.real, k.vec3, k.vec2, k.vec4))
    vec_ids = m in (2, 3, 4) and k.rng.chance(0.4)
    src = k.array("nodes|values|vertex_data|field_values|src", t, lo=-2.0, hi=2.0)
    acc = k.var("acc|blend|result|sum", _start(k, t), t, lo=-40.0, hi=40.0)
    total = k.var("w_sum|total_w|norm", 0.0, k.real, lo=0.0, hi=16.0) if k.rng.chance(0.4) else None
    if vec_ids:
        ids = k.array("corners|elements|triplets|stencil_ids", vec(m, I32), lo=0, hi=size - 1)
        w = k.load("weight|bary|coeff", vec(m, k.real), 0.05, 1.0)
        corner = k.define("c|quad|tri|elem", ids[k.flat])
        with k.for_("a|c0|q|s", m) as a:
            k.add(acc, w[a] * src[corner[a].within(0, size - 1)])
            if total is not None:
                k.add(total, w[a])
    else:
        two = k.rng.chance(0.5)
        ids = k.index_array("stencil|neighbor_ids|influences|bone_ids", size, 2 if two else 1)
        weights = k.array("weights|influence|coeffs", k.real, 2 if two else 1, lo=0.05, hi=1.0)
        with k.for_("a|s|q|j", m) as a:
            at = (k.flat, a) if two else k.let("at|slot|o", k.flat * m + a)
            w_a = k.let("w|wa|weight", weights[at])
            k.add(acc, w_a * src[ids[at]])
            if total is not None:
                k.add(total, w_a)
    k.give("blended|result|interp", acc / (total + 0.01) if total is not None else acc)


@CATEGORY.motif(rank=1)
def scatter(k: Kit) -> None:
    """Scatter values to where an index map points."""
    size = k.rng.choice((16, 32, 64))
    t = k.rng.choice((k.real, k.real, k.vec3, k.vec2, I32))
    ids = k.index_array("targets|dest|bins|cell_ids|dst_idx|owner", size)
    d = k.define("d|dst|target|bin", ids[k.flat])
    v = k.load("value|mass|weight|amount|v", t, 0 if t is I32 else 0.1, 9 if t is I32 else 2.0)
    out = k.output("out|dst_values|accum|bin_sum|result", t)
    op = k.rng.weighted({"add": 0.5, "max": 0.15, "min": 0.1, "sub": 0.1, "plus": 0.15})
    if t.shape and op in ("max", "min"):
        op = "add"
    if k.rng.chance(0.25):
        limit = k.param("limit|max_bin|cutoff_bin", I32, size // 2, size - 1)
        condition = k.if_(d < limit)
    else:
        condition = None
    with condition or contextlib.nullcontext():
        if op == "plus":
            k.accumulate(out, d, v)
        else:
            # From zero on, which no positive value is below.
            k.discard(k.atomic(op, out, d, -v if op == "min" else v))
    if k.rng.chance(0.35):
        counts = k.output("counts|bin_count|hits", I32)
        k.discard(k.atomic("add", counts, d, 1))


@CATEGORY.motif(rank=1)
def permute(k: Kit) -> None:
    """Reorder elements by a permutation or its inverse."""
    n = k.draft.shape[0]
    t = _element(k)
    perm = k.array("perm|order|permutation|sort_indices", I32, lo=0, hi=n - 1, kind="permutation")
    p = k.define("p|from_idx|j|old_idx", perm[k.flat].within(0, n - 1))
    perm.spec.fixed = (n,)
    lo, hi = (0, 9) if t.is_int else (-2.0, 2.0)
    src = k.array("src|unsorted|values|keys", t, lo=lo, hi=hi)
    style = k.rng.integer(0, 3)
    if style == 0:
        k.give("sorted|reordered|permuted", src[p])
    elif style == 1:
        dst = k.output("sorted_values|reordered|dst", t)
        k.store(dst, p, src[k.flat])
    elif style == 2:
        inverse = k.output("inverse|inv_perm|rank", I32)
        k.store(inverse, p, k.flat)
        k.give("reordered|permuted", src[p])
    else:
        moved = k.let("moved|distance|shift", k.wp.abs(p - k.flat))
        k.give("displacement|moved", moved)
        k.give("permuted|sorted", src[p])


@CATEGORY.motif(rank=1)
def compaction(k: Kit) -> None:
    """Append the elements that pass a test to a compact list."""
    n = k.draft.shape[0]
    t = k.rng.choice((k.real, k.vec3, I32))
    v = k.load("value|point|candidate|item", t, 0 if t is I32 else -1.0, 9 if t is I32 else 1.0)
    counter = k.output("counter|count|num_active|total_count", I32)
    dst = k.output("compacted|active|survivors|selected", I32 if k.rng.chance(0.5) else t)
    if t is I32:
        test = v > k.param("cutoff|min_key|level", I32, 2, 6)
    elif t is k.real:
        test = v > k.param("threshold|cutoff|tol", k.real, -0.5, 0.5)
    else:
        test = k.wp.length(v) < k.param("radius|r_max|cutoff", k.real, 0.7, 1.5)
    capacity = k.rng.choice((0, n // 2))
    k.forward_only()
    with k.if_(test):
        slot = k.define("slot|pos|dst_idx|at", k.atomic("add", counter, 0, 1).within(0, n - 1))
        item = k.flat if dst.type is I32 else v
        if capacity:
            with k.if_(slot < k.size("capacity|max_out|max_count", capacity)):
                k.store(dst, slot.within(0, capacity - 1), item)
        else:
            k.store(dst, slot, item)


@CATEGORY.motif(rank=1)
def scan_compaction(k: Kit) -> None:
    """Write kept elements where an exclusive scan of the flags says."""
    n = k.draft.shape[0]
    flags = k.array("flags|keep|mask_in", I32, lo=0, hi=1)
    offsets = k.array("scan|offsets|prefix|write_pos", I32, lo=0, hi=n - 1, kind="permutation")
    offsets.subscript(k.flat)
    offsets.spec.fixed = (n,)
    t = k.rng.choice((k.real, k.vec3, k.vec2))
    src = k.load("src|value|item|sample", t, -2.0, 2.0)
    dst = k.output("dst|compacted|packed", t)
    test = flags[k.flat].ne(0) if k.rng.chance(0.5) else flags[k.flat] > 0
    with k.if_(test):
        k.store(dst, k.let("o|slot|offset", offsets[k.flat].within(0, n - 1)), src)
    if k.rng.chance(0.5):
        k.give("rejected|dropped", k.lit(1) - flags[k.flat])


@CATEGORY.motif(rank=1)
def aos_to_soa(k: Kit) -> None:
    """Split vectors into planes of components, or join them."""
    m = k.rng.choice((2, 3, 4))
    vt = vec(m, k.real)
    names = ("x|px|u", "y|py|v", "z|pz|w", "w|pw|q")
    style = k.rng.integer(0, 3)
    n = k.draft.shape[0]
    if style == 0:
        v = k.load("point|vector|aos|xyz", vt, -2.0, 2.0)
        for axis in range(m):
            k.give(names[axis], v[axis])
    elif style == 1:
        parts = [k.load(f"{'xyzw'[axis]}_in|src_{'xyzw'[axis]}", k.real, -2.0, 2.0) for axis in range(m)]
        k.give("packed|point|joined", k.make(vt, *parts))
    elif style == 2:
        flat = k.array("flat_data|buffer|interleaved", k.real, lo=-2.0, hi=2.0)
        base = k.let("base|o|offset", k.flat * m)
        k.give("point|packed|v", k.make(vt, *(flat[base + axis if axis else base] for axis in range(m))))
    else:
        v = k.load("point|vector|aos", vt, -2.0, 2.0)
        planes = k.output("soa|planes|flat_out", k.real)
        stride = k.extent() if k.rng.chance(0.5) else k.size("stride|pitch", n)
        with k.for_("c|axis|d", m) as c:
            k.store(planes, (c * stride + k.flat).within(0, m * n - 1), v[c])


@CATEGORY.motif(rank=1)
def strided_copy(k: Kit) -> None:
    """Strided, shifted or reversed copy."""
    n = k.draft.shape[0]
    t = k.rng.choice((k.real, k.vec3, k.vec2, I32))
    lo, hi = (0, 9) if t.is_int else (-2.0, 2.0)
    src = k.array("src|source|input_data|signal", t, lo=lo, hi=hi)
    style = k.rng.integer(0, 4)
    i = k.flat
    if style == 0:
        stride = k.rng.choice((2, 3, 4))
        s = k.size("stride|step|pitch", stride) if k.rng.chance(0.5) else k.lit(stride)
        start = k.rng.choice((0, 0, 1))
        at = (i * s + start if start else i * s).within(0, stride * n)
    elif style == 1:
        at = (k.extent() - 1 - i).within(0, n - 1)
    elif style == 2:
        shift = k.param("shift|offset|roll", I32, 1, 7)
        at = ((i + shift) % k.extent()).within(0, n - 1)
    elif style == 3:
        block = k.rng.choice((2, 4, 8))
        b = k.let("block|group|b", i // block)
        at = (b * block + (block - 1 - i % block)).within(0, n + block)
    else:
        at = k.wp.min(i * 2, k.extent() - 1).within(0, n - 1)
    k.give("copied|dst|moved", src[k.let("j|src_idx|s|at", at)])


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
