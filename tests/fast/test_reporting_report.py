"""The report: every figure from the manifests, one example from the rows."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from tests.support.reporting_root import BACKWARD, CIRCUMSTANCES, finished_root, row, write_rows
from warpgen import report
from warpgen.errors import RootError
from warpgen.paths import dataset_path
from warpgen.recipe import Recipe
from warpgen.reporting import plots
from warpgen.reporting.example import choose, forward_excerpt, reverse_excerpt
from warpgen.reporting.manifest import Moment, write_manifest
from warpgen.reporting.report import report_path, write_report


def written(root: Path) -> Path:
    """The report without its plots, which take longer than the tests."""
    return write_report(root, least=1_000)


def test_tells_both_datasets_with_the_figures_of_their_manifests(tmp_path: Path) -> None:
    """Rows, bytes, checksums, categories and commands are those of the manifests."""
    manifests = finished_root(tmp_path)
    text = written(tmp_path).read_text()
    for manifest in manifests.values():
        for figure in (manifest.figures.sha256, f"{manifest.figures.bytes:,} bytes", manifest.command):
            assert figure in text
    assert re.search(r"\| vector \| 2 · 40\.0 % · .* \| 2 · 40\.0 % · .* \|", text)
    assert "| compile | pass | 5 | 5 |" in text


def test_is_the_same_text_every_time(tmp_path: Path) -> None:
    """Writing the report again changes no byte."""
    finished_root(tmp_path)
    assert written(tmp_path).read_bytes() == written(tmp_path).read_bytes()


def test_one_dataset_is_told_as_one(tmp_path: Path) -> None:
    """With one target the report says that the other has not been made."""
    finished_root(tmp_path, ("cuda",))
    text = written(tmp_path).read_text()
    assert "Only the cuda dataset has been made." in text
    assert "production_cpu" not in text


def test_reads_in_two_to_five_minutes(tmp_path: Path) -> None:
    """At 250 words a minute, code and tables left out."""
    finished_root(tmp_path)
    text = re.sub(r"```.*?```|^\|.*?$", "", written(tmp_path).read_text(), flags=re.S | re.M)
    assert 2 * 250 <= len(text.split()) <= 5 * 250


def test_nothing_to_report_is_one_clear_sentence(tmp_path: Path) -> None:
    """Without a finished dataset the error says how to make one."""
    with pytest.raises(RootError, match=r"python -m warpgen\.run"):
        report.main(["--root", str(tmp_path)])


def test_missing_data_names_the_command(tmp_path: Path) -> None:
    """A manifest whose dataset is gone cannot give an example."""
    finished_root(tmp_path)
    dataset_path(tmp_path, "cuda").unlink()
    with pytest.raises(RootError, match=r"\./scripts/produce"):
        report.main(["--root", str(tmp_path)])
    assert not report_path(tmp_path).exists()


def test_example_is_the_simplest_row_of_both(tmp_path: Path) -> None:
    """The shortest forward code wins, among rows that stand in both datasets and show enough."""
    rows = [
        row(0, forward=(0, 10), backward=(0, 0)),
        row(1, forward=(0, 50)),
        row(2, forward=(0, 40)),
        row(3, forward=(0, 40)),
        row(4, forward=(0, 10)),
    ]
    for target in ("cpu", "cuda"):
        write_rows(tmp_path / target, rows)
    chosen = choose({"cpu": tmp_path / "cpu", "cuda": tmp_path / "cuda"}, last_index=3)
    assert {target: r.kernel_id for target, r in chosen.items()} == {"cpu": "s0-2", "cuda": "s0-2"}


def test_no_row_worth_showing_is_said(tmp_path: Path) -> None:
    """A dataset without adjoints gives a report without an example."""
    write_rows(dataset_path(tmp_path, "cpu"), [row(0, backward=(0, 0))])
    write_manifest(tmp_path, "cpu", Recipe(target="cpu", size=None, rows=1), CIRCUMSTANCES, {}, [])
    assert "No row is short enough" in written(tmp_path).read_text()


def test_excerpts_leave_out_declarations_and_line_numbers() -> None:
    """An excerpt keeps the statements; the declarations become one comment."""
    forward = (
        "void f()\n{\n    //---------\n    // primal vars\n    wp::int32 var_0;\n    bool var_1;\n"
        "    //---------\n    // forward\n    // i = wp.tid()       <L 5>\n    var_0 = tid();\n}\n"
    )
    shown = forward_excerpt(row(0, code=forward, forward=(0, len(forward))))
    assert shown == (
        "void f()\n{\n    // ... 2 variables are declared ...\n    //---------\n    // forward\n"
        "    // i = wp.tid()\n    var_0 = tid();\n}"
    )
    assert reverse_excerpt(row(0, code=BACKWARD, backward=(0, len(BACKWARD)))) == "    wp::adj_mul(var_0);\n}"


def test_control_characters_of_rows_stay_out(tmp_path: Path) -> None:
    """What a row smuggles in is written as an escape."""
    code = row(0).code.replace("var_1", "\x1b[31m\u202e")
    write_rows(dataset_path(tmp_path, "cpu"), [row(0, code=code)])
    write_manifest(tmp_path, "cpu", Recipe(target="cpu", size=None, rows=1), CIRCUMSTANCES, {}, [])
    text = written(tmp_path).read_text()
    assert "\\x1b[31m\\u202e" in text
    assert "\x1b" not in text


def test_plots_stand_beside_the_report_and_are_the_same_bytes_every_time(tmp_path: Path) -> None:
    """Every picture that the report shows is there, without a time or a version in it."""
    pytest.importorskip("matplotlib", reason="plots need the extra `plots`")
    finished_root(tmp_path)
    assert report.main(["--root", str(tmp_path)]) == 0
    shown = re.findall(r"!\[.+\]\((.+)\)", report_path(tmp_path).read_text())
    assert shown == [f"images/{name}.png" for name in ("categories", "shapes", "builtins", "verdicts")]
    pictures = {name: (report_path(tmp_path).parent / name).read_bytes() for name in shown}
    report.main(["--root", str(tmp_path)])
    for name, picture in pictures.items():
        assert picture.startswith(b"\x89PNG")
        assert b"tEXt" not in picture
        assert picture == (report_path(tmp_path).parent / name).read_bytes()


def test_the_speed_is_drawn_where_the_manifest_tells_it(tmp_path: Path) -> None:
    """With moments in the manifest there is a plot more."""
    pytest.importorskip("matplotlib", reason="plots need the extra `plots`")
    (manifest,) = finished_root(tmp_path, ("cpu",)).values()
    moments = tuple(Moment(float(second), second, 1000 * second) for second in range(5))
    told = msgspec.structs.replace(
        manifest, circumstances=msgspec.structs.replace(CIRCUMSTANCES, moments=moments)
    )
    assert "throughput.png" in plots.draw({"cpu": told}, tmp_path / "images")


def test_without_matplotlib_the_report_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No picture is referred to, and the sentence names what to install."""
    monkeypatch.setattr(plots, "available", lambda: False)
    finished_root(tmp_path)
    assert report.main(["--root", str(tmp_path)]) == 0
    text = report_path(tmp_path).read_text()
    assert "![" not in text
    assert "where matplotlib is installed" in text
