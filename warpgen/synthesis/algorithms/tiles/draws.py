"""Tiles drawn at random, and what one thread gives to its block."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.tiles import DOMAIN
from warpgen.synthesis.algorithms.tiles.sharing import BLOCK
from warpgen.synthesis.library.tile_forms import Flat, as_float, extent
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Efron 1979 (bootstrap); Breiman 1996; Warp manual, Tiles: tile_randi, indexed tiles",
    names=BLOCK
    | {
        "x": "sample|data|observations",
        "out": "statistics|estimates|replicates",
        "drawn_values": "resamples|bootstrapped|out",
        "picked": "drawn|resampled|chosen",
        "ids": "index|picks|places",
        "state": "rng|rng_state|gen",
        "seed": "rng_seed|base_seed|key",
    },
    adjoint="no",
    weight=3,
)
def resample_tiles(d: Draft) -> None:
    """Draws bootstrap samples with replacement using tiles."""
    wanted = d.option(
        "wanted", "mean", "maximum", "range", "spread", "values", "shifted", "energy", "difference"
    )
    size, blocks = d.pick(16, 32), d.pick(6, 8, 12)
    own = d.flag("own data")
    storage = d.flag("shared", 0.5)
    what = "each block's sample" if own else "a sample"
    d.says({
        "mean": f"Computes bootstrap means of {what}.",
        "maximum": f"Computes bootstrap maxima of {what}.",
        "range": f"Computes bootstrap ranges of {what}.",
        "spread": f"Computes bootstrap variances of {what}.",
        "values": f"Draws from {what} with replacement (bootstrap).",
        "shifted": f"Draws from {what} with replacement and centers the drawn values.",
        "energy": f"Computes bootstrap mean squares of {what}.",
        "difference": f"Computes deviations of bootstrap means from the mean of {what}.",
    }[wanted])  # fmt: skip
    d.calls({
        "mean": "bootstrap_means|resampled_means|bootstrap_mean",
        "maximum": "bootstrap_maxima|resampled_maxima",
        "range": "bootstrap_ranges|resampled_ranges",
        "spread": "bootstrap_variances|resampled_variances",
        "values": "bootstrap_samples|draw_bootstrap|resample_tiles",
        "shifted": "centered_bootstrap|draw_centered_samples|shifted_bootstrap",
        "energy": "bootstrap_mean_squares|resampled_mean_squares",
        "difference": "bootstrap_deviations|bootstrap_differences|mean_deviations",
    }[wanted])  # fmt: skip
    name = extent(d, "TILE", size)
    per_value = wanted in ("values", "shifted")
    d.input("x", "float", size * blocks if own else size, -1.0, 1.0, about="values to draw from")
    d.param("seed", "int", 1, 100000, about="random seed")
    out = "drawn_values" if per_value else "out"
    d.output(out, "float", size * blocks if per_value else blocks)
    where = ', storage="shared"' if storage else ""
    load = f"wp.tile_load(x, shape={name}{f', offset=block * {name}' if own else ''}{where})"
    mean = f"wp.tile_sum(picked) * (1.0 / {as_float(name)})"
    lines, store = {
        "mean": (f"result = {mean}", ""),
        "maximum": ("result = wp.tile_max(picked)", ""),
        "range": ("result = wp.tile_max(picked) - wp.tile_min(picked)", ""),
        "spread": (
            f"center = {mean}\ndeviation = picked - wp.tile_broadcast(center, shape=({name},))\n"
            f"result = wp.tile_sum(wp.tile_map(wp.mul, deviation, deviation)) * (1.0 / {as_float(name)})",
            "",
        ),
        "values": ("", "picked"),
        "shifted": (
            f"center = {mean}\ncentered = picked - wp.tile_broadcast(center, shape=({name},))",
            "centered",
        ),
        "energy": (
            f"result = wp.tile_sum(wp.tile_map(wp.mul, picked, picked)) * (1.0 / {as_float(name)})",
            "",
        ),
        "difference": (f"result = {mean} - wp.tile_sum(held) * (1.0 / {as_float(name)})", ""),
    }[wanted]
    d.launch(blocks, tiled=True)
    d.code(
        f"""
        block = wp.tid()
        state = wp.rand_init(seed, block)
        held = {load}
        ids = wp.tile_randi(shape={name}, rng=state, min=0, max={name}{where})
        picked = held[ids]
        $lines
        wp.tile_store({out}, {store or "result"}, offset={f"block * {name}" if per_value else "block"})
        """,
        lines=lines,
    )

    def agree(v: Values, after: Values) -> None:
        x = np.broadcast_to(v.x.reshape(-1, size), (blocks, size))
        mean_, spread, low, high = x.mean(axis=1), x.var(axis=1), x.min(axis=1), x.max(axis=1)
        found = after[out]
        five = 5 * np.sqrt(spread / size)
        assert found.std() > 1e-4
        if wanted == "values":
            rows = found.reshape(blocks, size)
            assert all(
                np.isin(np.round(row, 5), np.round(own_, 5)).all() for row, own_ in zip(rows, x, strict=True)
            )
            assert all(len(np.unique(row)) < size for row in rows)
        elif wanted == "shifted":
            np.testing.assert_allclose(found.reshape(blocks, size).mean(axis=1), 0.0, atol=1e-4)
            assert 0.4 < found.std() / np.sqrt(spread.mean()) < 1.5
        elif wanted == "mean":
            assert (np.abs(found - mean_) < five).all()
        elif wanted == "difference":
            assert (np.abs(found) < five).all()
        elif wanted == "maximum":
            assert (found <= high + 1e-5).all()
            assert (found > mean_).all()
        elif wanted == "range":
            assert (found <= high - low + 1e-5).all()
            assert (found > np.sqrt(spread)).all()
        else:
            want = spread if wanted == "spread" else (x**2).mean(axis=1)
            assert (found > 0.3 * want).all()
            assert (found < 2.0 * want).all()

    d.holds(agree)


@DOMAIN.algorithm(
    source="Golub & Van Loan 2013, ch. 3.2 (pivot rows); Warp manual, Tiles: tile_from_thread",
    names=BLOCK
    | {
        "share_from_thread": "broadcast_value|correct_blocks|broadcast_from_thread",
        "x": "signal|values|series",
        "out": "y|result|corrected",
        "shared_value": "base|common|pivot",
        "held": "row|part|data",
    },
    adjoint="no",
    weight=3,
)
def share_from_thread(d: Draft) -> None:
    """Broadcasts a value computed by one thread to the whole block."""
    kind = d.option("kind", "first", "norm", "table", "last")
    use = d.option("use", "subtract", "scale", "divide")
    if kind == "norm" or (use == "scale" and kind != "table"):
        use = "divide"  # only what is calibrated takes a gain
    how = {"subtract": "Subtracts from each block {}", "scale": "Scales each block by {}",
           "divide": "Divides each block by {}"}[use]  # fmt: skip
    d.says({
        "first": how.format("its first value") + ", loaded by one thread.",
        "norm": how.format("its root mean square") + ", computed by one thread.",
        "table": how.format("a table entry") + ", looked up by one thread.",
        "last": how.format("the last value of the previous block") + ", or its own first value if there is none.",
    }[kind])  # fmt: skip
    d.calls({
        "first": "remove_baseline|subtract_first" if use == "subtract" else "relative_to_first|divide_by_first",
        "norm": "normalize_blocks|divide_by_rms",
        "table": {"subtract": "remove_offsets|subtract_offsets", "scale": "apply_gains|calibrate_blocks",
                  "divide": "divide_by_entry|calibrate_blocks"}[use],
        "last": "rise_since_last_block|subtract_previous" if use == "subtract" else "relative_to_last_block|divide_by_previous",
    }[kind])  # fmt: skip
    size, blocks = d.pick(16, 32, 64), d.pick(4, 6, 8)
    name = extent(d, "TILE", size)
    flat = Flat(d, name)
    d.input("x", "float", size * blocks, 0.5, 2.0, about="input values, stored block by block")
    if kind == "table":
        d.input("group", "int", blocks, 0, 5, about="table index per block")
        d.input("table", "float", 5, 0.5, 2.0, about="calibration values")
    d.output("out", "float", size * blocks)
    work = {
        "first": f"value = x[{flat.start}]",
        "norm": f"for k in range({name}):\n    value += x[{flat.start} + k] * x[{flat.start} + k]\nvalue = wp.sqrt(value / {as_float(name)})",
        "table": "value = table[group[block]]",
        "last": f"value = x[wp.max({flat.start} - 1, 0)]",
    }[kind]
    result = {
        "subtract": "held - shared_value",
        "scale": "wp.tile_map(wp.mul, held, shared_value)",
        "divide": "wp.tile_map(wp.div, held, shared_value)",
    }[use]
    d.launch(blocks, tiled=True)
    d.code(
        f"""
        block, lane = wp.tid()
        {flat.head}
        value = float(0.0)
        # Broadcast from thread 0 to the whole block
        if lane == 0:
            $work
        shared_value = wp.tile_from_thread(shape={name}, value=value, thread_idx=0)
        held = {flat.load("x")}
        {flat.store("out", result)}
        """,
        work=work,
    )

    def reference(v: Values) -> Mapping[str, Any]:
        x = v.x.reshape(blocks, size)
        found: dict[str, Callable[[], Any]] = {
            "first": lambda: x[:, 0],
            "norm": lambda: np.sqrt((x * x).mean(axis=1)),
            "table": lambda: v.table[v.group],
            "last": lambda: np.concatenate([x[:1, 0], x[:-1, -1]]),
        }
        s = found[kind]()[:, None]
        out = {"subtract": lambda: x - s, "scale": lambda: x * s, "divide": lambda: x / s}[use]()
        return {"out": out.ravel()}

    d.check(reference, 1e-3)
