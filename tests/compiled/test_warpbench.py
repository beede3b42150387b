"""The real judge on the frozen tasks: references are right, and answers that are wrong or none are not."""

from __future__ import annotations

import asyncio
import importlib.util
from types import SimpleNamespace
from typing import Any

import pytest

from warpgen.warpbench import frozen, scoring
from warpgen.warpbench.scoring import Completion

pytestmark = pytest.mark.usefixtures("own_cache")

TASKS = sorted(frozen.sample(frozen.tasks(), 10), key=lambda task: len(task.row.code))
ONE_EACH = [next(task for task in TASKS if task.kind == kind) for kind in frozen.KINDS]


def test_references_pass_and_others_do_not() -> None:
    """A task of each kind: its reference, the wrong kernel that is to be mended, half an answer, none."""
    given, expected = [], []
    for task in ONE_EACH:
        first, half = task.prompt.split("```python\n"), task.reference[: len(task.reference) // 2]
        wrong = f"```python\n{first[1].split('```')[0]}```" if task.kind == "repair" else f"{half}\n```"
        given += [Completion(task.id, text) for text in (f"So:\n\n{task.reference}\n", wrong, "")]
        expected += [True, False, False]
    with scoring.judge_of(ONE_EACH, 2, 60.0) as judge:
        results = list(scoring.score(ONE_EACH, given, judge, seed=7))
    assert [result.right for result in results] == expected, results


@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(
    importlib.util.find_spec("inspect_ai") is None,
    reason="inspect_ai is not installed: it is no part of the group dev",
)
def test_inspect_scores_as_the_judge_says() -> None:
    """By its own task, sample and score."""
    from warpgen.adapters import inspect_ai as adapter

    made = adapter.warpbench(count=5, workers=1)
    assert [sample.metadata["kind"] for sample in made.dataset] == list(frozen.KINDS)
    sample = made.dataset[0]
    score: Any = adapter.judged(1)
    for answer, value in ((sample.target, "C"), ("", "I")):
        output = SimpleNamespace(completion=answer)
        state = SimpleNamespace(sample_id=sample.id, output=output)
        assert asyncio.run(score(state, None)).value == value
    adapter._OPEN.close()
