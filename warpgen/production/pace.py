"""How long a run still takes, judged by the units that came back in this session.

Rows are merged in order and units grow from 16 programs to 128, so what is merged says little of the pace
while a run is young. What each program took its worker does, from a worker's second unit on: in its first it
loads what it needs, which takes up to five times what the programs do.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator

from warpgen.production.unit import Outcome, Unit

_UNITS = 2  # the newest of each worker that are judged by: small ones are slow, and machines change


class Pace:
    """Told of every unit that is handed out and of every outcome."""

    def __init__(self) -> None:
        self._given: dict[int, tuple[Unit, float]] = {}  # by start: what is in work, and since when
        self._first: set[int] = set()  # starts of the workers' first units: those given before any is back
        self._heard = False
        self._took: deque[tuple[int, float]] = deque()  # programs and seconds of the newest units
        self._side_by_side = 1

    def watched(self, units: Iterator[Unit | None]) -> Iterator[Unit | None]:
        """The same units, each noted when it is handed out."""
        for unit in units:
            if unit is not None:
                self._given[unit.start] = unit, time.monotonic()
                self._side_by_side = max(self._side_by_side, len(self._given))
                if not self._heard:
                    self._first.add(unit.start)
            yield unit

    def take(self, outcome: Outcome) -> None:
        """Note an outcome. Of a unit that came in parts the first is enough to know what it took."""
        self._heard = True
        given = self._given.pop(outcome.start, None)
        if given is None or outcome.start in self._first:
            return
        self._took.append((outcome.stop - outcome.start, time.monotonic() - given[1]))
        while len(self._took) > _UNITS * self._side_by_side:
            self._took.popleft()

    def left(self, programs: int) -> float | None:
        """Seconds until so many more programs are there, those in work among them.

        None while that cannot be told.
        """
        if not self._took:
            return None
        now = time.monotonic()
        working = [(unit.size, now - since) for unit, since in self._given.values()]
        each = _mean(self._took)
        # A unit that takes longer than it should is known to be slow, though not how slow.
        each = _mean([*self._took, *(late for late in working if late[1] > each * late[0])])
        rests = [max(0.0, size * each - passed) for size, passed in working]
        done = sum(min(passed, size * each) for size, passed in working)
        # The longest may be more than its share when little else is left to do beside it.
        return max(0.0, (programs * each - done) / self._side_by_side, *rests)


def _mean(took: Iterable[tuple[int, float]]) -> float:
    """Seconds of a worker for one program."""
    programs, seconds = zip(*took, strict=True)
    return float(sum(seconds) / sum(programs))
