"""Every command block of every page runs as it stands, but for sizes; or the page says why not."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import SMALL, call, finished
from tests.support.pages import ROOT, blocks, pages, shortened

_LIMIT = 240  # seconds for one block; most take about five

# This page is followed in its own way, with an installation: test_first_ten_minutes.py.
_WITH_BLOCKS = [page for page in pages() if blocks(page) and page.name != "first_ten_minutes.md"]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished pair of datasets, which most blocks take for granted."""
    root = tmp_path_factory.mktemp("dataset")
    code, _, errors = call("run", *SMALL, "--rows", "12", "--root", root)
    assert code == 0, errors
    return root


def _folder(dataset: Path, folder: Path) -> Path:
    """A folder as a reader has it: the checkout's files, a dataset in it, and one under try/."""
    for name in ("scripts", "tests", "docs", "warpgen", *(p.name for p in ROOT.glob("requirements*.txt"))):
        (folder / name).symlink_to(ROOT / name)
    for place in (folder, folder / "try"):
        shutil.copytree(dataset, place, dirs_exist_ok=True)
    for path in (folder / "bin", folder / ".venv" / "bin"):
        path.mkdir(parents=True)
        for name, command in (("python", ""), ("warpgen", " -m warpgen")):
            (path / name).write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)}{command} "$@"\n')
            (path / name).chmod(0o755)
    return folder


def run_block(text: str, folder: Path) -> tuple[int, str]:
    """Exit code and all output of commands in a folder; their whole group is killed at the end."""
    done = finished(
        ["bash", "-euo", "pipefail", "-c", text],
        _LIMIT,
        cwd=folder,
        stderr=subprocess.STDOUT,
        env=os.environ
        | {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "NO_COLOR": "1"},
    )
    return done.returncode, done.stdout


def _again(block: str) -> str:
    """A root that holds a dataset already is written anew."""
    return re.sub(r"(-m warpgen\.run|warpgen run)\b", r"\1 --overwrite", block)


@pytest.mark.slow
@pytest.mark.parametrize("page", _WITH_BLOCKS, ids=lambda page: page.name)
def test_the_commands_of_a_page_run(page: Path, dataset: Path, tmp_path: Path) -> None:
    """From the first to the last, in one folder; each ends with exit code 0."""
    folder = _folder(dataset, tmp_path)
    for block in blocks(page):
        if not block.reason:
            code, output = run_block(_again(shortened(block.text)), folder)
            assert code == 0, f"{page.name}, line {block.line}:\n{block.text}\n{output}"


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
