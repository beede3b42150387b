"""Inspect (`inspect_ai`): warpbench as a task, `inspect eval warpgen/adapters/inspect_ai.py --model …`."""

from __future__ import annotations

import atexit
import contextlib
import functools

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.scorer import (
    CORRECT,
    INCORRECT,
    Score,
    Scorer,
    Target,
    accuracy,
    grouped,
    scorer,
    stderr,
)
from inspect_ai.solver import TaskState, generate

from warpgen.judge import Judge
from warpgen.warpbench import frozen
from warpgen.warpbench.scoring import answered, judge_of

__all__ = ["judged", "warpbench"]

_SECONDS = 60.0
# What ends with the process.
_OPEN = contextlib.ExitStack()
atexit.register(_OPEN.close)


@task
def warpbench(count: int = 0, workers: int | None = None) -> Task:
    """The tasks of warpbench, or `count` of them; `workers` processes judge (as many as processors)."""
    samples = [
        Sample(id=one.id, input=one.prompt, target=one.reference, metadata={"kind": one.kind})
        for one in frozen.sample(frozen.tasks(), count)
    ]
    return Task(dataset=MemoryDataset(samples), solver=generate(), scorer=judged(workers))


@scorer(metrics=[grouped(accuracy(), "kind"), stderr()])
def judged(workers: int | None = None) -> Scorer:
    """Correct where the judge finds the completion right; its word is the explanation."""

    async def score(state: TaskState, target: Target) -> Score:
        one, answer = _tasks()[str(state.sample_id)], state.output.completion
        text = answered(one, answer)
        if text is None:
            said = "the answer does not hold what was asked for"
            return Score(value=INCORRECT, answer=answer, explanation=said)
        whole = one.part == "whole"
        verdict = await _judge(workers).acheck(one.row.id, text, one.language, extract=whole)
        value = CORRECT if verdict.right else INCORRECT
        said = f"{verdict.stage}: {verdict.why}".removesuffix(": ")
        return Score(value=value, answer=answer, explanation=said, metadata=verdict.to_dict())

    return score


@functools.cache
def _tasks() -> dict[str, frozen.Task]:
    return {one.id: one for one in frozen.tasks()}


@functools.cache
def _judge(workers: int | None) -> Judge:
    """One judge for all samples; it ends with the process."""
    return _OPEN.enter_context(judge_of(_tasks().values(), workers, _SECONDS))
