"""Writing records into the data files of an export: Parquet, JSON Lines, or tar shards for WebDataset."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

# Text before compression. A row group is what a reader holds in memory at once (viewers want less than
# 100 MB), a file is what it fetches at once.
GROUP_BYTES = 16 * 2**20
FILE_BYTES = 256 * 2**20

# Columns with few values; for the long texts a dictionary would only cost time.
_REPEATING = ["category", "target", "language", "source_language", "target_language", "split", "licence"]
_LEVEL = 6  # of zstd: from here on bytes fall by a few percent while time doubles


class File(msgspec.Struct, frozen=True):
    """One data file; `text_bytes` is what its rows take in memory as Arrow columns."""

    path: str
    split: str
    rows: int
    bytes: int
    text_bytes: int
    sha256: str


class Shard(Protocol):
    """One data file being written."""

    rows: int
    size: int  # bytes of text so far

    def add(self, record: dict[str, Any]) -> None:
        """Take one record."""

    def close(self) -> None:
        """Write what is left."""


class ParquetShard:
    """Rows in groups of at most GROUP_BYTES of text, compressed by zstd."""

    ending = ".parquet"

    def __init__(self, path: Path, schema: pa.Schema, metadata: Mapping[str, str]) -> None:
        self.rows = self.size = 0
        self._schema = schema
        self._group: list[dict[str, Any]] = []
        self._group_bytes = 0
        self._writer = pq.ParquetWriter(
            path,
            schema.with_metadata(dict(metadata)),
            compression="zstd",
            compression_level=_LEVEL,
            use_dictionary=[name for name in _REPEATING if name in schema.names],
            write_statistics=False,
            store_schema=False,  # the embedded copy would differ between versions of Arrow
        )
        self._writer.add_key_value_metadata(dict(metadata))

    def add(self, record: dict[str, Any]) -> None:
        """Take one record."""
        length = _length(record)
        if self._group and self._group_bytes + length > GROUP_BYTES:
            self._flush()
        self._group.append(record)
        self._group_bytes += length
        self.rows += 1

    def close(self) -> None:
        """Write the last group and the footer."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._group:
            table = pa.Table.from_pylist(self._group, self._schema)
            self.size += table.nbytes
            self._writer.write_table(table, row_group_size=len(self._group))
            self._group, self._group_bytes = [], 0


class JsonlShard:
    """One record per line, as JSON."""

    ending = ".jsonl"

    def __init__(self, path: Path, schema: pa.Schema, metadata: Mapping[str, str]) -> None:
        self.rows = self.size = 0
        # The format has no place for `metadata`: the export's manifest holds the same.
        self._file = path.open("wb")

    def add(self, record: dict[str, Any]) -> None:
        """Take one record."""
        self.rows += 1
        self.size += self._file.write(msgspec.json.encode(record) + b"\n")

    def close(self) -> None:
        """Write what is left."""
        self._file.close()


# How a text becomes a member of a tar shard: the suffix after the record's key.
_SUFFIXES = {"python": "py", "cpp": "cpp", "cuda": "cu", "cpu": "cpp"}


class TarShard:
    """A tar of one JSON file per record, and beside it the texts of code under their languages' suffixes."""

    ending = ".tar"

    def __init__(self, path: Path, schema: pa.Schema, metadata: Mapping[str, str]) -> None:
        self.rows = self.size = 0
        # A tar has no place for `metadata`: the export's manifest holds the same.
        self._tar = tarfile.TarFile(path, "w", format=tarfile.USTAR_FORMAT)

    def add(self, record: dict[str, Any]) -> None:
        """Take one record, a file of the archive for each of its texts."""
        self.rows += 1
        self.size += _length(record)
        rest = dict(record)
        key = rest["id"].replace(".", "_")  # WebDataset parts key and suffix at the first dot
        for field, language in (("python_source", "python"), ("code", record.get("target", ""))):
            if field in rest:
                self._member(f"{key}.{_SUFFIXES[language]}", rest.pop(field).encode())
        self._member(f"{key}.json", msgspec.json.encode(rest))

    def close(self) -> None:
        """End the archive."""
        self._tar.close()

    def _member(self, name: str, data: bytes) -> None:
        info = tarfile.TarInfo(name)  # owner, time and mode are the same everywhere
        info.size = len(data)
        self._tar.addfile(info, io.BytesIO(data))


Kind = type[ParquetShard] | type[JsonlShard] | type[TarShard]


class DataFiles:
    """The data files of all splits, numbered as `train-00000-of-00003` once their number is known."""

    def __init__(
        self,
        folder: Path,
        kind: Kind,
        schema: pa.Schema,
        metadata: Mapping[str, str],
    ) -> None:
        self._folder, self._kind, self._schema, self._metadata = folder, kind, schema, metadata
        self._open: dict[str, Shard] = {}
        self._closed: dict[str, list[Shard]] = {}

    def add(self, split: str, record: dict[str, Any]) -> None:
        """The next record of a split."""
        if split not in self._open:
            number = len(self._closed.setdefault(split, []))
            self._open[split] = self._kind(self._unfinished(split, number), self._schema, self._metadata)
        shard = self._open[split]
        shard.add(record)
        if shard.size >= FILE_BYTES:
            self._close(split)

    def finish(self) -> list[File]:
        """Close and name all files, in order of split and number."""
        for split in list(self._open):
            self._close(split)
        made = []
        for split in ("train", "validation", "test"):
            shards = self._closed.get(split, [])
            for number, shard in enumerate(shards):
                path = self._folder / f"{split}-{number:05}-of-{len(shards):05}{self._kind.ending}"
                self._unfinished(split, number).rename(path)
                name = f"{self._folder.name}/{path.name}"
                made.append(File(name, split, shard.rows, path.stat().st_size, shard.size, sha256(path)))
        return made

    def _unfinished(self, split: str, number: int) -> Path:
        return self._folder / f"{split}-{number:05}{self._kind.ending}"

    def _close(self, split: str) -> None:
        shard = self._open.pop(split)
        shard.close()
        self._closed[split].append(shard)


def sha256(path: Path) -> str:
    """The SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _length(record: Mapping[str, Any]) -> int:
    return sum(len(value) for value in record.values() if isinstance(value, str))
