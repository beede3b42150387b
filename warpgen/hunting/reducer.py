"""Makes a program small that shows a disagreement, and keeps the disagreement.

Delta debugging (Zeller and Hildebrandt, 2002) on Python's syntax tree: halves of all steps are tried, then
quarters and so on, many at once, since together programs cost a third of what they cost alone.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator, Sequence

import msgspec

from warpgen.hunting.steps import Step, applied, steps
from warpgen.program import Program

# Of many programs: whether each still shows what it is about.
Shows = Callable[[Sequence[Program]], list[bool]]

_TOGETHER = 24  # programs that are judged at once


class Reduced(msgspec.Struct):
    """The smallest program that was found, how many were judged for it, and in how many seconds of CPU."""

    program: Program
    judged: int
    seconds: float


def reduce(program: Program, shows: Shows, most: float = 60.0) -> Reduced:
    """Take away from the program, for at most about so many seconds of processor time of this process tree.

    The result is the program itself where nothing can go.
    """
    end, judged, begun = _cpu() + most, 0, _cpu()
    changed = True
    while changed and _cpu() < end:
        changed = False
        for kind in ("statements", "launch", "expressions"):
            while _cpu() < end:
                smaller, tried = _smaller(program, kind, shows, end)
                judged += tried
                if smaller is None:
                    break
                program, changed = smaller, True
    return Reduced(program, judged, _cpu() - begun)


def _smaller(program: Program, kind: str, shows: Shows, end: float) -> tuple[Program | None, int]:
    """The smallest of the first candidates among which one still shows it, and how many were judged."""
    judged = 0
    for candidates in _rounds(program, kind):
        judged += len(candidates)
        kept = [c for c, good in zip(candidates, shows(candidates), strict=True) if good]
        if kept:
            return min(kept, key=_size), judged
        if _cpu() >= end:
            break
    return None, judged


def _rounds(program: Program, kind: str) -> Iterator[list[Program]]:
    """Candidates by the boldness of what is taken away, as many together as are judged at once."""
    known = steps(program, kind)
    batch: list[Program] = []
    seen = {program.source + repr(program.launch)}
    for chosen in _chunks(known):
        made = applied(program, chosen)
        if made is None or made.source + repr(made.launch) in seen:
            continue
        seen.add(made.source + repr(made.launch))
        batch.append(made)
        if len(batch) == _TOGETHER:
            yield batch
            batch = []
    if batch:
        yield batch


def _chunks(known: Sequence[Step]) -> Iterator[Sequence[Step]]:
    """All at once, halves, quarters, down to each alone."""
    size = len(known)
    while size:
        for start in range(0, len(known), size):
            yield known[start : start + size]
        size //= 2


def _size(program: Program) -> tuple[int, int]:
    return program.source.count("\n"), len(program.source)


def _cpu() -> float:
    spent = time.process_time()
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent + children.ru_utime + children.ru_stime
