"""The principled material of film production."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rendering import DOMAIN
from warpgen.synthesis.algorithms.rendering._lobes import FACETS, LOBES
from warpgen.synthesis.algorithms.rendering.cameras import turned
from warpgen.synthesis.algorithms.rendering.materials import unit
from warpgen.synthesis.writing.draft import Draft, Values, dedented
from warpgen.synthesis.writing.naming import renamed
from warpgen.synthesis.writing.trim import trim


@DOMAIN.algorithm(
    source="Burley 2012, Physically based shading at Disney, sec. 5; Heitz 2014; Karis 2013; Schlick 1994",
    names={
        "principled_shading": "disney_brdf|principled_bsdf|eval_principled|shade_principled",
        "base": "base_rgb|surface_color",
        "half": "h|halfway|micro_normal",
        "display": "shown|srgb_out",
        "radiance": "shaded|reflected",
        "f": "brdf|bsdf_value|lobes",
    },
    double=True,
    weight=9,
)
def principled_shading(d: Draft) -> None:
    """Shades surface points with the Disney principled BRDF."""
    layers = [name for name in ("sheen", "clearcoat") if d.flag(name, 0.5)]
    diffuse = d.option("diffuse", "diffuse", "flat")
    anisotropic = d.flag("anisotropic", 0.45)
    masking = d.option("masking", "smith", "correlated", "kelemen")
    light = d.option("light", "directional", "point", "spot")
    frame = d.option("frame", "normals", "quaternions")
    result = d.option("result", "radiance", "display", "density", weights=(0.5, 0.25, 0.25))
    if result == "density":
        d.calls("principled_pdf|disney_pdf|principled_density")
    if anisotropic:
        frame = "quaternions"  # the highlight is stretched along the tangent, which normals leave open
    share = d.option("parameters", "uniform", "per point")
    shown = "radiance" if result == "radiance" else "display"
    n = d.pick(48, 64, 96)
    each = share == "per point"

    def material(name: str, low: float, high: float, about: str) -> str:
        if each:
            d.input(name, "float", n, low, high, about=about)
            return f"{name}[i]"
        d.param(name, "float", low, high, about=about)
        return name

    if frame == "normals":
        d.input("normals", "vec3", n, -0.2, 1.0, about="Surface normals, not necessarily normalized")
    else:
        d.input(
            "frames",
            "quat",
            n,
            kind="unit",
            about="Tangent-to-world rotations (x is the tangent, z the normal)",
        )
    d.input("views", "vec3", n, -0.2, 1.0, about="View directions, not necessarily normalized")
    if light == "directional":
        d.param("sun", "vec3", 0.2, 0.9, about="Direction toward the sun, not necessarily normalized")
    else:
        d.input("positions", "vec3", n, -1.0, 1.0, about="Surface positions [m]")
        d.param(
            "lamp",
            "vec3",
            2.0,
            3.0,
            about=f"Light position{', aimed at the origin' * (light == 'spot')} [m]",
        )
    d.input("base_color", "vec3", n, 0.1, 0.9, about="Linear base color")
    rough = material("roughness", 0.0 if anisotropic and each else 0.3, 0.9, "Perceptual roughness")
    metal = material("metallic", 0.0, 1.0, "Metallic parameter in [0, 1]")
    names = {"rough": rough, "metal": metal}
    if "sheen" in layers:
        names |= {
            "sheen": material("sheen_weight", 0.2, 1.0, "Sheen weight"),
            "sheen_tint": material("tint", 0.0, 1.0, "Sheen tint toward the base color"),
        }
    if "clearcoat" in layers:
        names |= {
            "clearcoat": material("coat_weight", 0.2, 1.0, "Clearcoat weight"),
            "gloss": material("coat_gloss", 0.2, 0.8, "Clearcoat gloss"),
        }
    if anisotropic:
        names["stretch"] = material("anisotropy", 0.1, 0.8, "Anisotropy")
    if light == "directional":
        d.param("irradiance", "vec3", 1.0, 4.0, about="Sun irradiance at normal incidence")
    else:
        d.param("intensity", "vec3", 8.0, 30.0, about="Light radiant intensity")
    if light == "spot":
        d.param("cone_inner", "float", 0.05, 0.15, about="Inner cone angle [rad]")
        d.param("cone_outer", "float", 0.25, 0.4, about="Outer cone angle [rad]")
    if result == "density":
        d.output("densities", "float", n, about="PDF of sampling the light direction [1/sr]")
        d.says("Computes the principled BRDF sampling PDF for light directions.")
    else:
        d.output(
            shown, "vec3", n, about="Reflected radiance" if result == "radiance" else "sRGB display color"
        )
        if result == "display":
            d.says("Shades surface points using the Disney principled BRDF and tone maps to sRGB.")
        if masking == "kelemen":
            d.explain("Specular visibility uses the roughness-independent Kelemen-Szirmay-Kalos term.")
    if result != "density":
        d.function('''
            @wp.func
            def schlick_weight(cosine: float) -> float:
                """Schlick Fresnel weight (1 - cos)^5."""
                m = 1.0 - cosine
                return m * m * m * m * m
        ''')
    if "clearcoat" in layers and result != "density":
        d.function('''
            @wp.func
            def smith_masking(cosine: float, alpha_sq: float) -> float:
                """Smith GGX masking G1 for one direction, divided by 2 cos."""
                return 1.0 / (cosine + wp.sqrt(alpha_sq + cosine * cosine * (1.0 - alpha_sq)))
        ''')
    start = {
        "normals": "n = wp.normalize(normals[i])",
        "quaternions": """
            tangent = wp.quat_rotate(frames[i], wp.vec3(1.0, 0.0, 0.0))
            n = wp.quat_rotate(frames[i], wp.vec3(0.0, 0.0, 1.0))
            bitangent = wp.cross(n, tangent)
        """,
    }[frame]
    lamp = {
        "directional": "to_light = wp.normalize(sun)",
        "point": """
            gap = lamp - positions[i]
            distance_sq = wp.length_sq(gap)
            to_light = gap / wp.sqrt(distance_sq)
            irradiance = intensity / distance_sq
        """,
        "spot": """
            gap = lamp - positions[i]
            distance_sq = wp.length_sq(gap)
            to_light = gap / wp.sqrt(distance_sq)
            # Spotlight aimed at the origin, with falloff between the inner and outer cone angles
            off_axis = wp.acos(wp.clamp(wp.dot(wp.normalize(lamp), to_light), -1.0, 1.0))
            fade = 1.0 - wp.smoothstep(cone_inner, cone_outer, off_axis)
            irradiance = fade * intensity / distance_sq
        """,
    }[light]
    if anisotropic:
        slant = """
            lx = ax * wp.dot(to_light, tangent)
            ly = ay * wp.dot(to_light, bitangent)
            vx = ax * wp.dot(to_eye, tangent)
            vy = ay * wp.dot(to_eye, bitangent)
        """
        root_l = "wp.sqrt(lx * lx + ly * ly + n_dot_l * n_dot_l)"
        root_v = "wp.sqrt(vx * vx + vy * vy + n_dot_v * n_dot_v)"
    else:
        slant = ""
        root_l = "wp.sqrt(alpha_sq + n_dot_l * n_dot_l * (1.0 - alpha_sq))"
        root_v = "wp.sqrt(alpha_sq + n_dot_v * n_dot_v * (1.0 - alpha_sq))"
    if masking == "kelemen":
        slant = ""
    visible = {
        "smith": f"""
            # Separable masking-shadowing, including the 4 cos cos denominator
            seen_l = n_dot_l + {root_l}
            seen_v = n_dot_v + {root_v}
            visible = 1.0 / (seen_l * seen_v)
        """
        if anisotropic or "clearcoat" not in layers or result == "density"
        else """
            # Separable masking-shadowing, including the 4 cos cos denominator
            visible = smith_masking(n_dot_l, alpha_sq) * smith_masking(n_dot_v, alpha_sq)
        """,
        "correlated": f"""
            # Height-correlated Smith masking-shadowing (Heitz)
            lambda_v = n_dot_l * {root_v}
            lambda_l = n_dot_v * {root_l}
            visible = 0.5 / (lambda_v + lambda_l)
        """,
        "kelemen": "visible = 0.25 / (v_dot_h * v_dot_h)",
    }[masking]
    density = """
        # Mixture PDF: half cosine-weighted, half microfacet samples
        cosine_density = n_dot_l / wp.pi
        facet_density = facets * n_dot_h / (4.0 * v_dot_h)
        densities[i] = 0.5 * (cosine_density + facet_density)
    """
    whole = """
        # --- Specular: F0 is tinted by the base color for metals ---
        specular_color = wp.lerp(wp.vec3(0.04, 0.04, 0.04), base, metal)
        fresnel = wp.lerp(specular_color, wp.vec3(1.0, 1.0, 1.0), schlick_weight(v_dot_h))
        f = facets * visible * fresnel
        fresnel_l = schlick_weight(n_dot_l)
        fresnel_v = schlick_weight(n_dot_v)
        $diffuse
        $layers
        $store
    """
    store = {
        "radiance": "radiance[i] = n_dot_l * wp.cw_mul(f, irradiance)",
        "display": """
            linear = n_dot_l * wp.cw_mul(f, irradiance)
            # Reinhard tone mapping on luminance, followed by sRGB encoding
            bright = wp.dot(linear, wp.vec3(0.2126, 0.7152, 0.0722))
            # Clamp, since saturated colors may still exceed one
            mapped = wp.min(linear / (1.0 + bright), wp.vec3(1.0, 1.0, 1.0))
            red = srgb_encode(mapped[0])
            green = srgb_encode(mapped[1])
            blue = srgb_encode(mapped[2])
            display[i] = wp.vec3(red, green, blue)
        """,
        "density": "",
    }[result]
    if result == "display":
        d.function('''
            @wp.func
            def srgb_encode(x: float) -> float:
                """sRGB transfer function (IEC 61966-2-1)."""
                if x <= 0.0031308:
                    return 12.92 * x
                return 1.055 * wp.pow(x, 1.0 / 2.4) - 0.055
        ''')
    body = dedented(density) if result == "density" else dedented(whole)
    d.launch(n)
    d.code(
        """
        i = wp.tid()
        $start
        to_eye = wp.normalize(views[i])
        $lamp
        n_dot_l = wp.dot(n, to_light)
        n_dot_v = wp.dot(n, to_eye)
        # Skip when the light or viewer is below the surface
        if n_dot_l <= 0.0 or n_dot_v <= 0.0:
            $dark
            return

        base = base_color[i]
        $rough
        $metal
        half = wp.normalize(to_light + to_eye)
        n_dot_h = wp.dot(n, half)
        v_dot_h = wp.max(wp.dot(to_eye, half), 1.0e-3)
        # --- Microfacet distribution (GTR2) ---
        $shape
        $slant
        $visible
        $body
        """,
        dark="densities[i] = 0.0" if result == "density" else f"{shown}[i] = wp.vec3(0.0, 0.0, 0.0)",
        start=dedented(start),
        lamp=dedented(lamp),
        rough="rough = roughness[i]" if each else "",
        metal="metal = metallic[i]" if each else "",
        shape=dedented(FACETS[anisotropic]).replace("$stretch", names.get("stretch", "")),
        slant=dedented(slant),
        visible=dedented(visible),
        body=body,
        diffuse=dedented(LOBES[diffuse]),
        layers="\n".join(
            dedented(LOBES[k])
            .replace("sheen *", f"{names.get('sheen', '')} *")
            .replace(", sheen_tint", f", {names.get('sheen_tint', '')}")
            .replace("clearcoat *", f"{names.get('clearcoat', '')} *")
            .replace(", gloss)", f", {names.get('gloss', '')})")
            for k in layers
        ),
        store=dedented(store),
    )
    if not each:
        d.text = re.sub(r"\brough\b", "roughness", d.text)
        d.text = re.sub(r"\bmetal\b", "metallic", d.text)
    light_way, eye_way = d.pick(("to_light", "to_eye"), ("wi", "wo"), ("light_dir", "view_dir"))
    d.text = renamed(d.text, {"to_light": light_way, "to_eye": eye_way})
    trim(d)
    lobes = "diffuse + D V F" + "".join(
        f" + {name}" for key, name in (("sheen", "sheen"), ("clearcoat", "clear coat")) if key in layers
    )
    formula = (
        "p = (cos / pi + D (n.h) / (4 v.h)) / 2, a 50/50 mixture of cosine-weighted and microfacet sampling."
        if result == "density"
        else f"f = {lobes}, times the cosine and the incident light."
    )
    d.explain(f"""
        {formula}
        Uses alpha = roughness^2 for perceptually linear roughness.
    """)

    def reference(v: Values) -> dict[str, Any]:
        if frame == "normals":
            nn = unit(v.normals)
            x = np.zeros_like(nn)
        else:
            x, nn = turned(v.frames, np.array([1.0, 0, 0])), turned(v.frames, np.array([0, 0, 1.0]))
        y = np.cross(nn, x)
        eye = v.views / np.linalg.norm(v.views, axis=1, keepdims=True)
        gap = np.broadcast_to(v.sun, nn.shape) if light == "directional" else np.asarray(v.lamp) - v.positions
        wi, far = unit(gap), 1.0 if light == "directional" else (gap**2).sum(1, keepdims=True)
        h = unit(wi + eye)
        nl, nv = _dot(nn, wi), _dot(nn, eye)
        lit = (nl > 0) & (nv > 0)
        nl, nv = np.maximum(nl, 1e-6), np.maximum(nv, 1e-6)
        nh, vh = np.clip(_dot(nn, h), 0, 1), np.clip(_dot(eye, h), 1e-3, 1)

        def of(name: str) -> Any:
            return np.reshape(v[name], (-1, 1))

        r, a2 = of("roughness"), of("roughness") ** 4
        if anisotropic:
            k = np.sqrt(1 - 0.9 * of("anisotropy"))
            ax, ay = np.maximum(r * r / k, 1e-3), np.maximum(r * r * k, 1e-3)
            facets = 1 / (np.pi * ax * ay * ((_dot(h, x) / ax) ** 2 + (_dot(h, y) / ay) ** 2 + nh**2) ** 2)
        else:
            facets = a2 / (np.pi * (1 + nh**2 * (a2 - 1)) ** 2)
        if result == "density":
            return {"densities": np.where(lit, 0.5 * (nl / np.pi + facets * nh / (4 * vh)), 0.0)[:, 0]}
        if anisotropic:
            gl, gv = (
                np.sqrt((ax * _dot(w, x)) ** 2 + (ay * _dot(w, y)) ** 2 + c**2)
                for w, c in ((wi, nl), (eye, nv))
            )
        else:
            gl, gv = np.sqrt(a2 + (1 - a2) * nl**2), np.sqrt(a2 + (1 - a2) * nv**2)
        seen = {
            "smith": 1 / ((nl + gl) * (nv + gv)),
            "correlated": 0.5 / (nl * gv + nv * gl),
            "kelemen": 0.25 / vh**2,
        }[masking]

        def weight(c: Any) -> Any:
            return np.clip(1 - c, 0, 1) ** 5

        b, m = v.base_color, of("metallic")
        f = facets * seen * _mix(_mix(0.04, b, m), 1.0, weight(vh))
        p = 0.5 + 2 * r * vh**2 if diffuse == "diffuse" else r * vh**2
        d_ = (1 + (p - 1) * weight(nl)) * (1 + (p - 1) * weight(nv))
        if diffuse == "flat":
            d_ = 1.25 * (d_ * (1 / (nl + nv) - 0.5) + 0.5)
        f = f + (1 - m) * d_ / np.pi * b
        if "sheen" in layers:
            hue = b / (b @ np.array([0.3, 0.6, 0.1]))[:, None]
            f = f + (1 - m) * of("sheen_weight") * weight(vh) * _mix(1.0, hue, of("tint"))
        if "clearcoat" in layers:
            g2 = (0.1 + (0.001 - 0.1) * of("coat_gloss")) ** 2
            d1 = (g2 - 1) / (np.pi * np.log(g2) * (1 + (g2 - 1) * nh**2))
            g = 1 / ((nl + np.sqrt(0.0625 + 0.9375 * nl**2)) * (nv + np.sqrt(0.0625 + 0.9375 * nv**2)))
            f = f + 0.25 * of("coat_weight") * d1 * (0.04 + 0.96 * weight(vh)) * g
        power = v["irradiance" if light == "directional" else "intensity"] / far * np.ones((n, 3))
        if light == "spot":
            axis = np.asarray(v.lamp) / np.linalg.norm(v.lamp)
            off = np.arccos(np.clip(wi @ axis, -1, 1))[:, None]
            t = np.clip((off - v.cone_inner) / (v.cone_outer - v.cone_inner), 0, 1)
            power = power * (1 - t * t * (3 - 2 * t))
        c = nl * f * power
        if result == "display":
            c = np.minimum(c / (1 + c @ np.array([0.2126, 0.7152, 0.0722]))[:, None], 1.0)
            c = np.where(c <= 0.0031308, 12.92 * c, 1.055 * c ** (1 / 2.4) - 0.055)
        return {shown: np.where(lit, c, 0.0)}

    d.check(reference, 1e-2)


def _dot(a: Any, b: Any) -> Any:
    return (a * b).sum(1, keepdims=True)


def _mix(a: Any, b: Any, t: Any) -> Any:
    return a + (b - a) * t
