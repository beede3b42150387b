"""Daylight: how bright the sky is in each direction."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rendering import DOMAIN
from warpgen.synthesis.library.proofs import mostly_close
from warpgen.synthesis.writing.draft import Draft, Values
from warpgen.synthesis.writing.trim import trim

# Coefficients of Preetham's fit: slope by turbidity and offset, for luminance Y and chromaticities x and y.
_FIT = {
    "Y": ((0.1787, -1.463), (-0.3554, 0.4275), (-0.0227, 5.3251), (0.1206, -2.5771), (-0.067, 0.3703)),
    "x": ((-0.0193, -0.2592), (-0.0665, 0.0008), (-0.0004, 0.2125), (-0.0641, -0.8989), (-0.0033, 0.0452)),
    "y": ((-0.0167, -0.2608), (-0.095, 0.0092), (-0.0079, 0.2102), (-0.0441, -1.6537), (-0.0109, 0.0529)),
}
_ZENITH = {
    "x": ((0.00166, -0.00375, 0.00209, 0.0), (-0.02903, 0.06377, -0.03202, 0.00394), (0.11693, -0.21196, 0.06052, 0.25886)),
    "y": ((0.00275, -0.0061, 0.00317, 0.0), (-0.04214, 0.0897, -0.04153, 0.00516), (0.15346, -0.26756, 0.0667, 0.26688)),
}  # fmt: skip
_RGB = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.204, 1.057]])


def _poly(row: tuple[float, ...], s: str) -> str:
    a, b, c, e = row
    text = f"(({a} * {s} + {b}) * {s} + {c}) * {s}".replace("+ -", "- ")
    return text if not e else f"{text} + {e}"


@DOMAIN.algorithm(
    source="Perez, Seals & Michalsky 1993; Preetham, Shirley & Smits 1999, A practical analytic model for daylight; CIE 2003",
    names={
        "shade_sky": "daylight_sky|preetham_sky|daylight_kernel|evaluate_sky",
        "direction": "view|dir_view|omega",
        "sun": "sun_dir|to_sun|sun_direction",
        "turbidity": "turb|air_turbidity",
        "gamma": "sun_angle|angle_to_sun|gamma_s",
        "zenith_luminance": "lum_zenith|zenith_lum",
        "sky": "image|sky_color|environment",
    },
    double=True,
    weight=10,
)
def shade_sky(d: Draft) -> None:
    """Computes daylight sky colors using the Preetham model."""
    view = d.option("view", "directions", "panorama", "fisheye")
    result = d.option("result", "rgb", "xyY", "luminance")
    disc = d.option("sun disc", "none", "hard", "limb")
    clouds = d.option("clouds", "none", "overcast", "mixed")
    ground = d.option("ground", "clamp", "water", "black")
    if clouds == "overcast":
        disc = "none"  # clouds hide the sun
        d.calls("overcast_sky|cie_overcast_sky|shade_overcast_sky")
    if disc != "none":
        d.module(
            "# Angular radius of the sun [rad], much larger than the real sun so that it covers some pixels\nSUN_RADIUS = wp.constant(0.2)"
        )
    if view == "fisheye":
        ground = "clamp"  # it never looks down
    tone = d.option("tone", "none", "exposure", "exponential") if result == "rgb" else "none"
    solar = d.option("sun", "direction", "angles")
    if view == "directions":
        shape: tuple[int, ...] = (d.pick(48, 64, 96),)
        d.input(
            "directions", "vec3", shape, -0.2, 1.0, about="Directions, not necessarily normalized, z is up"
        )
    else:
        # Rows so fine that some lie just above the horizon
        shape = (d.pick(16, 18), d.pick(12, 16))
        if view == "fisheye":
            shape = (shape[0], shape[0])
    if solar == "direction":
        d.param("sun", "vec3", 0.3, 0.8, about="Sun direction, not necessarily normalized")
    else:
        d.param("sun_elevation", "float", 0.25, 1.2, about="Sun elevation [rad]")
        if clouds != "overcast":
            d.param("sun_azimuth", "float", 0.0, 3.0, about="Sun azimuth [rad]")
    d.param("turbidity", "float", 2.2, 6.0, about="Turbidity, from 2 (clear) to 6 (hazy)")
    if clouds == "mixed":
        d.param("cloud_cover", "float", 0.2, 0.8, about="Cloud cover fraction")
    if ground == "water":
        d.param("reflectance", "float", 0.05, 0.3, about="Water reflectance below the horizon")
    if tone != "none":
        d.param("exposure", "float", 0.03, 0.08, about="Scale from kcd/m^2 to display values")
    name, type, about = {
        "rgb": ("sky", "vec3", "Linear sRGB color" + (" [kcd/m^2]" if tone == "none" else "")),
        "xyY": ("sky", "vec3", "Chromaticities and luminance [kcd/m^2]"),
        "luminance": ("luminance", "float", "Luminance [kcd/m^2]"),
    }[result]
    d.output(name, type, shape, about=about)
    perez = '''
        @wp.func
        def perez(cos_theta: float, gamma: float, a: float, b: float, c: float, d: float, e: float) -> float:
            """Perez luminance distribution for the zenith angle theta and sun angle gamma."""
            cos_gamma = wp.cos(gamma)
            gradation = 1.0 + a * wp.exp(b / cos_theta)
            indicatrix = 1.0 + c * wp.exp(d * gamma) + e * cos_gamma * cos_gamma
            return gradation * indicatrix
    '''
    if clouds != "overcast":
        d.function(perez)

    def ratio(which: str, indent: str) -> str:
        pairs = _FIT[which]
        names = [f"{letter}_{which}" for letter in "abcde"]
        lines = [
            f"{n} = {s} * turbidity {'+' if o >= 0 else '-'} {abs(o)}"
            for n, (s, o) in zip(names, pairs, strict=True)
        ]
        args = ", ".join(names)
        lines.append(f"{which}_sky = perez(cos_theta, gamma, {args}) / perez(1.0, theta_s, {args})")
        return "\n".join(indent + line for line in lines)

    color = result != "luminance"
    if color and clouds != "overcast":
        for which in "xy":
            a, b, c = (_poly(row, "s") for row in _ZENITH[which])
            d.function(f'''
                @wp.func
                def zenith_{which}(t: float, s: float) -> float:
                    """Zenith chromaticity {which} for turbidity t and solar zenith angle s."""
                    quadratic = {a}
                    linear = {b}
                    constant = {c}
                    return t * t * quadratic + t * linear + constant
            ''')
    # Of the direction, overcast skies ask for the height alone
    z = "cos_theta" if clouds == "overcast" and view != "directions" else "direction[2]"
    looking = (
        "cos_theta = wp.cos(theta)" if z == "cos_theta" else "direction = wp.vec3($x, $y, wp.cos(theta))"
    )
    index = "tid" if view == "directions" else "row, col"
    where = {
        "directions": "tid = wp.tid()\ndirection = wp.normalize(directions[tid])",
        "panorama": f"""
            row, col = wp.tid()
            # Lat-long map with the zenith in the top row
            theta = wp.pi * (float(row) + 0.5) / float({name}.shape[0])
            phi = 2.0 * wp.pi * (float(col) + 0.5) / float({name}.shape[1])
            {looking.replace("$x", "wp.sin(theta) * wp.cos(phi)").replace("$y", "wp.sin(theta) * wp.sin(phi)")}
            """,
        "fisheye": f"""
            row, col = wp.tid()
            # Equidistant fisheye with the horizon at radius one
            x = 2.0 * (float(col) + 0.5) / float({name}.shape[1]) - 1.0
            y = 2.0 * (float(row) + 0.5) / float({name}.shape[0]) - 1.0
            radius = wp.sqrt(x * x + y * y)
            # Black outside the image circle
            if radius > 1.0:
                {name}[row, col] = {"0.0" if result == "luminance" else "wp.vec3(0.0, 0.0, 0.0)"}
                return

            theta = 0.5 * wp.pi * radius
            scale = wp.sin(theta) / wp.max(radius, 1.0e-6)
            {looking.replace("$x", "scale * x").replace("$y", "scale * y")}
            """,
    }[view]
    nothing = "0.0" if not color else "wp.vec3(0.0, 0.0, 0.0)"
    under = {
        "clamp": "",
        "black": f"# Below the horizon\nif {z} < 0.0:\n    {name}[{index}] = {nothing}\n    return\n",
        "water": "",
    }[ground]
    up = z
    if ground == "water":
        up = f"wp.abs({z})"
        under = f"# Mirror the sky in calm water, scaled by its reflectance\nshade = wp.where({z} < 0.0, reflectance, 1.0)"
    cover = {
        "none": "",
        "overcast": """
            # CIE overcast sky: gray, three times brighter at the zenith than at the horizon
            luminance_sky = zenith_luminance * (1.0 + 2.0 * $height) / 3.0
            $gray
            """,
        "mixed": """
            # Clouds scatter all wavelengths equally, so their contribution is gray
            cloudy = zenith_luminance * (1.0 + 2.0 * $height) / 3.0
            $mix
            luminance_sky = (1.0 - cloud_cover) * luminance_sky + cloud_cover * cloudy
            """,
    }[clouds].replace("$height", f"wp.max({up}, 0.0)" if ground == "clamp" and view != "fisheye" else up)
    sun_disc = {
        "none": "",
        "hard": """
            # Sun disk at 100x zenith luminance, to account for the enlarged disk
            luminance_sky += wp.where(gamma < SUN_RADIUS, 100.0 * zenith_luminance, 0.0)
            """,
        "limb": """
            # Sun disk at 100x zenith luminance with limb darkening, to account for the
            # enlarged disk
            if gamma < SUN_RADIUS:
                ratio = gamma / SUN_RADIUS
                luminance_sky += 100.0 * zenith_luminance * (0.4 + 0.6 * wp.sqrt(1.0 - ratio * ratio))
            """,
    }[disc]
    if clouds == "mixed":
        sun_disc = sun_disc.replace(
            "100.0 * zenith_luminance", "(1.0 - cloud_cover) * 100.0 * zenith_luminance"
        )
        sun_disc = sun_disc.replace(
            "100x zenith luminance", "100x zenith luminance (dimmed by the cloud cover)"
        )
    dim = "luminance_sky *= shade" if ground == "water" else ""
    gray = """
        # Gray: equal RGB components
        rgb = wp.vec3(luminance_sky, luminance_sky, luminance_sky)
        $tone
        """
    to_rgb = """
        # xyY to XYZ, then to linear sRGB (D65)
        X = x_chroma / y_chroma * luminance_sky
        Z = (1.0 - x_chroma - y_chroma) / y_chroma * luminance_sky
        red = 3.2406 * X - 1.5372 * luminance_sky - 0.4986 * Z
        green = -0.9689 * X + 1.8758 * luminance_sky + 0.0415 * Z
        blue = 0.0557 * X - 0.2040 * luminance_sky + 1.0570 * Z
        # Clip out-of-gamut colors
        rgb = wp.max(wp.vec3(red, green, blue), wp.vec3(0.0, 0.0, 0.0))
        $tone
        """
    store = {
        "rgb": (gray if clouds == "overcast" else to_rgb) + f"sky[{index}] = rgb",
        "xyY": f"sky[{index}] = wp.vec3(x_chroma, y_chroma, luminance_sky)",
        "luminance": f"luminance[{index}] = luminance_sky",
    }[result]
    looked = "direction"
    if ground == "water":
        looked = "wp.vec3(direction[0], direction[1], wp.abs(direction[2]))"
    d.launch(*shape)
    d.code(
        """
        $where
        $under
        $sun
        theta_s = $angle
        $path
        # Zenith luminance [kcd/m^2]
        chi = (4.0 / 9.0 - turbidity / 120.0) * (wp.pi - 2.0 * theta_s)
        zenith_luminance = (4.0453 * turbidity - 4.9710) * wp.tan(chi) - 0.2155 * turbidity + 2.4192
        $Y
        $color
        $cover
        $disc
        $dim
        $store
        """,
        where=where,
        under=under,
        angle="wp.acos(to_sun[2])" if solar == "direction" else "0.5 * wp.pi - sun_elevation",
        sun="to_sun = wp.normalize(sun)"
        if solar == "direction"
        else ""
        if clouds == "overcast"
        else "flat = wp.cos(sun_elevation)\nto_sun = wp.vec3(flat * wp.cos(sun_azimuth), flat * wp.sin(sun_azimuth), wp.sin(sun_elevation))",
        path=""
        if clouds == "overcast"
        else "# Clamp to avoid the singularity at the horizon\n"
        f"cos_theta = wp.max({up}, 0.1)\n"
        f"gamma = wp.acos(wp.clamp(wp.dot({looked}, to_sun), -0.999999, 0.999999))",
        Y=""
        if clouds == "overcast"
        else "# Distribution coefficients are linear in turbidity\n"
        + ratio("Y", "")
        + "\nluminance_sky = zenith_luminance * Y_sky",
        color=f"{ratio('x', '')}\n{ratio('y', '')}\nx_chroma = zenith_x(turbidity, theta_s) * x_sky\ny_chroma = zenith_y(turbidity, theta_s) * y_sky"
        if color and clouds != "overcast"
        else "",
        cover=cover.replace(
            "$gray",
            "# Chromaticity of D65\n            x_chroma = 0.3127\n            y_chroma = 0.3290"
            if result == "xyY"
            else "",
        ).replace(
            "$mix",
            """# Chromaticities mix by the sums X + Y + Z = Y / y of both lights; clouds have that of D65
            clear_sum = (1.0 - cloud_cover) * luminance_sky / y_chroma
            cloudy_sum = cloud_cover * cloudy / 0.3290
            cloudy_share = cloudy_sum / (clear_sum + cloudy_sum)
            x_chroma = wp.lerp(x_chroma, 0.3127, cloudy_share)
            y_chroma = wp.lerp(y_chroma, 0.3290, cloudy_share)"""
            if color
            else "",
        ),
        disc=sun_disc,
        dim=dim,
        store="\n".join(line.strip() for line in store.strip().split("\n")),
        tone={
            "none": "",
            "exposure": "rgb *= exposure",
            "exponential": "# Exponential tone mapping, so that highlights roll off instead of clipping\nrgb = wp.vec3(1.0 - wp.exp(-exposure * rgb[0]), 1.0 - wp.exp(-exposure * rgb[1]), 1.0 - wp.exp(-exposure * rgb[2]))",
        }[tone],
    )
    trim(d)
    quantity = "color" if color else "luminance"
    shown = {"exposure": ", scaled for display", "exponential": ", compressed for display"}.get(tone, "")
    sight = " and sun" if disc != "none" else ""
    sight += " in each direction"
    sight += ", mirrored by water below the horizon" if ground == "water" else ""
    below = ""
    if ground == "clamp" and view != "fisheye":
        below = "Directions below the horizon use the horizon value."
    if clouds == "overcast":
        d.explain(f"""
            The CIE overcast sky is scaled to the Preetham zenith luminance, which depends on the
            sun elevation and turbidity (haze). {below}
        """)
        d.says(f"Computes the {quantity} of an overcast sky{sight} (CIE{shown}).")
    else:
        gives = "luminance and chromaticity" if color else "luminance"
        d.explain(f"""
            The Perez distribution, scaled by the zenith values, gives {gives}. Its coefficients are linear
            in turbidity (haze). {below}
        """)
        partly = "partly cloudy" if clouds == "mixed" else "daylight"
        d.says(f"Computes the {quantity} of the {partly} sky{sight} (Preetham model{shown}).")

    def agrees(v: Values, after: Values) -> None:
        seen = np.ones(shape, bool)
        if view == "directions":
            w = v.directions / np.linalg.norm(v.directions, axis=-1, keepdims=True)
        else:
            i, j = np.meshgrid(*(np.arange(k) + 0.5 for k in shape), indexing="ij")
            theta, phi = np.pi * i / shape[0], 2 * np.pi * j / shape[-1]
            if view == "fisheye":
                x, y = 2 * j / shape[-1] - 1, 2 * i / shape[0] - 1
                seen = np.hypot(x, y) <= 1
                theta, phi = np.pi / 2 * np.hypot(x, y), np.arctan2(y, x)
            w = np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], axis=-1)
        low = w[..., 2] < 0
        if ground == "water":
            w = np.concatenate([w[..., :2], np.abs(w[..., 2:])], axis=-1)
        if solar == "direction":
            s = v.sun / np.linalg.norm(v.sun)
        else:
            e, a = v.sun_elevation, v.get("sun_azimuth", 0.0)
            s = np.array([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)])
        angle = np.arccos(s[2])
        gamma = np.arccos(np.clip(w @ s, -0.999999, 0.999999))
        cos, t = np.maximum(w[..., 2], 0.1), v.turbidity * np.ones(shape)

        def part(which: str) -> Any:
            a, b, c, d_, e = (k * t + o for k, o in _FIT[which])

            def f(x: Any, g: Any) -> Any:
                return (1 + a * np.exp(b / x)) * (1 + c * np.exp(d_ * g) + e * np.cos(g) ** 2)

            return f(cos, gamma) / f(1.0, angle)

        zy = (4.0453 * t - 4.971) * np.tan((4 / 9 - t / 120) * (np.pi - 2 * angle)) - 0.2155 * t + 2.4192
        gray = zy * (1 + 2 * np.maximum(w[..., 2], 0)) / 3
        share = {"none": 0.0, "overcast": 1.0}.get(clouds, v.get("cloud_cover", 0.0))
        clear, cloudy = (1 - share) * zy * part("Y"), share * gray
        y_ = clear + cloudy
        if disc == "hard":
            y_ = y_ + np.where(gamma < 0.2, 100 * zy * (1.0 - share), 0.0)
        elif disc == "limb":
            rim = np.sqrt(np.maximum(1 - (gamma / 0.2) ** 2, 0))
            y_ = y_ + np.where(gamma < 0.2, 100 * zy * (1.0 - share) * (0.4 + 0.6 * rim), 0.0)
        y_ = y_ * np.where(low, v.get("reflectance", 1.0), 1.0)
        if ground == "black":
            seen &= ~low
        if not color:
            mostly_close(after[name], np.where(seen, y_, 0.0), 5e-3)
            return
        x, y = (
            part(which)
            * sum(t**k * np.polyval(row, angle) for k, row in zip((2, 1, 0), _ZENITH[which], strict=True))
            for which in "xy"
        )
        gray_share = cloudy / 0.329 / (clear / y + cloudy / 0.329)
        x, y = x + gray_share * (0.3127 - x), y + gray_share * (0.329 - y)
        made = np.stack([x, y, y_], axis=-1)
        if result == "rgb":
            made = np.maximum(np.stack([x / y * y_, y_, (1 - x - y) / y * y_], axis=-1) @ _RGB.T, 0.0)
            made = made * v.get("exposure", 1.0) if tone != "none" else made
            made = 1 - np.exp(-made) if tone == "exponential" else made
        mostly_close(after[name], np.where(seen[..., None], made, 0.0), 1e-2)

    d.holds(agrees)
