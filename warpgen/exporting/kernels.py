"""Reading the two datasets of a root side by side: one kernel at a time, with its row per target."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec
import xxhash

from warpgen.errors import DamageError, RootError
from warpgen.record import TARGETS, Row, Target
from warpgen.reporting.dataset import rows
from warpgen.reporting.manifest import Manifest, manifest_path, present, read

R = TypeVar("R")


class Kernel(msgspec.Struct, frozen=True):
    """One kernel and its rows; a target whose row was dropped or lies beyond the file's end has none.

    `cluster` names the near-duplicates that it belongs to, by the `kernel_id` of the first.
    """

    index: int
    cpu: Row | None
    cuda: Row | None
    cluster: str = ""
    split: str = ""

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows that are there, at least one."""
        return tuple(row for row in (self.cpu, self.cuda) if row is not None)


class Datasets:
    """The finished datasets under a root. Raises RootError where there is none or a file is missing."""

    def __init__(self, root: Path) -> None:
        there = [target for target in TARGETS if manifest_path(root, target).exists()]
        if not there:
            raise RootError(
                f"there is no finished dataset under {root}: make one with `python -m warpgen.run`, "
                "or name the right folder with --root"
            )
        self.manifests: dict[Target, Manifest] = {t: read(manifest_path(root, t)) for t in there}
        self._paths = {target: present(root, manifest) for target, manifest in self.manifests.items()}

    def kernels(self) -> Iterator[Kernel]:
        """All kernels in order of index; raises DamageError when a file is not what its manifest says."""
        streams = [self._checked(target) for target in self.manifests]
        for index, group in _joined(streams):
            found = {row.target: row for row in group}
            yield Kernel(index, found.get("cpu"), found.get("cuda"))

    def _checked(self, target: Target) -> Iterator[tuple[int, Row]]:
        """Rows by index; at the end of the file its checksum is held to the manifest's."""
        checksum = xxhash.xxh3_128()
        last = -1
        for line, row in rows(self._paths[target], Row):
            checksum.update(line)
            if row.provenance.index <= last:
                raise DamageError(f"{self._paths[target].name}: {row.id} is out of order; {_MEND}")
            last = row.provenance.index
            yield last, row
        if checksum.hexdigest() != self.manifests[target].figures.xxh3_128:
            raise DamageError(f"{self._paths[target].name} is not the file of its manifest; {_MEND}")


_MEND = "make it again with `python -m warpgen.run --overwrite`"


def _joined(streams: Sequence[Iterator[tuple[int, R]]]) -> Iterator[tuple[int, list[R]]]:
    """Merge streams of (index, thing), each ascending, into (index, things of that index)."""
    heads = [next(stream, None) for stream in streams]
    while any(head is not None for head in heads):
        index = min(head[0] for head in heads if head is not None)
        group = []
        for place, head in enumerate(heads):
            if head is not None and head[0] == index:
                group.append(head[1])
                heads[place] = next(streams[place], None)
        yield index, group
