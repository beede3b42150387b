"""A new user's first ten minutes: the page followed word by word, from installation to a row that runs."""

from __future__ import annotations

import shlex
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import REPOSITORY, python
from tests.support.pages import blocks, checkout, run_block, shortened

# The packages that warpgen needs are those of this environment: to download them again proves nothing.
_HERE = (
    ("python3 -m venv env", f"{shlex.quote(sys.executable)} -m venv --without-pip env && {{shared}}"),
    ("pip install ./warpgen", "pip install --quiet --no-deps --no-build-isolation ./warpgen"),
)


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder with a plain name: elsewhere pip writes an `env/bin/warpgen` that does not start."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        yield Path(name)


def test_the_page_is_true_word_by_word(folder: Path) -> None:
    """Every block ends well; the command, its data files and the rows are there; verdicts are as told."""
    pytest.importorskip("flit_core", reason="building a wheel needs flit_core")
    checkout(folder / "warpgen")
    packages = shlex.quote(sysconfig.get_path("purelib"))
    shared = f'echo {packages} >"$(echo env/lib/python*/site-packages)/shared.pth"'
    before = sorted((folder / "warpgen").rglob("*"))
    told = ""
    for block in blocks(REPOSITORY / "docs" / "first_ten_minutes.md"):
        text = shortened(block.text)
        for told_them, done_here in _HERE:
            text = text.replace(told_them, done_here.replace("{shared}", shared))
        code, output = run_block(f"unset PYTHONPATH\n{text}", folder)
        assert code == 0, f"line {block.line}:\n{block.text}\n{output}"
        told += output
    assert sorted((folder / "warpgen").rglob("*")) == before  # building left nothing there
    installed = next((folder / "env" / "lib").glob("python*/site-packages/warpgen"))
    assert (installed / "reporting" / "page" / "page.css").is_file()
    assert "every figure of manifests/cpu_manifest.json agrees with the dataset" in told
    assert "output " in told
    assert "the same kernel: True" in told
    assert (folder / "page.html").stat().st_size < 5 * 10**6


def test_the_command_calls_the_others() -> None:
    """`warpgen stats --help` is that of stats; an unknown command is one clear sentence."""
    done = python("-m", "warpgen", "stats", "--help")
    assert done.returncode == 0
    assert "--html" in done.stdout
    done = python("-m", "warpgen", "nonsense")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("warpgen: there is no command 'nonsense': it is one of ")
    assert done.stderr.count("\n") == 1
