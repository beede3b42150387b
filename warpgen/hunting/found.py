"""What a hunt writes down: one line for each disagreement, and the counts of a unit."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Literal

import msgspec

from warpgen.program import Program
from warpgen.verification.judging.causes import Oracle

Origin = Literal["dataset", "stress", "tiles"]


class Case(msgspec.Struct, frozen=True):
    """One disagreement: the program, which oracle told, and in which words."""

    origin: Origin
    program: Program
    oracle: Oracle
    error: str
    cause: str = ""  # the number of its line in the ledger, or that it is rounding, where either is known


class Unit(msgspec.Struct):
    """What came of one unit: programs judged, those that say nothing of Warp by reason, and the cases."""

    number: int
    programs: int
    seconds: float  # of processor time
    dropped: dict[str, int]
    cases: list[Case]


class Small(msgspec.Struct):
    """A case made small: programs that were judged for it, and seconds of processor time.

    `cured` names the lines of the ledger whose rewrite of the program makes it sound.
    """

    case: Case
    judged: int
    seconds: float
    cured: str = ""


def alike(one: str, other: str) -> bool:
    """Whether two errors are of one kind: the same words, whatever names and numbers are among them."""
    return _kind(one) == _kind(other)


def grouped(units: Sequence[Unit]) -> dict[tuple[str, str, str], list[Case]]:
    """Cases by oracle, cause and kind of error, the largest group first."""
    groups: dict[tuple[str, str, str], list[Case]] = {}
    for case in (case for unit in units for case in unit.cases):
        groups.setdefault((case.oracle, case.cause, _kind(case.error)), []).append(case)
    return dict(sorted(groups.items(), key=lambda item: -len(item[1])))


def representative(units: Sequence[Unit], most: int) -> list[Case]:
    """So many cases of every line of the ledger and kind of error: those of no line first, then of few."""
    cases = [case for unit in units for case in unit.cases]
    taken = Counter[tuple[str, str, str]]()
    chosen = []
    for case in sorted(cases, key=lambda case: (case.cause != "", case.cause.count("+"))):
        keys = [(case.oracle, number, _kind(case.error)) for number in case.cause.split("+")]
        if any(taken[key] < most for key in keys):
            chosen.append(case)
            taken.update(keys)
    return chosen


def _kind(error: str) -> str:
    """Its words of letters alone, those of addresses, names and numbers left out."""
    bare = re.sub(r"<[^<>]*>|\'[^\']*\'|\"[^\"]*\"", "", error)
    return " ".join(re.findall(r"(?<![\w.])[A-Za-z_]+(?![\w.])", bare))[:80]
