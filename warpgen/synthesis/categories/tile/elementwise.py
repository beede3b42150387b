"""Tiles: elementwise pipelines, reductions, scans, sorting, gathering, stacks and random tiles."""

from __future__ import annotations

from warpgen.synthesis.blocks.tile_steps import pipeline
from warpgen.synthesis.blocks.tiled import tiled, tiles
from warpgen.synthesis.blocks.tiles import Dim, Tile, Tiles, tile_call
from warpgen.synthesis.categories.tile import CATEGORY
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import F16, F64, I32, U32, Type
from warpgen.synthesis.language.values import Value

_IN = "x|a|data|src|input|values"
_OUT = "y|out|dst|result|output|b"
_TILE = "t|x_tile|tile|a_tile|block_data"


def smooth(k: Kit) -> Type:
    k.expect(k.real is not F16, "tiles of half precision are left out")
    return k.real


@tiled(CATEGORY, weight=1.6)
def tile_elementwise(k: Kit) -> None:
    """Elementwise pipeline over one-dimensional tiles."""
    t, real = tiles(k), smooth(k)
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
    t, real = tiles(k), smooth(k)
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
    t, real = tiles(k), smooth(k)
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
                f"{kind}_tile|idx|where",
                Tile(tile_call(f"wp.tile_{kind}", x), I32, (Dim(1, "1"),), 0, n.n - 1),
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
    t, real = tiles(k), smooth(k)
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
    t, real = tiles(k), smooth(k)
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
    t, real = tiles(k), smooth(k)
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
        x = t.let("r|flat|row_tile", Tile(tile_call("wp.tile_squeeze", x), real, (n,), x.lo, x.hi))
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
    type = k.rng.choice((smooth(k), I32, I32))
    n, blocks = t.dim("", k.rng.choice((16, 32, 64, 128))), k.rng.choice((2, 4, 6))
    (i,) = t.open(blocks)
    blocks = t.counts[0]
    src = t.array("counts|flags|x|values", type, (n.n * blocks,), 0.0, 4.0)
    x = t.load(src, (n,), (t.at(i, n),), _TILE)
    for kind in k.rng.sample(
        ("inclusive", "exclusive", "max_inclusive", "min_inclusive"), k.rng.integer(1, 2)
    ):
        k.expect(type is not F64, "scans know no double precision")
        scan = Tile(tile_call(f"wp.tile_scan_{kind}", x), type, (n,), 0.0, 4.0 * n.n)
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
