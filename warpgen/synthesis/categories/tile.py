"""Tiles: elementwise pipelines, reductions, scans, sorting, gathering, stacks and random tiles."""

from __future__ import annotations

from warpgen.synthesis.kit import Kit
from warpgen.synthesis.motif import Category
from warpgen.synthesis.tile_steps import pipeline
from warpgen.synthesis.tiles import Dim, Tile, Tiles, tiled, tiles
from warpgen.synthesis.types import F16, F64, I32, U32, Type
from warpgen.synthesis.values import Value, call

# Tiles pull in much of Warp's C++: a tile program costs about ten times the compile time of another.
CATEGORY = Category("tile", "cooperative tiles: load, map, reduce, scan, sort, gather, store", 0.6)

_IN = "x|a|data|src|input|values"
_OUT = "y|out|dst|result|output|b"
_TILE = "t|x_tile|tile|a_tile|block_data"


def _real(k: Kit) -> Type:
    k.expect(k.real is not F16, "tiles of half precision are left out")
    return k.real


@tiled(CATEGORY, weight=1.6)
def tile_elementwise(k: Kit) -> None:
    """Elementwise pipeline over one-dimensional tiles."""
    t, real = tiles(k), _real(k)
    n, blocks = t.dim("", k.rng.choice((16, 32, 64, 128, 256))), k.rng.choice((2, 3, 4, 6, 8))
    (i,) = t.open(blocks)
    blocks = t.counts[0]
    start = t.at(i, n)
    if k.rng.chance(0.4):
        start = k.define("offset|base|start", start)
    count = k.rng.integer(1, 3)
    names = ("x|a|src|input", "y|b|other|grad", "z|w|weights|mask")
    loaded = [
        t.load(
            t.array(names[c], real, (n.n * blocks,), 0.1 if k.rng.chance(0.3) else -1.0, 2.0),
            (n,),
            (start,),
            f"{names[c][0]}_tile|t{names[c][0]}|{names[c][0]}t",
        )
        for c in range(count)
    ]
    result = pipeline(t, loaded[0], k.rng.integer(1, 5))
    t.store(t.array(_OUT, real, (n.n * blocks,), role="output"), result, (start,))
    if k.rng.chance(0.3):
        total = t.let("total|s|partial", t.sum(result))
        t.atomic_add(t.array("total|loss|sum", real, (1,), role="output"), total)


@tiled(CATEGORY, weight=1.2, shares=False)
def tile_elementwise_2d(k: Kit) -> None:
    """Elementwise pipeline over two-dimensional tiles."""
    t, real = tiles(k), _real(k)
    m, n = t.dim("M", k.rng.choice((4, 8, 16))), t.dim("N", k.rng.choice((4, 8, 16, 32)))
    blocks = (k.rng.choice((2, 3, 4)), k.rng.choice((1, 2, 3)))
    i, j = t.open(*blocks)
    at = (t.at(i, m), t.at(j, n))
    full = (m.n * blocks[0], n.n * blocks[1])
    a = t.load(t.array("a|x|src|image", real, full), (m, n), at, "a_tile|ta|t|x_tile")
    if k.rng.chance(0.6):
        t.load(t.array("b|y|other", real, full), (m, n), at, "b_tile|tb|y_tile")
    if k.rng.chance(0.5):
        row = t.load(
            t.array("bias|row|v|weights", real, (full[1],)), (n,), (at[1],), "bias_tile|row_tile|v_tile"
        )
        t.let("row_b|bias_b|spread", t.broadcast(row, (m, n)))
    if k.rng.chance(0.3):
        col = t.load(
            t.array("scales|col|u", real, (full[0],), 0.5, 2.0), (m,), (at[0],), "col_tile|scale_tile|u_tile"
        )
        t.let("col_b|scale_b|rows", t.column(col, (m, n)))
    result = pipeline(t, a, k.rng.integer(1, 4))
    if k.rng.chance(0.3):
        flipped = t.let("flipped|tt|out_t", t.transpose(result))
        t.store(t.array("out_t|transposed|at", real, full[::-1], role="output"), flipped, at[::-1])
        return
    t.store(t.array(_OUT, real, full, role="output"), result, at)


@tiled(CATEGORY, weight=1.5)
def tile_reduction(k: Kit) -> None:
    """Reduce tiles to numbers."""
    t, real = tiles(k), _real(k)
    n, blocks = t.dim("", k.rng.choice((32, 64, 128, 256))), k.rng.choice((2, 4, 5, 8))
    (i,) = t.open(blocks)
    blocks = t.counts[0]
    x = t.load(t.array(_IN, real, (n.n * blocks,), -1.0, 2.0), (n,), (t.at(i, n),), _TILE)
    x = pipeline(t, x, k.rng.integer(0, 2))
    for kind in k.rng.sample(
        ("sum", "min", "max", "reduce", "argmin", "argmax", "norm", "mean"), k.rng.integer(1, 3)
    ):
        if kind in ("argmin", "argmax"):
            where = t.let(
                f"{kind}_tile|idx|where", Tile(f"wp.tile_{kind}({x.text})", I32, (Dim(1, "1"),), 0, n.n - 1)
            )
            t.store(t.array(f"{kind}_out|indices|{kind}s", I32, (blocks,), role="output"), where, (i,))
            continue
        if kind == "reduce":
            op = k.rng.choice(("wp.max", "wp.min", "wp.add"))
            total = t.reduce(op, x, None, x.lo * n.n, x.hi * n.n)
        elif kind in ("min", "max"):
            total = t.extreme(kind, x)
        elif kind == "norm":
            total = t.sum(t.let("sq|squared|x2", t.binary(x, "*", x)))
        else:
            total = t.sum(x)
        s = t.let(f"{kind}_tile|s|total|r", total)
        _finish(t, s, kind, i, blocks, n)


def _finish(t: Tiles, s: Tile, kind: str, i: Value, blocks: int, n: Dim) -> None:
    """A tile of one number goes to its block's place, into a total, or on as a scalar."""
    k = t.k
    stem = {"sum": "sums", "norm": "norms", "mean": "means", "reduce": "reduced"}.get(kind, f"{kind}s")
    style = k.rng.choice(("store", "store", "atomic", "scalar"))
    if kind in ("mean", "norm"):
        style = "scalar"
    if style == "atomic":
        t.atomic_add(t.array(f"total_{kind}|total|result", s.type, (1,), role="output"), s)
    elif style == "store":
        t.store(t.array(f"{stem}|block_{stem}|partial", s.type, (blocks,), role="output"), s, (i,))
    else:
        v = k.define(f"{kind}_value|value|v", t.element(s, 0))
        if kind == "mean":
            v = v / k.lit(float(n.n), s.type) if k.rng.chance(0.6) else v * k.lit(1.0 / n.n, s.type)
        elif kind == "norm":
            v = k.wp.sqrt(v)
        k.store(t.array(f"{stem}|block_{stem}|out", s.type, (blocks,), role="output"), i, v)


@tiled(CATEGORY, weight=1.3)
def tile_rows(k: Kit) -> None:
    """Reduce a two-dimensional tile along an axis."""
    t, real = tiles(k), _real(k)
    m, n = t.dim("M", k.rng.choice((4, 8, 16))), t.dim("N", k.rng.choice((8, 16, 32)))
    blocks = k.rng.choice((2, 3, 4, 6))
    (i,) = t.open(blocks)
    blocks = t.counts[0]
    x = t.load(t.array(_IN, real, (m.n * blocks, n.n), -1.0, 1.0), (m, n), (t.at(i, m), 0), _TILE)
    axis = k.rng.choice((1, 1, 0))
    kept = m if axis == 1 else n
    if k.rng.chance(0.5):
        s = t.let("sums|s|row_sum|totals", t.sum(x, axis))
    else:
        op, lo, hi = k.rng.choice((("wp.max", -1.0, 1.0), ("wp.min", -1.0, 1.0), ("wp.add", -32.0, 32.0)))
        s = t.let("m|extreme|peaks|row_max", t.reduce(op, x, axis, lo, hi))
    out = t.array("out|sums|row_out|stats", real, (kept.n * blocks,), role="output")
    if k.rng.chance(0.5):
        t.store(out, s, (t.at(i, kept),))
        return
    spread = t.column(s, (m, n)) if axis == 1 else t.broadcast(s, (m, n))
    centred = t.let("centered|d|diff", t.binary(x, "-", t.let("spread|s_b|mean_b", spread)))
    if k.rng.chance(0.5):
        centred = t.let("sq|d2|dev", t.binary(centred, "*", centred))
        var = t.let("var|energy|v", t.sum(centred, axis))
        t.store(out, var, (t.at(i, kept),))
    else:
        t.store(
            t.array("centered_out|y|normalized", real, (m.n * blocks, n.n), role="output"),
            centred,
            (t.at(i, m), 0),
        )


@tiled(CATEGORY)
def softmax_rows(k: Kit) -> None:
    """Softmax over the rows of a tile."""
    t, real = tiles(k), _real(k)
    one = k.rng.chance(0.5)
    n, blocks = t.dim("N", k.rng.choice((8, 16, 32))), k.rng.choice((2, 4, 6))
    if one:
        (i,) = t.open(blocks)
        blocks = t.counts[0]
        shape: tuple[Dim, ...] = (n,)
        x = t.load(
            t.array("logits|x|scores", real, (blocks * n.n,), -3.0, 3.0),
            shape,
            (t.at(i, n),),
            "x_tile|logit_tile|t",
        )
        top = t.let(
            "m|row_max|peak",
            t.extreme("max", x) if k.rng.chance(0.6) else t.reduce("wp.max", x, None, -3.0, 3.0),
        )
        shifted = t.let("shifted|z|d", t.binary(x, "-", t.let("m_b|peak_b", t.broadcast(top, shape))))
    else:
        m = t.dim("M", k.rng.choice((4, 8)))
        (i,) = t.open(blocks)
        blocks = t.counts[0]
        shape = (m, n)
        x = t.load(
            t.array("logits|x|scores", real, (blocks * m.n, n.n), -3.0, 3.0),
            shape,
            (t.at(i, m), 0),
            "x_tile|logit_tile|t",
        )
        top = t.let("m|row_max|peak", t.reduce("wp.max", x, 1, -3.0, 3.0))
        shifted = t.let("shifted|z|d", t.binary(x, "-", t.let("m_b|peak_b", t.column(top, shape))))
    e = t.let("e|exp_tile|num", t.map("wp.exp", 0.0, 1.0, shifted))
    s = t.let("s|denom|norm", t.sum(e, None if one else 1))
    spread = t.let("denom_b|s_b|norm_b", t.broadcast(s, shape) if one else t.column(s, shape))
    div = (
        f"{e.text} / {spread.text}" if k.rng.chance(0.6) else f"wp.tile_map(wp.div, {e.text}, {spread.text})"
    )
    p = t.let("p|probs|soft", Tile(div, real, shape, 0.0, 1.0))
    extent = (blocks * n.n,) if one else (blocks * shape[0].n, n.n)
    t.store(
        t.array("probs|y|out|softmax_out", real, extent, role="output"),
        p,
        (t.at(i, n),) if one else (t.at(i, shape[0]), 0),
    )


@tiled(CATEGORY)
def normalize_rows(k: Kit) -> None:
    """Subtract the mean of a tile and divide by its deviation."""
    t, real = tiles(k), _real(k)
    n, blocks = t.dim("", k.rng.choice((16, 32, 64, 128))), k.rng.choice((2, 4, 8))
    (i,) = t.open(blocks)
    blocks = t.counts[0]
    x = t.load(
        t.array("x|hidden|activations", real, (blocks, n.n), -2.0, 2.0),
        (Dim(1, "1"), n),
        (i, 0),
        "x_tile|t|row",
    )
    if k.rng.chance(0.5):
        x = t.let("r|flat|row_tile", Tile(f"wp.tile_squeeze({x.text})", real, (n,), x.lo, x.hi))
    inv = k.lit(1.0 / n.n, real)
    shape = x.shape
    rms = k.rng.chance(0.4)
    if not rms:
        mean = k.define("mean|mu|avg", t.element(t.let("s|sum_tile", t.sum(x)), 0) * inv)
        c = t.function("subtract|center|shift", "a b", "return a - b", real)
        x = t.let("d|centered|diff", t.map(c, -4.0, 4.0, x, mean))
    var = k.define(
        "var|variance|ms", t.element(t.let("sq|energy", t.sum(t.let("x2|d2", t.binary(x, "*", x)))), 0) * inv
    )
    scale = k.define(
        "inv_std|rstd|scale", k.lit(1.0, real) / k.wp.sqrt(var.within(0, 16) + k.number(1e-3, 0.1))
    )
    y = t.let("y_tile|y|normed", t.scale(x, scale))
    if k.rng.chance(0.5) and len(shape) == 1:
        gamma = t.load(t.array("gamma|weight|g", real, (n.n,), 0.5, 1.5), shape, (0,), "g_tile|gamma_tile|w")
        y = t.let("scaled|yg|out_tile", t.binary(y, "*", gamma))
    if len(shape) == 1:
        y = t.let("y2|row_out|wide", t.reshape(y, (Dim(1, "1"), n)))
    t.store(t.array("y|out|normalized", real, (blocks, n.n), role="output"), y, (i, 0))


@tiled(CATEGORY, weight=1.2)
def tile_scan(k: Kit) -> None:
    """Prefix sums and running extremes of a tile."""
    t = tiles(k)
    type = k.rng.choice((_real(k), I32, I32))
    n, blocks = t.dim("", k.rng.choice((16, 32, 64, 128))), k.rng.choice((2, 4, 6))
    (i,) = t.open(blocks)
    blocks = t.counts[0]
    src = t.array("counts|flags|x|values", type, (n.n * blocks,), 0.0, 4.0)
    x = t.load(src, (n,), (t.at(i, n),), _TILE)
    for kind in k.rng.sample(
        ("inclusive", "exclusive", "max_inclusive", "min_inclusive"), k.rng.integer(1, 2)
    ):
        k.expect(type is not F64, "scans know no double precision")
        scan = Tile(f"wp.tile_scan_{kind}({x.text})", type, (n,), 0.0, 4.0 * n.n)
        s = t.let("scan|prefix|s|cumulative|running", scan)
        if kind == "inclusive" and k.rng.chance(0.3):
            s = t.let("before|shifted|excl", t.binary(s, "-", x))
        t.store(
            t.array(f"{kind}_scan|offsets|prefix|out", type, (n.n * blocks,), role="output"), s, (t.at(i, n),)
        )
    if k.rng.chance(0.4):
        t.store(
            t.array("totals|block_sums|sums", type, (blocks,), role="output"),
            t.let("total|last", t.sum(x)),
            (i,),
        )


@tiled(CATEGORY)
def tile_sorting(k: Kit) -> None:
    """Sort keys and values inside each tile."""
    t = tiles(k)
    n, blocks = t.dim("", k.rng.choice((8, 16, 32, 64))), k.rng.choice((2, 4))
    (i,) = t.open(blocks)
    blocks = t.counts[0]
    type = k.rng.choice((k.real if k.real.name == "float32" else I32, I32, U32))
    at = t.at(i, n)
    keys_in = t.array("keys|codes|depths|distances", type, (n.n * blocks,), 0.0, 1000.0)
    keys = t.load(keys_in, (n,), (at,), "key_tile|keys_t|kt", k.rng.choice(("", "shared")))
    if k.rng.chance(0.6):
        values = t.arange("ids|order|rank_tile", n, I32)
    else:
        values = t.load(
            t.array("payload|values|indices", I32, (n.n * blocks,), 0, 500), (n,), (at,), "value_tile|vals|vt"
        )
    t.call("tile_sort", keys, values)
    if k.rng.chance(0.8):
        t.store(t.array("sorted_keys|keys_out|out_keys", type, (n.n * blocks,), role="output"), keys, (at,))
    t.store(
        t.array("order_out|sorted_values|permutation", I32, (n.n * blocks,), role="output"), values, (at,)
    )
    if k.rng.chance(0.4):
        middle = t.element(keys, n.n // 2)
        k.store(t.array("medians|median_out", type, (blocks,), role="output"), i, middle)


@tiled(CATEGORY)
def tile_gather(k: Kit) -> None:
    """Gather rows by index, change them and scatter them back."""
    t, real = tiles(k), _real(k)
    m, n = t.dim("M", k.rng.choice((4, 8, 16))), t.dim("N", k.rng.choice((4, 8, 16)))
    blocks, rows = k.rng.choice((2, 3, 4)), k.rng.choice((16, 32, 48))
    (i,) = t.open(blocks)
    blocks = t.counts[0]
    axis = k.rng.choice((0, 0, 1))
    source = (rows, n.n) if axis == 0 else (n.n, rows)
    shape = (m, n) if axis == 0 else (n, m)
    picks = t.array("indices|rows|gather_ids|neighbors", I32, (m.n * blocks,), 0, rows - 1)
    index = t.load(picks, (m,), (t.at(i, m),), "idx|row_ids|index_tile", k.rng.choice(("", "shared")))
    x = t.array("x|table|embedding|features", real, source)
    by = f", axis={axis}" if axis or k.rng.chance(0.6) else ""
    inside = f"({shape[0].text}, {shape[1].text})"
    g = t.let(
        "g|rows_t|gathered|tile",
        Tile(
            f"wp.tile_load_indexed({x.name}, indices={index.text}, shape={inside}{by})",
            real,
            shape,
            -1.0,
            1.0,
        ),
    )
    g = pipeline(t, g, k.rng.integer(0, 2))
    how = k.rng.choice(("store", "add", "scatter"))
    if how == "store":
        out_shape, at = (
            ((m.n * blocks, n.n), (t.at(i, m), 0)) if axis == 0 else ((n.n, m.n * blocks), (0, t.at(i, m)))
        )
        t.store(t.array("y|out|gathered_out", real, out_shape, role="output"), g, at)
    elif how == "add":
        out = t.array("accum|grad_table|sums|y", real, source, role="output")
        k.line(f"wp.tile_atomic_add_indexed({out.name}, indices={index.text}, t={g.text}{by})")
    else:
        # Each row is written by one block only.
        order = t.array("dest|permutation|slots", I32, (m.n * blocks,), 0, m.n * blocks, kind="permutation")
        slots = t.load(order, (m,), (t.at(i, m),), "slot_tile|dest_ids|to")
        out = t.array(
            "y|out|shuffled", real, (m.n * blocks, n.n) if axis == 0 else (n.n, m.n * blocks), role="output"
        )
        k.line(f"wp.tile_store_indexed({out.name}, indices={slots.text}, t={g.text}{by})")


@tiled(CATEGORY)
def tile_slices(k: Kit) -> None:
    """Differences of shifted views of a tile."""
    t, real = tiles(k), _real(k)
    blocks = k.rng.choice((2, 3, 4))
    n = t.dim("", k.rng.choice((8, 16, 32, 64)))
    halo = t.dim("HALO", n.n + 2, exact=True)
    (i,) = t.open(blocks)
    blocks = t.counts[0]
    x = t.load(
        t.array("u|field|x|signal", real, (n.n * blocks + 2,)),
        (halo,),
        (t.at(i, n),),
        "u_tile|t|x_tile",
        "shared",
    )
    left, mid, right = (
        t.let(name, t.view(x, (s,), (n,)))
        for s, name in enumerate(("left|west|um", "mid|center|uc", "right|east|up"))
    )
    style = k.rng.choice(("laplace", "gradient", "smooth", "upwind"))
    if style == "laplace":
        both = t.let("both|lr|neighbors", t.binary(left, "+", right))
        result = t.let(
            "lap|d2u|curvature", t.binary(both, "-", t.let("twice|c2", t.scale(mid, k.lit(2.0, real))))
        )
        result = t.let("step|du|diffused", t.scale(result, k.param("kappa|dt|alpha", real, 0.05, 0.5)))
    elif style == "gradient":
        result = t.let(
            "grad|slope|du", t.scale(t.let("d|diff", t.binary(right, "-", left)), k.lit(0.5, real))
        )
    elif style == "upwind":
        result = t.let(
            "flux|adv|du",
            t.scale(t.let("d|diff", t.binary(mid, "-", left)), k.param("velocity|c|speed", real, 0.1, 1.0)),
        )
    else:
        s = t.let("s|sum_t|total", t.binary(t.let("ends|lr", t.binary(left, "+", right)), "+", mid))
        result = t.let("avg|smooth|mean_t", t.scale(s, k.lit(0.25, real)))
    t.store(t.array(_OUT, real, (n.n * blocks,), role="output"), result, (t.at(i, n),))


@tiled(CATEGORY, weight=0.7, shares=False)
def forward_differences(k: Kit) -> None:
    """Squared slope of a field by shifted views of a tile."""
    t, real = tiles(k), _real(k)
    m, n, blocks = 4 * k.rng.integer(1, 2), 4 * k.rng.integer(1, 3), k.rng.choice((2, 3))
    dm, dn, hm, hn = t.dim("M", m), t.dim("N", n), t.dim("H", m + 1), t.dim("W", n + 1)
    i, j = t.open(blocks, blocks)
    image = t.array("image|height|field", real, (m * blocks + 1, n * blocks + 1))
    x = t.load(image, (hm, hn), (t.at(i, dm), t.at(j, dn)), "tile|t|h_tile", "shared")
    base = t.let("base|c|origin", t.view(x, (0, 0), (dm, dn)))
    dx = t.let("dx|gx|east", t.binary(t.let("right|e", t.view(x, (0, 1), (dm, dn))), "-", base))
    dy = t.let("dy|gy|south", t.binary(t.let("below|s", t.view(x, (1, 0), (dm, dn))), "-", base))
    g2 = t.let(
        "g2|mag2|energy",
        t.binary(t.let("dx2|xx", t.binary(dx, "*", dx)), "+", t.let("dy2|yy", t.binary(dy, "*", dy))),
    )
    t.store(
        t.array("gradient|edges|out", real, (m * blocks, n * blocks), role="output"),
        g2,
        (t.at(i, dm), t.at(j, dn)),
    )


@tiled(CATEGORY)
def tile_assembly(k: Kit) -> None:
    """Put a tile together from parts."""
    t, real = tiles(k), _real(k)
    half = k.rng.choice((4, 8, 16))
    h = t.dim("HALF", half, exact=True)
    n = t.dim("", 2 * half, exact=True)
    blocks = k.rng.choice((2, 3, 5))
    (i,) = t.open(blocks)
    blocks = t.counts[0]
    a = t.load(t.array("a|even|low|left", real, (half * blocks,)), (h,), (t.at(i, h),), "a_tile|lo_tile|ta")
    b = t.load(t.array("b|odd|high|right", real, (half * blocks,)), (h,), (t.at(i, h),), "b_tile|hi_tile|tb")
    fn = k.rng.choice(("zeros", "ones", "empty"))
    whole = t.zeros("whole|packed|joined|t", real, (n,), "shared", fn)
    k.line(f"wp.tile_assign({whole.text}, {t.let('sum_t|p', t.binary(a, '+', b)).text}, offset=(0,))")
    k.line(f"wp.tile_assign({whole.text}, {t.let('diff_t|q', t.binary(a, '-', b)).text}, offset=({h.text},))")
    if k.rng.chance(0.4):
        whole.lo, whole.hi = -2.0, 2.0
        pairs = t.let("pairs|rows|folded", t.reshape(whole, (Dim(2, "2"), h)))
        t.store(t.array("out|pairs_out|y", real, (2 * blocks, half), role="output"), pairs, (i * 2, 0))
        return
    whole.lo, whole.hi = -2.0, 2.0
    t.store(
        t.array(_OUT, real, (2 * half * blocks,), role="output"),
        pipeline(t, whole, k.rng.integer(0, 2)),
        (t.at(i, n),),
    )


@tiled(CATEGORY)
def picked_rows(k: Kit) -> None:
    """Pick rows of a tile by a tile of indices."""
    t, real = tiles(k), _real(k)
    m, n = t.dim("M", k.rng.choice((4, 8, 16))), t.dim("N", k.rng.choice((4, 8)))
    picks, blocks = t.dim("K", k.rng.choice((2, 3, 4))), k.rng.choice((2, 3, 4))
    (i,) = t.open(blocks)
    blocks = t.counts[0]
    flat = k.rng.chance(0.4)
    width, at, shape = ((), (), ()) if flat else ((n.n,), (0,), (n,))
    bank = t.array(
        "x|rows|bank|features" if not flat else "x|values|table|bank", real, (m.n * blocks, *width)
    )
    x = t.load(bank, (m, *shape), (t.at(i, m), *at), _TILE, "shared")
    ids = t.load(
        t.array("picks|ids|selected", I32, (picks.n * blocks,), 0, m.n - 1),
        (picks,),
        (t.at(i, picks),),
        "ids_tile|sel|pt",
        "shared",
    )
    # Warp has no written call for this (a tuple cannot hold a tile), only the subscript.
    text = f"{x.text}[{ids.text}, :]" if not flat and k.rng.chance(0.7) else f"{x.text}[{ids.text}]"
    y = t.let("y_tile|chosen|subset", Tile(text, real, (picks, *shape), -1.0, 1.0))
    out = t.array("y|out|subset_out", real, (picks.n * blocks, *width), role="output")
    t.store(out, y, (t.at(i, picks), *at))


@tiled(CATEGORY, f32=True)
def random_tile(k: Kit) -> None:
    """Fill tiles with random numbers."""
    t = tiles(k)
    n, blocks = t.dim("", k.rng.choice((16, 32, 64))), k.rng.choice((2, 4, 8))
    (i,) = t.open(blocks)
    blocks = t.counts[0]
    seed = k.param("seed|random_seed", I32, 1, 9999)
    stream = t.array("streams|keys|stream_ids|sample_ids", I32, (blocks,), 0, 9999)
    rng = k.define("rng|state|rng_state", k.wp.rand_init(seed, stream[i]))
    if k.rng.chance(0.6):
        bounds = k.rng.choice(("", ", min=-1.0, max=1.0", ", min=0.0, max=2.0"))
        r = t.let(
            "r|noise_tile|u",
            Tile(f"wp.tile_randf(shape={t.shape((n,))}, rng={rng.text}{bounds})", k.real, (n,), -1.0, 2.0),
        )
        if k.rng.chance(0.6):
            x = t.load(t.array(_IN, k.real, (n.n * blocks,)), (n,), (t.at(i, n),), "x_tile|t")
            r = t.let("jittered|noisy|mixed", t.binary(x, k.rng.choice("+*"), r))
        r = pipeline(t, r, k.rng.integer(0, 2))
        t.store(t.array("samples|out|noisy_out", k.real, (n.n * blocks,), role="output"), r, (t.at(i, n),))
    else:
        top = k.rng.choice((6, 10, 100))
        r = t.let(
            "dice|r|draws",
            Tile(
                f"wp.tile_randi(shape={t.shape((n,))}, rng={rng.text}, min=0, max={top})", I32, (n,), 0, top
            ),
        )
        t.store(t.array("draws_out|samples|rolls", I32, (n.n * blocks,), role="output"), r, (t.at(i, n),))
        if k.rng.chance(0.5):
            t.atomic_add(t.array("total|sum|count", I32, (1,), role="output"), t.let("s|total_t", t.sum(r)))


@tiled(CATEGORY)
def mixed_types(k: Kit) -> None:
    """Quantize a tile to integers and back."""
    t, real = tiles(k), _real(k)
    n, blocks = t.dim("", k.rng.choice((16, 32, 64))), k.rng.choice((2, 4))
    (i,) = t.open(blocks)
    blocks = t.counts[0]
    x = t.load(t.array(_IN, real, (n.n * blocks,)), (n,), (t.at(i, n),), "x_tile|t")
    levels = k.rng.choice((8.0, 16.0, 127.0))
    scaled = t.let("scaled|s|steps", t.scale(x, k.lit(levels, real)))
    q = t.let(
        "q|codes|quantized",
        Tile(f"wp.tile_astype({scaled.text}, dtype={t.dtype(I32)})", I32, (n,), -levels, levels),
    )
    t.store(t.array("codes_out|q_out|quantized_out", I32, (n.n * blocks,), role="output"), q, (t.at(i, n),))
    if k.rng.chance(0.6):
        back = t.let(
            "back|deq|restored",
            Tile(f"wp.tile_astype({q.text}, dtype={t.dtype(real)})", real, (n,), -levels, levels),
        )
        err = t.let(
            "err|residual|diff", t.binary(t.let("y_tile|r", t.scale(back, k.lit(1.0 / levels, real))), "-", x)
        )
        t.store(
            t.array("error|residual_out|loss_map", real, (n.n * blocks,), role="output"), err, (t.at(i, n),)
        )
    if k.rng.chance(0.5):
        t.atomic_add(t.array("code_sum|total", I32, (1,), role="output"), t.let("s|q_sum", t.sum(q)))


@tiled(CATEGORY, weight=1.2, shares=False)
def block_sum(k: Kit) -> None:
    """Sum one number of each thread over the block."""
    t, real = tiles(k), _real(k)
    name = k.name(k.author.index_name)
    k.line(f"{name} = wp.tid()")
    # Whole blocks of the default width: every thread has to reach the tile.
    k.draft.shape = k.draft.dim = (k.rng.choice((256, 512)),)
    k.index = (Value(name, I32, 0, k.draft.dim[0] - 1, k.author),)
    v = k.load("values|x|v|energies", real, -1.0, 1.0)
    if k.rng.chance(0.6):
        w = k.load("weights|mass|w|y", real, 0.1, 2.0)
        v = k.define("local|mine|term", k.rng.choice((w * v, w * v * v, w * (v + 1.0), k.wp.abs(v) * w)))
    elif not v.is_name:
        v = k.define("value|mine|v0", v)
    own = t.let("t|tile|block_tile", Tile(f"wp.tile({v.text})", real, (Dim(256, ""),), v.lo, v.hi))
    kind = k.rng.choice(("sum", "sum", "max", "min", "share"))
    if kind == "sum":
        s = t.let("s|block_sum|total_t", t.sum(own))
        t.atomic_add(t.array("total|sum|loss|energy_total", real, (1,), role="output"), s)
    elif kind == "share":
        scaled = t.let("scaled|s2|shifted", t.scale(own, k.lit(k.number(0.5, 3.0), real)))
        back = k.define("back|mine_again|u", call("wp.untile", [scaled.text], real, -30, 30, k.author))
        k.store(k.output("out|result|y", real, 1), k.i, back - v if k.rng.chance(0.5) else back)
    else:
        s = t.let(f"{kind}_t|m|extreme", t.extreme(kind, own))
        out = t.array(f"global_{kind}|{kind}_out|bound", real, (1,), role="output")
        k.discard(k.atomic(kind, out, 0, call("wp.tile_extract", [s.text, "0"], real, -1, 1, k.author)))
