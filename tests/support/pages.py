"""The commands of the pages: every ```bash block, and what a test changes before it runs one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from tests.support.commands import REPOSITORY, finished

# What is replaced before a block runs: the sizes and levels that people want, by what a test can wait for.
SUBSTITUTIONS = (
    (r"--size \d+[MG]iB", "--rows 12"),
    (r"--rows \d{2,}", "--rows 12"),
    # scripts/produce prepares .venv in the checkout and then calls this.
    (r"\./scripts/produce", "python -m warpgen.run"),
    (r"\./scripts/python", "python"),
    (r"\./scripts/bench", "python -m benchmarks"),
    (r"(-m warpgen\.|warpgen )run\b(?![^\n]*--rows)", r"\1run --rows 12"),
    # Verified runs have tests of their own; each would take its compilers' ten seconds here.
    (r"--verify run", "--verify none"),
    (r"(-m warpgen\.|warpgen )run\b(?![^\n]*--verify)", r"\1run --verify none"),
)


class Block(NamedTuple):
    """A block of commands; `reason` says why it cannot run, or is empty."""

    line: int
    text: str
    reason: str


def pages() -> list[Path]:
    """All pages that a reader may follow; what commands write themselves is not among them."""
    return sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")])


def blocks(page: Path) -> list[Block]:
    """The bash blocks of a page. `<!-- not run here: why -->` before one says why it cannot run."""
    text = page.read_text()
    found = []
    for match in re.finditer(r"(?:<!-- not run here: (.+?) -->\n)?^```bash\n(.*?)^```$", text, re.S | re.M):
        found.append(Block(text[: match.start(2)].count("\n") + 1, match[2], match[1] or ""))
    return found


def shortened(block: str) -> str:
    """The block with the substitutions made."""
    for pattern, replacement in SUBSTITUTIONS:
        block = re.sub(pattern, replacement, block)
    return block


def checkout(folder: Path) -> None:
    """A copy of what an installation reads."""
    skipped = shutil.ignore_patterns("__pycache__", "*.egg-info", "build")
    shutil.copytree(REPOSITORY / "warpgen", folder / "warpgen", ignore=skipped)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, folder)


_LIMIT = 240  # seconds for one block; most take about five


def run_block(text: str, folder: Path) -> tuple[int, str]:
    """Exit code and all output of commands in a folder; their whole group is killed at the end."""
    done = finished(
        ["bash", "-euo", "pipefail", "-c", text],
        _LIMIT,
        cwd=folder,
        stderr=subprocess.STDOUT,
        env=os.environ
        | {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(REPOSITORY), "NO_COLOR": "1"},
    )
    return done.returncode, done.stdout
