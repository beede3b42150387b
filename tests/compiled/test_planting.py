"""What the real judge says of planted faults, and the views that are made of its words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import warpgen
from tests.support.commands import call
from tests.support.faults import faults_of_root
from tests.support.roots import exported, root
from warpgen import tasks
from warpgen.exporting.kernels import Datasets
from warpgen.planting import write
from warpgen.planting.differentiate import gradients
from warpgen.planting.edits import edited
from warpgen.planting.planted import Planted, path_of, read
from warpgen.record import Row, encode
from warpgen.warpbench import frozen


@pytest.fixture(scope="module")
def row() -> Row:
    """The shortest of warpbench's with a helper function whose gradient can be written."""
    found = (task.row for task in frozen.tasks() if task.row.target == "cpu")
    able = (r for r in found if r.verified.gradient.verdict == "pass" and any(gradients(r.python_source)))
    return min(able, key=lambda row: len(row.code))


@pytest.fixture(scope="module")
def judge(row: Row, tmp_path_factory: pytest.TempPathFactory) -> Iterator[warpgen.Judge]:
    file = tmp_path_factory.mktemp("row") / "row.jsonl"
    file.write_bytes(encode(row))
    cache = tmp_path_factory.mktemp("cache")
    with warpgen.Judge(file, workers=2, cache=cache, timeout=60.0) as judge:
        yield judge


@pytest.fixture(scope="module")
def planted(row: Row, judge: warpgen.Judge, tmp_path_factory: pytest.TempPathFactory) -> tuple[Row, Planted]:
    """What is planted in it."""
    folder = tmp_path_factory.mktemp("planted")
    write.write(folder, [(row, row)], judge)
    (made,) = read(path_of(folder))
    return row, made


def test_each_fault_is_one_and_the_judge_says_so_again(
    judge: warpgen.Judge, planted: tuple[Row, Planted]
) -> None:
    """By answers as a model would give them: wrong ones are wrong on other draws, the right ones right."""
    row, made = planted
    assert made.repairs and made.mends and made.gradients
    (repair, mend, slope) = made.repairs[0], made.mends[0], made.gradients[0]
    assert slope.wrong is not None
    own = row.code[slice(*row.backward)]
    answers = {
        "module": ("whole", "python", edited(row.python_source, repair.turns[0].edits), row.python_source),
        "adjoint": ("adjoint", "cpp", edited(own, mend.turn.edits), own),
        "func_grad": ("func_grad", "python", edited(slope.text, slope.wrong.edits), slope.text),
    }
    for part, language, *texts in answers.values():
        for text, right in zip(texts, (False, True), strict=True):
            answer = tasks.candidate(row, part, tasks.block(language, text))  # type: ignore[arg-type]
            assert answer is not None
            verdict = judge.check(row.id, answer, language, extract=part == "whole")  # type: ignore[arg-type]
            assert verdict.right is right, (part, verdict)
            assert right or part == "whole" or verdict.stage == "gradients", verdict


def records(folder: Path, name: str, **options: Any) -> list[dict[str, Any]]:
    exported(folder / name, view=name, **options)
    made: list[dict[str, Any]] = pq.read_table(folder / name / "data").to_pylist()
    assert len({record["id"] for record in made}) == len(made)
    return made


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of faults of the root that tests export, each found wrong without a look."""
    return faults_of_root(tmp_path_factory.mktemp("faults"))


def test_a_repair_ends_with_the_rows_own_kernel(tmp_path: Path, faults: Path) -> None:
    """A wrong text and the judge's words in each turn; only the last answer is to be learnt."""
    known = {kernel.rows[0].kernel_id: kernel.rows[0] for kernel in Datasets(root()).kernels()}
    made = records(tmp_path, "repair", planted=faults)
    assert {record["turns"] for record in made} == {1, 2}
    for record in made:
        row, messages = known[record["kernel_id"]], record["messages"]
        assert [m["role"] for m in messages] == ["user", "assistant"] * record["turns"]
        assert [m["train"] for m in messages] == [False] * (len(messages) - 1) + [True]
        right = tasks.block("python", row.python_source)
        assert messages[-1]["content"] == right
        assert row.summary in messages[0]["content"]
        assert all(right not in message["content"] for message in messages[:-1])
        assert all(" characters\n" in message["content"] for message in messages[::2])


def test_a_preference_is_a_right_and_a_wrong_answer(tmp_path: Path, faults: Path) -> None:
    """To the same prompt, with the reason."""
    for record in records(tmp_path, "preference", planted=faults):
        (asked,), (chosen,), (rejected,) = record["prompt"], record["chosen"], record["rejected"]
        assert (asked["role"], chosen["role"], rejected["role"]) == ("user", "assistant", "assistant")
        assert chosen["content"] != rejected["content"] and record["reason"].startswith(record["fault"])
        assert record["tokens"] == sum(record[f"{n}_tokens"] for n in ("prompt", "chosen", "rejected"))


def test_what_does_not_go_with_the_datasets_is_said(tmp_path: Path, faults: Path) -> None:
    """Exit code 2 and a sentence, for a file that is not there, of other kernels, or damaged."""
    other = tmp_path / "other.jsonl"
    other.write_text(faults.read_text().replace('"source_hash":"', '"source_hash":"0'))
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"index": 0}\n')
    for options, why in (
        ((), "there is no file of faults"),
        (("--planted", tmp_path / "nowhere"), "there is no file of faults"),
        (("--planted", other), "is not of these datasets"),
        (("--planted", broken), "row 1 of broken.jsonl is damaged"),
    ):
        told = ("--root", root(), "--format", "parquet", "--view", "repair", "--out", tmp_path / "out")
        code, _, errors = call("export", *told, *options)
        assert code == 2 and why in errors and "Traceback" not in errors, errors
    assert not (tmp_path / "out").exists()


def test_the_easiest_come_first(tmp_path: Path) -> None:
    """By a number that follows from what was counted; the records are the same ones."""
    plain, ordered = (records(tmp_path / order, "rows", order=order) for order in ("index", "curriculum"))
    levels = [record["difficulty"] for record in ordered]
    assert levels == sorted(levels) and len(set(levels)) > 10 and 0 < levels[0] < levels[-1] < 1
    assert sorted(plain, key=lambda record: record["difficulty"]) == ordered
    by_length = sorted(plain, key=lambda record: record["features"]["statements"])
    assert by_length[0]["difficulty"] < by_length[-1]["difficulty"]
