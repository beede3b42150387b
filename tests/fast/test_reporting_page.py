"""`stats --html`: one page that needs no network, true to the manifests, and safe whatever rows hold."""

from __future__ import annotations

import html
import json
import re
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support import chromium
from tests.support.reporting_root import CIRCUMSTANCES, finished_root, row, write_rows
from warpgen import stats
from warpgen.errors import RootError, UsageError
from warpgen.paths import dataset_path
from warpgen.recipe import Recipe
from warpgen.record import TARGETS, UNVERIFIED, Alive, Bounds, Compile, Forward, Gradient, Verified
from warpgen.reporting.manifest import Moment, write_manifest
from warpgen.reporting.nearest import nearest
from warpgen.reporting.page.sample import sample

_HOSTILE = "</script><img src=x onerror=\"document.title='broken'\"><!-- \u202e"

needs_chromium = pytest.mark.skipif(
    chromium.executable() is None, reason="there is no Chromium here: apt-get install chromium"
)


def _page(root: Path) -> str:
    assert stats.main(["--root", str(root), "--html", str(root / "page.html")]) == 0
    return (root / "page.html").read_text()


def _hostile_root(root: Path) -> None:
    """Rows that would break out of wherever they are put."""
    for target in TARGETS:
        rows = [
            row(
                index,
                target,
                name=_HOSTILE,
                category=_HOSTILE,
                python_source=f"# {_HOSTILE}\nx = 1\n",
                code=row(index).code.replace("var_1", _HOSTILE),
                verified=msgspec.structs.replace(UNVERIFIED, forward=Forward("pass", references=_HOSTILE)),
            )
            for index in range(3)
        ]
        write_rows(dataset_path(root, target), rows)
        recipe = Recipe(target="both", size=None, rows=3)
        write_manifest(root, target, recipe, CIRCUMSTANCES, {"duplicate": {_HOSTILE: 1}}, [])


def test_holds_the_figures_of_the_manifests(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Checksums, commands, categories and verdicts are those of the manifests; holes in the map are seen."""
    manifests = finished_root(tmp_path)
    text = _page(tmp_path)
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
    before = _page(tmp_path)
    time.sleep(1.1)  # the header of a gzip stream would hold the second
    assert _page(tmp_path) == before


def test_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    """No address of another place is in it, and its policy forbids to load any."""
    finished_root(tmp_path)
    text = _page(tmp_path)
    assert not re.search(
        r"(?:https?:)?//[a-z]+\.[a-z]|<link(?! rel=\"icon\" href=\"data:,\")|@import|url\(", text
    )
    assert "default-src 'none'" in text


def test_what_rows_hold_never_becomes_markup(tmp_path: Path) -> None:
    """Names, categories, sources, code, verdicts and reasons are escaped; marks of direction are shown."""
    _hostile_root(tmp_path)
    text = _page(tmp_path)
    assert "<img" not in text
    assert "\u202e" not in text
    assert text.count("</script>") == 2


def test_one_target_is_enough(tmp_path: Path) -> None:
    """With one dataset the page tells of that one."""
    finished_root(tmp_path, ("cuda",))
    text = _page(tmp_path)
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


@needs_chromium
@pytest.mark.slow
def test_a_browser_shows_rows_side_by_side_and_finds_them(tmp_path: Path) -> None:
    """In Chromium a search lists its rows and the first stands in three highlighted panes; no complaint."""
    finished_root(tmp_path)
    _page(tmp_path)
    document, complaints = chromium.opened(tmp_path / "page.html", tmp_path / "profile", "find=builtin:sin")
    assert complaints == []
    assert '<p id="found">3 found</p>' in document
    panes = [
        re.sub("<[^>]*>", "", pane)
        for pane in re.findall(r"<pre tabindex=.0.><code>(.*?)</code>", document, re.S)
    ]
    assert panes[0] == row(3).python_source
    for pane in panes[1:3]:
        assert "var_1 = wp::mul(var_0, var_0);" in pane
    assert '<span class="w">wp::mul</span>' in document
    assert '<span class="d">@wp.kernel</span>' in document


@needs_chromium
@pytest.mark.slow
def test_a_browser_runs_nothing_that_rows_hold(tmp_path: Path) -> None:
    """Hostile rows are shown as the text they are."""
    _hostile_root(tmp_path)
    _page(tmp_path)
    document, complaints = chromium.opened(tmp_path / "page.html", tmp_path / "profile")
    assert complaints == []
    assert "<title>warpgen: what the datasets hold</title>" in document
    assert "<img" not in document.replace("&lt;", "")
    assert "onerror=" in document  # shown, as text


@needs_chromium
@pytest.mark.slow
def test_a_complaint_of_the_browser_is_heard(tmp_path: Path) -> None:
    """A script other than the page's own is refused, and the test above would see it."""
    finished_root(tmp_path)
    text = _page(tmp_path).replace('"use strict";', '"use strict"; document.title = "broken";', 1)
    (tmp_path / "page.html").write_text(text)
    document, complaints = chromium.opened(tmp_path / "page.html", tmp_path / "profile")
    assert complaints
    assert "<title>warpgen: what the datasets hold</title>" in document


_FRAME = """<!doctype html><iframe src="measured.html" style="border:0;width:{width}px;height:900px"></iframe>
<script>onmessage = (event) => document.body.dataset.told = event.data;</script>"""


def _measured(page: Path, script: str, width: int = 1280) -> list[Any]:
    """What a script finds out in the page once it is laid out: in a copy, as the page lets none in, and in
    a frame, as no window of Chromium is narrower than 500 pixels."""
    text = re.sub("script-src '[^']*'", "script-src 'unsafe-inline'", page.read_text(), count=1)
    sent = (
        f"const told = async () => {{{script}}};\nonload = async () => parent.postMessage(await told(), '*');"
    )
    copy, frame = page.with_name("measured.html"), page.with_name("frame.html")
    copy.write_text(text.replace("</body>", f"<script>{sent}</script></body>"))
    frame.write_text(_FRAME.format(width=width))
    document, complaints = chromium.opened(frame, page.with_name("profile"))
    assert complaints == []
    found = re.search('<body data-told="([^"]*)"', document)
    assert found is not None
    return list(json.loads(html.unescape(found[1])))


_SIZES = """
const all = (what) => [...document.querySelectorAll(what)], box = (e) => e.getBoundingClientRect();
const parts = "section, header, .tiles > div, #shown, #results, .head, .categories button, .verdicts > div";
const wide = all(parts).filter((e) => box(e).right > innerWidth || e.scrollWidth > e.clientWidth);
const bars = all(".bars i, .stack i").map(box);
const charts = all("svg").filter((e) => e.checkVisibility()).map(box);
return JSON.stringify([
  innerWidth, document.documentElement.scrollWidth, wide.map((e) => e.outerHTML.slice(0, 40)),
  bars.length > 5 && bars.every((b) => b.width >= 2 && b.height >= 5), charts.every((b) => b.height >= 80)]);
"""

_LONG_RUN = msgspec.structs.replace(
    CIRCUMSTANCES, wall_seconds=90000.0, moments=tuple(Moment(30000.0 * k, k * k, k << 30) for k in range(4))
)


@needs_chromium
@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 768, 1280])
def test_nothing_overflows_and_bars_are_seen_at_any_width(width: int, tmp_path: Path) -> None:
    """The page and each of its parts are as wide as the window at most; bars and charts are large enough."""
    for target in TARGETS:
        passed = Verified(Compile("pass"), Bounds("pass"), Forward("pass"), Alive("pass"), Gradient("pass"))
        long = {"name": "scale_" * 12, "category": "multi_conditional", "verified": passed}
        source = f"x = {'1.0 + ' * 60}0.0\n"
        rows = [row(k, target, python_source=source, code=source * 40, **long) for k in range(40)]
        write_rows(dataset_path(tmp_path, target), rows)
        recipe = Recipe(target="both", size=None, rows=40)
        write_manifest(tmp_path, target, recipe, _LONG_RUN, {"duplicate": {"structure": 2}}, [])
    _page(tmp_path)
    assert _measured(tmp_path / "page.html", _SIZES, width) == [width, width, [], True, True]


_SEARCHES = """
const at = (id) => document.getElementById(id), seen = [];
for (const words of ["", "builtin:sin", "zzz", "s0-4"]) {
  at("find").value = words;
  at("find").dispatchEvent(new Event("input"));
  await new Promise((done) => setTimeout(done, 200));
  const shown = at("shown").checkVisibility() && at("facts").textContent.split(" · ")[1];
  seen.push([at("found").textContent, shown, document.querySelector("#results .on small")?.textContent]);
}
return JSON.stringify(seen);
"""


@needs_chromium
@pytest.mark.slow
def test_a_search_shows_what_it_finds_and_nothing_else(tmp_path: Path) -> None:
    """A row that is not among those found is not shown; where none is found none is."""
    finished_root(tmp_path)
    _page(tmp_path)
    every, some, none, one = _measured(tmp_path / "page.html", _SEARCHES)
    assert every == ["5 found", "s0-3", "matrix · s0-3"]
    assert some == ["3 found", "s0-3", "matrix · s0-3"]
    assert none == ["0 found", False, None]
    assert one == ["1 found", "s0-4", "vector · s0-4"]


def test_there_is_one_number_of_categories(tmp_path: Path) -> None:
    """Those of all targets, where a category has rows for one alone."""
    for target, names in zip(TARGETS, (("matrix", "tile"), ("matrix", "stencil", "vector")), strict=True):
        write_rows(dataset_path(tmp_path, target), [row(k, target, category=n) for k, n in enumerate(names)])
        write_manifest(tmp_path, target, Recipe(target="both", size=None, rows=3), CIRCUMSTANCES, {}, [])
    text = _page(tmp_path)
    assert "<b>4</b><span>categories</span>" in text
    assert "4 domains of kernels" in text
    assert text.count('data-find="category:') == 4
