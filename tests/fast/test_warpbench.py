"""The benchmark: what is frozen, how it is made again, how completions are read and counted."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
import zstandard

from tests.fast.test_planting import _Judge, rows
from tests.support.commands import SAMPLES, call
from tools import make_warpbench
from warpgen.errors import DamageError, UsageError
from warpgen.exporting.kernels import Kernel
from warpgen.judge import Candidate
from warpgen.record import encode
from warpgen.verdict import Verdict
from warpgen.warpbench import baselines, frozen, report, scoring, statistics
from warpgen.warpbench.scoring import Completion, Result


def test_what_is_frozen_is_what_was_pinned(tmp_path: Path) -> None:
    """300 tasks, a kernel each; another byte is refused."""
    tasks = frozen.tasks()
    assert Counter(task.kind for task in tasks) == dict.fromkeys(frozen.KINDS, 60)
    assert len({task.id for task in tasks}) == len({task.row.kernel_id for task in tasks}) == 300
    assert {task.row.provenance.seed for task in tasks} == {frozen.SEED}
    for task in tasks:
        assert task.row.summary in task.prompt and task.reference.startswith(f"```{task.language}\n")
        assert task.reference not in task.prompt
        if task.kind == "back":  # comments echo the Python
            assert "// adj: " not in task.prompt and "<L " not in task.prompt
    data = zstandard.decompress(frozen.FILE.read_bytes(), max_output_size=1 << 28)
    other = tmp_path / "tasks.jsonl.zst"
    other.write_bytes(zstandard.compress(data.replace(b"Write a kernel", b"Make a kernel", 1)))
    with pytest.raises(DamageError, match="other tasks than were frozen"):
        frozen.tasks(other)
    assert len(frozen.tasks(other, "")) == 300
    other.write_bytes(b"no zstd")
    with pytest.raises(DamageError, match="is damaged"):
        frozen.tasks(other)


def test_a_sample_has_as_many_of_each_kind() -> None:
    """From the first on; 0 is all."""
    tasks = frozen.tasks()
    assert frozen.sample(tasks, 0) == tasks
    counts = Counter(task.kind for task in frozen.sample(tasks, 12))
    assert sorted(counts.values()) == [2, 2, 2, 3, 3]


class _Datasets:
    """Some rows, as datasets of warpbench's seed."""

    def __init__(self, root: Path) -> None:
        self.manifests = {"cpu": SimpleNamespace(recipe=SimpleNamespace(seed=frozen.SEED))}

    def kernels(self) -> Iterator[Kernel]:
        for row in rows():
            # Another row stands for that in CUDA, which is not there.
            other = msgspec.structs.replace(row, target="cuda", id=f"{row.kernel_id}-cuda")
            yield Kernel(row.provenance.index, row, other)


def test_tasks_made_again_are_the_same_bytes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And hold nothing that other datasets have; of another seed nothing is made."""
    monkeypatch.setattr(make_warpbench, "Datasets", _Datasets)
    judge: Any = _Judge(rows())
    first, again = (make_warpbench.chosen(tmp_path, [], 1, judge) for _ in range(2))
    assert frozen.encode(first) == frozen.encode(again)
    assert [task.kind for task in first] == list(frozen.KINDS)
    own, other = tmp_path / "own.jsonl", tmp_path / "one.jsonl"
    own.write_bytes(b"".join(map(encode, rows())))
    with pytest.raises(UsageError, match="has too few kernels"):
        make_warpbench.chosen(tmp_path, [own], 1, judge)
    taken = first[0].row
    renamed = taken.python_source.replace("\n    ", "\n    # another comment\n    ", 1)
    zeros = "0" * 32
    other.write_bytes(
        encode(msgspec.structs.replace(taken, python_source=renamed, source_hash=zeros, structure_hash=zeros))
    )
    without = make_warpbench.chosen(tmp_path, [other], 1, judge)
    assert taken.kernel_id not in {task.row.kernel_id for task in without}
    monkeypatch.setattr(frozen, "SEED", 1)
    made = _Datasets(tmp_path)
    made.manifests["cpu"].recipe.seed = 2
    monkeypatch.setattr(make_warpbench, "Datasets", lambda root: made)
    with pytest.raises(UsageError, match="is not of warpbench's seed"):
        make_warpbench.chosen(tmp_path, [], 1, judge)


def test_pass_at_k_is_the_mean_over_all_draws() -> None:
    """Of k completions of n, each set as likely as the other."""
    for n, right in itertools.product(range(1, 7), range(7)):
        if right > n:
            continue
        marks = [True] * right + [False] * (n - right)
        for k in range(1, n + 1):
            drawn = [any(some) for some in itertools.combinations(marks, k)]
            assert statistics.pass_at(k, n, right) == pytest.approx(float(Fraction(sum(drawn), len(drawn))))


def test_an_interval_is_wilsons() -> None:
    """Against figures from elsewhere (Brown, Cai and DasGupta 2001: 0 of 10, and 5 of 10)."""
    for share, low, high in ((0.0, 0.0, 0.2775), (0.5, 0.2366, 0.7634), (1.0, 0.7225, 1.0)):
        rate = statistics.wilson(share, 10)
        assert (rate.low, rate.high) == pytest.approx((low, high), abs=1e-4)


def test_counts_are_by_kind_of_task() -> None:
    """A task without completions counts, and k above the fewest completions is not told."""
    tasks = frozen.sample(frozen.tasks(), 10)
    one, two = tasks[0], tasks[1]
    results = [
        Result(one.id, one.kind, right, "right" if right else "outputs", "") for right in (True, False)
    ]
    results += [Result(two.id, two.kind, False, "compile", "a | b") for _ in range(2)]
    found = {line.kind: line for line in statistics.lines(tasks, results, (1, 2, 3))}
    own = found[one.kind]
    assert (own.tasks, own.completions, sorted(own.passes)) == (2, 4, [1, 2])
    assert (own.passes[1].value, own.passes[2].value) == (0.25, 0.5)
    assert own.stages == {"compile": 2, "right": 1, "outputs": 1}
    assert found["all"].passes[1].value == 0.05 and sorted(found["all"].passes) == [1]
    page = report.page("some", list(found.values()), results, "about it")
    assert "| forward | 2 | 4 | 0.250 (" in page and "a \\| b" in page


class _Right:
    """Finds right what is the row's own, or has it in it."""

    workers = 1

    def check_many(self, candidates: Iterable[Any]) -> Iterator[Verdict]:
        for asked in candidates:
            one = Candidate(*asked)
            row = self.rows[one.row_id]
            own = [text.split() for text in (row.python_source, row.code)]
            said = one.text.replace("```" + one.language, "").replace("```", "").split()
            right = said in own
            yield Verdict(right, "right" if right else "outputs", one.language, 0, seconds={"run": 1.0})

    def __init__(self, tasks: list[frozen.Task]) -> None:
        self.rows = {task.row.id: task.row for task in tasks}


def test_baselines_that_need_no_model_have_their_bars() -> None:
    """The reference is right everywhere, nothing is right nowhere, a row that is near is another row."""
    tasks = frozen.sample(frozen.tasks(), 25)
    judge: Any = _Right(tasks)
    rates = {}
    for name in ("reference", "empty", "nearest"):
        given = baselines.answers(name, tasks, SAMPLES["cpu"])
        results = list(scoring.score(tasks, given, judge))
        assert [result.task_id for result in results] == [task.id for task in tasks]
        rates[name] = statistics.lines(tasks, results, (1,))[-1].passes[1].value
    assert rates == {"reference": 1.0, "empty": 0.0, "nearest": 0.0}
    with pytest.raises(UsageError, match="name one with --train"):
        baselines.answers("nearest", tasks, None)


def test_completions_that_are_none_are_said(tmp_path: Path) -> None:
    """By line, with what to do."""
    tasks = frozen.tasks()
    path = tmp_path / "completions.jsonl"
    path.write_text(f'{{"task_id": "{tasks[0].id}", "completion": "x"}}\n\n')
    assert scoring.completions(path, tasks) == [Completion(tasks[0].id, "x")]
    for text, why in (
        ('{"task_id": "nobody", "completion": ""}', "there is no task 'nobody'"),
        ('{"task_id": 1}', "line 1 of completions.jsonl is no"),
        ("no json", "line 1 of completions.jsonl is no"),
    ):
        path.write_text(text)
        code, _, errors = call("evaluate", path)
        assert code == 2 and why in errors and "Traceback" not in errors, errors
    for args in ((), (path, "--baseline", "empty"), ("--baseline", "empty", "--k", "0"), (tmp_path / "no",)):
        code, _, errors = call("evaluate", *args)
        assert code == 2 and "Traceback" not in errors, errors
    prompts = tmp_path / "prompts.jsonl"
    assert call("evaluate", "--write", prompts, "--sample", "5")[0] == 0
    lines = [json.loads(line) for line in prompts.read_text().splitlines()]
    assert [line["kind"] for line in lines] == list(frozen.KINDS)
