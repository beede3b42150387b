"""A release is whole: its files, checksums, licences, card and metadata agree, and a fault in any is told."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.support.reporting_root import finished_root
from tools import publish
from tools.publishing import checks

TASK = "    x[5] = 1.0  # a comment\n"  # with what stands before it, more than 13 tokens of row 5


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with datasets, benchmarks and the release `out`."""
    folder = tmp_path_factory.mktemp("publish")
    finished_root(folder, count=8)
    tasks = folder / "benchmarks" / "KernelBench" / "KernelBench" / "level1"
    tasks.mkdir(parents=True)
    (tasks / "1.py").write_text(f"( dtype = float ) ) :\n{TASK}")
    (folder / "benchmarks" / "KernelBench" / "other.py").write_text("a b c d e f g h i j k l m n o p")
    (folder / "benchmarks" / "mine.jsonl").write_text(json.dumps({"task": "a b c d e f g h i j k l m n"}))
    publish.make(folder, folder / "out", folder / "benchmarks")
    return folder


@pytest.fixture
def out(made: Path, tmp_path: Path) -> Path:
    """A copy of the release, to damage."""
    return Path(shutil.copytree(made / "out", tmp_path / "out"))


def test_a_release_is_whole(out: Path, made: Path) -> None:
    """All files are there, nothing is wrong, and a second time gives the same bytes."""
    names = {path.relative_to(out).as_posix() for path in checks.files(out)}
    beside = {"README.md", "DATA_STATEMENT.md", "CONTAMINATION.md", "LICENSE", "croissant.json"}
    assert beside | {"manifests/cpu_manifest.json", "manifests/cuda_manifest.json"} <= names
    assert checks.problems(out) == []
    publish.make(made, out.with_name("again"), made / "benchmarks")
    assert all((out.with_name("again") / name).read_bytes() == (out / name).read_bytes() for name in names)


def test_contamination_is_told_per_benchmark(out: Path) -> None:
    """Tasks of a known benchmark are compared, what shares code is left out, what was not given is told."""
    text = (out / "CONTAMINATION.md").read_text()
    assert "KernelBench) | 1 | 2 |" in text
    assert "| mine | 1 | 0 |" in text
    assert "compute-eval) | not compared" in text
    assert "Rows that are left: 14." in text


def test_the_dry_run_uploads_nothing_and_lists_all(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What would be uploaded is every file of the folder; without a dataset's name it goes no further."""
    assert publish.main([str(made), str(tmp_path / "new"), "--dry-run"]) == 0
    told = capsys.readouterr().out
    for path in (tmp_path / "new").rglob("*"):
        assert path.is_dir() or f"would upload {path.relative_to(tmp_path / 'new').as_posix()} " in told
    assert "nothing was uploaded" in told
    assert publish.main([str(made), str(tmp_path / "other")]) == 2
    assert "--dry-run" in capsys.readouterr().err
    assert publish.main([str(made), str(tmp_path / "new"), "--dry-run"]) == 2


@pytest.mark.parametrize(
    ("name", "before", "after", "told"),
    [
        ("CONTAMINATION.md", "| 1 | 2 |", "| 1 | 0 |", "CONTAMINATION.md is not what SHA256SUMS says"),
        ("README.md", "num_examples: 14", "num_examples: 13", "14 rows in its files, 13 in the card"),
        ("README.md", 'license: "apache-2.0"', 'license: ""', "the card says no license"),
        ("README.md", 'name: "category"', 'name: "kategory"', "has other columns than the card says"),
        ("README.md", 'path: "data/', 'path: "other/', "is in no split of the card"),
        ("README.md", "pretty_name:", "pretty_name: [", "the card's header cannot be read"),
        ("croissant.json", '"dataType"', '"typeOfData"', "croissant.json: "),
        ("croissant.json", '"datePublished"', '"dateOfNothing"', "datePublished"),
    ],
)
def test_a_fault_is_told(out: Path, name: str, before: str, after: str, told: str) -> None:
    """In each part of a release: a sentence names it."""
    text = (out / name).read_text()
    assert before in text
    (out / name).write_text(text.replace(before, after, 1))
    if not told.endswith("SHA256SUMS says"):
        checks.write_sums(out)
    assert [problem for problem in checks.problems(out) if told in problem]


def test_a_benchmark_without_texts_is_refused(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Or a wrong folder would pass for a clean release."""
    (tmp_path / "benchmarks" / "empty").mkdir(parents=True)
    for folder in (tmp_path / "benchmarks", tmp_path / "none"):
        arguments = [str(made), str(tmp_path / "new"), "--dry-run", "--benchmarks", str(folder)]
        assert publish.main(arguments) == 2
        assert "benchmark" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
