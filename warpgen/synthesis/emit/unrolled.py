"""How much code a program becomes: Warp writes out the turns of loops with a fixed, small count."""

from __future__ import annotations

from collections.abc import Iterable

from warpgen.synthesis.language.expressions import (
    LOGIC,
    Binary,
    Call,
    Element,
    Expression,
    Field,
    Name,
    inside,
)
from warpgen.synthesis.language.reading import operations
from warpgen.synthesis.language.statements import Assign, Block, For, Leave, Statement, walk

MOST_TURNS = 16  # Warp's own default: longer loops stay loops
_EARLY = ("break", "continue")


def unrolled_size(body: list[Statement], heads: Iterable[str] = ()) -> int:
    """Operations of the functions' statements (calls, operators, subscripts), each times the turns around it,
    and of what stands around the bodies."""
    if all(_turns(statement) is None for statement in walk(body)):
        return 0  # no loop will be written out
    return _size(body) + sum(map(operations, heads))


def _size(body: Iterable[Statement]) -> int:
    size = 0
    for statement in body:
        size += isinstance(statement, Assign) + sum(map(_is_operation, inside(*statement.parts)))
        if isinstance(statement, Block):
            turns = _turns(statement) or 1
            left_early = any(isinstance(s, Leave) and s.word in _EARLY for s in walk(statement.body))
            size += _size(statement.body) * (1 if turns > MOST_TURNS or left_early else turns)
    return size


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


def _is_operation(node: Expression) -> bool:
    if isinstance(node, Element):
        return isinstance(node.parts[0], (Name, Field))
    return isinstance(node, Call) or (isinstance(node, Binary) and node.operator not in LOGIC)
