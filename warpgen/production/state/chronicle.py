"""The chronicle of a run: DATASET_STATE.md, true at any moment a power cut could come."""

from __future__ import annotations

import shlex

import msgspec

from warpgen.calling import pasted
from warpgen.production.state.journal import Checkpoint
from warpgen.production.state.layout import Layout
from warpgen.recipe import Recipe
from warpgen.record import Target
from warpgen.reporting.manifest import command
from warpgen.reporting.state import NAME, Output, Phase, State, StateFile, Status


class Chronicle:
    """Writes the state file of one session. All methods raise OSError when it cannot be written."""

    def __init__(self, layout: Layout, recipe: Recipe) -> None:
        self._layout = layout
        self._recipe = recipe
        self._file = StateFile(layout.root)
        self._where = f" --root {shlex.quote(layout.address)}" if layout.address else ""

    def beginning(self) -> None:
        """Before anything of an earlier run goes, and before there is anything to resume."""
        self._write(Checkpoint(), "in_progress", "about to begin", (), f"{self._run} --overwrite")

    def checkpoint(self, checkpoint: Checkpoint) -> None:
        """All that the checkpoint names is on disk; say so."""
        self._write(checkpoint, "in_progress", "working on it", ())

    def stopped(self, checkpoint: Checkpoint, why: str) -> None:
        """The run ended early in good order."""
        self._write(checkpoint, "in_progress", f"stopped by {why}", ())

    def blocked(self, checkpoint: Checkpoint, why: str) -> None:
        """The run cannot go on until someone does something about it."""
        self._write(checkpoint, "blocked", "could not go on", (why,))

    def completed(self, checkpoint: Checkpoint, report: str) -> None:
        """The datasets and their manifests are finished. `report` is its relative path."""
        outputs = {
            target: Output(
                self._name(target, final=True),
                checkpoint.files[target].length,
                checkpoint.targets[target].rows,
                f"complete, described by manifests/{target}_manifest.json",
            )
            for target in self._recipe.targets
        }
        session = f"{self._asked()}: completed, {_rows(outputs)}"
        # Datasets are seldom kept with the manifests and this file: where they are not, they are made again.
        action = f"{self._run} && python -m warpgen.stats --check{self._where}"
        self._put(State("P3_REPORT", "completed", action, outputs, report, session))

    def _write(
        self, checkpoint: Checkpoint, status: Status, what: str, blockers: tuple[str, ...], action: str = ""
    ) -> None:
        outputs = {target: self.output(checkpoint, target) for target in self._recipe.targets}
        self._put(
            State(
                phase=self._phase(checkpoint),
                status=status,
                next_action=action or f"python -m warpgen.resume{self._where}",
                outputs=outputs,
                report="not written yet (it comes when the datasets are complete)",
                session=f"{self._asked()}: {what}, {_rows(outputs)} safe on disk",
                blockers=blockers,
            )
        )

    @property
    def _run(self) -> str:
        arguments = command(self._recipe).removeprefix("./scripts/produce ")
        return f"python -m warpgen.run {arguments}{self._where}"

    def _put(self, state: State) -> None:
        action = pasted(state.next_action, self._layout.root)
        self._file.write(msgspec.structs.replace(state, next_action=action))
        self._layout.publish(self._layout.root / NAME)

    def output(self, checkpoint: Checkpoint, target: Target) -> Output:
        """What the state file says of a target's dataset."""
        done = target in checkpoint.targets and checkpoint.targets[target].done
        mark, progress = checkpoint.files.get(target), checkpoint.targets.get(target)
        return Output(
            self._name(target, final=False),
            mark.length if mark else 0,
            progress.rows if progress else 0,
            "all rows there, under this name or already without .partial"
            if done
            else "in work, as of the last checkpoint",
        )

    def _name(self, target: Target, final: bool) -> str:
        path = self._layout.final(target) if final else self._layout.partial(target)
        return path.relative_to(self._layout.root).as_posix()

    def _phase(self, checkpoint: Checkpoint) -> Phase:
        phases: dict[Target, Phase] = {"cpu": "P1_CPU", "cuda": "P2_CUDA"}
        for target in self._recipe.targets:
            if target not in checkpoint.targets or not checkpoint.targets[target].done:
                return phases[target]
        return "P3_REPORT"

    def _asked(self) -> str:
        recipe = self._recipe
        amount = f"{recipe.rows} rows" if recipe.rows is not None else f"{recipe.size} bytes"
        return f"{recipe.target}, {amount}, seed {recipe.seed}, verified to level {recipe.verify}"


def _rows(outputs: dict[Target, Output]) -> str:
    return ", ".join(f"{output.rows} {target} rows" for target, output in outputs.items())
