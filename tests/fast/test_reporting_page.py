"""`stats --html`: one page that needs no network, true to the manifests, and safe whatever rows hold."""

from __future__ import annotations

import html
import re
import time
from pathlib import Path

import pytest

from tests.support.reporting_root import CIRCUMSTANCES, finished_root, hostile_root, page_of, row, write_rows
from warpgen import stats
from warpgen.errors import RootError, UsageError
from warpgen.paths import dataset_path
from warpgen.recipe import Recipe
from warpgen.record import TARGETS
from warpgen.reporting.manifest import write_manifest
from warpgen.reporting.nearest import nearest
from warpgen.reporting.page.sample import sample


def test_holds_the_figures_of_the_manifests(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Checksums, commands, categories and verdicts are those of the manifests; holes in the map are seen."""
    manifests = finished_root(tmp_path)
    text = page_of(tmp_path)
    assert "open it in a browser" in capsys.readouterr().out
    for manifest in manifests.values():
        assert manifest.figures.sha256 in text
        assert html.escape(manifest.command) in text
    assert 'data-find="category:matrix"' in text
    assert '<span class="chip hole" title="no row calls it">cos</span>' in text
    assert 'data-find="builtin:sin"' in text
    assert "pass 5" in text


def test_is_the_same_text_every_time(tmp_path: Path) -> None:
    """No time, path or order of a set reaches the page."""
    finished_root(tmp_path)
    before = page_of(tmp_path)
    time.sleep(1.1)  # the header of a gzip stream would hold the second
    assert page_of(tmp_path) == before


def test_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    """No address of another place is in it, and its policy forbids to load any."""
    finished_root(tmp_path)
    text = page_of(tmp_path)
    assert not re.search(
        r"(?:https?:)?//[a-z]+\.[a-z]|<link(?! rel=\"icon\" href=\"data:,\")|@import|url\(", text
    )
    assert "default-src 'none'" in text


def test_what_rows_hold_never_becomes_markup(tmp_path: Path) -> None:
    """Names, categories, sources, code, verdicts and reasons are escaped; marks of direction are shown."""
    hostile_root(tmp_path)
    text = page_of(tmp_path)
    assert "<img" not in text
    assert "\u202e" not in text
    assert text.count("</script>") == 2


def test_one_target_is_enough(tmp_path: Path) -> None:
    """With one dataset the page tells of that one."""
    finished_root(tmp_path, ("cuda",))
    text = page_of(tmp_path)
    assert "rows of CUDA C++" in text
    assert "rows of C++" not in text


def test_rows_are_evenly_spread_and_stay_within_the_size(tmp_path: Path) -> None:
    """Of rows too large together fewer are taken, from all of the file."""
    path = dataset_path(tmp_path, "cpu")
    write_rows(path, [row(index) for index in range(50)])
    every = sample({"cpu": path}, 50)
    assert [shown["id"] for shown in every] == [f"s0-{index}" for index in range(50)]
    fewer = sample({"cpu": path}, 50, most_bytes=10_000)
    places = [int(shown["id"][3:]) for shown in fewer]
    assert 5 < len(places) < 25
    assert places[0] < 5
    assert places[-1] > 40


def test_missing_data_and_a_bad_path_are_one_clear_sentence(tmp_path: Path) -> None:
    """Without rows there is nothing to browse; a folder that is not there is named."""
    finished_root(tmp_path)
    with pytest.raises(UsageError, match="cannot be written to"):
        stats.main(["--root", str(tmp_path), "--html", str(tmp_path / "nowhere" / "page.html")])
    dataset_path(tmp_path, "cuda").unlink()
    with pytest.raises(RootError, match=r"\./scripts/produce"):
        stats.main(["--root", str(tmp_path), "--html", str(tmp_path / "page.html")])


def test_the_nearest_neighbour_is_found() -> None:
    """Twins but for numbers are alike wholly, a stranger hardly, one alone not at all."""
    words = "the quick brown fox jumps over a lazy dog and runs far away from here"
    assert nearest([f"x = 1 {words}", f"x = 2 {words}", "def f(a, b):\n    return a + b * 3 - sin(a)"]) == [
        1,
        1,
        0,
    ]
    assert nearest(["x"]) == [0]
    assert nearest([]) == []


def test_there_is_one_number_of_categories(tmp_path: Path) -> None:
    """Those of all targets, where a category has rows for one alone."""
    for target, names in zip(TARGETS, (("matrix", "tile"), ("matrix", "stencil", "vector")), strict=True):
        write_rows(dataset_path(tmp_path, target), [row(k, target, category=n) for k, n in enumerate(names)])
        write_manifest(tmp_path, target, Recipe(target="both", size=None, rows=3), CIRCUMSTANCES, {}, [])
    text = page_of(tmp_path)
    assert "<b>4</b><span>categories</span>" in text
    assert "4 domains of kernels" in text
    assert text.count('data-find="category:') == 4
