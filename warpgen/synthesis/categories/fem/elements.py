"""Finite elements: deformation, elastic energies and forces, element matrices and their assembly."""

from __future__ import annotations

from warpgen.synthesis.categories.fem import CATEGORY
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import Type, vec
from warpgen.synthesis.language.values import Value, call

NODES = 64  # in the meshes of these programs


def element(k: Kit, corners: int) -> list[Value]:
    """Node numbers of this thread's element, from a flat or a 2-D connectivity."""
    names = {
        2: ("edges|bars|segments", "elements|connectivity"),
        3: ("tri_indices|triangles|faces", "elements|elems"),
        4: ("tet_indices|tets|tetrahedra", "elements|elems"),
    }[corners]
    flat = k.rng.chance(0.4)
    ids = k.index_array(k.rng.choice(names), NODES, 1 if flat else 2)
    letters = k.rng.choice((("i", "j", "k", "l"), ("n0", "n1", "n2", "n3"), ("a", "b", "c", "d")))
    return [
        k.define(letters[c], ids[k.flat * corners + c] if flat else ids[k.flat, c]) for c in range(corners)
    ]


def corner_positions(k: Kit, nodes: list[Value], space: Type) -> list[Value]:
    x = k.array("positions|x|particle_q|vertices", space, lo=-1.0, hi=1.0)
    stem = k.rng.choice(("x", "x", "p", "v"))
    return [k.define(f"{stem}{n}", x[node]) for n, node in enumerate(nodes)]


def columns(k: Kit, edges: list[Value], t: Type) -> Value:
    """A matrix with the edges as columns."""
    n = len(edges)
    if k.rng.chance(0.45):
        bound = max(e.magnitude for e in edges)
        return call("wp.matrix_from_cols", list(edges), t, -bound, bound, k.author)
    return k.make(t, *(edges[c][r] for r in range(n) for c in range(n)))


def identity(k: Kit, t: Type) -> Value:
    n = t.shape[0]
    if k.rng.chance(0.7):
        return call("wp.identity", [f"n={n}", f"dtype={k.author.spell(t.scalar)}"], t, 0.0, 1.0, k.author)
    return k.wp.diag(k.make(vec(n, t.scalar), *[1.0] * n)).within(0.0, 1.0)


def lame(k: Kit) -> tuple[Value, Value]:
    """Lamé parameters: as they are, or from Young's modulus and Poisson's ratio."""
    rng = k.rng
    if rng.chance(0.6):
        return k.param("mu|k_mu|shear_modulus", k.real, 1.0, 20.0), k.param(
            "lam|k_lambda|lmbda", k.real, 1.0, 20.0
        )
    e, nu = (
        k.param("E|young|youngs_modulus", k.real, 5.0, 20.0),
        k.param("nu|poisson|poisson_ratio", k.real, 0.1, 0.4),
    )
    mu = k.define("mu|shear|G", e / (2.0 * (1.0 + nu)))
    return mu, k.define("lam|lmbda|la", e * nu / ((1.0 + nu) * (1.0 - 2.0 * nu)))


def elastic(k: Kit, f: Value, model: str) -> tuple[Value, Value]:
    """Energy density and first Piola stress of a deformation gradient near the identity."""
    mu, lam = lame(k)
    t = f.type
    n = t.shape[0]
    eye = identity(k, t)
    if model == "linear":
        eps = k.define("eps|strain|e", 0.5 * (f + k.wp.transpose(f)) - eye)
        tr = k.define("tr|trace_e|vol", k.wp.trace(eps))
        return mu * k.wp.ddot(eps, eps) + 0.5 * lam * tr * tr, eps * (2.0 * mu) + eye * (lam * tr)
    if model == "stvk":
        e = k.define("E_g|green|G", 0.5 * (k.wp.transpose(f) * f - eye))
        tr = k.define("tr|trace_e|trE", k.wp.trace(e))
        second = k.let("S|pk2|s2", e * (2.0 * mu) + eye * (lam * tr))
        return mu * k.wp.ddot(e, e) + 0.5 * lam * tr * tr, f * second
    j = k.define("J|detF|jac", k.wp.determinant(f).within(0.05, 3.0))
    ic = k.define("I_c|ic|I1", k.wp.ddot(f, f).within(0.5, 12.0))
    if model == "stable":
        # The cofactor matrix is the slope of the determinant.
        alpha = k.define("alpha|a|rest", 1.0 + mu / lam)
        cof = k.define("dJdF|cof|cofactor", k.wp.transpose(k.wp.inverse(f)) * j)
        diff = k.define("d|jd|excess", j - alpha)
        return 0.5 * mu * (ic - float(n)) + 0.5 * lam * diff * diff, f * mu + cof.within(-6.0, 6.0) * (
            lam * diff
        )
    inv_t = k.define("F_inv_T|FinvT|fit", k.wp.transpose(k.wp.inverse(f)).within(-8.0, 8.0))
    log_j = k.define("log_J|lnJ|lj", k.wp.log(j))
    energy = 0.5 * mu * (ic - float(n)) - mu * log_j + 0.5 * lam * log_j * log_j
    return energy, (f - inv_t) * mu + inv_t * (lam * log_j)


MODELS = ("linear", "stvk", "neo", "neo", "stable")


@CATEGORY.motif(rank=1, weight=1.5)
def deformation_gradient(k: Kit) -> None:
    """Deformation gradient of an element."""
    rng = k.rng
    flat = rng.chance(0.35)
    corners, space, t = (3, k.vec2, k.mat22) if flat else (4, k.vec3, k.mat33)
    nodes = element(k, corners)
    x = corner_positions(k, nodes, space)
    stem = rng.choice(("e{}", "x{}0", "d{}"))
    edges = [k.define(stem.format(n), x[n] - x[0]) for n in range(1, corners)]
    ds = k.define("Ds|D_s|shape", columns(k, edges, t))
    rest = k.load("Dm_inv|DmInv|rest_inv|poses", t, -1.0, 1.0)
    f = k.define("F|f|def_grad", ds * rest)
    give = rng.choice(("f", "green", "polar", "volume"))
    if give == "f":
        k.give("F|def_grad", f)
    elif give == "green":
        k.give("green_strain|E|strain", 0.5 * (k.wp.transpose(f) * f - identity(k, t)))
    elif give == "volume":
        ratio = k.define("J|detF|volume_ratio", k.wp.determinant(f))
        k.give("volume_ratio|J", ratio)
        k.give("F|def_grad", f)
    else:
        c = k.define("C|cauchy_green|right", k.wp.transpose(f) * f)
        k.give("stretch|I1|trace_C", k.wp.trace(c))
        k.give("cauchy_green|C", c)


@CATEGORY.motif(rank=1, weight=2.0)
def element_forces(k: Kit) -> None:
    """Elastic forces of an element on its nodes."""
    rng = k.rng
    flat = rng.chance(0.4)
    corners, space, t = (3, k.vec2, k.mat22) if flat else (4, k.vec3, k.mat33)
    nodes = element(k, corners)
    u = k.array("displacements|u|disp", space, lo=-0.2, hi=0.2)
    moved = [k.define(f"u{n}", u[node]) for n, node in enumerate(nodes)]
    stem = rng.choice(("du", "e"))
    edges = [k.define(f"{stem}{n}", moved[n] - moved[0]) for n in range(1, corners)]
    rest = k.load("Dm_inv|DmInv|rest_inv", t, -0.5, 0.5)
    grad = k.define("grad_u|H|du_dX", columns(k, edges, t) * rest)
    f = k.define("F|f|def_grad", identity(k, t) + grad)
    energy, stress = elastic(k, f, rng.choice(MODELS))
    volume = k.load("rest_volume|volumes|vol" if not flat else "rest_area|area", k.real, 0.1, 1.0)
    p = k.define("P|piola|pk1", stress)
    h = k.define("H_f|G|dforce", p * k.wp.transpose(rest) * -volume)
    forces = [
        k.define(f"f{c + 1}", k.make(space, *(h[r, c] for r in range(space.shape[0]))))
        for c in range(corners - 1)
    ]
    first = -forces[0]
    for other in forces[1:]:
        first = first - other
    out = k.output("forces|f|nodal_forces|particle_f", space)
    k.discard(k.atomic("add", out, nodes[0], k.let("f0", first)))
    for node, force in zip(nodes[1:], forces, strict=True):
        k.discard(k.atomic("add", out, node, force))
    if rng.chance(0.4):
        k.give("energy|elastic_energy|psi", energy * volume)


@CATEGORY.motif(weight=1.5)
def energy_density(k: Kit) -> None:
    """Elastic energy density and stress."""
    rng = k.rng
    t = rng.choice((k.mat33, k.mat22))
    grad = k.input("grad_u|displacement_gradient|H", t, -0.2, 0.2)
    f = k.define("F|f|def_grad", identity(k, t) + grad)
    energy, stress = elastic(k, f, rng.choice(MODELS))
    what = rng.choice(("energy", "stress", "cauchy", "both"))
    if what in ("energy", "both"):
        k.give("energy|psi|energy_density", energy)
    if what in ("stress", "both"):
        k.give("stress|P|piola", stress)
    if what == "cauchy":
        p = k.define("P|piola|pk1", stress)
        j = k.define("detF|jacobian|det_f", k.wp.determinant(f).within(0.2, 3.0))
        k.give("stress|sigma|cauchy", p * k.wp.transpose(f) * (1.0 / j))


@CATEGORY.motif()
def corotated(k: Kit) -> None:
    """Corotated elasticity with the rotation taken out."""
    rng = k.rng
    f = k.define(
        "F|f|def_grad", identity(k, k.mat33) + k.input("grad_u|H|displacement_gradient", k.mat33, -0.3, 0.3)
    )
    mu, lam = lame(k)
    if rng.chance(0.5):
        u, sigma, v = k.define_all(
            ("U|u", "sigma|S|s", "V|v"),
            f"wp.svd3({f.text})",
            (k.mat33, k.vec3, k.mat33),
            (-1.0, 1.0),
            (0.0, 3.0),
            (-1.0, 1.0),
        )
        r = k.define("R|rot|r", (u * k.wp.transpose(v)).within(-1.0, 1.0))
        if rng.chance(0.4):
            one = k.make(k.vec3, 1.0, 1.0, 1.0)
            d = k.define("d|ds|strain_diag", sigma - one)
            tr = k.define("tr|trace_s|vol", d[0] + d[1] + d[2])
            k.give("energy|psi", mu * k.wp.dot(d, d) + 0.5 * lam * tr * tr)
            return
    else:
        r = k.var("R|rot|r", f, lo=-2.0, hi=2.0)
        k.note("Newton iterations for the polar factor")
        with k.for_("it|iter|n", rng.choice((3, 4, 5))):
            k.set(r, (0.5 * (r + k.wp.transpose(k.wp.inverse(r)))).within(-2.0, 2.0))
    s = k.define("S_sym|stretch|s", k.wp.transpose(r) * f)
    eps = k.define("eps|strain|e", (s - identity(k, k.mat33)).within(-2.0, 2.0))
    stress = r * (eps * (2.0 * mu)) + r * (lam * k.wp.trace(eps))
    k.give("stress|P|piola", stress)


@CATEGORY.motif(rank=1)
def poisson_element(k: Kit) -> None:
    """Stiffness matrix of a linear triangle."""
    rng = k.rng
    nodes = element(k, 3)
    p = corner_positions(k, nodes, k.vec2)
    e = [k.define(f"e{n}", p[(n + 2) % 3] - p[(n + 1) % 3]) for n in range(3)]
    det = k.define("det|area2|detJ", k.wp.abs(e[0][0] * e[1][1] - e[0][1] * e[1][0]) + 0.1)
    kappa = k.input("kappa|conductivity|diffusivity", k.real, 0.5, 2.0)
    scale = k.define("scale|coef|c", kappa / (2.0 * det))
    entries = {(a, b): k.wp.dot(e[a], e[b]) * scale for a in range(3) for b in range(3)}
    style = rng.choice(("matrix", "dense", "apply", "triplets"))
    if style == "matrix":
        k.give("element_matrix|Ke|K_local", k.make(k.mat33, *entries.values()))
        return
    if style == "dense":
        out = k.output("K|stiffness|A", k.real, 2)
        for a in range(3):
            for b in range(3):
                k.discard(k.atomic("add", out, (nodes[a], nodes[b]), entries[a, b]))
        return
    ke = k.define("Ke|K_e|local_k", k.make(k.mat33, *entries.values()))
    if style == "triplets":
        values = k.output("values|coo_values|data", k.real)
        rows, cols = k.output("rows|coo_rows", nodes[0].type), k.output("cols|coo_cols", nodes[0].type)
        base = k.define("base|offset|start", k.flat * 9)
        for a in range(3):
            for b in range(3):
                k.store(rows, base + 3 * a + b, nodes[a])
                k.store(cols, base + 3 * a + b, nodes[b])
                k.store(values, base + 3 * a + b, ke[a, b])
        return
    u = k.array("u|temperature|phi|potentials", k.real, lo=-1.0, hi=1.0)
    local = k.define("ue|u_local|ul", k.make(k.vec3, *(u[n] for n in nodes)))
    r = k.define("re|residual_e|flux", ke * local)
    out = k.output("residual|Ku|rhs_out|b", k.real)
    for a, node in enumerate(nodes):
        k.discard(k.atomic("add" if rng.chance(0.9) else "sub", out, node, r[a]))


@CATEGORY.motif(rank=1)
def lumped_mass(k: Kit) -> None:
    """Lumped mass of an element on its nodes."""
    rng = k.rng
    corners = rng.choice((3, 4, 2))
    nodes = element(k, corners)
    x = corner_positions(k, nodes, k.vec3)
    rho = k.param("density|rho", k.real, 0.5, 4.0)
    if corners == 4:
        d = [k.define(f"e{n}", x[n] - x[0]) for n in range(1, 4)]
        measure = k.define("volume|vol|v", k.wp.abs(k.wp.dot(k.wp.cross(d[0], d[1]), d[2])) / 6.0)
    elif corners == 3:
        n = k.wp.cross(x[1] - x[0], x[2] - x[0])
        measure = k.define("area|A|a", 0.5 * k.wp.length(n))
        rho = rho * k.param("thickness|t", k.real, 0.05, 0.5)
    else:
        measure = k.define("length|l|L", k.wp.length(x[1] - x[0]))
        rho = rho * k.param("cross_section|area|A", k.real, 0.05, 0.5)
    m = k.define("m|mass|node_mass", rho * measure / float(corners))
    out = k.output("masses|mass|lumped_mass|m", k.real)
    if rng.chance(0.3) and corners > 2:
        ids = k.array("node_ids|local_to_global|dof_map", nodes[0].type, 2, lo=0, hi=NODES - 1)
        with k.for_("a|v|c", corners) as a:
            k.discard(k.atomic("add", out, ids[k.flat, a], m))
    else:
        for node in nodes:
            k.discard(k.atomic("add", out, node, m))
    if rng.chance(0.3):
        k.give("volume|measure" if corners == 4 else "area|measure", measure)


@CATEGORY.motif(rank=1)
def truss_element(k: Kit) -> None:
    """Axial bar between two nodes."""
    rng = k.rng
    space = rng.choice((k.vec2, k.vec3))
    a, b = element(k, 2)
    x = corner_positions(k, [a, b], space)
    u = k.array("displacements|u|disp", space, lo=-0.2, hi=0.2)
    d = k.define("d|edge|axis", x[1] - x[0])
    length = k.define("L|length|l0", k.wp.length(d) + 0.1)
    n = k.define("n|dir|t", (d / length).within(-1.0, 1.0))
    ea = k.param("EA|axial_stiffness|ea", k.real, 1.0, 50.0)
    stretch = k.define("elongation|dl|stretch", k.wp.dot(u[b] - u[a], n))
    force = k.define("N_axial|tension|axial", ea / length * stretch)
    kind = rng.choice(("force", "matrix", "stress"))
    if kind == "stress":
        area = k.param("area|A|section", k.real, 0.05, 0.5)
        k.give("stress|sigma|axial_stress", force / area)
        k.give("strain|eps", stretch / length)
    elif kind == "matrix" and space.shape == (2,):
        c, s = n[0], n[1]
        block = (c * c, c * s, c * s, s * s)
        signs = ((1, -1), (-1, 1))
        g = k.define("g|k_axial|coef", ea / length)
        entries = [
            block[2 * r + q] * g if signs[p][w] > 0 else -block[2 * r + q] * g
            for p in range(2)
            for r in range(2)
            for w in range(2)
            for q in range(2)
        ]
        k.give("element_matrix|Ke|k_global", k.make(k.mat44, *entries))
    else:
        out = k.output("forces|internal_force|f_int", space)
        f = k.define("f|fe|pull", n * force)
        k.discard(k.atomic("add", out, a, f))
        k.discard(k.atomic("sub", out, b, f))
