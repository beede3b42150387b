"""What each view holds, and that it follows from the rows."""

from __future__ import annotations

import os
import re
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest

import warpgen
from tests.support.roots import exported, kernels, root
from warpgen.errors import UsageError
from warpgen.exporting.comments import strip
from warpgen.exporting.views.outputs import outputs
from warpgen.exporting.views.parallel import in_order
from warpgen.exporting.views.registry import view
from warpgen.extraction import warp_api
from warpgen.paths import dataset_path
from warpgen.record import TARGETS, Target
from warpgen.verification.compiling.compiler import Compiler

COMMON = ["id", "kernel_id", "category"]
ENDS = ["difficulty", "licence", "cluster", "split"]


def records(folder: Path, name: str, **options: Any) -> list[dict[str, Any]]:
    exported(folder / name, view=name, **options)
    table = pq.read_table(folder / name)
    assert table.schema.names == view(name, outputs=options.get("outputs", True)).schema.names
    made: list[dict[str, Any]] = table.to_pylist()
    assert len({record["id"] for record in made}) == len(made)
    return made


@pytest.mark.parametrize("name", ["pretrain", "translate", "adjoint", "instruct", "ladder"])
def test_views_share_their_frame(name: str) -> None:
    """Who it is comes first, where it belongs last."""
    names = view(name).schema.names
    assert names[:3] == COMMON
    assert names[-4:] == ENDS


def test_pretrain_is_code_under_its_origin(tmp_path: Path) -> None:
    """A line that says where the text came from, then the text, in three languages."""
    known = kernels()
    made = records(tmp_path, "pretrain")
    assert len(made) == sum(1 + len(kernel.rows) for kernel in known.values())
    for record in made:
        kernel = known[record["kernel_id"]]
        header, _, text = record["text"].partition("\n")
        texts = {"python": kernel.rows[0].python_source}
        texts |= {{"cpu": "cpp", "cuda": "cuda"}[row.target]: row.code for row in kernel.rows}
        assert text == texts[record["language"]]
        assert header.startswith("# " if record["language"] == "python" else "// ")
        for part in (f"index {kernel.index},", kernel.rows[0].provenance.licence, "NVIDIA Warp 1."):
            assert part in header


def test_translate_goes_all_ways(tmp_path: Path) -> None:
    """Both texts of a record are those of one kernel."""
    known = kernels()
    made = records(tmp_path, "translate")
    ways: Counter[str] = Counter()
    for record in made:
        kernel = known[record["kernel_id"]]
        texts = {
            "python": kernel.rows[0].python_source,
            "cpp": kernel.cpu and kernel.cpu.code,
            "cuda": kernel.cuda and kernel.cuda.code,
        }
        assert record["source"] == texts[record["source_language"]]
        assert record["target"] == texts[record["target_language"]]
        ways[f"{record['source_language']}-{record['target_language']}"] += 1
    both = sum(len(kernel.rows) == 2 for kernel in known.values())
    single = dict.fromkeys(("python-cpp", "python-cuda", "cpp-python", "cuda-python"), 40)
    assert ways == {**single, "cpp-cuda": both, "cuda-cpp": both}


def test_adjoint_is_the_two_functions(tmp_path: Path) -> None:
    """Only of kernels that have both; stripped on request."""
    known = kernels()
    for name, comments in (("kept", "keep"), ("stripped", "strip")):
        made = records(tmp_path / name, "adjoint", comments=comments)
        assert len(made) == sum(row.backward != (0, 0) for k in known.values() for row in k.rows)
        for record in made:
            kernel = known[record["kernel_id"]]
            row = kernel.cpu if record["language"] == "cpp" else kernel.cuda
            assert row is not None
            for direction in ("forward", "backward"):
                text = row.code[slice(*getattr(row, direction))]
                assert record[direction] == (strip(text).text if comments == "strip" else text)
                assert f"kernel_{direction}(" in record[direction]


def test_instruct_tells_the_task_and_what_must_come_out(tmp_path: Path) -> None:
    """The outputs are those that the row itself gives when it is run."""
    known = kernels()
    made = records(tmp_path, "instruct")
    assert len(made) >= 39
    rows = {row.kernel_id: row for row in warpgen.open(dataset_path(root(), "cpu"))}
    for number, record in enumerate(made):
        row = known[record["kernel_id"]].rows[0]
        assert record["source"] == row.python_source
        assert f"`{row.name}`" in record["task"]
        assert all(f"- `{arg.name}`: {arg.type}" in record["task"] for arg in row.args)
        assert record["call"].startswith("wp.launch")
        if number % 20 == 0:
            run = rows[row.kernel_id].run()
            for output in record["outputs"]:
                values = np.asarray(run.outputs[output["name"]])
                assert tuple(output["shape"]) == values.shape
                told = np.array(
                    [
                        float(value == "True") if value in ("True", "False") else float(value)
                        for value in output["values"]
                    ]
                )
                np.testing.assert_allclose(values.reshape(-1)[: len(told)].astype(float), told, rtol=1e-2)


def test_instruct_without_outputs_runs_nothing(tmp_path: Path) -> None:
    """The same records without that column, also of kernels that do not run."""
    made = records(tmp_path / "with", "instruct")
    bare = records(tmp_path / "without", "instruct", outputs=False)
    by_id = {record["id"]: record for record in bare}
    assert len(by_id) == sum(kernel.cpu is not None for kernel in kernels().values()) >= len(made)
    for record in made:
        del record["outputs"]
        assert by_id[record["id"]] == record


def test_only_code_that_warp_makes_of_the_source_is_run(tmp_path: Path) -> None:
    """A row may come from anybody: its source is screened, its code is not, and so never runs."""
    warp_api.start(tmp_path / "kernels")
    rows = [kernel.cpu for kernel in kernels().values() if kernel.cpu][:2]
    altered = msgspec.structs.replace(rows[1], code="this would not even compile")
    made = outputs([*rows, altered], tmp_path / "work")
    assert made[0] and made[1]
    assert made[2] == made[1]


@pytest.mark.parametrize("name", ["rows", "pretrain", "translate", "adjoint", "instruct", "ladder"])
def test_stripped_views_hold_no_python_in_generated_code(name: str, tmp_path: Path) -> None:
    """No comment and no statement of the program, in any record; what is a whole text compiles."""
    known = kernels()
    kept, left, whole = 0, 0, {target: set[str]() for target in TARGETS}
    for comments in ("keep", "strip"):
        for record in records(tmp_path / comments, name, comments=comments):
            for target, text in generated(name, record):
                kept += len(text) * (comments == "keep")
                if comments == "strip":
                    left += len(text)
                    whole[target].add(text)
                    assert "//" not in re.sub(r'"(?:\\.|[^"\\\n])*"', "", text)
                    for line in known[record["kernel_id"]].rows[0].python_source.splitlines():
                        assert "wp." not in line or "func_native" in line or line.strip() not in text
    if name == "instruct":  # has nothing but Python
        assert kept == left == 0
        return
    assert 0 < left < 0.8 * kept
    if name != "adjoint":  # its texts are parts
        warp_api.start(tmp_path / "kernels")
        for target in TARGETS:
            assert len(whole[target]) > 30
            texts = dict(enumerate(sorted(whole[target])))
            assert Compiler(tmp_path / target).compile(target, texts).failures == {}


def generated(view: str, record: dict[str, Any]) -> Iterator[tuple[Target, str]]:
    """Every text of a record that Warp's code generator wrote."""
    targets: dict[str, Target] = {"cpp": "cpu", "cuda": "cuda"}
    if view == "rows":
        yield record["target"], record["code"]
    elif view == "pretrain" and record["language"] in targets:
        yield targets[record["language"]], record["text"].partition("\n")[2]
    elif view == "translate":
        for side in ("source", "target"):
            if record[f"{side}_language"] in targets:
                yield targets[record[f"{side}_language"]], record[side]
    elif view == "adjoint":
        for side in ("forward", "backward"):
            yield targets[record["language"]], record[side]
    elif view == "ladder":
        for language, target in targets.items():
            yield target, record[language]


def test_rows_of_a_kernel_stay_together() -> None:
    """Both targets of a kernel are adjacent, whichever of them is missing."""
    known = kernels()
    assert list(known) == sorted(known, key=lambda name: known[name].index)
    found = {row.id for kernel in known.values() for row in kernel.rows}
    stored = {line.id for target in TARGETS for line in warpgen.open(dataset_path(root(), target))}
    assert found == stored


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes find these tests: they take nothing from the current folder, which the checkout may be."""
    monkeypatch.chdir(tmp_path)


def test_work_comes_back_in_order(elsewhere: None) -> None:
    """Whichever process is the faster."""
    things: Iterator[int] = iter(range(100))
    assert list(in_order(_squares, things)) == [(k, k * k) for k in range(100)]


def test_work_whose_process_dies_is_told(elsewhere: None) -> None:
    """By what ended it, with what to do."""
    with pytest.raises(
        UsageError, match="a process of the export was killed by SIGKILL; run the command again"
    ):
        list(in_order(_die, iter(range(3))))


def _die(block: list[int]) -> list[int]:
    os.kill(os.getpid(), signal.SIGKILL)
    return block


def _squares(block: list[int]) -> list[int]:
    import time

    time.sleep(0.05 if block[0] % 64 == 0 else 0.0)
    return [k * k for k in block]
