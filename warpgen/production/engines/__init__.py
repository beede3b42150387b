"""Where units are worked on. All engines give the same outcomes in any order; only the place differs."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Protocol

import msgspec

from warpgen.production.unit import Outcome, Unit


class Job(Protocol):
    """What an engine runs over units: prepared once per process, then called."""

    def preload(self) -> None:
        """Load what all workers share; called once, before any of them is forked."""

    def begin(self, name: str) -> None:
        """Take up work in this process, under a name that no other process of the run has."""

    def __call__(self, unit: Unit) -> Outcome:
        """Work on one unit. Whatever is raised counts against the unit."""


class WorkerView(msgspec.Struct):
    """What a person may see of a worker: its unit (None: idle), resident bytes and CPU seconds."""

    name: str
    unit: Unit | None = None
    rss: int = 0
    cpu: float = 0.0


class Failing(msgspec.Struct):
    """Tries in a row that failed in the same words."""

    error: str = ""
    times: int = 0

    def note(self, error: str) -> None:
        """Take note of how a try ended; '' where it did not fail."""
        self.times = 0 if not error else self.times + 1 if error == self.error else 1
        self.error = error


class Engine(Protocol):
    """Runs a job over units."""

    retries: int  # units tried again
    replaced: int  # workers
    failing: Failing

    @property
    def workers(self) -> list[WorkerView]:
        """Those at work now."""

    def run(self, job: Job, units: Iterator[Unit | None]) -> Generator[Outcome | None, None, None]:
        """Outcomes in any order, each unit exactly once, though perhaps in parts.

        `units` gives None when nothing may be handed out before another outcome was taken. None comes
        out a few times a second when there is nothing to tell, so that the caller can look about.
        Closing the iterator ends all work at once.
        """
