"""The pages are whole: blocks that run or say why not, an order, outputs without errors."""

from __future__ import annotations

import json
import re

from tests.support.commands import REPOSITORY
from tests.support.pages import blocks, pages, shortened


def test_a_block_that_is_not_run_says_why() -> None:
    """The mark before a block holds a reason, and stands directly before one."""
    for page in pages():
        marks = re.findall(r"^<!-- not run here: .+? -->$", page.read_text(), re.S | re.M)
        reasons = [block.reason for block in blocks(page) if block.reason]
        assert len(marks) == len(reasons), page.name
        assert all(len(reason.split()) > 2 for reason in reasons)


def test_commands_stand_in_bash_blocks_alone() -> None:
    """No block of another name hides commands from the test."""
    for page in pages():
        others = re.findall(r"^```(sh|shell|console|zsh)\b", page.read_text(), re.M)
        assert others == [], page.name


def test_sizes_are_made_small() -> None:
    """The substitutions leave no large run behind."""
    made_small = "python -m warpgen.run --verify none --rows 12"
    assert shortened("./scripts/produce --size 2MiB --root a") == f"{made_small} --root a"
    assert shortened("./scripts/produce") == made_small
    assert shortened("warpgen run --rows 3") == "warpgen run --verify none --rows 3"


def test_the_notebook_shows_no_errors_and_no_paths() -> None:
    """Its outputs are there, and none is a traceback or names a folder of the machine that made it."""
    text = (REPOSITORY / "docs" / "python.ipynb").read_text()
    cells = json.loads(text)["cells"]
    outputs = [output for cell in cells if cell["cell_type"] == "code" for output in cell["outputs"]]
    assert outputs and all(output["output_type"] == "stream" for output in outputs)
    assert not re.search(r"/(home|root|tmp|work)/", text)


def test_every_page_is_in_the_navigation() -> None:
    """A page that nobody can find is not there."""
    listed = re.findall(r": ([\w/]+\.md)$", (REPOSITORY / "mkdocs.yml").read_text(), re.M)
    pages = [path.relative_to(REPOSITORY / "docs").as_posix() for path in (REPOSITORY / "docs").rglob("*.md")]
    assert sorted(listed) == sorted(pages)
