"""More small linear algebra: iterations, reflections, invariants, matrix functions."""

from __future__ import annotations

from warpgen.synthesis.categories.linear_algebra import CATEGORY
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import Type, mat, vec
from warpgen.synthesis.language.values import Value


def _identity(k: Kit, t: Type) -> Value:
    """The unit matrix in one of its spellings."""
    n = t.shape[0]
    if k.rng.chance(0.4):
        return Value(f"wp.identity(n={n}, dtype={t.scalar.full})", t, 0.0, 1.0, k.author)
    return k.wp.diag(k.make(vec(n, t.scalar), *[1.0] * n))


@CATEGORY.motif()
def conjugate_gradient(k: Kit) -> None:
    """A few conjugate gradient steps on a small system."""
    n = k.rng.choice((2, 3, 4))
    mt, vt = mat(n, n, k.real), vec(n, k.real)
    matrices = k.array("A|K|H", mt, len(k.place), lo=0.5, hi=3.0, kind="spd")
    a = k.define("A_i|mat|system", matrices[k.place].within(-3.0, 3.0))
    b = k.input("b|rhs|f", vt, -2.0, 2.0)
    x = k.var("x|u|sol", k.zero(vt), lo=-10.0, hi=10.0)
    r = k.var("r|res|residual", b, lo=-10.0, hi=10.0)
    p = k.var("p|d|direction", r, lo=-10.0, hi=10.0)
    rr = k.var("rr|rs_old|delta", k.wp.dot(r, r), lo=0.0, hi=100.0)
    precondition = k.rng.chance(0.3)
    with k.for_("it|step|iteration", k.rng.choice((2, 3, n))):
        ap = k.define("Ap|q|w", a @ p)
        alpha = k.let("alpha|step_len", rr / (k.wp.dot(p, ap).within(0.0, 1e4) + 1e-3))
        k.add(x, alpha * p)
        k.change(r, "-", alpha * ap)
        rr_new = k.define("rr_new|rs_new|delta_new", k.wp.dot(r, r))
        if precondition:
            beta = k.let("beta|ratio", k.wp.min(rr_new / (rr + 1e-3), 10.0))
        else:
            beta = k.let("beta|ratio", rr_new / (rr + 1e-3))
        k.set(p, (r + beta * p).within(-100.0, 100.0))
        k.set(rr, rr_new)
    k.give("x|solution|u", x.within(-10.0, 10.0))
    if k.rng.chance(0.4):
        k.give("residual|rr", rr)


@CATEGORY.motif()
def richardson(k: Kit) -> None:
    """Jacobi, Gauss-Seidel or Richardson sweeps on a dense system."""
    n = k.rng.choice((2, 3, 4))
    mt, vt = mat(n, n, k.real), vec(n, k.real)
    a = k.load("A|M|K", mt, -0.2, 0.2)
    b = k.load("b|rhs", vt, -1.0, 1.0)
    kind = k.rng.choice(("jacobi", "seidel", "richardson"))
    x = k.var("x|u|z", b if k.rng.chance(0.5) else k.zero(vt), lo=-8.0, hi=8.0)
    omega = k.param("omega|relax|w", k.real, 0.4, 0.9)
    with k.for_("sweep|it|s", k.rng.choice((2, 3))):
        if kind == "richardson":
            k.set(x, (x + omega * (b - x - a @ x)).within(-8.0, 8.0))
        else:
            source = x if kind == "seidel" else k.define("old|prev|x_old", x * 1.0)
            with k.for_("i|row", n) as i:
                s = k.var("s|acc|sigma", b[i], lo=-10.0, hi=10.0)
                with k.for_("j|col", n) as j:
                    if k.rng.chance(0.5):
                        with k.if_(i.ne(j)):
                            k.change(s, "-", a[i, j] * source[j])
                    else:
                        k.change(s, "-", k.wp.where(i.eq(j), k.lit(0.0), a[i, j]) * source[j])
                diag = k.let("diag|d", a[i, i] + 1.0)
                k.set(x[i], ((1.0 - omega) * source[i] + omega * s / diag).within(-8.0, 8.0))
    k.give("x|solution|u", x)


@CATEGORY.motif()
def householder(k: Kit) -> None:
    """Householder reflection that maps a vector onto an axis."""
    n = k.rng.choice((2, 3, 4))
    vt, mt = vec(n, k.real), mat(n, n, k.real)
    x = k.input("x|column|a|v", vt, -2.0, 2.0)
    norm = k.let("norm|alpha|len", k.wp.length(x))
    sign = k.let("sgn|s", k.wp.where(x[0] < 0.0, k.lit(-1.0), k.lit(1.0)))
    e0 = k.make(vt, sign * norm, *[0.0] * (n - 1))
    v = k.define("v|h|w", x + e0)
    beta = k.let("beta|tau", k.lit(2.0) / (k.wp.dot(v, v) + 1e-3))
    y = k.input("y|b|target", vt, -2.0, 2.0)
    style = k.rng.integer(0, 2)
    if style == 0:
        k.give("reflected|y_out|Hy", y - v * (beta * k.wp.dot(v, y)))
    elif style == 1:
        h = k.let("H|reflector|Q", _identity(k, mt) - beta * k.wp.outer(v, v))
        k.give("reflected|y_out|Hy", h @ y)
    else:
        q = k.let("unit_v|v_hat", k.wp.normalize(v))
        k.give("reflected|mirror", y - 2.0 * q * k.wp.dot(q, y))


@CATEGORY.motif()
def polar_decomposition(k: Kit) -> None:
    """Rotation part of a deformation gradient by Newton or Higham iteration."""
    n = k.rng.choice((2, 3, 3))
    mt = mat(n, n, k.real)
    g = k.input("G|dF|displacement_gradient", mt, -0.3, 0.3)
    f = k.let("F|deformation", g + _identity(k, mt))
    r = k.var("R|rot|Q", f, lo=-2.0, hi=2.0)
    with k.for_("it|iter|step", k.rng.choice((2, 3, 4, 6))):
        if k.rng.chance(0.6):
            inv_t = k.let("R_it|inv_t", k.wp.transpose(k.wp.inverse(r)).within(-6.0, 6.0))
            k.set(r, (0.5 * (r + inv_t)).within(-2.0, 2.0))
        else:
            rtr = k.let("RtR|C|gram", k.wp.transpose(r) @ r)
            k.set(r, (r @ (1.5 * _identity(k, mt) - 0.5 * rtr)).within(-2.0, 2.0))
    style = k.rng.integer(0, 2)
    if style == 0:
        k.give("R|rotation", r)
    elif style == 1:
        k.give("S|stretch|U", k.wp.transpose(r) @ f)
    else:
        d = k.let("diff|E|delta", f - r)
        mu = k.param("mu|shear_modulus|lame_mu", k.real, 0.5, 5.0)
        k.give("energy|psi|corotational", mu * k.wp.ddot(d, d))


@CATEGORY.motif()
def matrix_exponential(k: Kit) -> None:
    """Matrix function by a truncated series."""
    n = k.rng.choice((2, 3, 3, 4))
    mt = mat(n, n, k.real)
    a = k.input("A|X|generator|log_R", mt, -0.5, 0.5)
    dt = k.param("t|dt|tau", k.real, 0.1, 1.0)
    x = k.let("X_t|At|scaled", a * dt)
    kind = k.rng.choice(("exp", "neumann", "cayley"))
    if kind == "cayley":
        eye = k.let("I|eye|identity", _identity(k, mt))
        half = k.let("half|H", x * 0.25)
        k.give("R|cayley|rotation", k.wp.inverse(eye - half).within(-10.0, 10.0) @ (eye + half))
        return
    term = k.var("term|power|T", _identity(k, mt), lo=-20.0, hi=20.0)
    total = k.var("E|result|sum_|series", _identity(k, mt), lo=-60.0, hi=60.0)
    with k.for_("q|p|order", k.rng.choice((4, 5, 6, 8)), 1) as q:
        if kind == "exp":
            k.set(term, (term @ x / k.to_real(q.within(1, 8))).within(-20.0, 20.0))
        else:
            k.set(term, (term @ x * 0.4).within(-20.0, 20.0))
        k.add(total, term)
    if k.rng.chance(0.5):
        k.give("expm|E|propagator", total)
    else:
        v = k.input("v|state|y0", vec(n, k.real), -1.0, 1.0)
        k.give("state|y1|v_next", total @ v)


@CATEGORY.motif()
def eigen2(k: Kit) -> None:
    """Closed-form eigenvalues of a symmetric 2x2 matrix."""
    a = k.input("a|Ixx|sxx|A00", k.real, 0.0, 4.0)
    b = k.input("b|Ixy|sxy|A01", k.real, -2.0, 2.0)
    c = k.input("c|Iyy|syy|A11", k.real, 0.0, 4.0)
    mean = k.let("mean|half_trace|m", 0.5 * (a + c))
    if k.rng.chance(0.5):
        det = k.let("det|d", a * c - b * b)
        disc = k.let("disc|delta|root", k.wp.sqrt(k.wp.max(mean * mean - det, 1e-4)))
    else:
        diff = k.let("diff|half_diff", 0.5 * (a - c))
        disc = k.let("disc|radius|root", k.wp.sqrt(diff * diff + b * b + 1e-4))
    l1 = k.let("l1|lam1|e1", mean + disc)
    l2 = k.let("l2|lam2|e2", mean - disc)
    style = k.rng.integer(0, 4)
    if style == 0:
        kappa = k.param("kappa|harris_k|alpha", k.real, 0.04, 0.06)
        k.give("response|corner|score", l1 * l2 - kappa * (l1 + l2) * (l1 + l2))
    elif style == 1:
        k.give("angle|theta|orientation", 0.5 * k.wp.atan2(2.0 * b, a - c + 1e-3))
    elif style == 2:
        k.give("coherence|anisotropy", (l1 - l2) / (k.wp.abs(l1 + l2) + 0.1))
    elif style == 3:
        k.give("axis|eigenvector|direction", k.wp.normalize(k.make(k.vec2, b, l1 - a + 1e-3)))
    else:
        k.give("l1|major", l1)
        k.give("l2|minor", l2)


@CATEGORY.motif()
def invariants(k: Kit) -> None:
    """Invariants and norms of a tensor."""
    s = k.input("S|stress|sigma|T|tau", k.mat33, -2.0, 2.0)
    style = k.rng.integer(0, 5)
    if style < 5 and k.rng.chance(0.5):
        s = k.define("sym|S_sym", 0.5 * (s + k.wp.transpose(s)))
    i1 = k.let("I1|tr|i1", k.wp.trace(s))
    if style == 0:
        p = k.let("p|pressure|mean_stress", i1 / 3.0)
        dev = k.let("dev|s_dev|deviator", s - p * _identity(k, k.mat33))
        k.give("von_mises|sigma_eq|q", k.wp.sqrt(1.5 * k.wp.ddot(dev, dev) + 1e-3))
    elif style == 1:
        k.give("I2|second_invariant", 0.5 * (i1 * i1 - k.wp.trace(s @ s)))
    elif style == 2:
        k.give("det|I3|third_invariant", k.wp.determinant(s))
    elif style == 3:
        k.give("frobenius|norm", k.wp.sqrt(k.wp.ddot(s, s) + 1e-3))
    elif style == 4:
        rows = [k.wp.norm_l1(s[i]) for i in range(3)]
        k.give("inf_norm|row_norm", k.wp.max(k.wp.max(rows[0], rows[1]), rows[2]))
    else:
        skew = k.let("W|spin|omega", 0.5 * (s - k.wp.transpose(s)))
        k.give("vorticity|axial|curl", k.make(k.vec3, skew[2, 1], skew[0, 2], skew[1, 0]))


@CATEGORY.motif()
def rank_one_update(k: Kit) -> None:
    """Rank-one update of a matrix or its inverse."""
    n = k.rng.choice((2, 3, 4))
    vt, mt = vec(n, k.real), mat(n, n, k.real)
    u = k.input("u|s|x", vt, -1.0, 1.0)
    v = k.input("v|y|g", vt, -1.0, 1.0)
    h = k.load("H|B|P|A_inv", mt, -1.0, 1.0)
    style = k.rng.integer(0, 3)
    if style == 0:
        k.note("Sherman-Morrison")
        hu = k.let("hu|Au", h @ u)
        vh = k.let("vh|vA", v @ h)
        denom = k.let("denom|gamma", 1.0 + k.wp.abs(k.wp.dot(v, hu)))
        k.give("H_new|updated|inverse", h - k.wp.outer(hu, vh) / denom)
    elif style == 1:
        k.note("Broyden update")
        r = k.let("r|err|miss", v - h @ u)
        k.give("B_new|H_new", h + k.wp.outer(r, u) / (k.wp.dot(u, u) + 0.05))
    elif style == 2:
        gain = k.let("K|gain", h @ u / (k.wp.abs(k.wp.dot(u, h @ u)) + 0.5))
        innovation = k.let("innov|error|e", k.wp.dot(v, u))
        k.give("state|x_new|estimate", v + gain * innovation)
        k.give("P_new|covariance", h - k.wp.outer(gain, u @ h))
    else:
        lam = k.param("forget|lam|rho", k.real, 0.9, 1.0)
        k.give("cov|running|S", lam * h + (1.0 - lam) * k.wp.outer(u, v))


@CATEGORY.motif(rank=1)
def tridiagonal_solve(k: Kit) -> None:
    """Thomas algorithm along one line per thread."""
    m = k.rng.choice((4, 6, 8, 12))
    lower = k.array("lower|a|sub|dl", k.real, 2, lo=-0.4, hi=0.4)
    upper = k.array("upper|c|sup|du", k.real, 2, lo=-0.4, hi=0.4)
    rhs = k.array("rhs|d|b|f", k.real, 2, lo=-1.0, hi=1.0)
    # Nothing is written twice, or the adjoint would be wrong.
    swept = k.output("dp|swept|d_prime|y", k.real, 2)
    x = k.output("x|u|solution|line", k.real, 2)
    scratch = k.output("cp|scratch|c_prime|work", k.real, 2)
    i = k.flat
    diag = k.param("diag|center|main", k.real, 1.5, 3.0)
    k.store(scratch, (i, 0), upper[i, 0] / diag)
    k.store(swept, (i, 0), rhs[i, 0] / diag)
    k.note("forward sweep")
    with k.for_("j|q", m, 1) as j:
        j = j.within(1, m - 1)
        prev = (j - 1).within(0, m - 2)
        pivot = k.define(
            "w|pivot|denom", (diag - lower[i, j] * scratch[i, prev].within(-0.4, 0.4)).within(1.0, 3.5)
        )
        k.store(scratch, (i, j), upper[i, j] / pivot)
        k.store(swept, (i, j), (rhs[i, j] - lower[i, j] * swept[i, prev].within(-2.0, 2.0)) / pivot)
    k.note("back substitution")
    k.store(x, (i, m - 1), swept[i, m - 1])
    with k.for_("r|step", m - 1) as r:
        j = k.define("jj|back|at", (k.lit(m - 2) - r).within(0, m - 2))
        after = x[i, (j + 1).within(1, m - 1)]
        k.store(x, (i, j), swept[i, j] - scratch[i, j] * after)


@CATEGORY.motif()
def kronecker_apply(k: Kit) -> None:
    """Apply a product of two small operators to a matrix-valued unknown."""
    n = k.rng.choice((2, 3))
    mt = mat(n, n, k.real)
    a = k.load("A|left|Dx", mt, -1.0, 1.0)
    b = k.load("B|right|Dy", mt, -1.0, 1.0)
    x = k.input("X|U|field_mat", mt, -1.0, 1.0)
    style = k.rng.integer(0, 3)
    if style == 0:
        k.give("Y|AXB|out_mat", a @ x @ k.wp.transpose(b))
    elif style == 1:
        k.note("Sylvester residual")
        c = k.load("C|rhs_mat|F", mt, -1.0, 1.0)
        k.give("residual|R_mat", a @ x + x @ b - c)
    elif style == 2:
        k.give("commutator|bracket|AB", a @ b - b @ a)
    else:
        p = k.let("product|AtX", k.wp.transpose(a) @ x)
        k.give("inner|trace_form|alignment", k.wp.trace(p @ b))
