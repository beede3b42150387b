"""Granular matter (DEM): contacts between grains and with walls."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.particle import DOMAIN
from warpgen.synthesis.library import contact
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "x": "particle_x|pos|positions|particle_q",
    "v": "particle_v|vel|velocities|particle_qd",
    "w": "omega|angular_velocity|spin",
    "f": "particle_f|forces|force",
    "radius": "particle_radius|r|radii",
    "stiffness": "k_n|kn|k_contact",
    "damping": "k_damp|gamma_n|kd",
    "friction": "mu|k_mu|friction_coeff",
    "viscosity": "k_friction|kf|gamma_t",
    "n": "normal|nrm|dir",
    "slip": "vt|v_t|tangential",
    "overlap": "depth|delta|penetration",
}


@DOMAIN.algorithm(
    source="Cundall & Strack 1979; Hertz 1882; Tsuji, Tanaka & Ishida 1992",
    names=_NAMES
    | {
        "grain_contact_forces": "eval_particle_contacts|dem_forces|compute_contacts|apply_forces",
        "fi": "force|f_i|f_total",
        "grid": "hash_grid|grid_id|neighbors",
        "closing": "vn|approach|v_n",
    },
)
def grain_contact_forces(d: Draft) -> None:
    """Sums the contact forces between each grain and those that it touches."""
    normal = d.option("normal", *contact.NORMALS)
    friction = d.option("friction", *contact.FRICTIONS, None)
    search = d.option("search", "grid", "all")
    sizes = d.option("sizes", "equal", "per grain")
    spinning = d.flag("spinning", 0.35) and friction is not None
    gravity = d.flag("gravity", 0.4)
    cohesion = d.flag("cohesion", 0.3)
    if search == "grid":
        d.forward_only()
    count = d.pick(32, 48, 64)
    law, split = d.use(normal), d.use(contact.SPLIT)
    if search == "grid":
        d.handle("grid", "hash_grid", (8, 8, 8), of="x", value=0.5)
    d.input("x", "vec3", count, -0.8, 0.8)
    d.input("v", "vec3", count, -1.0, 1.0)
    if spinning:
        d.input("w", "vec3", count, -2.0, 2.0)
    if sizes == "equal":
        d.param("radius", "float", 0.15, 0.25)
    else:
        d.input("radius", "float", count, 0.12, 0.25)
    d.param("stiffness", "float", 50.0, 200.0)
    d.param("damping", "float", 0.5, 2.0)
    if friction:
        d.param("friction", "float", 0.2, 0.6)
        d.param("viscosity", "float", 0.5, 5.0)
    if cohesion:
        d.param("cohesion", "float", 0.5, 4.0)
    if gravity:
        d.param("weight", "vec3", -10.0, 10.0)
    d.output("f", "vec3", count)
    mine, other = ("radius", "radius") if sizes == "equal" else ("radius[tid]", "radius[j]")
    loops = {
        "grid": """
        # two grains touch at most at the sum of their radii, so that a query of that size misses none
        for j in wp.hash_grid_query(grid, xi, 0.5):
            if j == tid:
                continue
            $pair
        """,
        "all": """
        for j in range(x.shape[0]):
            if j == tid:
                continue
            $pair
        """,
    }
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        xi = x[tid]
        vi = v[tid]
        $radius
        fi = $start
        $loop
        f[tid] = fi
        """,
        radius=f"ri = {mine}" if sizes == "per grain" else "",
        start="weight" if gravity else "wp.vec3()",
        loop=loops[search],
        pair="""
        delta = xi - x[j]
        dist = wp.length(delta)
        $overlap
        if overlap <= 0.0:
            continue
        n = delta / dist
        $arms
        along, slip = $split($relative, n)
        $reduced
        f_n = $law(overlap, -along, $r, stiffness, damping)
        fi += f_n * n
        $cohesion
        $tangential
        """,
        overlap="overlap = 2.0 * radius - dist" if sizes == "equal" else f"overlap = ri + {other} - dist",
        arms="""
        # velocities of the surfaces at the point of contact
        arm = $a * w[tid] + $b * w[j]
        """
        if spinning
        else "",
        a="radius" if sizes == "equal" else "ri",
        b="radius" if sizes == "equal" else "radius[j]",
        split=split,
        relative="vi - v[j] + wp.cross(n, arm)" if spinning else "vi - v[j]",
        reduced="r_eff = ri * radius[j] / (ri + radius[j])" if sizes == "per grain" else "",
        law=law,
        r="r_eff" if sizes == "per grain" else "0.5 * radius",
        cohesion="""
        # Johnson, Kendall & Roberts' pull grows with the patch
        fi -= cohesion * $rc * n
        """
        if cohesion
        else "",
        rc="r_eff" if sizes == "per grain" else "radius",
        tangential=f"fi += {d.use(friction)}(slip, friction * f_n, viscosity)" if friction else "",
    )
    d.explain(f"""
        Grains of {"the same `radius`" if sizes == "equal" else "their own radii"} that overlap push each
        other apart by a spring and a dashpot{", and rub by Coulomb's law" if friction else ""}.
        SI units; nothing is remembered of a contact from one step to the next.
    """)

    def reference(v: Values) -> dict[str, Any]:
        r = np.broadcast_to(v.radius, count)
        delta = v.x[:, None] - v.x[None]
        dist = np.linalg.norm(delta, axis=-1) + np.eye(count)
        overlap = r[:, None] + r - dist
        touching = (overlap > 0.0) & ~np.eye(count, dtype=bool)
        n = delta / dist[..., None]
        relative = v.v[:, None] - v.v
        if spinning:
            arm = r[:, None, None] * v.w[:, None] + r[None, :, None] * v.w[None]
            relative = relative + np.cross(n, arm)
        along, slip = contact.SPLIT(relative, n)
        reduced = r[:, None] * r / (r[:, None] + r)
        size = normal(np.maximum(overlap, 0.0), -along, reduced, v.stiffness, v.damping)
        made = size[..., None] * n
        if cohesion:
            made = (
                made
                - v.cohesion * (reduced if sizes == "per grain" else v.radius + 0.0 * dist)[..., None] * n
            )
        if friction:
            made = made + friction(slip, v.friction * size, v.viscosity)
        made = np.where(touching[..., None], made, 0.0).sum(axis=1)
        return {"f": made + (v.weight if gravity else 0.0)}

    d.check(reference, 3e-4)


@DOMAIN.algorithm(
    source="Cundall & Strack 1979, eq. 12-16; Luding 2008, sec. 3.2",
    names=_NAMES
    | {
        "tangential_spring": "cundall_strack_friction|update_tangential|shear_spring|friction_spring",
        "xi": "spring|shear|history",
        "trial": "f_trial|ft_trial|guess",
        "f_n": "normal_force|fn|f_normal",
        "f_t": "ft|friction_force|shear_force",
        "k_t": "stiffness_t|kt|shear_stiffness",
    },
    double=True,
    adjoint="no",
)
def tangential_spring(d: Draft) -> None:
    """Advances the tangential springs of contacts, which slide where friction gives way."""
    turned = d.option("turned", "project", "keep length")
    damped = d.flag("damped")
    broken = d.option("broken", "flag", "force", "none")
    slipping = d.option("coefficients", "one", "static and dynamic")
    own = d.flag("own", 0.35)
    count = d.pick(64, 96, 128)
    d.input("n", "vec3", count, kind="unit")
    d.input("slip", "vec3", count, -0.5, 0.5)
    if broken == "flag":
        d.input("touching", "int", count, 0, 2)
    d.input("f_n", "float", count, -1.0 if broken == "force" else 0.1, 4.0)
    d.param("k_t", "float", 50.0, 200.0)
    if damped:
        d.param("gamma_t", "float", 0.5, 2.0)
    if own:
        d.input("friction", "float", count, 0.2, 0.8)
    else:
        d.param("friction", "float", 0.5, 0.8)
    if slipping != "one":
        d.param("friction_dynamic", "float", 0.1, 0.4)
    d.param("dt", "float", 0.001, 0.01)
    d.inout("xi", "vec3", count, -0.02, 0.02)
    d.output("f_t", "vec3", count)
    tests = {"flag": "touching[tid] == 0", "force": "f_n[tid] <= 0.0"}
    mu = "friction[tid]" if own else "friction"
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        $broken
        normal = n[tid]
        old = xi[tid]
        # the plane of contact has turned since the last step
        spring = old - wp.dot(old, normal) * normal
        $lengthen
        vt = slip[tid] - wp.dot(slip[tid], normal) * normal
        spring += vt * dt
        trial = -k_t * spring$damping
        size = wp.length(trial)
        limit = $mu * f_n[tid]
        if size > limit:
            $limit
            # the spring is as long as the force that is left, so that it does not wind up
            trial = trial * (limit / size)
            spring = -(trial$undamping) / k_t
        xi[tid] = spring
        f_t[tid] = trial
        """,
        broken=f"""
        if {tests[broken]}:
            xi[tid] = wp.vec3(0.0, 0.0, 0.0)
            f_t[tid] = wp.vec3(0.0, 0.0, 0.0)
            return
        """
        if broken != "none"
        else "",
        lengthen="""
        flat = wp.length(spring)
        if flat > 1.0e-9:
            spring = spring * (wp.length(old) / flat)
        """
        if turned == "keep length"
        else "",
        damping=" - gamma_t * vt" if damped else "",
        undamping=" + gamma_t * vt" if damped else "",
        mu=mu,
        limit=""
        if slipping == "one"
        else """
        # once it slides, less friction is left
        limit = friction_dynamic * f_n[tid]
        """,
    )
    d.explain("""
        A contact sticks by a spring `xi` in its plane; Coulomb's limit cuts the spring's force.
    """)

    def reference(v: Values) -> dict[str, Any]:
        along = (v.xi * v.n).sum(-1, keepdims=True)
        spring = v.xi - along * v.n
        if turned == "keep length":
            flat = np.linalg.norm(spring, axis=-1, keepdims=True)
            spring = spring * np.linalg.norm(v.xi, axis=-1, keepdims=True) / flat
        vt = v.slip - (v.slip * v.n).sum(-1, keepdims=True) * v.n
        spring = spring + v.dt * vt
        drag = v.gamma_t * vt if damped else 0.0
        trial = -v.k_t * spring - drag
        size = np.linalg.norm(trial, axis=-1)
        slides = size > v.friction * v.f_n
        kept = (v.friction if slipping == "one" else v.friction_dynamic) * v.f_n / size
        trial = np.where(slides[:, None], trial * kept[:, None], trial)
        spring = np.where(slides[:, None], -(trial + drag) / v.k_t, spring)
        if broken != "none":
            gone = v.touching == 0 if broken == "flag" else v.f_n <= 0.0
            trial, spring = (np.where(gone[:, None], 0.0, a) for a in (trial, spring))
        return {"xi": spring, "f_t": trial}

    d.check(reference, 3e-4)


@DOMAIN.algorithm(
    source="Bridson 2015; Macklin & Müller 2013 (walls as planes)",
    names=_NAMES
    | {
        "wall_response": "collide_walls|resolve_walls|particle_wall_collision|handle_boundaries",
        "planes": "walls|boundary_planes|half_spaces",
        "restitution": "bounce|e|elasticity",
        "xi": "p|pos_i|q",
        "vi": "u|vel_i|qd",
    },
    double=True,
    adjoint="no",
)
def wall_response(d: Draft) -> None:
    """Moves particles that have passed a wall back onto it and reflects their velocities."""
    wall = d.option("wall", "planes", "box", "sphere", "ground")
    tangential = d.option("tangential", "free", "scaled", "coulomb")
    layout = d.option("layout", "in place", "copies")
    sleeping = d.flag("inverse masses", 0.3)
    count = d.pick(64, 128, 192)
    copies = layout == "copies"
    role = d.input if copies else d.inout
    role("x", "vec3", count, -1.2, 1.2)
    role("v", "vec3", count, -2.0, 2.0)
    if sleeping:
        d.input("inv_mass", "float", count, -0.5, 1.0)
    if wall == "planes":
        d.input("planes", "vec4", 4, kind="unit")
    elif wall == "box":
        d.param("lower", "vec3", -0.9, -0.6)
        d.param("upper", "vec3", 0.6, 0.9)
    elif wall == "sphere":
        d.param("center", "vec3", -0.2, 0.2)
        d.param("radius", "float", 0.6, 1.0)
    else:
        d.param("ground", "float", -0.5, 0.3)
    d.param("restitution", "float", 0.2, 0.8)
    if tangential != "free":
        d.param("friction", "float", 0.1, 0.5)
    if copies:
        d.output("x_out", "vec3", count)
        d.output("v_out", "vec3", count)
    bounce = """
    vn = wp.dot(vi, n)
    if vn < 0.0:
        # what already leaves the wall is left alone
        vt = vi - vn * n
        $rub
        vi = vt - restitution * vn * n
    """
    rub = {
        "free": "",
        "scaled": "vt = (1.0 - friction) * vt",
        "coulomb": """
        # the impulse along the wall is bounded by that across it
        slip = wp.length(vt)
        stopped = friction * (1.0 + restitution) * wp.abs(vn)
        vt = vt * wp.max(1.0 - stopped / wp.max(slip, 1.0e-6), 0.0)
        """,
    }
    walls = {
        "planes": """
        for k in range(planes.shape[0]):
            # n . x >= -d inside
            plane = planes[k]
            n = wp.normalize(wp.vec3(plane[0], plane[1], plane[2]))
            depth = -(wp.dot(n, xi) + plane[3])
            if depth > 0.0:
                xi += depth * n
                $bounce
        """,
        "box": """
        for c in range(3):
            if xi[c] < lower[c] or xi[c] > upper[c]:
                n = wp.vec3()
                n[c] = 1.0
                if xi[c] > upper[c]:
                    n[c] = -1.0
                xi[c] = wp.clamp(xi[c], lower[c], upper[c])
                $bounce
        """,
        "sphere": """
        # the container is round
        from_center = xi - center
        dist = wp.length(from_center)
        if dist > radius:
            n = -from_center / dist
            xi = center - radius * n
            $bounce
        """,
        "ground": """
        if xi[1] < ground:
            n = wp.vec3(0.0, 1.0, 0.0)
            xi = wp.vec3(xi[0], ground, xi[2])
            $bounce
        """,
    }
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        $fixed
        xi = x[tid]
        vi = v[tid]
        $walls
        $x[tid] = xi
        $v[tid] = vi
        """,
        fixed="""
        if inv_mass[tid] <= 0.0:
            $keep
            return
        """
        if sleeping
        else "",
        keep="x_out[tid] = x[tid]\nv_out[tid] = v[tid]" if copies else "",
        walls=walls[wall],
        bounce=bounce,
        rub=rub[tangential],
        x="x_out" if copies else "x",
        v="v_out" if copies else "v",
    )

    def reference(v: Values) -> dict[str, Any]:
        x, u = v.x.copy(), v.v.copy()

        def bounced(hit: Any, n: Any) -> None:
            vn = (u * n).sum(-1, keepdims=True)
            vt = u - vn * n
            if tangential == "scaled":
                vt = (1.0 - v.friction) * vt
            elif tangential == "coulomb":
                slip = np.maximum(np.linalg.norm(vt, axis=-1, keepdims=True), 1e-6)
                vt = vt * np.maximum(1.0 - v.friction * (1.0 + v.restitution) * np.abs(vn) / slip, 0.0)
            u[:] = np.where(hit[:, None] & (vn < 0.0), vt - v.restitution * vn * n, u)

        if wall == "planes":
            for plane in v.planes:
                n = plane[:3] / np.linalg.norm(plane[:3])
                depth = -(x @ n + plane[3])
                x[:] = x + np.maximum(depth, 0.0)[:, None] * n
                bounced(depth > 0.0, n)
        elif wall == "box":
            for c in range(3):
                out = (x[:, c] < v.lower[c]) | (x[:, c] > v.upper[c])
                n = np.zeros((count, 3))
                n[:, c] = np.where(x[:, c] > v.upper[c], -1.0, 1.0)
                x[:, c] = np.clip(x[:, c], v.lower[c], v.upper[c])
                bounced(out, n)
        elif wall == "sphere":
            away = x - v.center
            dist = np.linalg.norm(away, axis=-1)
            out = dist > v.radius
            n = -away / dist[:, None]
            x[:] = np.where(out[:, None], v.center - v.radius * n, x)
            bounced(out, n)
        else:
            below = x[:, 1] < v.ground
            x[:, 1] = np.maximum(x[:, 1], v.ground)
            bounced(below, np.array([0.0, 1.0, 0.0]))
        if sleeping:
            fixed = (v.inv_mass <= 0.0)[:, None]
            x, u = np.where(fixed, v.x, x), np.where(fixed, v.v, u)
        return {"x_out": x, "v_out": u} if copies else {"x": x, "v": u}

    d.check(reference, 3e-4)
