"""One session of a run from its start to its end, its interruption or its failure."""

from __future__ import annotations

import contextlib
import datetime
import sys
from pathlib import Path

from warpgen import durable
from warpgen.errors import RootError, UsageError
from warpgen.production.circumstances import Means
from warpgen.production.coordinator import Coordinator
from warpgen.production.display import display
from warpgen.production.engines import Engine, Job
from warpgen.production.engines.local import LocalEngine
from warpgen.production.engines.serial import SerialEngine
from warpgen.production.interruption import Interrupted, Interruption
from warpgen.production.journal import Checkpoint
from warpgen.production.layout import Layout
from warpgen.production.merge import failures
from warpgen.production.observer import Display, Observer
from warpgen.production.recovery import Found, clear
from warpgen.reporting.manifest import Circumstances, write_manifest
from warpgen.reporting.report import write_report

ENGINES = ("local", "serial")


def carry_out(layout: Layout, found: Found, means: Means, job: Job, lock: int) -> int:
    """Go on from what was found to the finished datasets; returns the exit code of the command.

    Raises RootError when the machine does not let it; the state file then says what blocks it.
    """
    for note in found.notes:
        print(f"warpgen: {note}", file=sys.stderr)
    interruption = Interruption()
    try:
        with interruption.caught(), display(sys.stderr) as shown:
            checkpoint = _produce(layout, found, means, _engine(means, lock), job, interruption, shown)
    except Interrupted as stop:
        print(f"warpgen: stopped by {stop}; nothing is lost, {_how_to_resume(layout.root)}", file=sys.stderr)
        return stop.code
    for target in found.begun.recipe.targets:
        path = layout.final(target).relative_to(layout.root)
        print(f"{path}: {checkpoint.targets[target].rows} rows, {checkpoint.files[target].length} bytes")
    return 0


def _produce(
    layout: Layout,
    found: Found,
    means: Means,
    engine: Engine,
    job: Job,
    interruption: Interruption,
    shown: Display,
) -> Checkpoint:
    observer = Observer(layout, found.begun.recipe, shown, _python(layout.root))
    observer.checkpoint(found.checkpoint)
    checkpoint = found.checkpoint
    coordinator = None
    try:
        if not found.is_complete:
            coordinator = Coordinator(layout, means, found, observer, interruption)
            checkpoint = coordinator.run(engine, job)
        with interruption.welcome():  # each step may be left half-way: it is done again on resume
            _finish(layout, found, checkpoint, means, observer)
    except Interrupted as stop:
        observer.stopped(coordinator.last if coordinator else checkpoint, str(stop))
        raise
    except (RootError, OSError) as error:
        why = str(error) if isinstance(error, RootError) else f"{error.strerror or error}"
        with contextlib.suppress(OSError):  # on a full disk the last state file stays, and is still true
            observer.blocked(coordinator.last if coordinator else checkpoint, why)
        if isinstance(error, RootError):
            raise
        raise RootError(
            f"the root cannot be written ({why}): put that right; nothing is lost, "
            f"{_how_to_resume(layout.root)}"
        ) from error
    return checkpoint


def _finish(layout: Layout, found: Found, checkpoint: Checkpoint, means: Means, observer: Observer) -> None:
    """Final names, manifests, state; the journal goes last, so that a crash before is gone on from."""
    recipe = found.begun.recipe
    for target in recipe.targets:
        if layout.partial(target).exists():
            durable.rename(layout.partial(target), layout.final(target))
    circumstances = _circumstances(found, checkpoint, means)
    for target in recipe.targets:
        dropped = {"duplicate": checkpoint.targets[target].dropped}
        write_manifest(layout.root, target, recipe, circumstances, dropped, failures(layout, target))
    observer.completed(checkpoint, _report(layout.root))
    clear(layout)


def _report(root: Path) -> str:
    """Write the report and say where it is. Without one the datasets are no less complete."""
    try:
        return write_report(root).relative_to(root).as_posix()
    except UsageError as error:  # about a dataset of an earlier run beside ours, that was moved or damaged
        return f"not written: {error}"


def _circumstances(found: Found, checkpoint: Checkpoint, means: Means) -> Circumstances:
    spent = checkpoint.spent
    return Circumstances(
        workers=1 if means.engine == "serial" else means.workers,
        engine=means.engine,
        started=found.begun.started,
        finished=now(),
        wall_seconds=spent.wall_seconds,
        cpu_seconds=spent.cpu_seconds,
        peak_rss=spent.peak_rss,
        peak_worker_rss=spent.peak_worker_rss,
        peak_disk=spent.peak_disk,
        sessions=spent.sessions,
        retries=spent.retries,
        workers_replaced=spent.workers_replaced,
    )


def _engine(means: Means, lock: int) -> Engine:
    return SerialEngine() if means.engine == "serial" else LocalEngine(means, [lock])


def now() -> str:
    """The time in UTC, ISO 8601, to the second."""
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")


def _python(root: Path) -> str:
    """What to call this Python from the root, without a path of the machine."""
    local = Path(".venv/bin/python")
    return str(local) if Path(sys.prefix) == (root / ".venv").resolve() else "python"


def _how_to_resume(root: Path) -> str:
    place = "" if root == Path() else f" --root {root}"
    return f"resume with `python -m warpgen.resume{place}`"
