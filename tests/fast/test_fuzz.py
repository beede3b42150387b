"""Whatever reads files of others answers anything with a value or an error of its own."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import msgspec
import pytest
import xxhash
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import imaginary
from tests.support.fuzzing import PARSERS, RECIPE, UNIT, fuzz_once
from warpgen import durable, jsonl, store
from warpgen.errors import DamageError, RootError, UnitError
from warpgen.production.state import shard
from warpgen.reporting import report
from warpgen.reporting.survey import survey


@pytest.mark.parametrize("name", PARSERS)
@given(seed=st.integers(0, 2**64))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_parser_takes_anything(tmp_path: Path, name: str, seed: int) -> None:
    """Cut, repeated, spliced, deeply nested, with numbers out of range and right checksums."""
    fuzz_once(PARSERS[name], tmp_path, random.Random(seed))


def _forged(rows: int, frame: bytes) -> bytes:
    """A shard with a right checksum whose first row claims to be so long."""
    made = [shard.Made(index, b"s" * 16, b"t" * 16, (0,)) for index in range(UNIT.start, UNIT.stop)]
    made[0] = shard.Made(UNIT.start, b"s" * 16, b"t" * 16, (rows,))
    table = shard.Table(RECIPE.hash, UNIT.start, UNIT.stop, tuple(made), (), (len(frame),))
    head = msgspec.msgpack.encode(table)
    body = b"".join((shard.MAGIC, len(head).to_bytes(4, "little"), head, frame))
    return body + xxhash.xxh3_128_digest(body)


def test_a_decompression_bomb_does_not_go_off() -> None:
    """A row of a terabyte is refused; one that is allowed is all that is decompressed of a frame of 4 GiB."""
    zeros = zstandard.ZstdCompressor(level=1).compressobj()
    bomb = b"".join(zeros.compress(bytes(1 << 20)) for _ in range(256)) + zeros.flush()
    with pytest.raises(UnitError, match="contradicts itself"):
        shard.Shard(_forged(1 << 40, bomb), RECIPE.hash, UNIT)
    assert len(shard.Shard(_forged(1 << 20, bomb), RECIPE.hash, UNIT).rows(0).take(1 << 20)) == 1 << 20
    wide = zstandard.ZstdCompressionParameters(window_log=27, compression_level=1)
    frame = zstandard.ZstdCompressor(compression_params=wide).compress(bytes(200 << 20))
    with pytest.raises(DamageError, match="something else"):
        shard.Shard(_forged(1 << 10, frame), RECIPE.hash, UNIT).rows(0).take(1 << 10)


def test_a_line_without_end_is_not_read_whole(tmp_path: Path) -> None:
    """A dataset of one line of a gigabyte costs no gigabyte."""
    path = tmp_path / "rows.jsonl"
    with path.open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(DamageError, match="row 1"):
        survey(path)
    assert jsonl.LONGEST_ROW <= 8 << 20


def test_no_link_is_followed_where_a_run_writes(tmp_path: Path) -> None:
    """A root prepared by somebody else cannot have us write over other files."""
    precious = tmp_path / "precious"
    precious.write_bytes(b"mine")
    (tmp_path / "link").symlink_to(precious)
    (tmp_path / "new.tmp").symlink_to(precious)
    with pytest.raises(OSError, match="symbolic links"):
        durable.append_to(tmp_path / "link", buffering=0)
    with pytest.raises(OSError, match="symbolic links"):
        durable.begin(tmp_path / "link")
    with pytest.raises(OSError, match="symbolic links"):
        durable.write(tmp_path / "new", b"theirs")
    assert precious.read_bytes() == b"mine"


@pytest.mark.parametrize("name", ["work/shards", "work/scratch"])
def test_a_folder_that_is_swept_may_be_no_link(tmp_path: Path, name: str) -> None:
    """Or resuming a stranger's root would remove the files of whatever folder it points to."""
    root, precious = tmp_path / "root", tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis").write_bytes(b"mine")
    with pytest.raises(imaginary.PowerCut):
        imaginary.produce(root, imaginary.recipe_of(rows=100), trouble={50: imaginary.power_cut})
    folder = root / "data" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.symlink_to(precious)
    with pytest.raises(RootError, match=f"data/{name} in the root is a link"):
        imaginary.go_on(root)
    assert (precious / "thesis").read_bytes() == b"mine"


def test_an_object_too_large_to_be_ours_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store's files are read whole, so their size is asked first; a log's is that of all its parts."""
    fsspec = pytest.importorskip("fsspec")
    monkeypatch.setattr(store, "LARGEST", 100)
    sizes = {"file": 101, "log": 0, "log.1": 60, "log.2": 60}
    fsspec.filesystem("memory").pipe({f"/bucket/{name}": bytes(size) for name, size in sizes.items()})
    with pytest.raises(OSError, match="101 bytes, more than warpgen ever writes"):
        store.Remote("memory://bucket/file").read_bytes()
    with pytest.raises(OSError, match="120 bytes, more than"):
        store.RemoteLog("memory://bucket/log").read_bytes()


def test_nobody_else_may_write_what_a_run_makes(tmp_path: Path) -> None:
    """Whatever the umask says."""
    before = os.umask(0)
    try:
        durable.write(tmp_path / "file", b"")
        durable.make_folder(tmp_path / "a" / "b" / "c", mode=0o700)
        durable.append_to(tmp_path / "log", buffering=0).close()
        durable.begin(tmp_path / "begun").close()
        imaginary.produce(tmp_path / "root", imaginary.recipe_of(rows=5))
    finally:
        os.umask(before)
    assert oct((tmp_path / "a/b/c").stat().st_mode & 0o777) == "0o700"
    loose = [path for path in tmp_path.rglob("*") if not path.is_symlink() and path.stat().st_mode & 0o022]
    assert loose == []


def test_code_cannot_leave_its_block_nor_a_name_its_cell() -> None:
    """In the report, which is shown as a page."""
    block = report.code_block("python", "```\n<script>\n````\n")
    assert block.startswith("`````python\n")
    assert report.cell_text("a|<b>\x1b[2J") == "a\\|&lt;b>\\x1b[2J"


def test_nothing_is_unpickled() -> None:
    """No module of the package reads pickles, or anything else that runs what it reads, from disk."""
    package = Path(durable.__file__).parent
    for path in package.rglob("*.py"):
        if path.name == "parallel.py":
            continue  # its pickles go over pipes, between processes of one export
        text = path.read_text(encoding="utf-8")
        for word in ("import pickle", "import dill", "import shelve", "import marshal", "allow_pickle=True"):
            assert word not in text, (path.name, word)


def test_shards_are_named_within_their_folder(tmp_path: Path) -> None:
    """A journal's numbers cannot lead a shard's name elsewhere."""
    path = shard.path_of(tmp_path, UNIT)
    assert isinstance(path, Path)
    assert path.parent == tmp_path
