"""Whether what a check refuses is rounding: nothing is left of it where floats have 64 bits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from warpgen.errors import ExtractionError, VerificationError
from warpgen.extraction.codegen import lower
from warpgen.program import Program
from warpgen.reasons import FAULTS, ROUNDED, Reason
from warpgen.record import Target
from warpgen.verification.check import Judgement, check_unit
from warpgen.verification.judging.widening.widen import widen

# References are made without an adjoint.
_NO_ADJOINT = re.compile(r"(enable_backward\W+)False")


def wide(program: Program) -> Program:
    """The program with floats of 64 bits; the program itself where it cannot be widened."""
    try:
        made = widen(program).program
    except VerificationError:
        return program
    return msgspec.structs.replace(made, source=_NO_ADJOINT.sub(r"\1True", made.source))


def explains(program: Program, reason: str, targets: Sequence[Target], workdir: Path) -> bool:
    """Whether 64 bits show nothing of what was refused, for outputs that are off or for an adjoint.

    Raises UnitError if a child was killed from outside.
    """
    made = wide(program)
    if made.source == program.source:
        return False
    try:
        code = lower(made, targets)
    except ExtractionError:
        return False
    (judged,) = check_unit([made], [code], "run", "keep", targets, workdir)
    return all(_sound(judgement, reason) for judgement in judged.values())


def told(program: Program, refused: Judgement, workdir: Path) -> str:
    """The error of a refusal, and behind it that it is rounding, where it is and no fault of Warp is named.

    Raises UnitError if a child was killed from outside.
    """
    target, _, word = refused.reason.rpartition(" ")
    if word not in (Reason.FORWARD, Reason.GRADIENT) or FAULTS in refused.error:
        return refused.error
    targets: tuple[Target, ...] = ("cuda",) if target else ("cpu",)
    return f"{refused.error}{ROUNDED}" if explains(program, word, targets, workdir) else refused.error


def _sound(judgement: Judgement, reason: str) -> bool:
    """Of outputs that are off, whatever is said of the adjoint: it comes after them."""
    if judgement.verified is None:
        return reason == Reason.FORWARD and judgement.reason.split(" ")[-1] == Reason.GRADIENT
    return reason == Reason.FORWARD or judgement.verified.gradient.verdict == "pass"
