"""Sphere tracing: rays that step by the distance to the nearest surface, and what is seen where they end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.raymarch import DOMAIN
from warpgen.synthesis.algorithms.raymarch.fields import central
from warpgen.synthesis.library import scenes
from warpgen.synthesis.library.proofs import mostly_close
from warpgen.synthesis.writing.draft import Draft, Values

NAMES = scenes.NAMES | {
    "origins": "ray_origins|ro_array|ray_o",
    "directions": "ray_directions|ray_dirs|rd_array",
    "ro": "o|origin|ray_origin",
    "rd": "dir|ray_dir|direction",
    "t": "travelled|ray_t|s",
    "dist": "h|d|gap",
    "depth": "t_hit|hit_distance|depths|depth_out",
    "image": "pixels|color_out|framebuffer|rgb",
    "light": "light_dir|sun_dir|to_light",
    "visibility": "lit|light_visibility",
    "ambient": "ao|ao_out",
    "normal": "surface_normal|estimate_normal|calc_normal|scene_normal",
    "march": "sphere_trace|raymarch|trace|intersect_scene",
    "n": "nrm|N",
}

NORMAL = """
    @wp.func
    def normal(p: wp.vec3) -> wp.vec3:
        e = 0.002
        dx = scene(p + wp.vec3(e, 0.0, 0.0)) - scene(p - wp.vec3(e, 0.0, 0.0))
        dy = scene(p + wp.vec3(0.0, e, 0.0)) - scene(p - wp.vec3(0.0, e, 0.0))
        dz = scene(p + wp.vec3(0.0, 0.0, e)) - scene(p - wp.vec3(0.0, 0.0, e))
        return wp.normalize(wp.vec3(dx, dy, dz))
    """


def normal(distance: Any, p: Any) -> Any:
    """Unit normals of arrays of points."""
    g = central(distance, p, 0.002)
    return g / np.maximum(np.linalg.norm(g, axis=-1, keepdims=True), 1e-12)


def unit(v: Any) -> Any:
    """Vectors of length one."""
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


def first_hit(
    distance: Callable[[Any], Any], o: Any, r: Any, far: float, near: float = 0.0, samples: int = 400
) -> Any:
    """Where rays meet the surface first, by dense samples and bisection; `far` where they do not."""
    t = np.linspace(near, far, samples)
    inside = distance(o[:, None] + t[None, :, None] * r[:, None]) < 0.0
    at = np.argmax(inside, axis=1)
    low, high = t[np.maximum(at - 1, 0)], t[at]
    for _ in range(30):
        middle = 0.5 * (low + high)
        within = distance(o + middle[:, None] * r) < 0.0
        low, high = np.where(within, low, middle), np.where(within, middle, high)
    return np.where(inside.any(axis=1), high, far)


def rays(d: Draft, count: int) -> tuple[str, Callable[[Values], tuple[Any, Any]]]:
    """Declare rays that look at the scene; gives the lines that set `ro` and `rd`, and both as arrays."""
    d.input("origins", "vec3", count, 1.5, 2.0, about="Ray origins")
    d.input("targets", "vec3", count, -0.6, 0.6, about="Ray target points")
    return (
        "ro = origins[tid]\nrd = wp.normalize(targets[tid] - ro)",
        lambda v: (v.origins, unit(v.targets - v.origins)),
    )


@DOMAIN.algorithm(
    source="Hart 1996, Sphere tracing; Keinert et al. 2014, Enhanced sphere tracing (over-relaxation)",
    names=NAMES | {"sphere_trace_depth": "sphere_tracing|raymarch_depth|trace_rays|march_rays"},
    adjoint="no",
    element="ray",
)
def sphere_trace_depth(d: Draft) -> None:
    """Intersects rays with a distance field using sphere tracing."""
    loop = d.option("loop", "for", "while", "relaxed", "function", "fixed")
    miss = d.option("miss", "far", "minus one")
    bound = d.option("bound", "constant", "given")
    relative = d.flag("relative", 0.3)
    found = scenes.draw(d, 3)
    count = d.pick(64, 96, 128)
    lines, drawn = rays(d, count)
    steps = d.pick(96, 128, 160)
    limit = 6.0
    if bound == "given":
        d.param("t_max", "float", limit, about="Maximum ray length")
    else:
        d.module(f"T_MAX = wp.constant({limit})")
    far = "t_max" if bound == "given" else "T_MAX"
    d.output(
        "depth",
        "float",
        count,
        about="Hit distance, " + (f"{far} for a miss" if miss == "far" else "-1 for a miss"),
    )
    # a pixel's footprint grows with the distance, so may the error
    eps = "5.0e-4 * wp.max(t, 1.0)" if relative else "1.0e-3"
    if loop == "function":
        far_argument = ", t_max: float" if bound == "given" else ""
        d.function(
            """
            @wp.func
            def march(ro: wp.vec3, rd: wp.vec3$far) -> float:
                t = float(0.0)
                for _ in range($steps):
                    dist = scene(ro + t * rd)
                    if dist < $eps:
                        return t
                    t += dist
                    if t > $limit:
                        break
                return $none
            """,
            far=far_argument,
            steps=str(steps),
            eps=eps,
            limit=far,
            none=far if miss == "far" else "-1.0",
        )
    body = {
        "for": """
            t = float(0.0)
            hit = int(0)
            for _ in range($steps):
                dist = scene(ro + t * rd)
                if dist < $eps:
                    hit = 1
                    break
                t += dist
                if t > $far:
                    break
            if hit == 1:
                depth[tid] = t
            else:
                depth[tid] = $none
            """,
        "while": """
            t = float(0.0)
            dist = scene(ro)
            step = int(0)
            while dist >= $eps and t < $far and step < $steps:
                t += dist
                dist = scene(ro + t * rd)
                step += 1
            depth[tid] = wp.where(dist < $eps, t, $none)
            """,
        "relaxed": """
            t = float(0.0)
            omega = float(1.3)
            previous = float(0.0)
            stride = float(0.0)
            hit = int(0)
            for _ in range($steps):
                dist = scene(ro + t * rd)
                # over-relaxation: undo the step if consecutive spheres do not overlap
                if omega > 1.0 and dist + previous < stride:
                    t -= stride - previous
                    omega = 1.0
                    continue
                if dist < $eps:
                    hit = 1
                    break
                previous = dist
                stride = omega * dist
                t += stride
                if t > $far:
                    break
            depth[tid] = wp.where(hit == 1, t, $none)
            """,
        "function": """
            depth[tid] = march(ro, rd$argument)
            """,
        "fixed": """
            # no hit test, since steps become negligible near the surface
            t = float(0.0)
            for _ in range($steps):
                t += scene(ro + t * rd)
                if t > $far:
                    break
            depth[tid] = $reached
            """,
    }[loop]
    d.launch(count)
    none = far if miss == "far" else "-1.0"
    argument = ", t_max" if bound == "given" else ""
    d.code(
        "tid = wp.tid()\n$rays\n$body",
        rays=lines,
        body=body,
        steps=str(steps),
        eps=eps,
        far=far,
        none=none,
        reached=f"wp.min(t, {far})" if miss == "far" else f"wp.where(t < {far}, t, -1.0)",
        argument=argument,
    )
    d.explain(
        (
            "Steps are longer than the distance to the nearest surface, and a step is undone if "
            "consecutive spheres\n"
            "do not overlap.\n"
            if loop == "relaxed"
            else "Each step equals the distance to the nearest surface, so we never overshoot.\n"
        )
        + f"Returns {far if miss == 'far' else '-1'} for rays that leave the scene."
    )

    def meets(before: Values, after: Values) -> None:
        o, r = drawn(before)
        expected = first_hit(found.distance, o, r, limit)
        expected = np.where(expected < limit, expected, limit if miss == "far" else -1.0)
        mostly_close(after.depth, expected, 0.02, 0.88)

    d.holds(meets)
