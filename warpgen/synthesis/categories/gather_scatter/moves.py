"""Moving data: gathers, scatters, permutations, compaction, layouts, strides."""

from __future__ import annotations

import contextlib

from warpgen.synthesis.categories.gather_scatter import CATEGORY
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import I32, Type, vec
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
