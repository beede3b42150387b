"""A share of a dataset's units, made with no coordinator: what one task of a batch system does.

Part i of n (`--partition i/n`) makes units i - 1, i - 1 + n, i - 1 + 2n ... and keeps their shards and a
journal of them in its root; `gather.py` joins the roots. No share knows how much of the dataset the others
fill, so each goes on until its own rows, times n, are enough by a margin, or up to a program it is told.
"""

from __future__ import annotations

import contextlib
import math
import shlex
import sys
from collections.abc import Iterable, Iterator

from warpgen.errors import RootError, UnitError
from warpgen.interruption import Interrupted, Interruption
from warpgen.production.display import Display, View, display
from warpgen.production.engines import Engine, Job
from warpgen.production.pace import Pace
from warpgen.production.state import journal, recovery, roots, shard
from warpgen.production.state.dedup import NEW, Index, key_of
from warpgen.production.state.journal import Begun, Journal, Share, Stored
from warpgen.production.state.layout import Layout
from warpgen.production.state.merge import has_room_for_wrong
from warpgen.production.unit import Outcome, Unit
from warpgen.production.work.worker import store
from warpgen.recipe import UNIT_SIZE, Recipe

# A row's length varies by about 0.7 of its mean, so the rows of a share by 0.7 / sqrt(rows): three times
# that is too little once in a thousand shares, and then the merge says what is missing.
_MARGIN = 2.0

_NAMED = 8  # shards that the next command names one by one


def begin(layout: Layout, recipe: Recipe, share: Share, started: str, overwrite: bool) -> list[Stored]:
    """Prepare the root for a share of the recipe; what of it is there already, whole.

    Raises RootError when the root holds something else and may not be overwritten, and OSError.
    """
    begun = Begun(recipe, started, share=share)
    if overwrite or not layout.journal_at.exists():
        recovery.clear(layout)
        recovery.lay_out(layout)
        journal.create(layout.journal_at, begun)
        return []
    story = journal.read(layout.journal_at)
    if (story.begun.recipe, story.begun.share) != (recipe, share):
        held = f"{what(story.begun)}{roots.of_another(story.begun.recipe, recipe)}"
        raise RootError(
            f"this root holds {held}, and part {share} is asked for: choose another --root, "
            "or replace it with --overwrite"
        )
    whole = [stored for stored in sorted_once(story.stored) if _read(layout, recipe, stored) is not None]
    journal.create(layout.journal_at, story.begun, whole)
    return whole


def what(begun: Begun) -> str:
    """What the journal of a root says that the root holds, for a message."""
    return f"part {begun.share}" if begun.share else "an unfinished run"


def sorted_once(stored: Iterable[Stored]) -> list[Stored]:
    """By their first program, each program once."""
    once: list[Stored] = []
    for record in sorted(stored, key=lambda record: (record.start, record.stop)):
        if not once or record.start >= once[-1].stop:
            once.append(record)
    return once


class ShareRun:
    """Makes what is missing of a share. `programs`: up to this one, in place of the margin."""

    def __init__(
        self, layout: Layout, recipe: Recipe, share: Share, stored: list[Stored], programs: int | None
    ) -> None:
        self._layout = layout
        self._recipe = recipe
        self._share = share
        self._programs = programs
        self._covered = {record.start: record.stop for record in stored}
        self._next = (share.number - 1) * UNIT_SIZE
        self._made = sum(record.stop - record.start for record in stored)
        self._pace = Pace()
        self._index = Index()
        self.rows = [0] * len(recipe.targets)
        self.size = [0] * len(recipe.targets)
        self._wrong = [0] * len(recipe.targets)
        for record in stored:
            self._count(record)

    def carry_out(self, engine: Engine, job: Job) -> int:
        """Make it; returns the exit code. Raises RootError when the machine does not let it."""
        interruption = Interruption()
        log = Journal(self._layout.journal_at)
        try:
            with interruption.caught(), display(sys.stderr) as shown:
                self._make(engine, job, interruption, log, shown)
        except Interrupted as stop:
            print(
                f"warpgen: stopped by {stop}; nothing is lost, the same command goes on from here",
                file=sys.stderr,
            )
            return stop.code
        except OSError as error:
            raise RootError(
                f"the root cannot be written ({error.strerror or error}): put that right, then call again"
            ) from error
        finally:
            log.close()
        for target, rows, size in zip(self._recipe.targets, self.rows, self.size, strict=True):
            print(f"part {self._share}: {rows} {target} rows, {size} bytes")
        print(f"It is in {shlex.quote(f'{self._layout.name}/data/work')}. {self._what_next()}")
        return 0

    def _what_next(self) -> str:
        """The command that joins this shard with the others."""
        of, mine = self._share.of, self._share.number
        names = [f"ROOT_OF_{number}" for number in range(1, of + 1)]
        names[mine - 1] = shlex.quote(self._layout.name)
        if of > _NAMED:
            names = [names[mine - 1], "ROOTS_OF_THE_OTHERS"]
        when = f"When all {of} are made" if of > 1 else "Next"
        return f"{when}: python -m warpgen.merge {' '.join(names)} --root whole"

    def _make(
        self, engine: Engine, job: Job, interruption: Interruption, log: Journal, shown: Display
    ) -> None:
        with contextlib.closing(engine.run(job, self._pace.watched(self._units()))) as outcomes:
            while True:
                with interruption.welcome():
                    try:
                        outcome = next(outcomes)
                    except StopIteration:
                        return
                if outcome is not None:
                    self._pace.take(outcome)
                    stored = self._store(outcome)
                    log.append(stored)
                    self._made += stored.stop - stored.start
                    self._count(stored)
                shown.look(View(self._done, sum(self.rows), sum(self.size), self._left, engine.workers))

    def _store(self, outcome: Outcome) -> Stored:
        """The record of an outcome; programs that were given up get a shard that says so."""
        if outcome.error and not outcome.fatal:
            unit = Unit(outcome.start, outcome.stop)
            outcome = store(self._layout.shards_at, unit, shard.refusing(unit, self._recipe, outcome.error))
        if outcome.error:
            raise RootError(f"a worker cannot go on ({outcome.error}): put that right, then call again")
        return Stored(outcome.start, outcome.stop, outcome.checksum)

    def _units(self) -> Iterator[Unit | None]:
        last = max(self._covered.values(), default=0)
        while self._next < last or self._wants_more:
            yield from self._gaps(self._next, self._next + UNIT_SIZE)
            self._next += UNIT_SIZE * self._share.of

    def _gaps(self, start: int, stop: int) -> Iterator[Unit]:
        """What is not covered between two programs: parts of a unit that was tried in halves may be."""
        for known in sorted(place for place in self._covered if start <= place < stop):
            if known > start:
                yield Unit(start, known)
            start = self._covered[known]
        if start < stop:
            yield Unit(start, stop)

    def _count(self, record: Stored) -> None:
        read = _read(self._layout, self._recipe, record)
        programs = read.table.made if read else ()
        repeats = iter(self._index.add(b"".join(key_of(made.source, made.structure) for made in programs)))
        for made in programs:
            if made.structure and next(repeats) != NEW:
                continue  # the merge drops it, and perhaps more that only the others' programs repeat
            for place, size in enumerate(made.rows):
                if size and (not made.wrong or has_room_for_wrong(self.rows[place], self._wrong[place])):
                    self.rows[place] += 1
                    self.size[place] += size
                    self._wrong[place] += made.wrong

    @property
    def _wants_more(self) -> bool:
        return self._next < self._programs if self._programs else self._done < 1

    @property
    def _left(self) -> float | None:
        """Seconds to the end; None until rows say how many programs it takes."""
        done = self._done
        return self._pace.left(round(self._made / done - self._made)) if done and any(self.rows) else None

    @property
    def _done(self) -> float:
        """How much of the share is made, 0 ... 1."""
        if self._programs:
            return min(1.0, self._next / self._programs)
        shares = []
        for rows, size in zip(self.rows, self.size, strict=True):
            have, wanted = (
                (size, self._recipe.size) if self._recipe.rows is None else (rows, self._recipe.rows)
            )
            enough = (wanted or 0) / self._share.of * (1 + _MARGIN / math.sqrt(max(rows, 1)))
            shares.append(have / enough)
        return min(1.0, *shares)


def _read(layout: Layout, recipe: Recipe, stored: Stored) -> shard.Shard | None:
    unit = Unit(stored.start, stored.stop)
    try:
        return shard.read(layout.shards_at, unit, recipe.hash, stored.checksum)
    except UnitError:
        return None
