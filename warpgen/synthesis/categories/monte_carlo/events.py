"""Random events: choices, scattered and jittered points, counts and dice."""

from __future__ import annotations

import math

from warpgen.synthesis.categories.monte_carlo import CATEGORY
from warpgen.synthesis.categories.monte_carlo.estimates import random_state
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import I32, U32
from warpgen.synthesis.language.values import call


@CATEGORY.motif(f32=True)
def discrete_choice(k: Kit) -> None:
    """Draw from a discrete distribution."""
    state = random_state(k)
    bins = k.rng.choice((8, 16, 32))
    cdf = k.array("cdf|cumulative|cum_weights", k.real, lo=0.0, hi=1.0, kind="ascending", fresh=True)
    cdf.spec.fixed = (bins,)
    values = k.array("values|outcomes|rewards", k.real, lo=-1.0, hi=1.0)
    cdf.subscript(0)
    style = k.rng.choice(("builtin", "scan", "search"))
    if style == "builtin":
        b = k.define("b|bin|index|k", call("wp.sample_cdf", [state, cdf.name], I32, 0, bins - 1, k.author))
    elif style == "search":
        u = k.define("u|xi|r", k.wp.randf(state))
        b = k.define("b|bin|index", call("wp.lower_bound", [cdf.name, u], I32, 0, bins, k.author))
        b = k.define("choice|picked|bin_id", k.wp.min(b, k.lit(bins - 1)).within(0, bins - 1))
    else:
        u = k.define("u|xi|r", k.wp.randf(state))
        b = k.var("b|bin|choice", bins - 1, I32, lo=0, hi=bins - 1)
        with k.for_("i|j|c", k.size("num_bins|n_bins", bins)) as i:
            with k.if_(cdf[i] >= u):
                k.set(b, i)
                k.leave("break")
    k.give("reward|drawn|value", values[b] * k.input("scale|gain|stake", k.real, 0.5, 2.0))
    if k.rng.chance(0.4):
        k.discard(k.atomic("add", k.output("histogram|picks|counts", I32), b, 1))


@CATEGORY.motif(f32=True)
def scatter_points(k: Kit) -> None:
    """Random points on triangles, disks and in boxes."""
    state = random_state(k)
    style = k.rng.choice(("triangle", "triangle", "disk", "box", "sphere", "square", "ring"))
    if style == "triangle":
        a, b, c = (k.load(n, k.vec3, -1.0, 1.0) for n in ("v0|a|p0", "v1|b|p1", "v2|c|p2"))
        bary = k.define("bary|uv|st", k.wp.sample_triangle(state))
        if k.rng.chance(0.6):
            w = k.define("w|bw", (1.0 - bary[0] - bary[1]).within(0, 1))
            p = a * bary[0] + b * bary[1] + c * w
        else:
            p = a + (b - a) * bary[0] + (c - a) * bary[1]
    elif style in ("disk", "ring", "square"):
        fn = {
            "disk": k.wp.sample_unit_disk,
            "ring": k.wp.sample_unit_ring,
            "square": k.wp.sample_unit_square,
        }[style]
        d = k.define("d|offset|xy", fn(state))
        centre = k.input("centers|center|origin", k.vec3, -2.0, 2.0)
        r = k.param("radius|size|r", k.real, 0.1, 1.5)
        p = (
            centre + k.make(k.vec3, d[0] * r, k.lit(0.0), d[1] * r)
            if k.rng.chance(0.5)
            else centre + k.make(k.vec3, d[0], d[1], k.lit(0.0)) * r
        )
    else:
        offset = k.wp.sample_unit_cube(state) if style == "box" else k.wp.sample_unit_sphere(state)
        p = k.input("centers|center|origin", k.vec3, -2.0, 2.0) + k.let("offset|jitter|d", offset) * k.param(
            "radius|extent|spread", k.real, 0.1, 1.0
        )
    k.give("points|p|sample", p)


@CATEGORY.motif(f32=True)
def jitter(k: Kit) -> None:
    """Jitter a value with noise of a chosen kind."""
    state = random_state(k)
    kind = k.rng.choice((k.real, k.vec2, k.vec3))
    x = k.input("x|value|position|base", kind, -2.0, 2.0)
    s = k.param("sigma|amount|jitter_scale|noise_level", k.real, 0.01, 0.5)
    draws = [
        k.wp.randn(state) if k.rng.chance(0.5) else k.wp.randf(state, -0.5, 0.5)
        for _ in range(kind.components)
    ]
    noise = draws[0] if kind is k.real else k.make(kind, *draws)
    k.give("noisy|jittered|perturbed", x + k.let("noise|eps|delta", noise) * s)
    if k.rng.chance(0.3):
        rate = k.param("p|drop_rate|rate", k.real, 0.1, 0.5)
        kept = k.select("kept|dropped|masked", k.wp.randf(state) > rate, x, k.zero(kind))
        k.give("dropout|kept|masked", kept)


@CATEGORY.motif(f32=True)
def counts_and_dice(k: Kit) -> None:
    """Whole-number draws."""
    state = random_state(k)
    style = k.rng.choice(("dice", "poisson", "bits", "binomial", "bootstrap"))
    if style == "dice":
        n, total = k.rng.choice((3, 4, 6)), k.var("total|sum|score", 0, I32, lo=0, hi=200)
        with k.for_("i|roll|d", n):
            k.add(total, k.wp.randi(state, 1, 7))
        k.give("score|total|sum", k.to_real(total) * k.input("stake|scale|bet", k.real, 0.5, 2.0))
    elif style == "poisson":
        lam = k.input("lam|rate|mean", k.real, 0.5, 8.0)
        events = k.define("events|n|arrivals", k.wp.poisson(state, lam))
        k.give("events|arrivals|counts", events)
        if k.rng.chance(0.5):
            k.give("residual|excess|anscombe", k.to_real(events) - lam)
    elif style == "bits":
        key = k.load("keys|codes|ids", U32, 0, 1000)
        word = k.define("word|bits|u", k.wp.randu(state) ^ key)
        low = k.wp.bit_count(word) if k.rng.chance(0.5) else k.cast(word % 16, I32)
        low = k.define("ones|weight|low", low)
        small = k.define("pick|lane|slot", k.wp.randu(state, 0, k.rng.choice((8, 10, 100))))
        k.give("mixed|hash|draw", (k.cast(small, I32) + low).within(0, 1100))
    elif style == "binomial":
        p, hits = k.input("p|prob|rate", k.real, 0.1, 0.9), k.var("hits|successes|k", 0, I32, lo=0, hi=20)
        with k.for_("i|trial", k.rng.choice((8, 12, 16))), k.if_(k.wp.randf(state) < p):
            k.add(hits, 1)
        k.give("successes|hits|k", hits)
    else:
        data = k.array("data|samples|observations", k.real, lo=-1.0, hi=1.0)
        n, total = k.rng.choice((8, 16)), k.var("total|sum|acc", 0.0, k.real, lo=-20.0, hi=20.0)
        with k.for_("i|b|draw", n):
            j = k.define("j|pick|idx", k.wp.randi(state, 0, 64).within(0, 63))
            k.add(total, data[j])
        k.give("boot_mean|resampled|mean", total / float(n))


@CATEGORY.motif(f32=True, weight=1.2)
def gaussian_pair(k: Kit) -> None:
    """Normal, exponential and other draws by transforms of uniform ones."""
    state = random_state(k)
    mu, s = k.input("mu|mean|center", k.real, -1.0, 1.0), k.param("sigma|std|scale", k.real, 0.1, 2.0)
    style = k.rng.choice(("box_muller", "exponential", "cauchy", "logistic", "triangular", "rejection"))
    u = k.define("u1|u|xi1", k.wp.randf(state, 1e-3, 1.0))
    if style == "box_muller":
        v = k.define("u2|v|xi2", k.wp.randf(state))
        r = k.define("r|radius|mag", k.wp.sqrt(k.wp.log(u) * -2.0))
        theta = k.define("theta|phi|angle", v * (2.0 * math.pi))
        k.give("z0|normal|sample", mu + r * k.wp.cos(theta) * s)
        k.give("z1|normal2|second", mu + r * k.wp.sin(theta) * s)
    elif style == "exponential":
        k.give("wait|exponential|sample", mu - k.wp.log(u) * s)
    elif style == "cauchy":
        k.give("cauchy|sample|heavy", mu + k.wp.tan((u - 0.5) * 2.2) * s)
    elif style == "logistic":
        k.give("logistic|sample|draw", mu + k.wp.log(u / (1.001 - u)) * s)
    elif style == "triangular":
        k.give("triangular|sample|draw", mu + (u + k.wp.randf(state) - 1.0) * s)
    else:
        x = k.var("x|accepted|sample", mu, lo=-4.0, hi=4.0)
        with k.for_("i|attempt|t", k.rng.choice((4, 8))):
            c = k.define("c|cand|y", k.wp.randf(state, -2.0, 2.0))
            with k.if_(k.wp.randf(state) < k.wp.exp(-(c * c) * 0.5)):
                k.set(x, mu + c * s)
                k.leave("break")
        k.give("sample|accepted|draw", x)
