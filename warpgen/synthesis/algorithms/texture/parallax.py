"""Height maps seen from the side."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.texture import DOMAIN
from warpgen.synthesis.algorithms.texture.texels import image, sample
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Policarpo, Oliveira & Comba 2005; Tatarchuk 2006 (parallax occlusion)",
    names={
        "uv": "uvs|texcoords|st_in",
        "tex": "height_map|heights",
        "view": "view_dir|eye_dir|to_eye",
        "shifted": "uv_out|parallax_st|displaced_uv",
        "depth_scale": "height_scale|parallax_scale|relief",
    },
    adjoint="no",
)
def parallax_offset(d: Draft) -> None:
    """Offsets texture coordinates using parallax mapping with a height map."""
    method = d.option("method", "offset", "limited", "steep", "occlusion", "relief")
    bias = d.flag("bias", 0.4) if method in ("offset", "limited") else False
    d.calls({
        "offset": "parallax_offset|parallax_mapping|parallax_uv",
        "limited": "parallax_offset|parallax_mapping|parallax_uv",
        "steep": "steep_parallax|heightfield_march|march_heights",
        "occlusion": "parallax_occlusion|occlusion_mapping|heightfield_march",
        "relief": "relief_mapping|relief_march|relief_search",
    }[method])  # fmt: skip
    m = d.pick(48, 64, 96)
    steps = d.pick(6, 8, 10)
    image(d, "tex", 1)
    d.input("uv", "vec2", m, 0.3, 0.7, about="Texture coordinates")
    d.input("view", "vec3", m, 0.3, 1.0, about="Tangent-space view directions, pointing towards the eye")
    d.param("depth_scale", "float", 0.05, 0.15, about="Height map depth scale")
    if method in ("steep", "occlusion", "relief"):
        d.param("num_layers", "int", steps, about="Number of linear search layers")
    if bias:
        d.param("bias", "float", 0.3, 0.6, about="Height map bias")
    d.output("shifted", "vec2", m, about="Offset texture coordinates")
    lines = ["tid = wp.tid()", "st = uv[tid]" if method in ("offset", "limited") else "here = uv[tid]"]
    lines += ["v = wp.normalize(view[tid])" if method == "limited" else "v = view[tid]"]
    fetch = "wp.texture_sample(tex, {}, dtype=float)"
    if method in ("offset", "limited"):
        lines += [f"height = {fetch.format('st')}{' - bias' if bias else ''}"]
        if method == "limited":
            lines += [
                "# Offset limiting: skip the division by v[2] to avoid swimming at grazing angles",
                "slide = wp.vec2(v[0], v[1])",
            ]
        else:
            lines += ["slide = wp.vec2(v[0], v[1]) / v[2]"]
        lines += ["shifted[tid] = st + depth_scale * height * slide"]
    else:
        lines += [
            "# Linear search: step through the layers until the ray is below the surface",
            "layer = 1.0 / float(num_layers)",
            "step = wp.vec2(v[0], v[1]) * (depth_scale * layer / v[2])",
            "depth = float(0.0)",
            f"surface = 1.0 - {fetch.format('here')}",
            "before = surface",
            "for _ in range(num_layers):",
            "    if depth >= surface:",
            "        break",
            "    before = surface",
            "    here -= step",
            "    depth += layer",
            f"    surface = 1.0 - {fetch.format('here')}",
        ]
        if method == "steep":
            lines = [line for line in lines if "before" not in line]
            lines += ["shifted[tid] = here"]
        elif method == "occlusion":
            lines += [
                "# Secant step: linearly intersect the ray and the surface between the last two layers",
                "under = depth - surface",
                "over = before - (depth - layer)",
                "t = under / wp.max(under + over, 1.0e-6)",
                "shifted[tid] = here + t * step",
            ]
        else:
            lines = [line for line in lines if "before" not in line]
            lines += [
                "# Refine with bisection between the last two layers",
                "for _ in range(BISECTIONS):",
                "    step = 0.5 * step",
                "    layer = 0.5 * layer",
                f"    if depth >= 1.0 - {fetch.format('here')}:",
                "        here += step",
                "        depth -= layer",
                "    else:",
                "        here -= step",
                "        depth += layer",
                "shifted[tid] = here",
            ]
    if method == "relief":
        d.module("BISECTIONS = wp.constant(4)")
    d.launch(m)
    d.code("\n".join(lines))
    level = (
        "a height of 1 corresponds to the surface"
        if method not in ("offset", "limited")
        else f"a height of {'`bias`' if bias else '0'} gives no offset"
    )
    d.explain(f"`view` is in tangent space, towards the eye; {level}.")
    d.says({
        "offset": "Offsets texture coordinates using parallax mapping with a height map.",
        "limited": "Offsets texture coordinates using parallax mapping with offset limiting.",
        "steep": "Offsets texture coordinates using steep parallax mapping (linear search through height map layers).",
        "occlusion": "Offsets texture coordinates using parallax occlusion mapping with a height map.",
        "relief": "Offsets texture coordinates using relief mapping (linear search followed by bisection).",
    }[method])  # fmt: skip

    def holds(before: Values, after: Values) -> None:
        v = before

        def f(st: Any) -> float:
            return float(sample(v.tex, np.asarray(st)[None])[0, 0])

        wrong = 0
        for k in range(m):
            st, e = v.uv[k], v.view[k]
            slide = e[:2] / (np.linalg.norm(e) if method == "limited" else e[2])
            if method in ("offset", "limited"):
                expected = st + v.depth_scale * (f(st) - (v.bias if bias else 0.0)) * slide
            else:
                step = slide * v.depth_scale / steps
                rays = [st - j * step for j in range(steps + 1)]
                gap = np.array([1 - f(r) - j / steps for j, r in enumerate(rays)])
                hit = int(np.argmax(gap <= 0)) if (gap <= 0).any() else steps
                expected = rays[hit]
                if method == "occlusion" and gap[hit] <= 0 and hit:
                    t = -gap[hit] / max(gap[hit - 1] - gap[hit], 1e-6)
                    expected = expected + t * step
                elif method == "relief":
                    depth, size = hit / steps, 1.0
                    for _ in range(4):
                        size /= 2
                        sign = 1 if depth >= 1 - f(expected) else -1
                        expected, depth = expected + sign * size * step, depth - sign * size / steps
            wrong += bool(abs(after.shifted[k] - expected).max() > 1e-3)
        assert wrong <= 1, f"{wrong} rays end elsewhere"  # one may graze the surface to the last bit

    d.holds(holds)
