"""Look for programs on two sides of the splits of an export in Parquet that are near-duplicates.

Every program is compared with every program of another split, by counting the token 5-grams that they share.
Nothing of the export's own clusters is used, nor its code.
"""

from __future__ import annotations

import argparse
import re
import sys
from array import array
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq

# Near-duplicates share 7/10 of the union of their grams: whole numbers, so that no rounding decides.
_SHARED, _OF = 7, 10
_GRAM = 5
_SHOWN = 10  # pairs that are printed

# Where a view has its Python: the first of these columns that it has.
_SOURCES = ("python_source", "python", "source", "text")
_LANGUAGES = ("source_language", "language")

Gram = tuple[str, ...]


class Program(NamedTuple):
    """What is compared of a kernel."""

    name: str  # kernel_id
    split: str  # as the name of its file has it, which is what loaders go by
    structure: str  # hash, empty where the view has none
    grams: set[Gram]


class Pair(NamedTuple):
    """Two programs of different splits; `shared` of `union` grams are in both."""

    shared: int
    union: int
    first: str
    second: str

    @property
    def near(self) -> bool:
        """Whether they are near-duplicates."""
        return bool(_near(self.shared, self.union))

    def __str__(self) -> str:
        share = self.shared / self.union
        return f"{self.first} and {self.second}: {self.shared} of {self.union} grams, {share:.3f}"


def main() -> int:
    """Print how near the splits come to each other; 1 when a pair crosses them, 2 when there is no pair."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("export", type=Path, help="folder that `python -m warpgen.export --split` made")
    files = sorted(parser.parse_args().export.glob("data/*.parquet"))
    programs = list(_programs(files))
    sizes = {split: sum(p.split == split for p in programs) for split in {p.split for p in programs}}
    if len(sizes) < 2:
        print("there are no two splits of programs in Python to compare", file=sys.stderr)
        return 2
    print(f"{len(programs)} programs: " + ", ".join(f"{split} {n}" for split, n in sorted(sizes.items())))
    nearest = sorted(compare(programs), key=lambda pair: pair.shared / pair.union, reverse=True)
    print(f"nearest across splits: {nearest[0]}")
    near = [pair for pair in nearest if pair.near]
    alike = structures(programs)
    print(f"near-duplicates across splits: {len(near)}; structures in several splits: {len(alike)}")
    for line in (*near[:_SHOWN], *alike[:_SHOWN]):
        print(f"    {line}")
    return 1 if near or alike else 0


def _programs(files: list[Path]) -> Iterator[Program]:
    """Each program once per split: one that is in two of them is its own near-duplicate."""
    seen = set()
    for path in files:
        split, schema = path.name.split("-")[0], pq.read_schema(path).names
        source = next((name for name in _SOURCES if name in schema), None)
        if source is None:
            continue
        language = next((name for name in _LANGUAGES if name in schema), None)
        wanted = [name for name in ("kernel_id", "structure_hash", source, language) if name in schema]
        for batch in pq.ParquetFile(path).iter_batches(batch_size=256, columns=wanted):
            for record in batch.to_pylist():
                if (record["kernel_id"], split) in seen or record.get(language, "python") != "python":
                    continue
                seen.add((record["kernel_id"], split))
                structure = record.get("structure_hash", "")
                yield Program(record["kernel_id"], split, structure, grams(record[source]))


def grams(source: str) -> set[Gram]:
    """Five tokens in a row: words and signs as they are, numbers all alike, comments left out."""
    source = re.sub("#.*", "", source)
    found = re.findall(r"[a-zA-Z_]\w*|[\d.]+|\S", source, re.ASCII)
    tokens = ["0" if token[0].isdigit() else token for token in found]
    return {tuple(tokens[k : k + _GRAM]) for k in range(max(1, len(tokens) - _GRAM + 1))}


def compare(programs: list[Program]) -> Iterator[Pair]:
    """For each program the nearest of other splits among those before it, and all near-duplicates."""
    splits = sorted({program.split for program in programs})
    split = np.array([splits.index(program.split) for program in programs])
    sizes = np.array([len(program.grams) for program in programs])
    holders: defaultdict[Gram, array[int]] = defaultdict(lambda: array("I"))
    for place, program in enumerate(programs):
        found = [np.frombuffer(holders[gram], np.uint32).copy() for gram in program.grams if gram in holders]
        shared = np.bincount(np.concatenate([np.zeros(0, np.uint32), *found]), minlength=place)[:place]
        union = sizes[:place] + sizes[place] - shared
        others = split[:place] != split[place]
        near = np.flatnonzero(others & _near(shared, union))
        if others.any():
            near = np.union1d(near, np.where(others, shared / union, -1.0).argmax())
        for other in near:
            yield Pair(int(shared[other]), int(union[other]), programs[other].name, program.name)
        for gram in program.grams:
            holders[gram].append(place)


def _near(shared: Any, union: Any) -> Any:
    """Whether two programs are near-duplicates; or which, of arrays."""
    return _OF * shared >= _SHARED * union


def structures(programs: list[Program]) -> list[str]:
    """Structures that are in several splits, each by the kernels that have it."""
    found: defaultdict[str, list[Program]] = defaultdict(list)
    for program in programs:
        if program.structure:
            found[program.structure].append(program)
    return [
        f"{hash}: {', '.join(f'{p.name} ({p.split})' for p in group)}"
        for hash, group in found.items()
        if len({program.split for program in group}) > 1
    ]


if __name__ == "__main__":
    sys.exit(main())
