"""A file that only grows, with a hash of all it holds, so that any earlier length can be proven."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import xxhash

from warpgen import durable
from warpgen.production.state.journal import Mark

_BLOCK = 1 << 22  # bytes per read: system calls do not show in the time


class AppendOnlyFile:
    """Opened at `mark`: what lies beyond it was never promised and is cut off. Raises OSError."""

    def __init__(self, path: Path, mark: Mark, known: Known) -> None:
        self._file = durable.append_to(path, buffering=1 << 20)
        durable.sync_folder(path.parent)  # it may be new, and a checkpoint will name it
        self._file.truncate(mark.length)
        self._hash = known[mark].copy()
        self.length = mark.length

    def write(self, data: bytes) -> None:
        """Append; on disk only after `sync`."""
        self._file.write(data)
        self._hash.update(data)
        self.length += len(data)

    def sync(self) -> Mark:
        """Bring all of it to the disk and return the mark that proves it."""
        self._file.flush()
        durable.sync(self._file.fileno())
        return Mark(self.length, self._hash.hexdigest())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


Known = dict[Mark, "xxhash.xxh3_128"]


def prove(path: Path, marks: Iterable[Mark]) -> Known:
    """The marks that the file at `path` fulfils, with the hash at each; the empty one always holds."""
    state = xxhash.xxh3_128()
    known: Known = {Mark(): state.copy()}
    try:
        file = path.open("rb", buffering=0)
    except FileNotFoundError:
        return known
    with file:
        size = os.fstat(file.fileno()).st_size
        place = 0
        for mark in sorted(set(marks), key=lambda mark: mark.length):
            if mark.length > size:
                break
            while place < mark.length:
                block = file.read(min(_BLOCK, mark.length - place))
                state.update(block)
                place += len(block)
            if state.hexdigest() == mark.xxh3:
                known[mark] = state.copy()
    return known
