"""Rotations, projections and least squares, per thread."""

from __future__ import annotations

from warpgen.synthesis.categories.linear_algebra import CATEGORY
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import mat, vec
from warpgen.synthesis.language.values import Value


@CATEGORY.motif()
def jacobi_rotation(k: Kit) -> None:
    """Jacobi rotations that diagonalise a symmetric matrix."""
    g = k.input("g|G|strain", k.mat33, -1.0, 1.0)
    a = k.var("A|m|S", k.define("sym|C", g + k.wp.transpose(g)), lo=-6.0, hi=6.0)
    pairs = ((0, 1), (0, 2), (1, 2))
    for p, q in pairs if k.rng.chance(0.6) else k.rng.sample(pairs, 1):
        off = k.let("apq|off", a[p, q])
        theta = k.define("theta|phi|angle", 0.5 * k.wp.atan2(2.0 * off, a[q, q] - a[p, p] + 1e-3))
        c = k.let("c|cs", k.wp.cos(theta))
        s = k.let("s|sn", k.wp.sin(theta))
        one, zero = k.lit(1.0), k.lit(0.0)
        cells = {(i, i): one for i in range(3)} | {(p, p): c, (q, q): c, (p, q): s, (q, p): -s}
        j = k.define(
            "J|rot|G", k.make(k.mat33, *(cells.get((r, t), zero) for r in range(3) for t in range(3)))
        )
        k.set(a, (k.wp.transpose(j) @ a @ j).within(-6.0, 6.0))
    if k.rng.chance(0.5):
        k.give("diag|eigs|spectrum", k.wp.get_diag(a))
    else:
        k.give("off_norm|residual|off", a[0, 1] * a[0, 1] + a[0, 2] * a[0, 2] + a[1, 2] * a[1, 2])


@CATEGORY.motif()
def projection(k: Kit) -> None:
    """Project a vector on a line, plane or subspace."""
    n = k.rng.choice((2, 3, 3, 4))
    vt = vec(n, k.real)
    v = k.input("v|x|u|velocity", vt, -3.0, 3.0)
    axis = k.input("n|normal|axis|d", vt, -1.0, 1.0, unit=True)
    along = k.let("along|h|vn|s", k.wp.dot(v, axis))
    style = k.rng.integer(0, 4)
    if style == 0:
        k.give("parallel|v_n|proj", axis * along)
    elif style == 1:
        k.give("tangential|v_t|perp", v - axis * along)
    elif style == 2:
        k.give("reflected|mirror|bounce", v - 2.0 * along * axis)
    elif style == 3:
        eye = Value(f"wp.identity(n={n}, dtype={k.real.full})", mat(n, n, k.real), 0.0, 1.0, k.author)
        p = k.let("P|proj|projector", eye - k.wp.outer(axis, axis))
        k.give("projected|w", p @ v)
    else:
        e = k.param("restitution|e|bounce", k.real, 0.0, 1.0)
        k.give("v_out|rebound", k.wp.where(along < 0.0, v - (e + 1.0) * along * axis, v))


@CATEGORY.motif()
def least_squares(k: Kit) -> None:
    """Normal equations of a small least-squares fit."""
    m = k.rng.choice((4, 6, 8))
    xs = k.array("x|t|sample_x|abscissae", k.real, lo=-1.0, hi=1.0)
    ys = k.array("y|values|sample_y|obs", k.real, lo=-2.0, hi=2.0)
    weighted = k.rng.chance(0.35)
    base = k.let("base|first|offset", k.flat * m)
    if k.rng.chance(0.5):
        n, vt, mt = 2, k.vec2, k.mat22
    else:
        n, vt, mt = 3, k.vec3, k.mat33
    ata = k.var("AtA|N|normal_mat", k.zero(mt), lo=0.0, hi=float(2 * m))
    atb = k.var("Atb|rhs|moment", k.zero(vt), lo=-4.0 * m, hi=4.0 * m)
    with k.for_("s|j|q", m) as s:
        t = k.let("t|xi|xj", xs[base + s])
        row = k.let("row|phi|basis", k.make(vt, *([1.0, t] if n == 2 else [1.0, t, t * t])))
        if weighted:
            sharp = k.param("sharpness|falloff|alpha", k.real, 0.5, 2.0)
            w = k.let("w|weight", k.wp.exp(-sharp * t * t))
            k.add(ata, w * k.wp.outer(row, row))
            k.add(atb, w * ys[base + s] * row)
        else:
            k.add(ata, k.wp.outer(row, row))
            k.add(atb, ys[base + s] * row)
    ridge = k.param("ridge|lam|regularization|damping", k.real, 0.1, 0.5)
    eye = Value(f"wp.identity(n={n}, dtype={k.real.full})", mt, 0.0, 1.0, k.author)
    coeffs = k.define("coeffs|c|beta|fit", (k.wp.inverse(ata + ridge * eye) @ atb).within(-200.0, 200.0))
    if k.rng.chance(0.4):
        k.give("slope|gradient", coeffs[1])
    else:
        k.give("coeffs|beta|params", coeffs)
