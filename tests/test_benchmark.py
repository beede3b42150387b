"""The parts of the benchmark still measure what they name."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parent.parent


@pytest.mark.slow
@pytest.mark.parametrize(
    ("part", "argument", "figures"),
    [
        ("floor", "3", {"cpu", "execute", "hash", "build", "text"}),
        ("loop", "3", {"cpu"}),
        ("merge", "2", {"bytes", "cpu", "wall", "rows", "grown"}),
    ],
)
def test_part_prints_its_figures(part: str, argument: str, figures: set[str]) -> None:
    """Each part ends well and prints one JSON object with its figures, none of them negative."""
    process = subprocess.Popen(
        [sys.executable, "scripts/benchmark/parts.py", part, argument],
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=100)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0
    found = json.loads(output)
    assert figures == set(found)
    assert min(found.values()) >= 0
