"""Stencils of flows and fields: fluids, lattice Boltzmann, shallow water, waves in media, level sets."""

from __future__ import annotations

from warpgen.synthesis.categories.stencil import CATEGORY
from warpgen.synthesis.categories.stencil.differences import around, laplacian, like
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import I32, vec
from warpgen.synthesis.language.values import Value, call


@CATEGORY.motif(rank=2)
def divergence(k: Kit) -> None:
    """Divergence and curl of a velocity field."""
    rng = k.rng
    if rng.chance(0.5):
        v = around(k, "velocity|vel|v|u", 2, k.vec2)
        e, w, n, s = v(1, 0), v(-1, 0), v(0, 1), v(0, -1)
        dudx, dvdy, dvdx, dudy = e[0] - w[0], n[1] - s[1], e[1] - w[1], n[0] - s[0]
    else:
        u = around(k, "u|vx|u_vel", 2)
        v = like(u, "v|vy|v_vel")
        dudx, dvdy = u(1, 0) - u(-1, 0), v(0, 1) - v(0, -1)
        dvdx, dudy = v(1, 0) - v(-1, 0), u(0, 1) - u(0, -1)
    kind = rng.choice(("div", "curl", "both", "strain"))
    half = k.param("half_inv_dx|inv_2h|half_rdx", k.real, 0.25, 1.0)
    if kind in ("div", "both"):
        k.give("div|divergence|rhs", half * (dudx + dvdy))
    if kind in ("curl", "both"):
        k.give("curl|vorticity|omega", half * (dvdx - dudy))
    if kind == "strain":
        shear = k.define("sxy|shear|s12", half * (dudy + dvdx))
        normal = k.define("sxx|stretch|s11", half * (dudx - dvdy))
        k.give("strain_rate|shear_rate|s_norm", k.wp.sqrt(shear * shear + normal * normal + 0.01))


@CATEGORY.motif(rank=2)
def projection(k: Kit) -> None:
    """Subtract the pressure gradient from a velocity."""
    rng = k.rng
    p = around(k, "pressure|p|press", 2, lo=-2.0, hi=2.0)
    v = k.load("velocity|vel|u", k.vec2, -1.0, 1.0)
    gx, gy = k.define("gx|dpdx", 0.5 * (p(1, 0) - p(-1, 0))), k.define("gy|dpdy", 0.5 * (p(0, 1) - p(0, -1)))
    g = k.define("grad_p|grad|gp", k.make(k.vec2, gx, gy))
    if rng.chance(0.5):
        scale = k.param("dt_rho|scale|inv_rho", k.real, 0.1, 1.0)
        g = g * scale
    v1 = k.define("v_new|u_new|v1", v - g)
    if rng.chance(0.4):
        solid = k.load("solid|mask|obstacle", I32, 0, 1)
        k.give("velocity|v_out|u_out", k.select("v_out|u_out", solid.ne(0), k.zero(k.vec2), v1))
    else:
        k.give("velocity|v_new|u_new", v1)


@CATEGORY.motif(rank=2, weight=1.3)
def semi_lagrangian(k: Kit) -> None:
    """Trace back along the flow and interpolate."""
    rng = k.rng
    q = k.array("q|density|smoke|field", k.real, 2, lo=0.0, hi=1.0)
    v = k.load("velocity|vel|u", k.vec2, -2.0, 2.0)
    dt = k.param("dt|time_step|h", k.real, 0.1, 1.0)
    nx, ny = k.extent(0), k.extent(1)
    i, j = k.place
    x = k.define("x|px|xb", k.wp.clamp(k.to_real(i) - v[0] * dt, 0.0, k.lit(nx.hi - 1.001)))
    y = k.define("y|py|yb", k.wp.clamp(k.to_real(j) - v[1] * dt, 0.0, k.lit(ny.hi - 1.001)))
    i0 = k.define("i0|ix|x0", k.cast(k.wp.floor(x), I32).within(0, nx.hi - 2))
    j0 = k.define("j0|iy|y0", k.cast(k.wp.floor(y), I32).within(0, ny.hi - 2))
    fx, fy = (
        k.define("fx|s|tx", (x - k.to_real(i0)).within(0, 1)),
        k.define("fy|t|ty", (y - k.to_real(j0)).within(0, 1)),
    )
    if rng.chance(0.5):
        a = k.define("a|bottom|q0", k.wp.lerp(q[i0, j0], q[i0 + 1, j0], fx))
        b = k.define("b|top|q1", k.wp.lerp(q[i0, j0 + 1], q[i0 + 1, j0 + 1], fx))
        value = k.wp.lerp(a, b, fy)
    else:
        gx, gy = k.define("gx|s1|omx", 1.0 - fx), k.define("gy|t1|omy", 1.0 - fy)
        value = (q[i0, j0] * gx + q[i0 + 1, j0] * fx) * gy + (
            q[i0, j0 + 1] * gx + q[i0 + 1, j0 + 1] * fx
        ) * fy
    if rng.chance(0.3):
        value = value * k.param("dissipation|decay|fade", k.real, 0.9, 1.0)
    k.give("q_new|density|advected", value)


_LATTICE = ((0, 0), (1, 0), (0, 1), (-1, 0), (0, -1), (1, 1), (-1, 1), (-1, -1), (1, -1))
_LATTICE_WEIGHTS = (0.444444, *[0.111111] * 4, *[0.027778] * 4)


@CATEGORY.motif(rank=2, weight=1.3)
def lattice_boltzmann(k: Kit) -> None:
    """Collide and stream the populations of a lattice."""
    rng = k.rng
    vec9 = vec(9, k.real)
    f = k.define("f|pop|fi", k.load("populations|f_in|dist", vec9, 0.05, 0.3))
    rho = k.var("rho|density|mass", 0.0, k.real, lo=0.3, hi=3.0)
    ux, uy = f[1] - f[3] + f[5] - f[6] - f[7] + f[8], f[2] - f[4] + f[5] + f[6] - f[7] - f[8]
    with k.for_("q|k|d", 9) as q:
        k.add(rho, f[q])
    ux, uy = k.define("ux|vx", (ux / rho).within(-1.0, 1.0)), k.define("uy|vy", (uy / rho).within(-1.0, 1.0))
    if rng.chance(0.3):
        k.give("density|rho", rho)
        k.give("velocity|u|vel", k.make(k.vec2, ux, uy))
    usq = k.define("usq|u2|uu", 1.5 * (ux * ux + uy * uy))
    tau = k.param("omega|relaxation|inv_tau", k.real, 0.5, 1.8)
    if rng.chance(0.5):
        ex, ey = (k.array(n, I32, lo=-1, hi=1) for n in ("cx|ex|dir_x", "cy|ey|dir_y"))
        w = k.array("weights|w|lattice_w", k.real, lo=0.02, hi=0.45)
        out = k.output("f_out|post|streamed", k.real, 3)
        nx, ny = k.extent(0), k.extent(1)
        with k.for_("d|k|q", 9) as d:
            cu = k.define("cu|eu|c_u", 3.0 * (k.to_real(ex[d]) * ux + k.to_real(ey[d]) * uy))
            feq = k.define("feq|eq|equilibrium", w[d] * rho * (1.0 + cu + 0.5 * cu * cu - usq))
            ti = k.define("ti|ni|dst_i", ((k.place[0] + ex[d] + nx) % nx).within(0, nx.hi - 1))
            tj = k.define("tj|nj|dst_j", ((k.place[1] + ey[d] + ny) % ny).within(0, ny.hi - 1))
            k.store(out, (ti, tj, d), f[d] + tau * (feq - f[d]))
        return
    parts = []
    for n, (cx, cy) in enumerate(_LATTICE):
        along: Value | None = None
        for c, u in ((cx, ux), (cy, uy)):
            if c:
                along = (u if c > 0 else -u) if along is None else along + u if c > 0 else along - u
        if along is None:
            feq = _LATTICE_WEIGHTS[n] * rho * (1.0 - usq)
        else:
            cu = k.define(f"cu{n}", 3.0 * along)
            feq = _LATTICE_WEIGHTS[n] * rho * (1.0 + cu + 0.5 * cu * cu - usq)
        parts.append(k.define(f"g{n}", f[n] + tau * (feq - f[n])))
    spelled = k.draft.use_type(vec9)
    k.give("populations|f_out|dist_new", call(spelled, list(parts), vec9, -20.0, 20.0, k.author))


@CATEGORY.motif(rank=2)
def shallow_water(k: Kit) -> None:
    """Step of the shallow water equations."""
    rng = k.rng
    h = around(k, "h|height|depth|eta", 2, lo=0.5, hi=1.5)
    hu, hv = like(h, "hu|mx|qx", lo=-0.5, hi=0.5), like(h, "hv|my|qy", lo=-0.5, hi=0.5)
    g = k.param("g|gravity", k.real, 1.0, 9.81)
    lam = k.param("dt_dx|lam|ratio", k.real, 0.01, 0.1)
    divergence = k.define("div|dm", 0.5 * (hu(1, 0) - hu(-1, 0) + hv(0, 1) - hv(0, -1)))
    k.give("h_new|height|eta_new", h.here - lam * divergence)
    gx = k.define("gx|dhx", 0.5 * g * (h(1, 0) * h(1, 0) - h(-1, 0) * h(-1, 0)))
    gy = k.define("gy|dhy", 0.5 * g * (h(0, 1) * h(0, 1) - h(0, -1) * h(0, -1)))
    if rng.chance(0.5):
        drag = k.param("drag|friction|cf", k.real, 0.01, 0.1)
        k.give("hu_new|mx_new", hu.here * (1.0 - drag) - 0.5 * lam * gx)
        k.give("hv_new|my_new", hv.here * (1.0 - drag) - 0.5 * lam * gy)
    else:
        k.give("hu_new|mx_new", hu.here - 0.5 * lam * gx)
        k.give("hv_new|my_new", hv.here - 0.5 * lam * gy)


@CATEGORY.motif(rank=3)
def maxwell(k: Kit) -> None:
    """Update of a field by the curl of the other."""
    rng = k.rng
    back = rng.chance(0.5)
    t = k.vec3
    h = around(k, "H|magnetic|h_field" if back else "E|electric|e_field", 3, t)
    side = -1 if back else 1
    here = k.define("c|center|h0", h.here)
    beside = (h.along(a, side) for a in range(3))
    diffs = (here - h_a if back else h_a - here for h_a in beside)
    dx, dy, dz = (k.define(n, d) for n, d in zip(("dx", "dy", "dz"), diffs, strict=True))
    curl = k.define("curl|rot|c_h", k.make(t, dy[2] - dz[1], dz[0] - dx[2], dx[1] - dy[0]))
    e = k.load("E|electric|e0" if back else "B|magnetic|b0", t, -1.0, 1.0)
    c = k.param("coef|dt_eps|courant", k.real, 0.05, 0.5)
    new = e + curl * c if back else e - curl * c
    if rng.chance(0.4):
        sigma = k.load("sigma|conductivity|loss", k.real, 0.0, 0.5)
        new = new * (1.0 - c * sigma)
    k.give("E|electric|e_new" if back else "B|magnetic|b_new", new)


@CATEGORY.motif(rank=2)
def level_set(k: Kit) -> None:
    """Motion of a front by its speed and curvature."""
    rng = k.rng
    phi = around(k, "phi|sdf|levelset", 2)
    c = k.define("c|p0|center", phi.here)
    e, w, n, s = (
        k.define(m, v)
        for m, v in (("pe", phi(1, 0)), ("pw", phi(-1, 0)), ("pn", phi(0, 1)), ("ps", phi(0, -1)))
    )
    kind = rng.choice(("curvature", "normal", "reinit"))
    if kind == "curvature":
        px, py = k.define("px|dx", 0.5 * (e - w)), k.define("py|dy", 0.5 * (n - s))
        pxx, pyy = k.define("pxx|dxx", e - 2.0 * c + w), k.define("pyy|dyy", n - 2.0 * c + s)
        pxy = k.define("pxy|dxy", 0.25 * (phi(1, 1) - phi(1, -1) - phi(-1, 1) + phi(-1, -1)))
        g2 = k.define("g2|grad2", px * px + py * py + k.lit(0.1))
        num = pxx * py * py - 2.0 * px * py * pxy + pyy * px * px
        dt = k.param("dt|time_step|b", k.real, 0.01, 0.1)
        k.give("phi_new|phi_next", c + dt * (num / g2))
        if rng.chance(0.4):
            k.give("curvature|kappa", num / (g2 * k.wp.sqrt(g2)))
        return
    speed = k.load("speed|F|f_normal", k.real, -1.0, 1.0) if kind == "normal" else c / k.wp.sqrt(c * c + 0.1)
    speed = k.define("f|speed_c|s", speed.within(-1.0, 1.0))
    mx, px = k.define("mx|dxm", c - w), k.define("dpx|dxp", e - c)
    my, py = k.define("my|dym", c - s), k.define("dpy|dyp", n - c)
    zero = k.lit(0.0)
    up = [k.wp.max(mx, zero), k.wp.min(px, zero), k.wp.max(my, zero), k.wp.min(py, zero)]
    down = [k.wp.min(mx, zero), k.wp.max(px, zero), k.wp.min(my, zero), k.wp.max(py, zero)]
    grads = []
    for name, parts in (("gp|grad_plus", up), ("gm|grad_minus", down)):
        squares = [k.define(f"{'abcd'[m]}{name[1]}", p) for m, p in enumerate(parts)]
        total = squares[0] * squares[0]
        for p in squares[1:]:
            total = total + p * p
        grads.append(k.define(name, k.wp.sqrt(total + 1e-2)))
    dt = k.param("dt|time_step|tau", k.real, 0.05, 0.5)
    flow = k.wp.max(speed, 0.0) * grads[0] + k.wp.min(speed, 0.0) * grads[1]
    k.give("phi_new|phi_next", c - dt * (flow - speed if kind == "reinit" else flow))


@CATEGORY.motif(rank=2)
def interior_update(k: Kit) -> None:
    """Update of the interior cells, with the border held."""
    rng = k.rng
    u = k.array("u|field|grid|T", k.real, 2, lo=-1.0, hi=1.0)
    i, j = k.place
    nx, ny = k.extent(0), k.extent(1)
    here = u[i, j]
    result = k.var("result|new_u|value", here, lo=-4.0, hi=4.0)
    inside = k.all(i > 0, i < nx - 1, j > 0, j < ny - 1)
    if rng.chance(0.4):
        inside = k.all(k.between(1, i, nx - 1), k.between(1, j, ny - 1))
    with k.if_(inside):
        a, b = i.within(1, nx.hi - 2), j.within(1, ny.hi - 2)
        total = k.define("sum|nbrs|s4", u[a - 1, b] + u[a + 1, b] + u[a, b - 1] + u[a, b + 1])
        kind = rng.choice(("mean", "diffuse", "sharpen", "sor"))
        if kind == "mean":
            k.set(result, 0.25 * total)
        elif kind == "diffuse":
            alpha = k.param("alpha|nu|rate", k.real, 0.05, 0.2)
            k.set(result, here + alpha * (total - 4.0 * here))
        elif kind == "sharpen":
            amount = k.param("amount|gain|strength", k.real, 0.1, 0.5)
            k.set(result, here * (1.0 + 4.0 * amount) - amount * total)
        else:
            omega = k.param("omega|sor|w", k.real, 1.0, 1.8)
            k.set(result, (1.0 - omega) * here + 0.25 * omega * total)
    if rng.chance(0.35):
        with k.else_():
            k.set(result, k.param("boundary_value|u_wall|bc", k.real, -1.0, 1.0))
    k.give("u_new|u_next|updated", result)


@CATEGORY.motif(rank=2)
def window_sum(k: Kit) -> None:
    """Weighted sum over a window of cells."""
    rng = k.rng
    radius = rng.choice((1, 1, 2))
    size = 2 * radius + 1
    u = k.array("u|field|height|data", k.real, 2, lo=-1.0, hi=1.0)
    weights = k.array("stencil|weights|coeffs", k.real, 2, lo=-0.5, hi=0.5) if rng.chance(0.5) else None
    nx, ny = k.extent(0), k.extent(1)
    total = k.var("acc|total|sum", 0.0, k.real, lo=-30.0, hi=30.0)
    extreme = k.var("best|peak|highest", -1.0, k.real, lo=-1.0, hi=1.0) if rng.chance(0.3) else None
    with k.for_("a|di|m", size) as a, k.for_("b|dj|n", size) as b:
        ii = k.define("ii|ni|x", k.wp.clamp(k.place[0] + a - radius, 0, nx - 1).within(0, nx.hi - 1))
        jj = k.define("jj|nj|y", k.wp.clamp(k.place[1] + b - radius, 0, ny - 1).within(0, ny.hi - 1))
        value = u[ii, jj]
        k.add(total, value if weights is None else weights[a, b] * value)
        if extreme is not None:
            k.set(extreme, k.wp.max(extreme, value))
    k.give(
        "mean|average|smoothed" if weights is None else "response|filtered|conv",
        total / float(size * size) if weights is None else total,
    )
    if extreme is not None:
        k.give("peak|local_max", extreme)


@CATEGORY.motif(rank=2)
def phase_field(k: Kit) -> None:
    """Step of a phase field towards its wells."""
    rng = k.rng
    phi = around(k, "phi|c|order", 2)
    c = k.define("p|c0|phi0", phi.here)
    lap = laplacian(k, phi, c)
    eps = k.param("eps|kappa|gradient_energy", k.real, 0.1, 1.0)
    kind = rng.choice(("allen_cahn", "swift", "potential"))
    well = c * c * c - c if rng.chance(0.6) else c * (1.0 - c) * (0.5 - c)
    mu = k.define("mu|chem|potential", well - eps * lap)
    if kind == "potential":
        k.give("mu|chemical_potential|chem", mu)
        return
    dt = k.param("dt|time_step", k.real, 0.01, 0.1)
    if kind == "swift":
        r = k.param("r|forcing|control", k.real, 0.1, 0.5)
        k.give("phi_new|c_new", c + dt * (r * c - c * c * c + lap))
    else:
        mobility = k.param("mobility|M|rate", k.real, 0.5, 2.0)
        k.give("phi_new|c_new", c - dt * mobility * mu)
