"""Monte Carlo: sampling, estimates, walks, chains and noise."""

from __future__ import annotations

import math

from warpgen.synthesis.categories.monte_carlo import CATEGORY
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import I32, U32
from warpgen.synthesis.language.values import Value, call

_STEPS = (8, 12, 16)


def _state(k: Kit) -> Value:
    """The thread's random state, seeded in one of the ways people do it."""
    seed = k.param("seed|rng_seed|frame_seed", I32, 1, 9999)
    style = k.rng.choice(("offset", "offset", "stream", "sum", "pair"))
    if style == "offset":
        made = k.wp.rand_init(seed, k.flat)
    elif style == "stream":
        made = k.wp.rand_init(k.load("seeds|stream|rng_seeds", I32, 0, 1 << 20))
    elif style == "sum":
        made = k.wp.rand_init(seed + k.flat)
    else:
        frame = k.param("frame|iteration|step_index", I32, 0, 100)
        made = k.wp.rand_init(seed + frame if k.rng.chance(0.6) else seed * 31 + frame, k.flat)
    return k.define("state|rng|rng_state|r_state", made)


def _count(k: Kit, names: str, n: int) -> Value | int:
    """A number of samples: known to the compiler, or at run time."""
    return k.size(names, n) if k.rng.chance(0.4) else n


@CATEGORY.motif(f32=True)
def estimate_pi(k: Kit) -> None:
    """Share of random points that fall inside a shape."""
    state = _state(k)
    n = k.rng.choice((8, 16, 32, 64))
    inside = k.var("inside|hits|count", 0, I32, lo=0, hi=n)
    r = k.input("radius|r|bound", k.real, 0.4, 1.0)
    turns = _count(k, "num_samples|samples|n_samples", n)
    shape = k.rng.choice(("disk", "sphere", "ellipse", "square"))
    with k.for_("s|i|sample", turns):
        if shape == "sphere":
            p = k.define(
                "p|point|q",
                k.wp.sample_unit_cube(state)
                if k.rng.chance(0.5)
                else k.make(k.vec3, *[k.wp.randf(state, -1.0, 1.0) for _ in range(3)]),
            )
            d2 = k.wp.dot(p, p)
        elif shape == "square":
            p = k.define("p|point|q", k.wp.sample_unit_square(state))
            d2 = k.wp.length_sq(p) * 4.0
        else:
            x = k.define("x|u|px", k.wp.randf(state) if k.rng.chance(0.5) else k.wp.randf(state, -1.0, 1.0))
            y = k.define("y|v|py", k.wp.randf(state, -1.0, 1.0))
            d2 = x * x + y * y if shape == "disk" else x * x + y * y * k.number(1.5, 4.0)
        with k.if_(d2 <= r * r if k.rng.chance(0.5) else k.wp.sqrt(d2) < r):
            k.add(inside, 1)
    share = k.to_real(inside) / float(n)
    k.give("estimate|area|pi_estimate", share * k.rng.choice((4.0, 8.0, 2.0)))


@CATEGORY.motif(f32=True, weight=1.3)
def integrate_samples(k: Kit) -> None:
    """Monte Carlo integral with its variance."""
    state = _state(k)
    n = k.rng.choice((8, 16, 24, 32))
    a = k.input("a|freq|alpha|scale", k.real, 0.2, 3.0)
    total = k.var("total|sum|acc|mean", 0.0, k.real, lo=-400.0, hi=400.0)
    square = k.var("total_sq|sum_sq|m2", 0.0, k.real, lo=0.0, hi=4e3)
    strata = k.rng.chance(0.4)
    anti = k.rng.chance(0.25)
    with k.for_("s|i|sample", _count(k, "num_samples|samples|n", n)) as s:
        u = k.wp.randf(state)
        if strata:
            u = (k.to_real(s) + u) / float(n)
        x = k.define("x|u|xi", u.within(0, 1))
        f = k.define("f|value|fx", _integrand(k, x, a))
        if anti:
            f = k.define("pair|avg|f_avg", (f + _integrand(k, 1.0 - x, a)) * 0.5)
        k.add(total, f)
        k.add(square, f * f)
    mean = k.define("mean|estimate|avg", total / float(n))
    k.give("estimate|mean|integral", mean)
    if k.rng.chance(0.5):
        k.give(
            "variance|error|std_err",
            (square / float(n) - mean * mean).within(0, 100)
            if k.rng.chance(0.5)
            else k.wp.sqrt(k.wp.abs(square / float(n) - mean * mean) / float(n)),
        )


def _integrand(k: Kit, x: Value, a: Value) -> Value:
    style = k.rng.choice(("sin", "exp", "poly", "rational", "peak"))
    if style == "sin":
        return k.wp.sin(a * x * k.rng.choice((1.0, math.pi, 2.0)))
    if style == "exp":
        return k.wp.exp(-(a * x))
    if style == "poly":
        return x * x * a + x
    if style == "rational":
        return 1.0 / (a * x * x + 1.0)
    return k.wp.exp(-((x - 0.5) * (x - 0.5)) * a * 4.0)


@CATEGORY.motif(f32=True, weight=1.2)
def random_walk(k: Kit) -> None:
    """Random walk of a particle."""
    state = _state(k)
    steps = k.rng.choice(_STEPS)
    dims = k.rng.choice((1, 2, 3))
    kind = {1: k.real, 2: k.vec2, 3: k.vec3}[dims]
    x = k.var("p|x|pos|walker", k.input("start|positions|x0|origin", kind, -1.0, 1.0), lo=-60.0, hi=60.0)
    h = k.param("step_size|h|sigma|step_length", k.real, 0.05, 0.5)
    tracks = k.rng.chance(0.4)
    far = k.var("max_dist|furthest|reach", 0.0, k.real, lo=0.0, hi=120.0)
    with k.for_("i|s|step", _count(k, "num_steps|steps|n_steps", steps)):
        if dims == 1:
            jump = k.rng.choice(
                (
                    k.wp.randn(state),
                    k.wp.randf(state, -1.0, 1.0),
                    k.wp.where(k.wp.randf(state) < 0.5, k.lit(-1.0), k.lit(1.0)),
                )
            )
        elif dims == 2:
            jump = k.rng.choice(
                (
                    k.wp.sample_unit_ring(state),
                    k.wp.sample_unit_disk(state),
                    k.make(k.vec2, k.wp.randn(state), k.wp.randn(state)),
                )
            )
        else:
            jump = k.rng.choice(
                (
                    k.wp.sample_unit_sphere_surface(state),
                    k.wp.sample_unit_sphere(state),
                    k.make(k.vec3, k.wp.randn(state), k.wp.randn(state), k.wp.randn(state)),
                )
            )
        k.add(x, jump * h)
        if tracks:
            k.set(far, k.wp.max(far, k.wp.abs(x) if dims == 1 else k.wp.length(x)))
        if dims == 1 and k.rng.chance(0.5):
            bound = k.param("bound|wall|limit", k.real, 1.0, 3.0)
            k.set(x, k.wp.clamp(x, -bound, bound))
    k.give("final_position|end|position", x)
    if tracks:
        k.give("max_excursion|reach|max_dist", far)


@CATEGORY.motif(f32=True, weight=1.1)
def metropolis(k: Kit) -> None:
    """Metropolis chain on an energy."""
    state = _state(k)
    steps = k.rng.choice((8, 16, 32))
    x = k.var("x|current|q", k.input("x0|start|init", k.real, -2.0, 2.0), lo=-60.0, hi=60.0)
    beta = k.param("beta|inv_temp|k", k.real, 0.5, 3.0)
    width = k.param("width|step|proposal_std", k.real, 0.1, 0.8)
    form = k.rng.choice(("quadratic", "double_well", "cosine"))
    accepted = k.var("accepted|n_accept|moves", 0, I32, lo=0, hi=steps)
    total = k.var("total|sum_x|acc", 0.0, k.real, lo=-2e3, hi=2e3)
    averages = k.rng.chance(0.6)
    with k.for_("i|s|it", _count(k, "num_steps|steps|chain_length", steps)):
        trial = k.define(
            "trial|proposal|y|cand",
            x + (k.wp.randn(state) if k.rng.chance(0.5) else k.wp.randf(state, -1.0, 1.0)) * width,
        )
        d = k.define(
            "dE|delta|diff", _energy(k, trial.within(-6, 6), form) - _energy(k, x.within(-6, 6), form)
        )
        ratio = k.wp.exp(-(k.wp.clamp(d, -5.0, 20.0) * beta))
        with k.if_(
            k.any(d <= 0.0, k.wp.randf(state) < ratio) if k.rng.chance(0.5) else k.wp.randf(state) < ratio
        ):
            k.set(x, trial)
            k.add(accepted, 1)
        if averages:
            k.add(total, x)
    k.give("sample|x_out|state_out", x)
    k.give("acceptance|rate|accept_rate", k.to_real(accepted) / float(steps))
    if averages:
        k.give("chain_mean|mean|average", total / float(steps))


def _energy(k: Kit, x: Value, form: str) -> Value:
    if form == "quadratic":
        return x * x * 0.5
    if form == "double_well":
        return (x * x - 1.0) * (x * x - 1.0)
    return 1.0 - k.wp.cos(x * 2.0)


@CATEGORY.motif(f32=True, weight=1.2)
def option_paths(k: Kit) -> None:
    """Price along simulated log-normal paths."""
    state = _state(k)
    s0 = k.input("spot|s0|price", k.real, 50.0, 150.0)
    strike = k.param("strike|K", k.real, 80.0, 120.0)
    sigma = k.param("sigma|vol|volatility", k.real, 0.1, 0.4)
    r = k.param("rate|r|mu|drift", k.real, 0.0, 0.08)
    paths, steps = k.rng.choice(((4, 4), (8, 4), (16, 1), (8, 1)))
    horizon = k.param("maturity|T|horizon", k.real, 0.25, 1.0)
    dt = k.define("dt|h", horizon / float(steps)) if steps > 1 else horizon
    root = k.define("sqdt|vol_dt|diff", sigma * k.wp.sqrt(dt))
    drift = k.define("nu|mu_dt|adj", (r - sigma * sigma * 0.5) * dt)
    kind = k.rng.choice(("call", "put", "asian", "barrier", "lookback"))
    total = k.var("payoff|total|acc", 0.0, k.real, lo=0.0, hi=1e5)
    with k.for_("p|path|i", _count(k, "num_paths|paths", paths)):
        s = k.var("s|S|price_t", s0, lo=0.0, hi=1e4)
        mean = k.var("avg|mean_s|top|extreme", 0.0 if kind == "asian" else s0, k.real, lo=0.0, hi=1e5)
        alive = k.var("alive|live|active", 1.0, k.real, lo=0.0, hi=1.0)
        with k.for_("t|step|j", steps) if steps > 1 else _once():
            z = k.wp.randn(state)
            k.change(s, "*", k.wp.exp((drift + root * z).within(-2, 2)))
            if kind == "asian":
                k.add(mean, s * (1.0 / steps))
            elif kind == "lookback":
                k.set(mean, k.wp.max(mean, s))
            elif kind == "barrier":
                with k.if_(s > strike * k.number(1.2, 1.6)):
                    k.set(alive, 0.0)
        last = {"asian": mean, "lookback": mean}.get(kind, s)
        gain = strike - last if kind == "put" else last - strike
        pay = k.wp.max(gain, 0.0)
        k.add(total, pay * alive if kind == "barrier" else pay)
    k.give("price|option_value|value", total / float(paths) * k.wp.exp(-(r * horizon)))


class _once:
    """Stands where a loop of one turn would."""

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


@CATEGORY.motif(f32=True, weight=1.2)
def direct_light(k: Kit) -> None:
    """Irradiance by sampling the hemisphere."""
    state = _state(k)
    n = k.input("normals|normal|n", k.vec3, unit=True)
    samples = k.rng.choice((4, 8, 16))
    total = k.var("irradiance|L|total|sum", 0.0, k.real, lo=0.0, hi=100.0)
    light = k.param("light_dir|sun|light", k.vec3, -1.0, 1.0)
    power = k.rng.choice((1, 2, 4, 8))
    with k.for_("s|i|sample", _count(k, "num_samples|spp|samples", samples)):
        style = k.rng.choice(("surface", "hemi", "sphere", "inside"))
        if style == "surface":
            w = k.var("w|dir|wi", k.wp.sample_unit_sphere_surface(state), lo=-1.0, hi=1.0)
            with k.if_(k.wp.dot(w, n) < 0.0):
                k.set(w, -w)
        elif style == "hemi":
            w = k.define("w|dir|wi", k.wp.sample_unit_hemisphere_surface(state))
        elif style == "inside":
            w = k.define("w|dir|wi", k.wp.sample_unit_hemisphere(state))
        else:
            w = k.define("w|dir|wi", k.wp.normalize(n + k.wp.sample_unit_sphere(state)))
        c = k.define("cos_theta|c|ndotw", k.wp.max(k.wp.dot(n, w).within(-1, 1), 0.0))
        glow = k.wp.max(k.wp.dot(w, light), 0.0)
        lobe = glow
        for _ in range({1: 0, 2: 1, 4: 2, 8: 3}[power]):
            lobe = lobe * lobe
        k.add(total, c * k.let("sky|radiance|e", lobe))
    k.give("irradiance|radiance|exitance", total * (2.0 * math.pi / samples))


@CATEGORY.motif(f32=True)
def discrete_choice(k: Kit) -> None:
    """Draw from a discrete distribution."""
    state = _state(k)
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
                k.line("break")
    k.give("reward|drawn|value", values[b] * k.input("scale|gain|stake", k.real, 0.5, 2.0))
    if k.rng.chance(0.4):
        k.discard(k.atomic("add", k.output("histogram|picks|counts", I32), b, 1))


@CATEGORY.motif(f32=True)
def scatter_points(k: Kit) -> None:
    """Random points on triangles, disks and in boxes."""
    state = _state(k)
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
    state = _state(k)
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
    state = _state(k)
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
    state = _state(k)
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
                k.line("break")
        k.give("sample|accepted|draw", x)
