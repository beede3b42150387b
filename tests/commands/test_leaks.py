"""tools/leaks.py finds the near-duplicates that cross a split, by other means than the export's own."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.commands import python
from tests.support.reporting_root import planted_root
from tests.support.roots import exported
from warpgen.exporting.export import Request, export


def leaks(folder: Path) -> tuple[int, str]:
    """Exit code and output of the check."""
    done = python("-m", "tools.leaks", folder)
    return done.returncode, done.stdout + done.stderr


def write(folder: Path, **splits: list[tuple[str, str, str]]) -> Path:
    """An export of programs: kernel, source, structure."""
    (folder / "data").mkdir(parents=True)
    for split, programs in splits.items():
        names = ("kernel_id", "python_source", "structure_hash")
        columns = dict(zip(names, map(list, zip(*programs, strict=True)), strict=True))
        pq.write_table(pa.table(columns), folder / "data" / f"{split}-00000-of-00001.parquet")
    return folder


def words(first: int, count: int) -> str:
    """So many words, none of which is in another range: count - 4 grams."""
    return " ".join(f"w{number}" for number in range(first, first + count))


@pytest.mark.parametrize(
    ("more", "code", "told"),
    [
        (6, 1, "14 of 20 grams, 0.700"),  # 14 / (14 + 6): just near
        (7, 0, "14 of 21 grams, 0.667"),
    ],
)
def test_the_limit_is_seven_tenths(tmp_path: Path, more: int, code: int, told: str) -> None:
    """Of 14 grams, all are in a program that has so many more."""
    made = write(
        tmp_path / "export",
        train=[("a", words(0, 18), "1"), ("b", words(100, 30), "2")],
        test=[("c", words(0, 18 + more), "3")],
    )
    found, output = leaks(made)
    assert found == code, output
    assert f"nearest across splits: c and a: {told}" in output


def test_names_count_and_numbers_and_comments_do_not(tmp_path: Path) -> None:
    """The same program with other numbers crosses, with other names it does not."""
    source = "def f(a, b):\n    return a[{0}] * b + {1}  # {2}\n"
    for numbers, names, code in (("21", "ab", 1), ("12", "xy", 0)):
        other = (
            source.format(*numbers, "many other words that say nothing of this")
            .replace("a", names[0])
            .replace("b", names[1])
        )
        made = write(
            tmp_path / names,
            train=[("one", source.format(1, 2, "a remark on what it does and why it does"), "1")],
            validation=[("two", other, "2")],
        )
        assert leaks(made)[0] == code


def test_a_structure_and_a_kernel_have_one_split(tmp_path: Path) -> None:
    """Both are leaks, however different the words are."""
    apart = [("a", words(0, 20), "1")], [("b", words(50, 20), "1")]
    code, output = leaks(write(tmp_path / "structure", train=apart[0], test=apart[1]))
    assert code == 1
    assert "1: b (test), a (train)" in output
    same = [("a", words(0, 20), "")]
    assert leaks(write(tmp_path / "kernel", train=same, test=same))[0] == 1


def test_one_split_shows_nothing(tmp_path: Path) -> None:
    """Where there is nothing to compare the check does not say that all is well."""
    for name, splits in (("none", {}), ("one", {"train": [("a", "a b c", "1")]})):
        code, output = leaks(write(tmp_path / name, **splits))
        assert code == 2
        assert "no two splits" in output


def test_near_duplicates_that_stay_together_are_none(tmp_path: Path) -> None:
    """Families of programs that the export must keep in one split."""
    planted_root(tmp_path / "root")
    export(Request(root=tmp_path / "root", out=tmp_path / "out", format="parquet", shares=(60, 20, 20)))
    code, output = leaks(tmp_path / "out")
    assert code == 0, output
    assert output.startswith("180 programs: test ")


@pytest.mark.parametrize("view", ["rows", "pretrain", "translate", "instruct", "ladder"])
def test_an_export_has_none_until_one_is_planted(tmp_path: Path, view: str) -> None:
    """Of every view that has Python, real programs; then a test program is put into train as well."""
    folder = tmp_path / "export"
    exported(folder, shares=(40, 30, 30), view=view)
    code, output = leaks(folder)
    assert code == 0, output
    assert output.startswith("40 programs: test ")
    tested = pq.read_table(next(folder.glob("data/test-*")))
    kernel = pa.array([f"{name}-again" for name in tested["kernel_id"].to_pylist()])
    planted = tested.set_column(tested.schema.get_field_index("kernel_id"), "kernel_id", kernel)
    pq.write_table(planted, folder / "data" / "train-00001-of-00002.parquet")
    code, output = leaks(folder)
    assert code == 1, output
    assert "-again" in output
    assert "1.000" in output
