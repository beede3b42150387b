"""Shapes of formulas for sums, differences and blends of any shape, vectors, matrices and rotations."""

from __future__ import annotations

from warpgen.synthesis.formulas.grower import Grower, production
from warpgen.synthesis.language.types import BOOL, Type, mat, quat, vec
from warpgen.synthesis.language.values import Value

# -- what holds for numbers of any shape ---------------------------------------------------------------
_LINEAR = "float_scalar float_vec float_mat int_scalar int_vec int_mat spatial"


def _minus(g: Grower, a: Value, b: Value) -> Value:
    """`a - b`, or a sum where unsigned numbers would wrap."""
    return a + b if a.type.is_unsigned else a - b


@production(_LINEAR, 2.0)
def total(g: Grower, t: Type, budget: int) -> Value:
    a, b = g.several(t, budget, 2)
    return a + b


@production(_LINEAR, 1.6, results="delta|diff|d")
def difference(g: Grower, t: Type, budget: int) -> Value:
    a, b = g.several(t, budget, 2)
    return _minus(g, a, b)


@production("float_vec float_mat int_vec int_mat spatial", 2.2)
def scaled(g: Grower, t: Type, budget: int) -> Value:
    share = g.split(budget)
    s, v = g.grow(t.scalar, share[0]), g.grow(t, share[1])
    return v * s if g.rng.chance(0.55) else s * v


@production("float_vec float_mat", 0.8, 3, results="blended|mid|mixed")
def blend(g: Grower, t: Type, budget: int) -> Value:
    a, b = g.several(t, budget - 1, 2)
    s = g.k.input("t|alpha|s|blend", t.scalar, 0.0, 1.0)
    how = g.rng.unit()
    if how < 0.35:
        return g.k.wp.lerp(a, b, s)
    return a + (b - a) * s if how < 0.7 else a * (1.0 - s) + b * s


@production("float_vec float_mat", 0.8)
def shrunk(g: Grower, t: Type, budget: int) -> Value:
    share = g.split(budget)
    q = g.rng.choice([p for p in g.palette.params if p.lo > 0] or [g.palette.field.params[0]])
    s = (
        g.k.param(q.names, t.scalar, max(q.lo, 0.1), max(q.hi, 0.5))
        if t.scalar is g.k.real
        else g.k.lit(2.0, t.scalar)
    )
    return g.grow(t, max(share)) / s


@production(_LINEAR, 0.35)
def negated(g: Grower, t: Type, budget: int) -> Value | None:
    a = g.grow(t, budget - 1)
    return None if t.is_unsigned or a.text.startswith("-") else -a


@production("float_scalar float_vec float_mat int_scalar quat", 0.5, 3, results="chosen|picked|sel")
def chosen(g: Grower, t: Type, budget: int) -> Value:
    share = g.split(budget, 3)
    condition = g.grow(BOOL, share[0])
    return g.k.wp.where(condition, *g.several(t, share[1] + share[2], 2))


# -- vectors -------------------------------------------------------------------------------------------
@production("float_vec", 0.8, results="dir|unit|nrm")
def direction(g: Grower, t: Type, budget: int) -> Value:
    return g.k.wp.normalize(g.grow(t, budget))


@production("float_vec int_vec", 0.7, results="weighted|prod|had")
def component_product(g: Grower, t: Type, budget: int) -> Value:
    return g.k.wp.cw_mul(*g.several(t, budget, 2))


@production("float_vec int_vec", 0.5, results="lower|upper|lim")
def component_extreme(g: Grower, t: Type, budget: int) -> Value:
    a, b = g.several(t, budget, 2)
    return g.k.wp.min(a, b) if g.rng.chance(0.5) else g.k.wp.max(a, b)


@production("float_vec", 0.4)
def component_absolute(g: Grower, t: Type, budget: int) -> Value:
    v = g.grow(t, budget)
    return g.k.wp.abs(v) if g.rng.chance(0.7) else g.k.wp.sign(v)


@production("float_vec", 1.2, results="perp|cr|side")
def perpendicular(g: Grower, t: Type, budget: int) -> Value | None:
    if t.shape[0] == 2:
        v = g.leaf(t)
        return g.k.make(t, -v[1], v[0])
    if t.shape[0] != 3:
        return None
    a, b = g.several(t, budget, 2)
    return g.k.wp.cross(a, b)


@production("float_vec", 0.9)
def transformed(g: Grower, t: Type, budget: int) -> Value | None:
    n = t.shape[0]
    if n > 4:
        return None
    share = g.split(budget)
    m, v = g.grow(mat(n, n, t.scalar), share[0]), g.grow(t, share[1])
    return m @ v if g.rng.chance(0.8) else v @ m


@production("float_vec", 0.7)
def rotated(g: Grower, t: Type, budget: int) -> Value | None:
    if t.shape[0] != 3:
        return None
    share = g.split(budget)
    q, v = g.grow(quat(t.scalar), share[0]), g.grow(t, share[1])
    return g.k.wp.quat_rotate(q, v) if g.rng.chance(0.65) else g.k.wp.quat_rotate_inv(q, v)


@production("float_vec", 0.6, 3, results="tangent|rejected|proj")
def projected(g: Grower, t: Type, budget: int) -> Value:
    v = g.leaf(t)
    n = g.k.input("normal|n|axis|nrm", t, -1.0, 1.0, unit=True)
    along = n * g.k.wp.dot(v, n) if g.rng.chance(0.5) else g.k.wp.dot(v, n) * n
    how = g.rng.unit()
    return along if how < 0.3 else v - along if how < 0.7 else v - 2.0 * along


@production("float_vec int_vec", 0.7, 2)
def assembled(g: Grower, t: Type, budget: int) -> Value | None:
    n = t.shape[0]
    if n > 4:
        return None
    return g.k.make(t, *[g.grow(t.scalar, share) for share in g.split(max(budget, n), n)])


@production("float_vec", 0.5, 2)
def mapped(g: Grower, t: Type, budget: int) -> Value | None:
    if t.shape[0] > 4:
        return None
    v = g.leaf(t)
    f = getattr(g.k.wp, g.rng.choice(g.palette.unary))
    return g.k.make(t, *[f(v[i]) for i in range(t.shape[0])])


# -- matrices, rotations, transforms, spatial vectors ----------------------------------------------------
@production("float_mat int_mat", 1.4, results="AB|P|prod")
def matrix_product(g: Grower, t: Type, budget: int) -> Value:
    rows, columns = t.shape
    inner = rows if rows == columns else g.rng.choice((rows, columns))
    share = g.split(budget)
    return g.grow(mat(rows, inner, t.scalar), share[0]) @ g.grow(mat(inner, columns, t.scalar), share[1])


@production("float_mat", 0.8, results="At|Bt|flipped")
def transposed(g: Grower, t: Type, budget: int) -> Value:
    return g.k.wp.transpose(g.grow(mat(t.shape[1], t.shape[0], t.scalar), budget))


@production("float_mat", 0.9, results="uvT|dyad|op")
def dyad(g: Grower, t: Type, budget: int) -> Value:
    share = g.split(budget)
    return g.k.wp.outer(
        g.grow(vec(t.shape[0], t.scalar), share[0]), g.grow(vec(t.shape[1], t.scalar), share[1])
    )


@production("float_mat", 0.6, results="D|diag_m|S")
def diagonal(g: Grower, t: Type, budget: int) -> Value | None:
    return g.k.wp.diag(g.grow(vec(t.shape[0], t.scalar), budget)) if t.shape[0] == t.shape[1] else None


@production("float_mat", 0.6, results="W|skew_m|hat")
def cross_matrix(g: Grower, t: Type, budget: int) -> Value | None:
    return g.k.wp.skew(g.grow(vec(3, t.scalar), budget)) if t.shape == (3, 3) else None


@production("float_mat", 0.6, results="sym|S|gram")
def symmetric(g: Grower, t: Type, budget: int) -> Value | None:
    if t.shape[0] != t.shape[1]:
        return None
    m = g.grow(t, budget)
    m = g.named(m, "M|A|m")
    how = g.rng.unit()
    if how < 0.5:
        return 0.5 * (m + g.k.wp.transpose(m))
    return g.k.wp.transpose(m) @ m if how < 0.8 else 0.5 * (m - g.k.wp.transpose(m))


@production("float_mat int_mat", 0.5, results="had|weighted|C")
def element_product(g: Grower, t: Type, budget: int) -> Value:
    return g.k.wp.cw_mul(*g.several(t, budget, 2))


@production("quat", 2.0, results="q|rel|dq")
def rotation_product(g: Grower, t: Type, budget: int) -> Value:
    a, b = g.several(t, budget, 2)
    return a * b if g.rng.chance(0.6) else g.k.wp.quat_inverse(a) * b


@production("quat", 1.0, results="q|dq|rot")
def axis_angle(g: Grower, t: Type, budget: int) -> Value:
    return g.k.wp.quat_from_axis_angle(g.grow(vec(3, t.scalar), 1), g.grow(t.scalar, budget - 1))


@production("quat", 0.7, 3, results="q_mid|q|slerped")
def slerped(g: Grower, t: Type, budget: int) -> Value:
    a, b = g.several(t, budget - 1, 2)
    return g.k.wp.quat_slerp(a, b, g.k.input("t|alpha|s|blend", t.scalar, 0.0, 1.0))


@production("transform", 2.0, results="X|rel|pose")
def transform_product(g: Grower, t: Type, budget: int) -> Value:
    a, b = g.several(t, budget, 2)
    a = g.k.wp.transform_inverse(a) if g.rng.chance(0.3) else a
    return a * b if g.rng.chance(0.5) else g.k.wp.transform_multiply(a, b)


@production("spatial", 1.0, results="bias|cx|v_x")
def spatial_product(g: Grower, t: Type, budget: int) -> Value | None:
    a, b = g.several(t, budget, 2)
    return g.k.wp.spatial_cross(a, b) if g.rng.chance(0.5) else g.k.wp.spatial_cross_dual(a, b)
