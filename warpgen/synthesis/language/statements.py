"""Statements as nodes: a body is a list of them, a block holds a body of its own; `emit` writes it out."""

from __future__ import annotations

from collections.abc import Sequence

from warpgen.synthesis.language.expressions import Expression, names_of


class Statement:
    """A statement: `parts` are the expressions of its own line, `names` is what is named there.

    `defines` are locals, if all it does is to give them a value: it may go where nothing reads them.
    """

    __slots__ = ("defines", "names", "parts")

    is_code = True

    def __init__(self, parts: tuple[Expression, ...] = (), defines: tuple[str, ...] = ()) -> None:
        self.parts = parts
        self.defines = defines
        self.names = names_of(parts)

    @property
    def text(self) -> str:
        """The statement's own line, without its indent."""
        raise NotImplementedError


class Assign(Statement):
    """`target = value`, `a, b = value` or `target op= value`."""

    __slots__ = ("operator",)

    def __init__(
        self,
        targets: Expression | tuple[Expression, ...],
        value: Expression,
        defines: tuple[str, ...] = (),
        operator: str = "",
    ) -> None:
        self.parts = (*targets, value) if isinstance(targets, tuple) else (targets, value)
        self.names = names_of(self.parts)
        self.defines = defines
        self.operator = operator

    def with_parts(self, parts: Sequence[Expression]) -> Assign:
        """The same assignment of other expressions."""
        return Assign(tuple(parts[:-1]), parts[-1], self.defines, self.operator)

    @property
    def value(self) -> Expression:
        """What it assigns."""
        return self.parts[-1]

    @property
    def target(self) -> Expression | None:
        """What it assigns to, unless these are several."""
        return self.parts[0] if len(self.parts) == 2 else None

    @property
    def text(self) -> str:
        *targets, value = self.parts
        target = targets[0].text if len(targets) == 1 else ", ".join([part.text for part in targets])
        return f"{target} {self.operator}= {value.text}"


class Do(Statement):
    """A call made for its effect."""

    __slots__ = ()

    def __init__(self, call: Expression) -> None:
        super().__init__((call,))

    @property
    def text(self) -> str:
        return self.parts[0].text


class Leave(Statement):
    """`return` with what it gives, `break`, `continue`, `assert`; or `pass`."""

    __slots__ = ("word",)

    def __init__(self, word: str, *values: Expression) -> None:
        super().__init__(values)
        self.word = word

    @property
    def text(self) -> str:
        values = ", ".join([value.text for value in self.parts])
        return f"{self.word} {values}" if values else self.word


class Comment(Statement):
    """`# text`."""

    __slots__ = ("words",)

    is_code = False

    def __init__(self, words: str) -> None:
        super().__init__()
        self.words = words

    @property
    def text(self) -> str:
        return f"# {self.words}"


class Blank(Statement):
    """An empty line."""

    __slots__ = ()

    is_code = False

    @property
    def text(self) -> str:
        return ""


class Block(Statement):
    """A header with statements under it: `if`, `elif`, `else`, `while` with their test, or a loop."""

    __slots__ = ("body", "word")

    def __init__(self, word: str, *parts: Expression, body: list[Statement] | None = None) -> None:
        super().__init__(parts)
        self.word = word
        self.body: list[Statement] = [] if body is None else body

    def around(self, body: list[Statement]) -> Block:
        """The same header above other statements."""
        made = object.__new__(type(self))  # every pass makes each block anew; what its line names it knows
        made.word, made.parts, made.names = self.word, self.parts, self.names
        made.defines, made.body = self.defines, body
        return made

    @property
    def continues(self) -> bool:
        """Whether it belongs to the branch before it."""
        return self.word in ("elif", "else")

    @property
    def text(self) -> str:
        return f"{self.word} {self.parts[0].text}:" if self.parts else f"{self.word}:"


class For(Block):
    """`for variable in source:`."""

    __slots__ = ()

    @property
    def text(self) -> str:
        variable, source = self.parts
        return f"for {variable.text} in {source.text}:"


def walk(body: Sequence[Statement]) -> list[Statement]:
    """The statements and all that stand in their blocks, from first to last."""
    found: list[Statement] = []
    for statement in body:
        found.append(statement)
        if isinstance(statement, Block):
            found += walk(statement.body)
    return found


def names_in(body: Sequence[Statement]) -> set[str]:
    """Every name that occurs in the code."""
    return set().union(*[statement.names for statement in walk(body)])


def emit(body: Sequence[Statement], depth: int = 1) -> str:
    """The text of the statements, indented by four spaces a level."""
    lines: list[str] = []
    _emit(body, "    " * depth, lines)
    return "\n".join(lines)


def _emit(body: Sequence[Statement], indent: str, lines: list[str]) -> None:
    for statement in body:
        text = statement.text
        lines.append(indent + text if text else "")
        if isinstance(statement, Block):
            _emit(statement.body, indent + "    ", lines)
