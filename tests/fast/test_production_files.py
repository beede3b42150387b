"""Growing files, durable writes, the lock, the dedup index and the split."""

from __future__ import annotations

import os
import random
import signal
from collections import Counter
from pathlib import Path

import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from warpgen import durable
from warpgen.errors import DamageError, RootError
from warpgen.exporting.export import appearing
from warpgen.production.state.append_only import AppendOnlyFile, prove
from warpgen.production.state.dedup import KEY, NEW, SOURCE, STRUCTURE, Index, key_of, part_of
from warpgen.production.state.journal import Mark
from warpgen.production.state.lock import locked
from warpgen.split import split_of


def test_a_growing_file_goes_on_from_any_mark(tmp_path: Path) -> None:
    """Opened at a mark it forgets what came later, and its hash is that of what it holds."""
    path = tmp_path / "file"
    file = AppendOnlyFile(path, Mark(), prove(path, ()))
    file.write(b"one")
    mark = file.sync()
    file.write(b"two")
    file.sync()
    file.close()
    file = AppendOnlyFile(path, mark, prove(path, [mark]))
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


def test_an_export_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every file of it, and every folder, is synced; then it is renamed."""
    done: list[str] = []

    def sync(descriptor: int) -> None:
        done.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")).name)

    def rename(source: Path, target: Path) -> None:
        done.append("renamed")

    monkeypatch.setattr(durable, "sync", sync)
    monkeypatch.setattr(durable, "rename", rename)
    with appearing(tmp_path / "out") as folder:
        (folder / "data").mkdir()
        (folder / "data" / "part").write_bytes(b"x")
        name = folder.name
    assert sorted(done[-4:-1]) == sorted(["data", "part", name])
    assert done[-1] == "renamed"


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


def first_wins(keys: list[bytes]) -> bytes:
    """What each key repeats, by a plain reading of the rules."""
    kept: dict[bytes, bytes] = {}
    verdicts = []
    for key in keys:
        structure, source = key[:10], key[10:]
        if structure not in kept:
            verdicts.append(NEW)
        else:
            verdicts.append(SOURCE if kept[structure] == source else STRUCTURE)
        kept.setdefault(structure, source)
    return bytes(verdicts)


def in_batches(index: Index, keys: list[bytes], size: int) -> bytes:
    """The same by the index, so many keys at a time."""
    return b"".join(index.add(b"".join(keys[place : place + size])) for place in range(0, len(keys), size))


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 3)), max_size=200), st.integers(1, 70))
@settings(max_examples=100)
def test_the_index_agrees_with_a_dictionary(programs: list[tuple[int, int]], batch: int) -> None:
    """First in order wins; what has the kept one's source repeats the source, else the structure."""
    index = Index()
    # Neighbours in the table, homes that are taken, and words of zeros.
    keys = [
        key_of(bytes([source]) * 16, bytes(2) + structure.to_bytes(8, "big") + bytes(6))
        for structure, source in programs
    ]
    assert first_wins(keys) == in_batches(index, keys, batch)
    assert len({key[:10] for key in keys}) == len(index)


@pytest.mark.parametrize("spread", [2, 1 << 64])
@pytest.mark.parametrize("batch", [61, 40_000])
def test_the_index_grows(spread: int, batch: int) -> None:
    """Through many growths, crowded at a few prefixes or not, nothing is lost and nothing invented."""
    draw = random.Random(spread + batch)
    keys = [
        draw.randrange(spread).to_bytes(2, "big")
        + bytes(6)
        + draw.randbytes(1)
        + bytes(5)
        + draw.randbytes(2)
        if spread < 1 << 16
        else draw.randrange(spread).to_bytes(8, "big") + bytes(6) + draw.randbytes(2)
        for _ in range(3_000 if spread < 1 << 16 else 60_000)
    ]
    index = Index()
    found = in_batches(index, keys, batch)
    assert first_wins(keys) == found
    assert in_batches(index, keys, batch).count(NEW) == 0
    assert index.nbytes <= 32 * (len(index) + batch) + (
        1 << 17
    )  # room for the batch, and what is always there


def test_the_index_can_be_cut_by_prefix() -> None:
    """Parts that know nothing of each other agree with the whole."""
    draw = random.Random(1)
    keys = [draw.randbytes(1) + bytes(9) + draw.randbytes(1) + bytes(5) for _ in range(5_000)]
    whole = in_batches(Index(), keys, 64)
    parts = [Index(3) for _ in range(3)]
    assert whole == b"".join(parts[part_of(key, 3)].add(key) for key in keys)
    assert all(len(part) > 50 for part in parts)


def test_hashes_that_are_none_are_refused() -> None:
    """A table in which everything has one prefix is no one's but an attacker's."""
    keys = [b"\xff" * 4 + number.to_bytes(4, "big") + bytes(8) for number in range(8_000)]
    with pytest.raises(DamageError):
        in_batches(Index(), keys, 4_000)


def test_a_key_is_as_long_as_its_place_on_disk() -> None:
    """The seen file is read back in steps of KEY bytes."""
    assert len(key_of(bytes(16), bytes(16))) == KEY


def test_about_one_in_fifty_is_kept_for_evaluation() -> None:
    """The split follows the structure's hash: 98, 1 and 1 per cent."""
    splits = Counter(split_of(xxhash.xxh3_128_hexdigest(str(k).encode())) for k in range(20_000))
    assert 19_500 <= splits["train"] <= 19_700
    assert 120 <= splits["test"] <= 280
    assert 120 <= splits["validation"] <= 280
