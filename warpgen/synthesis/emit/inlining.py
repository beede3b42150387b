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
    Tuple,
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
        code = walk(body)
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
        if len(statement.defines) != 1 or statement.operator:
            return False
        (name,) = statement.defines
        return (
            self._mentions[name] == 2
            and self._writes[name] == 1
            and isinstance(statement.target, Name)
            and _is_movable(statement.value)
        )

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
    for node in inside(value):
        if isinstance(node, Call):
            if not _has_no_effect(node):
                return False
        elif isinstance(node, Choice) or (isinstance(node, Binary) and node.operator in LOGIC):
            return False
    return True


def _target(left: list[Statement | None], at: int, name: str, value: Expression) -> int | None:
    """Where the expression may go: into the next statement as an argument, or into a later plain store."""
    between: list[Assign] = []
    for later in range(at + 1, len(left)):
        statement = left[later]
        if isinstance(statement, Blank) or statement is None:
            continue
        if not isinstance(statement, Assign) or not _is_simple(statement):
            return None
        if name in statement.names:
            fits = _is_store(statement, name) or (not between and _is_place(statement, name))
            return later if fits and not _may_change(between, value) else None
        between.append(statement)
    return None


def _is_store(statement: Assign, name: str) -> bool:
    """`array[...] = name`."""
    return not statement.operator and statement.value.text == name and isinstance(statement.target, Element)


def _is_place(statement: Assign, name: str) -> bool:
    """Whether the statement reads the name once, where any expression may stand."""
    return (
        statement.operator != "+"
        and any(_takes(part, name) for part in statement.parts)
        and _is_pure(statement.value)
        and [node.text for node in inside(*statement.parts) if isinstance(node, Name)].count(name) == 1
    )


def _may_change(statements: list[Assign], value: Expression) -> bool:
    """Whether any of the statements changes what the value is made of."""
    read = value.names | labels_of(value) if statements else frozenset()
    return any(root(s.parts[0]) in read or _is_atomic(s) for s in statements)


def _is_atomic(statement: Assign) -> bool:
    return any(isinstance(node, Call) and "atomic" in node.name for node in inside(*statement.parts))


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
    if name not in node.names:
        return False
    if isinstance(node, (Call, Group, Tuple)):
        places = node.parts
    else:
        places = node.parts[2:-1] if isinstance(node, Element) else ()
    named = any(isinstance(part, Name) and part.text == name for part in places)
    return named or any(_takes(part, name) for part in node.parts)
