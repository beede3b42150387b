"""The view `versions`: what two versions of Warp make of one program, and the difference."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Callable, Iterator

from warpgen.errors import UsageError
from warpgen.exporting.columns import TEXT
from warpgen.exporting.kernels import Kernel, side_by_side
from warpgen.exporting.views.view import LANGUAGES, Record, View, common, schema
from warpgen.record import Row

_TEXTS = ("source", "older", "newer", "difference")


def versions(beside: Callable[[], Iterator[Kernel]]) -> View:
    """The view; `beside` gives the kernels of the other datasets in order of index."""
    fields = ("language", "older_warp", "newer_warp", *_TEXTS)
    return View(
        "one program, the code that two versions of Warp make of it, and the difference of the two",
        schema(dict.fromkeys(fields, TEXT), _TEXTS),
        functools.partial(_records, beside),
        _TEXTS,
    )


def _records(beside: Callable[[], Iterator[Kernel]], kernels: Iterator[Kernel]) -> Iterator[Record]:
    for kernel, other in side_by_side(kernels, beside()):
        for one, two in ((kernel.cpu, other.cpu), (kernel.cuda, other.cuda)):
            if one is not None and two is not None:
                yield common(kernel, f"-{LANGUAGES[one.target]}") | _compared(one, two)


def _compared(one: Row, two: Row) -> Record:
    if one.source_hash != two.source_hash:
        raise UsageError(f"{one.id} and {two.id} are not of one program: their rows make no pairs")
    older, newer = sorted((one, two), key=_version)
    return {
        "language": LANGUAGES[one.target],
        "older_warp": older.provenance.warp,
        "newer_warp": newer.provenance.warp,
        "source": one.python_source,
        "older": older.code,
        "newer": newer.code,
        "difference": difference(older, newer),
    }


def _version(row: Row) -> tuple[int, ...]:
    return tuple(map(int, row.provenance.warp.split(".")))


def difference(older: Row, newer: Row) -> str:
    """A unified diff that makes the newer code of the older; empty where they are the same."""
    # Split at line feeds alone, as `patch` does.
    before, after = (row.code.removesuffix("\n").split("\n") for row in (older, newer))
    was, now = (f"warp-lang {row.provenance.warp}" for row in (older, newer))
    lines = list(difflib.unified_diff(before, after, was, now, lineterm=""))
    return "\n".join([*lines, ""]) if lines else ""
