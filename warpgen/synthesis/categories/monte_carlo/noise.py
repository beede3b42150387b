"""Noise: terrain, patterns, flows and periodic textures."""

from __future__ import annotations

from warpgen.synthesis.categories.monte_carlo import CATEGORY
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import I32, U32, Type
from warpgen.synthesis.language.values import Value, call


def _field(k: Kit) -> Value:
    """The state that names the noise field."""
    seed = k.param("seed|noise_seed|field_seed", I32, 1, 999)
    return k.define("state|noise_state|field|rng", k.wp.rand_init(seed))


def _place(k: Kit, axes: int) -> Value:
    """Where the noise is evaluated, scaled by a frequency."""
    if axes == 1:
        x = k.input("x|t|time|coord", k.real, -4.0, 4.0)
    else:
        kind: Type = {2: k.vec2, 3: k.vec3, 4: k.vec4}[axes]
        x = k.input("positions|p|uv|points" if axes < 4 else "p4|xyzt|coords", kind, -4.0, 4.0)
    f = k.param("frequency|freq|scale|noise_scale", k.real, 0.25, 3.0)
    return k.define("q|sample_p|s|np", x * f)


def _noise(k: Kit, state: Value, q: Value) -> Value:
    """Plain or periodic noise at a place of any number of axes."""
    if k.rng.chance(0.65):
        return k.wp.noise(state, q)
    axes = q.type.components
    periods = [k.lit(k.rng.choice((4, 8, 16, 32))) for _ in range(axes)]
    if k.rng.chance(0.4):
        one = k.size("period|tile|wrap", k.rng.choice((4, 8, 16)))
        periods = [one] * axes
    return call("wp.pnoise", [state, q, *periods], k.real, -1.5, 1.5, k.author)


@CATEGORY.motif(f32=True, weight=1.3)
def fractal_noise(k: Kit) -> None:
    """Sum of noise over octaves."""
    state, q = _field(k), _place(k, k.rng.choice((1, 2, 2, 3, 4)))
    octaves = k.rng.choice((3, 4, 5, 6))
    total = k.var("total|height|value|n", 0.0, k.real, lo=-12.0, hi=12.0)
    amp = k.var("amp|amplitude|a", k.number(0.5, 1.0), k.real, lo=0.0, hi=1.0)
    freq = k.var("freq|frequency|f", 1.0, k.real, lo=1.0, hi=64.0)
    gain, lacunarity = k.param("gain|persistence|roughness", k.real, 0.35, 0.65), k.number(1.8, 2.2)
    style = k.rng.choice(("fbm", "ridged", "turbulence", "billow"))
    turns = k.size("octaves|num_octaves", octaves) if k.rng.chance(0.35) else octaves
    with k.for_("o|octave|i", turns):
        n = k.define("n|signal|s", _noise(k, state, q * freq))
        if style == "ridged":
            n = k.define("r|ridge|fold", 1.0 - k.wp.abs(n))
            n = n * n if k.rng.chance(0.6) else n
        elif style == "turbulence":
            n = k.wp.abs(n)
        elif style == "billow":
            n = k.wp.abs(n) * 2.0 - 1.0
        k.add(total, n * amp)
        k.change(freq, "*", k.lit(lacunarity))
        k.change(amp, "*", gain)
    k.give("height|fbm|noise_value", total)


@CATEGORY.motif(f32=True)
def terrain_height(k: Kit) -> None:
    """Terrain height with shelves and a coast."""
    state, q = _field(k), _place(k, 2)
    base = k.define("base|h|elevation", _noise(k, state, q) + _noise(k, state, q * 2.0) * 0.5)
    style = k.rng.choice(("terrace", "coast", "peaks", "normal"))
    height = k.param("height_scale|amplitude|relief", k.real, 0.5, 10.0)
    if style == "terrace":
        levels = k.number(3.0, 8.0)
        base = k.define("shelf|stepped|terrace", k.wp.floor(base * levels) / levels)
    elif style == "coast":
        sea = k.param("sea_level|water|shore", k.real, -0.3, 0.2)
        base = k.define("land|above|dry", k.wp.max(base, sea) - sea)
    elif style == "peaks":
        base = k.define("peak|ridge|shaped", 1.0 - k.wp.abs(base))
    else:
        e = k.lit(k.rng.choice((0.01, 0.05, 0.1)))
        zero = k.lit(0.0)
        dx = k.define("dx|hx", (k.wp.noise(state, q + k.make(k.vec2, e, zero)) - base) / e)
        dy = k.define("dy|hy", (k.wp.noise(state, q + k.make(k.vec2, zero, e)) - base) / e)
        k.give("normal|slope_dir|n", k.wp.normalize(k.make(k.vec3, -dx, -dy, 1.0)))
    k.give("height|elevation|terrain", base * height)


@CATEGORY.motif(f32=True, weight=1.2)
def curl_flow(k: Kit) -> None:
    """Drift a particle in a divergence-free noise field."""
    state = _field(k)
    axes = k.rng.choice((2, 3, 3, 4))
    dt = k.param("dt|time_step|h", k.real, 0.005, 0.05)
    octaves: list[Value] = []
    if k.rng.chance(0.35):
        octaves = [k.lit(k.rng.choice((1, 2, 3)), U32)]
        if k.rng.chance(0.5):
            octaves += [k.lit(2.0), k.lit(0.5)]
    kind = k.vec2 if axes == 2 else k.vec3
    x = k.input("positions|p|x|particle_q", kind, -2.0, 2.0)
    if axes == 4:
        time = k.param("time|t|phase", k.real, 0.0, 4.0)
        at = k.define("xyzt|q|p4", k.make(k.vec4, x[0], x[1], x[2], time))
    else:
        at = k.define("q|s|sample_p", x * k.param("scale|freq|frequency", k.real, 0.5, 2.0))
    v = k.define("v|flow|wind|vel", call("wp.curlnoise", [state, at, *octaves], kind, -20, 20, k.author))
    if k.rng.chance(0.5):
        limit = k.wp.length(v) + 1.0
        v = k.define("v_limited|capped|u", v / limit)
    k.give("velocity|wind|flow", v)
    k.give("position|advected|x_new", x + v * dt)


@CATEGORY.motif(f32=True)
def warped_pattern(k: Kit) -> None:
    """Pattern of noise that is warped by noise."""
    state = _field(k)
    q = _place(k, 2)
    a = k.define("wx|ox|du", k.wp.noise(state, q))
    b = k.define("wy|oy|dv", k.wp.noise(state, q + k.make(k.vec2, k.number(1.0, 8.0), k.number(1.0, 8.0))))
    warp = k.param("warp|warp_strength|distortion", k.real, 0.2, 2.0)
    n = k.define("n|pattern|warped", k.wp.noise(state, q + k.make(k.vec2, a, b) * warp))
    style = k.rng.choice(("marble", "wood", "clouds", "plain"))
    if style == "marble":
        k.give("marble|vein|value", k.wp.sin((q.x + n * 4.0) * k.number(1.0, 4.0)) * 0.5 + 0.5)
    elif style == "wood":
        r = k.define("r|ring|grain", k.wp.length(q) * k.number(1.0, 5.0) + n)
        k.give("wood|rings|value", r - k.wp.floor(r))
    elif style == "clouds":
        cover = k.param("coverage|cover|threshold", k.real, -0.2, 0.3)
        k.give("cloud|density|mask", k.wp.smoothstep(k.lit(-0.5), k.lit(0.7), n - cover))
    else:
        k.give("pattern|value|texture", n)


@CATEGORY.motif(f32=True)
def animated_noise(k: Kit) -> None:
    """Noise in space and time."""
    state = _field(k)
    x = k.input("positions|p|x|points", k.vec3, -3.0, 3.0)
    time = k.param("time|t|sim_time", k.real, 0.0, 10.0)
    at = k.define("xyzt|q|coord", k.make(k.vec4, x.x, x.y, x.z, time * k.number(0.25, 1.0)))
    n = k.define("n|value|gust", _noise(k, state, at))
    style = k.rng.choice(("sway", "flicker", "displace"))
    if style == "sway":
        k.give(
            "swayed|offset|bent",
            x
            + k.make(k.vec3, n, 0.0, n * k.number(0.2, 0.8)) * k.param("strength|amount", k.real, 0.05, 0.5),
        )
    elif style == "flicker":
        k.give(
            "intensity|brightness|flicker",
            k.wp.clamp(n * 0.5 + 0.5, 0.0, 1.0) * k.param("power|peak", k.real, 0.5, 4.0),
        )
    else:
        d = k.input("normals|n|dirs", k.vec3, unit=True)
        k.give("displaced|position|p_out", x + d * (n * k.param("amplitude|height", k.real, 0.05, 0.5)))


@CATEGORY.motif(f32=True)
def cell_noise(k: Kit) -> None:
    """Distance to random feature points, one to a cell."""
    seed = k.param("seed|noise_seed", I32, 1, 999)
    p = k.input("uv|p|points|positions", k.vec2, 0.0, 8.0)
    ix = k.define("ix|cx|cell_x", k.cast(k.wp.floor(p.x), I32).within(0, 8))
    iy = k.define("iy|cy|cell_y", k.cast(k.wp.floor(p.y), I32).within(0, 8))
    best = k.var("best|d1|nearest", 10.0, k.real, lo=0.0, hi=10.0)
    second = k.var("second|d2|next_best", 10.0, k.real, lo=0.0, hi=10.0)
    with k.for_("dj|oy|b", 2, -1) as dj, k.for_("di|ox|a", 2, -1) as di:
        gx, gy = k.define("gx|nx|qx", ix + di), k.define("gy|ny|qy", iy + dj)
        state = k.define("state|rng|cell_rng", k.wp.rand_init(seed, gy * 64 + gx))
        feature = k.define(
            "f|feature|site",
            k.make(k.vec2, k.to_real(gx) + k.wp.randf(state), k.to_real(gy) + k.wp.randf(state)),
        )
        d = k.define("d|dist|r", k.wp.length(feature - p).within(0, 6))
        with k.if_(d < best):
            k.set(second, best)
            k.set(best, d)
        if k.rng.chance(0.5):
            with k.elif_(d < second):
                k.set(second, d)
    k.give("worley|cell_dist|f1", best if k.rng.chance(0.5) else second - best)
