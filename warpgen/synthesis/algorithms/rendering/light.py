"""Light from all around: spherical harmonics, panoramas, and paths that bounce."""

from __future__ import annotations

from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.rendering import DOMAIN
from warpgen.synthesis.library import intersections, warping
from warpgen.synthesis.library.proofs import mostly_close
from warpgen.synthesis.writing.draft import Draft, Values

_NAMES = {
    "normals": "directions|n_in|dirs",
    "n": "nrm|d|dir",
    "irradiance": "E|shading|diffuse_light",
    "coeffs": "sh|sh_coeffs|L_lm",
    "panorama": "env_map|environment|latlong",
    "radiance": "color_out|sampled|L",
    "origins": "ray_origins|ro_array|starts",
    "image": "pixels|accum|film",
}

_LOW = (0.282095, 0.488603, 1.092548, 0.315392, 0.546274)


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
    "0.282095",
    "0.488603 * n[1]",
    "0.488603 * n[2]",
    "0.488603 * n[0]",
    "1.092548 * n[0] * n[1]",
    "1.092548 * n[1] * n[2]",
    "0.315392 * (3.0 * n[2] * n[2] - 1.0)",
    "1.092548 * n[0] * n[2]",
    "0.546274 * (n[0] * n[0] - n[1] * n[1])",
)


@DOMAIN.algorithm(
    source="Ramamoorthi & Hanrahan 2001, An efficient representation for irradiance environment maps",
    names=_NAMES | {"spherical_harmonics": "sh_lighting|evaluate_sh|sh_irradiance|eval_sh"},
    double=True,
)
def spherical_harmonics(d: Draft) -> None:
    """Evaluates light that is given by spherical harmonics in directions of interest."""
    task = d.option("task", "radiance", "irradiance", "project", "basis", "per point")
    degree = d.option("degree", 1, 2)
    channels = d.option("channels", "mono", "rgb")
    form = d.option("form", "sum", "dot") if task in ("radiance", "irradiance") else "sum"
    n = d.pick(48, 64, 96)
    size = (degree + 1) ** 2
    type = "float" if channels == "mono" else "vec3"
    d.input("normals", "vec3", n, kind="unit")
    # the cosine lobe damps each degree: pi, 2 pi / 3, pi / 4
    damp = ("3.141593", "2.094395", "0.785398")
    level = (0, 1, 1, 1, 2, 2, 2, 2, 2)
    d.launch(n)
    if task == "basis":
        d.output("basis", "float", (n, size))
        d.says("Evaluates the real spherical harmonics of low degree in each direction.")
        stores = "\n".join(f"basis[tid, {k}] = {_TERMS[k]}" for k in range(size))
        d.code("tid = wp.tid()\nn = normals[tid]\n$stores", stores=stores)
        d.check(lambda v: {"basis": _basis(v.normals)[:, :size]})
        return
    if task == "project":
        d.input("samples", type, n, 0.0, 2.0)
        d.inout("coeffs", type, size, value=0.0)
        d.says("Projects samples of light from directions over the sphere onto spherical harmonics.")
        adds = "\n".join(f"wp.atomic_add(coeffs, {k}, weighted * ({_TERMS[k]}))" for k in range(size))
        d.code(
            """
            tid = wp.tid()
            n = normals[tid]
            # each sample stands for an equal part of the sphere's 4 pi
            weighted = samples[tid] * (4.0 * wp.pi / float(normals.shape[0]))
            $adds
            """,
            adds=adds.replace("(0.282095)", "0.282095"),
        )

        def projected(v: Values) -> dict[str, Any]:
            b = _basis(v.normals)[:, :size] * (4.0 * np.pi / n)
            return {"coeffs": np.tensordot(b, v.samples, axes=(0, 0))}

        d.check(projected, 2e-3)
        return
    each = task == "per point"
    d.input("coeffs", type, (n, size) if each else size, -0.5, 1.0)
    name = "irradiance" if task == "irradiance" else "radiance"
    d.output(name, type, n)
    c = "coeffs[tid, $k]" if each else "coeffs[$k]"

    def term(k: int) -> str:
        value = f"{_TERMS[k]} * {c.replace('$k', str(k))}"
        return f"{damp[level[k]]} * {value}" if task == "irradiance" else value

    if form == "dot":
        bands = [
            "\n".join([f"band{b} = {term(first)}", *(f"band{b} += {term(k)}" for k in rest)])
            for b, first, rest in ((0, 0, ()), (1, 1, (2, 3)), (2, 4, range(5, 9)))
        ]
        body = (
            "\n".join(bands[: degree + 1])
            + f"\n{name}[tid] = "
            + " + ".join(f"band{b}" for b in range(degree + 1))
        )
    else:
        body = "\n".join(
            [f"total = {term(0)}", *(f"total += {term(k)}" for k in range(1, size)), f"{name}[tid] = total"]
        )
    if task == "irradiance":
        d.says("Computes the irradiance of surfaces under light given by spherical harmonics.")
        d.explain("""
            E(n) = sum A_l L_lm Y_lm(n) with A = pi, 2 pi / 3, pi / 4: the cosine lobe lets almost
            nothing above the second degree through.
        """)
    d.code("tid = wp.tid()\nn = normals[tid]\n$body", body=body)

    def reference(v: Values) -> dict[str, Any]:
        b = _basis(v.normals)[:, :size]
        if task == "irradiance":
            b = b * np.array([np.pi, 2.0 * np.pi / 3.0, np.pi / 4.0])[list(level[:size])]
        made = np.einsum("nk,nk...->n...", b, v.coeffs) if each else np.tensordot(b, v.coeffs, axes=(1, 0))
        return {name: made}

    d.check(reference, 1e-3)


@DOMAIN.algorithm(
    source="Blinn & Newell 1976; Debevec 1998 (light probes)",
    names=_NAMES | {"sample_panorama": "environment_lookup|sample_env_map|latlong_lookup|env_radiance"},
    adjoint="no",
)
def sample_panorama(d: Draft) -> None:
    """Looks directions up in a panorama of longitude and latitude."""
    filter_ = d.option("filter", "nearest", "bilinear")
    axis = d.option("up", "y", "z")
    what = d.option("input", "directions", "reflection")
    texel = d.option("texel", "float", "vec3")
    rotated = d.flag("rotation", 0.4)
    n, height = d.pick(64, 96), d.pick(8, 12)
    width = 2 * height
    d.input("panorama", texel, (height, width), 0.0, 4.0)
    d.input("normals", "vec3", n, kind="unit")
    if what == "reflection":
        d.input("views", "vec3", n, kind="unit")
    if rotated:
        d.param("yaw", "float", 0.0, 3.0)
    d.output("radiance", texel, n)
    x, up, z = ("r[0]", "r[1]", "r[2]") if axis == "y" else ("r[0]", "r[2]", "r[1]")
    turn = " + yaw / (2.0 * wp.pi)" if rotated else ""
    fetch = {
        "nearest": f"""
            j = int(wp.floor((u - wp.floor(u)) * {width}.0)) % {width}
            i = wp.min(int(v * {height}.0), {height - 1})
            radiance[tid] = panorama[i, j]
            """,
        "bilinear": f"""
            # texel centres lie at halves; columns wrap around, rows stop at the poles
            fx = (u - wp.floor(u)) * {width}.0 - 0.5
            fy = v * {height}.0 - 0.5
            j0 = int(wp.floor(fx))
            i0 = int(wp.floor(fy))
            s = fx - float(j0)
            t = fy - float(i0)
            ja = (j0 + {width}) % {width}
            jb = (j0 + 1) % {width}
            ia = wp.clamp(i0, 0, {height - 1})
            ib = wp.clamp(i0 + 1, 0, {height - 1})
            top = (1.0 - s) * panorama[ia, ja] + s * panorama[ia, jb]
            bottom = (1.0 - s) * panorama[ib, ja] + s * panorama[ib, jb]
            radiance[tid] = (1.0 - t) * top + t * bottom
            """,
    }[filter_]
    d.launch(n)
    d.code(
        """
        tid = wp.tid()
        $ray
        u = 0.5 + wp.atan2($z, $x) / (2.0 * wp.pi)$turn
        v = wp.acos(wp.clamp($up, -1.0, 1.0)) / wp.pi
        $fetch
        """,
        ray="r = normals[tid]"
        if what == "directions"
        else "n = normals[tid]\nw = views[tid]\n# mirrored about the normal\nr = 2.0 * wp.dot(n, w) * n - w",
        x=x,
        z=z,
        up=up,
        turn=turn,
        fetch=fetch,
    )

    def agrees(v: Values, after: Values) -> None:
        r = v.normals
        if what == "reflection":
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


@DOMAIN.algorithm(
    source="Kajiya 1986, The rendering equation; Lafortune & Willems 1993",
    names=_NAMES
    | {
        "trace_paths": "path_tracer|path_trace|render_spheres|trace_bounces",
        "throughput": "beta|weight|attenuation",
    },
    adjoint="no",
)
def trace_paths(d: Draft) -> None:
    """Traces a path of a few bounces for each pixel through a scene of spheres."""
    material = d.option("material", "diffuse", "mirror", "mixed", "fuzzy")
    sky = d.option("sky", "gradient", "constant", "sun")
    camera = d.option("camera", "pinhole", "rays")
    records = d.option("spheres", "vec4", "arrays")
    roulette = d.flag("roulette", 0.3) if material in ("diffuse", "mixed") else False
    width, height, m = d.pick(12, 16), d.pick(8, 10), d.pick(5, 6, 8)
    bounces = d.pick(3, 4, 5)
    if records == "vec4":
        d.input("spheres", "vec4", m, 0.2, 0.6)
        center, radius = "wp.vec3(3.0 * s[0] - 1.2, 3.0 * s[1] - 1.2, -2.0 * s[2])", "s[3]"
        fetch = f"s = spheres[k]\nt = $hit(ro, rd, {center}, {radius})"
        normal = f"s = spheres[hit]\nn = wp.normalize(p - {center})"
    else:
        d.input("centers", "vec3", m, -1.0, 1.0)
        d.input("radii", "float", m, 0.2, 0.5)
        fetch = "t = $hit(ro, rd, centers[k], radii[k])"
        normal = "n = (p - centers[hit]) / radii[hit]"
    d.input("albedo", "vec3", m, 0.3, 0.9)
    if material == "mixed":
        d.input("kind", "int", m, 0, 2)
    if material == "fuzzy":
        d.param("fuzz", "float", 0.05, 0.4)
    shape: tuple[int, ...]
    if camera == "rays":
        d.input("origins", "vec3", width * height, -0.5, 0.5)
        d.input("directions", "vec3", width * height, kind="unit")
        shape, at = (width * height,), "tid"
        ray = "tid = wp.tid()\nrd = directions[tid]\nro = origins[tid] - 2.5 * rd"
        number = "tid"
    else:
        d.param("eye", "vec3", -0.2, 0.2)
        shape, at = (height, width), "i, j"
        ray = f"""
            i, j = wp.tid()
            ro = eye + wp.vec3(0.0, 0.0, 3.0)
            sx = (float(j) + 0.5) / {width}.0 - 0.5
            sy = 0.5 - (float(i) + 0.5) / {height}.0
            rd = wp.normalize(wp.vec3(sx, sy, -1.0))
            """
        number = f"i * {width} + j"
    random = material != "mirror"
    if random:
        d.param("seed", "int", 1, 10000)
    d.output("image", "vec3", shape)
    background = {
        "gradient": "wp.lerp(wp.vec3(1.0, 1.0, 1.0), wp.vec3(0.5, 0.7, 1.0), 0.5 * rd[1] + 0.5)",
        "constant": "wp.vec3(0.8, 0.9, 1.0)",
        "sun": "wp.vec3(0.3, 0.4, 0.5) + wp.vec3(1.0, 0.9, 0.7) * wp.max(rd[1], 0.0)",
    }[sky]
    diffuse = (
        f"rd = {d.use(warping.ONB)}(n, {d.use(warping.COSINE)}(wp.randf(state), wp.randf(state)))"
        if random and material != "fuzzy"
        else ""
    )
    mirror = "rd = rd - 2.0 * wp.dot(rd, n) * n"
    scatter = {
        "diffuse": f"# the cosine and the density of the sample cancel, only the albedo stays\n{diffuse}",
        "mirror": mirror,
        "mixed": f"if kind[hit] == 0:\n    {diffuse}\nelse:\n    {mirror}",
        "fuzzy": """
            mirrored = rd - 2.0 * wp.dot(rd, n) * n
            rd = wp.normalize(mirrored + fuzz * wp.sample_unit_sphere(state))
            # the fuzz may lead into the sphere
            if wp.dot(rd, n) < 0.0:
                break
            """,
    }[material]
    d.launch(*shape)
    hit = d.use(intersections.SPHERE)
    d.code(
        """
        $ray
        $seed
        throughput = wp.vec3(1.0, 1.0, 1.0)
        radiance = wp.vec3()
        for bounce in range($bounces):
            nearest = float(1.0e8)
            hit = int(-1)
            for k in range(albedo.shape[0]):
                $fetch
                if t > 0.0 and t < nearest:
                    nearest = t
                    hit = k
            if hit < 0:
                radiance = wp.cw_mul(throughput, $sky)
                break
            p = ro + nearest * rd
            $normal
            $scatter
            # start a little off the surface, otherwise the ray meets it again
            ro = p + 1.0e-3 * n
            throughput = wp.cw_mul(throughput, albedo[hit])
            $roulette
        image[$at] = radiance
        """,
        ray=ray,
        seed=f"state = wp.rand_init(seed, {number})" if random else "",
        bounces=str(bounces),
        fetch=fetch,
        hit=hit,
        sky=background,
        normal=normal,
        scatter=scatter,
        roulette="""
        # dim paths end early; the others make up for them
        q = wp.max(throughput)
        if bounce > 1:
            if wp.randf(state) > q:
                break
            throughput = throughput / q
        """
        if roulette
        else "",
        at=at,
    )

    def scene(v: Values) -> tuple[Any, Any]:
        if records == "vec4":
            s = v.spheres
            return np.column_stack([3.0 * s[:, 0] - 1.2, 3.0 * s[:, 1] - 1.2, -2.0 * s[:, 2]]), s[:, 3]
        return v.centers, v.radii

    def light(r: Any) -> Any:
        if sky == "gradient":
            t = (0.5 * r[:, 1] + 0.5)[:, None]
            return (1.0 - t) + t * np.array([0.5, 0.7, 1.0])
        if sky == "sun":
            return np.array([0.3, 0.4, 0.5]) + np.array([1.0, 0.9, 0.7]) * np.maximum(r[:, 1:2], 0.0)
        return np.broadcast_to([0.8, 0.9, 1.0], r.shape)

    def agrees(v: Values, after: Values) -> None:
        if camera == "rays":
            r = v.directions
            o = v.origins - 2.5 * r
        else:
            i, j = np.arange(width * height) // width, np.arange(width * height) % width
            r = np.column_stack([(j + 0.5) / width - 0.5, 0.5 - (i + 0.5) / height, -np.ones(len(i))])
            r = r / np.linalg.norm(r, axis=1, keepdims=True)
            o = np.tile(np.asarray(v.eye) + np.array([0.0, 0.0, 3.0]), (len(i), 1))
        actual = np.asarray(after.image).reshape(-1, 3)
        centers, radii = scene(v)
        t = intersections.sphere(o[:, None], r[:, None], centers[None], radii[None])
        sees_sky = ~(t > 0.0).any(axis=1)
        mostly_close(actual[sees_sky], light(r[sees_sky]), 1e-3, 0.9) if sees_sky.any() else None
        assert np.all(actual >= -1e-6)
        most = 2.0 if not roulette else 20.0
        assert actual.max() < most
        if random:
            return
        weight, made, going = np.ones_like(r), np.zeros_like(r), np.ones(len(r), bool)
        for _ in range(bounces):
            t = intersections.sphere(o[:, None], r[:, None], centers[None], radii[None])
            t = np.where(t > 0.0, t, np.inf)
            k, near = t.argmin(axis=1), t.min(axis=1)
            out = going & ~np.isfinite(near)
            made[out] = weight[out] * light(r)[out]
            going &= np.isfinite(near)
            p = o + np.where(going, near, 0.0)[:, None] * r
            n = (p - centers[k]) / radii[k][:, None]
            r = np.where(going[:, None], r - 2.0 * (r * n).sum(-1, keepdims=True) * n, r)
            o = np.where(going[:, None], p + 1e-3 * n, o)
            weight = np.where(going[:, None], weight * v.albedo[k], weight)
        mostly_close(actual, made, 2e-2, 0.9)

    d.holds(agrees)
