"""Rows that share 13 tokens of code with a benchmark are dropped, and counted."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.support.reporting_root import finished_root, row
from warpgen.errors import UsageError
from warpgen.exporting.decontaminate import Benchmarks, tokens
from warpgen.exporting.export import Request, export

THIRTEEN = "a b c d e f g h i j k l m"


def file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_thirteen_tokens_decide(tmp_path: Path) -> None:
    """Thirteen in a row are shared or not; twelve never are, wherever they stand."""
    benchmarks = Benchmarks([file(tmp_path, "b.py", f"start {THIRTEEN} end")])
    assert benchmarks.share(row(1, python_source=f"x {THIRTEEN} y"))
    assert benchmarks.share(row(1, code=f"x {THIRTEEN} y"))
    assert not benchmarks.share(row(1, python_source=THIRTEEN[:-1]))
    assert not benchmarks.share(row(1, python_source=THIRTEEN.replace(" g", " other g")))
    assert not benchmarks.share(row(1, python_source=" ".join(reversed(THIRTEEN.split()))))
    assert benchmarks.counted()[0]["dropped"] == 2


def test_layout_and_comments_do_not_hide_code(tmp_path: Path) -> None:
    """Only tokens count; a comment is none, in the language of the text."""
    benchmarks = Benchmarks([file(tmp_path, "b.py", THIRTEEN.replace(" e", "  # why\n  e"))])
    assert benchmarks.share(row(1, python_source=THIRTEEN.replace(" ", "\n\t")))
    assert benchmarks.share(row(1, code=THIRTEEN.replace(" c", " // echo\n c")))
    assert not benchmarks.share(row(1, python_source=f"# {THIRTEEN}"))
    assert not benchmarks.share(row(1, code=f"/* {THIRTEEN} */"))
    assert tokens("a // b", "python") == ["a", "/", "/", "b"]
    assert tokens("x1 += 1.5e3f;", "c") == ["x1", "+", "=", "1.5e3f", ";"]


def test_texts_of_json_lines_are_code(tmp_path: Path) -> None:
    """As benchmarks are often kept; line ends in them are line ends."""
    lines = json.dumps({"task": 1, "tests": [{"solution": THIRTEEN.replace(" ", "\n")}]})
    benchmarks = Benchmarks([file(tmp_path, "b.jsonl", lines + "\n\n")])
    assert benchmarks.share(row(1, python_source=THIRTEEN))


def test_a_benchmark_without_code_is_refused(tmp_path: Path) -> None:
    """Otherwise a wrong file would pass for a clean dataset."""
    for name, text in (("b.py", "a b c"), ("b.jsonl", "{}\n"), ("b.py", "")):
        with pytest.raises(UsageError, match="holds no 13 tokens"):
            Benchmarks([file(tmp_path, name, text)])
    with pytest.raises(UsageError, match="not JSON"):
        Benchmarks([file(tmp_path, "b.json", "{")])


def test_the_export_leaves_them_out_and_says_how_many(tmp_path: Path) -> None:
    """Per file, in the export's manifest."""
    finished_root(tmp_path / "root", count=8)
    first = row(3).python_source.replace("[3] = 1.0", f"[3] = 1.0 {THIRTEEN}")
    benchmark = file(tmp_path, "b.py", first)
    other = file(tmp_path, "c.cu", THIRTEEN)
    request = Request(
        root=tmp_path / "root", out=tmp_path / "out", format="parquet", exclude=(other, benchmark)
    )
    with pytest.raises(UsageError, match="no record"):
        export(request)  # the rows are alike but for a number behind their first 13 tokens
    assert not (tmp_path / "out").exists()
    benchmark.write_text("x[3] = 1.0 " + THIRTEEN + " :\n    x[3] = 1.0")
    only = file(tmp_path, "only.py", "( dtype = float ) ) :\n    x[5] = 1.0")
    summary = export(
        Request(root=tmp_path / "root", out=tmp_path / "out", format="parquet", exclude=(other, only))
    )
    assert [entry["dropped"] for entry in summary.exclude] == [0, 2]
    assert json.loads((tmp_path / "out" / "_export.json").read_text())["exclude"] == summary.exclude
    kept = pq.read_table(tmp_path / "out")["kernel_id"].to_pylist()
    assert len(kept) == 14
    assert "s0-5" not in kept
