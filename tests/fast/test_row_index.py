"""Rows by id: the index beside a long file is made once, and again when the file changed."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from tests.support.commands import SAMPLES
from warpgen import row_index
from warpgen.errors import DamageError, UsageError
from warpgen.record import Row
from warpgen.row_index import RowIndex

LINES = SAMPLES["cpu"].read_bytes().splitlines(keepends=True)
IDS = [msgspec.json.decode(line)["id"] for line in LINES]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of a few rows that counts as long."""
    monkeypatch.setattr(row_index, "_SHORT", 1)
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"".join(LINES))
    return path


def beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.index")


def test_every_row_is_found_and_the_file_is_not_read_again(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In their order; an id that is not there raises KeyError."""
    first = RowIndex([file], Row)
    assert list(first) == IDS and len(first) == len(IDS) and IDS[3] in first
    monkeypatch.setattr("warpgen.jsonl.rows", lambda *_: pytest.fail("the file was read"))
    again = RowIndex([file], Row)
    for id, line in zip(IDS, LINES, strict=True):
        assert again.row(id) == msgspec.json.decode(line, type=Row)
    with pytest.raises(KeyError):
        again.row("nobody")
    assert sorted(os.listdir(file.parent)) == ["rows.jsonl", "rows.jsonl.index"]


def test_a_changed_file_is_indexed_anew(file: Path) -> None:
    """Whether by its size or by its time; what was opened before says that it changed."""
    old = RowIndex([file], Row)
    file.write_bytes(b"".join(LINES[3:]))
    assert list(RowIndex([file], Row)) == IDS[3:]
    with pytest.raises(DamageError, match="changed"):
        old.row(IDS[0])
    turned = LINES[3:][::-1]
    file.write_bytes(b"".join(turned))  # of the same size
    os.utime(file, ns=(1, 1))
    assert list(RowIndex([file], Row)) == IDS[3:][::-1]


@pytest.mark.parametrize("spoilt", [b"", b"\x00", b"no index", b"cut"])
def test_a_damaged_index_is_made_again(file: Path, spoilt: bytes) -> None:
    """Nothing in it is believed that does not decode."""
    RowIndex([file], Row)
    whole = beside(file).read_bytes()
    beside(file).write_bytes(whole[: len(whole) // 2] if spoilt == b"cut" else spoilt)
    assert RowIndex([file], Row).row(IDS[1]).id == IDS[1]
    assert beside(file).read_bytes() == whole


def test_an_index_that_points_elsewhere_gives_no_other_row(file: Path) -> None:
    """The row must have the id that was asked for."""
    RowIndex([file], Row)
    index = msgspec.msgpack.decode(beside(file).read_bytes())
    beside(file).write_bytes(msgspec.msgpack.encode(index | {"ids": index["ids"][::-1]}))
    with pytest.raises(DamageError, match="changed"):
        RowIndex([file], Row).row(IDS[0])


def test_a_short_file_keeps_none(tmp_path: Path) -> None:
    """Nor does one in a folder that may only be read fail."""
    path = tmp_path / "rows.jsonl"
    path.write_bytes(LINES[0])
    assert list(RowIndex([path], Row)) == IDS[:1]
    assert not beside(path).exists()


def test_two_rows_of_one_id_are_refused(file: Path) -> None:
    """By the names of both files."""
    other = file.with_name("other.jsonl")
    other.write_bytes(LINES[0])
    with pytest.raises(UsageError, match=r"rows\.jsonl and other\.jsonl"):
        RowIndex([file, other], Row)
