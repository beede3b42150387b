"""Which programs of a unit show a disagreement, and of which kind."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from warpgen.errors import ExtractionError
from warpgen.extraction.codegen import Code, lower
from warpgen.extraction.loading import load
from warpgen.program import Program
from warpgen.reasons import Reason
from warpgen.record import TARGETS, Target
from warpgen.verification.check import Judgement, check_unit
from warpgen.verification.judging.causes import Oracle
from warpgen.verification.native import warp_native
from warpgen.verification.oracle import Reading, Unsupported
from warpgen.verification.oracle.values import OutOfRange
from warpgen.verification.running.arguments import Arguments
from warpgen.verification.running.memory_layout import MemoryLayout, describe

_CRASHES = (Reason.SEGFAULT, Reason.TRAP, Reason.ABORT, Reason.DIVISION, Reason.TIMEOUT)
_OF: dict[str, Oracle] = {
    Reason.FORWARD: "values",
    Reason.GRADIENT: "adjoint",
    Reason.COMPILE: "refused",
    **dict.fromkeys(_CRASHES, "crash"),
}
# Of the CUDA text alone: the C++ of the same program passed.
_CUDA = (Reason.FORWARD, Reason.GRADIENT, Reason.ORDER, Reason.WAIT, Reason.BOUNDS, *_CRASHES)
_ADJOINT = re.compile(r"(?<!::)\b(adj_\w+_\d+)\(")

# What a run may come to that reads a local which nothing was written to.
_OF_UNSET = (Reason.FORWARD, Reason.NOT_FINITE, Reason.NO_REFERENCE)


class Told(NamedTuple):
    """What the oracles say of one program; without an oracle, `error` is why it says nothing of Warp."""

    oracle: Oracle | None
    error: str = ""


# Which of the codes of a program are made and judged.
Aimed = Callable[[Program], Sequence[Target]]


def both(program: Program) -> Sequence[Target]:
    """All codes."""
    return TARGETS


def cpu(program: Program) -> Sequence[Target]:
    """The C++ alone, for a third of the time."""
    return TARGETS[:1]


def judge(programs: Sequence[Program], workdir: Path, aimed: Aimed = both) -> list[Told]:
    """Lower, compile and run all programs, and hold each to its references.

    Raises UnitError if a child was killed from outside.
    """
    codes: list[dict[Target, Code] | None] = []
    refused: dict[int, str] = {}
    for index, program in enumerate(programs):
        try:
            made = lower(program, aimed(program))
        except ExtractionError as error:
            refused[index] = str(error)
        else:
            undeclared = (_undeclared(code.text) for code in made.values())
            if name := next(filter(None, undeclared), ""):
                refused[index] = f"use of undeclared identifier '{name}'"
        codes.append(None if index in refused else made)
    verdicts = check_unit(programs, codes, "run", "keep", TARGETS, workdir)
    return [
        Told("refused", refused[index]) if index in refused else _told(programs[index], verdict)
        for index, verdict in enumerate(verdicts)
    ]


def _undeclared(text: str) -> str:
    """An adjoint of a function that is called before it is defined, '' where there is none.

    As compilers say it, at no cost: a text that they refuse has all of its unit compiled anew.
    """
    for name in _ADJOINT.findall(text):
        if not text[: text.index(f"{name}(")].endswith("void "):
            return str(name)
    return ""


def _told(program: Program, verdicts: dict[Target, Judgement]) -> Told:
    """The C++ first: what is wrong there needs no CUDA to be seen."""
    for judgement in verdicts.values():
        if judgement.verified is None:
            told = unset(program) if judgement.reason in _OF_UNSET else ""
            return Told("unset", told) if told else _of_reason(judgement.reason, judgement.error)
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


def unset(program: Program, draws: int = 1) -> str:
    """What Python says of a local that is read and not set, '' where it says nothing of the kind."""
    layouts = layouts_of(program)
    for variant in range(draws):
        arguments = Arguments(program.args, layouts, program.launch.seed, variant)
        try:
            Reading(program, layouts, len(program.launch.dim)).outputs(arguments, every=True)
        except OutOfRange:
            return ""
        except Unsupported as error:
            return str(error) if "UnboundLocalError" in str(error) else ""
    return ""


def layouts_of(program: Program) -> list[MemoryLayout]:
    """How its arguments lie in memory. Raises ExtractionError."""
    with load(program) as live:
        return [describe(kind) for _, kind in warp_native.argument_types(live.kernel)]
