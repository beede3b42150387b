"""How much code a program becomes: Warp writes out the turns of loops with a fixed, small count."""

from __future__ import annotations

from collections.abc import Iterable

from warpgen.synthesis.language.expressions import LOGIC, Binary, Call, Element, Field, Name, inside
from warpgen.synthesis.language.reading import operations
from warpgen.synthesis.language.statements import Assign, Block, For, Leave, Statement, walk

MOST_TURNS = 16  # Warp's own default: longer loops stay loops
_EARLY = ("break", "continue")


def unrolled_size(body: list[Statement], heads: Iterable[str] = ()) -> int:
    """Operations of the functions' statements, each times the turns around it, and of what stands around.

    Operations are calls, operators and subscripts; `heads` are the texts around the bodies.
    """
    if all(_turns(statement) is None for statement in walk(body) if isinstance(statement, For)):
        return 0  # no loop will be written out
    return _size(body) + sum(map(operations, heads))


def _size(body: Iterable[Statement]) -> int:
    size = 0
    for statement in body:
        size += isinstance(statement, Assign) + _operations(statement)
        if isinstance(statement, Block):
            turns = _turns(statement) or 1
            if turns > MOST_TURNS or (turns > 1 and _is_left_early(statement)):
                turns = 1
            size += _size(statement.body) * turns
    return size


def _is_left_early(loop: Block) -> bool:
    return any(isinstance(s, Leave) and s.word in _EARLY for s in walk(loop.body))


def _turns(statement: Statement) -> int | None:
    """How often a loop turns, None unless the number is written in its header."""
    source = statement.parts[1] if isinstance(statement, For) else None
    if (
        not isinstance(source, Call)
        or source.name != "range"
        or any(not part.text.lstrip("-").isdigit() for part in source.parts)
    ):
        return None
    return len(range(*[int(part.text) for part in source.parts]))


def _operations(statement: Statement) -> int:
    count = 0
    for node in inside(*statement.parts):
        kind = type(node)  # most nodes are names and numbers
        if kind is Call:
            count += 1
        elif kind is Binary:
            count += node.operator not in LOGIC  # type: ignore[attr-defined]
        elif kind is Element:
            count += isinstance(node.parts[0], (Name, Field))
    return count
