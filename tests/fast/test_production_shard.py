"""Shards: what is written comes back, and damage never does."""

from __future__ import annotations

from pathlib import Path

import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.imaginary import recipe_of, row, shard_of
from warpgen.errors import UnitError
from warpgen.production.state import shard
from warpgen.production.unit import Unit
from warpgen.production.work.worker import store

RECIPE = recipe_of()
UNIT = Unit(64, 80)
DATA = shard_of(UNIT, RECIPE)


def test_rows_come_back_in_order() -> None:
    """Taking the lengths of the table one after another gives the rows."""
    read = shard.Shard(DATA, RECIPE.hash, UNIT)
    reader = read.rows(0)
    taken = [reader.take(made.rows[0]) for made in read.table.made if made.rows[0]]
    assert [row(index, "cpu") for index in range(64, 80) if index != 67] == taken


def test_the_same_unit_gives_the_same_bytes() -> None:
    """A shard made twice is the same file."""
    assert shard_of(UNIT, RECIPE) == DATA


@given(place=st.integers(0, len(DATA) - 1), flip=st.integers(1, 255))
@settings(max_examples=200)
def test_any_flipped_byte_is_found(place: int, flip: int) -> None:
    """No single byte can change unnoticed."""
    damaged = bytearray(DATA)
    damaged[place] ^= flip
    with pytest.raises(UnitError):
        shard.Shard(bytes(damaged), RECIPE.hash, UNIT)


@given(length=st.integers(0, len(DATA) - 1))
@settings(max_examples=100)
def test_any_cut_is_found(length: int) -> None:
    """No shard that was cut short is taken."""
    with pytest.raises(UnitError):
        shard.Shard(DATA[:length], RECIPE.hash, UNIT)


@given(data=st.binary(max_size=200))
@settings(max_examples=100)
def test_other_bytes_are_refused(data: bytes) -> None:
    """Whatever else lies there is no shard, even with a right checksum."""
    body = shard.MAGIC + data
    with pytest.raises(UnitError):
        shard.Shard(body + xxhash.xxh3_128_digest(body), RECIPE.hash, UNIT)


@pytest.mark.parametrize(
    ("recipe", "unit"), [(recipe_of(rows=9), UNIT), (RECIPE, Unit(0, 16)), (RECIPE, Unit(64, 79))]
)
def test_a_shard_of_something_else_is_refused(recipe: object, unit: Unit) -> None:
    """A valid shard is not taken for that of another recipe or unit."""
    with pytest.raises(UnitError, match="another recipe or unit"):
        shard.Shard(DATA, getattr(recipe, "hash"), unit)  # noqa: B009  (parametrize loses the type)


def test_only_the_journalled_shard_is_read(tmp_path: Path) -> None:
    """A missing shard, and one that is not what the journal says, are to be made again."""
    with pytest.raises(UnitError, match="missing"):
        shard.read(tmp_path, UNIT, RECIPE.hash, "")
    outcome = store(tmp_path, UNIT, DATA)
    assert shard.read(tmp_path, UNIT, RECIPE.hash, outcome.checksum).table.start == 64
    with pytest.raises(UnitError, match="journalled"):
        shard.read(tmp_path, UNIT, RECIPE.hash, "0" * 32)


def test_a_folder_that_is_gone_is_fatal(tmp_path: Path) -> None:
    """Where no shard can be stored, trying another unit cannot help."""
    assert store(tmp_path / "gone", UNIT, DATA).fatal
