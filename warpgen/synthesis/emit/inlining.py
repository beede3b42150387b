"""Names that are used once and could be spared: some authors write the expression where it is needed."""

from __future__ import annotations

import functools
from collections import Counter

from warpgen.synthesis.emit.liveness import drop_remark
from warpgen.synthesis.language.author import Author
from warpgen.synthesis.language.builtins import known
from warpgen.synthesis.language.expressions import (
    LOGIC,
    Binary,
    Call,
    Choice,
    Element,
    Expression,
    Group,
    Name,
    inside,
    is_number,
    labels_of,
    replaced,
    root,
)
from warpgen.synthesis.language.statements import Assign, Blank, Block, Statement, walk

_MAKERS = frozenset("float int vec2 vec3 vec4 vec2f vec3f vec4f".split())
LONGEST = 88


def inlined(body: list[Statement], author: Author) -> list[Statement]:
    """The statements without some of the names that one later statement of the same block reads once."""
    return body if author.keeps_names >= 1.0 else _Inlining(body, author).of(body, 1)


class _Inlining:
    """Spares names in the blocks of one function."""

    def __init__(self, body: list[Statement], author: Author) -> None:
        self._body = body
        self._author = author
        code = list(walk(body))
        self._mentions = Counter([name for s in code for name in s.names])
        self._writes = Counter([name for s in code for name in s.defines])

    @functools.cached_property
    def _labels(self) -> set[str]:
        """Fields, keywords and the like: a local that is called as one of them keeps its name."""
        return labels_of(*[part for s in walk(self._body) for part in s.parts])

    def of(self, body: list[Statement], depth: int) -> list[Statement]:
        """A block without the names that are spared."""
        left: list[Statement | None] = list(body)
        for at, statement in enumerate(left):
            if isinstance(statement, Block):
                left[at] = statement.around(self.of(statement.body, depth + 1))
            elif isinstance(statement, Assign) and self._is_spare(statement):
                self._move(left, at, statement, depth)
        kept: list[Statement] = []
        for statement in left:
            if statement is None:
                drop_remark(kept)
            else:
                kept.append(statement)
        return kept

    def _is_spare(self, statement: Assign) -> bool:
        """Whether the statement does nothing but name what one other reads."""
        target = statement.target
        if not statement.defines or not isinstance(target, Name) or statement.operator:
            return False
        name = target.text
        return self._mentions[name] == 2 and self._writes[name] == 1 and _is_movable(statement.value)

    def _move(self, left: list[Statement | None], at: int, statement: Assign, depth: int) -> None:
        """Put the value where its name is read, if it may stand there and this author would."""
        name = statement.defines[0]
        to = _target(left, at, name, statement.value)
        if to is None or name in self._labels or self._author.rng.chance(self._author.keeps_names):
            return
        reader = left[to]
        assert isinstance(reader, Assign)
        new = reader.with_parts([replaced(part, name, statement.value) for part in reader.parts])
        if len(new.text) + 4 * depth <= LONGEST:
            left[to], left[at] = new, None


def _is_movable(value: Expression) -> bool:
    number = value.parts[0] if isinstance(value, Call) and len(value.parts) == 1 else value
    if is_number(number):
        return False  # Warp takes a bare number for a constant
    return all(
        _has_no_effect(node) if isinstance(node, Call)
        else not isinstance(node, Choice) and not (isinstance(node, Binary) and node.operator in LOGIC)
        for node in inside(value)
    )  # fmt: skip


def _target(left: list[Statement | None], at: int, name: str, value: Expression) -> int | None:
    """Where the expression may go: into the next statement as an argument, or into a later plain store."""
    read = {node.text for node in inside(value) if isinstance(node, Name)} | labels_of(value)
    adjacent = True
    for later in range(at + 1, len(left)):
        statement = left[later]
        if isinstance(statement, Blank) or statement is None:
            continue
        if not isinstance(statement, Assign) or not _is_simple(statement):
            return None
        if name in statement.names:
            if [node.text for node in inside(*statement.parts) if isinstance(node, Name)].count(name) > 1:
                return None
            stored = isinstance(statement.value, Name) and not statement.operator
            if stored and statement.value.text == name and isinstance(statement.target, Element):
                return later
            fits = adjacent and statement.operator != "+" and _is_pure(statement.value)
            return later if fits and any(_takes(part, name) for part in statement.parts) else None
        adjacent = False
        calls = (node for part in statement.parts for node in inside(part) if isinstance(node, Call))
        if root(statement.parts[0]) in read or any("atomic" in call.name for call in calls):
            return None
    return None


def _is_simple(statement: Assign) -> bool:
    """Whether it changes a local or one element of an array."""
    target = statement.target
    while isinstance(target, Element):
        target = target.parts[0]
    return isinstance(target, Name) and statement.operator in ("", "+", "-", "*", "/")


def _is_pure(value: Expression) -> bool:
    return all(_has_no_effect(node) for node in inside(value) if isinstance(node, Call))


def _has_no_effect(call: Call) -> bool:
    """Whether its result may stand inside another expression."""
    name = call.name.removeprefix("wp.")
    return name in _MAKERS or known(name).pure


def _takes(node: Expression, name: str) -> bool:
    """Whether any expression may stand where the name is read: no operator is around it."""
    if isinstance(node, (Call, Group)):
        places = node.parts
    else:
        places = node.parts[2:-1] if isinstance(node, Element) else ()
    named = any(isinstance(part, Name) and part.text == name for part in places)
    return named or any(_takes(part, name) for part in node.parts)
