"""All work in the coordinator's own process: simplest to debug and to profile, and no shield from crashes."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator

import psutil

from warpgen.production.engines import Failing, Job, WorkerView
from warpgen.production.engines.attempts import after_failure, attempt
from warpgen.production.unit import Outcome, Unit


class SerialEngine:
    """One unit after another."""

    def __init__(self) -> None:
        self._view = WorkerView("serial")
        self.retries = 0
        self.replaced = 0
        self.failing = Failing()

    @property
    def workers(self) -> list[WorkerView]:
        """The one there is, as the display shows it."""
        return [self._view]

    def run(self, job: Job, units: Iterator[Unit | None]) -> Generator[Outcome | None, None, None]:
        """Work on the units one by one."""
        job.preload()
        job.begin("serial")
        again: deque[Unit] = deque()
        view = self._view
        for unit in _with(again, units):
            if unit is None:
                yield None
                continue
            view.unit = unit
            outcome = attempt(job, unit)
            self.failing.note(outcome.error)
            view.rss = psutil.Process().memory_info().rss
            if outcome.error and not outcome.fatal:
                after = after_failure(unit, outcome.error)
                if isinstance(after, list):
                    self.retries += 1
                    again.extend(after)
                    continue
                outcome = after
            yield outcome


def _with(again: deque[Unit], units: Iterator[Unit | None]) -> Iterator[Unit | None]:
    """Failed units first, then fresh ones."""
    while True:
        if again:
            yield again.popleft()
        else:
            try:
                yield next(units)
            except StopIteration:
                return
