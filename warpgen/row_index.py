"""Rows by id, without reading their files: where each row's line stands is kept beside a long file.

The index of `rows.jsonl` is `rows.jsonl.index`. It is made when it is missing, and again when the file has
another size or time than it had.
"""

from __future__ import annotations

import contextlib
import os
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from warpgen import durable, jsonl
from warpgen.errors import DamageError, UsageError

R = TypeVar("R")

# A shorter file is read in the time that an index takes to be opened: none is kept beside it.
_SHORT = 4 << 20


class _Id(msgspec.Struct):
    id: str


class _Index(msgspec.Struct):
    """Where the row of each id begins, in bytes; `size` and `time` are the file's."""

    size: int
    time: int
    ids: list[str]
    starts: bytes  # of 64 bits each, in the order of the ids


class RowIndex(Generic[R]):
    """The rows of some files by id, decoded as `kind`. Several threads may ask at once.

    Memory: about two hundred bytes for each row. Raises UsageError where a row of two files has one id.
    """

    def __init__(self, files: Iterable[Path], kind: type[R]) -> None:
        self._decoder = msgspec.json.Decoder(kind)
        self._places: dict[str, tuple[Path, int]] = {}
        for path in files:
            self._take(path, _index_of(path))

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, id: str) -> bool:
        return id in self._places

    def __iter__(self) -> Iterator[str]:
        """The ids, in the order of the rows."""
        return iter(self._places)

    def row(self, id: str) -> R:
        """The row of an id. Raises KeyError where there is none, DamageError where the file has changed."""
        path, start = self._places[id]
        with path.open("rb") as file:
            file.seek(start)
            line = file.readline(jsonl.LONGEST_ROW)
        with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            row: Any = self._decoder.decode(line)
            if row.id == id:
                return row  # type: ignore[no-any-return]
        raise DamageError(f"{path.name} has changed since it was opened: open it again")

    def _take(self, path: Path, index: _Index) -> None:
        for id, start in zip(index.ids, array("Q", index.starts), strict=True):
            if id in self._places:
                raise UsageError(f"two rows have the id {id}: {self._places[id][0].name} and {path.name}")
            self._places[id] = (path, start)


def _index_of(path: Path) -> _Index:
    state = path.stat()
    kept = path.with_name(f"{path.name}.index")
    if state.st_size >= _SHORT:
        with contextlib.suppress(OSError, msgspec.MsgspecError, UnicodeDecodeError):
            index = msgspec.msgpack.decode(kept.read_bytes(), type=_Index)
            whole = len(index.starts) == 8 * len(index.ids)
            if whole and (index.size, index.time) == (state.st_size, state.st_mtime_ns):
                return index
    ids, starts, start = [], array("Q"), 0
    for line, row in jsonl.rows(path, _Id):
        ids.append(row.id)
        starts.append(start)
        start += len(line)
    index = _Index(state.st_size, state.st_mtime_ns, ids, starts.tobytes())
    if state.st_size >= _SHORT and path.stat().st_mtime_ns == state.st_mtime_ns:
        with contextlib.suppress(OSError):  # as in a folder that may only be read: then each start reads all
            _write(kept, msgspec.msgpack.encode(index))
    return index


def _write(path: Path, data: bytes) -> None:
    """Two processes may do this at once, so each has a temporary name of its own."""
    mine = path.with_name(f"{path.name}.{os.getpid()}")
    durable.write(mine, data)
    durable.rename(mine, path)
