"""One short row of the datasets for people to look at, the same one every time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

import msgspec

from warpgen.jsonl import rows
from warpgen.record import Row, Target

LEAST_STATEMENTS = 4  # less than this shows nothing of a language
LEAST_BUILTINS = 3  # wp.tid and two that compute something
LOOKED_AT = 1000  # rows, from the first: enough to find a simple one among


class _Head(msgspec.Struct):
    """What choosing needs of a row."""

    kernel_id: str
    forward: tuple[int, int]
    backward: tuple[int, int]
    features: _Features
    provenance: _Origin


class _Features(msgspec.Struct):
    statements: int
    functions: int
    structs: int
    builtins: tuple[str, ...]


class _Origin(msgspec.Struct):
    index: int


def choose(paths: Mapping[Target, Path], last_index: int) -> dict[Target, Row]:
    """The simplest row worth showing, per target; {} if none is.

    Worth showing are rows of the first LOOKED_AT with an adjoint, LEAST_STATEMENTS or more, and an index up
    to `last_index`, the last that all datasets reach. The simplest calls LEAST_BUILTINS, has no helper
    functions or structs, which would be missing from the excerpt, and has the shortest forward code; of
    equals it is the first in the first dataset.
    """
    kernel_id = _simplest(next(iter(paths.values())), last_index)
    found = {target: _find(path, kernel_id) for target, path in paths.items()} if kernel_id else {}
    return {target: row for target, row in found.items() if row is not None}


def _simplest(path: Path, last_index: int) -> str:
    best: tuple[bool, int] | None = None
    kernel_id = ""
    for _, row in islice(rows(path, _Head), LOOKED_AT):
        if row.provenance.index > last_index or row.features.statements < LEAST_STATEMENTS:
            continue
        plain = row.features.functions + row.features.structs == 0
        telling = plain and len(row.features.builtins) >= LEAST_BUILTINS
        rank = (not telling, row.forward[1] - row.forward[0])
        if row.backward[1] > row.backward[0] and (best is None or rank < best):
            best, kernel_id = rank, row.kernel_id
    return kernel_id


def _find(path: Path, kernel_id: str) -> Row | None:
    for line, row in rows(path, _Id):
        if row.kernel_id == kernel_id:
            return msgspec.json.decode(line, type=Row)
    return None


class _Id(msgspec.Struct):
    kernel_id: str


def forward_excerpt(row: Row) -> str:
    """The kernel's forward function; the block that declares its variables becomes one comment."""
    text = row.code[row.forward[0] : row.forward[1]]
    return _tidy(
        re.sub(r"( *)//-+\n *// primal vars\n.*?(?= *//-+\n *// forward\n)", _declared, text, flags=re.S)
    )


def reverse_excerpt(row: Row) -> str:
    """The part of the adjoint that runs backward."""
    text = row.code[row.backward[0] : row.backward[1]]
    start = re.search(r" *// reverse\n", text)
    return _tidy(text[start.end() :] if start else text)


def _declared(block: re.Match[str]) -> str:
    count = block[0].count(";")
    return f"{block[1]}// ... {count} variables are declared ...\n"


def _tidy(text: str) -> str:
    """Without the line numbers that Warp sets far to the right of its comments."""
    return re.sub(r" +<L \d+>$", "", text, flags=re.M).strip("\n")
