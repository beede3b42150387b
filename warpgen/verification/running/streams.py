"""Random numbers that are the same on every machine: splitmix64 over a counter, in integers of NumPy."""

from __future__ import annotations

import math

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
        z = np.arange(1, count + 1, dtype=np.uint64)
        z *= _GAMMA
        z += np.uint64(self._state)
        self._state = int(z[-1]) if count else self._state
        z ^= z >> np.uint64(30)  # in place: most of the time would go into new memory
        z *= _MIX1
        z ^= z >> np.uint64(27)
        z *= _MIX2
        z ^= z >> np.uint64(31)
        return z

    def uniform(self, shape: tuple[int, ...]) -> NDArray[np.float64]:
        """Uniform in [0, 1) with 53 bits."""
        words = self.words(math.prod(shape))
        words >>= np.uint64(11)
        values = words.astype(np.float64)
        values *= 2.0**-53
        return values.reshape(shape)

    def sizes(self, shape: tuple[int, ...]) -> NDArray[np.float64]:
        """Numbers of ordinary size, 0.5 to 1.5, of either sign."""
        u = self.uniform(shape)
        u *= 2.0
        u -= 1.0
        u += np.copysign(0.5, u)
        return u

    def signs(self, shape: tuple[int, ...]) -> NDArray[np.float64]:
        """-1 or 1."""
        return np.where(self.uniform(shape) < 0.5, -1.0, 1.0)
