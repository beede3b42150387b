"""Do threads of one launch meet on an element in a way that decides a value?

On the CPU threads run one after another, so a race gives the same numbers every time; on a GPU it does not.
So what each thread loads, stores and changes by atomics is noted, and threads are run in other orders.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from warpgen.verification.compiling.watched import ATOMIC, READ, WRITE

# Parts of elements that are looked at; a launch that makes more accesses is too large to watch.
MOST_PARTS = 1 << 23

Log = NDArray[Any]
# Outputs and log of a launch whose threads run in steps of so many.
Launch = Callable[[int], tuple[Sequence[NDArray[Any]], Log]]


class Meetings(msgspec.Struct):
    """Addresses where threads meet: where that decides a value, and where it may."""

    certain: NDArray[np.int64]
    possible: NDArray[np.int64]


def race(launch: Launch, threads: int, tolerance: float) -> tuple[NDArray[np.int64], str]:
    """Addresses at which threads race and what they do there, '' where they do not.

    Different plain stores to one element always race, as does a plain change of what others change by
    atomics. All else that threads do to each other's elements, as to store the same value, is benign if
    the outputs do not depend on the order of threads.
    """
    outputs, log = launch(1)
    met = meetings(log)
    if met.certain.size:
        return met.certain, "two threads store to it"
    if not met.possible.size:
        return met.possible, ""
    for step in _steps(threads):
        others, log = launch(step)
        again = meetings(log)
        if again.certain.size:
            return again.certain, "two threads store to it"
        if not all(_same(a, b, tolerance) for a, b in zip(outputs, others, strict=True)):
            return met.possible, "a thread stores to it, others read it"
    return met.possible, ""


def _steps(threads: int) -> list[int]:
    """Steps that come to every thread: all but one backwards, and far apart."""
    far = next(s for s in range(max(int(0.618 * threads), 1), 2 * threads + 2) if np.gcd(s, threads) == 1)
    return sorted({max(threads - 1, 1), far} - {1}, reverse=True)


def _same(a: NDArray[Any], b: NDArray[Any], tolerance: float) -> bool:
    if a.dtype.kind != "f":
        return np.array_equal(a, b)
    finite = np.abs(b[np.isfinite(b)])
    size = float(finite.max(initial=0.0))
    return bool(np.allclose(a, b, rtol=tolerance, atol=tolerance * size, equal_nan=True))


def meetings(log: Log) -> Meetings:
    """Where threads meet in a log of accesses, which is in the order that they were made in."""
    none = np.zeros(0, np.int64)
    kinds = log["what"] & 3
    if not (kinds == WRITE).any() and not (kinds == ATOMIC).any():
        return Meetings(none, none)
    entry, address = _parts(log)
    places, place = np.unique(address, return_inverse=True)
    thread, kind, value = log["thread"].astype(np.int64)[entry], kinds[entry], log["value"][entry]
    count = len(places)
    read, write, atomic = (_range(place[kind == k], thread[kind == k], count) for k in (READ, WRITE, ATOMIC))
    last = _last_writes(place, thread, kind)
    values = _range(place[last], value[last], count)
    # Whether a thread changes an element by what it read of it.
    pair = place.astype(np.int64) * (int(thread.max()) + 1) + thread
    changed = np.zeros(count, bool)
    changed[place[(kind == WRITE) & np.isin(pair, pair[kind == READ])]] = True
    certain = (write.several & values.several) | (changed & _apart(write, atomic))
    possible = _apart(write, read) | _apart(write, atomic) | _apart(atomic, read)
    return Meetings(places[certain], places[possible])


def _parts(log: Log) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Entries cut into parts of one size: the number of each one's entry, and its address."""
    size, at = (log["what"] >> 2).astype(np.int64), log["place"].astype(np.int64)
    unit = int(np.gcd(np.gcd.reduce(size), np.gcd.reduce(at)))
    each = size // unit
    if int(each.sum()) > MOST_PARTS:
        raise OverflowError("more accesses than can be watched")
    entry = np.repeat(np.arange(len(log)), each)
    within = np.arange(len(entry)) - np.repeat(np.cumsum(each) - each, each)
    return entry, at[entry] + within * unit


class _Range(msgspec.Struct):
    """Per place the least and the greatest of what is there; `any` whether there is something."""

    any: NDArray[np.bool_]
    least: NDArray[Any]
    most: NDArray[Any]

    @property
    def several(self) -> NDArray[np.bool_]:
        return np.asarray(self.any & (self.least != self.most), bool)


def _range(place: NDArray[Any], number: NDArray[Any], count: int) -> _Range:
    kind = np.iinfo(number.dtype)
    there = np.zeros(count, bool)
    least, most = np.full(count, kind.max, number.dtype), np.full(count, kind.min, number.dtype)
    there[place] = True
    np.minimum.at(least, place, number)
    np.maximum.at(most, place, number)
    return _Range(there, least, most)


def _apart(a: _Range, b: _Range) -> NDArray[np.bool_]:
    """Where one thread does the one and another thread the other."""
    alone = (a.least == a.most) & (b.least == b.most) & (a.least == b.least)
    return np.asarray(a.any & b.any & ~alone, bool)


def _last_writes(place: NDArray[Any], thread: NDArray[Any], kind: NDArray[Any]) -> NDArray[np.int64]:
    """The last store of each thread to each place: what it wrote before is nobody's to see."""
    writes = np.flatnonzero(kind == WRITE)
    order = writes[np.lexsort((writes, thread[writes], place[writes]))]
    ends = np.ones(len(order), bool)
    same = (place[order][1:] == place[order][:-1]) & (thread[order][1:] == thread[order][:-1])
    ends[:-1] = ~same
    return order[ends]
