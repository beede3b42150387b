"""Expressions as nodes: each holds how it is written, and the expressions inside it in their order.

Operators of one rank nest to the left, as Python reads them; so does a chained comparison. Parentheses
are nodes of their own, for some are there for the reader alone.
"""

from __future__ import annotations

LOGIC = ("and", "or")


_NONE: frozenset[str] = frozenset()


class Expression:
    """A node: `text` is how it is written, `parts` are the nodes inside.

    `names` is what it reads: no fields, no keywords of a call, and none of Warp's own.
    """

    __slots__ = ("names", "parts", "text")

    text: str
    names: frozenset[str]
    parts: tuple[Expression, ...]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.text})"

    def of(self, *parts: Expression) -> Expression:
        """The same node around other parts; nodes that hold more than parts have an `of` of their own."""
        return type(self)(*parts)


def names_of(parts: tuple[Expression, ...]) -> frozenset[str]:
    """The names that expressions read."""
    if len(parts) == 2:
        first, second = parts
        return first.names | second.names if second.names else first.names
    return parts[0].names if len(parts) == 1 else _NONE.union(*[part.names for part in parts])


class Name(Expression):
    """A local, an argument, a declaration of the module; or `wp`."""

    __slots__ = ()

    def __init__(self, text: str) -> None:
        self.text = text
        self.names = frozenset((text,))
        self.parts = ()


class Literal(Expression):
    """A number or a string."""

    __slots__ = ()

    def __init__(self, text: str) -> None:
        self.text = text
        self.names = _NONE
        self.parts = ()


class Binary(Expression):
    """`a + b`, `a < b`, `a and b`."""

    __slots__ = ("operator",)

    def __init__(self, left: Expression, operator: str, right: Expression) -> None:
        self.text = f"{left.text} {operator} {right.text}"
        self.parts = (left, right)
        self.names = left.names | right.names if right.names else left.names
        self.operator = operator

    def of(self, *parts: Expression) -> Expression:
        return Binary(parts[0], self.operator, parts[1])


class Prefix(Expression):
    """`-a`, `~a`, `not a`."""

    __slots__ = ("operator",)

    def __init__(self, operator: str, operand: Expression) -> None:
        self.text = f"{operator} {operand.text}" if operator == "not" else f"{operator}{operand.text}"
        self.names = operand.names
        self.parts = (operand,)
        self.operator = operator

    def of(self, *parts: Expression) -> Expression:
        return Prefix(self.operator, *parts)


class Group(Expression):
    """`(a)`."""

    __slots__ = ()

    def __init__(self, inside: Expression) -> None:
        self.text = f"({inside.text})"
        self.names = inside.names
        self.parts = (inside,)


class Call(Expression):
    """`name(a, b)`; the parts are the arguments."""

    __slots__ = ("name",)

    def __init__(self, name: str, arguments: tuple[Expression, ...]) -> None:
        inside = arguments[0].text if len(arguments) == 1 else ", ".join([a.text for a in arguments])
        self.text = f"{name}({inside})"
        self.names = names_of(arguments)
        if not name.startswith("wp."):
            self.names |= {name}
        self.parts = arguments
        self.name = name

    def of(self, *parts: Expression) -> Expression:
        return Call(self.name, parts)


class Keyword(Expression):
    """`name=a` among the arguments of a call."""

    __slots__ = ("name",)

    def __init__(self, name: str, value: Expression) -> None:
        self.text = f"{name}={value.text}"
        self.names = value.names
        self.parts = (value,)
        self.name = name

    def of(self, *parts: Expression) -> Expression:
        return Keyword(self.name, *parts)


class Element(Expression):
    """`base[i, j]`; the parts are the base and the keys."""

    __slots__ = ()

    def __init__(self, base: Expression, *keys: Expression) -> None:
        inside = keys[0].text if len(keys) == 1 else ", ".join([key.text for key in keys])
        self.text = f"{base.text}[{inside}]"
        self.parts = (base, *keys)
        self.names = names_of(self.parts)


class Field(Expression):
    """`base.name`."""

    __slots__ = ("name",)

    def __init__(self, base: Expression, name: str) -> None:
        self.text = f"{base.text}.{name}"
        self.names = base.names
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
        self.names = names_of(self.parts)


class Tuple(Expression):
    """`(a, b)` or `(a,)`."""

    __slots__ = ()

    def __init__(self, *parts: Expression) -> None:
        inside = ", ".join([part.text for part in parts])
        self.text = f"({inside},)" if len(parts) == 1 else f"({inside})"
        self.names = names_of(parts)
        self.parts = parts


class Form(Expression):
    """Text with expressions in it: what has no node of its own, as a slice, a list, a call of a call."""

    __slots__ = ("_pieces",)

    def __init__(self, *pieces: str | Expression) -> None:
        self.text = "".join([p if isinstance(p, str) else p.text for p in pieces])
        self.parts = tuple([p for p in pieces if not isinstance(p, str)])
        self.names = names_of(self.parts)
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
        if isinstance(node, Name):
            continue
        if isinstance(node, (Field, Keyword)):
            found.add(node.name)
        elif isinstance(node, Call):
            found.update(node.name.split(".")[1:])
        elif isinstance(node, Literal) and "e" in node.text:
            found.add("e")
    return found


def inside(*roots: Expression) -> list[Expression]:
    """The nodes and all that is inside them."""
    found = list(roots)
    for node in found:  # grows meanwhile
        found += node.parts
    return found


def replaced(node: Expression, name: str, value: Expression) -> Expression:
    """The expression with `value` where it reads `name`."""
    if name not in node.names:
        return node
    if isinstance(node, Name):
        return value
    return node.of(*[replaced(part, name, value) for part in node.parts])
