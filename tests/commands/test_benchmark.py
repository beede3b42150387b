"""The parts of the benchmark still measure what they name."""

from __future__ import annotations

import json

import pytest

from tests.support.commands import python


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
    done = python("-m", "benchmarks.speed.parts", part, argument)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert figures == set(found)
    assert min(found.values()) >= 0
