"""docs/formats.md tells enough to read what a run writes: here none of warpgen's own readers does."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest
import xxhash
import zstandard

from tests.support import imaginary
from tests.support.commands import REPOSITORY
from warpgen.production.state import dedup, journal, shard
from warpgen.production.state.layout import Layout
from warpgen.production.unit import Unit
from warpgen.record import Target

PAGE = (REPOSITORY / "docs" / "formats.md").read_text()
RECIPE = imaginary.recipe_of(rows=100)


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """A run that lost its power."""
    root = tmp_path_factory.mktemp("formats")
    with pytest.raises(imaginary.PowerCut):
        imaginary.produce(root, RECIPE, trouble={70: imaginary.power_cut})
    return Layout(root)


def test_a_journal_is_as_the_page_says(layout: Layout) -> None:
    """Hash, space, JSON; the run twice with an empty line between; fields as in the table."""
    lines = layout.journal.read_bytes().split(b"\n")
    assert lines[0] == lines[2] and lines[1] == b"" and lines[-1] == b""
    told = {name: set(re.findall(r"`(\w+)`", fields)) for name, fields in _rows("## The journal")}
    for line in filter(None, lines):
        assert line[:17].decode() == xxhash.xxh3_64_hexdigest(line[17:]) + " "
        record = json.loads(line[17:])
        kind = record.pop("type")
        assert set(record) == told[kind] - {"number", "of"}
    last = [json.loads(line[17:]) for line in lines if b'"checkpoint"' in line][-1]
    for name, path in (("cpu", layout.partial("cpu")), ("seen", layout.seen), ("failures", layout.failures)):
        data = path.read_bytes()[: last["files"][name]["length"]]
        assert xxhash.xxh3_128_hexdigest(data) == last["files"][name]["xxh3"]
    assert journal.LONGEST_LINE == 1 << 20 and journal.CHECKPOINTS == 1000


def _rows(heading: str) -> list[tuple[str, str]]:
    section = PAGE.split(f"\n{heading}\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"^\| `(\w+)` \| (.*?) \|", section, re.M)


def test_a_shard_is_as_the_page_says(tmp_path: Path) -> None:
    """Magic, table, frames, checksum; rows by the lengths in the table."""
    unit = Unit(64, 80)
    data = imaginary.shard_of(unit, RECIPE)
    assert data[:8] == b"WGSHARD1"
    assert xxhash.xxh3_128_digest(data[:-16]) == data[-16:]
    end = 12 + int.from_bytes(data[8:12], "little")
    recipe, start, stop, made, refused, frames = msgspec.msgpack.decode(data[12:end])
    assert (recipe, start, stop) == (RECIPE.hash, 64, 80)
    for target, size in enumerate(frames):
        lines = zstandard.ZstdDecompressor().decompress(data[end : end + size])
        end += size
        name: Target = "cpu" if target == 0 else "cuda"
        there = [index for index, _, _, lengths, _ in made if lengths[target]]
        assert lines == b"".join(imaginary.row(index, name) for index in there)
    assert end == len(data) - 16
    assert all(len(source) == len(structure) == 16 for _, source, structure, _, _ in made)
    assert all(reason == "extraction" and error == f"no {index}" for index, _, reason, error in refused)
    path = shard.path_of(tmp_path, unit)
    assert path.name == "000000000064-016.shard"
    assert (shard.LARGEST, shard.LARGEST_TABLE, shard.LARGEST_WINDOW) == (64 << 20, 1 << 20, 8 << 20)


def test_the_growing_files_are_as_the_page_says(layout: Layout) -> None:
    """Keys of 16 bytes cut from the two hashes; notes of a target and a failure."""
    keys = layout.seen.read_bytes()
    source, structure = imaginary.hashes(0)
    assert keys[:16] == structure[:10] + source[:6] == dedup.key_of(source, structure)
    target, note = json.loads(layout.failures.read_bytes().splitlines()[0])
    assert target in ("cpu", "cuda") and set(note) == {"index", "reason", "error"}
