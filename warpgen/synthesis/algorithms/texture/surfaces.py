"""Textures on surfaces: maps of normals and heights, and projections."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.texture import DOMAIN
from warpgen.synthesis.algorithms.texture.texels import image, sample
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "uv": "uvs|texcoords|st",
    "tex": "texture|image|tex_map",
    "normals": "vertex_normals|nrm|n_in",
    "x": "positions|points|world_pos",
}


@DOMAIN.algorithm(
    source="Blinn 1978 (bump maps); Cohen, Olano & Manocha 1998 (normal maps)",
    names=_NAMES
    | {
        "normal_map": "normal_tex|map_texture",
        "height_map": "height_tex|bump_map",
        "slope_map": "slope_tex|derivative_map",
        "perturbed": "normals_out|shading_normals|new_normals",
        "strength": "bump_scale|intensity|amount",
    },
    adjoint="no",
    weight=4,
)
def perturb_normals(d: Draft) -> None:
    """Perturbs surface normals using a texture."""
    source = d.option("map", "normal", "height", "derivative")
    frame = d.option("frame", "tangents", "axis", "plane")
    style = d.option("coordinates", "vector", "two")
    scaled = d.flag("strength")
    m = d.pick(48, 64, 96)
    d.says(
        {
            "normal": "Applies a tangent-space normal map to surface normals.",
            "height": "Perturbs surface normals using a height map gradient (bump mapping).",
            "derivative": "Perturbs surface normals using a slope map.",
        }[source]
    )
    d.calls({
        "normal": "apply_normal_map|normal_mapping|perturb_normals",
        "height": "bump_mapping|bump_normals|perturb_normals",
        "derivative": "apply_slope_map|slope_mapping|perturb_normals",
    }[source])  # fmt: skip
    if frame == "plane":
        d.says({
            "normal": "Decodes tangent-space normals from a normal map.",
            "height": "Computes tangent-space normals from a height map.",
            "derivative": "Computes tangent-space normals from a slope map.",
        }[source])  # fmt: skip
        d.calls({
            "normal": "decode_normals|decode_normal_map|unpack_normals",
            "height": "height_to_normals|normals_from_heights|height_map_normals",
            "derivative": "slopes_to_normals|normals_from_slopes|slope_map_normals",
        }[source])  # fmt: skip
    tex = {"normal": "normal_map", "height": "height_map", "derivative": "slope_map"}[source]
    image(d, tex, {"normal": 4, "height": 1, "derivative": 2}[source])
    d.input("uv", "vec2", m, 0.1, 0.9, about="Texture coordinates")
    if frame != "plane":
        d.input("normals", "vec3", m, kind="unit", about="Unit surface normals")
    if frame == "tangents":
        d.input("tangents", "vec4", m, -1.0, 1.0, about="Tangents with handedness in w")
    elif frame == "axis":
        d.param("u_axis", "vec3", 0.0, 1.0, kind="unit", about="Direction of increasing u")
    if scaled:
        d.param(
            "strength",
            "float",
            0.2,
            1.0,
            about="Tangential component scale" if source == "normal" else "Slope scale",
        )
    if source == "height":
        d.param("spacing", "float", 0.04, 0.08, about="Sample spacing in texture coordinates")
    about = "Tangent-space unit normals" if frame == "plane" else "Perturbed normals"
    d.output("perturbed", "vec3", m, about=about)

    def fetch(u: str, v: str, dtype: str) -> str:
        if style == "two":
            return f"wp.texture_sample({tex}, {u}, {v}, dtype={dtype})"
        return f"wp.texture_sample({tex}, wp.vec2({u}, {v}), dtype={dtype})"

    lines = ["tid = wp.tid()", "st = uv[tid]"]

    def by_strength(x: str) -> str:
        return f"strength * ({x})" if scaled else x

    plain = (
        f"wp.texture_sample({tex}, st, dtype={{}})"
        if style == "vector"
        else f"wp.texture_sample({tex}, st[0], st[1], dtype={{}})"
    )
    if source == "normal":
        lines += [
            f"c = {plain.format('wp.vec4')}",
            "# Unpack from [0, 1] to [-1, 1]",
            f"dx = {by_strength('2.0 * c[0] - 1.0')}",
            f"dy = {by_strength('2.0 * c[1] - 1.0')}",
        ]
        lines += [
            "# Reconstruct z assuming a unit-length normal",
            "dz = wp.sqrt(wp.max(1.0 - dx * dx - dy * dy, 0.0))",
        ]
    elif source == "height":
        lines += [
            f"left = {fetch('st[0] - spacing', 'st[1]', 'float')}",
            f"right = {fetch('st[0] + spacing', 'st[1]', 'float')}",
            f"below = {fetch('st[0]', 'st[1] - spacing', 'float')}",
            f"above = {fetch('st[0]', 'st[1] + spacing', 'float')}",
            f"dx = {'strength * ' if scaled else ''}(left - right) / (2.0 * spacing)",
            f"dy = {'strength * ' if scaled else ''}(below - above) / (2.0 * spacing)",
        ]
    else:
        lines += [
            f"slope = {plain.format('wp.vec2')}",
            "# Unpack from [0, 1] to [-1, 1]; the normal tilts against the slope",
            f"dx = {by_strength('1.0 - 2.0 * slope[0]')}",
            f"dy = {by_strength('1.0 - 2.0 * slope[1]')}",
        ]
    if frame == "plane":
        lines.append(
            f"perturbed[tid] = wp.normalize(wp.vec3(dx, dy, {'dz' if source == 'normal' else '1.0'}))"
        )
    else:
        lines.append("n = normals[tid]")
        if frame == "tangents":
            lines += [
                "t4 = tangents[tid]",
                "t = wp.vec3(t4[0], t4[1], t4[2])",
                "# Gram-Schmidt: re-orthogonalize the interpolated tangent",
                "t = wp.normalize(t - wp.dot(t, n) * n)",
                "# Tangent handedness is stored in w (-1 for mirrored UVs)",
                "b = wp.cross(n, t) * wp.sign(t4[3])",
            ]
        else:
            lines += [
                "# Project the u axis onto the tangent plane",
                "t = wp.normalize(u_axis - wp.dot(u_axis, n) * n)",
                "b = wp.cross(n, t)",
            ]
        up = "dz * n" if source == "normal" else "n"
        lines.append(f"perturbed[tid] = wp.normalize(dx * t + dy * b + {up})")
    d.launch(m)
    d.code("\n".join(lines))

    def reference(v: Values) -> dict[str, Any]:
        s = v.strength if scaled else 1.0
        if source == "normal":
            c = 2 * sample(v[tex], v.uv) - 1
            dx, dy = s * c[:, 0], s * c[:, 1]
            dz = np.sqrt(np.maximum(1 - dx**2 - dy**2, 0))
        elif source == "height":
            e = np.eye(2) * v.spacing
            dx, dy = (
                s * (sample(v[tex], v.uv - k_) - sample(v[tex], v.uv + k_))[:, 0] / (2 * v.spacing)
                for k_ in e
            )
            dz = np.ones(m)
        else:
            dx, dy = (-s * (2 * sample(v[tex], v.uv) - 1)).T
            dz = np.ones(m)
        if frame == "plane":
            new = np.stack([dx, dy, dz], -1)
        else:
            n = v.normals
            t = v.tangents[:, :3] if frame == "tangents" else np.asarray(v.u_axis)
            t = t - (t * n).sum(-1, keepdims=True) * n
            t = t / np.linalg.norm(t, axis=-1, keepdims=True)
            b = np.cross(n, t) * (np.sign(v.tangents[:, 3:]) if frame == "tangents" else 1.0)
            new = dx[:, None] * t + dy[:, None] * b + dz[:, None] * n
        return {"perturbed": new / np.linalg.norm(new, axis=-1, keepdims=True)}

    d.check(reference, 2e-3)


@DOMAIN.algorithm(
    source="Geiss 2007, GPU Gems 3, ch. 1 (triplanar)",
    names=_NAMES
    | {
        "color": "albedo|sampled|texture_color",
        "tiling": "uv_scale|frequency|repeat",
        "blend": "weights|w|axis_weight",
    },
    adjoint="no",
    element="point",
)
def project_texture(d: Draft) -> None:
    """Projects a texture onto points without UV coordinates."""
    projection = d.option("projection", "triplanar", "dominant", "cylinder", "sphere", "plane")
    channels = d.option("channels", 1, 4)
    sharp = d.option("sharpness", "power", "square", "linear") if projection == "triplanar" else "linear"
    m = d.pick(48, 64, 96)
    d.says(
        {
            "triplanar": "Applies triplanar texture mapping using normal-based blend weights.",
            "dominant": "Applies planar texture mapping along the dominant normal axis.",
            "cylinder": "Applies cylindrical texture mapping.",
            "sphere": "Applies spherical texture mapping.",
            "plane": "Projects a texture onto points along the z axis of a projector frame.",
        }[projection]
    )
    d.calls({
        "triplanar": "triplanar_sample|triplanar_mapping|blend_projections",
        "dominant": "dominant_axis_mapping|box_mapping|project_by_normal",
        "cylinder": "cylindrical_mapping|cylinder_projection|wrap_cylinder",
        "sphere": "spherical_mapping|sphere_projection|wrap_sphere",
        "plane": "planar_projection|planar_mapping|project_decal",
    }[projection])  # fmt: skip
    image(d, "tex", channels)
    d.input("x", "vec3", m, -0.9, 0.9, about="Surface positions")
    if projection in ("triplanar", "dominant"):
        d.input("normals", "vec3", m, kind="unit", about="Unit surface normals")
        d.param("tiling", "float", 0.3, 0.5, about="Texture repeats per unit length")
    if sharp == "power":
        d.param("sharpness", "float", 2.0, 8.0, about="Blend weight exponent")
    if projection == "plane":
        d.param("frame", "transform", -0.2, 0.2, kind="transform", about="Projector pose")
        d.param("extent", "float", 2.5, 4.0, about="Projection size")
    if projection == "cylinder":
        d.param("height", "float", 2.0, 3.0, about="Projection height")
    kind = "float" if channels == 1 else "vec4"
    spelled = "float" if channels == 1 else "wp.vec4"
    d.output("color", kind, m, about="Sampled colors")
    lines = ["tid = wp.tid()", "p = x[tid]"]
    fetch = f"wp.texture_sample(tex, {{}}, dtype={spelled})"
    if projection == "triplanar":
        lines += ["n = normals[tid]"]
        weight = {
            "power": "wp.pow(wp.abs(n[{}]), sharpness)",
            "square": "n[{0}] * n[{0}]",
            "linear": "wp.abs(n[{}])",
        }[sharp]
        if sharp == "square":
            lines.append("# n^2 sums to one for a unit normal, so no normalization is needed")
        lines += [f"w{c} = {weight.format(a)}" for a, c in enumerate("xyz")]
        lines += ["q = tiling * p + wp.vec3(0.5, 0.5, 0.5)"]
        for c, (a, b) in zip("xyz", ((1, 2), (0, 2), (0, 1)), strict=True):
            lines.append(f"c{c} = {fetch.format(f'wp.vec2(q[{a}], q[{b}])')}")
        lines += [
            "color[tid] = wx * cx + wy * cy + wz * cz"
            if sharp == "square"
            else "color[tid] = (wx * cx + wy * cy + wz * cz) / (wx + wy + wz)"
        ]
    elif projection == "dominant":
        lines += [
            "n = normals[tid]",
            "ax = wp.abs(n[0])",
            "ay = wp.abs(n[1])",
            "az = wp.abs(n[2])",
            "if ax > ay and ax > az:",
            "    st = wp.vec2(p[1], p[2])",
            "elif ay > az:",
            "    st = wp.vec2(p[0], p[2])",
            "else:",
            "    st = wp.vec2(p[0], p[1])",
            f"color[tid] = {fetch.format('tiling * st + wp.vec2(0.5, 0.5)')}",
        ]
    elif projection == "cylinder":
        lines += [
            "# The seam is at negative x",
            "u = wp.atan2(p[1], p[0]) / (2.0 * wp.pi) + 0.5",
            "v = p[2] / height + 0.5",
            f"color[tid] = {fetch.format('wp.vec2(u, v)')}",
        ]
    elif projection == "sphere":
        lines += [
            "r = wp.length(p)",
            "u = wp.atan2(p[1], p[0]) / (2.0 * wp.pi) + 0.5",
            "v = wp.acos(wp.clamp(p[2] / r, -1.0, 1.0)) / wp.pi",
            f"color[tid] = {fetch.format('wp.vec2(u, v)')}",
        ]
    else:
        lines += [
            "local = wp.transform_point(wp.transform_inverse(frame), p)",
            "st = wp.vec2(local[0] / extent + 0.5, local[1] / extent + 0.5)",
            f"color[tid] = {fetch.format('st')}",
        ]
    d.launch(m)
    d.code("\n".join(lines))

    def reference(v: Values) -> dict[str, Any]:
        p = v.x
        if projection in ("triplanar", "dominant"):
            q = v.tiling * p + 0.5
            sides = np.stack([sample(v.tex, q[:, list(ab)]) for ab in ((1, 2), (0, 2), (0, 1))], 1)
            w = abs(v.normals)
            if projection == "dominant":
                value = sides[np.arange(m), w.argmax(1)]
            else:
                w = w ** {"power": v.get("sharpness"), "square": 2, "linear": 1}[sharp]
                value = (w[..., None] * sides).sum(1) / w.sum(1, keepdims=True)
        else:
            u = np.arctan2(p[:, 1], p[:, 0]) / (2 * np.pi) + 0.5
            if projection == "cylinder":
                st = np.stack([u, p[:, 2] / v.height + 0.5], -1)
            elif projection == "sphere":
                polar = np.arctan2(np.hypot(p[:, 0], p[:, 1]), p[:, 2]) / np.pi
                st = np.stack([u, polar], -1)
            else:
                t, axis, scalar = v.frame[:3], -v.frame[3:6], v.frame[6]
                r = p - t
                axis = np.broadcast_to(axis, r.shape)
                local = r + 2 * np.cross(axis, np.cross(axis, r) + scalar * r)
                st = local[:, :2] / v.extent + 0.5
            value = sample(v.tex, st)
        return {"color": value[:, 0] if channels == 1 else value}

    d.check(reference, 2e-3)
