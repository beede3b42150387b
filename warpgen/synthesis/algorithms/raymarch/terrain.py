"""Landscapes of noise, met by rays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.raymarch import DOMAIN
from warpgen.synthesis.library import value_noise
from warpgen.synthesis.library.proofs import mostly_close
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "x": "start_x|ray_x",
    "slope": "grade",
    "eye": "camera_height|eye_height|y0",
    "t_hit": "hit_distance",
    "hits": "hit_points|points_out",
    "elevations": "heights|hit_heights",
    "distance": "travelled|ray_t",
    "clearance": "above_ground|gap|dh",
    "ray": "rd|dir|direction",
    "start": "ro|origin|eye_pos",
}


_TERRAINS = (value_noise.FBM_2, value_noise.RIDGED_2, value_noise.BILLOW_2)


@DOMAIN.algorithm(
    source="Quilez, Terrain marching 2002; Musgrave 1988, Grid tracing",
    names=_NAMES
    | {"march_terrain": "terrain_march|raymarch_heightfield|trace_terrain", "height": "terrain|elevation"},
    adjoint="no",
    weight=2,
)
def march_terrain(d: Draft) -> None:
    """Intersects rays with a fractal noise terrain."""
    form = d.option("terrain", *_TERRAINS)
    stepping = d.option("step", "constant", "growing", "clearance")
    refine = d.option("refine", "none", "secant", "bisection")
    result = d.option("result", "distance", "point", "height")
    octaves, steps, count = d.pick(2, 3, 4), d.pick(60, 80), d.pick(64, 96)
    d.input("x", "float", count, 0.0, 4.0, about="Ray start position along x")
    d.input("slope", "float", count, -0.6, -0.3, about="Ray slope (dy/dz)")
    d.param("eye", "float", 1.1, 1.4, about="Camera height")
    d.says(
        {
            "distance": "Computes the ray hit distance for a fractal noise terrain, or the march end "
            "distance for a miss.",
            "point": "Computes the ray hit point on a fractal noise terrain, or the march end point for a "
            "miss.",
            "height": "Computes the ray hit height on a fractal noise terrain, or the march end height for "
            "a miss.",
        }[result]
    )
    out = {"distance": "t_hit", "point": "hits", "height": "elevations"}[result]
    d.output(
        out,
        "vec3" if result == "point" else "float",
        count,
        about={
            "distance": "Hit distance",
            "point": "Hit point",
            "height": "Hit height",
        }[result]
        + ", or the value at the end of the march for a miss",
    )
    d.function(
        f"""
        @wp.func
        def height(p: wp.vec3) -> float:
            return {d.use(form)}(wp.vec2(p[0], p[2]), {octaves})
        """
    )
    steps_by: dict[str, tuple[str, Callable[[Any, Any], Any]]] = {
        "constant": ("distance += 0.05", lambda t, h: t + 0.05),
        # far off, a pixel covers more ground
        "growing": ("distance += 0.02 + 0.015 * distance", lambda t, h: t + 0.02 + 0.015 * t),
        "clearance": (
            "distance += wp.max(0.3 * clearance, 0.01)",
            lambda t, h: t + np.maximum(0.3 * h, 0.01),
        ),
    }
    advance = steps_by[stepping]
    refined = {
        "none": "",
        "secant": """
            # linearly interpolate between the last two samples
            distance = previous + (distance - previous) * last_clearance / (last_clearance - clearance)
            """,
        "bisection": """
            near = previous
            for _ in range(8):
                middle = 0.5 * (near + distance)
                q = start + middle * ray
                if q[1] < height(q):
                    distance = middle
                else:
                    near = middle
            """,
    }[refine]
    value = {
        "distance": "distance",
        "point": "start + distance * ray",
        "height": "start[1] + distance * ray[1]",
    }[result]
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        start = wp.vec3(x[tid], eye, 0.0)
        ray = wp.normalize(wp.vec3(0.0, slope[tid], 1.0))
        distance = float(0.0)
        $begin
        for _ in range($steps):
            p = start + distance * ray
            clearance = p[1] - height(p)
            if clearance < 0.0:
                $refined
                break
            $keep
            $advance
        $out[tid] = $value
        """,
        begin={
            "none": "",
            "secant": "previous = float(0.0)\nlast_clearance = float(1.0)",
            "bisection": "previous = float(0.0)",
        }[refine],
        steps=str(steps),
        refined=refined,
        keep={
            "none": "",
            "secant": "previous = distance\nlast_clearance = clearance",
            "bisection": "previous = distance",
        }[refine],
        advance=advance[0],
        value=value,
        out=out,
    )

    def reference(v: Values) -> dict[str, Any]:
        r = np.column_stack([np.zeros(count), v.slope, np.ones(count)])
        r /= np.linalg.norm(r, axis=1, keepdims=True)
        o = np.column_stack([v.x, np.full(count, v.eye), np.zeros(count)])

        def above(t: Any) -> Any:
            p = o + t[:, None] * r
            return p[:, 1] - form(p[:, ::2], octaves)

        t, last, h_last = np.zeros(count), np.zeros(count), np.ones(count)
        done = np.zeros(count, bool)
        for _ in range(steps):
            h = above(t)
            stop = ~done & (h < 0.0)
            end = t.copy()
            if refine == "secant":
                end = last + (t - last) * h_last / np.where(stop, h_last - h, 1.0)
            elif refine == "bisection":
                near = last.copy()
                for _ in range(8):
                    middle = 0.5 * (near + end)
                    low = above(middle) < 0.0
                    end, near = np.where(low, middle, end), np.where(low, near, middle)
            going = ~done & ~stop
            last, h_last = np.where(going, t, last), np.where(going, h, h_last)
            t = np.where(stop, end, np.where(going, advance[1](t, h), t))
            done |= stop
        p = o + t[:, None] * r
        return {out: {"distance": t, "point": p, "height": p[:, 1]}[result]}

    def agrees(before: Values, after: Values) -> None:
        mostly_close(after[out], reference(before)[out], 5e-3, 0.94)

    d.holds(agrees)
