"""The rows that the page shows: evenly spread, both targets joined, as many as fit."""

from __future__ import annotations

import base64
import gzip
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from warpgen.jsonl import rows
from warpgen.record import Row, Target
from warpgen.terminal import printable

MOST_ROWS = 400  # more than this nobody leafs through
MOST_BYTES = 4 * 10**6  # of all rows as they stand in the page, which stays below 5 MB with its charts


class _Id(msgspec.Struct):
    kernel_id: str


def sample(paths: Mapping[Target, Path], total: int, most_bytes: int = MOST_BYTES) -> list[dict[str, Any]]:
    """Rows of the first target, `total` in number, at even distances, each with its twins of the others.

    A row's code is compressed and stands at `z`; all texts are without control characters.
    """
    wanted = min(total, MOST_ROWS)
    places = {k * total // wanted for k in range(wanted)}
    (first, path), *others = paths.items()
    chosen: dict[str, dict[Target, Row]] = {}
    for place, (line, head) in enumerate(rows(path, _Id)):
        if place in places:
            chosen[head.kernel_id] = {first: msgspec.json.decode(line, type=Row)}
    for target, path in others:
        for line, head in rows(path, _Id):
            if head.kernel_id in chosen:
                chosen[head.kernel_id][target] = msgspec.json.decode(line, type=Row)
    shown = [_shown(twins) for twins in chosen.values()]
    size = sum(len(msgspec.json.encode(row)) for row in shown)
    while size > most_bytes:  # take fewer, as evenly spread
        fewer = min(len(shown) - 1, len(shown) * most_bytes // size)
        shown = [shown[k * len(shown) // fewer] for k in range(fewer)]
        size = sum(len(msgspec.json.encode(row)) for row in shown)
    return shown


def _shown(twins: Mapping[Target, Row]) -> dict[str, Any]:
    row = next(iter(twins.values()))
    texts = {
        "code": {target: _pieces(twin) for target, twin in twins.items()},
        "verified": {target: printable(_json(twin.verified)) for target, twin in twins.items()},
        "launch": printable(_json({"launch": row.launch, "args": row.args})),
    }
    # No time and no name in the header: the same rows give the same page.
    packed = gzip.compress(msgspec.json.encode(texts), 9, mtime=0)
    return {
        "id": printable(row.kernel_id),
        "category": printable(row.category),
        "name": printable(row.name),
        "python": printable(row.python_source),
        "builtins": [printable(name) for name in row.features.builtins],
        "facts": {
            "statements": row.features.statements,
            "loop depth": row.features.loop_depth,
            "branches": row.features.branches,
            "arguments": row.features.args,
        },
        "verdicts": {target: twin.verified.verdicts for target, twin in twins.items()},
        "z": base64.b64encode(packed).decode(),
    }


def _pieces(row: Row) -> Sequence[str]:
    """The code in five: before the forward function, it, between, the adjoint, the rest."""
    ends = (0, *row.forward, *row.backward, len(row.code))
    if row.backward == (0, 0):
        ends = (0, *row.forward, row.forward[1], row.forward[1], len(row.code))
    return [printable(row.code[start:stop]) for start, stop in itertools.pairwise(ends)]


def _json(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
