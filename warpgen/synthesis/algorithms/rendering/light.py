"""Light from all around: spherical harmonics, panoramas, and paths that bounce."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rendering import DOMAIN
from warpgen.synthesis.library.proofs import mostly_close
from warpgen.synthesis.writing.draft import Draft, Values

NAMES = {
    "normals": "surface_normals|n_in",
    "n": "nrm|normal",
    "directions": "dirs|omega",
    "irradiance": "E|diffuse_light",
    "coeffs": "sh|sh_coeffs|L_lm",
    "panorama": "env_map|environment|latlong",
    "radiance": "color_out|sampled|L",
    "origins": "ray_origins|ro_array|starts",
    "image": "pixels|accum|film",
}

_LOW = (0.2820947918, 0.4886025119, 1.0925484306, 0.3153915653, 0.5462742153)


def _basis(n: Any) -> Any:
    """The nine real harmonics up to degree two, Ramamoorthi & Hanrahan's order."""
    x, y, z = np.moveaxis(n, -1, 0)
    return np.stack(
        [
            0.5 * np.sqrt(1.0 / np.pi) * np.ones_like(x),
            np.sqrt(0.75 / np.pi) * y,
            np.sqrt(0.75 / np.pi) * z,
            np.sqrt(0.75 / np.pi) * x,
            np.sqrt(3.75 / np.pi) * x * y,
            np.sqrt(3.75 / np.pi) * y * z,
            np.sqrt(5.0 / np.pi) / 4.0 * (3.0 * z * z - 1.0),
            np.sqrt(3.75 / np.pi) * x * z,
            np.sqrt(3.75 / np.pi) / 2.0 * (x * x - y * y),
        ],
        axis=-1,
    )


_TERMS = (
    "0.2820947918",
    "0.4886025119 * n[1]",
    "0.4886025119 * n[2]",
    "0.4886025119 * n[0]",
    "1.0925484306 * n[0] * n[1]",
    "1.0925484306 * n[1] * n[2]",
    "0.3153915653 * (3.0 * n[2] * n[2] - 1.0)",
    "1.0925484306 * n[0] * n[2]",
    "0.5462742153 * (n[0] * n[0] - n[1] * n[1])",
)


@DOMAIN.algorithm(
    source="Ramamoorthi & Hanrahan 2001, An efficient representation for irradiance environment maps",
    names=NAMES | {"spherical_harmonics": "sh_lighting|evaluate_sh|sh_irradiance|eval_sh"},
    double=True,
    weight=3,
)
def spherical_harmonics(d: Draft) -> None:
    """Evaluates spherical harmonics lighting."""
    task = d.option("task", "radiance", "irradiance", "project", "basis", "per point")
    d.calls({
        "radiance": "sh_radiance|sh_lighting|evaluate_sh|eval_sh",
        "irradiance": "sh_irradiance|irradiance_from_sh",
        "project": "project_to_sh|sh_project|accumulate_sh",
        "basis": "sh_basis|eval_sh_basis",
        "per point": "sh_lighting|evaluate_sh|eval_sh",
    }[task])  # fmt: skip
    degree = d.option("degree", 1, 2)
    channels = d.option("channels", "mono", "rgb")
    form = d.option("form", "sum", "dot") if task in ("radiance", "irradiance") else "sum"
    n = d.pick(48, 64, 96)
    size = (degree + 1) ** 2
    type = "float" if channels == "mono" else "vec3"
    given = "normals" if task == "irradiance" else "directions"
    d.input(
        given,
        "vec3",
        n,
        kind="unit",
        about="Unit surface normals" if task == "irradiance" else "Unit directions",
    )
    local = "n" if task == "irradiance" else "w"
    terms = [term.replace("n[", f"{local}[") for term in _TERMS]
    # the cosine lobe damps each degree: pi, 2 pi / 3, pi / 4
    damp = ("3.141593", "2.094395", "0.785398")
    level = (0, 1, 1, 1, 2, 2, 2, 2, 2)
    d.launch(n)
    if task == "basis":
        d.output("basis", "float", (n, size), about="Basis function values")
        d.says(f"Evaluates the real spherical harmonics up to degree {degree}.")
        stores = "\n".join(f"basis[tid, {k}] = {terms[k]}" for k in range(size))
        d.code("tid = wp.tid()\nw = directions[tid]\n$stores", stores=stores)
        d.check(lambda v: {"basis": _basis(v.directions)[:, :size]})
        return
    if task == "project":
        d.input("samples", type, n, 0.0, 2.0, about="Radiance per direction")
        d.inout("coeffs", type, size, value=0.0, about="Spherical harmonics coefficients")
        d.says("Projects radiance samples onto spherical harmonics.")
        d.explain("Directions are assumed to be uniformly distributed over the sphere.")
        adds = "\n".join(f"wp.atomic_add(coeffs, {k}, weighted * ({terms[k]}))" for k in range(size))
        d.code(
            """
            tid = wp.tid()
            w = directions[tid]
            # Monte Carlo weight 4 * pi / N for uniform sphere samples
            weighted = samples[tid] * (4.0 * wp.pi / float(directions.shape[0]))
            $adds
            """,
            adds=adds.replace("(0.2820947918)", "0.2820947918"),
        )

        def projected(v: Values) -> dict[str, Any]:
            b = _basis(v.directions)[:, :size] * (4.0 * np.pi / n)
            return {"coeffs": np.tensordot(b, v.samples, axes=(0, 0))}

        d.check(projected, 2e-3)
        return
    each = task == "per point"
    d.input("coeffs", type, (n, size) if each else size, 0.1, 1.0, about="Spherical harmonics coefficients")
    name = "irradiance" if task == "irradiance" else "radiance"
    ringing = "# a truncated series may ring below zero\n"
    dark = "wp.vec3(0.0, 0.0, 0.0)" if channels == "rgb" else "0.0"
    d.output(name, type, n, about=name.capitalize())
    if task == "irradiance":
        lobe = "\n".join(f"A{b} = wp.constant({damp[b]})" for b in range(degree + 1))
        d.module(f"# Cosine lobe convolution coefficients per band\n{lobe}")
    c = "coeffs[tid, $k]" if each else "coeffs[$k]"

    def term(k: int) -> str:
        value = f"{terms[k]} * {c.replace('$k', str(k))}"
        return f"A{level[k]} * {value}" if task == "irradiance" and form == "sum" else value

    if form == "dot":
        bands = [
            "\n".join([f"band{b} = {term(first)}", *(f"band{b} += {term(k)}" for k in rest)])
            for b, first, rest in ((0, 0, ()), (1, 1, (2, 3)), (2, 4, range(5, 9)))
        ]
        total = " + ".join(
            f"A{b} * band{b}" if task == "irradiance" else f"band{b}" for b in range(degree + 1)
        )
        body = "\n".join(bands[: degree + 1]) + f"\n{ringing}{name}[tid] = wp.max({total}, {dark})"
    else:
        lines = [f"total = {term(0)}", *(f"total += {term(k)}" for k in range(1, size))]
        body = "\n".join([*lines, f"{ringing}{name}[tid] = wp.max(total, {dark})"])
    if task == "irradiance":
        d.says(f"Computes irradiance from spherical harmonics lighting up to degree {degree}.")
        d.explain(
            "E(n) = sum A_l L_lm Y_lm(n) with A = pi, 2 pi / 3"
            + (
                ", pi / 4; the cosine lobe is negligible above degree 2."
                if degree == 2
                else "; the degree-2 band (A = pi / 4) is omitted."
            )
        )
    else:
        own = "with per-direction coefficients" if each else "lighting coefficients"
        d.says(f"Evaluates radiance per direction from spherical harmonics {own} up to degree {degree}.")
    d.code(f"tid = wp.tid()\n{local} = {given}[tid]\n$body", body=body)

    def reference(v: Values) -> dict[str, Any]:
        b = _basis(v[given])[:, :size]
        if task == "irradiance":
            b = b * np.array([np.pi, 2.0 * np.pi / 3.0, np.pi / 4.0])[list(level[:size])]
        made = np.einsum("nk,nk...->n...", b, v.coeffs) if each else np.tensordot(b, v.coeffs, axes=(1, 0))
        return {name: np.maximum(made, 0.0)}

    d.check(reference, 1e-3)


@DOMAIN.algorithm(
    source="Blinn & Newell 1976; Debevec 1998 (light probes)",
    names=NAMES | {"sample_panorama": "environment_lookup|sample_env_map|latlong_lookup|env_radiance"},
    adjoint="no",
)
def sample_panorama(d: Draft) -> None:
    """Samples an equirectangular environment map."""
    filter_ = d.option("filter", "nearest", "bilinear")
    axis = d.option("up", "y", "z")
    what = d.option("input", "directions", "reflection")
    texel = d.option("texel", "float", "vec3")
    rotated = d.flag("rotation", 0.4)
    n, height = d.pick(64, 96), d.pick(4, 6)
    width = 2 * height
    d.input("panorama", texel, (height, width), 0.0, 4.0, about="Equirectangular map, one row per latitude")
    if what == "directions":
        d.input("directions", "vec3", n, kind="unit", about="Unit directions")
    else:
        d.input("normals", "vec3", n, kind="unit", about="Unit surface normals")
        d.input("views", "vec3", n, kind="unit", about="Unit view directions, toward the viewer")
    if rotated:
        d.param("yaw", "float", 0.0, 3.0, about="Rotation about the vertical axis [rad]")
    d.output("radiance", texel, n, about="Radiance per direction")
    x, up, z = ("r[0]", "r[1]", "r[2]") if axis == "y" else ("r[0]", "r[2]", "r[1]")
    turn = " + yaw / (2.0 * wp.pi)" if rotated else ""
    fetch = {
        "nearest": """
            j = int((u - wp.floor(u)) * float(width)) % width
            i = wp.min(int(v * float(height)), height - 1)
            radiance[tid] = panorama[i, j]
            """,
        "bilinear": """
            # texel centers are at half-integers; wrap columns and clamp rows at the poles
            fx = (u - wp.floor(u)) * float(width) - 0.5
            fy = v * float(height) - 0.5
            j0 = int(wp.floor(fx))
            i0 = int(wp.floor(fy))
            s = fx - float(j0)
            t = fy - float(i0)
            ja = (j0 + width) % width
            jb = (j0 + 1) % width
            ia = wp.clamp(i0, 0, height - 1)
            ib = wp.clamp(i0 + 1, 0, height - 1)
            top = (1.0 - s) * panorama[ia, ja] + s * panorama[ia, jb]
            bottom = (1.0 - s) * panorama[ib, ja] + s * panorama[ib, jb]
            radiance[tid] = (1.0 - t) * top + t * bottom
            """,
    }[filter_]
    if what == "reflection":
        d.says("Samples an equirectangular environment map along mirror reflection directions.")
    d.launch(n)
    d.code(
        """
        tid = wp.tid()
        height = panorama.shape[0]
        width = panorama.shape[1]
        $ray
        u = 0.5 + wp.atan2($z, $x) / (2.0 * wp.pi)$turn
        v = wp.acos(wp.clamp($up, -1.0, 1.0)) / wp.pi
        $fetch
        """,
        ray="r = directions[tid]"
        if what == "directions"
        else "n = normals[tid]\nw = views[tid]\n# mirror direction about the normal\nr = 2.0 * wp.dot(n, w) * n - w",
        x=x,
        z=z,
        up=up,
        turn=turn,
        fetch=fetch,
    )

    def agrees(v: Values, after: Values) -> None:
        if what == "directions":
            r = v.directions
        else:
            r = 2.0 * (v.normals * v.views).sum(-1, keepdims=True) * v.normals - v.views
        a, b, c = (r[:, 0], r[:, 1], r[:, 2]) if axis == "y" else (r[:, 0], r[:, 2], r[:, 1])
        u = np.mod(0.5 + np.arctan2(c, a) / (2.0 * np.pi) + (v.yaw / (2.0 * np.pi) if rotated else 0.0), 1.0)
        row = np.arccos(np.clip(b, -1.0, 1.0)) / np.pi
        map_ = v.panorama
        if filter_ == "nearest":
            expected = map_[
                np.minimum((row * height).astype(int), height - 1), (u * width).astype(int) % width
            ]
            mostly_close(after.radiance, expected, 1e-3, 0.96)
            return
        padded = np.pad(map_, ((1, 1), (1, 1), *([(0, 0)] * (map_.ndim - 2))), mode="edge")
        padded[:, 0], padded[:, -1] = padded[:, -2], padded[:, 1].copy()
        padded[:, 0] = np.concatenate([map_[:1, -1], map_[:, -1], map_[-1:, -1]])
        padded[:, -1] = np.concatenate([map_[:1, 0], map_[:, 0], map_[-1:, 0]])
        fx, fy = u * width + 0.5, row * height + 0.5
        j, i = np.floor(fx).astype(int), np.floor(fy).astype(int)
        s, t = fx - j, fy - i
        if map_.ndim == 3:
            s, t = s[:, None], t[:, None]
        i1, j1 = np.minimum(i + 1, height + 1), np.minimum(j + 1, width + 1)
        top, bottom = padded[i, j] * (1 - s) + padded[i, j1] * s, padded[i1, j] * (1 - s) + padded[i1, j1] * s
        mostly_close(after.radiance, top * (1 - t) + bottom * t, 5e-3, 0.96)

    d.holds(agrees)
