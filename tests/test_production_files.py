"""Growing files, durable writes, the lock, the dedup index and the split."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from warpgen import durable
from warpgen.errors import RootError
from warpgen.production.dedup import KEY, Index, key_of
from warpgen.production.growing import GrowingFile, prove
from warpgen.production.journal import Mark
from warpgen.production.lock import locked
from warpgen.production.split import split_of


def test_a_growing_file_goes_on_from_any_mark(tmp_path: Path) -> None:
    """Opened at a mark it forgets what came later, and its hash is that of what it holds."""
    path = tmp_path / "file"
    file = GrowingFile(path, Mark(), prove(path, ()))
    file.write(b"one")
    mark = file.sync()
    file.write(b"two")
    file.sync()
    file.close()
    file = GrowingFile(path, mark, prove(path, [mark]))
    file.write(b"three")
    assert Mark(8, xxhash.xxh3_128_hexdigest(b"onethree")) == file.sync()
    file.close()
    assert path.read_bytes() == b"onethree"


def test_only_true_marks_are_proven(tmp_path: Path) -> None:
    """A mark past the end or of other bytes does not hold; the empty one always does."""
    path = tmp_path / "file"
    path.write_bytes(b"abcdef")
    good = Mark(3, xxhash.xxh3_128_hexdigest(b"abc"))
    wrong = Mark(4, xxhash.xxh3_128_hexdigest(b"abcX"))
    beyond = Mark(7, xxhash.xxh3_128_hexdigest(b"abcdefg"))
    assert {Mark(), good} == set(prove(path, [beyond, wrong, good]))
    assert {Mark()} == set(prove(tmp_path / "none", [good]))


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a part of the new file nor its temporary name stays."""
    path = tmp_path / "file"
    durable.write(path, b"old")

    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(durable, "sync", fail)
    with pytest.raises(OSError, match="No space"):
        durable.write(path, b"new")
    assert os.listdir(tmp_path) == ["file"]
    assert path.read_bytes() == b"old"


def test_a_second_holder_is_refused(tmp_path: Path) -> None:
    """A lock is held by one, and leaves no file behind."""
    path = tmp_path / "lock"
    with locked(path), pytest.raises(RootError, match="another warpgen run"), locked(path):
        pass
    with locked(path):
        pass
    assert not path.exists()


def test_a_lock_dies_with_its_holder(tmp_path: Path) -> None:
    """After a SIGKILL the next one gets it, though the file is still there."""
    path = tmp_path / "lock"
    ready, told = os.pipe()
    child = os.fork()
    if child == 0:
        with locked(path):
            os.write(told, b"1")
            signal.pause()
    os.read(ready, 1)
    with pytest.raises(RootError), locked(path):
        pass
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert path.exists()
    with locked(path):
        pass
    os.close(ready)
    os.close(told)


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 3)), max_size=200))
@settings(max_examples=100, deadline=None)
def test_the_index_agrees_with_a_dictionary(programs: list[tuple[int, int]]) -> None:
    """First in order wins; what has the kept one's source repeats the source, else the structure."""
    index = Index()
    kept: dict[bytes, bytes] = {}
    for structure, source in programs:
        # A few structures of zeros and ones make hits that lie across two entries of a bucket.
        shape = bytes(2) + bytes(bit == "1" for bit in f"{structure % 32:08b}") + bytes(6)
        text = source.to_bytes(16, "big")[::-1]
        expected = None
        if shape in kept:
            expected = "source" if kept[shape] == text else "structure"
        else:
            kept[shape] = text
        assert expected == index.repeat(key_of(text, shape))
    assert len(kept) == len(index)


def test_a_key_is_as_long_as_its_place_on_disk() -> None:
    """The seen file is read back in steps of KEY bytes."""
    assert len(key_of(bytes(16), bytes(16))) == KEY


def test_about_one_in_fifty_is_kept_for_evaluation() -> None:
    """The split follows the structure's hash: 98, 1 and 1 per cent."""
    splits = Counter(split_of(xxhash.xxh3_128_hexdigest(str(k).encode())) for k in range(20_000))
    assert 19_500 <= splits["train"] <= 19_700
    assert 120 <= splits["test"] <= 280
    assert 120 <= splits["validation"] <= 280
