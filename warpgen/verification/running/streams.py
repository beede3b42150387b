"""Random numbers that are the same on every machine: splitmix64 over a counter, in integers of NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MIX1, _MIX2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


class Stream:
    """An endless stream of numbers named by its key (a launch seed, a variant, an argument's name)."""

    def __init__(self, *key: int | str) -> None:
        self._state = xxhash.xxh3_64_intdigest("\0".join(map(str, key)).encode())

    def words(self, count: int) -> NDArray[np.uint64]:
        """`count` uniform 64-bit words."""
        steps = np.arange(1, count + 1, dtype=np.uint64) * _GAMMA
        z = np.uint64(self._state) + steps
        self._state = int(z[-1]) if count else self._state
        z = (z ^ (z >> np.uint64(30))) * _MIX1
        z = (z ^ (z >> np.uint64(27))) * _MIX2
        return np.asarray(z ^ (z >> np.uint64(31)), dtype=np.uint64)

    def uniform(self, shape: tuple[int, ...]) -> NDArray[np.float64]:
        """Uniform in [0, 1) with 53 bits."""
        count = int(np.prod(shape, dtype=int))
        values: Any = (self.words(count) >> np.uint64(11)).astype(np.float64) * 2.0**-53
        return np.asarray(values.reshape(shape), dtype=np.float64)

    def signs(self, shape: tuple[int, ...]) -> NDArray[np.float64]:
        """-1 or 1."""
        return np.where(self.uniform(shape) < 0.5, -1.0, 1.0)
