"""The merge: shards in order of index become datasets. Rows are copied, never parsed.

A program is dropped when its source or its structure was seen before, whichever targets it has rows for
and whatever the checks said, so that the datasets of `cpu`, `cuda` and `both` agree. Each dataset stops on
its own, at the row that reaches its size. From its first row on, no more than a tenth of its rows say that
Warp gets their gradient wrong: one that would be over is dropped, and noted as a failure.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from warpgen.errors import DamageError
from warpgen.production.state.append_only import AppendOnlyFile, Known
from warpgen.production.state.dedup import KEY, KINDS, Index, key_of
from warpgen.production.state.journal import Checkpoint, Mark, Progress, Spent
from warpgen.production.state.layout import Layout
from warpgen.production.state.shard import Made, Refusal, RowReader, Shard
from warpgen.reasons import Reason
from warpgen.recipe import Recipe
from warpgen.record import Target
from warpgen.reporting.manifest import Failure

SEEN, FAILURES = "seen", "failures"  # the names of the two files beside the datasets in a checkpoint


_LONGEST_NOTE = 1 << 20  # bytes; a failure's line takes a few hundred
_ROWS_A_WRONG_ONE = 10
_TOO_MANY = f"{Reason.WRONG_GRADIENT}: a tenth of the rows have one already"

_TYPICAL_ROW = 48 << 10  # bytes; a first guess, until there are rows to judge by


class Note(msgspec.Struct, frozen=True, array_like=True):
    """One line of the failures file."""

    target: Target
    failure: Failure


def has_room_for_wrong(rows: int, wrong: int) -> bool:
    """Whether another row with a wrong gradient may join so many rows, so many of them wrong."""
    return _ROWS_A_WRONG_ONE * (wrong + 1) <= rows + 1


class Dataset:
    """One target's file under construction."""

    def __init__(self, target: Target, file: AppendOnlyFile, progress: Progress, recipe: Recipe) -> None:
        self.target = target
        self.file = file
        self.rows = progress.rows
        self.dropped = Counter(progress.dropped)
        self.done = progress.done
        self.wrong = progress.wrong
        self.alike = 0  # programs in a row that were lost for one reason
        self.last_failure = ""
        self._recipe = recipe

    @property
    def has_room_for_wrong(self) -> bool:
        """Whether the next row may be one with a wrong gradient."""
        return has_room_for_wrong(self.rows, self.wrong)

    def append(self, row: bytes, wrong: bool) -> None:
        """Take a row, and stop if it reaches the size."""
        self.file.write(row)
        self.rows += 1
        self.alike = 0
        self.wrong += wrong
        if self._recipe.rows is not None:
            self.done = self.rows >= self._recipe.rows
        else:
            self.done = self.file.length >= (self._recipe.size or 0)

    def lose(self, failure: Failure) -> None:
        """Take note of a program that gives no row."""
        self.alike = self.alike + 1 if failure.error == self.last_failure else 1
        self.last_failure = failure.error

    @property
    def share(self) -> float:
        """How much of the dataset is made, 0 … 1."""
        if self._recipe.rows is not None:
            return min(1.0, self.rows / self._recipe.rows)
        return min(1.0, self.file.length / (self._recipe.size or 1))

    def missing(self, made: int) -> int:
        """Programs this dataset still needs, judged by what the `made` ones before gave."""
        if self.done:
            return 0
        have, wanted = self.file.length, self._recipe.size or 0
        if self._recipe.rows is not None:
            have, wanted = self.rows, self._recipe.rows
        if not have:
            return wanted if self._recipe.rows is not None else wanted // _TYPICAL_ROW + 1
        return (wanted - have) * made // have + 1

    def progress(self) -> Progress:
        """How far it is, for a checkpoint."""
        return Progress(self.rows, dict(sorted(self.dropped.items())), self.done, self.wrong)


class Merge:
    """The state of the merge. `next` is the first program that is not in it yet."""

    def __init__(
        self, layout: Layout, recipe: Recipe, checkpoint: Checkpoint, known: Mapping[str, Known]
    ) -> None:
        self.next = checkpoint.next
        self.barren = 0  # programs in a row that gave no open dataset a row
        self.last_failure = ""
        self._files = {
            name: AppendOnlyFile(path, checkpoint.files.get(name, Mark()), known[name])
            for name, path in files(layout, recipe).items()
        }
        self.datasets = [
            Dataset(target, self._files[target], checkpoint.targets.get(target, Progress()), recipe)
            for target in recipe.targets
        ]
        self._index = load_index(layout.seen)

    @property
    def done(self) -> bool:
        """Whether every dataset has its rows."""
        return all(dataset.done for dataset in self.datasets)

    @property
    def share(self) -> float:
        """How much of all datasets is made, 0 … 1: that of the one furthest behind."""
        return min(dataset.share for dataset in self.datasets)

    @property
    def missing(self) -> int:
        """Programs that are still needed, judged by what those before gave."""
        return max(dataset.missing(self.next) for dataset in self.datasets)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.length for file in self._files.values())

    def add(self, shard: Shard) -> None:
        """Take the shard that begins at `next`, as far as any dataset still wants it."""
        refused: dict[int, list[Refusal]] = defaultdict(list)
        for refusal in shard.table.refused:
            refused[refusal.index].append(refusal)
        readers = [None if dataset.done else shard.rows(place) for place, dataset in enumerate(self.datasets)]
        for made, key, repeat in self._with_repeats(shard.table.made):
            if self.done:
                break
            self._add_program(made, key, repeat, refused[made.index], readers)
        self.next = shard.table.stop

    def quarantine(self, start: int, stop: int, error: str) -> None:
        """Pass over programs that cannot be made at all."""
        for index in range(start, stop):
            self._note(Failure(index, "unit", error), self._open())
        self.next = stop

    def checkpoint(self, spent: Spent) -> Checkpoint:
        """Bring everything to the disk and say what is there."""
        marks = {name: file.sync() for name, file in self._files.items()}
        progress = {str(dataset.target): dataset.progress() for dataset in self.datasets}
        return Checkpoint(self.next, marks, progress, spent)

    def close(self) -> None:
        """Close the files of the datasets."""
        for file in self._files.values():
            file.close()

    def _open(self) -> list[Dataset]:
        return [dataset for dataset in self.datasets if not dataset.done]

    def _with_repeats(self, made: Iterable[Made]) -> Iterator[tuple[Made, bytes, str]]:
        """Each program with its key, and what kind of repeat it is; empty, where there is no program."""
        keyed = [(program, key_of(program.source, program.structure)) for program in made]
        found = iter(self._index.add(b"".join(key for _, key in keyed)))
        for program, key in keyed:
            yield program, key, KINDS[next(found)] if key else ""

    def _add_program(
        self, made: Made, key: bytes, repeat: str, refused: list[Refusal], readers: list[RowReader | None]
    ) -> None:
        rows = [
            reader.take(size) if reader and size else b""
            for reader, size in zip(readers, made.rows, strict=True)
        ]
        waiting = self._open()
        self.barren += 1
        if repeat:
            for dataset in waiting:
                dataset.dropped[repeat] += 1
            return
        self._files[SEEN].write(key)
        for dataset, row in zip(self.datasets, rows, strict=True):
            if row and not dataset.done:
                if made.wrong and not dataset.has_room_for_wrong:
                    self._note(Failure(made.index, "verification", _TOO_MANY), [dataset])
                    continue
                dataset.append(row, made.wrong)
                self.barren = 0
        for refusal in refused:
            dataset = self.datasets[refusal.target]
            if dataset in waiting:
                self._note(Failure(refusal.index, refusal.reason, refusal.error), [dataset])

    def _note(self, failure: Failure, datasets: list[Dataset]) -> None:
        self.last_failure = failure.error
        for dataset in datasets:
            dataset.lose(failure)
            self._files[FAILURES].write(msgspec.json.encode(Note(dataset.target, failure)) + b"\n")


def files(layout: Layout, recipe: Recipe) -> dict[str, Path]:
    """The append-only files of a run by the names that its checkpoints use."""
    datasets = {str(target): layout.partial(target) for target in recipe.targets}
    return {**datasets, SEEN: layout.seen, FAILURES: layout.failures}


def failures(layout: Layout, target: Target) -> list[Failure]:
    """The failures of one target, in order of index. Raises DamageError."""
    try:
        with layout.failures.open("rb") as file:
            lines = iter(lambda: file.readline(_LONGEST_NOTE), b"")
            notes = [msgspec.json.decode(line, type=Note) for line in lines]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DamageError(f"the failures file data/work/failures.jsonl is damaged: {error}") from error
    return [note.failure for note in notes if note.target == target]


def load_index(path: Path) -> Index:
    """The dedup index from the keys on disk, read in blocks."""
    index = Index()
    with path.open("rb") as file:
        while block := file.read(KEY << 16):
            index.add(block)
    return index
