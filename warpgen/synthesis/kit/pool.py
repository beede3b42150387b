"""What the parts of a function gave: who may take it, and whether it shows in what was made of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from warpgen.synthesis.language.types import Type
from warpgen.synthesis.language.values import Value
from warpgen.synthesis.style.rng import Rng

_USED_AGAIN = 0.25  # chance to take a value that somebody took already
_USED_AGAIN_BY_NAME = 0.6  # the same, where it is what was asked for
_OTHER = {True: 0.7, False: 0.45}  # chance to take a value of another name, by whether its range fits


class Given:
    """A value that a motif gave.

    `used` says whether anything has taken it, `shown` whether it shows in what took it: behind a clamp,
    or where one branch takes what another has made, it may not. What is not shown is stored at the end.
    """

    __slots__ = ("branched", "depth", "names", "shown", "used", "value")

    def __init__(self, value: Value, names: str, depth: int) -> None:
        self.value = value
        self.names = names
        self.depth = depth
        self.used = False
        self.shown = False
        self.branched = False  # made in a branch that is closed

    def widen(self, other: Value) -> None:
        """Where its branch is not taken the value is another."""
        v = self.value
        self.value = Value(v.node, v.type, min(v.lo, other.lo), max(v.hi, other.hi), v.author)


class Pool:
    """The values that motifs gave, in order, and which of them the present part has taken."""

    def __init__(self, rng: Rng) -> None:
        self._rng = rng
        self.given: list[Given] = []
        self.taken: list[Given] = []
        self.masked = False  # while a call is written that gives the same for many arguments
        self._in_branch = False

    def give(self, value: Value, names: str, depth: int) -> None:
        """Take in a named value that was made at this depth of blocks."""
        if not any(g.value.text == value.text for g in self.given):
            self.given.append(Given(value, names, depth))

    def leave(self, depth: int) -> None:
        """A block ended: what was made deeper than `depth` is out of scope."""
        self.given = [g for g in self.given if g.depth <= depth]

    def take(self, names: str, type: Type, lo: float, hi: float, unit: bool) -> Value | None:
        """A value of this type, rather of one of these names; the taker brings it into [lo, hi]."""
        wanted = set(names.split("|"))
        best = None
        for given in reversed(self.given):
            v = given.value
            if v.type is not type or (unit and not v.unit):
                continue
            same = bool(wanted & set(given.names.split("|")))
            fits = lo <= v.lo and v.hi <= hi
            if not fits and not (type.kind == "scalar" and type.is_float and not unit):
                continue
            if given.used and not self._rng.chance(_USED_AGAIN_BY_NAME if same else _USED_AGAIN):
                continue
            if not same and not self._rng.chance(_OTHER[fits]):
                continue
            best = given
            if same:
                break
        if best is None:
            return None
        best.used = True
        self.taken.append(best)
        best.shown = best.shown or not (self.masked or (self._in_branch and best.branched))
        return best.value

    def take_rest(self) -> list[Given]:
        """What nobody took, or need not show in what was made of it."""
        rest = [given for given in self.given if not given.shown and given.depth <= 1]
        for given in rest:
            given.used = given.shown = True
        return rest

    def hide_taken(self) -> None:
        """What the present part took may not show in what it gave."""
        for given in self.taken:
            given.shown = False

    def hide(self, v: Value) -> None:
        """The value goes into something that may be the same for all that it can be."""
        for given in self.given:
            if given.value.text in v.node.names:
                given.shown = False

    @contextlib.contextmanager
    def masking(self, masks: bool = True) -> Iterator[None]:
        """While arguments are asked for whose call gives the same for many of them, if it `masks` so."""
        self.masked = masks
        try:
            yield
        finally:
            self.masked = False

    @contextlib.contextmanager
    def branch(self) -> Iterator[list[Given]]:
        """A branch; its results are in the list at its end, and no other sees them until they `join`."""
        outside = list(self.given)
        made: list[Given] = []
        self._in_branch = True
        try:
            yield made
        finally:
            made += self.given[len(outside) :]
            self.given = outside
            self._in_branch = False

    def join(self, results: list[Given]) -> None:
        """Behind the last of several branches: any of their results may be taken."""
        self.given += results
        for given in results:
            given.branched = True
