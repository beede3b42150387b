"""Patterns on surfaces, by formula: textures of noise and bumps that tilt the normal."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rendering import DOMAIN
from warpgen.synthesis.library import value_noise
from warpgen.synthesis.library.proofs import mostly_close
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "points": "positions|p_in|surface_points",
    "color": "color_out|albedo|rgb",
    "value": "pattern|mask_value",
    "scale": "frequency|tiling|freq",
    "height": "bump_map|height_map|displacement",
    "normals": "shading_normals|n_out|perturbed",
    "strength": "bump_scale|amount|depth_scale",
}


@DOMAIN.algorithm(
    source="Perlin 1985, An image synthesizer; Ebert et al. 2003, Texturing and modeling",
    names=_NAMES | {"procedural_texture": "texture_pattern|evaluate_texture|procedural_color|shade_pattern"},
    adjoint="no",
)
def procedural_texture(d: Draft) -> None:
    """Evaluates a procedural texture."""
    kind = d.option("pattern", "checker", "marble", "wood", "clouds", "stripes", "bricks", "dots")
    mix = d.option("colours", "given", "grey", "constant")
    layout = d.option("layout", "vec3", "uv")
    if kind in ("bricks", "dots"):
        layout = "uv"
    octaves, n = d.pick(2, 3, 4), d.pick(64, 96, 128)
    flat = layout == "uv"
    d.input("points", "vec2" if flat else "vec3", n, -1.0, 1.0, about="Sample points")
    repeated = {
        "checker": "Cells", "marble": "Waves", "wood": "Rings", "clouds": "Number of cells of the coarsest noise octave",
        "stripes": "Stripes", "bricks": "Number of brick rows", "dots": "Dots",
    }[kind]  # fmt: skip
    along = " along each axis" if kind in ("stripes", "dots") else ""
    d.param("scale", "float", 2.0, 5.0, about=f"{repeated} per unit length{along}")
    if mix == "given":
        d.param("dark", "vec3", 0.0, 0.4, about="Dark pattern color")
        d.param("light", "vec3", 0.6, 1.0, about="Light pattern color")
    out = "value" if mix == "grey" else "color"
    d.output(
        out,
        "float" if mix == "grey" else "vec3",
        n,
        about="Pattern value in [0, 1]" if mix == "grey" else "Colors",
    )
    fbm = value_noise.FBM_2 if flat else value_noise.FBM_3
    axes = 2 if flat else 3
    cells = " + ".join(f"int(wp.floor(p[{k}]))" for k in range(axes))
    noise = d.use(fbm) if kind in ("marble", "wood", "clouds") else ""
    radius = "wp.sqrt(p[0] * p[0] + p[1] * p[1])"
    body = {
        "checker": f"""
            cell = {cells}
            # use the lowest bit, since % keeps the sign of negative values
            t = float(cell & 1)
            """,
        "marble": f"""
            # marble: sine wave with noise-perturbed phase
            t = 0.5 + 0.5 * wp.sin(2.0 * wp.pi * (p[0] + 2.0 * {noise}(p, {octaves})))
            """,
        "wood": f"""
            # wood: concentric rings, slightly perturbed
            r = {radius} + 0.3 * {noise}(p, {octaves})
            t = r - wp.floor(r)
            """,
        "clouds": f"t = wp.smoothstep(0.3, 0.7, {noise}(p, {octaves}))",
        "stripes": """
            s = p[0] + p[1]
            w = s - wp.floor(s)
            t = wp.smoothstep(0.4, 0.6, 2.0 * wp.abs(w - 0.5))
            """,
        "bricks": """
            row = wp.floor(p[1])
            # shift odd rows by half a brick
            x = 0.5 * p[0] + 0.5 * float(int(row) & 1)
            u = x - wp.floor(x)
            v = p[1] - row
            # mortar on two sides of each brick
            t = wp.where(u < 0.05 or v < 0.1, 0.0, 1.0)
            """,
        "dots": """
            u = p[0] - wp.floor(p[0]) - 0.5
            v = p[1] - wp.floor(p[1]) - 0.5
            t = 1.0 - wp.smoothstep(0.25, 0.35, wp.sqrt(u * u + v * v))
            """,
    }[kind]
    d.says(
        {
            "checker": "Evaluates a checkerboard texture.",
            "marble": "Evaluates a marble texture using sine waves with noise-perturbed phase.",
            "wood": "Evaluates a wood texture using noise-perturbed concentric rings.",
            "clouds": "Evaluates a fractal noise texture.",
            "stripes": "Evaluates a soft diagonal stripe texture.",
            "bricks": "Evaluates a brick texture with mortar joints.",
            "dots": "Evaluates a polka dot texture.",
        }[kind]
    )
    constants = ((0.2, 0.1, 0.05), (0.9, 0.8, 0.6))
    if mix == "constant":
        d.module(
            "\n".join(
                f"{k} = wp.constant(wp.vec3{c})" for k, c in zip(("DARK", "LIGHT"), constants, strict=True)
            )
        )
    low, high = ("dark", "light") if mix == "given" else ("DARK", "LIGHT")
    d.launch(n)
    d.code(
        f"tid = wp.tid()\np = scale * points[tid]\n$body\n{out}[tid] = $value",
        body=body,
        value="t" if mix == "grey" else f"wp.lerp({low}, {high}, t)",
    )

    def agrees(v: Values, after: Values) -> None:
        p = v.scale * v.points
        if kind == "checker":
            t = np.floor(p).sum(axis=1) % 2
        elif kind == "marble":
            t = 0.5 + 0.5 * np.sin(2.0 * np.pi * (p[:, 0] + 2.0 * fbm(p, octaves)))
        elif kind == "wood":
            t = np.mod(np.linalg.norm(p[:, :2], axis=1) + 0.3 * fbm(p, octaves), 1.0)
        elif kind == "clouds":
            t = _smoothstep(0.3, 0.7, fbm(p, octaves))
        elif kind == "stripes":
            t = _smoothstep(0.4, 0.6, 2.0 * np.abs(np.mod(p[:, 0] + p[:, 1], 1.0) - 0.5))
        elif kind == "bricks":
            row = np.floor(p[:, 1])
            t = (np.mod(0.5 * p[:, 0] + 0.5 * (row % 2), 1.0) >= 0.05) & (np.mod(p[:, 1], 1.0) >= 0.1)
        else:
            t = 1.0 - _smoothstep(0.25, 0.35, np.linalg.norm(np.mod(p, 1.0) - 0.5, axis=1))
        t = np.asarray(t, float)
        if mix != "grey":
            a, b = (np.asarray(v.dark), np.asarray(v.light)) if mix == "given" else np.array(constants)
            t = a + t[:, None] * (b - a)
        mostly_close(after[out], t, 5e-3, 0.95)

    d.holds(agrees)


def _smoothstep(low: float, high: float, x: Any) -> Any:
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


@DOMAIN.algorithm(
    source="Blinn 1978, Simulation of wrinkled surfaces; Mikkelsen 2010; Barre-Brisebois & Hill 2012",
    names=_NAMES | {"bump_normals": "normal_from_height|bump_mapping|normal_map|perturb_normals"},
    double=True,
)
def bump_normals(d: Draft) -> None:
    """Perturbs normals with a height field or a normal map."""
    source = d.option("source", "height", "normal map", "detail")
    d.calls({
        "height": "normal_from_height|bump_normals|height_to_normals|build_normal_map",
        "normal map": "apply_normal_map|tangent_to_world|perturb_normals",
        "detail": "blend_normal_maps|detail_normals|combine_normals",
    }[source])  # fmt: skip
    stencil = d.option("stencil", "central", "sobel", "forward") if source == "height" else "none"
    edge = d.option("edge", "clamp", "wrap")
    encoded = d.flag("encoded") if source == "height" else False
    world = d.flag("world", 0.6) if source != "height" else False
    if source == "normal map" and not world:
        d.calls("decode_normal_map|unpack_normal_map|decode_normals")
    h, w = d.pick(8, 10, 12), d.pick(10, 12, 14)
    d.says(
        {
            "height": "Computes a normal map from a height field.",
            "normal map": "Transforms normal map samples from tangent space to world space."
            if world
            else "Decodes normal map samples to unit normals in tangent space.",
            "detail": f"Blends two normal maps (base and detail){' and rotates them to world space' if world else ''}.",
        }[source]
    )
    if source == "height":
        d.input("height", "float", (h, w), 0.0, 1.0, about="Height map")
        d.param("strength", "float", 0.5, 2.0, about="Height scale")
        made = "normal_map" if encoded else "normals"
        d.output(
            made,
            "vec3",
            (h, w),
            about="Encoded in [0, 1]" if encoded else "Unit normals, x along columns, y along rows, z up",
        )
        if encoded:
            d.says("Computes a normal map, encoded in [0, 1], from a height field.")

        def index(name: str, shift: str, size: str) -> str:
            back = shift.startswith("-")
            if edge == "wrap":
                return f"({name} {shift}{f' + {size}' if back else ''}) % {size}"
            return f"wp.max({name} {shift}, 0)" if back else f"wp.min({name} {shift}, {size} - 1)"

        neighbours = f"""
            up = {index("i", "- 1", "rows")}
            down = {index("i", "+ 1", "rows")}
            left = {index("j", "- 1", "cols")}
            right = {index("j", "+ 1", "cols")}
            """
        slopes = {
            "central": """
                dx = 0.5 * (height[i, right] - height[i, left])
                dy = 0.5 * (height[down, j] - height[up, j])
                """,
            "forward": "dx = height[i, right] - height[i, j]\ndy = height[down, j] - height[i, j]",
            "sobel": """
                dx = (
                    height[up, right] + 2.0 * height[i, right] + height[down, right]
                    - height[up, left] - 2.0 * height[i, left] - height[down, left]
                ) / 8.0
                dy = (
                    height[down, left] + 2.0 * height[down, j] + height[down, right]
                    - height[up, left] - 2.0 * height[up, j] - height[up, right]
                ) / 8.0
                """,
        }[stencil]
        if stencil == "forward":
            keep = ("down =", "right =")
            neighbours = "\n".join(x.strip() for x in neighbours.split("\n") if x.strip().startswith(keep))
        value = "0.5 * n + wp.vec3(0.5, 0.5, 0.5)" if encoded else "n"
        d.launch(h, w)
        d.code(
            """
            i, j = wp.tid()
            rows = height.shape[0]
            cols = height.shape[1]
            $neighbours
            $slopes
            n = wp.normalize(wp.vec3(-strength * dx, -strength * dy, 1.0))
            $made[i, j] = $value
            """,
            made=made,
            neighbours=neighbours,
            slopes=slopes,
            value=value,
        )

        def reference(v: Values) -> dict[str, Any]:
            f = np.pad(v.height, 1, mode="wrap" if edge == "wrap" else "edge")
            if stencil == "forward":
                dx, dy = f[1:-1, 2:] - f[1:-1, 1:-1], f[2:, 1:-1] - f[1:-1, 1:-1]
            elif stencil == "central":
                dx, dy = (f[1:-1, 2:] - f[1:-1, :-2]) / 2.0, (f[2:, 1:-1] - f[:-2, 1:-1]) / 2.0
            else:
                smooth = f[:-2] + 2.0 * f[1:-1] + f[2:]
                dx = (smooth[:, 2:] - smooth[:, :-2]) / 8.0
                smooth = f[:, :-2] + 2.0 * f[:, 1:-1] + f[:, 2:]
                dy = (smooth[2:] - smooth[:-2]) / 8.0
            n = np.stack([-v.strength * dx, -v.strength * dy, np.ones_like(dx)], axis=-1)
            n = n / np.linalg.norm(n, axis=-1, keepdims=True)
            return {made: 0.5 * n + 0.5 if encoded else n}

        d.check(reference, 1e-3)
        return
    n = d.pick(48, 64, 96)
    d.input("mapped", "vec2", n, 0.2, 0.8, about="Normal map samples (x, y), encoded in [0, 1]")
    if source == "detail":
        d.input("detail", "vec2", n, 0.2, 0.8, about="Detail normal map samples (x, y), encoded in [0, 1]")
    d.function('''
        @wp.func
        def decode_normal(texel: wp.vec2) -> wp.vec3:
            """Decode a unit normal from (x, y) stored in [0, 1], with positive z."""
            x = 2.0 * texel[0] - 1.0
            y = 2.0 * texel[1] - 1.0
            return wp.vec3(x, y, wp.sqrt(1.0 - x * x - y * y))
    ''')
    if world:
        d.input("geometric", "vec3", n, kind="unit", about="Unit surface normals")
        d.input("tangents", "vec3", n, kind="unit", about="Unit tangents")
    d.output("normals", "vec3", n, about="Unit surface normals")
    blend = """
            coarse = decode_normal(mapped[tid])
            fine = decode_normal(detail[tid])
            # reoriented normal mapping: rotate the detail normal by the rotation from (0, 0, 1) to the base normal
            base = coarse + wp.vec3(0.0, 0.0, 1.0)
            u = wp.vec3(-fine[0], -fine[1], fine[2])
            m = base * (wp.dot(base, u) / base[2]) - u
            """
    if source == "normal map":
        blend = "m = decode_normal(mapped[tid])"
    d.launch(n)
    d.code(
        "tid = wp.tid()\n$blend\n$store",
        blend=blend,
        store="""
        N = geometric[tid]
        # Gram-Schmidt, since interpolated tangents are not orthogonal to the normal
        T = wp.normalize(tangents[tid] - wp.dot(tangents[tid], N) * N)
        B = wp.cross(N, T)
        normals[tid] = wp.normalize(m[0] * T + m[1] * B + m[2] * N)
        """
        if world
        else "normals[tid] = m"
        if source == "normal map"
        else "normals[tid] = wp.normalize(m)",
    )

    def mapped(v: Values) -> dict[str, Any]:
        def decoded(texels: Any) -> Any:
            xy = 2.0 * texels - 1.0
            return np.column_stack([xy, np.sqrt(1.0 - (xy**2).sum(axis=1))])

        m = decoded(v.mapped)
        if source == "detail":
            fine = decoded(v.detail)
            base = m + np.array([0.0, 0.0, 1.0])
            u = fine * np.array([-1.0, -1.0, 1.0])
            m = base * ((base * u).sum(1) / base[:, 2])[:, None] - u
        if world:
            nrm = v.geometric
            t = v.tangents - (v.tangents * nrm).sum(1, keepdims=True) * nrm
            t = t / np.linalg.norm(t, axis=1, keepdims=True)
            m = np.einsum("nk,nkc->nc", m, np.stack([t, np.cross(nrm, t), nrm], axis=1))
        return {"normals": m / np.linalg.norm(m, axis=1, keepdims=True)}

    d.check(mapped, 5e-3)
