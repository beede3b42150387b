"""Paths of light that bounce between spheres."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rendering import DOMAIN
from warpgen.synthesis.algorithms.rendering.light import NAMES
from warpgen.synthesis.algorithms.rendering.materials import unit
from warpgen.synthesis.library import intersections, warping
from warpgen.synthesis.library.proofs import mostly_close
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Kajiya 1986, The rendering equation; Lafortune & Willems 1993",
    names=NAMES
    | {
        "trace_paths": "path_tracer|path_trace|render_spheres|trace_bounces",
        "throughput": "beta|weight|attenuation",
    },
    adjoint="no",
)
def trace_paths(d: Draft) -> None:
    """Path traces a sphere scene with one path per pixel."""
    material = d.option("material", "diffuse", "mirror", "mixed", "fuzzy")
    sky = d.option("sky", "gradient", "constant", "sun")
    camera = d.option("camera", "pinhole", "rays")
    alike = d.flag("one radius")
    roulette = d.flag("roulette", 0.3) if material in ("diffuse", "mixed") else False
    width, height, m = d.pick(12, 16), d.pick(8, 10), d.pick(8, 10, 12)
    bounces = d.pick(3, 4, 5)
    d.input("centers", "vec3", m, -1.0, 1.0, about="Sphere centers")
    if alike:
        d.param("radius", "float", 0.35, 0.6, about="Sphere radius")
    else:
        d.input("radii", "float", m, 0.35, 0.6, about="Sphere radii")
    radius = "radius" if alike else "radii[$k]"
    fetch = f"t = $hit(ro, rd, centers[k], {radius.replace('$k', 'k')})"
    normal = f"n = (p - centers[hit]) / {radius.replace('$k', 'hit')}"
    d.input("albedo", "vec3", m, 0.3, 0.9, about="Surface albedo")
    if material == "mixed":
        d.input("kind", "int", m, 0, 2, about="Material type, 0 for diffuse and 1 for mirror")
    if material == "fuzzy":
        d.param("fuzz", "float", 0.2, 0.8, about="Metal roughness (fuzz)")
    shape: tuple[int, ...]
    if camera == "rays":
        d.input("origins", "vec3", width * height, -1.5, 1.5, about="Ray origins")
        d.input("directions", "vec3", width * height, kind="unit", about="Ray directions")
        shape, at = (width * height,), "tid"
        ray = "tid = wp.tid()\nrd = directions[tid]\nro = origins[tid]"
        number = "tid"
    else:
        d.param("eye", "vec3", 1.8, 2.2, about="Camera position, looking at the origin")
        shape, at = (height, width), "i, j"
        ray = """
            i, j = wp.tid()
            height = image.shape[0]
            width = image.shape[1]
            # screen coordinates: sy in [-0.5, 0.5] pointing up, sx scaled by the aspect ratio
            sx = (float(j) + 0.5 - 0.5 * float(width)) / float(height)
            sy = 0.5 - (float(i) + 0.5) / float(height)
            forward = wp.normalize(-eye)
            right = wp.normalize(wp.cross(forward, wp.vec3(0.0, 1.0, 0.0)))
            up = wp.cross(right, forward)
            ro = eye
            rd = wp.normalize(sx * right + sy * up + forward)
            """
        number = "i * width + j"
    random = material != "mirror"
    if random:
        d.param("seed", "int", 1, 10000, about="Random seed")
    d.param("num_spheres", "int", m, about="Number of spheres")
    d.output(
        "image",
        "vec3",
        shape,
        about="Radiance along each ray" if camera == "rays" else "Radiance per pixel",
    )
    if camera == "rays":
        d.says("Renders a sphere scene using path tracing, with one path per ray.")
    if material == "fuzzy":
        each = "ray" if camera == "rays" else "pixel"
        d.says(f"Renders rough metal spheres using path tracing, with one path per {each}.")
    if material == "mirror":  # then nothing is left to chance
        d.says("Renders mirror spheres by tracing specular reflections.")
        d.calls("trace_reflections|render_mirrors|reflect_rays")
    background = {
        "gradient": "wp.lerp(wp.vec3(1.0, 1.0, 1.0), wp.vec3(0.5, 0.7, 1.0), 0.5 * rd[1] + 0.5)",
        "constant": "wp.vec3(0.8, 0.9, 1.0)",
        "sun": "wp.vec3(0.3, 0.4, 0.5) + wp.vec3(1.0, 0.9, 0.7) * wp.max(rd[1], 0.0)",
    }[sky]
    diffuse = (
        f"rd = {d.use(warping.ONB)}(n, {d.use(warping.COSINE)}(wp.randf(state), wp.randf(state)))"
        if random and material != "fuzzy"
        else ""
    )
    mirror = "rd = rd - 2.0 * wp.dot(rd, n) * n"
    scatter = {
        "diffuse": f"# cosine-weighted sampling: pdf and cosine cancel, the weight is the albedo\n{diffuse}",
        "mirror": mirror,
        "mixed": f"# kind 0 is diffuse, kind 1 is a mirror\nif kind[hit] == 0:\n    {diffuse}\nelse:\n    {mirror}",
        "fuzzy": """
            mirrored = rd - 2.0 * wp.dot(rd, n) * n
            rd = wp.normalize(mirrored + fuzz * wp.sample_unit_sphere(state))
            # absorb fuzzy reflections that point below the surface
            if wp.dot(rd, n) < 0.0:
                break
            """,
    }[material]
    d.launch(*shape)
    hit = d.use(intersections.SPHERE)
    d.code(
        """
        $ray
        $seed
        throughput = wp.vec3(1.0, 1.0, 1.0)
        radiance = wp.vec3()
        for $bounce in range($bounces):
            $roulette
            nearest = float(1.0e8)
            hit = int(-1)
            for k in range(num_spheres):
                $fetch
                if t > 0.0 and t < nearest:
                    nearest = t
                    hit = k
            if hit < 0:
                radiance = wp.cw_mul(throughput, $sky)
                break
            p = ro + nearest * rd
            $normal
            # flip the normal for rays starting inside a sphere
            if wp.dot(rd, n) > 0.0:
                n = -n
            $scatter
            # offset along the normal to avoid self-intersection
            ro = p + 1.0e-3 * n
            throughput = wp.cw_mul(throughput, albedo[hit])
        image[$at] = radiance
        """,
        ray=ray,
        seed=f"state = wp.rand_init(seed, {number})" if random else "",
        bounce="bounce" if roulette else "_",
        bounces=str(bounces),
        fetch=fetch,
        hit=hit,
        sky=background,
        normal=normal,
        scatter=scatter,
        roulette="""
        # Russian roulette: survivors are weighted by 1 / p to stay unbiased
        if bounce > 0:
            q = wp.max(throughput)
            if wp.randf(state) > q:
                break
            throughput = throughput / q
        """
        if roulette
        else "",
        at=at,
    )

    def scene(v: Values) -> tuple[Any, Any]:
        return v.centers, np.full(m, v.radius) if alike else v.radii

    def light(r: Any) -> Any:
        if sky == "gradient":
            t = (0.5 * r[:, 1] + 0.5)[:, None]
            return (1.0 - t) + t * np.array([0.5, 0.7, 1.0])
        if sky == "sun":
            return np.array([0.3, 0.4, 0.5]) + np.array([1.0, 0.9, 0.7]) * np.maximum(r[:, 1:2], 0.0)
        return np.broadcast_to([0.8, 0.9, 1.0], r.shape)

    def agrees(v: Values, after: Values) -> None:
        if camera == "rays":
            r = v.directions
            o = v.origins
        else:
            i, j = np.arange(width * height) // width, np.arange(width * height) % width
            forward = unit(-np.asarray(v.eye))
            right = unit(np.cross(forward, [0.0, 1.0, 0.0]))
            across = np.outer((j + 0.5 - 0.5 * width) / height, right)
            r = unit(across + np.outer(0.5 - (i + 0.5) / height, np.cross(right, forward)) + forward)
            o = np.tile(v.eye, (len(i), 1))
        actual = np.asarray(after.image).reshape(-1, 3)
        centers, radii = scene(v)
        t = intersections.sphere(o[:, None], r[:, None], centers[None], radii[None])
        sees_sky = ~(t > 0.0).any(axis=1)
        mostly_close(actual[sees_sky], light(r[sees_sky]), 1e-3, 0.9) if sees_sky.any() else None
        assert np.all(actual >= -1e-6)
        most = 2.0 if not roulette else 20.0
        assert actual.max() < most
        if random:
            return
        weight, made, going = np.ones_like(r), np.zeros_like(r), np.ones(len(r), bool)
        for _ in range(bounces):
            t = intersections.sphere(o[:, None], r[:, None], centers[None], radii[None])
            t = np.where(t > 0.0, t, np.inf)
            k, near = t.argmin(axis=1), t.min(axis=1)
            out = going & ~np.isfinite(near)
            made[out] = weight[out] * light(r)[out]
            going &= np.isfinite(near)
            p = o + np.where(going, near, 0.0)[:, None] * r
            n = (p - centers[k]) / radii[k][:, None]
            n = np.where((r * n).sum(-1, keepdims=True) > 0.0, -n, n)
            r = np.where(going[:, None], r - 2.0 * (r * n).sum(-1, keepdims=True) * n, r)
            o = np.where(going[:, None], p + 1e-3 * n, o)
            weight = np.where(going[:, None], weight * v.albedo[k], weight)
        mostly_close(actual, made, 2e-2, 0.9)

    d.holds(agrees)
