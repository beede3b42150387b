"""Every command block of every page runs as it stands, but for sizes; or the page says why not."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from tests.support.commands import REPOSITORY, SMALL
from tests.support.pages import blocks, pages, run_block, shortened
from tests.support.roots import made_root

# This page is followed in its own way, with an installation: test_first_ten_minutes.py.
_WITH_BLOCKS = [page for page in pages() if blocks(page) and page.name != "first_ten_minutes.md"]


def _folder(folder: Path) -> Path:
    """A folder as a reader has it: the checkout's files, a dataset in it, and one under try/."""
    names = ("scripts", "tools", "benchmarks", "tests", "docs", "warpgen")
    for path in map(REPOSITORY.joinpath, names):
        (folder / path.name).symlink_to(path)
    for place in (folder, folder / "try"):  # most blocks take datasets for granted
        shutil.copytree(made_root(*SMALL, "--rows", "12"), place, dirs_exist_ok=True)
    for path in (folder / "bin", folder / ".venv" / "bin"):
        path.mkdir(parents=True)
        for name, command in (("python", ""), ("warpgen", " -m warpgen")):
            (path / name).write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)}{command} "$@"\n')
            (path / name).chmod(0o755)
    return folder


def _again(block: str) -> str:
    """A root that holds a dataset already is written anew."""
    return re.sub(r"(-m warpgen\.run|warpgen run)\b", r"\1 --overwrite", block)


@pytest.mark.parametrize("page", _WITH_BLOCKS, ids=lambda page: page.name)
def test_the_commands_of_a_page_run(page: Path, tmp_path: Path) -> None:
    """From the first to the last, in one folder; each ends with exit code 0."""
    folder = _folder(tmp_path)
    for block in blocks(page):
        if not block.reason:
            code, output = run_block(_again(shortened(block.text)), folder)
            assert code == 0, f"{page.name}, line {block.line}:\n{block.text}\n{output}"
