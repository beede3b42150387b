"""Shape functions, mappings, quadrature and the measures of strain and stress."""

from __future__ import annotations

from warpgen.synthesis.blocks.rows import Row
from warpgen.synthesis.categories.fem import CATEGORY
from warpgen.synthesis.categories.fem.elements import NODES, corner_positions, element, identity, lame
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import I32
from warpgen.synthesis.language.values import Value


def _quad_shape(k: Kit, xi: Value, eta: Value) -> list[Value]:
    """Bilinear shape functions on [-1, 1] squared."""
    stem = k.rng.choice(("N", "phi"))
    return [
        k.define(f"{stem}{n}", (0.25 * (1.0 + xi * a) * (1.0 + eta * b)).within(-0.1, 1.1))
        for n, (a, b) in enumerate(((-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)))
    ]


@CATEGORY.motif(weight=1.5)
def shape_functions(k: Kit) -> None:
    """Interpolate nodal values with shape functions."""
    rng = k.rng
    stem = rng.choice(("N", "phi"))
    kind = rng.choice(("tri3", "quad4", "tri6", "tet4", "line3", "hermite", "hex8"))
    xi, eta = k.input("xi|s|r", k.real, 0.0, 0.5), k.input("eta|t", k.real, 0.0, 0.5)
    if kind == "tri3":
        shape = [k.define("w0|lam|l0", (1.0 - xi - eta).within(0.0, 1.0)), xi, eta]
    elif kind == "tet4":
        zeta = k.input("zeta|w|u", k.real, 0.0, 0.3)
        shape = [k.define("N0|l0", 1.0 - xi - eta - zeta), xi, eta, zeta]
    elif kind == "quad4":
        shape = _quad_shape(k, xi, eta)
    elif kind == "line3":
        shape = [0.5 * xi * (xi - 1.0), 1.0 - xi * xi, 0.5 * xi * (xi + 1.0)]
        shape = [k.define(f"{stem}{n}", v) for n, v in enumerate(shape)]
    elif kind == "hermite":
        x2, x3 = k.define("s2|x2", xi * xi), k.define("s3|x3", xi * xi * xi)
        shape = [1.0 - 3.0 * x2 + 2.0 * x3, xi - 2.0 * x2 + x3, 3.0 * x2 - 2.0 * x3, x3 - x2]
        shape = [k.define(f"h{n}", v) for n, v in enumerate(shape)]
    elif kind == "tri6":
        lam = k.define("lam|l0|zeta", (1.0 - xi - eta).within(0.0, 1.0))
        b = (lam, xi, eta)
        shape = [k.define(f"{stem}{n}", v * (2.0 * v - 1.0)) for n, v in enumerate(b)]
        shape += [k.define(f"{stem}{n + 3}", 4.0 * b[n] * b[(n + 1) % 3]) for n in range(3)]
    else:
        corner = Row(k, "nodal|corner_values|u_e", k.real, 8, -1.0, 1.0)
        zeta = k.input("zeta|w|u", k.real, 0.0, 1.0)
        total = k.var("value|u|acc", 0.0, k.real, lo=-2.0, hi=2.0)
        with k.for_("c|a|n", 8) as c:
            sx = k.select("sx|wx", (c & 1).eq(1), xi, 1.0 - xi)
            sy = k.select("sy|wy", (c & 2).eq(2), eta, 1.0 - eta)
            sz = k.select("sz|wz", (c & 4).eq(4), zeta, 1.0 - zeta)
            k.add(total, corner[c] * (sx * sy * sz))
        k.give("value|u_h|field", total)
        return
    t = rng.choice((k.real, k.real, k.vec3, k.vec2))
    if len(k.place) == 1 and rng.chance(0.5):
        values = k.array("nodal_values|u|nodal|coefficients", t, lo=-1.0, hi=1.0)
        ids = k.index_array("elements|connectivity|elem_nodes", NODES, 2)
        nodal = [values[k.let(f"n{n}", ids[k.flat, n])] for n in range(len(shape))]
    else:
        nodal = [k.load(f"u{n}", t, -1.0, 1.0) for n in range(len(shape))]
    total_value = shape[0] * nodal[0]
    for n, u in zip(shape[1:], nodal[1:], strict=True):
        total_value = total_value + n * u
    k.give("value|u_h|interpolated|field", total_value)


@CATEGORY.motif(rank=1)
def mapped_gradient(k: Kit) -> None:
    """Gradient on a bilinear quad through its Jacobian."""
    rng = k.rng
    nodes = k.index_array("quads|elements|elems", NODES, 2)
    x = k.array("coords|vertices|node_xy", k.vec2, lo=-0.2, hi=0.2)
    u = k.array("u|temperature|phi", k.real, lo=-1.0, hi=1.0)
    xi, eta = k.input("xi|s|r", k.real, -0.6, 0.6), k.input("eta|t", k.real, -0.6, 0.6)
    signs = ((-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0))
    jac = k.var("J|jac|jacobian", k.zero(k.mat22), lo=-2.0, hi=2.0)
    slope = k.var("grad_ref|dudxi|g_ref", k.zero(k.vec2), lo=-4.0, hi=4.0)
    for n, (a, b) in enumerate(signs):
        node = k.define(f"n{n}", nodes[k.flat, n])
        d_xi, d_eta = 0.25 * a * (1.0 + b * eta), 0.25 * b * (1.0 + a * xi)
        d = k.define(f"dN{n}", k.make(k.vec2, d_xi, d_eta))
        corner = k.make(k.vec2, a, b) + x[node]
        k.add(jac, k.wp.outer(corner, d))
        k.add(slope, d * u[node])
    det = k.define("detJ|det|dj", k.wp.determinant(jac).within(0.2, 2.0))
    if rng.chance(0.5):
        inv = k.define("J_inv|Jinv|ji", k.wp.inverse(jac).within(-5.0, 5.0))
        grad = k.wp.transpose(inv) * slope
    else:
        parts = (jac[1, 1] * slope[0] - jac[1, 0] * slope[1], jac[0, 0] * slope[1] - jac[0, 1] * slope[0])
        grad = k.make(k.vec2, *parts) / det
    k.give("gradient|grad_u|g", grad)
    if rng.chance(0.5):
        k.give("detJ|jacobian_det|dA", det)


@CATEGORY.motif(weight=1.5)
def quadrature(k: Kit) -> None:
    """Integrate over an element with Gauss points."""
    rng = k.rng
    if rng.chance(0.5):
        _line_quadrature(k)
        return
    corners = [k.load(f"f{n}", k.real, -1.0, 1.0) for n in range(3)]
    area = k.load("area|A|tri_area", k.real, 0.1, 1.0)
    total = k.var("integral|total|acc", 0.0, k.real, lo=-20.0, hi=20.0)
    points = rng.choice(
        (
            ((0.166667, 0.166667), (0.666667, 0.166667), (0.166667, 0.666667)),
            ((0.5, 0.5), (0.5, 0.0), (0.0, 0.5)),
        )
    )
    power = rng.choice((1, 2, 3))
    for n, (a, b) in enumerate(points):
        lam = round(1.0 - a - b, 6)
        parts = [c * w for c, w in zip(corners, (lam, a, b), strict=True) if w]
        value = parts[0]
        for p in parts[1:]:
            value = value + p
        v = k.define(f"q{n}", value)
        k.add(total, v if power == 1 else v * v if power == 2 else v * v * v)
    k.give("integral|load|I", total * (area / 3.0))


def _line_quadrature(k: Kit) -> None:
    rng = k.rng
    n = rng.choice((2, 3, 4, 5))
    rules = {
        2: ((0.57735, 1.0),),
        3: ((0.0, 0.888889), (0.774597, 0.555556)),
        4: ((0.339981, 0.652145), (0.861136, 0.347855)),
        5: ((0.0, 0.568889), (0.538469, 0.478629), (0.90618, 0.236927)),
    }
    a, b = k.input("a|x0|left", k.real, -2.0, -0.5), k.input("b|x1|right", k.real, 0.5, 2.0)
    half, mid = k.define("half|h|jac", 0.5 * (b - a)), k.define("mid|center|c", 0.5 * (a + b))
    freq = k.param("omega|freq|kappa", k.real, 0.5, 3.0)
    integrand = rng.choice(("sine", "gauss", "rational", "poly"))

    def f(x: Value) -> Value:
        if integrand == "sine":
            return k.wp.sin(freq * x)
        if integrand == "gauss":
            return k.wp.exp(-freq * x * x)
        if integrand == "rational":
            return 1.0 / (1.0 + freq * (x * x).within(0.0, 4.0))
        return (freq * x + 1.0) * x * x

    total = k.var("total|integral|acc", 0.0, k.real, lo=-50.0, hi=50.0)
    table = rules[n]
    if rng.chance(0.4):
        points = k.array("gauss_points|quad_points|xq", k.real, lo=-1.0, hi=1.0)
        weights = k.array("gauss_weights|quad_weights|wq", k.real, lo=0.1, hi=1.0)
        with k.for_("q|g|i", n) as q:
            x = k.define("x|xq|s", mid + half * points[q])
            k.add(total, weights[q] * f(x))
    else:
        for at, w in table:
            if at == 0.0:
                k.add(total, w * f(mid) if w != 1.0 else f(mid))
                continue
            d = k.define("d|offset|dx", half * at)
            both = f(k.define("xr|xp", mid + d)) + f(k.define("xl|xm", mid - d))
            k.add(total, both if w == 1.0 else w * both)
    k.give("integral|total|I", total * half)


@CATEGORY.motif(rank=1)
def barycentric(k: Kit) -> None:
    """Barycentric coordinates of a point in a triangle."""
    rng = k.rng
    space = rng.choice((k.vec3, k.vec2))
    x = corner_positions(k, element(k, 3), space)
    p = k.input("point|p|query", space, -1.0, 1.0)
    v0, v1, v2 = (
        k.define("v0", x[1] - x[0]),
        k.define("v1", x[2] - x[0]),
        k.define("v2", p - x[0]),
    )
    if space.shape == (2,) and rng.chance(0.5):
        det = k.define("det|area2|den", v0[0] * v1[1] - v0[1] * v1[0])
        den = k.wp.where(k.wp.abs(det) > 0.05, det, k.lit(0.05))
        inv = k.define("inv|inv_det|s", (1.0 / den.within(0.05, 4.0)).within(-20.0, 20.0))
        v = k.define("v", (v2[0] * v1[1] - v2[1] * v1[0]) * inv)
        w = k.define("w", (v0[0] * v2[1] - v0[1] * v2[0]) * inv)
    else:
        names = (("d00", v0, v0), ("d01", v0, v1), ("d11", v1, v1), ("d20", v2, v0), ("d21", v2, v1))
        d00, d01, d11, d20, d21 = (k.define(n, k.wp.dot(a, b)) for n, a, b in names)
        det = k.define("denom|det|den", (d00 * d11 - d01 * d01).within(0.0, 100.0) + 0.05)
        v = k.define("v", (d11 * d20 - d01 * d21) / det)
        w = k.define("w", (d00 * d21 - d01 * d20) / det)
    u = k.define("u", 1.0 - v - w)
    if rng.chance(0.5):
        inside = k.var("inside|hit|contained", 0, I32, lo=0, hi=1)
        with k.if_(k.all(u >= 0.0, v >= 0.0, w >= 0.0)):
            k.set(inside, 1)
        k.give("inside|hit", inside)
    if rng.chance(0.5):
        k.give("bary|barycentric|coords", k.make(k.vec3, u, v, w))
    else:
        values = [k.load(f"f{n}", k.real, -1.0, 1.0) for n in range(3)]
        k.give("value|interpolated|f_p", u * values[0] + v * values[1] + w * values[2])


@CATEGORY.motif(weight=1.3)
def stress_measure(k: Kit) -> None:
    """Stress and its scalar measures from a strain."""
    rng = k.rng
    kind = rng.choice(("tensor", "voigt", "plane", "invariants"))
    if kind == "plane":
        e, nu = k.param("E|young", k.real, 5.0, 20.0), k.param("nu|poisson", k.real, 0.1, 0.4)
        eps = k.input("eps|strain|voigt_strain", k.vec3, -0.2, 0.2)
        c = k.define("c|factor|coef", e / (1.0 - nu * nu))
        sx, sy = (
            k.define("sx", c * (eps[0] + nu * eps[1])),
            k.define("sy", c * (nu * eps[0] + eps[1])),
        )
        txy = k.define("txy|tau", c * 0.5 * (1.0 - nu) * eps[2])
        k.give("stress|sigma|voigt_stress", k.make(k.vec3, sx, sy, txy))
        if rng.chance(0.5):
            k.give("von_mises|vm|eq_stress", k.wp.sqrt(sx * sx - sx * sy + sy * sy + 3.0 * txy * txy + 0.01))
        return
    mu, lam = lame(k)
    if kind == "voigt":
        eps6 = [k.load(f"e{n}", k.real, -0.2, 0.2) for n in ("xx", "yy", "zz", "xy", "yz", "zx")]
        tr = k.define("tr|vol|theta", eps6[0] + eps6[1] + eps6[2])
        s = [
            k.define(f"s{n}", lam * tr + 2.0 * mu * v)
            for n, v in zip(("xx", "yy", "zz"), eps6[:3], strict=True)
        ]
        s += [k.define(f"s{n}", mu * v) for n, v in zip(("xy", "yz", "zx"), eps6[3:], strict=True)]
        normal = (s[0] - s[1]) * (s[0] - s[1]) + (s[1] - s[2]) * (s[1] - s[2]) + (s[2] - s[0]) * (s[2] - s[0])
        shear = s[3] * s[3] + s[4] * s[4] + s[5] * s[5]
        k.give("von_mises|vm|sigma_eq", k.wp.sqrt(0.5 * normal + 3.0 * shear + 0.01))
        return
    grad = k.input("grad_u|displacement_gradient|H", k.mat33, -0.2, 0.2)
    eps = k.define("eps|strain|e", 0.5 * (grad + k.wp.transpose(grad)))
    stress = k.define("sigma|stress|s", eps * (2.0 * mu) + identity(k, k.mat33) * (lam * k.wp.trace(eps)))
    p = k.define("p|mean|hydrostatic", k.wp.trace(stress) / 3.0)
    dev = k.define("dev|s_dev|deviator", stress - identity(k, k.mat33) * p)
    j2 = k.define("j2|J2|second_inv", 0.5 * k.wp.ddot(dev, dev))
    if kind == "invariants":
        k.give("pressure|p", -p)
        if rng.chance(0.5):
            k.give("j3|J3", k.wp.determinant(dev))
    if rng.chance(0.4):
        cohesion, friction = (
            k.param("cohesion|c", k.real, 0.1, 2.0),
            k.param("alpha|friction|phi", k.real, 0.1, 0.5),
        )
        k.note("yield function")
        k.give("f_yield|phi|yield_value", k.wp.sqrt(j2 + 0.01) + friction * p - cohesion)
    else:
        k.give("von_mises|vm|sigma_eq", k.wp.sqrt(3.0 * j2 + 0.01))
    if rng.chance(0.5):
        k.give("stress|sigma", stress)


@CATEGORY.motif(rank=1)
def vertex_normals(k: Kit) -> None:
    """Area-weighted normals of the vertices."""
    rng = k.rng
    nodes = element(k, 3)
    x = corner_positions(k, nodes, k.vec3)
    n = k.define("n|normal|area_normal", k.wp.cross(x[1] - x[0], x[2] - x[0]))
    size = k.wp.length(n)
    if rng.chance(0.4):
        n = k.define("n_unit|unit|nn", k.wp.normalize(n))
    out = k.output("normals|vertex_normals|node_normals", k.vec3)
    for node in nodes:
        k.discard(k.atomic("add", out, node, n))
    if rng.chance(0.5):
        k.give("center|centroid|c", (x[0] + x[1] + x[2]) / 3.0)
    if rng.chance(0.4):
        perimeter = k.wp.length(x[1] - x[0]) + k.wp.length(x[2] - x[1]) + k.wp.length(x[0] - x[2])
        k.give("quality|aspect|shape_quality", size / (perimeter + 0.1))


@CATEGORY.motif(rank=1)
def boundary_values(k: Kit) -> None:
    """Impose values at the boundary nodes."""
    rng = k.rng
    flags = k.array("dirichlet|fixed|bc_mask|boundary", I32, lo=0, hi=1)
    t = rng.choice((k.real, k.vec3, k.vec2))
    value = k.load("bc_value|prescribed|u_bc", t, -1.0, 1.0)
    r, u = k.input("residual|rhs|b", t, -5.0, 5.0), k.input("u|displacement|solution", t, -1.0, 1.0)
    kind = rng.choice(("penalty", "replace", "where"))
    out = k.var("r|res|b_i", r, lo=-2000.0, hi=2000.0)
    if kind == "penalty":
        penalty = k.param("penalty|bc_stiffness|beta", k.real, 10.0, 100.0)
        with k.if_(flags[k.flat].ne(0)):
            k.change(out, "-", (u - value) * penalty)
    else:
        with k.if_(flags[k.flat].eq(1)):
            k.set(out, u - value if kind == "where" else value)
    k.give("residual|r|b", out)


@CATEGORY.motif()
def central_difference(k: Kit) -> None:
    """Explicit dynamics with a lumped mass."""
    rng = k.rng
    t = rng.choice((k.vec3, k.vec2, k.real))
    u, before = k.input("u|disp|u_n", t, -1.0, 1.0), k.load("u_prev|disp_prev|u_old", t, -1.0, 1.0)
    f_ext, f_int = (
        k.load("f_ext|load|external", t, -5.0, 5.0),
        k.input("f_int|internal_force|forces", t, -5.0, 5.0),
    )
    m, dt = k.input("mass|m|node_mass", k.real, 0.5, 2.0), k.param("dt|h|time_step", k.real, 0.001, 0.05)
    style = rng.choice(("plain", "damped", "newmark"))
    net = k.define("net|r|f_net", f_ext - f_int)
    if style == "plain":
        k.give("u|disp|u_next", 2.0 * u - before + net * (dt * dt / m))
    elif style == "damped":
        c = k.param("damping|c|alpha", k.real, 0.1, 2.0)
        v = k.define("v|vel|rate", (u - before) / dt)
        k.give("u|disp|u_next", u + v * dt + (net - v * c) * (dt * dt / m))
    else:
        a0, v0 = k.load("accel|a_n|a0", t, -5.0, 5.0), k.load("velocity|v_n|v0", t, -1.0, 1.0)
        a1 = k.define("a1|a_new", net / m)
        k.give("velocity|v_next|v1", v0 + 0.5 * dt * (a0 + a1))
        k.give("u|disp|u_next", u + v0 * dt + dt * dt * (0.25 * a0 + 0.25 * a1))
