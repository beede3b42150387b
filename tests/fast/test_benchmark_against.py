"""What the benchmark says of two commits that ran side by side."""

from __future__ import annotations

import pytest

from benchmarks.speed.__main__ import _ratio
from benchmarks.speed.against import checkout, table


def test_ratios_are_of_pairs() -> None:
    """The median of the pairs' ratios, not the ratio of the medians: a slow minute slows both of a pair."""
    here, there = [1.0, 40.0, 3.0], [2.0, 50.0, 4.0]
    pairs = [[{"ms": a}, {"ms": b}] for a, b in zip(here, there, strict=True)]
    last = table({"levels": {"run": pairs}}).splitlines()[-1]
    assert last == "| run | ms | 3.0 | 4.0 | 0.75 (0.50 to 0.80) |"
    assert _ratio(here, there) == "0.75 (0.50 to 0.80)"


def test_an_unknown_commit_is_refused() -> None:
    """In a sentence with git's reason, before anything is measured."""
    with pytest.raises(SystemExit, match=r"--against no-such-commit: .+"), checkout("no-such-commit"):
        pass
