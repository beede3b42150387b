"""How far rounding may carry the row's own results, as its own kernel tells: nobody excuses himself.

Its inputs are moved by a few roundings of their types; where few elements are in doubt, by more, to see
whether they stand near a branch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import msgspec
import numpy as np
from numpy.typing import NDArray

from warpgen.verification.bench import results
from warpgen.verification.bench.comparing import Strays, differs, size
from warpgen.verification.bench.results import Arrays, Measured
from warpgen.verification.bench.subject import Subject
from warpgen.verification.jail.cell import Cell
from warpgen.verification.judging import tolerance, values

# Roundings that inputs are moved by, and how often.
_SOFT, _SOFT_TURNS = 2.0, 4
_HARD, _HARD_TURNS = 100.0, 12
# Where rounding moves all of an array by more than this share of its size, it is chaos, and no excuse for
# anything.
_MOST = 0.25
# Whole numbers flip to their neighbours, some up, some down, some not; where more than this share of an array
# differs, something else is at work: what was added to all of them.
_MOST_FLIPPED = 0.75
# An element near a branch is one of few. Where more than this share of an array, and more than a few, go far
# with their inputs, or elements of a short one are across in more than so many draws, it is chaos as well.
_MOST_FAR, _FEW, _OFTEN = 0.5, 2, 3


class Doubt:
    """Second looks of one check; what the row's own kernel does is measured once for each draw."""

    def __init__(self, cell: Cell, subject: Subject, kind: str, left: Callable[[float], float]) -> None:
        self._cell, self._subject, self._kind, self._left = cell, subject, kind, left
        self._times: Counter[tuple[str, str]] = Counter()
        self._moved: dict[tuple[int, float], dict[tuple[str, str], NDArray[np.float64]]] = {}

    def settled(self, measured: Measured, actual: Arrays, strays: Strays, decided: bool) -> NDArray[np.bool_]:
        """The elements that differ all the same. Where it is `decided` that some do, one look is enough."""
        part = measured.parts[strays.part]
        mine, theirs = measured.arrays[strays.part], actual[strays.part]
        bad = strays.bad
        most = allowed = _MOST * size(mine.astype(np.float64), 1.0) / values.SLACK
        if mine.dtype.kind != "f" and not strays.few:
            allowed = np.minimum(most, 1.0 / values.SLACK if bad.mean() <= _MOST_FLIPPED else 0.0)
        beyond = bad & differs(mine, theirs, allowed, self._kind, part.what)
        if decided or not Strays(strays.part, beyond).few:
            return bad  # whatever the row's own does when its inputs move
        moved = self._movement(measured, part.what, part.path, mine.shape, _SOFT, _SOFT_TURNS)
        bad = bad & differs(mine, theirs, np.minimum(moved, allowed), self._kind, part.what)
        if bad.any() and Strays(strays.part, bad).few:
            # No slack: an element may be across the branch, but no farther.
            far = (
                self._movement(measured, part.what, part.path, mine.shape, _HARD, _HARD_TURNS) / values.SLACK
            )
            moved = np.maximum(moved, far)
            across = bad & differs(mine, theirs, moved, self._kind, part.what)
            if across.sum() < bad.sum() and not self._chaotic((part.what, part.path), bad, far > most):
                bad = across
        return bad

    def _chaotic(self, of: tuple[str, str], bad: NDArray[np.bool_], far: NDArray[np.bool_]) -> bool:
        """Whether there is no branch to be near: most of the array goes far, or a few in draw after draw."""
        if far.sum() > _FEW and far.mean() > _MOST_FAR:
            return True
        if bad.sum() > tolerance.STRAY * bad.size:
            self._times[of] += 1
        return self._times[of] > _OFTEN

    def _movement(
        self, measured: Measured, what: str, path: str, shape: tuple[int, ...], steps: float, turns: int
    ) -> NDArray[np.float64]:
        """The farthest that each element goes when the draw's inputs move."""
        key = (measured.draw.variant, steps)
        if key not in self._moved:
            self._moved[key] = self._measure(measured, steps, turns)
        plain = {"turned": "outputs", "slopes turned": "gradients"}.get(what, what)
        return self._moved[key].get((plain, path), np.zeros(shape))

    def _measure(
        self, measured: Measured, steps: float, turns: int
    ) -> dict[tuple[str, str], NDArray[np.float64]]:
        shaken = [
            msgspec.structs.replace(measured.draw, shaken=steps, turn=turn, turned=False, place=-1, made=None)
            for turn in range(turns)
        ]
        left = self._cell.run(self._subject.own_run(shaken, self._left(20.0)))
        base = {
            (p.what, p.path): a.astype(np.float64)
            for p, a in zip(measured.parts, measured.arrays, strict=True)
            if p.what in ("outputs", "gradients")
        }
        made = {key: np.zeros(array.shape) for key, array in base.items()}
        for each in results.own(left.area, shaken[: left.draw])[0]:
            for p, a in zip(each.parts, each.arrays, strict=True):
                key = (p.what, p.path)
                if key in base:
                    with np.errstate(invalid="ignore", over="ignore"):
                        moved = a.astype(np.float64)
                        step = np.where(moved == base[key], 0.0, np.abs(moved - base[key]))
                    made[key] = np.maximum(made[key], np.nan_to_num(step, nan=np.inf, posinf=np.inf))
        return made
