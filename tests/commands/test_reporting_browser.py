"""What a real browser makes of the page of statistics."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support import chromium
from tests.support.reporting_root import CIRCUMSTANCES, finished_root, hostile_root, page_of, row, write_rows
from warpgen.paths import dataset_path
from warpgen.recipe import Recipe
from warpgen.record import TARGETS, Alive, Bounds, Compile, Forward, Gradient, Verified
from warpgen.reporting.manifest import Moment, write_manifest

needs_chromium = pytest.mark.skipif(
    chromium.executable() is None, reason="there is no Chromium here: apt-get install chromium"
)


@needs_chromium
def test_a_browser_shows_rows_side_by_side_and_finds_them(tmp_path: Path) -> None:
    """In Chromium a search lists its rows and the first stands in three highlighted panes; no complaint."""
    finished_root(tmp_path)
    page_of(tmp_path)
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
def test_a_browser_runs_nothing_that_rows_hold(tmp_path: Path) -> None:
    """Hostile rows are shown as the text they are."""
    hostile_root(tmp_path)
    page_of(tmp_path)
    document, complaints = chromium.opened(tmp_path / "page.html", tmp_path / "profile")
    assert complaints == []
    assert "<title>warpgen: what the datasets hold</title>" in document
    assert "<img" not in document.replace("&lt;", "")
    assert "onerror=" in document  # shown, as text


@needs_chromium
def test_a_complaint_of_the_browser_is_heard(tmp_path: Path) -> None:
    """A script other than the page's own is refused, and the test above would see it."""
    finished_root(tmp_path)
    text = page_of(tmp_path).replace('"use strict";', '"use strict"; document.title = "broken";', 1)
    (tmp_path / "page.html").write_text(text)
    document, complaints = chromium.opened(tmp_path / "page.html", tmp_path / "profile")
    assert complaints
    assert "<title>warpgen: what the datasets hold</title>" in document


_FRAME = """<!doctype html><iframe src="measured.html" style="border:0;width:{width}px;height:900px"></iframe>
<script>onmessage = (event) => document.body.dataset.told = event.data;</script>"""


def _measured(page: Path, script: str, width: int = 1280) -> list[Any]:
    """What a script finds out in the page once it is laid out.

    In a copy, as the page lets none in, and in a frame, as no window of Chromium is narrower than 500 pixels.
    """
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
    page_of(tmp_path)
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
def test_a_search_shows_what_it_finds_and_nothing_else(tmp_path: Path) -> None:
    """A row that is not among those found is not shown; where none is found none is."""
    finished_root(tmp_path)
    page_of(tmp_path)
    every, some, none, one = _measured(tmp_path / "page.html", _SEARCHES)
    assert every == ["5 found", "s0-3", "matrix · s0-3"]
    assert some == ["3 found", "s0-3", "matrix · s0-3"]
    assert none == ["0 found", False, None]
    assert one == ["1 found", "s0-4", "vector · s0-4"]
