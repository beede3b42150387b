"""Parts of generated code, shorter than a whole module: the kernel's own, or one direction of it."""

from __future__ import annotations

from typing import Literal

import msgspec

from warpgen.exporting.kernels import Kernel
from warpgen.record import Row

Span = Literal["whole", "kernel", "forward", "adjoint"]

# What Warp writes at the head of every text, whatever the kernel is.
_HEAD_ENDS = ("#define adj_int(x, adj_x, adj_ret) adj_cast_int(x, adj_x, adj_ret)\n",)


def part_of(row: Row, span: Span) -> Row | None:
    """The row with a part of its code alone, and the spans of the functions in it; None where it has none.

    `kernel` is all between Warp's own head and entry points: structs, helpers and both directions.
    """
    if span == "whole":
        return row
    start, stop = {"forward": row.forward, "adjoint": row.backward, "kernel": _kernel(row)}[span]
    if start == stop:
        return None
    forward, backward = (_within(found, start, stop) for found in (row.forward, row.backward))
    return msgspec.structs.replace(row, code=row.code[start:stop], forward=forward, backward=backward)


def with_span(kernel: Kernel, span: Span) -> Kernel | None:
    """The kernel with that part of its codes; None where none of its rows has it."""
    cpu, cuda = (row and part_of(row, span) for row in (kernel.cpu, kernel.cuda))
    return msgspec.structs.replace(kernel, cpu=cpu, cuda=cuda) if cpu or cuda else None


def _kernel(row: Row) -> tuple[int, int]:
    """From behind Warp's head to the end of the last direction."""
    start = 0
    for mark in _HEAD_ENDS:
        found = row.code.find(mark)
        start = max(start, found + len(mark) if found >= 0 else 0)
    while row.code[start : start + 1] == "\n":
        start += 1
    return start, max(row.forward[1], row.backward[1])


def _within(found: tuple[int, int], start: int, stop: int) -> tuple[int, int]:
    """A span of the whole text as one of the part; (0, 0) where it is not in there."""
    inside = start <= found[0] and found[1] <= stop and found[0] < found[1]
    return (found[0] - start, found[1] - start) if inside else (0, 0)
