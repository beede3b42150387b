"""Granular matter (DEM): contacts between grains."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.particle import DOMAIN
from warpgen.synthesis.library import contact
from warpgen.synthesis.writing.draft import Draft, Values

NAMES = {
    "x": "particle_x|pos|positions|particle_q",
    "v": "particle_v|vel|velocities|particle_qd",
    "w": "omega|angular_velocity|spin",
    "f": "particle_f|forces|force",
    "radius": "particle_radius|grain_radius",
    "stiffness": "k_n|kn|k_contact",
    "damping": "k_damp|gamma_n|kd",
    "friction": "mu|k_mu|friction_coeff",
    "viscosity": "k_friction|kf|gamma_t",
    "n": "normal|nrm",
    "slip": "vt|v_t|tangential",
    "overlap": "depth|penetration",
}


@DOMAIN.algorithm(
    source="Cundall & Strack 1979; Hertz 1882; Tsuji, Tanaka & Ishida 1992",
    names=NAMES
    | {
        "grain_contact_forces": "eval_particle_contacts|dem_forces|compute_contacts|grain_forces",
        "f_total": "f_grain|force_sum",
        "mass": "grain_mass|m",
        "grid": "hash_grid|grid_id",
        "v_n": "vn|v_normal",
        "modulus": "e_eff|contact_modulus|e_star",
    },
    element="",
    weight=3,
)
def grain_contact_forces(d: Draft) -> None:
    """Computes grain contact forces using the discrete element method (DEM)."""
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
    law = d.use(normal)
    split = d.use(contact.SPLIT) if friction else ""
    if search == "grid":
        d.handle("grid", "hash_grid", (8, 8, 8), of="x", value=0.5, about="Hash grid of grain positions")
    d.input("x", "vec3", count, -0.8, 0.8, about="Grain positions")
    d.input("v", "vec3", count, -1.0, 1.0, about="Grain velocities")
    if spinning:
        d.input("w", "vec3", count, -2.0, 2.0, about="Angular velocities")
    if sizes == "equal":
        d.param("radius", "float", 0.15, 0.25, about="Grain radius")
    else:
        d.input("radius", "float", count, 0.12, 0.25, about="Grain radii")
    hertz = normal is contact.HERTZ_NORMAL
    if hertz:
        d.param("modulus", "float", 50.0, 200.0, about="Effective contact modulus")
        d.param("damping", "float", 0.5, 2.0, about="Normal damping per contact patch radius")
    else:
        d.param("stiffness", "float", 50.0, 200.0, about="Contact stiffness per effective radius")
        d.param("damping", "float", 0.5, 2.0, about="Contact damping per effective radius")
    if friction:
        d.param("friction", "float", 0.2, 0.6, about="Coulomb friction coefficient")
        d.param("viscosity", "float", 0.5, 5.0, about="Tangential damping")
    if cohesion:
        d.param("cohesion", "float", 0.5, 4.0, about="Adhesive force per effective radius")
    if sizes == "per grain" and search == "grid":
        d.param("max_radius", "float", 0.25, about="Maximum grain radius, used for the query")
    if gravity:
        d.param("gravity", "vec3", -5.6, 0.0, about="Gravity")
        if sizes == "equal":
            d.param("mass", "float", 0.5, 1.5, about="Grain mass")
        else:
            d.input("mass", "float", count, 0.5, 1.5, about="Grain masses")
    d.output("f", "vec3", count, about="Total grain forces" if gravity else "Contact forces")
    if spinning:
        d.output("torques", "vec3", count, about="Friction torques about the grain centers")
    grains = f"{'cohesive ' if cohesion else ''}grains{' with Coulomb friction' if friction else ''}"
    what = "contact forces and torques for" if spinning else "contact forces for"
    if gravity:
        what = (
            "contact and gravity forces and friction torques for"
            if spinning
            else "contact and gravity forces for"
        )
    d.says(f"Computes the {what} {grains} using the discrete element method (DEM).")
    rub = f"{d.use(friction)}(slip, friction * f_n, viscosity)" if friction else ""
    mine, other = ("radius", "radius") if sizes == "equal" else ("radius[tid]", "radius[j]")
    loops = {
        "grid": """
        for j in wp.hash_grid_query(grid, xi, $reach):
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
        f_total = $start
        $turning
        $loop
        f[tid] = f_total
        $turned
        """,
        radius=f"ri = {mine}" if sizes == "per grain" else "",
        start=("mass * gravity" if sizes == "equal" else "mass[tid] * gravity") if gravity else "wp.vec3()",
        turning="torque = wp.vec3()" if spinning else "",
        turned="torques[tid] = torque" if spinning else "",
        loop=loops[search],
        reach="2.0 * radius" if sizes == "equal" else "ri + max_radius",
        pair="""
        delta = xi - x[j]
        dist = wp.length(delta)
        $overlap
        if overlap <= 0.0:
            continue
        n = delta / dist
        $surface
        $parts
        $reduced
        f_n = $law(overlap, -v_n, $r, $elastic, damping)
        f_total += f_n * n
        $cohesion
        $tangential
        """,
        overlap="overlap = 2.0 * radius - dist" if sizes == "equal" else f"overlap = ri + {other} - dist",
        surface="""
        # Relative velocity at the contact point, including spin
        v_rel = vi - v[j] + wp.cross(n, $a * w[tid] + $b * w[j])
        """
        if spinning
        else "",
        a="radius" if sizes == "equal" else "ri",
        b="radius" if sizes == "equal" else "radius[j]",
        parts=f"v_n, slip = {split}($relative, n)" if friction else "v_n = wp.dot($relative, n)",
        relative="v_rel" if spinning else "vi - v[j]",
        reduced="r_eff = ri * radius[j] / (ri + radius[j])" if sizes == "per grain" else "",
        law=law,
        elastic="modulus" if hertz else "stiffness",
        r="r_eff" if sizes == "per grain" else "0.5 * radius",
        cohesion="""
        # DMT adhesion: constant while in contact, independent of overlap
        f_total -= cohesion * $r * n
        """
        if cohesion
        else "",
        tangential=""
        if not friction
        else f"f_total += {rub}"
        if not spinning
        else f"""
        f_t = {rub}
        f_total += f_t
        # Lever arm from grain center to contact point is -r * n
        torque -= {"radius" if sizes == "equal" else "ri"} * wp.cross(n, f_t)
        """,
    )
    pushed = "a Hertzian normal force with viscous damping" if hertz else "a spring-dashpot normal force"
    also = ["stick with constant adhesion"] * cohesion + ["slide with Coulomb friction"] * bool(friction)
    too = f", {', '.join(also[:-1])}{', ' if also[1:] else ''}and {also[-1]}" if also else ""
    d.explain(f"""
        Grains of {"equal radius" if sizes == "equal" else "varying radius"} repel each other with
        {pushed}{too}.
        NOTE: this kernel is stateless (no tangential spring history).
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
        elastic = v.modulus if hertz else v.stiffness
        size = normal(np.maximum(overlap, 0.0), -along, reduced, elastic, v.damping)
        made = size[..., None] * n
        if cohesion:
            made = made - v.cohesion * reduced[..., None] * n
        torque = np.zeros((count, 3))
        if friction:
            rubbed = np.where(touching[..., None], friction(slip, v.friction * size, v.viscosity), 0.0)
            made = made + rubbed
            torque = -r[:, None] * np.cross(n, rubbed).sum(axis=1)
        made = np.where(touching[..., None], made, 0.0).sum(axis=1)
        weight = np.broadcast_to(v.mass, count)[:, None] * v.gravity if gravity else 0.0
        return {"f": made + weight} | ({"torques": torque} if spinning else {})

    d.check(reference, 3e-4)


@DOMAIN.algorithm(
    source="Cundall & Strack 1979, eq. 12-16; Luding 2008, sec. 3.2",
    names=NAMES
    | {
        "tangential_spring": "cundall_strack_friction|update_tangential|shear_spring|friction_spring",
        "n": "normals|contact_normal",
        "trial": "f_trial|ft_trial",
        "f_n": "normal_force|fn|f_normal",
        "f_t": "ft|friction_force|shear_force",
        "k_t": "stiffness_t|kt|shear_stiffness",
        "contact": "tid|c|i",
        "v_rel": "rel_vel|relative_v",
    },
    double=True,
    element="contact",
    weight=3,
)
def tangential_spring(d: Draft) -> None:
    """Updates tangential contact springs with Coulomb sliding."""
    turned = d.option("turned", "project", "keep length")
    damped = d.flag("damped")
    broken = d.option("broken", "flag", "force", "none")
    slipping = d.option("coefficients", "one", "static and dynamic")
    own = d.flag("own", 0.35)
    copies = d.flag("copies", 0.65)
    xi = d.pick("xi", "shear", "stretch")
    sticking = "friction" if slipping == "one" else "friction_static"
    if not copies:
        d.forward_only()  # springs are read and overwritten
    count = d.pick(64, 96, 128)
    d.input("n", "vec3", count, kind="unit", about="Contact normals (unit)")
    d.input("v_rel", "vec3", count, -0.5, 0.5, about="Relative contact velocities")
    if broken == "flag":
        d.mask("touching", "int", count, about="Contact mask, 0 for open contacts")
    d.input(
        "f_n",
        "float",
        count,
        -1.0 if broken == "force" else 0.1,
        4.0,
        about="Normal forces, positive in compression",
    )
    d.param("k_t", "float", 50.0, 200.0, about="Tangential stiffness")
    if damped:
        d.param("gamma_t", "float", 0.5, 2.0, about="Tangential damping")
    kind = "Coulomb" if slipping == "one" else "Static"
    if own:
        d.input(sticking, "float", count, 0.45, 0.8, about=f"{kind} friction coefficients")
    else:
        d.param(sticking, "float", 0.5, 0.8, about=f"{kind} friction coefficient")
    if slipping != "one":
        if own:
            d.input("friction_dynamic", "float", count, 0.1, 0.2, about="Kinetic friction coefficients")
        else:
            d.param("friction_dynamic", "float", 0.1, 0.4, about="Kinetic friction coefficient")
    d.param("dt", "float", 0.001, 0.01, about="Time step")
    role = d.input if copies else d.inout
    role(xi, "vec3", count, -0.02, 0.02, about="Tangential spring displacements")
    target = f"{xi}_new" if copies else xi
    if copies:
        d.output(target, "vec3", count, about="Updated spring displacements")
    d.output("f_t", "vec3", count, about="Tangential forces")
    tests = {"flag": "touching[contact] == 0", "force": "f_n[contact] <= 0.0"}
    mu = f"{sticking}[contact]" if own else sticking
    d.launch(count)
    d.code(
        """
        contact = wp.tid()
        $broken
        normal = n[contact]
        old = $xi[contact]
        # $turn the current tangent plane, since the normal has rotated
        spring = old - wp.dot(old, normal) * normal
        $lengthen
        vt = v_rel[contact] - wp.dot(v_rel[contact], normal) * normal
        spring += vt * dt
        trial = -k_t * spring$damping
        size = wp.length(trial)
        limit = $mu * f_n[contact]
        if size > limit:
            $limit
            # Rescale the spring to the Coulomb limit to avoid wind-up
            trial = trial * (limit / size)
            spring = -$undamped / k_t
        $target[contact] = spring
        f_t[contact] = trial
        """,
        broken=f"""
        if {tests[broken]}:
            {target}[contact] = wp.vec3(0.0, 0.0, 0.0)
            f_t[contact] = wp.vec3(0.0, 0.0, 0.0)
            return
        """
        if broken != "none"
        else "",
        lengthen="""
        projected = wp.length(spring)
        if projected > 1.0e-9:
            spring = spring * (wp.length(old) / projected)
        """
        if turned == "keep length"
        else "",
        damping=" - gamma_t * vt" if damped else "",
        undamped="(trial + gamma_t * vt)" if damped else "trial",
        xi=xi,
        turn="Project the spring onto"
        if turned == "project"
        else "Rotate the spring (preserving length) into",
        mu=mu,
        target=target,
        limit=""
        if slipping == "one"
        else """
        # Kinetic friction is lower than static friction
        limit = $kinetic * f_n[contact]
        """.replace("$kinetic", "friction_dynamic[contact]" if own else "friction_dynamic"),
    )
    d.explain(
        """
        Each contact stores a tangential displacement `$xi`. The $parts force is clamped to the friction cone.
    """.replace("$xi", xi).replace("$parts", "spring-dashpot" if damped else "spring")
    )

    def reference(v: Values) -> dict[str, Any]:
        along = (v[xi] * v.n).sum(-1, keepdims=True)
        spring = v[xi] - along * v.n
        if turned == "keep length":
            flat = np.linalg.norm(spring, axis=-1, keepdims=True)
            spring = spring * np.linalg.norm(v[xi], axis=-1, keepdims=True) / flat
        vt = v.v_rel - (v.v_rel * v.n).sum(-1, keepdims=True) * v.n
        spring = spring + v.dt * vt
        drag = v.gamma_t * vt if damped else 0.0
        trial = -v.k_t * spring - drag
        size = np.linalg.norm(trial, axis=-1)
        slides = size > v[sticking] * v.f_n
        kept = (v[sticking] if slipping == "one" else v.friction_dynamic) * v.f_n / size
        trial = np.where(slides[:, None], trial * kept[:, None], trial)
        spring = np.where(slides[:, None], -(trial + drag) / v.k_t, spring)
        if broken != "none":
            gone = v.touching == 0 if broken == "flag" else v.f_n <= 0.0
            trial, spring = (np.where(gone[:, None], 0.0, a) for a in (trial, spring))
        return {target: spring, "f_t": trial}

    d.check(reference, 3e-4)
