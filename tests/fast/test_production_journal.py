"""The journal: damage anywhere costs at most work that can be done again."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.imaginary import recipe_of
from warpgen.errors import DamageError, RootError
from warpgen.production.state import journal
from warpgen.production.state.journal import Begun, Checkpoint, Journal, Mark, Progress, Record, Stored

BEGUN = Begun(recipe_of(), "2020-01-01T00:00:00+00:00")
STORED = [Stored(64 * k, 64 * k + 64, f"{k:032x}") for k in range(4)]
CHECKPOINT = Checkpoint(128, {"seen": Mark(32, "00")}, {"cpu": Progress(7, {"source": 2}, True)})
RECORDS: list[Record] = [STORED[0], STORED[1], CHECKPOINT, STORED[2], STORED[3]]


def written(path: Path) -> bytes:
    """A journal with all records, and its bytes."""
    journal.create(path, BEGUN)
    log = Journal(path)
    for record in RECORDS:
        log.append(record)
    log.close()
    return path.read_bytes()


def test_records_come_back(tmp_path: Path) -> None:
    """What was appended is what is read."""
    path = tmp_path / "journal"
    written(path)
    assert journal.Story(BEGUN, tuple(STORED), (CHECKPOINT,), 0) == journal.read(path)


def test_a_cut_costs_only_what_was_cut(tmp_path: Path) -> None:
    """At whatever byte after the first line the journal ends, all whole lines before count."""
    path = tmp_path / "journal"
    data = written(path)
    first = data.index(b"\n") + 1
    for length in range(first, len(data)):
        path.write_bytes(data[:length])
        whole = data[:length].count(b"\n") - 3
        story = journal.read(path)
        assert story.begun == BEGUN
        assert max(whole, 0) == len(story.stored) + len(story.checkpoints)
        assert story.damaged == 0


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A journal's bytes."""
    return written(tmp_path_factory.mktemp("whole") / "journal")


@given(place=st.integers(min_value=0), flip=st.integers(1, 255))
@settings(max_examples=300)
def test_a_flipped_byte_costs_at_most_two_lines(
    tmp_path_factory: pytest.TempPathFactory, whole: bytes, place: int, flip: int
) -> None:
    """A damaged line is passed over, or two where their line end was hit; nothing false is read."""
    path = tmp_path_factory.getbasetemp() / "flipped"
    data = bytearray(whole)
    data[place % len(data)] ^= flip
    path.write_bytes(data)
    story = journal.read(path)
    assert story.begun == BEGUN
    read = [*story.stored, *story.checkpoints]
    assert all(record in RECORDS for record in read)
    assert len(read) >= len(RECORDS) - 2


@pytest.mark.parametrize("data", [b"", b"\n", b"0" * 3000, b"\xff" * 100])
def test_a_journal_without_its_recipe_is_named(tmp_path: Path, data: bytes) -> None:
    """With both copies of the recipe gone there is nothing to go on from, and the error says what to do."""
    path = tmp_path / "journal"
    path.write_bytes(data)
    with pytest.raises(DamageError, match="--overwrite"):
        journal.read(path)


def test_a_run_of_older_rows_is_not_gone_on_with(tmp_path: Path) -> None:
    """Rows of two shapes must not be in one dataset."""
    path = tmp_path / "journal"
    journal.create(path, msgspec.structs.replace(BEGUN, format=1))
    with pytest.raises(RootError, match=r"begun by another version of warpgen.*--overwrite"):
        journal.read(path)
