"""How colors appear under given viewing conditions."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.color import DOMAIN
from warpgen.synthesis.algorithms.color._correlates import CAT02, HPE, M16, correlates
from warpgen.synthesis.library.proofs import mostly_close
from warpgen.synthesis.writing.draft import Draft, Values, fill
from warpgen.synthesis.writing.pieces import piece

_VIEWING = '''
@wp.struct
class ViewingConditions:
    """Viewing conditions; luminance in cd/m^2, white point as XYZ with Y near 100."""

    white: wp.vec3
    adapting_luminance: float
    background_y: float
'''


def _cones(matrix: Any, of: str, to: tuple[str, ...]) -> str:
    """Three lines that multiply a vector by a matrix."""
    rows = []
    for name, row in zip(to, matrix, strict=True):
        terms = " ".join(
            f"{'-' if w < 0 else '+'} {abs(round(float(w), 6))!r} * {of}[{k}]" for k, w in enumerate(row) if w
        ).removeprefix("+ ")
        rows.append(f"{name} = {terms.replace('- ', '-', 1) if terms.startswith('- ') else terms}")
    return "\n".join(rows)


_COMPRESS = '''
@wp.func
def compress_response(cone: float, adaptation: float) -> float:
    """Sign-preserving hyperbolic cone response in [-400, 400], offset by 0.1."""
    # Clamp to keep the derivative finite at zero
    powered = wp.pow(adaptation * wp.max(wp.abs(cone), 1.0e-4) / 100.0, 0.42)
    return wp.sign(cone) * 400.0 * powered / (powered + 27.13) + 0.1
'''

_COMPRESS_ALL = '''
@wp.func
def compress_responses(cones: wp.vec3, adaptation: float) -> wp.vec3:
    """Sign-preserving hyperbolic cone responses in [-400, 400], offset by 0.1."""
    response = wp.vec3()
    for k in range(3):
        # Clamp to keep the derivative finite at zero
        powered = wp.pow(adaptation * wp.max(wp.abs(cones[k]), 1.0e-4) / 100.0, 0.42)
        response[k] = wp.sign(cones[k]) * 400.0 * powered / (powered + 27.13) + 0.1
    return response
'''


@DOMAIN.algorithm(
    source="Li et al. 2017, Comprehensive color solutions: CAM16, CAT16 and CAM16-UCS; CIE 159:2004 (CIECAM02)",
    names={
        "colors": "samples|stimuli",
        "viewing": "conditions|vc|view",
        "lightness": "J|J_out",
        "chroma": "C|chroma_out",
        "hue_angle": "h|hue",
        "condition": "view_index|condition_id|vc_index",
    },
    double=True,
    weight=6,
)
def appearance_correlates(d: Draft) -> None:
    """Computes color appearance correlates (lightness, chroma, hue) under given viewing conditions."""
    model = d.option("model", "cam16", "ciecam02")
    result = d.option("result", "correlates", "uniform space", "brightness", "quadrature")
    standard = {"cam16": "CAM16", "ciecam02": "CIECAM02"}[model]
    source = d.option("input", "xyz", "linear rgb")
    discount = d.option("adaptation", "computed", "complete", "given")
    standard += ", full adaptation" if discount == "complete" else ""
    d.says({
        "correlates": f"Computes lightness, chroma and hue under given viewing conditions ({standard}).",
        "uniform space": f"Converts colors to a uniform color space under given viewing conditions ({standard}).",
        "brightness": f"Computes brightness, colorfulness and saturation ({standard}).",
        "quadrature": f"Computes lightness and hue quadrature ({standard}).",
    }[result])  # fmt: skip
    several = d.flag("conditions")
    helper = d.option("compression", "function", "vector")
    d.calls(
        {
            "correlates": "appearance_correlates|cam_forward|color_appearance",
            "uniform space": "cam_ucs|uniform_appearance|cam_to_uniform",
            "brightness": "brightness_correlates|color_appearance|cam_brightness",
            "quadrature": "appearance_hue|color_appearance|cam_hue",
        }[result]
    )
    n, count = d.pick(32, 48, 64), d.pick(2, 3)
    fields = {
        "white": fill(92.0, 108.0), "adapting_luminance": fill(20.0, 100.0), "background_y": fill(15.0, 25.0),
    }  # fmt: skip
    surround = {"surround_f": fill(0.8, 1.0), "surround_c": fill(0.525, 0.69), "surround_nc": fill(0.8, 1.0)}
    if discount != "computed":
        del surround["surround_f"]
    if result == "quadrature":
        del surround["surround_nc"]
    fields |= surround
    name = "viewing_conditions" if several else "viewing"
    conditions = piece(_VIEWING + "".join(f"    {field}: float\n" for field in surround))
    d.struct(name, conditions, fields, count if several else (), about="Viewing conditions")
    if source == "xyz":
        d.input("colors", "vec3", n, 20.0, 60.0, about="XYZ tristimulus values, Y in [0, 100]")
    else:
        d.input("colors", "vec3", n, 0.05, 0.95, about="Linear sRGB colors in [0, 1]")
    if discount == "given":
        d.param("adaptation_degree", "float", 0.5, 1.0, about="Degree of chromatic adaptation D in [0, 1]")
    size: int | tuple[int, ...] = (count, n) if several else n
    at = "condition, i" if several else "i"
    outputs = {
        "correlates": (
            ("lightness", "Lightness J, 0 to 100"),
            ("chroma", "Chroma C"),
            ("hue_angle", "Hue angle h [deg]"),
        ),
        "uniform space": (("ucs", "Uniform color space coordinates (J', a', b')"),),
        "brightness": (
            ("brightness", "Brightness Q"),
            ("colorfulness", "Colorfulness M"),
            ("saturation", "Saturation s"),
        ),
        "quadrature": (
            ("lightness", "Lightness J, 0 to 100"),
            ("hue_quadrature", "Hue quadrature H (0 red, 100 yellow, 200 green, 300 blue)"),
        ),
    }[result]
    for out, about in outputs:
        d.output(out, "vec3" if out == "ucs" else "float", size, about=about)
    d.function(_COMPRESS if helper == "function" else _COMPRESS_ALL)
    matrix = M16 if model == "cam16" else CAT02

    def responses(suffix: str) -> tuple[str, str]:
        lines = "".join(f"\n{x}_c{suffix} = d_{x} * {x}{suffix}" for x in "rgb")
        cones = [f"{x}_c{suffix}" for x in "rgb"]
        if model == "ciecam02":
            # back to XYZ and on to the cone space of Hunt, Pointer and Estevez
            pointed = _cones(HPE @ np.linalg.inv(CAT02), "adapted", tuple(f"{x}_p{suffix}" for x in "rgb"))
            for k, cone in enumerate(cones):
                pointed = pointed.replace(f"adapted[{k}]", cone)
            lines += "\n" + pointed
            cones = [f"{x}_p{suffix}" for x in "rgb"]
        if helper == "function":
            compressed = [
                f"{x}_a{suffix} = compress_response({c}, F_L)" for c, x in zip(cones, "rgb", strict=True)
            ]
        else:
            compressed = [f"response{suffix} = compress_responses(wp.vec3({', '.join(cones)}), F_L)"]
            compressed += [f"{x}_a{suffix} = response{suffix}[{k}]" for k, x in enumerate("rgb")]
        return lines.strip("\n"), "\n".join(compressed)

    adapted_white, compressed_white = responses("_w")
    adapted, compressed = responses("")
    d.launch(*((count, n) if several else (n,)))
    d.code(
        """
        $index
        $conditions
        $color
        white = viewing.white

        # --- Sharpened cone responses for sample and white point ---
        $cones
        $white_cones

        # --- Chromatic adaptation ---
        $degree
        $gains

        # --- Luminance level adaptation and background induction ---
        k = 1.0 / (5.0 * viewing.adapting_luminance + 1.0)
        k4 = k * k * k * k
        F_L = 0.2 * k4 * (5.0 * viewing.adapting_luminance)
        F_L += 0.1 * (1.0 - k4) * (1.0 - k4) * wp.pow(5.0 * viewing.adapting_luminance, 1.0 / 3.0)
        induction = viewing.background_y / white[1]
        $background
        z = 1.48 + wp.sqrt(induction)

        # --- Post-adaptation compression ---
        $adapted_white
        $white_responses
        achromatic_white = $white_sum
        $adapted
        $sample_responses

        # --- Opponent dimensions ---
        opp_a = r_a - 12.0 * g_a / 11.0 + b_a / 11.0
        opp_b = (r_a + g_a - 2.0 * b_a) / 9.0
        hue = wp.atan2(opp_b, opp_a)
        achromatic = $sample_sum
        # Clamp, since very dark samples may go slightly negative
        achromatic_ratio = wp.max(achromatic / achromatic_white, 1.0e-4)
        J = 100.0 * wp.pow(achromatic_ratio, viewing.surround_c * z)
        $result
        """,
        index=f"{'condition, i' if several else 'i'} = wp.tid()",
        conditions="viewing = viewing_conditions[condition]" if several else "",
        color="xyz_sample = colors[i]"
        if source == "xyz"
        else """
            linear = colors[i]
            # Linear sRGB to XYZ, scaled so that white has Y = 100
            xyz_sample = wp.vec3(
                41.24 * linear[0] + 35.76 * linear[1] + 18.05 * linear[2],
                21.26 * linear[0] + 71.52 * linear[1] + 7.22 * linear[2],
                1.93 * linear[0] + 11.92 * linear[1] + 95.05 * linear[2],
            )
            """,
        cones=_cones(matrix, "xyz_sample", ("r", "g", "b")),
        white_cones=_cones(matrix, "white", ("r_w", "g_w", "b_w")),
        degree={
            "computed": """
                # D = F (1 - 1/3.6 exp((-L_A - 42) / 92))
                degree = viewing.surround_f * (1.0 - wp.exp((-viewing.adapting_luminance - 42.0) / 92.0) / 3.6)
                """,
            "complete": "# Illuminant fully discounted: D = 1",
            "given": "",
        }[discount],
        gains="\n".join(
            f"d_{x} = white[1] / {x}_w"
            if discount == "complete"
            else f"d_{x} = 1.0 + {'degree' if discount == 'computed' else 'adaptation_degree'}"
            f" * (white[1] / {x}_w - 1.0)"
            for x in "rgb"
        ),
        background="" if result == "quadrature" else "N_bb = 0.725 * wp.pow(1.0 / induction, 0.2)",
        white_sum=_achromatic("_w", result),
        sample_sum=_achromatic("", result),
        adapted_white=adapted_white,
        white_responses=compressed_white,
        adapted=adapted,
        sample_responses=compressed,
        result=_chroma(result) + f"\n$store_{result.replace(' ', '_')}",
        quadrants=_quadrants(),
        store_correlates=f"""
            hue_deg = wp.degrees(hue)
            lightness[{at}] = J
            chroma[{at}] = C
            # Wrap to [0, 360)
            if hue_deg < 0.0:
                hue_deg += 360.0
            hue_angle[{at}] = hue_deg
            """,
        store_uniform_space=f"""
            # {"CAM16-UCS" if model == "cam16" else "CAM02-UCS"}: J' = 1.7 J / (1 + 0.007 J), M' = ln(1 + 0.0228 M) / 0.0228
            M = C * wp.pow(F_L, 0.25)
            J_prime = 1.7 * J / (1.0 + 0.007 * J)
            M_prime = wp.log(1.0 + 0.0228 * M) / 0.0228
            ucs[{at}] = wp.vec3(J_prime, M_prime * wp.cos(hue), M_prime * wp.sin(hue))
            """,
        store_brightness=f"""
            root_fl = wp.pow(F_L, 0.25)
            Q = 4.0 / viewing.surround_c * wp.sqrt(J / 100.0) * (achromatic_white + 4.0) * root_fl
            M = C * root_fl
            brightness[{at}] = Q
            colorfulness[{at}] = M
            saturation[{at}] = 100.0 * wp.sqrt(M / Q)
            """,
        store_quadrature=f"""
            # Hue quadrature interpolates between the unique hues
            hue_deg = wp.degrees(hue)
            # Wrap hues below unique red (20.14 degrees)
            if hue_deg < 20.14:
                hue_deg += 360.0
            $quadrants
            lightness[{at}] = J
            hue_quadrature[{at}] = H
            """,
    )
    combined = {
        "correlates": "lightness J, chroma C and hue h",
        "uniform space": "coordinates J', a' and b'",
        "brightness": "brightness Q, colorfulness M and saturation s",
        "quadrature": "lightness J and hue quadrature H",
    }[result]
    limits = {
        "surround_f": ("F", "1", "0.8"),
        "surround_c": ("c", "0.69", "0.525"),
        "surround_nc": ("Nc", "1", "0.8"),
    }
    letters, average, dark = (", ".join(part) for part in zip(*(limits[s] for s in surround), strict=True))
    d.explain(f"""
        Applies chromatic adaptation and cone response compression, then derives {combined}.
        Surround: {letters} = {average} (average) to {dark} (dark).
    """)

    def agrees(v: Values, after: Values) -> None:
        made = []
        for c in range(count if several else 1):
            cond = {f: v[f"{name}.{f}"][c] if several else v[f"{name}.{f}"] for f in fields}
            made.append(correlates(v, cond, matrix, model, source, discount))
        for out, _ in outputs:
            expected = np.stack([m[out] for m in made])
            expected = expected if several else expected[0]
            mostly_close(after[out], expected, 5e-3)

    d.holds(agrees)


def _chroma(result: str) -> str:
    """What follows lightness where chroma is asked for."""
    if result == "quadrature":
        return ""
    return """
# --- Chroma ---
eccentricity = 0.25 * (wp.cos(hue + 2.0) + 3.8)
t = 50000.0 / 13.0 * viewing.surround_nc * N_bb * eccentricity * wp.sqrt(opp_a * opp_a + opp_b * opp_b)
t = t / (r_a + g_a + 1.05 * b_a)
alpha = wp.pow(wp.max(t, 1.0e-4), 0.9) * wp.pow(1.64 - wp.pow(0.29, induction), 0.73)
C = alpha * wp.sqrt(J / 100.0)
"""


def _achromatic(suffix: str, result: str) -> str:
    """The achromatic response; its factor N_bb cancels where the ratio to that of the white is all it is for."""
    response = f"2.0 * r_a{suffix} + g_a{suffix} + b_a{suffix} / 20.0 - 0.305"
    return response if result == "quadrature" else f"({response}) * N_bb"


def _over(text: str, weight: float) -> str:
    return text if weight == 1.0 else f"({text}) / {weight}"


def _quadrants() -> str:
    """Hue quadrature, one branch for each pair of unique hues."""
    hues, weights = (20.14, 90.0, 164.25, 237.53, 380.14), (0.8, 0.7, 1.0, 1.2, 0.8)
    branches = []
    for k in range(4):
        head = ("if", "elif", "elif", "else")[k] + (f" hue_deg < {hues[k + 1]}:" if k < 3 else ":")
        start = f"{100.0 * k} + " if k else ""
        branches.append(
            f"{head}\n    from_low = {_over(f'hue_deg - {hues[k]}', weights[k])}\n"
            f"    to_high = {_over(f'{hues[k + 1]} - hue_deg', weights[k + 1])}\n"
            f"    H = {start}100.0 * from_low / (from_low + to_high)"
        )
    return "\n".join(branches)
