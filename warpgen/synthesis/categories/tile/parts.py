"""Parts of tiles: gathered, sliced, assembled, picked, drawn at random, changed in type, made by threads."""

from __future__ import annotations

from warpgen.synthesis.blocks.tile_steps import pipeline
from warpgen.synthesis.blocks.tiled import tiled, tiles
from warpgen.synthesis.blocks.tiles import Dim, Tile, tile_call
from warpgen.synthesis.categories.tile import CATEGORY
from warpgen.synthesis.categories.tile.elementwise import smooth
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import I32
from warpgen.synthesis.language.values import Value, call

_IN = "x|a|data|src|input|values"
_OUT = "y|out|dst|result|output|b"
_TILE = "t|x_tile|tile|a_tile|block_data"


@tiled(CATEGORY)
def tile_gather(k: Kit) -> None:
    """Gather rows by index, change them and scatter them back."""
    t, real = tiles(k), smooth(k)
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
    t, real = tiles(k), smooth(k)
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
    t, real = tiles(k), smooth(k)
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
    t, real = tiles(k), smooth(k)
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
    t, real = tiles(k), smooth(k)
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
            Tile(
                f"wp.tile_randf(shape={t.shape((n,)).text}, rng={rng.text}{bounds})", k.real, (n,), -1.0, 2.0
            ),
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
                f"wp.tile_randi(shape={t.shape((n,)).text}, rng={rng.text}, min=0, max={top})",
                I32,
                (n,),
                0,
                top,
            ),
        )
        t.store(t.array("draws_out|samples|rolls", I32, (n.n * blocks,), role="output"), r, (t.at(i, n),))
        if k.rng.chance(0.5):
            t.atomic_add(t.array("total|sum|count", I32, (1,), role="output"), t.let("s|total_t", t.sum(r)))


@tiled(CATEGORY)
def mixed_types(k: Kit) -> None:
    """Quantize a tile to integers and back."""
    t, real = tiles(k), smooth(k)
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
    t, real = tiles(k), smooth(k)
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
    own = t.let("t|tile|block_tile", Tile(tile_call("wp.tile", v), real, (Dim(256, ""),), v.lo, v.hi))
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
