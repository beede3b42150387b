"""Completions judged: each by the row of its task, in as many processes as there are processors."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from warpgen import record, scratch
from warpgen.errors import UsageError
from warpgen.judge import Candidate, Judge
from warpgen.tasks import candidate
from warpgen.verdict import Stage
from warpgen.warpbench.frozen import Kind, Task


class Completion(msgspec.Struct, frozen=True):
    """An answer to a task; a task may have any number."""

    task_id: str
    completion: str


class Result(msgspec.Struct, frozen=True):
    """What came of a completion; `seconds` are those that the judge took."""

    task_id: str
    kind: Kind
    right: bool
    stage: Stage
    why: str
    seconds: float = 0.0


def completions(path: Path, tasks: Sequence[Task]) -> list[Completion]:
    """The completions of a file of JSON lines. Raises UsageError for what is none, or of no task."""
    known, found = {task.id for task in tasks}, []
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise UsageError(f"completions cannot be read from {path}: {error.strerror}") from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            made = msgspec.json.decode(line, type=Completion)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise UsageError(
                f'line {number} of {path.name} is no {{"task_id": …, "completion": …}}: {error}'
            ) from None
        if made.task_id not in known:
            raise UsageError(f"line {number} of {path.name}: there is no task {made.task_id!r}")
        found.append(made)
    return found


@contextlib.contextmanager
def judge_of(tasks: Iterable[Task], workers: int | None, timeout: float) -> Iterator[Judge]:
    """A judge that knows the tasks' rows."""
    with scratch.folder("warpbench-") as folder:
        path = folder / "rows.jsonl"
        rows = {task.row.id: task.row for task in tasks}
        path.write_bytes(b"".join(map(record.encode, rows.values())))
        with Judge(path, workers=workers, timeout=timeout) as judge:
            yield judge


def score(
    tasks: Sequence[Task], given: Sequence[Completion], judge: Judge, seed: int | None = None
) -> Generator[Result, None, None]:
    """The result of each completion, in their order; `seed` repeats the judge's draws."""
    by_id = {task.id: task for task in tasks}
    answers = [(by_id[made.task_id], answered(by_id[made.task_id], made.completion)) for made in given]
    asked = (_candidate(task, text, seed) for task, text in answers if text is not None)
    verdicts = judge.check_many(asked)
    for task, text in answers:
        if text is None:
            yield Result(task.id, task.kind, False, "extract", "the answer does not hold what was asked for")
            continue
        verdict = next(verdicts)
        if verdict.stage in ("crash", "timeout"):  # a busy machine may have ended it: once more
            verdict = judge.check(*_candidate(task, text, seed))
        spent = round(sum(verdict.seconds.values()), 3)
        yield Result(task.id, task.kind, verdict.right, verdict.stage, verdict.why, spent)


def _candidate(task: Task, text: str, seed: int | None) -> Candidate:
    return Candidate(task.row.id, text, task.language, seed, task.part == "whole")


def answered(task: Task, completion: str) -> str | None:
    """What the judge is to take of a completion; None where it holds nothing of the kind."""
    return candidate(task.row, task.part, completion)
