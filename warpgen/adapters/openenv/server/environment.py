"""One episode: a row, and a few kernels that are judged by it."""

from __future__ import annotations

import functools
import os
import random
import secrets
from typing import Any
from uuid import uuid4

from openenv.core.env_server.interfaces import Environment
from openenv.core.env_server.types import State

from warpgen.judge import Judge
from warpgen.prompt import prompt

try:
    from ..models import KernelAction, KernelObservation
except ImportError:  # where this folder is the root, as openenv runs it
    from models import KernelAction, KernelObservation  # type: ignore[import-not-found, no-redef]

# Variables: the dataset's file or root, processes that judge, kernels that may be submitted for a row.
DATASET, WORKERS, TRIES = "WARPGEN_DATASET", "WARPGEN_WORKERS", "WARPGEN_TRIES"


class KernelEnvironment(Environment):
    """Sessions share one judge; each has a row of its own, which follows from the seed of `reset`."""

    SUPPORTS_CONCURRENT_SESSIONS: bool = True

    def __init__(self) -> None:
        super().__init__()
        self._judge = judge()
        self._ids = list(self._judge.rows)
        self._state = State(episode_id=str(uuid4()), step_count=0)
        self._row_id, self._left = self._ids[0], 0

    def reset(self, seed: int | None = None, episode_id: str | None = None, **_: Any) -> KernelObservation:
        """Begin with another row; the same for the same seed."""
        self._state = State(episode_id=episode_id or str(uuid4()), step_count=0)
        self._row_id = random.Random(seed).choice(self._ids)
        self._left = int(os.environ.get(TRIES, "3"))
        return self._seen(reward=0.0, done=False)

    def step(self, action: KernelAction, timeout_s: float | None = None, **_: Any) -> KernelObservation:
        """Judge a kernel. The episode ends with one that is right, or with the last that may be submitted."""
        self._state.step_count += 1
        self._left -= 1
        seed = secrets.randbits(62)  # whoever sees a verdict and tries again meets other draws
        verdict = self._judge.check(self._row_id, action.text, seed=seed, extract=True)
        done = verdict.right or self._left <= 0
        seen = self._seen(reward=verdict.reward(), done=done)
        seen.stage, seen.feedback = verdict.stage, verdict.why
        return seen

    def _seen(self, reward: float, done: bool) -> KernelObservation:
        row = self._judge.rows.row(self._row_id)
        return KernelObservation(
            row_id=row.id, prompt=prompt(row), tries_left=max(0, self._left), reward=reward, done=done
        )

    @property
    def state(self) -> State:
        """The episode's id, and how many kernels were submitted."""
        return self._state


@functools.cache
def judge() -> Judge:
    """The judge of this process. Raises KeyError where the variable WARPGEN_DATASET names no dataset."""
    workers = os.environ.get(WORKERS)
    return Judge(os.environ[DATASET], workers=int(workers) if workers else None)
