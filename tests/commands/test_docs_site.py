"""The pages as a site: built strictly, so that no link, anchor or name of the API leads nowhere."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

import warpgen
from tests.support.commands import python


@pytest.mark.skipif(find_spec("mkdocs") is None, reason="the site needs the group docs")
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    """mkdocs, strict; the reference then has a heading for each public name."""
    done = python("-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path, seconds=300)
    assert done.returncode == 0, done.stderr
    reference = (tmp_path / "reference" / "index.html").read_text()
    public = set(dir(warpgen)) - vars(warpgen).keys()  # loaded when first used
    assert public
    for name in public:
        assert re.search(rf'id="warpgen\.(\w+\.)?{name}"', reference), name
