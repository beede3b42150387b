"""`import warpgen`: reading rows, running them, and judging other people's kernels by them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import warpgen
from tests.support.commands import SAMPLES
from tests.support.reporting_root import CIRCUMSTANCES
from warpgen.errors import DamageError, UsageError
from warpgen.recipe import Recipe
from warpgen.record import Target
from warpgen.reporting.manifest import write_manifest

CPU = SAMPLES["cpu"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with ten kernels, whose CUDA rows are the CPU rows under another name."""
    lines = CPU.read_text().splitlines(keepends=True)[:10]
    other = [
        line.replace('-cpu"', '-cuda"', 1).replace('"target":"cpu"', '"target":"cuda"') for line in lines
    ]
    for target, text in (("cpu", lines), ("cuda", other)):
        folder = tmp_path / "data" / f"production_{target}"
        folder.mkdir(parents=True)
        (folder / f"{target}_code_dataset.jsonl").write_text("".join(text))
        _describe(tmp_path, "cpu" if target == "cpu" else "cuda")
    return tmp_path


def _describe(root: Path, target: Target) -> None:
    write_manifest(root, target, Recipe(size=None, rows=10), CIRCUMSTANCES, {}, [])


def test_a_root_gives_the_rows_of_both_targets(root: Path) -> None:
    """All rows of all finished datasets, again at every iteration."""
    rows = warpgen.open(root)
    assert [row.target for row in rows] == ["cpu"] * 10 + ["cuda"] * 10
    assert len(list(rows)) == 20
    assert rows[f"{rows.first().kernel_id}-cuda"].target == "cuda"


def test_filters_agree_with_the_rows(root: Path) -> None:
    """Each filter keeps exactly the rows that a plain look at the JSON keeps; filters add up."""
    plain = [json.loads(line) for line in CPU.read_text().splitlines()]
    rows = warpgen.open(CPU)
    category = plain[0]["category"]
    assert [r.id for r in rows.filter(category=category)] == [
        r["id"] for r in plain if r["category"] == category
    ]
    builtin = plain[0]["features"]["builtins"][0]
    kept = [r["id"] for r in plain if builtin in r["features"]["builtins"]]
    assert [r.id for r in rows.filter(feature=builtin)] == kept
    loops = [r["id"] for r in plain if r["features"]["loops"]]
    assert 0 < len(loops) < len(plain)
    assert [r.id for r in rows.filter(feature="loops")] == loops
    both = rows.filter(feature="loops").filter(lambda row: row.features.branches > 0)
    assert [r.id for r in both] == [
        r["id"] for r in plain if r["features"]["loops"] and r["features"]["branches"]
    ]
    passed = [r["id"] for r in plain if r["verified"]["gradient"]["verdict"] == "pass"]
    assert [r.id for r in rows.filter(verdict={"gradient": "pass"})] == passed


def test_pairs_join_the_two_targets_of_a_kernel(root: Path) -> None:
    """Every kernel with both rows comes once, whatever the order of the CUDA rows."""
    path = root / "data" / "production_cuda" / "cuda_code_dataset.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(reversed(lines[1:])))
    _describe(root, "cuda")
    pairs = list(warpgen.open(root).pairs())
    assert len(pairs) == 9
    for cpu, cuda in pairs:
        assert (cpu.target, cuda.target) == ("cpu", "cuda")
        assert (cpu.kernel_id, cpu.python_source) == (cuda.kernel_id, cuda.python_source)


def test_what_cannot_be_read_is_named(root: Path, tmp_path: Path) -> None:
    """A missing path, an empty root, a damaged line and an unknown name each say what is wrong."""
    with pytest.raises(UsageError, match="no file or folder"):
        warpgen.open(tmp_path / "nothing")
    with pytest.raises(UsageError, match=r"python -m warpgen\.harvest"):
        warpgen.open(root, origin="harvest")
    path = root / "data" / "production_cpu" / "cpu_code_dataset.jsonl"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DamageError, match=r"cpu_code_dataset\.jsonl has \d+ bytes"):
        warpgen.open(root)
    with pytest.raises(DamageError, match=r"line 10 of cpu_code_dataset\.jsonl"):
        list(warpgen.open(path))
    with pytest.raises(KeyError):
        warpgen.open(CPU)["s0-0-nothing"]
    with pytest.raises(UsageError, match=r"no check 'gradiant': the checks are compile, bounds"):
        warpgen.open(CPU).filter(verdict={"gradiant": "pass"})
    with pytest.raises(AttributeError):
        warpgen.nothing  # noqa: B018
