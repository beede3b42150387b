"""Reading the two datasets of a root side by side: one kernel at a time, with its row per target."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec
import xxhash

from warpgen.errors import DamageError, RootError
from warpgen.jsonl import rows
from warpgen.recipe import Recipe
from warpgen.record import Row, Target
from warpgen.reporting import finished

R = TypeVar("R")


class Kernel(msgspec.Struct, frozen=True):
    """One kernel and its rows; a target whose row was dropped or lies beyond the file's end has none.

    `cluster` names the near-duplicates that it belongs to, by the `kernel_id` of the first; `difficulty` is
    from 0 to 1.
    """

    index: int
    cpu: Row | None
    cuda: Row | None
    cluster: str = ""
    split: str = ""
    difficulty: float = 0.0

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows that are there, at least one."""
        return tuple(row for row in (self.cpu, self.cuda) if row is not None)


class Datasets:
    """The finished datasets under a root. Raises RootError where there is none or a file is missing."""

    def __init__(self, root: Path) -> None:
        self.manifests = finished.described(root)
        self._paths = {target: finished.path_of(root, m) for target, m in self.manifests.items()}
        if len({_programs(manifest.recipe) for manifest in self.manifests.values()}) > 1:
            commands = " and ".join(f"`{manifest.command}`" for manifest in self.manifests.values())
            raise RootError(
                f"the datasets under {root} are not of the same programs, so their rows make no pairs: they "
                f"were made by {commands}; give each a root of its own"
            )

    def check_beside(self, other: Datasets) -> None:
        """Raise RootError unless `other` is of the same programs and another Warp."""
        mine, theirs = (next(iter(datasets.manifests.values())) for datasets in (self, other))
        if mine.recipe.warp == theirs.recipe.warp:
            raise RootError(f"both datasets are Warp {mine.recipe.warp}'s: make one with another Warp")
        if _drawn(mine.recipe) != _drawn(theirs.recipe):
            raise RootError(
                "the datasets are not of the same programs, so there is nothing to compare: they were made "
                f"by `{mine.command}` and `{theirs.command}`"
            )

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


def side_by_side(kernels: Iterator[Kernel], others: Iterator[Kernel]) -> Iterator[tuple[Kernel, Kernel]]:
    """The kernels that both have, by index, in its order."""
    streams = [((kernel.index, kernel) for kernel in stream) for stream in (kernels, others)]
    for _, found in _joined(streams):
        if len(found) == 2:
            yield found[0], found[1]


def _programs(recipe: Recipe) -> tuple[object, ...]:
    """What decides the program of an index, and its code."""
    return *_drawn(recipe), recipe.warp


def _drawn(recipe: Recipe) -> tuple[object, ...]:
    """What decides the program of an index."""
    return recipe.seed, tuple(recipe.categories.items()), recipe.complexity, recipe.warpgen


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
