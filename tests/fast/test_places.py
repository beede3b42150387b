"""What commands are pointed at, and what is kept of a store on this machine."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from warpgen import export, harvest, places, stats
from warpgen.errors import UsageError


@pytest.mark.parametrize("text", ["s3://bucket/a/b", "gs://bucket"])
def test_an_address_is_no_path(text: str) -> None:
    """It stays as it is, while a folder, also by file://, is one."""
    assert places.root(text) == text
    assert places.root("file:///a/b") == Path("/a/b")
    assert places.root("a/b") == Path("a/b")


def test_what_is_written_here_is_not_named_by_an_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused in a sentence, and no folder named s3: appears."""
    monkeypatch.chdir(tmp_path)
    for main, args in (
        (export.main, ["--format", "parquet", "--out", "s3://bucket/out"]),
        (export.main, ["--format", "parquet", "--out", "out", "--exclude", "s3://bucket/file"]),
        (harvest.main, ["warp.optim", "--root", "s3://bucket/root"]),
        (stats.main, ["--html", "s3://bucket/page.html"]),
    ):
        with pytest.raises(UsageError, match="in an object store"):
            main(args)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_command_fetched_goes_with_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But not what a living one holds, nor what was begun a moment ago."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    dead, held, young = (places.cache() / f"read-{name}" for name in ("dead", "held", "young"))
    for folder in (dead, held, young):
        folder.mkdir(parents=True)
    for folder in (dead, held):
        os.utime(folder, (0, 0))
    descriptor = os.open(held, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    try:
        with places.own_folder() as own:
            assert {path.name for path in places.cache().iterdir()} == {own.name, held.name, young.name}
    finally:
        os.close(descriptor)
    assert {path.name for path in places.cache().iterdir()} == {held.name, young.name}
