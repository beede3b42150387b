"""Tiles drawn at random, and what one thread gives to its block."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from warpgen.synthesis.algorithms.tiles import DOMAIN
from warpgen.synthesis.algorithms.tiles.sharing import BLOCK
from warpgen.synthesis.library.tile_forms import Flat, extent
from warpgen.synthesis.writing.draft import Draft, Values


@DOMAIN.algorithm(
    source="Efron 1979 (bootstrap); Breiman 1996; Warp manual, Tiles: tile_randi, indexed tiles",
    names=BLOCK
    | {
        "x": "sample|data|observations",
        "out": "statistics|estimates|result",
        "picked": "drawn|resampled|chosen",
        "ids": "index|picks|rows",
        "state": "rng|rng_state|gen",
        "seed": "rng_seed|base_seed|key",
    },
    adjoint="no",
    weight=4,
)
def resample_tiles(d: Draft) -> None:
    """Draws samples with replacement, a tile at a time."""
    wanted = d.option(
        "wanted", "mean", "maximum", "range", "spread", "values", "shifted", "energy", "difference"
    )
    size, blocks = d.pick(16, 32), d.pick(6, 8, 12)
    own = d.flag("own data")
    storage = d.flag("shared", 0.5)
    d.says({
        "mean": "Computes bootstrap means of a sample.",
        "maximum": "Computes bootstrap maxima of a sample.",
        "range": "Computes bootstrap ranges of a sample.",
        "spread": "Computes bootstrap variances of a sample.",
        "values": "Draws bootstrap samples with replacement.",
        "shifted": "Draws bootstrap samples around a mean of zero.",
        "energy": "Computes bootstrap mean squares of a sample.",
        "difference": "Computes how far bootstrap means are from the mean of a sample.",
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
    d.input("x", "float", size * blocks if own else size, -1.0, 1.0, about="sample")
    d.param("seed", "int", 1, 100000, about="seed of the random states")
    d.output("out", "float", size * blocks if per_value else blocks)
    where = ', storage="shared"' if storage else ""
    load = f"wp.tile_load(x, shape={name}{f', offset=block * {name}' if own else ''}{where})"
    mean = f"wp.tile_sum(picked) * (1.0 / {size}.0)"
    lines, store = {
        "mean": (f"result = {mean}", ""),
        "maximum": ("result = wp.tile_max(picked)", ""),
        "range": ("result = wp.tile_max(picked) - wp.tile_min(picked)", ""),
        "spread": (
            f"center = {mean}\n# Broadcast the mean to the whole tile\noff = picked - wp.tile_broadcast(center, shape=({name},))\n"
            f"result = wp.tile_sum(wp.tile_map(wp.mul, off, off)) * (1.0 / {size}.0)",
            "",
        ),
        "values": ("", "picked"),
        "shifted": (f"center = {mean}\noff = picked - wp.tile_broadcast(center, shape=({name},))", "off"),
        "energy": (f"result = wp.tile_sum(wp.tile_map(wp.mul, picked, picked)) * (1.0 / {size}.0)", ""),
        "difference": (f"result = {mean} - wp.tile_sum(held) * (1.0 / {size}.0)", ""),
    }[wanted]
    d.launch(blocks, tiled=True)
    d.code(
        f"""
        block = wp.tid()
        state = wp.rand_init(seed, block)
        held = {load}
        # Indices may repeat: sampling with replacement
        ids = wp.tile_randi(shape={name}, rng=state, min=0, max={name}{where})
        picked = held[ids]
        $lines
        wp.tile_store(out, {store or "result"}, offset={f"block * {name}" if per_value else "block"})
        """,
        lines=lines,
    )

    def agree(v: Values, after: Values) -> None:
        x = np.broadcast_to(v.x.reshape(-1, size), (blocks, size))
        mean_, spread, low, high = x.mean(axis=1), x.var(axis=1), x.min(axis=1), x.max(axis=1)
        out = after.out
        five = 5 * np.sqrt(spread / size)
        assert out.std() > 1e-4
        if wanted == "values":
            rows = out.reshape(blocks, size)
            assert all(
                np.isin(np.round(row, 5), np.round(own_, 5)).all() for row, own_ in zip(rows, x, strict=True)
            )
            assert all(len(np.unique(row)) < size for row in rows)
        elif wanted == "shifted":
            np.testing.assert_allclose(out.reshape(blocks, size).mean(axis=1), 0.0, atol=1e-4)
            assert 0.4 < out.std() / np.sqrt(spread.mean()) < 1.5
        elif wanted == "mean":
            assert (np.abs(out - mean_) < five).all()
        elif wanted == "difference":
            assert (np.abs(out) < five).all()
        elif wanted == "maximum":
            assert (out <= high + 1e-5).all()
            assert (out > mean_).all()
        elif wanted == "range":
            assert (out <= high - low + 1e-5).all()
            assert (out > np.sqrt(spread)).all()
        else:
            want = spread if wanted == "spread" else (x**2).mean(axis=1)
            assert (out > 0.3 * want).all()
            assert (out < 2.0 * want).all()

    d.holds(agree)


@DOMAIN.algorithm(
    source="Golub & Van Loan 2013, ch. 3.2 (pivot rows); Warp manual, Tiles: tile_from_thread",
    names=BLOCK
    | {
        "share_from_thread": "broadcast_value|correct_blocks|broadcast_from_thread",
        "x": "signal|values|rows",
        "out": "y|result|corrected",
        "shared_value": "base|common|pivot",
        "held": "row|part|data",
    },
    adjoint="no",
    weight=7,
)
def share_from_thread(d: Draft) -> None:
    """Lets one thread of each block work out a number that the whole block uses."""
    kind = d.option("kind", "first", "norm", "table", "last")
    use = d.option("use", "subtract", "scale", "both")
    d.says({
        "first": "Corrects each block by its first value, read by one thread.",
        "norm": "Corrects each block by a norm that one thread computes.",
        "table": "Corrects each block by a table entry that one thread looks up.",
        "last": "Corrects each block by the last value of the block before.",
    }[kind])  # fmt: skip
    size, blocks = d.pick(16, 32, 64), d.pick(4, 6, 8)
    name = extent(d, "TILE", size)
    flat = Flat(d, name)
    d.input("x", "float", size * blocks, 0.5, 2.0, about="values, block after block")
    if kind == "table":
        d.input("group", "int", blocks, 0, 5, about="table entry of each block")
        d.input("table", "float", 5, 0.5, 2.0, about="calibration values")
    d.output("out", "float", size * blocks)
    work = {
        "first": f"value = x[block * {name}]",
        "norm": f"for k in range({name}):\n    value += x[block * {name} + k] * x[block * {name} + k]\nvalue = wp.sqrt(value / {size}.0)",
        "table": "value = table[group[block]]",
        "last": f"value = 1.0\nif block > 0:\n    value = x[block * {name} - 1]",
    }[kind]
    result = {"subtract": "held - shared_value", "scale": "wp.tile_map(wp.mul, held, shared_value)"}.get(
        use, "wp.tile_map(wp.mul, held - shared_value, shared_value)"
    )
    d.launch(blocks, tiled=True)
    d.code(
        f"""
        block, lane = wp.tid()
        {flat.head}
        value = float(0.0)
        # The other threads wait for the broadcast
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
            "last": lambda: np.concatenate([[1.0], x[:-1, -1]]),
        }
        s = found[kind]()[:, None]
        out = {"subtract": lambda: x - s, "scale": lambda: x * s}.get(use, lambda: (x - s) * s)()
        return {"out": out.ravel()}

    d.check(reference, 1e-3)
