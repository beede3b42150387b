"""docs/architecture.md names places that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parents[2]
PAGE = (HOME / "docs" / "architecture.md").read_text()
PATH = re.compile(r"`((?:\w+/)*(?:\w+\.py|\w+/))`")


def section(title: str) -> str:
    """The text under a heading."""
    return PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("path", sorted(set(PATH.findall(section("To change this, open that")))))
def test_what_is_to_be_opened_is_there(path: str) -> None:
    """Every file and folder of the table, under warpgen/ or at the top."""
    assert (HOME / "warpgen" / path).exists() or (HOME / path).exists()


@pytest.mark.parametrize("part", ["verification", "production"])
def test_every_room_of_a_part_is_named(part: str) -> None:
    """A folder or file that is added to a part has a line in the table of its rooms."""
    told = section("The way of the data").partition(f"of `{part}/`")[2].split("\n\n")[1]
    rooms = {p.name + "/" for p in (HOME / "warpgen" / part).iterdir() if (p / "__init__.py").exists()}
    assert rooms == {name for name in PATH.findall(told) if name.endswith("/")}
