"""Tiles as matrices: products, factorisations, triangular systems."""

from __future__ import annotations

from warpgen.synthesis.blocks.tile_steps import pipeline
from warpgen.synthesis.blocks.tiled import tiled, tiles
from warpgen.synthesis.blocks.tiles import Dim, Tile, Tiles, tile_call
from warpgen.synthesis.categories.tile import CATEGORY
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import F16, Type
from warpgen.synthesis.language.values import Value


def real_of(k: Kit) -> Type:
    k.expect(k.real is not F16, "tiles of half precision are left out")
    return k.real


def _matmul(t: Tiles, a: Tile, b: Tile) -> Tile:
    top = a.shape[1].n * a.magnitude * b.magnitude
    return Tile(tile_call("wp.tile_matmul", a, b), a.type, (a.shape[0], b.shape[1]), -top, top)


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
    t, real = tiles(k), real_of(k)
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
            k.do("wp.tile_matmul", at, bt, total)
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
    t, real = tiles(k), real_of(k)
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
    t, real = tiles(k), real_of(k)
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
            Tile(tile_call("wp.tile_lower_solve", factor, b), real, shape, -10.0, 10.0),
        )
        return t.let(
            "x_tile|sol|back", Tile(tile_call("wp.tile_upper_solve", back, z), real, shape, -10.0, 10.0)
        )
    k.do("wp.tile_lower_solve_inplace", factor, b)
    k.do("wp.tile_upper_solve_inplace", back, b)
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
    t, real = tiles(k), real_of(k)
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
    a = t.let("tri|system|shifted", Tile(tile_call("wp.tile_diag_add", raw, ones), real, (n, n), -4.0, 4.0))
    y = t.load(
        t.array("y|b|rhs", real, (n.n * blocks,)), (n,), (t.at(i, n),), "y_tile|b_tile|rhs_tile", "shared"
    )
    side = "upper" if upper else "lower"
    if k.rng.chance(0.4):
        k.do(f"wp.tile_{side}_solve_inplace", a, y)
        x = Tile(y.text, real, (n,), -10.0, 10.0)
    else:
        x = t.let("z|x_tile|sol", Tile(tile_call(f"wp.tile_{side}_solve", a, y), real, (n,), -10.0, 10.0))
    t.store(t.array("x|z|solution|out", real, (n.n * blocks,), role="output"), x, (t.at(i, n),))
