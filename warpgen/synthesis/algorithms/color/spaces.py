"""Color spaces, differences between colors, and the way from light to display."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.color import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values, dedented
from warpgen.synthesis.writing.trim import trim

_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175], [0.0193339, 0.119192, 0.9503041]]
)
_WHITE = np.array([0.95047, 1.0, 1.08883])


@DOMAIN.algorithm(
    source="Sharma, Wu & Dalal 2005; CIE 142:2001; CIE 116:1995",
    names={
        "compare_colors": "color_difference|perceived_difference",
        "delta": "delta_e|difference|de",
    },
    adjoint="no",
    weight=2,
)
def compare_colors(d: Draft) -> None:
    """Computes perceptual color differences in lightness, chroma and hue."""
    formula = d.option("formula", "ciede2000", "cie94", "cmc", weights=(0.6, 0.2, 0.2))
    space = d.option("space", "lab", "linear rgb", "lch")
    against = d.option("against", "pairs", "palette", "one")
    weights = d.flag("weights", 0.35)
    result = d.option("result", "difference", "parts", "tolerance")
    count, patches = d.pick(48, 64, 96), d.pick(8, 12)
    palette = against == "palette"
    if palette and result == "parts":
        result = "difference"
    excess = result == "tolerance"
    if palette:
        d.calls("palette_difference|palette_distance|closest_color_difference")
    elif result == "parts":
        d.calls("difference_parts|split_difference|lightness_chroma_hue")
    else:
        d.calls({
            "ciede2000": "color_difference|delta_e_2000|ciede2000",
            "cie94": "color_difference|delta_e_94|cie94_difference",
            "cmc": "color_difference|delta_e_cmc|cmc_difference",
        }[formula])  # fmt: skip
    name = {"ciede2000": "CIEDE2000", "cie94": "CIE94", "cmc": "CMC"}[formula]
    found = f"the minimum {name} difference between each color and a palette"
    if palette:
        d.says(
            f"Computes the amount by which {found} exceeds a tolerance." if excess else f"Computes {found}."
        )
    else:
        d.says({
            "difference": f"Computes {name} color differences.",
            "parts": f"Splits {name} color differences into lightness, chroma and hue components"
            + (", without the rotation term." if formula == "ciede2000" else "."),
            "tolerance": f"Computes the amount by which {name} color differences exceed a tolerance.",
        }[result])  # fmt: skip
    first, second = {
        "pairs": d.pick(("first", "second"), ("standards", "samples"), ("references", "trials")),
        "palette": d.pick(("colors", "palette"), ("samples", "palette_colors")),
        "one": d.pick(("first", "second"), ("colors", "target"), ("references", "trial")),
    }[against]
    many = patches if palette else count
    about = {
        "pairs": "Colors to compare against",
        "palette": "Palette colors",
        "one": "Color to compare against",
    }[against]
    if space == "lab":
        # lightness lies apart, since a and b have signs
        d.input(f"{first}_l", "float", count, 5.0, 95.0, about="Colors: L* of CIE Lab")
        d.input(f"{first}_ab", "vec2", count, -45.0, 45.0, about="Colors: a* and b* of CIE Lab")
        if against == "one":
            d.param(f"{second}_l", "float", 5.0, 95.0, about=f"{about}: L*")
            d.param(f"{second}_ab", "vec2", -45.0, 45.0, about=f"{about}: a* and b*")
        else:
            d.input(f"{second}_l", "float", many, 5.0, 95.0, about=f"{about}: L*")
            d.input(f"{second}_ab", "vec2", many, -45.0, 45.0, about=f"{about}: a* and b*")
    elif space == "lch":
        # hue lies apart, since it goes all around
        d.input(f"{first}_lc", "vec2", count, 5.0, 95.0, about="Colors: L* and C*")
        d.input(f"{first}_hue", "float", count, 0.0, 360.0, about="Colors: hue [deg]")
        if against == "one":
            d.param(f"{second}_lc", "vec2", 5.0, 95.0, about=f"{about}: L* and C*")
            d.param(f"{second}_hue", "float", 0.0, 360.0, about=f"{about}: hue [deg]")
        else:
            d.input(f"{second}_lc", "vec2", many, 5.0, 95.0, about=f"{about}: L* and C*")
            d.input(f"{second}_hue", "float", many, 0.0, 360.0, about=f"{about}: hue [deg]")
    else:
        bright = d.pick(0.1, 1.0)  # the dark ones are on the linear part of the curve too
        d.input(first, "vec3", count, 0.0, bright, about="Colors: linear sRGB")
        if against == "one":
            d.param(second, "vec3", 0.0, bright, about=f"{about}: linear sRGB")
        else:
            d.input(second, "vec3", many, 0.0, bright, about=f"{about}: linear sRGB")
    if weights:
        d.param("kl", "float", 1.0, 2.0, about="Parametric lightness factor k_L")
        d.param("kc", "float", 0.8, 1.4, about="Parametric chroma factor k_C")
    if result == "tolerance":
        d.param("tolerance", "float", 2.0, 6.0, about="Color difference tolerance")
    at = {"pairs": "[tid]", "palette": "[s]", "one": ""}[against]
    if space == "lab":
        one = f"l1 = {first}_l[tid]\na1 = {first}_ab[tid][0]\nb1 = {first}_ab[tid][1]"
        two = f"l2 = {second}_l{at}\na2 = {second}_ab{at}[0]\nb2 = {second}_ab{at}[1]"
    elif space == "lch":
        one = (
            f"l1 = {first}_lc[tid][0]\n"
            f"c1 = {first}_lc[tid][1]\n"
            f"angle_a = wp.radians({first}_hue[tid])\n"
            "a1 = c1 * wp.cos(angle_a)\n"
            "b1 = c1 * wp.sin(angle_a)"
        )
        two = (
            f"l2 = {second}_lc{at}[0]\n"
            f"c2 = {second}_lc{at}[1]\n"
            f"angle_b = wp.radians({second}_hue{at})\n"
            "a2 = c2 * wp.cos(angle_b)\n"
            "b2 = c2 * wp.sin(angle_b)"
        )
    else:
        d.function("""
            @wp.func
            def lab_root(t: float) -> float:
                \"\"\"CIE L*a*b* cube-root function with a linear segment near black.\"\"\"
                if t > 0.008856:
                    return wp.cbrt(t)
                return 7.787 * t + 16.0 / 116.0
        """)
        d.function("""
            @wp.func
            def to_lab(rgb: wp.vec3) -> wp.vec3:
                \"\"\"Convert linear sRGB to CIE L*a*b* (D65).\"\"\"
                x = (0.4124564 * rgb[0] + 0.3575761 * rgb[1] + 0.1804375 * rgb[2]) / 0.95047
                y = 0.2126729 * rgb[0] + 0.7151522 * rgb[1] + 0.0721750 * rgb[2]
                z = (0.0193339 * rgb[0] + 0.1191920 * rgb[1] + 0.9503041 * rgb[2]) / 1.08883
                fx = lab_root(x)
                fy = lab_root(y)
                fz = lab_root(z)
                return wp.vec3(116.0 * fy - 16.0, 500.0 * (fx - fy), 200.0 * (fy - fz))
        """)  # fmt: skip
        one = f"lab_a = to_lab({first}[tid])\nl1 = lab_a[0]\na1 = lab_a[1]\nb1 = lab_a[2]"
        two = f"lab_b = to_lab({second}{at})\nl2 = lab_b[0]\na2 = lab_b[1]\nb2 = lab_b[2]"
    if space != "lch":
        one += "\nc1 = wp.sqrt(a1 * a1 + b1 * b1)"
        two += "\nc2 = wp.sqrt(a2 * a2 + b2 * b2)"
    if formula == "ciede2000":
        body = f"""
        c_mean = 0.5 * (c1 + c2)
        c7 = wp.pow(c_mean, 7.0)
        # CIEDE2000 G factor rescales a* near the neutral axis; 6103515625 = 25^7
        g = 0.5 * (1.0 - wp.sqrt(c7 / (c7 + 6103515625.0)))
        ap1 = (1.0 + g) * a1
        ap2 = (1.0 + g) * a2
        cp1 = wp.sqrt(ap1 * ap1 + b1 * b1)
        cp2 = wp.sqrt(ap2 * ap2 + b2 * b2)
        h1 = wp.atan2(b1, ap1)
        h2 = wp.atan2(b2, ap2)
        if h1 < 0.0:
            h1 += 2.0 * wp.pi
        if h2 < 0.0:
            h2 += 2.0 * wp.pi
        # Wrap the hue difference to at most half a turn
        dh = h2 - h1
        h_sum = h1 + h2
        if wp.abs(dh) > wp.pi:
            dh -= wp.sign(dh) * 2.0 * wp.pi
            if h_sum < 2.0 * wp.pi:
                h_sum += 2.0 * wp.pi
            else:
                h_sum -= 2.0 * wp.pi
        dl = l2 - l1
        dc = cp2 - cp1
        big_dh = 2.0 * wp.sqrt(cp1 * cp2) * wp.sin(0.5 * dh)
        hm = 0.5 * h_sum
        cm = 0.5 * (cp1 + cp2)
        lm = 0.5 * (l1 + l2) - 50.0
        # T: hue-dependent weight, with phases of 30, 6 and 63 degrees
        t = (
            1.0
            - 0.17 * wp.cos(hm - 0.5235988)
            + 0.24 * wp.cos(2.0 * hm)
            + 0.32 * wp.cos(3.0 * hm + 0.1047198)
            - 0.20 * wp.cos(4.0 * hm - 1.0995574)
        )
        sl = 1.0 + 0.015 * lm * lm / wp.sqrt(20.0 + lm * lm)
        sc = 1.0 + 0.045 * cm
        sh = 1.0 + 0.015 * cm * t
        # R_T: rotation term for the blue region, around 275 degrees
        u = (hm - 4.7996554) / 0.4363323
        theta = 0.5235988 * wp.exp(-u * u)
        cm7 = wp.pow(cm, 7.0)
        rt = -2.0 * wp.sqrt(cm7 / (cm7 + 6103515625.0)) * wp.sin(2.0 * theta)
        el = dl / {"(kl * sl)" if weights else "sl"}
        ec = dc / {"(kc * sc)" if weights else "sc"}
        eh = big_dh / sh
        square = el * el + ec * ec + eh * eh + rt * ec * eh
        """
    elif formula == "cie94":
        body = f"""
        da = a1 - a2
        db = b1 - b2
        dc = c2 - c1
        # dH^2 = da^2 + db^2 - dC^2, clamp since it may be slightly negative due to rounding
        hue_square = wp.max(da * da + db * db - dc * dc, 0.0)
        el = {"(l2 - l1) / kl" if weights else "l2 - l1"}
        ec = dc / {"(kc * (1.0 + 0.045 * c1))" if weights else "(1.0 + 0.045 * c1)"}
        eh = wp.sqrt(hue_square) / (1.0 + 0.015 * c1)
        square = el * el + ec * ec + eh * eh
        """
    else:
        hue = (
            f"h1 = {first}_hue[tid]"
            if space == "lch"
            else "h1 = wp.degrees(wp.atan2(b1, a1))\nif h1 < 0.0:\n    h1 += 360.0"
        )
        one += f"\n{hue}\n" + dedented("""
        sl = wp.where(l1 < 16.0, 0.511, 0.040975 * l1 / (1.0 + 0.01765 * l1))
        sc = 0.0638 * c1 / (1.0 + 0.0131 * c1) + 0.638
        c4 = c1 * c1 * c1 * c1
        f = wp.sqrt(c4 / (c4 + 1900.0))
        # T: hue-dependent weight
        if h1 >= 164.0 and h1 <= 345.0:
            t = 0.56 + wp.abs(0.2 * wp.cos(wp.radians(h1 + 168.0)))
        else:
            t = 0.36 + wp.abs(0.4 * wp.cos(wp.radians(h1 + 35.0)))
        sh = sc * (f * t + 1.0 - f)
        """)
        body = f"""
        da = a1 - a2
        db = b1 - b2
        dc = c2 - c1
        hue_square = wp.max(da * da + db * db - dc * dc, 0.0)
        el = (l2 - l1) / {"(kl * sl)" if weights else "sl"}
        ec = dc / {"(kc * sc)" if weights else "sc"}
        eh = wp.sqrt(hue_square) / sh
        square = el * el + ec * ec + eh * eh
        """
    if result == "parts":
        d.output("parts", "vec3", count, about="Weighted lightness, chroma and hue differences")
    else:
        delta = "excess" if excess else "delta"
        d.output(
            delta, "float", count, about="Color difference minus tolerance" if excess else "Color differences"
        )
    if palette:
        minus = " - tolerance" if excess else ""
        part = {"lab": "_l", "lch": "_lc"}.get(space, "")
        text = f"""
        tid = wp.tid()
        $one
        least_square = float(1.0e6)
        for s in range({second}{part}.shape[0]):
            $two
            $body
            least_square = wp.min(least_square, square)
        {delta}[tid] = wp.sqrt(least_square){minus}
        """
    else:
        store = {
            "difference": "delta[tid] = wp.sqrt(square)",
            "tolerance": "excess[tid] = wp.sqrt(square) - tolerance",
            "parts": "parts[tid] = wp.vec3(el, ec, eh)",
        }[result]
        text = f"tid = wp.tid()\n$one\n$two\n$body\n{store}"
    d.launch(count)
    d.code(text, one=one, two=two, body=body)
    trim(d)
    d.explain({
        "ciede2000": "CIEDE2000 hue means and differences are computed on the circle.",
        "cie94": "CIE94 for graphic arts; the first color is the reference used for the weights.",
        "cmc": "CMC l:c; the first color is the reference used for the ellipsoid size.",
    }[formula])  # fmt: skip

    def lab(v: Values, name: str) -> Any:
        if space == "lab":
            return np.concatenate([np.asarray(v[f"{name}_l"])[..., None], np.asarray(v[f"{name}_ab"])], -1)
        if space == "lch":
            x, angle = np.asarray(v[f"{name}_lc"]), np.radians(v[f"{name}_hue"])
            return np.stack([x[..., 0], x[..., 1] * np.cos(angle), x[..., 1] * np.sin(angle)], -1)
        x = np.asarray(v[name])
        xyz = x @ _XYZ.T / _WHITE
        f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
        return np.stack(
            [116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1
        )

    def reference(v: Values) -> dict[str, Any]:
        p, q = lab(v, first), lab(v, second)
        if palette:
            p, q = p[:, None], q[None]
        p, q = np.broadcast_arrays(p, q)
        kl, kc = v.get("kl", 1.0), v.get("kc", 1.0)
        l1, l2 = p[..., 0], q[..., 0]
        z1, z2 = p[..., 1] + 1j * p[..., 2], q[..., 1] + 1j * q[..., 2]
        eh: Any
        sl: Any
        sc: Any
        sh: Any
        turn: Any = 0.0
        if formula == "ciede2000":
            c7 = ((abs(z1) + abs(z2)) / 2) ** 7
            g = 0.5 * (1 - np.sqrt(c7 / (c7 + 25.0**7)))
            z1, z2 = z1 + g * z1.real, z2 + g * z2.real
            c1, c2 = abs(z1), abs(z2)
            # the angle halfway between two directions is that of their sum
            hm = np.degrees(np.angle(z1 / c1 + z2 / c2)) % 360
            eh = 2 * np.sqrt(c1 * c2) * np.sin(np.angle(z2 / z1) / 2)
            cm, lm = (c1 + c2) / 2, ((l1 + l2) / 2 - 50) ** 2
            waves = [(-0.17, 1, -30), (0.24, 2, 0), (0.32, 3, 6), (-0.2, 4, -63)]
            t = 1 + sum(a * np.cos(np.radians(k * hm + b)) for a, k, b in waves)
            sl, sc, sh = 1 + 0.015 * lm / np.sqrt(20 + lm), 1 + 0.045 * cm, 1 + 0.015 * cm * t
            angle = np.radians(60 * np.exp(-(((hm - 275) / 25) ** 2)))
            turn = -2 * np.sqrt(cm**7 / (cm**7 + 25.0**7)) * np.sin(angle)
        else:
            c1, c2 = abs(z1), abs(z2)
            # |z1 - z2|^2 = (c1 - c2)^2 + 4 c1 c2 sin^2(dh / 2)
            eh = 2 * np.sqrt(c1 * c2) * abs(np.sin(np.angle(z2 / z1) / 2))
            if formula == "cie94":
                sl, sc, sh = 1.0, 1 + 0.045 * c1, 1 + 0.015 * c1
            else:
                h = np.degrees(np.angle(z1)) % 360
                sl = np.where(l1 < 16, 0.511, 0.040975 * l1 / (1 + 0.01765 * l1))
                sc = 0.0638 * c1 / (1 + 0.0131 * c1) + 0.638
                f = np.sqrt(c1**4 / (c1**4 + 1900))
                wide = 0.56 + abs(0.2 * np.cos(np.radians(h + 168)))
                slim = 0.36 + abs(0.4 * np.cos(np.radians(h + 35)))
                sh = sc * (f * np.where((h >= 164) & (h <= 345), wide, slim) + 1 - f)
        el, ec, eh = (l2 - l1) / (kl * sl), (c2 - c1) / (kc * sc), eh / sh
        if result == "parts":
            return {"parts": np.stack([el, ec, eh], axis=-1)}
        delta = np.sqrt(el**2 + ec**2 + eh**2 + turn * ec * eh)
        if palette:
            delta = delta.min(axis=1)
        return {"excess" if excess else "delta": delta - v.get("tolerance", 0.0)}

    d.check(reference, 5e-3)
