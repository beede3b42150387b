"""Textures: sampling in one, two and three dimensions, filters, colour tables, mapping and terrain."""

from __future__ import annotations

from typing import NamedTuple

from warpgen.synthesis.categories.texture import CATEGORY
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import F32, Type, vec
from warpgen.synthesis.language.values import Value, call

_UV = "uv|uvs|coords|tex_coord"


class Texture(NamedTuple):
    """A texture argument, its axes, texels along the first and what a sample is."""

    id: Value
    axes: int
    n: int
    dtype: Type


def _texture(k: Kit, names: str, axes: int, channels: int = 1) -> Texture:
    n = k.rng.choice({1: (16, 32, 64), 2: (8, 16, 32), 3: (4, 8)}[axes])
    known = k.draft.find(
        lambda s: s.kind == "texture" and len(s.shape) == axes + 1 and s.shape[-1] == channels
    )
    if known is not None and k.rng.chance(0.6):
        n = known.shape[0]
    value = k.handle(names, "texture", (n,) * axes + (channels,), annotation=f"wp.Texture{axes}D")
    return Texture(value, axes, n, F32 if channels == 1 else vec(channels))


def _sample(k: Kit, t: Texture, *at: Value) -> Value:
    """A sample with values in [0, 1]; `at` is one vector or a number per axis."""
    # Warp knows textures of `float`, not of `wp.float32`.
    dtype = "float" if t.dtype is F32 else k.draft.use_type(t.dtype)
    lod = ", lod=0.0" if k.rng.chance(0.08) else ""
    spelled = f"dtype={dtype}{lod}" if lod or k.rng.chance(0.85) else dtype
    return call("wp.texture_sample", [t.id, *at, spelled], t.dtype, 0.0, 1.0, k.author)


def _uv(k: Kit, t: Texture) -> Value:
    """Texture coordinates of the thread: given, from its place, from a position or turned."""
    style = k.rng.choice(("input", "input", "place", "position", "turned"))
    if style == "place" and len(k.draft.shape) == 2:
        j, i = k.place[1], k.place[0]
        u = (k.to_real(j) + 0.5) / k.to_real(k.extent(1))
        v = (k.to_real(i) + 0.5) / k.to_real(k.extent(0))
        return k.define("uv|st|coord", k.make(k.vec2, u, v).within(0, 1))
    if style == "position":
        p = k.input("positions|p|x|points", k.vec3, -1.0, 1.0)
        axes = k.rng.choice(((0, 2), (0, 1), (1, 2)))
        return k.define("uv|st|planar", k.make(k.vec2, p[axes[0]] * 0.5 + 0.5, p[axes[1]] * 0.5 + 0.5))
    uv = k.input(_UV, k.vec2, 0.0, 1.0)
    if style == "turned":
        angle = k.param("angle|rotation|theta", k.real, 0.1, 1.5)
        c, s = k.define("c|cs|cos_a", k.wp.cos(angle)), k.define("s|sn|sin_a", k.wp.sin(angle))
        d = k.define("d|centered|q", uv - k.make(k.vec2, 0.5, 0.5))
        return k.define("st|turned|ruv", k.make(k.vec2, d.x * c - d.y * s + 0.5, d.x * s + d.y * c + 0.5))
    if k.rng.chance(0.3):
        return k.define("st|tiled|scaled_uv", uv * k.param("tiling|uv_scale|repeat", k.real, 1.0, 4.0))
    return uv


@CATEGORY.motif(f32=True, weight=1.4)
def lookup_color(k: Kit) -> None:
    """Look up a color in a texture."""
    channels = k.rng.choice((4, 4, 1, 2))
    t = _texture(k, "albedo_map|texture|tex|image|color_tex", 2, channels)
    uv = _uv(k, t)
    c = k.define(
        "c|color|texel|sample", _sample(k, t, uv) if k.rng.chance(0.7) else _sample(k, t, uv[0], uv[1])
    )
    if channels == 4:
        style = k.rng.choice(("rgb", "gray", "alpha", "plain"))
        if style == "rgb":
            rgb = k.make(k.vec3, c[0], c[1], c[2])
            k.give(
                "color|rgb|albedo",
                k.wp.cw_mul(rgb, k.param("tint|base_color", k.vec3, 0.2, 1.0)) if k.rng.chance(0.5) else rgb,
            )
        elif style == "gray":
            k.give("luminance|gray|luma", c[0] * 0.2126 + c[1] * 0.7152 + c[2] * 0.0722)
        elif style == "alpha":
            back = k.load("background|dst_color|below", k.vec3, 0.0, 1.0)
            k.give(
                "blended|composited|out_color", k.make(k.vec3, c[0], c[1], c[2]) * c[3] + back * (1.0 - c[3])
            )
        else:
            k.give("color|texel|rgba", c)
    elif channels == 2:
        k.give("flow|offset|warp", c * 2.0 - k.make(k.vec2, 1.0, 1.0))
    else:
        k.give(
            "value|height|mask",
            c if k.rng.chance(0.5) else c * k.param("scale|gain|strength", k.real, 0.5, 4.0),
        )


@CATEGORY.motif(f32=True)
def color_table(k: Kit) -> None:
    """Map a value through a one-dimensional table."""
    channels = k.rng.choice((1, 4, 1))
    t = _texture(k, "lut|ramp|palette|transfer_fn|curve", 1, channels)
    x = k.input("value|x|intensity|scalar", k.real, 0.0, 4.0)
    style = k.rng.choice(("range", "saturate", "log", "smooth"))
    if style == "range":
        lo, hi = (
            k.param("vmin|lo|min_value", k.real, 0.0, 0.5),
            k.param("vmax|hi|max_value", k.real, 2.0, 4.0),
        )
        u = (x - lo) / (hi - lo)
    elif style == "saturate":
        u = x / (x + 1.0)
    elif style == "log":
        u = k.wp.log(x + 1.0) / 1.61
    else:
        u = k.wp.smoothstep(k.lit(0.0), k.lit(4.0), x)
    u = k.define("u|t|coord", k.wp.clamp(u, 0.0, 1.0) if k.rng.chance(0.5) else u)
    c = _sample(k, t, u)
    if channels == 4:
        c = k.define("c|color|entry", c)
        k.give("color|mapped|rgb", k.make(k.vec3, c[0], c[1], c[2]))
    else:
        k.give("mapped|toned|response", c)


@CATEGORY.motif(f32=True)
def grade_color(k: Kit) -> None:
    """Grade a color through a three-dimensional table."""
    t = _texture(k, "lut3d|color_cube|grading_lut|cube", 3, 4)
    c = k.input("color|rgb|pixel", k.vec3, 0.0, 1.0)
    n = float(t.n)
    at = (
        k.define("uvw|coord|lut_pos", c * ((n - 1.0) / n) + k.make(k.vec3, 0.5 / n))
        if k.rng.chance(0.5)
        else c
    )
    g = k.define(
        "g|graded|entry", _sample(k, t, at) if k.rng.chance(0.7) else _sample(k, t, at[0], at[1], at[2])
    )
    rgb = k.make(k.vec3, g[0], g[1], g[2])
    k.give(
        "graded|out_color|rgb_out",
        k.wp.lerp(c, rgb, k.param("amount|strength|mix", k.real, 0.2, 1.0)) if k.rng.chance(0.6) else rgb,
    )


@CATEGORY.motif(f32=True, weight=1.2)
def sample_cloud(k: Kit) -> None:
    """Accumulate a density texture along a ray."""
    t = _texture(k, "density_tex|volume_tex|cloud|fog", 3, k.rng.choice((1, 1, 2)))
    o = k.input("ray_origin|origin|start", k.vec3, 0.0, 1.0)
    d = k.input("ray_dir|dir|direction", k.vec3, unit=True)
    steps = k.rng.choice((6, 8, 12, 16))
    h = k.param("step_size|h|dt", k.real, 0.02, 0.15)
    total = k.var("total|density|tau|sum", 0.0, k.real, lo=0.0, hi=40.0)
    with k.for_("i|s|step", steps) as s:
        p = k.define("p|pos|q", o + d * (k.to_real(s) * h))
        rho = k.define(
            "rho|texel|v", _sample(k, t, p) if k.rng.chance(0.7) else _sample(k, t, p[0], p[1], p[2])
        )
        if t.dtype is not F32:
            rho = k.define("density|r", rho[0] * rho[1] if k.rng.chance(0.5) else rho[0] + rho[1])
        k.add(total, rho * h if k.rng.chance(0.6) else rho)
    k.give("optical_depth|density|transmittance", k.wp.exp(-total) if k.rng.chance(0.5) else total)


@CATEGORY.motif(f32=True, weight=1.2)
def filter_taps(k: Kit) -> None:
    """Weighted taps around a texel."""
    t = _texture(k, "image|src|texture|input_tex", 2, k.rng.choice((1, 1, 4)))
    uv = _uv(k, t)
    texel = k.param("texel|texel_size|du", k.real, 0.01, 0.1) if k.rng.chance(0.5) else k.lit(1.0 / t.n)
    radius = k.rng.choice((1, 1, 2))
    total = k.var("sum|acc|color", 0.0, t.dtype, lo=0.0, hi=30.0)
    norm = k.var("norm|weight_sum|wsum", 0.0, k.real, lo=0.0, hi=30.0)
    gauss = k.rng.chance(0.6)
    line = k.rng.chance(0.4)
    with k.for_("dx|i|a", radius + 1, -radius) as a:
        if line:
            w = _weight(k, a * a, gauss)
            at = (
                uv + k.make(k.vec2, k.to_real(a) * texel, k.lit(0.0))
                if k.rng.chance(0.5)
                else uv + k.make(k.vec2, k.lit(0.0), k.to_real(a) * texel)
            )
            k.add(total, _sample(k, t, k.let("st|tap|q", at)) * w)
            k.add(norm, w)
        else:
            with k.for_("dy|j|b", radius + 1, -radius) as b:
                w = _weight(k, a * a + b * b, gauss)
                at = k.let("st|tap|q", uv + k.make(k.vec2, k.to_real(a), k.to_real(b)) * texel)
                k.add(total, _sample(k, t, at) * w)
                k.add(norm, w)
    k.give("blurred|filtered|smooth", total / (norm + 1e-3 if k.rng.chance(0.3) else k.wp.max(norm, 1e-3)))


def _weight(k: Kit, r2: Value, gauss: bool) -> Value:
    if not gauss:
        return k.lit(1.0)
    return k.define("w|weight|g", k.wp.exp(-k.to_real(r2) * k.number(0.25, 1.0)))


@CATEGORY.motif(f32=True)
def edge_strength(k: Kit) -> None:
    """Differences across a texel."""
    t = _texture(k, "height_map|image|height_tex|depth_tex", 2)
    uv = _uv(k, t)
    e = k.param("eps|texel|delta|h", k.real, 0.02, 0.1) if k.rng.chance(0.6) else k.lit(1.0 / t.n)
    zero = k.lit(0.0)
    ex, ey = (
        k.define("ex|dx|step_x", k.make(k.vec2, e, zero)),
        k.define("ey|dy|step_y", k.make(k.vec2, zero, e)),
    )
    gx = k.define("gx|dhdx|du", _sample(k, t, uv + ex) - _sample(k, t, uv - ex))
    gy = k.define("gy|dhdy|dv", _sample(k, t, uv + ey) - _sample(k, t, uv - ey))
    style = k.rng.choice(("edge", "normal", "angle", "laplace"))
    if style == "edge":
        k.give("edge|magnitude|strength", k.wp.sqrt(gx * gx + gy * gy))
    elif style == "normal":
        s = k.param("bump|strength|bump_scale", k.real, 0.5, 4.0)
        k.give("normal|bump_normal|n", k.wp.normalize(k.make(k.vec3, -gx * s, -gy * s, 1.0)))
    elif style == "angle":
        k.give("orientation|angle|direction", k.wp.atan2(gy, gx))
    else:
        c = k.define("c|center", _sample(k, t, uv))
        around = (
            _sample(k, t, uv + ex) + _sample(k, t, uv - ex) + _sample(k, t, uv + ey) + _sample(k, t, uv - ey)
        )
        k.give("laplacian|sharpness|detail", around - c * 4.0)


@CATEGORY.motif(f32=True)
def environment(k: Kit) -> None:
    """Look up a direction in an environment map."""
    t = _texture(k, "env_map|environment|sky|panorama", 2, k.rng.choice((4, 1)))
    d = k.input("directions|dir|view_dir|n", k.vec3, unit=True)
    if k.rng.chance(0.4):
        n = k.load("normals|normal|n", k.vec3, unit=True)
        d = k.define("r|reflected|refl", d - n * (k.wp.dot(d, n).within(-1, 1) * 2.0)).within(-1.2, 1.2)
    u = k.define("u|phi|s", k.wp.atan2(d.z, d.x) * 0.1591549 + 0.5)
    v = k.define("v|theta|t", k.wp.acos(k.wp.clamp(d.y, -1.0, 1.0)) * 0.3183099)
    c = k.define(
        "c|radiance|env", _sample(k, t, k.make(k.vec2, u, v)) if k.rng.chance(0.6) else _sample(k, t, u, v)
    )
    c = k.make(k.vec3, c[0], c[1], c[2]) if t.dtype is not F32 else c
    k.give("radiance|env_color|sky", c * k.param("exposure|intensity|gain", k.real, 0.5, 3.0))


@CATEGORY.motif(f32=True)
def displace(k: Kit) -> None:
    """Displace a point along its normal by a height texture."""
    t = _texture(k, "height_map|displacement|height_tex", 2)
    p = k.input("positions|p|x|vertices", k.vec3, -1.0, 1.0)
    n = k.input("normals|n|normal", k.vec3, unit=True)
    uv = _uv(k, t)
    h = k.define("h|height|disp", _sample(k, t, uv))
    amount = k.param("scale|amplitude|height_scale", k.real, 0.05, 1.0)
    centre = k.rng.choice((0.0, 0.5))
    k.give("displaced|position|new_p", p + n * ((h - centre if centre else h) * amount))
    if k.rng.chance(0.3):
        k.give("height|elevation", h)


@CATEGORY.motif(f32=True)
def warp_image(k: Kit) -> None:
    """Sample an image where a flow texture points."""
    flow = _texture(k, "flow_map|flow|warp_tex|motion", 2, 2)
    image = _texture(k, "image|texture|src", 2, k.rng.choice((1, 4)))
    uv = _uv(k, flow)
    f = k.define("f|flow_uv|motion_uv", _sample(k, flow, uv) * 2.0 - k.make(k.vec2, 1.0, 1.0))
    turns = k.rng.choice((1, 1, 2, 3))
    at = k.var("at|st|src_uv", uv, lo=-4.0, hi=4.0)
    s = k.param("strength|dt|amount", k.real, 0.02, 0.3)
    if turns == 1:
        k.change(at, "-", f * s)
    else:
        with k.for_("i|it|step", turns):
            k.change(at, "-", (_sample(k, flow, at) * 2.0 - k.make(k.vec2, 1.0, 1.0)) * s)
    k.give("warped|sample|advected", _sample(k, image, at))


@CATEGORY.motif(f32=True)
def triplanar(k: Kit) -> None:
    """Blend three planar projections by the normal."""
    t = _texture(k, "texture|detail_map|rock_tex", 2, k.rng.choice((1, 4)))
    p = k.input("positions|p|x|world_pos", k.vec3, -2.0, 2.0)
    n = k.input("normals|n|normal", k.vec3, unit=True)
    s = k.param("scale|tiling|uv_scale", k.real, 0.25, 2.0)
    w = [k.define(f"w{a}|b{a}", k.wp.abs(n[i])) for i, a in enumerate("xyz")]
    if k.rng.chance(0.5):
        w = [k.define(f"w{a}2|sharp_{a}", x * x) for a, x in zip("xyz", w, strict=True)]
    total = k.define("total|norm|wsum", w[0] + w[1] + w[2])
    parts = []
    for a, (i, j) in zip("xyz", ((1, 2), (0, 2), (0, 1)), strict=True):
        parts.append(k.define(f"c{a}|tex_{a}|s{a}", _sample(k, t, k.make(k.vec2, p[i], p[j]) * s)))
    mixed = parts[0] * w[0] + parts[1] * w[1] + parts[2] * w[2]
    k.give("color|albedo|detail", mixed / (total + k.lit(1e-3)))


@CATEGORY.motif(f32=True)
def octaves(k: Kit) -> None:
    """Sum a texture over octaves."""
    t = _texture(k, "noise_tex|texture|detail", k.rng.choice((2, 2, 3, 1)))
    names = {1: ("x|u|phase", k.real), 2: (_UV, k.vec2), 3: ("positions|p|x", k.vec3)}[t.axes]
    base = k.input(names[0], names[1], 0.0, 1.0)
    total = k.var("total|height|value|sum", 0.0, k.real, lo=0.0, hi=8.0)
    amp = k.var("amp|amplitude|a", k.number(0.5, 1.0), k.real, lo=0.0, hi=1.0)
    freq = k.var("freq|frequency|f", 1.0, k.real, lo=1.0, hi=64.0)
    gain = k.param("gain|persistence|roughness", k.real, 0.3, 0.7)
    with k.for_("octave|o|i", k.rng.choice((3, 4, 5))):
        s = _sample(k, t, k.let("q|at|st", base * freq))
        k.add(total, k.wp.abs(s * 2.0 - 1.0) * amp if k.rng.chance(0.3) else s * amp)
        k.change(amp, "*", gain)
        k.change(freq, "*", k.rng.choice((2.0, 2.0, 1.9)))
    k.give("height|fbm|value", total)


@CATEGORY.motif(f32=True)
def blend_layers(k: Kit) -> None:
    """Blend two textures by a mask."""
    a = _texture(k, "base_tex|layer0|grass", 2, 4)
    b = _texture(k, "top_tex|layer1|snow|rock", 2, 1)
    uv = _uv(k, a)
    ca = k.define("base|ca|c0", _sample(k, a, uv))
    m = k.define(
        "mask|m|weight", _sample(k, b, uv * k.number(0.5, 2.0)) if k.rng.chance(0.5) else _sample(k, b, uv)
    )
    if k.rng.chance(0.5):
        m = k.define("soft|edge|w", k.wp.smoothstep(k.lit(0.3), k.lit(0.7), m))
    tint = k.param("tint|overlay|paint", k.vec4, 0.0, 1.0)
    mode = k.rng.choice(("lerp", "multiply", "screen", "add"))
    if mode == "lerp":
        out = k.wp.lerp(ca, tint, m)
    elif mode == "multiply":
        out = k.wp.cw_mul(ca, tint) * m
    elif mode == "screen":
        one = k.make(k.vec4, 1.0)
        out = one - k.wp.cw_mul(one - ca, one - tint * m)
    else:
        out = ca + tint * m
    k.give("color|blended|pixel", out)
