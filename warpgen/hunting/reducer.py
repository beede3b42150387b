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

_FIRST, _TOGETHER = 6, 24  # programs that are judged at once: few while steps are bold, then more


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
    """The smallest of the first candidates among which one still shows it, and how many were judged.

    What several of them take away is tried together: most of it has nothing to do with each other.
    """
    judged = 0
    for candidates in _rounds(program, kind):
        judged += len(candidates)
        good = shows([made for made, _ in candidates])
        kept = [candidate for candidate, shown in zip(candidates, good, strict=True) if shown]
        if kept:
            least = min((made for made, _ in kept), key=_size)
            merged = applied(program, list(dict.fromkeys(step for _, chosen in kept for step in chosen)))
            if len(kept) > 1 and merged is not None and _size(merged) < _size(least):
                judged += 1
                least = merged if shows([merged])[0] else least
            return least, judged
        if _cpu() >= end:
            break
    return None, judged


def _rounds(program: Program, kind: str) -> Iterator[list[tuple[Program, Sequence[Step]]]]:
    """Candidates and their steps by how bold these are, as many together as are judged at once."""
    known = steps(program, kind)
    most = _FIRST
    batch: list[tuple[Program, Sequence[Step]]] = []
    seen = {program.source + repr(program.launch)}
    for chosen in _chunks(known):
        made = applied(program, chosen)
        if made is None or made.source + repr(made.launch) in seen:
            continue
        seen.add(made.source + repr(made.launch))
        batch.append((made, chosen))
        if len(batch) == most:
            yield batch
            batch, most = [], min(2 * most, _TOGETHER)
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
