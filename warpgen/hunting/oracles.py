"""Which programs of a unit show a disagreement, and of which kind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from warpgen.errors import ExtractionError
from warpgen.extraction.codegen import Code, lower
from warpgen.hunting.found import Oracle
from warpgen.program import Program
from warpgen.reasons import Reason
from warpgen.record import TARGETS, Target
from warpgen.verification.check import Judgement, check_unit

_CRASHES = (Reason.SEGFAULT, Reason.TRAP, Reason.ABORT, Reason.DIVISION, Reason.TIMEOUT)
_OF: dict[str, Oracle] = {
    Reason.FORWARD: "values",
    Reason.GRADIENT: "adjoint",
    Reason.COMPILE: "refused",
    **dict.fromkeys(_CRASHES, "crash"),
}
# Of the CUDA text alone: the C++ of the same program passed.
_CUDA = (Reason.FORWARD, Reason.GRADIENT, Reason.ORDER, Reason.WAIT, Reason.BOUNDS, *_CRASHES)


class Told(NamedTuple):
    """What the oracles say of one program; without an oracle, `error` is why it says nothing of Warp."""

    oracle: Oracle | None
    error: str = ""


def judge(programs: Sequence[Program], workdir: Path, targets: Sequence[Target] = TARGETS) -> list[Told]:
    """Lower, compile and run all programs, and hold each to its references.

    Raises UnitError if a child was killed from outside.
    """
    codes: list[dict[Target, Code] | None] = []
    refused: dict[int, str] = {}
    for index, program in enumerate(programs):
        try:
            codes.append(lower(program, targets))
        except ExtractionError as error:
            codes.append(None)
            refused[index] = str(error)
    verdicts = check_unit(programs, codes, "run", "keep", targets, workdir)
    return [
        Told("refused", refused[index]) if index in refused else _told(verdict)
        for index, verdict in enumerate(verdicts)
    ]


def _told(verdicts: dict[Target, Judgement]) -> Told:
    """The C++ first: what is wrong there needs no CUDA to be seen."""
    for judgement in verdicts.values():
        if judgement.verified is None:
            return _of_reason(judgement.reason, judgement.error)
    for judgement in verdicts.values():
        assert judgement.verified is not None
        gradient = judgement.verified.gradient
        if gradient.verdict == "wrong":
            return Told("adjoint", "the adjoint is wrong")
        if gradient.verdict != "pass":
            return Told(None, f"adjoint {gradient.verdict}")
    return Told(None)


def _of_reason(reason: str, error: str) -> Told:
    word = reason.removeprefix("cuda ").removeprefix("cpu ")
    if reason.startswith("cuda ") and word in _CUDA:
        return Told("cuda", f"{word}: {error}")
    oracle = _OF.get(word)
    return Told(oracle, error if oracle else word)
