"""One session of a run from its start to its end, its interruption or its failure."""

from __future__ import annotations

import contextlib
import datetime
import shlex
import sys
from pathlib import Path

import msgspec

from warpgen import durable
from warpgen.calling import pasted
from warpgen.errors import RootError, UsageError
from warpgen.interruption import Interrupted, Interruption
from warpgen.paths import manifest_path
from warpgen.production.coordinator import Coordinator
from warpgen.production.display import Display, display
from warpgen.production.engines import Engine, Job
from warpgen.production.engines.registry import engine_of
from warpgen.production.fork_map import fork_map
from warpgen.production.run_options import RunOptions
from warpgen.production.state.chronicle import Chronicle
from warpgen.production.state.journal import Checkpoint
from warpgen.production.state.layout import Layout
from warpgen.production.state.merge import failures
from warpgen.production.state.recovery import Found, clear
from warpgen.reporting.manifest import Circumstances, write_manifest
from warpgen.reporting.report import write_report
from warpgen.reporting.survey import Survey, survey

_PLOTTED = 500  # rows from which the report has plots: of fewer they say little, and cost more than the rows


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """All that one session needs.

    `lock` is the descriptor of the root's lock, `engine` one that the options cannot name.
    """

    layout: Layout
    found: Found
    options: RunOptions
    chronicle: Chronicle
    job: Job
    lock: int
    engine: Engine | None = None

    def carry_out(self) -> int:
        """Go on from what was found to the finished datasets; returns the exit code of the command.

        Raises RootError when the machine does not let it; the state file then says what blocks it.
        """
        for note in self.found.notes:
            print(f"warpgen: {note}", file=sys.stderr)
        interruption = Interruption()
        try:
            with interruption.caught(), display(sys.stderr) as shown:
                checkpoint = self._produce(interruption, shown)
                self._tidy()  # the state says that all is done: no signal is heard any more
        except Interrupted as stop:
            how = pasted(self._how_to_resume())
            print(f"warpgen: stopped by {stop}; nothing is lost, {how}", file=sys.stderr)
            return stop.code
        for target in self.found.begun.recipe.targets:
            path = self.layout.final(target).relative_to(self.layout.root)
            print(f"{path}: {checkpoint.targets[target].rows} rows, {checkpoint.files[target].length} bytes")
        return 0

    def _produce(self, interruption: Interruption, shown: Display) -> Checkpoint:
        """All rows and the end of the run; however it stops, the state file tells."""
        checkpoint = self.found.checkpoint
        coordinator = None
        try:
            self.chronicle.checkpoint(checkpoint)
            if not self.found.is_complete:
                coordinator = Coordinator(
                    self.layout, self.options, self.found, self.chronicle, shown, interruption
                )
                checkpoint = coordinator.run(self.engine or engine_of(self.options, self.lock), self.job)
            with interruption.welcome():  # each step may be left half-way: it is done again on resume
                self._finish(checkpoint)
        except Interrupted as stop:
            self.chronicle.stopped(coordinator.last if coordinator else checkpoint, str(stop))
            raise
        except BrokenPipeError:  # whoever read what the run says is gone; the root is not to blame
            self.chronicle.stopped(coordinator.last if coordinator else checkpoint, "SIGPIPE")
            raise
        except (RootError, OSError) as error:
            why = str(error) if isinstance(error, RootError) else f"{error.strerror or error}"
            with contextlib.suppress(OSError):  # on a full disk the last state file stays, and is still true
                self.chronicle.blocked(coordinator.last if coordinator else checkpoint, why)
            if isinstance(error, RootError):
                raise
            raise RootError(
                f"the root cannot be written ({why}): nothing is lost, put that right and "
                f"{self._how_to_resume()}"
            ) from error
        return checkpoint

    def _finish(self, checkpoint: Checkpoint) -> None:
        """Final names, manifests, state. The journal stays, so that a crash is gone on from."""
        layout, recipe = self.layout, self.found.begun.recipe
        for target in recipe.targets:
            if layout.partial(target).exists():
                durable.rename(layout.partial(target), layout.final(target))
        circumstances = self._circumstances(checkpoint)
        for target, figures in zip(recipe.targets, self._surveys(), strict=True):
            dropped = {"duplicate": checkpoint.targets[target].dropped}
            failed = failures(layout, target)
            write_manifest(layout.root, target, recipe, circumstances, dropped, failed, figures)
        report = _report(layout.root)
        for target in recipe.targets:
            layout.publish(layout.final(target))
            layout.publish(manifest_path(layout.root, target))
        for path in sorted((layout.root / "reports").glob("**/*")):
            if path.is_file():
                layout.publish(path)
        self.chronicle.completed(checkpoint, report)

    def _surveys(self) -> list[Survey]:
        """The figures of all datasets, each read by a process of its own."""
        paths = [self.layout.final(target) for target in self.found.begun.recipe.targets]
        if self.options.engine == "ray":  # it leaves threads, and a fork would inherit their locks
            return [survey(path) for path in paths]
        return fork_map(survey, paths, Survey, [self.lock])

    def _tidy(self) -> None:
        """Remove what an unfinished run needs. If it cannot be, the next run in the root tries."""
        try:
            clear(self.layout)
        except OSError as error:
            raise RootError(
                f"the datasets are complete, but data/work cannot be removed ({error.strerror or error}): "
                f"put that right and {self._how_to_resume()}"
            ) from error

    def _circumstances(self, checkpoint: Checkpoint) -> Circumstances:
        spent = checkpoint.spent
        return Circumstances(
            workers=self.options.workers,
            engine=self.options.engine,
            started=self.found.begun.started,
            finished=now(),
            wall_seconds=spent.wall_seconds,
            cpu_seconds=spent.cpu_seconds,
            peak_rss=spent.peak_rss,
            peak_worker_rss=spent.peak_worker_rss,
            peak_disk=spent.peak_disk,
            sessions=spent.sessions,
            retries=spent.retries,
            workers_replaced=spent.workers_replaced,
            moments=spent.moments,
        )

    def _how_to_resume(self) -> str:
        name = self.layout.name
        place = "" if name == str(Path()) else f" --root {shlex.quote(name)}"
        return f"resume with `python -m warpgen.resume{place}`"


def _report(root: Path) -> str:
    """Write the report and say where it is. Without one the datasets are no less complete."""
    try:
        return write_report(root, _PLOTTED).relative_to(root).as_posix()
    except UsageError as error:  # about a dataset of an earlier run beside ours, that was moved or damaged
        return f"not written: {error}"


def now() -> str:
    """The time in UTC, ISO 8601, to the second."""
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
