"""Points of bodies against height fields: heights, normals, forces of contact with friction."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rigid_body import DOMAIN
from warpgen.synthesis.library import quaternions
from warpgen.synthesis.writing.draft import Draft, Values

_SURFACE = {
    "bilinear": """
        # Bilinear patch over the four samples
        height = (1.0 - u) * ((1.0 - v) * h00 + v * h01) + u * ((1.0 - v) * h10 + v * h11)
        slope_x = ((1.0 - v) * (h10 - h00) + v * (h11 - h01)) / spacing
        slope_y = ((1.0 - u) * (h01 - h00) + u * (h11 - h10)) / spacing
    """,
    "triangles": """
        # Two triangles per cell, split along the (0, 1)-(1, 0) diagonal
        if u + v < 1.0:
            height = h00 + u * (h10 - h00) + v * (h01 - h00)
            slope_x = (h10 - h00) / spacing
            slope_y = (h01 - h00) / spacing
        else:
            height = h11 + (1.0 - u) * (h01 - h11) + (1.0 - v) * (h10 - h11)
            slope_x = (h11 - h01) / spacing
            slope_y = (h11 - h10) / spacing
    """,
    "smooth": """
        # Bilinear patch in smoothstep coordinates, with zero slope at the samples
        su = u * u * (3.0 - 2.0 * u)
        sv = v * v * (3.0 - 2.0 * v)
        height = (1.0 - su) * ((1.0 - sv) * h00 + sv * h01) + su * ((1.0 - sv) * h10 + sv * h11)
        slope_x = 6.0 * u * (1.0 - u) * ((1.0 - sv) * (h10 - h00) + sv * (h11 - h01)) / spacing
        slope_y = 6.0 * v * (1.0 - v) * ((1.0 - su) * (h01 - h00) + su * (h11 - h10)) / spacing
    """,
}
_NORMAL = {
    "linear": """
        # Spring-damper, clamped to avoid attraction
        load = wp.max(stiffness * depth - damping * speed_n, 0.0)
    """,
    "hertz": """
        # Hertz contact for a spherical foot
        load = wp.max(stiffness * wp.sqrt(radius * depth) * depth - damping * depth * speed_n, 0.0)
    """,
    "hunt-crossley": """
        # Hunt-Crossley: damping proportional to depth, no force jump at touch-down
        load = stiffness * depth * wp.max(1.0 - 1.5 * dissipation * speed_n, 0.0)
    """,
}
_FRICTION = {
    "none": "force = load * normal",
    "clamped": """
        # Viscous friction below the Coulomb limit
        slide = vel - speed_n * normal
        speed_t = wp.length(slide)
        drag = wp.min(friction_viscosity * speed_t, mu * load)
        force = load * normal - drag / wp.max(speed_t, 1.0e-6) * slide
    """,
    "smooth": """
        # Coulomb friction, regularized near zero slip
        slide = vel - speed_n * normal
        force = load * normal - mu * load / wp.sqrt(wp.length_sq(slide) + slip_speed * slip_speed) * slide
    """,
    "stribeck": """
        # Stribeck: friction drops from static to kinetic with increasing slip speed
        slide = vel - speed_n * normal
        speed_t = wp.length(slide)
        ratio = speed_t / slip_speed
        mu_slip = mu * (1.0 + static_excess * wp.exp(-ratio * ratio))
        force = load * normal - mu_slip * load * wp.tanh(ratio) / wp.max(speed_t, 1.0e-6) * slide
    """,
}


@DOMAIN.algorithm(
    source="Hunt & Crossley 1975; Olsson et al. 1998 (friction models); Miki et al. 2022 (legged robots on terrain)",
    names={
        "terrain_contacts": "heightfield_contacts|collide_terrain|ground_forces|eval_terrain_contacts",
        "terrain": "heights|height_field|elevation",
        "spacing": "cell_size|grid_spacing|dx",
        "contact_body": "point_body|body_index",
        "contact_offset": "point_local|local_point|foot_offset",
        "body_pose": "body_q",
        "body_twist": "body_vel",
        "body_wrench": "body_f",
        "depth": "penetration|overlap",
        "load": "fn|normal_force",
    },
    element="contact",
    weight=5,
)
def terrain_contacts(d: Draft) -> None:
    """Adds the contact forces of body points on a height field to the wrenches of their bodies."""
    surface = d.option("surface", *_SURFACE)
    model = d.option("normal force", *_NORMAL)
    friction = d.option("friction", *_FRICTION)
    border = d.option("border", "clamp", "skip", "wrap")
    ground = d.option("material", "one", "map")
    output = d.option("output", "wrench", "forces", "both")
    what = f"{'normal contact forces' if friction == 'none' else 'frictional contact forces'} between body points and a height field"
    d.says({
        "wrench": f"Accumulates {what} into body wrenches.",
        "forces": f"Computes {what}.",
        "both": f"Computes {what} and accumulates body wrenches.",
    }[output])  # fmt: skip
    com = d.flag("com", 0.5)
    distance = d.option("distance", "vertical", "normal")
    rolling = d.flag("round feet", 0.4)
    if rolling:
        distance = "normal"  # a ball touches along the normal
    bodies, count, side = d.pick(8, 12), d.pick(32, 48), d.pick(9, 12)
    d.input("terrain", "float", (side, side), 0.0, 0.25, about="Height samples [m]")
    if ground == "map":
        d.input("terrain_kind", "int", (side, side), 0, 3, about="Per-cell ground type")
        d.input("kind_friction", "float", 3, 0.3, 1.0, about="Friction coefficient per ground type")
    d.input("contact_body", "int", count, 0, bodies, about="Body index per point")
    d.input("contact_offset", "vec3", count, -0.3, 0.3, about="Body-space points [m]")
    d.input("body_pose", "transform", bodies, 0.0, 0.6, kind="transform", about="Body poses, z up")
    d.input("body_twist", "spatial_vector", bodies, -1.0, 1.0, about="Body velocities, linear part first")
    if com:
        d.input("body_com", "vec3", bodies, -0.1, 0.1, about="Body-space centers of mass [m]")
    d.param("side_samples", "int", side, about="Number of samples per terrain side")
    d.param("spacing", "float", 0.25, 0.4, about="Grid spacing [m]")
    d.param("origin", "vec2", -1.6, -1.2, about="Position of sample (0, 0) [m]")
    if rolling or model == "hertz":
        told = "Foot radius [m]" if rolling else "Radius of curvature of the feet at their lowest point [m]"
        d.param("radius", "float", 0.02, 0.06, about=told)
    if model == "hertz":
        d.param("stiffness", "float", 5.0e3, 2.0e4, about="Contact stiffness [Pa]")
    else:
        d.param("stiffness", "float", 500.0, 2000.0, about="Contact stiffness [N/m]")
    if model == "hunt-crossley":
        d.param("dissipation", "float", 0.4, 1.2, about="Dissipation [s/m]")
    else:
        unit = "[N s/m^2]" if model == "hertz" else "[N s/m]"
        damped = (200.0, 800.0) if model == "hertz" else (20.0, 80.0)
        d.param("damping", "float", *damped, about=f"Contact damping {unit}")
    if friction != "none":
        if ground == "one":
            d.param("mu", "float", 0.4, 0.9, about="Friction coefficient")
        if friction == "clamped":
            d.param(
                "friction_viscosity",
                "float",
                50.0,
                200.0,
                about="Regularization viscosity at low slip [N s/m]",
            )
        else:
            d.param("slip_speed", "float", 0.05, 0.2, about="Transition slip speed [m/s]")
        if friction == "stribeck":
            d.param("static_excess", "float", 0.1, 0.4, about="Ratio of static to kinetic friction minus one")
    if output != "wrench":
        d.output("contact_force", "vec3", count, about="Point forces [N]")
    if output != "forces":
        d.output("body_wrench", "spatial_vector", bodies, about="Accumulated body wrenches")
    inside = {
        "clamp": """
            # Clamp to the terrain border
            gx = wp.clamp(gx, 0.0, float(cells))
            gy = wp.clamp(gy, 0.0, float(cells))
            i = wp.min(int(gx), cells - 1)
            j = wp.min(int(gy), cells - 1)
        """,
        "skip": """
            i = int(wp.floor(gx))
            j = int(wp.floor(gy))
            # No ground outside the terrain
            if i < 0 or j < 0 or i >= cells or j >= cells:
                $free
                return
        """,
        "wrap": """
            # Periodic terrain: the last samples are followed by the first
            column = wp.floor(gx)
            row = wp.floor(gy)
            i = int(column - wp.floor(column / float(side_samples)) * float(side_samples))
            j = int(row - wp.floor(row / float(side_samples)) * float(side_samples))
            i1 = (i + 1) % side_samples
            j1 = (j + 1) % side_samples
        """,
    }
    measure = {
        "vertical": "depth = height - point[2]$r",
        "normal": "# First-order distance along the normal\ndepth = (height - point[2]) * normal[2]$r",
    }
    mu = ""
    if friction != "none" and ground == "map":
        mu = "mu = kind_friction[terrain_kind[i, j]]"
    if friction == "none":
        ground = "one"
    store = {
        "wrench": "wp.atomic_add(body_wrench, body, wp.spatial_vector(force, wp.cross(arm, force)))",
        "forces": "contact_force[tid] = force",
        "both": "contact_force[tid] = force\n"
        "wp.atomic_add(body_wrench, body, wp.spatial_vector(force, wp.cross(arm, force)))",
    }
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        body = contact_body[tid]
        # --- World-space point and velocity ---
        pose = body_pose[body]
        point = wp.transform_point(pose, contact_offset[tid])
        center = $center
        arm = point - center
        vel = wp.spatial_top(body_twist[body]) + wp.cross(wp.spatial_bottom(body_twist[body]), arm)
        # --- Height field cell ---
        gx = (point[0] - origin[0]) / spacing
        gy = (point[1] - origin[1]) / spacing
        $cells
        $inside
        $within
        h00 = terrain[i, j]
        h10 = terrain[$i1, j]
        h01 = terrain[i, $j1]
        h11 = terrain[$i1, $j1]
        $surface
        normal = wp.normalize(wp.vec3(-slope_x, -slope_y, 1.0))
        $measure
        if depth <= 0.0:
            $free
            return
        speed_n = wp.dot(vel, normal)
        $model
        $mu
        $friction
        $store
        """,
        center="wp.transform_point(pose, body_com[body])" if com else "wp.transform_get_translation(pose)",
        cells="" if border == "wrap" else "cells = side_samples - 1",
        inside=inside[border],
        i1="i1" if border == "wrap" else "i + 1",
        j1="j1" if border == "wrap" else "j + 1",
        within="u = gx - column\nv = gy - row"
        if border == "wrap"
        else "u = gx - float(i)\nv = gy - float(j)",
        surface=_SURFACE[surface],
        measure=measure[distance].replace("$r", " + radius" if rolling else ""),
        model=_NORMAL[model],
        mu=mu,
        friction=_FRICTION[friction],
        store=store[output],
        free="" if output == "wrench" else "contact_force[tid] = wp.vec3(0.0, 0.0, 0.0)",
    )
    at = "centers of mass" if com else "body origins"
    torques = "" if output == "forces" else ", and torques are about them"
    feet = " Feet are spheres centered at the points, where their forces act." if rolling else ""
    if model == "hertz" and not rolling:
        feet = " The points are contact points of round feet, whose radius only affects the Hertz stiffness."
    edge = {
        "clamp": "The terrain is extended by its border heights",
        "skip": "There is no ground outside the terrain",
        "wrap": "The terrain is periodic",
    }[border]
    d.explain(f"""
        Height samples form a regular grid in x and y, with heights along z. {edge}.
        Velocities are those of the {at}{torques}.{feet}
    """)

    def reference(v: Values) -> dict[str, Any]:
        wrench, forces = np.zeros((bodies, 6)), np.zeros((count, 3))
        for k in range(count):
            b = v.contact_body[k]
            turn = quaternions.matrix(v.body_pose[b, 3:])
            point = v.body_pose[b, :3] + turn @ v.contact_offset[k]
            arm = point - v.body_pose[b, :3] - (turn @ v.body_com[b] if com else 0.0)
            vel = v.body_twist[b, :3] + np.cross(v.body_twist[b, 3:], arm)
            g = (point[:2] - v.origin) / v.spacing
            if border == "clamp":
                g = np.clip(g, 0.0, side - 1)
            elif border == "wrap":
                g = g % side
            i, j = np.floor(g).astype(int)
            if border == "skip" and (min(i, j) < 0 or max(i, j) >= side - 1):
                continue
            if border != "wrap":
                i, j = min(i, side - 2), min(j, side - 2)
            corner = v.terrain[np.ix_([i, (i + 1) % side], [j, (j + 1) % side])]

            def height(p: Any, corner: Any = corner, lower: bool = bool((g - (i, j)).sum() < 1.0)) -> Any:
                x, y = p
                if surface == "triangles":
                    if lower:
                        return (
                            corner[0, 0]
                            + x * (corner[1, 0] - corner[0, 0])
                            + y * (corner[0, 1] - corner[0, 0])
                        )
                    return (
                        corner[1, 1]
                        + (1 - x) * (corner[0, 1] - corner[1, 1])
                        + (1 - y) * (corner[1, 0] - corner[1, 1])
                    )
                if surface == "smooth":
                    x, y = (s * s * (3.0 - 2.0 * s) for s in (x, y))
                return np.array([1.0 - x, x]) @ corner @ np.array([1.0 - y, y])

            at = g - np.array([i, j])
            e = 1e-5 * np.eye(2)
            slope = np.array([(height(at + a) - height(at - a)) / 2e-5 for a in e]) / v.spacing
            n_ = np.append(-slope, 1.0)
            n_ /= np.linalg.norm(n_)
            depth = (height(at) - point[2]) * (n_[2] if distance == "normal" else 1.0)
            depth += v.radius if rolling else 0.0
            if depth <= 0.0:
                continue
            s = vel @ n_
            if model == "linear":
                load = max(v.stiffness * depth - v.damping * s, 0.0)
            elif model == "hertz":
                load = max(v.stiffness * np.sqrt(v.radius * depth) * depth - v.damping * depth * s, 0.0)
            else:
                load = v.stiffness * depth * max(1.0 - 1.5 * v.dissipation * s, 0.0)
            slide = vel - s * n_
            size = max(float(np.linalg.norm(slide)), 1e-6)
            drag = 0.0
            if friction != "none":
                mu_ = v.kind_friction[v.terrain_kind[i, j]] if ground == "map" else v.mu
                if friction == "clamped":
                    drag = min(v.friction_viscosity * size, mu_ * load)
                elif friction == "smooth":
                    drag = mu_ * load * size / np.hypot(size, v.slip_speed)
                else:
                    r = size / v.slip_speed
                    drag = mu_ * (1.0 + v.static_excess * np.exp(-r * r)) * load * np.tanh(r)
            forces[k] = load * n_ - drag * slide / size
            wrench[b] += np.append(forces[k], np.cross(arm, forces[k]))
        made: dict[str, Any] = {}
        if output != "wrench":
            made["contact_force"] = forces
        if output != "forces":
            made["body_wrench"] = wrench
        return made

    d.check(reference, 2e-3)
