"""Tiles as matrices, signals, stacks and queues: products, factorisations, transforms, tree traversal."""

from __future__ import annotations

from warpgen.synthesis.blocks.queries import bvh, cloud, count, mesh
from warpgen.synthesis.blocks.tile_steps import pipeline
from warpgen.synthesis.blocks.tiled import tiled, tiles
from warpgen.synthesis.blocks.tiles import Dim, Tile, Tiles
from warpgen.synthesis.categories.tile import CATEGORY
from warpgen.synthesis.kit.draft import Array
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import BOOL, F16, I32, Type, vec
from warpgen.synthesis.language.values import Value, call


def _real(k: Kit) -> Type:
    k.expect(k.real is not F16, "tiles of half precision are left out")
    return k.real


def _matmul(t: Tiles, a: Tile, b: Tile) -> Tile:
    top = a.shape[1].n * a.magnitude * b.magnitude
    return Tile(f"wp.tile_matmul({a.text}, {b.text})", a.type, (a.shape[0], b.shape[1]), -top, top)


def _spd(t: Tiles, i: Value, n: Dim, real: Type) -> Tile:
    """A symmetric positive definite tile: a Gram matrix with a lifted diagonal."""
    k = t.k
    raw = t.load(
        t.array("a|mats|j_mats|factors", real, (n.n * t.counts[0], n.n), -0.5, 0.5),
        (n, n),
        (t.at(i, n), 0),
        "j_tile|b_tile|raw",
    )
    gram = t.let("gram|h_tile|jtj|ata", _matmul(t, t.let("jt|raw_t|bt", t.transpose(raw)), raw))
    damping = k.number(1.0, 4.0)
    if k.rng.chance(0.5):
        lift = t.full("damping|diag_tile|ridge", damping, real, (n,))
    else:
        diag = t.array("diag|lambdas|regularization", real, (n.n * t.counts[0],), 1.0, 3.0)
        lift = t.load(diag, (n,), (t.at(i, n),), "d_tile|diag_tile|lam", "shared")
    text = f"wp.tile_diag_add({gram.text}, {lift.text})"
    return t.let("a_tile|spd|system|m_tile", Tile(text, real, (n, n), -8.0, 8.0))


@tiled(CATEGORY, weight=1.6, shares=False)
def tile_gemm(k: Kit) -> None:
    """Product of two matrices by tiles."""
    t, real = tiles(k), _real(k)
    m, n, d = (t.dim(c, k.rng.choice((4, 8, 16))) for c in "MNK")
    bm, bn, steps = k.rng.choice((2, 3)), k.rng.choice((1, 2, 3)), k.rng.choice((2, 3, 4))
    i, j = t.open(bm, bn)
    a = t.array("a|A|lhs|x", real, (m.n * bm, d.n * steps))
    transposed = k.rng.chance(0.25)
    b = t.array("b|B|rhs|w", real, (n.n * bn, d.n * steps) if transposed else (d.n * steps, n.n * bn))
    total = t.zeros("acc|c_tile|sum_tile|out_tile", real, (m, n))
    turns = k.size("num_steps|k_tiles|steps", steps) if k.rng.chance(0.3) else steps
    if k.rng.chance(0.3):
        turns = k.lit(steps)
    t.elementwise_rate *= 0.5
    with k.for_("kk|step|s|k", turns) as s:
        at = t.let("a_tile|at|ta", t.load_text(a, (m, d), (t.at(i, m), t.at(s, d))))
        if transposed:
            raw = t.let("bt|b_raw", t.load_text(b, (n, d), (t.at(j, n), t.at(s, d))))
            bt = t.let("b_tile|tb", t.transpose(raw))
        else:
            bt = t.let("b_tile|bt|tb", t.load_text(b, (d, n), (t.at(s, d), t.at(j, n))))
        style = k.rng.choice(("inplace", "inplace", "add", "alpha"))
        if style == "add":
            k.line(f"{total.text} += {_matmul(t, at, bt).text}")
        elif style == "alpha":
            k.line(f"wp.tile_matmul({at.text}, {bt.text}, {total.text}, alpha={k.number(0.5, 2.0)})")
        else:
            k.line(f"wp.tile_matmul({at.text}, {bt.text}, {total.text})")
    t.pool.clear()
    top = 2.0 * d.n * steps
    total.lo, total.hi = -top, top
    t.pool.append(total)
    out = total
    if k.rng.chance(0.35):
        bias = t.load(t.array("bias|v|shift", real, (n.n * bn,)), (n,), (t.at(j, n),), "bias_tile|v_tile")
        out = t.let("biased|z|pre", t.binary(out, "+", t.let("bias_b|spread", t.broadcast(bias, (m, n)))))
    if k.rng.chance(0.4):
        out = pipeline(t, out, k.rng.integer(1, 2))
    c = t.array("c|C|out|y", real, (m.n * bm, n.n * bn), role="output")
    if k.rng.chance(0.15):
        t.atomic_add(c, out, (t.at(i, m), t.at(j, n)))
    else:
        t.store(c, out, (t.at(i, m), t.at(j, n)))


@tiled(CATEGORY, weight=1.3)
def tile_products(k: Kit) -> None:
    """Products of small matrices, one set per block."""
    t, real = tiles(k), _real(k)
    n, blocks = t.dim("N", k.rng.choice((4, 6, 8))), k.rng.choice((2, 3, 4))
    (i,) = t.open(blocks)
    blocks = t.counts[0]
    square = (n.n * blocks, n.n)
    a = t.load(t.array("a|m_in|basis|rotation", real, square), (n, n), (t.at(i, n), 0), "a_tile|ta|m_tile")
    style = k.rng.choice(("gram", "sandwich", "pair", "power"))
    if style == "gram":
        c = t.let("g|gram|cov", _matmul(t, a, t.let("at|a_t", t.transpose(a))))
    elif style == "power":
        c = t.let("a2|squared", _matmul(t, a, a))
        if k.rng.chance(0.5):
            c = t.let("a3|cubed", _matmul(t, t.saturate_let(c), a))
    else:
        b = t.load(t.array("b|w|k_mats|stiffness", real, square), (n, n), (t.at(i, n), 0), "b_tile|tb|w_tile")
        c = t.let("ab|prod|c_tile", _matmul(t, a, b))
        if style == "sandwich":
            c = t.let("aba|rotated|k_tile", _matmul(t, t.saturate_let(c), t.let("at|a_t", t.transpose(a))))
    if k.rng.chance(0.4):
        c = t.let("mixed|s_tile|blend", t.binary(c, k.rng.choice("+-"), a))
    t.store(t.array("c|out|products|result", real, square, role="output"), c, (t.at(i, n), 0))
    if k.rng.chance(0.3):
        energy = t.let("energy|e|fro", t.sum(t.let("c2|sq", t.binary(c, "*", c))))
        t.atomic_add(t.array("energy_out|loss|total", real, (1,), role="output"), energy)


@tiled(CATEGORY, weight=1.5)
def cholesky_system(k: Kit) -> None:
    """Solve a symmetric positive definite system per block."""
    t, real = tiles(k), _real(k)
    n, blocks = t.dim("N", k.rng.choice((4, 6, 8))), k.rng.choice((2, 3, 4))
    (i,) = t.open(blocks)
    blocks = t.counts[0]
    a = _spd(t, i, n, real)
    columns = k.rng.choice((0, 0, 1, 2))
    shape: tuple[Dim, ...] = (n,)
    at: tuple[Value | int, ...] = (t.at(i, n),)
    extents: tuple[int, ...] = (n.n * blocks,)
    if columns:
        shape, at, extents = (n, Dim(columns, str(columns))), (t.at(i, n), 0), (n.n * blocks, columns)
    b = t.load(
        t.array("b|rhs|y|residual", real, extents),
        shape,
        at,
        "b_vec|rhs_tile|y_tile",
        k.rng.choice(("", "shared")),
    )
    upper = k.rng.chance(0.2)
    mode = ', fill_mode="upper"' if upper else k.rng.choice(("", "", ', fill_mode="lower"'))
    inplace = k.rng.chance(0.35)
    if inplace:
        k.line(f"wp.tile_cholesky_inplace({a.text}{mode})")
        factor = a
    else:
        factor = t.let(
            "l_tile|chol|L|factor", Tile(f"wp.tile_cholesky({a.text}{mode})", real, (n, n), -4.0, 4.0)
        )
    x = _solve(t, factor, b, mode, upper, shape)
    t.store(t.array("x|solution|dx|out", real, extents, role="output"), x, at)
    if k.rng.chance(0.3) and not inplace:
        t.store(
            t.array("factors_out|l_out|chol_out", real, (n.n * blocks, n.n), role="output"),
            factor,
            (t.at(i, n), 0),
        )
    if k.rng.chance(0.3):
        _log_determinant(t, i, factor, n, real)


def _solve(t: Tiles, factor: Tile, b: Tile, mode: str, upper: bool, shape: tuple[Dim, ...]) -> Tile:
    """The solution, by the factor at once or by two triangular solves."""
    k, real = t.k, b.type
    style = k.rng.choice(("chol", "chol_inplace", "two", "two_inplace"))
    if style == "chol" or (upper and style != "chol_inplace"):
        text = f"wp.tile_cholesky_solve({factor.text}, {b.text}{mode})"
        return t.let("x_tile|sol|dx_tile", Tile(text, real, shape, -10.0, 10.0))
    if style == "chol_inplace":
        k.line(f"wp.tile_cholesky_solve_inplace({factor.text}, {b.text}{mode})")
        return Tile(b.text, real, shape, -10.0, 10.0)
    back = t.let("lt|l_t|u_tile", t.transpose(factor))
    if style == "two":
        z = t.let(
            "z|forward|z_tile",
            Tile(f"wp.tile_lower_solve({factor.text}, {b.text})", real, shape, -10.0, 10.0),
        )
        return t.let(
            "x_tile|sol|back", Tile(f"wp.tile_upper_solve({back.text}, {z.text})", real, shape, -10.0, 10.0)
        )
    k.line(f"wp.tile_lower_solve_inplace({factor.text}, {b.text})")
    k.line(f"wp.tile_upper_solve_inplace({back.text}, {b.text})")
    return Tile(b.text, real, shape, -10.0, 10.0)


def _log_determinant(t: Tiles, i: Value, factor: Tile, n: Dim, real: Type) -> None:
    k = t.k
    total = k.var("logdet|log_det|acc", k.lit(0.0, real), lo=-50.0, hi=50.0)
    with k.for_("r|row|q", n.n) as r:
        k.add(total, k.wp.log(t.element(Tile(factor.text, real, factor.shape, 0.5, 4.0), r, r)))
    k.store(t.array("logdets|logdet_out", real, t.counts, role="output"), i, total * 2.0)


@tiled(CATEGORY)
def triangular_system(k: Kit) -> None:
    """Forward or back substitution with a triangular tile."""
    t, real = tiles(k), _real(k)
    n, blocks = t.dim("N", k.rng.choice((4, 6, 8))), k.rng.choice((2, 3))
    (i,) = t.open(blocks)
    blocks = t.counts[0]
    upper = k.rng.chance(0.5)
    raw = t.load(
        t.array("tri|l|lower|upper", real, (n.n * blocks, n.n), -0.4, 0.4),
        (n, n),
        (t.at(i, n), 0),
        "l_tile|tri_tile|raw",
        "shared",
    )
    ones = t.full("unit_diag|ones_t|lift", k.number(1.5, 4.0), real, (n,))
    a = t.let(
        "tri|system|shifted", Tile(f"wp.tile_diag_add({raw.text}, {ones.text})", real, (n, n), -4.0, 4.0)
    )
    y = t.load(
        t.array("y|b|rhs", real, (n.n * blocks,)), (n,), (t.at(i, n),), "y_tile|b_tile|rhs_tile", "shared"
    )
    side = "upper" if upper else "lower"
    if k.rng.chance(0.4):
        k.line(f"wp.tile_{side}_solve_inplace({a.text}, {y.text})")
        x = Tile(y.text, real, (n,), -10.0, 10.0)
    else:
        x = t.let("z|x_tile|sol", Tile(f"wp.tile_{side}_solve({a.text}, {y.text})", real, (n,), -10.0, 10.0))
    t.store(t.array("x|z|solution|out", real, (n.n * blocks,), role="output"), x, (t.at(i, n),))


@tiled(CATEGORY)
def spectrum(k: Kit) -> None:
    """Filter a signal in the frequency domain."""
    t, real = tiles(k), _real(k)
    pair = vec(2, real)
    # The fallback transform wants as many points as a block has threads, at least.
    n, blocks = t.dim("FFT", 256, exact=True), k.rng.choice((1, 2))
    (i,) = t.open(blocks)
    blocks = t.counts[0]
    one = Dim(1, "1")
    signal = t.array("signal|x|samples", pair, (blocks, n.n))
    elementwise_rate, t.elementwise_rate = t.elementwise_rate, 0.0
    x = t.load(signal, (one, n), (i, 0), "x_tile|spectrum|f_tile", "register")
    k.line(f"wp.tile_fft({x.text})")
    style = k.rng.choice(("power", "filter", "filter", "plain"))
    out = t.array("spectrum_out|filtered|y|out", pair, (blocks, n.n), role="output")
    if style == "filter":
        gain = (
            k.lit(1.0 / n.n, real) if k.rng.chance(0.5) else k.param("gain|strength|alpha", real, 0.001, 0.01)
        )
        damp = t.let("damped|scaled_t|g_tile", t.scale(x, gain))
        x = damp
        k.line(f"wp.tile_ifft({x.text})")
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
    t, real = tiles(k), _real(k)
    n, blocks = t.dim("", k.rng.choice((16, 32, 64))), k.rng.choice((2, 3, 4))
    (i,) = t.open(blocks)
    blocks = t.counts[0]
    extent = (n.n * blocks,)
    x = t.load(t.array("x|p|direction", real, extent), (n,), (t.at(i, n),), "x_tile|p_tile|tx")
    r = t.load(t.array("r|residual|g|gradient", real, extent), (n,), (t.at(i, n),), "r_tile|g_tile|tr")
    top = n.n * x.magnitude * r.magnitude
    dot = t.let("d|dot_t|pr", Tile(f"wp.tile_dot({x.text}, {r.text})", real, (Dim(1, "1"),), -top, top))
    style = k.rng.choice(("store", "project", "cg", "cosine"))
    if style == "store":
        t.store(t.array("dots|products|out", real, (blocks,), role="output"), dot, (i,))
        return
    norm = t.let(
        "nn|rr|norm2",
        Tile(f"wp.tile_dot({r.text}, {r.text})", real, (Dim(1, "1"),), 0.0, n.n * r.magnitude**2),
    )
    d, s = k.define("num|pr_value|a", t.element(dot, 0)), k.define("den|rr_value|b", t.element(norm, 0))
    ratio = k.define("alpha|coef|step", d / (s + k.number(0.01, 1.0)))
    ratio = k.define("beta|clamped|length", k.wp.clamp(ratio, k.lit(-1.0, real), k.lit(1.0, real)))
    if style == "cosine":
        k.store(t.array("cosines|similarity|out", real, (blocks,), role="output"), i, ratio)
        return
    sign = -ratio if style == "project" else ratio
    named = k.define("step_size|a_neg|w", sign) if not sign.is_name else sign
    k.line(f"wp.tile_axpy({named.text}, {r.text}, {x.text})")
    m = x.magnitude + r.magnitude
    t.store(
        t.array("x_out|p_out|updated", real, extent, role="output"),
        Tile(x.text, real, (n,), -m, m),
        (t.at(i, n),),
    )


@tiled(CATEGORY, shares=False)
def tile_histogram(k: Kit) -> None:
    """Histogram of a block's part of the data, in a shared tile."""
    t, real = tiles(k), _real(k)
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
    t, real = tiles(k), _real(k)
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
        k.line(f"wp.tile_scatter_masked({out.text}, {place.text}, {v.text}, {inside.text})")
    t.store(
        t.array("y|dst|out", real, (n.n * blocks,), role="output"),
        Tile(out.text, real, (n,), -4.0, 4.0),
        (t.at(i, n),),
    )


@tiled(CATEGORY, shares=False)
def tile_compaction(k: Kit) -> None:
    """Keep what passes a test, on a stack that the block shares."""
    t, real = tiles(k), _real(k)
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
    t, real = tiles(k), _real(k)
    n, blocks = t.dim("", k.rng.choice((16, 32, 64))), k.rng.choice((2, 4, 6))
    i, lane = t.open(blocks, lane=True)
    scales = t.array("scales|gains|block_scale", real, (blocks,), 0.5, 2.0)
    s = k.var("s|scale|mine", k.lit(0.0, real), lo=0.0, hi=2.0)
    with k.if_(lane.eq(0)):
        k.set(s, scales[i])
    text = f"wp.tile_from_thread(shape={t.shape((n,), 0.0)}, value={s.text}, thread_idx=0)"
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
        args = f"{handle.text}, {c.text}, {d.subscript(i)}"
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
