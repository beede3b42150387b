"""Does another kernel do the same as a row's own? Both are run on the same draws of the row's inputs.

Rounding is no difference: an output may be as far off as its type and the kernel's arithmetic allow,
and as the row's widened program moves when its inputs move by one rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from warpgen.errors import VerificationError
from warpgen.verification.judging import gradient as slopes_of
from warpgen.verification.judging import tolerance
from warpgen.verification.judging import values as values_of
from warpgen.verification.judging.examine import Examination, Failed, Subject
from warpgen.verification.native.isolation import Died, Note

# Draws of inputs that both kernels are run on: a branch that one draw does not take, another may.
DRAWS = 24

# How often inputs are moved by a rounding to see how far gradients move with them; and by more, where some
# disagree, to see whether rounding can carry them across a kink.
_TURNS, _HARD_TURNS = 2, 12

# A stranger's kernel may round more than Warp's: a sum in another order, a product contracted.
_SLACK = 10.0

# Stages that a child notes: who is at fault when it dies.
OWN, CANDIDATE = "own", "candidate"

Gradients = Literal["same", "different", "none", "not run", "not judged"]


class Slopes(msgspec.Struct, frozen=True):
    """Gradients of one draw; `share` is the largest part of an input's elements that differ."""

    verdict: Gradients
    share: float = 0.0
    why: str = ""


class Draw(msgspec.Struct, frozen=True):
    """What one draw shows; `share` is the largest part of any output's elements that differ."""

    share: float
    error: float
    where: str
    slopes: Slopes = Slopes("not run")
    farthest: float = 0.0  # in tolerances


class Comparison(msgspec.Struct, frozen=True):
    """All draws together; the words are those of `warpgen.Check`."""

    outputs: Literal["same", "different"]
    gradients: Gradients
    error: float = 0.0
    why: str = ""


def compare(own: Subject, candidate: Subject, variant: int, gradients: bool, note: Note) -> Draw:
    """Run both on one draw."""
    mine, theirs = Examination(own), Examination(candidate)
    note(OWN)
    expected = mine.outputs(variant)
    note(CANDIDATE)
    actual = theirs.outputs(variant)
    if variant == 0:
        theirs.race(candidate.kernel, theirs.draw(variant), tolerance.REORDERED[mine.narrowest])
    agreement = _agreement(mine, expected, actual, variant)
    leaves = mine.draw(variant).outputs()
    where = leaves[int(agreement.where)].path if agreement.where else ""
    found = Draw(agreement.share, agreement.error, where, farthest=agreement.farthest)
    if not gradients or agreement.share > tolerance.STRAY:
        return found
    return msgspec.structs.replace(found, slopes=_slopes(mine, theirs, variant, note))


def _agreement(
    mine: Examination, expected: values_of.Values, actual: values_of.Values, variant: int
) -> values_of.Agreement:
    """Most candidates give the very bits; only of others it must be known how far rounding goes."""
    if _identical(actual, expected):
        return values_of.Agreement(0.0, 0.0, 0.0, "")

    def within(sensitivity: values_of.Values) -> values_of.Agreement:
        begun = mine.draw(variant).begun()
        return values_of.agree(
            actual, expected, sensitivity, mine.kind, mine.codes(), begun=begun, slack=_SLACK
        )

    agreement = within(mine.sensitivity(variant))
    if 0.0 < agreement.share <= tolerance.STRAY and mine.subject.wide is not None:
        return within(mine.sensitivity(variant, disputed=True, few=True))
    return agreement


def _identical(a: values_of.Values, b: values_of.Values) -> bool:
    return all(np.array_equal(x, y, equal_nan=x.dtype.kind == "f") for x, y in zip(a, b, strict=True))


def _slopes(mine: Examination, theirs: Examination, variant: int, note: Note) -> Slopes:
    own, candidate = mine.subject, theirs.subject
    if not own.kernel.has_adjoint or not slopes_of.differentiable(mine.draw(variant)):
        return Slopes("none")
    if not candidate.kernel.has_adjoint:
        return Slopes("different", 1.0, "the kernel has no adjoint")
    note(OWN)
    expected = mine.backward(variant)[1]
    note(CANDIDATE)
    actual = theirs.backward(variant)[1]
    if _identical(actual, expected):
        return Slopes("same")
    note(OWN)
    sensitivity = values_of.movement(
        expected, _perturbed(mine, variant, tolerance.ROUNDING[mine.narrowest], _TURNS)
    )
    note(CANDIDATE)
    leaves = slopes_of.inputs(mine.draw(variant))
    allowed = _SLACK * slopes_of.tolerance_of(mine.draw(variant), coarse=False)
    shares = _shares(actual, expected, sensitivity, allowed)
    if 0.0 < max(shares) <= tolerance.STRAY:  # near a kink a gradient may be that of its other side, no more
        note(OWN)
        far = values_of.movement(
            expected, _perturbed(mine, variant, tolerance.HARD[mine.narrowest], _HARD_TURNS)
        )
        moved = [np.maximum(a, b / values_of.SLACK) for a, b in zip(sensitivity, far, strict=True)]
        note(CANDIDATE)
        shares = _shares(actual, expected, moved, allowed)
    share = max(shares)
    if share == 0.0:
        return Slopes("same")
    where = leaves[shares.index(share)].path
    if _passes(mine):
        return Slopes("different", share, f"the gradient of {where} differs in {share:.2g} of its places")
    # The row's own adjoint is no measure; central differences may still be.
    return Slopes("same") if _passes(theirs) else Slopes("not judged")


def _shares(
    actual: values_of.Values, expected: values_of.Values, sensitivity: values_of.Values, allowed: float
) -> list[float]:
    """Per input, the share of its elements whose gradients differ."""
    triples = zip(actual, expected, sensitivity, strict=True)
    return [float((values_of.errors(a, b, m) > allowed).mean()) if a.size else 0.0 for a, b, m in triples]


def _perturbed(mine: Examination, variant: int, share: float, turns: int) -> list[list[NDArray[Any]]]:
    """The row's own gradients for inputs moved by a share of themselves, up or down at random."""
    made = []
    for turn in range(turns):
        mine.draw(variant).perturb(share, turn)
        made.append(list(mine.backward(variant)[1]))
    return made


def _passes(examination: Examination) -> bool:
    """Whether central differences bear an adjoint out; where they cannot be had, the row's own counts."""
    if examination.subject.wide is None:
        return True
    try:
        return bool(examination.gradient().verdict == "pass")
    except Failed:
        return False


def conclude(draws: Sequence[Draw | Died], exact: bool) -> Comparison:
    """One finding of all draws that the row's own kernel survived.

    With `exact` no element may differ; else few may in some draws, as near a branch, but not in all.
    Raises VerificationError where the row's own kernel fails at once.
    """
    if isinstance(draws[0], Died) and draws[0].error.startswith(OWN):
        raise VerificationError(f"the row itself does not run: {_told(draws[0])}")
    seen: list[Draw] = []
    for draw in draws:
        if isinstance(draw, Draw):
            seen.append(draw)
        elif not draw.error.startswith(OWN):
            return Comparison("different", "not run", why=_told(draw))
    loose = not exact and any(draw.share == 0.0 for draw in seen)
    near = all(draw.farthest <= tolerance.FARTHEST for draw in seen)
    limit = tolerance.STRAY if loose and near else 0.0
    worst = max(seen, key=lambda draw: draw.share)
    if worst.share > limit:
        return Comparison(
            "different", "not run", why=f"{worst.where} differs in {worst.share:.2g} of its places"
        )
    slopes = _together([draw.slopes for draw in seen])
    return Comparison("same", slopes.verdict, max(draw.error for draw in seen), slopes.why)


def _together(slopes: Sequence[Slopes]) -> Slopes:
    """The gravest of all draws: a gradient that is wrong in one place of one draw is wrong."""
    different = [s for s in slopes if s.verdict == "different"]
    if different:
        return max(different, key=lambda s: s.share)
    rest = [s for s in slopes if s.verdict != "different"]
    return next((s for s in rest if s.verdict == "not judged"), rest[0])


def _told(died: Died) -> str:
    stage, _, error = died.error.partition(": ")
    return f"{died.reason}: {error}" if stage in (OWN, CANDIDATE) else f"{died.reason}: {died.error}"
