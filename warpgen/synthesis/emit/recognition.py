"""What a statement is about, told from its nodes: a load, a start value, a guard against zero."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from warpgen.synthesis.language.expressions import (
    Binary,
    Call,
    Choice,
    Element,
    Expression,
    Field,
    Group,
    Literal,
    Name,
    Prefix,
    inside,
    root,
)
from warpgen.synthesis.language.statements import Assign, Block, Do, Statement

_COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
_SCALARS = tuple(f"{module}{name}" for module in ("", "wp.") for name in ("float", "int", "float32", "int32"))


class Asked(NamedTuple):
    """What a simple condition asks: about what, how it is compared, and with what."""

    name: str
    negated: bool
    operator: str
    other: str


def asked_of(test: Expression) -> Asked | None:
    """The question of a condition on one name or element; None of any other."""
    negated = isinstance(test, Prefix) and test.operator == "not"
    test = test.parts[0] if negated else test
    if isinstance(test, Field) and len(root(test)) > 1 and isinstance(test.parts[0], Name):
        return Asked(root(test)[:-1], negated, "", "")  # the last letter is missing in every dataset so far
    operator, other = "", ""
    if isinstance(test, Binary) and test.operator in _COMPARISONS and _is_short(test.parts[1]):
        operator, other, test = test.operator, test.parts[1].text, test.parts[0]
    if isinstance(test, Element) and len(test.parts) == 2 and isinstance(test.parts[1], (Name, Literal)):
        test = test.parts[0]
    return Asked(test.text, negated, operator, other) if isinstance(test, Name) else None


def _is_short(node: Expression) -> bool:
    """A name, a field of one, or a number without a negative exponent."""
    node = node.parts[0] if isinstance(node, Prefix) and node.operator == "-" else node
    if isinstance(node, Field):
        return isinstance(node.parts[0], Name)
    return isinstance(node, Name) or (isinstance(node, Literal) and "e-" not in node.text)


def is_start(value: Expression) -> bool:
    """Whether it is what sums and the like begin with: a number, or a vector of numbers."""
    if isinstance(value, Call) and value.name.startswith("wp.vec") and len(value.name) <= len("wp.vec3f"):
        return all(_is_plain(part) for part in value.parts)
    if isinstance(value, Call):
        return value.name in _SCALARS and len(value.parts) == 1 and _is_signed(value.parts[0])
    return _is_signed(value)


def _is_signed(node: Expression) -> bool:
    return _is_plain(node.parts[0] if isinstance(node, Prefix) and node.operator == "-" else node)


def _is_plain(node: Expression) -> bool:
    return isinstance(node, Literal) and "e" not in node.text


def loaded_part(value: Expression) -> str | None:
    """The field that an element of an array is read for, "" if it is the element itself; None of others."""
    field, value = (value.name, value.parts[0]) if isinstance(value, Field) else ("", value)
    if not isinstance(value, Element):
        return None
    while isinstance(value, Element):
        if any(isinstance(node, Element) for node in inside(*value.parts[1:])):
            return None
        value = value.parts[0]
    return field if isinstance(value, Name) else None


def leading_call(value: Expression) -> Call | None:
    """The call of Warp's that an expression begins with, if it ends with a call or in parentheses."""
    first, last = _first(value), _last(value)
    begins = isinstance(first, Call) and first.name.startswith("wp.")
    return first if begins and isinstance(last, (Call, Group)) else None  # type: ignore[return-value]


def atomic_of(statement: Statement) -> Call | None:
    """The atomic operation that a statement is, on an element of a named array by a named value."""
    call = statement.parts[-1] if isinstance(statement, (Do, Assign)) else None
    if isinstance(statement, Assign) and (statement.operator or not isinstance(statement.target, Name)):
        return None
    if not isinstance(call, Call) or not call.name.startswith("wp.atomic_") or len(call.parts) < 3:
        return None
    return call if isinstance(call.parts[0], Name) and _is_word(call.parts[-1]) else None


def _first(node: Expression) -> Expression:
    """What the text begins with."""
    while node.parts and not isinstance(node, (Call, Group, Prefix)):
        node = node.parts[0]
    return node


def _last(node: Expression) -> Expression:
    """What the text ends with."""
    while isinstance(node, (Binary, Prefix, Choice)):
        node = node.parts[-1]
    return node


def _is_word(node: Expression) -> bool:
    """A name or a whole number."""
    return isinstance(node, Name) or (isinstance(node, Literal) and node.text.isalnum())


def _in_order(node: Expression) -> Iterator[Expression]:
    """The nodes as they are read; an operator's stands between its operands."""
    if isinstance(node, Binary):
        yield from _in_order(node.parts[0])
        yield node
        yield from _in_order(node.parts[1])
    else:
        yield node
        for part in node.parts:
            yield from _in_order(part)


def _avoids_zero(statement: Statement) -> bool:
    """Something is divided, and a small number stands behind."""
    if not any(map(_is_small, inside(*statement.parts))):
        return False
    divided = False
    for part in statement.parts:
        for node in _in_order(part):
            divided = divided or (isinstance(node, Binary) and node.operator == "/")
            if divided and _is_small(node):
                return True
    return False


def _is_small(node: Expression) -> bool:
    return isinstance(node, Literal) and ("1e-" in node.text or "1.0e-" in node.text)


def _wraps(statement: Statement) -> bool:
    """`(i + 1) % n` or `(i + n - 1) % n`."""
    return any(
        isinstance(node, Binary)
        and node.operator == "%"
        and _is_neighbour(_last(node.parts[0]))
        and isinstance(_first(node.parts[1]), (Name, Literal, Call))
        for node in inside(*statement.parts)
    )


def _is_neighbour(node: Expression) -> bool:
    """`(i + 1)` or `(i + n - 1)`."""
    if not isinstance(node, (Group, Call)) or len(node.parts) != 1:
        return False
    step = node.parts[0]
    if not isinstance(step, Binary) or not step.parts[1].text.isdigit() or len(step.parts[1].text) > 1:
        return False
    start = step.parts[0]
    if step.operator == "-" and isinstance(start, Binary) and start.operator == "+":
        return all(map(_is_word, start.parts))
    return step.operator == "+" and _is_word(start)


def _clamps_neighbour(statement: Statement) -> bool:
    """`wp.min(i + 1, ...)`."""
    for node in inside(*statement.parts):
        if isinstance(node, Call) and node.name in ("wp.min", "wp.max", "wp.clamp") and len(node.parts) > 1:
            step = node.parts[0]
            if isinstance(step, Binary) and step.operator in ("+", "-") and step.parts[1].text == "1":
                return _is_word(step.parts[0])
    return False


def _clamps_angle(statement: Statement) -> bool:
    """`wp.acos(wp.clamp(...))`."""
    for node in inside(*statement.parts):
        if isinstance(node, Call) and node.name in ("wp.acos", "wp.asin") and node.parts:
            first = _first(node.parts[0])
            if isinstance(first, Call) and first.name == "wp.clamp":
                return True
    return False


def _checks_bounds(statement: Statement) -> bool:
    """`if i >= n or j >= m:`."""
    if not isinstance(statement, Block) or statement.word != "if":
        return False
    (test,) = statement.parts
    return isinstance(test, Binary) and test.operator == "or" and all(map(_is_bound, test.parts))


def _is_bound(test: Expression) -> bool:
    return isinstance(test, Binary) and test.operator == ">=" and all(map(_is_word, test.parts))


# Why people write what the statement holds, whatever else it does.
REASONS: tuple[tuple[Callable[[Statement], bool], tuple[str, ...]], ...] = (
    (_avoids_zero,
     ("avoid division by zero", "guard against division by zero", "prevent division by zero",
      "small epsilon for numerical stability", "avoid numerical issues for small values",
      "make sure that the denominator is not zero")),
    (_wraps, ("wrap around at the boundary", "periodic boundary", "periodic boundary conditions")),
    (_clamps_neighbour, ("clamp at the boundary", "stay inside the grid", "clamp the index to the grid")),
    (_clamps_angle, ("clamp to avoid nan due to rounding",)),
    (_checks_bounds, ("ignore threads out of bounds", "check the bounds")),
)  # fmt: skip
