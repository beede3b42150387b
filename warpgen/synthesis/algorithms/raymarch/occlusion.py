"""What stands in the way: soft shadows and ambient occlusion by a distance field."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.raymarch import DOMAIN
from warpgen.synthesis.algorithms.raymarch.tracing import NAMES, NORMAL, normal, unit
from warpgen.synthesis.library import scenes
from warpgen.synthesis.library.proofs import mostly_close
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Quilez, Soft shadows in raymarched SDFs; Aaltonen 2018, GPU-based clay simulation",
    names=NAMES
    | {
        "soft_shadows": "soft_shadow|sdf_shadows|penumbra_shadows|trace_shadow_rays",
        "lamp": "light_pos|light_position|bulb",
    },
    adjoint="no",
    weight=2,
)
def soft_shadows(d: Draft) -> None:
    """Computes soft shadows using sphere tracing in a distance field."""
    kind = d.option("kind", "ratio", "improved", "hard", "smooth")
    light = d.option("light", "directional", "point")
    clamped = d.flag("clamped") and kind != "improved"  # which measures by the step before
    found = scenes.draw(d, 2, floor=True, bent=kind == "hard")
    count = d.pick(64, 96, 128)
    d.input("points", "vec2", count, -1.5, 1.5, about="Positions (x, z) on the floor at y = -1")
    if light == "directional":
        d.param("light", "vec3", 0.4, 0.9, about="Direction toward the light")
    else:
        d.param("lamp", "vec3", 2.0, 3.0, about="Light position")
    sharp = kind != "hard"
    if sharp:
        d.param("k", "float", 4.0, 16.0, about="Penumbra sharpness")
    steps = d.pick(24, 32, 40)
    d.output("visibility", "float", count, about="Light visibility in [0, 1]")
    least, most = (d.pick(0.01, 0.02), d.pick(0.2, 0.3)) if clamped else (0.0, 0.0)
    near = 0.02
    stride = f"wp.clamp(dist, {least}, {most})" if clamped else "wp.max(dist, 0.01)"
    if kind == "improved":
        stride = "dist"
    aim = (
        """
        rd = wp.normalize(light)
        far = 4.0
        """
        if light == "directional"
        else """
        to_light = lamp - ro
        far = wp.length(to_light)
        rd = to_light / far
        """
    )
    inner = {
        "hard": """
            if dist < 0.001:
                visible = 0.0
                break
            """,
        "ratio": """
            visible = wp.min(visible, k * dist / t)
            if visible < 0.001:
                break
            """,
        "improved": """
            if dist < 0.001:
                visible = 0.0
                break
            # improved closest-approach estimate between steps (Aaltonen 2018)
            y = dist * dist / (2.0 * previous)
            width = wp.sqrt(wp.max(dist * dist - y * y, 0.0))
            visible = wp.min(visible, k * width / wp.max(t - y, 0.001))
            previous = dist
            """,
        "smooth": """
            visible = wp.min(visible, k * dist / t)
            if visible < -1.0:
                break
            """,
    }[kind]
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        ro = wp.vec3(points[tid][0], -1.0, points[tid][1])
        $aim
        visible = float(1.0)
        $previous
        t = float(0.02)
        for _ in range($steps):
            if t >= far:
                break
            dist = scene(ro + t * rd)
            $inner
            t += $stride
        $last
        """,
        aim=aim,
        previous="previous = float(1.0e10)" if kind == "improved" else "",
        steps=str(steps),
        inner=inner,
        stride=stride,
        last="""
        visible = wp.max(visible, -1.0)
        # smoothstep from -1 to 1
        visibility[tid] = 0.25 * (1.0 + visible) * (1.0 + visible) * (2.0 - visible)
        """
        if kind == "smooth"
        else "visibility[tid] = visible"
        if kind in ("hard", "improved")
        else "visibility[tid] = wp.max(visible, 0.0)",
    )
    if sharp:
        nearest = (
            "distance to the nearest solid" if kind != "improved" else "closest approach to a solid so far"
        )
        rounded = ", smoothed using a smoothstep" if kind == "smooth" else ""
        d.explain(
            f"Visibility is the minimum of k d / t along the ray{rounded}, where d is the {nearest}:\n"
            "a larger k gives a narrower penumbra. Zero means full shadow."
        )
    else:
        d.says("Computes hard shadows using sphere tracing in a distance field.")
        d.calls("hard_shadows|sdf_shadows|trace_shadow_rays")

    def reference(v: Values) -> Any:
        o = np.insert(v.points, 1, -1.0, axis=1)
        if light == "directional":
            r, far = np.broadcast_to(unit(np.asarray(v.light)), o.shape), np.full(count, 4.0)
        else:
            r = np.asarray(v.lamp) - o
            far = np.linalg.norm(r, axis=-1)
            r = r / far[:, None]
        t, seen, last = np.full(count, near), np.ones(count), np.full(count, 1e10)
        going = np.ones(count, bool)
        for _ in range(steps):
            going &= t < far
            s = found.distance(o + t[:, None] * r)
            if kind == "hard":
                ratio = np.where(s < 1e-3, 0.0, 1.0)
            elif kind == "improved":
                y = s * s / (2.0 * last)
                ratio = v.k * np.sqrt(np.maximum(s * s - y * y, 0.0)) / np.maximum(t - y, 1e-3)
                ratio = np.where(s < 1e-3, 0.0, ratio)
                last = np.where(going, np.maximum(s, 1e-3), last)
            else:
                ratio = v.k * s / t
            seen = np.where(going, np.minimum(seen, ratio), seen)
            going &= seen >= (-1.0 if kind == "smooth" else 1e-3)
            stride_ = np.clip(s, least, most) if clamped else s if kind == "improved" else np.maximum(s, 0.01)
            t = np.where(going, t + stride_, t)
        if kind == "smooth":
            u = np.clip(seen, -1.0, 1.0)
            return 0.25 * (1.0 + u) ** 2 * (2.0 - u)
        return np.clip(seen, 0.0, 1.0)

    d.holds(lambda before, after: mostly_close(after.visibility, reference(before), 2e-3))


@DOMAIN.algorithm(
    source="Evans 2006, Fast approximations for global illumination; Quilez, Ambient occlusion",
    names=NAMES | {"sdf_ambient_occlusion": "ambient_occlusion|sdf_ao|compute_ao|calc_ao", "k": "strength"},
    weight=3,
)
def sdf_ambient_occlusion(d: Draft) -> None:
    """Estimates ambient occlusion by sampling a distance field along the normal."""
    spacing = d.option("spacing", "even", "doubling", "table")
    weight = d.option("weight", "halving", "power", "inverse")
    place = d.option("points", "floor", "projected")
    strong = d.flag("strength")
    found = scenes.draw(d, 3, floor=True, bent=False)
    count = d.pick(64, 96, 128)
    taps = d.pick(4, 5, 6)
    if place == "floor":
        d.input("points", "vec2", count, -1.0, 1.0, about="Positions (x, z) on the floor at y = -1")
    else:
        d.input("points", "vec3", count, -1.0, 1.0, about="Sample positions, projected onto the surface")
        d.function(NORMAL)
    if strong:
        d.param("k", "float", 0.5, 2.0, about="Occlusion strength")
    d.param("radius", "float", 0.3, 0.8, about="Maximum sample distance")
    d.output("ambient", "float", count, about="Ambient visibility in [0, 1]")
    at = {
        "even": f"radius * float(i + 1) / {taps}.0",
        "doubling": f"radius * wp.pow(2.0, float(i - {taps - 1}))",
        "table": f"0.01 + (radius - 0.01) * float(i) / {taps - 1}.0",
    }[spacing]
    base = {"halving": 0.5, "power": d.pick(0.75, 0.85, 0.95), "inverse": 1.0}[weight]
    fade = {"halving": "fade *= 0.5", "power": f"fade *= {base}", "inverse": ""}[weight]
    share = "fade * (h - dist)" if weight != "inverse" else "(h - dist) / h"
    gain = "k * occluded" if strong else "occluded"
    d.launch(count)
    d.code(
        """
        tid = wp.tid()
        $surface
        occluded = float(0.0)
        $begin
        for i in range($taps):
            h = $at
            # without occluders the distance is `h`
            dist = scene(p + h * n)
            occluded += $share
            $fade
        ambient[tid] = wp.clamp(1.0 - $gain, 0.0, 1.0)
        """,
        surface="p = wp.vec3(points[tid][0], -1.0, points[tid][1])\nn = wp.vec3(0.0, 1.0, 0.0)"
        if place == "floor"
        else "q = points[tid]\np = q - scene(q) * normal(q)\nn = normal(p)",
        begin="" if weight == "inverse" else "fade = float(1.0)",
        taps=str(taps),
        at=at,
        share=share,
        fade=fade,
        gain=f"{gain} / {taps}.0" if weight == "inverse" else gain,
    )

    def reference(v: Values) -> dict[str, Any]:
        p, n = np.insert(v.points, 1, -1.0, axis=1) if place == "floor" else v.points, np.eye(3)[[1]]
        if place == "projected":
            p = p - found.distance(p)[:, None] * normal(found.distance, p)
            n = normal(found.distance, p)
        i = np.arange(taps)
        h = {
            "even": v.radius * (i + 1) / taps,
            "doubling": v.radius * 2.0 ** (i - taps + 1),
            "table": np.linspace(0.01, v.radius, taps),
        }[spacing]
        s = found.distance(p[:, None] + h[:, None] * n[:, None])
        w = 1.0 / (h * taps) if weight == "inverse" else base**i
        lacks = (w * (h - s)).sum(axis=1)
        return {"ambient": np.clip(1.0 - (v.k if strong else 1.0) * lacks, 0.0, 1.0)}

    if place == "floor":
        d.check(reference, 1e-3)
    else:  # on an edge of the field, rounding decides which way the normal goes
        d.holds(lambda b, a: mostly_close(a.ambient, reference(b)["ambient"], 5e-3))
