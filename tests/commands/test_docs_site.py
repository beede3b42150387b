"""The pages as a site: built strictly, so that no link, anchor or name of the API leads nowhere."""

from __future__ import annotations

import re
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import warpgen
from tests.support.commands import finished
from tests.support.pages import ROOT


@pytest.mark.slow
@pytest.mark.skipif(
    find_spec("mkdocs") is None, reason="the site needs requirements-docs.txt and Python 3.11"
)
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    """mkdocs, strict; the reference then has a heading for each public name."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = finished(command, 300, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    reference = (tmp_path / "reference" / "index.html").read_text()
    public = set(dir(warpgen)) - vars(warpgen).keys()  # loaded when first used
    assert public
    for name in public:
        assert re.search(rf'id="warpgen\.(\w+\.)?{name}"', reference), name


def test_every_page_is_in_the_navigation() -> None:
    """A page that nobody can find is not there."""
    listed = re.findall(r": ([\w/]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.M)
    pages = [path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")]
    assert sorted(listed) == sorted(pages)
