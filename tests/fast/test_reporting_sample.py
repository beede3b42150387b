"""Samples of the datasets, small enough to be kept with the code."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.reporting_root import finished_root
from warpgen.errors import RootError
from warpgen.paths import dataset_path
from warpgen.reporting.sample import main, write_sample


def test_rows_are_evenly_spread_and_unchanged(tmp_path: Path) -> None:
    """A sample holds every second line of ten when five are asked for."""
    finished_root(tmp_path, ("cpu",), count=10)
    lines = dataset_path(tmp_path, "cpu").read_bytes().splitlines(keepends=True)
    assert write_sample(tmp_path, tmp_path, "cpu", 5).read_bytes() == b"".join(lines[::2])


def test_a_small_dataset_is_its_own_sample(tmp_path: Path) -> None:
    """With fewer rows than asked for, all are taken, for each target that is there."""
    finished_root(tmp_path, count=3)
    assert main([str(tmp_path), "--out", str(tmp_path)]) == 0
    for target in ("cpu", "cuda"):
        sample = tmp_path / "data" / "samples" / f"{target}_sample.jsonl"
        dataset = tmp_path / "data" / f"production_{target}" / f"{target}_code_dataset.jsonl"
        assert sample.read_bytes() == dataset.read_bytes()


def test_nothing_to_sample_is_one_clear_sentence(tmp_path: Path) -> None:
    """Without a finished dataset the error says how to make one."""
    with pytest.raises(RootError, match=r"python -m warpgen\.run"):
        main([str(tmp_path), "--out", str(tmp_path)])
