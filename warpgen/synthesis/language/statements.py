"""Statements as nodes: a body is a list of them, a block holds a body of its own; `emit` writes it out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from warpgen.synthesis.language.expressions import Expression, names_of


class Statement:
    """A statement. `parts` are the expressions of its own line, `defines` the locals it gives a value to, if
    that is all it does: it may go where nothing reads them."""

    __slots__ = ("_names", "defines", "parts")

    def __init__(self, parts: tuple[Expression, ...] = (), defines: tuple[str, ...] = ()) -> None:
        self.parts = parts
        self.defines = defines
        self._names: set[str] | None = None

    @property
    def text(self) -> str:
        """The statement's own line, without its indent."""
        raise NotImplementedError

    @property
    def names(self) -> set[str]:
        """The names in its own line."""
        if self._names is None:
            self._names = names_of(*self.parts)
        return self._names


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
        super().__init__((*(targets if isinstance(targets, tuple) else (targets,)), value), defines)
        self.operator = operator

    def with_parts(self, parts: Sequence[Expression]) -> Assign:
        """The same assignment of other expressions."""
        return Assign(tuple(parts[:-1]), parts[-1], self.defines, self.operator)

    @property
    def value(self) -> Expression:
        return self.parts[-1]

    @property
    def target(self) -> Expression | None:
        """What it assigns to, unless these are several."""
        return self.parts[0] if len(self.parts) == 2 else None

    @property
    def text(self) -> str:
        targets = ", ".join([target.text for target in self.parts[:-1]])
        return f"{targets} {self.operator}= {self.parts[-1].text}"


class Do(Statement):
    """A call made for its effect."""

    __slots__ = ()

    def __init__(self, call: Expression) -> None:
        super().__init__((call,))

    @property
    def text(self) -> str:
        return self.parts[0].text


class Leave(Statement):
    """`return` with what it gives, `break`, `continue`; or `pass`."""

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

    def __init__(self, words: str) -> None:
        super().__init__()
        self.words = words

    @property
    def text(self) -> str:
        return f"# {self.words}"


class Blank(Statement):
    """An empty line."""

    __slots__ = ()

    @property
    def text(self) -> str:
        return ""


class Block(Statement):
    """A header with statements under it: `if`, `elif`, `else`, `while` with their test, or a loop."""

    __slots__ = ("body", "word")

    def __init__(self, word: str, *parts: Expression) -> None:
        super().__init__(parts)
        self.word = word
        self.body: list[Statement] = []

    def around(self, body: list[Statement]) -> Block:
        """The same header above other statements."""
        block = type(self)(self.word, *self.parts)
        block._names = self._names
        block.body = body
        return block

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


def walk(body: Sequence[Statement]) -> Iterator[Statement]:
    """The statements and all that stand in their blocks, from first to last."""
    for statement in body:
        yield statement
        if isinstance(statement, Block):
            yield from walk(statement.body)


def names_in(body: Sequence[Statement]) -> set[str]:
    """Every name that occurs in the code."""
    return set().union(*[statement.names for statement in walk(body)])


def emit(body: Sequence[Statement], depth: int = 1) -> str:
    """The text of the statements, indented by four spaces a level."""
    return "\n".join(_lines(body, "    " * depth))


def _lines(body: Sequence[Statement], indent: str) -> Iterator[str]:
    for statement in body:
        yield indent + statement.text if statement.text else ""
        if isinstance(statement, Block):
            yield from _lines(statement.body, indent + "    ")
