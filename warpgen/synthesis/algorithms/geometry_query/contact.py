"""A mesh as an obstacle: particles are pushed out of it."""

from __future__ import annotations

import numpy as np

from warpgen.synthesis.algorithms.geometry_query import DOMAIN
from warpgen.synthesis.algorithms.geometry_query.surface import NAMES, QUERIES, nearest, sphere, unit, winding
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Bridson, Fedkiw & Anderson 2002 (collisions with a mesh); Macklin et al. 2014",
    names=NAMES,
    adjoint="no",
)
def mesh_collision(d: Draft) -> None:
    """Resolves particle penetrations with a mesh collider."""
    sign = d.option("sign", "normal", "winding", "parity")
    moving = d.flag("moving mesh")
    friction = d.option("friction", "none", "scaled")
    result = d.option("result", "in place", "correction", "force")
    mask = d.flag("mask", 0.35)
    d.calls(
        {
            "in place": "mesh_collision|collide_mesh|push_out_of_mesh|particle_mesh_collision",
            "correction": "mesh_corrections|collision_corrections|push_out_corrections",
            "force": "mesh_penalty_forces|penalty_forces|collision_forces",
        }[result]
    )
    n, stacks = d.pick(64, 96), sphere(d)
    d.handle("mesh", "mesh", stacks, about="Mesh id")
    if result == "in place":
        d.inout("x", "vec3", n, -1.5, 1.5, about="Particle positions")
        d.inout("v", "vec3", n, -1.0, 1.0, about="Particle velocities")
    else:
        d.input("x", "vec3", n, -1.5, 1.5, about="Particle positions")
    if mask:
        d.mask("dynamic", "bool", n, about="False for kinematic particles")
    d.param("margin", "float", 0.02, 0.1, about="Contact margin")
    in_place = result == "in place"
    if in_place and friction == "scaled":
        d.param("drag", "float", 0.1, 0.6, about="Tangential velocity damping in [0, 1]")
    if result == "force":
        d.param("ke", "float", 1.0e2, 1.0e3, about="Contact stiffness")
    if not in_place:
        made, what = {"correction": ("dx", "Position corrections"), "force": ("f", "Contact forces")}[result]
        d.output(made, "vec3", n, about=f"{what}, unchanged if there is no contact")
    collider = "moving mesh collider" if moving and in_place else "mesh collider"
    d.says(
        {
            "in place": f"Projects particles out of a {collider} and removes the inward velocity"
            + (", with tangential damping." if friction == "scaled" else "."),
            "correction": f"Computes position corrections to push particles out of a {collider}.",
            "force": f"Computes penalty contact forces between particles and a {collider}.",
        }[result]
    )
    relative = "v[tid] - surface_v" if moving else "v[tid]"
    plus = "surface_v + " if moving else ""
    respond = {
        "in place": """
            x[tid] = p - c * n
            $surface
            vr = $relative
            vn = wp.dot(vr, n)
            if vn < 0.0:
                v[tid] = $kept
            """,
        "correction": "dx[tid] = -c * n",
        "force": "f[tid] = -ke * c * n",
    }[result]
    d.module("MAX_DIST = wp.constant(1.0)")
    d.launch(n)
    d.code(
        """
        tid = wp.tid()
        $mask
        p = x[tid]
        query = $call
        if not query.result:
            return
        cp = wp.mesh_eval_position(mesh, query.face, query.u, query.v)
        delta = p - cp
        c = query.sign * wp.length(delta) - margin
        if c < 0.0:
            # flip the sign when inside the mesh, so the normal always points outward
            n = wp.normalize(delta) * query.sign
            $respond
        """,
        mask="# skip kinematic particles\nif not dynamic[tid]:\n    return" if mask else "",
        call=QUERIES[sign].replace("max_dist", "MAX_DIST"),
        respond=respond,
        surface="surface_v = wp.mesh_eval_velocity(mesh, query.face, query.u, query.v)" if moving else "",
        relative=relative,
        kept=f"{plus}(1.0 - drag) * (vr - vn * n)"
        if friction == "scaled"
        else ("v[tid] - vn * n" if moving else "vr - vn * n"),
    )

    def agrees(before: Values, after: Values) -> None:
        p = before.x
        cp, _ = nearest(before.mesh, p)
        far = np.linalg.norm(p - cp, axis=-1)
        inside = winding(before.mesh, p) > 0.5
        depth = np.where(inside, -far, far) - before.margin
        active = depth < 0.0
        if mask:
            active &= before.dynamic
        clear = (np.abs(depth) > 1e-4) & (far > 1e-3)
        hit, free = active & clear, ~active & clear
        if in_place:
            moved = after.x - before.x
        else:
            moved = np.asarray(after.dx) if result == "correction" else np.asarray(after.f) / before.ke
        np.testing.assert_allclose(np.linalg.norm(moved[hit], axis=-1), -depth[hit], atol=2e-3)
        np.testing.assert_allclose(moved[free], 0.0, atol=1e-6)
        way = unit(moved[hit])
        assert np.all((way * (p[hit] - cp[hit])).sum(-1) * np.where(inside[hit], -1.0, 1.0) > -1e-3)
        if in_place:
            old, new = before.v[hit], after.v[hit]
            if not moving:
                assert np.all((new * way).sum(-1) > -2e-2), "a velocity still leads in"
                slower = np.linalg.norm(new, axis=-1) <= np.linalg.norm(old, axis=-1) + 1e-3
                assert slower.all()
                kept = (old * way).sum(-1) > 1e-2
                np.testing.assert_allclose(new[kept], old[kept], atol=1e-5)
            np.testing.assert_allclose(after.v[free], before.v[free], atol=1e-6)

    d.holds(agrees)
