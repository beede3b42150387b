"""What to do with a unit that failed: try again, then in halves, until the culprit stands alone."""

from __future__ import annotations

from warpgen.explain import first_line
from warpgen.production.engines import Job
from warpgen.production.unit import Outcome, Unit

RETRIES = 2  # beyond the first try: a worker may die for a reason that is not the unit's


def attempt(job: Job, unit: Unit) -> Outcome:
    """The job's outcome; whatever it raises becomes the unit's error.

    Raises MemoryError: a process that ran out of memory is no place for another try.
    """
    try:
        return job(unit)
    except MemoryError:
        raise
    except Exception as error:
        return Outcome(unit.start, unit.stop, error=first_line(error))


def after_failure(unit: Unit, error: str) -> list[Unit] | Outcome:
    """The units to try in place of the failed one, or the outcome that gives a program up.

    A whole unit is tried three times, each half of it once, and a single program three times again: one
    bad program among 64 costs 13 tries and itself, and the others keep their rows.
    """
    if unit.attempt < RETRIES:
        return [Unit(unit.start, unit.stop, unit.attempt + 1)]
    if unit.size == 1:
        return Outcome(unit.start, unit.stop, error=error)
    middle = unit.start + unit.size // 2
    return [_part(unit.start, middle), _part(middle, unit.stop)]


def _part(start: int, stop: int) -> Unit:
    return Unit(start, stop, 0 if stop - start == 1 else RETRIES)
