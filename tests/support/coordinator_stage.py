"""The real coordinator in a thread, one step at a time: it waits for whoever plays the engine to tell it."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from pathlib import Path

from tests.support.imaginary import ImaginaryJob
from warpgen.interruption import Interruption
from warpgen.production.coordinator import Coordinator
from warpgen.production.display import View
from warpgen.production.engines import Failing, Job, WorkerView
from warpgen.production.run_options import RunOptions
from warpgen.production.state import journal, recovery, roots
from warpgen.production.state.chronicle import Chronicle
from warpgen.production.unit import Outcome, Unit
from warpgen.recipe import Recipe

_PATIENCE = 60  # seconds; a step takes milliseconds


class Ask:
    """Tells the coordinator to hand out a unit."""


Order = Ask | Outcome | BaseException


class Stage:
    """One session of a run: what `run` or `resume` do up to the last row. `ended` is what ended it."""

    def __init__(self, root: Path, recipe: Recipe, options: RunOptions) -> None:
        self.asked: Unit | None = None
        self.ended: BaseException | None = None
        self.retries = self.replaced = 0
        self.failing = Failing()
        self._root, self.recipe, self._options = root, recipe, options
        self._order: Order = Ask()
        self._theirs, self._ours = threading.Semaphore(0), threading.Semaphore(0)
        self.thread = threading.Thread(target=self._live, daemon=True)

    @property
    def alive(self) -> bool:
        return self.thread.is_alive()

    def begin(self) -> None:
        """Let it come to where it waits for the engine."""
        self.thread.start()
        self._wait()

    def tell(self, order: Order) -> None:
        """Carry out one step: hand out a unit (`asked`), take an outcome, or end by an exception."""
        self._order = order
        self._theirs.release()
        self._wait()

    def _wait(self) -> None:
        assert self._ours.acquire(timeout=_PATIENCE), "the coordinator hangs"
        if self._over:
            self.thread.join()

    _over = False

    def _live(self) -> None:
        try:
            with roots.held(self._root) as (layout, _):
                history = Chronicle(layout, self.recipe)
                if layout.journal.exists():
                    found = recovery.recover(layout, journal.read(layout.journal))
                else:
                    history.beginning()
                    found = recovery.begin(layout, self.recipe, "2020-01-01T00:00:00+00:00")
                history.checkpoint(found.checkpoint)
                if not found.is_complete:
                    coordinator = Coordinator(layout, self._options, found, history, self, Interruption())
                    coordinator.run(self, ImaginaryJob(layout, self.recipe))
        except BaseException as error:
            self.ended = error
        finally:
            self._over = True
            self._ours.release()

    # What a coordinator asks of an engine and of a display.

    @property
    def workers(self) -> list[WorkerView]:
        return []

    def look(self, view: View) -> None: ...

    def run(self, job: Job, units: Iterator[Unit | None]) -> Generator[Outcome | None, None, None]:
        while True:
            self._ours.release()
            self._theirs.acquire()
            if isinstance(self._order, Ask):
                self.asked = next(units)
            elif isinstance(self._order, Outcome):
                yield self._order
            else:
                raise self._order
