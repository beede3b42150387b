"""Tiles as signals, counters, stacks and queues: spectra, dots, histograms, scatters, tree traversal."""

from __future__ import annotations

from warpgen.synthesis.blocks.queries import bvh, cloud, count, mesh
from warpgen.synthesis.blocks.tile_steps import pipeline
from warpgen.synthesis.blocks.tiled import tiled, tiles
from warpgen.synthesis.blocks.tiles import Dim, Tile, tile_call
from warpgen.synthesis.categories.tile import CATEGORY
from warpgen.synthesis.categories.tile.linear import real_of
from warpgen.synthesis.kit.draft import Array
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import BOOL, I32, vec
from warpgen.synthesis.language.values import Value, call


@tiled(CATEGORY)
def spectrum(k: Kit) -> None:
    """Filter a signal in the frequency domain."""
    t, real = tiles(k), real_of(k)
    pair = vec(2, real)
    # The fallback transform wants as many points as a block has threads, at least.
    n, blocks = t.dim("FFT", 256, exact=True), k.rng.choice((1, 2))
    (i,) = t.open(blocks)
    blocks = t.counts[0]
    one = Dim(1, "1")
    signal = t.array("signal|x|samples", pair, (blocks, n.n))
    elementwise_rate, t.elementwise_rate = t.elementwise_rate, 0.0
    x = t.load(signal, (one, n), (i, 0), "x_tile|spectrum|f_tile", "register")
    k.do("wp.tile_fft", x)
    style = k.rng.choice(("power", "filter", "filter", "plain"))
    out = t.array("spectrum_out|filtered|y|out", pair, (blocks, n.n), role="output")
    if style == "filter":
        gain = (
            k.lit(1.0 / n.n, real) if k.rng.chance(0.5) else k.param("gain|strength|alpha", real, 0.001, 0.01)
        )
        damp = t.let("damped|scaled_t|g_tile", t.scale(x, gain))
        x = damp
        k.do("wp.tile_ifft", x)
    if style == "power":
        name = t.k.draft.module_name("power|magnitude_sq|spectral_power")
        k.draft.declare(name, f"@wp.func\ndef {name}(z: {t.dtype(pair)}):\n    return wp.dot(z, z)")
        p = t.let("power_t|p|mag2", Tile(f"wp.tile_map({name}, {x.text})", real, (one, n), 0.0, 1e5))
        t.store(t.array("power_out|psd|energy", real, (blocks, n.n), role="output"), p, (i, 0))
    else:
        t.store(out, x, (i, 0))
    t.elementwise_rate = elementwise_rate


@tiled(CATEGORY, weight=1.2)
def tile_dots(k: Kit) -> None:
    """Inner products and steps along a direction."""
    t, real = tiles(k), real_of(k)
    n, blocks = t.dim("", k.rng.choice((16, 32, 64))), k.rng.choice((2, 3, 4))
    (i,) = t.open(blocks)
    blocks = t.counts[0]
    extent = (n.n * blocks,)
    x = t.load(t.array("x|p|direction", real, extent), (n,), (t.at(i, n),), "x_tile|p_tile|tx")
    r = t.load(t.array("r|residual|g|gradient", real, extent), (n,), (t.at(i, n),), "r_tile|g_tile|tr")
    top = n.n * x.magnitude * r.magnitude
    dot = t.let("d|dot_t|pr", Tile(tile_call("wp.tile_dot", x, r), real, (Dim(1, "1"),), -top, top))
    style = k.rng.choice(("store", "project", "cg", "cosine"))
    if style == "store":
        t.store(t.array("dots|products|out", real, (blocks,), role="output"), dot, (i,))
        return
    norm = t.let(
        "nn|rr|norm2",
        Tile(tile_call("wp.tile_dot", r, r), real, (Dim(1, "1"),), 0.0, n.n * r.magnitude**2),
    )
    d, s = k.define("num|pr_value|a", t.element(dot, 0)), k.define("den|rr_value|b", t.element(norm, 0))
    ratio = k.define("alpha|coef|step", d / (s + k.number(0.01, 1.0)))
    ratio = k.define("beta|clamped|length", k.wp.clamp(ratio, k.lit(-1.0, real), k.lit(1.0, real)))
    if style == "cosine":
        k.store(t.array("cosines|similarity|out", real, (blocks,), role="output"), i, ratio)
        return
    sign = -ratio if style == "project" else ratio
    named = k.define("step_size|a_neg|w", sign) if not sign.is_name else sign
    k.do("wp.tile_axpy", named, r, x)
    m = x.magnitude + r.magnitude
    t.store(
        t.array("x_out|p_out|updated", real, extent, role="output"),
        Tile(x.text, real, (n,), -m, m),
        (t.at(i, n),),
    )


@tiled(CATEGORY, shares=False)
def tile_histogram(k: Kit) -> None:
    """Histogram of a block's part of the data, in a shared tile."""
    t, real = tiles(k), real_of(k)
    t.elementwise_rate = 0.0  # counts are stored as they are
    bins, n = t.dim("B", k.rng.choice((8, 16, 32))), k.rng.choice((64, 100, 128))
    blocks = k.rng.choice((2, 3, 4))
    i, lane = t.open(blocks, lane=True)
    kind = k.rng.choice((I32, real))
    hist = t.zeros("hist|bins|counts", kind, (bins,), "shared")
    data = t.array("data|x|samples", real, (n * blocks,), 0.0, 1.0)
    per_block = k.size("items|per_block|chunk", n)
    j = k.name("base|start|first|j")
    with k.block(f"for {j} in range(0, {per_block.text}, wp.block_dim()):"):
        at = k.define("idx|at|item", Value(f"{j} + {lane.text}", I32, 0, n - 1, k.author, 9))
        inside = k.define("valid|has_item|inside", at < per_block)
        b = k.var("b|bin_id|slot", 0, I32, lo=0, hi=bins.n - 1)
        with k.if_(inside):
            v = data[i * per_block + at]
            scaled = k.cast(v * float(bins.n), I32)
            k.set(b, k.wp.clamp(scaled, k.lit(0), k.lit(bins.n - 1)))
        one = k.lit(1, kind) if kind is I32 else k.lit(1.0, kind)
        rest = ", atomic=True" if k.rng.chance(0.2) else ""
        k.line(f"wp.tile_scatter_add({hist.text}, {b.text}, {one.text}, {inside.text}{rest})")
    if k.rng.chance(0.6):
        t.atomic_add(t.array("histogram|hist_out|bins_out", kind, (bins.n,), role="output"), hist)
    else:
        t.store(
            t.array("histograms|hist_out", kind, (blocks, bins.n), role="output"),
            t.let("row|wide", t.reshape(hist, (Dim(1, "1"), bins))),
            (i, 0),
        )


@tiled(CATEGORY, shares=False)
def tile_scatter(k: Kit) -> None:
    """Threads place their values in a shared tile."""
    t, real = tiles(k), real_of(k)
    n, blocks = t.dim("", k.rng.choice((32, 64, 128))), k.rng.choice((2, 3))
    i, lane = t.open(blocks, lane=True)
    x = t.array("x|src|values", real, (n.n * blocks,))
    out = t.zeros("buffer|s_tile|placed|t", real, (n,), "shared")
    j = k.name("base|start|first|j")
    rest = Value(n.text, I32, n.n, n.n, k.author)
    with k.block(f"for {j} in range(0, {n.text}, wp.block_dim()):"):
        at = k.define("src_idx|at|item", Value(f"{j} + {lane.text}", I32, 0, n.n - 1, k.author, 9))
        inside = k.define("valid|active|inside", at < rest)
        v = k.var("v|value|mine", k.lit(0.0, real), lo=-4.0, hi=4.0)
        with k.if_(inside):
            raw = x[t.at(i, n) + at]
            k.set(v, raw * raw if k.rng.chance(0.4) else raw * k.number(0.5, 3.0))
        slot = k.rng.choice((rest - 1 - at, at, (at + n.n // 2) % rest))
        place = k.define("slot|dst|to", slot)
        k.do("wp.tile_scatter_masked", out, place, v, inside)
    t.store(
        t.array("y|dst|out", real, (n.n * blocks,), role="output"),
        Tile(out.text, real, (n,), -4.0, 4.0),
        (t.at(i, n),),
    )


@tiled(CATEGORY, shares=False)
def tile_compaction(k: Kit) -> None:
    """Keep what passes a test, on a stack that the block shares."""
    t, real = tiles(k), real_of(k)
    n, blocks = k.rng.choice((32, 64, 96)), k.rng.choice((2, 3))
    capacity = t.dim("STACK", n, exact=True)
    i, lane = t.open(blocks, lane=True)
    x = t.array("data|x|candidates|scores", real, (n * blocks,), -1.0, 1.0)
    stack = k.name("stack|s|queue|worklist")
    item = k.rng.choice((real, I32))
    k.line(f"{stack} = wp.tile_stack(capacity={capacity.text}, dtype={t.dtype(item)})", stack)
    items = k.size("num_items|per_block|chunk", n)
    threshold = k.param("threshold|cutoff|limit", real, -0.3, 0.3)
    j = k.name("base|start|first|j")
    with k.block(f"for {j} in range(0, {items.text}, wp.block_dim()):"):
        at = k.define("idx|at|item", Value(f"{j} + {lane.text}", I32, 0, n - 1, k.author, 9))
        keep = k.var("keep|accepted|passes", False, BOOL, lo=0, hi=1)
        v = k.var("value|v|candidate", k.lit(0.0, real), lo=-1.0, hi=1.0)
        with k.if_(at < items):
            k.set(v, x[i * items + at])
            k.set(keep, v > threshold)
        pushed = v if item is real else at
        k.line(f"wp.tile_stack_push({stack}, {pushed.text}, {keep.text})")
    counts = t.array("counts|num_kept|sizes", I32, (blocks,), role="output")
    total = k.define("kept|n|size", call("wp.tile_stack_count", [stack], I32, 0, n, k.author))
    with k.if_(lane.eq(0)):
        k.store(counts, i, total)
    kept = t.array("kept_values|compacted|out", item, (n * blocks,), role="output")
    with k.block(f"while wp.tile_stack_count({stack}) > 0:"):
        value, slot = k.name("item_value|popped|top"), k.name("slot|place|position")
        k.line(f"{value}, {slot} = wp.tile_stack_pop({stack})", f"{value} {slot}")
        place = Value(slot, I32, 0, n - 1, k.author)
        with k.if_(place >= 0):
            k.store(kept, i * items + place, Value(value, item, -1.0, n, k.author))
    if k.rng.chance(0.3):
        k.line(f"wp.tile_stack_clear({stack})")


@tiled(CATEGORY, shares=False)
def tile_shared_number(k: Kit) -> None:
    """One thread reads a number for the whole block."""
    t, real = tiles(k), real_of(k)
    n, blocks = t.dim("", k.rng.choice((16, 32, 64))), k.rng.choice((2, 4, 6))
    i, lane = t.open(blocks, lane=True)
    scales = t.array("scales|gains|block_scale", real, (blocks,), 0.5, 2.0)
    s = k.var("s|scale|mine", k.lit(0.0, real), lo=0.0, hi=2.0)
    with k.if_(lane.eq(0)):
        k.set(s, scales[i])
    text = f"wp.tile_from_thread(shape={t.shape((n,), 0.0).text}, value={s.text}, thread_idx=0)"
    scale = t.let("scale_t|gain_tile|shared_s", Tile(text, real, (n,), 0.0, 2.0))
    x = t.load(t.array("x|a|signal", real, (n.n * blocks,)), (n,), (t.at(i, n),), "x_tile|t|a_tile")
    y = t.let("y_tile|scaled|out_t", t.binary(scale, "*", x))
    t.store(
        t.array("y|out|b", real, (n.n * blocks,), role="output"),
        pipeline(t, y, k.rng.integer(0, 2)),
        (t.at(i, n),),
    )


@tiled(CATEGORY, weight=3.5, f32=True, shares=False)
def tile_overlaps(k: Kit) -> None:
    """The block walks a tree together and marks what a box meets."""
    t = tiles(k)
    blocks = k.rng.choice((4, 6, 8))
    (i,) = t.open(blocks)
    on_mesh = k.rng.chance(0.4)
    old = k.rng.chance(0.45)
    centers = t.array("centers|query_points|probes", k.vec3, (blocks,), -0.8, 0.8)
    c = k.define("c|center|p", centers[i])
    if on_mesh:
        m = mesh(k)
        handle, total, stem = m.id, m.faces, "mesh_query_aabb"
    else:
        points = cloud(k, "positions|points|x")
        handle, total, stem = bvh(k, points, k.rng.choice((0.1, 0.15, 0.2))), count(points), "bvh_query_aabb"
    advance = "mesh_query_aabb_next" if on_mesh else "bvh_query_next"
    if not on_mesh and k.rng.chance(0.4):
        stem = "bvh_query_ray"
        d = t.array("directions|dirs|rays", k.vec3, (blocks,), kind="unit")
        args = f"{handle.text}, {c.text}, {d.subscript(i).text}"
    else:
        r = k.param("radius|half_extent|margin", k.real, 0.2, 0.6)
        e = k.define("extent|h|half", k.make(k.vec3, r, r, r))
        args = f"{handle.text}, {c.text} - {e.text}, {c.text} + {e.text}"
    q = k.name("query|q|walk")
    k.line(f"{q} = wp.{f'{stem}_tiled' if old else f'tile_{stem}'}({args})", q)
    hits = t.array("hits|marks|counts|touched", I32, (total,), role="output")
    number = t.array("num_found|overlap_count|found", I32, (blocks,), role="output")
    with k.block(f"while wp.tile_query_valid({q}):"):
        found = k.name("found_t|result|batch")
        k.line(f"{found} = wp.{f'{advance}_tiled' if old else f'tile_{advance}'}({q})", found)
        index = k.define(
            "index|item|face" if on_mesh else "index|item|j",
            call("wp.untile", [found], I32, 0, total - 1, k.author),
        )
        with k.if_(index >= 0):
            if stem == "bvh_query_aabb" and k.rng.chance(0.5):
                near = k.wp.length(points[index] - c).within(0, 4) < k.param(
                    "cutoff|reach|max_dist", k.real, 0.3, 1.0
                )
                with k.if_(near):
                    _mark(k, hits, number, index, i)
            else:
                _mark(k, hits, number, index, i)


def _mark(k: Kit, hits: Array, number: Array, index: Value, i: Value) -> None:
    if k.rng.chance(0.7):
        k.discard(k.atomic("add", hits, index, 1))
    else:
        k.store(hits, index, k.lit(1))
    if k.rng.chance(0.6):
        k.discard(k.atomic("add", number, i, 1))
