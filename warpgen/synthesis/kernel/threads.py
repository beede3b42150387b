"""The head of a kernel: which element a thread works on, and when it has nothing to do."""

from __future__ import annotations

from warpgen.synthesis.kit.kit import Kit
from warpgen.synthesis.language.expressions import Call, Name
from warpgen.synthesis.language.statements import Assign
from warpgen.synthesis.language.types import BOOL, I32
from warpgen.synthesis.language.values import Value

# Extents by launch rank: small enough to run by the thousand, odd enough to find index mistakes.
_EXTENTS = {1: (32, 48, 64, 96, 100, 128, 200), 2: (6, 7, 8, 9, 10, 12, 16), 3: (4, 5, 6), 4: (2, 3, 4)}
_AXES = ("i|row|y|a", "j|col|x|b", "k|z|c|depth", "l|w|d|n")
# After the index: nothing, a mask, an indirection, a count in memory, row and column from one number.
_HEADS = {"plain": 0.80, "mask": 0.06, "indirect": 0.06, "count": 0.04, "decode": 0.04}


def open_threads(k: Kit, rank: int) -> None:
    """`tid = wp.tid()` in one of its forms, with the guard or indirection that may follow."""
    rng, author, draft = k.rng, k.author, k.draft
    head = rng.weighted(_HEADS) if rank <= 2 else "plain"
    draft.shape = draft.dim = tuple(rng.choice(_EXTENTS[rank]) for _ in range(rank))
    if rank == 2 and head == "decode":
        _decode(k)
    else:
        _tid(k, rank)
    if author.guard == "return" and head != "decode":
        # The launch is rounded up, as to whole blocks; the guard keeps the rest out.
        draft.dim = tuple(-(-d // 8) * 8 if rng.chance(0.5) else d for d in draft.dim)
        conditions = [v >= k.extent(axis) for axis, v in enumerate(k.index)]
        k.note(rng.choice(("bounds check", "skip threads past the end", "out of range", "early out")))
        k.guard(k.any(*conditions) if rank > 1 else conditions[0])
    if head == "mask":
        _mask(k)
    elif head == "indirect" and rank == 1:
        _indirect(k)
    elif head == "count" and rank == 1:
        count = k.array("count|num_active|active_count", I32, lo=draft.shape[0] // 2, hi=draft.shape[0])
        k.guard(k.i >= count[0])
    k.blank()


def _tid(k: Kit, rank: int) -> None:
    rng, author, shape = k.rng, k.author, k.draft.shape
    if rank == 1:
        names = [k.name(author.index_name)]
    else:
        pick = rng.choice((0, 0, 0, 1, 2))
        names = [k.name(f"{axis.split('|')[pick]}|{axis}") for axis in _AXES[:rank]]
    k.write(Assign(tuple(map(Name, names)), Call("wp.tid", ())))
    k.index = tuple(Value(n, I32, 0, extent - 1, author) for n, extent in zip(names, shape, strict=True))


def _decode(k: Kit) -> None:
    """A one-dimensional launch over a two-dimensional field."""
    rows, columns = k.draft.shape
    k.draft.dim = (rows * columns,)
    tid = k.name(k.author.index_name if k.author.index_name not in ("i", "row") else "tid")
    k.write(Assign(Name(tid), Call("wp.tid", ())))
    t = Value(tid, I32, 0, rows * columns - 1, k.author)
    width = k.extent(1)
    row = k.define("row|i|y|r", t // width).within(0, rows - 1)
    column = (t % width) if k.rng.chance(0.7) else t - row * width
    k.index = (row, k.define("col|j|x|c", column).within(0, columns - 1))


def _mask(k: Kit) -> None:
    rng = k.rng
    k.note(rng.choice(("skip inactive elements", "only active elements are processed", "nothing to do here")))
    if rng.chance(0.3):
        mask = k.array("mask|active|enabled|valid", BOOL, len(k.index), lo=0, hi=1)
        k.guard(k.negate(mask[k.index]))
        return
    if rng.chance(0.4):
        flags = k.array("flags|particle_flags|state_flags", I32, len(k.index), lo=0, hi=7)
        bit = k.constant("ACTIVE|FLAG_ACTIVE|ENABLED", rng.choice((1, 2, 4)))
        k.guard((flags[k.index] & bit).eq(0))
        return
    mask = k.array("mask|active|enabled|alive", I32, len(k.index), lo=0, hi=1)
    k.guard(mask[k.index].eq(0))


def _indirect(k: Kit) -> None:
    """Work on the element that a list names; every element once, so that threads do not collide."""
    n = k.draft.shape[0]
    order = k.array("indices|order|active_indices|ids|particle_ids", I32, kind="permutation", lo=0, hi=n)
    order.spec.fixed = (n,)
    element = k.define("index|idx|element|particle|e|p", order[k.i])
    k.index = (element.within(0, n - 1),)
