"""Every script of the ledger says of the installed Warp what the ledger says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.bisect import read, run, scripts
from warpgen.extraction.versions import warp_version


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("faults")


@pytest.mark.parametrize("script", scripts(), ids=lambda path: path.stem)
def test_the_fault_is_still_there(script: Path, cache: Path) -> None:
    """In a process of its own, by its exit code and by the values that it prints."""
    assert run(script, cache / "none", cache) == tuple(read()[warp_version()][script.stem])
