"""A row of numbers per thread, laid out in one of the ways people choose."""

from __future__ import annotations

from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.types import Type
from warpgen.synthesis.language.values import Value


class Row:
    """`length` numbers of this thread: the last axis of an array, or a stretch of a flat one."""

    def __init__(self, k: Kit, names: str, type: Type, length: int, lo: float, hi: float) -> None:
        rank = len(k.place)
        self._place: tuple[Value, ...] = k.place
        self._base: Value | None = None
        if rank > 3 or k.rng.chance(0.3):
            self._base = k.define("base|start|offset|first", k.flat * length)
        self._array = k.array(names, type, 1 if self._base is not None else rank + 1, lo=lo, hi=hi)

    def __getitem__(self, j: Value | int) -> Value:
        if self._base is None:
            return self._array[(*self._place, j)]
        return self._array[self._base if isinstance(j, int) and j == 0 else self._base + j]
