"""Tiles of random numbers."""

from __future__ import annotations

from collections.abc import Callable

from warpgen.synthesis.algorithms.tiles import DOMAIN
from warpgen.synthesis.algorithms.tiles.sharing import BLOCK
from warpgen.synthesis.library.tile_forms import as_float, extent
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Warp manual, Tiles: tile_randf, tile_randi",
    names=BLOCK
    | {
        "seed": "base_seed|rng_seed|key",
        "state": "rng_state|generator|rand_state",
        "out": "samples|values|draws",
        "noisy": "out|jittered|y",
        "dropped": "out|kept|y",
        "means": "out|averages|block_means",
        "x": "values|signal|clean",
        "activations": "x|hidden|features",
        "strength": "amplitude|noise_level|half_width",
    },
    adjoint="either",
    weight=14,
)
def random_tiles(d: Draft) -> None:
    """Fills tiles with random numbers using one random stream per block."""
    what = d.option("what", "uniform", "interval", "dice", "jitter", "dropout", "mean")
    rows = d.option("rows", "flat", "rows")
    stream = d.option("stream", "block", "given")
    source = "using one random stream per block"
    if stream == "given":
        source = "using the given random stream per block"
    d.says({
        "uniform": f"Fills tiles with uniform random numbers in [0, 1) {source}.",
        "interval": f"Fills tiles with uniform random numbers between two bounds {source}.",
        "dice": f"Fills tiles with random dice rolls {source}.",
        "jitter": f"Adds uniform noise to each tile of a signal {source}.",
        "dropout": f"Applies dropout {source}, rescaling the remaining values.",
        "mean": f"Computes the mean of a tile of uniform random numbers {source}.",
    }[what])  # fmt: skip
    d.calls({
        "uniform": "random_tiles|uniform_tiles|noise_tiles",
        "interval": "random_tiles|uniform_tiles|draw_tiles",
        "dice": "roll_dice|throw_dice|dice_tiles",
        "jitter": "add_noise|jitter_blocks|jitter_signal",
        "dropout": "dropout|apply_dropout|dropout_tiles",
        "mean": "average_noise|random_means|mean_of_random",
    }[what])  # fmt: skip
    n, blocks = d.pick(32, 64), d.pick(4, 6, 8)
    size = extent(d, "TILE", n)
    flat = rows == "flat" or what in ("jitter", "dropout", "mean")
    d.param("seed", "int", 1, 10000)
    if stream == "given":
        d.input("streams", "int", blocks, kind="permutation")
    x = "activations" if what == "dropout" else "x"
    name = {"jitter": "noisy", "dropout": "dropped", "mean": "means"}.get(what, "out")
    if what == "interval":
        d.module("LOW = wp.constant(-1.0)\nHIGH = wp.constant(3.0)")
    if what in ("jitter", "dropout"):
        d.input(x, "float", n * blocks, 0.5, 1.5)
    if what == "jitter":
        d.param("strength", "float", 0.05, 0.2)
    if what == "dropout":
        d.param("rate", "float", 0.2, 0.6)
        d.function("""
            @wp.func
            def drop(value: float, u: float, rate: float):
                return wp.where(u < rate, 0.0, value / (1.0 - rate))
        """)
    d.output(
        name,
        "int" if what == "dice" else "float",
        blocks if what == "mean" else n * blocks if flat else (blocks, n),
    )
    shape = size if flat else f"(1, {size})"
    at = f"block * {size}" if flat else "(block, 0)"
    draw = {
        "dice": f"drawn = wp.tile_randi(shape={shape}, rng=state, min=1, max=7)",
        "interval": f"drawn = wp.tile_randf(shape={shape}, rng=state, min=LOW, max=HIGH)",
        "jitter": f"drawn = wp.tile_randf(shape={shape}, rng=state, min=-1.0, max=1.0)",
    }.get(what, f"drawn = wp.tile_randf(shape={shape}, rng=state)")
    load = f"wp.tile_load({x}, shape={size}, offset=block * {size})"
    result = {
        "jitter": f"{load} + strength * drawn",
        "dropout": f"wp.tile_map(drop, {load}, drawn, rate)",
        "mean": f"wp.tile_sum(drawn) * (1.0 / {as_float(size)})",
    }.get(what, "drawn")
    d.launch(blocks, tiled=True)
    d.code(f"""
        block = wp.tid()
        state = wp.rand_init(seed, {"block" if stream == "block" else "streams[block]"})
        {draw}
        wp.tile_store({name}, {result}, offset={"block" if what == "mean" else at})
    """)

    def distributed(before: Values, after: Values) -> None:
        out = after[name].ravel()
        if what in ("jitter", "dropout"):
            out = out - before[x] if what == "jitter" else out / before[x]
        laws: dict[str, Callable[[], tuple[float, ...]]] = {
            "uniform": lambda: (0.0, 1.0, 0.5, 12**-0.5),
            "interval": lambda: (-1.0, 3.0, 1.0, 4 * 12**-0.5),
            "dice": lambda: (1, 6, 3.5, (35 / 12) ** 0.5),
            "jitter": lambda: (-before.strength, before.strength, 0.0, before.strength * 3**-0.5),
            "dropout": lambda: (0.0, 1 / (1 - before.rate), 1.0, (before.rate / (1 - before.rate)) ** 0.5),
            "mean": lambda: (0.0, 1.0, 0.5, (12 * n) ** -0.5),
        }
        low, high, mean, deviation = laws[what]()
        assert out.min() >= low - 1e-5
        assert out.max() <= high + 1e-5
        assert abs(out.mean() - mean) < 5.0 * deviation / out.size**0.5
        assert 0.3 * deviation < out.std() < 2.0 * deviation

    d.holds(distributed)
