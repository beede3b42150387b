"""The state a session starts from: empty, or as much of an earlier session's as can be proven.

Every checkpoint in the journal names a length and a hash of each append-only file. The last checkpoint whose
files all hold is gone on from; with any byte of them damaged that is an earlier one, at worst the empty
one, and what comes after is made again, the same as before.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

import msgspec

from warpgen import durable
from warpgen.errors import RootError
from warpgen.production.state import journal, shard
from warpgen.production.state.append_only import Known, prove
from warpgen.production.state.journal import Begun, Checkpoint, Mark, Stored, Story
from warpgen.production.state.layout import Layout
from warpgen.production.state.merge import files
from warpgen.production.unit import Unit
from warpgen.recipe import UNIT_SIZE, Recipe
from warpgen.record import TARGETS
from warpgen.store import Remote


class Found(msgspec.Struct, frozen=True):
    """Where to go on: `known` proves the checkpoint's marks; `notes` tell a person what was mended."""

    begun: Begun
    checkpoint: Checkpoint
    known: dict[str, Known]
    stored: tuple[Stored, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """All rows are there; only the end of the run is left to do."""
        return is_complete(self.checkpoint)


def is_complete(checkpoint: Checkpoint) -> bool:
    """Has every dataset reached its size?"""
    return bool(checkpoint.targets) and all(target.done for target in checkpoint.targets.values())


def begin(layout: Layout, recipe: Recipe, started: str) -> Found:
    """Lay down an empty run in place of any unfinished one. Raises OSError."""
    clear(layout)
    lay_out(layout)
    for target in recipe.targets:
        layout.partial(target).unlink(missing_ok=True)
    begun = Begun(recipe, started)
    journal.create(layout.journal_at, begun)
    return Found(begun, Checkpoint(), {name: prove(path, ()) for name, path in files(layout, recipe).items()})


def lay_out(layout: Layout) -> None:
    """Make the folders that a run writes to.

    Raises RootError where one is a link: what no one waits for is removed from them, and a root made by
    somebody else could point anywhere.
    """
    for folder in (layout.work, layout.shards, layout.scratch):
        if folder.is_symlink():
            raise RootError(
                f"{folder.relative_to(layout.root)} in the root is a link: put a folder in its place, or "
                "choose another --root"
            )
    for target in TARGETS:
        durable.make_folder(layout.partial(target).parent)
    durable.make_folder(layout.shards)


def clear(layout: Layout) -> None:
    """Remove an unfinished run, the journal first: a crash in between leaves nothing to go on from."""
    if layout.journal_at.exists():
        journal.remove(layout.journal_at)
    if layout.outlives_disk:  # else they are in the work folder
        _sweep(layout.shards_at, ())
    if layout.work.exists():
        shutil.rmtree(layout.work)


def recover(layout: Layout, story: Story) -> Found:
    """The furthest provable state of the run that the journal tells of; its remains beyond are removed.

    Raises OSError.
    """
    recipe = story.begun.recipe
    checkpoint, known = _choose(layout, recipe, story.checkpoints)
    lay_out(layout)
    shutil.rmtree(layout.scratch, ignore_errors=True)  # a worker's leavings, nothing that is needed
    kept = _usable(layout, story.stored, 0 if layout.outlives_disk else checkpoint.next)
    _sweep(layout.shards_at, kept)
    # Written anew, so that it does not grow with every resume and holds no damaged line.
    journal.create(layout.journal_at, story.begun, (checkpoint, *kept))
    stored = tuple(record for record in kept if record.start >= checkpoint.next)
    return Found(story.begun, checkpoint, known, stored, tuple(_notes(story, checkpoint)))


def _choose(
    layout: Layout, recipe: Recipe, checkpoints: tuple[Checkpoint, ...]
) -> tuple[Checkpoint, dict[str, Known]]:
    growing = files(layout, recipe)
    if checkpoints and is_complete(checkpoints[-1]):
        last = checkpoints[-1]
        paths = {name: _partial_or_final(layout, recipe, name, path) for name, path in growing.items()}
        ends = {name: prove(path, [last.files[name]]) for name, path in paths.items()}
        if _holds(last, ends) and all(
            path.stat().st_size == last.files[name].length for name, path in paths.items() if path.exists()
        ):
            return last, ends
    marks: dict[str, list[Mark]] = {
        name: [checkpoint.files[name] for checkpoint in checkpoints if name in checkpoint.files]
        for name in growing
    }
    known = {name: prove(path, marks[name]) for name, path in growing.items()}
    whole = [checkpoint for checkpoint in checkpoints if _holds(checkpoint, known)]
    return (whole[-1] if whole else Checkpoint()), known


def _partial_or_final(layout: Layout, recipe: Recipe, name: str, path: Path) -> Path:
    """A dataset whose run was cut off while it ended may have its final name already."""
    if path.exists():
        return path
    return next((layout.final(target) for target in recipe.targets if target == name), path)


def _holds(checkpoint: Checkpoint, known: dict[str, Known]) -> bool:
    return all(checkpoint.files.get(name, Mark()) in marks for name, marks in known.items())


def _usable(layout: Layout, stored: Iterable[Stored], start: int) -> tuple[Stored, ...]:
    """The shards from `start` on, as far as they are there and do not overlap."""
    usable: list[Stored] = []
    names = {path.name for path in layout.shards_at.iterdir()}
    for record in sorted(
        {record.start: record for record in stored}.values(), key=lambda record: record.start
    ):
        unit = Unit(record.start, record.stop)
        if (
            record.start >= start
            and 0 < unit.size <= UNIT_SIZE
            and shard.path_of(layout.shards_at, unit).name in names
        ):
            usable.append(record)
            start = record.stop
    return tuple(usable)


def _sweep(folder: shard.Folder, stored: Iterable[Stored]) -> None:
    """Remove shards that no one waits for, and the beginnings of shards."""
    wanted = {shard.path_of(folder, Unit(record.start, record.stop)).name for record in stored}
    paths: list[Path | Remote] = [*folder.iterdir()]
    for path in paths:
        if path.name not in wanted:
            path.unlink()


def _notes(story: Story, checkpoint: Checkpoint) -> Iterable[str]:
    if story.damaged:
        yield f"{story.damaged} damaged lines of the journal were passed over"
    furthest = max((known.next for known in story.checkpoints), default=0)
    if checkpoint.next < furthest:
        yield (
            f"files of the run are damaged or missing: going back from program {furthest} "
            f"to {checkpoint.next}, the rest is made again"
        )
