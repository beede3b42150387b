"""The coordinator: hands out units, journals what comes back, merges in order, keeps the state true.

It is the only writer of everything under the root but the shards. Whatever happens to it, the journal and
the files it names are enough to go on from; see `recovery.py`.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Generator, Iterator

from warpgen.errors import RootError, UnitError
from warpgen.interruption import Interrupted, Interruption
from warpgen.production.display import Display, View
from warpgen.production.engines import Engine, Job
from warpgen.production.pace import Pace
from warpgen.production.run_options import RunOptions
from warpgen.production.state import recovery, shard
from warpgen.production.state.chronicle import Chronicle
from warpgen.production.state.journal import Checkpoint, Journal, Stored
from warpgen.production.state.layout import Layout
from warpgen.production.state.merge import Merge
from warpgen.production.state.meter import Meter
from warpgen.production.unit import Outcome, Unit
from warpgen.recipe import UNIT_SIZE, Recipe

# Programs in a row without a row: the categories asked for have no new structures left, or nothing works.
# The most repetitive category that is any use keeps one program in a few dozen.
_BARREN = 32 * UNIT_SIZE

_LEAST = 16  # programs in a unit: fewer are not worth a worker's, or a compiler's, attention

# Programs in a row that a dataset loses for the same reason, told in the same words: the machine is at fault,
# not they.
_ALIKE = 2 * _LEAST

# Tries in a row, at the first unit, that fail in the same words: it, its halves, quarters and eighths. If the
# machine were sound, one of these had passed.
_HOPELESS = 3 + 2 + 4 + 8

_TRIES = 3  # at making a shard that is found damaged when it is merged: the disk, then, is at fault


class Coordinator:
    """One session of a run, from the state that `recovery` found to the last row.

    `last` is the newest checkpoint.
    """

    def __init__(
        self,
        layout: Layout,
        options: RunOptions,
        found: recovery.Found,
        chronicle: Chronicle,
        display: Display,
        interruption: Interruption,
    ) -> None:
        self._layout = layout
        self._recipe: Recipe = found.begun.recipe
        self._options = options
        self._chronicle = chronicle
        self._display = display
        self._interruption = interruption
        self.last = found.checkpoint
        self._journal = Journal(layout.journal_at)
        self._merge = Merge(layout, self._recipe, found.checkpoint, found.known)
        self._meter = Meter(found.checkpoint.spent)
        self._ready: dict[int, Outcome] = {stored.start: _outcome(stored) for stored in found.stored}
        self._merged: list[Unit] = []  # whose shards go at the next checkpoint
        # All programs before `_handed_out` are merged, ready, in work or waiting to be made again, and so are
        # those found on the disk, in their old bounds: no program may be in work twice.
        self._handed_out = found.checkpoint.next
        self._found = {stored.start: stored.stop for stored in found.stored}
        self._again: deque[Unit] = deque()
        self._damaged: dict[int, int] = {}  # how often the shard of this start was found damaged
        self._in_flight = 0  # programs
        self._pace = Pace()
        self._checked = time.monotonic()
        self._patience = Patience(options.stalled_seconds)

    def run(self, engine: Engine, job: Job) -> Checkpoint:
        """Make all datasets of the recipe and return the last checkpoint.

        Raises Interrupted, after a checkpoint, when a signal asks for it, and RootError when the machine does
        not let it go on.
        """
        try:
            with contextlib.closing(self._outcomes(engine, job)) as outcomes:
                self._merge_ready()
                while not self._merge.done:
                    with self._interruption.welcome():
                        outcome = next(outcomes)
                    self._look(engine)
                    if outcome is not None:
                        self._take(outcome)
                    self._check_progress(engine)
            self._look(engine)
            return self._checkpoint()
        except (Interrupted, RootError):
            # The merge stands between two shards. After any other error it may not, and the last
            # checkpoint holds.
            self._checkpoint()
            raise
        finally:
            self._merge.close()
            self._journal.close()

    def _check_progress(self, engine: Engine) -> None:
        """Raise RootError where going on would lead nowhere."""
        self._patience.spend(self._merge.next, self._meter.remade, engine.retries)
        failing = engine.failing
        if self._merge.next == 0 and failing.times >= _HOPELESS * self._options.workers:
            raise RootError(
                f"nothing can be made: {failing.times} tries in a row failed for one reason "
                f"({failing.error}); put that right, then resume the run"
            )

    def _outcomes(self, engine: Engine, job: Job) -> Generator[Outcome | None, None, None]:
        with contextlib.closing(engine.run(job, self._pace.watched(self._units()))) as outcomes:
            yield from outcomes
        raise RootError("the engine came to an end before the datasets did: resume the run")

    def _units(self) -> Iterator[Unit | None]:
        """Units for the engine; None while what is in work may well be enough."""
        while True:
            unit = self._again.popleft() if self._again else self._fresh()
            self._in_flight += unit.size if unit else 0
            yield unit

    def _fresh(self) -> Unit | None:
        """Programs that nobody was given yet.

        None while what is in work may well be enough, or too many shards would wait.
        """
        while self._handed_out in self._found:
            self._handed_out = self._found[self._handed_out]
        start = self._handed_out
        # No unit's bounds change a byte, so the last one need not be whole.
        wanted = self._merge.next + self._merge.missing
        if (self._in_flight and start >= wanted) or self._is_far_ahead():
            return None
        found = min((other for other in self._found if other > start), default=start + UNIT_SIZE)
        whole = start - start % UNIT_SIZE + UNIT_SIZE
        part = max(_LEAST, -((start - wanted) // self._options.workers))  # so that none idles at the end
        if self._merge.next == 0:
            part = min(part, _LEAST)  # so that the first rows, and the first trouble, are soon to be seen
        self._handed_out = min(found, whole, start + part)
        return Unit(start, self._handed_out)

    def _is_far_ahead(self) -> bool:
        """Shards wait on disk for the merge to come to them.

        Their number must stay bounded, whatever the merge waits for.
        """
        return self._handed_out - self._merge.next >= UNIT_SIZE * 4 * (self._options.workers + 2)

    def _take(self, outcome: Outcome) -> None:
        if outcome.fatal:
            raise RootError(f"a worker cannot go on ({outcome.error}): put that right, then resume the run")
        self._in_flight -= outcome.stop - outcome.start
        self._pace.take(outcome)
        if not outcome.error:
            self._journal.append(Stored(outcome.start, outcome.stop, outcome.checksum))
        self._ready[outcome.start] = outcome
        self._merge_ready()

    def _merge_ready(self) -> None:
        while not self._merge.done and self._merge.next in self._ready:
            self._merge_one(self._ready.pop(self._merge.next))
            if time.monotonic() - self._checked >= self._options.checkpoint_seconds:
                self._checkpoint()
        if self._merge.done:
            return
        for dataset in self._merge.datasets:
            if dataset.alike >= _ALIKE:
                raise RootError(
                    f"the last {dataset.alike} programs have no {dataset.target} row, all for one reason "
                    f"({dataset.last_failure}): put that right, then resume the run, or begin one with other "
                    "options"
                )
        if self._merge.barren >= _BARREN:
            raise RootError(
                f"the last {self._merge.barren} programs gave no new row"
                + (f" (last failure: {self._merge.last_failure})" if self._merge.last_failure else "")
                + ": ask for less, for more categories or for other options"
            )

    def _merge_one(self, outcome: Outcome) -> None:
        unit = Unit(outcome.start, outcome.stop)
        if outcome.error:
            self._merge.quarantine(outcome.start, outcome.stop, outcome.error)
            return
        try:
            part = shard.read(self._layout.shards_at, unit, self._recipe.hash, outcome.checksum)
        except UnitError as error:
            self._make_again(unit, error)
            return
        self._merge.add(part)
        self._merged.append(unit)

    def _make_again(self, unit: Unit, error: UnitError) -> None:
        self._damaged[unit.start] = self._damaged.get(unit.start, 0) + 1
        if self._damaged[unit.start] >= _TRIES:
            raise RootError(f"{error}, {_TRIES} times: check the disk, then resume the run") from error
        self._meter.remade += 1
        self._again.append(unit)

    def _checkpoint(self) -> Checkpoint:
        """First the files, then the journal, then the state; only then may the merged shards go."""
        checkpoint = self._merge.checkpoint(
            self._meter.spent(
                self._disk(), self._merge.next, sum(dataset.file.length for dataset in self._merge.datasets)
            )
        )
        self._journal.append(checkpoint)
        self.last = checkpoint
        self._chronicle.checkpoint(checkpoint)
        for unit in () if self._layout.outlives_disk else self._merged:
            shard.path_of(self._layout.shards_at, unit).unlink(missing_ok=True)
        self._merged.clear()
        self._checked = time.monotonic()
        return checkpoint

    def _look(self, engine: Engine) -> None:
        """Take note of the workers and show where things stand."""
        meter = self._meter
        meter.worker_cpu = sum(worker.cpu for worker in engine.workers)
        meter.peak_worker_rss = max([meter.peak_worker_rss, *(worker.rss for worker in engine.workers)])
        meter.retries, meter.workers_replaced = engine.retries, engine.replaced
        self._display.look(
            View(
                share=self._merge.share,
                rows=sum(dataset.rows for dataset in self._merge.datasets),
                size=sum(dataset.file.length for dataset in self._merge.datasets),
                left=self._left,
                workers=engine.workers,
            )
        )

    @property
    def _left(self) -> float | None:
        """Seconds to the last row; None until rows say how many programs it takes."""
        if not any(dataset.rows for dataset in self._merge.datasets):
            return None
        waiting = sum(outcome.stop - outcome.start for outcome in self._ready.values())
        return self._pace.left(max(0, self._merge.missing - waiting))

    def _disk(self) -> int:
        waiting = 0
        for file in self._layout.shards_at.iterdir():
            with contextlib.suppress(FileNotFoundError):  # a worker gave it its final name meanwhile
                waiting += file.stat().st_size
        return self._merge.size + waiting


class Patience:
    """Watches that a run gets on.

    As soon as nothing was merged, made again or tried again for so many `seconds`, it raises RootError. Only
    those count in which the run was there to look: a laptop that was closed for a night has not stalled.
    """

    _LONGEST_LOOK = 5.0  # seconds that one look may count

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._signs: tuple[int, ...] = ()
        self._waited = 0.0
        self._looked = time.monotonic()

    def spend(self, *signs: int) -> None:
        """Take note of numbers that change when the run gets on."""
        now = time.monotonic()
        if signs != self._signs:
            self._signs, self._waited = signs, 0.0
        self._waited += min(now - self._looked, self._LONGEST_LOOK)
        self._looked = now
        if self._waited > self._seconds:
            raise RootError(
                f"nothing was merged for {self._seconds / 60:.0f} minutes: see whether the machine has work "
                "or trouble of its own, then resume the run"
            )


def _outcome(stored: Stored) -> Outcome:
    return Outcome(stored.start, stored.stop, stored.checksum)
