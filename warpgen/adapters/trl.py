"""TRL: prompts, a reward function and an environment for its GRPOTrainer.

    with warpgen.Judge("cpu_code_dataset.jsonl") as judge:
        GRPOTrainer(model, reward_funcs=reward(judge), train_dataset=prompts(judge), ...).train()

Or, for a model that calls tools and mends what it wrote, `environment_factory=environment(judge)`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from datasets import Dataset

from warpgen.judge import Candidate, Judge
from warpgen.prompt import prompt
from warpgen.verdict import Language, Verdict

Reward = Callable[..., list["float | None"]]


def prompts(judge: Judge, language: Language = "python", split: str | None = "train") -> Dataset:
    """A dataset of conversations: `prompt`, and `row_id`, which the reward function asks for."""
    rows = (judge.rows.row(id) for id in judge.rows)
    return Dataset.from_list(
        [
            {"prompt": [{"role": "user", "content": prompt(row, language)}], "row_id": row.id}
            for row in rows
            if split in (None, row.split)
        ]
    )


def reward(judge: Judge, language: Language = "python", weights: Mapping[str, float] | None = None) -> Reward:
    """A reward function for `reward_funcs`: `verdict.reward(weights)` of each completion.

    None, which TRL leaves out, where the row is no measure. The dataset must have the column `row_id`.
    """

    def warp_kernel(completions: list[Any], row_id: list[str], **_: Any) -> list[float | None]:
        asked = [
            Candidate(id, _text(completion), language, extract=True)
            for completion, id in zip(completions, row_id, strict=True)
        ]
        return [_worth(verdict, weights) for verdict in judge.check_many(asked)]

    return warp_kernel


def environment(
    judge: Judge, language: Language = "python", weights: Mapping[str, float] | None = None
) -> Callable[[], KernelEnvironment]:
    """What `environment_factory` takes: environments whose tool judges a kernel and says what is wrong."""
    return lambda: KernelEnvironment(judge, language, weights)


class KernelEnvironment:
    """One row, and what became of the last kernel that was submitted for it."""

    def __init__(self, judge: Judge, language: Language, weights: Mapping[str, float] | None) -> None:
        self._judge, self._language, self._weights = judge, language, weights
        self._row_id = ""
        self._reward: float | None = 0.0

    def reset(self, row_id: str, **_: Any) -> None:
        """Begin with a row of the dataset."""
        self._row_id, self._reward = row_id, 0.0

    def submit(self, kernel: str) -> str:
        """Compile and run a kernel, and compare its outputs and gradients with those that are wanted.

        Args:
            kernel: The whole text of the module, with its imports.

        Returns:
            What is wrong with it, or that it is right.
        """
        # It sees the verdict and tries again: the draws must be others.
        seed = secrets.randbits(62)
        verdict = self._judge.check(self._row_id, kernel, self._language, seed, extract=True)
        self._reward = _worth(verdict, self._weights)
        return f"{verdict.stage}: {verdict.why}" if verdict.why else verdict.stage

    def get_reward(self) -> float | None:
        """What the last kernel is worth."""
        return self._reward


def _worth(verdict: Verdict, weights: Mapping[str, float] | None) -> float | None:
    return None if verdict.stage == "judge" else verdict.reward(weights)


def _text(completion: str | list[dict[str, str]]) -> str:
    """A completion is a text, or a conversation whose last message is the model's."""
    return completion if isinstance(completion, str) else completion[-1]["content"] or ""
