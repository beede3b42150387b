"""Environment maps: light from afar."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.texture import DOMAIN
from warpgen.synthesis.algorithms.texture.texels import image, sample
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Blinn & Newell 1976; Debevec 1998 (light probes); Ramamoorthi & Hanrahan 2001",
    names={
        "normals": "vertex_normals|nrm|n_in",
        "tex": "env_map|environment|panorama",
        "dirs": "view_dirs|directions|rays",
        "radiance": "light|incoming|env_color",
        "intensity": "exposure|env_scale|gain",
    },
    adjoint="no",
)
def environment_light(d: Draft) -> None:
    """Samples an environment map."""
    mapping = d.option("mapping", "latlong", "probe", "octahedral", "dome")
    use = d.option("use", "direction", "reflection", "refraction")
    up = d.option("up", 1, 2)
    turned = d.flag("turned", 0.35) if mapping == "latlong" else False
    m = d.pick(48, 64, 96)
    name = {
        "latlong": "a latitude-longitude map",
        "probe": "an angular light probe",
        "octahedral": "an octahedral map",
        "dome": "an orthographic dome map",
    }[mapping]
    way = {
        "direction": "in given directions",
        "reflection": "along reflected view directions",
        "refraction": "along refracted view directions, with total internal reflection",
    }[use]
    d.says(f"Samples radiance from {name} {way}.")
    d.calls({
        "direction": "sample_environment|env_lookup|environment_light|image_based_light",
        "reflection": "reflection_lookup|sample_reflection|environment_reflection",
        "refraction": "refraction_lookup|sample_refraction|environment_refraction",
    }[use])  # fmt: skip
    image(d, "tex", 4)
    d.input(
        "dirs",
        "vec3",
        m,
        kind="unit",
        about="Lookup directions" if use == "direction" else "View directions, pointing towards the surface",
    )
    if use != "direction":
        d.input("normals", "vec3", m, kind="unit", about="Unit surface normals")
    if use == "refraction":
        d.param(
            "eta",
            "float",
            0.6,
            0.9,
            about="Relative refractive index (normal side over opposite side)",
        )
    if turned:
        d.param("azimuth", "float", 0.5, 2.5, about="Environment rotation angle [rad]")
    d.param("intensity", "float", 0.5, 2.0, about="Environment intensity scale")
    d.output("radiance", "vec3", m, about="Sampled radiance")
    lines = ["tid = wp.tid()", "w = dirs[tid]"]
    if use == "reflection":
        lines += ["n = normals[tid]", "w = w - 2.0 * wp.dot(w, n) * n"]
    elif use == "refraction":
        lines += [
            "n = normals[tid]",
            "cos_i = -wp.dot(w, n)",
            "ratio = eta",
            "if cos_i < 0.0:",
            "    # Exiting the medium",
            "    n = -n",
            "    cos_i = -cos_i",
            "    ratio = 1.0 / eta",
            "# Snell's law",
            "cos_t_squared = 1.0 - ratio * ratio * (1.0 - cos_i * cos_i)",
            "if cos_t_squared < 0.0:",
            "    # Total internal reflection",
            "    w = w + 2.0 * cos_i * n",
            "else:",
            "    w = ratio * w + (ratio * cos_i - wp.sqrt(cos_t_squared)) * n",
        ]
    a, b, c = (2, 0, 1) if up == 1 else (0, 1, 2)
    if mapping == "latlong":
        lines += [f"u = wp.atan2(w[{b}], w[{a}]) / (2.0 * wp.pi) + 0.5"]
        if turned:
            lines += [
                "# A sky rotation is a shift in u",
                "u = u + azimuth / (2.0 * wp.pi)",
                "u = u - wp.floor(u)",
            ]
        lines += [f"v = wp.acos(wp.clamp(w[{c}], -1.0, 1.0)) / wp.pi"]
    elif mapping == "probe":
        lines += [
            f"r = wp.acos(wp.clamp(w[{c}], -1.0, 1.0)) / wp.pi",
            "# Angular map: the radius is proportional to the angle from the axis",
            f"side = wp.max(wp.sqrt(w[{a}] * w[{a}] + w[{b}] * w[{b}]), 1.0e-6)",
            f"u = 0.5 + 0.5 * r * w[{a}] / side",
            f"v = 0.5 + 0.5 * r * w[{b}] / side",
        ]
    elif mapping == "dome":
        lines += [
            f"if w[{c}] < 0.0:",
            "    # Directions below the horizon are black",
            "    radiance[tid] = wp.vec3()",
            "    return",
            f"u = 0.5 + 0.5 * w[{a}]",
            f"v = 0.5 + 0.5 * w[{b}]",
        ]
    else:
        lines += [
            f"scale = 1.0 / (wp.abs(w[{a}]) + wp.abs(w[{b}]) + wp.abs(w[{c}]))",
            f"px = w[{a}] * scale",
            f"py = w[{b}] * scale",
            f"if w[{c}] < 0.0:",
            "    # Octahedral map: fold the lower hemisphere over the diagonals",
            "    qx = (1.0 - wp.abs(py)) * wp.sign(px)",
            "    qy = (1.0 - wp.abs(px)) * wp.sign(py)",
            "    px = qx",
            "    py = qy",
            "u = 0.5 * px + 0.5",
            "v = 0.5 * py + 0.5",
        ]
    lines += [
        "light = wp.texture_sample(tex, wp.vec2(u, v), dtype=wp.vec4)",
        "radiance[tid] = intensity * wp.vec3(light[0], light[1], light[2])",
    ]
    d.launch(m)
    d.code("\n".join(lines))

    def reference(v: Values) -> dict[str, Any]:
        w = v.dirs
        if use != "direction":
            cos = (w * v.normals).sum(-1, keepdims=True)
            if use == "reflection":
                w = w - 2 * cos * v.normals
            else:
                n = np.where(cos > 0, -1, 1) * v.normals
                tangent = w - (w * n).sum(-1, keepdims=True) * n
                sine = np.where(cos > 0, 1 / v.eta, v.eta) * tangent
                left = 1 - (sine**2).sum(-1, keepdims=True)
                w = np.where(left < 0, w + 2 * np.abs(cos) * n, sine - np.sqrt(np.maximum(left, 0)) * n)
        p, q, r = w[:, a], w[:, b], w[:, c]
        if mapping == "latlong":
            u = np.arctan2(q, p) / (2 * np.pi) + 0.5 + (v.azimuth / (2 * np.pi) if turned else 0.0)
            u, t = (u % 1.0 if turned else u), np.arccos(np.clip(r, -1, 1)) / np.pi
        elif mapping == "probe":
            polar, around = np.arccos(np.clip(r, -1, 1)) / np.pi, np.arctan2(q, p)
            u, t = 0.5 + 0.5 * polar * np.cos(around), 0.5 + 0.5 * polar * np.sin(around)
        elif mapping == "dome":
            u, t = (p + 1) / 2, (q + 1) / 2
        else:
            px, py = p / abs(w).sum(1), q / abs(w).sum(1)
            fold = r < 0
            px, py = (
                np.where(fold, (1 - abs(py)) * np.sign(px), px),
                np.where(fold, (1 - abs(px)) * np.sign(py), py),
            )
            u, t = (px + 1) / 2, (py + 1) / 2
        light = v.intensity * sample(v.tex, np.stack([u, t], -1))[:, :3]
        if mapping == "dome":
            light = np.where((r < 0)[:, None], 0.0, light)
        return {"radiance": light}

    d.check(reference, 3e-3)
