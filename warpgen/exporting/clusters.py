"""Which programs are so alike that a split must keep them together.

Two programs belong together when the Jaccard similarity of their token 5-grams is at least 0.7 or their
structure is the same; a cluster is all that such pairs connect. No pair is missed: two sets that share
so much share one of the rarest 30 % of each (prefix filtering: Chaudhuri, Ganti and Kaushik 2006, Bayardo,
Ma and Srikant 2007), so only programs with such a gram in common are compared, gram by gram.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from itertools import combinations
from typing import IO

import msgspec
import numpy as np
from numpy.typing import NDArray

from warpgen.reporting.similarity import token_grams

# Similarity from which two programs are near-duplicates, as a fraction, so that no rounding decides.
_SHARED, _OF = 7, 10

# Grams are counted by this many bits of their hash. A count may then be too high, which costs a comparison.
_COUNTED_BITS = 22

Grams = NDArray[np.uint64]


class Cluster(msgspec.Struct, frozen=True):
    """`first` is the place of the cluster's first program, in the order of adding; `size` counts programs."""

    first: int
    size: int


class Clusters:
    """Takes programs one at a time, then tells each one's cluster.

    Grams wait in `scratch`, an empty file open for reading and writing, 8 bytes each; memory grows by
    some hundred bytes a program.
    """

    def __init__(self, scratch: IO[bytes]) -> None:
        self._scratch = scratch
        self._ends = array("Q", [0])
        self._structures = array("Q")
        self._counts = np.zeros(1 << _COUNTED_BITS, np.uint32)

    def add(self, source: str, structure_hash: str) -> None:
        """The next program."""
        found = np.sort(np.fromiter(token_grams(source), dtype=np.uint64))
        np.add.at(self._counts, _bucket(found), 1)
        self._scratch.write(found.tobytes())
        self._ends.append(self._ends[-1] + len(found))
        self._structures.append(int(structure_hash[-16:], 16))

    def settle(self) -> list[Cluster]:
        """The cluster of every program, in the order of adding."""
        self._scratch.flush()
        count = len(self._structures)
        parent = list(range(count))
        first_of: dict[int, int] = {}
        for place, structure in enumerate(self._structures):
            _join(parent, place, first_of.setdefault(structure, place))
        if count:
            everything = np.memmap(self._scratch, np.uint64, mode="r")
            programs = [everything[a:b] for a, b in zip(self._ends, self._ends[1:], strict=False)]
            self._connect(programs, parent)
        firsts = [_root(parent, place) for place in range(count)]
        sizes = np.bincount(firsts, minlength=count)
        return [Cluster(first, int(sizes[first])) for first in firsts]

    def _connect(self, programs: list[Grams], parent: list[int]) -> None:
        compared: set[tuple[int, int]] = set()
        for group in self._candidates(programs):
            for pair in combinations(group, 2):
                if pair in compared or _root(parent, pair[0]) == _root(parent, pair[1]):
                    continue
                compared.add(pair)
                if alike(programs[pair[0]], programs[pair[1]]):
                    _join(parent, *pair)

    def _candidates(self, programs: list[Grams]) -> Iterator[list[int]]:
        """Groups of programs, ascending, that have one of their rarest grams in common."""
        rare, owners = [], []
        for place, program in enumerate(programs):
            counts = self._counts[_bucket(program)]
            length = len(program) - -(-len(program) * _SHARED // _OF) + 1
            prefix = np.lexsort((program, counts))[:length]
            prefix = prefix[counts[prefix] > 1]  # what no other program has connects nothing
            rare.append(program[prefix])
            owners.append(np.full(len(prefix), place))
        gram, owner = np.concatenate(rare), np.concatenate(owners)
        order = np.lexsort((owner, gram))
        gram, owner = gram[order], owner[order]
        for group in np.split(owner, np.flatnonzero(gram[1:] != gram[:-1]) + 1):
            if len(group) > 1:
                yield group.tolist()


def alike(a: Grams, b: Grams) -> bool:
    """Whether two ascending sets of grams are near-duplicates: 0.7 of their union is shared."""
    if _OF * min(len(a), len(b)) < _SHARED * max(len(a), len(b)):
        return False
    shared = len(np.intersect1d(a, b, assume_unique=True))
    return _OF * shared >= _SHARED * (len(a) + len(b) - shared)


def _bucket(found: Grams) -> Grams:
    return found & np.uint64((1 << _COUNTED_BITS) - 1)


def _root(parent: list[int], place: int) -> int:
    while parent[place] != place:
        parent[place] = parent[parent[place]]
        place = parent[place]
    return place


def _join(parent: list[int], a: int, b: int) -> None:
    """The earlier root stays, so that a cluster is named by its first program."""
    a, b = sorted((_root(parent, a), _root(parent, b)))
    parent[b] = a
