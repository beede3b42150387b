"""`python -m warpgen.verify` names exactly the rows whose stored verdict does not hold."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow
Row = dict[str, Any]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, start_new_session=True)


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A small CPU dataset at level run."""
    root = tmp_path_factory.mktemp("root")
    options = (
        "--rows",
        "14",
        "--target",
        "cpu",
        "--complexity",
        "small",
        "--verify",
        "run",
        "--workers",
        "1",
    )
    done = run("warpgen.run", "--root", str(root), *options)
    assert done.returncode == 0, done.stderr
    return (root / "data/production_cpu/cpu_code_dataset.jsonl").read_text().splitlines()


def test_a_finished_file_holds(lines: list[str], tmp_path: Path) -> None:
    """Every stored verdict of an untouched file is found again; a sample of it too."""
    dataset = tmp_path / "rows.jsonl"
    dataset.write_text("\n".join(lines) + "\n")
    done = run("warpgen.verify", str(dataset), "--sample", "6", "--workers", "1")
    assert (done.returncode, done.stdout) == (0, "6 rows: 6 holds, 0 invalid, 0 altered, 0 refuted\n")


def put(*path: str) -> Callable[[Row, Any], None]:
    def change(row: Row, value: Any) -> None:
        for name in path[:-1]:
            row = row[name]
        row[path[-1]] = value

    return change


def grow(row: Row, value: Any) -> None:
    """Ask for ten GiB of input."""
    for argument in row["args"]:
        shape = argument["fill"].get("shape")
        if shape:
            argument["fill"]["shape"] = [1 << 32] + [1] * (len(shape) - 1)


ALTERED: list[tuple[Callable[[Row, Any], None], Any, str]] = [
    (put("code"), "int x;", "altered"),
    (put("source_hash"), "0" * 32, "altered"),
    (put("features", "statements"), 1000, "altered"),
    (put("split"), "nowhere", "invalid"),
    (put("category"), "cooking", "altered"),
    (put("launch", "seed"), 12345, "altered"),
    (put("verified", "forward", "digest"), "0" * 16, "refuted"),
    (put("verified", "alive", "inputs"), 99, "refuted"),
    (put("foreign"), 1, "invalid"),
    (put("python_source"), "import os\n", "invalid"),
    (put("python_source"), "X = open('f', 'w')\n", "invalid"),
    (put("python_source"), "import warp as wp\nX = sum(range(10 ** 14))\n", "invalid"),
    (grow, None, "altered"),
]


def test_altered_rows_are_named(lines: list[str], tmp_path: Path) -> None:
    """Damaged, altered and hostile rows each get a verdict; the row that was left alone holds."""
    rows = [json.loads(line) for line in lines]
    for row, (change, value, _) in zip(rows, ALTERED, strict=False):
        change(row, value)
    dataset = tmp_path / "rows.jsonl"
    text = [json.dumps(row) for row in rows]
    dataset.write_text("\n".join(text) + "\n" + text[-1][:100] + "\n")
    done = run("warpgen.verify", str(dataset), "--workers", "1")
    named = {}
    for line in done.stdout.splitlines()[:-1]:
        place, _, verdict = (part.strip() for part in line.split(":")[:3])
        named[int(place.removeprefix("line "))] = verdict
    expected = {i + 1: verdict for i, (_, _, verdict) in enumerate(ALTERED)} | {15: "invalid"}
    assert (1, expected) == (done.returncode, named), done.stdout


def test_no_file_is_a_usage_error(tmp_path: Path) -> None:
    """A path that names nothing is answered with one sentence."""
    done = run("warpgen.verify", str(tmp_path / "none"))
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
