"""Distance fields as obstacles: points brought onto their surface or out of their inside."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.raymarch import DOMAIN
from warpgen.synthesis.algorithms.raymarch.fields import central
from warpgen.synthesis.library import scenes
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = scenes.NAMES | {
    "x": "points|positions|particle_q|pos",
    "v": "velocities|particle_qd|vel",
    "p": "q|point|xi",
    "s": "dist|phi|signed_dist",
    "projected": "x_out|surface_points|x_proj|closest",
    "gradient": "sdf_gradient|grad_scene|field_gradient",
    "g": "grad|dphi|nabla",
    "mu": "friction|friction_coeff",
    "margin": "offset|level",
}

GRADIENT = """
    @wp.func
    def gradient(p: wp.vec3) -> wp.vec3:
        e = 0.01
        dx = scene(p + wp.vec3(e, 0.0, 0.0)) - scene(p - wp.vec3(e, 0.0, 0.0))
        dy = scene(p + wp.vec3(0.0, e, 0.0)) - scene(p - wp.vec3(0.0, e, 0.0))
        dz = scene(p + wp.vec3(0.0, 0.0, e)) - scene(p - wp.vec3(0.0, 0.0, e))
        return wp.vec3(dx, dy, dz) / (2.0 * e)
    """


@DOMAIN.algorithm(
    source="Hartmann 1999; Ohtake & Belyaev 2002 (Newton steps along the gradient)",
    names=_NAMES | {"project_to_surface": "surface_projection|project_points|snap_to_surface"},
    adjoint="no",
)
def project_to_surface(d: Draft) -> None:
    """Projects points onto the zero level set of a distance field."""
    stop = d.option("stop", "count", "tolerance", "while")
    # a damped step that is left out at the tolerance would be seen: only in loops of fixed length
    damped = d.flag("damped") if stop == "count" else False
    place = d.option("place", "out", "in place")
    level = d.flag("level", 0.4)
    if level:
        d.calls("project_to_level|snap_to_level|project_to_offset")
    found = scenes.draw(d, 3, floor=False, bent=False, smooth=True)
    d.function(GRADIENT)
    count = d.pick(64, 96, 128)
    steps = d.pick(3, 4, 5)
    if level:
        d.param("margin", "float", 0.02, 0.1, about="Level set offset from the surface")
    if place == "out":
        d.input("x", "vec3", count, -1.2, 1.2, about="Points to project")
        d.output("projected", "vec3", count, about="Projected positions")
    else:
        d.inout("x", "vec3", count, -1.2, 1.2, about="Points to project, updated in place")
    value = "scene(p) - margin" if level else "scene(p)"
    slow = " using damped steps." if damped else "."
    if level:
        d.says("Projects points onto an offset surface of a distance field" + slow)
    elif damped:
        d.says("Projects points onto the zero level set of a distance field" + slow)
    relax = f"{d.pick(0.7, 0.8, 0.9)} * " if damped else ""
    newton = f"p -= {relax}s * g / wp.max(wp.dot(g, g), 0.25)"
    loops = {
        "count": f"""
            # clamp |g|^2 from below to avoid huge steps where the gradient vanishes (ridges)
            for _ in range({steps}):
                s = {value}
                g = gradient(p)
                {newton}
            """,
        "tolerance": f"""
            for _ in range({2 * steps}):
                s = {value}
                if wp.abs(s) < 1.0e-4:
                    break
                g = gradient(p)
                # Newton step along `g`, scaled by `s` / |`g`|^2 (exact for true distance fields)
                {newton}
            """,
        "while": f"""
            s = {value}
            iteration = int(0)
            while wp.abs(s) > 1.0e-4 and iteration < {2 * steps}:
                g = gradient(p)
                {newton}
                s = {value}
                iteration += 1
            """,
    }
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        p = x[tid]
        $loop
        $target[tid] = p
        """,
        loop=loops[stop],
        target="projected" if place == "out" else "x",
    )

    def lands(before: Values, after: Values) -> None:
        ends = after.projected if place == "out" else after.x
        iso = before.margin if level else 0.0
        away, first = (np.abs(found.distance(p) - iso) for p in (ends, before.x))
        # ridges of the field, where it has no gradient, hold some back
        assert (away < 5e-3).mean() > 0.35, f"{(away < 5e-3).mean():.2f} reach the surface"
        assert away.mean() < 0.5 * first.mean(), "points do not come nearer"

    d.holds(lands)


@DOMAIN.algorithm(
    source="Macklin et al. 2020, Local optimization for robust SDF collision",
    names=_NAMES | {"sdf_collision": "collide_sdf|resolve_collisions|push_out|collide_with_scene"},
    adjoint="no",
    element="particle",
)
def sdf_collision(d: Draft) -> None:
    """Resolves particle collisions with a distance field."""
    friction = d.option("friction", "none", "scaled", "coulomb")
    radii = d.option("radius", "one", "per particle")
    restitution = d.flag("restitution")
    early = d.flag("early")
    d.says(
        "Resolves particle collisions with a distance field"
        + {
            "none": ", with restitution" if restitution else "",
            "scaled": ", with tangential damping",
            "coulomb": ", with Coulomb friction",
        }[friction]
        + (" and restitution." if restitution and friction != "none" else ".")
    )
    found = scenes.draw(d, 2, bent=False)
    d.function(GRADIENT)
    count = d.pick(64, 96, 128)
    d.inout("x", "vec3", count, -0.9, 0.9, about="Particle positions")
    d.inout("v", "vec3", count, -1.0, 1.0, about="Particle velocities")
    if radii == "one":
        d.param("radius", "float", 0.1, 0.2, about="Particle radius")
    else:
        d.input("radius", "float", count, 0.1, 0.2, about="Particle radii")
    if friction != "none":
        d.param(
            "mu" if friction == "coulomb" else "sliding_loss", "float", 0.1, 0.6,
            about="Friction coefficient" if friction == "coulomb" else "Tangential damping fraction",
        )  # fmt: skip
    if restitution:
        d.param("bounce", "float", 0.1, 0.8, about="Coefficient of restitution")
    r = "radius" if radii == "one" else "radius[tid]"
    # scaled by 1 - sliding_loss, or Coulomb's cone: at most mu times the normal change of velocity
    slide = {
        "none": "v[tid] = vi - $part * n",
        "scaled": """
            tangential = vi - vn * n
            v[tid] = (1.0 - sliding_loss) * tangential + $left
            """,
        "coulomb": """
            tangential = vi - vn * n
            speed = wp.length(tangential)
            # clamp to the Coulomb friction cone: |f_t| <= mu * |f_n|
            kept = wp.max(speed + mu * $part, 0.0) / wp.max(speed, 1.0e-6)
            v[tid] = kept * tangential + $left
            """,
    }[friction]
    part = "(1.0 + bounce) * vn" if restitution else "vn"
    left = "-bounce * vn * n" if restitution else ""
    slide = slide.replace("$part", part).replace(" + $left", f" - {left[1:]}" if left else "")
    respond = f"""
        x[tid] = x[tid] - gap * n
        vn = wp.dot(vi, n)
        # skip separating particles
        if vn < 0.0:
            {slide.strip() if friction == "none" else "$slide"}
        """
    d.launch(count)
    if early:
        d.code(
            """
            tid = wp.tid()
            gap = scene(x[tid]) - $r
            if gap >= 0.0:
                return
            n = wp.normalize(gradient(x[tid]))
            vi = v[tid]
            $respond
            """,
            r=r,
            respond=respond,
            slide=slide,
        )
    else:
        d.code(
            """
            tid = wp.tid()
            vi = v[tid]
            gap = scene(x[tid]) - $r
            if gap < 0.0:
                n = wp.normalize(gradient(x[tid]))
                $respond
            """,
            r=r,
            respond=respond,
            slide=slide,
        )

    def reference(v: Values) -> dict[str, Any]:
        depth = found.distance(v.x) - v.radius
        g = central(found.distance, v.x, 0.01)
        n = g / np.maximum(np.linalg.norm(g, axis=-1, keepdims=True), 1e-12)
        hit = depth < 0.0
        x = np.where(hit[:, None], v.x - depth[:, None] * n, v.x)
        vn = np.sum(v.v * n, axis=-1)
        change = -vn * (1.0 + (v.bounce if restitution else 0.0))
        along = v.v - vn[:, None] * n
        if friction == "scaled":
            along = along * (1.0 - v.sliding_loss)
        elif friction == "coulomb":
            speed = np.linalg.norm(along, axis=-1)
            along = along * (np.maximum(1.0 - v.mu * change / np.maximum(speed, 1e-6), 0.0))[:, None]
        moved = along + (vn + change)[:, None] * n
        return {"x": x, "v": np.where((hit & (vn < 0.0))[:, None], moved, v.v)}

    d.check(reference, 2e-3)
