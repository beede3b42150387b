"""Path tracing as a wavefront: all rays advance by one bounce per launch."""

from __future__ import annotations

import numpy as np

from warpgen.synthesis.algorithms.rendering import DOMAIN
from warpgen.synthesis.algorithms.rendering.wavefront import (
    FRAME,
    GLASS,
    GLASS_MATERIAL,
    HIT,
    LIGHT_ARGUMENTS,
    LIGHTS,
    PATH_MATERIAL,
    SPHERES,
    bounced,
)
from warpgen.synthesis.library.proofs import mostly_close
from warpgen.synthesis.writing.draft import Draft, Values, fill


@DOMAIN.algorithm(
    source="Kajiya 1986; Laine, Karras & Aila 2013, Megakernels considered harmful; Pharr et al. 2016, ch. 14",
    names={
        "path_bounce": "trace_bounce|extend_paths|shade_and_scatter|wavefront_bounce",
        "ray": "path_id|ray_index",
        "ray_origins": "origins|path_origins",
        "ray_dirs": "directions|path_dirs",
        "throughput": "path_throughput|beta",
        "radiance": "pixel_radiance|L_out|accumulated",
        "active": "alive|path_active|is_active",
        "beta": "path_weight|current_throughput",
    },
    weight=5,
)
def path_bounce(d: Draft) -> None:
    """Advances wavefront paths by one bounce, with next-event estimation at diffuse hits."""
    light = d.option("light", *LIGHTS)
    glass = d.flag("glass", 0.6)
    sampling = d.option("sampling", "cosine", "uniform")
    roulette = d.flag("roulette", 0.6)
    sky = d.option("sky", "gradient", "constant", "none")
    place = d.option("place", "same", "next")
    n, count, kinds = d.pick(96, 128, 160), d.pick(14, 16, 18), 3 if glass else 2
    d.struct(
        "scene",
        SPHERES,
        {
            "centers": fill(-2.0, 2.0, shape=count),
            "radii": fill(0.5, 0.8, shape=count),
            "material_ids": fill(0, 4, shape=count),
        },
        about="Sphere scene to intersect",
    )
    d.struct(
        "materials",
        GLASS_MATERIAL if glass else PATH_MATERIAL,
        {
            "kind": fill(0, kinds),
            "albedo": fill(0.3, 0.9),
            "emission": fill(0.0, 0.2),
        }
        | ({"ior": fill(1.3, 1.6)} if glass else {}),
        4,
        about="Material table",
    )
    where, about_where, power, about_power = LIGHT_ARGUMENTS[light]
    d.param(where, "vec3", 2.0, 3.0, about=about_where)
    if light == "sphere":
        d.param("light_radius", "float", 0.2, 0.5, about="Light radius")
    d.param(power, "vec3", 2.0, 5.0, about=about_power)
    if sky != "none":
        d.param(
            "sky_color",
            "vec3",
            0.2,
            0.8,
            about="Sky radiance" + (" at the zenith" if sky == "gradient" else ""),
        )
    # Random numbers of each path, as many as there are uses
    column = {"reflect": 4 if light == "sphere" else 2}
    column["survive"] = column["reflect"] + glass
    d.input(
        "uniforms",
        "float",
        (n, column["survive"] + roulette),
        0.02,
        0.98,
        about="Random samples in (0, 1): 0 and 1 scatter"
        + (", 2 and 3 sample the light" if light == "sphere" else "")
        + (f", {column['reflect']} chooses to reflect" if glass else "")
        + (f", {column['survive']} decides survival" if roulette else ""),
    )
    if place == "same":
        d.forward_only()
        d.inout("ray_origins", "vec3", n, -2.0, 2.0, about="Ray origins")
        d.inout("ray_dirs", "vec3", n, -1.0, 1.0, "unit", about="Ray directions, normalized")
        d.inout("throughput", "vec3", n, 0.6, 1.0, about="Path throughput")
        d.inout("radiance", "vec3", n, 0.0, 0.5, about="Accumulated radiance")
        d.inout("active", "int", n, 0.8, 2, about="0 for terminated paths")
    else:
        d.input("ray_origins", "vec3", n, -2.0, 2.0, about="Ray origins")
        d.input("ray_dirs", "vec3", n, -1.0, 1.0, "unit", about="Ray directions, normalized")
        d.input("throughput", "vec3", n, 0.6, 1.0, about="Path throughput")
        d.mask("active", "int", n, about="0 for terminated paths")
        d.inout("radiance", "vec3", n, 0.0, 0.5, about="Accumulated radiance, updated in place")
        d.output("next_origins", "vec3", n, about="Origins of surviving paths")
        d.output("next_dirs", "vec3", n, about="Directions of surviving paths")
        d.output("next_throughput", "vec3", n, about="Throughput of surviving paths")
        d.output("next_active", "int", n, about="0 for terminated paths")
    names = {
        s: (s if place == "same" else f"next_{s.removeprefix('ray_')}")
        for s in ("ray_origins", "ray_dirs", "throughput", "active")
    }
    d.module("RAY_EPSILON = wp.constant(1.0e-3)")
    d.module("MATERIAL_MIRROR = wp.constant(1)")
    if glass:
        d.module("MATERIAL_GLASS = wp.constant(2)")
    d.function(HIT)
    d.function(FRAME)
    if glass:
        d.function(GLASS)
    lit, reach = LIGHTS[light]
    d.launch(n)
    d.code(
        """
        ray = wp.tid()
        # Skip terminated paths
        if active[ray] == 0:
            $skipped
            return

        origin = ray_origins[ray]
        ray_dir = ray_dirs[ray]
        beta = throughput[ray]
        hit_index = closest_hit(scene, origin, ray_dir)
        if hit_index < 0:
            $miss
            return

        # $again
        hit_t = intersect_sphere(origin, ray_dir, scene.centers[hit_index], scene.radii[hit_index])
        position = origin + hit_t * ray_dir
        hit_normal = (position - scene.centers[hit_index]) / scene.radii[hit_index]
        $facing
        material = materials[scene.material_ids[hit_index]]
        gathered = wp.cw_mul(beta, material.emission)

        if material.kind == MATERIAL_MIRROR:
            scattered = ray_dir - 2.0 * wp.dot(ray_dir, hit_normal) * hit_normal
            beta = wp.cw_mul(beta, material.albedo)
        $glass
        else:
            # Next-event estimation: connect the hit to the light
            $light
            cos_light = wp.dot(hit_normal, light_dir)
            if cos_light > 0.0:
                # Offset along the normal to avoid self-intersection
                shadow_origin = position + RAY_EPSILON * hit_normal
                if not is_occluded(scene, shadow_origin, light_dir, $reach):
                    brdf = material.albedo / wp.pi
                    gathered += cos_light * wp.cw_mul(beta, wp.cw_mul(brdf, $light_value))

            $scatter
        radiance[ray] += gathered
        $survive
        $origins[ray] = position + RAY_EPSILON * scattered
        $dirs[ray] = wp.normalize(scattered)
        $weights[ray] = beta
        $flags
        """,
        skipped="" if place == "same" else "next_active[ray] = 0",
        again="Recompute the hit distance, since the query only returns the sphere index"
        if place == "same"
        else "Intersect again, since the closest-hit query is not differentiable",
        miss="""
            $escape
            $ended
            """,
        escape={
            "gradient": """
                # Ray escaped: blend vertically between white and the sky color
                blend = 0.5 * (ray_dir[1] + 1.0)
                sky_radiance = (1.0 - blend) * wp.vec3(1.0) + blend * sky_color
                radiance[ray] += wp.cw_mul(beta, sky_radiance)
                """,
            "constant": "# Ray escaped to the environment\nradiance[ray] += wp.cw_mul(beta, sky_color)",
            "none": "# Ray escaped, no emission outside the scene",
        }[sky],
        ended="active[ray] = 0" if place == "same" else "next_active[ray] = 0",
        glass="""
            elif material.kind == MATERIAL_GLASS:
                scattered = sample_dielectric(ray_dir, hit_normal, entering, material.ior, uniforms[ray, $reflect])
            """
        if glass
        else "",
        facing=f"{'entering = wp.dot(ray_dir, hit_normal) < 0.0' if glass else ''}\nif "
        f"{'not entering' if glass else 'wp.dot(ray_dir, hit_normal) > 0.0'}:\n    hit_normal = -hit_normal",
        light=lit,
        light_value="sun_irradiance" if light == "directional" else "light_value",
        reach=reach,
        scatter={
            "cosine": """
                # Cosine-weighted scattering: pdf and cosine cancel, the weight is the albedo
                r = wp.sqrt(uniforms[ray, 0])
                phi = 2.0 * wp.pi * uniforms[ray, 1]
                local_dir = wp.vec3(r * wp.cos(phi), r * wp.sin(phi), wp.sqrt(1.0 - uniforms[ray, 0]))
                beta = wp.cw_mul(beta, material.albedo)
                """,
            "uniform": """
                # Uniform hemisphere: weight = albedo / pi * cos / (1 / (2 * pi))
                cos_theta = uniforms[ray, 0]
                sin_theta = wp.sqrt(1.0 - cos_theta * cos_theta)
                phi = 2.0 * wp.pi * uniforms[ray, 1]
                local_dir = wp.vec3(sin_theta * wp.cos(phi), sin_theta * wp.sin(phi), cos_theta)
                beta = 2.0 * cos_theta * wp.cw_mul(beta, material.albedo)
                """,
        }[sampling]
        + "scattered = to_world(local_dir, hit_normal)",
        survive="""
            # Russian roulette on the brightest channel
            survival = wp.clamp(wp.max(beta[0], wp.max(beta[1], beta[2])), 0.05, 0.95)
            if uniforms[ray, $last] >= survival:
                $ended
                return
            beta = beta / survival
            """
        if roulette
        else "",
        reflect=str(column["reflect"]),
        last=str(column["survive"]),
        origins=names["ray_origins"],
        dirs=names["ray_dirs"],
        weights=names["throughput"],
        flags="" if place == "same" else "next_active[ray] = 1",
    )
    d.explain(
        """
        Paths that escape the scene$roulette are deactivated. Direct lighting uses one light sample and
        a shadow ray per hit. Specular surfaces only continue the path.
    """.replace("$roulette", " or lose Russian roulette" if roulette else "")
    )

    def agrees(v: Values, after: Values) -> None:
        expected = bounced(v, light, sampling, roulette, sky, glass)
        for name in ("ray_origins", "ray_dirs", "throughput"):
            made = expected[name]
            if place == "next":
                made = np.where(expected["passed"][:, None], made, 0.0)
            else:
                made = np.where(expected["passed"][:, None], made, v[name])
            mostly_close(after[names[name]], made, 2e-3, 0.95)
        mostly_close(after.radiance, expected["radiance"], 2e-3, 0.95)
        was = np.asarray(v.active)
        flags = np.where(expected["passed"], was if place == "same" else 1, 0)
        assert np.mean(after[names["active"]] == flags) > 0.95

    d.holds(agrees)
