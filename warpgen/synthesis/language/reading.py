"""What a motif writes as text becomes nodes here, once: behind this border nothing reads text.

Python's own parser reads it, so a text that is no Python is a fault of the motif. It leaves parentheses
out: they are found where a part does not begin, or end, where it would without them.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterable
from typing import Any

from warpgen.errors import SynthesisError
from warpgen.synthesis.language.expressions import (
    Binary,
    Call,
    Choice,
    Element,
    Expression,
    Field,
    Form,
    Group,
    Keyword,
    Literal,
    Name,
    Prefix,
    Tuple,
)
from warpgen.synthesis.language.statements import Assign, Block, Do, For, Leave, Statement

_WORD = re.compile(r"[A-Za-z_]\w*")
_OPERATION = re.compile(r"\w[(\[]| [-+*/%&|^<>=!@]{1,3} ")
_OPERATORS = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
    ast.MatMult: "@", ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^", ast.LShift: "<<", ast.RShift: ">>",
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.And: "and",
    ast.Or: "or", ast.Not: "not", ast.USub: "-", ast.UAdd: "+", ast.Invert: "~",
}  # fmt: skip


@functools.lru_cache(maxsize=4096)
def expression(text: str) -> Expression:
    """The nodes of an expression, whose text stays as it is."""
    if text.isidentifier() or not text:
        return Name(text)
    (parsed,) = _parsed(text)
    if not isinstance(parsed, ast.Expr):
        raise SynthesisError(f"a motif wrote {text!r}, which is no expression")
    return _Reader(text).whole(parsed.value)


def _parsed(text: str) -> list[ast.stmt]:
    try:
        return ast.parse(text).body
    except SyntaxError as error:
        raise SynthesisError(f"a motif wrote {text!r}, which is no Python: {error.msg}") from error


def _statements(nodes: list[ast.stmt], lines: list[str], defines: tuple[str, ...] = ()) -> list[Statement]:
    made: list[Statement] = []
    for node in nodes:
        text = lines[node.lineno - 1][node.col_offset :]
        match node:
            case ast.FunctionDef():
                made += _statements(node.body, lines)
            case ast.If() | ast.For() | ast.While():
                made.append(header(text).around(_statements(node.body, lines)))
                rest = _statements(node.orelse, lines)
                alone = rest and not (isinstance(rest[0], Block) and rest[0].continues)
                made += [Block("else").around(rest)] if alone else rest
            case ast.Return() | ast.Assert() | ast.Break() | ast.Continue() | ast.Pass():
                word, _, values = text.partition(" ")
                made.append(Leave(word, *arguments(values)))
            case ast.Assign(targets=[target]) | ast.AugAssign(target=target):
                place = _extent(target)[1] - node.col_offset
                operator, _, value = text[place:].partition("=")
                made.append(
                    Assign(arguments(text[:place]), expression(value.strip()), defines, operator.strip())
                )
            case ast.Expr():
                made.append(Do(expression(text)))
            case _:
                raise SynthesisError(f"a motif wrote {text!r}, which has no node")
    return made


def statement(text: str, defines: tuple[str, ...] = ()) -> Statement:
    """The node of a statement of one line; `defines` as in `Assign`."""
    (made,) = _statements(_parsed(text), [text], defines)
    return made


def function(text: str) -> tuple[str, list[Statement]]:
    """The head of a function that is written as text, and the nodes of its body."""
    head, _, _ = text.partition(":\n")
    return f"{head}:", _statements(_parsed(text), text.split("\n"))


def header(text: str) -> Block:
    """The node of a block's header (`if x > 0:`), with nothing under it yet."""
    word, _, rest = text.removesuffix(":").partition(" ")
    if word != "for":
        return Block(word, *([expression(rest)] if rest else []))
    variable, _, source = rest.partition(" in ")
    return For(word, expression(variable), expression(source))


@functools.lru_cache(maxsize=4096)
def number_node(text: str) -> Expression:
    """The node of a number, whose sign is an operator."""
    return Prefix("-", Literal(text[1:])) if text[0] == "-" else Literal(text)


def written(x: Any) -> Expression:
    """The node of what a program is made with: of a value, an array or a tile, a text, a whole number."""
    node = getattr(x, "node", x)
    if isinstance(node, str):
        return expression(node)
    return number_node(str(node)) if isinstance(node, int) else node


def nodes_of(given: Iterable[Any]) -> tuple[Expression, ...]:
    """The nodes of what a call is made with."""
    return tuple(map(written, given))


def item(base: Any, *keys: Any) -> Expression:
    """`base[keys]`."""
    return Element(written(base), *map(written, keys))


def words(text: str) -> set[str]:
    """All that may be a name in a text: a declaration, an annotation."""
    return set(_WORD.findall(text))


def operations(text: str) -> int:
    """Calls, subscripts and operators in a text: a declaration, the head of a function."""
    return len(_OPERATION.findall(text))


def arguments(text: str) -> tuple[Expression, ...]:
    """The nodes of a call's arguments, written with commas between them."""
    return expression(f"_({text})").parts


class _Reader:
    """Makes nodes of parsed ones; where both lie in the text is what tells of parentheses."""

    def __init__(self, text: str) -> None:
        self._text = text

    def whole(self, node: ast.expr) -> Expression:
        return self._inside(node, 0, len(self._text))

    def _inside(self, node: ast.expr, first: int, last: int) -> Expression:
        """The node with the parentheses around it that lie between two places."""
        start, end = _extent(node)
        made = self._made(node, start, end)
        while first < start and end < last and self._text[start - 1] == "(" and self._text[end] == ")":
            made, start, end = Group(made), start - 1, end + 1
        return made

    def _made(self, node: ast.expr, start: int, end: int) -> Expression:
        made = self._known(node, start, end)
        written = self._text[start:end]
        return made if made is not None and made.text == written else self._form(node, start, end)

    def _known(self, node: ast.expr, start: int, end: int) -> Expression | None:
        """The node if it is of a kind that has one here."""

        def part(inner: ast.expr) -> Expression:
            return self._inside(inner, start, end)

        match node:
            case ast.Name() | ast.Constant():
                written = self._text[start:end]
                return Name(written) if written.isidentifier() else Literal(written)
            case ast.BinOp():
                return Binary(part(node.left), _OPERATORS[type(node.op)], part(node.right))
            case ast.UnaryOp():
                return Prefix(_OPERATORS[type(node.op)], part(node.operand))
            case ast.BoolOp():
                return _chain(map(part, node.values), [node.op] * len(node.values))
            case ast.Compare():
                return _chain(map(part, [node.left, *node.comparators]), node.ops)
            case ast.IfExp():
                return Choice(part(node.body), part(node.test), part(node.orelse))
            case ast.Attribute():
                return Field(part(node.value), node.attr)
            case ast.Tuple():
                return Tuple(*map(part, node.elts))
            case ast.Subscript():
                return Element(part(node.value), *map(part, _keys(node.slice)))
            case ast.Call() if _is_dotted(node.func):
                return self._call(node, start, end)
        return None

    def _call(self, node: ast.Call, start: int, end: int) -> Call:
        name = self._text[start : _extent(node.func)[1]]

        def part(inner: ast.expr) -> Expression:
            return self._inside(inner, start + len(name) + 1, end)

        given = [Keyword(a.arg or "**", part(a.value)) for a in node.keywords]
        return Call(name, (*map(part, node.args), *given))

    def _form(self, node: ast.expr, start: int, end: int) -> Expression:
        pieces: list[str | Expression] = []
        for inner in sorted(_expressions_in(node), key=_extent):
            first, last = _extent(inner)
            if first >= start:
                pieces += [self._text[start:first], self._made(inner, first, last)]
                start = last
        return Form(*pieces, self._text[start:end])


def _chain(parts: Iterable[Expression], operators: Iterable[ast.AST]) -> Expression:
    first, *others = parts
    for operator, other in zip(operators, others, strict=False):
        first = Binary(first, _OPERATORS.get(type(operator), "in"), other)
    return first


def _extent(node: ast.expr) -> tuple[int, int]:
    return node.col_offset, node.end_col_offset or node.col_offset


def _keys(node: ast.expr) -> list[ast.expr]:
    """The keys of a subscript: of a tuple without parentheses, which begins or ends where an element does."""
    if not isinstance(node, ast.Tuple):
        return [node]
    (start, end), first, last = _extent(node), _extent(node.elts[0]), _extent(node.elts[-1])
    return node.elts if start == first[0] or end == last[1] else [node]


def _is_dotted(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) or (isinstance(node, ast.Attribute) and _is_dotted(node.value))


def _expressions_in(node: ast.AST) -> list[ast.expr]:
    found: list[ast.expr] = []
    for inner in ast.iter_child_nodes(node):
        found += [inner] if isinstance(inner, ast.expr) else _expressions_in(inner)
    return found
