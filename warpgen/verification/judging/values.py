"""Do the compiled kernel's values agree with a reference that rounds far less?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
import xxhash
from numpy.typing import NDArray

from warpgen.verification.judging import tolerance

Values = Sequence[NDArray[Any]]  # one array per output leaf

# How often a perturbation of the inputs by their rounding may be amplified before an element is judged.
SLACK = 8.0
# Places of an output, however small it is, and share of them, that rounding may carry across a branch.
_FEW, _FEW_SHARE = 2, 0.05
# The size of outputs from which a launch that the row does not have is none.
_LARGE = 1e15


class Agreement(msgspec.Struct):
    """`error` and `tolerance` of the worst output.

    `share` of the places of output `where` disagree, `few` if none has more strays than rounding may carry
    across a branch; the farthest of them is off by `farthest` tolerances.
    """

    error: float
    tolerance: float
    share: float
    where: str
    few: bool = True
    farthest: float = 0.0


def agree(
    actual: Values,
    reference: Values,
    sensitivity: Values,
    kind: str,
    codes: Sequence[str],
    known: Values | None = None,
    begun: Values | None = None,
) -> Agreement:
    """Compare outputs element by element.

    `sensitivity` is how far each element goes when the inputs move by about one rounding: a kernel amplifies
    rounding by as much, and so much is allowed. `codes` are the row's own types; `known` masks elements
    that the reference has; places that still hold what they had `begun` with say nothing of an array's size.
    """
    worst = Agreement(0.0, 0.0, 0.0, "")
    for i, (mine, theirs) in enumerate(zip(actual, reference, strict=True)):
        allowed = tolerance.forward(kind, codes[i]) if codes[i][-2] == "f" else 0.0
        error = errors(mine, theirs, sensitivity[i], None if begun is None else theirs != begun[i])
        if known is not None:
            error[~known[i]] = 0.0
        if codes[i][-2] == "f" and tolerance.cap(codes[i]) < np.inf:
            most_off = tolerance.cap(codes[i])
            far = errors(mine, theirs, np.zeros(mine.shape), None if begun is None else theirs != begun[i])
            error = np.where(far > most_off, np.maximum(far, error), error)
            error[~known[i] if known is not None else np.zeros(mine.shape, bool)] = 0.0
        bad = error > allowed
        share = float(bad.mean()) if bad.size else 0.0
        most = float(error[~bad].max()) if (~bad).any() else 0.0
        few = worst.few and bool(bad.sum() <= max(_FEW, _FEW_SHARE * bad.size))
        if share > worst.share or not worst.where:
            worst = Agreement(worst.error, worst.tolerance, max(share, worst.share), str(i), few)
        worst.few = few
        if bad.any():
            worst.farthest = max(worst.farthest, float(error.max()) / allowed if allowed else np.inf)
        if allowed and most / allowed >= (worst.error / worst.tolerance if worst.tolerance else -1.0):
            worst.error, worst.tolerance = most, allowed
    return worst


def errors(
    mine: NDArray[Any],
    theirs: NDArray[Any],
    sensitivity: NDArray[Any],
    written: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]:
    """Each element's error beyond what rounding explains, relative to its size plus that of its array."""
    a, b = mine.astype(np.float64), theirs.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        size = np.abs(b) + _size(b if written is None else b[written])
        size[size == 0.0] = 1.0
        error = np.maximum(np.abs(a - b) - SLACK * sensitivity, 0.0) / size
    error[~np.isfinite(error)] = np.inf
    error[(a == b) | (np.isnan(a) & np.isnan(b))] = 0.0
    return np.asarray(error, np.float64)


def movement(reference: Values, perturbed: Sequence[Values]) -> list[NDArray[np.float64]]:
    """The farthest that each element goes from `reference` in any of the `perturbed` outputs."""
    made = []
    for i, values in enumerate(reference):
        base = values.astype(np.float64)
        with np.errstate(invalid="ignore"):
            steps = [np.abs(other[i].astype(np.float64) - base) for other in perturbed]
        made.append(np.nan_to_num(np.max(steps, axis=0), nan=np.inf) if steps else np.zeros(base.shape))
    return made


def _size(values: NDArray[np.float64]) -> float:
    finite = values[np.isfinite(values)]
    return float(np.sqrt(np.mean(finite * finite))) if finite.size else 0.0


def settle(compare: Callable[[int], Agreement]) -> tuple[bool, Agreement]:
    """Judge by the first draw of inputs; where few elements stray, a clean draw among others decides.

    A value that rounding carries across a branch is somewhere else in every draw; a fault is not.
    """
    first = compare(0)
    if first.share == 0.0:
        return True, first
    if first.share > tolerance.STRAY or first.farthest > tolerance.FARTHEST:
        return False, first
    others = [compare(draw) for draw in range(1, tolerance.DRAWS)]
    clean = [other for other in others if other.share == 0.0]
    near = all(o.share <= tolerance.STRAY and o.farthest <= tolerance.FARTHEST for o in others)
    if clean and near:
        return True, clean[0]
    return False, first


def digest(values: Values, kind: str, codes: Sequence[str]) -> str:
    """xxh3-64 hex of the outputs, floats rounded to a hundred times their tolerance."""
    state = xxhash.xxh3_64()
    for value, code in zip(values, codes, strict=True):
        if code[-2] == "f":
            made = tolerance.digits(value.astype(np.float64), tolerance.forward(kind, code))
        else:
            made = value.astype(np.int64)
        state.update(np.ascontiguousarray(made).tobytes())
    return state.hexdigest()


def numbers(arrays: Values) -> bool:
    """Whether all are finite, with room for what 32-bit floats take on the way."""
    return all(bool((np.abs(a.astype(np.float64)) < _LARGE).all()) for a in arrays if a.dtype.kind == "f")


def differ(a: Values, b: Values) -> bool:
    """Whether outputs are not the same, element by element."""
    return any(not np.array_equal(x, y, equal_nan=x.dtype.kind == "f") for x, y in zip(a, b, strict=True))
