"""Which programs were seen before: a hash table in one array, 16 bytes an entry, no Python object for any.

Keys go in by batches and in order; the first of equal structures stays, however they are cut into batches.
The table lies in the order of the keys' prefixes: it grows by one pass from end to end, and a part of the
keys by prefix is a part of the table (docs/scale.md).
"""

from __future__ import annotations

import mmap

import numpy as np
import numpy.typing as npt

from warpgen.errors import DamageError
from warpgen.reasons import Reason

Words = npt.NDArray[np.uint64]

KEY = 16  # bytes that stand for one program: what is stored and what a checkpoint must keep

NEW, SOURCE, STRUCTURE = 0, 1, 2  # a program repeats nothing, the kept one's source, or its structure only
KINDS = ("", Reason.SOURCE.value, Reason.STRUCTURE.value)  # what these are called in a manifest

# Of a key's second word: two more bytes of the structure. 80 bits of structure make one false repeat expected
# after some 10^12 programs; it would drop one good row, the same one on every machine.
_STRUCTURE = np.uint64(0xFFFF << 48)

_EMPTY = np.uint64(0)  # no key's first word: one program in 2^64 has it, and is taken for its neighbour
_NEIGHBOUR = np.uint64(1)

_LEAST = 1 << 12  # slots
_GROWTH = 1.5  # with the next, 21 to 32 bytes a program
_FULL = 0.75  # beyond this the runs of taken slots get long
_SLACK = 1 << 12  # slots past the last home: probing never wraps round, so that the order holds
_BLOCK = 1 << 16  # keys or slots at a time: what numpy needs beside the table is a few MiB


class Index:
    """The kept programs by structure, and the source of each.

    A key takes 0.4 µs in large batches and 11 in those of a unit, where copying its rows takes 300.
    """

    def __init__(self, parts: int = 1) -> None:
        """For all keys, or for those of any one of so many parts by prefix: see `part_of`."""
        self._size = 0
        self._table = _Table(_LEAST, parts)

    def __len__(self) -> int:
        return self._size

    @property
    def nbytes(self) -> int:
        """Bytes of the table."""
        return self._table.first.nbytes + self._table.second.nbytes

    def add(self, keys: bytes) -> bytes:
        """Remember the programs of these keys, one after another; NEW, SOURCE or STRUCTURE for each."""
        words = np.frombuffer(keys, ">u8").astype(np.uint64).reshape(-1, 2)
        words[words[:, 0] == _EMPTY, 0] = _NEIGHBOUR
        blocks = range(0, len(words), _BLOCK)
        return b"".join(self._add(words[place : place + _BLOCK]).tobytes() for place in blocks)

    def _add(self, words: Words) -> npt.NDArray[np.uint8]:
        while self._size + len(words) > _FULL * self._table.homes:
            self._table = self._table.grown()
        verdicts = self._table.insert(words)
        self._size += int(np.count_nonzero(verdicts == NEW))
        return verdicts


class _Table:
    """Open addressing in the order of prefixes: a key lies at its home or behind it, past taken slots."""

    def __init__(self, homes: int, parts: int) -> None:
        self.homes = homes
        self._parts = parts
        # Not of the heap: what `grown` has copied must go back to the system at once.
        self._memory = [mmap.mmap(-1, (homes + _SLACK) * KEY // 2) for _ in range(2)]
        self.first, self.second = (np.frombuffer(memory, np.uint64) for memory in self._memory)

    def insert(self, words: Words) -> npt.NDArray[np.uint8]:
        """As Index.add says. Equal keys go from slot to slot in step, so the first in order is the first."""
        verdicts = np.full(len(words), NEW, np.uint8)
        first, second = self.first, self.second
        mine, slots = np.ascontiguousarray(words[:, 0]), self._home(words[:, 0])
        left = np.arange(len(words))  # those without a slot or a verdict
        while len(left):
            there = first.take(slots, mode="clip")
            going = there != mine
            equal = np.flatnonzero(~going)
            if len(equal):
                other = second.take(slots[equal]) ^ words[left[equal], 1]
                same = other & _STRUCTURE == 0
                verdicts[left[equal[same]]] = np.where(other[same] == 0, SOURCE, STRUCTURE)
                going[equal] = ~same
            empty = np.flatnonzero(there == _EMPTY)
            slots += there != _EMPTY
            if len(empty):
                # Of several that want one slot the last written stays, so they are written backwards. Who
                # did not get it looks there again: a twin of his may have.
                wanted, numbers = slots[empty], left[empty]
                second[wanted[::-1]] = numbers[::-1]
                won = second.take(wanted) == numbers
                placed = empty[won]
                first[slots[placed]] = mine[placed]
                second[slots[placed]] = words[left[placed], 1]
                going[placed] = False
            left, slots, mine = left[going], slots[going], mine[going]
            if len(slots):
                self._check(int(slots.max()))
        return verdicts

    def grown(self) -> _Table:
        """The same keys in a larger table. This one is used up: its memory goes as the other's comes."""
        larger = _Table(int(self.homes * _GROWTH), self._parts)
        begin = free = 0  # free: the first slot of the larger that is behind all keys placed
        while begin < len(self.first):
            end = self._cut(begin)
            taken = begin + np.flatnonzero(self.first[begin:end])
            taken = taken[np.argsort(self.first[taken], kind="stable")]
            if len(taken):
                # Each at its home or right behind the one before it: max(home, place before + 1).
                order = np.arange(len(taken))
                homes = np.maximum(larger._home(self.first[taken]), free)
                places = np.maximum.accumulate(homes - order) + order
                larger._check(int(places[-1]))
                larger.first[places] = self.first[taken]
                larger.second[places] = self.second[taken]
                free = int(places[-1]) + 1
            if hasattr(mmap, "MADV_DONTNEED"):  # elsewhere it goes at the end
                for memory in self._memory:
                    memory.madvise(mmap.MADV_DONTNEED, 0, end * 8 // mmap.PAGESIZE * mmap.PAGESIZE)
            begin = end
        return larger

    def _check(self, slot: int) -> None:
        if slot >= len(self.first):
            raise DamageError("thousands of programs share 4 bytes of their hash: they are not warpgen's")

    def _cut(self, begin: int) -> int:
        """A place to cut at, about a block on: past an empty slot, which no key has gone by."""
        block = _BLOCK
        while begin + block < len(self.first):
            empty = np.flatnonzero(self.first[begin : begin + block] == _EMPTY)
            if len(empty):
                return begin + int(empty[-1]) + 1
            block *= 2
        return len(self.first)

    def _home(self, first: Words) -> npt.NDArray[np.int64]:
        """The slots where keys of these first words belong: their place in their part, to scale."""
        within = first * np.uint64(self._parts)  # the part's number overflows; what follows the point stays
        return ((within >> np.uint64(32)) * np.uint64(self.homes) >> np.uint64(32)).astype(np.int64)


def part_of(key: bytes, parts: int) -> int:
    """Which of so many parts, by the prefix of its structure's hash, is the program's.

    It is 0 ... parts - 1. Parts know nothing of each other, so each may be held by another process or
    machine.
    """
    return int.from_bytes(key[:8], "big") * parts >> 64


def key_of(source: bytes, structure: bytes) -> bytes:
    """The key of a program from its two 16-byte hashes; empty when it has none."""
    return structure[:10] + source[:6]
