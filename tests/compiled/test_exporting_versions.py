"""The view `versions`: two roots of one recipe, made under two Warps."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.support.commands import call
from tests.support.roots import exported, kernels, of_another_warp, root
from warpgen.errors import RootError
from warpgen.exporting.comments import strip
from warpgen.exporting.kernels import Kernel
from warpgen.extraction.versions import PINNED

OLDER, NEWER = "1.9.0", PINNED["warp-lang"]  # of which the letters have another order than the numbers


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return of_another_warp(root(), tmp_path_factory.mktemp("other"), OLDER)


def records(out: Path, **options: Any) -> list[dict[str, Any]]:
    exported(out, view="versions", **options)
    made: list[dict[str, Any]] = pq.read_table(out).to_pylist()
    assert len({record["id"] for record in made}) == len(made)
    return made


def patched(older: str, difference: str) -> str:
    """What a unified diff makes of a text."""
    before, after, at = older.split("\n"), [], 0
    for line in difference.split("\n")[2:-1]:
        if line.startswith("@@"):
            start = int(line.split(" ")[1].split(",")[0][1:]) - 1
            after += before[at:start]
            at = start
        elif line[0] == "+":
            after.append(line[1:])
        else:
            assert before[at] == line[1:]
            after += before[at : at + 1] * (line[0] == " ")
            at += 1
    return "\n".join(after + before[at:])


def test_a_record_is_a_program_and_what_each_warp_makes_of_it(other: Path, tmp_path: Path) -> None:
    """Of programs that both have; the difference makes the newer text of the older."""
    known = kernels()
    made = records(tmp_path / "out", beside=other)
    first = next(iter(known))
    wanted = {f"{name}-{language}" for name, k in known.items() for language in languages(k) if name != first}
    assert {record["id"] for record in made} == wanted
    for record in made:
        kernel = known[record["kernel_id"]]
        row = kernel.cpu if record["language"] == "cpp" else kernel.cuda
        assert row is not None
        assert (record["source"], record["newer"]) == (row.python_source, row.code)
        assert record["older"] == row.code.replace("static ", "")
        assert (record["older_warp"], record["newer_warp"]) == (OLDER, NEWER)
        assert (record["difference"] == "") == (record["older"] == record["newer"])
        assert patched(record["older"], record["difference"]) == record["newer"]
    assert 0 < sum(record["difference"] != "" for record in made) <= len(made)


def languages(kernel: Kernel) -> Iterator[str]:
    yield from ({"cpu": "cpp", "cuda": "cuda"}[row.target] for row in kernel.rows)


def test_the_older_warp_is_the_first_whichever_root_is_named(other: Path, tmp_path: Path) -> None:
    """By numbers, not by letters; the texts are the same, only ids are the named root's."""
    texts = ("language", "older_warp", "newer_warp", "source", "older", "newer", "difference")
    one, two = (
        [[record[name] for name in texts] for record in records(tmp_path / name, root=a, beside=b)]
        for name, a, b in (("one", root(), other), ("two", other, root()))
    )
    assert one == two


def test_what_is_asked_of_the_code_is_done_to_both(other: Path, tmp_path: Path) -> None:
    """Comments, parts, and what a benchmark has; the summary names both datasets."""
    stripped = records(tmp_path / "stripped", beside=other, comments="strip", span="forward")
    for record in stripped:
        for text in (record["older"], record["newer"]):
            assert "_forward(" in text and "_backward(" not in text
            assert text == strip(text).text
    known = list(kernels().values())
    benchmark = tmp_path / "benchmark.py"
    benchmark.write_text(known[-1].rows[0].python_source)
    exported(tmp_path / "left", view="versions", beside=other, exclude=(benchmark,))
    left = pq.read_table(tmp_path / "left").to_pylist()
    assert known[-1].rows[0].kernel_id not in {record["kernel_id"] for record in left}
    told = json.loads((tmp_path / "left" / "_export.json").read_bytes())
    assert set(told["sources"]) == {"cpu", "cuda", f"cpu-warp-{OLDER}", f"cuda-warp-{OLDER}"}


def test_datasets_that_do_not_go_together_are_refused(other: Path, tmp_path: Path) -> None:
    """Of one Warp, or of other programs: with what made them."""
    with pytest.raises(RootError, match=rf"both datasets are Warp {re.escape(NEWER)}'s"):
        exported(tmp_path / "out", view="versions", beside=root())
    strangers = of_another_warp(root(), tmp_path / "strangers", OLDER, seed=7)
    with pytest.raises(RootError, match=r"not of the same programs.*--seed 0.*--seed 7"):
        exported(tmp_path / "out", view="versions", beside=strangers)
    assert not (tmp_path / "out").exists()


def test_the_command_asks_for_the_other_root(other: Path, tmp_path: Path) -> None:
    """One without the other is told in a sentence; both together make it."""
    asked = ("export", "--root", root(), "--format", "parquet", "--out", tmp_path / "out")
    for options in (("--view", "versions"), ("--beside", other)):
        code, _, errors = call(*asked, *options)
        assert code == 2 and "--view versions and --beside go together" in errors
    code, output, errors = call(*asked, "--view", "versions", "--beside", other)
    assert (code, errors) == (0, "")
    assert "records" in output
