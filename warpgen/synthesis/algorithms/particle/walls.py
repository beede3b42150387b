"""Walls that particles bounce off."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.particle import DOMAIN
from warpgen.synthesis.algorithms.particle.grains import NAMES
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Bridson 2015; Macklin & Müller 2013 (walls as planes)",
    names=NAMES
    | {
        "wall_response": "collide_walls|resolve_walls|particle_wall_collision|handle_boundaries",
        "normals": "wall_normals|plane_normals",
        "offsets": "wall_offsets|plane_offsets|distances",
        "restitution": "bounce|e|rebound",
    },
    double=True,
    adjoint="no",
)
def wall_response(d: Draft) -> None:
    """Resolves particle-wall collisions."""
    wall = d.option("wall", "planes", "box", "sphere", "ground")
    tangential = d.option("tangential", "free", "scaled", "coulomb")
    layout = d.option("layout", "in place", "copies")
    pinned = d.flag("pinned", 0.3)
    count = d.pick(64, 128, 192)
    copies = layout == "copies"
    role = d.input if copies else d.inout
    role("x", "vec3", count, -1.2, 1.2, about="Particle positions")
    role("v", "vec3", count, -2.0, 2.0, about="Particle velocities")
    if pinned:
        d.mask("pinned", "int", count, rare=True, about="Pinned mask, 1 for fixed particles")
    if wall == "planes":
        d.input("normals", "vec3", 4, kind="unit", about="Inward wall normals")
        d.input("offsets", "float", 4, 0.2, 0.8, about="Wall plane offsets")
    elif wall == "box":
        d.param("lower", "vec3", -0.9, -0.6, about="Box lower corner")
        d.param("upper", "vec3", 0.6, 0.9, about="Box upper corner")
    elif wall == "sphere":
        d.param("center", "vec3", -0.2, 0.2, about="Container center")
        d.param("container_radius", "float", 0.6, 1.0, about="Container radius")
    else:
        d.param("ground", "float", -0.5, 0.3, about="Ground height")
    d.param("restitution", "float", 0.2, 0.8, about="Coefficient of restitution")
    if tangential == "coulomb":
        d.param("friction", "float", 0.1, 0.5, about="Friction coefficient")
    elif tangential == "scaled":
        d.param("tangential_loss", "float", 0.1, 0.5, about="Tangential velocity loss factor")
    if copies:
        d.output("x_out", "vec3", count, about="Corrected positions")
        d.output("v_out", "vec3", count, about="Reflected velocities")
    bounce = """
    vn = wp.dot(vi, n)
    # Skip separating particles
    if vn < 0.0:
        vt = vi - vn * n
        $rub
        vi = $keep_vt - restitution * vn * n
    """
    rub = {
        "free": "",
        "scaled": "",
        "coulomb": """
        # Coulomb friction: |dv_t| <= mu * |dv_n|
        max_change = friction * (1.0 + restitution) * wp.abs(vn)
        vt = vt * wp.max(1.0 - max_change / wp.max(wp.length(vt), 1.0e-6), 0.0)
        """,
    }
    walls = {
        "planes": """
        for k in range(normals.shape[0]):
            n = normals[k]
            # Penetration depth, positive inside the wall
            depth = -(wp.dot(n, xi) + offsets[k])
            if depth > 0.0:
                xi += depth * n
                $bounce
        """,
        "box": """
        for c in range(3):
            if xi[c] < lower[c] or xi[c] > upper[c]:
                n = wp.vec3()
                n[c] = wp.where(xi[c] > upper[c], -1.0, 1.0)
                xi[c] = wp.clamp(xi[c], lower[c], upper[c])
                $bounce
        """,
        "sphere": """
        from_center = xi - center
        dist = wp.length(from_center)
        if dist > container_radius:
            n = -from_center / dist
            xi = center - container_radius * n
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
        if pinned[tid] == 1:
            $keep
            return
        """
        if pinned
        else "",
        keep="x_out[tid] = x[tid]\nv_out[tid] = v[tid]" if copies else "",
        walls=walls[wall],
        bounce=bounce,
        rub=rub[tangential],
        keep_vt="(1.0 - tangential_loss) * vt" if tangential == "scaled" else "vt",
        x="x_out" if copies else "x",
        v="v_out" if copies else "v",
    )

    where = {
        "planes": "planar walls",
        "box": "axis-aligned box walls",
        "sphere": "a spherical container",
        "ground": "the ground",
    }[wall]
    rubbing = {
        "free": "without friction",
        "scaled": "with tangential damping",
        "coulomb": "with Coulomb friction",
    }[tangential]
    free = "unpinned particles" if pinned else "particles"
    d.says(f"Resolves collisions between {free} and {where} {rubbing}.")

    def reference(v: Values) -> dict[str, Any]:
        x, u = v.x.copy(), v.v.copy()

        def bounced(hit: Any, n: Any) -> None:
            vn = (u * n).sum(-1, keepdims=True)
            vt = u - vn * n
            if tangential == "scaled":
                vt = (1.0 - v.tangential_loss) * vt
            elif tangential == "coulomb":
                slip = np.maximum(np.linalg.norm(vt, axis=-1, keepdims=True), 1e-6)
                vt = vt * np.maximum(1.0 - v.friction * (1.0 + v.restitution) * np.abs(vn) / slip, 0.0)
            u[:] = np.where(hit[:, None] & (vn < 0.0), vt - v.restitution * vn * n, u)

        if wall == "planes":
            for n, offset in zip(v.normals, v.offsets, strict=True):
                depth = -(x @ n + offset)
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
            out = dist > v.container_radius
            n = -away / dist[:, None]
            x[:] = np.where(out[:, None], v.center - v.container_radius * n, x)
            bounced(out, n)
        else:
            below = x[:, 1] < v.ground
            x[:, 1] = np.maximum(x[:, 1], v.ground)
            bounced(below, np.array([0.0, 1.0, 0.0]))
        if pinned:
            fixed = (v.pinned == 1)[:, None]
            x, u = np.where(fixed, v.x, x), np.where(fixed, v.v, u)
        return {"x_out": x, "v_out": u} if copies else {"x": x, "v": u}

    d.check(reference, 3e-4)
