"""A field of the row is defined in one place: what is written, exported, counted and explained follows."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.support.commands import REPOSITORY, python

_RECORD = Path("warpgen", "record.py")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree, with a field more in the row and one in its features: one file is another."""
    copy = tmp_path_factory.mktemp("copy")
    for name in ("warpgen", "tests", "docs", "pyproject.toml"):
        if (REPOSITORY / name).is_dir():
            shutil.copytree(REPOSITORY / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(REPOSITORY / name, copy / name)
    text = (copy / _RECORD).read_text()
    for line, more in (
        ("    differentiable: bool", "    gotos: int = 7\n"),
        ("    provenance: Provenance\n", '    colour: Literal["red", "green"] = "green"\n'),
    ):
        start = text.index(line)
        end = text.index("\n", start) + 1
        text = text[:end] + more + text[end:]
    (copy / _RECORD).write_text(text)
    return copy


def _run(copy: Path, *command: str | Path) -> tuple[int, str]:
    """Exit code of a Python that knows the copy alone, and all that it says."""
    done = python(*command, cwd=copy, env={"PYTHONPATH": str(copy)})
    return done.returncode, done.stdout + done.stderr


def test_it_is_written_exported_and_counted(copy: Path, tmp_path: Path) -> None:
    """Rows, columns and figures have it, and figures and rows can be made again."""
    root, out = tmp_path / "root", tmp_path / "out"
    options = ("--rows", "3", "--complexity", "small", "--verify", "none", "--root", root)
    code, said = _run(copy, "-m", "warpgen.run", *options)
    assert code == 0, said
    lines = (root / "data" / "production_cpu" / "cpu_code_dataset.jsonl").read_bytes().splitlines()
    assert [(row["colour"], row["features"]["gotos"]) for row in map(json.loads, lines)] == [("green", 7)] * 3
    figures = json.loads((root / "manifests" / "cpu_manifest.json").read_text())["figures"]
    assert figures["features"]["gotos"]["total"] == 21
    code, said = _run(copy, "-m", "warpgen.stats", "--check", "--root", root)
    assert code == 0, said
    code, said = _run(copy, "-m", "warpgen.export", "--root", root, "--format", "parquet", "--out", out)
    assert code == 0, said
    table = pq.read_table(out)
    assert table.column("colour").to_pylist() == ["green"] * 6
    assert [features["gotos"] for features in table.column("features").to_pylist()] == [7] * 6


def test_it_must_be_explained(copy: Path) -> None:
    """Until docs/record.md has a line for it, the test of that page names it."""
    command = (
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/fast/test_reporting_docs.py",
        "-k",
        "every_field",
    )
    code, said = _run(copy, *command)
    assert (code, said.count("FAILED")) == (1, 2), said
    assert "gotos" in said and "colour" in said
    page = copy / "docs" / "record.md"
    text = page.read_text().replace("| `provenance` |", "| `provenance` | | |\n| `colour` |", 1)
    page.write_text(text.replace("| `differentiable` |", "| `differentiable` | |\n| `gotos` |", 1))
    code, said = _run(copy, *command)
    assert code == 0, said
