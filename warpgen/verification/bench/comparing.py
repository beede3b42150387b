"""Element by element: where a stranger's results are not the row's, beyond what rounding can do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from warpgen.verdict import Difference
from warpgen.verification.bench.results import Arrays, Measured
from warpgen.verification.judging import tolerance, values

# A stranger's kernel may round more than Warp's, with a sum in another order or a product contracted; its
# adjoint may be another. But no tolerance is so wide that another number fits: half of a value, or nothing.
_SLACK, _SLACK_OF_SLOPES = 2.0, 10.0
_MOST = {"f8": 1e-9, "f4": 1e-3, "f2": 2e-2}
_MOST_OF_SLOPES = {"f8": 1e-5, "f4": 1e-3, "f2": 5e-2}

# Of the size of its array, a share counts as an element's own: what is summed and cancels is rounded as the
# whole. Gradients differ by orders of magnitude in one array, and none may hide behind another.
_OF_OUTPUTS, _OF_SLOPES = 0.2, 0.02

# An array's size is no more than so many times that of the least quarter of what is not zero.
_LEAST = 8.0

FORWARD = ("outputs", "turned")
BACKWARD = ("gradients", "slopes turned")


class Finding(msgspec.Struct):
    """Of one kind of result: how many elements there are, how many differ, where and what the first is."""

    elements: int = 0
    bad: int = 0
    first: Difference | None = None

    @property
    def share(self) -> float:
        """Of the elements that agree."""
        return 1.0 - self.bad / self.elements if self.elements else 1.0

    def add(
        self, what: str, measured: Measured, part: int, bad: NDArray[np.bool_], actual: NDArray[Any]
    ) -> None:
        """Count the elements of one array."""
        self.elements += bad.size
        self.bad += int(bad.sum())
        if self.first is None and bad.any():
            index = tuple(int(i) for i in np.argwhere(bad)[0])
            expected = measured.arrays[part][index]
            path, number = measured.parts[part].path, measured.draw.variant
            self.first = Difference(what, path, index, float(expected), float(actual[index]), number)


class Strays(msgspec.Struct, frozen=True):
    """Elements of one array that differ at first sight."""

    part: int
    bad: NDArray[np.bool_]

    @property
    def few(self) -> bool:
        """Whether rounding may have carried them across a branch: few of all."""
        return bool(self.bad.sum() <= max(2, tolerance.STRAY * self.bad.size))


def strays(measured: Measured, actual: Arrays, whats: Sequence[str], kind: str) -> list[Strays]:
    """Arrays of these kinds that differ by more than rounding usually does."""
    found = []
    for part, described in enumerate(measured.parts):
        if described.what in whats:
            bad = differs(measured.arrays[part], actual[part], None, kind, described.what)
            if bad.any():
                found.append(Strays(part, bad))
    return found


def differs(
    expected: NDArray[Any], actual: NDArray[Any], moved: NDArray[np.float64] | None, kind: str, what: str
) -> NDArray[np.bool_]:
    """Where `actual` is another number; `moved` is how far the row's own may go.

    What is no number in the row's own says nothing.
    """
    if expected.tobytes() == actual.tobytes():
        return np.zeros(expected.shape, np.bool_)
    slack = np.zeros(expected.shape) if moved is None else values.SLACK * moved
    if expected.dtype.kind != "f":  # exactly: a float of 64 bits does not hold each whole number
        bad = (expected != actual) & ((slack == 0.0) | (_distance(expected, actual) > slack))
        return np.asarray(bad, np.bool_)
    b = expected.astype(np.float64)
    allowed = _allowed(expected.dtype, kind, what) * size(
        b, _OF_SLOPES if what in BACKWARD else _OF_OUTPUTS, least=True
    )
    bad = ~(_distance(expected, actual) - slack <= allowed) & (b != actual)
    finite = np.isfinite(b)
    if what not in BACKWARD:  # what is infinite may stand for nothing found
        bad = np.where(np.isinf(b), np.isfinite(actual) & ~(slack > 0.0), bad & finite)
    return np.asarray(bad & ~np.isnan(b) & (finite | (what not in BACKWARD)), np.bool_)


def _distance(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore", over="ignore"):
        return np.asarray(np.abs(a.astype(np.float64) - b.astype(np.float64)), np.float64)


def size(expected: NDArray[np.float64], share: float, least: bool = False) -> NDArray[np.float64]:
    """What an element's error is relative to: its own size, and a share of the size of its array.

    `least`: of most of its elements, that a few great ones hide nothing.
    """
    finite = expected[np.isfinite(expected)]
    whole = float(np.sqrt(np.mean(finite * finite))) if finite.size else 0.0
    if least:
        some = np.abs(finite[finite != 0.0])
        few = float(np.partition(some, (some.size - 1) // 4)[(some.size - 1) // 4]) if some.size else 0.0
        whole = min(whole, _LEAST * few)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.abs(expected) + share * whole, np.float64)


def _allowed(code: np.dtype[Any], kind: str, what: str) -> float:
    width = code.str[-2:]
    if what in BACKWARD:
        return min(_SLACK_OF_SLOPES * tolerance.gradient({code.str}, coarse=False), _MOST_OF_SLOPES[width])
    return min(_SLACK * tolerance.forward(kind, code.str), _MOST[width])


def behind(measured: Measured, actual: Arrays) -> Finding:
    """Elements of outputs, or of their gradients, that a stranger's adjoint alone changes."""
    found = Finding()
    for part, described in enumerate(measured.parts):
        if described.what == "behind":
            found.add("gradients", measured, part, actual[part] > measured.arrays[part], actual[part])
    return found


def raced(measured: Measured, actual: Arrays, what: str) -> Finding:
    """Elements that threads of the stranger's kernel race for, and threads of the row's own do not."""
    found = Finding()
    for part, described in enumerate(measured.parts):
        if described.what == what:
            found.add("race", measured, part, actual[part] & ~measured.arrays[part], actual[part])
    return found
