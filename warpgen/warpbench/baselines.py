"""Answers that need no model: what a score is to be measured by."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import warpgen
from warpgen import tasks as words
from warpgen.errors import UsageError
from warpgen.prompt import order
from warpgen.record import Row
from warpgen.warpbench.frozen import Task
from warpgen.warpbench.scoring import Completion

Baseline = Literal["empty", "nearest", "lowering", "reference"]

_WORD = re.compile(r"[A-Za-z]+|\d+")


def answers(name: Baseline, tasks: Sequence[Task], train: Path | None) -> list[Completion]:
    """One answer to each task; `train` is the dataset that `nearest` copies from."""
    if name == "nearest":
        if train is None:
            raise UsageError("the baseline nearest copies rows of a dataset: name one with --train")
        return list(_nearest(tasks, train))
    if name == "lowering":
        return list(_lowered(tasks))
    return [Completion(task.id, task.reference if name == "reference" else "") for task in tasks]


def _lowered(tasks: Sequence[Task]) -> Iterator[Completion]:
    """What Warp's own code generator makes of the Python, where code is asked for; nothing elsewhere."""
    from warpgen import scratch
    from warpgen.extraction import warp_api
    from warpgen.extraction.codegen import lower
    from warpgen.program import Program

    with scratch.folder("warpbench-") as folder:
        warp_api.start(folder / "kernels")
        for task in tasks:
            answer = ""
            if task.kind in ("lowering", "adjoint"):
                row = task.row
                program = Program(0, 0, row.category, row.name, row.python_source, row.args, row.launch)
                made = lower(program, (row.target,))[row.target]
                text = made.text if task.kind == "lowering" else made.text[slice(*made.backward)]
                answer = words.block(task.language, text)
            yield Completion(task.id, answer)


def _nearest(tasks: Sequence[Task], train: Path) -> Iterator[Completion]:
    """What the nearest row has where the task asks for something."""
    known = Neighbours(warpgen.open(train))
    for task in tasks:
        yield Completion(task.id, words.block(task.language, _copied(task, known.nearest(task.row))))


class Neighbours:
    """Rows of other datasets, found by what they are about."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._known: dict[str, list[tuple[frozenset[str], Row]]] = {}
        for row in rows:
            self._known.setdefault(row.target, []).append((_words(row), row))

    def nearest(self, row: Row) -> Row:
        """Whose task in words has most words in common with the row's; of its target, if there is any.

        Raises UsageError where there are no rows.
        """
        of = self._known.get(row.target) or next(iter(self._known.values()), None)
        if of is None:
            raise UsageError("there is no row to copy from: name a dataset with rows")
        wanted = _words(row)
        return max(of, key=lambda one: len(wanted & one[0]) / len(wanted | one[0]))[1]


def _words(row: Row) -> frozenset[str]:
    return frozenset(_WORD.findall(order(row)))


def _copied(task: Task, row: Row) -> str:
    if task.part == "adjoint":
        return row.code[slice(*row.backward)]
    return row.python_source if task.language == "python" else row.code
