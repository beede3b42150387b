"""verifiers (`verifiers.v1`): a taskset that never ends, whose order follows from a seed.

It finds tasksets by the names of modules that are installed: let one of yours say
`from warpgen.adapters.verifiers import *`, and give its name as `--env.taskset.id`.
"""

from __future__ import annotations

import functools
import itertools
import random
from collections.abc import Iterator
from typing import Literal

import verifiers.v1 as vf

from warpgen.judge import Judge
from warpgen.prompt import prompt

__all__ = ["KernelTaskset"]


class KernelTaskConfig(vf.TaskConfig):
    """How answers are judged."""

    dataset: str = ""
    """The dataset's file, or the root of a run; set for each task by the taskset."""
    workers: int | None = None
    """Processes that judge (as many as processors)."""
    weights: dict[str, float] | None = None
    """What the parts of a verdict are worth: compiles, outputs, gradients, right (1 for right)."""


class KernelConfig(vf.TasksetConfig):
    """Which rows are asked for."""

    dataset: str
    """The dataset's file, or the root of a run."""
    language: Literal["python", "cpp"] = "python"
    split: Literal["train", "validation", "test"] = "train"
    seed: int = 0
    """Decides the order, anew each time that all rows have been had."""
    task: KernelTaskConfig = KernelTaskConfig()


class KernelData(vf.TaskData):
    """What an answer is judged by."""

    row_id: str
    language: Literal["python", "cpp"]
    epoch: int
    """How often all rows have been had before."""


class KernelTask(vf.Task[KernelData, vf.State, KernelTaskConfig]):
    """A row as a task: its reward is that of the verdict."""

    @vf.reward
    async def kernel(self, trace: vf.Trace) -> float:
        """What the last reply is worth. Raises TaskError where the row is no measure."""
        judge = _judge(self.config.dataset, self.config.workers)
        data = self.data
        verdict = await judge.acheck(data.row_id, trace.last_reply, data.language, extract=True)
        trace.info["verdict"] = verdict.to_dict()
        if verdict.stage == "judge":
            raise vf.TaskError(f"the row {data.row_id} is no measure: {verdict.why}")
        return verdict.reward(self.config.weights)


class KernelTaskset(vf.Taskset[KernelTask, KernelConfig]):
    """The rows of a split, over and over, each time in another order."""

    INFINITE = True

    def load(self) -> Iterator[KernelTask]:
        """Tasks without end."""
        config = self.config
        task = config.task.model_copy(update={"dataset": config.dataset})
        rows = _judge(task.dataset, task.workers).rows
        ids = [id for id in rows if rows.row(id).split == config.split]
        if not ids:
            raise ValueError(f"{config.dataset} has no row of the split {config.split}")
        for epoch in itertools.count():
            order = list(ids)
            random.Random(f"{config.seed}-{epoch}").shuffle(order)
            for id in order:
                text = prompt(rows.row(id), config.language)
                data = KernelData(id=id, row_id=id, language=config.language, epoch=epoch, prompt=text)
                yield KernelTask(data, task)


@functools.cache
def _judge(dataset: str, workers: int | None) -> Judge:
    return Judge(dataset, workers=workers)
