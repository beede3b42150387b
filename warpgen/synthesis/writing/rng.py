"""The one source of chance: a stream that depends on a key alone, the same on every Python."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from typing import TypeVar

import xxhash

T = TypeVar("T")


class Rng:
    """Draws; built on the raw bits of `random.Random`, whose higher methods differ between versions."""

    __slots__ = ("_random",)

    def __init__(self, *key: object) -> None:
        seed = xxhash.xxh3_64_intdigest("/".join(map(str, key)).encode())
        self._random = random.Random(seed).random

    def unit(self) -> float:
        """Uniform in [0, 1)."""
        return self._random()

    def chance(self, p: float) -> bool:
        """Whether something of probability `p` happens."""
        return self._random() < p

    def integer(self, low: int, high: int) -> int:
        """Uniform among low .. high, both included."""
        return low + int(self._random() * (high - low + 1))

    def uniform(self, low: float, high: float) -> float:
        """Uniform in [low, high)."""
        return low + (high - low) * self._random()

    def choice(self, options: Sequence[T]) -> T:
        """One of the options, all alike."""
        return options[int(self._random() * len(options))]

    def weighted(self, weights: Mapping[T, float]) -> T:
        """A key with probability proportional to its weight."""
        at = self._random() * math.fsum(weights.values())  # sum() rounds otherwise from Python 3.12 on
        for key, weight in weights.items():
            at -= weight
            if at < 0:
                return key
        return key

    def sample(self, options: Sequence[T], count: int) -> list[T]:
        """`count` different elements in random order (all of them if there are fewer)."""
        pool = list(options)
        picked: list[T] = []
        while pool and len(picked) < count:
            picked.append(pool.pop(int(self._random() * len(pool))))
        return picked
