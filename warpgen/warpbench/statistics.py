"""pass@k of a benchmark, with intervals, by kind of task."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from warpgen.warpbench.frozen import KINDS, Task
from warpgen.warpbench.scoring import Result

_Z = 1.959964  # two-sided, 95 %


class Rate(msgspec.Struct, frozen=True):
    """A share of tasks, and the ends of its interval of 95 %."""

    value: float
    low: float
    high: float


class Line(msgspec.Struct, frozen=True):
    """All tasks of a kind; `passes` by k, for those k of which every task has as many completions."""

    kind: str
    tasks: int
    completions: int
    passes: dict[int, Rate]
    stages: dict[str, int]


def pass_at(k: int, completions: int, right: int) -> float:
    """The chance that one of `k` completions, drawn of those of a task, is right: unbiased.

    Chen et al. 2021, Evaluating large language models trained on code.
    """
    return 1.0 - math.comb(completions - right, k) / math.comb(completions, k)


def wilson(share: float, count: int) -> Rate:
    """Wilson's interval of a share of `count` tasks; rather too wide where tasks are passed in part."""
    if not count:
        return Rate(0.0, 0.0, 1.0)
    square = _Z * _Z / count
    middle = (share + square / 2) / (1 + square)
    half = _Z * math.sqrt(share * (1 - share) / count + square / (4 * count)) / (1 + square)
    return Rate(share, max(0.0, middle - half), min(1.0, middle + half))


def lines(tasks: Sequence[Task], results: Iterable[Result], ks: Sequence[int]) -> list[Line]:
    """A line for each kind that there is, and one for all. A task without completions is not passed."""
    made, right = Counter[str](), Counter[str]()
    stages: dict[str, Counter[str]] = {}
    for result in results:
        made[result.task_id] += 1
        right[result.task_id] += result.right
        stages.setdefault(result.kind, Counter())[result.stage] += 1
    kinds = [kind for kind in KINDS if any(task.kind == kind for task in tasks)]
    found = []
    for name, of in [*((kind, {kind}) for kind in kinds), ("all", set(kinds))]:
        own = [task.id for task in tasks if task.kind in of]
        fewest = min(made[id] for id in own)
        passes = {k: _passes(own, made, right, k) for k in ks if k == 1 or k <= fewest}
        ended = sum((stages.get(kind, Counter()) for kind in sorted(of)), Counter[str]())
        found.append(Line(name, len(own), sum(made[id] for id in own), passes, dict(ended.most_common())))
    return found


def _passes(own: Sequence[str], made: Counter[str], right: Counter[str], k: int) -> Rate:
    shares = [pass_at(k, made[id], right[id]) if made[id] else 0.0 for id in own]
    return wilson(sum(shares) / len(shares), len(shares))
