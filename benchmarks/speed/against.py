"""An older commit beside this one: the same recipe, run by both in turn, pair by pair.

Programs may be others there, so costs are compared by MiB of rows, too.
"""

from __future__ import annotations

import compileall
import contextlib
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from benchmarks.speed.processes import Run, run
from warpgen.recipe import Level

_HERE = Path(__file__).resolve().parents[2]


@contextlib.contextmanager
def checkout(commit: str) -> Iterator[Path]:
    """A folder that holds the commit for the length of the block."""
    with tempfile.TemporaryDirectory(prefix="warpgen-bench-") as folder:
        tree = Path(folder) / "tree"
        git = ["git", "-C", str(_HERE), "worktree"]
        added = subprocess.run(
            [*git, "add", "--detach", "--quiet", str(tree), commit], stderr=subprocess.PIPE, text=True
        )
        if added.returncode:
            raise SystemExit(f"bench: --against {commit}: {added.stderr.strip()}")
        try:
            compileall.compile_dir(tree / "warpgen", quiet=1)  # as ours is by now
            yield tree
        finally:
            subprocess.run([*git, "remove", "--force", str(tree)], check=True)


def compare(commit: str, rows: int, repeat: int) -> dict[str, Any]:
    """Per level, what each pair of runs cost, here and there."""
    found: dict[str, Any] = {level: [] for level in get_args(Level)}
    with checkout(commit) as tree:
        for number in range(repeat):
            for level, pairs in found.items():
                recipe = ["--target", "both", "--rows", str(rows), "--verify", level, "--workers", "2"]
                places = [None, tree] if number % 2 == 0 else [tree, None]  # neither always goes first
                made = {place: _costs(run(recipe, place)) for place in places}
                pairs.append([made[None], made[tree]])
    return {"commit": commit, "rows": rows, "levels": found}


def _costs(made: Run) -> dict[str, float]:
    return {
        "CPU ms per program": made.cpu / made.programs * 1e3,
        "CPU ms per MiB": made.cpu / (made.bytes / 2**20) * 1e3,
        "s to first row": made.first_row,
    }


def table(compared: dict[str, Any]) -> str:
    """Medians here and there, and the median of the pairs' ratios with the least and the greatest."""
    lines = [
        "| level | figure | here | there | here / there, pair by pair |",
        "|---|---|---|---|---|",
    ]
    for level, pairs in compared["levels"].items():
        for name in pairs[0][0]:
            here, there = ([side[name] for side in sides] for sides in zip(*pairs, strict=True))
            ratios = [a / b for a, b in zip(here, there, strict=True)]
            middle = statistics.median
            lines.append(
                f"| {level} | {name} | {middle(here):,.1f} | {middle(there):,.1f} "
                f"| {middle(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) |"
            )
    return "\n".join(lines)
