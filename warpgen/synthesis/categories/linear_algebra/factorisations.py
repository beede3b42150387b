"""Small dense linear algebra: factorisations, solvers, eigenvalues, per thread."""

from __future__ import annotations

from warpgen.synthesis.categories.linear_algebra import CATEGORY
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import Type, mat, vec
from warpgen.synthesis.language.values import Value

_MATRIX = "A|a|m|matrix|mat"
_RHS = "b|rhs|y|load"


def _sized(k: Kit) -> tuple[int, Type, Type]:
    """A small size with its matrix and vector types."""
    n = k.rng.choice((2, 3, 3, 4))
    return n, mat(n, n, k.real), vec(n, k.real)


def _spd(k: Kit, names: str, t: Type, lo: float = 0.5, hi: float = 4.0) -> Value:
    """One symmetric positive definite matrix per thread."""
    matrices = k.array(names, t, len(k.place), lo=lo, hi=hi, kind="spd")
    return k.define(names, matrices[k.place].within(-hi, hi))


def _dominant(k: Kit, a: Value, shift: float) -> Value:
    """`a` with its diagonal raised so far that it cannot be singular."""
    n = a.type.shape[0]
    eye = f"wp.identity(n={n}, dtype={a.type.scalar.full})"
    identity = Value(eye, a.type, 0.0, 1.0, k.author)
    return k.define("M|shifted|A_reg|H", a + k.lit(shift) * identity)


@CATEGORY.motif()
def cholesky_solve(k: Kit) -> None:
    """Solve a symmetric positive definite system by Cholesky factorisation."""
    n, mt, vt = _sized(k)
    a = _spd(k, "A|H|K|hessian|stiffness", mt)
    b = k.input(_RHS + "|gradient", vt, -2.0, 2.0)
    lower = k.var("L|chol|l", k.zero(mt), lo=-2.0, hi=2.0)
    with k.for_("i|row", n) as i, k.for_("j|col", i + 1) as j:
        s = k.var("s|acc|sum", a[i, j], lo=-4.0, hi=4.0)
        with k.for_("p|q|m", j) as p:
            k.change(s, "-", lower[i, p] * lower[j, p])
        with k.if_(i.eq(j)):
            k.set(lower[i, j], k.wp.sqrt(k.wp.max(s, 1e-4)))
        with k.else_():
            k.set(lower[i, j], s / lower[j, j].within(0.3, 2.0))
    y = k.var("y|z|w", k.zero(vt), lo=-8.0, hi=8.0)
    k.note("forward substitution")
    with k.for_("i|row", n) as i:
        s = k.var("s|acc|sum", b[i], lo=-20.0, hi=20.0)
        with k.for_("j|col", i) as j:
            k.change(s, "-", lower[i, j] * y[j])
        k.set(y[i], s / lower[i, i].within(0.3, 2.0))
    if k.rng.chance(0.3):
        k.give("energy|mahalanobis|quad_form", k.wp.dot(y, y))
        return
    x = k.var("x|solution|u", k.zero(vt), lo=-50.0, hi=50.0)
    k.note("back substitution")
    with k.for_("r|step|t", n) as r:
        i = k.define("i2|at|back", k.lit(n - 1) - r)
        s = k.var("s|acc|sum", y[i], lo=-100.0, hi=100.0)
        with k.for_("j|col", n, i + 1) as j:
            k.change(s, "-", lower[j, i] * x[j])
        k.set(x[i], s / lower[i, i].within(0.3, 2.0))
    k.give("x|solution|delta", x)


@CATEGORY.motif()
def cholesky3(k: Kit) -> None:
    """Cholesky factor of a 3x3 matrix, written out."""
    a = _spd(k, "cov|A|sigma|covariance", k.mat33, 0.3, 3.0)
    eps = k.rng.choice((0.0, 1e-3))
    d0 = a[0, 0].within(0.3, 3.0)
    l00 = k.let("l00|l11|c00", k.wp.sqrt(d0 + eps if eps else d0))
    l10 = k.let("l10|l21|c10", a[1, 0] / l00)
    l20 = k.let("l20|l31|c20", a[2, 0] / l00)
    l11 = k.let("l11|l22|c11", k.wp.sqrt((a[1, 1].within(0.3, 3.0) - l10 * l10).within(0.3, 3.0)))
    l21 = k.let("l21|l32|c21", (a[2, 1] - l20 * l10) / l11)
    l22 = k.let("l22|l33|c22", k.wp.sqrt((a[2, 2].within(0.3, 3.0) - l20 * l20 - l21 * l21).within(0.3, 3.0)))
    style = k.rng.integer(0, 3)
    if style == 0:
        k.give("log_det|logdet", 2.0 * (k.wp.log(l00) + k.wp.log(l11) + k.wp.log(l22)))
        return
    if style == 1:
        z = k.input("z|noise|xi|eps", k.vec3, -2.0, 2.0)
        mean = k.input("mean|mu", k.vec3, -1.0, 1.0)
        sample = k.make(k.vec3, l00 * z[0], l10 * z[0] + l11 * z[1], l20 * z[0] + l21 * z[1] + l22 * z[2])
        k.give("sample|x|draw", mean + sample)
        return
    if style == 2:
        b = k.input(_RHS, k.vec3, -2.0, 2.0)
        y0 = k.let("y0|z0", b[0] / l00)
        y1 = k.let("y1|z1", (b[1] - l10 * y0) / l11)
        y2 = k.let("y2|z2", (b[2] - l20 * y0 - l21 * y1) / l22)
        x2 = k.let("x2|u2", y2 / l22)
        x1 = k.let("x1|u1", (y1 - l21 * x2) / l11)
        k.give("x|solution", k.make(k.vec3, (y0 - l10 * x1 - l20 * x2) / l00, x1, x2).within(-50.0, 50.0))
        return
    zero = k.lit(0.0)
    k.give("L|factor|chol", k.make(k.mat33, l00, zero, zero, l10, l11, zero, l20, l21, l22))


@CATEGORY.motif()
def lu_solve(k: Kit) -> None:
    """LU factorisation without pivoting and two triangular solves."""
    n, mt, vt = _sized(k)
    a = k.input(_MATRIX, mt, -1.0, 1.0)
    b = k.input(_RHS, vt, -2.0, 2.0)
    lu = k.var("LU|lu|work", _dominant(k, a, n + 1.0), lo=-2.0 * n, hi=2.0 * n + 2.0)
    with k.for_("p|piv|kk", n - 1) as p:
        start = p + 1
        with k.for_("i|row", n, start) as i:
            k.set(lu[i, p], lu[i, p] / lu[p, p].within(1.0, 2.0 * n + 2.0))
            with k.for_("j|col", n, p + 1) as j:
                k.change(lu[i, j], "-", lu[i, p] * lu[p, j])
    if k.rng.chance(0.3):
        det = k.var("det|d", 1.0, k.real, lo=0.0, hi=float((n + 2) ** n))
        with k.for_("i|row", n) as i:
            k.change(det, "*", lu[i, i])
        k.give("det|determinant", det)
        return
    x = k.var("x|sol|u", b, lo=-10.0, hi=10.0)
    with k.for_("i|row", n) as i, k.for_("j|col", i) as j:
        k.change(x[i], "-", lu[i, j] * x[j])
    with k.for_("ii|back", -1, n - 1, -1) as i:
        with k.for_("j|col", n, i + 1) as j:
            k.change(x[i], "-", lu[i, j] * x[j])
        k.set(x[i], x[i] / lu[i, i].within(1.0, 2.0 * n + 2.0))
    k.give("x|solution|result", x)


@CATEGORY.motif()
def svd_analysis(k: Kit) -> None:
    """Singular value decomposition and what follows from it."""
    two = k.rng.chance(0.3)
    n, mt = (2, k.mat22) if two else (3, k.mat33)
    vt = vec(n, k.real)
    f = k.input("F|deformation_gradient|A|M", mt, -1.0, 1.0)
    f = _dominant(k, f, 1.5) if k.rng.chance(0.5) else f
    u, s, v = k.define_all(
        ("U|u_mat", "sigma|s|sig|S", "V|v_mat"),
        f"wp.svd{n}({f.text})",
        (mt, vt, mt),
        (-1.0, 1.0),
        (-6.0, 6.0),
        (-1.0, 1.0),
    )
    style = k.rng.integer(0, 5)
    if style == 0:
        k.note("nearest rotation")
        k.give("R|rotation|rot", u @ k.wp.transpose(v))
    elif style == 1:
        top = k.let("s_max|largest", s[0].within(0.0, 6.0))
        low = k.let("s_min|smallest", k.wp.abs(s[n - 1]))
        k.give("cond|condition|ratio", top / (low + 0.1))
    elif style == 2:
        k.give("P|S_sym|stretch", v @ k.wp.diag(s) @ k.wp.transpose(v))
    elif style == 3:
        total = k.var("energy|psi|e", 0.0, k.real, lo=0.0, hi=100.0)
        mu = k.param("mu|shear|stiffness", k.real, 0.1, 2.0)
        with k.for_("i|d|axis", n) as i:
            k.add(total, (s[i] - 1.0) * (s[i] - 1.0))
        k.give("energy|psi", mu * total)
    elif style == 4:
        lo, hi = (
            k.param("s_lo|theta_c|min_stretch", k.real, 0.2, 0.9),
            k.param("s_hi|theta_s|max_stretch", k.real, 1.1, 3.0),
        )
        clamped = k.var("limited|clamped|sig_c", s, lo=0.2, hi=3.0)
        with k.for_("i|d|axis", n) as i:
            k.set(clamped[i], k.wp.clamp(s[i], lo, hi))
        k.give("F_new|projected|elastic", u @ k.wp.diag(clamped) @ k.wp.transpose(v))
    else:
        floor = k.lit(0.25)
        inverse = [1.0 / k.wp.max(s[i], floor) for i in range(n)]
        k.give("pinv|A_pinv|pseudo_inverse", v @ k.wp.diag(k.make(vt, *inverse)) @ k.wp.transpose(u))


@CATEGORY.motif()
def eigen_analysis(k: Kit) -> None:
    """Eigenvalues of a symmetric matrix by wp.eig3."""
    g = k.input("grad|G|A|velocity_gradient", k.mat33, -1.0, 1.0)
    sym = k.let("S|sym|strain|cov", (g + k.wp.transpose(g)) * 0.5)
    q, d = k.define_all(
        ("Q|vecs|eigenvectors", "d|lam|eigenvalues"),
        f"wp.eig3({sym.text})",
        (k.mat33, k.vec3),
        (-1.0, 1.0),
        (-3.0, 3.0),
    )
    style = k.rng.integer(0, 4)
    if style == 0:
        k.give(
            "lambda_max|spectral_radius", k.wp.max(k.wp.max(k.wp.abs(d[0]), k.wp.abs(d[1])), k.wp.abs(d[2]))
        )
    elif style == 1:
        mean = k.let("mean|lam_mean", k.wp.trace(sym) / 3.0)
        dev = k.let("dev|deviation", d - k.make(k.vec3, mean, mean, mean))
        k.give("anisotropy|fa|deviator", k.wp.length(dev) / (k.wp.length(d) + 0.05))
    elif style == 2:
        k.note("drop the negative part of the spectrum")
        plus = k.make(k.vec3, *(k.wp.max(d[i], 0.0) for i in range(3)))
        k.give("A_psd|projected|positive_part", q @ k.wp.diag(plus) @ k.wp.transpose(q))
    elif style == 3:
        power = k.make(k.vec3, *(k.wp.exp(d[i]) for i in range(3)))
        k.give("expm|exp_A|metric", q @ k.wp.diag(power) @ k.wp.transpose(q))
    else:
        v = k.input("v|direction|x", k.vec3, -1.0, 1.0)
        local = k.let("local|coords|w", k.wp.transpose(q) @ v)
        k.give("rayleigh|energy|form", k.wp.dot(k.wp.cw_mul(local, local), d))


@CATEGORY.motif()
def qr_factor(k: Kit) -> None:
    """QR factorisation of a 3x3 matrix."""
    a = k.input(_MATRIX, k.mat33, -1.0, 1.0)
    a = _dominant(k, a, 4.0)
    q, r = k.define_all(("Q|q", "R|r"), f"wp.qr3({a.text})", (k.mat33, k.mat33), (-1.0, 1.0), (-9.0, 9.0))
    style = k.rng.integer(0, 2)
    if style == 0:
        b = k.input(_RHS, k.vec3, -2.0, 2.0)
        c = k.let("c|qtb|y", k.wp.transpose(q) @ b)
        divisor = [
            k.let(f"r{i}{i}|d{i}", k.wp.where(k.wp.abs(r[i, i]) < 0.1, k.lit(0.1), r[i, i])) for i in range(3)
        ]
        x2 = k.let("x2|z", _safe(c[2], divisor[2]))
        x1 = k.let("x1|y1", _safe(c[1] - r[1, 2] * x2, divisor[1]))
        x0 = k.let("x0|x", _safe(c[0] - r[0, 1] * x1 - r[0, 2] * x2, divisor[0]))
        k.give("x|solution|coeffs", k.make(k.vec3, x0, x1, x2))
    elif style == 1:
        k.give("volume|abs_det", k.wp.abs(r[0, 0] * r[1, 1] * r[2, 2]))
    else:
        k.note("one step of the QR iteration")
        k.give("A_next|shifted|ritz", r @ q)


def _safe(a: Value, b: Value) -> Value:
    """`a / b` for a divisor that the program itself keeps away from zero."""
    return a / b.within(0.1, 10.0)


@CATEGORY.motif()
def gram_schmidt(k: Kit) -> None:
    """Orthonormal frame by Gram-Schmidt."""
    a = k.input("a|t|tangent|x_axis|u", k.vec3, -1.0, 1.0)
    b = k.input("b|up|hint|y_axis|v", k.vec3, -1.0, 1.0)
    e0 = k.let("e0|e1|x_hat|q0", k.wp.normalize(a))
    if k.rng.chance(0.5):
        e1 = k.let("e1|e2|y_hat|q1", k.wp.normalize(b - e0 * k.wp.dot(b, e0)))
        e2 = k.let("e2|e3|z_hat|q2", k.wp.cross(e0, e1))
    else:
        e2 = k.let("e2|normal|z_hat|q2", k.wp.normalize(k.wp.cross(e0, b)))
        e1 = k.let("e1|binormal|y_hat|q1", k.wp.cross(e2, e0))
    style = k.rng.integer(0, 3)
    if style == 0:
        k.give("frame|basis|R", Value(k.wp.matrix_from_cols(e0, e1, e2).text, k.mat33, -1.0, 1.0, k.author))
    elif style == 1:
        p = k.input("p|point|x|w", k.vec3, -2.0, 2.0)
        k.give("local|coords|p_local", k.make(k.vec3, k.wp.dot(p, e0), k.wp.dot(p, e1), k.wp.dot(p, e2)))
    elif style == 2:
        k.give("frame|basis|R", Value(k.wp.matrix_from_rows(e0, e1, e2).text, k.mat33, -1.0, 1.0, k.author))
    else:
        k.give("normal|n", e2.within(-1.0, 1.0))
        k.give("tangent|t", e1.within(-1.0, 1.0))


@CATEGORY.motif()
def power_iteration(k: Kit) -> None:
    """Dominant eigenvalue by power iteration."""
    _, mt, vt = _sized(k)
    a = _spd(k, "A|gram|M|cov", mt, 0.2, 3.0)
    start = k.input("v0|x0|guess|start", vt, 0.1, 1.0)
    v = k.var("v|x|q", k.wp.normalize(start), lo=-1.0, hi=1.0)
    steps: int | Value = k.rng.choice((4, 6, 8, 10, 12))
    if k.rng.chance(0.25):
        steps = k.size("num_iters|iterations|max_iter", int(str(steps)))
    if k.rng.chance(0.4):
        lam = k.var("lam|eigenvalue|mu", 0.0, k.real, lo=0.0, hi=4.0)
        with k.for_("it|step|_i", steps):
            w = k.let("w|y|Av", a @ v)
            k.set(lam, k.wp.length(w))
            k.set(v, w / (lam + 1e-4))
        k.give("lam|eigenvalue|radius", lam)
    else:
        with k.for_("it|step|_i", steps):
            k.set(v, k.wp.normalize(a @ v))
        k.give("lam|rayleigh|eigenvalue", k.wp.dot(v, a @ v))
    if k.rng.chance(0.5):
        k.give("v|eigenvector|mode", v)


@CATEGORY.motif()
def small_inverse(k: Kit) -> None:
    """Inverse of a small matrix, by builtin or adjugate."""
    n, mt, vt = _sized(k)
    a = k.input(_MATRIX + "|J|jacobian", mt, -1.0, 1.0)
    m = _dominant(k, a, n + 1.0)
    if n == 2 and k.rng.chance(0.6):
        det = k.let("det|d", (m[0, 0] * m[1, 1] - m[0, 1] * m[1, 0]).within(3.0, 17.0))
        inv = k.let("inv|A_inv|Jinv", k.make(mt, m[1, 1], -m[0, 1], -m[1, 0], m[0, 0]) * (1.0 / det))
    elif n == 3 and k.rng.chance(0.5):
        rows = [k.let(f"r{i}|row{i}", m[i]) for i in range(3)]
        c0 = k.let("c0|adj0", k.wp.cross(rows[1], rows[2]))
        c1 = k.let("c1|adj1", k.wp.cross(rows[2], rows[0]))
        c2 = k.let("c2|adj2", k.wp.cross(rows[0], rows[1]))
        det = k.let("det|volume", k.wp.dot(rows[0], c0).within(20.0, 140.0))
        inv = k.let(
            "inv|A_inv", Value(k.wp.matrix_from_cols(c0, c1, c2).text, mt, -60.0, 60.0, k.author) / det
        )
    else:
        inv = k.let("inv|A_inv|Jinv", k.wp.inverse(m).within(-1.5, 1.5))
    style = k.rng.integer(0, 2)
    if style == 0:
        k.give("inverse|inv", inv)
    elif style == 1:
        b = k.input(_RHS, vt, -2.0, 2.0)
        k.give("x|solution", inv @ b)
    else:
        k.give("inv_t|normal_matrix|cofactor", k.wp.transpose(inv))
