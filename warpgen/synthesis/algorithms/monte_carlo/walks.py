"""Random walks, and integrals by chance."""

from __future__ import annotations

import math

import numpy as np

from warpgen.synthesis.algorithms.monte_carlo import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Metropolis & Ulam 1949; Hammersley & Handscomb 1964; Owen 2013, chapters 8 and 9",
    names={
        "integrate_by_chance": "monte_carlo_integral|estimate_integral|mc_estimate|sample_integral",
        "n": "count|num_samples|per_thread",
        "estimate": "estimates|means|integral",
        "total": "result|integral|overall",
        "u": "xi|r|point",
        "acc": "running|sum_f|tally",
    },
    adjoint="no",
    weight=5,
)
def integrate_by_chance(d: Draft) -> None:
    """Estimates an integral over the unit interval using Monte Carlo sampling."""
    function = d.option("function", "circle", "exponential", "peak", "sine", "volume")
    variance = d.option("variance", "plain", "antithetic", "stratified", "control", "importance")
    out = d.option("out", "means", "sum", "moments")
    seeds = d.option("seeds", "param", "array")
    loop = d.option("loop", "for", "while")
    d.calls("monte_carlo_integral|estimate_integral|mc_estimate|sample_integral")
    threads, n = d.pick(48, 64, 96), d.pick(64, 96, 128)
    if variance == "importance":
        function = "peak"
    if out == "moments" and variance == "stratified":
        out = "means"  # strata are not independent, so that their spread says little of the error
    if function == "volume":
        variance = "plain"
    d.param("seed", "int", 1, 100000, about="random seed") if seeds == "param" else d.input(
        "seeds", "int", threads, 1, 100000, about="seed per thread"
    )
    if function in ("peak", "sine", "exponential"):
        d.param(
            "a",
            "float",
            1.0,
            3.0,
            about="rate of the exponential" if function != "sine" else "angular frequency of the sine",
        )
    d.param(
        "n",
        "int",
        n,
        about=f"number of {'pairs' if variance == 'antithetic' else 'samples'} per thread",
    )
    if out == "sum":
        d.param("num_threads", "int", threads, about="number of threads")
    if out == "sum":
        d.output("total", "float", 1, about="mean estimate over all threads")
    else:
        d.output("estimate", "float", threads, about="estimate per thread")
    if out == "moments":
        d.output("std_error", "float", threads, about="standard error per estimate")
    factor = "control_factor"
    if variance == "control" and function == "circle":
        factor = "SLOPE"
        d.module("SLOPE = wp.constant(-0.7124)  # cov(f, u) / var(u), for the least variance")
    elif variance == "control" and function != "volume":
        span = {"exponential": (-0.8, -0.4), "peak": (-0.8, -0.2), "sine": (0.4, 0.9)}[function]
        d.param("control_factor", "float", *span, about="control variate coefficient")
    value = {
        "circle": "wp.sqrt(1.0 - {0} * {0})",
        "exponential": "wp.exp(-a * {0})",
        "peak": "wp.exp(-a * {0}) * (1.0 + {0})",
        "sine": "wp.sin(a * {0})",
        "volume": "",
    }[function]
    if function == "volume":
        sample = (
            "p = wp.vec3(wp.randf(state), wp.randf(state), wp.randf(state))\n"
            "# Indicator function of the unit ball\n"
            "f = wp.where(wp.dot(p, p) < 1.0, 1.0, 0.0)"
        )
    elif variance == "plain":
        sample = f"u = wp.randf(state)\nf = {value.format('u')}"
    elif variance == "antithetic":
        sample = (
            "u = wp.randf(state)\n"
            "# Antithetic pair: u and 1 - u\n"
            f"f = 0.5 * ({value.format('u')} + {value.format('(1.0 - u)')})".replace(
                "(1.0 + (1.0 - u))", "(2.0 - u)"
            )
        )
    elif variance == "stratified":
        sample = f"# Stratified: one point per stratum\nu = (float(k) + wp.randf(state)) / float(n)\nf = {value.format('u')}"
    elif variance == "control":
        sample = (
            "u = wp.randf(state)\n"
            "# Control variate: u, with known mean 1/2\n"
            f"f = {value.format('u')} - {factor} * (u - 0.5)"
        )
    else:
        sample = (
            "# Importance sampling from exp(-a x)\n"
            "u = -wp.log(1.0 - mass * wp.randf(state)) / a\n"
            "f = (1.0 + u) * mass / a"
        )
    number = "float(n)"
    body = f"{sample}\nacc += f" + ("\nsum_sq += f * f" if out == "moments" else "")
    if loop == "while":
        loops = "k = int(0)\nwhile k < n:\n    $body\n    k += 1"
    else:
        loops = "for k in range(n):\n    $body"
    end = {
        "means": f"estimate[tid] = acc / {number}",
        "sum": "wp.atomic_add(total, 0, acc / float(n * num_threads))",
        "moments": (
            f"mean = acc / {number}\n"
            "estimate[tid] = mean\n"
            f"std_error[tid] = wp.sqrt(wp.max(sum_sq / {number} - mean * mean, 0.0) / float(n - 1))"
        ),
    }[out]
    d.launch(threads)
    d.code(
        "tid = wp.tid()\nstate = wp.rand_init($seed)\n$mass\nacc = float(0.0)\n$square\n$loops\n$end",
        seed="seed, tid" if seeds == "param" else "seeds[tid]",
        mass="mass = 1.0 - wp.exp(-a)" if variance == "importance" else "",
        square="sum_sq = float(0.0)" if out == "moments" else "",
        loops=loops,
        body=body,
        end=end,
    )
    d.says(
        {
            "circle": "Estimates a quarter of pi, the area of a quarter disk, by Monte Carlo sampling.",
            "exponential": "Estimates the integral of exp(-a x) over the unit interval by Monte Carlo sampling.",
            "peak": "Estimates the integral of (1 + x) exp(-a x) over the unit interval by Monte Carlo sampling.",
            "sine": "Estimates the integral of sin(a x) over the unit interval by Monte Carlo sampling.",
            "volume": "Estimates the volume of a ball octant by Monte Carlo sampling.",
        }[function].replace(
            "random points",
            {
                "antithetic": "antithetic pairs of random points",
                "stratified": "random points, one in each stratum",
                "control": "random points and a control variate",
                "importance": "importance sampling",
            }.get(variance, "random points"),
        )
    )

    def holds(before: Values, after: Values) -> None:
        a = float(before.get("a", 1.0))
        x = (np.arange(20000) + 0.5) / 20000
        f = {
            "circle": np.sqrt(1 - x * x),
            "exponential": np.exp(-a * x),
            "peak": np.exp(-a * x) * (1 + x),
            "sine": np.sin(a * x),
            "volume": np.full(1, math.pi / 6),
        }[function]
        truth = f.mean()
        # no method here has a larger deviation than that of plain sampling of the function or a coin
        sd = 0.5 if function == "volume" else max(float(f.std()), 0.2)
        each = np.atleast_1d(after.total if out == "sum" else after.estimate)
        np.testing.assert_allclose(each.mean(), truth, atol=5 * sd / np.sqrt(n * threads) + 1e-4)
        if out != "sum":
            assert np.abs(each - truth).max() < 6 * sd / np.sqrt(n) + 1e-4, "an estimate is far off"
        if out == "moments" and variance != "stratified":
            off = np.abs(each - truth) / (after.std_error + 1e-6)
            assert np.median(off) < 2.0, "the errors are not what they are said to be"
            assert off.mean() > 0.2, "the errors are said to be too large"

    d.holds(holds)


@DOMAIN.algorithm(
    source=(
        "Pearson 1905; Flory 1949; Muller 1956 (walk on spheres); Woodcock et al. 1965 (tracking); "
        "Wang & Jacques 1995"
    ),
    names={
        "random_walk": "walkers|simulate_walks|wander",
        "steps": "num_steps|n|length",
        "x": "pos|walker|place",
        "ends": "final|endpoints|positions",
        "step_length": "stride|hop",
    },
    adjoint="no",
    weight=11,
)
def random_walk(d: Draft) -> None:
    """Simulates random walks and records their end points."""
    kind = d.option("kind", "lattice", "sphere", "gaussian", "photons", "persistent")
    if kind == "photons":
        d.calls("photon_walk|follow_photons|scatter_photons")
    dim = d.option("dim", 2, 3)
    out = d.option("out", "ends", "square", "histogram", "furthest")
    wall = d.option("wall", "none", "box", "absorb")
    seeds = d.option("seeds", "param", "array")
    n, steps = d.pick(48, 64, 96), d.pick(16, 24, 32)
    if kind in ("sphere", "photons", "persistent"):
        dim = 3
    if kind == "photons" and wall == "box":
        wall = "absorb"  # walls do not hold light
    d.param("seed", "int", 1, 100000, about="random seed") if seeds == "param" else d.input(
        "seeds", "int", n, 1, 100000, about="seed per thread"
    )
    d.param("steps", "int", steps, about="number of steps")
    stride = "step_sd" if kind == "gaussian" else "step_length"
    step_name = "mean_free_path" if kind == "photons" else stride
    if kind == "photons":
        d.param("mean_free_path", "float", 0.2, 0.5, about="mean free path")
        d.param("albedo", "float", 0.9, 0.99, about="probability of scattering")
    else:
        d.param(
            stride,
            "float",
            0.1,
            0.3,
            about="step standard deviation per axis" if kind == "gaussian" else "step length",
        )
    if kind == "persistent":
        d.param("memory", "float", 0.3, 0.8, about="directional persistence")
    if wall == "box":
        d.param(
            "half_width",
            "float",
            0.8,
            1.2,
            about=f"half-width of the confining {'square' if dim == 2 else 'box'}",
        )
    elif wall == "absorb":
        d.param("radius", "float", 0.8, 1.6, about="absorption radius")
    bins = 12
    if out == "ends":
        d.output("ends", f"vec{dim}", n, about="end point per walk")
    elif out == "histogram":
        d.output(
            "counts",
            "int",
            bins,
            about="walk count per distance bin"
            + {"box": ", up to the corners", "absorb": ", the last bin beyond the radius"}.get(
                wall, ", with an open last bin"
            ),
        )
        d.param("num_bins", "int", bins, about="number of bins")
    else:
        about = "squared end distance of each walk" if out == "square" else "maximum distance"
        d.output("squares" if out == "square" else "furthest", "float", n, about=f"{about} from its start")
    vec = f"wp.vec{dim}"
    unit = "wp.sample_unit_sphere_surface(state)"
    pre = ""
    if kind == "lattice":
        hop = (
            f"axis = wp.randi(state, 0, {dim})\n"
            "sign = 2.0 * float(wp.randi(state, 0, 2)) - 1.0\n"
            "x[axis] = x[axis] + sign * step_length"
        )
    elif kind == "sphere":
        hop = f"x = x + step_length * {unit}"
    elif kind == "gaussian":
        hop = f"x = x + step_sd * {vec}({', '.join(['wp.randn(state)'] * dim)})"
    elif kind == "persistent":
        pre = f"heading = {unit}"
        hop = (
            "# Correlated random walk: perturb the heading\n"
            f"heading = wp.normalize(memory * heading + (1.0 - memory) * {unit})\n"
            "x = x + step_length * heading"
        )
    else:
        hop = (
            "# Exponential free path (Beer-Lambert)\n"
            "free = -mean_free_path * wp.log(1.0 - wp.randf(state))\n"
            f"x = x + free * {unit}\n"
            "# Scatter with probability `albedo`, otherwise absorb\n"
            "if wp.randf(state) > albedo:\n"
            "    break"
        )
    if wall == "box":
        after = f"x = {vec}({', '.join(f'wp.clamp(x[{a}], -half_width, half_width)' for a in range(dim))})"
    elif wall == "absorb":
        distance = "away" if out == "furthest" else "wp.length(x)"
        after = f"if {distance} > radius:\n    break"
    else:
        after = ""
    track = ""
    if out == "furthest":
        pre += "\nfar = float(0.0)"
        track = "far = wp.max(far, wp.length(x))"
        if wall == "absorb":
            track = "away = wp.length(x)\nfar = wp.max(far, away)"
    # Bins reach as far as walks do
    mean = {"gaussian": f"{dim}.0 * float(steps)", "photons": "2.0 * float(steps)"}.get(kind, "float(steps)")
    width = {
        "box": f"bin_width = half_width * wp.sqrt({dim}.0) / float(num_bins)",
        "absorb": "bin_width = radius / float(num_bins - 1)",
        "none": "# Bins cover three times the RMS distance\n"
        f"bin_width = 3.0 * {step_name} * wp.sqrt({mean}) / float(num_bins)",
    }[wall]
    if wall == "none" and kind == "photons":
        width = width.replace(
            "mean square of the distance", "mean square of the distance of light that is not absorbed"
        )
    elif wall == "none" and kind == "persistent":
        width = "# Bins cover the full walk length\nbin_width = step_length * float(steps) / float(num_bins)"
    end = {
        "ends": "ends[tid] = x",
        "square": "squares[tid] = wp.dot(x, x)",
        "histogram": f"{width}\nwp.atomic_add(counts, wp.min(int(wp.length(x) / bin_width), num_bins - 1), 1)",
        "furthest": "furthest[tid] = far",
    }[out]
    if kind == "photons" and out == "furthest":
        hop = hop.replace("# Scatter", f"{track}\n# Scatter")
        track = ""
    first = wall == "absorb"  # a walker that leaves has been outside
    d.launch(n)
    d.code(
        (
            "tid = wp.tid()\n"
            "state = wp.rand_init($seed)\n"
            "x = $vec()\n"
            "$pre\n"
            "for k in range(steps):\n"
            "    $hop\n"
            "    $after\n"
            "    $track\n"
            "$end"
        ),
        seed="seed, tid" if seeds == "param" else "seeds[tid]",
        vec=vec,
        pre=pre.strip("\n"),
        hop=hop,
        after=track if first else after,
        track=after if first else track,
        end=end,
    )
    if kind == "photons":
        what = {
            "ends": "where they end",
            "square": "the squared end distance",
            "histogram": "how many end at which distance",
            "furthest": "how far they get",
        }[out]
        d.says(f"Traces photons through an isotropically scattering medium and records {what}.")
    elif out != "ends":
        d.says({
            "square": "Computes squared end-to-end distances of random walks.",
            "histogram": "Computes a histogram of end-to-end distances of random walks.",
            "furthest": "Computes the maximum distances that random walks reach from their start.",
        }[out])  # fmt: skip
    if wall != "none":
        d.sentence = (d.sentence or "Simulates random walks and records their end points.").replace(
            ".",
            f" in a {'square' if dim == 2 else 'box'} with walls."
            if wall == "box"
            else f", within an absorbing {'circle' if dim == 2 else 'sphere'}.",
        )

    def holds(before: Values, after: Values) -> None:
        step = float(before.get(stride, before.get("mean_free_path", 0.0)))
        second = {"gaussian": dim, "photons": 2.0}.get(kind, 1.0) * step**2  # mean square of a step
        upper = (steps * step) ** 2 if kind == "persistent" else steps * second
        if out == "histogram":
            assert after.counts.sum() == n and (after.counts >= 0).all()
            if wall == "box":
                width = float(before.half_width) * np.sqrt(dim) / bins
            elif wall == "absorb":
                width = float(before.radius) / (bins - 1)
            else:
                width = (steps * step if kind == "persistent" else 3.0 * np.sqrt(upper)) / bins
            mean = ((np.arange(bins) * width) ** 2 * after.counts).sum() / n
            assert mean <= 1.8 * upper + 0.1
            return
        if out == "ends":
            ends = after.ends
            squares = (ends**2).sum(axis=1)
            deviation = np.sqrt(max(squares.mean(), 1e-6) / dim / n)
            assert np.abs(ends.mean(axis=0)).max() < 5 * deviation, "walks drift"
            assert len(np.unique(ends, axis=0)) > n // 4, "walkers go together"
            if kind == "lattice" and wall == "none":
                on = ends / step
                np.testing.assert_allclose(on, np.round(on), atol=1e-3)
                assert ((np.round(on).sum(axis=1) - steps) % 2 == 0).all()
        else:
            squares = after.squares if out == "square" else after.furthest**2
        if wall == "box" and out != "furthest":
            assert squares.max() <= dim * float(before.half_width) ** 2 + 1e-3
        assert squares.min() >= 0.0 and squares.mean() <= 1.8 * upper
        least = 0.0 if kind == "photons" or wall != "none" else 0.5 * steps * second
        assert squares.mean() > max(least, 1e-3), "walks stay too close"

    d.holds(holds)
