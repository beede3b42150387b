"""Operations on `wp.mat` of every size: products, decompositions, parts, building and reshaping."""

from __future__ import annotations

from warpgen.synthesis.categories.matrix import CATEGORY
from warpgen.synthesis.formulas.grower import Grower, grow
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import F16, F32, F64, I32, Type, mat, vec
from warpgen.synthesis.language.values import Value


def square(k: Kit) -> Type:
    n = k.rng.weighted({2: 0.25, 3: 0.45, 4: 0.2, 5: 0.1})
    return mat(n, n, k.real)


def identity(k: Kit, t: Type) -> Value:
    """The identity as people spell it."""
    n = t.shape[0]
    return Value(f"wp.identity(n={n}, dtype={t.scalar.short})", t, 0.0, 1.0, k.author)


def regular(k: Kit, t: Type) -> Value:
    """A matrix far from singular: small entries on top of a multiple of the identity."""
    m = k.input("A|M|jac|mat_a", t, -0.3, 0.3)
    shift = k.param("shift|reg|damping", k.real, 1.5, 3.0) if k.rng.chance(0.5) else 2.0
    return k.let("B|A_reg|H", m + identity(k, t) * shift)


@CATEGORY.motif(weight=2.0)
def matrix_formula(k: Kit) -> None:
    """Matrix expression."""
    t = (
        square(k)
        if k.rng.chance(0.8)
        else mat(*k.rng.choice(((2, 3), (3, 2), (3, 4), (2, 4), (4, 3))), k.real)
    )
    k.give("C|result|M_out|mat_out", grow(k, t, k.rng.weighted({2: 0.35, 3: 0.35, 4: 0.2, 5: 0.1})))


@CATEGORY.motif(weight=1.3)
def matrix_vector(k: Kit) -> None:
    """Matrix times vector."""
    g = Grower(k)
    rows, columns = k.rng.choice(((3, 3), (3, 3), (2, 2), (4, 4), (2, 3), (3, 4), (4, 2), (5, 5), (3, 5)))
    m, x = g.grow(mat(rows, columns, k.real), 1), g.grow(vec(columns, k.real), k.rng.integer(1, 3))
    y = k.let("y|Ax|prod", m @ x)
    kind = k.rng.integer(0, 3)
    if kind == 0:
        k.give("residual|r|res", g.grow(vec(rows, k.real), 1) - y)
    elif kind == 1 and rows == columns:
        k.give("quad_form|energy|xAx", k.wp.dot(x, y) if k.rng.chance(0.5) else 0.5 * k.wp.dot(x, y))
    elif kind == 2:
        k.give("affine|y|transformed", y + k.param("bias|b|offset", vec(rows, k.real), -1.0, 1.0))
    else:
        k.give("y|product|Ax", y)


@CATEGORY.motif()
def solve_small(k: Kit) -> None:
    """Solve a small linear system."""
    n = k.rng.choice((2, 3, 3, 4))
    t = mat(n, n, k.real)
    a, b = regular(k, t), k.input("b|rhs|f", vec(n, k.real), -1.0, 1.0)
    kind = k.rng.choice(("inverse", "cramer", "jacobi"))
    if kind == "inverse":
        inv = k.let("A_inv|inv|inv_A", k.wp.inverse(a).within(-2.0, 2.0))
        k.give("x|solution|sol", inv @ b)
    elif kind == "cramer" and n == 2:
        det = k.let("det|d", a[0, 0] * a[1, 1] - a[0, 1] * a[1, 0]).within(1.0, 12.0)
        k.give(
            "x|solution",
            k.make(k.vec2, (b[0] * a[1, 1] - b[1] * a[0, 1]) / det, (a[0, 0] * b[1] - a[1, 0] * b[0]) / det),
        )
    else:
        x = k.var("x|guess|sol", k.zero(vec(n, k.real)), lo=-4.0, hi=4.0)
        inv_d = k.let(
            "inv_diag|D_inv|dinv", k.make(vec(n, k.real), *[1.0 / a[i, i].within(1.2, 3.5) for i in range(n)])
        )
        with k.for_("it|iteration|sweep", k.rng.integer(2, 6)):
            k.set(x, (x + k.wp.cw_mul(inv_d, b - a @ x)).within(-4.0, 4.0))
        k.give("x|solution|sol", x)


@CATEGORY.motif()
def invariants(k: Kit) -> None:
    """Invariants of a matrix."""
    t = square(k)
    m = k.input("F|A|sigma|M", t, -1.0, 1.0)
    tr = k.let("tr|i1|trace_a", k.wp.trace(m))
    if t.shape[0] <= 4 and k.rng.chance(0.7):
        k.give("det|i3|volume", k.wp.determinant(m))
    kind = k.rng.integer(0, 3)
    if kind == 0:
        k.give("i2|second", 0.5 * (tr * tr - k.wp.trace(m @ m)))
    elif kind == 1:
        k.give("frobenius|fro|norm_sq", k.wp.ddot(m, m))
    elif kind == 2:
        dev = k.let("dev|s|deviator", m - identity(k, t) * (tr / float(t.shape[0])))
        k.give("von_mises|equivalent|j2", k.wp.sqrt(1.5 * k.wp.ddot(dev, dev)))
    else:
        k.give("mean_diag|pressure|hydro", tr / float(t.shape[0]))


@CATEGORY.motif()
def symmetric_parts(k: Kit) -> None:
    """Symmetric and skew parts."""
    t = square(k)
    g = k.input("grad|L|grad_v|A", t, -1.0, 1.0)
    gt = k.let("gt|At|grad_t", k.wp.transpose(g))
    sym = k.let("sym|D|strain", (g + gt) * 0.5 if k.rng.chance(0.6) else 0.5 * (g + gt))
    if k.rng.chance(0.5):
        k.give("spin|W|vorticity", (g - gt) * 0.5)
    if k.rng.chance(0.5):
        mu, lam = k.param("mu|shear", k.real, 0.2, 2.0), k.param("lam|bulk", k.real, 0.2, 2.0)
        k.give("stress|sigma|P", 2.0 * mu * sym + lam * k.wp.trace(sym) * identity(k, t))
    else:
        k.give("strain|sym|rate", sym)


@CATEGORY.motif()
def build_matrix(k: Kit) -> None:
    """Build a matrix from vectors or numbers."""
    n = k.rng.choice((2, 3, 3, 4))
    t = mat(n, n, k.real)
    names = ("a|x|c0|r0", "b|y|c1|r1", "c|z|c2|r2", "d|w|c3|r3")
    kind = k.rng.choice(("rows", "cols", "entries", "rotation", "scale", "outer"))
    if kind in ("rows", "cols"):
        vs = [k.input(names[i], vec(n, k.real), -1.0, 1.0) for i in range(n)]
        m = k.wp.matrix_from_rows(*vs) if kind == "rows" else k.wp.matrix_from_cols(*vs)
    elif kind == "entries":
        g = Grower(k)
        m = k.make(
            t,
            *[
                g.grow(k.real, 1) if k.rng.chance(0.6) else k.lit(float(i == j))
                for i in range(n)
                for j in range(n)
            ],
        )
        n = t.shape[0]
    elif kind == "rotation":
        a = k.input("theta|angle|phi", k.real, -3.0, 3.0)
        c, s = k.let("c|cos_t", k.wp.cos(a)), k.let("s|sin_t", k.wp.sin(a))
        if n == 2:
            m = k.make(t, c, -s, s, c)
        else:
            n, t = 3, k.mat33
            rows = {"x": (1.0, 0.0, 0.0, 0.0, c, -s, 0.0, s, c), "y": (c, 0.0, s, 0.0, 1.0, 0.0, -s, 0.0, c),
                    "z": (c, -s, 0.0, s, c, 0.0, 0.0, 0.0, 1.0)}  # fmt: skip
            m = k.make(t, *rows[k.rng.choice("xyz")])
    elif kind == "scale":
        m = k.wp.diag(k.input("scale|s|sigma", vec(n, k.real), 0.2, 2.0))
    else:
        v = k.input("v|n|axis", vec(n, k.real), -1.0, 1.0)
        m = identity(k, t) - k.wp.outer(v, v) * k.rng.choice((1.0, 2.0, 0.5))
    m = k.define("m|M|R", m)
    if k.rng.chance(0.5):
        p = k.input("p|x|point", vec(n, k.real), -2.0, 2.0)
        k.give("transformed|p_out|y", m @ p)
    else:
        k.give("M|matrix_out|basis", m)


@CATEGORY.motif()
def elementwise(k: Kit) -> None:
    """Loop over the entries of a matrix."""
    rows, columns = k.rng.choice(((2, 2), (3, 3), (3, 3), (2, 3), (4, 4), (3, 4)))
    t = mat(rows, columns, k.rng.choice((k.real, k.real, I32)))
    a = k.input("A|M|table", t, -2, 2)
    kind = k.rng.choice(("sum", "max", "map", "mask", "rowsum"))
    if kind in ("sum", "max"):
        acc = k.var("acc|total|best", 0, t.scalar, lo=-40.0, hi=80.0)
        with k.for_("i|r|row", rows) as i, k.for_("j|c|col", columns) as j:
            entry = a[i, j]
            if kind == "sum":
                k.add(acc, entry * entry if k.rng.chance(0.5) else k.wp.abs(entry))
            else:
                k.set(acc, k.wp.max(acc, k.wp.abs(entry)))
        k.give("frobenius|entry_sum|max_entry", acc)
    elif kind == "rowsum":
        best = k.var("best|norm|widest", 0, t.scalar, lo=0.0, hi=40.0)
        with k.for_("i|r|row", rows) as i:
            s = k.var("s|row_sum|acc", 0, t.scalar, lo=0.0, hi=20.0)
            with k.for_("j|c|col", columns) as j:
                k.add(s, k.wp.abs(a[i, j]))
            k.set(best, k.wp.max(best, s))
        k.give("inf_norm|row_norm", best)
    else:
        out = k.var("out_m|B|res", k.zero(t), lo=-20.0, hi=20.0)
        with k.for_("i|r|row", rows) as i, k.for_("j|c|col", columns) as j:
            if kind == "mask":
                with k.if_(k.rng.choice((i.eq(j), i <= j, j < i, (i + j).eq(1)))):
                    k.set(out[i, j], a[i, j])
            else:
                k.set(
                    out[i, j], k.rng.choice((a[i, j] * a[i, j], a[i, j] + a[i, j] * 2, k.wp.max(a[i, j], 0)))
                )
        k.give("masked|mapped|lower", out)


@CATEGORY.motif()
def matrix_powers(k: Kit) -> None:
    """Power series of a matrix."""
    n = k.rng.choice((2, 3, 3, 4))
    t = mat(n, n, k.real)
    a = k.input("A|W|gen", t, -0.4, 0.4)
    if k.rng.chance(0.4):
        p = k.let("A2|sq|AA", a @ a)
        p = k.let("A4|quad", p @ p) if k.rng.chance(0.5) else p
        k.give("power|A_n|M", p + a)
        return
    acc = k.var("acc|expA|total", identity(k, t), lo=-10.0, hi=10.0)
    term = k.var("term|power|T", identity(k, t), lo=-2.0, hi=2.0)
    with k.for_("n|i|m", k.rng.integer(3, 5), 1) as i:
        k.set(term, ((term @ a) * (1.0 / k.to_real(i).within(1.0, 5.0))).within(-2.0, 2.0))
        k.add(acc, term)
    if k.rng.chance(0.5):
        k.give("propagated|x_next|y", acc @ k.input("x|state|v", vec(n, k.real), -1.0, 1.0))
    else:
        k.give("exp_A|propagator|series", acc)


@CATEGORY.motif()
def row_access(k: Kit) -> None:
    """Work on rows and columns."""
    n = k.rng.choice((2, 3, 3, 4))
    t = mat(n, n, k.real)
    m = k.input("M|A|frame", t, -1.0, 1.0)
    i, j = k.rng.sample(range(n), 2)
    ri, rj = k.let(f"r{i}|row_a", m[i]), k.let(f"r{j}|row_b", m[j])
    kind = k.rng.choice(("dot", "ortho", "swap", "replace", "diag"))
    if kind == "dot":
        k.give("coupling|row_dot|gram", k.wp.dot(ri, rj))
    elif kind == "ortho":
        k.give("orthogonal|row_out|e2", rj - ri * (k.wp.dot(ri, rj) / (k.wp.length_sq(ri) + 0.1)))
    elif kind == "diag":
        k.give("diag_part|d|entries", k.wp.get_diag(m))
    else:
        rows = [m[r] for r in range(n)]
        if kind == "swap":
            rows[i], rows[j] = rj, ri
        else:
            rows[i] = ri + rj * k.param("factor|alpha|s", k.real, -1.0, 1.0)
        w = k.define("w|B|edited", k.wp.matrix_from_rows(*rows))
        if k.rng.chance(0.4) and n == 3:
            k.give("det|minor", k.wp.determinant(w))
        k.give("row_reduced|edited|B_out", w)


@CATEGORY.motif()
def congruence(k: Kit) -> None:
    """Congruence transform."""
    n = k.rng.choice((2, 3, 3, 4))
    t = mat(n, n, k.real)
    r, s = k.input("R|J|T|rot", t, -1.0, 1.0), k.input("S|inertia|cov|K", t, -1.0, 1.0)
    if k.rng.chance(0.3):
        d = k.input("d|principal|moments", vec(n, k.real), 0.2, 2.0)
        s = k.let("D|diag_d", k.wp.diag(d))
    c = k.let("C|RSRt|rotated", r @ s @ k.wp.transpose(r) if k.rng.chance(0.6) else k.wp.transpose(r) @ s @ r)
    if k.rng.chance(0.4):
        v = k.input("v|omega|x", vec(n, k.real), -1.0, 1.0)
        k.give("form|energy|distance2", k.wp.dot(v, c @ v))
    else:
        k.give("rotated|world_inertia|cov_out", c)


@CATEGORY.motif()
def blocks(k: Kit) -> None:
    """Take a block out of a matrix or put one in."""
    big = k.rng.choice((3, 4))
    small = 2 if big == 3 else k.rng.choice((2, 3))
    m = k.input("T|M|pose", mat(big, big, k.real), -1.0, 1.0)
    if k.rng.chance(0.6):
        at = k.rng.integer(0, big - small)
        entries = [m[at + i, at + j] for i in range(small) for j in range(small)]
        block = k.let("block|sub|R", k.make(mat(small, small, k.real), *entries))
        k.give("minor|sub_det", k.wp.determinant(block)) if k.rng.chance(0.5) else k.give("block|sub", block)
    else:
        p = k.input("p|point|x", vec(big - 1, k.real), -1.0, 1.0)
        rows = []
        for i in range(big - 1):
            row = m[i, big - 1]
            for j in range(big - 1):
                row = row + m[i, j] * p[j]
            rows.append(k.let(f"{'xyz'[i]}|p{i}|h{i}", row))
        k.give("mapped|p_out|q", k.make(vec(big - 1, k.real), *rows))


@CATEGORY.motif()
def other_precision_matrix(k: Kit) -> None:
    """Matrix arithmetic in another precision."""
    scalar = k.rng.choice([t for t in (F16, F64, F32) if t is not k.real])
    n = k.rng.choice((2, 3, 4))
    t = mat(n, n, scalar)
    a, b = (
        k.input("A_d|lhs|acc" if scalar is F64 else "A_h|lhs|packed", t, -1.0, 1.0),
        k.input("B_d|rhs|other", t, -1.0, 1.0),
    )
    c = k.let("C_d|prod|AB", a @ b if k.rng.chance(0.6) else a + b * 0.5)
    if k.rng.chance(0.5):
        k.give("trace_out|tr", k.to_real(k.wp.trace(c)))
    else:
        k.give("product|C_out", c)


@CATEGORY.motif(weight=0.8)
def orthonormalize(k: Kit) -> None:
    """Gram-Schmidt on the columns of a matrix."""
    m = k.input("F|M|R", k.mat33, -0.3, 0.3)
    f = k.let("A|B|Q", m + identity(k, k.mat33))
    cols = [k.make(k.vec3, f[0, j], f[1, j], f[2, j]) for j in range(3)]
    u = k.let("u|q0|e0", k.wp.normalize(cols[0]))
    c1 = k.let("c1|a1|b", cols[1])
    v = k.let("v|q1|e1", k.wp.normalize(c1 - u * k.wp.dot(u, c1)))
    w = k.let("w|q2|e2", k.wp.cross(u, v))
    if k.rng.chance(0.5):
        k.give("Q|rotation|ortho", k.wp.matrix_from_cols(u, v, w))
    else:
        k.give(
            "stretch|upper|R_diag",
            k.make(k.vec3, k.wp.dot(u, cols[0]), k.wp.dot(v, c1), k.wp.dot(w, cols[2])),
        )
