"""Surfaces: what they reflect of the light that falls on them."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rendering import DOMAIN
from warpgen.synthesis.library import brdf, warping
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.naming import renamed

_NAMES = {
    "normals": "shading_normals|ns|normal_in",
    "n": "nrm|normal|N",
    "radiance": "color_out|shaded|L_out",
    "roughness": "rough|surface_roughness",
    "albedo": "base_color|diffuse_color|rho",
}

_MODELS = {
    "phong": "the Phong model",
    "blinn_phong": "the Blinn-Phong model",
    "oren_nayar": "the Oren-Nayar model",
    "cook_torrance": "the Cook-Torrance model",
    "disney_diffuse": "the Burley diffuse model",
}


def unit(v: Any) -> Any:
    """Vectors of length one."""
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


@DOMAIN.algorithm(
    source="Cook & Torrance 1982; Walter et al. 2007; Oren & Nayar 1994; Burley 2012",
    names=_NAMES | {"shade_points": "shading|direct_lighting|evaluate_material|shade_surface"},
    double=True,
    weight=3,
)
def shade_points(d: Draft) -> None:
    """Shades surface points with a reflectance model and a light source."""
    model = d.option("model", *brdf.BRDFS)
    light = d.option("light", "directional", "point", "spot", "several")
    colour = d.option("colour", "none", "albedo", "both lobes")
    rough = d.option("roughness", "one", "per point")
    early = d.flag("early")
    if colour != "none":
        # a diffuse model has the albedo as a factor, a lobe of gloss lies above a diffuse one
        colour = "albedo" if model in (brdf.OREN_NAYAR, brdf.DISNEY_DIFFUSE) else "both lobes"
    n = d.pick(48, 64, 96)
    d.input("positions", "vec3", n, -1.0, 1.0, about="Surface positions")
    d.input("normals", "vec3", n, -0.3, 1.0, about="Surface normals, not necessarily normalized")
    d.param("eye", "vec3", 2.0, 3.0, about="Camera position")
    lights = d.pick(3, 4)
    to_light, falloff = "delta = light_pos - p\nl = wp.normalize(delta)", "intensity / wp.length_sq(delta)"
    if light == "directional":
        d.param("sun", "vec3", 0.2, 0.9, about="Direction toward the sun")
        to_light, falloff = "l = wp.normalize(sun)", ""
    elif light == "several":
        d.input("lights", "vec3", lights, 1.5, 3.0, about="Light positions")
        d.input("intensity", "float", lights, 5.0, 10.0, about="Light radiant intensities")
        to_light = to_light.replace("light_pos", "lights[k]")
        falloff = falloff.replace("intensity", "intensity[k]")
    else:
        aims = ", aimed at the origin" if light == "spot" else ""
        d.param("light_pos", "vec3", 1.5, 3.0, about=f"Light position{aims}")
        d.param("intensity", "float", 5.0, 20.0, about="Light radiant intensity")
        if light == "spot":
            d.param("cos_inner", "float", 0.9, 0.95, about="Cosine of the inner cone angle")
            d.param("cos_outer", "float", 0.7, 0.8, about="Cosine of the outer cone angle")
            to_light += (
                "\n# spotlight aimed at the origin, with smooth falloff between the cone angles\n"
                "cone = wp.smoothstep(cos_outer, cos_inner, wp.dot(l, wp.normalize(light_pos)))"
            )
            falloff = "cone * " + falloff
    measure = "Microfacet slope standard deviation" if model is brdf.OREN_NAYAR else "Surface roughness"
    if rough == "one":
        d.param("roughness", "float", 0.3, 0.9, about=measure)
        r = "roughness"
    else:
        d.input("roughness", "float", n, 0.3, 0.9, about=measure)
        r = "roughness[tid]"
    if colour != "none":
        d.input("albedo", "vec3", n, 0.1, 0.9, about="Surface albedo")
    d.output(
        "radiance", "float" if colour == "none" else "vec3", n, about="Reflected radiance toward the camera"
    )
    zero = "0.0" if colour == "none" else "wp.vec3()"
    f = f"{d.use(model)}(n, v, l, {r})"
    if colour == "albedo":
        f = f"{f} * albedo[tid]"
    elif colour == "both lobes":
        f = f"(albedo[tid] / wp.pi + wp.vec3({f}))"
    cosine = "cos_light" if early else "wp.max(wp.dot(n, l), 0.0)"
    weight = f"{cosine}{' * ' + falloff if falloff else ''}"
    leave = "continue" if light == "several" else f"radiance[tid] = {zero}\n    return"
    behind = f"cos_light = wp.dot(n, l)\n# light is behind the surface\nif cos_light <= 0.0:\n    {leave}"
    sums = """
        reflected = $start
        for k in range(lights.shape[0]):
            $to_light
            $skip
            reflected += $weight * $f
        radiance[tid] = reflected
        """
    d.launch(n)
    d.code(
        "tid = wp.tid()\np = positions[tid]\nn = wp.normalize(normals[tid])\nv = wp.normalize(eye - p)\n$shade",
        shade=sums if light == "several" else "$to_light\n$skip\nradiance[tid] = $weight * $f",
        start="float(0.0)" if colour == "none" else "wp.vec3()",
        to_light=to_light,
        skip=behind if early else "",
        weight=weight,
        f=f,
    )
    viewed, lit = d.pick(("v", "l"), ("wo", "wi"), ("to_eye", "to_light"), ("V", "L"))
    d.text = renamed(d.text, {"v": viewed, "l": lit})
    lamp = {
        "directional": "a sun of unit irradiance",
        "point": "a point light",
        "spot": "a spotlight",
        "several": "several point lights",
    }[light]
    d.says(f"Shades surface points lit by {lamp} using {_MODELS[model.name]}.")
    lobes = (
        " The specular lobe is added to the Lambertian term albedo / pi." if colour == "both lobes" else ""
    )
    strength = "the sun has unit irradiance" if light == "directional" else "E follows the inverse-square law"
    d.explain(f"""
        L_o = f({viewed}, {lit}) E max(n . {lit}, 0); {strength}. Directions are normalized and point
        away from the surface.{lobes}
    """)

    def reference(v: Values) -> dict[str, Any]:
        p, nrm = v.positions, unit(v.normals)
        made: Any = 0.0
        for k in range(lights if light == "several" else 1):
            if light == "directional":
                way, e = np.broadcast_to(unit(np.asarray(v.sun)), p.shape), np.ones(n)
            else:
                delta = (v.lights[k] if light == "several" else np.asarray(v.light_pos)) - p
                power = v.intensity[k] if light == "several" else v.intensity
                way, e = unit(delta), power / (delta**2).sum(-1)
            if light == "spot":
                t = np.clip(
                    (way @ unit(np.asarray(v.light_pos)) - v.cos_outer) / (v.cos_inner - v.cos_outer), 0, 1
                )
                e = e * t * t * (3.0 - 2.0 * t)
            f = model(nrm, unit(np.asarray(v.eye) - p), way, np.broadcast_to(v.roughness, n))
            cos = np.maximum((nrm * way).sum(-1), 0.0)
            if colour == "albedo":
                f = f[:, None] * v.albedo
            elif colour == "both lobes":
                f = v.albedo / np.pi + f[:, None]
            made = made + (f * (cos * e)[:, None] if colour != "none" else f * cos * e)
        return {"radiance": np.where(np.isfinite(made), made, 0.0)}

    # behind the horizon the two forms of a lobe part, but the cosine is zero there
    def agrees(before: Values, after: Values) -> None:
        p, nrm = before.positions, unit(before.normals)
        faces = (nrm * unit(np.asarray(before.eye) - p)).sum(-1) > 0.05
        expected = reference(before)["radiance"][faces]
        scale = np.abs(expected).max() + 1e-9
        np.testing.assert_allclose(after.radiance[faces], expected, rtol=5e-3, atol=2e-3 * scale)

    d.holds(agrees)


@DOMAIN.algorithm(
    source="Schlick 1994; Fresnel 1823; Lazanyi & Szirmay-Kalos 2005 for conductors",
    names=_NAMES
    | {"fresnel_terms": "fresnel_reflectance|fresnel|reflectance_kernel", "cosines": "cos_theta|mu|cos_i"},
    double=True,
    half=True,
    element="hit",
)
def fresnel_terms(d: Draft) -> None:
    """Evaluates Fresnel reflectance."""
    form = d.option("form", "schlick", "dielectric", "conductor", "schlick of ior")
    angle = d.option("angle", "cosine", "vectors", "half vector")
    result = d.option("result", "reflected", "transmitted", "split")
    rest = "absorbed" if form == "conductor" else "transmitted"
    d.calls({
        "reflected": "fresnel_reflectance|fresnel|reflectance_kernel",
        "transmitted": "fresnel_transmittance|transmittance_kernel" if rest == "transmitted" else "metal_absorptance|fresnel_absorptance",
        "split": "split_light|fresnel_split" + ("|reflect_and_transmit" if rest == "transmitted" else "|reflect_and_absorb"),
    }[result])  # fmt: skip
    spread = d.option("index", "one", "per point")
    n = d.pick(64, 96, 128)
    if angle == "cosine":
        d.input("cosines", "float", n, 0.05, 0.98, about="Cosine of the incidence angle")
        cos = "c = cosines[tid]"
    elif angle == "vectors":
        d.input("view", "vec3", n, kind="unit", about="View direction, toward the viewer")
        d.input("normals", "vec3", n, kind="unit", about="Unit surface normals")
        cos = "# abs() for two-sided surfaces\nc = wp.abs(wp.dot(view[tid], normals[tid]))"
    else:
        d.input("view", "vec3", n, -0.3, 1.0, about="Direction toward the viewer, not normalized")
        d.input("light", "vec3", n, -0.3, 1.0, about="Direction toward the light, not normalized")
        cos = "v = wp.normalize(view[tid])\nh = wp.normalize(v + wp.normalize(light[tid]))\nc = wp.dot(v, h)"
    ranges = {
        "schlick": (("f0", 0.02, 0.2, "Reflectance at normal incidence"),),
        "dielectric": (("ior", 0.5, 1.8, "Relative index of refraction (transmitted / incident)"),),
        "schlick of ior": (("ior", 1.3, 2.0, "Index of refraction"),),
        "conductor": (
            ("ior", 0.3, 1.5, "Refractive index, real part (eta)"),
            ("k", 2.0, 4.0, "Refractive index, imaginary part (kappa)"),
        ),
    }[form]
    arguments = []
    for name, low, high, about in ranges:
        if spread == "one":
            d.param(name, "float", low, high, about=about)
            arguments.append(name)
        else:
            d.input(name, "float", n, low, high, about=about)
            arguments.append(f"{name}[tid]")
    piece = {"dielectric": brdf.FRESNEL_DIELECTRIC, "conductor": brdf.FRESNEL_CONDUCTOR}.get(
        form, brdf.FRESNEL_SCHLICK
    )
    name = d.use(piece)
    lines = ""
    if form == "schlick of ior":
        lines = f"ratio = ({arguments[0]} - 1.0) / ({arguments[0]} + 1.0)"
        arguments = ["ratio * ratio"]
    value = f"{name}(c, {', '.join(arguments)})"
    matter, surfaces = {
        "schlick": ("", "surfaces, using Schlick's approximation"),
        "schlick of ior": ("", "surfaces, using Schlick's approximation with indices of refraction"),
        "dielectric": (" of dielectrics", "dielectrics"),
        "conductor": (" of metals", "metals"),
    }[form]
    matter = matter or surfaces.removeprefix("surfaces,")
    on, by = surfaces.split(",")[0], surfaces.removeprefix("surfaces") if "," in surfaces else ""
    outs = {"reflected": ("reflected",), "transmitted": (rest,), "split": ("reflected", rest)}[result]
    for out in outs:
        d.output(out, "float", n, about=f"Fraction of light {out}")
    d.says(
        {
            "reflected": f"Computes the Fresnel reflectance{matter}.",
            "transmitted": f"Computes the {rest} fraction of light incident on {surfaces}.",
            "split": f"Splits light incident on {on} into reflected and {rest} fractions{by}.",
        }[result]
    )
    store = {
        "reflected": f"reflected[tid] = {value}",
        "transmitted": f"{rest}[tid] = 1.0 - {value}",
        "split": f"F = {value}\nreflected[tid] = F\n{rest}[tid] = 1.0 - F",
    }[result]
    if form == "dielectric":
        d.explain("Total internal reflection occurs for a relative index below one.")
    elif form != "conductor":
        d.explain("The relative index is above one, so there is no total internal reflection.")
    d.launch(n)
    d.code("tid = wp.tid()\n$cos\n$lines\n$store", cos=cos, lines=lines, store=store)

    def reference(v: Values) -> dict[str, Any]:
        if angle == "cosine":
            c = v.cosines
        elif angle == "vectors":
            c = np.abs((v["view"] * v.normals).sum(-1))
        else:
            w = unit(v["view"])
            c = (w * unit(w + unit(v.light))).sum(-1)
        values = [np.asarray(v[key]) for key, *_ in ranges]
        if form == "schlick of ior":
            values = [((values[0] - 1.0) / (values[0] + 1.0)) ** 2]
        f = piece(c, *values)
        return {out: f if out == "reflected" else 1.0 - f for out in outs}

    d.check(reference, 2e-3)


@DOMAIN.algorithm(
    source="Pharr, Jakob & Humphreys 2016, ch. 13; Shirley & Chiu 1997; Walter et al. 2007",
    names={
        "sample_directions": "sample_hemisphere|importance_sample|generate_directions",
        "normals": "shading_normals|surface_normals",
        "uv": "samples|xi|random_pairs",
        "directions": "dirs|sampled_dirs",
        "half_vectors": "micro_normals|facet_normals",
    },
    weight=2,
)
def sample_directions(d: Draft) -> None:
    """Maps uniform random samples to directions around surface normals."""
    kind = d.option("distribution", "cosine", "uniform", "sphere", "ggx", "concentric")
    d.calls({
        "cosine": "sample_hemisphere|cosine_sample_hemisphere|sample_cosine",
        "uniform": "sample_hemisphere|uniform_sample_hemisphere|sample_uniform",
        "sphere": "sample_sphere|uniform_sample_sphere|random_directions",
        "ggx": "sample_ggx|sample_microfacets|importance_sample",
        "concentric": "sample_hemisphere|cosine_sample_hemisphere|sample_concentric",
    }[kind])  # fmt: skip
    numbers = d.option("numbers", "pairs", "two arrays", "generator")
    pdf = d.flag("pdf") and kind not in ("uniform", "sphere")  # there it is one number
    world = d.flag("world", 0.6) and kind != "sphere"
    made = "half_vectors" if kind == "ggx" else "directions"
    n = d.pick(64, 96, 128)
    if numbers == "pairs":
        d.input("uv", "vec2", n, 0.02, 0.98, about="Uniform random samples in [0, 1)")
        head = "tid = wp.tid()\nu = uv[tid][0]\nv = uv[tid][1]"
    elif numbers == "two arrays":
        d.input("u1", "float", n, 0.02, 0.98, about="First uniform random sample")
        d.input("u2", "float", n, 0.02, 0.98, about="Second uniform random sample")
        head = "tid = wp.tid()\nu = u1[tid]\nv = u2[tid]"
    else:
        d.param("seed", "int", 1, 1000, about="Random seed")
        head = "tid = wp.tid()\nstate = wp.rand_init(seed, tid)\nu = wp.randf(state)\nv = wp.randf(state)"
    if world:
        d.input("normals", "vec3", n, kind="unit", about="Unit surface normals")
    if kind == "ggx":
        d.param("alpha", "float", 0.2, 0.7, about="GGX roughness (alpha)")
    d.output(made, "vec3", n, about="Sampled microfacet normals" if kind == "ggx" else "Sampled directions")
    if pdf:
        sampled = "normals" if kind == "ggx" else "directions"
        d.output("pdf", "float", n, about=f"PDF of the sampled {sampled} [1/sr]")
    piece = {
        "cosine": warping.COSINE,
        "uniform": warping.UNIFORM_HEMISPHERE,
        "sphere": warping.UNIFORM_SPHERE,
        "ggx": warping.GGX_HALF,
        "concentric": warping.CONCENTRIC,
    }[kind]
    extra = ", alpha" if kind == "ggx" else ""
    call = f"{d.use(piece)}(u, v{extra})"
    if kind == "concentric":
        local = f"""
            disk = {call}
            local = wp.vec3(disk[0], disk[1], wp.sqrt(wp.max(1.0 - wp.dot(disk, disk), 0.0)))
            """
    else:
        local = f"local = {call}"
    if kind == "ggx" and pdf:
        d.use(brdf.GGX)
    density = {
        "cosine": "local[2] / wp.pi",
        "concentric": "local[2] / wp.pi",
        "ggx": "ggx_distribution(local[2], alpha) * local[2]",
    }.get(kind, "")
    d.says(
        {
            "cosine": "Samples cosine-weighted hemisphere directions.",
            "concentric": "Samples cosine-weighted directions using the concentric disk mapping.",
            "uniform": "Samples directions uniformly over the hemisphere.",
            "sphere": "Samples directions uniformly over the sphere.",
            "ggx": "Samples microfacet normals from the GGX distribution.",
        }[kind]
    )
    d.launch(n)
    d.code(
        f"$head\n$local\n{made}[tid] = $way\n$pdf",
        head=head,
        local=local,
        way=f"{d.use(warping.ONB)}(normals[tid], local)" if world else "local",
        pdf=f"pdf[tid] = {density}" if pdf else "",
    )

    def expected(u: Any, v: Any, before: Values) -> dict[str, Any]:
        w = piece(u, v, *([before.alpha] if kind == "ggx" else []))
        if kind == "concentric":
            w = np.column_stack([w, np.sqrt(np.maximum(1.0 - (w * w).sum(1), 0.0))])
        value = brdf.GGX(w[:, 2], before.alpha) * w[:, 2] if kind == "ggx" else w[:, 2] / np.pi
        found = {made: warping.frame(before.normals, w) if world else w}
        return found | ({"pdf": value} if pdf else {})

    if numbers == "generator":

        def spread(before: Values, after: Values) -> None:
            w = after[made]
            np.testing.assert_allclose(np.linalg.norm(w, axis=1), 1.0, atol=1e-3)
            height = (w * before.normals).sum(1) if world else w[:, 2]
            mean = {"sphere": 0.0, "uniform": 0.5, "ggx": 0.85}.get(kind, 2.0 / 3.0)
            # five standard errors
            assert abs(height.mean() - mean) < (0.2 if kind == "ggx" else 3.0 / np.sqrt(n))
            if kind != "sphere":
                assert height.min() > -1e-3
            if pdf and kind != "ggx":
                np.testing.assert_allclose(after.pdf, height / np.pi, atol=1e-3)
            elif pdf:
                np.testing.assert_allclose(after.pdf, brdf.GGX(height, before.alpha) * height, rtol=1e-2)

        d.holds(spread)
    else:
        d.check(
            lambda v: expected(*((v.uv[:, 0], v.uv[:, 1]) if numbers == "pairs" else (v.u1, v.u2)), v), 2e-3
        )
