"""Random numbers of a given law, by inversion, by rejection or by Warp's own generators."""

from __future__ import annotations

import numpy as np

from warpgen.synthesis.algorithms.sampling import DOMAIN
from warpgen.synthesis.writing.draft import Draft, Values

# By law: what is said, its parameters with ranges, and how it is drawn.
_LAWS: dict[str, tuple[str, dict[str, tuple[float, float, str]], tuple[str, ...]]] = {
    "uniform": (
        "draws uniformly between two bounds",
        {"low": (1.0, 2.0, "Lower bound"), "high": (2.5, 4.0, "Upper bound")},
        (
            "value = wp.randf(state, low, high)",
            "value = low + (high - low) * wp.randf(state)",
            "value = wp.lerp(low, high, wp.randf(state))",
        ),
    ),
    "normal": (
        "draws from a normal distribution",
        {"mean": (1.0, 2.0, "Mean"), "deviation": (0.2, 0.5, "Standard deviation")},
        (
            "value = mean + deviation * wp.randn(state)",
            (
                "# Box-Muller transform; the first sample is above zero to avoid log(0)\n"
                "u = 1.0 - wp.randf(state)\n"
                "phi = 2.0 * wp.pi * wp.randf(state)\n"
                "value = mean + deviation * wp.sqrt(-2.0 * wp.log(u)) * wp.cos(phi)"
            ),
        ),
    ),
    "exponential": (
        "draws waiting times from an exponential distribution",
        {"mean": (1.0, 2.0, "Mean waiting time")},
        ("value = -mean * wp.log(1.0 - wp.randf(state))",),
    ),
    "rayleigh": (
        "samples a Rayleigh distribution",
        {"scale": (1.0, 2.0, "Scale parameter")},
        (
            "value = scale * wp.sqrt(-2.0 * wp.log(1.0 - wp.randf(state)))",
            "value = scale * wp.length(wp.vec2(wp.randn(state), wp.randn(state)))",
        ),
    ),
    "triangular": (
        "draws from a symmetric triangular distribution that starts at zero",
        {"width": (1.0, 2.0, "Upper bound")},
        ("value = 0.5 * width * (wp.randf(state) + wp.randf(state))",),
    ),
    "poisson": (
        "samples counts from a Poisson distribution",
        {"mean": (1.0, 2.0, "Mean count")},
        ("value = float(wp.poisson(state, mean))",),
    ),
    "logistic": (
        "draws from a logistic distribution about zero",
        {"scale": (1.0, 2.0, "Scale parameter")},
        (
            (
                "# Avoid 0 and 1, where the logarithm diverges\n"
                "u = wp.clamp(wp.randf(state), 1.0e-6, 1.0 - 1.0e-6)\n"
                "value = scale * wp.log(u / (1.0 - u))"
            ),
        ),
    ),
    "lognormal": (
        "samples a log-normal distribution",
        {
            "mu": (1.0, 2.0, "Mean of log(x)"),
            "sigma": (0.2, 0.5, "Standard deviation of log(x)"),
        },
        ("value = wp.exp(mu + sigma * wp.randn(state))",),
    ),
}


def _moments(law: str, a: float, b: float) -> tuple[float, float]:
    """Mean and standard deviation for the parameters of a law."""
    return {
        "uniform": (0.5 * (a + b), (b - a) / 12**0.5),
        "normal": (a, b),
        "exponential": (a, a),
        "rayleigh": (a * (np.pi / 2) ** 0.5, a * (2 - np.pi / 2) ** 0.5),
        "triangular": (0.5 * a, a / 24**0.5),
        "poisson": (a, a**0.5),
        "logistic": (0.0, a * np.pi / 3**0.5),
        "lognormal": (
            float(np.exp(a + 0.5 * b * b)),
            float(np.exp(a + 0.5 * b * b) * (np.exp(b * b) - 1) ** 0.5),
        ),
    }[law]


@DOMAIN.algorithm(
    source="Devroye 1986, ch. II; Warp manual, Random",
    names={
        "seed": "rng_seed|base_seed",
        "state": "rng|rng_state",
        "samples": "draws|values|variates",
        "draw_samples": "sample_distribution|fill_random|generate_variates",
        "value": "x|draw|sample",
    },
    adjoint="either",
    weight=11,
)
def draw_samples(d: Draft) -> None:
    """Fills an array with random samples from a distribution."""
    law = d.option("law", *_LAWS)
    said, parameters, ways = _LAWS[law]
    way = d.pick(*ways)
    layout = d.option("layout", "one", "row", "grid", "mean")
    d.says(
        f"{said[0].upper()}{said[1:]}, independently for each element."
        if layout != "mean"
        else f"Each thread {said} and stores the mean of several draws."
    )
    d.calls(
        f"{law}_means|mean_of_{law}_draws|average_{law}_draws"
        if layout == "mean"
        else f"draw_{law}|sample_{law}|{law}_samples"
    )
    rows, columns = (
        (d.pick(12, 16), d.pick(16, 24)) if layout in ("row", "grid") else (d.pick(160, 200, 256), 1)
    )
    d.param("seed", "int", 1, 10000, about="Random seed")
    for name, (low, high, about) in parameters.items():
        d.param(name, "float", low, high, about=about)
    draws = d.pick(8, 16)
    if layout == "mean":
        d.param("num_draws", "int", draws, about="Number of draws per thread")
    out, about = ("means", "Means of the draws") if layout == "mean" else ("samples", "Random samples")
    d.output(out, "float", (rows, columns) if layout in ("row", "grid") else rows, about=about)
    if layout == "one":
        d.launch(rows)
        d.code("tid = wp.tid()\nstate = wp.rand_init(seed, tid)\n$way\nsamples[tid] = value", way=way)
    elif layout == "grid":
        d.launch(rows, columns)
        d.code(
            (
                "i, j = wp.tid()\n"
                "state = wp.rand_init(seed, i * samples.shape[1] + j)\n"
                "$way\n"
                "samples[i, j] = value"
            ),
            way=way,
        )
    elif layout == "row":
        d.launch(rows)
        d.code(
            (
                "row = wp.tid()\n"
                "state = wp.rand_init(seed, row)\n"
                "for j in range(samples.shape[1]):\n"
                "    $way\n"
                "    samples[row, j] = value"
            ),
            way=way,
        )
    else:
        d.launch(rows)
        d.code(
            (
                "tid = wp.tid()\n"
                "state = wp.rand_init(seed, tid)\n"
                "total = float(0.0)\n"
                "for draw_k in range(num_draws):\n"
                "    $way\n"
                "    total += value\n"
                "means[tid] = total / float(num_draws)"
            ),
            way=way,
        )

    def distributed(before: Values, after: Values) -> None:
        a, b = [*(float(before[name]) for name in parameters), 0.0][:2]
        mean, deviation = _moments(law, a, b)
        found = after[out].ravel()
        if layout == "mean":
            deviation /= draws**0.5
        # Five standard errors, and a third of the deviation: the laws differ by more.
        assert abs(found.mean() - mean) < 5.0 * deviation / found.size**0.5
        assert 0.6 * deviation < found.std() < 1.6 * deviation
        if law == "poisson" and layout != "mean":
            assert (found == np.round(found)).all()

    d.holds(distributed)


@DOMAIN.algorithm(
    source="Fisher & Yates 1938; Knuth 1997, algorithm P",
    names={
        "seed": "rng_seed|epoch_seed",
        "state": "rng|rng_state",
        "shuffle_rows": "shuffle|shuffle_each_row|permute_rows",
        "j": "other|pick|r",
    },
    adjoint="either",
    weight=4,
)
def shuffle_rows(d: Draft) -> None:
    """Shuffles each row of a 2D array (Fisher-Yates)."""
    source = d.option("source", "identity", "given")
    direction = d.option("direction", "down", "up")
    type_ = d.option("type", "int", "float", "vec3")
    partial = d.flag("partial", 0.3)
    flat = d.flag("flat")
    stream = d.option("stream", "wp.rand_init(seed, row)", "wp.rand_init(seed + row)")
    if source == "identity":
        d.calls("random_permutations|shuffled_indices|permute_batches")
        d.says("Generates a random index permutation per row (inside-out Fisher-Yates).")
    elif partial:
        d.calls("partial_shuffle|shuffle_front|draw_without_replacement")
        d.says("Samples elements without replacement into the front of each row (partial Fisher-Yates).")
    rows, columns = d.pick(16, 24, 32), d.pick(8, 10, 13)
    extents: int | tuple[int, int] = rows * columns if flat else (rows, columns)
    if source == "identity":
        type_ = "int"
    d.param("seed", "int", 1, 10000, about="Random seed")
    if source == "identity":
        order = d.pick("order", "permutations", "indices")
        d.output(order, "int", extents, about="Shuffled indices per row")
    else:
        order = d.pick("items", "values", "elements")
        d.inout(order, type_, extents, 0, 100, about="Rows to shuffle in place")
    if flat:
        d.module(f"ROW_LENGTH = wp.constant({columns})")
    last = "ROW_LENGTH" if flat else f"{order}.shape[1]"
    below = f"{last} - 1"
    at = "start + $k" if flat else "row, $k"
    i, j = at.replace("$k", "i"), at.replace("$k", "j")
    swap = f"kept = {order}[{i}]\n{order}[{i}] = {order}[{j}]\n{order}[{j}] = kept"
    if source == "identity":
        body = f"""
        # inside-out Fisher-Yates: insert element i at a random position in 0..i
        for i in range({last}):
            j = wp.randi(state, 0, i + 1)
            {order}[{i}] = {order}[{j}]
            {order}[{j}] = i
        """
    elif partial:
        d.param("num_drawn", "int", columns // 2, about="Number of elements to sample per row")
        body = f"""
        # partial Fisher-Yates: stop after the requested elements
        for i in range(num_drawn):
            j = wp.randi(state, i, {last})
            $swap
        """
    elif direction == "down":
        body = f"""
        for k in range({below}):
            i = {below} - k
            j = wp.randi(state, 0, i + 1)
            $swap
        """
    else:
        body = f"for i in range({below}):\n    j = wp.randi(state, i, {last})\n    $swap"
    d.launch(rows)
    d.code(
        "row = wp.tid()\n$start\nstate = $stream\n$body",
        start="start = row * ROW_LENGTH" if flat else "", stream=stream, body=body, swap=swap,
    )  # fmt: skip

    def permuted(before: Values, after: Values) -> None:
        first = np.broadcast_to(np.arange(columns), (rows, columns))
        if source != "identity":
            first = before[order].reshape(rows, columns, -1)[..., 0]

        found = after[order].reshape(rows, columns, -1)[..., 0]
        np.testing.assert_array_equal(np.sort(found, axis=1), np.sort(first, axis=1))
        assert (found != first).any(axis=1).mean() > 0.9

    d.holds(permuted)
