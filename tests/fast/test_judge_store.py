"""What rows cost, kept for the next process: bounded, whole or not there, and nobody else's to write."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from warpgen.errors import UsageError
from warpgen.verification.bench.store import Store


def test_an_entry_comes_back_by_its_key(tmp_path: Path) -> None:
    """For another process, too; other keys and other kinds find nothing."""
    Store(tmp_path / "store").put(("row", 1), [1, 2])
    store = Store(tmp_path / "store")
    assert store.get(("row", 1), list[int]) == [1, 2]
    assert store.get(("row", 2), list[int]) is None
    assert store.get(("row", 1), str) is None


@pytest.mark.parametrize("spoil", ["cut", "flipped", "empty"])
def test_a_damaged_entry_is_not_there(tmp_path: Path, spoil: str) -> None:
    """And is made again."""
    store = Store(tmp_path)
    store.put("key", "value")
    (path,) = tmp_path.iterdir()
    data = path.read_bytes()
    flipped = data[:-1] + bytes([data[-1] ^ 1])
    path.write_bytes({"cut": data[:-1], "flipped": flipped, "empty": b""}[spoil])
    assert store.get("key", str) is None
    store.put("key", "value")
    assert store.get("key", str) == "value"


def test_what_was_asked_for_longest_ago_goes_first(tmp_path: Path) -> None:
    """The folder stays below its size; what is long is not kept at all."""
    store = Store(tmp_path, most=100_000)
    for number in range(300):
        store.put(number, "x" * 1000)
        os.utime(store._path(number), ns=(number, number))
        assert store.get(0, str)  # and is young again
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 100_000 + 64 * 1100
    assert store.get(0, str) and store.get(299, str) and store.get(1, str) is None
    store.put("long", "x" * (20 << 20))
    assert store.get("long", str) is None


def test_a_folder_that_others_may_write_to_is_refused(tmp_path: Path) -> None:
    """What is in it is believed."""
    tmp_path.chmod(0o777)
    with pytest.raises(UsageError, match="others may write"):
        Store(tmp_path)
