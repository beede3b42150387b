"""A shard: the rows of one unit, ready to be copied, and what the merge must know to choose among them.

    magic     8 bytes, names the format and its version
    length    4 bytes, little endian: bytes of the table
    table     msgpack of `Table`
    frames    one zstd frame per target: the unit's rows of that target, one after another
    checksum  16 bytes, xxh3-128 of all before

The same unit always gives the same bytes. A shard is valid only if its checksum holds.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec
import xxhash
import zstandard

from warpgen.errors import DamageError, UnitError
from warpgen.jsonl import LONGEST_ROW
from warpgen.production.unit import Unit
from warpgen.recipe import Recipe
from warpgen.store import Remote

MAGIC = b"WGSHARD1"
# Real shards take about 1 MB, their tables 10 kB and their rows 60 kB: more is damage or an attack.
LARGEST = 64 << 20
LARGEST_TABLE = 1 << 20
LARGEST_WINDOW = 8 << 20  # bytes that the decompressor may look back; ours look back 512 kB

_LEVEL = 1  # the shard lives for seconds: fast is worth more than small
_CHECKSUM = _HASH = 16

Folder = Path | Remote

Reason = Literal["synthesis", "extraction", "verification", "unit"]


class Made(msgspec.Struct, frozen=True, array_like=True):
    """One program: its hashes, and the sizes of its rows.

    Hashes have 16 bytes (none where none could be made), a target that has no row a size of 0. `wrong` tells
    whether its rows say that Warp gets its gradient wrong.
    """

    index: int
    source: bytes
    structure: bytes
    rows: tuple[int, ...]
    wrong: bool = False


class Refusal(msgspec.Struct, frozen=True, array_like=True):
    """Why a program has no row for the target at this place of the recipe's targets."""

    index: int
    target: int
    reason: Reason
    error: str


class Table(msgspec.Struct, frozen=True, array_like=True):
    """All of a shard but its rows."""

    recipe: str
    start: int
    stop: int
    made: tuple[Made, ...]
    refused: tuple[Refusal, ...]
    frames: tuple[int, ...]  # bytes of each target's frame


def encode(table: Table, rows: list[bytes]) -> bytes:
    """The shard's bytes; `rows` holds all rows of each target joined, `table.frames` is filled in here."""
    compressor = zstandard.ZstdCompressor(level=_LEVEL)
    frames = [compressor.compress(part) for part in rows]
    table = msgspec.structs.replace(table, frames=tuple(len(frame) for frame in frames))
    head = msgspec.msgpack.encode(table)
    body = b"".join((MAGIC, len(head).to_bytes(4, "little"), head, *frames))
    return body + xxhash.xxh3_128_digest(body)


def refusing(unit: Unit, recipe: Recipe, error: str) -> bytes:
    """The shard of programs that cannot be made at all, for where there is no coordinator to note it."""
    none = [b""] * len(recipe.targets)
    indices = range(unit.start, unit.stop)
    made = tuple(Made(index, b"", b"", (0,) * len(none)) for index in indices)
    refused = tuple(Refusal(index, place, "unit", error) for index in indices for place in range(len(none)))
    return encode(Table(recipe.hash, unit.start, unit.stop, made, refused, ()), none)


class Shard:
    """A shard read back. Raises UnitError ("make it again") when its bytes are not whole."""

    def __init__(self, data: bytes, recipe: str, unit: Unit) -> None:
        view = memoryview(data)
        if view[: len(MAGIC)] != MAGIC or xxhash.xxh3_128_digest(view[:-_CHECKSUM]) != view[-_CHECKSUM:]:
            raise UnitError("the shard's checksum does not hold")
        place = len(MAGIC) + 4
        length = int.from_bytes(view[len(MAGIC) : place], "little")
        if length > LARGEST_TABLE:
            raise UnitError("the shard's table is too large")
        try:
            self.table = msgspec.msgpack.decode(view[place : place + length], type=Table)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise UnitError(f"the shard's table cannot be read: {error}") from error
        if (self.table.recipe, self.table.start, self.table.stop) != (recipe, unit.start, unit.stop):
            raise UnitError("the shard belongs to another recipe or unit")
        self._check(unit)
        self._frames = []
        place += length
        for size in self.table.frames:
            self._frames.append(view[place : place + size])
            place += size
        if place != len(data) - _CHECKSUM:
            raise UnitError("the shard's frames do not fill it")

    def rows(self, target: int) -> RowReader:
        """The rows of the target at this place, to be taken in the table's order."""
        return RowReader(self._frames[target])

    def _check(self, unit: Unit) -> None:
        targets = len(self.table.frames)
        whole = [made.index for made in self.table.made] == list(range(unit.start, unit.stop)) and all(
            len(made.rows) == targets
            and all(0 <= size <= LONGEST_ROW for size in made.rows)
            and _are_hashes(made)
            for made in self.table.made
        )
        if (
            not whole
            or min(self.table.frames, default=0) < 0
            or any(not 0 <= refusal.target < targets for refusal in self.table.refused)
        ):
            raise UnitError("the shard's table contradicts itself")


def _are_hashes(made: Made) -> bool:
    return (len(made.source), len(made.structure)) in ((_HASH, _HASH), (0, 0))


class RowReader:
    """Decompresses as it is read, so that one row is held in memory and not the whole unit."""

    def __init__(self, frame: memoryview) -> None:
        self._reader = zstandard.ZstdDecompressor(max_window_size=LARGEST_WINDOW).stream_reader(frame)

    def take(self, size: int) -> bytes:
        """The next `size` bytes.

        Raises DamageError when the frame holds fewer: its checksum held, so it was made so, and making it
        again would not help.
        """
        try:
            data = self._reader.read(size)
        except zstandard.ZstdError as error:
            raise DamageError(f"a shard was written by something else than warpgen: {error}") from error
        if len(data) != size:
            raise DamageError("a shard was written by something else than warpgen: its rows are too short")
        return data


def path_of(folder: Folder, unit: Unit) -> Folder:
    """Where the shard of a unit lies."""
    return folder / f"{unit.start:012d}-{unit.size:03d}.shard"


def read(folder: Folder, unit: Unit, recipe: str, checksum: str) -> Shard:
    """The shard of `unit` from disk; UnitError when it is missing, damaged or not the journalled one."""
    try:
        with path_of(folder, unit).open("rb") as file:
            data = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise UnitError("the shard is missing") from None
    if len(data) > LARGEST or xxhash.xxh3_128_hexdigest(data) != checksum:
        raise UnitError("the shard is not the one that was journalled")
    return Shard(data, recipe, unit)
