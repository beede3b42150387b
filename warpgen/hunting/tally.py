"""What hunts came to: counts by cause, of one hunt or of several together."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from warpgen.hunting.found import Small, Unit, grouped


class Line(msgspec.Struct, frozen=True):
    """Cases of one oracle, cause and kind of error, or of one oracle, cause and cure."""

    oracle: str
    cause: str
    words: str
    cases: int


class Tally(msgspec.Struct, frozen=True):
    """What came of the programs of a hunt; `lines` and `seconds` are of each case that was made small."""

    programs: int
    hours: float  # of processor time
    dropped: dict[str, int]
    found: list[Line]
    small: list[Line]
    lines: list[int]
    seconds: list[float]


def tally(units: Sequence[Unit], smalls: Sequence[Small]) -> Tally:
    """Of one hunt."""
    cures = Counter((s.case.oracle, s.case.cause, s.cured) for s in smalls)
    return Tally(
        sum(u.programs for u in units),
        sum(u.seconds for u in units) / 3600.0,
        dict(sum((Counter(u.dropped) for u in units), Counter[str]())),
        [Line(*words, len(cases)) for words, cases in grouped(units).items()],
        [Line(*words, cases) for words, cases in cures.items()],
        [s.case.program.source.count("\n") for s in smalls],
        [round(s.seconds, 1) for s in smalls],
    )


def table(tallies: Sequence[Tally]) -> Iterator[str]:
    """Lines in Markdown: how much was hunted, causes with counts, and what the reducer made of them."""
    programs, hours = sum(t.programs for t in tallies), sum(t.hours for t in tallies)
    found = [line for t in tallies for line in t.found]
    disagree = sum(line.cases for line in found)
    yield f"{programs:,} programs in {hours:.2f} hours of processor time; {disagree:,} of them disagree."
    dropped = sum((Counter(t.dropped) for t in tallies), Counter[str]())
    told = ", ".join(f"{count} {reason}" for reason, count in dropped.most_common())
    yield f"Of the others, these say nothing of Warp: {told or 'none'}."
    yield "A program counts for each line of the ledger that it holds.\n"
    yield "| oracle | line of the ledger | error | cases |\n|---|---|---|---|"
    yield from _rows(found)
    lines = [n for t in tallies for n in t.lines]
    if lines:
        seconds = statistics.median(s for t in tallies for s in t.seconds)
        middle, longest = statistics.median(lines), max(lines)
        yield f"\n{len(lines)} cases were made small: {middle:g} lines in the median, {longest} at most,"
        yield f"{seconds:.0f} seconds of processor time in the median. Causes, and their cures:\n"
        yield "| oracle | line of the ledger | cured as | cases |\n|---|---|---|---|"
        yield from _rows(line for t in tallies for line in t.small)


def _rows(lines: Iterable[Line]) -> Iterator[str]:
    counts = Counter[tuple[str, str, str]]()
    for line in lines:
        for number in line.cause.split("+"):
            counts[line.oracle, number or "none", line.words or "none"] += line.cases
    for words, cases in counts.most_common():
        yield f"| {' | '.join(words)} | {cases} |"
