"""Monte Carlo: sampling, estimates, walks, chains, paths."""

from __future__ import annotations

import math

from warpgen.synthesis.categories.monte_carlo import CATEGORY
from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import I32
from warpgen.synthesis.language.values import Value

_STEPS = (8, 12, 16)


def random_state(k: Kit) -> Value:
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
    state = random_state(k)
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
    state = random_state(k)
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
    state = random_state(k)
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
    state = random_state(k)
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
    state = random_state(k)
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
        with k.for_("t|step|j", steps) if steps > 1 else _Once():
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


class _Once:
    """Stands where a loop of one turn would."""

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


@CATEGORY.motif(f32=True, weight=1.2)
def direct_light(k: Kit) -> None:
    """Irradiance by sampling the hemisphere."""
    state = random_state(k)
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
