"""Soft bodies of tetrahedra: elastic forces and constraints of volume."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.simulation import DOMAIN
from warpgen.synthesis.algorithms.simulation._energy_densities import DENSITIES, LAWS, density
from warpgen.synthesis.library import elasticity
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "x": "particle_x|pos|positions|particle_q", "v": "particle_v|vel|velocities|particle_qd",
    "f": "particle_f|forces|force", "tets": "tet_indices|indices|elements",
    "inv_mass": "w|particle_inv_mass|inv_masses", "dm_inv": "tet_poses|rest_inv|inv_rest|pose",
    "mu": "k_mu|lame_mu", "lam": "k_lambda|lame_lambda",
}  # fmt: skip


@DOMAIN.algorithm(
    source="Sifakis & Barbic 2012, sec. 3.2; Smith, de Goes & Kim 2018; Müller & Gross 2004",
    names=_NAMES
    | {
        "tet_forces": "eval_tetrahedra|tetrahedral_forces|elastic_forces|eval_tet_forces",
        "ds": "Ds|edges",
        "def_grad": "F|deformation|defo",
        "h": "H|force_matrix|nodal",
        "p_stress": "P|piola|stress",
        "vol": "rest_volume|volume|tet_volume",
    },
    double=True,
    weight=3,
)
def tet_forces(d: Draft) -> None:
    """Accumulates elastic forces for tetrahedral elements."""
    model = d.option("model", *elasticity.ROBUST)
    volume = d.option("volume", "array", "from pose")
    damping = d.option("damping", "none", "rayleigh", "strain rate")
    materials = d.option("materials", "one", "table", "young")
    count = d.pick(32, 48, 64)
    stress = d.use(model)
    kind = ("St. Venant-Kirchhoff", "stable neo-Hookean", "linear elastic")[elasticity.ROBUST.index(model)]
    d.says(f"Accumulates elastic {'and damping ' * (damping != 'none')}forces for {kind} tetrahedra.")
    d.input("x", "vec3", 4 * count, -1.0, 1.0, about="Particle positions [m]")
    if damping != "none":
        d.input("v", "vec3", 4 * count, -1.0, 1.0, about="Particle velocities [m/s]")
    d.input("tets", "int", 4 * count, kind="permutation", about="Vertex indices per tetrahedron")
    near = (0.95, 1.05) if volume == "array" else (0.5, 1.5)
    d.input("dm_inv", "mat33", count, *near, kind="spd", about="Inverse rest-shape matrices [1/m]")
    if volume == "array":
        d.input("vol", "float", count, 0.145, 0.19, about="Rest volumes [m^3]")
    if materials == "table":
        d.input(
            "materials",
            "vec2",
            count,
            50.0,
            200.0,
            about="Per-element shear modulus and first Lame parameter [Pa]",
        )
    elif materials == "one":
        d.param("mu", "float", 50.0, 200.0, about="Shear modulus [Pa]")
        d.param("lam", "float", 50.0, 200.0, about="First Lame parameter [Pa]")
    else:
        d.param("young", "float", 100.0, 500.0, about="Young's modulus [Pa]")
        d.param("poisson", "float", 0.2, 0.4, about="Poisson's ratio")
    if damping != "none":
        d.param("damping", "float", 0.5, 5.0, about="Viscosity [Pa s]")
    d.output("f", "vec3", 4 * count, about="Accumulated particle forces [N]")
    lame = {
        "one": "",
        "table": "mu = materials[tid][0]\nlam = materials[tid][1]",
        "young": """
        mu = young / (2.0 * (1.0 + poisson))
        lam = young * poisson / ((1.0 + poisson) * (1.0 - 2.0 * poisson))
        """,
    }
    viscous = {
        "none": "",
        "rayleigh": """
        # Rayleigh-style damping on dF/dt (also damps rigid rotation)
        dv = wp.matrix_from_cols(v[j] - v[i], v[k] - v[i], v[l] - v[i])
        p_stress += damping * dv * pose
        """,
        "strain rate": """
        # Damp only the symmetric strain rate, so that rigid rotation is unaffected
        dv = wp.matrix_from_cols(v[j] - v[i], v[k] - v[i], v[l] - v[i])
        rate = wp.transpose(def_grad) * (dv * pose)
        p_stress += damping * def_grad * (rate + wp.transpose(rate))
        """,
    }
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        i = tets[4 * tid]
        j = tets[4 * tid + 1]
        k = tets[4 * tid + 2]
        l = tets[4 * tid + 3]
        pose = dm_inv[tid]
        $volume
        x0 = x[i]
        ds = wp.matrix_from_cols(x[j] - x0, x[k] - x0, x[l] - x0)
        def_grad = ds * pose
        $lame
        p_stress = $stress(def_grad, mu, lam)
        $viscous
        h = -$vol * p_stress * wp.transpose(pose)
        f1 = wp.vec3(h[0, 0], h[1, 0], h[2, 0])
        f2 = wp.vec3(h[0, 1], h[1, 1], h[2, 1])
        f3 = wp.vec3(h[0, 2], h[1, 2], h[2, 2])
        wp.atomic_add(f, j, f1)
        wp.atomic_add(f, k, f2)
        wp.atomic_add(f, l, f3)
        # Vertex 0 balances the other forces to conserve momentum
        wp.atomic_sub(f, i, f1 + f2 + f3)
        """,
        volume="rest_vol = 1.0 / (6.0 * wp.determinant(pose))" if volume == "from pose" else "",
        lame=lame[materials],
        stress=stress,
        viscous=viscous[damping],
        vol="rest_vol" if volume == "from pose" else "vol[tid]",
    )
    d.explain("""
        With F = Ds Dm^-1, the columns of -V P(F) Dm^-T are the vertex 1 to 3 forces. Elements may invert.
    """)

    def reference(v: Values) -> dict[str, Any]:
        corners = v.tets.reshape(-1, 4)

        def edges(values: Any) -> Any:
            return np.swapaxes(values[corners[:, 1:]] - values[corners[:, :1]], -1, -2)

        f = edges(v.x) @ v.dm_inv
        mu, lam = (v.mu, v.lam) if materials == "one" else (0.0, 0.0)
        if materials == "table":
            mu, lam = v.materials[:, 0], v.materials[:, 1]
        elif materials == "young":
            mu = v.young / (2.0 + 2.0 * v.poisson)
            lam = 2.0 * mu * v.poisson / (1.0 - 2.0 * v.poisson)
        p = model(f, mu + np.zeros(count), lam + np.zeros(count))
        if damping != "none":
            rate = edges(v.v) @ v.dm_inv
            if damping == "strain rate":
                turned = np.swapaxes(f, -1, -2) @ rate
                rate = f @ (turned + np.swapaxes(turned, -1, -2))
            p = p + v.damping * rate
        size = v.vol if volume == "array" else 1.0 / (6.0 * np.linalg.det(v.dm_inv))
        h = -size[:, None, None] * p @ np.swapaxes(v.dm_inv, -1, -2)
        made = np.zeros((4 * count, 3))
        made[corners[:, 1:]] = np.swapaxes(h, -1, -2)
        made[corners[:, 0]] = -h.sum(-1)
        return {"f": made}

    d.check(reference, 1e-3)


@DOMAIN.algorithm(
    source="Müller et al. 2007, sec. 4.4; Macklin, Müller & Chentanez 2016; Bender et al. 2014",
    names=_NAMES
    | {
        "solve_volume": "project_volume|tet_volume_constraint|volume_constraints|solve_tet_volume",
        "delta": "deltas|corr|dx",
        "rest": "rest_volumes|v0|rest_vol",
        "compliance": "alpha|vol_compliance|softness",
        "lam": "lagrange|s|dlambda",
        "c": "err|violation|constraint",
        "w": "w_sum|denom|wsum",
    },
    double=True,
    adjoint="either",
    weight=3,
)
def solve_volume(d: Draft) -> None:
    """Projects tetrahedral volume constraints using PBD."""
    method = d.option("method", "pbd", "xpbd")
    way = d.option("way", "jacobi", "colour")
    masses = d.option("masses", "inverse", "equal", "pinned")
    measure = d.option("measure", "six", "volume")
    pressure = d.flag("inflated", 0.35)
    watched = d.flag("watched", 0.3)
    if way == "colour":
        d.forward_only()
        d.explain(
            "Tetrahedra in a launch share the same color (no common vertices), so positions are updated in place."
        )
    towards = " with inflation" if pressure else ""
    if way == "jacobi":
        d.says(f"Computes position corrections for tetrahedral volume constraints{towards}.")
    else:
        d.says(f"Projects tetrahedral volume constraints{towards} using PBD.")
    count = d.pick(32, 48, 64)
    if way == "colour":
        d.inout("x", "vec3", 4 * count, -1.0, 1.0, about="Particle positions [m]")
    else:
        d.input("x", "vec3", 4 * count, -1.0, 1.0, about="Particle positions [m]")
    if masses != "equal":
        low = 0.0 if masses == "pinned" else 0.2
        d.input(
            "inv_mass",
            "float",
            4 * count,
            low,
            2.0,
            about="Inverse masses, 0 if pinned [1/kg]" if masses == "pinned" else "Inverse masses [1/kg]",
        )
    d.input("tets", "int", 4 * count, kind="permutation", about="Vertex indices per tetrahedron")
    d.input("rest", "float", count, 0.05, 0.5, about="Rest volumes [m^3]")
    if pressure:
        d.param("inflation", "float", 1.1, 1.8, about="Ratio of target to rest volume")
    if method == "xpbd":
        d.param(
            "compliance",
            "float",
            1e-6,
            1e-4,
            about=f"Constraint compliance{' for 6 V' * (measure == 'six')}",
        )
        d.param("dt", "float", 0.005, 0.02, about="Time step [s]")
    if way == "jacobi":
        d.output("delta", "vec3", 4 * count, about="Position corrections")
    if watched:
        what = "Six times the volume" if measure == "six" else "Volume"
        d.output("residual", "float", count, about=f"{what} constraint error before projection [m^3]")
    six = measure == "six"
    weights = "" if masses == "equal" else "\n".join(f"w{n} = inv_mass[{a}]" for n, a in enumerate("ijkl"))
    sums = " + ".join(
        f"wp.length_sq(g{n})" if masses == "equal" else f"w{n} * wp.length_sq(g{n})" for n in range(4)
    )
    move = "wp.atomic_add(delta, {0}, {1}lam * g{2})" if way == "jacobi" else "x[{0}] += {1}lam * g{2}"
    moves = "\n".join(
        move.format(a, "" if masses == "equal" else f"w{n} * ", n) for n, a in enumerate("ijkl")
    )
    target = ("inflation * " if pressure else "") + "rest[tid]"
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        i = tets[4 * tid]
        j = tets[4 * tid + 1]
        k = tets[4 * tid + 2]
        l = tets[4 * tid + 3]
        e1 = x[j] - x[i]
        e2 = x[k] - x[i]
        e3 = x[l] - x[i]
        $gradients
        # Gradients sum to zero, since volume is translation invariant
        g0 = -(g1 + g2 + g3)
        $weights
        w = $sums
        $measure
        $residual
        $still
        lam = -c / $denominator
        $moves
        """,
        gradients="""
        # Gradients of 6 V w.r.t. vertex positions
        g1 = wp.cross(e2, e3)
        g2 = wp.cross(e3, e1)
        g3 = wp.cross(e1, e2)
        """
        if six
        else """
        g1 = wp.cross(e2, e3) / 6.0
        g2 = wp.cross(e3, e1) / 6.0
        g3 = wp.cross(e1, e2) / 6.0
        """,
        weights=weights,
        sums=sums,
        still="# Skip when all vertices are pinned\nif w == 0.0:\n    return" if masses == "pinned" else "",
        measure=f"c = wp.dot(g3, e3) - 6.0 * {target}" if six else f"c = wp.dot(g3, e3) - {target}",
        residual="residual[tid] = c" if watched else "",
        denominator="(w + compliance / (dt * dt))" if method == "xpbd" else "w",
        moves=moves,
    )

    def reference(v: Values) -> dict[str, Any]:
        corners = v.tets.reshape(-1, 4)
        a = v.x[corners]
        made = np.zeros((count, 4, 3))
        for n in range(1, 4):
            b, c = (m for m in (n % 3 + 1, (n + 1) % 3 + 1))
            made[:, n] = np.cross(a[:, b] - a[:, 0], a[:, c] - a[:, 0])
        edges = a[:, 1:] - a[:, :1]
        scale = 1.0 if six else 1.0 / 6.0
        made[:, 0] = -made.sum(axis=1)
        gradient = scale * made
        w = np.ones((count, 4)) if masses == "equal" else v.inv_mass[corners]
        total = (w * (gradient**2).sum(-1)).sum(axis=1)
        goal = v.rest * (v.inflation if pressure else 1.0)
        c_ = scale * (np.linalg.det(edges) - 6.0 * goal)
        softness = v.compliance / v.dt**2 if method == "xpbd" else 0.0
        lam = -c_ / (total + softness)
        step = np.zeros((4 * count, 3))
        step[corners] = (w * lam[:, None])[..., None] * gradient
        found = {"delta": step} if way == "jacobi" else {"x": v.x + step}
        return found | {"residual": c_} if watched else found

    d.check(reference, 1e-3)


@DOMAIN.algorithm(
    source="Bonet & Wood 2008, ch. 3 and 6",
    names=_NAMES
    | {
        "tet_energy": "elastic_energy|strain_energy|eval_tet_energy|tet_strain_energy",
        "energy": "psi|energies|strain_energy_out",
        "j_det": "J|vol_ratio|detF",
        "strain": "E|green_strain|eps",
        "i1": "I1|trace_c",
        "def_grad": "F|deformation|defo",
        "tet": "tid|i|element",
    },
    double=True,
    weight=7,
    element="tet",
)
def tet_energy(d: Draft) -> None:
    """Computes the elastic energy for each tetrahedron."""
    model = d.option("model", *LAWS)
    total = d.option("total", "each", "sum", "body")
    materials = d.option("materials", "one", "each")
    volume = d.option("volume", "given", "from pose")
    count = d.pick(32, 48, 64)
    d.input("x", "vec3", 4 * count, -1.0, 1.0, about="Particle positions [m]")
    d.input("tets", "int", 4 * count, kind="permutation", about="Vertex indices per tetrahedron")
    near = (0.95, 1.05) if volume == "given" else (0.5, 1.5)
    d.input("dm_inv", "mat33", count, *near, kind="spd", about="Inverse rest-shape matrices [1/m]")
    if volume == "given":
        d.input("vol", "float", count, 0.145, 0.19, about="Rest volumes [m^3]")
    if total == "body":
        d.input("body", "int", count, 0, 6, about="Body index per tetrahedron")
    if materials == "one":
        d.param("mu", "float", 50.0, 200.0, about="Shear modulus [Pa]")
        d.param("lam", "float", 50.0, 200.0, about="First Lame parameter [Pa]")
    else:
        d.input("mu", "float", count, 50.0, 200.0, about="Shear moduli [Pa]")
        d.input("lam", "float", count, 50.0, 200.0, about="First Lame parameters [Pa]")
    d.output("energy", "float", {"each": count, "sum": 1, "body": 6}[total], about="Elastic energies [J]")
    stores = {
        "each": "energy[tet] = $vol * psi",
        "sum": "wp.atomic_add(energy, 0, $vol * psi)",
        "body": "wp.atomic_add(energy, body[tet], $vol * psi)",
    }
    d.launch(count)
    given = volume == "given"
    d.code(
        """
        tet = wp.tid()
        x0 = x[tets[4 * tet]]
        x1 = x[tets[4 * tet + 1]]
        x2 = x[tets[4 * tet + 2]]
        x3 = x[tets[4 * tet + 3]]
        $pose
        def_grad = wp.matrix_from_cols(x1 - x0, x2 - x0, x3 - x0) * $inverse
        $volume
        $psi
        $store
        """,
        pose="" if given else "pose = dm_inv[tet]",
        inverse="dm_inv[tet]" if given else "pose",
        volume=""
        if given
        else """
        # Tet volume is 1/6 of the parallelepiped spanned by the rest edges
        rest_vol = 1.0 / (6.0 * wp.determinant(pose))
        """,
        psi=DENSITIES[model],
        mu="mu" if materials == "one" else "mu[tet]",
        lam="lam" if materials == "one" else "lam[tet]",
        store=stores[total],
        vol="vol[tet]" if given else "rest_vol",
    )
    where = {"each": "", "sum": " and accumulates the total", "body": " and accumulates it per body"}[total]
    d.says(f"Computes the {LAWS[model]} energy for each tetrahedron{where}.")

    def reference(v: Values) -> dict[str, Any]:
        a = v.x[v.tets.reshape(-1, 4)]
        f = np.swapaxes(a[:, 1:] - a[:, :1], -1, -2) @ v.dm_inv
        psi = density(model, f, v.mu, v.lam)
        psi = psi * (v.vol if volume == "given" else 1.0 / (6.0 * np.linalg.det(v.dm_inv)))
        if total == "each":
            return {"energy": psi}
        body = v.body if total == "body" else np.zeros(count, int)
        return {"energy": np.bincount(body, psi, 6 if total == "body" else 1)}

    d.check(reference, 5e-4)
