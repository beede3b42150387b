"""Inputs that equal one another, parameters, or numbers of the row's source: where `<` is not `<=`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warpgen.verification.jail.job import Draw
from warpgen.verification.running.arguments import Leaf
from warpgen.verification.running.streams import Stream

# So many values of each parameter and input others are compared with.
_FEW = 4


def fill(leaves: Sequence[Leaf], draw: Draw) -> None:
    """Half of the elements of inputs that are drawn at random become numbers of the pool."""
    others = [v for leaf in leaves if _compared(leaf) for v in _some(leaf, draw)]
    pool = np.array([*draw.pool, *others])
    for leaf in leaves:
        if leaf.fill is None or leaf.fill.kind != "uniform" or leaf.role == "output":
            continue
        kind = leaf.values.dtype.kind
        numbers = pool if kind == "f" else _whole(pool, leaf, "far" in draw.label)
        if kind == "b" or not numbers.size or (leaf.values.size == 1 and leaf.role == "param"):
            continue
        source = Stream(draw.launch.seed, draw.variant, "pool", leaf.path)
        inner = (1,) * len(leaf.inner)
        outer = leaf.values.shape[: leaf.values.ndim - len(leaf.inner)]
        # An element of several components is taken as a whole, or each component for itself.
        alike = np.broadcast_to(source.uniform(outer + inner), leaf.values.shape)
        each = np.where(source.uniform(outer + inner) < 0.5, alike, source.uniform(leaf.values.shape))
        taken = source.uniform(outer + inner) < 0.5
        made = numbers[(each * numbers.size).astype(np.int64)]
        with np.errstate(over="ignore"):
            leaf.values[...] = np.where(taken, made.astype(leaf.values.dtype), leaf.values)


def _compared(leaf: Leaf) -> bool:
    return leaf.floating and leaf.role in ("param", "input") and leaf.values.size > 0


def _some(leaf: Leaf, draw: Draw) -> list[float]:
    """Values of a leaf, by chance."""
    source = Stream(draw.launch.seed, draw.variant, "compared", leaf.path)
    values = leaf.values.reshape(-1)
    return [float(v) for v in values[(source.uniform((min(_FEW, values.size),)) * values.size).astype(int)]]


def _whole(pool: NDArray[np.float64], leaf: Leaf, far: bool) -> NDArray[np.float64]:
    """Whole numbers of the pool, within the range of an input unless they are to be `far`, and its ends."""
    assert leaf.fill is not None
    low, high = leaf.fill.ends
    limits = np.iinfo(leaf.values.dtype)
    least, most = (max(limits.min, -1e9), min(limits.max, 1e9)) if far else (low, high)
    inside = pool[np.isfinite(pool) & (pool == np.floor(pool)) & (pool >= least) & (pool <= most)]
    return np.asarray(inside if far else np.unique([*inside, low, high]), np.float64)


def signs(values: NDArray[Any], draw: Draw) -> NDArray[np.float64]:
    """Which way each value moves: equal ones alike, and numbers of the row's source no way."""
    wide = values.astype(np.float64)
    word = np.ascontiguousarray(wide).view(np.uint64).reshape(wide.shape)
    mixed = (word ^ (word >> np.uint64(29)) ^ np.uint64(draw.turn)) * np.uint64(0xBF58476D1CE4E5B9)
    way = np.where(mixed >> np.uint64(63) == 0, 1.0, -1.0)
    known = np.isin(values, np.array(draw.pool).astype(values.dtype))
    return way if "far" in draw.label else np.where(known, 0.0, way)
