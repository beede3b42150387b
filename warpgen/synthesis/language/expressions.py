"""Expressions as nodes: each holds how it is written, and the expressions inside it in their order.

Operators of one rank nest to the left, as Python reads them; so does a chained comparison. Parentheses
are nodes of their own, for some are there for the reader alone.
"""

from __future__ import annotations

from collections.abc import Iterator

LOGIC = ("and", "or")


class Expression:
    """A node; `text` is how it is written, `parts` are the nodes inside."""

    __slots__ = ("parts", "text")

    def __init__(self, text: str, parts: tuple[Expression, ...] = ()) -> None:
        self.text = text
        self.parts = parts

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.text})"

    def of(self, *parts: Expression) -> Expression:
        """The same node around other parts."""
        raise NotImplementedError


class Name(Expression):
    """A local, an argument, a declaration of the module; or `wp`."""

    __slots__ = ()


class Literal(Expression):
    """A number or a string."""

    __slots__ = ()


class Binary(Expression):
    """`a + b`, `a < b`, `a and b`."""

    __slots__ = ("operator",)

    def __init__(self, left: Expression, operator: str, right: Expression) -> None:
        self.text = f"{left.text} {operator} {right.text}"
        self.parts = (left, right)
        self.operator = operator

    def of(self, *parts: Expression) -> Expression:
        return Binary(parts[0], self.operator, parts[1])


class Prefix(Expression):
    """`-a`, `~a`, `not a`."""

    __slots__ = ("operator",)

    def __init__(self, operator: str, operand: Expression) -> None:
        self.text = f"{operator} {operand.text}" if operator == "not" else f"{operator}{operand.text}"
        self.parts = (operand,)
        self.operator = operator

    def of(self, *parts: Expression) -> Expression:
        return Prefix(self.operator, *parts)


class Group(Expression):
    """`(a)`."""

    __slots__ = ()

    def __init__(self, inside: Expression) -> None:
        self.text = f"({inside.text})"
        self.parts = (inside,)

    def of(self, *parts: Expression) -> Expression:
        return Group(*parts)


class Call(Expression):
    """`name(a, b)`; the parts are the arguments."""

    __slots__ = ("name",)

    def __init__(self, name: str, arguments: tuple[Expression, ...]) -> None:
        self.text = f"{name}({', '.join([a.text for a in arguments])})"
        self.parts = arguments
        self.name = name

    def of(self, *parts: Expression) -> Expression:
        return Call(self.name, parts)


class Keyword(Expression):
    """`name=a` among the arguments of a call."""

    __slots__ = ("name",)

    def __init__(self, name: str, value: Expression) -> None:
        self.text = f"{name}={value.text}"
        self.parts = (value,)
        self.name = name

    def of(self, *parts: Expression) -> Expression:
        return Keyword(self.name, *parts)


class Element(Expression):
    """`base[i, j]`; the parts are the base and the keys."""

    __slots__ = ()

    def __init__(self, base: Expression, *keys: Expression) -> None:
        self.text = f"{base.text}[{', '.join([key.text for key in keys])}]"
        self.parts = (base, *keys)

    def of(self, *parts: Expression) -> Expression:
        return Element(*parts)


class Field(Expression):
    """`base.name`."""

    __slots__ = ("name",)

    def __init__(self, base: Expression, name: str) -> None:
        self.text = f"{base.text}.{name}"
        self.parts = (base,)
        self.name = name

    def of(self, *parts: Expression) -> Expression:
        return Field(parts[0], self.name)


class Choice(Expression):
    """`a if condition else b`."""

    __slots__ = ()

    def __init__(self, value: Expression, condition: Expression, other: Expression) -> None:
        self.text = f"{value.text} if {condition.text} else {other.text}"
        self.parts = (value, condition, other)

    def of(self, *parts: Expression) -> Expression:
        return Choice(*parts)


class Form(Expression):
    """Text with expressions in it: what has no node of its own, as a slice, a tuple, a call of a call."""

    __slots__ = ("_pieces",)

    def __init__(self, *pieces: str | Expression) -> None:
        self.text = "".join([p if isinstance(p, str) else p.text for p in pieces])
        self.parts = tuple([p for p in pieces if not isinstance(p, str)])
        self._pieces = pieces

    def of(self, *parts: Expression) -> Expression:
        rest = iter(parts)
        return Form(*[p if isinstance(p, str) else next(rest) for p in self._pieces])


def is_number(node: Expression) -> bool:
    """Whether it is a number as it stands, with or without a sign, or a name that looks like one, as e2."""
    return not node.text.strip("0123456789.e+-")


def root(node: Expression) -> str:
    """The name whose part the expression is: `a` of `a`, `a.x`, `a[i].x`; empty if it is none's."""
    while isinstance(node, (Element, Field)):
        node = node.parts[0]
    return node.text if isinstance(node, Name) else ""


def labels_of(*roots: Expression) -> set[str]:
    """The words that are no names though they look like some: fields, keywords, parts of numbers."""
    found: set[str] = set()
    for node in inside(*roots):
        if isinstance(node, (Field, Keyword)):
            found.add(node.name)
        elif isinstance(node, Call):
            found.update(node.name.split(".")[1:])
        elif isinstance(node, Literal) and "e" in node.text:
            found.add("e")
    return found


def inside(*roots: Expression) -> Iterator[Expression]:
    """The nodes and all that is inside them."""
    stack = list(roots)
    while stack:
        node = stack.pop()
        yield node
        stack += node.parts


def names_of(*roots: Expression) -> set[str]:
    """The names that are read: no fields, no keywords of a call, and none of Warp's own."""
    found = set()
    stack = list(roots)
    while stack:
        node = stack.pop()
        kind = type(node)
        if kind is Name:
            found.add(node.text)
        elif kind is Call:
            found.add(node.name.split(".", 1)[0])  # type: ignore[attr-defined]
        stack += node.parts
    return found


def replaced(node: Expression, name: str, value: Expression) -> Expression:
    """The expression with `value` where it reads `name`."""
    if type(node) is Name:
        return value if node.text == name else node
    parts = [replaced(part, name, value) for part in node.parts]
    same = all(new is old for new, old in zip(parts, node.parts, strict=True))
    return node if same else node.of(*parts)
