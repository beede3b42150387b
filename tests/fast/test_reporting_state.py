"""The state file: what it says is what was written, or the next session says that it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.reporting_root import finished_root
from warpgen import stats
from warpgen.reporting.state import NAME, State, StateFile, is_as_written

STATE = State("P3_REPORT", "completed", "true", {}, "none", "one session")
NOTE = "found damaged, edited or without its seal"


@pytest.fixture
def written(tmp_path: Path) -> bytes:
    """A state file of one session, under tmp_path."""
    StateFile(tmp_path).write(STATE)
    return (tmp_path / NAME).read_bytes()


def test_a_whole_file_is_gone_on_from(tmp_path: Path, written: bytes) -> None:
    """Each session adds its line and nothing else; where there is no file nothing is amiss."""
    assert is_as_written(tmp_path) and is_as_written(tmp_path / "elsewhere")
    StateFile(tmp_path).write(STATE)
    text = (tmp_path / NAME).read_text()
    assert text.startswith("# Dataset Production State\n<!-- sha256 of the lines below: ")
    assert (text.count("one session"), NOTE in text) == (2, False)
    assert is_as_written(tmp_path)


def test_any_change_is_told_by_the_next_session(tmp_path: Path, written: bytes) -> None:
    """A bit flipped in any byte, a cut at any byte."""
    path = tmp_path / NAME
    for place in range(len(written)):
        flipped = bytearray(written)
        flipped[place] ^= 1 << place % 8
        for data in (bytes(flipped), written[:place]):
            path.write_bytes(data)
            assert not is_as_written(tmp_path)
    StateFile(tmp_path).write(STATE)
    assert NOTE in path.read_text()
    assert is_as_written(tmp_path)


def test_check_tells_of_a_state_file_that_was_changed(
    tmp_path: Path, written: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is no part of a dataset, whose figures are as true as before."""
    finished_root(tmp_path)
    assert stats.main(["--root", str(tmp_path), "--check"]) == 0
    assert capsys.readouterr().err == ""
    (tmp_path / NAME).write_bytes(written.replace(b"completed", b"blocked"))
    assert stats.main(["--root", str(tmp_path), "--check"]) == 0
    assert "DATASET_STATE.md was damaged or edited" in capsys.readouterr().err
