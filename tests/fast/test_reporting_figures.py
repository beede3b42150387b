"""Every figure has one definition: README, report, quality, page and card tell the same of one dataset."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.commands import REPOSITORY
from tests.support.reporting_root import finished_root, page_of
from warpgen.exporting.export import Request, export
from warpgen.paths import dataset_path
from warpgen.record import TARGETS, Target
from warpgen.reporting import headline, manifest, quality
from warpgen.reporting.manifest import Manifest
from warpgen.reporting.report import write_report
from warpgen.terminal import percent

README = (REPOSITORY / "README.md").read_text()
REPORT = (REPOSITORY / "reports" / "chief_scientist_report.md").read_text()
QUALITY = (REPOSITORY / "docs" / "quality.md").read_text()


@pytest.fixture(scope="module")
def committed() -> dict[Target, Manifest]:
    """The manifests that are kept with the code."""
    return {t: manifest.read(REPOSITORY / "manifests" / f"{t}_manifest.json") for t in TARGETS}


def line(page: str, name: str) -> list[str]:
    """The cells of the table's row of this name."""
    found = re.search(rf"^\| {re.escape(name)} \| (.*) \|$", page, re.M)
    assert found is not None, name
    return found[1].split(" | ")


def numbers(cells: list[str]) -> list[str]:
    """The first figure of each cell."""
    return [re.findall(r"[\d,.]+", cell)[0] for cell in cells]


def test_readme_and_report_tell_what_the_manifests_tell(committed: Mapping[Target, Manifest]) -> None:
    """The README's table is written from them; the report's has the same rows, bytes, adjoints, builtins."""
    assert headline.figures(committed) in README
    for readme, report in (
        ("rows", "rows"),
        ("size", "size"),
        ("different structures", "different structures"),
        ("Warp builtins called", "Warp builtins called"),
    ):
        assert numbers(line(README, readme)) == numbers(line(REPORT, report)), readme
    shares = [f"({share})" for share in line(README, "rows with an adjoint")]
    assert [cell.split(" ", 1)[1] for cell in line(REPORT, "with adjoint")] == shares
    assert headline.good(committed) in REPORT
    for told in committed.values():
        assert f"{told.figures.bytes:,} bytes" in README
        assert f"{told.figures.bytes:,} bytes" in REPORT


def test_quality_is_of_the_same_file(committed: Mapping[Target, Manifest]) -> None:
    """Rows, bytes, checksum, structures and builtins are the manifest's."""
    figures = committed["cpu"].figures
    assert f"{figures.rows:,} rows ({figures.bytes:,} bytes" in QUALITY
    assert figures.sha256 in QUALITY
    assert line(QUALITY, "builtins used")[1].split(" of ")[0] == str(len(figures.called))
    assert line(QUALITY, "distinct structures")[1] == f"{figures.structures / figures.rows:.3f}"


def test_no_page_tells_figures_of_its_own(committed: Mapping[Target, Manifest]) -> None:
    """Who writes a number of rows or bytes of the default run into a page writes the manifests' one."""
    known = {f"{n:,}" for m in committed.values() for n in (m.figures.rows, m.figures.bytes)}
    known |= {number.replace(",", "") for number in known}
    for page in (README, REPORT, QUALITY):
        told = re.findall(r"\b(20\d,?\d{3},?\d{3}) bytes", page) + re.findall(r"\b(7,?\d{3}) rows\b", page)
        assert set(told) <= known


def test_page_card_report_and_quality_tell_the_same(tmp_path: Path) -> None:
    """Of one root: rows, bytes, adjoints, builtins and near-duplicates."""
    manifests = finished_root(tmp_path)
    figures, page = manifests["cpu"].figures, page_of(tmp_path)
    measured = quality.measure(dataset_path(tmp_path, "cpu"))
    report = write_report(tmp_path, 1_000_000).read_text()
    export(Request(root=tmp_path, out=tmp_path / "out", format="hf"))
    card = (tmp_path / "out" / "README.md").read_text()
    assert figures.builtins.keys() == {"sin", "tid"} == figures.called.keys()
    assert measured.builtins_used == 2
    assert f"<b>2 of {measured.builtins}</b><span>Warp builtins" in page
    assert f"<b>{percent(measured.near_duplicates)}</b><span>near-duplicates" in page
    assert measured.near_duplicates == 0.8  # alike but for a number; the first came first
    for text in (report, card):
        assert line(text, "Warp builtins called") == ["2", "2"]
        assert all(f"{m.figures.bytes:,} bytes" in text for m in manifests.values())
        assert headline.good(manifests) in text
    assert f"<b>{measured.rows}</b><span>rows of C++" in page
    assert f"<b>{percent(figures.adjoint_share)}</b><span>with an adjoint" in page
    assert line(card, "rows") == line(report, "rows") == ["5", "5"]


def test_conversions_to_scalars_are_no_builtins(committed: Mapping[Target, Manifest]) -> None:
    """Rows list them, and no count of builtins has them: it differs from the list by them alone."""
    for told in committed.values():
        left_out = told.figures.builtins.keys() - told.figures.called.keys()
        assert "float64" in left_out
        assert all(re.fullmatch(r"[a-z]+\d+", name) for name in left_out)


def test_only_the_whole_is_a_hundred_percent() -> None:
    """A share that falls short of it by less than rounding shows says so."""
    assert [percent(share) for share in (1, 0.99996, 0.9994, 0.6938, 0)] == [
        "100.0 %",
        "> 99.9 %",
        "99.9 %",
        "69.4 %",
        "0.0 %",
    ]
