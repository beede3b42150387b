r"""The journal: what is known to be safe on disk.

A line is `<xxh3-64 of the JSON, 16 hex digits> <JSON>\n`, synced before anything leans on it. The first
line, the recipe, stands there twice, an empty line between so that no one byte damages both: it is the one
record that cannot be made again. A shard's line comes
after the shard is safe; a checkpoint holds the whole state of the merge, so any one of them is enough to
go on from, and a damaged line costs only work that is done again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import xxhash

from warpgen import durable
from warpgen.errors import DamageError, RootError
from warpgen.recipe import Recipe
from warpgen.reporting.manifest import Moment
from warpgen.store import RemoteLog

LONGEST_LINE = 1 << 20  # bytes; a checkpoint takes a few kB
CHECKPOINTS = 1000  # read back, the newest: damage that reaches further back costs the whole merge again
_MOST_STORED = 1 << 20  # shards, or 64 million programs, so that a forged journal cannot fill the memory

FORMAT = 2  # of the rows in the shards, which must not be mixed

Natural = Annotated[int, msgspec.Meta(ge=0, lt=1 << 62)]
Word = Annotated[str, msgspec.Meta(max_length=64)]


class Share(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Shard `number`, from 1, `of` so many of a dataset."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


class Begun(msgspec.Struct, frozen=True, tag="run", forbid_unknown_fields=True):
    """What is being made, all of it or a share, and when (ISO 8601, UTC) it was begun."""

    recipe: Recipe
    started: Word
    format: int = FORMAT
    share: Share | None = None


class Stored(msgspec.Struct, frozen=True, tag="shard", forbid_unknown_fields=True):
    """A shard that lies whole on disk."""

    start: Natural
    stop: Natural
    checksum: Word


class Mark(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much of an append-only file is safe, and xxh3-128 of that much."""

    length: Natural = 0
    xxh3: Word = xxhash.xxh3_128_hexdigest(b"")


class Spent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the run took so far, all sessions together. Bytes for memory and disk."""

    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_rss: int = 0
    peak_worker_rss: int = 0
    peak_disk: int = 0
    sessions: int = 0
    retries: int = 0
    workers_replaced: int = 0
    moments: tuple[Moment, ...] = ()


class Progress(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One target: rows kept, repeats dropped by kind, whether its size is reached, rows of wrong gradient."""

    rows: Natural = 0
    dropped: dict[Word, Natural] = {}
    done: bool = False
    wrong: int = 0


class Checkpoint(msgspec.Struct, frozen=True, tag="checkpoint", forbid_unknown_fields=True):
    """The merge up to, not including, the program `next`: files by name, targets by name."""

    next: Natural = 0
    files: dict[Word, Mark] = {}
    targets: dict[Word, Progress] = {}
    spent: Spent = Spent()


Record = Begun | Stored | Checkpoint

_decode: Callable[[bytes], Record] = msgspec.json.Decoder(Record).decode


class Story(msgspec.Struct, frozen=True):
    """A journal read back. `damaged` counts lines that could not be read, a torn last one not included."""

    begun: Begun
    stored: tuple[Stored, ...]
    checkpoints: tuple[Checkpoint, ...]
    damaged: int


class Journal:
    """An open journal, to be appended to."""

    def __init__(self, path: Path | RemoteLog) -> None:
        self._log = durable.log(path)

    def append(self, record: Record) -> None:
        """Return when the record is on disk. Raises OSError."""
        self._log.append(line_of(record))

    def close(self) -> None:
        """Close the file."""
        self._log.close()


def create(path: Path | RemoteLog, begun: Begun, rest: Iterable[Record] = ()) -> None:
    """Write a journal as a whole, atomically, in place of any that was there."""
    first = line_of(begun)
    durable.write(path, b"".join((first, b"\n", first, *map(line_of, rest))))


def read(path: Path | RemoteLog) -> Story:
    """What the journal tells; raises DamageError when its recipe is lost, RootError when its rows are old."""
    begun: Begun | None = None
    stored: list[Stored] = []
    checkpoints: deque[Checkpoint] = deque(maxlen=CHECKPOINTS)
    damaged = 0
    for line in _lines(path):
        record = _parse(line)
        if isinstance(record, Begun):
            begun = record
        elif isinstance(record, Stored):
            stored.append(record)
            if len(stored) > _MOST_STORED:
                raise DamageError("the journal data/work/journal names more shards than any run can make")
        elif isinstance(record, Checkpoint):
            checkpoints.append(record)
        elif line != b"\n":
            damaged += line.endswith(b"\n")  # a line without its end was being written: no damage
    if begun is None:
        raise DamageError(
            "the journal data/work/journal is damaged in both copies of its recipe and cannot be gone on "
            "from: begin again with `python -m warpgen.run ... --overwrite`"
        )
    if begun.format != FORMAT:
        raise RootError(
            "the unfinished run in this root was begun by another version of warpgen, whose rows have other "
            "columns: begin again with `python -m warpgen.run ... --overwrite`"
        )
    return Story(begun, tuple(stored), tuple(checkpoints), damaged)


def line_of(record: Record) -> bytes:
    """The line of a record: its checksum, a space, its JSON."""
    data = msgspec.json.encode(record)
    return xxhash.xxh3_64_hexdigest(data).encode() + b" " + data + b"\n"


def _parse(line: bytes) -> Record | None:
    data = line[17:-1]
    if line[-1:] != b"\n" or line[:17] != xxhash.xxh3_64_hexdigest(data).encode() + b" ":
        return None
    try:
        return _decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _lines(path: Path | RemoteLog) -> Iterator[bytes]:
    with path.open("rb") as file:
        while line := file.readline(LONGEST_LINE):
            yield line


def remove(path: Path | RemoteLog) -> None:
    """Take the journal away: from here on there is nothing to resume."""
    durable.remove(path)
