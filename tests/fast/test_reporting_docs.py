"""The pages tell the truth about the code."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from msgspec import inspect

from tests.support.commands import REPOSITORY
from tests.support.reporting_root import FORWARD, finished_root, row
from warpgen import launch, record
from warpgen.__main__ import commands
from warpgen.errors import RootError
from warpgen.reasons import Reason
from warpgen.reporting.showcase import main, refresh

PAGES = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").glob("*.md")])
RECORD = (REPOSITORY / "docs" / "record.md").read_text()


def _section(title: str) -> str:
    return re.split(r"^##+ ", re.split(rf"^##+ {title}\n", RECORD, flags=re.M)[1], flags=re.M)[0]


def _structs(kind: inspect.Type) -> Iterator[type[msgspec.Struct]]:
    """A struct and those in it."""
    if isinstance(kind, inspect.StructType):
        yield kind.cls
        for field in kind.fields:
            yield from _structs(field.type)
    elif isinstance(kind, inspect.VarTupleType):
        yield from _structs(kind.item_type)


@pytest.mark.parametrize(
    "struct", list(_structs(inspect.type_info(record.Row))), ids=lambda struct: struct.__name__
)
def test_every_field_of_the_row_is_explained(struct: type[msgspec.Struct]) -> None:
    """Each struct has a section with every field in it, and no field that does not exist."""
    section = _section(struct.__name__)
    first_table = section.split("\n| kind ", 1)[0]
    rows = re.findall(r"^\| (`.*?) \|", first_table, flags=re.M)
    explained = [name for cell in rows for name in re.findall(r"`(\w+)`", cell)]
    assert [field.name for field in msgspec.structs.fields(struct)] == explained


def test_every_kind_of_fill_is_explained() -> None:
    """Each kind has a line, in the order of the code."""
    table = _section("Fill").split("\n| kind ", 1)[1]
    assert list(get_args(launch.FillKind)) == re.findall(r"^\| `(\w+)` \|", table, flags=re.M)


def test_every_word_for_a_program_without_a_row_is_explained() -> None:
    """The table of docs/verification.md has the words and sentences of the code, in its order."""
    section = (REPOSITORY / "docs" / "verification.md").read_text()
    section = section.split("\n## Why a program gives no row\n", 1)[1]
    rows = re.findall(r"^\| (.+) \| (.+) \|$", section.split("\n## ", 1)[0], flags=re.M)
    assert [("word", "what it says"), *((r.value, r.sentence) for r in Reason)] == rows


def test_every_role_is_explained() -> None:
    """The roles of arguments are all named."""
    for role in get_args(launch.Role):
        assert f"`{role}`" in _section("Argument")


def test_example_is_a_row() -> None:
    """The JSON of the example decodes as a row, its code cut short."""
    shown = re.search(r"```json\n(.*?)```", RECORD, flags=re.S)
    assert shown is not None
    example = msgspec.json.decode(shown[1], type=record.Row)
    assert list(json.loads(shown[1])) == list(record.Row.__struct_fields__)
    assert "characters more" in example.code


def test_every_command_is_in_the_readme() -> None:
    """The table of commands names each command that there is."""
    readme = (REPOSITORY / "README.md").read_text()
    for name, purpose in commands():
        assert f"`python -m warpgen.{name}`" in readme
        assert purpose


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_scripts_of_pages_exist(page: Path) -> None:
    """What a page links to or tells to run is there."""
    text = page.read_text()
    for link in re.findall(r"\]\((?!https?://)([^)#]+)\)", text):
        assert (page.parent / link).exists(), link
    for script in re.findall(r"\./(scripts/\w+)", text):
        assert (REPOSITORY / script).exists(), script
    for module in re.findall(r"python -m warpgen\.([\w.]+\w)", text):
        assert (REPOSITORY / "warpgen" / f"{module.replace('.', '/')}.py").exists(), module


def test_marked_blocks_are_written_anew(tmp_path: Path) -> None:
    """Refreshing a page replaces the blocks and nothing else, and a second time changes nothing."""
    page = "before\n<!-- figures: written by scripts/sample -->\n<!-- end -->\nbetween\n"
    page += "<!-- programs: written by scripts/sample -->\nold\n<!-- end -->\nafter\n"
    rows = {target: row(0, target) for target in record.TARGETS}
    manifests = finished_root(tmp_path)
    once = refresh(page, rows, manifests)
    assert once.startswith("before\n<!-- figures")
    assert "| rows | 5 | 5 |" in once
    assert once.endswith("<!-- end -->\nafter\n")
    assert "old" not in once
    assert once.count(FORWARD.strip()) == 2
    assert refresh(once, rows, manifests) == once


def test_pages_are_refreshed_from_the_datasets(tmp_path: Path) -> None:
    """The command writes the chosen row into every page; without datasets it says what to do."""
    page = tmp_path / "page.md"
    page.write_text("<!-- row: written by scripts/sample -->\n<!-- end -->\n")
    with pytest.raises(RootError, match=r"python -m warpgen\.run"):
        main([str(tmp_path), str(page)])
    finished_root(tmp_path)
    assert main([str(tmp_path), str(page)]) == 0
    assert '"id": "s0-3-cpu"' in page.read_text()
